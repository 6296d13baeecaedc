// The variants of a source file. Every variant is in the one rewritten text, behind a switch of its own: `$m(7) ? variant : original`.
// So a file is bundled once, and trying a variant is setting a number.
import ts from 'typescript';
import { lineOf, rewrite } from '../tools/rewrite.mjs';

const { SyntaxKind: K } = ts;

/** Operators and what stands in their place. */
const OPERATORS = new Map([
  [K.PlusToken, ['-']], [K.MinusToken, ['+']], [K.AsteriskToken, ['/']], [K.SlashToken, ['*']], [K.PercentToken, ['*']],
  [K.AmpersandToken, ['|']], [K.BarToken, ['&']], [K.CaretToken, ['&']], [K.LessThanLessThanToken, ['>>']], [K.GreaterThanGreaterThanToken, ['<<']], [K.GreaterThanGreaterThanGreaterThanToken, ['<<']],
  [K.LessThanToken, ['<=', '>=']], [K.LessThanEqualsToken, ['<', '>']], [K.GreaterThanToken, ['>=', '<=']], [K.GreaterThanEqualsToken, ['>', '<']],
  [K.EqualsEqualsEqualsToken, ['!==']], [K.ExclamationEqualsEqualsToken, ['===']],
  [K.AmpersandAmpersandToken, ['||']], [K.BarBarToken, ['&&']], [K.QuestionQuestionToken, ['&&']],
]);
const ASSIGNMENTS = new Map([
  [K.PlusEqualsToken, '-='], [K.MinusEqualsToken, '+='], [K.AsteriskEqualsToken, '/='], [K.SlashEqualsToken, '*='], [K.BarEqualsToken, '&='], [K.AmpersandEqualsToken, '|='],
  [K.CaretEqualsToken, '&='], [K.LessThanLessThanEqualsToken, '>>='], [K.GreaterThanGreaterThanEqualsToken, '<<='], [K.QuestionQuestionEqualsToken, '&&='],
]);
/** Methods and what is called instead; an empty name: nothing is called, the object itself stays. */
const METHODS = new Map([
  ['startsWith', 'endsWith'], ['endsWith', 'startsWith'], ['some', 'every'], ['every', 'some'], ['min', 'max'], ['max', 'min'],
  ['slice', ''], ['subarray', ''], ['filter', ''], ['sort', ''], ['reverse', ''], ['trim', ''], ['toLowerCase', 'toUpperCase'], ['toUpperCase', 'toLowerCase'],
]);

/**
 * The rewritten text and its mutants `{ id, file, line, column, kind, original, replacement }`; ids count from `firstId`.
 * Prose (texts with a blank in them: log lines, reasons) is left alone: nothing is to depend on it.
 */
export function mutate(path, source, firstId) {
  const mutants = [];
  const text = rewrite(path, source, (node, own, part, file) => {
    const add = (kind, replacement) => {
      const id = firstId + mutants.length;
      const at = file.getLineAndCharacterOfPosition(node.getStart(file));
      const original = source.slice(node.getStart(file), node.end);
      mutants.push({ id, file: path, line: lineOf(file, node), column: at.character + 1, kind, original: short(original), replacement: short(replacement) });
      return id;
    };
    const raw = (child) => source.slice(child.getStart(file), child.end);
    const found = ts.isExpression(node) ? expressions(node, raw) : [];
    let out = own;
    for (const [kind, replacement] of found) out = `($m(${add(kind, replacement)})?(${replacement}):${out})`;
    if (isCondition(node)) {
      if (!isLoop(node.parent)) out = `($m(${add('condition', 'true')})||${out})`;
      out = `(!$m(${add('condition', 'false')})&&${out})`;
    }
    if (ts.isBlock(node) && node.statements.length > 0 && !callsSuper(node)) {
      if (ts.isFunctionLike(node.parent)) out = `{if($m(${add('block', '{}')}))return;${out.slice(1)}`;
      else out = `{if(!$m(${add('block', '{}')}))${out}}`;
    } else if (ts.isExpressionStatement(node) && isAct(node.expression)) out = `{if(!$m(${add('statement', ';')})){${out}}}`;
    return out;
  });
  return { text: `const $m=globalThis.__mutant;${text}`, mutants };
}

const short = (text) => {
  const line = text.replaceAll(/\s+/g, ' ');
  return line.length > 80 ? `${line.slice(0, 77)}...` : line;
};

/** Something done for its effect; `super()` and what a class sets up before must stay. */
function isAct(expression) {
  if (ts.isCallExpression(expression)) return expression.expression.kind !== K.SuperKeyword;
  return ts.isBinaryExpression(expression) && expression.operatorToken.kind >= K.FirstAssignment && expression.operatorToken.kind <= K.LastAssignment;
}

const callsSuper = (block) => ts.isConstructorDeclaration(block.parent) && block.parent.parent.heritageClauses !== undefined;
const isLoop = (node) => ts.isWhileStatement(node) || ts.isDoStatement(node) || ts.isForStatement(node);

function isCondition(node) {
  const { parent } = node;
  if (parent === undefined || !ts.isExpression(node) || node.kind === K.TrueKeyword || node.kind === K.FalseKeyword) return false;
  if (ts.isIfStatement(parent) || ts.isWhileStatement(parent) || ts.isDoStatement(parent)) return node === parent.expression;
  return (ts.isConditionalExpression(parent) || ts.isForStatement(parent)) && node === parent.condition;
}

/** Where an expression is a name or a place and not a value, nothing else can stand. */
function isPlace(node) {
  const { parent } = node;
  if (ts.isPropertyAssignment(parent) || ts.isPropertyDeclaration(parent) || ts.isMethodDeclaration(parent) || ts.isBindingElement(parent)) return node === parent.name || node === parent.propertyName;
  if (ts.isComputedPropertyName(parent) || ts.isExpressionStatement(parent) || ts.isTaggedTemplateExpression(parent) || ts.isLiteralTypeNode(parent)) return true;
  if (ts.isBinaryExpression(parent) && parent.left === node && parent.operatorToken.kind >= K.FirstAssignment && parent.operatorToken.kind <= K.LastAssignment) return true;
  if (ts.isForOfStatement(parent)) return node === parent.initializer;
  // A link of an optional chain cannot be put in parentheses without ending the chain there.
  const isLink = ts.isPropertyAccessExpression(parent) || ts.isElementAccessExpression(parent) || ts.isCallExpression(parent) || ts.isNonNullExpression(parent);
  return isLink && parent.expression === node && ts.isOptionalChain(parent) && ts.isOptionalChain(node);
}

const isText = (node) => ts.isStringLiteralLike(node) || ts.isTemplateExpression(node);

/** `[kind, replacement]` for each variant of an expression. */
function expressions(node, raw) {
  if (isPlace(node)) {
    // An assignment that is a statement may have another operator.
    if (!ts.isExpressionStatement(node.parent)) return [];
  }
  if (ts.isBinaryExpression(node)) {
    const assignment = ASSIGNMENTS.get(node.operatorToken.kind);
    if (assignment !== undefined) return isText(node.right) ? [] : [['assignment', `${raw(node.left)} ${assignment} ${raw(node.right)}`]];
    if (isText(node.left) || isText(node.right)) {
      if (node.operatorToken.kind === K.PlusToken) return [];
    }
    return (OPERATORS.get(node.operatorToken.kind) ?? []).map((operator) => ['operator', `(${raw(node.left)}) ${operator} (${raw(node.right)})`]);
  }
  if (ts.isPrefixUnaryExpression(node)) {
    const operand = raw(node.operand);
    if (node.operator === K.ExclamationToken) return [['unary', operand]];
    if (node.operator === K.PlusPlusToken) return [['update', `--${operand}`]];
    if (node.operator === K.MinusMinusToken) return [['update', `++${operand}`]];
    if (node.operator === K.MinusToken && !ts.isNumericLiteral(node.operand) || node.operator === K.TildeToken) return [['unary', operand]];
    return [];
  }
  if (ts.isPostfixUnaryExpression(node)) return [['update', `${raw(node.operand)}${node.operator === K.PlusPlusToken ? '--' : '++'}`]];
  if (ts.isExpressionStatement(node.parent)) return [];
  if (node.kind === K.TrueKeyword) return [['boolean', 'false']];
  if (node.kind === K.FalseKeyword) return [['boolean', 'true']];
  if (ts.isStringLiteralLike(node)) return node.text === '' || node.text.includes(' ') ? [] : [['text', "''"]];
  if (ts.isArrayLiteralExpression(node)) return node.elements.length > 0 ? [['array', '[]']] : [];
  if (ts.isObjectLiteralExpression(node)) return node.properties.length > 0 ? [['object', '{}']] : [];
  if (ts.isArrowFunction(node) && !ts.isBlock(node.body) && !(ts.isIdentifier(node.body) && node.body.text === 'undefined')) return [['arrow', '() => undefined']];
  if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression) && !ts.isOptionalChain(node)) {
    const { expression: object, name } = node.expression;
    const other = METHODS.get(name.text);
    if (other === undefined) return [];
    const args = node.arguments.map(raw).join(', ');
    return [['method', other === '' ? raw(object) : `${raw(object)}.${other}(${args})`]];
  }
  return [];
}
