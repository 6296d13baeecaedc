import { test } from 'node:test';
import assert from 'node:assert/strict';
import { millis, seconds } from '../../src/base/index.ts';
import { isEspInUdp, type Link, type OuterPacket } from '../sim/index.ts';
import { SCENE, type Scene } from '../sim/scene.ts';
import { during, play, untilRest } from './stage.ts';

/** The first uplink is plain, the second behind a NAT; packets are counted. */
const PLAIN = { rate: 50, wan: { rtt: millis(30) } };

/** Kinds of ESP that crossed a link from now on, and NAT keepalives. */
function count(link: Link): { plain: number; udp: number; keepalives: number } {
  const out = { plain: 0, udp: 0, keepalives: 0 };
  link.tap((packet: OuterPacket) => {
    if (packet.protocol === 'esp') out.plain++;
    else if (packet.protocol === 'udp' && packet.bytes.length === 1) out.keepalives++;
    else if (isEspInUdp(packet)) out.udp++;
  });
  return out;
}

const [first, second] = ['isp1', 'isp2'] as const;
const links = ({ world }: Scene): [Link, Link] => [world.link(first), world.link(second)];

test('N-a N-b N-e N-h M3.5-5 M3.5-17: a plain uplink carries ESP as it is, one behind a NAT in UDP, there and back under traffic', () => {
  const stage = play({ seed: 801, ...PLAIN });
  const [one, other] = links(stage).map(count);
  assert.ok(one && other);
  stage.world.runFor(seconds(5));
  assert.ok(one.plain > 400 && one.udp === 0, JSON.stringify(one));
  const away = during(stage, seconds(8), () => stage.wan.loseAddress(SCENE.wan));
  assert.ok(away.outage < 300, `outage ${away.outage} ms`);
  assert.ok(other.udp > 600 && other.plain === 0, JSON.stringify(other));
  const before = { ...one };
  const back = during(stage, seconds(60), () => stage.wan.connect());
  assert.equal(back.lost, 0, 'a planned move loses nothing');
  // Its address is a private one: until the hub has answered, in UDP (M3.5-5).
  assert.ok(one.plain > before.plain + 1000 && one.udp <= 6, JSON.stringify(one));
  untilRest(stage);
});

test('N-i D5.2.3-1: idle on a plain uplink nothing is kept alive, behind the NAT the mapping is', () => {
  const stage = play({ seed: 802, ...PLAIN }, false);
  const [one, other] = links(stage).map(count);
  assert.ok(one && other);
  stage.world.runFor(seconds(300));
  assert.deepEqual([one.keepalives, other.keepalives, one.udp], [0, 0, 0]);
  stage.wan.loseAddress(SCENE.wan);
  stage.world.runFor(seconds(2));
  stage.stream.start();
  stage.world.runFor(seconds(3));
  assert.ok(other.udp > 100 && other.plain === 0);
  untilRest(stage);
});

test('NK-8: without raw sockets at the router, ESP goes in UDP everywhere, and the log says so', () => {
  const stage = play({ seed: 803, ...PLAIN, prepare: ({ router }) => void (router.plainEsp = false) });
  const [one] = links(stage).map(count);
  assert.ok(one);
  stage.world.runFor(seconds(5));
  assert.ok(one.udp > 400 && one.plain === 0, JSON.stringify(one));
  assert.ok(stage.router.logs.some((line) => line.text.includes('ESP over IPv4 goes in UDP only')));
});

test('NK-8 N-h: nat_t always keeps UDP on a plain uplink', () => {
  const stage = play({ seed: 804, ...PLAIN, connection: ["option nat_t 'always'"] });
  const [one] = links(stage).map(count);
  assert.ok(one);
  stage.world.runFor(seconds(5));
  assert.ok(one.udp > 400 && one.plain === 0, JSON.stringify(one));
});

test('N-g N-k M3.9-4: nat_t prohibit: a move between plain uplinks on port 500, and away from one that turns out to be behind a NAT', () => {
  const stage = play({ seed: 805, rate: 50, wan: { rtt: millis(30) }, wwan: { rtt: millis(60) }, connection: ["option nat_t 'prohibit'"] });
  const [one, other] = links(stage).map(count);
  assert.ok(one && other);
  const { outage } = during(stage, seconds(8), () => stage.wan.loseAddress(SCENE.wan));
  assert.ok(outage < 300, `outage ${outage} ms`);
  assert.ok(other.plain > 600 && other.udp === 0, JSON.stringify(other));
  assert.match(JSON.stringify(stage.router.connection()), new RegExp(':500"'));
  untilRest(stage);
});
