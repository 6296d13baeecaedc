import { test } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { ip, millis, minutes, seconds, type Json, type JsonObject } from '../../src/base/index.ts';
import { formatReply } from '../../src/main/ctl-format.ts';
import { MessageBroker } from '../sim/index.ts';
import { openScene, SCENE, type Scene } from '../sim/scene.ts';
import { play, suite, untilOn } from './stage.ts';

const FOLDER = 'test/golden/explain';

/** Spans of time as `#`: which words are said is the story, not how many milliseconds a protocol's draw came to. */
const timeless = (text: string): string => text.replace(/-?\b\d+(\.\d+)? ?(ms|s|min|m \d\ds|h \d\dm)\b/gu, '#').replace(/^ *# ago +/gmu, '# ago  ');

function timelessJson(value: Json, key = ''): Json {
  if (Array.isArray(value)) return (value as readonly Json[]).map((item) => timelessJson(item));
  if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, timelessJson(item as Json, name)]));
  if (typeof value === 'string') return key === 'time' ? '#' : timeless(value);
  return key.endsWith('_ms') && value !== null ? '#' : value;
}

const explained = ({ router }: Scene): JsonObject => ((router.ask('explain', { connection: 'hq' }) as readonly JsonObject[])[0] ?? {}) as JsonObject;
const decisions = (stage: Scene): readonly JsonObject[] => explained(stage)['decisions'] as readonly JsonObject[];

/** Text and JSON of the explanation as they are now, against the golden of this name. GOLDEN=write rewrites it. */
function golden(name: string, story: string, stage: Scene): void {
  const document = stage.router.ask('explain', { connection: 'hq' });
  const text = timeless(formatReply('explain', document).join('\n'));
  const actual = `-- Source --\n${story}; spans of time are shown as #\n-- Text --\n${text}\n-- JSON --\n${JSON.stringify(timelessJson(document), null, 1)}\n`;
  const path = `${FOLDER}/${name}.txt`;
  if (process.env['GOLDEN'] === 'write') writeFileSync(path, actual);
  assert.ok(existsSync(path), `${path} is missing; write it with GOLDEN=write and read it`);
  assert.equal(actual, readFileSync(path, 'utf8'));
}

test('explain: never connected, and then no uplink at all', () => {
  const stage = openScene({ suite, seed: 8001 });
  const { world, router } = stage;
  router.start();
  world.runFor(minutes(2));
  golden('never-connected', 'the hub does not run', stage);
  world.link('isp1').unplug();
  world.link('isp2').unplug();
  world.runFor(minutes(2));
  golden('no-uplink', 'the hub does not run, and no uplink has carrier', stage);
});

test('explain: at rest, after a lost carrier, and back', () => {
  const stage = play({ seed: 8002 });
  const { world } = stage;
  world.runFor(seconds(30));
  golden('at-rest', 'both uplinks answer', stage);
  world.link('isp1').unplug();
  untilOn(stage, 'wwan0');
  world.runFor(seconds(2));
  golden('carrier-lost', 'the current uplink lost its carrier', stage);
  const [made] = decisions(stage);
  assert.equal(made?.['result'], 'moved');
  assert.ok(Number(made?.['took_ms']) > 0 && Number(made?.['took_ms']) < 300);
  world.link('isp1').plug();
  world.runFor(seconds(4));
  golden('hold-down', 'a preferred uplink came back and answers, and is watched', stage);
  untilOn(stage, 'wan0', seconds(60));
  world.runFor(seconds(2));
  golden('returned', 'the preferred uplink was taken again', stage);
});

test('explain: doubtful, and after a black hole', () => {
  const stage = play({ seed: 8003 });
  const { world } = stage;
  world.runFor(seconds(20));
  world.link('isp1').blackHole();
  world.link('isp2').blackHole();
  world.runUntil(() => explained(stage)['doubtful'] !== null, seconds(10), 'the doubt');
  world.runFor(millis(100));
  golden('doubtful', 'no uplink answers', stage);
  world.link('isp2').heal();
  untilOn(stage, 'wwan0');
  world.runFor(seconds(2));
  golden('black-hole', 'packets vanish on the uplink that was in use, the other answers', stage);
});

test('explain: forced by the user; the forced uplink dies', () => {
  const stage = play({ seed: 8004 });
  const { world, router } = stage;
  world.runFor(seconds(20));
  router.ask('switch', { connection: 'hq', uplink: 'wwan0' });
  world.runFor(seconds(5));
  golden('forced', 'the user switched to the other uplink', stage);
  world.link('isp2').unplug();
  untilOn(stage, 'wan0');
  world.runFor(seconds(2));
  golden('forced-died', 'the uplink that the user chose lost its carrier', stage);
});

test('explain: the hub refuses the other path; its own path is left out of the list', () => {
  const stage = play({ seed: 8005, hubConnection: [`list denied_prefixes '${SCENE.wwanPublic}'`], router: "config uplink 'wan0'\n option device 'wan0'\nconfig uplink 'wwan0'\n option device 'wwan0'\nconfig uplink 'dsl'\n option device 'dsl0'\n", connection: ["list uplink 'wan0'", "list uplink 'wwan0'"] });
  const { world, router } = stage;
  world.runFor(seconds(20));
  router.ask('switch', { connection: 'hq', uplink: 'wwan0' });
  world.runFor(seconds(5));
  golden('refused', 'the hub does not want the address of the other uplink', stage);
  assert.equal(decisions(stage)[0]?.['result'], 'refused');
});

test('M2.1-3: every move is among the last ten decisions with its result; older ones go', () => {
  const stage = play({ seed: 8006 });
  const { world, router } = stage;
  world.runFor(seconds(10));
  for (let i = 0; i < 7; i++) {
    for (const uplink of ['wwan0', 'wan0']) {
      router.ask('switch', { connection: 'hq', uplink });
      world.runFor(seconds(8));
    }
  }
  const made = decisions(stage);
  assert.equal(made.length, 10);
  assert.ok(made.every((d) => d['result'] === 'moved' && Number(d['took_ms']) > 0 && String(d['text']).length > 40), JSON.stringify(made));
  const moved = router.all('path.moved').slice(-10).reverse();
  assert.deepEqual(made.map((d) => [d['from'], d['to'], d['took_ms']]), moved.map((e) => [e.from_uplink, e.to_uplink, e.took_ms]));
});

test('two decisions in one round trip: the first is replaced by the second', () => {
  const stage = play({ seed: 8007 });
  const { world, router } = stage;
  world.runFor(seconds(20));
  router.ask('switch', { connection: 'hq', uplink: 'wwan0' });
  world.runFor(millis(10));
  assert.equal(decisions(stage)[0]?.['result'], 'pending');
  router.ask('switch', { connection: 'hq', uplink: 'wan0' });
  world.runFor(seconds(2));
  assert.deepEqual(decisions(stage).slice(0, 2).map((d) => [d['to'], d['result']]).reverse()[0], ['wwan0', 'replaced']);
});

test('explain over MQTT: a retained topic for the connection, the same as over the control socket but for the ages, new only when something happened', () => {
  const address = ip('192.0.2.99');
  let broker: MessageBroker | undefined;
  const stage = play({
    seed: 8008, rate: 2, router: `config mqtt 'report'\n option broker 'mqtt://${address}'\n option interval '3600'\n`,
    prepare: ({ world }) => {
      broker = new MessageBroker(world, { address, port: 1883 });
      broker.attach(world.link('broker', {}));
    },
  });
  assert.ok(broker);
  const { world } = stage;
  const topic = 'mobiked/router/connection/hq/explain';
  const published = (): number => (broker?.seen ?? []).filter((m) => m.topic === topic).length;
  world.runFor(seconds(30));
  const before = published();
  assert.ok(before >= 1 && before <= 4, `${before} times`);
  world.runFor(minutes(20));
  assert.equal(published(), before, 'nothing happened: only ages and round trips differ');
  world.link('isp1').unplug();
  world.runFor(seconds(5));
  assert.ok(published() > before && published() <= before + 4, `${published() - before} times`);
  const told = JSON.parse(broker.retained.get(topic) ?? '{}') as JsonObject;
  const asked = explained(stage);
  for (const key of ['connection', 'chosen', 'why', 'reasons', 'would'] as const) assert.deepEqual(told[key], asked[key], key);
  const words = (document: JsonObject): Json => (document['decisions'] as readonly JsonObject[]).map((d) => [String(d['text']), d['result'] ?? '', d['took_ms'] ?? null, d['time'] ?? null]);
  assert.deepEqual(words(told), words(asked));
  assert.equal(typeof told['boot_id'], 'string');
});
