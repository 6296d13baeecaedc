/**
 * The simulated world: a virtual clock that starts at 0, a queue of things to come, and actors with deadlines. It jumps
 * to the next deadline or packet; nothing sleeps. Every failure is reported with the seed, the virtual time and the
 * last lines of the trace, so that a failing run is repeated by its seed.
 */
import { instant, type Instant, type IpAddress, type Millis } from '../../src/base/index.ts';
import { NonceGuard } from '../../src/esp/index.ts';
import { EventQueue } from './event-queue.ts';
import { Net, type Link, type LinkOptions } from './net.ts';
import { Prng } from './prng.ts';

/** Something with a deadline of its own: a host with its core. */
export interface Actor {
  readonly name: string;
  readonly deadline: Instant | undefined;
  tick(): void;
}

export interface WorldOptions {
  readonly seed: number;
  /** `sloppy`: ticks also come early, up to 5 ms late and twice, as a host timer may do. Default `exact`. */
  readonly ticks?: 'exact' | 'sloppy';
}

/** A broken invariant or an expectation not met, with everything needed to see it again. */
export class SimFailure extends Error {}

/** Lines of the trace shown with a failure. */
const TRACE_LINES = 60;
/** Consecutive ticks of one actor at one instant before it counts as stuck. */
const MOST_TICKS_AT_ONCE = 50;

export class World {
  readonly seed: number;
  readonly prng: Prng;
  readonly net: Net;
  /** Shared by every plane: no ESP nonce is used twice under one key. */
  readonly nonces = new NonceGuard();
  /** Names the resolvers of all hosts know. */
  readonly dns = new Map<string, readonly IpAddress[]>();
  readonly #ticks: 'exact' | 'sloppy';
  readonly #queue = new EventQueue<() => void>();
  readonly #actors: Actor[] = [];
  readonly #checks: (() => void)[] = [];
  readonly #trace: string[] = [];
  readonly #late = new Map<Actor, { deadline: number; at: number }>();
  #now: Instant = instant(0);
  #idle = { actor: '', at: -1, count: 0 };
  #steps = 0;

  constructor(options: WorldOptions) {
    this.seed = options.seed;
    this.#ticks = options.ticks ?? 'exact';
    this.prng = new Prng(`${options.seed}|world`);
    this.net = new Net(this);
  }

  get now(): Instant {
    return this.#now;
  }

  /** Events and ticks handled so far. */
  get steps(): number {
    return this.#steps;
  }

  /** Creates an access link, or finds the one of that name. */
  link(name: string, options?: LinkOptions): Link {
    return this.net.link(name, options);
  }

  add(actor: Actor): void {
    this.#actors.push(actor);
  }

  /** An invariant of a scenario; runs after every step and throws when broken. */
  always(check: () => void): void {
    this.#checks.push(check);
  }

  /** Runs `work` after `delay` (0: later at this same instant, after what is already waiting). */
  after(delay: number, work: () => void): void {
    this.#queue.add(this.#now + Math.max(0, delay), work);
  }

  /** Adds a line to the trace that is shown with a failure. */
  trace(line: string): void {
    this.#trace.push(`${this.#now.toFixed(1).padStart(10)} ${line}`);
    if (this.#trace.length > 4 * TRACE_LINES) this.#trace.splice(0, this.#trace.length - TRACE_LINES);
  }

  /** Runs until `predicate` holds; fails when it does not within `limit`. Returns the time that passed. */
  runUntil(predicate: () => boolean, limit: Millis, what = 'the expected state'): Millis {
    const start = this.#now;
    const end = start + limit;
    while (!this.check(predicate)) {
      const next = this.#next();
      if (next === undefined || next > end) {
        this.#now = instant(end);
        if (this.check(predicate)) break;
        throw this.failure(new Error(`${what} was not reached within ${limit} ms`));
      }
      this.#step(next);
    }
    return (this.#now - start) as Millis;
  }

  /** Runs for `span` of virtual time. */
  runFor(span: Millis): void {
    const end = this.#now + span;
    for (let next = this.#next(); next !== undefined && next <= end; next = this.#next()) this.#step(next);
    this.#now = instant(end);
  }

  /** Runs an expectation; what it throws is reported with seed, time and trace. */
  check<T>(expectation: () => T): T {
    try {
      return expectation();
    } catch (error) {
      throw this.failure(error);
    }
  }

  failure(error: unknown): SimFailure {
    if (error instanceof SimFailure) return error;
    const what = error instanceof Error ? `${error.message}` : String(error);
    const trace = this.#trace.slice(-TRACE_LINES).join('\n');
    return new SimFailure(`${what}\n  (seed ${this.seed}, at ${this.#now.toFixed(1)} ms of virtual time)\n${trace}`, { cause: error });
  }

  /** When an actor is ticked: at its deadline or, with sloppy ticks, a little later. */
  #dueAt(actor: Actor): number | undefined {
    const deadline = actor.deadline;
    if (deadline === undefined) return undefined;
    if (this.#ticks === 'exact') return Math.max(deadline, this.#now);
    const known = this.#late.get(actor);
    if (known && known.deadline === deadline) return Math.max(known.at, this.#now);
    const at = deadline + (this.prng.chance(0.5) ? this.prng.unit() * 5 : 0);
    this.#late.set(actor, { deadline, at });
    return Math.max(at, this.#now);
  }

  #next(): number | undefined {
    let best = this.#queue.next;
    for (const actor of this.#actors) {
      const due = this.#dueAt(actor);
      if (due !== undefined && (best === undefined || due < best)) best = due;
    }
    return best;
  }

  #step(at: number): void {
    this.#now = instant(Math.max(at, this.#now));
    this.#steps++;
    try {
      if (this.#queue.next !== undefined && this.#queue.next <= this.#now) this.#queue.take()?.();
      else this.#tickDue();
      for (const check of this.#checks) check();
    } catch (error) {
      throw this.failure(error);
    }
  }

  #tickDue(): void {
    for (const actor of this.#actors) {
      const due = this.#dueAt(actor);
      if (due === undefined || due > this.#now) continue;
      const before = actor.deadline;
      actor.tick();
      if (this.#ticks === 'sloppy' && this.prng.chance(0.2)) actor.tick();
      const left = actor.deadline;
      if (left === undefined || left > this.#now) return;
      if (left < this.#now && left === before) throw new Error(`${actor.name}: deadline ${left} stays in the past after its tick at ${this.#now}`);
      // A deadline of exactly now is another tick at once; for ever it is a live-lock.
      const same = this.#idle.actor === actor.name && this.#idle.at === this.#now;
      this.#idle = { actor: actor.name, at: this.#now, count: same ? this.#idle.count + 1 : 1 };
      if (this.#idle.count > MOST_TICKS_AT_ONCE) throw new Error(`${actor.name}: ${MOST_TICKS_AT_ONCE} ticks at ${this.#now} and still due`);
      return;
    }
    if (this.#ticks === 'sloppy' && this.#actors.length > 0 && this.prng.chance(0.1)) this.prng.pick(this.#actors).tick();
  }
}
