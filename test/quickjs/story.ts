/**
 * One whole scenario for any engine: two daemons in the simulated world, hand-shake, traffic, rekeyings, moves, a NAT that maps anew, a
 * clean stop. Bundled by itself, it runs in Node and inside QuickJS; `digest` covers every effect of both cores and every datagram, octet for octet.
 */
import { millis, seconds, Secret, toHex, toUtf8 } from '../../src/base/index.ts';
import type { CryptoSuite } from '../../src/crypto/index.ts';
import { openScene, type DaemonHost } from '../sim/scene.ts';

export interface StoryResult {
  /** Effects and datagrams. */
  readonly lines: number;
  /** SHA-256 of them all, with host and time. */
  readonly digest: string;
  /** The same after each chapter, to find where two engines part. */
  readonly chapters: readonly string[];
  readonly lost: number;
  readonly answered: number;
  readonly uplinks: readonly string[];
  readonly rekeyed: { readonly ike: number; readonly child: number };
  readonly moves: number;
  readonly exitCode: number | undefined;
}

/** JSON with octets as hexadecimal, big integers as text, and keys revealed. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, v: unknown) => {
    if (v instanceof Secret) return `secret ${toHex(v.reveal())}`;
    if (v instanceof Uint8Array) return toHex(v);
    return typeof v === 'bigint' ? String(v) : v;
  });
}

/** Plays the story with this crypto. */
export function play(suite: CryptoSuite, seed: number): StoryResult {
  const { world, router, hub, stream, ...scene } = openScene({ seed, suite, rate: 25 });
  const lines: string[] = [];
  const watch = (host: DaemonHost): void => {
    host.onEffect = (effect) => lines.push(`${world.now} ${host.name} ${canonical(effect)}`);
  };
  watch(router);
  watch(hub);
  for (const name of ['isp1', 'isp2']) world.link(name).tap((packet, direction) => lines.push(`${world.now} ${name} ${direction} ${canonical(packet)}`));
  const digest = (): string => toHex(suite.hash('sha256', toUtf8(lines.join('\n'))));
  const chapters: string[] = [];
  const uplinks: string[] = [];
  const chapter = (name: string): void => {
    chapters.push(`${name} ${lines.length} ${digest()}`);
    uplinks.push(router.uplink);
  };

  scene.establish();
  chapter('established');
  stream.start();
  world.runFor(seconds(4));
  chapter('traffic');
  router.ask('rekey', { name: 'lan' });
  world.runFor(seconds(1));
  hub.ask('rekey', { name: 'hq' });
  world.runFor(seconds(1));
  chapter('rekeyed');
  world.link('isp1').unplug();
  world.runFor(millis(20));
  hub.ask('rekey', { name: 'lan' });
  world.runFor(seconds(3));
  chapter('moved');
  world.link('isp2').nat?.reboot();
  world.runFor(seconds(4));
  chapter('NAT maps anew');
  world.link('isp1').plug();
  world.runFor(seconds(14));
  chapter('returned');
  world.link('isp1').blackHole();
  world.runFor(seconds(5));
  chapter('black hole');
  stream.stop();
  world.runFor(seconds(3));
  router.terminate();
  world.runFor(seconds(2));
  const { lost, answered } = stream.result();
  return {
    lines: lines.length, digest: digest(), chapters, lost, answered, uplinks, moves: router.all('path.moved').length,
    rekeyed: { ike: router.all('ike.rekeyed').length, child: router.all('child.rekeyed').length }, exitCode: router.exitCode,
  };
}
