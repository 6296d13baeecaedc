// Writes the conformance lists (test/conformance/*.md) from the rows, the reasons and the titles of all tests:
//   node test/conformance/run.mjs                    writes them
//   node test/conformance/run.mjs --judge RESULTS    exits 1 when the run of test/run.mjs that wrote RESULTS says otherwise than the lists
import { build } from 'esbuild';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';

process.chdir(resolve(import.meta.dirname, '../..'));
mkdirSync('build/tests', { recursive: true });
const outdir = mkdtempSync('build/tests/conformance-');
process.once('exit', () => rmSync(outdir, { recursive: true, force: true }));
await build({
  entryPoints: ['test/conformance/main.ts'], outdir, bundle: true, format: 'esm', platform: 'node', target: 'node20',
  packages: 'external', logLevel: 'warning', outExtension: { '.js': '.mjs' },
});
await import(resolve(outdir, 'main.mjs'));
