// Bundles demo or bench and runs it in this process, from the project's root, after `make build`:
//   node test/demo/run.mjs [--bench | --mobility]
import { build } from 'esbuild';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';

process.chdir(resolve(import.meta.dirname, '../..'));
const program = process.argv.includes('--bench') ? 'bench' : process.argv.includes('--mobility') ? 'mobility' : 'demo';
mkdirSync('build/demo', { recursive: true });
const outdir = mkdtempSync('build/demo/run-');
process.once('exit', () => rmSync(outdir, { recursive: true, force: true }));
const entryPoints = { [program]: program === 'mobility' ? 'test/bench/mobility/main.ts' : `test/demo/${program}.ts`, 'broker-process': 'test/demo/broker-process.ts', ...(program === 'bench' ? { 'load-process': 'test/bench/load-process.ts' } : {}) };
await build({
  entryPoints, outdir, bundle: true, format: 'esm', platform: 'node', target: 'node20',
  packages: 'external', logLevel: 'warning', outExtension: { '.js': '.mjs' },
});
await import(resolve(outdir, `${program}.mjs`));
