// Inputs in the tree: text files of a target's name, an input a line in hexadecimal, in `regressions/` with a word about it after `#`.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fromHex, toHex } from '../../src/base/index.ts';

const FOLDER = 'test/fuzz';

function read(path: string): Uint8Array[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8').split('\n').map((line) => (line.split('#')[0] ?? '').trim()).filter((line) => line !== '').map((line) => {
    const bytes = fromHex(line === '-' ? '' : line);
    if (bytes === undefined) throw new Error(`${path}: not hexadecimal: ${line}`);
    return bytes;
  });
}

/** What fuzzing found beyond the seeds: each reaches something that none before it does. */
export const corpus = (target: string): Uint8Array[] => read(`${FOLDER}/corpus/${target}.txt`);

/** Inputs that once broke a property. */
export const regressions = (target: string): Uint8Array[] => read(`${FOLDER}/regressions/${target}.txt`);

const line = (input: Uint8Array): string => (input.length === 0 ? '-' : toHex(input));

export function writeCorpus(target: string, inputs: readonly Uint8Array[]): void {
  mkdirSync(`${FOLDER}/corpus`, { recursive: true });
  writeFileSync(`${FOLDER}/corpus/${target}.txt`, inputs.map((input) => `${line(input)}\n`).join(''));
}

/** Adds an input with the first line of what went wrong; returns the file. */
export function addRegression(target: string, input: Uint8Array, why: string): string {
  mkdirSync(`${FOLDER}/regressions`, { recursive: true });
  const path = `${FOLDER}/regressions/${target}.txt`;
  const before = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const words = (why.split('\n')[0] ?? '').replaceAll('#', '').slice(0, 120);
  if (!before.split('\n').some((old) => old.startsWith(`${line(input)} #`))) writeFileSync(path, `${before}${line(input)} # ${words}\n`);
  return path;
}
