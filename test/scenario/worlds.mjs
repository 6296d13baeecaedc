// Random worlds of ten simulated minutes, on all processors (test/scenario/worlds.ts):
//   node test/scenario/worlds.mjs 1000                  a thousand with fresh seeds, which are printed
//   node test/scenario/worlds.mjs --from 1 --seconds 120 10000   fixed seeds, as many as fit into the time
//   SEED=17 node test/scenario/worlds.mjs               one again, with its whole trace
// Ends with the line `N worlds played, N failed`; every failure says how it is played again.
import { build } from 'esbuild';
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { cpus } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

process.chdir(resolve(import.meta.dirname, '../..'));
const args = process.argv.slice(2);
const option = (name, fallback) => {
  const at = args.indexOf(name);
  return at < 0 ? fallback : Number(args.splice(at, 2)[1]);
};
const one = process.env.SEED ? Number(process.env.SEED) : undefined;
const seconds = option('--seconds', 0);
const from = one ?? option('--from', randomInt(1, 2 ** 40));
const count = one === undefined ? Number(args[0] ?? 100) : 1;
if (!Number.isSafeInteger(from) || !Number.isSafeInteger(count) || count < 1) {
  console.error('how many worlds?');
  process.exit(2);
}

mkdirSync('build/tests', { recursive: true });
const outdir = mkdtempSync('build/tests/worlds-');
process.once('exit', () => rmSync(outdir, { recursive: true, force: true }));
await build({
  entryPoints: ['test/scenario/worlds-main.ts'], outdir, bundle: true, format: 'esm', platform: 'node', target: 'node20',
  packages: 'external', sourcemap: 'inline', logLevel: 'warning', outExtension: { '.js': '.mjs' },
});

const processes = Math.min(count, cpus().length);
if (one === undefined) console.log(`worlds ${from} to ${from + count - 1}${seconds > 0 ? `, for ${seconds} s` : ''}, ${processes} at a time`);
const started = performance.now();
const sum = { played: 0, failed: 0, steps: 0, judged: 0, healed: 0, busiest: 0 };
await Promise.all(Array.from({ length: processes }, async (_, n) => {
  const share = Math.floor((count - n - 1) / processes) + 1;
  const child = spawn(process.execPath, ['--enable-source-maps', join(outdir, 'worlds-main.mjs'), from + n, processes, seconds, share].map(String), { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((done) => child.once('close', done));
  let last;
  for await (const line of createInterface({ input: child.stdout })) {
    const world = JSON.parse(line);
    last = world.seed;
    sum.played++;
    if (world.failure !== undefined) {
      sum.failed++;
      console.log(`FAILED: ${world.failure}\nagain: make sim SEED=${world.seed}\n`);
      continue;
    }
    sum.steps += world.steps;
    sum.judged += world.judged;
    sum.healed = Math.max(sum.healed, world.healed);
    sum.busiest = Math.max(sum.busiest, world.busiest);
  }
  const code = await ended;
  if (code === 0) return;
  sum.failed++;
  console.log(`FAILED: a process ended with ${code} after world ${last ?? 'none'}`);
}));
const took = (performance.now() - started) / 1000;
const good = Math.max(1, sum.played - sum.failed);
console.log(`${took.toFixed(1)} s, ${(sum.played / took).toFixed(1)} worlds a second; ${Math.round(sum.steps / good)} steps a world, traffic judged ${sum.judged} times beside the end, longest healing ${(sum.healed / 1000).toFixed(1)} s, busiest ten seconds of a host ${sum.busiest} IKE messages`);
console.log(`${sum.played} worlds played, ${sum.failed} failed`);
process.exitCode = sum.failed > 0 || sum.played === 0 ? 1 : 0;
