/**
 * esp: IPsec's Encapsulating Security Payload (RFC 4303) with AES-GCM (RFC 4106), ChaCha20-Poly1305 (RFC 7634) or AES-CBC
 * and HMAC-SHA2 (RFC 3602, RFC 4868), inside UDP (RFC 3948). The packet format, the replay window, the match of inner
 * packets against traffic selectors, MSS clamping, too-big messages, ECN, and `SoftEsp`, a whole plane of them: the model
 * the C plane of `adapters/native/esp.c` is compared with, and the plane of the simulator. It never reads a clock, draws
 * a random number but from the entropy it is given, or decides which SA or path is used.
 *
 * The plane takes SAs and paths as effects. Outbound: of the children with a used outbound SA whose selectors match the
 * inner packet the one created first carries it, on the path of its bundle; an index by destination finds it. Inbound: the
 * SA is found by SPI alone (RFC 4301 §4.1), so that packets of one SA are received on every local address; then replay
 * check, ICV, window update, and only then anything else is believed. What does not match is dropped and counted by cause,
 * never sent in clear. A nonce is never used twice: an AEAD's IV is the sequence number, and that only grows.
 *
 * What comes under an unknown SPI is held for a short while: a peer may send under a new Child SA as soon as it has answered (RFC 7296
 * §2.8), and ESP may overtake the answer. When the SA is added, what was held for it is given to it as if it had just come. It counts as
 * `unknown_spi` from the start and is taken off that count when its SA gets it, so that the count is what nobody could have.
 *
 * An ICMP message that a datagram of ours was too big for the way is believed only when it quotes one of the packets last sent on the
 * path of its bundle; what becomes of it is decided elsewhere, and comes back as the MTU of a path.
 *
 * A bounded bundle sends no more than three times the octets of authentic ESP that came from the address of its path since it was bounded.
 */
export * from './drops.ts';
export * from './ecn.ts';
export * from './held.ts';
export * from './inner.ts';
export * from './mtu.ts';
export * from './nonce-guard.ts';
export * from './packet.ts';
export * from './protection.ts';
export * from './replay.ts';
export * from './selector-index.ts';
export * from './soft-esp.ts';
