// MOBIKE's responder, on an IKE SA alone.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { instant, samePath, type Path } from '../../../src/base/index.ts';
import { findNotify, notify, type Payload } from '../../../src/codec/ike/index.ts';
import type { Task } from '../../../src/ike/exchange.ts';
import type { IkeSa } from '../../../src/ike/ike-sa.ts';
import { livenessTask } from '../../../src/ike/tasks/liveness.ts';
import { acceptUpdate, proceedTurn } from '../../../src/ike/tasks/mobike-accept.ts';
import { connection } from '../pair.ts';
import { Alone, alone, LTE, raced, WAN } from '../lone.ts';

const UPDATE = notify('UPDATE_SA_ADDRESSES');

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

test('X-5 M3.5-10: an update with a lower message ID than the last is not taken; one with the same or a higher is', () => {
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
  assert.deepEqual(around.said(), [], 'turned already: nothing happens again');
  sa.mobility.turning = turning;
  sa.state = 'rekeyed';
  assert.equal(task.build(sa, around.ctx), undefined);
  task.onResponse(sa, [cookie], alone(LTE), around.ctx);
  assert.deepEqual(around.said(), []);
  assert.ok(samePath(sa.path, LTE));
});
