/** Follows the events of a daemon on its control socket, as `mobikectl events --follow` does, with their times. */
import { createConnection, type Socket } from 'node:net';
import { decodeReply, encodeRequest } from '../../src/codec/control/index.ts';
import type { Event, EventType, StampedEvent } from '../../src/report/index.ts';
import { monotonic } from '../lab/index.ts';

export type EventOf<T extends EventType> = Extract<Event, { type: T }>;

export interface Happened<T extends EventType = EventType> {
  /** Monotonic ms, by the daemon's own stamp. */
  readonly at: number;
  readonly text: string;
  readonly event: EventOf<T>;
}

export class Follower {
  readonly events: Happened[] = [];
  onEvent: (happened: Happened) => void = () => undefined;
  readonly #socket: Socket;
  /** When the daemon's uptime was 0, by the quickest delivery so far. */
  #zero = Infinity;

  private constructor(socket: Socket) {
    this.#socket = socket;
    let rest = '';
    socket.setEncoding('utf8');
    socket.on('error', () => undefined);
    socket.on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.#line(line);
    });
    socket.write(`${encodeRequest({ id: 1, command: 'events', args: {}, follow: true })}\n`);
  }

  /** Connects as soon as the socket is there; fails after `limit` ms. */
  static async open(path: string, limit = 5000): Promise<Follower> {
    const end = monotonic() + limit;
    for (;;) {
      const socket = createConnection(path);
      const problem = await new Promise<Error | undefined>((resolve) => socket.once('connect', () => resolve(undefined)).once('error', resolve));
      if (!problem) return new Follower(socket);
      if (monotonic() > end) throw new Error(`${path}: ${problem.message}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  close(): void {
    this.#socket.destroy();
  }

  /** The first event of this type at or after `since` that `wanted` accepts, now or within `limit` ms; undefined when none comes. */
  async wait<T extends EventType>(type: T, since: number, limit: number, wanted: (event: EventOf<T>) => boolean = () => true): Promise<Happened<T> | undefined> {
    const end = monotonic() + limit;
    for (;;) {
      for (const happened of this.events) {
        // Stamps are whole milliseconds: a little before `since` may be after it.
        if (happened.at < since - 2 || happened.event.type !== type) continue;
        const found = happened as unknown as Happened<T>;
        if (wanted(found.event)) return found;
      }
      if (monotonic() > end || this.#socket.destroyed) return undefined;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  #line(line: string): void {
    const reply = decodeReply(line);
    if (!reply.ok) return;
    // The first reply holds what happened before; then each event comes by itself.
    if (reply.value.kind === 'done') for (const event of reply.value.data as unknown as StampedEvent[]) this.#happened(event);
    else if (reply.value.kind === 'event') this.#happened(reply.value.event as unknown as StampedEvent);
  }

  #happened(stamped: StampedEvent): void {
    this.#zero = Math.min(this.#zero, monotonic() - stamped.uptime_ms);
    const happened = { at: this.#zero + stamped.uptime_ms, text: stamped.text, event: stamped.event } as Happened;
    this.events.push(happened);
    this.onEvent(happened);
  }
}
