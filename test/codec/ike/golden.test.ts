import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toHex } from '../../../src/base/index.ts';
import { decodeChain, decodeHeader, encodeMessage, HEADER_OCTETS, NOTIFY, notifyDataFits, PAYLOAD } from '../../../src/codec/ike/index.ts';
import { describeMessage, goldenNames, readGolden, writeExpect } from './golden.ts';

const FOLDERS = ['notify', 'payload', 'message'] as const;

for (const folder of FOLDERS) {
  for (const name of goldenNames(folder)) {
    test(`golden ${folder}/${name}: decodes as expected and encodes to the same octets`, () => {
      const golden = readGolden(folder, name);
      const got = describeMessage(golden.input);
      if (process.env['GOLDEN'] === 'write') writeExpect(golden, got);
      else assert.equal(got, golden.expect);
      JSON.parse(got);
      const header = decodeHeader(golden.input);
      assert.ok(header);
      const chain = decodeChain(header.nextPayload, golden.input, HEADER_OCTETS, golden.input.length);
      assert.equal(chain.kind, 'payloads');
      if (chain.kind !== 'payloads') return;
      assert.equal(toHex(encodeMessage(header, chain.payloads)), toHex(golden.input));
    });
  }
}

test('every notify row has a golden, and it is of that row', () => {
  assert.deepEqual(goldenNames('notify'), Object.keys(NOTIFY).sort());
  for (const [name, row] of Object.entries(NOTIFY)) {
    const { input } = readGolden('notify', name);
    const chain = decodeChain(PAYLOAD.N.code, input, HEADER_OCTETS, input.length);
    assert.equal(chain.kind, 'payloads', name);
    const payload = chain.kind === 'payloads' ? chain.payloads[0] : undefined;
    assert.ok(payload?.type === 'N', name);
    assert.equal(payload.notify, row.code, name);
    assert.ok(notifyDataFits(payload), `${name}: data of the golden breaks the row's rule`);
    assert.equal(payload.spi.length > 0, 'spi' in row, `${name}: SPI`);
  }
});

test('every payload row has a golden, and it is of that row', () => {
  const names = goldenNames('payload');
  for (const [type, row] of Object.entries(PAYLOAD)) {
    assert.ok(names.includes(type), `no test/golden/ike/payload/${type}.txt`);
    assert.equal(readGolden('payload', type).input[16], row.code, type);
  }
});
