// Runs tests with one mutant switched on. A process of its own, so that a mutant that loops for ever or eats memory can be ended.
// Messages in: { baseline: true } or { id, plan: [{ file, tests: [index] }] }; out: what the tests did.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { performance } from 'node:perf_hooks';
import { setImmediate } from 'node:timers';
import { Script } from 'node:vm';
import { context } from './collector.mjs';

const [, , manifest] = process.argv;
const { bundles, mutants } = JSON.parse(readFileSync(manifest, 'utf8'));
const require = createRequire(import.meta.url);

/** A switch that is asked this often has made something endless. */
const ASKED_MOST = 1_000_000;
class Endless extends Error {}

let active = -1;
let asked = 0;
let hits = new Uint8Array(mutants);
globalThis.__mutant = (id) => {
  hits[id] = 1;
  if (id !== active) return false;
  if (++asked > ASKED_MOST) throw new Endless('the mutant never comes to an end');
  return true;
};

const scripts = new Map();
/** Evaluates a bundle anew and returns its tests: no state of one mutant is seen by another. */
function load(file) {
  let script = scripts.get(file);
  if (!script) {
    script = new Script(`(function (require, module, exports, __dirname, __filename) {${readFileSync(bundles[file], 'utf8')}\n})`, { filename: bundles[file] });
    scripts.set(file, script);
  }
  const collected = { tests: [], before: [], after: [] };
  globalThis.__collected = collected;
  const module = { exports: {} };
  script.runInThisContext()(require, module, module.exports, '', '');
  return collected;
}

/** The error of a test, or undefined. */
async function attempt(test) {
  try {
    await test.run(context());
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

async function hooks(all) {
  for (const hook of all) await hook();
}

/** Every test alone: what it reaches, how long it takes, and that it passes so. */
async function baseline() {
  const out = [];
  for (const file of Object.keys(bundles)) {
    hits = new Uint8Array(mutants);
    const { tests } = load(file);
    const atLoad = list(hits);
    const rows = [];
    for (let index = 0; index < tests.length; index++) {
      const alone = load(file);
      hits = new Uint8Array(mutants);
      // Processor time: the machine may be busy with other things.
      const since = process.cpuUsage();
      await hooks(alone.before);
      const error = await attempt(alone.tests[index]);
      await hooks(alone.after);
      const { user, system } = process.cpuUsage(since);
      rows.push({ name: tests[index].name, ms: (user + system) / 1000, error: error?.message, hits: list(hits) });
    }
    out.push({ file, atLoad, rows });
    process.send({ progress: file, tests: rows.length });
    // A turn of the loop: when whoever asked is gone, this ends too.
    await new Promise((done) => setImmediate(done));
  }
  process.send({ baseline: out });
}

function list(set) {
  const out = [];
  for (let id = 0; id < set.length; id++) if (set[id] === 1) out.push(id);
  return out;
}

async function tryMutant({ id, plan }) {
  active = id;
  asked = 0;
  const since = performance.now();
  let killer;
  for (const { file, tests } of plan) {
    let collected;
    try {
      collected = load(file);
      await hooks(collected.before);
    } catch (error) {
      killer = { file, test: -1, why: String(error) };
      break;
    }
    for (const index of tests) {
      const test = collected.tests[index];
      const error = test ? await attempt(test) : new Error('the test is gone');
      if (error === undefined) continue;
      killer = { file, test: index, why: error instanceof Endless ? 'endless' : error.message };
      break;
    }
    active = -1;
    await hooks(collected.after);
    active = id;
    if (killer) break;
  }
  active = -1;
  process.send({ id, killer: killer && { ...killer, why: killer.why.split('\n')[0].slice(0, 100) }, ms: performance.now() - since, heap: process.memoryUsage().rss });
}

// A mutant may leave a promise behind that fails after its test; that is not the next one's fault.
process.on('unhandledRejection', () => {});
process.on('uncaughtException', () => {});
process.on('message', (message) => void (message.baseline ? baseline() : tryMutant(message)));
process.on('disconnect', () => process.exit(0));
process.send({ ready: true });
