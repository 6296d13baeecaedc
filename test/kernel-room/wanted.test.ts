import test from 'node:test';
import assert from 'node:assert/strict';
import type { AddressFact } from '../../src/base/index.ts';
import { formatPrefix, ip, parsePrefix, prefixContains } from '../../src/base/index.ts';
import type { ProtectedChild, RouteWish } from '../../src/kernel/index.ts';
import { TUNNEL_METRIC, UNREACHABLE_METRIC, wantedRoutes, without } from '../../src/kernel/index.ts';
import type { WantedRoute } from '../../src/ports/index.ts';

const prefix = (text: string) => parsePrefix(text) ?? assert.fail(text);
const child = (local: string, remote: string, up: boolean): ProtectedChild => ({ local: local.split(' ').map(prefix), remote: remote.split(' ').map(prefix), up });
const address = (ifindex: number, text: string, over: Partial<AddressFact> = {}): AddressFact =>
  ({ ifindex, address: ip(text), prefixLength: 24, tentative: false, deprecated: false, secondary: false, global: true, ...over });
const line = (r: WantedRoute): string =>
  `${formatPrefix(r.destination)} ${r.via.kind === 'device' ? `dev ${r.via.ifindex}` : 'unreachable'} ${r.metric}${r.prefSrc === undefined ? '' : ` src ${r.prefSrc}`}`;
const lines = (wish: Partial<RouteWish>): string[] => wantedRoutes({ children: [], tunIfindex: 9, addresses: [], exceptions: [], ...wish }).map(line);

const TABLE: { title: string; wish: Partial<RouteWish>; expected: string[] }[] = [
  { title: 'nothing configured, nothing wanted', wish: {}, expected: [] },
  {
    title: 'tunnel down: blocked', wish: { children: [child('192.168.1.0/24', '10.0.0.0/8 2001:db8:f::/48', false)] },
    expected: ['10.0.0.0/8 unreachable 2000000', '2001:db8:f::/48 unreachable 2000000'],
  },
  {
    title: 'tunnel up: through the device, and still blocked behind it', wish: { children: [child('192.168.1.0/24', '10.0.0.0/8', true)] },
    expected: ['10.0.0.0/8 unreachable 2000000', '10.0.0.0/8 dev 9 7'],
  },
  {
    title: 'up without device (it is being made): blocked', wish: { children: [child('192.168.1.0/24', '10.0.0.0/8', true)], tunIfindex: undefined },
    expected: ['10.0.0.0/8 unreachable 2000000'],
  },
  {
    title: 'everything: two halves beat any default route', wish: { children: [child('192.168.1.0/24', '0.0.0.0/0 ::/0', true)] },
    expected: [
      '0.0.0.0/1 unreachable 2000000', '0.0.0.0/1 dev 9 7', '128.0.0.0/1 unreachable 2000000', '128.0.0.0/1 dev 9 7',
      '::/1 unreachable 2000000', '::/1 dev 9 7', '8000::/1 unreachable 2000000', '8000::/1 dev 9 7',
    ],
  },
  {
    title: 'preferred source: inside local_ts, of the family, best first',
    wish: {
      children: [child('192.168.1.0/24 2001:db8:a::/64', '10.0.0.0/8 2001:db8:f::/48', true)],
      addresses: [
        address(2, '203.0.113.5'), address(3, '192.168.1.9', { secondary: true }), address(3, '192.168.1.1'), address(4, '192.168.1.2'),
        address(3, '2001:db8:a::2', { deprecated: true }), address(3, '2001:db8:a::1', { tentative: true }),
      ],
    },
    expected: ['10.0.0.0/8 unreachable 2000000', '10.0.0.0/8 dev 9 7 src 192.168.1.1', '2001:db8:f::/48 unreachable 2000000', '2001:db8:f::/48 dev 9 7 src 2001:db8:a::2'],
  },
  {
    title: 'local_ts of everything: no loopback or link-local source',
    wish: { children: [child('0.0.0.0/0', '10.0.0.0/8', true)], addresses: [address(1, '127.0.0.1'), address(2, '169.254.3.4'), address(3, '192.0.2.2')] },
    expected: ['10.0.0.0/8 unreachable 2000000', '10.0.0.0/8 dev 9 7 src 192.0.2.2'],
  },
  {
    title: 'one destination in two children: one pair of routes, source of the child that is up',
    wish: { children: [child('192.168.1.0/24', '10.0.0.0/8', false), child('192.168.2.0/24', '10.0.0.0/8', true)], addresses: [address(3, '192.168.1.1'), address(4, '192.168.2.1')] },
    expected: ['10.0.0.0/8 unreachable 2000000', '10.0.0.0/8 dev 9 7 src 192.168.2.1'],
  },
  {
    title: 'what a hub gave out of its pool is blocked with the pool, and what lies beside it by itself',
    wish: { children: [child('10.1.0.0/16', '10.99.0.2/32 10.98.0.0/24', true), child('10.1.0.0/16', '10.99.0.0/24', false)] },
    expected: ['10.99.0.2/32 dev 9 7', '10.98.0.0/24 unreachable 2000000', '10.98.0.0/24 dev 9 7', '10.99.0.0/24 unreachable 2000000'],
  },
  {
    title: 'a virtual address is the first choice of source, and a child without a source gives way to one that has it',
    wish: { children: [child('192.168.9.0/24', '10.0.0.0/8', true), { ...child('0.0.0.0/0', '10.0.0.0/8', true), virtual: [ip('10.99.0.2')] }], addresses: [address(3, '192.168.1.1'), address(9, '10.99.0.2')] },
    expected: ['10.0.0.0/8 unreachable 2000000', '10.0.0.0/8 dev 9 7 src 10.99.0.2'],
  },
  {
    title: 'the peer is the far side itself', wish: { children: [child('192.168.1.0/24', '203.0.113.1/32', true)], exceptions: [ip('203.0.113.1')] },
    expected: ['203.0.113.1/32 dev 9 2000000'],
  },
  {
    title: 'exceptions outside the selectors, and of IPv6, change nothing',
    wish: { children: [child('192.168.1.0/24', '10.0.0.0/8 2001:db8::/32', false)], exceptions: [ip('203.0.113.1'), ip('2001:db8::1')] },
    expected: ['10.0.0.0/8 unreachable 2000000', '2001:db8::/32 unreachable 2000000'],
  },
];
for (const { title, wish, expected } of TABLE) test(`wanted routes: ${title}`, () => assert.deepEqual(lines(wish), expected));

test('a peer inside a selector: every other address is blocked, the peer only through the device', () => {
  const peer = ip('203.0.113.1');
  const routes = wantedRoutes({ children: [child('192.168.1.0/24', '0.0.0.0/0', false)], tunIfindex: 9, addresses: [], exceptions: [peer] });
  const blocked = routes.filter((r) => r.via.kind === 'unreachable');
  assert.equal(blocked.length, 32);
  assert.ok(!blocked.some((r) => prefixContains(r.destination, peer)));
  for (const other of ['203.0.113.0', '203.0.113.2', '0.0.0.0', '255.255.255.255', '192.0.2.1']) {
    assert.equal(blocked.filter((r) => prefixContains(r.destination, ip(other))).length, 1, other);
  }
  assert.deepEqual(routes.filter((r) => r.via.kind === 'device').map(line), ['203.0.113.1/32 dev 9 2000000']);
});

test('a prefix without some of its addresses', () => {
  assert.deepEqual(without(prefix('192.0.2.0/30'), [ip('192.0.2.2')]).map(formatPrefix), ['192.0.2.0/31', '192.0.2.3/32']);
  assert.deepEqual(without(prefix('192.0.2.0/30'), [ip('192.0.2.0'), ip('192.0.2.3')]).map(formatPrefix), ['192.0.2.1/32', '192.0.2.2/32']);
  assert.deepEqual(without(prefix('192.0.2.2/32'), [ip('192.0.2.2')]), []);
  assert.deepEqual(without(prefix('2001:db8::/126'), [ip('2001:db8::1')]).map(formatPrefix), ['2001:db8::/128', '2001:db8::2/127']);
  assert.deepEqual(without(prefix('10.0.0.0/8'), []).map(formatPrefix), ['10.0.0.0/8']);
});

test('metrics: blocking is worse than carrying', () => assert.ok(UNREACHABLE_METRIC > 100_000 && TUNNEL_METRIC < 256));
