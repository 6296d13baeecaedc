import { ipFamily, type IpAddress, type Path, type UplinkFacts } from '../base/index.ts';
import type { ConnectionConfig } from '../config/index.ts';

/** IKE starts here and floats to NAT_T_PORT (RFC 7296 §2.23). */
export const IKE_PORT = 500;
export const NAT_T_PORT = 4500;

/** EADDRINUSE, EACCES and EPERM in words for the router's owner. */
const PORT_ERRORS: { readonly [errno: number]: string } = {
  98: 'is in use: does another IKE daemon run?', 13: 'is not permitted: mobiked must run as root', 1: 'is not permitted: mobiked must run as root',
};

/** Why a UDP port could not be opened; follows the port's name in a sentence. */
export function portProblem(errno: number): string {
  return PORT_ERRORS[errno] ?? `cannot be opened (errno ${errno})`;
}

/** The source address to use on an uplink towards a remote address; undefined: this pair cannot be (D5.1.2-2: one family). */
export function sourceFor(connection: ConnectionConfig, facts: UplinkFacts, remote: IpAddress): IpAddress | undefined {
  const family = ipFamily(remote);
  // A device that was named without a default route still reaches what is on its link.
  if (facts.families.length > 0 && !facts.families.includes(family)) return undefined;
  return facts.addresses.find((a) => ipFamily(a) === family && (connection.localAddrs.length === 0 || connection.localAddrs.includes(a)));
}

/** A path on this uplink to the first remote address that it can reach; `prefer` goes first when it can. */
export function pathOn(connection: ConnectionConfig, facts: UplinkFacts, remotes: readonly IpAddress[], prefer: IpAddress | undefined, port: number): Path | undefined {
  const ordered = prefer === undefined ? remotes : [prefer, ...remotes.filter((r) => r !== prefer)];
  for (const remote of ordered) {
    const local = sourceFor(connection, facts, remote);
    if (local !== undefined) return { uplink: facts.name, ifindex: facts.ifindex, local: { address: local, port }, remote: { address: remote, port } };
  }
  return undefined;
}

/**
 * Every pair worth trying to set up a connection: uplinks in order, on each the remote addresses in order (RFC 4555 §3.1). Where the port is
 * left to us, all of them once more on NAT_T_PORT, where IKE may start as well (RFC 7296 §2.23): some networks drop port 500, and some
 * peers answer to the port of IKE_SA_INIT for ever.
 */
export function setupPaths(connection: ConnectionConfig, uplinks: readonly UplinkFacts[], remotes: readonly IpAddress[]): Path[] {
  // M3.9-1: without NAT traversal IKE stays where it starts.
  const auto = connection.natT === 'prohibit' ? [IKE_PORT] : [IKE_PORT, NAT_T_PORT];
  const ports = connection.startPort === 'auto' ? auto : [connection.startPort];
  return ports.flatMap((port) => pairs(connection, uplinks, remotes, port));
}

function pairs(connection: ConnectionConfig, uplinks: readonly UplinkFacts[], remotes: readonly IpAddress[], port: number): Path[] {
  const first: Path[] = [];
  const rest: Path[] = [];
  for (const facts of uplinks) {
    let found = 0;
    for (const remote of remotes) {
      const path = pathOn(connection, facts, [remote], undefined, port);
      if (path) (found++ === 0 ? first : rest).push(path);
    }
  }
  // One pair of each uplink before a second pair of any: an uplink that is dead is the likelier trouble.
  return [...first, ...rest];
}
