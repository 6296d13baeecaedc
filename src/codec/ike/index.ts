/**
 * codec/ike: IKE octets to plain values and back (RFC 7296 §3). Total: no input makes it throw, and it decides nothing;
 * what a message may do is for `ike/` to say.
 *
 * A message is a header (`decodeHeader`) and a chain of payloads (`decodeChain`). An encrypted payload ends the outer
 * chain; its plaintext is a second chain, decoded with the `firstInner` of the encrypted payload once its ICV is right.
 * `payload-types.ts` has one row per payload with its codec, `notify-types.ts` one row per notify with the exchanges and
 * data it may have. Lengths are strict: every length must fit its container and nothing may be left over. Meaning is
 * lenient: unknown payloads, attributes and selector types, reserved fields and flags never make a chain malformed.
 */
export * from './chain.ts';
export * from './header.ts';
export * from './ids.ts';
export * from './notify-types.ts';
export { PAYLOAD, findPayload, findPayloads, payloadByCode, payloadCode } from './payload-types.ts';
export type { KnownPayloadType, PayloadDef } from './payload-types.ts';
export * from './types.ts';
