import { concat, earliest, after, millis, pathKey, sameBytes, samePath, TimerTable, type Instant, type Millis, type Path } from '../base/index.ts';
import { decodeChain, EXCHANGE, findNotify, findPayload, notify, type DecodedChain, type ExchangeName, type IkeHeader, type IkeSpi, type Payload } from '../codec/ike/index.ts';
import { removeChild, useChild, type ChildSa } from './child-sa.ts';
import { DELETE_TIME, KEEPALIVE } from './constants.ts';
import type { Ctx } from './context.ts';
import { Exchanges, type Task } from './exchange.ts';
import { wipeKeyed, type Keyed } from './keyed.ts';
import { checkRules } from './message-rules.ts';
import { createChildTask, respondCreateChild } from './tasks/child-create.ts';
import { rekeyChildTask, rekeyDue } from './tasks/child-rekey.ts';
import { onInitMessage, type Setup } from './tasks/ike-init.ts';
import { respondAuth } from './tasks/ike-auth.ts';
import { deleteIkeTask, deleteUnusedTask, respondInformational } from './tasks/informational.ts';
import { livenessDue, livenessTask, proceedTurn, settled, updateTask, type Mobility } from './tasks/ike-mobike.ts';
import { rekeyIkeTask } from './tasks/ike-rekey.ts';
import type { ChainStatus, CloseReason, IkeConnection, IkeEvent, IkeIdentity, Traffic } from './types.ts';

/**
 *   initSent -(IKE_SA_INIT answer)-> authSent -(IKE_AUTH answer)-> established      original initiator
 *   halfOpen -(IKE_AUTH request)-> established                                      original responder
 *   established -(successor adopted)-> rekeyed -(Delete answered or received)-> dead
 *   established -(close)-> deleting -(Delete answered, or DELETE_TIME)-> dead
 *   any -(peer deletes, fatal error, HOLD_TIME without answer)-> dead
 */
export type IkeState = 'initSent' | 'authSent' | 'halfOpen' | 'established' | 'rekeyed' | 'deleting' | 'dead';

const TIMERS = ['softLifetime', 'hardLifetime', 'halfOpen', 'liveness', 'keepalive', 'children', 'routability'] as const;
type TimerName = (typeof TIMERS)[number];

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
  establishedAt: Instant | undefined;
  natLocal = false;
  natRemote = false;
  mobility: Mobility = settled();
  readonly children = new Map<number, ChildSa>();
  readonly rtt = new Map<string, Millis>();
  readonly exchanges = new Exchanges(this);
  /** The IKE SA that this one replaced, while it waits for its Delete. */
  predecessor: IkeSa | undefined;
  successor: IkeSa | undefined;
  readonly timers = new TimerTable<TimerName>();
  traffic: Traffic = { lastInbound: undefined, lastOutbound: undefined, lastAny: undefined };
  trafficActive: Millis = millis(1000);
  /** Last fresh IKE message on the current path. */
  lastIke: Instant | undefined;
  /** When traffic began to flow out that nothing has answered yet. */
  unansweredSince: Instant | undefined;
  lastSent: Instant | undefined;
  /** Last response, on whatever path. */
  lastAnswer: Instant | undefined;
  /** Child configurations that are to be made again, and not before when. */
  readonly missing = new Map<string, { readonly at: Instant; readonly wait: Millis }>();
  rekeyNotBefore: Instant | undefined;
  #keyed: Keyed | undefined;
  #expectedId = 0;
  #answered: { readonly request: Uint8Array; readonly response: Uint8Array } | undefined;

  /** The last request and what it was answered, for those who did not hear the answer. */
  get answered(): { readonly request: Uint8Array; readonly response: Uint8Array } | undefined {
    return this.#answered;
  }

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

  /** The responder of IKE_SA_INIT expects IKE_AUTH, message ID 1, next (I2.2-1). */
  expectAuth(): void {
    this.#expectedId = 1;
  }

  get localSpi(): IkeSpi {
    return this.originalInitiator ? this.spiI : this.spiR;
  }
  get isDead(): boolean {
    return this.state === 'dead';
  }
  get isEstablished(): boolean {
    return this.state === 'established';
  }

  /** The IKE SA that has this one's Child SAs now. */
  get latest(): IkeSa {
    return this.successor?.latest ?? this;
  }

  setKeys(keyed: Keyed): void {
    this.#keyed = keyed;
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
  transmit(path: Path, bytes: Uint8Array, ctx: Ctx): void {
    ctx.emit({ type: 'packet.send', path, bytes: path.local.port === 500 ? bytes : concat(new Uint8Array(4), bytes) });
    if (samePath(path, this.path)) this.lastSent = ctx.now;
  }

  #header(exchange: number, messageId: number, isResponse: boolean): Omit<IkeHeader, 'length' | 'nextPayload'> {
    return { spiI: this.spiI, spiR: this.spiR, majorVersion: 2, minorVersion: 0, exchange, fromOriginalInitiator: this.originalInitiator, isResponse, messageId };
  }

  encodeRequest(exchange: ExchangeName, messageId: number, payloads: readonly Payload[]): Uint8Array {
    if (exchange === 'IKE_SA_INIT') return this.setup?.request ?? new Uint8Array();
    return this.keyed().protection.seal(this.#header(EXCHANGE[exchange], messageId, false), payloads);
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

  // ---- receiving ----------------------------------------------------------------------------------------------------

  /** Handles a message whose SPIs are ours. `message` is without marker and belongs to the caller. */
  receive(header: IkeHeader, message: Uint8Array, path: Path, ctx: Ctx): void {
    if (this.isDead || header.fromOriginalInitiator === this.originalInitiator) return;
    const outer = decodeChain(header.nextPayload, message, 28, message.length);
    if (header.exchange === EXCHANGE.IKE_SA_INIT) {
      if (header.isResponse && outer.kind === 'payloads' && this.state === 'initSent') onInitMessage(this, header, outer.payloads, message, path, ctx);
      return;
    }
    if (!this.#keyed || outer.kind === 'malformed') return;
    const sk = findPayload(outer.payloads, 'SK');
    if (!sk) {
      if (outer.kind === 'payloads' && header.isResponse) this.#unprotectedResponse(header, outer.payloads, ctx);
      return;
    }
    // What stands before SK is authenticated with it, but means nothing unless it is critical (I2.5-2, I2.5-3).
    const open = (): DecodedChain | undefined => {
      const inner = this.#keyed?.protection.open(message, sk);
      return inner?.kind === 'payloads' && outer.kind === 'critical' ? { ...outer, payloads: inner.payloads } : inner;
    };
    if (header.isResponse) this.#response(header, open, path, ctx);
    else this.#request(header, message, open, path, ctx);
  }

  /** I2.4-2, I2.21.4-1: an unprotected notice is a hint to check, and changes nothing. */
  #unprotectedResponse(header: IkeHeader, payloads: readonly Payload[], ctx: Ctx): void {
    const request = this.exchanges.outstanding;
    if (!request || request.messageId !== header.messageId || request.unreachableTold || !this.isEstablished) return;
    if (!findNotify(payloads, 'INVALID_IKE_SPI')) return;
    // The peer asked for this SA and has not heard our answer yet; it asks again.
    if (this.predecessor && !this.predecessor.isDead) return;
    request.unreachableTold = true;
    this.event({ type: 'ike.unreachable', chain: this.chain, connection: this.name, hint: 'invalid_ike_spi' }, ctx);
  }

  #fresh(path: Path, ctx: Ctx): void {
    // D5.5.2-3: only messages on the current path prove the current path.
    if (samePath(path, this.path)) {
      this.lastIke = ctx.now;
      this.unansweredSince = undefined;
    }
  }

  #response(header: IkeHeader, open: () => DecodedChain | undefined, path: Path, ctx: Ctx): void {
    const outstanding = this.exchanges.outstanding;
    if (!outstanding || outstanding.messageId !== header.messageId || EXCHANGE[outstanding.task.exchange] !== header.exchange) return;
    const inner = open();
    if (!inner) return;
    this.#fresh(path, ctx);
    this.lastAnswer = ctx.now;
    const done = this.exchanges.complete(header.messageId, path, ctx);
    if (!done) return;
    if (inner.kind === 'malformed') {
      done.request.task.release?.(ctx);
      // I2.21-1: no error goes back, but a bad SA is deleted.
      if (this.isEstablished) this.shutDown('invalid_syntax', ctx, `malformed response: ${inner.why}`);
      else this.close('invalid_syntax', `malformed response: ${inner.why}`, ctx);
      return;
    }
    // A response that we must not understand in part is a request that failed as a whole.
    const payloads = inner.kind === 'payloads' ? inner.payloads : [notify('UNSUPPORTED_CRITICAL_PAYLOAD', Uint8Array.of(inner.code))];
    const fatal = header.exchange === EXCHANGE.IKE_AUTH ? undefined : fatalNotify(payloads);
    if (fatal) {
      done.request.task.release?.(ctx);
      return this.close(fatal, `the peer answered with ${fatal}`, ctx);
    }
    const broken = checkRules(header.exchange, true, payloads);
    if (broken) this.log('warn', `response: ${broken}`, ctx);
    // While we end the SA an answer only makes room for the Delete; but a successor that the peer made must be ended as well.
    if (this.state !== 'deleting' || done.request.task.kind === 'ikeDelete' || done.request.task.kind === 'ikeRekey')
      done.request.task.onResponse(this, broken ? payloads.filter((p) => p.type === 'N') : payloads, done.answer, ctx);
    else done.request.task.release?.(ctx);
    this.afterwards(ctx);
  }

  #request(header: IkeHeader, message: Uint8Array, open: () => DecodedChain | undefined, path: Path, ctx: Ctx): void {
    // Before anything is opened: a repeated request gets the stored answer, to where this copy came from (I2.1-2).
    if (this.#answered && header.messageId === this.#expectedId - 1 && sameBytes(this.#answered.request, message)) {
      this.transmit(path, this.#answered.response, ctx);
      return;
    }
    if (header.messageId !== this.#expectedId || !this.#mayAsk(header.exchange)) return;
    const inner = open();
    if (!inner) return;
    this.#fresh(path, ctx);
    const respond = (payloads: readonly Payload[]): void => {
      const response = this.keyed().protection.seal(this.#header(header.exchange, header.messageId, true), payloads);
      this.#answered = { request: message.slice(), response };
      this.transmit(path, response, ctx);
    };
    this.#expectedId++;
    if (inner.kind === 'critical') {
      respond([notify('UNSUPPORTED_CRITICAL_PAYLOAD', Uint8Array.of(inner.code))]);
      if (this.state === 'halfOpen') this.die(ctx);
      return;
    }
    const broken = inner.kind === 'malformed' ? inner.why : checkRules(header.exchange, false, inner.payloads);
    if (broken !== undefined || inner.kind === 'malformed') {
      respond([notify('INVALID_SYNTAX')]);
      if (this.state === 'halfOpen') this.log('warn', `malformed request: ${broken ?? ''}`, ctx);
      this.close('invalid_syntax', `malformed request: ${broken ?? ''}`, ctx);
      return;
    }
    this.#dispatch(header, inner.payloads, path, respond, ctx);
    this.afterwards(ctx);
  }

  /** Before the SA is up only IKE_AUTH may be asked; what comes too early comes again, so its message ID is not used up (I1.4-1). */
  #mayAsk(exchange: number): boolean {
    return this.state === 'halfOpen' ? exchange === EXCHANGE.IKE_AUTH : this.establishedAt !== undefined;
  }

  #dispatch(header: IkeHeader, payloads: readonly Payload[], path: Path, respond: (payloads: readonly Payload[]) => void, ctx: Ctx): void {
    if (this.state === 'halfOpen') return respondAuth(this, payloads, path, respond, ctx);
    this.#followWithoutMobike(path, ctx);
    switch (header.exchange) {
      case EXCHANGE.CREATE_CHILD_SA:
        return respondCreateChild(this, payloads, respond, ctx);
      case EXCHANGE.INFORMATIONAL:
        return respondInformational(this, header.messageId, payloads, path, respond, ctx);
      default: // I2.21.3-1: both sides drop the SA
        respond([notify('INVALID_SYNTAX')]);
        return this.close('invalid_syntax', `a request of exchange type ${header.exchange}`, ctx);
    }
  }

  /** I2.23-3: without MOBIKE the side that is not behind a NAT follows the other's address. */
  #followWithoutMobike(path: Path, ctx: Ctx): void {
    if (!this.isEstablished || this.mobility.supported || this.natLocal || !this.natRemote || samePath(path, this.path)) return;
    const from = this.path;
    this.path = path;
    ctx.emit({ type: 'bundle.path', bundle: this.chain, path, opensPinhole: false });
    this.exchanges.retarget(from, ctx);
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
    const check = this.isEstablished && !this.exchanges.asksCurrent ? livenessDue(this, ctx.now) : undefined;
    if (check === undefined) this.timers.clear('liveness');
    else this.timers.set('liveness', check);
    if (this.isEstablished && this.natLocal) {
      const last = Math.max(this.lastSent ?? 0, this.traffic.lastAny ?? 0) as Instant;
      this.timers.set('keepalive', after(last, KEEPALIVE));
    } else this.timers.clear('keepalive');
    let due: Instant | undefined;
    for (const child of this.children.values()) due = earliest(due, child.useAt, rekeyDue(child), child.hardAt);
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
        return this.close('lifetime_expired', 'the IKE SA could not be rekeyed in time', ctx);
      case 'halfOpen':
        return this.die(ctx);
      case 'liveness':
        return this.checkLiveness(ctx);
      case 'keepalive':
        ctx.emit({ type: 'packet.send', path: this.path, bytes: Uint8Array.of(0xff) });
        this.lastSent = ctx.now;
        return;
      case 'routability':
        return proceedTurn(this, ctx);
      case 'children':
        return this.#childrenDue(ctx);
    }
  }

  /** Asks for a sign of life on the current path; what is outstanding on another is one when it is asked here too (D6.2-2). */
  checkLiveness(ctx: Ctx): void {
    if (this.exchanges.idle) this.exchanges.enqueue(livenessTask(undefined));
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
        if (this.mobikeRole === 'initiator') this.missing.set(child.config.name, { at: ctx.now, wait: millis(0) });
        continue;
      }
      if (child.useAt !== undefined && child.useAt <= ctx.now) useChild(this, child, ctx);
      const due = rekeyDue(child);
      if (due !== undefined && due <= ctx.now) this.exchanges.enqueue(rekeyChildTask(this, child));
    }
    for (const [name, entry] of [...this.missing]) {
      if (entry.at > ctx.now) continue;
      this.missing.delete(name);
      const config = this.connection?.children.find((c) => c.name === name);
      if (config) this.exchanges.enqueue(createChildTask(config, entry.wait));
    }
  }

  noteRtt(path: Path, rtt: Millis): void {
    const key = pathKey(path);
    const old = this.rtt.get(key);
    this.rtt.delete(key);
    this.rtt.set(key, old === undefined ? rtt : millis(old * 0.875 + rtt * 0.125));
    const oldest = this.rtt.keys().next().value;
    if (this.rtt.size > 16 && oldest !== undefined) this.rtt.delete(oldest);
  }

  /** Ends the SA by our will: Delete goes out, state goes at once except what the Delete needs. */
  shutDown(reason: CloseReason, ctx: Ctx, detail = ''): void {
    if (this.state === 'deleting') return;
    if (this.state !== 'established') return this.close(reason, detail, ctx);
    this.state = 'deleting';
    this.#dropChildren(ctx);
    this.timers.clearAll();
    for (const task of this.exchanges.takeWaiting()) task.release?.(ctx);
    this.timers.set('hardLifetime', after(ctx.now, DELETE_TIME));
    this.exchanges.enqueue(deleteIkeTask(), true);
    // The window is 1 (I2.3-1): what is outstanding has to be answered first, so it goes to where answers are likeliest.
    this.exchanges.finish(ctx);
    this.exchanges.pump(ctx);
    this.event({ type: 'ike.closed', chain: this.chain, connection: this.name, reason, detail }, ctx);
  }

  /** Ends the SA at once, telling the daemon why. */
  close(reason: CloseReason, detail: string, ctx: Ctx): void {
    const told = this.state === 'established' || this.state === 'authSent' || this.state === 'initSent';
    const up = this.state === 'established';
    if (this.isDead) return;
    const setup = this.setup;
    this.die(ctx);
    if (up) this.event({ type: 'ike.closed', chain: this.chain, connection: this.name, reason, detail }, ctx);
    else if (told && setup) {
      setup.failure = { reason, detail };
      ctx.host.lost(this);
    }
  }

  #dropChildren(ctx: Ctx): void {
    for (const child of [...this.children.values()]) removeChild(this, child, ctx);
  }

  /** Forgets everything: keys wiped, children removed, SPIs free. */
  die(ctx: Ctx): void {
    if (this.isDead) return;
    this.#dropChildren(ctx);
    this.state = 'dead';
    // What it replaced waits for a Delete of the peer, which has gone with this one; a Delete of ours is still told.
    if (this.predecessor && !this.predecessor.exchanges.has('ikeDelete')) this.predecessor.die(ctx);
    this.predecessor = undefined;
    this.timers.clearAll();
    this.exchanges.abandonAll(ctx);
    this.setup?.dh?.wipe();
    if (this.#keyed) wipeKeyed(this.#keyed);
    ctx.host.retire(this);
  }

  status(): ChainStatus {
    return {
      chain: this.chain, connection: this.name, role: this.mobikeRole, state: this.state, peer: this.peerId?.text, path: this.path,
      mobike: this.mobility.supported, natLocal: this.natLocal, natRemote: this.natRemote, establishedAt: this.establishedAt,
      spiI: this.spiI, spiR: this.spiR, proposal: this.proposal, rekeyAt: this.timers.get('softLifetime'),
      children: [...this.children.values()].map((c) => ({
        name: c.config.name, child: c.child, state: c.state, inHandle: c.handleIn, outHandle: c.handleOut, spiIn: c.spiIn, spiOut: c.spiOut,
        proposal: c.proposal, local: c.local, remote: c.remote, rekeyAt: c.softAt,
      })),
    };
  }
}

/** The errors that end an IKE SA wherever they come, protected (I2.21.2-1). */
export function fatalNotify(payloads: readonly Payload[]): CloseReason | undefined {
  if (findNotify(payloads, 'AUTHENTICATION_FAILED')) return 'authentication_failed';
  return findNotify(payloads, 'INVALID_SYNTAX') ? 'invalid_syntax' : undefined;
}
