/**
 * Two ends and an Internet of one router between them, in namespaces of their own:
 *
 *   router ==wan0==\                    router: 10.1.0.1, fd00:1::1 inside
 *          ==wwan0== isp ==pub== hub    hub:    10.2.0.1, fd00:2::1 inside
 *
 * The ISP translates what comes from the uplinks named in `nat` (IPv4, with other ports); IPv6 passes as it is. Daemons
 * of either kind stand at either end. Everything dies with this process, the folder included.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GUEST } from './uml.ts';
import { Namespaces, Stream, startServer, type Namespace } from '../lab/index.ts';

export const UPLINKS = {
  wan0: { address: '192.0.2.10', gateway: '192.0.2.1', address6: '2001:db8:1::10', gateway6: '2001:db8:1::1', metric: 10 },
  wwan0: { address: '198.51.100.10', gateway: '198.51.100.1', address6: '2001:db8:2::10', gateway6: '2001:db8:2::1', metric: 20 },
} as const;
export type UplinkName = keyof typeof UPLINKS;

export const HUB = '203.0.113.1';
export const HUB6 = '2001:db8:f::1';
/** Inner addresses; the networks around them are what the tunnel joins. */
export const INNER = { router: '10.1.0.1', hub: '10.2.0.1', router6: 'fd00:1::1', hub6: 'fd00:2::1' } as const;
export const NETS = { router: ['10.1.0.0/24', 'fd00:1::/64'], hub: ['10.2.0.0/24', 'fd00:2::/64'] } as const;
const ECHO_PORT = 7;
/** A guest's kernel has no nftables; it has what was there before. */
const LEGACY = GUEST !== undefined;

export interface SceneOptions {
  /** Uplinks whose IPv4 packets the ISP translates. */
  readonly nat?: readonly UplinkName[];
  /** Uplinks the router has at first; default both. */
  readonly uplinks?: readonly UplinkName[];
  /** No IPv6 outside the tunnel: a peer that chooses its path by itself must meet the NAT. */
  readonly ipv4Only?: boolean;
}

export class Scene {
  readonly dir = mkdtempSync(join(tmpdir(), 'mobiked-interop-'));
  readonly namespaces = new Namespaces();
  router!: Namespace;
  isp!: Namespace;
  hub!: Namespace;
  #public = 254;
  #ipv4Only = false;

  constructor() {
    process.once('exit', this.#removeDir);
    process.once('SIGINT', this.#interrupted);
    process.once('SIGTERM', this.#interrupted);
  }

  /** What is done only where there is IPv6 outside the tunnel. */
  readonly #six = (...commands: string[]): string[] => (this.#ipv4Only ? [] : commands);

  /** Where the hub sees translated packets come from. */
  get publicAddress(): string {
    return `203.0.113.${this.#public}`;
  }

  async open(options: SceneOptions = {}): Promise<this> {
    [this.router, this.isp, this.hub] = [await this.namespaces.create('router'), await this.namespaces.create('isp'), await this.namespaces.create('hub')];
    const { router, isp, hub } = this;
    this.#ipv4Only = options.ipv4Only === true;
    await Promise.all([router, isp, hub].map((ns) => ns.sysctl('net.ipv4.conf.all.rp_filter=0', 'net.ipv4.conf.default.rp_filter=0', 'net.ipv6.conf.default.accept_dad=0')));
    await router.ip(`link add wan0 type veth peer name wan0 netns ${isp.pid}`, `link add wwan0 type veth peer name wwan0 netns ${isp.pid}`);
    await hub.ip(`link add eth0 type veth peer name pub netns ${isp.pid}`);
    await isp.sysctl('net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1');
    await isp.ip(
      'link set wan0 up', 'link set wwan0 up', 'link set pub up', `addr add ${this.publicAddress}/24 dev pub`, 'addr add 2001:db8:f::fe/64 dev pub nodad',
      ...Object.entries(UPLINKS).flatMap(([name, u]) => [`addr add ${u.gateway}/24 dev ${name}`, `addr add ${u.gateway6}/64 dev ${name} nodad`]),
    );
    await hub.ip(
      'link set eth0 up', `addr add ${HUB}/24 dev eth0`, `route add default via ${this.publicAddress}`,
      ...this.#six(`addr add ${HUB6}/64 dev eth0 nodad`, 'route add ::/0 via 2001:db8:f::fe'),
      `addr add ${INNER.hub}/24 dev lo`, `addr add ${INNER.hub6}/64 dev lo nodad`,
    );
    await router.ip(`addr add ${INNER.router}/24 dev lo`, `addr add ${INNER.router6}/64 dev lo nodad`);
    for (const name of options.uplinks ?? ['wan0', 'wwan0']) await this.connect(name);
    const sources = (options.nat ?? []).map((name) => UPLINKS[name].address);
    if (LEGACY) for (const source of sources) await isp.run(['iptables-legacy', '-t', 'nat', '-A', 'POSTROUTING', '-o', 'pub', '-s', source, '-p', 'udp', '-j', 'MASQUERADE', '--to-ports', '20000-29999']);
    else if (sources.length > 0)
      await isp.run(['nft', '-f', '-'], `table ip nat { chain post { type nat hook postrouting priority srcnat; oifname "pub" ip saddr { ${sources.join(', ')} } meta l4proto udp masquerade to :20000-29999; }; }\n`);
    return this;
  }

  /** An uplink loses its address of one family, and its route with it. */
  async loseFamily(name: UplinkName, family: 4 | 6): Promise<void> {
    const { address, address6, gateway6 } = UPLINKS[name];
    if (family === 4) await this.router.ip(`addr del ${address}/24 dev ${name}`);
    else await this.router.ip(`addr del ${address6}/64 dev ${name}`, `route del ::/0 via ${gateway6} dev ${name}`);
  }

  /** Address and default route arrive on an uplink of the router, as after DHCP. */
  async connect(name: UplinkName): Promise<void> {
    const uplink = UPLINKS[name];
    await this.router.ip(
      `link set ${name} up`, `addr replace ${uplink.address}/24 dev ${name}`, ...this.#six(`addr replace ${uplink.address6}/64 dev ${name} nodad`),
      `route replace default via ${uplink.gateway} dev ${name} metric ${uplink.metric}`,
      ...this.#six(`route replace ::/0 via ${uplink.gateway6} dev ${name} metric ${uplink.metric}`),
    );
  }

  /** The addresses go, IPv4 last, and the kernel takes the routes with them. */
  async loseAddress(name: UplinkName): Promise<void> {
    const { address, address6 } = UPLINKS[name];
    await this.router.ip(...this.#six(`addr del ${address6}/64 dev ${name}`), `addr del ${address}/24 dev ${name}`, `route flush dev ${name} proto boot`);
  }

  /** The hub has this address and no other any more. */
  async renumberHub(address: string): Promise<void> {
    await this.hub.ip(`addr del ${HUB}/24 dev eth0`, `addr add ${address}/24 dev eth0`, `route replace default via ${this.publicAddress}`);
  }

  /** The ISP's public address changes; its NAT forgets what it had for the old one. */
  async renumberIsp(): Promise<void> {
    const old = this.publicAddress;
    this.#public--;
    await this.isp.ip(`addr add ${this.publicAddress}/24 dev pub`, `addr del ${old}/24 dev pub`, `addr replace ${this.publicAddress}/24 dev pub`);
    await this.hub.ip(`route replace default via ${this.publicAddress}`);
  }

  /** Whatever passes the ISP from or to these uplinks vanishes until it is mended; links, addresses and routes remain. */
  async cut(...names: readonly UplinkName[]): Promise<void> {
    if (LEGACY) {
      for (const table of ['iptables-legacy', 'ip6tables-legacy'])
        for (const name of names) for (const flag of ['-i', '-o']) await this.isp.run([table, '-A', 'FORWARD', flag, name, '-j', 'DROP']);
      return;
    }
    const set = names.map((n) => `"${n}"`).join(', ');
    await this.isp.run(['nft', '-f', '-'], `table inet cut { chain pass { type filter hook forward priority 0; iifname { ${set} } drop; oifname { ${set} } drop; }; }\n`);
  }

  async mend(): Promise<void> {
    if (LEGACY) for (const table of ['iptables-legacy', 'ip6tables-legacy']) await this.isp.run([table, '-F', 'FORWARD']);
    else await this.isp.run(['nft', 'delete', 'table', 'inet', 'cut']);
  }

  /** Numbered packets through the tunnel from `end` to an inner address of the other, and their echo. */
  async echo(end: 'router' | 'hub', address: string, options: { readonly rate?: number; readonly size?: number; readonly port?: number } = {}): Promise<Stream> {
    const [from, to] = end === 'router' ? [this.router, this.hub] : [this.hub, this.router];
    if (!this.#servers.has(to)) this.#servers.set(to, await startServer(to, ECHO_PORT));
    return new Stream(from, address, options.port ?? ECHO_PORT, options);
  }

  readonly #servers = new Map<Namespace, unknown>();

  async close(): Promise<void> {
    await this.namespaces.close();
    this.#removeDir();
    process.removeListener('exit', this.#removeDir);
    process.removeListener('SIGINT', this.#interrupted);
    process.removeListener('SIGTERM', this.#interrupted);
  }

  readonly #removeDir = (): void => rmSync(this.dir, { recursive: true, force: true });
  readonly #interrupted = (): void => process.exit(130);
}
