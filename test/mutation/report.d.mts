export interface Accepted {
  readonly number: number;
  readonly file: string;
  readonly code: string;
  readonly change: string;
  readonly why: string;
}
export function readAccepted(text: string): readonly Accepted[];
export function referenceAt(lines: readonly string[], line: number): boolean;
