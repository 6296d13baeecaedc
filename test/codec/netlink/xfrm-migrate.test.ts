import test from 'node:test';
import assert from 'node:assert/strict';
import { concat, ip, toHex } from '../../../src/base/index.ts';
import {
  decodeMessages, decodeXfrmMigration, decodeXfrmSa, encodeAttributes, encodeXfrmMigration, MOST_TEMPLATES, XFRM_ATTRS, XFRM_MSG, type XfrmMigration,
} from '../../../src/codec/netlink/index.ts';
import { MIGRATIONS, MOVED, prefix } from './xfrm-cases.ts';
import { assertSameSa, xfrmMessages } from './xfrm-golden.ts';

const [OUT = assert.fail()] = MIGRATIONS;
const [move = assert.fail()] = OUT.moves;
const payloadOf = (migration: XfrmMigration, le: boolean): Uint8Array => decodeMessages(encodeXfrmMigration(migration, 1, le), le)[0]?.payload ?? assert.fail();

test('a kernel tells the moves it was asked for, and its SAs have moved with numbers, window and counters', () => {
  const told = xfrmMessages('changes').filter(({ type }) => type === XFRM_MSG.MIGRATE).map(({ payload }) => decodeXfrmMigration(payload, true));
  assert.deepEqual(told, MIGRATIONS);
  const sas = xfrmMessages('sa-moved').map(({ payload }) => decodeXfrmSa(payload, true));
  for (const sa of MOVED) assertSameSa(sas.find((fact) => fact?.spi === sa.spi && fact.destination === sa.destination), sa);
});

for (const le of [true, false]) {
  const order = le ? 'little-endian' : 'big-endian';

  test(`every migration decodes to itself, ${order}`, () => {
    const more: readonly XfrmMigration[] = [
      { direction: 'fwd', selector: { source: prefix('2001:db8::/32'), destination: prefix('::/0'), protocol: 0 }, ifId: 7, moves: Array.from({ length: MOST_TEMPLATES }, (_, at) => ({ ...move, reqid: 0xfffffff0 + at })) },
      { ...OUT, moves: [{ ...move, to: { source: ip('2001:db8::1'), destination: ip('2001:db8::2') } }] },
    ];
    for (const migration of [...MIGRATIONS, ...more]) assert.deepEqual(decodeXfrmMigration(payloadOf(migration, le), le), migration);
  });

  test(`a move has its fields where linux/xfrm.h has them, ${order}`, () => {
    const payload = payloadOf(OUT, le);
    const view = new DataView(payload.buffer, payload.byteOffset);
    assert.deepEqual([view.getUint32(56, le), payload[60]], [0, 1], 'index and direction');
    assert.deepEqual([view.getUint16(64, le), view.getUint16(66, le), view.getUint16(68, le), view.getUint16(70), view.getUint16(72)], [28, 4, 2, 4500, 4502], 'XFRMA_ENCAP');
    assert.deepEqual([view.getUint16(92, le), view.getUint16(94, le)], [80, 17], 'XFRMA_MIGRATE');
    assert.deepEqual([0, 16, 32, 48].map((at) => toHex(payload.subarray(96 + at, 100 + at))), ['c6336402', 'c0000201', 'c6336402', 'cb007109'], 'old destination and source, new ones');
    assert.equal(toHex(payload.subarray(160, 164)), '32010000');
    assert.deepEqual([view.getUint32(164, le), view.getUint16(168, le), view.getUint16(170, le)], [9, 2, 2]);
    assert.equal(payload.length, 172);
  });
}

test('what is not a move of ESP tunnels gives nothing', () => {
  const changed = (at: number, value: number) => {
    const payload = payloadOf(OUT, true);
    payload[at] = value;
    return decodeXfrmMigration(payload, true);
  };
  assert.ok(changed(160, 50));
  for (const [at, value] of [[160, 51], [161, 0], [168, 0], [170, 7], [60, 3], [40, 0]] as const) assert.equal(changed(at, value), undefined, `octet ${at}`);
  const head = payloadOf(OUT, true).subarray(0, 64);
  const moves = (length: number) => decodeXfrmMigration(concat(head, encodeAttributes(XFRM_ATTRS, { migrate: new Uint8Array(length) }, true)), true);
  for (const length of [0, 75, 77, 7 * 76]) assert.equal(moves(length), undefined);
  assert.equal(decodeXfrmMigration(head, true), undefined, 'no moves');
  const payload = payloadOf(OUT, true);
  for (let length = 0; length < payload.length; length++) assert.equal(decodeXfrmMigration(payload.subarray(0, length), true), undefined);
});
