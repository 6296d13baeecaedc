import { test } from 'node:test';
import assert from 'node:assert/strict';
import { nodeCrypto } from '../../src/adapters/node/crypto.ts';
import { instant, ip, type Entropy } from '../../src/base/index.ts';
import type { IkeSpi } from '../../src/codec/ike/index.ts';
import { Cookies } from '../../src/ike/cookies.ts';

const [A, NI] = [ip('192.0.2.1'), new Uint8Array(32).fill(1)];
const SPI = 7n as IkeSpi;

/** Cookies with the secrets that were drawn and the MACs that are not wiped. */
function baker(): { cookies: Cookies; secrets: Uint8Array[]; labels: Set<string>; macs: Set<object> } {
  const [secrets, labels, macs] = [[] as Uint8Array[], new Set<string>(), new Set<object>()];
  const suite = nodeCrypto();
  const entropy: Entropy = {
    bytes: (count, label) => {
      labels.add(label);
      const octets = new Uint8Array(count).fill(secrets.length + 1);
      secrets.push(octets);
      return octets;
    },
  };
  const hmac: typeof suite.hmac = (name, key) => {
    const inner = suite.hmac(name, key);
    const outer = { size: inner.size, sign: (...parts: Uint8Array[]) => inner.sign(...parts), wipe: () => void macs.delete(outer) };
    macs.add(outer);
    return outer;
  };
  return { cookies: new Cookies({ suite: { ...suite, hmac }, entropy }), secrets, labels, macs };
}

test('I2.6-2: a cookie is bound to address, SPI and nonce, and holds under the secret of its time and the next one', () => {
  const { cookies, labels, macs } = baker();
  const cookie = cookies.issue(A, SPI, NI, instant(0));
  const holds = (ms: number, address = A, spi = SPI, ni = NI): boolean => cookies.verify(cookie, address, spi, ni, instant(ms));
  assert.equal(cookie.length, 33);
  assert.deepEqual([holds(0, ip('192.0.2.2')), holds(0, ip('2001:db8::1')), holds(0, A, 8n as IkeSpi), holds(0, A, SPI, NI.slice(1))], [false, false, false, false]);
  assert.deepEqual([holds(59_999), holds(60_000), holds(119_999), holds(120_000)], [true, true, true, false]);
  assert.deepEqual([[...labels], macs.size], [['cookie-secret'], 0]);
});

test('I2.6-2: a secret lives a minute from when it was drawn; it is wiped when no cookie of it holds any more', () => {
  const { cookies, secrets } = baker();
  const count = (ms: number): number => {
    cookies.issue(A, SPI, NI, instant(ms));
    return secrets.length;
  };
  assert.deepEqual([count(0), count(59_999), count(60_000), count(119_999)], [1, 1, 2, 2]);
  assert.deepEqual(secrets.map((s) => s[0]), [1, 2]);
  assert.equal(count(120_000), 3);
  assert.deepEqual(secrets.map((s) => s[0]), [0, 2, 3], 'the one before is kept');
  assert.equal(count(240_000), 4);
  assert.deepEqual(secrets.map((s) => s[0]), [0, 0, 0, 4], 'after a quiet time it is too old as well');
  assert.equal(count(419_999), 5);
});

test('I2.6-2: after a quiet minute beyond its secret\'s time no cookie holds', () => {
  const { cookies } = baker();
  const cookie = cookies.issue(A, SPI, NI, instant(0));
  cookies.issue(A, SPI, NI, instant(60_000));
  const late = cookies.issue(A, SPI, NI, instant(119_999));
  assert.equal(cookies.verify(late, A, SPI, NI, instant(180_000)), false);
  assert.equal(cookies.verify(cookie, A, SPI, NI, instant(180_000)), false);
});
