// What the targets of an uplink say, and what becomes of it: portals, dead targets, filters, metered lines.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { ip, minutes, seconds, type JsonObject } from '../../src/base/index.ts';
import { captivePortal, probeIn, ProbeServer } from '../sim/index.ts';
import { SCENE, type Scene } from '../sim/scene.ts';
import { play, untilOn, untilRest, type PlayOptions } from './stage.ts';

const TARGET = ip('198.51.100.77');
const OTHER = ip('198.51.100.78');
const DEAD = ip('198.51.100.99');

/** Sections of both uplinks; each list has UCI lines. */
const sections = (wan: readonly string[], wwan: readonly string[] = wan): string => [
  "config uplink 'wan0'", " option device 'wan0'", ...wan.map((line) => ` ${line}`), "config uplink 'wwan0'", " option device 'wwan0'", ...wwan.map((line) => ` ${line}`), '',
].join('\n');

interface Story extends Scene {
  readonly target: ProbeServer;
}

function tell(options: PlayOptions, wan: readonly string[], wwan?: readonly string[], streams = true): Story {
  let target: ProbeServer | undefined;
  const stage = play({
    ...options, router: sections(wan, wwan),
    prepare: (scene) => {
      target = new ProbeServer(scene.world, scene.world.link('target', { rtt: seconds(0) }), TARGET);
      options.prepare?.(scene);
    },
  }, streams);
  assert.ok(target);
  return Object.assign(stage, { target });
}

const states = (stage: Scene, uplink: string): string[] => stage.router.all('uplink.reachability').filter((e) => e.uplink === uplink).map((e) => e.state);
const uplinkOf = (stage: Scene, name: string): JsonObject => (stage.router.ask('uplinks') as readonly JsonObject[]).find((uplink) => uplink['name'] === name) ?? {};
const probesOf = (stage: Scene, name: string): JsonObject => uplinkOf(stage, name)['probes'] as JsonObject;

test('every type is asked through both uplinks, each from its own address, and shown with status and event', () => {
  const stage = tell({ seed: 71 }, [`list probe 'icmp ${TARGET}'`, `list probe 'dns ${TARGET} example.com'`, `list probe 'tcp ${TARGET} 443'`, "list probe 'http http://check.example/'", "option probe_quorum '4'"], undefined, false);
  const { world, target, router } = stage;
  world.dns.set('check.example', [TARGET]);
  world.runFor(seconds(70));
  for (const from of [SCENE.wanPublic, SCENE.wwanPublic]) {
    assert.deepEqual(target.asked.filter((one) => one.from === from).slice(0, 4).map(({ type }) => type).sort(), ['dns', 'http', 'icmp', 'tcp'], from);
  }
  assert.deepEqual([states(stage, 'wan0').at(-1), states(stage, 'wwan0').at(-1)], ['reachable', 'reachable']);
  const probes = probesOf(stage, 'wan0');
  assert.equal(probes['state'], 'reachable');
  assert.deepEqual((probes['targets'] as readonly JsonObject[]).map((one) => one['outcome']), ['answered', 'answered', 'answered', 'answered']);
  assert.equal(router.uplink, 'wan0');
});

test('a captive portal on the better uplink: the tunnel comes up through the other one, and goes to the better one after the login', () => {
  let login: () => void = () => undefined;
  const stage = tell({ seed: 72, rate: 3, prepare: (scene) => (login = captivePortal(scene.world, scene.world.link('isp1'))) }, [`list probe 'http http://${TARGET}/generate_204'`]);
  const { world, router, target } = stage;
  assert.equal(router.uplink, 'wwan0');
  world.runFor(minutes(2));
  assert.deepEqual(states(stage, 'wan0'), ['captive']);
  assert.deepEqual(states(stage, 'wwan0'), ['reachable']);
  assert.equal(router.uplink, 'wwan0');
  const path = (uplinkOf(stage, 'wan0')['paths'] as readonly JsonObject[])[0];
  assert.equal(path?.['state'], 'silent');
  assert.ok(target.asked.every(({ from }) => from === SCENE.wwanPublic), 'the portal answered in its place');
  login();
  untilOn(stage, 'wan0', minutes(6));
  world.runFor(seconds(1));
  assert.equal(router.all('path.moved').at(-1)?.reasons[0], 'better_metric');
  world.runFor(minutes(1));
  assert.deepEqual(states(stage, 'wan0'), ['captive', 'reachable']);
  untilRest(stage);
});

test('a portal on a standby that answered IKE before: when the current uplink dies a third one is taken', () => {
  const third = { name: 'eth9', addresses: [{ address: ip('192.168.9.2'), length: 24 }], metric: 30, link: 'isp3', options: { rtt: seconds(0), nat: { publicAddress: ip('203.0.113.99') } } };
  const stage = tell({ seed: 73, uplinks: [third] }, [`list probe 'http http://${TARGET}/'`], [`list probe 'http http://${TARGET}/'`, "config uplink 'eth9'", "option device 'eth9'"]);
  const { world, router } = stage;
  world.runFor(seconds(61));
  captivePortal(world, world.link('isp2'));
  world.runFor(seconds(61));
  assert.equal(states(stage, 'wwan0').at(-1), 'captive');
  world.link('isp1').unplug();
  untilOn(stage, 'eth9', seconds(5));
  world.runFor(seconds(1));
  assert.deepEqual(router.all('path.moved').at(-1)?.reasons[0], 'carrier_lost');
});

test('one dead target of two with a quorum of 1: the uplink is reachable, and the dead one is asked once', () => {
  const stage = tell({ seed: 74 }, [`list probe 'icmp ${DEAD}'`, `list probe 'icmp ${TARGET}'`], undefined, false);
  let asked = 0;
  stage.world.link('isp1').tap((packet) => void (packet.destination.address === DEAD && probeIn(packet) !== undefined && asked++));
  stage.world.runFor(minutes(10));
  assert.deepEqual(states(stage, 'wan0'), ['reachable']);
  assert.ok(asked <= 1, `${asked} probes to the dead one`);
  assert.deepEqual((probesOf(stage, 'wan0')['targets'] as readonly JsonObject[]).map((one) => one['outcome']), ['no_answer', 'answered']);
});

test('with a quorum of 2 it is not, and the tunnel does not mind while IKE answers', () => {
  const stage = tell({ seed: 75, rate: 3 }, [`list probe 'icmp ${DEAD}'`, `list probe 'icmp ${TARGET}'`, "option probe_quorum '2'"]);
  const { world, router } = stage;
  world.runFor(minutes(5));
  assert.deepEqual([states(stage, 'wan0'), states(stage, 'wwan0')], [['unreachable'], ['unreachable']]);
  assert.equal(router.uplink, 'wan0');
  assert.equal(router.all('path.moved').length, 0);
  untilRest(stage);
});

test('ICMP is filtered on the better uplink and IKE passes: it is unreachable, used, and gone back to', () => {
  const stage = tell({ seed: 76, rate: 3 }, [`list probe 'icmp ${TARGET}'`]);
  const { world, router } = stage;
  world.link('isp1').filters.push((packet) => probeIn(packet) === 'icmp');
  world.runFor(minutes(3));
  assert.equal(states(stage, 'wan0').at(-1), 'unreachable');
  assert.equal(router.uplink, 'wan0');
  assert.equal(router.all('path.moved').length, 0);
  world.link('isp1').unplug();
  untilOn(stage, 'wwan0');
  world.runFor(seconds(20));
  world.link('isp1').plug();
  untilOn(stage, 'wan0', minutes(2));
  world.runFor(minutes(3));
  assert.equal(router.uplink, 'wan0');
  untilRest(stage);
});

test('a metered line is asked every 300 s, with the probes of the peer, and another every 60 s; a given pace counts on both', () => {
  const stage = tell({ seed: 77 }, [`list probe 'icmp ${TARGET}'`], [`list probe 'icmp ${TARGET}'`, "option metered '1'"], false);
  const { world, target } = stage;
  world.runFor(minutes(60));
  const of = (from: string): number[] => target.asked.filter((one) => one.from === from).map(({ at }) => at);
  const [paid, free] = [of(SCENE.wwanPublic), of(SCENE.wanPublic)];
  assert.ok(free.length >= 60 && free.length <= 62, `${free.length}`);
  // The first, one in the beat of the peer's first probe, and then every 300 s.
  assert.ok(paid.length >= 12 && paid.length <= 14, `${paid.length}`);
  for (let i = 2; i < paid.length; i++) assert.ok((paid[i] ?? 0) - (paid[i - 1] ?? 0) >= 290_000, `${paid[i - 1]} and ${paid[i]}`);
  const quick = tell({ seed: 78 }, [`list probe 'icmp ${TARGET}'`, "option metered '1'", "option probe_interval '20'"], undefined, false);
  quick.world.runFor(minutes(10));
  assert.ok(quick.target.asked.filter((one) => one.from === SCENE.wanPublic).length >= 29);
});

test('without configured targets nobody is asked but the peer', () => {
  const stage = tell({ seed: 79 }, [], undefined, false);
  const { world, router } = stage;
  const seen: string[] = [];
  for (const link of ['isp1', 'isp2']) world.link(link).tap((packet) => void (probeIn(packet) !== undefined && seen.push(link)));
  world.runFor(minutes(10));
  assert.deepEqual([seen, router.all('uplink.reachability').length, uplinkOf(stage, 'wan0')['probes']], [[], 0, null]);
});

test('a reload brings targets, and takes them away', () => {
  const stage = tell({ seed: 80 }, [], undefined, false);
  const { world, router, target } = stage;
  const without = router.config;
  world.runFor(seconds(10));
  router.config = without.replace(" option device 'wan0'\n", ` option device 'wan0'\n list probe 'tcp ${TARGET} 443'\n`);
  router.reload();
  world.runFor(seconds(5));
  assert.deepEqual(target.asked.map(({ type }) => type), ['tcp']);
  assert.deepEqual(states(stage, 'wan0'), ['reachable']);
  router.config = without;
  router.reload();
  world.runFor(minutes(5));
  assert.equal(target.asked.length, 1);
  assert.equal(uplinkOf(stage, 'wan0')['probes'], null);
});

test('an uplink that goes away mid-probe and comes back is asked anew', () => {
  const stage = tell({ seed: 81 }, [`list probe 'icmp ${OTHER}'`], undefined, false);
  const { world, router } = stage;
  new ProbeServer(world, world.link('other', { rtt: seconds(1) }), OTHER);
  world.runFor(seconds(5));
  world.runFor(seconds(56));
  world.link('isp2').unplug();
  world.runFor(seconds(3));
  assert.equal(probesOf(stage, 'wwan0')['state'], 'unknown');
  world.link('isp2').plug();
  world.runFor(seconds(10));
  assert.equal(probesOf(stage, 'wwan0')['state'], 'reachable');
  assert.deepEqual(router.watch.unanswered.filter((one) => one.startsWith('probe')), []);
});
