import type { Brand, IpAddress } from '../../base/index.ts';

/** SPI of an IKE SA: 8 octets as a bigint, so that it can key a map. 0n only as SPIr of an IKE_SA_INIT request. */
export type IkeSpi = Brand<bigint, 'IkeSpi'>;
/** SPI of a Child SA: 4 octets, unsigned. */
export type ChildSpi = Brand<number, 'ChildSpi'>;

export const EXCHANGE = { IKE_SA_INIT: 34, IKE_AUTH: 35, CREATE_CHILD_SA: 36, INFORMATIONAL: 37 } as const;
export type ExchangeName = keyof typeof EXCHANGE;

export const PROTOCOL = { NONE: 0, IKE: 1, AH: 2, ESP: 3 } as const;

/** RFC 7296 §3.1. `exchange` is the number on the wire; unknown numbers are kept. */
export interface IkeHeader {
  readonly spiI: IkeSpi;
  readonly spiR: IkeSpi;
  readonly nextPayload: number;
  readonly majorVersion: number;
  readonly minorVersion: number;
  readonly exchange: number;
  /** I flag: set by the original initiator of this IKE SA. */
  readonly fromOriginalInitiator: boolean;
  /** R flag. */
  readonly isResponse: boolean;
  readonly messageId: number;
  /** Length in octets of header and payloads. */
  readonly length: number;
}

/** RFC 7296 §3.3.2. `keyLength` in bits from the Key Length attribute; `unknownAttribute` makes it unacceptable. */
export interface Transform {
  readonly type: number;
  readonly id: number;
  readonly keyLength?: number;
  readonly unknownAttribute?: boolean;
}

/** RFC 7296 §3.3.1. `spi` has 0, 4 or 8 octets. */
export interface Proposal {
  readonly number: number;
  readonly protocol: number;
  readonly spi: Uint8Array;
  readonly transforms: readonly Transform[];
}

/** RFC 7296 §3.13.1. Addresses of one family, inclusive; OPAQUE ports are start 65535, end 0. */
export interface TrafficSelector {
  readonly protocol: number;
  readonly startPort: number;
  readonly endPort: number;
  readonly start: IpAddress;
  readonly end: IpAddress;
}

/** RFC 7296 §3.5. `body` is the payload without generic header, as sent: it goes into the AUTH computation (RFC 7296 §2.15). */
export interface IdPayload<T extends 'IDi' | 'IDr' = 'IDi' | 'IDr'> {
  readonly type: T;
  readonly idType: number;
  readonly data: Uint8Array;
  readonly body: Uint8Array;
}

/** RFC 7296 §3.6 and §3.7. */
export interface CertPayload<T extends 'CERT' | 'CERTREQ' = 'CERT' | 'CERTREQ'> {
  readonly type: T;
  readonly encoding: number;
  readonly data: Uint8Array;
}

/** RFC 7296 §3.13. */
export interface TsPayload<T extends 'TSi' | 'TSr' = 'TSi' | 'TSr'> {
  readonly type: T;
  readonly selectors: readonly TrafficSelector[];
}

export type Payload =
  | { readonly type: 'SA'; readonly proposals: readonly Proposal[] }
  | { readonly type: 'KE'; readonly group: number; readonly data: Uint8Array }
  | IdPayload<'IDi'>
  | IdPayload<'IDr'>
  | CertPayload<'CERT'>
  | CertPayload<'CERTREQ'>
  | { readonly type: 'AUTH'; readonly method: number; readonly data: Uint8Array }
  | { readonly type: 'NONCE'; readonly data: Uint8Array }
  | { readonly type: 'N'; readonly protocol: number; readonly spi: Uint8Array; readonly notify: number; readonly data: Uint8Array }
  | { readonly type: 'D'; readonly protocol: number; readonly spiSize: number; readonly spis: readonly Uint8Array[] }
  | { readonly type: 'V'; readonly data: Uint8Array }
  | TsPayload<'TSi'>
  | TsPayload<'TSr'>
  | { readonly type: 'CP'; readonly cfgType: number; readonly attributes: readonly { readonly type: number; readonly value: Uint8Array }[] }
  /** Encrypted payload; `firstInner` is its Next Payload, `body` is IV | ciphertext | ICV. Always last. */
  | { readonly type: 'SK'; readonly firstInner: number; readonly body: Uint8Array; readonly bodyOffset: number }
  | { readonly type: 'SKF'; readonly firstInner: number; readonly fragment: number; readonly total: number; readonly body: Uint8Array; readonly bodyOffset: number }
  /** A payload type we do not know (RFC 7296 §2.5). */
  | { readonly type: 'unknown'; readonly code: number; readonly critical: boolean };

export type PayloadType = Payload['type'];
export type PayloadOf<T extends PayloadType> = Extract<Payload, { type: T }>;
export type NotifyPayload = PayloadOf<'N'>;

/** A decoded chain of payloads, or why it cannot be used. */
export type DecodedChain =
  | { readonly kind: 'payloads'; readonly payloads: readonly Payload[] }
  /**
   * Well-formed, but with an unknown payload that has the critical bit: RFC 7296 §2.5. `code` is the first such type.
   * The payloads are here so that a message with SK can be authenticated before it is answered.
   */
  | { readonly kind: 'critical'; readonly code: number; readonly payloads: readonly Payload[] }
  | { readonly kind: 'malformed'; readonly why: string };
