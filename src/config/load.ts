import { compareIp, err, ipFamily, prefixContains, prefixRange, Secret, seconds, toUtf8, type IpAddress } from '../base/index.ts';
import { buildChild, buildConnection } from './connection.ts';
import { readNamed, secretText, textOf, type ReadFile } from './files.ts';
import { MOBIKED, SECTIONS, type SectionType } from './options.ts';
import { parseProbe, probeInterval } from './probes.ts';
import { didYouMean, quote } from './problems.ts';
import { parseSchedule } from './schedule.ts';
import { type Checked, checkSection, Report } from './section.ts';
import type { ChildConfig, Config, ConnectionConfig, CredentialReader, LoadedConfig, MainConfig, MqttConfig, ProbingConfig, UplinkConfig } from './types.ts';
import { parseUci, type UciSection } from './uci.ts';
import { onlyLettersDigitsAnd, parseBroker, parseBypass, parseKeepalive } from './values.ts';

/** In `LoadedConfig.broken`: the file as a whole could not be used. */
export const WHOLE_FILE = '*';

type Of<K extends SectionType> = Checked<(typeof SECTIONS)[K]>;

/** A file that could not be read at all: no config, one problem, and a reload keeps everything. */
export function unreadableConfig(file: string, why: string): LoadedConfig {
  return {
    config: { main: mainDefaults(), uplinks: undefined, connections: [], mqtt: [] },
    problems: [{ severity: 'error', file, line: 1, section: undefined, option: undefined, message: `cannot be read: ${why}` }],
    broken: [WHOLE_FILE],
  };
}

function mainDefaults(): MainConfig {
  return { enabled: MOBIKED.enabled.schema.default, logLevel: MOBIKED.log_level.schema.default, nodeId: undefined };
}

function buildMain(all: readonly Of<'mobiked'>[]): MainConfig {
  all.slice(1).forEach((extra) => extra.error(undefined, `there can be one 'mobiked' section only; the first is on line ${all[0]?.section.line ?? 0}`));
  const main = all[0];
  if (!main) return mainDefaults();
  const { values } = main;
  const named = values.node_id === undefined || (values.node_id !== '' && onlyLettersDigitsAnd(values.node_id, '_-'));
  if (!named) main.error('node_id', `${quote(values.node_id ?? '')} may hold only letters, digits, '_' and '-'`);
  return { enabled: values.enabled, logLevel: values.log_level, nodeId: named ? values.node_id : undefined };
}

function buildUplinks(all: readonly Of<'uplink'>[]): UplinkConfig[] {
  const taken = new Map<string, string>();
  const out: UplinkConfig[] = [];
  for (const uplink of all) {
    const { values, section } = uplink;
    const both = values.interface !== undefined && values.device !== undefined;
    if (both) uplink.error('device', "stands beside 'interface'; keep one: 'interface' is netifd's name, 'device' the kernel's");
    if (!both && values.interface === undefined && values.device === undefined && uplink.complete) {
      uplink.error(undefined, "names neither 'interface' nor 'device'; give one, such as: option interface 'wan'");
    }
    const by = values.interface !== undefined ? 'interface' : 'device';
    const name = values[by];
    if (name !== undefined && !onlyLettersDigitsAnd(name, '_-.:@')) uplink.error(by, `${quote(name)} is no ${by} name`);
    const other = taken.get(`${by} ${name}`);
    if (name !== undefined && other !== undefined) uplink.error(by, `${quote(name)} is already the ${by} of uplink '${other}'`);
    taken.set(`${by} ${name}`, section.name);
    const entries = uplink.each('bypass', values.bypass, parseBypass);
    const schedule = uplink.each('schedule', values.schedule, parseSchedule);
    const keepalive = parseKeepalive(values.keepalive);
    if (!keepalive.ok) uplink.error('keepalive', keepalive.error);
    const probing = buildProbing(uplink);
    if (uplink.bad || name === undefined || !keepalive.ok) continue;
    const prefixes = entries.flatMap((entry) => (typeof entry === 'string' ? [] : [entry]));
    const servers = entries.flatMap((entry) => (typeof entry === 'string' ? [entry] : []));
    const { enabled, device, metric, metered } = values;
    out.push({
      name: section.name, enabled, interface: values.interface, device, metric, metered, lastResort: values.last_resort, schedule,
      keepalive: keepalive.value, bypass: { prefixes, servers }, probing,
    });
  }
  return out;
}

function buildProbing(uplink: Of<'uplink'>): ProbingConfig {
  const { probe = [], probe_quorum: quorum, probe_interval: interval, metered } = uplink.values;
  const seen = new Set<string>();
  const targets = uplink.each('probe', probe, (text) => {
    const target = parseProbe(text);
    if (target.ok && seen.has(target.value.text)) return err(`${quote(text)} is listed twice`);
    if (target.ok) seen.add(target.value.text);
    return target;
  });
  if (probe.length > 0 && quorum > probe.length) uplink.error('probe_quorum', `'${quorum}' is more than there are probes (${probe.length}); all of them could answer and not suffice`);
  return { targets, quorum, interval: probeInterval(interval, metered) };
}

function buildMqtt(mqtt: Of<'mqtt'>, readFile: ReadFile): MqttConfig | undefined {
  const { values, section } = mqtt;
  const broker = values.broker === undefined ? undefined : parseBroker(values.broker);
  if (broker && !broker.ok) mqtt.error('broker', broker.error);
  const secret = secretText<'mqtt'>(mqtt, values.password, values.password_file, 'password', 'password_file', readFile);
  const hasPassword = values.password !== undefined || values.password_file !== undefined;
  if (secret?.text === '') mqtt.error(secret.from, 'is empty');
  if (hasPassword && values.username === undefined && !section.options.has('username')) mqtt.error(secret?.from ?? 'password_file', "needs 'username' beside it");
  if (hasPassword && broker?.ok && broker.value.exposed) mqtt.warn('broker', 'the password would cross the Internet in clear text; use mqtts://');
  const content = values.ca === undefined ? undefined : readNamed<'mqtt'>(mqtt, values.ca, 'ca', readFile);
  const ca = content && textOf<'mqtt'>(mqtt, values.ca ?? '', 'ca', content);
  if (ca !== undefined && !ca.includes('-----BEGIN CERTIFICATE-----')) mqtt.error('ca', `${quote(values.ca ?? '')} holds no PEM certificate`);
  const prefix = values.topic_prefix;
  if (prefix === '' || prefix.includes('+') || prefix.includes('#') || prefix.startsWith('/') || prefix.endsWith('/') || prefix.startsWith('$')) {
    mqtt.error('topic_prefix', `${quote(prefix)} is no topic prefix; give words with / between them, without +, # or $ (such as 'mobiked')`);
  }
  if (mqtt.bad || !broker?.ok || (hasPassword && !secret) || (values.ca !== undefined && ca === undefined)) return undefined;
  const { tls, host, port } = broker.value;
  return {
    name: section.name, enabled: values.enabled, tls, host, port, ca, username: values.username,
    password: secret && new Secret(toUtf8(secret.text)), topicPrefix: prefix, interval: seconds(values.interval), via: values.via, queue: values.queue,
  };
}

interface Claim {
  readonly child: Of<'child'>;
  readonly connection: string;
  readonly index: number;
  readonly text: string;
  readonly start: IpAddress;
  readonly end: IpAddress;
}

/** Warns where two enabled connections claim the same remote addresses. One pass over the claims in address order. */
function warnOverlaps(claims: Claim[]): void {
  claims.sort((a, b) => compareIp(a.start, b.start) || compareIp(b.end, a.end));
  const warned = new Set<Of<'child'>>();
  // Of what began earlier: the claim that reaches furthest, and the one that does so among other connections.
  let first: Claim | undefined;
  let second: Claim | undefined;
  for (const claim of claims) {
    const other = first?.connection !== claim.connection ? first : second;
    if (other && ipFamily(other.end) === ipFamily(claim.start) && compareIp(other.end, claim.start) >= 0) {
      const [late, early] = claim.child.section.line > other.child.section.line ? [claim, other] : [other, claim];
      if (!warned.has(late.child)) late.child.warn('remote_ts', `${quote(late.text)} overlaps ${quote(early.text)} of child '${early.child.section.name}' in connection '${early.connection}'; only one of them can get the traffic`, late.index);
      warned.add(late.child);
    }
    if (!first || compareIp(claim.end, first.end) > 0) {
      if (first && first.connection !== claim.connection) second = first;
      first = claim;
    } else if (claim.connection !== first.connection && (!second || compareIp(claim.end, second.end) > 0)) second = claim;
  }
}

/**
 * Checks a configuration and builds what is good of it; never throws, reports everything at once in the order of lines.
 * @param file name for the problems only.
 * @param reader the platform's X.509; without it certificates and keys are taken unseen.
 */
export function loadConfig(text: string, file: string, readFile: ReadFile, reader?: CredentialReader): LoadedConfig {
  const document = parseUci(text);
  const report = new Report(file);
  for (const { severity, section, line, option, message } of document.problems) report.add(severity, section, line, option, message);
  const of = <K extends SectionType>(type: K): Of<K>[] => document.sections.filter((section) => section.type === type).map((section) => checkSection(type, section, report));
  for (const section of document.sections) if (!Object.hasOwn(SECTIONS, section.type)) warnUnknown(section, report);

  const mains = of('mobiked');
  const uplinks = of('uplink');
  const connections = of('connection');
  const children = of('child');
  const mqtts = of('mqtt');

  const main = buildMain(mains);
  const uplinkConfigs = buildUplinks(uplinks);
  const uplinkNames = uplinks.length === 0 ? undefined : new Set(uplinks.map((uplink) => uplink.section.name));
  const byName = new Map(connections.map((connection) => [connection.section.name, connection]));
  const built = new Map<string, ChildConfig[]>();
  const named = new Set(children.map((child) => child.values.connection));
  /** A child without a known connection may be the one a connection misses. */
  const strays = children.some((child) => child.values.connection === undefined || !byName.has(child.values.connection));
  const claims: Claim[] = [];
  for (const child of children) {
    const config = buildChild(child, byName);
    if (!config) continue;
    const siblings = built.get(config.connection);
    if (siblings) siblings.push(config);
    else built.set(config.connection, [config]);
    if (byName.get(config.connection)?.values.enabled === true) {
      // Pools may be shared: what each peer gets of them is its own.
      if (child.section.options.has('remote_ts')) config.remoteTs.forEach((prefix, index) => claims.push({ child, connection: config.connection, index, text: child.values.remote_ts?.[index] ?? '', ...prefixRange(prefix) }));
    }
  }
  warnOverlaps(claims);
  const broken = new Set<string>();
  const connectionConfigs: ConnectionConfig[] = [];
  for (const connection of connections) {
    const { section } = connection;
    const config = buildConnection(connection, uplinkNames, readFile, reader);
    if (!named.has(section.name) && connection.complete && !strays) connection.error(undefined, `has no child section; add: config child, with option connection '${section.name}'`);
    const own = built.get(section.name) ?? [];
    const echo = config?.echoAddress;
    if (echo !== undefined && own.length > 0 && !own.some((child) => child.remoteTs.some((ts) => prefixContains(ts, echo)))) connection.error('echo_address', `${quote(echo)} is in no child's remote_ts; nobody there is asked through the tunnel`);
    if (config && own.length > 0 && !connection.bad) connectionConfigs.push({ ...config, children: own });
    else if (!connection.disabled) broken.add(`connection.${section.name}`);
  }
  const mqttConfigs = mqtts.flatMap((mqtt) => buildMqtt(mqtt, readFile) ?? []);
  for (const checked of [...mains, ...uplinks, ...connections, ...children, ...mqtts]) {
    if (checked.bad) broken.add(`${checked.section.type}.${checked.section.name}`);
  }
  if (document.sections.length === 0 && report.problems.some((problem) => problem.severity === 'error')) broken.add(WHOLE_FILE);
  return {
    config: { main, uplinks: uplinks.length === 0 ? undefined : uplinkConfigs, connections: connectionConfigs, mqtt: mqttConfigs } satisfies Config,
    problems: report.problems.map((problem, at) => ({ problem, at })).sort((a, b) => a.problem.line - b.problem.line || a.at - b.at).map(({ problem }) => problem),
    broken: [...broken],
  };
}

function warnUnknown(section: UciSection, report: Report): void {
  report.add('warning', section, section.line, undefined, `the section type is unknown and ignored${didYouMean(section.type, Object.keys(SECTIONS))}`);
}
