import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { crl, crt } from '../golden/pki/pki.ts';

const COUNT = 6000;
const CERTIFICATES = ['hub-p256', 'hub-ed25519', 'hub-rsa', 'inter', 'inter-constrained', 'permitted', 'eku-ike', 'eku-broken', 'critical', 'nul-san', 'odd-curve', 'rsa-pss-key'];

test(`I3.6-2: ${COUNT} mutated certificates and CRLs through the C part under AddressSanitizer: no octet too far, no leak, every refusal in words`, (context) => {
  const made = spawnSync('make', ['build/asan/x509'], { encoding: 'utf8' });
  if (made.status !== 0) return context.skip(`cannot build with the sanitizers: ${made.stderr.trim().split('\n').at(-1) ?? ''}`);
  const dir = mkdtempSync(join(tmpdir(), 'x509-'));
  try {
    const file = (name: string, der: Uint8Array): string => {
      const path = join(dir, name);
      writeFileSync(path, der);
      return path;
    };
    const files = [file('root', crt('root')), file('crl', crl('root')), ...CERTIFICATES.map((name) => file(name, crt(name)))];
    for (const seed of [1, 2]) {
      const run = spawnSync('build/asan/x509', [String(COUNT / 2), String(seed), ...files], { encoding: 'utf8' });
      if (run.status === 3) return context.skip(run.stderr.trim());
      assert.equal(run.status, 0, `seed ${seed}: ${run.stdout}${run.stderr}`);
      const [read = 0, lists = 0, held = 0] = run.stdout.split(',').map((part) => Number.parseInt(part, 10));
      assert.ok(read > 500 && read < COUNT / 2 && lists > 500 && held > 50, `the inputs reach past the parser: ${run.stdout}`);
    }
  } finally {
    rmSync(dir, { recursive: true });
  }
});
