/**
 * One real charon in a namespace, with settings, socket and log of its own. ESP is done by libipsec, in user space; in a
 * guest by its kernel.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Namespace, Running } from '../lab/index.ts';
import { until } from './poll.ts';
import { GUEST } from './uml.ts';
import { parseRaw, type RawSection } from './swanctl-raw.ts';

/** Only what is needed, in an order that gives ESP to libipsec; the rest would listen, or complain that it is missing. */
const PLUGINS = `random nonce aes gcm hmac sha1 sha2 kdf pem pkcs1 pkcs8 x509 pubkey openssl ${GUEST === undefined ? 'kernel-libipsec ' : ''}kernel-netlink socket-default vici`;

/** Nested sections of strongswan.conf and swanctl.conf. */
export interface Settings {
  readonly [key: string]: string | number | Settings;
}

export function formatSettings(settings: Settings, indent = ''): string {
  return Object.entries(settings).map(([key, value]) =>
    typeof value === 'object' ? `${indent}${key} {\n${formatSettings(value, `${indent}  `)}${indent}}\n` : `${indent}${key} = ${value}\n`).join('');
}

export interface IkeSaDocument {
  readonly name: string;
  readonly state: string;
  readonly version: string;
  readonly localHost: string;
  readonly localPort: string;
  readonly remoteHost: string;
  readonly remotePort: string;
  readonly remoteId: string;
  readonly uniqueId: string;
  readonly initiatorSpi: string;
  readonly responderSpi: string;
  readonly all: RawSection;
  /** Child SAs in use; charon keeps a replaced one 5 s for late packets (state DELETED). */
  readonly children: readonly RawSection[];
}

export class StrongSwan {
  readonly name: string;
  readonly #namespace: Namespace;
  readonly #dir: string;
  readonly #env: NodeJS.ProcessEnv;
  #charon: Running | undefined;

  constructor(namespace: Namespace, dir: string, charon: Settings = {}) {
    this.#namespace = namespace;
    this.name = `charon of ${namespace.name}`;
    this.#dir = join(dir, `${namespace.name}-charon`);
    mkdirSync(this.#dir, { recursive: true });
    const socket = `unix://${this.#dir}/vici`;
    writeFileSync(join(this.#dir, 'strongswan.conf'), formatSettings({
      'charon-systemd': {
        load: PLUGINS,
        ...charon,
        filelog: { out: { path: join(this.#dir, 'log'), default: 1, ike: process.env['CAPTURE'] === undefined ? 2 : 4, enc: 1, flush_line: 'yes', time_format: '%H:%M:%S', time_add_ms: 'yes' } },
        journal: { default: -1 },
        syslog: { daemon: { default: -1 }, auth: { default: -1 } },
        plugins: { vici: { socket } },
      },
      swanctl: { load: 'random pem pkcs1 pkcs8 x509 openssl', socket },
    }));
    this.#env = { ...process.env, STRONGSWAN_CONF: join(this.#dir, 'strongswan.conf'), PATH: `${process.env['PATH'] ?? ''}:/usr/sbin` };
  }

  /** Where swanctl looks for keys and certificates, in folders of its own. */
  get dir(): string {
    return this.#dir;
  }

  async start(swanctl: Settings): Promise<this> {
    // `setpriv` of the namespace ends charon with us: it has no pid file and no unit here.
    this.#charon = this.#namespace.spawn(['charon-systemd'], { env: this.#env });
    await until(`${this.name} listens`, async () => (await this.#swanctl(['--stats'])).code === 0, 30_000);
    await this.load(swanctl);
    return this;
  }

  async load(swanctl: Settings): Promise<void> {
    const file = join(this.#dir, 'swanctl.conf');
    writeFileSync(file, formatSettings(swanctl), { mode: 0o600 });
    await this.run('--load-all', '--clear', '--file', file);
  }

  async #swanctl(words: readonly string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
    return this.#namespace.exec(['swanctl', ...words], '', this.#env);
  }

  /** Runs a command that must succeed. */
  async run(...words: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.#swanctl(words);
    if (code !== 0) throw new Error(`swanctl ${words.join(' ')}: ${code}: ${stderr.trim()} ${stdout.trim()}`);
    return stdout;
  }

  /** Sets the child up; true when it succeeded, and it must unless `must` is false. */
  async initiate(must = true): Promise<boolean> {
    const { code, stdout, stderr } = await this.#swanctl(['--initiate', '--child', 'net', '--timeout', '10']);
    if (must && code !== 0) throw new Error(`${this.name}: ${stderr.trim()} ${stdout.trim()}`);
    return code === 0;
  }

  /** IKE SAs that are, or were, established; a half-open one is left by an attempt of ours that lost its race, for 30 s. */
  async sas(): Promise<readonly IkeSaDocument[]> {
    return parseRaw(await this.run('--list-sas', '--raw')).flatMap((event) => Object.entries(event).flatMap(([name, sa]) => {
      if (typeof sa !== 'object' || Array.isArray(sa)) return [];
      const section = sa as RawSection;
      if (section['state'] === 'CONNECTING') return [];
      const text = (key: string): string => (typeof section[key] === 'string' ? section[key] : '');
      const children = Object.values((section['child-sas'] ?? {}) as RawSection).filter((c): c is RawSection => typeof c === 'object' && !Array.isArray(c) && (c as RawSection)['state'] === 'INSTALLED');
      return [{
        name, state: text('state'), version: text('version'), localHost: text('local-host'), localPort: text('local-port'), remoteHost: text('remote-host'), remotePort: text('remote-port'),
        remoteId: text('remote-id'), uniqueId: text('uniqueid'), initiatorSpi: text('initiator-spi'), responderSpi: text('responder-spi'), all: section, children,
      }];
    }));
  }

  /** The one IKE SA there is. */
  async sa(): Promise<IkeSaDocument> {
    const [only, ...more] = await this.sas();
    if (!only || more.length > 0) throw new Error(`${this.name} has ${more.length + (only ? 1 : 0)} IKE SAs`);
    return only;
  }

  get log(): string {
    try {
      return readFileSync(join(this.#dir, 'log'), 'utf8');
    } catch {
      return '';
    }
  }

  /** Position in the log: what comes after it is new. */
  get mark(): number {
    return this.log.length;
  }

  /** A line of charon's log after `mark` with these words. */
  line(words: string, mark = 0, limit = 10_000): Promise<string> {
    return until(`${this.name} logs '${words}'`, () => this.log.slice(mark).split('\n').find((line) => line.includes(words)), limit);
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    await this.#charon?.stop(signal, 10_000);
  }

  /** For a failed test. */
  report(): string {
    return `--- ${this.name}\n${this.log.split('\n').slice(-80).join('\n')}\n${this.#charon?.lines.slice(-10).join('\n') ?? ''}`;
  }
}
