import { sameBytes } from '../base/index.ts';
import type { ChainRules, Pki } from '../crypto/index.ts';
import { RSA_BITS_LEAST, USABLE_KEYS } from './authentication.ts';
import { nameProblem } from './identities.ts';
import type { IkeIdentity } from './types.ts';

/** Our own certificate as configured. */
export interface Credentials {
  /** DER, end entity first. */
  readonly chain: readonly Uint8Array[];
  /** DER of the private key. */
  readonly key: Uint8Array;
  /** Undefined: the identity is not judged. */
  readonly localId: IkeIdentity | undefined;
  /** Unix seconds; undefined: dates are not judged. */
  readonly now: number | undefined;
  readonly allowTlsUsage: boolean;
}

/** Everything for which a peer may refuse our certificate, in words; an empty list: nothing was found (I3.6-2, SG3-3). */
export function judgeCredentials(pki: Pki, { chain, key, localId, now, allowTlsUsage }: Credentials): string[] {
  const problems: string[] = [];
  const own = pki.signingKey(key);
  if (!own) problems.push(`the key cannot be used: it is none of ${USABLE_KEYS}`);
  else if (own.kind === 'rsa' && own.bits < RSA_BITS_LEAST) problems.push(`the RSA key has ${own.bits} bits: ${RSA_BITS_LEAST} is the least`);
  const [leaf, ...intermediates] = chain;
  const facts = leaf && pki.read(leaf);
  if (!leaf || !facts) {
    own?.wipe();
    return [...problems, leaf ? 'the certificate cannot be read' : 'there is no certificate'];
  }
  if (own && !sameBytes(own.publicKey, facts.publicKey)) problems.push(`the key does not belong to the certificate (${facts.subjectText})`);
  own?.wipe();
  for (const [index, certificate] of intermediates.entries()) if (!pki.read(certificate)) problems.push(`certificate ${index + 2} of the file cannot be read`);
  if (chain.length > 4) problems.push(`the file has ${chain.length} certificates: only the first four are sent`);
  const mismatch = localId && nameProblem(facts, localId);
  if (mismatch) problems.push(`local_id: ${mismatch}`);
  // Whoever issued the last one is the peer's business: it stands for the anchor, and the rest must hang together below it.
  const rules: ChainRules = { anchors: [chain.at(-1) ?? leaf], crls: [], now, allowTlsUsage };
  const verdict = pki.verifyChain(leaf, intermediates, rules);
  if (!verdict.ok) problems.push(verdict.why);
  return problems;
}

/** Authorities and CRLs by which peers are judged, as configured. */
export interface Authorities {
  readonly anchors: readonly Uint8Array[];
  readonly crls: readonly Uint8Array[];
  /** Unix seconds; undefined: dates are not judged. */
  readonly now: number | undefined;
}

/** Everything for which no certificate of a peer would be accepted, in words. */
export function judgeAuthorities(pki: Pki, { anchors, crls, now }: Authorities): string[] {
  const problems: string[] = [];
  if (anchors.length === 0) problems.push('there is no CA certificate to trust');
  for (const anchor of anchors) {
    const facts = pki.read(anchor);
    if (!facts) {
      problems.push('this is no X.509 certificate');
      continue;
    }
    if (!facts.isCa && facts.subjectText !== facts.issuerText) problems.push(`${facts.subjectText} is no CA: only a peer with this very certificate is accepted`);
    if (now !== undefined && now < facts.notBefore) problems.push(`${facts.subjectText} is not valid yet`);
    if (now !== undefined && now > facts.notAfter) problems.push(`${facts.subjectText} has expired`);
    if (facts.keyKind === 'rsa' && facts.keyBits < RSA_BITS_LEAST) problems.push(`${facts.subjectText} has an RSA key of ${facts.keyBits} bits: ${RSA_BITS_LEAST} is the least`);
  }
  for (const crl of crls) {
    const facts = pki.readCrl(crl);
    if (!facts) {
      problems.push('this is no CRL');
      continue;
    }
    if (now !== undefined && now < facts.thisUpdate) problems.push(`the CRL of ${facts.issuerText} is not valid yet`);
    if (now !== undefined && facts.nextUpdate !== undefined && now > facts.nextUpdate) problems.push(`the CRL of ${facts.issuerText} is out of date: no certificate of that CA is accepted`);
  }
  return problems;
}
