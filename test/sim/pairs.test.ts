import { test } from 'node:test';
import assert from 'node:assert/strict';
import { Secret, type Endpoint, type Path } from '../../src/base/index.ts';
import type { ChildSpi } from '../../src/codec/ike/index.ts';
import type { Effect, EspSa } from '../../src/ports/index.ts';
import type { IkeSight } from './invariants.ts';
import type { OuterPacket } from './packet.ts';
import { PairWatch } from './pairs.ts';
import { ip } from './script-core.ts';

const at = (address: string, port = 4500): Endpoint => ({ address: ip(address), port });
const ME = at('192.168.1.2');
const OTHER = at('100.64.0.2');
const HUB = at('192.0.2.1');
const path = (local: Endpoint): Path => ({ uplink: 'wan0', ifindex: 2, local, remote: HUB });
const packet = (source: Endpoint, destination: Endpoint, protocol: OuterPacket['protocol'] = 'udp'): OuterPacket => ({ protocol, source, destination, bytes: new Uint8Array(1) });
const set = (bundle: number, local: Endpoint | undefined): Effect => ({ type: 'esp.path.set', bundle, path: local && path(local), mtu: 1400 }) as Effect;
const sa = (handle: number, spi: number, bundle = 1, direction: 'in' | 'out' = 'out'): Effect => ({
  type: 'esp.sa.add', sa: { handle, direction, spi: spi as ChildSpi, bundle, child: 1, cipher: 'aes-gcm-16', integ: undefined, key: new Secret(new Uint8Array(36)), esn: true, local: [], remote: [] } satisfies EspSa,
});
const ike = (change: Partial<IkeSight> = {}): IkeSight => ({ spiI: 'aa', sa: 'aabb', exchange: 37, fromOriginalInitiator: true, isResponse: false, messageId: 1, iv: '01', fragment: 1, total: 1, ...change });

test('invariant: ESP of an IKE SA leaves on the one pair that is set, all its SAs together', () => {
  const watch = new PairWatch('a');
  watch.effect(sa(1, 0x1000));
  assert.throws(() => watch.sentEsp(packet(ME, HUB), 0x1000), /no pair is set/);
  watch.effect(set(1, ME));
  watch.effect(sa(2, 0x2000));
  watch.effect(sa(3, 0x3000, 2));
  watch.effect(set(2, OTHER));
  watch.sentEsp(packet(ME, HUB), 0x1000);
  watch.sentEsp(packet(ME, HUB), 0x2000);
  watch.sentEsp(packet(OTHER, HUB), 0x3000);
  assert.deepEqual(watch.paths.map((p) => p.local), [ME, OTHER]);
  assert.throws(() => watch.sentEsp(packet(OTHER, HUB), 0x2000), /leaves on 100.64.0.2:4500 -> 192.0.2.1:4500, the pair is 192.168.1.2:4500/);
  assert.throws(() => watch.sentEsp(packet(ME, at('192.0.2.1', 500)), 0x2000), /leaves on/);
  watch.effect(set(1, OTHER));
  assert.throws(() => watch.sentEsp(packet(ME, HUB), 0x1000), /leaves on/);
  watch.effect({ type: 'esp.sa.remove', handle: 1 });
  assert.throws(() => watch.sentEsp(packet(OTHER, HUB), 0x1000), /no pair is set/);
});

test('invariant: without UDP there are no ports to compare', () => {
  const watch = new PairWatch('a');
  watch.effect(set(1, ME));
  watch.effect(sa(1, 0x1000));
  const bare = { ...packet(at('192.168.1.2', 0), at('192.0.2.1', 0)), protocol: 'esp' } as unknown as OuterPacket;
  watch.sentEsp(bare, 0x1000);
  assert.throws(() => watch.sentEsp({ ...bare, source: at('100.64.0.2', 0) }, 0x1000), /leaves on/);
});

test('invariant: a keepalive only where ESP goes', () => {
  const watch = new PairWatch('a');
  watch.sentKeepalive(packet(OTHER, HUB));
  watch.effect(set(1, ME));
  watch.sentKeepalive(packet(ME, HUB));
  assert.throws(() => watch.sentKeepalive(packet(OTHER, HUB)), /nothing is carried/);
});

test('invariant: a response goes to where its request came from, each copy to its own', () => {
  const watch = new PairWatch('hub');
  const answer = ike({ isResponse: true, fromOriginalInitiator: false });
  assert.throws(() => watch.sentIke(packet(HUB, ME), answer, 0), /nobody asked/);
  watch.receivedIke(packet(ME, HUB), ike());
  watch.sentIke(packet(HUB, ME), answer, 0);
  assert.throws(() => watch.sentIke(packet(HUB, OTHER), answer, 0), /asked was 192.168.1.2:4500/);
  watch.receivedIke(packet(OTHER, HUB), ike());
  watch.sentIke(packet(HUB, OTHER), answer, 0);
  watch.sentIke(packet(HUB, ME), answer, 0);
  assert.throws(() => watch.sentIke(packet(at('192.0.2.2'), ME), answer, 0), /leaves on/);
  watch.mayAnswer = ({ source }) => source.address === '192.0.2.2';
  watch.sentIke(packet(at('192.0.2.2'), ME), answer, 0);
});

test('invariant: no flood of IKE messages, and no heap of SAs', () => {
  const watch = new PairWatch('a');
  for (let i = 0; i < 1000; i++) watch.sentIke(packet(ME, HUB), ike(), i * 100);
  assert.ok(watch.busiest <= 101);
  assert.throws(() => {
    for (let i = 0; i < 201; i++) watch.sentIke(packet(ME, HUB), ike(), 200_000);
  }, /201 IKE messages/);
  assert.throws(() => {
    for (let i = 0; i < 49; i++) watch.effect(sa(100 + i, 5000 + i, 1, 'in'));
  }, /49 SAs/);
});
