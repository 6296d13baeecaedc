import { ByteReader, err, ok } from '../../base/index.ts';
import type { ByteWriter, Result } from '../../base/index.ts';

/** RFC 1035 §2.3.4: a name has at most 255 octets on the wire, a label at most 63. */
const MOST_NAME = 255;
const MOST_LABEL = 63;
/** Pointers followed in one name: no honest name has more labels than this, and a message of pointers costs little. */
const MOST_POINTERS = 127;

/** A letter in lower case: names compare without case (RFC 4343), and only ASCII has one. */
const lower = (octet: number): number => (octet >= 65 && octet <= 90 ? octet + 32 : octet);

/** Text of one label; a dot, a backslash or an octet that is not printable shows as `\DDD` (RFC 4343 §2.1). */
function labelText(octets: Uint8Array): string {
  let out = '';
  for (const octet of octets)
    out += octet <= 32 || octet >= 127 || octet === 46 || octet === 92 ? `\\${octet.toString().padStart(3, '0')}` : String.fromCharCode(lower(octet));
  return out;
}

/** The form names are compared in: lower case, without the dot at the end. */
export function canonicalName(name: string): string {
  const text = name.endsWith('.') ? name.slice(0, -1) : name;
  let out = '';
  for (let i = 0; i < text.length; i++) out += String.fromCharCode(lower(text.charCodeAt(i)));
  return out;
}

/** Writes a name of printable ASCII; says what is wrong with one that cannot be asked for. */
export function writeName(writer: ByteWriter, name: string): Result<undefined> {
  const text = canonicalName(name);
  if (text === '') return err('empty name');
  // A length octet before each label and the root at the end: two octets more than the text.
  if (text.length + 2 > MOST_NAME) return err('name longer than 255 octets');
  for (const label of text.split('.')) {
    if (label === '') return err('empty label');
    if (label.length > MOST_LABEL) return err('label longer than 63 octets');
    writer.u8(label.length);
    for (let i = 0; i < label.length; i++) {
      const code = label.charCodeAt(i);
      if (code <= 32 || code >= 127 || code === 92) return err('not a host name');
      writer.u8(code);
    }
  }
  writer.u8(0);
  return ok(undefined);
}

/**
 * Reads a name at the reader's place, compression followed (RFC 1035 §4.1.4). A pointer must go backwards past every
 * octet read so far, so no chain of them is endless, and the chain is short. Undefined for a malformed name.
 */
export function readName(message: Uint8Array, reader: ByteReader): string | undefined {
  const labels: string[] = [];
  let length = 1;
  let at = reader;
  let floor = reader.offset;
  let pointers = 0;
  for (;;) {
    const octet = at.u8();
    if (at.failed) return undefined;
    if (octet === 0) return labels.join('.');
    if (octet >= 0xc0) {
      const target = ((octet & 0x3f) << 8) | at.u8();
      if (at.failed || target >= floor || ++pointers > MOST_POINTERS) return undefined;
      floor = target;
      at = new ByteReader(message, target);
      continue;
    }
    if (octet > MOST_LABEL) return undefined; // 01 and 10 are not in use (RFC 6891 §5)
    length += octet + 1;
    if (length > MOST_NAME) return undefined;
    const label = at.view(octet);
    if (at.failed) return undefined;
    labels.push(labelText(label));
  }
}
