import { after, earliest, ipFamily, TimerTable, unreachable, type Instant, type UplinkFacts } from '../base/index.ts';
import { ConnectionChoice, lossReason } from './connection.ts';
import { Calendar } from './schedule.ts';
import { DEBOUNCE, DEBOUNCE_MOST } from './tuning.ts';
import type { Explanation, UplinkEffect, UplinkInput, UplinkView, Wish } from './types.ts';

const TIMERS = ['debounce'] as const;
type TimerName = (typeof TIMERS)[number];

/**
 * The state of every uplink and the choice of every connection. Losses count in the call that tells of them; gains and
 * other changes when they have been quiet for `DEBOUNCE`. The first list is taken as it is.
 */
export class UplinkPolicy {
  /** What counts now. */
  readonly #facts = new Map<string, UplinkFacts>();
  readonly #since = new Map<string, Instant>();
  /** What was observed and does not count yet. */
  readonly #pending = new Map<string, UplinkFacts>();
  #pendingSince: Instant | undefined;
  #primed = false;
  readonly #connections = new Map<string, ConnectionChoice>();
  /** Uplinks whose targets do not answer, or a portal in their place, and since when. */
  readonly #cutOff = new Map<string, Instant>();
  readonly #calendar = new Calendar();
  readonly #timers = new TimerTable<TimerName>();

  get deadline(): Instant | undefined {
    return earliest(this.#timers.next(), ...[...this.#connections.values()].map((connection) => connection.deadline));
  }

  handle(input: UplinkInput, now: Instant): UplinkEffect[] {
    switch (input.type) {
      case 'facts.observed':
        return this.#observe(input.facts, now);
      case 'connection.watched': {
        const known = this.#connections.get(input.connection);
        const connection = known ?? new ConnectionChoice(input.connection, this.#facts, this.#calendar, this.#cutOff);
        if (known === undefined) {
          this.#connections.set(input.connection, connection);
          for (const facts of this.#facts.values()) connection.uplinkChanged(facts.name, undefined, facts, now);
        }
        connection.watch(input.uplinks, input.families, input.remotes);
        return connection.step(input.type, now);
      }
      case 'connection.forgotten':
        this.#connections.delete(input.connection);
        return [];
      case 'clock.told':
        this.#calendar.set(input.clock);
        return [...this.#connections.values()].flatMap((connection) => connection.step(input.type, now));
      case 'tick':
        return this.#tick(now);
      case 'uplink.reached': {
        if (input.state === 'unreachable' || input.state === 'captive') this.#cutOff.set(input.uplink, now);
        else this.#cutOff.delete(input.uplink);
        return [...this.#connections.values()].flatMap((connection) => connection.step(input.type, now));
      }
      case 'switch.requested': {
        const refused = this.#connections.get(input.connection)?.force(input.uplink, input.lasts === undefined ? undefined : after(now, input.lasts), now);
        const reason = this.#connections.has(input.connection) ? refused : 'unknown_connection';
        if (reason !== undefined) return [{ type: 'switch.refused', connection: input.connection, uplink: input.uplink ?? '', reason }];
        break;
      }
      case 'connection.using':
        this.#connections.get(input.connection)?.use(input.uplink, input.local);
        break;
      case 'path.answered':
        this.#connections.get(input.connection)?.answered(input.uplink, input.rttMs, now);
        break;
      case 'path.inbound':
        this.#connections.get(input.connection)?.inbound(input.uplink, input.at ?? now);
        break;
      case 'path.unanswered':
        this.#connections.get(input.connection)?.unanswered(input.uplink, now);
        break;
      case 'path.blocked':
        this.#connections.get(input.connection)?.blocked(input.uplink, now);
        break;
      case 'path.refused':
        this.#connections.get(input.connection)?.refused(input.uplink, now);
        break;
      case 'path.doubtful':
        this.#connections.get(input.connection)?.doubtful(input.uplink, input.unanswered, now);
        break;
      default:
        return unreachable(input);
    }
    return this.#connections.get(input.connection)?.step(input.type, now) ?? [];
  }

  /** The uplink as it counts now (gains after the debounce). */
  uplink(name: string): UplinkFacts | undefined {
    return this.#facts.get(name);
  }

  /** Uplinks the connection may use now, best first: the order of the first handshake (M3.1-1). */
  candidates(connection: string, now: Instant): readonly string[] {
    return this.#connections.get(connection)?.ranked(now) ?? [];
  }

  /** Whether it could help to call the connection's current path blocked. */
  hasAlternative(connection: string, now: Instant): boolean {
    return this.#connections.get(connection)?.hasAlternative(now) ?? false;
  }

  explain(connection: string, now: Instant): Explanation | undefined {
    return this.#connections.get(connection)?.explain(now);
  }

  /** What the user wants of the connection, while that holds. */
  wish(connection: string): Wish | undefined {
    return this.#connections.get(connection)?.wish;
  }

  views(now: Instant): UplinkView[] {
    const connections = [...this.#connections.values()];
    return [...this.#facts.values()].map((facts) => ({
      facts,
      since: this.#since.get(facts.name) ?? now,
      inSchedule: this.#calendar.isOpen(facts.schedule, now),
      paths: connections.flatMap((connection) => connection.view(facts.name, now) ?? []),
    }));
  }

  #tick(now: Instant): UplinkEffect[] {
    const effects: UplinkEffect[] = [];
    let settled = false;
    for (const name of this.#timers.takeDue(now)) {
      switch (name) {
        case 'debounce':
          settled = true;
          this.#pendingSince = undefined;
          for (const facts of this.#pending.values()) this.#apply(facts.name, facts, now, effects);
          this.#pending.clear();
          break;
        default:
          unreachable(name);
      }
    }
    for (const connection of this.#connections.values()) effects.push(...connection.step(settled ? 'facts.settled' : 'tick', now));
    return effects;
  }

  #observe(observed: readonly UplinkFacts[], now: Instant): UplinkEffect[] {
    const effects: UplinkEffect[] = [];
    const names = new Set(observed.map((facts) => facts.name));
    let acted = false;
    let gained = false;
    for (const name of this.#pending.keys()) if (!names.has(name)) this.#pending.delete(name);
    for (const name of [...this.#facts.keys()]) {
      if (names.has(name)) continue;
      this.#apply(name, undefined, now, effects);
      acted = true;
    }
    for (const next of observed) {
      const before = this.#facts.get(next.name);
      if (before !== undefined && sameFacts(before, next)) {
        this.#pending.delete(next.name);
      } else if (!this.#primed || !next.up || (before !== undefined && isLoss(before, next))) {
        this.#pending.delete(next.name);
        this.#apply(next.name, next, now, effects);
        acted = true;
      } else {
        const waiting = this.#pending.get(next.name);
        if (waiting === undefined || !sameFacts(waiting, next)) gained = true;
        this.#pending.set(next.name, next);
      }
    }
    this.#primed = true;
    if (this.#pending.size === 0) {
      this.#pendingSince = undefined;
      this.#timers.clear('debounce');
    } else if (gained) {
      this.#pendingSince ??= now;
      this.#timers.set('debounce', earliest(after(now, DEBOUNCE), after(this.#pendingSince, DEBOUNCE_MOST)) ?? now);
    }
    if (acted) for (const connection of this.#connections.values()) effects.push(...connection.step('facts.observed', now));
    return effects;
  }

  #apply(name: string, next: UplinkFacts | undefined, now: Instant, effects: UplinkEffect[]): void {
    const before = this.#facts.get(name);
    if (next === undefined) this.#facts.delete(name);
    else this.#facts.set(name, next);
    if (before === undefined || before.up !== next?.up) {
      this.#since.set(name, now);
      if (next?.up === true) effects.push({ type: 'uplink.changed', uplink: name, state: 'up', reason: 'usable' });
      else if (next !== undefined || before?.up === true) effects.push({ type: 'uplink.changed', uplink: name, state: 'down', reason: next === undefined ? lossReason(undefined) : (next.downReason ?? 'down') });
    }
    if (next === undefined) this.#since.delete(name);
    for (const connection of this.#connections.values()) connection.uplinkChanged(name, before, next, now);
  }
}

/** Something that could be used is gone: up, the device, an address, or the last route of a family. */
function isLoss(before: UplinkFacts, next: UplinkFacts): boolean {
  if (!before.up) return false;
  return (
    !next.up ||
    before.ifindex !== next.ifindex ||
    before.addresses.some((address) => before.families.includes(ipFamily(address)) && !next.addresses.includes(address)) ||
    before.families.some((family) => !next.families.includes(family))
  );
}

function sameFacts(a: UplinkFacts, b: UplinkFacts): boolean {
  return (
    a.device === b.device && a.ifindex === b.ifindex && a.up === b.up && a.downReason === b.downReason && a.mtu === b.mtu &&
    a.metric === b.metric && a.metered === b.metered && a.lastResort === b.lastResort && scheduleText(a) === scheduleText(b) &&
    sameList(a.addresses, b.addresses) && sameList(a.families, b.families) && sameList(a.dnsServers, b.dnsServers)
  );
}

const scheduleText = ({ schedule }: UplinkFacts): string => (schedule ?? []).map(({ text }) => text).join(';');

function sameList<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((value, at) => value === b[at]);
}
