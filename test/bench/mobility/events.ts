/** What befalls the router or its hub, and what is measured of it. */
import { ADDRESS, monotonic, startServer, startSink, Stream, Topology, type TopologyOptions } from '../../lab/index.ts';
import { startEnd, type End, type Maker, type Wishes } from './ends.ts';

/** A round trip, ms. */
export const RTT = 20;
const RATE = 50;
const PORT = 7;
/** What has not come back by then never does, for a person who waits; ms. */
const PATIENCE = 25_000;
/** The stream before an event, and after its mending. */
const [BEFORE, AFTER] = [1500, 600];
/** Without a stream: so long nothing has flowed when it happens. */
const REST = 30_000;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export interface Scene {
  readonly topology: Topology;
  readonly stream: Stream;
  readonly hub: End;
  /** IKE messages that the relay saw since the event. */
  ike(since: number): number;
}

export interface Figure {
  /** Packets that were not answered, and the longest time without answers; undefined: never mended. */
  readonly lost: number;
  readonly outageMs: number | undefined;
  readonly ikeMessages: number;
}

/** What a figure must not exceed: `ms` of outage, or packets. */
export type Bound = { readonly ms: number; readonly text: string } | { readonly lost: number; readonly text: string };

export interface Happening {
  readonly name: string;
  readonly bound: (hub: Maker) => Bound;
  readonly topology?: TopologyOptions;
  readonly wishes?: Wishes;
  /** `download`: the stream goes one way, to the router; `none`: nothing flows. Default: both ways. */
  readonly traffic?: 'download' | 'none';
  /** What went before, until the stream flows again. */
  before?(scene: Scene): Promise<void>;
  happen(scene: Scene): Promise<void>;
  /** Measured for so long, whatever comes; else until the stream flows again. */
  readonly watch?: number;
}

/**
 * One round trip, and one more at either hub here: ours checks first that the router receives where it says it is; strongSwan's ESP in user space cannot
 * move an SA to other addresses and has its Child SAs rekeyed instead, which takes as long (its kernel would not: see test/interop/MATRIX.md, `move`).
 */
const move = (hub: Maker): Bound => ({ ms: 2 * RTT + 20, text: hub === 'mobiked' ? '1 RTT + 20 ms, and 1 RTT of routability' : '1 RTT + 20 ms, and 1 RTT of its Child SA rekeying' });
const within = (ms: number) => (): Bound => ({ ms, text: `${ms / 1000} s` });
const lossless = (): Bound => ({ lost: 0, text: '0 lost' });

const flowing = (scene: Scene, since: number): Promise<void> => scene.stream.flowing(20, since, 60_000);

/** The first uplink goes and the tunnel is on the second one. */
async function onSecond(scene: Scene): Promise<void> {
  const since = monotonic();
  await scene.topology.loseAddress('wan0');
  await flowing(scene, since);
  await sleep(3000);
}

/** The NAT's mapping of the hub's view is another one. */
const rebind = (scene: Scene): Promise<void> => scene.topology.rebind('wan0');

export const HAPPENINGS: readonly Happening[] = [
  { name: 'current address lost', bound: move, happen: (s) => s.topology.loseAddress('wan0') },
  { name: 'carrier lost, address stays', bound: move, happen: (s) => s.topology.carrier('wan0', false) },
  { name: 'black hole, busy tunnel', bound: within(3000), happen: (s) => s.topology.blackHole('wan0', true) },
  { name: 'NAT rebinding, two-way', bound: within(3000), happen: rebind },
  { name: 'NAT rebinding, download only', bound: within(5000), traffic: 'download', happen: rebind },
  { name: 'NAT rebinding, idle', bound: within(20_000 + 2 * RTT), traffic: 'none', happen: rebind },
  { name: 'better uplink returns', bound: lossless, wishes: { prefersBest: true }, before: onSecond, happen: (s) => s.topology.connect('wan0'), watch: 25_000 },
  {
    name: 'better uplink returns dead', bound: lossless, wishes: { prefersBest: true }, watch: 25_000,
    before: async (s) => {
      await onSecond(s);
      await s.topology.blackHole('wan0', true);
    },
    happen: (s) => s.topology.connect('wan0'),
  },
  {
    name: 'hub address dies, router behind NAT', bound: within(3000), wishes: { secondHubAddress: true },
    happen: (s) => s.topology.loseHubAddress(),
  },
  { name: 'ESP blocked, IKE passes', bound: within(5000), happen: async (s) => void (await s.topology.relay.command('link isp1 filter esp')) },
  { name: 'plain uplink to NAT uplink', bound: move, topology: { plain: ['wan0'] }, happen: (s) => s.topology.loseAddress('wan0') },
  {
    name: 'NAT uplink back to plain uplink', bound: lossless, topology: { plain: ['wan0'] }, wishes: { prefersBest: true }, watch: 25_000,
    before: onSecond, happen: (s) => s.topology.connect('wan0'),
  },
];

/** When the hub sends elsewhere than it did. */
async function hubFollows(scene: Scene, old: string, since: number): Promise<number | undefined> {
  while (monotonic() - since < PATIENCE) {
    const at = await scene.hub.peerAt();
    if (at !== old && at !== '') return Math.round(monotonic() - since);
    await sleep(20);
  }
  return undefined;
}

async function measure(happening: Happening, scene: Scene): Promise<Figure> {
  await happening.before?.(scene);
  const old = happening.traffic === 'none' ? await scene.hub.peerAt() : '';
  const since = monotonic();
  await happening.happen(scene);
  if (happening.traffic === 'none') {
    const outageMs = await hubFollows(scene, old, since);
    return { lost: 0, outageMs, ikeMessages: scene.ike(since) };
  }
  let mended = true;
  if (happening.watch !== undefined) await sleep(happening.watch);
  else mended = await scene.stream.flowing(20, since + BEFORE / 5, PATIENCE).then(() => true, () => false);
  const until = monotonic();
  await sleep(AFTER);
  const ikeMessages = scene.ike(since);
  const { lost, outageMs } = scene.stream.result(since - 100, until - (happening.watch === undefined ? 0 : AFTER));
  return { lost, outageMs: mended ? outageMs : undefined, ikeMessages };
}

/** Builds everything anew, lets it happen, and takes everything away. */
export async function play(happening: Happening, router: Maker, hub: Maker): Promise<Figure> {
  const topology = new Topology({ rttMs: RTT, ...happening.topology });
  const seen: number[] = [];
  const ends: End[] = [];
  let stream: Stream | undefined;
  try {
    await topology.open();
    const wishes = happening.wishes ?? {};
    if (wishes.secondHubAddress === true) await topology.secondHubAddress();
    await topology.relay.command('watch on');
    topology.relay.onIke = ({ at, direction }) => void (direction === 'up' && seen.push(at));
    ends.push(await startEnd(hub, 'hub', topology, wishes));
    ends.push(await startEnd(router, 'router', topology, wishes));
    if (happening.traffic === 'download') {
      const sink = await startSink(topology.client, PORT);
      stream = new Stream(topology.server, ADDRESS.client, PORT, { rate: RATE, sink });
    } else {
      await startServer(topology.server, PORT);
      stream = new Stream(topology.client, ADDRESS.server, PORT, { rate: RATE });
    }
    await stream.flowing(20, 0, 15_000);
    if (happening.traffic === 'none') await stream.stop();
    await sleep(happening.traffic === 'none' ? REST : BEFORE);
    const [first] = ends;
    if (!first) throw new Error('no hub');
    return await measure(happening, { topology, stream, hub: first, ike: (since) => seen.filter((at) => at >= since).length });
  } catch (error) {
    throw new Error(`${router} with ${hub} as hub: ${happening.name}: ${error instanceof Error ? error.message : String(error)}\n${ends.map((end) => end.report()).join('\n')}`, { cause: error });
  } finally {
    if (happening.traffic !== 'none') await stream?.stop();
    for (const end of [...ends].reverse()) await end.stop();
    await topology.close();
  }
}
