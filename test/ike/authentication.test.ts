// Who is who: certificates and pre-shared keys on both sides, what is refused and in which words, and nothing of it told to the peer.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { concat, seconds, toHex } from '../../src/base/index.ts';
import { SIGNATURE_HASH, type SignatureScheme } from '../../src/crypto/index.ts';
import type { IkeConnection, IkeIdentity, LocalAuth } from '../../src/ike/index.ts';
import { address, cert, certified, crl, crt, email, fqdn, hashes, keyId, NOW, pki, psk, setClock, signedPayloads, subject, wantCert, withCert, type Proof } from './certified.ts';
import { connection, Pair, path, sharedKey } from './pair.ts';
import { findNotify, findPayload, notifies, ScriptedPeer, suite, type Heard } from './scripted-peer.ts';

const ALL = [SIGNATURE_HASH.SHA2_256, SIGNATURE_HASH.SHA2_384, SIGNATURE_HASH.SHA2_512, SIGNATURE_HASH.IDENTITY];
const LEAVES = ['hub-rsa', 'hub-p256', 'hub-p384', 'hub-p521', 'hub-ed25519'] as const;

function mustConnect(pair: Pair): void {
  pair.connect(path('wan'));
  pair.checkPaired();
  assert.equal(pair.hub.of('ike.established').length, 1);
}

// ---- whole handshakes --------------------------------------------------------------------------------------------------

for (const leaf of LEAVES) {
  test(`SG3-3 I1.2-3: certificates on both sides, the hub's is ${leaf}`, () => {
    const pair = certified({ hub: { auth: withCert(leaf) } });
    mustConnect(pair);
    assert.equal(pair.router.of('ike.established')[0]?.peer, 'hub.example.com');
    assert.equal(pair.hub.of('ike.established')[0]?.peer, 'router.example.com');
  });
  test(`SG3-3: the initiator's certificate is ${leaf}`, () => {
    mustConnect(certified({ router: { auth: withCert(leaf), localId: fqdn('hub.example.com') } }));
  });
}

test('I2.15-3: the hub has a certificate, the router a pre-shared key', () => {
  mustConnect(certified({ router: { auth: psk.auth }, hub: { remoteAuth: psk.remoteAuth } }));
});

test('I2.15-3: the router has a certificate, the hub a pre-shared key', () => {
  mustConnect(certified({ router: { remoteAuth: psk.remoteAuth }, hub: { auth: psk.auth } }));
});

test('I2.15-3: the wrong pre-shared key beside a good certificate is refused', () => {
  const pair = certified({ router: { auth: psk.auth }, hub: { remoteAuth: sharedKey('another preshared key').remoteAuth } });
  assert.throws(() => pair.connect(path('wan')));
  assert.match(pair.hub.logs.join('\n'), new RegExp("AUTH of router.example.com does not verify \\(is the PSK of connection 'branches' the same on both sides\\?\\)"));
});

test('I3.6-1: intermediate certificates go along, and CRLs are looked at', () => {
  const revocation = wantCert({ crls: [crl('root'), crl('inter')] });
  mustConnect(certified({ hub: { auth: withCert('under-inter', 'leaf', ['inter']) }, router: { remoteAuth: revocation } }));
});

test('I3.6-2: a revoked certificate of the hub: the router says so in its log and in the event, and the hub is told nothing but the failure', () => {
  const pair = certified({ hub: { auth: withCert('revoked', 'leaf') }, router: { remoteAuth: wantCert({ crls: [crl('root')] }) } });
  assert.throws(() => pair.connect(path('wan')));
  const [failed] = pair.router.of('ike.failed');
  assert.deepEqual([failed?.reason, failed?.detail], ['authentication_failed', 'the certificate of hub.example.com is not accepted: CN=hub.example.com, O=Example: it is revoked']);
  assert.deepEqual(pair.hub.of('ike.closed').map((e) => e.reason), ['authentication_failed']);
  assert.equal(pair.hub.sas.size, 0);
});

test('I1.2-2: certificates in a rekeyed IKE SA are not asked for again', () => {
  const pair = certified();
  const chain = pair.connect(path('wan'));
  pair.feed(pair.router, { type: 'ike.rekey', chain });
  pair.runFor(seconds(2));
  assert.equal(pair.router.of('ike.rekeyed').length, 1);
  pair.checkPaired();
});

// ---- what goes over the wire -------------------------------------------------------------------------------------------

/** A scripted initiator against a hub with certificates. */
function initiator(change: { readonly hub?: Partial<IkeConnection>; readonly others?: readonly IkeConnection[]; readonly unset?: boolean } = {}): ScriptedPeer {
  const pair = certified(change);
  const peer = new ScriptedPeer('hub', {}, pair);
  if (change.others) pair.feed(pair.hub, { type: 'connections.set', connections: change.others });
  return peer;
}

/** IKE_SA_INIT with these hashes, or without SIGNATURE_HASH_ALGORITHMS. */
function init(peer: ScriptedPeer, listed: readonly number[] | null = ALL): Heard {
  const [answer] = peer.init([...peer.initPayloads(), ...(listed ? [hashes(...listed)] : [])]);
  assert.ok(answer);
  peer.takeInit(answer);
  return answer;
}

/** A hub to a scripted router: answers IKE_SA_INIT with these hashes, or without. Returns its IKE_AUTH request. */
function responder(change: { readonly router?: Partial<IkeConnection> } = {}): ScriptedPeer {
  return new ScriptedPeer('router', {}, certified(change));
}

function answerInit(peer: ScriptedPeer, request: Heard, listed: readonly number[] | null = ALL): Heard[] {
  const base = peer.initAnswer.bind(peer);
  peer.initAnswer = () => [...base(), ...(listed ? [hashes(...listed)] : [])];
  return peer.answerInit(request);
}

const listedIn = (heard: Heard | undefined): string | undefined => {
  const data = findNotify(heard?.payloads ?? [], 'SIGNATURE_HASH_ALGORITHMS')?.data;
  return data && toHex(data);
};
const rootName = toHex(suite.hash('sha1', pki.read(crt('root'))?.publicKey ?? new Uint8Array()));
const namedCas = (heard: Heard): string | undefined => {
  const request = findPayload(heard.payloads, 'CERTREQ');
  return request && `${request.encoding}:${toHex(request.data)}`;
};

test('I1.2-1 I3.6-1 SG3-1: the hub answers with CERTREQ and its hashes when the router listed its own', () => {
  const answer = init(initiator());
  assert.deepEqual(answer.payloads.map((p) => p.type), ['SA', 'KE', 'NONCE', 'N', 'N', 'CERTREQ', 'N']);
  assert.equal(namedCas(answer), `4:${rootName}`);
  assert.equal(rootName.length, 40);
  assert.equal(listedIn(answer), '0002000300040005');
});

test('SG3-1: the hub lists nothing to a router that listed nothing', () => {
  const answer = init(initiator(), null);
  assert.deepEqual(answer.payloads.map((p) => p.type), ['SA', 'KE', 'NONCE', 'N', 'N']);
});

test('I1.2-2 I3.6-1: the IKE_AUTH request: IDi, certificates with the end entity first, CERTREQ, IDr, AUTH', () => {
  const peer = responder({ router: { auth: withCert('under-inter', 'leaf', ['inter']), localId: fqdn('hub.example.com') } });
  const request = peer.initiated();
  assert.equal(listedIn(request), '0002000300040005');
  const [auth] = answerInit(peer, request);
  assert.deepEqual(auth?.payloads.map((p) => p.type), ['IDi', 'CERT', 'CERT', 'N', 'CERTREQ', 'IDr', 'AUTH', 'SA', 'TSi', 'TSr', 'N']);
  assert.deepEqual(auth.payloads.filter((p) => p.type === 'CERT').map((p) => [p.encoding, toHex(p.data)]), [[4, toHex(crt('under-inter'))], [4, toHex(crt('inter'))]]);
  assert.equal(findPayload(auth.payloads, 'AUTH')?.method, 14);
});

test('I1.2-2: the IKE_AUTH answer: IDr, CERT, AUTH, then the child', () => {
  const peer = initiator();
  init(peer);
  const answer = peer.answerTo('IKE_AUTH', [...signedPayloads(peer), ...peer.childPayloads()]);
  assert.deepEqual(answer.payloads.map((p) => p.type), ['IDr', 'CERT', 'AUTH', 'SA', 'TSi', 'TSr']);
});

test('I3.6-1: no more than four certificates are sent', () => {
  const peer = responder({ router: { auth: withCert('router', 'router', ['inter', 'inter2', 'inter', 'inter2', 'inter']) } });
  const [auth] = answerInit(peer, peer.initiated());
  assert.equal(auth?.payloads.filter((p) => p.type === 'CERT').length, 4);
});

test('SG3-1: without certificates nothing is listed and no CA named', () => {
  const peer = new ScriptedPeer('router', {}, new Pair('plain', connection('initiator'), connection('responder'), pki));
  assert.equal(listedIn(peer.initiated()), undefined);
  const hub = new ScriptedPeer('hub', {}, new Pair('plain', connection('initiator'), connection('responder'), pki));
  assert.deepEqual(init(hub).payloads.map((p) => p.type), ['SA', 'KE', 'NONCE', 'N', 'N']);
});

test('SG3-1: Identity is listed if and only if EdDSA may be used (RFC 8420 §3)', () => {
  const only = (auth: LocalAuth): string | undefined => listedIn(responder({ router: { auth, localId: fqdn('hub.example.com'), remoteAuth: psk.remoteAuth } }).initiated());
  assert.equal(only(withCert('hub-p256')), '000200030004');
  assert.equal(only(withCert('hub-ed25519')), '0002000300040005');
  assert.equal(listedIn(responder({ router: { auth: psk.auth } }).initiated()), '0002000300040005', 'the peer may come with any certificate');
});

const SIGNED: readonly (readonly [leaf: string, listed: readonly number[], algorithm: number, scheme: string])[] = [
  ['hub-rsa', ALL, 67, 'rsa-pss-sha256'], ['hub-rsa', [3], 67, 'rsa-pss-sha384'], ['hub-rsa', [1, 4, 99], 67, 'rsa-pss-sha512'],
  ['hub-p256', ALL, 12, 'ecdsa-sha256'], ['hub-p384', ALL, 12, 'ecdsa-sha384'], ['hub-p384', [2], 12, 'ecdsa-sha256'], ['hub-p521', ALL, 12, 'ecdsa-sha512'], ['hub-ed25519', ALL, 7, 'ed25519'],
];
for (const [leaf, listed, octets, scheme] of SIGNED)
  test(`SG3-1 SG3-2: to a router that lists ${listed.join(', ')} ${leaf} signs ${scheme}, in an AlgorithmIdentifier of ${octets} octets`, () => {
    const peer = initiator({ hub: { auth: withCert(leaf) } });
    init(peer, listed);
    const answer = peer.answerTo('IKE_AUTH', [...signedPayloads(peer), ...peer.childPayloads()]);
    const auth = findPayload(answer.payloads, 'AUTH');
    const idr = findPayload(answer.payloads, 'IDr');
    assert.ok(auth && idr && peer.keys);
    assert.deepEqual([auth.method, auth.data[0]], [14, octets]);
    const octetsSigned = concat(peer.initResponse, peer.ni, suite.hmac('sha256', peer.keys.skPr).sign(idr.body));
    assert.ok(pki.verify(pki.read(crt(leaf))?.publicKey ?? new Uint8Array(), scheme as SignatureScheme, octetsSigned, auth.data.subarray(1 + octets)));
  });

test('SG5-1: our key is the configured one, whatever CA the peer asks for', () => {
  const peer = initiator();
  init(peer);
  const other = suite.hash('sha1', pki.read(crt('other-root'))?.publicKey ?? new Uint8Array());
  const answer = peer.answerTo('IKE_AUTH', [...signedPayloads(peer), { type: 'CERTREQ', encoding: 4, data: other }, ...peer.childPayloads()]);
  assert.equal(toHex(findPayload(answer.payloads, 'CERT')?.data ?? new Uint8Array()), toHex(crt('hub-p256')));
});

// ---- what a responder refuses ------------------------------------------------------------------------------------------

/** IKE_AUTH with this proof: the hub's last words in its log, or `ok`. Whatever is wrong, the answer is AUTHENTICATION_FAILED and nothing else. */
function attempt(peer: ScriptedPeer, proof: Proof = {}): string {
  const answer = peer.answerTo('IKE_AUTH', [...signedPayloads(peer, proof), ...peer.childPayloads()]);
  if (peer.side.of('ike.established').length > 0) return 'ok';
  assert.deepEqual(notifies(answer), ['AUTHENTICATION_FAILED']);
  assert.deepEqual(answer.payloads.map((p) => p.type === 'N' && p.data.length + p.spi.length), [0], 'no detail to the peer');
  assert.equal(peer.side.sas.size, 0);
  assert.equal(peer.side.engine.sizes().sas, 0);
  return peer.side.logs.at(-1)?.replace('branches[1]: 192.0.2.10: ', '') ?? '';
}

function judged(proof: Proof = {}, hub: Partial<IkeConnection> = {}, listed: readonly number[] | null = ALL): string {
  const peer = initiator({ hub });
  init(peer, listed);
  return attempt(peer, proof);
}

const HUB = fqdn('hub.example.com');
/** Proofs of a peer that says it is hub.example.com, with a leaf of the table of bad chains. */
const leaf = (name: string, intermediates: readonly string[] = [], keyName = 'leaf'): Proof => ({ id: HUB, certs: [name, ...intermediates].map((n) => cert(crt(n))), key: keyName });
const notAccepted = (why: string): string => `the certificate of hub.example.com is not accepted: CN=hub.example.com, O=Example: ${why}`;

test('I3.6-2: a proof with nothing wrong is taken', () => {
  assert.equal(judged(), 'ok');
  assert.equal(judged(leaf('eku-ike')), 'ok');
  assert.equal(judged(leaf('under-inter', ['inter'])), 'ok');
  assert.equal(judged(leaf('under-inter', ['router', 'stranger', 'inter'])), 'ok', 'four certificates');
});

const BAD_CHAINS: readonly (readonly [Proof, string, Partial<IkeConnection>?])[] = [
  [leaf('stranger'), notAccepted('its issuer CN=Other Root CA, O=Example is neither trusted nor sent along')],
  [leaf('stranger', ['other-root']), 'the certificate of hub.example.com is not accepted: CN=Other Root CA, O=Example: it is self-signed and not among the trusted ones'],
  [leaf('under-inter'), notAccepted('its issuer CN=Example Branch CA, O=Example is neither trusted nor sent along')],
  [leaf('under-inter', ['router', 'router2', 'stranger', 'inter']), notAccepted('its issuer CN=Example Branch CA, O=Example is neither trusted nor sent along')],
  [leaf('expired'), notAccepted('it expired on 2021-01-01 00:00:00 UTC')],
  [leaf('future'), notAccepted('it is not valid before 2098-01-01 00:00:00 UTC')],
  [leaf('under-plain', ['inter-plain']), 'the certificate of hub.example.com is not accepted: CN=Example Non-CA, O=Example: it is no CA that may sign certificates, but one is signed with its key'],
  [leaf('under-inter2', ['inter2', 'inter']), 'the certificate of hub.example.com is not accepted: CN=Example Branch CA, O=Example: more CAs follow it than its path length allows'],
  [leaf('eku-server'), notAccepted('its extended key usage is for TLS, not for IPsec')],
  [leaf('ku-encipher'), notAccepted('its key usage allows no signatures')],
  [leaf('critical'), notAccepted('it has a critical extension that is not known here')],
  [leaf('sha1'), notAccepted('it is signed with a hash that is too weak (SHA-1 or MD5)')],
  [{ ...leaf('rsa1024', [], 'rsa1024'), scheme: 'rsa-pkcs1-sha256' }, notAccepted('its key is too short (RSA needs 2048 bits)')],
  [leaf('self-signed'), notAccepted('it is self-signed and not among the trusted ones')],
  [leaf('revoked'), notAccepted('it is revoked'), { remoteAuth: wantCert({ crls: [crl('root')] }) }],
  [leaf('eku-any'), notAccepted('there is no CRL of its issuer'), { remoteAuth: wantCert({ crls: [crl('other-root')] }) }],
  [leaf('eku-any'), notAccepted('the CRL of its issuer is out of date'), { remoteAuth: wantCert({ crls: [crl('root-old')] }) }],
  [leaf('not-permitted', ['inter-constrained']), 'the certificate of hub.example.com is not accepted: CN=not permitted, O=Example: its names are outside of what the name constraints of a CA permit'],
];
for (const [proof, why, hub] of BAD_CHAINS) test(`I3.6-2 I2.21.2-1: refused: ${why}`, () => assert.equal(judged(proof, hub), why));

test('I3.6-2: serverAuth by option', () => assert.equal(judged(leaf('eku-server'), { remoteAuth: wantCert({ allowTlsUsage: true }) }), 'ok'));

const named = (id: IkeIdentity, name: string): Proof => ({ id, certs: [cert(crt(name))], key: name === 'router' ? 'router' : name.startsWith('hub-') ? name : 'leaf' });
const IDENTITIES: readonly (readonly [Proof, string])[] = [
  [named(fqdn('hub.example.com'), 'hub-p256'), 'ok'],
  [named(fqdn('HUB.Example.COM'), 'hub-p256'), 'ok'],
  [named(email('hub@example.com'), 'hub-p256'), 'ok'],
  [named(email('HUB@EXAMPLE.COM'), 'hub-p256'), 'ok'],
  [named(address('203.0.113.1'), 'hub-p256'), 'ok'],
  [named(address('2001:db8::1'), 'hub-p256'), 'ok'],
  [named(subject('hub-p256'), 'hub-p256'), 'ok'],
  [named(fqdn('router.example.com'), 'hub-p256'), 'router.example.com: its certificate (CN=hub.example.com, O=Example) does not name router.example.com: its dNSName is hub.example.com'],
  [named(fqdn('hub.example.co'), 'hub-p256'), 'hub.example.co: its certificate (CN=hub.example.com, O=Example) does not name hub.example.co: its dNSName is hub.example.com'],
  [named(fqdn('hub.example.com'), 'no-san'), 'hub.example.com: its certificate (CN=hub.example.com, O=Example) does not name hub.example.com: it has no dNSName among its subject alternative names'],
  [named(fqdn('hub.example.com'), 'wildcard'), 'hub.example.com: its certificate (CN=hub.example.com, O=Example) does not name hub.example.com: its dNSName is *.example.com'],
  [named(fqdn('*.example.com'), 'wildcard'), '*.example.com: its certificate (CN=hub.example.com, O=Example) does not name *.example.com: its dNSName is *.example.com'],
  [named(fqdn('hub.example.com'), 'nul-san'), 'hub.example.com: its certificate (CN=hub.example.com, O=Example) does not name hub.example.com: it has no dNSName among its subject alternative names'],
  [named(email('hub@example.com'), 'router'), 'hub@example.com: its certificate (CN=router.example.com, O=Example) does not name hub@example.com: it has no rfc822Name among its subject alternative names'],
  [named(fqdn('hub@example.com'), 'hub-p256'), 'hub@example.com: its certificate (CN=hub.example.com, O=Example) does not name hub@example.com: its dNSName is hub.example.com'],
  [named(address('203.0.113.2'), 'hub-p256'), '203.0.113.2: its certificate (CN=hub.example.com, O=Example) does not name 203.0.113.2: its iPAddress is 203.0.113.1, 2001:db8::1'],
  [named(subject('router'), 'hub-p256'), `asn1dn:#${toHex(subject('router').data)}: its certificate (CN=hub.example.com, O=Example) is for another subject than its identity asn1dn:#${toHex(subject('router').data)}`],
  [named(keyId('hub.example.com'), 'hub-p256'), 'keyid:hub.example.com: no certificate can stand for an identity of type 11'],
];
for (const [proof, verdict] of IDENTITIES)
  test(`I3.6-2 I3.5-1: identity of type ${proof.id?.idType ?? 0}: ${verdict === 'ok' ? `${proof.id?.text ?? ''} is in the certificate` : verdict}`, () => assert.equal(judged(proof), verdict));

const last = (data: Uint8Array): Uint8Array => data.map((octet, at) => (at === data.length - 1 ? octet ^ 1 : octet));
const ROUTER = 'router.example.com';
const asksFor = "connection 'branches' asks for a certificate and a signature of RFC 7427 (method 14)";
const PROOFS: readonly (readonly [what: string, Proof, string])[] = [
  ['signed with another key', { key: 'leaf' }, `AUTH of ${ROUTER} is not signed (ecdsa-sha256) with the key of its certificate (CN=router.example.com, O=Example)`],
  ['a changed signature', { spoil: last }, `AUTH of ${ROUTER} is not signed (ecdsa-sha256) with the key of its certificate (CN=router.example.com, O=Example)`],
  ['another algorithm than the signature', { spoil: (d) => d.map((octet, at) => (at === 12 ? 3 : octet)) }, `AUTH of ${ROUTER} is not signed (ecdsa-sha384) with the key of its certificate (CN=router.example.com, O=Example)`],
  ['ecdsa-with-SHA1', { spoil: (d) => concat(Uint8Array.of(11, 0x30, 9, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1), d.subarray(13)) }, `AUTH of ${ROUTER} is signed by an algorithm that is not used here`],
  ['an empty AUTH', { spoil: () => new Uint8Array() }, `AUTH of ${ROUTER} is signed by an algorithm that is not used here`],
  ['method 1', { method: 1 }, `${ROUTER} came with an RSA signature of the old kind (method 1), ${asksFor}`],
  ['method 2', { method: 2 }, `${ROUTER} came with a pre-shared key, ${asksFor}`],
  ['method 3', { method: 3 }, `${ROUTER} came with a DSS signature (method 3), ${asksFor}`],
  ['method 9', { method: 9 }, `${ROUTER} came with an ECDSA signature of the old kind (method 9), ${asksFor}`],
  ['method 10', { method: 10 }, `${ROUTER} came with an ECDSA signature of the old kind (method 10), ${asksFor}`],
  ['method 11', { method: 11 }, `${ROUTER} came with an ECDSA signature of the old kind (method 11), ${asksFor}`],
  ['method 13', { method: 13 }, `${ROUTER} came with authentication method 13, ${asksFor}`],
  ['no certificate', { certs: [] }, `${ROUTER} sent no certificate`],
  ...([[7, 'a revocation list'], [12, 'hash and URL'], [14, 'OCSP contents'], [15, 'a raw public key']] as const).map(([encoding, name]): (typeof PROOFS)[number] => [
    name, { certs: [cert(crt('router'), encoding)] }, `${ROUTER} sent no X.509 certificate, only encodings that are not fetched or read: ${encoding}`,
  ]),
  ['octets that are no certificate', { certs: [cert(Uint8Array.of(1, 2, 3))] }, `what ${ROUTER} sent as its certificate is none`],
  ['an empty certificate', { certs: [cert(new Uint8Array())] }, `what ${ROUTER} sent as its certificate is none`],
  ['the CA first', { certs: [cert(crt('root')), cert(crt('router'))] }, `${ROUTER}: its certificate (CN=Example Root CA, O=Example) does not name router.example.com: it has no dNSName among its subject alternative names`],
];
for (const [what, proof, why] of PROOFS) test(`SG3-2 SG3-3 FMT-3 I2.21.2-1: refused: ${what}`, () => assert.equal(judged(proof), why));

test('SG3-2: PKCS #1 v1.5 is accepted, and every hash of PSS and ECDSA', () => {
  for (const scheme of ['rsa-pkcs1-sha256', 'rsa-pkcs1-sha384', 'rsa-pkcs1-sha512', 'rsa-pss-sha256', 'rsa-pss-sha384', 'rsa-pss-sha512'] as const)
    assert.equal(judged({ id: HUB, certs: [cert(crt('hub-rsa'))], key: 'hub-rsa', scheme }), 'ok', scheme);
  for (const scheme of ['ecdsa-sha256', 'ecdsa-sha384', 'ecdsa-sha512'] as const) assert.equal(judged({ scheme }), 'ok', scheme);
  assert.equal(judged({ id: HUB, certs: [cert(crt('hub-ed25519'))], key: 'hub-ed25519', scheme: 'ed25519' }), 'ok');
});

test('SG3-1: no signatures with a peer that sent no SIGNATURE_HASH_ALGORITHMS, or a malformed one; the log names it', () => {
  const why = 'not both sides sent SIGNATURE_HASH_ALGORITHMS: without the signatures of RFC 7427 no certificate can be used';
  assert.equal(judged({}, {}, null), why);
  const odd = initiator();
  const [answer] = odd.init([...odd.initPayloads(), { type: 'N', protocol: 0, spi: new Uint8Array(), notify: 16431, data: Uint8Array.of(0, 2, 0) }]);
  assert.ok(answer);
  odd.takeInit(answer);
  assert.equal(attempt(odd), why);
});

test('SG3-1: a peer that lists no hash that our key signs with', () => {
  assert.equal(judged({}, {}, [1, 5]), "connection 'branches': the peer lists no hash that our key (ec-p256) signs with: 1, 5");
  assert.equal(judged({}, { auth: withCert('hub-ed25519') }, [2, 3, 4]), "connection 'branches': the peer lists no hash that our key (ed25519) signs with: 2, 3, 4");
});

test('SG3-1: a hash that we did not list is not taken', () => {
  const only = connection('responder', { localId: HUB, auth: withCert('hub-p256'), remoteAuth: psk.remoteAuth });
  const peer = initiator({ others: [only] });
  assert.equal(listedIn(init(peer)), '000200030004');
  // The section is changed before IKE_AUTH comes.
  peer.pair.feed(peer.side, { type: 'connections.set', connections: [{ ...only, remoteAuth: wantCert() }] });
  assert.equal(attempt(peer, { id: HUB, certs: [cert(crt('hub-ed25519'))], key: 'hub-ed25519', scheme: 'ed25519' }), 'AUTH of hub.example.com is signed with hash 5, which we did not list');
});

test('SG3-3: what our own side lacks is said in the log', () => {
  assert.equal(judged({}, { auth: withCert('hub-p256', 'leaf') }), "connection 'branches': our private key does not belong to our certificate (CN=hub.example.com, O=Example)");
  assert.equal(judged({}, { auth: withCert('rsa1024') }), "connection 'branches': our RSA key has 1024 bits: 2048 is the least");
  assert.match(judged({}, { auth: withCert('odd-curve') }), new RegExp("^connection 'branches': our private key cannot be used: it is none of RSA"));
  assert.equal(judged({}, { auth: { ...withCert('hub-p256'), chain: [] } as LocalAuth }), "connection 'branches': our certificate cannot be read");
});

// ---- what an initiator refuses -----------------------------------------------------------------------------------------

test('SG3-1 I2.21.1-1: an answer without SIGNATURE_HASH_ALGORITHMS is not followed; the log names its sender, and waiting goes on', () => {
  const peer = responder();
  const request = peer.initiated();
  assert.deepEqual(answerInit(peer, request, null), []);
  assert.equal(peer.side.logs.at(-1), 'hq[1]: 203.0.113.1: the peer sent no SIGNATURE_HASH_ALGORITHMS: it does not do the signatures of RFC 7427, which certificates need (not authenticated: waiting on)');
  peer.wait(40_000);
  assert.deepEqual(peer.side.of('ike.failed').map((e) => e.reason), ['authentication_failed']);
});

/** The router's IKE_AUTH answered with this proof: the failure it reports, or `ok`. */
function answered(proof: Proof = {}, router: Partial<IkeConnection> = {}): string {
  const peer = responder({ router });
  const [auth] = answerInit(peer, peer.initiated());
  assert.ok(auth);
  peer.hear();
  peer.reply(auth, [...signedPayloads(peer, proof), ...peer.childAnswer(auth)]);
  if (peer.side.of('ike.established').length > 0) return 'ok';
  const [told] = peer.hear();
  assert.deepEqual([told?.header.exchange, told?.header.isResponse, told?.payloads.length, notifies(told)[0]], [37, false, 1, 'AUTHENTICATION_FAILED']);
  assert.equal(peer.side.sas.size, 0);
  peer.wait(3000);
  const [failed] = peer.side.of('ike.failed');
  assert.equal(failed?.reason, 'authentication_failed');
  return failed.detail;
}

test('I2.21-1 I2.21.2-1: a hub that does not prove itself is told AUTHENTICATION_FAILED once, in an INFORMATIONAL', () => {
  assert.equal(answered(), 'ok');
  assert.equal(answered({ spoil: last }), 'AUTH of hub.example.com is not signed (ecdsa-sha256) with the key of its certificate (CN=hub.example.com, O=Example)');
  assert.equal(answered({ certs: [cert(crt('stranger'))], key: 'leaf' }), notAccepted('its issuer CN=Other Root CA, O=Example is neither trusted nor sent along'));
  assert.equal(answered({ method: 2 }), "hub.example.com came with a pre-shared key, connection 'hq' asks for a certificate and a signature of RFC 7427 (method 14)");
});

test('I1.2-4: a hub with another identity than asked for is refused', () => {
  assert.equal(answered({ id: email('hub@example.com') }), 'the peer is hub@example.com, remote_id asks for hub.example.com');
  assert.equal(answered({ id: email('hub@example.com') }, { remoteId: email('hub@example.com') }), 'ok');
  assert.equal(answered({ id: email('hub@example.com') }, { remoteId: undefined }), 'ok', 'none is asked for');
});

test('I2.15-2: an initiator that cannot sign for itself says why and sends no IKE_AUTH', () => {
  const peer = responder({ router: { auth: withCert('router', 'leaf') } });
  assert.deepEqual(answerInit(peer, peer.initiated()), []);
  peer.wait(3000);
  assert.deepEqual(peer.side.of('ike.failed').map((e) => [e.reason, e.detail]), [['authentication_failed', 'our private key does not belong to our certificate (CN=router.example.com, O=Example)']]);
  assert.equal(peer.side.engine.idle, true);
});

test('a system without X.509 says so, and goes on with pre-shared keys', () => {
  const router = connection('initiator', { auth: withCert('router'), remoteAuth: wantCert() });
  const pair = new Pair('no-pki', router, connection('responder'));
  pair.feed(pair.router, { type: 'connection.initiate', connection: 'hq', paths: [path('wan')] });
  pair.runFor(seconds(40));
  assert.deepEqual(pair.router.of('ike.failed').map((e) => e.reason), ['authentication_failed']);
  mustConnect(new Pair('no-pki'));
});

// ---- identities, sections of a hub ----------------------------------------------------------------------------------------

/** A peer with a pre-shared key and this identity against a hub that takes anybody who has the key. */
function withIdentity(id: IkeIdentity): string {
  const peer = new ScriptedPeer('hub');
  init(peer, null);
  const keyed = peer.keys;
  assert.ok(keyed);
  const body = concat(Uint8Array.of(id.idType, 0, 0, 0), id.data);
  const mac = (key: Uint8Array, ...parts: Uint8Array[]): Uint8Array => suite.hmac('sha256', key).sign(...parts);
  const octets = concat(peer.initRequest, peer.nr, mac(keyed.skPi, body));
  const data = mac(mac(peer.psk, new Uint8Array(Buffer.from('Key Pad for IKEv2'))), octets);
  const answer = peer.answerTo('IKE_AUTH', [{ type: 'IDi', idType: id.idType, data: id.data, body }, { type: 'AUTH', method: 2, data }, ...peer.childPayloads()]);
  if (peer.side.of('ike.established').length > 0) return 'ok';
  assert.deepEqual(notifies(answer), ['AUTHENTICATION_FAILED']);
  return peer.side.logs.at(-1)?.replace('branches[1]: 192.0.2.10: ', '') ?? '';
}

test('I3.5-1: identities of types 1, 2, 3, 5, 9 and 11 are accepted', () => {
  for (const id of [address('192.0.2.10'), fqdn('router.example.com'), email('router@example.com'), address('2001:db8::10'), subject('router'), keyId('router 1')]) assert.equal(withIdentity(id), 'ok', id.text);
});

test('I3.5-1: other types and addresses of a strange length are refused', () => {
  const raw = (idType: number, ...data: number[]): IkeIdentity => ({ text: '', idType, data: Uint8Array.from(data) });
  assert.equal(withIdentity(raw(10, 0x30, 0)), 'the peer 10:3000: an identity of type 10 is not accepted');
  assert.equal(withIdentity(raw(13)), 'the peer 13:: an identity of type 13 is not accepted');
  assert.equal(withIdentity(raw(0, 1)), 'the peer 0:01: an identity of type 0 is not accepted');
  assert.equal(withIdentity(raw(1, 1, 2, 3)), 'the peer 1:010203: an IPv4 address of 3 octets is none');
  assert.equal(withIdentity(raw(5, 1, 2, 3, 4)), 'the peer 5:01020304: an IPv6 address of 4 octets is none');
  assert.equal(withIdentity(raw(2)), 'the peer : its FQDN is empty');
});

test('I1.2-3: with several sections on a hub the identities decide on the pre-shared key and on the method', () => {
  const key = (text: string): ReturnType<typeof sharedKey> => sharedKey(text);
  const sections: IkeConnection[] = [
    connection('responder', { name: 'anybody', ...key('the key of anybody') }),
    connection('responder', { name: 'one', remoteId: fqdn('one.example.com'), ...key('the key of one!!') }),
    connection('responder', { name: 'two', remoteId: fqdn('two.example.com'), ...key('the key of two!!') }),
    connection('responder', { name: 'router', remoteId: fqdn('router.example.com'), localId: HUB, auth: withCert('hub-p256'), remoteAuth: wantCert() }),
  ];
  const login = (id: string, text: string): string => {
    const pair = certified();
    pair.feed(pair.hub, { type: 'connections.set', connections: sections });
    const peer = new ScriptedPeer('hub', { id, psk: text }, pair);
    init(peer);
    peer.answerTo('IKE_AUTH', [...peer.authPayloads(), ...peer.childPayloads()]);
    return peer.side.of('ike.established')[0]?.connection ?? 'refused';
  };
  assert.equal(login('one.example.com', 'the key of one!!'), 'one');
  assert.equal(login('two.example.com', 'the key of two!!'), 'two');
  assert.equal(login('two.example.com', 'the key of one!!'), 'refused');
  assert.equal(login('three.example.com', 'the key of anybody'), 'anybody');
  assert.equal(login('one.example.com', 'the key of anybody'), 'refused', 'who is named has a key of its own');
  assert.equal(login('router.example.com', 'the key of anybody'), 'refused', 'who is named must come with its certificate');
  const peer = initiator({ others: sections });
  init(peer);
  assert.equal(attempt(peer), 'ok');
  assert.equal(peer.side.of('ike.established')[0]?.connection, 'router');
});

test('I1.2-3: of two sections for anybody the method decides, of two for one peer the identity it asks for', () => {
  const any = [connection('responder', { name: 'keys', ...psk }), connection('responder', { name: 'certs', localId: HUB, auth: withCert('hub-p256'), remoteAuth: wantCert() })];
  const peer = initiator({ others: any });
  init(peer);
  assert.equal(attempt(peer), 'ok');
  assert.equal(peer.side.of('ike.established')[0]?.connection, 'certs');
  const two = ['a', 'b'].map((name) => connection('responder', { name, localId: fqdn(`${name}.example.com`), ...sharedKey(`the key of ${name} there`) }));
  for (const name of ['a', 'b']) {
    const other = new ScriptedPeer('hub', { psk: `the key of ${name} there` }, new Pair('two'));
    other.pair.feed(other.side, { type: 'connections.set', connections: two });
    init(other, null);
    const idr = { type: 'IDr', idType: 2, data: fqdn(`${name}.example.com`).data, body: new Uint8Array() } as const;
    other.answerTo('IKE_AUTH', [...other.authPayloads(), idr, ...other.childPayloads()]);
    assert.equal(other.side.of('ike.established')[0]?.connection, name);
  }
});

test('I3.6-1: CAs of all sections are named, at most sixteen', () => {
  const section = (name: string, anchors: readonly string[]): IkeConnection => connection('responder', { name, auth: withCert('hub-p256'), remoteAuth: wantCert({ anchors: anchors.map(crt) }) });
  const answer = init(initiator({ others: [section('a', ['root']), section('b', ['other-root']), connection('responder', { name: 'c' })] }));
  assert.equal(findPayload(answer.payloads, 'CERTREQ')?.data.length, 40);
  const many = init(initiator({ others: [section('a', new Array<string>(20).fill('root'))] }));
  assert.equal(findPayload(many.payloads, 'CERTREQ')?.data.length, 320);
});

// ---- a clock that is not set --------------------------------------------------------------------------------------------

/** A router whose clock is not set connects to a hub with this certificate. */
function early(leafName: string, clockGrace: boolean): Pair {
  const pair = certified({ unset: true, router: { remoteAuth: wantCert({ clockGrace }) }, hub: { auth: withCert(leafName, leafName.startsWith('hub-') ? leafName : 'leaf') } });
  setClock(pair, 86_400, false);
  pair.feed(pair.router, { type: 'connection.initiate', connection: 'hq', paths: [path('wan')] });
  pair.runFor(seconds(3));
  return pair;
}

test('I3.6-2: the clock is not set and clock_grace on: accepted with a warning, and looked at when it is set', () => {
  const pair = early('hub-p256', true);
  assert.equal(pair.router.of('ike.established').length, 1);
  assert.ok(pair.router.logs.includes('hq[1]: the clock is not set yet: the certificate of hub.example.com is accepted without a look at its dates, until it is'));
  setClock(pair, 90_000, false);
  assert.equal(pair.router.logs.some((l) => l.includes('holds')), false, 'a clock that runs is not yet one that is set');
  setClock(pair);
  assert.ok(pair.router.logs.includes('hq[1]: the clock is set, and the certificate of hub.example.com holds'));
  setClock(pair, NOW + 60);
  assert.equal(pair.router.logs.filter((l) => l.includes('holds')).length, 1, 'once');
  pair.runFor(seconds(5));
  assert.deepEqual(pair.router.of('ike.closed'), []);
});

for (const [name, why] of [['expired', 'it expired on 2021-01-01 00:00:00 UTC'], ['future', 'it is not valid before 2098-01-01 00:00:00 UTC']] as const)
  test(`I3.6-2: a certificate accepted without a clock that does not hold ends the SA when it is set: ${name}`, () => {
    const pair = early(name, true);
    const [up] = pair.router.of('ike.established');
    assert.ok(up);
    // The look is not lost in a rekeying.
    pair.feed(pair.router, { type: 'ike.rekey', chain: up.chain });
    pair.runFor(seconds(2));
    assert.equal(pair.router.of('ike.rekeyed').length, 1);
    setClock(pair);
    assert.deepEqual(pair.router.of('ike.closed').map((e) => [e.reason, e.detail]), [['authentication_failed', `the clock is set, and the certificate of hub.example.com does not hold: CN=hub.example.com, O=Example: ${why}`]]);
    pair.runFor(seconds(5));
    assert.equal(pair.router.sas.size + pair.hub.sas.size, 0);
    assert.deepEqual(pair.hub.of('ike.closed').map((e) => e.reason), ['peer_deleted']);
  });

test('I3.6-2: the clock is not set and clock_grace off: refused until it is', () => {
  const pair = early('hub-p256', false);
  assert.deepEqual(pair.router.of('ike.failed').map((e) => [e.reason, e.detail]), [['authentication_failed', 'the certificate of hub.example.com cannot be judged: the clock is not set yet, and clock_grace is off']]);
  setClock(pair);
  mustConnectAgain(pair);
});

function mustConnectAgain(pair: Pair): void {
  pair.feed(pair.router, { type: 'connection.initiate', connection: 'hq', paths: [path('wan')] });
  pair.runFor(seconds(3));
  assert.equal(pair.router.of('ike.established').length, 1);
}

test('I3.6-2: without a clock everything but dates is looked at', () => {
  for (const [name, words] of [['stranger', 'neither trusted nor sent along'], ['eku-server', 'for TLS']] as const) {
    const pair = early(name, true);
    assert.ok(pair.router.of('ike.failed')[0]?.detail.includes(words), name);
  }
});

test('I3.6-2: a hub without a clock, and a clock that is lost again', () => {
  const peer = initiator({ unset: true });
  init(peer);
  assert.equal(attempt(peer), 'ok');
  assert.ok(peer.side.logs.some((l) => l.includes('the clock is not set yet')));
  setClock(peer.pair);
  setClock(peer.pair, 0, false);
  assert.deepEqual(peer.closed, []);
});
