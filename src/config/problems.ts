import { printable } from '../base/index.ts';
import type { ConfigProblem } from './types.ts';

/** `/etc/config/mobiked:12: error: connection 'hq': option 'psk': …`; one line, fit for a terminal and the log. */
export function formatProblem(problem: ConfigProblem): string {
  const where = `${problem.file}:${problem.line}: ${problem.severity}: `;
  const section = problem.section === undefined ? '' : `${problem.section}: `;
  const option = problem.option === undefined ? '' : `option '${problem.option}': `;
  return printable(`${where}${section}${option}${problem.message}`, 1024);
}

/** A value of the file in a message: shortened, without control characters. Never for secrets. */
export function quote(value: string): string {
  return `'${printable(value, 64)}'`;
}

/** `a`, `a or b`, `a, b or c`. */
export function oneOf(values: readonly string[]): string {
  const last = values[values.length - 1] ?? '';
  return values.length < 2 ? last : `${values.slice(0, -1).join(', ')} or ${last}`;
}

/** Number of single-character edits from `a` to `b`, where swapping neighbours is one; for short names. */
function distance(a: string, b: string): number {
  let twoBack: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a.charAt(i - 1) === b.charAt(j - 1);
      let best = Math.min((previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (previous[j - 1] ?? 0) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a.charAt(i - 1) === b.charAt(j - 2) && a.charAt(i - 2) === b.charAt(j - 1)) best = Math.min(best, (twoBack[j - 2] ?? 0) + 1);
      row.push(best);
    }
    twoBack = previous;
    previous = row;
  }
  return previous[b.length] ?? 0;
}

/** `; did you mean 'x'?` for the known name nearest to a misspelt one, or nothing when none is near. */
export function didYouMean(name: string, known: readonly string[]): string {
  if (name.length > 32) return '';
  let best: string | undefined;
  let least = name.length > 4 ? 3 : 2;
  for (const candidate of known.slice(0, 100)) {
    if (Math.abs(candidate.length - name.length) >= least || candidate.length > 32) continue;
    const edits = distance(name.toLowerCase(), candidate.toLowerCase());
    if (edits < least) [best, least] = [candidate, edits];
  }
  // A plural, or the short form of a longer name, is the other usual slip.
  best ??= name.length < 3 ? undefined : known.find((candidate) => candidate.startsWith(name) || name.startsWith(`${candidate}s`));
  return best === undefined ? '' : `; did you mean '${best}'?`;
}
