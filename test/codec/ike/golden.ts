import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fromHex, toHex } from '../../../src/base/index.ts';
import { decodeChain, decodeHeader, HEADER_OCTETS, notifyName, type Payload } from '../../../src/codec/ike/index.ts';

/** Where the wire goldens of IKE lie, one text file per case: `-- Source --`, `-- Input --` hex, `-- Expect --` JSON. */
export const GOLDEN_DIR = 'test/golden/ike';

export interface Golden {
  readonly file: string;
  readonly source: string;
  readonly input: Uint8Array;
  readonly expect: string;
}

/** Octets of hexadecimal text; blanks and line ends are ignored. */
export function hex(text: string): Uint8Array {
  const bytes = fromHex(text.replaceAll(/\s/g, ''));
  if (bytes === undefined) throw new Error(`not hexadecimal: ${text}`);
  return bytes;
}

/** Names (without `.txt`) of the cases in one folder of goldens. */
export function goldenNames(folder: string): string[] {
  const path = `${GOLDEN_DIR}/${folder}`;
  return existsSync(path) ? readdirSync(path).filter((name) => name.endsWith('.txt')).sort().map((name) => name.slice(0, -4)) : [];
}

export function readGolden(folder: string, name: string): Golden {
  const file = `${GOLDEN_DIR}/${folder}/${name}.txt`;
  const text = readFileSync(file, 'utf8');
  const section = (title: string, next: string | undefined): string => {
    const start = text.indexOf(`-- ${title} --\n`);
    if (start < 0) throw new Error(`${file}: no section ${title}`);
    const from = start + title.length + 7;
    const to = next === undefined ? text.length : text.indexOf(`-- ${next} --\n`);
    return text.slice(from, to).trim();
  };
  return { file, source: section('Source', 'Input'), input: hex(section('Input', 'Expect')), expect: section('Expect', undefined) };
}

/** Rewrites the expectation of a golden (`GOLDEN=write`); the change is reviewed like code. */
export function writeExpect(golden: Golden, expect: string): void {
  const text = readFileSync(golden.file, 'utf8');
  const mark = '-- Expect --\n';
  writeFileSync(golden.file, `${text.slice(0, text.indexOf(mark))}${mark}${expect}\n`);
}

function plain(_key: string, value: unknown): unknown {
  if (value instanceof Uint8Array) return toHex(value);
  return typeof value === 'bigint' ? `0x${value.toString(16).padStart(16, '0')}` : value;
}

/** Payloads as readable JSON, one to a line. */
export function payloadLines(payloads: readonly Payload[]): string[] {
  return payloads.map((payload) => JSON.stringify(payload.type === 'N' ? { name: notifyName(payload.notify), ...payload } : payload, plain));
}

/** A message as readable JSON: its header, and its payloads one to a line. */
export function describeMessage(bytes: Uint8Array): string {
  const header = decodeHeader(bytes);
  if (header === undefined) return JSON.stringify({ kind: 'no header' });
  const chain = decodeChain(header.nextPayload, bytes, HEADER_OCTETS, bytes.length);
  if (chain.kind === 'malformed') return JSON.stringify({ header, chain }, plain, 2);
  const lines = payloadLines(chain.payloads).map((line) => `    ${line}`);
  return `{\n  "header": ${JSON.stringify(header, plain)},\n  "kind": "${chain.kind}",\n  "payloads": [\n${lines.join(',\n')}\n  ]\n}`;
}
