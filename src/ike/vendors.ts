import { sameBytes } from '../base/index.ts';
import type { Payload } from '../codec/ike/index.ts';
import type { CryptoSuite } from '../crypto/index.ts';

/** What two mobiked can do that RFC 7296 §3.12 asks a Vendor ID for, since its numbers are of the private range. */
const VENDORS = { switch: 'mobiked R-MOBIKE v1', padding: 'mobiked padding v1' } as const;
export type Vendor = keyof typeof VENDORS;

/** The Vendor ID payload, 16 octets. */
export function vendorId(vendor: Vendor, suite: CryptoSuite): { readonly type: 'V'; readonly data: Uint8Array } {
  const text = new Uint8Array([...VENDORS[vendor]].map((char) => char.charCodeAt(0)));
  return { type: 'V', data: suite.hash('sha256', text).slice(0, 16) };
}

/** Whether a message of IKE_SA_INIT has it. */
export function hasVendor(payloads: readonly Payload[], vendor: Vendor, suite: CryptoSuite): boolean {
  const all = payloads.filter((p) => p.type === 'V');
  if (all.length === 0) return false;
  const { data } = vendorId(vendor, suite);
  return all.some((p) => sameBytes(p.data, data));
}
