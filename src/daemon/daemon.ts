import { after, earliest, instant, millis, seconds, TimerTable, type Instant, type IpAddress, type Json, type Millis, type UplinkFacts } from '../base/index.ts';
import { configDifference, formatProblem, keepLastGood, type Config, type ConnectionConfig, type LoadedConfig, type LogLevel } from '../config/index.ts';
import { IkeEngine, type IkeEvent, type IkeInput } from '../ike/index.ts';
import type { Core, Effect, Input, InputOf } from '../ports/index.ts';
import { eventLevel, EventLog, type Event } from '../report/index.ts';
import { uplinkFacts, UplinkPolicy } from '../uplink/index.ts';
import { Clients } from './clients.ts';
import type { CommandResult, DaemonDeps, Turn } from './context.ts';
import { runCommand } from './commands.ts';
import { Dataplane } from './dataplane.ts';
import { Decisions } from './decisions.ts';
import { connectionByName, explanationByName, stateDocument, statusDocument, uplinkByName, type About, type DocumentSources } from './documents.ts';
import { leaveAddress, switchPeers, type HubSwitchHost } from './hub-switch.ts';
import { Initiator } from './initiator.ts';
import { Keepalives } from './keepalives.ts';
import { NetifdFollower } from './netifd.ts';
import { OwnAddressBook } from './own-addresses.ts';
import { PathSizes } from './path-sizes.ts';
import { PlainEsp } from './plain-esp.ts';
import { Probes } from './probes.ts';
import { Protocol } from './protocol.ts';
import { Reactions } from './reactions.ts';
import { Reporting } from './reporting.ts';
import { tellIke } from './tell.ts';
import { UdpPorts } from './udp-ports.ts';
import { answerUbus, UBUS_METHODS, UBUS_OBJECT } from './ubus-api.ts';

const EMPTY: Config = { main: { enabled: false, logLevel: 'info', nodeId: undefined }, uplinks: undefined, connections: [], mqtt: [] };
/** The broker and the peers have this long to hear of a clean stop; then routes go, and the process at the latest. SIGTERM has 2 s. */
const STOP_TIME: Millis = millis(1300);
const EXIT_TIME: Millis = millis(1500);
const LEVELS: readonly LogLevel[] = ['error', 'warn', 'info', 'debug'];
/** How long after the start netifd is waited for before the kernel is believed alone. */
const NETIFD_GRACE: Millis = seconds(2);
const TIMERS = ['stop', 'exit', 'documents', 'netifd'] as const;

/** The conductor: joins protocol, policy, kernel, configuration and reports. Pure: inputs and time in, effects out. */
export class Daemon implements Core {
  readonly #deps: DaemonDeps;
  readonly #engine: IkeEngine;
  readonly #policy = new UplinkPolicy();
  readonly #plane = new Dataplane();
  readonly #reporting: Reporting;
  readonly #reactions: Reactions;
  readonly #clients = new Clients();
  readonly #initiators = new Map<string, Initiator>();
  readonly #timers = new TimerTable<(typeof TIMERS)[number]>();
  #netifd: NetifdFollower | undefined;
  #log: EventLog | undefined;
  #start: InputOf<'process.start'> | undefined;
  #wall: InputOf<'clock.wall'> | undefined;
  #config: Config = EMPTY;
  #loaded = false;
  #facts: readonly UplinkFacts[] = [];
  readonly #own = new OwnAddressBook();
  #effects: Effect[] = [];
  #now: Instant = instant(0);
  #lastOpId = 0;
  readonly #udp = new UdpPorts();
  #stopping = false;
  #disconnected = false;
  #exited = false;
  readonly #turn: Turn;
  readonly #protocol: Protocol;
  readonly #plainEsp = new PlainEsp((input) => this.#ike(input));
  readonly #keepalives: Keepalives;
  readonly #probes = new Probes(() => this.#turn, (input) => this.#reactions.tell(input));
  readonly #sizes: PathSizes;
  readonly #decisions = new Decisions();

  constructor(deps: DaemonDeps) {
    this.#deps = deps;
    this.#engine = new IkeEngine(deps);
    const nextOpId = (): number => ++this.#lastOpId;
    this.#reporting = new Reporting(deps, nextOpId);
    const now = (): Instant => this.#now;
    const config = (): Config => this.#config;
    this.#turn = {
      get now() {
        return now();
      },
      get config() {
        return config();
      },
      emit: (effect) => this.#effects.push(effect),
      record: (event) => this.#record(event),
      log: (level, text) => this.#write(level, text),
      nextOpId,
    };
    this.#protocol = new Protocol({
      engine: this.#engine, turn: this.#turn,
      addSa: (sa) => this.#plane.addSa(sa, this.#turn), removeSa: (handle, lingers) => this.#plane.removeSa(handle, lingers, this.#turn),
      setPath: (chain, path, encapsulation, opensPinhole) => this.#plane.setPath(chain, path, encapsulation, opensPinhole, this.#turn),
      hold: (chain) => this.#plane.hold(chain, this.#turn), onEvent: (event) => this.#onIke(event),
    });
    this.#keepalives = new Keepalives({ turn: this.#turn, ike: (input) => this.#ike(input) });
    this.#sizes = new PathSizes({
      turn: this.#turn, ike: (input) => this.#ike(input), linkMtu: (path) => this.#plane.view.link(path.ifindex)?.mtu,
      found: (path, mtu) => this.#plane.onFound(path, mtu, this.#turn),
    });
    this.#reactions = new Reactions({
      turn: this.#turn, policy: this.#policy, engine: this.#engine, plane: this.#plane, keepalives: this.#keepalives, decisions: this.#decisions, initiators: this.#initiators,
      ike: (input) => this.#ike(input), watch: (initiator) => this.#watch(initiator), peerAsked: (uplink) => this.#probes.peerAsked(uplink),
    });
  }

  // ---- Core ---------------------------------------------------------------------------------------------------------

  handle(input: Input, now: Instant): Effect[] {
    this.#now = now;
    this.#dispatch(input);
    this.#afterwards();
    const out = this.#effects;
    this.#effects = [];
    return out;
  }

  get deadline(): Instant | undefined {
    if (this.#exited) return undefined;
    return earliest(
      this.#engine.deadline, this.#policy.deadline, this.#plane.deadline, this.#reporting.deadline, this.#netifd?.deadline, this.#udp.deadline, this.#keepalives.deadline, this.#sizes.deadline,
      this.#probes.deadline, this.#timers.next(), ...[...this.#initiators.values()].map((i) => i.deadline),
    );
  }

  owner(input: Input): string | undefined {
    if (input.type !== 'udp.received') return undefined;
    const message = input.local.port === 500 ? input.bytes : input.bytes.subarray(4);
    return this.#engine.chainOf(message)?.toString();
  }

  quarantine(owner: string, now: Instant): Effect[] {
    this.#now = now;
    this.#effects = [];
    this.#record({ type: 'daemon.fault', what: `IKE SA chain ${owner} ended after an internal error` });
    this.#ike({ type: 'chain.close', chain: Number(owner), reason: 'fault' });
    const out = this.#effects;
    this.#effects = [];
    return out;
  }

  // ---- inputs -------------------------------------------------------------------------------------------------------

  #dispatch(input: Input): void {
    const turn = this.#turn;
    switch (input.type) {
      case 'process.start':
        return this.#onStart(input);
      case 'process.terminate':
        return this.#terminate();
      case 'clock.wall':
        this.#wall = input;
        this.#log?.setWall(input.unixAtZero, input.synced);
        this.#reactions.onClock(input);
        return this.#ike({ type: 'clock.wall', unixAtZero: input.unixAtZero, synced: input.synced });
      case 'config.loaded':
        return this.#configure(input.loaded);
      case 'udp.received':
        return this.#ike({ type: 'packet', bytes: input.bytes, path: { uplink: this.#uplinkOf(input.ifindex), ifindex: input.ifindex, local: input.local, remote: input.remote } });
      case 'udp.failed':
      case 'udp.opened':
        return this.#udp.on(input, turn);
      case 'udp.sendFailed':
        return;
      case 'tun.opened':
      case 'tun.failed':
        return this.#plane.onTun(input, turn);
      case 'esp.opened':
      case 'esp.failed':
        return this.#plainEsp.on(input, turn);
      case 'esp.polled':
        return this.#reactions.onPolled(input.report);
      case 'esp.firstInbound':
        return this.#ike({ type: 'child.used', handle: input.handle });
      case 'esp.unknownSpi':
        this.#write('debug', `ESP with unknown SPI ${input.spi.toString(16).padStart(8, '0')} from ${input.remote.address}`);
        return this.#ike(input);
      case 'esp.tooBig':
        return this.#plane.onTooBig(input, turn);
      case 'kernel.snapshot':
      case 'kernel.link':
      case 'kernel.address':
      case 'kernel.route':
      case 'kernel.applied':
        this.#plane.onKernel(input, turn);
        // netifd says nothing of changed metrics and of what is done behind it: the kernel's word makes us ask.
        if (input.type === 'kernel.address' || (input.type === 'kernel.route' && input.route.destination.length === 0)) this.#netifd?.refresh(this.#now);
        if (input.type !== 'kernel.applied') this.#observe();
        if (input.type === 'kernel.address' && input.change === 'removed') leaveAddress(input.address, this.#hubSwitch());
        return;
      case 'ubus.called':
        return answerUbus(input, (command, args) => this.command(command, args), turn);
      case 'ubus.connected':
      case 'ubus.closed':
      case 'ubus.answered':
      case 'ubus.notified':
      case 'ubus.unsubscribed':
      case 'ubus.event':
        return this.#follow(input);
      case 'resolver.answered':
        for (const initiator of this.#initiators.values()) if (initiator.resolved(input.opId, input.addresses, input.why, turn)) return this.#watch(initiator);
        return this.#emitAll(this.#reporting.handle(input, this.#now));
      case 'store.answered':
      case 'store.written':
        return this.#keepalives.onStore(input);
      case 'probe.answered':
      case 'probe.failed':
        return this.#probes.on(input);
      case 'mqtt.connected':
      case 'mqtt.closed':
      case 'mqtt.published':
        return this.#emitAll(this.#reporting.handle(input, this.#now));
      case 'control.received':
        return this.#clients.received(input.client, input.line, (command, args) => this.command(command, args), this.#log, turn);
      case 'control.closed':
        return this.#clients.closed(input.client);
      case 'tick':
        return this.#tick();
    }
  }

  #tick(): void {
    for (const name of this.#timers.takeDue(this.#now)) {
      if (name === 'stop') this.#disconnect(true);
      else if (name === 'exit') this.#exit();
      else if (name === 'netifd') {
        if (this.#netifd?.connected === false) this.#write('warn', `nobody answers on ${this.#start?.ubus ?? ''}; a host without netifd wants --ubus none`);
        this.#observe();
      }
    }
    this.#udp.tick(this.#turn);
    if ((this.#netifd?.deadline ?? Infinity) <= this.#now) this.#follow({ type: 'tick' });
    this.#reactions.tell({ type: 'tick' });
    if ((this.#engine.deadline ?? Infinity) <= this.#now) this.#ike({ type: 'tick' });
    for (const initiator of this.#initiators.values()) initiator.advance(this.#turn);
    this.#plane.tick(this.#turn);
    this.#keepalives.tick();
    this.#sizes.tick();
    this.#probes.tick();
    this.#emitAll(this.#reporting.handle({ type: 'tick' }, this.#now));
  }

  #onStart(input: InputOf<'process.start'>): void {
    this.#start = input;
    this.#log = new EventLog(input.bootId, this.#now);
    if (this.#wall) this.#log.setWall(this.#wall.unixAtZero, this.#wall.synced);
    this.#turn.record({ type: 'daemon.started', version: input.version });
    this.#keepalives.start();
    this.#turn.emit({ type: 'kernel.watch' });
    this.#udp.open(this.#turn);
    this.#turn.emit({ type: 'esp.open', mark: 0 });
    if (input.ubus !== undefined) {
      this.#netifd = new NetifdFollower(() => ++this.#lastOpId);
      this.#timers.set('netifd', after(this.#now, NETIFD_GRACE));
      this.#turn.emit({ type: 'ubus.open', socket: input.ubus });
      this.#turn.emit({ type: 'ubus.publish', object: UBUS_OBJECT, methods: Object.fromEntries(Object.entries(UBUS_METHODS).map(([name, row]) => [name, row.args])) });
    }
    this.#turn.emit({ type: 'config.read' });
  }

  // ---- configuration --------------------------------------------------------------------------------------------------

  #configure(loaded: LoadedConfig): void {
    if (this.#stopping) return;
    const first = !this.#loaded;
    for (const problem of loaded.problems) this.#write(problem.severity === 'error' ? 'error' : 'warn', formatProblem(problem));
    const before = this.#config;
    const next = this.#loaded ? keepLastGood(before, loaded) : loaded.config;
    const config = next.main.enabled ? next : { ...next, connections: [], mqtt: [] };
    const difference = configDifference(before, config);
    this.#config = config;
    this.#loaded = true;
    for (const { name, bypass } of this.#netifd ? [] : config.uplinks ?? []) {
      if (bypass.servers.length > 0) this.#write('warn', `uplink '${name}': bypass ${bypass.servers.join(', ')}: without netifd (--ubus none) nobody names these servers; give addresses`);
    }
    this.#turn.record({ type: 'config.loaded', problems: loaded.problems.length });
    this.#clients.reloaded(loaded.problems.map(formatProblem), this.#turn);
    const enabled = config.connections.filter((c) => c.enabled);
    const anew = new Set(difference.connections.filter((c) => c.how === 'reconnect').map((c) => c.name));
    for (const name of anew) this.#drop(name);
    this.#ike({ type: 'connections.set', connections: enabled });
    for (const connection of enabled) if (connection.role === 'initiator') this.#adopt(connection);
    const mqttChanged = new Set(difference.mqtt.map((c) => c.name));
    if (difference.main?.options.includes('node_id') === true) for (const m of config.mqtt) mqttChanged.add(m.name);
    this.#emitAll(this.#reporting.configure(config.mqtt, mqttChanged, this.nodeId, this.#now));
    // What happened before the brokers were known is news to them.
    if (first) for (const event of this.#log?.after(0) ?? []) this.#emitAll(this.#reporting.event(event, this.#now));
    if (enabled.length > 0) this.#plane.open(this.#turn);
    this.#observe();
  }

  #drop(name: string): void {
    this.#ike({ type: 'connection.terminate', connection: name });
    this.#plane.forget(name, this.#turn);
    if (!this.#initiators.delete(name)) return;
    this.#decisions.forget(name);
    this.#reactions.tell({ type: 'connection.forgotten', connection: name });
  }

  #adopt(connection: ConnectionConfig): void {
    const known = this.#initiators.get(connection.name);
    if (known) {
      known.config = connection;
      this.#watch(known);
      // `down` holds until `up` or a reload.
      return known.state === 'down' ? known.up(this.#turn) : undefined;
    }
    const initiator = new Initiator(connection, {
      deps: this.#deps,
      ike: (input) => this.#ike(input),
      candidates: (name) => this.#candidates(name),
      stopped: (name) => this.#plane.forget(name, this.#turn),
      using: (name, path) => this.#reactions.tell({ type: 'connection.using', connection: name, uplink: path?.uplink, local: path?.local.address }),
    });
    this.#initiators.set(connection.name, initiator);
    this.#watch(initiator);
    initiator.advance(this.#turn);
  }

  #watch(initiator: Initiator): void {
    this.#reactions.tell({ type: 'connection.watched', connection: initiator.name, uplinks: initiator.config.uplinks, families: initiator.families, remotes: initiator.remotes.length });
  }

  #candidates(connection: string): UplinkFacts[] {
    return this.#policy.candidates(connection, this.#now).flatMap((name) => this.#policy.uplink(name) ?? []);
  }

  get nodeId(): string {
    return this.#config.main.nodeId ?? this.#start?.nodeId ?? 'mobiked';
  }

  // ---- uplinks --------------------------------------------------------------------------------------------------------

  #follow(input: Input): void {
    if (!this.#netifd) return;
    const result = this.#netifd.handle(input as Parameters<NetifdFollower['handle']>[0], this.#now);
    this.#emitAll(result.effects);
    if (result.changed) this.#observe();
  }

  /** netifd has not told its interfaces yet: without them every uplink would look down for a moment. */
  get #awaitsNetifd(): boolean {
    return this.#netifd !== undefined && this.#netifd.stale && this.#netifd.interfaces.size === 0 && this.#timers.has('netifd');
  }

  /** Joins what netifd and the kernel say into facts, and gives them to policy and data plane. */
  #observe(): void {
    const { view } = this.#plane;
    if (!view.ready || !this.#loaded || this.#awaitsNetifd) return;
    this.#facts = uplinkFacts({
      uplinks: this.#config.uplinks, interfaces: this.#netifd?.interfaces, devices: this.#netifd?.devices ?? new Map(),
      netifdStale: this.#netifd ? this.#netifd.stale || !this.#netifd.connected : false,
      links: view.links(), addresses: view.addresses(), routes: view.routes(), tunName: this.#plane.tunName, previous: this.#facts,
    });
    // Before the policy acts: a move that follows tells the peer the addresses that are left.
    for (const input of this.#own.news(this.#config.connections, this.#facts)) this.#ike(input);
    this.#reactions.tell({ type: 'facts.observed', facts: this.#facts });
    this.#plane.setFacts(this.#facts, this.#outside(), this.#turn);
    this.#keepalives.set(this.#facts);
    this.#probes.set(this.#facts);
  }

  /** Addresses spoken to outside the tunnel; routes into it leave them out. */
  #outside(): IpAddress[] {
    const peers = [...this.#initiators.values()].flatMap((i) => i.remotes);
    return [...new Set([...peers, ...this.#facts.flatMap((f) => f.dnsServers), ...this.#reporting.literals()])];
  }

  #uplinkOf(ifindex: number): string {
    return this.#facts.find((f) => f.ifindex === ifindex)?.name ?? this.#plane.view.link(ifindex)?.name ?? 'unknown';
  }

  // ---- protocol -------------------------------------------------------------------------------------------------------

  #ike(input: IkeInput): void {
    this.#protocol.tell(input);
  }

  #onIke(event: IkeEvent): void {
    this.#plane.onIke(event, this.#turn);
    const initiator = this.#initiators.get(event.connection);
    const ours = initiator !== undefined && 'chain' in event && event.chain === initiator.chain;
    this.#keepalives.onIke(event);
    this.#sizes.onIke(event);
    tellIke(event, initiator !== undefined, this.#turn);
    initiator?.onIke(event, this.#turn);
    if (ours || (initiator && event.type === 'ike.established')) this.#reactions.onIke(event);
  }

  // ---- reports --------------------------------------------------------------------------------------------------------

  #write(level: LogLevel, text: string): void {
    if (LEVELS.indexOf(level) <= LEVELS.indexOf(this.#config.main.logLevel)) this.#effects.push({ type: 'log.write', level, text });
  }

  #record(event: Event): void {
    if (!this.#log) return;
    const stamped = this.#log.record(event, this.#now);
    this.#write(eventLevel(event.type), stamped.text);
    this.#clients.event(stamped, this.#turn);
    // The way to the broker is worked out first: the report of a move must not go out over the path that was left.
    this.#reroute();
    this.#emitAll(this.#reporting.event(stamped, this.#now));
    this.#timers.setIfEarlier('documents', this.#now);
  }

  #reroute(): void {
    if (!this.#reporting.any || this.#stopping) return;
    this.#emitAll(this.#reporting.route({
      config: this.#config, initiators: this.#initiators, uplink: (name) => this.#policy.uplink(name), uplinks: this.#facts.filter((f) => f.up).sort((a, b) => a.metric - b.metric),
      isChildUp: (connection, child) => this.#plane.isChildUp(connection, child),
    }, this.#now));
  }

  sources(): DocumentSources {
    return {
      now: this.#now, config: this.#config, engine: this.#engine, policy: this.#policy, initiators: this.#initiators, report: this.#plane.report,
      virtual: (connection) => this.#plane.virtual(connection), pathMtu: (path) => this.#plane.pathMtu(path), beside: (uplink) => this.#plane.beside(uplink),
      keepalive: (uplink) => this.#keepalives.view(uplink), reach: (uplink) => this.#probes.view(uplink), decisions: this.#decisions, stamp: (at) => this.#log?.stamp(at),
    };
  }

  status(): { [key: string]: Json } {
    return statusDocument(this.sources(), this.#about());
  }

  #about(): About {
    return {
      version: this.#start?.version ?? '', nodeId: this.nodeId, bootId: this.#start?.bootId ?? '', uptime: this.#log?.stamp(this.#now).uptime_ms ?? 0, device: this.#plane.tunName,
      problem: this.#plane.problem ?? this.#udp.problem, netifd: this.#netifd ? (this.#netifd.connected ? 'connected' : 'away') : 'none', mqtt: this.#reporting.status(),
    };
  }

  #publishDocuments(): void {
    const stamp = this.#log?.stamp(this.#now);
    if (!stamp || !this.#reporting.any) return;
    const sources = this.sources();
    const [connections, uplinks] = [connectionByName(sources), uplinkByName(sources)];
    const documents = { stamp, state: stateDocument(this.#about(), connections, uplinks), uplinks, connections, explanations: explanationByName(sources) };
    this.#emitAll(this.#reporting.state(documents, this.#now));
  }

  #hubSwitch(): HubSwitchHost {
    return { engine: this.#engine, config: this.#config, addresses: () => this.#plane.view.addresses(), uplinkOf: (ifindex) => this.#uplinkOf(ifindex), ike: (input) => this.#ike(input) };
  }

  // ---- commands -------------------------------------------------------------------------------------------------------

  command(command: string, args: { readonly [name: string]: string }): CommandResult {
    return runCommand(command, args, {
      turn: this.#turn, sources: () => this.sources(), status: () => this.status(), events: () => this.#log?.after(0) ?? [], initiators: this.#initiators,
      ike: (input) => this.#ike(input),
      switchPeers: (address, connection) => switchPeers(address, connection, this.#hubSwitch()),
      force: (connection, uplink, lasts) => this.#reactions.force(connection, uplink, lasts),
    });
  }

  // ---- the end --------------------------------------------------------------------------------------------------------

  /** A stop in three steps. A broker behind a tunnel hears `offline` while there is one, then the peers are told, and what blocks goes last. */
  #terminate(): void {
    if (this.#stopping) return;
    this.#turn.record({ type: 'daemon.stopping' });
    this.#stopping = true;
    this.#keepalives.stop();
    this.#timers.set('stop', after(this.#now, STOP_TIME));
    this.#timers.set('exit', after(this.#now, EXIT_TIME));
    this.#emitAll(this.#reporting.stop(this.#now));
  }

  #disconnect(late = false): void {
    if (!this.#disconnected) for (const connection of this.#config.connections) this.#ike({ type: 'connection.terminate', connection: connection.name });
    this.#disconnected = true;
    for (const initiator of this.#initiators.values()) initiator.state = 'down';
    if (late || this.#engine.idle) this.#plane.stop(this.#turn);
  }

  #exit(): void {
    if (this.#exited) return;
    this.#exited = true;
    this.#plane.close(this.#turn);
    this.#turn.emit({ type: 'process.exit', code: 0 });
  }

  #emitAll(effects: readonly Effect[]): void {
    for (const effect of effects) this.#effects.push(effect);
  }

  #afterwards(): void {
    if (this.#stopping) {
      if (this.#disconnected || this.#reporting.stopped) this.#disconnect();
      return this.#plane.stopped ? this.#exit() : undefined;
    }
    this.#reroute();
    if (this.#reporting.wantsState || (this.#timers.get('documents') ?? Infinity) <= this.#now) {
      this.#timers.clear('documents');
      this.#publishDocuments();
    }
  }
}
