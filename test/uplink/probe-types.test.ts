import { test } from 'node:test';
import assert from 'node:assert/strict';
import { ip, type ProbeTarget } from '../../src/base/index.ts';
import { PROBE_TYPES, probeOctets } from '../../src/uplink/index.ts';

const icmp = (address: string): ProbeTarget => ({ type: 'icmp', text: `icmp ${address}`, address: ip(address) });

test('octets of a probe both ways', () => {
  assert.equal(probeOctets(icmp('198.51.100.1')), 2 * (20 + 8 + 16)); // as tcpdump shows them
  assert.equal(probeOctets(icmp('2001:db8::1')), 2 * (40 + 8 + 16));
  const dns = probeOctets({ type: 'dns', text: '', address: ip('198.51.100.53'), name: 'example.com' });
  assert.equal(dns, 2 * (20 + 8 + 12 + 13 + 4) + 16); // the name has 13 octets on the wire
  const tcp = probeOctets({ type: 'tcp', text: '', address: ip('198.51.100.1'), port: 443 });
  const http = { type: 'http', text: '', host: '198.51.100.7', address: ip('198.51.100.7'), port: 80, path: '/generate_204' } as const;
  assert.ok(tcp > dns && probeOctets(http) > tcp);
  assert.ok(probeOctets({ ...http, address: undefined }) > probeOctets(http), 'a name costs its questions');
});

test('every type ends within 5 s, and a page is asked for first', () => {
  const rows = Object.values(PROBE_TYPES);
  assert.ok(rows.every(({ timeout }) => timeout >= 1000 && timeout <= 5000));
  assert.ok(rows.every((row) => row === PROBE_TYPES.http || row.rank > PROBE_TYPES.http.rank));
});
