import { ByteReader, ByteWriter } from '../../base/index.ts';
import { decodeAttributes, encodeAttributes } from './attributes.ts';
import { encodeMessage, NLM_F } from './message.ts';
import { algorithmAttributes, decodeAlgorithm, putKeys } from './xfrm-algorithm.ts';
import { XFRM_ATTRS } from './xfrm-attrs.ts';
import { decodeEncap, decodeMark, encapAttribute, ifIdAttribute, IPPROTO_ESP, markAttribute, putCounters, readSeconds, SIZE } from './xfrm-fields.ts';
import { decodeReplay, esnReplayAttribute, oldReplayAttribute } from './xfrm-replay.ts';
import { decodeSaInfo, encodeSaInfo, hasOldForm, putSaId, SA_ID, SA_INFO } from './xfrm-sa-info.ts';
import type { XfrmSa, XfrmSaFact, XfrmSaId } from './xfrm-types.ts';
import { XFRM_MSG } from './xfrm-types.ts';

/** XFRM_SA_XFLAG_DONT_ENCAP_DSCP. */
const XFLAG_DONT_ENCAP_DSCP = 1;
/** XFRMA_SA_DIR. */
const DIRECTION = [undefined, 'in', 'out'] as const;
/** Octets of the message header. */
const MESSAGE_HEADER = 16;

/**
 * Decodes the payload of NEWSA or UPDSA: struct xfrm_usersa_info and attributes. Undefined for SAs of other protocols and
 * modes, of other encapsulations than UDP, and for what makes no sense. Keys are views into `payload`.
 */
export function decodeXfrmSa(payload: Uint8Array, littleEndian: boolean): XfrmSaFact | undefined {
  const info = decodeSaInfo(payload, littleEndian);
  const attributes = info && decodeAttributes(XFRM_ATTRS, payload.subarray(SA_INFO), littleEndian);
  if (info === undefined || attributes === undefined) return undefined;
  const algorithm = decodeAlgorithm(attributes, littleEndian);
  const state = decodeReplay(attributes, littleEndian);
  const encap = attributes.encap === undefined ? undefined : decodeEncap(attributes.encap, littleEndian);
  if (algorithm === 'broken' || state === 'broken' || (attributes.encap !== undefined && encap === undefined)) return undefined;
  const mark = decodeMark(attributes.mark, littleEndian);
  const lastUsed = attributes.lastUsed === undefined ? 0 : readSeconds(new ByteReader(attributes.lastUsed), littleEndian);
  const direction = DIRECTION[attributes.saDir ?? 0];
  const { selector, flags, replayWindow, ...rest } = info;
  return {
    ...rest,
    replayWindow: state?.window ?? replayWindow,
    ifId: attributes.ifId ?? 0,
    algorithm,
    flags: { ...flags, ...(((attributes.saExtraFlags ?? 0) & XFLAG_DONT_ENCAP_DSCP) === 0 ? {} : { dontEncapDscp: true }) },
    ...(mark === undefined ? {} : { mark }),
    ...(attributes.outputMark === undefined ? {} : { outputMark: { value: attributes.outputMark, mask: attributes.outputMarkMask ?? 0xffff_ffff } }),
    ...(encap === undefined ? {} : { encap }),
    ...(state === undefined ? {} : { replay: state.replay }),
    ...(selector === undefined ? {} : { selector }),
    ...(lastUsed === 0 ? {} : { lastUsed }),
    ...(direction === undefined ? {} : { direction }),
  };
}

/**
 * Adds an SA, or updates the one with the same destination, SPI and mark: of UPDSA the kernel takes the limits, the ports of
 * the encapsulation (EINVAL: only one of the two has any), an output mark, and an `ifId` that is not 0; nothing else
 * changes. Asks for an acknowledgement. The message holds the keys: whoever sends it wipes it.
 */
export function encodeXfrmSa(change: 'add' | 'update', sa: XfrmSa, sequence: number, littleEndian: boolean): Uint8Array {
  const attributes = {
    ...algorithmAttributes(sa.algorithm, littleEndian),
    ...encapAttribute(sa.encap, littleEndian),
    ...(sa.counters === undefined ? {} : { ltimeVal: putCounters(new ByteWriter(SIZE.counters), sa.counters, littleEndian).finish() }),
    ...(hasOldForm(sa) ? oldReplayAttribute(sa.replay, littleEndian) : esnReplayAttribute(sa.replay, sa.replayWindow, littleEndian)),
    ...markAttribute(sa.mark, littleEndian),
    ...(sa.flags.dontEncapDscp === true ? { saExtraFlags: XFLAG_DONT_ENCAP_DSCP } : {}),
    ...(sa.outputMark === undefined ? {} : { outputMark: sa.outputMark.value, outputMarkMask: sa.outputMark.mask }),
    ...ifIdAttribute(sa.ifId),
  };
  const payload = new ByteWriter(512).bytes(encodeSaInfo(sa, littleEndian)).bytes(encodeAttributes(XFRM_ATTRS, attributes, littleEndian)).finish();
  const type = change === 'add' ? XFRM_MSG.NEWSA : XFRM_MSG.UPDSA;
  const flags = NLM_F.REQUEST | NLM_F.ACK | (change === 'add' ? NLM_F.CREATE | NLM_F.EXCL : NLM_F.REPLACE);
  const message = encodeMessage({ type, flags, sequence, payload }, littleEndian);
  putKeys(message.subarray(MESSAGE_HEADER + SA_INFO), sa.algorithm, littleEndian);
  return message;
}

function encodeOne(type: number, id: XfrmSaId, sequence: number, littleEndian: boolean): Uint8Array {
  const out = putSaId(new ByteWriter(SA_ID + 12), id, littleEndian);
  const payload = out.bytes(encodeAttributes(XFRM_ATTRS, markAttribute(id.mark, littleEndian), littleEndian)).finish();
  return encodeMessage({ type, flags: NLM_F.REQUEST | NLM_F.ACK, sequence, payload }, littleEndian);
}

/** Deletes an SA; asks for an acknowledgement (ESRCH: there is none). */
export const encodeXfrmSaDelete = (id: XfrmSaId, sequence: number, littleEndian: boolean): Uint8Array => encodeOne(XFRM_MSG.DELSA, id, sequence, littleEndian);

/** Asks for one SA: the answer is NEWSA and an acknowledgement, or an error. */
export const encodeXfrmSaGet = (id: XfrmSaId, sequence: number, littleEndian: boolean): Uint8Array => encodeOne(XFRM_MSG.GETSA, id, sequence, littleEndian);

/** Asks for every ESP SA. The kernel has no filter for the reqid or the xfrm interface. This request alone has no header before its attributes. */
export function encodeXfrmSaDump(sequence: number, littleEndian: boolean): Uint8Array {
  const payload = encodeAttributes(XFRM_ATTRS, { proto: IPPROTO_ESP }, littleEndian);
  return encodeMessage({ type: XFRM_MSG.GETSA, flags: NLM_F.REQUEST | NLM_F.DUMP, sequence, payload }, littleEndian);
}
