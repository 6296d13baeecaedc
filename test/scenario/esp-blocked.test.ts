import { test } from 'node:test';
import assert from 'node:assert/strict';
import { ByteReader, millis, minutes, seconds } from '../../src/base/index.ts';
import { ikeSight, isEspInUdp, type OuterPacket } from '../sim/index.ts';
import { SCENE } from '../sim/scene.ts';
import { during, EXCHANGE, measured, play, untilRest } from './stage.ts';

test('F-3 F-7: ESP in UDP vanishes on an uplink that lets IKE pass: the tunnel goes to the other within 5 s, and stays there', () => {
  const stage = play({ seed: 620 });
  const { world, router, stream } = stage;
  world.runFor(seconds(10));
  const { outage } = during(stage, seconds(10), () => void world.link('isp1').filters.push('esp-in-udp'));
  measured('ESP blocked, IKE passes, outage', outage);
  assert.ok(outage <= 5000, `outage ${outage} ms`);
  assert.equal(router.uplink, 'wwan0');
  assert.deepEqual(router.all('path.moved').map(({ reasons }) => reasons[0]), ['data_blocked']);
  stream.stop();
  world.runFor(minutes(9));
  assert.equal(router.all('path.moved').length, 1, 'IKE is answered on the better uplink all the while, and nothing goes back there');
  untilRest(stage);
});

test('F-3: protocol 50 vanishes on an uplink without a NAT: ESP goes in UDP there within 5 s, the tunnel stays', () => {
  const stage = play({ seed: 621, rate: 50, wan: { rtt: millis(30) } });
  const { world, router } = stage;
  world.runFor(seconds(10));
  const { outage } = during(stage, seconds(10), () => void world.link('isp1').filters.push('esp'));
  measured('protocol 50 blocked, outage', outage);
  assert.ok(outage <= 5000, `outage ${outage} ms`);
  assert.deepEqual([router.uplink, router.all('path.moved').length], ['wan0', 0]);
  world.runFor(seconds(30));
  assert.equal(stage.stream.result(stage.stream.mark - 400, stage.stream.mark - 100).lost, 0);
  untilRest(stage);
});

test('F-3: a conversation that becomes an upload which nobody answers changes the path once at most, and no more when that was no help', () => {
  const stage = play({ seed: 622 });
  const { world, router } = stage;
  world.runFor(seconds(10));
  // The answers end behind the hub: what goes out arrives there.
  world.link('hub').filters.push((packet, direction) => direction === 'up' && isEsp(packet));
  world.runFor(minutes(2));
  const moves = router.all('path.moved').length;
  assert.ok(moves <= 2, `${moves} moves`);
  world.runFor(minutes(5));
  assert.ok(router.all('path.moved').length <= moves + 1);
});

const isEsp = (packet: OuterPacket): boolean => packet.protocol === 'esp' || isEspInUdp(packet);
const spiOf = ({ bytes }: OuterPacket): number => new ByteReader(bytes).u32();

test('after a move the hub\'s data does not follow until its Child SAs are rekeyed: they are', () => {
  const stage = play({ seed: 623 });
  const { world, wan } = stage;
  world.runFor(seconds(10));
  const old = new Set<number>();
  world.link('hub').tap((packet) => void (isEsp(packet) && world.link('isp2').filters.length === 0 && old.add(spiOf(packet))));
  world.runFor(seconds(1));
  const { outage } = during(stage, seconds(10), () => {
    world.link('isp2').filters.push((packet, direction) => direction === 'down' && isEsp(packet) && old.has(spiOf(packet)));
    wan.loseAddress(SCENE.wan);
  });
  measured('Child SAs do not follow a move, outage', outage);
  assert.ok(outage <= 3000, `outage ${outage} ms`);
  assert.equal(stage.router.all('child.rekeyed').length, 1);
  assert.equal(stage.router.all('connection.closed').length, 0);
  untilRest(stage);
});

test('the NAT has another mapping, and the hub\'s data does not go there until its Child SAs are rekeyed: they are', () => {
  const stage = play({ seed: 625, hubConnection: ["option esp_roaming 'off'"] });
  const { world } = stage;
  world.runFor(seconds(10));
  const old = new Set<number>();
  const link = world.link('isp1');
  link.tap((packet) => void (isEsp(packet) && link.filters.length === 0 && old.add(spiOf(packet))));
  world.runFor(seconds(1));
  const { outage } = during(stage, seconds(10), () => {
    link.filters.push((packet, direction) => direction === 'down' && isEsp(packet) && old.has(spiOf(packet)));
    link.nat?.reboot();
  });
  measured('Child SAs do not follow a new mapping, outage', outage);
  assert.ok(outage <= 4000, `outage ${outage} ms`);
  assert.equal(stage.router.all('child.rekeyed').length, 1);
  assert.deepEqual([stage.router.all('path.moved').length, stage.router.all('connection.closed').length], [0, 0]);
  untilRest(stage);
});

test('after a move nothing but a new IKE SA brings the data back: it is made beside the old one, and at the next move at once', () => {
  const stage = play({ seed: 624 });
  const { world, wan, router } = stage;
  world.runFor(seconds(10));
  let follows = true;
  for (const name of ['isp1', 'isp2'] as const) {
    world.link(name).tap((packet) => {
      const sight = ikeSight(packet);
      if (sight?.exchange === EXCHANGE.IKE_AUTH && sight.isResponse) follows = true;
    });
    world.link(name).filters.push((packet, direction) => direction === 'down' && isEsp(packet) && !follows);
  }
  const first = during(stage, seconds(15), () => {
    follows = false;
    wan.loseAddress(SCENE.wan);
  });
  measured('only a new IKE SA follows a move, outage', first.outage);
  assert.ok(first.outage <= 6000, `outage ${first.outage} ms`);
  assert.equal(router.all('child.rekeyed').length, 1);
  world.runFor(seconds(30));
  wan.connect();
  while (router.uplink !== 'wan0') world.runFor(millis(20));
  const second = during(stage, seconds(10), () => void (follows = false));
  assert.equal(router.all('child.rekeyed').length, 1, 'what helped this peer comes first');
  measured('the same again, outage', second.outage);
  assert.ok(second.outage < first.outage, `outage ${second.outage} ms`);
  untilRest(stage);
});
