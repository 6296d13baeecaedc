import { test } from 'node:test';
import assert from 'node:assert/strict';
import { err, instant, ip, type UplinkFacts } from '../../src/base/index.ts';
import { nodeCrypto } from '../../src/adapters/node/crypto.ts';
import { loadConfig, type Config } from '../../src/config/index.ts';
import type { Initiator } from '../../src/daemon/initiator.ts';
import { Reporting, type RouteSources } from '../../src/daemon/reporting.ts';
import { SimEntropy } from '../sim/index.ts';

const uplink = (name: string, ifindex: number, address: string): UplinkFacts => ({
  name, device: name, ifindex, up: true, downReason: undefined, mtu: 1500, addresses: [ip(address)], families: [4], metric: ifindex, metered: false, dnsServers: [],
});
const WAN = uplink('wan', 2, '192.168.2.2');
const LTE = uplink('lte', 3, '192.168.3.2');

function configOf(broker: string, via: string): Config {
  const text = `config connection 'hq'\n list remote_addrs '192.0.2.1'\n option psk 'a key of the tests, long enough'\nconfig child 'lan'\n option connection 'hq'\n list local_ts '10.1.0.0/24'\n list remote_ts '10.2.0.0/24'\nconfig mqtt 'report'\n option broker 'mqtt://${broker}'\n option via '${via}'\n`;
  return loadConfig(text, 'test', () => err('none')).config;
}

/** How the broker is connected to: the device index of `mqtt.connect` (0: by the routing table), or undefined when it is not. */
function connects(broker: string, via: string, change: Partial<RouteSources> & { readonly on?: string; readonly childUp?: boolean; readonly responderOnly?: boolean } = {}): number | undefined {
  const config = configOf(broker, via);
  let opId = 0;
  const reporting = new Reporting({ suite: nodeCrypto(), entropy: new SimEntropy(1) }, () => ++opId);
  const effects = reporting.configure(config.mqtt, new Set(), 'node', instant(0));
  const facts = [WAN, LTE].find((u) => u.name === change.on);
  const path = facts && { uplink: facts.name, ifindex: facts.ifindex, local: { address: facts.addresses[0] ?? ip('0.0.0.0'), port: 4500 }, remote: { address: ip('192.0.2.1'), port: 4500 } };
  const initiators = new Map(change.responderOnly === true ? [] : [['hq', { name: 'hq', path } as unknown as Initiator]]);
  const known = [WAN, LTE];
  const sources = { config, initiators, uplink: (name: string) => known.find((u) => u.name === name), uplinks: change.uplinks ?? known, isChildUp: () => change.childUp ?? false };
  effects.push(...reporting.route(sources, instant(0)));
  const connect = effects.find((e) => e.type === 'mqtt.connect');
  return connect?.type === 'mqtt.connect' ? connect.ifindex : undefined;
}

test('a broker outside: bound to the uplink of the connection, before there is one to the best that is up', () => {
  assert.equal(connects('203.0.113.9', 'auto', { on: 'lte' }), 3);
  assert.equal(connects('203.0.113.9', 'auto'), 2);
  assert.equal(connects('203.0.113.9', 'uplink', { uplinks: [LTE] }), 3);
  assert.equal(connects('203.0.113.9', 'auto', { uplinks: [] }), undefined);
});

test('a broker inside a remote_ts: through the tunnel, and only while its child is up', () => {
  assert.equal(connects('10.2.0.9', 'auto', { on: 'wan', childUp: true }), 0);
  assert.equal(connects('10.2.0.9', 'auto', { on: 'wan' }), undefined);
  assert.equal(connects('10.2.0.9', 'uplink', { on: 'wan' }), 2, 'unless the user says otherwise');
});

test('via tunnel: any child that is up', () => {
  assert.equal(connects('203.0.113.9', 'tunnel', { on: 'wan', childUp: true }), 0);
  assert.equal(connects('203.0.113.9', 'tunnel', { on: 'wan' }), undefined);
});

test('a host that only answers has no chosen uplink: its routing table knows the way', () => {
  assert.equal(connects('203.0.113.9', 'auto', { responderOnly: true }), 0);
});

test('a broker by address that is reached outside the tunnel is left out of the routes into it', () => {
  const of = (broker: string, via: string): readonly string[] => {
    const reporting = new Reporting({ suite: nodeCrypto(), entropy: new SimEntropy(1) }, () => 1);
    reporting.configure(configOf(broker, via).mqtt, new Set(), 'node', instant(0));
    return reporting.literals();
  };
  assert.deepEqual(of('10.2.0.9', 'uplink'), ['10.2.0.9']);
  assert.deepEqual(of('10.2.0.9', 'auto'), []);
  assert.deepEqual(of('broker.example.com', 'uplink'), []);
});
