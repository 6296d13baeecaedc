import { test } from 'node:test';
import assert from 'node:assert/strict';
import { ip, minutes, seconds, type JsonObject } from '../../src/base/index.ts';
import { SCENE, type Scene } from '../sim/scene.ts';
import { defaultVia, type SimInterface } from '../sim/netifd.ts';
import { SimNetifd } from './netifd.ts';
import { during, measured, play, untilOn, untilRest } from './stage.ts';

const WAN: SimInterface = { up: true, device: 'wan0', metric: 10, addresses: [`${SCENE.wan}/24`], routes: [defaultVia('192.168.1.1')], dns: ['192.168.1.1'] };
const CELL: SimInterface = { up: true, device: 'wwan0', proto: 'dhcp', metric: 20, addresses: [`${SCENE.wwan}/24`], routes: [defaultVia('100.64.0.1', `${SCENE.wwan}/32`)] };

function open(seed: number): { stage: Scene; netifd: SimNetifd } {
  const netifd = new SimNetifd();
  Object.assign(netifd.interfaces, { loopback: { up: true, device: 'lo' }, lan: { up: true, device: 'br-lan', addresses: ['10.1.0.1/24'] }, wan: WAN, cell: CELL });
  Object.assign(netifd.devices, { lo: { up: true, carrier: true }, wan0: { up: true, carrier: true }, wwan0: { up: true, carrier: true }, 'br-lan': { up: true, carrier: true } });
  return { stage: play({ seed, rate: 20, ubus: netifd.attach }), netifd };
}

test("uplinks carry netifd's names, and the LAN is none", () => {
  const { stage } = open(560);
  assert.equal(stage.router.uplink, 'wan');
  assert.deepEqual((stage.router.ask('uplinks') as readonly JsonObject[]).map((u) => u['name']), ['cell', 'wan']);
  untilRest(stage);
});

test('ifdown: the event moves the tunnel before address and route are gone', () => {
  const { stage, netifd } = open(561);
  const { outage } = during(stage, seconds(3), () => {
    netifd.event('network.interface', { action: 'ifdown', interface: 'wan' });
    netifd.say('wan', { up: false, device: 'wan0', metric: 10 }, 'interface.down');
  });
  assert.ok(outage < 300, `outage ${outage} ms`);
  assert.equal(stage.router.uplink, 'cell');
  assert.equal(stage.router.all('path.moved')[0]?.reasons[0], 'interface_down');
  untilRest(stage);
});

test('a static interface stays up without carrier: network.device tells, and that is enough', () => {
  const { stage, netifd } = open(562);
  const { world, router } = stage;
  const { outage } = during(stage, seconds(3), () => {
    // The kernel's carrier flag is of a switch port behind a CPU port: it stays.
    world.link('isp1').blackHole();
    netifd.sayDevice('wan0', 'link_down');
  });
  assert.ok(outage < 300, `outage ${outage} ms`);
  assert.equal(router.uplink, 'cell');
  world.link('isp1').heal();
  netifd.sayDevice('wan0', 'link_up');
  untilOn(stage, 'wan', seconds(60));
  untilRest(stage);
});

/** netifd comes back: objects first, interfaces 14 ms later, as recorded. */
function revive({ world }: Scene, netifd: SimNetifd, cell: SimInterface): void {
  netifd.interfaces['wan'] = { up: false, pending: true, device: 'wan0', metric: 10 };
  netifd.interfaces['cell'] = { up: false, pending: true, proto: 'dhcp', device: 'wwan0', metric: 20 };
  netifd.revive();
  world.after(14, () => {
    netifd.say('wan', WAN, 'interface.up');
    netifd.say('cell', cell, 'interface.up');
  });
}

test('netifd is killed and started again, twice: no false down, nothing lost', () => {
  const { stage, netifd } = open(563);
  const { world, router } = stage;
  const { lost } = during(stage, minutes(2), () => {
    for (const at of [0, 40_000]) {
      world.after(at, () => netifd.kill());
      world.after(at + 5000, () => revive(stage, netifd, CELL));
    }
  });
  assert.equal(lost, 0);
  assert.equal(router.all('uplink.changed').filter((e) => e.state === 'down').length, 0);
  assert.equal(router.all('path.moved').length, 0);
});

test('netifd that starts again flushes every device: a true loss, short, and DHCP takes its time', () => {
  const { stage, netifd } = open(568);
  const { world, router, wan, wwan } = stage;
  const { outage } = during(stage, seconds(20), () => {
    netifd.kill();
    world.after(5000, () => {
      revive(stage, netifd, { up: false, pending: true, proto: 'dhcp', device: 'wwan0', metric: 20 });
      wan.disconnect();
      wwan.disconnect();
      world.after(12, () => wan.connect());
      world.after(2000, () => {
        wwan.connect();
        netifd.say('cell', CELL, 'interface.up');
      });
    });
  });
  measured('netifd restarts and flushes every device, outage', outage);
  assert.ok(outage < 1000, `outage ${outage} ms`);
  assert.equal(router.uplink, 'wan');
  assert.equal(router.all('connection.closed').length, 0);
  untilRest(stage);
});

test('ubusd is killed and comes back: no false down; a loss meanwhile is seen by the kernel alone', () => {
  const { stage, netifd } = open(564);
  const { world, router, wan } = stage;
  const { lost } = during(stage, seconds(10), () => netifd.restartUbusd(3000));
  assert.equal(lost, 0);
  const { outage } = during(stage, seconds(10), () => {
    netifd.restartUbusd(8000);
    world.after(1000, () => {
      netifd.interfaces['wan'] = { up: false, device: 'wan0', metric: 10 };
      wan.disconnect();
    });
  });
  assert.ok(outage < 300, `outage ${outage} ms`);
  assert.equal(router.uplink, 'cell');
  untilRest(stage);
});

test('the DHCP trap: a new address in the same subnet, which netifd tells late', () => {
  const { stage, netifd } = open(565);
  const { wan, router } = stage;
  const next = ip('192.168.1.99');
  const { outage } = during(stage, seconds(5), () => {
    wan.connect([{ address: next, length: 24 }]);
    wan.loseAddress(SCENE.wan);
    stage.world.after(2000, () => netifd.say('wan', { ...WAN, addresses: [`${next}/24`] }));
  });
  assert.ok(outage < 300, `outage ${outage} ms`);
  untilOn(stage, 'wan');
  assert.match(JSON.stringify(router.connection()['path']), /192\.168\.1\.99/);
  untilRest(stage);
});

test('the ubus object answers the commands', () => {
  const { stage, netifd } = open(566);
  netifd.call(1, 'status');
  netifd.call(2, 'connections');
  netifd.call(3, 'switch', { connection: 'hq', uplink: 'dsl' });
  netifd.call(4, 'switch', { connection: 'hq', uplink: 'cell' });
  netifd.call(5, 'explode');
  stage.world.runFor(seconds(1));
  assert.deepEqual(netifd.replies.map((r) => [r.callId, r.status === 0]), [[1, true], [2, true], [3, false], [4, true], [5, false]]);
  assert.equal(stage.router.uplink, 'cell');
  assert.equal(stage.router.connection()['forced_ms'], null);
  // A time may come as a number of seconds, or with a unit.
  for (const lasts of [60, '1m']) {
    netifd.call(6, 'switch', { connection: 'hq', uplink: 'cell', for: lasts });
    stage.world.runFor(seconds(1));
    assert.equal(stage.router.connection()['forced_ms'], 59_000);
  }
});

test('250 notifications a second for ten minutes: no move, few calls', () => {
  const { stage, netifd } = open(567);
  const { world, router, stream } = stage;
  stream.stop();
  const before = netifd.calls;
  for (let i = 0; i < 600; i++) {
    for (let k = 0; k < 25; k++) netifd.say('wan', WAN);
    world.runFor(seconds(1));
  }
  assert.ok(netifd.calls - before <= 2 * 610, `${netifd.calls - before} calls`);
  assert.equal(router.all('path.moved').length, 0);
  assert.equal(router.all('uplink.changed').filter((e) => e.state === 'down').length, 0);
});
