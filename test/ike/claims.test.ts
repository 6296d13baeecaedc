import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePrefix, type IpPrefix } from '../../src/base/index.ts';
import type { TrafficSelector } from '../../src/codec/ike/index.ts';
import { Claims } from '../../src/ike/claims.ts';
import { prefixSelector } from '../../src/ike/selectors.ts';

const net = (...texts: string[]): TrafficSelector[] => texts.map((text) => prefixSelector(parsePrefix(text) as IpPrefix));
const near = (claims: Claims, ...texts: string[]): number[] => [...claims.near(net(...texts))].sort((a, b) => a - b);

test('I5.1-1: neighbours of selectors are found by bucket, wide ones always, and none that is gone', () => {
  const claims = new Claims();
  claims.add(1, 101, net('192.168.1.0/24'));
  claims.add(2, 102, net('192.168.2.0/24', '10.1.0.0/16'));
  claims.add(3, 103, net('10.0.0.0/8'));
  claims.add(4, 104, net('2001:db8:1::/48'));
  assert.deepEqual(near(claims, '192.168.1.7/32'), [101, 103], 'the same /24, and the wide one');
  assert.deepEqual(near(claims, '172.16.0.0/16'), [103]);
  assert.deepEqual(near(claims, '10.1.2.0/24'), [102, 103]);
  assert.deepEqual(near(claims, '192.168.0.0/16'), [101, 102, 103]);
  assert.deepEqual(near(claims, '2001:db8:1:2::/64'), [104]);
  assert.deepEqual(near(claims, '2001:db8:2::/48'), []);
  assert.deepEqual(near(claims, '0.0.0.0/0'), [101, 102, 103, 104], 'too wide for buckets: everybody');
  assert.equal(claims.chainOf(2), 102);
  claims.remove(2);
  claims.remove(3);
  claims.remove(99);
  assert.deepEqual(near(claims, '10.1.2.0/24', '192.168.1.128/25'), [101]);
  assert.equal(claims.chainOf(2), undefined);
});
