import { constants, createPrivateKey, createPublicKey, sign, verify, type KeyObject, type SignKeyObjectInput } from 'node:crypto';
import { invariant } from '../../base/index.ts';
import type { CertificateFacts, CrlFacts, KeyKind, Pki, SignatureScheme, SigningKey } from '../../crypto/index.ts';
import type { NativeAddon } from './native.ts';

/** What `sign` and `verify` of Node need for a scheme. */
interface SchemeRow {
  readonly keys: readonly KeyKind[];
  /** Undefined: the scheme hashes for itself. */
  readonly hash: string | undefined;
  readonly padding?: number;
}

const EC: readonly KeyKind[] = ['ec-p256', 'ec-p384', 'ec-p521'];
const PSS = constants.RSA_PKCS1_PSS_PADDING;
const PKCS1 = constants.RSA_PKCS1_PADDING;
const SCHEMES: { readonly [S in SignatureScheme]: SchemeRow } = {
  'rsa-pss-sha256': { keys: ['rsa'], hash: 'sha256', padding: PSS },
  'rsa-pss-sha384': { keys: ['rsa'], hash: 'sha384', padding: PSS },
  'rsa-pss-sha512': { keys: ['rsa'], hash: 'sha512', padding: PSS },
  'rsa-pkcs1-sha256': { keys: ['rsa'], hash: 'sha256', padding: PKCS1 },
  'rsa-pkcs1-sha384': { keys: ['rsa'], hash: 'sha384', padding: PKCS1 },
  'rsa-pkcs1-sha512': { keys: ['rsa'], hash: 'sha512', padding: PKCS1 },
  'ecdsa-sha256': { keys: EC, hash: 'sha256' },
  'ecdsa-sha384': { keys: EC, hash: 'sha384' },
  'ecdsa-sha512': { keys: EC, hash: 'sha512' },
  ed25519: { keys: ['ed25519'], hash: undefined },
};

/** A modulus beyond this costs more time than any honest key is worth. */
const RSA_BITS_MOST = 8192;

const CURVES: { readonly [name: string]: KeyKind } = { prime256v1: 'ec-p256', secp384r1: 'ec-p384', secp521r1: 'ec-p521' };
const EC_BITS: { readonly [K in KeyKind]?: number } = { 'ec-p256': 256, 'ec-p384': 384, 'ec-p521': 521, ed25519: 256 };

function kindOf(key: KeyObject): { readonly kind: KeyKind; readonly bits: number } | undefined {
  const { namedCurve, modulusLength } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'rsa') {
    const bits = modulusLength ?? 0;
    return bits <= RSA_BITS_MOST ? { kind: 'rsa', bits } : undefined;
  }
  const kind = key.asymmetricKeyType === 'ed25519' ? 'ed25519' : CURVES[namedCurve ?? ''];
  return kind && { kind, bits: EC_BITS[kind] ?? 0 };
}

/** A salt of the hash's length: what our AlgorithmIdentifier says, and the only one accepted (RFC 7427 §A.4.3, RFC 8247 §3.2). */
const forNode = (key: KeyObject, { padding }: SchemeRow): SignKeyObjectInput =>
  padding === undefined ? { key, dsaEncoding: 'der' } : { key, padding, ...(padding === PSS ? { saltLength: constants.RSA_PSS_SALTLEN_DIGEST } : {}) };

function privateKey(der: Uint8Array): KeyObject | undefined {
  const key = Buffer.from(der);
  try {
    for (const type of ['pkcs8', 'pkcs1', 'sec1'] as const) {
      try {
        return createPrivateKey({ key, format: 'der', type });
      } catch {
        // another form, or no key at all
      }
    }
    return undefined;
  } finally {
    key.fill(0);
  }
}

function signingKey(der: Uint8Array): SigningKey | undefined {
  let key = privateKey(der);
  const facts = key && kindOf(key);
  if (!key || !facts) return undefined;
  return {
    ...facts,
    publicKey: new Uint8Array(createPublicKey(key).export({ format: 'der', type: 'spki' })),
    sign(scheme, octets) {
      const row = SCHEMES[scheme];
      invariant(key !== undefined, 'a wiped key is not used');
      invariant(row.keys.includes(facts.kind), `a key of kind ${facts.kind} does not sign ${scheme}`);
      return new Uint8Array(sign(row.hash, octets, forNode(key, row)));
    },
    wipe: () => {
      key = undefined;
    },
  };
}

function verifySignature(publicKey: Uint8Array, scheme: SignatureScheme, octets: Uint8Array, signature: Uint8Array): boolean {
  try {
    const key = createPublicKey({ key: Buffer.from(publicKey), format: 'der', type: 'spki' });
    const row = SCHEMES[scheme];
    const facts = kindOf(key);
    // RFC 8017 §8.1.2, §8.2.2, step 1: OpenSSL takes a PSS signature without its leading zeros.
    if (facts?.kind === 'rsa' && signature.length !== Math.ceil(facts.bits / 8)) return false;
    return facts !== undefined && row.keys.includes(facts.kind) && verify(row.hash, octets, forNode(key, row), signature);
  } catch {
    return false; // no public key, or a signature of no such form
  }
}

/** Certificates by the OpenSSL of this process; a string says why there are none. */
export function nodePki(addon: Pick<NativeAddon, 'x509Missing' | 'x509Read' | 'x509ReadCrl' | 'x509VerifyChain'>): Pki | string {
  const missing = addon.x509Missing();
  if (missing !== undefined) return `certificates cannot be used: ${missing}`;
  return {
    read: (certificate) => addon.x509Read(certificate) as CertificateFacts | undefined,
    readCrl: (crl) => addon.x509ReadCrl(crl) as CrlFacts | undefined,
    signingKey,
    verify: verifySignature,
    verifyChain(leaf, intermediates, { anchors, crls, now, allowTlsUsage }) {
      const why = addon.x509VerifyChain(leaf, [...intermediates], [...anchors], [...crls], now ?? -1, allowTlsUsage);
      return why === undefined ? { ok: true } : { ok: false, why };
    },
  };
}
