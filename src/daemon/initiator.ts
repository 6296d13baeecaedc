import { after, Backoff, earliest, millis, randomFraction, seconds, type Instant, type IpAddress, type IpFamily, type Millis, type Path, type UplinkFacts } from '../base/index.ts';
import type { ConnectionConfig } from '../config/index.ts';
import type { IkeEvent, IkeInput } from '../ike/index.ts';
import type { DaemonDeps, Turn } from './context.ts';
import { setupPaths } from './paths.ts';
import { Remotes, type Whereabouts } from './remotes.ts';

/**
 * One connection that we initiate, for ever:
 *
 *   down      -(up)-> waiting                      by the user
 *   waiting   -(an uplink has an address)-> resolving | connecting
 *   resolving -(addresses)-> connecting            -(nothing)-> backoff
 *   connecting-(established)-> up                  -(failed)-> backoff
 *   backoff   -(time, or a new uplink)-> waiting
 *   up        -(closed)-> backoff                  -(down)-> down
 *
 * While `up`, an SA that nobody answers is not waited for: attempts beside it are made, and whichever path brings an
 * answer first wins (F-8: make before break).
 */
export type InitiatorState = 'down' | 'waiting' | 'resolving' | 'connecting' | 'up' | 'backoff';

const BACKOFF = { first: seconds(1), factor: 2, most: seconds(60), jitter: 0.2 };
/** A refused authentication does not get better by asking often (I2.21-2). */
const REFUSED_WAIT: Millis = seconds(60);
/** After a connection that had been up this long, the first retry is immediate. */
const WAS_STABLE: Millis = seconds(30);
/** An SA that nobody answered has this long to be answered over an uplink that came up, before another attempt beside it. */
const UPLINK_GAINED: Millis = seconds(2);
/** Addresses kept of one connection's names. */
const REMOTES_MOST = 16;

export interface InitiatorHost {
  readonly deps: DaemonDeps;
  ike(input: IkeInput): void;
  candidates(connection: string): readonly UplinkFacts[];
  /** The user took the connection down. */
  stopped(connection: string): void;
  /** The chain moved or went: tell the policy. */
  using(connection: string, path: Path | undefined): void;
}

export class Initiator {
  readonly name: string;
  config: ConnectionConfig;
  state: InitiatorState = 'waiting';
  chain: number | undefined;
  path: Path | undefined;
  establishedAt: Instant | undefined;
  /** Since when the peer's end of the path is the address it is. */
  #remoteSince: Instant | undefined;
  /** Why it is not up, in words of the last failure. */
  reason = '';
  readonly peer = new Remotes();
  readonly #host: InitiatorHost;
  readonly #backoff = new Backoff(BACKOFF);
  #resolving = new Map<number, number>();
  #resolved: IpAddress[][] = [];
  #nextAt: Instant | undefined;
  /** The established SA is not answered on any path. */
  #unreachable = false;
  #refused = false;

  constructor(config: ConnectionConfig, host: InitiatorHost) {
    this.name = config.name;
    this.config = config;
    this.#host = host;
    this.peer.known = config.remoteAddrs.flatMap((a) => (a.kind === 'address' ? [a.address] : []));
  }

  get deadline(): Instant | undefined {
    return earliest(this.#nextAt);
  }

  get retryAt(): Instant | undefined {
    return this.#nextAt;
  }

  /** Families the peer may be reached by; empty while only names are known. */
  get families(): readonly IpFamily[] {
    return this.peer.families;
  }

  /** Addresses it may be reached at. */
  get remotes(): readonly IpAddress[] {
    return this.peer.all;
  }

  get whereabouts(): Whereabouts | undefined {
    return this.path && this.#remoteSince !== undefined ? { path: this.path, remoteSince: this.#remoteSince } : undefined;
  }

  #goTo(path: Path, turn: Turn): void {
    if (this.path?.remote.address !== path.remote.address) this.#remoteSince = turn.now;
    this.path = path;
    this.#host.using(this.name, path);
  }

  /** Does what is due: called on a tick, and whenever uplinks changed. */
  advance(turn: Turn): void {
    if (this.#nextAt !== undefined && this.#nextAt <= turn.now) {
      this.#nextAt = undefined;
      if (this.state === 'backoff') this.state = 'waiting';
      else if (this.state === 'up' && this.#unreachable) this.#again(turn);
    }
    if (this.state === 'waiting') this.#start(turn);
  }

  /** An uplink came up: what failed for want of one is tried at once. */
  uplinkGained(turn: Turn): void {
    if (this.state === 'backoff' && !this.#refused) {
      this.state = 'waiting';
      this.#nextAt = undefined;
    }
    // The SA that nobody answered is asked over it first; a peer that has lost the SA will not answer there either.
    if (this.state === 'up' && this.#unreachable) this.#nextAt = earliest(this.#nextAt, after(turn.now, UPLINK_GAINED));
    this.advance(turn);
  }

  up(turn: Turn): void {
    if (this.state !== 'down' && this.state !== 'backoff') return;
    this.state = 'waiting';
    this.#backoff.reset();
    this.#nextAt = undefined;
    this.advance(turn);
  }

  down(): void {
    this.#host.ike({ type: 'connection.terminate', connection: this.name });
    this.state = 'down';
    this.reason = 'stopped by the user';
    this.#nextAt = undefined;
    this.#unreachable = false;
    this.#resolving.clear();
    this.#lose();
    this.#host.stopped(this.name);
  }

  /** Makes another IKE SA beside the one that is up; that one goes when the new one is there. */
  renew(turn: Turn): void {
    if (this.state === 'up') this.#connect(turn);
  }

  #lose(): void {
    this.chain = undefined;
    this.path = undefined;
    this.#remoteSince = undefined;
    this.peer.forget();
    this.establishedAt = undefined;
    this.#host.using(this.name, undefined);
  }

  #start(turn: Turn): void {
    const uplinks = this.#host.candidates(this.name);
    const first = uplinks[0];
    if (!first) {
      this.reason = 'no uplink is up';
      return;
    }
    if (!this.#hasNames) return this.#connect(turn);
    this.state = 'resolving';
    this.#lookUp(uplinks, first, turn);
  }

  /** A further attempt beside an SA that nobody answers: the hub may have moved, and its name with it (F-8). */
  #again(turn: Turn): void {
    const uplinks = this.#host.candidates(this.name);
    const first = uplinks[0];
    if (first && this.#hasNames) this.#lookUp(uplinks, first, turn);
    else this.#connect(turn);
  }

  get #hasNames(): boolean {
    return this.config.remoteAddrs.some((a) => a.kind === 'name');
  }

  #lookUp(uplinks: readonly UplinkFacts[], first: UplinkFacts, turn: Turn): void {
    this.#resolving.clear();
    this.#resolved = this.config.remoteAddrs.map((a) => (a.kind === 'address' ? [a.address] : []));
    this.config.remoteAddrs.forEach((remote, index) => {
      if (remote.kind !== 'name') return;
      const opId = turn.nextOpId();
      this.#resolving.set(opId, index);
      // The best uplink may be the dead one: each try asks through the next.
      const via = uplinks[this.#backoff.tries % uplinks.length] ?? first;
      turn.emit({ type: 'resolver.resolve', opId, name: remote.name, servers: via.dnsServers, ifindex: via.ifindex, mark: 0 });
    });
  }

  /** Takes the answer of a look-up of ours; false when it is somebody else's. */
  resolved(opId: number, addresses: readonly IpAddress[], why: string | undefined, turn: Turn): boolean {
    const index = this.#resolving.get(opId);
    if (index === undefined) return false;
    this.#resolving.delete(opId);
    this.#resolved[index] = [...addresses];
    if (why !== undefined && this.state !== 'up') this.reason = `name look-up: ${why}`;
    if (this.#resolving.size > 0) return true;
    const found = this.#resolved.flat().slice(0, REMOTES_MOST);
    // An old answer is better than none: the hub has probably not moved.
    if (found.length > 0) {
      this.peer.known = [...new Set(found)];
      this.#host.ike({ type: 'remotes.set', connection: this.name, addresses: this.peer.known });
    }
    if (this.state === 'up' && this.#unreachable) this.#connect(turn);
    if (this.state !== 'resolving') return true;
    if (this.remotes.length === 0) this.#wait(this.reason || 'the name has no address', undefined, turn);
    else this.#connect(turn);
    return true;
  }

  #connect(turn: Turn): void {
    const paths = setupPaths(this.config, this.#host.candidates(this.name), this.remotes);
    const first = paths[0];
    if (!first) {
      if (this.state === 'up') return this.#againLater(turn);
      this.state = 'waiting';
      this.reason = 'no uplink reaches an address of the peer';
      return;
    }
    if (this.state !== 'up') {
      this.state = 'connecting';
      turn.record({ type: 'connection.connecting', connection: this.name, uplink: first.uplink, remote: first.remote.address });
    }
    this.#host.ike({ type: 'connection.initiate', connection: this.name, paths });
  }

  #againLater(turn: Turn): void {
    this.#nextAt = after(turn.now, this.#backoff.next(randomFraction(this.#host.deps.entropy, 'connect-backoff')));
  }

  #wait(reason: string, least: Millis | undefined, turn: Turn): void {
    const delay = this.#backoff.next(randomFraction(this.#host.deps.entropy, 'connect-backoff'));
    this.reason = reason;
    this.state = 'backoff';
    this.#nextAt = after(turn.now, millis(Math.max(delay, least ?? 0)));
  }

  /** Follows what the engine tells about our SAs. */
  onIke(event: IkeEvent, turn: Turn): void {
    switch (event.type) {
      case 'ike.established': {
        const old = this.chain;
        this.state = 'up';
        this.reason = '';
        this.chain = event.chain;
        // What the old SA's peer told and answered is history; the new one says it anew.
        if (old !== event.chain) this.peer.forget();
        this.establishedAt = turn.now;
        this.#unreachable = false;
        this.#refused = false;
        this.#nextAt = undefined;
        this.#backoff.reset();
        this.#goTo(event.path, turn);
        if (old !== undefined && old !== event.chain && event.replaces !== old) this.#host.ike({ type: 'chain.close', chain: old, reason: 'replaced', path: event.path });
        return;
      }
      case 'ike.failed':
        if (this.state === 'up') return this.#unreachable ? this.#againLater(turn) : undefined;
        if (this.state === 'down') return;
        this.#refused = event.reason === 'authentication_failed';
        this.#wait(event.detail || event.reason, this.#refused ? REFUSED_WAIT : undefined, turn);
        turn.record({ type: 'connection.closed', connection: this.name, reason: this.reason, retry_ms: Math.round((this.#nextAt ?? turn.now) - turn.now) });
        return;
      case 'ike.closed': {
        if (event.chain !== this.chain) return;
        const stable = this.establishedAt !== undefined && turn.now - this.establishedAt >= WAS_STABLE;
        this.#lose();
        if (this.state === 'down') return;
        if (stable) {
          this.state = 'backoff';
          this.reason = event.detail || event.reason;
          this.#nextAt = turn.now;
        } else this.#wait(event.detail || event.reason, undefined, turn);
        return;
      }
      case 'ike.unreachable':
        if (event.chain !== this.chain || this.state !== 'up') return;
        this.#unreachable = true;
        if (this.#nextAt === undefined) this.#connect(turn);
        return;
      case 'path.answered':
        if (event.chain === this.chain && this.#unreachable) {
          this.#unreachable = false;
          this.#nextAt = undefined;
          this.#backoff.reset();
        }
        return;
      case 'path.moving':
        if (event.chain === this.chain) this.#goTo(event.to, turn);
        return;
      case 'peer.addresses':
        if (event.chain === this.chain) this.peer.tell(event.addresses);
        return;
      default:
        return;
    }
  }
}
