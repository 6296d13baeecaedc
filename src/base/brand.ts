/** A nominal type over `T`: values of two brands are not interchangeable although both are the same primitive. */
export type Brand<T, Name extends string> = T & { readonly __brand: Name };

/** A point on the monotonic clock, in milliseconds since an arbitrary start; fractions are allowed. */
export type Instant = Brand<number, 'Instant'>;

/** A span of time in milliseconds. */
export type Millis = Brand<number, 'Millis'>;

export const instant = (ms: number): Instant => ms as Instant;
export const millis = (ms: number): Millis => ms as Millis;
export const seconds = (s: number): Millis => (s * 1000) as Millis;
export const minutes = (m: number): Millis => (m * 60_000) as Millis;

/** Returns the instant `span` after `now`. */
export const after = (now: Instant, span: Millis): Instant => (now + span) as Instant;

/** Returns the time from `from` to `to`; negative when `to` is earlier. */
export const since = (from: Instant, to: Instant): Millis => (to - from) as Millis;

/** Returns the earliest of the given instants, or undefined when none is set. */
export function earliest(...all: readonly (Instant | undefined)[]): Instant | undefined {
  let best: Instant | undefined;
  for (const at of all) if (at !== undefined && (best === undefined || at < best)) best = at;
  return best;
}
