import { readFileSync, writeFileSync } from 'node:fs';
import { judge, type Outcome } from './judge.ts';
import { LISTS, readList, withoutStale } from './lists.ts';
import { pageOf, problemsOf } from './page.ts';
import { declarations } from './titles.ts';

const at = process.argv.indexOf('--judge');
const all = declarations();
const wrong: string[] = [];
for (const list of LISTS) {
  if (at >= 0) {
    const outcomes = JSON.parse(readFileSync(process.argv[at + 1] ?? '', 'utf8')) as Outcome[];
    wrong.push(...judge(readList(list), all, outcomes));
  } else {
    writeFileSync(list.reasons, withoutStale(readList(list), readFileSync(list.reasons, 'utf8'), all));
    const read = readList(list);
    writeFileSync(list.page, pageOf(list, read, all));
    wrong.push(...problemsOf(list, read, all));
  }
}
for (const line of wrong) console.error(line);
process.exitCode = wrong.length > 0 ? 1 : 0;
