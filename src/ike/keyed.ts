import { wipe } from '../base/index.ts';
import { ikeKeys, prfHash, wipeIkeKeys, type HashName, type IkeKeys } from '../crypto/index.ts';
import { keyOctets, suiteText, type Chosen } from './negotiate.ts';
import { SkProtection } from './seal.ts';
import type { IkeDeps } from './types.ts';

/** Keys and algorithms of an IKE SA after IKE_SA_INIT or a rekey. */
export interface Keyed {
  readonly hash: HashName;
  readonly prf: number;
  readonly keys: IkeKeys;
  readonly protection: SkProtection;
  readonly proposal: string;
}

/** What the keys of one IKE SA are made of (RFC 7296 §2.14, §2.18). */
export interface KeySeed {
  readonly chosen: Chosen;
  /** Makes SKEYSEED with the hash of the agreed PRF; wiped here. */
  readonly seed: (hash: HashName) => Uint8Array;
  readonly ni: Uint8Array;
  readonly nr: Uint8Array;
  readonly spiI: bigint;
  readonly spiR: bigint;
  readonly originalInitiator: boolean;
}

/** Derives the seven keys and sets the protection of both directions up. */
export function deriveKeyed(deps: IkeDeps, from: KeySeed): Keyed {
  const hash = prfHash(from.chosen.prf);
  if (!hash) throw new Error('a PRF was agreed on that has no row');
  const seed = from.seed(hash);
  const { encr, integ } = keyOctets(from.chosen);
  const keys = ikeKeys(deps.suite, hash, seed, from.ni, from.nr, from.spiI, from.spiR, encr, integ);
  wipe(seed);
  const [i, r] = [{ encr: keys.skEi, integ: keys.skAi }, { encr: keys.skEr, integ: keys.skAr }];
  const protection = from.originalInitiator ? new SkProtection(deps, from.chosen, i, r) : new SkProtection(deps, from.chosen, r, i);
  return { hash, prf: from.chosen.prf, keys, protection, proposal: suiteText(from.chosen, 1) };
}

export function wipeKeyed(keyed: Keyed): void {
  keyed.protection.wipe();
  wipeIkeKeys(keyed.keys);
}
