import { test } from 'node:test';
import assert from 'node:assert/strict';
import type { Json } from '../../../src/base/index.ts';
import { decodeDeviceStatus, decodeDevices, decodeDump, decodeInterfaceStatus } from '../../../src/codec/ubus/index.ts';
import { recordedJson } from '../../golden/ubus/captures.ts';

test('a dump of netifd: every interface, with metric, addresses and default routes', () => {
  const all = decodeDump(recordedJson('dump')) ?? assert.fail();
  assert.deepEqual(all.map((status) => status.interface).sort(), ['cell', 'lan', 'loopback', 'wan', 'wan6', 'wwan']);
  const wan = all.find((status) => status.interface === 'wan');
  assert.deepEqual(wan, {
    interface: 'wan', up: true, pending: false, available: true, device: 'eth1', l3Device: 'eth1', metric: 10,
    addresses: [{ address: '203.0.113.2', length: 24 }], defaultRoutes: [{ family: 4, gateway: '203.0.113.1' }], dnsServers: ['203.0.113.1'],
  });
  const wan6 = all.find((status) => status.interface === 'wan6');
  assert.equal(wan6?.l3Device, 'eth1', 'trap 7: two interfaces, one link');
  assert.deepEqual(wan6?.defaultRoutes, [{ family: 6, gateway: '2001:db8:1::1' }]);
  assert.deepEqual(all.find((status) => status.interface === 'cell')?.defaultRoutes, [{ family: 4, gateway: '100.64.3.1' }], 'trap 4: source ADDRESS/32 of DHCP');
});

test('trap 3: absent keys of a down or pending interface read as false, 0 and empty', () => {
  const empty = { metric: 0, l3Device: undefined, addresses: [], defaultRoutes: [], dnsServers: [] };
  assert.deepEqual(decodeInterfaceStatus(recordedJson('status-wwan-down'), 'wwan'), { interface: 'wwan', up: false, pending: false, available: true, device: 'wwan0', ...empty });
  assert.deepEqual(decodeInterfaceStatus(recordedJson('status-cell-pending'), 'cell'), { interface: 'cell', up: false, pending: true, available: true, device: 'eth2', ...empty });
  assert.equal(decodeDump(recordedJson('dump-wwan-down'))?.find((status) => status.interface === 'wwan')?.up, false);
});

test('trap 4: a route in `inactive` (defaultroute 0) is no default route', () => {
  const status = decodeInterfaceStatus(recordedJson('status-wwan-defaultroute0-peerdns0'), 'wwan');
  assert.deepEqual(status?.defaultRoutes, []);
  assert.equal(status?.up, true);
});

test('static with force_link stays up without carrier; only the device knows', () => {
  assert.equal(decodeInterfaceStatus(recordedJson('status-wan-no-carrier-force_link'), 'wan')?.up, true);
  assert.deepEqual(decodeDeviceStatus(recordedJson('device-status-eth1-no-carrier'), 'eth1'), { name: 'eth1', present: true, active: true, linkActive: false });
  assert.deepEqual(decodeDeviceStatus(recordedJson('device-status-eth1'), 'eth1'), { name: 'eth1', present: true, active: true, linkActive: true });
  assert.deepEqual(decodeDeviceStatus({ name: 'eth1', auth_status: false, present: true, active: true, link_active: false }), { name: 'eth1', present: true, active: true, linkActive: false });
  assert.equal(decodeDevices(recordedJson('device-status-all'))?.length, 5);
});

test('ES3-5: DHCP tells its server, and time servers where the network does', () => {
  assert.equal(decodeInterfaceStatus(recordedJson('status-cell'), 'cell')?.dhcpServer, '100.64.3.1');
  const lease = (data: Json): unknown => {
    const status = decodeInterfaceStatus({ interface: 'x', up: true, data });
    return [status?.dhcpServer, status?.timeServers];
  };
  assert.deepEqual(lease({ ntpserver: '192.0.2.123 2001:db8::123 time.example.com  192.0.2.123' }), [undefined, ['192.0.2.123', '2001:db8::123']]);
  for (const nothing of [{}, null, [], 'x', { ntpserver: 'time.example.com', dhcpserver: 'no' }, { ntpserver: 7, dhcpserver: ['10.0.0.1'] }, { ntpserver: '' }]) assert.deepEqual(lease(nothing), [undefined, undefined], JSON.stringify(nothing));
  const many = decodeInterfaceStatus({ interface: 'x', up: true, data: { ntpserver: Array.from({ length: 5000 }, (_, k) => `10.0.${k >> 8}.${k & 255}`).join(' ') } });
  assert.equal(many?.timeServers?.length, 64);
});

test('24.10 answers in the same shape', () => {
  assert.deepEqual(decodeInterfaceStatus(recordedJson('status-wan-24.10'), 'wan'), decodeInterfaceStatus(recordedJson('status-wan'), 'wan'));
});

test('routes: point-to-point, other tables, prefixes that are not the default, twice the same', () => {
  const routes = (...route: Json[]): unknown => decodeInterfaceStatus({ interface: 'x', up: true, route })?.defaultRoutes;
  assert.deepEqual(routes({ target: '0.0.0.0', mask: 0 }, { target: '0.0.0.0', mask: 0, nexthop: '0.0.0.0' }), [{ family: 4, gateway: undefined }]);
  assert.deepEqual(routes({ target: '::', mask: 0, nexthop: 'fe80::1', source: '2001:db8::/56' }, { target: '::', mask: 0, nexthop: 'fe80::1', source: '2001:db8:1::/56' }), [{ family: 6, gateway: 'fe80::1' }]);
  assert.deepEqual(routes({ target: '0.0.0.0', mask: 1, nexthop: '192.0.2.1' }, { target: '192.0.2.0', mask: 0 }, { target: '0.0.0.0', mask: 0, nexthop: '192.0.2.1', table: 100 }), []);
  assert.deepEqual(routes({ target: '0.0.0.0', mask: 0, nexthop: '192.0.2.1', table: 254 }), [{ family: 4, gateway: '192.0.2.1' }]);
});

test('total on any JSON', () => {
  const odd: Json[] = [null, true, 0, 'x', [], {}, { interface: 5, up: true }, { interface: 'x' }, { interface: 'x', up: 'yes' }, { interface: [null, {}, { interface: 'x', up: true, route: [null, 5, {}], 'ipv4-address': 'no', 'dns-server': [null, 'no'], metric: 'a' }] }];
  for (const json of odd) {
    decodeInterfaceStatus(json);
    decodeDump(json);
    decodeDeviceStatus(json);
    decodeDevices(json);
  }
  assert.deepEqual(decodeDump(odd.at(-1))?.map((status) => status.interface), ['x']);
  assert.equal(decodeDump({}), undefined, 'no list is not an empty list');
  assert.equal(decodeInterfaceStatus({ interface: 'x' }), undefined);
});

test('long lists are cut', () => {
  const many = Array.from({ length: 5000 }, (_, i) => ({ interface: `i${i}`, up: true, 'dns-server': Array.from({ length: 100 }, (_, k) => `10.0.0.${k}`) }));
  const all = decodeDump({ interface: many }) ?? assert.fail();
  assert.equal(all.length, 256);
  assert.equal(all[0]?.dnsServers.length, 64);
});
