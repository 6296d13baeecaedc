import { compareBytes, ipBytes, ipFamily, ipFromBytes, type ByteReader, type ByteWriter } from '../../base/index.ts';
import type { TrafficSelector, TsPayload } from './types.ts';

/*
 * TS payload (RFC 7296 §3.13): a count, then the selectors.
 *
 * | Number of TSs |                 RESERVED                      |
 *
 * |   TS Type     |IP Protocol ID |       Selector Length         |
 * |           Start Port          |           End Port            |
 * |          Starting Address     |        Ending Address         |
 */

const TS_IPV4_ADDR_RANGE = 7;
const TS_IPV6_ADDR_RANGE = 8;
const SELECTOR_HEAD = 4;
const PORTS = 4;
/** OPAQUE ports (RFC 7296 §3.13.1): the only start above its end that means something. */
const OPAQUE_START = 65535;

/** Octets of an address of a selector type, or undefined for a type we do not know. */
function addressOctets(type: number): number | undefined {
  return type === TS_IPV4_ADDR_RANGE ? 4 : type === TS_IPV6_ADDR_RANGE ? 16 : undefined;
}

/** Reads what follows a selector's length; undefined when it can match nothing and is therefore left out. */
function readRange(reader: ByteReader, protocol: number, size: number): TrafficSelector | undefined {
  const startPort = reader.u16();
  const endPort = reader.u16();
  const first = reader.view(size);
  const last = reader.view(size);
  const start = ipFromBytes(first);
  const end = ipFromBytes(last);
  if (start === undefined || end === undefined || compareBytes(first, last) > 0) return undefined;
  if (startPort > endPort && !(startPort === OPAQUE_START && endPort === 0)) return undefined;
  return { protocol, startPort, endPort, start, end };
}

/**
 * Decodes the body of a TS payload; a string says what is malformed. Selectors of unknown types (RFC 7296 §2.9) and
 * those with start above end are left out, so the list may be empty.
 */
export function decodeTs<T extends 'TSi' | 'TSr'>(type: T, reader: ByteReader): TsPayload<T> | string {
  const count = reader.u8();
  reader.skip(3);
  const selectors: TrafficSelector[] = [];
  for (let i = 0; i < count; i++) {
    const left = reader.left;
    const selectorType = reader.u8();
    const protocol = reader.u8();
    const length = reader.u16();
    if (reader.failed || length < SELECTOR_HEAD || length > left) return 'selector length does not fit its payload';
    const size = addressOctets(selectorType);
    if (size === undefined) {
      reader.skip(length - SELECTOR_HEAD);
      continue;
    }
    if (length !== SELECTOR_HEAD + PORTS + 2 * size) return 'selector length does not fit its type';
    const selector = readRange(reader, protocol, size);
    if (selector) selectors.push(selector);
  }
  if (reader.failed) return 'payload is cut short';
  return reader.left === 0 ? { type, selectors } : 'octets after the last selector';
}

/** Encodes the body of a TS payload. */
export function encodeTs(payload: TsPayload, out: ByteWriter): void {
  out.u8(payload.selectors.length).zeros(3);
  for (const selector of payload.selectors) {
    const size = ipFamily(selector.start) === 4 ? 4 : 16;
    out.u8(size === 4 ? TS_IPV4_ADDR_RANGE : TS_IPV6_ADDR_RANGE).u8(selector.protocol).u16(SELECTOR_HEAD + PORTS + 2 * size);
    out.u16(selector.startPort).u16(selector.endPort).bytes(ipBytes(selector.start)).bytes(ipBytes(selector.end));
  }
}
