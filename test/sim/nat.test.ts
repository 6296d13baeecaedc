import { test } from 'node:test';
import assert from 'node:assert/strict';
import { seconds, type Endpoint } from '../../src/base/index.ts';
import { Nat, type NatOptions } from './nat.ts';
import type { OuterPacket } from './packet.ts';
import { ip } from './script-core.ts';

const at = (address: string, port: number): Endpoint => ({ address: ip(address), port });
const INNER = at('192.168.1.2', 4500);
const A = at('203.0.113.1', 4500);
const A2 = at('203.0.113.1', 500);
const B = at('203.0.113.2', 4500);
const packet = (source: Endpoint, destination: Endpoint): OuterPacket => ({ protocol: 'udp', source, destination, bytes: new Uint8Array(1) });
const nat = (options: Partial<NatOptions> = {}): Nat => new Nat({ publicAddress: ip('198.51.100.9'), ...options });

test('RFC 4787 §4.1: endpoint-independent mapping uses one outer port, endpoint-dependent another per remote', () => {
  const one = nat();
  assert.deepEqual(one.outbound(packet(INNER, A), 0).source, one.outbound(packet(INNER, B), 1).source);
  const many = nat({ mapping: 'endpoint-dependent' });
  assert.notDeepEqual(many.outbound(packet(INNER, A), 0).source, many.outbound(packet(INNER, B), 1).source);
  assert.deepEqual(many.outbound(packet(INNER, A), 2).source, many.outbound(packet(INNER, A), 3).source);
});

test('RFC 4787 §4.1: address-dependent mapping: one port for all ports of a remote address', () => {
  const box = nat({ mapping: 'address-dependent' });
  const first = box.outbound(packet(INNER, A), 0).source;
  assert.deepEqual(box.outbound(packet(INNER, A2), 1).source, first);
  assert.notDeepEqual(box.outbound(packet(INNER, B), 2).source, first);
  assert.deepEqual(box.seenAs('udp', INNER, A2), first);
  assert.equal(box.seenAs('udp', at('192.168.1.3', 4500), A), undefined);
});

test('RFC 4787 §4.2.1: the port is kept while nobody else has it, and a reboot keeps it again', () => {
  const box = nat({ keepPort: true });
  assert.equal(box.outbound(packet(INNER, A), 0).source.port, 4500);
  const other = box.outbound(packet(at('192.168.1.3', 4500), A), 1).source.port;
  assert.notEqual(other, 4500);
  assert.deepEqual(box.inbound(packet(A, at('198.51.100.9', other)), 2)?.destination, at('192.168.1.3', 4500));
  box.reboot();
  assert.equal(box.outbound(packet(at('192.168.1.3', 4500), A), 3).source.port, 4500);
});

test('RFC 4787 §4.3: a mapping that has expired is made anew, with another port', () => {
  const box = nat({ expiry: seconds(30) });
  const before = box.outbound(packet(INNER, A), 0).source.port;
  assert.equal(box.outbound(packet(INNER, A), 30_000).source.port, before);
  assert.notEqual(box.outbound(packet(INNER, A), 60_001).source.port, before);
  assert.equal(box.size, 1);
});

test('a static NAT lets everybody in, keeps ports, and forgets nothing', () => {
  const box = nat({ oneToOne: INNER.address });
  const outer = at('198.51.100.9', 4500);
  assert.deepEqual(box.inbound(packet(B, outer), 0)?.destination, INNER);
  assert.deepEqual(box.outbound(packet(INNER, B), 1).source, outer);
  box.reboot();
  assert.deepEqual(box.inbound(packet(A2, outer), 1e9)?.destination, INNER);
  assert.deepEqual(box.seenAs('udp', INNER, B), outer);
});

test('RFC 4787 §5: filtering lets in whom it says', () => {
  const rows: [NatOptions['filtering'], boolean, boolean][] = [['open', true, true], ['address-restricted', true, false], ['port-restricted', false, false]];
  for (const [filtering, sameAddress, stranger] of rows) {
    const box = nat({ filtering: filtering ?? 'open' });
    const outer = box.outbound(packet(INNER, A), 0).source;
    assert.deepEqual(box.inbound(packet(A, outer), 1)?.destination, INNER);
    assert.equal(box.inbound(packet(A2, outer), 1) !== undefined, sameAddress, `${filtering}, other port`);
    assert.equal(box.inbound(packet(B, outer), 1) !== undefined, stranger, `${filtering}, stranger`);
  }
});

test('RFC 4787 §4.3: a mapping expires when idle; inbound packets keep it only where that is so', () => {
  for (const inboundRefresh of [false, true]) {
    const box = nat({ expiry: seconds(30), inboundRefresh });
    const outer = box.outbound(packet(INNER, A), 0).source;
    assert.ok(box.inbound(packet(A, outer), 20_000));
    assert.equal(box.inbound(packet(A, outer), 40_000) !== undefined, inboundRefresh);
    assert.equal(box.outbound(packet(INNER, A), 45_000).source.port === outer.port, inboundRefresh);
  }
});

test('a reboot forgets all, and new mappings use other ports', () => {
  const box = nat();
  const before = box.outbound(packet(INNER, A), 0).source;
  box.reboot();
  assert.equal(box.inbound(packet(A, before), 1), undefined);
  assert.notEqual(box.outbound(packet(INNER, A), 2).source.port, before.port);
});

test('IPv6 passes untouched', () => {
  const six = packet(at('2001:db8::2', 500), at('2001:db8::1', 500));
  assert.deepEqual(nat().outbound(six, 0), six);
  assert.deepEqual(nat().inbound(six, 0), six);
});

test('the table is bounded', () => {
  const box = nat({ mapping: 'endpoint-dependent' });
  for (let i = 0; i < 5000; i++) box.outbound(packet(at('192.168.1.2', 1000 + i), A), i);
  assert.ok(box.inbound(packet(A, box.outbound(packet(at('192.168.1.2', 5999), A), 5000).source), 5001));
  const first = box.outbound(packet(at('192.168.1.2', 1000), A), 5002).source.port;
  assert.notEqual(first, 20_000, 'the oldest made room');
});

test('a young mapping lives shorter until something leaves two seconds after it was made', () => {
  const seen = (...sends: number[]): boolean => {
    const box = nat({ expiry: seconds(120), young: seconds(30), keepPort: true });
    for (const time of sends) box.outbound(packet(INNER, A), time);
    return box.inbound(packet(A, { address: box.publicAddress, port: INNER.port }), (sends.at(-1) ?? 0) + 60_000) !== undefined;
  };
  assert.deepEqual([seen(0), seen(0, 1999), seen(0, 2000), seen(0, 31_000), seen(0, 2000, 100_000), seen(0, 100_000), seen(0, 100_000, 102_000)], [false, false, true, false, true, false, true]);
});
