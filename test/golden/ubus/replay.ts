import assert from 'node:assert/strict';
import { concat, instant, type Instant } from '../../../src/base/index.ts';
import { decodeMessage, encodeMessage, UBUS_MESSAGE, type UbusMessage } from '../../../src/codec/ubus/index.ts';
import { UbusClient, type ClientOutput } from '../../../src/adapters/node/ubus-client.ts';
import type { UbusInput } from '../../../src/ports/index.ts';
import { capture } from './captures.ts';

/** How a chunk is cut before the client gets it. */
export type Cut = (chunk: Uint8Array) => Uint8Array[];
export const whole: Cut = (chunk) => [chunk];
export const octets: Cut = (chunk) => Array.from(chunk, (octet) => Uint8Array.of(octet));
export const at = (position: number): Cut => (chunk) => [chunk.subarray(0, position), chunk.subarray(position)];

export interface Replayed {
  readonly inputs: readonly { readonly at: number; readonly input: UbusInput }[];
  /** Unsolicited recorded frames that were played. */
  readonly played: readonly UbusMessage[];
}

/**
 * Plays one recorded connection to a `UbusClient`: makes the client subscribe and listen as the recorded one did, gives it
 * the recorded object ids, then the recorded notifications, events and UNSUBSCRIBEs octet for octet.
 * @param conn `sub` or `ev` of an `events/` capture
 * @param cut applied to all unsolicited frames in one piece, unless `timed`
 */
export function replay(name: string, conn: string, cut: Cut, timed = false): Replayed {
  const lines = capture(name).filter((line) => line.conn === conn && line.bytes.length > 0 && !line.truncated);
  const messages = lines.map((line) => ({ line, message: decodeMessage(line.bytes) ?? assert.fail(name) }));
  const pathOf = new Map<number, string>();
  const own: number[] = [];
  const wanted: ({ type: 'ubus.subscribe'; opId: number; target: string } | { type: 'ubus.listen'; opId: number; pattern: string })[] = [];
  for (const { line, message } of messages) {
    const { objPath, objId, target, data } = message.attrs;
    if (line.kind === 'to-client' && message.type === UBUS_MESSAGE.DATA && objId !== undefined) {
      if (objPath !== undefined) pathOf.set(objId, objPath);
      else if (data === undefined) own.push(objId);
    } else if (line.kind === 'to-server' && message.type === UBUS_MESSAGE.SUBSCRIBE) {
      wanted.push({ type: 'ubus.subscribe', opId: wanted.length, target: pathOf.get(target ?? 0) ?? assert.fail(`${name}: unknown target`) });
    } else if (line.kind === 'to-server' && message.attrs.method === 'register') {
      wanted.push({ type: 'ubus.listen', opId: wanted.length, pattern: String(data?.['pattern']) });
    }
  }
  const inputs: { at: number; input: UbusInput }[] = [];
  const client = new UbusClient();
  let now: Instant = instant(0);
  let clock = 0;
  const run = (output: ClientOutput): void => {
    assert.equal(output.close, undefined, name);
    for (const input of output.inputs) inputs.push({ at: clock, input });
    for (const frame of output.frames) for (const answer of answers(decodeMessage(frame) ?? assert.fail())) run(client.feed(answer, now));
  };
  const answers = (asked: UbusMessage): Uint8Array[] => {
    const status = (value: number): Uint8Array => encodeMessage(UBUS_MESSAGE.STATUS, asked.seq, asked.peer, { status: value });
    if (asked.type === UBUS_MESSAGE.ADD_OBJECT) return [encodeMessage(UBUS_MESSAGE.DATA, asked.seq, 0, { objId: own.shift() ?? assert.fail('more objects than recorded') }), status(0)];
    if (asked.type !== UBUS_MESSAGE.LOOKUP) return [status(0)];
    // Answered by the recorded frame, under the sequence number of our request.
    const found = messages.find(({ line, message }) => line.kind === 'to-client' && message.type === UBUS_MESSAGE.DATA && message.attrs.objPath === asked.attrs.objPath);
    if (found === undefined) return [status(4)];
    const frame = found.line.bytes.slice();
    new DataView(frame.buffer).setUint16(2, asked.seq);
    return [frame, status(0)];
  };
  run(client.opened(now));
  const hello = lines.find((line) => line.kind === 'to-client' && line.bytes[1] === UBUS_MESSAGE.HELLO) ?? assert.fail(name);
  run(client.feed(hello.bytes, now));
  for (const effect of wanted) run(client.perform(effect, now));

  const unsolicited = messages.filter(({ line, message }) => line.kind === 'to-client' && (message.type === UBUS_MESSAGE.INVOKE || message.type === UBUS_MESSAGE.UNSUBSCRIBE));
  const feed = (bytes: Uint8Array): void => {
    for (const chunk of cut(bytes)) run(client.feed(chunk, now));
  };
  if (timed) {
    for (const { line } of unsolicited) {
      clock = line.at;
      now = instant(Math.max(now, line.at));
      feed(line.bytes);
    }
  } else feed(concat(...unsolicited.map(({ line }) => line.bytes)));
  return { inputs, played: unsolicited.map(({ message }) => message) };
}
