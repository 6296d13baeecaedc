// RFC 4555 §3.4, §3.6: addresses of both ends, told and used; and moves to addresses that only the peer told.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { ip, millis, seconds, type IpAddress, type Path } from '../../../src/base/index.ts';
import type { Payload } from '../../../src/codec/ike/index.ts';
import type { OwnAddresses } from '../../../src/ike/index.ts';
import { takeAddresses } from '../../../src/ike/tasks/mobike-addresses.ts';
import { Alone, WAN as WAN_PATH } from '../lone.ts';
import { connection, ESP_SUITE, HUB, LTE, on4500, Pair, path, prefixes } from '../pair.ts';
import { DELETE_IKE, findNotify, notifies, notify, range, rawNotify, ScriptedPeer, type Heard } from '../scripted-peer.ts';

const HUB2 = ip('203.0.113.2');
const HUB3 = ip('198.51.100.3');
const HUB6 = ip('2001:db8::2');
const LIST = ['ADDITIONAL_IP4_ADDRESS', 'ADDITIONAL_IP6_ADDRESS', 'NO_ADDITIONAL_ADDRESSES'];
const octets = (address: string): Uint8Array => Uint8Array.from(address.split('.').map(Number));
const ip4 = (...addresses: string[]): Payload[] => addresses.map((address) => rawNotify(16_397, octets(address)));
const NONE = notify('NO_ADDITIONAL_ADDRESSES');
const own = (announce: readonly IpAddress[] | undefined, ...sources: IpAddress[]): OwnAddresses => ({ announce, sources: sources.map((address) => ({ uplink: 'eth0', ifindex: 9, address })) });
const set = (peer: ScriptedPeer, addresses: OwnAddresses): void => peer.pair.feed(peer.side, { type: 'addresses.set', connection: peer.isInitiator ? 'branches' : 'hq', own: addresses });
/** The list notifies of a message, with the last octet of each address. */
const listIn = (heard: Heard | undefined): string[] => (heard?.payloads ?? []).flatMap((p) => (p.type === 'N' && LIST.includes(notifies({ ...heard, payloads: [p] } as Heard)[0] ?? '') ? [`${p.notify}:${p.data.at(-1) ?? ''}`] : []));
const known = (peer: ScriptedPeer): readonly string[] => peer.side.of('peer.addresses').at(-1)?.addresses ?? [];
const cookieOf = (heard: Heard | undefined): Payload => findNotify(heard?.payloads ?? [], 'COOKIE2') ?? NONE;
const espFrom = (peer: ScriptedPeer): string | undefined => peer.side.bundlePath.get(peer.chain)?.local.address;
const espTo = (peer: ScriptedPeer): string | undefined => peer.side.bundlePath.get(peer.chain)?.remote.address;
const requests = (heard: readonly Heard[]): Heard[] => heard.filter((h) => !h.header.isResponse);
/** The engine's end of a path is another one. */
const from = (peer: ScriptedPeer, address: IpAddress): Path => ({ ...peer.path, local: { ...peer.path.local, address } });
/** Our NAT detection, which says that nobody is behind a NAT. */
const plainly = (peer: ScriptedPeer, on: Path): Payload[] => {
  const before = peer.path;
  peer.path = on;
  const payloads = peer.natPayloads(peer.spiI, peer.spiR);
  peer.path = before;
  return payloads;
};

function hub(addresses?: OwnAddresses, more: readonly Payload[] = []): { peer: ScriptedPeer; auth: Heard } {
  const peer = new ScriptedPeer('hub');
  if (addresses) set(peer, addresses);
  return { peer, auth: peer.connect([notify('MOBIKE_SUPPORTED'), ...more]) };
}

// ---- telling ---------------------------------------------------------------------------------------------------------

test('M3.4-1 D6.3-1 D6.3-2 D6.4-1: IKE_AUTH lists our addresses, one notify each, best first, without the one in the header', () => {
  const { auth } = hub(own([HUB2, HUB, HUB6, HUB3], HUB, HUB2, HUB3));
  assert.deepEqual(listIn(auth), ['16397:2', '16398:2', '16397:3']);
});

test('M3.4-5: at most 8 addresses are told', () => {
  const many = Array.from({ length: 30 }, (_, n) => ip(`198.51.100.${n + 1}`));
  assert.deepEqual(listIn(hub(own(many, HUB)).auth).map((one) => one.split(':')[1]), ['1', '2', '3', '4', '5', '6', '7', '8']);
});

test('M3.6-10 M5.5-1: a host that announces nothing lists nothing, neither in IKE_AUTH nor when an address comes', () => {
  const { peer, auth } = hub(own(undefined, HUB, HUB2));
  assert.deepEqual(listIn(auth), []);
  set(peer, own(undefined, HUB, HUB2, HUB3));
  peer.wait(5000);
  assert.deepEqual(peer.hear(), []);
  const router = new ScriptedPeer('router');
  assert.deepEqual(listIn(router.accept()), []);
});

test('M3.4-1: an initiator that may announces in its first IKE_AUTH request; one address alone needs no notify', () => {
  const router = new ScriptedPeer('router');
  set(router, own([LTE, ip('192.0.2.10')]));
  assert.deepEqual(listIn(router.accept()), ['16397:7']);
  const single = new ScriptedPeer('router');
  set(single, own([ip('192.0.2.10')]));
  assert.deepEqual(listIn(single.accept()), []);
  assert.deepEqual(hub(own([HUB], HUB)).auth.payloads.filter((p) => p.type === 'N' && p.notify === 16_399), []);
});

test('D59-4 M3.6-1: a change is told in a request of its own, with COOKIE2, and never in a response', () => {
  const { peer } = hub(own([HUB], HUB));
  set(peer, own([HUB, HUB2], HUB, HUB2));
  assert.deepEqual(listIn(peer.answerTo('INFORMATIONAL', [])), [], 'a response holds no list');
  peer.wait(110);
  const told = peer.hearOne();
  assert.deepEqual([told.header.isResponse, listIn(told), notifies(told).at(-1)], [false, ['16397:2'], 'COOKIE2']);
  peer.reply(told, [cookieOf(told)]);
  set(peer, own([HUB], HUB));
  peer.wait(110);
  const single = peer.hearOne();
  assert.deepEqual(listIn(single), ['16399:'], 'D5.4-1: NO_ADDITIONAL_ADDRESSES says: exactly one address');
  peer.reply(single, [cookieOf(single)]);
  peer.wait(1000);
  assert.deepEqual(peer.hear(), []);
});

test('D59-4: changes that come together are told once; one that is taken back is not told', () => {
  const { peer } = hub(own([HUB], HUB));
  for (const more of [[HUB2], [HUB2, HUB3], [HUB3]]) {
    set(peer, own([HUB, ...more], HUB));
    peer.wait(30);
  }
  peer.wait(100);
  const told = peer.hearOne();
  assert.deepEqual(listIn(told), ['16397:3']);
  peer.reply(told, [cookieOf(told)]);
  set(peer, own([HUB], HUB));
  set(peer, own([HUB, HUB3], HUB));
  peer.wait(1000);
  assert.deepEqual(peer.hear(), []);
});

test('M3.7-4: another COOKIE2 in the answer to our list closes the IKE SA', () => {
  const { peer } = hub(own([HUB], HUB));
  set(peer, own([HUB, HUB2], HUB, HUB2));
  peer.wait(110);
  peer.reply(peer.hearOne(), [rawNotify(16_401, new Uint8Array(16))]);
  assert.deepEqual([peer.closed, peer.hear().map((h) => h.payloads)], [['cookie2_mismatch'], [[DELETE_IKE]]]);
});

test('M3.6-5 M5.5-1: an initiator that may announces in UPDATE_SA_ADDRESSES, and needs no request beside it', () => {
  for (const announces of [true, false]) {
    const router = new ScriptedPeer('router');
    const list = (...addresses: IpAddress[]): OwnAddresses => own(announces ? addresses : undefined);
    set(router, list(ip('192.0.2.10')));
    router.accept();
    router.hear();
    set(router, list(ip('192.0.2.10'), LTE));
    router.pair.feed(router.side, { type: 'path.move', chain: router.chain, path: on4500(path('lte')), reasons: ['x'], since: router.pair.now });
    const [update] = router.hear();
    assert.equal(notifies(update)[0], 'UPDATE_SA_ADDRESSES');
    assert.deepEqual(listIn(update), announces ? ['16397:10'] : [], 'LTE is the header');
    assert.ok(update);
    router.reply(update, [cookieOf(update)], {}, on4500(path('lte')));
    router.wait(1000);
    assert.deepEqual(router.hear(), []);
  }
});

// ---- being told ------------------------------------------------------------------------------------------------------

test('M3.4-2 M3.4-4 D7-1: a list in IKE_AUTH or in a request is remembered and told, and moves nothing', () => {
  const { peer } = hub(own([HUB], HUB, HUB2), ip4('198.51.100.5', '10.9.9.9'));
  assert.deepEqual(known(peer), ['192.0.2.10', '198.51.100.5', '10.9.9.9'], 'private addresses too');
  const answer = peer.answerTo('INFORMATIONAL', ip4('198.51.100.6'), {}, { ...peer.path, remote: { address: ip('198.51.100.7'), port: 4500 } });
  assert.deepEqual(answer.payloads, []);
  assert.deepEqual(known(peer), ['198.51.100.7', '198.51.100.6']);
  peer.wait(10_000);
  assert.deepEqual([espTo(peer), peer.hear(), peer.side.engine.status()[0]?.path.remote.address], ['192.0.2.10', [], '192.0.2.10']);
  const router = new ScriptedPeer('router');
  router.accept([notify('MOBIKE_SUPPORTED'), ...ip4('203.0.113.2')]);
  assert.deepEqual([known(router), espTo(router)], [['203.0.113.1', '203.0.113.2'], '203.0.113.1']);
});

test('M4-2: without MOBIKE a list is not read', () => {
  const peer = new ScriptedPeer('hub');
  peer.connect(ip4('198.51.100.5'));
  peer.answerTo('INFORMATIONAL', ip4('198.51.100.6'));
  assert.deepEqual(known(peer), []);
});

test('M3.6-1 M3.6-4 D5.4-1: each list replaces the one before, whole; the answer copies COOKIE2; a message without a list changes none', () => {
  const { peer } = hub(undefined, ip4('198.51.100.1', '198.51.100.2'));
  const answer = peer.answerTo('INFORMATIONAL', [...ip4('198.51.100.3'), rawNotify(16_401, new Uint8Array(16).fill(5))]);
  assert.deepEqual(answer.payloads, [rawNotify(16_401, new Uint8Array(16).fill(5))]);
  assert.deepEqual(known(peer), ['192.0.2.10', '198.51.100.3']);
  const lists = peer.side.of('peer.addresses').length;
  peer.answerTo('INFORMATIONAL', []);
  peer.answerTo('INFORMATIONAL', [rawNotify(16_397, new Uint8Array(5)), rawNotify(16_398, new Uint8Array(4))]);
  assert.equal(peer.side.of('peer.addresses').length, lists, 'M4-1: an address of a wrong length is none');
  peer.answerTo('INFORMATIONAL', [NONE]);
  assert.deepEqual(known(peer), ['192.0.2.10']);
});

test('M3.6-7: addresses and NO_ADDITIONAL_ADDRESSES together: the addresses count, and it is logged', () => {
  const { peer } = hub();
  peer.answerTo('INFORMATIONAL', [NONE, ...ip4('198.51.100.3')]);
  assert.deepEqual(known(peer), ['192.0.2.10', '198.51.100.3']);
  assert.ok(peer.side.logs.some((line) => line.includes('the list is taken')));
});

test('M3.6-2: the newest request counts, whatever order they come in', () => {
  const around = new Alone();
  const sa = around.sa({ mobikeRole: 'responder' });
  takeAddresses(sa, 7, ip4('198.51.100.7'), WAN_PATH, around.ctx);
  takeAddresses(sa, 6, ip4('198.51.100.6'), WAN_PATH, around.ctx);
  assert.deepEqual(sa.mobility.theirs, [HUB, '198.51.100.7']);
  const { peer } = hub();
  const old = peer.seal('INFORMATIONAL', false, peer.nextId++, ip4('198.51.100.6'));
  peer.deliver(old);
  peer.answerTo('INFORMATIONAL', ip4('198.51.100.7'));
  peer.deliver(old);
  assert.deepEqual(known(peer), ['192.0.2.10', '198.51.100.7']);
});

test('M3.4-5: of 200 addresses 16 are kept, best first; what can be no outer address of the peer is dropped', () => {
  const around = new Alone();
  const lone = around.sa();
  const many = Array.from({ length: 200 }, (_, n) => `198.51.100.${n + 1}`);
  takeAddresses(lone, 1, ip4(...many), WAN_PATH, around.ctx);
  assert.deepEqual(lone.mobility.theirs, [HUB, ...many.slice(0, 16)]);
  const { peer } = hub();
  peer.answerTo('INFORMATIONAL', ip4('127.0.0.1', '224.0.0.5', '0.0.0.0', '255.255.255.255', '169.254.1.1', '10.1.0.77', ...many.slice(0, 50))); // I2-1: no message has more than 64 payloads
  assert.deepEqual(known(peer), ['192.0.2.10', ...many.slice(0, 16)], '10.1.0.77 is behind the tunnel');
  const six = [[0xff, 0x02], [0xfe, 0x80], [0, 0]].map((start) => rawNotify(16_398, Uint8Array.from([...start, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])));
  const mapped = rawNotify(16_398, Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 77]));
  peer.answerTo('INFORMATIONAL', [...six, mapped, rawNotify(16_398, Uint8Array.from([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9]))]);
  assert.deepEqual(known(peer), ['192.0.2.10', '2001:db8::9']);
});

test('M3.4-5: a selector of everything does not make every address an inner one', () => {
  const around = new Alone();
  const sa = around.sa();
  around.child(sa, 'all', { remote: [range('0.0.0.0', '255.255.255.255')] });
  takeAddresses(sa, 1, ip4('203.0.113.2'), WAN_PATH, around.ctx);
  assert.deepEqual(sa.mobility.theirs, [HUB, HUB2]);
});

test('X-1: the list outlives the IKE SA: after a rekeying it is still there, and message IDs count anew', () => {
  const pair = new Pair('lists');
  pair.feed(pair.hub, { type: 'addresses.set', connection: 'branches', own: own([HUB, HUB2], HUB, HUB2) });
  pair.feed(pair.router, { type: 'addresses.set', connection: 'hq', own: own([ip('192.0.2.10'), LTE]) });
  const chain = pair.connect();
  pair.feed(pair.router, { type: 'ike.rekey', chain });
  pair.runFor(seconds(2));
  assert.equal(pair.router.of('ike.rekeyed').length, 1);
  pair.feed(pair.hub, { type: 'addresses.set', connection: 'branches', own: own([HUB, HUB3], HUB, HUB3) });
  pair.runFor(seconds(1));
  assert.deepEqual(pair.router.of('peer.addresses').at(-1)?.addresses, [HUB, HUB3]);
  // The router's list, told before the rekeying, is what a hub that lost its address tries last.
  pair.drop = () => true;
  pair.hub.sent.length = 0;
  pair.feed(pair.hub, { type: 'addresses.set', connection: 'branches', own: own([HUB3], HUB3) });
  pair.runFor(seconds(3));
  assert.ok(pair.hub.sent.some((s) => s.path.local.address === HUB3 && s.path.remote.address === LTE));
});

// ---- a responder whose address is gone -------------------------------------------------------------------------------

test('M3.6-8 M3.4-3 M2.1-2: the address of a hub dies: its list goes from what it has left to where the peer is, then to what the peer listed, one pair a second', () => {
  const { peer } = hub(own([HUB, HUB2, HUB3], HUB, HUB2, HUB3), ip4('198.51.100.5'));
  // The peer is behind a NAT: its hash does not fit.
  peer.answerTo('INFORMATIONAL', [notify('UPDATE_SA_ADDRESSES'), notify('NAT_DETECTION_SOURCE_IP', new Uint8Array(20)), ...plainly(peer, peer.path).slice(1)]);
  peer.hear();
  set(peer, own([HUB2, HUB3], HUB2, HUB3));
  const first = peer.hearOne();
  assert.deepEqual([first.path.local.address, first.path.remote.address, listIn(first)], [HUB2, '192.0.2.10', ['16397:3']]);
  assert.equal(espFrom(peer), HUB, 'ESP waits: behind a NAT nobody may hear it');
  const began = peer.pair.now;
  peer.wait(4500);
  const more = peer.side.sent.filter((s) => s.at >= began);
  const pairs = [...new Set(more.map((s) => `${s.path.local.address}>${s.path.remote.address}`))];
  assert.deepEqual(pairs.filter((p) => !p.startsWith(HUB + '>')), [`${HUB2}>192.0.2.10`, `${HUB3}>192.0.2.10`, `${HUB2}>198.51.100.5`, `${HUB3}>198.51.100.5`]);
  const firsts = pairs.slice(1).map((pair) => (more.find((s) => `${s.path.local.address}>${s.path.remote.address}` === pair)?.at ?? 0) - began);
  assert.ok(more.length < 20, `${more.length} packets in 4.5 s`);
  assert.ok(firsts.every((at, n) => n === 0 || at - (firsts[n - 1] ?? 0) > 100), firsts.join());
  assert.equal(new Set(peer.hear().map((h) => h.header.messageId)).size, 1, 'the same octets on all');
});

test('M3.6-6 M3.5-23: answered over one of two sources, the list is asked again from there alone, and then ESP turns, which the event says', () => {
  const { peer } = hub(own([HUB, HUB2, HUB3], HUB, HUB2, HUB3));
  peer.answerTo('INFORMATIONAL', [notify('UPDATE_SA_ADDRESSES'), notify('NAT_DETECTION_SOURCE_IP', new Uint8Array(20)), ...plainly(peer, peer.path).slice(1)]);
  set(peer, own([HUB2, HUB3], HUB2, HUB3));
  peer.wait(1100);
  const [, second] = [...new Map(requests(peer.hear()).map((h) => [h.path.local.address, h])).values()];
  assert.equal(second?.path.local.address, HUB3);
  peer.reply(second, [cookieOf(second)], {}, from(peer, HUB3));
  assert.equal(espFrom(peer), HUB);
  const [again, ...others] = peer.hear();
  assert.ok(again);
  assert.deepEqual([again.path.local.address, others.length, again.header.messageId], [HUB3, 0, second.header.messageId + 1]);
  peer.reply(again, [cookieOf(again)], {}, from(peer, HUB3));
  assert.equal(espFrom(peer), HUB3);
  assert.deepEqual(peer.side.of('path.moved').at(-1)?.reasons, ['own_address_lost', 'without_update']);
  peer.wait(5000);
  assert.deepEqual(peer.hear(), []);
});

test('M3.5-23: a peer that is behind no NAT hears ESP from the new address at once', () => {
  const { peer } = hub(own([HUB, HUB2], HUB, HUB2));
  set(peer, own([HUB2], HUB2));
  assert.equal(espFrom(peer), HUB2);
  const list = peer.hearOne();
  assert.deepEqual([list.path.local.address, listIn(list)], [HUB2, ['16399:']]);
  assert.deepEqual(peer.side.of('path.moved').at(-1)?.reasons, ['own_address_lost', 'without_update']);
});

test('M3.6-8: an update of the peer ends the search; so does the return of the address', () => {
  for (const ending of ['update', 'return'] as const) {
    const { peer } = hub(own([HUB, HUB2], HUB, HUB2));
    peer.answerTo('INFORMATIONAL', [notify('UPDATE_SA_ADDRESSES'), notify('NAT_DETECTION_SOURCE_IP', new Uint8Array(20)), ...plainly(peer, peer.path).slice(1)]);
    set(peer, own([HUB2], HUB2));
    const list = peer.hearOne();
    if (ending === 'update') peer.answerTo('INFORMATIONAL', [notify('UPDATE_SA_ADDRESSES')], {}, from(peer, HUB2));
    else set(peer, own([HUB, HUB2], HUB, HUB2));
    peer.reply(list, [cookieOf(list)], {}, from(peer, HUB2));
    for (const next of requests(peer.hear())) peer.reply(next, [cookieOf(next)], {}, next.path);
    peer.wait(300);
    for (const next of requests(peer.hear())) peer.reply(next, [cookieOf(next)], {}, next.path);
    assert.equal(espFrom(peer), ending === 'update' ? HUB2 : HUB);
    peer.wait(10_000);
    assert.deepEqual(peer.hear(), []);
  }
});

test('M3.6-8: a hub without another address waits for one; a new one is used as soon as it comes', () => {
  const { peer } = hub(own([HUB], HUB));
  set(peer, own([]));
  peer.wait(5000);
  assert.deepEqual(peer.hear(), []);
  set(peer, own([HUB3], HUB3));
  const list = peer.hear()[0];
  assert.deepEqual([list?.path.local.address, listIn(list)], [HUB3, ['16399:']]);
});

test('M3.6-8 D5.4-1: a hub that announces nothing says from the address it has left that this is its only one; ESP, requests and the time it took follow', () => {
  const { peer } = hub(own(undefined, HUB, HUB2));
  set(peer, own(undefined, HUB2));
  const list = peer.hearOne();
  assert.deepEqual([list.path.local.address, listIn(list)], [HUB2, ['16399:']]);
  const status = (): string | undefined => peer.side.engine.status()[0]?.path.local.address;
  assert.deepEqual([status(), peer.side.of('path.moved').at(-1)?.took], [HUB2, 0]);
  peer.reply(list, [], {}, list.path);
  peer.wait(5000);
  assert.deepEqual([peer.hear(), peer.side.of('path.moved').length, espFrom(peer)], [[], 1, HUB2], 'where it is known to be an answer is enough, and nothing moves twice');
  peer.wait(200_000);
  assert.equal(requests(peer.hear())[0]?.path.local.address, HUB2, 'the next check leaves from there');
});

test('D5.5-1 M3.6-8: at an address that the peer only listed it must return COOKIE2 before ESP turns there; how long it was looked for is told', () => {
  for (const returns of [false, true]) {
    const { peer } = hub(own([HUB, HUB2], HUB, HUB2), ip4('198.51.100.5'));
    peer.answerTo('INFORMATIONAL', [notify('UPDATE_SA_ADDRESSES'), notify('NAT_DETECTION_SOURCE_IP', new Uint8Array(20)), ...plainly(peer, peer.path).slice(1), ...ip4('198.51.100.5')]);
    peer.hear();
    set(peer, own([HUB2], HUB2));
    peer.wait(1200);
    const there = requests(peer.hear()).find((h) => h.path.remote.address === ip('198.51.100.5'));
    assert.ok(there);
    peer.reply(there, [cookieOf(there)], {}, there.path);
    const again = peer.hearOne();
    assert.deepEqual([again.path.remote.address, espTo(peer)], ['198.51.100.5', '192.0.2.10'], 'asked there alone');
    peer.reply(again, returns ? [cookieOf(again)] : [], {}, again.path);
    assert.deepEqual([espTo(peer), peer.side.of('path.moved').at(-1)?.took], returns ? ['198.51.100.5', 1200] : ['192.0.2.10', undefined]);
  }
});

test('M3.6-6: a list that is not answered for five minutes ends the IKE SA', () => {
  const { peer } = hub(own([HUB], HUB));
  set(peer, own([HUB, HUB2], HUB, HUB2));
  peer.wait(110);
  peer.hear();
  peer.wait(299_000);
  assert.deepEqual(peer.closed, []);
  peer.wait(2000);
  assert.deepEqual(peer.closed, ['peer_dead']);
});

test('M3.6-8: an address that the hub never could send from is not missed, and another one neither', () => {
  const { peer } = hub(own(undefined, HUB2, HUB3));
  set(peer, own(undefined, HUB3));
  peer.wait(3000);
  assert.deepEqual([peer.hear(), espFrom(peer)], [[], HUB]);
});

test('M1.2-4 D6.2-2: the same request sent to several of our addresses is answered from each, with the same octets', () => {
  const { peer } = hub(own([HUB, HUB2, HUB3], HUB, HUB2, HUB3));
  const request = peer.seal('INFORMATIONAL', false, peer.nextId++, []);
  peer.hear();
  for (const address of [HUB2, HUB, HUB3]) peer.deliver(request, from(peer, address));
  const answers = peer.hear();
  assert.deepEqual(answers.map((h) => h.path.local.address), [HUB2, HUB, HUB3]);
  assert.equal(new Set(answers.map((h) => h.bytes.join())).size, 1);
});

// ---- without NAT traversal, and several peers --------------------------------------------------------------------------

/** An SA whose ends did not exchange NAT detection. */
function withoutNatTraversal(): ScriptedPeer {
  const peer = new ScriptedPeer('hub');
  peer.pair.feed(peer.side, { type: 'esp.plain', families: [4, 6] });
  set(peer, own([HUB], HUB));
  const [answer] = peer.init(peer.initPayloads().filter((p) => p.type !== 'N'));
  assert.ok(answer);
  peer.takeInit(answer);
  peer.answerTo('IKE_AUTH', [...peer.authPayloads(), ...peer.childPayloads(), notify('MOBIKE_SUPPORTED')]);
  return peer;
}
/** What NO_NATS_ALLOWED holds for these endpoints, IPv4. */
const claim = (source: string, sourcePort: number, destination: string, destinationPort: number): Payload =>
  rawNotify(16_402, Uint8Array.from([...octets(source), ...octets(destination), sourcePort >> 8, sourcePort & 255, destinationPort >> 8, destinationPort & 255]));

test('M3.6-3 M3.9-1: NO_NATS_ALLOWED of a list is looked at first: translated, and the list is not taken; our own lists carry one', () => {
  const peer = withoutNatTraversal();
  const cookie = rawNotify(16_401, new Uint8Array(16).fill(3));
  const refused = peer.answerTo('INFORMATIONAL', [...ip4('198.51.100.5'), claim('192.0.2.99', 4500, HUB, 4500), cookie]);
  assert.deepEqual([refused.payloads, known(peer)], [[rawNotify(41), cookie], []]);
  peer.answerTo('INFORMATIONAL', [...ip4('198.51.100.5'), claim('192.0.2.10', 4500, HUB, 4500), cookie]);
  assert.deepEqual(known(peer), ['192.0.2.10', '198.51.100.5']);
  set(peer, own([HUB, HUB2], HUB, HUB2));
  peer.wait(110);
  const list = peer.hearOne();
  assert.deepEqual(list.payloads.slice(0, 2), [...ip4(HUB2), claim(HUB, 4500, '192.0.2.10', 4500)]);
});

test('M3.9-4 M3.6-8: where a translator is on the way of a list, nothing turns', () => {
  const peer = withoutNatTraversal();
  set(peer, own([HUB, HUB2, HUB3], HUB, HUB2, HUB3));
  peer.wait(110);
  const told = peer.hearOne();
  peer.reply(told, [cookieOf(told)]);
  set(peer, own([HUB2, HUB3], HUB2, HUB3));
  const moved = peer.side.of('path.moved').length;
  const list = peer.hearOne();
  peer.reply(list, [rawNotify(41), cookieOf(list)], {}, list.path);
  peer.wait(1100);
  assert.deepEqual([peer.side.of('path.moved').length, requests(peer.hear())[0]?.path.local.address], [moved, HUB3], 'the next pair');
});

/** A peer at this endpoint with networks of its own, whose ESP SPI is 0x1000 as any other's. */
function neighbour(pair: Pair, id: string, net: number, port: number): ScriptedPeer {
  const peer = new ScriptedPeer('hub', { id }, pair);
  peer.spiI = BigInt(0x9000 + net);
  const [answer] = peer.init();
  assert.ok(answer);
  peer.takeInit(answer);
  peer.path = { ...peer.path, remote: { ...peer.path.remote, port } };
  const payloads = peer.childPayloads().map((p): Payload => (p.type === 'TSi' ? { ...p, selectors: [range(`10.1.${net}.0`, `10.1.${net}.255`)] } : p));
  peer.answerTo('IKE_AUTH', [...peer.authPayloads(), ...payloads, notify('MOBIKE_SUPPORTED')]);
  return peer;
}
const neighbours = (): Pair => {
  const child = { name: 'lan', localTs: prefixes('10.2.0.0/24'), remoteTs: prefixes('10.1.0.0/16'), espProposals: [ESP_SUITE] };
  return new Pair('neighbours', connection('initiator'), connection('responder', { children: [child] }));
};
/** Outbound SAs by chain: the SPI they are sent under, and where. */
const outbound = (pair: Pair): string[] => [...pair.hub.sas.values()].filter((sa) => sa.direction === 'out').map((sa) => {
  const remote = pair.hub.bundlePath.get(sa.bundle)?.remote;
  return `${sa.remote[0]?.start} ${sa.spi} ${remote?.address}:${remote?.port}`;
});

test('MA.1-1: two routers behind one NAT with equal SPIs: each network keeps its own SA, and one that moves takes along only its own', () => {
  const pair = neighbours();
  neighbour(pair, 'a.example', 1, 1024);
  const b = neighbour(pair, 'b.example', 2, 1025);
  assert.deepEqual(outbound(pair), ['10.1.1.0 4096 192.0.2.10:1024', '10.1.2.0 4096 192.0.2.10:1025']);
  const to: Path = { ...b.path, remote: { address: ip('198.51.100.9'), port: 4500 } };
  const [check] = requests(b.ask('INFORMATIONAL', [notify('UPDATE_SA_ADDRESSES')], {}, to));
  assert.ok(check);
  b.reply(check, [cookieOf(check)], {}, to);
  assert.deepEqual(outbound(pair), ['10.1.1.0 4096 192.0.2.10:1024', '10.1.2.0 4096 198.51.100.9:4500']);
});

test('MA.2-1: a peer that comes to the endpoint another one has left gets nothing of what belongs to that one', () => {
  const pair = neighbours();
  const a = neighbour(pair, 'a.example', 1, 1024);
  const to: Path = { ...a.path, remote: { address: ip('198.51.100.9'), port: 4500 } };
  const [check] = requests(a.ask('INFORMATIONAL', [notify('UPDATE_SA_ADDRESSES')], {}, to));
  assert.ok(check);
  a.reply(check, [cookieOf(check)], {}, to);
  const b = neighbour(pair, 'b.example', 2, 1024);
  assert.deepEqual(outbound(pair), ['10.1.1.0 4096 198.51.100.9:4500', '10.1.2.0 4096 192.0.2.10:1024']);
  const chain = pair.hub.of('ike.established')[0]?.chain ?? -1;
  b.hear();
  pair.feed(pair.hub, { type: 'child.rekey', chain, child: 'lan' });
  assert.deepEqual(a.hear().at(-1)?.path.remote, to.remote);
  assert.deepEqual(b.hear().filter((h) => h.sealed), []);
});

// ---- an initiator that moves to an address it was told ---------------------------------------------------------------

const toHub2: Path = { ...on4500(path('wan')), remote: { address: HUB2, port: 4500 } };
function movedToTold(): { peer: ScriptedPeer; update: Heard } {
  const peer = new ScriptedPeer('router');
  peer.accept([notify('MOBIKE_SUPPORTED'), ...ip4('203.0.113.2')]);
  peer.hear();
  peer.pair.feed(peer.side, { type: 'path.move', chain: peer.chain, path: toHub2, reasons: ['x'], since: peer.pair.now, verify: true });
  const update = peer.hearOne();
  assert.deepEqual([notifies(update)[0], update.path.remote.address], ['UPDATE_SA_ADDRESSES', HUB2]);
  return { peer, update };
}

test('M3.5-4 M3.5-21 D5.5-1: to an address that only the peer told ESP follows when the update is answered from there with our COOKIE2; to a configured one at once', () => {
  const { peer, update } = movedToTold();
  assert.equal(espTo(peer), HUB);
  peer.reply(update, [cookieOf(update)], {}, toHub2);
  assert.equal(espTo(peer), HUB2);
  assert.equal(peer.side.of('path.moved').at(-1)?.to.remote.address, HUB2);
  peer.pair.feed(peer.side, { type: 'path.move', chain: peer.chain, path: on4500(path('wan')), reasons: ['x'], since: peer.pair.now });
  assert.equal(espTo(peer), HUB, 'configured: at once');
});

test('M3.7-4 M3.5-21: an answer without COOKIE2 proves nothing: asked again with another, ever more seldom, and ESP stays', () => {
  const { peer, update } = movedToTold();
  let last = update;
  for (const wait of [510, 1010, 2010]) {
    peer.reply(last, [], {}, toHub2);
    peer.wait(wait - 30);
    assert.deepEqual(peer.hear(), []);
    peer.wait(30);
    const next = peer.hearOne();
    assert.notDeepEqual(cookieOf(next), cookieOf(last));
    last = next;
  }
  assert.equal(espTo(peer), HUB);
  peer.reply(last, [cookieOf(last)], {}, toHub2);
  assert.equal(espTo(peer), HUB2);
});

test('D59-3 M3.5-4: an address that was verified is not verified again for ten minutes', () => {
  for (const [wait, expected] of [[590, HUB2], [610, HUB]] as const) {
    const peer = new ScriptedPeer('router', { router: { liveness: seconds(3000) } });
    peer.accept();
    peer.hear();
    const move = (to: Path, verify: boolean): void => peer.pair.feed(peer.side, { type: 'path.move', chain: peer.chain, path: to, reasons: ['x'], since: peer.pair.now, verify });
    for (const [to, verify] of [[toHub2, true], [on4500(path('wan')), false]] as const) {
      move(to, verify);
      const update = peer.hearOne();
      peer.reply(update, [cookieOf(update)], {}, to);
    }
    peer.pair.now = (peer.pair.now + millis(wait * 1000)) as typeof peer.pair.now;
    move(toHub2, true);
    assert.equal(espTo(peer), expected);
  }
});

test('M3.5-20: refused at the address it was told, an initiator is back where it was', () => {
  const { peer, update } = movedToTold();
  peer.reply(update, [rawNotify(40), cookieOf(update)], {}, toHub2);
  assert.deepEqual([espTo(peer), peer.side.engine.status()[0]?.path.remote.address], [HUB, HUB]);
});
