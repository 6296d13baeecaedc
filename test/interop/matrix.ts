/** The table of peers, roles, algorithms and stories, and where it is kept. */
import { mkdirSync, writeFileSync } from 'node:fs';

export interface Cell {
  readonly peer: string;
  /** Ours. */
  readonly role: 'initiator' | 'responder';
  readonly auth: string;
  readonly ciphers: string;
  readonly story: string;
  state: 'passed' | 'failed' | 'skipped';
  /** Why it was skipped, how it failed, or what else to know; empty when nothing. */
  why: string;
}

const LATEST = 'build/interop/MATRIX.md';
const KEPT = 'test/interop/MATRIX.md';

/** A table in Markdown: a run a line, a story a column; reasons as numbered notes below. */
export function formatMatrix(cells: readonly Cell[]): string {
  const stories = [...new Set(cells.map((c) => c.story))];
  const runs = [...new Set(cells.map(runKey))];
  const notes: string[] = [];
  const show = (cell: Cell | undefined): string => {
    if (cell === undefined) return '';
    const why = cell.why.split('\n')[0] ?? '';
    if (cell.state === 'passed' && why === '') return 'yes';
    if (!notes.includes(why)) notes.push(why);
    return `${{ passed: 'in part', failed: '**failed**', skipped: '-' }[cell.state]} (${notes.indexOf(why) + 1})`;
  };
  const rows = runs.map((run) => `| ${run} | ${stories.map((story) => show(cells.find((c) => runKey(c) === run && c.story === story))).join(' | ')} |`);
  return [
    `| peer | mobiked is | auth | IKE and ESP | ${stories.join(' | ')} |`, `|${' --- |'.repeat(4 + stories.length)}`, ...rows,
    ...(notes.length > 0 ? ['', ...notes.map((note, at) => `${at + 1}. ${note}`)] : []),
  ].join('\n');
}

const runKey = (cell: Cell): string => `${cell.peer} | ${cell.role} | ${cell.auth} | ${cell.ciphers}`;

const HEAD = `# What was seen to work with whom

Real daemons as Debian 12 ships them, one kernel for both ends (User Mode Linux): mobiked with its own ESP over TUN, the
peer with ESP of the kernel. Each line is one tunnel that goes through its stories from left to right under traffic.
\`make interop-matrix\` writes this page; what two namespaces with strongSwan and its own ESP show besides is in the
titles of \`strongswan-*.test.ts\`.

`;

/** Prints the table and keeps it in build/; with MATRIX=write also beside the tests. */
export function writeMatrix(cells: readonly Cell[]): void {
  const table = formatMatrix(cells);
  for (const line of table.split('\n')) process.stdout.write(`matrix: ${line}\n`);
  mkdirSync('build/interop', { recursive: true });
  writeFileSync(LATEST, `${HEAD}${table}\n`);
  if (process.env['MATRIX'] === 'write') writeFileSync(KEPT, `${HEAD}${table}\n`);
}
