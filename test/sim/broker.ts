import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import mqttPacket from 'mqtt-packet';
import type { IConnectPacket, IPublishPacket, ISubscribePacket, Packet } from 'mqtt-packet';

/** A message as the broker took it from a publisher (`clientId` undefined: a will). */
export interface BrokerMessage {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: 0 | 1;
  readonly retain: boolean;
  readonly clientId: string | undefined;
}

export interface BrokerOptions {
  readonly host?: string;
  /** 0: one that is free. */
  readonly port?: number;
  /** 4: answers a CONNECT of MQTT 5 as an old broker does. */
  readonly newest?: 4 | 5;
  /** Longest quality of service and number of unacknowledged publishes it grants (MQTT 5). */
  readonly maximumQoS?: 0 | 1;
  readonly receiveMaximum?: number;
  /** User name -> password; without it everyone may come. */
  readonly users?: { readonly [name: string]: string };
  /** Says why a publish of this topic is refused (MQTT 5 reason code), or undefined. */
  readonly refuse?: (topic: string) => number | undefined;
  readonly onMessage?: (message: BrokerMessage) => void;
  readonly onConnect?: (clientId: string, version: number) => void;
}

/** What stays of a client between its connections. */
interface Session {
  readonly filters: Map<string, 0 | 1>;
  connection: Connection | undefined;
  will: { readonly message: BrokerMessage; readonly delayMs: number } | undefined;
  expiryMs: number;
  willTimer: NodeJS.Timeout | undefined;
  endTimer: NodeJS.Timeout | undefined;
}

const MOST_RETAINED = 10_000;

/** MQTT 5 §4.7: `+` stands for one level, `#` for all that follow; neither matches a first level that begins with `$`. */
export function topicMatches(filter: string, topic: string): boolean {
  if (topic.startsWith('$') && !filter.startsWith('$')) return false;
  const want = filter.split('/');
  const have = topic.split('/');
  for (const [i, level] of want.entries()) {
    if (level === '#') return true;
    if (i >= have.length || (level !== '+' && level !== have[i])) return false;
  }
  return want.length === have.length;
}

class Connection {
  readonly broker: Broker;
  readonly socket: Socket;
  readonly #parser = mqttPacket.parser({ protocolVersion: 4 });
  session: Session | undefined;
  clientId = '';
  version = 4;
  #nextId = 0;

  constructor(broker: Broker, socket: Socket) {
    this.broker = broker;
    this.socket = socket;
    socket.setNoDelay(true);
    this.#parser.on('packet', (packet: Packet) => this.#packet(packet));
    this.#parser.on('error', () => socket.destroy());
    socket.on('data', (bytes) => void this.#parser.parse(bytes));
    socket.on('error', () => undefined);
    socket.on('timeout', () => socket.destroy());
    socket.on('close', () => broker.lost(this));
  }

  send(packet: Packet): void {
    if (this.socket.writable) this.socket.write(mqttPacket.generate(packet, { protocolVersion: this.version }));
  }

  publish(message: BrokerMessage, qos: 0 | 1, retain: boolean): void {
    this.#nextId = (this.#nextId % 0xffff) + 1;
    this.send({ cmd: 'publish', topic: message.topic, payload: message.payload, qos, retain, dup: false, ...(qos === 1 ? { messageId: this.#nextId } : {}) });
  }

  #packet(packet: Packet): void {
    if (packet.cmd === 'connect') return this.#connect(packet);
    if (!this.session) return void this.socket.destroy();
    switch (packet.cmd) {
      case 'publish': return this.#publish(packet);
      case 'subscribe': return this.#subscribe(packet);
      case 'unsubscribe':
        for (const filter of packet.unsubscriptions) this.session.filters.delete(filter);
        return this.send({ cmd: 'unsuback', messageId: packet.messageId ?? 0, granted: packet.unsubscriptions.map(() => 0) } as Packet);
      case 'pingreq': return this.send({ cmd: 'pingresp' });
      case 'disconnect':
        // MQTT 5 §3.14.2.1: reason 4 asks for the will all the same.
        if (packet.reasonCode !== 4) this.session.will = undefined;
        if (packet.properties?.sessionExpiryInterval !== undefined) this.session.expiryMs = packet.properties.sessionExpiryInterval * 1000;
        return void this.socket.end();
      default: return;
    }
  }

  #connect(packet: IConnectPacket): void {
    const { broker } = this;
    this.version = packet.protocolVersion ?? 4;
    if (this.session) return void this.socket.destroy();
    if (this.version > (broker.options.newest ?? 5)) {
      this.version = 4;
      this.send({ cmd: 'connack', returnCode: 1, sessionPresent: false });
      return void this.socket.end();
    }
    const { users } = broker.options;
    if (users && (packet.username === undefined || users[packet.username] !== packet.password?.toString())) {
      this.send({ cmd: 'connack', ...(this.version === 5 ? { reasonCode: 134 } : { returnCode: 4 }), sessionPresent: false });
      return void this.socket.end();
    }
    this.clientId = packet.clientId === '' ? `auto-${Math.random().toString(16).slice(2)}` : packet.clientId;
    const { session, present } = broker.open(this, packet.clean !== false);
    this.session = session;
    session.expiryMs = this.version === 5 ? (packet.properties?.sessionExpiryInterval ?? 0) * 1000 : packet.clean === false ? 3_600_000 : 0;
    session.will = packet.will && {
      message: { topic: packet.will.topic, payload: Buffer.from(packet.will.payload), qos: packet.will.qos === 0 ? 0 : 1, retain: packet.will.retain ?? false, clientId: undefined },
      delayMs: (packet.will.properties?.willDelayInterval ?? 0) * 1000,
    };
    if ((packet.keepalive ?? 0) > 0) this.socket.setTimeout((packet.keepalive ?? 0) * 1500);
    const { maximumQoS, receiveMaximum } = broker.options;
    const properties = {
      ...(packet.clientId === '' ? { assignedClientIdentifier: this.clientId } : {}),
      ...(maximumQoS === undefined ? {} : { maximumQoS }), ...(receiveMaximum === undefined ? {} : { receiveMaximum }),
    };
    this.send({ cmd: 'connack', ...(this.version === 5 ? { reasonCode: 0, properties } : { returnCode: 0 }), sessionPresent: present });
    broker.options.onConnect?.(this.clientId, this.version);
  }

  #publish(packet: IPublishPacket): void {
    if (packet.qos === 2) return void this.socket.destroy(); // not in this subset
    const code = this.broker.options.refuse?.(packet.topic);
    if (packet.qos === 1)
      this.send({ cmd: 'puback', messageId: packet.messageId ?? 0, ...(this.version === 5 ? { reasonCode: code ?? 0 } : {}) } as Packet);
    if (code !== undefined) return;
    this.broker.take({ topic: packet.topic, payload: Buffer.from(packet.payload), qos: packet.qos, retain: packet.retain, clientId: this.clientId });
  }

  #subscribe(packet: ISubscribePacket): void {
    const granted: (0 | 1)[] = [];
    for (const { topic, qos } of packet.subscriptions) {
      const most = qos === 0 ? 0 : 1;
      this.session?.filters.set(topic, most);
      granted.push(most);
    }
    this.send({ cmd: 'suback', messageId: packet.messageId ?? 0, granted });
    for (const { topic: filter } of packet.subscriptions)
      for (const message of this.broker.retained.values())
        if (topicMatches(filter, message.topic)) this.publish(message, message.qos === 0 ? 0 : (this.session?.filters.get(filter) ?? 0), true);
  }
}

/**
 * A small MQTT broker for the demo and for tests: MQTT 3.1.1 and 5, QoS 0 and 1, wildcards, retained messages, wills
 * with delay, session takeover and expiry. It keeps subscriptions of a session but no messages for an absent client.
 */
export class Broker {
  readonly options: BrokerOptions;
  readonly retained = new Map<string, BrokerMessage>();
  readonly #sessions = new Map<string, Session>();
  readonly #connections = new Set<Connection>();
  readonly #server: Server;
  #closed = false;

  private constructor(options: BrokerOptions) {
    this.options = options;
    this.#server = createServer((socket) => this.#connections.add(new Connection(this, socket)));
  }

  /** Listens; resolves when it does. */
  static listen(options: BrokerOptions = {}): Promise<Broker> {
    const broker = new Broker(options);
    return new Promise((done, failed) => {
      broker.#server.once('error', failed);
      broker.#server.listen(options.port ?? 0, options.host ?? '127.0.0.1', () => done(broker));
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get clients(): readonly string[] {
    return [...this.#connections].filter((c) => c.session).map((c) => c.clientId);
  }

  /** Drops every connection without a word, and goes on listening. */
  cutAll(): void {
    for (const connection of this.#connections) connection.socket.resetAndDestroy();
  }

  close(): Promise<void> {
    this.#closed = true;
    for (const session of this.#sessions.values()) {
      session.will = undefined;
      clearTimeout(session.willTimer);
      clearTimeout(session.endTimer);
    }
    for (const connection of this.#connections) connection.socket.destroy();
    return new Promise((done) => this.#server.close(() => done()));
  }

  /** Takes a message from a publisher (or a will) and gives it to everyone who wants it. */
  take(message: BrokerMessage): void {
    if (message.retain) {
      if (message.payload.length === 0) this.retained.delete(message.topic);
      else if (this.retained.size < MOST_RETAINED || this.retained.has(message.topic)) this.retained.set(message.topic, message);
    }
    this.options.onMessage?.(message);
    for (const { filters, connection } of this.#sessions.values()) {
      if (!connection) continue;
      let qos: 0 | 1 | undefined;
      for (const [filter, most] of filters) if (topicMatches(filter, message.topic)) qos = qos === 1 ? 1 : most;
      if (qos !== undefined) connection.publish(message, message.qos === 0 ? 0 : qos, false);
    }
  }

  /** @internal The session of a client that connects; an older connection of the same client id is taken over. */
  open(connection: Connection, clean: boolean): { session: Session; present: boolean } {
    const before = this.#sessions.get(connection.clientId);
    if (before) {
      clearTimeout(before.endTimer);
      clearTimeout(before.willTimer);
      const other = before.connection;
      before.connection = undefined;
      if (other) {
        if (other.version === 5) other.send({ cmd: 'disconnect', reasonCode: 142 });
        other.session = undefined;
        other.socket.end();
      }
      // The will of a session that ends here is sent; one that is resumed within its delay is not (MQTT 5 §3.1.3.2.2).
      if (before.will && (clean || (other !== undefined && before.will.delayMs === 0))) this.take(before.will.message);
      before.will = undefined;
      if (!clean) {
        before.connection = connection;
        return { session: before, present: true };
      }
    }
    const session: Session = { filters: new Map(), connection, will: undefined, expiryMs: 0, willTimer: undefined, endTimer: undefined };
    this.#sessions.set(connection.clientId, session);
    return { session, present: false };
  }

  /** @internal The connection is gone: its will now, after its delay, or when the session ends, whichever comes first. */
  lost(connection: Connection): void {
    this.#connections.delete(connection);
    const { session, clientId } = connection;
    if (this.#closed || !session || session.connection !== connection) return;
    session.connection = undefined;
    const { will } = session;
    const sendWill = (): void => {
      if (will && session.will === will) this.take(will.message);
      session.will = undefined;
    };
    session.willTimer = setTimeout(sendWill, Math.min(will?.delayMs ?? 0, session.expiryMs));
    session.endTimer = setTimeout(() => {
      if (this.#sessions.get(clientId) === session && !session.connection) this.#sessions.delete(clientId);
    }, Math.min(session.expiryMs, 0x7fffffff));
  }
}
