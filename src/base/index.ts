/**
 * base: the words every room speaks. Time (`Instant`, `Millis`), results, octets, text, IP addresses, timer tables, agendas,
 * back-off, bounded maps and queues. It owns no state of the product and imports nothing; nothing here reads a clock, draws
 * a random number or throws on foreign input.
 */
export * from './agenda.ts';
export * from './backoff.ts';
export * from './bounded-map.ts';
export * from './bounded-queue.ts';
export * from './brand.ts';
export * from './bytes.ts';
export * from './entropy.ts';
export * from './ip.ts';
export * from './net.ts';
export * from './result.ts';
export * from './secret.ts';
export * from './text.ts';
export * from './timers.ts';
export * from './unreachable.ts';
