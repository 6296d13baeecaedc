/**
 * Network namespaces without a trace: each is held open by one sleeping process, everything in it is a child of this
 * process that dies with it (PDEATHSIG), and the kernel removes a namespace with its last process. As root the
 * namespaces stand beside ours; as another user they live in a user namespace of their own. Nothing has a name outside.
 */
import { spawn, spawnSync, type ChildProcess, type StdioOptions } from 'node:child_process';
import { accessSync, constants } from 'node:fs';

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Lines of output kept for an error report. */
const KEPT_LINES = 200;

/** A process in a namespace. */
export class Running {
  readonly child: ChildProcess;
  readonly name: string;
  /** The last lines of stdout and stderr, for reports. */
  readonly lines: string[] = [];
  /** Sees every line of stdout. */
  onLine: (line: string) => void = () => undefined;
  readonly exited: Promise<number | null>;
  #over = false;

  constructor(name: string, child: ChildProcess) {
    this.name = name;
    this.child = child;
    eachLine(child.stdout, (line) => {
      this.#keep(line);
      this.onLine(line);
    });
    eachLine(child.stderr, (line) => this.#keep(line));
    this.exited = new Promise((resolve) => {
      child.once('error', (error) => {
        this.#keep(String(error));
        this.#over = true;
        resolve(null);
      });
      child.once('close', (code) => {
        this.#over = true;
        resolve(code);
      });
    });
  }

  get pid(): number {
    if (this.child.pid === undefined) throw new Error(`${this.name} did not start: ${this.lines.join(' ')}`);
    return this.child.pid;
  }

  get over(): boolean {
    return this.#over;
  }

  /** Resolves with the first line of stdout that `wanted` accepts; fails after `limit` ms or when the process ends. */
  line(wanted: (line: string) => boolean, limit = 5000): Promise<string> {
    return new Promise((resolve, reject) => {
      const before = this.onLine;
      const done = (): void => {
        clearTimeout(timer);
        this.onLine = before;
      };
      const fail = (why: string): void => {
        done();
        reject(new Error(`${this.name}: ${why}\n${this.lines.slice(-20).join('\n')}`));
      };
      const timer = setTimeout(() => fail('the expected line did not come'), limit);
      this.onLine = (line) => {
        before(line);
        if (!wanted(line)) return;
        done();
        resolve(line);
      };
      void this.exited.then((code) => fail(`ended with ${code}`));
    });
  }

  /** Ends the process, by force when it takes longer than `limit` ms. */
  async stop(signal: NodeJS.Signals = 'SIGTERM', limit = 3000): Promise<number | null> {
    if (!this.#over) this.child.kill(signal);
    const timer = setTimeout(() => this.child.kill('SIGKILL'), limit);
    const code = await this.exited;
    clearTimeout(timer);
    return code;
  }

  #keep(line: string): void {
    this.lines.push(line);
    if (this.lines.length > KEPT_LINES) this.lines.shift();
  }
}

function eachLine(stream: NodeJS.ReadableStream | null, take: (line: string) => void): void {
  let rest = '';
  stream?.setEncoding('utf8');
  stream?.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) take(line);
  });
  stream?.on('end', () => {
    if (rest !== '') take(rest);
  });
}

/** One network namespace. */
export class Namespace {
  readonly name: string;
  readonly pid: number;
  readonly #enter: readonly string[];
  readonly #all: Set<Running>;

  constructor(name: string, pid: number, user: boolean, all: Set<Running>) {
    this.name = name;
    this.pid = pid;
    this.#enter = ['-t', String(pid), ...(user ? ['-U', '--preserve-credentials'] : []), '-n', '--', 'setpriv', '--pdeathsig', 'KILL', '--'];
    this.#all = all;
  }

  /** Starts a process in here; it ends with this process at the latest. */
  spawn(argv: readonly string[], options: { readonly env?: NodeJS.ProcessEnv; readonly stdin?: 'pipe' | 'ignore'; readonly cwd?: string } = {}): Running {
    const stdio: StdioOptions = [options.stdin ?? 'ignore', 'pipe', 'pipe'];
    const child = spawn('nsenter', [...this.#enter, ...argv], { stdio, env: options.env ?? process.env, ...(options.cwd === undefined ? {} : { cwd: options.cwd }) });
    const running = new Running(`${this.name}: ${argv[0]}`, child);
    this.#all.add(running);
    void running.exited.then(() => this.#all.delete(running));
    return running;
  }

  /** Runs a command to its end; `input` goes to its stdin. */
  async exec(argv: readonly string[], input = '', env?: NodeJS.ProcessEnv): Promise<Outcome> {
    const child = spawn('nsenter', [...this.#enter, ...argv], { stdio: ['pipe', 'pipe', 'pipe'], env: env ?? process.env });
    const out = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) child[name].setEncoding('utf8').on('data', (text: string) => (out[name] += text));
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    const code = await new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve));
    return { code, ...out };
  }

  /** Runs a command that must succeed; returns its stdout. */
  async run(argv: readonly string[], input = ''): Promise<string> {
    const { code, stdout, stderr } = await this.exec(argv, input);
    if (code !== 0) throw new Error(`${this.name}: ${argv.join(' ')} ended with ${code}: ${stderr.trim()}`);
    return stdout;
  }

  /** `ip` commands, one a line; empty lines are left out. */
  async ip(...lines: readonly string[]): Promise<void> {
    await this.run(['ip', '-batch', '-'], `${lines.filter((l) => l !== '').join('\n')}\n`);
  }

  /** Writes kernel settings, `net.ipv4.ip_forward=1`. */
  async sysctl(...settings: readonly string[]): Promise<void> {
    const script = settings.map((s) => `echo '${s.slice(s.indexOf('=') + 1)}' > /proc/sys/${s.slice(0, s.indexOf('=')).replaceAll('.', '/')}`).join('; ');
    await this.run(['sh', '-ec', script]);
  }
}

/** All namespaces of one lab. */
export class Namespaces {
  readonly #running = new Set<Running>();
  readonly #holders: Running[] = [];
  readonly #user: boolean;
  #top: number | undefined;

  constructor() {
    this.#user = !canUnshare(['-n']);
    process.once('exit', this.#atExit);
  }

  /** True when they live in a user namespace. */
  get unprivileged(): boolean {
    return this.#user;
  }

  async create(name: string): Promise<Namespace> {
    if (this.#user && this.#top === undefined) this.#top = (await this.#hold('top', ['unshare', '-Ur', '-n'])).pid;
    const enter = this.#user ? ['nsenter', '-t', String(this.#top), '-U', '--preserve-credentials', '--'] : [];
    const holder = await this.#hold(name, [...enter, 'unshare', '-n']);
    const made = new Namespace(name, holder.pid, this.#user, this.#running);
    await made.ip('link set lo up');
    return made;
  }

  /** Ends every process, and with them the namespaces. */
  async close(): Promise<void> {
    await Promise.all([...this.#running].map((running) => running.stop('SIGTERM', 2500)));
    await Promise.all(this.#holders.map((holder) => holder.stop('SIGKILL')));
    process.removeListener('exit', this.#atExit);
  }

  async #hold(name: string, prefix: readonly string[]): Promise<Running> {
    const [command = '', ...args] = [...prefix, 'setpriv', '--pdeathsig', 'KILL', '--', 'sh', '-c', 'echo ready; exec sleep 2147483647'];
    const holder = new Running(`holder of ${name}`, spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] }));
    this.#holders.push(holder);
    await holder.line((line) => line === 'ready');
    return holder;
  }

  readonly #atExit = (): void => {
    for (const one of [...this.#running, ...this.#holders]) if (!one.over) one.child.kill('SIGKILL');
  };
}

function canUnshare(args: readonly string[]): boolean {
  return spawnSync('unshare', [...args, 'true'], { stdio: 'ignore' }).status === 0;
}

/** What this machine lacks for a lab, in words for its owner; undefined when nothing. */
export function labProblem(): string | undefined {
  const missing = ['unshare', 'nsenter', 'setpriv', 'ip'].filter((tool) => spawnSync('sh', ['-c', `command -v ${tool}`], { stdio: 'ignore' }).status !== 0);
  if (missing.length > 0) return `${missing.join(', ')} not found: install the packages util-linux and iproute2`;
  if (!canUnshare(['-n']) && !canUnshare(['-Ur', '-n']))
    return 'network namespaces are not allowed here: run as root, or allow user namespaces (sysctl kernel.unprivileged_userns_clone=1, user.max_user_namespaces>0, no AppArmor or container restriction)';
  try {
    accessSync('/dev/net/tun', constants.R_OK | constants.W_OK);
  } catch {
    return '/dev/net/tun is missing or not open to this user: load the module tun, and run as root or give the device mode 0666';
  }
  return undefined;
}
