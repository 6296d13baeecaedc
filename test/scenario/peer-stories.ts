/** What the stories share that strongSwan and libreswan test themselves with, told here with two mobiked: virtual addresses, single pings, ESP on the wire. */
import assert from 'node:assert/strict';
import { ip, seconds, type IpAddress, type Json, type JsonObject } from '../../src/base/index.ts';
import { EchoStream, isEsp, type Link, type OuterPacket } from '../sim/index.ts';
import { SCENE, type Scene } from '../sim/scene.ts';
import { untilRest } from './stage.ts';

/** The address pool of the stories' hub; the first address goes to the first router. */
export const POOL = '10.3.0.0/24';

/** The hub gives addresses from POOL, and the router asks for one instead of bringing its LAN. */
export function virtualIp(stage: Scene, remoteTs = '10.2.0.0/24'): void {
  const { router, hub } = stage;
  router.config = router.config.replace(" list local_ts '10.1.0.0/24'\n", '').replace("list remote_ts '10.2.0.0/24'", `list remote_ts '${remoteTs}'`)
    .replace(" option role 'initiator'", " option role 'initiator'\n list request_vip 'ipv4'");
  hub.config = hub.config.replace(" list remote_ts '10.1.0.0/24'\n", '').replace("list local_ts '10.2.0.0/24'", `list local_ts '${remoteTs}'`)
    .replace(" option role 'responder'", ` option role 'responder'\n list pool '${POOL}'`);
}

/** Starts both sides and waits until the connection is up on both. */
export function connect({ world, router, hub }: Scene): void {
  hub.start();
  router.start();
  world.runUntil(() => router.up && hub.up, seconds(10), 'the tunnel');
  world.runFor(seconds(2));
}

/** The child of the only connection as its document has it. */
export function child(stage: Scene): JsonObject {
  const [only] = stage.router.connection()['children'] as readonly JsonObject[];
  assert.ok(only, 'a child');
  return only;
}

const text = (value: Json | undefined): string => JSON.stringify(value);

/** The virtual address the router got. */
export function leased(stage: Scene): IpAddress {
  const found = text(stage.router.connection()).split('"').find((word) => word.startsWith('10.3.0.'));
  assert.ok(found, `a virtual address in ${text(stage.router.connection())}`);
  return ip(found.split('/')[0] ?? '');
}

/** A ping through the tunnel from `source`: how many of three were answered within a second. */
export function ping({ world, router, hub }: Scene, source: IpAddress = SCENE.client, target: IpAddress = SCENE.server): number {
  const stream = new EchoStream({ from: router, client: { address: source, port: 6200 }, to: hub, server: { address: target, port: 7 }, rate: 10 });
  stream.start();
  world.runFor(seconds(0.25));
  stream.stop();
  world.runFor(seconds(1));
  return stream.result().answered;
}

/** The same the other way: somebody behind the hub pings the router's side. */
export function pingBack({ world, router, hub }: Scene, target: IpAddress = SCENE.client): number {
  const stream = new EchoStream({ from: hub, client: { address: SCENE.server, port: 6300 }, to: router, server: { address: target, port: 7 }, rate: 10 });
  stream.start();
  world.runFor(seconds(0.25));
  stream.stop();
  world.runFor(seconds(1));
  return stream.result().answered;
}

export interface SeenEsp {
  readonly at: number;
  readonly direction: 'up' | 'down';
  readonly protocol: OuterPacket['protocol'];
  readonly spi: string;
  readonly sequence: number;
  readonly packet: OuterPacket;
}

/** Records ESP on a link, in UDP or without. */
export function watchEsp({ world }: Scene, link: Link): SeenEsp[] {
  const seen: SeenEsp[] = [];
  link.tap((packet, direction) => {
    if (!isEsp(packet)) return;
    const view = new DataView(packet.bytes.buffer, packet.bytes.byteOffset);
    seen.push({ at: world.now, direction, protocol: packet.protocol, spi: view.getUint32(0).toString(16), sequence: view.getUint32(4), packet });
  });
  return seen;
}

/** One IKE SA from beginning to end, the same Child SA, and the counters went on: nothing was set up anew. */
export function sameSas(before: readonly SeenEsp[], after: readonly SeenEsp[]): void {
  for (const direction of ['up', 'down'] as const) {
    const last = before.filter((p) => p.direction === direction).at(-1);
    const next = after.find((p) => p.direction === direction);
    assert.ok(last && next, `ESP ${direction} before and after`);
    assert.equal(next.spi, last.spi, 'the same SA');
    assert.ok(next.sequence > last.sequence, `sequence ${last.sequence} then ${next.sequence}`);
  }
}

/** At the end: one IKE SA that was never set up anew, and both sides at rest. */
export function neverAnew(stage: Scene): void {
  untilRest(stage);
  assert.equal(stage.router.all('connection.established').length, 1, 'one IKE SA all the time');
  assert.equal(stage.router.all('connection.closed').length, 0);
}
