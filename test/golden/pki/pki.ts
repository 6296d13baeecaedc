import { readFileSync } from 'node:fs';
import { loadNative, nodePki } from '../../../src/adapters/node/index.ts';
import type { Pki } from '../../../src/crypto/index.ts';

/** 2026-06-01 12:00:00 UTC in Unix seconds: the time of every test with these certificates. */
export const NOW = 1_780_315_200;

/** The blocks of a PEM text, DER; `make.mjs` beside this file wrote it. */
function pem(file: string): Uint8Array {
  const lines = readFileSync(`test/golden/pki/${file}`, 'latin1').split('\n');
  return new Uint8Array(Buffer.from(lines.filter((line) => !line.startsWith('-----')).join(''), 'base64'));
}

export const crt = (name: string): Uint8Array => pem(`${name}.crt`);
export const key = (name: string): Uint8Array => pem(`${name}.key`);
export const crl = (name: string): Uint8Array => pem(`${name}.crl`);

/** The platform's X.509; throws when there is none: `make check` builds the addon. */
export function testPki(): Pki {
  const pki = nodePki(loadNative());
  if (typeof pki === 'string') throw new Error(pki);
  return pki;
}
