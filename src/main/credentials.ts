/** Certificates, keys and revocation lists of the configuration, as the platform reads and the IKE engine judges them. */
import { ipFromBytes, printable, sameBytes, toHex, toUtf8, type Secret } from '../base/index.ts';
import { ID_TYPE } from '../codec/ike/index.ts';
import type { Config, CredentialFinding, CredentialReader, Identity } from '../config/index.ts';
import type { CertificateFacts, Pki } from '../crypto/index.ts';
import { judgeAuthorities, judgeCredentials, nameProblem } from '../ike/index.ts';
import { isoTime } from '../report/index.ts';

/** 2024-01-01 in Unix milliseconds: a clock before it has not been set since the router booted. */
export const CLOCK_SET_MS = 1_704_067_200_000;

type Option = CredentialFinding['option'];

const error = (option: Option, message: string): CredentialFinding => ({ severity: 'error', option, message });
const warning = (option: Option) => (message: string): CredentialFinding => ({ severity: 'warning', option, message });

const subjectOf = (facts: CertificateFacts): Identity => ({ text: `asn1dn:#${toHex(facts.subject)}`, idType: ID_TYPE.DER_ASN1_DN, data: facts.subject });

function alternativeNames(facts: CertificateFacts): Identity[] {
  const ascii = (idType: number) => (text: string): Identity => ({ text, idType, data: toUtf8(text) });
  return [
    ...facts.dnsNames.filter((name) => !name.includes('*')).map(ascii(ID_TYPE.FQDN)),
    ...facts.emails.map(ascii(ID_TYPE.RFC822_ADDR)),
    ...facts.addresses.flatMap((data) => {
      const text = ipFromBytes(data);
      return text === undefined ? [] : [{ text, idType: data.length === 4 ? ID_TYPE.IPV4_ADDR : ID_TYPE.IPV6_ADDR, data }];
    }),
  ];
}

/** An empty Name: SEQUENCE of nothing. */
const EMPTY_SUBJECT = Uint8Array.of(0x30, 0);

/**
 * What the configuration wants to know of certificates. What can never work is an error; what depends on the time, or on how strict the
 * peer is, is a warning and leaves the connection in force.
 * @param pki a string says why this platform has none.
 * @param unixMs the wall clock; while it is not set dates are not judged.
 */
export function credentialReader(pki: Pki | string, unixMs: () => number): CredentialReader {
  if (typeof pki === 'string') {
    const none = (option: Option) => (): CredentialFinding[] => [error(option, pki)];
    return { names: () => undefined, judgeLocal: none('local_cert'), judgeAnchor: none('remote_ca'), judgeCrl: () => [] };
  }
  const now = (): number | undefined => (unixMs() < CLOCK_SET_MS ? undefined : Math.floor(unixMs() / 1000));
  return {
    names(certificate) {
      const facts = pki.read(certificate);
      return facts && { alternative: alternativeNames(facts), subject: sameBytes(facts.subject, EMPTY_SUBJECT) ? undefined : subjectOf(facts) };
    },
    judgeLocal(chain, key: Secret, localId) {
      const facts = chain[0] && pki.read(chain[0]);
      const own = pki.signingKey(key.reveal());
      const belongs = own === undefined || facts === undefined || sameBytes(own.publicKey, facts.publicKey);
      own?.wipe();
      const hard: CredentialFinding[] = [
        ...(facts ? [] : [error('local_cert', 'holds something that is no X.509 certificate')]),
        ...(own ? [] : [error('local_key', 'holds no key that can be used: RSA, ECDSA with P-256, P-384 or P-521, or Ed25519 is needed')]),
        ...(belongs ? [] : [error('local_key', `is not the key of the certificate in local_cert (${facts?.subjectText ?? ''})`)]),
      ];
      if (hard.length > 0 || !facts) return hard;
      const other = localId && nameProblem(facts, localId);
      return [
        ...judgeCredentials(pki, { chain, key: key.reveal(), localId: undefined, now: now(), allowTlsUsage: false }).map(warning('local_cert')),
        ...(other === undefined ? [] : [warning('local_id')(`the peer will refuse it: ${other}`)]),
      ];
    },
    judgeAnchor(certificate) {
      if (!pki.read(certificate)) return [error('remote_ca', 'holds something that is no X.509 certificate')];
      return judgeAuthorities(pki, { anchors: [certificate], crls: [], now: now() }).map(warning('remote_ca'));
    },
    judgeCrl(crl, anchors) {
      if (!pki.readCrl(crl)) return [error('crl', 'holds something that is no certificate revocation list')];
      const [anchor] = anchors;
      if (!anchor) return []; // that there is none has been said
      const withoutList = judgeAuthorities(pki, { anchors: [anchor], crls: [], now: now() });
      return judgeAuthorities(pki, { anchors: [anchor], crls: [crl], now: now() }).slice(withoutList.length).map(warning('crl'));
    },
  };
}

/** Our certificates in the configuration, a line each: what a peer must be told to recognise us, and until when they hold. */
export function describeCertificates(pki: Pki, { connections }: Config): string[] {
  return connections.flatMap(({ name, auth, localId }) => {
    const facts = auth.method === 'cert' && auth.chain[0] ? pki.read(auth.chain[0]) : undefined;
    if (!facts) return [];
    const day = (unix: number): string => isoTime(unix * 1000).slice(0, 10);
    const names = alternativeNames(facts).map((id) => id.text).join(', ') || 'none';
    return [
      `connection '${name}': certificate ${facts.subjectText} of ${facts.issuerText}, ${facts.keyKind}, from ${day(facts.notBefore)} to ${day(facts.notAfter)}`,
      `  names ${names}; we are '${localId?.text ?? ''}'; the subject is '${subjectOf(facts).text}'`,
    ].map((line) => printable(line, 2048));
  });
}
