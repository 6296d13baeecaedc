const HEX = '0123456789abcdef';

/** Lower-case hexadecimal, two digits an octet. */
export function toHex(bytes: Uint8Array): string {
  let out = '';
  for (const octet of bytes) out += HEX.charAt(octet >> 4) + HEX.charAt(octet & 15);
  return out;
}

/** Octets of an even-length hexadecimal string (either case); undefined for anything else. */
export function fromHex(text: string): Uint8Array | undefined {
  if (text.length % 2 !== 0) return undefined;
  const out = new Uint8Array(text.length / 2);
  for (let i = 0; i < out.length; i++) {
    const high = HEX.indexOf(text.charAt(2 * i).toLowerCase());
    const low = HEX.indexOf(text.charAt(2 * i + 1).toLowerCase());
    if (high < 0 || low < 0) return undefined;
    out[i] = high * 16 + low;
  }
  return out;
}

/** UTF-8 octets of a string; a lone surrogate becomes U+FFFD. */
export function toUtf8(text: string): Uint8Array {
  const out = new Uint8Array(text.length * 3);
  let at = 0;
  for (const char of text) {
    let code = char.codePointAt(0) ?? 0xfffd;
    if (code >= 0xd800 && code <= 0xdfff) code = 0xfffd;
    if (code < 0x80) out[at++] = code;
    else if (code < 0x800) {
      out[at++] = 0xc0 | (code >> 6);
      out[at++] = 0x80 | (code & 63);
    } else if (code < 0x10000) {
      out[at++] = 0xe0 | (code >> 12);
      out[at++] = 0x80 | ((code >> 6) & 63);
      out[at++] = 0x80 | (code & 63);
    } else {
      out[at++] = 0xf0 | (code >> 18);
      out[at++] = 0x80 | ((code >> 12) & 63);
      out[at++] = 0x80 | ((code >> 6) & 63);
      out[at++] = 0x80 | (code & 63);
    }
  }
  return out.slice(0, at);
}

/**
 * Strict UTF-8 decoding (RFC 3629 §3: no overlong forms, no surrogates, nothing above U+10FFFF).
 * Returns undefined for invalid input; one function of ours because engines differ on it.
 */
export function fromUtf8(bytes: Uint8Array): string | undefined {
  const parts: string[] = [];
  let chunk: number[] = [];
  let i = 0;
  while (i < bytes.length) {
    const first = bytes[i] ?? 0;
    let need = 0;
    let code = first;
    let least = 0;
    if (first >= 0x80) {
      if (first >= 0xc2 && first <= 0xdf) [need, code, least] = [1, first & 0x1f, 0x80];
      else if (first >= 0xe0 && first <= 0xef) [need, code, least] = [2, first & 0x0f, 0x800];
      else if (first >= 0xf0 && first <= 0xf4) [need, code, least] = [3, first & 0x07, 0x10000];
      else return undefined;
    }
    if (i + need >= bytes.length) return undefined;
    for (let k = 1; k <= need; k++) {
      const next = bytes[i + k] ?? 0;
      if ((next & 0xc0) !== 0x80) return undefined;
      code = (code << 6) | (next & 0x3f);
    }
    if (code < least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return undefined;
    chunk.push(code);
    if (chunk.length === 512) {
      parts.push(String.fromCodePoint(...chunk));
      chunk = [];
    }
    i += need + 1;
  }
  parts.push(String.fromCodePoint(...chunk));
  return parts.join('');
}

/** Replaces control characters by `\xNN`, so that foreign text cannot forge log lines or drive a terminal. */
export function printable(text: string, most = 256): string {
  let out = '';
  for (const char of text) {
    if (out.length >= most) return `${out}…`;
    const code = char.codePointAt(0) ?? 0;
    out += code < 0x20 || (code >= 0x7f && code < 0xa0) ? `\\x${HEX.charAt(code >> 4)}${HEX.charAt(code & 15)}` : char;
  }
  return out;
}
