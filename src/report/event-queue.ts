import type { StampedEvent } from './events.ts';
import { eventText } from './text.ts';

/** An event, or the hole left by dropped ones, in its place. */
export interface QueueItem {
  /** For a hole: `events.dropped` under the stamp of the last event that was dropped. */
  readonly stamped: StampedEvent;
  readonly hole: boolean;
  /** Was given to a connection at least once: the broker may have it. Such an item is never dropped nor changed. */
  sent: boolean;
  /** The publish that is in flight; undefined while the item waits. */
  opId: number | undefined;
}

function hole(last: StampedEvent, count: number): QueueItem {
  const event = { type: 'events.dropped', count } as const;
  return { stamped: { ...last, event, text: eventText(event) }, hole: true, sent: false, opId: undefined };
}

/**
 * Events on their way to one broker, in order. At most `most` events wait; beyond it the oldest that was never sent is
 * dropped and a hole stands in its place: one `events.dropped` with the sequence number of the last event it replaces,
 * so that numbers never go back and none is used for two things. At most one hole that was not sent yet exists at a
 * time, and what was sent is bounded by the reporter's window: so is the queue.
 */
export class EventQueue {
  readonly #most: number;
  #items: QueueItem[] = [];
  #events = 0;
  #dropped = 0;

  constructor(most: number) {
    this.#most = Math.max(1, most);
  }

  /** Events waiting or in flight, holes not counted. */
  get length(): number {
    return this.#events;
  }

  /** Events dropped since the start. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Adds an event; true when another one was dropped for it. */
  push(stamped: StampedEvent): boolean {
    this.#items.push({ stamped, hole: false, sent: false, opId: undefined });
    if (++this.#events <= this.#most) return false;
    const at = this.#items.findIndex((item) => !item.hole && !item.sent);
    const victim = this.#items[at];
    if (!victim) return false;
    this.#events--;
    this.#dropped++;
    const before = this.#items[at - 1];
    if (before && before.hole && !before.sent && before.stamped.event.type === 'events.dropped')
      this.#items.splice(at - 1, 2, hole(victim.stamped, before.stamped.event.count + 1));
    else this.#items[at] = hole(victim.stamped, 1);
    return true;
  }

  /** The next item that is not in flight. */
  next(): QueueItem | undefined {
    return this.#items.find((item) => item.opId === undefined);
  }

  /** Forgets the item whose publish was answered; undefined when it is not one of ours. */
  done(opId: number): QueueItem | undefined {
    const at = this.#items.findIndex((item) => item.opId === opId);
    const item = this.#items[at];
    if (!item) return undefined;
    this.#items.splice(at, 1);
    if (!item.hole) this.#events--;
    return item;
  }

  /** The connection is gone: what was in flight waits again, in its old place and with its old stamp. */
  recall(): void {
    for (const item of this.#items) item.opId = undefined;
  }

  /** What waits or was never confirmed, oldest first; holes stay behind, the numbers show them. */
  unsent(): StampedEvent[] {
    return this.#items.filter((item) => !item.hole).map((item) => item.stamped);
  }

  get empty(): boolean {
    return this.#items.length === 0;
  }
}
