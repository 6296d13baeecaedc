/** The part inside QuickJS: a crypto suite made of host functions, and the story. `platform` is put there by the test. */
import type { CryptoSuite, DhGroup } from '../../src/crypto/index.ts';
import { play } from './story.ts';

/** What the host gives: octets in and out as ArrayBuffer; undefined for a wrong ICV or an invalid public value. */
interface Platform {
  hash(name: string, data: ArrayBuffer): ArrayBuffer;
  hmac(name: string, key: ArrayBuffer, data: ArrayBuffer): ArrayBuffer;
  seal(key: ArrayBuffer, nonce: ArrayBuffer, aad: ArrayBuffer, plaintext: ArrayBuffer): ArrayBuffer;
  open(key: ArrayBuffer, nonce: ArrayBuffer, aad: ArrayBuffer, sealed: ArrayBuffer): ArrayBuffer | undefined;
  dhPublic(group: number, secret: ArrayBuffer): ArrayBuffer;
  dhDerive(group: number, secret: ArrayBuffer, peer: ArrayBuffer): ArrayBuffer | undefined;
}

declare const platform: Platform;

/** The octets alone, in a buffer of their own. */
function own(...parts: readonly Uint8Array[]): ArrayBuffer {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out.buffer;
}

const MAC_SIZE: { readonly [hash: string]: number } = { sha1: 20, sha256: 32, sha384: 48, sha512: 64 };

const suite: CryptoSuite = {
  hash: (name, ...parts) => new Uint8Array(platform.hash(name, own(...parts))),
  hmac(name, key) {
    const kept = own(key);
    return { size: MAC_SIZE[name] ?? 0, sign: (...parts) => new Uint8Array(platform.hmac(name, kept, own(...parts))), wipe: () => void new Uint8Array(kept).fill(0) };
  },
  aead(_name, key) {
    const kept = own(key);
    return {
      seal: (nonce, aad, plaintext) => new Uint8Array(platform.seal(kept, own(nonce), own(aad), own(plaintext))),
      open(nonce, aad, sealed) {
        const plain = platform.open(kept, own(nonce), own(aad), own(sealed));
        return plain && new Uint8Array(plain);
      },
      wipe: () => void new Uint8Array(kept).fill(0),
    };
  },
  dh(group: DhGroup, secret) {
    const kept = own(secret);
    return {
      group, publicValue: new Uint8Array(platform.dhPublic(group, kept)),
      derive(peer) {
        const shared = platform.dhDerive(group, kept, own(peer));
        return shared && new Uint8Array(shared);
      },
      wipe: () => void new Uint8Array(kept).fill(0),
    };
  },
  cbc: () => {
    throw new Error('this scenario has no CBC');
  },
  pki: undefined,
  equal(a, b) {
    let different = a.length === b.length ? 0 : 1;
    for (let i = 0; i < a.length && i < b.length; i++) different |= (a[i] ?? 0) ^ (b[i] ?? 0);
    return different === 0;
  },
};

/** Plays the story; the result is JSON. */
export function run(seed: number): string {
  return JSON.stringify(play(suite, seed));
}
