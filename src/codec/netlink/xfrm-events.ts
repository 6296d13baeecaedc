import { ByteReader, ipFamily } from '../../base/index.ts';
import { decodeAttributes } from './attributes.ts';
import { XFRM_ATTRS } from './xfrm-attrs.ts';
import { addressOf, decodeMark, IPPROTO_ESP, readSelector, SIZE } from './xfrm-fields.ts';
import { decodeTemplates, POLICY_ID, POLICY_INFO, policyOf } from './xfrm-policy.ts';
import { decodeSaInfo, readSaId, SA_ID, SA_INFO } from './xfrm-sa-info.ts';
import type { XfrmAcquire, XfrmExpire, XfrmMapping, XfrmPolicyFact, XfrmSaGone } from './xfrm-types.ts';

/** Octets of struct xfrm_user_expire: an SA, one octet, padding. */
const EXPIRE = SA_INFO + 8;
/** Octets of struct xfrm_user_acquire. */
const ACQUIRE = 280;

/** Decodes the payload of EXPIRE: struct xfrm_usersa_info, an octet that is 1 for a hard limit, padding to 232 octets, attributes. */
export function decodeXfrmExpire(payload: Uint8Array, littleEndian: boolean): XfrmExpire | undefined {
  const info = decodeSaInfo(payload, littleEndian);
  if (info === undefined || payload.length < EXPIRE) return undefined;
  const attributes = decodeAttributes(XFRM_ATTRS, payload.subarray(EXPIRE), littleEndian);
  if (attributes === undefined) return undefined;
  const { source, destination, spi, reqid, counters } = info;
  const mark = decodeMark(attributes.mark, littleEndian);
  return { hard: payload[SA_INFO] !== 0, source, destination, spi, reqid, ifId: attributes.ifId ?? 0, ...(mark === undefined ? {} : { mark }), counters };
}

/**
 * Decodes the payload of ACQUIRE; undefined for other protocols, and for templates that are not ESP tunnels.
 *
 *     +---------------------------------------------------------------+
 *     |               destination address (16 octets)                 |
 *     +---------------------------------------------------------------+
 *     |                           SPI: 0                              |
 *     +---------------+-----------------------------------------------+
 *     |   protocol    |                   padding                     |
 *     +---------------+-----------------------------------------------+
 *     |                 source address (16 octets)                    |
 *     |               selector of the packet (56 octets)              |
 *     |           struct xfrm_userpolicy_info (168 octets)            |
 *     |    algorithms: integrity, encryption, compression (12 octets) |
 *     +---------------------------------------------------------------+
 *     |                 number, which the SA repeats                  |
 *     +---------------------------------------------------------------+
 *
 * The outer family stands in the templates alone.
 */
export function decodeXfrmAcquire(payload: Uint8Array, littleEndian: boolean): XfrmAcquire | undefined {
  const reader = new ByteReader(payload);
  reader.skip(SIZE.address + 4);
  const protocol = reader.u8();
  reader.skip(3 + SIZE.address);
  const selector = readSelector(reader, littleEndian);
  const header = reader.view(POLICY_INFO);
  if (reader.failed || payload.length < ACQUIRE || selector === undefined || protocol !== IPPROTO_ESP) return undefined;
  const attributes = decodeAttributes(XFRM_ATTRS, payload.subarray(ACQUIRE), littleEndian);
  const template = decodeTemplates(attributes?.tmpl, littleEndian)?.[0];
  if (attributes === undefined || template === undefined) return undefined;
  const family = ipFamily(template.destination);
  const destination = addressOf(payload.subarray(0, SIZE.address), family);
  const source = addressOf(payload.subarray(SA_ID, SA_ID + SIZE.address), family);
  const policyIndex = new ByteReader(header, SIZE.selector + SIZE.limits + SIZE.counters + 4).u32(littleEndian);
  if (source === undefined || destination === undefined) return undefined;
  const mark = decodeMark(attributes.mark, littleEndian);
  return {
    source,
    destination,
    ...(selector === 'any' ? {} : { selector }),
    reqid: template.reqid,
    policyIndex,
    ifId: attributes.ifId ?? 0,
    ...(mark === undefined ? {} : { mark }),
  };
}

/**
 * Decodes the payload of MAPPING, told of inbound SAs with UDP encapsulation.
 *
 *     +---------------------------------------------------------------+
 *     |                struct xfrm_usersa_id (24 octets)              |
 *     +---------------------------------------------------------------+
 *     |                             reqid                             |
 *     +---------------------------------------------------------------+
 *     |                old source address (16 octets)                 |
 *     |                new source address (16 octets)                 |
 *     +-------------------------------+-------------------------------+
 *     |       old source port         |        new source port        |
 *     +-------------------------------+-------------------------------+
 */
export function decodeXfrmMapping(payload: Uint8Array, littleEndian: boolean): XfrmMapping | undefined {
  const reader = new ByteReader(payload);
  const id = readSaId(reader, littleEndian);
  const reqid = reader.u32(littleEndian);
  const before = reader.view(SIZE.address);
  const after = reader.view(SIZE.address);
  const [oldPort, newPort] = [reader.u16(), reader.u16()];
  if (reader.failed || id === undefined) return undefined;
  const [from, to] = [addressOf(before, ipFamily(id.destination)), addressOf(after, ipFamily(id.destination))];
  return from === undefined || to === undefined ? undefined : { ...id, reqid, from: { address: from, port: oldPort }, to: { address: to, port: newPort } };
}

/** Decodes the payload of DELSA as it is told to the group: struct xfrm_usersa_id, and the SA in an attribute. */
export function decodeXfrmSaGone(payload: Uint8Array, littleEndian: boolean): XfrmSaGone | undefined {
  const id = readSaId(new ByteReader(payload), littleEndian);
  const attributes = id && decodeAttributes(XFRM_ATTRS, payload.subarray(SA_ID), littleEndian);
  const info = attributes?.sa && decodeSaInfo(attributes.sa, littleEndian);
  if (id === undefined || attributes === undefined || info === undefined) return undefined;
  const mark = decodeMark(attributes.mark, littleEndian);
  return { ...id, source: info.source, reqid: info.reqid, ifId: attributes.ifId ?? 0, ...(mark === undefined ? {} : { mark }) };
}

/** Decodes the payload of DELPOLICY as it is told to the group: struct xfrm_userpolicy_id, and the policy in an attribute. */
export function decodeXfrmPolicyGone(payload: Uint8Array, littleEndian: boolean): XfrmPolicyFact | undefined {
  const attributes = payload.length < POLICY_ID ? undefined : decodeAttributes(XFRM_ATTRS, payload.subarray(POLICY_ID), littleEndian);
  return attributes?.policy && policyOf(attributes.policy, attributes, littleEndian);
}
