/** Plays random worlds in a process of its own, for worlds.mjs: `FROM STEP SECONDS COUNT`; writes a line of JSON per world, and stops after so many seconds. */
import { performance } from 'node:perf_hooks';
import { playWorld } from './worlds.ts';

const [from = 1, step = 1, limit = 0, count = 1] = process.argv.slice(2).map(Number);
const started = performance.now();
for (let n = 0; n < count; n++) {
  if (limit > 0 && performance.now() - started > limit * 1000) break;
  const seed = from + n * step;
  let line: object;
  try {
    line = { seed, ...playWorld(seed) };
  } catch (error) {
    line = { seed, failure: error instanceof Error ? error.message : String(error) };
  }
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
