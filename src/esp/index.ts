/**
 * esp: IPsec's Encapsulating Security Payload (RFC 4303) with AES-GCM (RFC 4106), inside UDP (RFC 3948). The packet
 * format, the replay window, the match of inner packets against traffic selectors, MSS clamping and too-big messages,
 * and `SoftEsp`, a whole plane of them: the model the C plane of `adapters/native/esp.c` is compared with, and the
 * plane of the simulator. It never reads a clock, draws a random number, or decides which SA or path is used.
 *
 * The plane takes SAs and paths as effects. Outbound: an inner packet is matched against the selectors of the children
 * in order of their creation; the first child with a used outbound SA that matches carries it, on the path of its
 * bundle. Inbound: the SA is found by SPI alone (RFC 4301 §4.1), so that packets of one SA are received on every local
 * address; then replay check, ICV, window update, and only then anything else is believed. What does not match is
 * dropped and counted by cause, never sent in clear. A nonce is never used twice: the IV is the sequence number, and
 * that only grows.
 */
export * from './drops.ts';
export * from './inner.ts';
export * from './mtu.ts';
export * from './nonce-guard.ts';
export * from './packet.ts';
export * from './replay.ts';
export * from './soft-esp.ts';
