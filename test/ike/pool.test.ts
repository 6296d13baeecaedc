import assert from 'node:assert/strict';
import { test } from 'node:test';
import { instant, ip, minutes, parsePrefix, type IpAddress, type IpPrefix } from '../../src/base/index.ts';
import { AddressPool } from '../../src/ike/pool.ts';

const pools = (...texts: string[]): IpPrefix[] => texts.map((text) => parsePrefix(text) as IpPrefix);
const SMALL = pools('10.9.0.0/29');
const at = (minute: number): ReturnType<typeof instant> => instant(minutes(minute));
const take = (pool: AddressPool, identity: string, chain: number, minute = 0, wanted?: string, from = SMALL, family: 4 | 6 = 4): IpAddress | undefined =>
  pool.lease({ connection: 'hub', identity }, family, from, wanted === undefined ? undefined : ip(wanted), chain, at(minute));

test('I2.19-2: an identity keeps its address through logins, and for a day after the last; then it is free', () => {
  const pool = new AddressPool();
  assert.equal(take(pool, 'a', 1), '10.9.0.1');
  assert.equal(take(pool, 'a', 2), '10.9.0.1', 'make before break: both chains hold it');
  pool.release(1, at(1));
  assert.equal(take(pool, 'b', 3, 2, '10.9.0.1'), '10.9.0.2', 'still held');
  pool.release(2, at(10));
  assert.equal(take(pool, 'c', 4, 10 + 24 * 60 - 1, '10.9.0.1'), '10.9.0.3', 'reserved');
  assert.equal(take(pool, 'd', 5, 10 + 24 * 60, '10.9.0.1'), '10.9.0.1', 'free after a day');
  assert.equal(take(pool, 'a', 6, 10 + 24 * 60), '10.9.0.4', 'who comes back later gets another');
});

test('I2.19-2: a requested address is honoured when it is in the pool and free', () => {
  const pool = new AddressPool();
  assert.equal(take(pool, 'a', 1, 0, '10.9.0.5'), '10.9.0.5');
  assert.equal(take(pool, 'b', 2, 0, '10.9.0.5'), '10.9.0.1');
  assert.equal(take(pool, 'c', 3, 0, '10.9.0.0'), '10.9.0.2', 'not the network');
  assert.equal(take(pool, 'd', 4, 0, '10.9.0.7'), '10.9.0.3', 'not the broadcast address');
  assert.equal(take(pool, 'e', 5, 0, '192.0.2.1'), '10.9.0.4', 'not from elsewhere');
  assert.equal(take(pool, 'a', 6, 0, '10.9.0.6'), '10.9.0.5', 'one identity, one address');
});

test('I2.19-1: a pool that is full gives nothing, and again when one is free; the next pool is used before that', () => {
  const pool = new AddressPool();
  const given = Array.from({ length: 7 }, (_, i) => take(pool, `peer${i}`, i));
  assert.deepEqual(given, ['10.9.0.1', '10.9.0.2', '10.9.0.3', '10.9.0.4', '10.9.0.5', '10.9.0.6', undefined]);
  assert.equal(take(pool, 'more', 20, 0, undefined, pools('10.9.0.0/29', '10.8.0.4/32')), '10.8.0.4');
  pool.release(3, at(0));
  assert.equal(take(pool, 'late', 30, 24 * 60), '10.9.0.4');
});

test('I2.19-1: families apart; an IPv6 pool of any size; a pool that was configured anew', () => {
  const pool = new AddressPool();
  const both = pools('10.9.0.0/29', '2001:db8:9::/64');
  assert.equal(take(pool, 'a', 1, 0, undefined, both, 6), '2001:db8:9::1');
  assert.equal(take(pool, 'a', 1, 0, undefined, both, 4), '10.9.0.1');
  assert.equal(take(pool, 'b', 2, 0, undefined, SMALL, 6), undefined);
  assert.equal(take(pool, 'a', 3, 0, undefined, pools('10.7.0.0/30')), '10.7.0.1');
  assert.equal(take(pool, 'c', 4, 0, undefined, pools('10.6.0.0/31')), '10.6.0.0', 'RFC 3021');
});

test('a /16 is given out in full, each address once', () => {
  const pool = new AddressPool();
  const from = pools('10.5.0.0/16');
  const given = new Set(Array.from({ length: 65_534 }, (_, i) => take(pool, `peer${i}`, i, 0, undefined, from)));
  assert.equal(given.size, 65_534);
  assert.ok(!given.has(undefined));
  assert.equal(take(pool, 'one more', 70_000, 0, undefined, from), undefined);
});

test('I2.19-2: one chain holds several leases, each until it ends; one that is held again is not free', () => {
  const pool = new AddressPool();
  const both = pools('10.9.0.0/29', '2001:db8:9::/64');
  take(pool, 'a', 1, 0, undefined, both, 4);
  take(pool, 'a', 1, 0, undefined, both, 6);
  pool.release(1, at(0));
  const day = 24 * 60;
  assert.equal(take(pool, 'a', 2, day - 1, undefined, both, 4), '10.9.0.1', 'within its reservation');
  assert.equal(take(pool, 'b', 3, day, '10.9.0.1', both, 4), '10.9.0.2', 'it is held again');
  assert.equal(take(pool, 'b', 3, day, '2001:db8:9::1', both, 6), '2001:db8:9::1', 'this one is not');
  pool.release(2, at(day));
  assert.equal(take(pool, 'c', 4, 2 * day - 1, '10.9.0.1', both, 4), '10.9.0.3', 'reserved anew');
});

test('I2.19-2: a lease outside of the pools is given up for good, and its address is free at once', () => {
  const pool = new AddressPool();
  assert.equal(take(pool, 'a', 1), '10.9.0.1');
  assert.equal(take(pool, 'a', 1, 0, undefined, pools('10.7.0.0/29')), '10.7.0.1');
  assert.equal(take(pool, 'b', 2, 0, '10.9.0.1'), '10.9.0.1');
  assert.equal(take(pool, 'a', 1, 0, undefined, pools('10.8.0.0/29', '10.7.0.0/29')), '10.7.0.1', 'in one of the pools is in them');
  assert.equal(take(pool, 'd', 5, 0, '10.8.0.3', pools('10.6.0.0/29', '10.8.0.0/29')), '10.8.0.3', 'as is what is asked for');
});

test('I2.19-1: carries go on through the octets of an address; the last usable one may be asked for', () => {
  const pool = new AddressPool();
  const from = pools('10.9.0.0/23');
  assert.equal(take(pool, 'a', 1, 0, '10.9.0.255', from), '10.9.0.255');
  assert.equal(take(pool, 'b', 2, 0, '10.9.1.254', from), '10.9.1.254');
  assert.equal(take(pool, 'c', 3, 0, '10.9.1.255', from), '10.9.0.1', 'not the broadcast address');
  const wide = Array.from({ length: 256 }, (_, i) => take(pool, `w${i}`, 10 + i, 0, undefined, from));
  assert.deepEqual([wide[252], wide[253], wide[254]], ['10.9.0.254', '10.9.1.0', '10.9.1.1']);
  assert.equal(take(pool, 'd', 4, 0, undefined, pools('255.255.255.254/31')), '255.255.255.254');
  assert.equal(take(pool, 'e', 5, 0, undefined, pools('255.255.255.254/31')), '255.255.255.255');
  assert.equal(take(pool, 'f', 6, 0, undefined, pools('255.255.255.254/31')), undefined);
  assert.equal(take(pool, 'g', 7, 0, undefined, pools('2001:db8::/127'), 6), '2001:db8::');
});

test('a hundred thousand leases are kept, and no more', () => {
  const pool = new AddressPool();
  const from = pools('10.0.0.0/8');
  for (let i = 0; i < 100_000; i++) take(pool, `p${i}`, i, 0, undefined, from);
  assert.equal(take(pool, 'one more', 200_000, 0, undefined, from), undefined);
  assert.ok(take(pool, 'p5', 200_001, 0, undefined, from));
});
