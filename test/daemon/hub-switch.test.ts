import { test } from 'node:test';
import assert from 'node:assert/strict';
import { err, ip, type AddressFact, type Path } from '../../src/base/index.ts';
import { loadConfig, type Config } from '../../src/config/index.ts';
import { leaveAddress, switchPeers, type HubSwitchHost } from '../../src/daemon/hub-switch.ts';
import type { IkeInput } from '../../src/ike/index.ts';

const fact = (address: string, ifindex = 2, change: Partial<AddressFact> = {}): AddressFact => ({
  ifindex, address: ip(address), prefixLength: 24, tentative: false, deprecated: false, secondary: false, global: true, ...change,
});
const from = (local: string): Path => ({ uplink: 'eth0', ifindex: 2, local: { address: ip(local), port: 4500 }, remote: { address: ip('198.51.100.7'), port: 1024 } });

function config(...lines: string[]): Config {
  const loaded = loadConfig(['a', 'b'].flatMap((name) => [
    `config connection ${name}`, ' option role responder', ' option psk 0123456789abcdef', ...(name === 'a' ? lines.map((line) => ` ${line}`) : []),
    'config child', ` option connection ${name}`, ' list local_ts 10.2.0.0/24', ` list remote_ts 10.${name === 'a' ? 1 : 3}.0.0/24`,
  ]).join('\n'), 'file', () => err('no files'));
  assert.deepEqual(loaded.problems, []);
  return loaded.config;
}

function hostOf(addresses: readonly AddressFact[], used: Config = config()): { host: HubSwitchHost; told: IkeInput[] } {
  const told: IkeInput[] = [];
  const chains = [{ chain: 1, connection: 'a', path: from('192.0.2.1') }, { chain: 2, connection: 'b', path: from('192.0.2.1') }, { chain: 3, connection: 'b', path: from('192.0.2.2') }];
  return {
    told,
    host: {
      config: used, addresses: () => addresses, uplinkOf: (ifindex) => `dev${ifindex}`, ike: (input) => told.push(input),
      engine: { switchable: () => chains, chainsOf: (name) => new Array(name === 'a' ? 2 : 2).fill({}) },
    },
  };
}
const asked = (told: readonly IkeInput[]): string[] => told.map((i) => (i.type === 'chain.switch' ? `${i.chain} ${i.to} ${i.own ? `${i.own.uplink} ${i.own.local.address}` : 'not ours'}` : i.type));

test('R-5: all who can come are asked, from the new address too if it is ours; who is there already is not', () => {
  const ours = hostOf([fact('192.0.2.1'), fact('192.0.2.2', 5)]);
  assert.deepEqual(switchPeers('192.0.2.2', undefined, ours.host), { asked: 2, passed: 2 });
  assert.deepEqual(asked(ours.told), ['1 192.0.2.2 dev5 192.0.2.2', '2 192.0.2.2 dev5 192.0.2.2']);
  const later = hostOf([fact('192.0.2.1')]);
  assert.deepEqual(switchPeers('192.0.2.9', 'a', later.host), { asked: 1, passed: 1 });
  assert.deepEqual(asked(later.told), ['1 192.0.2.9 not ours']);
  assert.deepEqual(switchPeers('2001:db8::1', undefined, later.host), { asked: 0, passed: 4 }, 'a path keeps its family');
});

test('R-5: an address that local_addrs does not have would be refused, so nobody is asked to it', () => {
  const { host, told } = hostOf([fact('192.0.2.1'), fact('192.0.2.2')], config('list local_addrs 192.0.2.1'));
  assert.match(String(switchPeers('192.0.2.2', 'a', host)), /local_addrs does not have 192\.0\.2\.2/);
  assert.deepEqual(switchPeers('192.0.2.2', undefined, host), { asked: 1, passed: 3 });
  assert.deepEqual(asked(told), ['2 192.0.2.2 dev2 192.0.2.2']);
  for (const bad of ['', 'x', '127.0.0.1', '192.0.2.1/24']) assert.match(String(switchPeers(bad, undefined, host)), /is no address/);
});

test('R-5: a lost address: those who used it are asked to another of its device, or of local_addrs, and to no other network of the hub', () => {
  const lan = hostOf([fact('10.2.0.1', 9), fact('192.0.2.3', 2, { tentative: true }), fact('192.0.2.2')]);
  leaveAddress(fact('192.0.2.1'), lan.host);
  assert.deepEqual(asked(lan.told), ['1 192.0.2.2 dev2 192.0.2.2', '2 192.0.2.2 dev2 192.0.2.2']);
  const none = hostOf([fact('10.2.0.1', 9), fact('2001:db8::1'), fact('169.254.1.1', 2, { global: false })]);
  leaveAddress(fact('192.0.2.1'), none.host);
  assert.deepEqual(none.told, []);
  const named = hostOf([fact('192.0.2.9'), fact('198.51.100.1', 9)], config('list local_addrs 192.0.2.1', 'list local_addrs 198.51.100.1'));
  leaveAddress(fact('192.0.2.1'), named.host);
  assert.deepEqual(asked(named.told), ['1 198.51.100.1 dev9 198.51.100.1', '2 192.0.2.9 dev2 192.0.2.9']);
});
