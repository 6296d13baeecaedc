import { test } from 'node:test';
import assert from 'node:assert/strict';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import mqttPacket from 'mqtt-packet';
import type { Packet } from 'mqtt-packet';
import { ip, seconds } from '../../src/base/index.ts';
import type { Input, MqttEffect } from '../../src/ports/index.ts';
import { createMqttPort, type TcpConnector } from '../../src/adapters/node/mqtt.ts';

/** Connections; every one carries several mutated packets. */
const ROUNDS = 3000;
const AT_A_TIME = 30;

function generator(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const PACKETS: readonly Packet[] = [
  { cmd: 'connack', reasonCode: 0, sessionPresent: true, properties: { receiveMaximum: 3, topicAliasMaximum: 5, serverKeepAlive: 10, maximumQoS: 1, reasonString: 'x' } } as Packet,
  { cmd: 'puback', messageId: 1, reasonCode: 16, properties: { reasonString: 'no one' } } as Packet,
  { cmd: 'pubrec', messageId: 2, reasonCode: 0 } as Packet,
  { cmd: 'pubcomp', messageId: 2, reasonCode: 0 } as Packet,
  { cmd: 'pubrel', messageId: 9, reasonCode: 0 } as Packet,
  { cmd: 'publish', topic: 'a/b', payload: Buffer.from('hello'), qos: 2, messageId: 7, retain: false, dup: false, properties: { topicAlias: 2, contentType: 'x' } } as Packet,
  { cmd: 'suback', messageId: 3, granted: [0, 128] } as Packet,
  { cmd: 'unsuback', messageId: 3, granted: [17] } as Packet,
  { cmd: 'disconnect', reasonCode: 142, properties: { serverReference: 'elsewhere' } } as Packet,
  { cmd: 'auth', reasonCode: 24, properties: { authenticationMethod: 'x', authenticationData: Buffer.from('y') } } as Packet,
  { cmd: 'pingresp' },
];
const SEEDS = PACKETS.map((packet) => mqttPacket.generate(packet, { protocolVersion: 5 }));
const CONNACK = Buffer.from([0x20, 3, 0, 0, 0]);

const plainConnector: TcpConnector = ({ address, port: to }, signal) => new Promise((done, failed) => {
  const socket = connect({ host: address, port: to, signal });
  socket.once('connect', () => done(socket));
  socket.once('error', failed);
});

const connectTo = (port: number, name: string, opId: number): MqttEffect => ({
  type: 'mqtt.connect', name, opId, address: ip('127.0.0.1'), host: `h${opId % 100}`, port, tls: false, ca: undefined, username: undefined,
  password: undefined, clientId: name, keepalive: seconds(30), will: { topic: 'a', payload: 'offline', qos: 1, retain: true }, willDelay: seconds(60),
  sessionExpiry: seconds(600), ifindex: 0, mark: 0,
});

test(`a broker that sends nonsense, ${ROUNDS} connections: no exception, each ends or is closed, no answer is invented`, async () => {
  const draw = generator(20_240_301);
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    const parser = mqttPacket.parser({ protocolVersion: 5 });
    parser.on('error', () => undefined);
    parser.on('packet', (packet: Packet) => {
      const bytes = packet.cmd === 'publish' ? Buffer.from([0x40, 3, (packet.messageId ?? 0) >> 8, (packet.messageId ?? 0) & 255, [0, 16, 135, 255][draw(4)] ?? 0]) : undefined;
      if (bytes && draw(4) === 0) bytes[draw(bytes.length)] = draw(256);
      if (bytes && draw(4) > 0 && socket.writable) socket.write(bytes);
    });
    socket.on('data', (bytes) => void parser.parse(bytes));
    socket.once('data', () => {
      if (draw(3) > 0) socket.write(CONNACK);
      const nonsense = (): void => {
        for (let i = draw(6); i >= 0; i--) {
          const bytes = draw(5) === 0 ? Buffer.from(Array.from({ length: draw(40) }, () => draw(256))) : Buffer.from(SEEDS[draw(SEEDS.length)] ?? []);
          for (let k = draw(4); k > 0 && bytes.length > 0; k--) bytes[draw(bytes.length)] = draw(256);
          if (!socket.writable) return;
          socket.write(bytes);
        }
        if (draw(2) === 0) socket.end();
      };
      // At once, or when publishes are in flight.
      if (draw(2) === 0) nonsense();
      else setTimeout(nonsense, 5);
    });
  });
  await new Promise<void>((done) => void server.listen(0, '127.0.0.1', done));
  const { port: number } = server.address() as AddressInfo;
  const port = createMqttPort(plainConnector);
  const kinds = new Map<string, number>();
  let next = 0;
  const one = (): Promise<void> => new Promise((over) => {
    const round = next++;
    const name = `n${round}`;
    const published = new Set<number>();
    let closed = false;
    const timer = setTimeout(() => {
      port.perform({ type: 'mqtt.close', name, graceful: round % 2 === 0 }, deliver);
      over();
    }, 20);
    const deliver = (input: Input): void => {
      kinds.set(input.type, (kinds.get(input.type) ?? 0) + 1);
      assert.equal(closed, false, 'nothing follows mqtt.closed');
      if (input.type === 'mqtt.connected')
        for (const opId of [1, 2, 3]) port.perform({ type: 'mqtt.publish', name, opId, message: { topic: 't', payload: 'p', qos: 1, retain: false } }, deliver);
      if (input.type === 'mqtt.published') {
        assert.ok(!published.has(input.opId), 'answered once');
        published.add(input.opId);
      }
      if (input.type === 'mqtt.closed') {
        assert.ok(input.why !== '' && input.opId === round);
        closed = true;
        clearTimeout(timer);
        over();
      }
    };
    port.perform(connectTo(number, name, round), deliver);
  });
  await Promise.all(Array.from({ length: AT_A_TIME }, async () => {
    while (next < ROUNDS) await one();
  }));
  port.close();
  await new Promise<void>((done) => void server.close(() => done()));
  assert.ok((kinds.get('mqtt.connected') ?? 0) > 100 && (kinds.get('mqtt.published') ?? 0) > 20 && (kinds.get('mqtt.closed') ?? 0) > 100, JSON.stringify([...kinds]));
});

/** PUBLISH with QoS 1 and 2, PUBREL, PUBREC and PUBACK that end before their packet identifier, and with the reserved one. */
const WITHOUT_IDENTIFIER = ['32030001 61', '34030001 61', '34040001 6105', '6200', '620107', '5000', '4000', '3206 0001 61 0000 00', '62020000'];

for (const octets of WITHOUT_IDENTIFIER) {
  test(`a packet of the broker without an identifier, ${octets.replaceAll(' ', '')}: the connection ends, and nothing else`, async () => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.write(Buffer.concat([CONNACK, Buffer.from(octets.replaceAll(' ', ''), 'hex')])));
    });
    await new Promise<void>((done) => void server.listen(0, '127.0.0.1', done));
    const { port: number } = server.address() as AddressInfo;
    const port = createMqttPort(plainConnector);
    const why = await new Promise<string>((done) => {
      port.perform(connectTo(number, 'n', 1), (input) => {
        if (input.type === 'mqtt.closed') done(input.why);
      });
    });
    assert.ok(why !== '', why);
    port.close();
    await new Promise<void>((done) => void server.close(() => done()));
  });
}
