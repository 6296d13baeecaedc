import { test } from 'node:test';
import assert from 'node:assert/strict';
import { concat, instant, seconds, toHex, type Instant, type JsonObject } from '../../src/base/index.ts';
import { decodeDeviceStatus, decodeDevices, decodeDump, decodeFields, decodeInterfaceStatus, decodeMessage, encodeFields, encodeMessage, FrameReader, UBUS_MESSAGE } from '../../src/codec/ubus/index.ts';
import { UbusClient, type ClientOutput } from '../../src/adapters/node/ubus-client.ts';
import { NetifdFollower } from '../../src/daemon/netifd.ts';
import type { UbusEffect } from '../../src/ports/index.ts';
import { allFrames } from '../golden/ubus/captures.ts';

const ROUNDS = 100_000;

/** A fixed sequence, so that a failure can be repeated from the printed round. */
function generator(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const SEEDS = [...new Map(allFrames().filter(({ bytes }) => bytes.length < 1500).map(({ bytes }) => [toHex(bytes).slice(0, 80), bytes])).values()];
/** Those that come from others to an object: calls, notifications, events, UNSUBSCRIBE. */
const INWARD = SEEDS.filter((bytes) => bytes[1] === UBUS_MESSAGE.INVOKE || bytes[1] === UBUS_MESSAGE.UNSUBSCRIBE);
const EDGES = [0, 1, 4, 7, 8, 0x7f, 0x80, 0x83, 0x87, 0xff];

/** A recorded frame with a few octets changed, cut or doubled; its outer length is mostly kept right, so that the inside is reached. */
function mutated(draw: (below: number) => number): Uint8Array {
  const seed = SEEDS[draw(SEEDS.length)] ?? new Uint8Array(12);
  let bytes: Uint8Array = seed.slice();
  for (let i = draw(6); i >= 0; i--) bytes[draw(bytes.length)] = draw(2) === 0 ? (EDGES[draw(EDGES.length)] ?? 0) : draw(256);
  if (draw(5) === 0) bytes = bytes.slice(0, Math.max(12, draw(bytes.length)));
  if (draw(8) === 0) bytes = concat(bytes, bytes.subarray(draw(bytes.length)));
  if (draw(10) !== 0) new DataView(bytes.buffer).setUint32(8, bytes.length - 8);
  return bytes;
}

const random = (draw: (below: number) => number): Uint8Array => Uint8Array.from({ length: draw(200) }, () => draw(256));

test(`ubus: ${ROUNDS} random and mutated frames decode without a throw; what decodes encodes to the same again`, () => {
  const draw = generator(20_260_717);
  let decoded = 0;
  let withData = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const bytes = round % 8 === 0 ? random(draw) : mutated(draw);
    const message = decodeMessage(bytes);
    decodeFields(bytes);
    if (message === undefined) continue;
    decoded++;
    const again = decodeMessage(encodeMessage(message.type, message.seq, message.peer, message.attrs));
    assert.deepEqual(again, { ...message, version: 0 }, `round ${round}: ${toHex(bytes)}`);
    const data = message.attrs.data;
    if (data === undefined) continue;
    withData++;
    decodeDump(data);
    decodeDevices(data);
    decodeDeviceStatus(data);
    const status = decodeInterfaceStatus(data);
    if (status) assert.ok(status.addresses.length <= 128 && status.defaultRoutes.length <= 64 && status.dnsServers.length <= 64);
  }
  assert.ok(decoded > ROUNDS / 2 && withData > ROUNDS / 20, `${decoded} decoded, ${withData} with data`);
});

test(`ubus: a client fed ${ROUNDS} random and mutated frames in chunks of any size: no throw, no growth, each operation answered once`, () => {
  const draw = generator(4242);
  const client = new UbusClient();
  const follower = new NetifdFollower((() => {
    let opId = 1_000_000;
    return () => opId++;
  })());
  const open = new Set<number>();
  let now: Instant = instant(0);
  let opId = 0;
  /** Objects this server has given the client on this connection, and answers it still owes. */
  let ids: number[] = [];
  let owed: Uint8Array[] = [];
  const kinds = new Map<string, number>();
  const run = (output: ClientOutput): void => {
    for (const frame of output.frames) {
      const asked = decodeMessage(frame) ?? assert.fail();
      if (draw(3) === 0 || asked.type < 4) continue;
      const id = 5000 + draw(1 << 20);
      if (asked.type === UBUS_MESSAGE.ADD_OBJECT) ids.push(id);
      const data = { interface: [] };
      owed.push(encodeMessage(UBUS_MESSAGE.DATA, asked.seq, asked.peer, { objId: id, data }), encodeMessage(UBUS_MESSAGE.STATUS, asked.seq, asked.peer, { status: draw(5) === 0 ? draw(14) : 0 }));
    }
    for (const input of output.inputs) {
      kinds.set(input.type, (kinds.get(input.type) ?? 0) + 1);
      if (input.type === 'ubus.answered' && input.opId < 1_000_000) assert.ok(open.delete(input.opId), `answered twice: ${input.opId}`);
      if (input.type === 'ubus.called' && draw(2) === 0) run(client.perform({ type: 'ubus.reply', callId: input.callId, status: 0, data: { ok: true } }, now));
      for (const effect of follower.handle(input, now).effects) run(client.perform(effect as UbusEffect, now));
    }
    if (output.close !== undefined) {
      run(client.closed());
      connect();
    }
  };
  const hello = encodeMessage(0, 0, 7, {});
  const connect = (): void => {
    [ids, owed] = [[], []];
    run(client.opened(now));
    run(client.feed(hello, now));
  };
  run(client.perform({ type: 'ubus.publish', object: 'mobiked', methods: { status: {}, up: { name: 'string' } } }, now));
  connect();
  const heap = process.memoryUsage().heapUsed;
  for (let round = 0; round < ROUNDS; round++) {
    now = instant(now + draw(20));
    if (draw(200) === 0) {
      // A spoilt length may have swallowed all since: start afresh.
      run(client.closed());
      connect();
    }
    if (draw(20) === 0) {
      open.add(++opId);
      const call: UbusEffect = { type: 'ubus.call', opId, object: `x${draw(5)}`, method: 'get', args: {}, timeout: seconds(1) };
      run(client.perform(draw(2) === 0 ? call : { type: 'ubus.listen', opId, pattern: 'x' }, now));
    }
    let bytes = round % 50 === 0 ? random(draw) : mutated(draw);
    const own = ids[draw(ids.length)];
    if (own !== undefined && draw(2) === 0) {
      // One that reaches an object of the client, then perhaps spoilt in one octet.
      const message = decodeMessage(INWARD[draw(INWARD.length)] ?? bytes) ?? assert.fail();
      bytes = encodeMessage(message.type, draw(400), message.peer, { ...message.attrs, objId: own, ...(draw(3) === 0 ? { method: 'status' } : {}) });
      if (draw(2) === 0) bytes[draw(bytes.length)] = draw(256);
    }
    if (draw(10) !== 0) bytes[0] = 0;
    bytes = concat(...owed.splice(0, draw(4)), bytes);
    const cut = draw(bytes.length + 1);
    run(client.feed(bytes.subarray(0, cut), now));
    run(client.feed(bytes.subarray(cut), now));
    run(client.tick(now));
    for (const effect of follower.handle({ type: 'tick' }, now).effects) run(client.perform(effect as UbusEffect, now));
    assert.ok(follower.interfaces.size <= 256 && follower.devices.size <= 256);
  }
  now = instant(now + 100_000);
  run(client.tick(now));
  run(client.closed());
  assert.deepEqual([...open], []);
  const reached = ['ubus.connected', 'ubus.closed', 'ubus.answered', 'ubus.notified', 'ubus.unsubscribed', 'ubus.event', 'ubus.called'];
  assert.deepEqual(reached.filter((kind) => (kinds.get(kind) ?? 0) < 20), [], JSON.stringify([...kinds]));
  assert.ok(process.memoryUsage().heapUsed - heap < 100 << 20);
});

test('ubus: a stream of noise is cut or given up, never kept', () => {
  const draw = generator(99);
  let failed = 0;
  for (let round = 0; round < 2000; round++) {
    const reader = new FrameReader();
    for (let i = 0; i < 20 && !reader.failed; i++) reader.feed(random(draw));
    assert.ok(reader.buffered <= (1 << 20) + 2048);
    if (reader.failed) failed++;
  }
  assert.ok(failed > 1000);
});

test('ubus: JSON of every shape in, JSON out again', () => {
  const draw = generator(7);
  const value = (depth: number): JsonObject[string] => {
    switch (draw(depth > 3 ? 6 : 8)) {
      case 0: return null;
      case 1: return draw(2) === 0;
      case 2: return draw(2 ** 32) - 2 ** 31;
      case 3: return (draw(2 ** 31) - 2 ** 30) * 2 ** draw(22);
      case 4: return draw(1000) / 7;
      case 5: return String.fromCodePoint(...Array.from({ length: draw(6) }, () => 1 + draw(0xd700)));
      case 6: return Array.from({ length: draw(5) }, () => value(depth + 1));
      default: return Object.fromEntries(Array.from({ length: draw(5) }, (_, i) => [`k${i}${'n'.repeat(draw(9))}`, value(depth + 1)]));
    }
  };
  for (let round = 0; round < 20_000; round++) {
    const object = { value: value(0) };
    assert.deepEqual(decodeFields(encodeFields(object)), object, `round ${round}`);
  }
});
