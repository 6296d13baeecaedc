import assert from 'node:assert/strict';
import { test } from 'node:test';
import { instant } from '../../src/base/index.ts';
import { HELD_TIME, HeldDatagrams, MAX_HELD, MAX_HELD_OCTETS } from '../../src/esp/index.ts';

interface Row {
  readonly bytes: Uint8Array;
}

const row = (mark: number, octets = 8): Row => ({ bytes: new Uint8Array(octets).fill(mark) });
const marks = (rows: readonly Row[]): unknown[] => rows.map(({ bytes }) => bytes[0]);
const NOW = instant(5000);

test('RFC 7296 §2.8: held datagrams are given once, in the order they came, and only those of a known SPI', () => {
  const held = new HeldDatagrams<Row>();
  for (const mark of [1, 2, 3, 4, 5]) held.hold(mark % 2 === 0 ? 0x2000 : 0x3000, row(mark), NOW);
  assert.deepEqual([held.has(0x2000), held.has(0x3000), held.has(0x4000)], [true, true, false]);
  assert.deepEqual(marks(held.take((spi) => spi === 0x3000, NOW)), [1, 3, 5]);
  assert.deepEqual([held.has(0x2000), held.has(0x3000)], [true, false]);
  assert.deepEqual(held.take((spi) => spi === 0x3000, NOW), []);
  assert.deepEqual(marks(held.take(() => true, NOW)), [2, 4]);
  assert.deepEqual(held.take(() => true, NOW), []);
});

test('RFC 7296 §2.8: a held datagram is a copy: its octets may change after the call', () => {
  const held = new HeldDatagrams<Row>();
  const given = row(7);
  held.hold(0x2000, given, NOW);
  given.bytes.fill(0xaa);
  assert.deepEqual(marks(held.take(() => true, NOW)), [7]);
});

test('NK-5: the ring holds 64; strangers push out the oldest, wherever there is a gap', () => {
  const held = new HeldDatagrams<Row>();
  for (let mark = 0; mark < MAX_HELD + 6; mark++) held.hold(0x2000 + (mark % 2), row(mark), NOW);
  const odd = marks(held.take((spi) => spi === 0x2001, NOW));
  assert.deepEqual([odd.length, odd[0], odd.at(-1)], [32, 7, 69]);
  for (let mark = 100; mark < 110; mark++) held.hold(0x5000, row(mark), NOW);
  const left = marks(held.take(() => true, NOW));
  // Ten slots on: five were gaps, and of the even ones the five oldest went.
  assert.deepEqual([left.length, left[0], left[26], left[27], left.at(-1)], [37, 16, 68, 100, 109]);
});

test('NK-5: what is longer than 2048 octets, or has a reserved SPI, is not held', () => {
  const held = new HeldDatagrams<Row>();
  held.hold(0x2000, row(1, MAX_HELD_OCTETS + 1), NOW);
  held.hold(255, row(2), NOW);
  assert.deepEqual([held.has(0x2000), held.has(255)], [false, false]);
  held.hold(0x2000, row(3, MAX_HELD_OCTETS), NOW);
  held.hold(256, row(4), NOW);
  assert.deepEqual(marks(held.take(() => true, NOW)), [3, 4]);
});

test('RFC 7296 §2.8: after 2 s a datagram is too old, and asking for it takes it out', () => {
  const held = new HeldDatagrams<Row>();
  held.hold(0x2000, row(1), NOW);
  held.hold(0x2000, row(2), instant(NOW + 1));
  held.hold(0x3000, row(3), NOW);
  assert.deepEqual(marks(held.take((spi) => spi === 0x2000, instant(NOW + HELD_TIME + 1))), [2]);
  assert.deepEqual(marks(held.take(() => true, instant(NOW + HELD_TIME))), [3], 'to the millisecond');
});
