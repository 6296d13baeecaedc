import { test } from 'node:test';
import assert from 'node:assert/strict';
import { ip, seconds, type Path } from '../../src/base/index.ts';
import { HUB, LTE, on4500, Pair, path, WAN } from '../ike/pair.ts';
import { Prng } from '../sim/prng.ts';
import { picture } from './targets/sa.ts';

const SEED = process.env['SEED'] ?? '20261121';
const COUNT = 100_000;

function mutate(bytes: Uint8Array, random: (n: number) => number): Uint8Array {
  const out = bytes.slice();
  switch (random(6)) {
    case 0: // flip bits
      for (let i = 0; i <= random(4); i++) out[random(out.length)] = (out[random(out.length)] ?? 0) ^ (1 << random(8));
      return out;
    case 1:
      return out.subarray(0, random(out.length + 1));
    case 2: {
      const longer = new Uint8Array(out.length + random(64));
      longer.set(out);
      return longer;
    }
    case 3: // a length field that lies
      if (out.length > 30) out[random(out.length - 2)] = random(256);
      return out;
    case 4: {
      const noise = new Uint8Array(random(200));
      for (let i = 0; i < noise.length; i++) noise[i] = random(256);
      return noise;
    }
    default: { // right header, wrong rest
      for (let i = Math.min(32, out.length); i < out.length; i++) out[i] = random(256);
      return out;
    }
  }
}

const strangers: Path[] = [path('wan'), on4500(path('wan')), { ...on4500(path('lte')), local: { address: LTE, port: 4500 } }];

for (const who of ['router', 'hub'] as const) {
  test(`I2.5-2 I3.14-2 I2.4-2: ${COUNT} forged and mutated datagrams (seed ${SEED}) change nothing at the ${who} and do not throw`, () => {
    const prng = new Prng(SEED);
    const random = (n: number): number => prng.range(0, n - 1);
    const pair = new Pair('fuzz');
    const chain = pair.connect();
    pair.feed(pair.router, { type: 'child.rekey', chain, child: 'lan' });
    pair.runFor(seconds(1));
    pair.feed(pair.router, { type: 'path.probe', chain, path: on4500(path('lte')) });
    pair.runFor(seconds(1));
    const seen = [...pair.router.sent, ...pair.hub.sent].map((s) => (s.path.local.port === 500 ? s.bytes : s.bytes));
    const side = pair[who];
    const before = picture(side);
    const start = { sent: side.sent.length, events: side.events.length };
    pair.drop = () => true; // answers to strangers go nowhere
    for (let i = 0; i < COUNT; i++) {
      const original = seen[random(seen.length)] ?? new Uint8Array();
      const bytes = mutate(original, random);
      // An exact copy is a retransmission, not a forgery.
      if (seen.some((s) => s.length === bytes.length && s.every((o, k) => o === bytes[k]))) continue;
      const from = strangers[random(strangers.length)] ?? path('wan');
      const arrival: Path = who === 'router' ? from : { uplink: 'eth0', ifindex: 9, local: { address: HUB, port: from.local.port }, remote: { address: random(2) === 0 ? WAN : ip('198.51.100.66'), port: from.local.port } };
      pair.deliver(side, arrival, bytes);
    }
    assert.equal(picture(side), before);
    assert.equal(side.events.length, start.events, JSON.stringify(side.events.slice(start.events)));
    // Half-open SAs that forged IKE_SA_INITs made go by themselves.
    pair.runFor(seconds(40));
    assert.ok(pair[who].engine.status().length === 1);
  });
}

test('DOS-1: a flood of IKE_SA_INIT from many addresses leaves a bounded number of half-open SAs, and all of them go', () => {
  const pair = new Pair('flood');
  pair.drop = () => true;
  const other = new Pair('flooder');
  other.drop = () => true;
  other.feed(other.router, { type: 'connection.initiate', connection: 'hq', paths: [path('wan')] });
  const init = other.router.sent[0]?.bytes ?? new Uint8Array();
  let cookies = 0;
  for (let i = 0; i < 20_000; i++) {
    const bytes = init.slice();
    new DataView(bytes.buffer).setUint32(0, i + 1);
    const before = pair.hub.sent.length;
    pair.deliver(pair.hub, { uplink: 'eth0', ifindex: 9, local: { address: HUB, port: 500 }, remote: { address: ip(`198.18.${(i >> 8) & 255}.${i & 255}`), port: 500 } }, bytes);
    const answer = pair.hub.sent[before];
    if (answer?.bytes[16] === 41) cookies++;
  }
  assert.ok(cookies > 19_000, `${cookies} cookies`);
  assert.ok(pair.hub.engine.sizes().sas <= 31, `${pair.hub.engine.sizes().sas} half-open SAs`);
  pair.runFor(seconds(40));
  assert.equal(pair.hub.engine.sizes().sas, 0);
});
