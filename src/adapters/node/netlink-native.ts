import type { NativeHost } from './native.ts';
import { NETLINK_ROUTE, openNetlink } from './native.ts';
import type { NetlinkFactory } from './netlink.ts';

/** Netlink sockets of our addon: musl, and every machine the npm package has no binary for. */
export function nativeNetlink(host: NativeHost): NetlinkFactory {
  return (groups, events) => openNetlink(host, { protocol: NETLINK_ROUTE, groups }, events);
}
