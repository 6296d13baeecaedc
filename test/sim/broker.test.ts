import { test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { connectAsync } from 'mqtt';
import type { IClientOptions, MqttClient } from 'mqtt';
import { Broker, topicMatches } from './broker.ts';

const join = (broker: Broker, options: IClientOptions = {}): Promise<MqttClient> =>
  connectAsync(`mqtt://127.0.0.1:${broker.port}`, { reconnectPeriod: 0, ...options });

function inbox(client: MqttClient): { topic: string; payload: string; qos: number; retain: boolean }[] {
  const all: { topic: string; payload: string; qos: number; retain: boolean }[] = [];
  client.on('message', (topic, payload, packet) => all.push({ topic, payload: payload.toString(), qos: packet.qos, retain: packet.retain }));
  return all;
}

async function until(what: string, check: () => boolean): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (check()) return;
    await wait(10);
  }
  assert.fail(`did not come: ${what}`);
}

test('MQTT 5 §4.7: topic filters', () => {
  for (const [filter, topic, want] of [
    ['a/b', 'a/b', true], ['a/+', 'a/b', true], ['a/+', 'a/b/c', false], ['a/#', 'a', true], ['a/#', 'a/b/c', true], ['#', 'a/b', true],
    ['+', 'a/b', false], ['+/+', '/b', true], ['#', '$SYS/x', false], ['$SYS/#', '$SYS/x', true], ['a', 'a/b', false], ['a/b', 'a', false],
  ] as const) assert.equal(topicMatches(filter, topic), want, `${filter} ${topic}`);
});

for (const protocolVersion of [4, 5] as const) {
  test(`MQTT ${protocolVersion === 4 ? '3.1.1' : '5'}: publish, wildcards, retained, both qualities of service`, async () => {
    const seen: string[] = [];
    const broker = await Broker.listen({ onMessage: (m) => seen.push(`${m.topic} ${m.payload.toString()}`) });
    const writer = await join(broker, { protocolVersion });
    await writer.publishAsync('m/r1/availability', 'online', { qos: 1, retain: true });
    const reader = await join(broker, { protocolVersion });
    const got = inbox(reader);
    await reader.subscribeAsync('m/+/availability', { qos: 1 });
    await reader.subscribeAsync('m/r1/event', { qos: 0 });
    await writer.publishAsync('m/r1/event', '1', { qos: 1 });
    await writer.publishAsync('m/r1/availability', 'offline', { qos: 1, retain: true });
    await writer.publishAsync('m/r1/other', 'x', { qos: 0 });
    await until('three messages', () => got.length >= 3);
    assert.deepEqual(got, [
      { topic: 'm/r1/availability', payload: 'online', qos: 1, retain: true },
      { topic: 'm/r1/event', payload: '1', qos: 0, retain: false },
      { topic: 'm/r1/availability', payload: 'offline', qos: 1, retain: false },
    ]);
    await until('the hook', () => seen.length === 4);
    await writer.publishAsync('m/r1/availability', '', { qos: 1, retain: true });
    assert.equal(broker.retained.size, 0);
    await Promise.all([writer.endAsync(), reader.endAsync()]);
    await broker.close();
  });
}

const will = { topic: 'm/r1/availability', payload: Buffer.from('offline'), qos: 1, retain: true } as const;

test('a will is sent when the connection is lost, and not after DISCONNECT', async () => {
  const broker = await Broker.listen();
  const polite = await join(broker, { will });
  await polite.endAsync();
  await wait(50);
  assert.equal(broker.retained.size, 0);
  const lost = await join(broker, { will });
  lost.stream.destroy();
  await until('the will', () => broker.retained.get('m/r1/availability')?.payload.toString() === 'offline');
  await broker.close();
});

test('MQTT 5 §3.1.3.2.2: a session resumed within the will delay suppresses the will; one that is not does not', async () => {
  const sent: string[] = [];
  const broker = await Broker.listen({ onMessage: (m) => sent.push(m.payload.toString()) });
  const options: IClientOptions = {
    protocolVersion: 5, clientId: 'r1', clean: false, properties: { sessionExpiryInterval: 100 }, will: { ...will, properties: { willDelayInterval: 1 } },
  };
  const first = await join(broker, options);
  first.stream.destroy();
  await until('the loss', () => broker.clients.length === 0);
  const second = await join(broker, options);
  await wait(1200);
  assert.deepEqual(sent, []);
  second.stream.destroy();
  await until('the will', () => sent.length === 1);
  await broker.close();
});

test('a second connection of a client id takes the session over', async () => {
  const broker = await Broker.listen();
  const first = await join(broker, { protocolVersion: 5, clientId: 'r1' });
  const closed = new Promise<void>((done) => void first.once('close', () => done()));
  const second = await join(broker, { protocolVersion: 5, clientId: 'r1' });
  await closed;
  assert.deepEqual(broker.clients, ['r1']);
  await second.endAsync();
  await broker.close();
});

test('a wrong password and a version too new are refused', async () => {
  const broker = await Broker.listen({ newest: 4, users: { router: 'right' } });
  await assert.rejects(join(broker, { username: 'router', password: 'wrong' }), /Bad username or password/);
  await assert.rejects(join(broker, { protocolVersion: 5, username: 'router', password: 'right' }), /version/i);
  const client = await join(broker, { username: 'router', password: 'right' });
  await client.endAsync();
  await broker.close();
});

const noSub = spawnSync('mosquitto_sub', ['--help']).error ? 'mosquitto_sub is not installed' : false;
test('mosquitto_sub understands it, MQTT 3.1.1 and 5', { skip: noSub }, async () => {
  const broker = await Broker.listen();
  const writer = await join(broker);
  await writer.publishAsync('m/r1/availability', 'online', { qos: 1, retain: true });
  for (const version of ['mqttv311', 'mqttv5']) {
    const child = spawn('mosquitto_sub', ['-h', '127.0.0.1', '-p', String(broker.port), '-t', 'm/#', '-q', '1', '-C', '2', '-v', '-V', version], { stdio: ['ignore', 'pipe', 'inherit'] });
    let out = '';
    child.stdout.on('data', (bytes: Buffer) => (out += bytes.toString()));
    await until('the subscriber', () => out.includes('online'));
    await writer.publishAsync('m/r1/event', '{"seq":1}', { qos: 1 });
    await once(child, 'exit');
    assert.equal(out, 'm/r1/availability online\nm/r1/event {"seq":1}\n');
  }
  await writer.endAsync();
  await broker.close();
});
