import type { IpAddress, IpPrefix } from '../base/index.ts';
import type { EspSa } from '../ports/index.ts';

/* What of IPsec is in the kernel, in the words of ip-xfrm(8): plain values that an adapter turns into netlink messages. */

/** Mark on a packet of ours that is encrypted, or 0: by it a rule finds the table of the uplink. */
export type OutputMark = number;

/** UDP ports around ESP (RFC 3948), in the direction of the SA. */
export interface UdpEncapsulation {
  readonly sourcePort: number;
  readonly destinationPort: number;
}

/** A state of the kernel. (destination, SPI) is its name: Linux allows each once. */
export interface XfrmState {
  readonly source: IpAddress;
  readonly destination: IpAddress;
  /** Binds it to the policies of its child. */
  readonly reqid: number;
  readonly encapsulation: UdpEncapsulation | undefined;
  readonly outputMark: OutputMark;
  /** Keys, SPI, direction and everything else that no move changes. */
  readonly esp: EspSa;
}

export type XfrmDirection = 'in' | 'fwd' | 'out';

/** A policy of the kernel. (direction, selector) is its name: one that blocks and one that lets through cannot stand beside each other. */
export interface XfrmPolicy {
  readonly direction: XfrmDirection;
  readonly source: IpPrefix;
  readonly destination: IpPrefix;
  /** 0: any. */
  readonly protocol: number;
  /** 0: any. */
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** Smaller comes first. */
  readonly priority: number;
  /** The outer addresses and the reqid of the states that it takes; undefined: what matches is dropped. */
  readonly template: { readonly source: IpAddress; readonly destination: IpAddress; readonly reqid: number } | undefined;
}

export type XfrmOp =
  | { readonly op: 'state.add'; readonly state: XfrmState }
  /** Other UDP ports, or another mark, between the same addresses: in place. */
  | { readonly op: 'state.update'; readonly state: XfrmState }
  /**
   * Other addresses. Keys, sequence numbers, replay bitmap and counters survive, and the outbound sequence never goes back. Where the kernel cannot
   * migrate, the state is read, deleted and added anew: the policies that lead to it must block meanwhile.
   */
  | { readonly op: 'state.move'; readonly from: XfrmState; readonly state: XfrmState }
  | { readonly op: 'state.delete'; readonly state: XfrmState }
  /** Adds it, or replaces the one of that name. */
  | { readonly op: 'policy.set'; readonly policy: XfrmPolicy }
  | { readonly op: 'policy.delete'; readonly policy: XfrmPolicy };

/** What the driver is asked for; one `xfrm.apply` is answered before the next is asked. */
export type XfrmEffect =
  /** Applies in order, goes on after a failure; answered by `xfrm.applied`. */
  | { readonly type: 'xfrm.apply'; readonly ops: readonly XfrmOp[] }
  /** Reads the counters of our states; answered by `xfrm.counted`. */
  | { readonly type: 'xfrm.count' };

/** What a state has carried since it was added, moves included. */
export interface XfrmCount {
  readonly handle: number;
  readonly packets: number;
  readonly bytes: number;
  /** Outbound: last used; inbound: highest received. */
  readonly sequence: number;
}

export type XfrmInput =
  | { readonly type: 'xfrm.applied'; readonly failures: readonly { readonly op: XfrmOp; readonly errno: number }[] }
  | { readonly type: 'xfrm.counted'; readonly states: readonly XfrmCount[] };

/** The name of a state in the kernel. */
export const stateKey = ({ destination, esp }: XfrmState): string => `${destination}|${esp.spi}`;

const prefixText = ({ address, length }: IpPrefix): string => `${address}/${length}`;

/** The name of a policy in the kernel. */
export const policyKey = (policy: XfrmPolicy): string =>
  [policy.direction, prefixText(policy.source), prefixText(policy.destination), policy.protocol, policy.sourcePort, policy.destinationPort].join('|');
