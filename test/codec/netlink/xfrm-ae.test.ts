import test from 'node:test';
import assert from 'node:assert/strict';
import { ip, toHex } from '../../../src/base/index.ts';
import { decodeMessages, decodeXfrmAe, encodeXfrmAe, encodeXfrmAeGet, type XfrmAe } from '../../../src/codec/netlink/index.ts';
import { NUMBERS, SAS } from './xfrm-cases.ts';
import { xfrmMessages } from './xfrm-golden.ts';

const ID = { destination: ip('192.0.2.1'), spi: 0x106 };
const PLAIN = { id: ID, source: ip('198.51.100.2'), reqid: 7 };
const payloadOf = (ae: XfrmAe, le: boolean): Uint8Array => decodeMessages(encodeXfrmAe(ae, 1, le), le)[0]?.payload ?? assert.fail();

test('a kernel tells the numbers it was given: high halves, the ring of 1024, the old form of 32', () => {
  const told = xfrmMessages('ae').map(({ payload }) => decodeXfrmAe(payload, true));
  assert.deepEqual(told.map((ae) => [ae?.id.spi, ae?.replayWindow, ae?.replay?.outbound, ae?.replay?.inbound]), [
    [0x106, 1024, 0n, 0x4_ffff_fffdn], [0x106, 1024, 0x5_0000_0001n, 2n], [0x101, 0, 17n, 0xffff_ffffn], [0xc1000001, 1024, 0n, 0n],
  ]);
  assert.deepEqual(told[0]?.replay, SAS['preset-in'].replay);
  assert.deepEqual(told[1]?.replay, NUMBERS);
  assert.deepEqual(told[1]?.counters, { octets: 5000n, packets: 50n, addTime: 1_700_000_100, useTime: 1_700_000_200 });
  assert.deepEqual(told[2]?.replay?.bitmap, [0xf000000f]);
  assert.deepEqual([told[3]?.id.mark, told[3]?.ifId], [{ value: 0x500, mask: 0xff00 }, 42]);
});

for (const le of [true, false]) {
  const order = le ? 'little-endian' : 'big-endian';

  test(`numbers and counters decode to themselves, ${order}`, () => {
    const counters = { octets: 1n << 60n, packets: 3n, addTime: 1_700_000_000, useTime: 0 };
    const all: readonly XfrmAe[] = [
      { ...PLAIN, replay: { outbound: 0xffff_ffff_ffff_ffffn, inbound: 0x1_0000_0000n, bitmap: [1, 0x80000000] }, replayWindow: 64, counters },
      { ...PLAIN, id: { ...ID, mark: { value: 1, mask: 3 } }, replay: { outbound: 5n, inbound: 6n, bitmap: [0xffffffff] }, replayWindow: 0 },
      { ...PLAIN, replay: { outbound: 5n, inbound: 6n }, replayWindow: 33 },
      { ...PLAIN, id: { destination: ip('2001:db8::1'), spi: 0xffffffff }, source: ip('2001:db8::2'), replayWindow: 0, counters },
    ];
    for (const ae of all) assert.deepEqual(decodeXfrmAe(payloadOf(ae, le), le), ae);
  });

  test(`the window is padded to its words, and a longer one cut, ${order}`, () => {
    const short = decodeXfrmAe(payloadOf({ ...PLAIN, replay: { outbound: 0n, inbound: 9n, bitmap: [7] }, replayWindow: 96 }, le), le);
    assert.deepEqual(short?.replay?.bitmap, [7, 0, 0]);
    const long = decodeXfrmAe(payloadOf({ ...PLAIN, replay: { outbound: 0n, inbound: 9n, bitmap: [7, 8, 9] }, replayWindow: 64 }, le), le);
    assert.deepEqual(long?.replay?.bitmap, [7, 8]);
  });
}

test('requests, octet by octet: flags say what is given or wanted', () => {
  const id = `c0000201${'00'.repeat(12)}00000106`;
  assert.equal(toHex(encodeXfrmAeGet(ID, 3, true)), `400000001f0005000300000000000000${id}02003200${'00'.repeat(16)}0600000000000000`);
  assert.equal(toHex(encodeXfrmAeGet(ID, 3, false)), `00000040001f00050000000300000000${id}00023200${'00'.repeat(16)}0000000600000000`);
  assert.equal(toHex(encodeXfrmAe({ ...PLAIN, replay: { outbound: 1n, inbound: 2n }, replayWindow: 0 }, 3, false)),
    `00000050001e01050000000300000000${id}00023200c6336402${'00'.repeat(12)}0000000200000007` + '0010000a000000010000000200000000');
});

test('what is cut or broken gives nothing; a counter too short is left out', () => {
  const payload = payloadOf({ ...PLAIN, replay: NUMBERS, replayWindow: 1024 }, true);
  for (let length = 0; length < payload.length; length++) if (length !== 48) assert.equal(decodeXfrmAe(payload.subarray(0, length), true)?.replay, undefined);
  const other = payload.slice();
  other[22] = 51;
  assert.equal(decodeXfrmAe(other, true), undefined, 'AH');
});
