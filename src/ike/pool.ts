import { after, compareIp, ipBytes, ipFamily, ipFromBytes, minutes, prefixContains, prefixRange, type Instant, type IpAddress, type IpPrefix, type Millis } from '../base/index.ts';

/** A lease that no IKE SA holds is kept for its identity this long (I2.19-2). */
const RESERVED_TIME: Millis = minutes(24 * 60);
/** Leases of all connections; identities are made up freely by whoever knows a shared key. */
const LEASES_MOST = 100_000;
/** Addresses looked at for one that is free. */
const SEARCH_MOST = 70_000;

interface Lease {
  readonly key: string;
  readonly address: IpAddress;
  readonly holders: Set<number>;
  /** Undefined while an IKE SA holds it. */
  freeAt: Instant | undefined;
}

/** Whose an address is: the connection, the identity that was authenticated, the family. */
export interface Tenant {
  readonly connection: string;
  readonly identity: string;
}

/** The address after this one. */
function following(address: IpAddress): IpAddress | undefined {
  const bytes = ipBytes(address).slice();
  for (let i = bytes.length - 1; i >= 0; i--) {
    const sum = (bytes[i] ?? 0) + 1;
    bytes[i] = sum & 255;
    if (sum < 256) return ipFromBytes(bytes);
  }
  return undefined;
}

/** The addresses of a pool that hosts may have: of an IPv4 net not the first and the last, of an IPv6 one not the first (RFC 4291 §2.6.1). */
function usable(prefix: IpPrefix): { readonly first: IpAddress; readonly last: IpAddress } {
  const { start, end } = prefixRange(prefix);
  const is4 = ipFamily(start) === 4;
  if (prefix.length >= (is4 ? 31 : 127)) return { first: start, last: end };
  const last = is4 ? ipFromBytes(ipBytes(end).map((octet, i) => (i === 3 ? octet - 1 : octet))) : end;
  return { first: following(start) ?? start, last: last ?? end };
}

/**
 * Virtual addresses given to peers (RFC 7296 §2.19). A lease belongs to an identity and is held by IKE SA chains: rekeying and moving do
 * not touch it, a second login of the same identity shares it, so that what is open inside the tunnel survives, and when the last chain
 * ends it stays reserved. Only authenticated peers come here.
 */
export class AddressPool {
  readonly #byKey = new Map<string, Lease>();
  readonly #byAddress = new Map<IpAddress, Lease>();
  readonly #held = new Map<number, Set<Lease>>();
  /** Where the search for a free address goes on, for each prefix. */
  readonly #next = new Map<string, IpAddress>();

  /** The address of this tenant, out of `pools`; the one asked for if it is free. Undefined: none is left, or the pools have none of the family. */
  lease(tenant: Tenant, family: 4 | 6, pools: readonly IpPrefix[], wanted: IpAddress | undefined, chain: number, now: Instant): IpAddress | undefined {
    const mine = pools.filter((pool) => ipFamily(pool.address) === family);
    const key = `${family}|${tenant.connection}|${tenant.identity}`;
    const known = this.#byKey.get(key);
    if (known && mine.some((pool) => prefixContains(pool, known.address))) return this.#hold(known, chain);
    if (known) this.#drop(known); // the pools were configured anew
    const asked = wanted !== undefined && mine.some((pool) => this.#fits(pool, wanted)) && this.#isFree(wanted, now) ? wanted : undefined;
    const address = asked ?? this.#search(mine, now);
    if (address === undefined || this.#byKey.size >= LEASES_MOST) return undefined;
    const lease: Lease = { key, address, holders: new Set(), freeAt: undefined };
    this.#byKey.set(key, lease);
    this.#byAddress.set(address, lease);
    return this.#hold(lease, chain);
  }

  /** The chain has ended: what it held alone is reserved for its tenant, and then free. */
  release(chain: number, now: Instant): void {
    for (const lease of this.#held.get(chain) ?? []) {
      lease.holders.delete(chain);
      if (lease.holders.size === 0) lease.freeAt = after(now, RESERVED_TIME);
    }
    this.#held.delete(chain);
  }

  #hold(lease: Lease, chain: number): IpAddress {
    lease.holders.add(chain);
    lease.freeAt = undefined;
    const held = this.#held.get(chain);
    if (held) held.add(lease);
    else this.#held.set(chain, new Set([lease]));
    return lease.address;
  }

  #drop(lease: Lease): void {
    this.#byKey.delete(lease.key);
    if (this.#byAddress.get(lease.address) === lease) this.#byAddress.delete(lease.address);
  }

  /** Whether the address has no tenant; a reservation that ran out ends here. */
  #isFree(address: IpAddress, now: Instant): boolean {
    const lease = this.#byAddress.get(address);
    if (!lease) return true;
    if (lease.freeAt === undefined || lease.freeAt > now) return false;
    this.#drop(lease);
    return true;
  }

  #fits(pool: IpPrefix, address: IpAddress): boolean {
    const { first, last } = usable(pool);
    return ipFamily(address) === ipFamily(first) && compareIp(first, address) <= 0 && compareIp(address, last) <= 0;
  }

  #search(pools: readonly IpPrefix[], now: Instant): IpAddress | undefined {
    for (const pool of pools) {
      const { first, last } = usable(pool);
      const key = `${pool.address}/${pool.length}`;
      const start = this.#next.get(key) ?? first;
      let address = start;
      for (let looked = 0; looked < SEARCH_MOST; looked++) {
        const next = address === last ? first : (following(address) ?? first);
        if (this.#isFree(address, now)) {
          this.#next.set(key, next);
          return address;
        }
        address = next;
        if (address === start) break;
      }
    }
    return undefined;
  }
}
