import { after, Agenda, ipFamily, keepNewest, minutes, pathKey, samePath, seconds, type Instant, type Millis, type Path } from '../base/index.ts';
import type { IkeEvent, IkeInput } from '../ike/index.ts';
import type { Turn } from './context.ts';
import { LEAST_PATH_MTU } from './path-mtu.ts';

/** A path is looked at when it has been the current one for so long: what sets up and moves goes first, and one that is left at once is not looked at. */
const SETTLED: Millis = seconds(1);
/** What was found holds so long for whoever comes to the path again. */
const FRESH: Millis = minutes(10);
/** A path that carries less than its link is looked at again after this. RFC 8899 §5.1.1 has ten minutes; ours costs a packet or two on lines that are paid for. */
const AGAIN: Millis = minutes(60);
/** Sends of the sizes that matter most until they are believed to be too large: others are lost by chance. */
const TRIES = 2;
/** What nearly every path carries, asked first where the link's own size did not pass. */
const LIKELY = 1280;
/** Larger ones than this are not asked for, whatever the link says: more, and peers have no room for the message. */
const LARGEST = 9000;
/** Where no link tells its own. */
const USUAL = 1500;
/** Octets of IP packets that tunnels, PPP, mobile networks and their like leave, ascending. */
const SIZES = [576, 1024, 1200, 1280, 1300, 1320, 1340, 1358, 1380, 1400, 1412, 1420, 1428, 1440, 1452, 1460, 1472, 1480, 1492, 1500, 2304, 4352, 8000];
const MOST_KNOWN = 16_384;

interface Found {
  readonly at: Instant;
  /** Octets of an IP packet. */
  readonly mtu: number;
  readonly full: number;
}

/** The search on one path: `low` is known to pass, `high` not to. */
interface Search {
  readonly chain: number;
  readonly connection: string;
  readonly path: Path;
  /** When to begin, or to begin again. */
  at: Instant | undefined;
  full: number;
  low: number;
  high: number;
  asked: number | undefined;
  lost: number;
}

export interface PathSizesHost {
  readonly turn: Turn;
  ike(input: IkeInput): void;
  /** MTU of the link under a path, octets of an IP packet; undefined: not known. */
  linkMtu(path: Path): number | undefined;
  /** What the path was found to carry; undefined: as much as its link. */
  found(path: Path, mtu: number | undefined): void;
}

/**
 * Finds what current paths carry where routers do not tell (F-4): after a move a packet as large as the link's, and when that does not arrive a search
 * among the usual sizes, as RFC 8899 has it. IKE asks; a tunnel's packets are made to fit by what is found.
 */
export class PathSizes {
  readonly #host: PathSizesHost;
  /** By chain. */
  readonly #searches = new Map<number, Search>();
  readonly #agenda = new Agenda<Search>((search) => search.at);
  readonly #found = new Map<string, Found>();

  constructor(host: PathSizesHost) {
    this.#host = host;
  }

  get deadline(): Instant | undefined {
    return this.#agenda.next();
  }

  onIke(event: IkeEvent): void {
    switch (event.type) {
      case 'ike.established':
        return this.#watch(event.chain, event.connection, event.path);
      case 'path.moved':
        return this.#watch(event.chain, event.connection, event.to);
      case 'path.moving':
      case 'ike.closed':
        return this.#drop(event.chain);
      case 'path.sized':
        return this.#answered(event.chain, event.path, event.size, event.carried);
      default:
        return;
    }
  }

  tick(): void {
    for (const search of this.#agenda.due(this.#host.turn.now)) this.#begin(search);
  }

  #watch(chain: number, connection: string, path: Path): void {
    this.#drop(chain);
    const search = { chain, connection, path, at: after(this.#host.turn.now, SETTLED), full: 0, low: 0, high: 0, asked: undefined, lost: 0 };
    this.#searches.set(chain, search);
    this.#agenda.touch(search);
  }

  #drop(chain: number): void {
    const search = this.#searches.get(chain);
    if (!search) return;
    this.#searches.delete(chain);
    this.#agenda.delete(search);
  }

  #begin(search: Search): void {
    const { turn, linkMtu } = this.#host;
    const { path, connection } = search;
    search.at = undefined;
    if (turn.config.connections.find((one) => one.name === connection)?.mtuProbe === 'off') return;
    const known = this.#found.get(pathKey(path));
    search.full = Math.min(linkMtu(path) ?? USUAL, LARGEST);
    if (known?.full === search.full && turn.now < after(known.at, FRESH)) return this.#rest(search, known);
    // Every path carries this much.
    search.low = LEAST_PATH_MTU[ipFamily(path.remote.address)];
    search.high = search.full + 1;
    if (search.full > search.low) this.#ask(search, search.full);
  }

  #ask(search: Search, size: number): void {
    search.lost = search.asked === size ? search.lost : 0;
    search.asked = size;
    this.#host.ike({ type: 'path.size', chain: search.chain, size });
  }

  #answered(chain: number, path: Path, size: number, carried: boolean | undefined): void {
    const search = this.#searches.get(chain);
    if (!search || search.asked !== size || !samePath(path, search.path)) return;
    if (carried === undefined) {
      search.asked = undefined;
      return;
    }
    if (carried) search.low = size;
    else if (++search.lost < (size === search.full || size <= LIKELY ? TRIES : 1)) return this.#ask(search, size);
    else search.high = size;
    const next = this.#nextSize(search);
    // Meanwhile the tunnel goes by what is sure.
    if (next === undefined || carried) this.#tell(search);
    if (next !== undefined) return this.#ask(search, next);
    search.asked = undefined;
    const found = { at: this.#host.turn.now, mtu: search.low, full: search.full };
    keepNewest(this.#found, pathKey(path), found, MOST_KNOWN);
    this.#rest(search, found);
  }

  #nextSize({ path, low, high }: Search): number | undefined {
    const before = this.#found.get(pathKey(path))?.mtu ?? LIKELY;
    const between = [...new Set([...SIZES, before])].filter((size) => size > low && size < high).sort((a, b) => a - b);
    return between.includes(before) ? before : between.includes(LIKELY) ? LIKELY : between[between.length >> 1];
  }

  #tell({ path, low, full }: Search): void {
    this.#host.found(path, low < full ? low : undefined);
  }

  /** Nothing is asked any more; where less than all passes, the way may become better. */
  #rest(search: Search, { at, mtu, full }: Found): void {
    if (mtu < full) search.at = after(at, AGAIN);
    this.#agenda.touch(search);
  }
}
