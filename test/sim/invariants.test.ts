import { test } from 'node:test';
import assert from 'node:assert/strict';
import { Secret, concat, fromHex } from '../../src/base/index.ts';
import type { ChildSpi } from '../../src/codec/ike/index.ts';
import type { Effect, EspSa } from '../../src/ports/index.ts';
import { Watch, ikeSight } from './invariants.ts';
import { CLEAR_MARK, buildInner, parseInner, type OuterPacket } from './packet.ts';
import { ip } from './script-core.ts';

const bytes = (hex: string): Uint8Array => fromHex(hex.replaceAll(' ', '')) ?? assert.fail(hex);
const outer = (content: Uint8Array, port = 4500): OuterPacket => ({
  protocol: 'udp', source: { address: ip('192.0.2.1'), port }, destination: { address: ip('192.0.2.2'), port }, bytes: content,
});
const esp = (sequence: number, iv = sequence, spi = 0x1234): OuterPacket => {
  const hex = (n: number, digits: number): string => n.toString(16).padStart(digits, '0');
  return outer(bytes(`${hex(spi, 8)}${hex(sequence, 8)}${hex(iv, 16)}${'ab'.repeat(40)}`));
};
interface Message { id: number; response?: boolean; exchange?: number; iv?: string; tail?: string; initiator?: boolean; piece?: readonly [number, number] }
const ike = ({ id, response = false, exchange = 37, iv = '0000000000000001', tail = '00', initiator = true, piece }: Message): OuterPacket => {
  const [next, numbers] = piece ? ['35', piece.map((n) => n.toString(16).padStart(4, '0')).join('')] : ['2e', ''];
  const flags = (initiator ? 8 : 0) | (response ? 32 : 0);
  return outer(bytes(`00000000 1111111111111111 2222222222222222 ${next}20${exchange.toString(16)}${flags.toString(16).padStart(2, '0')} ${id.toString(16).padStart(8, '0')} 00000050 00000034 ${numbers} ${iv} ${tail}`));
};
const sa = (handle: number, direction: 'in' | 'out' = 'out', spi = 0x1234): Effect => ({
  type: 'esp.sa.add', sa: { handle, direction, spi: spi as ChildSpi, bundle: 1, child: 1, cipher: 'aes-gcm-16', integ: undefined, key: new Secret(new Uint8Array(36)), esn: true, local: [], remote: [] } satisfies EspSa,
});

test('inner packets are built and read back', () => {
  for (const [a, b] of [['10.1.0.10', '10.2.0.10'], ['fd00:1::10', 'fd00:2::10']] as const) {
    for (const protocol of [6, 17]) {
      const packet = { protocol, source: { address: ip(a), port: 1234 }, destination: { address: ip(b), port: 7 }, payload: Uint8Array.of(1, 2, 3) };
      assert.deepEqual(parseInner(buildInner(packet)), packet);
    }
  }
  assert.equal(parseInner(Uint8Array.of(0x45, 0)), undefined);
});

test('an IKE message is recognized on both ports', () => {
  const sight = ikeSight(ike({ id: 5, response: true, initiator: false }));
  assert.deepEqual(sight, { spiI: '1111111111111111', sa: '11111111111111112222222222222222', exchange: 37, fromOriginalInitiator: false, isResponse: true, messageId: 5, iv: '0000000000000001', fragment: 1, total: 1 });
  assert.equal(ikeSight(outer(ike({ id: 5 }).bytes.subarray(4), 500))?.messageId, 5);
  assert.equal(ikeSight(esp(1)), undefined);
});

test('invariant: ESP sequence never goes back, IV never twice under one key', () => {
  const watch = new Watch('a');
  watch.effect({ type: 'esp.path.set', bundle: 1, path: { uplink: 'wan0', ifindex: 2, local: esp(0).source, remote: esp(0).destination }, encapsulation: 'udp', mtu: 1400 });
  watch.effect(sa(1));
  watch.sent(esp(1));
  watch.sent(esp(5));
  assert.throws(() => watch.sent(esp(5)), /goes back: 5 -> 5/);
  assert.throws(() => watch.sent(esp(4)), /goes back/);
  assert.throws(() => watch.sent(esp(6, 5)), /IV 0000000000000005 used twice/);
  watch.effect({ type: 'esp.sa.remove', handle: 1 });
  watch.effect(sa(2));
  watch.sent(esp(1)); // a new key under the same SPI starts anew
});

test('invariant: no clear text on an outer link', () => {
  const inner = buildInner({ protocol: 17, source: { address: ip('10.1.0.1'), port: 1 }, destination: { address: ip('10.2.0.1'), port: 2 }, payload: CLEAR_MARK });
  const watch = new Watch('a');
  assert.throws(() => watch.sent({ ...outer(inner), protocol: 'raw' }), /clear text/);
  assert.throws(() => watch.sent(outer(concat(bytes('00001234 00000001 0000000000000001 00'), inner))), /clear text/);
});

test('invariant: one request outstanding, message IDs do not go back, a repetition has the same octets', () => {
  const watch = new Watch('a');
  watch.sent(ike({ id: 2 }));
  watch.sent(ike({ id: 2 }));
  assert.throws(() => watch.sent(ike({ id: 2, iv: '0000000000000002' })), /message ID 2 .* other octets/);
  assert.throws(() => watch.sent(ike({ id: 2, tail: '01' })), /IV 0000000000000001 used twice/);
  assert.throws(() => watch.sent(ike({ id: 3, iv: '0000000000000003' })), /request 3 .* while 2 is outstanding/);
  assert.equal(watch.requestOutstanding(0), true);
  watch.received(ike({ id: 2, response: true, initiator: false }));
  assert.equal(watch.requestOutstanding(0), false);
  watch.sent(ike({ id: 3, iv: '0000000000000003' }));
  assert.throws(() => watch.sent(ike({ id: 2 })), /goes back: 3 -> 2/);
  const theirs = ike({ id: 0, initiator: false });
  watch.received({ ...theirs, source: theirs.destination, destination: theirs.source });
  // The peer's own requests have their own numbers, and its responses may be repeated.
  watch.sent(ike({ id: 0, response: true, iv: '0000000000000005' }));
  watch.sent(ike({ id: 0, response: true, iv: '0000000000000005' }));
  assert.throws(() => watch.sent(ike({ id: 0, response: true, iv: '0000000000000006' })), /\(response\)/);
});

test('invariant: FR2.5.2-1: a message may be cut into pieces, and into more of them, each with the same octets from then on; never into fewer', () => {
  const watch = new Watch('a');
  const piece = (number: number, total: number, iv = `00000000000000${total}${number}`): OuterPacket => ike({ id: 2, piece: [number, total], iv });
  assert.deepEqual([ikeSight(piece(2, 3))?.fragment, ikeSight(piece(2, 3))?.total, ikeSight(piece(2, 3))?.iv], [2, 3, '0000000000000032']);
  watch.sent(ike({ id: 2 }));
  for (const number of [1, 2, 1, 2]) watch.sent(piece(number, 2));
  assert.throws(() => watch.sent(piece(2, 2, '0000000000000099')), /message ID 2 .* other octets/);
  watch.sent(piece(1, 3));
  assert.throws(() => watch.sent(piece(1, 2)), /message ID 2 .* other octets/);
  assert.throws(() => watch.sent(ike({ id: 2 })), /message ID 2 .* other octets/);
});

test('a request that is not repeated any more was given up with its SA', () => {
  const watch = new Watch('a');
  watch.sent(ike({ id: 2 }), 0);
  watch.sent(ike({ id: 2 }), 19_000);
  assert.equal(watch.requestOutstanding(38_000), true);
  assert.equal(watch.requestOutstanding(39_001), false);
});

test('invariant: an SA is not used after its removal, an inbound one never; a handle is new', () => {
  const watch = new Watch('a');
  watch.effect(sa(1));
  assert.deepEqual(watch.spis('out'), ['1234']);
  assert.throws(() => watch.effect(sa(1)), /handle 1 used twice/);
  watch.effect({ type: 'esp.sa.use', handle: 1 });
  watch.effect({ type: 'esp.sa.remove', handle: 1 });
  assert.deepEqual(watch.spis('out'), []);
  assert.throws(() => watch.effect({ type: 'esp.sa.use', handle: 1 }), /not installed/);
  assert.throws(() => watch.effect({ type: 'esp.sa.remove', handle: 1 }), /not installed/);
  watch.effect(sa(2, 'in'));
  assert.throws(() => watch.effect({ type: 'esp.sa.use', handle: 2 }), /inbound/);
});

test('invariant: every opId is used once and answered once', () => {
  const watch = new Watch('a');
  watch.effect({ type: 'kernel.apply', opId: 1, ops: [] });
  assert.deepEqual(watch.unanswered, ['kernel.apply kernel 1']);
  assert.throws(() => watch.effect({ type: 'kernel.apply', opId: 1, ops: [] }), /opId 1 used twice/);
  watch.input({ type: 'kernel.applied', opId: 1, failures: [] });
  assert.throws(() => watch.input({ type: 'kernel.applied', opId: 1, failures: [] }), /not open/);
  watch.effect({ type: 'mqtt.publish', name: 'm', opId: 2, message: { topic: 't', payload: '', qos: 1, retain: false } });
  watch.effect({ type: 'mqtt.publish', name: 'other', opId: 3, message: { topic: 't', payload: '', qos: 1, retain: false } });
  watch.input({ type: 'mqtt.closed', name: 'm', opId: 9, why: 'gone' });
  assert.deepEqual(watch.unanswered, ['mqtt of other mqtt 3']);
});
