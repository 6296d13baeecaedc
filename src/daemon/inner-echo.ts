import { after, concat, fold, ipBytes, ipFamily, prefixContains, seconds, since, sumWords, type AddressFact, type Instant, type IpAddress, type Millis } from '../base/index.ts';
import type { ChildConfig } from '../config/index.ts';

/*
 * `echo_address`: somebody inside the tunnel who answers ICMP echo. Asked only while the tunnel's own packets tell nothing: when some go out and
 * none comes in, and a few times after the tunnel came up or moved. So an upload that nobody answers can be told from a path that carries nothing.
 */

/** Between two questions, and so long nothing has come in before one is asked. */
const PACE: Millis = seconds(1);
/** Questions after a tunnel came up or moved, until something comes in. */
const FIRST = 10;
const IDENTIFIER = 0x6d6b; // "mk"

const put16 = (bytes: Uint8Array, at: number, value: number): void => {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value & 0xff;
};

/** An ICMP or ICMPv6 echo request, 8 octets, in an IP packet (RFC 792, RFC 4443 §4.1); both addresses are of one family. */
export function echoRequest(source: IpAddress, destination: IpAddress, sequence: number): Uint8Array {
  const [from, to] = [ipBytes(source), ipBytes(destination)];
  const four = from.length === 4;
  const icmp = new Uint8Array(8);
  icmp[0] = four ? 8 : 128;
  put16(icmp, 4, IDENTIFIER);
  put16(icmp, 6, sequence & 0xffff);
  // ICMPv6 sums a pseudo-header too: addresses, length, next header (RFC 8200 §8.1).
  put16(icmp, 2, ~fold(sumWords(icmp, four ? 0 : sumWords(concat(from, to), icmp.length + 58))) & 0xffff);
  const header = four ? Uint8Array.of(0x45, 0, 0, 28, 0, 0, 0x40, 0, 64, 1, 0, 0) : Uint8Array.of(0x60, 0, 0, 0, 0, icmp.length, 58, 64);
  const packet = concat(header, from, to, icmp);
  if (four) put16(packet, 10, ~fold(sumWords(packet.subarray(0, 20), 0)) & 0xffff);
  return packet;
}

/** An address of this host that may speak to `to` through the tunnel. */
export function echoSource(to: IpAddress, children: readonly ChildConfig[], virtual: readonly IpAddress[], own: readonly AddressFact[]): IpAddress | undefined {
  const family = ipFamily(to);
  const given = virtual.find((address) => ipFamily(address) === family);
  if (given !== undefined) return given;
  const local = children.filter((child) => child.remoteTs.some((ts) => prefixContains(ts, to))).flatMap((child) => child.localTs);
  return own.find(({ address, tentative }) => !tentative && ipFamily(address) === family && local.some((ts) => prefixContains(ts, address)))?.address;
}

interface Watched {
  sent: number;
  askedAt: Instant | undefined;
  /** Questions left that are asked without anything going out. */
  first: number;
  sequence: number;
}

/** When to ask, by chain. */
export class InnerEcho {
  readonly #chains = new Map<number, Watched>();

  /** The tunnel came up, or its peer confirmed a move. */
  begin(chain: number): void {
    this.#watched(chain).first = FIRST;
  }

  forget(chain: number): void {
    this.#chains.delete(chain);
  }

  /** Takes a poll of the data plane in; returns the number of the question that is due. */
  polled(chain: number, seen: { readonly sent: number; readonly lastInbound: Instant | undefined }, now: Instant): number | undefined {
    const watched = this.#watched(chain);
    const goesOut = seen.sent > watched.sent;
    watched.sent = seen.sent;
    const silent = seen.lastInbound === undefined || now >= after(seen.lastInbound, PACE);
    if (!silent) watched.first = 0;
    if (!silent || (!goesOut && watched.first === 0) || (watched.askedAt !== undefined && since(watched.askedAt, now) < PACE)) return undefined;
    if (watched.first > 0) watched.first--;
    watched.askedAt = now;
    watched.sent++; // the question is one, and no reason for the next
    return ++watched.sequence;
  }

  #watched(chain: number): Watched {
    const known = this.#chains.get(chain);
    if (known) return known;
    const made = { sent: 0, askedAt: undefined, first: 0, sequence: 0 };
    this.#chains.set(chain, made);
    return made;
  }
}
