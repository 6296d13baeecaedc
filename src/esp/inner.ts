import { ipBytes } from '../base/index.ts';
import type { TrafficSelector } from '../codec/ike/index.ts';

/** What of an inner packet the plane looks at. Offsets count from the start of the packet. */
export interface InnerPacket {
  readonly version: 4 | 6;
  /** Octets by the packet's own header; what follows is TFC padding (RFC 4303 §2.7). */
  readonly length: number;
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly protocol: number;
  /** Offset of the upper layer; `length` or beyond when it is not in this packet. */
  readonly upper: number;
  /** True for a fragment that is not the first: no upper layer header in it. */
  readonly laterFragment: boolean;
  /** TCP, UDP…: ports; ICMP: type << 8 | code, twice (RFC 7296 §3.13.1); undefined when there are none to see. */
  readonly ports: { readonly source: number; readonly destination: number } | undefined;
  /** IPv4: the DF bit. IPv6: true. */
  readonly dontFragment: boolean;
}

const PORTED = [6, 17, 33, 132, 136];
/** IPv6 extension headers that are walked over; more than this many are taken as "no upper layer to see". */
const MAX_EXTENSIONS = 8;

const at16 = (bytes: Uint8Array, at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);

/** Reads the headers of an IP packet; undefined when it is none or is longer than `bytes`. */
export function parseInner(bytes: Uint8Array): InnerPacket | undefined {
  const version = (bytes[0] ?? 0) >> 4;
  if (version === 4) return parseInner4(bytes);
  if (version === 6) return parseInner6(bytes);
  return undefined;
}

function portsOf(bytes: Uint8Array, protocol: number, upper: number, length: number, later: boolean): InnerPacket['ports'] {
  if (later) return undefined;
  if (PORTED.includes(protocol) && upper + 4 <= length) return { source: at16(bytes, upper), destination: at16(bytes, upper + 2) };
  if ((protocol === 1 || protocol === 58) && upper + 2 <= length) return { source: at16(bytes, upper), destination: at16(bytes, upper) };
  return undefined;
}

function parseInner4(bytes: Uint8Array): InnerPacket | undefined {
  if (bytes.length < 20) return undefined;
  const header = ((bytes[0] ?? 0) & 15) * 4;
  const length = at16(bytes, 2);
  if (header < 20 || length < header || length > bytes.length) return undefined;
  const fragment = at16(bytes, 6);
  const protocol = bytes[9] ?? 0;
  const laterFragment = (fragment & 0x1fff) !== 0;
  return {
    version: 4, length, protocol, upper: header, laterFragment,
    source: bytes.subarray(12, 16), destination: bytes.subarray(16, 20),
    ports: portsOf(bytes, protocol, header, length, laterFragment),
    dontFragment: (fragment & 0x4000) !== 0,
  };
}

function parseInner6(bytes: Uint8Array): InnerPacket | undefined {
  if (bytes.length < 40) return undefined;
  const length = 40 + at16(bytes, 4);
  if (length > bytes.length) return undefined;
  let protocol = bytes[6] ?? 0;
  let upper = 40;
  let laterFragment = false;
  for (let i = 0; i < MAX_EXTENSIONS && upper + 8 <= length && !laterFragment; i++) {
    if (protocol === 44) {
      laterFragment = (at16(bytes, upper + 2) & 0xfff8) !== 0;
      protocol = bytes[upper] ?? 0;
      upper += 8;
    } else if (protocol === 0 || protocol === 43 || protocol === 60) {
      protocol = bytes[upper] ?? 0;
      upper += ((bytes[upper + 1] ?? 0) + 1) * 8;
    } else break;
  }
  return {
    version: 6, length, protocol, upper, laterFragment,
    source: bytes.subarray(8, 24), destination: bytes.subarray(24, 40),
    ports: portsOf(bytes, protocol, upper, length, laterFragment),
    dontFragment: true,
  };
}

/** A traffic selector with its addresses as octets, made once per SA. */
export interface SelectorRow {
  readonly protocol: number;
  readonly startPort: number;
  readonly endPort: number;
  readonly start: Uint8Array;
  readonly end: Uint8Array;
}

export function selectorRow(selector: TrafficSelector): SelectorRow {
  return {
    protocol: selector.protocol, startPort: selector.startPort, endPort: selector.endPort,
    start: ipBytes(selector.start), end: ipBytes(selector.end),
  };
}

function inRange(address: Uint8Array, start: Uint8Array, end: Uint8Array): boolean {
  if (address.length !== start.length) return false;
  let low = true; // address equals `start` so far
  let high = true;
  for (let i = 0; i < address.length && (low || high); i++) {
    const octet = address[i] ?? 0;
    if (low && octet < (start[i] ?? 0)) return false;
    if (high && octet > (end[i] ?? 0)) return false;
    low = low && octet === start[i];
    high = high && octet === end[i];
  }
  return true;
}

function rowMatches(row: SelectorRow, address: Uint8Array, protocol: number, port: number | undefined): boolean {
  if (row.protocol !== 0 && row.protocol !== protocol) return false;
  if (!inRange(address, row.start, row.end)) return false;
  if (row.startPort === 0 && row.endPort === 65535) return true;
  if (row.startPort > row.endPort) return port === undefined; // OPAQUE, RFC 4301 §4.4.1.1
  return port !== undefined && port >= row.startPort && port <= row.endPort;
}

/** True when the packet goes from `from` to `to`: address, protocol and port of both ends (RFC 4301 §4.4.1). */
export function selectorsMatch(packet: InnerPacket, from: readonly SelectorRow[], to: readonly SelectorRow[]): boolean {
  return (
    from.some((row) => rowMatches(row, packet.source, packet.protocol, packet.ports?.source)) &&
    to.some((row) => rowMatches(row, packet.destination, packet.protocol, packet.ports?.destination))
  );
}
