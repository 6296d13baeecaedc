import {
  after, earliest, ipFamily, millis, seconds, since, unreachable,
  type Instant, type IpAddress, type Millis, type ProbeFailure, type ProbeTarget, type UplinkFacts,
} from '../base/index.ts';
import { PROBE_TYPES } from './probe-types.ts';
import { doubled } from './select.ts';

/** From the moment an uplink is up to its first round; netifd has just told of it, and its routes may come in steps. */
const FIRST_ROUND: Millis = millis(300);
/** Rounds of several uplinks begin so far apart: what they share, a modem or a CPU, is not asked everything at once. */
const SPREAD: Millis = millis(500);
/** A failed round is repeated after this, twice as late each time, up to the interval. */
const DOUBT_PACE: Millis = seconds(2);
/** Rounds that fail in a row until an uplink is unreachable: at 0, 2 and 6 s, so that a burst of loss is none. */
const DOUBT_ROUNDS = 3;

/** What the targets of an uplink say of it: enough answer, they do not, somebody wants a login first, or nothing is known. */
export type Reach = 'reachable' | 'unreachable' | 'captive' | 'unknown';

/** How an uplink is probed; config's `ProbingConfig` has this shape. */
export interface Probing {
  readonly targets: readonly ProbeTarget[];
  readonly quorum: number;
  readonly interval: Millis;
}

export type ReachInput =
  /** The whole list of uplinks that are probed, up or not, whenever something about it may have changed. */
  | { readonly type: 'probing.set'; readonly uplinks: readonly { readonly facts: UplinkFacts; readonly probing: Probing }[] }
  /** The target asked last answered as it should. */
  | { readonly type: 'target.answered'; readonly uplink: string; readonly took: Millis }
  | { readonly type: 'target.failed'; readonly uplink: string; readonly why: ProbeFailure }
  /** The IKE peer is asked through this uplink: rounds keep to its beat, so that a radio wakes once. */
  | { readonly type: 'peer.asked'; readonly uplink: string }
  | { readonly type: 'tick' };

export type ReachEffect =
  /** Asks one target through the uplink; answered by `target.answered` or `target.failed`. At most one per uplink at a time. */
  | {
      readonly type: 'target.ask'; readonly uplink: string; readonly target: ProbeTarget; readonly ifindex: number;
      /** Undefined where the host of a URL is a name: its address says which family. */
      readonly local: IpAddress | undefined;
      readonly servers: readonly IpAddress[]; readonly timeout: Millis;
    }
  /** Whatever the target asked last answers is not wanted any more. */
  | { readonly type: 'target.leave'; readonly uplink: string }
  | { readonly type: 'reach.changed'; readonly uplink: string; readonly reach: Reach; readonly evidence: string };

/** What a target said last. */
export type Outcome = 'answered' | ProbeFailure | 'no_address';

/** One uplink for status. */
export interface ReachView {
  readonly reach: Reach;
  readonly since: Instant;
  readonly quorum: number;
  readonly targets: readonly { readonly text: string; readonly outcome: Outcome | undefined; readonly at: Instant | undefined; readonly took: Millis | undefined }[];
  readonly nextAt: Instant | undefined;
}

interface Asked {
  readonly target: ProbeTarget;
  outcome: Outcome | undefined;
  at: Instant | undefined;
  took: Millis | undefined;
}

/** A round: targets are asked one after the other until it is clear whether enough answer. */
interface Round {
  readonly begun: Instant;
  readonly left: Asked[];
  answers: number;
  asking: Asked | undefined;
}

interface Prober {
  facts: UplinkFacts;
  readonly probing: Probing;
  readonly asked: readonly Asked[];
  reach: Reach;
  since: Instant;
  /** Rounds in a row that did not find the uplink reachable, and those of them that met nobody at all. */
  bad: number;
  silent: number;
  round: Round | undefined;
  next: Instant | undefined;
}

/**
 * Whether the targets of each uplink answer through it. Transitions of an uplink:
 *
 *     unknown | unreachable | captive --(a round meets its quorum)--> reachable
 *     any --(a page of a portal)--> captive
 *     any --(three rounds in a row fail)--> unreachable
 *     any --(down, another device, no address left, other targets)--> unknown
 *
 * Rounds come every `interval` while they are answered; a failed one is repeated after 2 s, 4 s and so on.
 */
export class Reachability {
  readonly #probers = new Map<string, Prober>();

  get deadline(): Instant | undefined {
    return earliest(...[...this.#probers.values()].map((prober) => (prober.round === undefined ? prober.next : undefined)));
  }

  handle(input: ReachInput, now: Instant): ReachEffect[] {
    const effects: ReachEffect[] = [];
    switch (input.type) {
      case 'probing.set':
        this.#set(input.uplinks, now, effects);
        break;
      case 'target.answered':
      case 'target.failed': {
        const prober = this.#probers.get(input.uplink);
        const asked = prober?.round?.asking;
        if (prober?.round === undefined || asked === undefined) break;
        asked.outcome = input.type === 'target.answered' ? 'answered' : input.why;
        asked.took = input.type === 'target.answered' ? input.took : undefined;
        asked.at = now;
        prober.round.asking = undefined;
        this.#goOn(prober, prober.round, now, effects);
        break;
      }
      case 'peer.asked':
        this.#align(this.#probers.get(input.uplink), now);
        break;
      case 'tick':
        break;
      default:
        return unreachable(input);
    }
    for (const prober of this.#probers.values()) if (prober.round === undefined && prober.next !== undefined && prober.next <= now) this.#begin(prober, now, effects);
    return effects;
  }

  view(uplink: string): ReachView | undefined {
    const prober = this.#probers.get(uplink);
    if (prober === undefined) return undefined;
    const { reach, since: from, probing, asked, next } = prober;
    return { reach, since: from, quorum: probing.quorum, targets: asked.map(({ target, outcome, at, took }) => ({ text: target.text, outcome, at, took })), nextAt: next };
  }

  #set(uplinks: readonly { readonly facts: UplinkFacts; readonly probing: Probing }[], now: Instant, effects: ReachEffect[]): void {
    const wanted = uplinks.filter(({ probing }) => probing.targets.length > 0);
    for (const [name, prober] of this.#probers) {
      if (wanted.some(({ facts }) => facts.name === name)) continue;
      this.#forget(prober, now, effects);
      this.#probers.delete(name);
    }
    wanted.forEach(({ facts, probing }, index) => {
      const known = this.#probers.get(facts.name);
      const isSame = known !== undefined && sameProbing(known.probing, probing) && sameLine(known.facts, facts);
      if (known !== undefined) known.facts = facts;
      if (isSame) return;
      if (known !== undefined) this.#forget(known, now, effects);
      this.#probers.set(facts.name, {
        facts, probing, asked: probing.targets.map((target) => ({ target, outcome: undefined, at: undefined, took: undefined })),
        reach: 'unknown', since: now, bad: 0, silent: 0, round: undefined, next: facts.up ? after(now, millis(FIRST_ROUND + index * SPREAD)) : undefined,
      });
    });
  }

  #forget(prober: Prober, now: Instant, effects: ReachEffect[]): void {
    if (prober.round?.asking !== undefined) effects.push({ type: 'target.leave', uplink: prober.facts.name });
    prober.round = undefined;
    if (prober.reach !== 'unknown') effects.push({ type: 'reach.changed', uplink: prober.facts.name, reach: 'unknown', evidence: '' });
    prober.reach = 'unknown';
    prober.since = now;
  }

  #begin(prober: Prober, now: Instant, effects: ReachEffect[]): void {
    // Who tells more comes first, then who answered last time: a dead target costs its time-out only where it is needed.
    const order = ({ target, outcome }: Asked): number => PROBE_TYPES[target.type].rank * 2 + (outcome === undefined || outcome === 'answered' ? 0 : 1);
    prober.round = { begun: now, left: [...prober.asked].sort((a, b) => order(a) - order(b)), answers: 0, asking: undefined };
    prober.next = undefined;
    this.#ask(prober, prober.round, now, effects);
  }

  #goOn(prober: Prober, round: Round, now: Instant, effects: ReachEffect[]): void {
    const last = prober.asked.find(({ at, outcome }) => at === now && outcome === 'captive_portal');
    if (last !== undefined) return this.#end(prober, round, 'captive', now, effects);
    round.answers = prober.asked.filter(({ outcome, at }) => outcome === 'answered' && at !== undefined && at >= round.begun).length;
    this.#ask(prober, round, now, effects);
  }

  #ask(prober: Prober, round: Round, now: Instant, effects: ReachEffect[]): void {
    const { facts, probing } = prober;
    for (;;) {
      if (round.answers >= probing.quorum) return this.#end(prober, round, 'reachable', now, effects);
      const asked = round.answers + round.left.length < probing.quorum ? undefined : round.left.shift();
      if (asked === undefined) return this.#end(prober, round, 'unreachable', now, effects);
      const { target } = asked;
      const local = facts.addresses.find((address) => target.address === undefined || ipFamily(address) === ipFamily(target.address));
      if (local === undefined) {
        asked.outcome = 'no_address';
        asked.at = now;
        asked.took = undefined;
        continue;
      }
      round.asking = asked;
      const { timeout } = PROBE_TYPES[target.type];
      effects.push({ type: 'target.ask', uplink: facts.name, target, ifindex: facts.ifindex, local: target.address === undefined ? undefined : local, servers: facts.dnsServers, timeout });
      return;
    }
  }

  #end(prober: Prober, round: Round, found: Exclude<Reach, 'unknown'>, now: Instant, effects: ReachEffect[]): void {
    const { interval } = prober.probing;
    prober.round = undefined;
    prober.bad = found === 'reachable' ? 0 : prober.bad + 1;
    prober.silent = found === 'unreachable' ? prober.silent + 1 : 0;
    prober.next = found === 'reachable' ? after(round.begun, interval) : after(now, doubled(DOUBT_PACE, prober.bad - 1, interval));
    if (found === 'unreachable' && prober.silent < DOUBT_ROUNDS) return;
    if (prober.reach === found) return;
    prober.reach = found;
    prober.since = now;
    effects.push({ type: 'reach.changed', uplink: prober.facts.name, reach: found, evidence: evidenceOf(prober, round) });
  }

  /** Rounds of a good uplink go with the peer's probes, where that changes their time by less than half an interval. */
  #align(prober: Prober | undefined, now: Instant): void {
    if (prober === undefined || prober.reach !== 'reachable' || prober.bad > 0 || prober.next === undefined) return;
    const { interval } = prober.probing;
    const left = since(now, prober.next);
    prober.next = left < interval / 2 ? now : after(now, interval);
  }
}

/** Who said what in a round. */
function evidenceOf(prober: Prober, round: Round): string {
  const told = prober.asked.filter(({ at }) => at !== undefined && at >= round.begun);
  return told.map(({ target, outcome, took }) => `${target.text}: ${outcome ?? ''}${took === undefined ? '' : ` in ${Math.round(took)} ms`}`).join('; ');
}

function sameProbing(a: Probing, b: Probing): boolean {
  return a.quorum === b.quorum && a.interval === b.interval && a.targets.length === b.targets.length && a.targets.every(({ text }, index) => text === b.targets[index]?.text);
}

/** The line is still the one that was asked about. */
function sameLine(before: UplinkFacts, next: UplinkFacts): boolean {
  if (before.up !== next.up || before.ifindex !== next.ifindex) return false;
  return !next.up || before.addresses.some((address) => next.addresses.includes(address));
}
