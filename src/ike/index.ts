/**
 * ike: IKEv2 (RFC 7296) with MOBIKE (RFC 4555), initiator and responder in one engine. A pure machine: `IkeEngine.handle(input, now)`
 * returns effects, `deadline` says when to tick. It never asks a kernel, picks no uplink, opens no socket: which path to use is told to
 * it (`path.move`), and what it learns about paths it tells (`path.answered`, `path.doubtful`).
 *
 * An IKE SA lives in a *chain*: the number stays through rekeyings, so the daemon and the data plane name it by that. `engine.ts` finds
 * SAs by SPI and guards the door; `ike-sa.ts` holds one SA and routes its messages; `exchange.ts` is the window of one request with
 * retransmission per path; each behaviour is a task in `tasks/`.
 *
 * What happens to a path, in order: inbound traffic or an answer on it proves it. Traffic that goes unanswered for `active`, or idleness
 * for `liveness`, brings a liveness check. Two unanswered sends make it doubtful: the daemon may race other paths with the same octets.
 * An answer on another path is reported; if the daemon then moves, the outstanding request goes to the new path at once and an
 * UPDATE_SA_ADDRESSES follows. When nothing answers anywhere the daemon is told (`ike.unreachable`) and may set up anew beside.
 * After HOLD_TIME without any answer the SA is closed.
 *
 * Addresses (`tasks/mobike-addresses.ts`): ours are told in IKE_AUTH, in updates and when they change; the peer's are remembered, told to the
 * daemon (`peer.addresses`), and move nothing here. A responder that lost its end of a path asks over the pairs that are left.
 *
 * A responder judges where its peers may be (`address-policy.ts`): what its section does not allow, or what comes too often, is refused and
 * changes nothing. A move that is allowed turns ESP when the peer has shown that it receives there, or, as the section says, at once and
 * bounded, or at once. R-MOBIKE (`tasks/responder-switch.ts`): a hub with whom that was agreed may ask the initiator to its other address.
 */
export * from './engine.ts';
export type * from './types.ts';
export { judgeAuthorities, judgeCredentials, type Authorities, type Credentials } from './credentials.ts';
export { nameProblem } from './identities.ts';
export { natHash } from './nat.ts';
export { narrow, isSubset, prefixSelector } from './selectors.ts';
