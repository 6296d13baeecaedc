import { test } from 'node:test';
import assert from 'node:assert/strict';
import { EXCHANGE, decodeHeader, type IkeSpi } from '../../src/codec/ike/index.ts';
import { Farewells } from '../../src/ike/farewells.ts';
import type { IkeSa } from '../../src/ike/ike-sa.ts';
import { Alone, WAN } from './lone.ts';

/** An SA with this SPI that has answered a request; the request, and what it was answered. */
function answered(around: Alone, spiI: bigint): { sa: IkeSa; request: Uint8Array; response: Uint8Array } {
  const change = { spiI: spiI as IkeSpi, spiR: 2n as IkeSpi };
  const [sa, peer] = [around.sa(change), around.sa({ ...change, originalInitiator: false })];
  const [request] = peer.seal(EXCHANGE.INFORMATIONAL, 0, false, [], 1000);
  const header = request && decodeHeader(request);
  assert.ok(request && header);
  sa.inbox.receive(header, request, WAN, around.ctx);
  const response = sa.inbox.answered?.response[0];
  assert.ok(response);
  return { sa, request, response };
}

test('I2.1-2: who did not hear the last answer of an SA that ended gets it again, for that very request; the newest 64 are kept', () => {
  const around = new Alone();
  const farewells = new Farewells({ suite: around.suite, entropy: around.entropy });
  const all = Array.from({ length: 65 }, (_, i) => answered(around, BigInt(1000 + i)));
  for (const { sa } of all.slice(0, 64)) farewells.keep(sa);
  const hears = (i: number): boolean => {
    const one = all[i];
    const again = one && farewells.answer(one.sa.localSpi, one.request);
    assert.ok(again === undefined || again[0] === one?.response);
    return again !== undefined;
  };
  assert.deepEqual([hears(0), hears(63), hears(64)], [true, true, false]);
  farewells.keep(all[64]?.sa as IkeSa);
  assert.deepEqual([hears(0), hears(1), hears(64)], [false, true, true]);
  assert.equal(farewells.answer(1001n, all[2]?.request ?? new Uint8Array()), undefined, 'another request');
  assert.equal(farewells.answer(77n, all[1]?.request ?? new Uint8Array()), undefined, 'another SA');
});

test('an SA that has answered nothing leaves nothing', () => {
  const around = new Alone();
  const farewells = new Farewells({ suite: around.suite, entropy: around.entropy });
  farewells.keep(around.sa());
  assert.equal(farewells.answer(1n, new Uint8Array()), undefined);
});
