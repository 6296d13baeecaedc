import { test } from 'node:test';
import assert from 'node:assert/strict';
import { millis, seconds } from '../../src/base/index.ts';
import { openScene, SCENE } from '../sim/scene.ts';
import { Download, during, measured, play, suite, untilRest } from './stage.ts';

/** The hub learns of another mapping by the router's word alone. */
const TOLD = ["option esp_roaming 'off'"];

for (const mapping of ['endpoint-independent', 'endpoint-dependent'] as const) {
  for (const filtering of ['open', 'address-restricted', 'port-restricted'] as const) {
    test(`M3.8-3 M3.8-4: the NAT (${mapping}, ${filtering}) reboots under two-way traffic: back within 2 s, on the same uplink`, () => {
      const stage = play({ seed: 41, hubConnection: TOLD, wan: { rtt: millis(30), nat: { publicAddress: SCENE.wanPublic, mapping, filtering } } });
      const { world, router } = stage;
      world.runFor(seconds(10));
      const { outage } = during(stage, seconds(10), () => world.link('isp1').nat?.reboot());
      assert.equal(router.uplink, 'wan0');
      measured(`NAT reboots (${mapping}, ${filtering}), outage`, outage);
      assert.ok(outage < 2000, `outage ${outage} ms`);
      assert.equal(router.all('nat.mapping_changed').length, 1);
      assert.equal(router.all('path.moved').length, 0);
      untilRest(stage);
    });
  }
}

test('M3.8-5 N-d: the hub follows the ESP of a router whose NAT reboots under two-way traffic, well before the router finds out; not with esp_roaming off', () => {
  const outage = (roaming: string): number => {
    const stage = play({ seed: 44, rate: 50, hubConnection: [`option esp_roaming '${roaming}'`] });
    const { world, router, hub } = stage;
    world.runFor(seconds(10));
    const result = during(stage, seconds(10), () => world.link('isp1').nat?.reboot());
    assert.deepEqual([router.uplink, router.all('path.moved').length, hub.all('path.moved').map((event) => event.reasons[0])[0]], ['wan0', 0, roaming === 'off' ? 'peer_update' : 'esp_roamed']);
    untilRest(stage);
    return result.outage;
  };
  const [followed, told] = [outage('port'), outage('off')];
  measured('NAT reboots, ESP followed, outage', followed);
  assert.ok(followed <= 300, `outage ${followed} ms`);
  assert.ok(told > 1000, `outage ${told} ms`);
});

test('M3.8-3: under download only the mapping is found and repaired within 6 s', () => {
  const stage = play({ seed: 42 }, false);
  const { world, router } = stage;
  const download = new Download(stage);
  world.runFor(seconds(10));
  const mark = download.mark;
  world.link('isp1').nat?.reboot();
  world.runFor(seconds(10));
  const end = download.mark;
  world.runFor(seconds(1));
  const { outage, lost } = download.result(mark, end);
  measured('NAT reboots under download only, outage', outage);
  assert.ok(outage < 6000, `outage ${outage} ms, ${lost} lost`);
  assert.equal(router.uplink, 'wan0');
  untilRest(stage);
});

test('M3.8-3: upload only: the hub hears us, we hear nothing; the tunnel finds out without harm', () => {
  const stage = play({ seed: 43 });
  const { world, router, stream } = stage;
  // The hub's answers vanish behind the new mapping; ours arrive.
  world.link('isp1').nat?.reboot();
  stream.stop();
  world.runFor(seconds(70));
  assert.equal(router.all('nat.mapping_changed').length, 1, 'found by the idle liveness check');
  stream.start();
  const mark = stream.mark;
  world.runFor(seconds(3));
  assert.ok(stream.result(mark, stream.mark - 5).lost <= 1);
  untilRest(stage);
});

// Found by the random driver, seed 2338: the first check took the new mapping for the one that IKE_AUTH had.
for (const at of [1, 16, 31, 45, 61]) {
  test(`M3.8-3: the NAT reboots ${at} ms after IKE_AUTH was answered: the hub follows`, () => {
    const stage = openScene({ suite, seed: 740 + at });
    const { world, router, hub, stream } = stage;
    hub.start();
    router.start();
    world.runUntil(() => router.up, seconds(2), 'the tunnel');
    world.runFor(millis(at));
    world.link('isp1').nat?.reboot();
    stream.start();
    world.runFor(seconds(3));
    const mark = stream.mark;
    world.runFor(seconds(2));
    assert.equal(stream.result(mark, stream.mark - 10).lost, 0);
    untilRest(stage);
  });
}
