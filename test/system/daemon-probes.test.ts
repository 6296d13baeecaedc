// Probes of a real daemon: each type is answered by a real responder at each ISP, through its own uplink whatever the routing table prefers.
import { after, afterEach, before, test } from 'node:test';
import assert from 'node:assert/strict';
import type { JsonObject } from '../../src/base/index.ts';
import { UPLINKS, type Namespace, type Running, type UplinkDevice } from '../lab/index.ts';
import { DaemonLab, ENV, hubConf, routerConf, systemProblem, until, type Daemon } from './daemon-lab.ts';

const problem = systemProblem('tcpdump');
const options = { skip: problem ?? false, timeout: 60_000 };
/** An address that both ISPs have, as anycast servers do: the answer shows which way a probe went. */
const TARGET = '198.51.100.77';
const TARGET6 = '2001:db8:77::1';
const DEVICES = Object.keys(UPLINKS) as UplinkDevice[];

/** Name server, TCP listener and web server of one ISP; a line for everything asked. The page is a 204, or a portal's. */
const SERVERS = `
const [page] = process.argv.slice(1);
const say = (...words) => process.stdout.write(words.join(' ').replace('::ffff:', '') + '\\n');
// A socket for each address: an answer comes from where the question went.
for (const [type, address] of [['udp4', '${TARGET}'], ['udp6', '${TARGET6}']]) {
  require('node:dgram').createSocket(type).on('message', function (query, from) {
    say('dns', from.address);
    const reply = Buffer.from(query);
    reply[2] = 0x81;
    reply[3] = 0x83;
    this.send(reply, from.port, from.address);
  }).bind(53, address);
}
require('node:net').createServer((socket) => {
  say('tcp', socket.remoteAddress);
  socket.on('error', () => undefined).end();
}).listen(443, '::');
require('node:http').createServer((request, response) => {
  say('http', request.socket.remoteAddress, request.url, request.headers.host);
  if (page === 'portal') response.writeHead(302, { Location: 'http://login.example/' }).end();
  else response.writeHead(204).end();
}).listen(80, '::', () => say('ready'));
`;

let lab: DaemonLab;
let router: Daemon | undefined;
let hub: Daemon | undefined;
const servers = new Map<UplinkDevice, Running>();

const isp = (device: UplinkDevice): Namespace => lab[UPLINKS[device].isp];

async function serve(device: UplinkDevice, page: 'none' | 'portal'): Promise<void> {
  await servers.get(device)?.stop('SIGKILL');
  const process_ = isp(device).spawn([process.execPath, '-e', SERVERS, page]);
  servers.set(device, process_);
  await until(`the servers of ${device}`, () => process_.lines.includes('ready'));
}

before(async () => {
  if (problem !== undefined) return;
  lab = await new DaemonLab({ ipv6: true }).open();
  for (const device of DEVICES) await isp(device).ip(`addr add ${TARGET}/32 dev lo`, `addr add ${TARGET6}/128 dev lo`, 'link set lo up');
});
after(async () => {
  if (problem === undefined) await lab.close();
});
afterEach(async () => {
  if (problem !== undefined) return;
  await router?.stop();
  await hub?.stop();
  for (const device of DEVICES) await lab.blackHole(device, false);
});

const section = (device: UplinkDevice, lines: readonly string[]): string => `config uplink '${device}'\n\toption device '${device}'\n${lines.map((line) => `\t${line}\n`).join('')}`;
const conf = (lines: readonly string[]): string => routerConf({ more: DEVICES.map((device) => section(device, lines)).join('\n') });
const probesOf = async (device: UplinkDevice): Promise<JsonObject> => ((await lab.json<JsonObject[]>('router', 'uplinks')).find((uplink) => uplink['name'] === device)?.['probes'] ?? {}) as JsonObject;
const outcomes = async (device: UplinkDevice): Promise<unknown[]> => ((await probesOf(device))['targets'] as readonly JsonObject[]).map((target) => target['outcome']);

test('every type is answered through its own uplink, though the routing table prefers one of them', options, async () => {
  for (const device of DEVICES) await serve(device, 'none');
  const seen = lab.router.spawn(['tcpdump', '-i', 'any', '-n', '-l', '--immediate-mode', `host ${TARGET} or host ${TARGET6}`], { env: ENV });
  await until('tcpdump listens', () => seen.lines.some((line) => line.startsWith('listening on')));
  const targets = [`icmp ${TARGET}`, `icmp ${TARGET6}`, `dns ${TARGET} probe.example`, `dns ${TARGET6} probe.example`, `tcp ${TARGET} 443`, `tcp ${TARGET6} 443`, `http http://${TARGET}/generate_204`, `http http://[${TARGET6}]/generate_204`];
  ({ router, hub } = await lab.both(conf([...targets.map((target) => `list probe '${target}'`), `option probe_quorum '${targets.length}'`]), hubConf()));
  for (const device of DEVICES) {
    await until(`${device} is reachable`, async () => (await probesOf(device))['state'] === 'reachable', 10_000);
    assert.deepEqual(await outcomes(device), targets.map(() => 'answered'), device);
    const asked = servers.get(device)?.lines.filter((line) => line !== 'ready') ?? [];
    for (const type of ['dns', 'tcp', 'http']) {
      const from = asked.filter((line) => line.startsWith(type)).map((line) => line.split(' ')[1]);
      assert.deepEqual(from.slice(0, 2).sort(), [UPLINKS[device].address6, UPLINKS[device].address].sort(), `${device}: ${asked.join('; ')}`);
    }
    assert.ok(asked.some((line) => line === `http ${UPLINKS[device].address} /generate_204 ${TARGET}`) && asked.some((line) => line.endsWith(`/generate_204 [${TARGET6}]`)), asked.join('; '));
  }
  await seen.stop('SIGINT');
  // The device and the source of every packet belong together.
  const out = seen.lines.filter((line) => / Out +IP/u.test(line));
  for (const device of DEVICES) {
    const own = out.filter((line) => line.includes(` ${device} `));
    assert.ok(own.length >= targets.length, `${device}: ${own.length} packets`);
    assert.deepEqual(own.filter((line) => !line.includes(` ${UPLINKS[device].address}`) && !line.includes(` ${UPLINKS[device].address6}`)), [], device);
    for (const word of ['ICMP echo request', 'ICMP6, echo request', '.53:', '.443:', '.80:']) assert.ok(own.some((line) => line.includes(word)), `${device}: ${word}`);
  }
  assert.equal(out.filter((line) => DEVICES.every((device) => !line.includes(` ${device} `))).length, 0);
  const found = await router.events.wait('uplink.reachability', 0, 1000, (event) => event.uplink === 'wwan0');
  assert.equal(found?.event.state, 'reachable');
  const { stdout } = await lab.ctl('router', 'uplinks');
  assert.match(stdout, /wan0 +reachable +icmp 198\.51\.100\.77 +answered/u);
});

test('a captive portal on the better uplink: it is shown, and the tunnel comes up through the other', options, async () => {
  await serve('wan0', 'portal');
  await serve('wwan0', 'none');
  await lab.blackHole('wan0', true);
  ({ router, hub } = await lab.both(conf([`list probe 'http http://${TARGET}/generate_204'`]), hubConf()));
  await until('wan0 is captive', async () => (await probesOf('wan0'))['state'] === 'captive', 5000);
  await until('wwan0 is reachable', async () => (await probesOf('wwan0'))['state'] === 'reachable', 5000);
  assert.deepEqual([await outcomes('wan0'), await outcomes('wwan0')], [['captive_portal'], ['answered']]);
  const [connection] = await lab.json<JsonObject[]>('router', 'connections');
  assert.equal(connection?.['uplink'], 'wwan0');
});

test('who does not answer, and who refuses, makes an uplink unreachable in three rounds; the tunnel over it stays', options, async () => {
  for (const device of DEVICES) await servers.get(device)?.stop('SIGKILL');
  ({ router, hub } = await lab.both(conf([`list probe 'tcp ${TARGET} 443'`, `list probe 'dns ${TARGET} probe.example'`]), hubConf()));
  await until('wan0 is unreachable', async () => (await probesOf('wan0'))['state'] === 'unreachable', 15_000, 100);
  assert.deepEqual(await outcomes('wan0'), ['refused', 'refused']);
  const [connection] = await lab.json<JsonObject[]>('router', 'connections');
  assert.deepEqual([connection?.['uplink'], connection?.['state']], ['wan0', 'up']);
});
