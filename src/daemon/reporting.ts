import { earliest, ipFamily, parseIp, prefixContains, type Instant, type IpAddress, type JsonObject, type UplinkFacts } from '../base/index.ts';
import type { Config, MqttConfig } from '../config/index.ts';
import { MqttReporter, type Documents, type ReportRoute, type StampedEvent } from '../report/index.ts';
import type { Effect, Input } from '../ports/index.ts';
import type { DaemonDeps } from './context.ts';
import type { Initiator } from './initiator.ts';

interface Entry {
  readonly config: MqttConfig;
  readonly reporter: MqttReporter;
  /**
   * The reporter this one follows, until it has said `offline`: both have one client id, and a session begun before would throw the
   * other out. Events wait here meanwhile, and what the other could not deliver goes before them.
   */
  after: { readonly leaving: MqttReporter; readonly waiting: StampedEvent[] } | undefined;
}

/** Events kept while a section's old reporter says goodbye, which takes a second. */
const WAITING_MOST = 1000;

/** What decides how brokers are reached. */
export interface RouteSources {
  readonly config: Config;
  readonly initiators: ReadonlyMap<string, Initiator>;
  readonly uplink: (name: string) => UplinkFacts | undefined;
  /** Up uplinks, best first. */
  readonly uplinks: readonly UplinkFacts[];
  readonly isChildUp: (connection: string, child: string) => boolean;
}

/** The brokers of the configuration, each with its reporter, and the way to each of them. */
export class Reporting {
  readonly #deps: DaemonDeps;
  readonly #nextOpId: () => number;
  #entries: Entry[] = [];
  /** Reporters of sections that went: they still say `offline`. */
  #leaving: MqttReporter[] = [];

  constructor(deps: DaemonDeps, nextOpId: () => number) {
    this.#deps = deps;
    this.#nextOpId = nextOpId;
  }

  get deadline(): Instant | undefined {
    return earliest(...this.#entries.map((e) => e.reporter.deadline), ...this.#leaving.map((r) => r.deadline));
  }

  get stopped(): boolean {
    return this.#entries.every((e) => e.reporter.stopped) && this.#leaving.every((r) => r.stopped);
  }

  get wantsState(): boolean {
    return this.#entries.some((e) => e.reporter.wantsState);
  }

  get any(): boolean {
    return this.#entries.length > 0;
  }

  status(): JsonObject[] {
    return this.#entries.map((e) => ({ name: e.config.name, ...e.reporter.status }));
  }

  configure(mqtt: readonly MqttConfig[], changed: ReadonlySet<string>, nodeId: string, now: Instant): Effect[] {
    const effects: Effect[] = [];
    const keep: Entry[] = [];
    for (const entry of this.#entries) {
      const next = mqtt.find((m) => m.name === entry.config.name && m.enabled);
      if (next && !changed.has(next.name)) keep.push(entry);
      else {
        effects.push(...entry.reporter.handle({ type: 'report.stop' }, now));
        this.#leaving.push(entry.reporter);
      }
    }
    for (const config of mqtt) {
      if (!config.enabled || keep.some((e) => e.config.name === config.name)) continue;
      const old = this.#entries.find((e) => e.config.name === config.name)?.reporter;
      const reporter = new MqttReporter({ config, nodeId, entropy: this.#deps.entropy, nextOpId: this.#nextOpId });
      keep.push({ config, reporter, after: old ? { leaving: old, waiting: [] } : undefined });
    }
    this.#entries = keep;
    this.#leaving = this.#leaving.filter((r) => !r.stopped);
    return effects;
  }

  event(event: StampedEvent, now: Instant): Effect[] {
    return this.#entries.flatMap((e) => {
      if (!e.after) return e.reporter.handle({ type: 'report.event', event }, now);
      if (e.after.waiting.length < WAITING_MOST) e.after.waiting.push(event);
      return [];
    });
  }

  state(documents: Documents, now: Instant): Effect[] {
    return this.#entries.flatMap((e) => e.reporter.handle({ type: 'report.state', ...documents }, now));
  }

  route(sources: RouteSources, now: Instant): Effect[] {
    return this.#entries.flatMap((e) => {
      const effects: Effect[] = [];
      if (e.after?.leaving.stopped === true) {
        const { leaving, waiting } = e.after;
        e.after = undefined;
        for (const event of [...leaving.unsent, ...waiting]) effects.push(...e.reporter.handle({ type: 'report.event', event }, now));
      }
      const route: ReportRoute = e.after ? { kind: 'none' } : routeTo(e.config, sources);
      return [...effects, ...e.reporter.handle({ type: 'report.route', route }, now)];
    });
  }

  handle(input: Input, now: Instant): Effect[] {
    switch (input.type) {
      case 'mqtt.connected':
      case 'mqtt.closed':
      case 'mqtt.published':
      case 'resolver.answered':
      case 'tick':
        return [...this.#entries.map((e) => e.reporter), ...this.#leaving].flatMap((r) => r.handle(input, now));
      default:
        return [];
    }
  }

  stop(now: Instant): Effect[] {
    return this.#entries.flatMap((e) => e.reporter.handle({ type: 'report.stop' }, now));
  }

  /** Literal addresses of brokers reached outside the tunnel: routes into it leave them out. */
  literals(): IpAddress[] {
    return this.#entries.flatMap((e) => {
      const address = parseIp(e.config.host);
      return address !== undefined && e.config.via === 'uplink' ? [address] : [];
    });
  }
}

/** The child whose remote selectors hold the broker's address. */
function tunnelTo(address: IpAddress, config: Config): { connection: string; child: string } | undefined {
  for (const connection of config.connections)
    for (const child of connection.enabled ? connection.children : [])
      if (child.remoteTs.some((p) => ipFamily(p.address) === ipFamily(address) && prefixContains(p, address))) return { connection: connection.name, child: child.name };
  return undefined;
}

function routeTo(config: MqttConfig, sources: RouteSources): ReportRoute {
  const address = parseIp(config.host);
  const inside = address === undefined ? undefined : tunnelTo(address, sources.config);
  if (config.via === 'tunnel' || (config.via === 'auto' && inside)) {
    const up = inside ? sources.isChildUp(inside.connection, inside.child) : sources.config.connections.some((c) => c.children.some((child) => sources.isChildUp(c.name, child.name)));
    return up ? { kind: 'tunnel' } : { kind: 'none' };
  }
  // A host that only answers has no chosen uplink: its routing table knows the way.
  if (config.via === 'auto' && sources.initiators.size === 0) return { kind: 'tunnel' };
  const used = [...sources.initiators.values()].map((i) => i.path).find((p) => p !== undefined);
  const chosen = used ? sources.uplink(used.uplink) : undefined;
  const facts = chosen?.up === true ? chosen : sources.uplinks[0];
  if (!facts) return { kind: 'none' };
  const local = used && used.uplink === facts.name ? used.local.address : facts.addresses[0];
  return { kind: 'uplink', uplink: facts.name, ifindex: facts.ifindex, servers: facts.dnsServers, mark: 0, local };
}
