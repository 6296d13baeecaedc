import { test } from 'node:test';
import assert from 'node:assert/strict';
import { after, millis, seconds } from '../../src/base/index.ts';
import { nodeCrypto } from '../../src/adapters/node/crypto.ts';
import type { Effect, Input } from '../../src/ports/index.ts';
import { SimHost } from './host.ts';
import { ERRNO } from './kernel.ts';
import { ScriptCore, ip } from './script-core.ts';
import { World } from './world.ts';

const suite = nodeCrypto();
const OPEN: Effect[] = [{ type: 'udp.open', ports: [500, 4500], mark: 0 }, { type: 'kernel.watch' }];

function host(world: World, name: string, script: (input: Input, now: never) => Effect[]): { host: SimHost; core: ScriptCore } {
  const core = new ScriptCore((input, now) => (input.type === 'process.start' ? OPEN : script(input, now as never)));
  return { host: new SimHost(world, { name, suite, makeCore: () => core }), core };
}

const send = (ifindex: number, local: string, remote: string, port = 500, bytes = new Uint8Array(28)): Effect => ({
  type: 'udp.send', ifindex, local: { address: ip(local), port }, remote: { address: ip(remote), port }, bytes,
});

/** A router on two links and a hub that answers every datagram with one zero octet more. */
function pair(): { world: World; router: SimHost; core: ScriptCore; hubCore: ScriptCore } {
  const world = new World({ seed: 3 });
  const { host: router, core } = host(world, 'router', () => []);
  router.addDevice('wan0', world.link('isp1', { rtt: millis(20) }), { addresses: [{ address: ip('192.0.2.10'), length: 24 }], metric: 10, gateway: ip('192.0.2.1') });
  router.addDevice('wwan0', world.link('isp2', { rtt: millis(60), nat: { publicAddress: ip('198.51.100.9') } }), { addresses: [{ address: ip('10.64.0.2'), length: 30 }], metric: 20 });
  const hub = host(world, 'hub', (input) =>
    input.type === 'udp.received' ? [{ type: 'udp.send', ifindex: 0, local: input.local, remote: input.remote, bytes: Uint8Array.of(...input.bytes, 0) }] : []);
  hub.host.addDevice('eth0', world.link('hub', { rtt: millis(0) }), { addresses: [{ address: ip('203.0.113.1'), length: 24 }], metric: 1 });
  router.start();
  hub.host.start();
  world.runFor(millis(5));
  return { world, router, core, hubCore: hub.core };
}

const perform = (router: SimHost, core: ScriptCore, effect: Effect): void => {
  const original = core.handle.bind(core);
  core.handle = (input, now) => [...original(input, now), effect];
  router.push({ type: 'tick' });
  core.handle = original;
};

test('sockets open, the kernel answers with a snapshot, and then with changes', () => {
  const { world, router, core } = pair();
  assert.equal(core.of('udp.opened').length, 4);
  assert.deepEqual(core.of('kernel.snapshot')[0]?.links.map((l) => l.name), ['lo', 'wan0', 'wwan0']);
  router.device('wan0').loseAddress(ip('192.0.2.10'));
  world.runFor(millis(1));
  assert.deepEqual(core.of('kernel.address').map((a) => a.change), ['removed']);
});

test('a datagram leaves through the named device, whatever the routes prefer, and comes back with index and endpoints', () => {
  const { world, router, core, hubCore } = pair();
  const wwan = router.device('wwan0').ifindex;
  perform(router, core, send(wwan, '10.64.0.2', '203.0.113.1'));
  world.runFor(millis(100));
  assert.equal(hubCore.of('udp.received')[0]?.remote.address, '198.51.100.9');
  const [answer] = core.of('udp.received');
  assert.equal(answer?.ifindex, wwan);
  assert.deepEqual([answer.local.address, answer.remote.address, answer.bytes.length], ['10.64.0.2', '203.0.113.1', 29]);
  assert.equal(core.inputs.find((i) => i.input.type === 'udp.received')?.at, 65);
});

test('a bound send is refused as Linux refuses it', () => {
  const { world, router, core } = pair();
  const [wan, wwan] = [router.device('wan0'), router.device('wwan0')];
  const refused = (effect: Effect): number | undefined => {
    const before = core.of('udp.sendFailed').length;
    perform(router, core, effect);
    world.runFor(millis(1));
    return core.of('udp.sendFailed')[before]?.errno;
  };
  assert.equal(refused(send(wan.ifindex, '10.64.0.2', '203.0.113.1')), ERRNO.EADDRNOTAVAIL, 'an address of another device');
  assert.equal(refused(send(77, '192.0.2.10', '203.0.113.1')), ERRNO.ENODEV);
  wan.removeDefault(4);
  assert.equal(refused(send(wan.ifindex, '192.0.2.10', '203.0.113.1')), ERRNO.ENETUNREACH);
  assert.equal(refused(send(wan.ifindex, '192.0.2.10', '192.0.2.77')), undefined, 'on link');
  wan.setDown();
  assert.equal(refused(send(wan.ifindex, '192.0.2.10', '203.0.113.1')), ERRNO.ENETDOWN);
  wwan.link.unplug();
  assert.equal(refused(send(wwan.ifindex, '10.64.0.2', '203.0.113.1')), undefined, 'lost carrier is not noticed by a send');
  const gone = wwan.ifindex;
  wwan.remove();
  assert.equal(refused(send(gone, '10.64.0.2', '203.0.113.1')), ERRNO.ENODEV);
});

test('a device that comes back has another index', () => {
  const { world, router } = pair();
  const device = router.device('wwan0');
  const before = device.ifindex;
  device.remove();
  assert.equal(device.ifindex, 0);
  device.create();
  device.connect();
  world.runFor(millis(1));
  assert.ok(device.ifindex > before);
});

test('octets of an input are gone after the call, keepalives never reach the core', () => {
  const world = new World({ seed: 1 });
  let kept: Uint8Array | undefined;
  const a = host(world, 'a', () => []);
  const b = host(world, 'b', (input) => {
    if (input.type === 'udp.received') kept = input.bytes;
    return [];
  });
  a.host.addDevice('eth0', world.link('a'), { addresses: [{ address: ip('192.0.2.1'), length: 24 }], metric: 1 });
  b.host.addDevice('eth0', world.link('b'), { addresses: [{ address: ip('192.0.2.2'), length: 24 }], metric: 1 });
  a.host.start();
  b.host.start();
  world.runFor(millis(1));
  const eth = a.host.device('eth0').ifindex;
  perform(a.host, a.core, send(eth, '192.0.2.1', '192.0.2.2', 4500, Uint8Array.of(0xff)));
  perform(a.host, a.core, send(eth, '192.0.2.1', '192.0.2.2', 4500, new Uint8Array(32)));
  world.runFor(seconds(1));
  assert.equal(b.core.of('udp.received').length, 1);
  assert.ok(kept?.every((octet) => octet === 0xaa));
});

test('deadlines are served, a crash ends everything but the TUN device, a new life starts afresh and takes that over', () => {
  const world = new World({ seed: 1 });
  const ticks: number[] = [];
  const lives: ScriptCore[] = [];
  const router = new SimHost(world, {
    name: 'router', suite,
    makeCore: () => {
      const core = new ScriptCore((input, now, self) => {
        if (input.type === 'tick') ticks.push(now);
        self.deadline = after(now, seconds(1));
        return input.type === 'process.start' ? [...OPEN, { type: 'tun.open', name: 'mobiked0', mtu: 1400 }] : [];
      });
      lives.push(core);
      return core;
    },
  });
  router.start();
  world.runFor(millis(2500));
  assert.deepEqual(ticks, [1000, 2000]);
  const tun = router.kernel.linkNamed('mobiked0');
  assert.ok(tun);
  router.crash();
  world.runFor(seconds(5));
  assert.equal(ticks.length, 2);
  assert.deepEqual(router.kernel.linkNamed('mobiked0'), tun);
  router.start();
  world.runFor(seconds(1));
  assert.equal(lives.length, 2);
  assert.equal(lives[1]?.of('tun.opened')[0]?.ifindex, tun.ifindex);
  assert.notEqual(lives[0]?.of('process.start')[0]?.bootId, lives[1]?.of('process.start')[0]?.bootId);
});

test('names are resolved through a device that works, and time out through one that does not', () => {
  const { world, router, core } = pair();
  world.dns.set('hub.example', [ip('203.0.113.1')]);
  const ask = (opId: number, name: string, ifindex: number): void => perform(router, core, { type: 'resolver.resolve', opId, name, servers: [], ifindex, mark: 0 });
  ask(1, 'hub.example', 0);
  ask(2, 'nobody.example', 0);
  router.device('wan0').link.unplug();
  ask(3, 'hub.example', router.device('wan0').ifindex);
  world.runFor(seconds(6));
  assert.deepEqual(core.of('resolver.answered').map((a) => [a.opId, a.addresses.length, a.why]), [[1, 1, undefined], [2, 0, 'no such name'], [3, 0, 'timeout']]);
});

test('a bug in the core fails the scenario', () => {
  const world = new World({ seed: 77 });
  const { host: router } = host(world, 'router', (input) => {
    if (input.type === 'kernel.snapshot') throw new Error('a bug of ours');
    return [];
  });
  router.start();
  assert.throws(() => world.runFor(seconds(1)), /a bug of ours\n {2}\(seed 77/);
});

test('the control socket: one line in, lines out', () => {
  const world = new World({ seed: 1 });
  const { host: router } = host(world, 'router', (input) => (input.type === 'control.received' ? [{ type: 'control.send', client: input.client, line: `echo ${input.line}` }] : []));
  router.start();
  assert.deepEqual(router.command('status'), ['echo status']);
});
