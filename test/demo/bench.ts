/** `make bench`: the figures, each over several rounds (BENCH_ROUNDS, default 3) with a fresh router daemon. */
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ADDRESS, flood, labProblem, monotonic } from '../lab/index.ts';
import { engineFigures } from '../bench/engine.ts';
import { besideStrongSwan, type Comparison } from '../bench/load.ts';
import { Stage } from './stage.ts';
import { STORIES, moved, play, type Measured, type Story } from './stories.ts';

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 3);
/** Packet sizes of the throughput runs: a small one, and the largest that fits the tunnel. */
const FLOODS = [{ size: 100, window: 64 }, { size: 1300, window: 64 }] as const;
const FLOOD_SECONDS = 4;
/** IKE SAs of the largest hub measured. */
const ENGINE_SAS = 10_000;

interface Row {
  readonly figure: string;
  readonly unit: string;
  readonly below: number | undefined;
  readonly values: number[];
}

const rows = new Map<string, Row>();

function note(figure: string, value: number | null, unit: string, below?: number): void {
  const row = rows.get(figure) ?? { figure, unit, below, values: [] };
  rows.set(figure, row);
  if (value !== null) row.values.push(value);
}

const say = (text: string): void => void process.stderr.write(`${text}\n`);

async function round(stage: Stage): Promise<void> {
  await stage.startRouter();
  const up = await stage.events.wait('child.established', stage.startedAt, 10_000);
  if (!up) throw new Error(`no tunnel within 10 s\n${stage.router.lines.slice(-15).join('\n')}`);
  note('start to tunnel up', Math.round(up.at - stage.startedAt), 'ms', 1500);
  stage.startStream();
  await stage.stream.flowing(25, 0, 5000);
  const measure = async (story: Story): Promise<Measured> => {
    say(`  ${story.name}`);
    return play(stage, story);
  };
  const lost = await measure(STORIES.addressLost);
  note('address lost: UPDATE_SA_ADDRESSES sent', lost.updateSentMs, 'ms', 50);
  note('address lost: outage', lost.stream.outageMs, 'ms', 300);
  const back = await measure(STORIES.betterReturns);
  note('planned return: packets lost', back.stream.lost, '', 1);
  const hole = await measure(STORIES.blackHole);
  note('black hole under traffic: outage', hole.stream.outageMs, 'ms', 6000);
  const rebinding = await measure(STORIES.lteRebinding);
  note('NAT rebinding under traffic: outage', rebinding.stream.outageMs, 'ms', 6000);
  const healed = monotonic();
  await stage.topology.blackHole('wan0', false);
  await moved(stage, 'wan0', healed, 60_000);
  note('resident memory, idle', (await stage.routerMemory()) / 1024, 'MB');
  await stage.stream.stop();
}

/** Packets a second through the router's daemon: echoes, each of which it encrypts and decrypts once. */
async function throughput(stage: Stage): Promise<void> {
  await stage.topology.relay.commands('link isp1 delay 0', 'link isp2 delay 0');
  for (const { size, window } of FLOODS) {
    say(`  packets of ${size} octets`);
    const { rate, sent, answered } = await flood(stage.topology.client, ADDRESS.server, 7, { seconds: FLOOD_SECONDS, size, window });
    note(`packets a second, ${size} octets, both ways`, Math.round(rate * 2), '');
    note(`lost of ${size} octets`, (100 * (sent - answered)) / sent, '%');
  }
  const { links } = await stage.topology.relay.stats();
  const clear = Object.values(links).reduce((sum, link) => sum + link.clear, 0);
  if (clear > 0) throw new Error(`${clear} packets crossed the Internet in clear text`);
  note('resident memory, after the load', (await stage.routerMemory()) / 1024, 'MB');
}

/** Rounded for people: to a tenth. */
const round1 = (value: number): number => Math.round(value * 10) / 10;

function print(): boolean {
  let good = true;
  const width = Math.max(...[...rows.keys()].map((k) => k.length));
  process.stdout.write(`\n${'figure'.padEnd(width)}   median     worst     must be below\n`);
  for (const { figure, unit, below, values } of rows.values()) {
    const sorted = [...values].sort((a, b) => a - b);
    const median = sorted[sorted.length >> 1];
    const worst = sorted[sorted.length - 1];
    const missed = below !== undefined && (worst === undefined || worst >= below);
    good &&= !missed;
    const show = (value: number | undefined): string => (value === undefined ? '-' : `${round1(value)}${unit && ` ${unit}`}`).padStart(9);
    process.stdout.write(`${figure.padEnd(width)} ${show(median)} ${show(worst)}     ${below === undefined ? '' : `${below}${unit && ` ${unit}`}${missed ? '   MISSED' : ''}`}\n`);
  }
  return good;
}

/** Two hubs side by side. */
function printBeside({ rows: figures, strongSwan }: Comparison): void {
  const width = Math.max(...figures.map(({ figure }) => figure.length));
  const show = (value: number | undefined, unit: string): string => (value === undefined ? '-' : `${round1(value)}${unit && ` ${unit}`}`).padStart(12);
  process.stdout.write(`\n${'as a hub, over UDP, with routers and hub on this machine'.padEnd(width)}      mobiked   ${strongSwan}\n`);
  for (const { figure, unit, mobiked, strongSwan: theirs } of figures) process.stdout.write(`${figure.padEnd(width)} ${show(mobiked, unit)} ${show(theirs, unit)}\n`);
}

async function main(): Promise<number> {
  const problem = labProblem();
  if (problem !== undefined) {
    say(`The bench cannot run here: ${problem}.`);
    return 1;
  }
  const stage = new Stage({ brokerScript: fileURLToPath(new URL('./broker-process.mjs', import.meta.url)) });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => void stage.close().catch(() => undefined).then(() => process.exit(130)));
  try {
    await stage.open();
    await stage.startHub();
    for (let i = 1; i <= ROUNDS; i++) {
      say(`round ${i} of ${ROUNDS}`);
      await round(stage);
      if (i === ROUNDS) await throughput(stage);
      const code = await stage.stopRouter();
      if (code !== 0) throw new Error(`the router's daemon ended with ${code}`);
    }
  } finally {
    await stage.close();
  }
  note('bundle', statSync('build/lib/mobiked.mjs').size / 1000, 'kB', 700);
  note('addon', statSync('build/lib/mobiked.node').size / 1000, 'kB');
  say('mobiked and strongSwan as hubs');
  const beside = await besideStrongSwan(fileURLToPath(new URL('./load-process.mjs', import.meta.url)), say);
  say('the IKE engine');
  for (const { figure, value, unit, below } of engineFigures(ENGINE_SAS, say)) note(figure, value, unit, below);
  const good = print();
  printBeside(beside);
  mkdirSync('build', { recursive: true });
  writeFileSync('build/bench.json', `${JSON.stringify({ good, figures: [...rows.values()], beside }, undefined, 1)}\n`);
  say('the same as JSON: build/bench.json');
  return good ? 0 : 1;
}

process.exit(await main());
