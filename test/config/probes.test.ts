import { test } from 'node:test';
import assert from 'node:assert/strict';
import { ip, seconds } from '../../src/base/index.ts';
import { parseProbe, probeInterval } from '../../src/config/probes.ts';

test('a target of each type is read, blanks put right', () => {
  assert.deepEqual(parseProbe(' icmp   198.51.100.1 '), { ok: true, value: { type: 'icmp', text: 'icmp 198.51.100.1', address: ip('198.51.100.1') } });
  assert.deepEqual(parseProbe('dns 2001:db8::53 example.com'), { ok: true, value: { type: 'dns', text: 'dns 2001:db8::53 example.com', address: ip('2001:db8::53'), name: 'example.com' } });
  assert.deepEqual(parseProbe('tcp 198.51.100.1 443'), { ok: true, value: { type: 'tcp', text: 'tcp 198.51.100.1 443', address: ip('198.51.100.1'), port: 443 } });
});

const HTTP = { type: 'http' } as const;
for (const [url, want] of [
  ['http://198.51.100.7/generate_204', { host: '198.51.100.7', address: ip('198.51.100.7'), port: 80, path: '/generate_204' }],
  ['http://198.51.100.7:8080', { host: '198.51.100.7', address: ip('198.51.100.7'), port: 8080, path: '/' }],
  ['http://[2001:db8::7]:81/a?b=c', { host: '2001:db8::7', address: ip('2001:db8::7'), port: 81, path: '/a?b=c' }],
  ['http://[2001:db8::7]/', { host: '2001:db8::7', address: ip('2001:db8::7'), port: 80, path: '/' }],
  ['http://check.example.com/', { host: 'check.example.com', address: undefined, port: 80, path: '/' }],
] as const) {
  test(`${url} is read`, () => assert.deepEqual(parseProbe(`http ${url}`), { ok: true, value: { ...HTTP, text: `http ${url}`, ...want } }));
}

for (const [text, part] of [
  ['', 'is no probe; write icmp ADDRESS, dns ADDRESS NAME'],
  ['ping 198.51.100.1', 'is no probe'],
  ['constructor 198.51.100.1', 'is no probe'],
  ['icmp', 'is no IP address'],
  ['icmp host.example.com', 'is no IP address'],
  ['icmp 127.0.0.1', 'cannot be asked through an uplink'],
  ['icmp fe80::1', 'cannot be asked through an uplink'],
  ['icmp 198.51.100.1 443', 'too much behind the address'],
  ['dns 198.51.100.53', 'is no question'],
  ['dns 198.51.100.53 exa mple.com', 'is no question'],
  ['dns 198.51.100.53 -.com', 'is no question'],
  ['tcp 198.51.100.1', 'no valid port'],
  ['tcp 198.51.100.1 0', 'no valid port'],
  ['tcp 198.51.100.1 65536', 'no valid port'],
  ['tcp 198.51.100.1 443 444', 'no valid port'],
  ['http https://198.51.100.7/', 'without TLS'],
  ['http 198.51.100.7', 'is no http URL'],
  ['http http://u:p@198.51.100.7/', 'is no http URL'],
  ['http http://198.51.100.7/#x', 'is no http URL'],
  ['http http://198.51.100.7/ä', 'is no http URL'],
  ['http http:///x', 'no valid host'],
  ['http http://2001:db8::7/', 'no valid host'],
  ['http http://[198.51.100.7]/', 'no valid host'],
  ['http http://[2001:db8::7]x/', 'no valid host'],
  ['http http://127.0.0.1/', 'no valid host'],
  ['http http://198.51.100.300/', 'no valid host'],
  ['http http://198.51.100.7:0/', 'no valid port'],
  ['http http://198.51.100.7:/', 'no valid port'],
  ['http http://198.51.100.7/ x', 'too much behind the URL'],
] as const) {
  test(`'${text}' is refused`, () => {
    const result = parseProbe(text);
    assert.ok(!result.ok && result.error.includes(part), JSON.stringify(result));
  });
}

test('the pace is 60 s, metered 300 s, and what the user gives in any case', () => {
  assert.equal(probeInterval(undefined, false), seconds(60));
  assert.equal(probeInterval(undefined, true), seconds(300));
  assert.equal(probeInterval(20, true), seconds(20));
});
