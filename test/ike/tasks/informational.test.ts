// INFORMATIONAL, both ends, on an IKE SA alone: Deletes and what follows them, notices of SPIs that are not known.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { instant, seconds } from '../../../src/base/index.ts';
import { notify, type ChildSpi, type Payload } from '../../../src/codec/ike/index.ts';
import type { Task } from '../../../src/ike/exchange.ts';
import type { IkeSa } from '../../../src/ike/ike-sa.ts';
import { deleteChildTask, deleteIkeTask, deleteUnusedTask, invalidSpiTask, respondInformational } from '../../../src/ike/tasks/informational.ts';
import { deleteEsp, DELETE_IKE, rawNotify, spi4 } from '../scripted-peer.ts';
import { Alone, alone, WAN } from '../lone.ts';

const low = new Uint8Array(32);
const UNKNOWN = 0x7777;
const waiting = (sa: IkeSa): string[] => sa.exchanges.takeWaiting().map((task) => task.kind);
/** What the peer is answered. */
function told(around: Alone, sa: IkeSa, payloads: readonly Payload[], messageId = 0): readonly Payload[] | undefined {
  let answer: readonly Payload[] | undefined;
  respondInformational(sa, messageId, payloads, WAN, (p) => void (answer = p), around.ctx);
  return answer;
}

test('I1.4.1-1: a Delete names our inbound SPI once, and the pair goes with its answer; not when it is gone already', () => {
  const around = new Alone();
  const sa = around.sa();
  const child = around.child(sa);
  const task = deleteChildTask(child);
  assert.deepEqual([task.kind, task.build(sa, around.ctx), child.deleteSent], ['childDelete', [deleteEsp(child.spiIn)], true]);
  const successor = around.sa();
  sa.children.clear();
  successor.children.set(child.spiIn, child);
  sa.successor = successor;
  task.onResponse(sa, [], alone(WAN), around.ctx);
  assert.deepEqual([successor.children.size, around.freed], [0, [child.spiIn]]);
  assert.equal(task.build(sa, around.ctx), undefined);
});

test('I2.21-1: a pair of which we have no half is deleted by our SPI, which is free when that is over, however it ends', () => {
  const around = new Alone();
  const sa = around.sa();
  const task = deleteUnusedTask(777 as ChildSpi);
  assert.deepEqual([task.kind, task.build(sa, around.ctx), around.freed], ['childDelete', [deleteEsp(777)], []]);
  task.onResponse(sa, [], alone(WAN), around.ctx);
  task.release?.(around.ctx);
  assert.deepEqual(around.freed, [777, 777]);
});

test('I2.1-1: no answer to a Delete of a child, or to a notice, ends the IKE SA; to the Delete of the IKE SA as well, without a word', () => {
  const ends = (task: (around: Alone, sa: IkeSa) => Task): string[] => {
    const around = new Alone();
    const sa = around.sa();
    const made = task(around, sa);
    around.said();
    made.onTimeout(sa, around.ctx);
    assert.equal(sa.state, 'dead');
    return around.said().filter((line) => line.startsWith('ike'));
  };
  assert.deepEqual(ends((around, sa) => deleteChildTask(around.child(sa))), ['ike.closed peer_dead no answer to Delete']);
  assert.deepEqual(ends(() => deleteUnusedTask(5 as ChildSpi)), ['ike.closed peer_dead no answer to Delete']);
  assert.deepEqual(ends(() => invalidSpiTask(5 as ChildSpi)), ['ike.closed peer_dead no answer to a notice']);
  assert.deepEqual(ends(() => deleteIkeTask()), []);
  const around = new Alone();
  const sa = around.sa({ state: 'deleting' });
  deleteIkeTask().onResponse(sa, [], alone(WAN), around.ctx);
  assert.equal(sa.state, 'dead');
});

test('I2.21.4-1: the notice of an SPI that is not known names it, on an SA that is up', () => {
  const around = new Alone();
  const task = invalidSpiTask(0x01020304 as ChildSpi);
  assert.deepEqual([task.kind, task.build(around.sa(), around.ctx)], ['invalidSpi', [notify('INVALID_SPI', Uint8Array.of(1, 2, 3, 4))]]);
  assert.equal(task.build(around.sa({ state: 'rekeyed' }), around.ctx), undefined);
});

test('I2.25-2: the peer does not know our SPI: the child is rekeyed to find out, once; not one that is on its way out or not in use', () => {
  const around = new Alone();
  const sa = around.sa();
  const child = around.child(sa);
  around.said();
  assert.deepEqual(told(around, sa, [notify('INVALID_SPI', spi4(child.spiOut))]), []);
  assert.deepEqual([around.said(), child.questioned, waiting(sa)], [['warn: the peer does not know the SPI of child lan; rekeying it'], true, ['childRekey']]);
  child.state = 'installed';
  told(around, sa, [notify('INVALID_SPI', spi4(child.spiOut))]);
  assert.deepEqual(waiting(sa), []);
  for (const change of [{ state: 'rekeyed' }, { state: 'rekeying' }, { used: false }] as const) {
    const other = around.child(sa);
    Object.assign(other, change);
    told(around, sa, [notify('INVALID_SPI', spi4(other.spiOut))]);
    assert.deepEqual([waiting(sa), other.questioned], [[], false]);
  }
  told(around, sa, [notify('INVALID_SPI', spi4(UNKNOWN))]);
  assert.deepEqual(waiting(sa), []);
});

test('I1.4.1-1: SPIs of a Delete that we do not know are told to the request under way, if they are SPIs', () => {
  const around = new Alone();
  const sa = around.sa();
  const strays: number[] = [];
  sa.exchanges.enqueue({ kind: 'x', exchange: 'CREATE_CHILD_SA', patience: seconds(300), build: () => [], onResponse: () => undefined, onTimeout: () => undefined, onStrayDelete: (spi) => void strays.push(spi) });
  sa.exchanges.pump(around.ctx);
  assert.deepEqual(told(around, sa, [deleteEsp(UNKNOWN), { type: 'D', protocol: 3, spiSize: 8, spis: [new Uint8Array(8)] }]), []);
  assert.deepEqual(strays, [UNKNOWN]);
});

test('I1.4.1-1 I2.8-1: a Delete of the peer: answered with ours unless that crossed; the new one of its number is used; told unless another goes on', () => {
  for (const role of ['initiator', 'responder'] as const) {
    const around = new Alone();
    const sa = around.sa({ mobikeRole: role });
    const [old, other] = [around.child(sa), around.child(sa, 'voice', { use: 'after_inbound' })];
    const fresh = around.child(sa, 'lan', { child: old.child, use: 'after_inbound' });
    old.state = 'rekeyed';
    around.said();
    assert.deepEqual(told(around, sa, [deleteEsp(old.spiOut)]), [deleteEsp(old.spiIn)]);
    assert.deepEqual([fresh.used, other.used, around.said().filter((line) => line.startsWith('child.closed')), sa.missing.size], [true, false, [], 0]);
    fresh.deleteSent = true;
    assert.deepEqual(told(around, sa, [deleteEsp(fresh.spiOut)]), []);
    assert.deepEqual(around.said().filter((line) => line.startsWith('child.closed')), ['child.closed lan peer_deleted']);
    assert.deepEqual([...sa.missing], role === 'initiator' ? [['lan', { at: around.now + 1000, wait: 1000 }]] : []);
  }
});

test('I2.8.1-1: the Delete of a redundant SA leaves the old one in use, and takes nothing into use', () => {
  const around = new Alone();
  const sa = around.sa();
  const lost = around.child(sa, 'lan', { use: 'never' });
  const mate = around.child(sa, 'lan', { child: lost.child, use: 'after_inbound' });
  told(around, sa, [deleteEsp(lost.spiOut)]);
  assert.equal(mate.used, false);
});

for (const [state, timer, said] of [['established', false, ['ike.closed peer_deleted']], ['established', true, ['ike.closed replaced']], ['rekeyed', false, []], ['deleting', false, []]] as const) {
  test(`I1.4.1-1: Delete of the IKE SA while it is ${state}${timer ? ' and about to be replaced' : ''}: an empty answer, then it is gone`, () => {
    const around = new Alone();
    const sa = around.sa({ state });
    if (timer) sa.timers.set('replaced', instant(999_999));
    assert.deepEqual([told(around, sa, [DELETE_IKE]), sa.state, around.said()], [[], 'dead', said]);
  });
}

test('I2.8.2-1: Delete of the IKE SA while the peer has made a successor: that one goes on, and nothing was closed', () => {
  const around = new Alone();
  const sa = around.sa();
  const theirs = around.sa({ state: 'undecided' });
  sa.race = { theirs, ni: low, nr: low };
  told(around, sa, [DELETE_IKE]);
  assert.deepEqual([sa.state, theirs.state, around.said()], ['dead', 'established', ['ike.rekeyed']]);
});

test('I2.21.2-1: UNSUPPORTED_CRITICAL_PAYLOAD ends the SA directly after IKE_AUTH only, and at its responder', () => {
  const critical = notify('UNSUPPORTED_CRITICAL_PAYLOAD', Uint8Array.of(99));
  const ends = (originalInitiator: boolean, hasSetup: boolean, id: number, payload: Payload = critical): string => {
    const around = new Alone();
    const sa = around.sa({ originalInitiator, setup: hasSetup ? ({} as NonNullable<IkeSa['setup']>) : undefined });
    told(around, sa, [payload], id);
    return sa.state;
  };
  assert.equal(ends(false, true, 2), 'dead');
  for (const [originalInitiator, hasSetup, id] of [[true, true, 2], [false, false, 2], [false, true, 3], [true, false, 2]] as const) assert.equal(ends(originalInitiator, hasSetup, id), 'established');
  assert.equal(ends(false, true, 2, notify('INVALID_SPI', spi4(1))), 'established');
});

test('M3.5-11 M3.9-2: NO_NATS_ALLOWED goes before all else: translated, COOKIE2 comes back and nothing is done; of another length, the SA ends', () => {
  const around = new Alone();
  const sa = around.sa();
  sa.mobility.supported = true;
  sa.nat.traversal = false;
  const cookie = rawNotify(16_401, new Uint8Array(16).fill(9));
  const child = around.child(sa);
  around.said();
  const answer = told(around, sa, [rawNotify(16_400), deleteEsp(child.spiOut), cookie, rawNotify(16_402, new Uint8Array(12))]);
  assert.deepEqual(answer, [notify('UNEXPECTED_NAT_DETECTED'), cookie]);
  assert.deepEqual([sa.children.size, sa.path, sa.state], [1, WAN, 'established']);
  assert.deepEqual(told(around, sa, [DELETE_IKE, rawNotify(16_402, new Uint8Array(13))]), [notify('INVALID_SYNTAX')]);
  assert.equal(sa.state, 'dead');
});
