import { ByteReader, ByteWriter, toUtf8, type JsonObject } from '../../base/index.ts';
import { decodeFields, textOf, writeFields } from './blobmsg.ts';

/**
 * A ubus message: an 8-octet header and one outer blob attribute of id 0 that holds all others. All big-endian.
 *
 *      0                   1                   2                   3
 *     +---------------+---------------+-------------------------------+
 *     | version = 0   | type          | seq                           |
 *     +---------------+---------------+-------------------------------+
 *     | peer                                                          |
 *     +---------------------------------------------------------------+
 *     | outer id_len: bits 23..0 = length with these 4 octets         |
 *     +---------------------------------------------------------------+
 *     | attributes, each u32 (id << 24 | length), value, padding to 4 |
 */
export const UBUS_MESSAGE = {
  HELLO: 0,
  STATUS: 1,
  DATA: 2,
  PING: 3,
  LOOKUP: 4,
  INVOKE: 5,
  ADD_OBJECT: 6,
  REMOVE_OBJECT: 7,
  SUBSCRIBE: 8,
  UNSUBSCRIBE: 9,
  NOTIFY: 10,
  MONITOR: 11,
} as const;

export const UBUS_STATUS = {
  OK: 0,
  INVALID_COMMAND: 1,
  INVALID_ARGUMENT: 2,
  METHOD_NOT_FOUND: 3,
  NOT_FOUND: 4,
  NO_DATA: 5,
  PERMISSION_DENIED: 6,
  TIMEOUT: 7,
  NOT_SUPPORTED: 8,
  UNKNOWN_ERROR: 9,
  CONNECTION_FAILED: 10,
  NO_MEMORY: 11,
  PARSE_ERROR: 12,
  SYSTEM_ERROR: 13,
} as const;

/** Name of a status number, for logs. */
export function statusName(status: number): string {
  for (const [name, value] of Object.entries(UBUS_STATUS)) if (value === status) return name;
  return `STATUS_${status}`;
}

/** Attributes of a message; unknown ids are skipped, order on the wire varies. */
export const UBUS_ATTR = {
  status: { id: 1, kind: 'u32' },
  objPath: { id: 2, kind: 'text' },
  objId: { id: 3, kind: 'u32' },
  method: { id: 4, kind: 'text' },
  objType: { id: 5, kind: 'u32' },
  /** Tables: method -> argument -> int32 blobmsg type. */
  signature: { id: 6, kind: 'fields' },
  /** blobmsg attributes, not wrapped in a table. */
  data: { id: 7, kind: 'fields' },
  target: { id: 8, kind: 'u32' },
  active: { id: 9, kind: 'flag' },
  noReply: { id: 10, kind: 'flag' },
  subscribers: { id: 11, kind: 'ids' },
  user: { id: 12, kind: 'text' },
  group: { id: 13, kind: 'text' },
} as const;

type AttrName = keyof typeof UBUS_ATTR;
interface AttrKinds {
  u32: number;
  text: string;
  fields: JsonObject;
  flag: boolean;
  ids: readonly number[];
}

/** Attribute values by name. `encodeMessage` writes them in the order of the object's members. Ids are unsigned. */
export type UbusAttrs = { readonly [N in AttrName]?: AttrKinds[(typeof UBUS_ATTR)[N]['kind']] };

export interface UbusMessage {
  readonly version: number;
  /** One of `UBUS_MESSAGE`, or a number we do not know. */
  readonly type: number;
  readonly seq: number;
  readonly peer: number;
  readonly attrs: UbusAttrs;
}

/** ubusd closes the connection at a longer blob. */
export const MAX_BLOB = 0x100000;
/** What we send stays below: ubusd adds USER and GROUP when it forwards. */
export const MAX_SENT_BLOB = MAX_BLOB - 64;
export const HEADER_LENGTH = 8;

const ATTR_BY_ID: ReadonlyMap<number, AttrName> = new Map((Object.keys(UBUS_ATTR) as AttrName[]).map((name) => [UBUS_ATTR[name].id, name]));

type AttrValue = number | string | boolean | JsonObject | readonly number[];

function writeAttr(writer: ByteWriter, name: AttrName, value: AttrValue): void {
  const at = writer.length;
  const id = UBUS_ATTR[name].id;
  writer.u32(0);
  if (typeof value === 'number') writer.u32(value);
  else if (typeof value === 'string') writer.bytes(toUtf8(value)).u8(0);
  else if (typeof value === 'boolean') writer.u8(value ? 1 : 0);
  else if (isIds(value)) for (const item of value) writer.u32(8).u32(item);
  else writeFields(writer, value);
  writer.patch32(at, (id << 24) | (writer.length - at));
  writer.zeros((4 - (writer.length & 3)) & 3);
}

const isIds = (value: AttrValue): value is readonly number[] => Array.isArray(value);

/** Octets of one message. The caller sees to it that the result is below `MAX_SENT_BLOB`. */
export function encodeMessage(type: number, seq: number, peer: number, attrs: UbusAttrs): Uint8Array {
  const writer = new ByteWriter();
  writer.u8(0).u8(type).u16(seq).u32(peer).u32(0);
  for (const [name, value] of Object.entries(attrs)) writeAttr(writer, name as AttrName, value);
  writer.patch32(HEADER_LENGTH, writer.length - HEADER_LENGTH);
  return writer.finish();
}

function readAttr(kind: keyof AttrKinds, value: Uint8Array): AttrValue | undefined {
  const reader = new ByteReader(value);
  switch (kind) {
    case 'u32':
      return value.length === 4 ? reader.u32() : undefined;
    case 'flag':
      return value.length === 1 ? value[0] !== 0 : undefined;
    case 'text':
      return textOf(value);
    case 'fields':
      return decodeFields(value);
    case 'ids': {
      const ids: number[] = [];
      while (reader.left >= 8) {
        if ((reader.u32() & 0xffffff) !== 8) return undefined;
        ids.push(reader.u32());
      }
      return ids;
    }
  }
}

/**
 * Reads one whole frame. Total: undefined when header and length do not agree; an attribute that does not fit its kind
 * counts as absent, as ubusd holds it, and after one whose length runs out of the message nothing more is read.
 */
export function decodeMessage(frame: Uint8Array): UbusMessage | undefined {
  const reader = new ByteReader(frame);
  const version = reader.u8();
  const type = reader.u8();
  const seq = reader.u16();
  const peer = reader.u32();
  const length = (reader.u32() & 0xffffff) - 4;
  if (reader.failed || length < 0 || length !== reader.left) return undefined;
  const attrs: [AttrName, AttrValue][] = [];
  while (reader.left >= 4) {
    const word = reader.u32();
    const size = (word & 0xffffff) - 4;
    if (size < 0 || size > reader.left) break;
    const value = reader.view(size);
    reader.skip(Math.min((4 - (size & 3)) & 3, reader.left));
    const name = ATTR_BY_ID.get(word >>> 24);
    if (name === undefined) continue;
    const read = readAttr(UBUS_ATTR[name].kind, value);
    if (read !== undefined) attrs.push([name, read]);
  }
  return { version, type, seq, peer, attrs: Object.fromEntries(attrs) as UbusAttrs };
}
