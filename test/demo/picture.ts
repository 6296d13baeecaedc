/** What people see: the timeline, and strips of the stream in which an outage is a hole. */
import type { StreamPacket } from '../lab/index.ts';

export interface Paint {
  readonly dim: (text: string) => string;
  readonly bold: (text: string) => string;
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly actor: (text: string) => string;
}

/** Colours when a person looks, plain text otherwise (NO_COLOR is respected). */
export function paint(colours: boolean): Paint {
  const ansi = (code: number) => (text: string): string => (colours ? `\x1b[${code}m${text}\x1b[0m` : text);
  return { dim: ansi(2), bold: ansi(1), good: ansi(32), bad: ansi(31), actor: ansi(36) };
}

/** One character for `step` ms: all answered, some, none. */
export function strip(packets: readonly StreamPacket[], from: number, to: number, step: number): string {
  let out = '';
  for (let at = from; at + step <= to; at += step) {
    const some = packets.filter((p) => p.sentAt >= at && p.sentAt < at + step);
    const answered = some.filter((p) => p.answeredAt !== undefined).length;
    out += some.length === 0 ? ' ' : answered === some.length ? '█' : answered === 0 ? '·' : '▄';
  }
  return out;
}

/** Cuts a strip to lines of `width` characters, each with the time of its first one (`start` is the first's, in ms). */
export function rows(text: string, width: number, step: number, start = 0): string[] {
  const out: string[] = [];
  for (let i = 0; i < text.length; i += width) out.push(`${((start + i * step) / 1000).toFixed(1).padStart(5)} s ${text.slice(i, i + width)}`);
  return out;
}

/** Cuts a long text to lines of at most `width` characters, after commas where there are any. */
export function wrap(text: string, width: number): string[] {
  const out: string[] = [];
  let rest = text;
  while (rest.length > width) {
    const comma = rest.lastIndexOf(',', width - 1);
    const end = comma > 0 ? comma + 1 : width;
    out.push(rest.slice(0, end));
    rest = rest.slice(end);
  }
  out.push(rest);
  return out;
}
