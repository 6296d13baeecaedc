// Liveness checks and probes, on an IKE SA alone.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { instant, ip, millis, pathKey, type Instant } from '../../../src/base/index.ts';
import { findNotify, type Payload } from '../../../src/codec/ike/index.ts';
import type { IkeSa } from '../../../src/ike/ike-sa.ts';
import { refreshPath } from '../../../src/ike/tasks/ike-mobike.ts';
import { natHash } from '../../../src/ike/nat.ts';
import { livenessDue, livenessTask } from '../../../src/ike/tasks/liveness.ts';
import { deleteIkeTask } from '../../../src/ike/tasks/informational.ts';
import { connection } from '../pair.ts';
import { Alone, alone, LTE, natTold, raced, WAN } from '../lone.ts';

const names = (payloads: readonly Payload[] | undefined): number[] => (payloads ?? []).flatMap((p) => (p.type === 'N' ? [p.notify] : []));
const [SOURCE_CODE, DESTINATION_CODE] = [16_388, 16_389];

test('M3.10-1 M3.8-1: a check and a probe: their kinds, their paths, and NAT detection of a MOBIKE initiator only', () => {
  const around = new Alone();
  const [check, probe] = [livenessTask(undefined), livenessTask(LTE)];
  assert.deepEqual([check.kind, 'path' in check, probe.kind, probe.path], ['liveness', false, 'probe', LTE]);
  const sa = around.sa();
  assert.deepEqual([names(check.build(sa, around.ctx)), names(probe.build(sa, around.ctx))], [[SOURCE_CODE, DESTINATION_CODE], [SOURCE_CODE, DESTINATION_CODE]]);
  const source = findNotify(check.build(sa, around.ctx) ?? [], 'NAT_DETECTION_SOURCE_IP');
  assert.deepEqual(source?.data, natHash(around.suite, sa.spiI, sa.spiR, { address: ip('0.0.0.0'), port: 0 }), 'NK-8');
  assert.deepEqual(check.build(around.sa({ mobikeRole: 'responder' }), around.ctx), []);
  const without = around.sa();
  without.mobility.supported = false;
  assert.deepEqual(check.build(without, around.ctx), []);
  for (const state of ['rekeyed', 'deleting', 'undecided'] as const) assert.equal(check.build(around.sa({ state }), around.ctx), undefined, 'nothing is asked any more');
  check.onTimeout(sa, around.ctx);
  assert.deepEqual(around.said(), ['ike.closed peer_dead no answer for 300 s']);
});

test('M3.8-3 D6.2-3: a changed mapping shows in the answer to a check that went over one path, to a MOBIKE initiator', () => {
  const seen = (change: (sa: IkeSa) => void, answer = alone(WAN), role: 'initiator' | 'responder' = 'initiator'): [string[], string[] | undefined] => {
    const around = new Alone();
    const sa = around.sa({ mobikeRole: role });
    sa.mobility.mappings.set(pathKey(WAN), natHash(around.suite, sa.spiI, sa.spiR, WAN.local));
    const task = livenessTask(undefined);
    task.build(sa, around.ctx);
    change(sa);
    task.onResponse(sa, natTold(around, sa, WAN, { mapped: 4777, hidden: true }), answer, around.ctx);
    return [around.said(), sa.mobility.pending && [...sa.mobility.pending.reasons, String(sa.natLocal), String(sa.natRemote)]];
  };
  assert.deepEqual(seen(() => undefined), [['nat.changed wan', 'mapping.seen wan'], ['nat_mapping_changed', 'true', 'true']]);
  assert.deepEqual(seen(() => undefined, raced(WAN)), [[], undefined]);
  assert.deepEqual(seen((sa) => void (sa.mobility.supported = false)), [[], undefined]);
  assert.deepEqual(seen(() => undefined, alone(WAN), 'responder'), [[], undefined]);
});

test('N-d: behind a NAT a peer that saw no change, as libreswan says for ever, is told of our pair again when packets of ours went unanswered: once for a silence, or a minute', () => {
  const around = new Alone();
  const check = (sa: IkeSa, { unanswered = true, on = WAN, answer = alone(on) } = {}): readonly string[] => {
    sa.mobility.pending = undefined;
    sa.unansweredSince = unanswered ? instant(around.now - 1000) : undefined;
    const task = livenessTask(on === WAN ? undefined : on);
    task.build(sa, around.ctx);
    sa.unansweredSince = undefined;
    task.onResponse(sa, natTold(around, sa, on, { mapped: 4777 }), answer, around.ctx);
    return (sa.mobility.pending as IkeSa['mobility']['pending'])?.reasons ?? [];
  };
  const natted = (change: (sa: IkeSa) => void = () => undefined): IkeSa => {
    const sa = around.sa();
    sa.natLocal = true;
    change(sa);
    return sa;
  };
  const sa = natted();
  assert.deepEqual(check(sa, { unanswered: false }), []);
  assert.deepEqual(check(sa), ['unanswered']);
  around.now += 59_000;
  assert.deepEqual(check(sa), [], 'the same silence');
  around.now += 1000;
  assert.deepEqual(check(sa), ['unanswered'], 'it lasts');
  sa.traffic = { ...sa.traffic, lastInbound: instant(around.now + 1) };
  around.now += 1000;
  assert.deepEqual(check(sa), ['unanswered'], 'another silence');
  for (const change of [(one: IkeSa) => void (one.takesPadding = true), (one: IkeSa) => void (one.mobility.vendor = true)]) assert.deepEqual(check(natted(change)), [], 'mobiked says how it sees us');
  assert.deepEqual(check(natted(), { on: LTE }), [], 'a probe');
  assert.deepEqual(check(natted(), { answer: raced(WAN) }), []);
  const plain = around.sa();
  plain.unansweredSince = instant(around.now);
  const task = livenessTask(undefined);
  task.build(plain, around.ctx);
  task.onResponse(plain, natTold(around, plain, WAN), alone(WAN), around.ctx);
  assert.equal(plain.mobility.pending, undefined, 'no NAT');
});

test('Q-11: after a probe a check on the current path is the last word; not when something else is, or nobody moved', () => {
  const around = new Alone();
  const after = (change: (sa: IkeSa) => void, on = LTE, answer = alone(on)): boolean => {
    const sa = around.sa();
    const task = livenessTask(on);
    task.build(sa, around.ctx);
    change(sa);
    task.onResponse(sa, [], answer, around.ctx);
    return sa.exchanges.has('liveness');
  };
  assert.equal(after(() => undefined), true);
  assert.equal(after(() => undefined, LTE, raced(LTE)), false);
  assert.equal(after(() => undefined, WAN), false);
  assert.equal(after((sa) => void (sa.state = 'rekeyed')), false);
  assert.equal(after((sa) => refreshPath(sa, 'x', around.ctx)), false);
  assert.equal(after((sa) => sa.exchanges.enqueue(deleteIkeTask())), false);
});

// ---- when to check ---------------------------------------------------------------------------------------------------

interface Signs { readonly ike?: number; readonly inbound?: number; readonly outbound?: number; readonly answer?: number; readonly since?: number; readonly role?: 'initiator' | 'responder' }
/** When the next check is due at 100 s, in ms; liveness 60 s, traffic active 1 s. */
function due({ ike, inbound, outbound, answer, since, role = 'initiator' }: Signs): readonly [number, number | undefined] {
  const around = new Alone();
  const sa = around.sa({ mobikeRole: role, connection: connection('initiator', { liveness: millis(60_000) }) });
  const at = (ms: number | undefined): Instant | undefined => (ms === undefined ? undefined : instant(ms));
  sa.lastIke = at(ike);
  sa.lastAnswer = at(answer);
  sa.unansweredSince = at(since);
  sa.traffic = { lastInbound: at(inbound), lastOutbound: at(outbound), lastAny: undefined };
  return [livenessDue(sa, around.time), sa.unansweredSince];
}

test('I2.4-1 I2.4-3: an idle SA is checked a while after its last sign of life, by IKE or by ESP, and not before now', () => {
  assert.deepEqual(due({ ike: 90_000 }), [150_000, undefined]);
  assert.deepEqual(due({ ike: 10_000 }), [100_000, undefined]);
  assert.deepEqual(due({ role: 'responder', ike: 90_000, inbound: 95_000, outbound: 99_000 }), [155_000, undefined]);
  assert.deepEqual(due({ role: 'responder', ike: 10_000 }), [100_000, undefined]);
  assert.deepEqual(due({}), [100_000, undefined]);
});

test('D5.5.2-3: an answer on another path is no sign of life, but gives half a second of rest', () => {
  assert.deepEqual(due({ ike: 10_000, answer: 99_900 }), [100_400, undefined]);
  assert.deepEqual(due({ role: 'responder', ike: 10_000, answer: 99_900 }), [100_400, undefined]);
});

test('I2.4-3: traffic that nothing answers is asked about a second after the first of it, and that moment is kept while it goes on', () => {
  assert.deepEqual(due({ ike: 90_000, outbound: 99_500 }), [100_500, 99_500]);
  assert.deepEqual(due({ ike: 90_000, outbound: 99_900, since: 99_500 }), [100_500, 99_500], 'the first counts');
  assert.deepEqual(due({ ike: 90_000, outbound: 99_900, since: 80_000 }), [100_900, 99_900], 'before the last sign of life is long ago');
  assert.deepEqual(due({ ike: 90_000, outbound: 99_900, since: 90_000 }), [100_000, 90_000], 'at the same moment is after it');
  assert.deepEqual(due({ ike: 90_000, outbound: 90_000 }), [150_000, undefined], 'nor does what left together with it count');
  assert.deepEqual(due({ ike: 90_000, outbound: 100_200 }), [101_000, 100_000], 'a clock that is ahead');
  assert.deepEqual(due({ ike: 99_000, outbound: 98_000, since: 97_000 }), [159_000, undefined]);
});

test('I2.4-3: inbound traffic that ceased is asked about after five times the span, if IKE has said nothing since', () => {
  assert.deepEqual(due({ ike: 90_000, inbound: 98_000 }), [103_000, undefined]);
  assert.deepEqual(due({ inbound: 98_000 }), [103_000, undefined]);
  assert.deepEqual(due({ ike: 98_000, inbound: 98_000 }), [158_000, undefined]);
  assert.deepEqual(due({ ike: 99_000, inbound: 98_000 }), [159_000, undefined]);
  assert.deepEqual(due({ ike: 90_000, inbound: 98_000, outbound: 98_500 }), [100_000, 98_500], 'whichever comes first');
});
