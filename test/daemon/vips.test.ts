import { test } from 'node:test';
import assert from 'node:assert/strict';
import { err, ip, type IpAddress } from '../../src/base/index.ts';
import { loadConfig, type Config } from '../../src/config/index.ts';
import { VirtualAddresses } from '../../src/daemon/vips.ts';
import type { IkeEvent } from '../../src/ike/index.ts';

const given = (connection: string, ...addresses: string[]): IkeEvent => ({ type: 'vip.assigned', chain: 1, connection, addresses: addresses.map((a) => ip(a)), dns: [ip('10.0.0.53')] });
const closed = (reason: 'requested' | 'peer_dead'): IkeEvent => ({ type: 'ike.closed', chain: 1, connection: 'hq', reason, detail: '' });
const text = (addresses: readonly IpAddress[]): string => addresses.join(' ');

test('I2.19-2: an address outlives the loss of its SA, and goes when the connection is taken down', () => {
  const vips = new VirtualAddresses();
  assert.equal(vips.onIke(given('hq', '10.99.0.2', 'fd99::2')), true);
  assert.equal(vips.onIke(closed('peer_dead')), false);
  assert.equal(text(vips.of('hq').addresses), '10.99.0.2 fd99::2');
  assert.equal(vips.onIke(given('hq', '10.99.0.3')), true);
  assert.equal(text(vips.of('hq').addresses), '10.99.0.3');
  assert.equal(vips.onIke(closed('requested')), true);
  assert.deepEqual(vips.of('hq'), { addresses: [], dns: [] });
});

test('I2.19-2: each connection has its own; the hub may take them back', () => {
  const vips = new VirtualAddresses();
  vips.onIke(given('hq', '10.99.0.2'));
  vips.onIke(given('lab', '10.98.0.7'));
  assert.equal(text(vips.all()), '10.99.0.2 10.98.0.7');
  assert.equal(vips.onIke(given('hq')), true);
  assert.equal(vips.onIke(given('hq')), false);
  assert.equal(text(vips.all()), '10.98.0.7');
  assert.equal(vips.forget('lab'), true);
  assert.equal(vips.forget('lab'), false);
  assert.equal(text(vips.all()), '');
});

test('what an earlier run left is judged when every connection that asks for addresses has some', () => {
  const config: Config = loadConfig(['hq', 'lab', 'plain'].map((name) => `config connection '${name}'
 list remote_addrs '192.0.2.1'
 option psk 'a key of the tests, long enough'
${name === 'plain' ? '' : " list request_vip 'ipv4'\n"}config child '${name}_lan'
 option connection '${name}'
 list local_ts '192.168.1.0/24'
 list remote_ts '10.0.0.0/8'
`).join(''), 'test', () => err('none')).config;
  assert.equal(config.connections.length, 3);
  const vips = new VirtualAddresses();
  const left = ip('10.97.0.1');
  assert.equal(vips.mayGo(left, config), false);
  vips.onIke(given('hq', '10.99.0.2'));
  assert.equal(vips.mayGo(left, config), false);
  vips.forget('hq');
  assert.equal(vips.mayGo(ip('10.99.0.2'), config), true, 'one of this run');
  vips.onIke(given('hq', '10.99.0.2'));
  vips.onIke(given('lab', '10.98.0.2'));
  assert.equal(vips.mayGo(left, config), true);
  for (let i = 0; i < 300; i++) vips.onIke(given('hq', `10.96.${i >> 8}.${i & 255}`));
  vips.forget('hq');
  assert.deepEqual([vips.mayGo(ip('10.96.1.43'), config), vips.mayGo(ip('10.96.0.0'), config)], [true, false], 'the memory is bounded');
});
