import { ipFromBytes, printable, sameBytes, toHex } from '../base/index.ts';
import { ID_TYPE, type IdPayload } from '../codec/ike/index.ts';
import type { CertificateFacts } from '../crypto/index.ts';
import type { IkeIdentity } from './types.ts';

/** An identity on the wire or of the configuration. */
type Identity = Pick<IdPayload, 'idType' | 'data'>;

/** Identities of these types are accepted (I3.5-1); the number is the only length their data may have. */
const ACCEPTED: { readonly [idType: number]: { readonly name: string; readonly octets?: number } } = {
  [ID_TYPE.IPV4_ADDR]: { name: 'IPv4 address', octets: 4 },
  [ID_TYPE.FQDN]: { name: 'FQDN' },
  [ID_TYPE.RFC822_ADDR]: { name: 'e-mail address' },
  [ID_TYPE.IPV6_ADDR]: { name: 'IPv6 address', octets: 16 },
  [ID_TYPE.DER_ASN1_DN]: { name: 'distinguished name' },
  [ID_TYPE.KEY_ID]: { name: 'key ID' },
};

const ascii = (data: Uint8Array): string => String.fromCharCode(...data.subarray(0, 255));

/** An identity as people read it and write it into the configuration; octets that are no text are shown in hexadecimal. */
export function identityText({ idType, data }: Identity): string {
  const hex = (): string => `${toHex(data.subarray(0, 255))}${data.length > 255 ? '…' : ''}`;
  switch (idType) {
    case ID_TYPE.FQDN:
    case ID_TYPE.RFC822_ADDR:
      return printable(ascii(data));
    case ID_TYPE.IPV4_ADDR:
    case ID_TYPE.IPV6_ADDR:
      return (data.length === ACCEPTED[idType]?.octets ? ipFromBytes(data) : undefined) ?? `${idType}:${hex()}`;
    case ID_TYPE.DER_ASN1_DN:
      return `asn1dn:#${hex()}`;
    case ID_TYPE.KEY_ID:
      return data.every((octet) => octet > 0x20 && octet < 0x7f) ? `keyid:${ascii(data)}` : `@#${hex()}`;
    default:
      return `${idType}:${hex()}`;
  }
}

/** Why an identity of a peer is not accepted, or undefined (I3.5-1). */
export function identityProblem({ idType, data }: Identity): string | undefined {
  const row = ACCEPTED[idType];
  if (!row) return `an identity of type ${idType} is not accepted`;
  if (data.length === 0) return `its ${row.name} is empty`;
  return row.octets !== undefined && row.octets !== data.length ? `an ${row.name} of ${data.length} octets is none` : undefined;
}

/** True when the peer's identity is the configured one, octet by octet. */
export const sameIdentity = (wanted: IkeIdentity, id: Identity): boolean => wanted.idType === id.idType && sameBytes(wanted.data, id.data);

/** Lower case of ASCII only: what names of hosts and mailboxes are compared by. */
function lower(text: string): string {
  let out = '';
  for (const char of text) out += char >= 'A' && char <= 'Z' ? char.toLowerCase() : char;
  return out;
}

/** A name with an asterisk stands for nobody: wildcards never match (I3.6-2). */
const holds = (names: readonly string[], data: Uint8Array): boolean => data.length <= 255 && names.some((name) => !name.includes('*') && lower(name) === lower(ascii(data)));

/** Why a certificate does not stand for an identity, or undefined when it does (RFC 4945 §3.1, §5.1.3.6); the common name is none (I3.6-2). */
export function nameProblem(facts: CertificateFacts, id: Identity): string | undefined {
  const text = identityText(id);
  const none = (kind: string, has: readonly string[]): string =>
    `its certificate (${facts.subjectText}) does not name ${text}: ${has.length === 0 ? `it has no ${kind} among its subject alternative names` : `its ${kind} is ${has.slice(0, 4).join(', ')}`}`;
  switch (id.idType) {
    case ID_TYPE.FQDN:
      return holds(facts.dnsNames, id.data) ? undefined : none('dNSName', facts.dnsNames);
    case ID_TYPE.RFC822_ADDR:
      return holds(facts.emails, id.data) ? undefined : none('rfc822Name', facts.emails);
    case ID_TYPE.IPV4_ADDR:
    case ID_TYPE.IPV6_ADDR:
      return facts.addresses.some((address) => sameBytes(address, id.data)) ? undefined : none('iPAddress', facts.addresses.map((a) => ipFromBytes(a) ?? toHex(a)));
    case ID_TYPE.DER_ASN1_DN:
      return sameBytes(facts.subject, id.data) ? undefined : `its certificate (${facts.subjectText}) is for another subject than its identity ${text}`;
    default:
      return `no certificate can stand for an identity of type ${id.idType}`;
  }
}
