// 100,000 random and mutated datagrams of each protocol: no exception, bounded work, a view of the kernel that does not grow, and what was believed can be said again.
import test from 'node:test';
import assert from 'node:assert/strict';
import type { AddressFact, LinkFact, RouteFact } from '../../src/base/index.ts';
import {
  decodeAddress, decodeControl, decodeLink, decodeMessages, decodeRoutes, encodeRoute, encodeXfrmSa, encodeXfrmPolicy, decodeXfrmPolicy, decodeXfrmSa, MOST_REPLAY_WINDOW, MOST_TEMPLATES, XFRM_MSG,
} from '../../src/codec/netlink/index.ts';
import { KernelView, MOST_FACTS, planRoutes, wantedRoutes } from '../../src/kernel/index.ts';
import { goldens } from '../codec/netlink/golden.ts';
import { decodeXfrm, xfrmGoldens } from '../codec/netlink/xfrm-golden.ts';
import { Prng } from '../sim/prng.ts';

const SEED = process.env['SEED'] ?? 'netlink 1';
const ROUNDS = 100_000;

function mutate(prng: Prng, seed: Uint8Array): Uint8Array {
  const out = seed.slice(0, prng.chance(0.2) ? prng.range(0, seed.length) : seed.length);
  for (let i = prng.range(1, 8); i > 0 && out.length > 0; i--) {
    // Lengths and types sit in the first octets of headers and attributes: hit the front more often.
    const at = prng.chance(0.5) ? prng.range(0, Math.min(63, out.length - 1)) : prng.range(0, out.length - 1);
    out[at] = prng.chance(0.3) ? prng.pick([0, 1, 4, 0x7f, 0x80, 0xff]) : prng.range(0, 255);
  }
  return out;
}

test(`netlink decoders are total for any octets (seed ${SEED})`, () => {
  const prng = new Prng(SEED);
  const corpus = goldens().flatMap((golden) => golden.datagrams);
  const view = new KernelView();
  let facts = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const bytes = prng.chance(0.3) ? prng.bytes(prng.range(0, 200)) : mutate(prng, prng.pick(corpus));
    const littleEndian = prng.chance(0.8);
    const messages = decodeMessages(bytes, littleEndian);
    assert.ok(messages.length <= bytes.length / 16);
    // Payloads are tried with every decoder, whatever their type says.
    for (const message of [...messages, { type: prng.range(0, 30), flags: 0, sequence: 0, port: 0, payload: bytes.subarray(Math.min(16, bytes.length)) }]) {
      decodeControl(message, littleEndian);
      const link: LinkFact | undefined = decodeLink(message.payload, littleEndian);
      const address: AddressFact | undefined = decodeAddress(message.payload, littleEndian);
      const routes: RouteFact[] = decodeRoutes(message.payload, littleEndian);
      assert.ok(routes.length <= 256);
      if (link) view.handle({ type: 'kernel.link', change: 'set', link });
      if (address) view.handle({ type: 'kernel.address', change: 'set', address });
      for (const route of routes) {
        view.handle({ type: 'kernel.route', change: 'set', route });
        // Whatever was believed can be planned with and encoded.
        if (route.protocol === 77 && facts % 50 === 0) for (const op of planRoutes([], view).slice(0, 3)) if (op.op === 'route.delete') encodeRoute('delete', { destination: op.route.destination, ifindex: undefined, metric: op.route.metric, prefSrc: op.route.prefSrc }, 1, littleEndian);
        facts++;
      }
    }
  }
  assert.ok(facts > 1000, 'the mutations still reach the decoders');
  assert.ok(view.links().length <= MOST_FACTS && view.addresses().length <= MOST_FACTS && view.routes().length <= MOST_FACTS);
  wantedRoutes({ children: [], tunIfindex: 1, addresses: view.addresses(), exceptions: [] });
});

test(`XFRM decoders are total for any octets, and a policy or SA that is believed can be asked for again (seed ${SEED})`, () => {
  const prng = new Prng(`xfrm ${SEED}`);
  const corpus = xfrmGoldens().flatMap((golden) => golden.datagrams).filter((bytes) => bytes.length <= 2000);
  const types = Object.values(XFRM_MSG);
  let [sas, policies] = [0, 0];
  for (let round = 0; round < ROUNDS; round++) {
    const bytes = prng.chance(0.1) ? prng.bytes(prng.range(0, 400)) : mutate(prng, prng.pick(corpus));
    const littleEndian = prng.chance(0.8);
    const [message] = decodeMessages(bytes, littleEndian);
    const payload = message?.payload ?? bytes.subarray(Math.min(16, bytes.length));
    decodeXfrm({ type: message?.type ?? 0, flags: 0, sequence: 0, port: 0, payload }, littleEndian);
    decodeXfrm({ type: prng.pick(types), flags: 0, sequence: 0, port: 0, payload }, littleEndian);
    const sa = decodeXfrmSa(payload, littleEndian);
    const { algorithm } = sa ?? {};
    const keys = algorithm?.kind === 'aead' ? [algorithm.key] : [algorithm?.encryption.key, algorithm?.integrity.key];
    if (sa && algorithm && keys.every((key) => key !== undefined)) {
      const again = decodeMessages(encodeXfrmSa('add', { ...sa, algorithm: algorithm as Parameters<typeof encodeXfrmSa>[1]['algorithm'] }, 1, littleEndian), littleEndian)[0]?.payload ?? assert.fail();
      const { counters: _counters, drops: _drops, lastUsed: _lastUsed, direction: _direction, replay, replayWindow, ...rest } = sa;
      const { counters: _c, drops: _d, replay: _replay, replayWindow: _window, ...same } = decodeXfrmSa(again, littleEndian) ?? assert.fail();
      assert.deepEqual(same, rest);
      assert.ok(replayWindow <= MOST_REPLAY_WINDOW && (replay?.bitmap?.length ?? 0) <= MOST_REPLAY_WINDOW / 32);
      sas++;
    }
    const policy = decodeXfrmPolicy(payload, littleEndian);
    if (policy) {
      const again = decodeMessages(encodeXfrmPolicy('add', policy, 1, littleEndian), littleEndian)[0]?.payload ?? assert.fail();
      const { index: _index, counters: _counters, ...rest } = policy;
      const { index: _i, counters: _c, ...same } = decodeXfrmPolicy(again, littleEndian) ?? assert.fail();
      assert.deepEqual(same, rest);
      assert.ok(policy.templates.length <= MOST_TEMPLATES);
      policies++;
    }
  }
  assert.ok(sas > 1000 && policies > 1000, 'the mutations still reach the decoders');
});
