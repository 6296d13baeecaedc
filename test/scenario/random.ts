/**
 * The random driver: draws what may befall a router and its hub, one thing after the other, from a seed. The world's invariants hold at
 * every step; at the end everything heals, and within a while traffic flows, the SAs of both sides pair up and none is left over.
 */
import assert from 'node:assert/strict';
import { ip, ipFamily, millis, minutes, seconds, type IpAddress } from '../../src/base/index.ts';
import { Prng, type Device, type DeviceAddress, type Link, type NatOptions } from '../sim/index.ts';
import { openScene, SCENE, type Scene } from '../sim/scene.ts';
import { thorough } from '../tools/thorough.ts';
import { atRest, suite } from './stage.ts';

/** All is healed by then: a restarted hub is found by a liveness check, and attempts are a minute apart at most. */
const HEALED_WITHIN = minutes(3);

export interface Side {
  readonly link: Link;
  readonly device: Device;
  /** What the device has when nothing is wrong. */
  readonly home: readonly DeviceAddress[];
  /** For addresses never used before. */
  next: number;
}

export interface Play {
  readonly stage: Scene;
  readonly prng: Prng;
  readonly sides: readonly Side[];
  readonly did: string[];
}

const nat = (prng: Prng, publicAddress: IpAddress): { nat?: NatOptions } =>
  prng.chance(0.2) ? {} : {
    nat: { publicAddress, mapping: prng.pick(['endpoint-independent', 'endpoint-dependent'] as const), filtering: prng.pick(['open', 'address-restricted', 'port-restricted'] as const) },
  };

export function present(side: Side): boolean {
  if (!side.device.present) side.device.create();
  return side.device.addresses.length > 0;
}

export interface Transitions {
  readonly [name: string]: { readonly weight: number; readonly run: (play: Play, side: Side) => void };
}

/** One row per thing that may happen: how often it is drawn, and what it does. */
export const TRANSITIONS: Transitions = {
  unplug: { weight: 3, run: (_, { link }) => link.unplug() },
  plug: { weight: 4, run: (_, { link }) => link.plug() },
  'black hole': { weight: 3, run: ({ prng }, { link }) => link.blackHole(prng.pick(['both', 'up', 'down'] as const)) },
  heal: { weight: 4, run: (_, { link }) => link.heal() },
  'NAT reboots': { weight: 3, run: (_, { link }) => link.nat?.reboot() },
  'address lost': { weight: 2, run: (_, { device }) => void (device.present && device.disconnect()) },
  'address back': { weight: 3, run: (_, side) => void (present(side) || side.device.connect(side.home)) },
  'address changes': {
    weight: 2,
    run: (_, side) => {
      if (!present(side)) return;
      const [old] = side.device.addresses;
      if (old === undefined) return;
      side.device.connect([{ address: ip(old.replace(/\d+$/, String(side.next++))), length: ipFamily(old) === 4 ? 24 : 64 }]);
      side.device.loseAddress(old);
    },
  },
  'link down': { weight: 1, run: (_, { device }) => void (device.present && device.setDown()) },
  'link up': { weight: 2, run: (_, { device }) => void (device.present && device.setUp()) },
  'device removed': { weight: 1, run: (_, { device }) => device.remove() },
  loss: { weight: 2, run: ({ prng }, { link }) => link.set({ loss: prng.range(5, 30) / 100 }) },
  'no loss': { weight: 2, run: (_, { link }) => link.set({ loss: 0 }) },
  'reordering and duplicates': { weight: 1, run: (_, { link }) => link.set({ reorder: 0.1, duplicate: 0.1 }) },
  'rekey IKE SA, router': { weight: 2, run: ({ stage }) => ask(stage, 'router', 'rekey', 'hq') },
  'rekey IKE SA, hub': { weight: 2, run: ({ stage }) => ask(stage, 'hub', 'rekey', 'hq') },
  'rekey Child SA, router': { weight: 2, run: ({ stage }) => ask(stage, 'router', 'rekey', 'lan') },
  'rekey Child SA, hub': { weight: 2, run: ({ stage }) => ask(stage, 'hub', 'rekey', 'lan') },
  'reload, router': { weight: 1, run: ({ stage }) => stage.router.reload() },
  'reload, hub': { weight: 1, run: ({ stage }) => stage.hub.reload() },
  switch: { weight: 2, run: ({ stage }, { device }) => void quietly(() => stage.router.ask('switch', { connection: 'hq', uplink: device.name })) },
  'down and up': {
    weight: 1,
    run: ({ stage, prng }) => {
      ask(stage, 'router', 'down', 'hq');
      stage.world.runFor(millis(prng.range(0, 2000)));
      ask(stage, 'router', 'up', 'hq');
    },
  },
  'hub killed': {
    weight: 1,
    run: ({ stage, prng }) => {
      stage.hub.crash();
      stage.world.runFor(millis(prng.range(10, 20_000)));
      stage.hub.start();
    },
  },
  'router killed': {
    weight: 1,
    run: ({ stage, prng }) => {
      stage.router.crash();
      stage.world.runFor(millis(prng.range(10, 5000)));
      stage.router.start();
    },
  },
  'router stops and starts': {
    weight: 1,
    run: ({ stage }) => {
      // What a clean stop leaves unprotected must not be sent.
      stage.stream.stop();
      stage.world.runFor(millis(50));
      stage.router.terminate();
      stage.world.runUntil(() => !stage.router.running, seconds(2), 'the end of the router');
      stage.router.start();
      stage.world.runFor(millis(100));
      stage.stream.start();
    },
  },
  idle: {
    weight: 1,
    run: ({ stage, prng }) => {
      stage.stream.stop();
      stage.world.runFor(seconds(prng.range(10, 200)));
      stage.stream.start();
    },
  },
};

function quietly(work: () => unknown): void {
  try {
    work();
  } catch (error) {
    // A refusal is an answer too; a broken invariant is not.
    if (!(error instanceof Error) || error.message.includes('invariant')) throw error;
  }
}

function ask(stage: Scene, side: 'router' | 'hub', command: 'rekey' | 'up' | 'down', name: string): void {
  quietly(() => stage[side].ask(command, { name }));
}

/** Names as often as their weight says, to draw from. */
export const drawn = (of: Transitions): readonly string[] => Object.entries(of).flatMap(([name, row]) => Array.from({ length: row.weight }, () => name));

const DRAWN = drawn(TRANSITIONS);

/** Plays one seed; throws with seed, trace and all that was done. Returns how long healing took. */
export function playRandom(seed: number): number {
  const prng = new Prng(`random ${seed}`);
  const stage = openScene({
    seed, suite, rate: 10, ticks: prng.pick(['exact', 'sloppy'] as const),
    wan: { rtt: millis(prng.range(2, 80)), ...nat(prng, SCENE.wanPublic) }, wwan: { rtt: millis(prng.range(20, 300)), ...nat(prng, SCENE.wwanPublic) },
    ...(prng.chance(0.3) ? { connection: ["option child_lifetime '60'", "option ike_lifetime '150'"], hubConnection: ["option child_lifetime '70'", "option ike_lifetime '160'"] } : {}),
  });
  const side = (link: string, device: Device, home: IpAddress): Side => ({ link: stage.world.link(link), device, home: [{ address: home, length: 24 }], next: 100 });
  const play: Play = { stage, prng, sides: [side('isp1', stage.wan, SCENE.wan), side('isp2', stage.wwan, SCENE.wwan)], did: [] };
  try {
    stage.establish(seconds(30));
    stage.stream.start();
    stage.world.runFor(seconds(1));
    for (let count = prng.range(6, 16); count > 0; count--) {
      const name = prng.pick(DRAWN);
      const where = prng.pick(play.sides);
      play.did.push(`${stage.world.now.toFixed(0)} ${name} (${where.device.name})`);
      TRANSITIONS[name]?.run(play, where);
      // Often within a round trip of the one before.
      stage.world.runFor(millis(prng.chance(0.5) ? prng.range(0, 150) : prng.range(150, 5000)));
    }
    return heal(play);
  } catch (error) {
    throw new Error(`SEEDS=${seed}: ${error instanceof Error ? error.message : String(error)}\nwhat was done:\n  ${play.did.join('\n  ')}`, { cause: error });
  }
}

/** Everything heals; returns how long it took until traffic flowed and both sides were at rest. */
export function heal({ stage, sides, did }: Play): number {
  const { world, router, hub, stream } = stage;
  for (const { link, device, home } of sides) {
    link.plug();
    link.heal();
    link.set({ loss: 0, burst: undefined, reorder: 0, duplicate: 0 });
    link.filters = [];
    if (!device.present) device.create();
    device.setUp();
    if (device.addresses.length === 0) device.connect(home);
  }
  did.push(`${world.now.toFixed(0)} everything heals`);
  const from = world.now;
  world.runFor(millis(3600));
  // The slowest round trip takes 300 ms: what left 600 ms ago has been answered. Three seconds, since the last blow may not be felt yet.
  const flowing = (): boolean => stream.result(Math.max(0, stream.mark - 36), Math.max(0, stream.mark - 6)).lost === 0;
  const rested = (): boolean => {
    if (!router.up || !flowing()) return false;
    try {
      atRest(stage);
      return (hub.ask('connections') as readonly unknown[]).length === 1;
    } catch {
      return false;
    }
  };
  while (!rested() && world.now < from + HEALED_WITHIN) world.runFor(seconds(1));
  const took = world.now - from;
  world.check(() => {
    assert.equal(router.up, true, 'the tunnel is up');
    assert.equal(flowing(), true, 'traffic flows');
    atRest(stage);
  });
  world.runFor(millis(500));
  const mark = stream.mark;
  world.runFor(seconds(2));
  world.check(() => {
    const { lost } = stream.result(mark, stream.mark - 8);
    assert.equal(lost, 0, 'packets lost after everything has healed');
    assert.equal((hub.ask('connections') as readonly unknown[]).length, 1, 'IKE SAs at the hub');
  });
  return took;
}

/**
 * Plays the seeds of one of two files that share them: `SEEDS=17` plays one, `SEEDS=1000-2000` a range, without it 1 to 200, in `make check` 1 to 30. Every seed
 * is played; the failures are told together.
 */
export function playShare(share: 0 | 1): { readonly worst: number; readonly wanted: string } {
  const wanted = process.env['SEEDS'] ?? (thorough ? '1-200' : '1-30');
  const [from = 1, to = from] = wanted.split('-').map(Number);
  const failures: unknown[] = [];
  let worst = 0;
  for (let seed = from; seed <= to; seed++) {
    if (seed % 2 !== share) continue;
    try {
      worst = Math.max(worst, playRandom(seed));
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw new Error(failures.map((error) => (error instanceof Error ? error.message : String(error))).join('\n\n'));
  return { worst, wanted };
}
