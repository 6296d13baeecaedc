// MOBIKE's tasks one by one, on an IKE SA alone: whole conversations are in mobike-messages.test.ts and the scenarios.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { instant, pathKey, type Path } from '../../../src/base/index.ts';
import { findNotify, notify, type Payload } from '../../../src/codec/ike/index.ts';
import type { Task } from '../../../src/ike/exchange.ts';
import type { IkeSa } from '../../../src/ike/ike-sa.ts';
import { settled } from '../../../src/ike/mobility.ts';
import { movePath, refreshPath, updateTask } from '../../../src/ike/tasks/ike-mobike.ts';
import { livenessTask } from '../../../src/ike/tasks/liveness.ts';
import { deleteIkeTask } from '../../../src/ike/tasks/informational.ts';
import { Alone, alone, LTE, natTold, raced, WAN } from '../lone.ts';

const names = (payloads: readonly Payload[] | undefined): number[] => (payloads ?? []).flatMap((p) => (p.type === 'N' ? [p.notify] : []));
const [UPDATE_CODE, COOKIE2_CODE, SOURCE_CODE, DESTINATION_CODE] = [16_400, 16_401, 16_388, 16_389];

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
  task.onResponse(sa, [cookie, ...natTold(around, sa, LTE, { mapped: 777, hidden: true })], alone(LTE), around.ctx);
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
    task.onResponse(sa, [cookie, ...natTold(around, sa, LTE, { mapped: 9 })], alone(LTE), around.ctx);
    assert.deepEqual([around.said(), sa.mobility.pending, sa.natLocal], [[], pending, false]);
  }
});

test('X-1: on an SA that was rekeyed meanwhile the answer ends the matter, and the path is its successor\'s', () => {
  const around = new Alone();
  const sa = moving(around);
  const { task, cookie } = updating(around, sa);
  sa.state = 'rekeyed';
  around.said();
  task.onResponse(sa, [cookie, ...natTold(around, sa, LTE, { mapped: 9 })], alone(LTE), around.ctx);
  assert.deepEqual([around.said(), sa.mobility.pending, sa.natLocal], [[], undefined, false]);
});

test('D6.2-3: the answer to copies on two paths says nothing of NATs and is asked for again', () => {
  const around = new Alone();
  const sa = moving(around);
  const { task, cookie } = updating(around, sa);
  task.onResponse(sa, [cookie, ...natTold(around, sa, LTE, { mapped: 9 })], raced(LTE), around.ctx);
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
    task.onResponse(sa, natTold(around, sa, to), alone(to), around.ctx);
  }
  assert.equal(sa.mobility.mappings.size, 16);
  assert.ok(!sa.mobility.mappings.has(pathKey({ ...LTE, local: { ...LTE.local, port: 9003 } })));
  const [again, other] = [9004, 9005].map((port) => ({ ...LTE, local: { ...LTE.local, port } })) as [Path, Path];
  assert.ok(sa.mobility.mappings.has(pathKey(again)));
  for (const to of [again, LTE]) {
    const task = livenessTask(to);
    task.build(sa, around.ctx);
    task.onResponse(sa, natTold(around, sa, to), alone(to), around.ctx);
  }
  assert.deepEqual([sa.mobility.mappings.size, sa.mobility.mappings.has(pathKey(again)), sa.mobility.mappings.has(pathKey(other))], [16, true, false]);
  assert.equal(settled().supported, false, 'and MOBIKE is what both said that they do');
});
