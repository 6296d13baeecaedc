/**
 * crypto: the interface of the platform's cryptography and what RFC 7296 computes with it (key schedule, transforms).
 * It implements no cipher and draws no random number.
 */
export * from './suite.ts';
