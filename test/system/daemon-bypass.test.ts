// What may pass beside the tunnel, in the real kernel: a full tunnel, lists on both uplinks, and watchers of every link.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { ADDRESS, Stream, UPLINKS, monotonic, startServer, type UplinkDevice } from '../lab/index.ts';
import { NetifdStandIn, defaultVia, type SimInterface } from '../sim/netifd.ts';
import { Ubusd } from '../sim/ubusd.ts';
import { Capture, DaemonLab, established, hubConf, moved, quiet, routerConf, systemProblem, until, type Daemon } from './daemon-lab.ts';

const problem = systemProblem('tcpdump');
const options = { skip: problem ?? false, timeout: 90_000 };
const PORT = 7;
/** Servers on the Internet: named by netifd for wan; listed for wan, IPv6; listed for wwan; not listed. */
const DNS = ADDRESS.cloud;
const LISTED6 = '2001:db8:cc::50';
const LISTED = '192.0.2.51';
const OTHER = '192.0.2.52';
const OTHER6 = '2001:db8:cc::52';
const ALL = [DNS, LISTED, OTHER, LISTED6, OTHER6];
/** Answers from the address that was asked. */
const ECHO = `
const all = process.argv.slice(1);
let left = all.length;
for (const address of all) {
  const socket = require('node:dgram').createSocket(address.includes(':') ? 'udp6' : 'udp4');
  socket.on('message', (bytes, from) => socket.send(bytes, from.port, from.address));
  socket.bind(${PORT}, address, () => --left === 0 && console.log('ready'));
}`;
const LISTS = `config uplink 'wan'
	option interface 'wan'
	list bypass 'dns'
	list bypass 'dhcp'
	list bypass '${LISTED6}'

config uplink 'wwan'
	option interface 'wwan'
	list bypass 'dns'
	list bypass '${LISTED}'
`;
const LIVE = { present: true, active: true, linkActive: true };

let lab: DaemonLab;
let router: Daemon;
let watch: Capture;
/** From a host of the LAN to each address. */
let clients: readonly Stream[] = [];
const ubusd = new Ubusd();
const netifd = new NetifdStandIn();
const socket = (): string => join(lab.dir, 'ubus.sock');

function said(device: UplinkDevice, dns: readonly string[]): SimInterface {
  const { address, address6, length, gateway, gateway6, metric } = UPLINKS[device];
  return { up: true, proto: 'dhcp', device, metric, addresses: [`${address}/${length}`, `${address6}/64`], routes: [defaultVia(gateway, `${address}/32`), defaultVia(gateway6)], dns, data: { dhcpserver: gateway } };
}

before(async () => {
  if (problem !== undefined) return;
  lab = await new DaemonLab({ cloud: true, ipv6: true }).open();
  const { cloud } = lab;
  assert.ok(cloud);
  await cloud.ip(...[LISTED, OTHER].map((address) => `addr add ${address}/32 dev net0`), ...[LISTED6, OTHER6].map((address) => `addr add ${address}/128 dev net0 nodad`), 'route add ::/0 dev net0');
  await lab.relay.commands(...[LISTED, OTHER, LISTED6, OTHER6].map((address) => `route cloud ${address}`));
  const echo = cloud.spawn([process.execPath, '-e', ECHO, ...ALL]);
  await echo.line((line) => line === 'ready');
  await startServer(lab.server, PORT);
  await ubusd.start(socket());
  for (const device of ['wan0', 'wwan0', 'br-lan']) netifd.device(device, LIVE);
  await netifd.set('loopback', { up: true, device: 'lo', addresses: ['127.0.0.1/8'] });
  await netifd.set('lan', { up: true, device: 'br-lan', addresses: [`${ADDRESS.routerLan}/24`] });
  await netifd.set('wan', said('wan0', [DNS]));
  await netifd.set('wwan', said('wwan0', []));
  await netifd.start(socket());
  lab.configure('hub', hubConf({ localTs: ['0.0.0.0/0', '::/0'], remoteTs: [ADDRESS.lan, ADDRESS.lan6] }));
  lab.configure('router', routerConf({ localTs: [ADDRESS.lan, ADDRESS.lan6], remoteTs: ['0.0.0.0/0', '::/0'], more: LISTS }));
});
after(async () => {
  if (problem !== undefined) return;
  await lab.close();
  await netifd.kill();
  await ubusd.stop();
});

/** Where the router's packets to an address left in clear text since `from` lines of the watch. */
const seenOn = (address: string, from: number): string[] => [...new Set(watch.leaks.slice(from).filter((line) => line.includes(` > ${address}.${PORT}:`)).map((line) => line.split(/\s+/u)[1] ?? ''))];

/**
 * Where what is sent to each address leaves in clear text, from the LAN all the time and from the router; undefined: nowhere. What the
 * router sends is answered: a fresh socket each time, since one that is connected keeps its source.
 */
async function expectNow(when: string, ways: { readonly [address: string]: string | undefined }): Promise<void> {
  const lines = watch.leaks.length;
  const sent = clients.map((s) => s.packets.length);
  const open = Object.entries(ways).flatMap(([address, device]) => (device === undefined ? [] : [new Stream(lab.router, address, PORT)]));
  await Promise.all(open.map((s) => s.flowing(10, 0, 5000)));
  await quiet(300);
  await Promise.all(open.map((s) => s.stop()));
  clients.forEach((s, i) => assert.ok(s.packets.length > (sent[i] ?? 0) + 5, 'the LAN sends'));
  for (const [address, device] of Object.entries(ways)) assert.deepEqual(seenOn(address, lines), device === undefined ? [] : [device], `${when}: ${address} in clear text`);
}

const own = async (): Promise<string[]> => (await lab.ownRoutes('router')).filter((route) => !route.includes('unreachable') && !route.includes('mobiked0'));

test('ES3-5: without a daemon all of them answer', options, async () => {
  watch = await Capture.start(lab.router, ['192.0.2.48/29', '2001:db8:cc::/48']);
  clients = ALL.map((address) => new Stream(lab.client, address, PORT));
  await expectNow('no daemon', { [DNS]: 'wan0', [LISTED]: 'wan0', [OTHER]: 'wan0', [LISTED6]: 'wan0', [OTHER6]: 'wan0' });
});

test('ES3-5: bypass: tunnel down: what is listed answers, each beside the tunnel through its own uplink, and nothing else', options, async () => {
  router = await lab.start('router', { ubus: socket() });
  await until('the lists are in force', async () => (await own()).length >= 4, 5000);
  console.log((await own()).join('\n'));
  await expectNow('tunnel down', { [DNS]: 'wan0', [LISTED6]: 'wan0', [LISTED]: 'wwan0', [OTHER]: undefined, [OTHER6]: undefined });
  const { stdout } = await lab.ctl('router', 'uplinks');
  assert.match(stdout, /BESIDE THE TUNNELS/u);
  assert.ok(stdout.includes(`${DNS}/32`) && stdout.includes(`${LISTED}/32`) && stdout.includes(`${LISTED6}/128`), stdout);
});

test('ES3-5: bypass: tunnel up: the same, and the LAN keeps to it: in clear text to the listed only', options, async () => {
  await lab.start('hub');
  await established(router);
  // The hub came while both uplinks were being tried: whichever asked next is the tunnel's.
  await until('the tunnel is on the first uplink', async () => {
    await lab.ctl('router', 'switch', 'hq', 'wan');
    const [connection] = await lab.json<{ readonly uplink: string | null }[]>('router', 'connections');
    return connection?.uplink === 'wan';
  }, 8000);
  const inner = await Capture.start(lab.router);
  const through = new Stream(lab.client, ADDRESS.server, PORT);
  await through.flowing(10, 0, 5000);
  await expectNow('tunnel up', { [DNS]: 'wan0', [LISTED6]: 'wan0', [LISTED]: 'wwan0', [OTHER]: undefined, [OTHER6]: undefined });
  await through.stop();
  const listed = (line: string): boolean => ([[DNS, 'wan0'], [LISTED6, 'wan0'], [LISTED, 'wwan0']] as const).some(([to, device]) => line.includes(` > ${to}.${PORT}:`) && line.includes(` ${device} `));
  assert.ok(inner.leaks.length > 0);
  assert.deepEqual(inner.leaks.filter((line) => !listed(line)).slice(0, 5), [], 'of the LAN too nothing else');
  assert.ok(inner.inside > 0);
  await inner.stop();
});

test('ES3-5: bypass: the uplink is lost: what was listed for it is closed, and open again with it', options, async () => {
  const from = monotonic();
  await lab.loseAddress('wan0');
  await moved(router, 'wwan', from);
  await expectNow('wan lost', { [DNS]: undefined, [LISTED6]: undefined, [LISTED]: 'wwan0', [OTHER]: undefined, [OTHER6]: undefined });
  await lab.connect('wan0');
  await netifd.set('wan', said('wan0', [DNS]));
  await until('the lists are in force again', async () => (await own()).filter((route) => route.includes('wan0')).length >= 4, 8000);
  await expectNow('wan back', { [DNS]: 'wan0', [LISTED6]: 'wan0', [LISTED]: 'wwan0', [OTHER]: undefined });
  // The device with everything on it: the kernel drops its routes at once, and what blocks was never gone.
  await lab.removeDevice('wan0');
  await expectNow('wan removed', { [DNS]: undefined, [LISTED6]: undefined, [LISTED]: 'wwan0', [OTHER]: undefined });
  await lab.plugDevice('wan0');
  await lab.connect('wan0');
  await until('the lists are in force on the new device', async () => (await own()).filter((route) => route.includes('wan0')).length >= 4, 8000);
  await expectNow('wan plugged in', { [DNS]: 'wan0', [LISTED6]: 'wan0', [LISTED]: 'wwan0', [OTHER]: undefined, [OTHER6]: undefined });
});

test('ES3-5: bypass: netifd names another server; killed, started with other lists, stopped', options, async () => {
  await netifd.set('wan', said('wan0', [LISTED]));
  await until('the new server', async () => (await own()).some((route) => route.startsWith(`${LISTED} via ${UPLINKS.wan0.gateway} dev wan0`)), 8000);
  await expectNow('another server', { [DNS]: undefined, [LISTED]: 'wan0' });
  await router.kill();
  assert.ok((await own()).length > 0, 'a killed daemon leaves its routes');
  await expectNow('killed', { [OTHER6]: undefined, [LISTED]: 'wan0' });
  lab.configure('router', routerConf({ localTs: [ADDRESS.lan, ADDRESS.lan6], remoteTs: ['0.0.0.0/0', '::/0'], more: LISTS.replace(/\tlist bypass .*\n/gu, '') }));
  router = await lab.start('router', { ubus: socket() });
  await until('none is left', async () => (await own()).length === 0, 8000);
  await expectNow('no lists', { [DNS]: undefined, [LISTED]: undefined, [LISTED6]: undefined, [OTHER]: undefined });
  await Promise.all(clients.map((s) => s.stop()));
  await router.stop();
  assert.deepEqual(await lab.ownRoutes('router'), []);
  await watch.stop();
});
