// Tests in a network namespace of their own: the test file starts itself again in one that `unshare` makes, which the
// kernel removes with the process. Only the one body runs there; what it throws fails the test outside.
import test from 'node:test';
import { execFileSync, spawn, spawnSync } from 'node:child_process';

const VARIABLE = 'MOBIKED_NETNS_TEST';
const USER = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];

let missing: string | undefined;

/** Why no namespace can be made here; undefined when one can. */
export function netnsMissing(): string | undefined {
  if (missing === undefined) {
    const tried = spawnSync('unshare', [...USER, '--net', 'ip', 'link', 'set', 'lo', 'up'], { encoding: 'utf8' });
    missing = tried.status === 0 ? '' : `no network namespace can be made: ${tried.error?.message ?? tried.stderr.trim()}`;
  }
  return missing === '' ? undefined : missing;
}

/** Registers a test whose body runs in a fresh namespace (loopback up, nothing else) in a process of its own. */
export function netnsTest(title: string, options: { readonly skip?: string | undefined; readonly timeout?: number }, body: () => Promise<void>): void {
  const inside = process.env[VARIABLE];
  if (inside !== undefined) {
    if (inside !== title) return;
    execFileSync('ip', ['link', 'set', 'lo', 'up']);
    body().then(() => process.exit(0), (error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.stack ?? error.message : String(error)}\n`, () => process.exit(1));
    });
    return;
  }
  const skip = options.skip ?? netnsMissing();
  test(title, { timeout: options.timeout ?? 60_000, ...(skip === undefined ? {} : { skip }) }, async (context) => {
    const { NODE_TEST_CONTEXT: _, ...environment } = process.env;
    const child = spawn('unshare', [...USER, '--net', process.execPath, '--enable-source-maps', process.argv[1] ?? ''], {
      env: { ...environment, [VARIABLE]: title }, stdio: ['ignore', 'inherit', 'pipe'], signal: context.signal,
    });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-20_000);
    });
    const code = await new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve));
    if (code !== 0) throw new Error(`in the namespace: exit ${String(code)}\n${stderr}`);
  });
}

/** Runs `ip` with the words of one line; throws with its complaint. */
export function ip(line: string): string {
  return execFileSync('ip', line.split(' '), { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}
