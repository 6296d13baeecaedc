import { test } from 'node:test';
import assert from 'node:assert/strict';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { Secret, ip, seconds, toUtf8 } from '../../../src/base/index.ts';
import type { EffectOf, Input } from '../../../src/ports/index.ts';
import { createMqttPort } from '../../../src/adapters/node/mqtt.ts';
import type { TcpConnector } from '../../../src/adapters/node/mqtt.ts';
import { Broker } from '../../sim/broker.ts';
import type { BrokerOptions } from '../../sim/broker.ts';

const plain: TcpConnector = ({ address, port }, signal) => new Promise((done, failed) => {
  const socket = connect({ host: address, port, signal });
  socket.once('connect', () => done(socket));
  socket.once('error', failed);
});

async function until(what: string, check: () => boolean): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (check()) return;
    await wait(10);
  }
  assert.fail(`did not come: ${what}`);
}

const connectEffect = (port: number, changes: Partial<EffectOf<'mqtt.connect'>> = {}): EffectOf<'mqtt.connect'> => ({
  type: 'mqtt.connect', name: 'report', opId: 1, address: ip('127.0.0.1'), host: '127.0.0.1', port, tls: false, ca: undefined, username: undefined,
  password: undefined, clientId: 'mobiked-r1', keepalive: seconds(30), will: { topic: 'm/r1/availability', payload: 'offline', qos: 1, retain: true },
  willDelay: seconds(60), sessionExpiry: seconds(600), ifindex: 0, mark: 0, ...changes,
});
const publish = (opId: number, payload: string, topic = 'm/r1/event', qos: 0 | 1 = 1): EffectOf<'mqtt.publish'> =>
  ({ type: 'mqtt.publish', name: 'report', opId, message: { topic, payload, qos, retain: false } });

async function bench(options: BrokerOptions = {}, connector: TcpConnector = plain) {
  const arrived: string[] = [];
  const versions: number[] = [];
  const broker = await Broker.listen({ ...options, onMessage: (m) => arrived.push(m.payload.toString()), onConnect: (_, version) => versions.push(version) });
  const port = createMqttPort(connector);
  const inputs: Input[] = [];
  const deliver = (input: Input): void => void inputs.push(input);
  return {
    broker, port, inputs, arrived, versions, deliver,
    dial: (changes: Partial<EffectOf<'mqtt.connect'>> = {}) => port.perform(connectEffect(broker.port, changes), deliver),
    types: () => inputs.map((i) => i.type),
    end: async () => {
      port.close();
      await broker.close();
    },
  };
}

test('connects with MQTT 5, publishes both qualities of service, answers each once', async () => {
  const b = await bench();
  b.dial();
  await until('CONNACK', () => b.inputs.length === 1);
  assert.deepEqual(b.inputs, [{ type: 'mqtt.connected', name: 'report', opId: 1 }]);
  b.port.perform(publish(2, 'one'), b.deliver);
  b.port.perform(publish(3, 'two', 'm/r1/event', 0), b.deliver);
  await until('answers', () => b.inputs.length === 3 && b.arrived.length === 2);
  assert.deepEqual(b.arrived, ['one', 'two']);
  assert.deepEqual(b.inputs.slice(1).map((i) => ('opId' in i ? i.opId : 0)).sort(), [2, 3]);
  assert.deepEqual(b.versions, [5]);
  await b.end();
});

test('an old broker is spoken to in MQTT 3.1.1, at once the next time', async () => {
  const b = await bench({ newest: 4 });
  b.dial();
  await until('CONNACK', () => b.inputs.length === 1);
  assert.deepEqual([b.types(), b.versions], [['mqtt.connected'], [4]]);
  b.port.perform({ type: 'mqtt.close', name: 'report', graceful: true }, b.deliver);
  b.dial({ opId: 2 });
  await until('CONNACK', () => b.inputs.length === 2);
  assert.deepEqual(b.inputs[1], { type: 'mqtt.connected', name: 'report', opId: 2 });
  await b.end();
});

test('a broker that closes on MQTT 5 without a word is tried with 3.1.1; one that always closes is a failure', async () => {
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    socket.once('data', () => socket.end());
    socket.on('error', () => undefined);
  });
  await new Promise<void>((done) => void server.listen(0, '127.0.0.1', done));
  const inputs: Input[] = [];
  const port = createMqttPort(plain);
  port.perform(connectEffect((server.address() as AddressInfo).port), (input) => inputs.push(input));
  await until('failure', () => inputs.length === 1);
  assert.deepEqual(inputs, [{ type: 'mqtt.closed', name: 'report', opId: 1, why: 'the broker closed the connection' }]);
  assert.equal(connections, 2);
  port.close();
  server.close();
});

test('a wrong password, a refused connection and a broker that speaks something else are reasons, not exceptions', async () => {
  const b = await bench({ users: { router: 'right' } });
  b.dial({ username: 'router', password: new Secret(toUtf8('hunter2')) });
  await until('refusal', () => b.inputs.length === 1);
  const [refused] = b.inputs;
  assert.ok(refused?.type === 'mqtt.closed' && refused.why.includes('User Name or Password'), JSON.stringify(refused));
  b.dial({ opId: 2, username: 'router', password: new Secret(toUtf8('right')) });
  await until('CONNACK', () => b.inputs.length === 2);
  assert.equal(b.inputs[1]?.type, 'mqtt.connected');
  await b.end();
  assert.ok(!JSON.stringify(b.inputs).includes('hunter2'));

  const garbage = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.resume();
    socket.end('HTTP/1.0 400 Bad Request\r\n\r\n');
  });
  await new Promise<void>((done) => void garbage.listen(0, '127.0.0.1', done));
  const { port: number } = garbage.address() as AddressInfo;
  const port = createMqttPort(plain);
  const inputs: Input[] = [];
  port.perform(connectEffect(number), (input) => inputs.push(input));
  await until('garbage', () => inputs.length === 1);
  assert.equal(inputs[0]?.type, 'mqtt.closed');
  await new Promise<void>((done) => void garbage.close(() => done()));
  port.perform(connectEffect(number, { opId: 2 }), (input) => inputs.push(input));
  await until('refused', () => inputs.length === 2);
  assert.ok(inputs[1]?.type === 'mqtt.closed' && inputs[1].why.includes('ECONNREFUSED') && inputs[1].opId === 2);
  port.close();
});

test('a broker that floods without a complete packet is cut off', async () => {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.write(Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f])); // PUBLISH of 268,435,455 octets
    const flood = setInterval(() => socket.write(Buffer.alloc(16_384)), 1);
    socket.on('close', () => clearInterval(flood));
  });
  await new Promise<void>((done) => void server.listen(0, '127.0.0.1', done));
  const port = createMqttPort(plain);
  const inputs: Input[] = [];
  port.perform(connectEffect((server.address() as AddressInfo).port), (input) => inputs.push(input));
  await until('the cut', () => inputs.length === 1);
  assert.deepEqual(inputs, [{ type: 'mqtt.closed', name: 'report', opId: 1, why: 'the broker sent too much' }]);
  port.close();
  server.close();
});

test('an abrupt close is immediate and unanswered; the next connection has only its own words', async () => {
  const sockets: Socket[] = [];
  const b = await bench({}, async (target, signal) => {
    const socket = await plain(target, signal);
    sockets.push(socket);
    return socket;
  });
  b.dial();
  await until('CONNACK', () => b.inputs.length === 1);
  b.port.perform(publish(5, 'in flight'), b.deliver);
  b.port.perform({ type: 'mqtt.close', name: 'report', graceful: false }, b.deliver);
  assert.equal(sockets[0]?.destroyed, true);
  b.dial({ opId: 6 });
  await until('CONNACK', () => b.inputs.length === 2);
  await wait(50);
  assert.deepEqual(b.inputs.slice(1), [{ type: 'mqtt.connected', name: 'report', opId: 6 }]);
  await b.end();
});

test('a close while TCP or TLS still connects aborts it', async () => {
  let aborted = false;
  const b = await bench({}, (_target, signal) => new Promise((_done, failed) => {
    signal.addEventListener('abort', () => {
      aborted = true;
      failed(new Error('aborted'));
    });
  }));
  b.dial();
  b.port.perform({ type: 'mqtt.close', name: 'report', graceful: false }, b.deliver);
  await wait(20);
  assert.equal(aborted, true);
  assert.deepEqual(b.inputs, []);
  await b.end();
});

test('a lost connection is told once with a reason, and in-flight publishes are not answered by it', async () => {
  const b = await bench();
  b.dial();
  await until('CONNACK', () => b.inputs.length === 1);
  b.broker.cutAll();
  b.port.perform(publish(7, 'lost'), b.deliver);
  await until('the loss', () => b.inputs.length === 2);
  await wait(50);
  assert.equal(b.inputs.length, 2);
  assert.ok(b.inputs[1]?.type === 'mqtt.closed' && b.inputs[1].why !== '');
  await b.end();
});

test('MQTT 5 §4.9: no more publishes in flight than the broker receives, none forgotten; a lower maximum QoS is kept', async () => {
  const b = await bench({ receiveMaximum: 2 });
  b.dial();
  await until('CONNACK', () => b.inputs.length === 1);
  for (let i = 0; i < 16; i++) b.port.perform(publish(10 + i, String(i)), b.deliver);
  await until('all', () => b.inputs.length === 17);
  assert.deepEqual(b.arrived, Array.from({ length: 16 }, (_, i) => String(i)));
  await b.end();
  const zero = await bench({ maximumQoS: 0 });
  zero.dial({ will: { topic: 'm/r1/availability', payload: 'offline', qos: 0, retain: true } });
  await until('CONNACK', () => zero.inputs.length === 1);
  zero.port.perform(publish(2, 'x'), zero.deliver);
  await until('the answer', () => zero.inputs.length === 2);
  assert.deepEqual(zero.inputs[1], { type: 'mqtt.published', name: 'report', opId: 2 });
  await zero.end();
});

test('a publish the broker refuses comes back with its reason', async () => {
  const b = await bench({ refuse: (topic) => (topic.startsWith('secret/') ? 135 : undefined) });
  b.dial();
  await until('CONNACK', () => b.inputs.length === 1);
  b.port.perform(publish(2, 'x', 'secret/x'), b.deliver);
  await until('the refusal', () => b.inputs.length === 2);
  assert.deepEqual(b.inputs[1], { type: 'mqtt.published', name: 'report', opId: 2, refused: 'Publish error: Not authorized' });
  await b.end();
});

test('a graceful close says DISCONNECT: the broker sends no will', async () => {
  const b = await bench();
  b.dial({ willDelay: seconds(0), sessionExpiry: seconds(0) });
  await until('CONNACK', () => b.inputs.length === 1);
  b.port.perform({ type: 'mqtt.close', name: 'report', graceful: true }, b.deliver);
  await until('goodbye', () => b.broker.clients.length === 0);
  await wait(50);
  assert.deepEqual(b.arrived, []);
  b.dial({ opId: 2, willDelay: seconds(0), sessionExpiry: seconds(0) });
  await until('CONNACK', () => b.inputs.length === 2);
  b.port.perform({ type: 'mqtt.close', name: 'report', graceful: false }, b.deliver);
  await until('the will', () => b.arrived.length === 1);
  assert.deepEqual(b.arrived, ['offline']);
  await b.end();
});
