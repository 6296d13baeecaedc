// Sealed messages: windows, message IDs, retransmission, the Encrypted payload, criticality, errors; and IKE_AUTH from both ends.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { ip, seconds, toHex } from '../../src/base/index.ts';
import type { Payload } from '../../src/codec/ike/index.ts';
import { on4500, path } from './pair.ts';
import {
  DELETE_IKE, errorsOf, espOffer, findNotify, findPayload, HUB_NET, notifies, notify, range, rawNotify, ROUTER_NET, ScriptedPeer, spi4, type Heard,
} from './scripted-peer.ts';
import { CANDIDATE_GRACE as GRACE } from '../../src/ike/constants.ts';

const EMPTY = { sas: 0, chains: 0, childSpis: 0 };
/** All of an engine that a message may change. */
const picture = (peer: ScriptedPeer): string =>
  JSON.stringify([peer.side.engine.status(), peer.side.engine.sizes(), peer.side.events, [...peer.side.sas.keys()], [...peer.side.bundlePath]], (_k, v: unknown) => (typeof v === 'bigint' ? v.toString() : v));
const critical: Payload = { type: 'unknown', code: 201, critical: true };
const connected = (): ScriptedPeer => {
  const peer = new ScriptedPeer('hub');
  peer.connect();
  return peer;
};

// ---- IKE_AUTH, the engine as responder -------------------------------------------------------------------------------

test('I1.2-2 I2.15-2 I2.2-1: IKE_AUTH has message ID 1; the answer has IDr, AUTH that verifies, SA, TS and MOBIKE_SUPPORTED', () => {
  const peer = new ScriptedPeer('hub');
  const auth = peer.connect();
  assert.equal(auth.header.messageId, 1);
  assert.deepEqual(auth.payloads.map((p) => p.type), ['IDr', 'AUTH', 'SA', 'TSi', 'TSr', 'N']);
  assert.deepEqual(notifies(auth), ['MOBIKE_SUPPORTED']);
  assert.equal(findNotify(auth.payloads, 'MOBIKE_SUPPORTED')?.data.length, 0);
});

for (const length of [0, 1, 200]) {
  test(`M3.2-2: MOBIKE_SUPPORTED with ${length} octets of data turns MOBIKE on, at either end`, () => {
    const peer = new ScriptedPeer('hub');
    peer.connect([rawNotify(16_396, new Uint8Array(length))]);
    assert.equal(peer.side.of('ike.established')[0]?.mobike, true);
    const other = new ScriptedPeer('router');
    other.accept([rawNotify(16_396, new Uint8Array(length))]);
    assert.equal(other.side.of('ike.established')[0]?.mobike, true);
  });
}

test('M3.2-1 M4-2: without MOBIKE_SUPPORTED it is off', () => {
  const peer = new ScriptedPeer('hub');
  assert.deepEqual(notifies(peer.connect([])), []);
  assert.equal(peer.side.of('ike.established')[0]?.mobike, false);
});

test('I2.5-3 I3.10-1 Q-2 M4-1: IKE_AUTH in any order, with payloads and notifies of later RFCs, is taken', () => {
  const peer = new ScriptedPeer('hub');
  peer.takeInit(peer.init()[0] as Heard);
  const [idi, auth] = peer.authPayloads();
  const [sa, tsi, tsr] = peer.childPayloads();
  assert.ok(idi && auth && sa && tsi && tsr);
  const answer = peer.answerTo('IKE_AUTH', [
    tsr, rawNotify(16_399), rawNotify(16_397, new Uint8Array(3)), rawNotify(16_402, new Uint8Array(5)), rawNotify(16_391), { type: 'unknown', code: 250, critical: false }, sa,
    { type: 'CP', cfgType: 1, attributes: [] }, rawNotify(8_191), { type: 'CERTREQ', encoding: 4, data: new Uint8Array(20) }, auth, tsi, rawNotify(16_396), idi, rawNotify(50_000, new Uint8Array(900)),
  ]);
  assert.deepEqual(errorsOf(answer), []);
  peer.verify(answer);
  assert.equal(notifies(answer).includes('USE_TRANSPORT_MODE'), false, 'I1.3.1-1 M1.2-1: tunnel mode');
  assert.equal(peer.side.sas.size, 2);
});

for (const [what, payloads] of [
  ['AUTH that does not verify', (p: ScriptedPeer) => [...p.authPayloads({ wrong: true }), ...p.childPayloads(), notify('INITIAL_CONTACT')]],
  ['another method', (p: ScriptedPeer) => [...p.authPayloads({ method: 1 }), ...p.childPayloads(), notify('INITIAL_CONTACT')]],
  ['no AUTH', (p: ScriptedPeer) => [...p.authPayloads().slice(0, 1), ...p.childPayloads()]],
  ['no IDi', (p: ScriptedPeer) => [...p.authPayloads().slice(1), ...p.childPayloads()]],
  ['an IDr that is nobody here', (p: ScriptedPeer) => [...p.authPayloads(), { type: 'IDr', idType: 2, data: new Uint8Array([120]), body: new Uint8Array([2, 0, 0, 0, 120]) } as const, ...p.childPayloads()]],
] as const) {
  test(`I1.2-3 I2.21.2-1 I2.4-4: ${what}: AUTHENTICATION_FAILED and nothing else, again for a repetition; other SAs of the identity stay`, () => {
    const first = new ScriptedPeer('hub', { hub: { localId: { text: 'hub.example', idType: 2, data: new TextEncoder().encode('hub.example') } } });
    first.connect();
    const peer = new ScriptedPeer('hub', {}, first.pair);
    peer.takeInit(peer.init()[0] as Heard);
    const [answer] = peer.ask('IKE_AUTH', payloads(peer), { messageId: 1 });
    assert.deepEqual(answer?.payloads, [notify('AUTHENTICATION_FAILED')]);
    assert.deepEqual(peer.side.engine.sizes(), { sas: 1, chains: 1, childSpis: 1 });
    assert.deepEqual(peer.side.of('ike.closed'), []);
    const bytes = peer.seal('IKE_AUTH', false, 1, []);
    peer.deliver(bytes);
    assert.deepEqual(notifies(peer.hear()[0]), ['INVALID_IKE_SPI'], 'another message finds no SA');
    assert.equal(peer.side.of('ike.established').length, 1);
  });
}

test('I2.1-2 I2.21.2-1: who did not hear AUTHENTICATION_FAILED or the answer to its Delete gets the same octets again', () => {
  const peer = new ScriptedPeer('hub');
  peer.takeInit(peer.init()[0] as Heard);
  const request = peer.seal('IKE_AUTH', false, 1, peer.authPayloads({ wrong: true }));
  peer.deliver(request);
  const answer = peer.hearOne();
  for (let i = 0; i < 3; i++) {
    peer.deliver(request);
    assert.equal(toHex(peer.hearOne().bytes), toHex(answer.bytes));
  }
  assert.deepEqual(peer.side.engine.sizes(), EMPTY);
  const other = connected();
  const bye = other.seal('INFORMATIONAL', false, other.nextId, [DELETE_IKE]);
  other.deliver(bye);
  const gone = other.hearOne();
  assert.deepEqual(gone.payloads, []);
  other.deliver(bye);
  assert.equal(toHex(other.hearOne().bytes), toHex(gone.bytes));
  assert.deepEqual(other.side.engine.sizes(), EMPTY);
});

for (const [what, expected, payloads] of [
  ['no SA payload', 'NO_PROPOSAL_CHOSEN', [{ type: 'TSi', selectors: [ROUTER_NET] }, { type: 'TSr', selectors: [HUB_NET] }]],
  ['an ESP SPI of 0', 'NO_PROPOSAL_CHOSEN', [{ type: 'SA', proposals: espOffer(0) }, { type: 'TSi', selectors: [ROUTER_NET] }, { type: 'TSr', selectors: [HUB_NET] }]],
  ['an ESP SPI below 256', 'NO_PROPOSAL_CHOSEN', [{ type: 'SA', proposals: espOffer(255) }, { type: 'TSi', selectors: [ROUTER_NET] }, { type: 'TSr', selectors: [HUB_NET] }]],
  ['AH', 'NO_PROPOSAL_CHOSEN', [{ type: 'SA', proposals: espOffer(0x1000).map((p) => ({ ...p, protocol: 2 })) }, { type: 'TSi', selectors: [ROUTER_NET] }, { type: 'TSr', selectors: [HUB_NET] }]],
  ['no ESN transform', 'NO_PROPOSAL_CHOSEN', [{ type: 'SA', proposals: espOffer(0x1000).map((p) => ({ ...p, transforms: p.transforms.slice(0, 1) })) }, { type: 'TSi', selectors: [ROUTER_NET] }, { type: 'TSr', selectors: [HUB_NET] }]],
  ['nets of somebody else', 'TS_UNACCEPTABLE', [{ type: 'SA', proposals: espOffer(0x1000) }, { type: 'TSi', selectors: [range('10.7.0.0', '10.7.0.255')] }, { type: 'TSr', selectors: [HUB_NET] }]],
  ['no selector that means anything', 'TS_UNACCEPTABLE', [{ type: 'SA', proposals: espOffer(0x1000) }, { type: 'TSi', selectors: [] }, { type: 'TSr', selectors: [HUB_NET] }]],
] as const satisfies readonly (readonly [string, string, readonly Payload[]])[]) {
  test(`I1.2-3 I2.9-1 I5.1-1 NK-5: ${what}: ${expected}; the IKE SA is up without the child`, () => {
    const peer = new ScriptedPeer('hub');
    peer.takeInit(peer.init()[0] as Heard);
    const answer = peer.answerTo('IKE_AUTH', [...peer.authPayloads(), ...payloads, notify('MOBIKE_SUPPORTED')]);
    peer.verify(answer);
    assert.deepEqual(errorsOf(answer), [expected]);
    assert.equal(peer.side.engine.status()[0]?.state, 'established');
    assert.deepEqual([peer.side.sas.size, peer.side.engine.sizes().childSpis], [0, 0]);
    assert.deepEqual(errorsOf(peer.answerTo('INFORMATIONAL', [])), []);
  });
}

test('I1.2-5: a KE transform in the SA of IKE_AUTH is answered without one; NONE is taken', () => {
  for (const offer of [espOffer(0x1000, 0), espOffer(0x1000, 31, 0)]) {
    const peer = new ScriptedPeer('hub');
    peer.takeInit(peer.init()[0] as Heard);
    const answer = peer.answerTo('IKE_AUTH', [...peer.authPayloads(), { type: 'SA', proposals: offer }, ...peer.childPayloads().slice(1)]);
    const chosen = findPayload(answer.payloads, 'SA')?.proposals[0];
    assert.deepEqual(chosen?.transforms.map((t) => [t.type, t.id]), [[1, 20], [5, 1]]);
  }
});

test('I2.4-4: INITIAL_CONTACT removes other SAs of the same pair of identities once AUTH is verified, and none of another', () => {
  const peer = connected();
  const stranger = new ScriptedPeer('hub', { id: 'other.example' }, peer.pair);
  stranger.connect([notify('INITIAL_CONTACT')]);
  assert.deepEqual(peer.closed, []);
  const again = new ScriptedPeer('hub', {}, peer.pair);
  again.connect([notify('INITIAL_CONTACT')]);
  assert.deepEqual(peer.closed, ['replaced']);
  assert.equal(peer.side.engine.status().length, 2);
});

test('I1.4-1: INFORMATIONAL and CREATE_CHILD_SA before IKE_AUTH are ignored, and do not use its message ID up', () => {
  const peer = new ScriptedPeer('hub');
  peer.takeInit(peer.init()[0] as Heard);
  assert.deepEqual(peer.ask('INFORMATIONAL', [DELETE_IKE], { messageId: 1 }), []);
  assert.deepEqual(peer.ask('CREATE_CHILD_SA', peer.childPayloads(), { messageId: 1 }), []);
  peer.nextId = 1;
  peer.verify(peer.answerTo('IKE_AUTH', [...peer.authPayloads(), ...peer.childPayloads()]));
});

test('I2.21.3-1: a fresh IKE_AUTH, and an unknown exchange, on an SA that is up: INVALID_SYNTAX, and the SA goes', () => {
  for (const exchange of [35, 43, 240]) {
    const peer = connected();
    assert.deepEqual(notifies(peer.answerTo('INFORMATIONAL', [], { exchange })), ['INVALID_SYNTAX']);
    assert.deepEqual(peer.closed, ['invalid_syntax']);
    assert.deepEqual(peer.side.engine.sizes(), EMPTY);
    assert.equal(peer.side.sas.size, 0);
  }
});

test('M3.3-2: the SA lives where the first IKE_AUTH request came from', () => {
  const peer = new ScriptedPeer('hub');
  peer.takeInit(peer.init()[0] as Heard);
  peer.path = { ...peer.path, remote: { address: ip('198.51.100.7'), port: 61_000 } };
  peer.answerTo('IKE_AUTH', [...peer.authPayloads(), ...peer.childPayloads()]);
  assert.equal(peer.side.bundlePath.get(peer.chain)?.remote.port, 61_000);
  assert.equal(peer.side.engine.status()[0]?.path.remote.address, '198.51.100.7');
});

// ---- IKE_AUTH, the engine as initiator -------------------------------------------------------------------------------

test('I1.2-2 I2.4-4: the IKE_AUTH request of an initiator: INITIAL_CONTACT the first time only, no critical bits, no UPDATE', () => {
  const peer = new ScriptedPeer('router');
  const auth = peer.accept();
  assert.deepEqual(auth.payloads.map((p) => p.type), ['IDi', 'N', 'AUTH', 'SA', 'TSi', 'TSr', 'N']);
  assert.deepEqual(notifies(auth), ['INITIAL_CONTACT', 'MOBIKE_SUPPORTED']);
  assert.equal(auth.header.messageId, 1);
  assert.equal(findPayload(auth.payloads, 'SA')?.proposals[0]?.transforms.some((t) => t.type === 4), false, 'I1.2-5');
  peer.pair.feed(peer.side, { type: 'chain.close', chain: peer.chain, reason: 'requested' });
  peer.reply(peer.hearOne(), []);
  const again = new ScriptedPeer('router', {}, peer.pair);
  assert.deepEqual(notifies(again.accept()), ['MOBIKE_SUPPORTED']);
});

for (const [what, payloads] of [
  ['AUTH that does not verify', (p: ScriptedPeer, auth: Heard) => [...p.authPayloads({ wrong: true }), ...p.childAnswer(auth), notify('MOBIKE_SUPPORTED')]],
  ['another method', (p: ScriptedPeer, auth: Heard) => [...p.authPayloads({ method: 9 }), ...p.childAnswer(auth)]],
  ['another IDr than asked for', (p: ScriptedPeer, auth: Heard) => [...p.authPayloads({ id: 'evil.example' }), ...p.childAnswer(auth)]],
  ['AUTHENTICATION_FAILED', () => [notify('AUTHENTICATION_FAILED')]],
  ['INVALID_SYNTAX beside an AUTH that verifies', (p: ScriptedPeer) => [...p.authPayloads(), notify('INVALID_SYNTAX')]],
  ['UNSUPPORTED_CRITICAL_PAYLOAD beside an AUTH that verifies', (p: ScriptedPeer) => [...p.authPayloads(), notify('UNSUPPORTED_CRITICAL_PAYLOAD', Uint8Array.of(33))]],
  ['nothing', () => []],
  ['two IDr', (p: ScriptedPeer, auth: Heard) => [...p.authPayloads(), ...p.authPayloads().slice(0, 1), ...p.childAnswer(auth)]],
  ['an unknown critical payload', (p: ScriptedPeer, auth: Heard) => [...p.authPayloads(), ...p.childAnswer(auth), critical]],
] as const) {
  test(`I1.2-3 I1.2-4 I2.21-2 I2.5-2: ${what} in the IKE_AUTH response: the attempt failed, once, and nothing is left`, () => {
    const peer = new ScriptedPeer('router', { router: { remoteId: { text: 'hub', idType: 1, data: Uint8Array.of(203, 0, 113, 1) } } });
    const [auth] = peer.answerInit(peer.initiated());
    assert.ok(auth);
    peer.reply(auth, payloads(peer, auth));
    peer.wait(GRACE);
    assert.deepEqual(peer.side.events.filter((e) => e.type !== 'path.answered').map((e) => e.type), ['ike.failed']);
    assert.deepEqual([peer.side.engine.sizes(), peer.side.engine.deadline, peer.side.sas.size], [EMPTY, undefined, 0]);
    assert.equal(peer.side.engine.isConnecting('hq'), false);
  });
}

test('I2.21-1: an initiator that refuses its peer says so, once, so that the peer does not keep a dead SA', () => {
  const peer = new ScriptedPeer('router');
  const [auth] = peer.answerInit(peer.initiated());
  assert.ok(auth);
  peer.reply(auth, [...peer.authPayloads({ wrong: true }), ...peer.childAnswer(auth)]);
  const bye = peer.hearOne();
  assert.deepEqual([bye.header.exchange, bye.header.messageId, notifies(bye)], [37, 2, ['AUTHENTICATION_FAILED']]);
  peer.wait(60_000);
  assert.deepEqual(peer.hear(), []);
});

for (const [what, payloads] of [
  ['TS_UNACCEPTABLE', () => [notify('TS_UNACCEPTABLE')]],
  ['NO_PROPOSAL_CHOSEN', () => [notify('NO_PROPOSAL_CHOSEN')]],
  ['an unknown error', () => [rawNotify(12_345)]],
] as const) {
  test(`I1.2-3 I2.21-2 M3.2-3: ${what} beside an AUTH that verifies: the IKE SA is up, the child is asked for again later`, () => {
    const peer = new ScriptedPeer('router', { router: { liveness: seconds(600) } });
    const [auth] = peer.answerInit(peer.initiated());
    assert.ok(auth);
    peer.reply(auth, [...peer.authPayloads(), ...payloads()]);
    assert.deepEqual(peer.side.engine.status()[0]?.state, 'established');
    assert.deepEqual([peer.side.sas.size, peer.side.engine.sizes().childSpis], [0, 0]);
    assert.deepEqual(peer.hear(), []);
    peer.wait(59_000);
    assert.deepEqual(peer.hear(), []);
    peer.wait(2_000);
    assert.equal(peer.hear()[0]?.header.exchange, 36);
  });
}

for (const [what, change] of [
  ['another cipher', (p: Payload) => (p.type === 'SA' ? { ...p, proposals: p.proposals.map((q) => ({ ...q, transforms: [{ type: 1, id: 12, keyLength: 256 }, ...q.transforms.slice(1)] })) } : p)],
  ['a group', (p: Payload) => (p.type === 'SA' ? { ...p, proposals: p.proposals.map((q) => ({ ...q, transforms: [...q.transforms, { type: 4, id: 31 }] })) } : p)],
  ['SPI 0', (p: Payload) => (p.type === 'SA' ? { ...p, proposals: p.proposals.map((q) => ({ ...q, spi: spi4(0) })) } : p)],
  ['a wider TSr', (p: Payload) => (p.type === 'TSr' ? { ...p, selectors: [range('10.0.0.0', '10.255.255.255')] } : p)],
  ['a TSi of somewhere else', (p: Payload) => (p.type === 'TSi' ? { ...p, selectors: [range('10.9.0.0', '10.9.0.1')] } : p)],
  ['an empty TSr', (p: Payload) => (p.type === 'TSr' ? { ...p, selectors: [] } : p)],
] as readonly (readonly [string, (p: Payload) => Payload])[]) {
  test(`I2.9-2 I3.3.6-2 I1.2-5 NK-5: ${what} in the answer for the child: it is not installed, and the peer is told to delete its own`, () => {
    const peer = new ScriptedPeer('router');
    const [auth] = peer.answerInit(peer.initiated());
    assert.ok(auth);
    peer.reply(auth, [...peer.authPayloads(), ...peer.childAnswer(auth).map(change), notify('MOBIKE_SUPPORTED')]);
    assert.equal(peer.side.engine.status()[0]?.state, 'established');
    assert.equal(peer.side.sas.size, 0);
    const told = peer.hearOne();
    assert.deepEqual(findPayload(told.payloads, 'D')?.spis, [spi4(ScriptedPeer.espSpi(auth))]);
    peer.reply(told, []);
    assert.equal(peer.side.engine.sizes().childSpis, 0);
  });
}

test('Q-2 Q-6 I2.5-3: a response in odd order with NO_ADDITIONAL_ADDRESSES and private notifies is taken', () => {
  const peer = new ScriptedPeer('router');
  const [auth] = peer.answerInit(peer.initiated());
  assert.ok(auth);
  peer.reply(auth, [notify('NO_ADDITIONAL_ADDRESSES'), rawNotify(40_000), notify('MOBIKE_SUPPORTED'), ...peer.childAnswer(auth).reverse(), ...peer.authPayloads().reverse()]);
  assert.equal(peer.side.of('ike.established')[0]?.mobike, true);
  assert.equal(peer.side.sas.size, 2);
});

test('an attempt that is stopped, or never answered, in IKE_AUTH gives its SPI back', () => {
  const peer = new ScriptedPeer('router');
  peer.answerInit(peer.initiated());
  assert.equal(peer.side.engine.sizes().childSpis, 1);
  peer.pair.feed(peer.side, { type: 'connection.terminate', connection: 'hq' });
  assert.deepEqual(peer.side.engine.sizes(), EMPTY);
  assert.deepEqual(peer.side.of('ike.failed'), []);
  const other = new ScriptedPeer('router');
  other.answerInit(other.initiated());
  other.wait(31_000);
  assert.deepEqual(other.side.engine.sizes(), EMPTY);
  assert.deepEqual(other.side.of('ike.failed').map((e) => e.reason), ['timeout']);
  const third = new ScriptedPeer('router');
  const [auth] = third.answerInit(third.initiated());
  assert.ok(auth);
  third.reply(auth, [], { plaintext: { first: 41, bytes: Uint8Array.of(0, 0, 0, 1) } });
  third.wait(GRACE);
  assert.deepEqual(third.side.engine.sizes(), EMPTY);
  assert.deepEqual(third.side.of('ike.failed').map((e) => e.reason), ['invalid_syntax']);
});

test('I2.3-1 I1.4-1: a request of the responder that overtakes its IKE_AUTH response is answered when it comes again', () => {
  const peer = new ScriptedPeer('router');
  const [auth] = peer.answerInit(peer.initiated());
  assert.ok(auth);
  const early = peer.seal('INFORMATIONAL', false, 0, []);
  peer.deliver(early);
  assert.deepEqual(peer.hear(), []);
  peer.reply(auth, [...peer.authPayloads(), ...peer.childAnswer(auth)]);
  peer.hear();
  peer.deliver(early);
  assert.deepEqual(peer.hearOne().payloads, []);
});

test('I2.4-2: unprotected errors in answer to IKE_AUTH change nothing', () => {
  const peer = new ScriptedPeer('router');
  const [auth] = peer.answerInit(peer.initiated());
  assert.ok(auth);
  const before = picture(peer);
  for (const name of ['AUTHENTICATION_FAILED', 'INVALID_IKE_SPI', 'INVALID_SYNTAX', 'NO_PROPOSAL_CHOSEN'] as const) peer.deliver(peer.plain('IKE_AUTH', true, 1, [notify(name)]));
  assert.equal(picture(peer), before);
  peer.reply(auth, [...peer.authPayloads(), ...peer.childAnswer(auth)]);
  assert.equal(peer.side.of('ike.established').length, 1);
});

// ---- windows and retransmission --------------------------------------------------------------------------------------

test('I2.1-2 M1.2-4: a repeated request is answered from the cache, octet for octet, each copy to where it came from; one processing', () => {
  const peer = connected();
  const request = peer.seal('INFORMATIONAL', false, peer.nextId++, [notify('COOKIE2', new Uint8Array(16).fill(3)), ...peer.natPayloads(peer.spiI, peer.spiR)]);
  peer.hear();
  peer.deliver(request);
  const answer = peer.hearOne();
  const before = picture(peer);
  for (let i = 0; i < 100; i++) {
    const from = { ...peer.path, remote: { address: ip(`198.51.100.${i % 3}`), port: 5000 + (i % 7) } };
    peer.deliver(request, from);
    const again = peer.hearOne();
    assert.equal(toHex(again.bytes), toHex(answer.bytes));
    assert.deepEqual(again.path, from);
  }
  assert.equal(picture(peer), before);
});

test('I2.2-1 I2.3-1: only the next message ID is taken: older, later and far ones are dropped', () => {
  const peer = connected();
  peer.answerTo('INFORMATIONAL', []);
  const next = peer.nextId;
  const before = picture(peer);
  for (const messageId of [0, 1, next - 2, next - 1, next + 1, next + 7, 0xffffffff]) assert.deepEqual([messageId, peer.ask('INFORMATIONAL', [DELETE_IKE], { messageId })], [messageId, []]);
  assert.equal(picture(peer), before);
  peer.nextId = next;
  assert.deepEqual(peer.answerTo('INFORMATIONAL', []).payloads, []);
});

test('I2.3-1: a request is answered while one of ours waits; the first request of a responder has ID 0', () => {
  const peer = connected();
  peer.pair.feed(peer.side, { type: 'liveness.check', chain: peer.chain });
  const ours = peer.hearOne();
  assert.equal(ours.header.messageId, 0);
  assert.deepEqual(peer.answerTo('INFORMATIONAL', []).payloads, []);
  const id = ours.header.messageId;
  peer.reply(ours, [], { messageId: id + 1 });
  peer.pair.feed(peer.side, { type: 'liveness.check', chain: peer.chain });
  assert.deepEqual(peer.hear(), [], 'still outstanding: the answer had another ID');
  peer.reply(ours, []);
  peer.pair.feed(peer.side, { type: 'liveness.check', chain: peer.chain });
  assert.equal(peer.hearOne().header.messageId, 1);
});

test('I2.1-1: responses of another exchange type, with a wrong ICV or wrong flags, are none', () => {
  const peer = connected();
  peer.pair.feed(peer.side, { type: 'liveness.check', chain: peer.chain });
  const ours = peer.hearOne();
  const before = picture(peer);
  peer.reply(ours, [], { exchange: 36 });
  peer.reply(ours, [], { badIcv: true });
  peer.reply(ours, [], { fromOriginalInitiator: false });
  peer.reply(ours, [], { spiI: 1n });
  peer.deliver(peer.plain('INFORMATIONAL', true, ours.header.messageId, []));
  peer.deliver(peer.plain('INFORMATIONAL', true, ours.header.messageId, [notify('AUTHENTICATION_FAILED')]));
  assert.equal(picture(peer), before);
  peer.reply(ours, []);
  assert.notEqual(picture(peer), before);
});

test('I2.4-2 I2.21.4-1: INVALID_IKE_SPI is a hint, told once for a request, and only for the one that waits', () => {
  const peer = new ScriptedPeer('router');
  peer.accept();
  const stray = peer.plain('INFORMATIONAL', true, 2, [notify('INVALID_IKE_SPI')]);
  peer.deliver(stray);
  assert.deepEqual(peer.side.of('ike.unreachable'), []);
  peer.pair.feed(peer.side, { type: 'liveness.check', chain: peer.chain });
  const ours = peer.hearOne();
  for (let i = 0; i < 10; i++) peer.deliver(peer.plain('INFORMATIONAL', true, ours.header.messageId, [notify('INVALID_IKE_SPI')]));
  assert.equal(peer.side.of('ike.unreachable').length, 1);
  assert.equal(peer.side.engine.status()[0]?.state, 'established');
  peer.reply(ours, []);
  assert.deepEqual(peer.closed, []);
});

// ---- the Encrypted payload -------------------------------------------------------------------------------------------

test('I3.14-2 I3.14-1: wrong ICV, cut and empty SK are dropped without a word; padding up to 255 octets is taken', () => {
  const peer = connected();
  const before = picture(peer);
  const next = peer.nextId;
  assert.deepEqual(peer.ask('INFORMATIONAL', [DELETE_IKE], { badIcv: true }), []);
  const whole = peer.seal('INFORMATIONAL', false, next, [DELETE_IKE]);
  for (let cut = 1; cut < 40; cut++) {
    const part = whole.slice(0, whole.length - cut);
    if (part.length >= 28) new DataView(part.buffer).setUint32(24, part.length);
    if (part.length >= 32) new DataView(part.buffer).setUint16(30, part.length - 28);
    peer.deliver(part);
  }
  assert.deepEqual(peer.hear(), []);
  assert.equal(picture(peer), before);
  peer.nextId = next;
  assert.deepEqual(peer.answerTo('INFORMATIONAL', [], { padding: 255 }).payloads, []);
});

test('I2.5-1: reserved flags and the version bit, reserved octets and the minor version are ignored', () => {
  const peer = connected();
  const tweak = (head: Uint8Array): void => {
    head[17] = 0x2f;
    head[19] = (head[19] ?? 0) | 0xd7;
    head[29] = 0x7f;
  };
  assert.deepEqual(peer.answerTo('INFORMATIONAL', [], { tweak }).payloads, []);
});

test('I2.5-2: an unknown critical payload in CREATE_CHILD_SA or INFORMATIONAL: only that is answered, nothing else done, the SA stays', () => {
  const peer = connected();
  const answer = [notify('UNSUPPORTED_CRITICAL_PAYLOAD', Uint8Array.of(201))];
  const before = picture(peer);
  assert.deepEqual(peer.answerTo('INFORMATIONAL', [DELETE_IKE, critical]).payloads, answer);
  assert.deepEqual(peer.answerTo('CREATE_CHILD_SA', [...peer.childPayloads(0x2000), { type: 'NONCE', data: new Uint8Array(32) }, critical]).payloads, answer);
  assert.deepEqual(peer.answerTo('INFORMATIONAL', [DELETE_IKE], { before: [critical] }).payloads, answer, 'in front of SK');
  assert.equal(picture(peer), before);
  assert.deepEqual(peer.answerTo('INFORMATIONAL', [{ type: 'unknown', code: 201, critical: false }]).payloads, []);
});

test('I2.5-2: an unknown critical payload in IKE_AUTH: that is answered, and the half-open SA ends', () => {
  const peer = new ScriptedPeer('hub');
  peer.takeInit(peer.init()[0] as Heard);
  const [answer] = peer.ask('IKE_AUTH', [...peer.authPayloads(), ...peer.childPayloads(), critical]);
  assert.deepEqual(answer?.payloads, [notify('UNSUPPORTED_CRITICAL_PAYLOAD', Uint8Array.of(201))]);
  assert.deepEqual([peer.side.engine.sizes(), peer.side.events.length], [EMPTY, 0]);
});

test('I2.5-3: payloads in front of SK are not encrypted: they do nothing', () => {
  const peer = connected();
  assert.deepEqual(peer.answerTo('INFORMATIONAL', [], { before: [DELETE_IKE, notify('UPDATE_SA_ADDRESSES'), { type: 'unknown', code: 99, critical: false }] }).payloads, []);
  assert.deepEqual(peer.closed, []);
});

for (const [what, first, bytes] of [
  ['a payload longer than its message', 41, Uint8Array.of(0, 0, 0, 99, 0, 0, 0, 0)],
  ['a payload of no length', 41, Uint8Array.of(0, 0, 0, 0)],
  ['a payload shorter than its header', 41, Uint8Array.of(0, 0, 0, 3)],
  ['octets after the last payload', 0, Uint8Array.of(1, 2, 3)],
  ['a Delete that lies about its count', 42, Uint8Array.of(0, 0, 0, 12, 3, 4, 0, 2, 1, 2, 3, 4)],
  ['65 payloads', 43, new Uint8Array(65 * 4).map((_, i) => (i % 4 === 3 ? 4 : i % 4 === 0 && i < 64 * 4 ? 43 : 0))],
] as const) {
  test(`I2.21.3-1 I3.1-1 I2-1: ${what} in an authenticated request: INVALID_SYNTAX, and both sides drop the SA`, () => {
    const peer = connected();
    assert.deepEqual(peer.answerTo('INFORMATIONAL', [], { plaintext: { first, bytes } }).payloads, [notify('INVALID_SYNTAX')]);
    assert.deepEqual(peer.closed, ['invalid_syntax']);
    assert.deepEqual([peer.side.engine.sizes(), peer.side.sas.size, peer.side.engine.deadline], [EMPTY, 0, undefined]);
  });
  test(`I2.21-1 I3.1-1: ${what} in an authenticated response: no error goes back, the SA is deleted`, () => {
    const peer = connected();
    peer.pair.feed(peer.side, { type: 'liveness.check', chain: peer.chain });
    peer.reply(peer.hearOne(), [], { plaintext: { first, bytes } });
    const bye = peer.hearOne();
    assert.deepEqual(bye.payloads, [DELETE_IKE]);
    peer.reply(bye, []);
    assert.deepEqual(peer.closed, ['invalid_syntax']);
    assert.deepEqual([peer.side.engine.sizes(), peer.side.sas.size, peer.side.engine.deadline], [EMPTY, 0, undefined]);
  });
}

test('I2-1: 64 payloads and a message of 60 KiB are taken', () => {
  const peer = connected();
  assert.deepEqual(peer.answerTo('INFORMATIONAL', Array.from({ length: 64 }, () => ({ type: 'V', data: new Uint8Array(3) }) as const)).payloads, []);
  assert.deepEqual(peer.answerTo('INFORMATIONAL', [{ type: 'V', data: new Uint8Array(60_000) }]).payloads, []);
});

test('I2.5-3: two payloads of a kind that may come once: INVALID_SYNTAX', () => {
  const peer = connected();
  const twice = [...peer.childPayloads(0x2000), { type: 'NONCE', data: new Uint8Array(32) } as const, { type: 'NONCE', data: new Uint8Array(32) } as const];
  assert.deepEqual(peer.answerTo('CREATE_CHILD_SA', twice).payloads, [notify('INVALID_SYNTAX')]);
  assert.deepEqual(peer.closed, ['invalid_syntax']);
});

// ---- errors ----------------------------------------------------------------------------------------------------------

for (const [name, reason] of [['AUTHENTICATION_FAILED', 'authentication_failed'], ['INVALID_SYNTAX', 'invalid_syntax']] as const) {
  test(`I2.21.2-1: ${name} in an INFORMATIONAL request, or in any response, ends the SA without Delete`, () => {
    const peer = connected();
    assert.deepEqual(peer.answerTo('INFORMATIONAL', [notify(name)]).payloads, []);
    assert.deepEqual([peer.closed, peer.side.engine.sizes(), peer.side.sas.size], [[reason], EMPTY, 0]);
    const other = connected();
    other.pair.feed(other.side, { type: 'child.rekey', chain: other.chain, child: 'lan' });
    other.reply(other.hearOne(), [notify(name)]);
    assert.deepEqual([other.closed, other.side.engine.sizes(), other.side.sas.size, other.hear()], [[reason], EMPTY, 0, []]);
  });
}

test('I3.10-1 I1.4-1: unknown errors and status notifies, unknown payloads and configuration in an INFORMATIONAL request: an empty answer', () => {
  const peer = connected();
  const before = picture(peer);
  assert.deepEqual(peer.answerTo('INFORMATIONAL', [rawNotify(9_000), rawNotify(50_000, new Uint8Array(2000)), { type: 'CP', cfgType: 2, attributes: [] }, { type: 'V', data: new Uint8Array(1) }, rawNotify(11, spi4(1))]).payloads, []);
  assert.equal(picture(peer), before);
});

test('M5.3-1 D5.5.2-3: only a fresh message on the current path counts as a sign of life', () => {
  const peer = new ScriptedPeer('router');
  peer.accept();
  peer.hear();
  peer.wait(30_000);
  const elsewhere = on4500(path('lte'));
  const request = peer.seal('INFORMATIONAL', false, 0, []);
  peer.deliver(request, elsewhere);
  peer.hear();
  peer.wait(31_000);
  const check = peer.hear()[0];
  assert.equal(check?.header.exchange, 37, 'the idle time ran on');
  assert.ok(check);
  peer.reply(check, []);
  peer.hear();
  peer.wait(30_000);
  peer.deliver(peer.seal('INFORMATIONAL', false, 1, []));
  peer.hear();
  peer.wait(31_000);
  assert.deepEqual(peer.hear(), [], 'a request of the peer on the current path is one');
  peer.deliver(request);
  peer.deliver(peer.seal('INFORMATIONAL', false, 1, []));
  peer.wait(30_000);
  assert.equal(peer.hear()[0]?.header.isResponse, false, 'repetitions and stale IDs are none');
});
