import { after, earliest, millis, since, type Instant, type Millis } from '../base/index.ts';
import { LAST_RESORT_PATIENCE, MIN_DWELL, ONE_WAY_PATIENCE, RETURN_DELAY, RETURN_PACE, RETURN_PROBES } from './tuning.ts';
import type { Standing } from './types.ts';

/** An uplink that can be taken: up, allowed, with a family in common with the peer. */
export interface Candidate {
  readonly uplink: string;
  readonly metric: number;
  /** Taken only when no other one can be used. */
  readonly lastResort: boolean;
  /** In use although its schedule does not let it be chosen. */
  readonly outside: boolean;
  readonly standing: Standing;
  readonly failures: number;
  readonly rttMs: Millis | undefined;
  readonly lastAnswer: Instant | undefined;
  /** The current uninterrupted run of answers as a better uplink: its first answer, and how many. */
  readonly trial: { readonly since: Instant; readonly answers: number } | undefined;
  /** How long this uplink has to answer before we go back to it. */
  readonly returnDelay: Millis;
}

/** All that a decision depends on. */
export interface Situation {
  readonly current: string | undefined;
  /** Why the current path is certainly dead; its uplink may still be a candidate with another address. */
  readonly lost: string | undefined;
  readonly forced: string | undefined;
  /** Since when the current path leaves sends unanswered, and when something last arrived on it. */
  readonly doubt: { readonly since: Instant; readonly inbound: Instant | undefined } | undefined;
  readonly lastVoluntary: Instant | undefined;
  readonly candidates: readonly Candidate[];
}

export interface Verdict {
  readonly to: string | undefined;
  readonly reasons: readonly string[];
  /** Made to get something better, not because the current path is dead. */
  readonly voluntary: boolean;
  /** Time alone may change the verdict then. */
  readonly recheckAt: Instant | undefined;
}

/** What can be used comes before every last resort, and a last resort that can be used before all that cannot. */
const RANKS: { readonly [S in Standing]: { readonly usual: number; readonly lastResort: number } } = {
  proven: { usual: 0, lastResort: 2 }, unproven: { usual: 1, lastResort: 3 }, blocked: { usual: 4, lastResort: 5 }, silent: { usual: 6, lastResort: 7 },
};
const rank = ({ standing, lastResort }: Candidate): number => RANKS[standing][lastResort ? 'lastResort' : 'usual'];
const isUsable = ({ standing }: Candidate): boolean => standing === 'proven' || standing === 'unproven';

/** What is known of an uplink before anybody is asked. */
export type Tier = Pick<Candidate, 'metric' | 'lastResort' | 'outside'>;

/** Whether one uplink is to be had rather than the other when both work. */
export function isPreferred(one: Tier, other: Tier): boolean {
  if (one.outside !== other.outside) return other.outside;
  return one.lastResort === other.lastResort ? one.metric < other.metric : other.lastResort;
}

/** Best first: what answered lately, then metric, then round trip, then name; a last resort after all that can be used; F-9: what is known not to answer comes last. */
export function compareCandidates(a: Candidate, b: Candidate): number {
  return (
    rank(a) - rank(b) ||
    (a.standing === 'silent' ? a.failures - b.failures : 0) ||
    a.metric - b.metric ||
    (a.rttMs ?? Infinity) - (b.rttMs ?? Infinity) || // NaN of two unknowns is falsy: the name decides
    (a.uplink < b.uplink ? -1 : a.uplink > b.uplink ? 1 : 0)
  );
}

/** What is known of an uplink that is taken. */
const known = ({ standing, lastResort }: Candidate): readonly string[] => (lastResort ? [standing, 'last_resort'] : [standing]);

const verdict = (to: string | undefined, reasons: readonly string[], recheckAt?: Instant): Verdict => ({ to, reasons, voluntary: false, recheckAt });

/** Chooses the uplink of one connection: a pure function of a snapshot and the time. */
export function decide(now: Instant, situation: Situation): Verdict {
  const { current, lost, forced, doubt } = situation;
  const ranked = [...situation.candidates].sort(compareCandidates);
  const best = ranked[0];
  if (best === undefined) return verdict(undefined, lost === undefined ? ['no_candidate'] : [lost, 'no_candidate']);
  // A wish is no reason to stay where nothing passes.
  const wish = forced === undefined ? undefined : ranked.find((candidate) => candidate.uplink === forced && !(candidate.standing === 'blocked' && isUsable(best)));
  if (wish !== undefined && (wish.uplink !== current || lost !== undefined))
    return { to: wish.uplink, reasons: lost === undefined ? ['forced', ...known(wish)] : [lost, 'forced', ...known(wish)], voluntary: lost === undefined, recheckAt: undefined };
  const own = lost === undefined ? ranked.find((candidate) => candidate.uplink === current) : undefined;
  if (own === undefined) return verdict(best.uplink, [lost ?? 'no_current', ...known(best)]);
  if (doubt !== undefined) {
    const winner = ranked.find((candidate) => candidate !== own && candidate.lastAnswer !== undefined && candidate.lastAnswer >= doubt.since);
    if (winner !== undefined) {
      const patience = after(doubt.since, ONE_WAY_PATIENCE);
      // Packets still arrive: perhaps two answers were lost, perhaps the path works one way only (D5.1.2-1).
      if (doubt.inbound !== undefined && doubt.inbound > doubt.since && now < patience) return verdict(own.uplink, ['keep', 'inbound_seen'], patience);
      const others = after(doubt.since, LAST_RESORT_PATIENCE);
      if (winner.lastResort && now < others && ranked.some((candidate) => candidate !== own && !candidate.lastResort && isUsable(candidate))) return verdict(own.uplink, ['keep', 'others_asked'], others);
      return verdict(winner.uplink, ['black_hole', ...known(winner)]);
    }
  }
  // What carries signalling alone is left for what may carry data too.
  if (own.standing === 'blocked' && isUsable(best)) return verdict(best.uplink, ['data_blocked', ...known(best)]);
  if (own.lastAnswer === undefined && own.standing === 'silent') {
    // A path that never answered has no claim: the next one is tried, proven or not, the least tried first.
    if (best !== own && (best.standing !== 'silent' || best.failures < own.failures)) return verdict(best.uplink, ['unanswered', ...known(best)]);
  }
  if (doubt !== undefined) return verdict(own.uplink, ['keep', 'doubtful']);
  // The path works: only one that is known to answer is worth leaving it for.
  const open = own.outside ? ranked.find((candidate) => candidate !== own && candidate.standing === 'proven') : undefined;
  if (open !== undefined) return { to: open.uplink, reasons: ['outside_schedule', ...known(open)], voluntary: true, recheckAt: undefined };
  if (own.outside) return verdict(own.uplink, ['keep', 'outside_schedule']);
  if (wish !== undefined) return verdict(own.uplink, ['keep', 'forced']);
  return considerReturn(now, own, ranked, situation.lastVoluntary);
}

function considerReturn(now: Instant, own: Candidate, ranked: readonly Candidate[], lastVoluntary: Instant | undefined): Verdict {
  let why: string | undefined;
  let recheckAt: Instant | undefined;
  for (const candidate of ranked) {
    if (!isPreferred(candidate, own)) continue;
    const wait = returnWait(now, candidate, lastVoluntary);
    if (wait === undefined) return { to: candidate.uplink, reasons: [own.lastResort && !candidate.lastResort ? 'last_resort_over' : 'better_metric', ...known(candidate)], voluntary: true, recheckAt: undefined };
    why ??= wait.why;
    if (wait.byTime) recheckAt = earliest(recheckAt, wait.until);
  }
  return { to: own.uplink, reasons: why === undefined ? ['keep'] : ['keep', why], voluntary: false, recheckAt };
}

/** What keeps a better uplink from being taken: `until` when that is known, `byTime` when no answer is needed by then. */
export interface ReturnWait {
  readonly why: 'not_proven' | 'hold_down' | 'flapping' | 'dwell';
  readonly until: Instant | undefined;
  readonly byTime: boolean;
}

/**
 * A better uplink is taken on an answer: at least `RETURN_PROBES` of them, the last one `returnDelay` or more after the
 * first and fresh, so that a link that dies during its trial is not taken at the end of it.
 */
export function returnWait(now: Instant, candidate: Candidate, lastVoluntary: Instant | undefined): ReturnWait | undefined {
  const { trial, lastAnswer } = candidate;
  if (candidate.standing !== 'proven' || trial === undefined || lastAnswer === undefined) return { why: 'not_proven', until: undefined, byTime: false };
  const held = after(trial.since, candidate.returnDelay);
  const why = candidate.returnDelay > RETURN_DELAY ? 'flapping' : 'hold_down';
  if (lastAnswer < held) return { why, until: held, byTime: false };
  if (trial.answers < RETURN_PROBES || since(lastAnswer, now) > RETURN_PACE) return { why, until: undefined, byTime: false };
  const rested = lastVoluntary === undefined ? now : after(lastVoluntary, MIN_DWELL);
  return now < rested ? { why: 'dwell', until: rested, byTime: true } : undefined;
}

/** `first`, doubled `times` times, but at most `most`. */
export function doubled(first: Millis, times: number, most: Millis): Millis {
  return millis(Math.min(first * 2 ** Math.min(times, 30), most));
}
