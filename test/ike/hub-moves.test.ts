// What a hub's section says of the addresses its peers move to: filters, rate, return routability before, after or off, and again.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { ip, seconds, type Path } from '../../src/base/index.ts';
import type { Payload } from '../../src/codec/ike/index.ts';
import type { MovePolicy } from '../../src/ike/index.ts';
import { acceptUpdate, proceedTurn } from '../../src/ike/tasks/mobike-accept.ts';
import { Alone, LTE as LTE_PATH, WAN as WAN_PATH } from './lone.ts';
import { connection, prefixes } from './pair.ts';
import { errorsOf, findNotify, notifies, notify, rawNotify, ScriptedPeer, type Heard } from './scripted-peer.ts';

const OPEN: MovePolicy = { allowed: [], denied: [], strictSources: false, updateRate: 60, routability: 'before', hold: 'continue', roaming: 'port', recheck: undefined };
const UPDATE = notify('UPDATE_SA_ADDRESSES');
const COOKIE: Payload = rawNotify(16_401, new Uint8Array(16).fill(7));

function connected(moves: Partial<MovePolicy>): ScriptedPeer {
  const peer = new ScriptedPeer('hub', { hub: { moves: { ...OPEN, ...moves } } });
  peer.connect();
  return peer;
}
const at = (peer: ScriptedPeer, address: string, port = 4500): Path => ({ ...peer.path, remote: { address: ip(address), port } });
const ikeTo = (peer: ScriptedPeer): string => peer.side.engine.status()[0]?.path.remote.address ?? '';
const espTo = (peer: ScriptedPeer): string => peer.side.bundlePath.get(peer.chain)?.remote.address ?? 'nowhere';
const echo = (peer: ScriptedPeer, check: Heard, from: Path): void => peer.reply(check, [rawNotify(16_401, findNotify(check.payloads, 'COOKIE2')?.data ?? new Uint8Array())], {}, from);
/** What an update from there is answered with, and the request that follows. */
function update(peer: ScriptedPeer, from: Path): { errors: string[]; answer: Heard | undefined; check: Heard | undefined } {
  const heard = peer.ask('INFORMATIONAL', [UPDATE, COOKIE], {}, from);
  const answer = heard.find((h) => h.header.isResponse);
  return { errors: errorsOf(answer), answer, check: heard.find((h) => !h.header.isResponse) };
}

for (const [what, moves, refused] of [
  ['a denied prefix', { denied: prefixes('198.51.100.0/25') }, '198.51.100.1'],
  ['outside the allowed prefixes', { allowed: prefixes('192.0.2.0/24', '198.51.100.128/25') }, '198.51.100.1'],
] as const) {
  test(`M3.5-12 M5.2-1: ${what}: UNACCEPTABLE_ADDRESSES with COOKIE2, nothing changed; the next update from an allowed one works`, () => {
    const peer = connected(moves);
    const { errors, answer, check } = update(peer, at(peer, refused));
    assert.deepEqual([errors, findNotify(answer?.payloads ?? [], 'COOKIE2')?.data.length, check], [['UNACCEPTABLE_ADDRESSES'], 16, undefined]);
    assert.deepEqual([ikeTo(peer), espTo(peer), peer.closed], ['192.0.2.10', '192.0.2.10', []]);
    const next = update(peer, at(peer, '198.51.100.200'));
    assert.deepEqual([next.errors, ikeTo(peer)], [[], '198.51.100.200']);
    assert.ok(next.check);
    echo(peer, next.check, at(peer, '198.51.100.200'));
    assert.equal(espTo(peer), '198.51.100.200');
  });
}

test('M3.5-12: strict_sources: who comes from an address that cannot be is not answered; one that is up may not move there', () => {
  const strange = new ScriptedPeer('hub', { hub: { moves: { ...OPEN, strictSources: true } } });
  assert.deepEqual(strange.init(), [], '192.0.2.10 is for documentation');
  const peer = new ScriptedPeer('hub', { hub: { moves: { ...OPEN, strictSources: true } } });
  peer.path = { ...peer.path, remote: { address: ip('9.9.9.9'), port: 500 } };
  peer.connect();
  for (const address of ['10.0.0.1', '100.64.0.1', '240.0.0.1', '2001:db8::1']) assert.deepEqual(update(peer, at(peer, address)).errors, ['UNACCEPTABLE_ADDRESSES'], address);
  assert.deepEqual([update(peer, at(peer, '8.8.8.8')).errors, ikeTo(peer)], [[], '8.8.8.8']);
});

test('M3.5-12: update_rate: the moves of an identity in a minute, whichever SA they are of; an update on the same pair is none', () => {
  const peer = connected({ updateRate: 3 });
  const errors = [1, 2, 3, 4].map((n) => update(peer, at(peer, `198.51.100.${n}`)).errors.join());
  assert.deepEqual([errors, ikeTo(peer)], [['', '', '', 'UNACCEPTABLE_ADDRESSES'], '198.51.100.3']);
  for (let i = 0; i < 10; i++) assert.deepEqual(update(peer, at(peer, '198.51.100.3')).errors, []);
  peer.wait(20_000);
  assert.deepEqual([update(peer, at(peer, '198.51.100.5')).errors, ikeTo(peer)], [[], '198.51.100.5']);
});

test('M5.2-1: selectors and Child SAs go by the identity, wherever it comes from; who narrows the allowed prefixes closes those outside', () => {
  const hub = connection('responder', { moves: { ...OPEN, allowed: prefixes('192.0.2.0/24') } });
  const peer = new ScriptedPeer('hub', { hub });
  peer.connect();
  assert.equal(peer.side.engine.status()[0]?.children.length, 1);
  peer.pair.feed(peer.side, { type: 'connections.set', connections: [hub] });
  assert.deepEqual(peer.closed, []);
  peer.pair.feed(peer.side, { type: 'connections.set', connections: [{ ...hub, moves: { ...OPEN, allowed: prefixes('198.51.100.0/24') } }] });
  assert.deepEqual([peer.closed, peer.side.sas.size], [['requested'], 0]);
  const elsewhere = new ScriptedPeer('hub', { hub: { moves: OPEN } });
  elsewhere.path = { ...elsewhere.path, remote: { address: ip('198.51.100.77'), port: 500 } };
  elsewhere.connect();
  assert.equal(elsewhere.side.engine.status()[0]?.children.length, 1);
});

test('I2.23-3 M3.5-12: without MOBIKE a peer behind a NAT is not followed out of the allowed prefixes', () => {
  const peer = new ScriptedPeer('hub', { hub: { moves: { ...OPEN, allowed: prefixes('192.0.2.0/24') } } });
  peer.spiI = 42n;
  const init = peer.initPayloads().filter((p) => p.type !== 'N');
  const [answer] = peer.init([...init, notify('NAT_DETECTION_SOURCE_IP', new Uint8Array(20)), ...peer.natPayloads(42n, 0n).slice(1)]);
  assert.ok(answer);
  peer.takeInit(answer);
  peer.answerTo('IKE_AUTH', [...peer.authPayloads(), ...peer.childPayloads()]);
  peer.answerTo('INFORMATIONAL', [], {}, at(peer, '198.51.100.1'));
  assert.deepEqual([ikeTo(peer), espTo(peer)], ['192.0.2.10', '192.0.2.10']);
  peer.answerTo('INFORMATIONAL', [], {}, at(peer, '192.0.2.99'));
  assert.deepEqual([ikeTo(peer), espTo(peer)], ['192.0.2.99', '192.0.2.99']);
});

test('M3.7-1 D5.5.3-1: return routability is shown before ESP turns, unless the section says off: then at once, and nothing is asked', () => {
  const byDefault = new ScriptedPeer('hub');
  byDefault.connect();
  assert.ok(update(byDefault, at(byDefault, '198.51.100.1')).check);
  assert.equal(espTo(byDefault), '192.0.2.10');
  const peer = connected({ routability: 'off' });
  const { check } = update(peer, at(peer, '198.51.100.1'));
  assert.deepEqual([check, espTo(peer), peer.side.of('path.moved').length], [undefined, '198.51.100.1', 1]);
});

test('M3.5-15: rr_hold drop: nothing goes to the old address either, until the peer has shown that it receives at the new one', () => {
  const peer = connected({ hold: 'drop' });
  const to = at(peer, '198.51.100.1');
  const { check } = update(peer, to);
  assert.equal(espTo(peer), 'nowhere');
  assert.ok(check);
  echo(peer, check, to);
  assert.equal(espTo(peer), '198.51.100.1');
});

test('M3.7-2: after: ESP turns at once, bounded until the answer to the check; a move on is bounded anew', () => {
  const around = new Alone();
  const sa = around.sa({ mobikeRole: 'responder', originalInitiator: false, connection: connection('responder', { moves: { ...OPEN, routability: 'after' } }) } as Partial<Parameters<Alone['sa']>[0] & object>);
  acceptUpdate(sa, 5, [UPDATE], LTE_PATH, around.ctx).after?.();
  const turned = around.effects.find((e) => e.type === 'bundle.path');
  assert.equal(turned?.type === 'bundle.path' && turned.unverified, true);
  around.said();
  proceedTurn(sa, around.ctx);
  assert.deepEqual(around.said(), [], 'the same path is not bounded anew: its credit stays');
  sa.exchanges.pump(around.ctx);
  const asked = around.effects.filter((e) => e.type === 'packet.send').length;
  assert.equal(asked, 1);
  around.said();
  const request = sa.exchanges.outstanding;
  assert.equal(request?.task.kind, 'routability');
  const cookie2 = new Uint8Array(16).fill(0x55);
  sa.exchanges.complete(request?.messageId ?? -1, LTE_PATH, around.ctx);
  around.said();
  request?.task.onResponse(sa, [rawNotify(16_401, cookie2)], { path: LTE_PATH, onePath: true, whole: false }, around.ctx);
  assert.deepEqual(around.said(), ['esp verified', 'path.moved wan lte peer_update 0']);
  acceptUpdate(sa, 6, [UPDATE], { ...WAN_PATH, remote: { address: ip('198.51.100.1'), port: 4500 } }, around.ctx).after?.();
  const next = around.effects.find((e) => e.type === 'bundle.path');
  assert.equal(next?.type === 'bundle.path' && next.unverified, true);
  acceptUpdate(sa, 7, [UPDATE], LTE_PATH, around.ctx).after?.();
  assert.deepEqual(around.said().slice(-3), ['path.moving wan lte peer_update 0', 'esp lte', 'esp verified'], 'back where it receives: no bound');
});

test('M3.7-9: rr_interval: the peer is asked again after that time, with a fresh COOKIE2; another value closes the SA; none proves nothing', () => {
  const peer = connected({ recheck: seconds(30) });
  peer.wait(29_000);
  assert.deepEqual(peer.hear(), []);
  peer.wait(1_100);
  const first = peer.hearOne();
  assert.deepEqual(notifies(first), ['COOKIE2']);
  peer.reply(first, []);
  peer.wait(29_000);
  assert.deepEqual(peer.hear(), [], 'not before the interval is over');
  peer.wait(2_000);
  const second = peer.hear()[0];
  assert.ok(second);
  assert.notDeepEqual(findNotify(second.payloads, 'COOKIE2')?.data, findNotify(first.payloads, 'COOKIE2')?.data);
  peer.reply(second, [rawNotify(16_401, new Uint8Array(16).fill(1))]);
  assert.deepEqual(peer.closed, ['cookie2_mismatch']);
});

test('M3.7-9: a liveness check of ours has COOKIE2 then, and doubles as one', () => {
  const peer = connected({ recheck: seconds(100) });
  peer.wait(90_000);
  peer.pair.feed(peer.side, { type: 'liveness.check', chain: peer.chain });
  const check = peer.hearOne();
  assert.deepEqual(notifies(check), ['COOKIE2']);
  echo(peer, check, peer.path);
  peer.wait(95_000);
  assert.deepEqual(peer.hear(), [], 'the interval began anew');
  const without = new ScriptedPeer('hub');
  without.connect();
  without.pair.feed(without.side, { type: 'liveness.check', chain: without.chain });
  assert.deepEqual(notifies(without.hearOne()), []);
});

test('M3.7-9 M3.7-7: the peer moves while it is asked again: the answer counts for nothing, and another check goes to the new address', () => {
  const peer = connected({ recheck: seconds(30) });
  peer.wait(30_100);
  const again = peer.hear()[0];
  assert.ok(again);
  const to = at(peer, '198.51.100.1');
  update(peer, to);
  echo(peer, again, to);
  assert.equal(espTo(peer), '192.0.2.10');
  const check = peer.hear().find((h) => !h.header.isResponse);
  assert.ok(check);
  echo(peer, check, to);
  assert.equal(espTo(peer), '198.51.100.1');
});

test('D6.2-6: a peer that offers a window of four is asked one at a time all the same; what it sends out of order is taken in order', () => {
  const window = rawNotify(16_385, Uint8Array.of(0, 0, 0, 4));
  const peer = new ScriptedPeer('hub');
  const auth = peer.connect([notify('MOBIKE_SUPPORTED'), window]);
  assert.equal(notifies(auth).includes('SET_WINDOW_SIZE'), false, 'ours stays 1');
  peer.pair.feed(peer.side, { type: 'child.rekey', chain: peer.chain, child: 'lan' });
  peer.pair.feed(peer.side, { type: 'ike.rekey', chain: peer.chain });
  assert.equal(peer.hear().filter((h) => !h.header.isResponse).length, 1);
  const [first, second] = [at(peer, '198.51.100.1'), at(peer, '198.51.100.2')].map((from) => ({ from, bytes: peer.seal('INFORMATIONAL', false, peer.nextId++, [UPDATE]) }));
  assert.ok(first && second);
  peer.deliver(second.bytes, second.from);
  assert.equal(peer.hear().some((h) => h.header.isResponse), false, 'the window is 1: too early');
  peer.deliver(first.bytes, first.from);
  peer.deliver(second.bytes, second.from);
  assert.equal(peer.hear().filter((h) => h.header.isResponse).length, 2);
  assert.equal(ikeTo(peer), '198.51.100.2');
  peer.deliver(first.bytes, first.from);
  assert.equal(ikeTo(peer), '198.51.100.2', 'the newer one stands');
});

test('X-4: an update or a list with eight IPv6 addresses is smaller than 576 octets, and never cut', () => {
  const peer = new ScriptedPeer('hub', { hub: { fragmentation: true } });
  peer.connect();
  const announce = Array.from({ length: 12 }, (_, i) => ip(`2001:db8:1:2:3:4:5:${i + 1}`));
  peer.pair.feed(peer.side, { type: 'addresses.set', connection: 'branches', own: { announce, sources: [] } });
  peer.wait(500);
  const list = peer.hear().find((h) => notifies(h).includes('ADDITIONAL_IP6_ADDRESS'));
  assert.equal(notifies(list).filter((n) => n === 'ADDITIONAL_IP6_ADDRESS').length, 8);
  const octets = (list?.bytes.length ?? 0) + 4 + 8 + 40;
  assert.ok(list?.sealed && octets < 576, `${octets} octets with IPv6, UDP and marker`);
});

test('F-10: IKE messages have the DSCP of most of ESP, which is none; with ike_dscp cs6 all of them have that', () => {
  for (const [ikeDscp, shown] of [[undefined, undefined], [0, undefined], [48, 48]] as const) {
    const around = new Alone();
    const sa = around.sa({ connection: connection('initiator', ikeDscp === undefined ? {} : { ikeDscp }) });
    sa.checkLiveness(around.ctx);
    sa.afterwards(around.ctx);
    const sent = around.effects.filter((e) => e.type === 'packet.send');
    assert.deepEqual(sent.map((e) => e.type === 'packet.send' && e.dscp), [shown]);
  }
});
