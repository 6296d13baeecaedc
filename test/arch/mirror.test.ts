// Every source file has its test where a reader looks for it, or a line in exempt.txt that says where it is proven and why there.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { hasCode, importsOf, isPlainDoor } from './syntax.ts';
import { exists, sources, textOf } from './tree.ts';

/** `test/kernel` holds the suites against a kernel, so the room's own tests live beside it. */
const FOLDERS: { readonly [folder: string]: string } = { 'src/kernel/': 'test/kernel-room/' };

interface Line {
  readonly number: number;
  readonly source: string;
  readonly proof: string;
  readonly reason: string;
}
const EXEMPT: readonly Line[] = textOf('test/arch/exempt.txt').split('\n').flatMap((text, index) => {
  if (text.trim() === '' || text.startsWith('#')) return [];
  const [source = '', proof = '', reason = ''] = text.split('|').map((part) => part.trim());
  return [{ number: index + 1, source, proof, reason }];
});

function mirrorOf(source: string): string {
  const folder = Object.keys(FOLDERS).find((start) => source.startsWith(start));
  const path = folder === undefined ? source.replace(/^src\//, 'test/') : `${FOLDERS[folder]}${source.slice(folder.length)}`;
  return path.replace(/\.ts$/, '.test.ts');
}

/** Files that hold no behaviour of their own: types only, or a door that passes on what its room exports. */
const needsTest = (source: string): boolean => hasCode(source) && !isPlainDoor(source);

/** Whether running `from` runs `target`. */
function loads(from: string, target: string): boolean {
  const seen = new Set([from]);
  for (const path of seen) for (const { target: next, relative, typesOnly } of importsOf(path)) if (relative && !typesOnly && exists(next)) seen.add(next);
  return seen.has(target);
}

test('architecture 3.1: every source file has a mirror test, or a line with a reason in exempt.txt', () => {
  const excused = new Set(EXEMPT.map((line) => line.source));
  const bare = sources().filter((source) => needsTest(source) && !exists(mirrorOf(source)) && !excused.has(source));
  assert.deepEqual(bare.map((source) => `${source}: no ${mirrorOf(source)}`), []);
});

test('every line of exempt.txt is needed, and names a test that loads the file', () => {
  const faults: string[] = [];
  const seen = new Set<string>();
  for (const { number, source, proof, reason } of EXEMPT) {
    const fault = (why: string): unknown => faults.push(`exempt.txt:${number}: ${source} ${why}`);
    if (seen.has(source)) fault('is listed twice');
    seen.add(source);
    if (!sources().includes(source)) fault('is no source file; delete the line');
    else if (!needsTest(source)) fault('holds types or re-exports only; delete the line');
    else if (exists(mirrorOf(source))) fault(`has ${mirrorOf(source)} by now; delete the line`);
    if (reason.length < 8) fault('has no reason');
    const process = proof.startsWith('process:');
    const file = process ? proof.slice('process:'.length) : proof;
    if (!file.endsWith('.test.ts') || !exists(file)) fault(`is said to be proven in ${file === '' ? 'nothing' : file}, which is no test`);
    else if (!process && !loads(proof, source)) fault(`is not even loaded by ${proof}`);
  }
  assert.deepEqual(faults, []);
});
