import { test } from 'node:test';
import assert from 'node:assert/strict';
import { instant, ip } from '../../src/base/index.ts';
import { acceptsAddresses, isReservedIp, mayBeAt, MoveBudget } from '../../src/ike/address-policy.ts';
import type { MovePolicy } from '../../src/ike/index.ts';
import { connection, path, prefixes } from './pair.ts';

const OPEN: MovePolicy = { allowed: [], denied: [], strictSources: false, updateRate: 60, routability: 'before', hold: 'continue', roaming: 'port', recheck: undefined };

test('M3.5-12: addresses that are none of the public Internet', () => {
  for (const text of ['0.1.2.3', '10.0.0.1', '100.64.0.1', '127.0.0.1', '169.254.1.1', '172.31.255.255', '192.0.0.9', '192.0.2.1', '192.168.1.1', '198.19.0.1', '198.51.100.1', '203.0.113.1', '224.0.0.1', '255.255.255.255'])
    assert.equal(isReservedIp(ip(text)), true, text);
  for (const text of ['::1', '::ffff:8.8.8.8', '100::1', '2001:db8::1', '3fff::1', 'fc00::1', 'fe80::1', 'ff02::1', '4000::1']) assert.equal(isReservedIp(ip(text)), true, text);
  for (const text of ['1.1.1.1', '9.255.255.255', '11.0.0.1', '100.63.255.255', '100.128.0.1', '172.32.0.1', '192.0.1.1', '198.20.0.1', '223.255.255.255', '2001:4860::8888', '2a00::1', '64:ff9b::101:101'])
    assert.equal(isReservedIp(ip(text)), false, text);
});

test('M3.5-12: denied goes before allowed; without either all addresses may come; families apart', () => {
  const at = (text: string, moves: Partial<MovePolicy>): boolean => {
    const to = { ...path('wan'), remote: { address: ip(text), port: 4500 } };
    return acceptsAddresses(connection('responder', { moves: { ...OPEN, ...moves } }), to);
  };
  assert.equal(at('198.51.100.1', {}), true);
  const allowed = prefixes('198.51.100.0/24', '2001:db8:1::/48');
  assert.deepEqual(['198.51.100.1', '198.51.101.1', '2001:db8:1::9', '2001:db8:2::9'].map((a) => at(a, { allowed })), [true, false, true, false]);
  const denied = prefixes('198.51.100.128/25');
  assert.deepEqual(['198.51.100.1', '198.51.100.200', '192.0.2.1'].map((a) => at(a, { denied })), [true, false, true]);
  assert.deepEqual(['198.51.100.1', '198.51.100.200', '192.0.2.1'].map((a) => at(a, { allowed, denied })), [true, false, false]);
  assert.deepEqual(['198.51.100.1', '9.9.9.9'].map((a) => at(a, { strictSources: true })), [false, true]);
  assert.equal(mayBeAt(undefined, { ...path('wan'), remote: { address: ip('127.0.0.1'), port: 4500 } }), false);
});

test('M3.5-12: a budget of moves: as many as a minute has at once, then one after another; each identity has its own', () => {
  const budget = new MoveBudget();
  const takes = (who: string, times: number, at: number): number => Array.from({ length: times }, () => budget.take(who, 6, instant(at))).filter(Boolean).length;
  assert.equal(takes('a', 10, 1000), 6);
  assert.equal(takes('b', 1, 1000), 1);
  assert.equal(takes('a', 1, 10_999), 0, 'a sixth of a minute brings one back, and not sooner');
  assert.equal(takes('a', 2, 11_000), 1);
  assert.equal(takes('a', 10, 1_000_000), 6, 'never more than a minute has');
});

test('M3.5-12: identities beyond the bound push out the one that moved least lately', () => {
  const budget = new MoveBudget();
  const now = instant(1000);
  for (const who of ['first', 'second']) while (budget.take(who, 2, now));
  for (let i = 0; i < 4095; i++) budget.take(`peer ${i}`, 2, now);
  assert.deepEqual([budget.take('second', 2, now), budget.take('first', 2, now)], [false, true]);
});
