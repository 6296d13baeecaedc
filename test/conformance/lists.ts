// The lists there are, and how their rows and reasons are written down.
import { existsSync, readFileSync } from 'node:fs';
import { idsIn, type Declaration } from './titles.ts';

export interface List {
  readonly title: string;
  /** `id | level | text`, under headings. */
  readonly rows: string;
  /** `id | kind | reason`: why a row has no test, or what its tests do not show. */
  readonly reasons: string;
  /** The list that is made of them. */
  readonly page: string;
  /** What looks like an id of this list in the title of a test. */
  readonly id: RegExp;
}

export const LISTS: readonly List[] = [
  {
    title: 'IKEv2 and ESP: the requirements and their tests',
    rows: 'test/conformance/ikev2.rows.txt', reasons: 'test/conformance/ikev2.reasons.txt', page: 'test/conformance/ikev2.md',
    id: /^((I|FR|SG|AE|ES)\d[\d.]*|FMT|ALG|AL|DOS|HY|OUT|LATER|KA|Q)-\d+$/,
  },
  {
    title: 'MOBIKE: the requirements and their tests',
    rows: 'test/conformance/mobike.rows.txt', reasons: 'test/conformance/mobike.reasons.txt', page: 'test/conformance/mobike.md',
    id: /^((M|MA|D)\.?\d[\d.]*-\d+|(NK|F|R|X|K)-\d+|N-[a-k])$/,
  },
];

export interface Row {
  readonly id: string;
  /** As in the RFC; `-`: none, which counts as MUST. */
  readonly level: string;
  readonly text: string;
  readonly section: string;
}

/**
 * `description`: nothing to test. `left out`, `later`: not in the product, with the reason. `not done`: should be, and is not, or has no test;
 * such a line goes when the test comes. `partly`: the tests of the row do not show all of it.
 */
const KINDS = ['description', 'left out', 'later', 'not done', 'partly'] as const;
export type Kind = (typeof KINDS)[number];

export interface Reason {
  readonly kind: Kind;
  readonly text: string;
}

export interface Read {
  readonly id: RegExp;
  readonly rows: readonly Row[];
  readonly reasons: ReadonlyMap<string, Reason>;
  /** What is wrong with the two files. */
  readonly problems: readonly string[];
}

/** The parts of `a | b | rest`. */
function parts(line: string): [string, string, string] | undefined {
  const [first, second, ...rest] = line.split(' | ');
  return first === undefined || second === undefined || rest.length === 0 ? undefined : [first.trim(), second.trim(), rest.join(' | ').trim()];
}

export function parseList(id: RegExp, rowText: string, reasonText: string): Read {
  const rows: Row[] = [];
  const reasons = new Map<string, Reason>();
  const problems: string[] = [];
  let section = '';
  for (const line of rowText.split('\n')) {
    if (line.startsWith('## ')) section = line.slice(3);
    if (line.trim() === '' || line.startsWith('#')) continue;
    const row = parts(line);
    if (!row || !id.test(row[0])) problems.push(`not a row: ${line.slice(0, 60)}`);
    else if (rows.some((r) => r.id === row[0])) problems.push(`${row[0]}: there twice`);
    else rows.push({ id: row[0], level: row[1], text: row[2], section });
  }
  for (const line of reasonText.split('\n')) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const reason = parts(line);
    const kind = KINDS.find((k) => k === reason?.[1]);
    if (!reason || !kind || reason[2].length < 5) problems.push(`not a reason: ${line.slice(0, 60)}`);
    else if (reasons.has(reason[0])) problems.push(`${reason[0]}: two reasons`);
    else if (!rows.some((r) => r.id === reason[0])) problems.push(`${reason[0]}: a reason for a row that there is not`);
    else reasons.set(reason[0], { kind, text: reason[2] });
  }
  return { id, rows, reasons, problems };
}

export const readList = (list: List): Read => parseList(list.id, readFileSync(list.rows, 'utf8'), existsSync(list.reasons) ? readFileSync(list.reasons, 'utf8') : '');

/** The reasons without what is "not done" no longer. */
export function withoutStale(read: Read, reasonText: string, all: readonly Declaration[]): string {
  const tested = new Set(all.filter((d) => !d.todo).flatMap((d) => idsIn(d.title, read.id)));
  return reasonText.split('\n').filter((line) => {
    const [id = '', kind = ''] = line.split(' | ');
    return !(tested.has(id.trim()) && kind.trim() === 'not done');
  }).join('\n');
}
