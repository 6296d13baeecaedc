import { EXCHANGE, findNotify, type Payload, type PayloadType } from '../codec/ike/index.ts';
import type { CloseReason } from './types.ts';

interface Rule {
  readonly exchange: number;
  /** Payload types that may appear at most once. */
  readonly once: readonly PayloadType[];
}

const ONCE: readonly PayloadType[] = ['SA', 'KE', 'NONCE', 'IDi', 'IDr', 'AUTH', 'TSi', 'TSr', 'CP'];

/** How often a payload may stand in a request or a response, whatever its order (I2.5-3). Which must be there is checked by its task. */
const RULES: readonly Rule[] = [
  { exchange: EXCHANGE.IKE_AUTH, once: ONCE },
  { exchange: EXCHANGE.CREATE_CHILD_SA, once: ONCE },
];

/** Returns what is wrong with the set of payloads, or undefined. */
export function checkRules(exchange: number, payloads: readonly Payload[]): string | undefined {
  const rule = RULES.find((r) => r.exchange === exchange);
  if (!rule) return undefined;
  for (const type of rule.once) if (payloads.filter((p) => p.type === type).length > 1) return `more than one ${type} payload`;
  return undefined;
}

/** The errors that end an IKE SA wherever they come, protected (I2.21.2-1). */
export function fatalNotify(payloads: readonly Payload[]): CloseReason | undefined {
  if (findNotify(payloads, 'AUTHENTICATION_FAILED')) return 'authentication_failed';
  return findNotify(payloads, 'INVALID_SYNTAX') ? 'invalid_syntax' : undefined;
}
