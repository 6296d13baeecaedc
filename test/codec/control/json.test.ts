import { test } from 'node:test';
import assert from 'node:assert/strict';
import { MAX_DEPTH, parseJsonObject } from '../../../src/codec/control/index.ts';

test('nesting is read up to its bound and not beyond, before the engine sees it', () => {
  const nested = (depth: number): string => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
  assert.equal(parseJsonObject(nested(MAX_DEPTH)).ok, true);
  assert.deepEqual(parseJsonObject(nested(MAX_DEPTH + 1)), { ok: false, error: 'nested too deeply' });
  assert.deepEqual(parseJsonObject(`{"a":${'['.repeat(1_000_000)}`), { ok: false, error: 'nested too deeply' });
});

test('only an object is one', () => {
  for (const text of ['1', '"x"', 'true', 'null', '[]']) assert.deepEqual(parseJsonObject(text), { ok: false, error: 'not a JSON object' });
  for (const text of ['', '{', '{a:1}', "{'a':1}", '{"a":1}x', '{"a":NaN}', '\ufeff{}']) assert.deepEqual(parseJsonObject(text), { ok: false, error: 'not JSON' });
});

test('an object may have a key called __proto__ and stays an object', () => {
  const parsed = parseJsonObject('{"__proto__":{"id":1}}');
  assert.ok(parsed.ok);
  assert.deepEqual(Object.keys(parsed.value), ['__proto__']);
  assert.equal(parsed.value['id'], undefined);
});
