// RFC 7296 §2.25: what one side does meets what the other does, at every distance in time, with messages lost. Whatever happens first, both ends agree.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { millis, seconds } from '../../src/base/index.ts';
import { EspFlow } from './esp-flow.ts';
import { Pair, type Side } from './pair.ts';
import { portion } from '../tools/thorough.ts';
import { atRest, bookkeeping, two } from './rest.ts';

type Act = 'rekey lan' | 'rekey voice' | 'rekey ike' | 'drop voice' | 'make voice' | 'close';
const ACTS: readonly Act[] = ['rekey lan', 'rekey voice', 'rekey ike', 'drop voice', 'make voice', 'close'];
/** Milliseconds from the router's act to the hub's; a message takes 10. */
const GAPS = [-25, -10, -4, 4, 10, 25];
/** Which copies are lost: none, or the first of a kind of message from one side. */
const LOSSES = ['', 'router request', 'router response', 'hub request', 'hub response'] as const;

const CASES = ACTS.flatMap((theirs) => GAPS.flatMap((gap) => LOSSES.map((loss) => [theirs, gap, loss] as const)));

const names = (side: Side): string[] => side.engine.status().flatMap((s) => s.children.map((c) => c.name)).sort();

function meet(ours: Act, theirs: Act, gap: number, loss: (typeof LOSSES)[number]): void {
  const calm = { childLifetime: seconds(3600), ikeLifetime: seconds(14_400), liveness: seconds(20) };
  const pair = new Pair(`${ours} ${theirs}`, { ...two('initiator'), ...calm }, { ...two('responder'), ...calm });
  const chain = pair.connect();
  const hubChain = pair.hubChain();
  if (ours === 'make voice' || theirs === 'make voice') {
    pair.feed(pair.router, { type: 'child.want', chain, child: 'voice', up: false });
    pair.runFor(seconds(1));
  }
  const flow = new EspFlow(pair);
  flow.run(millis(100));
  let lost = 0;
  pair.drop = (from, _path, bytes) => {
    const isResponse = ((bytes[23] ?? 0) & 0x20) !== 0;
    if (loss !== `${from} ${isResponse ? 'response' : 'request'}` || lost > 0 || (bytes[22] ?? 0) < 36) return false;
    lost++;
    return true;
  };
  const act = (side: Side, what: Act): void => {
    const own = side === pair.router ? chain : hubChain;
    if (what === 'rekey ike') pair.feed(side, { type: 'ike.rekey', chain: own });
    else if (what === 'close') pair.feed(side, { type: 'chain.close', chain: own, reason: 'requested' });
    else if (what === 'rekey lan' || what === 'rekey voice') pair.feed(side, { type: 'child.rekey', chain: own, child: what.slice(6) });
    else pair.feed(side, { type: 'child.want', chain: own, child: 'voice', up: what === 'make voice' });
  };
  const [first, second] = gap < 0 ? [() => act(pair.hub, theirs), () => act(pair.router, ours)] : [() => act(pair.router, ours), () => act(pair.hub, theirs)];
  first();
  flow.run(millis(Math.abs(gap)));
  second();
  // Requests put off are asked again within 15 s, and what nobody deletes is forgotten after a minute.
  flow.run(seconds(15));
  pair.runFor(seconds(70));
  for (const side of [pair.router, pair.hub]) bookkeeping(side);
  const isClosed = ours === 'close' || theirs === 'close';
  if (isClosed) {
    assert.deepEqual([pair.router.engine.sizes(), pair.hub.engine.sizes()], [{ sas: 0, chains: 0, childSpis: 0 }, { sas: 0, chains: 0, childSpis: 0 }]);
    atRest(pair);
    return;
  }
  assert.equal(pair.router.of('ike.closed').length + pair.hub.of('ike.closed').length, 0, 'the tunnel stays');
  atRest(pair);
  assert.deepEqual(names(pair.router), names(pair.hub));
  const [router] = pair.router.engine.status();
  const [hub] = pair.hub.engine.status();
  assert.deepEqual([router?.spiI, router?.spiR], [hub?.spiI, hub?.spiR]);
  assert.ok(names(pair.router).includes('lan'));
  assert.ok(names(pair.router).filter((n) => n === 'lan').length === 1, 'one of each');
  // What the router's user took down stays down; what the hub took down the router makes again (I1.4.1-1).
  if (ours === 'drop voice' && theirs !== 'make voice') assert.deepEqual(names(pair.router), ['lan']);
  else if (ours !== 'drop voice') assert.ok(names(pair.router).includes('voice'), names(pair.router).join());
  if (ours.startsWith('rekey') && theirs.startsWith('rekey')) assert.deepEqual(flow.undeliverable, []);
}

for (const ours of ACTS) {
  test(`I2.25-1 I2.25-2 I1.4.1-1 I1.3.2-1 I2.8.1-2 I2.8.2-1: the router does "${ours}" while the hub does anything, ${GAPS.length} distances, each kind of message lost once: both agree, nothing is left over`, () => {
    for (const [theirs, gap, loss] of portion(CASES, 7)) {
      try {
        meet(ours, theirs, gap, loss);
      } catch (error) {
        throw new Error(`hub does "${theirs}" ${gap} ms later, lost: ${loss || 'nothing'}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
      }
    }
  });
}
