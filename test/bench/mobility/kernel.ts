/**
 * The move to another address where the peer's ESP is its kernel's, which moves an SA at once; its ESP in user space, which is all that this
 * machine's own kernel leaves it, has to rekey it. So a guest kernel carries both ends, with the round trip made by netem. The guest is
 * several times slower than the machine, which counts against whoever computes more.
 */
import { appendFileSync } from 'node:fs';
import { monotonic, tool } from '../../lab/index.ts';
import { Mobiked } from '../../interop/mobiked.ts';
import { HUB, INNER, Scene, type UplinkName } from '../../interop/scene.ts';
import { mobikedConfig, swanConfig } from '../../interop/story.ts';
import { StrongSwan } from '../../interop/strongswan.ts';
import { LINES_FILE, Uml, umlProblem } from '../../interop/uml.ts';
import type { Maker } from './ends.ts';
import type { Figure } from './events.ts';

const RATE = 50;
/** There and back, so often. */
const CYCLES = 3;
/** For the uplink that comes to be known, and for what follows a move to be over. */
const REST = 3000;
/** Of one way, ms. */
const DELAY = 10;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface Line {
  readonly router: Maker;
  readonly figure?: Figure;
  readonly error?: string;
}

/** Figures of every move, by who is the router; strongSwan is the hub. */
export async function kernelMoves(entry: string): Promise<Map<Maker, Figure[]> | string> {
  const problem = umlProblem();
  if (problem !== undefined) return problem;
  tool('stream'); // the guest cannot write where it would be compiled
  const guest = new Uml('mobility', entry);
  const figures = new Map<Maker, Figure[]>([['strongSwan', []], ['mobiked', []]]);
  try {
    await guest.ended;
    for (const text of guest.read()) {
      const { router, figure, error } = JSON.parse(text) as Line;
      if (figure) figures.get(router)?.push(figure);
      if (error !== undefined) process.stderr.write(`${router}, hub strongSwan with kernel ESP: ${error}\n`);
    }
  } finally {
    await guest.close();
  }
  return figures;
}

/** What the guest does. */
export async function workInGuest(): Promise<void> {
  const tell = (line: Line): void => appendFileSync(LINES_FILE, `${JSON.stringify(line)}\n`);
  for (const router of ['strongSwan', 'mobiked'] as const) {
    try {
      await moves(router, (figure) => tell({ router, figure }));
    } catch (error) {
      tell({ router, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  }
}

async function moves(router: Maker, tell: (figure: Figure) => void): Promise<void> {
  const scene = new Scene();
  try {
    await scene.open({ ipv4Only: true, nat: ['wwan0'], uplinks: ['wan0'] });
    await scene.isp.run(['tc', 'qdisc', 'add', 'dev', 'pub', 'root', 'netem', 'delay', `${DELAY}ms`]);
    await scene.hub.run(['tc', 'qdisc', 'add', 'dev', 'eth0', 'root', 'netem', 'delay', `${DELAY}ms`]);
    const hub = new StrongSwan(scene.hub, scene.dir);
    await hub.start(swanConfig('hub'));
    if (router === 'mobiked') {
      const ours = new Mobiked(scene.router, scene.dir, mobikedConfig('router'), true);
      await ours.start();
      await ours.event('child.established', 0, 30_000);
    } else {
      const theirs = new StrongSwan(scene.router, scene.dir);
      await theirs.start(swanConfig('router'));
      await theirs.initiate();
    }
    const ike: number[] = [];
    const watch = scene.isp.spawn(['tcpdump', '-i', 'pub', '-n', '-l', '--immediate-mode', `host ${HUB} and (udp port 500 or (udp port 4500 and udp[8:4] = 0))`]);
    watch.onLine = () => void ike.push(monotonic());
    const stream = await scene.echo('router', INNER.hub, { rate: RATE });
    await stream.flowing(20, 0, 30_000);
    const other = (name: UplinkName): UplinkName => (name === 'wan0' ? 'wwan0' : 'wan0');
    for (let n = 0, on: UplinkName = 'wan0'; n < 2 * CYCLES; n++, on = other(on)) {
      await scene.connect(other(on));
      await sleep(REST);
      const since = monotonic();
      await scene.loseAddress(on);
      await stream.flowing(20, since + 300, 25_000);
      const { lost, outageMs } = stream.result(since - 100, monotonic() - 200);
      await sleep(REST);
      tell({ lost, outageMs, ikeMessages: ike.filter((at) => at >= since).length });
    }
  } finally {
    await scene.close();
  }
}
