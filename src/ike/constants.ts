import { millis, minutes, seconds, type Millis } from '../base/index.ts';

/** First retransmission: this many smoothed RTTs, within the bounds below (mobike-requirements "first retransmit"). */
export const RETRANSMIT_RTTS = 3;
/** Below 0.2 s a busy peer would be asked twice for nothing. */
export const RETRANSMIT_LEAST: Millis = millis(200);
/** While no RTT is known; a satellite link answers within it. */
export const RETRANSMIT_UNKNOWN: Millis = millis(500);
export const RETRANSMIT_FACTOR = 1.8;
export const RETRANSMIT_JITTER = 0.1;
/** A dead path is asked at least this often, so that its return is seen soon. */
export const RETRANSMIT_MOST: Millis = seconds(8);

/** Unanswered sends after which the current path is doubtful and others are raced. */
export const PATH_SUSPECT = 2;
/** Sends on a path that is being tried, at 0, 0.5 and 1.4 s (RETRANSMIT_UNKNOWN × 1.8). */
export const PATH_TRY_SENDS = 3;
/** A path that did not answer its try is tried again in rounds that back off to this (probe budget, D5.1.3-2). */
export const PATH_ROUND_MOST: Millis = seconds(30);
/** A peer whose NAT detection is not to be trusted is told of our present pair again while packets go unanswered, at most so often. */
export const REFRESH_PACE: Millis = seconds(60);
/** A responder follows ESP to another port no sooner than this after the peer's last move. */
export const ROAM_PACE: Millis = seconds(2);
/** Paths raced at once; an attacker's or a user's long list cannot make us flood. */
export const PATHS_MOST = 8;
/** A further path is tried this long after the one before it while none has answered (RFC 4555 §3.1). */
export const PATH_PACE: Millis = millis(500);

/** How long an SA without any answer is kept: the peer may come back with its state (RFC 4555 §3.11). */
export const HOLD_TIME: Millis = seconds(300);
/** An IKE_SA_INIT or IKE_AUTH without answer is given up after this; the daemon starts anew with back-off. */
export const SETUP_TIME: Millis = seconds(30);
/** Answers to one IKE_SA_INIT that are followed: nothing says yet which is the peer's (I2.4-5). */
export const CANDIDATES_MOST = 4;
/** While an answer is being followed, IKE_SA_INIT is not repeated before this. */
export const CANDIDATE_TIME: Millis = seconds(4);
/** How long a true answer may come after a forged one whose sender also refused IKE_AUTH. */
export const CANDIDATE_GRACE: Millis = seconds(1);
/** Unanswered Deletes are given up after this. */
export const DELETE_TIME: Millis = seconds(10);
/** A rekeyed IKE SA whose successor is in use waits this long for the peer's Delete; slow peers take half a minute. */
export const REPLACED_TIME: Millis = seconds(60);
/** An IKE SA that a re-authentication replaced is closed this long after its last Child SA has a successor in use: packets on their way arrive. */
export const REPLACED_LINGER: Millis = seconds(2);
/** The responder leaves that to the initiator, unless it has lost the old SA. */
export const REPLACED_LINGER_RESPONDER: Millis = seconds(5);
/** So long the Child SAs of a replaced IKE SA may take to come up in the new one. */
export const REAUTH_TIME: Millis = seconds(30);
/** A re-authentication that failed is tried again after this, doubling up to ten times as much. */
export const REAUTH_RETRY: Millis = seconds(60);
/** A responder's half-open SA lives this long (I2.6-1). */
export const HALF_OPEN_TIME: Millis = seconds(30);
export const HALF_OPEN_MOST = 500;
export const HALF_OPEN_PER_SOURCE = 5;
/** From here on a cookie is asked for: in all, and per source. */
export const COOKIE_ABOVE = 30;
export const COOKIE_ABOVE_PER_SOURCE = 3;
/** Refused IKE_AUTHs of one source in this time, after which it is not answered for the rest of it (DOS-2). A peer of ours asks once a minute. */
export const REFUSALS_MOST = 10;
export const REFUSAL_TIME: Millis = seconds(60);
export const COOKIE_SECRET_TIME: Millis = seconds(60);

/** Idle time before a liveness check where no configuration says otherwise (M3.11-1: the responder is patient). */
export const RESPONDER_LIVENESS: Millis = seconds(150);
/** NAT keepalive after this much silence on the current path where nobody says otherwise (RFC 3948 §4). */
export const KEEPALIVE: Millis = seconds(20);
/** So much shorter or longer, so that routers that started together do not stay in step (NK-4). */
export const KEEPALIVE_JITTER = 0.1;
/** After a longer silence a mapping may be a new one, which Linux keeps for 30 s only until something leaves 2 s after it was made. */
export const KEEPALIVE_UNCONFIRMED: Millis = seconds(25);
export const KEEPALIVE_CONFIRM: Millis = millis(2500);
/** A path that the responder refused is not moved to again within this time (M3.5-20). */
export const REFUSED_TIME: Millis = minutes(10);
/** Requests that are answered with UNEXPECTED_NAT_DETECTED, in a row, after which the pair is given up for `REFUSED_TIME` (M3.9-4). */
export const NO_NATS_TRIES = 5;
/** Addresses told to a peer, and kept of what a peer tells (M3.4-5): it may list hundreds. */
export const ADDRESSES_SENT_MOST = 8;
export const ADDRESSES_STORED_MOST = 16;
/** Changes of our addresses come in steps, and a move that follows tells the list itself. */
export const ADDRESSES_SETTLE: Millis = millis(100);
/** A responder whose address is gone tries a further pair each such span, slower than an initiator (M3.6-8). */
export const ADDRESSES_PACE: Millis = seconds(1);
/** A router follows its hub to another address, as the hub asks, at most this often. */
export const SWITCH_PAUSE: Millis = seconds(10);
/** A verified address is not checked again within this time (D59-3). */
export const RR_CACHE: Millis = minutes(10);

/** Soft lifetime = hard × SOFT_SHARE − up to SOFT_JITTER × hard (I2.8-2); the responder's lies above it, so that the initiator usually starts. */
export const SOFT_SHARE = 0.9;
export const SOFT_JITTER = 0.1;
export const SOFT_SHARE_RESPONDER = 0.95;
export const SOFT_JITTER_RESPONDER = 0.05;
/** Sequence numbers of an SA without ESN: with AES-GCM each is a nonce, and none may come twice (ES3.3-1). */
export const SEQUENCES = 2 ** 32 - 1;
/** Wait after TEMPORARY_FAILURE before asking again; doubles (I2.25-2). */
export const TEMPORARY_WAIT: Millis = seconds(5);
/** After answering nothing but TEMPORARY_FAILURE for so long a peer is out of step, and the IKE SA is closed (I2.25-2). */
export const TEMPORARY_MOST: Millis = minutes(5);
/** OpenIKED answers a rekeying before its kernel has the new SA, and drops what comes under it until then: for so long the old one is used. */
export const CHILD_SETTLE: Millis = millis(200);
/** A new Child SA that replaces none is used by its responder at the latest after this (I2.8-1). */
export const CHILD_USE_TIME: Millis = seconds(5);

/** Octets of an IP packet with an IKE message in it, at most: more is cut up where the peer can join it (FR2.5.1-1). */
export const FRAGMENT_PACKET = 1280;
/** The same on IPv4 after `FRAGMENT_AFTER` sends without an answer. */
export const FRAGMENT_PACKET_LEAST = 576;
export const FRAGMENT_AFTER = 3;
/** Packets that a padded request goes on in, on IPv6 too: it is to pass wherever others of IKE do, and in few. */
export const PADDED_PIECE = 576;
/** Pieces of one message, octets of it, and how long its first piece waits for the others (FR2.6-5). */
export const FRAGMENTS_MOST = 64;
export const MESSAGE_MOST = 65_536;
export const FRAGMENT_TIME: Millis = seconds(15);

/** The IKE SA is rekeyed when either side's message IDs get here, long before they run out (I2.2-1). */
export const MESSAGE_IDS_SOFT = 2 ** 31;

/** The peer is told of ESP under an SPI that we do not have at most this often (I2.21.4-1). */
export const INVALID_SPI_PAUSE: Millis = seconds(10);
/** ESP under an SPI that was ours until lately is late, and no sign of anything. At most so many are remembered. */
export const LATE_ESP_TIME: Millis = seconds(60);
export const LATE_SPIS_MOST = 4096;

/** IKE SAs of all peers together; beyond it new requests are not answered. */
export const IKE_SAS_MOST = 20_000;
/** Child SAs of one IKE SA. */
export const CHILDREN_MOST = 32;
export const NONCE_OCTETS = 32;
/** Cookies and wrong groups a peer may answer with before an attempt is given up (I2.6-3). */
export const INIT_RETRIES = 6;
