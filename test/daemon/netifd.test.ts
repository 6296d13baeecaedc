import { test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createUbusPort } from '../../src/adapters/node/ubus.ts';
import { UbusClient, type ClientOutput } from '../../src/adapters/node/ubus-client.ts';
import { decodeMessage, encodeMessage, UBUS_MESSAGE } from '../../src/codec/ubus/index.ts';
import { instant, type Instant, type JsonObject } from '../../src/base/index.ts';
import { NetifdFollower } from '../../src/daemon/netifd.ts';
import type { Effect, Input, UbusEffect, UbusInput } from '../../src/ports/index.ts';
import { capture, recordedJson } from '../golden/ubus/captures.ts';
import { octets, replay, whole } from '../golden/ubus/replay.ts';
import { defaultVia, NetifdStandIn, statusJson, type SimInterface } from '../sim/netifd.ts';
import { UbusBroker, Ubusd } from '../sim/ubusd.ts';

const WAN: SimInterface = { up: true, device: 'eth1', metric: 10, addresses: ['203.0.113.2/24'], routes: [defaultVia('203.0.113.1')], dns: ['203.0.113.1'] };
const CELL: SimInterface = { up: true, device: 'eth2', proto: 'dhcp', metric: 30, addresses: ['100.64.3.105/24'], routes: [defaultVia('100.64.3.1', '100.64.3.105/32')] };
const WORDS = { present: true, auth_status: false };

/** The follower, a clock, and what is behind the port: an ubusd and a netifd that are there or not. */
class Rig {
  readonly follower: NetifdFollower;
  now: Instant = instant(0);
  effects: Effect[] = [];
  changes = 0;
  interfaces: { [name: string]: SimInterface } = { loopback: { up: true, device: 'lo' }, wan: WAN, cell: CELL };
  devices: JsonObject = { eth1: { ...WORDS, up: true, carrier: true }, eth2: { ...WORDS, up: true, carrier: true } };
  netifd = true;
  /** Status of every answer instead of the true one. */
  status: number | undefined;
  /** Answers are lost: the port says time-out 5 s later. */
  hangs = false;
  /** Called with each interface state the follower shows, whenever it says `changed`. */
  seen: (follower: NetifdFollower) => void = () => undefined;
  #late: { at: number; input: UbusInput }[] = [];

  constructor() {
    let opId = 100;
    this.follower = new NetifdFollower(() => opId++);
  }

  input(input: UbusInput | { type: 'tick' }): void {
    const { effects, changed } = this.follower.handle(input, this.now);
    if (changed) {
      this.changes++;
      this.seen(this.follower);
    }
    this.effects.push(...effects);
    for (const effect of effects) this.#answer(effect);
  }

  /** Lets time pass, with a tick at every deadline. */
  wait(span: number): void {
    const until = this.now + span;
    for (;;) {
      const deadline = this.follower.deadline ?? Infinity;
      const late = this.#late[0]?.at ?? Infinity;
      if (Math.min(deadline, late) > until) break;
      this.now = instant(Math.max(this.now, Math.min(deadline, late)));
      if (late <= deadline) this.input(this.#late.shift()?.input ?? assert.fail());
      else this.input({ type: 'tick' });
    }
    this.now = instant(until);
  }

  #answer(effect: Effect): void {
    if (effect.type !== 'ubus.call' && effect.type !== 'ubus.subscribe' && effect.type !== 'ubus.listen') assert.fail(effect.type);
    const answer = (status: number, data?: JsonObject): UbusInput => ({ type: 'ubus.answered', opId: effect.opId, status, data });
    if (this.hangs) this.#late.push({ at: this.now + 5000, input: answer(7) });
    else if (this.status !== undefined) this.input(answer(this.status));
    else if (effect.type === 'ubus.listen') this.input(answer(0));
    else if (!this.netifd) this.input(answer(4));
    else if (effect.type === 'ubus.subscribe') this.input(answer(0));
    else this.input(answer(0, effect.method === 'dump' ? this.dump() : this.devices));
  }

  dump(): JsonObject {
    return { interface: Object.entries(this.interfaces).map(([name, it]) => ({ interface: name, ...statusJson(it) })) };
  }

  connect(): this {
    this.input({ type: 'ubus.connected' });
    return this;
  }

  say(name: string, it: SimInterface, method = 'interface.update'): void {
    this.interfaces[name] = it;
    this.input({ type: 'ubus.notified', target: 'network.interface', method, data: { interface: name, ...statusJson(it) } });
  }

  event(name: string, data: JsonObject): void {
    this.input({ type: 'ubus.event', name, data });
  }

  /** As SIGKILL: UNSUBSCRIBE and object.remove, interleaved as recorded. */
  killNetifd(): void {
    this.netifd = false;
    for (const name of Object.keys(this.interfaces)) this.event('ubus.object.remove', { id: 1, path: `network.interface.${name}` });
    this.input({ type: 'ubus.unsubscribed', target: 'network.interface' });
    this.event('ubus.object.remove', { id: 2, path: 'network.interface' });
    this.input({ type: 'ubus.unsubscribed', target: 'network.device' });
    this.event('ubus.object.remove', { id: 3, path: 'network.device' });
  }

  startNetifd(): void {
    this.netifd = true;
    this.event('ubus.object.add', { id: 4, path: 'network.device' });
    this.event('ubus.object.add', { id: 5, path: 'network.interface' });
  }

  calls(): number {
    return this.effects.filter((effect) => effect.type === 'ubus.call').length;
  }

  up(name: string): boolean | undefined {
    return this.follower.interfaces.get(name)?.up;
  }
}

test('connected: subscribes, listens and dumps at once', () => {
  const rig = new Rig().connect();
  assert.deepEqual(
    rig.effects.map((effect) => (effect.type === 'ubus.subscribe' ? `subscribe ${effect.target}` : effect.type === 'ubus.listen' ? `listen ${effect.pattern}` : effect.type === 'ubus.call' ? `${effect.object} ${effect.method}` : effect.type)).sort(),
    ['listen network.interface', 'listen ubus.object.*', 'network.device status', 'network.interface dump', 'subscribe network.device', 'subscribe network.interface'],
  );
  assert.equal(rig.follower.connected, true);
  assert.equal(rig.follower.stale, false);
  assert.deepEqual([...rig.follower.interfaces.keys()], ['loopback', 'wan', 'cell']);
  assert.deepEqual(rig.follower.interfaces.get('wan')?.defaultRoutes, [{ family: 4, gateway: '203.0.113.1' }]);
  assert.deepEqual(rig.follower.devices.get('eth1'), { name: 'eth1', present: true, active: true, linkActive: true });
});

test('before the first dump everything is stale and unknown', () => {
  const rig = new Rig();
  assert.deepEqual([rig.follower.connected, rig.follower.stale, rig.follower.interfaces.size, rig.follower.deadline], [false, true, 0, undefined]);
  assert.deepEqual(rig.follower.handle({ type: 'tick' }, instant(5)), { effects: [], changed: false });
});

test('the event ifdown acts at once, before the notification; the metric is kept, a dump confirms a second later', () => {
  const rig = new Rig().connect();
  const before = rig.calls();
  rig.interfaces['wan'] = { up: false, device: 'eth1' };
  rig.event('network.interface', { action: 'ifdown', interface: 'wan' });
  const wan = rig.follower.interfaces.get('wan');
  assert.deepEqual([wan?.up, wan?.metric, wan?.addresses, wan?.defaultRoutes, wan?.l3Device, wan?.device], [false, 10, [], [], undefined, 'eth1']);
  assert.equal(rig.calls(), before, 'no call for it yet');
  const changes = rig.changes;
  rig.say('wan', { up: false, device: 'eth1' }, 'interface.down');
  rig.event('network.interface', { action: 'ifdown', interface: 'wan' });
  rig.say('wan', { up: false, device: 'eth1' }, 'interface.down');
  assert.equal(rig.changes, changes, 'the rest of an explicit down is no news');
  rig.wait(1000);
  assert.equal(rig.calls(), before + 1);
  assert.equal(rig.up('wan'), false);
  assert.equal(rig.follower.interfaces.get('wan')?.metric, 10);
});

test('interface.update does not mean up: `up` is read', () => {
  const rig = new Rig().connect();
  rig.say('wan', { up: false, pending: true, device: 'eth1' });
  assert.equal(rig.up('wan'), false);
  rig.say('wan', { ...WAN, metric: 15 });
  assert.deepEqual([rig.up('wan'), rig.follower.interfaces.get('wan')?.metric], [true, 15]);
});

test('static interface without carrier: up stays, only the device says link_down', () => {
  const rig = new Rig().connect();
  rig.input({ type: 'ubus.notified', target: 'network.device', method: 'link_down', data: { name: 'eth1', ...WORDS, active: true, link_active: false } });
  assert.equal(rig.up('wan'), true);
  assert.deepEqual(rig.follower.devices.get('eth1'), { name: 'eth1', present: true, active: true, linkActive: false });
  const changes = rig.changes;
  rig.input({ type: 'ubus.notified', target: 'network.device', method: 'link_down', data: { name: 'eth1', ...WORDS, active: true, link_active: false } });
  assert.equal(rig.changes, changes, 'repeated for every user of the device');
});

test('ubusd restarted: last state kept as stale, no false down, fresh after the dump', () => {
  const rig = new Rig().connect();
  rig.seen = (follower) => assert.equal(follower.interfaces.get('wan')?.up, true);
  rig.input({ type: 'ubus.closed' });
  assert.deepEqual([rig.follower.connected, rig.follower.stale, rig.follower.deadline], [false, true, undefined]);
  rig.wait(10_000);
  rig.netifd = false; // it reconnects after us
  rig.connect();
  rig.wait(1900);
  assert.deepEqual([rig.follower.connected, rig.follower.stale, rig.up('wan')], [true, true, true]);
  rig.netifd = true;
  rig.event('ubus.object.add', { id: -1, path: 'network.interface.wan' });
  rig.event('ubus.object.add', { id: -2, path: 'network.interface' });
  rig.event('ubus.object.add', { id: -3, path: 'network.device' });
  rig.wait(1000);
  assert.equal(rig.follower.stale, false);
  const subscribed = rig.effects.filter((effect) => effect.type === 'ubus.subscribe' && effect.target === 'network.interface').length;
  rig.wait(60_000);
  assert.equal(rig.effects.filter((effect) => effect.type === 'ubus.subscribe' && effect.target === 'network.interface').length, subscribed);
});

test('ubusd restarted and the object.add lost: found by trying again', () => {
  const rig = new Rig().connect();
  rig.input({ type: 'ubus.closed' });
  rig.netifd = false;
  rig.connect();
  rig.wait(2000);
  rig.netifd = true;
  rig.wait(5000);
  assert.equal(rig.follower.stale, false);
});

test('netifd killed: no false down while it is away, however long; nothing is dumped in vain', () => {
  const rig = new Rig().connect();
  rig.seen = (follower) => assert.equal(follower.interfaces.get('wan')?.up, true);
  rig.killNetifd();
  assert.equal(rig.follower.stale, true);
  const calls = rig.calls();
  rig.wait(600_000);
  assert.deepEqual([rig.up('wan'), rig.up('cell'), rig.follower.interfaces.size], [true, true, 3]);
  assert.equal(rig.calls(), calls);
  rig.startNetifd();
  rig.wait(1300);
  assert.equal(rig.follower.stale, false);
});

test('netifd started again: a dump of a netifd that is still starting is not taken', () => {
  const rig = new Rig().connect();
  rig.wait(5000);
  rig.seen = (follower) => assert.equal(follower.interfaces.get('wan')?.up, true, `at ${rig.now}`);
  const interfaces = rig.interfaces;
  rig.killNetifd();
  rig.wait(1000);
  rig.interfaces = {};
  rig.startNetifd();
  rig.wait(5);
  rig.interfaces = { wan: { up: false, device: 'eth1' } };
  rig.event('ubus.object.add', { id: 6, path: 'network.interface.wan' });
  rig.event('network.interface', { action: 'ifup', interface: 'loopback' });
  rig.wait(9);
  rig.interfaces = interfaces;
  rig.event('network.interface', { action: 'ifup', interface: 'wan' });
  rig.say('wan', WAN);
  rig.wait(2000);
  assert.deepEqual([rig.follower.stale, rig.follower.interfaces.size], [false, 3]);
});

test('an empty dump is not believed while interfaces are known', () => {
  const rig = new Rig().connect();
  rig.interfaces = {};
  rig.follower.refresh(rig.now);
  rig.wait(3000);
  assert.equal(rig.follower.interfaces.size, 3);
});

test('an interface removed from the configuration: gone with the dump that follows its object', () => {
  const rig = new Rig().connect();
  rig.wait(2000);
  const { cell, ...rest } = rig.interfaces;
  assert.ok(cell);
  rig.interfaces = rest;
  rig.event('ubus.object.remove', { id: 9, path: 'network.interface.cell' });
  assert.equal(rig.follower.interfaces.size, 3);
  rig.wait(1000);
  assert.deepEqual([...rig.follower.interfaces.keys()], ['loopback', 'wan']);
});

test('messages lost by a slow reader: the dump after the burst finds what was not heard', () => {
  const rig = new Rig().connect();
  rig.wait(5000);
  for (let i = 0; i < 20; i++) rig.say('cell', { ...CELL, dns: [`10.0.0.${i}`] });
  rig.interfaces['wan'] = { up: false, device: 'eth1' }; // its ifdown was dropped
  assert.equal(rig.up('wan'), true);
  rig.wait(1000);
  assert.equal(rig.up('wan'), false);
});

test('ES3-5: a lease that names another server or time server is a change; ifdown forgets both', () => {
  const rig = new Rig().connect();
  rig.wait(5000);
  const say = (data: JsonObject): number => {
    const before = rig.changes;
    rig.say('cell', { ...CELL, data });
    return rig.changes - before;
  };
  const first = { dhcpserver: '100.64.3.1', leasetime: 120, ntpserver: '192.0.2.123' };
  assert.deepEqual([first, first, { ...first, leasetime: 90 }, { ...first, dhcpserver: '100.64.3.2' }, { ...first, dhcpserver: '100.64.3.2', ntpserver: '192.0.2.124' }].map(say), [1, 0, 0, 1, 1]);
  const cell = (): unknown => [rig.follower.interfaces.get('cell')?.dhcpServer, rig.follower.interfaces.get('cell')?.timeServers];
  assert.deepEqual(cell(), ['100.64.3.2', ['192.0.2.124']]);
  rig.event('network.interface', { action: 'ifdown', interface: 'cell' });
  assert.deepEqual(cell(), [undefined, undefined]);
});

test('metric changed by a reload, of which ubus says nothing: the next dump, or a refresh when the kernel shows it', () => {
  const rig = new Rig().connect();
  rig.wait(5000);
  rig.interfaces['wan'] = { ...WAN, metric: 40 };
  rig.wait(5000);
  assert.equal(rig.follower.interfaces.get('wan')?.metric, 10);
  rig.follower.refresh(rig.now);
  rig.wait(0);
  assert.equal(rig.follower.interfaces.get('wan')?.metric, 40);
  rig.interfaces['wan'] = { ...WAN, metric: 5 };
  rig.wait(31_000);
  assert.equal(rig.follower.interfaces.get('wan')?.metric, 5);
});

test('DHCP same-subnet trap: netifd goes on saying up with the new address; that is all it can know', () => {
  const rig = new Rig().connect();
  for (const { input } of replay('events/proto_update_new_address_kernel_view', 'sub', whole).inputs) {
    if (input.type === 'ubus.notified' && input.target === 'network.interface') rig.input(input);
  }
  const cell = rig.follower.interfaces.get('cell');
  assert.deepEqual([cell?.up, cell?.addresses, cell?.defaultRoutes], [true, [{ address: '100.64.3.177', length: 24 }], [{ family: 4, gateway: '100.64.3.1' }]]);
});

test('250 notifications a second for a simulated hour: one dump a second, no growth, no change without news', () => {
  const rig = new Rig().connect();
  const recordedFlood = replay('events/proto_fail_flood', 'sub', whole).inputs.map(({ input }) => input);
  const flood = recordedFlood.filter((input) => input.type === 'ubus.notified' && input.method === 'interface.update' && input.data['up'] === false);
  assert.ok(flood.length > 50);
  rig.interfaces['cell'] = { up: false, device: 'eth2' };
  rig.input(flood[0] ?? assert.fail());
  rig.wait(2000);
  const [changes, interfaces] = [rig.changes, rig.follower.interfaces.size];
  rig.effects = [];
  const seconds = 3600;
  for (let i = 0; i < seconds * 250; i++) {
    rig.input(flood[i % flood.length] ?? assert.fail());
    rig.wait(4);
    if (rig.effects.length > 2 * seconds) assert.fail('an effect for each notification');
  }
  const dumps = rig.effects.filter((effect) => effect.type === 'ubus.call' && effect.object === 'network.interface').length;
  assert.ok(dumps <= seconds && dumps >= seconds / 2, `${dumps} dumps`);
  assert.ok(rig.effects.length - dumps <= seconds / 30 + 1);
  assert.equal(rig.follower.interfaces.size, interfaces);
  assert.equal(rig.changes, changes);
});

test('flapping, a hundred ifup a second: still one dump a second', () => {
  const rig = new Rig().connect();
  rig.effects = [];
  for (let i = 0; i < 1000; i++) {
    rig.event('network.interface', { action: 'ifup', interface: 'wan' });
    rig.follower.refresh(rig.now);
    rig.wait(10);
  }
  assert.ok(rig.effects.length <= 11, `${rig.effects.length} effects`);
});

test('objects that come and go: never two requests of a kind at once', () => {
  const rig = new Rig();
  rig.hangs = true;
  rig.connect();
  for (let i = 0; i < 100; i++) {
    rig.event('ubus.object.add', { id: i, path: 'network.interface' });
    rig.input({ type: 'ubus.unsubscribed', target: 'network.interface' });
    rig.wait(10);
  }
  assert.equal(rig.effects.length, 4, 'two subscriptions, two patterns');
});

/** Makes the next dump of the interfaces wait, and returns what answers it. */
function holdDump(rig: Rig): () => void {
  rig.wait(2000);
  rig.hangs = true;
  rig.follower.refresh(rig.now);
  rig.wait(0);
  const asked = rig.effects.at(-1);
  if (asked?.type !== 'ubus.call' || asked.method !== 'dump') assert.fail('no dump asked');
  const data = rig.dump();
  rig.hangs = false;
  return () => rig.input({ type: 'ubus.answered', opId: asked.opId, status: 0, data });
}

test('a dump said before netifd died makes nothing fresh', () => {
  const rig = new Rig().connect();
  const answer = holdDump(rig);
  rig.killNetifd();
  answer();
  assert.equal(rig.follower.stale, true);
});

test('news while a dump is under way: another dump follows it', () => {
  const rig = new Rig().connect();
  const answer = holdDump(rig);
  rig.say('cell', { ...CELL, metric: 31 });
  rig.interfaces['wan'] = { ...WAN, metric: 12 };
  answer();
  rig.wait(1000);
  assert.deepEqual([rig.follower.interfaces.get('cell')?.metric, rig.follower.interfaces.get('wan')?.metric], [31, 12]);
});

test('invented names do not grow the maps', () => {
  const rig = new Rig().connect();
  for (let i = 0; i < 5000; i++) {
    rig.input({ type: 'ubus.notified', target: 'network.interface', method: 'interface.update', data: { interface: `x${i}`, up: true } });
    rig.input({ type: 'ubus.notified', target: 'network.device', method: 'add', data: { name: `x${i}`, present: true } });
  }
  assert.ok(rig.follower.interfaces.size <= 256);
  assert.ok(rig.follower.devices.size <= 256);
});

test('netifd hangs: dumps time out and are tried again with growing pauses, the state stays', () => {
  const rig = new Rig().connect();
  rig.hangs = true;
  rig.say('wan', WAN);
  const calls = rig.calls();
  rig.wait(120_000);
  assert.ok(rig.calls() - calls < 24, `${rig.calls() - calls}`);
  assert.equal(rig.up('wan'), true);
  rig.hangs = false;
  rig.interfaces['wan'] = { up: false, device: 'eth1' };
  rig.wait(30_000);
  assert.equal(rig.up('wan'), false);
});

test('without the right to subscribe or listen (ACL): dumps keep the state', () => {
  const rig = new Rig();
  const status = (effect: Effect): UbusInput => ({ type: 'ubus.answered', opId: (effect as { opId: number }).opId, status: 4, data: undefined });
  let effects = rig.follower.handle({ type: 'ubus.connected' }, rig.now).effects;
  for (let rounds = 0; rounds < 10 && effects.length > 0; rounds++) {
    effects = effects.flatMap((effect) => rig.follower.handle(effect.type === 'ubus.call' ? { type: 'ubus.answered', opId: effect.opId, status: 0, data: effect.method === 'dump' ? rig.dump() : rig.devices } : status(effect), rig.now).effects);
  }
  assert.deepEqual([rig.follower.stale, rig.up('wan')], [false, true]);
});

test('answers to others and answers after a reconnect are ignored', () => {
  const rig = new Rig();
  rig.hangs = true;
  rig.connect();
  const old = rig.effects.filter((effect) => effect.type === 'ubus.call' || effect.type === 'ubus.subscribe');
  rig.input({ type: 'ubus.closed' });
  for (const effect of old) rig.input({ type: 'ubus.answered', opId: (effect as { opId: number }).opId, status: 0, data: rig.dump() });
  rig.input({ type: 'ubus.answered', opId: 5, status: 0, data: rig.dump() });
  rig.input({ type: 'ubus.called', callId: 1, method: 'status', args: {} });
  assert.deepEqual([rig.follower.interfaces.size, rig.follower.stale], [0, true]);
});

// ---- Recorded stories ------------------------------------------------------------------------------------------------

/** Both recorded connections of a story on one clock, through the client, into the follower. */
function story(name: string, rig: Rig, cut = whole): void {
  const both = ['sub', 'ev'].flatMap((conn) => replay(`events/${name}`, conn, cut, true).inputs);
  const told = both.filter(({ input }) => input.type === 'ubus.notified' || input.type === 'ubus.event' || input.type === 'ubus.unsubscribed').sort((a, b) => a.at - b.at);
  const start = rig.now;
  for (const { at, input } of told) {
    rig.wait(Math.max(0, start + at - rig.now));
    rig.input(input);
  }
}

const recorded = (dump: string): Rig => {
  const rig = new Rig();
  rig.dump = () => recordedJson(dump);
  rig.devices = recordedJson('device-status-all');
  rig.connect();
  rig.wait(5000);
  return rig;
};

test('recorded wan down: wan and its alias wan6 are down at the first word; device eth1 inactive', () => {
  for (const cut of [whole, octets]) {
    const rig = recorded('dump');
    story('wan_down', rig, cut);
    assert.deepEqual([rig.up('wan'), rig.up('wan6'), rig.up('lan'), rig.up('wwan')], [false, false, true, true]);
    assert.deepEqual(rig.follower.devices.get('eth1'), { name: 'eth1', present: true, active: false, linkActive: false });
    assert.equal(rig.follower.interfaces.get('wan')?.metric, 10);
  }
});

test('recorded wan down, then up', () => {
  const rig = recorded('dump');
  story('wan_down', rig);
  story('wan_up', rig);
  assert.deepEqual([rig.up('wan'), rig.up('wan6')], [true, true]);
  assert.deepEqual(rig.follower.interfaces.get('wan')?.addresses, [{ address: '203.0.113.2', length: 24 }]);
  assert.equal(rig.follower.devices.get('eth1')?.linkActive, true);
});

test('recorded carrier loss of a static interface with force_link: only the device', () => {
  const rig = recorded('dump');
  story('carrier_loss_static_forcelink', rig);
  assert.equal(rig.up('wan'), true);
  assert.equal(rig.follower.devices.get('eth1')?.linkActive, false);
});

test('recorded carrier loss and return with force_link 0', () => {
  const rig = recorded('dump');
  story('carrier_loss_static', rig);
  assert.equal(rig.up('wwan'), false);
  story('carrier_restore_static', rig);
  assert.equal(rig.up('wwan'), true);
});

test('recorded kill and start of netifd: no interface is ever shown down', () => {
  const rig = recorded('dump');
  rig.seen = (follower) => {
    for (const name of ['wan', 'wan6', 'wwan', 'cell', 'lan']) assert.equal(follower.interfaces.get(name)?.up, true, `${name} at ${rig.now}`);
  };
  const subscriptions = rig.effects.length;
  story('netifd_restart', rig);
  rig.wait(2000);
  assert.equal(rig.follower.stale, false);
  assert.ok(rig.effects.slice(subscriptions).some((effect) => effect.type === 'ubus.subscribe' && effect.target === 'network.interface'));
});

test('recorded removal of an interface by reload', () => {
  const rig = recorded('dump');
  const name = replay('events/reload_iface_remove', 'ev', whole).inputs.flatMap(({ input }) => (input.type === 'ubus.event' && input.name === 'ubus.object.remove' ? [String(input.data['path']).slice('network.interface.'.length)] : []))[0] ?? assert.fail();
  story('reload_iface_remove', rig);
  assert.equal(rig.up(name), false);
  const full = recordedJson('dump');
  rig.dump = () => ({ interface: (full['interface'] as readonly JsonObject[]).filter((status) => status['interface'] !== name) });
  rig.wait(2000);
  assert.equal(rig.follower.interfaces.has(name), false);
});

test('recorded: after an ubusd restart netifd publishes its objects in any order; each target is subscribed as it appears', () => {
  const broker = new UbusBroker();
  const client = new UbusClient();
  let opId = 1;
  const follower = new NetifdFollower(() => opId++);
  const now = instant(0);
  const queue: Uint8Array[] = [];
  const run = (output: ClientOutput): void => {
    for (const frame of output.frames) broker.receive(server, frame);
    for (const input of output.inputs) for (const effect of follower.handle(input, now).effects) run(client.perform(effect as UbusEffect, now));
  };
  const pump = (): void => {
    for (let frame = queue.shift(); frame; frame = queue.shift()) run(client.feed(frame, now));
  };
  const server = broker.connect((frame) => queue.push(frame), () => assert.fail());
  run(client.opened(now));
  pump();
  assert.deepEqual([follower.connected, follower.stale], [true, true]);

  // netifd comes 1.5 s later; its frames as recorded, but for the type ids that ubusd had just given it.
  let answered: Uint8Array[] = [];
  const netifd = broker.connect((frame) => answered.push(frame), () => assert.fail());
  const types = new Map<number, number>();
  const subscribed: string[] = [];
  let path: string | undefined;
  for (const line of capture('wire/netifd-ubusd-restart')) {
    const message = decodeMessage(line.bytes);
    if (message === undefined) continue;
    if (line.kind === 'to-client') {
      const live = answered.map((frame) => decodeMessage(frame)?.attrs.objType).find((id) => id !== undefined);
      if (message.attrs.objType !== undefined && message.attrs.objPath === undefined && live !== undefined) types.set(message.attrs.objType, live);
      continue;
    }
    if (message.type !== UBUS_MESSAGE.ADD_OBJECT) continue;
    answered = [];
    path = message.attrs.objPath;
    const objType = message.attrs.objType;
    broker.receive(netifd, encodeMessage(message.type, message.seq, 0, objType === undefined ? message.attrs : { ...message.attrs, objType: types.get(objType) ?? 0 }));
    pump();
    const active = answered.map((frame) => decodeMessage(frame)).some((told) => told?.type === UBUS_MESSAGE.NOTIFY && told.attrs.active === true);
    if (active) subscribed.push(path ?? '');
  }
  assert.deepEqual(subscribed, ['network.device', 'network.interface']);
  assert.equal(follower.stale, true, 'nobody answered the dump yet');
});

test('over a real socket: netifd and ubusd killed and started, one after the other and both; wan never shown down', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'netifd-'));
  const path = join(directory, 'ubus.sock');
  const [ubusd, netifd, port] = [new Ubusd(), new NetifdStandIn(), createUbusPort()];
  let timer: ReturnType<typeof setTimeout> | undefined;
  t.after(async () => {
    clearTimeout(timer);
    port.close();
    await netifd.kill();
    await ubusd.stop();
    rmSync(directory, { recursive: true });
  });
  let opId = 1;
  const follower = new NetifdFollower(() => opId++);
  const clock = (): Instant => instant(performance.now());
  let wanted = true;
  const take = (input: Input): void => {
    const { effects } = follower.handle(input as UbusInput | { type: 'tick' }, clock());
    if (follower.interfaces.has('wan')) assert.equal(follower.interfaces.get('wan')?.up, wanted);
    for (const effect of effects) port.perform(effect as UbusEffect, take);
    clearTimeout(timer);
    if (follower.deadline !== undefined) timer = setTimeout(() => take({ type: 'tick' }), Math.max(0, follower.deadline - clock()) + 1);
  };
  const until = async (what: string, holds: () => boolean): Promise<void> => {
    for (const end = performance.now() + 10_000; !holds(); ) {
      assert.ok(performance.now() < end, what);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  const startNetifd = async (): Promise<void> => {
    const started = netifd.start(path);
    await netifd.set('loopback', { up: true, device: 'lo' });
    await netifd.set('wan', WAN);
    await started;
  };
  netifd.reconnectInterval = 100;
  await ubusd.start(path);
  await startNetifd();
  port.perform({ type: 'ubus.open', socket: path }, take);
  await until('first dump', () => !follower.stale && follower.interfaces.has('wan'));

  await netifd.kill();
  await until('netifd missed', () => follower.stale && follower.connected);
  await startNetifd();
  await until('netifd is back', () => !follower.stale);

  await ubusd.stop();
  await until('ubusd missed', () => !follower.connected);
  await ubusd.start(path);
  await until('ubusd is back', () => follower.connected && !follower.stale);

  await netifd.kill();
  await ubusd.stop();
  await until('both missed', () => !follower.connected);
  await ubusd.start(path);
  await startNetifd();
  await until('both are back', () => follower.connected && !follower.stale);

  wanted = false;
  await netifd.set('wan', { up: false, device: 'eth1' });
  await until('a true down', () => follower.interfaces.get('wan')?.up === false);
});
