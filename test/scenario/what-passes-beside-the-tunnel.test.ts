import { test } from 'node:test';
import assert from 'node:assert/strict';
import { ip, millis, seconds, type JsonObject } from '../../src/base/index.ts';
import { buildInner, CLEAR_MARK } from '../sim/index.ts';
import { openScene, SCENE, type Scene } from '../sim/scene.ts';
import { defaultVia, type SimInterface } from '../sim/netifd.ts';
import { SimNetifd } from './netifd.ts';
import { suite, untilOn, untilRest } from './stage.ts';

const DNS = { wan: '198.51.100.53', onLink: '192.168.1.53', cell: '203.0.113.53', later: '198.51.100.54' } as const;
const TIME = '203.0.113.123';
const LISTED = '198.18.5.0/24';
const ELSEWHERE = ['198.51.100.55', '8.8.8.8', '192.168.2.53', '198.18.4.255', '198.18.6.0'] as const;
const WAN: SimInterface = { up: true, device: 'wan0', metric: 10, addresses: [`${SCENE.wan}/24`], routes: [defaultVia('192.168.1.1')], dns: [DNS.wan, DNS.onLink] };
const CELL: SimInterface = {
  up: true, device: 'wwan0', proto: 'dhcp', metric: 20, addresses: [`${SCENE.wwan}/24`], routes: [defaultVia('100.64.0.1', `${SCENE.wwan}/32`)], dns: [DNS.cell],
  data: { dhcpserver: '100.64.0.1', leasetime: 3600, ntpserver: TIME },
};
const LISTS = `config uplink 'wan'
	option interface 'wan'
	list bypass 'dns'
	list bypass '${LISTED}'
config uplink 'cell'
	option interface 'cell'
	list bypass 'dns'
	list bypass 'ntp'
	list bypass 'dhcp'
	list bypass '${LISTED}'
`;

interface Play {
  readonly stage: Scene;
  readonly netifd: SimNetifd;
  /** Where a packet of the inner client to `to` goes now: a device, in clear text; `tunnel`; or `nowhere`. */
  goes(to: string): string;
  /** The same for several, once each. */
  all(...to: readonly string[]): string[];
}

/** A full tunnel, and the lists of both uplinks. The hub does not run yet. */
function open(seed: number): Play {
  const netifd = new SimNetifd();
  Object.assign(netifd.interfaces, { loopback: { up: true, device: 'lo' }, lan: { up: true, device: 'br-lan', addresses: ['10.1.0.1/24'] }, wan: WAN, cell: CELL });
  Object.assign(netifd.devices, { lo: { up: true, carrier: true }, wan0: { up: true, carrier: true }, wwan0: { up: true, carrier: true }, 'br-lan': { up: true, carrier: true } });
  const stage = openScene({ suite, seed, ubus: netifd.attach, router: LISTS });
  const { world, router, hub } = stage;
  router.config = router.config.replace("list remote_ts '10.2.0.0/24'", "list remote_ts '0.0.0.0/0'");
  hub.config = hub.config.replace("list local_ts '10.2.0.0/24'", "list local_ts '0.0.0.0/0'");
  let heard: string | undefined;
  let asked: string | undefined;
  for (const [link, device] of [['isp1', 'wan0'], ['isp2', 'wwan0']] as const) {
    world.link(link).tap((packet, direction) => {
      if (direction === 'up' && packet.protocol === 'raw' && packet.destination.address === asked) heard = device;
    });
  }
  const goes = (to: string): string => {
    const destination = { address: ip(to), port: 53 };
    heard = undefined;
    asked = to;
    hub.listenInner(17, destination, () => (heard ??= 'tunnel'));
    // Watched here: where it goes is the answer, and each story says what that must be.
    router.mayPass = (address) => address === to;
    router.fromInside(buildInner({ protocol: 17, source: { address: SCENE.client, port: 5353 }, destination, payload: CLEAR_MARK }));
    router.mayPass = () => false;
    world.runFor(millis(200));
    return heard ?? 'nowhere';
  };
  return { stage, netifd, goes, all: (...to) => to.map(goes) };
}

/** The router runs and has seen its uplinks; no hub. */
function alone(seed: number): Play {
  const play = open(seed);
  play.stage.router.start();
  play.stage.world.runFor(seconds(3));
  return play;
}

const told = ({ stage }: Play): { [uplink: string]: unknown } =>
  Object.fromEntries((stage.router.ask('uplinks') as readonly JsonObject[]).map((uplink) => [String(uplink['name']), uplink['bypass']]));

test('ES3-5: while the tunnel is down only the listed pass, each through its own uplink', () => {
  const play = alone(870);
  assert.deepEqual(play.all(DNS.wan, DNS.onLink, DNS.cell, TIME), ['wan0', 'wan0', 'wwan0', 'wwan0']);
  assert.equal(play.goes('198.18.5.7'), 'wan0', 'listed for both: the better metric');
  assert.deepEqual(play.all(...ELSEWHERE, SCENE.server, '10.200.0.1'), Array(7).fill('nowhere'));
  assert.deepEqual(told(play), { wan: [LISTED, `${DNS.wan}/32`, `${DNS.onLink}/32`], cell: [LISTED, `${DNS.cell}/32`, `${TIME}/32`, '100.64.0.1/32'] }, 'status tells');
  assert.ok(play.stage.router.logs.some((l) => l.level === 'info' && l.text.startsWith('may pass beside the tunnels, in clear text: ') && l.text.includes(DNS.wan)), 'the log tells');
});

test('ES3-5: while the tunnel is up the listed pass beside it, everything else inside', () => {
  const play = open(871);
  play.stage.establish();
  play.stage.world.runFor(seconds(3));
  assert.deepEqual(play.all(DNS.wan, DNS.onLink, DNS.cell, '198.18.5.7'), ['wan0', 'wan0', 'wwan0', 'wan0']);
  assert.deepEqual(play.all(...ELSEWHERE, SCENE.server), Array(6).fill('tunnel'));
  play.stage.router.ask('down', { name: 'hq' });
  play.stage.world.runFor(seconds(1));
  assert.deepEqual(play.all(DNS.wan, DNS.cell, ...ELSEWHERE), ['wan0', 'wwan0', ...Array<string>(5).fill('nowhere')], 'down again');
});

test('ES3-5: with the uplink goes what passes through it, and comes back with it', () => {
  const play = open(872);
  const { world, router } = play.stage;
  play.stage.establish();
  world.runFor(seconds(3));
  world.link('isp1').unplug();
  untilOn(play.stage, 'cell');
  assert.deepEqual(play.all(DNS.wan, DNS.onLink, '198.51.100.55'), ['tunnel', 'tunnel', 'tunnel'], 'not in clear through the other uplink');
  assert.deepEqual(play.all(DNS.cell, '198.18.5.7'), ['wwan0', 'wwan0'], "the other uplink's own, and what both list");
  assert.deepEqual(told(play)['wan'], []);
  router.ask('down', { name: 'hq' });
  world.runFor(seconds(1));
  assert.deepEqual(play.all(DNS.wan, DNS.onLink, DNS.cell), ['nowhere', 'nowhere', 'wwan0']);
  world.link('isp1').plug();
  world.runFor(seconds(5));
  assert.deepEqual(play.all(DNS.wan, DNS.onLink, '198.18.5.7'), ['wan0', 'wan0', 'wan0']);
  router.ask('up', { name: 'hq' });
  world.runFor(seconds(5));
  untilRest(play.stage);
});

test('ES3-5: address lost, device gone, no route: fail closed', () => {
  const play = alone(873);
  const { world, wan } = play.stage;
  const closed = (why: string): void => assert.deepEqual(play.all(DNS.wan, DNS.onLink), ['nowhere', 'nowhere'], why);
  const back = (): void => {
    world.runFor(seconds(5));
    assert.deepEqual(play.all(DNS.wan, DNS.onLink), ['wan0', 'wan0']);
  };
  back();
  wan.loseAddress(SCENE.wan);
  closed('at once: the kernel takes the routes with the address');
  wan.connect();
  back();
  wan.remove();
  closed('device removed');
  wan.create();
  wan.connect();
  back();
  wan.removeDefault(4);
  world.runFor(seconds(1));
  closed('no default route: the uplink is down');
});

test('ES3-5: netifd tells another server, a reload another list, a killed daemon leaves none behind', () => {
  const play = alone(874);
  const { router, world } = play.stage;
  play.netifd.say('wan', { ...WAN, dns: [DNS.later] });
  world.runFor(seconds(1));
  assert.deepEqual(play.all(DNS.later, DNS.wan), ['wan0', 'nowhere']);
  router.config = router.config.replace("list bypass 'dns'\n\tlist bypass '198", "list bypass '198");
  router.reload();
  world.runFor(seconds(1));
  assert.deepEqual(play.all(DNS.later, DNS.cell, '198.18.5.7'), ['nowhere', 'wwan0', 'wan0']);
  router.crash();
  assert.equal(play.goes('198.18.5.7'), 'wan0', 'nobody runs: what was allowed stays so, the rest blocked');
  assert.equal(play.goes('198.18.6.0'), 'nowhere');
  router.config = router.config.replaceAll(`\tlist bypass '${LISTED}'\n`, '');
  router.start();
  world.runFor(seconds(3));
  assert.deepEqual(play.all('198.18.5.7', DNS.later, DNS.cell), ['nowhere', 'nowhere', 'wwan0']);
  router.terminate();
  world.runUntil(() => !router.running, seconds(2), 'the end');
  assert.ok(!router.kernel.dump().includes('proto mobiked'), 'a clean stop takes all of it');
});

test('ES3-5: without netifd nobody names servers: said, addresses pass all the same', () => {
  const { world, router } = openScene({ suite, seed: 876, router: "config uplink 'wan'\n\toption device 'wan0'\n\tlist bypass 'dns'\n\tlist bypass '10.2.0.53'\n" });
  router.start();
  world.runFor(seconds(1));
  assert.equal(router.logs.filter((l) => l.level === 'warn' && l.text.startsWith("uplink 'wan': bypass dns: without netifd")).length, 1);
  assert.deepEqual(router.kernel.dump().split('\n').filter((line) => line.endsWith('proto mobiked')), ['route 10.2.0.0/24 unreachable metric 2000000 proto mobiked', 'route 10.2.0.53/32 dev wan0 metric 10 proto mobiked']);
});

test('ES3-5: a route that the kernel refuses is told, tried again, and in no status until it is there', () => {
  const play = open(877);
  const { world, router } = play.stage;
  let refused = 0;
  router.kernel.refuse = (op) => (op.op === 'route.add' && op.route.via.kind === 'device' && op.route.metric === 10 && op.route.destination.address === DNS.wan && refused++ < 2 ? 22 : undefined);
  router.start();
  world.runFor(seconds(3));
  assert.deepEqual(told(play)['wan'], [LISTED, `${DNS.onLink}/32`]);
  assert.deepEqual(router.all('kernel.failed').map((e) => e.what), [`route.add ${DNS.wan}/32 dev ${router.device('wan0').ifindex}`]);
  assert.equal(play.goes(DNS.wan), 'nowhere');
  world.runFor(seconds(10));
  assert.equal(play.goes(DNS.wan), 'wan0');
  assert.deepEqual(told(play)['wan'], [LISTED, `${DNS.wan}/32`, `${DNS.onLink}/32`]);
});

test('ES3-5: block_on_stop keeps what blocks, not what passes', () => {
  const play = open(875);
  const { router, world } = play.stage;
  router.config = router.config.replace(" option role 'initiator'", " option role 'initiator'\n option block_on_stop '1'");
  router.start();
  world.runFor(seconds(3));
  assert.equal(play.goes(DNS.wan), 'wan0');
  router.terminate();
  world.runUntil(() => !router.running, seconds(2), 'the end');
  const own = router.kernel.dump().split('\n').filter((line) => line.endsWith('proto mobiked'));
  assert.ok(own.length > 0 && own.every((line) => line.includes(' unreachable ') || line.includes(' dev mobiked0 ')), own.join('\n'));
  assert.equal(play.goes('198.18.5.7'), 'nowhere');
});
