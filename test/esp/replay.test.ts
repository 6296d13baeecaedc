import assert from 'node:assert/strict';
import { test } from 'node:test';
import { REPLAY_WINDOW, ReplayWindow } from '../../src/esp/index.ts';
import { random } from './fixtures.ts';

const WRAP = 2 ** 32;

test('RFC 4303 §3.4.3 ES3.4-1: each number is taken once, within the window only', () => {
  const window = new ReplayWindow(false);
  assert.equal(window.check(0), false, 'sequence numbers start at 1');
  for (const sequence of [1, 2, 5, 3]) {
    assert.equal(window.check(sequence), true, `${sequence} is fresh`);
    window.accept(sequence);
    assert.equal(window.check(sequence), false, `${sequence} is seen`);
  }
  assert.equal(window.check(4), true);
  window.accept(REPLAY_WINDOW + 4);
  assert.equal(window.check(4), false, 'one below the window');
  assert.equal(window.check(5), false, 'lowest of the window, seen');
  assert.equal(window.check(6), true, 'in the window, not seen');
  assert.equal(window.top, REPLAY_WINDOW + 4);
});

test('ES3.4-1: a jump over the whole window forgets it, a jump within clears what it passes', () => {
  const window = new ReplayWindow(true);
  window.accept(1);
  window.accept(10);
  assert.equal(window.check(5), true);
  window.accept(10 + REPLAY_WINDOW * 3);
  assert.equal(window.check(10 + REPLAY_WINDOW * 2), false, 'just outside');
  for (let at = 10 + REPLAY_WINDOW * 2 + 1; at < 10 + REPLAY_WINDOW * 3; at++) assert.equal(window.check(at), true);
});

test('ES3.4-1: without ESN the number on the wire is the number', () => {
  const window = new ReplayWindow(false);
  window.skipTo(WRAP - 1);
  assert.equal(window.extend(0), 0);
  assert.equal(window.check(0), false, 'no wrap');
  assert.equal(window.extend(5), 5);
  assert.equal(window.check(5), false);
});

test('RFC 4303 appendix A2 ES3.4-1: the high half is guessed at the edges of 2^32', () => {
  const rows: readonly (readonly [top: number, low: number, expected: number | undefined])[] = [
    // Before the first packet: nothing below zero.
    [0, 1, 1],
    [0, WRAP - 1, undefined],
    [0, WRAP - REPLAY_WINDOW, WRAP - REPLAY_WINDOW],
    [500, WRAP - 1, undefined],
    [500, WRAP - REPLAY_WINDOW + 500, WRAP - REPLAY_WINDOW + 500],
    // Case A: the window lies within one subspace.
    [REPLAY_WINDOW - 1, 0, 0],
    [WRAP - 1, WRAP - 1, WRAP - 1],
    [WRAP - 1, 0, WRAP],
    [WRAP - 1, WRAP - REPLAY_WINDOW, WRAP - REPLAY_WINDOW],
    [WRAP - 1, WRAP - REPLAY_WINDOW - 1, 2 * WRAP - REPLAY_WINDOW - 1],
    [5 * WRAP + 70_000, 69_999, 5 * WRAP + 69_999],
    [5 * WRAP + 70_000, 70_000 - REPLAY_WINDOW, 6 * WRAP + 70_000 - REPLAY_WINDOW],
    // Case B: it spans two.
    [WRAP, WRAP - 1, WRAP - 1],
    [WRAP, WRAP - REPLAY_WINDOW + 1, WRAP - REPLAY_WINDOW + 1],
    [WRAP, WRAP - REPLAY_WINDOW, 2 * WRAP - REPLAY_WINDOW],
    [WRAP + 10, 11, WRAP + 11],
    [3 * WRAP + REPLAY_WINDOW - 2, WRAP - 1, 3 * WRAP - 1],
    [3 * WRAP + REPLAY_WINDOW - 1, WRAP - 1, 3 * WRAP + WRAP - 1],
  ];
  for (const [top, low, expected] of rows) {
    const window = new ReplayWindow(true);
    window.skipTo(top);
    assert.equal(window.extend(low), expected, `top ${top}, low ${low}`);
  }
});

test('ES3.4-1: over 2^32 with loss and reordering, a model that remembers everything agrees', () => {
  const draw = random(11);
  const window = new ReplayWindow(true);
  const seen = new Set<number>();
  let top = WRAP - 3000;
  window.skipTo(top);
  seen.add(top);
  for (let i = 0; i < 8000; i++) {
    const sequence = Math.max(1, top + 3 - draw(draw(4) === 0 ? 2 * REPLAY_WINDOW : 12));
    const old = sequence <= top - REPLAY_WINDOW;
    const guessed = window.extend(sequence % WRAP);
    if (old) {
      // It may be taken for a number 2^32 higher; then the ICV fails. It is never taken for itself.
      assert.ok(guessed !== sequence || !window.check(sequence));
      continue;
    }
    assert.equal(guessed, sequence);
    assert.equal(window.check(sequence), !seen.has(sequence));
    if (seen.has(sequence)) continue;
    window.accept(sequence);
    seen.add(sequence);
    top = Math.max(top, sequence);
    assert.equal(window.top, top);
  }
  assert.ok(top > WRAP, 'the run crossed 2^32');
});
