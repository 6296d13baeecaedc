/** What every story needs around the scene: crypto, a record of what crossed the outer links, measuring, and the state of rest. */
import assert from 'node:assert/strict';
import { ByteReader, ByteWriter, millis, seconds, type IpAddress, type Millis } from '../../src/base/index.ts';
import { nodeCrypto } from '../../src/adapters/node/crypto.ts';
import { buildInner, CLEAR_MARK, ikeSight, isEspInUdp, type Direction, type Link, type OuterPacket, type StreamResult } from '../sim/index.ts';
import { openScene, SCENE, type DaemonHost, type Scene, type SceneOptions } from '../sim/scene.ts';

const ICMP = 1;
const ECHO_REQUEST = 8;
export const suite = nodeCrypto();

/** A datagram as it passed the host's end of a link. */
export interface Passed {
  readonly at: number;
  readonly direction: Direction;
  readonly kind: 'ike' | 'esp' | 'keepalive' | 'other';
  /** Of IKE messages: exchange type, message ID, request or response, and the octets without marker as hexadecimal. */
  readonly exchange: number;
  readonly messageId: number;
  readonly isResponse: boolean;
  readonly packet: OuterPacket;
}

export const EXCHANGE = { IKE_SA_INIT: 34, IKE_AUTH: 35, CREATE_CHILD_SA: 36, INFORMATIONAL: 37 } as const;

/** Records what passes a link from now on. */
export function record(stage: Scene, link: Link): Passed[] {
  const out: Passed[] = [];
  link.tap((packet, direction) => {
    const ike = ikeSight(packet);
    const kind = ike ? 'ike' : isEspInUdp(packet) ? 'esp' : packet.protocol === 'udp' && packet.bytes.length === 1 ? 'keepalive' : 'other';
    out.push({ at: stage.world.now, direction, kind, exchange: ike?.exchange ?? 0, messageId: ike?.messageId ?? -1, isResponse: ike?.isResponse ?? false, packet });
  });
  return out;
}

export interface PlayOptions extends Partial<SceneOptions> {
  readonly seed: number;
  /** Changes the scene before anything starts. */
  readonly prepare?: (stage: Scene) => void;
}

/** Opens the scene and brings the tunnel up; with `traffic` the stream has run for five seconds without loss. */
export function play({ prepare, ...options }: PlayOptions, traffic = true): Scene {
  const stage = openScene({ suite, ...options });
  prepare?.(stage);
  stage.establish();
  if (traffic) {
    stage.stream.start();
    stage.world.runFor(seconds(5));
    assert.equal(stage.stream.result(0, stage.stream.mark - 10).lost, 0, 'traffic flows before the story begins');
  } else stage.world.runFor(seconds(1));
  return stage;
}

/** What the stream lost while `event` happened and for `span` after it; packets of the last moments had time to be answered. */
export function during(stage: Scene, span: Millis, event: () => void): StreamResult {
  const { world, stream } = stage;
  const mark = Math.max(0, stream.mark - 5); // what is on its way belongs to the event
  event();
  world.runFor(span);
  const end = stream.mark;
  world.runFor(millis(2100));
  return stream.result(mark, end);
}

/** Checks the state of rest: nothing is outstanding, the SAs of both sides pair up by SPI, none is left over, and both sides use the same pair of addresses. */
export function atRest({ world, router, hub }: Scene, pairs = 1): void {
  for (const host of [router, hub]) {
    assert.deepEqual(host.watch.unanswered, [], `${host.name}: operations without an answer`);
    assert.equal(host.watch.requestOutstanding(world.now), false, `${host.name}: a request is outstanding`);
  }
  assert.deepEqual(router.watch.spis('in'), hub.watch.spis('out'), 'SAs towards the router');
  assert.deepEqual(router.watch.spis('out'), hub.watch.spis('in'), 'SAs towards the hub');
  assert.equal(router.watch.spis('in').length, pairs, 'pairs of SAs');
  if (pairs !== 1) return;
  const [ours] = router.watch.pairs.paths;
  const [theirs] = hub.watch.pairs.paths;
  assert.ok(ours && theirs, 'pairs of addresses');
  const seen = world.net.seenAs(ours.local, ours.remote);
  // A mapping that has gone, or was made anew meanwhile, is found by the next check; the addresses are the same in any case.
  assert.equal(theirs.remote.address, seen?.address ?? theirs.remote.address, 'the hub sends to where the router is');
  assert.deepEqual(ours.remote, world.net.seenAs(theirs.local, theirs.remote), 'the router sends to where the hub is');
}

/** Runs until both sides are at rest; fails with what is not. */
export function untilRest(stage: Scene, limit: Millis = seconds(30), pairs = 1): void {
  const { world, router, hub } = stage;
  const end = world.now + limit;
  while (world.now < end) {
    const quiet = [router, hub].every((h) => h.watch.unanswered.length === 0 && !h.watch.requestOutstanding(world.now));
    if (quiet && router.watch.spis('in').length === pairs && hub.watch.spis('in').length === pairs) break;
    world.runFor(millis(50));
  }
  world.check(() => atRest(stage, pairs));
}

/** Prints a figure for the report when MEASURED is set. */
export function measured(what: string, value: number | string): void {
  if (process.env['MEASURED']) process.stdout.write(`MEASURED ${what}: ${typeof value === 'number' ? Math.round(value * 10) / 10 : value}\n`);
}

/** Virtual time from now until the uplink of the connection is `name`. */
export function untilOn(stage: Scene, name: string, limit: Millis = seconds(20)): Millis {
  return stage.world.runUntil(() => stage.router.running && stage.router.uplink === name, limit, `the connection on ${name}`);
}

/** Time from `at` to the first UPDATE_SA_ADDRESSES of the router on the record (an INFORMATIONAL request). */
export function updateSent(passed: readonly Passed[], at: number): number {
  const first = passed.find((p) => p.at >= at && p.direction === 'up' && p.kind === 'ike' && p.exchange === EXCHANGE.INFORMATIONAL && !p.isResponse);
  assert.ok(first, 'an INFORMATIONAL request of the router');
  return first.at - at;
}

const UDP = 17;

/** Numbered packets one way, from the server behind the hub to the client; nothing answers them. */
export class Download {
  readonly #stage: Scene;
  readonly #interval: number;
  readonly #arrived: boolean[] = [];
  readonly #sentAt: number[] = [];
  #running = true;

  constructor(stage: Scene, rate = 50) {
    this.#stage = stage;
    this.#interval = 1000 / rate;
    stage.router.listenInner(UDP, { address: SCENE.client, port: 6000 }, (packet) => {
      this.#arrived[new ByteReader(packet.payload, CLEAR_MARK.length).u32()] = true;
    });
    this.#send();
  }

  get mark(): number {
    return this.#sentAt.length;
  }

  stop(): void {
    this.#running = false;
  }

  /** Longest gap between packets that arrived, by send time, minus one interval; and how many did not arrive. */
  result(from: number, to: number): { readonly lost: number; readonly outage: number } {
    let last = this.#sentAt[from] ?? 0;
    let gap = this.#interval;
    let lost = 0;
    for (let i = from; i < to; i++) {
      if (!this.#arrived[i]) lost++;
      if (!this.#arrived[i] && i < to - 1) continue;
      gap = Math.max(gap, (this.#sentAt[i] ?? 0) - last);
      last = this.#sentAt[i] ?? 0;
    }
    return { lost, outage: gap - this.#interval };
  }

  #send(): void {
    if (!this.#running) return;
    const payload = new ByteWriter().bytes(CLEAR_MARK).u32(this.#sentAt.length).zeros(100).finish();
    this.#sentAt.push(this.#stage.world.now);
    this.#stage.hub.fromInside(buildInner({ protocol: UDP, source: { address: SCENE.server, port: 6000 }, destination: { address: SCENE.client, port: 6000 }, payload }));
    this.#stage.world.after(this.#interval, () => this.#send());
  }
}

/** Somebody behind the host answers ping from now on; returns how often he was asked. */
export function answersPing(host: DaemonHost, address: IpAddress): { count: number } {
  const asked = { count: 0 };
  host.listenInner(ICMP, { address, port: 0 }, ({ source, destination, payload }) => {
    if (payload[0] !== ECHO_REQUEST) return;
    asked.count++;
    const answer = payload.slice();
    answer[0] = 0;
    host.fromInside(buildInner({ protocol: ICMP, source: destination, destination: source, payload: answer }));
  });
  return asked;
}
