// Whole sessions of real peers, with the keys they used: every ICV, every payload, and the proofs of both sides.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeCrypto } from '../../../src/adapters/node/crypto.ts';
import { toHex } from '../../../src/base/index.ts';
import { encodeMessage, encodePayloads, EXCHANGE, findPayload, NOTIFY, type Payload } from '../../../src/codec/ike/index.ts';
import { authOctets, decodeSignature, ikeKeys, pskAuth, skeyseed } from '../../../src/crypto/index.ts';
import { testPki } from '../../golden/pki/pki.ts';
import { goldenNames, payloadLines } from './golden.ts';
import { key, openSession, readSession, writeSessionExpect, type Opened } from './session.ts';

const suite = nodeCrypto();
const SHARED_KEY = 2;
const DIGITAL_SIGNATURE = 14;

/** The message; fails when it is not there. */
function the<T>(found: T | undefined, what: string): T {
  assert.ok(found !== undefined, what);
  return found;
}

/** Request and response of the IKE_SA_INIT that succeeded, and of IKE_AUTH. */
function handshake(opened: readonly Opened[]): { readonly init: readonly [Opened, Opened]; readonly auth: readonly [Opened, Opened] } {
  const of = (exchange: number, isResponse: boolean): Opened => the(
    opened.filter(({ header, payloads }) => header.exchange === exchange && header.isResponse === isResponse && findPayload(payloads, 'SA') !== undefined).at(-1), `exchange ${exchange}`);
  const { IKE_SA_INIT, IKE_AUTH } = EXCHANGE;
  return { init: [of(IKE_SA_INIT, false), of(IKE_SA_INIT, true)], auth: [of(IKE_AUTH, false), of(IKE_AUTH, true)] };
}

const nonce = ({ payloads }: Opened): Uint8Array => the(findPayload(payloads, 'NONCE'), 'a nonce').data;
const sessions = goldenNames('session').map((name) => {
  const session = readSession(name);
  return { name, session, opened: openSession(suite, session) };
});

for (const { name, session, opened } of sessions) {
  test(`a session of ${name}: every message opens and decodes as expected`, () => {
    const got = opened
      .map(({ from, header, payloads, pieces }) => {
        const exchange = Object.entries(EXCHANGE).find(([, code]) => code === header.exchange)?.[0];
        const cut = pieces === 1 ? '' : ` in ${pieces} fragments`;
        return [`${from}: ${exchange} ${header.isResponse ? 'response' : 'request'} ${header.messageId}${cut}`, ...payloadLines(payloads)].join('\n  ');
      })
      .join('\n');
    if (process.env['GOLDEN'] === 'write') writeSessionExpect(session, got);
    else assert.equal(got, session.expect);
  });

  test(`a session of ${name}: every message encodes to the same octets`, () => {
    for (const { header, bytes, payloads, inner } of opened) {
      if (inner === undefined) assert.equal(toHex(encodeMessage(header, payloads)), toHex(bytes));
      else assert.equal(toHex(encodePayloads(payloads).bytes), toHex(inner));
    }
  });

  test(`I2.14-1 KAT: a session of ${name}: the keys of the first IKE SA follow from the nonces and the SPIs`, () => {
    const { init: [request, response] } = handshake(opened);
    const seed = key(session, 'ike1.skeyseed');
    if (session.keys.has('ike1.shared')) assert.equal(toHex(skeyseed(suite, 'sha256', nonce(request), nonce(response), key(session, 'ike1.shared'))), toHex(seed));
    const integOctets = session.keys.get('ike1.skAi')?.length ?? 0;
    const { spiI, spiR } = response.header;
    const keys = ikeKeys(suite, 'sha256', seed, nonce(request), nonce(response), spiI, spiR, key(session, 'ike1.skEi').length, integOctets);
    for (const which of ['skD', 'skAi', 'skAr', 'skEi', 'skEr', 'skPi', 'skPr'] as const) assert.equal(toHex(keys[which]), toHex(session.keys.get(`ike1.${which}`) ?? new Uint8Array()), which);
  });

  test(`I2.15-1, I2.15-2 KAT: a session of ${name}: AUTH of both sides is right for what was sent`, () => {
    const { init, auth } = handshake(opened);
    for (const [side, id, skP] of [[0, 'IDi', 'skPi'], [1, 'IDr', 'skPr']] as const) {
      const { payloads } = auth[side];
      const octets = authOctets(suite, 'sha256', init[side].bytes, nonce(init[1 - side as 0 | 1]), key(session, `ike1.${skP}`), the(findPayload(payloads, id), id).body);
      const { method, data } = the(findPayload(payloads, 'AUTH'), 'AUTH');
      const certificate = findPayload(payloads, 'CERT');
      assert.equal(method, certificate === undefined ? SHARED_KEY : DIGITAL_SIGNATURE);
      if (certificate === undefined) assert.equal(toHex(data), toHex(pskAuth(suite, 'sha256', key(session, 'psk'), octets)));
      else {
        const pki = testPki();
        const { scheme, signature } = the(decodeSignature(data), 'a signature scheme of ours');
        const { publicKey } = the(pki.read(certificate.data), 'a certificate');
        assert.ok(pki.verify(publicKey, scheme, octets, signature), `${id}: ${scheme}`);
        assert.ok(!pki.verify(publicKey, scheme, octets.subarray(1), signature));
      }
    }
  });
}

/** What this side put into its notifies of a kind. */
const notifies = (opened: readonly Opened[], type: keyof typeof NOTIFY): readonly (Payload & { readonly type: 'N' })[] =>
  opened.flatMap(({ payloads }) => payloads.filter((p): p is Payload & { readonly type: 'N' } => p.type === 'N' && p.notify === NOTIFY[type].code));

test('Q-3, FR2.5-1: the sessions show what they were kept for', () => {
  const of = (name: string): readonly Opened[] => the(sessions.find((s) => s.name === name), name).opened;
  // COOKIE2 comes back with Protocol ID 1.
  assert.deepEqual(notifies(of('openiked-7.2'), 'COOKIE2').map((n) => n.protocol), [0, 1]);
  // FR2.5: both sides cut IKE_AUTH.
  assert.deepEqual(of('strongswan-5.9.8-certificates').filter((m) => m.pieces > 1).map((m) => [m.from, m.header.exchange]), [['router', EXCHANGE.IKE_AUTH], ['hub', EXCHANGE.IKE_AUTH]]);
  // I1.3.2: the IKE SA that mobiked's rekeying made carries the exchanges after it.
  assert.equal(new Set(of('libreswan-4.10').map((m) => m.header.spiI)).size, 2);
});
