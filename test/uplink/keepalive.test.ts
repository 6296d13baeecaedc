import { test } from 'node:test';
import assert from 'node:assert/strict';
import { millis, seconds, type JsonObject, type Millis } from '../../src/base/index.ts';
import { KEEPALIVE_FIRST, KEEPALIVE_LEAST, KEEPALIVE_MOST, KeepaliveLearner } from '../../src/uplink/index.ts';

/** Silences as long as the interval, jitter included, behind a NAT that forgets after `lifetime`; how many mappings were lost. */
function live(learner: KeepaliveLearner, lifetime: number, silences: number): { lost: number; longest: Millis } {
  let lost = 0;
  let longest = 0;
  for (let i = 0; i < silences; i++) {
    const silence = millis(Math.round((learner.interval('wan') * ([90, 100, 110, 97, 108][i % 5] ?? 100)) / 100));
    assert.ok(silence >= 15_000 && silence <= 110_000, `a silence of ${silence} ms`);
    longest = Math.max(longest, silence);
    const changed = silence > lifetime * 1000;
    if (changed) lost++;
    learner.seen('wan', silence, changed);
  }
  return { lost, longest: millis(longest) };
}

test('NK-3: an uplink begins with 20 s; three silences survived make it a quarter longer, two do not', () => {
  const learner = new KeepaliveLearner();
  assert.equal(learner.interval('wan'), KEEPALIVE_FIRST);
  assert.equal(learner.seen('wan', seconds(20), false), undefined);
  assert.equal(learner.seen('wan', seconds(20), false), undefined);
  assert.deepEqual(learner.seen('wan', seconds(20), false), { from: seconds(20), to: seconds(25), lost: undefined });
  assert.equal(learner.interval('wwan'), KEEPALIVE_FIRST, 'each uplink learns for itself');
});

test('NK-3: a silence much shorter than the interval says nothing of it', () => {
  const learner = new KeepaliveLearner();
  for (let i = 0; i < 50; i++) learner.seen('wan', seconds(16.9), false);
  assert.equal(learner.interval('wan'), KEEPALIVE_FIRST);
  for (let i = 0; i < 3; i++) learner.seen('wan', seconds(17), false);
  assert.equal(learner.interval('wan'), seconds(25));
});

test('NK-3: a loss halves the interval, and what was too long is not tried again', () => {
  const learner = new KeepaliveLearner();
  for (const lifetime of [30, 60]) {
    const name = new KeepaliveLearner();
    const { lost, longest } = live(name, lifetime, 400);
    assert.equal(lost, 1, `${lifetime} s: ${lost} mappings lost`);
    assert.ok(longest < lifetime * 1000 * 1.4, `${lifetime} s: a silence of ${longest} ms`);
    const { interval, state, tooLong } = name.view('wan');
    assert.ok(interval * 1.1 < lifetime * 1000 && interval > lifetime * 1000 * 0.6, `${lifetime} s: ${interval} ms`);
    assert.equal(state, 'learned');
    assert.equal(tooLong, longest);
  }
  for (let i = 0; i < 3; i++) learner.seen('wan', seconds(20), false);
  assert.deepEqual(learner.seen('wan', seconds(40), true), { from: seconds(25), to: seconds(17), lost: seconds(40) });
});

test('NK-3: behind a NAT of two minutes nothing is ever lost, and the longest silence is 110 s', () => {
  const learner = new KeepaliveLearner();
  const { lost, longest } = live(learner, 120, 1000);
  assert.equal(lost, 0);
  assert.equal(longest, 110_000);
  assert.deepEqual(learner.view('wan'), { interval: KEEPALIVE_MOST, state: 'learned', safe: 110_000, tooLong: undefined });
});

test('NK-3: behind a NAT of 10 s it stays at the least, 15 s with jitter', () => {
  const learner = new KeepaliveLearner();
  live(learner, 10, 200);
  assert.equal(learner.interval('wan'), KEEPALIVE_LEAST);
});

test('a NAT that was restarted is no proof: the interval is halved and grows back', () => {
  const learner = new KeepaliveLearner();
  live(learner, 120, 60);
  assert.equal(learner.interval('wan'), KEEPALIVE_MOST);
  learner.seen('wan', seconds(100), true);
  assert.equal(learner.interval('wan'), seconds(50));
  assert.equal(learner.view('wan').tooLong, undefined);
  live(learner, 120, 60);
  assert.equal(learner.interval('wan'), KEEPALIVE_MOST);
  assert.equal(learner.seen('wan', seconds(12), true), undefined, 'after 12 s it was not idle for too long');
});

test('a network behind an uplink changes: after thousands of silences the bound is forgotten, and a longer one found', () => {
  const learner = new KeepaliveLearner();
  live(learner, 30, 100);
  assert.ok(learner.interval('wan') < seconds(30));
  const { lost } = live(learner, 120, 4200);
  assert.equal(lost, 0);
  assert.equal(learner.interval('wan'), KEEPALIVE_MOST);
});

test('what the user gave stands, and nothing is learned meanwhile', () => {
  const learner = new KeepaliveLearner();
  learner.give(new Map([['wan', seconds(7)]]));
  assert.equal(learner.interval('wan'), seconds(7));
  assert.equal(learner.seen('wan', seconds(7), true), undefined);
  assert.equal(learner.view('wan').state, 'given');
  learner.give(new Map());
  assert.equal(learner.interval('wan'), KEEPALIVE_FIRST);
});

test('NK-3: what was learned is there again after a restart', () => {
  const learner = new KeepaliveLearner();
  live(learner, 60, 200);
  const saved = JSON.parse(JSON.stringify(learner.save())) as JsonObject;
  const next = new KeepaliveLearner();
  assert.equal(next.restore(saved), 0);
  assert.equal(Math.floor(learner.interval('wan') / 1000), next.interval('wan') / 1000);
  assert.equal(live(next, 60, 300).lost, 0);
  assert.deepEqual(new KeepaliveLearner().save(), {}, 'nothing learned, nothing kept');
});

test('rows that make no sense are left out, the others are taken', () => {
  const good = { interval_s: 48, safe_s: 55, too_long_s: 61, losses: 1 };
  const rows: JsonObject[] = [
    { ...good, interval_s: 16 }, { ...good, interval_s: 101 }, { ...good, interval_s: '48' }, { ...good, safe_s: -1 }, { ...good, too_long_s: 3 }, { ...good, losses: null },
    { interval_s: 48 },
  ];
  for (const row of rows) {
    const learner = new KeepaliveLearner();
    assert.equal(learner.restore({ bad: row, wan: good, list: [], nothing: null }), 3, JSON.stringify(row));
    assert.equal(learner.interval('wan'), seconds(48));
    assert.equal(learner.interval('bad'), KEEPALIVE_FIRST);
  }
});

test('the number of uplinks remembered is bounded', () => {
  const learner = new KeepaliveLearner();
  for (let i = 0; i < 200; i++) learner.seen(`u${i}`, seconds(20), false);
  assert.equal(Object.keys(learner.save()).length, 64);
});
