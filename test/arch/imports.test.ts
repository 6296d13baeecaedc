// Which room may import which. The table below is the architecture; src/README.md draws it.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { hasCode, importsOf } from './syntax.ts';
import { exists, roomOf, sources } from './tree.ts';

/** `values`: anything the door exports; `types`: only `import type`, which leaves nothing behind when the code runs. */
type Use = 'values' | 'types';
interface Room {
  readonly may: { readonly [room: string]: Use };
  /** Node's modules, and packages of npm by name. */
  readonly outside?: readonly string[];
}

const TABLE: { readonly [room: string]: Room } = {
  base: { may: {} },
  'codec/control': { may: { base: 'values' } },
  'codec/dns': { may: { base: 'values' } },
  'codec/http': { may: { base: 'values' } },
  'codec/ike': { may: { base: 'values' } },
  'codec/netlink': { may: { base: 'values' } },
  'codec/ubus': { may: { base: 'values' } },
  crypto: { may: { base: 'values' } },
  config: { may: { base: 'values' } },
  // The policy knows nothing of IKE, and IKE picks no uplink: they meet in `daemon` only.
  uplink: { may: { base: 'values' } },
  ike: { may: { base: 'values', 'codec/ike': 'values', crypto: 'values' } },
  // Ports are named in the words of the rooms that own them: selectors are IKE's, the broker's settings are the configuration's.
  ports: { may: { base: 'types', 'codec/ike': 'types', config: 'types' } },
  // Selectors are IKE's payload as it is; the plane's inputs and effects are the port's.
  esp: { may: { base: 'values', 'codec/ike': 'types', crypto: 'types', ports: 'types' } },
  // Its operations are the effects of the kernel port.
  kernel: { may: { base: 'values', ports: 'types' } },
  // Settings of the broker; the effects and inputs of the MQTT port. Of ike and uplink it needs nothing: events carry plain values.
  report: { may: { base: 'values', config: 'types', ports: 'types' } },
  daemon: {
    may: {
      base: 'values', 'codec/control': 'values', 'codec/ike': 'types', 'codec/ubus': 'values', config: 'values', crypto: 'types', ike: 'values', kernel: 'values',
      ports: 'types', report: 'values', uplink: 'values',
    },
  },
  'adapters/node': {
    // `config` for the level names of the log; `codec/ike` for the selectors of an SA.
    may: {
      base: 'values', 'codec/control': 'values', 'codec/dns': 'values', 'codec/http': 'values', 'codec/ike': 'types', 'codec/netlink': 'values',
      'codec/ubus': 'values', config: 'types',
      crypto: 'values', ports: 'types',
    },
    outside: ['node:', 'mqtt', 'netlink'],
  },
  // `mobikectl` is a program of its own here: it speaks `codec/control` and needs no daemon.
  main: {
    // `ike` judges the certificates of the configuration by the rules of the protocol, named in its words.
    may: {
      'adapters/node': 'values', base: 'values', 'codec/control': 'values', 'codec/ike': 'values', config: 'values', crypto: 'types', daemon: 'values', ike: 'values',
      ports: 'types', report: 'values',
    },
    outside: ['node:'],
  },
};

/** `mqtt/lib/client` is of the package `mqtt`, `node:fs` of `node:`. */
const packageOf = (name: string): string => (name.startsWith('node:') ? 'node:' : name.split('/').slice(0, name.startsWith('@') ? 2 : 1).join('/'));

test('architecture 1.2: every folder of src is a room of the table, and every room exists', () => {
  assert.deepEqual([...new Set(sources().map(roomOf))].sort(), Object.keys(TABLE).sort());
});

test('architecture 1.2: a room imports what the table allows, through doors', () => {
  const faults: string[] = [];
  for (const path of sources()) {
    const room = roomOf(path);
    for (const { line, target, relative, typesOnly } of importsOf(path)) {
      const fault = (why: string): unknown => faults.push(`${path}:${line}: ${why}`);
      if (!relative) {
        if (!TABLE[room]?.outside?.includes(packageOf(target))) fault(`${room} must not import ${target}`);
        continue;
      }
      const other = roomOf(target);
      if (!target.startsWith('src/') || !exists(target)) fault(`${target} is no source file`);
      else if (other === room) {
        if (target.endsWith('/index.ts')) fault('a room does not import its own door');
      } else if (target !== `src/${other}/index.ts`) fault(`${other} is entered by its door only, not by ${target}`);
      else {
        const use = TABLE[room]?.may[other];
        if (use === undefined) fault(`${room} must not import ${other}`);
        else if (use === 'types' && !typesOnly) fault(`${room} may import types only of ${other} (import type)`);
      }
    }
  }
  assert.deepEqual(faults, []);
});

test('architecture 1.2: the table allows nothing that is not used', () => {
  const used = new Set<string>();
  for (const path of sources()) {
    for (const { target, relative, typesOnly } of importsOf(path)) {
      if (!relative) used.add(`${roomOf(path)} -> ${packageOf(target)}`);
      else {
        used.add(`${roomOf(path)} -> ${roomOf(target)} (types)`);
        if (!typesOnly) used.add(`${roomOf(path)} -> ${roomOf(target)} (values)`);
      }
    }
  }
  const allowed = Object.entries(TABLE).flatMap(([room, { may, outside = [] }]) => [
    ...Object.entries(may).map(([other, use]) => `${room} -> ${other} (${use})`), ...outside.map((name) => `${room} -> ${name}`),
  ]);
  assert.deepEqual(allowed.filter((arrow) => !used.has(arrow)), []);
});

/** What is left of a graph when those that wait for nothing are taken away, again and again: its circles, and what leads to them. */
function circles(graph: ReadonlyMap<string, Iterable<string>>): string[] {
  const open = new Map([...graph].map(([node, targets]) => [node, new Set([...targets].filter((target) => graph.has(target)))]));
  for (let found = true; found;) {
    found = false;
    for (const [node, waits] of open) {
      if (waits.size > 0) continue;
      open.delete(node);
      for (const others of open.values()) others.delete(node);
      found = true;
    }
  }
  return [...open].map(([node, waits]) => `${node} -> ${[...waits].join(', ')}`);
}

test('architecture 1.2: rooms form no circle', () => {
  assert.deepEqual(circles(new Map(Object.entries(TABLE).map(([room, { may }]) => [room, Object.keys(may)]))), []);
});

/** Rooms whose files may load each other in a circle: only functions are used across, after all are loaded. */
const CIRCLES: ReadonlySet<string> = new Set([
  // Exchanges hand over to each other (IKE_SA_INIT to IKE_AUTH to CREATE_CHILD_SA), and an SA calls the tasks that call it.
  'ike',
]);

test('files of a room do not load each other in a circle: one would read a constant of another before it is set', () => {
  const graph = new Map(sources().filter((path) => !CIRCLES.has(roomOf(path))).map((path) => [path, importsOf(path).filter((i) => i.relative && !i.typesOnly).map((i) => i.target)]));
  assert.deepEqual(circles(graph), []);
});

test('ports are interfaces only: no code is left when types are erased', () => {
  assert.deepEqual(sources().filter((path) => roomOf(path) === 'ports' && hasCode(path)), []);
});
