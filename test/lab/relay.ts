/** The hand on the relay: the small Internet between the namespaces. */
import type { Namespace, Running } from './namespaces.ts';
import { tool } from './tools.ts';

/** An IKE message the relay saw. */
export interface SeenIke {
  readonly link: string;
  /** `up`: from the link's namespace. */
  readonly direction: 'up' | 'down';
  /** CLOCK_MONOTONIC, ms: the clock of `process.hrtime`. */
  readonly at: number;
  readonly exchange: number;
  readonly fromOriginalInitiator: boolean;
  readonly isResponse: boolean;
  readonly messageId: number;
  readonly spiI: string;
}

export interface RelayStats {
  readonly unroutable: number;
  readonly overflow: number;
  readonly links: {
    readonly [link: string]: {
      readonly up: number;
      readonly down: number;
      readonly lostUp: number;
      readonly lostDown: number;
      readonly clear: number;
      readonly mappings: number;
      readonly present: boolean;
    };
  };
}

/** Begins every packet of `stream`; one that crosses the relay in clear is counted. */
export const CLEAR_MARK = 'clear!~~';

export class Relay {
  /** Sees every IKE message that crosses a link. */
  onIke: (seen: SeenIke) => void = () => undefined;
  readonly #process: Running;
  readonly #waiting: { readonly command: string; readonly resolve: (text: string) => void; readonly reject: (error: Error) => void }[] = [];

  constructor(home: Namespace, seed = 1) {
    this.#process = home.spawn([tool('relay'), String(seed)], { stdin: 'pipe' });
    this.#process.onLine = (line) => this.#line(line);
    this.#process.child.stdin?.on('error', () => undefined);
    void this.#process.exited.then(() => {
      for (const { command, reject } of this.#waiting.splice(0)) reject(new Error(`relay ended at "${command}": ${this.#process.lines.join(' ')}`));
    });
  }

  /** One command of relay.c; resolves with what follows `ok`. */
  command(command: string): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ command, resolve, reject });
      this.#process.child.stdin?.write(`${command}\n`);
    });
  }

  async commands(...all: readonly string[]): Promise<void> {
    await Promise.all(all.filter((c) => c !== '').map((command) => this.command(command)));
  }

  async stats(): Promise<RelayStats> {
    return JSON.parse(await this.command('stats')) as RelayStats;
  }

  #line(line: string): void {
    const words = line.split(' ');
    if (words[0] === 'ike') {
      const [, link = '', direction, time, exchange, flags, id, spiI = ''] = words;
      this.onIke({
        link, direction: direction === 'up' ? 'up' : 'down', at: Number(time) / 1000, exchange: Number(exchange),
        fromOriginalInitiator: (Number(flags) & 8) !== 0, isResponse: (Number(flags) & 32) !== 0, messageId: Number(id), spiI,
      });
      return;
    }
    const next = this.#waiting.shift();
    if (words[0] === 'ok') next?.resolve(line.slice(3));
    else next?.reject(new Error(`relay: "${next.command}": ${line}`));
  }
}
