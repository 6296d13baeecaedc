import { test } from 'node:test';
import assert from 'node:assert/strict';
import { Prng, SimEntropy } from './prng.ts';
import { EventQueue } from './event-queue.ts';

test('the same seed gives the same draws, another seed others', () => {
  const draw = (seed: number): number[] => Array.from({ length: 8 }, ((p) => () => p.u32())(new Prng(seed)));
  assert.deepEqual(draw(7), draw(7));
  assert.notDeepEqual(draw(7), draw(8));
  assert.deepEqual(new Prng(7).u32(), 3957877833, 'draws must not change between versions: recorded seeds would lose their meaning');
});

test('draws are spread evenly enough', () => {
  const prng = new Prng('spread');
  const buckets = new Array<number>(10).fill(0);
  for (let i = 0; i < 10_000; i++) {
    const at = Math.floor(prng.unit() * 10);
    buckets[at] = (buckets[at] ?? 0) + 1;
  }
  for (const count of buckets) assert.ok(count > 850 && count < 1150, String(buckets));
  const ranged = new Set(Array.from({ length: 200 }, () => prng.range(3, 5)));
  assert.deepEqual([...ranged].sort(), [3, 4, 5]);
});

test('entropy has a stream per label: a draw for one purpose shifts no other', () => {
  const a = new SimEntropy(1);
  const b = new SimEntropy(1);
  b.bytes(100, 'jitter');
  assert.deepEqual(a.bytes(32, 'nonce'), b.bytes(32, 'nonce'));
  assert.notDeepEqual(a.bytes(32, 'nonce'), a.bytes(32, 'nonce'));
  assert.notDeepEqual(new SimEntropy(2).bytes(32, 'nonce'), new SimEntropy(1).bytes(32, 'nonce'));
});

test('the queue gives the earliest first, equals in order of arrival', () => {
  const queue = new EventQueue<string>();
  const prng = new Prng(3);
  const expected: { at: number; order: number }[] = [];
  for (let order = 0; order < 500; order++) {
    const at = prng.range(0, 40);
    expected.push({ at, order });
    queue.add(at, String(order));
  }
  expected.sort((x, y) => x.at - y.at || x.order - y.order);
  const got: string[] = [];
  for (let item = queue.take(); item !== undefined; item = queue.take()) got.push(item);
  assert.deepEqual(got, expected.map((e) => String(e.order)));
  assert.equal(queue.next, undefined);
});
