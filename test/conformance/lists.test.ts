// Every requirement has a test or a reason, and the lists say so as it is. What the tests did is judged after a whole run (Makefile, `check`).
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { judge } from './judge.ts';
import { LISTS, parseList, readList, withoutStale, type List } from './lists.ts';
import { pageOf, problemsOf } from './page.ts';
import { declarations, declarationsIn, idsIn } from './titles.ts';

for (const list of LISTS) {
  test(`${list.page}: every row has a test or a reason, and no reason is out of date (make conformance says which)`, () => {
    assert.deepEqual(problemsOf(list, readList(list), declarations()), []);
  });

  test(`${list.page} is fresh (else: make conformance)`, () => {
    const made = pageOf(list, readList(list), declarations()).split('\n');
    const there = existsSync(list.page) ? readFileSync(list.page, 'utf8').split('\n') : [];
    const differing = made.map((line, index) => [line, there[index]] as const).find(([a, b]) => a !== b);
    assert.deepEqual([differing, made.length], [undefined, there.length]);
  });
}

// ---- that the lists can fail ---------------------------------------------------------------------------------------------

const ID = /^(Z\d+|QZ)-\d+$/;
const LIST: List = { title: 'T', rows: 'z.rows.txt', reasons: 'z.reasons.txt', page: 'z.md', id: ID };
const ROWS = '# a comment\n## 1. One\nZ1-1 | MUST | First, a | b.\nZ1-2 | - | Second.\n## 2. Two\nQZ-3 | SHOULD | Third.\n';
const SOURCE = `
test('Z1-1: by text', () => {});
test(\`Z1-2 \${what}: by template, \${n} times\`, { timeout: 5 }, () => {});
test('Z1-2: not yet', { todo: 'the engine does not' }, () => {});
const re = /x/.test('QZ-3');
`;

test('rows and reasons: wrong lines, twice the same and unknown ids are told', () => {
  const read = parseList(ID, `${ROWS}Z1-1 | MUST | Again.\nnonsense\n`, 'Z1-2 | not done | for a reason\nZ9-9 | later | no such row\nQZ-3 | because | of this\nZ1-2 | partly | twice it is\n');
  assert.deepEqual(read.rows.map((r) => [r.id, r.level, r.text, r.section]), [
    ['Z1-1', 'MUST', 'First, a | b.', '1. One'], ['Z1-2', '-', 'Second.', '1. One'], ['QZ-3', 'SHOULD', 'Third.', '2. Two'],
  ]);
  assert.deepEqual(read.problems, [
    'Z1-1: there twice', 'not a row: nonsense', 'Z9-9: a reason for a row that there is not', 'not a reason: QZ-3 | because | of this', 'Z1-2: two reasons',
  ]);
});

test('titles: texts and templates are read, calls with one argument are not, todo is seen', () => {
  const found = declarationsIn('a.test.ts', SOURCE);
  assert.deepEqual(found.map((d) => [d.title, d.todo]), [['Z1-1: by text', false], ['Z1-2 …: by template, … times', false], ['Z1-2: not yet', true]]);
  assert.ok(found[1]?.pattern.test('Z1-2 (a.b): by template, 12 times'));
  assert.ok(!found[1]?.pattern.test('Z1-2 (a.b): by template'));
  assert.deepEqual(idsIn('Z1-1 QZ-3, (Z1-2.) xZ1-1 Z1-1b Z1-1', ID), ['Z1-1', 'QZ-3', 'Z1-2']);
});

test('titles: rows as a first argument of their own, and a title that has a name', () => {
  const found = declarationsIn('a.test.ts', `
attack('Z1-1 Z1-2', 'wrong lengths', () => {});
attack('Z1-1', \`\${n} octets\`, () => {});
const title = \`QZ-3: with \${n}\`;
other('wrong', 'lengths');
`);
  assert.deepEqual(found.map((d) => d.title), ['Z1-1 Z1-2: wrong lengths', 'Z1-1: … octets', 'QZ-3: with …', 'wrong']);
  assert.ok(found[1]?.pattern.test('Z1-1: 12 octets') && found[2]?.pattern.test('QZ-3: with x'));
});

test('a row without a test and without a reason, a reason beside a test, and an unknown id are problems', () => {
  const all = declarationsIn('a.test.ts', `${SOURCE}test('Z7-7: typo', () => {});`);
  assert.deepEqual(problemsOf(LIST, parseList(ID, ROWS, 'Z1-1 | not done | nobody did'), all), [
    'Z1-1: has a test; its line "not done" in z.reasons.txt goes, or says "partly"',
    'QZ-3 (SHOULD): no test, and no reason in z.reasons.txt',
    'a.test.ts: Z7-7 is no row: Z7-7: typo',
  ]);
  assert.deepEqual(problemsOf(LIST, parseList(ID, ROWS, 'Z1-1 | partly | half of it\nQZ-3 | later | not in this product'), declarationsIn('a.test.ts', SOURCE)), []);
  const onlyTodo = declarationsIn('a.test.ts', `test('Z1-1: x', { todo: 'y' }, () => {});`);
  assert.deepEqual(problemsOf(LIST, parseList(ID, 'Z1-1 | MUST | One', ''), onlyTodo).length, 1);
  assert.deepEqual(problemsOf(LIST, parseList(ID, 'Z1-1 | MUST | One', 'Z1-1 | partly | half of it'), onlyTodo).length, 1);
});

test('"not done" is struck where a test came, and nothing else', () => {
  const all = declarationsIn('a.test.ts', SOURCE);
  const text = '# head\nZ1-1 | not done | nobody did\nZ1-2 | partly | half of it\nQZ-3 | not done | nobody did\n';
  assert.equal(withoutStale(parseList(ID, ROWS, text), text, all), '# head\nZ1-2 | partly | half of it\nQZ-3 | not done | nobody did\n');
});

test('the page: counts, levels, results, tests; suites that `make check` does not run are told apart', () => {
  const all = [...declarationsIn('test/ike/a.test.ts', `test('Z1-1: by text', () => {});`), ...declarationsIn('test/interop/b.test.ts', `test('Z1-2: real', () => {});`)];
  const page = pageOf(LIST, parseList(ID, ROWS, 'QZ-3 | left out | nobody needs it'), all);
  assert.ok(page.includes('**Z1-1** · MUST · **pass**\n\nFirst, a | b.\n\n- test/ike/a.test.ts: Z1-1: by text\n'), page);
  assert.ok(page.includes('**Z1-2** · - · **pass, in `make test`**'));
  assert.ok(page.includes('**QZ-3** · SHOULD · **left out**: nobody needs it\n\nThird.'));
  assert.ok(page.includes('| section | rows | left out | pass | pass, in `make test` |') && page.includes('| all | 3 | 1 | 1 | 1 |'));
});

test('the judge: listed tests that did not run or did not pass, ids that only the run shows', () => {
  const read = parseList(ID, ROWS, '');
  const all = [...declarationsIn('test/ike/a.test.ts', SOURCE), ...declarationsIn('test/interop/b.test.ts', `test('QZ-3: real', () => {});`)];
  const good = { file: 'test/ike/a.test.ts', name: 'Z1-1: by text', result: 'pass' } as const;
  const filled = { file: 'test/ike/a.test.ts', name: 'Z1-2 x: by template, 3 times', result: 'pass' } as const;
  const todo = { file: 'test/ike/a.test.ts', name: 'Z1-2: not yet', result: 'todo' } as const;
  assert.deepEqual(judge(read, all, [good, filled, todo]), []);
  assert.deepEqual(judge(read, all, [{ ...good, result: 'fail' }, filled]), ['test/ike/a.test.ts: Z1-1: by text: listed, but does not pass']);
  assert.deepEqual(judge(read, all, [filled]), ['test/ike/a.test.ts: Z1-1: by text: listed, but no such test ran']);
  assert.deepEqual(judge(read, all, [good, filled, { ...filled, name: 'Z1-2 y: by template, 4 times', result: 'fail' }]).length, 1);
  assert.deepEqual(judge(read, all, [good, { ...filled, name: 'Z1-2 Z1-1: by template, 3 times' }]).length, 1, 'an id filled in');
  assert.deepEqual(judge(read, all, [good, filled, { file: 'test/interop/b.test.ts', name: 'other', result: 'pass' }]), ['test/interop/b.test.ts: QZ-3: real: listed, but no such test ran']);
  assert.deepEqual(judge(read, all, [{ ...good, result: 'skip' }, filled]), [], 'a skipped test says why in the run');
  const slow = { file: 'test/interop/c.test.ts', name: 'other', result: 'pass' } as const;
  const shared = { file: 'chunk-ABC.ts', name: 'QZ-3: real', result: 'pass' } as const;
  assert.deepEqual(judge(read, all, [good, filled, slow, shared]), [], 'a helper that several files share');
  assert.deepEqual(judge(read, all, [good, filled, slow, { ...shared, result: 'fail' }]).length, 1);
});
