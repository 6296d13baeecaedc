import { after, keepNewest, millis, type Instant, type IpAddress, type Millis, type Path } from '../base/index.ts';
import { PATH_ROUND_MOST, RR_CACHE } from './constants.ts';

/*
 * RFC 4555. The initiator decides: `move` writes the new path into the IKE SA, sends the outstanding request there,
 * turns the Child SAs, and an UPDATE_SA_ADDRESSES follows as soon as the window allows. The responder takes the path
 * from the header of an UPDATE_SA_ADDRESSES, answers, checks return routability, then turns its Child SAs.
 */

/** A move that the peer has not confirmed yet. */
export interface PendingMove {
  readonly from: Path;
  readonly reasons: readonly string[];
  readonly since: Instant;
  /** The pair is the one it was: it was gone, and is back. */
  readonly resumed?: boolean;
  /** False while an UPDATE_SA_ADDRESSES for the current path is outstanding. */
  due: boolean;
  /** How many of its updates were answered with UNEXPECTED_NAT_DETECTED (M3.9-4). */
  translated?: number;
  /** Child SAs stay where they are until the peer has shown, by COOKIE2 in its answer, that it receives there (M3.5-4). */
  readonly unverified?: boolean;
  /** The wait before the last request, after an answer without COOKIE2. */
  wait?: Millis;
}

/** Responder: our end of the path is gone from this host (M3.6-8). */
export interface Stranded {
  readonly since: Instant;
  /** Pairs tried so far, and the time until the next one. */
  tried: number;
  wait: Millis;
  /** The pair that the next request goes over first: the one that answered last. */
  next: Path | undefined;
  /** ESP leaves on another path already. */
  turned: boolean;
}

/** A move of the peer whose return routability is not shown yet (RFC 4555 §3.7). */
export interface Turning {
  readonly from: Path;
  readonly since: Instant;
  wait: Millis;
  readonly reasons: readonly string[];
  /** Key of the unverified path that ESP takes already, or 'held' while it is dropped; undefined: it goes on to `from`. */
  esp?: string | undefined;
}

export interface Mobility {
  /** Both sent MOBIKE_SUPPORTED (RFC 4555 §3.2). */
  supported: boolean;
  pending: PendingMove | undefined;
  /** Per path, the peer's hash of where our packets come from: the mapping baseline (M3.8-3). At most 16. */
  mappings: Map<string, Uint8Array>;
  /** When the peer was last told of the present pair on the mere suspicion of another mapping. */
  refreshedAt: Instant | undefined;
  /** Addresses of the peer whose return routability was shown, until when (D59-3). At most 16. */
  verified: Map<string, Instant>;
  /** Responder: message ID of the last UPDATE_SA_ADDRESSES taken (M3.5-10). */
  lastUpdateId: number;
  /** Responder: the peer moved, and Child SAs still leave on `from` until return routability is shown. */
  turning: Turning | undefined;
  /** Responder: when the peer came to the present pair, if it was elsewhere before. */
  arrivedAt: Instant | undefined;
  /** Responder: when the peer was last asked to show that it receives where it is (M3.7-9). */
  checkedAt: Instant | undefined;
  /** Both showed in IKE_SA_INIT that they know R-MOBIKE. */
  vendor: boolean;
  /** The notify by which the responder may ask the initiator to its other address; undefined: they did not agree. */
  switchBy: number | undefined;
  /** Initiator: when it last followed that. */
  switchedAt: Instant | undefined;
  /** Initiator: paths the responder does not want, until when they are not moved to again (M3.5-20). At most 16. */
  refused: Map<string, Instant>;
  /** Where the peer says it can be reached: the header's address of its last list, then what it listed, best first (M3.6-1). Empty: it never said. */
  theirs: readonly IpAddress[];
  /** Message ID of the request with the peer's last list (M3.6-2). */
  lastListId: number;
  /** Our addresses as the peer was told them last; undefined: it was told nothing. */
  told: string | undefined;
  stranded: Stranded | undefined;
}

/** What an IKE SA starts with. */
export const settled = (): Mobility => ({
  supported: false, pending: undefined, mappings: new Map(), refreshedAt: undefined, verified: new Map(), lastUpdateId: -1,
  turning: undefined, arrivedAt: undefined, checkedAt: undefined, refused: new Map(), vendor: false, switchBy: undefined, switchedAt: undefined,
  theirs: [], lastListId: -1, told: undefined, stranded: undefined,
});

/** The wait after one of `wait`, for what is asked ever more seldom. */
export const seldomer = (wait: Millis): Millis => millis(Math.min(wait * 2, PATH_ROUND_MOST));

const REMEMBERED = 16;

/** The peer's end of a path, in `Mobility.verified`. */
export const endpointKey = (path: Path): string => `${path.remote.address}|${path.remote.port}`;

/** Keeps the newest entries of a map that a peer's addresses fill. */
export function remember<V>(map: Map<string, V>, key: string, value: V): void {
  keepNewest(map, key, value, REMEMBERED);
}

/** The peer has shown lately that it receives where this path ends (D59-3). */
export const isVerified = ({ verified }: Mobility, path: Path, now: Instant): boolean => (verified.get(endpointKey(path)) ?? now) > now;

/** It has shown so just now. */
export const noteVerified = ({ verified }: Mobility, path: Path, now: Instant): void => remember(verified, endpointKey(path), after(now, RR_CACHE));
