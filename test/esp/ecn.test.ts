import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mergeEcn, outerClass, parseInner, trafficClass } from '../../src/esp/index.ts';
import { checksum, packet, udp } from './fixtures.ts';

const FOUR = packet('10.2.0.1', '10.1.0.1', 17, udp(2, 1));
const SIX = packet('fd00:2::1', 'fd00:1::1', 17, udp(2, 1));

/** The packet with this octet of DSCP and ECN, checksum right. */
function withClass(bytes: Uint8Array, value: number): Uint8Array {
  const out = bytes.slice();
  if ((out[0] ?? 0) >> 4 === 6) {
    out[0] = 0x60 | (value >> 4);
    out[1] = ((value & 15) << 4) | ((out[1] ?? 0) & 15);
    return out;
  }
  out[1] = value;
  out.set([0, 0], 10);
  const sum = checksum(out.subarray(0, 20));
  out.set([sum >>> 8, sum & 255], 10);
  return out;
}

const [NOT_ECT, ECT_1, ECT_0, CE] = [0, 1, 2, 3];

test('ES3-4 RFC 6040 §4.1: going out, ECN is copied in every case; DSCP only when asked', () => {
  for (const bytes of [FOUR, SIX]) {
    for (let value = 0; value < 256; value++) {
      assert.equal(trafficClass(withClass(bytes, value)), value);
      assert.equal(outerClass(withClass(bytes, value), false), value & 3);
      assert.equal(outerClass(withClass(bytes, value), true), value);
    }
  }
});

test('ES3-4 RFC 6040 §4.2: coming in, the table of figure 4, cell by cell, DSCP and checksum kept', () => {
  // Rows: arriving inner; columns: arriving outer Not-ECT, ECT(0), ECT(1), CE.
  const table: readonly (readonly [number, readonly (number | 'drop')[]])[] = [
    [NOT_ECT, [NOT_ECT, NOT_ECT, NOT_ECT, 'drop']],
    [ECT_0, [ECT_0, ECT_0, ECT_1, CE]],
    [ECT_1, [ECT_1, ECT_1, ECT_1, CE]],
    [CE, [CE, CE, CE, CE]],
  ];
  for (const plain of [FOUR, SIX]) {
    for (const [inner, cells] of table) {
      cells.forEach((wanted, column) => {
        const outer = [NOT_ECT, ECT_0, ECT_1, CE][column] ?? 0;
        for (const dscp of [0, 46, 63]) {
          const bytes = withClass(plain, (dscp << 2) | inner);
          const parsed = parseInner(bytes);
          assert.ok(parsed);
          assert.equal(mergeEcn(bytes, parsed, 0xb8 | outer), wanted !== 'drop');
          assert.deepEqual(bytes, withClass(plain, (dscp << 2) | (wanted === 'drop' ? inner : wanted)));
        }
      });
    }
  }
});
