/**
 * codec/ike: IKE octets to plain values and back (RFC 7296 §3). Total: no input makes it throw, and it decides nothing;
 * what a message may do is for `ike/` to say.
 */
export * from './types.ts';
