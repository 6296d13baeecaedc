// Runs test files: bundles them (TypeScript to ESM) into a folder of this run, gives each its own process, prints what
// failed and why tests were skipped, and ends with the plain line `N passed, N failed, N skipped`.
//   node test/run.mjs [--concurrency N] [--timeout SECONDS] [--all | FILE|FOLDER ...]      default: every suite of `make check`
// `--all` runs the slow suites too, one file at a time, so that real daemons and peers have the machine to themselves.
import { build } from 'esbuild';
import { run } from 'node:test';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join, relative, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '..');
process.chdir(ROOT);

const args = process.argv.slice(2);
const option = (name, fallback) => {
  const at = args.indexOf(name);
  return at < 0 ? fallback : Number(args.splice(at, 2)[1]);
};
// One more than there are processors: some tests wait for real sockets.
const concurrency = option('--concurrency', cpus().length + 1);
const timeout = option('--timeout', 900) * 1000;
const all = args.includes('--all');
if (all) args.splice(args.indexOf('--all'), 1);
// For test/tools/thorough.ts: files that are asked for by name are played whole.
if (all || args.length > 0) process.env.MOBIKED_THOROUGH ??= '1';

/** Suites that need root, packages or time; `make test` names them, `make check` does not. */
const SLOW = JSON.parse(readFileSync('test/slow-suites.json', 'utf8'));
/** What every test did, written by a run of all suites of `make check` or `make test`: test/conformance judges it. */
const OUTCOMES = 'build/outcomes.json';
/** The last line of a run of all suites, for a Makefile that has more to do after it. */
const SUMMARY = 'build/summary.txt';

function collect(path) {
  if (statSync(path).isFile()) return [path];
  return readdirSync(path).sort().flatMap((name) => {
    const child = join(path, name);
    if (statSync(child).isDirectory()) return collect(child);
    return child.endsWith('.test.ts') ? [child] : [];
  });
}

/**
 * Suites without sockets, processes or globals of their own: their files share processes, which start and warm up once.
 */
const PURE = ['base', 'codec', 'config', 'crypto', 'esp', 'ike', 'report', 'scenario', 'sim', 'uplink'].map((name) => `test/${name}/`);
const FILES_A_PROCESS = 8;
/** All of it in one process: its files load the compiler, which takes longer than they do. */
const TOGETHER = 'test/arch/';

/** What is started: files of other suites as they are, of pure ones a file for every few that loads them. */
function processesOf(files, outdir) {
  const built = (file) => file.replace(/\.ts$/, '.mjs');
  const pure = files.filter((file) => PURE.some((suite) => file.startsWith(suite)));
  const count = Math.ceil(pure.length / FILES_A_PROCESS);
  const together = files.filter((file) => file.startsWith(TOGETHER));
  const groups = Array.from({ length: count }, (_, at) => pure.filter((__, n) => n % count === at));
  const shared = [...(together.length > 0 ? [together] : []), ...groups].map((group, at) => {
    const path = resolve(outdir, `shared-${at}.mjs`);
    const own = group.map((file) => `await import('./${built(file)}').catch(fails('${file}'));\n`);
    writeFileSync(path, `import { test } from 'node:test';\nprocess.setSourceMapsEnabled(true);\nconst fails = (file) => (error) => test(file + ' cannot be loaded', () => { throw error; });\n${own.join('')}`);
    return path;
  });
  return [...files.filter((file) => !pure.includes(file) && !together.includes(file)).map((file) => resolve(outdir, built(file))), ...shared];
}

const suites = readdirSync('test').filter((n) => statSync(join('test', n)).isDirectory()).map((n) => join('test', n));
const named = (paths) => paths.flatMap((path) => collect(relative(ROOT, resolve(path))));
/** Files that run side by side, then files that run alone. */
const phases = args.length > 0 ? [named(args)] : [named(suites.filter((p) => !SLOW.includes(p))), ...(all ? [named(suites.filter((p) => SLOW.includes(p)))] : [])];
const counts = { pass: 0, fail: 0, skip: 0 };
const failures = [];
const outcomes = [];
const whole = args.length === 0;
if (whole) rmSync(OUTCOMES, { force: true });

for (const [index, files] of phases.entries()) {
  if (files.length === 0) continue;
  mkdirSync('build/tests', { recursive: true });
  const outdir = mkdtempSync('build/tests/run-');
  try {
    await build({
      entryPoints: files, outdir, outbase: '.', bundle: true, splitting: true, format: 'esm', platform: 'node', target: 'node20',
      packages: 'external', sourcemap: 'inline', logLevel: 'warning', outExtension: { '.js': '.mjs' },
    });
    const started = performance.now();
    const stream = run({
      files: processesOf(files, outdir), concurrency: index === 0 ? concurrency : 1, timeout,
      execArgv: ['--enable-source-maps'],
    });
    const name = (data) => relative(outdir, data.file ?? '').replace(/\.mjs$/, '.ts');
    // A file's own entry is reported as a test too: count leaves only.
    const isFile = (data) => data.nesting === 0 && data.name.endsWith('.mjs');
    stream.on('test:pass', (data) => {
      if (data.details?.type === 'suite' || isFile(data)) return;
      const result = data.skip !== undefined ? 'skip' : data.todo !== undefined ? 'todo' : 'pass';
      outcomes.push({ file: name(data), name: data.name, result });
      if (result === 'todo') {
        counts.fail++;
        console.log(`FAILED: ${name(data)}: ${data.name}\nmarked todo (${data.todo}), and passes: the mark goes\n`);
      } else if (result === 'skip') {
        counts.skip++;
        console.log(`skipped: ${name(data)}: ${data.name}: ${data.skip === true ? 'no reason given' : data.skip}`);
      } else counts.pass++;
    });
    stream.on('test:fail', (data) => {
      if (data.details?.type === 'suite') return;
      if (isFile(data) && failures.some((f) => f.file === name(data))) return;
      outcomes.push({ file: name(data), name: data.name, result: data.todo === undefined ? 'fail' : 'todo' });
      if (data.todo !== undefined) {
        counts.skip++;
        console.log(`to do: ${name(data)}: ${data.name}: ${data.todo}`);
        return;
      }
      counts.fail++;
      const error = data.details?.error;
      failures.push({ file: name(data) });
      console.log(`FAILED: ${name(data)}: ${data.name}\n${error?.cause?.stack ?? error?.cause ?? error?.stack ?? error}\n`);
    });
    stream.on('test:stderr', (data) => process.env.VERBOSE && process.stderr.write(data.message));
    stream.on('test:stdout', (data) => {
      if (process.env.VERBOSE) process.stdout.write(data.message);
      // What a suite is asked for: shown always.
      else for (const line of data.message.split('\n')) if (line.startsWith('matrix: ')) console.log(line.slice('matrix: '.length));
    });
    for await (const event of stream) {
      if (event.type === 'test:pass' && isFile(event.data) && process.env.VERBOSE) console.log(`${event.data.details.duration_ms.toFixed(0)} ms ${name(event.data)}`);
    }
    console.log(`${files.length} files in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  } finally {
    rmSync(outdir, { recursive: true, force: true });
  }
}
if (whole) writeFileSync(OUTCOMES, JSON.stringify(outcomes));
const summary = `${counts.pass} passed, ${counts.fail} failed, ${counts.skip} skipped`;
if (whole) writeFileSync(SUMMARY, `${summary}\n`);
console.log(summary);
process.exitCode = counts.fail > 0 || counts.pass + counts.skip === 0 ? 1 : 0;
