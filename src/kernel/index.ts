/**
 * kernel: what the kernel has and what mobiked wants it to have. Pure: it takes the inputs `kernel.*`, keeps them in a
 * `KernelView`, and computes operations as the difference between wanted and installed. It never talks to the kernel,
 * knows no octets (that is `codec/netlink`) and never assumes that an operation worked: the view changes only by what
 * the kernel reports.
 *
 * Routes. Each remote selector of an enabled connection is protected for as long as the daemon means it to be:
 *
 * - always an `unreachable` route with the metric `UNREACHABLE_METRIC`, so that packets for the far side never leave in
 *   clear text: it works while the tunnel is down and stays when the daemon crashes;
 * - while the Child SA is up, a route through the TUN device with the metric `TUNNEL_METRIC`, which is better. It goes
 *   with the device when the daemon dies, and the route below takes over at once.
 *
 * A selector of length 0 becomes two halves, which beat the uplinks' default routes whatever their metrics. What lies
 * inside a network directly attached to the router still goes there (longer prefix, or metric 0): a selector that
 * covers the LAN is the user's business.
 *
 * Our own packets. ESP and IKE leave bound to the uplink's device, so routes through the TUN device do not catch them
 * and the peer's address needs no route of its own. One trap remains, in IPv4 only: Linux reports an `unreachable`
 * route before it looks at the device asked for, and then takes the destination for a neighbour on the link (it sends
 * ARP for the peer instead of using the gateway). So the addresses we talk to from a bound socket (`exceptions`: peers,
 * name servers, brokers outside the tunnel) are left out of the IPv4 prefixes, which then become several. The gap is
 * closed by a TUN route of the bad metric for just that address, invisible to bound sockets; only while no daemon runs
 * can other packets to exactly that address leave in clear text.
 *
 * Bypass lists. What an uplink's list names and a destination of a tunnel covers gets a route through that uplink, with its metric: longer than the
 * tunnel's, or in its place where both are the same, so that the `unreachable` route is always the next best. It is wanted while the uplink is up and
 * has a way there; with the device, or its last address, the kernel drops it at once. Where exceptions split a destination, its parts inside a bypass
 * have such routes too. A longer destination inside a bypass wins over it.
 *
 * Virtual addresses (RFC 7296 §2.19) are host addresses of the TUN device, and the preferred source of the routes of
 * their connection. With the last IPv4 address of a device Linux drops all its IPv4 routes without a word; the next
 * comparison puts back what is still wanted, and what blocks was never gone.
 *
 * IPsec in the kernel. What a child protects has a policy in every direction at any time, which blocks until an SA carries it; SAs follow the path of
 * their chain; a move goes through blocking policies, so that no packet meets an SA that is half moved (`xfrm-plan.ts` has the order). No plane uses this
 * yet: user space carries all ESP.
 *
 * Order of operations: new addresses first, old ones last, and between them `unreachable` routes first; then TUN routes are added and deleted (a changed one is deleted and
 * added again, with its `unreachable` route below it); then `unreachable` routes are deleted: at no moment is a wanted
 * destination open. Installed is every route of the main table with our protocol (`ROUTE_PROTOCOL`), so what a crashed
 * predecessor left is taken over or removed. A TUN route needs the device up: plan the link first.
 */
export * from './bypass.ts';
export * from './mtu.ts';
export * from './plan.ts';
export * from './view.ts';
export * from './wanted.ts';
export * from './xfrm.ts';
export * from './xfrm-plan.ts';
export * from './xfrm-plane.ts';
export * from './xfrm-wanted.ts';
