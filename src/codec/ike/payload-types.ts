import { invariant, type ByteReader, type ByteWriter } from '../../base/index.ts';
import { decodeCp, encodeCp } from './cp-payload.ts';
import { decodeSk, decodeSkf, encodeSk, encodeSkf } from './encrypted-payloads.ts';
import {
  decodeAuth, decodeCert, decodeDelete, decodeId, decodeKe, decodeNonce, decodeNotify, decodeVendor,
  encodeAuth, encodeCert, encodeData, encodeDelete, encodeId, encodeKe, encodeNotify,
} from './plain-payloads.ts';
import { decodeSa, encodeSa } from './sa-payload.ts';
import { decodeTs, encodeTs } from './ts-payload.ts';
import type { Payload, PayloadOf, PayloadType } from './types.ts';

/** A payload type that has a row in `PAYLOAD`. */
export type KnownPayloadType = Exclude<PayloadType, 'unknown'>;

/** One payload type: its number, where it is defined, and its codec. */
export interface PayloadDef<T extends KnownPayloadType> {
  readonly code: number;
  /** The RFC's name, for logs. */
  readonly name: string;
  readonly ref: string;
  /** It holds other payloads: it ends the chain, and its Next Payload field names the first of them. */
  readonly encrypted: boolean;
  /** Reads the body; `next` is the Next Payload field. A string says what is malformed. */
  decode(body: ByteReader, next: number): PayloadOf<T> | string;
  encode(payload: PayloadOf<T>, out: ByteWriter): void;
}

/** Every payload type this codec knows (RFC 7296 §3.2; RFC 7383 §2.5). A new payload is a row here and its codec. */
export const PAYLOAD: { readonly [T in KnownPayloadType]: PayloadDef<T> } = {
  SA: { code: 33, name: 'Security Association', ref: 'RFC 7296 §3.3', encrypted: false, decode: decodeSa, encode: encodeSa },
  KE: { code: 34, name: 'Key Exchange', ref: 'RFC 7296 §3.4', encrypted: false, decode: decodeKe, encode: encodeKe },
  IDi: { code: 35, name: 'Identification - Initiator', ref: 'RFC 7296 §3.5', encrypted: false, decode: (body) => decodeId('IDi', body), encode: encodeId },
  IDr: { code: 36, name: 'Identification - Responder', ref: 'RFC 7296 §3.5', encrypted: false, decode: (body) => decodeId('IDr', body), encode: encodeId },
  CERT: { code: 37, name: 'Certificate', ref: 'RFC 7296 §3.6', encrypted: false, decode: (body) => decodeCert('CERT', body), encode: encodeCert },
  CERTREQ: { code: 38, name: 'Certificate Request', ref: 'RFC 7296 §3.7', encrypted: false, decode: (body) => decodeCert('CERTREQ', body), encode: encodeCert },
  AUTH: { code: 39, name: 'Authentication', ref: 'RFC 7296 §3.8', encrypted: false, decode: decodeAuth, encode: encodeAuth },
  NONCE: { code: 40, name: 'Nonce', ref: 'RFC 7296 §3.9', encrypted: false, decode: decodeNonce, encode: encodeData },
  N: { code: 41, name: 'Notify', ref: 'RFC 7296 §3.10', encrypted: false, decode: decodeNotify, encode: encodeNotify },
  D: { code: 42, name: 'Delete', ref: 'RFC 7296 §3.11', encrypted: false, decode: decodeDelete, encode: encodeDelete },
  V: { code: 43, name: 'Vendor ID', ref: 'RFC 7296 §3.12', encrypted: false, decode: decodeVendor, encode: encodeData },
  TSi: { code: 44, name: 'Traffic Selector - Initiator', ref: 'RFC 7296 §3.13', encrypted: false, decode: (body) => decodeTs('TSi', body), encode: encodeTs },
  TSr: { code: 45, name: 'Traffic Selector - Responder', ref: 'RFC 7296 §3.13', encrypted: false, decode: (body) => decodeTs('TSr', body), encode: encodeTs },
  SK: { code: 46, name: 'Encrypted and Authenticated', ref: 'RFC 7296 §3.14', encrypted: true, decode: decodeSk, encode: encodeSk },
  CP: { code: 47, name: 'Configuration', ref: 'RFC 7296 §3.15', encrypted: false, decode: decodeCp, encode: encodeCp },
  SKF: { code: 53, name: 'Encrypted and Authenticated Fragment', ref: 'RFC 7383 §2.5', encrypted: true, decode: decodeSkf, encode: encodeSkf },
};

const BY_CODE = new Map<number, PayloadDef<KnownPayloadType>>(
  Object.values(PAYLOAD).map((row) => [row.code, row as PayloadDef<KnownPayloadType>]),
);

/** The row of a payload number, or undefined for a type we do not know. */
export function payloadByCode(code: number): PayloadDef<KnownPayloadType> | undefined {
  return BY_CODE.get(code);
}

/** The number a payload has on the wire. */
export function payloadCode(payload: Payload): number {
  return payload.type === 'unknown' ? payload.code : PAYLOAD[payload.type].code;
}

/** Writes the body of a payload; an unknown payload has none. */
export function encodeBody(payload: Payload, out: ByteWriter): void {
  if (payload.type === 'unknown') return;
  const row = BY_CODE.get(PAYLOAD[payload.type].code);
  invariant(row !== undefined, 'every known payload type has a row');
  row.encode(payload as never, out);
}

/** First payload of a type, or undefined. */
export function findPayload<T extends PayloadType>(payloads: readonly Payload[], type: T): PayloadOf<T> | undefined {
  return payloads.find((payload): payload is PayloadOf<T> => payload.type === type);
}

/** All payloads of a type, in order. */
export function findPayloads<T extends PayloadType>(payloads: readonly Payload[], type: T): PayloadOf<T>[] {
  return payloads.filter((payload): payload is PayloadOf<T> => payload.type === type);
}
