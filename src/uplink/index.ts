/**
 * uplink: which uplink each connection uses, and why. It owns the state of every uplink and, per connection, what the
 * peer's answers prove about each of them. It never does I/O, never builds a message and knows nothing of IKE: answers
 * and silence come in as inputs, probes, races and moves go out as effects. It imports `base` only.
 * Beside that it learns how long each uplink's NAT keeps a mapping (`keepalive.ts`).
 *
 * The model, in the order in which things are decided:
 *
 * 1. Facts (`facts.ts`). An uplink is one l3_device. It is up when the kernel has the device, IFF_UP and carrier,
 *    netifd (where there is one and it is not away) has an interface up on it, and the kernel has a usable address
 *    (global, not tentative) of a family with a default route. Names come from netifd, addresses and routes only from
 *    the kernel: netifd announces an IPv6 address a second before it can be used and an IPv4 address that may be gone.
 *    A device named in the configuration that is not meant to have a default route counts with its addresses alone.
 * 2. Losses count at once, gains and other changes after 150 ms of quiet, at most 1 s (`policy.ts`). An address that is
 *    replaced is a loss: both halves count at once. The first list after the start is taken as it is.
 * 3. Standing (`connection.ts`): an uplink is `proven` when the peer answered through it lately and no probe failed
 *    since, `silent` when a probe gave up (F-9) or the peer refused it within 10 minutes, else `unproven`. Proof ends with the address, the device or the IKE SA.
 *    An uplink whose targets do not answer, or a portal in their place (`reachability.ts`, `uplink.reached`), is `silent` too, but for the
 *    connection that is on it, and until the peer answers through it.
 * 4. The choice (`select.ts`), first rule that applies:
 *    a. nothing is up: `no_candidate`;
 *    b. the user forces an uplink that is up: `forced`. The wish ends when its time is over (where it was given one),
 *       when that uplink goes down, when it falls silent and another one answers, when it carries no data (f), or
 *       when the peer refuses it; after that the rules below choose, from where the connection is;
 *    c. the current path is certainly dead (address, device, carrier, interface or uplink gone): the best candidate at
 *       once, proven or not: order is proven, unproven, blocked, silent, then metric, round trip, name. The same uplink
 *       with another address is a candidate too. An uplink that is a last resort comes after all others that are
 *       proven or unproven, and before those that are blocked or silent (`last_resort` stands beside its standing);
 *    d. the current path is in doubt: the outstanding request races over all others, and over the current uplink too
 *       when the peer has several addresses (which of them is the daemon's matter); the first other uplink that answers
 *       while the current one has not wins, `black_hole`. Packets that still arrive on the current path earn it 2 s;
 *       a last resort that answers first waits until the doubt is 1 s old while another may answer;
 *    e. the current path never answered and gave up: the next one, least tried first, `unanswered`;
 *    f. the current path carries IKE and no data (`path.blocked`, F-3): the best that is proven or unproven, `data_blocked`; not gone back to
 *       for 10 minutes, doubled each time up to a day;
 *    g. the current uplink is outside its schedule: the best that is proven, `outside_schedule`; all others are asked as
 *       often as better ones until one answers, and while none does the path stays. Otherwise an uplink outside its
 *       schedule is no candidate, the user's wish for it ends, and a path on it that is lost is not made anew. Windows
 *       are local time; while the clock is not set they do not count: what sets it may need the tunnel (`schedule.ts`);
 *    h. a better metric: back to it after it has answered at least 3 probes over 10 s and 5 s after the last voluntary
 *       move, `better_metric`. An uplink that went three times in 10 minutes (was lost, in use or not, or had to be left)
 *       has to answer over 20 s, and twice as long for each further time, up to 160 s: `flapping`. Beside a last
 *       resort every other uplink counts as better, whatever the metrics: it is left in the same way, `last_resort_over`;
 *    i. else `keep`: a path that works is never left for one not yet seen to work.
 * 5. Probes: a better uplink at once and then every 3 s; other standbys 3 s after they come up, then every 60 s (300 s
 *    metered or a last resort); after a failure twice as late each time, up to 5 minutes; one at a time per connection; none while the
 *    current path is in doubt (the race asks then) or while there is no IKE SA.
 * 6. Targets (`reachability.ts`, types in `probe-types.ts`): where the configuration names some, a round asks them through each uplink that is
 *    up, one after the other until enough have answered: at once, then every 60 s (300 s metered) in the beat of the peer's probes. A round
 *    that fails is repeated after 2 s, 4 s and so on; three of them make the uplink `unreachable`, the page of a portal makes it `captive` at
 *    once, one that succeeds makes it `reachable`.
 */
export * from './facts.ts';
export * from './keepalive.ts';
export * from './policy.ts';
export * from './probe-types.ts';
export * from './reachability.ts';
export type { WallClock } from './schedule.ts';
export * from './types.ts';
