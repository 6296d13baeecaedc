// The demo is the promise of the README: it must hold on this machine too, and leave nothing behind when it is stopped.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { labProblem } from '../lab/index.ts';

const problem = labProblem() ?? (existsSync('build/mobiked') ? undefined : 'build/mobiked is missing: make build');
const options = { skip: problem ?? false, timeout: 120_000 };
const EVENTS = ['address_lost', 'better_returns', 'black_hole', 'nat_rebinding', 'wan_gone'];

interface Verdict {
  ok: boolean;
  established_ms: number;
  events: { name: string; outage_ms: number; lost: number; update_sent_ms: number }[];
}

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  /** What it left in its temporary directory. */
  readonly files: readonly string[];
  /** Command lines of processes that still name that directory. */
  readonly processes: readonly string[];
}

function commandLines(needle: string): string[] {
  return readdirSync('/proc').filter((name) => Number(name) > 0).flatMap((pid) => {
    try {
      const text = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      return text.includes(needle) ? [text] : [];
    } catch {
      return []; // it ended meanwhile
    }
  });
}

/** Runs the demo with a temporary directory of its own; `watch` may stop it early. */
async function demo(watch: (soFar: string, kill: (signal: NodeJS.Signals) => void) => void = () => undefined): Promise<Ended> {
  const dir = mkdtempSync(join(tmpdir(), 'mobiked-demo-test-'));
  const { NODE_TEST_CONTEXT: _, ...environment } = process.env;
  try {
    const child = spawn(process.execPath, ['test/demo/run.mjs'], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...environment, TMPDIR: dir } });
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      watch(stdout, (signal) => child.kill(signal));
    });
    const code = await new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve));
    return { code, stdout, files: readdirSync(dir), processes: commandLines(dir) };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

test('make demo: five events survived, within the figures, no clear text', options, async () => {
  const { code, stdout, files, processes } = await demo();
  const last = stdout.trimEnd().split('\n').pop() ?? '';
  const verdict = JSON.parse(last) as Verdict;
  assert.equal(code, 0, stdout);
  assert.equal(verdict.ok, true);
  assert.ok(verdict.established_ms < 1500);
  assert.deepEqual(verdict.events.map((e) => e.name), EVENTS);
  for (const name of ['address_lost', 'wan_gone']) {
    const event = verdict.events.find((e) => e.name === name);
    assert.ok(event && event.outage_ms < 300 && event.update_sent_ms < 50, last);
  }
  assert.equal(verdict.events.find((e) => e.name === 'better_returns')?.lost, 0);
  assert.deepEqual([files, processes], [[], []]);
  assert.ok(stdout.includes('no clear text crossed the Internet'));
});

test('a demo that is stopped clears up after itself', options, async () => {
  let sent = false;
  const { code, stdout, files, processes } = await demo((soFar, kill) => {
    if (sent || !soFar.includes('tunnel up')) return;
    sent = true;
    kill('SIGTERM');
  });
  assert.equal(code, 130, stdout);
  assert.deepEqual(files, []);
  assert.deepEqual(processes, []);
});
