import type { AeadName, DhGroup, HashName } from './suite.ts';

/** Transform types (RFC 7296 §3.3.2). */
export const TRANSFORM_TYPE = { ENCR: 1, PRF: 2, INTEG: 3, KE: 4, ESN: 5 } as const;
export type TransformKind = keyof typeof TRANSFORM_TYPE;

/** Transform ID that stands for "none" in types INTEG and KE (RFC 7296 §3.3.2). */
export const TRANSFORM_NONE = 0;

/** Requirement level of the RFCs; `-`: not listed there. */
type Level = 'MUST' | 'SHOULD+' | 'SHOULD' | 'MAY' | 'MUST-' | '-';

interface TransformBase {
  readonly id: number;
  readonly ref: string;
  /** In IKE (RFC 8247) and in ESP (RFC 8221). */
  readonly level: { readonly ike: Level; readonly esp: Level };
  /** Other spellings strongSwan takes. */
  readonly aliases?: readonly string[];
}

/** A cipher. `keyOctets` is without salt; `saltOctets` follow it in the key material. */
export interface EncrTransform extends TransformBase {
  readonly kind: 'ENCR';
  /** Value of the Key Length attribute in bits; undefined for a cipher of one key size, which must not carry it. */
  readonly keyLength?: number;
  readonly keyOctets: number;
  readonly saltOctets: number;
  readonly ivOctets: number;
  readonly icvOctets: number;
  /** Set for combined-mode ciphers: those go without an INTEG transform (RFC 7296 §3.3). */
  readonly aead?: AeadName;
}

export interface PrfTransform extends TransformBase {
  readonly kind: 'PRF';
  readonly hash: HashName;
}

export interface IntegTransform extends TransformBase {
  readonly kind: 'INTEG';
  readonly hash: HashName;
  readonly keyOctets: number;
  /** Octets of the truncated tag. */
  readonly icvOctets: number;
}

export interface KeTransform extends TransformBase {
  readonly kind: 'KE';
  readonly group: DhGroup;
}

export interface EsnTransform extends TransformBase {
  readonly kind: 'ESN';
  readonly extended: boolean;
}

export type TransformRow = EncrTransform | PrfTransform | IntegTransform | KeTransform | EsnTransform;

const aesGcm16 = (keyLength: 128 | 256): EncrTransform => ({
  kind: 'ENCR', id: 20, keyLength, keyOctets: keyLength / 8, saltOctets: 4, ivOctets: 8, icvOctets: 16, aead: 'aes-gcm-16',
  ref: 'RFC 4106, RFC 5282', level: { ike: 'SHOULD', esp: 'MUST' }, aliases: [`aes${keyLength}gcm128`],
});

const aesCbc = (keyLength: 128 | 256, aliases: readonly string[]): EncrTransform => ({
  kind: 'ENCR', id: 12, keyLength, keyOctets: keyLength / 8, saltOctets: 0, ivOctets: 16, icvOctets: 0, ref: 'RFC 3602', level: { ike: 'MUST', esp: 'MUST' }, aliases,
});

const modp = (group: 14 | 15 | 16, ike: Level): KeTransform => ({ kind: 'KE', id: group, group, ref: 'RFC 3526', level: { ike, esp: '-' } });

/**
 * Every transform we can negotiate, by the name strongSwan gives it in a proposal. What has no row is unacceptable to
 * us and cannot be configured. Weak algorithms (RFC 8247 and RFC 8221 MUST NOT, RFC 9395) have none on purpose.
 */
export const TRANSFORM = {
  aes256gcm16: aesGcm16(256),
  aes128gcm16: aesGcm16(128),
  aes256: aesCbc(256, []),
  aes128: aesCbc(128, ['aes']),
  chacha20poly1305: {
    kind: 'ENCR', id: 28, keyOctets: 32, saltOctets: 4, ivOctets: 8, icvOctets: 16, aead: 'chacha20-poly1305', ref: 'RFC 7634', level: { ike: 'SHOULD', esp: 'SHOULD' },
  },
  prfsha256: { kind: 'PRF', id: 5, hash: 'sha256', ref: 'RFC 4868 §2.7', level: { ike: 'MUST', esp: '-' } },
  prfsha384: { kind: 'PRF', id: 6, hash: 'sha384', ref: 'RFC 4868 §2.7', level: { ike: '-', esp: '-' } },
  prfsha512: { kind: 'PRF', id: 7, hash: 'sha512', ref: 'RFC 4868 §2.7', level: { ike: 'SHOULD+', esp: '-' } },
  prfsha1: { kind: 'PRF', id: 2, hash: 'sha1', ref: 'RFC 2104', level: { ike: 'MUST-', esp: '-' } },
  sha256: { kind: 'INTEG', id: 12, hash: 'sha256', keyOctets: 32, icvOctets: 16, ref: 'RFC 4868 §2.6', level: { ike: 'MUST', esp: 'MUST' }, aliases: ['sha2_256'] },
  sha384: { kind: 'INTEG', id: 13, hash: 'sha384', keyOctets: 48, icvOctets: 24, ref: 'RFC 4868 §2.6', level: { ike: '-', esp: '-' }, aliases: ['sha2_384'] },
  sha512: { kind: 'INTEG', id: 14, hash: 'sha512', keyOctets: 64, icvOctets: 32, ref: 'RFC 4868 §2.6', level: { ike: 'SHOULD', esp: 'SHOULD' }, aliases: ['sha2_512'] },
  x25519: { kind: 'KE', id: 31, group: 31, ref: 'RFC 8031', level: { ike: '-', esp: '-' }, aliases: ['curve25519'] },
  ecp256: { kind: 'KE', id: 19, group: 19, ref: 'RFC 5903', level: { ike: 'SHOULD', esp: '-' } },
  ecp384: { kind: 'KE', id: 20, group: 20, ref: 'RFC 5903', level: { ike: '-', esp: '-' } },
  ecp521: { kind: 'KE', id: 21, group: 21, ref: 'RFC 5903', level: { ike: '-', esp: '-' } },
  modp2048: modp(14, 'MUST'),
  modp3072: modp(15, '-'),
  modp4096: modp(16, '-'),
  esn: { kind: 'ESN', id: 1, extended: true, ref: 'RFC 4303 §2.2.1', level: { ike: '-', esp: '-' } },
  noesn: { kind: 'ESN', id: 0, extended: false, ref: 'RFC 4303 §2.2', level: { ike: '-', esp: '-' } },
} as const satisfies { readonly [name: string]: TransformRow };

export type TransformName = keyof typeof TRANSFORM;

const NAMES = Object.keys(TRANSFORM) as TransformName[];

function row(name: TransformName): TransformRow {
  return TRANSFORM[name];
}

/** The row named in a proposal, by name or alias; undefined for a name we do not have. Case matters. */
export function transformByName(text: string): { readonly name: TransformName; readonly row: TransformRow } | undefined {
  const name = NAMES.find((candidate) => candidate === text || row(candidate).aliases?.includes(text) === true);
  return name === undefined ? undefined : { name, row: row(name) };
}

/**
 * The row of a transform on the wire, by type, ID and Key Length attribute (bits). Undefined for one we do not know,
 * for a missing or odd Key Length, and for a Key Length where none belongs (RFC 7296 §3.3.5).
 */
export function findTransform(type: number, id: number, keyLength?: number): TransformName | undefined {
  return NAMES.find((name) => {
    const candidate = row(name);
    const length = candidate.kind === 'ENCR' ? candidate.keyLength : undefined;
    return TRANSFORM_TYPE[candidate.kind] === type && candidate.id === id && length === keyLength;
  });
}

/** A row in the form of `codec/ike`'s Transform, ready for an SA payload. */
export function wireTransform(name: TransformName): { readonly type: number; readonly id: number; readonly keyLength?: number } {
  const found = row(name);
  const keyLength = found.kind === 'ENCR' ? found.keyLength : undefined;
  return { type: TRANSFORM_TYPE[found.kind], id: found.id, ...(keyLength === undefined ? undefined : { keyLength }) };
}

/** A name for logs: the row's, else `ENCR 12 (128)` or `type 6 id 35`. */
export function transformName(type: number, id: number, keyLength?: number): string {
  const known = findTransform(type, id, keyLength);
  if (known !== undefined) return known;
  const kind = (Object.keys(TRANSFORM_TYPE) as TransformKind[]).find((candidate) => TRANSFORM_TYPE[candidate] === type);
  const label = kind === undefined ? `type ${type} id ${id}` : `${kind} ${id}`;
  return keyLength === undefined ? label : `${label} (${keyLength})`;
}

/** The cipher of an ENCR transform on the wire; undefined for one we do not have. */
export function encrOf(id: number, keyLength?: number): EncrTransform | undefined {
  const name = findTransform(TRANSFORM_TYPE.ENCR, id, keyLength);
  const found = name === undefined ? undefined : row(name);
  return found?.kind === 'ENCR' ? found : undefined;
}

/** Octets a cipher takes from the key material: key and salt (RFC 5282 §7.1, RFC 4106 §8.1). */
export function encrKeyOctets(encr: EncrTransform): number {
  return encr.keyOctets + encr.saltOctets;
}

/** The MAC behind an INTEG number; undefined for one we do not have. */
export function integOf(id: number): IntegTransform | undefined {
  const name = findTransform(TRANSFORM_TYPE.INTEG, id);
  const found = name === undefined ? undefined : row(name);
  return found?.kind === 'INTEG' ? found : undefined;
}

/** The hash behind a PRF number; undefined for a PRF we do not have. */
export function prfHash(id: number): HashName | undefined {
  const name = findTransform(TRANSFORM_TYPE.PRF, id);
  const found = name === undefined ? undefined : row(name);
  return found?.kind === 'PRF' ? found.hash : undefined;
}

/** The group behind a key exchange number; undefined for a group we do not have. */
export function dhGroupOf(id: number): DhGroup | undefined {
  const name = findTransform(TRANSFORM_TYPE.KE, id);
  const found = name === undefined ? undefined : row(name);
  return found?.kind === 'KE' ? found.group : undefined;
}
