// The real daemon, a ubusd and a netifd that speak the true wire format, the real kernel below.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { JsonObject } from '../../src/base/index.ts';
import { ADDRESS, Stream, UPLINKS, monotonic, startServer, type UplinkDevice } from '../lab/index.ts';
import { NetifdStandIn, defaultVia, type SimInterface } from '../sim/netifd.ts';
import { UbusPeer } from '../sim/ubus-peer.ts';
import { Ubusd } from '../sim/ubusd.ts';
import { DaemonLab, established, hubConf, moved, quiet, routerConf, systemProblem, until, type Daemon } from './daemon-lab.ts';

const problem = systemProblem();
const options = { skip: problem ?? false, timeout: 60_000 };
const PORT = 7;
const NAMES: { readonly [D in UplinkDevice]: string } = { wan0: 'wan', wwan0: 'wwan' };
const DEVICES = Object.keys(NAMES) as UplinkDevice[];
const LIVE = { present: true, active: true, linkActive: true };

let lab: DaemonLab;
let router: Daemon;
let hub: Daemon;
let stream: Stream;
const ubusd = new Ubusd();
const netifd = new NetifdStandIn();
netifd.reconnectInterval = 300;

const socket = (): string => join(lab.dir, 'ubus.sock');

function said(device: UplinkDevice, up: boolean, proto = 'dhcp'): SimInterface {
  const { address, length, gateway, metric } = UPLINKS[device];
  if (!up) return { up: false, proto, device };
  return { up: true, proto, device, metric, addresses: [`${address}/${length}`], routes: [defaultVia(gateway, `${address}/32`)], dns: [gateway] };
}

/** What netifd says when all is well. */
async function allIsWell(): Promise<void> {
  for (const device of [...DEVICES, 'br-lan']) netifd.device(device, LIVE);
  await netifd.set('loopback', { up: true, device: 'lo', addresses: ['127.0.0.1/8'] });
  await netifd.set('lan', { up: true, device: 'br-lan', addresses: [`${ADDRESS.routerLan}/24`] });
  for (const device of DEVICES) await netifd.set(NAMES[device], said(device, true));
}

before(async () => {
  if (problem !== undefined) return;
  lab = await new DaemonLab().open();
  await startServer(lab.server, PORT);
  await ubusd.start(socket());
  await allIsWell();
  await netifd.start(socket());
  ({ router, hub } = await lab.both(routerConf(), hubConf(), { ubus: socket() }));
  stream = new Stream(lab.client, ADDRESS.server, PORT);
  await stream.flowing(10, 0, 5000);
});
after(async () => {
  if (problem !== undefined) return;
  await lab.close();
  await netifd.kill();
  await ubusd.stop();
});

interface UplinkDocument {
  readonly name: string;
  readonly device: string;
  readonly state: string;
  readonly metric: number;
}
const uplinks = (): Promise<UplinkDocument[]> => lab.json<UplinkDocument[]>('router', 'uplinks');
const tunnel = async (): Promise<string> => {
  const [first] = await lab.json<{ uplink: string; children: { spi_in: string }[] }[]>('router', 'connections');
  return `${String(first?.children[0]?.spi_in)}`;
};
const downs = (since: number): string[] =>
  router.events.events.filter((e) => e.at >= since).flatMap(({ event }) => (event.type === 'uplink.changed' && event.state !== 'up' ? [`${event.uplink}: ${event.reason}`] : []));

/** Back on wan, however it was left. */
async function backToWan(): Promise<void> {
  const from = monotonic();
  await until('wan is up again', async () => (await lab.ctl('router', 'switch', 'hq', 'wan')).code === 0);
  await moved(router, 'wan', from);
  await stream.flowing(10, monotonic(), 5000);
}

/** Time from `from` to the decision, ms. */
async function decided(from: number): Promise<number> {
  const found = await router.events.wait('path.moving', from, 5000);
  assert.ok(found, 'no decision');
  return Math.round(found.at - from);
}

test('uplinks are those of netifd with a default route, by its names and metrics', options, async () => {
  const found = await uplinks();
  assert.deepEqual(found.map((u) => [u.name, u.device, u.state, u.metric]), [['wan', 'wan0', 'up', 10], ['wwan', 'wwan0', 'up', 20]]);
  assert.equal((await lab.json('router', 'status'))['netifd'], 'connected');
});

test('ifdown moves at once, whether netifd or the kernel tells first', options, async () => {
  let from = monotonic();
  await netifd.set('wan', said('wan0', false));
  console.log(`ifdown said by netifd alone: decided after ${await decided(from)} ms`);
  await moved(router, 'wwan', from);
  await netifd.set('wan', said('wan0', true));
  await backToWan();

  from = monotonic();
  await lab.loseAddress('wan0');
  const byKernel = await decided(from);
  console.log(`address gone, netifd silent: decided after ${byKernel} ms`);
  assert.ok(byKernel < 250);
  await moved(router, 'wwan', from);
  await netifd.set('wan', said('wan0', false));
  await lab.connect('wan0');
  await netifd.set('wan', said('wan0', true));
  await backToWan();
});

test('a static interface without carrier stays up for netifd, and is left at once', options, async () => {
  await netifd.set('wan', said('wan0', true, 'static'));
  let from = monotonic();
  netifd.device('wan0', { ...LIVE, linkActive: false });
  console.log(`link_down said by netifd alone: decided after ${await decided(from)} ms`);
  await moved(router, 'wwan', from);
  assert.equal((await uplinks()).find((u) => u.name === 'wan')?.state, 'down');
  netifd.device('wan0', LIVE);
  await backToWan();
  from = monotonic();
  await lab.carrier('wan0', false);
  console.log(`carrier lost in the kernel: decided after ${await decided(from)} ms`);
  await moved(router, 'wwan', from);
  netifd.device('wan0', { ...LIVE, linkActive: false });
  await lab.carrier('wan0', true);
  netifd.device('wan0', LIVE);
  await lab.connect('wan0');
  await backToWan();
  await netifd.set('wan', said('wan0', true));
});

test('netifd killed and started again: no uplink goes down, nothing is lost, and it is followed again', options, async () => {
  const from = monotonic();
  const keys = await tunnel();
  await netifd.kill();
  await quiet(1000);
  assert.deepEqual(downs(from), []);
  await allIsWell();
  await netifd.start(socket());
  await quiet(1500);
  assert.deepEqual(downs(from), []);
  assert.equal(stream.result(from, monotonic() - 300).lost, 0);
  assert.equal(await tunnel(), keys);
  const later = monotonic();
  await netifd.set('wan', said('wan0', false));
  await moved(router, 'wwan', later);
  await netifd.set('wan', said('wan0', true));
  await backToWan();
});

test('ubusd killed and started again: the same, and our object is there again', options, async () => {
  const from = monotonic();
  await ubusd.stop();
  await quiet(1000);
  assert.deepEqual(downs(from), []);
  assert.equal((await lab.json('router', 'status'))['netifd'], 'away');
  await ubusd.start(socket());
  await until('our object and netifd are there', () => ubusd.broker.paths.includes('mobiked') && ubusd.broker.paths.includes('network.interface.wan'), 15_000);
  await until('netifd is followed', async () => (await lab.json('router', 'status'))['netifd'] === 'connected');
  await quiet(1500);
  assert.deepEqual(downs(from), []);
  assert.equal(stream.result(from, monotonic() - 300).lost, 0);
  const later = monotonic();
  await netifd.set('wan', said('wan0', false));
  await moved(router, 'wwan', later);
  await netifd.set('wan', said('wan0', true));
  await backToWan();
});

test('250 notifications a second: no false down, nothing lost, bounded memory', options, async () => {
  await netifd.set('cell', { up: false, proto: 'ncm', device: 'usb0' });
  const from = monotonic();
  const rss = router.rss();
  let sent = 0;
  for (const end = from + 3000; monotonic() < end; await quiet(4)) {
    // Each is said to the interface's subscribers and to those of all interfaces.
    for (; sent < (monotonic() - from) / 4; sent += 2) netifd.failProtocol('cell');
  }
  const grown = router.rss() - rss;
  console.log(`${sent} notifications in 3 s: resident memory ${grown >= 0 ? '+' : ''}${grown} kB`);
  assert.deepEqual(downs(from).filter((what) => !what.startsWith('cell')), []);
  await quiet(200);
  assert.equal(stream.result(from, monotonic() - 300).lost, 0);
  assert.ok(grown < 30_000);
  const later = monotonic();
  await netifd.set('wan', said('wan0', false));
  console.log(`ifdown after the storm: decided after ${await decided(later)} ms`);
  await moved(router, 'wwan', later);
  await netifd.set('wan', said('wan0', true));
  await netifd.remove('cell');
  await backToWan();
});

test('the ubus object mobiked: every method', options, async () => {
  const peer = await UbusPeer.open(socket());
  const call = async (method: string, args: JsonObject = {}): Promise<JsonObject> => {
    const { status, data } = await peer.call('mobiked', method, args);
    assert.equal(status, 0, `${method}: ubus status ${status} ${JSON.stringify(data)}`);
    return data ?? {};
  };
  const status = await call('status');
  assert.equal(status['node_id'], 'router');
  const list = async (method: string): Promise<JsonObject[]> => (await call(method))[method === 'explain' ? 'connections' : method] as JsonObject[];
  assert.deepEqual((await list('uplinks')).map((u) => u['name']), ['wan', 'wwan']);
  assert.deepEqual((await list('connections')).map((c) => [c['name'], c['state']]), [['hq', 'up']]);
  assert.ok((await list('events')).length > 3);
  assert.equal((await list('explain'))[0]?.['chosen'], 'wan');
  assert.equal(((await call('explain', { connection: 'hq' }))['connections'] as JsonObject[]).length, 1);
  const from = monotonic();
  await call('switch', { connection: 'hq', uplink: 'wwan' });
  await moved(router, 'wwan', from);
  await call('switch', { connection: 'hq', uplink: 'wan' });
  await moved(router, 'wan', from);
  const spi = await tunnel();
  await call('rekey', { name: 'lan' });
  await until('new keys', async () => (await tunnel()) !== spi);
  await call('down', { name: 'hq' });
  await until('down', async () => (await list('connections'))[0]?.['state'] === 'down');
  await call('up', { name: 'hq' });
  await until('up', async () => (await list('connections'))[0]?.['state'] === 'up');
  await call('reload');
  const refused = await peer.call('mobiked', 'up', { name: 'nonsense' });
  assert.notEqual(refused.status, 0);
  assert.notEqual((await peer.call('mobiked', 'nonsense')).status, 0);
  assert.doesNotMatch(JSON.stringify(await call('status')), /5b1f2c9a/u, 'no secret on ubus');
  // A call with arguments of other types, and one that is too much: refused, and the daemon lives.
  for (const args of [{ name: 7 }, { name: null }, { name: { a: ['b'] } }, { connection: 'x'.repeat(100_000) }] as JsonObject[]) await peer.call('mobiked', 'up', args);
  await call('status');
  peer.close();
});

test('a daemon that starts while ubusd is away waits for netifd, but for devices that it was told', options, async () => {
  await router.stop();
  await netifd.kill();
  await ubusd.stop();
  router = await lab.start('router', { ubus: socket() });
  await until('it runs', async () => (await lab.json('router', 'status'))['netifd'] === 'away');
  await ubusd.start(socket());
  await allIsWell();
  let from = monotonic();
  await netifd.start(socket());
  const up = await established(router, from, 10_000);
  console.log(`netifd came late: tunnel ${Math.round(up - from)} ms after it`);
  await router.stop();

  await netifd.kill();
  await ubusd.stop();
  lab.configure('router', routerConf({ more: DEVICES.map((device) => `config uplink '${NAMES[device]}'\n\toption device '${device}'\n`).join('\n') }));
  router = await lab.start('router', { ubus: socket() });
  console.log(`tunnel without ubusd, devices named: ${Math.round((await established(router)) - router.startedAt)} ms after the start`);
  const keys = await tunnel();
  await stream.flowing(10, router.startedAt, 5000);
  from = monotonic();
  await ubusd.start(socket());
  await allIsWell();
  await netifd.start(socket());
  await until('netifd is followed', async () => (await lab.json('router', 'status'))['netifd'] === 'connected', 20_000, 50);
  await quiet(500);
  assert.equal(await tunnel(), keys);
  assert.deepEqual(downs(from), []);
  assert.equal(stream.result(from, monotonic() - 300).lost, 0);
  await stream.stop();
  await router.stop();
  await hub.stop();
});
