// Links, addresses and routes: what a real kernel sent (goldens), the same in big-endian, and what the goldens lack.
import test from 'node:test';
import assert from 'node:assert/strict';
import type { RouteFact } from '../../../src/base/index.ts';
import { ByteWriter, ip, parsePrefix, toHex } from '../../../src/base/index.ts';
import type { Attributes } from '../../../src/codec/netlink/index.ts';
import {
  ADDRESS_ATTRS, decodeAddress, decodeLink, decodeMessages, decodeRoutes, encodeAddress, encodeAddressDump, encodeAttributes, encodeLinkDump, encodeLinkSet, encodeRoute,
  encodeRouteDump, IFA_F, LINK_ATTRS, MESSAGE, NLM_F, ROUTE_ATTRS,
} from '../../../src/codec/netlink/index.ts';
import { factLines, goldens } from './golden.ts';

const prefix = (text: string) => parsePrefix(text) ?? assert.fail(text);

const cases = goldens();
test('there are goldens', () => assert.ok(cases.length >= 7));
for (const { name, datagrams, expected } of cases) {
  test(`golden ${name}: octets of a real kernel become these facts`, () => assert.deepEqual(factLines(datagrams, true), expected));
}

test('every attribute row is in a golden, or only ever sent', () => {
  const seen = new Set<string>();
  const note = (kind: string, bytes: Uint8Array): void => {
    for (let at = 0; at + 4 <= bytes.length;) {
      const view = new DataView(bytes.buffer, bytes.byteOffset + at);
      seen.add(`${kind} ${view.getUint16(2, true) & 0x3fff}`);
      at += Math.max(4, (view.getUint16(0, true) + 3) & ~3);
    }
  };
  for (const { type, payload } of cases.flatMap((c) => c.datagrams).flatMap((d) => decodeMessages(d, true))) {
    if (type === MESSAGE.RTM_NEWLINK) note('link', payload.subarray(16));
    if (type === MESSAGE.RTM_NEWADDR) note('address', payload.subarray(8));
    if (type === MESSAGE.RTM_NEWROUTE) note('route', payload.subarray(12));
  }
  for (const [kind, table] of [['link', LINK_ATTRS], ['address', ADDRESS_ATTRS], ['route', ROUTE_ATTRS]] as const) {
    for (const [name, { code }] of Object.entries(table)) if (name !== 'extMask') assert.ok(seen.has(`${kind} ${code}`), `${kind} ${name}`);
  }
});

const link = (family: number, ifindex: number, flags: number, attributes: Attributes<typeof LINK_ATTRS>, le: boolean): Uint8Array =>
  new ByteWriter().u8(family).zeros(3).u32(ifindex, le).u32(flags, le).u32(0).bytes(encodeAttributes(LINK_ATTRS, attributes, le)).finish();
const address = (head: readonly number[], ifindex: number, attributes: Attributes<typeof ADDRESS_ATTRS>, le: boolean): Uint8Array =>
  new ByteWriter().bytes(Uint8Array.from(head)).u32(ifindex, le).bytes(encodeAttributes(ADDRESS_ATTRS, attributes, le)).finish();
/** Head: family, destination length, source length, tos, table, protocol, scope, type. */
const route = (head: readonly number[], attributes: Attributes<typeof ROUTE_ATTRS>, le: boolean, flags = 0): Uint8Array =>
  new ByteWriter().bytes(Uint8Array.from(head)).u32(flags, le).bytes(encodeAttributes(ROUTE_ATTRS, attributes, le)).finish();

for (const le of [true, false]) {
  const order = le ? 'little-endian' : 'big-endian';

  test(`link, ${order}`, () => {
    assert.deepEqual(decodeLink(link(0, 3, 0x10001, { ifname: 'wan', mtu: 1492 }, le), le), { ifindex: 3, name: 'wan', up: true, carrier: true, loopback: false, mtu: 1492 });
    assert.deepEqual(decodeLink(link(0, 1, 0x8, { ifname: 'lo', mtu: 65536 }, le), le), { ifindex: 1, name: 'lo', up: false, carrier: false, loopback: true, mtu: 65536 });
    assert.equal(decodeLink(link(7, 3, 0x10001, { ifname: 'wan', mtu: 1500 }, le), le), undefined, 'AF_BRIDGE speaks of a port, not of the device');
    assert.equal(decodeLink(link(0, 3, 0x10001, { ifname: 'wlan0' }, le), le), undefined, 'a wireless event has no MTU');
  });

  test(`address, ${order}`, () => {
    const fact = (flags: number, long?: number) => decodeAddress(address([10, 64, flags, 0], 9, { address: ip('2001:db8::5'), ...(long === undefined ? {} : { flags: long }) }, le), le);
    assert.deepEqual(fact(0), { ifindex: 9, address: '2001:db8::5', prefixLength: 64, tentative: false, deprecated: false, secondary: false, global: true });
    assert.equal(fact(IFA_F.TENTATIVE)?.tentative, true);
    assert.equal(fact(IFA_F.TENTATIVE | IFA_F.OPTIMISTIC)?.tentative, false, 'optimistic may be used');
    assert.equal(fact(IFA_F.TENTATIVE | IFA_F.OPTIMISTIC | IFA_F.DADFAILED)?.tentative, true, 'a duplicate may not');
    assert.equal(fact(IFA_F.TENTATIVE, 0)?.tentative, false, 'the attribute counts, not the octet');
    assert.equal(fact(0, IFA_F.DEPRECATED)?.deprecated, true);
    const pointToPoint = decodeAddress(address([2, 32, 0, 253], 4, { address: ip('192.0.2.1'), local: ip('192.0.2.2') }, le), le);
    assert.equal(pointToPoint?.address, '192.0.2.2');
    assert.equal(pointToPoint.global, false);
    assert.equal(decodeAddress(address([2, 33, 0, 0], 4, { local: ip('192.0.2.2') }, le), le), undefined, 'prefix too long');
    assert.equal(decodeAddress(address([2, 24, 0, 0], 4, { local: ip('2001:db8::1') }, le), le), undefined, 'address of the other family');
    assert.equal(decodeAddress(address([28, 24, 0, 0], 4, { local: ip('192.0.2.2') }, le), le), undefined, 'another family');
    assert.equal(decodeAddress(address([2, 24, 0, 0], 4, {}, le), le), undefined);
  });

  test(`route, ${order}`, () => {
    const decoded = decodeRoutes(route([2, 0, 0, 0, 254, 3, 0, 1], { oif: 5, gateway: ip('192.0.2.1'), priority: 20 }, le), le);
    assert.deepEqual(decoded, [{ family: 4, destination: prefix('0.0.0.0/0'), type: 'unicast', gateway: '192.0.2.1', ifindex: 5, metric: 20, table: 254, protocol: 3 }]);
    assert.equal(decodeRoutes(route([10, 0, 0, 0, 254, 9, 0, 1], { oif: 5 }, le), le)[0]?.metric, 1024, 'IPv6 without metric');
    assert.equal(decodeRoutes(route([2, 0, 0, 0, 254, 3, 0, 1], { oif: 5 }, le), le)[0]?.metric, 0, 'IPv4 without metric');
    assert.equal(decodeRoutes(route([2, 0, 0, 0, 254, 3, 0, 6], {}, le), le)[0]?.type, 'other', 'blackhole');
    const via = new ByteWriter().u16(10, le).bytes(Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)).finish();
    assert.equal(decodeRoutes(route([2, 0, 0, 0, 254, 3, 0, 1], { oif: 5, via }, le), le)[0]?.gateway, '2001:db8::1', 'IPv4 route over an IPv6 gateway');
    const none = (what: string, bytes: Uint8Array): void => assert.deepEqual(decodeRoutes(bytes, le), [], what);
    none('default route of another table', route([2, 0, 0, 0, 252, 3, 0, 1], { oif: 5, table: 1000 }, le));
    none('not a default route', route([2, 24, 0, 0, 254, 3, 0, 1], { dst: ip('192.0.2.0'), oif: 5 }, le));
    none('entry of the route cache', route([10, 0, 0, 0, 254, 3, 0, 1], { oif: 5 }, le, 0x200));
    none('destination of the other family', route([2, 24, 0, 0, 254, 77, 0, 1], { dst: ip('2001:db8::'), oif: 5 }, le));
    none('destination missing', route([2, 24, 0, 0, 254, 77, 0, 1], { oif: 5 }, le));
    none('another family', route([28, 0, 0, 0, 254, 3, 0, 1], { oif: 5 }, le));
  });

  test(`a route that is encoded decodes to itself, ${order}`, () => {
    const specs = [
      { destination: prefix('10.1.0.0/16'), ifindex: 7, metric: 7, prefSrc: ip('192.168.1.1') },
      { destination: prefix('10.1.0.0/16'), ifindex: undefined, metric: 2_000_000, prefSrc: undefined },
      { destination: prefix('2001:db8:f::/48'), ifindex: 7, metric: 7, prefSrc: undefined },
      { destination: prefix('::/0'), ifindex: undefined, metric: 2_000_000, prefSrc: undefined },
      { destination: prefix('198.51.100.53/32'), ifindex: 3, metric: 10, prefSrc: undefined, gateway: ip('192.168.1.1') },
      { destination: prefix('198.51.100.53/32'), ifindex: 3, metric: 10, prefSrc: undefined, gateway: ip('fe80::1') },
      { destination: prefix('2001:db8:53::/48'), ifindex: 3, metric: 10, prefSrc: undefined, gateway: ip('fe80::1') },
    ];
    for (const spec of specs) {
      for (const change of ['add', 'delete'] as const) {
        const [message, ...rest] = decodeMessages(encodeRoute(change, spec, 0xdeadbeef, le), le);
        assert.ok(message && rest.length === 0);
        assert.equal(message.sequence, 0xdeadbeef);
        assert.equal(message.type, change === 'add' ? MESSAGE.RTM_NEWROUTE : MESSAGE.RTM_DELROUTE);
        assert.equal(message.flags, change === 'add' ? NLM_F.REQUEST | NLM_F.ACK | NLM_F.CREATE : NLM_F.REQUEST | NLM_F.ACK);
        const expected: RouteFact = {
          family: spec.destination.address.includes(':') ? 6 : 4, destination: spec.destination, type: spec.ifindex === undefined ? 'unreachable' : 'unicast',
          gateway: 'gateway' in spec ? spec.gateway : undefined, ifindex: spec.ifindex, metric: spec.metric, table: 254, protocol: 77, ...(spec.prefSrc === undefined ? {} : { prefSrc: spec.prefSrc }),
        };
        assert.deepEqual(decodeRoutes(message.payload, le), [expected]);
      }
    }
  });
}

test('next hops: at most 256 are looked at, a broken one ends the list', () => {
  const hop = (length: number): number[] => [length & 255, length >> 8, 0, 0, 5, 0, 0, 0];
  const facts = (hops: number[]) => decodeRoutes(route([2, 0, 0, 0, 254, 3, 0, 1], { multipath: Uint8Array.from(hops) }, true), true);
  assert.equal(facts(Array.from({ length: 1000 }, () => hop(8)).flat()).length, 256);
  assert.equal(facts([...hop(8), ...hop(7), ...hop(8)]).length, 1);
  assert.equal(facts([...hop(8), ...hop(100)]).length, 1);
});

test('requests, octet by octet in both byte orders', () => {
  assert.equal(toHex(encodeLinkDump(1, true)), '28000000' + '12000103' + '01000000' + '00000000' + '00'.repeat(16) + '08001d00' + '08000000');
  assert.equal(toHex(encodeLinkDump(1, false)), '00000028' + '00120301' + '00000001' + '00000000' + '00'.repeat(16) + '0008001d' + '00000008');
  assert.equal(toHex(encodeAddressDump(2, true)), '18000000' + '16000103' + '02000000' + '00000000' + '00'.repeat(8));
  assert.equal(toHex(encodeRouteDump(6, 3, false)), '0000001c' + '001a0301' + '00000003' + '00000000' + '0a' + '00'.repeat(11));
  assert.equal(toHex(encodeAddress('add', { ifindex: 5, address: ip('10.99.0.2') }, 6, true)), '28000000' + '14000506' + '06000000' + '00000000' + '02200000' + '05000000' + '08000100' + '0a630002' + '08000200' + '0a630002');
  assert.equal(toHex(encodeAddress('add', { ifindex: 5, address: ip('fd99::2') }, 7, false)), '00000040' + '00140605' + '00000007' + '00000000' + '0a800200' + '00000005' + '00140001' + 'fd990000000000000000000000000002' + '00140002' + 'fd990000000000000000000000000002');
  assert.equal(toHex(encodeAddress('delete', { ifindex: 5, address: ip('fd99::2') }, 8, false)).slice(0, 40), '00000040' + '00150005' + '00000008' + '00000000' + '0a800000');
  assert.equal(toHex(encodeLinkSet({ ifindex: 5, up: true, mtu: 1400 }, 4, false)), '00000028' + '00100005' + '00000004' + '00000000' + '00000000' + '00000005' + '00000001' + '00000001' + '00080004' + '00000578');
  // With a gateway: scope universe (0), RTNH_F_ONLINK (4) in the flags, RTA_GATEWAY or RTA_VIA.
  const gateway = { destination: prefix('10.1.0.0/16'), ifindex: 3, metric: 10, prefSrc: undefined, gateway: ip('192.168.1.1') };
  assert.equal(toHex(encodeRoute('add', gateway, 9, true)),
    '44000000' + '18000504' + '09000000' + '00000000' + '02100000' + 'fe4d0001' + '04000000' + '08000100' + '0a010000' + '08000400' + '03000000' + '08000500' + 'c0a80101' + '08000600' + '0a000000' + '08000f00' + 'fe000000');
  assert.ok(toHex(encodeRoute('add', { ...gateway, gateway: ip('fe80::1') }, 9, false)).includes('00160012' + '000a' + 'fe800000000000000000000000000001' + '0000'), 'RTA_VIA: family in host order, address, padding');
  const unreachable = { destination: prefix('10.1.0.0/16'), ifindex: undefined, metric: 2_000_000, prefSrc: undefined };
  assert.equal(toHex(encodeRoute('add', unreachable, 5, true)),
    '34000000' + '18000504' + '05000000' + '00000000' + '02100000' + 'fe4d0007' + '00000000' + '08000100' + '0a010000' + '08000600' + '80841e00' + '08000f00' + 'fe000000');
});
