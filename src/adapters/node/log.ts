import { writeSync } from 'node:fs';
import { printable } from '../../base/index.ts';
import type { LogLevel } from '../../config/index.ts';
import type { EffectOf, Port } from '../../ports/index.ts';

/** Severities of RFC 5424 §6.2.1. */
const SEVERITY: { readonly [K in LogLevel]: number } = { error: 3, warn: 4, info: 6, debug: 7 };

/** Longest text of a line; logd cuts at 1024 octets. */
const MOST_TEXT = 900;

export interface LogSetup {
  /** For a terminal: time and level in words, on stderr. */
  readonly foreground: boolean;
  /** The system log; undefined where there is none: then plain lines on stdout and stderr, which procd logs as `info` and `err`. */
  readonly syslog?: ((severity: number, text: string) => void) | undefined;
  /** Wall time of the line in Unix milliseconds. */
  readonly wall?: () => number;
  /** Where lines go that are not for the system log; descriptor 1 or 2 unless a test says otherwise. */
  readonly write?: (fd: 1 | 2, line: string) => void;
}

/** Written at once: what was said before a crash is there after it. A full or closed pipe loses the line, never the daemon. */
function toDescriptor(fd: 1 | 2, line: string): void {
  try {
    writeSync(fd, line);
  } catch {
    // nobody reads: there is no better place to say so
  }
}

/** The log port. Which levels are wanted is the core's to know: what arrives is written. */
export function createLogPort(setup: LogSetup): Port<EffectOf<'log.write'>> {
  const write = setup.write ?? toDescriptor;
  const wall = setup.wall ?? Date.now;
  return {
    perform(effect) {
      const text = printable(effect.text, MOST_TEXT);
      if (setup.foreground) write(2, `${new Date(wall()).toISOString()} ${effect.level.padEnd(5)} ${text}\n`);
      else if (setup.syslog) setup.syslog(SEVERITY[effect.level], text);
      else write(SEVERITY[effect.level] <= SEVERITY.warn ? 2 : 1, `${text}\n`);
    },
    close() {
      // neither the system log nor the descriptors are ours to close
    },
  };
}
