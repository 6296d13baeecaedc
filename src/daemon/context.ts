import type { Entropy, Instant, Json } from '../base/index.ts';
import type { Config } from '../config/index.ts';
import type { CryptoSuite } from '../crypto/index.ts';
import type { LogLevel } from '../config/index.ts';
import type { Effect } from '../ports/index.ts';
import type { Event } from '../report/index.ts';

export interface DaemonDeps {
  readonly suite: CryptoSuite;
  readonly entropy: Entropy;
}

/** What the parts of the conductor share while one input is handled. */
export interface Turn {
  readonly now: Instant;
  readonly config: Config;
  emit(effect: Effect): void;
  record(event: Event): void;
  log(level: LogLevel, text: string): void;
  nextOpId(): number;
}

/** The outcome of a command of a user. */
export type CommandResult = { readonly ok: true; readonly data: Json } | { readonly ok: false; readonly error: string };
