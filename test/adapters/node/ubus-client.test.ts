import { test } from 'node:test';
import assert from 'node:assert/strict';
import { fromHex, instant, millis, seconds, toHex, type Instant, type JsonObject } from '../../../src/base/index.ts';
import { decodeMessage, encodeMessage, FrameReader, UBUS_MESSAGE, UBUS_STATUS, type UbusAttrs, type UbusMessage } from '../../../src/codec/ubus/index.ts';
import { UbusClient, type ClientOutput } from '../../../src/adapters/node/ubus-client.ts';
import type { UbusEffect, UbusInput } from '../../../src/ports/index.ts';
import { allFrames, capture, captureNames } from '../../golden/ubus/captures.ts';
import { at, octets, replay, whole } from '../../golden/ubus/replay.ts';
import { UbusBroker, type Client } from '../../sim/ubusd.ts';

/** A client of ours and ubusd in one process, without sockets and with a clock of its own. */
class Rig {
  readonly broker: UbusBroker;
  readonly client = new UbusClient();
  readonly inputs: UbusInput[] = [];
  readonly requests: UbusMessage[] = [];
  now: Instant = instant(0);
  closeReason: string | undefined;
  /** False: what ubusd sends to the client is lost, as if ubusd hung. */
  hears = true;
  #server: Client | undefined;
  #toClient: Uint8Array[] = [];

  constructor(broker = new UbusBroker()) {
    this.broker = broker;
  }

  connect(): this {
    this.#apply(this.client.opened(this.now));
    this.#server = this.broker.connect((frame) => this.#toClient.push(frame), () => (this.closeReason = 'hung up'));
    this.pump();
    return this;
  }

  lose(): void {
    if (this.#server) this.broker.disconnect(this.#server);
    this.#server = undefined;
    this.#toClient = [];
    this.#apply(this.client.closed());
  }

  perform(effect: UbusEffect): void {
    this.#apply(this.client.perform(effect, this.now));
    this.pump();
  }

  wait(span: number): void {
    const until = this.now + span;
    for (let next = this.client.deadline; next !== undefined && next <= until; next = this.client.deadline) {
      this.now = instant(Math.max(this.now, next));
      this.#apply(this.client.tick(this.now));
      this.pump();
    }
    this.now = instant(until);
  }

  pump(): void {
    for (let frame = this.#toClient.shift(); frame; frame = this.#toClient.shift()) if (this.hears) this.#apply(this.client.feed(frame, this.now));
  }

  feed(bytes: Uint8Array): void {
    this.#apply(this.client.feed(bytes, this.now));
  }

  /** Inputs since the last call. */
  take(): UbusInput[] {
    return this.inputs.splice(0);
  }

  #apply(output: ClientOutput): void {
    this.inputs.push(...output.inputs);
    this.closeReason = output.close ?? this.closeReason;
    for (const frame of output.frames) {
      this.requests.push(decodeMessage(frame) ?? assert.fail());
      if (this.#server) this.broker.receive(this.#server, frame);
    }
  }
}

/** Another client of the same broker: publishes objects and answers what it is asked. */
class Other {
  readonly broker: UbusBroker;
  readonly got: UbusMessage[] = [];
  answer: ((asked: UbusMessage) => number | JsonObject | undefined) | undefined;
  readonly #client: Client;
  #seq = 0;

  constructor(broker: UbusBroker) {
    this.broker = broker;
    const reader = new FrameReader();
    this.#client = broker.connect((bytes) => reader.feed(bytes).forEach((frame) => this.#received(decodeMessage(frame) ?? assert.fail())), () => undefined);
  }

  #received(message: UbusMessage): void {
    this.got.push(message);
    if (message.type !== UBUS_MESSAGE.INVOKE || message.attrs.noReply === true) return;
    const answer = this.answer?.(message);
    if (answer !== undefined) this.reply(message, answer);
  }

  reply(asked: UbusMessage, answer: number | JsonObject): void {
    const objId = asked.attrs.objId ?? 0;
    if (typeof answer === 'object') this.send(UBUS_MESSAGE.DATA, { objId, data: answer }, asked.seq, asked.peer);
    this.send(UBUS_MESSAGE.STATUS, { status: typeof answer === 'number' ? answer : 0, objId }, asked.seq, asked.peer);
  }

  send(type: number, attrs: UbusAttrs, seq = ++this.#seq, peer = 0): UbusMessage | undefined {
    this.broker.receive(this.#client, encodeMessage(type, seq, peer, attrs));
    return this.got.find((message) => message.type === UBUS_MESSAGE.DATA && message.seq === seq);
  }

  publish(objPath: string): number {
    return this.send(UBUS_MESSAGE.ADD_OBJECT, { objPath, signature: { get: {} } })?.attrs.objId ?? assert.fail();
  }

  remove(objId: number): void {
    this.send(UBUS_MESSAGE.REMOVE_OBJECT, { objId });
  }

  disconnect(): void {
    this.broker.disconnect(this.#client);
  }
}

const call = (opId: number, object: string, args: JsonObject = {}, timeout = seconds(3)): UbusEffect => ({ type: 'ubus.call', opId, object, method: 'get', args, timeout });
const answered = (opId: number, status: number, data?: JsonObject): UbusInput => ({ type: 'ubus.answered', opId, status, data });
const kinds = (messages: readonly UbusMessage[]): number[] => messages.map((message) => message.type);

test('HELLO makes it ready; silence, another greeting and a frame of impossible length make it close', () => {
  assert.deepEqual(new Rig().connect().take(), [{ type: 'ubus.connected' }]);
  const silent = new Rig();
  silent.hears = false;
  silent.connect();
  silent.wait(4999);
  assert.equal(silent.closeReason, undefined);
  silent.wait(1);
  assert.equal(silent.closeReason, 'no HELLO');
  for (const bytes of ['000100000000000000000004', '000000000000000000000003', '010000000000000000000004', '0000000000000000 00200000']) {
    const rig = new Rig();
    rig.client.opened(rig.now);
    rig.feed(fromHex(bytes.replace(' ', '')) ?? assert.fail());
    assert.notEqual(rig.closeReason, undefined, bytes);
    assert.deepEqual(rig.take(), []);
  }
});

test('a call looks the object up once, then uses the id it remembers', () => {
  const rig = new Rig().connect();
  const other = new Other(rig.broker);
  other.answer = (asked) => ({ n: asked.attrs.data?.['n'] ?? 0 });
  other.publish('x.y');
  rig.take();
  rig.perform(call(1, 'x.y', { n: 5 }));
  rig.perform(call(2, 'x.y', { n: 6 }));
  assert.deepEqual(rig.take(), [answered(1, 0, { n: 5 }), answered(2, 0, { n: 6 })]);
  assert.deepEqual(kinds(rig.requests), [UBUS_MESSAGE.LOOKUP, UBUS_MESSAGE.INVOKE, UBUS_MESSAGE.INVOKE]);
});

test('several DATA are merged, an unknown object is NOT_FOUND, the callee\'s own NOT_FOUND is passed on', () => {
  const rig = new Rig().connect();
  const other = new Other(rig.broker);
  other.publish('x');
  other.answer = (asked) => {
    other.send(UBUS_MESSAGE.DATA, { objId: asked.attrs.objId ?? 0, data: { first: 1, both: 1 } }, asked.seq, asked.peer);
    return { second: 2, both: 2 };
  };
  rig.take();
  rig.perform(call(1, 'x'));
  rig.perform(call(2, 'no.such'));
  other.answer = () => UBUS_STATUS.NOT_FOUND;
  rig.requests.length = 0;
  rig.perform(call(3, 'x'));
  assert.deepEqual(rig.take(), [answered(1, 0, { first: 1, both: 2, second: 2 }), answered(2, 4), answered(3, 4)]);
  assert.deepEqual(kinds(rig.requests), [UBUS_MESSAGE.INVOKE], 'no second look-up');
});

test('an object that came back under a new id is found again, in the same call', () => {
  const rig = new Rig().connect();
  const other = new Other(rig.broker);
  other.answer = () => ({});
  const old = other.publish('x');
  rig.perform(call(1, 'x'));
  other.remove(old);
  rig.take();
  rig.perform(call(2, 'x'));
  assert.deepEqual(rig.take(), [answered(2, 4)], 'gone');
  const again = other.publish('x');
  rig.perform(call(3, 'x'));
  other.remove(again);
  other.publish('x');
  rig.perform(call(6, 'x'));
  assert.deepEqual(rig.take(), [answered(3, 0, {}), answered(6, 0, {})]);
  const gone = rig.requests.length;
  rig.perform({ type: 'ubus.listen', opId: 4, pattern: 'ubus.object.*' });
  other.remove(other.publish('y'));
  rig.perform(call(5, 'x'));
  assert.deepEqual(kinds(rig.requests.slice(gone)), [UBUS_MESSAGE.ADD_OBJECT, UBUS_MESSAGE.INVOKE, UBUS_MESSAGE.INVOKE], 'events of other objects forget nothing');
});

test('hidden or typeless objects (STATUS 0 without DATA) are NOT_FOUND', () => {
  const rig = new Rig().connect();
  new Other(rig.broker).send(UBUS_MESSAGE.ADD_OBJECT, { objPath: 'notype' });
  rig.take();
  rig.perform(call(1, 'notype'));
  assert.deepEqual(rig.take(), [answered(1, UBUS_STATUS.NOT_FOUND)]);
});

test('every call times out: a callee that hangs or dies, a ubusd that hangs at the look-up; late answers are dropped', () => {
  const rig = new Rig().connect();
  const other = new Other(rig.broker);
  other.publish('x');
  rig.take();
  rig.perform(call(1, 'x', {}, millis(700)));
  rig.wait(699);
  assert.deepEqual(rig.take(), []);
  rig.wait(1);
  assert.deepEqual(rig.take(), [answered(1, UBUS_STATUS.TIMEOUT)]);
  other.reply(other.got.find((message) => message.type === UBUS_MESSAGE.INVOKE) ?? assert.fail(), { late: true });
  rig.pump();
  assert.deepEqual(rig.take(), []);
  rig.perform(call(2, 'x', {}, millis(500)));
  other.disconnect();
  rig.hears = false;
  rig.perform(call(3, 'y', {}, millis(800)));
  rig.wait(1000);
  assert.deepEqual(rig.take(), [answered(2, UBUS_STATUS.TIMEOUT), answered(3, UBUS_STATUS.TIMEOUT)]);
  assert.equal(rig.client.deadline, undefined);
});

test('the time-out covers look-up and call together', () => {
  const rig = new Rig().connect();
  const other = new Other(rig.broker);
  other.publish('x');
  rig.hears = false;
  rig.perform(call(1, 'x', {}, millis(1000)));
  const lookup = rig.requests[0] ?? assert.fail();
  rig.wait(900);
  rig.feed(encodeMessage(UBUS_MESSAGE.DATA, lookup.seq, 0, { objPath: 'x', objId: 77777 }));
  rig.feed(encodeMessage(UBUS_MESSAGE.STATUS, lookup.seq, 0, { status: 0 }));
  rig.take();
  rig.wait(100);
  assert.deepEqual(rig.take(), [answered(1, UBUS_STATUS.TIMEOUT)]);
});

test('answers out of order, as recorded, reach the right call; sequence numbers in flight are unique', () => {
  const recorded = capture('wire/pipelined-out-of-order').filter((line) => line.conn === 'client' && line.kind === 'to-client').map((line) => line.bytes);
  const rig = new Rig();
  rig.client.opened(rig.now);
  rig.feed(recorded[0] ?? assert.fail());
  // Makes the client know the object's id under the path, so that its next three calls are the recorded ones.
  const send = (effect: UbusEffect): UbusMessage => decodeMessage(rig.client.perform(effect, rig.now).frames[0] ?? assert.fail()) ?? assert.fail();
  const id = 3695272900;
  const lookup = send(call(9, 'mobiked-test.async'));
  rig.feed(encodeMessage(UBUS_MESSAGE.DATA, lookup.seq, 0, { objPath: 'mobiked-test.async', objId: id }));
  rig.feed(encodeMessage(UBUS_MESSAGE.STATUS, lookup.seq, 0, { status: 0 }));
  rig.take();
  const seqs = [1, 2, 3].map((opId) => send(call(opId, 'mobiked-test.async')).seq);
  assert.equal(new Set(seqs).size, 3);
  for (const frame of recorded.slice(1)) {
    const message = decodeMessage(frame) ?? assert.fail();
    if (message.peer !== id) continue;
    const patched = frame.slice();
    new DataView(patched.buffer).setUint16(2, seqs[message.seq - 1] ?? assert.fail());
    rig.feed(patched);
  }
  assert.deepEqual(rig.take(), [answered(3, 0, { method: 'a', arg: 3 }), answered(2, 0, { method: 'a', arg: 2 }), answered(1, 0, { method: 'a', arg: 1 })]);
});

test('an answer under a right sequence number but from another object is dropped', () => {
  const rig = new Rig().connect();
  const other = new Other(rig.broker);
  other.publish('x');
  rig.perform(call(1, 'x'));
  rig.take();
  const invoke = rig.requests.at(-1) ?? assert.fail();
  rig.feed(encodeMessage(UBUS_MESSAGE.STATUS, invoke.seq, invoke.peer ^ 1, { status: 0 }));
  assert.deepEqual(rig.take(), []);
});

test('one local object per subscription: a notification names its target, whoever publishes both', () => {
  const rig = new Rig().connect();
  const other = new Other(rig.broker);
  const [a, b] = [other.publish('a'), other.publish('b')];
  rig.take();
  rig.perform({ type: 'ubus.subscribe', opId: 1, target: 'a' });
  rig.perform({ type: 'ubus.subscribe', opId: 2, target: 'b' });
  rig.perform({ type: 'ubus.subscribe', opId: 3, target: 'a' }); // again: must not deliver twice
  assert.deepEqual(rig.take(), [answered(1, 0), answered(2, 0), answered(3, 0)]);
  other.send(UBUS_MESSAGE.NOTIFY, { objId: b, method: 'n', data: { from: 'b' }, noReply: true });
  other.send(UBUS_MESSAGE.NOTIFY, { objId: a, method: 'n', data: { from: 'a' }, noReply: true });
  const frames = rig.requests.length;
  rig.pump();
  assert.deepEqual(rig.take(), [{ type: 'ubus.notified', target: 'b', method: 'n', data: { from: 'b' } }, { type: 'ubus.notified', target: 'a', method: 'n', data: { from: 'a' } }]);
  assert.equal(rig.requests.length, frames, 'never answered when NO_REPLY is 1');
  other.send(UBUS_MESSAGE.NOTIFY, { objId: a, method: 'ask', data: {} });
  rig.pump();
  assert.equal(other.got.at(-1)?.attrs.status, 0, 'one that wants an answer gets one');
});

test('UNSUBSCRIBE is reported; the next subscription finds the new object', () => {
  const rig = new Rig().connect();
  const other = new Other(rig.broker);
  const first = other.publish('a');
  rig.perform({ type: 'ubus.subscribe', opId: 1, target: 'a' });
  rig.take();
  other.remove(first);
  rig.pump();
  assert.deepEqual(rig.take(), [{ type: 'ubus.unsubscribed', target: 'a' }]);
  rig.perform({ type: 'ubus.subscribe', opId: 2, target: 'a' });
  const second = other.publish('a');
  rig.perform({ type: 'ubus.subscribe', opId: 3, target: 'a' });
  assert.deepEqual(rig.take(), [answered(2, 4), answered(3, 0)]);
  other.send(UBUS_MESSAGE.NOTIFY, { objId: second, method: 'n', noReply: true });
  rig.pump();
  assert.deepEqual(rig.take(), [{ type: 'ubus.notified', target: 'a', method: 'n', data: {} }]);
});

test('a SUBSCRIBE whose answer is lost and that is tried again delivers once', () => {
  const rig = new Rig().connect();
  const other = new Other(rig.broker);
  const a = other.publish('a');
  loseAnswerTo(rig, UBUS_MESSAGE.SUBSCRIBE, { type: 'ubus.subscribe', opId: 2, target: 'a' });
  rig.take();
  rig.wait(5000);
  assert.deepEqual(rig.take(), [answered(2, UBUS_STATUS.TIMEOUT)]);
  rig.hears = true;
  rig.perform({ type: 'ubus.subscribe', opId: 3, target: 'a' });
  assert.deepEqual(rig.take(), [answered(3, 0)]);
  other.send(UBUS_MESSAGE.NOTIFY, { objId: a, method: 'n', noReply: true });
  rig.pump();
  assert.equal(rig.take().length, 1);
});

/** Performs the effect and loses everything ubusd says after the client sent a message of that type. */
function loseAnswerTo(rig: Rig, type: number, effect: UbusEffect): void {
  const push = rig.requests.push.bind(rig.requests);
  rig.requests.push = (...messages) => {
    if (messages.some((message) => message.type === type)) rig.hears = false;
    return push(...messages);
  };
  rig.perform(effect);
  rig.requests.push = push;
}

test('events: ids go as int32 even above 2^31, overlapping patterns deliver once, nothing is answered', () => {
  let next = 0x80000000;
  const rig = new Rig(new UbusBroker(() => next++)).connect();
  const other = new Other(rig.broker);
  rig.take();
  rig.perform({ type: 'ubus.listen', opId: 1, pattern: 'network.*' });
  rig.perform({ type: 'ubus.listen', opId: 2, pattern: 'network.interface' });
  rig.perform({ type: 'ubus.listen', opId: 3, pattern: '' });
  assert.deepEqual(rig.take(), [answered(1, 0), answered(2, 0), answered(3, UBUS_STATUS.PERMISSION_DENIED)]);
  const frames = rig.requests.length;
  other.send(UBUS_MESSAGE.INVOKE, { objId: 1, method: 'send', data: { id: 'network.interface', data: { action: 'ifup', interface: 'wan' } } });
  rig.pump();
  assert.deepEqual(rig.take(), [{ type: 'ubus.event', name: 'network.interface', data: { action: 'ifup', interface: 'wan' } }]);
  assert.equal(rig.requests.length, frames);
});

test('listening twice at once adds one object', () => {
  const rig = new Rig().connect();
  rig.hears = false;
  rig.perform({ type: 'ubus.listen', opId: 1, pattern: 'a' });
  rig.perform({ type: 'ubus.listen', opId: 2, pattern: 'b' });
  rig.perform({ type: 'ubus.subscribe', opId: 3, target: 'x' });
  rig.perform({ type: 'ubus.subscribe', opId: 4, target: 'x' });
  assert.deepEqual(kinds(rig.requests), [UBUS_MESSAGE.ADD_OBJECT, UBUS_MESSAGE.ADD_OBJECT]);
  rig.hears = true;
  const [listener, subscriber] = rig.requests;
  for (const [request, objId] of [[listener, 5000], [subscriber, 5001]] as const) {
    rig.feed(encodeMessage(UBUS_MESSAGE.DATA, request?.seq ?? 0, 0, { objId }));
    rig.feed(encodeMessage(UBUS_MESSAGE.STATUS, request?.seq ?? 0, 0, { status: 0 }));
  }
  assert.deepEqual(kinds(rig.requests.slice(2)).sort(), [UBUS_MESSAGE.LOOKUP, UBUS_MESSAGE.LOOKUP, UBUS_MESSAGE.INVOKE, UBUS_MESSAGE.INVOKE].sort());
});

const PUBLISH: UbusEffect = { type: 'ubus.publish', object: 'mobiked', methods: { status: {}, up: { name: 'string', force: 'bool', n: 'int32' } } };

test('a published object is called, answers with DATA and STATUS, refuses unknown methods and wrong arguments', () => {
  const rig = new Rig();
  rig.perform(PUBLISH); // before there is a connection
  rig.connect();
  const other = new Other(rig.broker);
  rig.take();
  const lookup = other.send(UBUS_MESSAGE.LOOKUP, { objPath: 'mobiked' }) ?? assert.fail();
  assert.deepEqual(lookup.attrs.signature, { status: {}, up: { name: 3, force: 7, n: 5 } });
  const objId = lookup.attrs.objId ?? 0;
  const ask = (method: string, data?: JsonObject): void => {
    other.send(UBUS_MESSAGE.INVOKE, data === undefined ? { objId, method } : { objId, method, data });
    rig.pump();
  };
  ask('up', { name: 'hq', force: true, n: 3, ubus_rpc_session: 'x' });
  const [called] = rig.take();
  assert.deepEqual(called, { type: 'ubus.called', callId: 1, method: 'up', args: { name: 'hq', force: true, n: 3 } });
  rig.perform({ type: 'ubus.reply', callId: 1, status: 0, data: { ok: true } });
  assert.deepEqual(other.got.slice(-2).map((message) => [message.type, message.attrs]), [[2, { objId, data: { ok: true } }], [1, { status: 0, objId }]]);
  rig.perform({ type: 'ubus.reply', callId: 1, status: 0, data: undefined });
  const before = other.got.length;
  for (const [method, data, status] of [['nope', {}, 3], ['__proto__', {}, 3], ['up', { name: 5 }, 2], ['up', { n: 'x' }, 2], ['up', { force: 1 }, 2]] as const) {
    ask(method, data);
    assert.deepEqual(other.got.at(-1)?.attrs, { status, objId }, method);
  }
  assert.equal(other.got.length, before + 5);
  assert.deepEqual(rig.take(), []);
  ask('status');
  assert.deepEqual(rig.take(), [{ type: 'ubus.called', callId: 2, method: 'status', args: {} }]);
});

test('a caller is answered even if the core never does, and waiting calls are bounded', () => {
  const rig = new Rig();
  rig.perform(PUBLISH);
  rig.connect();
  const other = new Other(rig.broker);
  const objId = other.send(UBUS_MESSAGE.LOOKUP, { objPath: 'mobiked' })?.attrs.objId ?? 0;
  for (let i = 0; i < 70; i++) other.send(UBUS_MESSAGE.INVOKE, { objId, method: 'status' });
  rig.take();
  rig.pump();
  assert.equal(rig.take().length, 64);
  const statuses = (): (number | undefined)[] => other.got.filter((message) => message.type === UBUS_MESSAGE.STATUS && message.attrs.objId === objId).map((message) => message.attrs.status);
  assert.deepEqual(statuses(), new Array(6).fill(UBUS_STATUS.NO_MEMORY));
  rig.wait(60_000);
  assert.equal(statuses().filter((status) => status === UBUS_STATUS.TIMEOUT).length, 64);
  assert.equal(rig.client.deadline, undefined);
});

test('a reply or a call above 1 MiB is refused here: ubusd would close the connection', () => {
  const rig = new Rig();
  rig.perform(PUBLISH);
  rig.connect();
  const other = new Other(rig.broker);
  other.publish('x');
  const objId = other.send(UBUS_MESSAGE.LOOKUP, { objPath: 'mobiked' })?.attrs.objId ?? 0;
  other.send(UBUS_MESSAGE.INVOKE, { objId, method: 'status' });
  rig.pump();
  const text = 'x'.repeat(1 << 20);
  rig.perform({ type: 'ubus.reply', callId: 1, status: 0, data: { text } });
  assert.deepEqual(other.got.at(-1)?.attrs, { status: UBUS_STATUS.NO_MEMORY, objId });
  rig.take();
  rig.perform(call(1, 'x', { text }));
  assert.deepEqual(rig.take(), [answered(1, UBUS_STATUS.INVALID_ARGUMENT)]);
  assert.equal(rig.closeReason, undefined);
});

test('a refused object is published again later', () => {
  const rig = new Rig();
  const other = new Other(rig.broker);
  const squatter = other.publish('mobiked');
  rig.perform(PUBLISH);
  rig.connect();
  rig.wait(10_000);
  assert.deepEqual(kinds(rig.requests), new Array(6).fill(UBUS_MESSAGE.ADD_OBJECT));
  other.remove(squatter);
  rig.wait(2000);
  assert.notEqual(other.send(UBUS_MESSAGE.LOOKUP, { objPath: 'mobiked' }), undefined);
  assert.equal(rig.client.deadline, undefined);
});

test('a lost connection answers everything once, forgets ids and calls, and publishes again afterwards', () => {
  const rig = new Rig();
  rig.perform(PUBLISH);
  rig.connect();
  const other = new Other(rig.broker);
  other.publish('x');
  const objId = other.send(UBUS_MESSAGE.LOOKUP, { objPath: 'mobiked' })?.attrs.objId ?? 0;
  other.send(UBUS_MESSAGE.INVOKE, { objId, method: 'status' });
  rig.pump();
  rig.perform(call(1, 'x'));
  rig.hears = false;
  rig.perform({ type: 'ubus.listen', opId: 2, pattern: 'x' });
  rig.perform({ type: 'ubus.subscribe', opId: 3, target: 'x' });
  rig.take();
  rig.lose();
  assert.deepEqual(rig.take(), [answered(1, 10), answered(2, 10), answered(3, 10), { type: 'ubus.closed' }]);
  assert.equal(rig.client.deadline, undefined);
  rig.perform(call(4, 'x'));
  assert.deepEqual(rig.take(), [answered(4, UBUS_STATUS.CONNECTION_FAILED)]);
  rig.hears = true;
  rig.requests.length = 0;
  rig.connect();
  rig.perform({ type: 'ubus.reply', callId: 1, status: 0, data: {} });
  assert.deepEqual(kinds(rig.requests), [UBUS_MESSAGE.ADD_OBJECT], 'published again; the old caller is gone');
  assert.notEqual(other.send(UBUS_MESSAGE.LOOKUP, { objPath: 'mobiked' }), undefined);
});

test('operations under way are bounded, and an opId in use is refused', () => {
  const rig = new Rig().connect();
  rig.hears = false;
  rig.take();
  for (let opId = 0; opId < 300; opId++) rig.perform(call(opId, `x${opId}`));
  assert.deepEqual(rig.take(), Array.from({ length: 44 }, (_, i) => answered(256 + i, UBUS_STATUS.NO_MEMORY)));
  rig.wait(3000);
  assert.equal(rig.take().length, 256);
});

test('an answer without end is cut', () => {
  const rig = new Rig().connect();
  const other = new Other(rig.broker);
  other.publish('x');
  rig.take();
  rig.perform(call(1, 'x'));
  const asked = other.got.at(-1) ?? assert.fail();
  for (let i = 0; i < 10; i++) {
    other.send(UBUS_MESSAGE.DATA, { objId: asked.attrs.objId ?? 0, data: { [`k${i}`]: 'x'.repeat(900_000) } }, asked.seq, asked.peer);
    rig.pump();
  }
  const got = rig.take();
  assert.equal(got.length, 1);
  assert.equal((got[0] as { status: number }).status, UBUS_STATUS.NO_MEMORY);
});

// ---- Recorded frames -------------------------------------------------------------------------------------------------

const EVENTS = captureNames().filter((name) => name.startsWith('events/'));

test('every recorded notification, event and UNSUBSCRIBE comes out, in order, octet by octet as in one piece', () => {
  for (const name of EVENTS) {
    for (const conn of ['sub', 'ev']) {
      const { inputs, played } = replay(name, conn, whole);
      assert.deepEqual(replay(name, conn, octets).inputs, inputs, `${name} ${conn}`);
      const words = inputs.flatMap(({ input }) => (input.type === 'ubus.notified' ? [input.method] : input.type === 'ubus.event' ? [input.name] : input.type === 'ubus.unsubscribed' ? ['UNSUBSCRIBE'] : []));
      assert.deepEqual(words, played.map((message) => message.attrs.method ?? 'UNSUBSCRIBE'), `${name} ${conn}`);
      const data = inputs.flatMap(({ input }) => (input.type === 'ubus.notified' || input.type === 'ubus.event' ? [input.data] : []));
      assert.deepEqual(data, played.filter((message) => message.type === UBUS_MESSAGE.INVOKE).map((message) => message.attrs.data), `${name} ${conn}`);
    }
  }
});

test('frames split at every byte: netifd killed and started again', () => {
  for (const conn of ['sub', 'ev']) {
    const { inputs, played } = replay('events/netifd_restart', conn, whole);
    assert.ok(inputs.length > 5);
    const length = played.reduce((sum, message) => sum + encodeMessage(message.type, 0, 0, message.attrs).length, 0);
    for (let cut = 0; cut <= length; cut++) assert.deepEqual(replay('events/netifd_restart', conn, at(cut)).inputs, inputs, `${conn} cut at ${cut}`);
  }
});

test('every frame any recorded client was sent is taken without harm, whatever the client asked', () => {
  const rig = new Rig().connect();
  rig.perform(PUBLISH);
  rig.perform({ type: 'ubus.listen', opId: 1, pattern: 'x' });
  rig.hears = false;
  for (let opId = 10; opId < 60; opId++) rig.perform(call(opId, `x${opId}`));
  const seen = new Set<string>();
  for (const { kind, bytes } of allFrames()) {
    if (kind !== 'to-client' || seen.has(toHex(bytes))) continue;
    seen.add(toHex(bytes));
    rig.feed(bytes);
    if (bytes[0] !== 0) {
      assert.notEqual(rig.closeReason, undefined, 'the one frame with another version, echoed by ubusd');
      rig.closeReason = undefined;
    }
  }
  assert.ok(seen.size > 500);
  assert.equal(rig.closeReason, undefined);
  rig.wait(5000);
  const answers = rig.take().filter((input) => input.type === 'ubus.answered');
  assert.equal(new Set(answers.map((input) => (input as { opId: number }).opId)).size, answers.length, 'each answered once');
  assert.equal(answers.length, 51);
});
