/** Keys and certificates of both ends, from the tests' own CA (test/golden/pki): copies that daemons will take. */
import { chmodSync, copyFileSync, mkdirSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import type { Tuning } from './story.ts';

const PKI = resolve('test/golden/pki');
export type End = 'router' | 'hub';

/** The certificates there are, with the name in each. */
export const IDENTITY = { router: 'router.example.com', 'hub-p256': 'hub.example.com', 'hub-rsa': 'hub.example.com' } as const;
export type Holder = keyof typeof IDENTITY;
export type Holders = { readonly [E in End]: Holder };
/** ECDSA P-256 at both ends. */
export const HOLDERS: Holders = { router: 'router', hub: 'hub-p256' };

/** The certificate with an RSA key at one end. Its name is a hub's wherever it is: names say nothing of the place. */
export const rsaIsOurs = (end: End): Holders => (end === 'router' ? { router: 'hub-rsa', hub: 'router' } : { router: 'router', hub: 'hub-rsa' });

export interface Certified {
  readonly id: string;
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

/** Files of one end in `dir`. */
export function certified(dir: string, end: End, holder: Holder = HOLDERS[end]): Certified {
  const own = join(dir, `${end}-pki`);
  mkdirSync(own, { recursive: true });
  const file = (from: string, to: string): string => {
    copyFileSync(join(PKI, from), join(own, to));
    chmodSync(join(own, to), 0o600);
    return join(own, to);
  };
  return { id: IDENTITY[holder], cert: file(`${holder}.crt`, 'own.crt'), key: file(`${holder}.key`, 'own.key'), ca: file('root.crt', 'root.crt') };
}

/** mobiked's options at this end, when it has one certificate and the peer the other. */
export function certifiedTuning(dir: string, end: End, holders = HOLDERS): Tuning['options'] {
  const { id, cert, key, ca } = certified(dir, end, holders[end]);
  return { auth: 'cert', psk: undefined, local_id: id, remote_id: IDENTITY[holders[end === 'router' ? 'hub' : 'router']], local_cert: cert, local_key: key, remote_ca: [ca] };
}

/** The same as a PKCS#12 file without password, as NSS wants it. */
export function pkcs12({ cert, key }: Certified, dir: string): string {
  const out = join(dir, 'own.p12');
  const made = spawnSync('openssl', ['pkcs12', '-export', '-in', cert, '-inkey', key, '-name', 'own', '-passout', 'pass:', '-out', out], { encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`openssl pkcs12: ${made.stderr}`);
  return out;
}

/** Puts it where swanctl takes it from: folders beside its file. */
export function layOut({ cert, key, ca }: Certified, dir: string): void {
  for (const [folder, from] of [['x509', cert], ['private', key], ['x509ca', ca]] as const) {
    mkdirSync(join(dir, folder), { recursive: true });
    copyFileSync(from, join(dir, folder, 'own'));
  }
}
