/** Ends an exhaustive switch: does not compile while a case is missing; throws (a bug) when reached all the same. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${String(value)}`);
}

/** Throws when an invariant of ours is broken. Never used on what a peer sent. */
export function invariant(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(`broken invariant: ${what}`);
}
