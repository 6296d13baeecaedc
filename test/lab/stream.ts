/** A stream of numbered packets and their echo between two namespaces, and what became of it. */
import type { Namespace, Running } from './namespaces.ts';
import { tool } from './tools.ts';

/** CLOCK_MONOTONIC in ms: the clock of the relay and the stream. */
export const monotonic = (): number => Number(process.hrtime.bigint()) / 1e6;

export interface StreamPacket {
  readonly number: number;
  /** Monotonic ms. */
  readonly sentAt: number;
  answeredAt: number | undefined;
}

export interface StreamResult {
  readonly sent: number;
  readonly answered: number;
  readonly lost: number;
  /** Longest gap between answered packets, by send time, minus one interval; ms. */
  readonly outageMs: number;
}

/** What became of these packets, in order of their numbers. */
export function measure(packets: readonly StreamPacket[], intervalMs: number): StreamResult {
  const first = packets[0];
  let last = first === undefined ? 0 : first.sentAt - intervalMs;
  let gap = intervalMs;
  let answered = 0;
  for (const packet of packets) {
    if (packet.answeredAt === undefined) continue;
    answered++;
    gap = Math.max(gap, packet.sentAt - last);
    last = packet.sentAt;
  }
  const end = packets[packets.length - 1];
  if (end !== undefined) gap = Math.max(gap, end.sentAt - last);
  return { sent: packets.length, answered, lost: packets.length - answered, outageMs: Math.max(0, Math.round(gap - intervalMs)) };
}

/** Answers every packet on `port` in `namespace`. */
export async function startServer(namespace: Namespace, port: number): Promise<Running> {
  const server = namespace.spawn([tool('stream'), 'server', String(port)]);
  await server.line((line) => line === 'ready');
  return server;
}

/** Hears every packet on `port` in `namespace` and answers none: for a `Stream` that is to go one way. */
export async function startSink(namespace: Namespace, port: number): Promise<Running> {
  const sink = namespace.spawn([tool('stream'), 'sink', String(port)]);
  await sink.line((line) => line === 'ready');
  return sink;
}

export class Stream {
  readonly packets: StreamPacket[] = [];
  readonly intervalMs: number;
  /** Told of every answer, and of every packet sent (`undefined`). */
  onPacket: (packet: StreamPacket) => void = () => undefined;
  readonly #process: Running;

  /** `sink`: who hears it where it goes one way. */
  constructor(namespace: Namespace, address: string, port: number, options: { readonly rate?: number; readonly size?: number; readonly sink?: Running } = {}) {
    const { rate = 50, size = 200 } = options;
    this.intervalMs = 1000 / rate;
    this.#process = namespace.spawn([tool('stream'), 'client', address, String(port), String(rate), String(size)], { stdin: 'pipe' });
    this.#process.onLine = (line) => this.#line(line);
    if (options.sink) options.sink.onLine = (line) => this.#line(line);
  }

  /** The packets sent in this time (monotonic ms). */
  between(from: number, to: number): StreamPacket[] {
    return this.packets.filter((p) => p.sentAt >= from && p.sentAt < to);
  }

  result(from = -Infinity, to = Infinity): StreamResult {
    return measure(this.between(from, to), this.intervalMs);
  }

  /** Resolves when `count` packets sent after `since` were answered in a row; fails after `limit` ms. */
  async flowing(count: number, since: number, limit: number): Promise<void> {
    const end = monotonic() + limit;
    for (;;) {
      let run = 0;
      for (const packet of this.packets) {
        if (packet.sentAt < since) continue;
        run = packet.answeredAt === undefined ? 0 : run + 1;
        if (run >= count) return;
      }
      if (monotonic() > end) throw new Error(`the stream does not flow after ${limit} ms`);
      if (this.#process.over) throw new Error(`the stream ended: ${this.#process.lines.slice(-5).join(' ')}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async stop(): Promise<void> {
    this.#process.child.stdin?.end();
    await this.#process.stop('SIGTERM');
  }

  #line(line: string): void {
    const [kind, number, time] = line.split(' ');
    const at = Number(time) / 1000;
    const index = Number(number);
    if (kind === 's') {
      const packet = { number: index, sentAt: at, answeredAt: undefined };
      this.packets[index] = packet;
      this.onPacket(packet);
    } else if (kind === 'r') {
      const packet = this.packets[index];
      if (!packet || packet.answeredAt !== undefined) return;
      packet.answeredAt = at;
      this.onPacket(packet);
    }
  }
}

export interface FloodResult {
  readonly sent: number;
  readonly answered: number;
  /** Answered packets a second. */
  readonly rate: number;
}

/** Keeps `window` packets in flight for `seconds`. */
export async function flood(namespace: Namespace, address: string, port: number, options: { readonly seconds: number; readonly size: number; readonly window: number }): Promise<FloodResult> {
  const text = await namespace.run([tool('stream'), 'flood', address, String(port), String(options.seconds), String(options.size), String(options.window)]);
  const [, sent, , answered, , us] = text.trim().split(' ').map(Number);
  return { sent: sent ?? 0, answered: answered ?? 0, rate: (answered ?? 0) / ((us ?? 1) / 1e6) };
}
