// An authenticated peer that has gone mad: sealed messages whose contents are random or mutated. Whatever it says, nothing throws,
// nothing grows, and what is told stays paired. `SEED=n` plays another run.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { encodePayloads, type ExchangeName, type Payload } from '../../src/codec/ike/index.ts';
import { on4500, path } from '../ike/pair.ts';
import { deleteEsp, espOffer, HUB_NET, ikeOffer, notify, rawNotify, rekeySa, ROUTER_NET, ScriptedPeer, spi8 } from '../ike/scripted-peer.ts';
import { Prng } from '../sim/prng.ts';

const SEED = process.env['SEED'] ?? '20261122';
/** Each life ends at the first malformed message and costs a set-up; the parsers alone are fuzzed with ten times as many. */
const COUNT = 10_000;

const nonce: Payload = { type: 'NONCE', data: new Uint8Array(32).fill(1) };
const TS: readonly Payload[] = [{ type: 'TSi', selectors: [ROUTER_NET] }, { type: 'TSr', selectors: [HUB_NET] }];

for (const against of ['hub', 'router'] as const) {
  test(`I2.21.3-1 I3.1-1 M4-1: ${COUNT} sealed messages of a mad peer to the ${against} (seed ${SEED}): no throw, no growth`, () => {
    const prng = new Prng(SEED);
    const random = (n: number): number => prng.range(0, n - 1);
    let peer = new ScriptedPeer(against);
    let lives = 0;
    const begin = (): void => {
      lives++;
      peer = new ScriptedPeer(against);
      if (against === 'hub') peer.connect();
      else peer.accept();
      peer.nextId = against === 'hub' ? 2 : 0;
    };
    const sane = (): readonly Payload[] => {
      const ke: Payload = { type: 'KE', group: 31, data: peer.dh.publicValue };
      const kinds: readonly (readonly Payload[])[] = [
        [], [deleteEsp(0x1000, 0x2000)], [notify('UPDATE_SA_ADDRESSES'), ...peer.natPayloads(peer.spiI, peer.spiR), rawNotify(16_401, new Uint8Array(16))],
        [{ type: 'SA', proposals: espOffer(0x1000 + random(9)) }, nonce, ...TS], [rekeySa(0x1000 + random(9)), { type: 'SA', proposals: espOffer(0x1000 + random(9), 31) }, nonce, ke, ...TS],
        [{ type: 'SA', proposals: ikeOffer(31).map((p) => ({ ...p, spi: spi8(BigInt(1 + random(9))) })) }, nonce, ke], [...peer.authPayloads(), ...peer.childPayloads()],
        [rawNotify(random(50)), rawNotify(16_384 + random(60), new Uint8Array(random(40)))], [{ type: 'CP', cfgType: random(5), attributes: [{ type: 1, value: new Uint8Array(4) }] }, { type: 'V', data: new Uint8Array(random(30)) }],
      ];
      return kinds[random(kinds.length)] ?? [];
    };
    const plaintext = (): { first: number; bytes: Uint8Array } => {
      const { first, bytes } = encodePayloads(sane());
      const out = bytes.slice();
      switch (random(5)) {
        case 0:
          return { first, bytes: out };
        case 1:
          for (let i = 0; i <= random(3); i++) if (out.length > 0) out[random(out.length)] = random(256);
          return { first, bytes: out };
        case 2:
          return { first, bytes: out.subarray(0, random(out.length + 1)) };
        case 3:
          return { first: 33 + random(16), bytes: out };
        default:
          return { first: random(256), bytes: out.map(() => random(256)) };
      }
    };
    begin();
    const exchanges: readonly ExchangeName[] = ['INFORMATIONAL', 'INFORMATIONAL', 'CREATE_CHILD_SA', 'CREATE_CHILD_SA', 'IKE_AUTH'];
    const acts = [
      () => peer.pair.feed(peer.side, { type: 'liveness.check', chain: peer.chain }), () => peer.pair.feed(peer.side, { type: 'child.rekey', chain: peer.chain, child: 'lan' }),
      () => peer.pair.feed(peer.side, { type: 'ike.rekey', chain: peer.chain }), () => peer.pair.feed(peer.side, { type: 'path.move', chain: peer.chain, path: on4500(path(random(2) === 0 ? 'wan' : 'lte')), reasons: [], since: peer.pair.now }),
    ];
    for (let i = 0; i < COUNT; i++) {
      const exchange = random(40) === 0 ? 'IKE_AUTH' : (exchanges[random(4)] ?? 'INFORMATIONAL');
      if (random(3) === 0) {
        acts[random(acts.length)]?.();
        for (const request of peer.hear()) if (!request.header.isResponse && request.sealed && random(2) === 0) peer.reply(request, [], { plaintext: plaintext() });
      } else peer.deliver(peer.seal(exchange, false, peer.nextId, [], { plaintext: plaintext(), ...(random(50) === 0 ? { before: [{ type: 'unknown', code: 200, critical: true }] } : {}) }));
      const heard = peer.hear();
      if (heard.some((h) => h.header.isResponse && h.header.messageId === peer.nextId)) peer.nextId++;
      if (random(20) === 0) peer.wait(random(3000));
      const { sas, chains, childSpis } = peer.side.engine.sizes();
      assert.ok(sas <= 2 && chains <= 1 && childSpis <= 40, `${sas} IKE SAs, ${chains} chains, ${childSpis} SPIs`);
      // The old SA is closed or rekeyed (to keys that this peer does not follow): it begins anew, as does one that stays too long.
      if (peer.closed.length === 0 && sas === 1 && i % 500 > 0) continue;
      assert.ok(peer.closed.length <= 1);
      begin();
    }
    assert.ok(lives > COUNT / 2000, `${lives} lives`);
  });
}
