import { readFileSync, writeFileSync } from 'node:fs';
import { concat } from '../../../src/base/index.ts';
import { decodeChain, decodeHeader, HEADER_OCTETS, type IkeHeader, type Payload } from '../../../src/codec/ike/index.ts';
import type { CryptoSuite } from '../../../src/crypto/index.ts';
import { GOLDEN_DIR, hex } from './golden.ts';

/** A recorded session of another implementation, with the keys it logged. */
export interface Session {
  readonly file: string;
  /** Hexadecimal by name: `ike1.skEi`, `child2.encrR`, … */
  readonly keys: ReadonlyMap<string, Uint8Array>;
  readonly messages: readonly { readonly from: string; readonly bytes: Uint8Array }[];
  readonly expect: string;
}

const EXPECT = '-- Expect --\n';

export function readSession(name: string): Session {
  const file = `${GOLDEN_DIR}/session/${name}.txt`;
  const text = readFileSync(file, 'utf8');
  const between = (start: string, end: string): string[] => text.slice(text.indexOf(start) + start.length, text.indexOf(end)).trim().split('\n');
  const pairs = (lines: readonly string[], separator: string): [string, Uint8Array][] =>
    lines.map((line) => [line.slice(0, line.indexOf(separator)), hex(line.slice(line.indexOf(separator) + separator.length))]);
  return {
    file,
    keys: new Map(pairs(between('-- Keys --\n', '-- Messages --'), ' = ')),
    messages: pairs(between('-- Messages --\n', EXPECT), ' ').map(([from, bytes]) => ({ from, bytes })),
    expect: text.slice(text.indexOf(EXPECT) + EXPECT.length).trim(),
  };
}

export function writeSessionExpect(session: Session, expect: string): void {
  const text = readFileSync(session.file, 'utf8');
  writeFileSync(session.file, `${text.slice(0, text.indexOf(EXPECT) + EXPECT.length)}${expect}\n`);
}

/** A key of the session; fails when it is not there. */
export function key(session: Session, name: string): Uint8Array {
  const found = session.keys.get(name);
  if (found === undefined) throw new Error(`${session.file}: no key ${name}`);
  return found;
}

export interface Opened {
  readonly from: string;
  readonly bytes: Uint8Array;
  readonly header: IkeHeader;
  readonly payloads: readonly Payload[];
  /** Octets of the payloads inside SK, without padding; undefined for an unprotected message. */
  readonly inner: Uint8Array | undefined;
}

/** Opens every message of a session whose IKE SAs use AES-GCM-16 (RFC 5282); throws on a wrong ICV or chain. */
export function openSession(suite: CryptoSuite, session: Session): Opened[] {
  const sas: bigint[] = [];
  return session.messages.map(({ from, bytes }) => {
    const header = decodeHeader(bytes);
    if (header === undefined) throw new Error('no header');
    if (!sas.includes(header.spiI)) sas.push(header.spiI);
    const outer = decodeChain(header.nextPayload, bytes, HEADER_OCTETS, bytes.length);
    if (outer.kind !== 'payloads') throw new Error(`outer chain: ${outer.kind}`);
    const sk = outer.payloads.find((payload) => payload.type === 'SK');
    if (sk === undefined) return { from, bytes, header, payloads: outer.payloads, inner: undefined };
    const material = key(session, `ike${sas.indexOf(header.spiI) + 1}.skE${header.fromOriginalInitiator ? 'i' : 'r'}`);
    const aead = suite.aead('aes-gcm-16', material.subarray(0, -4));
    const nonce = concat(material.subarray(-4), sk.body.subarray(0, 8));
    const plaintext = aead.open(nonce, bytes.subarray(0, sk.bodyOffset), sk.body.subarray(8));
    if (plaintext === undefined) throw new Error('wrong ICV');
    const inner = plaintext.subarray(0, plaintext.length - 1 - (plaintext.at(-1) ?? 0));
    const chain = decodeChain(sk.firstInner, inner, 0, inner.length);
    if (chain.kind !== 'payloads') throw new Error(`inner chain: ${chain.kind}`);
    return { from, bytes, header, payloads: chain.payloads, inner };
  });
}
