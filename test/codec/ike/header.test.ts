import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeHeader, encodeHeader, HEADER_OCTETS, type IkeHeader, type IkeSpi } from '../../../src/codec/ike/index.ts';
import { hex } from './golden.ts';

const REQUEST = hex('6b1f3a90c2d4e578 0000000000000000 21 20 22 08 00000000 0000001c');

test('RFC 7296 §3.1: a header has 28 octets in this order', () => {
  const header: IkeHeader = {
    spiI: 0x6b1f3a90c2d4e578n as IkeSpi, spiR: 0n as IkeSpi, nextPayload: 33, majorVersion: 2, minorVersion: 0, exchange: 34,
    fromOriginalInitiator: true, isResponse: false, messageId: 0, length: 28,
  };
  assert.deepEqual(decodeHeader(REQUEST), header);
  assert.deepEqual(encodeHeader(header, 28), REQUEST);
});

test('RFC 7296 §3.1: flags are I 0x08 and R 0x20, each by itself', () => {
  const flags = (octet: number): [boolean, boolean] | undefined => {
    const bytes = REQUEST.slice();
    bytes[19] = octet;
    const header = decodeHeader(bytes);
    return header && [header.fromOriginalInitiator, header.isResponse];
  };
  assert.deepEqual(flags(0x00), [false, false]);
  assert.deepEqual(flags(0x08), [true, false]);
  assert.deepEqual(flags(0x20), [false, true]);
  assert.deepEqual(flags(0x28), [true, true]);
});

test('I2.5-1: minor version and reserved flags are read and mean nothing, other flags are sent as zero', () => {
  const bytes = REQUEST.slice();
  bytes[17] = 0x2f;
  bytes[19] = 0xff;
  const header = decodeHeader(bytes);
  assert.ok(header);
  assert.deepEqual([header.majorVersion, header.minorVersion], [2, 15]);
  assert.equal(encodeHeader(header, 28)[19], 0x28);
});

test('I2.5-1: another major version is decoded, for the caller to judge', () => {
  for (const [octet, major] of [[0x10, 1], [0x30, 3], [0xf0, 15]] as const) {
    const bytes = REQUEST.slice();
    bytes[17] = octet;
    assert.equal(decodeHeader(bytes)?.majorVersion, major);
  }
});

test('I3.1-1: a header is refused when its length is not that of the datagram, or it is cut short', () => {
  for (let octets = 0; octets < HEADER_OCTETS; octets++) assert.equal(decodeHeader(REQUEST.subarray(0, octets)), undefined);
  for (const length of [0, 27, 29, 0xffffffff]) {
    const bytes = REQUEST.slice();
    new DataView(bytes.buffer).setUint32(24, length);
    assert.equal(decodeHeader(bytes), undefined, `length ${length}`);
  }
  const longer = new Uint8Array(29);
  longer.set(REQUEST);
  assert.equal(decodeHeader(longer), undefined);
});

test('I2-1: a message of 65,535 octets has a header', () => {
  const bytes = new Uint8Array(65_535);
  bytes.set(REQUEST);
  new DataView(bytes.buffer).setUint32(24, bytes.length);
  assert.equal(decodeHeader(bytes)?.length, 65_535);
});

test('message IDs and lengths are unsigned', () => {
  const bytes = REQUEST.slice();
  bytes.fill(0xff, 20, 24);
  const header = decodeHeader(bytes);
  assert.equal(header?.messageId, 0xffffffff);
  assert.ok(header);
  assert.deepEqual(encodeHeader(header, 28), bytes);
});
