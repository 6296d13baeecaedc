// The mutator itself: which variants it makes, that the text does what the source did while no switch is on, and what the variant says
// when one is.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { transformSync } from 'esbuild';
import { mutate } from './mutants.mjs';
import { readAccepted, referenceAt } from './report.mjs';

/** What `f()` gives in the rewritten source: first with no mutant on, then with each in turn. An exception is its message. */
function results(source: string): unknown[] {
  const { text, mutants } = mutate('x.ts', source, 0);
  const code = transformSync(text, { loader: 'ts' }).code;
  return [-1, ...mutants.map(({ id }) => id)].map((active) => {
    const scope = { __mutant: (id: number) => id === active };
    try {
      return (new Function('globalThis', `${code}\nreturn f();`) as (scope: object) => unknown)(scope);
    } catch (error) {
      return error instanceof Error ? error.message : error;
    }
  });
}
/** `f` gives the value of the expression; its own arrow and what it returns are mutants too: the first result is the source's own. */
const ofExpression = (expression: string): unknown[] => results(`function f() { return ${expression}; }`);

test('operators have their neighbours', () => {
  // The last one is the emptied body.
  assert.deepEqual(ofExpression('3 < 3'), [false, true, true, undefined]);
  assert.deepEqual(ofExpression('6 + 2'), [8, 4, undefined]);
  assert.deepEqual(ofExpression('6 & 3'), [2, 7, undefined]);
  assert.deepEqual(ofExpression('2 === (1 as number)'), [false, true, undefined]);
  assert.deepEqual(ofExpression('-(5 - 3)'), [-2, -8, 2, undefined]);
});

test('conditions are taken as always true and always false, loops as false only', () => {
  assert.deepEqual(results('function f(x = 1) { return x > 0 ? 7 : 8; }').slice(0, 1), [7]);
  const made = mutate('x.ts', 'function f(x = 1) { while (x < 9) x++; if (x) return 1; return x ? 2 : 3; }', 0).mutants.filter(({ kind }) => kind === 'condition');
  assert.deepEqual(made.map(({ original, replacement }) => `${original} -> ${replacement}`), ['x < 9 -> false', 'x -> true', 'x -> false', 'x -> true', 'x -> false']);
});

test('literals become empty or their opposite, prose and names stay', () => {
  assert.deepEqual(ofExpression("'abc'"), ['abc', '', undefined]);
  assert.deepEqual(ofExpression("'some words'"), ['some words', undefined]);
  assert.deepEqual(ofExpression('true'), [true, false, undefined]);
  assert.deepEqual(ofExpression("{ 'key': 1 }"), [{ key: 1 }, {}, undefined]);
  assert.deepEqual(ofExpression('[1, 2].slice(1)'), [[2], [], [1, 2], undefined]);
});

test('calls and assignments that stand for their effect are left out, blocks emptied', () => {
  assert.deepEqual(results('let n = 0; function f() { n += 2; return n; }'), [2, -2, 0, undefined]);
  assert.deepEqual(results('let n = 0; function f(): number { if (n === 0) { n++; } return n; }').slice(0, 1), [1]);
});

test('types, places and links of optional chains are left alone, and the text still compiles', () => {
  const source = `
    type T = 'a' | 'b'; interface I { readonly x: -1 }
    class C { #n = 1; get n(): number { return this.#n; } set(n: T): void { [this.#n] = [n === 'a' ? 1 : 2]; } }
    function f(x?: { y?: { z: string[] } }): unknown { const { y } = x ?? {}; for (const k of ['p']) if (k === 'q') return x; return x?.y?.z.slice(1).length ?? [y, new C().n]; }`;
  const [own, ...variants] = results(source);
  assert.deepEqual(own, [undefined, 1]);
  assert.ok(variants.length > 10);
});

test('mutants are counted on from the first number, with line and column', () => {
  const { mutants } = mutate('x.ts', 'const a = 1;\n  const b = a + 2;\n', 40);
  assert.deepEqual(mutants, [{ id: 40, file: 'x.ts', line: 2, column: 13, kind: 'operator', original: 'a + 2', replacement: '(a) - (2)' }]);
});

test('a line obeys an RFC when the reference is on it or in the comment right above', () => {
  const lines = ['a(); // RFC 7296 §2.8', 'b();', '/** One', ' * of I2.8.1-1 */', 'c();', '', '// RFC 7296', '', 'd();'];
  assert.deepEqual(lines.map((_, i) => referenceAt(lines, i + 1)).map(Number), [1, 0, 0, 1, 1, 0, 1, 1, 0]);
});

test('every accepted survivor says why, and is of a file there is', () => {
  const rows = readAccepted(readFileSync('test/mutation/accepted.txt', 'utf8'));
  assert.deepEqual(rows.filter(({ file, code, change, why }) => !existsSync(file) || code === '' || change === '' || why.length < 8).map(({ number }) => `line ${number}`), []);
  assert.deepEqual(readAccepted('# a comment\n\nsrc/a.ts :: x(); :: * :: nobody sees it\n'), [{ number: 3, file: 'src/a.ts', code: 'x();', change: '*', why: 'nobody sees it', used: 0 }]);
});
