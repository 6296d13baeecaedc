import type { Instant } from '../base/index.ts';
import type { Event, StampedEvent } from './events.ts';
import { isoTime } from './iso-time.ts';
import { eventText } from './text.ts';

/** Events kept for `mobikectl events`, ubus and `explain`; the oldest goes first. */
export const EVENT_RING = 200;

/** When and in which life of the daemon something was said; part of every document that leaves it. */
export interface Stamp {
  readonly boot_id: string;
  /** ISO 8601 UTC; counts from 1970 until the first `clock.wall`. */
  readonly time: string;
  readonly time_synced: boolean;
  /** Milliseconds since the daemon started. */
  readonly uptime_ms: number;
}

/** Stamps events with boot id, sequence number (from 1, no gaps) and both clocks, and keeps the last of them. */
export class EventLog {
  readonly #bootId: string;
  readonly #started: Instant;
  readonly #most: number;
  #ring: StampedEvent[] = [];
  #seq = 0;
  #unixAtZero: number | undefined;
  #synced = false;

  constructor(bootId: string, started: Instant, most = EVENT_RING) {
    this.#bootId = bootId;
    this.#started = started;
    this.#most = most;
  }

  /** Sequence number of the last event; 0 before the first. */
  get seq(): number {
    return this.#seq;
  }

  /** Takes over the wall clock of a `clock.wall` input: Unix time in milliseconds at monotonic 0. */
  setWall(unixAtZero: number, synced: boolean): void {
    this.#unixAtZero = unixAtZero;
    this.#synced = synced;
  }

  /** The stamp of this moment, for documents that are not events. */
  stamp(now: Instant): Stamp {
    return {
      boot_id: this.#bootId,
      time: isoTime(this.#unixAtZero === undefined ? 0 : this.#unixAtZero + now),
      time_synced: this.#synced,
      uptime_ms: Math.max(0, Math.round(now - this.#started)),
    };
  }

  /** Gives the event its place in the sequence and keeps it in the ring. */
  record(event: Event, now: Instant): StampedEvent {
    const { boot_id, time, time_synced, uptime_ms } = this.stamp(now);
    const stamped: StampedEvent = { boot_id, seq: ++this.#seq, time, time_synced, uptime_ms, event, text: eventText(event) };
    this.#ring.push(stamped);
    if (this.#ring.length > this.#most) this.#ring.shift();
    return stamped;
  }

  /** The kept events with a sequence number above `seq`, oldest first. */
  after(seq: number): readonly StampedEvent[] {
    return this.#ring.filter((stamped) => stamped.seq > seq);
  }
}
