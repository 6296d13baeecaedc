/**
 * Random worlds: a seed draws a topology (uplinks, NATs, firewalls, families, the hub's place) and a series of blows, and ten simulated minutes are
 * played on it. The invariants of the world hold at every step. After a long enough wait traffic passes whenever a whole uplink was there all the time;
 * when everything has healed nothing is lost any more, both sides agree on SAs and addresses, and after a clean stop nothing is left.
 */
import assert from 'node:assert/strict';
import { ip, ipFamily, millis, minutes, seconds, type IpAddress } from '../../src/base/index.ts';
import { Prng, type DeviceAddress, type LinkOptions } from '../sim/index.ts';
import { openScene, SCENE, type Scene, type SceneDevice } from '../sim/scene.ts';
import { drawn, heal, present, TRANSITIONS, type Play, type Side, type Transitions } from './random.ts';
import { answersPing, suite } from './stage.ts';

/** What a world lasts; everything heals when this much is left. */
const LENGTH = minutes(10);
const HEALS_BEFORE_END = seconds(200);
/** A whole uplink carries traffic by then, whatever happened before: attempts are a minute apart at most. */
const BACK_WITHIN = seconds(100);
/** Packets a second right after a blow and while a wait is judged; between them one every five seconds, or none: time without packets costs nothing. */
const PROBE_RATE = 2;
const SPARSE_RATE = 0.2;
const AFTER_BLOW = seconds(6);
const PROBED = seconds(3);

const at = (address: IpAddress, length: number): DeviceAddress => ({ address, length });
const WAN3 = { public: ip('203.0.113.33'), inner: ip('172.16.0.2'), six: ip('2001:db8:3::2') };
const HUB_OTHER = ip('192.0.2.2');
const HUB_INSIDE = ip('10.99.0.2');

/** Access links as they are met: NATs of every kind, stateful firewalls, narrow paths with and without ICMP. */
function link(prng: Prng, publicAddress: IpAddress, slow: number): LinkOptions {
  const firewall = prng.chance(0.3) ? { firewall: { idle: seconds(prng.pick([30, 60, 180])), inboundRefresh: prng.chance(0.7) } } : {};
  const nat = prng.chance(0.75)
    ? { nat: {
      publicAddress, expiry: seconds(prng.pick([30, 60, 120, 300])), inboundRefresh: prng.chance(0.3), keepPort: prng.chance(0.5), hairpin: prng.chance(0.3),
      mapping: prng.pick(['endpoint-independent', 'address-dependent', 'endpoint-dependent'] as const), filtering: prng.pick(['open', 'address-restricted', 'port-restricted'] as const),
    } }
    : {};
  return {
    rtt: millis(prng.range(2, slow)), jitter: millis(prng.chance(0.3) ? prng.range(1, 20) : 0),
    pathMtu: prng.pick([1500, 1500, 1500, 1492, 1400, 1280]), icmp: prng.chance(0.8), ...nat, ...firewall,
  };
}

interface Drawn {
  readonly stage: Scene;
  /** Somebody inside is asked whether data passes. */
  readonly asks: boolean;
  readonly sides: readonly Side[];
  readonly hubHome: readonly DeviceAddress[];
}

function topology(seed: number, prng: Prng): Drawn {
  const family = prng.pick(['4', '4', '4', '6', 'both'] as const);
  const place = family === '6' ? 'one' : prng.pick(['one', 'one', 'two', 'static NAT'] as const);
  const hubHome = [
    ...(family === '6' ? [] : [at(place === 'static NAT' ? HUB_INSIDE : SCENE.hub, 24)]),
    ...(place === 'two' ? [at(HUB_OTHER, 24)] : []), ...(family === '4' ? [] : [at(SCENE.hub6, 64)]),
  ];
  const remoteAddrs = [...(family === '6' ? [] : [SCENE.hub]), ...(place === 'two' ? [HUB_OTHER] : []), ...(family === '4' ? [] : [SCENE.hub6])];
  if (prng.chance(0.5)) remoteAddrs.reverse();
  const home = (four: IpAddress, six: IpAddress): DeviceAddress[] => {
    const kind = family === 'both' ? prng.pick(['4', '6', 'both'] as const) : family;
    return [...(kind === '6' ? [] : [at(four, 24)]), ...(kind === '4' ? [] : [at(six, 64)])];
  };
  const homes = [home(SCENE.wan, SCENE.wan6), home(SCENE.wwan, SCENE.wwan6), home(WAN3.inner, WAN3.six)] as const;
  const third: SceneDevice[] = prng.chance(0.3) ? [{ name: 'lte0', link: 'isp3', options: link(prng, WAN3.public, 400), addresses: homes[2], metric: 30 }] : [];
  const metered = (device: string): string => `config uplink '${device}'\n option device '${device}'\n option metered '${prng.chance(0.3) ? 1 : 0}'\n`;
  const short = prng.chance(0.3);
  const asks = seed % 2 === 0;
  const stage = openScene({
    seed, suite, rate: PROBE_RATE, ticks: prng.pick(['exact', 'sloppy'] as const),
    wan: link(prng, SCENE.wanPublic, 80), wwan: link(prng, SCENE.wwanPublic, 300), uplinks: third, remoteAddrs,
    hubDevices: [{ name: 'eth0', link: 'hub', metric: 1, addresses: hubHome, options: { rtt: millis(0), ...(place === 'static NAT' ? { nat: { publicAddress: SCENE.hub, oneToOne: HUB_INSIDE } } : {}) } }],
    router: prng.chance(0.3) ? metered('wan0') + metered('wwan0') + (third.length > 0 ? metered('lte0') : '') : '',
    connection: [...(asks ? [`option echo_address '${SCENE.server}'`] : []), ...(short ? ["option child_lifetime '60'", "option ike_lifetime '150'"] : [])],
    ...(short ? { hubConnection: ["option child_lifetime '70'", "option ike_lifetime '160'"] } : {}),
  });
  const side = (name: string, where: string, own: readonly DeviceAddress[]): Side => {
    const device = stage.router.device(name);
    device.disconnect();
    device.connect(own);
    return { link: stage.world.link(where), device, home: own, next: 100 };
  };
  const sides = [side('wan0', 'isp1', homes[0]), side('wwan0', 'isp2', homes[1]), ...third.map(({ name }) => side(name, 'isp3', homes[2]))];
  return { stage, asks, sides, hubHome };
}

/** What befalls worlds beside the transitions of random.ts. */
const BLOWS: Transitions = {
  ...TRANSITIONS,
  'bursts of loss': { weight: 2, run: ({ prng }, side) => side.link.set({ burst: { enter: 0.05, leave: prng.range(5, 30) / 100, loss: 0.9 } }) },
  'bursts end': { weight: 2, run: (_, side) => side.link.set({ burst: undefined }) },
  'a filter against UDP 4500': { weight: 1, run: (_, side) => void (side.link.filters = ['udp-4500']) },
  'a filter against UDP 500': { weight: 1, run: (_, side) => void (side.link.filters = ['udp-500']) },
  'a filter against ESP': { weight: 1, run: (_, side) => void (side.link.filters = [(packet) => packet.protocol === 'esp']) },
  'a filter against ESP in UDP': { weight: 1, run: (_, side) => void (side.link.filters = ['esp-in-udp']) },
  'a filter against large packets': { weight: 1, run: (_, side) => void (side.link.filters = [(packet) => packet.bytes.length > 700]) },
  'filters go': { weight: 2, run: (_, side) => void (side.link.filters = []) },
  'firewall forgets': { weight: 2, run: (_, side) => side.link.firewall?.reboot() },
  'the way becomes slower': { weight: 1, run: ({ prng }, side) => side.link.set({ latency: prng.range(1, 400) }, prng.pick(['up', 'down', 'both'] as const)) },
  'a narrow way': { weight: 1, run: ({ prng }, side) => side.link.set({ pathMtu: prng.pick([1280, 1400, 1500]) }) },
  'all addresses at once': { weight: 1, run: (_, side) => void (present(side) && (side.device.disconnect(), side.device.connect(side.home))) },
};
const NAMES = drawn(BLOWS);

/** A hub with two addresses loses one and gets it back. */
function hubBlow({ stage, prng }: Play, home: readonly DeviceAddress[]): string {
  const eth = stage.hub.device('eth0');
  const [first] = eth.addresses;
  if (home.length < 2 || first === undefined) return 'nothing';
  if (eth.addresses.length < home.length) eth.connect(home.filter(({ address }) => !eth.addresses.includes(address)));
  else eth.loseAddress(prng.pick(eth.addresses));
  return `the hub has ${eth.addresses.join(', ')}`;
}

/** Uplinks over which the hub can be reached and has been since they were asked before: `since` holds the whole ones. */
function wholeOnes({ stage, sides }: Play): Side[] {
  const { hub, router } = stage;
  if (!hub.running || !router.running) return [];
  const families = new Set(hub.device('eth0').addresses.map(ipFamily));
  return sides.filter(({ link: on, device }) => on.whole && device.reachable && device.addresses.some((a) => families.has(ipFamily(a))));
}

export interface WorldResult {
  /** Steps of the world: packets, timers, answers. */
  readonly steps: number;
  readonly healed: number;
  /** Times traffic was asked for while a whole uplink was there. */
  readonly judged: number;
  /** Most IKE messages of a host in ten seconds. */
  readonly busiest: number;
}

/** More IKE SAs of one router than this at its hub: what it left behind is not given up. */
const MOST_SAS = 6;

/** A long wait; then traffic passes if one uplink was whole all the while. */
function wait(play: Play & { readonly asks: boolean }): boolean {
  const { world, stream } = play.stage;
  const whole = wholeOnes(play);
  if (play.stage.hub.running) world.check(() => assert.ok((play.stage.hub.ask('connections') as readonly unknown[]).length <= MOST_SAS, 'few IKE SAs at the hub'));
  world.runFor(AFTER_BLOW);
  const isIdle = play.prng.chance(0.6);
  if (isIdle) stream.stop();
  else stream.rate = SPARSE_RATE;
  world.runFor(millis(BACK_WITHIN - AFTER_BLOW));
  stream.rate = PROBE_RATE;
  stream.start();
  const mark = stream.mark;
  world.runFor(PROBED);
  // ESP that was filtered from the beginning looks like traffic that goes one way only (F-3), where nobody inside is asked: that story is told in
  // esp-blocked.test.ts. A filter is not found out either while nothing is to pass.
  if ((!play.asks || isIdle) && play.sides.some(({ link: on }) => on.filters.some((filter) => typeof filter === 'function' || filter === 'esp-in-udp'))) return false;
  if (whole.length === 0 || !whole.every((side) => wholeOnes(play).includes(side))) return false;
  world.runFor(seconds(2));
  world.check(() => assert.ok(stream.result(mark, stream.mark - 2).answered > 0, `traffic passes: ${whole.map((side) => side.device.name).join(', ')} was whole for ${BACK_WITHIN} ms`));
  return true;
}

/** Plays one seed for ten simulated minutes; throws with seed, trace and all that was done. */
export function playWorld(seed: number): WorldResult {
  const prng = new Prng(`world ${seed}`);
  const { stage, sides, hubHome, asks } = topology(seed, prng);
  const { world, router, hub, stream } = stage;
  const play = { stage, prng, sides, asks, did: [] as string[] };
  if (asks) answersPing(stage.hub, SCENE.server);
  const latencies = sides.map(({ link: on }) => [on, on.up.latency, on.down.latency] as const);
  let judged = 0;
  try {
    stage.establish(seconds(60));
    stream.start();
    world.runFor(seconds(prng.range(1, 5)));
    while (world.now < LENGTH - HEALS_BEFORE_END - BACK_WITHIN) {
      const side = prng.pick(sides);
      const name = prng.chance(0.08) ? hubBlow(play, hubHome) : prng.pick(NAMES);
      play.did.push(`${world.now.toFixed(0)} ${name} (${side.device.name})`);
      BLOWS[name]?.run(play, side);
      stream.rate = PROBE_RATE;
      if (prng.chance(0.8)) stream.start();
      // Often within a round trip of the one before, sometimes long after.
      const gap = prng.unit();
      if (gap < 0.5) world.runFor(millis(prng.range(0, 150)));
      else if (gap < 0.8) world.runFor(millis(prng.range(150, 5000)));
      else if (wait(play)) judged++;
    }
    for (const [on, up, down] of latencies) {
      on.set({ latency: up }, 'up');
      on.set({ latency: down }, 'down');
    }
    hub.device('eth0').connect(hubHome.filter(({ address }) => !hub.device('eth0').addresses.includes(address)));
    stream.rate = 10;
    stream.start();
    const healed = heal(play);
    stream.stop();
    world.runFor(millis(Math.max(1000, LENGTH - world.now)));
    const busiest = Math.max(router.watch.pairs.busiest, hub.watch.pairs.busiest);
    end(stage);
    return { steps: world.steps, healed, judged, busiest };
  } catch (error) {
    throw new Error(`SEED=${seed}: ${error instanceof Error ? error.message : String(error)}\nwhat was done:\n  ${play.did.join('\n  ')}`, { cause: error });
  }
}

/** The router stops cleanly: it leaves neither device nor route, and the hub keeps no SA. */
function end({ world, router, hub }: Scene): void {
  router.terminate();
  world.runUntil(() => !router.running, seconds(5), 'the end of the router');
  world.runFor(seconds(5));
  world.check(() => {
    assert.deepEqual(router.kernel.dump().split('\n').filter((line) => line.includes('mobiked')), [], 'left in the kernel of the router');
    assert.deepEqual([hub.watch.spis('in'), hub.watch.spis('out')], [[], []], 'SAs left at the hub');
    assert.deepEqual((hub.ask('connections') as readonly { state?: string }[]).filter((c) => c.state === 'up'), [], 'connections at the hub');
  });
}

/** Plays `count` seeds from `from` on; failures are told together. */
export function playWorlds(from: number, count: number, each: (result: WorldResult, seed: number) => void = () => undefined): string[] {
  const failures: string[] = [];
  for (let seed = from; seed < from + count; seed++) {
    try {
      each(playWorld(seed), seed);
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error));
    }
  }
  return failures;
}
