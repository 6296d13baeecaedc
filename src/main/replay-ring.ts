import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { toHex, type Instant } from '../base/index.ts';
import type { Input } from '../ports/index.ts';

/** Inputs kept before a fault. */
const KEPT = 256;
/** Files written in one life of the process: a fault that repeats must not fill a RAM disk. */
const FILES_MOST = 5;

/** The last inputs with their times, as text without secrets; written out when a bug was caught. */
export class ReplayRing {
  readonly #ring: { readonly at: Instant; readonly input: Input }[] = [];
  readonly #folder: string;
  #files = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  note(input: Input, at: Instant): void {
    // Octets of an input are valid only during the call.
    this.#ring.push({ at, input: input.type === 'udp.received' ? { ...input, bytes: input.bytes.slice() } : input });
    if (this.#ring.length > KEPT) this.#ring.shift();
  }

  /** Returns the file's path, or undefined when none was written. */
  write(error: unknown): string | undefined {
    if (this.#files >= FILES_MOST) return undefined;
    const path = join(this.#folder, `fault-${process.pid}-${++this.#files}.json`);
    const report = { error: error instanceof Error ? (error.stack ?? error.message) : String(error), inputs: this.#ring.map(({ at, input }) => ({ at, input: plain(input) })) };
    try {
      mkdirSync(this.#folder, { recursive: true });
      writeFileSync(path, JSON.stringify(report, (_key, value: unknown) => (value instanceof Uint8Array ? toHex(value) : typeof value === 'bigint' ? value.toString() : value), 1), { mode: 0o600 });
      return path;
    } catch {
      return undefined;
    }
  }
}

/** Configurations hold secrets and stay out; `Secret` itself never prints. */
function plain(input: Input): unknown {
  return input.type === 'config.loaded' ? { type: input.type, problems: input.loaded.problems } : input;
}
