import { ByteReader, ByteWriter, concat } from '../../base/index.ts';
import { encodeHeader, HEADER_OCTETS } from './header.ts';
import { encodeBody, payloadByCode, payloadCode } from './payload-types.ts';
import type { DecodedChain, IkeHeader, Payload } from './types.ts';

/*
 * Generic payload header (RFC 7296 §3.2)
 * | Next Payload  |C|  RESERVED   |         Payload Length        |
 */

const GENERIC_OCTETS = 4;
const CRITICAL = 0x80;
const NO_NEXT_PAYLOAD = 0;

/** Payloads of one message that are decoded (OURS, I2-1): bounds what a message can make us build. */
export const MAX_PAYLOADS = 64;

/**
 * Decodes the payloads in `bytes[start..end)`, the first being of type `firstPayload`. An encrypted payload ends the
 * chain and must fill the rest (RFC 7296 §3.14); an unknown one is skipped but listed (RFC 7296 §2.5); the critical
 * bit of known types is ignored. Octet strings in the result are copies.
 */
export function decodeChain(firstPayload: number, bytes: Uint8Array, start: number, end: number): DecodedChain {
  const malformed = (why: string): DecodedChain => ({ kind: 'malformed', why });
  const payloads: Payload[] = [];
  let criticalCode: number | undefined;
  let code = firstPayload;
  let at = start;
  const stop = Math.min(end, bytes.length);
  while (code !== NO_NEXT_PAYLOAD) {
    if (payloads.length === MAX_PAYLOADS) return malformed(`more than ${MAX_PAYLOADS} payloads`);
    const head = new ByteReader(bytes, at, stop);
    const next = head.u8();
    const critical = (head.u8() & CRITICAL) !== 0;
    const length = head.u16();
    if (head.failed) return malformed('payload header is cut short');
    if (length < GENERIC_OCTETS || length > stop - at) return malformed(`length of payload ${code} does not fit its message`);
    const row = payloadByCode(code);
    if (row === undefined) {
      payloads.push({ type: 'unknown', code, critical });
      if (critical) criticalCode ??= code;
    } else {
      const payload = row.decode(new ByteReader(bytes, at + GENERIC_OCTETS, at + length), next);
      if (typeof payload === 'string') return malformed(`${row.name}: ${payload}`);
      payloads.push(payload);
    }
    at += length;
    code = row?.encrypted === true ? NO_NEXT_PAYLOAD : next;
  }
  if (at !== stop) return malformed('octets after the last payload');
  return criticalCode === undefined ? { kind: 'payloads', payloads } : { kind: 'critical', code: criticalCode, payloads };
}

/**
 * Encodes payloads as a chain: the type of the first (0 for none) and the octets. The critical bit is 0 on all types
 * we know (RFC 7296 §2.5). Of an encrypted payload, which must be last, `body` is written as it is.
 */
export function encodePayloads(payloads: readonly Payload[]): { first: number; bytes: Uint8Array } {
  const out = new ByteWriter();
  payloads.forEach((payload, i) => {
    const start = out.length;
    const following = payloads[i + 1];
    const inner = payload.type === 'SK' || payload.type === 'SKF' ? payload.firstInner : NO_NEXT_PAYLOAD;
    out.u8(following === undefined ? inner : payloadCode(following));
    out.u8(payload.type === 'unknown' && payload.critical ? CRITICAL : 0).u16(0);
    encodeBody(payload, out);
    out.patch16(start + 2, out.length - start);
  });
  const head = payloads[0];
  return { first: head === undefined ? NO_NEXT_PAYLOAD : payloadCode(head), bytes: out.finish() };
}

/** Encodes a whole message whose payloads are not encrypted; `nextPayload` of the header is taken from the payloads. */
export function encodeMessage(header: Omit<IkeHeader, 'length' | 'nextPayload'>, payloads: readonly Payload[]): Uint8Array {
  const { first, bytes } = encodePayloads(payloads);
  return concat(encodeHeader({ ...header, nextPayload: first }, HEADER_OCTETS + bytes.length), bytes);
}
