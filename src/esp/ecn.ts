import type { InnerPacket } from './inner.ts';

/** The ECN bits of a traffic class (RFC 3168 §5): Not-ECT, ECT(1), ECT(0), CE. */
const ECN = 3;
const NOT_ECT = 0;
const ECT_1 = 1;
const CE = 3;

/** The octet of DSCP and ECN of a packet. */
export function trafficClass(bytes: Uint8Array): number {
  const [first = 0, second = 0] = bytes;
  return first >> 4 === 4 ? second : ((first << 4) | (second >> 4)) & 0xff;
}

/** The octet for the outer header: ECN is copied (RFC 6040 §4.1, normal mode), DSCP only when asked (RFC 4301 §5.1.2.1). */
export const outerClass = (bytes: Uint8Array, copyDscp: boolean): number => trafficClass(bytes) & (copyDscp ? 0xff : ECN);

/** Merges the ECN field of the outer header into the packet, in place (RFC 6040 §4.2); false when it must be dropped. */
export function mergeEcn(bytes: Uint8Array, packet: InnerPacket, outer: number): boolean {
  const had = trafficClass(bytes) & ECN;
  const ecn = outer & ECN;
  if (had === NOT_ECT) return ecn !== CE;
  if (had === CE || (ecn !== CE && ecn !== ECT_1) || ecn === had) return true;
  if (packet.version === 6) {
    bytes[1] = ((bytes[1] ?? 0) & ~(ECN << 4)) | (ecn << 4);
    return true;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const old = view.getUint16(0);
  bytes[1] = ((bytes[1] ?? 0) & ~ECN) | ecn;
  // RFC 1624 §3: HC' = ~(~HC + ~m + m').
  const sum = (~view.getUint16(10) & 0xffff) + (~old & 0xffff) + view.getUint16(0);
  const folded = (sum & 0xffff) + (sum >>> 16);
  view.setUint16(10, ~((folded & 0xffff) + (folded >>> 16)) & 0xffff);
  return true;
}
