import type { Socket } from 'node:net';
import { existsSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import type { IClientOptions, MqttClient } from 'mqtt';
import * as clientModule from 'mqtt/lib/client';
import { ReasonCodes } from 'mqtt/lib/handlers/ack';
import type { EffectOf, Input, MqttEffect, Port } from '../../ports/index.ts';
import type { TcpTarget } from './tcp.ts';

/** Makes a TCP connection; the adapter over the addon, or a plain one in tests. */
export type TcpConnector = (target: TcpTarget, signal: AbortSignal) => Promise<Socket>;

type ConnectEffect = EffectOf<'mqtt.connect'>;
type Version = 4 | 5;
type ClientClass = new (streamBuilder: () => Socket | TLSSocket, options: IClientOptions) => MqttClient;

/**
 * MQTT.js' client alone: its main entry brings WebSocket and SOCKS, 130 kB that are not used. What a CommonJS module's
 * default export is depends on who loads it (Node wraps it once more than TypeScript thinks), hence the two steps.
 */
const loaded = clientModule.default as unknown as ClientClass | { readonly default: ClientClass };
const Client: ClientClass = 'default' in loaded ? loaded.default : loaded;

/** Unacknowledged data ends the connection after this: a keep-alive and a half, as the broker does it. */
const USER_TIMEOUT_MS = 45_000;
/** Longest time for the broker to answer CONNECT; the core gives up earlier, this only cleans up. */
const CONNACK_MS = 30_000;
/** DISCONNECT has this long to leave before the socket goes. */
const GOODBYE_MS = 500;
/** A broker answers with packets of a few octets; one that sends this much without completing a packet is cut off. */
const MOST_INCOMPLETE = 65_536;
/** Brokers remembered as speaking MQTT 3.1.1 only; the first one remembered is forgotten first. */
const MOST_REMEMBERED = 64;
/** Where OpenWrt's `ca-bundle` and Debian's `ca-certificates` put the system's bundle; else Node's own list. */
const SYSTEM_CA = '/etc/ssl/certs/ca-certificates.crt';
/** CONNACK codes of a broker that does not know the version: MQTT 3.1.1 §3.2.2.3 and MQTT 5 §3.2.2.2. */
const WRONG_VERSION: readonly unknown[] = [1, 132];
/** CONNACK codes that mean who we are, not how we speak. */
const WRONG_IDENTITY: readonly unknown[] = [4, 5, 134, 135];

const text = (error: unknown): string => (error instanceof Error ? error.message : String(error));
const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined);

function systemCa(): string | undefined {
  return existsSync(SYSTEM_CA) ? readFileSync(SYSTEM_CA, 'utf8') : undefined;
}

/** Wraps a connection in TLS: at least 1.2, certificate and name always checked. */
function secure(socket: Socket, effect: ConnectEffect, signal: AbortSignal): Promise<TLSSocket> {
  return new Promise((done, failed) => {
    const ca = effect.ca ?? systemCa();
    const tls = connectTls({
      socket, host: effect.host, minVersion: 'TLSv1.2', rejectUnauthorized: true,
      ...(isIP(effect.host) === 0 ? { servername: effect.host } : {}), // RFC 6066 §3: no addresses in SNI
      ...(ca === undefined ? {} : { ca }),
    });
    const abort = (): void => void tls.destroy();
    signal.addEventListener('abort', abort, { once: true });
    tls.once('error', (error) => failed(new Error(`TLS: ${text(error)}`)));
    tls.once('close', () => failed(new Error('TLS: the broker closed the connection during the handshake')));
    tls.once('secureConnect', () => {
      signal.removeEventListener('abort', abort);
      done(tls);
    });
  });
}

/** One connection of one `config mqtt` section, from `mqtt.connect` to `mqtt.close` or `mqtt.closed`. */
class Session {
  readonly effect: ConnectEffect;
  readonly #connect: TcpConnector;
  /** Brokers that speak 3.1.1 only; shared by all sessions. */
  readonly #old: Set<string>;
  readonly #abort = new AbortController();
  readonly #deliver: (input: Input) => void;
  #tcp: Socket | undefined;
  #client: MqttClient | undefined;
  #version: Version;
  #ended = false;
  #inFlight = 0;
  #most = 0xffff;
  #mostQos: 0 | 1 = 1;
  #retain = true;
  /** Publishes beyond the broker's Receive Maximum (MQTT 5 §3.3.4); the core's window bounds them. */
  readonly #held: EffectOf<'mqtt.publish'>[] = [];

  constructor(effect: ConnectEffect, connect: TcpConnector, old: Set<string>, deliver: (input: Input) => void) {
    this.effect = effect;
    this.#connect = connect;
    this.#old = old;
    this.#deliver = deliver;
    this.#version = old.has(this.#broker) ? 4 : 5;
    this.#start();
  }

  get #broker(): string {
    return `${this.effect.host}:${this.effect.port}`;
  }

  #start(): void {
    this.#open(this.#version).catch((error: unknown) => this.#fail(text(error)));
  }

  async #open(version: Version): Promise<void> {
    const { effect } = this;
    const tcp = await this.#connect(
      { address: effect.address, port: effect.port, ifindex: effect.ifindex, mark: effect.mark, userTimeoutMs: USER_TIMEOUT_MS }, this.#abort.signal);
    if (this.#ended) return void tcp.destroy();
    this.#tcp = tcp;
    tcp.on('error', () => undefined); // told by `close` and by the layers above
    tcp.setNoDelay(true);
    const stream = effect.tls ? await secure(tcp, effect, this.#abort.signal) : tcp;
    if (this.#ended) return void stream.destroy();
    this.#speak(stream, version);
  }

  /** Runs MQTT over the stream; every way it can end comes back as one `#fail`. */
  #speak(stream: Socket | TLSSocket, version: Version): void {
    const { effect } = this;
    const five = version === 5;
    const client = new Client(() => stream, {
      protocolId: 'MQTT', protocolVersion: version, clientId: effect.clientId, keepalive: Math.round(effect.keepalive / 1000),
      // MQTT 5: the session outlives the connection, or its end would send the will before its delay (§3.1.3.2.2).
      clean: !five, reconnectPeriod: 0, connectTimeout: CONNACK_MS, resubscribe: false, writeCache: false, timerVariant: 'native', queueQoSZero: false,
      log: () => undefined, // its debug log shows packets, CONNECT with the password among them
      ...(effect.username === undefined ? {} : { username: effect.username }),
      ...(effect.username === undefined || effect.password === undefined ? {} : { password: Buffer.from(effect.password.reveal()) }),
      will: {
        topic: effect.will.topic, payload: Buffer.from(effect.will.payload), qos: effect.will.qos, retain: effect.will.retain,
        ...(five ? { properties: { willDelayInterval: Math.round(effect.willDelay / 1000) } } : {}),
      },
      ...(five ? { properties: { sessionExpiryInterval: Math.round(effect.sessionExpiry / 1000), maximumPacketSize: MOST_INCOMPLETE } } : {}),
    });
    this.#client = client;
    let why: string | undefined;
    let code: unknown;
    let connected = false;
    let broken = false;
    let incomplete = 0;
    stream.on('error', (error: Error) => {
      broken = true;
      why ??= text(error);
    });
    stream.on('data', (chunk: Buffer) => {
      incomplete += chunk.length;
      if (incomplete <= MOST_INCOMPLETE) return;
      why ??= 'the broker sent too much';
      stream.destroy();
    });
    client.on('packetreceive', (packet) => {
      incomplete = 0;
      if (packet.messageId === undefined || packet.messageId > 0) return;
      // Cut off before its identifier, or with the reserved one: MQTT.js would answer with what it cannot encode, and throw where nobody catches.
      packet.messageId = 0;
      why ??= 'the broker sent a packet without an identifier';
      stream.destroy();
    });
    client.on('error', (error) => {
      code ??= codeOf(error);
      why ??= text(error);
      stream.destroy();
    });
    client.on('disconnect', (packet) => {
      why ??= `the broker disconnected us: ${ReasonCodes[(packet.reasonCode ?? 0) as keyof typeof ReasonCodes] || 'no reason given'}`;
      stream.destroy();
    });
    client.on('connect', (packet) => {
      if (this.#ended || client !== this.#client) return;
      connected = true;
      if (version === 4) this.#remember();
      this.#most = packet.properties?.receiveMaximum ?? 0xffff;
      this.#mostQos = packet.properties?.maximumQoS === 0 ? 0 : 1;
      this.#retain = packet.properties?.retainAvailable !== false;
      this.#deliver({ type: 'mqtt.connected', name: effect.name, opId: effect.opId });
    });
    client.on('close', () => {
      if (this.#ended || client !== this.#client) return;
      // A broker that does not know MQTT 5 says so, or closes without a word (MQTT 3.1.1 §3.1.2.2 allows both).
      if (five && !connected && (WRONG_VERSION.includes(code) || (why === undefined && !broken))) {
        this.#version = 4;
        this.#start();
        return;
      }
      this.#fail(`${why ?? 'the broker closed the connection'}${WRONG_IDENTITY.includes(code) ? ' (user name, password or client id)' : ''}`);
    });
  }

  #remember(): void {
    this.#old.add(this.#broker);
    for (const first of this.#old) {
      if (this.#old.size <= MOST_REMEMBERED) break;
      this.#old.delete(first);
    }
  }

  #fail(why: string): void {
    if (this.#ended) return;
    this.drop();
    this.#deliver({ type: 'mqtt.closed', name: this.effect.name, opId: this.effect.opId, why });
  }

  publish(effect: EffectOf<'mqtt.publish'>): void {
    const client = this.#client;
    if (this.#ended || !client?.connected) return; // its end is on its way to the core
    const qos = Math.min(effect.message.qos, this.#mostQos) as 0 | 1;
    if (qos === 1 && this.#inFlight >= this.#most) {
      this.#held.push(effect);
      return;
    }
    if (qos === 1) this.#inFlight++;
    client.publish(effect.message.topic, effect.message.payload, { qos, retain: effect.message.retain && this.#retain }, (error) => {
      if (this.#ended || client !== this.#client) return;
      if (qos === 1) this.#inFlight--;
      const code = codeOf(error);
      // Only an answer of the broker is an answer; anything else ends the connection and is told by that.
      if (error === undefined || error === null) this.#deliver({ type: 'mqtt.published', name: effect.name, opId: effect.opId });
      else if (typeof code === 'number') this.#deliver({ type: 'mqtt.published', name: effect.name, opId: effect.opId, refused: text(error) });
      const next = this.#held.shift();
      if (next) this.publish(next);
    });
  }

  /** Ends at once and without a word. */
  drop(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#abort.abort();
    this.#client?.on('error', () => undefined);
    this.#client?.end(true);
    this.#tcp?.resetAndDestroy();
  }

  /** Says DISCONNECT, so that the broker forgets the will and the session; `done` when the socket is gone. */
  leave(done: () => void): void {
    const client = this.#client;
    if (this.#ended || !client?.connected) {
      this.drop();
      done();
      return;
    }
    this.#ended = true;
    for (const id of Object.keys(client.outgoing)) client.removeOutgoingMessage(Number(id)); // or `end` waits for their answers
    const late = setTimeout(() => this.#tcp?.destroy(), GOODBYE_MS);
    this.#tcp?.once('close', () => {
      clearTimeout(late);
      done();
    });
    client.end(false, this.#version === 5 ? { reasonCode: 0, properties: { sessionExpiryInterval: 0 } } : {});
  }

  destroy(): void {
    this.#tcp?.destroy();
  }
}

/**
 * The MQTT port over MQTT.js: one session a name, MQTT 5 first and 3.1.1 for brokers that want it (remembered by host
 * and port). A failing broker costs an `mqtt.closed` with a reason, never an exception.
 */
export function createMqttPort(connect: TcpConnector): Port<MqttEffect> {
  const sessions = new Map<string, Session>();
  const leaving = new Set<Session>();
  const old = new Set<string>();
  return {
    perform(effect, deliver) {
      const current = sessions.get(effect.name);
      switch (effect.type) {
        case 'mqtt.connect': {
          current?.drop();
          const session: Session = new Session(effect, connect, old, (input) => {
            if (sessions.get(effect.name) !== session) return;
            if (input.type === 'mqtt.closed') sessions.delete(effect.name);
            deliver(input);
          });
          sessions.set(effect.name, session);
          return;
        }
        case 'mqtt.publish': return current?.publish(effect);
        case 'mqtt.close':
          if (!current) return;
          sessions.delete(effect.name);
          if (!effect.graceful) return current.drop();
          leaving.add(current);
          current.leave(() => leaving.delete(current));
          return;
        default: throw new Error(`unknown effect ${String(effect satisfies never)}`);
      }
    },
    close() {
      for (const session of sessions.values()) session.drop();
      sessions.clear();
      for (const session of leaving) session.destroy();
      leaving.clear();
    },
  };
}
