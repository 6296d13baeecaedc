import { test } from 'node:test';
import assert from 'node:assert/strict';
import { instant, millis, type JsonObject } from '../../src/base/index.ts';
import { Decisions } from '../../src/daemon/decisions.ts';
import { explainDocument, retainedExplanation } from '../../src/daemon/explain.ts';
import type { Explanation } from '../../src/uplink/index.ts';

type Candidate = Explanation['candidates'][number];

const candidate = (uplink: string, metric: number, change: Partial<Candidate> = {}): Candidate => ({
  uplink, metric, lastResort: false, standing: 'proven', rttMs: millis(61), answeredAgo: millis(12_000), failures: 0, refused: false, departures: 0, outside: false, waits: undefined, waitsFor: undefined, ...change,
});

function document(change: Partial<Explanation>, { state = 'up', reason = '', decisions = new Decisions() } = {}): JsonObject {
  const explanation: Explanation = {
    connection: 'hq', current: 'wan', forced: undefined, forcedFor: undefined, doubtful: undefined, candidates: [candidate('wan', 10), candidate('lte', 20)], excluded: [], verdict: { to: 'wan', reasons: ['keep'] }, decision: undefined, ...change,
  };
  return explainDocument({ now: instant(100_000), explanation, decisions, state, reason, remote: '203.0.113.1', stamp: () => undefined });
}

const lines = (change: Partial<Explanation>): string[] => (document(change)['uplinks'] as readonly JsonObject[]).map((uplink) => String(uplink['text']));

test('one line for each uplink: how it is, and what it lacks', () => {
  const with2 = (change: Partial<Candidate>, metric = 20): string | undefined => lines({ candidates: [candidate('wan', 10), candidate('lte', metric, change)] })[1];
  assert.deepEqual(lines({}), ['wan: up, answered 12 s ago in 61 ms, in use', 'lte: up, answered 12 s ago in 61 ms, not used because wan (metric 10) is preferred']);
  assert.equal(with2({}, 10), 'lte: up, answered 12 s ago in 61 ms, not used because wan (same metric) works');
  assert.equal(with2({ standing: 'silent', failures: 3 }), 'lte: up, answered 12 s ago in 61 ms, asked 3 times in vain, not used because the peer does not answer there');
  assert.equal(with2({ standing: 'silent', failures: 1, answeredAgo: undefined }), 'lte: up, asked once in vain, not used because the peer does not answer there');
  assert.equal(with2({ standing: 'unproven', answeredAgo: undefined, rttMs: undefined }), 'lte: up, not asked yet, not used because wan (metric 10) is preferred');
  assert.equal(with2({ standing: 'silent', refused: true }), 'lte: up, answered 12 s ago in 61 ms, not used because the peer refused it');
  assert.equal(with2({ standing: 'blocked' }), 'lte: up, answered 12 s ago in 61 ms, not used because it carries no data, although the peer answers there');
  const better = (change: Partial<Candidate>): string | undefined => with2(change, 5)?.slice('lte: up, answered 12 s ago in 61 ms, '.length);
  assert.equal(better({ waits: 'not_proven' }), 'preferred (metric 5 against 10), but the peer has not answered there yet');
  assert.equal(better({ waits: 'hold_down', waitsFor: millis(7000) }), 'preferred (metric 5 against 10), watched a while before it is taken (in 7 s)');
  assert.equal(better({ waits: 'flapping', departures: 3, waitsFor: millis(7000) }), 'preferred (metric 5 against 10), but it went 3 times in ten minutes, so it is watched longer before it is taken (in 7 s)');
  assert.equal(better({ waits: 'dwell', waitsFor: millis(-1) }), 'preferred (metric 5 against 10), taken a little after the last move (in 0 ms)');
  assert.equal(with2({ lastResort: true }, 5), 'lte: up, answered 12 s ago in 61 ms, not used because it is the last resort');
  const resort = { current: 'lte', candidates: [candidate('wan', 10, { waits: 'not_proven' }), candidate('lte', 5, { lastResort: true })] };
  assert.deepEqual(lines(resort)[0], 'wan: up, answered 12 s ago in 61 ms, preferred (lte is the last resort), but the peer has not answered there yet');
  assert.equal(document(resort)['why'], 'lte is in use; wan would be preferred');
  const outside = { candidates: [candidate('wan', 10, { outside: true }), candidate('lte', 20, { waits: 'not_proven' })] };
  assert.deepEqual(lines(outside)[1], 'lte: up, answered 12 s ago in 61 ms, preferred (wan is outside its schedule), but the peer has not answered there yet');
  assert.equal(document(outside)['why'], 'wan is in use although it is outside its schedule: no other uplink has answered');
  assert.equal(better({}), 'preferred (metric 5 against 10), taken next');
  assert.deepEqual(lines({ forced: 'wan' })[1], 'lte: up, answered 12 s ago in 61 ms, not used because the user chose wan');
  assert.deepEqual(lines({ forced: 'wan', forcedFor: millis(90_000) })[0], 'wan: up, answered 12 s ago in 61 ms, in use, as the user wishes for another 90 s');
  assert.deepEqual(lines({ doubtful: 3 })[1], 'lte: up, answered 12 s ago in 61 ms, being tried, since wan does not answer');
  assert.deepEqual(lines({ current: undefined }), ['wan: up, answered 12 s ago in 61 ms, the next attempt begins with it', 'lte: up, answered 12 s ago in 61 ms, number 2 in the next attempt']);
  assert.deepEqual(lines({ current: 'gone' })[0], 'wan: up, answered 12 s ago in 61 ms, not used yet');
});

test('what cannot be used says why, in words', () => {
  const excluded = ['no_carrier', 'no_address', 'no_route', 'no_device', 'link_down', 'interface_down', 'disabled', 'not_allowed', 'no_common_family', 'outside_schedule', 'odd'].map((why) => ({ uplink: 'dsl', why }));
  assert.deepEqual(lines({ candidates: [], excluded }).map((line) => line.slice('dsl: cannot be used: '.length)), [
    'no carrier', 'it has no address', 'it has no default route', 'there is no such device', 'the device is switched off', 'the interface is down', 'disabled in the configuration',
    "the connection's list of uplinks does not have it", 'it has no address of a family that the peer has', 'it is outside its schedule', 'odd',
  ]);
});

test('why the current path is the current path', () => {
  const why = (change: Partial<Explanation>, more: Parameters<typeof document>[1] = {}): unknown => document(change, more)['why'];
  assert.equal(why({}), 'wan is in use: no other uplink has a better metric (10)');
  assert.equal(why({ candidates: [candidate('wan', 10)] }), 'wan is in use: it is the only uplink that can be');
  assert.equal(why({ forced: 'wan' }), 'wan is in use because the user chose it');
  assert.equal(why({ forced: 'wan', forcedFor: millis(90_000) }), 'wan is in use because the user chose it for a while');
  assert.equal(why({ doubtful: 2 }), 'wan is in use, but requests there stay without an answer; the other uplinks are being tried');
  assert.equal(why({ doubtful: 2, candidates: [candidate('wan', 10)] }), 'wan is in use, but requests there stay without an answer; there is no other uplink');
  assert.equal(why({ current: 'lte' }), 'lte is in use; wan would be preferred');
  assert.equal(why({ candidates: [candidate('lte', 20)] }), 'wan is in use although it is gone; a move is under way');
  assert.equal(why({ candidates: [] }), 'wan is in use although it is gone; there is no other uplink');
  assert.equal(why({ current: undefined }, { state: 'backoff', reason: 'no answer' }), 'there is no tunnel (backoff): no answer');
  assert.equal(why({ current: undefined }, { state: 'connecting' }), 'there is no tunnel (connecting)');
  assert.equal(why({ current: undefined, candidates: [] }, { state: 'waiting', reason: 'x' }), 'there is no tunnel (waiting): no uplink can be used');
  const decisions = new Decisions();
  decisions.decided('hq', { to: 'lte', reasons: ['carrier_lost', 'proven'], trigger: 'facts.observed', at: instant(90_000) }, 'wan', true, undefined);
  assert.equal(why({ current: 'lte' }, { decisions }), 'lte is in use; wan would be preferred', 'not done yet');
  const at = { uplink: 'lte', ifindex: 1, local: { address: '' as never, port: 0 }, remote: { address: '' as never, port: 0 } };
  decisions.onIke({ type: 'path.moved', chain: 1, connection: 'hq', from: { ...at, uplink: 'wan' }, to: at, reasons: ['carrier_lost'], took: millis(31) }, instant(90_031));
  assert.equal(why({ current: 'lte' }, { decisions }), 'lte is in use because wan lost its carrier; wan would be preferred');
});

test('each reason of a decision has words of its own, and each end of one', () => {
  const texts = new Set<string>();
  const reasons = [
    'no_candidate', 'no_current', 'forced', 'black_hole', 'unanswered', 'better_metric', 'address_lost', 'carrier_lost', 'device_gone', 'device_changed', 'route_lost', 'link_down', 'interface_down',
    'disabled', 'uplink_removed', 'not_allowed', 'no_common_family', 'data_blocked', 'peer_address_dead', 'last_resort_over', 'outside_schedule',
  ];
  for (const reason of reasons) {
    const decisions = new Decisions();
    decisions.decided('hq', { to: 'lte', reasons: [reason], trigger: 'tick', at: instant(90_000) }, 'wan', true, undefined);
    const [made] = document({}, { decisions })['decisions'] as readonly JsonObject[];
    const text = String(made?.['text']);
    assert.ok(text.startsWith('wan -> lte: ') && text.endsWith(' (time passed; lte had not been asked); not confirmed by the peer yet') && !text.includes('_'), text);
    texts.add(text);
  }
  assert.equal(texts.size, reasons.length);
});

test('the retained form has no sentence in which time passes', () => {
  const aged = (answeredAgo: number): string => JSON.stringify(retainedExplanation(document({ candidates: [candidate('wan', 10, { answeredAgo: millis(answeredAgo) })] })), (key, value: unknown) => (key.endsWith('_ms') ? undefined : value));
  assert.equal(aged(1000), aged(50_000));
});
