/**
 * The demo's stage: the namespaces with everything in them - ubusd and netifd stand-ins, broker and subscriber, hub and
 * router daemon, stream. Used by demo, bench and system tests.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ADDRESS, Stream, Topology, UPLINKS, monotonic, startServer, type Running, type SeenIke, type UplinkDevice } from '../lab/index.ts';
import { NetifdStandIn, defaultVia, type SimInterface } from '../sim/netifd.ts';
import { Ubusd } from '../sim/ubusd.ts';
import { Follower } from './follower.ts';

export interface SubscriberMessage {
  /** Monotonic ms. */
  readonly at: number;
  readonly topic: string;
  readonly payload: string;
}

export interface StageOptions {
  readonly rttMs?: number;
  /** More lines of the router's connection section. */
  readonly connection?: readonly string[];
  /** Where the bundled broker process is. */
  readonly brokerScript: string;
}

const PORT = 7;
const INTERFACE: { readonly [D in UplinkDevice]: string } = { wan0: 'wan', wwan0: 'wwan' };
const EXCHANGE_INFORMATIONAL = 37;

/** The two sides' configuration: what a user would write. */
export function routerConfig(dir: string, more: readonly string[] = []): string {
  return `config mobiked 'main'
	option node_id 'demo-router'

config uplink 'wan'
	option interface 'wan'

config uplink 'wwan'
	option interface 'wwan'

config connection 'hq'
	option role 'initiator'
	list remote_addrs '${ADDRESS.hub}'
	option local_id 'router.example'
	option remote_id 'hub.example'
	option psk_file '${dir}/hq.psk'
${more.map((line) => `\t${line}\n`).join('')}
config child 'lan'
	option connection 'hq'
	list local_ts '${ADDRESS.lan}'
	list remote_ts '${ADDRESS.remote}'

config mqtt 'report'
	option broker 'mqtt://${ADDRESS.server}:1883'
`;
}

export function hubConfig(dir: string): string {
  return `config mobiked 'main'
	option node_id 'demo-hub'

config connection 'hq'
	option role 'responder'
	option local_id 'hub.example'
	option remote_id 'router.example'
	option psk_file '${dir}/hq.psk'

config child 'lan'
	option connection 'hq'
	list local_ts '${ADDRESS.remote}'
	list remote_ts '${ADDRESS.lan}'
`;
}

export class Stage {
  readonly topology: Topology;
  readonly ubusd = new Ubusd();
  readonly netifd = new NetifdStandIn();
  readonly messages: SubscriberMessage[] = [];
  readonly seenIke: SeenIke[] = [];
  onMessage: (message: SubscriberMessage) => void = () => undefined;
  router!: Running;
  hub!: Running;
  events!: Follower;
  stream!: Stream;
  /** When the router's daemon was started. */
  startedAt = 0;
  readonly #options: StageOptions;

  constructor(options: StageOptions) {
    this.#options = options;
    this.topology = new Topology({ rttMs: options.rttMs ?? 20 });
  }

  get dir(): string {
    return this.topology.dir;
  }

  /** Builds the scenery: everything but the two daemons. */
  async open(): Promise<void> {
    await this.topology.open();
    const { dir, topology } = this;
    await topology.relay.command('watch on');
    topology.relay.onIke = (seen) => this.seenIke.push(seen);
    writeFileSync(join(dir, 'hq.psk'), '0x5b1f2c9a7788e1d04c6f3a2b9d8e7f60112233445566778899aabbccddeeff00', { mode: 0o600 });
    writeFileSync(join(dir, 'router.conf'), routerConfig(dir, this.#options.connection ?? []), { mode: 0o600 });
    writeFileSync(join(dir, 'hub.conf'), hubConfig(dir), { mode: 0o600 });
    await this.ubusd.start(join(dir, 'ubus.sock'));
    for (const device of ['wan0', 'wwan0', 'br-lan']) this.netifd.device(device, { present: true, active: true, linkActive: true });
    await this.netifd.set('lan', { up: true, device: 'br-lan', addresses: [`${ADDRESS.routerLan}/24`] });
    for (const device of ['wan0', 'wwan0'] as const) await this.netifd.set(INTERFACE[device], this.#interface(device, true));
    await this.netifd.start(join(dir, 'ubus.sock'));
    const broker = topology.server.spawn([process.execPath, this.#options.brokerScript, ADDRESS.server, '1883', '#']);
    await Promise.all([broker.line((line) => line === 'ready'), startServer(topology.server, PORT)]);
    broker.onLine = (line) => {
      if (!line.startsWith('{')) return;
      const message = JSON.parse(line) as SubscriberMessage;
      this.messages.push(message);
      this.onMessage(message);
    };
  }

  /** Starts the hub's daemon and waits until it listens. */
  async startHub(): Promise<void> {
    this.hub = this.#daemon('hub', 'none');
    const follower = await Follower.open(join(this.dir, 'hub', 'mobiked.sock'));
    follower.close();
  }

  /** Starts the router's daemon and follows its events. */
  async startRouter(): Promise<void> {
    this.startedAt = monotonic();
    this.router = this.#daemon('router', join(this.dir, 'ubus.sock'));
    this.events = await Follower.open(join(this.dir, 'router', 'mobiked.sock'));
  }

  /** Ends the router's daemon as procd does; returns its exit code. */
  async stopRouter(): Promise<number | null> {
    this.events.close();
    return this.router.stop('SIGTERM', 4000);
  }

  startStream(rate = 50): void {
    this.stream = new Stream(this.topology.client, ADDRESS.server, PORT, { rate });
  }

  #daemon(name: 'router' | 'hub', ubus: string): Running {
    const run = join(this.dir, name);
    mkdirSync(run, { recursive: true });
    return this.topology[name].spawn([
      join(process.cwd(), 'build/mobiked'), '--config', join(this.dir, `${name}.conf`), '--ubus', ubus, '--run-dir', run, '--state-dir', run, '--foreground',
    ]);
  }

  // ---- what befalls the router -------------------------------------------------------------------------------------

  /** The lease is not renewed: the address goes, then netifd says so. */
  async loseAddress(device: UplinkDevice): Promise<void> {
    await this.topology.loseAddress(device);
    await this.netifd.set(INTERFACE[device], this.#interface(device, false));
  }

  async connect(device: UplinkDevice): Promise<void> {
    await this.topology.connect(device);
    await this.netifd.set(INTERFACE[device], this.#interface(device, true));
  }

  async removeDevice(device: UplinkDevice): Promise<void> {
    await this.topology.removeDevice(device);
    this.netifd.device(device, { present: false, active: false, linkActive: false });
    await this.netifd.set(INTERFACE[device], { ...this.#interface(device, false), available: false });
  }

  /** The first INFORMATIONAL request of the router on an uplink at or after `since`, as the relay saw it. */
  firstRequest(device: UplinkDevice, since: number): SeenIke | undefined {
    return this.seenIke.find((s) => s.link === UPLINKS[device].isp && s.direction === 'up' && !s.isResponse && s.exchange === EXCHANGE_INFORMATIONAL && s.at >= since);
  }

  /** Resident memory of the router's daemon, kB. */
  async routerMemory(): Promise<number> {
    const status = await this.topology.router.run(['cat', `/proc/${this.router.pid}/status`]);
    const line = status.split('\n').find((l) => l.startsWith('VmRSS:')) ?? '';
    return Number.parseInt(line.slice(6).trim(), 10);
  }

  /** Stops the daemons as procd does, then everything else. */
  async close(): Promise<{ readonly router: number | null; readonly hub: number | null }> {
    if (this.stream) await this.stream.stop();
    // The router first: the hub is told.
    const router = this.events ? await this.stopRouter() : null;
    const hub = this.hub ? await this.hub.stop('SIGTERM', 4000) : null;
    await this.netifd.kill();
    await this.ubusd.stop();
    await this.topology.close();
    return { router, hub };
  }

  #interface(device: UplinkDevice, up: boolean): SimInterface {
    const { address, length, gateway, metric } = UPLINKS[device];
    if (!up) return { up: false, proto: 'dhcp', device };
    return { up: true, proto: 'dhcp', device, metric, addresses: [`${address}/${length}`], routes: [defaultVia(gateway, `${address}/32`)], dns: [gateway] };
  }
}

export { INTERFACE };
