import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeChain, encodePayloads, PAYLOAD, type KnownPayloadType, type Payload } from '../../../src/codec/ike/index.ts';
import { hex } from './golden.ts';

const decode = (type: KnownPayloadType, body: string): Payload | string => {
  const bytes = hex(`0000${(hex(body).length + 4).toString(16).padStart(4, '0')} ${body}`);
  const chain = decodeChain(PAYLOAD[type].code, bytes, 0, bytes.length);
  return chain.kind === 'payloads' ? (chain.payloads[0] ?? 'nothing') : chain.kind;
};

test('I3.1-1: a body shorter than its fixed part is malformed', () => {
  const fixed: { readonly [T in KnownPayloadType]?: number } = { KE: 4, IDi: 4, IDr: 4, CERT: 1, CERTREQ: 1, AUTH: 4, N: 4, D: 4 };
  for (const [type, octets] of Object.entries(fixed) as [KnownPayloadType, number][]) {
    for (let n = 0; n < octets; n++) assert.equal(decode(type, '00'.repeat(n)), 'malformed', `${type} of ${n} octets`);
    assert.notEqual(decode(type, '00'.repeat(octets)), 'malformed', type);
  }
});

test('I2.5-1: reserved octets of KE and AUTH are ignored', () => {
  assert.deepEqual(decode('KE', '001fffff 0102'), { type: 'KE', group: 31, data: hex('0102') });
  assert.deepEqual(decode('AUTH', '02ffffff 0102'), { type: 'AUTH', method: 2, data: hex('0102') });
});

test('I2.15-1: the body of an ID payload is kept as sent, reserved octets included', () => {
  const payload = decode('IDr', '02aabbcc 61');
  assert.deepEqual(payload, { type: 'IDr', idType: 2, data: hex('61'), body: hex('02aabbcc61') });
  assert.ok(typeof payload !== 'string');
  assert.deepEqual(encodePayloads([payload]).bytes, hex('00000009 02aabbcc61'));
  assert.deepEqual(encodePayloads([{ type: 'IDi', idType: 11, data: hex('6b6579'), body: new Uint8Array(0) }]).bytes, hex('0000000b 0b000000 6b6579'));
});

test('I3.10-2: a notify with SPI size 0 decodes whatever its Protocol ID', () => {
  for (const protocol of ['00', '01', '03', 'ff']) {
    assert.deepEqual(decode('N', `${protocol}004011 0102`), { type: 'N', protocol: parseInt(protocol, 16), spi: new Uint8Array(0), notify: 16401, data: hex('0102') });
  }
});

test('I3.1-1: the SPI of a notify must fit', () => {
  assert.deepEqual(decode('N', '03044009 c0ffee01'), { type: 'N', protocol: 3, spi: hex('c0ffee01'), notify: 16393, data: new Uint8Array(0) });
  assert.equal(decode('N', '03044009 c0ffee'), 'malformed');
  assert.equal(decode('N', '03ff4009 c0ffee01'), 'malformed');
});

test('I1.4.1-1: a Delete lists SPIs of one size that fill it', () => {
  assert.deepEqual(decode('D', '03040002 c0ffee01 c0ffee02'), { type: 'D', protocol: 3, spiSize: 4, spis: [hex('c0ffee01'), hex('c0ffee02')] });
  assert.deepEqual(decode('D', '01000000'), { type: 'D', protocol: 1, spiSize: 0, spis: [] });
  assert.equal(decode('D', '03040002 c0ffee01'), 'malformed');
  assert.equal(decode('D', '03040001 c0ffee01 c0ffee02'), 'malformed');
  assert.equal(decode('D', '03040000 c0ffee01'), 'malformed');
  assert.equal(decode('D', '03ffffff'), 'malformed');
});

test('a Delete of 65,535 empty SPIs makes no list', () => {
  assert.deepEqual(decode('D', '0100ffff'), { type: 'D', protocol: 1, spiSize: 0, spis: [] });
});

test('nonce lengths are for the caller to judge', () => {
  assert.deepEqual(decode('NONCE', ''), { type: 'NONCE', data: new Uint8Array(0) });
});
