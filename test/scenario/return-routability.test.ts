// What a hub sends to an address that a router claims, before it has shown that it receives there (RFC 4555 §3.7).
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { seconds } from '../../src/base/index.ts';
import { SCENE, type Scene } from '../sim/scene.ts';
import { Download, measured, play, record, untilOn, untilRest, type Passed } from './stage.ts';

/** Octets of ESP each way on the second uplink, at the hub's side of its NAT. */
function espOctets(passed: readonly Passed[], from: number): { up: number; down: number } {
  const sum = (direction: 'up' | 'down'): number => passed.filter((p) => p.kind === 'esp' && p.at >= from && p.direction === direction).reduce((all, p) => all + p.packet.bytes.length, 0);
  return { up: sum('up'), down: sum('down') };
}

/** The router leaves `wan0` for `wwan0`, on which nothing of what the hub sends arrives, while a download runs. */
function deafMove(stage: Scene): { up: number; down: number } {
  const { world, wan } = stage;
  new Download(stage, 100);
  world.runFor(seconds(2));
  const passed = record(stage, world.link('hub'));
  const at = world.now;
  world.link('isp2').blackHole('down');
  wan.disconnect();
  world.runFor(seconds(3));
  const toClaimed = passed.filter((p) => (p.direction === 'up' ? p.packet.protocol !== 'raw' && p.packet.destination.address === SCENE.wwanPublic : p.packet.protocol !== 'raw' && p.packet.source.address === SCENE.wwanPublic));
  const { up, down } = espOctets(toClaimed, at);
  return { up: down, down: up };
}

test('M3.7-2 D5.5-2: after: an address that nobody answers at gets no more than three times what came from there', () => {
  const { up, down } = deafMove(play({ seed: 511, hubConnection: ["option return_routability 'after'"] }));
  assert.ok(up > 1000 && down > 500, `${up} octets came, ${down} went`);
  assert.ok(down <= 3 * up, `${down} octets went to where ${up} came from`);
});

test('M3.7-1 D5.5-2: before: an address that nobody answers at gets nothing; off: all of it', () => {
  assert.equal(deafMove(play({ seed: 512 })).down, 0);
  assert.equal(deafMove(play({ seed: 513, hubConnection: ["option rr_hold 'drop'"] })).down, 0);
  const { up, down } = deafMove(play({ seed: 514, hubConnection: ["option return_routability 'off'"] }));
  assert.ok(down > up, `${down} octets went, ${up} came`);
});

for (const [how, most] of [['before', 200], ['after', 170], ['off', 110]] as const) {
  test(`M3.7-1 M3.7-2: a move with return_routability ${how}: ESP from the hub comes to the new address after so many round trips`, () => {
    const stage = play({ seed: 515, rate: 50, hubConnection: [`option return_routability '${how}'`] }, false);
    const { world, wan } = stage;
    stage.stream.start();
    world.runFor(seconds(3));
    const second = record(stage, world.link('isp2'));
    const at = world.now;
    wan.disconnect();
    untilOn(stage, 'wwan0');
    world.runFor(seconds(2));
    const first = second.find((p) => p.kind === 'esp' && p.direction === 'down' && p.at >= at);
    assert.ok(first);
    measured(`first ESP of the hub after a move, ${how}`, first.at - at);
    assert.ok(first.at - at <= most, `${first.at - at} ms`);
    untilRest(stage);
  });
}
