import { test } from 'node:test';
import assert from 'node:assert/strict';
import { millis, parsePrefix, seconds, type IpPrefix } from '../../src/base/index.ts';
import { nodeCrypto } from '../../src/adapters/node/crypto.ts';
import { SimHost } from './host.ts';
import { ip, staticTunnelCore } from './script-core.ts';
import { EchoStream } from './stream.ts';
import { World } from './world.ts';

const prefix = (text: string): IpPrefix => parsePrefix(text) ?? assert.fail(text);

/** A tunnel of fixed SAs between a router and a hub, and a stream through it. */
function tunnel(): { world: World; router: SimHost; hub: SimHost; stream: EchoStream } {
  const world = new World({ seed: 11 });
  const suite = nodeCrypto();
  const make = (name: string, address: string, remote: string, lan: string, local: IpPrefix, other: IpPrefix, spiIn: number, spiOut: number): SimHost => {
    const host: SimHost = new SimHost(world, {
      name, suite,
      makeCore: () => staticTunnelCore({
        local, remote: other, spiIn, spiOut,
        path: () => ({ uplink: 'eth0', ifindex: host.device('eth0').ifindex, local: { address: ip(address), port: 4500 }, remote: { address: ip(remote), port: 4500 } }),
      }),
    });
    host.addDevice('eth0', world.link(name, { rtt: millis(20) }), { addresses: [{ address: ip(address), length: 24 }], metric: 1 });
    host.addLan('br-lan', ip(lan), 24);
    host.start();
    return host;
  };
  const router = make('router', '192.0.2.1', '192.0.2.2', '10.1.0.1', prefix('10.1.0.0/16'), prefix('10.2.0.0/16'), 0x1001, 0x1002);
  const hub = make('hub', '192.0.2.2', '192.0.2.1', '10.2.0.1', prefix('10.2.0.0/16'), prefix('10.1.0.0/16'), 0x1002, 0x1001);
  world.runFor(millis(10));
  const stream = new EchoStream({ from: router, client: { address: ip('10.1.0.10'), port: 5000 }, to: hub, server: { address: ip('10.2.0.10'), port: 7 } });
  return { world, router, hub, stream };
}

test('a stream crosses the tunnel, all answered', () => {
  const { world, router, stream } = tunnel();
  stream.start();
  world.runFor(seconds(10));
  stream.stop();
  world.runFor(seconds(1));
  assert.deepEqual(stream.result(), { sent: 501, answered: 501, lost: 0, duplicated: 0, outage: 0 });
  assert.equal(router.plane.report().sas.find((s) => s.handle === 2)?.packets, 501);
});

test('the outage is the longest gap between answered packets, by send time, less one interval', () => {
  const { world, stream } = tunnel();
  stream.start();
  world.runFor(seconds(2));
  const mark = stream.mark;
  world.link('router').blackHole();
  world.runFor(millis(500));
  assert.equal(stream.flowing, false);
  world.link('router').heal();
  world.runFor(seconds(2));
  assert.equal(stream.flowing, true);
  stream.stop();
  world.runFor(seconds(1));
  const { lost, outage } = stream.result();
  // In flight when the hole opens, either way: 40 ms; then the hole itself.
  assert.ok(lost >= 25 && lost <= 27, String(lost));
  assert.equal(outage, lost * 20);
  assert.equal(stream.result(0, mark - 3).lost, 0);
});

test('a device nobody reads from blocks; without it the unreachable route does; without that it is clear text', () => {
  const { world, router, stream } = tunnel();
  stream.start();
  world.runFor(seconds(1));
  router.crash();
  world.runFor(seconds(1));
  assert.equal(router.counts.blocked, 50);
  router.kernel.removeLink(router.kernel.linkNamed('mobiked0')?.ifindex ?? assert.fail('no tun'));
  world.runFor(seconds(1));
  assert.equal(router.counts.blocked, 100);
  router.kernel.apply([{ op: 'route.delete', route: { destination: prefix('10.2.0.0/16'), via: { kind: 'unreachable' }, metric: 5000, prefSrc: undefined } }]);
  const leaks: string[] = [];
  world.link('router').tap((packet) => leaks.push(packet.protocol));
  world.runFor(millis(100));
  assert.deepEqual([...new Set(leaks)], ['raw'], 'seen on the wire of a host whose daemon is dead');
});

test('clear text that leaves a live router breaks an invariant', () => {
  const { world, router, stream } = tunnel();
  stream.start();
  world.runFor(seconds(1));
  const tun = router.kernel.linkNamed('mobiked0')?.ifindex ?? assert.fail('no tun');
  router.kernel.apply([
    { op: 'route.delete', route: { destination: prefix('10.2.0.0/16'), via: { kind: 'device', ifindex: tun }, metric: 50, prefSrc: undefined } },
    { op: 'route.delete', route: { destination: prefix('10.2.0.0/16'), via: { kind: 'unreachable' }, metric: 5000, prefSrc: undefined } },
  ]);
  assert.throws(() => world.runFor(seconds(1)), /broken invariant at router: clear text/);
});
