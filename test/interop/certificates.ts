/** Keys and certificates of both ends, from the tests' own CA (test/golden/pki): copies that daemons will take. */
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import type { Tuning } from './story.ts';

const PKI = resolve('test/golden/pki');
export type End = 'router' | 'hub';

/** Names in the certificates. */
export const CERTIFIED_ID = { router: 'router.example.com', hub: 'hub.example.com' } as const;
const NAMES = { router: 'router', hub: 'hub-p256', 'hub-rsa': 'hub-rsa' } as const;

export interface Certified {
  readonly id: string;
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

/** Files of one end in `dir`; `rsa` gives the hub an RSA key, everything else is ECDSA P-256. */
export function certified(dir: string, end: End, rsa = false): Certified {
  const own = join(dir, `${end}-pki`);
  mkdirSync(own, { recursive: true });
  const name = NAMES[end === 'hub' && rsa ? 'hub-rsa' : end];
  const file = (from: string, to: string): string => {
    copyFileSync(join(PKI, from), join(own, to));
    chmodSync(join(own, to), 0o600);
    return join(own, to);
  };
  return { id: CERTIFIED_ID[end], cert: file(`${name}.crt`, 'own.crt'), key: file(`${name}.key`, 'own.key'), ca: file('root.crt', 'root.crt') };
}

/** mobiked's options for it. */
export function certifiedTuning(dir: string, end: End, rsa = false): Tuning['options'] {
  const { id, cert, key, ca } = certified(dir, end, rsa);
  return { auth: 'cert', psk: undefined, local_id: id, remote_id: CERTIFIED_ID[end === 'router' ? 'hub' : 'router'], local_cert: cert, local_key: key, remote_ca: [ca] };
}

/** The same as a PKCS#12 file without password, as NSS wants it. */
export function pkcs12({ cert, key }: Certified, dir: string): string {
  const out = join(dir, 'own.p12');
  const made = spawnSync('openssl', ['pkcs12', '-export', '-in', cert, '-inkey', key, '-name', 'own', '-passout', 'pass:', '-out', out], { encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`openssl pkcs12: ${made.stderr}`);
  return out;
}

/** The folders that swanctl reads: keys it takes from nowhere else. */
export function swanctlDir({ cert, key, ca }: Certified, dir: string): string {
  for (const [folder, from] of [['x509', cert], ['private', key], ['x509ca', ca]] as const) {
    mkdirSync(join(dir, folder), { recursive: true });
    copyFileSync(from, join(dir, folder, folder === 'private' ? 'own.key' : `${folder}.crt`));
  }
  writeFileSync(join(dir, 'swanctl.conf'), '');
  return dir;
}
