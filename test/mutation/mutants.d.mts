export interface Mutant {
  readonly id: number;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly kind: string;
  readonly original: string;
  readonly replacement: string;
}
export function mutate(path: string, source: string, firstId: number): { readonly text: string; readonly mutants: readonly Mutant[] };
