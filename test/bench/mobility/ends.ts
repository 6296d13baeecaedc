/** The daemons that are compared, at either end of the lab's topology, configured as a careful owner would. */
import { ADDRESS, type Topology } from '../../lab/index.ts';
import { Mobiked } from '../../interop/mobiked.ts';
import { until } from '../../interop/poll.ts';
import { StrongSwan, type Settings } from '../../interop/strongswan.ts';

export type Maker = 'mobiked' | 'strongSwan';

/** One daemon that runs. */
export interface End {
  /** As the hub: the address and port it sends the router's tunnel to. */
  peerAt(): Promise<string>;
  stop(): Promise<void>;
  report(): string;
}

const [ROUTER_ID, HUB_ID, PSK] = ['router.example', 'hub.example', 'a preshared key of the mobility bench'];

export interface Wishes {
  /** The hub has a second address and tells it. */
  readonly secondHubAddress?: boolean;
  /** strongSwan as router: its option to go back to a better path. */
  readonly prefersBest?: boolean;
  /** Options of mobiked's connection. */
  readonly options?: readonly string[];
}

function ours(end: 'router' | 'hub', wishes: Wishes): string {
  const [local, remote] = end === 'router' ? [ADDRESS.lan, ADDRESS.remote] : [ADDRESS.remote, ADDRESS.lan];
  return [
    "config mobiked 'main'", `\toption node_id '${end}'`,
    "config connection 'hq'", `\toption role '${end === 'router' ? 'initiator' : 'responder'}'`, ...(end === 'router' ? [`\tlist remote_addrs '${ADDRESS.hub}'`] : []),
    `\toption local_id '${end === 'router' ? ROUTER_ID : HUB_ID}'`, `\toption remote_id '${end === 'router' ? HUB_ID : ROUTER_ID}'`, `\toption psk '${PSK}'`,
    ...(wishes.options ?? []).map((line) => `\t${line}`),
    "config child 'lan'", "\toption connection 'hq'", `\tlist local_ts '${local}'`, `\tlist remote_ts '${remote}'`, '',
  ].join('\n');
}

function theirs(end: 'router' | 'hub'): Settings {
  const [local, remote] = end === 'router' ? [ADDRESS.lan, ADDRESS.remote] : [ADDRESS.remote, ADDRESS.lan];
  const [mine, other] = end === 'router' ? [ROUTER_ID, HUB_ID] : [HUB_ID, ROUTER_ID];
  return {
    connections: {
      hq: {
        version: 2, proposals: 'aes256gcm16-prfsha256-x25519', mobike: 'yes', dpd_delay: '10s', ...(end === 'router' ? { remote_addrs: ADDRESS.hub, keyingtries: 0 } : {}),
        local: { auth: 'psk', id: mine }, remote: { auth: 'psk', id: other },
        children: { net: { local_ts: local, remote_ts: remote, esp_proposals: 'aes256gcm16', ...(end === 'router' ? { dpd_action: 'restart', close_action: 'start' } : {}) } },
      },
    },
    secrets: { 'ike-hq': { id: other, secret: `"${PSK}"` } },
  };
}

/** Starts a daemon; a router's is up when its tunnel is. */
export async function startEnd(maker: Maker, end: 'router' | 'hub', topology: Topology, wishes: Wishes): Promise<End> {
  if (maker === 'mobiked') {
    const daemon = new Mobiked(topology[end], topology.dir, ours(end, wishes), true);
    await daemon.start();
    if (end === 'router') await daemon.event('child.established', 0, 20_000);
    return {
      peerAt: async () => (await daemon.connection()).path?.remote ?? '',
      stop: async () => void (await daemon.stop()),
      report: () => daemon.report(),
    };
  }
  const daemon = new StrongSwan(topology[end], topology.dir, wishes.prefersBest === true && end === 'router' ? { prefer_best_path: 'yes' } : {});
  await daemon.start(theirs(end));
  if (end === 'router') await until('charon has its tunnel', () => daemon.initiate(false), 20_000);
  return {
    peerAt: async () => {
      const [sa] = await daemon.sas();
      return sa ? `${sa.remoteHost}:${sa.remotePort}` : '';
    },
    stop: () => daemon.stop(),
    report: () => daemon.report(),
  };
}
