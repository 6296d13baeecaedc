import { ipFamily, isUnusableIp, prefixContains, type IpAddress, type UplinkFacts } from '../base/index.ts';
import type { ConnectionConfig } from '../config/index.ts';
import type { IkeInput, OwnAddresses } from '../ike/index.ts';

/** Of one connection; a hub may have many addresses, and nobody wants to hear of hundreds. */
const MOST = 16;

/**
 * Where this host can be reached for a connection: addresses of uplinks that are up, as far as the connection may use them. They are announced
 * only where the configuration says so (M5.5-1); behind a static NAT those outside are (N-f), for the ones inside are of no use to a peer.
 */
export function ownAddresses(connection: ConnectionConfig, facts: readonly UplinkFacts[]): OwnAddresses {
  const sources: OwnAddresses['sources'][number][] = [];
  for (const uplink of facts) {
    if (!uplink.up || (connection.uplinks.length > 0 && !connection.uplinks.includes(uplink.name))) continue;
    for (const address of uplink.addresses) {
      if (isUnusableIp(address) || (uplink.families.length > 0 && !uplink.families.includes(ipFamily(address)))) continue;
      if (connection.localAddrs.length > 0 && !connection.localAddrs.includes(address)) continue;
      sources.push({ uplink: uplink.name, ifindex: uplink.ifindex, address });
    }
  }
  const kept = sources.slice(0, MOST);
  if (!connection.announceAddresses) return { announce: undefined, sources: kept };
  const announce = connection.externalAddrs.length > 0 ? connection.externalAddrs : kept.map((s) => s.address).filter((address) => !isInside(connection, address));
  return { announce, sources: kept };
}

/** What the engine knows of our own addresses, and what is news to it. */
export class OwnAddressBook {
  readonly #told = new Map<string, string>();

  /** Inputs for connections whose own addresses are others than it was told; forgets those that are gone. */
  news(connections: readonly ConnectionConfig[], facts: readonly UplinkFacts[]): IkeInput[] {
    const present = connections.filter((c) => c.enabled && c.mobike);
    for (const name of this.#told.keys()) if (!present.some((c) => c.name === name)) this.#told.delete(name);
    return present.flatMap((connection) => {
      const own = ownAddresses(connection, facts);
      const text = JSON.stringify(own);
      if (this.#told.get(connection.name) === text) return [];
      this.#told.set(connection.name, text);
      return [{ type: 'addresses.set', connection: connection.name, own } as const];
    });
  }
}

/** An address of the networks that the tunnel protects is no way to the tunnel; all of IPv4 or IPv6 says nothing. */
const isInside = (connection: ConnectionConfig, address: IpAddress): boolean =>
  connection.children.some((child) => child.localTs.some((prefix) => prefix.length > 0 && prefixContains(prefix, address)));
