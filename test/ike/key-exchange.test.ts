// The key exchange of every group in every place of the protocol: invalid public values (RFC 6989, RFC 7748 §6.1), secrets that begin with zeros.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { toHex } from '../../src/base/index.ts';
import { findPayload, type Payload } from '../../src/codec/ike/index.ts';
import { childKeys, type DhGroup, type DhPair } from '../../src/crypto/index.ts';
import { connection, ESP_SUITE, IKE_SUITE } from './pair.ts';
import { DELETE_IKE, errorsOf, espOffer, HUB_NET, ikeOffer, notifies, notify, ROUTER_NET, ScriptedPeer, spi8, suite, type Heard, type PeerOptions } from './scripted-peer.ts';

const GROUPS: readonly (readonly [DhGroup, string, number])[] = [
  [31, 'x25519', 32], [19, 'ecp256', 64], [20, 'ecp384', 96], [21, 'ecp521', 132], [14, 'modp2048', 256], [15, 'modp3072', 384], [16, 'modp4096', 512],
];

const padded = (length: number, last: number): Uint8Array => {
  const out = new Uint8Array(length);
  out[length - 1] = last;
  return out;
};

/** Public values of the right length that no honest peer sends, and of wrong lengths. */
function invalid(group: DhGroup, length: number): readonly (readonly [string, Uint8Array])[] {
  const wrong = [['one octet short', new Uint8Array(length - 1).fill(9)], ['one octet long', new Uint8Array(length + 1).fill(9)], ['empty', new Uint8Array(0)]] as const;
  if (group === 31) return [['zero', new Uint8Array(32)], ['one', Uint8Array.of(1, ...new Uint8Array(31))], ['p', Uint8Array.of(0xed, ...new Uint8Array(30).fill(0xff), 0x7f)], ...wrong];
  if (group >= 19) return [['a point off the curve', new Uint8Array(length).fill(1)], ['infinity', new Uint8Array(length)], ['coordinates above p', new Uint8Array(length).fill(255)], ...wrong];
  // Above p are all values that begin with 129 ones: p has 64 ones, then digits of pi.
  return [['0', padded(length, 0)], ['1', padded(length, 1)], ['all ones', new Uint8Array(length).fill(255)], ...wrong];
}

/** Both engines may use the group for their IKE SAs beside X25519, and insist on it for Child SAs. */
function options(group: DhGroup, ikeGroups: readonly number[]): PeerOptions {
  const change = (role: 'initiator' | 'responder'): PeerOptions['hub'] => ({
    ikeProposals: [{ ...IKE_SUITE, groups: ikeGroups }], children: connection(role).children.map((c) => ({ ...c, espProposals: [{ ...ESP_SUITE, groups: [group] }] })),
  });
  return { router: change('initiator'), hub: change('responder') } as PeerOptions;
}

const sa = (proposals: ReturnType<typeof ikeOffer>): Payload => ({ type: 'SA', proposals });
const nonce: Payload = { type: 'NONCE', data: new Uint8Array(32).fill(5) };
const ke = (group: number, data: Uint8Array): Payload => ({ type: 'KE', group, data });
const rekeyOffer = (group: number): Payload => sa(ikeOffer(group).map((p) => ({ ...p, spi: spi8(9n) })));
const TS: readonly Payload[] = [{ type: 'TSi', selectors: [ROUTER_NET] }, { type: 'TSr', selectors: [HUB_NET] }];
const NOTHING = { sas: 0, chains: 0, childSpis: 0 };

function gone(peer: ScriptedPeer, what: string): void {
  const { side } = peer;
  assert.deepEqual([peer.closed, side.engine.sizes(), side.sas.size, side.crypto.privates.size, side.crypto.ciphers.size], [['invalid_syntax'], NOTHING, 0, 0, 0], what);
}

/** The engine rekeys; for the IKE SA it is told to use the group. Returns its request with a KE payload of the group. */
function asked(group: DhGroup, what: 'child' | 'ike'): { readonly peer: ScriptedPeer; readonly request: Heard } {
  const peer = new ScriptedPeer('router', options(group, [...new Set([31, group])]));
  peer.accept();
  peer.hear();
  peer.pair.feed(peer.side, what === 'child' ? { type: 'child.rekey', chain: peer.chain, child: 'lan' } : { type: 'ike.rekey', chain: peer.chain });
  let request = peer.hearOne();
  if (findPayload(request.payloads, 'KE')?.group !== group) {
    peer.reply(request, [notify('INVALID_KE_PAYLOAD', Uint8Array.of(0, group))]);
    request = peer.hearOne();
  }
  assert.equal(findPayload(request.payloads, 'KE')?.group, group);
  return { peer, request };
}

for (const [group, name, length] of GROUPS) {
  test(`AL-3: ${name}: an invalid public value in an IKE_SA_INIT request: dropped, no state; the true request is answered`, () => {
    const peer = new ScriptedPeer('hub', options(group, [group]));
    peer.dh = peer.newDh(group);
    const payloads = (data: Uint8Array): Payload[] => peer.initPayloads().map((p) => (p.type === 'SA' ? sa(ikeOffer(group)) : p.type === 'KE' ? ke(group, data) : p));
    for (const [what, data] of invalid(group, length)) {
      assert.deepEqual(peer.init(payloads(data)), [], what);
      assert.deepEqual([peer.side.engine.sizes(), peer.side.crypto.privates.size], [NOTHING, 0], what);
    }
    const [answer] = peer.init(payloads(peer.dh.publicValue));
    assert.ok(answer);
    peer.takeInit(answer);
    peer.verify(peer.answerTo('IKE_AUTH', [...peer.authPayloads(), ...peer.childPayloads()]));
  });

  test(`AL-3: ${name}: an invalid public value in an IKE_SA_INIT response: dropped, and waiting goes on for the true one`, () => {
    const peer = new ScriptedPeer('router', options(group, [group]));
    peer.dh = peer.newDh(group);
    const request = peer.initiated();
    assert.equal(findPayload(request.payloads, 'KE')?.data.length, length);
    for (const [what, data] of invalid(group, length)) {
      peer.spiR = 77n;
      peer.deliver(peer.plain('IKE_SA_INIT', true, 0, peer.initAnswer().map((p) => (p.type === 'KE' ? ke(group, data) : p))));
      assert.deepEqual(peer.hear(), [], what);
    }
    const [auth] = peer.answerInit(request);
    assert.ok(auth?.sealed, 'the true answer is taken');
    peer.verify(auth);
  });

  test(`AL-3 I2.21.3-1: ${name}: an invalid public value in a CREATE_CHILD_SA request: INVALID_SYNTAX, and the IKE SA is dropped`, () => {
    for (const [what, data] of invalid(group, length)) {
      for (const payloads of [[sa(espOffer(0x2000, group)), nonce, ke(group, data), ...TS], [rekeyOffer(group), nonce, ke(group, data)]]) {
        const peer = new ScriptedPeer('hub', options(group, [...new Set([31, group])]));
        peer.connect();
        assert.deepEqual(notifies(peer.answerTo('CREATE_CHILD_SA', payloads)), ['INVALID_SYNTAX'], what);
        gone(peer, what);
      }
    }
  });

  test(`AL-3 I2.21-1: ${name}: an invalid public value in the answer to a rekeying: Delete for the IKE SA at once`, () => {
    for (const [what, data] of invalid(group, length)) {
      for (const kind of ['child', 'ike'] as const) {
        const { peer, request } = asked(group, kind);
        peer.reply(request, kind === 'child' ? [...peer.childAnswer(request, 0x2000), nonce, ke(group, data)] : [rekeyOffer(group), nonce, ke(group, data)]);
        const bye = peer.hearOne();
        assert.deepEqual(bye.payloads, [DELETE_IKE], what);
        peer.reply(bye, []);
        gone(peer, what);
      }
    }
  });

  /** A pair of ours whose secret with this public value begins with a zero octet. */
  const zeroFirst = (peer: ScriptedPeer, value: Uint8Array): { readonly dh: DhPair; readonly shared: Uint8Array } => {
    for (let i = 0; i < 5_000; i++) {
      const dh = peer.newDh(group);
      const shared = dh.derive(value);
      if (shared?.[0] === 0) return { dh, shared };
    }
    throw new Error('no secret begins with zero');
  };
  // MODP of 2048 bits stands for the longer ones, of which one in 256 takes seconds to find.
  if (group === 15 || group === 16) continue;
  const secretOctets = group >= 19 && group <= 21 ? length / 2 : length;

  test(`I2.14-1: ${name}: a secret that begins with a zero octet counts whole for the keys of an IKE SA`, () => {
    const peer = new ScriptedPeer('router', options(group, [group]));
    const request = peer.initiated();
    const { dh, shared } = zeroFirst(peer, findPayload(request.payloads, 'KE')?.data ?? new Uint8Array());
    assert.equal(shared.length, secretOctets);
    peer.dh = dh;
    const [auth] = peer.answerInit(request);
    assert.ok(auth?.sealed, 'opens with the keys of the whole secret');
    peer.verify(auth);
  });

  test(`I2.17-1: ${name}: a secret that begins with a zero octet counts whole for the keys of a Child SA with PFS`, () => {
    const { peer, request } = asked(group, 'child');
    const { dh, shared } = zeroFirst(peer, findPayload(request.payloads, 'KE')?.data ?? new Uint8Array());
    assert.equal(shared.length, secretOctets);
    peer.reply(request, [...peer.childAnswer(request, 0x2000), nonce, ke(group, dh.publicValue)]);
    assert.deepEqual(errorsOf(peer.hear()[0]), []);
    const ni = findPayload(request.payloads, 'NONCE')?.data;
    assert.ok(ni && peer.keys && nonce.type === 'NONCE');
    const keys = childKeys(suite, 'sha256', peer.keys.skD, ni, nonce.data, shared, 36, 0);
    const installed = (direction: 'in' | 'out', spi: number): string => toHex([...peer.side.sas.values()].find((s) => s.direction === direction && s.spi === spi)?.key.reveal() ?? new Uint8Array());
    assert.equal(installed('out', 0x2000), toHex(keys.encrI));
    assert.equal(installed('in', ScriptedPeer.espSpi(request)), toHex(keys.encrR));
  });
}
