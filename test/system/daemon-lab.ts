// Real daemons in real namespaces, for test/system/daemon-*.test.ts: the lab's topology with a mobiked on the router and
// one on the hub, what mobikectl says of them, and a capture of everything that goes over their links.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { Follower } from '../demo/follower.ts';
import { ADDRESS, Topology, labProblem, monotonic, type Namespace, type Outcome, type Running, type TopologyOptions } from '../lab/index.ts';
import { ROUTE_PROTOCOL, type JsonObject } from '../../src/base/index.ts';

/** Where `make build` put the programs; another folder for a build of one's own. */
const BUILD = resolve(process.env['MOBIKED_BUILD'] ?? 'build');
export const MOBIKED = join(BUILD, 'mobiked');
export const MOBIKECTL = join(BUILD, 'mobikectl');

/** Debian puts some of them where not every user looks. */
export const ENV: NodeJS.ProcessEnv = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` };

/** Why these tests cannot run here: no namespaces, or programs missing. Undefined when they can. */
export function systemProblem(...programs: readonly string[]): string | undefined {
  const missing = programs.filter((name) => spawnSync('sh', ['-c', `command -v ${name}`], { stdio: 'ignore', env: ENV }).status !== 0);
  if (missing.length > 0) return `not installed: ${missing.join(', ')} (as root, test/setup.sh test installs them)`;
  assert.ok(existsSync(MOBIKED), `${MOBIKED} is not there: run make build`);
  return labProblem();
}

/** Asks again and again until it is so; fails after `limit` ms. */
export async function until<T>(what: string, check: () => Promise<T | undefined | false> | T | undefined | false, limit = 10_000, pace = 10): Promise<T> {
  const end = monotonic() + limit;
  for (;;) {
    const found = await check();
    if (found !== undefined && found !== false) return found;
    assert.ok(monotonic() < end, `did not come within ${limit} ms: ${what}`);
    await new Promise((done) => setTimeout(done, pace));
  }
}

/** Lets real time pass where nothing may happen: the only use of waiting. */
export const quiet = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

export type Side = 'router' | 'hub';

export interface Conf {
  readonly main?: readonly string[];
  readonly connection?: readonly string[];
  readonly localTs?: readonly string[];
  readonly remoteTs?: readonly string[];
  /** Whole sections before and after. */
  readonly more?: string;
}

const PSK = '0x5b1f2c9a7788e1d04c6f3a2b9d8e7f60112233445566778899aabbccddeeff00';
const lines = (all: readonly string[]): string => all.map((line) => `\t${line}\n`).join('');

/** The router's configuration: an initiator named `hq` with one child `lan`. */
export function routerConf(conf: Conf = {}): string {
  return `config mobiked 'main'
	option node_id 'router'
	option log_level 'debug'
${lines(conf.main ?? [])}
config connection 'hq'
	option role 'initiator'
${lines(conf.connection ?? [`list remote_addrs '${ADDRESS.hub}'`])}	option local_id 'router.example'
	option remote_id 'hub.example'
	option psk '${PSK}'

config child 'lan'
	option connection 'hq'
${lines((conf.localTs ?? [ADDRESS.lan]).map((ts) => `list local_ts '${ts}'`))}${lines((conf.remoteTs ?? [ADDRESS.remote]).map((ts) => `list remote_ts '${ts}'`))}
${conf.more ?? ''}`;
}

/** The hub's: a responder named `branch` with one child `lan`. */
export function hubConf(conf: Conf = {}): string {
  return `config mobiked 'main'
	option node_id 'hub'
	option log_level 'debug'
${lines(conf.main ?? [])}
config connection 'branch'
	option role 'responder'
	option local_id 'hub.example'
	option remote_id 'router.example'
	option psk '${PSK}'
${lines(conf.connection ?? [])}
config child 'lan'
	option connection 'branch'
${lines((conf.localTs ?? [ADDRESS.remote]).map((ts) => `list local_ts '${ts}'`))}${lines((conf.remoteTs ?? [ADDRESS.lan]).map((ts) => `list remote_ts '${ts}'`))}
${conf.more ?? ''}`;
}

/** One daemon, from start to end. */
export class Daemon {
  readonly side: Side;
  readonly process: Running;
  readonly startedAt: number;
  events!: Follower;
  #text = '';

  constructor(side: Side, process: Running) {
    this.side = side;
    this.process = process;
    this.startedAt = monotonic();
    process.child.stderr?.on('data', (text: string) => (this.#text += text));
  }

  /** Everything it has logged, line by line. */
  get log(): string[] {
    return this.#text.split('\n');
  }

  get pid(): number {
    return this.process.pid;
  }

  /** kill -9, and its end. */
  async kill(): Promise<void> {
    this.events.close();
    this.process.child.kill('SIGKILL');
    await this.process.exited;
  }

  /** SIGTERM; the exit code and how long it took, ms. */
  async stop(): Promise<{ readonly code: number | null; readonly ms: number }> {
    const from = monotonic();
    const code = await this.process.stop('SIGTERM', 5000);
    const ms = monotonic() - from;
    this.events.close();
    return { code, ms };
  }

  /** Resident memory, kB. */
  rss(): number {
    const line = readFileSync(`/proc/${this.pid}/status`, 'utf8').split('\n').find((l) => l.startsWith('VmRSS:')) ?? '';
    return Number.parseInt(line.slice(6).trim(), 10);
  }

  fds(): number {
    return readdirSync(`/proc/${this.pid}/fd`).length;
  }
}

export class DaemonLab extends Topology {
  readonly #daemons = new Set<Daemon>();

  constructor(options: TopologyOptions = {}) {
    super(options);
    // The runner ends a test file by signal: namespaces and their processes go with us, the folder is ours to remove.
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => void this.close().finally(() => process.exit(1)));
  }

  conf(side: Side): string {
    return join(this.dir, `${side}.conf`);
  }

  configure(side: Side, text: string): void {
    writeFileSync(this.conf(side), text, { mode: 0o600 });
  }

  runDir(side: Side): string {
    const path = join(this.dir, side);
    mkdirSync(path, { recursive: true });
    return path;
  }

  socket(side: Side): string {
    return join(this.runDir(side), 'mobiked.sock');
  }

  namespace(side: Side): Namespace {
    return side === 'router' ? this.router : this.hub;
  }

  /** Starts a daemon and follows its events. */
  async start(side: Side, options: { readonly ubus?: string } = {}): Promise<Daemon> {
    const run = this.runDir(side);
    const daemon = new Daemon(side, this.namespace(side).spawn([
      MOBIKED, '--config', this.conf(side), '--ubus', options.ubus ?? 'none', '--run-dir', run, '--state-dir', run, '--foreground',
    ]));
    this.#daemons.add(daemon);
    void daemon.process.exited.then(() => this.#daemons.delete(daemon));
    daemon.events = await Follower.open(this.socket(side));
    return daemon;
  }

  /** Both daemons with these configurations, and the tunnel between them. */
  async both(router = routerConf(), hub = hubConf(), options: { readonly ubus?: string } = {}): Promise<{ readonly router: Daemon; readonly hub: Daemon }> {
    this.configure('router', router);
    this.configure('hub', hub);
    const hubDaemon = await this.start('hub');
    const routerDaemon = await this.start('router', options);
    await established(routerDaemon);
    return { router: routerDaemon, hub: hubDaemon };
  }

  ctl(side: Side, ...args: readonly string[]): Promise<Outcome> {
    return this.namespace(side).exec([MOBIKECTL, '--socket', this.socket(side), ...args]);
  }

  /** What `mobikectl --json` answers. */
  async json<T = JsonObject>(side: Side, ...args: readonly string[]): Promise<T> {
    const { code, stdout, stderr } = await this.ctl(side, '--json', ...args);
    assert.equal(code, 0, `mobikectl ${args.join(' ')}: ${stderr}`);
    return JSON.parse(stdout) as T;
  }

  /** The routes mobiked made in a namespace (`proto` as in base/net.ts), as `ip route` shows them. */
  async ownRoutes(side: Side): Promise<string[]> {
    const both = await Promise.all(['-4', '-6'].map((family) => this.namespace(side).run(['ip', family, 'route', 'show', 'proto', String(ROUTE_PROTOCOL)])));
    return both.join('').split('\n').map((line) => line.trim()).filter((line) => line !== '');
  }

  override async close(): Promise<void> {
    for (const daemon of this.#daemons) daemon.events?.close();
    await super.close();
  }

  /** For a failed test: what the daemons said last. */
  diary(): string {
    return [...this.#daemons].map((d) => `--- ${d.side}\n${d.log.slice(-30).join('\n')}`).join('\n');
  }
}

/** The event `child.established` of the daemon at or after `since`: traffic can flow. */
export async function established(daemon: Daemon, since = 0, limit = 8000): Promise<number> {
  const found = await daemon.events.wait('child.established', since, limit);
  assert.ok(found, `the tunnel was not established within ${limit} ms:\n${daemon.log.slice(-30).join('\n')}`);
  return found.at;
}

/** The event `path.moved` to this uplink. */
export async function moved(daemon: Daemon, to: string, since: number, limit = 10_000): Promise<number> {
  const found = await daemon.events.wait('path.moved', since, limit, (event) => event.to_uplink === to);
  assert.ok(found, `no move to ${to} within ${limit} ms:\n${daemon.log.slice(-30).join('\n')}`);
  return found.at;
}

/** Devices that are not the outside: inner packets belong there. */
const INSIDE = ['lo', 'br-lan', 'lan0', 'mobiked0', 'mobiked1'];
const INNER = ['10.1.0.0/16', '10.2.0.0/16', 'fd00:1::/64', 'fd00:2::/64'];

/** tcpdump on every device of a namespace, also on those that come later; it keeps inner packets that are outside. */
export class Capture {
  /** Inner packets on outer links. */
  readonly leaks: string[] = [];
  /** Inner packets where they belong: proof that the capture looks. */
  inside = 0;
  readonly #process: Running;

  private constructor(process: Running) {
    this.#process = process;
    process.onLine = (line) => {
      if (INSIDE.includes(line.split(/\s+/u)[1] ?? '')) this.inside++;
      else this.leaks.push(line);
    };
  }

  /** @param nets what to keep, inner packets by default */
  static async start(namespace: Namespace, nets: readonly string[] = INNER): Promise<Capture> {
    const filter = nets.map((prefix) => `net ${prefix}`).join(' or ');
    const process = namespace.spawn(['tcpdump', '-i', 'any', '-n', '-l', '--immediate-mode', '-B', '8192', '-s', '96', `(${filter})`], { env: ENV });
    const capture = new Capture(process);
    await until('tcpdump listens', () => process.over || process.lines.some((line) => line.startsWith('listening on')));
    assert.equal(process.over, false, process.lines.join('\n'));
    return capture;
  }

  /** Ends it; nothing may have escaped it. */
  async stop(): Promise<void> {
    assert.equal(this.#process.over, false, `tcpdump ended before: ${this.#process.lines.slice(-5).join('\n')}`);
    await this.#process.stop('SIGINT');
    const dropped = this.#process.lines.find((line) => line.endsWith('dropped by kernel')) ?? 'no summary';
    assert.match(dropped, /^0 packets/u);
  }

  expectNone(when: string): void {
    assert.deepEqual(this.leaks.slice(0, 5), [], `clear text outside: ${when} (${this.leaks.length} packets)`);
  }
}
