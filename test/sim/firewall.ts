/**
 * A stateful packet filter as routers and mobile networks have it: what leaves opens a state for its five-tuple (for protocols without ports:
 * for the pair of addresses), what comes passes only through a state, and states end when idle. Filters do not share their states: each link has its own.
 */
import { formatEndpoint, seconds, type Millis } from '../../src/base/index.ts';
import type { OuterPacket } from './packet.ts';

export interface FirewallOptions {
  /** Idle time after which a state ends. Default 120 s, what Linux' conntrack gives a UDP flow that was answered. */
  readonly idle?: Millis;
  /** Whether packets from outside also keep a state alive, as conntrack has it. Default true. */
  readonly inboundRefresh?: boolean;
}

/** Bound of the table; the state that was opened first goes first. */
const MOST_STATES = 4096;

export class Firewall {
  idle: Millis;
  inboundRefresh: boolean;
  /** Packets that nobody inside had asked for. */
  refused = 0;
  readonly #states = new Map<string, number>();

  constructor(options: FirewallOptions = {}) {
    this.idle = options.idle ?? seconds(120);
    this.inboundRefresh = options.inboundRefresh ?? true;
  }

  get size(): number {
    return this.#states.size;
  }

  /** A packet from inside: it passes, and opens the way back. */
  outbound(packet: OuterPacket, now: number): void {
    const key = `${packet.protocol}|${formatEndpoint(packet.source)}|${formatEndpoint(packet.destination)}`;
    if (!this.#states.has(key) && this.#states.size >= MOST_STATES) {
      const [oldest] = this.#states.keys();
      if (oldest !== undefined) this.#states.delete(oldest);
    }
    this.#states.set(key, now);
  }

  /** Whether a packet from outside passes. */
  inbound(packet: OuterPacket, now: number): boolean {
    const key = `${packet.protocol}|${formatEndpoint(packet.destination)}|${formatEndpoint(packet.source)}`;
    const used = this.#states.get(key);
    if (used === undefined || now - used > this.idle) {
      this.#states.delete(key);
      this.refused++;
      return false;
    }
    if (this.inboundRefresh) this.#states.set(key, now);
    return true;
  }

  /** Forgets every state. */
  reboot(): void {
    this.#states.clear();
  }
}
