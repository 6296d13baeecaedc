// Both families outside and inside, moves between them, and packets of every size.
import { after, afterEach, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { ADDRESS, Stream, UPLINKS, monotonic, startServer, type Namespace, type Running } from '../lab/index.ts';
import { Capture, DaemonLab, ENV, hubConf, moved, quiet, routerConf, systemProblem, until, type Daemon } from './daemon-lab.ts';

const problem = systemProblem('tcpdump', 'ping');
const options = { skip: problem ?? false, timeout: 90_000 };
const PORT = 7;
const OCTETS = 5_000_000;
const LAN = [ADDRESS.lan, ADDRESS.lan6];
const REMOTE = [ADDRESS.remote, ADDRESS.remote6];

let lab: DaemonLab;
let router: Daemon;
let hub: Daemon;

before(async () => {
  if (problem !== undefined) return;
  lab = await new DaemonLab({ ipv6: true }).open();
  await startServer(lab.server, PORT);
});
after(async () => {
  if (problem === undefined) await lab.close();
});
afterEach(async () => {
  if (problem !== undefined) return;
  await router.stop();
  await hub.stop();
  for (const device of ['wan0', 'wwan0'] as const) await lab.connect(device);
});

/** Both daemons with children of both families; `remotes` are the hub's addresses, in order. */
async function begin(...remotes: readonly string[]): Promise<void> {
  ({ router, hub } = await lab.both(
    routerConf({ connection: remotes.map((address) => `list remote_addrs '${address}'`), localTs: LAN, remoteTs: REMOTE }),
    hubConf({ localTs: REMOTE, remoteTs: LAN }),
  ));
}

async function path(): Promise<{ readonly local: string; readonly remote: string; readonly uplink: string }> {
  const [first] = await lab.json<{ path: { local: string; remote: string; uplink: string } }[]>('router', 'connections');
  assert.ok(first);
  return first.path;
}

const both = (): Stream[] => [ADDRESS.server, ADDRESS.server6].map((address) => new Stream(lab.client, address, PORT));

/** IPv4 or IPv6 address alone, the other one stays. */
const drop = (device: 'wan0' | 'wwan0', family: 4 | 6): Promise<void> =>
  lab.router.ip(family === 4 ? `addr del ${UPLINKS[device].address}/${UPLINKS[device].length} dev ${device}` : `addr del ${UPLINKS[device].address6}/64 dev ${device}`);

test('ES3-5: IPv6 outside: both families inside, moves, no clear text', options, async () => {
  await begin(ADDRESS.hub6);
  const captures = [await Capture.start(lab.router), await Capture.start(lab.hub)];
  const streams = both();
  await Promise.all(streams.map((s) => s.flowing(10, 0, 5000)));
  assert.match((await path()).remote, /2001:db8:ff::1/u);
  const from = monotonic();
  await lab.loseAddress('wan0');
  await moved(router, 'wwan0', from);
  await Promise.all(streams.map((s) => s.flowing(10, monotonic(), 5000)));
  console.log(`IPv6 address lost: outage ${Math.max(...streams.map((s) => s.result(from - 100, monotonic() - 200).outageMs))} ms`);
  assert.match((await path()).local, /2001:db8:2::2/u);
  await lab.connect('wan0');
  const back = monotonic();
  await until('wan0 is up again', async () => (await lab.ctl('router', 'switch', 'hq', 'wan0')).code === 0);
  await moved(router, 'wan0', back);
  await Promise.all(streams.map((s) => s.flowing(10, monotonic(), 5000)));
  for (const stream of streams) assert.equal(stream.result(back, monotonic() - 300).lost, 0, 'a planned move loses nothing');
  // The routing table prefers wan0: what leaves by the other one does so because it is bound to it.
  const again = monotonic();
  await lab.ctl('router', 'switch', 'hq', 'wwan0');
  await moved(router, 'wwan0', again);
  const ups = async (): Promise<number[]> => {
    const { links } = await lab.relay.stats();
    return [links['isp1']?.up ?? NaN, links['isp2']?.up ?? NaN];
  };
  const [one = NaN, two = NaN] = await ups();
  await Promise.all(streams.map((s) => s.flowing(20, monotonic(), 5000)));
  const [oneLater = NaN, twoLater = NaN] = await ups();
  assert.ok(twoLater - two >= 40 && oneLater - one < 10, `${twoLater - two} packets by wwan0, ${oneLater - one} by wan0`);
  await router.kill();
  await quiet(300);
  router = await lab.start('router');
  await Promise.all(streams.map((s) => s.flowing(10, router.startedAt, 8000)));
  await Promise.all(streams.map((s) => s.stop()));
  for (const capture of captures) {
    capture.expectNone('IPv6');
    assert.ok(capture.inside > 0);
    await capture.stop();
  }
});

test('from IPv4 to IPv6 and back, as the uplinks have them', options, async () => {
  await drop('wan0', 6);
  await drop('wwan0', 4);
  await begin(ADDRESS.hub, ADDRESS.hub6);
  const streams = both();
  await Promise.all(streams.map((s) => s.flowing(10, 0, 5000)));
  assert.match((await path()).remote, /^192\.0\.2\.1:/u);
  const from = monotonic();
  await drop('wan0', 4);
  await moved(router, 'wwan0', from);
  assert.match((await path()).remote, /2001:db8:ff::1/u);
  await Promise.all(streams.map((s) => s.flowing(10, monotonic(), 5000)));
  console.log(`IPv4 to IPv6: outage ${Math.max(...streams.map((s) => s.result(from - 100, monotonic() - 200).outageMs))} ms`);
  const back = monotonic();
  await lab.router.ip(`addr replace ${UPLINKS.wan0.address}/24 dev wan0`, `route replace default via ${UPLINKS.wan0.gateway} dev wan0 metric 10`);
  await until('wan0 is up again', async () => (await lab.ctl('router', 'switch', 'hq', 'wan0')).code === 0);
  await moved(router, 'wan0', back);
  assert.match((await path()).remote, /^192\.0\.2\.1:/u);
  await Promise.all(streams.map((s) => s.flowing(10, monotonic(), 5000)));
  for (const stream of streams) assert.equal(stream.result(back, monotonic() - 300).lost, 0, 'a planned move loses nothing');
  await Promise.all(streams.map((s) => s.stop()));
});

test('an uplink that loses IPv4 alone goes on over IPv6', options, async () => {
  await begin(ADDRESS.hub, ADDRESS.hub6);
  const stream = new Stream(lab.client, ADDRESS.server, PORT);
  await stream.flowing(10, 0, 5000);
  const from = monotonic();
  await drop('wan0', 4);
  await until('another path', async () => !(await path()).local.startsWith(UPLINKS.wan0.address));
  await stream.flowing(10, monotonic(), 5000);
  console.log(`IPv4 of the uplink gone: now ${(await path()).uplink} ${(await path()).local}, outage ${stream.result(from - 100, monotonic() - 200).outageMs} ms`);
  await stream.stop();
});

test('ES3-5: everything through the tunnel (0.0.0.0/0 and ::/0), IPv6 outside: up, moved, killed, up again', options, async () => {
  const all = ['0.0.0.0/0', '::/0'];
  ({ router, hub } = await lab.both(
    routerConf({ connection: [`list remote_addrs '${ADDRESS.hub6}'`, `list remote_addrs '${ADDRESS.hub}'`], localTs: LAN, remoteTs: all }),
    hubConf({ localTs: all, remoteTs: LAN }),
  ));
  const capture = await Capture.start(lab.router);
  const streams = both();
  await Promise.all(streams.map((s) => s.flowing(10, 0, 5000)));
  const from = monotonic();
  await lab.loseAddress('wan0');
  await moved(router, 'wwan0', from);
  await Promise.all(streams.map((s) => s.flowing(10, monotonic(), 5000)));
  await lab.connect('wan0');
  await router.kill();
  await quiet(300);
  router = await lab.start('router');
  await Promise.all(streams.map((s) => s.flowing(10, router.startedAt, 8000)));
  await Promise.all(streams.map((s) => s.stop()));
  capture.expectNone('full tunnel over IPv6');
  await capture.stop();
});

for (const [family, address, ours, nobody] of [[4, ADDRESS.server, ADDRESS.routerLan, '10.2.0.77'], [6, ADDRESS.server6, 'fd00:1::1', 'fd00:2::77']] as const)
  test(`F-3: echo_address: while nobody answers what goes through the tunnel, somebody behind the hub is pinged from an address of ours inside, and answers (IPv${family})`, options, async () => {
    ({ router, hub } = await lab.both(
      routerConf({ connection: [`list remote_addrs '${ADDRESS.hub}'`, `option echo_address '${address}'`], localTs: LAN, remoteTs: REMOTE }),
      hubConf({ localTs: REMOTE, remoteTs: LAN }),
    ));
    const watch = lab.server.spawn(['tcpdump', '-i', 'eth0', '-n', '-l', '--immediate-mode', family === 4 ? 'icmp' : 'icmp6'], { env: ENV });
    await until('tcpdump listens', () => watch.lines.some((line) => line.startsWith('listening on')));
    await lab.client.exec(['ping', '-n', '-q', '-c', '10', '-i', '0.2', '-W', '1', nobody]);
    for (const [way, what] of [[`${ours} > ${address}`, 'request'], [`${address} > ${ours}`, 'reply']] as const)
      await until(`${way} ${what}`, () => watch.lines.some((line) => line.includes(way) && line.includes(`echo ${what}, id 28011`)));
    await watch.stop();
  });

// ---- sizes -------------------------------------------------------------------------------------------------------------

async function tunMtu(side: 'router' | 'hub'): Promise<number> {
  const found = /mtu (\d+)/u.exec(await lab.namespace(side).run(['ip', 'link', 'show', 'mobiked0']));
  return Number(found?.[1]);
}

/** One packet of `size` octets, IP header included, that must not be fragmented. */
async function whole(address: string, size: number, expected: 'comes' | number): Promise<void> {
  const header = address.includes(':') ? 48 : 28;
  const { code, stdout, stderr } = await lab.client.exec(['ping', '-n', '-c', '2', '-i', '0.2', '-W', '1', '-M', 'do', '-s', String(size - header), address]);
  if (expected === 'comes') assert.equal(code, 0, `${size} octets to ${address}: ${stdout}${stderr}`);
  else {
    assert.notEqual(code, 0, `${size} octets to ${address} came`);
    assert.match(stdout + stderr, new RegExp(`mtu ?[=:] ?${expected}\\b`, 'u'));
  }
}

/** What the client has learnt of the way is forgotten. */
const forget = (): Promise<unknown> => Promise.all(['-4', '-6'].map((family) => lab.client.run(['ip', family, 'route', 'flush', 'cache'])));

test('big packets: what fits comes, what does not is answered with the size that does, fragments come', options, async () => {
  await begin(ADDRESS.hub, ADDRESS.hub6);
  const mtu = await tunMtu('router');
  // Outer IPv6, UDP, SPI and number, IV, ICV; whole words; trailer.
  assert.equal(mtu, 1500 - 40 - 8 - 8 - 8 - 16 - 2);
  assert.equal(await tunMtu('hub'), mtu);
  for (const address of [ADDRESS.server, ADDRESS.server6]) {
    await whole(address, mtu, 'comes');
    await whole(address, mtu + 1, mtu);
    await forget();
  }
  await lab.client.run(['ping', '-n', '-c', '1', '-W', '2', '-M', 'dont', '-s', '3000', ADDRESS.server]);
});

/** Octets that tell their place: a function of the position. Prints the digest of what was received. */
const PEER = `
const net = require('net'), { createHash } = require('crypto');
const [, role, address, port, octets] = process.argv.map(String);
const chunk = (at) => { const b = Buffer.alloc(Math.min(65536, octets - at)); for (let i = 0; i < b.length; i++) b[i] = (at + i) * 2654435761 >>> 13; return b; };
const send = (s) => { let at = 0; const more = () => { while (at < octets) { const b = chunk(at); at += b.length; if (!s.write(b)) return s.once('drain', more); } s.end(); }; more(); };
const take = (s) => { const h = createHash('sha256'); let n = 0; s.on('data', (b) => { n += b.length; h.update(b); }); s.on('end', () => console.log('got ' + n + ' ' + h.digest('hex'))); };
const both = (s) => { take(s); send(s); s.on('error', (e) => { console.log('error ' + e.message); process.exit(1); }); };
if (role === 'server') net.createServer({ allowHalfOpen: true }, both).listen(Number(port), address, () => console.log('ready'));
else both(net.connect({ host: address, port: Number(port), allowHalfOpen: true }));
`;
const peer = (namespace: Namespace, role: string, address: string, port: number, octets: number): Running =>
  namespace.spawn([process.execPath, '-e', PEER, role, address, String(port), String(octets)]);

/** Sends the octets both ways at once over one TCP connection; both sides must have the same, after all that happens meanwhile. */
async function transfer(address: string, port: number, octets = OCTETS, meanwhile: () => Promise<void> = () => Promise.resolve()): Promise<void> {
  const server = peer(lab.server, 'server', address, port, octets);
  await server.line((line) => line === 'ready');
  const from = monotonic();
  const client = peer(lab.client, 'client', address, port, octets);
  const results = Promise.all([server, client].map((side) => side.line((line) => line.startsWith('got') || line.startsWith('error'), 60_000)));
  const [ended, happened] = await Promise.all([results.then(monotonic), meanwhile().then(monotonic)]);
  assert.ok(happened < ended, 'the transfer was over too soon');
  const [atServer, atClient] = await results;
  assert.match(atServer ?? '', new RegExp(`^got ${octets} `, 'u'));
  assert.equal(atServer, atClient);
  const seconds = (ended - from) / 1000;
  console.log(`${octets / 1e6} MB each way to ${address}: ${seconds.toFixed(1)} s, ${((octets * 16) / 1e6 / seconds).toFixed(0)} Mbit/s`);
  await server.stop('SIGKILL');
}

test('TCP: 5 MB each way arrive intact over IPv4 and IPv6, the MSS fits the tunnel', options, async () => {
  await begin(ADDRESS.hub, ADDRESS.hub6);
  const mtu = await tunMtu('router');
  const watch = lab.server.spawn(['tcpdump', '-i', 'eth0', '-n', '-l', '--immediate-mode', '-c', '2', 'port 7100 and ((ip and tcp[tcpflags] & tcp-syn != 0) or ip6)'], { env: ENV });
  await until('tcpdump listens', () => watch.lines.some((line) => line.startsWith('listening on')));
  const syn = watch.line((line) => line.includes('mss'));
  await transfer(ADDRESS.server, 7100);
  assert.match(await syn, new RegExp(`mss ${mtu - 40}\\b`, 'u'));
  await transfer(ADDRESS.server6, 7101);
});

test('TCP: a transfer goes on intact while the tunnel moves, as planned and for want of an address', options, async () => {
  await begin(ADDRESS.hub, ADDRESS.hub6);
  await transfer(ADDRESS.server, 7102, 8 * OCTETS, async () => {
    for (const to of ['wwan0', 'wan0', 'wwan0', 'wan0']) {
      const from = monotonic();
      await until(to, async () => (await lab.ctl('router', 'switch', 'hq', to)).code === 0);
      await moved(router, to, from);
    }
    const from = monotonic();
    await lab.loseAddress('wan0');
    await moved(router, 'wwan0', from);
  });
});

test('F-4: a path that swallows packets of more than 1280 octets without a word: both ends find out after the move, and what is inside fits', options, async () => {
  await begin(ADDRESS.hub);
  await lab.isp2.ip('link set cust mtu 1280');
  const from = monotonic();
  await until('wwan0 is up', async () => (await lab.ctl('router', 'switch', 'hq', 'wwan0')).code === 0);
  await moved(router, 'wwan0', from);
  for (const side of ['router', 'hub'] as const) {
    await until(`${side}: 1280 octets`, async () => {
      const [first] = await lab.json<{ path: { mtu?: number } | null }[]>(side, 'connections');
      return first?.path?.mtu === 1280;
    }, 20_000);
  }
  console.log(`size of the path found by both ends ${Math.round(monotonic() - from)} ms after the move was asked for`);
  const inside = 1280 - 20 - 8 - 8 - 8 - 16 - 2;
  await whole(ADDRESS.server, inside, 'comes');
  await whole(ADDRESS.server, inside + 1, inside);
  await forget();
  await transfer(ADDRESS.server, 7104);
  await lab.isp2.ip('link set cust mtu 1500');
});

test('an uplink with an MTU of 1400 octets: the tunnel follows, both ways', options, async () => {
  await begin(ADDRESS.hub);
  const usual = await tunMtu('router');
  await lab.router.ip('link set wan0 mtu 1400');
  const small = await until('the smaller tunnel', async () => {
    const mtu = await tunMtu('router');
    return mtu < usual && mtu;
  });
  assert.ok(small <= 1400 - 20 - 8 - 8 - 8 - 16 - 2);
  await forget();
  await whole(ADDRESS.server, small, 'comes');
  await whole(ADDRESS.server, small + 1, small);
  await forget();
  await transfer(ADDRESS.server, 7103);
  await lab.router.ip('link set wan0 mtu 1500');
  await until('the usual tunnel', async () => (await tunMtu('router')) === usual);
  await forget();
  await whole(ADDRESS.server, usual, 'comes');
});
