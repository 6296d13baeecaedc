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
  /** As it was on the wire; of a message in fragments, its first. */
  readonly bytes: Uint8Array;
  readonly header: IkeHeader;
  readonly payloads: readonly Payload[];
  /** Octets of the payloads inside SK or its fragments, without padding; undefined for an unprotected message. */
  readonly inner: Uint8Array | undefined;
  /** How many messages on the wire it is. */
  readonly pieces: number;
}

type Protected = Extract<Payload, { type: 'SK' | 'SKF' }>;
const ICV = 16;
const CBC_IV = 16;

/** What is in SK or SKF: AES-GCM-16 (RFC 5282), or AES-CBC with HMAC-SHA2-256-128 where the session has keys of integrity; throws on a wrong ICV. */
function openBody(suite: CryptoSuite, session: Session, sa: string, side: 'i' | 'r', bytes: Uint8Array, { body, bodyOffset }: Protected): Uint8Array {
  const material = key(session, `${sa}.skE${side}`);
  let plaintext: Uint8Array | undefined;
  if (session.keys.has(`${sa}.skA${side}`)) {
    const mac = suite.hmac('sha256', key(session, `${sa}.skA${side}`)).sign(bytes.subarray(0, -ICV)).subarray(0, ICV);
    if (suite.equal(mac, bytes.subarray(-ICV))) plaintext = suite.cbc(material).decrypt(body.subarray(0, CBC_IV), body.subarray(CBC_IV, -ICV));
  } else {
    const nonce = concat(material.subarray(-4), body.subarray(0, 8));
    plaintext = suite.aead('aes-gcm-16', material.subarray(0, -4)).open(nonce, bytes.subarray(0, bodyOffset), body.subarray(8));
  }
  if (plaintext === undefined) throw new Error('wrong ICV');
  return plaintext.subarray(0, plaintext.length - 1 - (plaintext.at(-1) ?? 0));
}

/** Opens every message of a session and joins fragments, which lie in order (RFC 7383 §2.5); throws on a wrong ICV or chain. */
export function openSession(suite: CryptoSuite, session: Session): Opened[] {
  const sas: bigint[] = [];
  const out: Opened[] = [];
  let pieces: { readonly first: number; readonly bytes: Uint8Array; readonly inner: Uint8Array[] } | undefined;
  for (const { from, bytes } of session.messages) {
    const header = decodeHeader(bytes);
    if (header === undefined) throw new Error('no header');
    if (!sas.includes(header.spiI)) sas.push(header.spiI);
    const outer = decodeChain(header.nextPayload, bytes, HEADER_OCTETS, bytes.length);
    if (outer.kind !== 'payloads') throw new Error(`outer chain: ${outer.kind}`);
    const sk = outer.payloads.find((payload): payload is Protected => payload.type === 'SK' || payload.type === 'SKF');
    if (sk === undefined) {
      out.push({ from, bytes, header, payloads: outer.payloads, inner: undefined, pieces: 1 });
      continue;
    }
    const sa = `ike${sas.indexOf(header.spiI) + 1}`;
    const inner = openBody(suite, session, sa, header.fromOriginalInitiator ? 'i' : 'r', bytes, sk);
    if (sk.type === 'SK' || sk.fragment === 1) pieces = { first: sk.firstInner, bytes, inner: [] };
    pieces?.inner.push(inner);
    if (pieces === undefined || (sk.type === 'SKF' && pieces.inner.length !== sk.fragment)) throw new Error('fragments out of order');
    if (sk.type === 'SKF' && sk.fragment < sk.total) continue;
    const whole = concat(...pieces.inner);
    const chain = decodeChain(pieces.first, whole, 0, whole.length);
    if (chain.kind !== 'payloads') throw new Error(`inner chain: ${chain.kind}`);
    out.push({ from, bytes: pieces.bytes, header, payloads: chain.payloads, inner: whole, pieces: pieces.inner.length });
  }
  return out;
}
