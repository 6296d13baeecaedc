import { after, earliest, instant, ipFamily, since, type Instant, type IpAddress, type IpFamily, type Millis, type UplinkFacts } from '../base/index.ts';
import { compareCandidates, decide, doubled, isPreferred, returnWait, type Candidate, type Situation, type Tier, type Verdict } from './select.ts';
import type { Calendar } from './schedule.ts';
import {
  BLOCKED_MOST, BLOCKED_TIME, FIRST_PROBE, FLAP_FREE, FLAP_WINDOW, MOST_FORGOTTEN_PATHS, PROBE_BACKOFF_MOST, PROBE_EXPIRES, PROVEN_INTERVALS, RACE_AGAIN, RACE_AGAIN_MOST,
  REFUSED_FOR, REMIND_AFTER, REMIND_MOST, RETURN_DELAY, RETURN_DELAY_MOST, RETURN_PACE, STANDBY_INTERVAL, STANDBY_INTERVAL_METERED,
} from './tuning.ts';
import type { Decision, Explanation, PathView, RefusalReason, Standing, UplinkEffect, Wish } from './types.ts';

/** What one connection knows of one uplink. */
interface PathState {
  /** Since when it could be used as a standby; undefined while it is down or current. */
  standbySince: Instant | undefined;
  lastAnswer: Instant | undefined;
  rttMs: Millis | undefined;
  /** Probes in a row that gave up. */
  failures: number;
  lastFailure: Instant | undefined;
  lastProbe: Instant | undefined;
  /** The peer refused a move there: until then it counts as silent, whatever is answered there. */
  refusedUntil: Instant | undefined;
  trial: { since: Instant; answers: number } | undefined;
  /** It carries no data (F-3), until then, and how often that was so. */
  blockedUntil: Instant | undefined;
  blocks: number;
  /** When it last went: was lost, or had to be left; at most a handful are kept. */
  departures: readonly Instant[];
}

const fresh = (): PathState => ({
  standbySince: undefined, lastAnswer: undefined, rttMs: undefined, failures: 0, lastFailure: undefined, lastProbe: undefined, refusedUntil: undefined, trial: undefined,
  blockedUntil: undefined, blocks: 0, departures: [],
});

/** The doubt of the current path: it begins with `path.doubtful` and ends with an answer, or with another path. */
interface Doubt {
  readonly since: Instant;
  unanswered: number;
  inbound: Instant | undefined;
  readonly raced: Set<string>;
  rounds: number;
  again: Instant;
}

const MOST_DEPARTURES = 8;
/** Weight of a new round trip in the smoothed one, as in TCP (RFC 6298 §2.3). */
const RTT_WEIGHT = 1 / 8;

const LOSS: { readonly [downReason: string]: string } = { no_address: 'address_lost', no_carrier: 'carrier_lost', no_device: 'device_gone', no_route: 'route_lost' };
/** The reason of a decision for the reason why an uplink is down; `link_down`, `interface_down`, `disabled` stay as they are. */
export const lossReason = (downReason: string | undefined): string => LOSS[downReason ?? ''] ?? downReason ?? 'uplink_removed';

/** Choice of the uplink of one connection. Lives inside `UplinkPolicy`, which tells it of every uplink that changes. */
export class ConnectionChoice {
  readonly name: string;
  readonly #facts: ReadonlyMap<string, UplinkFacts>;
  readonly #cutOff: ReadonlyMap<string, Instant>;
  readonly #calendar: Calendar;
  /** The time of the input being handled: schedules depend on it. */
  #now = instant(0);
  readonly #paths = new Map<string, PathState>();
  #uplinks: readonly string[] = [];
  #families: readonly IpFamily[] = [];
  /** Addresses of the peer: with more than one, the current uplink may have a pair that works. */
  #remotes = 1;
  #using: string | undefined;
  #local: IpAddress | undefined;
  #lost: string | undefined;
  #wish: Wish | undefined;
  #doubt: Doubt | undefined;
  #lastVoluntary: Instant | undefined;
  #probing: { readonly uplink: string; readonly expires: Instant } | undefined;
  /** The decision the daemon has not followed yet. */
  #pending: { readonly to: string | undefined; readonly lost: string | undefined; reminders: number; remindAt: Instant | undefined } | undefined;
  #decision: Decision | undefined;
  #wake: Instant | undefined;

  /** @param cutOff uplinks whose targets do not answer, and since when. */
  constructor(name: string, facts: ReadonlyMap<string, UplinkFacts>, calendar: Calendar, cutOff: ReadonlyMap<string, Instant> = new Map()) {
    this.name = name;
    this.#cutOff = cutOff;
    this.#facts = facts;
    this.#calendar = calendar;
  }

  get deadline(): Instant | undefined {
    return this.#wake;
  }

  watch(uplinks: readonly string[], families: readonly IpFamily[], remotes = 1): void {
    this.#remotes = remotes;
    this.#uplinks = uplinks;
    this.#families = families;
  }

  use(uplink: string | undefined, local: IpAddress | undefined): void {
    if (uplink === undefined) {
      // Answers belong to an IKE SA: without one nothing is proven, and every uplink may be tried in turn.
      for (const path of this.#paths.values()) path.lastAnswer = undefined;
      this.#probing = undefined;
    }
    if (uplink !== this.#using) {
      if (this.#using === undefined) for (const path of this.#paths.values()) path.standbySince = undefined; // counts from the handshake
      if (this.#probing?.uplink === uplink) this.#probing = undefined;
      this.#doubt = undefined;
    }
    this.#using = uplink;
    for (const [name, path] of this.#paths) {
      const known = this.#facts.get(name);
      if (known === undefined || !this.#isBetter(known)) path.trial = undefined;
    }
    this.#local = local;
    this.#pending = undefined;
    this.#lost = undefined;
    if (uplink === undefined) return;
    const facts = this.#facts.get(uplink);
    // Followed too late, or onto something we do not see: the path is dead from the start.
    if (facts === undefined || !facts.up) this.#lost = lossReason(facts?.downReason);
    else if (local !== undefined && !facts.addresses.includes(local)) this.#lost = 'address_lost';
  }

  answered(uplink: string, rttMs: Millis, now: Instant): void {
    const facts = this.#facts.get(uplink);
    if (facts === undefined || !facts.up) return;
    const path = this.#path(uplink);
    path.lastAnswer = now;
    path.rttMs = path.rttMs === undefined ? rttMs : ((path.rttMs + (rttMs - path.rttMs) * RTT_WEIGHT) as Millis);
    path.failures = 0;
    if (this.#probing?.uplink === uplink) this.#probing = undefined;
    if (uplink === this.#using) {
      this.#doubt = undefined; // it answered first: it keeps its place
    } else if (this.#isBetter(facts)) {
      path.trial ??= { since: now, answers: 0 };
      path.trial.answers++;
    }
  }

  inbound(uplink: string, at: Instant): void {
    if (uplink === this.#using && this.#doubt !== undefined) this.#doubt.inbound = at;
  }

  unanswered(uplink: string, now: Instant): void {
    const facts = this.#facts.get(uplink);
    if (facts === undefined || !facts.up) return;
    const path = this.#path(uplink);
    this.#fail(path, now);
    if (this.#probing?.uplink === uplink) this.#probing = undefined;
    // A whole request in vain on a path that used to answer is a doubt, if nobody said so before.
    if (path.lastAnswer !== undefined) this.doubtful(uplink, this.#doubt?.unanswered ?? 1, now);
  }

  blocked(uplink: string, now: Instant): void {
    const facts = this.#facts.get(uplink);
    if (facts === undefined || !facts.up) return;
    const path = this.#path(uplink);
    path.blockedUntil = after(now, doubled(BLOCKED_TIME, path.blocks++, BLOCKED_MOST));
    path.trial = undefined;
  }

  refused(uplink: string, now: Instant): void {
    const path = this.#path(uplink);
    path.refusedUntil = after(now, REFUSED_FOR);
    path.trial = undefined;
    this.#endWish(uplink);
  }

  doubtful(uplink: string, unanswered: number, now: Instant): void {
    if (uplink !== this.#using || this.#lost !== undefined) return;
    this.#doubt ??= { since: now, unanswered, inbound: undefined, raced: new Set(), rounds: 0, again: now };
    this.#doubt.unanswered = unanswered;
  }

  get wish(): Wish | undefined {
    return this.#wish;
  }

  force(uplink: string | undefined, until: Instant | undefined, now: Instant): RefusalReason | undefined {
    this.#now = now;
    const why = uplink === undefined ? undefined : (this.#whyExcluded(uplink) ?? (this.#isOutside(uplink) ? 'outside_schedule' : undefined));
    if (why !== undefined) return why;
    this.#wish = uplink === undefined ? undefined : { uplink, until };
    if (uplink !== undefined) this.#path(uplink).blockedUntil = undefined; // the wish is newer than what was seen
    return undefined;
  }

  /** An uplink changed from `before` to `next`; undefined: it was not there, or is gone. */
  uplinkChanged(name: string, before: UplinkFacts | undefined, next: UplinkFacts | undefined, now: Instant): void {
    const path = this.#path(name);
    if (before?.up === true && next?.up !== true) {
      this.#disprove(name, path);
      path.standbySince = undefined;
      if (this.#using === name) this.#lost = lossReason(next?.downReason);
      else if (next?.downReason !== 'disabled') countDeparture(path, now); // what the user does is no flap
      this.#endWish(name);
    } else if (before?.up !== true && next?.up === true) {
      path.standbySince = now;
      // It was down: what was known of it is stale, a captive portal may be gone.
      path.failures = 0;
    } else if (before?.up === true && next?.up === true) {
      const replaced = before.ifindex !== next.ifindex;
      if (replaced || !before.addresses.some((address) => next.addresses.includes(address))) {
        this.#disprove(name, path);
        if (this.#using === name) this.#lost = replaced ? 'device_changed' : 'address_lost';
      } else if (this.#using === name && this.#local !== undefined) {
        if (!next.addresses.includes(this.#local)) this.#lost = 'address_lost';
        else if (!next.families.includes(ipFamily(this.#local))) this.#lost = 'route_lost';
        if (this.#lost !== undefined) this.#disprove(name, path);
      }
    }
    if (this.#lost !== undefined) this.#doubt = undefined;
  }

  /** Looks at everything once: decides, races, probes, and sets the next deadline. */
  step(trigger: string, now: Instant): UplinkEffect[] {
    const effects: UplinkEffect[] = [];
    this.#now = now;
    if (this.#wish !== undefined && this.#isOutside(this.#wish.uplink)) this.#wish = undefined;
    if (this.#probing !== undefined && now >= this.#probing.expires) this.#probing = undefined;
    if (this.#wish?.until !== undefined && now >= this.#wish.until) this.#wish = undefined;
    for (const path of this.#paths.values()) if (path.blockedUntil !== undefined && path.blockedUntil <= now) path.blockedUntil = undefined;
    const candidates = this.#candidates(now);
    const verdict = decide(now, this.#situation(candidates));
    this.#emitDecision(verdict, trigger, now, effects);
    const staying = this.#pending === undefined;
    if (staying && this.#doubt !== undefined) this.#race(this.#doubt, candidates, now, effects);
    const probeAt = staying && this.#doubt === undefined ? this.#probe(candidates, now, effects) : undefined;
    const raceAt = staying && this.#doubt !== undefined && candidates.some((c) => this.#mayRace(c)) ? this.#doubt.again : undefined;
    this.#wake = earliest(
      verdict.recheckAt, this.#pending?.remindAt, probeAt, raceAt, this.#probing?.expires, this.#wish?.until,
      ...[...this.#facts.values()].map((facts) => this.#calendar.nextChange(facts.schedule, now)), ...[...this.#paths.values()].map((path) => path.blockedUntil),
    );
    return effects;
  }

  view(uplink: string, now: Instant): PathView | undefined {
    const facts = this.#facts.get(uplink);
    const path = this.#paths.get(uplink);
    if (facts === undefined || path === undefined || this.#isForeign(uplink)) return undefined;
    const current = uplink === this.#using;
    const isStandby = facts.up && !current && this.#using !== undefined;
    return {
      connection: this.name, current, standing: this.#standing(facts, path, now), rttMs: path.rttMs, answeredAt: path.lastAnswer,
      failures: path.failures, nextProbeAt: isStandby ? this.#probeAt(facts, path, now) : undefined,
    };
  }

  ranked(now: Instant): string[] {
    return this.#candidates(now).sort(compareCandidates).map((candidate) => candidate.uplink);
  }

  /** Whether `path.blocked` of the current path could lead anywhere: it is not blocked yet, and another path is not either. */
  hasAlternative(now: Instant): boolean {
    const candidates = this.#candidates(now);
    return candidates.find(({ uplink }) => uplink === this.#using)?.standing !== 'blocked' && candidates.some(({ uplink, standing }) => uplink !== this.#using && standing !== 'blocked');
  }

  explain(now: Instant): Explanation {
    const candidates = this.#candidates(now).sort(compareCandidates);
    const own = candidates.find((candidate) => candidate.uplink === this.#using);
    const verdict = decide(now, this.#situation(candidates));
    return {
      connection: this.name,
      current: this.#using,
      forced: this.#wish?.uplink,
      forcedFor: this.#wish?.until === undefined ? undefined : since(now, this.#wish.until),
      doubtful: this.#doubt?.unanswered,
      candidates: candidates.map((candidate) => {
        const wait = own !== undefined && isPreferred(candidate, own) ? returnWait(now, candidate, this.#lastVoluntary) : undefined;
        return {
          uplink: candidate.uplink, metric: candidate.metric, lastResort: candidate.lastResort, standing: candidate.standing, rttMs: candidate.rttMs, failures: candidate.failures,
          refused: isRefused(this.#path(candidate.uplink), now), departures: departuresOf(this.#path(candidate.uplink), now).length, outside: candidate.outside,
          answeredAgo: candidate.lastAnswer === undefined ? undefined : since(candidate.lastAnswer, now),
          waits: wait?.why, waitsFor: wait?.until === undefined ? undefined : since(now, wait.until),
        };
      }),
      excluded: [...this.#facts.keys()].flatMap((uplink) => {
        const why = this.#whyExcluded(uplink);
        return why === undefined ? [] : [{ uplink, why: why === 'down' ? (this.#facts.get(uplink)?.downReason ?? why) : why }];
      }),
      verdict: { to: verdict.to, reasons: verdict.reasons },
      decision: this.#decision,
    };
  }

  #situation(candidates: readonly Candidate[]): Situation {
    const excluded = this.#using === undefined ? undefined : this.#whyExcluded(this.#using);
    return { current: this.#using, lost: this.#lost ?? excluded, forced: this.#wish?.uplink, doubt: this.#doubt, lastVoluntary: this.#lastVoluntary, candidates };
  }

  #emitDecision(verdict: Verdict, trigger: string, now: Instant, effects: UplinkEffect[]): void {
    const moving = verdict.to !== this.#using || (this.#lost !== undefined && verdict.to !== undefined);
    const old = this.#pending;
    let reminders = 0;
    if (!moving) {
      this.#pending = undefined;
      if (old === undefined) return; // settled; otherwise the decision not yet followed is taken back
    } else {
      if (old !== undefined && old.to === verdict.to && old.lost === this.#lost) {
        if (old.remindAt === undefined || now < old.remindAt) return;
        reminders = old.reminders + 1;
      }
      const remindAt = verdict.to === undefined ? undefined : after(now, doubled(REMIND_AFTER, reminders, REMIND_MOST));
      this.#pending = { to: verdict.to, lost: this.#lost, reminders, remindAt };
      if (reminders === 0) this.#noteDeparture(verdict, old?.lost, now);
    }
    const decision: Decision = { to: verdict.to, reasons: verdict.reasons, trigger, at: now };
    if (reminders === 0) this.#decision = decision;
    effects.push({ type: 'decision', connection: this.name, decision });
  }

  /** @param counted the loss that the decision before this one, not yet followed, was made for */
  #noteDeparture(verdict: Verdict, counted: string | undefined, now: Instant): void {
    if (verdict.voluntary) this.#lastVoluntary = now;
    if (verdict.voluntary || this.#using === undefined) return;
    const path = this.#path(this.#using);
    if ((this.#lost === undefined || this.#lost !== counted) && this.#lost !== 'disabled') countDeparture(path, now);
    const isSilent = verdict.reasons[0] === 'black_hole' || verdict.reasons[0] === 'unanswered';
    // The user's wish has failed.
    if (isSilent || verdict.reasons[0] === 'data_blocked') this.#endWish(this.#using);
    // The path has to prove itself again.
    if (isSilent && path.failures === 0) this.#fail(path, now);
  }

  #endWish(uplink: string): void {
    if (this.#wish?.uplink === uplink) this.#wish = undefined;
  }

  #mayRace(candidate: Candidate): boolean {
    return candidate.uplink !== this.#using || this.#remotes > 1;
  }

  #race(doubt: Doubt, candidates: readonly Candidate[], now: Instant, effects: UplinkEffect[]): void {
    const others = candidates.filter((candidate) => this.#mayRace(candidate)).sort(compareCandidates).map((candidate) => candidate.uplink);
    const roundDue = now >= doubt.again;
    const wanted = roundDue ? others : others.filter((uplink) => !doubt.raced.has(uplink));
    if (wanted.length === 0) return;
    for (const uplink of wanted) doubt.raced.add(uplink);
    if (roundDue) doubt.again = after(now, doubled(RACE_AGAIN, doubt.rounds++, RACE_AGAIN_MOST));
    effects.push({ type: 'race.wanted', connection: this.name, uplinks: wanted });
  }

  /** Sends the most urgent probe that is due, one at a time (the window is 1, M3.10-1); returns when the next is due. */
  #probe(candidates: readonly Candidate[], now: Instant, effects: UplinkEffect[]): Instant | undefined {
    if (this.#using === undefined || this.#probing !== undefined) return undefined;
    let next: { readonly uplink: string; readonly at: Instant } | undefined;
    for (const { uplink } of [...candidates].sort((a, b) => (isPreferred(a, b) ? -1 : isPreferred(b, a) ? 1 : 0))) {
      const facts = this.#facts.get(uplink);
      if (facts === undefined || uplink === this.#using) continue;
      const path = this.#path(uplink);
      path.standbySince ??= now;
      if (!this.#isBetter(facts)) path.trial = undefined;
      const at = this.#probeAt(facts, path, now);
      if (next === undefined || at < next.at) next = { uplink, at };
    }
    if (next === undefined || next.at > now) return next?.at;
    this.#path(next.uplink).lastProbe = now;
    this.#probing = { uplink: next.uplink, expires: after(now, PROBE_EXPIRES) };
    effects.push({ type: 'probe.wanted', connection: this.name, uplink: next.uplink });
    return undefined;
  }

  #probeAt(facts: UplinkFacts, path: PathState, now: Instant): Instant {
    const interval = this.#isBetter(facts) ? RETURN_PACE : standbyInterval(facts);
    if (path.failures > 0 && path.lastFailure !== undefined) return after(path.lastFailure, doubled(interval, path.failures, PROBE_BACKOFF_MOST));
    const last = latest(path.lastProbe, path.lastAnswer);
    if (this.#isBetter(facts)) {
      const paced = last === undefined ? now : after(last, RETURN_PACE);
      if (path.trial === undefined || last === undefined) return paced;
      // The last probe of a trial goes out when its time is over, not up to a pace later.
      const end = after(path.trial.since, this.#returnDelay(path, now));
      return last < end && end < paced ? end : paced;
    }
    // What it said before it was last down or current does not count as asked.
    const start = path.standbySince ?? now;
    if (path.lastAnswer === undefined && (last === undefined || last < start)) return after(start, FIRST_PROBE);
    return after(last ?? start, interval);
  }

  #returnDelay(path: PathState, now: Instant): Millis {
    return doubled(RETURN_DELAY, Math.max(0, departuresOf(path, now).length - FLAP_FREE), RETURN_DELAY_MOST);
  }

  #candidates(now: Instant): Candidate[] {
    this.#now = now;
    const out: Candidate[] = [];
    for (const facts of this.#facts.values()) {
      if (this.#whyExcluded(facts.name) !== undefined) continue;
      const path = this.#path(facts.name);
      out.push({
        uplink: facts.name, metric: facts.metric, lastResort: facts.lastResort === true, outside: this.#isOutside(facts.name),
        standing: this.#standing(facts, path, now), failures: path.failures, rttMs: path.rttMs,
        lastAnswer: path.lastAnswer, trial: path.trial, returnDelay: this.#returnDelay(path, now),
      });
    }
    return out;
  }

  #standing(facts: UplinkFacts, path: PathState, now: Instant): Standing {
    if (path.failures > 0 || isRefused(path, now)) return 'silent';
    if (path.blockedUntil !== undefined) return 'blocked';
    // The tunnel is what counts: who carries it, or answered through it since, needs no other witness.
    const cutOff = facts.name === this.#using ? undefined : this.#cutOff.get(facts.name);
    if (cutOff !== undefined && (path.lastAnswer === undefined || path.lastAnswer < cutOff)) return 'silent';
    const isFresh = path.lastAnswer !== undefined && since(path.lastAnswer, now) <= standbyInterval(facts) * PROVEN_INTERVALS;
    return isFresh ? 'proven' : 'unproven';
  }

  /** Better than the current uplink, so that we want to go back to it. */
  #isBetter(facts: UplinkFacts): boolean {
    const own = this.#using === undefined ? undefined : this.#facts.get(this.#using);
    return own !== undefined && this.#wish === undefined && isPreferred(this.#tierOf(facts), this.#tierOf(own)) && this.#paths.get(facts.name)?.blockedUntil === undefined;
  }

  #tierOf({ name, metric, lastResort }: UplinkFacts): Tier {
    return { metric, lastResort: lastResort === true, outside: this.#isOutside(name) };
  }

  #isOutside(uplink: string): boolean {
    return !this.#calendar.isOpen(this.#facts.get(uplink)?.schedule, this.#now);
  }

  #isForeign(uplink: string): boolean {
    return this.#uplinks.length > 0 && !this.#uplinks.includes(uplink);
  }

  #whyExcluded(uplink: string): RefusalReason | undefined {
    const facts = this.#facts.get(uplink);
    if (facts === undefined) return 'unknown_uplink';
    if (this.#isForeign(uplink)) return 'not_allowed';
    if (!facts.up) return 'down';
    if (this.#families.length > 0 && !facts.families.some((family) => this.#families.includes(family))) return 'no_common_family';
    // A path that works is no choice: it stays until another one answers.
    if (this.#isOutside(uplink) && (uplink !== this.#using || this.#lost !== undefined)) return 'outside_schedule';
    return undefined;
  }

  #fail(path: PathState, now: Instant): void {
    path.failures++;
    path.lastFailure = now;
    path.trial = undefined;
  }

  /** The path that was proven does not exist any more. */
  #disprove(uplink: string, path: PathState): void {
    path.lastAnswer = undefined;
    path.rttMs = undefined;
    path.refusedUntil = undefined; // another address may be welcome
    path.failures = 0;
    path.trial = undefined;
    path.blockedUntil = undefined;
    if (this.#probing?.uplink === uplink) this.#probing = undefined;
  }

  #path(uplink: string): PathState {
    let path = this.#paths.get(uplink);
    if (path === undefined) {
      path = fresh();
      this.#paths.set(uplink, path);
      if (this.#paths.size > this.#facts.size + MOST_FORGOTTEN_PATHS) this.#forgetOldest(uplink);
    }
    return path;
  }

  #forgetOldest(keep: string): void {
    for (const uplink of this.#paths.keys()) {
      if (this.#facts.has(uplink) || uplink === keep || uplink === this.#using) continue;
      this.#paths.delete(uplink);
      return;
    }
  }
}

const departuresOf = (path: PathState, now: Instant): readonly Instant[] => path.departures.filter((at) => since(at, now) < FLAP_WINDOW);

function countDeparture(path: PathState, now: Instant): void {
  path.departures = [...departuresOf(path, now), now].slice(-MOST_DEPARTURES);
}

const isRefused = (path: PathState, now: Instant): boolean => path.refusedUntil !== undefined && now < path.refusedUntil;

function standbyInterval(facts: UplinkFacts): Millis {
  return facts.metered || facts.lastResort === true ? STANDBY_INTERVAL_METERED : STANDBY_INTERVAL;
}

function latest(a: Instant | undefined, b: Instant | undefined): Instant | undefined {
  return a === undefined || (b !== undefined && b > a) ? b : a;
}
