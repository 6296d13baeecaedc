import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { nodeCrypto } from '../../src/adapters/node/crypto.ts';
import { concat, fromHex, toHex, toUtf8 } from '../../src/base/index.ts';
import { findPayload } from '../../src/codec/ike/index.ts';
import {
  authOctets, childKeys, ikeKeys, prf, prfKeyOctets, prfPlus, pskAuth, skeyseed, skeyseedRekey, wipeIkeKeys, type CryptoSuite, type HashName, type IkeKeys,
} from '../../src/crypto/index.ts';
import { key, openSession, readSession, type Opened } from '../codec/ike/session.ts';

const suite = nodeCrypto();
const HASHES: readonly HashName[] = ['sha1', 'sha256', 'sha384', 'sha512'];
const octets = (count: number, seed: number): Uint8Array => Uint8Array.from({ length: count }, (_, i) => (i * 37 + seed) & 255);
const hmac = (hash: HashName, secret: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array => {
  const mac = createHmac(hash, secret);
  for (const part of parts) mac.update(part);
  return new Uint8Array(mac.digest());
};

// ---- Against a strongSwan session and the keys its log gives -------------------------------------------------------

const session = readSession('strongswan-5.9.8');
const opened = openSession(suite, session);
/** The messages of the session by their place in the recording. */
const message = (index: number): Opened => {
  const found = opened[index];
  assert.ok(found);
  return found;
};
const nonceOf = (index: number): Uint8Array => {
  const payload = findPayload(message(index).payloads, 'NONCE');
  assert.ok(payload);
  return payload.data;
};
/** AES-GCM-16 with 256 bits: 32 octets of key, 4 of salt. */
const ENCR_OCTETS = 36;
const sameKeys = (got: IkeKeys, name: string): void => {
  for (const which of ['skD', 'skEi', 'skEr', 'skPi', 'skPr'] as const) assert.equal(toHex(got[which]), toHex(key(session, `${name}.${which}`)), which);
  assert.deepEqual([got.skAi.length, got.skAr.length], [0, 0]);
};

test('I2.14-1 KAT: SKEYSEED and the seven keys of an IKE SA, as strongSwan computed them', () => {
  const seed = skeyseed(suite, 'sha256', nonceOf(2), nonceOf(3), key(session, 'ike1.shared'));
  assert.equal(toHex(seed), toHex(key(session, 'ike1.skeyseed')));
  const { spiI, spiR } = message(3).header;
  sameKeys(ikeKeys(suite, 'sha256', seed, nonceOf(2), nonceOf(3), spiI, spiR, ENCR_OCTETS, 0), 'ike1');
});

test('I2.15-1, I2.15-2 KAT: AUTH of both sides with a PSK, as strongSwan computed and sent it', () => {
  const sides = [
    { side: 'I', init: 2, peer: 3, auth: 4, id: 'IDi', skP: 'skPi' },
    { side: 'R', init: 3, peer: 2, auth: 5, id: 'IDr', skP: 'skPr' },
  ] as const;
  for (const { side, init, peer, auth, id, skP } of sides) {
    const idBody = findPayload(message(auth).payloads, id)?.body;
    assert.ok(idBody);
    const signed = authOctets(suite, 'sha256', message(init).bytes, nonceOf(peer), key(session, `ike1.${skP}`), idBody);
    assert.equal(toHex(signed), toHex(key(session, `ike1.authOctets${side}`)));
    const mac = pskAuth(suite, 'sha256', key(session, 'psk'), signed);
    assert.equal(toHex(mac), toHex(key(session, `ike1.auth${side}`)));
    assert.deepEqual(findPayload(message(auth).payloads, 'AUTH')?.data, mac);
  }
});

test('I2.17-1 KAT: keys of the first Child SA, without key exchange, as strongSwan computed them', () => {
  const got = childKeys(suite, 'sha256', key(session, 'ike1.skD'), nonceOf(2), nonceOf(3), undefined, ENCR_OCTETS, 0);
  assert.equal(toHex(got.encrI), toHex(key(session, 'child1.encrI')));
  assert.equal(toHex(got.encrR), toHex(key(session, 'child1.encrR')));
});

test('I2.17-1 KAT: keys of a Child SA rekeyed with PFS, by the original initiator and by the responder', () => {
  for (const [name, ike, request, response] of [['child2', 'ike1', 6, 7], ['child3', 'ike2', 19, 21]] as const) {
    const got = childKeys(suite, 'sha256', key(session, `${ike}.skD`), nonceOf(request), nonceOf(response), key(session, `${name}.shared`), ENCR_OCTETS, 0);
    assert.equal(toHex(got.encrI), toHex(key(session, `${name}.encrI`)), name);
    assert.equal(toHex(got.encrR), toHex(key(session, `${name}.encrR`)), name);
  }
});

test('I2.18-1 KAT: keys of a rekeyed IKE SA, rekeyed by the original responder', () => {
  const [request, response] = [12, 13];
  assert.equal(message(request).from, 'hub');
  const seed = skeyseedRekey(suite, 'sha256', key(session, 'ike1.skD'), key(session, 'ike2.shared'), nonceOf(request), nonceOf(response));
  assert.equal(toHex(seed), toHex(key(session, 'ike2.skeyseed')));
  const { spiI, spiR } = message(16).header;
  sameKeys(ikeKeys(suite, 'sha256', seed, nonceOf(request), nonceOf(response), spiI, spiR, ENCR_OCTETS, 0), 'ike2');
});

// ---- Against a second computation ----------------------------------------------------------------------------------

test('I2.13-1: prf+ is T1 | T2 | … taken as one stream, at every length around block borders', () => {
  for (const hash of HASHES) {
    const [secret, seed] = [octets(40, 1), octets(80, 2)];
    let stream = new Uint8Array(0);
    let block = new Uint8Array(0);
    for (let n = 1; n <= 5; n++) {
      block = Uint8Array.from(hmac(hash, secret, block, seed, Uint8Array.of(n)));
      stream = Uint8Array.from(concat(stream, block));
    }
    const size = prfKeyOctets(hash);
    for (const length of [0, 1, size - 1, size, size + 1, 3 * size + 7, 5 * size]) {
      assert.equal(toHex(prfPlus(suite, hash, secret, seed, length)), toHex(stream.subarray(0, length)), `${hash} ${length}`);
    }
  }
});

test('I2.13-1: prf+ ends at 255 blocks', () => {
  assert.equal(prfPlus(suite, 'sha256', octets(32, 1), octets(8, 2), 255 * 32).length, 255 * 32);
  assert.throws(() => prfPlus(suite, 'sha256', octets(32, 1), octets(8, 2), 255 * 32 + 1));
});

test('I2.14-1: with separate integrity keys the order is d, ai, ar, ei, er, pi, pr', () => {
  const [ni, nr] = [octets(32, 3), octets(16, 4)];
  const spis = fromHex('00000000000000010123456789abcdef');
  assert.ok(spis);
  for (const hash of HASHES) {
    const size = prfKeyOctets(hash);
    const stream = prfPlus(suite, hash, octets(size, 9), concat(ni, nr, spis), 3 * size + 2 * 32 + 2 * 16);
    const keys = ikeKeys(suite, hash, octets(size, 9), ni, nr, 1n, 0x0123456789abcdefn, 16, 32);
    assert.equal(toHex(concat(keys.skD, keys.skAi, keys.skAr, keys.skEi, keys.skEr, keys.skPi, keys.skPr)), toHex(stream));
    assert.deepEqual([keys.skD.length, keys.skAi.length, keys.skEr.length, keys.skPr.length], [size, 32, 16, size]);
  }
});

test('I2.14-1: leading zeros of the shared secret count', () => {
  const [ni, nr] = [octets(32, 3), octets(32, 4)];
  const shared = octets(32, 0);
  assert.equal(shared[0], 0);
  const whole = skeyseed(suite, 'sha256', ni, nr, shared);
  assert.equal(toHex(whole), toHex(hmac('sha256', concat(ni, nr), shared)));
  assert.notEqual(toHex(whole), toHex(skeyseed(suite, 'sha256', ni, nr, shared.subarray(1))));
});

test('I2.17-1: with separate integrity keys the order is encryption, integrity, each way, and g^ir comes first in the seed', () => {
  const [skD, ni, nr, shared] = [octets(32, 1), octets(32, 2), octets(32, 3), octets(32, 4)];
  const keys = childKeys(suite, 'sha256', skD, ni, nr, shared, 32, 16);
  assert.equal(toHex(concat(keys.encrI, keys.integI, keys.encrR, keys.integR)), toHex(prfPlus(suite, 'sha256', skD, concat(shared, ni, nr), 96)));
});

test('I2.18-1: rekeying with a change of PRF from 256 to 512 seeds with the old PRF and expands with the new', () => {
  const [skD, shared, ni, nr] = [octets(32, 1), octets(32, 2), octets(32, 3), octets(32, 4)];
  const seed = skeyseedRekey(suite, 'sha256', skD, shared, ni, nr);
  assert.equal(toHex(seed), toHex(hmac('sha256', skD, shared, ni, nr)));
  const keys = ikeKeys(suite, 'sha512', seed, ni, nr, 5n, 6n, 36, 0);
  assert.deepEqual([keys.skD.length, keys.skPi.length, keys.skEi.length], [64, 64, 36]);
  const spis = fromHex('00000000000000050000000000000006');
  assert.ok(spis);
  const t1 = hmac('sha512', seed, ni, nr, spis, Uint8Array.of(1));
  assert.equal(toHex(keys.skD), toHex(t1));
});

test('I2.15-2: the pad of a PSK is 17 ASCII characters without NUL', () => {
  const psk = toUtf8('secret');
  const inner = hmac('sha256', psk, Buffer.from('Key Pad for IKEv2', 'latin1'));
  assert.equal(toHex(pskAuth(suite, 'sha256', psk, octets(10, 1))), toHex(hmac('sha256', inner, octets(10, 1))));
});

test('prf does not touch its key, and wiped keys are zeros', () => {
  const secret = octets(32, 1);
  prf(suite, 'sha256', secret, octets(1, 1));
  assert.deepEqual(secret, octets(32, 1));
  const keys = ikeKeys(suite, 'sha256', secret, octets(32, 2), octets(32, 3), 1n, 2n, 36, 0);
  wipeIkeKeys(keys);
  for (const one of Object.values(keys) as Uint8Array[]) assert.ok(one.every((octet) => octet === 0));
});

// ---- What stays in memory ------------------------------------------------------------------------------------------

/** The suite, with every MAC it makes, every block that is computed, and every octet string that goes in. */
function watchedSuite(): { readonly watched: CryptoSuite; readonly macs: { wiped: boolean }[]; readonly blocks: Uint8Array[]; readonly parts: (readonly Uint8Array[])[] } {
  const [macs, blocks, parts]: [{ wiped: boolean }[], Uint8Array[], (readonly Uint8Array[])[]] = [[], [], []];
  const watched: CryptoSuite = {
    ...suite,
    hmac(hash, secret) {
      const inner = suite.hmac(hash, secret);
      const state = { wiped: false };
      macs.push(state);
      return {
        size: inner.size,
        sign(...given) {
          assert.equal(state.wiped, false);
          const block = inner.sign(...given);
          parts.push(given);
          blocks.push(block);
          return block;
        },
        wipe() {
          state.wiped = true;
          inner.wipe();
        },
      };
    },
  };
  return { watched, macs, blocks, parts };
}
const isZero = (bytes: Uint8Array | undefined): boolean => bytes?.every((octet) => octet === 0) === true;

test('OURS: a PRF forgets its key; prf+ its blocks, and computes no more of them than are asked for', () => {
  const { watched, macs, blocks, parts } = watchedSuite();
  prf(watched, 'sha256', octets(32, 1), octets(8, 2));
  const long = prfPlus(watched, 'sha256', octets(32, 3), octets(20, 4), 96);
  assert.equal(blocks.length, 1 + 3, '96 octets are three blocks of SHA-256');
  assert.deepEqual(macs.map(({ wiped }) => wiped), [true, true]);
  assert.deepEqual(blocks.slice(1).map(isZero), [true, true, true]);
  assert.deepEqual(parts.slice(1).map(([previous]) => isZero(previous)), [true, true, true], 'nor is the copy that the next block began with kept');
  assert.equal(isZero(long), false);
  prfPlus(watched, 'sha256', octets(32, 3), octets(20, 4), 97);
  assert.equal(blocks.length, 4 + 4);
});

test('OURS: what a shared secret went into is wiped: the seed of child keys, the padded PSK', () => {
  const { watched, macs, blocks, parts } = watchedSuite();
  childKeys(watched, 'sha256', octets(32, 1), octets(16, 2), octets(16, 3), octets(32, 4), 36, 0);
  assert.ok(parts.every(([, seed]) => seed?.length === 64 && isZero(seed)));
  const before = blocks.length;
  const auth = pskAuth(watched, 'sha256', octets(20, 5), octets(50, 6));
  assert.deepEqual(blocks.slice(before).map(isZero), [true, false]);
  assert.equal(toHex(auth), toHex(hmac('sha256', hmac('sha256', octets(20, 5), toUtf8('Key Pad for IKEv2')), octets(50, 6))));
  assert.ok(macs.every(({ wiped }) => wiped));
});
