// Lifetimes of Child SAs by packets, octets and sequence numbers, on either side of each limit.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { millis, seconds } from '../../src/base/index.ts';
import type { ChildInstall } from '../../src/ike/index.ts';
import { connection, ESP_SUITE, Pair, type Side } from './pair.ts';
import { EspFlow } from './esp-flow.ts';
import { atRest } from './rest.ts';

type Change = Partial<ReturnType<typeof connection>>;

function pairWith(seed: string, change: Change, hub: Change = change): { pair: Pair; flow: EspFlow } {
  const pair = new Pair(seed, connection('initiator', change), connection('responder', hub));
  pair.connect();
  const flow = new EspFlow(pair);
  flow.run(millis(50));
  return { pair, flow };
}

const noEsn: Change['children'] = connection('initiator').children.map((c) => ({ ...c, espProposals: [{ ...ESP_SUITE, esn: [0] }] }));
const noEsnHub: Change['children'] = connection('responder').children.map((c) => ({ ...c, espProposals: [{ ...ESP_SUITE, esn: [0] }] }));

function report(pair: Pair, side: Side, direction: ChildInstall['direction'], volume: { packets?: number; bytes?: number; sequence?: number }): void {
  const sa = [...side.sas.values()].find((s) => s.direction === direction);
  assert.ok(sa);
  pair.feed(side, { type: 'volumes', sas: [{ handle: sa.handle, packets: 0, bytes: 0, sequence: 0, ...volume }, { handle: 999_999, packets: 1e12, bytes: 1e15, sequence: 1e12 }] });
}

const CASES: readonly (readonly [string, Change, Change, (share: number) => { packets?: number; bytes?: number; sequence?: number }])[] = [
  ['packets', { childPackets: 10_000 }, { childPackets: 10_000 }, (s) => ({ packets: 10_000 * s })],
  ['octets', { childOctets: 1_000_000 }, { childOctets: 1_000_000 }, (s) => ({ bytes: 1_000_000 * s })],
  ['sequence numbers without ESN', noEsn ? { children: noEsn } : {}, noEsnHub ? { children: noEsnHub } : {}, (s) => ({ sequence: 2 ** 32 * s })],
];

for (const [what, router, hub, volume] of CASES) {
  test(`I2.8-2 ES3.3-1: by ${what}: the router rekeys between 80 and 90 %, the hub only beyond 90 %, and nothing is lost`, () => {
    for (const direction of ['in', 'out'] as const) {
      for (let i = 0; i < 8; i++) {
        const { pair, flow } = pairWith(`volume ${what} ${direction} ${i}`, router, hub);
        report(pair, pair.router, direction, volume(0.79));
        report(pair, pair.hub, direction, volume(0.895));
        flow.run(seconds(1));
        assert.equal(pair.router.of('child.rekeyed').length, 0, 'not yet');
        report(pair, pair.router, direction, volume(0.905));
        flow.run(seconds(1));
        assert.equal(pair.router.of('child.rekeyed').length, 1);
        report(pair, pair.hub, direction, volume(0.955));
        flow.run(seconds(1));
        assert.equal(pair.hub.of('child.rekeyed').length, 2, 'the hub by itself');
        assert.deepEqual(flow.undeliverable, []);
        atRest(pair);
      }
    }
  });

  test(`I2.8-4 ES3.3-1: by ${what}: what could not be rekeyed is not used beyond its limit; the router makes a new one`, () => {
    const { pair } = pairWith(`hard ${what}`, router, hub);
    const before = [...pair.router.sas.keys()];
    let refuse = true;
    pair.drop = (_from, _path, bytes) => refuse && bytes[22] === 36;
    report(pair, pair.router, 'out', volume(0.95));
    pair.runFor(seconds(1));
    assert.deepEqual([...pair.router.sas.keys()], before);
    report(pair, pair.router, 'out', volume(1));
    pair.runFor(millis(1));
    assert.equal(pair.router.sas.size, 0, 'not one packet more');
    assert.deepEqual(pair.router.of('child.closed').map((e) => e.reason), ['lifetime_expired']);
    refuse = false;
    pair.runFor(seconds(20));
    assert.equal(pair.router.sas.size, 2);
    atRest(pair);
  });
}

test('ES3.3-1: with ESN sequence numbers have no limit but the configured one', () => {
  const { pair } = pairWith('esn', {}, {});
  report(pair, pair.router, 'out', { sequence: 2 ** 40, packets: 2 ** 40 });
  pair.runFor(seconds(1));
  assert.equal(pair.router.of('child.rekeyed').length, 0);
  assert.equal(pair.router.sas.size, 2);
});

test('I2.8-2: by time: the router rekeys first although both have the same lifetime, never twice at the same moment', () => {
  const times = new Set<number>();
  for (let i = 0; i < 20; i++) {
    const { pair } = pairWith(`time ${i}`, { childLifetime: seconds(1000) });
    const [router] = pair.router.engine.status();
    const [hub] = pair.hub.engine.status();
    const [ours, theirs] = [router?.children[0]?.rekeyAt ?? 0, hub?.children[0]?.rekeyAt ?? 0];
    assert.ok(ours < theirs, `${ours} ${theirs}`);
    assert.ok(ours >= 800_000 && theirs <= 953_000);
    times.add(ours);
    assert.ok((router?.rekeyAt ?? 0) < (hub?.rekeyAt ?? 0), 'the IKE SA as well');
  }
  assert.equal(times.size, 20);
});

test('ES3-4: what the connection lets the outer header show goes with every outbound SA, that of a rekeying too, and with no inbound one', () => {
  for (const [change, shown] of [[{}, { copyDscp: false, copyDf: false }], [{ df: 'clear', copyDscp: true }, { copyDscp: true, copyDf: false }], [{ df: 'copy' }, { copyDscp: false, copyDf: true }]] as const) {
    const { pair } = pairWith(`outer header ${JSON.stringify(change)}`, { ...change, childPackets: 10_000 });
    for (let generation = 0; generation < 2; generation++) {
      for (const side of [pair.router, pair.hub]) {
        for (const { direction, copyDscp, copyDf } of side.sas.values()) assert.deepEqual({ copyDscp, copyDf }, direction === 'out' ? shown : { copyDscp: undefined, copyDf: undefined });
      }
      const made = new Set(pair.router.sas.keys());
      const sa = [...pair.router.sas.values()].find((s) => s.direction === 'out');
      pair.feed(pair.router, { type: 'volumes', sas: [{ handle: sa?.handle ?? 0, packets: 9500, bytes: 0, sequence: 9500 }] });
      pair.runFor(millis(100));
      assert.ok(generation === 1 || [...pair.router.sas.keys()].some((handle) => !made.has(handle)), 'rekeyed');
    }
  }
});
