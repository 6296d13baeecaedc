import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeCrypto, nodeEntropy } from '../../../src/adapters/node/crypto.ts';
import { toHex } from '../../../src/base/index.ts';
import type { HashName } from '../../../src/crypto/index.ts';
import { bytes, isPlain } from './octets.ts';

const suite = nodeCrypto();

// ---- Hash and HMAC -------------------------------------------------------------------------------------------------

/** RFC 4231 §4 (RFC 4868 §2.7.1 repeats them as PRF-1 to PRF-6, without case 5). */
const RFC_4231 = [
  {
    name: 'test case 1', key: '0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b',
    data: '4869205468657265',
    sha256: 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7',
    sha384: 'afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6',
    sha512: '87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854',
  },
  {
    name: 'test case 2', key: '4a656665',
    data: '7768617420646f2079612077616e7420666f72206e6f7468696e673f',
    sha256: '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    sha384: 'af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649',
    sha512: '164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737',
  },
  {
    name: 'test case 3', key: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
    data: 'dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd',
    sha256: '773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe',
    sha384: '88062608d3e6ad8a0aa2ace014c8a86f0aa635d947ac9febe83ef4e55966144b2a5ab39dc13814b94e3ab6e101a34f27',
    sha512: 'fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb',
  },
  {
    name: 'test case 4', key: '0102030405060708090a0b0c0d0e0f10111213141516171819',
    data: 'cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd',
    sha256: '82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b',
    sha384: '3e8a69b7783c25851933ab6290af6ca77a9981480850009cc5577c6e1f573b4e6801dd23c4a7d679ccf8a386c674cffb',
    sha512: 'b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3dba91ca5c11aa25eb4d679275cc5788063a5f19741120c4f2de2adebeb10a298dd',
  },
  {
    name: 'test case 5', key: '0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c',
    data: '546573742057697468205472756e636174696f6e',
    sha256: 'a3b6167473100ee06e0c796c2955552b',
    sha384: '3abf34c3503b2a23a46efc619baef897',
    sha512: '415fad6271580a531d4179bc891d87a6',
  },
  {
    name: 'test case 6', key: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
    data: '54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b6579202d2048617368204b6579204669727374',
    sha256: '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
    sha384: '4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c60c2ef6ab4030fe8296248df163f44952',
    sha512: '80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598',
  },
  {
    name: 'test case 7', key: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
    data: '5468697320697320612074657374207573696e672061206c6172676572207468616e20626c6f636b2d73697a65206b657920616e642061206c6172676572207468616e20626c6f636b2d73697a6520646174612e20546865206b6579206e6565647320746f20626520686173686564206265666f7265206265696e6720757365642062792074686520484d414320616c676f726974686d2e',
    sha256: '9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2',
    sha384: '6617178e941f020d351e2f254e8fd32c602420feb0b8fb9adccebb82461e99c5a678cc31e799176d3860e6110c46523e',
    sha512: 'e37b6a775dc87dbaa4dfa9f96e5e3ffddebd71f8867289865df5a32d20cdc944b6022cac3c4982b10d5eeb55c3e4de15134676fb6de0446065c97440fa8c6a58',
  },
] as const;

/** RFC 4868 §2.7.2: first and fourth case of each. */
const RFC_4868: readonly (readonly [HashName, string, string, string])[] = [
  ['sha256', '0b'.repeat(32), '4869205468657265', '198a607eb44bfbc69903a0f1cf2bbdc5ba0aa3f3d9ae3c1c7a3b1696a0b68cf7'],
  ['sha256', '0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20', 'cd'.repeat(50), '372efcf9b40b35c2115b1346903d2ef42fced46f0846e7257bb156d3d7b30d3f'],
  ['sha384', '0b'.repeat(48), '4869205468657265', 'b6a8d5636f5c6a7224f9977dcf7ee6c7fb6d0c48cbdee9737a959796489bddbc4c5df61d5b3297b4fb68dab9f1b582c2'],
  ['sha384', 'aa'.repeat(48), 'dd'.repeat(50), '809f439be00274321d4a538652164b53554a508184a0c3160353e3428597003d35914a18770f9443987054944b7c4b4a'],
];

test('RFC 4231 §4, RFC 4868 §2.7.1: HMAC-SHA2 known answers', () => {
  for (const vector of RFC_4231) {
    for (const name of ['sha256', 'sha384', 'sha512'] as const) {
      const mac = suite.hmac(name, bytes(vector.key));
      const tag = mac.sign(bytes(vector.data));
      isPlain(tag);
      assert.equal(tag.length, mac.size);
      assert.equal(toHex(tag).slice(0, vector[name].length), vector[name], `${vector.name} ${name}`); // case 5 is truncated
    }
  }
});

test('RFC 4868 §2.7.2: HMAC-SHA2 known answers with keys of the fixed size', () => {
  for (const [name, secret, data, tag] of RFC_4868) assert.equal(toHex(suite.hmac(name, bytes(secret)).sign(bytes(data))), tag);
});

test('a MAC keeps its key from call to call, joins its parts, and is useless once wiped', () => {
  const mac = suite.hmac('sha256', bytes('4a656665'));
  const whole = mac.sign(bytes('7768617420646f2079612077616e7420666f72206e6f7468696e673f'));
  assert.deepEqual(mac.sign(bytes('7768617420646f20'), bytes(''), bytes('79612077616e7420666f72206e6f7468696e673f')), whole);
  mac.wipe();
  assert.throws(() => mac.sign(bytes('00')));
});

test('an HMAC key is copied, and may be empty', () => {
  const secret = bytes('4a656665');
  const mac = suite.hmac('sha256', secret);
  secret.fill(0);
  assert.equal(toHex(mac.sign(bytes('7768617420646f2079612077616e7420666f72206e6f7468696e673f'))), '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843');
  assert.equal(toHex(suite.hmac('sha256', new Uint8Array(0)).sign()), 'b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad');
});

test('FIPS 180: hashes of "abc"', () => {
  const abc = [bytes('61'), bytes('6263')];
  isPlain(suite.hash('sha1', ...abc));
  assert.equal(toHex(suite.hash('sha1', ...abc)), 'a9993e364706816aba3e25717850c26c9cd0d89d');
  assert.equal(toHex(suite.hash('sha256', ...abc)), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
});

// ---- The rest ------------------------------------------------------------------------------------------------------

test('comparison of secrets', () => {
  assert.ok(suite.equal(bytes('0102'), bytes('0102')));
  assert.ok(!suite.equal(bytes('0102'), bytes('0103')));
  assert.ok(!suite.equal(bytes('0102'), bytes('010200')));
  assert.ok(suite.equal(bytes(''), bytes('')));
});

test('entropy gives as many octets as asked for, plain and different', () => {
  const entropy = nodeEntropy();
  for (const count of [0, 1, 32, 256]) assert.equal(entropy.bytes(count, 'test').length, count);
  isPlain(entropy.bytes(8, 'test'));
  assert.notDeepEqual(entropy.bytes(32, 'test'), entropy.bytes(32, 'test'));
});
