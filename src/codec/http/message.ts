import { toUtf8 } from '../../base/index.ts';

/** Octets of a head that are looked at: status line and fields of any honest answer to a probe. */
export const MOST_HEAD = 4096;

const SPACE = 0x20;
const LF = 0x0a;
const CR = 0x0d;

export type HttpHead =
  /** The head is not whole: wait for more. */
  | { readonly kind: 'more' }
  /** No HTTP/1.x, or a head longer than `MOST_HEAD`. */
  | { readonly kind: 'malformed'; readonly why: string }
  /** `length`: what Content-Length says; undefined where it says nothing, or no number. */
  | { readonly kind: 'head'; readonly status: number; readonly length: number | undefined };

/** What a head says of the way to its server: the wanted nothing, a portal's page, or something else. */
export type Page = 'no_content' | 'portal' | 'other';

/** One GET after which the server closes (RFC 9112 §3, §9.6). `host` is a name or an address without brackets. */
export function encodeGet(host: string, port: number, path: string): Uint8Array {
  const name = host.includes(':') ? `[${host}]` : host;
  const authority = port === 80 ? name : `${name}:${port}`;
  return toUtf8(`GET ${path} HTTP/1.1\r\nHost: ${authority}\r\nUser-Agent: mobiked\r\nCache-Control: no-cache\r\nConnection: close\r\n\r\n`);
}

/** Octets as text, one character each: field names and numbers are ASCII, the rest is not looked at. */
function latin(bytes: Uint8Array): string {
  let out = '';
  for (const octet of bytes) out += String.fromCharCode(octet);
  return out;
}

/** Three digits, 100 to 599 (RFC 9110 §15). */
function statusOf(text: string): number | undefined {
  const status = digits(text);
  return text.length === 3 && status !== undefined && status >= 100 && status <= 599 ? status : undefined;
}

/** A number of at most 15 digits, which a double holds. */
function digits(text: string): number | undefined {
  if (text === '' || text.length > 15) return undefined;
  for (const char of text) if (char < '0' || char > '9') return undefined;
  return Number(text);
}

/** The lines of a head that is whole, without their ends; undefined: it is not. A line may end with LF alone (RFC 9112 §2.2). */
function linesOf(bytes: Uint8Array): string[] | undefined {
  const lines: string[] = [];
  let start = 0;
  for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, start)) {
    const end = at > start && bytes[at - 1] === CR ? at - 1 : at;
    if (end === start) {
      if (lines.length > 0) return lines;
    } else lines.push(latin(bytes.subarray(start, end))); // empty lines before the status line are skipped
    start = at + 1;
  }
  return undefined;
}

/**
 * Reads the head of a response (RFC 9112 §4, §5):
 *
 *     HTTP/1.1 SP 3DIGIT [ SP reason ] CRLF *( name ":" value CRLF ) CRLF
 */
export function decodeHead(bytes: Uint8Array): HttpHead {
  const malformed = (why: string): HttpHead => ({ kind: 'malformed', why });
  const head = bytes.subarray(0, MOST_HEAD);
  const lines = linesOf(head);
  if (lines === undefined) return bytes.length >= MOST_HEAD ? malformed('the head has no end') : beginsRight(head) ? { kind: 'more' } : malformed('not HTTP');
  const [statusLine = '', ...fields] = lines;
  if (!statusLine.startsWith('HTTP/1.') || statusLine.charCodeAt(8) !== SPACE) return malformed('no status line');
  const status = statusOf(statusLine.slice(9, 12));
  if (status === undefined || (statusLine.length > 12 && statusLine.charCodeAt(12) !== SPACE)) return malformed('no status');
  const value = fields.find((field) => field.slice(0, 15).toLowerCase() === 'content-length:')?.slice(15).trim();
  return { kind: 'head', status, length: value === undefined ? undefined : digits(value) };
}

/** What is there of the status line may become one: anything else is told at once. */
function beginsRight(head: Uint8Array): boolean {
  const text = latin(head.subarray(0, 16));
  let at = 0;
  while (text[at] === '\r' || text[at] === '\n') at++;
  const begun = text.slice(at, at + 7);
  return 'HTTP/1.'.startsWith(begun);
}

/**
 * What the answer to a request for a 204 means. A portal redirects, shows its page in place of ours, or says what it is (511, RFC 6585 §6).
 * An empty 200 is a broken proxy: nobody could log in there.
 */
export function pageOf(head: { readonly status: number; readonly length: number | undefined }): Page {
  const { status, length } = head;
  if (status === 204) return 'no_content';
  if ((status >= 300 && status <= 399) || status === 511) return 'portal';
  return status === 200 && length !== 0 ? 'portal' : 'other';
}
