// Requests of an IKE SA, one at a time: windows, failed creations, what waits while the SA is rekeyed, INITIAL_CONTACT, forged first answers.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { seconds, toHex } from '../../src/base/index.ts';
import { EXCHANGE, type Payload } from '../../src/codec/ike/index.ts';
import { CHILD_SETTLE } from '../../src/ike/constants.ts';
import { connection, ESP_SUITE, Pair, prefixes } from './pair.ts';
import {
  deleteEsp, errorsOf, espOffer, findPayload, HUB_NET, ikeOffer, notify, range, rawNotify, rekeySa, ROUTER_NET, ScriptedPeer, spi8, type Heard, type PeerOptions,
} from './scripted-peer.ts';

const nonce = (fill: number): Payload => ({ type: 'NONCE', data: new Uint8Array(32).fill(fill) });
const TS: readonly Payload[] = [{ type: 'TSi', selectors: [ROUTER_NET] }, { type: 'TSr', selectors: [HUB_NET] }];
const newChild = (spi: number): Payload[] => [{ type: 'SA', proposals: espOffer(spi) }, nonce(spi & 255), ...TS];
const requests = (heard: readonly Heard[]): Heard[] => heard.filter((h) => !h.header.isResponse && h.sealed);
const initiator = (options: PeerOptions = {}): ScriptedPeer => {
  const peer = new ScriptedPeer('router', options);
  peer.accept();
  peer.hear();
  return peer;
};
const children = (peer: ScriptedPeer): string[] => peer.side.engine.status().flatMap((s) => s.children.map((c) => `${c.name}:${c.state}:${c.spiOut.toString(16)}`));

/** Answers the engine's rekeying of the IKE SA; the peer goes on with the successor. */
function answerIkeRekey(peer: ScriptedPeer, request: Heard): void {
  const offer = findPayload(request.payloads, 'SA')?.proposals[0];
  const ni = findPayload(request.payloads, 'NONCE')?.data;
  const ke = findPayload(request.payloads, 'KE');
  assert.ok(offer && ni && ke);
  const dh = peer.newDh(31);
  const nr = peer.random(32);
  const spiR = 0x5550000n + BigInt(request.header.messageId);
  peer.reply(request, [{ type: 'SA', proposals: ikeOffer(31).map((p) => ({ ...p, spi: spi8(spiR) })) }, { type: 'NONCE', data: nr }, { type: 'KE', group: 31, data: dh.publicValue }]);
  const shared = dh.derive(ke.data);
  assert.ok(shared);
  peer.follow(false, new DataView(offer.spi.buffer, offer.spi.byteOffset).getBigUint64(0), spiR, ni, nr, shared);
}

// ---- the window ------------------------------------------------------------------------------------------------------

test('I2.3-1 Q-7: one request outstanding, whatever is asked for and whatever window the peer announces; the next leaves when the answer is in', () => {
  const peer = new ScriptedPeer('router', { router: { liveness: seconds(600) } });
  peer.accept([notify('MOBIKE_SUPPORTED'), rawNotify(16_385, Uint8Array.of(0, 0, 0, 9))]);
  peer.hear();
  const { chain } = peer;
  for (const input of [{ type: 'child.rekey', chain, child: 'lan' }, { type: 'liveness.check', chain }, { type: 'child.rekey', chain, child: 'lan' }, { type: 'ike.rekey', chain }] as const)
    peer.pair.feed(peer.side, input);
  let waiting = requests(peer.hear());
  const ids: number[] = [];
  for (let i = 0; i < 12 && waiting.length > 0; i++) {
    assert.equal(waiting.length, 1);
    const [request] = waiting as [Heard];
    ids.push(request.header.messageId);
    peer.wait(100);
    assert.deepEqual(peer.hear(), [], 'nothing more before the answer');
    if (findPayload(request.payloads, 'SA')?.proposals[0]?.protocol === 1) answerIkeRekey(peer, request);
    else peer.reply(request, request.header.exchange === EXCHANGE.CREATE_CHILD_SA ? [...peer.childAnswer(request, 0x2000 + i), nonce(i)] : []);
    waiting = requests(peer.hear());
    if (waiting.length > 0) continue;
    peer.wait(CHILD_SETTLE); // a Child SA that was rekeyed is deleted a little later
    waiting = requests(peer.hear());
  }
  assert.ok(ids.length >= 3, ids.join());
  assert.ok(ids.every((id, i) => i === 0 || id === (ids[i - 1] ?? 0) + 1 || id === 0), ids.join());
});

test('I2.3-1: both sides ask at the same moment, again and again: no deadlock, nobody waits for the other', () => {
  const pair = new Pair('both ask');
  const chain = pair.connect();
  pair.runFor(seconds(3));
  for (let i = 0; i < 20; i++) {
    const sent = pair.router.sent.length + pair.hub.sent.length;
    pair.feed(pair.router, { type: 'liveness.check', chain });
    pair.feed(pair.hub, { type: 'liveness.check', chain: pair.hubChain() });
    pair.runFor(seconds(0.1));
    assert.equal(pair.router.sent.length + pair.hub.sent.length, sent + 4, 'two requests, two answers, no repetition');
  }
});

test('I2.3-1: a request outside the window is dropped, and no error message about it is sent', () => {
  const peer = new ScriptedPeer('hub');
  peer.connect();
  const at = peer.nextId;
  for (const messageId of [at + 1, at + 2, at + 1_000, 0x80000000, 0xffffffff]) assert.deepEqual(peer.ask('INFORMATIONAL', [], { messageId }), []);
  peer.nextId = at;
  assert.deepEqual(peer.answerTo('INFORMATIONAL', []).payloads, []);
});

test('I2.2-1: message IDs: the retries of IKE_SA_INIT are 0, IKE_AUTH 1, then up by one; answers echo; both counters start at 0 after a rekeying by us', () => {
  const peer = new ScriptedPeer('router', { router: { liveness: seconds(600) } });
  peer.initiated();
  peer.deliver(peer.plain('IKE_SA_INIT', true, 0, [notify('COOKIE', new Uint8Array(8).fill(1))], { spiR: 0n }));
  const retry = peer.takeInitRequest(peer.hearOne());
  assert.equal(retry.header.messageId, 0);
  const [auth] = peer.answerInit(retry);
  assert.equal(auth?.header.messageId, 1);
  peer.reply(auth, [...peer.authPayloads(), ...peer.childAnswer(auth)]);
  peer.hear();
  for (const id of [2, 3, 4]) {
    peer.pair.feed(peer.side, { type: 'liveness.check', chain: peer.chain });
    const check = peer.hearOne();
    assert.equal(check.header.messageId, id);
    peer.reply(check, []);
  }
  assert.equal(peer.answerTo('INFORMATIONAL', []).header.messageId, 0, 'the responder counts on its own');
  assert.equal(peer.answerTo('INFORMATIONAL', []).header.messageId, 1);
  peer.pair.feed(peer.side, { type: 'ike.rekey', chain: peer.chain });
  const rekey = peer.hearOne();
  assert.equal(rekey.header.messageId, 5);
  answerIkeRekey(peer, rekey);
  peer.hear();
  assert.equal(peer.answerTo('INFORMATIONAL', []).header.messageId, 0);
  peer.pair.feed(peer.side, { type: 'liveness.check', chain: peer.chain });
  assert.deepEqual(requests(peer.hear()).map((h) => h.header.messageId), [0]);
});

// ---- failed creations ------------------------------------------------------------------------------------------------

for (const [what, expected, payloads] of [
  ['no cipher in common', 'NO_PROPOSAL_CHOSEN', [{ type: 'SA', proposals: espOffer(0x2000).map((p) => ({ ...p, transforms: [{ type: 1, id: 3 }, { type: 5, id: 1 }] })) }, nonce(1), ...TS]],
  ['nets of somebody else', 'TS_UNACCEPTABLE', [{ type: 'SA', proposals: espOffer(0x2000) }, nonce(1), { type: 'TSi', selectors: [range('10.9.0.0', '10.9.0.255')] }, { type: 'TSr', selectors: [HUB_NET] }]],
  ['a child that is not there to be rekeyed', 'CHILD_SA_NOT_FOUND', [rekeySa(0x9999), ...newChild(0x2000)]],
  ['no group for the IKE SA', 'NO_PROPOSAL_CHOSEN', [{ type: 'SA', proposals: ikeOffer().map((p) => ({ ...p, spi: spi8(77n) })) }, nonce(1)]],
] as const satisfies readonly (readonly [string, string, readonly Payload[]])[]) {
  test(`I1.3-2: ${what}: ${expected}; the IKE SA, its child and its SPIs are as before, and the next creation works`, () => {
    const peer = new ScriptedPeer('hub');
    peer.connect();
    const before = [children(peer), peer.side.engine.sizes(), peer.side.sas.size];
    assert.deepEqual(errorsOf(peer.answerTo('CREATE_CHILD_SA', payloads)), [expected]);
    assert.deepEqual([children(peer), peer.side.engine.sizes(), peer.side.sas.size], before);
    assert.deepEqual([peer.closed, peer.side.crypto.privates.size], [[], 0]);
    assert.deepEqual(errorsOf(peer.answerTo('CREATE_CHILD_SA', [rekeySa(0x1000), ...newChild(0x3000)])), []);
  });
}

for (const name of ['NO_PROPOSAL_CHOSEN', 'TS_UNACCEPTABLE', 'NO_ADDITIONAL_SAS', 'SINGLE_PAIR_REQUIRED', 'INTERNAL_ADDRESS_FAILURE', 'FAILED_CP_REQUIRED', 'TEMPORARY_FAILURE'] as const) {
  test(`I1.3-2 I2.21-1: ${name} for a further child: the IKE SA and the other child stay, no error goes back, and it is asked for again, not at once`, () => {
    const lan = { name: 'lan', localTs: prefixes('10.1.0.0/24'), remoteTs: prefixes('10.2.0.0/24'), espProposals: [ESP_SUITE] };
    const dmz = { name: 'dmz', localTs: prefixes('10.1.1.0/24'), remoteTs: prefixes('10.2.1.0/24'), espProposals: [ESP_SUITE] };
    const peer = new ScriptedPeer('router', { router: { children: [lan, dmz], liveness: seconds(3_000) } });
    peer.accept();
    peer.wait(1);
    const [create] = requests(peer.hear());
    assert.equal(create?.header.exchange, EXCHANGE.CREATE_CHILD_SA);
    peer.reply(create, [notify(name)]);
    assert.deepEqual(peer.hear(), []);
    assert.deepEqual([children(peer), peer.closed, peer.side.engine.sizes().childSpis], [['lan:installed:1000'], [], 1]);
    peer.wait(3_000);
    assert.deepEqual(peer.hear(), [], 'not at once');
    peer.wait(300_000);
    const again = requests(peer.hear())[0];
    assert.equal(again?.header.exchange, EXCHANGE.CREATE_CHILD_SA);
    peer.reply(again, [...peer.childAnswer(again, 0x2000), nonce(2)]);
    assert.deepEqual(children(peer), ['lan:installed:1000', 'dmz:installed:2000']);
  });
}

// ---- while the IKE SA is rekeyed -------------------------------------------------------------------------------------

test('I1.3.2-1: after our rekeying of the IKE SA left nothing else is asked on the old SA but its Delete; what waited is asked on the new one', () => {
  const peer = initiator({ router: { liveness: seconds(600) } });
  peer.pair.feed(peer.side, { type: 'ike.rekey', chain: peer.chain });
  const rekey = peer.hearOne();
  peer.pair.feed(peer.side, { type: 'child.rekey', chain: peer.chain, child: 'lan' });
  assert.deepEqual(peer.hear(), []);
  const old = Object.assign(new ScriptedPeer('router', {}, peer.pair), { keys: peer.keys, spiI: peer.spiI, spiR: peer.spiR, path: peer.path });
  answerIkeRekey(peer, rekey);
  const sent = peer.side.sent.slice(-2).map(({ path, bytes }) => [old.open(path, bytes), peer.open(path, bytes)] as const);
  const onOld = sent.flatMap(([h]) => (h?.sealed ? [h.payloads] : []));
  const onNew = sent.flatMap(([, h]) => (h?.sealed ? [h] : []));
  assert.deepEqual(onOld, [[{ type: 'D', protocol: 1, spiSize: 0, spis: [] }]]);
  assert.deepEqual(onNew.map((h) => [h.header.exchange, h.payloads[0]?.type === 'N' && h.payloads[0].notify]), [[EXCHANGE.CREATE_CHILD_SA, 16_393]]);
});

test('I1.3.2-1: after the peer rekeyed the IKE SA what we want is asked on the new one', () => {
  const peer = new ScriptedPeer('hub');
  peer.connect();
  const dh = peer.newDh(31);
  const answer = peer.answerTo('CREATE_CHILD_SA', [
    { type: 'SA', proposals: ikeOffer(31).map((p) => ({ ...p, spi: spi8(0x4711n) })) }, nonce(7), { type: 'KE', group: 31, data: dh.publicValue },
  ]);
  const ke = findPayload(answer.payloads, 'KE');
  const spiR = findPayload(answer.payloads, 'SA')?.proposals[0]?.spi;
  const shared = ke && dh.derive(ke.data);
  assert.ok(spiR && shared);
  peer.follow(true, 0x4711n, new DataView(spiR.buffer, spiR.byteOffset).getBigUint64(0), new Uint8Array(32).fill(7), findPayload(answer.payloads, 'NONCE')?.data ?? new Uint8Array(), shared);
  peer.pair.feed(peer.side, { type: 'child.rekey', chain: peer.chain, child: 'lan' });
  const [rekey] = peer.hear();
  assert.deepEqual([rekey?.sealed, rekey?.header.exchange, rekey?.header.spiI, rekey?.header.messageId], [true, EXCHANGE.CREATE_CHILD_SA, 0x4711n, 0]);
});

// ---- INITIAL_CONTACT -------------------------------------------------------------------------------------------------

test('I2.4-4: INITIAL_CONTACT anywhere but in the first IKE_AUTH request removes nothing', () => {
  const first = new ScriptedPeer('hub');
  first.connect();
  const second = new ScriptedPeer('hub', {}, first.pair);
  second.connect();
  assert.deepEqual(second.answerTo('INFORMATIONAL', [notify('INITIAL_CONTACT')]).payloads, []);
  assert.deepEqual(errorsOf(second.answerTo('CREATE_CHILD_SA', [...newChild(0x2000), notify('INITIAL_CONTACT')])), []);
  second.init([notify('INITIAL_CONTACT'), ...second.initPayloads()]);
  assert.deepEqual([first.closed, first.side.engine.status().length], [[], 2]);
});

// ---- the first answer ------------------------------------------------------------------------------------------------

test('I2.4-5: a forged IKE_SA_INIT response that comes first does not break the set-up: the true one is followed too', () => {
  const peer = new ScriptedPeer('router');
  const request = peer.initiated();
  const evil = new ScriptedPeer('router', {}, peer.pair);
  evil.takeInitRequest(request);
  const [wrong] = evil.answerInit(request);
  assert.ok(wrong, 'the forged one is followed');
  const [auth] = peer.answerInit(request);
  assert.ok(auth?.sealed, 'and so is the true one');
  peer.verify(auth);
  peer.reply(auth, [...peer.authPayloads(), ...peer.childAnswer(auth)]);
  assert.equal(peer.side.of('ike.established').length, 1);
  peer.wait(31_000);
  assert.deepEqual([peer.side.of('ike.failed'), peer.side.engine.sizes().sas], [[], 1]);
});

// ---- lifetimes -------------------------------------------------------------------------------------------------------

test('I2.8-0: lifetimes are each side\'s own: with an hour here and three minutes there the short one rekeys, and both keep the same SAs', () => {
  const pair = new Pair('lifetimes', connection('initiator', { childLifetime: seconds(3_600), ikeLifetime: seconds(14_400) }), connection('responder', { childLifetime: seconds(180), ikeLifetime: seconds(400) }));
  pair.connect();
  pair.runFor(seconds(1_200));
  pair.checkPaired();
  assert.ok(pair.hub.of('child.rekeyed').length >= 5 && pair.hub.of('ike.rekeyed').length >= 2);
  assert.deepEqual([...pair.router.of('ike.closed'), ...pair.hub.of('ike.closed')], []);
  const [router, hub] = [pair.router, pair.hub].map((s) => s.engine.status()[0]);
  assert.ok(router?.spiI === hub?.spiI && router?.spiR === hub?.spiR);
});

test('I2.1-1: every repetition of a request is the same octets, whatever is done meanwhile', () => {
  const peer = initiator();
  peer.pair.feed(peer.side, { type: 'child.rekey', chain: peer.chain, child: 'lan' });
  const first = peer.hearOne();
  for (let i = 0; i < 8; i++) {
    peer.wait(2_000);
    peer.answerTo('INFORMATIONAL', [notify('COOKIE2', new Uint8Array(8).fill(i))]);
    peer.pair.feed(peer.side, { type: 'liveness.check', chain: peer.chain });
  }
  const repeated = peer.side.sent.map((s) => s.bytes.subarray(4)).filter((b) => b[18] === EXCHANGE.CREATE_CHILD_SA && ((b[19] ?? 0) & 0x20) === 0);
  assert.ok(repeated.length >= 4);
  assert.ok(repeated.every((b) => toHex(b) === toHex(first.bytes)));
});

// ---- a peer that has room for one ------------------------------------------------------------------------------------

/** An initiator whose rekeying of its child is answered NO_ADDITIONAL_SAS, up to its request for a new child in the old one's place. */
function madeAnew(): { readonly peer: ScriptedPeer; readonly create: Heard } {
  const peer = initiator({ router: { liveness: seconds(600) } });
  const spi = peer.side.engine.status()[0]?.children[0]?.spiIn ?? 0;
  peer.pair.feed(peer.side, { type: 'child.rekey', chain: peer.chain, child: 'lan' });
  peer.reply(peer.hearOne(), [notify('NO_ADDITIONAL_SAS')]);
  const bye = peer.hearOne();
  assert.deepEqual(findPayload(bye.payloads, 'D')?.spis.map(toHex), [spi.toString(16).padStart(8, '0')]);
  peer.reply(bye, [deleteEsp(0x1000)]);
  peer.wait(1);
  const create = peer.hearOne();
  assert.deepEqual([create.header.exchange, create.payloads.some((p) => p.type === 'N' && p.notify === 16_393)], [EXCHANGE.CREATE_CHILD_SA, false]);
  return { peer, create };
}

test('I4-1: NO_ADDITIONAL_SAS for a rekeying: the child is deleted and made anew on the same IKE SA', () => {
  const { peer, create } = madeAnew();
  peer.reply(create, [...peer.childAnswer(create, 0x2000), nonce(2)]);
  assert.deepEqual([children(peer), peer.side.sas.size, peer.closed], [['lan:installed:2000'], 2, []]);
});

test('I4-1: NO_ADDITIONAL_SAS for that one too: the IKE SA is ended, so that a new one brings the child', () => {
  const { peer, create } = madeAnew();
  peer.reply(create, [notify('NO_ADDITIONAL_SAS')]);
  const bye = peer.hearOne();
  assert.deepEqual(bye.payloads, [{ type: 'D', protocol: 1, spiSize: 0, spis: [] }]);
  peer.reply(bye, []);
  assert.deepEqual([peer.closed, peer.side.engine.sizes()], [['child_failed'], { sas: 0, chains: 0, childSpis: 0 }]);
});
