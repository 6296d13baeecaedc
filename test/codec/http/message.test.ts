import { test } from 'node:test';
import assert from 'node:assert/strict';
import { concat, fromUtf8, toUtf8 } from '../../../src/base/index.ts';
import { decodeHead, encodeGet, MOST_HEAD, pageOf } from '../../../src/codec/http/index.ts';

const head = (text: string): ReturnType<typeof decodeHead> => decodeHead(toUtf8(text));

test('RFC 9112 §3.2: a GET names the host with its port, IPv6 in brackets, and asks for the end of the connection', () => {
  assert.equal(fromUtf8(encodeGet('198.51.100.7', 80, '/generate_204')), 'GET /generate_204 HTTP/1.1\r\nHost: 198.51.100.7\r\nUser-Agent: mobiked\r\nCache-Control: no-cache\r\nConnection: close\r\n\r\n');
  assert.ok(fromUtf8(encodeGet('2001:db8::7', 8080, '/'))?.includes('\r\nHost: [2001:db8::7]:8080\r\n'));
});

test('RFC 9112 §4: status and length of a head', () => {
  assert.deepEqual(head('HTTP/1.1 204 No Content\r\n\r\n'), { kind: 'head', status: 204, length: undefined });
  assert.deepEqual(head('HTTP/1.0 200 OK\r\nServer: x\r\nCONTENT-length:  12 \r\n\r\n<html>'), { kind: 'head', status: 200, length: 12 });
  assert.deepEqual(head('HTTP/1.1 302\nLocation: http://login.example/\n\n'), { kind: 'head', status: 302, length: undefined }); // LF alone, no reason
  assert.deepEqual(head('\r\nHTTP/1.1 511 \r\n\r\n'), { kind: 'head', status: 511, length: undefined });
  assert.deepEqual(head('HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n'), { kind: 'head', status: 200, length: undefined });
});

test('a head comes in pieces: every beginning of it asks for more', () => {
  const text = 'HTTP/1.1 204 No Content\r\nDate: today\r\n\r\n';
  for (let end = 0; end < text.length; end++) assert.equal(head(text.slice(0, end)).kind, 'more', text.slice(0, end));
  assert.equal(head(text).kind, 'head');
});

for (const text of ['SSH-2.0-OpenSSH_9.2\r\n', 'HTTP/2.0 204 x\r\n\r\n', 'HTTP/1.1 20 x\r\n\r\n', 'HTTP/1.1 2044\r\n\r\n', 'HTTP/1.1 999 x\r\n\r\n', 'HTTP/1.1  204\r\n\r\n', 'HTTP/1.10 204 x\r\n\r\n', '\0\0\0\0', 'http/1.1 204 x\r\n\r\n']) {
  test(`no HTTP: ${JSON.stringify(text)}`, () => assert.equal(head(text).kind, 'malformed'));
}

test(`a head that has no end within ${MOST_HEAD} octets is none`, () => {
  const long = toUtf8(`HTTP/1.1 204 No Content\r\nX: ${'y'.repeat(MOST_HEAD)}`);
  assert.equal(decodeHead(long.subarray(0, MOST_HEAD - 1)).kind, 'more');
  assert.equal(decodeHead(long.subarray(0, MOST_HEAD)).kind, 'malformed');
  assert.equal(decodeHead(concat(long, toUtf8('\r\n\r\n'))).kind, 'malformed');
});

for (const [status, length, page] of [
  [204, undefined, 'no_content'], [204, 0, 'no_content'], [200, undefined, 'portal'], [200, 120, 'portal'], [200, 0, 'other'],
  [301, 0, 'portal'], [302, undefined, 'portal'], [307, undefined, 'portal'], [511, 10, 'portal'], [404, 10, 'other'], [500, undefined, 'other'], [100, undefined, 'other'],
] as const) {
  test(`a status ${status} with length ${String(length)} is ${page}`, () => assert.equal(pageOf({ status, length }), page));
}

test('20,000 random and mutated heads: no throw, a known kind', () => {
  let state = 20_241_122;
  const draw = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const seed = toUtf8('HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 12\r\n\r\n');
  const kinds = new Set<string>();
  for (let round = 0; round < 20_000; round++) {
    const bytes = round % 2 === 0 ? seed.slice(0, draw(seed.length + 1)) : Uint8Array.from({ length: draw(64) }, () => draw(256));
    for (let change = draw(4); change > 0 && bytes.length > 0; change--) bytes[draw(bytes.length)] = draw(256);
    kinds.add(decodeHead(bytes).kind);
  }
  assert.deepEqual([...kinds].sort(), ['head', 'malformed', 'more']);
});
