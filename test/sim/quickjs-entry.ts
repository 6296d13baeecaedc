/** What runs inside QuickJS: the scenario with a `CryptoSuite` over functions of the host. Octets cross as ArrayBuffers. */
import type { CryptoSuite, HashName } from '../../src/crypto/index.ts';
import { wholeScenario } from './quickjs-scenario.ts';

/** Given by the host; objects with a kept key are numbers there. */
declare const host: {
  hash(name: string, data: ArrayBuffer): ArrayBuffer;
  hmac(name: string, key: ArrayBuffer): number;
  sign(mac: number, data: ArrayBuffer): ArrayBuffer;
  aead(name: string, key: ArrayBuffer): number;
  seal(aead: number, nonce: ArrayBuffer, aad: ArrayBuffer, text: ArrayBuffer): ArrayBuffer;
  open(aead: number, nonce: ArrayBuffer, aad: ArrayBuffer, sealed: ArrayBuffer): ArrayBuffer | undefined;
  dh(group: number, secret: ArrayBuffer): number;
  publicValue(pair: number): ArrayBuffer;
  derive(pair: number, peer: ArrayBuffer): ArrayBuffer | undefined;
  wipe(object: number): void;
};

const give = (...parts: readonly Uint8Array[]): ArrayBuffer => {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out.buffer;
};
const take = (buffer: ArrayBuffer): Uint8Array => new Uint8Array(buffer);
const maybe = (buffer: ArrayBuffer | undefined): Uint8Array | undefined => (buffer === undefined ? undefined : take(buffer));
const SIZES: { readonly [H in HashName]: number } = { sha1: 20, sha256: 32, sha384: 48, sha512: 64 };

const suite: CryptoSuite = {
  hash: (name, ...parts) => take(host.hash(name, give(...parts))),
  hmac(name, key) {
    const mac = host.hmac(name, give(key));
    return { size: SIZES[name], sign: (...parts) => take(host.sign(mac, give(...parts))), wipe: () => host.wipe(mac) };
  },
  aead(name, key) {
    const aead = host.aead(name, give(key));
    return {
      seal: (nonce, aad, text) => take(host.seal(aead, give(nonce), give(aad), give(text))),
      open: (nonce, aad, sealed) => maybe(host.open(aead, give(nonce), give(aad), give(sealed))),
      wipe: () => host.wipe(aead),
    };
  },
  dh(group, secret) {
    const pair = host.dh(group, give(secret));
    return { group, publicValue: take(host.publicValue(pair)), derive: (peer) => maybe(host.derive(pair, give(peer))), wipe: () => host.wipe(pair) };
  },
  cbc: () => {
    throw new Error('this scenario has no CBC');
  },
  pki: undefined,
  equal(a, b) {
    if (a.length !== b.length) return false;
    let difference = 0;
    for (let i = 0; i < a.length; i++) difference |= (a[i] ?? 0) ^ (b[i] ?? 0);
    return difference === 0;
  },
};

(globalThis as unknown as { scenario: (seed: number) => string }).scenario = (seed) => wholeScenario(seed, suite);
