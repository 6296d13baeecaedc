import { test } from 'node:test';
import assert from 'node:assert/strict';
import { instant, ip, millis, type Path } from '../../src/base/index.ts';
import { Decisions } from '../../src/daemon/decisions.ts';
import type { IkeEvent } from '../../src/ike/index.ts';
import type { Decision, Explanation } from '../../src/uplink/index.ts';

const path = (uplink: string): Path => ({ uplink, ifindex: 2, local: { address: ip('192.0.2.10'), port: 4500 }, remote: { address: ip('203.0.113.1'), port: 4500 } });
const decision = (at: number, to: string | undefined, ...reasons: string[]): Decision => ({ at: instant(at), to, reasons, trigger: 'facts.observed' });
const moved = (type: 'path.moving' | 'path.moved', from: string, to: string, reason: string, took = 0): IkeEvent => ({ type, chain: 1, connection: 'hq', from: path(from), to: path(to), reasons: [reason], took: millis(took) });

const EXPLANATION: Explanation = {
  connection: 'hq', current: 'wan', forced: undefined, forcedFor: undefined, doubtful: 2, excluded: [], verdict: { to: 'wan', reasons: ['keep'] }, decision: undefined,
  candidates: [
    { uplink: 'wan', metric: 10, lastResort: false, standing: 'proven', rttMs: millis(20), answeredAgo: millis(2500), failures: 0, refused: false, departures: 0, outside: false, waits: undefined, waitsFor: undefined },
    { uplink: 'lte', metric: 20, lastResort: false, standing: 'proven', rttMs: millis(61), answeredAgo: millis(12_000), failures: 0, refused: false, departures: 0, outside: false, waits: undefined, waitsFor: undefined },
  ],
};

class Story {
  readonly decisions = new Decisions();
  decide(at: number, to: string | undefined, reason: string, from = 'wan', possible = to !== undefined): void {
    this.decisions.decided('hq', decision(at, to, reason), from === '' ? undefined : from, possible, EXPLANATION);
  }
  ike(event: IkeEvent, now: number): void {
    this.decisions.onIke(event, instant(now));
  }
  /** Oldest first. */
  get told(): string[] {
    return [...this.decisions.of('hq')].reverse().map((d) => `${d.from ?? '-'} ${d.to ?? '-'} ${d.reasons[0]} ${d.outcome.state}${'took' in d.outcome ? ` ${d.outcome.took}` : ''}`);
  }
}

test('a decision is remembered with what was known then, and ends with what the peer said', () => {
  const story = new Story();
  story.decide(1000, 'lte', 'black_hole');
  assert.deepEqual(story.told, ['wan lte black_hole pending']);
  const [made] = story.decisions.of('hq');
  assert.deepEqual([made?.unanswered, made?.left, made?.taken], [
    2, { uplink: 'wan', metric: 10, answeredAgo: 2500, rttMs: 20, failures: 0 }, { uplink: 'lte', metric: 20, answeredAgo: 12_000, rttMs: 61, failures: 0 },
  ]);
  story.ike(moved('path.moving', 'wan', 'lte', 'black_hole'), 1000);
  story.ike(moved('path.moved', 'wan', 'lte', 'black_hole', 2560), 1060);
  assert.deepEqual(story.told, ['wan lte black_hole moved 2560']);
  story.ike(moved('path.moved', 'wan', 'lte', 'black_hole', 99), 1100);
  assert.deepEqual(story.told, ['wan lte black_hole moved 2560'], 'told once');
});

test('M3.5-20: refused: what we go back to is no decision of its own', () => {
  const story = new Story();
  story.decide(1000, 'lte', 'forced');
  story.ike(moved('path.moving', 'wan', 'lte', 'forced'), 1000);
  story.ike(moved('path.moving', 'lte', 'wan', 'refused'), 1090);
  story.ike({ type: 'path.refused', chain: 1, connection: 'hq', path: path('lte') }, 1090);
  story.ike(moved('path.moved', 'lte', 'wan', 'refused', 30), 1120);
  assert.deepEqual(story.told, ['wan lte forced refused 90']);
});

test('a repeated decision is the same one; another replaces it; one that is no longer needed is taken back', () => {
  const story = new Story();
  for (const at of [1000, 3000, 7000]) story.decide(at, 'lte', 'carrier_lost');
  story.decide(8000, 'dsl', 'carrier_lost');
  story.decide(9000, 'wan', 'keep');
  assert.deepEqual(story.told, ['wan lte carrier_lost replaced', 'wan dsl carrier_lost taken_back']);
  story.decide(10_000, undefined, 'address_lost');
  story.decide(12_000, undefined, 'address_lost');
  assert.deepEqual(story.told.slice(2), ['wan - address_lost impossible']);
});

test('the first set-up, on whichever uplink answered; an IKE SA that ends before a move is done', () => {
  const story = new Story();
  story.decide(1000, 'wan', 'no_current', '');
  story.ike({ type: 'ike.established', chain: 1, connection: 'hq', role: 'initiator', path: path('lte'), peer: 'hub', mobike: true, took: millis(100) }, 3500);
  story.decide(5000, 'wan', 'better_metric', 'lte');
  story.ike({ type: 'ike.closed', chain: 1, connection: 'hq', reason: 'peer_dead', detail: '' }, 6000);
  assert.deepEqual(story.told, ['- lte no_current established 2500', 'lte wan better_metric failed']);
});

test('a move that the policy did not ask for is remembered as the protocol\'s', () => {
  const story = new Story();
  story.ike(moved('path.moving', 'wan', 'wan', 'peer_address_dead'), 1000);
  story.ike(moved('path.moved', 'wan', 'wan', 'peer_address_dead', 40), 1040);
  assert.deepEqual([story.told, story.decisions.of('hq')[0]?.trigger], [['wan wan peer_address_dead moved 40'], 'protocol']);
});

test('ten are kept of each connection, newest first, until it goes', () => {
  const story = new Story();
  for (let i = 0; i < 25; i++) {
    story.decide(1000 * i, i % 2 === 0 ? 'lte' : 'wan', 'forced', i % 2 === 0 ? 'wan' : 'lte');
    story.ike(moved('path.moved', 'x', 'y', 'forced', i), 1000 * i);
  }
  const all = story.decisions.of('hq');
  assert.deepEqual(all.map((d) => d.at), [24, 23, 22, 21, 20, 19, 18, 17, 16, 15].map((i) => 1000 * i));
  assert.deepEqual(story.decisions.of('other'), []);
  story.decisions.forget('hq');
  assert.deepEqual(story.decisions.of('hq'), []);
});
