// MOBIKE's tasks one by one, on an IKE SA alone: whole conversations are in mobike-messages.test.ts and the scenarios.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { instant, ip, millis, pathKey, samePath, type Instant, type Path } from '../../../src/base/index.ts';
import { findNotify, notify, type Payload } from '../../../src/codec/ike/index.ts';
import type { Task } from '../../../src/ike/exchange.ts';
import type { IkeSa } from '../../../src/ike/ike-sa.ts';
import { natHash } from '../../../src/ike/nat.ts';
import { acceptUpdate, livenessDue, livenessTask, movePath, proceedTurn, refreshPath, settled, updateTask } from '../../../src/ike/tasks/ike-mobike.ts';
import { deleteIkeTask } from '../../../src/ike/tasks/informational.ts';
import { connection } from '../pair.ts';
import { Alone, alone, LTE, raced, WAN } from '../lone.ts';

const UPDATE = notify('UPDATE_SA_ADDRESSES');
const names = (payloads: readonly Payload[] | undefined): number[] => (payloads ?? []).flatMap((p) => (p.type === 'N' ? [p.notify] : []));
const [UPDATE_CODE, COOKIE2_CODE, SOURCE_CODE, DESTINATION_CODE] = [16_400, 16_401, 16_388, 16_389];

/** NAT detection of an answer that came to `local` from `remote`; `mapped`: a NAT of ours is seen; `hidden`: one of the peer. */
function nat(around: Alone, sa: IkeSa, on: Path, { mapped = 0, hidden = false } = {}): Payload[] {
  const port = mapped === 0 ? on.local.port : mapped;
  return [
    notify('NAT_DETECTION_SOURCE_IP', natHash(around.suite, sa.spiI, sa.spiR, hidden ? { ...on.remote, port: 1 } : on.remote)),
    notify('NAT_DETECTION_DESTINATION_IP', natHash(around.suite, sa.spiI, sa.spiR, { ...on.local, port })),
  ];
}

/** The SA's update, built and on its way. */
function updating(around: Alone, sa: IkeSa): { task: Task; payloads: readonly Payload[]; cookie: Payload } {
  const task = updateTask(sa);
  const payloads = task?.build(sa, around.ctx);
  const cookie = findNotify(payloads ?? [], 'COOKIE2');
  assert.ok(task && payloads && cookie);
  return { task, payloads, cookie };
}

/** A move to LTE of which the update waits for its turn. */
function moving(around: Alone): IkeSa {
  const sa = around.sa();
  sa.exchanges.enqueue(livenessTask(undefined));
  sa.exchanges.pump(around.ctx);
  movePath(sa, LTE, ['uplink_down'], instant(around.now - 40), around.ctx);
  return sa;
}

// ---- moving ----------------------------------------------------------------------------------------------------------

test('M3.5-4 M3.5-6 M3.5-7: a move turns ESP at once, sends the outstanding request there, and its update is the next request', () => {
  const around = new Alone();
  const sa = moving(around);
  assert.deepEqual(around.said(), ['send wan', 'esp lte pinhole', 'path.moving wan lte uplink_down 40', 'send lte']);
  sa.exchanges.enqueue(livenessTask(undefined));
  sa.exchanges.abandon(around.ctx);
  sa.afterwards(around.ctx);
  assert.equal(sa.exchanges.outstanding?.task.kind, 'update');
  assert.deepEqual(around.said(), ['send lte']);
});

test('a move while traffic is unanswered gives the new path its own time', () => {
  const around = new Alone();
  const sa = around.sa();
  sa.unansweredSince = instant(5);
  movePath(sa, LTE, ['x'], around.time, around.ctx);
  assert.equal(sa.unansweredSince, undefined);
});

for (const [what, prepare, expected] of [
  ['that the peer may still know as the only one', () => undefined, ['update', true]],
  ['of a peer without MOBIKE', (old: IkeSa) => (old.mobility.supported = false), ['liveness', false]],
  ['whose successor the peer has used', (_old: IkeSa, sa: IkeSa, around: Alone) => sa.heard(WAN, around.ctx), ['liveness', false]],
  ['that is being deleted', (old: IkeSa, _sa: IkeSa, around: Alone) => {
    old.exchanges.abandon(around.ctx);
    old.exchanges.enqueue(deleteIkeTask());
    old.exchanges.pump(around.ctx);
  }, ['ikeDelete', false]],
] as const) {
  test(`X-1: an IKE SA ${what}, rekeyed just before a move, goes along${expected[1] ? ', with an update of its own' : ', without an update of its own'}`, () => {
    const around = new Alone();
    const [old, sa] = [around.sa({ state: 'rekeyed' }), around.sa()];
    const waits = livenessTask(undefined);
    old.exchanges.enqueue({ ...waits, build: () => [] });
    old.exchanges.pump(around.ctx);
    prepare(old, sa, around);
    sa.predecessor = old;
    around.said();
    movePath(sa, LTE, ['uplink_down'], around.time, around.ctx);
    assert.equal(old.path.uplink, 'lte');
    assert.deepEqual(old.mobility.pending && [old.mobility.pending.due, old.mobility.pending.reasons, old.mobility.pending.from.uplink], expected[1] ? [true, ['uplink_down'], 'wan'] : undefined);
    assert.deepEqual(around.said(), ['esp lte pinhole', 'path.moving wan lte uplink_down 0', 'send lte', 'send lte'], 'its outstanding request, and the update of the new SA');
    if (expected[1]) old.exchanges.abandon(around.ctx);
    old.afterwards(around.ctx);
    assert.equal(old.exchanges.outstanding?.task.kind, expected[0]);
    assert.equal(sa.exchanges.outstanding?.task.kind, 'update');
  });
}

test('X-1: an idle IKE SA that was rekeyed asks at once', () => {
  const around = new Alone();
  const [old, sa] = [around.sa({ state: 'rekeyed' }), around.sa()];
  sa.predecessor = old;
  movePath(sa, LTE, ['uplink_down'], around.time, around.ctx);
  assert.equal(old.exchanges.outstanding?.task.kind, 'update');
  old.state = 'dead';
  movePath(sa, WAN, ['back'], around.time, around.ctx);
  assert.equal(old.path.uplink, 'lte', 'what is gone stays where it was');
});

test('X-3: a successor that the peer made meanwhile moves too', () => {
  const around = new Alone();
  const [sa, theirs] = [around.sa(), around.sa()];
  sa.race = { theirs, ni: new Uint8Array(), nr: new Uint8Array() };
  movePath(sa, LTE, ['uplink_down'], around.time, around.ctx);
  assert.equal(theirs.path.uplink, 'lte');
});

test('M3.8-3 M1.3-1: only a MOBIKE initiator refreshes its path, and not over a move that is under way', () => {
  const around = new Alone();
  const sa = around.sa();
  refreshPath(sa, 'baseline', around.ctx);
  assert.deepEqual(sa.mobility.pending, { from: WAN, reasons: ['baseline'], since: around.time, due: true });
  const { pending } = sa.mobility;
  refreshPath(sa, 'other', around.ctx);
  assert.equal(sa.mobility.pending, pending);
  const responder = around.sa({ mobikeRole: 'responder' });
  refreshPath(responder, 'baseline', around.ctx);
  const without = around.sa();
  without.mobility.supported = false;
  refreshPath(without, 'baseline', around.ctx);
  assert.deepEqual([responder.mobility.pending, without.mobility.pending], [undefined, undefined]);
});

// ---- the update ------------------------------------------------------------------------------------------------------

test('M3.5-8: an update is made when one is due, with 16 octets drawn for its COOKIE2, and then none is until the next decision', () => {
  const around = new Alone();
  const sa = around.sa();
  assert.equal(updateTask(sa), undefined);
  around.fill = { cookie2: 7 };
  sa.mobility.pending = { from: WAN, reasons: [], since: around.time, due: true };
  const { task, payloads, cookie } = updating(around, sa);
  assert.deepEqual([task.kind, task.exchange, names(payloads)], ['update', 'INFORMATIONAL', [UPDATE_CODE, SOURCE_CODE, DESTINATION_CODE, COOKIE2_CODE]]);
  assert.deepEqual(cookie.type === 'N' && cookie.data, new Uint8Array(16).fill(7));
  assert.equal(updateTask(sa), undefined);
  task.onTimeout(sa, around.ctx);
  assert.deepEqual(around.said(), ['ike.closed peer_dead no answer to UPDATE_SA_ADDRESSES']);
});

test('M3.8-3: the answer to an update gives the path its baseline, whatever it was before; how long the move took is told', () => {
  const around = new Alone();
  const sa = moving(around);
  sa.mobility.mappings.set(pathKey(LTE), new Uint8Array(20));
  const { task, cookie } = updating(around, sa);
  around.said();
  around.now += 60;
  task.onResponse(sa, [cookie, ...nat(around, sa, LTE, { mapped: 777, hidden: true })], alone(LTE), around.ctx);
  assert.deepEqual(around.said(), ['path.moved wan lte uplink_down 100']);
  assert.deepEqual([sa.natLocal, sa.natRemote, sa.mobility.pending], [true, true, undefined]);
  const before = [...sa.mobility.mappings.keys()];
  assert.deepEqual(before, [pathKey(LTE)]);
});

test('M3.5-9 M3.5-18: an answer counts for the decision it was asked for, and for the path that is still the current one', () => {
  for (const change of [(sa: IkeSa) => void (sa.mobility.pending = { from: WAN, reasons: ['newer'], since: instant(0), due: true }), (sa: IkeSa) => void (sa.path = WAN)]) {
    const around = new Alone();
    const sa = moving(around);
    const { task, cookie } = updating(around, sa);
    change(sa);
    const { pending } = sa.mobility;
    around.said();
    task.onResponse(sa, [cookie, ...nat(around, sa, LTE, { mapped: 9 })], alone(LTE), around.ctx);
    assert.deepEqual([around.said(), sa.mobility.pending, sa.natLocal], [[], pending, false]);
  }
});

test('X-1: on an SA that was rekeyed meanwhile the answer ends the matter, and the path is its successor\'s', () => {
  const around = new Alone();
  const sa = moving(around);
  const { task, cookie } = updating(around, sa);
  sa.state = 'rekeyed';
  around.said();
  task.onResponse(sa, [cookie, ...nat(around, sa, LTE, { mapped: 9 })], alone(LTE), around.ctx);
  assert.deepEqual([around.said(), sa.mobility.pending, sa.natLocal], [[], undefined, false]);
});

test('D6.2-3: the answer to copies on two paths says nothing of NATs and is asked for again', () => {
  const around = new Alone();
  const sa = moving(around);
  const { task, cookie } = updating(around, sa);
  task.onResponse(sa, [cookie, ...nat(around, sa, LTE, { mapped: 9 })], raced(LTE), around.ctx);
  assert.deepEqual([sa.mobility.pending?.due, sa.natLocal], [true, false]);
});

test('M3.5-20: a refused pair: back, with the reason; a refused refresh of the pair we are on: no move', () => {
  const around = new Alone();
  const sa = moving(around);
  const { task, cookie } = updating(around, sa);
  around.said();
  task.onResponse(sa, [cookie, notify('UNACCEPTABLE_ADDRESSES')], alone(LTE), around.ctx);
  assert.deepEqual(around.said(), ['warn: the peer refused its new address pair: UNACCEPTABLE_ADDRESSES', 'esp wan pinhole', 'path.moving lte wan refused 0', 'send wan', 'path.refused lte']);
  assert.deepEqual([sa.path.uplink, sa.mobility.pending?.from.uplink, sa.mobility.refused.get(pathKey(LTE))], ['wan', 'lte', around.now + 600_000]);
  const same = around.sa();
  refreshPath(same, 'baseline', around.ctx);
  const again = updating(around, same);
  again.task.onResponse(same, [again.cookie, notify('UNACCEPTABLE_ADDRESSES')], alone(WAN), around.ctx);
  assert.deepEqual(around.said(), ['warn: the peer refused its new address pair: UNACCEPTABLE_ADDRESSES', 'path.refused wan']);
  assert.deepEqual([same.mobility.pending, same.mobility.refused.size], [undefined, 0]);
});

test('the newest sixteen mappings are remembered', () => {
  const around = new Alone();
  const sa = around.sa();
  for (let i = 0; i < 20; i++) {
    const to = { ...LTE, local: { ...LTE.local, port: 9000 + i } };
    const task = livenessTask(to);
    task.build(sa, around.ctx);
    task.onResponse(sa, nat(around, sa, to), alone(to), around.ctx);
  }
  assert.equal(sa.mobility.mappings.size, 16);
  assert.ok(!sa.mobility.mappings.has(pathKey({ ...LTE, local: { ...LTE.local, port: 9003 } })));
  const [again, other] = [9004, 9005].map((port) => ({ ...LTE, local: { ...LTE.local, port } })) as [Path, Path];
  assert.ok(sa.mobility.mappings.has(pathKey(again)));
  for (const to of [again, LTE]) {
    const task = livenessTask(to);
    task.build(sa, around.ctx);
    task.onResponse(sa, nat(around, sa, to), alone(to), around.ctx);
  }
  assert.deepEqual([sa.mobility.mappings.size, sa.mobility.mappings.has(pathKey(again)), sa.mobility.mappings.has(pathKey(other))], [16, true, false]);
  assert.equal(settled().supported, false, 'and MOBIKE is what both said that they do');
});

// ---- checks and probes -----------------------------------------------------------------------------------------------

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
    task.onResponse(sa, nat(around, sa, WAN, { mapped: 4777, hidden: true }), answer, around.ctx);
    return [around.said(), sa.mobility.pending && [...sa.mobility.pending.reasons, String(sa.natLocal), String(sa.natRemote)]];
  };
  assert.deepEqual(seen(() => undefined), [['nat.changed wan'], ['nat_mapping_changed', 'true', 'true']]);
  assert.deepEqual(seen(() => undefined, raced(WAN)), [[], undefined]);
  assert.deepEqual(seen((sa) => void (sa.mobility.supported = false)), [[], undefined]);
  assert.deepEqual(seen(() => undefined, alone(WAN), 'responder'), [[], undefined]);
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

// ---- the responder ---------------------------------------------------------------------------------------------------

const responder = (around: Alone): IkeSa => around.sa({ mobikeRole: 'responder', originalInitiator: false, connection: connection('responder') });
const accept = (around: Alone, sa: IkeSa, id: number, to: Path, more: readonly Payload[] = []): void => {
  const { payloads, after } = acceptUpdate(sa, id, [UPDATE, ...more], to, around.ctx);
  assert.deepEqual(payloads, []);
  after?.();
};
const sent = (around: Alone, sa: IkeSa): { task: Task; cookie: Payload } => {
  const task = sa.exchanges.outstanding?.task;
  const cookie = findNotify(task?.build(sa, around.ctx) ?? [], 'COOKIE2');
  assert.ok(task?.kind === 'routability' && cookie);
  return { task, cookie };
};

test('M3.5-10: an update with a lower message ID than the last is not taken; one with the same or a higher is', () => {
  const around = new Alone();
  const sa = responder(around);
  accept(around, sa, 5, LTE);
  assert.deepEqual(acceptUpdate(sa, 4, [UPDATE], WAN, around.ctx), { payloads: [], after: undefined });
  assert.equal(sa.path.uplink, 'lte');
  accept(around, sa, 5, WAN);
  assert.equal(sa.path.uplink, 'wan');
  accept(around, sa, 6, LTE);
  assert.equal(sa.path.uplink, 'lte');
});

test('M1.3-1: an update to the initiator of the chain is told and ignored', () => {
  const around = new Alone();
  const sa = around.sa();
  assert.deepEqual(acceptUpdate(sa, 0, [UPDATE], LTE, around.ctx), { payloads: [], after: undefined });
  assert.deepEqual([around.said(), sa.path.uplink], [['info: UPDATE_SA_ADDRESSES from the responder ignored'], 'wan']);
});

test('M3.5-15 M3.7-2: a move of the peer: told at once, checked before anything else that waits, ESP turned when the check is answered', () => {
  const around = new Alone();
  const sa = responder(around);
  sa.exchanges.enqueue(livenessTask(undefined));
  accept(around, sa, 0, LTE);
  sa.afterwards(around.ctx);
  assert.deepEqual(around.said(), ['path.moving wan lte peer_update 0', 'send lte']);
  around.fill = { cookie2: 9 };
  const { task, cookie } = sent(around, sa);
  assert.deepEqual(cookie.type === 'N' && cookie.data, new Uint8Array(16).fill(9), 'M3.7-5');
  around.now += 30;
  task.onResponse(sa, [cookie], alone(LTE), around.ctx);
  assert.deepEqual(around.said(), ['esp lte', 'path.moved wan lte peer_update 30']);
  assert.equal(sa.mobility.turning, undefined);
  proceedTurn(sa, around.ctx);
  assert.deepEqual(around.said(), []);
});

test('M3.5-15: of two moves in a row the first and its moment are where ESP comes from; back where it was nothing has moved', () => {
  const around = new Alone();
  const sa = responder(around);
  const third = { ...LTE, uplink: 'third', remote: { ...LTE.remote, port: 7000 } };
  accept(around, sa, 0, LTE);
  around.now += 100;
  accept(around, sa, 1, third);
  assert.deepEqual([sa.mobility.turning?.from.uplink, sa.mobility.turning?.since], ['wan', 100_000]);
  sa.afterwards(around.ctx);
  const { task, cookie } = sent(around, sa);
  around.said();
  accept(around, sa, 2, WAN);
  around.said();
  task.onResponse(sa, [cookie], alone(third), around.ctx);
  assert.deepEqual(around.said(), [], 'M3.7-7: another address meanwhile');
  sa.exchanges.abandon(around.ctx);
  sa.afterwards(around.ctx);
  const fresh = sent(around, sa);
  around.said();
  fresh.task.onResponse(sa, [fresh.cookie], alone(WAN), around.ctx);
  assert.deepEqual(around.said(), ['esp wan']);
});

test('M3.7-6: an answer to a check that went over two pairs proves nothing; the next check is the next request', () => {
  const around = new Alone();
  const sa = responder(around);
  accept(around, sa, 0, LTE);
  sa.afterwards(around.ctx);
  const { task, cookie } = sent(around, sa);
  sa.exchanges.abandon(around.ctx);
  sa.exchanges.enqueue(livenessTask(undefined));
  around.said();
  task.onResponse(sa, [cookie], raced(LTE), around.ctx);
  sa.exchanges.pump(around.ctx);
  assert.deepEqual([around.said(), sa.exchanges.outstanding?.task.kind], [['send lte'], 'routability']);
});

test('M3.5-15: one check at a time', () => {
  const around = new Alone();
  const sa = responder(around);
  accept(around, sa, 0, LTE);
  proceedTurn(sa, around.ctx);
  assert.deepEqual(sa.exchanges.takeWaiting().map((task) => task.kind), ['routability']);
});

test('D59-3: an address is verified until its time is over, not longer', () => {
  const around = new Alone();
  const sa = responder(around);
  for (const [until, checked] of [[around.now + 1, false], [around.now, true]] as const) {
    sa.path = WAN;
    sa.mobility.verified.set(`${LTE.remote.address}|${LTE.remote.port}`, instant(until));
    accept(around, sa, 0, LTE);
    assert.equal(sa.exchanges.has('routability'), checked);
  }
});

test('M3.7-4: without COOKIE2 in its answers the peer is asked after 0.5, 1, 2 s and so on up to 30; not at all when it is no question any more', () => {
  const around = new Alone();
  const sa = responder(around);
  accept(around, sa, 0, LTE);
  sa.afterwards(around.ctx);
  const { task } = sent(around, sa);
  const waits: number[] = [];
  for (let i = 0; i < 9; i++) {
    task.onResponse(sa, [], alone(LTE), around.ctx);
    waits.push((sa.timers.get('routability') ?? 0) - around.now);
  }
  assert.deepEqual(waits, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
  sa.timers.clearAll();
  sa.mobility.turning = undefined;
  task.onResponse(sa, [], alone(LTE), around.ctx);
  assert.equal(sa.timers.get('routability'), undefined);
});

test('X-1: a check that waited is not asked when ESP has turned, or on an SA that was rekeyed; a late answer there is left to the successor', () => {
  const around = new Alone();
  const sa = responder(around);
  accept(around, sa, 0, LTE);
  sa.afterwards(around.ctx);
  const { task, cookie } = sent(around, sa);
  const { turning } = sa.mobility;
  sa.mobility.turning = undefined;
  assert.equal(task.build(sa, around.ctx), undefined);
  around.said();
  task.onResponse(sa, [cookie], alone(LTE), around.ctx);
  assert.deepEqual(around.said(), ['esp lte'], 'turned already: no second event');
  sa.mobility.turning = turning;
  sa.state = 'rekeyed';
  assert.equal(task.build(sa, around.ctx), undefined);
  task.onResponse(sa, [cookie], alone(LTE), around.ctx);
  assert.deepEqual(around.said(), []);
  assert.ok(samePath(sa.path, LTE));
});
