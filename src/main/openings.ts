import { formatPrefix } from '../base/index.ts';
import type { Config } from '../config/index.ts';

/** What a firewall in front of this host must let in for the connections that others make to us, in words for the hub's owner (F-6); none: nothing. */
export function describeOpenings(config: Config): string[] {
  const hubs = config.connections.filter((c) => c.enabled && c.role === 'responder');
  if (hubs.length === 0) return [];
  const open = hubs.some((c) => c.moves.allowed.length === 0);
  const from = open ? 'from any address' : `from ${[...new Set(hubs.flatMap((c) => c.moves.allowed.map(formatPrefix)))].join(', ')}`;
  const plain = hubs.some((c) => c.natT !== 'always');
  return [
    `${hubs.map((c) => c.name).join(', ')}: a firewall before this hub must let in, and the answers out:`,
    `  UDP ports 500 and 4500, ${from} and from any source port: NATs choose it, and change it`,
    plain ? `  IP protocol 50 (ESP), ${from}: routers without a NAT send it without UDP` : '  not IP protocol 50 (ESP): all of it comes in UDP 4500, as nat_t says',
    "  ICMP type 3 code 4 and ICMPv6 type 2 ('too big'), from any address: else large packets vanish",
    '  IP fragments of all these',
  ];
}
