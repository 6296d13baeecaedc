// Whole lives of IKE SAs: each begins and ends once in what is told, and nothing is kept of what is gone, whatever befalls it.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { millis, seconds } from '../../src/base/index.ts';
import { connection, LTE, on4500, Pair, path, WAN, type Side } from './pair.ts';
import { atRest, bookkeeping, two } from './rest.ts';

test('I2.25-1 I2.25-2: both sides rekey the same child, or the IKE SA, at the same moment, again and again: both give way and both recover', () => {
  const pair = new Pair('both', connection('initiator'), connection('responder'));
  const chain = pair.connect();
  for (let i = 0; i < 10; i++) {
    for (const side of [pair.router, pair.hub]) pair.feed(side, { type: 'child.rekey', chain: side === pair.router ? chain : pair.hubChain(), child: 'lan' });
    pair.runFor(seconds(30));
    atRest(pair);
    for (const side of [pair.router, pair.hub]) pair.feed(side, { type: 'ike.rekey', chain: side === pair.router ? chain : pair.hubChain() });
    pair.runFor(seconds(30));
    atRest(pair);
    pair.feed(pair.router, { type: 'child.rekey', chain, child: 'lan' });
    pair.feed(pair.hub, { type: 'ike.rekey', chain: pair.hubChain() });
    pair.runFor(seconds(30));
    atRest(pair);
  }
  assert.ok(pair.router.of('child.rekeyed').length >= 10 && pair.router.of('ike.rekeyed').length >= 10);
  assert.equal(pair.router.of('ike.closed').length + pair.hub.of('ike.closed').length, 0);
});

for (const who of ['router', 'hub'] as const) {
  test(`I1.4.1-1 I2.4-6: every Delete of the ${who} is lost three times: the pairs still end as one`, () => {
    const pair = new Pair('lost-delete', two('initiator'), two('responder'));
    const chain = pair.connect();
    const seen = new Map<string, number>();
    pair.drop = (from, _path, bytes) => {
      if (from !== who || bytes[22] !== 37) return false;
      const key = bytes.join();
      seen.set(key, (seen.get(key) ?? 0) + 1);
      return (seen.get(key) ?? 0) <= 3;
    };
    const side = pair[who];
    const ours = who === 'router' ? chain : pair.hubChain();
    pair.feed(side, { type: 'child.rekey', chain: ours, child: 'lan' });
    pair.runFor(seconds(10));
    atRest(pair);
    pair.feed(side, { type: 'ike.rekey', chain: ours });
    pair.runFor(seconds(10));
    atRest(pair);
    pair.feed(side, { type: 'chain.close', chain: ours, reason: 'requested' });
    pair.runFor(seconds(12));
    atRest(pair);
    assert.deepEqual([pair.router.sas.size, pair.hub.sas.size, pair.router.engine.deadline, pair.hub.engine.deadline], [0, 0, undefined, undefined]);
  });
}

test('I2.4-1 D6.2-5: a Delete that is never heard: the sender forgets after ten seconds, the peer after its hold time', () => {
  const pair = new Pair('deaf');
  const chain = pair.connect();
  pair.drop = () => true;
  pair.feed(pair.router, { type: 'chain.close', chain, reason: 'requested' });
  pair.runFor(seconds(11));
  assert.deepEqual(pair.router.engine.sizes(), { sas: 0, chains: 0, childSpis: 0 });
  pair.runFor(seconds(460));
  assert.deepEqual(pair.hub.of('ike.closed').map((e) => e.reason), ['peer_dead']);
  assert.deepEqual(pair.hub.engine.sizes(), { sas: 0, chains: 0, childSpis: 0 });
});

test('an initiate ends in one ike.established or one ike.failed, whatever paths it has', () => {
  for (const dead of [[], ['wan'], ['lte'], ['wan', 'lte']]) {
    const pair = new Pair(`attempts ${dead.join()}`);
    pair.drop = (_from, p) => dead.includes(p.uplink) || (dead.includes('wan') && p.remote.address === WAN) || (dead.includes('lte') && p.remote.address === LTE);
    pair.feed(pair.router, { type: 'connection.initiate', connection: 'hq', paths: [path('wan'), path('lte')] });
    pair.feed(pair.router, { type: 'connection.initiate', connection: 'hq', paths: [path('wan')] });
    pair.runFor(seconds(70));
    assert.deepEqual([pair.router.of('ike.established').length, pair.router.of('ike.failed').length], dead.length === 2 ? [0, 1] : [1, 0]);
    assert.equal(pair.router.engine.isConnecting('hq'), false);
    atRest(pair);
  }
});

test('the same, when IKE_AUTH is never answered, and when the hub forgets between the two exchanges', () => {
  const pair = new Pair('no-auth');
  pair.drop = (_from, _path, bytes) => bytes[22] === 35;
  pair.feed(pair.router, { type: 'connection.initiate', connection: 'hq', paths: [path('wan'), path('lte')] });
  pair.runFor(seconds(65));
  assert.deepEqual(pair.router.events.filter((e) => e.type !== 'path.answered').map((e) => e.type), ['ike.failed']);
  assert.deepEqual([pair.router.engine.sizes(), pair.hub.engine.sizes()], [{ sas: 0, chains: 0, childSpis: 0 }, { sas: 0, chains: 0, childSpis: 0 }]);
});

test('child.want: a child that is not wanted goes at both ends and comes back when it is wanted, once', () => {
  const pair = new Pair('want', two('initiator'), two('responder'));
  const chain = pair.connect();
  pair.runFor(seconds(1));
  for (let i = 0; i < 3; i++) {
    pair.feed(pair.router, { type: 'child.want', chain, child: 'voice', up: false });
    pair.runFor(seconds(1));
    assert.deepEqual(pair.hub.engine.status()[0]?.children.map((c) => c.name), ['lan']);
    for (let k = 0; k < 3; k++) pair.feed(pair.router, { type: 'child.want', chain, child: 'voice', up: true });
    pair.runFor(seconds(1));
    for (const side of [pair.router, pair.hub]) assert.deepEqual(side.engine.status()[0]?.children.map((c) => c.name).sort(), ['lan', 'voice']);
    atRest(pair);
  }
});

// ---- anything, in any order ------------------------------------------------------------------------------------------

/** Numbers in [0, n). */
function generator(seed: number): (n: number) => number {
  let state = seed >>> 0;
  return (n) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % n;
  };
}

function play(seed: number): void {
  const random = generator(seed);
  const pair = new Pair(`life ${seed}`, two('initiator'), two('responder'));
  pair.latency = millis(1 + random(80));
  let loss = 0;
  let dead = '';
  let port = 40_000;
  const natted = random(2) === 0;
  if (natted) pair.nat = (local, p) => ({ address: p.uplink === 'wan' ? WAN : LTE, port: port + (local.port % 100) + (p.uplink === 'wan' ? 0 : 500) });
  pair.drop = (_from, p) => random(100) < loss || (dead !== '' && (p.uplink === dead || p.remote.address === (dead === 'wan' ? WAN : LTE)));
  const connect = (): void => pair.feed(pair.router, { type: 'connection.initiate', connection: 'hq', paths: random(2) === 0 ? [path('wan'), path('lte')] : [path('lte'), path('wan')] });
  const chainOf = (side: Side): number => side.engine.status().filter((s) => s.state === 'established').at(-1)?.chain ?? -1;
  const any = (): Side => (random(2) === 0 ? pair.router : pair.hub);
  const acts: (() => void)[] = [
    connect,
    () => (loss = random(40)),
    () => (loss = 0),
    () => (dead = random(2) === 0 ? 'wan' : 'lte'),
    () => (dead = ''),
    () => {
      port += 7;
      pair.forgetMappings();
    },
    () => pair.feed(pair.router, { type: 'path.move', chain: chainOf(pair.router), path: on4500(path(random(2) === 0 ? 'wan' : 'lte')), reasons: ['test'], since: pair.now }),
    () => pair.feed(pair.router, { type: 'path.probe', chain: chainOf(pair.router), path: on4500(path(random(2) === 0 ? 'wan' : 'lte')) }),
    () => pair.feed(pair.router, { type: 'path.race', chain: chainOf(pair.router), paths: [on4500(path('wan')), on4500(path('lte'))] }),
    () => pair.feed(any(), { type: 'liveness.check', chain: 1 }),
    () => {
      const side = any();
      pair.feed(side, { type: 'child.rekey', chain: chainOf(side), child: random(2) === 0 ? 'lan' : 'voice' });
    },
    () => {
      const side = any();
      pair.feed(side, { type: 'ike.rekey', chain: chainOf(side) });
    },
    () => pair.feed(pair.router, { type: 'child.want', chain: chainOf(pair.router), child: 'voice', up: random(2) === 0 }),
    () => {
      if (random(4) > 0) return;
      const side = any();
      pair.feed(side, { type: 'chain.close', chain: chainOf(side), reason: 'requested' });
    },
    () => {
      if (random(8) === 0) pair.feed(any(), { type: 'connection.terminate', connection: random(2) === 0 ? 'hq' : 'branches' });
    },
    () => {
      const side = any();
      for (const sa of side.sas.values()) if (sa.direction === 'in' && random(2) === 0) pair.feed(side, { type: 'child.used', handle: sa.handle });
    },
  ];
  connect();
  for (let i = 0; i < 40; i++) {
    pair.runFor(millis(random(3) === 0 ? random(20_000) : random(150)));
    acts[random(acts.length)]?.();
    bookkeeping(pair.router);
    bookkeeping(pair.hub);
  }
  loss = 0;
  dead = '';
  // What one side has lost the other gives up in its own time: liveness and hold time, then all begins anew.
  pair.runFor(seconds(345));
  pair.feed(pair.router, { type: 'connection.terminate', connection: 'hq' });
  pair.runFor(seconds(40));
  pair.feed(pair.hub, { type: 'connection.terminate', connection: 'branches' });
  pair.runFor(seconds(15));
  atRest(pair);
  assert.deepEqual([pair.router.engine.sizes(), pair.hub.engine.sizes()], [{ sas: 0, chains: 0, childSpis: 0 }, { sas: 0, chains: 0, childSpis: 0 }]);
  connect();
  pair.runFor(seconds(3));
  assert.equal(pair.router.engine.status().length, 1, 'comes up again');
  atRest(pair);
}

const SEEDS = process.env['SEEDS'] ?? '1-60';
test(`I2.12-1: random lives, seeds ${SEEDS}: begun and ended once, nothing left over, every key wiped`, () => {
  const [from = 1, to = from] = SEEDS.split('-').map(Number);
  for (let seed = from; seed <= to; seed++) {
    try {
      play(seed);
    } catch (error) {
      throw new Error(`SEEDS=${seed}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  }
});
