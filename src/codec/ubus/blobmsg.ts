import { ByteReader, ByteWriter, fromUtf8, toUtf8, type Json, type JsonObject } from '../../base/index.ts';

/**
 * blobmsg: JSON-like values on the ubus wire. Everything is big-endian, whatever the host.
 *
 *     u32 id_len     bit 31 set (extended), bits 30..24 type, bits 23..0 length with these 4 octets, without padding
 *     u16 namelen    octets of the name without its NUL
 *     name NUL       zero-padded so that the value starts on a multiple of 4
 *     value          then zeros up to a multiple of 4, not counted in the length
 *
 * An array element has an empty name. Integers have no sign on the wire; like the ubus CLI we read them as signed.
 */
export const BLOBMSG_TYPE = {
  /** No value: the CLI's encoding of JSON null. */
  unspec: 0,
  array: 1,
  table: 2,
  string: 3,
  int64: 4,
  int32: 5,
  int16: 6,
  /** One octet, the only form of a boolean; any value but 0 is true. */
  int8: 7,
  double: 8,
} as const;

/** Tables in tables deeper than this are refused: netifd's deepest is 6, and the decoder recurses once a level. */
export const MAX_DEPTH = 32;

const EXTENDED = 0x80000000;
const align4 = (length: number): number => (length + 3) & ~3;

/** Text of an octet string up to its first NUL; what is not UTF-8 is read as Latin-1, so that one odd name loses no message. */
export function textOf(bytes: Uint8Array): string {
  const nul = bytes.indexOf(0);
  const used = nul < 0 ? bytes : bytes.subarray(0, nul);
  const text = fromUtf8(used);
  if (text !== undefined) return text;
  let latin = '';
  for (const octet of used) latin += String.fromCharCode(octet);
  return latin;
}

// ---- Encoding ------------------------------------------------------------------------------------------------------

function padTo4(writer: ByteWriter): void {
  writer.zeros(align4(writer.length) - writer.length);
}

function open(writer: ByteWriter, type: number, name: string): number {
  const at = writer.length;
  const octets = toUtf8(name).subarray(0, 0xff);
  writer.u32(0).u16(octets.length).bytes(octets).u8(0);
  padTo4(writer);
  writer.patch32(at, EXTENDED | (type << 24));
  return at;
}

function close(writer: ByteWriter, at: number, type: number): void {
  writer.patch32(at, EXTENDED | (type << 24) | (writer.length - at));
  padTo4(writer);
}

function typeOf(value: Json): number {
  switch (typeof value) {
    case 'boolean':
      return BLOBMSG_TYPE.int8;
    case 'string':
      return BLOBMSG_TYPE.string;
    case 'number':
      if (!Number.isSafeInteger(value) || Object.is(value, -0)) return BLOBMSG_TYPE.double;
      return (value | 0) === value ? BLOBMSG_TYPE.int32 : BLOBMSG_TYPE.int64;
    default:
      if (value === null) return BLOBMSG_TYPE.unspec;
      return isArray(value) ? BLOBMSG_TYPE.array : BLOBMSG_TYPE.table;
  }
}

const isArray = (value: Json): value is readonly Json[] => Array.isArray(value);

function writeValue(writer: ByteWriter, name: string, value: Json, depth: number): void {
  const type = depth > MAX_DEPTH ? BLOBMSG_TYPE.unspec : typeOf(value);
  const at = open(writer, type, name);
  if (typeof value === 'boolean') writer.u8(value ? 1 : 0);
  else if (typeof value === 'string') writer.bytes(toUtf8(value)).u8(0);
  else if (typeof value === 'number') {
    if (type === BLOBMSG_TYPE.int32) writer.u32(value);
    else if (type === BLOBMSG_TYPE.int64) writer.u64(BigInt.asUintN(64, BigInt(value)));
    else writeDouble(writer, value);
  } else if (type === BLOBMSG_TYPE.array && value !== null && isArray(value)) {
    for (const item of value) writeValue(writer, '', item, depth + 1);
  } else if (type === BLOBMSG_TYPE.table && value !== null && !isArray(value)) {
    for (const [key, item] of Object.entries(value)) writeValue(writer, key, item, depth + 1);
  }
  close(writer, at, type);
}

function writeDouble(writer: ByteWriter, value: number): void {
  const eight = new DataView(new ArrayBuffer(8));
  eight.setFloat64(0, value);
  writer.u64(eight.getBigUint64(0));
}

/**
 * Writes the members of an object as blobmsg attributes, not wrapped in a table. A whole number becomes int32 where it
 * fits, else int64, as the ubus CLI does; so an unsigned 32-bit id must be passed as `id | 0`, since the policies of
 * ubusd take no int64 for an int32. Names are cut at 255 octets, values below `MAX_DEPTH` become null.
 */
export function writeFields(writer: ByteWriter, fields: JsonObject): void {
  for (const [name, value] of Object.entries(fields)) writeValue(writer, name, value, 1);
}

/** The octets of `writeFields`. */
export function encodeFields(fields: JsonObject): Uint8Array {
  const writer = new ByteWriter();
  writeFields(writer, fields);
  return writer.finish();
}

// ---- Decoding ------------------------------------------------------------------------------------------------------

/** int64 becomes a number where it is exact, else a decimal string, so that JSON carries it unharmed. */
function int64(value: bigint): Json {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}

/** Undefined: the value does not fit its type. */
function readValue(type: number, value: Uint8Array, depth: number): Json | undefined {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  switch (type) {
    case BLOBMSG_TYPE.unspec:
      return null;
    case BLOBMSG_TYPE.array: {
      const items = readAttrs(value, depth + 1);
      return items?.map(([, item]) => item);
    }
    case BLOBMSG_TYPE.table: {
      const items = readAttrs(value, depth + 1);
      return items && Object.fromEntries(items);
    }
    case BLOBMSG_TYPE.string:
      return textOf(value);
    case BLOBMSG_TYPE.int64:
      return value.length === 8 ? int64(view.getBigInt64(0)) : undefined;
    case BLOBMSG_TYPE.int32:
      return value.length === 4 ? view.getInt32(0) : undefined;
    case BLOBMSG_TYPE.int16:
      return value.length === 2 ? view.getInt16(0) : undefined;
    case BLOBMSG_TYPE.int8:
      return value.length === 1 ? value[0] !== 0 : undefined;
    case BLOBMSG_TYPE.double:
      return value.length === 8 ? view.getFloat64(0) : undefined;
    default:
      return undefined;
  }
}

function readAttrs(bytes: Uint8Array, depth: number): [string, Json][] | undefined {
  if (depth > MAX_DEPTH) return undefined;
  const out: [string, Json][] = [];
  const reader = new ByteReader(bytes);
  while (reader.left >= 4) {
    const word = reader.u32();
    const length = (word & 0xffffff) - 4;
    if (word < EXTENDED || length < 4 || length > reader.left) return undefined;
    const body = reader.view(length);
    reader.skip(Math.min(align4(length) - length, reader.left));
    const nameLength = ((body[0] ?? 0) << 8) | (body[1] ?? 0);
    const header = align4(2 + nameLength + 1);
    if (header > body.length) return undefined;
    const value = readValue((word >>> 24) & 0x7f, body.subarray(header), depth);
    if (value === undefined) return undefined;
    out.push([textOf(body.subarray(2, 2 + nameLength)), value]);
  }
  return out;
}

/**
 * Reads blobmsg attributes as the members of an object; of two with one name the last wins. Total: undefined for
 * anything malformed, never a throw, work linear in the octets given.
 */
export function decodeFields(bytes: Uint8Array): JsonObject | undefined {
  const items = readAttrs(bytes, 1);
  return items && Object.fromEntries(items); // fromEntries defines members: a name `__proto__` stays a plain member
}
