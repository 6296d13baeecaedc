import { compareIp, ipFamily, prefixRange, type IpAddress, type IpPrefix } from '../base/index.ts';
import type { TrafficSelector } from '../codec/ike/index.ts';

/** Selectors kept of one payload; a peer's longer list is cut, which only narrows it. */
const SELECTORS_MOST = 64;

export function prefixSelector(prefix: IpPrefix): TrafficSelector {
  return { protocol: 0, startPort: 0, endPort: 65535, ...prefixRange(prefix) };
}

const later = (a: IpAddress, b: IpAddress): IpAddress => (compareIp(a, b) >= 0 ? a : b);
const earlier = (a: IpAddress, b: IpAddress): IpAddress => (compareIp(a, b) <= 0 ? a : b);
const isOpaque = (s: TrafficSelector): boolean => s.startPort === 65535 && s.endPort === 0;
const anyPort = (s: TrafficSelector): boolean => s.startPort === 0 && s.endPort === 65535;

function intersectOne(a: TrafficSelector, b: TrafficSelector): TrafficSelector | undefined {
  if (ipFamily(a.start) !== ipFamily(b.start)) return undefined;
  if (a.protocol !== 0 && b.protocol !== 0 && a.protocol !== b.protocol) return undefined;
  const start = later(a.start, b.start);
  const end = earlier(a.end, b.end);
  if (compareIp(start, end) > 0) return undefined;
  const protocol = a.protocol !== 0 ? a.protocol : b.protocol;
  if (isOpaque(a) || isOpaque(b)) {
    if (!(isOpaque(a) && isOpaque(b)) && !anyPort(isOpaque(a) ? b : a)) return undefined;
    return { protocol, startPort: 65535, endPort: 0, start, end };
  }
  const startPort = Math.max(a.startPort, b.startPort);
  const endPort = Math.min(a.endPort, b.endPort);
  return startPort > endPort ? undefined : { protocol, startPort, endPort, start, end };
}

/** Offer ∩ policy (RFC 7296 §2.9), in the order of the offer; empty: TS_UNACCEPTABLE. */
export function narrow(offer: readonly TrafficSelector[], policy: readonly TrafficSelector[]): TrafficSelector[] {
  const out: TrafficSelector[] = [];
  for (const theirs of offer.slice(0, SELECTORS_MOST)) {
    for (const ours of policy) {
      const both = intersectOne(theirs, ours);
      if (both && !out.some((s) => contains(s, both)) && out.length < SELECTORS_MOST) out.push(both);
    }
  }
  return out;
}

function contains(outer: TrafficSelector, inner: TrafficSelector): boolean {
  if (ipFamily(outer.start) !== ipFamily(inner.start)) return false;
  if (outer.protocol !== 0 && outer.protocol !== inner.protocol) return false;
  if (compareIp(outer.start, inner.start) > 0 || compareIp(inner.end, outer.end) > 0) return false;
  if (anyPort(outer)) return true;
  if (isOpaque(outer) || isOpaque(inner)) return isOpaque(outer) && isOpaque(inner);
  return outer.startPort <= inner.startPort && inner.endPort <= outer.endPort;
}

/** True when every selector lies inside one of `outer` (I2.9-2: a peer's answer against our offer). */
export function isSubset(inner: readonly TrafficSelector[], outer: readonly TrafficSelector[]): boolean {
  return inner.length > 0 && inner.every((i) => outer.some((o) => contains(o, i)));
}

/** True when some packet fits both lists. */
export function overlaps(a: readonly TrafficSelector[], b: readonly TrafficSelector[]): boolean {
  return a.some((x) => b.some((y) => intersectOne(x, y) !== undefined));
}
