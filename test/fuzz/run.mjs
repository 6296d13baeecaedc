// Coverage-guided fuzzing of every target (test/fuzz/targets), a thread each, as many at a time as there are processors.
//   node test/fuzz/run.mjs [NAME ...]     those whose name starts so; default: all
//   FUZZ_SECONDS=120   wall time of the whole run        FUZZ_SAVE=1   keep what was found in test/fuzz/corpus
//   FUZZ_JOBS=2        threads                           SEED=text     another run
// The target `native` is the plain-C part under libFuzzer and the sanitizers; without clang it is left out.
// Faults go to test/fuzz/regressions, where `make test` runs them again. Exit 1: a property broke.
import { build } from 'esbuild';
import { spawn, spawnSync } from 'node:child_process';
import { cpus } from 'node:os';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { clearInterval, setInterval } from 'node:timers';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { instrumentation } from './instrument.mjs';

const ROOT = resolve(import.meta.dirname, '../..');
process.chdir(ROOT);
const seconds = Number(process.env.FUZZ_SECONDS ?? 120);
const jobs = Number(process.env.FUZZ_JOBS ?? cpus().length);
const save = process.env.FUZZ_SAVE === '1';
const seed = process.env.SEED ?? `${Date.now()}`;
/** One input may take this long, ms; a thousandth of it is usual. */
const HANG = 10_000;
const INPUT_MOST = 65_536;
const HEAP_MB = 1024;

// What instrumented code looks for must be there before its first line runs.
const PRELUDE = `import { workerData as $w } from 'node:worker_threads';
globalThis.__fuzzCounters = new Uint32Array($w?.counters ?? 0);
{ let see; globalThis.__fuzzEqual = (a, b) => a === b || (see !== undefined && see(a, b), false); globalThis.__fuzzTrace = (f) => { see = f; }; }`;

mkdirSync('build/fuzz', { recursive: true });
const outdir = mkdtempSync('build/fuzz/run-');
const { state, plugin } = instrumentation(ROOT, (path) => path.startsWith('src/'));
const NATIVE = 'native';
const NATIVE_MOST = 3000;

/** The worker's key exchange is a quick one. */
const quick = {
  name: 'quick key exchange',
  setup: (b) => void b.onLoad({ filter: /adapters\/node\/crypto\.ts$/ }, ({ path }) => {
    const head = 'export function nodeCrypto(): CryptoSuite {';
    const text = readFileSync(path, 'utf8');
    if (!text.includes(head)) throw new Error(`${path} has no ${head}`);
    return { loader: 'ts', contents: `import { quickDh } from '${ROOT}/test/fuzz/quick-dh.ts'; export const nodeCrypto = (): CryptoSuite => quickDh(realCrypto());\n${text.replace(head, 'function realCrypto(): CryptoSuite {')}` };
  }),
};
const common = { outdir, bundle: true, format: 'esm', platform: 'node', target: 'node20', packages: 'external', sourcemap: 'inline', logLevel: 'warning', outExtension: { '.js': '.mjs' } };
await build({ ...common, entryPoints: ['test/fuzz/worker.ts'], plugins: [quick, plugin], banner: { js: PRELUDE } });
await build({ ...common, entryPoints: ['test/fuzz/targets/index.ts', 'test/fuzz/files.ts'] });
const load = (file) => import(pathToFileURL(join(resolve(outdir), file)).href);
const { TARGETS } = await load('targets/index.mjs');
const { corpus, regressions, writeCorpus, addRegression } = await load('files.mjs');

const wanted = process.argv.slice(2);
const names = [...TARGETS.map((target) => target.name), NATIVE].filter((name) => wanted.length === 0 || wanted.some((start) => name.startsWith(start)));
if (names.length === 0) {
  console.error(`no target is named so; there are ${[...TARGETS.map((target) => target.name), NATIVE].join(', ')}`);
  process.exit(2);
}
const each = Math.max(1, seconds / Math.ceil(names.length / jobs));
let faults = 0;

function report(name, input, why) {
  faults++;
  console.log(`FAULT in ${name}, kept in ${addRegression(name, input, why)}:\n${why}\n  input ${Buffer.from(input).toString('hex')}`);
}

/** Runs one target to its end, whatever that is. */
function one(name) {
  return new Promise((done) => {
    const shared = new SharedArrayBuffer(8 + INPUT_MOST);
    const head = new Int32Array(shared, 0, 2);
    const worker = new Worker(resolve(outdir, 'worker.mjs'), {
      workerData: { target: name, seconds: each, seed: `${seed} ${name}`, counters: state.counters, literals: [...state.literals], shared },
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB }, execArgv: ['--enable-source-maps'],
    });
    const current = () => new Uint8Array(shared, 8).slice(0, Math.min(INPUT_MOST, head[1]));
    let seen = -1;
    const watch = setInterval(() => {
      const runs = Atomics.load(head, 0);
      if (runs === seen && runs > 0) {
        report(name, current(), `does not end within ${HANG / 1000} s`);
        void worker.terminate();
      }
      seen = runs;
    }, HANG);
    worker.on('message', (result) => {
      for (const fault of result.faults) report(name, fault.input, fault.why);
      if (save) writeCorpus(name, result.kept);
      console.log(`${name.padEnd(22)} ${String(result.runs).padStart(9)} inputs, ${String(result.rate).padStart(6)}/s, features ${result.before} -> ${result.features}, corpus ${result.kept.length}`);
      clearInterval(watch);
    });
    worker.on('error', (error) => report(name, current(), `the thread ended: ${error.stack ?? error}`));
    worker.on('exit', () => {
      clearInterval(watch);
      done();
    });
  });
}

/** The C part: libFuzzer keeps files, we keep lines. */
async function native() {
  if (spawnSync('clang', ['--version']).status !== 0) return console.log(`${NATIVE}: left out, there is no clang`);
  const made = spawnSync('make', ['native-fuzz'], { encoding: 'utf8' });
  if (made.status !== 0) return console.log(`${NATIVE}: left out, it cannot be built: ${made.stderr.trim().split('\n').at(-1)}`);
  const folders = Object.fromEntries(['corpus', 'kept', 'found'].map((name) => [name, resolve(outdir, 'native', name)]));
  for (const folder of Object.values(folders)) mkdirSync(folder, { recursive: true });
  [...corpus(NATIVE), ...regressions(NATIVE)].forEach((input, i) => writeFileSync(join(folders.corpus, String(i)), input));
  const run = (args) => new Promise((done) => {
    const child = spawn('build/asan/native-fuzzer', args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let text = '';
    child.stderr.on('data', (chunk) => { text = (text + chunk).slice(-20_000); });
    child.on('exit', (status) => done({ status, text }));
  });
  const { status, text } = await run([`-max_total_time=${Math.ceil(each)}`, `-max_len=${NATIVE_MOST}`, `-artifact_prefix=${folders.found}/`, '-timeout=10', '-rss_limit_mb=2048', '-print_final_stats=1', folders.corpus]);
  for (const file of readdirSync(folders.found)) report(NATIVE, readFileSync(join(folders.found, file)), text.split('\n').find((line) => line.includes('ERROR') || line.includes('runtime error')) ?? file);
  if (status !== 0 && readdirSync(folders.found).length === 0) throw new Error(`the native fuzzer ended with ${status}: ${text.slice(-2000)}`);
  await run(['-merge=1', folders.kept, folders.corpus]);
  const kept = readdirSync(folders.kept).map((file) => readFileSync(join(folders.kept, file))).sort((a, b) => a.length - b.length || a.compare(b));
  if (save) writeCorpus(NATIVE, kept);
  const runs = /number_of_executed_units: (\d+)/.exec(text)?.[1] ?? '?';
  console.log(`${NATIVE.padEnd(22)} ${runs.padStart(9)} inputs, corpus ${kept.length}`);
}

try {
  console.log(`${names.length} targets, ${state.counters} counters, ${each.toFixed(1)} s each, ${jobs} at a time, seed ${seed}`);
  const queue = [...names];
  await Promise.all(Array.from({ length: jobs }, async () => {
    for (let name = queue.shift(); name !== undefined; name = queue.shift()) await (name === NATIVE ? native() : one(name));
  }));
} finally {
  rmSync(outdir, { recursive: true, force: true });
}
process.exitCode = faults > 0 ? 1 : 0;
