// The daemon's command line, its end, its reload, what it says when the host lacks something; mobikectl against it.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JsonObject } from '../../src/base/index.ts';
import { ADDRESS, Stream, monotonic, startServer, type Namespace, type Running } from '../lab/index.ts';
import { DaemonLab, MOBIKECTL, MOBIKED, established, hubConf, moved, quiet, routerConf, systemProblem, until, type Daemon } from './daemon-lab.ts';

const problem = systemProblem();
const options = { skip: problem ?? false, timeout: 60_000 };
const PORT = 7;

let lab: DaemonLab;
let router: Daemon;
let hub: Daemon;
let dir = '';

before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'mobiked-life-'));
  if (problem !== undefined) return;
  lab = await new DaemonLab().open();
  await startServer(lab.server, PORT);
});
after(async () => {
  if (problem === undefined) await lab.close();
  rmSync(dir, { recursive: true, force: true });
});

interface ConnectionDocument {
  readonly name: string;
  readonly state: string;
  readonly uplink: string | null;
  readonly ike: { readonly spi_i: string; readonly spi_r: string } | null;
  readonly children: readonly { readonly name: string; readonly state: string; readonly spi_in: string; readonly spi_out: string }[];
}

async function connection(): Promise<ConnectionDocument> {
  const [first] = await lab.json<ConnectionDocument[]>('router', 'connections');
  assert.ok(first);
  return first;
}

/** What changes when keys or sessions are made anew. */
async function spis(): Promise<string> {
  const { ike, children } = await connection();
  return JSON.stringify([ike?.spi_i, ike?.spi_r, ...children.map((c) => [c.name, c.spi_in, c.spi_out])]);
}

// ---- command line ------------------------------------------------------------------------------------------------------

const mobiked = (...args: readonly string[]): SpawnSyncReturns<string> => spawnSync(MOBIKED, args, { encoding: 'utf8', timeout: 10_000 });

test('--version, --help and mistakes on the command line', () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  const shown = mobiked('--version');
  assert.deepEqual([shown.status, shown.stdout, shown.stderr], [0, `${version}\n`, '']);
  const help = mobiked('--help');
  assert.equal(help.status, 0);
  for (const option of ['--config', '--ubus', '--run-dir', '--state-dir', '--foreground', '--check-config', '--version', '--help']) assert.ok(help.stdout.includes(option), option);
  for (const args of [['--nonsense'], ['--config'], ['extra']]) {
    const wrong = mobiked(...args);
    assert.equal(wrong.status, 2, args.join(' '));
    assert.match(wrong.stderr, /^mobiked: .+\n\nusage: /u);
  }
});

test('--check-config: 0 for a good file, 1 for an error and for a warning, each with file, line, section and option', () => {
  const check = (name: string, text: string): SpawnSyncReturns<string> => {
    const path = join(dir, name);
    writeFileSync(path, text, { mode: 0o600 });
    return mobiked('--config', path, '--check-config');
  };
  assert.equal(check('good', routerConf()).status, 0);
  const bad = check('bad', routerConf({ connection: ["list remote_addrs '192.0.2.1'", "option liveness 'soon'"] }));
  assert.equal(bad.status, 1);
  assert.match(bad.stderr, /bad:8: .*hq.*liveness/u);
  const unknown = check('unknown', routerConf({ main: ["option colour 'red'"] }));
  assert.equal(unknown.status, 1);
  assert.match(unknown.stderr, /unknown:4: .*main.*colour/u);
  assert.equal(mobiked('--config', join(dir, 'absent'), '--check-config').status, 1);
  for (const { stderr } of [bad, unknown]) assert.doesNotMatch(stderr, /5b1f2c9a/u, 'no secret in an error');
});

// ---- what the host lacks -----------------------------------------------------------------------------------------------

/** Starts a daemon of its own in a namespace, behind `wrapper`; its output is in `lines`. */
function raw(namespace: Namespace, name: string, wrapper: readonly string[] = []): Running {
  const run = join(dir, name);
  return namespace.spawn([...wrapper, MOBIKED, '--config', lab.conf('router'), '--ubus', 'none', '--run-dir', run, '--state-dir', run, '--foreground']);
}

async function says(process: Running, pattern: RegExp): Promise<void> {
  try {
    await until(String(pattern), () => process.lines.some((line) => pattern.test(line)), 5000);
  } catch {
    assert.fail(`${String(pattern)} is not in\n${process.lines.join('\n')}`);
  }
}

test('what is missing is said in words: /dev/net/tun, permission, free ports', options, async () => {
  lab.configure('router', routerConf());
  const noDevice = raw(lab.client, 'no-device', ['unshare', '-m', 'sh', '-c', 'mount -t tmpfs none /dev/net && exec "$@"', 'sh']);
  await says(noDevice, /error.*mobiked0.*kmod-tun.*\/dev\/net\/tun/u);
  const status = JSON.parse((await lab.client.run([MOBIKECTL, '--socket', join(dir, 'no-device', 'mobiked.sock'), '--json', 'status']))) as JsonObject;
  assert.match(String(status['problem']), /\/dev\/net\/tun/u);
  assert.equal(await noDevice.stop(), 0);

  // All capabilities but the one that TUN, routes and binding need.
  const forbidden = raw(lab.client, 'forbidden', ['setpriv', '--bounding-set', '-net_admin', '--inh-caps', '-all']);
  await says(forbidden, /error.*mobiked0.*permitted/u);
  assert.equal(await forbidden.stop(), 0);

  const holder = lab.client.spawn([process.execPath, '-e', "const s=require('dgram').createSocket('udp4');s.bind(4500,()=>console.log('ready'))"]);
  await holder.line((line) => line === 'ready');
  const crowded = raw(lab.client, 'crowded');
  await says(crowded, /error.*UDP port 4500 \(IPv4\).*in use/u);
  assert.equal(await crowded.stop(), 0);
  await holder.stop('SIGKILL');
});

test('a run directory that cannot be made, and one that another daemon has', options, async () => {
  const blocked = raw(lab.client, 'file/below');
  writeFileSync(join(dir, 'file'), '');
  assert.notEqual(await blocked.exited, 0);
  await says(blocked, /error.*mobiked\.sock|error.*file/u);
  const first = raw(lab.client, 'shared');
  await says(first, /mobiked .* started/u);
  const second = raw(lab.client, 'shared');
  assert.equal(await second.exited, 1);
  await says(second, /another mobiked runs: it answers on .*shared\/mobiked\.sock/u);
  assert.equal(first.over, false);
  assert.equal(await first.stop(), 0);
});

// ---- mobikectl ---------------------------------------------------------------------------------------------------------

test('mobikectl: every command against a daemon with a tunnel, exit codes 0, 1, 2, 3', options, async () => {
  ({ router, hub } = await lab.both());
  const ok = async (...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await lab.ctl('router', ...args);
    assert.equal(code, 0, `${args.join(' ')}: ${stderr}`);
    return stdout;
  };
  const refused = async (pattern: RegExp, ...args: readonly string[]): Promise<void> => {
    const { code, stderr } = await lab.ctl('router', ...args);
    assert.equal(code, 1, args.join(' '));
    assert.match(stderr, pattern);
  };
  assert.match(await ok('status'), /hq/u);
  assert.match(await ok('uplinks'), /wan0[\s\S]*wwan0/u);
  assert.match(await ok('connections'), /192\.0\.2\.1/u);
  assert.match(await ok('events'), /established/u);
  assert.match(await ok('explain'), /wan0/u);
  assert.match(await ok('explain', 'hq'), /wan0/u);
  const follower = lab.router.spawn([MOBIKECTL, '--socket', lab.socket('router'), '--json', 'events', '--follow']);
  await follower.line((line) => line.includes('"connection.established"'));

  const moving = follower.line((line) => line.includes('"path.moved"'));
  const from = monotonic();
  await ok('switch', 'hq', 'wwan0');
  await moved(router, 'wwan0', from);
  const event = JSON.parse(await moving) as { boot_id: string; seq: number; event: { to_uplink: string } };
  assert.equal(event.event.to_uplink, 'wwan0');
  const beforeRekey = await spis();
  await ok('rekey', 'lan');
  await until('the child is rekeyed', async () => (await spis()) !== beforeRekey);
  const ike = (await connection()).ike?.spi_i;
  await ok('rekey', 'hq');
  await until('the IKE SA is rekeyed', async () => (await connection()).ike?.spi_i !== ike);
  await ok('down', 'lan');
  await until('the child is down', async () => (await connection()).children.length === 0);
  await ok('up', 'lan');
  await until('the child is up', async () => (await connection()).children.length === 1);
  await ok('down', 'hq');
  await until('the connection is down', async () => (await connection()).state === 'down');
  await ok('up', 'hq');
  await until('the connection is up', async () => (await connection()).state === 'up');
  await ok('reload');
  follower.child.kill('SIGINT');
  await follower.exited;

  await refused(/nonsense/u, 'up', 'nonsense');
  await refused(/nonsense/u, 'down', 'nonsense');
  await refused(/nonsense/u, 'rekey', 'nonsense');
  await refused(/uplink/u, 'switch', 'hq', 'nonsense');
  await refused(/connection/u, 'switch', 'nonsense', 'wan0');
  await refused(/nonsense/u, 'explain', 'nonsense');
  for (const args of [[], ['nonsense'], ['up'], ['switch', 'hq'], ['status', 'extra'], ['--wrong', 'status']]) assert.equal((await lab.ctl('router', ...args)).code, 2, args.join(' '));
  const nobody = await lab.router.exec([MOBIKECTL, '--socket', join(dir, 'nobody.sock'), 'status']);
  assert.equal(nobody.code, 3);
  assert.match(nobody.stderr, /no daemon/u);
});

test('rekeying under traffic, of the child and of the IKE SA, loses nothing', options, async () => {
  const stream = new Stream(lab.client, ADDRESS.server, PORT, { rate: 200 });
  await stream.flowing(10, 0, 8000);
  for (const [name, event] of [['lan', 'child.rekeyed'], ['hq', 'ike.rekeyed']] as const) {
    for (let i = 0; i < 3; i++) {
      const from = monotonic();
      assert.equal((await lab.ctl('router', 'rekey', name)).code, 0);
      assert.ok(await router.events.wait(event, from, 5000), `${name} is not rekeyed`);
      await stream.flowing(10, monotonic(), 5000);
    }
  }
  assert.equal(stream.result(0, monotonic() - 300).lost, 0);
  await stream.stop();
});

// ---- reload ------------------------------------------------------------------------------------------------------------

/** SIGHUP, and the event that says it was read. */
async function reload(text: string): Promise<void> {
  lab.configure('router', text);
  const from = monotonic();
  router.process.child.kill('SIGHUP');
  assert.ok(await router.events.wait('config.loaded', from, 3000), 'SIGHUP is not answered');
}

test('SIGHUP: mqtt alone does not touch the tunnel, a broken section keeps its last good form, a changed child reconnects', options, async () => {
  const stream = new Stream(lab.client, ADDRESS.server, PORT);
  await stream.flowing(5, 0, 8000);
  const first = await spis();
  const mqtt = "config mqtt 'report'\n\toption broker 'mqtt://10.2.0.10:1883'\n";
  await reload(routerConf({ more: mqtt }));
  assert.equal((await lab.json('router', 'status'))['mqtt'] instanceof Array, true);
  assert.equal(((await lab.json('router', 'status'))['mqtt'] as unknown[]).length, 1);
  assert.equal(await spis(), first);
  await reload(routerConf());
  assert.equal(((await lab.json('router', 'status'))['mqtt'] as unknown[]).length, 0);
  assert.equal(await spis(), first);

  await reload(routerConf({ connection: [`list remote_addrs '${ADDRESS.hub}'`, "option liveness 'soon'"] }));
  await quiet(300);
  assert.equal(await spis(), first);
  assert.ok(router.log.some((line) => /liveness/u.test(line) && /hq/u.test(line)), `the problem is logged:\n${router.log.slice(-20).join('\n')}`);
  await reload(`config connection 'hq'\n\toption 'unfinished`);
  await quiet(300);
  assert.equal(await spis(), first, 'a file that is no UCI changes nothing');

  const from = monotonic();
  await reload(routerConf({ localTs: [ADDRESS.lan, '10.1.1.0/24'] }));
  await established(router, from);
  assert.notEqual(await spis(), first);
  await stream.flowing(5, from, 5000);
  // The last ones were under way when the tunnel was made anew.
  const lost = stream.between(0, from - 100).filter((p) => p.answeredAt === undefined);
  assert.deepEqual(lost.map((p) => Math.round(from - p.sentAt)), [], 'reloads that change nothing lose nothing');
  await stream.stop();
});

test('disabled and enabled again: the tunnel goes and comes, the daemon stays', options, async () => {
  await reload(routerConf({ main: ["option enabled '0'"] }));
  await until('no connection is left', async () => (await lab.json<unknown[]>('router', 'connections')).length === 0);
  const from = monotonic();
  await reload(routerConf());
  await established(router, from);
});

// ---- the end -----------------------------------------------------------------------------------------------------------

test('SIGTERM: the hub sees the Delete, nothing stays, all within 2 s', options, async () => {
  const from = monotonic();
  const { code, ms } = await router.stop();
  console.log(`SIGTERM with a tunnel: ended after ${Math.round(ms)} ms`);
  assert.equal(code, 0);
  assert.ok(ms < 2000);
  const closed = await hub.events.wait('connection.closed', from, 1000);
  assert.equal(closed?.event.reason, 'peer_deleted');
  assert.equal((await lab.router.exec([MOBIKECTL, '--socket', lab.socket('router'), 'status'])).code, 3);

  // Nobody answers the Delete: the end comes all the same.
  router = await lab.start('router');
  await established(router);
  await hub.kill();
  const alone = await router.stop();
  console.log(`SIGTERM with a dead peer: ended after ${Math.round(alone.ms)} ms`);
  assert.equal(alone.code, 0);
  assert.ok(alone.ms < 2000);
  hub = await lab.start('hub');
});

test('SIGTERM at once after the start, and twice', options, async () => {
  for (const wait of [0, 5, 40]) {
    router = await lab.start('router');
    await quiet(wait);
    const { code, ms } = await router.stop();
    assert.equal(code, 0);
    assert.ok(ms < 2000);
    assert.deepEqual(await lab.ownRoutes('router'), [], `stopped ${wait} ms after the socket was there`);
  }
  router = await lab.start('router');
  await established(router);
  router.process.child.kill('SIGTERM');
  const { code, ms } = await router.stop();
  assert.equal(code, 0);
  assert.ok(ms < 2000);
  await hub.stop();
  for (const side of ['router', 'hub'] as const) assert.deepEqual(await lab.ownRoutes(side), []);
  assert.doesNotMatch([...router.log, ...hub.log].join('\n'), /5b1f2c9a/u, 'no secret in a log');
  assert.ok(hubConf().includes('5b1f2c9a'));
});
