import { writeSync } from 'node:fs';
import { printable } from '../../base/index.ts';
import type { LogLevel } from '../../config/index.ts';
import type { EffectOf, Port } from '../../ports/index.ts';

/** Severities of RFC 5424 §6.2.1; procd reads `<N>` at the start of a line of stderr and hands the line to logd under it. */
const SEVERITY: { readonly [K in LogLevel]: number } = { error: 3, warn: 4, info: 6, debug: 7 };

/** Longest text of a line; logd cuts at 1024 octets. */
const MOST_TEXT = 900;

export interface LogSetup {
  /** For a terminal: time and level in words. */
  readonly foreground: boolean;
  /** Wall time of the line in Unix milliseconds. */
  readonly wall?: () => number;
  /** Where lines go; stderr unless a test says otherwise. */
  readonly write?: (line: string) => void;
}

/** Written at once: what was said before a crash is there after it. A full or closed pipe loses the line, never the daemon. */
function toStderr(line: string): void {
  try {
    writeSync(2, line);
  } catch {
    // nobody reads: there is no better place to say so
  }
}

/** The log port. Which levels are wanted is the core's to know: what arrives is written. */
export function createLogPort(setup: LogSetup): Port<EffectOf<'log.write'>> {
  const write = setup.write ?? toStderr;
  const wall = setup.wall ?? Date.now;
  return {
    perform(effect) {
      const text = printable(effect.text, MOST_TEXT);
      write(setup.foreground
        ? `${new Date(wall()).toISOString()} ${effect.level.padEnd(5)} ${text}\n`
        : `<${SEVERITY[effect.level]}>${text}\n`);
    },
    close() {
      // stderr is not ours to close
    },
  };
}
