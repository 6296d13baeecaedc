// Holds the list against what a whole run of the tests said.
import type { Read } from './lists.ts';
import { isSlow } from './page.ts';
import { idsIn, type Declaration } from './titles.ts';

/** What test/run.mjs writes of each test. */
export interface Outcome {
  readonly file: string;
  readonly name: string;
  readonly result: 'pass' | 'fail' | 'skip' | 'todo';
}

/** What the list says and the run does not: tests that did not run or did not pass, and row ids in titles that only the run shows. */
export function judge(read: Read, all: readonly Declaration[], outcomes: readonly Outcome[]): string[] {
  const wrong: string[] = [];
  const listed = all.filter((d) => idsIn(d.title, read.id).length > 0);
  // A test that a helper of several files defines (`story`, `netnsTest`) is told under the bundler's name of that helper.
  const fits = (o: Outcome, d: Declaration): boolean => (o.file === d.file || !o.file.endsWith('.test.ts')) && d.pattern.test(o.name);
  const withSlow = outcomes.some((o) => isSlow(o.file));
  for (const declaration of listed) {
    if (declaration.todo || (isSlow(declaration.file) && !withSlow)) continue;
    const own = outcomes.filter((o) => fits(o, declaration));
    const where = `${declaration.file}: ${declaration.title}`;
    if (own.length === 0) wrong.push(`${where}: listed, but no such test ran`);
    else if (own.some((o) => o.result === 'fail' || o.result === 'todo')) wrong.push(`${where}: listed, but does not pass`);
  }
  for (const outcome of outcomes) {
    const { file, name } = outcome;
    if (isSlow(file)) continue; // peers' stories take their titles from tables; their rows have tests of their own in the list
    const unseen = idsIn(name, read.id).filter((id) => !listed.some((d) => fits(outcome, d) && idsIn(d.title, read.id).includes(id)));
    if (unseen.length > 0) wrong.push(`${file}: ${unseen.join(' ')} is filled into the title when it runs; write it into the text: ${name}`);
  }
  return wrong;
}
