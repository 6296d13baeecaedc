import { formatEndpoint, sameEndpoint, samePath, wipe } from '../base/index.ts';
import type { Endpoint, Entropy, Instant, Path } from '../base/index.ts';
import type { CryptoSuite } from '../crypto/index.ts';
import type { Encapsulation, EspEffect, EspInput, EspReport, EspSa } from '../ports/index.ts';
import type { DropCause } from './drops.ts';
import { mergeEcn, outerClass } from './ecn.ts';
import { HeldDatagrams } from './held.ts';
import { parseInner, selectorRow, selectorsMatch } from './inner.ts';
import type { SelectorRow } from './inner.ts';
import { clampMss, innerLimit, tooBigMessage } from './mtu.ts';
import type { NonceGuard } from './nonce-guard.ts';
import { ESP_HEADER, NEXT_HEADER, classifyDatagram, classifyPlain, espHeader, espLength, espLengthFits, openEsp, sealEsp, stripTrailer } from './packet.ts';
import { protectionOf } from './protection.ts';
import type { EspProtection } from './protection.ts';
import { ReplayWindow } from './replay.ts';
import { SelectorIndex } from './selector-index.ts';

/**
 * An ESP packet with its outer endpoints, seen from this host, and the device it came or leaves through: the contents of a UDP datagram, or
 * of IP protocol 50, which has no ports: both are 0 then.
 */
export interface EspDatagram {
  readonly ifindex: number;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** DSCP and ECN of the outer header; none: 0. */
  readonly trafficClass?: number;
  /** DF of an outer IPv4 header; an outer IPv6 packet is not cut by us. None: false. */
  readonly dontFragment?: boolean;
  readonly bytes: Uint8Array;
}

export interface SoftEspOptions {
  /** Shared by all planes of a simulation: throws when a key meets a nonce twice. */
  readonly nonceGuard?: NonceGuard;
  /** For the IVs of AES-CBC; without it such SAs are a bug. */
  readonly entropy?: Entropy;
  /** What `tun.opened` answers; default 99. */
  readonly tunIfindex?: number;
}

/** SAs at one time; more are refused (counted as `sa_refused`). 8,000 peers with one child each, all of them amid a rekeying. */
export const MAX_SAS = 32_768;
/** Bundles at one time; the oldest without an SA makes room. */
export const MAX_BUNDLES = 16_384;
/** Outer endpoint pairs remembered per bundle. */
export const MAX_INBOUND_PATHS = 8;
/** An ICMP error is believed about the last so many packets of an SA: 0.3 s at 150 Mbit/s, and nobody beside the path can guess one. */
export const RECENT_PACKETS = 4096;
const UNKNOWN_SPI_INTERVAL = 1000;
/** Between two of the same news about a path. */
const TOO_BIG_INTERVAL = 1000;
/** So many octets may go to a peer that has not shown to be where it says for each that came from there (RFC 4555 §3.7). */
const CREDIT = 3;
const LAST_SEQUENCE = 0xffff_ffff;

interface Sa {
  readonly handle: number;
  readonly bundle: Bundle;
  readonly child: Child;
  readonly direction: 'in' | 'out';
  readonly spi: number;
  readonly protection: EspProtection;
  /** The key, kept only for the nonce guard. */
  readonly guardKey: Uint8Array | undefined;
  readonly esn: boolean;
  readonly local: readonly SelectorRow[];
  readonly remote: readonly SelectorRow[];
  readonly copyDscp: boolean;
  readonly copyDf: boolean;
  readonly replay: ReplayWindow;
  /** Outbound: last sequence number used. */
  sequence: number;
  packets: number;
  bytes: number;
  seen: boolean;
}

interface Child {
  readonly id: number;
  /** Grows with each child made. */
  readonly order: number;
  used: Sa | undefined;
  sas: number;
}

interface InboundPath {
  readonly ifindex: number;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  packets: number;
  last: Instant;
  ahead: Instant | undefined;
}

interface Bundle {
  readonly id: number;
  /** With ports 0 where ESP leaves without UDP. */
  path: Path | undefined;
  mtu: number;
  /** Octets of ESP that may go to a peer that has not shown to be where it says; undefined: any number. */
  credit: number | undefined;
  /** What `tooBig` last told of this path. */
  told: { readonly mtu: number; readonly at: Instant } | undefined;
  sas: number;
  sent: number;
  lastSent: Instant | undefined;
  lastAny: Instant | undefined;
  readonly children: Map<number, Child>;
  /** Least recent first. */
  readonly inbound: Map<string, InboundPath>;
}

/** The path as packets of the bundle have it. */
const outerPath = (path: Path, encapsulation: Encapsulation): Path =>
  encapsulation === 'udp' ? path : { ...path, local: { ...path.local, port: 0 }, remote: { ...path.remote, port: 0 } };

/**
 * A userspace ESP plane in TypeScript: effects in, inputs out, packets through. Used by the simulator and as the model
 * of the C plane; both count the same drops for the same packets.
 */
export class SoftEsp {
  readonly #suite: CryptoSuite;
  readonly #options: SoftEspOptions;
  readonly #sas = new Map<number, Sa>();
  readonly #bySpi = new Map<number, Sa>();
  /** Latest first; chosen by peers, so two may be the same. */
  readonly #byOutboundSpi = new Map<number, Sa[]>();
  readonly #index = new SelectorIndex<Child>();
  readonly #bundles = new Map<number, Bundle>();
  readonly #drops = new Map<DropCause, number>();
  #replies: Uint8Array[] = [];
  #dummies: EspDatagram[] = [];
  #unknownAt: Instant | undefined;
  readonly #held = new HeldDatagrams<EspDatagram>();
  #heldDue = false;
  #childrenMade = 0;

  constructor(suite: CryptoSuite, options: SoftEspOptions = {}) {
    this.#suite = suite;
    this.#options = options;
  }

  /** Performs one effect; throws (a bug) for a handle or inbound SPI that exists. Dummy packets wait in `takeDatagrams`. */
  apply(effect: EspEffect, now: Instant): EspInput[] {
    switch (effect.type) {
      case 'tun.open':
        return [{ type: 'tun.opened', name: effect.name, ifindex: this.#options.tunIfindex ?? 99 }];
      case 'tun.close':
        return [];
      case 'esp.open':
        return [4, 6].map((family) => ({ type: 'esp.opened', family: family as 4 | 6 }));
      case 'esp.sa.add':
        this.#add(effect.sa);
        return [];
      case 'esp.sa.use': {
        const sa = this.#sas.get(effect.handle);
        if (sa?.direction === 'out') this.#use(sa.child, sa);
        return [];
      }
      case 'esp.sa.remove':
        this.#remove(effect.handle);
        return [];
      case 'esp.path.set':
        this.#setPath(effect.bundle, effect.path && outerPath(effect.path, effect.encapsulation), effect.mtu);
        return [];
      case 'esp.bound': {
        const bundle = this.#bundles.get(effect.bundle);
        if (bundle) bundle.credit = effect.bounded ? 0 : undefined;
        return [];
      }
      case 'esp.dummy':
        this.#dummy(effect.bundle, now);
        return [];
      case 'esp.inject': {
        this.#dummies.push(...this.outbound(effect.packet, now));
        this.#replies = [];
        return [];
      }
      case 'esp.poll':
        return [{ type: 'esp.polled', report: this.report() }];
      default: {
        const never: never = effect;
        return never;
      }
    }
  }

  /** Encapsulates one packet that came from TUN: no datagram when it is dropped. */
  outbound(inner: Uint8Array, now: Instant): EspDatagram[] {
    const packet = parseInner(inner);
    if (packet === undefined) return this.#drop('not_ip');
    const sa = this.#index.find(packet.destination, ({ used }) => used !== undefined && selectorsMatch(packet, used.local, used.remote))?.used;
    if (sa === undefined) return this.#drop('no_sa');
    const bundle = sa.bundle;
    if (bundle.path === undefined) return this.#drop('no_path');
    if (packet.length > innerLimit(packet.version, bundle.mtu) && packet.dontFragment) {
      const reply = tooBigMessage(inner, packet, bundle.mtu);
      if (reply !== undefined) this.#replies.push(reply);
      return this.#drop('too_big');
    }
    const bytes = inner.slice(0, packet.length);
    clampMss(bytes, packet, bundle.mtu);
    const datagram = this.#seal(sa, bundle.path, bytes, packet.version === 4 ? NEXT_HEADER.IPV4 : NEXT_HEADER.IPV6, now);
    if (datagram === undefined) return [];
    bundle.sent++;
    bundle.lastSent = now;
    // RFC 4301 §8.1. IPv6 has its least MTU of every link: on a path that is smaller, outer packets are cut.
    const dontFragment = sa.copyDf && packet.dontFragment && packet.length <= bundle.mtu;
    return [{ ...datagram, trafficClass: outerClass(inner, sa.copyDscp), dontFragment }];
  }

  /** Decapsulates one packet of an encapsulation port or of protocol 50: the inner packet for TUN, unless it was dropped. */
  inbound(datagram: EspDatagram, now: Instant): { inner?: Uint8Array; inputs: EspInput[] } {
    const inputs: EspInput[] = [];
    const inner = this.#open(datagram, now, inputs);
    return inner === undefined ? { inputs } : { inner, inputs };
  }

  /** True when an SA was added for which datagrams are held: `takeHeld` is due, ahead of any newer datagram. */
  get heldDue(): boolean {
    return this.#heldDue;
  }

  /** Inner packets, oldest first, of what was held for SAs that have come since. */
  takeHeld(now: Instant): { inners: Uint8Array[]; inputs: EspInput[] } {
    const inners: Uint8Array[] = [];
    const inputs: EspInput[] = [];
    for (const datagram of this.#held.take((spi) => this.#bySpi.has(spi), now)) {
      this.#count('unknown_spi', -1);
      const inner = this.#open(datagram, now, inputs);
      if (inner !== undefined) inners.push(inner);
    }
    this.#heldDue = false;
    return { inners, inputs };
  }

  /**
   * Judges an ICMP message that says that a datagram of ours, which began with `quote`, was too big for the path: `esp.tooBig` when it is
   * about one of the packets last sent on the bundle's path, else nothing comes of it (RFC 4301 §8.2.2).
   */
  tooBig(local: Endpoint, remote: Endpoint, mtu: number, quote: Uint8Array, now: Instant): EspInput[] {
    if (quote.length < ESP_HEADER) return [];
    const { spi, low } = espHeader(quote);
    for (const sa of this.#byOutboundSpi.get(spi) ?? []) {
      const { bundle } = sa;
      if (bundle.path === undefined || !sameEndpoint(bundle.path.local, local) || !sameEndpoint(bundle.path.remote, remote)) continue; // two peers may have chosen one SPI
      const age = (sa.sequence - low) % 0x1_0000_0000;
      if (age < 0 || age >= RECENT_PACKETS || age >= sa.sequence) continue;
      if (bundle.told !== undefined && mtu >= bundle.told.mtu && now - bundle.told.at < TOO_BIG_INTERVAL) return [];
      bundle.told = { mtu, at: now };
      return [{ type: 'esp.tooBig', bundle: bundle.id, local, remote, mtu }];
    }
    return [];
  }

  /** ICMP messages for TUN since the last call (too-big answers to `outbound`). */
  takeReplies(): Uint8Array[] {
    const replies = this.#replies;
    this.#replies = [];
    return replies;
  }

  /** Datagrams to send since the last call (those of `esp.dummy` and `esp.inject`). */
  takeDatagrams(): EspDatagram[] {
    const datagrams = this.#dummies;
    this.#dummies = [];
    return datagrams;
  }

  report(): EspReport {
    const drops: { [cause: string]: number } = {};
    for (const [cause, count] of this.#drops) if (count > 0) drops[cause] = count;
    return {
      sas: [...this.#sas.values()].map((sa) => ({
        handle: sa.handle, packets: sa.packets, bytes: sa.bytes, sequence: sa.direction === 'out' ? sa.sequence : sa.replay.top,
      })),
      bundles: [...this.#bundles.values()].map((bundle) => ({
        bundle: bundle.id, sent: bundle.sent, lastSent: bundle.lastSent, lastAny: bundle.lastAny,
        inbound: [...bundle.inbound.values()].map((path) => ({ ...path })),
      })),
      drops,
    };
  }

  /** Moves an SA's sequence number forward (never back), for tests at the edges of 2^32. */
  skipTo(handle: number, sequence: number): void {
    const sa = this.#sas.get(handle);
    if (sa === undefined) return;
    if (sa.direction === 'out') sa.sequence = Math.max(sa.sequence, sequence);
    else sa.replay.skipTo(sequence);
  }

  #drop(cause: DropCause): [] {
    this.#count(cause, 1);
    return [];
  }

  #count(cause: DropCause, more: 1 | -1): void {
    this.#drops.set(cause, (this.#drops.get(cause) ?? 0) + more);
  }

  #add(sa: EspSa): void {
    if (this.#sas.has(sa.handle)) throw new Error(`ESP handle ${sa.handle} exists`);
    if (sa.direction === 'in' && (sa.spi < 256 || this.#bySpi.has(sa.spi))) throw new Error(`inbound SPI ${sa.spi} exists or is reserved`);
    if (this.#sas.size >= MAX_SAS) {
      this.#drop('sa_refused');
      sa.key.wipe();
      sa.integ?.key.wipe();
      return;
    }
    const protection = protectionOf(this.#suite, sa, this.#options.entropy);
    const bundle = this.#bundle(sa.bundle);
    const child = this.#child(bundle, sa.child);
    bundle.sas++;
    child.sas++;
    const made: Sa = {
      handle: sa.handle, bundle, child, direction: sa.direction, spi: sa.spi, esn: sa.esn,
      protection, guardKey: this.#options.nonceGuard === undefined ? undefined : sa.key.reveal().slice(),
      local: sa.local.map(selectorRow), remote: sa.remote.map(selectorRow), copyDscp: sa.copyDscp ?? false, copyDf: sa.copyDf ?? false,
      replay: new ReplayWindow(sa.esn), sequence: 0, packets: 0, bytes: 0, seen: false,
    };
    sa.key.wipe();
    sa.integ?.key.wipe();
    this.#sas.set(sa.handle, made);
    if (sa.direction === 'in') {
      this.#bySpi.set(sa.spi, made);
      this.#heldDue ||= this.#held.has(sa.spi);
    } else this.#byOutboundSpi.set(sa.spi, [made, ...(this.#byOutboundSpi.get(sa.spi) ?? [])]);
  }

  #remove(handle: number): void {
    const sa = this.#sas.get(handle);
    if (sa === undefined) return;
    sa.protection.wipe();
    wipe(sa.guardKey);
    this.#sas.delete(handle);
    if (sa.direction === 'in') this.#bySpi.delete(sa.spi);
    else this.#forgetOutbound(sa);
    if (sa.child.used === sa) this.#use(sa.child, undefined);
    if (--sa.child.sas === 0) sa.bundle.children.delete(sa.child.id);
    if (--sa.bundle.sas === 0 && sa.bundle.path === undefined) this.#bundles.delete(sa.bundle.id);
  }

  #forgetOutbound(sa: Sa): void {
    const left = (this.#byOutboundSpi.get(sa.spi) ?? []).filter((other) => other !== sa);
    if (left.length > 0) this.#byOutboundSpi.set(sa.spi, left);
    else this.#byOutboundSpi.delete(sa.spi);
  }

  #child(bundle: Bundle, id: number): Child {
    const old = bundle.children.get(id);
    if (old !== undefined) return old;
    const child: Child = { id, order: ++this.#childrenMade, used: undefined, sas: 0 };
    bundle.children.set(id, child);
    return child;
  }

  #use(child: Child, sa: Sa | undefined): void {
    if (child.used !== undefined) this.#index.remove(child, child.used.remote);
    child.used = sa;
    if (sa !== undefined) this.#index.add(child, child.order, sa.remote);
  }

  #bundle(id: number): Bundle {
    const old = this.#bundles.get(id);
    if (old !== undefined) return old;
    if (this.#bundles.size >= MAX_BUNDLES) {
      for (const bundle of this.#bundles.values()) {
        if (bundle.sas > 0) continue;
        this.#bundles.delete(bundle.id);
        break;
      }
    }
    const made: Bundle = { id, path: undefined, mtu: 0, credit: undefined, told: undefined, sas: 0, sent: 0, lastSent: undefined, lastAny: undefined, children: new Map(), inbound: new Map() };
    this.#bundles.set(id, made);
    return made;
  }

  #setPath(id: number, path: Path | undefined, mtu: number): void {
    if (path === undefined && !this.#bundles.has(id)) return;
    const bundle = this.#bundle(id);
    if (path === undefined || bundle.path === undefined || !samePath(path, bundle.path)) bundle.told = undefined;
    bundle.path = path;
    bundle.mtu = mtu;
    if (path === undefined && bundle.sas === 0) this.#bundles.delete(id);
  }

  #seal(sa: Sa, path: Path, inner: Uint8Array, nextHeader: number, now: Instant): EspDatagram | undefined {
    if (sa.sequence >= (sa.esn ? Number.MAX_SAFE_INTEGER : LAST_SEQUENCE)) {
      this.#drop('sequence_exhausted');
      return undefined;
    }
    const whole = espLength(sa, inner.length);
    if (sa.bundle.credit !== undefined && sa.bundle.credit < whole) {
      this.#drop('unverified');
      return undefined;
    }
    const sequence = ++sa.sequence;
    if (sa.guardKey !== undefined) this.#options.nonceGuard?.use(sa.guardKey, sequence);
    sa.packets++;
    sa.bytes += inner.length;
    sa.bundle.lastAny = now;
    if (sa.bundle.credit !== undefined) sa.bundle.credit -= whole;
    return { ifindex: path.ifindex, local: path.local, remote: path.remote, bytes: sealEsp(sa, sequence, inner, nextHeader) };
  }

  #dummy(id: number, now: Instant): void {
    const bundle = this.#bundles.get(id);
    const path = bundle?.path;
    if (bundle === undefined || path === undefined) return;
    for (const child of bundle.children.values()) {
      if (child.used === undefined) continue;
      const datagram = this.#seal(child.used, path, new Uint8Array(0), NEXT_HEADER.DUMMY, now);
      if (datagram !== undefined) this.#dummies.push(datagram);
    }
  }

  #open(datagram: EspDatagram, now: Instant, inputs: EspInput[]): Uint8Array | undefined {
    const drop = (cause: DropCause): undefined => {
      this.#drop(cause);
      return undefined;
    };
    const bytes = datagram.bytes;
    const kind = datagram.local.port === 0 ? classifyPlain(bytes) : classifyDatagram(bytes);
    if (kind === 'ike') return undefined; // not ours
    if (kind !== 'esp') return drop(kind);
    const { spi, low } = espHeader(bytes);
    const sa = this.#bySpi.get(spi);
    if (sa === undefined) {
      if (this.#unknownAt === undefined || now - this.#unknownAt >= UNKNOWN_SPI_INTERVAL) {
        this.#unknownAt = now;
        inputs.push({ type: 'esp.unknownSpi', spi, local: datagram.local, remote: datagram.remote });
      }
      this.#held.hold(spi, datagram, now);
      return drop('unknown_spi');
    }
    if (!espLengthFits(sa, bytes.length)) return drop('malformed');
    const sequence = sa.replay.extend(low);
    if (sequence === undefined || !sa.replay.check(sequence)) return drop('replay');
    const plain = openEsp(sa, sequence, bytes);
    if (plain === undefined) return drop('icv');
    const isAhead = sequence > sa.replay.top;
    sa.replay.accept(sequence);
    sa.packets++;
    this.#note(sa.bundle, datagram, isAhead, now);
    // The address counts: a NAT may give ESP a port of its own.
    if (sa.bundle.credit !== undefined && sa.bundle.path?.remote.address === datagram.remote.address) sa.bundle.credit += CREDIT * bytes.length;
    if (!sa.seen) {
      sa.seen = true;
      inputs.push({ type: 'esp.firstInbound', handle: sa.handle });
    }
    const stripped = stripTrailer(plain);
    if (stripped === undefined) return drop('bad_padding');
    if (stripped.nextHeader === NEXT_HEADER.DUMMY) return drop('dummy');
    if (stripped.nextHeader !== NEXT_HEADER.IPV4 && stripped.nextHeader !== NEXT_HEADER.IPV6) return drop('bad_next_header');
    const packet = parseInner(stripped.payload);
    if (packet === undefined) return drop('bad_inner');
    if ((packet.version === 4) !== (stripped.nextHeader === NEXT_HEADER.IPV4)) return drop('bad_next_header');
    if (!selectorsMatch(packet, sa.remote, sa.local)) return drop('selector');
    const inner = stripped.payload.slice(0, packet.length);
    if (!mergeEcn(inner, packet, datagram.trafficClass ?? 0)) return drop('ecn');
    sa.bytes += packet.length;
    clampMss(inner, packet, sa.bundle.mtu);
    return inner;
  }

  /** Remembers where a fresh authenticated packet came from; the least recent of too many is forgotten. */
  #note(bundle: Bundle, datagram: EspDatagram, isAhead: boolean, now: Instant): void {
    const key = `${datagram.ifindex}|${formatEndpoint(datagram.local)}|${formatEndpoint(datagram.remote)}`;
    const old = bundle.inbound.get(key);
    bundle.inbound.delete(key);
    if (old !== undefined) {
      old.packets++;
      old.last = now;
      if (isAhead) old.ahead = now;
      bundle.inbound.set(key, old);
      return;
    }
    if (bundle.inbound.size >= MAX_INBOUND_PATHS) {
      const [oldest] = bundle.inbound.keys();
      if (oldest !== undefined) bundle.inbound.delete(oldest);
    }
    bundle.inbound.set(key, { ifindex: datagram.ifindex, local: datagram.local, remote: datagram.remote, packets: 1, last: now, ahead: isAhead ? now : undefined });
  }
}

