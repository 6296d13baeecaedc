/**
 * One whole scenario as a function of seed and crypto: handshake, traffic, the uplink dies and the tunnel moves, both
 * SAs are rekeyed, it ends. It runs on Node and inside QuickJS and must tell the same story to the octet.
 */
import { millis, seconds } from '../../src/base/index.ts';
import type { CryptoSuite } from '../../src/crypto/index.ts';
import { openScene } from './scene.ts';

/** What happened, as JSON: events with their times, losses, and the number of steps of the world. */
export function wholeScenario(seed: number, suite: CryptoSuite): string {
  const { world, router, hub, stream, ...scene } = openScene({ seed, suite, rate: 50, ticks: 'sloppy', wan: { rtt: millis(30), loss: 0.01, nat: { publicAddress: '198.51.100.10' as never } } });
  scene.establish();
  stream.start();
  world.runFor(seconds(2));
  world.link('isp1').unplug();
  world.runUntil(() => router.all('path.moved').length > 0, seconds(5), 'the move');
  router.ask('rekey', { name: 'lan' });
  world.runUntil(() => router.all('child.rekeyed').length > 0, seconds(5), 'new keys of the child');
  router.ask('rekey', { name: 'hq' });
  world.runUntil(() => router.all('ike.rekeyed').length > 0, seconds(5), 'new keys of the IKE SA');
  world.runFor(seconds(2));
  stream.stop();
  world.runFor(seconds(1));
  const result = stream.result();
  router.terminate();
  world.runUntil(() => !router.running, seconds(2), 'the end');
  return JSON.stringify({
    steps: world.steps, now: world.now, result,
    router: router.events.map((e) => [e.uptime_ms, e.text]), hub: hub.events.map((e) => [e.uptime_ms, e.text]),
  });
}
