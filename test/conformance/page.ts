// The list as people read it, and what is wrong with it.
import { readFileSync } from 'node:fs';
import type { List, Read, Row } from './lists.ts';
import { idsIn, type Declaration } from './titles.ts';

/** Tests by the rows that their titles name. */
function byRow(read: Read, all: readonly Declaration[]): ReadonlyMap<string, readonly Declaration[]> {
  const out = new Map<string, Declaration[]>();
  for (const declaration of all) for (const id of idsIn(declaration.title, read.id)) out.set(id, [...(out.get(id) ?? []), declaration]);
  return out;
}

const SLOW = JSON.parse(readFileSync('test/slow-suites.json', 'utf8')) as readonly string[];
/** Not run by `make check`. */
export const isSlow = (file: string): boolean => SLOW.some((folder) => file.startsWith(`${folder}/`));

function resultOf(row: Row, read: Read, tests: readonly Declaration[]): string {
  const reason = read.reasons.get(row.id)?.kind;
  const real = tests.filter((t) => !t.todo);
  if (real.length === 0) return reason ?? 'no test';
  if (reason !== undefined) return reason;
  return real.every((t) => isSlow(t.file)) ? 'pass, in `make test`' : 'pass';
}

/** What must not be: rows without a test and without a reason, reasons that are no longer true, ids that no row has. */
export function problemsOf(list: List, read: Read, all: readonly Declaration[]): string[] {
  const problems = read.problems.map((p) => `${list.rows}: ${p}`);
  const tests = byRow(read, all);
  for (const row of read.rows) {
    const reason = read.reasons.get(row.id);
    const tested = (tests.get(row.id) ?? []).some((t) => !t.todo);
    if (!tested && !reason) problems.push(`${row.id} (${row.level}): no test, and no reason in ${list.reasons}`);
    if (tested && reason && reason.kind !== 'partly') problems.push(`${row.id}: has a test; its line "${reason.kind}" in ${list.reasons} goes, or says "partly"`);
    if (!tested && reason?.kind === 'partly') problems.push(`${row.id}: "partly", but has no test`);
  }
  const known = new Set(read.rows.map((r) => r.id));
  for (const { file, title } of all) for (const id of idsIn(title, read.id)) if (!known.has(id)) problems.push(`${file}: ${id} is no row: ${title}`);
  return problems;
}

export function pageOf(list: List, read: Read, all: readonly Declaration[]): string {
  const named = byRow(read, all);
  const entries = read.rows.map((row) => {
    const tests = named.get(row.id) ?? [];
    return { row, tests, result: resultOf(row, read, tests), reason: read.reasons.get(row.id) };
  });
  const sections = [...new Set(read.rows.map((r) => r.section))];
  const results = [...new Set(entries.map((e) => e.result))].sort();
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;
  const counts = (which: typeof entries): number[] => [which.length, ...results.map((r) => which.filter((e) => e.result === r).length)];
  return [
    `# ${list.title}`,
    '',
    `Made by \`make conformance\` from \`${list.rows.split('/').pop() ?? ''}\`, \`${list.reasons.split('/').pop() ?? ''}\` and the titles of all tests; do not edit. \`make check\` fails when this page`,
    'is stale, when a row has neither a test nor a reason, and when the run it just made says otherwise than this page: `pass` is what every test',
    'of the row did there. Suites that need root, packages or time run, and must pass, in `make test`. Level `-`: none given, counts as MUST.',
    '',
    line(['section', 'rows', ...results]),
    line(['---', ...results.map(() => '---:'), '---:']),
    ...sections.map((s) => line([s, ...counts(entries.filter((e) => e.row.section === s))])),
    line(['all', ...counts(entries)]),
    ...sections.flatMap((s) => [
      '', `## ${s}`,
      ...entries.filter((e) => e.row.section === s).flatMap(({ row, tests, result, reason }) => [
        '', `**${row.id}** · ${row.level} · **${result}**${reason ? `: ${reason.text}` : ''}`, '', row.text,
        ...(tests.length > 0 ? [''] : []),
        ...tests.map((t) => `- ${t.file}: ${t.title}${t.todo ? ' (todo)' : ''}`),
      ]),
    ]),
    '',
  ].join('\n');
}
