import { keepNewest, millis, seconds, type Json, type JsonObject, type Millis } from '../base/index.ts';

/**
 * How long a NAT keeps a mapping of ours, learned for each uplink (NK-3). The only teacher is a silence that ended with an exchange: its
 * NAT detection shows the mapping there was before, or another. The interval grows by a quarter after `ENOUGH` silences of its length that
 * the mapping survived, and is halved when one was too long; what was once seen to be too long bounds it from then on. A silence is never
 * made longer than the interval, so the one that teaches is all that a loss costs.
 */

/** RFC 3948 §4, and where an uplink begins of which nothing is known. */
export const KEEPALIVE_FIRST: Millis = seconds(20);
/** With the jitter of ±10 % a silence lasts between 15 s and 110 s. */
export const KEEPALIVE_LEAST: Millis = seconds(17);
export const KEEPALIVE_MOST: Millis = seconds(100);
/** Silences survived before a longer one is tried: one alone may have been kept alive by somebody's late packet. */
const ENOUGH = 3;
const GROWTH = 1.25;
/** A silence says something of the interval when it is at least this share of it: the jitter, and a little. */
const NEAR = 0.85;
/** After a loss the longest silence, jitter included, stays below what was proven, and well below what was too long. */
const OF_SAFE = 0.9;
const OF_TOO_LONG = 0.8;
/** Nearer to its bound than this an interval is left as it is: what is kept is whole seconds, and a percent is not worth a change. */
const CLOSE = 0.95;
/** A mapping that changed after less than this was not idle for too long: the NAT was restarted, or chose anew. */
const IDLE: Millis = seconds(13);
/** A bound holds for so many silences (half a day at 20 s), twice as many after each further loss: networks behind an uplink do change. */
const BELIEVED = 2000;
const BELIEVED_DOUBLINGS = 5;
/** Uplinks that are remembered; names come from the user's configuration and from the system. */
const UPLINKS_MOST = 64;

interface Lesson {
  interval: Millis;
  /** The longest silence survived; 0: none yet. */
  safe: Millis;
  /** The shortest silence that cost a mapping. */
  tooLong: Millis | undefined;
  /** Silences about as long as the interval survived since it was last changed. */
  survived: number;
  losses: number;
}

/** What status shows of one uplink. */
export interface KeepaliveView {
  readonly interval: Millis;
  /** By the user; still growing; as long as it gets. */
  readonly state: 'given' | 'learning' | 'learned';
  readonly safe: Millis | undefined;
  readonly tooLong: Millis | undefined;
}

/** The interval was changed by what was seen. */
export interface KeepaliveChange {
  readonly from: Millis;
  readonly to: Millis;
  /** A mapping was lost after a silence of this length. */
  readonly lost: Millis | undefined;
}

const fresh = (): Lesson => ({ interval: KEEPALIVE_FIRST, safe: millis(0), tooLong: undefined, survived: 0, losses: 0 });

/** The longest interval that is not known to be too long. */
function ceiling(lesson: Lesson): Millis {
  if (lesson.tooLong === undefined) return KEEPALIVE_MOST;
  return millis(Math.max(KEEPALIVE_LEAST, Math.min(KEEPALIVE_MOST, lesson.safe * OF_SAFE, lesson.tooLong * OF_TOO_LONG)));
}

const mayGrow = (lesson: Lesson): boolean => lesson.interval < ceiling(lesson) * (lesson.tooLong === undefined ? 1 : CLOSE);

/** The keepalive interval of every uplink. Lives in the daemon; knows nothing of IKE. */
export class KeepaliveLearner {
  readonly #lessons = new Map<string, Lesson>();
  #given: ReadonlyMap<string, Millis> = new Map();

  /** Intervals that the user gave: there nothing is learned, and nothing forgotten. */
  give(intervals: ReadonlyMap<string, Millis>): void {
    this.#given = intervals;
  }

  interval(uplink: string): Millis {
    return this.#given.get(uplink) ?? this.#lessons.get(uplink)?.interval ?? KEEPALIVE_FIRST;
  }

  /** Whether the next silence on this uplink would teach something. */
  isLearning(uplink: string): boolean {
    return this.view(uplink).state === 'learning';
  }

  view(uplink: string): KeepaliveView {
    const lesson = this.#lessons.get(uplink) ?? fresh();
    const state = this.#given.has(uplink) ? 'given' : mayGrow(lesson) ? 'learning' : 'learned';
    return { interval: this.interval(uplink), state, safe: lesson.safe === 0 ? undefined : lesson.safe, tooLong: lesson.tooLong };
  }

  /** After `silence` without a packet in either direction the mapping was the same, or another. */
  seen(uplink: string, silence: Millis, changed: boolean): KeepaliveChange | undefined {
    if (this.#given.has(uplink)) return undefined;
    const lesson = this.#lesson(uplink);
    const from = lesson.interval;
    if (changed) this.#lost(lesson, silence);
    else this.#survived(lesson, silence);
    return lesson.interval === from ? undefined : { from, to: lesson.interval, lost: changed ? silence : undefined };
  }

  #survived(lesson: Lesson, silence: Millis): void {
    // One silence that was once too long and now is not proves less than the loss did.
    if (lesson.tooLong !== undefined && silence >= lesson.tooLong) return;
    lesson.safe = millis(Math.max(lesson.safe, silence));
    if (silence < lesson.interval * NEAR) return;
    lesson.survived++;
    if (mayGrow(lesson)) {
      if (lesson.survived < ENOUGH) return;
      lesson.interval = millis(Math.min(ceiling(lesson), lesson.interval * GROWTH));
      lesson.survived = 0;
    } else if (lesson.tooLong !== undefined && lesson.survived >= BELIEVED * 2 ** Math.min(lesson.losses, BELIEVED_DOUBLINGS)) {
      lesson.tooLong = undefined;
      lesson.survived = 0;
    }
  }

  #lost(lesson: Lesson, silence: Millis): void {
    if (silence < IDLE) return;
    lesson.losses++;
    lesson.survived = 0;
    if (silence > lesson.safe) lesson.tooLong = millis(Math.min(lesson.tooLong ?? Infinity, silence));
    else lesson.safe = millis(silence / 2); // perhaps the NAT was restarted; a second loss will tell
    lesson.interval = millis(Math.max(KEEPALIVE_LEAST, Math.min(lesson.interval, silence) / 2));
  }

  #lesson(uplink: string): Lesson {
    const known = this.#lessons.get(uplink);
    if (known) return known;
    const lesson = fresh();
    keepNewest(this.#lessons, uplink, lesson, UPLINKS_MOST);
    return lesson;
  }

  /** What outlives a restart, in whole seconds; only what was really learned. */
  save(): JsonObject {
    const rows = [...this.#lessons].filter(([, lesson]) => lesson.safe > 0 || lesson.losses > 0).map(([uplink, lesson]): [string, JsonObject] => [uplink, {
      interval_s: Math.floor(lesson.interval / 1000), safe_s: Math.floor(lesson.safe / 1000), too_long_s: lesson.tooLong === undefined ? null : Math.ceil(lesson.tooLong / 1000), losses: lesson.losses,
    }]);
    return Object.fromEntries(rows);
  }

  /** Takes over what `save` gave; uplinks whose rows do not make sense begin anew. Returns how many were left out. */
  restore(saved: JsonObject): number {
    let wrong = 0;
    for (const [uplink, row] of Object.entries(saved).slice(0, UPLINKS_MOST)) {
      const lesson = readLesson(row);
      if (lesson) this.#lessons.set(uplink, lesson);
      else wrong++;
    }
    return wrong;
  }
}

const isNumber = (value: Json | undefined, least: number, most: number): value is number => typeof value === 'number' && value >= least && value <= most;

function readLesson(row: Json | undefined): Lesson | undefined {
  if (typeof row !== 'object' || row === null || Array.isArray(row)) return undefined;
  const { interval_s: interval, safe_s: safe, too_long_s: tooLong, losses } = row as JsonObject;
  if (!isNumber(interval, KEEPALIVE_LEAST / 1000, KEEPALIVE_MOST / 1000) || !isNumber(safe, 0, 86_400) || !isNumber(losses, 0, 1e9)) return undefined;
  if (tooLong !== null && !isNumber(tooLong, IDLE / 1000, 86_400)) return undefined;
  return { interval: seconds(interval), safe: seconds(safe), tooLong: tooLong === null ? undefined : seconds(tooLong), survived: 0, losses };
}
