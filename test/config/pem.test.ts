import { test } from 'node:test';
import assert from 'node:assert/strict';
import { fromBase64, parsePem } from '../../src/config/pem.ts';

const block = (label: string, body: string): string => `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`;

test('RFC 4648 §10: Base64', () => {
  const cases = [['', ''], ['Zg==', 'f'], ['Zm8=', 'fo'], ['Zm9v', 'foo'], ['Zm9vYg==', 'foob'], ['Zm9vYmE=', 'fooba'], ['Zm9vYmFy', 'foobar'], ['Zg', 'f'], ['Zm8', 'fo']] as const;
  for (const [coded, plain] of cases) assert.deepEqual(fromBase64(coded), new TextEncoder().encode(plain), coded);
  const all = Uint8Array.from({ length: 1000 }, (_, i) => (i * 7) & 255);
  assert.deepEqual(fromBase64(Buffer.from(all).toString('base64')), all);
  for (const bad of ['Z', 'Zm9vY', 'Zm 9v', 'Zm9v\n', 'Z===', '=', 'Zm=v', 'Zm9-', 'Zm9_', 'Zm9é', 'Zm9\u{1f600}']) assert.equal(fromBase64(bad), undefined, bad);
});

test('RFC 7468: blocks in order, text around them left alone, every kind of line end', () => {
  const text = `Subject: CN=hub\n${block('CERTIFICATE', 'AAEC\nAwQF')}\nbag attributes\n${block('PRIVATE KEY', '/w==')}`;
  const wanted = { ok: true, value: [{ label: 'CERTIFICATE', der: Uint8Array.of(0, 1, 2, 3, 4, 5) }, { label: 'PRIVATE KEY', der: Uint8Array.of(255) }] };
  assert.deepEqual(parsePem(text), wanted);
  assert.deepEqual(parsePem(text.replaceAll('\n', '\r\n')), wanted);
  assert.deepEqual(parsePem(text.trimEnd()), wanted);
  assert.deepEqual(parsePem(''), { ok: true, value: [] });
  assert.deepEqual(parsePem('nothing of that kind'), { ok: true, value: [] });
});

test('what is damaged is refused whole, in words and without its contents', () => {
  const good = block('CERTIFICATE', 'AAEC');
  const cases: readonly (readonly [string, RegExp])[] = [
    [good.replace('-----END CERTIFICATE-----', ''), /no end/],
    [good.replace('END CERTIFICATE', 'END PRIVATE KEY'), /did not begin/],
    ['-----END CERTIFICATE-----', /did not begin/],
    [good.replace('AAEC', 'AAEC!secret'), /not Base64/],
    [block('CERTIFICATE', ''), /not Base64/],
    [good.replace('AAEC', good), /inside another/],
    [good.repeat(1001), /more than 1000/],
    [block('ENCRYPTED PRIVATE KEY', 'AAEC'), /passphrase/],
    [block('RSA PRIVATE KEY', 'Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAEC'), /passphrase/],
  ];
  for (const [text, why] of cases) {
    const result = parsePem(text);
    assert.ok(!result.ok && why.test(result.error), `${text}: ${result.ok ? 'taken' : result.error}`);
    assert.ok(!result.error.includes('secret') && !result.error.includes('AAEC'));
  }
});

test('whatever is in a file: an answer in words, no exception, and never more octets than it had', () => {
  const good = `${block('CERTIFICATE', 'AAEC')}${block('X509 CRL', 'AwQFBgc=')}`;
  let seed = 1;
  const next = (below: number): number => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % below;
  };
  const bits = ['-----', 'BEGIN ', 'END ', '\n', '=', 'AAEC', 'Proc-Type:', '\u{1f600}', '\0', 'CERTIFICATE'];
  for (let i = 0; i < 5000; i++) {
    let text = good;
    for (let n = next(4); n >= 0; n--) {
      const at = next(text.length + 1);
      text = text.slice(0, at) + (next(2) === 0 ? (bits[next(bits.length)] ?? '') : '') + text.slice(at + next(6));
    }
    const result = parsePem(text);
    const octets = result.ok ? result.value.reduce((sum, b) => sum + b.der.length, 0) : 0;
    assert.ok(result.ok ? octets <= text.length : result.error.length > 0, text);
  }
});
