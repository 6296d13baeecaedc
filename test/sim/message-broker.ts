/**
 * A model of an MQTT broker: sessions over `Channel`, keepalive, wills with delay, retained messages, a log of what a
 * subscriber of everything would see. It stands on a link of its own or behind a tunnel, may be stopped and started.
 */
import { formatEndpoint, type Endpoint } from '../../src/base/index.ts';
import type { MqttMessage } from '../../src/ports/index.ts';
import type { Link } from './net.ts';
import { CLEAR_MARK } from './packet.ts';
import { Channel } from './reliable.ts';
import type { World } from './world.ts';

/** What a client says over the channel; the broker answers `connected`, `published` and `pong`. */
export type ClientWord =
  | { readonly kind: 'connect'; readonly clientId: string; readonly keepalive: number; readonly will: MqttMessage; readonly willDelay: number }
  | { readonly kind: 'publish'; readonly opId: number; readonly message: MqttMessage }
  | { readonly kind: 'ping' }
  | { readonly kind: 'disconnect' };
export type BrokerWord = { readonly kind: 'connected' } | { readonly kind: 'published'; readonly opId: number } | { readonly kind: 'pong' };

export interface Seen extends MqttMessage {
  readonly at: number;
}

interface Session {
  readonly channel: Channel;
  clientId: string;
  will: MqttMessage | undefined;
  willDelay: number;
  keepalive: number;
  heard: number;
}

export const NO_MARK = new Uint8Array(0);

export class MessageBroker {
  readonly endpoint: Endpoint;
  /** Everything published, wills included, in order. */
  readonly seen: Seen[] = [];
  readonly retained = new Map<string, string>();
  readonly #world: World;
  readonly #sessions = new Map<string, Session>();
  readonly #wills = new Map<string, number>();
  #running = true;

  constructor(world: World, endpoint: Endpoint) {
    this.#world = world;
    this.endpoint = endpoint;
  }

  /** Puts the broker on the Internet at the end of `link`. */
  attach(link: Link): void {
    link.attach({
      addresses: () => [this.endpoint.address],
      carrier: () => undefined,
      receive: (packet) => {
        if (packet.protocol !== 'tcp' || packet.destination.port !== this.endpoint.port) return;
        this.receive(packet.source, packet.bytes, NO_MARK, (bytes) => link.transmit({ protocol: 'tcp', source: this.endpoint, destination: packet.source, bytes }));
      },
    });
  }

  get running(): boolean {
    return this.#running;
  }

  /** Sessions that said `connect` and are open. */
  get clients(): string[] {
    return [...this.#sessions.values()].filter((s) => s.channel.open && s.clientId !== '').map((s) => s.clientId);
  }

  /** Every connection is reset; nothing is answered until `start`. */
  stop(): void {
    this.#world.trace('broker stops');
    for (const session of this.#sessions.values()) {
      session.will = undefined;
      session.channel.close('broker stopped', true);
    }
    this.#sessions.clear();
    this.#running = false;
  }

  start(): void {
    this.#world.trace('broker starts');
    this.#running = true;
  }

  /** Octets of a client at `from`. A stopped broker refuses. */
  receive(from: Endpoint, bytes: Uint8Array, mark: Uint8Array, transmit: (bytes: Uint8Array) => void): void {
    const key = formatEndpoint(from);
    let session = this.#sessions.get(key);
    if (!this.#running) {
      new Channel(this.#world, { transmit, message: () => undefined, closed: () => undefined }, mark).close('refused', true);
      return;
    }
    if (!session) {
      const made: Session = {
        clientId: '', will: undefined, willDelay: 0, keepalive: 0, heard: this.#world.now,
        channel: new Channel(this.#world, { transmit, message: (text) => this.#word(key, JSON.parse(text) as ClientWord), closed: () => this.#closed(key) }, mark),
      };
      session = made;
      this.#sessions.set(key, made);
    }
    session.heard = this.#world.now;
    session.channel.receive(bytes);
  }

  #word(key: string, word: ClientWord): void {
    const session = this.#sessions.get(key);
    if (!session) return;
    const answer = (reply: BrokerWord): void => session.channel.send(JSON.stringify(reply));
    switch (word.kind) {
      case 'connect':
        // Session take-over: the older connection of this client ends, its will is not due when the delay covers it.
        for (const [other, old] of this.#sessions) if (other !== key && old.clientId === word.clientId) old.channel.close('taken over', true);
        Object.assign(session, { clientId: word.clientId, will: word.will, willDelay: word.willDelay, keepalive: word.keepalive });
        this.#wills.set(word.clientId, (this.#wills.get(word.clientId) ?? 0) + 1);
        this.#watch(key, session);
        return answer({ kind: 'connected' });
      case 'publish':
        this.#publish(word.message);
        return answer({ kind: 'published', opId: word.opId });
      case 'ping':
        return answer({ kind: 'pong' });
      case 'disconnect':
        session.will = undefined;
        session.channel.close('disconnected', false);
    }
  }

  #publish(message: MqttMessage): void {
    this.seen.push({ ...message, at: this.#world.now });
    this.#world.trace(`broker: ${message.topic} ${message.payload}`);
    if (!message.retain) return;
    if (message.payload === '') this.retained.delete(message.topic);
    else this.retained.set(message.topic, message.payload);
  }

  /** A client that is silent for one and a half keepalives is gone (MQTT 5 §3.1.2.10). */
  #watch(key: string, session: Session): void {
    if (session.keepalive === 0) return;
    this.#world.after(session.keepalive / 2, () => {
      if (this.#sessions.get(key) !== session) return;
      if (this.#world.now - session.heard > session.keepalive * 1.5) session.channel.close('keepalive', true);
      else this.#watch(key, session);
    });
  }

  #closed(key: string): void {
    const session = this.#sessions.get(key);
    this.#sessions.delete(key);
    const will = session?.will;
    if (!session || !will) return;
    const epoch = this.#wills.get(session.clientId);
    this.#world.after(session.willDelay, () => {
      if (this.#running && this.#wills.get(session.clientId) === epoch) this.#publish(will);
    });
  }
}

/** The mark of a channel inside the tunnel: it must never be seen on an outer link. */
export const TUNNEL_MARK = CLEAR_MARK;
