import { after, millis, minutes, type Instant, type Millis, type ScheduleWindow } from '../base/index.ts';

const DAY: Millis = minutes(24 * 60);
const WEEK: Millis = millis(7 * DAY);
/** 1970-01-05, the first Monday of Unix time. */
const FIRST_MONDAY: Millis = millis(4 * DAY);

/** What the wall clock says: Unix time at monotonic 0, and how far local time is ahead of UTC, both in milliseconds. */
export interface WallClock {
  readonly unixAtZero: number;
  readonly zone: Millis;
}

/** Start and end of a window on one of its days, in milliseconds since Monday 00:00 local time; the end may lie in the next week. */
function spans({ days, from, to }: ScheduleWindow): { readonly start: number; readonly end: number }[] {
  return days.map((day) => ({ start: day * DAY + minutes(from), end: day * DAY + minutes(to > from ? to : to + 24 * 60) }));
}

/** Whether uplinks are within their schedules. While the clock is not set, schedules do not count: what sets it may need the tunnel. */
export class Calendar {
  #clock: WallClock | undefined;

  /** @param clock undefined: it is not set. */
  set(clock: WallClock | undefined): void {
    this.#clock = clock;
  }

  /** No window at all is no schedule: always. */
  isOpen(windows: readonly ScheduleWindow[] | undefined, now: Instant): boolean {
    const at = this.#inWeek(now);
    if (at === undefined || windows === undefined || windows.length === 0) return true;
    // A window that begins on Sunday may end on Monday.
    return windows.some((window) => spans(window).some(({ start, end }) => (at >= start && at < end) || at + WEEK < end));
  }

  /** When a window next begins or ends. */
  nextChange(windows: readonly ScheduleWindow[] | undefined, now: Instant): Instant | undefined {
    const at = this.#inWeek(now);
    if (at === undefined || windows === undefined || windows.length === 0) return undefined;
    const edges = windows.flatMap((window) => spans(window).flatMap(({ start, end }) => [start, end]));
    return after(now, millis(Math.min(...edges.map((edge) => ((((edge - at) % WEEK) + WEEK) % WEEK) || WEEK))));
  }

  /** Whole milliseconds since Monday 00:00 local time. */
  #inWeek(now: Instant): number | undefined {
    if (this.#clock === undefined) return undefined;
    const local = Math.round(this.#clock.unixAtZero + now + this.#clock.zone) - FIRST_MONDAY;
    return ((local % WEEK) + WEEK) % WEEK;
  }
}
