import { concat, earliest, after, keepNewest, millis, pathKey, samePath, TimerTable, type Instant, type IpAddress, type Millis, type Path } from '../base/index.ts';
import { EXCHANGE, type ExchangeName, type IkeSpi, type Payload } from '../codec/ike/index.ts';
import type { PeerChain } from './authentication.ts';
import { announceUse, removeChild, useChild, type ChildSa } from './child-sa.ts';
import { DELETE_TIME, REPLACED_TIME, TEMPORARY_MOST } from './constants.ts';
import type { Ctx } from './context.ts';
import { Exchanges, type Task } from './exchange.ts';
import { wipeKeyed, type Keyed } from './keyed.ts';
import { unjudged, type NatState } from './encapsulation.ts';
import { sealWithin } from './fragments.ts';
import { Inbox } from './inbox.ts';
import { settled, type Mobility } from './mobility.ts';
import { createChildTask } from './tasks/child-create.ts';
import { rekeyChildTask, rekeyDue } from './tasks/child-rekey.ts';
import type { Setup } from './tasks/ike-init.ts';
import { reauthenticate } from './tasks/ike-reauth.ts';
import { deleteChildTask, deleteIkeTask, deleteUnusedTask } from './tasks/informational.ts';
import { updateTask } from './tasks/ike-mobike.ts';
import { idleTime, keepaliveDue, keepMapping } from './tasks/keepalive.ts';
import { livenessDue, livenessTask } from './tasks/liveness.ts';
import { proceedTurn, recheckDue, routabilityTask } from './tasks/mobike-accept.ts';
import { proceedAddresses } from './tasks/mobike-addresses.ts';
import { conclude, rekeyIkeTask } from './tasks/ike-rekey.ts';
import type { ChainStatus, CloseReason, IkeConnection, IkeEvent, IkeIdentity, Traffic } from './types.ts';

/**
 *   initSent -(IKE_SA_INIT answer)-> authSent -(IKE_AUTH answer)-> established      original initiator
 *   halfOpen -(IKE_AUTH request)-> established                                      original responder
 *   undecided -(it won, or there is no other)-> established                          successor while both rekey, I2.8.2-1
 *   established -(successor adopted)-> rekeyed -(Delete answered or received)-> dead
 *   established -(close)-> deleting -(Delete answered, or DELETE_TIME)-> dead
 *   any -(peer deletes, fatal error, HOLD_TIME without answer)-> dead
 */
export type IkeState = 'initSent' | 'authSent' | 'halfOpen' | 'undecided' | 'established' | 'rekeyed' | 'deleting' | 'dead';

type TimerName = 'softLifetime' | 'hardLifetime' | 'halfOpen' | 'liveness' | 'keepalive' | 'children' | 'routability' | 'recheck' | 'candidates' | 'reauth' | 'replaced' | 'addresses' | 'update';

export interface IkeSaInit {
  readonly chain: number;
  readonly name: string;
  readonly connection: IkeConnection | undefined;
  readonly originalInitiator: boolean;
  /** M1.3-1: the initiator of the first IKE SA of the chain, whoever rekeyed since. */
  readonly mobikeRole: 'initiator' | 'responder';
  readonly state: IkeState;
  readonly spiI: IkeSpi;
  readonly spiR: IkeSpi;
  readonly path: Path;
  readonly setup: Setup | undefined;
}

interface IkeRace {
  readonly theirs: IkeSa;
  readonly ni: Uint8Array;
  readonly nr: Uint8Array;
}

interface MissingChild {
  readonly at: Instant;
  /** The last wait before the next attempt. */
  readonly wait: Millis;
  /** It ran out and could not be rekeyed. */
  readonly lastResort?: boolean;
}

/** One IKE SA: its state, the routing of its messages, its timers. Behaviour lives in `tasks/`. */
export class IkeSa {
  readonly chain: number;
  name: string;
  connection: IkeConnection | undefined;
  readonly originalInitiator: boolean;
  readonly mobikeRole: 'initiator' | 'responder';
  state: IkeState;
  readonly spiI: IkeSpi;
  spiR: IkeSpi;
  path: Path;
  setup: Setup | undefined;
  localId: IkeIdentity | undefined;
  peerId: IkeIdentity | undefined;
  /** The peer's certificates while nobody could look at their dates yet (I3.6-2). */
  undated: PeerChain | undefined;
  establishedAt: Instant | undefined;
  /** Both sides can join fragments (FR2.3-1). */
  fragmentation = false;
  /** The peer said in IKE_SA_INIT that it knows padded requests (F-4). */
  takesPadding = false;
  /** When the peer was last told of ESP under an SPI that is not ours. */
  toldInvalidSpi: Instant | undefined;
  /** Virtual addresses of this chain: an initiator's own, a responder's peer's (RFC 7296 §2.19). */
  vips: readonly IpAddress[] = [];
  natLocal = false;
  natRemote = false;
  nat: NatState = unjudged();
  mobility: Mobility = settled();
  readonly children = new Map<number, ChildSa>();
  readonly rtt = new Map<string, Millis>();
  readonly exchanges = new Exchanges(this);
  readonly inbox = new Inbox(this);
  /** The IKE SA that this one replaced, while it waits for its Delete. */
  predecessor: IkeSa | undefined;
  successor: IkeSa | undefined;
  /** The successor that the peer made while a rekeying of ours was on its way, with the nonces of its exchange (I2.8.2-1). */
  race: IkeRace | undefined;
  /** A successor beside this one that the peer is to delete. */
  rival: IkeSa | undefined;
  /** An initiator's SAs made of answers to this attempt's IKE_SA_INIT, until one is authenticated; of such a candidate, its attempt (I2.4-5). */
  readonly candidates: IkeSa[] = [];
  attempt: IkeSa | undefined;
  /** Told when `deadline` may be another. */
  onTouch: (() => void) | undefined;
  readonly timers = new TimerTable<TimerName>(() => this.touch());
  traffic: Traffic = { lastInbound: undefined, lastOutbound: undefined, lastAny: undefined };
  trafficActive: Millis = millis(1000);
  /** Last fresh IKE message on the current path. */
  lastIke: Instant | undefined;
  /** When traffic began to flow out that nothing has answered yet. */
  unansweredSince: Instant | undefined;
  lastSent: Instant | undefined;
  /** The share of the keepalive interval that this silence lasts (NK-4). */
  keepaliveShare: number | undefined;
  /** The path whose mapping is kept, and when a second packet is to follow the one that opened it. */
  kept: { readonly path: Path; readonly confirmAt: Instant | undefined } | undefined;
  /** Last response, on whatever path. */
  lastAnswer: Instant | undefined;
  /** Child configurations that are to be made again, and not before when. */
  readonly missing = new Map<string, MissingChild>();
  /** Child configurations that are to stay down until they are wanted again. */
  readonly unwanted = new Set<string>();
  /** The peer has answered CREATE_CHILD_SA with nothing but TEMPORARY_FAILURE since then (I2.25-2). */
  temporarySince: Instant | undefined;
  /** When who we are is to be proven anew, and whether an attempt is under way (I2.8.3-1). */
  reauthAt: Instant | undefined;
  reauthWait = millis(0);
  isReauthenticating = false;
  /** The last wait before this SA was to be rekeyed again. */
  rekeyWait = millis(0);
  #keyed: Keyed | undefined;
  /** A protected message of the peer came on this SA. */
  #isHeard = false;

  constructor(init: IkeSaInit) {
    this.chain = init.chain;
    this.name = init.name;
    this.connection = init.connection;
    this.originalInitiator = init.originalInitiator;
    this.mobikeRole = init.mobikeRole;
    this.state = init.state;
    this.spiI = init.spiI;
    this.spiR = init.spiR;
    this.path = init.path;
    this.setup = init.setup;
  }

  touch(): void {
    this.onTouch?.();
  }

  get localSpi(): IkeSpi {
    return this.originalInitiator ? this.spiI : this.spiR;
  }
  /** The peer has used this SA, so it knows it. */
  get isHeard(): boolean {
    return this.#isHeard;
  }
  get isDead(): boolean {
    return this.state === 'dead';
  }
  get isEstablished(): boolean {
    return this.state === 'established';
  }

  /** How ESP leaves on the current path. */
  get encapsulation(): 'udp' | 'none' {
    return this.nat.encapsulated ? 'udp' : 'none';
  }

  /** The IKE SA that has this one's Child SAs now. */
  get latest(): IkeSa {
    return this.successor?.latest ?? this;
  }

  setKeys(keyed: Keyed): void {
    this.#keyed = keyed;
  }

  get hasKeys(): boolean {
    return this.#keyed !== undefined;
  }

  /** Keys of this SA; only asked for once they exist. */
  keyed(): Keyed {
    if (!this.#keyed) throw new Error('IKE SA without keys');
    return this.#keyed;
  }

  get proposal(): string {
    return this.#keyed?.proposal ?? '';
  }

  // ---- sending ------------------------------------------------------------------------------------------------------

  /** RFC 3948 §2.2: away from port 500 an IKE message starts with four zero octets. */
  transmit(path: Path, datagrams: readonly Uint8Array[], ctx: Ctx, whole = false): void {
    const dscp = this.connection?.ikeDscp ?? 0;
    for (const bytes of datagrams) ctx.emit({ type: 'packet.send', path, bytes: path.local.port === 500 ? bytes : concat(new Uint8Array(4), bytes), ...(dscp === 0 ? {} : { dscp }), ...(whole ? { whole } : {}) });
    if (samePath(path, this.path)) this.lastSent = ctx.now;
  }

  /** A protected message of this SA as the datagrams to send, cut up when it exceeds `limit` octets and the peer can join it (RFC 7383). */
  seal(exchange: number, messageId: number, isResponse: boolean, payloads: readonly Payload[], limit: number): Uint8Array[] {
    const { spiI, spiR, originalInitiator } = this;
    const header = { spiI, spiR, majorVersion: 2, minorVersion: 0, exchange, fromOriginalInitiator: originalInitiator, isResponse, messageId };
    return sealWithin(this.keyed().protection, header, payloads, this.fragmentation ? limit : undefined);
  }

  encodeRequest(exchange: ExchangeName, messageId: number, payloads: readonly Payload[], limit: number): Uint8Array[] {
    if (exchange === 'IKE_SA_INIT') return [this.setup?.request ?? new Uint8Array()];
    return this.seal(EXCHANGE[exchange], messageId, false, payloads, limit);
  }

  event(event: IkeEvent, ctx: Ctx): void {
    ctx.emit({ type: 'event', event });
  }

  log(level: 'warn' | 'info' | 'debug', text: string, ctx: Ctx): void {
    ctx.emit({ type: 'log', level, text: `${this.name}[${this.chain}]: ${text}` });
  }

  /** The task that goes before all waiting ones: a pending address update (M3.5-7). */
  urgentTask(): Task | undefined {
    if ((this.state !== 'established' && this.state !== 'rekeyed') || !this.mobility.pending || this.mobikeRole !== 'initiator') return undefined;
    return updateTask(this);
  }

  /** A fresh protected message came on `path`. */
  heard(path: Path, ctx: Ctx): void {
    if (!this.#isHeard) this.#firstHeard(ctx);
    // D5.5.2-3: only messages on the current path prove the current path.
    if (!samePath(path, this.path)) return;
    this.lastIke = ctx.now;
    this.unansweredSince = undefined;
  }

  /** The peer knows this SA: what it replaced has nothing to ask any more, and waits for its Delete not much longer. */
  #firstHeard(ctx: Ctx): void {
    this.#isHeard = true;
    const old = this.predecessor;
    if (!old || old.isDead || old.exchanges.has('ikeDelete') || this.state === 'undecided') return;
    old.mobility.pending = undefined;
    // What may have made the peer a second successor must be answered, for that one to be deleted.
    if (!old.exchanges.has('ikeRekey')) old.exchanges.abandonAll(ctx);
    old.timers.set('hardLifetime', after(ctx.now, REPLACED_TIME));
  }

  // ---- life ---------------------------------------------------------------------------------------------------------

  /** What must follow every step: the next request, and timers that depend on what changed. */
  afterwards(ctx: Ctx): void {
    if (this.isDead) return;
    this.exchanges.pump(ctx);
    this.schedule(ctx);
  }

  schedule(ctx: Ctx): void {
    if (this.isDead) return;
    const check = this.isEstablished && !this.exchanges.asksCurrent ? livenessDue(this, ctx.now, idleTime(this, ctx)) : undefined;
    if (check === undefined) this.timers.clear('liveness');
    else this.timers.set('liveness', check);
    const recheck = recheckDue(this);
    if (recheck === undefined) this.timers.clear('recheck');
    else this.timers.set('recheck', recheck);
    const keepalive = keepaliveDue(this, ctx);
    if (keepalive === undefined) this.timers.clear('keepalive');
    else this.timers.set('keepalive', keepalive);
    let due: Instant | undefined;
    for (const child of this.children.values()) due = earliest(due, child.useAt, child.deleteAt, rekeyDue(child), child.hardAt);
    for (const entry of this.missing.values()) due = earliest(due, entry.at);
    if (due === undefined || this.state !== 'established') this.timers.clear('children');
    else this.timers.set('children', due);
  }

  get deadline(): Instant | undefined {
    return this.isDead ? undefined : earliest(this.exchanges.deadline, this.timers.next());
  }

  tick(ctx: Ctx): void {
    this.exchanges.tick(ctx);
    for (const name of this.timers.takeDue(ctx.now)) {
      if (this.isDead) return;
      this.#onTimer(name, ctx);
    }
    this.afterwards(ctx);
  }

  #onTimer(name: TimerName, ctx: Ctx): void {
    switch (name) {
      case 'softLifetime':
        if (this.isEstablished && !this.exchanges.has('ikeRekey')) this.exchanges.enqueue(rekeyIkeTask(this, ctx));
        return;
      case 'hardLifetime':
        return this.isEstablished ? this.shutDown('lifetime_expired', ctx, 'the IKE SA could not be rekeyed in time') : this.die(ctx);
      case 'reauth':
        return reauthenticate(this, ctx);
      case 'replaced':
        return this.shutDown('replaced', ctx);
      case 'halfOpen':
        return this.die(ctx);
      case 'liveness':
        return this.checkLiveness(ctx);
      case 'keepalive':
        return keepMapping(this, ctx);
      case 'candidates':
        if (this.candidates.length > 0) return;
        return this.close(this.setup?.failure?.reason ?? 'timeout', this.setup?.failure?.detail ?? '', ctx);
      case 'routability':
        return proceedTurn(this, ctx);
      case 'recheck':
        return this.exchanges.enqueue(routabilityTask(true));
      case 'addresses':
        return this.isEstablished ? proceedAddresses(this, ctx) : undefined;
      case 'update':
        if (this.mobility.pending) this.mobility.pending.due = true;
        return;
      case 'children':
        return this.#childrenDue(ctx);
    }
  }

  /** Asks for a sign of life on the current path; what is outstanding on another is one when it is asked here too (D6.2-2). */
  checkLiveness(ctx: Ctx): void {
    // M3.7-9: a check with COOKIE2 is one of return routability, too.
    if (this.exchanges.idle) this.exchanges.enqueue(this.timers.has('recheck') ? routabilityTask(true) : livenessTask(undefined));
    else this.exchanges.finish(ctx);
  }

  #childrenDue(ctx: Ctx): void {
    for (const child of [...this.children.values()]) {
      if (child.hardAt <= ctx.now) {
        // I2.8-4: past its hard lifetime an SA is not used, whatever became of its rekeying.
        removeChild(this, child, ctx);
        if (child.state === 'rekeyed' || child.state === 'deleting') continue;
        this.exchanges.enqueue(deleteUnusedTask(ctx.host.keepChildSpi(child.spiIn)));
        this.event({ type: 'child.closed', chain: this.chain, connection: this.name, child: child.config.name, reason: 'lifetime_expired' }, ctx);
        if (this.mobikeRole === 'initiator') this.missing.set(child.config.name, { at: ctx.now, wait: millis(0), lastResort: true });
        continue;
      }
      if (child.useAt !== undefined && child.useAt <= ctx.now) {
        useChild(this, child, ctx);
        announceUse(this, ctx);
      }
      if (child.deleteAt !== undefined && child.deleteAt <= ctx.now) {
        child.deleteAt = undefined;
        this.exchanges.enqueue(deleteChildTask(child), true);
      }
      const due = rekeyDue(child);
      if (due !== undefined && due <= ctx.now) this.exchanges.enqueue(rekeyChildTask(this, child));
    }
    for (const [name, entry] of [...this.missing]) {
      if (entry.at > ctx.now) continue;
      this.missing.delete(name);
      const config = this.connection?.children.find((c) => c.name === name);
      if (config) this.exchanges.enqueue(createChildTask(config, entry));
    }
  }

  /** I2.25-2: a peer that says "later" for minutes is out of step with us; only a new IKE SA helps. */
  temporaryFailure(ctx: Ctx): void {
    this.temporarySince ??= ctx.now;
    if (ctx.now >= after(this.temporarySince, TEMPORARY_MOST)) this.shutDown('timeout', ctx, 'the peer has put everything off for minutes');
  }

  noteRtt(path: Path, rtt: Millis): void {
    const key = pathKey(path);
    const old = this.rtt.get(key);
    keepNewest(this.rtt, key, old === undefined ? rtt : millis(old * 0.875 + rtt * 0.125), 16);
  }

  /** Ends the SA by our will: Delete goes out, state goes at once except what the Delete needs. */
  shutDown(reason: CloseReason, ctx: Ctx, detail = ''): void {
    if (this.state === 'deleting') return;
    if (conclude(this, ctx)) return this.latest.shutDown(reason, ctx, detail);
    if (this.state !== 'established') return this.close(reason, detail, ctx);
    this.state = 'deleting';
    this.#dropChildren(ctx);
    this.timers.clearAll();
    for (const task of this.exchanges.takeWaiting()) task.release?.(ctx);
    this.timers.set('hardLifetime', after(ctx.now, DELETE_TIME));
    this.exchanges.enqueue(deleteIkeTask());
    // The window is 1 (I2.3-1): what is outstanding has to be answered first, so it goes to where answers are likeliest.
    this.exchanges.finish(ctx);
    this.exchanges.pump(ctx);
    this.event({ type: 'ike.closed', chain: this.chain, connection: this.name, reason, detail }, ctx);
  }

  /** Ends the SA at once, telling the daemon why. */
  close(reason: CloseReason, detail: string, ctx: Ctx): void {
    const told = this.state === 'authSent' || this.state === 'initSent';
    const up = this.state === 'established';
    const setup = this.setup;
    this.die(ctx);
    if (up) this.event({ type: 'ike.closed', chain: this.chain, connection: this.name, reason, detail }, ctx);
    else if (told && setup) {
      setup.failure = { reason, detail };
      ctx.host.lost(this, ctx);
    }
  }

  #dropChildren(ctx: Ctx): void {
    for (const child of [...this.children.values()]) removeChild(this, child, ctx);
  }

  /** Forgets everything: keys wiped, children removed, SPIs free. */
  die(ctx: Ctx): void {
    if (this.isDead) return;
    this.#dropChildren(ctx);
    const wasUndecided = this.state === 'undecided';
    this.state = 'dead';
    if (this.race?.theirs.state === 'undecided') this.race.theirs.die(ctx);
    for (const candidate of this.candidates.splice(0)) candidate.die(ctx);
    // What it replaced waits for a Delete of the peer, which has gone with this one; a Delete of ours is still told.
    if (this.predecessor && !wasUndecided && !this.predecessor.exchanges.has('ikeDelete')) this.predecessor.die(ctx);
    this.predecessor = undefined;
    this.rival?.die(ctx);
    this.rival = undefined;
    this.timers.clearAll();
    this.exchanges.abandonAll(ctx);
    this.setup?.dh?.wipe();
    if (this.#keyed) wipeKeyed(this.#keyed);
    ctx.host.retire(this, ctx);
  }

  status(): ChainStatus {
    return {
      chain: this.chain, connection: this.name, role: this.mobikeRole, state: this.state, peer: this.peerId?.text, path: this.path,
      vips: this.vips, mobike: this.mobility.supported, natLocal: this.natLocal, natRemote: this.natRemote, encapsulation: this.encapsulation, establishedAt: this.establishedAt,
      spiI: this.spiI, spiR: this.spiR, proposal: this.proposal, rekeyAt: this.timers.get('softLifetime'),
      children: [...this.children.values()].map((c) => ({
        name: c.config.name, child: c.child, state: c.state, inHandle: c.handleIn, outHandle: c.outGone ? 0 : c.handleOut, spiIn: c.spiIn, spiOut: c.spiOut,
        proposal: c.proposal, local: c.local, remote: c.remote, rekeyAt: c.softAt,
      })),
    };
  }
}
