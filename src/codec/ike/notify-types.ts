import { invariant } from '../../base/index.ts';
import type { ExchangeName, NotifyPayload, Payload } from './types.ts';

/** Where a notify may stand; exchanges of extensions we do not speak are named by their RFC. */
export type NotifyPlace = ExchangeName | 'IKE_SESSION_RESUME' | 'IKE_INTERMEDIATE' | 'IKE_FOLLOWUP_KE' | 'unprotected';

/** Octets of notification data as a sender writes them. */
export type DataRule = { readonly len: number } | { readonly oneOf: readonly number[] } | { readonly min: number; readonly max: number };

/** One notify type: number, source, what it may look like. */
export interface NotifyDef {
  readonly code: number;
  readonly ref: string;
  /** 0..16383 are errors, the rest status (RFC 7296 §3.10.1). */
  readonly kind: 'error' | 'status';
  /** Exchanges whose messages may carry it; `unprotected`: a message outside any IKE SA (RFC 7296 §1.5). */
  readonly in: readonly NotifyPlace[];
  readonly data: DataRule;
  /** The SPI field names a Child SA (RFC 7296 §3.10); all others leave protocol and SPI empty. */
  readonly spi?: true;
}

const INIT = ['IKE_SA_INIT'] as const;
const AUTH = ['IKE_AUTH'] as const;
const CHILD = ['CREATE_CHILD_SA'] as const;
const INFO = ['INFORMATIONAL'] as const;
/** Exchanges that make a Child SA. */
const MAKES_CHILD = ['IKE_AUTH', 'CREATE_CHILD_SA'] as const;
const PROTECTED = ['IKE_AUTH', 'CREATE_CHILD_SA', 'INFORMATIONAL'] as const;
const ALL = ['IKE_SA_INIT', 'IKE_AUTH', 'CREATE_CHILD_SA', 'INFORMATIONAL'] as const;
const NOTHING = { len: 0 } as const;
const ANY = { min: 0, max: 65_535 } as const;

/** Notify message types (RFC 7296 §3.10.1 and the RFCs named); 40960..65535 are private and have no row. */
export const NOTIFY = {
  UNSUPPORTED_CRITICAL_PAYLOAD: { code: 1, ref: 'RFC 7296 §2.5', kind: 'error', in: ALL, data: { len: 1 } },
  INVALID_IKE_SPI: { code: 4, ref: 'RFC 7296 §2.21.4', kind: 'error', in: ['unprotected'], data: NOTHING },
  INVALID_MAJOR_VERSION: { code: 5, ref: 'RFC 7296 §2.5', kind: 'error', in: ['unprotected'], data: NOTHING },
  INVALID_SYNTAX: { code: 7, ref: 'RFC 7296 §2.21.3', kind: 'error', in: PROTECTED, data: NOTHING },
  INVALID_MESSAGE_ID: { code: 9, ref: 'RFC 7296 §2.3', kind: 'error', in: INFO, data: { len: 4 } },
  INVALID_SPI: { code: 11, ref: 'RFC 7296 §1.5', kind: 'error', in: ['INFORMATIONAL', 'unprotected'], data: { len: 4 } },
  NO_PROPOSAL_CHOSEN: { code: 14, ref: 'RFC 7296 §2.7', kind: 'error', in: ['IKE_SA_INIT', 'IKE_AUTH', 'CREATE_CHILD_SA'], data: NOTHING },
  INVALID_KE_PAYLOAD: { code: 17, ref: 'RFC 7296 §1.2', kind: 'error', in: ['IKE_SA_INIT', 'CREATE_CHILD_SA'], data: { len: 2 } },
  AUTHENTICATION_FAILED: { code: 24, ref: 'RFC 7296 §2.21.2', kind: 'error', in: ['IKE_AUTH', 'INFORMATIONAL'], data: NOTHING },
  SINGLE_PAIR_REQUIRED: { code: 34, ref: 'RFC 7296 §2.9', kind: 'error', in: MAKES_CHILD, data: NOTHING },
  NO_ADDITIONAL_SAS: { code: 35, ref: 'RFC 7296 §1.3', kind: 'error', in: MAKES_CHILD, data: NOTHING },
  INTERNAL_ADDRESS_FAILURE: { code: 36, ref: 'RFC 7296 §3.15.4', kind: 'error', in: MAKES_CHILD, data: NOTHING },
  FAILED_CP_REQUIRED: { code: 37, ref: 'RFC 7296 §2.19', kind: 'error', in: MAKES_CHILD, data: NOTHING },
  TS_UNACCEPTABLE: { code: 38, ref: 'RFC 7296 §2.9', kind: 'error', in: MAKES_CHILD, data: NOTHING },
  INVALID_SELECTORS: { code: 39, ref: 'RFC 7296 §3.10.1', kind: 'error', in: INFO, data: ANY, spi: true },
  UNACCEPTABLE_ADDRESSES: { code: 40, ref: 'RFC 4555 §4.1.1', kind: 'error', in: INFO, data: NOTHING },
  UNEXPECTED_NAT_DETECTED: { code: 41, ref: 'RFC 4555 §4.1.2', kind: 'error', in: ['IKE_AUTH', 'INFORMATIONAL'], data: NOTHING },
  TEMPORARY_FAILURE: { code: 43, ref: 'RFC 7296 §2.25', kind: 'error', in: CHILD, data: NOTHING },
  CHILD_SA_NOT_FOUND: { code: 44, ref: 'RFC 7296 §2.25', kind: 'error', in: CHILD, data: NOTHING, spi: true },
  STATE_NOT_FOUND: { code: 47, ref: 'RFC 9370 §2.2.4', kind: 'error', in: ['IKE_FOLLOWUP_KE'], data: NOTHING },
  TS_MAX_QUEUE: { code: 48, ref: 'RFC 9611 §5.2', kind: 'error', in: MAKES_CHILD, data: NOTHING },

  INITIAL_CONTACT: { code: 16384, ref: 'RFC 7296 §2.4', kind: 'status', in: AUTH, data: NOTHING },
  SET_WINDOW_SIZE: { code: 16385, ref: 'RFC 7296 §2.3', kind: 'status', in: PROTECTED, data: { len: 4 } },
  ADDITIONAL_TS_POSSIBLE: { code: 16386, ref: 'RFC 7296 §2.9', kind: 'status', in: MAKES_CHILD, data: NOTHING },
  IPCOMP_SUPPORTED: { code: 16387, ref: 'RFC 7296 §2.22', kind: 'status', in: MAKES_CHILD, data: { min: 3, max: 65_535 } },
  NAT_DETECTION_SOURCE_IP: { code: 16388, ref: 'RFC 7296 §2.23', kind: 'status', in: ['IKE_SA_INIT', 'IKE_SESSION_RESUME', 'INFORMATIONAL'], data: { len: 20 } },
  NAT_DETECTION_DESTINATION_IP: { code: 16389, ref: 'RFC 7296 §2.23', kind: 'status', in: ['IKE_SA_INIT', 'IKE_SESSION_RESUME', 'INFORMATIONAL'], data: { len: 20 } },
  COOKIE: { code: 16390, ref: 'RFC 7296 §2.6', kind: 'status', in: ['IKE_SA_INIT', 'IKE_SESSION_RESUME'], data: { min: 1, max: 64 } },
  USE_TRANSPORT_MODE: { code: 16391, ref: 'RFC 7296 §1.3.1', kind: 'status', in: MAKES_CHILD, data: NOTHING },
  HTTP_CERT_LOOKUP_SUPPORTED: { code: 16392, ref: 'RFC 7296 §3.6', kind: 'status', in: ['IKE_SA_INIT', 'IKE_AUTH'], data: NOTHING },
  REKEY_SA: { code: 16393, ref: 'RFC 7296 §1.3.3', kind: 'status', in: CHILD, data: NOTHING, spi: true },
  ESP_TFC_PADDING_NOT_SUPPORTED: { code: 16394, ref: 'RFC 7296 §1.3.1', kind: 'status', in: MAKES_CHILD, data: NOTHING },
  NON_FIRST_FRAGMENTS_ALSO: { code: 16395, ref: 'RFC 7296 §1.3.1', kind: 'status', in: MAKES_CHILD, data: NOTHING },
  MOBIKE_SUPPORTED: { code: 16396, ref: 'RFC 4555 §4.2.1', kind: 'status', in: AUTH, data: NOTHING },
  ADDITIONAL_IP4_ADDRESS: { code: 16397, ref: 'RFC 4555 §4.2.2', kind: 'status', in: ['IKE_AUTH', 'INFORMATIONAL'], data: { len: 4 } },
  ADDITIONAL_IP6_ADDRESS: { code: 16398, ref: 'RFC 4555 §4.2.2', kind: 'status', in: ['IKE_AUTH', 'INFORMATIONAL'], data: { len: 16 } },
  /** INFORMATIONAL by the RFC; strongSwan sends it in IKE_AUTH too. */
  NO_ADDITIONAL_ADDRESSES: { code: 16399, ref: 'RFC 4555 §4.2.3', kind: 'status', in: ['IKE_AUTH', 'INFORMATIONAL'], data: NOTHING },
  UPDATE_SA_ADDRESSES: { code: 16400, ref: 'RFC 4555 §4.2.4', kind: 'status', in: INFO, data: NOTHING },
  COOKIE2: { code: 16401, ref: 'RFC 4555 §4.2.5', kind: 'status', in: INFO, data: { min: 8, max: 64 } },
  NO_NATS_ALLOWED: { code: 16402, ref: 'RFC 4555 §4.2.6', kind: 'status', in: ['IKE_AUTH', 'INFORMATIONAL'], data: { oneOf: [12, 36] } },
  AUTH_LIFETIME: { code: 16403, ref: 'RFC 4478 §3', kind: 'status', in: ['IKE_AUTH', 'INFORMATIONAL'], data: { len: 4 } },
  MULTIPLE_AUTH_SUPPORTED: { code: 16404, ref: 'RFC 4739 §3.1', kind: 'status', in: ['IKE_SA_INIT', 'IKE_AUTH'], data: NOTHING },
  ANOTHER_AUTH_FOLLOWS: { code: 16405, ref: 'RFC 4739 §3.2', kind: 'status', in: AUTH, data: NOTHING },
  REDIRECT_SUPPORTED: { code: 16406, ref: 'RFC 5685 §9.1', kind: 'status', in: INIT, data: NOTHING },
  REDIRECT: { code: 16407, ref: 'RFC 5685 §9.2', kind: 'status', in: ['IKE_SA_INIT', 'IKE_AUTH', 'INFORMATIONAL'], data: { min: 2, max: 65_535 } },
  REDIRECTED_FROM: { code: 16408, ref: 'RFC 5685 §9.3', kind: 'status', in: INIT, data: { min: 2, max: 65_535 } },
  TICKET_LT_OPAQUE: { code: 16409, ref: 'RFC 5723 §7.1', kind: 'status', in: PROTECTED, data: { min: 4, max: 65_535 } },
  TICKET_REQUEST: { code: 16410, ref: 'RFC 5723 §4.1', kind: 'status', in: PROTECTED, data: NOTHING },
  TICKET_ACK: { code: 16411, ref: 'RFC 5723 §4.1', kind: 'status', in: PROTECTED, data: NOTHING },
  TICKET_NACK: { code: 16412, ref: 'RFC 5723 §4.1', kind: 'status', in: ['IKE_SESSION_RESUME', 'IKE_AUTH', 'CREATE_CHILD_SA', 'INFORMATIONAL'], data: NOTHING },
  TICKET_OPAQUE: { code: 16413, ref: 'RFC 5723 §7.2', kind: 'status', in: ['IKE_SESSION_RESUME'], data: ANY },
  EAP_ONLY_AUTHENTICATION: { code: 16417, ref: 'RFC 5998 §3', kind: 'status', in: AUTH, data: NOTHING },
  CHILDLESS_IKEV2_SUPPORTED: { code: 16418, ref: 'RFC 6023 §4', kind: 'status', in: INIT, data: NOTHING },
  QUICK_CRASH_DETECTION: { code: 16419, ref: 'RFC 6290 §4.1', kind: 'status', in: ['IKE_AUTH', 'CREATE_CHILD_SA', 'INFORMATIONAL', 'unprotected'], data: { min: 16, max: 128 } },
  IKEV2_MESSAGE_ID_SYNC_SUPPORTED: { code: 16420, ref: 'RFC 6311 §6.1', kind: 'status', in: AUTH, data: NOTHING },
  IPSEC_REPLAY_COUNTER_SYNC_SUPPORTED: { code: 16421, ref: 'RFC 6311 §6.2', kind: 'status', in: AUTH, data: NOTHING },
  IKEV2_MESSAGE_ID_SYNC: { code: 16422, ref: 'RFC 6311 §6.3', kind: 'status', in: INFO, data: { len: 12 } },
  IPSEC_REPLAY_COUNTER_SYNC: { code: 16423, ref: 'RFC 6311 §6.4', kind: 'status', in: INFO, data: { oneOf: [4, 8] } },
  IKEV2_FRAGMENTATION_SUPPORTED: { code: 16430, ref: 'RFC 7383 §2.3', kind: 'status', in: INIT, data: NOTHING },
  SIGNATURE_HASH_ALGORITHMS: { code: 16431, ref: 'RFC 7427 §4', kind: 'status', in: INIT, data: { min: 2, max: 65_535 } },
  PUZZLE: { code: 16434, ref: 'RFC 8019 §8.1', kind: 'status', in: ['IKE_SA_INIT', 'IKE_AUTH'], data: { len: 3 } },
  USE_PPK: { code: 16435, ref: 'RFC 8784 §3', kind: 'status', in: INIT, data: NOTHING },
  PPK_IDENTITY: { code: 16436, ref: 'RFC 8784 §3', kind: 'status', in: AUTH, data: ANY },
  NO_PPK_AUTH: { code: 16437, ref: 'RFC 8784 §3', kind: 'status', in: AUTH, data: { min: 1, max: 65_535 } },
  INTERMEDIATE_EXCHANGE_SUPPORTED: { code: 16438, ref: 'RFC 9242 §3.1', kind: 'status', in: INIT, data: NOTHING },
  IP4_ALLOWED: { code: 16439, ref: 'RFC 8983 §4', kind: 'status', in: AUTH, data: NOTHING },
  IP6_ALLOWED: { code: 16440, ref: 'RFC 8983 §4', kind: 'status', in: AUTH, data: NOTHING },
  ADDITIONAL_KEY_EXCHANGE: { code: 16441, ref: 'RFC 9370 §2.2.4', kind: 'status', in: ['CREATE_CHILD_SA', 'IKE_FOLLOWUP_KE'], data: { min: 1, max: 65_535 } },
  USE_AGGFRAG: { code: 16442, ref: 'RFC 9347 §5.1', kind: 'status', in: MAKES_CHILD, data: { len: 1 } },
  SUPPORTED_AUTH_METHODS: { code: 16443, ref: 'RFC 9593 §3.2', kind: 'status', in: ['IKE_SA_INIT', 'IKE_INTERMEDIATE', 'IKE_AUTH'], data: ANY },
  SA_RESOURCE_INFO: { code: 16444, ref: 'RFC 9611 §5.1', kind: 'status', in: MAKES_CHILD, data: ANY },
} as const satisfies { readonly [name: string]: NotifyDef };

export type NotifyName = keyof typeof NOTIFY;

const NAMES = Object.keys(NOTIFY) as NotifyName[];
const BY_CODE = new Map<number, NotifyName>(NAMES.map((name) => [NOTIFY[name].code, name]));

/** First number that is not an error (RFC 7296 §3.10.1). */
const FIRST_STATUS = 16_384;

/** The row name of a notify number, or undefined for one we do not know. */
export function knownNotify(code: number): NotifyName | undefined {
  return BY_CODE.get(code);
}

/** A name for logs: the row's, else `error 12345` or `status 40960`. */
export function notifyName(code: number): string {
  return BY_CODE.get(code) ?? `${isErrorNotify(code) ? 'error' : 'status'} ${code}`;
}

/** True for the number of an error, known or not (I3.10-1). */
export function isErrorNotify(code: number): boolean {
  return code < FIRST_STATUS;
}

function fits(rule: DataRule, octets: number): boolean {
  if ('len' in rule) return octets === rule.len;
  return 'oneOf' in rule ? rule.oneOf.includes(octets) : octets >= rule.min && octets <= rule.max;
}

/** The data rule of a row. */
export function notifyDataRule(name: NotifyName): DataRule {
  return NOTIFY[name].data;
}

/**
 * True if the data of a received notify has a length its type allows. Data where none is defined is ignored (M3.2-2),
 * so it fits; a type without a row fits too.
 */
export function notifyDataFits(payload: NotifyPayload): boolean {
  const name = BY_CODE.get(payload.notify);
  if (name === undefined) return true;
  const rule = notifyDataRule(name);
  return ('len' in rule && rule.len === 0) || fits(rule, payload.data.length);
}

const EMPTY = new Uint8Array(0);

/**
 * A notify of ours. Without `spi`, Protocol ID and SPI Size are zero.
 * Throws (a bug) when the data breaks the row's rule.
 */
export function notify(name: NotifyName, data: Uint8Array = EMPTY, spi?: { readonly protocol: number; readonly spi: Uint8Array }): NotifyPayload {
  invariant(fits(notifyDataRule(name), data.length), `${name} with ${data.length} octets of data`);
  return { type: 'N', protocol: spi?.protocol ?? 0, spi: spi?.spi ?? EMPTY, notify: NOTIFY[name].code, data };
}

/** First notify of a type, or undefined. Protocol ID and SPI are not looked at (I3.10-2). */
export function findNotify(payloads: readonly Payload[], name: NotifyName): NotifyPayload | undefined {
  const { code } = NOTIFY[name];
  return payloads.find((payload): payload is NotifyPayload => payload.type === 'N' && payload.notify === code);
}

/** All notifies of a type, in order. */
export function findNotifies(payloads: readonly Payload[], name: NotifyName): NotifyPayload[] {
  const { code } = NOTIFY[name];
  return payloads.filter((payload): payload is NotifyPayload => payload.type === 'N' && payload.notify === code);
}
