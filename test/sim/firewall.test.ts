import { test } from 'node:test';
import assert from 'node:assert/strict';
import { seconds, type Endpoint } from '../../src/base/index.ts';
import { Firewall } from './firewall.ts';
import type { OuterPacket } from './packet.ts';
import { ip } from './script-core.ts';

const at = (address: string, port: number): Endpoint => ({ address: ip(address), port });
const INSIDE = at('198.51.100.2', 4500);
const PEER = at('192.0.2.1', 4500);
const packet = (source: Endpoint, destination: Endpoint): OuterPacket => ({ protocol: 'udp', source, destination, bytes: new Uint8Array(1) });

test('only what was asked for comes in: the same five-tuple, turned around', () => {
  const box = new Firewall();
  assert.equal(box.inbound(packet(PEER, INSIDE), 0), false);
  box.outbound(packet(INSIDE, PEER), 1);
  assert.equal(box.inbound(packet(PEER, INSIDE), 2), true);
  assert.equal(box.inbound(packet(at('192.0.2.1', 500), INSIDE), 2), false, 'another port');
  assert.equal(box.inbound(packet(at('192.0.2.2', 4500), INSIDE), 2), false, 'another address');
  assert.equal(box.inbound(packet(PEER, at('198.51.100.2', 500)), 2), false, 'another port of ours');
  assert.equal(box.inbound({ ...packet(PEER, INSIDE), protocol: 'tcp' }, 2), false, 'another protocol');
  assert.equal(box.refused, 5);
  box.reboot();
  assert.equal(box.inbound(packet(PEER, INSIDE), 3), false);
});

test('a state ends when idle; whether inbound packets keep it is an option', () => {
  for (const inboundRefresh of [true, false]) {
    const box = new Firewall({ idle: seconds(30), inboundRefresh });
    box.outbound(packet(INSIDE, PEER), 0);
    assert.equal(box.inbound(packet(PEER, INSIDE), 30_000), true);
    assert.equal(box.inbound(packet(PEER, INSIDE), 30_001), inboundRefresh);
    assert.equal(box.inbound(packet(PEER, INSIDE), 90_000), false);
  }
});

test('the table is bounded', () => {
  const box = new Firewall();
  for (let i = 0; i < 5000; i++) box.outbound(packet(at('198.51.100.2', i + 1), PEER), i);
  assert.equal(box.size, 4096);
  assert.equal(box.inbound(packet(PEER, at('198.51.100.2', 1)), 5000), false);
  assert.equal(box.inbound(packet(PEER, at('198.51.100.2', 5000)), 5000), true);
});
