// IKE_SA_INIT, octet by octet: what a stranger may send to a responder, and what may come back to an initiator.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { ip, millis, seconds, toHex } from '../../src/base/index.ts';
import type { Payload } from '../../src/codec/ike/index.ts';
import { IKE_SUITE, path } from './pair.ts';
import { errorsOf, ESN, findNotify, findPayload, GCM256, ikeOffer, KE, notifies, notify, PRF_SHA256, rawNotify, ScriptedPeer, type Heard } from './scripted-peer.ts';

/** Our IKE_SA_INIT request with some payloads in place of its own. */
const instead = (peer: ScriptedPeer, ...other: Payload[]): Payload[] =>
  peer.initPayloads().map((p) => other.find((o) => o.type === p.type && o.type !== 'N') ?? p);
const nonce = (length: number): Payload => ({ type: 'NONCE', data: new Uint8Array(length).fill(7) });

// ---- responder -------------------------------------------------------------------------------------------------------

test('I1.2-1 I2.14-1 I2.15-1: a responder answers IKE_SA_INIT with SA, KE, nonce and NAT detection, and keys that fit', () => {
  const peer = new ScriptedPeer('hub');
  const [answer] = peer.init();
  assert.deepEqual(answer?.payloads.map((p) => p.type), ['SA', 'KE', 'NONCE', 'N', 'N']);
  assert.equal(answer?.header.messageId, 0);
  peer.connect();
  assert.equal(peer.side.of('ike.established').length, 1);
});

for (const length of [0, 15, 16, 256, 257]) {
  test(`I2.10-1: a nonce of ${length} octets is ${length < 16 || length > 256 ? 'ignored' : 'taken'}`, () => {
    const peer = new ScriptedPeer('hub');
    assert.equal(peer.init(instead(peer, nonce(length))).length, length < 16 || length > 256 ? 0 : 1);
    const other = new ScriptedPeer('router');
    const request = other.initiated();
    other.spiR = 5n;
    const heard = answerWith(other, other.initAnswer().map((p) => (p.type === 'NONCE' ? nonce(length) : p)), 5n);
    assert.ok(request);
    assert.equal(heard.length, length < 16 || length > 256 ? 0 : 1);
  });
}

test('I2.6-5 I2.2-1: SPIi 0, SPIr that is set, another message ID, a missing I flag: no IKE_SA_INIT request', () => {
  const peer = new ScriptedPeer('hub');
  assert.deepEqual(peer.init(undefined, { spiI: 0n }), []);
  assert.deepEqual(peer.init(undefined, { spiR: 5n }), []);
  assert.deepEqual(peer.init(undefined, { messageId: 1 }), []);
  assert.deepEqual(peer.init(undefined, { fromOriginalInitiator: false }), []);
  assert.equal(peer.side.engine.sizes().sas, 0);
  assert.equal(peer.init().length, 1);
});

test('I2.5-1: major version 3 is answered with INVALID_MAJOR_VERSION, seldom; 1 and responses are not; the minor version is ignored', () => {
  const peer = new ScriptedPeer('hub');
  const [answer] = peer.init(undefined, { major: 3 });
  assert.deepEqual(notifies(answer), ['INVALID_MAJOR_VERSION']);
  assert.deepEqual([answer?.header.majorVersion, answer?.header.minorVersion, answer?.header.isResponse, findNotify(answer?.payloads ?? [], 'INVALID_MAJOR_VERSION')?.data.length], [2, 0, true, 0]);
  assert.deepEqual(peer.init(undefined, { major: 3 }), [], 'once a second for a source');
  peer.wait(1001);
  assert.equal(peer.init(undefined, { major: 3 }).length, 1);
  peer.wait(1001);
  assert.deepEqual(peer.init(undefined, { major: 1 }), []);
  assert.deepEqual(peer.init(undefined, { major: 3, isResponse: true }), []);
  assert.equal(peer.side.engine.sizes().sas, 0);
  assert.equal(peer.init(undefined, { minor: 7 }).length, 1);
});

test('I2.5-2: an unknown critical payload in IKE_SA_INIT is answered unprotected, an uncritical one skipped, the bit on known types ignored', () => {
  const peer = new ScriptedPeer('hub');
  const [answer] = peer.init([...peer.initPayloads(), { type: 'unknown', code: 200, critical: true }]);
  assert.deepEqual(answer?.payloads, [notify('UNSUPPORTED_CRITICAL_PAYLOAD', Uint8Array.of(200))]);
  assert.equal(peer.side.engine.sizes().sas, 0);
  const critical = peer.initRequest.slice();
  assert.equal(peer.init([...peer.initPayloads(), { type: 'unknown', code: 200, critical: false }]).length, 1);
  const other = new ScriptedPeer('hub');
  other.init();
  const marked = other.initRequest.slice();
  marked[29] = 0x80;
  marked[7] = 0x77;
  other.deliver(marked);
  assert.equal(other.hear().length, 1);
  assert.notDeepEqual(critical, peer.initRequest);
});

test('I2.5-3 I3.10-1 Q-6: payloads in any order, unknown notifies of both kinds and vendor IDs do not matter', () => {
  const peer = new ScriptedPeer('hub');
  const [sa, ke, ni, ...nats] = peer.initPayloads();
  assert.ok(sa && ke && ni);
  const answer = peer.init([rawNotify(12_345, new Uint8Array(9)), ni, ...nats, { type: 'V', data: new Uint8Array(16) }, rawNotify(40_961), ke, sa])[0];
  assert.deepEqual(errorsOf(answer), []);
  assert.ok(findPayload(answer?.payloads ?? [], 'KE'));
});

test('I2.7-1 I3.3.6-1 I3.3.5-1: what may be chosen from an offer', () => {
  const none = new Uint8Array();
  const aes = (gcm: { type: number; id: number; keyLength?: number }): Payload => ({ type: 'SA', proposals: [{ number: 1, protocol: 1, spi: none, transforms: [gcm, PRF_SHA256, KE(31)] }] });
  const additional = ikeOffer(31).map((p) => ({ ...p, transforms: [...p.transforms, { type: 6, id: 35 }] }));
  const table: readonly (readonly [string, Payload, string | number])[] = [
    ['AES without Key Length', aes({ type: 1, id: 20 }), 'NO_PROPOSAL_CHOSEN'],
    ['AES with another length', aes({ ...GCM256, keyLength: 128 }), 'NO_PROPOSAL_CHOSEN'],
    ['no PRF', { type: 'SA', proposals: [{ number: 1, protocol: 1, spi: new Uint8Array(), transforms: [GCM256, KE(31)] }] }, 'NO_PROPOSAL_CHOSEN'],
    ['no group', { type: 'SA', proposals: ikeOffer() }, 'NO_PROPOSAL_CHOSEN'],
    ['group NONE', { type: 'SA', proposals: ikeOffer(0) }, 'NO_PROPOSAL_CHOSEN'],
    ['a proposal for ESP', { type: 'SA', proposals: ikeOffer(31).map((p) => ({ ...p, protocol: 3 })) }, 'NO_PROPOSAL_CHOSEN'],
    ['an SPI where none belongs', { type: 'SA', proposals: ikeOffer(31).map((p) => ({ ...p, spi: new Uint8Array(8) })) }, 'NO_PROPOSAL_CHOSEN'],
    ['an additional key exchange', { type: 'SA', proposals: additional }, 'NO_PROPOSAL_CHOSEN'],
    ['an additional key exchange in the first of two', { type: 'SA', proposals: [...additional, ...ikeOffer(31).map((p) => ({ ...p, number: 2 }))] }, 2],
    ['AEAD with INTEG NONE', { type: 'SA', proposals: ikeOffer(31).map((p) => ({ ...p, transforms: [...p.transforms, { type: 3, id: 0 }] })) }, 1],
    ['AEAD with INTEG', { type: 'SA', proposals: ikeOffer(31).map((p) => ({ ...p, transforms: [...p.transforms, { type: 3, id: 12 }] })) }, 'NO_PROPOSAL_CHOSEN'],
    ['unknown transforms beside ours', { type: 'SA', proposals: ikeOffer(31).map((p) => ({ ...p, transforms: [{ type: 1, id: 999 }, { type: 2, id: 999 }, KE(999), ...p.transforms] })) }, 1],
  ];
  for (const [what, offer, expected] of table) {
    const peer = new ScriptedPeer('hub');
    const [answer] = peer.init(instead(peer, offer));
    if (typeof expected === 'string') assert.deepEqual([what, ...notifies(answer)], [what, expected]);
    else {
      const chosen = findPayload(answer?.payloads ?? [], 'SA')?.proposals ?? [];
      assert.deepEqual([what, chosen.length, chosen[0]?.number, chosen[0]?.transforms.map((t) => [t.type, t.id])], [what, 1, expected, [[1, 20], [2, 5], [4, 31]]]);
    }
  }
});

test('I1.2-6 I1.3-1: another group than ours of its own offer is asked for by INVALID_KE_PAYLOAD, without state', () => {
  const peer = new ScriptedPeer('hub');
  peer.dh = peer.newDh(19);
  const [answer] = peer.init();
  assert.deepEqual(answer?.payloads, [notify('INVALID_KE_PAYLOAD', Uint8Array.of(0, 31))]);
  assert.equal(peer.side.engine.sizes().sas, 0);
});

for (const [what, group, data] of [
  ['all-zero x25519', 31, new Uint8Array(32)], ['short x25519', 31, new Uint8Array(31).fill(9)], ['P-256 off the curve', 19, new Uint8Array(64).fill(1)],
  ['P-256 at infinity', 19, new Uint8Array(64)], ['P-256 with a coordinate of p', 19, new Uint8Array(64).fill(255)], ['P-256 cut short', 19, new Uint8Array(63).fill(1)],
] as const) {
  test(`AL-3: ${what} as public value: IKE_SA_INIT is ignored by a responder, and an initiator waits on`, () => {
    const peer = new ScriptedPeer('hub');
    assert.deepEqual(peer.init(instead(peer, { type: 'SA', proposals: ikeOffer(group) }, { type: 'KE', group, data })), []);
    assert.equal(peer.side.engine.sizes().sas, 0);
    const other = new ScriptedPeer('router', { router: { ikeProposals: [{ ...IKE_SUITE, groups: [group] }] } });
    other.dh = other.newDh(group);
    const request = other.initiated();
    other.spiR = 77n;
    other.deliver(other.plain('IKE_SA_INIT', true, 0, other.initAnswer().map((p) => (p.type === 'KE' ? { ...p, data } : p))));
    assert.deepEqual(other.hear(), []);
    assert.equal(other.answerInit(request).length, 1, 'the true answer is taken');
  });
}

test('I2.1-3: the same octets again bring the same answer, other octets with the same SPI a second SA, and nothing once authenticated', () => {
  const pair = new ScriptedPeer('hub');
  const [first] = pair.init();
  for (let i = 0; i < 100; i++) pair.deliver(pair.initRequest);
  const again = pair.hear();
  assert.equal(again.length, 100);
  assert.ok(again.every((h) => toHex(h.bytes) === toHex(first?.bytes ?? new Uint8Array())));
  assert.equal(pair.side.engine.sizes().sas, 1);
  // A second router behind the same NAT that drew the same SPIi.
  const twin = new ScriptedPeer('hub', {}, pair.pair);
  twin.spiI = pair.spiI;
  twin.path = { ...twin.path, remote: { ...twin.path.remote, port: 1024 } };
  assert.ok(first);
  const [other] = twin.init();
  assert.ok(other && other.header.spiR !== first.header.spiR);
  assert.equal(pair.side.engine.sizes().sas, 2);
  twin.takeInit(other);
  pair.takeInit(first);
  const auth = pair.answerTo('IKE_AUTH', [...pair.authPayloads(), ...pair.childPayloads()]);
  pair.verify(auth);
  pair.deliver(pair.initRequest);
  assert.deepEqual(pair.hear(), [], 'an authenticated SA does not answer its IKE_SA_INIT again');
  assert.ok(twin.answerTo('IKE_AUTH', [...twin.authPayloads({ id: '192.0.2.11' }), ...twin.childPayloads()]));
  assert.equal(pair.side.engine.status().length, 2);
});

test('I2.6-2: a cookie is good for its address, SPI and nonce, for one more period, and not after', () => {
  const peer = new ScriptedPeer('hub');
  for (let i = 0; i < 3; i++) {
    const other = new ScriptedPeer('hub', {}, peer.pair);
    other.init();
  }
  const [answer] = peer.init();
  assert.deepEqual(notifies(answer), ['COOKIE']);
  assert.equal(answer?.header.spiR, 0n);
  const cookie = findNotify(answer?.payloads ?? [], 'COOKIE');
  assert.ok(cookie);
  const sas = peer.side.engine.sizes().sas;
  const asked = (payloads: readonly Payload[], change = {}): boolean => notifies(peer.init(payloads, change)[0]).includes('COOKIE');
  assert.ok(asked([notify('COOKIE', cookie.data.map((o, i) => (i === 5 ? o ^ 1 : o))), ...peer.initPayloads()]), 'forged');
  assert.ok(asked([cookie, ...peer.initPayloads()], { spiI: 99n }), 'other SPI');
  assert.ok(asked([cookie, ...instead(peer, nonce(32))]), 'other nonce');
  const { path: mine } = peer;
  peer.path = { ...mine, remote: { ...mine.remote, address: ip('192.0.2.10') } };
  peer.path = { ...mine, remote: { address: ip('192.0.2.99'), port: 500 } };
  for (let i = 0; i < 3; i++) {
    const other = new ScriptedPeer('hub', {}, peer.pair);
    other.path = peer.path;
    other.init();
  }
  assert.ok(asked([cookie, ...peer.initPayloads()]), 'other address');
  peer.path = { ...mine, remote: { ...mine.remote, port: 777 } };
  assert.equal(asked([cookie, ...peer.initPayloads()]), false, 'the port is not in it: some NATs rebind');
  assert.ok(peer.side.engine.sizes().sas > sas);
});

test('I2.6-2: a cookie of long ago is stale, however quiet it was meanwhile', () => {
  const peer = new ScriptedPeer('hub');
  const crowd = (): void => {
    for (let i = 0; i < 3; i++) new ScriptedPeer('hub', {}, peer.pair).init();
  };
  crowd();
  const cookie = findNotify(peer.init()[0]?.payloads ?? [], 'COOKIE');
  assert.ok(cookie);
  peer.wait(70_000);
  crowd();
  assert.deepEqual(errorsOf(peer.init([cookie, ...peer.initPayloads()])[0]), []);
  assert.ok(peer.side.engine.sizes().sas >= 4, 'the period after its own: taken');
  const late = new ScriptedPeer('hub');
  for (let i = 0; i < 3; i++) new ScriptedPeer('hub', {}, late.pair).init();
  const old = findNotify(late.init()[0]?.payloads ?? [], 'COOKIE');
  assert.ok(old);
  late.wait(600_000);
  for (let i = 0; i < 3; i++) new ScriptedPeer('hub', {}, late.pair).init();
  assert.deepEqual(notifies(late.init([old, ...late.initPayloads()])[0]), ['COOKIE']);
});

test('I2.6-1: an IPv6 source is counted by its /64', () => {
  const peer = new ScriptedPeer('hub');
  const from = (host: string): Heard | undefined => {
    const other = new ScriptedPeer('hub', {}, peer.pair);
    other.path = { ...other.path, local: { address: ip('2001:db8::1'), port: 500 }, remote: { address: ip(host), port: 500 } };
    return other.init()[0];
  };
  for (let i = 1; i <= 3; i++) assert.deepEqual(notifies(from(`2001:db8:7:7::${i}`)).includes('COOKIE'), false);
  assert.deepEqual(notifies(from('2001:db8:7:7:ffff::9')), ['COOKIE']);
  assert.deepEqual(notifies(from('2001:db8:7:8::9')).includes('COOKIE'), false);
});

test('I2.6-1: a half-open SA is forgotten after 30 s', () => {
  const peer = new ScriptedPeer('hub');
  peer.init();
  peer.wait(29_000);
  assert.equal(peer.side.engine.sizes().sas, 1);
  peer.wait(1_100);
  assert.deepEqual([peer.side.engine.sizes(), peer.side.engine.deadline, peer.side.events.length], [{ sas: 0, chains: 0, childSpis: 0 }, undefined, 0]);
});

test('I2.23-1: a peer without NAT detection is refused, for ESP is always in UDP here', () => {
  const peer = new ScriptedPeer('hub');
  assert.deepEqual(notifies(peer.init(peer.initPayloads().slice(0, 3))[0]), ['NO_PROPOSAL_CHOSEN']);
  assert.equal(peer.side.engine.sizes().sas, 0);
  assert.ok(peer.side.logs.some((l) => l.includes('NAT')));
});

test('I1.5-1 I2.21.4-1: a request for an unknown SA is answered INVALID_IKE_SPI, copying SPIs, message ID and exchange, once a second; a response never', () => {
  const peer = new ScriptedPeer('hub');
  peer.connect();
  peer.spiR = 4711n;
  const [answer] = peer.ask('INFORMATIONAL', [], { messageId: 9 });
  assert.deepEqual(notifies(answer), ['INVALID_IKE_SPI']);
  const { header } = answer ?? {};
  assert.deepEqual([header?.spiI, header?.spiR, header?.messageId, header?.exchange, header?.isResponse, header?.fromOriginalInitiator], [peer.spiI, 4711n, 9, 37, true, false]);
  assert.deepEqual(peer.ask('INFORMATIONAL', []), []);
  peer.wait(1001);
  assert.deepEqual(peer.ask('INFORMATIONAL', [], { isResponse: true }), []);
});

// ---- initiator -------------------------------------------------------------------------------------------------------

test('I1.2-1 I2.6-5: the request of an initiator', () => {
  const peer = new ScriptedPeer('router');
  const request = peer.initiated();
  assert.deepEqual(request.payloads.map((p) => p.type), ['SA', 'KE', 'NONCE', 'N', 'N', 'N', 'V']);
  assert.deepEqual([request.header.spiR, request.header.messageId, request.header.isResponse, request.header.fromOriginalInitiator, request.header.majorVersion], [0n, 0, false, true, 2]);
  assert.equal(findPayload(request.payloads, 'NONCE')?.data.length, 32);
});

/** Answers an IKE_SA_INIT with a single notify. */
const answerWith = (peer: ScriptedPeer, payloads: Payload[], spiR = 0n): Heard[] => {
  peer.hear();
  peer.deliver(peer.plain('IKE_SA_INIT', true, 0, payloads, { spiR }));
  return peer.hear();
};

for (const order of ['cookie', 'cookie ke', 'ke cookie', 'cookie ke cookie', 'ke cookie ke']) {
  test(`I2.6.1-1 I2.6-4 I1.2-6 I2.15-1: "${order}" before the true answer: same SPI, nonce and whole offer, cookie first and kept`, () => {
    const peer = new ScriptedPeer('router');
    let request = peer.initiated();
    const first = request;
    let cookie: Uint8Array | undefined;
    let group = 31;
    for (const [i, step] of order.split(' ').entries()) {
      if (step === 'cookie') {
        cookie = new Uint8Array(8 + i).fill(i + 1);
        request = peer.takeInitRequest(answerWith(peer, [notify('COOKIE', cookie)], BigInt(i))[0] as Heard);
      } else {
        group = group === 31 ? 19 : 31;
        request = peer.takeInitRequest(answerWith(peer, [notify('INVALID_KE_PAYLOAD', Uint8Array.of(0, group))], BigInt(i))[0] as Heard);
      }
      assert.equal(request.header.spiI, first.header.spiI);
      assert.deepEqual(findPayload(request.payloads, 'NONCE'), findPayload(first.payloads, 'NONCE'));
      assert.deepEqual(findPayload(request.payloads, 'SA'), findPayload(first.payloads, 'SA'));
      assert.equal(findPayload(request.payloads, 'KE')?.group, group);
      if (cookie) assert.deepEqual(request.payloads[0], notify('COOKIE', cookie));
    }
    peer.dh = peer.newDh(group === 31 ? 31 : 19);
    const [auth] = peer.answerInit(request);
    assert.ok(auth);
    peer.verify(auth);
  });
}

test('I2.6-3: endless cookies, and endless wrong groups, do not keep an initiator sending', () => {
  const peer = new ScriptedPeer('router');
  peer.initiated();
  let sent = 0;
  for (let i = 0; i < 50; i++) sent += answerWith(peer, [notify('COOKIE', Uint8Array.of(i, 1, 2))]).length;
  assert.ok(sent <= 6, `${sent} retries`);
  const other = new ScriptedPeer('router');
  other.initiated();
  sent = 0;
  for (let i = 0; i < 50; i++) sent += answerWith(other, [notify('INVALID_KE_PAYLOAD', Uint8Array.of(0, i % 2 === 0 ? 19 : 31))]).length;
  assert.ok(sent <= 6, `${sent} retries`);
  other.wait(31_000);
  assert.equal(other.side.of('ike.failed').length, 1);
});

test('I2.6-3: the same cookie twice (a late answer to a retransmission) is no reason to ask again', () => {
  const peer = new ScriptedPeer('router');
  peer.initiated();
  assert.equal(answerWith(peer, [notify('COOKIE', Uint8Array.of(1, 2, 3))]).length, 1);
  assert.equal(answerWith(peer, [notify('COOKIE', Uint8Array.of(1, 2, 3))]).length, 0);
});

test('I1.2-6: a group that was not offered, or that was sent, and a broken notify are not followed', () => {
  const peer = new ScriptedPeer('router');
  peer.initiated();
  assert.deepEqual(answerWith(peer, [notify('INVALID_KE_PAYLOAD', Uint8Array.of(0, 14))]), []);
  assert.deepEqual(answerWith(peer, [notify('INVALID_KE_PAYLOAD', Uint8Array.of(0, 31))]), []);
  assert.deepEqual(answerWith(peer, [rawNotify(17, new Uint8Array(1))]), []);
  assert.deepEqual(answerWith(peer, [rawNotify(16_390, new Uint8Array(0))]), []);
  assert.deepEqual(answerWith(peer, [rawNotify(16_390, new Uint8Array(65))]), []);
});

test('I2.21.1-1: forged errors, forged refusals and broken answers before the true one do not stop the set-up', () => {
  const peer = new ScriptedPeer('router');
  const request = peer.initiated();
  for (const name of ['NO_PROPOSAL_CHOSEN', 'INVALID_SYNTAX', 'AUTHENTICATION_FAILED', 'INVALID_MAJOR_VERSION', 'INVALID_IKE_SPI'] as const) assert.deepEqual(answerWith(peer, [notify(name)]), []);
  assert.deepEqual(answerWith(peer, [rawNotify(9999)]), []);
  assert.deepEqual(answerWith(peer, peer.initAnswer().slice(0, 3), 5n), [], 'no NAT detection');
  assert.deepEqual(answerWith(peer, [...peer.initAnswer(), { type: 'unknown', code: 99, critical: true }], 5n), []);
  assert.deepEqual(answerWith(peer, peer.initAnswer(), 0n), [], 'SPIr 0');
  assert.equal(peer.side.of('ike.failed').length, 0);
  assert.equal(peer.answerInit(request).length, 1);
});

for (const [what, reason, payloads] of [
  ['NO_PROPOSAL_CHOSEN', 'no_proposal_chosen', () => [notify('NO_PROPOSAL_CHOSEN')]],
  ['no NAT detection', 'nat_traversal_refused', (p: ScriptedPeer) => p.initAnswer().slice(0, 3)],
] as const) {
  test(`I2.21.1-1: ${what} as the only answer is told when waiting is over, once`, () => {
    const peer = new ScriptedPeer('router');
    peer.initiated();
    answerWith(peer, payloads(peer), 5n);
    assert.equal(peer.side.events.length, 0);
    peer.wait(31_000);
    assert.deepEqual(peer.side.events.map((e) => [e.type, e.type === 'ike.failed' && e.reason]), [['ike.failed', reason]]);
    assert.deepEqual(peer.side.engine.sizes(), { sas: 0, chains: 0, childSpis: 0 });
  });
}

test('I3.3.6-2: an answer that was not offered is not taken', () => {
  const table: readonly (readonly [string, Payload])[] = [
    ['key length', { type: 'SA', proposals: [{ number: 1, protocol: 1, spi: new Uint8Array(), transforms: [{ ...GCM256, keyLength: 128 }, PRF_SHA256, KE(31)] }] }],
    ['no key length', { type: 'SA', proposals: [{ number: 1, protocol: 1, spi: new Uint8Array(), transforms: [{ type: 1, id: 20 }, PRF_SHA256, KE(31)] }] }],
    ['PRF', { type: 'SA', proposals: [{ number: 1, protocol: 1, spi: new Uint8Array(), transforms: [GCM256, { type: 2, id: 7 }, KE(31)] }] }],
    ['two groups', { type: 'SA', proposals: ikeOffer(31, 19) }],
    ['two proposals', { type: 'SA', proposals: [...ikeOffer(31), ...ikeOffer(31)] }],
    ['no group', { type: 'SA', proposals: ikeOffer() }],
    ['an ESN transform', { type: 'SA', proposals: ikeOffer(31).map((p) => ({ ...p, transforms: [...p.transforms, ESN, KE(31)] })) }],
    ['number 2', { type: 'SA', proposals: ikeOffer(31).map((p) => ({ ...p, number: 2 })) }],
    ['another group than its KE', { type: 'SA', proposals: ikeOffer(19) }],
    ['an SPI', { type: 'SA', proposals: ikeOffer(31).map((p) => ({ ...p, spi: new Uint8Array(8) })) }],
    ['an additional key exchange', { type: 'SA', proposals: ikeOffer(31).map((p) => ({ ...p, transforms: [...p.transforms, { type: 6, id: 35 }] })) }],
  ];
  for (const [what, answer] of table) {
    const peer = new ScriptedPeer('router');
    const request = peer.initiated();
    const heard = answerWith(peer, peer.initAnswer().map((p) => (p.type === 'SA' ? answer : p)), 5n);
    assert.deepEqual([what, heard.length], [what, 0]);
    assert.equal(peer.answerInit(request).length, 1);
  }
});

test('Q-1 Q-5: an answer from another port, with notifies nobody asked for, is taken', () => {
  const peer = new ScriptedPeer('router');
  const request = peer.initiated();
  const { path: there } = peer;
  peer.path = { ...there, remote: { ...there.remote, port: 4500 } };
  peer.spiR = 5n;
  peer.derive(peer.dh.derive((findPayload(request.payloads, 'KE') ?? { data: new Uint8Array() }).data));
  assert.equal(answerWith(peer, [...peer.initAnswer(), rawNotify(16_438)], 5n).length, 1);
});

test('M3.3-3 M3.3-2: IKE_AUTH floats to 4500; answers on the old port of the losing attempts bring no second IKE_AUTH', () => {
  const peer = new ScriptedPeer('router');
  peer.pair.feed(peer.side, { type: 'connection.initiate', connection: 'hq', paths: [path('wan'), path('lte')] });
  const [wan] = peer.hear();
  peer.wait(600);
  const [lte] = peer.hear().filter((h) => h.path.uplink === 'lte');
  assert.ok(wan && lte && wan.header.spiI !== lte.header.spiI, 'M3.1-1: a request of its own for each path');
  assert.notDeepEqual(findPayload(wan.payloads, 'NONCE'), findPayload(lte.payloads, 'NONCE'));
  peer.takeInitRequest(lte);
  peer.path = path('lte');
  const [auth] = peer.answerInit(lte);
  assert.equal(auth?.path.local.port, 4500);
  const loser = new ScriptedPeer('router', {}, peer.pair);
  loser.takeInitRequest(wan);
  assert.deepEqual(loser.answerInit(wan), []);
  assert.equal(peer.side.engine.sizes().sas, 2, 'the attempt, and the candidate made of its answer');
});

test('I2.1-1 I2.4-1: IKE_SA_INIT is repeated octet for octet at growing intervals, and given up', () => {
  const peer = new ScriptedPeer('router');
  const first = peer.initiated();
  const start = peer.pair.now;
  peer.wait(40_000);
  const sent = peer.side.sent;
  assert.ok(sent.every((s) => toHex(s.bytes) === toHex(first.bytes)));
  const gaps = sent.slice(1).map((s, i) => s.at - (sent[i]?.at ?? 0));
  assert.ok(gaps.length >= 5 && gaps.every((g, i) => i === 0 || g > Math.min(7000, gaps[i - 1] ?? 0)), gaps.join());
  assert.ok((sent.at(-1)?.at ?? 0) <= start + 30_000);
  assert.deepEqual(peer.side.events.map((e) => e.type), ['ike.failed']);
});

test('an attempt is not left over when its connection goes away', () => {
  const peer = new ScriptedPeer('router');
  peer.pair.feed(peer.side, { type: 'connection.initiate', connection: 'hq', paths: [path('wan'), path('lte')] });
  peer.pair.feed(peer.side, { type: 'connections.set', connections: [] });
  peer.pair.runFor(seconds(60));
  assert.deepEqual(peer.side.engine.sizes(), { sas: 0, chains: 0, childSpis: 0 });
  assert.equal(peer.side.engine.isConnecting('hq'), false);
});

test('a connection without a child cannot be set up, and says so', () => {
  const peer = new ScriptedPeer('router', { router: { children: [] } });
  peer.pair.feed(peer.side, { type: 'connection.initiate', connection: 'hq', paths: [path('wan')] });
  peer.pair.runFor(millis(1));
  assert.deepEqual(peer.side.events.map((e) => e.type), ['ike.failed']);
  assert.equal(peer.side.engine.isConnecting('hq'), false);
});

