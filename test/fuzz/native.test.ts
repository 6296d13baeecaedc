// The plain-C part under libFuzzer, AddressSanitizer and UBSan: what `make fuzz` found before, and a short run of a fixed seed.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { corpus, regressions } from './files.ts';

const RUNS = 20_000;

test(`ES2-1: the plain-C part takes its corpus and ${RUNS} inputs more without an error of memory or of undefined behaviour`, (context) => {
  if (spawnSync('clang', ['--version']).status !== 0) return context.skip('there is no clang (Debian package clang), which brings libFuzzer');
  const made = spawnSync('make', ['native-fuzz'], { encoding: 'utf8' });
  if (made.status !== 0) return context.skip(`clang cannot build it: ${made.stderr.trim().split('\n').at(-1) ?? ''}`);
  mkdirSync('build/fuzz', { recursive: true });
  const folder = mkdtempSync('build/fuzz/native-');
  try {
    const inputs = [...corpus('native'), ...regressions('native')];
    assert.ok(inputs.length > 20, 'there is a corpus');
    inputs.forEach((input, i) => writeFileSync(join(folder, String(i)), input));
    const run = spawnSync('build/asan/native-fuzzer', [`-runs=${RUNS}`, '-seed=1', '-max_len=3000', '-timeout=20', `-artifact_prefix=${folder}/`, folder], { encoding: 'utf8' });
    assert.equal(run.status, 0, run.stderr.slice(-4000));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
