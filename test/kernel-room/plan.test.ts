import test from 'node:test';
import assert from 'node:assert/strict';
import type { RouteFact } from '../../src/base/index.ts';
import { formatPrefix, ip, parsePrefix } from '../../src/base/index.ts';
import { KernelView, planAddresses, planLink, planRoutes, wantedRoutes } from '../../src/kernel/index.ts';
import type { KernelOp, WantedRoute } from '../../src/ports/index.ts';

const prefix = (text: string) => parsePrefix(text) ?? assert.fail(text);
const block = (text: string): WantedRoute => ({ destination: prefix(text), via: { kind: 'unreachable' }, metric: 2_000_000, prefSrc: undefined });
const tun = (text: string, ifindex = 9, prefSrc?: string): WantedRoute =>
  ({ destination: prefix(text), via: { kind: 'device', ifindex }, metric: 7, prefSrc: prefSrc === undefined ? undefined : ip(prefSrc) });

/** As the kernel reports a route of ours. */
const fact = (route: WantedRoute, over: Partial<RouteFact> = {}): RouteFact => ({
  family: route.destination.address.includes(':') ? 6 : 4, destination: route.destination, type: route.via.kind === 'device' ? 'unicast' : 'unreachable', gateway: undefined,
  ifindex: route.via.kind === 'device' ? route.via.ifindex : route.destination.address.includes(':') ? 1 : undefined,
  metric: route.metric, table: 254, protocol: 77, ...(route.prefSrc === undefined ? {} : { prefSrc: route.prefSrc }), ...over,
});
const view = (...routes: RouteFact[]): KernelView => {
  const out = new KernelView();
  out.handle({ type: 'kernel.snapshot', links: [], addresses: [], routes });
  return out;
};
const line = (op: KernelOp): string => op.op === 'link.set' ? `link ${op.ifindex}`
  : op.op === 'address.add' || op.op === 'address.delete' ? `${op.op === 'address.add' ? '+' : '-'} ${op.address} on ${op.ifindex}`
  : `${op.op === 'route.add' ? '+' : '-'} ${formatPrefix(op.route.destination)} ${op.route.via.kind === 'device' ? `dev ${op.route.via.ifindex}` : 'unreachable'}${op.route.prefSrc === undefined ? '' : ` src ${op.route.prefSrc}`}`;

const TABLE: { title: string; want: WantedRoute[]; have: RouteFact[]; expected: string[] }[] = [
  { title: 'nothing wanted, nothing there', want: [], have: [], expected: [] },
  { title: 'blocked first, then carried', want: [tun('10.0.0.0/8'), block('10.0.0.0/8')], have: [], expected: ['+ 10.0.0.0/8 unreachable', '+ 10.0.0.0/8 dev 9'] },
  { title: 'all there', want: [block('10.0.0.0/8'), tun('10.0.0.0/8', 9, '192.168.1.1'), block('2001:db8:f::/48')], have: [fact(block('10.0.0.0/8')), fact(tun('10.0.0.0/8', 9, '192.168.1.1')), fact(block('2001:db8:f::/48'))], expected: [] },
  { title: 'tunnel down: the block stays', want: [block('10.0.0.0/8')], have: [fact(block('10.0.0.0/8')), fact(tun('10.0.0.0/8'))], expected: ['- 10.0.0.0/8 dev 9'] },
  { title: 'clean stop: carried first, blocked last', want: [], have: [fact(block('10.0.0.0/8')), fact(tun('10.0.0.0/8'))], expected: ['- 10.0.0.0/8 dev 9', '- 10.0.0.0/8 unreachable'] },
  { title: 'a crashed predecessor left a block: taken over', want: [block('10.0.0.0/8'), tun('10.0.0.0/8')], have: [fact(block('10.0.0.0/8'))], expected: ['+ 10.0.0.0/8 dev 9'] },
  { title: 'a crashed predecessor left other things: removed', want: [block('10.0.0.0/8')], have: [fact(block('10.66.0.0/16')), fact(tun('10.0.0.0/8', 4))], expected: ['+ 10.0.0.0/8 unreachable', '- 10.0.0.0/8 dev 4', '- 10.66.0.0/16 unreachable'] },
  { title: 'the source changed: deleted before it is added again', want: [block('10.0.0.0/8'), tun('10.0.0.0/8', 9, '192.168.1.1')], have: [fact(block('10.0.0.0/8')), fact(tun('10.0.0.0/8'))], expected: ['- 10.0.0.0/8 dev 9', '+ 10.0.0.0/8 dev 9 src 192.168.1.1'] },
  { title: 'another selector: the new one is carried before the old one goes', want: [block('10.1.0.0/16'), tun('10.1.0.0/16')], have: [fact(block('10.0.0.0/8')), fact(tun('10.0.0.0/8'))], expected: ['+ 10.1.0.0/16 unreachable', '+ 10.1.0.0/16 dev 9', '- 10.0.0.0/8 dev 9', '- 10.0.0.0/8 unreachable'] },
  { title: 'routes of others and of other tables are left alone', want: [], have: [fact(tun('10.0.0.0/8'), { protocol: 3 }), fact(block('10.0.0.0/8'), { table: 100 })], expected: [] },
  { title: 'the same route wanted twice', want: [block('10.0.0.0/8'), block('10.0.0.0/8')], have: [], expected: ['+ 10.0.0.0/8 unreachable'] },
];
for (const { title, want, have, expected } of TABLE) test(`plan of routes: ${title}`, () => assert.deepEqual(planRoutes(want, view(...have)).map(line), expected));

test('at no step of a change of everything is a wanted destination open', () => {
  const wish = { tunIfindex: 9, addresses: [], exceptions: [ip('203.0.113.1')], children: [{ local: [prefix('192.168.1.0/24')], remote: [prefix('0.0.0.0/0')], up: true }] };
  const before = wantedRoutes(wish);
  const after = wantedRoutes({ ...wish, exceptions: [ip('198.51.100.1')] });
  const key = (route: WantedRoute): string => `${line({ op: 'route.add', route })} ${route.metric}`;
  const installed = new Map(before.map((route) => [key(route), route]));
  const covers = (address: string): boolean => [...installed.values()].some((r) => {
    const bits = (text: string): string => text.split('.').map((octet) => Number(octet).toString(2).padStart(8, '0')).join('');
    return bits(r.destination.address).slice(0, r.destination.length) === bits(address).slice(0, r.destination.length);
  });
  for (const op of planRoutes(after, view(...before.map((route) => fact(route))))) {
    if (op.op === 'route.add') installed.set(key(op.route), op.route);
    if (op.op === 'route.delete') assert.ok(installed.delete(key(op.route)));
    for (const address of ['8.8.8.8', '203.0.113.1', '198.51.100.1', '203.0.113.77', '1.1.1.1']) assert.ok(covers(address), `${address} after ${line(op)}`);
  }
  assert.deepEqual([...installed.keys()].sort(), after.map(key).sort());
});

test('plan of a link: up and MTU in one operation, none when it is so or when there is no device', () => {
  const have = (up: boolean, mtu: number): KernelView => {
    const out = new KernelView();
    out.handle({ type: 'kernel.link', change: 'set', link: { ifindex: 9, name: 'mobiked0', up, carrier: up, loopback: false, mtu } });
    return out;
  };
  assert.deepEqual(planLink(9, 1400, have(false, 1500)), [{ op: 'link.set', ifindex: 9, up: true, mtu: 1400 }]);
  assert.deepEqual(planLink(9, 1400, have(true, 1500)), [{ op: 'link.set', ifindex: 9, up: true, mtu: 1400 }]);
  assert.deepEqual(planLink(9, 1400, have(false, 1400)), [{ op: 'link.set', ifindex: 9, up: true, mtu: 1400 }]);
  assert.deepEqual(planLink(9, 1400, have(true, 1400)), []);
  assert.deepEqual(planLink(8, 1400, have(true, 1400)), []);
});

test('I2.19-2: plan of virtual addresses: whole addresses of global scope are ours, what others put on the device stays', () => {
  const have = new KernelView();
  const on = (ifindex: number, text: string, prefixLength: number, global = true): void =>
    have.handle({ type: 'kernel.address', change: 'set', address: { ifindex, address: ip(text), prefixLength, tentative: false, deprecated: false, secondary: false, global } });
  on(9, '10.99.0.2', 32);
  on(9, '10.99.0.3', 32);
  on(9, 'fd99::3', 128);
  on(9, '192.168.77.1', 24);
  on(9, 'fe80::1', 128, false);
  on(3, '10.99.0.7', 32);
  const plan = planAddresses(9, ['10.99.0.2', '10.99.0.4', 'fd99::4', '10.99.0.4'].map((text) => ip(text)), have);
  assert.deepEqual([plan.before.map(line), plan.after.map(line)], [['+ 10.99.0.4 on 9', '+ fd99::4 on 9'], ['- 10.99.0.3 on 9', '- fd99::3 on 9']]);
});
