import { test } from 'node:test';
import assert from 'node:assert/strict';
import { ByteReader, ByteWriter } from '../../../src/base/index.ts';
import { readName, writeName } from '../../../src/codec/dns/name.ts';

const read = (bytes: number[], start = 0): string | undefined => {
  const message = Uint8Array.from(bytes);
  return readName(message, new ByteReader(message, start));
};

test('a name written is read back', () => {
  const writer = new ByteWriter();
  assert.ok(writeName(writer, 'a.bc.example').ok);
  const bytes = writer.finish();
  const reader = new ByteReader(bytes);
  assert.equal(readName(bytes, reader), 'a.bc.example');
  assert.equal(reader.left, 0);
});

test('RFC 1035 §4.1.4: a pointer ends the name, and the reader goes on behind it', () => {
  const message = Uint8Array.of(1, 97, 0, 1, 98, 0xc0, 0, 7);
  const reader = new ByteReader(message, 3);
  assert.equal(readName(message, reader), 'b.a');
  assert.equal(reader.u8(), 7);
});

test('pointers that go forwards, to themselves or in a ring are malformed', () => {
  assert.equal(read([0xc0, 0]), undefined);
  assert.equal(read([0xc0, 2, 0]), undefined);
  assert.equal(read([1, 97, 0xc0, 0]), undefined);
  assert.equal(read([0xc0, 2, 0xc0, 0], 2), undefined);
  assert.equal(read([1, 97, 0xc0, 0, 0xc0, 0], 4), undefined);
  assert.equal(read([0xff]), undefined);
});

test('a chain of pointers that only go back is followed 127 times and no further', () => {
  for (const [count, want] of [[127, ''], [128, undefined]] as const) {
    const bytes = [0];
    for (let i = 0; i < count; i++) {
      const target = i === 0 ? 0 : bytes.length - 2;
      bytes.push(0xc0 | (target >> 8), target & 255);
    }
    assert.equal(read(bytes, bytes.length - 2), want);
  }
});

test('too long, cut off and reserved labels are malformed; the root is empty', () => {
  assert.equal(read([0]), '');
  assert.equal(read([3, 97, 98]), undefined);
  assert.equal(read([1, 97]), undefined);
  assert.equal(read([0x40, 0]), undefined);
  assert.equal(read([0x80, 0]), undefined);
  const label = [63, ...Array<number>(63).fill(97)];
  assert.equal(read([...label, ...label, ...label, ...label, 0]), undefined);
  assert.ok(read([...label, ...label, ...label, 61, ...Array<number>(61).fill(97), 0]));
});
