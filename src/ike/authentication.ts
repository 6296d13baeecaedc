import { concat } from '../base/index.ts';
import { decodeChain, decodeHeader, findNotify, findPayload, ID_TYPE, notify, type IdPayload, type Payload } from '../codec/ike/index.ts';
import { authOctets, decodeSignature, encodeSignature, pickScheme, pskAuth, SIGNATURE_HASH, type ChainRules, type CryptoSuite, type SigningKey } from '../crypto/index.ts';
import type { Ctx } from './context.ts';
import type { IkeSa } from './ike-sa.ts';
import { identityProblem, identityText, nameProblem, sameIdentity } from './identities.ts';
import type { IkeConnection, LocalAuth, RemoteAuth } from './types.ts';

/*
 * How each side proves who it is: pre-shared keys (RFC 7296 §2.15) and certificates with the signatures of RFC 7427, in any pairing.
 * `proveSelf` makes our half of it, `checkPeer` judges the peer's. What goes wrong is a sentence for the log; the peer never hears it.
 */

export const AUTH_METHOD = { RSA: 1, PSK: 2, DSS: 3, ECDSA_256: 9, ECDSA_384: 10, ECDSA_521: 11, SIGNATURE: 14 } as const;
/** X.509 Certificate - Signature, the only encoding there is here (I3.6-1). */
const CERT_X509 = 4;
/** Certificates each way (RFC 7296 §3.6). */
const CERTS_MOST = 4;
/** CAs a CERTREQ names; it is only a hint. */
const AUTHORITIES_MOST = 16;
/** RFC 8247 §4.1: shorter keys SHOULD NOT be used; here they are not. */
export const RSA_BITS_LEAST = 2048;

type Side = 'initiator' | 'responder';
type CertAuth = Extract<RemoteAuth, { method: 'cert' }>;
type CertLocal = Extract<LocalAuth, { method: 'cert' }>;
type AuthPayload = Extract<Payload, { type: 'AUTH' }>;

// ---- IKE_SA_INIT: what each side can do --------------------------------------------------------------------------------

/** Hashes we take in signatures: undefined where no certificates are configured, Identity where EdDSA may come (RFC 8420 §3). */
function ownHashes(connections: readonly IkeConnection[], suite: CryptoSuite): readonly number[] | undefined {
  const { SHA2_256, SHA2_384, SHA2_512, IDENTITY } = SIGNATURE_HASH;
  if (!suite.pki) return undefined;
  // Whoever comes with a certificate may come with an Ed25519 key; to a peer with a pre-shared key we only sign.
  if (connections.some((c) => c.remoteAuth.method === 'cert')) return [SHA2_256, SHA2_384, SHA2_512, IDENTITY];
  const keys = connections.flatMap((c) => (c.auth.method === 'cert' ? [ownKey(c.auth, suite).key?.kind] : []));
  if (keys.length === 0) return undefined;
  return keys.includes('ed25519') ? [SHA2_256, SHA2_384, SHA2_512, IDENTITY] : [SHA2_256, SHA2_384, SHA2_512];
}

function hashNotify(hashes: readonly number[]): Payload {
  return notify('SIGNATURE_HASH_ALGORITHMS', concat(...hashes.map((hash) => Uint8Array.of(hash >> 8, hash & 255))));
}

/** What an initiator adds to IKE_SA_INIT for certificates (SG3-1). */
export function initRequestPayloads(connection: IkeConnection, suite: CryptoSuite): Payload[] {
  const hashes = ownHashes([connection], suite);
  return hashes ? [hashNotify(hashes)] : [];
}

/** What a responder adds to its IKE_SA_INIT answer: the CAs of all connections it may become, and its hashes if the peer told its own (I1.2-1). */
export function initResponsePayloads(candidates: readonly IkeConnection[], request: readonly Payload[], suite: CryptoSuite): Payload[] {
  const hashes = findNotify(request, 'SIGNATURE_HASH_ALGORITHMS') ? ownHashes(candidates, suite) : undefined;
  return hashes ? [...certificateRequest(candidates.map((c) => c.remoteAuth), suite), hashNotify(hashes)] : [];
}

/** CERTREQ: the SHA-1 of the SubjectPublicKeyInfo of each CA (RFC 7296 §3.7). */
export function certificateRequest(auths: readonly RemoteAuth[], suite: CryptoSuite): Payload[] {
  const names = auths.flatMap((auth) => (auth.method === 'cert' ? authorityNames(auth, suite) : [])).slice(0, AUTHORITIES_MOST);
  return names.length === 0 ? [] : [{ type: 'CERTREQ', encoding: CERT_X509, data: concat(...names) }];
}

/** By a section's rules, and gone with them: whoever sends an IKE_SA_INIT would have certificates read again otherwise. */
const NAMES = new WeakMap<CertAuth, readonly Uint8Array[]>();

function authorityNames(auth: CertAuth, suite: CryptoSuite): readonly Uint8Array[] {
  const known = NAMES.get(auth);
  if (known) return known;
  const names = auth.anchors.flatMap((anchor) => {
    const facts = suite.pki?.read(anchor);
    return facts ? [suite.hash('sha1', facts.publicKey)] : [];
  });
  NAMES.set(auth, names);
  return names;
}

/** The hashes a message of IKE_SA_INIT lists; undefined: it has no SIGNATURE_HASH_ALGORITHMS, or a malformed one. */
export function listedHashes(payloads: readonly Payload[]): readonly number[] | undefined {
  const data = findNotify(payloads, 'SIGNATURE_HASH_ALGORITHMS')?.data;
  if (!data || data.length < 2 || data.length % 2 !== 0) return undefined;
  const hashes: number[] = [];
  for (let at = 0; at < data.length; at += 2) hashes.push(((data[at] ?? 0) << 8) | (data[at + 1] ?? 0));
  return hashes;
}

/** Why an answer to IKE_SA_INIT is of no use to a connection with certificates, or undefined (SG3-1). */
export function initAnswerProblem(connection: IkeConnection, payloads: readonly Payload[]): string | undefined {
  if (connection.auth.method === 'psk' && connection.remoteAuth.method === 'psk') return undefined;
  return listedHashes(payloads) ? undefined : 'the peer sent no SIGNATURE_HASH_ALGORITHMS: it does not do the signatures of RFC 7427, which certificates need';
}

/** What both IKE_SA_INIT messages listed; undefined unless both did (SG3-1). They are read again: nothing of it is kept until then. */
function hashesOf(sa: IkeSa, side: Side): { readonly ours: readonly number[]; readonly theirs: readonly number[] } | undefined {
  const listed = (message: Uint8Array): readonly number[] | undefined => {
    const header = decodeHeader(message);
    const chain = header && decodeChain(header.nextPayload, message, 28, message.length);
    return chain?.kind === 'payloads' ? listedHashes(chain.payloads) : undefined;
  };
  const [first, second] = [listed(sa.setup?.request ?? new Uint8Array()), listed(sa.setup?.response ?? new Uint8Array())];
  if (!first || !second) return undefined;
  return side === 'initiator' ? { ours: first, theirs: second } : { ours: second, theirs: first };
}

const NO_SIGNATURES = 'not both sides sent SIGNATURE_HASH_ALGORITHMS: without the signatures of RFC 7427 no certificate can be used';

// ---- Our half ----------------------------------------------------------------------------------------------------------

/** The octets of one side's AUTH (RFC 7296 §2.15). */
function octetsOf(sa: IkeSa, side: Side, idBody: Uint8Array, ctx: Ctx): Uint8Array {
  const { setup } = sa;
  if (!setup) throw new Error('AUTH without setup state');
  const { hash, keys } = sa.keyed();
  return side === 'initiator'
    ? authOctets(ctx.deps.suite, hash, setup.request, setup.nr, keys.skPi, idBody)
    : authOctets(ctx.deps.suite, hash, setup.response, setup.ni, keys.skPr, idBody);
}

/** Our certificates, end entity first, and AUTH: they stand around what else the message has (I1.2-2). */
export interface OwnProof {
  readonly certs: readonly Payload[];
  readonly auth: AuthPayload;
}

/** Makes our CERT payloads and AUTH; a string says why we cannot prove who we are. */
export function proveSelf(sa: IkeSa, side: Side, auth: LocalAuth, idBody: Uint8Array, ctx: Ctx): OwnProof | string {
  const { suite } = ctx.deps;
  const octets = octetsOf(sa, side, idBody, ctx);
  if (auth.method === 'psk') return { certs: [], auth: { type: 'AUTH', method: AUTH_METHOD.PSK, data: pskAuth(suite, sa.keyed().hash, auth.psk.reveal(), octets) } };
  if (!suite.pki) return NO_PKI;
  const hashes = hashesOf(sa, side);
  if (!hashes) return NO_SIGNATURES;
  const { key, problem } = ownKey(auth, suite);
  if (!key || problem !== undefined) return problem ?? KEY_UNUSABLE;
  const scheme = pickScheme(key.kind, hashes.theirs);
  if (!scheme) return `the peer lists no hash that our key (${key.kind}) signs with: ${hashes.theirs.slice(0, 16).join(', ')}`;
  return {
    certs: auth.chain.slice(0, CERTS_MOST).map((certificate): Payload => ({ type: 'CERT', encoding: CERT_X509, data: certificate })),
    auth: { type: 'AUTH', method: AUTH_METHOD.SIGNATURE, data: encodeSignature(scheme, key.sign(scheme, octets)) },
  };
}

const NO_PKI = 'certificates cannot be used here: the system has no X.509';
/** Kinds of private keys, as people read it. */
export const USABLE_KEYS = 'RSA (2048 to 8192 bits), ECDSA on P-256, P-384 or P-521, Ed25519';
const KEY_UNUSABLE = `our private key cannot be used: it is none of ${USABLE_KEYS}`;

interface OwnKey {
  readonly key: SigningKey | undefined;
  readonly problem: string | undefined;
}

/** By a section's credentials, and gone with them: reading a private key takes as long as signing with it. */
const KEYS = new WeakMap<CertLocal, OwnKey>();

function ownKey(auth: CertLocal, suite: CryptoSuite): OwnKey {
  const known = KEYS.get(auth);
  if (known) return known;
  const key = suite.pki?.signingKey(auth.key.reveal());
  const made = { key, problem: key && keyProblem(auth, key, suite) };
  KEYS.set(auth, made);
  return made;
}

function keyProblem({ chain }: CertLocal, key: SigningKey, suite: CryptoSuite): string | undefined {
  const facts = suite.pki?.read(chain[0] ?? new Uint8Array());
  if (!facts) return 'our certificate cannot be read';
  if (!suite.equal(facts.publicKey, key.publicKey)) return `our private key does not belong to our certificate (${facts.subjectText})`;
  return key.kind === 'rsa' && key.bits < RSA_BITS_LEAST ? `our RSA key has ${key.bits} bits: ${RSA_BITS_LEAST} is the least` : undefined;
}

// ---- The peer's half ---------------------------------------------------------------------------------------------------

/** Certificates of a peer: its own, and what it sent along. */
export interface PeerChain {
  readonly leaf: Uint8Array;
  readonly intermediates: readonly Uint8Array[];
}

export type PeerVerdict =
  /** `chain`: it came with a certificate; `undated`: whose dates could not be looked at yet. `name`: how people know it. */
  | { readonly ok: true; readonly name: string; readonly undated: PeerChain | undefined }
  | { readonly ok: false; readonly why: string };

const no = (why: string): PeerVerdict => ({ ok: false, why });

/** Whether AUTH of a peer came by the method its connection asks for. */
export const methodFits = (auth: RemoteAuth, method: number): boolean => method === (auth.method === 'psk' ? AUTH_METHOD.PSK : AUTH_METHOD.SIGNATURE);

const METHOD_NAMES: { readonly [method: number]: string } = {
  [AUTH_METHOD.RSA]: 'an RSA signature of the old kind (method 1)', [AUTH_METHOD.PSK]: 'a pre-shared key', [AUTH_METHOD.DSS]: 'a DSS signature (method 3)',
  [AUTH_METHOD.ECDSA_256]: 'an ECDSA signature of the old kind (method 9)', [AUTH_METHOD.ECDSA_384]: 'an ECDSA signature of the old kind (method 10)',
  [AUTH_METHOD.ECDSA_521]: 'an ECDSA signature of the old kind (method 11)', [AUTH_METHOD.SIGNATURE]: 'a signature (method 14)',
};

/** Judges the peer's identity and AUTH by the rules of a connection (I1.2-3); `side` is ours. */
export function checkPeer(sa: IkeSa, side: Side, connection: IkeConnection, id: IdPayload, payloads: readonly Payload[], ctx: Ctx): PeerVerdict {
  const auth = findPayload(payloads, 'AUTH');
  const rules = connection.remoteAuth;
  const who = identityText(id);
  const bad = identityProblem(id);
  if (bad) return no(`the peer ${who}: ${bad}`);
  if (!auth) return no('the message has no AUTH payload');
  if (!methodFits(rules, auth.method))
    return no(`${who} came with ${METHOD_NAMES[auth.method] ?? `authentication method ${auth.method}`}, connection '${connection.name}' asks for ${rules.method === 'psk' ? 'a pre-shared key' : 'a certificate and a signature of RFC 7427 (method 14)'}`);
  if (connection.remoteId && !sameIdentity(connection.remoteId, id)) return no(`the peer is ${who}, remote_id asks for ${connection.remoteId.text}`);
  const octets = octetsOf(sa, side === 'initiator' ? 'responder' : 'initiator', id.body, ctx);
  if (rules.method === 'cert') return checkSignature(sa, side, rules, id, auth, payloads, octets, ctx);
  const expected = pskAuth(ctx.deps.suite, sa.keyed().hash, rules.psk.reveal(), octets);
  if (ctx.deps.suite.equal(expected, auth.data)) return { ok: true, name: who, undated: undefined };
  return no(`AUTH of ${who} does not verify (is the PSK of connection '${connection.name}' the same on both sides?)`);
}

function checkSignature(
  sa: IkeSa, side: Side, rules: CertAuth, id: IdPayload, auth: AuthPayload, payloads: readonly Payload[], octets: Uint8Array, ctx: Ctx,
): PeerVerdict {
  const { pki } = ctx.deps.suite;
  if (!pki) return no(NO_PKI);
  const hashes = hashesOf(sa, side);
  if (!hashes) return no(NO_SIGNATURES);
  const who = identityText(id);
  const sent = payloads.filter((p) => p.type === 'CERT');
  const [leaf, ...intermediates] = sent.filter((p) => p.encoding === CERT_X509).slice(0, CERTS_MOST).map((p) => p.data);
  if (!leaf) return no(sent.length === 0 ? `${who} sent no certificate` : `${who} sent no X.509 certificate, only encodings that are not fetched or read: ${sent.slice(0, 8).map((p) => p.encoding).join(', ')}`);
  const facts = pki.read(leaf);
  if (!facts) return no(`what ${who} sent as its certificate is none`);
  const mismatch = nameProblem(facts, id);
  if (mismatch) return no(`${who}: ${mismatch}`);
  const unset = ctx.unixSeconds === undefined;
  if (unset && !rules.clockGrace) return no(`the certificate of ${who} cannot be judged: the clock is not set yet, and clock_grace is off`);
  const verdict = pki.verifyChain(leaf, intermediates, chainRules(rules, ctx));
  if (!verdict.ok) return no(`the certificate of ${who} is not accepted: ${verdict.why}`);
  const signature = decodeSignature(auth.data);
  if (!signature) return no(`AUTH of ${who} is signed by an algorithm that is not used here`);
  if (!hashes.ours.includes(signature.hash)) return no(`AUTH of ${who} is signed with hash ${signature.hash}, which we did not list`);
  if (!pki.verify(facts.publicKey, signature.scheme, octets, signature.signature)) return no(`AUTH of ${who} is not signed (${signature.scheme}) with the key of its certificate (${facts.subjectText})`);
  const name = id.idType === ID_TYPE.DER_ASN1_DN ? facts.subjectText : who;
  return { ok: true, name, undated: unset ? { leaf: leaf.slice(), intermediates: intermediates.map((c) => c.slice()) } : undefined };
}

/** The clock may have been set: ends an SA whose peer's certificate was accepted without dates, and does not hold (I3.6-2). */
export function redate(sa: IkeSa, ctx: Ctx): void {
  const { undated, connection } = sa;
  if (!undated || ctx.unixSeconds === undefined || !sa.isEstablished) return;
  sa.undated = undefined;
  const rules = connection?.remoteAuth;
  // With the section changed to a pre-shared key meanwhile the next login goes by that; this one was in order.
  const verdict = rules?.method === 'cert' ? ctx.deps.suite.pki?.verifyChain(undated.leaf, undated.intermediates, chainRules(rules, ctx)) : undefined;
  if (verdict?.ok === false) sa.shutDown('authentication_failed', ctx, `the clock is set, and the certificate of ${sa.peerId?.text ?? 'the peer'} does not hold: ${verdict.why}`);
  else sa.log('info', `the clock is set, and the certificate of ${sa.peerId?.text ?? 'the peer'} holds`, ctx);
}

const chainRules = ({ anchors, crls, allowTlsUsage }: CertAuth, { unixSeconds }: Ctx): ChainRules => ({ anchors, crls, now: unixSeconds, allowTlsUsage });

// ---- The responder's choice ---------------------------------------------------------------------------------------------

/**
 * The section of a responder that a peer's identities belong to: its PSK, or its rules for certificates, are that section's (I1.2-3).
 * One that names the peer goes before one for anybody, one that names us before one that does not, and one of the peer's method first.
 */
export function findConnection(candidates: readonly IkeConnection[], idi: IdPayload, wanted: IdPayload | undefined, method: number): IkeConnection | undefined {
  const fits = candidates.filter((c) => (!c.remoteId || sameIdentity(c.remoteId, idi)) && (!wanted || !c.localId || sameIdentity(c.localId, wanted)));
  const rank = (c: IkeConnection): number => (c.remoteId ? 4 : 0) + (methodFits(c.remoteAuth, method) ? 2 : 0) + (wanted && c.localId ? 1 : 0);
  let best: IkeConnection | undefined;
  for (const one of fits) if (!best || rank(one) > rank(best)) best = one;
  return best;
}
