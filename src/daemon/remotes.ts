import { ipFamily, type Instant, type IpAddress, type Path, type UplinkFacts } from '../base/index.ts';
import type { ConnectionConfig } from '../config/index.ts';
import { NAT_T_PORT, pathOn } from './paths.ts';

/** Pairs that are raced at once; the engine takes no more either. */
const RACED_MOST = 8;

/** Where the SA is, and since when the peer's end of it is that address. */
export interface Whereabouts {
  readonly path: Path;
  readonly remoteSince: Instant;
}

/** IKE that stays on port 500 stays there (NAT traversal is off). */
const portOf = (now: Whereabouts | undefined): number => now?.path.local.port ?? NAT_T_PORT;

/**
 * The addresses of one peer: those configured or looked up, and, while there is an IKE SA, those the peer told (RFC 4555 §3.6). Each uplink
 * has an order of its own: an address may be reached through one and not through another (N-d).
 */
export class Remotes {
  /** Configured, or what names were resolved to. */
  known: readonly IpAddress[] = [];
  #told: readonly IpAddress[] = [];
  /** What last answered on an uplink, and when. */
  readonly #answered = new Map<string, { readonly remote: IpAddress; readonly at: Instant }>();
  /** Asked in vain on an uplink since something last answered there. */
  readonly #silent = new Map<string, Set<IpAddress>>();

  /** All of them, those we know ourselves first. */
  get all(): readonly IpAddress[] {
    return [...new Set([...this.known, ...this.#told])];
  }

  tell(addresses: readonly IpAddress[]): void {
    this.#told = addresses;
  }

  /** There is no IKE SA any more: what the peer told and what answered belonged to it. */
  forget(): void {
    this.#told = [];
    this.#answered.clear();
    this.#silent.clear();
  }

  /** The peer says that it is not there any more. */
  isWithdrawn(remote: IpAddress): boolean {
    return this.#told.length > 0 && !this.#told.includes(remote);
  }

  answered(uplink: string, remote: IpAddress, at: Instant): void {
    this.#answered.set(uplink, { remote, at });
    this.#silent.delete(uplink);
  }

  /** Nothing came back from `remote`; true when that can be said of every address there. */
  unanswered(connection: ConnectionConfig, facts: UplinkFacts, remote: IpAddress): boolean {
    const silent = this.#silent.get(facts.name) ?? new Set();
    this.#silent.set(facts.name, silent.add(remote));
    const isLast = this.all.every((address) => silent.has(address) || pathOn(connection, facts, [address], undefined, NAT_T_PORT) === undefined);
    if (isLast) this.#silent.delete(facts.name);
    return isLast;
  }

  /** What to try on an uplink, best first: what answered there since the peer is where it is, where it is, the others; what was silent last. */
  order(uplink: string, now: Whereabouts | undefined): readonly IpAddress[] {
    const answered = this.#answered.get(uplink);
    const isFresh = answered !== undefined && (now === undefined || answered.at >= now.remoteSince);
    const current = now && !this.isWithdrawn(now.path.remote.address) ? [now.path.remote.address] : [];
    const ranked = [...new Set([...(isFresh ? [answered.remote] : []), ...current, ...this.all])];
    const silent = this.#silent.get(uplink);
    return silent ? [...ranked.filter((r) => !silent.has(r)), ...ranked.filter((r) => silent.has(r))] : ranked;
  }

  /** The path to use on an uplink. */
  pathOn(connection: ConnectionConfig, facts: UplinkFacts, now: Whereabouts | undefined): Path | undefined {
    return pathOn(connection, facts, this.order(facts.name, now), undefined, portOf(now));
  }

  /** Every pair of these uplinks, one of each uplink before a second of any (D5.1.3-2: bounded). */
  race(connection: ConnectionConfig, uplinks: readonly UplinkFacts[], now: Whereabouts | undefined): Path[] {
    const lists = uplinks.map((facts) => this.order(facts.name, now).flatMap((remote) => pathOn(connection, facts, [remote], undefined, portOf(now)) ?? []));
    const out: Path[] = [];
    for (let rank = 0; rank < Math.max(0, ...lists.map((list) => list.length)); rank++) for (const list of lists) if (list[rank]) out.push(list[rank] as Path);
    return out.slice(0, RACED_MOST + 1); // the current pair may be one of them, and is asked anyway
  }

  /** ESP waits for return routability: addresses that the peer told are its word only (M3.5-4); where it is already it has shown it. */
  mustVerify(policy: ConnectionConfig['verifyResponder'], to: IpAddress, from: IpAddress | undefined): boolean {
    if (policy === 'never' || to === from) return false;
    return policy === 'always' || !this.known.includes(to);
  }

  get families(): readonly (4 | 6)[] {
    return [...new Set(this.all.map(ipFamily))];
  }
}
