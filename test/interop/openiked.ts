/**
 * One real iked in a namespace. Its ESP is the kernel's. It wants its keys and certificates in /etc/iked, a place of the
 * whole guest: they are put there under names of its identities. It has no command that rekeys: lifetimes do it.
 */
import { chmodSync, copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Namespace, Running } from '../lab/index.ts';
import type { Certified } from './certificates.ts';
import type { Peer } from './peer.ts';
import { until } from './poll.ts';

/** Why it cannot run here; undefined when it can. */
export function openIkedProblem(): string | undefined {
  return existsSync('/usr/sbin/iked') ? undefined : 'openiked is not installed: run test/setup.sh test as root';
}

/** What it says of every message. */
const DETAIL = /^ikev2_(msg_|pld_|next_payload|recv|getimsgdata|prfplus)/;
/** Keys too, when a session is recorded. */
const VERBOSITY = process.env['CAPTURE'] === undefined ? '-vv' : '-vvv';

export class OpenIked implements Peer {
  readonly name: string;
  readonly #namespace: Namespace;
  readonly #dir: string;
  readonly #config: string;
  readonly #certificates: Certified | undefined;
  #iked: Running | undefined;
  #log = '';

  /** @param config iked.conf(5); its policy is the only one, and active when iked is to begin. */
  constructor(namespace: Namespace, dir: string, config: string, certificates?: Certified) {
    this.#certificates = certificates;
    this.#namespace = namespace;
    this.name = `iked of ${namespace.name}`;
    this.#dir = join(dir, `${namespace.name}-iked`);
    this.#config = config;
    mkdirSync(this.#dir, { recursive: true });
  }

  get #socket(): string {
    return join(this.#dir, 'iked.sock');
  }

  async start(): Promise<this> {
    const file = join(this.#dir, 'iked.conf');
    writeFileSync(file, this.#config, { mode: 0o600 });
    if (this.#certificates) {
      // The process that reads the certificates is not root.
      for (const [from, to] of [[this.#certificates.ca, '/etc/iked/ca/ca.crt'], [this.#certificates.cert, '/etc/iked/certs/own.crt']] as const) {
        copyFileSync(from, to);
        chmodSync(to, 0o644);
      }
      copyFileSync(this.#certificates.key, '/etc/iked/private/local.key');
    }
    const before = this.#log.length;
    // Its children live in the background otherwise, and outlive a namespace that closes.
    this.#iked = this.#namespace.spawn(['sh', '-c', `exec iked -d ${VERBOSITY} -f ${file} -s ${this.#socket} 2>&1`]);
    this.#iked.onLine = (line) => (this.#log += `${line}\n`);
    // It drops what comes before its configuration is read, and answers on its socket only when it has been.
    await until(`${this.name} has read its configuration`, () => /config_getstatic: (no )?stickyaddress/.test(this.#log.slice(before)), 60_000);
    return this;
  }

  #ctl(...words: readonly string[]): Promise<string> {
    return this.#namespace.run(['ikectl', '-s', this.#socket, ...words]);
  }

  /** An active policy begins by itself when iked starts, and when it is told again that it is active. */
  async initiate(): Promise<void> {
    if (this.#log.includes('sa_state: INIT')) await this.#ctl('active');
    await until(`${this.name} has an IKE SA`, async () => (await this.ikeSas()).length > 0, 60_000);
  }

  /** It cannot be told to: it does by itself when the lifetime in its configuration ends. */
  async rekeyChild(): Promise<void> {
    if (!this.#config.includes('lifetime')) throw new Error('iked rekeys when lifetimes end, and it has none');
  }

  rekeyIke(): Promise<void> {
    return this.rekeyChild();
  }

  close(): Promise<string> {
    return this.#ctl('reset', 'sa');
  }

  async ikeSas(): ReturnType<Peer['ikeSas']> {
    const text = await this.#ctl('show', 'sa');
    return [...text.matchAll(/^iked_sas: .* rspi 0x([0-9a-f]+) ispi 0x([0-9a-f]+) .*ESTABLISHED/gm)].map((m) => {
      const [spiR = '', spiI = ''] = [m[1]?.padStart(16, '0'), m[2]?.padStart(16, '0')];
      return { name: spiI, spis: [spiI, spiR] };
    });
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    await this.#iked?.stop(signal, 10_000);
  }

  get log(): string {
    return this.#log;
  }

  report(): string {
    return `--- ${this.name}\n${this.#log.split('\n').filter((line) => !DETAIL.test(line)).slice(-90).join('\n')}`;
  }
}
