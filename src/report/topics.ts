import type { JsonObject } from '../base/index.ts';
import type { LogLevel } from '../config/index.ts';
import type { MqttMessage } from '../ports/index.ts';
import type { Stamp } from './event-log.ts';
import type { Event, EventType, StampedEvent } from './events.ts';

/** The member of `Event` that has type `K`, also where one member has several types. */
export type EventOf<K extends EventType> = Event extends infer E ? (E extends { readonly type: infer T } ? (K extends T ? E : never) : never) : never;

/** How one event leaves the daemon. */
export interface EventRow<E> {
  /** Level of the same event in the log. */
  readonly level: LogLevel;
  /** Below `<topic_prefix>/<node_id>/`. */
  readonly topic: string;
  readonly qos: 0 | 1;
  readonly retain: boolean;
  /** Fields beside the stamp, `type` and `text`; snake_case, units in the names. */
  readonly payload: (event: E) => JsonObject;
}

const EVENT = { topic: 'event', qos: 1, retain: false } as const;
const info = { ...EVENT, level: 'info' } as const;
const warn = { ...EVENT, level: 'warn' } as const;
const error = { ...EVENT, level: 'error' } as const;

/** A move in fields a collector can store without code: whole paths for people, uplinks for graphs. */
const move = (e: EventOf<'path.moving'> | EventOf<'path.moved'>): JsonObject =>
  ({ connection: e.connection, from: e.from, to: e.to, from_uplink: e.from_uplink, to_uplink: e.to_uplink, reasons: e.reasons });
const child = (e: EventOf<'child.closed'>): JsonObject =>
  ({ connection: e.connection, child: e.child, ...(e.reason === undefined ? {} : { reason: e.reason }) });

/** Every event: topic, retention, quality of service and payload. A new event does not compile without its row. */
export const EVENTS: { readonly [K in EventType]: EventRow<EventOf<K>> } = {
  'daemon.started': { ...info, payload: (e) => ({ version: e.version }) },
  'daemon.stopping': { ...info, payload: () => ({}) },
  'daemon.fault': { ...error, payload: (e) => ({ what: e.what }) },
  'config.loaded': { ...info, payload: (e) => ({ problems: e.problems }) },
  'uplink.changed': { ...info, payload: (e) => ({ uplink: e.uplink, state: e.state, reason: e.reason }) },
  'uplink.reachability': { ...info, payload: (e) => ({ uplink: e.uplink, state: e.state, evidence: e.evidence }) },
  'connection.connecting': { ...info, payload: (e) => ({ connection: e.connection, uplink: e.uplink, remote: e.remote }) },
  'connection.established': { ...info, payload: (e) => ({ connection: e.connection, peer: e.peer, path: e.path, uplink: e.uplink, took_ms: e.took_ms }) },
  'connection.closed': {
    ...warn,
    payload: (e) => ({ connection: e.connection, reason: e.reason, ...(e.retry_ms === undefined ? {} : { retry_ms: e.retry_ms }) }),
  },
  'connection.addressed': { ...info, payload: (e) => ({ connection: e.connection, addresses: e.addresses.join(' '), dns: e.dns.join(' ') }) },
  'path.moving': { ...warn, payload: move },
  'path.moved': { ...warn, payload: (e) => ({ ...move(e), took_ms: e.took_ms }) },
  'path.doubtful': { ...warn, payload: (e) => ({ connection: e.connection, path: e.path, uplink: e.uplink, unanswered: e.unanswered }) },
  'nat.mapping_changed': { ...info, payload: (e) => ({ connection: e.connection, path: e.path, uplink: e.uplink }) },
  'child.established': { ...info, payload: child },
  'child.rekeyed': { ...info, payload: child },
  'child.closed': { ...info, payload: child },
  'ike.rekeyed': { ...info, payload: (e) => ({ connection: e.connection }) },
  'kernel.failed': { ...error, payload: (e) => ({ what: e.what, errno: e.errno }) },
  'events.dropped': { ...warn, payload: (e) => ({ count: e.count }) },
};

/** The documents kept by the broker, below `<topic_prefix>/<node_id>/`; all are QoS 1. */
export const DOCUMENTS = {
  /** `online` or `offline`, plain text; also the Last Will. */
  availability: () => 'availability',
  state: () => 'state',
  uplink: (name: string) => `uplink/${topicPart(name)}`,
  connection: (name: string) => `connection/${topicPart(name)}`,
  explanation: (name: string) => `connection/${topicPart(name)}/explain`,
} as const;

/**
 * One level of a topic: what is not in `[A-Za-z0-9_-]` becomes `_`, so that no name can hold `+`, `#` or `/`, and
 * never empty.
 */
export function topicPart(text: string): string {
  let out = '';
  for (const char of text) {
    const plain = (char >= 'a' && char <= 'z') || (char >= 'A' && char <= 'Z') || (char >= '0' && char <= '9') || char === '_' || char === '-';
    out += plain ? char : '_';
  }
  return out === '' ? '_' : out;
}

/** `<topic_prefix>/<node_id>/`; the prefix may have several levels, empty ones are left out. */
export function topicBase(topicPrefix: string, nodeId: string): string {
  const levels = topicPrefix.split('/').filter((level) => level !== '').map(topicPart);
  return `${[...levels, topicPart(nodeId)].join('/')}/`;
}

/** The message of one event, stamp first. */
export function eventMessage(base: string, stamped: StampedEvent): MqttMessage {
  const { event, text, ...stamp } = stamped;
  // The row of a type takes the events of that type: TypeScript cannot follow the pair through the index.
  const row = EVENTS[event.type] as EventRow<Event>;
  const payload = JSON.stringify({ ...stamp, type: event.type, ...row.payload(event), text });
  return { topic: base + row.topic, payload, qos: row.qos, retain: row.retain };
}

/** Log level of an event. */
export function eventLevel(type: EventType): LogLevel {
  return EVENTS[type].level;
}

/** The retained availability message. */
export function availabilityMessage(base: string, online: boolean): MqttMessage {
  return { topic: base + DOCUMENTS.availability(), payload: online ? 'online' : 'offline', qos: 1, retain: true };
}

/** A retained document; `undefined` removes it from the broker (MQTT 3.1.1 §3.3.1.3: an empty retained payload). */
export function documentMessage(topic: string, document: JsonObject | undefined, stamp: Stamp): MqttMessage {
  return { topic, payload: document === undefined ? '' : JSON.stringify({ ...stamp, ...document }), qos: 1, retain: true };
}

/** Ends of the keys of quantities that change all the time (section "units in key names"). */
const MEASURED = ['_ms', '_s', '_pct', '_bytes', '_packets', '_pps', '_bps', '_count'] as const;

/** True for a key whose change alone does not make a document new: it waits for the next interval. */
export function isMeasured(key: string): boolean {
  return MEASURED.some((end) => key.endsWith(end));
}
