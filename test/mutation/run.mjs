// Mutation testing: every small change of a source file should make a test fail.
//   node test/mutation/run.mjs [--check] [--fresh] [--report] [--survivors] [--tests FOLDER,...] [--seconds N] [FOLDER|FILE ...]
//      default: src/codec/ike src/crypto src/ike, each with the tests of its own room (GROUPS below)
//   --fresh forgets earlier results; --report only prints them; --check exits 1 when the score is under 80 % or a survivor on a line with an
//   RFC reference has no word in accepted.txt; --seconds makes a part run over a sample: what was tried is kept in build/mutation/results.json.
//   --survivors tries only what survived earlier, and keeps only kills: with --tests it tells quickly what a new test adds.
// A mutant once killed stays so while its file is unchanged; one that survived is tried again when a test has changed.
// Tests are bundled once, with all mutants in them behind switches (mutants.mjs), and run in one warm process (worker.mjs).
import { fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { clearInterval, setInterval } from 'node:timers';
import { build } from 'esbuild';
import { plugin } from '../tools/rewrite.mjs';
import { mutate } from './mutants.mjs';
import { printReport } from './report.mjs';

const ROOT = resolve(import.meta.dirname, '../..');
process.chdir(ROOT);
const OUT = 'build/mutation';
const RESULTS = `${OUT}/results.json`;
/** Sources, and the tests that are to notice what happens to them: not all that run them, or a survivor would cost minutes. */
const GROUPS = [
  { source: 'src/codec/ike', tests: ['test/codec/ike'] },
  { source: 'src/crypto', tests: ['test/crypto', 'test/adapters/node/crypto.test.ts', 'test/codec/ike/session.test.ts'] },
  { source: 'src/ike', tests: ['test/ike'] },
];
/** Tests of one mutant may take this long together, in ms of the processor without a mutant: a survivor costs all of it. */
const BUDGET = 5_000;
/** Seconds without any work after which a test waits for something that never comes. */
const IDLE_MOST = 60;
/** A worker that has become this large is replaced, octets. */
const WORKER_MOST = 1_200_000_000;

const args = process.argv.slice(2);
const flag = (name) => args.includes(name) && args.splice(args.indexOf(name), 1).length > 0;
const option = (name) => (args.includes(name) ? args.splice(args.indexOf(name), 2)[1] : undefined);
const [check, fresh, reportOnly, survivorsOnly] = ['--check', '--fresh', '--report', '--survivors'].map(flag);
const seconds = Number(option('--seconds') ?? Infinity);
const givenTests = option('--tests')?.split(',');
const paths = args.length > 0 ? args : GROUPS.map(({ source }) => source);

const walk = (path, end) => (statSync(path).isFile() ? [path] : readdirSync(path).sort().flatMap((name) => walk(join(path, name), end)).filter((file) => file.endsWith(end)));
const sha = (text) => createHash('sha256').update(text).digest('hex').slice(0, 16);
const sources = paths.flatMap((path) => walk(path, '.ts'));

mkdirSync(`${OUT}/bundles`, { recursive: true });
const kept = !fresh && existsSync(RESULTS) ? JSON.parse(readFileSync(RESULTS, 'utf8')) : {};
const isSurvivor = ({ key }) => kept[key]?.status === 'survived' || kept[key]?.status === 'uncovered';

const texts = new Map(sources.map((file) => [file, readFileSync(file, 'utf8')]));
const mutants = [];
const rewritten = new Map();
for (const [file, text] of texts) {
  const made = mutate(file, text, mutants.length);
  rewritten.set(file, made.text);
  mutants.push(...made.mutants);
}
// A mutant keeps its name when lines above it come or go.
const names = new Map();
for (const mutant of mutants) {
  const line = (texts.get(mutant.file) ?? '').split('\n')[mutant.line - 1] ?? '';
  const name = `${mutant.file}|${line.trim()}|${mutant.column - (line.length - line.trimStart().length)}|${mutant.original}|${mutant.replacement}`;
  const count = names.get(name) ?? 0;
  names.set(name, count + 1);
  mutant.text = line.trim();
  mutant.key = sha(`${name}|${count}`);
}

const until = Date.now() + seconds * 1000;
for (const { source, tests } of reportOnly ? [] : GROUPS) {
  const own = mutants.filter((mutant) => mutant.file.startsWith(`${source}/`) && (!survivorsOnly || isSurvivor(mutant)));
  if (own.length > 0) await run(own, (givenTests ?? tests).filter((path) => existsSync(path)).flatMap((path) => walk(path, '.test.ts')));
}
process.exitCode = printReport(mutants, kept, texts, check);

/** Tries these mutants with these tests. */
async function run(own, tests) {
  await build({
    entryPoints: tests, outdir: `${OUT}/bundles`, outbase: '.', bundle: true, format: 'cjs', platform: 'node', target: 'node20', packages: 'external', logLevel: 'error',
    plugins: [
      plugin(ROOT, (path) => rewritten.has(path), (path) => rewritten.get(path), (path) => path),
      { name: 'tests', setup: (b) => void b.onResolve({ filter: /^node:test$/ }, () => ({ path: resolve('test/mutation/collector.mjs') })) },
    ],
  });
  const bundles = Object.fromEntries(tests.map((file) => [file, resolve(OUT, 'bundles', file.replace(/\.ts$/, '.js'))]));
  const manifest = resolve(OUT, 'manifest.json');
  writeFileSync(manifest, JSON.stringify({ bundles, mutants: mutants.length }));
  const testsHash = sha(BUDGET + tests.map((file) => `${file} ${sha(withoutSources(readFileSync(bundles[file], 'utf8')))}`).join('\n'));

  let worker = await start(manifest);
  console.log(`${own.length} mutants, ${tests.length} test files; running each test alone`);
  const since = Date.now();
  const stamp = sha([...tests, ...texts.values()].map((text) => (existsSync(text) ? readFileSync(bundles[text], 'utf8') : text)).join('\n'));
  const cache = join(OUT, `baseline-${sha(tests.join())}.json`);
  const cached = existsSync(cache) ? JSON.parse(readFileSync(cache, 'utf8')) : {};
  const baseline = cached.stamp === stamp ? cached.baseline : (await ask(worker, { baseline: true }, 900_000, (message) => message.baseline)).baseline;
  writeFileSync(cache, JSON.stringify({ stamp, baseline }));
  const coverage = coverageOf(baseline);
  console.log(`${coverage.total} tests in ${((Date.now() - since) / 1000).toFixed(0)} s`);

  const stats = new Map();
  const fileHash = new Map(sources.map((file) => [file, sha(texts.get(file))]));
  let [tried, done] = [0, 0];
  // A part run takes a sample from everywhere: mutants by their hash, those never tried first.
  const isOld = ({ key }) => Number(key in kept);
  for (const mutant of seconds < Infinity ? [...own].sort((a, b) => isOld(a) - isOld(b) || (a.key < b.key ? -1 : 1)) : own) {
    done++;
    const old = kept[mutant.key];
    if (old && (old.status === 'killed' || old.status === 'endless') && old.source === fileHash.get(mutant.file)) continue;
    if (old && old.source === fileHash.get(mutant.file) && old.tests === testsHash) continue;
    if (Date.now() > until) continue;
    const { plan, expected } = planFor(mutant, coverage, stats, old);
    let status = 'uncovered';
    let killer;
    if (plan.length > 0) {
      const asked = Date.now();
      const answer = await ask(worker, { id: mutant.id, plan }, expected * 4 + 6000, (message) => message.id === mutant.id);
      if (answer === undefined) {
        status = 'endless';
        worker.kill('SIGKILL');
        worker = await start(manifest);
      } else {
        killer = answer.killer;
        status = killer ? 'killed' : 'survived';
        if (answer.heap > WORKER_MOST) {
          worker.kill('SIGKILL');
          worker = await start(manifest);
        }
      }
      if (process.env.VERBOSE) console.log(`${((Date.now() - asked) / 1000).toFixed(1)} s ${status} ${mutant.file}:${mutant.line} ${mutant.original} -> ${mutant.replacement}; ${plan.length} steps, ${(expected / 1000).toFixed(1)} s`);
      if (killer) {
        const key = `${mutant.file}|${killer.file}|${killer.test}`;
        stats.set(key, (stats.get(key) ?? 0) + 1);
      }
    }
    if (killer || status === 'endless' || !survivorsOnly) kept[mutant.key] = { status, source: fileHash.get(mutant.file), tests: testsHash, by: killer ? `${killer.file}: ${coverage.nameOf(killer)}` : undefined, why: killer?.why };
    if (++tried % 50 === 0) {
      writeFileSync(RESULTS, JSON.stringify(kept));
      console.log(`${done} of ${own.length} at ${mutant.file}, ${((Date.now() - since) / 1000).toFixed(0)} s`);
    }
  }
  writeFileSync(RESULTS, JSON.stringify(kept));
  worker.kill('SIGKILL');
  console.log(`${tried} tried in ${((Date.now() - since) / 1000).toFixed(0)} s`);
}

/** A bundle without the mutated sources: what is left is what the tests themselves say. */
function withoutSources(bundle) {
  return bundle.split(/^(?=\s*\/\/ (?:src|test|node_modules)\/)/m).filter((part) => part.trimStart().startsWith('// test/')).join('');
}

function start(manifest) {
  return new Promise((done, failed) => {
    const worker = fork(join(import.meta.dirname, 'worker.mjs'), [manifest], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], execArgv: ['--stack-size=900'] });
    worker.once('message', () => done(worker));
    worker.once('error', failed);
  });
}

/** Processor time of a process, ms: what an endless loop uses up however busy the machine is. */
function cpuOf(pid) {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) * 10;
  } catch {
    return 0;
  }
}

/** Sends a message and waits for the answer that fits; undefined when the process uses more than `most` ms, does nothing for long, or ends. */
function ask(worker, message, most, fits) {
  return new Promise((done) => {
    const first = cpuOf(worker.pid);
    let [last, idle] = [first, 0];
    const end = (answer) => {
      clearInterval(timer);
      worker.off('message', hear);
      worker.off('exit', gone);
      done(answer);
    };
    const hear = (answer) => fits(answer) && end(answer);
    const gone = () => end(undefined);
    const timer = setInterval(() => {
      const now = cpuOf(worker.pid);
      idle = now === last ? idle + 1 : 0;
      last = now;
      if (now - first > most || idle > IDLE_MOST) gone();
    }, 1000);
    worker.on('message', hear);
    worker.once('exit', gone);
    worker.send(message);
  });
}

/** From the baseline: for each mutant the tests that reach it. Tests that fail alone are named and left out. */
function coverageOf(baseline) {
  const reach = new Map();
  let total = 0;
  const rowsOf = new Map(baseline.map(({ file, rows }) => [file, rows]));
  for (const { file, atLoad, rows } of baseline) {
    rows.forEach((row, test) => {
      if (row.error !== undefined) {
        console.log(`left out, it fails alone and without a mutant: ${file}: ${row.name}: ${row.error.split('\n')[0]}`);
        return;
      }
      total++;
      for (const id of new Set([...atLoad, ...row.hits])) {
        const list = reach.get(id) ?? [];
        list.push({ file, test, ms: row.ms });
        reach.set(id, list);
      }
    });
  }
  return { reach, total, nameOf: ({ file, test }) => (test < 0 ? 'while loading' : (rowsOf.get(file)?.[test]?.name ?? '')) };
}

/** Tests for one mutant: those that killed its neighbours first, then file by file, quick ones first, within the budget. */
function planFor(mutant, coverage, stats, old) {
  const all = coverage.reach.get(mutant.id) ?? [];
  const kills = (row) => (stats.get(`${mutant.file}|${row.file}|${row.test}`) ?? 0) + (old?.by === `${row.file}: ${coverage.nameOf(row)}` ? 1e6 : 0);
  const best = all.filter((row) => kills(row) > 0).sort((a, b) => kills(b) - kills(a)).slice(0, 4);
  const rest = all.filter((row) => !best.includes(row));
  const cost = new Map();
  for (const row of rest) cost.set(row.file, (cost.get(row.file) ?? 0) + row.ms);
  rest.sort((a, b) => (cost.get(a.file) ?? 0) - (cost.get(b.file) ?? 0) || (a.file < b.file ? -1 : a.file > b.file ? 1 : 0) || a.ms - b.ms);
  const plan = [];
  let expected = 0;
  for (const row of [...best, ...rest]) {
    if (expected > BUDGET) break;
    expected += row.ms;
    const last = plan.at(-1);
    if (last?.file === row.file) last.tests.push(row.test);
    else plan.push({ file: row.file, tests: [row.test] });
  }
  return { plan, expected };
}
