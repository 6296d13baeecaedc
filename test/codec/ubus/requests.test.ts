import { test } from 'node:test';
import assert from 'node:assert/strict';
import { toHex } from '../../../src/base/index.ts';
import { decodeMessage, encodeAddAnonymous, encodeInvoke, encodeLookup, encodeNotify, encodePublish, encodeRegister, encodeRemoveObject, encodeReplyData, encodeReplyStatus, encodeSendEvent, encodeSubscribe } from '../../../src/codec/ubus/index.ts';
import { capture } from '../../golden/ubus/captures.ts';

/** What the real client sent, as the first frame of a type in a capture. */
function sent(name: string, type: number, nth = 0): Uint8Array {
  const all = capture(name).filter((line) => line.kind === 'to-server' && line.bytes[1] === type);
  return all[nth]?.bytes ?? assert.fail(`${name} ${type}`);
}

test('each request has the octets a real client sent', () => {
  const same = (ours: Uint8Array, theirs: Uint8Array): void => assert.equal(toHex(ours), toHex(theirs));
  same(encodeLookup(1, 'network.interface.wan'), sent('wire/lookup-one', 4));
  same(encodeInvoke(2, 3758642602, 'dump', {}), sent('wire/call-dump', 5));
  same(encodeAddAnonymous(1), sent('wire/subscribe-device', 6));
  same(encodeSubscribe(3, 621006790, 2600339980), sent('wire/subscribe-device', 8));
  same(encodeRegister(2, 1757315029, 'ubus.object.add'), sent('wire/wait-for', 5));
  same(encodeRegister(2, 4120933173, 'ubus.object.add'), sent('wire/wait-for', 5, 1));
  same(encodeSendEvent(1, 'network.interface', { action: 'ifup', interface: 'test' }), capture('wire/event-registration').find((line) => line.conn === 'sender' && line.kind === 'to-server')?.bytes ?? assert.fail());
  same(encodeReplyData(3, 1383003466, 3477683806, { state: 'ok', uptime: 7 }), sent('wire/publish-and-be-called', 2));
  same(encodeReplyStatus(3, 1383003466, 3477683806, 0), sent('wire/publish-and-be-called', 1));
  same(encodeRemoveObject(2, 3477683806), sent('wire/publish-and-be-called', 7));
  const published = decodeMessage(sent('wire/callee-disconnects-mid-call', 6)) ?? assert.fail();
  same(encodePublish(published.seq, 'mobiked-test.dying', { hang: {} }), sent('wire/callee-disconnects-mid-call', 6));
});

test('a notification carries NO_REPLY and what netifd puts into one', () => {
  const theirs = capture('wire/netifd-reconnect-and-served-calls').find((line) => line.kind === 'to-server' && line.bytes[1] === 10)?.bytes ?? assert.fail();
  const message = decodeMessage(theirs) ?? assert.fail();
  assert.equal(toHex(encodeNotify(message.seq, message.peer, message.attrs.method ?? '', message.attrs.data ?? {})), toHex(theirs));
});

test('a published signature names blobmsg types as int32', () => {
  const message = decodeMessage(encodePublish(1, 'mobiked', { up: { connection: 'string', force: 'bool', count: 'int32' }, status: {} }));
  assert.deepEqual(message?.attrs.signature, { up: { connection: 3, force: 7, count: 5 }, status: {} });
});
