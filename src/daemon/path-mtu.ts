import { after, ipFamily, keepNewest, minutes, pathKey, type Instant, type IpFamily, type Millis, type Path } from '../base/index.ts';

/** A larger packet is tried again after this: RFC 1191 §6.3 recommends ten minutes, RFC 8201 §5.3 no less than five. */
export const PATH_MTU_AGE: Millis = minutes(10);
/** Less is nobody's path: hosts accept 576 octets over IPv4 (RFC 791 §3.1), and every IPv6 link carries 1280 (RFC 8200 §5). */
export const LEAST_PATH_MTU: { readonly [F in IpFamily]: number } = { 4: 576, 6: 1280 };
/** Paths that are remembered; the one learned first is forgotten first. Only a path in use can be learned, so a hub has one for each peer. */
const MOST_PATHS = 16_384;

interface Learned {
  readonly path: Path;
  /** Octets of an outer IP packet. */
  readonly mtu: number;
  readonly until: Instant;
}

/** What came of a router's word. */
export type Lesson = 'lower' | 'known' | 'below_least' | 'below_least_again';

/** What routers on the way told of the MTU of paths (RFC 4301 §8.2), each kept for its time, and what was found by asking (F-4); a pure memory, who may tell is judged before. */
export class PathMtus {
  /** In the order in which they will be forgotten. */
  readonly #learned = new Map<string, Learned>();
  /** What was found by asking. */
  readonly #found = new Map<string, { readonly path: Path; readonly mtu: number }>();
  /** Paths of which too little was told, which is said once. */
  readonly #absurd = new Set<string>();

  get deadline(): Instant | undefined {
    for (const { until } of this.#learned.values()) return until;
    return undefined;
  }

  get paths(): Path[] {
    return [...this.#learned.values(), ...this.#found.values()].map((known) => known.path);
  }

  /** Octets of the largest outer packet that the path is known to carry; undefined: as many as its link. */
  of(path: Path): number | undefined {
    const key = pathKey(path);
    const all = [this.#learned.get(key)?.mtu, this.#found.get(key)?.mtu].filter((mtu) => mtu !== undefined);
    return all.length > 0 ? Math.min(...all) : undefined;
  }

  /** Takes what packets of that size showed, more than which does not pass; undefined: all of the link's pass. It stands until the next such word, and over a router's that says less. */
  find(path: Path, mtu: number | undefined): void {
    const key = pathKey(path);
    if ((this.#learned.get(key)?.mtu ?? Infinity) < (mtu ?? Infinity)) this.#learned.delete(key);
    if (mtu === undefined) this.#found.delete(key);
    else keepNewest(this.#found, key, { path, mtu }, MOST_PATHS);
  }

  /** Takes a router's word: never to more than is known, and not to absurdly little. The same again is fresh for another while. */
  learn(path: Path, mtu: number, now: Instant): Lesson {
    const key = pathKey(path);
    if (mtu < LEAST_PATH_MTU[ipFamily(path.remote.address)]) {
      if (this.#absurd.has(key)) return 'below_least_again';
      if (this.#absurd.size < MOST_PATHS) this.#absurd.add(key);
      return 'below_least';
    }
    const known = this.#learned.get(key);
    if (known !== undefined && mtu > known.mtu) return 'known';
    keepNewest(this.#learned, key, { path, mtu, until: after(now, PATH_MTU_AGE) }, MOST_PATHS);
    return known?.mtu === mtu ? 'known' : 'lower';
  }

  /** Forgets what is too old; gives these paths. */
  forget(now: Instant): Path[] {
    const gone: Path[] = [];
    for (const [key, { path, until }] of this.#learned) {
      if (until > now) break;
      this.#learned.delete(key);
      this.#absurd.delete(key);
      gone.push(path);
    }
    return gone;
  }
}
