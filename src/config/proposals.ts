import { err, ok, type Result } from '../base/index.ts';
import { oneOf, quote } from './problems.ts';
import type { SuiteProposal } from './types.ts';

type Token =
  | { readonly kind: 'encr'; readonly id: number; readonly keyLength: number; readonly ref: string }
  | { readonly kind: 'prf' | 'group' | 'esn'; readonly id: number; readonly ref: string };

/** Keywords of a proposal as strongSwan spells them, with the IANA transform id they stand for. */
const TOKENS: { readonly [token: string]: Token } = {
  aes256gcm16: { kind: 'encr', id: 20, keyLength: 256, ref: 'RFC 5282 §3, RFC 4106' },
  aes128gcm16: { kind: 'encr', id: 20, keyLength: 128, ref: 'RFC 5282 §3, RFC 4106' },
  prfsha256: { kind: 'prf', id: 5, ref: 'RFC 4868 §4' },
  prfsha384: { kind: 'prf', id: 6, ref: 'RFC 4868 §4' },
  prfsha512: { kind: 'prf', id: 7, ref: 'RFC 4868 §4' },
  x25519: { kind: 'group', id: 31, ref: 'RFC 8031' },
  ecp256: { kind: 'group', id: 19, ref: 'RFC 5903' },
  noesn: { kind: 'esn', id: 0, ref: 'RFC 7296 §3.3.2' },
  esn: { kind: 'esn', id: 1, ref: 'RFC 7296 §3.3.2' },
};

/** Other spellings strongSwan accepts for the same transform. */
const ALIASES: { readonly [token: string]: string } = {
  aes256gcm: 'aes256gcm16', aes256gcm128: 'aes256gcm16', aes128gcm: 'aes128gcm16', aes128gcm128: 'aes128gcm16', curve25519: 'x25519',
};

/** Beginnings of keywords strongSwan has and mobiked has not: to tell "not supported" from "misspelt". */
const FOREIGN: readonly string[] = [
  'aes', 'camellia', 'cast', 'blowfish', '3des', 'des', 'null', 'serpent', 'twofish', 'chacha20', 'sha', 'md5', 'prf', 'modp', 'ecp', 'curve448', 'x448', 'ke1_', 'mlkem', 'default',
];

const names = (...kinds: readonly Token['kind'][]): string[] => Object.keys(TOKENS).filter((name) => kinds.some((kind) => TOKENS[name]?.kind === kind));
const own = <T>(table: { readonly [key: string]: T }, key: string): T | undefined => (Object.hasOwn(table, key) ? table[key] : undefined);

/** Parses `aes256gcm16-prfsha256-x25519` (IKE) or `aes256gcm16[-x25519][-esn][-noesn]` (ESP); says what would be right. */
export function parseProposal(text: string, protocol: 'ike' | 'esp'): Result<SuiteProposal> {
  const usable = protocol === 'ike' ? names('encr', 'prf', 'group') : names('encr', 'group', 'esn');
  const encr: { id: number; keyLength: number }[] = [];
  const lists: { [K in 'prf' | 'group' | 'esn']: number[] } = { prf: [], group: [], esn: [] };
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
    if (token.kind === 'encr') encr.push({ id: token.id, keyLength: token.keyLength });
    else lists[token.kind].push(token.id);
  }
  const missing = (what: string, ...kinds: readonly Token['kind'][]): Result<SuiteProposal> => err(`${quote(text)} names no ${what}; add ${oneOf(names(...kinds))}`);
  if (encr.length === 0) return missing('cipher', 'encr');
  if (protocol === 'ike' && lists.prf.length === 0) return missing('PRF, and AES-GCM implies none', 'prf');
  if (protocol === 'ike' && lists.group.length === 0) return missing('key exchange', 'group');
  const esn = protocol === 'ike' ? [] : lists.esn.length > 0 ? lists.esn : [1, 0];
  return ok({ text, encr, prf: lists.prf, integ: [], groups: lists.group, esn });
}
