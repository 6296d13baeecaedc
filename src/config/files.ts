import { fromUtf8, type Result } from '../base/index.ts';
import type { SECTIONS } from './options.ts';
import { parsePem } from './pem.ts';
import { quote } from './problems.ts';
import type { Checked } from './section.ts';
import { withoutLineEnd } from './values.ts';

/** Reads a file named by an option (`psk_file`, `local_cert`, `ca`…); the error says why it cannot be read. */
export type ReadFile = (path: string) => Result<{ readonly octets: Uint8Array; readonly worldReadable: boolean }>;

type Files = 'connection' | 'mqtt';
type OptionOf<K extends Files> = keyof (typeof SECTIONS)[K] & string;

interface FileContent {
  readonly octets: Uint8Array;
  readonly worldReadable: boolean;
}

/** The file that `option` names; reports why there is none. A disabled section may name files that are not there yet. */
export function readNamed<K extends Files>(checked: Checked<(typeof SECTIONS)[K]>, path: string, option: OptionOf<K>, readFile: ReadFile, index = 0): FileContent | undefined {
  // The value is shown only once it looks like a path: a secret may have been put here by mistake.
  if (!path.startsWith('/')) {
    checked.error(option, 'needs an absolute path, beginning with /', index);
    return undefined;
  }
  const read = readFile(path);
  if (read.ok) return read.value;
  if (!checked.disabled) checked.error(option, `${quote(path)} cannot be read: ${read.error}`, index);
  return undefined;
}

/** Warns of a file with a secret in it that everybody may read. */
export function warnReadable<K extends Files>(checked: Checked<(typeof SECTIONS)[K]>, path: string, option: OptionOf<K>, content: FileContent): void {
  if (content.worldReadable) checked.warn(option, `${quote(path)} can be read by every user; do: chmod 600 ${path}`);
}

export function textOf<K extends Files>(checked: Checked<(typeof SECTIONS)[K]>, path: string, option: OptionOf<K>, content: FileContent): string | undefined {
  const text = fromUtf8(content.octets);
  if (text === undefined) checked.error(option, `${quote(path)} cannot be read: not UTF-8 text`);
  return text;
}

/** Text of `option`, or of the file `fileOption` names without its last line break; reports what is wrong. */
export function secretText<K extends Files>(
  checked: Checked<(typeof SECTIONS)[K]>, inline: string | undefined, file: string | undefined, option: OptionOf<K>, fileOption: OptionOf<K>, readFile: ReadFile,
): { readonly text: string; readonly from: OptionOf<K> } | undefined {
  if (inline !== undefined && file !== undefined) {
    checked.error(fileOption, `stands beside '${option}'; keep one of them`);
    return undefined;
  }
  if (inline !== undefined) return { text: inline, from: option };
  const content = file === undefined ? undefined : readNamed<K>(checked, file, fileOption, readFile);
  if (!content || file === undefined) return undefined;
  warnReadable<K>(checked, file, fileOption, content);
  const text = textOf<K>(checked, file, fileOption, content);
  return text === undefined ? undefined : { text: withoutLineEnd(text), from: fileOption };
}

/** DER begins with a SEQUENCE; no text does. */
const SEQUENCE = 0x30;

/**
 * The objects of a PEM file with one of these labels, as DER; a file that begins as DER does is one object itself. The error follows
 * the path in a sentence.
 */
export function derObjects(octets: Uint8Array, labels: readonly string[], what: string): Result<Uint8Array[]> {
  const text = fromUtf8(octets);
  if (octets[0] === SEQUENCE && (octets[1] ?? 0) >= 0x80) return { ok: true, value: [octets.slice()] };
  if (text === undefined) return { ok: false, error: `holds no ${what}: it is neither PEM nor DER` };
  const blocks = parsePem(text);
  if (!blocks.ok) return blocks;
  const found = blocks.value.filter((block) => labels.includes(block.label)).map((block) => block.der);
  if (found.length > 0) return { ok: true, value: found };
  const other = blocks.value[0]?.label;
  return { ok: false, error: `holds no ${what}${other === undefined ? '' : `, but a block '${other.slice(0, 40)}'`}` };
}
