import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Secret, concat, instant, type Instant } from '../../src/base/index.ts';
import type { EspInput } from '../../src/ports/index.ts';
import { MAX_INBOUND_PATHS, MAX_SAS, NEXT_HEADER, NonceGuard, REPLAY_WINDOW, SoftEsp, sealEsp } from '../../src/esp/index.ts';
import type { EspDatagram } from '../../src/esp/index.ts';
import { nodeCrypto } from '../../src/adapters/node/crypto.ts';
import { AEAD_MIN, endpoint, espKeys, hex, keyOf, packet, path, sa, tcpSyn, ts, udp } from './fixtures.ts';

const suite = nodeCrypto();
const NOW = instant(1000);
const A = '192.0.2.1';
const B = '198.51.100.9';
const here = [ts('10.1.0.0/16'), ts('fd00:1::/32')];
const there = [ts('10.2.0.0/16'), ts('fd00:2::/32')];
const PING = packet('10.1.0.1', '10.2.0.1', 17, udp(1, 2));

/** Two planes with one child between them: SPI 0x1001 from left to right, 0x2001 back. */
function pair(options: { esn?: boolean } = {}): { left: SoftEsp; right: SoftEsp } {
  const nonceGuard = new NonceGuard();
  const left = new SoftEsp(suite, { nonceGuard });
  const right = new SoftEsp(suite, { nonceGuard });
  const esn = options.esn ?? true;
  left.apply({ type: 'esp.sa.add', sa: sa({ handle: 1, direction: 'out', spi: 0x1001, esn, key: keyOf(1) }) }, NOW);
  left.apply({ type: 'esp.sa.add', sa: sa({ handle: 2, direction: 'in', spi: 0x2001, esn, key: keyOf(2) }) }, NOW);
  left.apply({ type: 'esp.sa.use', handle: 1 }, NOW);
  left.apply({ type: 'esp.path.set', encapsulation: 'udp', bundle: 1, path: path(A, B), mtu: 1400 }, NOW);
  right.apply({ type: 'esp.sa.add', sa: sa({ handle: 1, direction: 'in', spi: 0x1001, esn, key: keyOf(1), local: there, remote: here }) }, NOW);
  right.apply({ type: 'esp.sa.add', sa: sa({ handle: 2, direction: 'out', spi: 0x2001, esn, key: keyOf(2), local: there, remote: here }) }, NOW);
  right.apply({ type: 'esp.sa.use', handle: 2 }, NOW);
  right.apply({ type: 'esp.path.set', encapsulation: 'udp', bundle: 1, path: path(B, A), mtu: 1400 }, NOW);
  return { left, right };
}

/** The datagram as the other end sees it. */
const across = (sent: EspDatagram, ifindex = 5): EspDatagram => ({ ifindex, local: sent.remote, remote: sent.local, bytes: sent.bytes.slice() });

function send(from: SoftEsp, inner: Uint8Array): EspDatagram {
  const [datagram, ...more] = from.outbound(inner, NOW);
  assert.ok(datagram !== undefined && more.length === 0);
  return across(datagram);
}

test('ES2-1 ES3-3: packets of both families go through and are counted', () => {
  const { left, right } = pair();
  const six = packet('fd00:1::1', 'fd00:2::1', 17, udp(1, 2, 33));
  const first = right.inbound(send(left, PING), NOW);
  assert.deepEqual(first.inner, PING);
  assert.deepEqual(first.inputs, [{ type: 'esp.firstInbound', handle: 1 }]);
  const second = right.inbound(send(left, six), instant(1500));
  assert.deepEqual(second.inner, six);
  assert.deepEqual(second.inputs, [], 'esp.firstInbound comes once');
  assert.deepEqual(left.inbound(send(right, packet('10.2.0.1', '10.1.0.1', 17, udp(2, 1))), NOW).inner?.length, PING.length);
  const report = right.report();
  assert.deepEqual(report.sas.find((row) => row.handle === 1), { handle: 1, packets: 2, bytes: PING.length + six.length, sequence: 2 });
  assert.deepEqual(report.bundles, [{
    bundle: 1, sent: 1, lastSent: NOW, lastAny: NOW,
    inbound: [{ ifindex: 5, local: endpoint(B, 4500), remote: endpoint(A, 4500), packets: 2, last: 1500, ahead: 1500 }],
  }]);
  assert.deepEqual(report.drops, {});
});

test('ES3.4-1: a replayed packet is dropped, also from another address; a forged one changes nothing', () => {
  const { left, right } = pair();
  const one = send(left, PING);
  const forged = { ...one, bytes: one.bytes.slice() };
  forged.bytes[forged.bytes.length - 1] = (forged.bytes.at(-1) ?? 0) ^ 1;
  const far = { ...one, bytes: one.bytes.slice() };
  far.bytes[6] = 0x40; // sequence far ahead: must not move the window before the ICV is known
  assert.deepEqual(right.inbound(forged, NOW), { inputs: [] });
  assert.deepEqual(right.inbound(far, NOW), { inputs: [] });
  assert.deepEqual(right.report().bundles[0]?.inbound, [], 'no path is learnt from it');
  assert.ok(right.inbound(one, NOW).inner);
  assert.equal(right.inbound({ ...one, remote: endpoint('203.0.113.5', 9) }, NOW).inner, undefined);
  assert.deepEqual(right.report().drops, { icv: 2, replay: 1 });
  assert.equal(right.report().bundles[0]?.inbound.length, 1);
});

test('M3.8-5: where the newest packet of an SA came from is told; a late one and a replayed one are not the newest', () => {
  const { left, right } = pair();
  const [first, second, third] = [send(left, PING), send(left, PING), send(left, PING)];
  const from = (datagram: EspDatagram, port: number): EspDatagram => ({ ...datagram, remote: { ...datagram.remote, port }, bytes: datagram.bytes.slice() });
  const seen = (): [number, number, Instant | undefined][] => right.report().bundles[0]?.inbound.map(({ remote, last, ahead }) => [remote.port, last, ahead]) ?? [];
  right.inbound(second, instant(1000));
  right.inbound(from(first, 7001), instant(1001));
  right.inbound(from(second, 7002), instant(1002));
  assert.deepEqual(seen(), [[4500, 1000, 1000], [7001, 1001, undefined]]);
  right.inbound(from(third, 7001), instant(1003));
  assert.deepEqual(seen(), [[4500, 1000, 1000], [7001, 1003, 1003]]);
});

test('ES3.3-1: without ESN the sequence number does not wrap', () => {
  const { left, right } = pair({ esn: false });
  left.skipTo(1, 0xffff_fffe);
  right.skipTo(1, 0xffff_fffe);
  assert.ok(right.inbound(send(left, PING), NOW).inner);
  assert.equal(left.report().sas[0]?.sequence, 0xffff_ffff);
  assert.deepEqual(left.outbound(PING, NOW), []);
  assert.deepEqual(left.report().drops, { sequence_exhausted: 1 });
});

test('ES3.3-1 ES3.4-1: with ESN packets pass 2^32 in any order', () => {
  const { left, right } = pair();
  left.skipTo(1, 2 ** 32 - 20);
  right.skipTo(1, 2 ** 32 - 20);
  const sent = Array.from({ length: 40 }, () => send(left, PING));
  for (const datagram of [...sent.slice(25), ...sent.slice(0, 25)]) assert.ok(right.inbound(datagram, NOW).inner);
  for (const datagram of sent) assert.equal(right.inbound(datagram, NOW).inner, undefined);
  assert.equal(right.report().sas[0]?.sequence, 2 ** 32 + 20);
  assert.deepEqual(right.report().drops, { replay: 40 });
});

test('ES3-3: the sequence number never goes back, and the guard sees a nonce used twice', () => {
  const { left } = pair();
  send(left, PING);
  left.skipTo(1, 0);
  send(left, PING);
  assert.equal(left.report().sas[0]?.sequence, 2);
  const guard = new NonceGuard();
  const twin = new SoftEsp(suite, { nonceGuard: guard });
  for (const handle of [1, 2]) {
    twin.apply({ type: 'esp.sa.add', sa: sa({ handle, child: handle, direction: 'out', spi: 0x1000 + handle, key: keyOf(9) }) }, NOW);
    twin.apply({ type: 'esp.path.set', encapsulation: 'udp', bundle: 1, path: path(A, B), mtu: 1400 }, NOW);
  }
  twin.apply({ type: 'esp.sa.use', handle: 1 }, NOW);
  assert.equal(twin.outbound(PING, NOW).length, 1);
  twin.apply({ type: 'esp.sa.remove', handle: 1 }, NOW);
  twin.apply({ type: 'esp.sa.use', handle: 2 }, NOW);
  assert.throws(() => twin.outbound(PING, NOW), new RegExp('nonce used twice'));
});

test('ES3-2 NK-7: a peer may not send from addresses its SA does not allow', () => {
  const { left, right } = pair();
  left.apply({ type: 'esp.sa.add', sa: sa({ handle: 9, child: 9, direction: 'out', spi: 0x1001, key: keyOf(1), local: [ts('10.9.0.0/16')], remote: there }) }, NOW);
  left.skipTo(9, 100);
  left.apply({ type: 'esp.sa.use', handle: 9 }, NOW);
  const got = right.inbound(send(left, packet('10.9.0.1', '10.2.0.1', 17, udp(1, 2))), NOW);
  assert.equal(got.inner, undefined);
  assert.deepEqual(right.report().drops, { selector: 1 });
});

test('ES2-1: TFC octets are cut, dummies and wrong contents dropped by cause', () => {
  const { right } = pair();
  const keys = espKeys(suite, { handle: 1, direction: 'out', spi: 0x1001, key: keyOf(1) });
  let sequence = 0;
  const give = (inner: Uint8Array, next: number): Uint8Array | undefined =>
    right.inbound({ ifindex: 1, local: endpoint(B, 4500), remote: endpoint(A, 4500), bytes: sealEsp(keys, ++sequence, inner, next) }, NOW).inner;
  assert.deepEqual(give(concat(PING, new Uint8Array(99)), NEXT_HEADER.IPV4), PING);
  assert.equal(give(hex(''), NEXT_HEADER.DUMMY), undefined);
  assert.equal(give(PING, NEXT_HEADER.IPV6), undefined);
  assert.equal(give(PING, 6), undefined);
  assert.equal(give(PING.subarray(0, 30), NEXT_HEADER.IPV4), undefined);
  assert.deepEqual(right.report().drops, { dummy: 1, bad_next_header: 2, bad_inner: 1 });
  assert.equal(right.report().sas[0]?.packets, 5, 'all of them were fresh and authentic');
});

test('RFC 7296 §2.8: after esp.sa.use packets leave under the new SA while the old one still receives', () => {
  const { left, right } = pair();
  const old = send(left, PING);
  right.apply({ type: 'esp.sa.add', sa: sa({ handle: 11, direction: 'in', spi: 0x1002, key: keyOf(3), local: there, remote: here }) }, NOW);
  left.apply({ type: 'esp.sa.add', sa: sa({ handle: 11, direction: 'out', spi: 0x1002, key: keyOf(3) }) }, NOW);
  assert.equal(send(left, PING).bytes[3], 0x01, 'not used before esp.sa.use');
  left.apply({ type: 'esp.sa.use', handle: 11 }, NOW);
  const young = send(left, PING);
  assert.equal(young.bytes[3], 0x02);
  assert.deepEqual(right.inbound(young, NOW).inputs, [{ type: 'esp.firstInbound', handle: 11 }]);
  assert.ok(right.inbound(old, NOW).inner, 'K-8: the old SA drains');
  right.apply({ type: 'esp.sa.remove', handle: 1 }, NOW);
  const late = right.inbound(old, NOW);
  assert.equal(late.inputs[0]?.type, 'esp.unknownSpi');
});

test('K-8 M3.5: a moved bundle leaves on its new path and receives on every address', () => {
  const { left, right } = pair();
  left.apply({ type: 'esp.path.set', encapsulation: 'udp', bundle: 1, path: path('203.0.113.7', B, 3), mtu: 1300 }, NOW);
  const [moved] = left.outbound(PING, NOW);
  assert.deepEqual([moved?.ifindex, moved?.local.address], [3, '203.0.113.7']);
  assert.ok(moved && right.inbound(across(moved), NOW).inner);
  left.apply({ type: 'esp.path.set', encapsulation: 'udp', bundle: 1, path: undefined, mtu: 1300 }, NOW);
  assert.deepEqual(left.outbound(PING, NOW), [], 'ES3-5: held back, never in clear');
  assert.deepEqual(left.report().drops, { no_path: 1 });
});

test('ES3-5: what no child carries is dropped and counted', () => {
  const { left } = pair();
  assert.deepEqual(left.outbound(packet('10.1.0.1', '8.8.8.8', 17, udp(1, 2)), NOW), []);
  assert.deepEqual(left.outbound(hex('00'), NOW), []);
  left.apply({ type: 'esp.sa.remove', handle: 1 }, NOW);
  assert.deepEqual(left.outbound(PING, NOW), []);
  assert.deepEqual(left.report().drops, { no_sa: 2, not_ip: 1 });
});

test('F-1: esp.dummy sends under each used SA, and does not count as user traffic', () => {
  const { left, right } = pair();
  assert.deepEqual(left.apply({ type: 'esp.dummy', bundle: 1 }, instant(2000)), []);
  const [dummy, ...more] = left.takeDatagrams();
  assert.ok(dummy && more.length === 0 && dummy.bytes.length >= AEAD_MIN);
  const bundle = left.report().bundles[0];
  assert.deepEqual([bundle?.sent, bundle?.lastSent, bundle?.lastAny], [0, undefined, 2000]);
  const got = right.inbound(across(dummy), NOW);
  assert.equal(got.inner, undefined);
  assert.deepEqual(got.inputs, [{ type: 'esp.firstInbound', handle: 1 }]);
  assert.equal(right.report().bundles[0]?.inbound.length, 1, 'but it proves the path');
});

test('F-4 ES3-4: MSS is clamped both ways, too big is answered', () => {
  const { left, right } = pair();
  right.apply({ type: 'esp.path.set', encapsulation: 'udp', bundle: 1, path: path(B, A), mtu: 1200 }, NOW);
  const got = right.inbound(send(left, tcpSyn('10.1.0.1', '10.2.0.1', hex('020405b4'))), NOW).inner;
  assert.deepEqual(got?.slice(42, 44), hex('0488'), '1200 - 40 at the receiver');
  assert.deepEqual(left.outbound(packet('10.1.0.1', '10.2.0.1', 17, udp(1, 2, 1400), { df: true }), NOW), []);
  assert.equal(left.takeReplies().length, 1);
  assert.equal(left.outbound(packet('10.1.0.1', '10.2.0.1', 17, udp(1, 2, 1400)), NOW).length, 1, 'without DF it goes, the outer packet is fragmented');
});

test('M3.5 esp.unknownSpi: at most one a second; keepalives and short datagrams are only counted', () => {
  const { right } = pair();
  const unknown = (now: number): EspInput[] =>
    right.inbound({ ifindex: 1, local: endpoint(B, 4500), remote: endpoint(A, 7), bytes: hex('0badcafe 00000001') }, instant(now)).inputs;
  const told: EspInput = { type: 'esp.unknownSpi', spi: 0x0badcafe, local: endpoint(B, 4500), remote: endpoint(A, 7) };
  assert.deepEqual([unknown(1000), unknown(1999), unknown(2000)], [[told], [], [told]]);
  for (const bytes of [hex('ff'), hex('ffff'), hex('0000 1001 0000 0001')]) {
    assert.deepEqual(right.inbound({ ifindex: 1, local: endpoint(B, 4500), remote: endpoint(A, 7), bytes }, NOW), { inputs: [] });
  }
  assert.deepEqual(right.report().drops, { unknown_spi: 3, keepalive: 1, malformed: 2 });
});

/** A plane that is to get the SA under which `sent` were sealed: 0x1001 between the two of `pair`. */
function early(): { plane: SoftEsp; sent: EspDatagram[]; arrive: (datagram: EspDatagram | undefined, at?: number) => EspInput[]; add: () => void } {
  const { left } = pair();
  const plane = new SoftEsp(suite);
  plane.apply({ type: 'esp.path.set', encapsulation: 'udp', bundle: 1, path: path(B, A), mtu: 1400 }, NOW);
  return {
    plane,
    sent: Array.from({ length: 4 }, (_, i) => send(left, packet('10.1.0.1', '10.2.0.1', 17, udp(1, i)))),
    arrive: (datagram, at = NOW) => {
      assert.ok(datagram);
      const { inner, inputs } = plane.inbound(datagram, instant(at));
      assert.equal(inner, undefined);
      return inputs;
    },
    add: () => void plane.apply({ type: 'esp.sa.add', sa: sa({ handle: 1, direction: 'in', spi: 0x1001, key: keyOf(1), local: there, remote: here }) }, NOW),
  };
}

const portsOf = (inners: readonly Uint8Array[]): (number | undefined)[] => inners.map((inner) => inner[23]);

test('ES2-1 RFC 7296 §2.8: packets that come before their SA are given to it in order, with path, class and first-inbound, and counted once', () => {
  const { plane, sent, arrive, add } = early();
  assert.deepEqual(arrive(sent[0]).map((input) => input.type), ['esp.unknownSpi'], 'told at once');
  arrive(sent[1]);
  arrive(sent[2]);
  assert.deepEqual(plane.report().drops, { unknown_spi: 3 }, 'lost for all that is known');
  assert.deepEqual(plane.takeHeld(NOW), { inners: [], inputs: [] }, 'without the SA nothing is given');
  assert.equal(plane.heldDue, false);
  add();
  assert.equal(plane.heldDue, true);
  const { inners, inputs } = plane.takeHeld(instant(1700));
  assert.deepEqual(portsOf(inners), [0, 1, 2]);
  assert.deepEqual(inputs, [{ type: 'esp.firstInbound', handle: 1 }]);
  const report = plane.report();
  assert.deepEqual(report.drops, {});
  assert.deepEqual(report.sas, [{ handle: 1, packets: 3, bytes: 3 * PING.length, sequence: 3 }]);
  assert.deepEqual(report.bundles[0]?.inbound, [{ ifindex: 5, local: endpoint(B, 4500), remote: endpoint(A, 4500), packets: 3, last: 1700, ahead: 1700 }], 'as if they had just come');
  assert.deepEqual([plane.heldDue, plane.takeHeld(NOW).inners.length], [false, 0]);
  assert.deepEqual(plane.inbound(sent[3] as EspDatagram, NOW).inputs, [], 'no longer the first');
});

test('ES3.4-1 NK-7: what was held goes through every check: replay, ICV, selectors, ECN', () => {
  const { plane, sent, arrive, add } = early();
  const [one, two] = sent;
  assert.ok(one && two);
  const forged = { ...two, bytes: two.bytes.slice() };
  forged.bytes[forged.bytes.length - 1] = (forged.bytes.at(-1) ?? 0) ^ 1;
  arrive(one);
  arrive(one);
  arrive(forged);
  arrive({ ...two, bytes: two.bytes.subarray(0, AEAD_MIN - 1) });
  arrive({ ...two, trafficClass: 3 }); // "congestion" around a packet whose transport does not know ECN
  add();
  assert.deepEqual(portsOf(plane.takeHeld(NOW).inners), [0]);
  assert.deepEqual(plane.report().drops, { replay: 1, icv: 1, malformed: 1, ecn: 1 });
  assert.equal(plane.inbound(one, NOW).inner, undefined);
  assert.equal(plane.inbound(two, NOW).inner, undefined);
  assert.equal(plane.report().drops['replay'], 3, 'and none of them is taken a second time');

  const narrow = early();
  narrow.arrive(narrow.sent[0]);
  narrow.plane.apply({ type: 'esp.sa.add', sa: sa({ handle: 1, direction: 'in', spi: 0x1001, key: keyOf(1), local: there, remote: [ts('10.7.0.0/16')] }) }, NOW);
  assert.deepEqual(narrow.plane.takeHeld(NOW).inners, []);
  assert.deepEqual(narrow.plane.report().drops, { selector: 1 });
});

test('RFC 7296 §2.8: what came more than 2 s before its SA stays dropped, as does what an outbound SA of that SPI is added for', () => {
  const { plane, sent, arrive, add } = early();
  arrive(sent[0], 1000);
  arrive(sent[1], 1001);
  plane.apply({ type: 'esp.sa.add', sa: sa({ handle: 7, direction: 'out', spi: 0x1001 }) }, NOW);
  assert.equal(plane.heldDue, false);
  add();
  assert.deepEqual(portsOf(plane.takeHeld(instant(3001)).inners), [1]);
  assert.deepEqual(plane.report().drops, { unknown_spi: 1 });
});

test('NK-5: strangers can push out what is held, and cost 64 datagrams of memory, nothing else', () => {
  const { plane, sent, arrive, add } = early();
  arrive(sent[0]);
  arrive(sent[1]);
  for (let i = 0; i < 63; i++) arrive({ ...(sent[2] as EspDatagram), bytes: hex('0badcafe 00000001 00000000') });
  add();
  assert.deepEqual(portsOf(plane.takeHeld(NOW).inners), [1]);
  assert.deepEqual(plane.report().drops, { unknown_spi: 64 });
});

test('NK-5: bounds and bugs: reserved SPI, repeated handle, too many SAs, too many paths', () => {
  const plane = new SoftEsp(suite);
  const add = (options: Parameters<typeof sa>[0]): void => void plane.apply({ type: 'esp.sa.add', sa: sa(options) }, NOW);
  assert.throws(() => add({ handle: 1, direction: 'in', spi: 255 }));
  add({ handle: 1, direction: 'in', spi: 256 });
  assert.throws(() => add({ handle: 2, direction: 'in', spi: 256 }));
  assert.throws(() => add({ handle: 1, direction: 'out', spi: 300 }));
  assert.throws(() => plane.apply({ type: 'esp.sa.add', sa: { ...sa({ handle: 3, direction: 'out', spi: 1 }), key: new Secret(new Uint8Array(24)) } }, NOW));
  for (let handle = 2; handle <= MAX_SAS + 5; handle++) add({ handle, direction: 'out', spi: handle });
  assert.equal(plane.report().sas.length, MAX_SAS);
  assert.deepEqual(plane.report().drops, { sa_refused: 5 });

  const { left, right } = pair();
  for (let port = 1; port <= MAX_INBOUND_PATHS + 3; port++) right.inbound({ ...send(left, PING), remote: endpoint(A, port) }, instant(port));
  right.inbound({ ...send(left, PING), remote: endpoint(A, 4) }, instant(99));
  assert.deepEqual(right.report().bundles[0]?.inbound.map((row) => row.remote.port), [5, 6, 7, 8, 9, 10, 11, 4], 'least recent dropped first');
});

test('ES3.4-1: reordering by as much as the window is taken, one more is not', () => {
  const { left, right } = pair();
  const sent = Array.from({ length: REPLAY_WINDOW + 1 }, () => send(left, PING));
  assert.ok(right.inbound(sent[REPLAY_WINDOW] as EspDatagram, NOW).inner);
  assert.equal(right.inbound(sent[0] as EspDatagram, NOW).inner, undefined);
  assert.ok(right.inbound(sent[1] as EspDatagram, NOW).inner);
});

test('the key is wiped in the effect once the plane has it', () => {
  const added = sa({ handle: 1, direction: 'out', spi: 1 });
  new SoftEsp(suite).apply({ type: 'esp.sa.add', sa: added }, NOW);
  assert.ok(added.key.reveal().every((octet) => octet === 0));
});

test('ES3-3: whatever becomes of path and use, the counter of an SA only grows, and starts at 1', () => {
  const { left } = pair();
  const sequences: number[] = [];
  const note = (sent: readonly EspDatagram[]): void => sent.forEach(({ bytes }) => sequences.push(new DataView(bytes.buffer, bytes.byteOffset).getUint32(4)));
  note(left.outbound(PING, NOW));
  const changes: (() => unknown)[] = [
    () => left.apply({ type: 'esp.path.set', encapsulation: 'udp', bundle: 1, path: path('203.0.113.7', B, 3), mtu: 1300 }, NOW),
    () => left.apply({ type: 'esp.path.set', encapsulation: 'udp', bundle: 1, path: undefined, mtu: 1300 }, NOW),
    () => left.apply({ type: 'esp.path.set', encapsulation: 'udp', bundle: 1, path: path(A, B), mtu: 1400 }, NOW),
    () => left.apply({ type: 'esp.dummy', bundle: 1 }, NOW),
    () => left.apply({ type: 'esp.sa.use', handle: 1 }, NOW),
    () => left.skipTo(1, 2),
    () => assert.throws(() => left.apply({ type: 'esp.sa.add', sa: sa({ handle: 1, direction: 'out', spi: 0x1001, key: keyOf(1) }) }, NOW)),
  ];
  for (const change of changes) {
    change();
    note(left.takeDatagrams());
    note(left.outbound(PING, NOW));
  }
  assert.deepEqual(sequences, [1, 2, 3, 4, 5, 6, 7, 8], 'the held back one took none');
});

test('ES3.3-1: lifetimes: packets and octets of user packets and dummies, both directions; what is not sent or not authentic does not count', () => {
  const { left, right } = pair({ esn: false });
  const row = (plane: SoftEsp, handle: number): unknown => {
    const { packets, bytes } = plane.report().sas.find((one) => one.handle === handle) ?? {};
    return [packets, bytes];
  };
  right.inbound(send(left, PING), NOW);
  left.apply({ type: 'esp.dummy', bundle: 1 }, NOW);
  const [dummy] = left.takeDatagrams();
  assert.ok(dummy);
  right.inbound(across(dummy), NOW);
  right.inbound(across(dummy), NOW); // replayed
  left.outbound(packet('10.1.0.1', '10.2.0.1', 17, udp(1, 2, 1400), { df: true }), NOW); // too big
  assert.deepEqual([row(left, 1), row(right, 1)], [[2, PING.length], [2, PING.length]]);
  left.skipTo(1, 0xffff_fffe);
  assert.equal(left.outbound(PING, NOW).length, 1, 'the last number');
  for (let i = 0; i < 3; i++) assert.deepEqual(left.outbound(PING, NOW), [], 'RFC 4303 §3.3.3: it does not wrap');
  left.apply({ type: 'esp.dummy', bundle: 1 }, NOW);
  assert.deepEqual(left.takeDatagrams(), [], 'nor for a dummy');
  assert.deepEqual(row(left, 1), [3, 2 * PING.length]);
  assert.deepEqual(left.report().drops, { too_big: 1, sequence_exhausted: 4 });
});

test('NK-6 NK-5 D5.5.2-3: without UDP the path has no ports, and both forms are taken at any time', () => {
  const { left, right } = pair();
  left.apply({ type: 'esp.path.set', bundle: 1, path: path(A, B), encapsulation: 'none', mtu: 1400 }, NOW);
  const plain = left.outbound(PING, NOW)[0];
  assert.ok(plain);
  assert.deepEqual([plain.local, plain.remote], [endpoint(A, 0), endpoint(B, 0)]);
  assert.deepEqual(right.inbound(across(plain), NOW).inner, PING);
  left.apply({ type: 'esp.path.set', bundle: 1, path: path(A, B), encapsulation: 'udp', mtu: 1400 }, NOW);
  assert.deepEqual(right.inbound(send(left, PING), NOW).inner, PING, 'in UDP again');
  assert.deepEqual(right.report().bundles[0]?.inbound.map((i) => [i.remote.port, i.packets]), [[0, 1], [4500, 1]]);
  const at = { ifindex: 5, local: endpoint(B, 0), remote: endpoint(A, 0) };
  for (const bytes of ['ff', '00000000000000010203', '0000100100'].map(hex)) assert.equal(right.inbound({ ...at, bytes }, NOW).inner, undefined);
  assert.deepEqual(right.report().drops, { malformed: 3 }, 'no keepalives and no IKE without UDP, and SPI 0 never');
});

test('NK-6: a router that finds a packet without UDP too big is believed about that path only', () => {
  const { left } = pair();
  left.apply({ type: 'esp.path.set', bundle: 1, path: path(A, B), encapsulation: 'none', mtu: 1400 }, NOW);
  const sent = left.outbound(PING, NOW)[0]?.bytes ?? hex('');
  assert.deepEqual(left.tooBig(endpoint(A, 4500), endpoint(B, 4500), 1300, sent, NOW), []);
  assert.deepEqual(left.tooBig(endpoint(A, 0), endpoint(B, 0), 1300, sent, NOW), [{ type: 'esp.tooBig', bundle: 1, local: endpoint(A, 0), remote: endpoint(B, 0), mtu: 1300 }]);
});
