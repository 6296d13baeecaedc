import { ByteReader, ByteWriter } from '../../base/index.ts';
import type { Attributes } from './attributes.ts';
import { decodeAttributes, encodeAttributes } from './attributes.ts';
import { encodeMessage, NLM_F } from './message.ts';
import { XFRM_ATTRS } from './xfrm-attrs.ts';
import {
  addressOf, afOf, decodeMark, familyOf, ifIdAttribute, IPPROTO_ESP, markAttribute, MODE_TUNNEL, putAddress, putLimits, putSelector, readCounters, readSelector, SIZE,
} from './xfrm-fields.ts';
import type { XfrmDirection, XfrmPolicy, XfrmPolicyFact, XfrmPolicyId, XfrmSelector, XfrmTemplate } from './xfrm-types.ts';
import { MOST_TEMPLATES, XFRM_MSG } from './xfrm-types.ts';

/** Octets of struct xfrm_userpolicy_info, xfrm_userpolicy_id and xfrm_user_tmpl. */
export const POLICY_INFO = 168;
export const POLICY_ID = 64;
const TEMPLATE = 64;
/** By number: XFRM_POLICY_IN, OUT, FWD. Those of sockets come after and are not ours. */
const DIRECTION: readonly XfrmDirection[] = ['in', 'out', 'fwd'];
const POLICY_ALLOW = 0;
const POLICY_BLOCK = 1;
/** XFRM_POLICY_TYPE_MAIN, in an attribute that may be absent. */
const POLICY_TYPE_MAIN = 0;
/** Every algorithm the kernel has is good for a template: which one is the SA's business. */
const ANY_ALGORITHM = 0xffff_ffff;

export const directionOf = (dir: number): XfrmDirection | undefined => DIRECTION[dir];

/** The templates of XFRMA_TMPL; undefined when one is of another protocol or mode, or there are more than the kernel takes. */
export function decodeTemplates(bytes: Uint8Array | undefined, littleEndian: boolean): XfrmTemplate[] | undefined {
  if (bytes === undefined) return [];
  if (bytes.length % TEMPLATE !== 0 || bytes.length > MOST_TEMPLATES * TEMPLATE) return undefined;
  const out: XfrmTemplate[] = [];
  for (let at = 0; at < bytes.length; at += TEMPLATE) {
    const template = decodeTemplate(bytes.subarray(at, at + TEMPLATE), littleEndian);
    if (template === undefined) return undefined;
    out.push(template);
  }
  return out;
}

/**
 * struct xfrm_user_tmpl.
 *
 *     +---------------------------------------------------------------+
 *     |               destination address (16 octets)                 |
 *     +---------------------------------------------------------------+
 *     |                 SPI, network order; 0: any                    |
 *     +---------------+-----------------------------------------------+
 *     |   protocol    |                   padding                     |
 *     +---------------+---------------+-------------------------------+
 *     |         outer family          |            padding            |
 *     +-------------------------------+-------------------------------+
 *     |                 source address (16 octets)                    |
 *     +---------------------------------------------------------------+
 *     |                             reqid                             |
 *     +---------------+---------------+---------------+---------------+
 *     |     mode      |     share     |   optional    |    padding    |
 *     +---------------+---------------+---------------+---------------+
 *     |    algorithms: integrity, encryption, compression (12 octets) |
 *     +---------------------------------------------------------------+
 */
function decodeTemplate(bytes: Uint8Array, littleEndian: boolean): XfrmTemplate | undefined {
  const reader = new ByteReader(bytes);
  const to = reader.view(SIZE.address);
  reader.skip(4);
  const protocol = reader.u8();
  reader.skip(3);
  const family = familyOf(reader.u16(littleEndian));
  reader.skip(2);
  const from = reader.view(SIZE.address);
  const reqid = reader.u32(littleEndian);
  const mode = reader.u8();
  reader.skip(1);
  const optional = reader.u8();
  if (reader.failed || family === undefined || protocol !== IPPROTO_ESP || mode !== MODE_TUNNEL) return undefined;
  const source = addressOf(from, family);
  const destination = addressOf(to, family);
  return source === undefined || destination === undefined ? undefined : { source, destination, reqid, level: optional === 0 ? 'required' : 'optional' };
}

function putTemplate(out: ByteWriter, template: XfrmTemplate, littleEndian: boolean): void {
  putAddress(out, template.destination).u32(0).u8(IPPROTO_ESP).zeros(3).u16(afOf(template.destination), littleEndian).zeros(2);
  putAddress(out, template.source).u32(template.reqid, littleEndian).u8(MODE_TUNNEL).u8(0).u8(template.level === 'optional' ? 1 : 0).u8(0);
  out.u32(ANY_ALGORITHM).u32(ANY_ALGORITHM).u32(ANY_ALGORITHM);
}

/** What `header` (struct xfrm_userpolicy_info) and the attributes of its message tell; undefined for policies of sockets, of other types and with other templates. */
export function policyOf(header: Uint8Array, attributes: Attributes<typeof XFRM_ATTRS>, littleEndian: boolean): XfrmPolicyFact | undefined {
  const reader = new ByteReader(header);
  const selector = readSelector(reader, littleEndian);
  reader.skip(SIZE.limits);
  const counters = readCounters(reader, littleEndian);
  const priority = reader.u32(littleEndian);
  const index = reader.u32(littleEndian);
  const direction = directionOf(reader.u8());
  const action = reader.u8();
  if (reader.failed || header.length < POLICY_INFO || selector === undefined || selector === 'any' || direction === undefined || action > POLICY_BLOCK) return undefined;
  const templates = decodeTemplates(attributes.tmpl, littleEndian);
  if (templates === undefined || (attributes.policyType?.[0] ?? POLICY_TYPE_MAIN) !== POLICY_TYPE_MAIN) return undefined;
  const mark = decodeMark(attributes.mark, littleEndian);
  return {
    direction,
    selector,
    priority,
    action: action === POLICY_ALLOW ? 'allow' : 'block',
    ifId: attributes.ifId ?? 0,
    ...(mark === undefined ? {} : { mark }),
    templates,
    index,
    counters,
  };
}

/** Decodes the payload of NEWPOLICY or UPDPOLICY; undefined for policies of sockets, of other types, with templates that are not ESP tunnels, and for what makes no sense. */
export function decodeXfrmPolicy(payload: Uint8Array, littleEndian: boolean): XfrmPolicyFact | undefined {
  if (payload.length < POLICY_INFO) return undefined;
  const attributes = decodeAttributes(XFRM_ATTRS, payload.subarray(POLICY_INFO), littleEndian);
  return attributes && policyOf(payload.subarray(0, POLICY_INFO), attributes, littleEndian);
}

/**
 * Adds a policy (EEXIST: there is one with this direction, selector, mark and `ifId`), or puts it in the place of that
 * one, without a moment between. Asks for an acknowledgement. struct xfrm_userpolicy_info:
 *
 *     +---------------------------------------------------------------+
 *     |             selector of inner packets (56 octets)             |
 *     |                     limits (64 octets)                        |
 *     |                    counters (32 octets)                       |
 *     +---------------------------------------------------------------+
 *     |                           priority                            |
 *     +---------------------------------------------------------------+
 *     |                 index; 0: the kernel chooses                  |
 *     +---------------+---------------+---------------+---------------+
 *     |   direction   |    action     |     flags     |     share     |
 *     +---------------+---------------+---------------+---------------+
 *     |                           padding                             |
 *     +---------------------------------------------------------------+
 */
export function encodeXfrmPolicy(change: 'add' | 'update', policy: XfrmPolicy, sequence: number, littleEndian: boolean): Uint8Array {
  const out = putSelector(new ByteWriter(512), policy.selector, littleEndian);
  putLimits(out, {}, littleEndian).zeros(SIZE.counters).u32(policy.priority, littleEndian).u32(0);
  out.u8(DIRECTION.indexOf(policy.direction)).u8(policy.action === 'allow' ? POLICY_ALLOW : POLICY_BLOCK).zeros(6);
  const templates = new ByteWriter(TEMPLATE * policy.templates.length);
  for (const template of policy.templates) putTemplate(templates, template, littleEndian);
  const attributes = {
    ...(policy.templates.length === 0 ? {} : { tmpl: templates.finish() }),
    ...markAttribute(policy.mark, littleEndian),
    ...ifIdAttribute(policy.ifId),
  };
  const payload = out.bytes(encodeAttributes(XFRM_ATTRS, attributes, littleEndian)).finish();
  const type = change === 'add' ? XFRM_MSG.NEWPOLICY : XFRM_MSG.UPDPOLICY;
  const flags = NLM_F.REQUEST | NLM_F.ACK | (change === 'add' ? NLM_F.CREATE | NLM_F.EXCL : NLM_F.REPLACE);
  return encodeMessage({ type, flags, sequence, payload }, littleEndian);
}

/**
 * Writes struct xfrm_userpolicy_id, whose index is 0: the selector names the policy.
 *
 *     +---------------------------------------------------------------+
 *     |                    selector (56 octets)                       |
 *     +---------------------------------------------------------------+
 *     |                            index                              |
 *     +---------------+-----------------------------------------------+
 *     |   direction   |                   padding                     |
 *     +---------------+-----------------------------------------------+
 */
export function putPolicyId(out: ByteWriter, direction: XfrmDirection, selector: XfrmSelector, littleEndian: boolean): ByteWriter {
  return putSelector(out, selector, littleEndian).u32(0).u8(DIRECTION.indexOf(direction)).zeros(3);
}

function encodeOne(type: number, id: XfrmPolicyId, sequence: number, littleEndian: boolean): Uint8Array {
  const out = putPolicyId(new ByteWriter(POLICY_ID + 20), id.direction, id.selector, littleEndian);
  const attributes = { ...markAttribute(id.mark, littleEndian), ...ifIdAttribute(id.ifId) };
  const payload = out.bytes(encodeAttributes(XFRM_ATTRS, attributes, littleEndian)).finish();
  return encodeMessage({ type, flags: NLM_F.REQUEST | NLM_F.ACK, sequence, payload }, littleEndian);
}

/** Deletes a policy; asks for an acknowledgement (ENOENT: there is none). */
export const encodeXfrmPolicyDelete = (id: XfrmPolicyId, sequence: number, littleEndian: boolean): Uint8Array => encodeOne(XFRM_MSG.DELPOLICY, id, sequence, littleEndian);

/** Asks for one policy: the answer is NEWPOLICY and an acknowledgement, or an error. */
export const encodeXfrmPolicyGet = (id: XfrmPolicyId, sequence: number, littleEndian: boolean): Uint8Array => encodeOne(XFRM_MSG.GETPOLICY, id, sequence, littleEndian);

/** Asks for every policy; the kernel has no filter. */
export function encodeXfrmPolicyDump(sequence: number, littleEndian: boolean): Uint8Array {
  return encodeMessage({ type: XFRM_MSG.GETPOLICY, flags: NLM_F.REQUEST | NLM_F.DUMP, sequence, payload: new Uint8Array(0) }, littleEndian);
}
