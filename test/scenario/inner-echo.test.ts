import { test } from 'node:test';
import assert from 'node:assert/strict';
import { minutes, seconds } from '../../src/base/index.ts';
import { buildInner } from '../sim/index.ts';
import { SCENE, type Scene } from '../sim/scene.ts';
import { answersPing, measured, play, untilRest } from './stage.ts';

const UDP = 17;
const ASKS = { connection: [`option echo_address '${SCENE.server}'`] };

/** An upload that nobody answers: 20 packets a second for this long. */
function upload({ world, router }: Scene, span: number): void {
  for (const end = world.now + span; world.now < end; world.runFor(seconds(0.05)))
    router.fromInside(buildInner({ protocol: UDP, source: { address: SCENE.client, port: 5004 }, destination: { address: SCENE.server, port: 5004 }, payload: new Uint8Array(200) }));
}

test('F-3 F-7: ESP is dropped since the tunnel came up, IKE passes: with somebody to ask inside the other uplink is taken in seconds, before anybody has sent anything', () => {
  const stage = play({ seed: 740, ...ASKS, prepare: (scene) => {
    answersPing(scene.hub, SCENE.server);
    scene.world.link('isp1').filters.push('esp-in-udp');
  } }, false);
  const { world, router } = stage;
  const from = world.now;
  world.runUntil(() => router.uplink === 'wwan0', seconds(15), 'the other uplink');
  measured('ESP blocked from the start, moved after', world.now - from);
  world.runFor(minutes(5));
  assert.deepEqual(router.all('path.moved').map(({ reasons }) => reasons[0]), ['data_blocked'], 'and is kept');
  assert.equal(router.uplink, 'wwan0');
  untilRest(stage);
});

test('F-3: an upload that nobody answers stays where it is as long as somebody inside does, and moves when he does not', () => {
  const stage = play({ seed: 741, ...ASKS, prepare: ({ hub }) => void answersPing(hub, SCENE.server) }, false);
  const { router, world } = stage;
  upload(stage, 60_000);
  assert.deepEqual([router.uplink, router.all('path.moved').length], ['wan0', 0]);
  world.link('isp1').filters.push('esp-in-udp');
  const from = world.now;
  upload(stage, 8000);
  const [move] = router.all('path.moved');
  assert.ok(move, 'it moved');
  assert.equal(router.uplink, 'wwan0');
  assert.ok(world.now - from < 9000);
  untilRest(stage);
});

test('F-3: on an idle line nobody is asked, and nobody while answers come by themselves', () => {
  let asked = { count: 0 };
  const stage = play({ seed: 742, ...ASKS, prepare: ({ hub }) => (asked = answersPing(hub, SCENE.server)) }, false);
  const first = asked.count;
  assert.ok(first >= 1 && first <= 2, `${first} when it came up`);
  stage.world.runFor(minutes(20));
  assert.equal(asked.count, first);
  stage.stream.start();
  stage.world.runFor(minutes(1));
  assert.equal(asked.count, first);
});

test('F-3: somebody who never answers costs one move and its way back, not one after the other', () => {
  const stage = play({ seed: 743, ...ASKS }, false);
  upload(stage, 120_000);
  const moves = stage.router.all('path.moved').length;
  assert.ok(moves <= 2, `${moves} moves`);
});

test('F-3: the user switches to an uplink that drops ESP: with somebody to ask inside it is left again (world 440)', () => {
  const stage = play({ seed: 744, ...ASKS, prepare: ({ hub }) => void answersPing(hub, SCENE.server) }, false);
  const { world, router } = stage;
  world.link('isp2').filters.push('esp-in-udp');
  world.runFor(seconds(20));
  router.ask('switch', { connection: 'hq', uplink: 'wwan0' });
  world.runUntil(() => router.uplink === 'wwan0', seconds(5), 'the wish is followed');
  world.runUntil(() => router.uplink === 'wan0', seconds(15), 'and ends');
  world.runFor(minutes(5));
  assert.equal(router.uplink, 'wan0');
  untilRest(stage);
});

test('F-3: both uplinks drop ESP: the one that passes it again is found, and kept', () => {
  const stage = play({ seed: 745, ...ASKS, prepare: ({ hub, world }) => {
    answersPing(hub, SCENE.server);
    for (const name of ['isp1', 'isp2'] as const) world.link(name).filters.push('esp-in-udp');
  } }, false);
  const { world, router } = stage;
  stage.stream.start();
  world.runFor(minutes(2));
  world.link('isp1').filters.length = 0;
  world.runUntil(() => router.uplink === 'wan0', minutes(11), 'the better uplink');
  world.runFor(minutes(1));
  const mark = stage.stream.mark;
  world.runFor(minutes(1));
  assert.equal(stage.stream.result(mark, stage.stream.mark - 100).lost, 0);
  untilRest(stage);
});
