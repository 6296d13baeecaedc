import test from 'node:test';
import assert from 'node:assert/strict';
import type { AddressFact, LinkFact, RouteFact } from '../../src/base/index.ts';
import { ip, parsePrefix } from '../../src/base/index.ts';
import { KernelView, MOST_FACTS } from '../../src/kernel/index.ts';

const link = (ifindex: number, name: string): LinkFact => ({ ifindex, name, up: true, carrier: true, loopback: false, mtu: 1500 });
const address = (ifindex: number, text: string): AddressFact => ({ ifindex, address: ip(text), prefixLength: 24, tentative: false, deprecated: false, secondary: false, global: true });
const route = (ifindex: number, metric: number, over: Partial<RouteFact> = {}): RouteFact => ({
  family: 4, destination: parsePrefix('0.0.0.0/0') ?? assert.fail(), type: 'unicast', gateway: ip('192.0.2.1'), ifindex, metric, table: 254, protocol: 3, ...over,
});

function filled(): KernelView {
  const view = new KernelView();
  view.handle({ type: 'kernel.snapshot', links: [link(2, 'wan'), link(3, 'wwan')], addresses: [address(2, '192.0.2.2'), address(3, '198.51.100.2')], routes: [route(3, 20), route(2, 10)] });
  return view;
}

test('nothing is known before the first snapshot, and a snapshot replaces everything', () => {
  const view = new KernelView();
  assert.equal(view.ready, false);
  view.handle({ type: 'kernel.link', change: 'set', link: link(9, 'early') });
  assert.equal(view.ready, false);
  view.handle({ type: 'kernel.snapshot', links: [link(2, 'wan')], addresses: [], routes: [] });
  assert.equal(view.ready, true);
  assert.deepEqual(view.links(), [link(2, 'wan')]);
});

test('questions by index and by name', () => {
  const view = filled();
  assert.equal(view.link(3)?.name, 'wwan');
  assert.equal(view.linkByName('wan')?.ifindex, 2);
  assert.equal(view.linkByName('lan'), undefined);
  assert.deepEqual(view.addressesOf(3).map((a) => a.address), ['198.51.100.2']);
  assert.deepEqual(view.defaultRoutes().map((r) => r.metric), [10, 20], 'best metric first');
  assert.deepEqual(view.defaultRoutesOf(3).map((r) => r.metric), [20]);
});

test('changes: set again replaces, removed removes, a rename keeps the index', () => {
  const view = filled();
  view.handle({ type: 'kernel.link', change: 'set', link: { ...link(2, 'wan0'), mtu: 1400 } });
  assert.equal(view.linkByName('wan'), undefined);
  assert.equal(view.linkByName('wan0')?.mtu, 1400);
  view.handle({ type: 'kernel.address', change: 'set', address: { ...address(2, '192.0.2.2'), deprecated: true } });
  assert.deepEqual(view.addressesOf(2).map((a) => a.deprecated), [true]);
  view.handle({ type: 'kernel.address', change: 'removed', address: address(2, '192.0.2.2') });
  view.handle({ type: 'kernel.route', change: 'removed', route: route(2, 10) });
  assert.deepEqual(view.addressesOf(2), []);
  assert.deepEqual(view.defaultRoutes().map((r) => r.ifindex), [3]);
  view.handle({ type: 'kernel.applied', opId: 1, failures: [] });
  assert.deepEqual(view.defaultRoutes().map((r) => r.ifindex), [3]);
});

test('addresses and routes of a removed device go with it', () => {
  const view = filled();
  view.handle({ type: 'kernel.link', change: 'removed', link: link(2, 'wan') });
  assert.deepEqual([view.addressesOf(2), view.defaultRoutesOf(2)], [[], []]);
  assert.equal(view.addressesOf(3).length, 1);
});

test('routes that differ only in source prefix, preferred source or next hop are different routes', () => {
  const view = new KernelView();
  const all = [route(2, 10), route(3, 10), route(2, 10, { source: parsePrefix('198.51.100.0/24') ?? assert.fail() }), route(2, 10, { prefSrc: ip('192.0.2.9') }), route(2, 11)];
  view.handle({ type: 'kernel.snapshot', links: [], addresses: [], routes: all });
  assert.equal(view.routes().length, 5);
  view.handle({ type: 'kernel.route', change: 'removed', route: route(2, 10) });
  assert.equal(view.routes().length, 4);
});

test('the view does not grow beyond its bound, and what is known can still change', () => {
  const view = new KernelView();
  for (let i = 1; i <= MOST_FACTS + 100; i++) view.handle({ type: 'kernel.link', change: 'set', link: link(i, `d${i}`) });
  assert.equal(view.links().length, MOST_FACTS);
  view.handle({ type: 'kernel.link', change: 'set', link: { ...link(5, 'd5'), up: false } });
  assert.equal(view.link(5)?.up, false);
});
