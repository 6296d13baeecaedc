import { test } from 'node:test';
import assert from 'node:assert/strict';
import { millis, seconds } from '../../src/base/index.ts';
import { nodeCrypto } from '../../src/adapters/node/crypto.ts';
import type { Effect, Input, MqttMessage } from '../../src/ports/index.ts';
import { SimHost } from './host.ts';
import { MessageBroker } from './message-broker.ts';
import { ScriptCore, ip } from './script-core.ts';
import { World } from './world.ts';

const BROKER = { address: ip('203.0.113.50'), port: 1883 };
const message = (topic: string, payload: string, more: Partial<MqttMessage> = {}): MqttMessage => ({ topic, payload, qos: 1, retain: false, ...more });

interface Client {
  world: World;
  broker: MessageBroker;
  router: SimHost;
  core: ScriptCore;
  perform: (effect: Effect) => void;
  connect: (opId: number, ifindex?: number) => Effect;
}

function client(script: (input: Input) => Effect[] = () => []): Client {
  const world = new World({ seed: 21 });
  const broker = new MessageBroker(world, BROKER);
  broker.attach(world.link('broker', { rtt: millis(10) }));
  let next: Effect[] = [];
  const core = new ScriptCore((input) => [...script(input), ...next.splice(0)]);
  const router = new SimHost(world, { name: 'router', suite: nodeCrypto(), makeCore: () => core });
  router.addDevice('wan0', world.link('isp1', { rtt: millis(20), nat: { publicAddress: ip('198.51.100.1') } }), { addresses: [{ address: ip('192.168.1.2'), length: 24 }], metric: 10 });
  router.addDevice('wwan0', world.link('isp2', { rtt: millis(60), nat: { publicAddress: ip('198.51.100.2') } }), { addresses: [{ address: ip('10.64.0.2'), length: 24 }], metric: 20 });
  router.start();
  const perform = (effect: Effect): void => {
    next = [effect];
    router.push({ type: 'tick' });
  };
  const connect = (opId: number, ifindex = 0): Effect => ({
    type: 'mqtt.connect', name: 'm', opId, address: BROKER.address, host: 'broker', port: BROKER.port, tls: false, ca: undefined, username: undefined, password: undefined,
    clientId: 'router-1', keepalive: seconds(10), will: message('availability', 'offline', { retain: true }), willDelay: seconds(5), sessionExpiry: seconds(0), ifindex, mark: 0,
  });
  return { world, broker, router, core, perform, connect };
}

test('connect, publish with an acknowledgement, retain, say goodbye without a will', () => {
  const { world, broker, core, perform, connect } = client();
  perform(connect(1));
  world.runFor(seconds(1));
  assert.deepEqual(core.of('mqtt.connected').map((c) => c.opId), [1]);
  perform({ type: 'mqtt.publish', name: 'm', opId: 2, message: message('state', 'up', { retain: true }) });
  world.runFor(seconds(1));
  assert.deepEqual(core.of('mqtt.published').map((p) => p.opId), [2]);
  assert.equal(broker.retained.get('state'), 'up');
  perform({ type: 'mqtt.close', name: 'm', graceful: true });
  world.runFor(seconds(60));
  assert.equal(core.of('mqtt.closed').length, 0, 'our own close is not answered');
  assert.deepEqual(broker.seen.map((s) => s.topic), ['state']);
  assert.deepEqual(broker.clients, []);
});

test('a lossy way loses no message and repeats none', () => {
  const { world, broker, core, perform, connect } = client();
  world.link('isp1').set({ loss: 0.3 });
  perform(connect(1));
  world.runUntil(() => core.of('mqtt.connected').length === 1, seconds(20));
  for (let i = 0; i < 30; i++) perform({ type: 'mqtt.publish', name: 'm', opId: 10 + i, message: message('event', String(i)) });
  world.runUntil(() => core.of('mqtt.published').length === 30, seconds(60));
  assert.deepEqual(broker.seen.map((s) => s.payload), Array.from({ length: 30 }, (_, i) => String(i)));
});

test('a dead uplink ends the connection, the will comes after its delay, and not when the client is back before', () => {
  for (const back of [false, true]) {
    const { world, broker, router, core, perform, connect } = client();
    perform(connect(1, router.device('wan0').ifindex));
    world.runFor(seconds(1));
    world.link('isp1').blackHole();
    world.runUntil(() => core.of('mqtt.closed').length === 1, seconds(60));
    if (back) perform(connect(2, router.device('wwan0').ifindex));
    world.runFor(seconds(30));
    assert.deepEqual(broker.seen.map((s) => `${s.topic} ${s.payload}`), back ? [] : ['availability offline']);
    assert.deepEqual(broker.clients, back ? ['router-1'] : []);
  }
});

test('a broker that is stopped refuses; started again it serves', () => {
  const { world, broker, core, perform, connect } = client();
  perform(connect(1));
  world.runFor(seconds(1));
  broker.stop();
  world.runFor(seconds(1));
  assert.deepEqual(core.of('mqtt.closed').map((c) => c.opId), [1]);
  perform(connect(2));
  world.runFor(seconds(1));
  assert.deepEqual(core.of('mqtt.closed').map((c) => c.opId), [1, 2]);
  broker.start();
  perform(connect(3));
  world.runFor(seconds(1));
  assert.deepEqual(core.of('mqtt.connected').map((c) => c.opId), [1, 3]);
});

test('a killed client is reset, or found by its keepalive; its will is published after the delay', () => {
  for (const cut of [false, true]) {
    const { world, broker, router, perform, connect } = client();
    perform(connect(1));
    world.runFor(seconds(1));
    if (cut) world.link('isp1').blackHole();
    router.crash();
    world.runFor(seconds(4));
    assert.equal(broker.seen.length, 0);
    world.runFor(cut ? seconds(40) : seconds(2));
    assert.deepEqual(broker.seen.map((s) => s.payload), ['offline']);
  }
});
