import { Agenda, ipBytes, ipFamily, sameBytes, toHex, type Instant, type Path } from '../base/index.ts';
import type { IkeHeader, TrafficSelector } from '../codec/ike/index.ts';
import type { IkeSa } from './ike-sa.ts';
import { Claims } from './claims.ts';
import { overlaps } from './selectors.ts';
import type { IkeIdentity } from './types.ts';

const isIpv4 = (path: Path): boolean => ipFamily(path.remote.address) === 4;
/** The source a limit of half-open SAs counts: the address, of IPv6 its /64 (I2.6-1). */
export const sourceKey = (path: Path): string => toHex(ipBytes(path.remote.address).subarray(0, isIpv4(path) ? 4 : 8));
/** The network a limit of notices counts: the /24, of IPv6 the /64 (I1.5-1). */
export const networkOf = (path: Path): string => toHex(ipBytes(path.remote.address).subarray(0, isIpv4(path) ? 3 : 8));

const idKey = (id: IkeIdentity): string => `${id.idType}:${toHex(id.data)}`;

function addTo<K, V>(map: Map<K, Set<V>>, key: K, value: V): void {
  const found = map.get(key);
  if (found) found.add(value);
  else map.set(key, new Set([value]));
}

function deleteFrom<K, V>(map: Map<K, Set<V>>, key: K, value: V): void {
  const found = map.get(key);
  if (found?.delete(value) && found.size === 0) map.delete(key);
}

/** The IKE SAs there are, and every way to find one without looking at all of them. */
export class Registry {
  readonly #all = new Set<IkeSa>();
  /** By our SPI. Candidates of one attempt share it (I2.4-5). */
  readonly #byLocal = new Map<bigint, Set<IkeSa>>();
  /** Those that answered an IKE_SA_INIT, by SPIi, which peers choose: two may choose the same (I2.1-3). */
  readonly #byInitiator = new Map<bigint, Set<IkeSa>>();
  /** The newest SA of each chain. */
  readonly #chains = new Map<number, IkeSa>();
  /** Chains that were authenticated, by the peer's identity. */
  readonly #byPeer = new Map<string, Set<number>>();
  readonly #peerOf = new Map<number, string>();
  readonly #halfOpen = new Set<IkeSa>();
  /** Inbound Child SAs by handle and by what the peer claims. */
  readonly claims = new Claims();
  readonly #agenda = new Agenda<IkeSa>((sa) => sa.deadline);

  get size(): number {
    return this.#all.size;
  }

  get chainCount(): number {
    return this.#chains.size;
  }

  values(): IterableIterator<IkeSa> {
    return this.#all.values();
  }

  chains(): IterableIterator<IkeSa> {
    return this.#chains.values();
  }

  chain(number: number): IkeSa | undefined {
    return this.#chains.get(number);
  }

  /** Takes an SA in; unless it is one beside its chain's newest, it is that from now on. */
  add(sa: IkeSa, isNewest = true): void {
    this.#all.add(sa);
    addTo(this.#byLocal, sa.localSpi, sa);
    if (!sa.originalInitiator) addTo(this.#byInitiator, sa.spiI, sa);
    if (isNewest) this.#chains.set(sa.chain, sa);
    if (sa.state === 'halfOpen') this.#halfOpen.add(sa);
    sa.onTouch = () => this.#agenda.touch(sa);
    this.#agenda.touch(sa);
  }

  remove(sa: IkeSa): void {
    this.#all.delete(sa);
    this.#halfOpen.delete(sa);
    deleteFrom(this.#byLocal, sa.localSpi, sa);
    deleteFrom(this.#byInitiator, sa.spiI, sa);
    sa.onTouch = undefined;
    this.#agenda.delete(sa);
    if (this.#chains.get(sa.chain) !== sa) return;
    this.#chains.delete(sa.chain);
    const peer = this.#peerOf.get(sa.chain);
    this.#peerOf.delete(sa.chain);
    if (peer !== undefined) deleteFrom(this.#byPeer, peer, sa.chain);
  }

  /** The chain's peer is authenticated. */
  identified(chain: number): void {
    const peer = this.#chains.get(chain)?.peerId;
    if (!peer) return;
    addTo(this.#byPeer, idKey(peer), chain);
    this.#peerOf.set(chain, idKey(peer));
  }

  /** Established SAs between these identities. */
  between(local: IkeIdentity, peer: IkeIdentity): IkeSa[] {
    const found: IkeSa[] = [];
    for (const chain of this.#byPeer.get(idKey(peer)) ?? []) {
      const sa = this.#chains.get(chain);
      if (sa?.isEstablished && sa.localId?.idType === local.idType && sameBytes(sa.localId.data, local.data)) found.push(sa);
    }
    return found;
  }

  /** An SA of another peer of the same connection with a Child SA that overlaps these selectors on both sides. */
  claimant(mine: IkeSa, remote: readonly TrafficSelector[], local: readonly TrafficSelector[]): IkeSa | undefined {
    for (const number of this.claims.near(remote)) {
      const sa = this.#chains.get(number);
      if (!sa?.isEstablished || !sa.peerId || (mine.peerId && idKey(sa.peerId) === idKey(mine.peerId))) continue;
      for (const child of sa.children.values()) if (overlaps(child.remote, remote) && overlaps(child.local, local)) return sa;
    }
    return undefined;
  }

  hasLocal(spi: bigint): boolean {
    return this.#byLocal.has(spi);
  }

  /**
   * The SA of a message, by its SPIs and nothing else (I2.6-5); one that waits for the answer to IKE_SA_INIT does not know the peer's.
   * More than one only while answers of which one is forged are followed: then the ICV tells.
   */
  find(header: IkeHeader): IkeSa[] {
    const [local, peer] = header.fromOriginalInitiator ? [header.spiR, header.spiI] : [header.spiI, header.spiR];
    const found: IkeSa[] = [];
    for (const sa of this.#byLocal.get(local) ?? []) {
      const known = sa.originalInitiator ? sa.spiR : sa.spiI;
      if (known === peer || known === 0n) found.push(sa);
    }
    return found;
  }

  /** SAs that answered an IKE_SA_INIT with this SPIi. */
  answered(spiI: bigint): Iterable<IkeSa> {
    return this.#byInitiator.get(spiI) ?? [];
  }

  /** Half-open SAs: all, and of one source. */
  halfOpen(source: string): { readonly all: number; readonly ofSource: number } {
    let ofSource = 0;
    for (const sa of this.#halfOpen) {
      if (sa.state !== 'halfOpen') this.#halfOpen.delete(sa);
      else if (sa.setup?.source === source) ofSource++;
    }
    return { all: this.#halfOpen.size, ofSource };
  }

  get deadline(): Instant | undefined {
    return this.#agenda.next();
  }

  due(now: Instant): IkeSa[] {
    return this.#agenda.due(now);
  }
}
