import { test } from 'node:test';
import assert from 'node:assert/strict';
import { Backoff, BoundedQueue, ByteReader, ByteWriter, Secret, TimerTable, compareBytes, earliest, fromHex, fromUtf8, instant, keepNewest, millis, printable, toHex, toUtf8 } from '../../src/base/index.ts';

test('a reader past the end returns zeros and says so, and never throws', () => {
  const reader = new ByteReader(Uint8Array.of(1, 2, 3));
  assert.equal(reader.u16(), 0x0102);
  assert.equal(reader.failed, false);
  assert.equal(reader.u32(), 0);
  assert.equal(reader.failed, true);
  assert.equal(reader.left, 0);
  assert.equal(new ByteReader(Uint8Array.of(1)).bytes(-1).length, 0);
});

test('a writer grows and patches', () => {
  const writer = new ByteWriter(1);
  writer.u8(1).u16(2).u32(0xffffffff).u64(3n).u16(0x0102, true).patch16(1, 0xbeef);
  assert.equal(toHex(writer.finish()), '01beefffffffff00000000000000030201');
});

test('hexadecimal is strict', () => {
  assert.equal(toHex(fromHex('00fFa5') ?? new Uint8Array()), '00ffa5');
  assert.equal(fromHex('0'), undefined);
  assert.equal(fromHex('0g'), undefined);
});

test('RFC 3629 §3: UTF-8 is strict', () => {
  for (const text of ['', 'a', 'é', '€', '𝄞', 'a€𝄞é'.repeat(300)]) assert.equal(fromUtf8(toUtf8(text)), text);
  for (const bad of ['80', 'c080', 'c1bf', 'e08080', 'eda080', 'f08080 80', 'f4908080', 'f5808080', 'ff', 'c3', 'e282'])
    assert.equal(fromUtf8(fromHex(bad.replaceAll(' ', '')) ?? new Uint8Array()), undefined, bad);
});

test('printable text cannot forge a log line', () => {
  assert.equal(printable('a\nb\x1b[0m\x7f'), 'a\\x0ab\\x1b[0m\\x7f');
  assert.equal(printable('x'.repeat(20), 10).length, 11);
});

test('a secret does not print', () => {
  const secret = new Secret(toUtf8('hunter2'));
  assert.equal(`${secret}`, '<secret>');
  assert.equal(JSON.stringify({ secret }), '{"secret":"<secret>"}');
});

test('a timer table gives what is due, earliest first, once', () => {
  const timers = new TimerTable<'a' | 'b' | 'c'>();
  timers.set('a', instant(20));
  timers.set('b', instant(10));
  timers.set('c', instant(30));
  assert.equal(timers.next(), 10);
  assert.deepEqual(timers.takeDue(instant(9)), []);
  assert.deepEqual(timers.takeDue(instant(20)), ['b', 'a']);
  assert.deepEqual(timers.takeDue(instant(20)), []);
  assert.equal(timers.next(), 30);
  assert.equal(earliest(undefined, instant(3), instant(2)), 2);
});

test('a back-off grows to its bound, with jitter', () => {
  const backoff = new Backoff({ first: millis(100), factor: 2, most: millis(300), jitter: 0.1 });
  assert.deepEqual([backoff.next(0.5), backoff.next(0.5), backoff.next(0.5), backoff.next(0)].map(Math.round), [100, 200, 300, 270]);
  backoff.reset();
  assert.equal(Math.round(backoff.next(1)), 110);
});

test('a bounded queue drops the oldest and counts', () => {
  const queue = new BoundedQueue<number>(2);
  for (const n of [1, 2, 3]) queue.push(n);
  assert.deepEqual(queue.items(), [2, 3]);
  assert.equal(queue.takeDropped(), 1);
  assert.equal(queue.takeDropped(), 0);
});

test('RFC 7296 §2.8.1: nonces compare octet by octet, a shorter prefix is lower', () => {
  assert.ok(compareBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2, 0)) < 0);
  assert.ok(compareBytes(Uint8Array.of(2), Uint8Array.of(1, 9)) > 0);
});

test('NK-5: a bounded map keeps the newest entries, and one that is put in again is new', () => {
  const map = new Map<string, number>();
  for (const [at, key] of ['a', 'b', 'a', 'c'].entries()) keepNewest(map, key, at, 3);
  assert.deepEqual([...map], [['b', 1], ['a', 2], ['c', 3]]);
  keepNewest(map, 'd', 4, 3);
  assert.deepEqual([...map], [['a', 2], ['c', 3], ['d', 4]]);
  keepNewest(map, 'c', 5, 3);
  assert.deepEqual([...map], [['a', 2], ['d', 4], ['c', 5]]);
});
