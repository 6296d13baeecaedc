/** The table of peers, roles, algorithms and stories, and where it is kept. */
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

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
  const runs = [...new Set(cells.map(runKey))];
  // In the order of the runs that tell most.
  const told = runs.map((run) => cells.filter((c) => runKey(c) === run)).sort((a, b) => b.length - a.length);
  const stories = [...new Set(told.flat().map((c) => c.story))];
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

Real daemons as Debian 12 ships them. \`make interop-matrix\` writes this page from what they did; \`make test\` runs
the same stories.

## ESP in the kernel

Both ends under one kernel (User Mode Linux): mobiked with its own ESP over TUN, the peer with ESP of the kernel. Each
line is one tunnel that goes through its stories under traffic; an empty cell is not part of that line. No packet is lost
in a rekeying, but what is under way when OpenIKED deletes an old Child SA, which the tests count at its kernel. OpenIKED also answers
a rekeying before its kernel has the new SA: mobiked goes on with the old one for 200 ms, or until the peer uses the new one.

`;

const NATIVE_HEAD = `
## strongSwan with its own ESP

Between namespaces of this machine, strongSwan 5.9.8 with ESP in user space (libipsec). Before the colon stand the rows of the list of requirements.

`;

/** What the stories outside the guests did, a file for each process, for the page alone. */
const NATIVE = 'build/interop/native';
const writing = process.env['MATRIX'] === 'write';

interface NativeResult {
  readonly title: string;
  readonly state: Cell['state'];
  /** Empty when it passed. */
  readonly why: string;
}

/** Keeps the result of a story outside the guests, when the page is to be written. */
export function noteNative(result: NativeResult): void {
  if (!writing) return;
  mkdirSync(NATIVE, { recursive: true });
  appendFileSync(join(NATIVE, `${process.pid}.jsonl`), `${JSON.stringify(result)}\n`);
}

function nativeTable(): string {
  if (!existsSync(NATIVE)) return '';
  const results = readdirSync(NATIVE).flatMap((file) => readFileSync(join(NATIVE, file), 'utf8').trim().split('\n').map((line) => JSON.parse(line) as NativeResult));
  if (results.length === 0) return '';
  const show = ({ state, why }: NativeResult): string => (state === 'passed' ? 'yes' : state === 'failed' ? '**failed**' : `- (${why.split('\n')[0] ?? ''})`);
  return [NATIVE_HEAD.trimStart(), '| story | result |\n| --- | --- |\n', ...results.map((r) => `| ${r.title.replaceAll('|', '/')} | ${show(r)} |\n`)].join('');
}

/** Prints the table and keeps it in build/; with MATRIX=write also beside the tests, with the stories outside the guests. */
export function writeMatrix(cells: readonly Cell[]): void {
  const table = formatMatrix(cells);
  for (const line of table.split('\n')) process.stdout.write(`matrix: ${line}\n`);
  mkdirSync('build/interop', { recursive: true });
  writeFileSync(LATEST, `${HEAD}${table}\n`);
  if (writing) writeFileSync(KEPT, `${HEAD}${table}\n\n${nativeTable()}`);
}
