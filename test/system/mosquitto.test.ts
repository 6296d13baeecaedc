import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Secret, instant, ip, seconds, toUtf8 } from '../../src/base/index.ts';
import type { Instant } from '../../src/base/index.ts';
import type { MqttConfig } from '../../src/config/index.ts';
import type { Effect } from '../../src/ports/index.ts';
import { EventLog, MqttReporter } from '../../src/report/index.ts';
import type { ReportRoute, ReporterInput } from '../../src/report/index.ts';
import { createMqttPort } from '../../src/adapters/node/mqtt.ts';
import type { TcpConnector } from '../../src/adapters/node/mqtt.ts';

// Debian puts the broker in /usr/sbin, which is not in everyone's PATH.
const ENV = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/usr/local/sbin` };
const missing = ['mosquitto', 'mosquitto_sub', 'mosquitto_passwd', 'openssl'].filter((tool) => spawnSync(tool, ['--help'], { env: ENV }).error);
const skip = missing.length > 0 ? `not installed: ${missing.join(', ')} (Debian: mosquitto mosquitto-clients openssl)` : false;

let dir = '';
const cleanup: (() => void)[] = [];

before(() => {
  if (skip) return;
  dir = mkdtempSync(join(tmpdir(), 'mobiked-mosquitto-'));
  chmodSync(dir, 0o755); // mosquitto started by root changes to its own user
  const run = (...args: string[]): void => void execFileSync('openssl', args, { cwd: dir, stdio: 'ignore' });
  for (const ca of ['ca', 'other']) run('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', `${ca}.key`, '-out', `${ca}.pem`, '-days', '2', '-subj', `/CN=test ${ca}`);
  run('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', 'broker.key', '-out', 'broker.csr', '-subj', '/CN=broker.example');
  writeFileSync(join(dir, 'san'), 'subjectAltName=DNS:broker.example\n');
  run('x509', '-req', '-in', 'broker.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', 'san', '-out', 'broker.pem');
  chmodSync(join(dir, 'broker.key'), 0o644);
  writeFileSync(join(dir, 'passwd'), '', { mode: 0o644 });
  execFileSync('mosquitto_passwd', ['-b', join(dir, 'passwd'), 'router', 'right'], { env: ENV, stdio: 'ignore' });
  chmodSync(join(dir, 'passwd'), 0o644);
});

after(() => {
  for (const stop of cleanup.reverse()) stop();
  if (dir !== '') rmSync(dir, { recursive: true, force: true });
});

async function until(what: string, check: () => boolean, ms = 10_000): Promise<void> {
  for (const end = performance.now() + ms; performance.now() < end; await wait(10)) if (check()) return;
  assert.fail(`did not come: ${what}`);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => void server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((done) => void server.close(() => done()));
  return port;
}

/** A real broker on a port of 127.0.0.1, started and killed at will. */
class Mosquitto {
  readonly port: number;
  readonly #config: string;
  #child: ChildProcess | undefined;

  constructor(port: number, lines: readonly string[]) {
    this.port = port;
    this.#config = join(dir, `mosquitto-${port}.conf`);
    writeFileSync(this.#config, ['log_type none', `listener ${port} 127.0.0.1`, ...lines, ''].join('\n'), { mode: 0o644 });
    cleanup.push(() => this.kill());
  }

  async start(): Promise<void> {
    this.#child = spawn('mosquitto', ['-c', this.#config], { env: ENV, stdio: 'ignore' });
    for (let i = 0; ; i++) {
      const socket = connect(this.port, '127.0.0.1');
      const [event] = await Promise.race([once(socket, 'connect').then(() => ['up']), once(socket, 'error').then(() => ['down'])]).catch(() => ['down']);
      socket.destroy();
      if (event === 'up') return;
      assert.ok(i < 200, 'mosquitto does not start');
      await wait(25);
    }
  }

  kill(): void {
    this.#child?.kill('SIGKILL');
    this.#child = undefined;
  }
}

/** mosquitto_sub: a subscriber that shares no code with us. */
class Subscriber {
  readonly got: { topic: string; payload: string; retain: boolean }[] = [];
  readonly #child: ChildProcess;

  constructor(port: number, filter: string) {
    this.#child = spawn('mosquitto_sub', ['-h', '127.0.0.1', '-p', String(port), '-t', filter, '-q', '1', '-F', '%r %t %p'], { env: ENV, stdio: ['ignore', 'pipe', 'inherit'] });
    let rest = '';
    this.#child.stdout?.on('data', (bytes: Buffer) => {
      const lines = (rest + bytes.toString()).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const [retain = '', topic = '', ...payload] = line.split(' ');
        this.got.push({ topic, payload: payload.join(' '), retain: retain === '1' });
      }
    });
    cleanup.push(() => this.stop());
  }

  stop(): void {
    this.#child.kill('SIGKILL');
  }

  seqs(): number[] {
    return this.got.filter((m) => m.topic.endsWith('/event')).map((m) => (JSON.parse(m.payload) as { seq: number }).seq);
  }

  payloads(end: string): string[] {
    return this.got.filter((m) => m.topic.endsWith(end)).map((m) => m.payload);
  }
}

const plain: TcpConnector = ({ address, port }, signal) => new Promise((done, failed) => {
  const socket = connect({ host: address, port, signal });
  socket.once('connect', () => done(socket));
  socket.once('error', failed);
});

/** Reporter and port under the one loop, with the real clock: what `main` does, for one broker. */
class Runner {
  readonly reporter: MqttReporter;
  readonly log: EventLog;
  readonly lines: string[] = [];
  readonly #port;
  readonly #queue: ReporterInput[] = [];
  #busy = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(config: Partial<MqttConfig> & { port: number }, node: string, connector: TcpConnector = plain) {
    let opId = 0;
    this.log = new EventLog(node, this.now());
    this.#port = createMqttPort(connector);
    this.reporter = new MqttReporter({
      config: {
        name: 'report', enabled: true, tls: false, host: '127.0.0.1', ca: undefined, username: undefined, password: undefined,
        topicPrefix: 'mobiked', interval: seconds(60), via: 'auto', queue: 1000, ...config,
      },
      nodeId: node, entropy: { bytes: (count) => new Uint8Array(randomBytes(count)) }, nextOpId: () => ++opId,
    });
    cleanup.push(() => this.end());
  }

  now(): Instant {
    return instant(performance.now());
  }

  give(input: ReporterInput): void {
    this.#queue.push(input);
    if (this.#busy) return;
    this.#busy = true;
    for (let next = this.#queue.shift(); next; next = this.#queue.shift()) for (const effect of this.reporter.handle(next, this.now())) this.#perform(effect);
    this.#busy = false;
    clearTimeout(this.#timer);
    const { deadline } = this.reporter;
    if (deadline !== undefined) this.#timer = setTimeout(() => this.give({ type: 'tick' }), Math.max(0, deadline - this.now()));
  }

  #perform(effect: Effect): void {
    if (effect.type === 'log.write') this.lines.push(effect.text);
    else if (effect.type === 'mqtt.connect' || effect.type === 'mqtt.publish' || effect.type === 'mqtt.close')
      this.#port.perform(effect, (input) => {
        if (input.type === 'mqtt.connected' || input.type === 'mqtt.closed' || input.type === 'mqtt.published') this.give(input);
      });
    else if (effect.type === 'resolver.resolve')
      this.give({ type: 'resolver.answered', opId: effect.opId, addresses: [ip('127.0.0.1')], ttl: seconds(60), why: undefined });
  }

  route(ifindex: number): void {
    const route: ReportRoute = { kind: 'uplink', uplink: `wan${ifindex}`, ifindex, servers: [], mark: 0 };
    this.give({ type: 'report.route', route });
  }

  event(): void {
    this.give({ type: 'report.event', event: this.log.record({ type: 'ike.rekeyed', connection: 'hq' }, this.now()) });
  }

  get phase(): unknown {
    return this.reporter.status['phase'];
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#port.close();
  }
}

test('a real broker killed and started while events are published: none lost, none new twice, order kept, availability back', { skip }, async () => {
  const broker = new Mosquitto(await freePort(), ['allow_anonymous true']);
  await broker.start();
  const runner = new Runner({ port: broker.port }, 'r1');
  let subscriber = new Subscriber(broker.port, 'mobiked/r1/#');
  const seen: number[] = [];
  runner.give({ type: 'report.state', stamp: runner.log.stamp(runner.now()), state: { version: '1' }, uplinks: { wan: { up: true } }, connections: {} });
  runner.route(1);
  await until('the first availability', () => subscriber.payloads('/availability').includes('online'));
  await until('the documents', () => subscriber.payloads('/uplink/wan').length === 1 && subscriber.payloads('/state').length === 1);
  for (let i = 0; i < 100; i++) {
    runner.event();
    if (i % 10 === 0) await wait(1);
  }
  await until('the first events', () => subscriber.seqs().length >= 100);
  for (let i = 0; i < 60; i++) runner.event();
  broker.kill();
  for (let i = 0; i < 60; i++) {
    runner.event();
    await wait(2);
  }
  await wait(200);
  seen.push(...subscriber.seqs());
  assert.equal(runner.phase, 'waiting');
  subscriber.stop();
  // The subscriber comes before the reporter, or what is not retained would pass it by.
  runner.give({ type: 'report.route', route: { kind: 'none' } });
  await broker.start();
  subscriber = new Subscriber(broker.port, 'mobiked/r1/#');
  await wait(300);
  runner.route(1);
  await until('the rest', () => subscriber.seqs().includes(220));
  const later = subscriber.seqs();
  assert.deepEqual(later, Array.from({ length: later.length }, (_, i) => (later[0] ?? 0) + i), 'in order without a hole');
  assert.deepEqual([...new Set([...seen, ...later])].sort((a, b) => a - b), Array.from({ length: 220 }, (_, i) => i + 1), 'none lost');
  assert.ok(later.filter((seq) => seen.includes(seq)).length <= 16, 'only what was in flight is repeated, under its old number');
  await until('availability and documents on the empty broker', () => ['/availability', '/state', '/uplink/wan'].every((end) => subscriber.payloads(end).length > 0));
  assert.ok(runner.lines.some((line) => line.includes('ECONN') || line.includes('EPIPE') || line.includes('closed')), runner.lines.join('\n'));
  runner.end();
  subscriber.stop();
});

test('moves of the uplink while publishing: availability never says offline, the session is resumed, events go on', { skip }, async () => {
  const broker = new Mosquitto(await freePort(), ['allow_anonymous true']);
  await broker.start();
  const sockets: Socket[] = [];
  const runner = new Runner({ port: broker.port }, 'r2', async (target, signal) => {
    const socket = await plain(target, signal);
    sockets.push(socket);
    return socket;
  });
  const subscriber = new Subscriber(broker.port, 'mobiked/r2/#');
  await wait(200);
  runner.route(1);
  for (let move = 2; move <= 6; move++) {
    for (let i = 0; i < 20; i++) runner.event();
    await wait(30);
    runner.route(move);
  }
  runner.event();
  await until('all events', () => new Set(subscriber.seqs()).size === 101);
  assert.deepEqual([...new Set(subscriber.seqs())], Array.from({ length: 101 }, (_, i) => i + 1), 'first sights are in order');
  assert.equal(sockets.length, 6);
  await wait(300);
  assert.ok(subscriber.payloads('/availability').every((payload) => payload === 'online'), subscriber.payloads('/availability').join());
  runner.give({ type: 'report.stop' });
  await until('stopped', () => runner.reporter.stopped, 1500);
  await until('offline', () => subscriber.payloads('/availability').at(-1) === 'offline');
  const late = new Subscriber(broker.port, 'mobiked/r2/availability');
  await until('retained', () => late.got.length === 1);
  assert.deepEqual(late.got, [{ topic: 'mobiked/r2/availability', payload: 'offline', retain: true }]);
  late.stop();
  subscriber.stop();
  runner.end();
});

test('MQTT 5: a router that dies is offline after the will delay, and not before', { skip }, async () => {
  const broker = new Mosquitto(await freePort(), ['allow_anonymous true']);
  await broker.start();
  const subscriber = new Subscriber(broker.port, 'mobiked/r3/availability');
  await wait(200);
  const port = createMqttPort(plain);
  const connected = new Promise((done) => port.perform({
    type: 'mqtt.connect', name: 'x', opId: 1, address: ip('127.0.0.1'), host: '127.0.0.1', port: broker.port, tls: false, ca: undefined, username: undefined,
    password: undefined, clientId: 'mobiked-r3', keepalive: seconds(30), will: { topic: 'mobiked/r3/availability', payload: 'offline', qos: 1, retain: true },
    willDelay: seconds(2), sessionExpiry: seconds(60), ifindex: 0, mark: 0,
  }, done));
  assert.deepEqual(await connected, { type: 'mqtt.connected', name: 'x', opId: 1 });
  port.close();
  await wait(1000);
  assert.deepEqual(subscriber.payloads(''), []);
  await until('the will', () => subscriber.got.length === 1);
  assert.deepEqual(subscriber.payloads(''), ['offline']);
  subscriber.stop();
});

test('MQTT 3.1.1: a broker that refuses MQTT 5 is spoken to in 3.1.1, and online follows the will of the old connection', { skip }, async () => {
  const broker = new Mosquitto(await freePort(), ['allow_anonymous true']);
  await broker.start();
  // mosquitto speaks both; this stands before it and refuses MQTT 5 as a broker of 3.1.1 does.
  const refused: number[] = [];
  const front: Server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (bytes: Buffer) => {
      const version = bytes[bytes.indexOf('MQTT') + 4] ?? 0;
      refused.push(version);
      if (version === 5) return void socket.end(Buffer.from([0x20, 2, 0, 1]));
      const behind = connect(broker.port, '127.0.0.1');
      behind.on('error', () => socket.destroy());
      behind.on('close', () => socket.destroy());
      socket.on('close', () => behind.destroy());
      behind.write(bytes);
      socket.pipe(behind);
      behind.pipe(socket);
    });
  });
  await new Promise<void>((done) => void front.listen(0, '127.0.0.1', done));
  cleanup.push(() => void front.close());
  const subscriber = new Subscriber(broker.port, 'mobiked/r4/#');
  await wait(200);
  const runner = new Runner({ port: (front.address() as AddressInfo).port }, 'r4');
  runner.route(1);
  await until('online', () => subscriber.payloads('/availability').includes('online'));
  for (let move = 2; move <= 4; move++) {
    runner.event();
    runner.route(move);
    await until('connected', () => runner.phase === 'connected');
    await wait(100);
  }
  await until('the events', () => new Set(subscriber.seqs()).size === 3);
  assert.equal(subscriber.payloads('/availability').at(-1), 'online');
  assert.deepEqual(refused, [5, 4, 4, 4, 4]);
  runner.end();
  subscriber.stop();
  front.close();
});

test('TLS: the right CA and name connect; a wrong CA, a wrong name and a wrong password are refused with the reason', { skip }, async () => {
  const broker = new Mosquitto(await freePort(), ['allow_anonymous false', `password_file ${join(dir, 'passwd')}`, `certfile ${join(dir, 'broker.pem')}`, `keyfile ${join(dir, 'broker.key')}`]);
  await broker.start();
  const ca = readFileSync(join(dir, 'ca.pem'), 'utf8');
  const right = { port: broker.port, tls: true, host: 'broker.example', ca, username: 'router', password: new Secret(toUtf8('right')) };
  const runner = new Runner(right, 'r5');
  runner.route(1);
  await until('connected', () => runner.phase === 'connected');
  runner.event();
  await until('acknowledged', () => runner.reporter.status['queued_count'] === 0);
  runner.end();
  for (const [what, change, reason] of [
    ['wrong CA', { ca: readFileSync(join(dir, 'other.pem'), 'utf8') }, /TLS: .*(certificate|issuer)/],
    ['the system CAs', { ca: undefined }, /TLS: .*(certificate|issuer)/],
    ['wrong name', { host: 'other.example' }, /TLS: .*altnames/],
    ['wrong password', { password: new Secret(toUtf8('hunter2')) }, /Connection refused: Not authorized \(user name, password or client id\)/],
    ['no TLS', { tls: false }, /closed|reset/i],
  ] as const) {
    const bad = new Runner({ ...right, ...change }, 'r6');
    bad.route(1);
    await until(what, () => bad.phase === 'waiting');
    assert.match(String(bad.reporter.status['last_error']), reason, what);
    assert.ok(!JSON.stringify([bad.lines, bad.reporter.status]).includes('hunter2'), what);
    bad.end();
  }
});
