import { after, earliest, pathKey, type Instant, type Path } from '../base/index.ts';
import { CANDIDATE_GRACE, CANDIDATE_TIME, NO_NATS_TRIES, PATH_PACE, PATHS_MOST, REFUSED_TIME } from './constants.ts';
import type { Ctx } from './context.ts';
import type { IkeSa } from './ike-sa.ts';
import { remember } from './mobility.ts';
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

const translatedKey = (connection: string, path: Path): string => `${connection}|${pathKey(path)}`;

/**
 * The IKE SAs that initiators are setting up. An attempt is an IKE SA that waits for answers to its IKE_SA_INIT; each answer that fits
 * makes a candidate beside it, with keys and IKE_AUTH of its own, since nothing says which answer is the peer's and which an attacker's
 * (I2.4-5). The first candidate whose peer proves itself ends everything else.
 */
export class Attempts {
  readonly #setups = new Map<string, Setup>();
  /** Pairs of connections that allow no NAT on which one was found. At most 16. */
  readonly #translated = new Map<string, { readonly times: number; readonly at: Instant }>();

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
    const open = paths.filter((path) => !this.#isTranslated(connection.name, path, ctx.now));
    // Where all are given up all are tried: the box on one of them may have gone.
    const setup: Setup = { connection, waiting: (open.length > 0 ? open : paths).slice(0, PATHS_MOST), running: new Set(), nextAt: ctx.now, failure: { reason: 'timeout', detail: 'no answer' } };
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

  /**
   * The first answer decides on the path; the attempts on others end without a word (M3.1-1: no IKE_AUTH for a loser). When nothing comes of it
   * for a while they are tried after all: IKE_AUTH goes to another port, which may be blocked there.
   */
  answered(attempt: IkeSa, ctx: Ctx): void {
    const setup = this.#setups.get(attempt.name);
    if (!setup?.running.has(attempt)) return;
    const losers = [...setup.running].filter((sa) => sa !== attempt && sa.candidates.length === 0);
    setup.waiting.unshift(...losers.map((sa) => sa.path));
    setup.nextAt = after(ctx.now, CANDIDATE_TIME);
    for (const sa of losers) {
      setup.running.delete(sa);
      sa.die(ctx);
    }
  }

  /** A candidate is an IKE SA now: what else was tried ends. */
  established(candidate: IkeSa, ctx: Ctx): void {
    const { attempt } = candidate;
    if (!attempt) return;
    candidate.attempt = undefined;
    const setup = this.#setups.get(candidate.name);
    if (setup?.running.has(attempt) === true) {
      this.#setups.delete(candidate.name);
      for (const other of setup.running) if (other !== attempt) other.die(ctx); // and its candidates with it
    }
    for (const other of [...attempt.candidates]) if (other !== candidate) other.die(ctx);
    attempt.candidates.length = 0;
    attempt.die(ctx);
  }

  #isTranslated(connection: string, path: Path, now: Instant): boolean {
    const known = this.#translated.get(translatedKey(connection, path));
    return known !== undefined && known.times >= NO_NATS_TRIES && now < after(known.at, REFUSED_TIME);
  }

  /** M3.9-4: IKE_AUTH was answered with UNEXPECTED_NAT_DETECTED; a new IKE_SA_INIT may come through, but not for ever. */
  #noteTranslated(sa: IkeSa, ctx: Ctx): void {
    const key = translatedKey(sa.name, sa.path);
    const known = this.#translated.get(key);
    const times = known === undefined || ctx.now >= after(known.at, REFUSED_TIME) ? 1 : known.times + 1;
    remember(this.#translated, key, { times, at: ctx.now });
    if (times === NO_NATS_TRIES) sa.event({ type: 'path.refused', chain: sa.chain, connection: sa.name, path: sa.path }, ctx);
  }

  /** An attempt or a candidate ended without an SA. An attempt goes on waiting for a moment: the candidate may have been a forger's. */
  lost(sa: IkeSa, ctx: Ctx): void {
    const { attempt } = sa;
    if (sa.setup?.failure?.reason === 'nat_detected' && attempt) this.#noteTranslated(sa, ctx);
    if (attempt) {
      attempt.candidates.splice(attempt.candidates.indexOf(sa), 1);
      if (attempt.setup && sa.setup?.failure) attempt.setup.failure = sa.setup.failure;
      if (attempt.candidates.length === 0 && !attempt.isDead) attempt.timers.set('candidates', after(ctx.now, CANDIDATE_GRACE));
      return;
    }
    const setup = this.#setups.get(sa.name);
    if (!setup?.running.delete(sa)) return;
    if (sa.setup?.failure) setup.failure = sa.setup.failure;
    // The peer itself has refused: it would on every path.
    if ((sa.setup?.followed ?? 0) > 0 && setup.failure.reason !== 'timeout') setup.waiting.length = 0;
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
