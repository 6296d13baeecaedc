import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeChain, type Payload } from '../../../src/codec/ike/index.ts';
import { hex } from './golden.ts';

const decode = (body: string): Payload | string => {
  const bytes = hex(`0000${(hex(body).length + 4).toString(16).padStart(4, '0')} ${body}`);
  const chain = decodeChain(47, bytes, 0, bytes.length);
  return chain.kind === 'payloads' ? (chain.payloads[0] ?? 'nothing') : chain.kind;
};

test('I3.15-1: attributes with and without value, unknown types kept', () => {
  assert.deepEqual(decode('01000000 00010000 7abc0003 010203'), {
    type: 'CP', cfgType: 1, attributes: [{ type: 1, value: new Uint8Array(0) }, { type: 0x7abc, value: hex('010203') }],
  });
  assert.deepEqual(decode('02000000'), { type: 'CP', cfgType: 2, attributes: [] });
});

test('I2.5-1: the reserved bit of an attribute and reserved octets are ignored', () => {
  assert.deepEqual(decode('01ffffff 80010004 0a000001'), { type: 'CP', cfgType: 1, attributes: [{ type: 1, value: hex('0a000001') }] });
});

test('I3.15-1: attribute lengths are checked', () => {
  for (const body of ['', '010000', '01000000 00', '01000000 0001', '01000000 000100', '01000000 00010005 0a000001', '01000000 0001ffff']) {
    assert.equal(decode(body), 'malformed', body);
  }
});
