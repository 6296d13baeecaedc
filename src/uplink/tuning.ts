import { millis, minutes, seconds, type Millis } from '../base/index.ts';

/** Quiet time after the last gain or change before it counts; shorter catches half-configured links (netifd bounces within 5 ms, DAD and DHCP come in steps). */
export const DEBOUNCE: Millis = millis(150);

/** A storm of changes is looked at this often at the latest: netifd can notify 250 times a second for ever. */
export const DEBOUNCE_MOST: Millis = seconds(1);

/** Time from the first answer of a better uplink to the move back to it; longer than an LTE modem takes to re-register. */
export const RETURN_DELAY: Millis = seconds(10);

/** Probes a better uplink must have answered within the return delay; fewer could all fall between two outages. */
export const RETURN_PROBES = 3;

/** Pace of probes towards a better uplink on trial; three fit in the return delay with one to spare. */
export const RETURN_PACE: Millis = seconds(3);

/** Least time between two voluntary moves, so that two uplinks whose metrics change cannot play ping-pong. */
export const MIN_DWELL: Millis = seconds(5);

/** How often an uplink went is counted over this time: a modem that registers anew every few minutes is seen. */
export const FLAP_WINDOW: Millis = minutes(10);

/** Times that an uplink may go within the window at no cost: one cable pulled, one modem reset. */
export const FLAP_FREE = 2;

/** Each further time doubles the return delay up to this, so that a link with a loose plug settles on the other one. */
export const RETURN_DELAY_MOST: Millis = seconds(160);

/** Standby probes: often enough that an uplink dead behind its modem is known before it is needed. */
export const STANDBY_INTERVAL: Millis = seconds(60);

/** The same on a metered uplink and on a last resort: about 100 kB a month. */
export const STANDBY_INTERVAL_METERED: Millis = seconds(300);

/** First probe of a standby that was never asked; after the handshake's own exchanges are through. */
export const FIRST_PROBE: Millis = seconds(3);

/** Probes that fail back off by doubling up to this (F-9: a captive portal is asked again, but rarely). */
export const PROBE_BACKOFF_MOST: Millis = minutes(5);

/** A probe nobody reported on is forgotten after this; it may have queued behind a request that took its whole time. */
export const PROBE_EXPIRES: Millis = seconds(15);

/** An answer proves its uplink for this many of its probe intervals: one interval, and half of one for a slow answer. */
export const PROVEN_INTERVALS = 1.5;

/** First repeat of a race nobody won; three sends at 0, 0.5 and 1.4 s have given up by then. */
export const RACE_AGAIN: Millis = seconds(4);

/** Races back off by doubling up to this while nothing answers (probe budget of mobike-requirements section 9). */
export const RACE_AGAIN_MOST: Millis = seconds(30);

/** Packets still arriving on a path whose requests stay unanswered earn it this much time: two lost answers are not a one-way path yet. */
export const ONE_WAY_PATIENCE: Millis = seconds(2);

/** In a race a last resort that answered first waits this long for others that may answer too. */
export const LAST_RESORT_PATIENCE: Millis = seconds(1);

/** A decision not followed is repeated after this, doubling up to `REMIND_MOST`. */
export const REMIND_AFTER: Millis = seconds(2);
export const REMIND_MOST: Millis = seconds(60);

/** As long as the engine keeps off a path that the peer refused (M3.5-20); then it may be tried again. */
export const REFUSED_FOR: Millis = minutes(10);

/** Paths of vanished uplinks that are remembered per connection (their departures still count when they come back). */
export const MOST_FORGOTTEN_PATHS = 32;

/** An uplink that lets IKE pass and drops ESP is not gone back to before this; doubled each time, since every try costs seconds of data. */
export const BLOCKED_TIME: Millis = minutes(10);
export const BLOCKED_MOST: Millis = minutes(24 * 60);
