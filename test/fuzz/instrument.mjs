// Coverage for the fuzzer: a counter on every function, branch, loop body, case and right operand of a logical operator, and the
// operands of every comparison for equality, from which the mutator learns what the code is looking for.
import { readFileSync } from 'node:fs';
import ts from 'typescript';
import { plugin, rewrite } from '../tools/rewrite.mjs';

const { SyntaxKind } = ts;

/** Names under which coverage.ts gives the counters and the comparison to what was instrumented. */
const PRELUDE = 'const $c=globalThis.__fuzzCounters,$e=globalThis.__fuzzEqual;';

/**
 * What one build needs: `plugin` for esbuild, and after the build `state.counters`, their number, and `state.literals`, the numbers
 * and texts that stand in the code.
 */
export function instrumentation(root, matches) {
  const state = { counters: 0, literals: new Set() };
  const instrument = (path, source) => PRELUDE + rewrite(path, source, (node, text, part) => wrap(state, node, text, part));
  return { state, plugin: plugin(root, matches, instrument, (path) => readFileSync(path, 'utf8')) };
}

function wrap(state, node, text, part) {
  if (ts.isNumericLiteral(node)) state.literals.add(Number(node.text));
  if (ts.isStringLiteral(node) && node.text.length > 0 && node.text.length <= 40) state.literals.add(node.text);
  let own = text;
  const count = () => `$c[${state.counters++}]++`;
  if (ts.isBinaryExpression(node) && mayBeInput(node.left) && mayBeInput(node.right)) {
    if (node.operatorToken.kind === SyntaxKind.EqualsEqualsEqualsToken) own = `$e(${part(node.left)},${part(node.right)})`;
    if (node.operatorToken.kind === SyntaxKind.ExclamationEqualsEqualsToken) own = `!$e(${part(node.left)},${part(node.right)})`;
  }
  if (ts.isBlock(node) && isBody(node.parent)) own = `{${count()};${own.slice(1)}`;
  if (ts.isIfStatement(node) && node.elseStatement === undefined) own = `${own} else ${count()};`;
  if (isLooseStatement(node)) own = `{${count()};${own}}`;
  if ((ts.isCaseClause(node.parent ?? node) || ts.isDefaultClause(node.parent ?? node)) && node === node.parent.statements[0]) own = `${count()};${own}`;
  if (isBranch(node)) own = `(${count()},${own})`;
  return own;
}

const isBody = (parent) => ts.isFunctionLike(parent) || ts.isIfStatement(parent) || ts.isIterationStatement(parent, false) || ts.isCatchClause(parent);

/** A statement that is a branch or a loop's body, without braces. */
function isLooseStatement(node) {
  const { parent } = node;
  if (parent === undefined || ts.isBlock(node)) return false;
  if (ts.isIfStatement(parent)) return node === parent.thenStatement || node === parent.elseStatement;
  return ts.isIterationStatement(parent, false) && node === parent.statement;
}

/** An expression that is not always evaluated. */
function isBranch(node) {
  const { parent } = node;
  if (parent === undefined || ts.isBlock(node)) return false;
  if (ts.isConditionalExpression(parent)) return node === parent.whenTrue || node === parent.whenFalse;
  if (ts.isArrowFunction(parent)) return node === parent.body;
  if (!ts.isBinaryExpression(parent) || node !== parent.right) return false;
  const { kind } = parent.operatorToken;
  return kind === SyntaxKind.AmpersandAmpersandToken || kind === SyntaxKind.BarBarToken || kind === SyntaxKind.QuestionQuestionToken;
}

/** A side of a comparison that can tell what an input should be. */
const mayBeInput = (operand) => ![SyntaxKind.NullKeyword, SyntaxKind.TrueKeyword, SyntaxKind.FalseKeyword].includes(operand.kind)
  && !(ts.isIdentifier(operand) && operand.text === 'undefined') && !ts.isTypeOfExpression(operand);
