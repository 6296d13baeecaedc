import { test } from 'node:test';
import assert from 'node:assert/strict';
import {
  ip, ipFamily, parsePrefix, ROUTE_PROTOCOL, type AddressFact, type DeviceStatus, type InterfaceStatus, type LinkFact, type RouteFact, type UplinkFacts,
} from '../../src/base/index.ts';
import { uplinkFacts, type UplinkSection, type UplinkSources } from '../../src/uplink/index.ts';

const prefix = (text: string) => parsePrefix(text) ?? assert.fail(text);
const link = (ifindex: number, name: string, more: Partial<LinkFact> = {}): LinkFact => ({ ifindex, name, up: true, carrier: true, loopback: false, mtu: 1500, ...more });
const address = (ifindex: number, text: string, more: Partial<AddressFact> = {}): AddressFact =>
  ({ ifindex, address: ip(text), prefixLength: text.includes(':') ? 64 : 24, tentative: false, deprecated: false, secondary: false, global: true, ...more });
const route = (ifindex: number, gateway: string, metric: number, more: Partial<RouteFact> = {}): RouteFact =>
  ({ family: ipFamily(ip(gateway)), destination: prefix(gateway.includes(':') ? '::/0' : '0.0.0.0/0'), type: 'unicast', gateway: ip(gateway), ifindex, metric, table: 254, protocol: 4, ...more });
const netifd = (name: string, device: string, gateways: readonly string[], more: Partial<InterfaceStatus> = {}): InterfaceStatus => ({
  interface: name, up: true, pending: false, available: true, device, l3Device: device, metric: 0, addresses: [],
  defaultRoutes: gateways.map((text) => ({ family: ipFamily(ip(text)), gateway: ip(text) })), dnsServers: [], ...more,
});
/** As a dump shows an interface that is down: no l3_device, metric, addresses or routes. */
const down = (name: string, device: string | undefined, pending = false): InterfaceStatus => ({ ...netifd(name, device ?? '', []), up: false, pending, device, l3Device: undefined });
const section = (name: string, more: Partial<UplinkSection> = {}): UplinkSection =>
  ({ name, enabled: true, interface: name, device: undefined, metric: undefined, metered: false, ...more });
const byName = (all: readonly InterfaceStatus[]) => new Map(all.map((status) => [status.interface, status]));
const devices = (all: readonly DeviceStatus[]) => new Map(all.map((status) => [status.name, status]));

/** A router as in the recorded captures: wan and wan6 on eth1, wwan on wwan0, lan on eth0. */
const ROUTER: UplinkSources = {
  uplinks: [section('wan'), section('wwan', { metered: true })],
  interfaces: byName([
    netifd('lan', 'eth0', []),
    netifd('wan', 'eth1', ['203.0.113.1'], { metric: 10, dnsServers: [ip('203.0.113.1')] }),
    netifd('wan6', 'eth1', ['2001:db8:1::1'], { metric: 10, dnsServers: [ip('2001:db8:1::53')] }),
    netifd('wwan', 'wwan0', ['198.51.100.1'], { metric: 20 }),
  ]),
  devices: devices([]),
  links: [link(1, 'lo', { loopback: true }), link(2, 'eth0'), link(3, 'eth1'), link(4, 'wwan0', { mtu: 1430 }), link(9, 'mobiked0')],
  addresses: [
    address(1, '127.0.0.1'), address(2, '192.168.1.1'), address(3, '203.0.113.2'), address(3, '2001:db8:1::2'), address(3, 'fe80::1', { global: false }),
    address(4, '198.51.100.2'), address(9, '10.9.0.1'),
  ],
  routes: [route(3, '203.0.113.1', 10), route(3, '2001:db8:1::1', 1024), route(4, '198.51.100.1', 20), route(9, '10.9.0.2', 5), route(9, '10.9.0.2', 6, { protocol: ROUTE_PROTOCOL })],
  tunName: 'mobiked0',
};

const brief = (facts: UplinkFacts | undefined): string =>
  facts === undefined ? 'none' : `${facts.name} ${facts.device}/${facts.ifindex} ${facts.up ? 'up' : facts.downReason} m${facts.metric} [${facts.addresses.join(' ')}] v${facts.families.join(',')}`;

function row(title: string, change: Partial<UplinkSources>, expect: readonly string[]): void {
  test(title, () => assert.deepEqual(uplinkFacts({ ...ROUTER, ...change }).map(brief), expect));
}

const WAN = 'wan eth1/3 up m10 [203.0.113.2 2001:db8:1::2] v4,6';
const WWAN = 'wwan wwan0/4 up m20 [198.51.100.2] v4';
const interfaces = (...changed: readonly InterfaceStatus[]) => new Map([...(ROUTER.interfaces ?? new Map<string, InterfaceStatus>()), ...byName(changed)]);
const without = (...names: readonly string[]) => new Map([...(ROUTER.interfaces ?? [])].filter(([name]) => !names.includes(name)));
const links = (changed: LinkFact) => ROUTER.links.map((old) => (old.name === changed.name ? changed : old));

test('ES3-5: the bypass list: what is configured, and the servers that netifd names for this uplink', () => {
  const lease = { dhcpServer: ip('198.51.100.1'), timeServers: [ip('198.51.100.123')], dnsServers: [ip('198.51.100.53'), ip('127.0.0.1'), ip('fe80::53')] };
  const listed = (servers: readonly ('dns' | 'ntp' | 'dhcp')[], ...prefixes: string[]): (string | undefined)[] => uplinkFacts({
    ...ROUTER, uplinks: [section('wan', { bypass: { prefixes: prefixes.map(prefix), servers } }), section('wwan', { bypass: { prefixes: [], servers } })],
    interfaces: interfaces(netifd('wwan', 'wwan0', ['198.51.100.1'], { metric: 20, ...lease })),
  }).map((f) => f.bypass?.map((b) => `${b.address}/${b.length}`).join(' '));
  assert.deepEqual(listed(['dns'], '192.0.2.0/24', '203.0.113.1/32'), ['192.0.2.0/24 203.0.113.1/32 2001:db8:1::53/128', '198.51.100.53/32'], 'of both interfaces on the device; none that is never routed');
  assert.deepEqual(listed(['ntp', 'dhcp']), [undefined, '198.51.100.123/32 198.51.100.1/32']);
  assert.deepEqual(listed([]), [undefined, undefined]);
  const flood = { bypass: { prefixes: [], servers: ['dns'] as const } };
  const told = netifd('wan', 'eth1', ['203.0.113.1'], { dnsServers: Array.from({ length: 1000 }, (_, i) => ip(`192.0.${2 + (i >> 8)}.${i & 255}`)) });
  assert.equal(uplinkFacts({ ...ROUTER, uplinks: [section('wan', flood)], interfaces: interfaces(told) })[0]?.bypass?.length, 256, 'a network cannot tell without bound');
});

row('an uplink is one l3_device: wan includes wan6 on it', {}, [WAN, WWAN]);
test('MTU, DNS servers of both interfaces, metered', () => {
  const [wan, wwan] = uplinkFacts(ROUTER);
  assert.deepEqual(wan?.dnsServers, ['203.0.113.1', '2001:db8:1::53']);
  assert.deepEqual([wan?.mtu, wwan?.mtu, wan?.metered, wwan?.metered], [1500, 1430, false, true]);
});
row('a disabled section stays visible and claims no device', { uplinks: [section('off', { enabled: false, interface: 'wan' }), section('wan')] },
  ['off eth1/3 disabled m10 [203.0.113.2 2001:db8:1::2] v4,6', WAN]);
row('two sections on one device are one uplink: the first', { uplinks: [section('wan'), section('wan6')] }, [WAN]);
row('K-7: the tunnel is never an uplink, even when configured', { uplinks: [section('wan'), section('vpn', { interface: undefined, device: 'mobiked0' })] }, [WAN]);
row('loopback is never an uplink', { uplinks: [section('lo', { interface: undefined, device: 'lo' })] }, ['lo lo/1 no_device m0 [] v']);
row('metric: the section wins over netifd', { uplinks: [section('wan', { metric: 77 })] }, ['wan eth1/3 up m77 [203.0.113.2 2001:db8:1::2] v4,6']);

// ---- What makes it down ---------------------------------------------------------------------------------------------

row('no carrier in the kernel although netifd says up (force_link)', { links: links(link(3, 'eth1', { carrier: false })) }, ['wan eth1/3 no_carrier m10 [203.0.113.2 2001:db8:1::2] v4,6', WWAN]);
row('network.device link_down although netifd says up (force_link)', { devices: devices([{ name: 'eth1', present: true, active: true, linkActive: false }]) },
  ['wan eth1/3 no_carrier m10 [203.0.113.2 2001:db8:1::2] v4,6', WWAN]);
row('a device that netifd does not run says nothing about carrier', { devices: devices([{ name: 'eth1', present: true, active: false, linkActive: false }]) }, [WAN, WWAN]);
row('the link is down', { links: links(link(3, 'eth1', { up: false, carrier: false })) }, ['wan eth1/3 link_down m10 [203.0.113.2 2001:db8:1::2] v4,6', WWAN]);
row('the device is gone', { links: ROUTER.links.filter((l) => l.name !== 'eth1') }, ['wan eth1/0 no_device m10 [] v', WWAN]);
row('netifd: every interface on the device is down', { interfaces: interfaces(down('wan', 'eth1', true), down('wan6', undefined)) }, ['wan eth1/3 interface_down m10 [203.0.113.2 2001:db8:1::2] v4,6', WWAN]);
row('netifd: wan is down, wan6 on the same device is up: IPv6 only', {
  interfaces: interfaces(down('wan', 'eth1', true)), addresses: [address(3, '2001:db8:1::2')], routes: [route(3, '2001:db8:1::1', 1024)], uplinks: [section('wan')],
}, ['wan eth1/3 up m10 [2001:db8:1::2] v6']);
row('netifd does not know the interface', { interfaces: without('wan', 'wan6') }, ['wan /0 no_device m0 [] v', WWAN]);
row('DHCP same-subnet trap: netifd tells the new address, the kernel has none', {
  interfaces: interfaces(netifd('wan', 'eth1', ['203.0.113.1'], { metric: 10, addresses: [{ address: ip('203.0.113.77'), length: 24 }] })), uplinks: [section('wan')],
  addresses: [], routes: [],
}, ['wan eth1/3 no_address m10 [] v']);
row('route deleted behind netifd: no path of that family', { routes: ROUTER.routes.filter((r) => r.family === 6), uplinks: [section('wan')] }, ['wan eth1/3 up m10 [2001:db8:1::2] v6']);
row('all default routes deleted behind netifd', { routes: [], uplinks: [section('wan')] }, ['wan eth1/3 no_route m10 [203.0.113.2 2001:db8:1::2] v']);

// ---- Addresses ------------------------------------------------------------------------------------------------------

row('D2-1: a tentative IPv6 address is no source', { addresses: [address(3, '2001:db8:1::2', { tentative: true }), address(3, '203.0.113.2')], uplinks: [section('wan')] }, ['wan eth1/3 up m10 [203.0.113.2] v4']);
row('D2-1: only a tentative address: none', { addresses: [address(3, '2001:db8:1::2', { tentative: true })], uplinks: [section('wan')] }, ['wan eth1/3 no_address m10 [] v']);
row('D2-1: link-local addresses of both families are none', { addresses: [address(3, '169.254.1.2'), address(3, 'fe80::2')], uplinks: [section('wan')] }, ['wan eth1/3 no_address m10 [] v']);
row('D2-1: best first: global, unique local, deprecated; IPv4 primary before secondary', {
  addresses: [address(3, '2001:db8:1::1', { deprecated: true }), address(3, 'fd00::1'), address(3, '2001:db8:1::2'), address(3, '203.0.113.1', { secondary: true }), address(3, '203.0.113.2')],
  uplinks: [section('wan')],
}, ['wan eth1/3 up m10 [203.0.113.2 2001:db8:1::2 203.0.113.1 fd00::1 2001:db8:1::1] v4,6']);
row('an IPv6 default route with a source prefix carries only addresses inside it', {
  addresses: [address(3, '2001:db8:1::2'), address(3, '2001:db8:2::2')], routes: [route(3, '2001:db8:1::1', 1024, { source: prefix('2001:db8:2::/64') })], uplinks: [section('wan')],
}, ['wan eth1/3 up m10 [2001:db8:2::2] v6']);

// ---- Without a default route ----------------------------------------------------------------------------------------

row('a device named in the configuration that is not meant to have a default route counts with its addresses', {
  uplinks: [section('lab', { interface: undefined, device: 'eth0' })],
}, ['lab eth0/2 up m0 [192.168.1.1] v4']);
row('as soon as it has one default route, only that family counts', {
  uplinks: [section('lab', { interface: undefined, device: 'eth0' })], addresses: [address(2, '192.168.1.1'), address(2, '2001:db8:9::1')], routes: [route(2, '192.168.1.254', 7)],
}, ['lab eth0/2 up m0 [192.168.1.1] v4']);
row('our own routes and unreachable ones are no default route', {
  uplinks: [section('wan')], routes: [route(3, '203.0.113.1', 10, { protocol: ROUTE_PROTOCOL }), route(3, '203.0.113.1', 10, { type: 'unreachable' })],
}, ['wan eth1/3 no_route m10 [203.0.113.2 2001:db8:1::2] v']);

test('last_resort of the section is a fact, and nothing where it is not set', () => {
  const facts = uplinkFacts({ ...ROUTER, uplinks: [section('wan'), section('wwan', { lastResort: true })] });
  assert.deepEqual(facts.map((fact) => fact.lastResort), [undefined, true]);
});

test('the schedule of the section is a fact, and nothing where it is empty', () => {
  const schedule = [{ text: 'mon 08:00-18:00', days: [0], from: 480, to: 1080 }];
  const facts = uplinkFacts({ ...ROUTER, uplinks: [section('wan', { schedule: [] }), section('wwan', { schedule })] });
  assert.deepEqual(facts.map((fact) => fact.schedule), [undefined, schedule]);
});

// ---- netifd away ----------------------------------------------------------------------------------------------------

row('netifd is away: the kernel alone is believed, no false down', {
  netifdStale: true, interfaces: interfaces(down('wan', 'eth1', true)), devices: devices([{ name: 'eth1', present: true, active: true, linkActive: false }]),
}, [WAN, WWAN]);
row('netifd is away and the kernel has lost carrier: down', { netifdStale: true, links: links(link(3, 'eth1', { carrier: false })) }, ['wan eth1/3 no_carrier m10 [203.0.113.2 2001:db8:1::2] v4,6', WWAN]);

// ---- Without sections -----------------------------------------------------------------------------------------------

row('no uplink sections: every interface with a default route, by l3_device, named after the first', { uplinks: undefined }, [WAN, WWAN]);
row('no sections: wan6 comes up before wan: the uplink is still called wan', {
  uplinks: undefined, interfaces: new Map([...interfaces(down('wan', 'eth1', true)), ...byName([netifd('wan6', 'eth1', ['2001:db8:1::1'], { metric: 10 })])]),
}, [WAN, WWAN]);
row('no sections: the address of a modem page does not name the uplink', {
  uplinks: undefined, interfaces: interfaces(netifd('modem', 'eth1', [], { metric: 5 })),
}, [WAN, WWAN]);
row('no sections: a kernel default route on a device of netifd is enough', {
  uplinks: undefined, interfaces: byName([netifd('wan', 'eth1', [], { metric: 10 })]),
}, [WAN]);
row('no sections: an interface of netifd on the tunnel is no uplink', { uplinks: undefined, interfaces: interfaces(netifd('vpn', 'mobiked0', ['10.9.0.2'])) }, [WAN, WWAN]);
test('no sections: an uplink that loses its default route stays listed, as down, under its name', () => {
  const previous = uplinkFacts({ ...ROUTER, uplinks: undefined });
  const gone = uplinkFacts({ ...ROUTER, uplinks: undefined, previous, interfaces: interfaces(down('wan', 'eth1', true), down('wan6', undefined)), addresses: [address(4, '198.51.100.2')], routes: [route(4, '198.51.100.1', 20)] });
  assert.deepEqual(gone.map(brief), ['wan eth1/3 interface_down m0 [] v', WWAN]);
  const removed = uplinkFacts({ ...ROUTER, uplinks: undefined, previous: gone, interfaces: without('wan', 'wan6'), routes: [route(4, '198.51.100.1', 20)] });
  assert.deepEqual(removed.map(brief), [WWAN]);
});

// ---- --ubus none ----------------------------------------------------------------------------------------------------

const PLAIN = { uplinks: undefined, interfaces: undefined } as const;
row('--ubus none: every kernel device with a default route, never the tunnel or loopback', PLAIN,
  ['eth1 eth1/3 up m10 [203.0.113.2 2001:db8:1::2] v4,6', 'wwan0 wwan0/4 up m20 [198.51.100.2] v4']);
test('--ubus none: an uplink stays listed while its device exists', () => {
  const previous = uplinkFacts({ ...ROUTER, ...PLAIN });
  assert.deepEqual(uplinkFacts({ ...ROUTER, ...PLAIN, previous, routes: [] }).map(brief), [
    'eth1 eth1/3 no_route m0 [203.0.113.2 2001:db8:1::2] v', 'wwan0 wwan0/4 no_route m0 [198.51.100.2] v',
  ]);
  assert.deepEqual(uplinkFacts({ ...ROUTER, ...PLAIN, previous, routes: [], links: [] }), []);
});
row('--ubus none: a section may name a kernel device', { ...PLAIN, uplinks: [section('cable', { interface: undefined, device: 'eth1' })] }, ['cable eth1/3 up m10 [203.0.113.2 2001:db8:1::2] v4,6']);
row('--ubus none: a section that names an interface of netifd has no device', { ...PLAIN, uplinks: [section('wan')] }, ['wan /0 no_device m0 [] v']);
