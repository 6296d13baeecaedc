import { Backoff, TimerTable, after, formatEndpoint, millis, minutes, parseIp, printable, seconds, since, unreachable } from '../base/index.ts';
import type { Instant, IpAddress, JsonObject, Millis } from '../base/index.ts';
import type { LogLevel, MqttConfig } from '../config/index.ts';
import type { Effect, Entropy, InputOf, MqttInput, MqttMessage } from '../ports/index.ts';
import { DocumentShelf } from './document-shelf.ts';
import type { Stamp } from './event-log.ts';
import { EventQueue } from './event-queue.ts';
import type { StampedEvent } from './events.ts';
import { spanText } from './text.ts';
import { availabilityMessage, eventMessage, topicBase, topicPart } from './topics.ts';

/** Publishes without an answer at a time; small enough that little is sent twice after a failover. */
export const WINDOW = 16;
/** Shorter than the time in which a NAT forgets a TCP connection; the Last Will comes 1.5 times this after silence. */
const KEEPALIVE: Millis = seconds(30);
/** A failover and the reconnect after it take less, so `availability` does not flap; a dead router shows after a minute. */
export const WILL_DELAY: Millis = seconds(60);
/** Longer than the will delay, or the session's end would send the will early (MQTT 5 §3.1.3.2.2). */
const SESSION_EXPIRY: Millis = minutes(10);
/** Lookup, TCP, TLS and CONNACK together; the slowest satellite path needs about 5 s. */
const CONNECT_TIME: Millis = seconds(15);
/** In flight without any answer for this long: the broker hangs although TCP lives. */
const STALL_TIME: Millis = seconds(30);
/** A connection that lasted this long was a good one: the next back-off starts anew. */
const STABLE: Millis = seconds(10);
/** A clean stop: time for the last events, then for `offline`; together within the 2 s a SIGTERM may take. */
const STOP_DRAIN: Millis = millis(600);
const STOP_OFFLINE: Millis = millis(400);
/** 1 s to 5 min with half of it as jitter: a fleet behind one broker comes back after its outage, spread out. */
const BACKOFF = { first: seconds(1), factor: 2, most: minutes(5), jitter: 0.5 };
/** Addresses of a broker's name that are tried; a name with more is trying to keep us busy. */
const MOST_ADDRESSES = 8;

/** How the broker is reached at this time. A `local` address that changed is a new path: the old TCP connection is dead. */
export type ReportRoute =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'uplink';
      readonly uplink: string;
      readonly ifindex: number;
      readonly servers: readonly IpAddress[];
      readonly mark: number;
      readonly local?: IpAddress | undefined;
    }
  /** By routing table; the connection survives every move of the tunnel. */
  | { readonly kind: 'tunnel' };

export type ReportCommand =
  | { readonly type: 'report.event'; readonly event: StampedEvent }
  /** The documents as they are; cheap to repeat. What is measured waits for the interval, the rest for one second. */
  | {
      readonly type: 'report.state';
      readonly stamp: Stamp;
      readonly state: JsonObject;
      readonly uplinks: { readonly [name: string]: JsonObject };
      readonly connections: { readonly [name: string]: JsonObject };
      readonly explanations?: { readonly [name: string]: JsonObject };
    }
  | { readonly type: 'report.route'; readonly route: ReportRoute }
  /** Say `offline`, DISCONNECT; `stopped` turns true within about a second. Nothing follows it. */
  | { readonly type: 'report.stop' };

export type ReporterInput = ReportCommand | MqttInput | InputOf<'resolver.answered'> | { readonly type: 'tick' };

/**
 *   idle       -> resolving | connecting   a route came
 *   resolving  -> connecting | waiting     the name has addresses, or not
 *   connecting -> connected | connecting | waiting    CONNACK; the next address; none left
 *   connected  -> waiting                  closed, stalled
 *   waiting    -> resolving | connecting   back-off over
 *   any        -> resolving | connecting   the route changed, at once; -> idle without a route
 *   connected  -> stopping -> stopped      clean stop; any other -> stopped
 */
type Link =
  | { readonly phase: 'idle' }
  | { readonly phase: 'resolving'; readonly opId: number }
  | { readonly phase: 'connecting'; readonly opId: number; readonly address: IpAddress }
  | { readonly phase: 'connected'; readonly opId: number; readonly address: IpAddress; readonly since: Instant }
  | { readonly phase: 'waiting'; readonly until: Instant }
  | { readonly phase: 'stopping'; readonly opId: number; readonly offline: number | undefined }
  | { readonly phase: 'stopped' };

const TIMERS = ['connect', 'backoff', 'stall', 'debounce', 'interval', 'drain', 'offline'] as const;
type TimerName = (typeof TIMERS)[number];

export interface ReporterSetup {
  readonly config: MqttConfig;
  readonly nodeId: string;
  readonly entropy: Entropy;
  /** Numbers for `opId`, unique in the daemon. */
  readonly nextOpId: () => number;
}

function routeKey(route: ReportRoute): string {
  return route.kind === 'uplink' ? `uplink|${route.uplink}|${route.ifindex}|${route.mark}|${route.local ?? ''}` : route.kind;
}

/** Keeps one broker told: one machine for each `config mqtt` section. See the door for the model. */
export class MqttReporter {
  readonly #config: MqttConfig;
  readonly #clientId: string;
  readonly #base: string;
  readonly #entropy: Entropy;
  readonly #nextOpId: () => number;
  readonly #timers = new TimerTable<TimerName>();
  readonly #backoff = new Backoff(BACKOFF);
  readonly #queue: EventQueue;
  readonly #shelf: DocumentShelf;
  /** `online` and documents in flight; events are in the queue. At most `WINDOW` with them. */
  readonly #inFlight = new Map<number, 'online' | { readonly topic: string; readonly key: string }>();
  #link: Link = { phase: 'idle' };
  #route: ReportRoute = { kind: 'none' };
  /** Addresses of the broker not tried yet. */
  #candidates: IpAddress[] = [];
  #lastError = '';
  #eventsInFlight = 0;
  #refusals = 0;

  constructor(setup: ReporterSetup) {
    this.#config = setup.config;
    this.#clientId = `mobiked-${topicPart(setup.nodeId)}`;
    this.#base = topicBase(setup.config.topicPrefix, setup.nodeId);
    this.#entropy = setup.entropy;
    this.#nextOpId = setup.nextOpId;
    this.#queue = new EventQueue(setup.config.queue);
    this.#shelf = new DocumentShelf();
  }

  get deadline(): Instant | undefined {
    return this.#timers.next();
  }

  /** The clean stop is over; nothing more will be said. */
  get stopped(): boolean {
    return this.#link.phase === 'stopped';
  }

  /** Events the broker did not confirm: for the reporter that follows this one in its section. */
  get unsent(): readonly StampedEvent[] {
    return this.#queue.unsent();
  }

  /** The interval has passed: the next `report.state` is published in full, so fresh documents are worth making. */
  get wantsState(): boolean {
    return this.#link.phase === 'connected' && this.#shelf.fullWanted;
  }

  /** What the daemon shows of this broker in its status; no secrets. */
  get status(): JsonObject {
    return {
      broker: `${this.#config.tls ? 'mqtts' : 'mqtt'}://${this.#config.host}:${this.#config.port}`,
      phase: this.#link.phase,
      via: this.#route.kind === 'uplink' ? this.#route.uplink : this.#route.kind,
      queued_count: this.#queue.length,
      dropped_count: this.#queue.dropped,
      refused_count: this.#refusals,
      last_error: this.#lastError,
    };
  }

  handle(input: ReporterInput, now: Instant): Effect[] {
    if (this.#link.phase === 'stopped') return [];
    switch (input.type) {
      case 'report.event': return this.#event(input.event, now);
      case 'report.state': {
        const changed = this.#shelf.put(this.#base, input);
        if (this.#link.phase !== 'connected') return [];
        if (changed) this.#timers.setIfEarlier('debounce', after(now, seconds(1)));
        return this.#pump(now);
      }
      case 'report.route': return this.#setRoute(input.route, now);
      case 'report.stop': return this.#stop(now);
      case 'mqtt.connected': return this.#connected(input, now);
      case 'mqtt.closed': {
        const link = this.#link;
        if (link.phase === 'stopping' && link.opId === input.opId) return this.#end([]);
        if ((link.phase !== 'connecting' && link.phase !== 'connected') || link.opId !== input.opId) return [];
        return this.#failed(printable(input.why), now);
      }
      case 'mqtt.published': return this.#published(input, now);
      case 'resolver.answered': return this.#resolved(input, now);
      case 'tick': {
        const effects: Effect[] = [];
        for (const name of this.#timers.takeDue(now)) effects.push(...this.#onTimer(name, now));
        return effects;
      }
      default: return unreachable(input);
    }
  }

  // ---- The connection ----------------------------------------------------------------------------------------------

  #setRoute(route: ReportRoute, now: Instant): Effect[] {
    const same = routeKey(route) === routeKey(this.#route);
    const before = this.#route;
    this.#route = route;
    if (same) return [];
    const effects = this.#drop();
    if (this.#link.phase === 'stopping') return this.#end(effects);
    this.#candidates = [];
    this.#backoff.reset();
    if (route.kind === 'none') {
      this.#link = { phase: 'idle' };
      return effects;
    }
    if (effects.length > 0) effects.push(this.#log('info', `the path changed from ${routeName(before)} to ${routeName(route)}, connecting anew`));
    effects.push(...this.#connect(now));
    return effects;
  }

  /** Leaves the connection, or the attempt, without a word: its path is gone or useless. */
  #drop(): Effect[] {
    const { phase } = this.#link;
    for (const name of ['connect', 'backoff', 'stall', 'debounce', 'interval', 'drain', 'offline'] as const) this.#timers.clear(name);
    this.#queue.recall();
    this.#eventsInFlight = 0;
    this.#inFlight.clear();
    return phase === 'connecting' || phase === 'connected' || phase === 'stopping' ? [{ type: 'mqtt.close', name: this.#config.name, graceful: false }] : [];
  }

  /** Starts an attempt: the next address if one is left, otherwise the name is asked again. */
  #connect(now: Instant): Effect[] {
    const route = this.#route;
    if (route.kind === 'none') {
      this.#link = { phase: 'idle' };
      return [];
    }
    const ifindex = route.kind === 'uplink' ? route.ifindex : 0;
    const mark = route.kind === 'uplink' ? route.mark : 0;
    const opId = this.#nextOpId();
    this.#timers.set('connect', after(now, CONNECT_TIME));
    const address = parseIp(this.#config.host) ?? this.#candidates.shift();
    if (address === undefined) {
      this.#link = { phase: 'resolving', opId };
      return [{ type: 'resolver.resolve', opId, name: this.#config.host, servers: route.kind === 'uplink' ? route.servers : [], ifindex, mark }];
    }
    this.#link = { phase: 'connecting', opId, address };
    return [{
      type: 'mqtt.connect', name: this.#config.name, opId, address, host: this.#config.host, port: this.#config.port, tls: this.#config.tls,
      ca: this.#config.ca, username: this.#config.username, password: this.#config.password, clientId: this.#clientId, keepalive: KEEPALIVE,
      will: availabilityMessage(this.#base, false), willDelay: WILL_DELAY, sessionExpiry: SESSION_EXPIRY, ifindex, mark,
    }];
  }

  #resolved(input: InputOf<'resolver.answered'>, now: Instant): Effect[] {
    if (this.#link.phase !== 'resolving' || this.#link.opId !== input.opId) return [];
    this.#candidates = input.addresses.slice(0, MOST_ADDRESSES);
    if (this.#candidates.length === 0) return this.#failed(`cannot resolve ${this.#config.host}: ${printable(input.why ?? 'no address')}`, now);
    return this.#connect(now);
  }

  #connected(input: InputOf<'mqtt.connected'>, now: Instant): Effect[] {
    const link = this.#link;
    if (link.phase !== 'connecting' || link.opId !== input.opId) return [];
    this.#link = { phase: 'connected', opId: link.opId, address: link.address, since: now };
    this.#timers.clear('connect');
    this.#candidates = [];
    this.#lastError = '';
    this.#shelf.forget(); // the broker may have lost what it retained
    this.#timers.set('interval', after(now, this.#config.interval));
    const effects: Effect[] = [this.#log('info', `connected to ${formatEndpoint({ address: link.address, port: this.#config.port })} via ${routeName(this.#route)}`)];
    effects.push(this.#publish('online', availabilityMessage(this.#base, true), now));
    effects.push(...this.#pump(now));
    return effects;
  }

  /** An attempt or a connection failed: the next address at once, or the back-off. */
  #failed(why: string, now: Instant): Effect[] {
    const link = this.#link;
    const effects = this.#drop();
    if (link.phase === 'connected' && since(link.since, now) >= STABLE) this.#backoff.reset();
    const next = link.phase === 'connecting' && this.#candidates.length > 0;
    const wait = next ? millis(0) : this.#backoff.next((this.#entropy.bytes(1, 'mqtt backoff')[0] ?? 0) / 256);
    // The same failure again and again is one line in the log, not one a minute.
    const level = why === this.#lastError ? 'debug' : 'warn';
    this.#lastError = why;
    effects.push(this.#log(level, `${why}; next try ${next ? `at ${this.#candidates[0] ?? ''}` : `in ${spanText(wait)}`}`));
    if (next) return [...effects, ...this.#connect(now)];
    const until = after(now, wait);
    this.#link = { phase: 'waiting', until };
    this.#timers.set('backoff', until);
    return effects;
  }

  // ---- What is said ------------------------------------------------------------------------------------------------

  #event(event: StampedEvent, now: Instant): Effect[] {
    const before = this.#queue.dropped;
    const effects: Effect[] = [];
    if (this.#queue.push(event) && before === 0) effects.push(this.#log('warn', `the queue of ${this.#config.queue} events is full, the oldest are dropped`));
    effects.push(...this.#pump(now));
    return effects;
  }

  /** Sends what there is, up to the window: events in their order, then documents. */
  #pump(now: Instant): Effect[] {
    const { phase } = this.#link;
    if (phase !== 'connected' && !(phase === 'stopping' && this.#link.offline === undefined)) return [];
    const effects: Effect[] = [];
    while (this.#outstanding() < WINDOW) {
      const item = this.#queue.next();
      if (item) {
        item.sent = true;
        item.opId = this.#nextOpId();
        this.#eventsInFlight++;
        effects.push(this.#send(item.opId, eventMessage(this.#base, item.stamped), now));
        continue;
      }
      const document = phase === 'connected' ? this.#shelf.next() : undefined;
      if (!document) break;
      effects.push(this.#publish(document, document.message, now));
    }
    return effects;
  }

  #outstanding(): number {
    return this.#inFlight.size + this.#eventsInFlight;
  }

  #publish(what: 'online' | { readonly topic: string; readonly key: string }, message: MqttMessage, now: Instant): Effect {
    const opId = this.#nextOpId();
    this.#inFlight.set(opId, what);
    return this.#send(opId, message, now);
  }

  #send(opId: number, message: MqttMessage, now: Instant): Effect {
    if (!this.#timers.has('stall')) this.#timers.set('stall', after(now, STALL_TIME));
    return { type: 'mqtt.publish', name: this.#config.name, opId, message };
  }

  #published(input: InputOf<'mqtt.published'>, now: Instant): Effect[] {
    const { phase } = this.#link;
    if (phase !== 'connected' && phase !== 'stopping') return [];
    const effects: Effect[] = [];
    const what = this.#inFlight.get(input.opId);
    if (what !== undefined) {
      this.#inFlight.delete(input.opId);
      if (what !== 'online') this.#shelf.done(what.topic, what.key);
    } else if (this.#queue.done(input.opId)) this.#eventsInFlight--;
    else if (!(phase === 'stopping' && this.#link.offline === input.opId)) return [];
    // A broker that says no says it again: the message is given up, and a person is told once.
    if (input.refused !== undefined) effects.push(this.#refused(printable(input.refused)));
    this.#timers.clear('stall');
    if (this.#outstanding() > 0) this.#timers.set('stall', after(now, STALL_TIME));
    if (phase === 'stopping') {
      if (this.#link.offline === input.opId) {
        this.#timers.clear('offline');
        return this.#end([...effects, { type: 'mqtt.close', name: this.#config.name, graceful: true }]);
      }
      effects.push(...this.#pump(now));
      if (this.#queue.empty && this.#outstanding() === 0) effects.push(...this.#sayOffline(now));
      return effects;
    }
    effects.push(...this.#pump(now));
    return effects;
  }

  #refused(why: string): Effect {
    this.#refusals++;
    const text = `the broker refused a message: ${why}`;
    const level = text === this.#lastError ? 'debug' : 'warn';
    this.#lastError = text;
    return this.#log(level, text);
  }

  // ---- The end -----------------------------------------------------------------------------------------------------

  #stop(now: Instant): Effect[] {
    if (this.#link.phase === 'stopping') return [];
    if (this.#link.phase !== 'connected') return this.#end(this.#drop());
    this.#link = { phase: 'stopping', opId: this.#link.opId, offline: undefined };
    for (const name of ['debounce', 'interval', 'stall'] as const) this.#timers.clear(name);
    const effects = this.#pump(now);
    if (this.#queue.empty && this.#outstanding() === 0) return [...effects, ...this.#sayOffline(now)];
    this.#timers.set('drain', after(now, STOP_DRAIN));
    return effects;
  }

  #sayOffline(now: Instant): Effect[] {
    if (this.#link.phase !== 'stopping' || this.#link.offline !== undefined) return [];
    const offline = this.#nextOpId();
    this.#link = { ...this.#link, offline };
    this.#timers.clear('drain');
    this.#timers.clear('stall');
    this.#timers.set('offline', after(now, STOP_OFFLINE));
    return [{ type: 'mqtt.publish', name: this.#config.name, opId: offline, message: availabilityMessage(this.#base, false) }];
  }

  #end(effects: Effect[]): Effect[] {
    this.#timers.clearAll();
    this.#link = { phase: 'stopped' };
    return effects;
  }

  // ---- Timers ------------------------------------------------------------------------------------------------------

  #onTimer(name: TimerName, now: Instant): Effect[] {
    switch (name) {
      case 'connect': {
        const { phase } = this.#link;
        if (phase === 'resolving') return this.#failed(`cannot resolve ${this.#config.host}: no answer`, now);
        return phase === 'connecting' ? this.#failed(`no answer within ${spanText(CONNECT_TIME)}`, now) : [];
      }
      case 'backoff': return this.#link.phase === 'waiting' ? this.#connect(now) : [];
      case 'stall': return this.#link.phase === 'connected' ? this.#failed(`no acknowledgement within ${spanText(STALL_TIME)}`, now) : [];
      case 'debounce':
        this.#shelf.releaseChanged();
        return this.#pump(now);
      case 'interval':
        this.#timers.set('interval', after(now, this.#config.interval));
        this.#shelf.wantFull();
        return [];
      case 'drain': return this.#sayOffline(now);
      case 'offline': return this.#end([{ type: 'mqtt.close', name: this.#config.name, graceful: false }]);
      default: return unreachable(name);
    }
  }

  #log(level: LogLevel, text: string): Effect {
    return { type: 'log.write', level, text: `mqtt ${this.#config.name}: ${text}` };
  }
}

function routeName(route: ReportRoute): string {
  return route.kind === 'uplink' ? `uplink ${route.uplink}` : route.kind === 'tunnel' ? 'the tunnel' : 'no path';
}
