import { ipFamily, rangePrefixes, type IpPrefix, type Path } from '../base/index.ts';
import type { Encapsulation, EspSa } from '../ports/index.ts';
import { policyKey, stateKey, type OutputMark, type XfrmDirection, type XfrmPolicy, type XfrmState } from './xfrm.ts';

/** Where the SAs of one IKE SA chain are. */
export interface XfrmWay {
  readonly path: Path;
  readonly encapsulation: Encapsulation;
  readonly outputMark: OutputMark;
  /** Nothing is sent or received for now. The states stay where they are: an outbound one that was deleted could not be added again, its nonces are used. */
  readonly isHeld: boolean;
}

/** One SA, as the engine has it. */
export interface XfrmSa {
  readonly sa: EspSa;
  /** Outbound: it is the one its child sends under. */
  readonly used: boolean;
}

/** What a configured child protects, whether it is up or not. */
export interface XfrmGuard {
  readonly local: readonly IpPrefix[];
  readonly remote: readonly IpPrefix[];
}

export interface XfrmWish {
  /** In the order they came about. */
  readonly sas: readonly XfrmSa[];
  /** By bundle; one without has no states yet. */
  readonly ways: ReadonlyMap<number, XfrmWay>;
  readonly guards: readonly XfrmGuard[];
}

export interface WantedXfrm {
  readonly states: ReadonlyMap<string, XfrmState>;
  readonly policies: ReadonlyMap<string, XfrmPolicy>;
}

/** Worse than this is no policy of ours: what other programs install by default (strongSwan's are above 190,000) goes after. */
const LEAST_SPECIFIC = 90_000;
const ANY_PORT = 65_535;

type Selector = EspSa['local'][number];

/** The kernel knows a port or all of them. */
const portOf = ({ startPort, endPort }: Selector): number | undefined => (startPort === 0 && endPort === ANY_PORT ? 0 : startPort === endPort ? startPort : undefined);

/** Whether policies can say what this SA may carry: ranges of ports they cannot. */
export const isExpressible = ({ local, remote }: EspSa): boolean => [...local, ...remote].every((selector) => portOf(selector) !== undefined);

/** A longer prefix, a protocol and a port come first, as the most specific route does. */
function priority({ source, destination, protocol, sourcePort, destinationPort }: Omit<XfrmPolicy, 'priority' | 'template' | 'direction'>): number {
  const ports = Number(sourcePort !== 0) + Number(destinationPort !== 0);
  return LEAST_SPECIFIC - 8 * (source.length + destination.length) - 4 * Number(protocol !== 0) - ports;
}

type Template = XfrmPolicy['template'];

/** A policy between our side and theirs, with ports of ours and theirs, as `direction` sees them. */
function policy(direction: XfrmDirection, local: IpPrefix, remote: IpPrefix, ports: { readonly protocol: number; readonly local: number; readonly remote: number }, template: Template): XfrmPolicy {
  const isOut = direction === 'out';
  const ends = {
    source: isOut ? local : remote, destination: isOut ? remote : local, protocol: ports.protocol,
    sourcePort: isOut ? ports.local : ports.remote, destinationPort: isOut ? ports.remote : ports.local,
  };
  return { direction, ...ends, priority: priority(ends), template };
}

const ANY = { protocol: 0, local: 0, remote: 0 };
const prefixesOf = ({ start, end }: Selector): IpPrefix[] => rangePrefixes({ start, end });

/** Every pair of selectors of one family and one protocol. */
function* pairs(sa: EspSa): Generator<{ readonly local: IpPrefix; readonly remote: IpPrefix; readonly ports: typeof ANY }> {
  for (const ours of sa.local) for (const theirs of sa.remote) {
    if (ipFamily(ours.start) !== ipFamily(theirs.start)) continue;
    if (ours.protocol !== 0 && theirs.protocol !== 0 && ours.protocol !== theirs.protocol) continue;
    const ports = { protocol: ours.protocol || theirs.protocol, local: portOf(ours) ?? 0, remote: portOf(theirs) ?? 0 };
    for (const local of prefixesOf(ours)) for (const remote of prefixesOf(theirs)) yield { local, remote, ports };
  }
}

function stateOf(sa: EspSa, { path, encapsulation, outputMark }: XfrmWay): XfrmState {
  const [from, to] = sa.direction === 'out' ? [path.local, path.remote] : [path.remote, path.local];
  return {
    source: from.address, destination: to.address, reqid: sa.child,
    encapsulation: encapsulation === 'udp' ? { sourcePort: from.port, destinationPort: to.port } : undefined,
    outputMark: sa.direction === 'out' ? outputMark : 0, esp: sa,
  };
}

/**
 * States and policies as they should be. An outbound SA is installed when its child sends under it, since the kernel takes the newest of a child.
 * What a child protects has a policy in every direction at any time: it blocks until there is an SA that carries it.
 */
export function wantedXfrm({ sas, ways, guards }: XfrmWish): WantedXfrm {
  const states = new Map<string, XfrmState>();
  const policies = new Map<string, XfrmPolicy>();
  const put = (one: XfrmPolicy): void => void policies.set(policyKey(one), one);
  for (const guard of guards) for (const local of guard.local) for (const remote of guard.remote) {
    if (ipFamily(local.address) !== ipFamily(remote.address)) continue;
    for (const direction of ['in', 'fwd', 'out'] as const) put(policy(direction, local, remote, ANY, undefined));
  }
  for (const { sa, used } of sas) {
    const way = ways.get(sa.bundle);
    if (!way || (sa.direction === 'out' && !used)) continue;
    const state = stateOf(sa, way);
    states.set(stateKey(state), state);
    // Both directions of a child say the same of addresses: the SA it sends under decides.
    if (sa.direction === 'in') continue;
    for (const { local, remote, ports } of pairs(sa)) for (const direction of ['in', 'fwd', 'out'] as const) {
      const [source, destination] = direction === 'out' ? [state.source, state.destination] : [state.destination, state.source];
      put(policy(direction, local, remote, ports, way.isHeld ? undefined : { source, destination, reqid: sa.child }));
    }
  }
  return { states, policies };
}
