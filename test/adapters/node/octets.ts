import assert from 'node:assert/strict';
import { fromHex } from '../../../src/base/index.ts';

/** Octets from hexadecimal digits, as RFCs print them. */
export const bytes = (text: string): Uint8Array => {
  const out = fromHex(text.replaceAll(' ', '').replaceAll('\n', ''));
  assert.ok(out, `not hexadecimal: ${text}`);
  return out;
};

/** Exactly a Uint8Array: a Buffer must not leave the adapter. */
export const isPlain = (value: Uint8Array | undefined): void => assert.equal(Object.getPrototypeOf(value), Uint8Array.prototype);
