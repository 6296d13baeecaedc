// What came out: a score for each file, survivors, and those on lines that obey an RFC. accepted.txt says of a survivor why it may live.
import { readFileSync } from 'node:fs';

const ACCEPTED = 'test/mutation/accepted.txt';
const LEAST_SCORE = 80;
/** `RFC 7296 §2.8`, or a row of the requirements such as I2.8.1-1. */
const REFERENCE = /RFC \d{4}|\b(?:I|FR|SG|AE|ES|AL|DOS|Q|M|D)\d*(?:\.\d+)*-\d+\b/;

/** Lines `file :: text of the line :: original -> replacement :: why`; `*` for the change takes every one on the line. */
export function readAccepted(text) {
  return text.split('\n').flatMap((line, index) => {
    if (line.trim() === '' || line.startsWith('#')) return [];
    const [file = '', code = '', change = '', why = ''] = line.split(' :: ').map((part) => part.trim());
    return [{ number: index + 1, file, code, change, why, used: 0 }];
  });
}

const accepts = (row, mutant) => row.file === mutant.file && row.code === mutant.text && (row.change === '*' || row.change === `${mutant.original} -> ${mutant.replacement}`);

/** The reference that a line of code stands under: on it, or in the comment right above it. */
export function referenceAt(lines, line) {
  if (REFERENCE.test(lines[line - 1] ?? '')) return true;
  for (let at = line - 2; at >= 0; at--) {
    const text = (lines[at] ?? '').trim();
    if (!text.startsWith('//') && !text.startsWith('*') && !text.startsWith('/*')) return false;
    if (REFERENCE.test(text)) return true;
  }
  return false;
}

/** Prints everything; the exit code. */
export function printReport(mutants, results, texts, check) {
  const accepted = readAccepted(readFileSync(ACCEPTED, 'utf8'));
  const rows = new Map();
  const sum = { killed: 0, survived: 0, accepted: 0, untried: 0 };
  const [survivors, onReference] = [[], []];
  for (const mutant of mutants) {
    const row = rows.get(mutant.file) ?? { killed: 0, survived: 0, accepted: 0, untried: 0 };
    rows.set(mutant.file, row);
    const status = results[mutant.key]?.status;
    let column = status === undefined ? 'untried' : status === 'killed' || status === 'endless' ? 'killed' : 'survived';
    if (column === 'survived') {
      const why = accepted.find((line) => accepts(line, mutant));
      if (why) {
        why.used++;
        column = 'accepted';
      } else {
        const text = `${mutant.file}:${mutant.line}:${mutant.column} ${mutant.original} -> ${mutant.replacement}${status === 'uncovered' ? ' (no test comes here)' : ''}`;
        survivors.push(text);
        if (referenceAt((texts.get(mutant.file) ?? '').split('\n'), mutant.line)) onReference.push(text);
      }
    }
    row[column]++;
    sum[column]++;
  }
  const percent = ({ killed, survived, accepted: allowed }) => (killed + survived + allowed === 0 ? '-' : ((100 * killed) / (killed + survived + allowed)).toFixed(1));
  for (const text of survivors) console.log(`survived: ${text}`);
  console.log('\nfile                                  score %  killed survived accepted untried');
  for (const [file, row] of [...rows, ['all', sum]]) {
    console.log(`${file.padEnd(38)} ${percent(row).padStart(6)} ${String(row.killed).padStart(7)} ${String(row.survived).padStart(8)} ${String(row.accepted).padStart(8)} ${String(row.untried).padStart(7)}`);
  }
  if (onReference.length > 0) console.log(`\n${onReference.length} survivors on lines with an RFC reference, without a word why (${ACCEPTED}):\n${onReference.join('\n')}`);
  const stale = accepted.filter((line) => line.used === 0 && rows.has(line.file) && (rows.get(line.file)?.untried ?? 0) === 0);
  for (const line of stale) console.log(`${ACCEPTED}:${line.number}: no such survivor; delete the line`);
  const wordless = accepted.filter((line) => line.why.length < 8);
  for (const line of wordless) console.log(`${ACCEPTED}:${line.number}: says no reason`);
  if (!check) return 0;
  return Number(percent(sum)) >= LEAST_SCORE && sum.untried === 0 && onReference.length === 0 && wordless.length === 0 ? 0 : 1;
}
