import { test } from 'node:test';
import assert from 'node:assert/strict';
import { millis, minutes, seconds, type JsonObject, type Millis } from '../../src/base/index.ts';
import type { Scene } from '../sim/scene.ts';
import { SCENE } from '../sim/scene.ts';
import { portion } from '../tools/thorough.ts';
import { Download, measured, play, record, type PlayOptions } from './stage.ts';

const HOUR = minutes(60);

/** The document of the first uplink's keepalive. */
function keepalive({ router }: Scene): JsonObject {
  const uplink = (router.ask('uplinks') as readonly JsonObject[]).find((u) => u['name'] === 'wan0');
  return uplink?.['keepalive'] as JsonObject;
}

const interval = (stage: Scene): number => Number(keepalive(stage)['interval_ms']);

/** The standby is asked rarely, so that its checks do not break the silences of the other. */
const RARE = "config uplink 'wan0'\n option device 'wan0'\nconfig uplink 'wwan0'\n option device 'wwan0'\n option metered '1'\n";

/** An idle scene whose first uplink has a NAT that forgets after `expiry`. */
function idle(options: PlayOptions, expiry: Millis): Scene {
  return play({ wan: { rtt: millis(30), nat: { publicAddress: SCENE.wanPublic, expiry } }, router: RARE, ...options }, false);
}

/** Longest time between two packets of the router on its first uplink while `span` passes. */
function longestSilence(stage: Scene, span: Millis): number {
  const passed = record(stage, stage.world.link('isp1'));
  stage.world.runFor(span);
  let longest = 0;
  let last: number | undefined;
  for (const { direction, at } of passed) {
    if (direction !== 'up') continue;
    if (last !== undefined) longest = Math.max(longest, at - last);
    last = at;
  }
  return longest;
}

/** Packets from the hub to an idle router: none may be lost while the mapping lives. */
function reachable(stage: Scene): boolean {
  const download = new Download(stage);
  stage.world.runFor(seconds(2));
  download.stop();
  return download.result(0, download.mark - 10).lost === 0;
}

for (const [life, least, most, lost] of [[30, 22, 28, 1], [60, 44, 55, 1], [120, 100, 100, 0]] as const) {
  test(`NK-3: behind a NAT that forgets after ${life} s the keepalive interval becomes ${least} s to ${most} s, at the cost of ${lost} mapping`, () => {
    const stage = idle({ seed: 7000 + life }, seconds(life));
    const { world, router } = stage;
    assert.deepEqual([interval(stage), keepalive(stage)['state']], [20_000, 'learning']);
    const longest = longestSilence(stage, millis(3 * HOUR));
    measured(`NAT of ${life} s: longest silence while learning, s`, longest / 1000);
    measured(`NAT of ${life} s: interval learned, s`, interval(stage) / 1000);
    assert.ok(longest < Math.min(111, life * 1.4) * 1000, `a silence of ${longest} ms`);
    assert.equal(router.all('nat.mapping_changed').length, lost);
    const learned = interval(stage);
    assert.ok(learned >= least * 1000 && learned <= most * 1000, `${learned} ms`);
    assert.equal(keepalive(stage)['state'], 'learned');
    assert.equal(keepalive(stage)['too_long_ms'] === null, lost === 0);
    const settled = longestSilence(stage, HOUR);
    assert.ok(settled < life * 1000 && settled >= learned * 0.89, `a silence of ${settled} ms`);
    assert.equal(router.all('nat.mapping_changed').length, lost, 'no further mapping is lost');
    for (let i = 0; i < 5; i++) {
      world.runFor(seconds(37 + i));
      assert.ok(reachable(stage), 'the hub reaches an idle router');
    }
  });
}

test('NK-3: what was learned survives a restart, after a clean stop and after a crash; a corrupt or foreign file is one line of the log', () => {
  const stage = idle({ seed: 7100 }, seconds(60));
  const { world, router } = stage;
  world.runFor(millis(3 * HOUR));
  const learned = Math.floor(interval(stage) / 1000) * 1000;
  assert.ok(router.counts.stored >= 1 && router.counts.stored <= 3, `written ${router.counts.stored} times in three hours`);
  const before = router.all('nat.mapping_changed').length;
  for (const end of ['crash', 'terminate'] as const) {
    router[end]();
    world.runFor(seconds(5));
    stage.establish();
    assert.equal(interval(stage), learned, `after ${end}`);
    assert.equal(keepalive(stage)['state'], 'learned');
  }
  world.runFor(HOUR);
  assert.equal(router.all('nat.mapping_changed').length, before, 'nothing is learned twice');
  const lines = (): number => router.logs.filter((line) => line.text.includes('an earlier run learned')).length;
  for (const bad of ['', 'not JSON', '{"mobiked":2,"keepalive":{}}', '{"mobiked":1,"keepalive":[]}', '{"mobiked":1,"keepalive":{"wan0":{"interval_s":3}}}', '['.repeat(60_000)]) {
    router.crash();
    router.stored = bad;
    const said = lines();
    world.runFor(seconds(5));
    stage.establish();
    assert.equal(interval(stage), 20_000, JSON.stringify(bad.slice(0, 40)));
    assert.equal(lines(), said + 1);
  }
});

test('NK-3: seconds that the user gave are kept to, and nothing is learned; a reload changes them under the tunnel', () => {
  const sections = "config uplink 'wan0'\n option device 'wan0'\n option keepalive '40'\nconfig uplink 'wwan0'\n option device 'wwan0'\n";
  const stage = idle({ seed: 7101, router: sections }, seconds(35));
  const { world, router } = stage;
  world.runFor(minutes(20));
  assert.deepEqual(keepalive(stage), { state: 'given', interval_ms: 40_000, safe_ms: null, too_long_ms: null });
  assert.ok(router.all('nat.mapping_changed').length > 10, 'each silence costs the mapping, as the user wants it');
  router.config = router.config.replace("keepalive '40'", "keepalive '25'");
  router.reload();
  world.runFor(minutes(2));
  const lost = router.all('nat.mapping_changed').length;
  assert.ok(longestSilence(stage, minutes(20)) <= 27_600);
  assert.equal(router.all('nat.mapping_changed').length, lost);
  assert.equal(router.all('connection.established').length, 1);
});

test('a mapping that changes on an unmetered idle line is seen within a keepalive interval and two round trips', () => {
  const stage = idle({ seed: 7102 }, seconds(120));
  const { world, router } = stage;
  world.runFor(HOUR);
  const longest = interval(stage) * 1.1 + 60;
  for (let i = 0; i < 3; i++) {
    world.runFor(seconds(31 + 7 * i));
    const before = router.all('nat.mapping_changed').length;
    world.link('isp1').nat?.reboot();
    const took = world.runUntil(() => router.all('nat.mapping_changed').length > before, millis(longest), 'the new mapping');
    measured('idle line, NAT restarted, seen after s', took / 1000);
  }
  world.runFor(seconds(1));
  assert.ok(reachable(stage));
});

test('a busy line teaches nothing and gets no keepalives', () => {
  const stage = idle({ seed: 7103, rate: 5 }, seconds(120));
  stage.stream.start();
  stage.world.runFor(minutes(10));
  assert.deepEqual([interval(stage), keepalive(stage)['safe_ms']], [20_000, null]);
});

test('NK-4: connections of a metered uplink keep their mappings at the same moments, by one octet once nothing is to be learned', () => {
  const more = (name: string, net: number): string => `config connection '${name}'\n option role 'initiator'\n list remote_addrs '${SCENE.hub}'\n option local_id '${name}.example'\n option remote_id 'hub.example'\n option psk 'a key of the simulated world, 32+ octets'\nconfig child '${name}lan'\n option connection '${name}'\n list local_ts '10.1.${net}.0/24'\n list remote_ts '10.2.${net}.0/24'\n`;
  const answer = (name: string, net: number): string => `config connection '${name}'\n option role 'responder'\n option local_id 'hub.example'\n option remote_id '${name}.example'\n option psk 'a key of the simulated world, 32+ octets'\nconfig child '${name}lan'\n option connection '${name}'\n list local_ts '10.2.${net}.0/24'\n list remote_ts '10.1.${net}.0/24'\n`;
  const metered = "config uplink 'wan0'\n option device 'wan0'\n option metered '1'\n option keepalive '40'\n";
  const stage = idle({
    seed: 7104, router: metered + more('b', 1) + more('c', 2), prepare: ({ hub }) => {
      hub.config += answer('b', 1) + answer('c', 2);
    },
  }, seconds(120));
  const { world } = stage;
  world.runFor(minutes(5));
  const passed = record(stage, world.link('isp1'));
  world.runFor(minutes(30));
  const sent = passed.filter((p) => p.direction === 'up' && !p.isResponse);
  const moments = new Set(sent.map((p) => Math.round(p.at / 1000)));
  const octets = sent.filter((p) => p.kind === 'keepalive').length;
  measured('metered, three connections, half an hour: datagrams, moments, of them one octet', `${sent.length}, ${moments.size}, ${octets}`);
  // Each is confirmed 2.5 s later, while the radio is awake.
  assert.ok([...moments].every((at) => at % 40 <= 3), `moments ${[...moments]}`);
  assert.ok(moments.size <= 92 && octets >= sent.length * 0.6 && octets <= sent.length * 0.8, 'every second one is a liveness check');
});

test('octets of an idle day', () => {
  const METERED = "config uplink 'wan0'\n option device 'wan0'\n option metered '1'\n";
  for (const [name, router, life, most] of portion([['unmetered', RARE, 30, 48_000], ['unmetered', RARE, 60, 30_000], ['unmetered', RARE, 120, 15_000], ['metered', METERED, 30, 24_000], ['metered', METERED, 120, 15_000]] as const, 2)) {
    const stage = idle({ seed: 7105 + life, router }, seconds(life));
    stage.world.runFor(millis(4 * HOUR));
    const passed = record(stage, stage.world.link('isp1'));
    stage.world.runFor(HOUR);
    const octets = passed.reduce((sum, { packet }) => sum + packet.bytes.length + 28, 0);
    measured(`idle day, ${name}, NAT of ${life} s: octets both ways`, octets * 24);
    // One octet (29 on the wire) every 20 s and a check (350 both ways) a minute would be 24,000. What unmetered lines pay beyond is for seeing a new mapping within the interval.
    assert.ok(octets < most, `${name}, ${life} s: ${octets} octets in an hour`);
  }
});

test('NK-3: a NAT that keeps the port hides that it has forgotten: long silences do not make every mapping a young one', () => {
  const stage = idle({ seed: 7106, wan: { rtt: millis(30), nat: { publicAddress: SCENE.wanPublic, expiry: seconds(120), young: seconds(30), keepPort: true } } }, seconds(120));
  const { world } = stage;
  world.runFor(millis(2 * HOUR));
  assert.equal(interval(stage), 100_000);
  for (let i = 0; i < 6; i++) {
    world.link('isp1').nat?.reboot();
    world.runFor(seconds(125 + 19 * i));
    assert.ok(reachable(stage), `the hub reaches an idle router, ${i}`);
  }
});
