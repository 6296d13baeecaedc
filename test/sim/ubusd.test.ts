import { test } from 'node:test';
import assert from 'node:assert/strict';
import { fromHex, toHex, type JsonObject } from '../../src/base/index.ts';
import { decodeMessage, encodeMessage, FrameReader, UBUS_MESSAGE, type UbusAttrs, type UbusMessage } from '../../src/codec/ubus/index.ts';
import { capture, type Line } from '../golden/ubus/captures.ts';
import { UbusBroker, type Client } from './ubusd.ts';

/** Recorded id -> id of this run. */
type Ids = Map<number, number>;
const ID_ATTRS = ['objId', 'target', 'objType'] as const;
const ID_MEMBERS = ['object', 'id'];

function translate(message: UbusMessage, ids: Ids): UbusMessage {
  const id = (value: number): number => ids.get(value) ?? value;
  const data = (fields: JsonObject): JsonObject =>
    Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, ID_MEMBERS.includes(name) && typeof value === 'number' ? id(value >>> 0) | 0 : value]));
  const attrs = Object.fromEntries(
    Object.entries(message.attrs).map(([name, value]) => {
      if ((ID_ATTRS as readonly string[]).includes(name)) return [name, id(value as number)];
      if (name === 'subscribers') return [name, (value as readonly number[]).map(id)];
      return [name, name === 'data' ? data(value as JsonObject) : value];
    }),
  );
  return { ...message, peer: id(message.peer), attrs: attrs as UbusAttrs };
}

/** Pairs the ids of a recorded and a live message. */
function learn(recorded: UbusMessage, live: UbusMessage, ids: Ids): void {
  const pair = (a: number | undefined, b: number | undefined): void => {
    if (a !== undefined && b !== undefined && a > 1024 && !ids.has(a)) ids.set(a, b);
  };
  pair(recorded.peer, live.peer);
  for (const name of ID_ATTRS) pair(recorded.attrs[name], live.attrs[name]);
  for (const [i, subscriber] of (recorded.attrs.subscribers ?? []).entries()) pair(subscriber, live.attrs.subscribers?.[i]);
}

const octets = (message: UbusMessage, maskSeq: boolean): string => {
  const out = encodeMessage(message.type, maskSeq ? 0 : message.seq, message.peer, message.attrs);
  out[0] = message.version;
  return toHex(out);
};

interface Conn {
  readonly client: Client;
  readonly got: Uint8Array[];
  hungUp: boolean;
}

/** Objects that others had published while the capture was made, from the answers to its lookups. */
function publishOthers(broker: UbusBroker, lines: readonly Line[], ids: Ids): void {
  const additions = lines.filter((line) => line.kind === 'to-server' && line.bytes[1] === UBUS_MESSAGE.ADD_OBJECT);
  const added = new Set(additions.map((line) => decodeMessage(line.bytes)?.attrs.objPath));
  const others = openConn(broker);
  for (const line of lines) {
    const message = line.kind === 'to-client' ? decodeMessage(line.bytes) : undefined;
    const { objPath, objType, signature } = message?.attrs ?? {};
    if (message?.type !== UBUS_MESSAGE.DATA || objPath === undefined || signature === undefined || objType === undefined || added.has(objPath)) continue;
    added.add(objPath);
    const known = ids.get(objType);
    others.got.length = 0;
    broker.receive(others.client, encodeMessage(UBUS_MESSAGE.ADD_OBJECT, 1, 0, known === undefined ? { objPath, signature } : { objPath, objType: known }));
    const answer = decodeMessage(others.got[0] ?? assert.fail()) ?? assert.fail();
    learn({ ...message, peer: 0 }, { ...answer, peer: 0, attrs: { objType: known ?? answer.attrs.objType ?? 0, ...answer.attrs } }, ids);
  }
}

function openConn(broker: UbusBroker): Conn {
  const got: Uint8Array[] = [];
  const reader = new FrameReader();
  const conn: Conn = { got, hungUp: false, client: broker.connect((frame) => got.push(...reader.feed(frame)), () => (conn.hungUp = true)) };
  return conn;
}

/**
 * Sends what the recorded clients sent and compares every answer, octet for octet but for the random ids and the
 * counter of events.
 * @param closes note of the capture -> connection that closed there
 */
function replay(name: string, closes: { readonly [note: string]: string } = {}, leftovers = false): number {
  const lines = capture(`wire/${name}`);
  const broker = new UbusBroker();
  const ids: Ids = new Map();
  const conns = new Map<string, Conn>();
  publishOthers(broker, lines, ids);
  let external = false;
  let compared = 0;
  for (const line of lines) {
    if (line.kind === 'note') {
      external = line.note.startsWith('external');
      const closing = conns.get(closes[line.note] ?? '');
      if (closing) broker.disconnect(closing.client);
      conns.delete(closes[line.note] ?? '');
      if (line.note.endsWith('connection closed')) assert.equal(conns.get(line.note.split(' ')[0] ?? '')?.hungUp, true, line.note);
      continue;
    }
    if (external) continue;
    const conn = conns.get(line.conn) ?? openConn(broker);
    conns.set(line.conn, conn);
    if (line.kind === 'closed') {
      broker.disconnect(conn.client);
      conns.delete(line.conn);
    } else if (line.kind === 'to-server') {
      const message = decodeMessage(line.bytes);
      const exact = message !== undefined && octets(message, false) === toHex(line.bytes);
      const sent = exact ? fromHex(octets(translate(message, ids), false)) : undefined;
      broker.receive(conn.client, sent ?? line.bytes);
    } else {
      const recorded = decodeMessage(line.bytes) ?? assert.fail();
      const live = decodeMessage(conn.got.shift() ?? assert.fail(`${name} ${line.at} ${line.conn}: nothing came`)) ?? assert.fail();
      if (recorded.attrs.method?.startsWith('ubus.object.') === true) ids.set((recorded.attrs.data?.['id'] as number) >>> 0, (live.attrs.data?.['id'] as number) >>> 0);
      learn(recorded, live, ids);
      const event = recorded.type === UBUS_MESSAGE.INVOKE && recorded.peer === 0;
      assert.equal(octets(live, event), octets(translate(recorded, ids), event), `${name} ${line.at} ${line.conn}`);
      compared++;
    }
  }
  if (!leftovers) for (const [conn, { got }] of conns) assert.deepEqual(got.map(toHex), [], `${name} ${conn}`);
  return compared;
}

test('contract: the stand-in gives the answers ubusd gave, octet for octet but for random ids', () => {
  let compared = 0;
  compared += replay('hello');
  compared += replay('ping');
  compared += replay('lookup-one');
  compared += replay('lookup-not-found');
  compared += replay('fragmented-writes');
  compared += replay('sequence-and-peer');
  compared += replay('add-object-variants');
  compared += replay('event-overlapping-patterns');
  compared += replay('pipelined-out-of-order');
  compared += replay('publish-and-be-called');
  compared += replay('callee-never-answers');
  compared += replay('wait-for', {}, true);
  assert.ok(compared > 120, String(compared));
});

test('contract: clients that vanish', () => {
  replay('event-registration', { 'owner disconnects': 'sender' });
  replay('callee-disconnects-mid-call', { 'callee received the INVOKE and now closes its socket': 'server' });
  replay('subscription-lifecycle', { 'B disconnects -> publisher gets NOTIFY active=0': 'subscriberB', 'publisher disconnects without removing its object -> A gets UNSUBSCRIBE': 'publisher' });
});

test('contract: malformed requests', () => {
  replay('malformed-requests', {}, true);
});
