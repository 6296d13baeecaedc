import { test } from 'node:test';
import assert from 'node:assert/strict';
import { instant, ip, millis } from '../../src/base/index.ts';
import type { UplinkInput } from '../../src/uplink/index.ts';
import { decide } from '../../src/uplink/select.ts';
import { answered, Bench, blocked, doubtful, force, inbound, refused, unanswered, type Options, type Step } from './steps.ts';

const story = (title: string, steps: readonly Step[], options: Options = {}): void => {
  test(title, () => new Bench(options).run(steps));
};

/** Two uplinks that work; the tunnel stands on `wan` (metric 10), `wwan` (20) is the standby, known to answer by 4 s. */
const START: readonly Step[] = [
  { at: 0, peer: { wan: 20, wwan: 40 }, facts: { wan: { metric: 10, addresses: ['192.0.2.1'] }, wwan: { metric: 20, addresses: ['198.51.100.1'] } }, },
  { at: 20, input: answered('wan') },
  { at: 4000 },
];

story('the first list counts at once: no debounce at the start', [
  { at: 0, facts: { wan: { metric: 10 }, wwan: { metric: 20 } }, expect: ['0 wan up: usable', '0 wwan up: usable', '0 to wan: no_current unproven'] },
]);

// ---- Losses act at once ---------------------------------------------------------------------------------------------

for (const [reason, why] of [['no_address', 'address_lost'], ['no_carrier', 'carrier_lost'], ['no_device', 'device_gone'], ['interface_down', 'interface_down'], ['link_down', 'link_down'], ['no_route', 'route_lost'], ['disabled', 'disabled']] as const)
  story(`M3.5-1, D59-1: ${reason} of the current uplink moves in the same call, no debounce`, [
    ...START,
    { at: 5000, facts: { wan: { reason } }, expect: [`5000 wan down: ${reason}`, `5000 to wwan: ${why} proven`] },
  ]);

story('M3.5-1: carrier lost while the address is still there', [
  ...START,
  { at: 5000, facts: { wan: { up: false, reason: 'no_carrier', addresses: ['192.0.2.1'] } }, expect: ['5000 wan down: no_carrier', '5000 to wwan: carrier_lost proven'] },
]);

story('M3.5-1: the uplink vanishes for good', [
  ...START,
  { at: 5000, facts: { wan: undefined }, expect: ['5000 wan down: uplink_removed', '5000 to wwan: uplink_removed proven'] },
  { at: 400_000, expect: [] },
]);

story('the best candidate is taken at once, proven or not', [
  { at: 0, facts: { wan: {}, wwan: { metric: 20 } } },
  { at: 20, input: answered('wan') },
  { at: 50, facts: { wan: { reason: 'no_address' } }, expect: ['50 wan down: no_address', '50 to wwan: address_lost unproven'] },
]);

story('F-9: proven before metric, and an uplink known not to answer comes last', [
  { at: 0, peer: { a: 20, b: undefined, c: 60 }, facts: { a: { metric: 1 }, b: { metric: 2 }, c: { metric: 3 } } },
  { at: 20, input: answered('a') },
  { at: 10_000, facts: { a: { reason: 'no_carrier' } }, expect: ['10000 a down: no_carrier', '10000 to c: carrier_lost proven'] },
  { at: 10_100, facts: { c: { reason: 'no_carrier' } }, expect: ['10100 c down: no_carrier', '10100 to b: carrier_lost silent'] },
]);

for (const [rtts, best] of [[{ b: 30, c: 40 }, 'b'], [{ b: 40, c: 30 }, 'c'], [{ b: 30, c: 30 }, 'b']] as const)
  story(`equal metric: shorter round trip, then name (${rtts.b} and ${rtts.c} ms: ${best})`, [
    { at: 0, peer: { a: 20, ...rtts }, facts: { a: { metric: 1 }, b: { metric: 5 }, c: { metric: 5 } } },
    { at: 20, input: answered('a') },
    { at: 20_000, facts: { a: { reason: 'no_carrier' } }, expect: ['20000 a down: no_carrier', `20000 to ${best}: carrier_lost proven`] },
  ]);

story('D5.1.2-2: an uplink without a family of the peer is no candidate', [
  { at: 0, facts: { a: { metric: 1, addresses: ['2001:db8::1'] }, b: { metric: 2 } }, expect: ['0 a up: usable', '0 b up: usable', '0 to b: no_current unproven'] },
], { families: [4] });

story('only the uplinks of the connection', [
  { at: 0, facts: { a: { metric: 1 }, b: { metric: 2 } }, expect: ['0 a up: usable', '0 b up: usable', '0 to b: no_current unproven'] },
  { at: 1000, input: { type: 'connection.watched', connection: 'hq', uplinks: ['a'], families: [4] }, expect: ['1000 to a: not_allowed unproven'] },
], { uplinks: ['b'] });

story('both die: nothing to send through; the first that returns is taken after the debounce', [
  ...START,
  { at: 5000, facts: { wan: { reason: 'no_carrier' }, wwan: { reason: 'no_device' } }, expect: ['5000 wan down: no_carrier', '5000 wwan down: no_device', '5000 to nothing: carrier_lost no_candidate'] },
  { at: 6000, facts: { wwan: { up: true } }, expect: [] },
  { at: 6150, expect: ['6150 wwan up: usable', '6150 to wwan: carrier_lost unproven'] },
]);

story('nothing up at the start, then an uplink', [
  { at: 0, facts: { wan: { reason: 'no_carrier' } }, expect: ['0 wan down: no_carrier'] },
  { at: 1000, facts: { wan: { up: true } }, expect: [] },
  { at: 1150, expect: ['1150 wan up: usable', '1150 to wan: no_current unproven'] },
]);

// ---- Addresses within one uplink ------------------------------------------------------------------------------------

story('the address of the only uplink is replaced: a fresh path on the same uplink, at once', [
  { at: 0, facts: { wan: { addresses: ['192.0.2.1'] } } },
  { at: 5000, facts: { wan: { addresses: ['192.0.2.99'] } }, expect: ['5000 to wan: address_lost unproven'] },
  { at: 60_000, expect: [] },
], { local: 'first' });

story('the address in use goes while the uplink keeps another one', [
  { at: 0, facts: { wan: { addresses: ['192.0.2.1', '2001:db8::1'] } } },
  { at: 5000, facts: { wan: { addresses: ['2001:db8::1'] } }, expect: ['5000 to wan: address_lost unproven'] },
], { local: 'first' });

story('an address not in use goes: nothing happens', [
  { at: 0, facts: { wan: { addresses: ['192.0.2.1', '2001:db8::1'] } } },
  { at: 5000, facts: { wan: { addresses: ['192.0.2.1'] } }, expect: [] },
  { at: 9000, expect: [] },
], { local: 'first' });

story('the default route of the family in use goes', [
  { at: 0, facts: { wan: { addresses: ['192.0.2.1', '2001:db8::1'] } } },
  { at: 5000, facts: { wan: { families: [6] } }, expect: ['5000 to wan: route_lost unproven'] },
], { local: 'first' });

story('another device under the same name is another path', [
  ...START,
  { at: 5000, facts: { wan: { ifindex: 999 } }, expect: ['5000 to wwan: device_changed proven'] },
]);

// ---- Debounce -------------------------------------------------------------------------------------------------------

for (const [at, seen] of [[5149, []], [5150, ['5150 wan up: usable', '5150 to wan: no_current unproven']]] as const)
  story(`roam_debounce: a gain counts after 150 ms of quiet (${at - 5000} ms)`, [
    { at: 0, facts: {} },
    { at: 5000, facts: { wan: {} }, expect: [] },
    { at, expect: seen },
  ]);

for (const [at, seen] of [[5999, []], [6000, ['6000 wan up: usable', '6000 to wan: no_current unproven']]] as const)
  story(`roam_debounce: gains that never end count after 1 s (${at - 5000} ms)`, [
    { at: 0, facts: {} },
    ...Array.from({ length: 10 }, (_, i) => ({ at: 5000 + i * 100, facts: { wan: { metric: i } } })),
    { at, expect: seen },
  ]);

story('250 notifications a second that say nothing new neither delay a gain nor cost a decision', [
  { at: 0, facts: { wan: {} } },
  { at: 1000, facts: { wwan: { metric: 20 } } },
  ...Array.from({ length: 37 }, (_, i) => ({ at: 1004 + i * 4, facts: {}, expect: [] })),
  { at: 1150, expect: ['1150 wwan up: usable'] },
  ...Array.from({ length: 500 }, (_, i) => ({ at: 1154 + i * 4, facts: {}, expect: [] })),
]);

story('an uplink that comes and goes within the debounce never was', [
  { at: 0, facts: { wan: {} } },
  { at: 1000, facts: { wwan: { metric: 1 } } },
  { at: 1050, facts: { wwan: undefined } },
  { at: 9000, expect: [] },
], { probes: true });

story('D59-1: netifd bounces down and up within 5 ms (flap): left at once, returned to after the hold-down', [
  ...START,
  { at: 5000, facts: { wan: { reason: 'interface_down' } }, expect: ['5000 wan down: interface_down', '5000 to wwan: interface_down proven'] },
  { at: 5005, facts: { wan: { up: true } }, expect: [] },
  { at: 15_169, expect: ['5155 wan up: usable'] },
  { at: 15_200, expect: ['15195 to wan: better_metric proven'] },
]);

story('a flap of the only uplink: the same path again after the debounce', [
  { at: 0, facts: { wan: {} } },
  { at: 20, input: answered('wan') },
  { at: 5000, facts: { wan: { reason: 'no_carrier' } }, expect: ['5000 wan down: no_carrier', '5000 to nothing: carrier_lost no_candidate'] },
  { at: 5005, facts: { wan: { up: true } }, expect: [] },
  { at: 6000, expect: ['5155 wan up: usable', '5155 to wan: carrier_lost unproven'] },
]);

// ---- Black hole -----------------------------------------------------------------------------------------------------

story('path_suspect: a black hole: the doubt races the others, the first answer wins', [
  ...START,
  { at: 20_000, input: answered('wan') },
  { at: 30_000, peer: { wan: undefined }, input: doubtful('wan'), expect: ['30000 race wwan'] },
  { at: 30_040, expect: ['30040 to wwan: black_hole proven'] },
]);

story('N-d M3.5-2: a peer with several addresses: the current uplink is raced too, and alone where there is no other', [
  ...START,
  { at: 20_000, input: answered('wan') },
  { at: 30_000, peer: { wan: undefined, wwan: undefined }, input: doubtful('wan'), expect: ['30000 race wan wwan'] },
  { at: 31_000, facts: { wwan: { up: false, reason: 'no_carrier' } }, expect: ['31000 wwan down: no_carrier'] },
  { at: 34_500, expect: ['34000 race wan'] },
], { remotes: 2 });

story('path_suspect: the current path answers first and keeps its place', [
  ...START,
  { at: 30_000, input: doubtful('wan'), expect: ['30000 race wwan'] },
  { at: 30_020, input: answered('wan'), expect: [] },
  { at: 39_000, expect: [] },
]);

story('a doubt counts only for the current path, and an answer from before the doubt does not win', [
  ...START,
  { at: 5000, input: doubtful('wwan'), expect: [] },
  { at: 5000, peer: { wan: undefined, wwan: undefined }, input: doubtful('wan'), expect: ['5000 race wwan'] },
  { at: 8000, expect: [] },
]);

story('F-3: an uplink that lets IKE pass and drops the data is left for one that answers, and not gone back to for ten minutes, then for twenty', [
  ...START,
  { at: 20_000, input: blocked('wan'), expect: ['20000 to wwan: data_blocked proven'] },
  { at: 620_000, expect: [] },
  { at: 640_000, expect: ['630040 to wan: better_metric proven'] },
  { at: 650_000, input: blocked('wan'), expect: ['650000 to wwan: data_blocked proven'] },
  { at: 1_850_000, expect: [] },
  { at: 1_870_000, expect: ['1860040 to wan: better_metric proven'] },
]);

story('F-3: a wish for an uplink ends when it carries no data; a new one is tried again at once', [
  ...START,
  { at: 10_000, input: force('wwan'), expect: ['10000 to wwan: forced proven'] },
  { at: 20_000, input: blocked('wwan'), expect: ['20000 to wan: data_blocked proven'] },
  { at: 100_000, expect: [] },
  { at: 100_000, input: force('wwan'), expect: ['100000 to wwan: forced proven'] },
  { at: 1_000_000, expect: [] },
]);

story('F-3: it is not left for one that does not answer; another address of it begins without a past', [
  ...START,
  { at: 20_000, peer: { wwan: undefined }, input: { type: 'path.unanswered', connection: 'hq', uplink: 'wwan' }, expect: [] },
  { at: 21_000, input: blocked('wan'), expect: [] },
  { at: 22_000, peer: { wwan: 60 }, input: answered('wwan'), expect: ['22000 to wwan: data_blocked proven'] },
  { at: 23_000, facts: { wan: { addresses: ['192.0.2.77'] } } },
  { at: 40_000, expect: ['33040 to wan: better_metric proven'] },
]);

story('races that nobody wins are repeated after 4, 8, 16, 30, 30 s; then the first that answers wins', [
  ...START,
  { at: 10_000, peer: { wan: undefined, wwan: undefined }, input: doubtful('wan'), expect: ['10000 race wwan'] },
  { at: 13_999, expect: [] },
  { at: 14_000, expect: ['14000 race wwan'] },
  { at: 22_000, expect: ['22000 race wwan'] },
  { at: 38_000, expect: ['38000 race wwan'] },
  { at: 98_000, expect: ['68000 race wwan', '98000 race wwan'] },
  { at: 100_000, peer: { wwan: 40 } },
  { at: 129_000, expect: ['128000 race wwan', '128040 to wwan: black_hole proven'] },
]);

story('an uplink that comes up during the doubt joins the race', [
  { at: 0, facts: { wan: {} } },
  { at: 20, input: answered('wan') },
  { at: 5000, input: doubtful('wan'), expect: [] },
  { at: 6000, peer: { wwan: 40 }, facts: { wwan: { metric: 20 } } },
  { at: 7000, expect: ['6150 wwan up: usable', '6150 race wwan', '6190 to wwan: black_hole proven'] },
]);

story('an uplink removed mid-race does not win', [
  ...START,
  { at: 5000, input: doubtful('wan'), expect: ['5000 race wwan'] },
  { at: 5010, facts: { wwan: undefined }, expect: ['5010 wwan down: uplink_removed'] },
  { at: 9000, expect: [] },
]);

story('the current uplink is lost mid-race: the best candidate at once', [
  ...START,
  { at: 5000, peer: { wwan: undefined }, input: doubtful('wan'), expect: ['5000 race wwan'] },
  { at: 5010, facts: { wan: { reason: 'no_carrier' } }, expect: ['5010 wan down: no_carrier', '5010 to wwan: carrier_lost proven'] },
]);

for (const [at, seen] of [[6999, []], [7000, ['7000 to wwan: black_hole proven']]] as const)
  story(`D5.1.2-1: packets that still arrive on a doubtful path earn it 2 s (${at - 5000} ms)`, [
    ...START,
    { at: 5000, peer: { wan: undefined }, input: doubtful('wan'), expect: ['5000 race wwan'] },
    { at: 5010, input: inbound('wan') },
    { at, expect: seen },
  ]);

story('a packet that arrived before the doubt earns nothing, though it is reported after it', [
  ...START,
  { at: 5000, input: doubtful('wan') },
  { at: 5010, input: { type: 'path.inbound', connection: 'hq', uplink: 'wan', at: instant(4990) } },
  { at: 5040, expect: ['5040 to wwan: black_hole proven'] },
]);

story('a whole request in vain on a path that used to answer is a doubt', [
  ...START,
  { at: 5000, input: unanswered('wan'), expect: ['5000 race wwan'] },
  { at: 5040, expect: ['5040 to wwan: black_hole proven'] },
]);

story('M3.1-1: a path that never answered has no claim: the others are tried in turn', [
  { at: 0, facts: { a: { metric: 1 }, b: { metric: 2 }, c: { metric: 3 } }, expect: ['0 a up: usable', '0 b up: usable', '0 c up: usable', '0 to a: no_current unproven'] },
  { at: 3000, input: unanswered('a'), expect: ['3000 to b: unanswered unproven'] },
  { at: 6000, input: unanswered('b'), expect: ['6000 to c: unanswered unproven'] },
  { at: 9000, input: unanswered('c'), expect: [] },
  { at: 12_000, input: unanswered('c'), expect: ['12000 to a: unanswered silent'] },
], { manual: true });

// ---- Return ---------------------------------------------------------------------------------------------------------

/** `wan` was lost at 5 s and is back at `back` ms. */
const away = (back: number): readonly Step[] => [...START, { at: 5000, facts: { wan: { reason: 'no_carrier' } } }, { at: back, facts: { wan: { up: true } } }];

story('return_delay: better returns: probed at once, then every 3 s, and taken on the first answer 10 s after the first', [
  ...away(20_000),
  { at: 20_149, expect: [] },
  { at: 30_180, expect: ['20150 wan up: usable', '20150 probe wan', '23170 probe wan', '26190 probe wan', '29210 probe wan', '30170 probe wan'] },
  { at: 30_190, expect: ['30190 to wan: better_metric proven'] },
], { probes: true });

story('return_delay: 10 s: an answer just below does not count as one', [
  ...away(20_000),
  { at: 20_170, input: answered('wan') },
  { at: 25_000, input: answered('wan') },
  { at: 30_169, input: answered('wan'), expect: [] },
  { at: 30_170, input: answered('wan'), expect: ['30170 to wan: better_metric proven'] },
], { manual: true });

for (const [count, seen] of [[2, []], [3, ['30171 to wan: better_metric proven']]] as const)
  story(`return_delay: at least 3 answers (${count})`, [
    ...away(20_000),
    { at: 20_171, input: answered('wan') },
    ...(count === 3 ? [{ at: 25_000, input: answered('wan') }] : []),
    { at: 30_171, input: answered('wan'), expect: seen },
  ], { manual: true });

story('return_delay: a probe in vain starts the trial anew', [
  ...away(20_000),
  { at: 27_000, peer: { wan: undefined } },
  { at: 31_000, peer: { wan: 20 } },
  // The probe of 29.21 s gives up at 32.11 s, the next one goes out 6 s later and is the first answer of the second trial.
  { at: 48_140, expect: [] },
  { at: 48_150, expect: ['48150 to wan: better_metric proven'] },
]);

story('M3.10-1, F-9: better returns but is dead behind: never taken, asked more and more rarely up to 5 minutes', [
  ...START,
  { at: 5000, facts: { wan: { reason: 'no_carrier' } }, peer: { wan: undefined } },
  { at: 20_000, facts: { wan: { up: true } }, expect: [] },
  { at: 900_000, expect: ['20150 wan up: usable', ...[20_150, 29_050, 43_950, 70_850, 121_750, 220_650, 415_550, 718_450].map((at) => `${at} probe wan`)] },
], { probes: true });

for (const [dwell, seen] of [[4999, 'keep dwell'], [5000, 'better_metric proven']] as const)
  test(`min_dwell: 5 s between voluntary moves (${dwell} ms)`, () => {
    const candidate = { standing: 'proven', lastResort: false, outside: false, failures: 0, rttMs: millis(20), lastAnswer: instant(99_000), returnDelay: millis(10_000) } as const;
    const candidates = [{ ...candidate, uplink: 'b', metric: 20, trial: undefined }, { ...candidate, uplink: 'a', metric: 10, trial: { since: instant(80_000), answers: 6 } }];
    const verdict = decide(instant(100_000), { current: 'b', lost: undefined, forced: undefined, doubt: undefined, lastVoluntary: instant(100_000 - dwell), candidates });
    assert.equal(verdict.reasons.join(' '), seen);
    assert.equal(verdict.recheckAt, dwell < 5000 ? 100_001 : undefined);
  });

story('min_dwell: two better uplinks that prove themselves one after the other', [
  { at: 0, peer: { a: 20, b: 20, c: 20 }, facts: { a: { metric: 1, reason: 'no_carrier' }, b: { metric: 2, reason: 'no_carrier' }, c: { metric: 3 } } },
  { at: 20, input: answered('c') },
  { at: 5000, facts: { b: { up: true } } },
  { at: 7000, facts: { a: { up: true } } },
  { at: 20_000, expect: ['7150 a up: usable', '15190 to b: better_metric proven'] },
  { at: 21_000, expect: ['20190 to a: better_metric proven'] },
]);

story('metric change: the other one becomes better: taken after its trial, not before', [
  ...START,
  { at: 30_000, facts: { wwan: { metric: 5 } }, expect: [] },
  { at: 40_190, expect: [] },
  { at: 40_300, expect: ['40230 to wwan: better_metric proven'] },
]);

story('equal metric is not better', [
  ...START,
  { at: 30_000, facts: { wwan: { metric: 10 } }, expect: [] },
  { at: 90_000, expect: [] },
]);

story('a planned return keeps the old path until the new one has proven itself, and comes back if it then fails', [
  ...away(20_000),
  { at: 31_000, expect: ['20150 wan up: usable', '30190 to wan: better_metric proven'] },
  { at: 32_000, peer: { wan: undefined }, input: doubtful('wan'), expect: ['32000 race wwan'] },
  { at: 32_040, expect: ['32040 to wwan: black_hole proven'] },
]);

// ---- Flapping -------------------------------------------------------------------------------------------------------

test('a link with a loose plug does not thrash: after the second departure in 10 minutes each return takes twice as long', () => {
  const bench = new Bench();
  bench.run(START);
  // Up for 11.5 s after every loss: just long enough to be returned to with a delay of 10 s.
  for (let at = 5000; at < 290_000; at += 12_000) bench.run([{ at, facts: { wan: { reason: 'no_carrier' } } }, { at: at + 500, facts: { wan: { up: true } } }]);
  const returns = bench.all.filter((line) => line.includes('to wan: better_metric'));
  assert.deepEqual(returns.length, 2, returns.join('\n'));
});

for (const [losses, delay] of [[1, 10_000], [2, 10_000], [3, 20_000], [4, 40_000], [5, 80_000], [6, 160_000], [7, 160_000]] as const)
  test(`return_delay after ${losses} forced departures within 10 minutes: ${delay / 1000} s`, () => {
    const bench = new Bench();
    bench.run(START);
    for (let i = 0; i < losses; i++) {
      const at = 5000 + i * 1000;
      bench.run([{ at, facts: { wan: { reason: 'no_carrier' } } }, { at: at + 100, facts: { wan: { up: true } } }]);
      bench.advance(at + 300);
      if (i < losses - 1) bench.follow('wan');
    }
    const upAt = 5000 + (losses - 1) * 1000 + 250;
    bench.advance(upAt + delay + 4000);
    const back = bench.all.find((line) => line.includes('to wan: better_metric'));
    const took = Number(back?.split(' ')[0]) - upAt;
    assert.ok(took >= delay && took < delay + 4000, `${took}: ${bench.all.join('\n')}`);
  });

for (const [pause, counts] of [[599_000, true], [601_000, false]] as const)
  test(`departures count for 10 minutes (${pause / 1000} s ago)`, () => {
    const bench = new Bench();
    bench.run(START);
    const lose = (at: number): void => bench.run([{ at, facts: { wan: { reason: 'no_carrier' } } }, { at: at + 100, facts: { wan: { up: true } } }, { at: at + 260 }]);
    lose(5000);
    bench.follow('wan');
    lose(6000);
    bench.follow('wan');
    // When the third trial has lasted 10 s, the first departure is `pause` ago (10,290 ms: debounce and round trips).
    const third = 5000 + pause - 10_290;
    lose(third);
    bench.advance(third + 40_000);
    const back = Number(bench.all.filter((line) => line.includes('to wan: better_metric')).at(-1)?.split(' ')[0]) - third;
    assert.equal(back > 10_300, counts, `${back}`);
  });

for (const [others, delay] of [[32, 40_000], [33, 10_000]] as const)
  test(`departures of a vanished uplink are remembered until ${others} others have come and gone: ${delay / 1000} s`, () => {
    const bench = new Bench();
    bench.run(START);
    for (const at of [5000, 6000, 7000]) {
      bench.run([{ at, facts: { wan: { reason: 'no_carrier' } } }, { at: at + 100, facts: { wan: { up: true } } }, { at: at + 300 }]);
      if (at < 7000) bench.follow('wan');
    }
    bench.run([{ at: 8000, facts: { wan: undefined } }]);
    for (let i = 0; i < others; i++) bench.run([{ at: 8100 + i, facts: { [`ppp${i}`]: { reason: 'no_carrier' } } }, { at: 8100 + i, facts: { [`ppp${i}`]: undefined } }]);
    bench.run([{ at: 9000, facts: { wan: { metric: 10 } } }, { at: 60_000 }]);
    const back = Number(bench.all.find((line) => line.includes('to wan: better_metric'))?.split(' ')[0]) - 9150;
    assert.ok(back >= delay && back < delay + 4000, `${back}`);
  });

for (const [losses, delay] of [[2, 10_000], [3, 20_000], [4, 40_000]] as const)
  story(`a better uplink that came and went ${losses} times in ten minutes before it was taken again waits ${delay / 1000} s`, [
    ...START,
    ...Array.from({ length: losses }, (_, i): readonly Step[] => [{ at: 5000 + i * 100_000, facts: { wan: { reason: 'no_carrier' } } }, { at: i < losses - 1 ? 98_000 + i * 100_000 : 9000 + i * 100_000, facts: { wan: { up: true } } }]).flat(),
    { at: 9000 + (losses - 1) * 100_000 + delay + 189 },
    { at: 9000 + (losses - 1) * 100_000 + delay + 190, expect: [`${9000 + (losses - 1) * 100_000 + delay + 190} to wan: better_metric proven`] },
  ]);

story('an uplink that the user disables and enables again is not watched longer', [
  ...START,
  ...[5000, 30_000, 60_000, 90_000].flatMap((at): readonly Step[] => [{ at, facts: { wan: { reason: 'disabled' } } }, { at: at + 1000, facts: { wan: { up: true } } }]),
  { at: 101_000 },
  { at: 101_190, expect: ['101190 to wan: better_metric proven'] },
]);

test('while a flapping uplink is watched, the explanation says how often it went', () => {
  const bench = new Bench();
  bench.run([...START, ...[5000, 30_000, 60_000].flatMap((at): readonly Step[] => [{ at, facts: { wan: { reason: 'no_carrier' } } }, { at: at + 1000, facts: { wan: { up: true } } }]), { at: 65_000 }]);
  const told = bench.policy.explain('hq', instant(65_000));
  assert.deepEqual(told?.candidates.map((c) => [c.uplink, c.departures, c.waits, c.waitsFor]), [['wan', 3, 'flapping', 16_170], ['wwan', 0, undefined, undefined]]);
  assert.deepEqual(told?.verdict.reasons, ['keep', 'flapping']);
});

// ---- Standby probes -------------------------------------------------------------------------------------------------

for (const [metered, interval] of [[false, 60_000], [true, 300_000]] as const)
  story(`M3.10-1: a ${metered ? 'metered ' : ''}standby is asked 3 s after the handshake, then every ${interval / 1000} s`, [
    { at: 0, peer: { wan: 20, lte: 50 }, facts: { wan: { metric: 1 }, lte: { metric: 2, metered } } },
    { at: 2999, expect: [] },
    { at: 3000, expect: ['3000 probe lte'] },
    { at: 3050 + interval - 1, expect: [] },
    { at: 3050 + interval, expect: [`${3050 + interval} probe lte`] },
  ], { probes: true });

story('F-9: a standby that does not answer is asked 120, 240, 300 s after each failure', [
  { at: 0, peer: { wan: 20, lte: undefined }, facts: { wan: { metric: 1 }, lte: { metric: 2 } } },
  { at: 3000 },
  { at: 1_000_000, expect: ['125900 probe lte', '368800 probe lte', '671700 probe lte', '974600 probe lte'] },
], { probes: true });

story('one probe at a time (window 1): the next one waits for the answer or for 15 s of silence', [
  { at: 0, facts: { a: { metric: 1 }, b: { metric: 2 }, c: { metric: 3 } } },
  { at: 2999 },
  { at: 3000, peer: {}, expect: ['3000 probe b'] },
  { at: 5900, expect: ['5900 probe c'] },
], { probes: true });

test('a probe nobody reports on is forgotten after 15 s', () => {
  const policyOnly = new Bench({ probes: true });
  policyOnly.run([{ at: 0, facts: { a: { metric: 1 }, b: { metric: 2 }, c: { metric: 3 } } }]);
  const seen: string[] = [];
  const policy = policyOnly.policy;
  for (const at of [3000, 17_999, 18_000]) for (const effect of policy.handle({ type: 'tick' }, instant(at))) if (effect.type === 'probe.wanted') seen.push(`${at} ${effect.uplink}`);
  assert.deepEqual(seen, ['3000 b', '18000 c']);
});

for (const [at, standing] of [[93_000, 'proven'], [93_100, 'unproven']] as const)
  test(`an answer proves an uplink for 1.5 intervals (${at - 3040} ms): ${standing}`, () => {
    const bench = new Bench();
    bench.run([...START]);
    assert.equal(bench.policy.explain('hq', instant(at))?.candidates.find((c) => c.uplink === 'wwan')?.standing, standing);
  });

story('no probes without an IKE SA, none of uplinks the connection may not use', [
  { at: 0, facts: { a: {}, b: { metric: 20 }, c: { metric: 30 } } },
  { at: 10, input: { type: 'connection.using', connection: 'hq', uplink: undefined } },
  { at: 1000, expect: [] },
], { probes: true, uplinks: ['a', 'b'] });

// ---- The last resort ------------------------------------------------------------------------------------------------

/** Two usual uplinks and a last resort with the best metric of all; the tunnel stands on `wan`. */
const RESORT: readonly Step[] = [
  { at: 0, peer: { wan: 20, dsl: 60, lte: 40 }, facts: { wan: { metric: 10 }, dsl: { metric: 20 }, lte: { metric: 1, lastResort: true } } },
  { at: 20, input: answered('wan') },
  { at: 4000 },
];

story('last_resort: its metric does not make it better: it is never gone to, and asked every 300 s only', [
  { at: 0, peer: { wan: 20, lte: 40 }, facts: { wan: { metric: 10 }, lte: { metric: 1, lastResort: true } }, expect: ['0 wan up: usable', '0 lte up: usable', '0 to wan: no_current unproven'] },
  { at: 20, input: answered('wan') },
  { at: 650_000, expect: ['3000 probe lte', '303040 probe lte', '603080 probe lte'] },
], { probes: true });

story('last_resort: when the current uplink is lost, a usual one is taken, proven or not', [
  ...RESORT,
  { at: 5000, facts: { wan: { reason: 'no_carrier' } }, expect: ['5000 wan down: no_carrier', '5000 to dsl: carrier_lost proven'] },
  { at: 5100, facts: { v: { metric: 99 } } },
  { at: 5300, facts: { dsl: { reason: 'no_carrier' } }, expect: ['5250 v up: usable', '5300 dsl down: no_carrier', '5300 to v: carrier_lost unproven'] },
]);

story('last_resort: taken when all others are down, or known to be silent', [
  ...RESORT,
  { at: 5000, input: unanswered('dsl') },
  { at: 6000, facts: { wan: { reason: 'no_carrier' } }, expect: ['6000 wan down: no_carrier', '6000 to lte: carrier_lost unproven last_resort'] },
], { manual: true });

for (const [metric, name] of [[10, 'better'], [900, 'worse']] as const)
  story(`last_resort: an uplink with a ${name} metric than the last resort is gone back to after its trial`, [
    { at: 0, peer: { wan: 20, lte: 40 }, facts: { wan: { metric }, lte: { metric: 500, lastResort: true } }, expect: ['0 wan up: usable', '0 lte up: usable', '0 to wan: no_current unproven'] },
    { at: 20, input: answered('wan') },
    { at: 5000, facts: { wan: { reason: 'no_carrier' } }, expect: ['5000 wan down: no_carrier', '5000 to lte: carrier_lost proven last_resort'] },
    { at: 20_000, facts: { wan: { up: true } }, expect: [] },
    { at: 30_189, expect: ['20150 wan up: usable'] },
    { at: 30_190, expect: ['30190 to wan: last_resort_over proven'] },
  ]);

for (const [at, seen] of [[5999, []], [6000, ['6000 to lte: black_hole proven last_resort']]] as const)
  story(`last_resort: in a race it wins after 1 s only, while another may answer (${at - 5000} ms)`, [
    ...RESORT,
    { at: 5000, peer: { wan: undefined, dsl: undefined }, input: doubtful('wan'), expect: ['5000 race dsl lte'] },
    { at, expect: seen },
  ]);

story('last_resort: in a race a usual uplink that answers later than the last resort wins', [
  ...RESORT,
  { at: 5000, peer: { wan: undefined, dsl: 990 }, input: doubtful('wan'), expect: ['5000 race dsl lte'] },
  { at: 7000, expect: ['5990 to dsl: black_hole proven'] },
]);

story('last_resort: in a race it wins at once when no other one can be used', [
  ...RESORT,
  { at: 4500, input: unanswered('dsl') },
  { at: 5000, peer: { wan: undefined, dsl: undefined }, input: doubtful('wan'), expect: ['5000 race lte dsl'] },
  { at: 5100, expect: ['5040 to lte: black_hole proven last_resort'] },
]);

story('last_resort, F-3: taken when the only other uplink carries no data', [
  { at: 0, peer: { wan: 20, lte: 40 }, facts: { wan: { metric: 10 }, lte: { metric: 1, lastResort: true } } },
  { at: 20, input: answered('wan') },
  { at: 5000, input: blocked('wan'), expect: ['5000 to lte: data_blocked proven last_resort'] },
]);

story('last_resort: among several the metric decides', [
  { at: 0, peer: { a: 20, b: 40 }, facts: { a: { metric: 2, lastResort: true }, b: { metric: 1, lastResort: true } }, expect: ['0 a up: usable', '0 b up: usable', '0 to b: no_current unproven last_resort'] },
]);

story('last_resort: the user may force it', [
  ...RESORT,
  { at: 5000, input: force('lte'), expect: ['5000 to lte: forced proven last_resort'] },
  { at: 100_000, expect: [] },
]);

story('last_resort: a change of the configuration counts', [
  { at: 0, peer: { wan: 20, lte: 40 }, facts: { wan: { metric: 10 }, lte: { metric: 1 } } },
  { at: 50, input: answered('lte') },
  { at: 20_000, facts: { lte: { lastResort: true } } },
  { at: 40_000, expect: ['30190 to wan: last_resort_over proven'] },
]);

// ---- The user -------------------------------------------------------------------------------------------------------

story('the user forces a worse uplink: at once, and it holds', [
  ...START,
  { at: 5000, input: force('wwan'), expect: ['5000 to wwan: forced proven'] },
  { at: 200_000, expect: [] },
  { at: 200_000, input: force(undefined), expect: [] },
  { at: 215_000, expect: ['210040 to wan: better_metric proven'] },
]);

for (const [at, seen] of [[3_605_000 - 1, []], [3_605_000, ['3605000 probe wan']]] as const)
  story(`a wish with a time: the better uplink is looked at again when it is over (${at} ms), and taken after its trial`, [
    ...START,
    { at: 5000, input: force('wwan', 3_600_000), expect: ['5000 to wwan: forced proven'] },
    { at: 3_604_000 },
    { at, expect: seen },
    { at: 3_616_000, expect: ['3605000 probe wan', '3608020 probe wan', '3611040 probe wan', '3614060 probe wan', '3615020 probe wan', '3615040 to wan: better_metric proven', '3615040 probe wwan'].slice(seen.length) },
  ], { probes: true });

story('a wish with a time for the uplink in use keeps it although a better one is there, and is replaced by a newer one', [
  ...START,
  { at: 5000, facts: { wan: { reason: 'no_carrier' } } },
  { at: 6000, facts: { wan: { up: true } } },
  { at: 7000, input: force('wwan', 60_000), expect: ['6150 wan up: usable'] },
  { at: 60_000, input: force('wwan', 3_600_000), expect: [] },
  { at: 100_000, input: force('wwan'), expect: [] },
  { at: 4_000_000, expect: [] },
]);

story('a wish with a time ends before it is over like any other', [
  ...START,
  { at: 5000, input: force('wwan', 3_600_000) },
  { at: 6000, facts: { wwan: { reason: 'no_carrier' } }, expect: ['6000 wwan down: no_carrier', '6000 to wan: carrier_lost proven'] },
  { at: 7000, facts: { wwan: { up: true } } },
  { at: 90_000, expect: ['7150 wwan up: usable'] },
]);

test('an explanation tells the wish and what is left of it', () => {
  const bench = new Bench();
  bench.run([...START, { at: 5000, input: force('wwan', 60_000) }]);
  const told = (at: number): unknown => [bench.policy.explain('hq', instant(at))?.forced, bench.policy.explain('hq', instant(at))?.forcedFor, bench.policy.wish('hq')];
  assert.deepEqual(told(25_000), ['wwan', 40_000, { uplink: 'wwan', until: 65_000 }]);
  bench.run([{ at: 64_999 }]);
  assert.equal(bench.policy.wish('hq')?.uplink, 'wwan');
  bench.run([{ at: 65_000 }]);
  assert.deepEqual(told(65_000), [undefined, undefined, undefined]);
  assert.equal(bench.policy.wish('nope'), undefined);
});

story('the wish ends when the forced uplink goes down', [
  ...START,
  { at: 5000, input: force('wwan') },
  { at: 6000, facts: { wwan: { reason: 'no_carrier' } }, expect: ['6000 wwan down: no_carrier', '6000 to wan: carrier_lost proven'] },
  { at: 7000, facts: { wwan: { up: true } } },
  { at: 90_000, expect: ['7150 wwan up: usable'] },
]);

story('the wish ends when the forced uplink falls silent and another one answers', [
  ...START,
  { at: 5000, input: force('wwan') },
  { at: 5100, input: answered('wwan') },
  { at: 6000, peer: { wwan: undefined }, input: doubtful('wwan'), expect: ['6000 race wan'] },
  { at: 60_000, expect: ['6020 to wan: black_hole proven'] },
]);

story('a wish that cannot be granted is refused with the reason, and changes nothing', [
  ...START,
  { at: 5000, facts: { down: { reason: 'no_carrier', metric: 99 }, v6: { addresses: ['2001:db8::1'], metric: 98 } } },
  { at: 5500, input: force('nope'), expect: ['5150 v6 up: usable', '5500 refused nope: unknown_uplink'] },
  { at: 5500, input: force('down'), expect: ['5500 refused down: down'] },
  { at: 5500, input: force('v6'), expect: ['5500 refused v6: no_common_family'] },
  { at: 5500, input: { type: 'switch.requested', connection: 'other', uplink: 'wan' }, expect: ['5500 refused wan: unknown_connection'] },
], { families: [4] });

story('an uplink the connection does not list is refused', [
  { at: 0, facts: { a: {}, b: {} } },
  { at: 1000, input: force('b'), expect: ['1000 refused b: not_allowed'] },
], { uplinks: ['a'] });

// ---- The daemon -----------------------------------------------------------------------------------------------------

story('a decision not followed is repeated after 2, 4, 8 s', [
  { at: 0, facts: { wan: {} }, expect: ['0 wan up: usable', '0 to wan: no_current unproven'] },
  { at: 1999, expect: [] },
  { at: 2000, expect: ['2000 to wan: no_current unproven'] },
  { at: 14_000, expect: ['6000 to wan: no_current unproven', '14000 to wan: no_current unproven'] },
], { deaf: true });

story('a decision not followed is repeated every 60 s in the end', [
  { at: 0, facts: { wan: {} } },
  { at: 62_000 },
  { at: 182_000, expect: ['122000 to wan: no_current unproven', '182000 to wan: no_current unproven'] },
], { deaf: true });

story('a decision not followed is taken back when its uplink goes', [
  { at: 0, facts: { wan: {} } },
  { at: 100, facts: { wan: { reason: 'no_carrier' } }, expect: ['100 wan down: no_carrier', '100 to nothing: no_candidate'] },
  { at: 90_000, expect: [] },
], { deaf: true });

story('unknown connections and uplinks are ignored', [
  ...START,
  { at: 5000, input: answered('nope'), expect: [] },
  { at: 5000, input: { type: 'path.unanswered', connection: 'nope', uplink: 'wan' }, expect: [] },
  { at: 5000, input: { type: 'connection.forgotten', connection: 'hq' }, expect: [] },
  { at: 5000, facts: { wan: { reason: 'no_carrier' } }, expect: ['5000 wan down: no_carrier'] },
  { at: 90_000, expect: [] },
]);

test('M2.1-3: explain tells candidates, standing, what is waited for, and the last decision', () => {
  const bench = new Bench();
  bench.run([...away(20_000), { at: 24_150 }]);
  const told = bench.policy.explain('hq', instant(24_150));
  assert.deepEqual(told, {
    connection: 'hq', current: 'wwan', forced: undefined, forcedFor: undefined, doubtful: undefined,
    candidates: [
      { uplink: 'wan', metric: 10, lastResort: false, standing: 'proven', rttMs: 20, failures: 0, refused: false, departures: 1, outside: false, answeredAgo: 960, waits: 'hold_down', waitsFor: 6020 },
      { uplink: 'wwan', metric: 20, lastResort: false, standing: 'proven', rttMs: 40, failures: 0, refused: false, departures: 0, outside: false, answeredAgo: 21_110, waits: undefined, waitsFor: undefined },
    ],
    excluded: [],
    verdict: { to: 'wwan', reasons: ['keep', 'hold_down'] },
    decision: { to: 'wwan', reasons: ['carrier_lost', 'proven'], trigger: 'facts.observed', at: 5000 },
  });
  assert.equal(bench.policy.explain('nope', instant(24_150)), undefined);
  assert.deepEqual(bench.policy.candidates('hq', instant(24_150)), ['wan', 'wwan']);
});

test('views show every uplink with what each connection knows of it', () => {
  const bench = new Bench();
  bench.run([...START, { at: 5000, facts: { lte: { reason: 'no_device', metric: 30 } } }]);
  const views = bench.policy.views(instant(5000));
  assert.deepEqual(views.map((view) => [view.facts.name, view.facts.up, view.since, view.paths.map((path) => [path.current, path.standing, path.rttMs, path.nextProbeAt])]), [
    ['wan', true, 0, [[true, 'proven', 20, undefined]]],
    ['wwan', true, 0, [[false, 'proven', 40, 63_040]]],
    ['lte', false, 5000, [[false, 'unproven', undefined, undefined]]],
  ]);
  assert.deepEqual(views[0]?.facts.addresses, [ip('192.0.2.1')]);
});

test('D5.1.3-2: hours of random weather: no thrash, no deadline in the past, bounded probes', () => {
  let seed = 7;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return Math.floor((seed / 2 ** 32) * below);
  };
  const bench = new Bench({ probes: true });
  bench.run(START);
  const names = ['wan', 'wwan', 'lte'];
  let moves = 0;
  for (let i = 0; i < 3000; i++) {
    bench.advance(bench.now + random(20_000));
    const name = names[random(3)] ?? 'wan';
    const before = bench.all.length;
    switch (random(6)) {
      case 0: bench.observe({ [name]: { reason: ['no_carrier', 'no_address', 'interface_down'][random(3)] ?? 'no_route' } }); break;
      case 1: case 2: bench.observe({ [name]: { up: true, metric: 10 * (1 + names.indexOf(name)) } }); break;
      case 3: bench.run([{ at: bench.now, peer: { [name]: random(2) === 0 ? undefined : random(200) } }]); break;
      case 4: if (bench.using !== undefined) bench.give(doubtful(bench.using)); break;
      default: if (bench.using !== undefined) bench.give(answered(bench.using)); break;
    }
    moves += bench.all.slice(before).filter((line) => line.includes(' to ')).length;
  }
  const decisions = bench.all.filter((line) => line.includes(' to '));
  assert.ok(moves > 50 && decisions.length < 3000, `${moves} ${decisions.length}`);
  const voluntary = decisions.filter((line) => line.includes('better_metric')).map((line) => Number(line.split(' ')[0]));
  for (let i = 1; i < voluntary.length; i++) assert.ok((voluntary[i] ?? 0) - (voluntary[i - 1] ?? 0) >= 5000);
  const probes = bench.all.filter((line) => line.includes('probe')).map((line) => Number(line.split(' ')[0]));
  for (let i = 5; i < probes.length; i++) assert.ok((probes[i] ?? 0) - (probes[i - 5] ?? 0) >= 1000, `6 probes within a second at ${probes[i]}`);
});

// ---- What the peer refuses ------------------------------------------------------------------------------------------

story('M3.5-20: the peer refuses the uplink that the user forced: the wish ends, and it is not decided again', [
  ...START,
  { at: 20_000, input: force('wwan'), expect: ['20000 to wwan: forced proven'] },
  { at: 20_100, input: refused('wwan'), expect: [] },
  { at: 20_101, input: { type: 'connection.using', connection: 'hq', uplink: 'wan' }, expect: [] },
  { at: 600_000, expect: [] },
]);

story('M3.5-20: a better uplink that the peer refuses is not gone back to within ten minutes, although it answers; then it is', [
  ...START,
  { at: 20_000, facts: { wan: { reason: 'no_carrier' } }, expect: ['20000 wan down: no_carrier', '20000 to wwan: carrier_lost proven'] },
  { at: 30_000, facts: { wan: { up: true, addresses: ['192.0.2.1'] } } },
  { at: 30_500, input: refused('wan'), expect: ['30150 wan up: usable'] },
  { at: 630_000, expect: [] },
  { at: 660_000, expect: ['632090 to wan: better_metric proven'] },
]);

story('M3.5-20: what the peer refused is the last resort, and welcome again with another address', [
  ...START,
  { at: 20_000, input: refused('wwan') },
  { at: 30_000, facts: { wan: { reason: 'no_carrier' } }, expect: ['30000 wan down: no_carrier', '30000 to wwan: carrier_lost silent'] },
]);

test('an explanation says what the peer refused', () => {
  const bench = new Bench();
  bench.run(START);
  bench.give(refused('wwan'));
  const about = (): boolean | undefined => bench.policy.explain('hq', instant(bench.now))?.candidates.find((c) => c.uplink === 'wwan')?.refused;
  assert.equal(about(), true);
  bench.run([{ at: 5000, facts: { wwan: { addresses: ['198.51.100.2'] } } }, { at: 6000 }]);
  assert.equal(about(), false);
});

// ---- What the targets of an uplink say --------------------------------------------------------------------------------

const reached = (uplink: string, state: 'reachable' | 'unreachable' | 'captive' | 'unknown'): UplinkInput => ({ type: 'uplink.reached', uplink, state });

for (const state of ['unreachable', 'captive'] as const) {
  story(`an uplink that is ${state} comes last, though it was never asked`, [
    { at: 0, peer: { a: 20, b: undefined, c: undefined }, facts: { a: { metric: 1 }, b: { metric: 2 }, c: { metric: 3 } } },
    { at: 20, input: answered('a') },
    { at: 100, input: reached('b', state) },
    { at: 200, facts: { a: { reason: 'no_carrier' } }, expect: ['200 a down: no_carrier', '200 to c: carrier_lost unproven'] },
  ]);

  story(`the peer's answer since is worth more than a word of targets: ${state}`, [
    { at: 0, peer: { a: 20, b: undefined, c: undefined }, facts: { a: { metric: 1 }, b: { metric: 2 }, c: { metric: 3 } } },
    { at: 20, input: answered('a') },
    { at: 100, input: reached('b', state) },
    { at: 150, input: answered('b') },
    { at: 200, facts: { a: { reason: 'no_carrier' } }, expect: ['200 a down: no_carrier', '200 to b: carrier_lost proven'] },
  ]);

  story(`the uplink in use is not left because it is ${state}: the tunnel is what counts`, [
    ...START,
    { at: 5000, input: reached('wan', state), expect: [] },
    { at: 30_000, expect: [] },
  ]);
}

story('an answer from before does not count: the next candidate is another', [
  { at: 0, peer: { a: 20, b: 20, c: 20 }, facts: { a: { metric: 1 }, b: { metric: 2 }, c: { metric: 3 } } },
  { at: 20, input: answered('a') },
  { at: 10_000, input: reached('b', 'captive') },
  { at: 10_100, facts: { a: { reason: 'no_carrier' } }, expect: ['10100 a down: no_carrier', '10100 to c: carrier_lost proven'] },
]);

for (const state of ['reachable', 'unknown'] as const)
  story(`what is ${state} again counts as before`, [
    { at: 0, peer: { a: 20, b: undefined, c: undefined }, facts: { a: { metric: 1 }, b: { metric: 2 }, c: { metric: 3 } } },
    { at: 20, input: answered('a') },
    { at: 100, input: reached('b', 'unreachable') },
    { at: 150, input: reached('b', state) },
    { at: 200, facts: { a: { reason: 'no_carrier' } }, expect: ['200 a down: no_carrier', '200 to b: carrier_lost unproven'] },
  ]);

test('without an IKE SA what is cut off comes last in the order of the first handshake', () => {
  const bench = new Bench({ manual: true, deaf: true });
  bench.observe({ a: { metric: 1 }, b: { metric: 2 } });
  assert.deepEqual(bench.policy.candidates('hq', instant(0)), ['a', 'b']);
  bench.give(reached('a', 'captive'));
  assert.deepEqual(bench.policy.candidates('hq', instant(0)), ['b', 'a']);
});
