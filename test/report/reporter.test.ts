import { test } from 'node:test';
import assert from 'node:assert/strict';
import { Secret, after, instant, ip, millis, minutes, seconds, toUtf8 } from '../../src/base/index.ts';
import type { Instant, JsonObject, Millis } from '../../src/base/index.ts';
import type { MqttConfig } from '../../src/config/index.ts';
import type { Effect, EffectOf, Entropy, MqttMessage } from '../../src/ports/index.ts';
import { EventLog, MqttReporter, WILL_DELAY, WINDOW } from '../../src/report/index.ts';
import type { ReportRoute, ReporterInput } from '../../src/report/index.ts';

const config: MqttConfig = {
  name: 'report', enabled: true, tls: false, host: '192.0.2.10', port: 1883, ca: undefined, username: 'router', password: new Secret(toUtf8('hunter2')),
  topicPrefix: 'mobiked', interval: seconds(60), via: 'auto', queue: 1000,
};
const half: Entropy = { bytes: (count) => new Uint8Array(count).fill(128) };
const wan: ReportRoute = { kind: 'uplink', uplink: 'wan', ifindex: 3, servers: [ip('192.0.2.53')], mark: 7 };
const wwan: ReportRoute = { kind: 'uplink', uplink: 'wwan', ifindex: 4, servers: [ip('198.51.100.53')], mark: 7 };

/** A broker that keeps what arrives; `acks` off: everything arrives, no acknowledgement comes back. */
class Bench {
  now: Instant = instant(0);
  readonly reporter: MqttReporter;
  readonly log = new EventLog('boot-1', instant(0));
  readonly effects: Effect[] = [];
  /** Messages in the order of arrival. */
  readonly arrived: MqttMessage[] = [];
  readonly retained = new Map<string, string>();
  accept = true;
  acks = true;
  hears = true;
  live: number | undefined;
  #unacked: number[] = [];
  #opId = 0;
  #inputs: ReporterInput[] = [];

  constructor(changes: Partial<MqttConfig> = {}) {
    this.reporter = new MqttReporter({ config: { ...config, ...changes }, nodeId: 'r1', entropy: half, nextOpId: () => ++this.#opId });
  }

  /** Gives an input and everything that follows from it at the same instant. */
  give(input: ReporterInput): void {
    this.#inputs.push(input);
    for (let next = this.#inputs.shift(); next; next = this.#inputs.shift())
      for (const effect of this.reporter.handle(next, this.now)) this.#perform(effect);
    const { deadline } = this.reporter;
    assert.ok(deadline === undefined || deadline > this.now - 1, 'no deadline stays in the past');
  }

  #perform(effect: Effect): void {
    this.effects.push(effect);
    if (effect.type === 'mqtt.connect') {
      assert.equal(this.live, undefined, 'one connection at a time');
      if (this.accept) {
        this.live = effect.opId;
        this.#inputs.push({ type: 'mqtt.connected', name: effect.name, opId: effect.opId });
      } else this.#inputs.push({ type: 'mqtt.closed', name: effect.name, opId: effect.opId, why: 'connection refused' });
    } else if (effect.type === 'mqtt.publish') {
      assert.notEqual(this.live, undefined, 'nothing is published without a connection');
      if (!this.hears) return;
      this.arrived.push(effect.message);
      if (effect.message.retain) this.retained.set(effect.message.topic, effect.message.payload);
      if (this.acks) this.#inputs.push({ type: 'mqtt.published', name: effect.name, opId: effect.opId });
      else this.#unacked.push(effect.opId);
      assert.ok(this.#unacked.length <= WINDOW + 1, 'the window is kept');
    } else if (effect.type === 'mqtt.close') {
      this.live = undefined;
      this.#unacked = [];
    }
  }

  lateAck(): void {
    const opId = this.#unacked.shift();
    assert.ok(opId !== undefined);
    this.give({ type: 'mqtt.published', name: 'report', opId });
  }

  cut(why = 'connection reset'): void {
    const opId = this.live ?? 0;
    this.live = undefined;
    this.#unacked = [];
    this.give({ type: 'mqtt.closed', name: 'report', opId, why });
  }

  event(n = 1): void {
    for (let i = 0; i < n; i++) this.give({ type: 'report.event', event: this.log.record({ type: 'ike.rekeyed', connection: 'hq' }, this.now) });
  }

  documents(state: JsonObject, uplinks: { [name: string]: JsonObject } = {}, connections: { [name: string]: JsonObject } = {}): void {
    this.give({ type: 'report.state', stamp: this.log.stamp(this.now), state, uplinks, connections });
  }

  /** Lets time pass, deadline by deadline. */
  pass(span: Millis): void {
    const end = after(this.now, span);
    for (let turns = 0; ; turns++) {
      assert.ok(turns < 100_000, 'the machine comes to rest');
      const { deadline } = this.reporter;
      if (deadline === undefined || deadline > end) break;
      this.now = deadline > this.now ? deadline : this.now;
      this.give({ type: 'tick' });
    }
    this.now = end;
  }

  of<T extends Effect['type']>(type: T): EffectOf<T>[] {
    return this.effects.filter((effect): effect is EffectOf<T> => effect.type === type);
  }

  /** The `event` messages that arrived, parsed. */
  events(): { seq: number; type: string; count?: number; boot_id: string }[] {
    return this.arrived.filter((m) => m.topic === 'mobiked/r1/event').map((m) => JSON.parse(m.payload) as { seq: number; type: string; boot_id: string });
  }
}

test('after CONNACK: online, then events in order, then documents; the will says offline on the same topic', () => {
  const b = new Bench();
  b.event(3);
  b.documents({ version: '1' }, { wan: { up: true } }, { hq: { state: 'established' } });
  assert.equal(b.effects.length, 0);
  b.give({ type: 'report.route', route: wan });
  assert.deepEqual(b.arrived.map((m) => m.topic), ['mobiked/r1/availability', ...Array<string>(3).fill('mobiked/r1/event'),
    'mobiked/r1/state', 'mobiked/r1/uplink/wan', 'mobiked/r1/connection/hq']);
  assert.deepEqual(b.events().map((e) => e.seq), [1, 2, 3]);
  assert.equal(b.retained.get('mobiked/r1/availability'), 'online');
  const [connect] = b.of('mqtt.connect');
  assert.ok(connect);
  assert.deepEqual(connect.will, { topic: 'mobiked/r1/availability', payload: 'offline', qos: 1, retain: true });
  assert.equal(connect.willDelay, WILL_DELAY);
  assert.ok(connect.sessionExpiry > connect.willDelay);
  assert.equal(connect.clientId, 'mobiked-r1');
  assert.deepEqual([connect.ifindex, connect.mark, connect.address], [3, 7, '192.0.2.10']);
  assert.ok(b.arrived.every((m) => m.qos === 1 && m.retain === !m.topic.endsWith('/event')));
});

test('broker away for an hour and 1,500 events: the oldest 500 are dropped, and the drop is an event in their place', () => {
  const b = new Bench();
  b.accept = false;
  b.give({ type: 'report.route', route: wan });
  for (let i = 0; i < 1500; i++) {
    b.event();
    b.pass(millis(2400));
  }
  assert.equal(b.arrived.length, 0);
  const attempts = b.of('mqtt.connect').length;
  assert.ok(attempts >= 12 && attempts < 40, `back-off grows to 5 min: ${attempts} attempts`);
  assert.ok(b.of('log.write').filter((e) => e.level !== 'debug').length < 5, 'the log is not flooded');
  b.accept = true;
  b.pass(minutes(8));
  const events = b.events();
  assert.equal(events.length, 1001);
  assert.deepEqual([events[0]?.type, events[0]?.count, events[0]?.seq], ['events.dropped', 500, 500]);
  assert.deepEqual(events.slice(1).map((e) => e.seq), Array.from({ length: 1000 }, (_, i) => 501 + i));
  assert.equal(b.reporter.status['dropped_count'], 500);
  assert.equal(b.reporter.status['queued_count'], 0);
});

test('below the bound none is lost: 999 and 1,000 waiting events arrive whole, 1,001 lose one', () => {
  for (const [count, first] of [[999, 'ike.rekeyed'], [1000, 'ike.rekeyed'], [1001, 'events.dropped']] as const) {
    const b = new Bench();
    b.event(count);
    b.give({ type: 'report.route', route: wan });
    const events = b.events();
    assert.deepEqual(events.map((e) => e.seq), Array.from({ length: count }, (_, i) => i + 1));
    assert.equal(events[0]?.type, first);
  }
});

test('a connection lost with publishes in flight sends them again under the same stamp, in order, before newer ones', () => {
  const b = new Bench();
  b.give({ type: 'report.route', route: wan });
  b.acks = false;
  b.event(40);
  assert.equal(b.events().length, WINDOW);
  for (let i = 0; i < 5; i++) b.lateAck();
  assert.equal(b.events().length, WINDOW + 5);
  const before = b.arrived.filter((m) => m.topic.endsWith('/event'));
  b.cut();
  b.acks = true;
  b.event(2);
  b.pass(seconds(5));
  const all = b.arrived.filter((m) => m.topic.endsWith('/event'));
  assert.deepEqual(b.events().slice(before.length).map((e) => e.seq), Array.from({ length: 37 }, (_, i) => i + 6));
  const byseq = new Map<number, string>();
  for (const m of all) {
    const { seq } = JSON.parse(m.payload) as { seq: number };
    assert.equal(byseq.get(seq) ?? m.payload, m.payload, 'an event sent again is the same to the octet');
    byseq.set(seq, m.payload);
  }
  assert.equal(byseq.size, 42);
});

test('an acknowledgement of an older connection is not taken for one of the new', () => {
  const b = new Bench();
  b.give({ type: 'report.route', route: wan });
  b.acks = false;
  b.event(1);
  const [old] = b.of('mqtt.publish').filter((e) => e.message.topic.endsWith('/event'));
  b.give({ type: 'report.route', route: wwan });
  b.give({ type: 'mqtt.published', name: 'report', opId: old?.opId ?? 0 });
  assert.equal(b.reporter.status['queued_count'], 1, 'still waits for the answer on the new path');
  b.give({ type: 'mqtt.closed', name: 'report', opId: b.of('mqtt.connect')[0]?.opId ?? 0, why: 'late' });
  assert.equal(b.reporter.status['phase'], 'connected');
});

test('the uplink changes mid-publish: closed abruptly and connected over the new path in the same instant', () => {
  const b = new Bench();
  b.give({ type: 'report.route', route: wan });
  b.hears = false; // a black hole: TCP still believes in it
  b.event(3);
  b.pass(seconds(2));
  b.hears = true;
  b.effects.length = 0;
  const at = b.now;
  b.give({ type: 'report.route', route: wwan });
  assert.equal(b.now, at);
  const kinds = b.effects.filter((e) => e.type !== 'log.write').map((e) => e.type);
  assert.deepEqual(kinds.slice(0, 2), ['mqtt.close', 'mqtt.connect']);
  assert.deepEqual(b.of('mqtt.close')[0], { type: 'mqtt.close', name: 'report', graceful: false });
  assert.equal(b.of('mqtt.connect')[0]?.ifindex, 4);
  assert.deepEqual(b.events().map((e) => e.seq), [1, 2, 3]);
  assert.equal(b.retained.get('mobiked/r1/availability'), 'online');
});

test('a new address or a new index of the same uplink is a new path; new name servers alone are not', () => {
  const b = new Bench();
  b.give({ type: 'report.route', route: { ...wan, local: ip('203.0.113.5') } });
  b.give({ type: 'report.route', route: { ...wan, local: ip('203.0.113.5'), servers: [] } });
  assert.equal(b.of('mqtt.connect').length, 1);
  b.give({ type: 'report.route', route: { ...wan, local: ip('203.0.113.6') } });
  assert.equal(b.of('mqtt.connect').length, 2);
  b.give({ type: 'report.route', route: { ...wan, local: ip('203.0.113.6'), ifindex: 9 } });
  assert.equal(b.of('mqtt.connect').length, 3);
});

test('through the tunnel the connection is kept, by routing table and without a device', () => {
  const b = new Bench();
  b.give({ type: 'report.route', route: { kind: 'tunnel' } });
  b.give({ type: 'report.route', route: { kind: 'tunnel' } });
  assert.equal(b.of('mqtt.close').length, 0);
  assert.deepEqual(b.of('mqtt.connect').map((e) => [e.ifindex, e.mark]), [[0, 0]]);
});

test('no path: the connection is dropped and nothing is tried; a path back: at once, without back-off', () => {
  const b = new Bench();
  b.accept = false;
  b.give({ type: 'report.route', route: wan });
  b.pass(minutes(20));
  b.give({ type: 'report.route', route: { kind: 'none' } });
  const tried = b.of('mqtt.connect').length;
  b.pass(minutes(60));
  assert.equal(b.of('mqtt.connect').length, tried);
  assert.equal(b.reporter.deadline, undefined);
  b.accept = true;
  b.give({ type: 'report.route', route: wan });
  assert.equal(b.reporter.status['phase'], 'connected');
});

test('back-off: 1 s, 2 s, 4 s ... with jitter, reset by a connection that lasted 10 s and by no shorter one', () => {
  const b = new Bench();
  b.give({ type: 'report.route', route: wan });
  const waits: number[] = [];
  for (const lived of [9_999, 0, 0, 10_000, 0]) {
    b.pass(millis(lived));
    b.cut();
    waits.push((b.reporter.deadline ?? 0) - b.now);
    b.pass(millis((b.reporter.deadline ?? 0) - b.now));
    assert.equal(b.reporter.status['phase'], 'connected');
  }
  assert.deepEqual(waits.map(Math.round), [1000, 2000, 4000, 1000, 2000]);
});

test('a broker that accepts and is silent costs 15 s an attempt, one that does not acknowledge 30 s', () => {
  const b = new Bench();
  b.give({ type: 'report.route', route: { kind: 'none' } });
  const silent = new MqttReporter({ config, nodeId: 'r1', entropy: half, nextOpId: () => 1 });
  assert.equal(silent.handle({ type: 'report.route', route: wan }, instant(0))[0]?.type, 'mqtt.connect');
  assert.equal(silent.deadline, 15_000);
  assert.deepEqual(silent.handle({ type: 'tick' }, instant(14_999)), []);
  assert.deepEqual(silent.handle({ type: 'tick' }, instant(15_000))[0], { type: 'mqtt.close', name: 'report', graceful: false });
  b.acks = false;
  b.give({ type: 'report.route', route: wan });
  b.pass(millis(29_999));
  assert.equal(b.of('mqtt.close').length, 0);
  b.pass(millis(2));
  assert.equal(b.of('mqtt.close').length, 1);
  assert.match(String(b.reporter.status['last_error']), /no acknowledgement/);
});

test('a name is resolved over the path in use, its addresses are tried in turn, then it is asked again', () => {
  const b = new Bench({ host: 'broker.example' });
  b.accept = false;
  b.give({ type: 'report.route', route: wan });
  const [ask] = b.of('resolver.resolve');
  assert.deepEqual(ask && [ask.name, ask.servers, ask.ifindex, ask.mark], ['broker.example', ['192.0.2.53'], 3, 7]);
  b.give({ type: 'resolver.answered', opId: ask?.opId ?? 0, addresses: [ip('2001:db8::1'), ip('192.0.2.1')], ttl: seconds(60), why: undefined });
  assert.deepEqual(b.of('mqtt.connect').map((e) => [e.address, e.host]), [['2001:db8::1', 'broker.example'], ['192.0.2.1', 'broker.example']]);
  assert.equal(b.reporter.status['phase'], 'waiting');
  b.pass(seconds(1));
  assert.equal(b.of('resolver.resolve').length, 2);
  b.give({ type: 'report.route', route: wwan });
  assert.deepEqual(b.of('resolver.resolve').map((e) => e.ifindex), [3, 3, 4]);
  b.give({ type: 'resolver.answered', opId: ask?.opId ?? 0, addresses: [ip('192.0.2.1')], ttl: seconds(60), why: undefined });
  assert.equal(b.of('mqtt.connect').length, 2, 'a late answer of the old path is not used');
  b.give({ type: 'resolver.answered', opId: b.of('resolver.resolve')[2]?.opId ?? 0, addresses: [], ttl: millis(0), why: 'NXDOMAIN' });
  assert.match(String(b.reporter.status['last_error']), /cannot resolve broker\.example: NXDOMAIN/);
  assert.equal(b.reporter.status['phase'], 'waiting');
});

test('documents: a settled change goes after 1 s, a burst is one message, measured values wait for the interval', () => {
  const b = new Bench();
  b.give({ type: 'report.route', route: wan });
  b.documents({ active: 'wan' }, { wan: { up: true, rtt_ms: 20 }, lte: { up: true, rtt_ms: 60 } });
  b.pass(seconds(1));
  const count = (topic: string): number => b.arrived.filter((m) => m.topic === `mobiked/r1/${topic}`).length;
  assert.deepEqual([count('state'), count('uplink/wan'), count('uplink/lte')], [1, 1, 1]);
  b.documents({ active: 'wan' }, { wan: { up: false, rtt_ms: 21 }, lte: { up: true, rtt_ms: 61 } });
  b.pass(millis(500));
  b.documents({ active: 'lte' }, { wan: { up: false, rtt_ms: 22 }, lte: { up: true, rtt_ms: 62 } });
  b.pass(millis(499));
  assert.deepEqual([count('state'), count('uplink/wan'), count('uplink/lte')], [1, 1, 1]);
  b.pass(millis(1));
  assert.deepEqual([count('state'), count('uplink/wan'), count('uplink/lte')], [2, 2, 1], 'only what changed');
  assert.equal((JSON.parse(b.retained.get('mobiked/r1/uplink/wan') ?? '') as { rtt_ms: number }).rtt_ms, 22);
  b.pass(seconds(57));
  assert.equal(b.reporter.wantsState, false);
  b.pass(seconds(1));
  assert.equal(b.reporter.wantsState, true);
  b.documents({ active: 'lte' }, { wan: { up: false, rtt_ms: 22 }, lte: { up: true, rtt_ms: 63 } });
  assert.equal(b.reporter.wantsState, false);
  assert.deepEqual([count('state'), count('uplink/wan'), count('uplink/lte')], [2, 2, 2], 'at the interval what changed in anything');
  const payload = JSON.parse(b.retained.get('mobiked/r1/uplink/lte') ?? '') as { [key: string]: unknown };
  assert.deepEqual(Object.keys(payload), ['boot_id', 'time', 'time_synced', 'uptime_ms', 'up', 'rtt_ms']);
});

test('a thing that is gone takes its retained document with it; a new connection gets every document again', () => {
  const b = new Bench();
  b.give({ type: 'report.route', route: wan });
  b.documents({}, { wan: { up: true }, lte: { up: true } });
  b.pass(seconds(1));
  b.documents({}, { wan: { up: true } });
  b.pass(seconds(1));
  assert.equal(b.retained.get('mobiked/r1/uplink/lte'), '');
  b.retained.clear();
  b.give({ type: 'report.route', route: wwan });
  assert.deepEqual([...b.retained.keys()].sort(), ['mobiked/r1/availability', 'mobiked/r1/state', 'mobiked/r1/uplink/wan']);
});

test('clean stop: the last events, then offline retained, then DISCONNECT; within 1 s also when the broker is silent', () => {
  const b = new Bench();
  b.give({ type: 'report.route', route: wan });
  b.event(2);
  b.give({ type: 'report.stop' });
  assert.equal(b.reporter.stopped, true);
  assert.equal(b.retained.get('mobiked/r1/availability'), 'offline');
  assert.deepEqual(b.effects.at(-1), { type: 'mqtt.close', name: 'report', graceful: true });
  const silent = new Bench();
  silent.give({ type: 'report.route', route: wan });
  silent.acks = false;
  silent.event(1);
  silent.give({ type: 'report.stop' });
  silent.pass(seconds(1));
  assert.equal(silent.reporter.stopped, true);
  assert.equal(silent.arrived.at(-1)?.payload, 'offline', 'said even without acknowledgements');
  assert.deepEqual(silent.reporter.handle({ type: 'report.route', route: wwan }, silent.now), [], 'nothing follows');
  const unconnected = new Bench();
  unconnected.accept = false;
  unconnected.give({ type: 'report.route', route: wan });
  unconnected.give({ type: 'report.stop' });
  assert.equal(unconnected.reporter.stopped, true);
  assert.equal(unconnected.reporter.deadline, undefined);
});

test('a message the broker refuses is given up, counted and logged once, and blocks nothing', () => {
  const b = new Bench();
  b.give({ type: 'report.route', route: wan });
  b.acks = false;
  b.event(20);
  const published = b.of('mqtt.publish').filter((e) => e.message.topic.endsWith('/event'));
  b.acks = true;
  for (const e of published) b.give({ type: 'mqtt.published', name: 'report', opId: e.opId, refused: 'Not authorized' });
  assert.equal(b.reporter.status['queued_count'], 0);
  assert.equal(b.reporter.status['refused_count'], 16);
  assert.equal(b.of('log.write').filter((e) => e.level === 'warn' && e.text.includes('Not authorized')).length, 1);
});

test('drops while others are in flight: the hole stands after them, numbers only grow, no number means two things', () => {
  const b = new Bench({ queue: 20 });
  b.give({ type: 'report.route', route: wan });
  b.acks = false;
  b.event(30);
  b.cut();
  b.event(5);
  b.acks = true;
  b.pass(seconds(3));
  const seen = new Map<number, string>();
  for (const e of b.events()) {
    assert.equal(seen.get(e.seq) ?? e.type, e.type);
    seen.set(e.seq, e.type);
  }
  const final = b.events().slice(WINDOW);
  assert.deepEqual(final.map((e) => e.seq), [...Array.from({ length: 16 }, (_, i) => i + 1), 31, 32, 33, 34, 35]);
  assert.deepEqual([final[16]?.type, final[16]?.count], ['events.dropped', 15]);
});

test('the password is in the connect effect as a Secret and nowhere else', () => {
  const b = new Bench();
  b.accept = false;
  b.give({ type: 'report.route', route: wan });
  b.pass(minutes(10));
  assert.ok(!JSON.stringify([b.effects, b.reporter.status]).includes('hunter2'));
  assert.ok(b.of('mqtt.connect').every((e) => e.password instanceof Secret));
});
