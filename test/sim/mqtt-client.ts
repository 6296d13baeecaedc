/** The MQTT port of a simulated host: one `Channel` per connection, no retry of its own, keepalive, answers as inputs. */
import type { Endpoint } from '../../src/base/index.ts';
import type { EffectOf, Input, MqttEffect } from '../../src/ports/index.ts';
import type { BrokerWord, ClientWord } from './message-broker.ts';
import { Channel } from './reliable.ts';
import type { World } from './world.ts';

/** How the host carries the octets of one connection. */
export interface Carrier {
  readonly local: Endpoint;
  readonly mark: Uint8Array;
  send(bytes: Uint8Array): void;
}

interface Session {
  readonly opId: number;
  readonly channel: Channel;
  readonly port: number;
  /** QoS 1 publishes without an answer; QoS 0 ones count as done when written. */
  readonly pending: Set<number>;
  connected: boolean;
  heard: number;
}

const CONNECT_TIMEOUT = 10_000;

export class MqttClient {
  readonly #world: World;
  readonly #deliver: (input: Input) => void;
  readonly #open: (effect: EffectOf<'mqtt.connect'>) => Carrier | string;
  readonly #sessions = new Map<string, Session>();

  constructor(world: World, open: (effect: EffectOf<'mqtt.connect'>) => Carrier | string, deliver: (input: Input) => void) {
    this.#world = world;
    this.#open = open;
    this.#deliver = deliver;
  }

  perform(effect: MqttEffect): void {
    if (effect.type === 'mqtt.connect') return this.#connect(effect);
    const session = this.#sessions.get(effect.name);
    if (effect.type === 'mqtt.close') {
      if (!session) return;
      this.#sessions.delete(effect.name);
      if (effect.graceful) say(session, { kind: 'disconnect' });
      session.channel.close('closed by us', false);
      return;
    }
    if (!session) throw new Error(`mqtt.publish on ${effect.name}, which is not connected`);
    say(session, { kind: 'publish', opId: effect.opId, message: effect.message });
    if (effect.message.qos === 1) session.pending.add(effect.opId);
    else this.#deliver({ type: 'mqtt.published', name: effect.name, opId: effect.opId });
  }

  /** Octets for the connection at local `port`. */
  receive(port: number, bytes: Uint8Array): void {
    for (const session of this.#sessions.values()) if (session.port === port) {
      session.heard = this.#world.now;
      session.channel.receive(bytes);
    }
  }

  /** The process is gone: its kernel resets the connections, and no input comes any more. */
  abandon(): void {
    const sessions = [...this.#sessions.values()];
    this.#sessions.clear();
    for (const session of sessions) session.channel.close('process ended', true);
  }

  #connect(effect: EffectOf<'mqtt.connect'>): void {
    const { name, opId } = effect;
    if (this.#sessions.has(name)) throw new Error(`mqtt.connect of ${name}, which is open`);
    const carrier = this.#open(effect);
    if (typeof carrier === 'string') {
      this.#world.after(1, () => this.#deliver({ type: 'mqtt.closed', name, opId, why: carrier }));
      return;
    }
    const mine = (): boolean => this.#sessions.get(name) === session;
    const session: Session = {
      opId,
      port: carrier.local.port,
      pending: new Set(),
      connected: false,
      heard: this.#world.now,
      channel: new Channel(this.#world, {
        transmit: (bytes) => carrier.send(bytes),
        message: (text) => {
          if (mine()) this.#word(name, session, JSON.parse(text) as BrokerWord);
        },
        closed: (why) => {
          if (!mine()) return;
          this.#sessions.delete(name);
          this.#deliver({ type: 'mqtt.closed', name, opId, why });
        },
      }, carrier.mark),
    };
    this.#sessions.set(name, session);
    say(session, { kind: 'connect', clientId: effect.clientId, keepalive: effect.keepalive, will: effect.will, willDelay: effect.willDelay });
    this.#world.after(CONNECT_TIMEOUT, () => {
      if (mine() && !session.connected) session.channel.close('connect timed out', false);
    });
    const ping = (): void => this.#world.after(effect.keepalive, () => {
      if (!mine()) return;
      if (this.#world.now - session.heard > effect.keepalive * 1.5) return session.channel.close('keepalive timeout', true);
      say(session, { kind: 'ping' });
      ping();
    });
    if (effect.keepalive > 0) ping();
  }

  #word(name: string, session: Session, word: BrokerWord): void {
    if (word.kind === 'connected') {
      session.connected = true;
      this.#deliver({ type: 'mqtt.connected', name, opId: session.opId });
    } else if (word.kind === 'published' && session.pending.delete(word.opId)) this.#deliver({ type: 'mqtt.published', name, opId: word.opId });
  }
}

function say(session: { readonly channel: Channel }, word: ClientWord): void {
  session.channel.send(JSON.stringify(word));
}
