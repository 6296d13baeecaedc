import {
  after, earliest, formatEndpoint, formatPrefix, ipFamily, millis, pathKey, isEndOf, rangePrefixes, TimerTable,
  type AddressFact, type Instant, type IpAddress, type IpPrefix, type Millis, type Path, type UplinkFacts,
} from '../base/index.ts';
import type { TrafficSelector } from '../codec/ike/index.ts';
import type { ChildConfig, Config } from '../config/index.ts';
import type { IkeEvent } from '../ike/index.ts';
import { AEAD_OVERHEAD, bypasses, espOverhead, innerMtu, KernelView, planAddresses, planLink, planRoutes, tunMtu, wantedRoutes, type ProtectedChild } from '../kernel/index.ts';
import type { Encapsulation, EspReport, EspSa, Input, InputOf, KernelOp, WantedRoute } from '../ports/index.ts';
import type { Turn } from './context.ts';
import type { ChainTraffic } from './data-repair.ts';
import { Overheads } from './overheads.ts';
import { PathMtus } from './path-mtu.ts';
import { roamedTo, type Roamed } from './roaming.ts';
import { VirtualAddresses, type VirtualAddress } from './vips.ts';

/** The first free of these names becomes the TUN device: `mobiked0`, unless another daemon in this namespace has it. */
const TUN_NAMES = ['mobiked0', 'mobiked1', 'mobiked2', 'mobiked3'];
const EBUSY = 16;

/** While user traffic flows its answers are looked for this often; a liveness check comes within `active` plus this. */
const POLL_BUSY: Millis = millis(200);
/** While nothing flows; bounds how late the first packet into a dead line is noticed. */
const POLL_IDLE: Millis = millis(1000);
/** Traffic this recent counts as flowing. */
const BUSY_FOR: Millis = millis(5000);
/** Between an acknowledged change and the next comparison: its notifications are on their way. */
const SETTLE: Millis = millis(100);
/** With more children than this the kernel is compared with once for several changes. */
const MANY_CHILDREN = 500;
/** Between two tries of a change that the kernel refuses. */
const REFUSED_RETRY: Millis = millis(5000);

/** A TUN device that could not be made is tried again after this: kmod-tun may come later. */
const TUN_RETRY: Millis = millis(10_000);

/** Destinations of one uplink that a line of the log names. */
const MOST_TOLD = 16;

/** A rekeyed inbound SA takes what is late for so long after its Delete. */
const LINGER: Millis = millis(5000);

const TIMERS = ['poll', 'settle', 'tun', 'pathMtu', 'linger'] as const;
type TimerName = (typeof TIMERS)[number];

interface UpChild {
  readonly chain: number;
  readonly connection: string;
  readonly name: string;
  readonly local: readonly IpPrefix[];
  readonly remote: readonly IpPrefix[];
}

/** How outbound ESP of a bundle leaves. */
interface EspWay {
  readonly path: Path;
  readonly encapsulation: Encapsulation;
}

const prefixesOf = (selectors: readonly TrafficSelector[]): IpPrefix[] => selectors.flatMap((s) => rangePrefixes({ start: s.start, end: s.end }));

/** The TUN device, its routes and MTU, and what the ESP plane reports: everything between Child SAs and the kernel. */
/** What one poll says of a chain. */
interface PolledChain extends ChainTraffic {
  readonly lastOutbound: Instant | undefined;
  readonly lastAny: Instant | undefined;
  readonly roamed: Roamed | undefined;
}

export class Dataplane {
  readonly view = new KernelView();
  readonly #timers = new TimerTable<TimerName>();
  readonly #children = new Map<string, UpChild>();
  readonly #paths = new Map<number, EspWay>();
  readonly #pathMtus = new PathMtus();
  /** Rekeyed inbound SAs, and when they end. */
  readonly #lingering = new Map<number, Instant>();
  readonly #vips = new VirtualAddresses();
  #tun: { name: string; ifindex: number } | undefined;
  #tunTry = 0;
  #tunAsked = false;
  #applying: { readonly opId: number; readonly last: boolean } | undefined;
  /** Operations that the kernel refused and that are still wanted, and when each is tried again. */
  readonly #refused = new Map<string, Instant>();
  #report: EspReport | undefined;
  #polling = false;
  #busyUntil: Instant | undefined;
  #bundles = new Set<number>();
  #stopped: 'no' | 'stopping' | 'stopped' = 'no';
  #facts: readonly UplinkFacts[] = [];
  #exceptions: readonly IpAddress[] = [];
  #planeMtu: number | undefined;
  /** What passes beside the tunnels, by uplink, as text. */
  #beside = new Map<string, string[]>();
  readonly #overheads = new Overheads();
  problem: string | undefined;

  get tunName(): string {
    return this.#tun?.name ?? TUN_NAMES[this.#tunTry] ?? 'mobiked0';
  }

  get report(): EspReport | undefined {
    return this.#report;
  }

  get deadline(): Instant | undefined {
    return this.#timers.next();
  }

  get stopped(): boolean {
    return this.#stopped === 'stopped';
  }

  open(turn: Turn): void {
    if (this.#tunAsked || this.#stopped !== 'no') return;
    this.#tunAsked = true;
    turn.emit({ type: 'tun.open', name: this.tunName, mtu: this.#mtu(turn.config) });
  }

  onTun(input: InputOf<'tun.opened'> | InputOf<'tun.failed'>, turn: Turn): void {
    if (input.type === 'tun.opened') {
      this.#tun = { name: input.name, ifindex: input.ifindex };
      this.problem = undefined;
      return this.plan(turn);
    }
    if (input.errno === EBUSY && this.#tunTry + 1 < TUN_NAMES.length) {
      this.#tunTry++;
      this.#tunAsked = false;
      return this.open(turn);
    }
    const problem = this.#tun ? `the TUN device ${input.name} was removed` : `the TUN device ${input.name} could not be made (errno ${input.errno}): is kmod-tun installed, and /dev/net/tun there and permitted?`;
    if (this.problem !== problem) {
      turn.log('error', problem);
      turn.record({ type: 'kernel.failed', what: `tun ${input.name}`, errno: input.errno });
    }
    this.problem = problem;
    // One that was taken away is made again at once, a refused one later.
    this.#timers.set('tun', after(turn.now, this.#tun ? SETTLE : TUN_RETRY));
    this.#tun = undefined;
    this.plan(turn);
  }

  // ---- ESP ----------------------------------------------------------------------------------------------------------

  /** Outbound ESP of the chain leaves here from now on. */
  setPath(chain: number, path: Path, encapsulation: Encapsulation, opensPinhole: boolean, turn: Turn): void {
    this.#paths.set(chain, { path, encapsulation });
    this.#tellPath(chain, { path, encapsulation }, this.#mtu(turn.config), turn);
    // F-1: our own packet goes first, so that filters and NATs on the new path know the flow.
    if (opensPinhole) turn.emit({ type: 'esp.dummy', bundle: chain });
  }

  #tellPath(bundle: number, way: EspWay, mtu: number, turn: Turn): void {
    turn.emit({ type: 'esp.path.set', bundle, ...way, mtu: this.#mtuOn(way, mtu) });
  }

  /** Outbound ESP of the chain is dropped until the next `setPath`. */
  hold(chain: number, turn: Turn): void {
    this.#paths.delete(chain);
    turn.emit({ type: 'esp.path.set', bundle: chain, path: undefined, encapsulation: 'udp', mtu: 0 });
  }

  addSa(sa: EspSa, turn: Turn): void {
    turn.emit({ type: 'esp.sa.add', sa });
    if (sa.direction === 'out' && this.#overheads.add(sa.handle, espOverhead(sa))) this.#remeasureAll(turn);
  }

  /** `lingers`: an inbound SA that was rekeyed; the Delete may have overtaken packets. */
  removeSa(handle: number, lingers: boolean, turn: Turn): void {
    if (lingers) {
      this.#lingering.set(handle, after(turn.now, LINGER));
      return this.#timers.setIfEarlier('linger', after(turn.now, LINGER));
    }
    turn.emit({ type: 'esp.sa.remove', handle });
    if (this.#overheads.remove(handle)) this.#remeasureAll(turn);
  }

  /** Tells the plane a changed MTU, which clamps TCP to it and answers what is too big; the device's own follows with the plan. */
  #remeasure(turn: Turn): void {
    const mtu = this.#mtu(turn.config);
    if (mtu === this.#planeMtu) return;
    this.#planeMtu = mtu;
    for (const [chain, way] of this.#paths) this.#tellPath(chain, way, mtu, turn);
    this.#planSoon(turn);
  }

  /** After a change of what ciphers add, which counts on paths of known MTU even where it does not on all. */
  #remeasureAll(turn: Turn): void {
    this.#remeasure(turn);
    this.#setMtus(this.#pathMtus.paths, turn);
  }

  /** What a router told of the path, octets of an outer packet. */
  pathMtu(path: Path): number | undefined {
    return this.#pathMtus.of(path);
  }

  /** The inner MTU of one path: what all carry, or less where a router on the way told so. */
  #mtuOn({ path, encapsulation }: EspWay, mtu: number): number {
    const outer = this.#pathMtus.of(path);
    if (outer === undefined) return mtu;
    const family = ipFamily(path.remote.address);
    return Math.min(mtu, ...[AEAD_OVERHEAD, ...this.#overheads.kinds].map((overhead) => innerMtu(outer, family, overhead, encapsulation)));
  }

  /** A router on the way cannot forward our packets: theirs is the word as long as it is about the path in use (RFC 4301 §8.2). */
  onTooBig({ bundle, local, remote, mtu }: InputOf<'esp.tooBig'>, turn: Turn): void {
    const way = this.#paths.get(bundle);
    if (way === undefined || !isEndOf(local, way.path.local) || !isEndOf(remote, way.path.remote)) return;
    const { path } = way;
    const plane = this.#mtu(turn.config);
    const before = this.#mtuOn(way, plane);
    const lesson = this.#pathMtus.learn(path, mtu, turn.now);
    if (lesson === 'below_least') turn.log('info', `${pathText(path)}: a router says that it carries packets of ${mtu} octets only, which no path may; ignored`);
    if (lesson === 'below_least' || lesson === 'below_least_again') return;
    this.#timers.set('pathMtu', this.#pathMtus.deadline ?? turn.now);
    const inner = this.#mtuOn(way, plane);
    if (lesson === 'known' || inner === before) return;
    turn.log('info', `${pathText(path)}: a router carries packets of ${mtu} octets and no more: ${inner} inside, for the next 10 minutes`);
    this.#setMtus([path], turn);
  }

  /** What the path was found to carry, octets of an outer packet; undefined: as much as its link. */
  onFound(path: Path, mtu: number | undefined, turn: Turn): void {
    const before = this.#pathMtus.of(path);
    this.#pathMtus.find(path, mtu);
    if (this.#pathMtus.of(path) === before) return;
    turn.log('info', mtu === undefined ? `${pathText(path)}: packets as large as the link's pass` : `${pathText(path)}: packets of ${mtu} octets pass and larger ones do not`);
    this.#setMtus([path], turn);
  }

  /** Larger packets are tried again: the way may have changed. */
  #forgetMtus(turn: Turn): void {
    const gone = this.#pathMtus.forget(turn.now);
    const next = this.#pathMtus.deadline;
    if (next !== undefined) this.#timers.set('pathMtu', next);
    for (const path of this.#setMtus(gone, turn)) turn.log('info', `${pathText(path)}: larger packets are tried again`);
  }

  /** Tells the plane the MTU of these paths, as far as they are in use; gives those. */
  #setMtus(paths: readonly Path[], turn: Turn): Path[] {
    if (paths.length === 0) return [];
    const keys = new Set(paths.map(pathKey));
    const plane = this.#mtu(turn.config);
    const used = [...this.#paths].filter(([, { path }]) => keys.has(pathKey(path)));
    for (const [bundle, way] of used) this.#tellPath(bundle, way, plane, turn);
    const inUse = new Set(used.map(([, { path }]) => pathKey(path)));
    return paths.filter((path) => inUse.has(pathKey(path)));
  }

  /** Follows the engine's events about Child SAs and chains. */
  onIke(event: IkeEvent, turn: Turn): void {
    if (this.#vips.onIke(event)) this.#planSoon(turn);
    switch (event.type) {
      case 'ike.established':
        this.#bundles.add(event.chain);
        this.#timers.setIfEarlier('poll', after(turn.now, POLL_BUSY));
        return;
      case 'child.established':
      case 'child.rekeyed':
        this.#children.set(`${event.chain}|${event.child}`, { chain: event.chain, connection: event.connection, name: event.child, local: prefixesOf(event.local), remote: prefixesOf(event.remote) });
        return this.#planSoon(turn);
      case 'child.closed':
        this.#children.delete(`${event.chain}|${event.child}`);
        return this.#planSoon(turn);
      case 'ike.closed':
        this.#bundles.delete(event.chain);
        this.#paths.delete(event.chain);
        for (const [key, child] of this.#children) if (child.chain === event.chain) this.#children.delete(key);
        turn.emit({ type: 'esp.path.set', bundle: event.chain, path: undefined, encapsulation: 'udp', mtu: 0 });
        return this.#planSoon(turn);
      default:
        return;
    }
  }

  /** After this turn: an SA that gives way to another in the same turn must not take its routes away for a moment. */
  #planSoon(turn: Turn): void {
    this.#timers.setIfEarlier('settle', this.#children.size < MANY_CHILDREN ? turn.now : after(turn.now, this.#pace));
  }

  /** What the hub of a connection gave us. */
  virtual(connection: string): VirtualAddress {
    return this.#vips.of(connection);
  }

  /** The connection is not wanted any more, or not for now: its virtual addresses go. */
  forget(connection: string, turn: Turn): void {
    if (this.#vips.forget(connection)) this.#planSoon(turn);
  }

  /** Between two comparisons: with thousands of children each one takes its time. */
  get #pace(): Millis {
    return millis(Math.max(SETTLE, this.#children.size / 10));
  }

  isChildUp(connection: string, child: string): boolean {
    return [...this.#children.values()].some((c) => c.connection === connection && c.name === child);
  }

  /** Takes a poll's answer; returns per chain what the engine should know. */
  onPolled(report: EspReport, turn: Turn): PolledChain[] {
    this.#polling = false;
    this.#report = report;
    const out = report.bundles.map((bundle) => {
      const path = this.#paths.get(bundle.bundle)?.path;
      // The device may have been made anew meanwhile, under another index: the latest counts. ESP without UDP has no ports (D5.5.2-3).
      const same = bundle.inbound.filter((i) => path !== undefined && isEndOf(i.local, path.local) && isEndOf(i.remote, path.remote)).map((i) => i.last);
      const lastInbound = same.length > 0 ? (Math.max(...same) as Instant) : undefined;
      if (bundle.lastSent !== undefined || lastInbound !== undefined) {
        const latest = Math.max(bundle.lastSent ?? 0, lastInbound ?? 0);
        if (turn.now - latest < BUSY_FOR) this.#busyUntil = after(latest as Instant, BUSY_FOR);
      }
      return {
        chain: bundle.bundle, lastInbound, lastOutbound: bundle.lastSent, lastAny: bundle.lastAny, sent: bundle.sent,
        received: bundle.inbound.reduce((sum, { packets }) => sum + packets, 0), plain: this.#paths.get(bundle.bundle)?.encapsulation === 'none',
        roamed: path && roamedTo(bundle.inbound, path),
      };
    });
    if (this.#bundles.size > 0) this.#timers.set('poll', after(turn.now, this.#busyUntil !== undefined && this.#busyUntil > turn.now ? POLL_BUSY : POLL_IDLE));
    return out;
  }

  tick(turn: Turn): void {
    for (const name of this.#timers.takeDue(turn.now)) {
      if (name === 'settle') this.plan(turn);
      else if (name === 'pathMtu') this.#forgetMtus(turn);
      else if (name === 'linger') this.#endLingering(turn);
      else if (name === 'tun') {
        this.#tunAsked = false;
        this.open(turn);
      } else if (!this.#polling && this.#bundles.size > 0) {
        this.#polling = true;
        turn.emit({ type: 'esp.poll' });
      }
    }
  }

  #endLingering(turn: Turn): void {
    for (const [handle, until] of this.#lingering) {
      if (until > turn.now) return this.#timers.set('linger', until);
      this.#lingering.delete(handle);
      turn.emit({ type: 'esp.sa.remove', handle });
    }
  }

  // ---- kernel -------------------------------------------------------------------------------------------------------

  setFacts(facts: readonly UplinkFacts[], exceptions: readonly IpAddress[], turn: Turn): void {
    this.#facts = facts;
    this.#exceptions = exceptions;
    this.#remeasure(turn);
    this.plan(turn);
  }

  #mtu(config: Config): number {
    const prefixes6 = (child: ChildConfig): boolean => [...child.localTs, ...child.remoteTs].some((p) => ipFamily(p.address) === 6);
    const carries6 = config.connections.some((c) => c.enabled && (c.requestVip.includes(6) || c.children.some(prefixes6)));
    const paths = this.#facts.filter((f) => f.up).flatMap((f) => f.families.map((family) => ({ mtu: f.mtu, family })));
    const wanted = config.connections.flatMap((c) => (c.enabled && c.mtu !== undefined ? [c.mtu] : []));
    return Math.min(tunMtu(paths, carries6, this.#overheads.kinds), ...wanted);
  }

  #wanted(config: Config): ReturnType<typeof wantedRoutes> {
    const all: ProtectedChild[] = [];
    const connections = config.connections.filter((c) => c.enabled && (this.#stopped === 'no' || c.blockOnStop));
    for (const child of this.#children.values()) if (this.#stopped === 'no') all.push({ local: child.local, remote: child.remote, up: true, virtual: this.virtual(child.connection).addresses });
    for (const connection of connections) for (const child of connection.children) all.push({ local: child.localTs, remote: child.remoteTs, up: false });
    return wantedRoutes({ children: all, tunIfindex: this.#tun?.ifindex, addresses: [...this.view.addresses(), ...this.#coming()], exceptions: this.#exceptions, bypasses: this.#stopped === 'no' ? bypasses(this.#facts, this.view) : [] });
  }

  /** Virtual addresses that the kernel will have once the operations before the routes are done; a refused one is nobody's source. */
  #coming(): AddressFact[] {
    const tun = this.#tun;
    if (!tun || this.#stopped !== 'no') return [];
    const all = this.#vips.all().filter((address) => !this.#refused.has(opKey({ op: 'address.add', ifindex: tun.ifindex, address })));
    return this.#vips.facts(tun.ifindex, all);
  }

  /** Compares what is wanted with what the kernel reported, and asks for the difference. One request at a time. */
  plan(turn: Turn): void {
    if (!this.view.ready || this.#applying) return;
    // What a killed predecessor left is judged when the device is ours: its routes into it are what blocks until then.
    if (this.#tunAsked && !this.#tun && this.problem === undefined && this.#stopped === 'no') return;
    const wanted = this.#wanted(turn.config);
    this.#tellBeside(wanted, turn);
    const ops: KernelOp[] = [];
    if (this.#tun && this.#stopped === 'no') ops.push(...planLink(this.#tun.ifindex, this.#mtu(turn.config), this.view));
    const addresses = this.#tun ? planAddresses(this.#tun.ifindex, this.#stopped === 'no' ? this.#vips.all() : [], this.view) : { before: [], after: [] };
    ops.push(...addresses.before, ...planRoutes(wanted, this.view));
    ops.push(...addresses.after.filter((op) => this.#stopped !== 'no' || op.op !== 'address.delete' || this.#vips.mayGo(op.address, turn.config)));
    const asked = new Set(ops.map(opKey));
    for (const key of this.#refused.keys()) if (!asked.has(key)) this.#refused.delete(key);
    const due = ops.filter((op) => (this.#refused.get(opKey(op)) ?? turn.now) <= turn.now);
    if (due.length === 0) {
      if (this.#stopped === 'stopping') this.#stopped = 'stopped';
      const next = earliest(...this.#refused.values());
      if (next !== undefined) this.#timers.setIfEarlier('settle', next);
      return;
    }
    this.#applying = { opId: turn.nextOpId(), last: this.#stopped === 'stopping' };
    turn.emit({ type: 'kernel.apply', opId: this.#applying.opId, ops: due });
  }

  /** Says what passes beside the tunnels whenever that changes. */
  #tellBeside(routes: readonly WantedRoute[], turn: Turn): void {
    const before = [...this.#beside].join();
    this.#beside = new Map();
    for (const { destination, via } of routes) {
      if (via.kind !== 'device' || via.ifindex === this.#tun?.ifindex) continue;
      const uplink = this.#facts.find((facts) => facts.ifindex === via.ifindex)?.name ?? '';
      const known = this.#beside.get(uplink);
      if (known) known.push(formatPrefix(destination));
      else this.#beside.set(uplink, [formatPrefix(destination)]);
    }
    if ([...this.#beside].join() === before) return;
    const text = [...this.#beside].map(([uplink, all]) => `${all.slice(0, MOST_TOLD).join(', ')}${all.length > MOST_TOLD ? ` and ${all.length - MOST_TOLD} more` : ''} through ${uplink}`);
    turn.log('info', text.length === 0 ? 'nothing may pass beside the tunnels' : `may pass beside the tunnels, in clear text: ${text.join('; ')}`);
  }

  /** Destinations that an uplink now sends to in clear text although they belong to a tunnel: wanted, and in the kernel. */
  beside(uplink: string): readonly string[] {
    const wanted = this.#beside.get(uplink);
    const ifindex = this.#facts.find((facts) => facts.name === uplink)?.ifindex;
    if (!wanted || ifindex === undefined) return [];
    const installed = new Set(this.view.ownRoutes().filter((route) => route.ifindex === ifindex).map((route) => formatPrefix(route.destination)));
    return wanted.filter((destination) => installed.has(destination));
  }

  onKernel(input: Input, turn: Turn): boolean {
    switch (input.type) {
      case 'kernel.applied': {
        if (this.#applying?.opId !== input.opId) return true;
        const { last } = this.#applying;
        this.#applying = undefined;
        for (const { op, errno } of input.failures) {
          // Told once for as long as it is wanted and refused.
          if (!this.#refused.has(opKey(op))) turn.record({ type: 'kernel.failed', what: describeOp(op), errno });
          this.#refused.set(opKey(op), after(turn.now, REFUSED_RETRY));
        }
        // A change that was under way when the stop came is not the stop's own.
        if (last) this.#stopped = 'stopped';
        this.#timers.setIfEarlier('settle', after(turn.now, this.#pace));
        return true;
      }
      case 'kernel.snapshot':
      case 'kernel.link':
      case 'kernel.address':
      case 'kernel.route':
        this.view.handle(input);
        return true;
      default:
        return false;
    }
  }

  /** A clean stop: our routes go, but those that `block_on_stop` keeps. */
  stop(turn: Turn): void {
    if (this.#stopped !== 'no') return;
    this.#stopped = 'stopping';
    this.plan(turn);
  }

  /** The last act of a clean stop: the device goes, unless `block_on_stop` wants it to swallow what routes lead into it. */
  close(turn: Turn): void {
    if (this.#tun && !turn.config.connections.some((c) => c.enabled && c.blockOnStop)) turn.emit({ type: 'tun.close' });
  }
}

const opKey = (op: KernelOp): string => JSON.stringify(op);

function describeOp(op: KernelOp): string {
  if (op.op === 'link.set') return `link ${op.ifindex} up mtu ${op.mtu}`;
  if (op.op === 'address.add' || op.op === 'address.delete') return `${op.op} ${op.address} dev ${op.ifindex}`;
  const { via: how } = op.route;
  const via = how.kind === 'device' ? `dev ${how.ifindex}${how.gateway === undefined ? '' : ` via ${how.gateway}`}` : 'unreachable';
  return `${op.op} ${op.route.destination.address}/${op.route.destination.length} ${via}`;
}

/** One line for logs and events: `wan 192.0.2.10:4500 -> 203.0.113.1:4500`. */
export function pathText(path: Path): string {
  return `${path.uplink} ${formatEndpoint(path.local)} -> ${formatEndpoint(path.remote)}`;
}
