import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concat } from '../../src/base/index.ts';
import { clampMss, innerLimit, parseInner, selectorRow, selectorsMatch, tooBigMessage } from '../../src/esp/index.ts';
import type { TrafficSelector } from '../../src/codec/ike/index.ts';
import { checksum, hex, packet, random, tcpSyn, ts, udp, upperChecksumRight } from './fixtures.ts';

const matches = (bytes: Uint8Array, from: TrafficSelector[], to: TrafficSelector[]): boolean => {
  const inner = parseInner(bytes);
  assert.ok(inner);
  return selectorsMatch(inner, from.map(selectorRow), to.map(selectorRow));
};

test('ES3-2 NK-7: source and destination must both match', () => {
  const from = [ts('10.1.0.0/16')];
  const to = [ts('10.2.0.0/16')];
  assert.equal(matches(packet('10.1.2.3', '10.2.3.4', 17, udp(1, 2)), from, to), true);
  assert.equal(matches(packet('10.3.2.3', '10.2.3.4', 17, udp(1, 2)), from, to), false, 'foreign source');
  assert.equal(matches(packet('10.1.2.3', '10.3.3.4', 17, udp(1, 2)), from, to), false, 'foreign destination');
  assert.equal(matches(packet('10.2.3.4', '10.1.2.3', 17, udp(1, 2)), from, to), false, 'reversed');
  assert.equal(matches(packet('fd00::1', 'fd00::2', 17, udp(1, 2)), from, to), false, 'another family');
});

test('ES3-2: ranges need not be prefixes, their ends belong to them', () => {
  const from = [{ ...ts('10.1.0.9/32'), end: ts('10.1.1.4/32').end }];
  const to = [ts('0.0.0.0/0')];
  for (const [source, expected] of [['10.1.0.8', false], ['10.1.0.9', true], ['10.1.0.255', true], ['10.1.1.4', true], ['10.1.1.5', false]] as const) {
    assert.equal(matches(packet(source, '192.0.2.1', 17, udp(1, 2)), from, to), expected, source);
  }
  assert.equal(matches(packet('2001:db8::ffff', 'fd00::1', 17, udp(1, 2)), [ts('2001:db8::/112')], [ts('::/0')]), true);
  assert.equal(matches(packet('2001:db8::1:0', 'fd00::1', 17, udp(1, 2)), [ts('2001:db8::/112')], [ts('::/0')]), false);
});

test('ES3-2 RFC 4301 §4.4.1: protocol, ports, ICMP types, OPAQUE and fragments', () => {
  const any = ts('0.0.0.0/0');
  const dns = ts('0.0.0.0/0', 17, 53, 53);
  const at = (protocol: number, upper: Uint8Array, fragment = 0): Uint8Array => packet('10.1.0.1', '10.2.0.1', protocol, upper, { fragment });
  assert.equal(matches(at(17, udp(9, 53)), [any], [dns]), true);
  assert.equal(matches(at(17, udp(53, 9)), [any], [dns]), false);
  assert.equal(matches(at(6, udp(9, 53)), [any], [dns]), false, 'TCP is not UDP');
  assert.equal(matches(at(17, udp(9, 53), 1), [any], [dns]), false, 'a later fragment shows no port');
  assert.equal(matches(at(17, udp(9, 53), 1), [any], [ts('0.0.0.0/0', 17)]), true);
  assert.equal(matches(at(17, hex('0009 00')), [any], [dns]), false, 'ports cut off');
  const opaque = ts('0.0.0.0/0', 17, 65535, 0);
  assert.equal(matches(at(17, udp(9, 53), 1), [any], [opaque]), true, 'OPAQUE: only where no port is to see');
  assert.equal(matches(at(17, udp(9, 53)), [any], [opaque]), false);
  const echo = ts('0.0.0.0/0', 1, 0x0800, 0x08ff);
  assert.equal(matches(at(1, hex('0800 0000 0001 0001')), [echo], [echo]), true, 'RFC 7296 §3.13.1: ICMP type and code');
  assert.equal(matches(at(1, hex('0301 0000 0001 0001')), [echo], [echo]), false);
  assert.equal(matches(at(47, hex('0000 0800')), [any], [ts('0.0.0.0/0', 47, 1, 9)]), false, 'a protocol without ports');
});

test('ES3-2: IPv6 extension headers are walked, fragments seen', () => {
  const any = ts('::/0');
  const dns = ts('::/0', 17, 53, 53);
  const behind = (next: number, ...headers: Uint8Array[]): Uint8Array => packet('fd00::1', 'fd00::2', next, concat(...headers, udp(9, 53)));
  assert.equal(matches(behind(0, hex('1100 0104 00000000')), [any], [dns]), true, 'hop-by-hop');
  assert.equal(matches(behind(60, hex('2c01 010c 000000000000000000000000'), hex('1100 0001 00000007')), [any], [dns]), true, 'first fragment');
  assert.equal(matches(behind(44, hex('1100 0008 00000007')), [any], [dns]), false, 'later fragment');
  assert.equal(matches(behind(44, hex('1100 0008 00000007')), [any], [ts('::/0', 17)]), true);
  const endless = parseInner(behind(0, ...Array.from({ length: 40 }, () => hex('0000 0104 00000000'))));
  assert.equal(endless?.ports, undefined);
  assert.equal(parseInner(behind(60, hex('3cff 0104 00000000')))?.ports, undefined, 'a header longer than the packet');
});

test('ES2-1: what is no IP packet is none, whatever the octets', () => {
  assert.equal(parseInner(hex('')), undefined);
  assert.equal(parseInner(new Uint8Array(40)), undefined);
  const v4 = packet('10.1.0.1', '10.2.0.1', 17, udp(1, 2));
  assert.equal(parseInner(v4.subarray(0, v4.length - 1)), undefined, 'shorter than its length');
  assert.equal(parseInner(concat(v4, new Uint8Array(9)))?.length, v4.length, 'what follows is not the packet');
  const short = v4.slice();
  short[0] = 0x44;
  assert.equal(parseInner(short), undefined, 'header of 16 octets');
  const v6 = packet('fd00::1', 'fd00::2', 17, udp(1, 2));
  assert.equal(parseInner(v6.subarray(0, v6.length - 1)), undefined);
  const draw = random(3);
  for (let i = 0; i < 20_000; i++) {
    const bytes = new Uint8Array(draw(90)).map(() => draw(256));
    bytes[0] = draw(2) === 0 ? 0x45 : 0x60;
    const inner = parseInner(bytes);
    assert.ok(inner === undefined || inner.length <= bytes.length);
  }
});

const MSS = hex('0204 05b4');

test('F-4: the MSS of a SYN is lowered to the inner MTU, its checksum stays right', () => {
  const rows: readonly (readonly [Uint8Array, string, string, number, number])[] = [
    [MSS, '10.1.0.1', '10.2.0.1', 1400, 1360],
    [concat(hex('01'), MSS, hex('010101')), '10.1.0.1', '10.2.0.1', 1300, 1260],
    [concat(hex('080a 0000000000000000'), MSS), '10.1.0.1', '10.2.0.1', 1399, 1359],
    [MSS, 'fd00:1::1', 'fd00:2::1', 1400, 1340],
  ];
  for (const [options, from, to, mtu, expected] of rows) {
    for (const flags of [0x02, 0x12]) {
      const bytes = tcpSyn(from, to, options, flags);
      const inner = parseInner(bytes);
      assert.ok(inner && upperChecksumRight(bytes, inner.upper));
      assert.equal(clampMss(bytes, inner, mtu), true);
      assert.ok(upperChecksumRight(bytes, inner.upper), `checksum, MTU ${mtu}`);
      const at = bytes.indexOf(2, inner.upper + 20);
      assert.equal(((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0), expected);
      assert.equal(clampMss(bytes, inner, mtu), false, 'nothing left to lower');
    }
  }
});

test('F-4 D59-5: nothing but the MSS of a SYN is touched', () => {
  const unchanged = (bytes: Uint8Array, mtu: number, why: string): void => {
    const before = bytes.slice();
    const inner = parseInner(bytes);
    assert.ok(inner);
    assert.equal(clampMss(bytes, inner, mtu), false, why);
    assert.deepEqual(bytes, before, why);
  };
  unchanged(tcpSyn('10.1.0.1', '10.2.0.1', MSS), 1500, 'small enough');
  unchanged(tcpSyn('10.1.0.1', '10.2.0.1', MSS, 0x10), 1300, 'no SYN');
  unchanged(tcpSyn('10.1.0.1', '10.2.0.1', hex('0103 0303')), 1300, 'no MSS option');
  unchanged(tcpSyn('10.1.0.1', '10.2.0.1', hex('00 020405b4')), 1300, 'behind the end of options');
  unchanged(tcpSyn('10.1.0.1', '10.2.0.1', hex('0300 0204 05b4')), 1300, 'an option of length 0');
  unchanged(tcpSyn('10.1.0.1', '10.2.0.1', hex('0101 0204')), 1300, 'an option cut off');
  unchanged(packet('10.1.0.1', '10.2.0.1', 17, udp(1, 2)), 100, 'UDP');
});

test('ES3-4: too big is told by ICMP as from the destination, with the MTU and the start of the packet', () => {
  const big = packet('10.1.0.1', '10.2.0.1', 17, udp(1, 2, 1400), { df: true });
  const inner = parseInner(big);
  assert.ok(inner);
  const told = tooBigMessage(big, inner, 1300);
  assert.ok(told);
  const reply = parseInner(told);
  assert.deepEqual([reply?.protocol, reply?.length, told[20], told[21]], [1, 20 + 8 + 28, 3, 4]);
  assert.deepEqual(reply && [new Uint8Array(reply.source), new Uint8Array(reply.destination)], [hex('0a020001'), hex('0a010001')]);
  assert.equal(((told[26] ?? 0) << 8) | (told[27] ?? 0), 1300);
  assert.equal(checksum(told.slice(0, 20)), 0);
  assert.equal(checksum(told.slice(20)), 0);
  assert.deepEqual(told.slice(28), big.slice(0, 28));

  const big6 = packet('fd00:1::1', 'fd00:2::1', 17, udp(1, 2, 1400));
  const inner6 = parseInner(big6);
  assert.ok(inner6);
  const told6 = tooBigMessage(big6, inner6, 1350);
  assert.ok(told6);
  assert.deepEqual([told6.length, told6[6], told6[40], told6[41]], [1280, 58, 2, 0]);
  assert.equal(((told6[46] ?? 0) << 8) | (told6[47] ?? 0), 1350);
  assert.ok(upperChecksumRight(told6, 40));
  assert.equal(innerLimit(6, 1200), 1280, 'RFC 8200 §5: never less');
});

test('RFC 1122 §3.2.2, RFC 4443 §2.4: no ICMP for ICMP errors, later fragments and multicast', () => {
  const none = (bytes: Uint8Array): void => {
    const inner = parseInner(bytes);
    assert.ok(inner);
    assert.equal(tooBigMessage(bytes, inner, 100), undefined);
  };
  none(packet('10.1.0.1', '10.2.0.1', 1, hex('0300 0000 0000 0000')));
  none(packet('10.1.0.1', '10.2.0.1', 17, udp(1, 2), { fragment: 3 }));
  none(packet('10.1.0.1', '224.0.0.1', 17, udp(1, 2)));
  none(packet('fd00::1', 'fd00::2', 58, hex('0100 0000 0000 0000')));
  none(packet('fd00::1', 'ff02::1', 17, udp(1, 2)));
});
