import test from 'node:test';
import assert from 'node:assert/strict';
import { concat, toHex } from '../../../src/base/index.ts';
import { decodeControl, decodeMessages, encodeMessage, MESSAGE } from '../../../src/codec/netlink/index.ts';

const payload = Uint8Array.of(1, 2, 3, 4, 5);

test('a message has its header in the byte order asked for, and padding that its length does not count', () => {
  const message = { type: 0x1234, flags: 0x0305, sequence: 0x01020304, payload };
  assert.equal(toHex(encodeMessage(message, true)), '15000000' + '3412' + '0503' + '04030201' + '00000000' + '0102030405000000');
  assert.equal(toHex(encodeMessage(message, false)), '00000015' + '1234' + '0305' + '01020304' + '00000000' + '0102030405000000');
});

for (const littleEndian of [true, false]) {
  test(`messages joined in one datagram come apart again, ${littleEndian ? 'little' : 'big'}-endian`, () => {
    const one = encodeMessage({ type: 16, flags: 2, sequence: 7, payload }, littleEndian);
    const two = encodeMessage({ type: MESSAGE.DONE, flags: 2, sequence: 8, payload: new Uint8Array(0) }, littleEndian);
    assert.deepEqual(decodeMessages(concat(one, two), littleEndian), [
      { type: 16, flags: 2, sequence: 7, port: 0, payload },
      { type: 3, flags: 2, sequence: 8, port: 0, payload: new Uint8Array(0) },
    ]);
  });
}

test('an impossible length ends the datagram: what came before counts', () => {
  const good = encodeMessage({ type: 16, flags: 0, sequence: 1, payload }, true);
  for (const length of [0, 15, 17, 0x7fffffff, 0xffffffff]) {
    const bad = encodeMessage({ type: 17, flags: 0, sequence: 2, payload: new Uint8Array(0) }, true);
    new DataView(bad.buffer).setUint32(0, length, true);
    assert.equal(decodeMessages(concat(good, bad), true).length, 1);
    assert.equal(decodeMessages(bad, true).length, 0);
  }
  assert.deepEqual(decodeMessages(good.subarray(0, 10), true), []);
});

test('control messages: errors are positive errno, an acknowledgement is 0', () => {
  const control = (type: number, code: number | undefined, littleEndian: boolean) => {
    const bytes = new Uint8Array(code === undefined ? 0 : 4);
    if (code !== undefined) new DataView(bytes.buffer).setInt32(0, code, littleEndian);
    return decodeControl({ type, flags: 0, sequence: 1, port: 0, payload: bytes }, littleEndian);
  };
  for (const littleEndian of [true, false]) {
    assert.deepEqual(control(MESSAGE.ERROR, 0, littleEndian), { kind: 'ack', errno: 0 });
    assert.deepEqual(control(MESSAGE.ERROR, -17, littleEndian), { kind: 'ack', errno: 17 });
    assert.deepEqual(control(MESSAGE.DONE, 0, littleEndian), { kind: 'done', errno: 0 });
    assert.deepEqual(control(MESSAGE.DONE, -16, littleEndian), { kind: 'done', errno: 16 });
  }
  assert.deepEqual(control(MESSAGE.DONE, undefined, true), { kind: 'done', errno: 0 });
  assert.equal(control(MESSAGE.ERROR, undefined, true), undefined);
  assert.deepEqual(control(MESSAGE.OVERRUN, undefined, true), { kind: 'overrun' });
  assert.equal(control(MESSAGE.RTM_NEWLINK, 0, true), undefined);
});
