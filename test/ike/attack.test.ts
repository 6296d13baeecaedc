// A responder under attack, and the notices it gives to strangers: cookies, limits, what it costs, and what an attacker who sees the SPIs can do.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { ip, seconds, type IpAddress } from '../../src/base/index.ts';
import type { Payload } from '../../src/codec/ike/index.ts';
import type { Pair } from './pair.ts';
import { errorsOf, findNotify, findPayload, GCM256, ikeOffer, KE, notifies, notify, PRF_SHA256, rawNotify, ScriptedPeer, type Heard } from './scripted-peer.ts';

const from = (pair: Pair | undefined, address: string, hub = '203.0.113.1'): ScriptedPeer => {
  const peer = pair ? new ScriptedPeer('hub', {}, pair) : new ScriptedPeer('hub');
  peer.path = { ...peer.path, local: { ...peer.path.local, address: ip(hub) }, remote: { ...peer.path.remote, address: ip(address) } };
  return peer;
};
const cookieOf = (heard: Heard | undefined): Payload | undefined => findNotify(heard?.payloads ?? [], 'COOKIE');
/** One IKE_SA_INIT of a new peer at this address. */
const knock = (pair: Pair, address: IpAddress | string): { peer: ScriptedPeer; answer: Heard | undefined } => {
  const peer = from(pair, address);
  return { peer, answer: peer.init()[0] };
};

test('I2.6-1: the 31st half-open SA in all, and the fourth of a source, are asked for a cookie, which has no state; SPIr is 0', () => {
  const { pair, side } = from(undefined, '198.51.100.1');
  for (let i = 0; i < 3; i++) assert.equal(cookieOf(knock(pair, '198.51.100.1').answer), undefined);
  assert.ok(cookieOf(knock(pair, '198.51.100.1').answer), 'fourth of a source');
  assert.equal(cookieOf(knock(pair, '198.51.100.2').answer), undefined, 'another source');
  for (let i = 4; i < 30; i++) assert.equal(cookieOf(knock(pair, `192.0.2.${i}`).answer), undefined);
  assert.equal(side.engine.sizes().sas, 30);
  const { answer } = knock(pair, '192.0.2.200');
  const cookie = cookieOf(answer);
  assert.ok(cookie?.type === 'N' && cookie.data.length >= 1 && cookie.data.length <= 64);
  assert.deepEqual([answer?.header.spiR, notifies(answer), side.engine.sizes().sas], [0n, ['COOKIE'], 30]);
});

test('I2.6-1: with right cookies: five half-open SAs of a source and 500 in all, then silence; they end and others get in', () => {
  const { pair, side } = from(undefined, '198.51.100.1');
  let most = 0;
  const enter = (address: string): boolean => {
    const { peer, answer } = knock(pair, address);
    const cookie = cookieOf(answer);
    const second = cookie ? peer.init([cookie, ...peer.initPayloads()])[0] : answer;
    most = Math.max(most, side.engine.sizes().sas);
    return second?.payloads.some((p) => p.type === 'KE') === true;
  };
  assert.deepEqual(Array.from({ length: 8 }, () => enter('198.51.100.1')), [true, true, true, true, true, false, false, false]);
  let inside = 5;
  for (let i = 0; i < 560; i++) if (enter(`10.${i >> 8}.${i & 255}.1`)) inside++;
  assert.deepEqual([inside, most], [500, 500]);
  pair.runFor(seconds(31));
  assert.equal(side.engine.sizes().sas, 0);
  assert.ok(enter('198.51.100.1'));
});

test('DOS-1: a flood without cookies costs no Diffie-Hellman and keeps nothing; the honest one in the midst of it gets in', () => {
  const honest = from(undefined, '192.0.2.10');
  const { pair, side } = honest;
  for (let i = 0; i < 30; i++) knock(pair, `198.51.100.${i}`);
  const { dh } = side.crypto.calls;
  for (let i = 0; i < 2_000; i++) knock(pair, `10.9.${i >> 8}.${i & 255}`);
  assert.deepEqual([side.crypto.calls.dh, side.engine.sizes().sas], [dh, 30]);
  const [asked] = honest.init();
  const cookie = cookieOf(asked);
  assert.ok(cookie);
  const [answer] = honest.init([cookie, ...honest.initPayloads()]);
  assert.ok(answer);
  assert.equal(side.crypto.calls.dh, dh + 1);
  honest.takeInit(answer);
  honest.verify(honest.answerTo('IKE_AUTH', [...honest.authPayloads(), ...honest.childPayloads()]));
});

test('DOS-1: the offer is looked at before any Diffie-Hellman: nothing acceptable, another group, no NAT detection cost none', () => {
  const peer = new ScriptedPeer('hub');
  const [, ke, ni, ...rest] = peer.initPayloads();
  assert.ok(ke && ni);
  const offer = (...transforms: { type: number; id: number; keyLength?: number }[]): Payload => ({ type: 'SA', proposals: [{ number: 1, protocol: 1, spi: new Uint8Array(), transforms }] });
  assert.deepEqual(errorsOf(peer.init([offer({ type: 1, id: 3 }, PRF_SHA256, KE(31)), ke, ni, ...rest])[0]), ['NO_PROPOSAL_CHOSEN']);
  assert.deepEqual(errorsOf(peer.init([offer(GCM256, PRF_SHA256, KE(2)), ke, ni, ...rest])[0]), ['NO_PROPOSAL_CHOSEN']);
  assert.deepEqual(errorsOf(peer.init([{ type: 'SA', proposals: ikeOffer(31) }, { type: 'KE', group: 19, data: new Uint8Array(64) }, ni, ...rest])[0]), ['INVALID_KE_PAYLOAD']);
  peer.init([{ type: 'SA', proposals: ikeOffer(31) }, ke, ni]);
  assert.deepEqual([peer.side.crypto.calls.dh, peer.side.engine.sizes().sas], [0, 0]);
});

test('DOS-1 I3.14-2 HY-4: who saw the SPIs and sends IKE_AUTH with wrong ICVs is passed over without a word, and the set-up succeeds all the same', () => {
  const peer = new ScriptedPeer('hub');
  peer.takeInit(peer.init()[0] as Heard);
  const { dh } = peer.side.crypto.calls;
  for (let i = 0; i < 200; i++) {
    peer.deliver(peer.seal('IKE_AUTH', false, 1, [...peer.authPayloads({ id: 'evil.example' }), ...peer.childPayloads()], { badIcv: true }));
    assert.deepEqual(peer.hear(), []);
  }
  assert.equal(peer.side.crypto.calls.dh, dh, 'keys are computed once');
  assert.deepEqual([peer.side.engine.sizes().sas, peer.side.logs.filter((l) => l.includes('evil'))], [1, []], 'no identity is read');
  peer.wait(5_000);
  peer.verify(peer.answerTo('IKE_AUTH', [...peer.authPayloads(), ...peer.childPayloads()], { messageId: 1 }));
});

test('DOS-1 I2.6-1: a half-open SA that gets only wrong ICVs ends after its 30 s, not earlier and not later', () => {
  const peer = new ScriptedPeer('hub');
  peer.takeInit(peer.init()[0] as Heard);
  for (let t = 0; t < 29; t++) {
    peer.deliver(peer.seal('IKE_AUTH', false, 1, [], { badIcv: true }));
    peer.wait(1_000);
  }
  assert.equal(peer.side.engine.sizes().sas, 1);
  peer.wait(1_000);
  assert.equal(peer.side.engine.sizes().sas, 0);
});

test('I2.6-5: an SA is found by its SPIs alone: from whatever address, and not by the address alone', () => {
  const peer = new ScriptedPeer('hub');
  peer.connect();
  for (const address of ['198.51.100.1', '10.0.0.1', '2001:db8::7']) {
    const family = address.includes(':') ? '2001:db8::1' : '203.0.113.1';
    const there = { ...peer.path, local: { address: ip(family), port: 4500 }, remote: { address: ip(address), port: 1234 } };
    const answer = peer.answerTo('INFORMATIONAL', [], {}, there);
    assert.deepEqual([answer.payloads, answer.path.remote.address], [[], address]);
  }
  const before = peer.nextId;
  for (const change of [{ spiI: peer.spiI + 1n }, { spiR: peer.spiR + 1n }, { spiI: peer.spiR, spiR: peer.spiI }])
    assert.equal(peer.ask('INFORMATIONAL', [], change).some((h) => h.sealed), false, 'the right address with other SPIs finds nothing');
  peer.nextId = before;
  assert.deepEqual(peer.answerTo('INFORMATIONAL', []).payloads, []);
});

test('I2.6-2 HY-1: cookies are compared by the platform, in constant time', () => {
  const { pair, side } = from(undefined, '198.51.100.1');
  for (let i = 0; i < 3; i++) knock(pair, '198.51.100.1');
  const { peer, answer } = knock(pair, '198.51.100.1');
  const cookie = cookieOf(answer);
  assert.ok(cookie?.type === 'N');
  const before = side.crypto.calls.equal;
  peer.init([notify('COOKIE', cookie.data.map((o, i) => (i === 9 ? o ^ 1 : o))), ...peer.initPayloads()]);
  peer.init([cookie, ...peer.initPayloads()]);
  assert.equal(side.crypto.calls.equal, before + 2);
});

test('I2.6-2: cookies of one second differ by address, family, SPI and nonce, and not by port', () => {
  const seen = new Set<string>();
  const { pair } = from(undefined, '198.51.100.1');
  for (let i = 0; i < 30; i++) knock(pair, `192.0.2.${i}`);
  const base = from(pair, '198.51.100.1');
  const cookie = (peer: ScriptedPeer): string => {
    const found = cookieOf(peer.init()[0]);
    assert.ok(found?.type === 'N');
    return found.data.join();
  };
  const first = cookie(base);
  seen.add(first);
  assert.equal(cookie(base), first, 'the same again: no state, no chance');
  base.path = { ...base.path, remote: { ...base.path.remote, port: 40_000 } };
  assert.equal(cookie(base), first);
  for (const [address, hub] of [['198.51.100.2', '203.0.113.1'], ['c633:6401::', '2001:db8::1'], ['::c633:6401', '2001:db8::1']] as const) {
    base.path = { ...base.path, local: { ...base.path.local, address: ip(hub) }, remote: { ...base.path.remote, address: ip(address) } };
    seen.add(cookie(base));
  }
  assert.equal(seen.size, 4);
});

// ---- notices to strangers --------------------------------------------------------------------------------------------

test('I1.5-1 I2.21.4-1: notices to strangers: one a second for a /24 or a /64, a hundred a second in all', () => {
  const peer = new ScriptedPeer('hub');
  peer.connect();
  const stray = (address: string): number => {
    const local = address.includes(':') ? '2001:db8::1' : '203.0.113.1';
    peer.hear();
    peer.deliver(peer.plain('INFORMATIONAL', false, 7, [], { spiR: 99n }), { ...peer.path, local: { address: ip(local), port: 4500 }, remote: { address: ip(address), port: 4500 } });
    return peer.hear().length;
  };
  assert.deepEqual([stray('198.51.100.1'), stray('198.51.100.1'), stray('198.51.100.200'), stray('198.51.101.1')], [1, 0, 0, 1]);
  assert.deepEqual([stray('2001:db8:0:7::1'), stray('2001:db8:0:7:9::1'), stray('2001:db8:0:8::1')], [1, 0, 1]);
  peer.wait(1_000);
  let sent = 0;
  for (let i = 0; i < 300; i++) sent += stray(`10.${i >> 8}.${i & 255}.1`);
  assert.equal(sent, 100);
  peer.wait(1_000);
  assert.equal(stray('198.51.100.1'), 1);
});

test('I1.5-1: no answer to what may itself be an answer or a notice: responses, IKE_SA_INIT with SPIr, keepalives, an SPIi of 0', () => {
  const peer = new ScriptedPeer('hub');
  peer.connect();
  for (const [i, change] of [{ isResponse: true }, { exchange: 34, spiR: 5n }, { spiI: 0n }, { spiI: 0n, spiR: 0n }].entries()) {
    peer.wait(1_001);
    assert.deepEqual([i, peer.ask('INFORMATIONAL', [], { spiR: 99n, ...change })], [i, []]);
  }
  peer.wait(1_001);
  peer.pair.deliver(peer.side, peer.path, Uint8Array.of(0xff));
  assert.deepEqual(peer.hear(), []);
});

test('I1.5-1: a one-way INVALID_SPI with SPIs of chance is not answered', () => {
  const peer = new ScriptedPeer('hub');
  peer.connect();
  peer.wait(1_001);
  peer.hear();
  peer.deliver(peer.plain('INFORMATIONAL', false, 0, [rawNotify(11, Uint8Array.of(1, 2, 3, 4))], { spiI: 0x1234n, spiR: 0x5678n }));
  assert.deepEqual(peer.hear(), []);
});

test('I1.5-1 I2.5-1: INVALID_MAJOR_VERSION: version 0x20, no data, SPIs, message ID and exchange copied', () => {
  const peer = new ScriptedPeer('hub');
  peer.spiI = 0xabcn;
  const [answer] = peer.init(peer.initPayloads(), { major: 3, spiR: 0x77n, messageId: 5, exchange: 38 });
  assert.deepEqual([answer?.header.spiI, answer?.header.spiR, answer?.header.messageId, answer?.header.exchange, answer?.header.isResponse], [0xabcn, 0x77n, 5, 38, true]);
  assert.equal(answer?.bytes[17], 0x20);
  assert.deepEqual(answer.payloads, [notify('INVALID_MAJOR_VERSION')]);
  assert.equal(findPayload(answer.payloads, 'N')?.data.length, 0);
  assert.deepEqual(peer.side.engine.sizes().sas, 0);
});
