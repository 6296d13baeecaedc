import { formatEndpoint, formatPrefix, rangePrefixes, type Instant, type Json, type JsonObject, type Path } from '../base/index.ts';
import type { TrafficSelector } from '../codec/ike/index.ts';
import type { Config, ConnectionConfig } from '../config/index.ts';
import type { ChainStatus, IkeEngine } from '../ike/index.ts';
import type { EspReport } from '../ports/index.ts';
import type { Stamp } from '../report/index.ts';
import type { KeepaliveView, ReachView, UplinkPolicy, UplinkView } from '../uplink/index.ts';
import type { Decisions } from './decisions.ts';
import { explainDocument, retainedExplanation } from './explain.ts';
import type { Initiator } from './initiator.ts';
import type { VirtualAddress } from './vips.ts';

/** Everything the documents are made from; nothing in here is secret but `Config`, of which only names are read. */
export interface DocumentSources {
  readonly now: Instant;
  readonly config: Config;
  readonly engine: IkeEngine;
  readonly policy: UplinkPolicy;
  readonly initiators: ReadonlyMap<string, Initiator>;
  readonly report: EspReport | undefined;
  /** Virtual addresses that the hub of a connection gave us. */
  virtual(connection: string): VirtualAddress;
  /** What a router told of the MTU of a path, octets of an outer packet; undefined: nothing. */
  pathMtu(path: Path): number | undefined;
  /** What an uplink may send beside the tunnels, in clear text. */
  beside(uplink: string): readonly string[];
  /** How NAT mappings of an uplink are kept alive. */
  keepalive(uplink: string): KeepaliveView;
  /** What the targets of an uplink say of it; undefined: none are configured. */
  reach(uplink: string): ReachView | undefined;
  readonly decisions: Decisions;
  /** Wall time of a moment; undefined before the start. */
  stamp(at: Instant): Stamp | undefined;
}

const ago = (now: Instant, at: Instant | undefined): number | null => (at === undefined ? null : Math.max(0, Math.round(now - at)));
const until = (now: Instant, at: Instant | undefined): number | null => (at === undefined ? null : Math.max(0, Math.round(at - now)));
const spiText = (spi: number): string => spi.toString(16).padStart(8, '0');
const ikeSpiText = (spi: bigint): string => spi.toString(16).padStart(16, '0');

/** A selector as a prefix where it is one, with protocol and ports where they are narrowed. */
function selectorText(selector: TrafficSelector): string[] {
  const narrowed = selector.protocol !== 0 || selector.startPort !== 0 || selector.endPort !== 65535;
  const tail = narrowed ? `[${selector.protocol}/${selector.startPort}-${selector.endPort}]` : '';
  return rangePrefixes(selector).slice(0, 8).map((p) => formatPrefix(p) + tail);
}

function natText(chain: ChainStatus): string {
  if (chain.natLocal && chain.natRemote) return 'both';
  return chain.natLocal ? 'local' : chain.natRemote ? 'remote' : 'none';
}

/** Only a path of which a router said something has one. */
const mtuField = (mtu: number | undefined): { mtu?: number } => (mtu === undefined ? {} : { mtu });

function chainFields(chain: ChainStatus, { report, now, pathMtu }: DocumentSources): { [key: string]: Json } {
  const counters = new Map((report?.sas ?? []).map((sa) => [sa.handle, sa]));
  return {
    chain: chain.chain,
    peer: chain.peer ?? null,
    remote: formatEndpoint(chain.path.remote),
    uplink: chain.path.uplink,
    path: { local: formatEndpoint(chain.path.local), remote: formatEndpoint(chain.path.remote), uplink: chain.path.uplink, ...mtuField(pathMtu(chain.path)) },
    nat: natText(chain),
    encapsulation: chain.encapsulation,
    mobike: chain.mobike,
    established_ms: ago(now, chain.establishedAt),
    ike: { spi_i: ikeSpiText(chain.spiI), spi_r: ikeSpiText(chain.spiR), proposal: chain.proposal, rekey_ms: until(now, chain.rekeyAt) },
    children: chain.children.filter((c) => c.state !== 'rekeyed').map((c) => {
      const into = counters.get(c.inHandle);
      const out = counters.get(c.outHandle);
      return {
        name: c.name, state: c.state, spi_in: spiText(c.spiIn), spi_out: spiText(c.spiOut), proposal: c.proposal,
        local_ts: c.local.flatMap(selectorText), remote_ts: c.remote.flatMap(selectorText),
        rx_packets: into?.packets ?? 0, rx_bytes: into?.bytes ?? 0, tx_packets: out?.packets ?? 0, tx_bytes: out?.bytes ?? 0,
        rekey_ms: until(now, c.rekeyAt),
      };
    }),
  };
}

/** How both sides prove who they are: one word where it is the same. */
function authText(connection: ConnectionConfig): string {
  const [ours, theirs] = [connection.auth.method, connection.remoteAuth.method];
  return ours === theirs ? ours : `${ours}, peer ${theirs}`;
}

const NO_CHAIN = { peer: null, remote: null, uplink: null, path: null, nat: null, encapsulation: null, mobike: false, established_ms: null, ike: null, children: [] };

/** One document per IKE SA; a configured connection without any has one too, saying why. */
export function connectionDocuments(sources: DocumentSources): JsonObject[] {
  const { config, engine, initiators, now } = sources;
  const out: JsonObject[] = [];
  for (const connection of config.connections) {
    if (!connection.enabled) continue;
    const initiator = initiators.get(connection.name);
    const chains = engine.chainsOf(connection.name).filter((c) => !initiator || c.chain === initiator.chain);
    const state = initiator ? initiator.state : chains.length > 0 ? 'up' : 'listening';
    const given = sources.virtual(connection.name);
    const wish = sources.policy.wish(connection.name);
    const common = {
      name: connection.name, role: connection.role, state, reason: initiator?.reason ?? '', retry_ms: until(now, initiator?.retryAt), auth: authText(connection),
      virtual_ips: given.addresses, virtual_dns: given.dns, forced: wish?.uplink ?? null, forced_ms: until(now, wish?.until),
    };
    if (chains.length === 0) out.push({ ...common, ...NO_CHAIN, mobike: connection.mobike });
    // A hub's documents say what each peer was given.
    for (const chain of chains) out.push({ ...common, ...(initiator ? {} : { virtual_ips: chain.vips }), ...chainFields(chain, sources) });
  }
  return out;
}

const rounded = (ms: number | undefined): number | null => (ms === undefined ? null : Math.round(ms));

function keepaliveField({ interval, state, safe, tooLong }: KeepaliveView): JsonObject {
  return { state, interval_ms: Math.round(interval), safe_ms: rounded(safe), too_long_ms: rounded(tooLong) };
}

function probesField(view: ReachView | undefined, now: Instant): JsonObject | null {
  if (!view) return null;
  const targets = view.targets.map(({ text, outcome, at, took }) => ({ target: text, outcome: outcome ?? '', rtt_ms: took === undefined ? null : Math.round(took * 10) / 10, last_ms: ago(now, at) }));
  return { state: view.reach, since_ms: ago(now, view.since), next_ms: until(now, view.nextAt), quorum: view.quorum, targets };
}

export function uplinkDocuments(sources: DocumentSources): JsonObject[] {
  const { policy, initiators, now } = sources;
  return policy.views(now).map((view: UplinkView) => {
    const { facts } = view;
    const usedBy = [...initiators.values()].filter((i) => i.path?.uplink === facts.name).map((i) => i.name);
    return {
      name: facts.name, device: facts.device, up: facts.up, state: facts.up ? 'up' : 'down', reason: facts.downReason ?? '', since_ms: ago(now, view.since),
      metric: facts.metric, metered: facts.metered, last_resort: facts.lastResort === true,
      schedule: (facts.schedule ?? []).map(({ text }) => text), in_schedule: view.inSchedule, addresses: facts.addresses, families: facts.families, bypass: sources.beside(facts.name), used_by: usedBy,
      keepalive: keepaliveField(sources.keepalive(facts.name)), probes: probesField(sources.reach(facts.name), now),
      paths: view.paths.map((p) => ({ connection: p.connection, state: p.current ? 'current' : p.standing, rtt_ms: p.rttMs === undefined ? null : Math.round(p.rttMs * 10) / 10, last_answer_ms: ago(now, p.answeredAt) })),
    };
  });
}

/** Why a connection that we initiate is where it is; undefined: it is none of ours. */
export function explanationDocument(name: string, sources: DocumentSources): JsonObject | undefined {
  const { policy, initiators, decisions, now } = sources;
  const explanation = policy.explain(name, now);
  const initiator = initiators.get(name);
  if (!explanation || !initiator) return undefined;
  const { state, reason, path } = initiator;
  return explainDocument({ now, explanation, decisions, state, reason, remote: path?.remote.address, stamp: (at) => sources.stamp(at) });
}

/** Explanations for retained topics. */
export function explanationByName(sources: DocumentSources): { [name: string]: JsonObject } {
  const all = [...sources.initiators.keys()].map((name): [string, JsonObject | undefined] => [name, explanationDocument(name, sources)]);
  return Object.fromEntries(all.flatMap(([name, document]) => (document ? [[name, retainedExplanation(document)]] : [])));
}

/** Documents of one name, for MQTT: flat, and for a hub with several peers the count and the newest. */
export function connectionByName(sources: DocumentSources): { [name: string]: JsonObject } {
  const out: { [name: string]: JsonObject } = {};
  for (const document of connectionDocuments(sources)) {
    const name = String(document['name']);
    const known = out[name];
    if (known) {
      out[name] = { ...known, peers: Number(known['peers'] ?? 1) + 1 };
      continue;
    }
    const path = document['path'] as JsonObject | null;
    const children = document['children'] as readonly JsonObject[];
    const sum = (key: string): number => children.reduce((total, child) => total + Number(child[key] ?? 0), 0);
    out[name] = {
      state: document['state'] ?? null, role: document['role'] ?? null, peer: document['peer'] ?? null, uplink: document['uplink'] ?? null, local: path?.['local'] ?? null, remote: path?.['remote'] ?? null,
      nat: document['nat'] ?? null, encapsulation: document['encapsulation'] ?? null, mobike: document['mobike'] ?? null, established_ms: document['established_ms'] ?? null, reason: document['reason'] ?? null,
      auth: document['auth'] ?? null, proposal: (document['ike'] as JsonObject | null)?.['proposal'] ?? null, virtual_ips: document['virtual_ips'] ?? [], peers: document['ike'] === null ? 0 : 1,
      children_up: children.length, rx_bytes: sum('rx_bytes'), tx_bytes: sum('tx_bytes'), rx_packets: sum('rx_packets'), tx_packets: sum('tx_packets'),
    };
  }
  return out;
}

export function uplinkByName(sources: DocumentSources): { [name: string]: JsonObject } {
  const out: { [name: string]: JsonObject } = {};
  for (const document of uplinkDocuments(sources)) {
    const paths = document['paths'] as readonly JsonObject[];
    const keepalive = document['keepalive'] as JsonObject;
    const rtts = paths.map((p) => p['rtt_ms']).filter((r) => typeof r === 'number');
    out[String(document['name'])] = {
      state: document['state'] ?? null, reason: document['reason'] ?? null, device: document['device'] ?? null, metric: document['metric'] ?? null, metered: document['metered'] ?? null, last_resort: document['last_resort'] ?? null, in_schedule: document['in_schedule'] ?? null,
      addresses: document['addresses'] ?? [], used_by: document['used_by'] ?? [],
      keepalive: keepalive['state'] ?? null, keepalive_ms: keepalive['interval_ms'] ?? null, keepalive_safe_ms: keepalive['safe_ms'] ?? null, keepalive_too_long_ms: keepalive['too_long_ms'] ?? null, rtt_ms: rtts.length > 0 ? Math.min(...rtts) : null,
      reachability: (document['probes'] as JsonObject | null)?.['state'] ?? null,
    };
  }
  return out;
}

/** The daemon itself, as its documents show it. */
export interface About {
  readonly version: string;
  readonly nodeId: string;
  readonly bootId: string;
  /** Milliseconds. */
  readonly uptime: number;
  /** Name of the TUN device. */
  readonly device: string;
  readonly problem: string | undefined;
  readonly netifd: 'connected' | 'away' | 'none';
  readonly mqtt: readonly JsonObject[];
}

/** Everything at a glance, for `mobikectl status` and ubus. */
export function statusDocument(sources: DocumentSources, about: About): { [key: string]: Json } {
  return {
    version: about.version, node_id: about.nodeId, boot_id: about.bootId, uptime_ms: about.uptime, dataplane: 'userspace', device: about.device, problem: about.problem ?? null,
    netifd: about.netifd, connections: connectionDocuments(sources), uplinks: uplinkDocuments(sources), mqtt: about.mqtt, drops: sources.report?.drops ?? {},
  };
}

/** The retained MQTT document `state`: flat counts, so that it changes only when something does. */
export function stateDocument(about: About, connections: { readonly [name: string]: JsonObject }, uplinks: { readonly [name: string]: JsonObject }): JsonObject {
  const up = (all: { readonly [name: string]: JsonObject }): number => Object.values(all).filter((d) => d['state'] === 'up').length;
  return {
    version: about.version, node_id: about.nodeId, connections_up: up(connections), connections: Object.keys(connections).length, uplinks_up: up(uplinks), uplinks: Object.keys(uplinks).length, dataplane: 'userspace',
  };
}
