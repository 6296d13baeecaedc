import { test } from 'node:test';
import assert from 'node:assert/strict';
import { ID_TYPE } from '../../src/codec/ike/index.ts';
import type { CertificateFacts } from '../../src/crypto/index.ts';
import { identityProblem, identityText, nameProblem, sameIdentity } from '../../src/ike/identities.ts';
import { address, email, fqdn, keyId } from './certified.ts';

const facts = (change: Partial<CertificateFacts>): CertificateFacts => ({
  subjectText: 'CN=x', issuerText: 'CN=ca', subject: Uint8Array.of(0x30, 2, 0x31, 0), notBefore: 0, notAfter: 0, isCa: false, keyKind: 'rsa', keyBits: 2048,
  publicKey: new Uint8Array(), dnsNames: [], emails: [], addresses: [], ...change,
});
const raw = (idType: number, ...data: number[]): { idType: number; data: Uint8Array } => ({ idType, data: Uint8Array.from(data) });

test('I3.5-1: identities as people read them; foreign text cannot drive a terminal', () => {
  assert.equal(identityText(fqdn('hub.example.com')), 'hub.example.com');
  assert.equal(identityText(address('192.0.2.1')), '192.0.2.1');
  assert.equal(identityText(raw(ID_TYPE.FQDN, 0x61, 0x1b, 0x5b)), 'a\\x1b[');
  assert.equal(identityText(address('2001:db8::1')), '2001:db8::1');
  assert.equal(identityText(keyId('ab')), 'keyid:ab');
  assert.equal(identityText(raw(11, 0x61, 0x0a)), '@#610a');
  assert.equal(identityText(raw(9, 0x30, 0)), 'asn1dn:#3000');
  assert.equal(identityText(raw(1, 1, 2)), '1:0102');
  assert.equal(identityText({ idType: 2, data: new Uint8Array(60_000).fill(0x61) }), 'a'.repeat(255));
  assert.equal(identityText({ idType: 9, data: new Uint8Array(255) }), `asn1dn:#${'00'.repeat(255)}`);
  assert.equal(identityText({ idType: 9, data: new Uint8Array(256) }), `asn1dn:#${'00'.repeat(255)}…`);
  assert.deepEqual([0x20, 0x21, 0x7e, 0x7f].map((octet) => identityText(raw(ID_TYPE.KEY_ID, octet))), ['@#20', 'keyid:!', 'keyid:~', '@#7f']);
});

test('I3.5-1: what is accepted as an identity', () => {
  for (const id of [fqdn('a'), email('a@b'), address('192.0.2.1'), address('2001:db8::1'), keyId('k'), raw(9, 0x30, 0)]) assert.equal(identityProblem(id), undefined);
  for (const id of [raw(10, 1), raw(13), raw(255, 1), raw(1, 1), raw(5, 1, 2, 3, 4), raw(2), raw(9)]) assert.notEqual(identityProblem(id), undefined);
});

test('I3.5-1: an identity that is refused is refused in words', () => {
  const why = (idType: number): string | undefined => identityProblem({ idType, data: new Uint8Array() });
  assert.deepEqual([1, 2, 3, 5, 9, 11].map(why), ['IPv4 address', 'FQDN', 'e-mail address', 'IPv6 address', 'distinguished name', 'key ID'].map((name) => `its ${name} is empty`));
});

test('I3.6-2: names are compared without regard to the case of ASCII letters, and of no others', () => {
  const cert = facts({ dnsNames: ['Hub.Example.Com'], emails: ['Me@Example.com'] });
  assert.equal(nameProblem(cert, fqdn('hUB.eXAMPLE.cOM')), undefined);
  assert.equal(nameProblem(cert, email('mE@eXAMPLE.COM')), undefined);
  for (const id of [fqdn('hub.example.com.'), fqdn('ub.example.com'), fqdn(' hub.example.com'), email('me@example.co'), fqdn('me@example.com'), raw(2, ...Array.from('hub.example.com', (c) => c.charCodeAt(0)), 0)])
    assert.notEqual(nameProblem(cert, id), undefined, identityText(id));
  assert.equal(nameProblem(facts({ dnsNames: ['other.example', 'hub.example'] }), fqdn('hub.example')), undefined, 'any of its names');
  assert.equal(nameProblem(facts({ dnsNames: ['AZ.example'] }), fqdn('az.example')), undefined);
  assert.notEqual(nameProblem(facts({ dnsNames: ['\u00c4.example'] }), { idType: 2, data: Uint8Array.of(0xe4, ...Array.from('.example', (c) => c.charCodeAt(0))) }), undefined, 'a letter, but none of ASCII');
  assert.notEqual(nameProblem(facts({ dnsNames: ['k.example'] }), { idType: 2, data: new Uint8Array(Buffer.from('\u212a.example', 'utf8')) }), undefined, 'the Kelvin sign is no k');
});

test('I3.6-2: a wildcard matches nothing, not even itself', () => {
  const cert = facts({ dnsNames: ['*.example.com', 'h*.example.com'] });
  for (const text of ['hub.example.com', '*.example.com', 'h*.example.com', 'example.com']) assert.notEqual(nameProblem(cert, fqdn(text)), undefined, text);
});

test('I3.6-2: an identity longer than any name matches none', () => {
  const long = 'a'.repeat(300);
  assert.notEqual(nameProblem(facts({ dnsNames: [long, long.slice(0, 255)] }), fqdn(long)), undefined);
  assert.equal(nameProblem(facts({ dnsNames: [long.slice(0, 255)] }), fqdn(long.slice(0, 255))), undefined);
});

test('I3.6-2: addresses and subjects are compared octet by octet', () => {
  const cert = facts({ addresses: [address('192.0.2.1').data, address('2001:db8::1').data] });
  assert.equal(nameProblem(cert, address('192.0.2.1')), undefined);
  assert.equal(nameProblem(cert, address('2001:db8::1')), undefined);
  assert.notEqual(nameProblem(cert, address('192.0.2.2')), undefined);
  assert.equal(nameProblem(cert, raw(9, 0x30, 2, 0x31, 0)), undefined);
  assert.notEqual(nameProblem(cert, raw(9, 0x30, 2, 0x31, 1)), undefined);
  assert.notEqual(nameProblem(cert, keyId('x')), undefined);
});

test('I1.2-4: the configured identity is type and octets', () => {
  assert.equal(sameIdentity(fqdn('a.b'), fqdn('a.b')), true);
  assert.equal(sameIdentity(fqdn('a.b'), keyId('a.b')), false);
  assert.equal(sameIdentity(fqdn('a.b'), fqdn('A.b')), false);
});
