/**
 * mobiked and strongSwan as hubs, one after the other in the same place: routers log in over real UDP, alone, many at once, and in a
 * flood of half-open requests. The machine carries both ends, so what a hub computed is told beside what the clock says.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HUB } from '../ike/pair.ts';
import { Namespaces, type Namespace, type Running } from '../lab/index.ts';
import { quantile } from './engine.ts';
import { MOBIKED, processorTime, residentMemory, STRONGSWAN, strongSwanVersion, type Hub, type HubKind } from './hubs.ts';
import type { Command } from './load-process.ts';
import { SUBNETS, type Handshakes } from './routers.ts';

/** Times that each hub has its turn, with a fresh daemon. */
const ROUNDS = 2;
/** Handshakes before anything is counted: a JIT wants them. */
const WARM = 300;
const ALONE = 300;
/** IKE SAs made for the rate and for the memory of each. */
const MANY = 1000;
const WIDTH = 8;
const FLOODED = 200;
/** Packets a second of the flood. */
const FLOOD_RATE = 2000;

export interface Beside {
  readonly figure: string;
  readonly unit: string;
  readonly mobiked: number;
  readonly strongSwan: number | undefined;
}

export interface Comparison {
  readonly rows: readonly Beside[];
  /** strongSwan's version, or why it is not there. */
  readonly strongSwan: string;
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** A process of load-process.ts. */
class Load {
  readonly #process: Running;

  private constructor(process: Running) {
    this.#process = process;
  }

  static async start(namespace: Namespace, script: string, what: 'routers' | 'flooder'): Promise<Load> {
    const load = new Load(namespace.spawn([process.execPath, script, what], { stdin: 'pipe' }));
    await load.#process.line((line) => line === '"ready"', 10_000);
    return load;
  }

  async ask(command: Command, limit = 60_000): Promise<unknown> {
    const answered = this.#process.line(() => true, limit);
    this.#process.child.stdin?.write(`${JSON.stringify(command)}\n`);
    return JSON.parse(await answered);
  }

  async handshakes(count: number, width: number): Promise<Handshakes> {
    const done = (await this.ask({ do: 'handshakes', count, width })) as Handshakes;
    if (done.failed > count / 10) throw new Error(`${done.failed} of ${count} routers did not get in`);
    return done;
  }

  /** Packets a stranger has sent. */
  async sent(): Promise<number> {
    return (await this.ask({ do: 'sent' })) as number;
  }
}

/** What was seen of one hub, over all rounds. */
class Seen {
  readonly alone: number[] = [];
  readonly flooded: number[] = [];
  failed = 0;
  /** Handshakes of many at once, their time on the clock and their hub's, ms, and by how many kB the hub grew. */
  readonly many = { count: 0, wall: 0, spent: 0, grown: 0 };
  readonly strange = { count: 0, spent: 0 };

  async measure({ pid }: Hub, routers: Load, stranger: Load): Promise<void> {
    await routers.handshakes(WARM, WIDTH);
    this.alone.push(...(await routers.handshakes(ALONE, 1)).took);

    const [memory, start] = [residentMemory(pid), processorTime(pid)];
    const many = await routers.handshakes(MANY, WIDTH);
    await sleep(300); // what it does behind the last answer counts too
    this.many.count += many.took.length;
    this.many.wall += many.wall;
    this.many.spent += processorTime(pid) - start;
    this.many.grown += residentMemory(pid) - memory;

    await stranger.ask({ do: 'flood', rate: FLOOD_RATE });
    await sleep(500);
    const [before, sent] = [processorTime(pid), await stranger.sent()];
    await sleep(1500);
    this.strange.spent += processorTime(pid) - before;
    this.strange.count += (await stranger.sent()) - sent;
    const flooded = await routers.handshakes(FLOODED, 1);
    await stranger.ask({ do: 'quiet' });
    this.flooded.push(...flooded.took);
    this.failed += flooded.failed;
  }

  get rows(): { readonly figure: string; readonly value: number; readonly unit: string }[] {
    const { many, strange } = this;
    return [
      { figure: `handshakes a second, ${WIDTH} at a time`, value: (1000 * many.count) / many.wall, unit: '' },
      { figure: "the same, in a second of the hub's processor time", value: (1000 * many.count) / many.spent, unit: '' },
      { figure: 'a handshake alone, p50', value: quantile(this.alone, 0.5), unit: 'ms' },
      { figure: 'the same, p99', value: quantile(this.alone, 0.99), unit: 'ms' },
      { figure: `a handshake in a flood of ${FLOOD_RATE} half-open requests a second, p50`, value: quantile(this.flooded, 0.5), unit: 'ms' },
      { figure: 'the same in the flood, p99', value: quantile(this.flooded, 0.99), unit: 'ms' },
      { figure: `the same in the flood, not in within 10 s, of ${this.flooded.length + this.failed}`, value: this.failed, unit: '' },
      { figure: 'processor time for a packet of the flood', value: (1000 * strange.spent) / strange.count, unit: 'µs' },
      { figure: `resident memory for each IKE SA with a Child SA, of ${MANY}`, value: many.grown / many.count, unit: 'kB' },
    ];
  }
}

async function visit(kind: HubKind, namespace: Namespace, dir: string, measure: (hub: Hub) => Promise<void>): Promise<void> {
  const hub = await kind.start(namespace, dir);
  try {
    await measure(hub);
  } catch (error) {
    throw new Error(`${kind.name}: ${error instanceof Error ? error.message : String(error)}\n${hub.report()}`, { cause: error });
  } finally {
    await hub.stop();
  }
}

/**
 * Measures both, or mobiked alone where strongSwan cannot run. Nothing of it is left: namespaces and folder go.
 * @param script the bundled load-process.ts
 */
export async function besideStrongSwan(script: string, say: (text: string) => void = () => undefined): Promise<Comparison> {
  const dir = mkdtempSync(join(tmpdir(), 'mobiked-bench-'));
  const namespaces = new Namespaces();
  const removeDir = (): void => rmSync(dir, { recursive: true, force: true });
  process.once('exit', removeDir); // also when the bench is interrupted
  try {
    const [outside, inside] = [await namespaces.create('routers'), await namespaces.create('hub')];
    await inside.sysctl('net.ipv4.conf.all.rp_filter=0', 'net.ipv4.conf.default.rp_filter=0');
    await outside.ip(`link add eth0 type veth peer name eth0 netns ${inside.pid}`, 'link set eth0 up', 'addr add 203.0.113.254/24 dev eth0');
    // Every address of these prefixes is the machine's own: packets may come from it.
    await outside.ip(`route add local ${SUBNETS.sources} dev lo`, `route add local ${SUBNETS.flood} dev lo`);
    await inside.ip('link set eth0 up', `addr add ${HUB}/24 dev eth0`, 'addr add 10.2.0.1/24 dev lo', 'route add default via 203.0.113.254');
    const routers = await Load.start(outside, script, 'routers');
    const stranger = await Load.start(outside, script, 'flooder');
    const problem = STRONGSWAN.problem();
    const hubs = [MOBIKED, ...(problem === undefined ? [STRONGSWAN] : [])].map((kind) => ({ kind, seen: new Seen() }));
    for (let round = 1; round <= ROUNDS; round++) {
      for (const { kind, seen } of hubs) {
        say(`  ${kind.name}, round ${round} of ${ROUNDS}`);
        await visit(kind, inside, dir, (hub) => seen.measure(hub, routers, stranger));
      }
    }
    const [ours, theirs] = hubs.map(({ seen }) => seen.rows);
    const rows = (ours ?? []).map(({ figure, unit, value }, i): Beside => ({ figure, unit, mobiked: value, strongSwan: theirs?.[i]?.value }));
    return { rows, strongSwan: problem ?? strongSwanVersion() };
  } finally {
    await namespaces.close();
    removeDir();
    process.removeListener('exit', removeDir);
  }
}
