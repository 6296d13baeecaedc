/**
 * Stories between mobiked and a foreign daemon under one guest kernel, which does the peer's ESP. A run is one tunnel:
 * one peer, one role, one set of algorithms, and steps it goes through, each a test of this machine and a cell of the
 * matrix. The same bundle is both sides: here it boots the guests and waits for lines, in the guest it does the work.
 */
import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { closeSync, existsSync, fsyncSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { monotonic, tool, type Stream } from '../lab/index.ts';
import { writeMatrix, type Cell } from './matrix.ts';
import { Mobiked } from './mobiked.ts';
import type { Peer } from './peer.ts';
import { until } from './poll.ts';
import { INNER, Scene, type SceneOptions } from './scene.ts';
import { mobikedConfig, peerProblem, type Tuning } from './story.ts';
import { GUEST, GUEST_RESULTS, LINES_FILE, Uml, umlProblem } from './uml.ts';

/** A tunnel that is up, and both its ends. */
export interface Live {
  readonly scene: Scene;
  readonly ours: Mobiked;
  readonly peer: Peer;
  /** Where mobiked is; the peer is at the other end. */
  readonly end: 'router' | 'hub';
  /** Echo from the router to the hub, through the tunnel. */
  stream: Stream;
  /** What tcpdump wrote of the packets before the hub. */
  readonly capture: string;
  /** A figure for the matrix's cell. */
  figure(text: string): void;
}

export interface Step {
  /** Column of the matrix. */
  readonly story: string;
  /** Requirement rows and what is told. */
  readonly title: string;
  readonly body: (live: Live) => Promise<void>;
  /** What the matrix must say though it passes. */
  readonly note?: string;
  /** Why this one cannot be with this peer. */
  readonly skip?: string;
}

export interface Run {
  /** Name of the guest it runs in. */
  readonly guest: string;
  readonly peer: string;
  /** Ours. */
  readonly role: 'initiator' | 'responder';
  readonly auth: string;
  readonly ciphers: string;
  readonly scene?: SceneOptions;
  readonly tuning: Tuning;
  /** Further options of ours, of files in the scene's folder. */
  readonly options?: (dir: string) => Tuning['options'];
  /** Prepares the peer at its end; it is started later. */
  readonly peerAt: (scene: Scene, end: 'router' | 'hub') => Promise<Peer>;
  /** The first sets the tunnel up. */
  readonly steps: readonly Step[];
  /** Why none of it can be. */
  readonly skip?: string;
}

interface Line {
  readonly run: number;
  readonly step: number;
  readonly result: 'passed' | 'failed' | 'skipped';
  readonly text: string;
  readonly ms: number;
}

const runTitle = (run: Run): string => `${run.peer}, kernel ESP, mobiked is ${run.role}, ${run.auth}, ${run.ciphers}`;

/** A part of the titles of the runs that alone are wanted, for one who works at them. */
const only = decodeURIComponent(process.env['STORY'] ?? '');
const asked = (run: Run): boolean => runTitle(run).includes(only);

/** Declares the runs: as tests here, as work in the guest. `entry` is the bundle both are in. */
export async function kernelRuns(runs: readonly Run[], entry: string): Promise<void> {
  if (GUEST === undefined) declare(runs, entry);
  else await work(runs);
}

// --- here

const STEP_LIMIT = 180_000;

function declare(runs: readonly Run[], entry: string): void {
  const problem = umlProblem() ?? peerProblem();
  const guests = new Map<string, Uml>();
  const lines = new Map<string, Line>();
  const cells: Cell[] = [];
  const names = [...new Set(runs.filter((r) => r.skip === undefined && asked(r)).map((r) => r.guest))];
  let ended = 0;
  const began = monotonic();
  if (problem === undefined) tool('stream'); // the guest cannot write where it would be compiled
  if (problem === undefined) for (const name of names) {
    const guest = new Uml(name, entry);
    guests.set(name, guest);
    void guest.ended.then(() => ended++);
  }
  const read = (): void => {
    for (const guest of guests.values()) for (const text of guest.read()) {
      const line = JSON.parse(text) as Line;
      lines.set(`${line.run} ${line.step}`, line);
    }
  };
  const result = async (run: Run, at: number, step: number): Promise<Line> => {
    const guest = guests.get(run.guest);
    let over = false;
    void guest?.ended.then(() => (over = true));
    for (;;) {
      read();
      const found = lines.get(`${at} ${step}`);
      if (found) return found;
      if (over) throw new Error(`the guest ended before this\n${guest?.report() ?? ''}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  runs.forEach((run, at) => run.steps.forEach((step, number) => {
    const skip = problem ?? run.skip ?? step.skip ?? (asked(run) ? undefined : `only ${only} was asked for`);
    const own: Cell = { peer: run.peer, role: run.role, auth: run.auth, ciphers: run.ciphers, story: step.story, state: 'skipped', why: 'not run' };
    cells.push(own);
    const cell = (state: Cell['state'], why: string): void => void Object.assign(own, { state, why });
    if (skip !== undefined) {
      if (problem === undefined) cell('skipped', skip);
      test(`${step.title} (${runTitle(run)})`, { skip }, () => undefined);
      return;
    }
    // A test waits for the ones before it in the guest too, so its limit is that of the whole guest.
    test(`${step.title} (${runTitle(run)})`, { timeout: 900_000 }, async (t) => {
      const line = await result(run, at, number);
      cell(line.result, line.result === 'passed' ? (step.note ?? '') : line.text);
      if (line.result === 'skipped') t.skip(line.text);
      else assert.equal(line.result, 'passed', line.text);
      if (line.result === 'passed') process.stdout.write(`figure: ${line.ms} ms: ${runTitle(run)}: ${step.story}${line.text === '' ? '' : `: ${line.text}`}\n`);
    });
  }));
  after(async () => {
    const keep = process.env['KEEP_GUESTS'] !== undefined;
    for (const guest of guests.values()) await guest.close(keep);
    if (problem === undefined) writeMatrix(cells);
    process.stdout.write(`figure: guests ran ${Math.round(monotonic() - began)} ms\n`);
  });
}

// --- in the guest

async function work(runs: readonly Run[]): Promise<void> {
  const fd = openSync(LINES_FILE, 'a');
    try {
    for (const [at, run] of runs.entries()) {
      if (run.guest !== GUEST || run.skip !== undefined) continue;
      const tell = (step: number, result: Line['result'], text: string, ms = 0): void => {
        writeSync(fd, `${JSON.stringify({ run: at, step, result, text, ms: Math.round(ms) } satisfies Line)}\n`);
        fsyncSync(fd);
      };
      if (asked(run)) await runOne(run, `${run.guest}-${at}`, tell);
    }
  } finally {
    closeSync(fd);
  }
}

async function runOne(run: Run, name: string, tell: (step: number, result: Line['result'], text: string, ms?: number) => void): Promise<void> {
  const scene = new Scene();
  const reports: { report(): string }[] = [];
  let failed: string | undefined;
  let live: Live | undefined;
  try {
    const end = run.role === 'initiator' ? 'router' : 'hub';
    let figures: string[] = [];
    for (const [at, step] of run.steps.entries()) {
      if (step.skip !== undefined) continue;
      if (failed !== undefined) {
        tell(at, 'skipped', `not tried: '${failed}' failed`);
        continue;
      }
      console.log(`${Math.round(process.uptime())} s: ${runTitle(run)}: ${step.story}`);
      const began = monotonic();
      figures = [];
      try {
        await limited(step.story, async () => {
          live ??= await openRun(run, name, scene, end, reports, (text) => figures.push(text));
          await step.body(live);
        });
        tell(at, 'passed', figures.join('; '), monotonic() - began);
      } catch (error) {
        failed = step.story;
        const report = reports.map((d) => d.report()).join('\n');
        tell(at, 'failed', `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n${report}`, monotonic() - began);
      }
    }
  } finally {
    if (process.env['CAPTURE'] !== undefined) writeFileSync(join(GUEST_RESULTS, `${name}.log`), live?.peer.log ?? '');
    await scene.close();
  }
}

/** Our side must listen before a peer that begins, and the peer's before ours. */
async function openRun(run: Run, name: string, scene: Scene, end: 'router' | 'hub', reports: { report(): string }[], figure: (text: string) => void): Promise<Live> {
  await scene.open({ ipv4Only: true, ...run.scene });
  // Kept for a golden file when one is asked for.
  const capture = join(process.env['CAPTURE'] === undefined ? scene.dir : GUEST_RESULTS, `${name}.pcap`);
  scene.isp.spawn(['tcpdump', '-i', 'pub', '-n', '-U', '-Z', 'root', '-w', capture, 'udp']);
  await until('tcpdump listens', () => existsSync(capture));
  const ours = new Mobiked(scene[end], scene.dir, mobikedConfig(end, { ...run.tuning, options: { ...run.tuning.options, ...run.options?.(scene.dir) } }), true);
  const peer = await run.peerAt(scene, end === 'router' ? 'hub' : 'router');
  reports.push(peer, ours);
  for (const one of end === 'router' ? [peer, ours] : [ours, peer]) await one.start();
  if (end === 'hub') await peer.initiate();
  await ours.event('child.established', 0, 60_000);
  const stream = await scene.echo('router', INNER.hub, { rate: 25 });
  return { scene, ours, peer, end, stream, figure, capture };
}

async function limited(what: string, body: () => Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  try {
    await Promise.race([body(), new Promise((_, reject) => (timer = setTimeout(() => reject(new Error(`${what} took longer than ${STEP_LIMIT} ms`)), STEP_LIMIT)))]);
  } finally {
    clearTimeout(timer);
  }
}
