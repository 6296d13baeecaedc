import { test } from 'node:test';
import assert from 'node:assert/strict';
import { configDifference, keepLastGood, loadConfig, unreadableConfig, type Config, type LoadedConfig } from '../../src/config/index.ts';
import { readFile } from './golden.ts';

const BASE = `config mobiked 'main'
	option log_level 'info'
config uplink 'wan'
	option interface 'wan'
config uplink 'lte'
	option interface 'lte'
config connection 'hq'
	list remote_addrs '192.0.2.1'
	option psk 'sixteen octets!!'
	option liveness '60'
config connection 'lab'
	list remote_addrs '192.0.2.2'
	option psk 'sixteen octets!!'
config child 'lan'
	option connection 'hq'
	list local_ts '192.168.1.0/24'
	list remote_ts '10.0.0.0/8'
config child 'lan2'
	option connection 'hq'
	list local_ts '192.168.2.0/24'
	list remote_ts '11.0.0.0/8'
config child 'lablan'
	option connection 'lab'
	list local_ts '192.168.1.0/24'
	list remote_ts '12.0.0.0/8'
config mqtt 'report'
	option broker 'mqtt://192.0.2.9'
	option interval '60'
`;
const load = (text: string): LoadedConfig => loadConfig(text, 'f', readFile);
const before: Config = load(BASE).config;
const edit = (from: string, to: string): string => {
  assert.ok(BASE.includes(from));
  return BASE.replace(from, to);
};
const difference = (text: string): ReturnType<typeof configDifference> => configDifference(before, load(text).config);

test('nothing changed: nothing to do', () => {
  assert.deepEqual(difference(BASE), { main: undefined, uplinks: [], connections: [], mqtt: [] });
  assert.deepEqual(difference(`# moved\n${BASE}`), { main: undefined, uplinks: [], connections: [], mqtt: [] });
});

test('ES3-5: a bypass list is taken over live', () => {
  const [change, ...rest] = difference(edit("option interface 'lte'", "option interface 'lte'\n\tlist bypass 'dns'\n\tlist bypass '192.0.2.53'")).uplinks;
  assert.deepEqual([change, rest], [{ name: 'lte', kind: 'changed', how: 'live', options: ['bypass'] }, []]);
});

test('the table says whether a change needs a new session', () => {
  const changed = (name: string, how: string, options: string[]): object => ({ name, kind: 'changed', how, options });
  assert.deepEqual(difference(edit("log_level 'info'", "log_level 'debug'")).main, changed('main', 'live', ['log_level']));
  assert.deepEqual(difference(edit("option interface 'wan'", "option interface 'wan'\n\toption metric '5'")).uplinks, [changed('wan', 'live', ['metric'])]);
  assert.deepEqual(difference(edit("liveness '60'", "liveness '30'")).connections, [{ ...changed('hq', 'live', ['liveness']), children: [] }]);
  assert.deepEqual(difference(edit('192.0.2.1', '192.0.2.3')).connections, [{ ...changed('hq', 'reconnect', ['remote_addrs']), children: [] }]);
  assert.deepEqual(difference(edit("interval '60'", "interval '30'")).mqtt, [changed('report', 'live', ['interval'])]);
  assert.deepEqual(difference(edit('mqtt://192.0.2.9', 'mqtt://192.0.2.8')).mqtt, [changed('report', 'reconnect', ['broker'])]);
  // A changed key shows as psk and psk_file: the config does not remember where it stood.
  assert.equal(difference(edit('sixteen octets!!', 'sixteen octets??')).connections[0]?.how, 'reconnect');
});

test('added and removed sections, and children behind a connection', () => {
  const [hq] = difference(edit("config child 'lan2'\n\toption connection 'hq'", "config child 'lan3'\n\toption connection 'hq'")).connections;
  assert.equal(hq?.how, 'reconnect');
  assert.deepEqual(hq?.options, []);
  assert.deepEqual(hq?.children.map(({ name, kind }) => `${name} ${kind}`), ['lan2 removed', 'lan3 added']);
  assert.deepEqual(difference(edit("config connection 'lab'", "config connection 'hub'").replace("connection 'lab'", "connection 'hub'")).connections.map(({ name, kind, how }) => `${name} ${kind} ${how}`), ['lab removed reconnect', 'hub added reconnect']);
  assert.deepEqual(difference(edit("config uplink 'lte'\n\toption interface 'lte'\n", '')).uplinks.map(({ name, kind }) => `${name} ${kind}`), ['lte removed']);
});

test('a broken section keeps its last good form, the rest takes the new one', () => {
  const broken = load(edit('192.0.2.1', '192.0.2.1/24').replace("interval '60'", "interval '30'"));
  assert.deepEqual(broken.config.connections.map((c) => c.name), ['lab']);
  const kept = keepLastGood(before, broken);
  assert.deepEqual(kept.connections.map((c) => c.name).sort(), ['hq', 'lab']);
  assert.deepEqual(configDifference(before, kept), { main: undefined, uplinks: [], connections: [], mqtt: [{ name: 'report', kind: 'changed', how: 'live', options: ['interval'] }] });
});

test('every type of section is kept: main, uplink, child, mqtt', () => {
  const texts = [
    edit("log_level 'info'", "log_level 'loud'"),
    edit("option interface 'wan'", "option interface 'wan'\n\toption metric 'x'"),
    edit('11.0.0.0/8', '11.0.0.1/8'),
    edit('12.0.0.0/8', '12.0.0.1/8'),
    edit('mqtt://192.0.2.9', 'tcp://192.0.2.9'),
    edit("config connection 'hq'", "confg connection 'hq'"),
    edit("psk 'sixteen octets!!'", "psk 'sixteen octets!!"),
    edit("config uplink 'lte'\n\toption interface 'lte'", "config uplink 'lte'\n\toption interface 'wan'"),
  ];
  for (const text of texts) {
    const loaded = load(text);
    assert.ok(loaded.problems.length > 0, text);
    const { main, uplinks, connections, mqtt } = configDifference(before, keepLastGood(before, loaded));
    assert.deepEqual([main, uplinks, connections, mqtt], [undefined, [], [], []], text);
  }
});

test('a section that was taken away is not kept, nor one that never was good', () => {
  const gone = keepLastGood(before, load(edit("config mqtt 'report'\n\toption broker 'mqtt://192.0.2.9'\n\toption interval '60'\n", '')));
  assert.deepEqual(gone.mqtt, []);
  const fresh = keepLastGood(before, load(`${BASE}config mqtt 'new'\n\toption broker 'x'\n`));
  assert.deepEqual(fresh.mqtt.map((m) => m.name), ['report']);
});

test('a file that cannot be read or understood at all changes nothing', () => {
  assert.equal(keepLastGood(before, unreadableConfig('f', 'gone')), before);
  assert.equal(keepLastGood(before, load('<html>\n')), before);
  assert.notEqual(keepLastGood(before, load('')), before, 'an empty file is an empty configuration');
});

test('uplinks by default stay when the first uplink sections are all broken', () => {
  const auto = load("config mobiked 'main'\n").config;
  assert.equal(keepLastGood(auto, load("config uplink 'wan'\n\toption interfce 'wan'\n")).uplinks, undefined);
  assert.deepEqual(load("config uplink 'wan'\n\toption interfce 'wan'\n").config.uplinks, [], 'but at start nothing is guessed');
});
