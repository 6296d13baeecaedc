import { test } from 'node:test';
import assert from 'node:assert/strict';
import { err, ip, type UplinkFacts } from '../../src/base/index.ts';
import { loadConfig, type ConnectionConfig } from '../../src/config/index.ts';
import { OwnAddressBook, ownAddresses } from '../../src/daemon/own-addresses.ts';

function connection(role: 'initiator' | 'responder', ...lines: string[]): ConnectionConfig {
  const text = ["config connection 'hq'", ` option role '${role}'`, " list remote_addrs '192.0.2.1'", " option psk 'a key of the tests, long enough'", ...lines, "config child 'lan'", " option connection 'hq'",
    " list local_ts '10.1.0.0/24'", " list remote_ts '10.2.0.0/24'", ''].join('\n');
  const loaded = loadConfig(text, 'test', () => err('none'));
  assert.deepEqual(loaded.problems.filter((p) => p.severity === 'error'), []);
  return loaded.config.connections[0] as ConnectionConfig;
}

const uplink = (name: string, ifindex: number, addresses: string[], change: Partial<UplinkFacts> = {}): UplinkFacts => ({
  name, device: name, ifindex, up: true, downReason: undefined, mtu: 1500, addresses: addresses.map(ip), families: [4, 6], metric: ifindex, metered: false, dnsServers: [], ...change,
});
const HOST = [uplink('a', 2, ['203.0.113.1', '203.0.113.2', '2001:db8::1', 'fe80::1']), uplink('b', 3, ['198.51.100.1'])];

test('M3.4-1: a responder announces the addresses of its uplinks, best first; the user may forbid it', () => {
  const own = ownAddresses(connection('responder'), HOST);
  assert.deepEqual(own.announce, ['203.0.113.1', '203.0.113.2', '2001:db8::1', '198.51.100.1'], 'no link-local one');
  assert.deepEqual(own.sources[3], { uplink: 'b', ifindex: 3, address: '198.51.100.1' });
  assert.equal(ownAddresses(connection('responder', " option announce_addresses '0'"), HOST).announce, undefined);
});

test('M5.5-1: an initiator announces nothing unless it is told to', () => {
  assert.equal(ownAddresses(connection('initiator'), HOST).announce, undefined);
  assert.deepEqual(ownAddresses(connection('initiator', " option announce_addresses '1'", " list local_addrs '203.0.113.2'"), HOST).announce, ['203.0.113.2']);
});

test('M3.4-1 N-f: behind a static NAT the external addresses are announced, and the local ones are sent from', () => {
  const own = ownAddresses(connection('responder', " list external_addresses '192.0.2.77'"), [uplink('a', 2, ['10.0.0.5'])]);
  assert.deepEqual([own.announce, own.sources.map((s) => s.address)], [['192.0.2.77'], ['10.0.0.5']]);
});

test('M3.4-1: what is no way to us is not announced: uplinks that are down or not for the connection, a family without a route, the protected networks', () => {
  const facts = [uplink('a', 2, ['203.0.113.1'], { up: false }), uplink('b', 3, ['198.51.100.1', '2001:db8::1'], { families: [4] }), uplink('c', 4, ['10.1.0.1', '203.0.113.9'])];
  assert.deepEqual(ownAddresses(connection('responder'), facts).announce, ['198.51.100.1', '203.0.113.9']);
  const named = { ...connection('responder'), uplinks: ['b'] };
  assert.deepEqual(ownAddresses(named, facts).announce, ['198.51.100.1']);
  assert.deepEqual(ownAddresses({ ...named, localAddrs: [ip('203.0.113.9')] }, facts).sources, []);
  const everything = { ...connection('responder'), children: connection('responder').children.map((c) => ({ ...c, localTs: [{ address: ip('0.0.0.0'), length: 0 }] })) };
  assert.deepEqual(ownAddresses(everything, [uplink('b', 3, ['198.51.100.1'])]).announce, ['198.51.100.1'], 'all of IPv4 behind the hub');
});

test('a device that was named without a default route counts with the addresses it has; hundreds of addresses do not', () => {
  assert.equal(ownAddresses(connection('responder'), [uplink('a', 2, ['203.0.113.1'], { families: [] })]).sources.length, 1);
  const many = Array.from({ length: 200 }, (_, n) => `203.0.113.${n + 1}`);
  assert.equal(ownAddresses(connection('responder'), [uplink('a', 2, many)]).sources.length, 16);
});

test('the engine is told when something changed, and only then', () => {
  const book = new OwnAddressBook();
  const hub = connection('responder');
  assert.deepEqual(book.news([hub], HOST).map((i) => i.type), ['addresses.set']);
  assert.deepEqual(book.news([hub], HOST), []);
  assert.equal(book.news([hub], HOST.slice(0, 1)).length, 1);
  assert.deepEqual(book.news([{ ...hub, enabled: false }], HOST), []);
  assert.equal(book.news([hub], HOST.slice(0, 1)).length, 1, 'one that was off is told anew');
  assert.deepEqual(book.news([{ ...hub, name: 'other', mobike: false }], HOST), []);
});
