import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  encodePayloads, findNotifies, findNotify, isErrorNotify, knownNotify, NOTIFY, notify, notifyDataFits, notifyName, PROTOCOL, type NotifyDef, type NotifyPayload, type Payload,
} from '../../../src/codec/ike/index.ts';
import { hex } from './golden.ts';

test('rows are consistent: numbers differ, the kind follows from the number, data rules are sound', () => {
  const rows: [string, NotifyDef][] = Object.entries(NOTIFY);
  assert.equal(new Set(rows.map(([, row]) => row.code)).size, rows.length);
  for (const [name, row] of rows) {
    assert.equal(row.kind, row.code < 16384 ? 'error' : 'status', name);
    assert.ok(row.code > 0 && row.code < 40960, name);
    assert.ok(row.in.length > 0, name);
    assert.match(row.ref, /^RFC \d{4} §\d/, name);
    if ('min' in row.data) assert.ok(row.data.min <= row.data.max, name);
  }
});

test('names: rows, and what has no row', () => {
  assert.equal(notifyName(16400), 'UPDATE_SA_ADDRESSES');
  assert.equal(notifyName(12345), 'error 12345');
  assert.equal(notifyName(40960), 'status 40960');
  assert.equal(knownNotify(14), 'NO_PROPOSAL_CHOSEN');
  assert.equal(knownNotify(12345), undefined);
});

test('I3.10-1: known or not, errors are 0..16383', () => {
  assert.deepEqual([0, 16383, 16384, 65535].map(isErrorNotify), [true, true, false, false]);
});

test('M3.5-8: an UPDATE_SA_ADDRESSES request to the octet', () => {
  const payloads: Payload[] = [
    notify('UPDATE_SA_ADDRESSES'),
    notify('NAT_DETECTION_SOURCE_IP', new Uint8Array(20).fill(1)),
    notify('NAT_DETECTION_DESTINATION_IP', new Uint8Array(20).fill(2)),
    notify('COOKIE2', new Uint8Array(16).fill(3)),
  ];
  assert.deepEqual(encodePayloads(payloads), {
    first: 41,
    bytes: hex(`29000008 00004010 2900001c 00004004 ${'01'.repeat(20)} 2900001c 00004005 ${'02'.repeat(20)} 00000018 00004011 ${'03'.repeat(16)}`),
  });
});

test('RFC 7296 §1.3.3: REKEY_SA names our inbound SPI', () => {
  const payload = notify('REKEY_SA', undefined, { protocol: PROTOCOL.ESP, spi: hex('c0ffee01') });
  assert.deepEqual(encodePayloads([payload]).bytes, hex('0000000c 03044009 c0ffee01'));
});

test('data of the wrong length is a bug when sent', () => {
  assert.throws(() => notify('COOKIE2', new Uint8Array(7)));
  assert.throws(() => notify('COOKIE2', new Uint8Array(65)));
  assert.throws(() => notify('MOBIKE_SUPPORTED', new Uint8Array(1)));
  assert.throws(() => notify('NO_NATS_ALLOWED', new Uint8Array(13)));
  assert.equal(notify('NO_NATS_ALLOWED', new Uint8Array(36)).data.length, 36);
});

test('received data is checked against the row; where none is defined it is ignored (M3.2-2)', () => {
  const received = (code: number, octets: number): NotifyPayload => ({ type: 'N', protocol: 0, spi: new Uint8Array(0), notify: code, data: new Uint8Array(octets) });
  for (const octets of [0, 1, 200]) assert.ok(notifyDataFits(received(16396, octets)));
  assert.deepEqual([7, 8, 64, 65].map((octets) => notifyDataFits(received(16401, octets))), [false, true, true, false]);
  assert.deepEqual([0, 1, 64, 65].map((octets) => notifyDataFits(received(16390, octets))), [false, true, true, false]);
  assert.deepEqual([12, 13, 36].map((octets) => notifyDataFits(received(16402, octets))), [true, false, true]);
  assert.deepEqual([19, 20, 21].map((octets) => notifyDataFits(received(16388, octets))), [false, true, false]);
  assert.ok(notifyDataFits(received(40960, 777)));
});

test('I3.10-2: notifies are found whatever Protocol ID and SPI they have (Q-3)', () => {
  const odd: NotifyPayload = { type: 'N', protocol: 1, spi: new Uint8Array(0), notify: 16401, data: new Uint8Array(16) };
  const payloads: Payload[] = [{ type: 'V', data: new Uint8Array(0) }, notify('UPDATE_SA_ADDRESSES'), odd, notify('COOKIE2', new Uint8Array(8))];
  assert.equal(findNotify(payloads, 'COOKIE2'), odd);
  assert.equal(findNotifies(payloads, 'COOKIE2').length, 2);
  assert.equal(findNotify(payloads, 'COOKIE'), undefined);
});
