import { readFileSync, readdirSync } from 'node:fs';
import { fromHex, type JsonObject } from '../../../src/base/index.ts';
import { asObject } from '../../../src/codec/ubus/index.ts';

/**
 * Frames and answers recorded from ubusd 3cc98db, libubox 1aa36ee and netifd e97e36f (24.10's where a name says so).
 * `wire/` one subject each, `events/` one cause each (`sub` subscribes, `ev` listens), `json/` plain answers of the CLI,
 * `decoded/` the same frames decoded by an independent program.
 */
const ROOT = 'test/golden/ubus';

export interface Line {
  readonly conn: string;
  readonly kind: 'to-server' | 'to-client' | 'closed' | 'note';
  /** A whole frame; for a raw write whatever was written. */
  readonly bytes: Uint8Array;
  /** The frame is deliberately malformed. */
  readonly raw: boolean;
  /** Only the first octets of the frame were kept. */
  readonly truncated: boolean;
  readonly note: string;
  /** Milliseconds. */
  readonly at: number;
}

/** Lines of one capture, such as `wire/hello` or `events/wan_down`. */
export function capture(name: string): Line[] {
  const file = name.startsWith('events/') ? `${ROOT}/${name}.frames.jsonl` : `${ROOT}/${name}.jsonl`;
  return readFileSync(file, 'utf8').trim().split('\n').map((text) => {
    const line = JSON.parse(text) as { t?: number; conn?: string; dir?: string; hex?: string; event?: string; note?: string; raw?: boolean; truncated_bytes?: number };
    return {
      conn: line.conn ?? '1',
      kind: line.dir === 'note' ? 'note' : line.event === 'close' ? 'closed' : line.dir === 'c>s' ? 'to-server' : 'to-client',
      bytes: fromHex(line.hex ?? '') ?? new Uint8Array(0),
      raw: line.raw === true,
      truncated: line.truncated_bytes !== undefined,
      note: line.note ?? '',
      at: line.t ?? 0,
    };
  });
}

/** Names of all captures. */
export function captureNames(): string[] {
  return [
    ...readdirSync(`${ROOT}/wire`).sort().map((file) => `wire/${file.replace('.jsonl', '')}`),
    ...readdirSync(`${ROOT}/events`).sort().map((file) => `events/${file.replace('.frames.jsonl', '')}`),
  ];
}

/** Every complete, well-formed recorded frame. */
export function allFrames(): { name: string; kind: Line['kind']; conn: string; bytes: Uint8Array }[] {
  return captureNames().flatMap((name) => capture(name).filter((line) => line.bytes.length > 0 && !line.raw && !line.truncated).map((line) => ({ name, ...line })));
}

/** A plain recorded answer, such as `dump`. */
export function recordedJson(name: string): JsonObject {
  return asObject(JSON.parse(readFileSync(`${ROOT}/json/${name}.json`, 'utf8'))) ?? {};
}

/** Lines of `decoded/NAME.decoded.jsonl`. */
export function decodedLines(name: string): JsonObject[] {
  return readFileSync(`${ROOT}/decoded/${name}.decoded.jsonl`, 'utf8').trim().split('\n').map((text) => asObject(JSON.parse(text)) ?? {});
}
