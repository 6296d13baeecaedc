import test from 'node:test';
import assert from 'node:assert/strict';
import { formatPrefix, ip, ipFamily, parsePrefix, prefixContains, type AddressFact, type IpPrefix, type RouteFact, type UplinkFacts } from '../../src/base/index.ts';
import { bypasses, BypassTable, KernelView, planRoutes, wantedRoutes, type Bypass, type ProtectedChild, type RouteWish } from '../../src/kernel/index.ts';
import type { WantedRoute } from '../../src/ports/index.ts';

const prefix = (text: string): IpPrefix => parsePrefix(text) ?? assert.fail(text);
const WAN = 2;
const WWAN = 3;
const LAN = 4;
const TUN = 9;
const address = (ifindex: number, text: string, prefixLength = text.includes(':') ? 64 : 24): AddressFact =>
  ({ ifindex, address: ip(text), prefixLength, tentative: false, deprecated: false, secondary: false, global: true });
const fact = (ifindex: number, destination: string, metric: number, gateway?: string, protocol = 4): RouteFact => ({
  family: ipFamily(prefix(destination).address), destination: prefix(destination), type: 'unicast', gateway: gateway === undefined ? undefined : ip(gateway), ifindex, metric, table: 254, protocol,
});
const view = (addresses: readonly AddressFact[], routes: readonly RouteFact[]): KernelView => {
  const out = new KernelView();
  out.handle({ type: 'kernel.snapshot', links: [], addresses, routes });
  return out;
};
const facts = (name: string, ifindex: number, bypass: string, more: Partial<UplinkFacts> = {}): UplinkFacts => ({
  name, device: name, ifindex, up: true, downReason: undefined, mtu: 1500, addresses: [], families: [4], metric: ifindex * 10, metered: false, dnsServers: [],
  ...(bypass === '' ? {} : { bypass: bypass.split(' ').map(prefix) }), ...more,
});
const KERNEL = view(
  [address(WAN, '192.168.1.2'), address(WAN, '2001:db8:1::2'), address(WWAN, '100.64.0.2'), address(LAN, '10.1.0.1'), address(TUN, '10.99.0.2', 32)],
  [fact(WAN, '0.0.0.0/0', 10, '192.168.1.1'), fact(WAN, '::/0', 1024, 'fe80::1'), fact(WWAN, '0.0.0.0/0', 20)],
);
const wayText = (b: Bypass): string => `${formatPrefix(b.destination)} dev ${b.ifindex}${b.gateway === undefined ? '' : ` via ${b.gateway}`} ${b.metric}`;

const WAYS: { title: string; uplinks: UplinkFacts[]; kernel?: KernelView; expected: string[] }[] = [
  { title: 'through the gateway of the default route of its family', uplinks: [facts('wan', WAN, '198.51.100.53/32 2001:db8:53::/48')], expected: ['198.51.100.53/32 dev 2 via 192.168.1.1 20', '2001:db8:53::/48 dev 2 via fe80::1 20'] },
  { title: 'on a link without gateway (point-to-point)', uplinks: [facts('wwan', WWAN, '198.51.100.53/32')], expected: ['198.51.100.53/32 dev 3 30'] },
  { title: "what is on the uplink's own link needs no gateway", uplinks: [facts('wan', WAN, '192.168.1.53/32 192.168.1.0/24 2001:db8:1::53/128')], expected: ['192.168.1.53/32 dev 2 20', '192.168.1.0/24 dev 2 20', '2001:db8:1::53/128 dev 2 20'] },
  { title: 'more than the link goes through the gateway: the link itself is longer', uplinks: [facts('wan', WAN, '192.168.0.0/16')], expected: ['192.168.0.0/16 dev 2 via 192.168.1.1 20'] },
  { title: "what is on another device's link is not taken away from it", uplinks: [facts('wan', WAN, '10.1.0.53/32 10.1.0.0/24 100.64.0.0/25')], expected: [] },
  { title: 'two uplinks on networks of one name: each has its own', kernel: view([address(WAN, '192.168.1.2'), address(WWAN, '192.168.1.3')], []), uplinks: [facts('wan', WAN, '192.168.1.1/32'), facts('wwan', WWAN, '192.168.1.1/32')], expected: ['192.168.1.1/32 dev 2 20', '192.168.1.1/32 dev 3 30'] },
  { title: 'no default route of the family: blocked as before', kernel: view([address(WAN, '192.168.1.2')], []), uplinks: [facts('wan', WAN, '198.51.100.53/32 2001:db8::/32')], expected: [] },
  { title: 'a default route of ours is none of the uplink', kernel: view([address(WAN, '192.168.1.2')], [fact(WAN, '0.0.0.0/0', 1, undefined, 77)]), uplinks: [facts('wan', WAN, '198.51.100.53/32')], expected: [] },
  { title: 'an uplink that is down, or not there, lets nothing out', uplinks: [facts('wan', WAN, '198.51.100.53/32', { up: false }), facts('wwan', 0, '198.51.100.53/32')], expected: [] },
  { title: 'best metric first, whatever the order of sections', uplinks: [facts('wwan', WWAN, '198.51.100.53/32'), facts('wan', WAN, '198.51.100.53/32')], expected: ['198.51.100.53/32 dev 2 via 192.168.1.1 20', '198.51.100.53/32 dev 3 30'] },
  { title: 'metrics the kernel keeps, and better than what blocks', uplinks: [facts('wan', WAN, '2001:db8:53::/48', { metric: 0 }), facts('wwan', WWAN, '198.51.100.53/32', { metric: 4_000_000_000 })], expected: ['2001:db8:53::/48 dev 2 via fe80::1 1', '198.51.100.53/32 dev 3 1999999'] },
  { title: 'no list, nothing', uplinks: [facts('wan', WAN, '')], expected: [] },
];
for (const { title, uplinks, kernel, expected } of WAYS) test(`ES3-5: bypass: ${title}`, () => assert.deepEqual(bypasses(uplinks, kernel ?? KERNEL).map(wayText), expected));

const child = (remote: string, up: boolean): ProtectedChild => ({ local: [prefix('10.1.0.0/24')], remote: remote.split(' ').map(prefix), up });
const way = (text: string, ifindex = WAN, metric = 10, gateway = '192.168.1.1'): Bypass => ({ destination: prefix(text), ifindex, gateway: text.includes(':') ? ip('fe80::1') : ip(gateway), metric });
const routeText = (r: WantedRoute): string => `${formatPrefix(r.destination)} ${r.via.kind === 'device' ? `dev ${r.via.ifindex}${r.via.gateway === undefined ? '' : ` via ${r.via.gateway}`}` : 'unreachable'} ${r.metric}`;
const wish = (more: Partial<RouteWish>): RouteWish => ({ children: [], tunIfindex: TUN, addresses: [], exceptions: [], ...more });

const ROUTES: { title: string; wish: Partial<RouteWish>; expected: string[] }[] = [
  {
    title: 'inside a tunnel that is up: longer than its routes', wish: { children: [child('10.0.0.0/8', true)], bypasses: [way('10.5.0.0/16')] },
    expected: ['10.5.0.0/16 dev 2 via 192.168.1.1 10', '10.0.0.0/8 unreachable 2000000', '10.0.0.0/8 dev 9 7'],
  },
  { title: 'inside a tunnel that is down', wish: { children: [child('10.0.0.0/8', false)], bypasses: [way('10.5.0.0/16')] }, expected: ['10.5.0.0/16 dev 2 via 192.168.1.1 10', '10.0.0.0/8 unreachable 2000000'] },
  { title: 'no tunnel covers it: no route of ours', wish: { children: [child('10.0.0.0/8', true)], bypasses: [way('198.51.100.53/32'), way('0.0.0.0/1'), way('2001:db8::/32')] }, expected: ['10.0.0.0/8 unreachable 2000000', '10.0.0.0/8 dev 9 7'] },
  {
    title: 'exactly what a tunnel covers: the block stays behind it, the tunnel gives way', wish: { children: [child('10.5.0.0/16', true)], bypasses: [way('10.5.0.0/16')] },
    expected: ['10.5.0.0/16 dev 2 via 192.168.1.1 10', '10.5.0.0/16 unreachable 2000000'],
  },
  {
    title: 'a longer destination inside the bypass stays in the tunnel', wish: { children: [child('10.0.0.0/8 10.5.7.0/24', true)], bypasses: [way('10.5.0.0/16')] },
    expected: ['10.5.0.0/16 dev 2 via 192.168.1.1 10', '10.0.0.0/8 unreachable 2000000', '10.0.0.0/8 dev 9 7', '10.5.7.0/24 unreachable 2000000', '10.5.7.0/24 dev 9 7'],
  },
  {
    title: 'two uplinks: both routes, by metric; one slot, one route', wish: { children: [child('10.0.0.0/8', false)], bypasses: [way('10.5.0.0/16'), way('10.5.0.0/16', WWAN, 10), way('10.5.0.0/16', WWAN, 20, '100.64.0.1')] },
    expected: ['10.5.0.0/16 dev 2 via 192.168.1.1 10', '10.5.0.0/16 dev 3 via 100.64.0.1 20', '10.0.0.0/8 unreachable 2000000'],
  },
  {
    title: 'a name server that is left out of the blocks, on a host', wish: { children: [child('203.0.113.0/31', true)], exceptions: [ip('203.0.113.1')], bypasses: [way('203.0.113.1/32')] },
    expected: ['203.0.113.1/32 dev 2 via 192.168.1.1 10', '203.0.113.0/32 unreachable 2000000', '203.0.113.0/32 dev 9 7', '203.0.113.1/32 dev 9 2000000'],
  },
  {
    title: 'IPv6', wish: { children: [child('::/0', true)], bypasses: [way('2001:db8:53::53/128')] },
    expected: ['2001:db8:53::53/128 dev 2 via fe80::1 10', '::/1 unreachable 2000000', '::/1 dev 9 7', '8000::/1 unreachable 2000000', '8000::/1 dev 9 7'],
  },
];
for (const { title, wish: more, expected } of ROUTES) test(`ES3-5: routes beside the tunnel: ${title}`, () => assert.deepEqual(wantedRoutes(wish(more)).map(routeText), expected));

/** Where Linux sends it: the longest prefix, then the best metric. */
function sentTo(routes: readonly WantedRoute[], destination: string): string {
  const to = ip(destination);
  const best = routes.filter((r) => prefixContains(r.destination, to)).sort((a, b) => b.destination.length - a.destination.length || a.metric - b.metric)[0];
  return best === undefined ? 'default' : best.via.kind === 'unreachable' ? 'blocked' : best.via.ifindex === TUN ? 'tunnel' : `dev ${best.via.ifindex}`;
}

test('ES3-5: addresses left out of the blocks split them, and still each address goes where the list says', () => {
  // Peer, name server and broker, inside the bypass, inside the longer destination in it, and outside of both.
  const exceptions = ['10.5.0.9', '10.5.7.9', '10.9.9.9'].map(ip);
  for (const up of [true, false]) {
    const routes = wantedRoutes(wish({ children: [child('0.0.0.0/0 10.5.7.0/24', up)], exceptions, bypasses: [way('10.5.0.0/16'), way('10.5.16.0/20', WWAN, 20)] }));
    const inside = up ? 'tunnel' : 'blocked';
    for (const [to, expected] of [
      ['10.5.0.1', 'dev 2'], ['10.5.0.8', 'dev 2'], ['10.5.0.9', 'dev 2'], ['10.5.0.10', 'dev 2'], ['10.5.255.255', 'dev 2'], ['10.5.6.255', 'dev 2'], ['10.5.8.0', 'dev 2'],
      ['10.5.7.8', inside], ['10.5.7.1', inside], ['10.5.7.255', inside], ['10.5.7.9', 'tunnel'], ['10.5.16.0', 'dev 3'], ['10.5.31.255', 'dev 3'], ['10.5.32.0', 'dev 2'],
      ['10.4.255.255', inside], ['10.6.0.0', inside], ['10.9.9.8', inside], ['10.9.9.9', 'tunnel'], ['198.51.100.1', inside], ['0.0.0.1', inside],
    ] as const) assert.equal(sentTo(routes, to), expected, `${to}, ${up ? 'up' : 'down'}`);
    // The uplinks go, and the kernel takes their routes with the devices: nothing of it is open for a moment.
    const left = routes.filter((r) => r.via.kind !== 'device' || r.via.ifindex === TUN);
    for (const to of ['10.5.0.1', '10.5.0.10', '10.5.8.0', '10.5.16.0', '10.5.255.255']) assert.notEqual(sentTo(left, to), 'default', to);
  }
});

test('ES3-5: a bypass comes, changes its gateway and goes; a predecessor\'s is cleaned up', () => {
  const asFact = (route: WantedRoute): RouteFact => ({
    family: ipFamily(route.destination.address), destination: route.destination, type: route.via.kind === 'device' ? 'unicast' : 'unreachable',
    gateway: route.via.kind === 'device' ? route.via.gateway : undefined, ifindex: route.via.kind === 'device' ? route.via.ifindex : undefined, metric: route.metric, table: 254, protocol: 77,
  });
  const none = wantedRoutes(wish({ children: [child('10.5.0.0/16', true)] }));
  const through = (gateway: string): WantedRoute[] => wantedRoutes(wish({ children: [child('10.5.0.0/16', true)], bypasses: [way('10.5.0.0/16', WAN, 10, gateway)] }));
  const plan = (want: WantedRoute[], have: WantedRoute[]): string[] =>
    planRoutes(want, view([], have.map(asFact))).flatMap((op) => (op.op === 'route.add' ? [`+ ${routeText(op.route)}`] : op.op === 'route.delete' ? [`- ${routeText(op.route)}`] : []));
  assert.deepEqual(plan(through('192.168.1.1'), none), ['+ 10.5.0.0/16 dev 2 via 192.168.1.1 10', '- 10.5.0.0/16 dev 9 7']);
  assert.deepEqual(plan(through('192.168.1.1'), through('192.168.1.1')), []);
  assert.deepEqual(plan(through('192.168.1.254'), through('192.168.1.1')), ['- 10.5.0.0/16 dev 2 via 192.168.1.1 10', '+ 10.5.0.0/16 dev 2 via 192.168.1.254 10']);
  assert.deepEqual(plan(none, through('192.168.1.1')), ['+ 10.5.0.0/16 dev 9 7', '- 10.5.0.0/16 dev 2 via 192.168.1.1 10']);
});

test('ES3-5: with thousands of destinations a list of bypasses costs no more than they do', () => {
  const children = Array.from({ length: 5000 }, (_, i) => child(`10.${i >> 8}.${i & 255}.0/24`, true));
  let asked = 0;
  const table = new BypassTable(Array.from({ length: 64 }, (_, i) => way(`10.0.${i}.1/32`)), () => {
    asked++;
    return children.flatMap((c) => c.remote);
  });
  assert.equal(asked, 1);
  assert.equal(table.routes().length, 64);
  assert.equal(new BypassTable([], () => assert.fail('not asked for without a list')).routes().length, 0);
  const routes = wantedRoutes(wish({ children, bypasses: Array.from({ length: 64 }, (_, i) => way(`10.0.${i}.1/32`)) }));
  assert.equal(routes.length, 2 * 5000 + 64);
});
