/**
 * What mobikectl prints for people. The documents come from the daemon over a socket, so nothing here relies on a field
 * being there or having its type, and control characters do not reach the terminal.
 */
import { printable, type Json, type JsonObject } from '../base/index.ts';
import type { Command } from '../codec/control/index.ts';

const EMPTY: JsonObject = {};
const ABSENT = '-';

const isObject = (value: Json | undefined): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);
const object = (value: Json | undefined): JsonObject => (isObject(value) ? value : EMPTY);
const list = (value: Json | undefined): readonly Json[] => (Array.isArray(value) ? (value as readonly Json[]) : []);
const number = (value: Json | undefined): number | undefined => (typeof value === 'number' ? value : undefined);
const field = (value: JsonObject, key: string): Json | undefined => (Object.hasOwn(value, key) ? value[key] : undefined);

function text(value: Json | undefined): string {
  if (typeof value === 'string') return value === '' ? ABSENT : printable(value);
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return ABSENT;
}

const words = (value: Json | undefined, between = ', '): string => list(value).map(text).join(between) || ABSENT;
const has = (value: JsonObject, key: string): boolean => text(field(value, key)) !== ABSENT;

/** `850 ms`, `12s`, `3m 04s`, `2h 05m`, `4d 06h`. */
export function duration(ms: number | undefined): string {
  if (ms === undefined || !Number.isFinite(ms)) return ABSENT;
  if (ms < 0) return `-${duration(-ms)}`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const two = (value: number): string => String(value).padStart(2, '0');
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m ${two(seconds % 60)}s`;
  const hours = Math.floor(minutes / 60);
  return hours < 24 ? `${hours}h ${two(minutes % 60)}m` : `${Math.floor(hours / 24)}d ${two(hours % 24)}h`;
}

/** A span in milliseconds as measured: one digit below 10 ms. */
function milliseconds(ms: number | undefined): string {
  return ms === undefined ? ABSENT : `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

/** `1,234,567`. */
function grouped(count: number | undefined): string {
  if (count === undefined) return ABSENT;
  const digits = String(Math.trunc(count));
  let out = '';
  for (let i = 0; i < digits.length; i++) out += (i > 0 && (digits.length - i) % 3 === 0 ? ',' : '') + digits.charAt(i);
  return out;
}

/** `512 B`, `1.5 KiB`, `20 MiB`. */
export function octets(count: number | undefined): string {
  if (count === undefined) return ABSENT;
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = count;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit] ?? ''}`;
}

const spi = (value: Json | undefined): string => (typeof value === 'number' ? value.toString(16).padStart(8, '0') : text(value));

/** Columns that end where the longest entry ends; a heading that begins with `>` makes its column right-aligned. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const right = headings.map((heading) => heading.startsWith('>'));
  const all = [headings.map((heading, i) => (right[i] ? heading.slice(1) : heading)), ...rows];
  const width = headings.map((_, i) => Math.max(...all.map((row) => [...(row[i] ?? '')].length)));
  return all.map((row) =>
    headings.map((_, i) => {
      const cell = row[i] ?? '';
      const pad = ' '.repeat((width[i] ?? 0) - [...cell].length);
      return right[i] ? pad + cell : cell + pad;
    }).join('  ').trimEnd(),
  );
}

function pathText(path: Json | undefined): string {
  if (!isObject(path)) return ABSENT;
  return `${text(field(path, 'local'))} -> ${text(field(path, 'remote'))}`;
}

const flag = (value: Json | undefined): string => (value === true ? 'yes' : value === false ? 'no' : ABSENT);

function uplinkTable(uplinks: readonly Json[]): string[] {
  if (uplinks.length === 0) return ['no uplinks'];
  return table(['UPLINK', 'DEVICE', 'STATE', '>METRIC', 'METERED', 'ADDRESSES', 'USED BY'], uplinks.map(object).map((uplink) => [
    text(field(uplink, 'name')), text(field(uplink, 'device')), stateText(uplink), text(field(uplink, 'metric')), flag(field(uplink, 'metered')),
    words(field(uplink, 'addresses'), ' '), words(field(uplink, 'used_by'), ' '),
  ]));
}

/** `48s (learned: 55s are safe, 61s are not)`. */
function keepaliveText(keepalive: JsonObject): string {
  const span = (key: string): string | undefined => {
    const ms = number(field(keepalive, key));
    return ms === undefined ? undefined : duration(ms);
  };
  const [safe, tooLong] = [span('safe_ms'), span('too_long_ms')];
  const known = [safe === undefined ? '' : `${safe} is safe`, tooLong === undefined ? '' : `${tooLong} is too long`].filter((part) => part !== '').join(', ');
  const state = text(field(keepalive, 'state'));
  return `${span('interval_ms') ?? ABSENT} (${state}${known === '' || state === 'given' ? '' : `: ${known}`})`;
}

/** How the tunnel's packets travel. */
const ESP_FORMS: { readonly [encapsulation: string]: string } = { udp: 'ESP in UDP', none: 'plain ESP' };

/** What is known of the NATs; no line where a daemon says nothing of it. */
function keepaliveLines(uplinks: readonly Json[]): string[] {
  const rows = uplinks.map(object).filter((uplink) => isObject(field(uplink, 'keepalive'))).map((uplink) => [text(field(uplink, 'name')), keepaliveText(object(field(uplink, 'keepalive')))]);
  return rows.length === 0 ? [] : ['', ...table(['UPLINK', 'KEEPALIVE WHERE A NAT IS'], rows)];
}

/** What may leave in clear text although a tunnel covers it; no line where nothing may. */
function besideLines(uplinks: readonly Json[]): string[] {
  const lists = uplinks.map(object).filter((uplink) => list(field(uplink, 'bypass')).length > 0);
  if (lists.length === 0) return [];
  return ['', ...table(['UPLINK', 'BESIDE THE TUNNELS, IN CLEAR TEXT'], lists.map((uplink) => [text(field(uplink, 'name')), words(field(uplink, 'bypass'), ' ')]))];
}

/** The state, with the reason when there is one to tell. */
function stateText(document: JsonObject): string {
  const state = text(field(document, 'state'));
  const reason = text(field(document, 'reason'));
  return reason === ABSENT || reason === state ? state : `${state} (${reason})`;
}

/** What the configured targets say of each uplink; nothing where none are configured. */
function probeLines(uplinks: readonly Json[]): string[] {
  const rows = uplinks.map(object).filter((uplink) => isObject(field(uplink, 'probes'))).flatMap((uplink) => {
    const probes = object(field(uplink, 'probes'));
    return list(field(probes, 'targets')).map(object).map((target, at) => [
      at === 0 ? text(field(uplink, 'name')) : '', at === 0 ? text(field(probes, 'state')) : '', text(field(target, 'target')), text(field(target, 'outcome')),
      milliseconds(number(field(target, 'rtt_ms'))), duration(number(field(target, 'last_ms'))),
    ]);
  });
  return rows.length === 0 ? [] : ['', ...table(['UPLINK', 'PROBES', 'TARGET', 'LAST', '>RTT', '>AGO'], rows)];
}

function uplinksText(data: Json): string[] {
  const uplinks = list(data);
  const paths = uplinks.map(object).flatMap((uplink) => list(field(uplink, 'paths')).map(object).map((path) => [
    text(field(uplink, 'name')), text(field(path, 'connection')), stateText(path), milliseconds(number(field(path, 'rtt_ms'))), duration(number(field(path, 'last_answer_ms'))),
  ]));
  return [...uplinkTable(uplinks), ...(paths.length === 0 ? [] : ['', ...table(['UPLINK', 'CONNECTION', 'PATH', '>RTT', '>LAST ANSWER'], paths)]), ...keepaliveLines(uplinks), ...probeLines(uplinks), ...besideLines(uplinks)];
}

function connectionTable(connections: readonly Json[]): string[] {
  if (connections.length === 0) return ['no connections'];
  return table(['CONNECTION', 'STATE', 'UPLINK', 'PATH', 'NAT', 'MOBIKE', '>UP FOR', '>CHILDREN'], connections.map(object).map((connection) => [
    text(field(connection, 'name')), stateText(connection), text(field(connection, 'uplink')), pathText(field(connection, 'path')), text(field(connection, 'nat')),
    flag(field(connection, 'mobike')), duration(number(field(connection, 'established_ms'))), String(list(field(connection, 'children')).length),
  ]));
}

/** Where the user's wish holds, and for how long; no line where there is none. */
function wishLines(connections: readonly Json[]): string[] {
  const wishes = connections.map(object).filter((connection) => has(connection, 'forced'));
  if (wishes.length === 0) return [];
  return ['', ...table(['CONNECTION', 'CHOSEN BY THE USER', '>FOR ANOTHER'], wishes.map((connection) => [text(field(connection, 'name')), text(field(connection, 'forced')), duration(number(field(connection, 'forced_ms')))]))];
}

function rekeyText(document: JsonObject): string {
  const left = number(field(document, 'rekey_ms'));
  return left === undefined ? '' : `, rekey in ${duration(left)}`;
}

function childText(child: JsonObject): string[] {
  const traffic = (packets: string, bytes: string): string => `${grouped(number(field(child, packets)))} packets, ${octets(number(field(child, bytes)))}`;
  return [
    `  child ${text(field(child, 'name'))}: ${stateText(child)}${has(child, 'proposal') ? `, ${text(field(child, 'proposal'))}` : ''}${rekeyText(child)}`,
    `    local    ${words(field(child, 'local_ts'))}`,
    `    remote   ${words(field(child, 'remote_ts'))}`,
    `    in       spi ${spi(field(child, 'spi_in'))}, ${traffic('rx_packets', 'rx_bytes')}`,
    `    out      spi ${spi(field(child, 'spi_out'))}, ${traffic('tx_packets', 'tx_bytes')}`,
  ];
}

const AUTH_WORDS: { readonly [auth: string]: string } = {
  psk: 'pre-shared key', cert: 'certificates', 'psk, peer cert': 'pre-shared key, the peer a certificate', 'cert, peer psk': 'certificate, the peer the pre-shared key',
};

function connectionText(connection: JsonObject): string[] {
  const established = number(field(connection, 'established_ms'));
  const ike = field(connection, 'ike');
  const out = [`${text(field(connection, 'name'))}: ${text(field(connection, 'role'))}, ${stateText(connection)}${established === undefined ? '' : ` for ${duration(established)}`}`];
  if (has(connection, 'peer')) out.push(`  peer       ${text(field(connection, 'peer'))}`);
  if (has(connection, 'remote')) out.push(`  remote     ${text(field(connection, 'remote'))}`);
  if (isObject(field(connection, 'path'))) {
    const uplink = text(field(object(field(connection, 'path')), 'uplink'));
    const nat = text(field(connection, 'nat'));
    const mtu = number(field(object(field(connection, 'path')), 'mtu'));
    const carried = ESP_FORMS[text(field(connection, 'encapsulation'))];
    const more = [
      nat === ABSENT ? undefined : `NAT ${nat}`, carried, field(connection, 'mobike') === true ? 'MOBIKE' : undefined, mtu === undefined ? undefined : `a router carries ${mtu} octets`,
    ].filter((part) => part !== undefined);
    out.push(`  path       ${[`${uplink}: ${pathText(field(connection, 'path'))}`, ...more].join(', ')}`);
  }
  if (has(connection, 'auth')) out.push(`  auth       ${AUTH_WORDS[text(field(connection, 'auth'))] ?? text(field(connection, 'auth'))}`);
  if (list(field(connection, 'virtual_ips')).length > 0) {
    const dns = list(field(connection, 'virtual_dns'));
    out.push(`  virtual    ${words(field(connection, 'virtual_ips'))}${dns.length === 0 ? '' : `, name servers ${words(dns)}`}`);
  }
  if (isObject(ike)) out.push(`  ike        ${text(field(ike, 'proposal'))}, spi ${text(field(ike, 'spi_i'))} / ${text(field(ike, 'spi_r'))}${rekeyText(ike)}`);
  return [...out, ...list(field(connection, 'children')).map(object).flatMap(childText)];
}

function connectionsText(data: Json): string[] {
  const connections = list(data).map(object);
  if (connections.length === 0) return ['no connections'];
  return connections.flatMap((connection, i) => [...(i === 0 ? [] : ['']), ...connectionText(connection)]);
}

function statusText(data: Json): string[] {
  const status = object(data);
  const out = [
    `mobiked ${text(field(status, 'version'))} on ${text(field(status, 'node_id'))}, up for ${duration(number(field(status, 'uptime_ms')))}, data plane ${text(field(status, 'dataplane'))}`,
    '', ...connectionTable(list(field(status, 'connections'))), ...wishLines(list(field(status, 'connections'))), '', ...uplinkTable(list(field(status, 'uplinks'))), ...besideLines(list(field(status, 'uplinks'))),
  ];
  const mqtt = list(field(status, 'mqtt')).map(object);
  if (mqtt.length > 0) {
    const rows = mqtt.map((broker) => [text(field(broker, 'name')), stateText(broker), grouped(number(field(broker, 'queued'))), grouped(number(field(broker, 'dropped')))]);
    out.push('', ...table(['MQTT', 'STATE', '>QUEUED', '>DROPPED'], rows));
  }
  return out;
}

/** One event on one line: when, its number, what happened. */
export function eventText(data: Json): string {
  const event = object(data);
  const uptime = number(field(event, 'uptime_ms'));
  const unsynced = field(event, 'time_synced') === false && uptime !== undefined;
  const when = unsynced ? `+${(uptime / 1000).toFixed(3)}s` : text(field(event, 'time'));
  const what = has(event, 'text') ? text(field(event, 'text')) : text(field(object(field(event, 'event')), 'type'));
  return `${when.padEnd(24)}  ${text(field(event, 'seq')).padStart(5)}  ${what}`;
}

/** Why the current path is the current path, what each other lacks, and the last decisions, newest first. */
function explanationText(explanation: JsonObject): string[] {
  const chosen = text(field(explanation, 'chosen'));
  const uplinks = list(field(explanation, 'uplinks')).map(object).map((uplink) => `${chosen !== ABSENT && text(field(uplink, 'name')) === chosen ? '*' : ' '} ${text(field(uplink, 'text'))}`);
  const decisions = list(field(explanation, 'decisions')).map(object).map((decision) => [`${duration(number(field(decision, 'age_ms')))} ago`, text(field(decision, 'text'))]);
  return [
    `${text(field(explanation, 'connection'))}: ${text(field(explanation, 'why'))}`,
    ...(uplinks.length === 0 ? [] : ['', ...uplinks]),
    ...(decisions.length === 0 ? [] : ['', ...table(['> WHEN', 'DECISION'], decisions)]),
  ];
}

function explainText(data: Json): string[] {
  const all = (isObject(data) ? [data] : list(data)).map(object);
  if (all.length === 0) return ['no connections'];
  return all.flatMap((explanation, i) => [...(i === 0 ? [] : ['']), ...explanationText(explanation)]);
}

/** An action answers with nothing, with a sentence in `text`, or with `problems` of the configuration. */
function actionText(data: Json): string[] {
  const answer = object(data);
  return [...(has(answer, 'text') ? [text(field(answer, 'text'))] : []), ...list(field(answer, 'problems')).map((problem) => (typeof problem === 'string' ? printable(problem, 1024) : text(problem)))];
}

const FORMATS: { readonly [C in Command]: (data: Json) => string[] } = {
  status: statusText,
  uplinks: uplinksText,
  connections: connectionsText,
  events: (data) => list(data).map(eventText),
  explain: explainText,
  up: actionText,
  down: actionText,
  switch: actionText,
  'switch-peers': actionText,
  rekey: actionText,
  reload: actionText,
};

/** The lines people see for the data of a command's reply. */
export function formatReply(command: Command, data: Json): string[] {
  return FORMATS[command](data);
}
