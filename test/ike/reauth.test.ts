// RFC 7296 §2.8.3: a new IKE SA from scratch beside the old one, which is deleted when the new one has all the traffic.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { millis, seconds } from '../../src/base/index.ts';
import { notify } from '../../src/codec/ike/index.ts';
import { EspFlow } from './esp-flow.ts';
import { LTE, on4500, Pair, path } from './pair.ts';
import { atRest, bookkeeping, two } from './rest.ts';
import { ScriptedPeer } from './scripted-peer.ts';

const CALM = { childLifetime: seconds(3600), ikeLifetime: seconds(14_400), liveness: seconds(200) };

function pairWith(reauth: number, seed = 'reauth'): { pair: Pair; flow: EspFlow; chain: number } {
  const pair = new Pair(seed, { ...two('initiator'), ...CALM, reauth: seconds(reauth) }, { ...two('responder'), ...CALM });
  const chain = pair.connect();
  pair.runFor(seconds(6));
  return { pair, flow: new EspFlow(pair, 20), chain };
}

test('I2.8.3-1: make before break: every child goes over, no packet meets an unknown SPI, then one Delete; no INITIAL_CONTACT; again and again', () => {
  for (const latency of [1, 10, 120]) {
    const { pair, flow, chain } = pairWith(100, `reauth ${latency}`);
    pair.latency = millis(latency);
    flow.latency = () => latency;
    flow.run(seconds(330));
    for (const side of [pair.router, pair.hub]) bookkeeping(side);
    assert.deepEqual(flow.undeliverable, []);
    const times = pair.router.of('ike.established').length;
    assert.ok(times >= 4 && times <= 5, `${times} times`);
    assert.equal(pair.router.of('ike.established')[1]?.replaces, chain);
    assert.deepEqual(new Set(pair.router.of('ike.closed').map((e) => e.reason)), new Set(['replaced']));
    assert.deepEqual(new Set(pair.hub.of('ike.closed').map((e) => `${e.reason} ${e.detail}`)), new Set(['replaced ']), 'not by INITIAL_CONTACT');
    flow.run(seconds(10));
    assert.deepEqual(pair.router.engine.status()[0]?.children.map((c) => c.name).sort(), ['lan', 'voice']);
    assert.equal(pair.router.engine.status().length, 1);
    atRest(pair);
  }
});

test('I2.8.3-1: rekeying the IKE SA proves nothing: the time of the next proof stays, at either end of a rekeying', () => {
  const { pair, flow, chain } = pairWith(100);
  for (const side of [pair.router, pair.hub, pair.router]) {
    pair.feed(side, { type: 'ike.rekey', chain: side === pair.router ? chain : pair.hubChain() });
    flow.run(seconds(20));
  }
  assert.equal(pair.router.of('ike.established').length, 1);
  flow.run(seconds(30));
  assert.equal(pair.router.of('ike.established').length, 2);
  assert.deepEqual(flow.undeliverable, []);
  assert.equal(pair.router.engine.status().length, 1);
});

test('I2.8.3-1: while nobody answers a new IKE SA the old one goes on; it is tried again after a minute, then ever more seldom', () => {
  const { pair, flow } = pairWith(100);
  const tries: number[] = [];
  pair.drop = (from, _path, bytes) => {
    const isInit = bytes[22] === 34 || bytes[18] === 34;
    if (isInit && from === 'router' && (tries.length === 0 || pair.now - (tries.at(-1) ?? 0) > 31_000)) tries.push(pair.now);
    return isInit;
  };
  flow.run(seconds(420));
  assert.equal(pair.router.of('ike.closed').length, 0);
  assert.equal(pair.router.of('ike.established').length, 1);
  assert.ok(tries.length >= 3, tries.join());
  const gaps = tries.slice(1).map((t, i) => t - (tries[i] ?? 0));
  assert.ok((gaps[0] ?? 0) >= 59_000 && (gaps[1] ?? 0) > 1.5 * (gaps[0] ?? 0), gaps.join());
  assert.deepEqual(flow.undeliverable, []);
  pair.drop = () => false;
  flow.run(seconds(400));
  assert.ok(pair.router.of('ike.closed').length >= 1);
  assert.deepEqual(flow.undeliverable, []);
  assert.equal(pair.router.engine.status().length, 1);
  atRest(pair);
});

test('I2.8.3-1 X-1: the uplink changes while the new IKE SA is set up: the old one moves, and the proof succeeds later', () => {
  const { pair, flow, chain } = pairWith(100);
  let dead = false;
  pair.drop = (_from, p, bytes) => {
    if (!dead && (bytes[22] === 35 || bytes[18] === 34 || bytes[22] === 34)) dead = true;
    return dead && (p.uplink === 'wan' || (p.uplink === 'eth0' && p.remote.address !== LTE));
  };
  for (let i = 0; i < 1200 && !dead; i++) flow.run(millis(100));
  assert.ok(dead);
  pair.feed(pair.router, { type: 'path.move', chain, path: on4500(path('lte')), reasons: ['test'], since: pair.now });
  flow.run(seconds(115));
  assert.equal(pair.router.of('ike.established').length, 2);
  assert.equal(pair.router.engine.status().length, 1);
  assert.equal(pair.router.engine.status()[0]?.path.uplink, 'lte');
  atRest(pair);
});

test('I4-1: NO_ADDITIONAL_SAS to a rekeying of the IKE SA: a new one is set up beside it', () => {
  const peer = new ScriptedPeer('router');
  peer.accept();
  peer.hear();
  peer.pair.feed(peer.side, { type: 'ike.rekey', chain: peer.chain });
  const request = peer.hearOne();
  peer.reply(request, [notify('NO_ADDITIONAL_SAS')]);
  const inits = peer.hear().filter((h) => h.header.exchange === 34);
  assert.equal(inits.length, 1);
  assert.equal(inits[0]?.header.spiR, 0n);
  assert.deepEqual(peer.closed, [], 'the old one goes on meanwhile');
});
