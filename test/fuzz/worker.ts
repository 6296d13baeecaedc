// One target for some seconds, in a thread of run.mjs. Shared memory holds the input that is running: when it never ends, or takes all
// memory, the thread is ended from outside and the input is known.
import { parentPort, workerData } from 'node:worker_threads';
import { Prng } from '../sim/prng.ts';
import { corpus, regressions } from './files.ts';
import { wordsOf } from './mutate.ts';
import { Search, type Coverage } from './search.ts';
import { TARGETS } from './targets/index.ts';

const { target: name, seconds, seed, literals, shared } = workerData as {
  readonly target: string;
  readonly seconds: number;
  readonly seed: string;
  readonly literals: readonly (number | string)[];
  readonly shared: SharedArrayBuffer;
};
const { __fuzzCounters: counters, __fuzzTrace: trace } = globalThis as unknown as { readonly __fuzzCounters: Uint32Array; readonly __fuzzTrace: Coverage['trace'] };

const target = TARGETS.find((row) => row.name === name);
if (!target) throw new Error(`no target ${name}`);
/** Two numbers, runs and length, then the input. */
const head = new Int32Array(shared, 0, 2);
const running = new Uint8Array(shared, 8);

const search = new Search(target, { counters, trace }, wordsOf(literals), new Prng(seed));
search.before = (input) => {
  running.set(input.subarray(0, running.length));
  Atomics.store(head, 1, input.length);
  Atomics.add(head, 0, 1);
};
const start = performance.now();
const elapsed = (): number => (performance.now() - start) / 1000;
for (const input of target.seeds()) search.try(input.slice(0, target.most), true);
for (const input of [...regressions(name), ...corpus(name)]) search.try(input);
const before = search.features;
// The last part of the time is for making what was found shorter.
while (elapsed() < seconds * 0.85) for (let i = 0; i < 16; i++) search.step();
const { runs, features, faults } = search;
const rate = Math.round(runs / elapsed());
const kept = search.harvest(() => elapsed() < seconds);
parentPort?.postMessage({ name, runs, rate, before, features, kept, faults });
