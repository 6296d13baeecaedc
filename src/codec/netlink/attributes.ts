import type { IpAddress } from '../../base/index.ts';
import { ByteReader, ByteWriter, fromUtf8, ipBytes, ipFromBytes, toUtf8 } from '../../base/index.ts';
import { align } from './message.ts';

/**
 * How the value of an attribute is read and written: numbers in host order, `text` ends in a zero octet, `ip` is 4 or
 * 16 octets in network order, `bytes` is anything (a view when decoded: copy what is kept).
 */
export type AttributeKind = 'u8' | 'u16' | 'u32' | 'text' | 'ip' | 'bytes';
export interface AttributeDef {
  /** nla_type, 14 bits. */
  readonly code: number;
  readonly kind: AttributeKind;
}
/** The attributes of one message type, a row each; `*-attrs.ts` hold them. */
export interface AttributeTable {
  readonly [name: string]: AttributeDef;
}

type ValueOf<K extends AttributeKind> = K extends 'u8' | 'u16' | 'u32' ? number : K extends 'text' ? string : K extends 'ip' ? IpAddress : Uint8Array;
/** Values by name, each of the type its row says. */
export type Attributes<T extends AttributeTable> = { readonly [N in keyof T]?: ValueOf<T[N]['kind']> };
type AnyValue = number | string | Uint8Array;

/** The two highest bits of nla_type are flags: nested, and network byte order. */
const TYPE_MASK = 0x3fff;
const HEADER = 4;

/**
 * Splits a stream of attributes: `visit` gets the type and a view of each value. False when a length is impossible;
 * fewer than 4 octets of padding at the end are no fault.
 *
 *     +-------------------------------+-------------------------------+
 *     | length, header but no padding | flags (2 bits) and type       |
 *     +-------------------------------+-------------------------------+
 *     | value, padded to 4 octets                                     |
 */
export function eachAttribute(bytes: Uint8Array, littleEndian: boolean, visit: (type: number, value: Uint8Array) => void): boolean {
  let at = 0;
  while (at + HEADER <= bytes.length) {
    const reader = new ByteReader(bytes, at);
    const length = reader.u16(littleEndian);
    const type = reader.u16(littleEndian) & TYPE_MASK;
    if (length < HEADER || length > bytes.length - at) return false;
    visit(type, bytes.subarray(at + HEADER, at + length));
    at += align(length);
  }
  return true;
}

function decodeValue(kind: AttributeKind, value: Uint8Array, littleEndian: boolean): AnyValue | undefined {
  const reader = new ByteReader(value);
  let result: AnyValue | undefined;
  switch (kind) {
    case 'u8':
      result = reader.u8();
      break;
    case 'u16':
      result = reader.u16(littleEndian);
      break;
    case 'u32':
      result = reader.u32(littleEndian);
      break;
    case 'text': {
      const end = value.indexOf(0);
      result = fromUtf8(end < 0 ? value : value.subarray(0, end));
      break;
    }
    case 'ip':
      result = ipFromBytes(value);
      break;
    case 'bytes':
      result = value;
      break;
  }
  return reader.failed ? undefined : result;
}

const BY_CODE = new WeakMap<AttributeTable, ReadonlyMap<number, readonly [string, AttributeKind]>>();

function byCode(table: AttributeTable): ReadonlyMap<number, readonly [string, AttributeKind]> {
  let rows = BY_CODE.get(table);
  if (!rows) {
    rows = new Map(Object.entries(table).map(([name, def]) => [def.code, [name, def.kind] as const]));
    BY_CODE.set(table, rows);
  }
  return rows;
}

/**
 * Decodes the attributes that have a row in `table`; others are skipped, of two with one type the last counts (as in
 * the kernel). Undefined when the stream is malformed or a value does not fit its row.
 */
export function decodeAttributes<T extends AttributeTable>(table: T, bytes: Uint8Array, littleEndian: boolean): Attributes<T> | undefined {
  const rows = byCode(table);
  const out: { [name: string]: AnyValue } = {};
  let sound = true;
  const whole = eachAttribute(bytes, littleEndian, (type, value) => {
    const row = rows.get(type);
    if (!row) return;
    const decoded = decodeValue(row[1], value, littleEndian);
    if (decoded === undefined) sound = false;
    else out[row[0]] = decoded;
  });
  return whole && sound ? (out as Attributes<T>) : undefined;
}

function encodeValue(kind: AttributeKind, value: AnyValue, littleEndian: boolean): Uint8Array {
  if (typeof value === 'number') {
    const out = new ByteWriter(4);
    return (kind === 'u8' ? out.u8(value) : kind === 'u16' ? out.u16(value, littleEndian) : out.u32(value, littleEndian)).finish();
  }
  if (typeof value === 'string') return kind === 'ip' ? ipBytes(value as IpAddress) : new ByteWriter(value.length + 1).bytes(toUtf8(value)).u8(0).finish();
  return value;
}

/** Encodes the given attributes in the order of the table. */
export function encodeAttributes<T extends AttributeTable>(table: T, values: Attributes<T>, littleEndian: boolean): Uint8Array {
  const out = new ByteWriter(64);
  for (const [name, def] of Object.entries(table)) {
    const value = values[name];
    if (value === undefined) continue;
    const bytes = encodeValue(def.kind, value, littleEndian);
    out.u16(HEADER + bytes.length, littleEndian).u16(def.code, littleEndian).bytes(bytes).zeros(align(bytes.length) - bytes.length);
  }
  return out.finish();
}
