import { test } from 'node:test';
import assert from 'node:assert/strict';
import { ip, millis, minutes, seconds, type JsonObject } from '../../src/base/index.ts';
import { ikeSight, isEsp, type LinkOptions } from '../sim/index.ts';
import { SCENE, type Scene, type SceneDevice } from '../sim/scene.ts';
import { during, measured, play, untilOn, untilRest } from './stage.ts';

/** What the router says of its connection on an uplink: current, usable, silent ... */
function pairState({ router }: Scene, uplink: string): string {
  const found = (router.ask('uplinks') as readonly JsonObject[]).find((u) => u['name'] === uplink);
  const [path] = (found?.['paths'] ?? []) as readonly JsonObject[];
  return String(path?.['state']);
}

const third = (options: LinkOptions = { rtt: millis(90), nat: { publicAddress: ip('203.0.113.33') } }): SceneDevice =>
  ({ name: 'lte0', link: 'isp3', options, addresses: [{ address: ip('172.16.0.2'), length: 24 }], metric: 30 });

test('D4-1 M3.10-1: a standby that is tested in the background is taken sooner, and one known to be dead is not tried first', () => {
  const outage = (tested: boolean): number => {
    const stage = play({ seed: 8401, uplinks: [third()] }, false);
    const { world, router, stream } = stage;
    // The standby with the better metric dies before anything has been asked over it, or long after.
    if (!tested) world.link('isp2').blackHole();
    stream.start();
    world.runFor(tested ? seconds(5) : millis(200));
    if (tested) {
      world.link('isp2').blackHole();
      world.runFor(minutes(3));
      assert.equal(pairState(stage, 'wwan0'), 'silent');
      assert.equal(pairState(stage, 'lte0'), 'proven');
    }
    const { outage: lost } = during(stage, seconds(15), () => world.link('isp1').unplug());
    assert.equal(router.uplink, 'lte0');
    untilRest(stage);
    return lost;
  };
  const [asked, never] = [outage(true), outage(false)];
  measured('carrier lost, second uplink dead, third tested before, outage', asked);
  measured('carrier lost, second uplink dead, nothing tested before, outage', never);
  assert.ok(asked < 300, `outage ${asked} ms`);
  assert.ok(asked < never, `${asked} ms tested, ${never} ms untested`);
});

test('D5.1.3-1: an answer proves a pair; only several unanswered requests make it assumed broken; an answer proves it again', () => {
  const stage = play({ seed: 8402 }, false);
  const { world } = stage;
  world.runFor(seconds(10));
  assert.equal(pairState(stage, 'wwan0'), 'proven');
  // One packet is lost: the request is repeated, and the pair stays what it is.
  let swallowed = 0;
  world.link('isp2').filters = [(_packet, direction) => direction === 'up' && swallowed++ === 0];
  world.runUntil(() => swallowed > 1, minutes(5), 'a probe and its repetition');
  world.runFor(seconds(1));
  assert.equal(pairState(stage, 'wwan0'), 'proven', 'one lost packet breaks nothing');
  let asked = 0;
  world.link('isp2').filters = [(_packet, direction) => direction === 'up' && ++asked > 0];
  world.runUntil(() => pairState(stage, 'wwan0') === 'silent', minutes(5), 'the pair to be assumed broken');
  assert.ok(asked >= 2, `after ${asked} unanswered`);
  world.link('isp2').filters = [];
  world.runUntil(() => pairState(stage, 'wwan0') === 'proven', minutes(6), 'the pair to be proven again');
  assert.equal(stage.router.uplink, 'wan0');
  assert.equal(stage.router.all('path.moved').length, 0);
  untilRest(stage);
});

for (const [first, second] of [['up', 'down'], ['down', 'up'], ['up', 'up'], ['down', 'down']] as const) {
  test(`D5.1.2-1 M1.2-4: the current pair works one way only (not ${first}), the next one too (not ${second}): the connection goes to the third`, () => {
    const stage = play({ seed: 8403, uplinks: [third()] });
    const { world, router } = stage;
    world.runFor(seconds(10));
    world.link('isp2').blackHole(second);
    world.runFor(minutes(2));
    const { outage } = during(stage, seconds(30), () => world.link('isp1').blackHole(first));
    measured(`one-way pairs (not ${first}, not ${second}), outage`, outage);
    assert.equal(router.uplink, 'lte0');
    assert.ok(outage < 4000, `outage ${outage} ms`);
    assert.equal(router.all('path.moved').filter((e) => e.to_uplink === 'wwan0').length, 0, 'a one-way pair never becomes the current one');
    assert.equal(router.all('connection.established').length, 1);
    untilRest(stage);
  });
}

test('D5.1.4-1 M1.2-3: one side decides: through stateful firewalls on every uplink both directions use the same pair, before and after each move', () => {
  const firewall = { firewall: { idle: seconds(30) } };
  const stage = play({
    seed: 8404, rate: 20,
    wan: { rtt: millis(30), ...firewall }, wwan: { rtt: millis(60), nat: { publicAddress: SCENE.wwanPublic }, ...firewall }, uplinks: [third({ rtt: millis(90), ...firewall })],
  });
  const { world, router, hub } = stage;
  const used = new Map<string, { up: number; down: number }>();
  const carrying = ['isp1', 'isp2', 'isp3'].map((name) => [name, world.link(name)] as const);
  for (const [name, link] of carrying) {
    used.set(name, { up: 0, down: 0 });
    link.tap((packet, direction) => {
      const count = used.get(name);
      if (isEsp(packet) && count) count[direction]++;
    });
  }
  const quiet = (on: string): void => {
    world.runFor(seconds(1)); // the handover window
    for (const count of used.values()) count.up = count.down = 0;
    world.runFor(seconds(20));
    for (const [name, count] of used) assert.equal(count.up > 300 && count.down > 300, name === on, `${name} while ${on} is the pair: ${count.up} up, ${count.down} down`);
    for (const [name, count] of used) if (name !== on) assert.deepEqual(count, { up: 0, down: 0 }, name);
  };
  quiet('isp1');
  world.link('isp1').unplug();
  untilOn(stage, 'wwan0');
  quiet('isp2');
  world.link('isp2').blackHole();
  untilOn(stage, 'lte0');
  quiet('isp3');
  world.link('isp1').plug();
  untilOn(stage, 'wan0', seconds(60));
  quiet('isp1');
  assert.deepEqual(hub.all('path.moved').map((e) => e.reasons[0]), ['peer_update', 'peer_update', 'peer_update'], 'the hub moves only when it is told');
  assert.equal(router.all('path.moved').length, 3);
  untilRest(stage);
});

test('M3.12-1 D5.5.2-3: ESP that still comes on the old pair proves nothing about the new one: the router goes on asking until some comes there', () => {
  // Return routability cannot be shown over wwan, since the hub's requests vanish there: the hub goes on sending to the old pair, which still works.
  const stage = play({ seed: 8405, rate: 50 });
  const { world, router, hub } = stage;
  world.runFor(seconds(10));
  const seen = { old: 0, asked: 0, fresh: 0 };
  let blocked = true;
  world.link('isp2').filters = [(packet, direction) => blocked && direction === 'down' && ikeSight(packet)?.isResponse === false];
  world.link('isp1').tap((packet, direction) => {
    if (direction === 'down' && isEsp(packet)) seen.old++;
  });
  world.link('isp2').tap((packet, direction) => {
    if (direction === 'up' && ikeSight(packet)?.isResponse === false) seen.asked++;
    if (direction === 'down' && isEsp(packet)) seen.fresh++;
  });
  router.ask('switch', { connection: 'hq', uplink: 'wwan0' });
  world.runFor(millis(500));
  assert.equal(router.all('path.moved').length, 1, 'the update was answered');
  seen.asked = 0;
  world.runFor(seconds(4));
  assert.ok(seen.old > 150, `${seen.old} packets on the old pair`);
  assert.equal(seen.fresh, 0);
  measured('ESP on the old pair only: requests of the router in 4 s', seen.asked);
  assert.ok(seen.asked >= 2, `${seen.asked} requests of the router on the new pair`);
  blocked = false;
  world.runFor(seconds(10));
  assert.ok(seen.fresh > 0, 'ESP on the new pair');
  const mark = stage.stream.mark;
  world.runFor(seconds(2));
  assert.equal(stage.stream.result(mark, stage.stream.mark - 10).lost, 0);
  assert.equal(router.uplink, 'wwan0');
  assert.equal(hub.all('connection.closed').length, 0);
  untilRest(stage);
});
