import type { JsonObject } from '../base/index.ts';

/**
 * What happened, for people and machines: the ring behind `mobikectl events`, the MQTT topic `event` and the log all
 * carry these. Keys are those of the JSON that leaves the daemon. Paths are text: `uplink local -> remote`.
 */
export type Event =
  | { readonly type: 'daemon.started'; readonly version: string }
  | { readonly type: 'daemon.stopping' }
  | { readonly type: 'config.loaded'; readonly problems: number }
  | { readonly type: 'uplink.changed'; readonly uplink: string; readonly state: string; readonly reason: string }
  /** What the probes of an uplink say of it: `reachable`, `unreachable` or `captive`; `evidence`: who said what. */
  | { readonly type: 'uplink.reachability'; readonly uplink: string; readonly state: string; readonly evidence: string }
  | { readonly type: 'connection.connecting'; readonly connection: string; readonly uplink: string; readonly remote: string }
  | { readonly type: 'connection.established'; readonly connection: string; readonly peer: string; readonly path: string; readonly uplink: string; readonly took_ms: number }
  | { readonly type: 'connection.closed'; readonly connection: string; readonly reason: string; readonly retry_ms?: number }
  /** Our decision; the UPDATE_SA_ADDRESSES request was sent on `to` (initiator), or accepted (responder). */
  | { readonly type: 'path.moving'; readonly connection: string; readonly from: string; readonly to: string; readonly from_uplink: string; readonly to_uplink: string; readonly reasons: readonly string[] }
  /** The peer confirmed the move; `took_ms` counts from the trigger. */
  | { readonly type: 'path.moved'; readonly connection: string; readonly from: string; readonly to: string; readonly from_uplink: string; readonly to_uplink: string; readonly reasons: readonly string[]; readonly took_ms: number }
  | { readonly type: 'path.doubtful'; readonly connection: string; readonly path: string; readonly uplink: string; readonly unanswered: number }
  | { readonly type: 'nat.mapping_changed'; readonly connection: string; readonly path: string; readonly uplink: string }
  /** The hub gave these virtual addresses (RFC 7296 §2.19), or took them back: none. */
  | { readonly type: 'connection.addressed'; readonly connection: string; readonly addresses: readonly string[]; readonly dns: readonly string[] }
  | { readonly type: 'child.established' | 'child.rekeyed' | 'child.closed'; readonly connection: string; readonly child: string; readonly reason?: string }
  | { readonly type: 'ike.rekeyed'; readonly connection: string }
  | { readonly type: 'kernel.failed'; readonly what: string; readonly errno: number }
  | { readonly type: 'daemon.fault'; readonly what: string }
  | { readonly type: 'events.dropped'; readonly count: number };

export type EventType = Event['type'];

/** An event with its stamp. `seq` counts from 1 within a boot id; consumers see gaps. */
export interface StampedEvent {
  readonly boot_id: string;
  readonly seq: number;
  /** ISO 8601 UTC. */
  readonly time: string;
  readonly time_synced: boolean;
  /** Milliseconds since the daemon started. */
  readonly uptime_ms: number;
  readonly event: Event;
  /** One English sentence for people. */
  readonly text: string;
}

/** The status document of one thing, as `mobikectl --json`, ubus and MQTT carry it. */
export type StatusDocument = JsonObject;
