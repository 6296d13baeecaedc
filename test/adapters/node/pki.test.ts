import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodePki } from '../../../src/adapters/node/index.ts';
import { toHex, toUtf8 } from '../../../src/base/index.ts';
import type { ChainRules, KeyKind, SignatureScheme } from '../../../src/crypto/index.ts';
import { crl, crt, key, NOW, testPki } from '../../golden/pki/pki.ts';

const pki = testPki();
const chain = (leaf: string, intermediates: readonly string[] = [], change: Partial<ChainRules> = {}): string => {
  const verdict = pki.verifyChain(crt(leaf), intermediates.map(crt), { anchors: [crt('root')], crls: [], now: NOW, allowTlsUsage: false, ...change });
  return verdict.ok ? 'ok' : verdict.why;
};
const crls = (...names: string[]): Partial<ChainRules> => ({ crls: names.map(crl) });

test('I3.6-2: what a certificate says', () => {
  const facts = pki.read(crt('hub-rsa'));
  assert.ok(facts);
  assert.equal(facts.subjectText, 'CN=hub.example.com, O=Example');
  assert.equal(facts.issuerText, 'CN=Example Root CA, O=Example');
  assert.equal(toHex(facts.subject), '302c3110300e060355040a0c074578616d706c653118301606035504030c0f6875622e6578616d706c652e636f6d');
  assert.equal(facts.notBefore, Date.UTC(2025, 0, 1) / 1000);
  assert.equal(facts.notAfter, Date.UTC(2099, 11, 31, 23, 59, 59) / 1000);
  assert.deepEqual([facts.isCa, facts.keyKind, facts.keyBits], [false, 'rsa', 2048]);
  assert.deepEqual(facts.dnsNames, ['hub.example.com']);
  assert.deepEqual(facts.emails, ['hub@example.com']);
  assert.deepEqual(facts.addresses.map(toHex), ['cb007101', '20010db8000000000000000000000001']);
  assert.equal(pki.read(crt('root'))?.isCa, true);
  assert.equal(pki.read(crt('inter-plain'))?.isCa, false);
});

test('I3.6-2: a name with a NUL in it is no name, an address of a strange size is none', () => {
  assert.deepEqual(pki.read(crt('nul-san'))?.dnsNames, []);
});

test('I3.6-2: octets that are no certificate are undefined, whatever they are', () => {
  const good = crt('hub-p256');
  for (const bad of [new Uint8Array(), Uint8Array.of(0x30), good.subarray(0, good.length - 1), Uint8Array.of(...good, 0), key('leaf'), crl('root'), new Uint8Array(70_000)]) {
    assert.equal(pki.read(bad), undefined);
    assert.deepEqual(pki.verifyChain(bad, [], { anchors: [crt('root')], crls: [], now: NOW, allowTlsUsage: false }), { ok: false, why: 'this is no X.509 certificate' });
  }
  // Every octet changed once: no crash, and the chain never holds.
  for (let at = 0; at < good.length; at++) {
    const changed = good.slice();
    changed[at] = (changed[at] ?? 0) ^ 0x55;
    pki.read(changed);
    assert.equal(pki.verifyChain(changed, [], { anchors: [crt('root')], crls: [], now: NOW, allowTlsUsage: false }).ok, false, `octet ${at}`);
  }
});

test('I3.6-2: chains that hold', () => {
  for (const leaf of ['hub-rsa', 'hub-p256', 'hub-p384', 'hub-p521', 'hub-ed25519', 'router', 'eku-any', 'eku-ike', 'ku-none', 'ku-repudiation', 'no-san', 'wildcard'])
    assert.equal(chain(leaf), 'ok', leaf);
  assert.equal(chain('under-inter', ['inter']), 'ok');
  assert.equal(chain('under-inter', ['other-root', 'inter', 'hub-p256']), 'ok', 'what does not belong to the chain does no harm');
  assert.equal(chain('under-inter', [], { anchors: [crt('inter')] }), 'ok', 'an intermediate may be the anchor');
  assert.equal(chain('permitted', ['inter-constrained']), 'ok');
  assert.equal(chain('self-signed', [], { anchors: [crt('self-signed')] }), 'ok', "the peer's own certificate may be the anchor");
  assert.equal(chain('hub-p256', [], { anchors: [crt('other-root'), crt('root')] }), 'ok');
});

const HUB = 'CN=hub.example.com, O=Example: ';
/** Each with the very words that the log shows. */
const BAD: readonly (readonly [leaf: string, intermediates: readonly string[], why: string, change?: Partial<ChainRules>])[] = [
  ['stranger', [], `${HUB}its issuer CN=Other Root CA, O=Example is neither trusted nor sent along`],
  ['stranger', ['other-root'], 'CN=Other Root CA, O=Example: it is self-signed and not among the trusted ones'],
  ['under-inter', [], `${HUB}its issuer CN=Example Branch CA, O=Example is neither trusted nor sent along`],
  ['self-signed', [], `${HUB}it is self-signed and not among the trusted ones`],
  ['impostor', [], `${HUB}its signature is not its issuer's`],
  ['expired', [], `${HUB}it expired on 2021-01-01 00:00:00 UTC`],
  ['future', [], `${HUB}it is not valid before 2098-01-01 00:00:00 UTC`],
  ['under-expired', ['inter-expired'], 'CN=Example Old CA, O=Example: it expired on 2021-01-01 00:00:00 UTC'],
  ['under-plain', ['inter-plain'], 'CN=Example Non-CA, O=Example: it is no CA that may sign certificates, but one is signed with its key'],
  ['under-nosign', ['inter-nosign'], 'CN=Example No-Sign CA, O=Example: it is no CA that may sign certificates, but one is signed with its key'],
  ['under-inter2', ['inter2', 'inter'], 'CN=Example Branch CA, O=Example: more CAs follow it than its path length allows'],
  ['not-permitted', ['inter-constrained'], 'CN=not permitted, O=Example: its names are outside of what the name constraints of a CA permit'],
  ['excluded', ['inter-constrained'], 'CN=excluded, O=Example: its names are among what the name constraints of a CA exclude'],
  ['critical', [], `${HUB}it has a critical extension that is not known here`],
  ['rsa1024', [], `${HUB}its key is too short (RSA needs 2048 bits)`],
  ['under-weak', [], 'CN=Weak Root CA, O=Example: its key is too short (RSA needs 2048 bits)', { anchors: [crt('weak-root')] }],
  ['sha1', [], `${HUB}it is signed with a hash that is too weak (SHA-1 or MD5)`],
  ['under-sha1', ['inter-sha1'], 'CN=Example SHA-1 CA, O=Example: it is signed with a hash that is too weak (SHA-1 or MD5)'],
  ['ku-encipher', [], `${HUB}its key usage allows no signatures`],
  ['eku-server', [], `${HUB}its extended key usage is for TLS, not for IPsec`],
  ['eku-client', [], `${HUB}its extended key usage is for TLS, not for IPsec`],
  ['eku-code', [], `${HUB}its extended key usage is not for IPsec`],
  ['eku-code', [], `${HUB}its extended key usage is not for IPsec`, { allowTlsUsage: true }],
  ['eku-broken', [], `${HUB}it has an extension that is malformed`],
  ['hub-p256', [], 'there is no CA certificate to trust', { anchors: [] }],
  ['hub-p256', [], 'there is no CA certificate to trust', { anchors: [Uint8Array.of(1, 2, 3)] }],
  ['revoked', [], `${HUB}it is revoked`, crls('root')],
  ['hub-p256', [], `${HUB}there is no CRL of its issuer`, crls('other-root')],
  ['under-inter', ['inter'], `${HUB}there is no CRL of its issuer`, crls('root')],
  ['under-inter', ['inter'], 'CN=Example Branch CA, O=Example: there is no CRL of its issuer', crls('inter')],
  ['hub-p256', [], `${HUB}the CRL of its issuer is out of date`, crls('root-old')],
  ['hub-p256', [], `${HUB}the CRL of its issuer is not valid yet`, crls('root-future')],
  ['hub-p256', [], `${HUB}the CRL of its issuer is not signed by the issuer`, crls('forged')],
  ['hub-p256', [], 'a CRL is signed with a hash that is too weak (SHA-1 or MD5)', crls('root-sha1')],
  ['hub-p256', [], 'a CRL cannot be read', { crls: [Uint8Array.of(0x30, 0)] }],
];

for (const [leaf, intermediates, why, change] of BAD)
  test(`I3.6-2: a chain that does not hold: ${leaf}${change ? ` (${Object.keys(change).join()})` : ''}: ${why}`, () => assert.equal(chain(leaf, intermediates, change), why));

test('I3.6-2: serverAuth and clientAuth are accepted by option only', () => {
  assert.equal(chain('eku-server', [], { allowTlsUsage: true }), 'ok');
  assert.equal(chain('eku-client', [], { allowTlsUsage: true }), 'ok');
});

test('I3.6-2: with CRLs every certificate below the anchor is looked up', () => {
  assert.equal(chain('hub-p256', [], crls('root')), 'ok');
  assert.equal(chain('hub-p256', [], crls('root-old', 'root', 'other-root')), 'ok', 'the CRL in force is found');
  assert.equal(chain('under-inter', ['inter'], crls('root', 'inter')), 'ok');
  assert.equal(chain('under-inter', [], { anchors: [crt('inter')], ...crls('inter') }), 'ok', 'the anchor itself needs none');
  assert.equal(chain('revoked'), 'ok', 'no CRL file: no revocation check');
});

test('I3.6-2: with the clock not set dates are not looked at, and everything else is', () => {
  const unset = { now: undefined };
  for (const leaf of ['hub-p256', 'expired', 'future']) assert.equal(chain(leaf, [], unset), 'ok', leaf);
  assert.equal(chain('under-expired', ['inter-expired'], unset), 'ok');
  assert.equal(chain('hub-p256', [], { ...unset, ...crls('root-old') }), 'ok');
  assert.equal(chain('revoked', [], { ...unset, ...crls('root') }), `${HUB}it is revoked`);
  assert.match(chain('stranger', [], unset), new RegExp('neither trusted'));
});

test('I3.6-2: validity ends to the second', () => {
  const end = Date.UTC(2021, 0, 1) / 1000;
  assert.equal(chain('expired', [], { now: end - 1 }), 'ok');
  assert.match(chain('expired', [], { now: end + 1 }), new RegExp('expired on'));
  const start = Date.UTC(2098, 0, 1) / 1000;
  assert.equal(chain('future', [], { now: start + 1 }), 'ok');
  assert.match(chain('future', [], { now: start - 1 }), new RegExp('not valid before'));
});

test('I3.6-2: what a CRL says', () => {
  assert.deepEqual(pki.readCrl(crl('root-old')), { issuerText: 'CN=Example Root CA, O=Example', thisUpdate: Date.UTC(2020, 0, 1) / 1000, nextUpdate: Date.UTC(2021, 0, 1) / 1000 });
  const good = crl('root');
  for (const bad of [new Uint8Array(), crt('root'), good.subarray(1), Uint8Array.of(...good, 0)]) assert.equal(pki.readCrl(bad), undefined);
});

const KEYS: readonly (readonly [name: string, kind: KeyKind, bits: number, schemes: readonly SignatureScheme[]])[] = [
  ['hub-rsa', 'rsa', 2048, ['rsa-pss-sha256', 'rsa-pss-sha384', 'rsa-pss-sha512', 'rsa-pkcs1-sha256', 'rsa-pkcs1-sha384', 'rsa-pkcs1-sha512']],
  ['hub-p256', 'ec-p256', 256, ['ecdsa-sha256', 'ecdsa-sha384', 'ecdsa-sha512']],
  ['hub-p384', 'ec-p384', 384, ['ecdsa-sha256', 'ecdsa-sha384', 'ecdsa-sha512']],
  ['hub-p521', 'ec-p521', 521, ['ecdsa-sha256', 'ecdsa-sha384', 'ecdsa-sha512']],
  ['hub-ed25519', 'ed25519', 256, ['ed25519']],
];
const ALL = [...new Set(KEYS.flatMap(([, , , schemes]) => schemes))];

for (const [name, kind, bits, schemes] of KEYS)
  test(`SG3-2: ${kind} signs and verifies, and only with its own schemes`, () => {
    const own = pki.signingKey(key(name));
    assert.ok(own);
    assert.deepEqual([own.kind, own.bits], [kind, bits]);
    const facts = pki.read(crt(name));
    assert.deepEqual(own.publicKey, facts?.publicKey);
    const octets = toUtf8('what is signed');
    for (const scheme of schemes) {
      const signature = own.sign(scheme, octets);
      for (const other of ALL) assert.equal(pki.verify(own.publicKey, other, octets, signature), other === scheme, `${scheme} as ${other}`);
      assert.equal(pki.verify(own.publicKey, scheme, toUtf8('what is signee'), signature), false);
      for (const at of [0, signature.length >> 1, signature.length - 1]) {
        const forged = signature.slice();
        forged[at] = (forged[at] ?? 0) ^ 1;
        assert.equal(pki.verify(own.publicKey, scheme, octets, forged), false, `${scheme}: octet ${at}`);
      }
      for (const broken of [new Uint8Array(), signature.subarray(1), Uint8Array.of(...signature, 0)]) assert.equal(pki.verify(own.publicKey, scheme, octets, broken), false);
    }
    for (const scheme of ALL) if (!schemes.includes(scheme)) assert.throws(() => own.sign(scheme, octets));
    own.wipe();
    assert.throws(() => own.sign(schemes[0] ?? 'ed25519', octets));
  });

test('SG3-2: an RSA signature is as long as the modulus: one that begins with zeros does not pass without them', () => {
  const own = pki.signingKey(key('hub-rsa'));
  assert.ok(own);
  for (const scheme of ['rsa-pss-sha256', 'rsa-pkcs1-sha256'] as const) {
    // One signature in 256 begins with a zero; PSS draws a salt, PKCS#1 needs another text.
    let [text, signature] = [new Uint8Array(2), new Uint8Array([1])];
    for (let n = 0; n < 10_000 && signature[0] !== 0; n++) {
      text = Uint8Array.of(n >> 8, n & 0xff);
      signature = own.sign(scheme, text).slice();
    }
    assert.equal(signature[0], 0);
    assert.deepEqual([pki.verify(own.publicKey, scheme, text, signature), pki.verify(own.publicKey, scheme, text, signature.subarray(1))], [true, false], scheme);
  }
});

test('SG3-3: keys that cannot be used here are none', () => {
  assert.equal(pki.signingKey(key('odd-curve')), undefined);
  assert.equal(pki.signingKey(key('rsa-pss-key')), undefined);
  assert.equal(pki.signingKey(crt('root')), undefined);
  assert.equal(pki.signingKey(new Uint8Array()), undefined);
  assert.equal(pki.read(crt('odd-curve'))?.keyKind, 'other');
  assert.equal(pki.read(crt('rsa-pss-key'))?.keyKind, 'other');
  assert.equal(pki.verify(new Uint8Array(), 'ed25519', new Uint8Array(), new Uint8Array(64)), false);
});

test('without OpenSSL in the process it is said why there are no certificates', () => {
  const none = { x509Missing: () => 'no OpenSSL 3', x509Read: () => undefined, x509ReadCrl: () => undefined, x509VerifyChain: () => 'no' };
  assert.equal(nodePki(none), 'certificates cannot be used: no OpenSSL 3');
});
