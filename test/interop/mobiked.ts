/** One real mobiked in a namespace, driven and watched through its own commands. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Event, EventType, StampedEvent } from '../../src/report/index.ts';
import type { Namespace, Running } from '../lab/index.ts';
import { Control } from './control.ts';
import { until } from './poll.ts';

/** The daemon that is tested: the one `make build` left, or another with lib/ beside it. */
const BUILD = resolve(process.env['MOBIKED_BUILD'] ?? 'build');
export type EventOf<T extends EventType> = Event & { readonly type: T };

/** A connection as `mobikectl --json connections` tells it, as far as the tests read it. */
export interface ConnectionDocument {
  readonly name: string;
  readonly state: string;
  readonly reason: string;
  readonly chain: number;
  readonly peer: string | null;
  readonly uplink: string | null;
  readonly nat: string | null;
  readonly mobike: boolean;
  readonly path: { readonly local: string; readonly remote: string } | null;
  readonly ike: { readonly spi_i: string; readonly spi_r: string; readonly proposal: string } | null;
  readonly children: readonly {
    readonly name: string; readonly state: string; readonly spi_in: string; readonly spi_out: string; readonly proposal: string;
    readonly local_ts: readonly string[]; readonly remote_ts: readonly string[]; readonly rx_packets: number; readonly tx_packets: number;
  }[];
}

export class Mobiked {
  readonly name: string;
  /** Every event since this process began, and those of the processes before it. */
  readonly events: StampedEvent[] = [];
  readonly #namespace: Namespace;
  readonly #config: string;
  readonly #runDir: string;
  readonly #direct: boolean;
  #daemon: Running | undefined;
  #follower: Running | undefined;
  #control: Control | undefined;

  /** @param direct speaks with the daemon without mobikectl, whose start takes a second in a guest. */
  constructor(namespace: Namespace, dir: string, config: string, direct = false) {
    this.#namespace = namespace;
    this.#direct = direct;
    this.name = `mobiked of ${namespace.name}`;
    this.#runDir = join(dir, `${namespace.name}-mobiked`);
    this.#config = join(this.#runDir, 'config');
    mkdirSync(this.#runDir, { recursive: true });
    writeFileSync(this.#config, config, { mode: 0o600 });
  }

  async start(): Promise<this> {
    if (!this.#direct) {
      const checked = await this.#namespace.exec([`${BUILD}/mobiked`, '--config', this.#config, '--check-config']);
      if (checked.code !== 0) throw new Error(`${this.name}: ${checked.stderr}`);
    }
    this.#daemon = this.#namespace.spawn([
      `${BUILD}/mobiked`, '--config', this.#config, '--ubus', 'none', '--run-dir', this.#runDir, '--state-dir', this.#runDir, '--foreground',
    ]);
    if (this.#direct) {
      this.#control = await until(`${this.name} answers on its socket`, () => Control.open(this.#socket, (event) => this.events.push(event)), 60_000, 20);
      return this;
    }
    await until(`${this.name} answers on its socket`, () => this.ctl('status').then(() => true), 10_000, 20);
    const seen = this.events.length;
    this.#follower = this.#namespace.spawn([`${BUILD}/mobikectl`, '--socket', this.#socket, '--json', 'events', '--follow']);
    this.#follower.onLine = (line) => this.events.push(JSON.parse(line) as StampedEvent);
    await until(`${this.name} tells its events`, () => this.events.length > seen, 10_000, 20);
    return this;
  }

  get #socket(): string {
    return join(this.#runDir, 'mobiked.sock');
  }

  /** A new configuration, taken over at once. */
  async configure(config: string): Promise<void> {
    writeFileSync(this.#config, config, { mode: 0o600 });
    await this.ctl('reload');
  }

  /** Log lines of the daemon, newest last. */
  get log(): readonly string[] {
    return this.#daemon?.lines ?? [];
  }

  /** Runs a command that must be done. */
  async ctl(...words: readonly string[]): Promise<unknown> {
    const [command = '', ...rest] = words;
    if (this.#control) return this.#control.request(command, ...rest);
    const text = await this.#namespace.run([`${BUILD}/mobikectl`, '--socket', this.#socket, '--json', ...words]);
    return text.trim() === '' ? undefined : JSON.parse(text);
  }

  async connections(): Promise<readonly ConnectionDocument[]> {
    return (await this.ctl('connections')) as readonly ConnectionDocument[];
  }

  /** The one connection there is. */
  async connection(): Promise<ConnectionDocument> {
    const [only, ...more] = await this.connections();
    if (!only || more.length > 0) throw new Error(`${this.name} has ${more.length + (only ? 1 : 0)} connections`);
    return only;
  }

  /** Position in the events: what comes after it is new. */
  get mark(): number {
    return this.events.length;
  }

  /** The first event of this type after `mark` that `fits`. */
  event<T extends EventType>(type: T, mark: number, limit = 10_000, fits: (event: EventOf<T>) => boolean = () => true): Promise<EventOf<T>> {
    return until(
      `${this.name}: ${type}`,
      () => this.events.slice(mark).map((e) => e.event).find((e): e is EventOf<T> => e.type === type && fits(e as EventOf<T>)),
      limit, 10,
    );
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    const code = (await this.#daemon?.stop(signal)) ?? null;
    this.#control?.close();
    this.#control = undefined;
    await this.#follower?.stop();
    return code;
  }

  /** For a failed test. */
  report(): string {
    return `--- ${this.name}\n${this.log.slice(-60).join('\n')}`;
  }
}
