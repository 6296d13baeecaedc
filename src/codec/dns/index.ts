/**
 * codec/dns: messages of a stub resolver (RFC 1035) to plain values and back: one question for A or AAAA, and what a
 * recursive server answers to it, aliases followed within the answer. Total: no input makes it throw or run long, and
 * it keeps no state; which server is asked, how often and over what is for the resolver port to say.
 */
export { RECORD, decodeAnswer, encodeQuery } from './message.ts';
export type { AddressType, DnsAnswer, DnsQuestion } from './message.ts';
export { canonicalName } from './name.ts';
