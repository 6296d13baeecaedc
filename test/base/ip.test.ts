import { test } from 'node:test';
import assert from 'node:assert/strict';
import { compareIp, ip, ipBytes, ipFromBytes, isEndOf, isPrivateIp, isUnusableIp, parseIp, parsePrefix, prefixRange, rangePrefixes } from '../../src/base/index.ts';

test('RFC 5952: IPv6 text is canonical', () => {
  const cases: [string, string][] = [
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:DB8::', '2001:db8::'],
    ['::', '::'],
    ['::1', '::1'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['::ffff:192.0.2.1', '::ffff:c000:201'],
    ['1:0:0:0:2:0:0:0', '1::2:0:0:0'],
  ];
  for (const [text, want] of cases) assert.equal(parseIp(text), want, text);
});

test('text that is no address is refused', () => {
  for (const text of ['', '1.2.3', '1.2.3.4.5', '01.2.3.4', '256.1.1.1', '1.2.3.4 ', ':', ':::', '1::2::3', '12345::', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', 'fe80::1%eth0', '1:2:3:4:5:6:7::8', 'g::'])
    assert.equal(parseIp(text), undefined, text);
});

test('octets and text are inverse', () => {
  for (const text of ['0.0.0.0', '192.0.2.255', '2001:db8::1', 'fe80::', '::']) assert.equal(ipFromBytes(ipBytes(ip(text))), text);
  assert.equal(ipFromBytes(new Uint8Array(5)), undefined);
});

test('prefixes: host bits are refused, ranges are right', () => {
  assert.equal(parsePrefix('192.0.2.1/24'), undefined);
  assert.equal(parsePrefix('192.0.2.0/33'), undefined);
  assert.deepEqual(prefixRange({ address: ip('10.1.0.0'), length: 16 }), { start: '10.1.0.0', end: '10.1.255.255' });
  assert.deepEqual(prefixRange({ address: ip('2001:db8::'), length: 33 }), { start: '2001:db8::', end: '2001:db8:7fff:ffff:ffff:ffff:ffff:ffff' });
});

test('a range is covered by the fewest prefixes', () => {
  const text = (start: string, end: string): string[] => rangePrefixes({ start: ip(start), end: ip(end) }).map((p) => `${p.address}/${p.length}`);
  assert.deepEqual(text('10.0.0.0', '10.0.0.255'), ['10.0.0.0/24']);
  assert.deepEqual(text('10.0.0.1', '10.0.0.6'), ['10.0.0.1/32', '10.0.0.2/31', '10.0.0.4/31', '10.0.0.6/32']);
  assert.deepEqual(text('0.0.0.0', '255.255.255.255'), ['0.0.0.0/0']);
  assert.deepEqual(text('::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'), ['::/0']);
});

test('address classes', () => {
  for (const text of ['10.1.1.1', '100.64.0.1', '172.31.0.1', 'fd00::1']) assert.ok(isPrivateIp(ip(text)), text);
  for (const text of ['100.128.0.1', '172.32.0.1', '2001:db8::1']) assert.ok(!isPrivateIp(ip(text)), text);
  for (const text of ['127.0.0.1', '169.254.1.1', 'fe80::1', '::1', '::', 'ff02::1', '224.0.0.1', '255.255.255.255', '::ffff:1.2.3.4']) assert.ok(isUnusableIp(ip(text)), text);
  assert.ok(compareIp(ip('192.0.2.9'), ip('192.0.2.10')) < 0);
});

test('D5.5.2-3: ESP without UDP ends at a path by its addresses alone', () => {
  const end = { address: ip('192.0.2.1'), port: 4500 };
  assert.equal(isEndOf({ ...end, port: 0 }, end), true);
  assert.equal(isEndOf(end, end), true);
  assert.equal(isEndOf({ ...end, port: 4501 }, end), false);
  assert.equal(isEndOf({ address: ip('192.0.2.2'), port: 0 }, end), false);
});
