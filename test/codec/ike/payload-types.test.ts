import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findPayload, findPayloads, PAYLOAD, payloadByCode, payloadCode, type Payload } from '../../../src/codec/ike/index.ts';

test('rows are consistent: numbers differ and lead back to their row', () => {
  const rows = Object.values(PAYLOAD);
  assert.equal(new Set(rows.map((row) => row.code)).size, rows.length);
  for (const row of rows) assert.equal(payloadByCode(row.code), row);
  assert.deepEqual(rows.filter((row) => row.encrypted).map((row) => row.code), [46, 53]);
});

test('I2.5-2: EAP is not among the types we know', () => {
  assert.equal(payloadByCode(48), undefined);
  assert.equal(payloadByCode(0), undefined);
});

test('an unknown payload keeps its number', () => {
  assert.equal(payloadCode({ type: 'unknown', code: 200, critical: true }), 200);
  assert.equal(payloadCode({ type: 'V', data: new Uint8Array(0) }), 43);
});

test('payloads are found by type', () => {
  const payloads: Payload[] = [
    { type: 'V', data: Uint8Array.of(1) },
    { type: 'NONCE', data: Uint8Array.of(2) },
    { type: 'V', data: Uint8Array.of(3) },
  ];
  assert.deepEqual(findPayload(payloads, 'V')?.data, Uint8Array.of(1));
  assert.deepEqual(findPayloads(payloads, 'V').map((payload) => payload.data[0]), [1, 3]);
  assert.equal(findPayload(payloads, 'TSi'), undefined);
});
