import { test } from 'node:test';
import assert from 'node:assert/strict';
import { sources, textOf } from './tree.ts';

/** The places that open a `Secret`, each with what it does with the octets. */
const OPENERS: { readonly [path: string]: string } = {
  'src/adapters/node/esp.ts': 'hands an SA its key',
  'src/adapters/node/mqtt.ts': 'the password of CONNECT',
  'src/config/reload.ts': 'compares the old with the new',
  'src/esp/protection.ts': 'makes the cipher of an SA',
  'src/esp/soft-esp.ts': 'shows the nonce guard the key of an SA',
  'src/main/credentials.ts': 'looks whether a private key is the one of its certificate',
  'src/ike/authentication.ts': 'AUTH of a pre-shared key, RFC 7296 §2.15, or with the key of a certificate, RFC 7427',
};

test('architecture 2.3: a secret is opened where it is used, and nowhere else', () => {
  assert.deepEqual(sources().filter((path) => /\breveal\b/.test(textOf(path)) && path !== 'src/base/secret.ts'), Object.keys(OPENERS).sort());
});
