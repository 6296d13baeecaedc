/**
 * A guest kernel: Debian's User Mode Linux on this machine's files, read-only. Unlike a namespace of this machine it has
 * ESP in the kernel, whatever this machine's kernel allows. The program of the guest writes lines to a file; the guest
 * and every process of it end with this process.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** Where the guest sees the folder of its results. */
export const GUEST_RESULTS = '/mnt';
/** Set in the guest: which of its suites a bundle shall run. */
export const GUEST = process.env['MOBIKED_GUEST'];
const LINES = 'lines.jsonl';
const TOOLS = ['linux.uml', 'modprobe', 'iptables-legacy', 'unshare', 'ip'];

/** Why no guest can run here; undefined when one can. */
export function umlProblem(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root: the guest reads this machine as its own root';
  const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` };
  const missing = TOOLS.filter((tool) => spawnSync('sh', ['-c', `command -v ${tool}`], { env, stdio: 'ignore' }).status !== 0);
  return missing.length > 0 ? `${missing.join(', ')} not installed: run test/setup.sh test as root` : undefined;
}

/** A guest that runs `entry`, a bundled program, with MOBIKED_GUEST=`name`. */
export class Uml {
  readonly name: string;
  readonly dir: string;
  readonly ended: Promise<number | null>;
  readonly #process: ChildProcess;
  #offset = 0;
  #rest = '';

  constructor(name: string, entry: string, memory = '768M') {
    this.name = name;
    mkdirSync('build/interop', { recursive: true });
    this.dir = mkdtempSync(resolve('build/interop', `guest-${name}-`));
    const variables = {
      MOBIKED_GUEST: name, MOBIKED_RESULTS: this.dir, MOBIKED_ENTRY: entry, MOBIKED_NODE: process.execPath, MOBIKED_ROOT: process.cwd(),
      ...(process.env['MOBIKED_BUILD'] === undefined ? {} : { MOBIKED_BUILD: resolve(process.env['MOBIKED_BUILD']) }),
      ...(process.env['CAPTURE'] === undefined ? {} : { CAPTURE: '1' }), ...(process.env['STORY'] === undefined ? {} : { STORY: encodeURIComponent(process.env['STORY']) }),
    };
    const console = openSync(join(this.dir, 'console'), 'w');
    // A process namespace of its own: when this process goes, all of the guest's processes go.
    this.#process = spawn('unshare', [
      '--pid', '--fork', '--kill-child=KILL', 'linux.uml', `mem=${memory}`, 'root=/dev/root', 'rootfstype=hostfs', 'rootflags=/', 'ro', 'quiet', 'con=null', 'con0=null,fd:1',
      `init=${resolve('test/interop/guest-init.sh')}`, ...Object.entries(variables).map(([key, value]) => `${key}=${value}`),
    ], { stdio: ['ignore', console, console], env: { ...process.env, TMPDIR: '/dev/shm' } });
    closeSync(console);
    this.ended = new Promise((done) => {
      this.#process.once('error', () => done(null));
      this.#process.once('close', (code) => done(code));
    });
    process.once('exit', this.#kill);
    process.once('SIGINT', this.#interrupted);
    process.once('SIGTERM', this.#interrupted);
  }

  /** Lines the guest has written since the last call. */
  read(): string[] {
    const path = join(this.dir, LINES);
    if (!existsSync(path)) return [];
    const fd = openSync(path, 'r');
    try {
      const chunk = Buffer.alloc(65_536);
      for (let n = readSync(fd, chunk, 0, chunk.length, this.#offset); n > 0; n = readSync(fd, chunk, 0, chunk.length, this.#offset)) {
        this.#offset += n;
        this.#rest += chunk.toString('latin1', 0, n);
      }
    } finally {
      closeSync(fd);
    }
    const lines = this.#rest.split('\n');
    this.#rest = lines.pop() ?? '';
    return lines.map((line) => Buffer.from(line, 'latin1').toString('utf8'));
  }

  /** What guest and kernel said, for a failed test. */
  report(): string {
    return ['console', 'guest.log'].map((file) => {
      const path = join(this.dir, file);
      return `--- ${file} of the guest\n${existsSync(path) ? readFileSync(path, 'utf8').slice(-4000) : ''}`;
    }).join('\n');
  }

  async close(keep = false): Promise<void> {
    this.#kill();
    await this.ended;
    process.removeListener('exit', this.#kill);
    process.removeListener('SIGINT', this.#interrupted);
    process.removeListener('SIGTERM', this.#interrupted);
    if (!keep) rmSync(this.dir, { recursive: true, force: true });
  }

  readonly #kill = (): void => {
    // unshare's own death kills the first process of the guest's namespace, and the kernel the others.
    if (this.#process.exitCode === null && this.#process.signalCode === null) this.#process.kill('SIGKILL');
  };
  readonly #interrupted = (): void => process.exit(130);
}

/** The guest's side of `read`. */
export const LINES_FILE = `${GUEST_RESULTS}/${LINES}`;
