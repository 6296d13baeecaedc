import { test, type TestContext } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromHex, seconds, type JsonObject } from '../../../src/base/index.ts';
import { UBUS_MESSAGE } from '../../../src/codec/ubus/index.ts';
import { createUbusPort } from '../../../src/adapters/node/ubus.ts';
import type { Input, InputOf, Port, UbusEffect } from '../../../src/ports/index.ts';
import { defaultVia, NetifdStandIn, type SimInterface } from '../../sim/netifd.ts';
import { UbusPeer } from '../../sim/ubus-peer.ts';
import { Ubusd } from '../../sim/ubusd.ts';

/** A port with everything it delivered, and a way to wait for more. */
class Ear {
  readonly port: Port<UbusEffect> = createUbusPort();
  readonly inputs: Input[] = [];
  #wake: () => void = () => undefined;
  #opId = 0;

  readonly deliver = (input: Input): void => {
    this.inputs.push(input);
    this.#wake();
  };

  perform(effect: UbusEffect): void {
    this.port.perform(effect, this.deliver);
  }

  /** Waits for the first input of a type that passes the test and takes it out. */
  async next<T extends Input['type']>(type: T, fits: (input: InputOf<T>) => boolean = () => true): Promise<InputOf<T>> {
    const until = performance.now() + 8000;
    for (;;) {
      const index = this.inputs.findIndex((input) => input.type === type && fits(input as InputOf<T>));
      if (index >= 0) return this.inputs.splice(index, 1)[0] as InputOf<T>;
      const left = until - performance.now();
      assert.ok(left > 0, `no ${type}; have ${JSON.stringify(this.inputs).slice(0, 2000)}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  async ask(effect: { type: 'ubus.call'; object: string; method: string; args?: JsonObject } | { type: 'ubus.subscribe'; target: string } | { type: 'ubus.listen'; pattern: string }): Promise<InputOf<'ubus.answered'>> {
    const opId = ++this.#opId;
    this.perform(effect.type === 'ubus.call' ? { ...effect, args: effect.args ?? {}, timeout: seconds(2), opId } : { ...effect, opId });
    return this.next('ubus.answered', (input) => input.opId === opId);
  }
}

const UP: SimInterface = { up: true, device: 'eth1', metric: 10, addresses: ['203.0.113.2/24'], routes: [defaultVia('203.0.113.1')] };

async function world(t: TestContext): Promise<{ ear: Ear; ubusd: Ubusd; netifd: NetifdStandIn; path: string }> {
  const directory = mkdtempSync(join(tmpdir(), 'ubus-'));
  const path = join(directory, 'ubus.sock');
  const ubusd = new Ubusd();
  const netifd = new NetifdStandIn();
  const ear = new Ear();
  t.after(async () => {
    ear.port.close();
    await netifd.kill();
    await ubusd.stop();
    rmSync(directory, { recursive: true });
  });
  await ubusd.start(path);
  await netifd.start(path);
  ear.perform({ type: 'ubus.open', socket: path });
  await ear.next('ubus.connected');
  return { ear, ubusd, netifd, path };
}

test('calls, notifications and events through a real socket', async (t) => {
  const { ear, netifd } = await world(t);
  await netifd.set('wan', { up: false, device: 'eth1' });
  assert.equal((await ear.ask({ type: 'ubus.subscribe', target: 'network.interface' })).status, 0);
  assert.equal((await ear.ask({ type: 'ubus.subscribe', target: 'network.device' })).status, 0);
  assert.equal((await ear.ask({ type: 'ubus.listen', pattern: 'network.interface' })).status, 0);
  await netifd.set('wan', UP);
  assert.deepEqual((await ear.next('ubus.event')).data, { action: 'ifup', interface: 'wan' });
  const notified = await ear.next('ubus.notified');
  assert.equal(notified.target, 'network.interface');
  assert.equal(notified.data['up'], true);
  netifd.device('eth1', { present: true, active: true, linkActive: true });
  assert.equal((await ear.next('ubus.notified', (input) => input.method === 'link_up')).target, 'network.device');
  const dump = await ear.ask({ type: 'ubus.call', object: 'network.interface', method: 'dump' });
  assert.equal((dump.data?.['interface'] as JsonObject[])[0]?.['interface'], 'wan');
  assert.equal((await ear.ask({ type: 'ubus.call', object: 'no.such', method: 'x' })).status, 4);
});

test('ubusd killed and started again: closed, connected, published again, nothing thrown', async (t) => {
  const { ear, ubusd, path } = await world(t);
  ear.perform({ type: 'ubus.publish', object: 'mobiked', methods: { status: {} } });
  await ubusd.stop();
  await ear.next('ubus.closed');
  assert.equal((await ear.ask({ type: 'ubus.call', object: 'network.interface', method: 'dump' })).status, 10);
  await ubusd.start(path);
  await ear.next('ubus.connected');
  const caller = await UbusPeer.open(path);
  t.after(() => caller.close());
  const answer = caller.call('mobiked', 'status');
  const called = await ear.next('ubus.called');
  ear.perform({ type: 'ubus.reply', callId: called.callId, status: 0, data: { state: 'ok' } });
  assert.deepEqual(await answer, { status: 0, data: { state: 'ok' } });
  assert.equal((await caller.call('mobiked', 'nope')).status, 3);
});

test('started before ubusd: connects when it comes', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'ubus-'));
  const path = join(directory, 'ubus.sock');
  const [ear, ubusd] = [new Ear(), new Ubusd()];
  t.after(async () => {
    ear.port.close();
    await ubusd.stop();
    rmSync(directory, { recursive: true });
  });
  ear.perform({ type: 'ubus.open', socket: path });
  await new Promise((resolve) => setTimeout(resolve, 50));
  await ubusd.start(path);
  await ear.next('ubus.connected');
  assert.deepEqual(ear.inputs, [], 'no closed before the first connected');
});

test('a server that breaks the protocol is left and tried again; one that closes at once is not asked without end', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'ubus-'));
  const path = join(directory, 'ubus.sock');
  const ear = new Ear();
  const seen: Socket[] = [];
  const greetings = ['000000000000000100000004' + '000000000000000000200000', '', '000000000000000100000004'];
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    const bytes = fromHex(greetings[seen.length] ?? '') ?? new Uint8Array(0);
    seen.push(socket);
    if (bytes.length === 0) socket.destroy();
    else socket.write(bytes);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  t.after(() => {
    ear.port.close();
    seen.forEach((socket) => socket.destroy());
    server.close();
    rmSync(directory, { recursive: true });
  });
  const started = performance.now();
  ear.perform({ type: 'ubus.open', socket: path });
  await ear.next('ubus.connected');
  await ear.next('ubus.closed');
  await ear.next('ubus.connected');
  assert.equal(seen.length, 3);
  assert.ok(performance.now() - started >= 3900, 'two pauses of 2 s');
});

test('a slow reader: ubusd drops what another does not take, ours takes all', async (t) => {
  const { ear, netifd, ubusd, path } = await world(t);
  await netifd.set('wan', UP);
  assert.equal((await ear.ask({ type: 'ubus.subscribe', target: 'network.interface' })).status, 0);
  const slow = await UbusPeer.open(path);
  t.after(() => slow.close());
  const own = (await slow.request(UBUS_MESSAGE.ADD_OBJECT, {})).parts[0]?.objId ?? 0;
  const target = (await slow.request(UBUS_MESSAGE.LOOKUP, { objPath: 'network.interface' })).parts[0]?.objId ?? 0;
  assert.equal((await slow.request(UBUS_MESSAGE.SUBSCRIBE, { objId: own, target })).status, 0);
  slow.reading = false;
  const pad = 'x'.repeat(8000);
  for (let i = 0; i < 400; i++) await netifd.set('wan', { ...UP, uptime: i, data: { pad } });
  await ear.next('ubus.notified', (input) => input.data['uptime'] === 399);
  assert.equal(ear.inputs.filter((input) => input.type === 'ubus.notified').length, 399);
  assert.ok(ubusd.dropped > 50, `${ubusd.dropped} dropped for the slow one`);
});

test('a call whose callee never answers times out', async (t) => {
  const { ear, path } = await world(t);
  const callee = await UbusPeer.open(path);
  t.after(() => callee.close());
  await callee.request(UBUS_MESSAGE.ADD_OBJECT, { objPath: 'hang', signature: { get: {} } });
  callee.reading = false;
  const started = performance.now();
  assert.equal((await ear.ask({ type: 'ubus.call', object: 'hang', method: 'get' })).status, 7);
  assert.ok(performance.now() - started < 3000);
});
