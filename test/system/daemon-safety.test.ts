// No clear text, whatever befalls the daemons; and what they leave behind and find again.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { ADDRESS, Stream, monotonic, startServer } from '../lab/index.ts';
import { Capture, DaemonLab, established, hubConf, moved, quiet, routerConf, systemProblem, until, type Daemon } from './daemon-lab.ts';

const problem = systemProblem('tcpdump');
const options = { skip: problem ?? false, timeout: 120_000 };
const PORT = 7;

let lab: DaemonLab;
let router: Daemon;
let hub: Daemon;
let stream: Stream;
let atRouter: Capture;
let atHub: Capture;

before(async () => {
  if (problem !== undefined) return;
  lab = await new DaemonLab({ cloud: true }).open();
  await startServer(lab.server, PORT);
});
after(async () => {
  if (problem === undefined) await lab.close();
});

async function clearOnInternet(): Promise<number> {
  const { links } = await lab.relay.stats();
  return Object.values(links).reduce((sum, link) => sum + link.clear, 0);
}

/** Nothing inner outside so far. */
async function sealed(when: string, clearBefore: number): Promise<void> {
  // What was sent last is on its way to the capture for less than this.
  await quiet(50);
  atRouter.expectNone(`${when}, at the router`);
  atHub.expectNone(`${when}, at the hub`);
  assert.equal(await clearOnInternet(), clearBefore, `clear text on the Internet: ${when}`);
}

test('ES3-5: without a daemon the packets do leave in clear, and both watchers see them', options, async () => {
  atRouter = await Capture.start(lab.router);
  const leaving = new Stream(lab.client, ADDRESS.server, PORT);
  await until('clear text', async () => atRouter.leaks.length > 3 && (await clearOnInternet()) > 3);
  await leaving.stop();
  await quiet(50);
  await atRouter.stop();
  atRouter = await Capture.start(lab.router);
  atHub = await Capture.start(lab.hub);
});

test('ES3-5: start-up: blocked from the first routes on until the tunnel is up', options, async () => {
  const clear = await clearOnInternet();
  lab.configure('router', routerConf());
  lab.configure('hub', hubConf());
  router = await lab.start('router');
  await until('the blocking route', async () => (await lab.ownRoutes('router')).some((route) => route.startsWith(`unreachable ${ADDRESS.remote}`)));
  console.log(`blocked ${Math.round(monotonic() - router.startedAt)} ms after the start at the latest`);
  stream = new Stream(lab.client, ADDRESS.server, PORT);
  await quiet(500);
  assert.equal(stream.packets.some((p) => p.answeredAt !== undefined), false);
  hub = await lab.start('hub');
  await established(router);
  await stream.flowing(10, 0, 5000);
  await sealed('start-up', clear);
  assert.ok(atRouter.inside > 0 && atHub.inside > 0, 'the captures see inner packets inside');
});

test('ES3-5: down and up, of the connection and of the child', options, async () => {
  const clear = await clearOnInternet();
  for (const name of ['hq', 'lan']) {
    const from = monotonic();
    assert.equal((await lab.ctl('router', 'down', name)).code, 0);
    assert.ok(await router.events.wait(name === 'hq' ? 'connection.closed' : 'child.closed', from, 3000), `${name} is closed`);
    const closed = monotonic();
    await quiet(300);
    assert.equal(stream.between(closed, monotonic()).some((p) => p.answeredAt !== undefined), false, `${name} is down`);
    const up = monotonic();
    assert.equal((await lab.ctl('router', 'up', name)).code, 0);
    await stream.flowing(10, up, 5000);
    await sealed(`down ${name}`, clear);
  }
});

test('ES3-5: uplinks move under traffic: address lost, carrier lost, device gone', options, async () => {
  const clear = await clearOnInternet();
  const losses: readonly [string, () => Promise<void>, () => Promise<void>][] = [
    ['address', () => lab.loseAddress('wan0'), () => lab.connect('wan0')],
    ['carrier', () => lab.carrier('wan0', false), async () => {
      await lab.carrier('wan0', true);
      await lab.connect('wan0');
    }],
    ['device', () => lab.removeDevice('wan0'), async () => {
      await lab.plugDevice('wan0');
      await lab.connect('wan0');
    }],
  ];
  for (const [what, lose, restore] of losses) {
    const from = monotonic();
    await lose();
    await moved(router, 'wwan0', from);
    await stream.flowing(10, monotonic(), 5000);
    console.log(`${what} lost: outage ${stream.result(from - 100, monotonic() - 200).outageMs} ms`);
    await restore();
    const back = monotonic();
    await until('wan0 is up again', async () => (await lab.ctl('router', 'switch', 'hq', 'wan0')).code === 0);
    await moved(router, 'wan0', back);
    await stream.flowing(10, monotonic(), 5000);
    await sealed(`${what} lost and back`, clear);
  }
});

test('ES3-5: the router killed under traffic: blocked meanwhile, and the next one takes over', options, async () => {
  const clear = await clearOnInternet();
  const installed = await lab.ownRoutes('router');
  await router.kill();
  // The device stays without a reader and swallows what is routed to it; the block behind it stays too.
  assert.deepEqual((await lab.ownRoutes('router')).map((r) => r.split(' ').slice(0, 2).join(' ')), [`${ADDRESS.remote} dev`, `unreachable ${ADDRESS.remote}`]);
  const dead = monotonic();
  await quiet(500);
  assert.equal(stream.between(dead, monotonic()).some((p) => p.answeredAt !== undefined), false);
  router = await lab.start('router');
  await stream.flowing(10, router.startedAt, 8000);
  const first = stream.packets.find((p) => p.sentAt > router.startedAt && p.answeredAt !== undefined);
  console.log(`killed and started again: traffic ${Math.round((first?.sentAt ?? NaN) - router.startedAt)} ms after the start`);
  await until('the routes as before', async () => JSON.stringify(await lab.ownRoutes('router')) === JSON.stringify(installed));
  await sealed('router killed', clear);
});

test('ES3-5: the hub killed under traffic of both directions', options, async () => {
  await startServer(lab.client, PORT);
  const back = new Stream(lab.server, ADDRESS.client, PORT);
  await back.flowing(10, 0, 3000);
  const clear = await clearOnInternet();
  await hub.kill();
  await quiet(500);
  await sealed('hub killed', clear);
  hub = await lab.start('hub');
  await stream.flowing(10, hub.startedAt, 40_000);
  const first = stream.packets.find((p) => p.sentAt > hub.startedAt && p.answeredAt !== undefined);
  console.log(`hub killed and started again: traffic ${Math.round((first?.sentAt ?? NaN) - hub.startedAt)} ms after its start`);
  await back.flowing(10, monotonic(), 5000);
  await back.stop();
  await sealed('hub started again', clear);
});

test('ES3-5: block_on_stop keeps the block through a clean stop; without it nothing of ours stays', options, async () => {
  const clear = await clearOnInternet();
  await stream.flowing(10, monotonic(), 5000);
  lab.configure('router', routerConf({ connection: [`list remote_addrs '${ADDRESS.hub}'`, "option block_on_stop '1'"] }));
  assert.equal((await lab.ctl('router', 'reload')).code, 0);
  const stopped = await router.stop();
  assert.equal(stopped.code, 0);
  assert.deepEqual((await lab.ownRoutes('router')).map((r) => r.split(' ').slice(0, 2).join(' ')), [`unreachable ${ADDRESS.remote}`]);
  await quiet(300);
  await sealed('block_on_stop', clear);
  router = await lab.start('router');
  await stream.flowing(10, router.startedAt, 8000);
  await sealed('started again', clear);
  await stream.stop();
  lab.configure('router', routerConf());
  assert.equal((await lab.ctl('router', 'reload')).code, 0);
  const { code, ms } = await router.stop();
  console.log(`SIGTERM to end: ${Math.round(ms)} ms`);
  assert.equal(code, 0);
  assert.deepEqual(await lab.ownRoutes('router'), []);
  assert.notEqual((await lab.router.exec(['ip', 'link', 'show', 'mobiked0'])).code, 0);
  await hub.stop();
  await Promise.all([atRouter.stop(), atHub.stop()]);
});

test('ES3-5: a full tunnel (remote_ts 0.0.0.0/0): up, moved, killed and down without clear text', options, async () => {
  atRouter = await Capture.start(lab.router);
  lab.configure('hub', hubConf({ localTs: ['0.0.0.0/0'] }));
  lab.configure('router', routerConf({ remoteTs: ['0.0.0.0/0'] }));
  hub = await lab.start('hub');
  router = await lab.start('router');
  await established(router);
  stream = new Stream(lab.client, ADDRESS.server, PORT);
  // The hub's own address is spoken to by IKE outside the tunnel; a client behind the router may not (its routes are carved out).
  const toHub = new Stream(lab.client, ADDRESS.hub, PORT);
  // Somewhere on the Internet, which only the hub may talk to.
  const abroad = new Stream(lab.client, ADDRESS.cloud, PORT);
  await stream.flowing(10, 0, 5000);
  const check = async (when: string): Promise<void> => {
    await quiet(50);
    atRouter.expectNone(`full tunnel, ${when}`);
  };
  await check('up');
  let from = monotonic();
  await lab.loseAddress('wan0');
  await moved(router, 'wwan0', from);
  await stream.flowing(10, monotonic(), 5000);
  console.log(`full tunnel, address lost: outage ${stream.result(from - 100, monotonic() - 200).outageMs} ms`);
  await lab.connect('wan0');
  from = monotonic();
  await until('wan0 is up again', async () => (await lab.ctl('router', 'switch', 'hq', 'wan0')).code === 0);
  await moved(router, 'wan0', from);
  await check('moved');
  await router.kill();
  await quiet(300);
  await check('killed');
  router = await lab.start('router');
  await stream.flowing(10, router.startedAt, 8000);
  await check('started again');
  await lab.ctl('router', 'down', 'hq');
  await quiet(300);
  await check('down');
  await Promise.all([stream.stop(), abroad.stop(), toHub.stop()]);
  await router.stop();
  await hub.stop();
  assert.deepEqual(await lab.ownRoutes('router'), []);
  await atRouter.stop();
});
