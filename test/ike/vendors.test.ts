import { test } from 'node:test';
import assert from 'node:assert/strict';
import { nodeCrypto } from '../../src/adapters/node/crypto.ts';
import { toHex, toUtf8 } from '../../src/base/index.ts';
import { hasVendor, vendorId } from '../../src/ike/vendors.ts';

const suite = nodeCrypto();

test('RFC 7296 §3.12: a Vendor ID is the beginning of a hash over what it stands for; another, a longer or a shorter one is nobody\'s', () => {
  for (const [vendor, text] of [['switch', 'mobiked R-MOBIKE v1'], ['padding', 'mobiked padding v1']] as const) {
    const id = vendorId(vendor, suite);
    assert.equal(toHex(id.data), toHex(suite.hash('sha256', toUtf8(text))).slice(0, 32));
    const other = vendor === 'switch' ? 'padding' : 'switch';
    for (const [payloads, has] of [
      [[], false], [[id], true], [[vendorId(other, suite)], false], [[vendorId(other, suite), id], true], [[{ type: 'NONCE', data: id.data }], false],
      [[{ type: 'V', data: id.data.subarray(1) }], false], [[{ type: 'V', data: suite.hash('sha256', toUtf8(text)) }], false], [[{ type: 'V', data: new Uint8Array() }], false],
    ] as const) assert.equal(hasVendor(payloads, vendor, suite), has);
  }
});
