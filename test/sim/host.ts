/**
 * A simulated host: one core, one fake kernel, one userspace ESP plane, and everything the core asks of the outside.
 * Effects are performed at the instant they are made; every answer comes later as an input, as in the real loop. A bug
 * in the core (an exception) fails the scenario. Packets of inner hosts are forwarded by the fake kernel's routes, so a
 * missing route shows as clear text on an outer link, which is a broken invariant.
 */
import { formatEndpoint, ipFamily, minutes, toHex, type Endpoint, type Instant, type IpAddress } from '../../src/base/index.ts';
import type { LoadedConfig, LogLevel } from '../../src/config/index.ts';
import type { CryptoSuite } from '../../src/crypto/index.ts';
import { SoftEsp, type EspDatagram } from '../../src/esp/index.ts';
import type { Core, Effect, EffectOf, Entropy, EspEffect, Input, UbusEffect } from '../../src/ports/index.ts';
import { Device, type DeviceOptions } from './device.ts';
import { Watch, ikeSight } from './invariants.ts';
import { ERRNO, FakeKernel } from './kernel.ts';
import { NO_MARK, TUNNEL_MARK } from './message-broker.ts';
import { MqttClient, type Carrier } from './mqtt-client.ts';
import type { Link } from './net.ts';
import { buildInner, isEsp, parseInner, type InnerPacket, type OuterPacket } from './packet.ts';
import { SimEntropy } from './prng.ts';
import { SimProbes } from './probes.ts';
import type { Actor, World } from './world.ts';

/** A ubus of its own for a host; inputs go through `deliver`. */
export interface SimUbus {
  perform(effect: UbusEffect): void;
  /** The process is gone. */
  close(): void;
}

export interface HostOptions {
  readonly name: string;
  readonly suite: CryptoSuite;
  readonly makeCore: (entropy: Entropy) => Core;
  /** What the configuration file says now. */
  readonly load?: () => LoadedConfig;
  readonly ubus?: (host: SimHost, deliver: (input: Input) => void) => SimUbus;
  /** Whether the host's wall clock is set. Default true. */
  readonly synced?: boolean;
}

export interface LogLine {
  readonly at: Instant;
  readonly level: LogLevel;
  readonly text: string;
}

export type InnerHandler = (packet: InnerPacket, reply: (payload: Uint8Array) => void) => void;

const TCP = 6;
const UNIX_AT_ZERO = 1_750_000_000_000;
/** Time from `kernel.apply` to its answer. */
const KERNEL_DELAY = 0.2;
/** Time from a silent loss of routes to the look at the whole table that finds it. */
const LOOK_AGAIN = 10;
const RESOLVER_DELAY = 20;
const RESOLVER_TIMEOUT = 5000;
const EBUSY = 16;
const EPERM = 1;
/** Lines of the control socket that are kept. */
const MOST_CONTROL_LINES = 1000;

/** Everything of one life of the daemon's process; dropped as a whole when it ends. */
interface Life {
  readonly core: Core;
  readonly plane: SoftEsp;
  readonly mqtt: MqttClient;
  readonly probes: SimProbes;
  readonly ubus: SimUbus | undefined;
  readonly ports: Set<number>;
  /** IP protocol 50 can be sent and received. */
  plainEsp: boolean;
  readonly watch: Watch;
  readonly queue: Input[];
  tun: { readonly name: string; readonly ifindex: number } | undefined;
  busy: boolean;
}

export class SimHost implements Actor {
  readonly name: string;
  readonly world: World;
  readonly kernel = new FakeKernel();
  readonly logs: LogLine[] = [];
  /** Lines the daemon sent to clients of the control socket. */
  readonly controlLines: { readonly client: number; readonly line: string }[] = [];
  readonly counts = { blocked: 0, unroutable: 0, sendFailed: 0, ikeSent: 0, espSent: 0, stored: 0 };
  /** Sees every line the daemon sends to a client of the control socket. */
  onControl: (client: number, line: string) => void = () => undefined;
  /** Sees every effect of the core, before it is performed. */
  onEffect: (effect: Effect) => void = () => undefined;
  /** What may leave in clear text, by destination and device; anything else is a broken invariant. */
  mayPass: (destination: IpAddress, device: string) => boolean = () => false;
  exitCode: number | undefined;
  /** Whether raw sockets for ESP without UDP can be opened. */
  plainEsp = true;
  /** The document in the state directory. */
  stored: string | undefined;
  readonly #options: HostOptions;
  readonly #devices = new Map<string, Device>();
  readonly #inner = new Map<string, InnerHandler>();
  #life: Life | undefined;
  #lives = 0;
  #nextClient = 1;
  #nextPort = 40_000;

  constructor(world: World, options: HostOptions) {
    this.world = world;
    this.name = options.name;
    this.#options = options;
    world.add(this);
    // As the adapter does it: what may have gone without a word is looked for.
    this.kernel.onSilence = () => world.after(LOOK_AGAIN, () => this.kernel.tellSilent());
  }

  // ---- set-up and story ------------------------------------------------------------------------------------------

  /** Gives the host a device at the end of `link`. */
  addDevice(name: string, link: Link, options: DeviceOptions): Device {
    const device = new Device(this.kernel, name, link, options, (packet) => this.#received(device, packet), (about, mtu) => this.#tooBig(about, mtu));
    this.#devices.set(name, device);
    return device;
  }

  /** A device towards inner hosts; packets from there enter by `fromInside`. */
  addLan(name: string, address: IpAddress, prefixLength: number): void {
    this.kernel.addAddress(this.kernel.addLink(name), address, prefixLength);
  }

  device(name: string): Device {
    const device = this.#devices.get(name);
    if (!device) throw new Error(`${this.name} has no device ${name}`);
    return device;
  }

  get running(): boolean {
    return this.#life !== undefined;
  }

  get core(): Core {
    return this.#alive().core;
  }

  get plane(): SoftEsp {
    return this.#alive().plane;
  }

  get watch(): Watch {
    return this.#alive().watch;
  }

  get deadline(): Instant | undefined {
    return this.#life?.core.deadline;
  }

  tick(): void {
    this.push({ type: 'tick' });
  }

  /** Starts the daemon's process. */
  start(): void {
    if (this.#life) throw new Error(`${this.name} runs already`);
    const number = ++this.#lives;
    const { suite, makeCore, ubus } = this.#options;
    const deliver = (input: Input): void => {
      if (this.#life === life) this.world.after(0, () => this.#deliver(life, input));
    };
    const life: Life = {
      core: makeCore(new SimEntropy(`${this.world.seed}|${this.name}|${number}`)),
      plane: new SoftEsp(suite, { nonceGuard: this.world.nonces, entropy: new SimEntropy(`${this.world.seed}|${this.name}|${number}`) }),
      mqtt: new MqttClient(this.world, (effect) => this.#openMqtt(effect), deliver),
      probes: new SimProbes(
        this.world, (ifindex, packet) => this.#sendProbe(ifindex, packet),
        (ifindex, family) => this.kernel.addresses(ifindex).find((a) => a.global && !a.tentative && ipFamily(a.address) === family)?.address, deliver,
      ),
      ubus: ubus?.(this, deliver),
      ports: new Set(), plainEsp: false, watch: new Watch(this.name), queue: [], tun: undefined, busy: false,
    };
    this.#life = life;
    this.exitCode = undefined;
    this.world.trace(`${this.name}: starts (life ${number})`);
    // As `main` does it: the wall clock is told before anything else.
    this.push({ type: 'clock.wall', unixAtZero: UNIX_AT_ZERO, synced: this.#options.synced ?? true });
    this.push({ type: 'process.start', bootId: `${this.name}-${number}`, version: '0.0.0', nodeId: this.name, ubus: ubus ? '/sim/ubus.sock' : undefined });
  }

  /** SIGTERM. */
  terminate(): void {
    this.push({ type: 'process.terminate' });
  }

  /** `kill -9`: sockets are gone; the TUN device stays with its routes, and nobody reads from it. */
  crash(): void {
    this.world.trace(`${this.name}: killed`);
    this.#end();
  }

  /** SIGHUP: the file is read again. */
  reload(): void {
    if (this.#options.load) this.push({ type: 'config.loaded', loaded: this.#options.load() });
  }

  /** Number of the client that the next `command` comes from. */
  get nextClient(): number {
    return this.#nextClient;
  }

  /** One line on the control socket; returns what was answered at once. */
  command(line: string): string[] {
    const client = this.#nextClient++;
    this.push({ type: 'control.received', client, line });
    return this.controlLines.filter((l) => l.client === client).map((l) => l.line);
  }

  /** Feeds an input to the core and performs what comes back. */
  push(input: Input): void {
    const life = this.#life;
    if (!life) return;
    life.queue.push(input);
    if (life.busy) return; // a port that answers at once must not re-enter the core
    life.busy = true;
    for (let next = life.queue.shift(); next && this.#life === life; next = life.queue.shift()) {
      life.watch.input(next);
      for (const effect of life.core.handle(next, this.world.now)) {
        life.watch.effect(effect);
        this.onEffect(effect);
        if (this.#life === life) this.#perform(life, effect);
      }
    }
    life.busy = false;
  }

  // ---- inner packets ---------------------------------------------------------------------------------------------

  /** Serves UDP (17) or TCP (6) of an inner address behind this host. */
  listenInner(protocol: number, endpoint: Endpoint, handler: InnerHandler): void {
    this.#inner.set(`${protocol}|${formatEndpoint(endpoint)}`, handler);
  }

  /** A packet of an inner host, or of this host itself, goes where the routes say. */
  fromInside(bytes: Uint8Array): void {
    const packet = parseInner(bytes);
    if (!packet) throw new Error('not an IP packet');
    const way = this.kernel.lookup(packet.destination.address);
    if (way.kind !== 'device') {
      this.counts[way.kind === 'unreachable' ? 'blocked' : 'unroutable']++;
      return;
    }
    const life = this.#life;
    if (this.kernel.isTun(way.ifindex)) {
      if (!life || !this.kernel.link(way.ifindex)?.up) {
        this.counts.blocked++; // the device is there, and nobody reads
        return;
      }
      for (const datagram of life.plane.outbound(bytes, this.world.now)) this.#sendEsp(datagram);
      for (const reply of life.plane.takeReplies()) this.#toInside(reply);
      return;
    }
    // Out of a device that is not the tunnel: nobody translates or encrypts it here.
    const device = this.#deviceAt(way.ifindex);
    if (!device) return this.#toInside(bytes);
    const leaked: OuterPacket = { protocol: 'raw', source: packet.source, destination: packet.destination, bytes };
    if (!this.mayPass(packet.destination.address, device.name)) life?.watch.sent(leaked, this.world.now);
    device.link.transmit(leaked);
  }

  #toInside(bytes: Uint8Array): void {
    const packet = parseInner(bytes);
    if (!packet) return;
    const { source, destination, protocol } = packet;
    if (protocol === TCP && this.kernel.owner(destination.address) !== undefined && !this.#inner.has(`${TCP}|${formatEndpoint(destination)}`)) {
      this.#life?.mqtt.receive(destination.port, packet.payload);
      return;
    }
    this.#inner.get(`${protocol}|${formatEndpoint(destination)}`)?.(packet, (payload) => this.fromInside(buildInner({ protocol, source: destination, destination: source, payload })));
  }

  // ---- effects ---------------------------------------------------------------------------------------------------

  #perform(life: Life, effect: Effect): void {
    switch (effect.type) {
      case 'udp.open':
        for (const port of effect.ports) {
          life.ports.add(port);
          for (const family of [4, 6] as const) this.#answer(life, 0, { type: 'udp.opened', port, family });
        }
        return;
      case 'udp.close':
        life.plainEsp = false;
        return life.ports.clear();
      case 'udp.send': {
        const errno = this.#send({ ...effect, dontFragment: effect.whole ?? false });
        const { ifindex, local, remote } = effect;
        if (errno !== 0) {
          this.counts.sendFailed++;
          this.#answer(life, 0, { type: 'udp.sendFailed', ifindex, local, remote, errno });
        }
        return;
      }
      case 'tun.open':
        return this.#openTun(life, effect);
      case 'tun.close':
        return this.#closeTun(life);
      case 'esp.open':
        life.plainEsp = this.plainEsp;
        for (const family of [4, 6] as const) this.#answer(life, 0, life.plainEsp ? { type: 'esp.opened', family } : { type: 'esp.failed', family, errno: EPERM });
        return;
      case 'esp.sa.add':
      case 'esp.sa.use':
      case 'esp.sa.remove':
      case 'esp.path.set':
      case 'esp.bound':
      case 'esp.dummy':
      case 'esp.inject':
      case 'esp.poll':
        return this.#plane(life, effect);
      case 'kernel.watch':
        this.world.after(0, () => {
          if (this.#life === life) this.kernel.watch((input) => this.#answer(life, 0, input));
        });
        return;
      case 'kernel.apply':
        return this.#answer(life, KERNEL_DELAY, { type: 'kernel.applied', opId: effect.opId, failures: this.kernel.apply(effect.ops) });
      case 'ubus.open':
      case 'ubus.call':
      case 'ubus.subscribe':
      case 'ubus.listen':
      case 'ubus.publish':
      case 'ubus.reply':
        if (!life.ubus) throw new Error(`${effect.type} although there is no ubus`);
        return life.ubus.perform(effect);
      case 'mqtt.connect':
      case 'mqtt.publish':
      case 'mqtt.close':
        return life.mqtt.perform(effect);
      case 'store.read':
        return this.#answer(life, 0, { type: 'store.answered', opId: effect.opId, text: this.stored, why: undefined });
      case 'store.write':
        this.stored = effect.text;
        this.counts.stored++;
        return this.#answer(life, 0, { type: 'store.written', opId: effect.opId, why: undefined });
      case 'probe.send':
      case 'probe.cancel':
        return life.probes.perform(effect);
      case 'resolver.resolve':
        return this.#resolve(life, effect);
      case 'control.send':
        this.controlLines.push({ client: effect.client, line: effect.line });
        if (this.controlLines.length > MOST_CONTROL_LINES) this.controlLines.splice(0, MOST_CONTROL_LINES / 2);
        return this.onControl(effect.client, effect.line);
      case 'control.close':
        return;
      case 'log.write':
        this.logs.push({ at: this.world.now, level: effect.level, text: effect.text });
        this.world.trace(`${this.name}: ${effect.level}: ${effect.text}`);
        return;
      case 'config.read':
        this.world.after(0, () => {
          if (this.#life === life) this.reload();
        });
        return;
      case 'process.exit':
        this.exitCode = effect.code;
        this.world.trace(`${this.name}: exits with ${effect.code}`);
        this.#end();
    }
  }

  #plane(life: Life, effect: EspEffect): void {
    for (const input of life.plane.apply(effect, this.world.now)) this.#answer(life, 0, input);
    if (life.plane.heldDue) this.world.after(0, () => this.#giveHeld(life));
    for (const datagram of life.plane.takeDatagrams()) this.#sendEsp(datagram);
  }

  /** What overtook its SA goes inside when the effects at hand are done. */
  #giveHeld(life: Life): void {
    if (this.#life !== life || !life.plane.heldDue) return;
    const { inners, inputs } = life.plane.takeHeld(this.world.now);
    for (const input of inputs) this.push(input);
    for (const inner of inners) this.#toInside(inner);
  }

  #openTun(life: Life, effect: EffectOf<'tun.open'>): void {
    const left = this.kernel.linkNamed(effect.name);
    if (left && !this.kernel.isTun(left.ifindex)) return this.#answer(life, 0, { type: 'tun.failed', name: effect.name, errno: EBUSY });
    // One that a killed life left is taken over as it is.
    life.tun = { name: effect.name, ifindex: left?.ifindex ?? this.kernel.addLink(effect.name, { mtu: effect.mtu, up: false, tun: true }) };
    this.#answer(life, 0, { type: 'tun.opened', ...life.tun });
  }

  #closeTun(life: Life): void {
    if (life.tun) this.kernel.removeLink(life.tun.ifindex);
    life.tun = undefined;
  }

  #resolve(life: Life, effect: EffectOf<'resolver.resolve'>): void {
    const device = effect.ifindex === 0 ? undefined : this.#deviceAt(effect.ifindex);
    const dead = effect.ifindex !== 0 && !(device?.reachable ?? false);
    const addresses = this.world.dns.get(effect.name) ?? [];
    const why = dead ? 'timeout' : addresses.length === 0 ? 'no such name' : undefined;
    this.#answer(life, dead ? RESOLVER_TIMEOUT : RESOLVER_DELAY, { type: 'resolver.answered', opId: effect.opId, addresses: dead ? [] : addresses, ttl: minutes(5), why });
  }

  // ---- outer packets ---------------------------------------------------------------------------------------------

  #sendEsp(datagram: EspDatagram): void {
    if (this.#send(datagram) !== 0) this.counts.sendFailed++;
  }

  /** Sends through the device, or as the routes say for ifindex 0; returns 0 or an errno. */
  #send(datagram: EspDatagram): number {
    const { local, remote, bytes } = datagram;
    let ifindex = datagram.ifindex;
    const protocol = local.port === 0 ? 'esp' : 'udp';
    if (protocol === 'esp' ? !this.#alive().plainEsp : !this.#alive().ports.has(local.port)) throw new Error(`${this.name}: a datagram from port ${local.port}, which is not open`);
    if (ifindex === 0) {
      const way = this.kernel.lookup(remote.address);
      if (way.kind !== 'device') return ERRNO.ENETUNREACH;
      if (this.kernel.isTun(way.ifindex)) throw new Error(`${this.name}: an outer packet is routed into the tunnel`);
      ifindex = way.ifindex;
    }
    const device = this.#deviceAt(ifindex);
    if (!device) return ERRNO.ENODEV;
    const errno = device.refusal(local.address, remote.address);
    if (errno !== 0) return errno;
    this.#transmit(device, { protocol, source: local, destination: remote, bytes, dontFragment: datagram.dontFragment ?? false });
    return 0;
  }

  #sendProbe(ifindex: number, packet: OuterPacket): number {
    const device = this.#deviceAt(ifindex);
    const errno = device?.refusal(packet.source.address, packet.destination.address) ?? ERRNO.ENODEV;
    if (device && errno === 0) this.#transmit(device, packet);
    return errno;
  }

  #transmit(device: Device, packet: OuterPacket): void {
    const ike = ikeSight(packet);
    if (ike) {
      this.counts.ikeSent++;
      this.world.trace(`${this.name}: ${device.name} > ${formatEndpoint(packet.destination)} ${describe(packet)}`);
    } else if (isEsp(packet)) this.counts.espSent++;
    this.#life?.watch.sent(packet, this.world.now);
    device.link.transmit(packet);
  }

  #received(device: Device, packet: OuterPacket): void {
    const life = this.#life;
    if (!life || packet.protocol === 'raw' || this.kernel.owner(packet.destination.address) === undefined) return;
    if (life.probes.receive(packet)) return;
    if (packet.protocol === 'tcp') return life.mqtt.receive(packet.destination.port, packet.bytes);
    if (!(packet.protocol === 'esp' ? life.plainEsp : life.ports.has(packet.destination.port))) return;
    const at = { ifindex: device.ifindex, local: packet.destination, remote: packet.source, bytes: packet.bytes };
    if (isEsp(packet)) {
      this.#giveHeld(life);
      const { inner, inputs } = life.plane.inbound(at, this.world.now);
      for (const input of inputs) this.push(input);
      for (const datagram of life.plane.takeDatagrams()) this.#sendEsp(datagram);
      if (inner) this.#toInside(inner);
      return;
    }
    if (packet.destination.port === 4500 && packet.bytes.length < 5) return; // keepalives end here
    life.watch.received(packet);
    // RFC of the port: the octets are valid only during the call.
    const bytes = packet.bytes.slice();
    this.push({ type: 'udp.received', ...at, bytes });
    bytes.fill(0xaa);
  }

  /** The kernel tells the plane of ICMP messages about datagrams from its ports; routers quote 576 octets at most (RFC 1812 §4.3.2.3). */
  #tooBig(about: OuterPacket, mtu: number): void {
    const life = this.#life;
    if (!life || !(about.protocol === 'esp' || (about.protocol === 'udp' && life.ports.has(about.source.port)))) return;
    for (const input of life.plane.tooBig(about.source, about.destination, mtu, about.bytes.slice(0, 548), this.world.now)) this.push(input);
  }

  #openMqtt(effect: EffectOf<'mqtt.connect'>): Carrier | string {
    const remote: Endpoint = { address: effect.address, port: effect.port };
    const way = effect.ifindex === 0 ? this.kernel.lookup(effect.address) : { kind: 'device' as const, ifindex: effect.ifindex, prefSrc: undefined };
    if (way.kind !== 'device') return 'network is unreachable';
    const port = this.#nextPort++;
    if (effect.ifindex === 0 && this.kernel.isTun(way.ifindex)) {
      const source = way.prefSrc ?? this.kernel.addresses().find((a) => a.global && ipFamily(a.address) === ipFamily(effect.address))?.address;
      if (source === undefined) return 'no source address';
      const local = { address: source, port };
      return { local, mark: TUNNEL_MARK, send: (bytes) => this.fromInside(buildInner({ protocol: TCP, source: local, destination: remote, payload: bytes })) };
    }
    const source = this.kernel.addresses(way.ifindex).find((a) => a.global && !a.tentative && ipFamily(a.address) === ipFamily(effect.address))?.address;
    if (source === undefined) return 'no source address';
    const local = { address: source, port };
    const send = (bytes: Uint8Array): void => {
      const device = this.#deviceAt(way.ifindex);
      if (device && device.refusal(source, remote.address) === 0) this.#transmit(device, { protocol: 'tcp', source: local, destination: remote, bytes });
    };
    return { local, mark: NO_MARK, send };
  }

  // ---- the rest --------------------------------------------------------------------------------------------------

  #deviceAt(ifindex: number): Device | undefined {
    for (const device of this.#devices.values()) if (device.present && device.ifindex === ifindex) return device;
    return undefined;
  }

  #alive(): Life {
    if (!this.#life) throw new Error(`${this.name} does not run`);
    return this.#life;
  }

  #answer(life: Life, delay: number, input: Input): void {
    this.world.after(delay, () => this.#deliver(life, input));
  }

  #deliver(life: Life, input: Input): void {
    if (this.#life === life) this.push(input);
  }

  #end(): void {
    const life = this.#life;
    if (!life) return;
    this.#life = undefined;
    this.kernel.unwatch();
    life.mqtt.abandon();
    life.ubus?.close();
  }
}

const EXCHANGES = ['IKE_SA_INIT', 'IKE_AUTH', 'CREATE_CHILD_SA', 'INFORMATIONAL'];

function describe(packet: OuterPacket): string {
  const ike = ikeSight(packet);
  if (!ike) return toHex(packet.bytes.subarray(0, 8));
  return `${EXCHANGES[ike.exchange - 34] ?? ike.exchange} ${ike.isResponse ? 'response' : 'request'} ${ike.messageId} of ${ike.spiI.slice(0, 6)}`;
}
