import { test } from 'node:test';
import assert from 'node:assert/strict';
import { err } from '../../src/base/index.ts';
import { loadConfig } from '../../src/config/index.ts';
import { describeOpenings } from '../../src/main/openings.ts';

const hub = (name: string, ...lines: string[]): string => [
  `config connection ${name}`, ' option role responder', ' option psk 0123456789abcdef', ...lines.map((line) => ` ${line}`),
  'config child', ` option connection ${name}`, ' list local_ts 10.2.0.0/24', ` list remote_ts 10.${name.length}.0.0/24`, '',
].join('\n');
const said = (text: string): string => {
  const { config, problems } = loadConfig(text, 'file', () => err('no files'));
  assert.deepEqual(problems, []);
  return describeOpenings(config).join('\n');
};

test('F-6: a hub is told what a firewall before it must let in: ports 500 and 4500 from any source port, ESP, ICMP too big', () => {
  const all = said(hub('a'));
  assert.match(all, /^a: a firewall before this hub must let in/);
  const words = [
    /UDP ports 500 and 4500, from any address and from any source port/, /IP protocol 50 \(ESP\), from any address/, /ICMP type 3 code 4 and ICMPv6 type 2/, /fragments/,
  ];
  for (const word of words) assert.match(all, word);
  const narrow = said(hub('a', 'list allowed_prefixes 198.51.100.0/24') + hub('bb', 'list allowed_prefixes 198.51.100.0/24', 'list allowed_prefixes 2001:db8::/32'));
  assert.match(narrow, /^a, bb: /);
  assert.match(narrow, /4500, from 198\.51\.100\.0\/24, 2001:db8::\/32 and from any source port/);
  assert.match(said(hub('a', 'list allowed_prefixes 198.51.100.0/24') + hub('bb')), /4500, from any address/);
  assert.match(said(hub('a', 'option nat_t always')), /not IP protocol 50/);
});

test('F-6: a router needs no opening, nor does a hub that is switched off', () => {
  assert.equal(said(hub('a', 'option enabled 0')), '');
  assert.equal(said('config connection a\n option psk 0123456789abcdef\n list remote_addrs 192.0.2.1\nconfig child\n option connection a\n list local_ts 10.1.0.0/24\n list remote_ts 10.2.0.0/24\n'), '');
});
