import { test } from 'node:test';
import assert from 'node:assert/strict';
import { fromHex, toHex, type Json } from '../../../src/base/index.ts';
import { asObject, decodeMessage, encodeMessage, statusName, UBUS_ATTR, UBUS_MESSAGE } from '../../../src/codec/ubus/index.ts';
import { allFrames, capture, decodedLines } from '../../golden/ubus/captures.ts';

test('every recorded frame decodes, and encodes again to the same octets', () => {
  const inexact = new Set<string>();
  let exact = 0;
  for (const { name, bytes } of allFrames()) {
    const message = decodeMessage(bytes);
    assert.ok(message !== undefined, name);
    const again = encodeMessage(message.type, message.seq, message.peer, message.attrs);
    again[0] = message.version; // ubusd echoes a wrong one
    if (toHex(again) === toHex(bytes)) exact++;
    else {
      // JSON keeps no wire type of int16, whole doubles and small int64, nor that netifd says true as int8 2.
      assert.ok(message.attrs.data !== undefined, `${name} type ${message.type} seq ${message.seq}`);
      assert.deepEqual({ ...decodeMessage(again), version: message.version }, message);
      inexact.add(name);
    }
  }
  assert.ok(exact > 1000, String(exact));
  assert.deepEqual([...inexact].map((name) => name.slice(name.indexOf('/') + 1)), ['call-device-status', 'event-registration', 'subscribe-device', 'types', 'carrier_loss_static_forcelink', 'wan_up']);
});

test('a dump decodes as the independent decoder says', () => {
  const frames = capture('wire/call-dump');
  for (const [i, line] of decodedLines('call-dump').entries()) {
    const attrs = asObject(line['attrs']);
    if (attrs === undefined) continue;
    const got = decodeMessage(frames[i]?.bytes ?? assert.fail()) ?? assert.fail();
    assert.equal(got.type, line['type']);
    assert.equal(got.seq, line['seq']);
    assert.equal(got.peer, line['peer']);
    const lower: { [name: string]: Json } = {};
    for (const [name, value] of Object.entries(got.attrs)) lower[name.toLowerCase()] = value as Json;
    assert.deepEqual(lower, attrs);
  }
});

test('ids are unsigned', () => {
  const message = decodeMessage(encodeMessage(UBUS_MESSAGE.UNSUBSCRIBE, 65535, 0xdeadbeef, { objId: 0xffffffff, target: 0x80000000 }));
  assert.deepEqual(message, { version: 0, type: 9, seq: 65535, peer: 0xdeadbeef, attrs: { objId: 0xffffffff, target: 0x80000000 } });
});

test('a bad attribute counts as absent, an unknown one is skipped, as ubusd does', () => {
  const frame = (attrs: string): Uint8Array => {
    const body = fromHex(attrs.replaceAll(' ', '')) ?? assert.fail();
    const out = new Uint8Array(12 + body.length);
    out[1] = UBUS_MESSAGE.LOOKUP;
    new DataView(out.buffer).setUint32(8, 4 + body.length);
    out.set(body, 12);
    return out;
  };
  assert.deepEqual(decodeMessage(frame('64000008 7a7a7a7a 0200000c 6e6574776f726b00'))?.attrs, { objPath: 'network' });
  assert.deepEqual(decodeMessage(frame('0200000b 6e6574776f726b00'))?.attrs, { objPath: 'network' }, 'without NUL');
  assert.deepEqual(decodeMessage(frame('02000190 6e657400'))?.attrs, {}, 'longer than the message');
  assert.deepEqual(decodeMessage(frame('03000005 01000000 01000008 00000004'))?.attrs, { status: 4 }, 'a short id');
  assert.deepEqual(decodeMessage(frame('07000008 01020304 0300000800000009'))?.attrs, { objId: 9 }, 'broken DATA');
  for (const bad of ['', '00', '0000000000000000', '000000000000000000000003', '000000000000000000000005']) assert.equal(decodeMessage(fromHex(bad) ?? assert.fail()), undefined, bad);
});

test('attribute ids are unique', () => {
  const ids = Object.values(UBUS_ATTR).map((row) => row.id);
  assert.equal(new Set(ids).size, ids.length);
  assert.equal(statusName(6), 'PERMISSION_DENIED');
  assert.equal(statusName(99), 'STATUS_99');
});
