import { after, earliest, type Instant, type Path } from '../base/index.ts';
import { CANDIDATE_GRACE, PATH_PACE, PATHS_MOST } from './constants.ts';
import type { Ctx } from './context.ts';
import type { IkeSa } from './ike-sa.ts';
import { initiate } from './tasks/ike-init.ts';
import type { CloseReason, IkeConnection } from './types.ts';

interface Failure {
  readonly reason: CloseReason;
  readonly detail: string;
}

/** One `connection.initiate`: an attempt for each path, a new one every `PATH_PACE` while none has answered (RFC 4555 §3.1). */
interface Setup {
  readonly connection: IkeConnection;
  readonly waiting: Path[];
  readonly running: Set<IkeSa>;
  nextAt: Instant;
  failure: Failure;
}

/**
 * The IKE SAs that initiators are setting up. An attempt is an IKE SA that waits for answers to its IKE_SA_INIT; each answer that fits
 * makes a candidate beside it, with keys and IKE_AUTH of its own, since nothing says which answer is the peer's and which an attacker's
 * (I2.4-5). The first candidate whose peer proves itself ends everything else.
 */
export class Attempts {
  readonly #setups = new Map<string, Setup>();

  has(connection: string): boolean {
    return this.#setups.has(connection);
  }

  names(): string[] {
    return [...this.#setups.keys()];
  }

  get deadline(): Instant | undefined {
    let next: Instant | undefined;
    for (const setup of this.#setups.values()) if (setup.waiting.length > 0) next = earliest(next, setup.nextAt);
    return next;
  }

  start(connection: IkeConnection, paths: readonly Path[], ctx: Ctx): void {
    const setup: Setup = { connection, waiting: paths.slice(0, PATHS_MOST), running: new Set(), nextAt: ctx.now, failure: { reason: 'timeout', detail: 'no answer' } };
    this.#setups.set(connection.name, setup);
    this.#pace(setup, ctx);
  }

  tick(ctx: Ctx): void {
    for (const setup of [...this.#setups.values()]) this.#pace(setup, ctx);
  }

  #pace(setup: Setup, ctx: Ctx): void {
    if (ctx.now < setup.nextAt) return;
    const path = setup.waiting.shift();
    if (!path) return;
    const sa = initiate(setup.connection, ctx.host.newNumber(), path, ctx);
    setup.running.add(sa);
    setup.nextAt = after(ctx.now, PATH_PACE);
    ctx.host.adopt(sa);
  }

  /** The first answer decides on the path; the attempts on others end without a word (M3.1-1: no IKE_AUTH for a loser). */
  answered(attempt: IkeSa, ctx: Ctx): void {
    const setup = this.#setups.get(attempt.name);
    if (!setup?.running.has(attempt)) return;
    setup.waiting.length = 0;
    for (const sa of [...setup.running]) {
      if (sa === attempt) continue;
      setup.running.delete(sa);
      sa.die(ctx);
    }
  }

  /** A candidate is an IKE SA now: what else was tried ends. */
  established(candidate: IkeSa, ctx: Ctx): void {
    const { attempt } = candidate;
    if (!attempt) return;
    candidate.attempt = undefined;
    if (this.#setups.get(candidate.name)?.running.has(attempt) === true) this.#setups.delete(candidate.name);
    for (const other of [...attempt.candidates]) if (other !== candidate) other.die(ctx);
    attempt.candidates.length = 0;
    attempt.die(ctx);
  }

  /** An attempt or a candidate ended without an SA. An attempt goes on waiting for a moment: the candidate may have been a forger's. */
  lost(sa: IkeSa, ctx: Ctx): void {
    const { attempt } = sa;
    if (attempt) {
      attempt.candidates.splice(attempt.candidates.indexOf(sa), 1);
      if (attempt.setup && sa.setup?.failure) attempt.setup.failure = sa.setup.failure;
      if (attempt.candidates.length === 0 && !attempt.isDead) attempt.timers.set('candidates', after(ctx.now, CANDIDATE_GRACE));
      return;
    }
    const setup = this.#setups.get(sa.name);
    if (!setup?.running.delete(sa)) return;
    if (sa.setup?.failure) setup.failure = sa.setup.failure;
    if (setup.running.size > 0 || setup.waiting.length > 0) return;
    this.#setups.delete(sa.name);
    ctx.emit({ type: 'event', event: { type: 'ike.failed', connection: sa.name, ...setup.failure } });
  }

  stop(connection: string, ctx: Ctx): void {
    const setup = this.#setups.get(connection);
    if (!setup) return;
    this.#setups.delete(connection);
    for (const sa of setup.running) sa.die(ctx); // and its candidates with it
  }
}
