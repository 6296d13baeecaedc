import { test } from 'node:test';
import assert from 'node:assert/strict';
import { paint, rows, strip, wrap } from './picture.ts';

test('a strip shows an outage as a hole', () => {
  const packets = Array.from({ length: 40 }, (_, number) => ({ number, sentAt: number * 20, answeredAt: number >= 10 && number < 23 ? undefined : number * 20 + 21 }));
  assert.equal(strip(packets, 0, 1000, 100), '██··▄███  ');
});

test('rows carry the time of their first character', () => {
  assert.deepEqual(rows('aaabbbc', 3, 100, -500), [' -0.5 s aaa', ' -0.2 s bbb', '  0.1 s c']);
});

test('long text is cut after commas, or where it must be', () => {
  assert.deepEqual(wrap('{"a":1,"bb":22,"ccc":333}', 10), ['{"a":1,', '"bb":22,', '"ccc":333}']);
  assert.deepEqual(wrap('abcdefgh', 3), ['abc', 'def', 'gh']);
});

test('without a person there are no colours', () => {
  assert.equal(paint(false).bad('x'), 'x');
  assert.equal(paint(true).bad('x'), '\x1b[31mx\x1b[0m');
});
