// The rtnetlink port against the real kernel, in namespaces; every story runs over both implementations of the socket.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { formatPrefix, ip as address, parsePrefix, ROUTE_PROTOCOL, toHex } from '../../src/base/index.ts';
import { KernelView, planLink, planRoutes, wantedRoutes } from '../../src/kernel/index.ts';
import type { Input, InputOf, KernelInput, KernelOp, WantedRoute } from '../../src/ports/index.ts';
import { NativeHost } from '../../src/adapters/node/native.ts';
import { nativeNetlink } from '../../src/adapters/node/netlink-native.ts';
import { loadNpmNetlink } from '../../src/adapters/node/netlink-npm.ts';
import type { NetlinkFactory } from '../../src/adapters/node/netlink.ts';
import { createKernelPort } from '../../src/adapters/node/netlink.ts';
import { factLines } from '../codec/netlink/golden.ts';
import { ip, netnsTest } from '../lab/netns.ts';

function npmMissing(): string | undefined {
  try {
    loadNpmNetlink();
    return undefined;
  } catch (error) {
    return `the npm package netlink does not load: ${String(error).split('\n')[0]}`;
  }
}

const IMPLEMENTATIONS: { name: string; skip: string | undefined; open: () => NetlinkFactory }[] = [
  { name: 'npm package', skip: npmMissing(), open: loadNpmNetlink },
  {
    name: 'addon',
    skip: existsSync('build/lib/mobiked.node') ? undefined : 'build/lib/mobiked.node is not built (make native)',
    open: () => nativeNetlink(new NativeHost()),
  },
];

const prefix = (text: string) => parsePrefix(text) ?? assert.fail(text);

/** A port that watches, what it delivered, and the view made of it. */
class Watcher {
  readonly view = new KernelView();
  readonly inputs: KernelInput[] = [];
  readonly log: string[] = [];
  readonly #port;
  #wake: () => void = () => undefined;
  #opId = 0;

  constructor(factory: NetlinkFactory) {
    this.#port = createKernelPort(factory, (text) => this.log.push(text));
  }

  readonly #take = (input: Input): void => {
    this.inputs.push(input as KernelInput);
    this.view.handle(input as KernelInput);
    this.#wake();
  };

  async watch(): Promise<this> {
    this.#port.perform({ type: 'kernel.watch' }, this.#take);
    await this.until('a snapshot', () => this.view.ready);
    return this;
  }

  /** Waits until `test` holds; it is looked at again after every input. */
  async until(what: string, test: () => boolean): Promise<void> {
    const deadline = performance.now() + 8000;
    while (!test()) {
      const left = deadline - performance.now();
      if (left <= 0) throw new Error(`waited for ${what}; inputs: ${JSON.stringify(this.inputs.slice(-20), null, 1)}\nlog: ${this.log.join('; ')}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  async apply(ops: readonly KernelOp[]): Promise<InputOf<'kernel.applied'>['failures']> {
    const opId = ++this.#opId;
    let answers = 0;
    const failures = await new Promise<InputOf<'kernel.applied'>['failures']>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('kernel.apply was not answered')), 8000);
      this.#port.perform({ type: 'kernel.apply', opId, ops }, (input) => {
        answers++;
        this.#take(input);
        if (input.type !== 'kernel.applied' || input.opId !== opId) return;
        clearTimeout(timer);
        resolve(input.failures);
      });
    });
    assert.equal(answers, 1);
    return failures;
  }

  link(name: string) {
    return this.view.linkByName(name) ?? assert.fail(`no link ${name}`);
  }

  defaults(): string[] {
    return this.view.defaultRoutes().map((r) => `${r.source ? `${formatPrefix(r.source)} ` : ''}via ${r.gateway} dev ${this.view.link(r.ifindex ?? 0)?.name} metric ${r.metric}`).sort();
  }

  close(): void {
    this.#port.close();
  }
}

const sorted = (lines: readonly string[]): string[] => [...lines].sort();
const own = (): string[] => `${ip('-4 route show proto 77')}${ip('-6 route show proto 77')}`.split('\n').map((l) => l.trim().replaceAll('  ', ' ')).filter((l) => l !== '');

/** Two uplinks as a router has them: wan (with peer p0) and wwan (with peer p1). */
function uplinks(): void {
  for (const [name, peer, net] of [['wan', 'p0', 1], ['wwan', 'p1', 2]] as const) {
    ip(`link add ${name} type veth peer name ${peer}`);
    ip(`link set ${peer} up`);
    ip(`link set ${name} up`);
    ip(`addr add 192.0.2.${net * 64 + 2}/26 dev ${name}`);
    ip(`-6 addr add 2001:db8:${net}::2/64 dev ${name} nodad`);
    ip(`route add default via 192.0.2.${net * 64 + 1} dev ${name} metric ${net * 10}`);
    ip(`-6 route add default via 2001:db8:${net}::1 dev ${name} metric ${net * 10}`);
  }
}

function story(title: string, body: (factory: NetlinkFactory) => Promise<void>): void {
  for (const { name, skip, open } of IMPLEMENTATIONS) netnsTest(`rtnetlink port over ${name}: ${title}`, { skip }, () => body(open()));
}

story('snapshot tells links, addresses and default routes of both families', async (factory) => {
  uplinks();
  const w = await new Watcher(factory).watch();
  assert.equal(w.inputs[0]?.type, 'kernel.snapshot');
  await w.until('carrier', () => w.link('wan').carrier && w.link('wwan').carrier);
  const { ifindex } = w.link('wan');
  assert.deepEqual(w.link('wan'), { ifindex, name: 'wan', up: true, carrier: true, loopback: false, mtu: 1500 });
  assert.equal(w.link('lo').loopback, true);
  const addresses = w.view.addressesOf(ifindex);
  assert.deepEqual(addresses.find((a) => a.address === address('192.0.2.66')),
    { ifindex, address: '192.0.2.66', prefixLength: 26, tentative: false, deprecated: false, secondary: false, global: true });
  assert.deepEqual(addresses.find((a) => a.address === address('2001:db8:1::2')),
    { ifindex, address: '2001:db8:1::2', prefixLength: 64, tentative: false, deprecated: false, secondary: false, global: true });
  assert.ok(addresses.every((a) => a.address.startsWith('fe80:') === !a.global));
  assert.deepEqual(w.defaults(), [
    'via 192.0.2.129 dev wwan metric 20', 'via 192.0.2.65 dev wan metric 10', 'via 2001:db8:1::1 dev wan metric 10', 'via 2001:db8:2::1 dev wwan metric 20',
  ]);
  w.close();
});

story('carrier lost and back on veth, the device staying up', async (factory) => {
  uplinks();
  const w = await new Watcher(factory).watch();
  await w.until('carrier', () => w.link('wan').carrier);
  ip('link set p0 down');
  await w.until('carrier lost', () => !w.link('wan').carrier);
  assert.equal(w.link('wan').up, true);
  assert.ok(w.defaults().includes('via 192.0.2.65 dev wan metric 10'), 'the route stays without carrier');
  ip('link set p0 up');
  await w.until('carrier back', () => w.link('wan').carrier);
  w.close();
});

story('address added, tentative until duplicate detection ends, and removed', async (factory) => {
  uplinks();
  const w = await new Watcher(factory).watch();
  await w.until('carrier', () => w.link('wan').carrier);
  const found = (text: string) => w.view.addressesOf(w.link('wan').ifindex).find((a) => a.address === text);
  ip('addr add 198.51.100.7/32 dev wan');
  await w.until('IPv4 address', () => found('198.51.100.7') !== undefined);
  ip('-6 addr add 2001:db8:77::7/64 dev wan');
  await w.until('tentative address', () => found('2001:db8:77::7')?.tentative === true);
  await w.until('address no longer tentative', () => found('2001:db8:77::7')?.tentative === false);
  ip('-6 addr change 2001:db8:77::7/64 dev wan preferred_lft 0');
  await w.until('deprecated address', () => found('2001:db8:77::7')?.deprecated === true);
  ip('addr del 198.51.100.7/32 dev wan');
  ip('-6 addr del 2001:db8:77::7/64 dev wan');
  await w.until('addresses gone', () => found('198.51.100.7') === undefined && found('2001:db8:77::7') === undefined);
  w.close();
});

story('route metric changed, route replaced in place, both families', async (factory) => {
  uplinks();
  const w = await new Watcher(factory).watch();
  ip('route add default via 192.0.2.65 dev wan metric 5');
  ip('route del default via 192.0.2.65 dev wan metric 10');
  await w.until('new metric', () => w.defaults().includes('via 192.0.2.65 dev wan metric 5') && !w.defaults().includes('via 192.0.2.65 dev wan metric 10'));
  ip('route replace default via 192.0.2.66 dev wan metric 5');
  await w.until('gateway replaced', () => w.defaults().includes('via 192.0.2.66 dev wan metric 5') && !w.defaults().includes('via 192.0.2.65 dev wan metric 5'));
  ip('-6 route replace default via 2001:db8:1::99 dev wan metric 10');
  await w.until('IPv6 gateway replaced', () => w.defaults().includes('via 2001:db8:1::99 dev wan metric 10') && !w.defaults().includes('via 2001:db8:1::1 dev wan metric 10'));
  assert.equal(w.defaults().length, 4);
  w.close();
});

story('default routes go with the device that goes down, which IPv4 never says', async (factory) => {
  uplinks();
  const w = await new Watcher(factory).watch();
  await w.until('carrier', () => w.link('wan').carrier);
  ip('link set wan down');
  await w.until('link down', () => !w.link('wan').up);
  await w.until('routes gone', () => w.defaults().length === 2);
  assert.deepEqual(w.defaults(), ['via 192.0.2.129 dev wwan metric 20', 'via 2001:db8:2::1 dev wwan metric 20']);
  ip('link set wan up');
  await w.until('link up', () => w.link('wan').up);
  ip('route add default via 192.0.2.65 dev wan metric 10');
  await w.until('route back', () => w.defaults().includes('via 192.0.2.65 dev wan metric 10'));
  w.close();
});

story('host addresses are added and deleted, usable at once, and twice does no harm', async (factory) => {
  uplinks();
  const w = await new Watcher(factory).watch();
  const { ifindex } = w.link('wan');
  const host = (text: string): { ifindex: number; address: ReturnType<typeof address> } => ({ ifindex, address: address(text) });
  const both = [host('10.99.0.2'), host('fd99::2')];
  const route = { destination: { address: address('10.98.0.0'), length: 24 }, via: { kind: 'device', ifindex }, metric: 7, prefSrc: address('10.99.0.2') } as const;
  for (let i = 0; i < 2; i++) assert.deepEqual(await w.apply([...both.map((one) => ({ op: 'address.add' as const, ...one })), { op: 'route.add', route }]), []);
  await w.until('added', () => both.every((one) => w.view.addressesOf(ifindex).some((a) => a.address === one.address)));
  const whole = w.view.addressesOf(ifindex).filter((a) => both.some((one) => one.address === a.address));
  assert.deepEqual(whole.map((a) => [a.prefixLength, a.tentative, a.global]), [[32, false, true], [128, false, true]]);
  assert.equal(w.view.ownRoutes().length, 1);
  for (let i = 0; i < 2; i++) assert.deepEqual(await w.apply(both.map((one) => ({ op: 'address.delete' as const, ...one }))), []);
  await w.until('deleted', () => both.every((one) => !w.view.addressesOf(ifindex).some((a) => a.address === one.address)) && w.view.ownRoutes().length === 0);
  assert.deepEqual((await w.apply([{ op: 'address.add', ifindex: 9999, address: address('10.99.0.2') }])).map((f) => f.errno), [19]);
  w.close();
});

story('a route goes with the last IPv4 address of its device, or with its preferred source', async (factory) => {
  uplinks();
  const w = await new Watcher(factory).watch();
  ip('addr del 192.0.2.66/26 dev wan');
  await w.until('route gone with the last address', () => !w.defaults().includes('via 192.0.2.65 dev wan metric 10'));
  ip('addr add 198.51.100.9/32 dev wwan');
  ip('route add default via 192.0.2.129 dev wwan src 198.51.100.9 metric 3');
  await w.until('route with source', () => w.defaults().includes('via 192.0.2.129 dev wwan metric 3'));
  ip('addr del 198.51.100.9/32 dev wwan');
  await w.until('route gone with its source', () => !w.defaults().includes('via 192.0.2.129 dev wwan metric 3'));
  assert.ok(w.defaults().includes('via 192.0.2.129 dev wwan metric 20'));
  w.close();
});

story('device deleted: link, addresses and routes are told as removed', async (factory) => {
  uplinks();
  const w = await new Watcher(factory).watch();
  const { ifindex } = w.link('wan');
  ip('link del wan');
  await w.until('device gone', () => w.view.link(ifindex) === undefined && w.view.addressesOf(ifindex).length === 0 && w.defaults().length === 2);
  const removed = w.inputs.filter((i) => i.type === 'kernel.route' && i.change === 'removed' && i.route.ifindex === ifindex);
  assert.equal(removed.length, 2, 'each route once');
  w.close();
});

story('of two source-specific default routes through one gateway, one goes and the other stays', async (factory) => {
  uplinks();
  const w = await new Watcher(factory).watch();
  ip('-6 route add default from 2001:db8:a::/48 via 2001:db8:1::1 dev wan metric 512');
  ip('-6 route add default from 2001:db8:b::/48 via 2001:db8:1::1 dev wan metric 512');
  await w.until('both', () => w.defaults().filter((d) => d.includes('512')).length === 2);
  ip('-6 route del default from 2001:db8:a::/48 via 2001:db8:1::1 dev wan metric 512');
  await w.until('one', () => w.defaults().filter((d) => d.includes('512')).length === 1);
  assert.ok(w.defaults().some((d) => d.startsWith('2001:db8:b::/48')));
  w.close();
});

story('multipath default route: one fact for each next hop', async (factory) => {
  uplinks();
  const w = await new Watcher(factory).watch();
  ip('route add default metric 4 nexthop via 192.0.2.65 dev wan nexthop via 192.0.2.129 dev wwan');
  await w.until('both hops', () => w.defaults().filter((d) => d.endsWith('metric 4')).length === 2);
  ip('-6 route add default metric 4 nexthop via 2001:db8:1::1 dev wan nexthop via 2001:db8:2::1 dev wwan');
  await w.until('both IPv6 hops', () => w.defaults().filter((d) => d.endsWith('metric 4')).length === 4);
  ip('route del default metric 4');
  ip('-6 route del default metric 4');
  await w.until('gone', () => w.defaults().filter((d) => d.endsWith('metric 4')).length === 0);
  w.close();
});

story('messages lost (ENOBUFS): a new snapshot tells the truth', async (factory) => {
  uplinks();
  const w = await new Watcher(factory).watch();
  const lines: string[] = [];
  for (let i = 0; i < 6000; i++) lines.push(`addr add 10.${64 + (i >> 12)}.${(i >> 4) & 255}.${(i & 15) * 16 + 1}/28 dev wan`);
  lines.push('route del default via 192.0.2.129 dev wwan metric 20');
  // This process does not read meanwhile: the receive buffer overruns.
  execFileSync('ip', ['-batch', '-'], { input: lines.join('\n'), maxBuffer: 1 << 24 });
  await w.until('another snapshot', () => w.inputs.filter((i) => i.type === 'kernel.snapshot').length >= 2);
  await w.until('every address', () => w.view.addressesOf(w.link('wan').ifindex).filter((a) => a.address.startsWith('10.')).length === 6000);
  await w.until('route gone', () => !w.defaults().includes('via 192.0.2.129 dev wwan metric 20'));
  // And the port still hears and acts.
  ip('link set wwan mtu 1400');
  await w.until('mtu', () => w.link('wwan').mtu === 1400);
  assert.deepEqual(await w.apply([{ op: 'link.set', ifindex: w.link('wwan').ifindex, up: true, mtu: 1300 }]), []);
  w.close();
});

const unreachable = (text: string, metric = 2_000_000): WantedRoute => ({ destination: prefix(text), via: { kind: 'unreachable' }, metric, prefSrc: undefined });

story('unreachable and device routes added and deleted, twice without harm; failures are told', async (factory) => {
  uplinks();
  const w = await new Watcher(factory).watch();
  const { ifindex } = w.link('wwan');
  const device = (text: string, prefSrc?: string): WantedRoute => ({
    destination: prefix(text), via: { kind: 'device', ifindex }, metric: 7, prefSrc: prefSrc === undefined ? undefined : address(prefSrc),
  });
  const routes = [unreachable('10.1.0.0/16'), unreachable('2001:db8:f::/48'), device('10.1.0.0/16', '192.0.2.130'), device('2001:db8:f::/48', '2001:db8:2::2')];
  const expected = [
    'unreachable 10.1.0.0/16 metric 2000000', '10.1.0.0/16 dev wwan scope link src 192.0.2.130 metric 7',
    'unreachable 2001:db8:f::/48 dev lo metric 2000000 pref medium', '2001:db8:f::/48 dev wwan src 2001:db8:2::2 metric 7 pref medium',
  ];
  const add = routes.map((route): KernelOp => ({ op: 'route.add', route }));
  const drop = routes.map((route): KernelOp => ({ op: 'route.delete', route }));
  assert.deepEqual(await w.apply(add), []);
  assert.deepEqual(sorted(own()), sorted(expected));
  assert.deepEqual(await w.apply(add), [], 'again');
  assert.deepEqual(sorted(own()), sorted(expected));
  assert.equal(w.view.ownRoutes().length, 4, 'the view follows before kernel.applied');
  assert.deepEqual(planRoutes(routes, w.view), [], 'wanted and installed compare equal');
  assert.deepEqual(await w.apply(drop), []);
  assert.deepEqual(own(), []);
  assert.deepEqual(await w.apply(drop), [], 'again');
  await w.until('routes gone from the view', () => w.view.ownRoutes().length === 0);
  // Failures have an errno, and what stands behind them is done all the same.
  const bad: KernelOp = { op: 'route.add', route: { ...device('10.2.0.0/16'), via: { kind: 'device', ifindex: 4242 } } };
  assert.deepEqual(await w.apply([bad, { op: 'route.add', route: unreachable('10.3.0.0/16') }]), [{ op: bad, errno: 19 }]);
  assert.deepEqual(own(), ['unreachable 10.3.0.0/16 metric 2000000']);
  const many = Array.from({ length: 200 }, (_, i): KernelOp => ({ op: 'route.add', route: unreachable(`10.200.${i}.0/24`) }));
  assert.deepEqual(await w.apply(many), []);
  assert.equal(own().length, 201);
  assert.deepEqual(await w.apply([]), []);
  w.close();
});

story('a foreign route with our destination and metric survives our adding and deleting', async (factory) => {
  uplinks();
  const w = await new Watcher(factory).watch();
  ip('route add 10.9.0.0/16 dev wan metric 7');
  const route: WantedRoute = { destination: prefix('10.9.0.0/16'), via: { kind: 'device', ifindex: w.link('wwan').ifindex }, metric: 7, prefSrc: undefined };
  assert.deepEqual(await w.apply([{ op: 'route.add', route }]), []);
  assert.ok(ip('route get 10.9.0.1').includes('dev wwan'), 'ours wins');
  assert.deepEqual(await w.apply([{ op: 'route.delete', route }]), []);
  assert.ok(ip('route get 10.9.0.1').includes('dev wan'));
  w.close();
});

story('device brought up with MTU; what is so already needs nothing', async (factory) => {
  ip('link add wan type veth peer name p0');
  const w = await new Watcher(factory).watch();
  const { ifindex } = w.link('wan');
  const ops = planLink(ifindex, 1381, w.view);
  assert.deepEqual(ops, [{ op: 'link.set', ifindex, up: true, mtu: 1381 }]);
  assert.deepEqual(await w.apply(ops), []);
  await w.until('up with MTU', () => w.link('wan').up && w.link('wan').mtu === 1381);
  assert.deepEqual(planLink(ifindex, 1381, w.view), []);
  w.close();
});

story('stale routes of a crashed predecessor are taken over or removed', async (factory) => {
  uplinks();
  ip(`route add unreachable 10.1.0.0/16 metric 2000000 proto ${ROUTE_PROTOCOL}`);
  ip(`route add unreachable 10.66.0.0/16 metric 2000000 proto ${ROUTE_PROTOCOL}`);
  ip(`-6 route add unreachable 2001:db8:dead::/48 metric 2000000 proto ${ROUTE_PROTOCOL}`);
  ip(`route add 10.1.0.0/16 dev wwan metric 7 proto ${ROUTE_PROTOCOL}`);
  const w = await new Watcher(factory).watch();
  const wish = { tunIfindex: undefined, addresses: [], exceptions: [], children: [{ local: [prefix('10.0.0.0/24')], remote: [prefix('10.1.0.0/16'), prefix('2001:db8:f::/48')], up: false }] };
  assert.deepEqual(await w.apply(planRoutes(wantedRoutes(wish), w.view)), []);
  assert.deepEqual(sorted(own()), ['unreachable 10.1.0.0/16 metric 2000000', 'unreachable 2001:db8:f::/48 dev lo metric 2000000 pref medium']);
  await w.until('nothing left to do', () => planRoutes(wantedRoutes(wish), w.view).length === 0);
  w.close();
});

story('everything through the tunnel: bound sockets still find the gateway, others never leave in clear text', async (factory) => {
  uplinks();
  ip('link add tun9 type veth peer name p9');
  ip('link set tun9 up');
  ip('link set p9 up');
  const w = await new Watcher(factory).watch();
  const child = { local: [prefix('192.168.1.0/24')], remote: [prefix('0.0.0.0/0'), prefix('::/0')], up: false };
  const wish = { tunIfindex: w.link('tun9').ifindex, addresses: w.view.addresses(), exceptions: [address('203.0.113.1'), address('2001:db8:99::1')], children: [child] };
  const bound = (): void => {
    for (const [device, gateway4, gateway6] of [['wan', '192.0.2.65', '2001:db8:1::1'], ['wwan', '192.0.2.129', '2001:db8:2::1']]) {
      assert.ok(ip(`route get 203.0.113.1 oif ${device}`).includes(`via ${gateway4} dev ${device}`), `IPv4 peer through ${device}`);
      assert.ok(ip(`-6 route get 2001:db8:99::1 oif ${device}`).includes(`via ${gateway6} dev ${device}`), `IPv6 peer through ${device}`);
    }
  };
  assert.deepEqual(await w.apply(planRoutes(wantedRoutes(wish), w.view)), []);
  bound();
  assert.throws(() => ip('route get 198.51.100.1'), /unreachable|No route/);
  assert.throws(() => ip('-6 route get 2001:db8:77::1'), /unreachable|No route/);
  assert.ok(ip('route get 203.0.113.1').includes('dev tun9'), 'the peer itself is for the tunnel too');
  const up = { ...wish, children: [{ ...child, up: true }] };
  assert.deepEqual(await w.apply(planRoutes(wantedRoutes(up), w.view)), []);
  bound();
  for (const target of ['198.51.100.1', '8.8.8.8', '203.0.113.1']) assert.ok(ip(`route get ${target}`).includes('dev tun9'), target);
  assert.ok(ip('-6 route get 2001:db8:77::1').includes('dev tun9'));
  assert.ok(ip('route get 192.0.2.70').includes('dev wan'), 'a network attached to the router is still reached directly');
  // The daemon dies, its device with it.
  ip('link del tun9');
  assert.throws(() => ip('route get 198.51.100.1'), /unreachable|No route/);
  assert.throws(() => ip('-6 route get 2001:db8:77::1'), /unreachable|No route/);
  await w.until('the planner wants the TUN routes back', () => planRoutes(wantedRoutes(up), w.view).length > 0);
  w.close();
});

story('a device that leaves its bridge is not a device that is gone', async (factory) => {
  uplinks();
  try {
    ip('link add br0 type bridge');
  } catch {
    return; // This kernel has no bridge; the codec test covers the message.
  }
  const w = await new Watcher(factory).watch();
  ip('link set wan master br0');
  ip('link set wan nomaster');
  ip('link set wan mtu 1401');
  await w.until('the change after it', () => w.link('wan').mtu === 1401);
  assert.ok(!w.inputs.some((i) => i.type === 'kernel.link' && i.change === 'removed'));
  w.close();
});

story('repeated news of the kernel are told once', async (factory) => {
  uplinks();
  const w = await new Watcher(factory).watch();
  await w.until('carrier', () => w.link('wan').carrier && w.link('wwan').carrier && !w.view.addresses().some((a) => a.tentative));
  const before = w.inputs.length;
  for (let i = 0; i < 50; i++) ip('-6 addr change 2001:db8:1::2/64 dev wan preferred_lft 3000 valid_lft 4000');
  ip('link set wan mtu 1402');
  await w.until('the change after it', () => w.link('wan').mtu === 1402);
  assert.equal(w.inputs.slice(before).filter((i) => i.type === 'kernel.address').length, 0);
  w.close();
});

// GOLDEN=write records what this kernel sends into test/golden/netlink; the unit tests of the codec read it.
if (process.env['GOLDEN'] === 'write') {
  netnsTest('goldens of rtnetlink octets are recorded', {}, async () => {
    const datagrams: Uint8Array[] = [];
    const record = async (name: string, what: string, act: () => void): Promise<void> => {
      await new Promise((resolve) => setTimeout(resolve, 100));
      datagrams.length = 0;
      act();
      await new Promise((resolve) => setTimeout(resolve, 100));
      const kernel = execFileSync('uname', ['-sr'], { encoding: 'utf8' }).trim();
      const text = `-- Source --\n${what}\nrecorded from ${kernel}, little-endian, one datagram a line\n-- Input --\n${datagrams.map(toHex).join('\n')}\n-- Expect --\n${factLines(datagrams, true).join('\n')}\n`;
      writeFileSync(`test/golden/netlink/${name}.txt`, text);
    };
    uplinks();
    const socket = loadNpmNetlink()([1, 5, 7, 9, 11], { message: (bytes) => void datagrams.push(bytes.slice()), failed: () => undefined });
    await new Promise((resolve) => setTimeout(resolve, 2500));
    await record('link-set', 'ip link set wan mtu 1400', () => ip('link set wan mtu 1400'));
    await record('link-carrier-lost', 'ip link set p0 down, the other end of wan', () => ip('link set p0 down'));
    await record('link-bridge-port', 'ip link set wwan master br0; ip link set wwan nomaster', () => {
      ip('link add br0 type bridge');
      ip('link set wwan master br0');
      ip('link set wwan nomaster');
      ip('link del br0');
    });
    await record('address-ipv4', 'ip addr add 198.51.100.7/24 dev wwan; again .8 (secondary); both removed', () => {
      for (const line of ['add 198.51.100.7/24', 'add 198.51.100.8/24', 'del 198.51.100.8/24', 'del 198.51.100.7/24']) ip(`addr ${line} dev wwan`);
    });
    await record('address-ipv6', 'ip -6 addr add 2001:db8:5::5/64 dev wwan: tentative first; deprecated; removed; peer address', () => {
      ip('-6 addr add 2001:db8:5::5/64 dev wwan');
      ip('-6 addr change 2001:db8:5::5/64 dev wwan preferred_lft 0');
      ip('-6 addr del 2001:db8:5::5/64 dev wwan');
      ip('-6 addr add 2001:db8:6::1 peer 2001:db8:6::2 dev wwan nodad');
      ip('-6 addr del 2001:db8:6::1 peer 2001:db8:6::2 dev wwan');
    });
    await record('route-default', 'default routes: gateway, replaced, multipath, gateway of the other family, source-specific', () => {
      ip('route add default via 192.0.2.131 dev wwan metric 3');
      ip('route replace default via 192.0.2.132 dev wwan metric 3');
      ip('route del default metric 3');
      ip('route add default metric 4 nexthop via 192.0.2.129 dev wwan nexthop via 192.0.2.135 dev wwan');
      ip('route del default metric 4');
      ip('-4 route add default via inet6 2001:db8:2::9 dev wwan metric 5');
      ip('-6 route add default from 2001:db8:a::/48 via 2001:db8:2::1 dev wwan metric 512');
      ip('-6 route add default metric 6 nexthop via 2001:db8:2::1 dev wwan nexthop via 2001:db8:2::9 dev wwan');
    });
    await record('route-own', 'routes with protocol 77, and one foreign route that is not kept', () => {
      ip('route add unreachable 10.1.0.0/16 metric 2000000 proto 77');
      ip('route add 10.1.0.0/16 dev wwan metric 7 proto 77 src 192.0.2.130');
      ip('-6 route add unreachable 2001:db8:f::/48 metric 2000000 proto 77');
      ip('-6 route add 2001:db8:f::/48 dev wwan metric 7 proto 77 src 2001:db8:2::2');
      ip('route add 10.2.0.0/16 dev wwan');
    });
    socket.close();
  });
}
