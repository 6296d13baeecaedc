import test from 'node:test';
import assert from 'node:assert/strict';
import { ip, toHex } from '../../../src/base/index.ts';
import type { AttributeTable } from '../../../src/codec/netlink/index.ts';
import { decodeAttributes, eachAttribute, encodeAttributes } from '../../../src/codec/netlink/index.ts';

const TABLE = {
  small: { code: 1, kind: 'u8' }, middle: { code: 2, kind: 'u16' }, large: { code: 3, kind: 'u32' },
  name: { code: 4, kind: 'text' }, address: { code: 5, kind: 'ip' }, raw: { code: 6, kind: 'bytes' },
} as const satisfies AttributeTable;

const VALUES = { small: 7, middle: 0x1234, large: 0xfedcba98, name: 'wän', address: ip('2001:db8::1'), raw: Uint8Array.of(9, 8, 7) };

for (const littleEndian of [true, false]) {
  test(`every kind of value survives encoding and decoding, ${littleEndian ? 'little' : 'big'}-endian`, () => {
    assert.deepEqual(decodeAttributes(TABLE, encodeAttributes(TABLE, VALUES, littleEndian), littleEndian), VALUES);
  });
}

test('attributes are padded to 4 octets; only host-order numbers follow the byte order', () => {
  const values = { middle: 0x1234, address: ip('192.0.2.1') };
  assert.equal(toHex(encodeAttributes(TABLE, values, true)), '06000200' + '34120000' + '08000500' + 'c0000201');
  assert.equal(toHex(encodeAttributes(TABLE, values, false)), '00060002' + '12340000' + '00080005' + 'c0000201');
});

test('flag bits of the type are ignored, unknown types skipped, the last of two counts, more octets than needed do no harm', () => {
  const bytes = Uint8Array.of(8, 0, 3, 0xc0, 1, 0, 0, 0, 5, 0, 99, 0, 1, 0, 0, 0, 12, 0, 3, 0, 2, 0, 0, 0, 9, 9, 9, 9);
  assert.deepEqual(decodeAttributes(TABLE, bytes, true), { large: 2 });
});

test('a value too short for its row, an address of odd length or a broken stream gives nothing', () => {
  assert.equal(decodeAttributes(TABLE, Uint8Array.of(6, 0, 3, 0, 1, 2, 0, 0), true), undefined);
  assert.equal(decodeAttributes(TABLE, Uint8Array.of(7, 0, 5, 0, 1, 2, 3, 0), true), undefined);
  assert.equal(decodeAttributes(TABLE, Uint8Array.of(3, 0, 3, 0), true), undefined);
  assert.equal(decodeAttributes(TABLE, Uint8Array.of(9, 0, 3, 0, 1, 2, 3, 4), true), undefined);
  assert.equal(decodeAttributes(TABLE, Uint8Array.of(6, 0, 4, 0, 0xff, 0, 0, 0), true), undefined, 'a name that is not UTF-8');
  assert.deepEqual(decodeAttributes(TABLE, Uint8Array.of(1, 2, 3), true), {}, 'less than a header is padding');
  assert.equal(eachAttribute(Uint8Array.of(4, 0, 1, 0, 0, 0, 0, 0), true, () => undefined), false);
});
