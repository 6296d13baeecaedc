/**
 * The scene most stories play on: a router with two uplinks behind NATs, a hub with a public address, one inner host
 * behind each, the real daemon on both, and a stream between the inner hosts.
 */
import { err, millis, seconds, type IpAddress, type Json, type JsonObject, type Millis } from '../../src/base/index.ts';
import { loadConfig, type LoadedConfig } from '../../src/config/index.ts';
import { decodeReply, encodeRequest, type Command } from '../../src/codec/control/index.ts';
import type { CryptoSuite } from '../../src/crypto/index.ts';
import { Daemon } from '../../src/daemon/index.ts';
import type { EventType, Event, StampedEvent } from '../../src/report/index.ts';
import type { Device, DeviceAddress } from './device.ts';
import { thorough } from '../tools/thorough.ts';
import { SimHost, type HostOptions } from './host.ts';
import type { LinkOptions } from './net.ts';
import { EchoStream } from './stream.ts';
import { World, type WorldOptions } from './world.ts';

const ip = (text: string): IpAddress => text as IpAddress;

export const SCENE = {
  wan: ip('192.168.1.2'), wwan: ip('100.64.0.2'), hub: ip('192.0.2.1'),
  wan6: ip('2001:db8:1::2'), wwan6: ip('2001:db8:2::2'), hub6: ip('2001:db8:ff::1'),
  client: ip('10.1.0.10'), server: ip('10.2.0.10'), routerLan: ip('10.1.0.1'), hubLan: ip('10.2.0.1'),
  wanPublic: ip('198.51.100.10'), wwanPublic: ip('203.0.113.20'),
} as const;

const RATE = thorough ? 50 : 10;
const PSK = 'a key of the simulated world, 32+ octets';

/** A device of the router or the hub beside those every scene has, at the end of a link of its own. */
export interface SceneDevice {
  readonly name: string;
  readonly addresses: readonly DeviceAddress[];
  readonly metric: number;
  /** Name of the link; options make it, without them it exists already. */
  readonly link: string;
  readonly options?: LinkOptions;
}

export interface SceneOptions extends WorldOptions {
  readonly suite: CryptoSuite;
  /** Links of the uplinks; by default 30 and 60 ms there and back, each behind a NAT. */
  readonly wan?: LinkOptions;
  readonly wwan?: LinkOptions;
  /** More uplinks of the router. */
  readonly uplinks?: readonly SceneDevice[];
  /** The hub's devices; by default `eth0` with SCENE.hub at the link `hub`, which adds no delay. */
  readonly hubDevices?: readonly SceneDevice[];
  /** The hub's addresses or names in the router's configuration; by default SCENE.hub. */
  readonly remoteAddrs?: readonly (IpAddress | string)[];
  /** Outer IPv6 instead of IPv4. Default false. */
  readonly ipv6?: boolean;
  /** More options of the router's and the hub's connection, one UCI line each. */
  readonly connection?: readonly string[];
  readonly hubConnection?: readonly string[];
  /** More sections of the router's configuration. */
  readonly router?: string;
  readonly ubus?: HostOptions['ubus'];
  /** Packets a second of the stream; default 50, in `make check` 10: most of the time goes into them. */
  readonly rate?: number;
  /** Crypto of the hub alone, for a peer that lies under valid protection. */
  readonly hubSuite?: CryptoSuite;
}

type EventOf<T extends EventType> = Extract<Event, { type: T }>;

/** A host with the real daemon: its events are collected, its commands answered. */
export class DaemonHost extends SimHost {
  /** Every event of every life, in order. */
  readonly events: StampedEvent[] = [];
  #follower = 0;
  /** State of the only connection, by its events. */
  up = false;
  /** What the configuration file says; read at the start and on `reload`. */
  config = '';
  /** A configuration with problems is taken as it is. */
  lenient = false;

  constructor(world: World, options: HostOptions) {
    super(world, options);
    this.onControl = (client, line) => {
      const reply = decodeReply(line);
      if (!reply.ok || client !== this.#follower) return;
      // The first reply holds what happened before; then each event comes by itself.
      if (reply.value.kind === 'done') for (const event of reply.value.data as unknown as StampedEvent[]) this.#happened(event);
      else if (reply.value.kind === 'event') this.#happened(reply.value.event as unknown as StampedEvent);
    };
  }

  override start(): void {
    this.up = false;
    super.start();
    this.#follower = this.nextClient;
    this.command(encodeRequest({ id: 1, command: 'events', args: {}, follow: true }));
  }

  /** Events of one type, in order. */
  all<T extends EventType>(type: T): EventOf<T>[] {
    return this.events.map((e) => e.event).filter((e): e is EventOf<T> => e.type === type);
  }

  /** A command of a user; throws when it is refused. */
  ask(command: Command, args: { readonly [name: string]: string } = {}): Json {
    const [line = ''] = this.command(encodeRequest({ id: 2, command, args, follow: false }));
    const reply = decodeReply(line);
    if (!reply.ok || reply.value.kind !== 'done') throw new Error(`${this.name}: ${command}: ${line}`);
    return reply.value.data;
  }

  /** The document of the first connection. */
  connection(): JsonObject {
    return ((this.ask('connections') as readonly JsonObject[])[0] ?? {}) as JsonObject;
  }

  /** The uplink the connection is on. */
  get uplink(): string {
    return String(this.connection()['uplink'] ?? '');
  }

  #happened(stamped: StampedEvent): void {
    const { event } = stamped;
    this.events.push(stamped);
    if (event.type === 'connection.established') this.up = true;
    if (event.type === 'connection.closed') this.up = false;
    if ((event.type === 'path.moving' || event.type === 'path.moved') && event.reasons.length === 0) throw new Error(`broken invariant at ${this.name}: a decision without a reason`);
  }
}

export interface Scene {
  readonly world: World;
  readonly router: DaemonHost;
  readonly hub: DaemonHost;
  readonly wan: Device;
  readonly wwan: Device;
  readonly stream: EchoStream;
  /** Starts both daemons and waits for the tunnel; returns how long that took. */
  establish(limit?: Millis): Millis;
}

/** UCI text of a side. */
function sideConfig(role: 'initiator' | 'responder', remotes: readonly string[], local: string, localTs: string, remoteId: string, remoteTs: string, more: readonly string[]): string {
  return [
    "config mobiked 'main'", " option enabled '1'", " option log_level 'debug'",
    "config connection 'hq'", " option enabled '1'", ` option role '${role}'`, ` option local_id '${local}'`, ` option remote_id '${remoteId}'`, ` option psk '${PSK}'`,
    ...remotes.map((remote) => ` list remote_addrs '${remote}'`), ...more.map((line) => ` ${line}`),
    "config child 'lan'", " option connection 'hq'", ` list local_ts '${localTs}'`, ` list remote_ts '${remoteTs}'`, '',
  ].join('\n');
}

function load(text: string, lenient: boolean): LoadedConfig {
  const loaded = loadConfig(text, '/etc/config/mobiked', () => err('no files here'));
  const bad = loaded.problems[0];
  if (bad && !lenient) throw new Error(`configuration of the scene: line ${bad.line}: ${bad.message}`);
  return loaded;
}

export function openScene(options: SceneOptions): Scene {
  const world = new World(options);
  const { suite, ipv6 = false, connection = [], hubConnection = [] } = options;
  const routerText = sideConfig('initiator', options.remoteAddrs ?? [ipv6 ? SCENE.hub6 : SCENE.hub], 'router.example', '10.1.0.0/24', 'hub.example', '10.2.0.0/24', connection) + (options.router ?? '');
  const hubText = sideConfig('responder', [], 'hub.example', '10.2.0.0/24', 'router.example', '10.1.0.0/24', hubConnection);
  const make = (name: string, text: string, own: CryptoSuite, ubus?: HostOptions['ubus']): DaemonHost => {
    const host: DaemonHost = new DaemonHost(world, { name, suite: own, 
      makeCore: (entropy) => new Daemon({ suite: own, entropy }),
      load: () => load(host.config, host.lenient), ...(ubus ? { ubus } : {}) });
    host.config = text;
    return host;
  };
  const router = make('router', routerText, suite, options.ubus);
  const hub = make('hub', hubText, options.hubSuite ?? suite);
  router.addLan('br-lan', SCENE.routerLan, 24);
  hub.addLan('lan0', SCENE.hubLan, 24);
  const at = (address: IpAddress, length: number): { address: IpAddress; length: number } => ({ address, length });
  const wan = router.addDevice('wan0', world.link('isp1', options.wan ?? { rtt: millis(30), nat: { publicAddress: SCENE.wanPublic } }), {
    addresses: [ipv6 ? at(SCENE.wan6, 64) : at(SCENE.wan, 24)], metric: 10,
  });
  const wwan = router.addDevice('wwan0', world.link('isp2', options.wwan ?? { rtt: millis(60), nat: { publicAddress: SCENE.wwanPublic } }), {
    addresses: [ipv6 ? at(SCENE.wwan6, 64) : at(SCENE.wwan, 24)], metric: 20,
  });
  const add = (host: DaemonHost, { name, link, options: made, addresses, metric }: SceneDevice): Device => host.addDevice(name, world.link(link, made), { addresses, metric });
  for (const uplink of options.uplinks ?? []) add(router, uplink);
  for (const device of options.hubDevices ?? [{ name: 'eth0', link: 'hub', options: { rtt: millis(0) }, addresses: [ipv6 ? at(SCENE.hub6, 64) : at(SCENE.hub, 24)], metric: 1 }]) add(hub, device);
  const stream = new EchoStream({
    from: router, client: { address: SCENE.client, port: 5000 }, to: hub, server: { address: SCENE.server, port: 7 },
    rate: options.rate ?? RATE,
  });
  return {
    world, router, hub, wan, wwan, stream,
    establish(limit = seconds(10)) {
      if (!hub.running) hub.start();
      if (!router.running) router.start();
      return world.runUntil(() => router.up && tunnelRoute(router) && tunnelRoute(hub), limit, 'the tunnel');
    },
  };
}

/** True when the inner network of the other side is routed into the tunnel. */
export function tunnelRoute(host: SimHost): boolean {
  const way = host.kernel.lookup(host.name === 'router' ? SCENE.server : SCENE.client);
  return way.kind === 'device' && host.kernel.isTun(way.ifindex);
}
