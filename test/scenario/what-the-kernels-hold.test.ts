import { test } from 'node:test';
import assert from 'node:assert/strict';
import { ip, seconds } from '../../src/base/index.ts';
import { buildInner } from '../sim/index.ts';
import { SCENE, type Scene } from '../sim/scene.ts';
import { expectGolden, kernels } from './golden.ts';
import { play, record, untilOn, type PlayOptions } from './stage.ts';

interface Row {
  readonly name: string;
  readonly input: string;
  readonly options?: Partial<PlayOptions>;
  readonly then: (stage: Scene) => void;
}

const ROWS: readonly Row[] = [
  { name: 'established', input: 'the tunnel is up', then: () => undefined },
  {
    name: 'moved', input: 'the first uplink is unplugged',
    then: (stage) => {
      stage.world.link('isp1').unplug();
      untilOn(stage, 'wwan0');
    },
  },
  { name: 'device-removed', input: "the first uplink's device is removed", then: ({ wan }) => wan.remove() },
  { name: 'down', input: 'mobikectl down hq', then: ({ router }) => void router.ask('down', { name: 'hq' }) },
  { name: 'killed', input: 'the router is killed', then: ({ router }) => router.crash() },
  { name: 'hub-killed', input: 'the hub is killed', then: ({ hub }) => hub.crash() },
  {
    name: 'stopped', input: 'SIGTERM to the router',
    then: ({ world, router }) => {
      router.terminate();
      world.runUntil(() => !router.running, seconds(2), 'the end');
    },
  },
  {
    name: 'stopped-blocked', input: 'SIGTERM to the router, block_on_stop', options: { connection: ["option block_on_stop '1'"] },
    then: ({ world, router }) => {
      router.terminate();
      world.runUntil(() => !router.running, seconds(2), 'the end');
    },
  },
  {
    name: 'everything-through-the-tunnel', input: "remote_ts '0.0.0.0/0'",
    options: {
      prepare: ({ router, hub }) => {
        router.config = router.config.replace("list remote_ts '10.2.0.0/24'", "list remote_ts '0.0.0.0/0'");
        hub.config = hub.config.replace("list local_ts '10.2.0.0/24'", "list local_ts '0.0.0.0/0'");
      },
    },
    then: () => undefined,
  },
];

for (const { name, input, options, then } of ROWS) {
  test(`what the kernels hold: ${name}`, () => {
    const stage = play({ seed: 850, ...options }, false);
    then(stage);
    stage.world.runFor(seconds(2));
    expectGolden(name, 'two daemons in the simulated world', input, kernels(stage));
  });
}

test('K-7: with everything through the tunnel, IKE and ESP leave through the uplink all the same, and a move works', () => {
  const stage = play({ seed: 851, ...ROWS.at(-1)?.options });
  const { world, router, hub } = stage;
  // Some host of the Internet, reached through the hub.
  const far = { address: ip('198.18.0.1'), port: 9 };
  let heard = 0;
  hub.listenInner(17, far, () => heard++);
  const outside = record(stage, world.link('isp2'));
  world.link('isp1').unplug();
  untilOn(stage, 'wwan0');
  world.runFor(seconds(1));
  router.fromInside(buildInner({ protocol: 17, source: { address: SCENE.client, port: 9 }, destination: far, payload: new Uint8Array(8) }));
  world.runFor(seconds(1));
  assert.equal(heard, 1);
  assert.ok(outside.every((p) => p.packet.destination.address === SCENE.hub || p.packet.destination.address === SCENE.wwan), 'only the hub is spoken to');
});
