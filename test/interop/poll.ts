/** Waiting for a condition with a deadline. */

/** Asks every `every` ms until the answer is not undefined or false; fails after `limit` ms, saying what did not come. */
export async function until<T>(what: string, check: () => T | undefined | false | Promise<T | undefined | false>, limit = 10_000, every = 50): Promise<T> {
  const end = performance.now() + limit;
  let trouble: unknown;
  for (;;) {
    try {
      const found = await check();
      if (found !== undefined && found !== false) return found;
      trouble = undefined;
    } catch (error) {
      trouble = error;
    }
    if (performance.now() > end) throw new Error(`did not come within ${limit} ms: ${what}${trouble instanceof Error ? ` (${trouble.message})` : ''}`);
    await new Promise((resolve) => setTimeout(resolve, every));
  }
}
