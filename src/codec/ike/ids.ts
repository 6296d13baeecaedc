import { concat } from '../../base/index.ts';
import type { IdPayload } from './types.ts';

/** Identification types (RFC 7296 §3.5; NULL: RFC 7619 §2.2). */
export const ID_TYPE = {
  IPV4_ADDR: 1,
  FQDN: 2,
  RFC822_ADDR: 3,
  IPV6_ADDR: 5,
  DER_ASN1_DN: 9,
  DER_ASN1_GN: 10,
  KEY_ID: 11,
  NULL: 13,
} as const;
export type IdTypeName = keyof typeof ID_TYPE;

/** An ID payload of ours; `body` is made from type and data with zero reserved octets. */
export function idPayload<T extends 'IDi' | 'IDr'>(type: T, idType: number, data: Uint8Array): IdPayload<T> {
  return { type, idType, data, body: concat(Uint8Array.of(idType, 0, 0, 0), data) };
}
