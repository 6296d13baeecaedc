import { sameBytes, Secret } from '../base/index.ts';
import { WHOLE_FILE } from './load.ts';
import { SECTIONS, type OptionTable, type Reload, type SectionType } from './options.ts';
import type { ChildConfig, Config, ConnectionConfig, LoadedConfig, UplinkConfig } from './types.ts';

/** What is different about one named thing. `options` are UCI names; `how` is the strongest need among them. */
export interface Change {
  readonly name: string;
  readonly kind: 'added' | 'removed' | 'changed';
  readonly how: Reload;
  readonly options: readonly string[];
}

/** A connection's change; `children` names the children behind it (a child's change is in `how` too). */
export interface ConnectionChange extends Change {
  readonly children: readonly Change[];
}

export interface ConfigDifference {
  readonly main: Change | undefined;
  readonly uplinks: readonly Change[];
  readonly connections: readonly ConnectionChange[];
  readonly mqtt: readonly Change[];
}

/** Compares values of a config: primitives, octets, secrets, lists and plain objects. Depth is that of the type. */
function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (a instanceof Secret || b instanceof Secret) return a instanceof Secret && b instanceof Secret && sameBytes(a.reveal(), b.reveal());
  if (a instanceof Uint8Array || b instanceof Uint8Array) return a instanceof Uint8Array && b instanceof Uint8Array && sameBytes(a, b);
  if (Array.isArray(a) || Array.isArray(b)) return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((value, i) => same(value, b[i]));
  const [left, right] = [a as { [key: string]: unknown }, b as { [key: string]: unknown }];
  const keys = Object.keys(left);
  return keys.length === Object.keys(right).length && keys.every((key) => Object.hasOwn(right, key) && same(left[key], right[key]));
}

/** The field `name` of a typed section; `auth.chain` is the field `chain` of the field `auth`. */
function fieldOf(section: object, name: string): unknown {
  let value: unknown = section;
  for (const part of name.split('.')) value = typeof value === 'object' && value !== null ? (value as { [key: string]: unknown })[part] : undefined;
  return value;
}

/** UCI options of a section type whose fields differ between two typed forms of it. */
function changedOptions(type: SectionType, before: object, now: object): string[] {
  const table: OptionTable = SECTIONS[type];
  return Object.keys(table).filter((name) => table[name]?.fields.some((field) => !same(fieldOf(before, field), fieldOf(now, field))));
}

function strongest(type: SectionType, options: readonly string[]): Reload {
  const table: OptionTable = SECTIONS[type];
  return options.some((name) => table[name]?.reload === 'reconnect') ? 'reconnect' : 'live';
}

/** Differences of two lists of named things. */
function compareNamed<T extends { readonly name: string }>(type: SectionType, before: readonly T[], now: readonly T[]): { change: Change; before: T | undefined; now: T | undefined }[] {
  const out: { change: Change; before: T | undefined; now: T | undefined }[] = [];
  const old = new Map(before.map((item) => [item.name, item]));
  const fresh = new Map(now.map((item) => [item.name, item]));
  for (const item of before) if (!fresh.has(item.name)) out.push({ change: { name: item.name, kind: 'removed', how: 'reconnect', options: [] }, before: item, now: undefined });
  for (const item of now) {
    const was = old.get(item.name);
    if (!was) {
      out.push({ change: { name: item.name, kind: 'added', how: 'reconnect', options: [] }, before: undefined, now: item });
      continue;
    }
    const options = changedOptions(type, was, item);
    out.push({ change: { name: item.name, kind: 'changed', how: strongest(type, options), options }, before: was, now: item });
  }
  return out;
}

const told = (change: Change): boolean => change.kind !== 'changed' || change.options.length > 0;

/** Tells what a reload must do; things that did not change are not in it. */
export function configDifference(before: Config, now: Config): ConfigDifference {
  const mainOptions = changedOptions('mobiked', before.main, now.main);
  const connections: ConnectionChange[] = [];
  for (const { change, before: was, now: is } of compareNamed<ConnectionConfig>('connection', before.connections, now.connections)) {
    const children = was && is ? compareNamed<ChildConfig>('child', was.children, is.children).map((entry) => entry.change).filter(told) : [];
    const how = children.some((child) => child.how === 'reconnect') ? 'reconnect' : change.how;
    if (told(change) || children.length > 0) connections.push({ ...change, how, children });
  }
  // From no uplink section at all to some, or back, is a change of the whole list: it shows as added or removed names.
  const uplinks = compareNamed<UplinkConfig>('uplink', before.uplinks ?? [], now.uplinks ?? []).map((entry) => entry.change).filter(told);
  return {
    main: mainOptions.length > 0 ? { name: 'main', kind: 'changed', how: strongest('mobiked', mainOptions), options: mainOptions } : undefined,
    uplinks,
    connections,
    mqtt: compareNamed('mqtt', before.mqtt, now.mqtt).map((entry) => entry.change).filter(told),
  };
}

/** Puts the last good form of every broken section in its place, so that a typing error stops nothing that runs. */
export function keepLastGood(previous: Config, loaded: LoadedConfig): Config {
  if (loaded.broken.includes(WHOLE_FILE)) return previous;
  const names = (type: SectionType): string[] => loaded.broken.filter((entry) => entry.startsWith(`${type}.`)).map((entry) => entry.slice(type.length + 1));
  const { config } = loaded;
  const keep = <T extends { readonly name: string }>(type: SectionType, before: readonly T[], now: readonly T[]): T[] => {
    const broken = names(type);
    return [...now, ...before.filter((item) => broken.includes(item.name) && !now.some((other) => other.name === item.name))];
  };
  const brokenChildren = names('child');
  const connections = keep('connection', previous.connections, config.connections).map((connection) => {
    const before = previous.connections.find((other) => other.name === connection.name);
    const kept = before === connection || !before ? [] : before.children.filter((child) => brokenChildren.includes(child.name) && !connection.children.some((other) => other.name === child.name));
    return kept.length > 0 ? { ...connection, children: [...connection.children, ...kept] } : connection;
  });
  // Every uplink section is broken and before there was none: all interfaces are still the last good answer.
  const uplinks = config.uplinks?.length === 0 && previous.uplinks === undefined && names('uplink').length > 0 ? undefined : config.uplinks && keep('uplink', previous.uplinks ?? [], config.uplinks);
  return {
    main: names('mobiked').length > 0 ? previous.main : config.main,
    uplinks,
    connections,
    mqtt: keep('mqtt', previous.mqtt, config.mqtt),
  };
}
