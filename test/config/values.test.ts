import { test } from 'node:test';
import assert from 'node:assert/strict';
import { toHex } from '../../src/base/index.ts';
import { parseBroker, parseBypass, parseDuration, parseIdentity, parseOctets, parseOuterAddress, parseRemoteAddr, parseTrafficPrefix, parseVip, withoutLineEnd } from '../../src/config/values.ts';

test('RFC 7296 §3.5: identities are read as strongSwan reads them', () => {
  const cases: readonly (readonly [string, number, string])[] = [
    ['192.0.2.1', 1, 'c0000201'],
    ['2001:db8::1', 5, '20010db8000000000000000000000001'],
    ['router.example.com', 2, toHex(new TextEncoder().encode('router.example.com'))],
    ['router', 2, '726f75746572'],
    ['@router', 2, '726f75746572'],
    ['fqdn:router', 2, '726f75746572'],
    ['a@b', 3, '614062'],
    ['@@a', 3, '61'],
    ['email:a@b', 3, '614062'],
    ['keyid:a b', 11, '612062'],
    ['@#0a0B', 11, '0a0b'],
    ['asn1dn:#300f310d300b06035504030c04726F7574', 9, '300f310d300b06035504030c04726f7574'],
  ];
  for (const [text, idType, hex] of cases) {
    const identity = parseIdentity(text);
    assert.ok(identity.ok && identity.value, text);
    assert.deepEqual([identity.value.text, identity.value.idType, toHex(identity.value.data)], [text, idType, hex]);
  }
  assert.deepEqual(parseIdentity('%any'), { ok: true, value: undefined });
  for (const text of ['', '@', '@@', '@#', '@#1', '@#xx', 'keyid:', 'C=CH, CN=x', 'asn1dn:C=CH', 'asn1dn:#', 'asn1dn:#0102', 'asn1dn:#300', 'a b', 'naïve', 'fqdn:']) assert.equal(parseIdentity(text).ok, false, text);
});

test('remote addresses are addresses or names, and a mistyped address is no name', () => {
  for (const text of ['a', 'vpn.example.com', 'vpn.example.com.', 'x-1.example', '_a.example', '1a', '3com.example']) assert.deepEqual(parseRemoteAddr(text), { ok: true, value: { kind: 'name', name: text } });
  assert.deepEqual(parseRemoteAddr('2001:DB8::1'), { ok: true, value: { kind: 'address', address: '2001:db8::1' } });
  for (const text of ['', '.', 'a..b', '-a', '1.2.3', '1.2.3.400', '1.2.3.4:500', '0.0.0.0', '::', 'fe80::1', '224.0.0.1', '127.0.0.1', 'a b', 'a/24', `${'a'.repeat(64)}.b`, 'a.'.repeat(127), 'bücher.example']) assert.equal(parseRemoteAddr(text).ok, false, text);
  assert.equal(parseOuterAddress('a.example').ok, false);
});

test('prefixes', () => {
  assert.deepEqual(parseTrafficPrefix('10.0.0.1'), { ok: true, value: { address: '10.0.0.1', length: 32 } });
  assert.deepEqual(parseTrafficPrefix('::/0'), { ok: true, value: { address: '::', length: 0 } });
  for (const [text, hint] of [['10.0.0.1/8', 'the prefix is 10.0.0.0/8'], ['fd00::1/8', 'the prefix is fd00::/8'], ['10.0.0.0/33', 'at most 32'], ['fd00::/129', 'at most 128'], ['x/8', 'is no prefix'], ['10.0.0.0/', 'is no prefix'], ['/8', 'is no prefix'], ['10.0.0.0/0x8', 'is no prefix']] as const) {
    const result = parseTrafficPrefix(text);
    assert.ok(!result.ok && result.error.includes(hint), text);
  }
});

test('ES3-5: entries of a bypass list', () => {
  for (const word of ['dns', 'ntp', 'dhcp']) assert.deepEqual(parseBypass(word), { ok: true, value: word });
  assert.deepEqual(parseBypass('198.51.100.53'), { ok: true, value: { address: '198.51.100.53', length: 32 } });
  assert.deepEqual(parseBypass('2001:db8:53::/48'), { ok: true, value: { address: '2001:db8:53::', length: 48 } });
  for (const [text, hint] of [
    ['DNS', 'give an address, a prefix, or one of dns, ntp, dhcp'], ['ike', 'one of dns, ntp, dhcp'], ['0.0.0.0/0', 'let everything out in clear text'], ['::/0', 'let everything out in clear text'],
    ['127.0.0.1', 'never routed'], ['224.0.0.0/4', 'never routed'], ['fe80::1', 'never routed'], ['10.0.0.1/8', 'the prefix is 10.0.0.0/8'], ['ntp.example.com', 'is no prefix'], ['', 'is no prefix'],
  ] as const) {
    const result = parseBypass(text);
    assert.ok(!result.ok && result.error.includes(hint), `${text}: ${JSON.stringify(result)}`);
  }
});

test('brokers', () => {
  const cases: readonly (readonly [string, boolean, string, number, boolean])[] = [
    ['mqtt://broker', false, 'broker', 1883, false],
    ['mqtts://broker.example.com', true, 'broker.example.com', 8883, false],
    ['mqtt://10.0.0.1:1', false, '10.0.0.1', 1, false],
    ['mqtt://203.0.113.9', false, '203.0.113.9', 1883, true],
    ['mqtts://203.0.113.9', true, '203.0.113.9', 8883, false],
    ['mqtt://127.0.0.1', false, '127.0.0.1', 1883, false],
    ['mqtts://[2001:db8::1]:65535/', true, '2001:db8::1', 65535, false],
  ];
  for (const [text, tls, host, port, exposed] of cases) assert.deepEqual(parseBroker(text), { ok: true, value: { tls, host, port, exposed } });
  for (const text of ['', 'broker', 'ws://broker', 'mqtt:broker', 'mqtt://', 'mqtt://:1883', 'mqtt://a:', 'mqtt://a:0', 'mqtt://a:65536', 'mqtt://a:b', 'mqtt://a/b', 'mqtt://[1.2.3.4]', 'mqtt://2001:db8::1', 'mqtt://[2001:db8::1', 'mqtt://[::1]x', 'mqtt://u@a', 'mqtt://u:p@a']) assert.equal(parseBroker(text).ok, false, text);
});

test('sizes are octets or powers of 1024; virtual addresses are named by family', () => {
  assert.deepEqual(['0', '65536', '64K', '1M', '2G', '1T', '1125899906842624', '', 'K', '1k', '1.5G', '-1', '1 G', '12345678901234567', '12345678901G'].map(parseOctets), [0, 65_536, 65_536, 1_048_576, 2_147_483_648, 1_099_511_627_776, 1_125_899_906_842_624, ...new Array<undefined>(8).fill(undefined)]);
  assert.deepEqual(['ipv4', 'ipv6', '1', 'yes', '0', 'off'].map((text) => parseVip(text)), [[4], [6], [4], [4], [], []].map((value) => ({ ok: true, value })));
  for (const text of ['', '4', 'ipv5', 'IPv4', 'both', '10.0.0.1']) assert.equal(parseVip(text).ok, false, text);
});

test('durations and line ends', () => {
  assert.deepEqual(['0', '5', '5s', '2m', '1h', '1d', '', 's', '5x', '5ms', '-5', '1.5', '5 m', '12345678901'].map(parseDuration), [0, 5, 5, 120, 3600, 86_400, ...new Array<undefined>(8).fill(undefined)]);
  assert.deepEqual(['a', 'a\n', 'a\r\n', 'a\n\n', ''].map(withoutLineEnd), ['a', 'a', 'a', 'a\n', '']);
});
