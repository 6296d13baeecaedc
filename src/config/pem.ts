import { err, ok, type Result } from '../base/index.ts';

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
/** Character code to digit; 255: none. */
const DIGITS = ((): Uint8Array => {
  const out = new Uint8Array(128).fill(255);
  for (let i = 0; i < BASE64.length; i++) out[BASE64.charCodeAt(i)] = i;
  return out;
})();

/** Octets of Base64 (RFC 4648 §4) with or without `=` at its end, without blanks; undefined for anything else. */
export function fromBase64(text: string): Uint8Array | undefined {
  const end = text.endsWith('==') ? text.length - 2 : text.endsWith('=') ? text.length - 1 : text.length;
  if (end % 4 === 1 || (end < text.length && text.length % 4 !== 0)) return undefined;
  const out = new Uint8Array(Math.floor((end * 3) / 4));
  let bits = 0;
  let have = 0;
  let at = 0;
  for (let i = 0; i < end; i++) {
    const digit = DIGITS[text.charCodeAt(i)] ?? 255;
    if (digit === 255) return undefined;
    bits = ((bits << 6) | digit) & 0xfff;
    have += 6;
    if (have >= 8) {
      have -= 8;
      out[at++] = (bits >> have) & 255;
    }
  }
  return out;
}

/** One `-----BEGIN label-----` of a PEM file. */
export interface PemBlock {
  readonly label: string;
  readonly der: Uint8Array;
}

const BEGIN = '-----BEGIN ';
const END = '-----END ';
const DASHES = '-----';
/** Blocks of one file; a bundle of every CA there is has fewer. */
const MOST_BLOCKS = 1000;

/**
 * The blocks of a PEM file (RFC 7468); text around them is left alone. An encrypted key is refused in words: there is nobody to ask for
 * its passphrase. The errors show nothing of the contents.
 */
export function parsePem(text: string): Result<PemBlock[]> {
  const blocks: PemBlock[] = [];
  let label: string | undefined;
  let body: string[] = [];
  for (const raw of text.split('\n')) {
    const line = raw.trim();
    if (line.startsWith(BEGIN) && line.endsWith(DASHES)) {
      if (label !== undefined) return err('is no PEM file: a block begins inside another');
      label = line.slice(BEGIN.length, -DASHES.length);
      if (label === 'ENCRYPTED PRIVATE KEY') return err(ENCRYPTED);
    } else if (line.startsWith(END)) {
      if (label === undefined || line !== `${END}${label}${DASHES}`) return err('is no PEM file: a block ends that did not begin');
      const der = fromBase64(body.join(''));
      if (!der || der.length === 0) return err('is no PEM file: a block is not Base64');
      if (blocks.length >= MOST_BLOCKS) return err(`holds more than ${MOST_BLOCKS} PEM blocks`);
      blocks.push({ label, der });
      label = undefined;
      body = [];
    } else if (label !== undefined) {
      if (line.startsWith('Proc-Type:') && line.endsWith('ENCRYPTED')) return err(ENCRYPTED);
      body.push(line);
    }
  }
  return label === undefined ? ok(blocks) : err('is no PEM file: its last block has no end');
}

const ENCRYPTED = 'holds a key encrypted with a passphrase; decrypt it: openssl pkey -in FILE -out NEWFILE';
