import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { sameBytes } from '../../../src/base/index.ts';
import { decodeSignature, encodeSignature, type Pki, type SignatureScheme } from '../../../src/crypto/index.ts';
import { crl, crt, testPki } from '../../golden/pki/pki.ts';
import type { Target } from '../target.ts';

const SCHEMES: readonly SignatureScheme[] = [
  'rsa-pss-sha256', 'rsa-pss-sha384', 'rsa-pss-sha512', 'rsa-pkcs1-sha256', 'rsa-pkcs1-sha384', 'rsa-pkcs1-sha512', 'ecdsa-sha256', 'ecdsa-sha384', 'ecdsa-sha512', 'ed25519',
];

let pki: Pki | undefined;

export const PKI_TARGETS: readonly Target[] = [
  {
    name: 'signature', most: 300, parser: true,
    seeds: () => SCHEMES.map((scheme) => encodeSignature(scheme, new Uint8Array(8).fill(7))),
    run(input) {
      const decoded = decodeSignature(input);
      if (decoded === undefined) return;
      // One algorithm may be written in several ways: what we write decodes to the same.
      const again = decodeSignature(encodeSignature(decoded.scheme, decoded.signature));
      assert.ok(again && again.scheme === decoded.scheme && again.hash === decoded.hash && sameBytes(again.signature, decoded.signature));
      assert.ok(decoded.signature.length > 0 && decoded.signature.length < input.length);
    },
  },
  {
    // The parser is OpenSSL's; make fuzz has the C around it under sanitizers too (native).
    name: 'certificate', most: 1500, parser: false,
    seeds: () => readdirSync('test/golden/pki').flatMap((file) => (file.endsWith('.crt') ? [crt(file.slice(0, -4))] : file.endsWith('.crl') ? [crl(file.slice(0, -4))] : [])),
    run(input) {
      pki ??= testPki();
      const facts = pki.read(input);
      const verdict = pki.verifyChain(input, [input], { anchors: [input], crls: [], now: undefined, allowTlsUsage: false });
      assert.ok(verdict.ok || verdict.why.length > 0);
      assert.ok(facts !== undefined || !verdict.ok, 'what cannot be read is not accepted');
    },
  },
];
