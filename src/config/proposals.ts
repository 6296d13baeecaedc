import { err, ok, type Result } from '../base/index.ts';
import { oneOf, quote } from './problems.ts';
import type { SuiteProposal } from './types.ts';

type Token =
  /** `keyLength` in bits; undefined for a cipher of one key size. */
  | { readonly kind: 'encr'; readonly id: number; readonly keyLength: number | undefined; readonly combined: boolean; readonly ref: string }
  /** `prf`: the PRF with the same hash, which it stands for in IKE when no PRF is named. */
  | { readonly kind: 'integ'; readonly id: number; readonly prf: number; readonly ref: string }
  | { readonly kind: 'prf' | 'group' | 'esn'; readonly id: number; readonly ref: string };
type Kind = Token['kind'];

const encr = (id: number, keyLength: number | undefined, combined: boolean, ref: string): Token => ({ kind: 'encr', id, keyLength, combined, ref });

/** Keywords of a proposal as strongSwan spells them, with the IANA transform id they stand for. */
const TOKENS: { readonly [token: string]: Token } = {
  aes256gcm16: encr(20, 256, true, 'RFC 5282 §3, RFC 4106'),
  aes128gcm16: encr(20, 128, true, 'RFC 5282 §3, RFC 4106'),
  chacha20poly1305: encr(28, undefined, true, 'RFC 7634'),
  aes256: encr(12, 256, false, 'RFC 3602'),
  aes128: encr(12, 128, false, 'RFC 3602'),
  sha256: { kind: 'integ', id: 12, prf: 5, ref: 'RFC 4868 §2.6' },
  sha384: { kind: 'integ', id: 13, prf: 6, ref: 'RFC 4868 §2.6' },
  sha512: { kind: 'integ', id: 14, prf: 7, ref: 'RFC 4868 §2.6' },
  prfsha256: { kind: 'prf', id: 5, ref: 'RFC 4868 §4' },
  prfsha384: { kind: 'prf', id: 6, ref: 'RFC 4868 §4' },
  prfsha512: { kind: 'prf', id: 7, ref: 'RFC 4868 §4' },
  prfsha1: { kind: 'prf', id: 2, ref: 'RFC 2104' }, // only for who insists: never offered by default, never proposed in a message
  x25519: { kind: 'group', id: 31, ref: 'RFC 8031' },
  ecp256: { kind: 'group', id: 19, ref: 'RFC 5903' },
  ecp384: { kind: 'group', id: 20, ref: 'RFC 5903' },
  ecp521: { kind: 'group', id: 21, ref: 'RFC 5903' },
  modp2048: { kind: 'group', id: 14, ref: 'RFC 3526' },
  modp3072: { kind: 'group', id: 15, ref: 'RFC 3526' },
  modp4096: { kind: 'group', id: 16, ref: 'RFC 3526' },
  noesn: { kind: 'esn', id: 0, ref: 'RFC 7296 §3.3.2' },
  esn: { kind: 'esn', id: 1, ref: 'RFC 7296 §3.3.2' },
};

/** Other spellings strongSwan accepts for the same transform. */
const ALIASES: { readonly [token: string]: string } = {
  aes256gcm: 'aes256gcm16', aes256gcm128: 'aes256gcm16', aes128gcm: 'aes128gcm16', aes128gcm128: 'aes128gcm16', aes: 'aes128',
  sha2_256: 'sha256', sha2_384: 'sha384', sha2_512: 'sha512', curve25519: 'x25519',
};

/** Beginnings of keywords strongSwan has and mobiked has not: to tell "not supported" from "misspelt". */
const FOREIGN: readonly string[] = [
  'aes', 'camellia', 'cast', 'blowfish', '3des', 'des', 'null', 'serpent', 'twofish', 'chacha20', 'sha', 'md5', 'prf', 'modp', 'ecp', 'curve448', 'x448', 'ke1_', 'mlkem', 'default',
];

/** Kinds of keywords that may stand in a proposal. */
const USABLE: { readonly [P in 'ike' | 'esp']: readonly Kind[] } = { ike: ['encr', 'integ', 'prf', 'group'], esp: ['encr', 'integ', 'group', 'esn'] };

const names = (kinds: readonly Kind[]): string[] => Object.keys(TOKENS).filter((name) => kinds.some((kind) => TOKENS[name]?.kind === kind));
const own = <T>(table: { readonly [key: string]: T }, key: string): T | undefined => (Object.hasOwn(table, key) ? table[key] : undefined);

/** The keywords of a proposal, or what is wrong with one of them. */
function readTokens(text: string, protocol: 'ike' | 'esp'): Result<Token[]> {
  const usable = names(USABLE[protocol]);
  const tokens: Token[] = [];
  const seen = new Set<string>();
  for (const word of text.split('-')) {
    const name = own(ALIASES, word) ?? word;
    const token = own(TOKENS, name);
    if (!token) {
      const foreign = FOREIGN.some((start) => word.startsWith(start));
      const what = word === '' ? `${quote(text)} has an empty part` : `${quote(word)} is ${foreign ? 'not supported' : 'no algorithm'}`;
      return err(`${what}; supported: ${usable.join(', ')}`);
    }
    if (!usable.includes(name)) return err(`${quote(word)} has no place in ${protocol === 'ike' ? 'an IKE' : 'an ESP'} proposal; supported: ${usable.join(', ')}`);
    if (seen.has(name)) return err(`${quote(text)} names ${quote(word)} twice`);
    seen.add(name);
    tokens.push(token);
  }
  return ok(tokens);
}

const ids = (tokens: readonly Token[], kind: Kind): number[] => tokens.filter((t) => t.kind === kind).map((t) => t.id);

/**
 * Parses `aes256gcm16-prfsha256-x25519`, `aes256-sha256-modp2048` (IKE) or `aes256gcm16[-x25519][-esn][-noesn]`, `aes256-sha256` (ESP);
 * says what would be right. In IKE an integrity algorithm stands for the PRF of the same hash unless a PRF is named, as in strongSwan.
 */
export function parseProposal(text: string, protocol: 'ike' | 'esp'): Result<SuiteProposal> {
  const read = readTokens(text, protocol);
  if (!read.ok) return read;
  const tokens = read.value;
  const ciphers = tokens.filter((t) => t.kind === 'encr');
  const hashes = tokens.filter((t) => t.kind === 'integ');
  const prf = ids(tokens, 'prf');
  const groups = ids(tokens, 'group');
  const combined = ciphers.some((t) => t.combined);
  const missing = (what: string, kind: Kind): Result<SuiteProposal> => err(`${quote(text)} names no ${what}; add ${oneOf(names([kind]).filter((name) => name !== 'prfsha1'))}`);
  if (ciphers.length === 0) return missing('cipher', 'encr');
  // I3.3-1: those with and those without integrity of their own do not go into one proposal.
  if (combined && ciphers.some((t) => !t.combined)) return err(`${quote(text)} mixes AES-CBC with AES-GCM or ChaCha20-Poly1305; write one proposal for each`);
  if (combined && hashes.length > 0 && (protocol === 'esp' || prf.length > 0)) return err(`${quote(text)} names an integrity algorithm, and its cipher has its own`);
  if (!combined && hashes.length === 0) return missing('integrity algorithm, and AES-CBC has none of its own', 'integ');
  const prfs = prf.length > 0 ? prf : hashes.map((t) => t.prf);
  if (protocol === 'ike' && prfs.length === 0) return missing('PRF, and its cipher implies none', 'prf');
  if (protocol === 'ike' && groups.length === 0) return missing('key exchange', 'group');
  const esn = ids(tokens, 'esn');
  return ok({
    text, encr: ciphers.map(({ id, keyLength }) => ({ id, keyLength })), prf: protocol === 'ike' ? prfs : [], integ: combined ? [] : hashes.map((t) => t.id), groups,
    esn: protocol === 'ike' ? [] : esn.length > 0 ? esn : [1, 0],
  });
}
