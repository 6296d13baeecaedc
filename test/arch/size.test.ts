import { test } from 'node:test';
import assert from 'node:assert/strict';
import { exists, files, textOf } from './tree.ts';

const MOST_LINES = 500;

/** Tables may be longer: a row per fact, no behaviour. Each with what it lists. */
const TABLES: { readonly [path: string]: string } = {};

test('architecture 1.2: no source file is longer than 500 lines, tables excepted', () => {
  const long = files().filter((path) => /^src\/.*\.(ts|mjs|c|h)$/.test(path) && !(path in TABLES))
    .map((path) => ({ path, lines: textOf(path).split('\n').length - 1 })).filter(({ lines }) => lines > MOST_LINES);
  assert.deepEqual(long.map(({ path, lines }) => `${path}: ${lines} lines`), []);
});

test('every exception from the size cap is still needed', () => {
  assert.deepEqual(Object.keys(TABLES).filter((path) => !exists(path) || textOf(path).split('\n').length - 1 <= MOST_LINES), []);
});
