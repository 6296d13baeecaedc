import { ipBytes, ipFamily } from '../base/index.ts';
import type { TrafficSelector } from '../codec/ike/index.ts';

/** Leading octets of an address that make a bucket: the /24 of IPv4, the /48 of IPv6. */
const bucketOf = (family: 4 | 6, address: Uint8Array): number => address.subarray(0, family === 4 ? 3 : 6).reduce((sum, octet) => sum * 256 + octet, 0);
/** A selector over more buckets than these is looked at every time. */
const BUCKETS_MOST = 256;

/**
 * Which chains may have selectors near these: an index of the peers' sides of all inbound Child SAs, so that a new one is compared with
 * its neighbours and not with thousands. It may name too many, never too few.
 */
export class Claims {
  readonly #chains = new Map<number, { readonly chain: number; readonly keys: readonly string[] }>();
  readonly #buckets = new Map<string, Map<number, number>>();

  /** Takes in an inbound Child SA. */
  add(handle: number, chain: number, remote: readonly TrafficSelector[]): void {
    const keys = [...new Set(remote.flatMap(keysOf))];
    this.#chains.set(handle, { chain, keys });
    for (const key of keys) {
      const bucket = this.#buckets.get(key) ?? new Map<number, number>();
      bucket.set(handle, chain);
      this.#buckets.set(key, bucket);
    }
  }

  remove(handle: number): void {
    for (const key of this.#chains.get(handle)?.keys ?? []) {
      const bucket = this.#buckets.get(key);
      if (bucket?.delete(handle) && bucket.size === 0) this.#buckets.delete(key);
    }
    this.#chains.delete(handle);
  }

  /** The chain of an inbound Child SA. */
  chainOf(handle: number): number | undefined {
    return this.#chains.get(handle)?.chain;
  }

  near(remote: readonly TrafficSelector[]): Set<number> {
    const families = new Set(remote.map((selector) => ipFamily(selector.start)));
    const wide = remote.some((selector) => keysOf(selector)[0]?.endsWith(WIDE) === true);
    if (wide) return new Set([...this.#chains.values()].map(({ chain }) => chain));
    const keys = [...remote.flatMap(keysOf), ...[...families].map((family) => family + WIDE)];
    return new Set(keys.flatMap((key) => [...(this.#buckets.get(key)?.values() ?? [])]));
  }
}

const WIDE = '*';

function keysOf(selector: TrafficSelector): string[] {
  const family = ipFamily(selector.start);
  const first = bucketOf(family, ipBytes(selector.start));
  const count = bucketOf(family, ipBytes(selector.end)) - first + 1;
  if (count < 1 || count > BUCKETS_MOST) return [family + WIDE];
  return Array.from({ length: count }, (_, i) => `${family}|${first + i}`);
}
