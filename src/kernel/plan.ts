import type { IpAddress, RouteFact } from '../base/index.ts';
import { formatPrefix, ipFamily } from '../base/index.ts';
import type { KernelOp, WantedRoute } from '../ports/index.ts';
import type { KernelView } from './view.ts';

/** A route as wanted, from a route as reported; undefined for one that mobiked would never install. */
function asWanted(fact: RouteFact): WantedRoute | undefined {
  const common = { destination: fact.destination, metric: fact.metric, prefSrc: fact.prefSrc };
  // The kernel reports IPv6 `unreachable` routes as going through the loopback device.
  if (fact.type === 'unreachable') return { ...common, via: { kind: 'unreachable' } };
  if (fact.type !== 'unicast' || fact.ifindex === undefined) return undefined;
  return { ...common, via: { kind: 'device', ifindex: fact.ifindex, ...(fact.gateway === undefined ? {} : { gateway: fact.gateway }) } };
}

function keyOf(route: WantedRoute): string {
  const via = route.via.kind === 'device' ? `dev ${route.via.ifindex} via ${route.via.gateway ?? ''}` : 'unreachable';
  return `${formatPrefix(route.destination)}|${via}|${route.metric}|${route.prefSrc ?? ''}`;
}

/**
 * The operations that lead from what is installed to what is wanted; none when both are the same. Applying them twice
 * does no harm. The order never leaves a wanted destination open, see the door.
 */
export function planRoutes(want: readonly WantedRoute[], view: KernelView): KernelOp[] {
  const wanted = new Map(want.map((route) => [keyOf(route), route]));
  const installed = new Map<string, WantedRoute>();
  for (const fact of view.ownRoutes()) {
    const route = asWanted(fact);
    if (route) installed.set(keyOf(route), route);
  }
  const blocks = (route: WantedRoute): boolean => route.via.kind === 'unreachable';
  const place = (route: WantedRoute): string => `${formatPrefix(route.destination)}|${route.metric}`;
  const add = [...wanted].filter(([key]) => !installed.has(key)).map(([, route]) => route);
  const drop = [...installed].filter(([key]) => !wanted.has(key)).map(([, route]) => route);
  // Where only device or source change, the old route goes first: a deletion may not tell the two apart.
  const places = new Set(add.map(place));
  const changed = (route: WantedRoute): boolean => places.has(place(route));
  const adding = (routes: readonly WantedRoute[]): KernelOp[] => routes.map((route) => ({ op: 'route.add', route }));
  const dropping = (routes: readonly WantedRoute[]): KernelOp[] => routes.map((route) => ({ op: 'route.delete', route }));
  return [
    ...adding(add.filter(blocks)),
    ...dropping(drop.filter((route) => !blocks(route) && changed(route))),
    ...adding(add.filter((route) => !blocks(route))),
    ...dropping(drop.filter((route) => !blocks(route) && !changed(route))),
    ...dropping(drop.filter(blocks)),
  ];
}

/** The operation that brings a device up with this MTU; none when it is so, or when the device is not there. */
export function planLink(ifindex: number, mtu: number, view: KernelView): KernelOp[] {
  const link = view.link(ifindex);
  if (!link || (link.up && link.mtu === mtu)) return [];
  return [{ op: 'link.set', ifindex, up: true, mtu }];
}

/** Additions go before routes that name these addresses as their source, deletions after. */
export interface AddressPlan {
  readonly before: readonly KernelOp[];
  readonly after: readonly KernelOp[];
}

/**
 * The operations that give a device exactly the wanted host addresses. Of what it has, only whole addresses (/32, /128) of global scope are
 * ours: others were put there by somebody else.
 */
export function planAddresses(ifindex: number, want: readonly IpAddress[], view: KernelView): AddressPlan {
  const whole = (address: IpAddress): number => (ipFamily(address) === 4 ? 32 : 128);
  const have = view.addressesOf(ifindex).filter((fact) => fact.global && fact.prefixLength === whole(fact.address)).map((fact) => fact.address);
  const wanted = [...new Set(want)];
  return {
    before: wanted.filter((address) => !have.includes(address)).map((address) => ({ op: 'address.add', ifindex, address })),
    after: have.filter((address) => !wanted.includes(address)).map((address) => ({ op: 'address.delete', ifindex, address })),
  };
}
