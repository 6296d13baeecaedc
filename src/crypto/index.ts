/**
 * crypto: the interface of the platform's cryptography and what RFC 7296 computes with it (key schedule, transforms).
 * It implements no cipher and draws no random number.
 *
 * `suite.ts` is what an adapter provides. `transforms.ts` has one row per algorithm that can be negotiated, under the
 * name a proposal spells it with; numbers on the wire, key sizes and requirement levels are read from the row.
 * `key-schedule.ts` is RFC 7296 §2.13-2.18 for HMAC PRFs: each function takes the suite and returns fresh octets, which
 * the caller owns and wipes. `signature-schemes.ts` has the octets by which RFC 7427 names how something is signed.
 */
export * from './key-schedule.ts';
export * from './signature-schemes.ts';
export * from './suite.ts';
export * from './transforms.ts';
