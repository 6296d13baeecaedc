import { test } from 'node:test';
import assert from 'node:assert/strict';
import { instant, ip, minutes, type Path } from '../../src/base/index.ts';
import { LEAST_PATH_MTU, PATH_MTU_AGE, PathMtus } from '../../src/daemon/path-mtu.ts';

const path = (remote: string, port = 4500, ifindex = 2): Path => {
  const local = remote.includes(':') ? '2001:db8::2' : '198.51.100.2';
  return { uplink: 'wan', ifindex, local: { address: ip(local), port: 4500 }, remote: { address: ip(remote), port } };
};
const A = path('192.0.2.1');
const SIX = path('2001:db8::1');

test('ES3-4 RFC 1191 §6.3: what a router told is known of that path alone, for ten minutes from its last word', () => {
  const mtus = new PathMtus();
  assert.equal(mtus.deadline, undefined);
  assert.equal(mtus.learn(A, 1400, instant(0)), 'lower');
  assert.equal(mtus.of(A), 1400);
  for (const other of [path('192.0.2.2'), path('192.0.2.1', 4501), path('192.0.2.1', 4500, 3)]) assert.equal(mtus.of(other), undefined);
  assert.equal(PATH_MTU_AGE, minutes(10));
  assert.equal(mtus.deadline, PATH_MTU_AGE);
  assert.equal(mtus.learn(A, 1400, instant(5000)), 'known');
  assert.equal(mtus.deadline, PATH_MTU_AGE + 5000);
  assert.deepEqual(mtus.forget(instant(PATH_MTU_AGE + 4999)), []);
  assert.deepEqual(mtus.forget(instant(PATH_MTU_AGE + 5000)), [A]);
  assert.equal(mtus.of(A), undefined);
  assert.equal(mtus.deadline, undefined);
});

test('ES3-4: less is taken at once; more is not, and does not make it live longer', () => {
  const mtus = new PathMtus();
  assert.equal(mtus.learn(A, 1300, instant(0)), 'lower');
  assert.equal(mtus.learn(A, 1301, instant(100)), 'known');
  assert.equal(mtus.of(A), 1300);
  assert.equal(mtus.deadline, PATH_MTU_AGE);
  assert.equal(mtus.learn(A, 1299, instant(200)), 'lower');
  assert.equal(mtus.of(A), 1299);
});

test('ES3-4: the first to be forgotten is the one that was told of least recently', () => {
  const mtus = new PathMtus();
  const B = path('192.0.2.2');
  mtus.learn(A, 1400, instant(0));
  mtus.learn(B, 1400, instant(1000));
  mtus.learn(A, 1400, instant(2000));
  assert.deepEqual(mtus.paths, [B, A]);
  assert.deepEqual(mtus.forget(instant(PATH_MTU_AGE + 1000)), [B]);
  assert.equal(mtus.deadline, PATH_MTU_AGE + 2000);
});

test('ES3-4: what no path may have is ignored and said once', () => {
  for (const [of, least] of [[A, 576], [SIX, 1280]] as const) {
    assert.equal(LEAST_PATH_MTU[of === A ? 4 : 6], least);
    const mtus = new PathMtus();
    assert.equal(mtus.learn(of, least - 1, instant(0)), 'below_least');
    assert.equal(mtus.learn(of, 0, instant(1)), 'below_least_again');
    assert.equal(mtus.of(of), undefined);
    assert.equal(mtus.learn(of, least, instant(2)), 'lower');
    assert.equal(mtus.of(of), least);
  }
});

test('NK-5: the memory is bounded; the path told of first makes room', () => {
  const mtus = new PathMtus();
  const nth = (i: number): Path => path(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
  for (let i = 0; i < 16_400; i++) {
    mtus.learn(nth(i), 100, instant(i));
    mtus.learn(nth(i), 1400, instant(i));
  }
  assert.equal(mtus.paths.length, 16_384);
  assert.equal(mtus.of(nth(15)), undefined);
  assert.equal(mtus.of(nth(16)), 1400);
});

test('F-4: what was found by asking stands beside a router\'s word and over it: the less of both, until more was seen to pass', () => {
  const mtus = new PathMtus();
  mtus.find(A, 1400);
  assert.deepEqual([mtus.of(A), mtus.deadline, mtus.paths], [1400, undefined, [A]], 'it does not grow old');
  mtus.learn(A, 1300, instant(0));
  assert.equal(mtus.of(A), 1300);
  mtus.find(A, 1300);
  assert.equal(mtus.of(A), 1300);
  mtus.forget(instant(PATH_MTU_AGE));
  assert.equal(mtus.of(A), 1300, 'found as well');
  mtus.learn(A, 1280, instant(PATH_MTU_AGE));
  mtus.find(A, 1350);
  assert.equal(mtus.of(A), 1350, 'the router was wrong, or the way has changed');
  mtus.learn(A, 1280, instant(PATH_MTU_AGE));
  mtus.find(A, undefined);
  assert.deepEqual([mtus.of(A), mtus.paths], [undefined, []]);
});
