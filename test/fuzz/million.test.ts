// A million random and mutated inputs for every parser, over all processors, within two minutes of their time. `SEED=text` plays another run.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { toHex } from '../../src/base/index.ts';
import { Prng } from '../sim/prng.ts';
import { corpus, regressions } from './files.ts';
import { mutate } from './mutate.ts';
import type { Target } from './target.ts';
import { TARGETS } from './targets/index.ts';

const SEED = process.env['SEED'] ?? 'a million 1';
const COUNT = 1_000_000;
/** Shares of the work handed out at a time. */
const BATCH = 50_000;
const SECONDS_MOST = 120;

interface Share {
  readonly name: string;
  readonly seed: string;
  readonly count: number;
}

/** Runs one share; what went wrong, or undefined. */
function work({ name, seed, count }: Share): string | undefined {
  const target = TARGETS.find((row) => row.name === name);
  assert.ok(target);
  const prng = new Prng(seed);
  const pool = [...target.seeds().map((input) => input.slice(0, target.most)), ...corpus(name), ...regressions(name)].filter((input) => input.length <= (target.short ?? target.most));
  for (let i = 0; i < count; i++) {
    const input = prng.chance(0.1) ? prng.bytes(prng.range(0, 64)) : mutate(prng, prng.pick(pool), { pool, words: [], pairs: [] }, target.short ?? target.most);
    if (target.repair && prng.chance(0.5)) target.repair(prng, input);
    try {
      target.run(input);
    } catch (error) {
      return `input ${i} of ${seed}: ${toHex(input)}: ${error instanceof Error ? error.stack : String(error)}`;
    }
  }
  return undefined;
}

function inThreads(parsers: readonly Target[]): Promise<Map<string, number>> {
  const shares: Share[] = parsers.flatMap(({ name }) => Array.from({ length: COUNT / BATCH }, (_, i) => ({ name, seed: `${SEED} ${name} ${i}`, count: BATCH })));
  const took = new Map<string, number>();
  const thread = (): Promise<void> => new Promise((done, failed) => {
    const worker = new Worker(fileURLToPath(import.meta.url), { workerData: 'million' });
    let share: Share | undefined;
    let since = 0;
    const next = (): void => {
      share = shares.shift();
      since = performance.now();
      if (share) worker.postMessage(share);
      else void worker.terminate().then(() => done());
    };
    worker.on('message', (fault: string | undefined) => {
      if (fault !== undefined) {
        void worker.terminate();
        failed(new Error(`${share?.name}: ${fault}`));
        return;
      }
      took.set(share?.name ?? '', (took.get(share?.name ?? '') ?? 0) + performance.now() - since);
      next();
    });
    worker.on('error', failed);
    next();
  });
  return Promise.all(Array.from({ length: cpus().length }, thread)).then(() => took);
}

if (isMainThread || workerData !== 'million') {
  const parsers = TARGETS.filter((target) => target.parser);
  test(`I3.1-1: ${COUNT} inputs for each of ${parsers.length} parsers (seed ${SEED}): every property holds, in less than ${SECONDS_MOST} s`, async (context) => {
    const start = process.cpuUsage();
    const took = await inThreads(parsers);
    // Processor time, or a machine that is busy with other things would fail it.
    const { user, system } = process.cpuUsage(start);
    const seconds = (user + system) / 1e6 / cpus().length;
    for (const [name, ms] of took) context.diagnostic(`${name}: ${(COUNT / ms).toFixed(0)} inputs per ms`);
    if (process.env['MEASURED'] !== undefined) {
      for (const [name, ms] of took) console.log(`${name}: ${(ms / 1000).toFixed(1)} s`);
      console.log(`${seconds.toFixed(1)} s on ${cpus().length} processors`);
    }
    assert.equal(took.size, parsers.length);
    assert.ok(seconds < SECONDS_MOST, `${seconds.toFixed(0)} s`);
  });
} else {
  parentPort?.on('message', (share: Share) => parentPort?.postMessage(work(share)));
}
