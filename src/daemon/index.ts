/**
 * daemon: the conductor. It joins protocol (`ike`), policy (`uplink`), kernel plans, configuration and reports, and nothing else joins
 * them: in `reactions.ts` what `uplink` decides becomes a move of the IKE SA, and what `ike` says has answered becomes evidence for the
 * policy. Pure: no clock, no socket, no promise; `loop.ts` runs it over the ports with one queue and one timer.
 *
 * One input at a time: the input goes to the part it belongs to; what that part wants of another is an input to that other in the same
 * turn; effects come back as one list in order. `initiator.ts` keeps a connection up for ever; `remotes.ts` has the peer's addresses
 * and their order on each uplink, `own-addresses.ts` ours; `dataplane.ts` keeps TUN, routes and MTU as
 * wanted and blocks what a tunnel would carry while it is down; `path-mtu.ts` keeps what routers told of a path for ten minutes, and what
 * `path-sizes.ts` found out by asking;
 * `probes.ts` asks the targets of the configuration through each uplink; `netifd.ts` follows ubus; `reporting.ts` knows the way to a broker.
 */
export { Daemon } from './daemon.ts';
export { guarded, run, type Host } from './loop.ts';
export { UBUS_METHODS, UBUS_OBJECT } from './ubus-api.ts';
export { NetifdFollower } from './netifd.ts';
