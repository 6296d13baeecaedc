/** IKE messages of a capture file (libpcap, Ethernet) taken between the two ends. */
import { readFileSync } from 'node:fs';

export interface CapturedMessage {
  /** Who sent it: the hub, or whoever is on the other side of the ISP. */
  readonly from: 'router' | 'hub';
  /** Without the non-ESP marker (RFC 3948 §2.2). */
  readonly bytes: Uint8Array;
}

/** Next payload of a message in fragments (RFC 7383 §2.5), and the exchange of the authentication. */
const SKF = 53;
const IKE_AUTH = 35;
const FILE_HEADER = 24;
const RECORD_HEADER = 16;
const ETHERNET = 14;

/** Every IKE message over IPv4 of a file that tcpdump wrote, or is still writing; `hub` is the hub's address. */
export function readCapture(path: string, hub: string): readonly CapturedMessage[] {
  const file = readFileSync(path);
  const hubOctets = Buffer.from(hub.split('.').map(Number));
  const out: CapturedMessage[] = [];
  for (let at = FILE_HEADER; at + RECORD_HEADER <= file.length;) {
    const length = file.readUInt32LE(at + 8);
    const frame = file.subarray(at + RECORD_HEADER, at + RECORD_HEADER + length);
    at += RECORD_HEADER + length;
    if (frame.length < length || frame.readUInt16BE(12) !== 0x0800) continue;
    const packet = frame.subarray(ETHERNET);
    const udp = packet.subarray(((packet[0] ?? 0) & 15) * 4, packet.readUInt16BE(2));
    const [source, destination] = [udp.readUInt16BE(0), udp.readUInt16BE(2)];
    const from = packet.subarray(12, 16).equals(hubOctets) ? 'hub' : 'router';
    if (source === 500 || destination === 500) out.push({ from, bytes: udp.subarray(8) });
    else if (udp.length > 40 && udp.readUInt32BE(8) === 0) out.push({ from, bytes: udp.subarray(12) });
  }
  return out;
}

/** How many pieces of IKE_AUTH messages each side sent. */
export function authFragments(messages: readonly CapturedMessage[]): { readonly router: number; readonly hub: number } {
  const count = (from: 'router' | 'hub'): number => messages.filter((m) => m.from === from && m.bytes[16] === SKF && m.bytes[18] === IKE_AUTH).length;
  return { router: count('router'), hub: count('hub') };
}
