// Runs the uplink policy through a table of steps on a virtual clock: a peer that answers probes and races through the
// uplinks that work, and a daemon that follows decisions at once. After every step the invariants of a policy hold.
import assert from 'node:assert/strict';
import { instant, ip, ipFamily, millis, type IpFamily, type ScheduleWindow, type UplinkFacts } from '../../src/base/index.ts';
import { UplinkPolicy, type UplinkEffect, type UplinkInput } from '../../src/uplink/index.ts';

/** A change of one uplink; addresses are text. Undefined removes it. */
export interface Change {
  readonly up?: boolean;
  readonly reason?: string;
  readonly addresses?: readonly string[];
  readonly families?: readonly IpFamily[];
  readonly metric?: number;
  readonly metered?: boolean;
  readonly lastResort?: boolean;
  readonly schedule?: readonly ScheduleWindow[];
  readonly ifindex?: number;
}

export interface Step {
  /** Milliseconds since the start. */
  readonly at: number;
  /** Uplinks that changed; the whole list is then observed. */
  readonly facts?: { readonly [uplink: string]: Change | undefined };
  /** Round trip through the uplink to the peer; undefined: nothing comes back. */
  readonly peer?: { readonly [uplink: string]: number | undefined };
  readonly input?: UplinkInput;
  /** Effects since the step before, up to and including this one, as text. Left out: not looked at. */
  readonly expect?: readonly string[];
}

export interface Options {
  readonly uplinks?: readonly string[];
  readonly families?: readonly IpFamily[];
  /** Addresses of the peer. */
  readonly remotes?: number;
  /** Shows `probe` lines. */
  readonly probes?: boolean;
  /** Nothing answers or gives up by itself: the table says all. */
  readonly manual?: boolean;
  /** The daemon ignores decisions. */
  readonly deaf?: boolean;
  /** The outer address told with `connection.using`. */
  readonly local?: string;
}

/** A probe gives up after sends at 0, 0.5 and 1.4 s. */
export const GIVE_UP = 2900;

export class Bench {
  readonly policy = new UplinkPolicy();
  now = 0;
  using: string | undefined;
  log: string[] = [];
  readonly all: string[] = [];
  readonly #options: Options;
  readonly #facts = new Map<string, UplinkFacts>();
  readonly #peer = new Map<string, number | undefined>();
  readonly #later: { at: number; input: UplinkInput }[] = [];

  constructor(options: Options = {}) {
    this.#options = options;
    this.give({ type: 'connection.watched', connection: 'hq', uplinks: options.uplinks ?? [], families: options.families ?? [4, 6], ...(options.remotes === undefined ? {} : { remotes: options.remotes }) });
  }

  run(steps: readonly Step[]): void {
    for (const step of steps) {
      this.advance(step.at);
      for (const [uplink, rtt] of Object.entries(step.peer ?? {})) this.#peer.set(uplink, rtt);
      if (step.facts !== undefined) this.observe(step.facts);
      if (step.input !== undefined) this.give(step.input);
      if (step.expect !== undefined) assert.deepEqual(this.log, step.expect, `at ${step.at} ms; before:\n${this.all.join('\n')}`);
      this.log = [];
    }
  }

  observe(changes: { readonly [uplink: string]: Change | undefined }): void {
    for (const [name, change] of Object.entries(changes)) {
      if (change === undefined) this.#facts.delete(name);
      else this.#facts.set(name, merge(name, this.#facts.get(name), change));
    }
    this.give({ type: 'facts.observed', facts: [...this.#facts.values()] });
  }

  /** Runs timers and answers that are due up to and including `to`. */
  advance(to: number): void {
    for (let turns = 0; ; turns++) {
      assert.ok(turns < 100_000, 'the policy keeps itself busy');
      this.#later.sort((a, b) => a.at - b.at);
      const input = this.#later[0];
      const deadline = this.policy.deadline;
      const next = Math.min(input?.at ?? Infinity, deadline ?? Infinity);
      if (next > to) break;
      this.now = Math.max(this.now, next);
      if (input !== undefined && input.at <= this.now) {
        this.#later.shift();
        this.give(input.input);
      } else this.give({ type: 'tick' });
    }
    this.now = to;
  }

  give(input: UplinkInput): void {
    const effects = this.policy.handle(input, instant(this.now));
    const deadline = this.policy.deadline;
    if (input.type === 'tick') assert.ok(deadline === undefined || deadline > this.now, `deadline ${deadline} stays in the past at ${this.now}`);
    for (const effect of effects) this.#perform(effect);
  }

  #perform(effect: UplinkEffect): void {
    if (effect.type !== 'probe.wanted' || this.#options.probes === true) this.#say(effect);
    switch (effect.type) {
      case 'decision':
        assert.ok(effect.decision.reasons.length > 0, 'a decision has a reason');
        if (this.#options.deaf === true) return;
        this.using = effect.decision.to;
        if (this.using !== undefined) this.follow(this.using);
        return;
      case 'probe.wanted':
        this.#ask(effect.uplink);
        return;
      case 'race.wanted':
        for (const uplink of effect.uplinks) this.#ask(uplink);
        return;
      default:
    }
  }

  follow(uplink: string | undefined): void {
    this.using = uplink;
    const local = this.#options.local === undefined ? undefined : this.#facts.get(uplink ?? '')?.addresses[0];
    this.give({ type: 'connection.using', connection: 'hq', uplink, ...(local === undefined ? {} : { local }) });
  }

  #ask(uplink: string): void {
    if (this.#options.manual === true) return;
    const rtt = this.#peer.get(uplink);
    const up = this.#facts.get(uplink)?.up === true;
    if (rtt !== undefined && up) this.#later.push({ at: this.now + rtt, input: { type: 'path.answered', connection: 'hq', uplink, rttMs: millis(rtt) } });
    else this.#later.push({ at: this.now + GIVE_UP, input: { type: 'path.unanswered', connection: 'hq', uplink } });
  }

  #say(effect: UplinkEffect): void {
    const line = `${Math.round(this.now)} ${describe(effect)}`;
    this.log.push(line);
    this.all.push(line);
  }
}

function describe(effect: UplinkEffect): string {
  switch (effect.type) {
    case 'uplink.changed': return `${effect.uplink} ${effect.state}: ${effect.reason}`;
    case 'probe.wanted': return `probe ${effect.uplink}`;
    case 'race.wanted': return `race ${effect.uplinks.join(' ')}`;
    case 'decision': return `to ${effect.decision.to ?? 'nothing'}: ${effect.decision.reasons.join(' ')}`;
    case 'switch.refused': return `refused ${effect.uplink}: ${effect.reason}`;
  }
}

let created = 0;
function merge(name: string, old: UplinkFacts | undefined, change: Change): UplinkFacts {
  const addresses = change.addresses?.map(ip) ?? old?.addresses ?? [ip(`192.0.2.${++created % 250}`)];
  const families = change.families ?? [...new Set(addresses.map(ipFamily))];
  const up = change.up ?? (change.reason === undefined ? (old?.up ?? true) : false);
  return {
    name, device: old?.device ?? `dev-${name}`, ifindex: change.ifindex ?? old?.ifindex ?? ++created, up,
    downReason: up ? undefined : (change.reason ?? 'interface_down'), mtu: 1500, addresses, families,
    metric: change.metric ?? old?.metric ?? 10, metered: change.metered ?? old?.metered ?? false, lastResort: change.lastResort ?? old?.lastResort ?? false,
    schedule: change.schedule ?? old?.schedule ?? [], dnsServers: [],
  };
}

export const answered = (uplink: string, rtt = 20): UplinkInput => ({ type: 'path.answered', connection: 'hq', uplink, rttMs: millis(rtt) });
export const unanswered = (uplink: string): UplinkInput => ({ type: 'path.unanswered', connection: 'hq', uplink });
export const blocked = (uplink: string): UplinkInput => ({ type: 'path.blocked', connection: 'hq', uplink });
export const doubtful = (uplink: string, count = 2): UplinkInput => ({ type: 'path.doubtful', connection: 'hq', uplink, unanswered: count });
export const inbound = (uplink: string): UplinkInput => ({ type: 'path.inbound', connection: 'hq', uplink });
/** @param lasts milliseconds; undefined: until it fails */
export const force = (uplink: string | undefined, lasts?: number): UplinkInput => ({ type: 'switch.requested', connection: 'hq', uplink, lasts: lasts === undefined ? undefined : millis(lasts) });
export const refused = (uplink: string): UplinkInput => ({ type: 'path.refused', connection: 'hq', uplink });
