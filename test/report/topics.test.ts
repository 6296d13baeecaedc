import { test } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { DOCUMENTS, EVENTS, EventLog, availabilityMessage, documentMessage, eventLevel, eventMessage, topicBase, topicPart } from '../../src/report/index.ts';
import type { EventOf } from '../../src/report/index.ts';
import type { EventType } from '../../src/report/index.ts';
import { instant } from '../../src/base/index.ts';
import type { MqttMessage } from '../../src/ports/index.ts';

const FOLDER = 'test/golden/mqtt';
const move = {
  connection: 'hq', from: 'wan 100.64.0.2:4500 -> 198.51.100.1:4500', to: 'wwan 100.65.0.2:4500 -> 198.51.100.1:4500',
  from_uplink: 'wan', to_uplink: 'wwan', reasons: ['address_lost'],
} as const;
const child = { connection: 'hq', child: 'lan' } as const;

/** One of each; does not compile while one is missing. */
const SAMPLES: { readonly [K in EventType]: EventOf<K> } = {
  'daemon.started': { type: 'daemon.started', version: '0.1.0' },
  'daemon.stopping': { type: 'daemon.stopping' },
  'daemon.fault': { type: 'daemon.fault', what: 'broken invariant: window' },
  'config.loaded': { type: 'config.loaded', problems: 2 },
  'uplink.reachability': { type: 'uplink.reachability', uplink: 'wan', state: 'captive', evidence: 'http http://198.51.100.7/generate_204: captive_portal' },
  'uplink.changed': { type: 'uplink.changed', uplink: 'wan', state: 'down', reason: 'no_carrier' },
  'connection.connecting': { type: 'connection.connecting', connection: 'hq', uplink: 'wan', remote: '198.51.100.1' },
  'connection.established': { type: 'connection.established', connection: 'hq', peer: 'hub.example', path: move.from, uplink: 'wan', took_ms: 412 },
  'connection.closed': { type: 'connection.closed', connection: 'hq', reason: 'peer_dead', retry_ms: 2000 },
  'connection.addressed': { type: 'connection.addressed', connection: 'hq', addresses: ['10.99.0.2', 'fd99::2'], dns: ['10.0.0.53'] },
  'path.moving': { type: 'path.moving', ...move },
  'path.moved': { type: 'path.moved', ...move, took_ms: 87 },
  'path.doubtful': { type: 'path.doubtful', connection: 'hq', path: move.from, uplink: 'wan', unanswered: 2 },
  'nat.mapping_changed': { type: 'nat.mapping_changed', connection: 'hq', path: move.from, uplink: 'wan' },
  'child.established': { type: 'child.established', ...child },
  'child.rekeyed': { type: 'child.rekeyed', ...child },
  'child.closed': { type: 'child.closed', ...child, reason: 'deleted by peer' },
  'ike.rekeyed': { type: 'ike.rekeyed', connection: 'hq' },
  'kernel.failed': { type: 'kernel.failed', what: 'route.add 10.0.0.0/24', errno: 101 },
  'events.dropped': { type: 'events.dropped', count: 500 },
};

function golden(name: string, source: string, message: MqttMessage): void {
  const path = `${FOLDER}/${name}.json`;
  const payload: unknown = message.payload.startsWith('{') ? JSON.parse(message.payload) : message.payload;
  const text = `${JSON.stringify({ source, topic: message.topic, qos: message.qos, retain: message.retain, payload }, null, 2)}\n`;
  if (process.env['GOLDEN'] === 'write') writeFileSync(path, text);
  assert.ok(existsSync(path), `${path} is missing: GOLDEN=write makes it, then read it`);
  assert.equal(text, readFileSync(path, 'utf8'));
}

const log = (): EventLog => {
  const made = new EventLog('5f3a9c01', instant(1000));
  made.setWall(1_709_208_000_000, true); // 2024-02-29T12:00:00Z
  return made;
};

const BASE = topicBase('mobiked', 'router-1');

for (const type of Object.keys(EVENTS) as EventType[]) {
  test(`golden: event ${type}`, () => {
    golden(type, 'event table of src/report/topics.ts', eventMessage(BASE, log().record(SAMPLES[type], instant(4250))));
    assert.ok(['error', 'warn', 'info', 'debug'].includes(eventLevel(type)));
  });
}

test('golden: availability and documents', () => {
  golden('availability.online', 'MQTT conventions: availability survives a failover', availabilityMessage(BASE, true));
  golden('availability.offline', 'Last Will and clean stop', availabilityMessage(BASE, false));
  const stamp = log().stamp(instant(4250));
  golden('state', 'retained document', documentMessage(BASE + DOCUMENTS.state(), { version: '0.1.0' }, stamp));
  golden('uplink', 'retained document', documentMessage(BASE + DOCUMENTS.uplink('wan'), { up: true, rtt_ms: 21 }, stamp));
  golden('connection', 'retained document', documentMessage(BASE + DOCUMENTS.connection('hq'), { state: 'established' }, stamp));
  golden('explanation', 'retained document', documentMessage(BASE + DOCUMENTS.explanation('hq'), { connection: 'hq', chosen: 'wan', why: 'wan is in use: it is the only uplink that can be' }, stamp));
  golden('removed', 'a thing that is gone: empty retained payload', documentMessage(BASE + DOCUMENTS.uplink('lte'), undefined, stamp));
});

test('every golden belongs to an event or a document', () => {
  const known = new Set([...Object.keys(EVENTS), 'availability.online', 'availability.offline', 'state', 'uplink', 'connection', 'explanation', 'removed']);
  assert.deepEqual(readdirSync(FOLDER).map((name) => name.replace('.json', '')).filter((name) => !known.has(name)), []);
});

test('event payloads are flat, and their numbers carry units', () => {
  for (const type of Object.keys(EVENTS) as EventType[]) {
    const payload = JSON.parse(eventMessage(BASE, log().record(SAMPLES[type], instant(0))).payload) as { [key: string]: unknown };
    for (const [key, value] of Object.entries(payload)) {
      assert.ok(key === 'reasons' ? Array.isArray(value) : ['string', 'number', 'boolean'].includes(typeof value), `${type}.${key}`);
      if (typeof value === 'number' && !['seq', 'count', 'problems', 'errno', 'unanswered'].includes(key)) assert.ok(key.endsWith('_ms'), `${type}.${key}`);
    }
    assert.equal(payload['text'], log().record(SAMPLES[type], instant(0)).text);
  }
});

test('no name can hold a separator or a wildcard of MQTT', () => {
  assert.equal(topicPart('eth0.2/+#\u0000é𝄞'), 'eth0_2______');
  assert.equal(topicPart(''), '_');
  assert.equal(topicPart('Ab-9_z'), 'Ab-9_z');
  assert.equal(topicBase('/site/a+b//', 'r#1'), 'site/a_b/r_1/');
  assert.equal(topicBase('', 'r1'), 'r1/');
  assert.equal(DOCUMENTS.uplink('a/b'), 'uplink/a_b');
});
