/**
 * One real pluto in a namespace, of the package unpacked by test/setup.sh (installed, it would push strongSwan out). Its
 * ESP is the kernel's; it speaks XFRM through netlink.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { spawnSync } from 'node:child_process';
import type { Namespace, Running } from '../lab/index.ts';
import type { Peer } from './peer.ts';
import { until } from './poll.ts';

const PROGRAMS = resolve('build/peers/libreswan/usr/libexec/ipsec');

/** Why it cannot run here; undefined when it can. */
export function libreswanProblem(): string | undefined {
  if (!existsSync(join(PROGRAMS, 'pluto'))) return 'libreswan is not unpacked in build/peers: run test/setup.sh test as root';
  const lacking = spawnSync('ldd', [join(PROGRAMS, 'pluto')], { encoding: 'utf8' }).stdout.split('\n').filter((line) => line.includes('not found'));
  return lacking.length > 0 ? `pluto lacks ${lacking.join(',').trim()}: run test/setup.sh test as root` : undefined;
}

/** What it says of its algorithms at each start. */
const SELF_TEST = /IKEv1:|testing |:  +\S|algorithms:|adding UDP interface|support \[| NSS | FIPS /;

/** Options of the one connection, `net`: ipsec.conf(5). */
export interface LibreswanConfig {
  readonly connection: { readonly [key: string]: string };
  /** Lines of ipsec.secrets. */
  readonly secrets: string;
  /** A PKCS#12 file with our key and certificate, named `own` in it, and the file of the CA. */
  readonly certificates?: { readonly own: string; readonly ca: string };
}

export class Libreswan implements Peer {
  readonly name: string;
  readonly #namespace: Namespace;
  readonly #dir: string;
  readonly #config: LibreswanConfig;
  #pluto: Running | undefined;

  constructor(namespace: Namespace, dir: string, config: LibreswanConfig) {
    this.#namespace = namespace;
    this.name = `pluto of ${namespace.name}`;
    this.#dir = join(dir, `${namespace.name}-pluto`);
    this.#config = config;
    mkdirSync(this.#dir, { recursive: true });
  }

  /** The folder of its NSS database, where certificates go. */
  get dir(): string {
    return this.#dir;
  }

  async start(): Promise<this> {
    const file = (name: string): string => join(this.#dir, name);
    writeFileSync(file('ipsec.conf'), ['config setup', 'conn net', ...Object.entries(this.#config.connection).map(([key, value]) => `  ${key}=${value}`), ''].join('\n'));
    writeFileSync(file('ipsec.secrets'), `${this.#config.secrets}\n`, { mode: 0o600 });
    const db = `sql:${this.#dir}`;
    if (!existsSync(file('cert9.db'))) {
      await this.#namespace.run(['certutil', '-N', '-d', db, '--empty-password']);
      const { certificates } = this.#config;
      if (certificates) {
        await this.#namespace.run(['certutil', '-A', '-n', 'ca', '-t', 'CT,,', '-d', db, '-i', certificates.ca]);
        await this.#namespace.run(['pk12util', '-i', certificates.own, '-d', db, '-W', '']);
      }
    }
    const before = this.log.length;
    this.#pluto = this.#namespace.spawn([
      join(PROGRAMS, 'pluto'), '--nofork', '--config', file('ipsec.conf'), '--secretsfile', file('ipsec.secrets'), '--nssdir', this.#dir, '--ipsecdir', this.#dir,
      '--rundir', this.#dir, '--logfile', file('log'), '--nhelpers', '0', '--no-dnssec',
    ]);
    // Its first child process loads the connection and lets it listen.
    const listening = /added IKEv2 connection\n[^]*listening for IKE/;
    await until(`${this.name} listens`, () => listening.test(this.log.slice(before)), 60_000);
    return this;
  }

  #whack(...words: readonly string[]): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
    return this.#namespace.exec([join(PROGRAMS, 'whack'), '--ctlsocket', join(this.#dir, 'pluto.ctl'), ...words]);
  }

  async #done(...words: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.#whack(...words);
    if (code !== 0) throw new Error(`${this.name}: whack ${words.join(' ')}: ${code}: ${stderr} ${stdout}`);
    return stdout;
  }

  initiate(): Promise<string> {
    return this.#done('--initiate', '--name', 'net');
  }

  rekeyChild(): Promise<string> {
    return this.#done('--rekey-ipsec', '--name', 'net');
  }

  rekeyIke(): Promise<string> {
    return this.#done('--rekey-ike', '--name', 'net');
  }

  close(): Promise<string> {
    return this.#done('--terminate', '--name', 'net');
  }

  async ikeSas(): ReturnType<Peer['ikeSas']> {
    const lines = (await this.#whack('--showstates')).stdout.split('\n').filter((line) => line.includes('ESTABLISHED_IKE_SA'));
    return lines.map((line) => ({ name: `${this.#pluto?.pid} ${/#(\d+):/.exec(line)?.[1]}` }));
  }

  get log(): string {
    return existsSync(join(this.#dir, 'log')) ? readFileSync(join(this.#dir, 'log'), 'utf8') : '';
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    await this.#pluto?.stop(signal, 10_000);
  }

  report(): string {
    return `--- ${this.name}\n${this.log.split('\n').filter((line) => !SELF_TEST.test(line)).slice(-80).join('\n')}\n${this.#pluto?.lines.slice(-20).join('\n') ?? ''}`;
  }
}
