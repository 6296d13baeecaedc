import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { err, instant } from '../../src/base/index.ts';
import { loadConfig } from '../../src/config/index.ts';
import { ReplayRing } from '../../src/main/replay-ring.ts';
import type { Input } from '../../src/ports/index.ts';

let dir = '';
before(() => {
  dir = mkdtempSync(join(tmpdir(), 'mobiked-replay-'));
});
after(() => rmSync(dir, { recursive: true, force: true }));

interface Report {
  readonly error: string;
  readonly inputs: readonly { readonly at: number; readonly input: { readonly type: string; readonly line?: string } }[];
}
const reportOf = (path: string | undefined): Report => JSON.parse(readFileSync(path ?? assert.fail('nothing written'), 'utf8')) as Report;
const line = (n: number): Input => ({ type: 'control.received', client: 1, line: String(n) });

test('the last 256 inputs with their times, for root alone', () => {
  const ring = new ReplayRing(join(dir, 'new', 'folder'));
  for (let n = 0; n < 1000; n++) ring.note(line(n), instant(n / 2));
  const path = ring.write(new Error('a bug'));
  const report = reportOf(path);
  assert.match(report.error, /^Error: a bug\n/);
  assert.equal(report.inputs.length, 256);
  assert.deepEqual(report.inputs[0], { at: 372, input: { type: 'control.received', client: 1, line: '744' } });
  assert.equal(report.inputs[255]?.at, 499.5);
  assert.equal(statSync(path ?? '').mode & 0o777, 0o600);
});

test('a configuration leaves nothing but its problems in it', () => {
  const text = "config connection 'hq'\n\tlist remote_addrs '203.0.113.1'\n\toption psk 'correct horse battery staple'\n\toption what 'ever'\n";
  const loaded = loadConfig(text, 'mobiked', () => err('no such file'));
  assert.ok(loaded.problems.length > 0);
  const ring = new ReplayRing(join(dir, 'config'));
  ring.note({ type: 'config.loaded', loaded }, instant(1));
  const written = readFileSync(ring.write('text') ?? '', 'utf8');
  assert.match(written, /what/);
  assert.doesNotMatch(written, /horse|203\.0\.113/);
});

test('five files in one life, and a folder that cannot be written is no second fault', () => {
  const ring = new ReplayRing(join(dir, 'many'));
  const paths = Array.from({ length: 9 }, () => ring.write(new Error('again')));
  assert.deepEqual(paths.map((path) => path !== undefined), [true, true, true, true, true, false, false, false, false]);
  assert.equal(readdirSync(join(dir, 'many')).length, 5);
  writeFileSync(join(dir, 'file'), '');
  assert.equal(new ReplayRing(join(dir, 'file', 'below')).write(new Error('x')), undefined);
});
