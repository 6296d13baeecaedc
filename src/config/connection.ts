import { ipFamily, parseIp, parsePrefix, seconds, type IpPrefix } from '../base/index.ts';
import { readCredentials } from './credentials.ts';
import type { ReadFile } from './files.ts';
import { movePolicy, switchPolicy } from './hub-policy.ts';
import { CONNECTION, type SECTIONS } from './options.ts';
import { didYouMean, quote } from './problems.ts';
import { parseProposal } from './proposals.ts';
import type { Checked } from './section.ts';
import type { ChildConfig, ConnectionConfig, CredentialReader } from './types.ts';
import { parseOuterAddress, parseRemoteAddr, parseTrafficPrefix, parseVip } from './values.ts';

type Connection = Checked<(typeof SECTIONS)['connection']>;
type Child = Checked<(typeof SECTIONS)['child']>;

/** The responder is patient: whoever moves must not be deleted meanwhile (RFC 4555 §3.11). */
const RESPONDER_LIVENESS = 150;
const INITIATOR_LIVENESS = 60;

/** Families of `request_vip`, as far as it can be understood. */
const vipFamilies = (connection: Connection): (4 | 6)[] => [...new Set((connection.values.request_vip ?? []).flatMap((text) => {
  const families = parseVip(text);
  return families.ok ? [...families.value] : [];
}))];

type VirtualAddresses = Pick<ConnectionConfig, 'requestVip' | 'pools' | 'poolDns'>;

function virtualAddresses(connection: Connection): VirtualAddresses {
  const { values } = connection;
  connection.each('request_vip', values.request_vip, parseVip); // tells what is wrong
  const requestVip = vipFamilies(connection);
  const pools = connection.each('pool', values.pool, parseTrafficPrefix);
  const poolDns = connection.each('pool_dns', values.pool_dns, parseOuterAddress);
  if (values.role === 'responder' && requestVip.length > 0) connection.error('request_vip', "is for the router that connects; a responder gives addresses: 'pool'");
  if (values.role === 'initiator') {
    if (values.pool !== undefined) connection.error('pool', "is for the hub; an initiator asks for an address: 'request_vip'");
    if (values.pool_dns !== undefined) connection.error('pool_dns', 'is for the hub');
  } else if (values.pool_dns !== undefined && pools.length === 0 && !connection.bad) connection.warn('pool_dns', "has no effect without 'pool'");
  return { requestVip, pools, poolDns };
}

/** RFC 2474 §4.2.2: network control is CS6. */
const IKE_DSCP = { bulk: 0, cs6: 48 } as const;
const START_PORT = { auto: 'auto', 500: 500, 4500: 4500 } as const;

/** Everything of a connection but its children; undefined when a part is missing or wrong. */
export function buildConnection(connection: Connection, uplinkNames: ReadonlySet<string> | undefined, readFile: ReadFile, reader: CredentialReader | undefined): Omit<ConnectionConfig, 'children'> | undefined {
  const { values, section } = connection;
  const anyone = values.role === 'responder' && values.remote_addrs?.length === 1 && values.remote_addrs[0] === '%any';
  const remoteAddrs = connection.each('remote_addrs', anyone ? [] : values.remote_addrs, parseRemoteAddr);
  if (values.role === 'initiator' && !section.options.has('remote_addrs') && connection.complete) {
    connection.error('remote_addrs', `is missing; an initiator needs an address or name, such as ${quote(CONNECTION.remote_addrs.example)}`);
  }
  const localAddrs = connection.each('local_addrs', values.local_addrs, parseOuterAddress);
  const externalAddrs = connection.each('external_addresses', values.external_addresses, parseOuterAddress);
  if (externalAddrs.length > 0 && values.role === 'initiator') connection.error('external_addresses', 'is for responders; an initiator behind a NAT is followed wherever it is');
  const credentials = readCredentials(connection, readFile, reader);
  const [echoAddress] = connection.each('echo_address', values.echo_address === undefined ? undefined : [values.echo_address], parseOuterAddress);
  if (echoAddress !== undefined && values.role === 'responder') connection.error('echo_address', 'is for the initiator, which chooses the path');
  const virtual = virtualAddresses(connection);
  const moves = movePolicy(connection);
  const responderSwitch = switchPolicy(connection);
  (values.uplink ?? []).forEach((name, index) => {
    if (name.includes(' ')) connection.error('uplink', `${quote(name)} holds a blank; write one 'list uplink' line for each`, index);
    else if (uplinkNames && !uplinkNames.has(name)) {
      connection.error('uplink', `there is no uplink section ${quote(name)}${didYouMean(name, [...uplinkNames])}`, index);
    }
  });
  const ikeProposals = connection.each('ike_proposal', values.ike_proposal, (text) => parseProposal(text, 'ike'));
  if (connection.bad || !credentials || (values.role === 'initiator' && remoteAddrs.length === 0)) return undefined;
  return {
    name: section.name, enabled: values.enabled, role: values.role, remoteAddrs, localAddrs, externalAddrs, announceAddresses: values.announce_addresses ?? values.role === 'responder', verifyResponder: values.verify_responder, ...credentials, mobike: values.mobike,
    uplinks: values.uplink ?? [], ikeProposals, startPort: START_PORT[values.start_port], natT: values.nat_t, dataplane: values.dataplane,
    ikeLifetime: seconds(values.ike_lifetime), childLifetime: seconds(values.child_lifetime), childOctets: values.child_bytes, childPackets: values.child_packets,
    reauth: values.reauth_time === undefined ? undefined : seconds(values.reauth_time), fragmentation: values.fragmentation, ...virtual,
    liveness: seconds(values.liveness ?? (values.role === 'responder' ? RESPONDER_LIVENESS : INITIATOR_LIVENESS)), livenessGiven: values.liveness !== undefined, mtu: values.mtu, echoAddress, mtuProbe: values.mtu_probe,
    df: values.df, copyDscp: values.copy_dscp, ikeDscp: IKE_DSCP[values.ike_dscp], moves, responderSwitch, blockOnStop: values.block_on_stop,
  };
}

/**
 * A router whose selector is its own outer address, or the hub's, would have to change its policy with every move. Only MOBIKE moves, so
 * without it this is allowed.
 */
function refuseOuter(child: Child, parent: Connection): void {
  if (parent.values.role !== 'initiator' || !parent.values.mobike) return;
  const pairs = [['local_ts', 'local_addrs'], ['remote_ts', 'remote_addrs']] as const;
  for (const [selectors, addresses] of pairs) {
    const outer = (parent.values[addresses] ?? []).flatMap((text) => parseIp(text) ?? []);
    (child.values[selectors] ?? []).forEach((text, index) => {
      const prefix = parsePrefix(text);
      if (!prefix || prefix.length < (ipFamily(prefix.address) === 4 ? 32 : 128) || !outer.includes(prefix.address)) return;
      child.error(selectors, `${quote(text)} is an outer address of the connection ('${addresses}'), and a move would change the policy; give inner prefixes, ask for a virtual address (request_vip), or set mobike '0'`, index);
    });
  }
}

/** A child with selectors that make sense together; undefined when something is wrong. */
export function buildChild(child: Child, connections: ReadonlyMap<string, Connection>): ChildConfig | undefined {
  const { values, section } = child;
  const parent = values.connection === undefined ? undefined : connections.get(values.connection);
  if (values.connection !== undefined && !parent) {
    child.error('connection', `there is no connection section ${quote(values.connection)}${didYouMean(values.connection, [...connections.keys()])}`);
  }
  const localTs = child.each('local_ts', values.local_ts, parseTrafficPrefix);
  const given = child.each('remote_ts', values.remote_ts, parseTrafficPrefix);
  const pools = (parent?.values.pool ?? []).flatMap((text) => {
    const pool = parseTrafficPrefix(text);
    return pool.ok ? [pool.value] : [];
  });
  const remoteTs = section.options.has('remote_ts') ? given : pools;
  const vips = parent ? vipFamilies(parent) : [];
  const missing = (option: 'local_ts' | 'remote_ts', example: string): void => {
    if (parent?.section.damaged !== true && child.complete && !section.options.has(option)) child.error(option, `is missing; give for example '${example}'`);
  };
  if (vips.length === 0) missing('local_ts', '192.168.7.0/24');
  if (pools.length === 0) missing('remote_ts', '10.0.0.0/8');
  const families = (list: readonly IpPrefix[]): number[] => list.map((prefix) => ipFamily(prefix.address));
  const ours: readonly number[] = localTs.length > 0 ? families(localTs) : vips;
  if (ours.length > 0 && remoteTs.length > 0 && !ours.some((family) => families(remoteTs).includes(family))) {
    const beside = localTs.length > 0 ? "'local_ts'" : "'request_vip' of the connection";
    child.error('remote_ts', `has no address family in common with ${beside}; give IPv4 on both sides, IPv6 on both, or all four`);
  }
  if (parent) refuseOuter(child, parent);
  const mtu = parent?.values.mtu;
  if (parent && mtu !== undefined && mtu < 1280 && families(remoteTs).includes(6)) parent.error('mtu', `${mtu} is below 1280, which the IPv6 selectors of child '${section.name}' need (RFC 8200 §5)`);
  const espProposals = child.each('esp_proposal', values.esp_proposal, (text) => parseProposal(text, 'esp'));
  if (child.bad || !parent || (localTs.length === 0 && vips.length === 0) || remoteTs.length === 0) return undefined;
  return { name: section.name, connection: parent.section.name, localTs, remoteTs, espProposals };
}
