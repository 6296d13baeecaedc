import { after, earliest, millis, pathKey, randomFraction, samePath, type Instant, type Millis, type Path } from '../base/index.ts';
import type { ExchangeName, Payload } from '../codec/ike/index.ts';
import {
  FRAGMENT_AFTER, MESSAGE_IDS_SOFT, PADDED_PIECE, PATHS_MOST, PATH_ROUND_MOST, PATH_SUSPECT, PATH_TRY_SENDS, RETRANSMIT_FACTOR, RETRANSMIT_JITTER, RETRANSMIT_LEAST, RETRANSMIT_MOST, RETRANSMIT_RTTS,
  RETRANSMIT_UNKNOWN,
} from './constants.ts';
import type { Ctx } from './context.ts';
import { leastLimit, messageLimit, messageRoom } from './fragments.ts';
import type { IkeSa } from './ike-sa.ts';
import { noteAnswer } from './tasks/mobike-addresses.ts';

/** What a request is for. One object per exchange; it builds the request and acts on the response. */
export interface Task {
  readonly kind: string;
  readonly exchange: ExchangeName;
  /** Where the request is sent; undefined: the current path. */
  readonly path?: Path | undefined;
  /** Octets of the one IP packet that carries the request, which nobody on the way may cut up; it goes on in pieces when no answer comes to that (F-4). */
  readonly packet?: number;
  /** Time without any answer after which `onTimeout` is called. */
  readonly patience: Millis;
  /** Payloads of the request; undefined: there is nothing left to ask. */
  build(sa: IkeSa, ctx: Ctx): readonly Payload[] | undefined;
  onResponse(sa: IkeSa, payloads: readonly Payload[], answer: Answer, ctx: Ctx): void;
  onTimeout(sa: IkeSa, ctx: Ctx): void;
  /** The peer deleted, while the answer is awaited, a Child SA that we do not know. */
  onStrayDelete?(spi: number): void;
  /** Gives back what `build` took (SPIs, private values): the request ends without `onResponse`. */
  release?(ctx: Ctx): void;
}

export interface Answer {
  /** The path the response arrived on. */
  readonly path: Path;
  /** True when the request went over one path only, so that the answer says something about that path (D6.2-3). */
  readonly onePath: boolean;
  /** The request was sent in one packet that nobody may cut up, and not again in pieces. */
  readonly whole: boolean;
}

/** The sends of one request over one path. */
interface Attempt {
  readonly path: Path;
  readonly firstAt: Instant;
  sends: number;
  interval: number;
  nextAt: Instant;
  /** Told `path.unanswered` for this round already. */
  reported: boolean;
  /** The request was on this path before: an answer says nothing about the round trip (Karn's rule). */
  readonly again: boolean;
}

/** The one outstanding request: window 1 (RFC 7296 §2.3). Its octets never change (I2.1-1), unless it is cut into smaller pieces (FR2.5.2-1). */
export class Request {
  readonly messageId: number;
  /** The message, or its fragments. */
  datagrams: readonly Uint8Array[];
  /** Seals the same payloads into pieces for the smallest packets of a path; undefined: that was done, or cannot be. */
  shrink: ((path: Path) => readonly Uint8Array[]) | undefined;
  /** It leaves in one packet that nobody on the way may cut up. */
  whole: boolean;
  readonly task: Task;
  readonly startedAt: Instant;
  readonly attempts = new Map<string, Attempt>();
  /** Every path it was ever sent on. */
  readonly sentOn = new Set<string>();
  unreachableTold = false;
  /** Of IKE_SA_INIT: an answer is being followed. */
  followed = false;

  constructor(messageId: number, datagrams: readonly Uint8Array[], shrink: Request['shrink'], task: Task, startedAt: Instant) {
    this.messageId = messageId;
    this.whole = task.packet !== undefined && datagrams.length === 1;
    this.datagrams = datagrams;
    this.shrink = shrink;
    this.task = task;
    this.startedAt = startedAt;
  }
}

/**
 * The requests of one IKE SA: one outstanding, the rest waiting. Retransmission is per path: each path has its own
 * timers, the octets are the same on all (RFC 7296 §2.1, D6.2-1, D6.2-4). The current path is asked for as long as the
 * request lives; other paths join when they are raced or probed.
 */
export class Exchanges {
  readonly #sa: IkeSa;
  readonly #waiting: Task[] = [];
  #request: Request | undefined;
  nextId = 0;

  constructor(sa: IkeSa) {
    this.#sa = sa;
  }

  get outstanding(): Request | undefined {
    return this.#request;
  }

  get idle(): boolean {
    return this.#request === undefined && this.#waiting.length === 0;
  }

  /** The outstanding request is being sent on the current path. */
  get asksCurrent(): boolean {
    return this.#request?.attempts.has(pathKey(this.#sa.path)) === true;
  }

  has(kind: string): boolean {
    return this.#request?.task.kind === kind || this.#waiting.some((t) => t.kind === kind);
  }

  some(test: (task: Task) => boolean): boolean {
    return (this.#request !== undefined && test(this.#request.task)) || this.#waiting.some(test);
  }

  enqueue(task: Task, first = false): void {
    if (first) this.#waiting.unshift(task);
    else this.#waiting.push(task);
  }

  /** Takes the waiting tasks away, for an IKE SA that takes over (I2.8-3). */
  takeWaiting(): Task[] {
    return this.#waiting.splice(0);
  }

  /** Forgets the outstanding request: its answer no longer matters. */
  abandon(ctx: Ctx): void {
    this.#sa.touch();
    this.#request?.task.release?.(ctx);
    this.#request = undefined;
  }

  /** Nothing is asked any more. */
  abandonAll(ctx: Ctx): void {
    this.abandon(ctx);
    for (const task of this.takeWaiting()) task.release?.(ctx);
  }

  /** Sends the next waiting request when the window allows. */
  pump(ctx: Ctx): void {
    while (this.#request === undefined) {
      const task = this.#sa.urgentTask() ?? this.#waiting.shift();
      if (!task) return;
      const payloads = task.build(this.#sa, ctx);
      if (!payloads) continue;
      const id = this.nextId++;
      if (id === MESSAGE_IDS_SOFT) this.#sa.timers.set('softLifetime', ctx.now);
      const path = task.path ?? this.#sa.path;
      const datagrams = this.#sa.encodeRequest(task.exchange, id, payloads, task.packet === undefined ? messageLimit(path) : messageRoom(path, task.packet));
      // A small message stays whole, however often it was lost (FR2.4-1).
      const least = (on: Path): number => (task.packet === undefined ? leastLimit(on) : messageRoom(on, PADDED_PIECE));
      const isLarge = this.#sa.fragmentation && datagrams.some((bytes) => bytes.length > least(path));
      const shrink = isLarge ? (on: Path): readonly Uint8Array[] => this.#sa.encodeRequest(task.exchange, id, payloads, least(on)) : undefined;
      this.#request = new Request(id, datagrams, shrink, task, ctx.now);
      this.#sendOn(this.#request, path, ctx);
    }
  }

  #firstInterval(path: Path, ctx: Ctx): number {
    const rtt = this.#sa.rtt.get(pathKey(path));
    const base = rtt === undefined ? RETRANSMIT_UNKNOWN : Math.min(Math.max(RETRANSMIT_RTTS * rtt, RETRANSMIT_LEAST), RETRANSMIT_MOST);
    return base * this.#jitter(ctx);
  }

  #jitter(ctx: Ctx): number {
    return 1 - RETRANSMIT_JITTER + 2 * RETRANSMIT_JITTER * randomFraction(ctx.deps.entropy, 'retransmit');
  }

  #sendOn(request: Request, path: Path, ctx: Ctx): void {
    this.#sa.touch();
    const key = pathKey(path);
    if (request.whole && request.sentOn.size > 0) this.#cut(request, path);
    const interval = this.#firstInterval(path, ctx);
    request.attempts.set(key, { path, firstAt: ctx.now, sends: 1, interval, nextAt: after(ctx.now, millis(interval)), reported: false, again: request.sentOn.has(key) });
    request.sentOn.add(key);
    this.#sa.transmit(path, request.datagrams, ctx, request.whole);
  }

  /** What was to arrive whole has not, or goes to another path: what it shall show is shown, and now it shall arrive. */
  #cut(request: Request, path: Path): void {
    request.whole = false;
    request.datagrams = request.shrink?.(path) ?? request.datagrams;
    request.shrink = undefined;
  }

  /** The current path changed: the outstanding request goes there at once, with fresh timers (M3.5-6). */
  retarget(from: Path, ctx: Ctx): void {
    const request = this.#request;
    if (!request) return;
    request.attempts.delete(pathKey(from));
    request.unreachableTold = false;
    this.#sendOn(request, this.#sa.path, ctx);
  }

  /** Nothing but the answer to the outstanding request matters any more: a probe of another path goes over the current one too. */
  finish(ctx: Ctx): void {
    if (this.#request && !this.asksCurrent) this.#sendOn(this.#request, this.#sa.path, ctx);
  }

  /** Sends the outstanding request over further paths (D6.2-2). Paths being tried already go on as they are. */
  race(paths: readonly Path[], ctx: Ctx): void {
    const request = this.#request;
    if (!request) return;
    for (const path of paths) {
      if (samePath(path, this.#sa.path)) continue; // asked as long as the request lives; its sends are counted from the first
      const known = request.attempts.get(pathKey(path));
      if ((!known || known.sends >= PATH_TRY_SENDS) && request.attempts.size < PATHS_MOST) this.#sendOn(request, path, ctx);
    }
  }

  /** Finishes the outstanding request when `messageId` is its; returns it with how its answer came. */
  complete(messageId: number, path: Path, ctx: Ctx): { readonly request: Request; readonly answer: Answer } | undefined {
    const request = this.#request;
    if (!request || request.messageId !== messageId) return undefined;
    this.#request = undefined;
    this.#sa.touch();
    const rtt = this.#roundTrip(request, path, ctx);
    if (rtt !== undefined) this.#sa.noteRtt(path, rtt);
    noteAnswer(this.#sa, path);
    this.#sa.event({ type: 'path.answered', chain: this.#sa.chain, connection: this.#sa.name, path, rtt, current: samePath(path, this.#sa.path) }, ctx);
    return { request, answer: { path, onePath: request.sentOn.size === 1, whole: request.whole } };
  }

  /**
   * An answer to IKE_SA_INIT is being followed, but it may be a forger's: the request stays outstanding and is not repeated for `pause`.
   * Returns the round trip time that the first answer showed.
   */
  follow(path: Path, pause: Millis, ctx: Ctx): Millis | undefined {
    const request = this.#request;
    if (!request) return undefined;
    this.#sa.touch();
    for (const attempt of request.attempts.values()) attempt.nextAt = after(ctx.now, pause);
    if (request.followed) return undefined;
    request.followed = true;
    const rtt = this.#roundTrip(request, path, ctx);
    this.#sa.event({ type: 'path.answered', chain: this.#sa.chain, connection: this.#sa.name, path, rtt, current: samePath(path, this.#sa.path) }, ctx);
    return rtt;
  }

  /** Karn's rule: with several sends on a path nobody knows which one was answered. */
  #roundTrip(request: Request, path: Path, ctx: Ctx): Millis | undefined {
    const attempt = request.attempts.get(pathKey(path));
    return attempt && attempt.sends === 1 && !attempt.again ? millis(ctx.now - attempt.firstAt) : undefined;
  }

  get deadline(): Instant | undefined {
    const request = this.#request;
    if (!request) return undefined;
    let next: Instant | undefined = after(request.startedAt, request.task.patience);
    for (const attempt of request.attempts.values()) next = earliest(next, attempt.nextAt);
    return next;
  }

  tick(ctx: Ctx): void {
    const request = this.#request;
    if (!request) return;
    if (ctx.now >= after(request.startedAt, request.task.patience)) {
      this.abandon(ctx);
      request.task.onTimeout(this.#sa, ctx);
      if (!this.#sa.isDead) this.pump(ctx);
      return;
    }
    for (const [key, attempt] of [...request.attempts]) {
      if (attempt.nextAt > ctx.now) continue;
      // Its loss is no reason to doubt the path.
      if (request.whole) this.#sendOn(request, attempt.path, ctx);
      else if (samePath(attempt.path, this.#sa.path)) this.#currentDue(request, attempt, ctx);
      else this.#otherDue(request, key, attempt, ctx);
    }
    this.#judgeReach(request, ctx);
  }

  #currentDue(request: Request, attempt: Attempt, ctx: Ctx): void {
    if (attempt.sends >= PATH_SUSPECT && this.#sa.isEstablished)
      this.#sa.event({ type: 'path.doubtful', chain: this.#sa.chain, connection: this.#sa.name, path: attempt.path, unanswered: attempt.sends }, ctx);
    this.#again(request, attempt, RETRANSMIT_MOST, ctx);
  }

  #otherDue(request: Request, key: string, attempt: Attempt, ctx: Ctx): void {
    if (attempt.sends < PATH_TRY_SENDS) return this.#again(request, attempt, RETRANSMIT_MOST, ctx);
    if (!attempt.reported) {
      attempt.reported = true;
      this.#sa.event({ type: 'path.unanswered', chain: this.#sa.chain, connection: this.#sa.name, path: attempt.path }, ctx);
    }
    if (!request.attempts.has(pathKey(this.#sa.path))) {
      // A probe that a standby path swallowed: finish the exchange over the current path, the window is needed (D6.2-2).
      request.attempts.delete(key);
      this.#sendOn(request, this.#sa.path, ctx);
      return;
    }
    this.#again(request, attempt, PATH_ROUND_MOST, ctx);
  }

  #again(request: Request, attempt: Attempt, most: Millis, ctx: Ctx): void {
    attempt.sends++;
    if (attempt.sends > FRAGMENT_AFTER) this.#shrink(request, attempt, ctx);
    attempt.interval = Math.min(attempt.interval * RETRANSMIT_FACTOR, most) * this.#jitter(ctx);
    attempt.nextAt = after(ctx.now, millis(attempt.interval));
    this.#sa.touch();
    this.#sa.transmit(attempt.path, request.datagrams, ctx);
  }

  /** FR2.4-1, FR2.5.2-1: what is large and got no answer goes on in smaller pieces, more of them than before, and with fresh timers. */
  #shrink(request: Request, attempt: Attempt, ctx: Ctx): void {
    const smaller = request.shrink?.(attempt.path);
    if (!smaller || smaller.length <= request.datagrams.length) return;
    request.shrink = undefined;
    request.datagrams = smaller;
    attempt.interval = this.#firstInterval(attempt.path, ctx) / RETRANSMIT_FACTOR;
  }

  /** Every path was tried and none answers: a fresh IKE SA may be the only way back. */
  #judgeReach(request: Request, ctx: Ctx): void {
    if (request.unreachableTold || !this.#sa.isEstablished) return;
    const current = request.attempts.get(pathKey(this.#sa.path));
    if (!current || current.sends <= PATH_TRY_SENDS) return;
    for (const attempt of request.attempts.values()) if (attempt.sends < PATH_TRY_SENDS) return;
    request.unreachableTold = true;
    this.#sa.event({ type: 'ike.unreachable', chain: this.#sa.chain, connection: this.#sa.name, hint: 'no_answer' }, ctx);
  }
}
