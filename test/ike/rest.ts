/** What must hold of two engines at any moment, and when nothing is under way. */
import assert from 'node:assert/strict';
import { seconds } from '../../src/base/index.ts';
import { connection, ESP_SUITE, prefixes, type Pair, type Side } from './pair.ts';

/** What must hold of one side at any moment. */
export function bookkeeping(side: Side): void {
  const opened = side.of('ike.established').map((e) => e.chain);
  const closed = side.of('ike.closed').map((e) => e.chain);
  assert.equal(new Set(opened).size, opened.length, 'a chain is established once');
  assert.equal(new Set(closed).size, closed.length, `a chain is closed once: ${closed.join()}`);
  const live = side.engine.status().filter((s) => s.state === 'established').map((s) => s.chain);
  assert.deepEqual([...live].sort((a, b) => a - b), opened.filter((c) => !closed.includes(c)).sort((a, b) => a - b), 'established and not closed is alive');
  // A child that is gone for the daemon is gone from the data plane, and the other way round.
  const handles = side.engine.status().flatMap((s) => s.children.flatMap((c) => [c.inHandle, c.outHandle]));
  assert.deepEqual([...side.sas.keys()].sort((a, b) => a - b), handles.filter((h) => h !== 0).sort((a, b) => a - b), 'what is installed is what children have');
}

/** At rest there is no exchange that could hold an SPI of its own. */
export function atRest(pair: Pair): void {
  for (const side of [pair.router, pair.hub]) {
    bookkeeping(side);
    const children = side.engine.status().flatMap((s) => s.children);
    assert.equal(side.engine.sizes().childSpis, children.length, `${side.name}: SPIs kept; ${JSON.stringify(side.engine.sizes())} ${side.events.slice(-8).map((e) => e.type).join()}`);
    assert.ok(children.every((c) => c.state === 'installed'), `${side.name}: ${children.map((c) => c.state).join()}`);
    assert.equal(side.engine.sizes().sas, side.engine.status().length, `${side.name}: IKE SAs kept`);
    assert.equal(side.crypto.privates.size, 0, `${side.name}: private values not wiped`);
    assert.equal(side.crypto.ciphers.size, 2 * side.engine.sizes().sas, `${side.name}: ciphers not wiped`);
  }
  pair.checkPaired();
}

/** A connection with two children, with and without PFS, and lifetimes so short that all is rekeyed while one looks on. */
export const two = (role: 'initiator' | 'responder'): ReturnType<typeof connection> => {
  const [here, there] = role === 'initiator' ? ['10.1', '10.2'] : ['10.2', '10.1'];
  const child = (name: string, net: number): ReturnType<typeof connection>['children'][number] => ({
    name, localTs: prefixes(`${here}.${net}.0/24`), remoteTs: prefixes(`${there}.${net}.0/24`), espProposals: [{ ...ESP_SUITE, groups: net === 0 ? [] : [31] }],
  });
  return connection(role, { children: [child('lan', 0), child('voice', 1)], childLifetime: seconds(role === 'initiator' ? 47 : 61), ikeLifetime: seconds(role === 'initiator' ? 113 : 149), liveness: seconds(20) });
};
