import { ByteReader, ByteWriter, ipFamily } from '../../base/index.ts';
import { decodeAttributes, encodeAttributes } from './attributes.ts';
import { encodeMessage, NLM_F } from './message.ts';
import { XFRM_ATTRS } from './xfrm-attrs.ts';
import { addressOf, decodeMark, markAttribute, putAddress, putCounters, readCounters, SIZE } from './xfrm-fields.ts';
import { decodeReplay, esnReplayAttribute, oldReplayAttribute } from './xfrm-replay.ts';
import { putSaId, readSaId } from './xfrm-sa-info.ts';
import type { XfrmAe, XfrmSaId } from './xfrm-types.ts';
import { XFRM_MSG } from './xfrm-types.ts';

/** Octets of struct xfrm_aevent_id. */
const HEADER = 48;
/** Flags: the state of replay, the counters (XFRM_AE_*). */
const AE = { RVAL: 2, LVAL: 4 } as const;

/**
 * Decodes the payload of NEWAE, an answer or an event; undefined for other protocols and for what makes no sense.
 *
 *     +---------------------------------------------------------------+
 *     |                struct xfrm_usersa_id (24 octets)              |
 *     |                  source address (16 octets)                   |
 *     +---------------------------------------------------------------+
 *     |                            flags                              |
 *     +---------------------------------------------------------------+
 *     |                            reqid                              |
 *     +---------------------------------------------------------------+
 */
export function decodeXfrmAe(payload: Uint8Array, littleEndian: boolean): XfrmAe | undefined {
  const reader = new ByteReader(payload);
  const id = readSaId(reader, littleEndian);
  const from = reader.view(SIZE.address);
  reader.skip(4);
  const reqid = reader.u32(littleEndian);
  if (reader.failed || id === undefined) return undefined;
  const attributes = decodeAttributes(XFRM_ATTRS, payload.subarray(HEADER), littleEndian);
  const source = addressOf(from, ipFamily(id.destination));
  if (attributes === undefined || source === undefined) return undefined;
  const state = decodeReplay(attributes, littleEndian);
  if (state === 'broken') return undefined;
  const mark = decodeMark(attributes.mark, littleEndian);
  const times = attributes.ltimeVal !== undefined && attributes.ltimeVal.length >= SIZE.counters ? attributes.ltimeVal : undefined;
  return {
    id: { ...id, ...(mark === undefined ? {} : { mark }) },
    source,
    reqid,
    replayWindow: state?.window ?? 0,
    ...(state === undefined ? {} : { replay: state.replay }),
    ...(times === undefined ? {} : { counters: readCounters(new ByteReader(times), littleEndian) }),
    ...(attributes.ifId === undefined ? {} : { ifId: attributes.ifId }),
  };
}

/**
 * Sets the numbers and counters of an SA that is there; asks for an acknowledgement (EINVAL: the form of the state is
 * not that of the SA, or neither was given).
 */
export function encodeXfrmAe(ae: XfrmAe, sequence: number, littleEndian: boolean): Uint8Array {
  const out = putSaId(new ByteWriter(128), ae.id, littleEndian);
  putAddress(out, ae.source);
  out.u32((ae.replay === undefined ? 0 : AE.RVAL) | (ae.counters === undefined ? 0 : AE.LVAL), littleEndian).u32(ae.reqid, littleEndian);
  const attributes = {
    ...(ae.counters === undefined ? {} : { ltimeVal: putCounters(new ByteWriter(SIZE.counters), ae.counters, littleEndian).finish() }),
    ...(ae.replay === undefined ? {} : ae.replayWindow === 0 ? oldReplayAttribute(ae.replay, littleEndian) : esnReplayAttribute(ae.replay, ae.replayWindow, littleEndian)),
    ...markAttribute(ae.id.mark, littleEndian),
  };
  const payload = out.bytes(encodeAttributes(XFRM_ATTRS, attributes, littleEndian)).finish();
  // Without REPLACE the kernel refuses it.
  return encodeMessage({ type: XFRM_MSG.NEWAE, flags: NLM_F.REQUEST | NLM_F.ACK | NLM_F.REPLACE, sequence, payload }, littleEndian);
}

/** Asks for numbers and counters of one SA: the answer is NEWAE (with our sequence number, but port 0) and an acknowledgement, or an error. */
export function encodeXfrmAeGet(id: XfrmSaId, sequence: number, littleEndian: boolean): Uint8Array {
  const out = putSaId(new ByteWriter(HEADER + 12), id, littleEndian).zeros(SIZE.address).u32(AE.RVAL | AE.LVAL, littleEndian).u32(0);
  const payload = out.bytes(encodeAttributes(XFRM_ATTRS, markAttribute(id.mark, littleEndian), littleEndian)).finish();
  return encodeMessage({ type: XFRM_MSG.GETAE, flags: NLM_F.REQUEST | NLM_F.ACK, sequence, payload }, littleEndian);
}
