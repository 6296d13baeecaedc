import { ipFamily, isUnusableIp, parseIp, type AddressFact, type IpAddress, type Path } from '../base/index.ts';
import type { Config } from '../config/index.ts';
import type { IkeEngine, IkeInput } from '../ike/index.ts';

/** What the hub's own moves need to see and do (R-MOBIKE, rows ). */
export interface HubSwitchHost {
  readonly engine: Pick<IkeEngine, 'switchable' | 'chainsOf'>;
  readonly config: Config;
  addresses(): readonly AddressFact[];
  uplinkOf(ifindex: number): string;
  ike(input: IkeInput): void;
}

export interface SwitchAsked {
  /** Peers that were asked to come, and those that cannot be asked: they do not know it, or the address is none of theirs to come to. */
  readonly asked: number;
  readonly passed: number;
}

/** An address of ours as the near end of a path to where the chain's peer is; undefined: it is not ours, or not yet. */
function ownPath(to: IpAddress, path: Path, host: HubSwitchHost): Path | undefined {
  const fact = host.addresses().find((a) => a.address === to);
  return fact && { ...path, uplink: host.uplinkOf(fact.ifindex), ifindex: fact.ifindex, local: { address: to, port: path.local.port } };
}

/** Asks every peer of ours, or those of one connection, to come to this address of ours; the error is a sentence for people. */
export function switchPeers(text: string, connection: string | undefined, host: HubSwitchHost): SwitchAsked | string {
  const to = parseIp(text);
  if (to === undefined || isUnusableIp(to)) return `'${text}' is no address that a peer could come to`;
  const named = (name: string): boolean => connection === undefined || name === connection;
  const sections = host.config.connections.filter((c) => c.enabled && c.role === 'responder' && named(c.name));
  if (sections.length === 0) return connection === undefined ? 'there is no connection that others make to us' : `there is no connection '${connection}' that others make to us`;
  const allowed = new Set(sections.filter((c) => c.localAddrs.length === 0 || c.localAddrs.includes(to)).map((c) => c.name));
  if (allowed.size === 0) return `local_addrs does not have ${to}: who comes there would be refused`;
  const all = sections.reduce((sum, c) => sum + host.engine.chainsOf(c.name).length, 0);
  const able = host.engine.switchable().filter((one) => allowed.has(one.connection) && one.path.local.address !== to && ipFamily(one.path.local.address) === ipFamily(to));
  for (const { chain, path } of able) host.ike({ type: 'chain.switch', chain, to, own: ownPath(to, path, host) });
  return { asked: able.length, passed: all - able.length };
}

/**
 * An address of ours is gone: those who were there are asked to come to another one of the family, of the same device or named by
 * `local_addrs`; an address of another device may be one of the inner network.
 */
export function leaveAddress(gone: AddressFact, host: HubSwitchHost): void {
  const others = host.addresses().filter((a) => a.address !== gone.address && ipFamily(a.address) === ipFamily(gone.address) && a.global && !a.tentative);
  for (const { chain, connection, path } of host.engine.switchable()) {
    if (path.local.address !== gone.address) continue;
    const localAddrs = host.config.connections.find((c) => c.name === connection)?.localAddrs ?? [];
    const to = others.find((a) => (localAddrs.length === 0 ? a.ifindex === gone.ifindex : localAddrs.includes(a.address)))?.address;
    if (to !== undefined) host.ike({ type: 'chain.switch', chain, to, own: ownPath(to, path, host) });
  }
}
