import { ByteReader, ByteWriter } from '../base/index.ts';
import type { Proposal, Transform } from '../codec/ike/index.ts';
import { encrOf, encrKeyOctets, integOf, transformName, TRANSFORM_TYPE as TRANSFORM } from '../crypto/index.ts';
import type { IkeSuite } from './types.ts';

/** One transform of each type, agreed on. `group` 0: none. */
export interface Chosen {
  readonly number: number;
  readonly spi: Uint8Array;
  readonly encr: { readonly id: number; readonly keyLength: number | undefined };
  readonly prf: number;
  readonly integ: number;
  readonly group: number;
  readonly esn: number;
}

/** AEAD ciphers carry their own integrity (RFC 5282 §8). */
const isAead = (encr: Chosen['encr']): boolean => encrOf(encr.id, encr.keyLength)?.aead !== undefined;

/** The data of INVALID_KE_PAYLOAD: the group that is wanted (RFC 7296 §1.3). */
export const groupData = (group: number): Uint8Array => new ByteWriter(2).u16(group).finish();

/** The group that an INVALID_KE_PAYLOAD wants; 0: its data is none. */
export const groupWanted = (data: Uint8Array): number => (data.length === 2 ? new ByteReader(data).u16() : undefined) ?? 0;

/** Proposals as offered, numbered from 1 (RFC 7296 §3.3.1). `withGroups`: false in IKE_AUTH, where no KE can follow (I1.2-5). */
export function buildProposals(suites: readonly IkeSuite[], protocol: number, spi: Uint8Array, withGroups: boolean): Proposal[] {
  return suites.map((suite, index) => ({
    number: index + 1,
    protocol,
    spi,
    transforms: [
      ...suite.encr.map((e) => transform(TRANSFORM.ENCR, e.id, e.keyLength)),
      ...suite.prf.map((id) => transform(TRANSFORM.PRF, id)),
      ...suite.integ.map((id) => transform(TRANSFORM.INTEG, id)),
      ...(withGroups ? suite.groups.map((id) => transform(TRANSFORM.KE, id)) : []),
      ...suite.esn.map((id) => transform(TRANSFORM.ESN, id)),
    ],
  }));
}

const transform = (type: number, id: number, keyLength?: number): Transform => (keyLength === undefined ? { type, id } : { type, id, keyLength });

/** The answer to an offer: one proposal with one transform of each type, same number and protocol (RFC 7296 §2.7). */
export function buildChosen(chosen: Chosen, protocol: number, spi: Uint8Array): Proposal {
  const transforms: Transform[] = [transform(TRANSFORM.ENCR, chosen.encr.id, chosen.encr.keyLength)];
  if (chosen.prf !== 0) transforms.push(transform(TRANSFORM.PRF, chosen.prf));
  if (chosen.integ !== 0) transforms.push(transform(TRANSFORM.INTEG, chosen.integ));
  if (chosen.group !== 0) transforms.push(transform(TRANSFORM.KE, chosen.group));
  if (protocol === 3) transforms.push(transform(TRANSFORM.ESN, chosen.esn));
  return { number: chosen.number, protocol, spi, transforms };
}

export interface ChooseRules {
  readonly protocol: number;
  /** Octets the offered SPI must have (RFC 7296 §3.3.1). */
  readonly spiSize: number;
  /** `forbidden`: the exchange has no KE payload; a NONE in the offer is accepted (I1.2-5). */
  readonly groups: 'mandatory' | 'optional' | 'forbidden';
}

/** Chooses from a peer's offer by our order of preference (I2.7-1, I3.3.6-1); undefined: NO_PROPOSAL_CHOSEN. */
export function choose(suites: readonly IkeSuite[], offer: readonly Proposal[], rules: ChooseRules): Chosen | undefined {
  for (const suite of suites) {
    for (const proposal of offer) {
      const chosen = match(suite, proposal, rules);
      if (chosen) return chosen;
    }
  }
  return undefined;
}

/** An IKE SA's SPI is not zero (I2.6-5), an ESP SPI is above 255 (NK-5). An empty one belongs to IKE_SA_INIT. */
function spiUsable(spi: Uint8Array): boolean {
  return spi.length === 0 || spi.subarray(0, spi.length === 4 ? 3 : 8).some((octet) => octet !== 0);
}

function match(suite: IkeSuite, proposal: Proposal, rules: ChooseRules): Chosen | undefined {
  if (proposal.protocol !== rules.protocol || proposal.spi.length !== rules.spiSize || !spiUsable(proposal.spi)) return undefined;
  // I3.3.6-1: an unknown transform type makes the proposal unacceptable, an unknown transform only itself.
  if (proposal.transforms.some((t) => t.type < TRANSFORM.ENCR || t.type > TRANSFORM.ESN)) return undefined;
  // I3.3.5-1: only a cipher can have a Key Length; which, and whether it must, is compared with ours below.
  const usable = (t: Transform): boolean => t.unknownAttribute !== true && (t.type === TRANSFORM.ENCR || t.keyLength === undefined);
  const offered = (type: number): Transform[] => proposal.transforms.filter((t) => t.type === type && usable(t));
  const pick = (type: number, ours: readonly number[]): number | undefined => {
    const theirs = offered(type);
    if (ours.length === 0) return theirs.length === 0 || theirs.some((t) => t.id === 0) ? 0 : undefined;
    return ours.find((id) => theirs.some((t) => t.id === id));
  };
  const encr = suite.encr.find((e) => offered(TRANSFORM.ENCR).some((t) => t.id === e.id && t.keyLength === e.keyLength));
  if (!encr) return undefined;
  const prf = rules.protocol === 1 ? pick(TRANSFORM.PRF, suite.prf) : pick(TRANSFORM.PRF, []);
  const integ = pick(TRANSFORM.INTEG, isAead(encr) ? [] : suite.integ);
  const esn = pick(TRANSFORM.ESN, rules.protocol === 3 ? suite.esn : []);
  if (prf === undefined || integ === undefined || esn === undefined) return undefined;
  // RFC 7296 §1.2: IKE_AUTH carries no KE; a peer that lists groups there all the same is answered without one.
  let group = 0;
  if (rules.groups !== 'forbidden') {
    // Without a group of ours an offered NONE is taken; with one, theirs must contain it.
    const found = pick(TRANSFORM.KE, suite.groups);
    if (found === undefined) return undefined;
    group = found;
    if (rules.groups === 'mandatory' && group === 0) return undefined;
  }
  return { number: proposal.number, spi: proposal.spi, encr, prf, integ, group, esn };
}

/** Checks that an answer is one of our proposals with one transform of each type (I3.3.6-2); undefined: it is not. */
export function checkAnswer(suites: readonly IkeSuite[], answer: readonly Proposal[], rules: ChooseRules): Chosen | undefined {
  const only = answer[0];
  if (answer.length !== 1 || !only || only.transforms.some((t) => t.unknownAttribute === true)) return undefined;
  const suite = suites[only.number - 1];
  if (!suite) return undefined;
  for (let type: number = TRANSFORM.ENCR; type <= TRANSFORM.ESN; type++)
    if (only.transforms.filter((t) => t.type === type).length > 1) return undefined;
  if (rules.groups === 'forbidden' && only.transforms.some((t) => t.type === TRANSFORM.KE && t.id !== 0)) return undefined;
  const lenient: IkeSuite = rules.groups === 'forbidden' ? { ...suite, groups: [] } : suite;
  return match(lenient, only, rules);
}

/** The agreed transforms as a user spells them: `aes256gcm16-prfsha256-x25519`. */
export function suiteText(chosen: Chosen, protocol: 1 | 3): string {
  const parts = [transformName(TRANSFORM.ENCR, chosen.encr.id, chosen.encr.keyLength)];
  if (chosen.integ !== 0) parts.push(transformName(TRANSFORM.INTEG, chosen.integ));
  if (chosen.prf !== 0) parts.push(transformName(TRANSFORM.PRF, chosen.prf));
  if (chosen.group !== 0) parts.push(transformName(TRANSFORM.KE, chosen.group));
  if (protocol === 3) parts.push(transformName(TRANSFORM.ESN, chosen.esn));
  return parts.join('-');
}

/** Octets of key material the agreed algorithms take per direction: `encr` with salt, `integ` 0 with AEAD. */
export function keyOctets(chosen: Chosen): { readonly encr: number; readonly integ: number } {
  const encr = encrOf(chosen.encr.id, chosen.encr.keyLength);
  const integ = chosen.integ === 0 ? undefined : integOf(chosen.integ);
  if (!encr || (chosen.integ !== 0 && !integ)) throw new Error('a transform was agreed on that has no row');
  return { encr: encrKeyOctets(encr), integ: integ?.keyOctets ?? 0 };
}
