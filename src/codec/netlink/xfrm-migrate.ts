import { ByteReader, ByteWriter } from '../../base/index.ts';
import { decodeAttributes, encodeAttributes } from './attributes.ts';
import { encodeMessage, NLM_F } from './message.ts';
import { XFRM_ATTRS } from './xfrm-attrs.ts';
import { addressOf, afOf, decodeEncap, encapAttribute, familyOf, ifIdAttribute, IPPROTO_ESP, MODE_TUNNEL, putAddress, readSelector, SIZE } from './xfrm-fields.ts';
import { directionOf, POLICY_ID, putPolicyId } from './xfrm-policy.ts';
import type { XfrmMigration, XfrmMove } from './xfrm-types.ts';
import { MOST_TEMPLATES, XFRM_MSG } from './xfrm-types.ts';

/** Octets of struct xfrm_user_migrate. */
const MOVE = 76;

/**
 * struct xfrm_user_migrate.
 *
 *     +---------------------------------------------------------------+
 *     |            old destination address (16 octets)                |
 *     |               old source address (16 octets)                  |
 *     |            new destination address (16 octets)                |
 *     |               new source address (16 octets)                  |
 *     +---------------+---------------+-------------------------------+
 *     |   protocol    |     mode      |           reserved            |
 *     +---------------+---------------+-------------------------------+
 *     |                             reqid                             |
 *     +-------------------------------+-------------------------------+
 *     |          old family           |          new family           |
 *     +-------------------------------+-------------------------------+
 */
function decodeMove(bytes: Uint8Array, littleEndian: boolean): XfrmMove | undefined {
  const reader = new ByteReader(bytes);
  const [oldTo, oldFrom, newTo, newFrom] = [reader.view(SIZE.address), reader.view(SIZE.address), reader.view(SIZE.address), reader.view(SIZE.address)];
  const protocol = reader.u8();
  const mode = reader.u8();
  reader.skip(2);
  const reqid = reader.u32(littleEndian);
  const before = familyOf(reader.u16(littleEndian));
  const after = familyOf(reader.u16(littleEndian));
  if (reader.failed || before === undefined || after === undefined || protocol !== IPPROTO_ESP || mode !== MODE_TUNNEL) return undefined;
  const from = { source: addressOf(oldFrom, before), destination: addressOf(oldTo, before) };
  const to = { source: addressOf(newFrom, after), destination: addressOf(newTo, after) };
  if (from.source === undefined || from.destination === undefined || to.source === undefined || to.destination === undefined) return undefined;
  return { reqid, from: { source: from.source, destination: from.destination }, to: { source: to.source, destination: to.destination } };
}

function putMove(out: ByteWriter, move: XfrmMove, littleEndian: boolean): void {
  for (const address of [move.from.destination, move.from.source, move.to.destination, move.to.source]) putAddress(out, address);
  out.u8(IPPROTO_ESP).u8(MODE_TUNNEL).zeros(2).u32(move.reqid, littleEndian);
  out.u16(afOf(move.from.destination), littleEndian).u16(afOf(move.to.destination), littleEndian);
}

/** Decodes the payload of MIGRATE, as the kernel tells the moves that were made; undefined for other protocols and modes and for what makes no sense. */
export function decodeXfrmMigration(payload: Uint8Array, littleEndian: boolean): XfrmMigration | undefined {
  const reader = new ByteReader(payload);
  const selector = readSelector(reader, littleEndian);
  reader.skip(4);
  const direction = directionOf(reader.u8());
  reader.skip(3);
  if (reader.failed || selector === undefined || selector === 'any' || direction === undefined) return undefined;
  const attributes = decodeAttributes(XFRM_ATTRS, payload.subarray(POLICY_ID), littleEndian);
  const bytes = attributes?.migrate;
  if (attributes === undefined || bytes === undefined || bytes.length === 0 || bytes.length % MOVE !== 0 || bytes.length > MOST_TEMPLATES * MOVE) return undefined;
  const moves: XfrmMove[] = [];
  for (let at = 0; at < bytes.length; at += MOVE) {
    const move = decodeMove(bytes.subarray(at, at + MOVE), littleEndian);
    if (move === undefined) return undefined;
    moves.push(move);
  }
  const encap = attributes.encap === undefined ? undefined : decodeEncap(attributes.encap, littleEndian);
  return { direction, selector, ifId: attributes.ifId ?? 0, moves, ...(encap === undefined ? {} : { encap }) };
}

/**
 * Moves a policy and the SAs of its templates, keys, numbers and counters kept; asks for an acknowledgement. ENOPROTOOPT:
 * the kernel was built without it; ENOENT: no such policy; ENODATA: none of its templates has the old addresses.
 */
export function encodeXfrmMigration(migration: XfrmMigration, sequence: number, littleEndian: boolean): Uint8Array {
  const out = putPolicyId(new ByteWriter(256), migration.direction, migration.selector, littleEndian);
  const moves = new ByteWriter(MOVE * migration.moves.length);
  for (const move of migration.moves) putMove(moves, move, littleEndian);
  const attributes = { ...encapAttribute(migration.encap, littleEndian), migrate: moves.finish(), ...ifIdAttribute(migration.ifId) };
  const payload = out.bytes(encodeAttributes(XFRM_ATTRS, attributes, littleEndian)).finish();
  return encodeMessage({ type: XFRM_MSG.MIGRATE, flags: NLM_F.REQUEST | NLM_F.ACK, sequence, payload }, littleEndian);
}
