import { ip, ipFamily, isUnusableIp, keepNewest, prefixContains, type Instant, type IpAddress, type IpPrefix, type Path } from '../base/index.ts';
import type { IkeConnection } from './types.ts';

/* What a responder thinks of outer addresses (RFC 4555 §3.5): filters, and how often a peer may change its own. */

const prefix = (text: string, length: number): IpPrefix => ({ address: ip(text), length });

/** Never a source on the public Internet (RFC 6890): this network, private, shared, loopback, link-local, protocol, documentation, benchmarking, multicast, reserved. */
const RESERVED4 = [
  prefix('0.0.0.0', 8), prefix('10.0.0.0', 8), prefix('100.64.0.0', 10), prefix('127.0.0.0', 8), prefix('169.254.0.0', 16), prefix('172.16.0.0', 12), prefix('192.0.0.0', 24),
  prefix('192.0.2.0', 24), prefix('192.168.0.0', 16), prefix('198.18.0.0', 15), prefix('198.51.100.0', 24), prefix('203.0.113.0', 24), prefix('224.0.0.0', 3),
];
/** Of IPv6 all but global unicast and the translators' prefix is reserved (RFC 4291 §2.4, RFC 6052 §2.1), and of that documentation (RFC 3849, RFC 9637). */
const GLOBAL6 = [prefix('2000::', 3), prefix('64:ff9b::', 96)];
const RESERVED6 = [prefix('2001:db8::', 32), prefix('3fff::', 20)];

/** True for an address that no packet on the public Internet can truly come from. */
export function isReservedIp(address: IpAddress): boolean {
  const within = (list: readonly IpPrefix[]): boolean => list.some((one) => prefixContains(one, address));
  return ipFamily(address) === 4 ? within(RESERVED4) : !within(GLOBAL6) || within(RESERVED6);
}

/** Whether a responder section is meant for packets between these addresses (M3.5-12). */
export function acceptsAddresses(connection: IkeConnection, path: Path): boolean {
  const { remoteAddrs, localAddrs, moves } = connection;
  const { address } = path.remote;
  if (localAddrs.length > 0 && !localAddrs.includes(path.local.address)) return false;
  if (moves) {
    if (moves.strictSources && isReservedIp(address)) return false;
    if (moves.denied.some((one) => prefixContains(one, address))) return false;
    if (moves.allowed.length > 0 && !moves.allowed.some((one) => prefixContains(one, address))) return false;
  }
  const literal = remoteAddrs.filter((a) => a.kind === 'address');
  // A name is not resolved for the responder's filter: the identity and its PSK decide.
  return remoteAddrs.length === 0 || literal.length < remoteAddrs.length || literal.some((a) => a.kind === 'address' && a.address === address);
}

/** Whether a peer may move to this pair, as far as addresses say. */
export const mayBeAt = (connection: IkeConnection | undefined, path: Path): boolean => !isUnusableIp(path.remote.address) && (!connection || acceptsAddresses(connection, path));

/** Identities remembered; of more, the one that moved least lately starts with a full budget again. */
const PEERS_MOST = 4096;
const MINUTE = 60_000;

/** How many moves each identity has left: as many as a minute has, which come back over the minute. */
export class MoveBudget {
  readonly #peers = new Map<string, { readonly left: number; readonly at: Instant }>();

  /** Takes one; false when there is none left. */
  take(identity: string, perMinute: number, now: Instant): boolean {
    const known = this.#peers.get(identity);
    const left = known ? Math.min(perMinute, known.left + ((now - known.at) / MINUTE) * perMinute) : perMinute;
    keepNewest(this.#peers, identity, { left: left >= 1 ? left - 1 : left, at: now }, PEERS_MOST);
    return left >= 1;
  }
}
