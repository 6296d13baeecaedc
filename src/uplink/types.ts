import type { Instant, IpAddress, IpFamily, Millis, UplinkFacts } from '../base/index.ts';
import type { Reach } from './reachability.ts';
import type { WallClock } from './schedule.ts';

/** What the policy is told. Unknown connections and uplinks are ignored. */
export type UplinkInput =
  /** The whole list, whenever something about it may have changed. */
  | { readonly type: 'facts.observed'; readonly facts: readonly UplinkFacts[] }
  /** A connection whose uplink we choose (never a responder's). Empty `uplinks`: all; empty `families`: any; `remotes`: addresses of the peer, default 1. Repeatable. */
  | { readonly type: 'connection.watched'; readonly connection: string; readonly uplinks: readonly string[]; readonly families: readonly IpFamily[]; readonly remotes?: number }
  | { readonly type: 'connection.forgotten'; readonly connection: string }
  /**
   * Where the IKE SA is from now on; undefined: there is none. `local` is its outer address: with it the loss of this
   * one address is seen although the uplink has others.
   */
  | { readonly type: 'connection.using'; readonly connection: string; readonly uplink: string | undefined; readonly local?: IpAddress | undefined }
  /** An authenticated answer of the peer came through this uplink. */
  | { readonly type: 'path.answered'; readonly connection: string; readonly uplink: string; readonly rttMs: Millis }
  /** Fresh ESP or an IKE request arrived on the current path; `at`: when, if it is not now. */
  | { readonly type: 'path.inbound'; readonly connection: string; readonly uplink: string; readonly at?: Instant | undefined }
  /** A probe (or a whole request on the current path) gave up after its sends. */
  | { readonly type: 'path.unanswered'; readonly connection: string; readonly uplink: string }
  /** The peer does not want us there (RFC 4555 §3.5: UNACCEPTABLE_ADDRESSES), or cannot follow. */
  | { readonly type: 'path.refused'; readonly connection: string; readonly uplink: string }
  /** The current path has `unanswered` (>= 2) sends without an answer. */
  | { readonly type: 'path.doubtful'; readonly connection: string; readonly uplink: string; readonly unanswered: number }
  /** The peer answers through this uplink, but the tunnel's packets do not come through it (F-3). */
  | { readonly type: 'path.blocked'; readonly connection: string; readonly uplink: string }
  /** What the targets of an uplink say of it (`reachability.ts`). */
  | { readonly type: 'uplink.reached'; readonly uplink: string; readonly state: Reach }
  /** The user forces an uplink, for as long as `lasts` says, else until it fails; undefined: chooses freely again. */
  | { readonly type: 'switch.requested'; readonly connection: string; readonly uplink: string | undefined; readonly lasts?: Millis | undefined }
  /** The wall clock, at the start and whenever it or the time zone changes; undefined: it is not set. */
  | { readonly type: 'clock.told'; readonly clock: WallClock | undefined }
  | { readonly type: 'tick' };

/** One choice, with everything needed to explain it (M2.1-3). */
export interface Decision {
  /** Undefined: there is nothing to send through. */
  readonly to: string | undefined;
  /** First why the connection leaves (or stays), then what is known of the uplink it takes: `proven`, `unproven`, `blocked`, `silent`; and `last_resort` if it is one. */
  readonly reasons: readonly string[];
  /** The input that led here; `facts.settled` when a debounced gain did. */
  readonly trigger: string;
  readonly at: Instant;
}

export type RefusalReason = 'unknown_connection' | 'unknown_uplink' | 'not_allowed' | 'down' | 'no_common_family' | 'outside_schedule';

/** What the policy wants. */
export type UplinkEffect =
  | { readonly type: 'uplink.changed'; readonly uplink: string; readonly state: 'up' | 'down'; readonly reason: string }
  /** One probe of a standby; answered by `path.answered` or `path.unanswered`. At most one per connection at a time. */
  | { readonly type: 'probe.wanted'; readonly connection: string; readonly uplink: string }
  /** The outstanding request of the doubtful path, same bytes, over these too (D6.2-2); the current one is among them when the peer has other addresses. */
  | { readonly type: 'race.wanted'; readonly connection: string; readonly uplinks: readonly string[] }
  /** Use this uplink; when it is the one in use already, its address or device changed: take a fresh path on it. */
  | { readonly type: 'decision'; readonly connection: string; readonly decision: Decision }
  | { readonly type: 'switch.refused'; readonly connection: string; readonly uplink: string; readonly reason: RefusalReason };

/** What one connection knows of one uplink. */
export interface PathView {
  readonly connection: string;
  readonly current: boolean;
  readonly standing: Standing;
  readonly rttMs: Millis | undefined;
  readonly answeredAt: Instant | undefined;
  /** Probes in a row that gave up. */
  readonly failures: number;
  readonly nextProbeAt: Instant | undefined;
}

/** The uplink that the user forced. */
export interface Wish {
  readonly uplink: string;
  /** When it ends at the latest. */
  readonly until: Instant | undefined;
}

/** One uplink for status. */
export interface UplinkView {
  readonly facts: UplinkFacts;
  /** Since when it is up or down. */
  readonly since: Instant;
  /** Its schedule lets it be chosen now. */
  readonly inSchedule: boolean;
  readonly paths: readonly PathView[];
}

/** What the peer's answers say of an uplink: answered lately, not asked lately, answered but carries no data, or asked in vain. */
export type Standing = 'proven' | 'unproven' | 'blocked' | 'silent';

/** Why a connection is where it is. */
export interface Explanation {
  readonly connection: string;
  readonly current: string | undefined;
  /** The uplink the user forced. */
  readonly forced: string | undefined;
  /** What is left of the time the wish was given; undefined: it has no end. */
  readonly forcedFor: Millis | undefined;
  /** Unanswered sends on the current path while it is in doubt. */
  readonly doubtful: number | undefined;
  /** Best first. `waits` says what keeps a better one from being taken, with the time it has to wait when that is known. */
  readonly candidates: readonly {
    readonly uplink: string;
    readonly metric: number;
    readonly lastResort: boolean;
    readonly standing: Standing;
    readonly rttMs: Millis | undefined;
    readonly answeredAgo: Millis | undefined;
    readonly failures: number;
    /** The peer refused it lately: it counts as silent. */
    readonly refused: boolean;
    /** How often it went within the last ten minutes; from the third time on it is watched longer before it is gone back to. */
    readonly departures: number;
    /** It is in use outside its schedule, and left as soon as another one answers. */
    readonly outside: boolean;
    readonly waits: string | undefined;
    readonly waitsFor: Millis | undefined;
  }[];
  /** Uplinks that cannot be taken, and why. */
  readonly excluded: readonly { readonly uplink: string; readonly why: string }[];
  /** What the policy would say now. */
  readonly verdict: { readonly to: string | undefined; readonly reasons: readonly string[] };
  /** The last decision made. */
  readonly decision: Decision | undefined;
}
