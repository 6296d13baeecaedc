import { test } from 'node:test';
import assert from 'node:assert/strict';
import { instant, millis, minutes, type ScheduleWindow } from '../../src/base/index.ts';
import type { UplinkInput } from '../../src/uplink/index.ts';
import { Calendar } from '../../src/uplink/schedule.ts';
import { answered, Bench, doubtful, force, type Step } from './steps.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const window = (days: readonly number[], from: number, to: number): ScheduleWindow => ({ text: `${days.join()} ${from}-${to}`, days, from: from * 60, to: to * 60 });
/** Monday, 2026-11-23 00:00:00 UTC. */
const MONDAY = 1_795_392_000_000;
const WORK = window([0, 1, 2, 3, 4], 8, 18);
const NIGHT = window([6], 22, 6);

function calendar(unixAtZero = MONDAY, zone = 0): Calendar {
  const made = new Calendar();
  made.set({ unixAtZero, zone: millis(zone) });
  return made;
}

test('a window is open from its first millisecond to before its last, on its days', () => {
  const open = (at: number): boolean => calendar().isOpen([WORK], instant(at));
  assert.equal(new Date(MONDAY).getUTCDay(), 1);
  const rows: [number, boolean][] = [[0, false], [8 * HOUR - 1, false], [8 * HOUR, true], [18 * HOUR - 1, true], [18 * HOUR, false]];
  const days: [number, boolean][] = [[4 * DAY + 9 * HOUR, true], [5 * DAY + 9 * HOUR, false], [6 * DAY + 9 * HOUR, false], [7 * DAY + 9 * HOUR, true]];
  for (const [at, wanted] of [...rows, ...days]) assert.equal(open(at), wanted, String(at));
});

test('a window over midnight belongs to the day it begins, also from Sunday to Monday', () => {
  const open = (at: number): boolean => calendar().isOpen([NIGHT], instant(at));
  const rows: [number, boolean][] = [[0, true], [6 * HOUR - 1, true], [6 * HOUR, false], [DAY, false], [6 * DAY + 22 * HOUR - 1, false], [6 * DAY + 22 * HOUR, true], [7 * DAY, true]];
  for (const [at, wanted] of rows) assert.equal(open(at), wanted, String(at));
});

test('several windows: one that is open is enough; none at all, or a clock that is not set: always open', () => {
  for (const at of [9 * HOUR, 6 * DAY + 23 * HOUR]) assert.equal(calendar().isOpen([WORK, NIGHT], instant(at)), true);
  assert.equal(calendar().isOpen([], instant(0)), true);
  assert.equal(calendar().isOpen(undefined, instant(0)), true);
  const unset = new Calendar();
  assert.deepEqual([unset.isOpen([WORK], instant(0)), unset.nextChange([WORK], instant(0))], [true, undefined]);
  assert.deepEqual([calendar().nextChange([], instant(0)), calendar().nextChange(undefined, instant(0))], [undefined, undefined]);
});

test('the zone moves the windows: 08:00 in a zone two hours ahead is 06:00 UTC', () => {
  for (const [zone, at] of [[2 * HOUR, 6 * HOUR], [0, 8 * HOUR], [-5 * HOUR, 13 * HOUR]] as const) {
    const made = calendar(MONDAY, zone);
    assert.deepEqual([made.isOpen([WORK], instant(at - 1)), made.isOpen([WORK], instant(at))], [false, true], String(zone));
  }
});

test('the next change is the nearest edge, always later, and there the state changes', () => {
  for (const start of [0, 0.4, 1_234_567.89]) {
    const made = calendar(MONDAY + 0.3);
    let now = instant(start);
    let open = made.isOpen([WORK, NIGHT], now);
    const seen: number[] = [];
    for (let i = 0; i < 24; i++) {
      const next = made.nextChange([WORK, NIGHT], now);
      assert.ok(next !== undefined && next > now);
      now = next;
      assert.equal(made.isOpen([WORK, NIGHT], now), !open, `${seen.length} at ${now}`);
      open = !open;
      seen.push(Math.round(now / HOUR));
    }
    assert.deepEqual(seen.slice(0, 13), [6, 8, 18, 32, 42, 56, 66, 80, 90, 104, 114, 166, 174]);
  }
});

// ---- The choice -----------------------------------------------------------------------------------------------------

/** Virtual time 0 is Monday 17:50: ten minutes later the window of `wan` ends. */
const EVENING = MONDAY + 18 * HOUR - minutes(10);
const clock = (unixAtZero = EVENING): UplinkInput => ({ type: 'clock.told', clock: { unixAtZero, zone: millis(0) } });
const START: readonly Step[] = [
  { at: 0, input: clock() },
  { at: 0, peer: { wan: 20, wwan: 40 }, facts: { wan: { metric: 10, schedule: [WORK] }, wwan: { metric: 20 } } },
  { at: 20, input: answered('wan') },
  { at: 4000 },
];
const END = 600_000;
const story = (title: string, steps: readonly Step[], probes = false): void => {
  test(title, () => new Bench({ probes }).run(steps));
};

story('the window ends: the connection moves to an uplink that is proven, at once and not before; it is back when the window has begun again', [
  ...START,
  { at: END - 1, expect: [] },
  { at: END, expect: [`${END} to wwan: outside_schedule proven`] },
  { at: END + 14 * HOUR, expect: [] },
  { at: END + 14 * HOUR + 10_060, expect: [`${END + 14 * HOUR + 10_040} to wan: better_metric proven`] },
]);

story('the window ends and the other uplink is not known to answer: it is asked at once, and taken on its answer', [
  ...START,
  { at: 400_000, peer: { wwan: undefined } },
  { at: 560_000, peer: { wwan: 40 } },
  { at: END - 1 },
  { at: END + 5000, expect: ['600000 probe wwan', '600040 to wwan: outside_schedule proven'] },
], true);

story('the window ends and no other uplink can be used: the connection stays; one that comes up is taken when it has answered', [
  { at: 0, input: clock() },
  { at: 0, peer: { wan: 20, wwan: 40 }, facts: { wan: { metric: 10, schedule: [WORK] } } },
  { at: 20, input: answered('wan') },
  { at: END + HOUR, expect: [] },
  { at: END + HOUR, facts: { wwan: { metric: 20 } } },
  { at: END + HOUR + 1000, expect: [`${END + HOUR + 150} wwan up: usable`, `${END + HOUR + 190} to wwan: outside_schedule proven`] },
]);

story('a last resort is usable enough to leave an uplink outside its schedule', [
  ...START,
  { at: 5000, facts: { wwan: { lastResort: true } } },
  { at: END - 1 },
  { at: END + 40, expect: [`${END} to wwan: outside_schedule proven last_resort`] },
]);

story('outside its schedule an uplink is not chosen when the other one is lost, not raced and not asked', [
  ...START,
  { at: END + 1000 },
  { at: END + 100_000, input: doubtful('wwan'), expect: [] },
  { at: END + 200_000, facts: { wwan: { reason: 'no_carrier' } }, expect: [`${END + 200_000} wwan down: no_carrier`, `${END + 200_000} to nothing: carrier_lost no_candidate`] },
  { at: END + 14 * HOUR - 1, expect: [] },
  { at: END + 14 * HOUR, expect: [`${END + 14 * HOUR} to wan: carrier_lost unproven`] },
]);

story('a path that is lost outside the schedule is not made anew', [
  { at: 0, input: clock() },
  { at: 0, facts: { wan: { schedule: [WORK], addresses: ['192.0.2.1'] } } },
  { at: END + 1000, facts: { wan: { addresses: ['192.0.2.2'] } }, expect: [`${END + 1000} to nothing: address_lost no_candidate`] },
]);

story('the wish of the user ends with the window, and is refused outside it', [
  ...START,
  { at: 5000, input: force('wan'), expect: [] },
  { at: END, expect: [`${END} to wwan: outside_schedule proven`] },
  { at: END + 1000, input: force('wan'), expect: [`${END + 1000} refused wan: outside_schedule`] },
]);

story('while the clock is not set a schedule does not count; when it is set, and when it steps, it does at once', [
  { at: 0, peer: { wan: 20, wwan: 40 }, facts: { wan: { metric: 10, schedule: [WORK] }, wwan: { metric: 20 } }, expect: ['0 wan up: usable', '0 wwan up: usable', '0 to wan: no_current unproven'] },
  { at: 20, input: answered('wan') },
  { at: 4000 },
  { at: 5000, input: clock(MONDAY + 20 * HOUR), expect: ['5000 to wwan: outside_schedule proven'] },
  { at: 6000, input: clock(MONDAY + 9 * HOUR) },
  { at: 20_000, expect: ['16040 to wan: better_metric proven'] },
  { at: 21_000, input: { type: 'clock.told', clock: undefined }, expect: [] },
  { at: 12 * HOUR, expect: [] },
]);

test('explanation and view say what is outside its schedule', () => {
  const bench = new Bench();
  bench.run([...START, { at: END + 1000 }]);
  const at = instant(END + 1000);
  assert.deepEqual(bench.policy.explain('hq', at)?.excluded, [{ uplink: 'wan', why: 'outside_schedule' }]);
  assert.deepEqual(bench.policy.views(at).map((view) => [view.facts.name, view.inSchedule]), [['wan', false], ['wwan', true]]);
  const alone = new Bench();
  alone.run([{ at: 0, input: clock() }, { at: 0, facts: { wan: { schedule: [WORK] } } }, { at: END + 1000 }]);
  assert.deepEqual(alone.policy.explain('hq', at)?.candidates.map((c) => [c.uplink, c.outside]), [['wan', true]]);
  assert.deepEqual(alone.policy.explain('hq', at)?.verdict.reasons, ['keep', 'outside_schedule']);
});
