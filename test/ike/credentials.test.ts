import { test } from 'node:test';
import assert from 'node:assert/strict';
import { judgeAuthorities, judgeCredentials, type Credentials } from '../../src/ike/index.ts';
import { crl, crt, fqdn, key, NOW, pki } from './certified.ts';

const judge = (chain: readonly string[], keyName: string, change: Partial<Credentials> = {}): string[] =>
  judgeCredentials(pki, { chain: chain.map(crt), key: key(keyName), localId: fqdn('hub.example.com'), now: NOW, allowTlsUsage: false, ...change });
const HUB = 'CN=hub.example.com, O=Example';

test('I3.6-2: credentials with nothing wrong', () => {
  for (const name of ['hub-rsa', 'hub-p256', 'hub-p384', 'hub-p521', 'hub-ed25519']) assert.deepEqual(judge([name], name), [], name);
  assert.deepEqual(judge(['under-inter', 'inter'], 'leaf'), []);
  assert.deepEqual(judge(['under-inter', 'inter', 'root'], 'leaf'), []);
  assert.deepEqual(judge(['no-san'], 'leaf', { localId: undefined }), []);
  assert.deepEqual(judge(['expired'], 'leaf', { now: undefined }), []);
});

const BAD: readonly (readonly [what: string, () => string[], readonly string[]])[] = [
  ['the key of another', () => judge(['hub-p256'], 'leaf'), [`the key does not belong to the certificate (${HUB})`]],
  ['a key that is not used here', () => judge(['odd-curve'], 'odd-curve'), ['the key cannot be used: it is none of RSA (2048 to 8192 bits), ECDSA on P-256, P-384 or P-521, Ed25519']],
  ['a short key', () => judge(['rsa1024'], 'rsa1024'), ['the RSA key has 1024 bits: 2048 is the least', `${HUB}: its key is too short (RSA needs 2048 bits)`]],
  ['expired', () => judge(['expired'], 'leaf'), [`${HUB}: it expired on 2021-01-01 00:00:00 UTC`]],
  ['not valid yet', () => judge(['future'], 'leaf'), [`${HUB}: it is not valid before 2098-01-01 00:00:00 UTC`]],
  ['an intermediate that has expired', () => judge(['under-expired', 'inter-expired'], 'leaf'), ['CN=Example Old CA, O=Example: it expired on 2021-01-01 00:00:00 UTC']],
  ['an intermediate that does not belong', () => judge(['under-inter', 'inter2'], 'leaf'), [`${HUB}: its issuer CN=Example Branch CA, O=Example is neither trusted nor sent along`]],
  ['another identity', () => judge(['router'], 'router'), ['local_id: its certificate (CN=router.example.com, O=Example) does not name hub.example.com: its dNSName is router.example.com']],
  ['for TLS only', () => judge(['eku-server'], 'leaf'), [`${HUB}: its extended key usage is for TLS, not for IPsec`]],
  ['no signatures', () => judge(['ku-encipher'], 'leaf'), [`${HUB}: its key usage allows no signatures`]],
  ['no certificate', () => judge([], 'leaf'), ['there is no certificate']],
  ['octets that are none', () => judgeCredentials(pki, { chain: [Uint8Array.of(1)], key: key('leaf'), localId: undefined, now: NOW, allowTlsUsage: false }), ['the certificate cannot be read']],
  ['an intermediate that is none', () => judgeCredentials(pki, { chain: [crt('hub-p256'), Uint8Array.of(1)], key: key('hub-p256'), localId: undefined, now: NOW, allowTlsUsage: false }),
    ['certificate 2 of the file cannot be read', 'there is no CA certificate to trust']],
  ['several at once', () => judge(['expired', 'root', 'root', 'root', 'root'], 'router', { localId: fqdn('x') }), [
    `the key does not belong to the certificate (${HUB})`, 'the file has 5 certificates: only the first four are sent',
    `local_id: its certificate (${HUB}) does not name x: its dNSName is hub.example.com`, `${HUB}: it expired on 2021-01-01 00:00:00 UTC`,
  ]],
];
for (const [what, judged, words] of BAD) test(`I3.6-2 SG3-3: our own certificate will not do: ${what}`, () => assert.deepEqual(judged(), words));

test('I3.6-2: for TLS only, where that is allowed', () => assert.deepEqual(judge(['eku-server'], 'leaf', { allowTlsUsage: true }), []));

const authorities = (anchors: readonly string[], crls: readonly string[] = [], now: number | undefined = NOW): string[] =>
  judgeAuthorities(pki, { anchors: anchors.map(crt), crls: crls.map(crl), now });

test('I3.6-2: authorities by which no certificate would be accepted', () => {
  assert.deepEqual(authorities(['root', 'inter', 'self-signed'], ['root', 'inter']), []);
  assert.deepEqual(authorities([]), ['there is no CA certificate to trust']);
  assert.deepEqual(authorities(['hub-p256']), [`${HUB} is no CA: only a peer with this very certificate is accepted`]);
  assert.deepEqual(authorities(['inter-expired']), ['CN=Example Old CA, O=Example has expired']);
  assert.deepEqual(authorities(['inter'], [], 1_000_000_000), ['CN=Example Branch CA, O=Example is not valid yet']);
  assert.deepEqual(authorities(['weak-root']), ['CN=Weak Root CA, O=Example has an RSA key of 1024 bits: 2048 is the least']);
  assert.deepEqual(authorities(['root'], ['root-old']), ['the CRL of CN=Example Root CA, O=Example is out of date: no certificate of that CA is accepted']);
  assert.deepEqual(authorities(['root'], ['root-future']), ['the CRL of CN=Example Root CA, O=Example is not valid yet']);
  assert.deepEqual(judgeAuthorities(pki, { anchors: [Uint8Array.of(1)], crls: [Uint8Array.of(1)], now: NOW }), ['this is no X.509 certificate', 'this is no CRL']);
  assert.deepEqual(judgeAuthorities(pki, { anchors: [crt('inter-expired')], crls: [crl('root-old')], now: undefined }), [], 'without a clock dates are not judged');
});
