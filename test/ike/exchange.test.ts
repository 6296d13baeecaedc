// The window of one IKE SA at the far end of its message IDs, where no test of whole lives gets.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { nodeCrypto } from '../../src/adapters/node/crypto.ts';
import { instant } from '../../src/base/index.ts';
import { decodeHeader, EXCHANGE, type IkeSpi } from '../../src/codec/ike/index.ts';
import { skeyseed } from '../../src/crypto/index.ts';
import type { Ctx, SaHost } from '../../src/ike/context.ts';
import { IkeSa } from '../../src/ike/ike-sa.ts';
import type { IkeEffect } from '../../src/ike/index.ts';
import { deriveKeyed } from '../../src/ike/keyed.ts';
import { livenessTask } from '../../src/ike/tasks/ike-mobike.ts';
import { connection, on4500, path, seededEntropy } from './pair.ts';

const deps = { suite: nodeCrypto(), entropy: seededEntropy('exchange') };
const WAN = on4500(path('wan'));

/** An established IKE SA and the same from its peer's end. */
function both(): { readonly sa: IkeSa; readonly peer: IkeSa } {
  const [ours, theirs] = [true, false].map((originalInitiator) => {
    const sa = new IkeSa({
      chain: 1, name: 'hq', connection: connection('initiator'), originalInitiator, mobikeRole: 'initiator', state: 'established', spiI: 1n as IkeSpi, spiR: 2n as IkeSpi, path: WAN, setup: undefined,
    });
    sa.establishedAt = instant(1000);
    const chosen = { number: 1, spi: new Uint8Array(), encr: { id: 20, keyLength: 256 }, prf: 5, integ: 0, group: 31, esn: 0 };
    const [ni, nr, shared] = [1, 2, 3].map((fill) => new Uint8Array(32).fill(fill)) as [Uint8Array, Uint8Array, Uint8Array];
    sa.setKeys(deriveKeyed(deps, { chosen, seed: (hash) => skeyseed(deps.suite, hash, ni, nr, shared), ni, nr, spiI: 1n, spiR: 2n, originalInitiator }));
    return sa;
  });
  assert.ok(ours && theirs);
  return { sa: ours, peer: theirs };
}

const host: Partial<SaHost> = { newIkeSpi: () => 77n as IkeSpi };
const sent: IkeEffect[] = [];
const at = (ms: number): Ctx => ({ now: instant(ms), unixSeconds: undefined, deps, host: host as SaHost, emit: (effect) => sent.push(effect) });
/** What left since the last call, without marker. */
const heard = (): Uint8Array[] => sent.splice(0).flatMap((e) => (e.type === 'packet.send' ? [e.bytes.subarray(4)] : []));
const kind = (bytes: Uint8Array | undefined): unknown[] => {
  const header = bytes && decodeHeader(bytes);
  return [header?.exchange, header?.isResponse, header?.messageId];
};
function deliver(to: IkeSa, bytes: Uint8Array | undefined, ctx: Ctx): void {
  const header = bytes && decodeHeader(bytes);
  assert.ok(bytes && header);
  to.inbox.receive(header, bytes, WAN, ctx);
}

const FAR = 2 ** 31;

for (const [what, from, rekeys] of [['before', FAR - 1, false], ['at', FAR, true], ['after', FAR + 1, false]] as const) {
  test(`I2.2-1: our request just ${what} message ID 2^31 is answered, and ${rekeys ? 'brings the rekeying of the IKE SA' : 'brings no further rekeying'}`, () => {
    const { sa, peer } = both();
    sa.exchanges.nextId = from;
    peer.inbox.expectedId = from;
    sa.exchanges.enqueue(livenessTask(undefined));
    sa.exchanges.pump(at(2000));
    const [request] = heard();
    assert.deepEqual(kind(request), [EXCHANGE.INFORMATIONAL, false, from]);
    deliver(peer, request, at(2010));
    // The peer counts the same requests: it would rekey as well, as soon as its timers are looked at.
    assert.equal(peer.timers.get('softLifetime') !== undefined, rekeys);
    deliver(sa, heard()[0], at(2020));
    sa.tick(at(2020));
    assert.deepEqual(heard().map(kind), rekeys ? [[EXCHANGE.CREATE_CHILD_SA, false, from + 1]] : []);
  });
}

test('I2.2-1: a request of the peer at message ID 2^31 is answered, and we rekey the IKE SA', () => {
  const { sa, peer } = both();
  sa.inbox.expectedId = FAR;
  peer.exchanges.nextId = FAR;
  peer.exchanges.enqueue(livenessTask(undefined));
  peer.exchanges.pump(at(2000));
  deliver(sa, heard()[0], at(2010));
  assert.deepEqual(heard().map(kind), [[EXCHANGE.INFORMATIONAL, true, FAR]]);
  sa.tick(at(2010));
  assert.deepEqual(heard().map(kind), [[EXCHANGE.CREATE_CHILD_SA, false, 0]]);
});

test('I2.2-1: message IDs up to the last of 32 bits stand in the header as they are', () => {
  const { sa } = both();
  sa.exchanges.nextId = 0xffff_ffff;
  sa.exchanges.enqueue(livenessTask(undefined));
  sa.exchanges.pump(at(2000));
  assert.deepEqual(heard().map(kind), [[EXCHANGE.INFORMATIONAL, false, 0xffff_ffff]]);
});
