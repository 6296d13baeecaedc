import { ByteReader, ByteWriter, err, ipFromBytes, ok, seconds } from '../../base/index.ts';
import type { IpAddress, Millis, Result } from '../../base/index.ts';
import { canonicalName, readName, writeName } from './name.ts';

/** Record types we ask for or follow. */
export const RECORD = { A: 1, CNAME: 5, AAAA: 28 } as const;
const CLASS_IN = 1;

/** RFC 1035 §4.1.1, RFC 2136 §2.2. */
const RCODES = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED', 'YXDOMAIN', 'YXRRSET', 'NXRRSET', 'NOTAUTH', 'NOTZONE'];
const NXDOMAIN = 3;

/** Addresses taken from one answer; more than this is of no use to anyone. */
const MOST_ADDRESSES = 32;
/** Aliases followed within one answer. */
const MOST_ALIASES = 16;
/** RFC 2181 §8: a TTL with the top bit set is zero; a day is the longest we believe in. */
const MOST_TTL = 86_400;

export type AddressType = 'A' | 'AAAA';

export interface DnsQuestion {
  readonly id: number;
  readonly name: string;
  readonly type: AddressType;
}

export type DnsAnswer =
  /** Not an answer to this question, or malformed: wait for another. */
  | { readonly kind: 'drop'; readonly why: string }
  /** Too long for UDP: ask again over TCP. */
  | { readonly kind: 'truncated' }
  /** The server does not know, or will not say; another may (`final`: none will, the name does not exist). */
  | { readonly kind: 'failed'; readonly why: string; readonly final: boolean }
  /** May be empty: the name exists and has no address of this type. */
  | { readonly kind: 'addresses'; readonly addresses: readonly IpAddress[]; readonly ttl: Millis };

/**
 * A query with recursion desired for one name and type (RFC 1035 §4.1):
 *
 *     +---------+---------+---------+---------+---------+---------+------------------+
 *     | ID      | flags   | QD = 1  | AN = 0  | NS = 0  | AR = 0  | QNAME, TYPE, IN  |
 *     +---------+---------+---------+---------+---------+---------+------------------+
 */
export function encodeQuery(question: DnsQuestion): Result<Uint8Array> {
  const writer = new ByteWriter(64);
  writer.u16(question.id).u16(0x0100).u16(1).u16(0).u16(0).u16(0);
  const name = writeName(writer, question.name);
  if (!name.ok) return err(name.error);
  writer.u16(RECORD[question.type]).u16(CLASS_IN);
  return ok(writer.finish());
}

/** Reads the server's answer to `question`; total, and bounded by the length of the message. */
export function decodeAnswer(bytes: Uint8Array, question: DnsQuestion): DnsAnswer {
  const drop = (why: string): DnsAnswer => ({ kind: 'drop', why });
  const reader = new ByteReader(bytes);
  const id = reader.u16();
  const flags = reader.u16();
  const questions = reader.u16();
  const answers = reader.u16();
  reader.skip(4);
  if (reader.failed) return drop('short header');
  if (id !== question.id) return drop('other id');
  if ((flags & 0x8000) === 0 || (flags & 0x7800) !== 0) return drop('not a response to a query');
  const rcode = flags & 15;
  const failure = (): DnsAnswer => ({ kind: 'failed', why: RCODES[rcode] ?? `rcode ${rcode}`, final: rcode === NXDOMAIN });
  // RFC 5452 §9.1: the question must come back. Only a failure may come without it (some servers cut it off).
  if (questions === 0 && rcode !== 0 && rcode !== NXDOMAIN) return failure();
  if (questions !== 1) return drop('not one question');
  const asked = readName(bytes, reader);
  const type = reader.u16();
  const klass = reader.u16();
  if (reader.failed || asked === undefined) return drop('malformed question');
  if (asked !== canonicalName(question.name) || type !== RECORD[question.type] || klass !== CLASS_IN) return drop('other question');
  if ((flags & 0x0200) !== 0) return { kind: 'truncated' };
  if (rcode !== 0) return failure();

  const aliases = new Map<string, { readonly target: string; readonly ttl: number }>();
  const found = new Map<string, { readonly addresses: IpAddress[]; ttl: number }>();
  let taken = 0;
  for (let i = 0; i < answers; i++) {
    const owner = readName(bytes, reader);
    const rrType = reader.u16();
    const rrClass = reader.u16();
    const raw = reader.u32();
    const length = reader.u16();
    const start = reader.offset;
    const data = reader.view(length);
    if (owner === undefined || reader.failed) return drop('malformed record');
    if (rrClass !== CLASS_IN) continue;
    const ttl = raw > 0x7fffffff ? 0 : Math.min(raw, MOST_TTL);
    if (rrType === RECORD.CNAME) {
      const target = readName(bytes, new ByteReader(bytes, start, start + length));
      if (target === undefined) return drop('malformed alias');
      if (aliases.size < MOST_ALIASES && !aliases.has(owner)) aliases.set(owner, { target, ttl });
    } else if (rrType === RECORD[question.type]) {
      const address = data.length === (question.type === 'A' ? 4 : 16) ? ipFromBytes(data) : undefined;
      if (address === undefined) return drop('malformed address');
      if (taken >= MOST_ADDRESSES) continue;
      const entry = found.get(owner);
      if (!entry) found.set(owner, { addresses: [address], ttl });
      else {
        entry.ttl = Math.min(entry.ttl, ttl);
        if (entry.addresses.includes(address)) continue;
        entry.addresses.push(address);
      }
      taken++;
    }
  }

  // RFC 1034 §3.6.2: the aliases lead from the name asked for to the one that has the addresses.
  let name = asked;
  let ttl = MOST_TTL;
  for (let hops = 0; hops <= MOST_ALIASES; hops++) {
    const entry = found.get(name);
    if (entry) return { kind: 'addresses', addresses: entry.addresses, ttl: seconds(Math.min(ttl, entry.ttl)) };
    const alias = aliases.get(name);
    if (!alias) break;
    name = alias.target;
    ttl = Math.min(ttl, alias.ttl);
  }
  return { kind: 'addresses', addresses: [], ttl: seconds(0) };
}
