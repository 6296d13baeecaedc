// MOBIKE message by message: updates, return routability, probes, NAT detection, keepalives, from both ends.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { instant, ip, millis, minutes, samePath, seconds, toHex, type Path } from '../../src/base/index.ts';
import type { Payload } from '../../src/codec/ike/index.ts';
import { HUB, LTE, on4500, path, WAN } from './pair.ts';
import { DELETE_IKE, errorsOf, espOffer, findNotify, findPayload, hash, ikeOffer, notifies, notify, rawNotify, ScriptedPeer, spi8, type Heard, type PeerOptions } from './scripted-peer.ts';

const UPDATE = notify('UPDATE_SA_ADDRESSES');
const cookie2 = (fill: number, length = 16): Payload => rawNotify(16_401, new Uint8Array(length).fill(fill));
const connected = (options: PeerOptions = {}): ScriptedPeer => {
  const peer = new ScriptedPeer('hub', options);
  peer.connect();
  return peer;
};
/** The peer at another outer endpoint. */
const at = (peer: ScriptedPeer, address: string, port = 4500): Path => ({ ...peer.path, remote: { address: ip(address), port } });
const hubPath = (peer: ScriptedPeer): string => `${peer.side.engine.status()[0]?.path.remote.address}:${peer.side.engine.status()[0]?.path.remote.port}`;
/** Where the engine's ESP goes. */
const espTo = (peer: ScriptedPeer): string => `${peer.side.bundlePath.get(peer.chain)?.remote.address}:${peer.side.bundlePath.get(peer.chain)?.remote.port}`;
/** What came, the answer and the requests apart. */
const apart = (heard: readonly Heard[]): { answer: Heard | undefined; requests: Heard[] } => ({ answer: heard.find((h) => h.header.isResponse), requests: heard.filter((h) => !h.header.isResponse) });
const cookieOf = (heard: Heard | undefined): Uint8Array => findNotify(heard?.payloads ?? [], 'COOKIE2')?.data ?? new Uint8Array();

// ---- the engine is the responder -------------------------------------------------------------------------------------

test('M1.2-4 M3.8-1 M3.8-2 M3.8-5 D5.2.6-1: a probe from any address is answered there with the hashes of its own packet, and moves nothing', () => {
  const peer = connected();
  for (const [address, port] of [['198.51.100.1', 4500], ['198.51.100.2', 61_234], ['192.0.2.10', 4501]] as const) {
    const from = at(peer, address, port);
    const answer = peer.answerTo('INFORMATIONAL', [...peer.natPayloads(peer.spiI, peer.spiR), cookie2(1)], {}, from);
    assert.ok(samePath(answer.path, from));
    assert.deepEqual(findNotify(answer.payloads, 'NAT_DETECTION_DESTINATION_IP')?.data, hash(peer.spiI, peer.spiR, from.remote));
    const source = findNotify(answer.payloads, 'NAT_DETECTION_SOURCE_IP')?.data;
    assert.notDeepEqual(source, hash(peer.spiI, peer.spiR, from.local), 'NK-8: encapsulation is asked for');
    assert.deepEqual([hubPath(peer), espTo(peer)], ['192.0.2.10:4500', '192.0.2.10:4500']);
  }
  assert.deepEqual(notifies(peer.answerTo('INFORMATIONAL', peer.natPayloads(1n, 2n).slice(0, 1))), [], 'I2.23-1: both or none');
});

for (const length of [0, 7, 8, 64, 65, 300]) {
  test(`M3.7-3 Q-3: COOKIE2 of ${length} octets is copied unchanged, whatever its Protocol ID`, () => {
    const peer = connected();
    const answer = peer.answerTo('INFORMATIONAL', [rawNotify(16_401, new Uint8Array(length).fill(0x5a), 1)]);
    assert.deepEqual(answer.payloads, [rawNotify(16_401, new Uint8Array(length).fill(0x5a))]);
  });
}

test('M3.5-13 M3.5-14 M3.5-15 M3.7-5: an update moves the IKE SA at once; its answer carries NAT detection and COOKIE2; ESP follows after return routability', () => {
  const peer = connected();
  const to = at(peer, '198.51.100.1', 60_000);
  const { answer, requests } = apart(peer.ask('INFORMATIONAL', [UPDATE, ...peer.natPayloads(peer.spiI, peer.spiR), cookie2(7)], {}, to));
  assert.deepEqual(notifies(answer), ['NAT_DETECTION_SOURCE_IP', 'NAT_DETECTION_DESTINATION_IP', 'COOKIE2']);
  assert.ok(answer && samePath(answer.path, to));
  assert.deepEqual([hubPath(peer), espTo(peer)], ['198.51.100.1:60000', '192.0.2.10:4500']);
  const [check] = requests;
  assert.ok(check && samePath(check.path, to));
  assert.deepEqual([notifies(check), cookieOf(check).length], [['COOKIE2'], 16]);
  peer.reply(check, [rawNotify(16_401, cookieOf(check))], {}, to);
  assert.equal(espTo(peer), '198.51.100.1:60000');
  assert.equal(peer.side.of('path.moved').length, 1);
});

test('M3.5-13: an update sent to our second address moves our end too', () => {
  const peer = connected();
  const to = { ...peer.path, local: { address: ip('203.0.113.2'), port: 4500 } };
  peer.ask('INFORMATIONAL', [UPDATE, cookie2(7)], {}, to);
  assert.equal(peer.side.engine.status()[0]?.path.local.address, '203.0.113.2');
});

test('M4-1 M3.5-14: stray data in UPDATE_SA_ADDRESSES, address lists and NAT detection of odd lengths beside it: it is processed', () => {
  const peer = connected();
  const lengths = [[16_400, 9], [16_397, 5], [16_398, 3], [16_399, 1], [16_388, 3], [16_389, 0], [40, 4], [16_396, 300]] as const;
  const odd = lengths.map(([code, length]) => rawNotify(code, new Uint8Array(length)));
  const { answer } = apart(peer.ask('INFORMATIONAL', odd, {}, at(peer, '198.51.100.1')));
  assert.deepEqual(errorsOf(answer), []);
  assert.equal(hubPath(peer), '198.51.100.1:4500');
});

for (const more of [[notify('MOBIKE_SUPPORTED')], []]) {
  test(`M4-1 M3.9-1: each MOBIKE notify with 0 to 300 octets, ${more.length > 0 ? 'with' : 'without'} MOBIKE, in every exchange: an answer, and the SA stays`, () => {
    const peer = new ScriptedPeer('hub');
    peer.connect(more);
    for (const code of [40, 41, 16_388, 16_389, 16_396, 16_397, 16_398, 16_399, 16_400, 16_401, 16_402]) {
      for (const length of [0, 1, 3, 4, 7, 12, 16, 20, 36, 64, 300]) {
        const odd = rawNotify(code, new Uint8Array(length));
        peer.answerTo('INFORMATIONAL', [odd]);
        assert.deepEqual(errorsOf(peer.answerTo('CREATE_CHILD_SA', [odd, { type: 'SA', proposals: espOffer(0) }, { type: 'NONCE', data: new Uint8Array(32) }, ...peer.childPayloads().slice(1)])), ['NO_PROPOSAL_CHOSEN']);
      }
    }
    assert.deepEqual([peer.closed, hubPath(peer)], [[], '192.0.2.10:4500']);
  });
}

test('M4-2 M3.8-6: without MOBIKE an update moves nothing and COOKIE2 is not copied; NAT detection is answered', () => {
  const peer = new ScriptedPeer('hub');
  peer.connect([]);
  const { answer, requests } = apart(peer.ask('INFORMATIONAL', [UPDATE, ...peer.natPayloads(peer.spiI, peer.spiR), cookie2(7)], {}, at(peer, '198.51.100.1')));
  assert.deepEqual(notifies(answer), ['NAT_DETECTION_SOURCE_IP', 'NAT_DETECTION_DESTINATION_IP']);
  assert.deepEqual([requests.length, hubPath(peer), espTo(peer)], [0, '192.0.2.10:4500', '192.0.2.10:4500']);
});

test('I2.23-3: without MOBIKE a peer behind a NAT is followed by fresh requests, not by repetitions; and not when we are behind one', () => {
  for (const [weAreBehind, expected] of [[false, '192.0.2.10:7000'], [true, '192.0.2.10:4500']] as const) {
    const peer = new ScriptedPeer('hub');
    peer.spiI = 42n;
    const init = peer.initPayloads().filter((p) => p.type !== 'N');
    const [answer] = peer.init([...init, notify('NAT_DETECTION_SOURCE_IP', new Uint8Array(20)), notify('NAT_DETECTION_DESTINATION_IP', weAreBehind ? new Uint8Array(20) : hash(42n, 0n, { address: HUB, port: 500 }))]);
    assert.ok(answer);
    peer.takeInit(answer);
    peer.answerTo('IKE_AUTH', [...peer.authPayloads(), ...peer.childPayloads()]);
    const request = peer.seal('INFORMATIONAL', false, peer.nextId++, []);
    peer.deliver(request, at(peer, '192.0.2.10', 7000));
    assert.deepEqual([hubPath(peer), espTo(peer)], [expected, expected]);
    peer.deliver(request, at(peer, '192.0.2.10', 8000));
    assert.equal(hubPath(peer), expected);
  }
});

test('M3.5-13 I2.1-2: a repeated update from yet another address gets the cached answer there and moves nothing further', () => {
  const peer = connected();
  const update = peer.seal('INFORMATIONAL', false, peer.nextId++, [UPDATE, cookie2(7)]);
  peer.deliver(update, at(peer, '198.51.100.1'));
  peer.hear();
  peer.deliver(update, at(peer, '198.51.100.66'));
  const again = peer.hearOne();
  assert.ok(again.header.isResponse && again.path.remote.address === '198.51.100.66');
  assert.equal(hubPath(peer), '198.51.100.1:4500');
});

test('M3.5-10: an older update, replayed after a newer one, does nothing', () => {
  const peer = connected();
  const update = peer.seal('INFORMATIONAL', false, peer.nextId++, [UPDATE]);
  peer.deliver(update, at(peer, '198.51.100.1'));
  peer.answerTo('INFORMATIONAL', [UPDATE], {}, at(peer, '198.51.100.2'));
  peer.hear();
  peer.deliver(update, at(peer, '198.51.100.1'));
  assert.deepEqual([peer.hear(), hubPath(peer)], [[], '198.51.100.2:4500']);
});

test('M3.5-12: an address pair the policy does not allow: UNACCEPTABLE_ADDRESSES with COOKIE2, nothing changed; the next update works', () => {
  const peer = connected({ hub: { localAddrs: [HUB] } });
  const refuse = (from: Path): void => {
    const { answer, requests } = apart(peer.ask('INFORMATIONAL', [UPDATE, cookie2(7)], {}, from));
    assert.deepEqual([errorsOf(answer), cookieOf(answer).length, requests.length, hubPath(peer)], [['UNACCEPTABLE_ADDRESSES'], 16, 0, '192.0.2.10:4500']);
  };
  for (const address of ['127.0.0.1', '224.0.0.1', '0.0.0.0']) refuse(at(peer, address));
  refuse({ ...at(peer, '198.51.100.1'), local: { address: ip('203.0.113.2'), port: 4500 } });
  peer.ask('INFORMATIONAL', [UPDATE, cookie2(7)], {}, at(peer, '198.51.100.1'));
  assert.equal(hubPath(peer), '198.51.100.1:4500');
  const narrow = connected({ hub: { remoteAddrs: [{ kind: 'address', address: WAN }, { kind: 'address', address: LTE }] } });
  assert.deepEqual(errorsOf(apart(narrow.ask('INFORMATIONAL', [UPDATE], {}, at(narrow, '198.51.100.1'))).answer), ['UNACCEPTABLE_ADDRESSES']);
  assert.deepEqual(errorsOf(apart(narrow.ask('INFORMATIONAL', [UPDATE], {}, at(narrow, LTE))).answer), []);
});

test('M3.7-4 D5.5.2-1: another COOKIE2 in the answer to a return routability check: the IKE SA is closed, with Delete', () => {
  const peer = connected();
  const to = at(peer, '198.51.100.1');
  const [check] = apart(peer.ask('INFORMATIONAL', [UPDATE, cookie2(7)], {}, to)).requests;
  assert.ok(check);
  peer.reply(check, [cookie2(9)], {}, to);
  assert.deepEqual(peer.closed, ['cookie2_mismatch']);
  assert.deepEqual(peer.hear().map((h) => h.payloads), [[DELETE_IKE]]);
  assert.equal(peer.side.sas.size, 0);
});

test('M3.7-4 X-13: no COOKIE2 in the answer proves nothing: asked again with another value, ESP stays meanwhile', () => {
  const peer = connected();
  const to = at(peer, '198.51.100.1');
  const [check] = apart(peer.ask('INFORMATIONAL', [UPDATE, cookie2(7)], {}, to)).requests;
  assert.ok(check);
  peer.reply(check, [], {}, to);
  peer.wait(510);
  const again = peer.hearOne();
  assert.notDeepEqual(cookieOf(again), cookieOf(check));
  assert.equal(again.header.messageId, check.header.messageId + 1);
  assert.equal(espTo(peer), '192.0.2.10:4500');
  peer.reply(again, [rawNotify(16_401, cookieOf(again))], {}, to);
  assert.equal(espTo(peer), '198.51.100.1:4500');
});

test('M3.7-4: a peer that never returns COOKIE2 is not asked without pause', () => {
  const peer = connected();
  const to = at(peer, '198.51.100.1');
  let [check] = apart(peer.ask('INFORMATIONAL', [UPDATE, cookie2(7)], {}, to)).requests;
  let asked = 0;
  const until = peer.pair.now + 10_000;
  while (peer.pair.now < until) {
    if (check) {
      asked++;
      peer.reply(check, [], {}, to);
    }
    peer.wait(10);
    check = apart(peer.hear()).requests[0];
  }
  assert.ok(asked <= 6, `${asked} checks in 10 s`);
});

test('M3.7-6 M3.7-7 D5.5.2-2: the peer moves on while the check runs: same octets to the new address, that answer is discarded, and a new check follows', () => {
  const peer = connected();
  const first = at(peer, '198.51.100.1');
  const second = at(peer, '198.51.100.2');
  const [check] = apart(peer.ask('INFORMATIONAL', [UPDATE, cookie2(7)], {}, first)).requests;
  const [moved] = apart(peer.ask('INFORMATIONAL', [UPDATE, cookie2(8)], {}, second)).requests;
  assert.ok(check && moved);
  assert.equal(toHex(moved.bytes), toHex(check.bytes));
  assert.ok(samePath(moved.path, second));
  peer.reply(moved, [rawNotify(16_401, cookieOf(moved))], {}, second);
  const [fresh] = peer.hear();
  assert.ok(fresh && toHex(cookieOf(fresh)) !== toHex(cookieOf(check)));
  assert.equal(espTo(peer), '192.0.2.10:4500');
  peer.reply(fresh, [rawNotify(16_401, cookieOf(fresh))], {}, second);
  assert.equal(espTo(peer), '198.51.100.2:4500');
  assert.equal(peer.side.of('path.moved').length, 1);
});

test('M3.7-8 D5.5.2-1: an unanswered check is no attack: ESP and the IKE SA stay as they are until the hold time is over', () => {
  const peer = connected();
  peer.ask('INFORMATIONAL', [UPDATE, cookie2(7)], {}, at(peer, '198.51.100.1'));
  peer.wait(290_000);
  assert.deepEqual([peer.closed, espTo(peer)], [[], '192.0.2.10:4500']);
  peer.wait(11_000);
  assert.deepEqual(peer.closed, ['peer_dead']);
});

test('D59-3: an address shown to receive is not checked again within ten minutes, and is after them', () => {
  const peer = connected();
  const moves = (to: Path): Heard | undefined => {
    const [check] = apart(peer.ask('INFORMATIONAL', [UPDATE, cookie2(7)], {}, to)).requests;
    if (check) peer.reply(check, [rawNotify(16_401, cookieOf(check))], {}, to);
    return check;
  };
  assert.ok(moves(at(peer, '198.51.100.1')));
  assert.ok(moves(at(peer, '198.51.100.2')));
  assert.equal(moves(at(peer, '198.51.100.1')), undefined);
  assert.equal(espTo(peer), '198.51.100.1:4500');
  for (let i = 0; i < 6; i++) {
    peer.wait(100_000);
    peer.answerTo('INFORMATIONAL', [], {}, at(peer, '198.51.100.1'));
  }
  peer.wait(1_000);
  assert.ok(moves(at(peer, '198.51.100.2')));
});

test('M3.5-17 M3.5-10: an update on the same pair needs no check; what it says of NATs counts', () => {
  const peer = connected();
  const { requests } = apart(peer.ask('INFORMATIONAL', [UPDATE, ...peer.natPayloads(peer.spiI, peer.spiR, { natted: true }), cookie2(7)]));
  assert.deepEqual([requests.length, peer.side.engine.status()[0]?.natLocal], [0, true]);
  peer.ask('INFORMATIONAL', [UPDATE, cookie2(7)]);
  assert.equal(peer.side.engine.status()[0]?.natLocal, true, 'X-13: without NAT detection the setting stays');
  peer.ask('INFORMATIONAL', [UPDATE, ...peer.natPayloads(peer.spiI, peer.spiR)]);
  assert.equal(peer.side.engine.status()[0]?.natLocal, false);
});

test('M3.5-6: the responder\'s own outstanding request follows the peer, same octets', () => {
  const peer = connected();
  peer.pair.feed(peer.side, { type: 'child.rekey', chain: peer.chain, child: 'lan' });
  const request = peer.hearOne();
  const to = at(peer, '198.51.100.1');
  const { requests } = apart(peer.ask('INFORMATIONAL', [UPDATE, cookie2(7)], {}, to));
  assert.deepEqual(requests.map((r) => [toHex(r.bytes), r.path.remote.address]), [[toHex(request.bytes), '198.51.100.1']]);
});

// ---- the engine is the initiator -------------------------------------------------------------------------------------

/** An initiator that is up; what it asked right away has been answered. */
function initiator(change: { natted?: boolean; more?: readonly Payload[]; router?: PeerOptions['router'] } = {}): ScriptedPeer {
  const peer = new ScriptedPeer('router', { router: change.router });
  peer.accept(change.more, change.natted === undefined ? {} : { natted: change.natted });
  for (const h of peer.hear()) if (!h.header.isResponse) answerNat(peer, h);
  return peer;
}
/** Answers a request on its path, with NAT detection; `mapped`: where its packet seems to come from. */
function answerNat(peer: ScriptedPeer, request: Heard, mapped = { address: ip('198.51.100.9'), port: 4501 }, more: readonly Payload[] = []): void {
  const nat = [notify('NAT_DETECTION_SOURCE_IP', hash(peer.spiI, peer.spiR, request.path.remote)), notify('NAT_DETECTION_DESTINATION_IP', hash(peer.spiI, peer.spiR, mapped))];
  const asked = findNotify(request.payloads, 'COOKIE2');
  peer.reply(request, [...nat, ...(asked ? [asked] : []), ...more], {}, request.path);
}
const lte = on4500(path('lte'));
const wan = on4500(path('wan'));
const move = (peer: ScriptedPeer, to: Path): Heard[] => {
  peer.hear();
  peer.pair.feed(peer.side, { type: 'path.move', chain: peer.chain, path: to, reasons: ['test'], since: peer.pair.now });
  // On an IKE SA that was replaced and not yet deleted the same is said once more; that is another story.
  return peer.hear().filter((h) => h.sealed);
};

test('X-11 M3.5-8 M3.5-4: contents of an update: itself, the NAT detection pair, COOKIE2 of 16 random octets; no list, no NO_NATS_ALLOWED', () => {
  const peer = initiator();
  const [update] = move(peer, lte);
  assert.deepEqual(notifies(update), ['UPDATE_SA_ADDRESSES', 'NAT_DETECTION_SOURCE_IP', 'NAT_DETECTION_DESTINATION_IP', 'COOKIE2']);
  assert.deepEqual(update?.payloads.map((p) => p.type === 'N' && [p.protocol, p.spi.length, p.data.length]), [[0, 0, 0], [0, 0, 20], [0, 0, 20], [0, 0, 16]]);
  assert.deepEqual(findNotify(update?.payloads ?? [], 'NAT_DETECTION_DESTINATION_IP')?.data, hash(peer.spiI, peer.spiR, lte.remote));
  assert.equal(peer.side.bundlePath.get(peer.chain)?.uplink, 'lte');
  assert.ok(update && samePath(update.path, lte));
});

test('Q-4 X-13 M3.7-4: an empty answer to an update is one: the move is done, the NAT setting stays', () => {
  const peer = initiator({ natted: true });
  const [update] = move(peer, lte);
  assert.ok(update);
  peer.reply(update, [], {}, lte);
  assert.equal(peer.side.of('path.moved').length, 1);
  assert.equal(peer.side.engine.status()[0]?.natLocal, true);
  assert.deepEqual(peer.hear(), []);
});

test('M3.7-4: another COOKIE2 in the answer to an update: closed, with Delete', () => {
  const peer = initiator();
  const [update] = move(peer, lte);
  assert.ok(update);
  peer.reply(update, [cookie2(1)], {}, lte);
  assert.deepEqual(peer.closed, ['cookie2_mismatch']);
  assert.deepEqual(peer.hear().map((h) => h.payloads), [[DELETE_IKE]]);
});

for (const [what, error] of [['UNACCEPTABLE_ADDRESSES', notify('UNACCEPTABLE_ADDRESSES')], ['UNEXPECTED_NAT_DETECTED', notify('UNEXPECTED_NAT_DETECTED')], ['an unknown error', rawNotify(9_999)]] as const) {
  test(`M3.5-20 I3.10-1: ${what}: back to the old pair with a new update, told as refused, and not tried again for ten minutes`, () => {
    const peer = initiator({ router: { liveness: seconds(3000) } });
    const [update] = move(peer, lte);
    assert.ok(update);
    peer.reply(update, [error, rawNotify(16_401, cookieOf(update))], {}, lte);
    assert.deepEqual(peer.side.of('path.refused').map((e) => e.path.uplink), ['lte']);
    assert.equal(peer.side.bundlePath.get(peer.chain)?.uplink, 'wan');
    const back = peer.hearOne();
    assert.ok(notifies(back).includes('UPDATE_SA_ADDRESSES') && samePath(back.path, wan) && toHex(cookieOf(back)) !== toHex(cookieOf(update)));
    answerNat(peer, back);
    assert.deepEqual(peer.hear(), []);
    assert.deepEqual(move(peer, lte), []);
    assert.deepEqual(peer.side.of('ike.unreachable').map((e) => e.hint), ['path_refused']);
    assert.equal(peer.side.engine.status()[0]?.path.uplink, 'wan');
    peer.wait(601_000);
    assert.equal(move(peer, lte).length, 1);
  });
}

test('M3.5-20: even the old pair refused ends the dance', () => {
  const peer = initiator();
  let [update] = move(peer, lte);
  let count = 0;
  while (update && count < 10) {
    count++;
    peer.reply(update, [notify('UNACCEPTABLE_ADDRESSES')], {}, update.path);
    [update] = peer.hear();
  }
  assert.equal(count, 2);
});

test('Q-1: a hub that answers updates and checks from another port is believed, and not asked without pause', () => {
  const peer = initiator();
  const odd = (p: Path): Path => ({ ...p, remote: { ...p.remote, port: 4999 } });
  const [update] = move(peer, lte);
  assert.ok(update);
  peer.reply(update, [rawNotify(16_401, cookieOf(update))], {}, odd(lte));
  assert.equal(peer.side.of('path.moved').length, 1);
  assert.deepEqual(peer.hear(), []);
  let asked = 0;
  for (let i = 0; i < 1000; i++) {
    peer.wait(100);
    for (const h of peer.hear()) {
      asked++;
      peer.reply(h, [], {}, odd(h.path));
    }
  }
  assert.ok(asked < 150, `${asked} requests in 100 s`);
  assert.deepEqual(peer.closed, []);
});

test('M3.5-9 M3.5-18: a late answer to an older update touches nothing; the newest decision gets an update of its own', () => {
  const peer = initiator();
  const [first] = move(peer, lte);
  assert.ok(first);
  const again = move(peer, wan);
  assert.deepEqual(again.map((h) => toHex(h.bytes)), [toHex(first.bytes)], 'the outstanding one goes over the new pair');
  answerNat(peer, { ...first, path: wan }, { address: ip('198.51.100.77'), port: 1 });
  assert.equal(peer.side.engine.status()[0]?.natLocal, false);
  const second = peer.hearOne();
  assert.equal(second.header.messageId, first.header.messageId + 1);
  assert.notDeepEqual(cookieOf(second), cookieOf(first));
  answerNat(peer, second, wan.local);
  assert.deepEqual(peer.hear(), []);
  assert.equal(peer.side.engine.status()[0]?.natLocal, false);
});

test('D6.2-3 M3.7-6: an update that went over two pairs is followed by another, new ID and COOKIE2, on the chosen pair alone', () => {
  const peer = initiator();
  const [update] = move(peer, lte);
  assert.ok(update);
  peer.pair.feed(peer.side, { type: 'path.race', chain: peer.chain, paths: [wan] });
  const raced = peer.hearOne();
  assert.deepEqual([toHex(raced.bytes), raced.path.uplink], [toHex(update.bytes), 'wan']);
  answerNat(peer, update);
  const next = peer.hearOne();
  assert.equal(next.header.messageId, update.header.messageId + 1);
  assert.ok(samePath(next.path, lte) && toHex(cookieOf(next)) !== toHex(cookieOf(update)));
  answerNat(peer, next);
  assert.deepEqual(peer.hear(), []);
  assert.equal(peer.side.of('path.moved').length, 1);
});

test('M1.3-1: an update from the responder is ignored, not an error: an answer with NAT detection and COOKIE2', () => {
  const peer = initiator();
  const answer = peer.answerTo('INFORMATIONAL', [UPDATE, ...peer.natPayloads(peer.spiI, peer.spiR), cookie2(7)], {}, { ...wan, remote: { address: ip('203.0.113.99'), port: 4500 } });
  assert.deepEqual(notifies(answer), ['NAT_DETECTION_SOURCE_IP', 'NAT_DETECTION_DESTINATION_IP', 'COOKIE2']);
  assert.equal(peer.side.engine.status()[0]?.path.remote.address, HUB);
  assert.ok(peer.side.logs.some((l) => l.includes('UPDATE_SA_ADDRESSES')));
});

test('M3.7-3 M1.2-4: the initiator answers a return routability check where it came from and to', () => {
  const peer = initiator();
  move(peer, lte);
  const answer = peer.answerTo('INFORMATIONAL', [cookie2(3)], {}, wan);
  assert.ok(samePath(answer.path, wan));
  assert.deepEqual(answer.payloads, [cookie2(3)]);
});

test('M3.4-2 M3.5-2: address lists from the responder are answered and change nothing yet', () => {
  const peer = initiator();
  assert.deepEqual(peer.answerTo('INFORMATIONAL', [rawNotify(16_397, new Uint8Array(4).fill(9)), rawNotify(16_399), cookie2(4)]).payloads, [cookie2(4)]);
  assert.deepEqual(peer.answerTo('INFORMATIONAL', Array.from({ length: 60 }, () => rawNotify(16_397, new Uint8Array(4)))).payloads, []);
  assert.equal(peer.side.engine.status()[0]?.path.remote.address, HUB);
});

test('M3.8-3 N-j: behind a NAT the first exchange after IKE_AUTH gives the baseline on 4500; the same mapping later is no change, another is', () => {
  const peer = new ScriptedPeer('router');
  peer.accept(undefined, { natted: true });
  const baseline = peer.hearOne();
  assert.deepEqual(notifies(baseline), ['UPDATE_SA_ADDRESSES', 'NAT_DETECTION_SOURCE_IP', 'NAT_DETECTION_DESTINATION_IP', 'COOKIE2']);
  answerNat(peer, baseline);
  assert.deepEqual([peer.side.of('nat.changed').length, peer.hear().length], [0, 0]);
  const check = (mapped?: { address: ReturnType<typeof ip>; port: number }): Heard[] => {
    peer.pair.feed(peer.side, { type: 'liveness.check', chain: peer.chain });
    answerNat(peer, peer.hearOne(), mapped);
    return peer.hear();
  };
  assert.deepEqual(check(), []);
  const [update] = check({ address: ip('198.51.100.9'), port: 4777 });
  assert.equal(peer.side.of('nat.changed').length, 1);
  assert.ok(update && notifies(update).includes('UPDATE_SA_ADDRESSES') && samePath(update.path, wan));
  answerNat(peer, update, { address: ip('198.51.100.9'), port: 4777 });
  assert.deepEqual([peer.side.of('path.moved').length, check({ address: ip('198.51.100.9'), port: 4777 }).length], [0, 0]);
});

test('N-i M3.8-3: a standby whose mapping is another at each probe raises nothing; nor does one that looks like no NAT turn keepalives off', () => {
  const peer = initiator({ natted: true });
  for (const port of [1, 2, 3]) {
    peer.pair.feed(peer.side, { type: 'path.probe', chain: peer.chain, path: lte });
    const probe = peer.hearOne();
    assert.equal(probe.path.uplink, 'lte');
    answerNat(peer, probe, port === 3 ? lte.local : { address: ip('198.51.100.20'), port });
    const last = peer.hearOne();
    assert.deepEqual([last.path.uplink, notifies(last).includes('UPDATE_SA_ADDRESSES')], ['wan', false], 'Q-11: a check on the current path, and no more');
    answerNat(peer, last);
    assert.deepEqual(peer.hear(), []);
  }
  assert.deepEqual([peer.side.of('nat.changed').length, peer.side.engine.status()[0]?.natLocal], [0, true]);
});

/** Lets the peer rekey the IKE SA; the engine answers. */
function rekeyedByPeer(peer: ScriptedPeer): Heard[] {
  const dh = peer.newDh(31);
  const ni = peer.random(32);
  const answer = peer.answerTo('CREATE_CHILD_SA', [{ type: 'SA', proposals: ikeOffer(31).map((p) => ({ ...p, spi: spi8(0x5151n) })) }, { type: 'NONCE', data: ni }, { type: 'KE', group: 31, data: dh.publicValue }]);
  const spiR = findPayload(answer.payloads, 'SA')?.proposals[0]?.spi ?? new Uint8Array(8);
  const shared = dh.derive(findPayload(answer.payloads, 'KE')?.data ?? new Uint8Array());
  assert.ok(shared);
  peer.follow(true, 0x5151n, new DataView(spiR.buffer, spiR.byteOffset).getBigUint64(0), ni, findPayload(answer.payloads, 'NONCE')?.data ?? new Uint8Array(), shared);
  const first = peer.side.sent.at(-1);
  const heard = first && peer.open(first.path, first.bytes);
  return heard?.sealed ? [heard] : [];
}

test('M3.8-3 X-1 M1.3-1: a rekeyed IKE SA gets a new baseline by one update when we are behind a NAT, with the I flag of the new SA; none otherwise', () => {
  const peer = initiator({ natted: true });
  const [update] = rekeyedByPeer(peer);
  assert.ok(update && notifies(update).includes('UPDATE_SA_ADDRESSES'));
  assert.deepEqual([update.header.fromOriginalInitiator, update.header.messageId], [false, 0]);
  peer.hear();
  answerNat(peer, update);
  assert.deepEqual([peer.side.of('nat.changed').length, peer.hear().length, peer.side.of('path.moved').length], [0, 0, 0]);
  const open = initiator();
  assert.deepEqual(rekeyedByPeer(open), []);
});

test('X-1: a move that waits when the peer rekeys the IKE SA is made on the new SA', () => {
  const peer = initiator();
  const [update] = move(peer, lte);
  assert.ok(update);
  const [again] = rekeyedByPeer(peer);
  assert.ok(again && notifies(again).includes('UPDATE_SA_ADDRESSES') && samePath(again.path, lte));
  peer.hear();
  answerNat(peer, again, lte.local);
  assert.equal(peer.side.of('path.moved').length, 1);
});

test('N-i D5.2.3-1 NK-1: keepalives go on after a rekeying, one octet, on the current path only, also after a move', () => {
  const peer = initiator({ natted: true, router: { liveness: seconds(3000) } });
  const alive = (): Path[] => peer.side.sent.filter((s) => s.bytes.length === 1).map((s) => s.path);
  const [update] = rekeyedByPeer(peer);
  assert.ok(update);
  answerNat(peer, update);
  peer.wait(41_000);
  assert.equal(alive().length, 2);
  const [moved] = move(peer, lte);
  assert.ok(moved);
  answerNat(peer, moved);
  const before = alive().length;
  peer.wait(61_000);
  assert.equal(alive().slice(before).length, 3);
  assert.ok(alive().slice(before).every((p) => p.uplink === 'lte'));
  const [open] = move(peer, wan);
  assert.ok(open);
  answerNat(peer, open, wan.local);
  const last = alive().length;
  peer.wait(61_000);
  assert.equal(alive().length, last, 'N-b: no NAT there, no keepalives');
});

test('D6.2-2 I2.4-3: a probe that a standby swallows does not stand in the way of a liveness check: the same octets go over the current path', () => {
  const peer = initiator();
  peer.pair.feed(peer.side, { type: 'path.probe', chain: peer.chain, path: lte });
  const probe = peer.hearOne();
  peer.pair.feed(peer.side, { type: 'liveness.check', chain: peer.chain });
  const copy = peer.hearOne();
  assert.deepEqual([toHex(copy.bytes), copy.path.uplink], [toHex(probe.bytes), 'wan']);
  const traffic = initiator();
  traffic.pair.feed(traffic.side, { type: 'path.probe', chain: traffic.chain, path: lte });
  traffic.hear();
  traffic.wait(100);
  traffic.pair.feed(traffic.side, { type: 'traffic', chain: traffic.chain, traffic: { lastInbound: undefined, lastOutbound: traffic.pair.now, lastAny: traffic.pair.now }, active: seconds(1) });
  traffic.wait(1_200);
  assert.ok(traffic.hear().some((h) => h.path.uplink === 'wan'), 'unanswered traffic asks within its second');
});

test('M3.5-6 D6.2-4: a move onto the path of the outstanding probe: same octets at once, and its answer is not timed', () => {
  const peer = initiator();
  peer.pair.feed(peer.side, { type: 'path.probe', chain: peer.chain, path: lte });
  const probe = peer.hearOne();
  peer.wait(300);
  peer.hear();
  assert.deepEqual(move(peer, lte).map((h) => toHex(h.bytes)), [toHex(probe.bytes)]);
  peer.wait(1);
  answerNat(peer, probe);
  const answered = peer.side.of('path.answered').at(-1);
  assert.deepEqual([answered?.path.uplink, answered?.rtt, answered?.current], ['lte', undefined, true]);
  assert.ok(peer.hear().some((h) => notifies(h).includes('UPDATE_SA_ADDRESSES')));
});

test('I2.1-1 D5.1.3-2: racing the current path, unknown chains and too many paths do nothing bad', () => {
  const peer = initiator();
  peer.pair.feed(peer.side, { type: 'liveness.check', chain: peer.chain });
  peer.hear();
  peer.pair.feed(peer.side, { type: 'path.race', chain: peer.chain, paths: [wan] });
  assert.deepEqual(peer.hear(), []);
  peer.pair.feed(peer.side, { type: 'path.race', chain: 4711, paths: [lte] });
  const many = Array.from({ length: 50 }, (_, i) => ({ ...lte, local: { ...lte.local, port: 10_000 + i } }));
  for (let i = 0; i < 5; i++) peer.pair.feed(peer.side, { type: 'path.race', chain: peer.chain, paths: many });
  assert.ok(peer.hear().length <= 8);
});

test('I2.23-3 M3.2-1: without MOBIKE other paths are neither probed nor raced: the peer might follow', () => {
  const peer = initiator({ more: [] });
  peer.pair.feed(peer.side, { type: 'path.probe', chain: peer.chain, path: lte });
  assert.deepEqual(peer.hear(), []);
  peer.pair.feed(peer.side, { type: 'path.race', chain: peer.chain, paths: [lte] });
  assert.deepEqual(peer.hear().map((h) => h.path.uplink), ['wan']);
});

test('a path given while the SA is set up, deleted or gone changes nothing', () => {
  const peer = new ScriptedPeer('router');
  const [auth] = peer.answerInit(peer.initiated());
  assert.ok(auth);
  for (let chain = 0; chain < 5; chain++) peer.pair.feed(peer.side, { type: 'path.move', chain, path: lte, reasons: ['test'], since: instant(0) });
  assert.deepEqual(peer.hear(), []);
  peer.reply(auth, [...peer.authPayloads(), ...peer.childAnswer(auth), notify('MOBIKE_SUPPORTED')]);
  peer.pair.feed(peer.side, { type: 'chain.close', chain: peer.chain, reason: 'requested' });
  const bye = peer.hearOne();
  assert.deepEqual(move(peer, lte), []);
  peer.reply(bye, []);
  assert.deepEqual(move(peer, lte), []);
  assert.deepEqual(peer.side.engine.sizes(), { sas: 0, chains: 0, childSpis: 0 });
});

test('M3.11-1 I2.4-1: a responder that is idle checks after 150 s, then keeps on for five minutes at growing intervals', () => {
  const peer = connected();
  peer.wait(149_000);
  assert.deepEqual(peer.hear(), []);
  peer.wait(2_000);
  const first = peer.hear()[0];
  assert.ok(first);
  const from = peer.side.sent.length - 1;
  peer.wait(290_000);
  assert.deepEqual(peer.closed, []);
  const gaps = peer.side.sent.slice(from + 1).map((s, i) => s.at - (peer.side.sent[from + i]?.at ?? 0));
  assert.ok(gaps.length > 30 && gaps.every((g) => g <= 8_800));
  peer.wait(12_000);
  assert.deepEqual(peer.closed, ['peer_dead']);
  assert.equal(minutes(5), millis(300_000));
});
