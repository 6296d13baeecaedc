/**
 * `make bench-mobility`: what a router's owner feels when an uplink, a NAT or the hub changes, with mobiked and with strongSwan as the router,
 * against both as hubs, in the same topology. MOBILITY=TEXT plays only what has TEXT in its name; BENCH_ROUNDS (default 1) takes the median.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { peerProblem } from '../../interop/story.ts';
import { GUEST } from '../../interop/uml.ts';
import type { Maker } from './ends.ts';
import { idleDays } from './idle.ts';
import { HAPPENINGS, play, RTT, type Bound, type Figure, type Happening } from './events.ts';
import { kernelMoves, workInGuest } from './kernel.ts';

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 1);
const ONLY = process.env['MOBILITY'] ?? '';
const PAIRS: readonly (readonly [router: Maker, hub: Maker])[] = [['strongSwan', 'strongSwan'], ['strongSwan', 'mobiked'], ['mobiked', 'strongSwan'], ['mobiked', 'mobiked']];

interface Cell {
  readonly router: Maker;
  readonly hub: Maker;
  readonly figure: Figure | undefined;
  readonly bound: Bound;
  readonly meets: boolean;
}

const median = <T>(all: readonly T[], by: (one: T) => number): T | undefined => [...all].sort((a, b) => by(a) - by(b))[all.length >> 1];
const worth = ({ outageMs, lost }: Figure): number => (outageMs ?? Infinity) + lost;
const meets = (figure: Figure | undefined, bound: Bound): boolean =>
  figure?.outageMs !== undefined && ('ms' in bound ? figure.outageMs <= bound.ms : figure.lost <= bound.lost);

function show({ figure }: Cell): string {
  if (!figure) return 'failed';
  if (figure.outageMs === undefined) return 'never';
  return `${figure.outageMs} ms, ${figure.lost} lost, ${figure.ikeMessages} IKE`;
}

async function row(happening: Happening): Promise<Cell[]> {
  const cells: Cell[] = [];
  for (const [router, hub] of PAIRS) {
    const figures: Figure[] = [];
    for (let i = 0; i < ROUNDS; i++) {
      try {
        figures.push(await play(happening, router, hub));
      } catch (error) {
        process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
      }
    }
    const figure = median(figures, worth);
    const bound = happening.bound(hub);
    const cell = { router, hub, figure, bound, meets: meets(figure, bound) };
    cells.push(cell);
    process.stderr.write(`  ${happening.name}: ${router}, hub ${hub}: ${show(cell)}\n`);
  }
  return cells;
}

const KERNEL = 'current address lost, hub with kernel ESP';

/** Our ESP is in user space there too. */
async function kernelRow(): Promise<Cell[]> {
  const bound: Bound = { ms: RTT + 20, text: '1 RTT + 20 ms' };
  const all = await kernelMoves(fileURLToPath(import.meta.url));
  if (typeof all === 'string') {
    process.stderr.write(`  ${KERNEL}: left out: ${all}\n`);
    return [];
  }
  return [...all].map(([router, figures]) => {
    const figure = median(figures, worth);
    const cell: Cell = { router, hub: 'strongSwan', figure, bound, meets: meets(figure, bound) };
    process.stderr.write(`  ${KERNEL}: ${router}, hub strongSwan: ${show(cell)} (of ${figures.map(({ outageMs }) => outageMs).join(', ')} ms)\n`);
    return cell;
  });
}

async function main(): Promise<number> {
  const problem = peerProblem();
  if (problem !== undefined) {
    process.stderr.write(`The bench cannot run here: ${problem}.\n`);
    return 1;
  }
  const rows: { readonly name: string; readonly cells: readonly Cell[] }[] = [];
  for (const happening of HAPPENINGS.filter(({ name }) => name.includes(ONLY))) rows.push({ name: happening.name, cells: await row(happening) });
  const kernel = KERNEL.includes(ONLY) ? await kernelRow() : [];
  if (kernel.length > 0) rows.push({ name: KERNEL, cells: kernel });
  const head = ['event', ...PAIRS.map(([router, hub]) => `${router}, hub ${hub}`), 'ours must be'];
  const table = [head, head.map(() => '---'), ...rows.map(({ name, cells }) => [
    name, ...PAIRS.map(([router, hub]) => {
      const cell = cells.find((one) => one.router === router && one.hub === hub);
      return cell ? show(cell) + (router === 'mobiked' && !cell.meets ? ' MISSED' : '') : 'not played';
    }), [...new Set(cells.filter((c) => c.router === 'mobiked').map((c) => c.bound.text))].join('; with our hub '),
  ])];
  process.stdout.write(`\nOutage of a stream of 50 packets a second, RTT ${RTT} ms; packets lost; IKE messages both ways after the event\n\n${table.map((line) => `| ${line.join(' | ')} |`).join('\n')}\n`);
  const idle = ONLY === '' || ONLY === 'idle day' ? idleDays() : [];
  if (idle.length > 0) process.stdout.write('\nOctets of an idle day (mobiked, simulated): both ways, IP headers included\n\n| uplinks | NAT forgets after | in use | standby |\n| --- | --- | ---: | ---: |\n');
  for (const { uplinks, nat, active, standby } of idle) process.stdout.write(`| ${uplinks} | ${nat === undefined ? 'no NAT' : `${nat} s`} | ${active} | ${standby} |\n`);
  mkdirSync('build', { recursive: true });
  writeFileSync('build/bench-mobility.json', `${JSON.stringify({ rttMs: RTT, rounds: ROUNDS, rows, idle }, undefined, 1)}\n`);
  process.stderr.write('the same as JSON: build/bench-mobility.json\n');
  return rows.every(({ cells }) => cells.every((cell) => cell.router !== 'mobiked' || cell.meets)) ? 0 : 1;
}

if (GUEST !== undefined) await workInGuest();
process.exit(GUEST === undefined ? await main() : 0);
