// Two routers with the same LAN, certificates and virtual addresses, one hub with a pool: real daemons, real kernel, real pings.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JsonObject } from '../../src/base/index.ts';
import { Follower } from '../demo/follower.ts';
import { Namespaces, monotonic, type Namespace, type Running } from '../lab/index.ts';
import { ENV, MOBIKECTL, MOBIKED, systemProblem, until } from './daemon-lab.ts';

const problem = systemProblem('ping', 'nft');
const options = { skip: problem ?? false, timeout: 60_000 };

const HUB = '192.0.2.1';
const SERVER = '10.2.0.10';

interface Host {
  readonly name: string;
  readonly namespace: Namespace;
  readonly socket: string;
  process: Running;
  events: Follower;
}

const namespaces = new Namespaces();
const dir = mkdtempSync(join(tmpdir(), 'mobiked-virtual-'));
const hosts: { [name: string]: Host } = {};
/** Behind each router, with one and the same address. */
const clients: { [name: string]: Namespace } = {};
let server: Namespace;

function configure(name: string, text: string): void {
  writeFileSync(join(dir, `${name}.conf`), `config mobiked 'main'\n\toption node_id '${name}'\n\toption log_level 'debug'\n${text}`, { mode: 0o600 });
}

/** A file of the test PKI, under a name of its own. */
function put(file: string, as: string): void {
  copyFileSync(`test/golden/pki/${file}`, join(dir, as));
  chmodSync(join(dir, as), 0o600);
}

function credentials(certificate: string): string {
  for (const file of [`${certificate}.crt`, `${certificate}.key`, 'root.crt']) put(file, file);
  return `	option auth 'cert'
	option local_cert '${dir}/${certificate}.crt'
	option local_key '${dir}/${certificate}.key'
	list remote_ca '${dir}/root.crt'
`;
}

function routerConf(name: string): string {
  return `config connection 'hq'
	list remote_addrs '${HUB}'
	option local_id '${name}.example.com'
	option remote_id 'hub.example.com'
${credentials(name)}	list request_vip 'ipv4'
	list request_vip 'ipv6'
	option liveness '2'

config child 'office'
	option connection 'hq'
	list remote_ts '10.2.0.0/24'
`;
}

const hubConf = (): string => `config connection 'branches'
	option role 'responder'
	option local_id 'hub.example.com'
${credentials('hub-p256')}	list pool '10.99.0.0/24'
	list pool 'fd99::/64'
	list pool_dns '10.2.0.53'

config child 'office'
	option connection 'branches'
	list local_ts '10.2.0.0/24'
`;

async function start(name: string, namespace: Namespace): Promise<Host> {
  const run = join(dir, name);
  mkdirSync(run, { recursive: true });
  const process = namespace.spawn([MOBIKED, '--config', join(dir, `${name}.conf`), '--ubus', 'none', '--run-dir', run, '--state-dir', run, '--foreground']);
  const socket = join(run, 'mobiked.sock');
  return { name, namespace, socket, process, events: await Follower.open(socket) };
}

async function ctl(host: Host, ...args: readonly string[]): Promise<string> {
  return host.namespace.run([MOBIKECTL, '--socket', host.socket, ...args]);
}

const documents = async (host: Host): Promise<JsonObject[]> => JSON.parse(await ctl(host, '--json', 'connections')) as JsonObject[];

/** The virtual addresses on the TUN device, as `ip` shows them. */
async function onDevice(host: Host): Promise<string[]> {
  const { stdout } = await host.namespace.exec(['ip', '-o', 'addr', 'show', 'dev', 'mobiked0', 'scope', 'global']);
  return stdout.split('\n').flatMap((line) => line.split(/\s+/u)[3] ?? []).sort();
}

async function up(host: Host, since = 0): Promise<void> {
  const found = await host.events.wait('child.established', since, 10_000);
  assert.ok(found, `${host.name}: no child within 10 s:\n${host.process.lines.slice(-30).join('\n')}`);
}

/** Three pings without a loss. */
async function pings(from: Namespace, to: string): Promise<void> {
  const { code, stdout, stderr } = await from.exec(['ping', '-c', '3', '-i', '0.2', '-W', '2', to], '', ENV);
  assert.equal(code, 0, `ping ${to}: ${stdout}${stderr}`);
  assert.match(stdout, /3 received/u);
}

const host = (name: string): Host => hosts[name] ?? assert.fail(name);
const four = async (name: string): Promise<string> => (await onDevice(host(name))).find((a) => a.endsWith('/32'))?.slice(0, -3) ?? assert.fail(`${name} has no virtual IPv4 address`);

before(async () => {
  if (problem !== undefined) return;
  const internet = await namespaces.create('internet');
  await internet.ip('link add br0 type bridge', 'link set br0 up', 'addr add 192.0.2.254/24 dev br0');
  for (const [name, number] of [['hub', 1], ['router', 11], ['router2', 12]] as const) {
    const namespace = await namespaces.create(name);
    await internet.ip(`link add ${name} type veth peer name wan0 netns ${namespace.pid}`, `link set ${name} master br0 up`);
    await namespace.ip('link set wan0 up', `addr add 192.0.2.${number}/24 dev wan0`, 'route add default via 192.0.2.254');
    await namespace.sysctl('net.ipv4.ip_forward=1', 'net.ipv4.conf.all.rp_filter=0', 'net.ipv4.conf.default.rp_filter=0');
    if (name !== 'hub') {
      const client = (clients[name] = await namespaces.create(`client of ${name}`));
      await namespace.ip(`link add br-lan type veth peer name eth0 netns ${client.pid}`, 'link set br-lan up', 'addr add 192.168.1.1/24 dev br-lan');
      await client.ip('link set eth0 up', 'addr add 192.168.1.10/24 dev eth0', 'route add default via 192.168.1.1');
      // What OpenWrt's `option masq '1'` makes of the zone that holds the tunnel.
      await namespace.run(['nft', 'table ip nat { chain post { type nat hook postrouting priority 100; oifname "mobiked0" masquerade; }; }']);
    }
    configure(name, name === 'hub' ? hubConf() : routerConf(name));
    const checked = await namespace.exec([MOBIKED, '--config', join(dir, `${name}.conf`), '--check-config']);
    assert.equal(checked.code, 0, checked.stderr);
    if (name === 'hub') {
      server = await namespaces.create('server');
      await namespace.ip(`link add lan0 type veth peer name eth0 netns ${server.pid}`, 'link set lan0 up', 'addr add 10.2.0.1/24 dev lan0');
      await server.ip('link set eth0 up', `addr add ${SERVER}/24 dev eth0`, 'route add default via 10.2.0.1');
    }
    hosts[name] = await start(name, namespace);
  }
  await up(host('router'));
  await up(host('router2'));
});

after(async () => {
  for (const one of Object.values(hosts)) one.events.close();
  await namespaces.close();
  rmSync(dir, { recursive: true, force: true });
});

test('I2.19-1, I3.6-2: certificates on both sides, an address of each family for each router, traffic both ways', options, async () => {
  const given: string[] = [];
  for (const name of ['router', 'router2']) {
    await until(`${name} has both addresses`, async () => (await onDevice(host(name))).length === 2);
    const addresses = await onDevice(host(name));
    assert.match(addresses.join(' '), /^10\.99\.0\.\d+\/32 fd99::[0-9a-f]+\/128$/u);
    given.push(...addresses);
    await pings(host(name).namespace, SERVER);
    await pings(server, await four(name));
    await pings(clients[name] ?? assert.fail(name), SERVER);
  }
  assert.equal(new Set(given).size, 4, 'nobody shares an address');
  for (const name of ['router', 'router2']) {
    const route = await host(name).namespace.run(['ip', 'route', 'get', SERVER]);
    assert.match(route, new RegExp(`dev mobiked0 .*src ${(await four(name)).replaceAll('.', '\\.')}`, 'u'));
  }
});

test('status tells identities, methods and virtual addresses on both sides', options, async () => {
  const [ours] = await documents(host('router'));
  assert.deepEqual([ours?.['auth'], ours?.['peer'], ours?.['virtual_dns']], ['cert', 'hub.example.com', ['10.2.0.53']]);
  assert.deepEqual((ours?.['virtual_ips'] as string[]).sort(), (await onDevice(host('router'))).map((a) => a.slice(0, a.indexOf('/'))));
  const theirs = await documents(host('hub'));
  assert.deepEqual(theirs.map((d) => d['peer']).sort(), ['router.example.com', 'router2.example.com']);
  const byPeer = theirs.find((d) => d['peer'] === 'router2.example.com');
  assert.deepEqual((byPeer?.['virtual_ips'] as string[]).sort(), (await onDevice(host('router2'))).map((a) => a.slice(0, a.indexOf('/'))));
  assert.match(await ctl(host('router'), 'connections'), /auth +certificates\n +virtual +10\.99\.0\.\d+, fd99::[0-9a-f]+, name servers 10\.2\.0\.53\n/u);
});

test('I2.19-2: rekeying and moving keep the address', options, async () => {
  const one = host('router');
  const earlier = await onDevice(one);
  const since = monotonic();
  await ctl(one, 'rekey', 'hq');
  await ctl(one, 'rekey', 'office');
  assert.ok(await one.events.wait('ike.rekeyed', since, 5000));
  assert.deepEqual(await onDevice(one), earlier);
  await pings(one.namespace, SERVER);
  await one.namespace.ip('addr add 192.0.2.21/24 dev wan0', 'addr del 192.0.2.11/24 dev wan0', 'addr replace 192.0.2.21/24 dev wan0', 'route replace default via 192.0.2.254');
  assert.ok(await one.events.wait('path.moved', since, 10_000), one.process.lines.slice(-30).join('\n'));
  assert.deepEqual(await onDevice(one), earlier);
  await pings(one.namespace, SERVER);
  await pings(server, await four('router'));
});

test('I2.19-2: a killed router gets its address again; the other one is not touched', options, async () => {
  const one = host('router');
  const earlier = await onDevice(one);
  const other = await onDevice(host('router2'));
  one.events.close();
  one.process.child.kill('SIGKILL');
  await one.process.exited;
  const again = (hosts['router'] = await start('router', one.namespace));
  await up(again);
  assert.deepEqual(await onDevice(again), earlier);
  assert.deepEqual(await onDevice(host('router2')), other);
  await pings(again.namespace, SERVER);
  await pings(host('router2').namespace, SERVER);
});

test('a renewed certificate is taken over without touching a session, and proves the next login', options, async () => {
  const ikeOf = async (): Promise<string> => JSON.stringify((await documents(host('hub'))).map((d) => d['ike']).map((ike) => (ike as JsonObject)['spi_i']).sort());
  const earlier = await ikeOf();
  // The file has the same name and another key: an RSA one.
  for (const kind of ['crt', 'key']) put(`hub-rsa.${kind}`, `hub-p256.${kind}`);
  assert.equal(await ctl(host('hub'), 'reload'), '');
  assert.equal(await ikeOf(), earlier);
  await pings(host('router').namespace, SERVER);
  // A key that is not the certificate's: the last good pair stays in force.
  put('router.key', 'hub-p256.key');
  assert.match(await ctl(host('hub'), 'reload'), /error: connection 'branches': option 'local_key': is not the key of the certificate/u);
  const since = monotonic();
  await ctl(host('router'), 'down', 'hq');
  await ctl(host('router'), 'up', 'hq');
  await up(host('router'), since);
  await pings(host('router').namespace, SERVER);
  put('hub-rsa.key', 'hub-p256.key');
});

test('I2.19-2: a hub that lost its memory gives each router the address it asks for', options, async () => {
  const earlier = await Promise.all(['router', 'router2'].map((name) => onDevice(host(name))));
  const old = host('hub');
  const since = monotonic();
  old.events.close();
  old.process.child.kill('SIGKILL');
  await old.process.exited;
  hosts['hub'] = await start('hub', old.namespace);
  // The other way round than they came first.
  for (const name of ['router2', 'router']) {
    await ctl(host(name), 'down', 'hq');
    await ctl(host(name), 'up', 'hq');
    await up(host(name), since);
  }
  await until('the same addresses', async () => JSON.stringify(await Promise.all(['router', 'router2'].map((name) => onDevice(host(name))))) === JSON.stringify(earlier));
  for (const name of ['router', 'router2']) await pings(host(name).namespace, SERVER);
});

test('down takes the addresses away, up brings them back; a clean stop leaves nothing', options, async () => {
  const one = host('router2');
  const earlier = await onDevice(one);
  await ctl(one, 'down', 'hq');
  await until('no address is left', async () => (await onDevice(one)).length === 0);
  const since = monotonic();
  await ctl(one, 'up', 'hq');
  await up(one, since);
  await until('the addresses are back: reserved for the identity', async () => (await onDevice(one)).join() === earlier.join());
  await pings(one.namespace, SERVER);
  assert.equal(await one.process.stop('SIGTERM', 5000), 0);
  assert.deepEqual(await onDevice(one), []);
  assert.equal((await one.namespace.exec(['ip', 'link', 'show', 'mobiked0'])).code, 1);
});
