/**
 * The scene of demo, bench and system tests:
 *
 *   client -- router ==wan0== isp1 (fibre, NAT) --\
 *   10.1.0.10     \\===wwan0== isp2 (LTE, CGN) ----+-- relay -- hub -- server
 *                                     cloud -------/          192.0.2.1  10.2.0.10
 *
 * `wan0` and `wwan0` are veth devices: address, carrier, device can each be taken away. Everything beyond the two ISPs
 * is the relay: delay, black holes, NAT.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Namespaces, type Namespace } from './namespaces.ts';
import { CLEAR_MARK, Relay } from './relay.ts';

export interface TopologyOptions {
  /** Round trip router - hub over either ISP; default 20. */
  readonly rttMs?: number;
  /** Also IPv6, untranslated; default false. */
  readonly ipv6?: boolean;
  /** A namespace `cloud` (192.0.2.50) on the Internet, outside the tunnel; default false. */
  readonly cloud?: boolean;
  /** Uplinks with a public address of their own, without a NAT; default none. */
  readonly plain?: readonly UplinkDevice[];
}

export const ADDRESS = {
  client: '10.1.0.10', routerLan: '10.1.0.1', lan: '10.1.0.0/24', lan6: 'fd00:1::/64', client6: 'fd00:1::10',
  server: '10.2.0.10', hubLan: '10.2.0.1', remote: '10.2.0.0/24', remote6: 'fd00:2::/64', server6: 'fd00:2::10',
  hub: '192.0.2.1', hubSecond: '192.0.2.2', hub6: '2001:db8:ff::1', cloud: '192.0.2.50',
} as const;

/** The router's two uplinks. */
export const UPLINKS = {
  wan0: { isp: 'isp1', address: '192.168.1.2', gateway: '192.168.1.1', length: 24, public: '198.51.100.10', address6: '2001:db8:1::2', gateway6: '2001:db8:1::1', prefix6: '2001:db8:1::/64', metric: 10 },
  wwan0: { isp: 'isp2', address: '100.64.0.2', gateway: '100.64.0.1', length: 24, public: '203.0.113.20', address6: '2001:db8:2::2', gateway6: '2001:db8:2::1', prefix6: '2001:db8:2::/64', metric: 20 },
} as const;
export type UplinkDevice = keyof typeof UPLINKS;

interface Uplink {
  readonly isp: 'isp1' | 'isp2';
  readonly address: string;
  readonly gateway: string;
  readonly length: number;
  readonly address6: string;
  readonly gateway6: string;
  readonly prefix6: string;
  readonly metric: number;
  /** Behind a NAT with this address; undefined: without one. */
  readonly public?: string;
  /** Without a NAT: what the Internet reaches there. */
  readonly prefix?: string;
}

/** The same uplinks without a NAT. */
const PLAIN = {
  wan0: { address: '198.51.100.2', gateway: '198.51.100.1', prefix: '198.51.100.0/24' },
  wwan0: { address: '203.0.113.2', gateway: '203.0.113.1', prefix: '203.0.113.0/24' },
} as const;

export class Topology {
  /** For sockets, configuration, state of the daemons; removed at the end. */
  readonly dir = mkdtempSync(join(tmpdir(), 'mobiked-lab-'));
  readonly namespaces = new Namespaces();
  relay!: Relay;
  client!: Namespace;
  router!: Namespace;
  isp1!: Namespace;
  isp2!: Namespace;
  hub!: Namespace;
  server!: Namespace;
  cloud: Namespace | undefined;
  readonly uplinks: { readonly [D in UplinkDevice]: Uplink };
  readonly #options: Required<TopologyOptions>;

  constructor(options: TopologyOptions = {}) {
    this.#options = { rttMs: options.rttMs ?? 20, ipv6: options.ipv6 ?? false, cloud: options.cloud ?? false, plain: options.plain ?? [] };
    const one = (device: UplinkDevice): Uplink => {
      const { public: behind, ...rest } = UPLINKS[device];
      return options.plain?.includes(device) === true ? { ...rest, ...PLAIN[device] } : { ...rest, public: behind };
    };
    this.uplinks = { wan0: one('wan0'), wwan0: one('wwan0') };
    process.once('exit', this.#removeDir);
  }

  /** Builds everything; nothing is left when it fails. */
  async open(): Promise<this> {
    try {
      await this.#build();
      return this;
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.namespaces.close();
    this.#removeDir();
    process.removeListener('exit', this.#removeDir);
  }

  readonly #removeDir = (): void => rmSync(this.dir, { recursive: true, force: true });

  async #build(): Promise<void> {
    const names = ['internet', 'client', 'router', 'isp1', 'isp2', 'hub', 'server', ...(this.#options.cloud ? ['cloud'] : [])];
    const made = new Map<string, Namespace>();
    // One after the other for the first (it may open the user namespace), then all at once.
    for (const name of names.slice(0, 1)) made.set(name, await this.namespaces.create(name));
    await Promise.all(names.slice(1).map(async (name) => made.set(name, await this.namespaces.create(name))));
    const get = (name: string): Namespace => made.get(name) as Namespace;
    this.relay = new Relay(get('internet'));
    [this.client, this.router, this.isp1, this.isp2, this.hub, this.server] = [get('client'), get('router'), get('isp1'), get('isp2'), get('hub'), get('server')];
    this.cloud = made.get('cloud');
    const delay = this.#options.rttMs / 2;
    await this.relay.commands(
      `mark ${CLEAR_MARK}`,
      `tun isp1 ${this.isp1.pid} net0`, `tun isp2 ${this.isp2.pid} net0`, `tun hub ${this.hub.pid} wan0`,
      ...Object.values(this.uplinks).map(({ isp, public: behind, prefix }) => (behind === undefined ? `route ${isp} ${prefix ?? ''}` : `nat ${isp} ${behind}`)),
      `link isp1 delay ${delay}`, `link isp2 delay ${delay}`,
      `route hub ${ADDRESS.hub}`, `route hub ${ADDRESS.hub6}`, `route hub ${ADDRESS.hubSecond}`, `route isp1 ${UPLINKS.wan0.prefix6}`, `route isp2 ${UPLINKS.wwan0.prefix6}`,
      ...(this.cloud ? [`tun cloud ${this.cloud.pid} net0`, `route cloud ${ADDRESS.cloud}`] : []),
    );
    await this.router.ip(
      `link add wan0 type veth peer name cust netns ${this.isp1.pid}`, `link add wwan0 type veth peer name cust netns ${this.isp2.pid}`,
      `link add br-lan type veth peer name eth0 netns ${this.client.pid}`,
    );
    await this.hub.ip(`link add lan0 type veth peer name eth0 netns ${this.server.pid}`);
    const six = (line: string): string => (this.#options.ipv6 ? line : '');
    await Promise.all([
      ...[this.router, this.hub, this.isp1, this.isp2].map((ns) => ns.sysctl('net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1', 'net.ipv4.conf.all.rp_filter=0', 'net.ipv4.conf.default.rp_filter=0')),
      this.client.ip('link set eth0 up', `addr add ${ADDRESS.client}/24 dev eth0`, `route add default via ${ADDRESS.routerLan}`,
        six(`addr add ${ADDRESS.client6}/64 dev eth0 nodad`), six('route add default via fd00:1::1')),
      this.server.ip('link set eth0 up', `addr add ${ADDRESS.server}/24 dev eth0`, `route add default via ${ADDRESS.hubLan}`,
        six(`addr add ${ADDRESS.server6}/64 dev eth0 nodad`), six('route add default via fd00:2::1')),
      this.hub.ip('link set lan0 up', `addr add ${ADDRESS.hubLan}/24 dev lan0`, 'link set wan0 up', `addr add ${ADDRESS.hub}/32 dev wan0`, 'route add default dev wan0',
        six('addr add fd00:2::1/64 dev lan0 nodad'), six(`addr add ${ADDRESS.hub6}/128 dev wan0 nodad`), six('route add ::/0 dev wan0')),
      this.router.ip('link set br-lan up', `addr add ${ADDRESS.routerLan}/24 dev br-lan`, six('addr add fd00:1::1/64 dev br-lan nodad')),
      ...(this.cloud ? [this.cloud.ip('link set net0 up', `addr add ${ADDRESS.cloud}/32 dev net0`, 'route add default dev net0')] : []),
    ]);
    await Promise.all(Object.values(this.uplinks).map((uplink) => (this[uplink.isp] as Namespace).ip(
      'link set net0 up', 'link set cust up', `addr add ${uplink.gateway}/${uplink.length} dev cust`, 'route add default dev net0',
      six(`addr add ${uplink.gateway6}/64 dev cust nodad`), six('route add ::/0 dev net0'),
    )));
    for (const device of Object.keys(UPLINKS) as UplinkDevice[]) await this.connect(device);
  }

  /** Address and default route arrive on an uplink of the router, as after DHCP. */
  async connect(device: UplinkDevice): Promise<void> {
    const uplink = this.uplinks[device];
    await this.router.ip(
      `link set ${device} up`, `addr replace ${uplink.address}/${uplink.length} dev ${device}`, `route replace default via ${uplink.gateway} dev ${device} metric ${uplink.metric}`,
      ...(this.#options.ipv6 ? [`addr replace ${uplink.address6}/64 dev ${device} nodad`, `route replace ::/0 via ${uplink.gateway6} dev ${device} metric ${uplink.metric}`] : []),
    );
  }

  /** The address goes, and the kernel takes the route with it. */
  async loseAddress(device: UplinkDevice): Promise<void> {
    const uplink = this.uplinks[device];
    await this.router.ip(`addr del ${uplink.address}/${uplink.length} dev ${device}`, this.#options.ipv6 ? `addr del ${uplink.address6}/64 dev ${device}` : '');
  }

  /** Carrier off or on: the other end of the cable. */
  async carrier(device: UplinkDevice, on: boolean): Promise<void> {
    await (this[UPLINKS[device].isp] as Namespace).ip(`link set cust ${on ? 'up' : 'down'}`);
  }

  /** The device is gone for good. */
  async removeDevice(device: UplinkDevice): Promise<void> {
    await this.router.ip(`link del ${device}`);
  }

  /** The hub gets a second address beside its first. */
  async secondHubAddress(): Promise<void> {
    await this.hub.ip(`addr add ${ADDRESS.hubSecond}/32 dev wan0`);
  }

  /** The hub's first address goes; what still comes for it goes nowhere, and not back to the Internet. */
  async loseHubAddress(): Promise<void> {
    await this.hub.ip(`addr del ${ADDRESS.hub}/32 dev wan0`, `route add blackhole ${ADDRESS.hub}/32`);
  }

  /** A removed device is plugged in again (not yet connected). */
  async plugDevice(device: UplinkDevice): Promise<void> {
    const uplink = this.uplinks[device];
    const isp = this[uplink.isp] as Namespace;
    await this.router.ip(`link add ${device} type veth peer name cust netns ${isp.pid}`);
    await isp.ip('link set cust up', `addr add ${uplink.gateway}/${uplink.length} dev cust`, this.#options.ipv6 ? `addr add ${uplink.gateway6}/64 dev cust nodad` : '');
  }

  /** Everything vanishes on the way of this uplink, although device, carrier, address and route remain. */
  async blackHole(device: UplinkDevice, on: boolean): Promise<void> {
    await this.relay.command(`link ${UPLINKS[device].isp} blackhole ${on ? 'on' : 'off'}`);
  }

  /** The NAT of this uplink's ISP forgets its mappings. */
  async rebind(device: UplinkDevice): Promise<void> {
    await this.relay.command(`nat ${UPLINKS[device].isp} rebind`);
  }
}
