// Words that must not appear. ESLint (eslint.config.js) says the same to the writer while writing; this says it in every test run.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import ts from 'typescript';
import { findings } from './syntax.ts';
import { files, sources, textOf } from './tree.ts';

/** Names no core room uses: engines lack them or differ in them, or what happens would depend on chance, wall time or the locale. */
const BANNED: ReadonlySet<string> = new Set([
  'Date', 'Intl', 'performance', 'process', 'Buffer', 'console', 'setTimeout', 'setInterval', 'setImmediate', 'clearTimeout', 'clearInterval', 'queueMicrotask',
  'URL', 'URLSearchParams', 'TextEncoder', 'TextDecoder', 'structuredClone', 'fetch', 'require', 'globalThis', 'eval', 'Function', 'Promise', 'WeakRef',
  'FinalizationRegistry',
]);
/** As members of anything. */
const BANNED_MEMBERS: ReadonlySet<string> = new Set(['toLocaleString', 'toLocaleLowerCase', 'toLocaleUpperCase', 'localeCompare', 'normalize']);

const isCore = (path: string): boolean => !path.startsWith('src/adapters/') && !path.startsWith('src/main/');

/** A name that is looked up, not one that names a member or a property. */
function isReference(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  if (ts.isQualifiedName(parent)) return parent.left === node;
  return !((ts.isPropertyAssignment(parent) || ts.isPropertySignature(parent) || ts.isPropertyDeclaration(parent) || ts.isMethodDeclaration(parent)
    || ts.isMethodSignature(parent) || ts.isGetAccessorDeclaration(parent) || ts.isBindingElement(parent)) && (parent.name === node || ('propertyName' in parent && parent.propertyName === node)));
}

function wrongIn(node: ts.Node): string | undefined {
  if (ts.isRegularExpressionLiteral(node)) return `regular-expression literal ${node.text}`;
  if (ts.isIdentifier(node) && BANNED.has(node.text) && isReference(node)) return node.text;
  if (ts.isPropertyAccessExpression(node)) {
    if (BANNED_MEMBERS.has(node.name.text)) return `.${node.name.text}`;
    if (node.name.text === 'random' && ts.isIdentifier(node.expression) && node.expression.text === 'Math') return 'Math.random';
  }
  if (ts.canHaveModifiers(node) && ts.getModifiers(node)?.some((m) => m.kind === ts.SyntaxKind.AsyncKeyword)) return 'async';
  if (node.kind === ts.SyntaxKind.AwaitExpression) return 'await';
  return undefined;
}

test('runtime neutrality: core rooms use nothing that an engine may lack, no chance, no wall time, no regular-expression literal', () => {
  assert.deepEqual(sources().filter(isCore).flatMap((path) => findings(path, wrongIn)), []);
});

test('architecture 1.2: no `any` in what ships', () => {
  assert.deepEqual(sources().flatMap((path) => findings(path, (node) => (node.kind === ts.SyntaxKind.AnyKeyword ? 'any' : undefined))), []);
});

/** Lines of files that match, as `file:line: text`. */
function lines(which: (path: string) => boolean, pattern: RegExp): string[] {
  return files().filter(which).flatMap((path) => textOf(path).split('\n').flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1}: ${line.trim().slice(0, 120)}`] : [])));
}
const isCode = (path: string): boolean => /\.(ts|mjs|js|c|h)$/.test(path);

test('the compiler and the linter are not silenced without a reason on the line', () => {
  assert.deepEqual(lines(isCode, /@ts-(ignore|nocheck|expect-error)\b/), []);
  assert.deepEqual(lines(isCode, /eslint-disable(?!.*\w.* -- .{5})/), []);
});

test('what is left to do names what would trigger it', () => {
  // The words are split here, or this line would be a finding.
  assert.deepEqual(lines(isCode, new RegExp('\\b(FIX' + 'ME|XX' + 'X|HA' + 'CK)\\b|\\bTO' + 'DO\\b(?!: (when|once|if|after) \\w)')), []);
});

test('no test is run alone, and none is skipped without saying why', () => {
  const isTest = (path: string): boolean => path.startsWith('test/') && path.endsWith('.ts');
  assert.deepEqual(lines(isTest, /\b(test|it|suite|describe|netnsTest)\.only\(|\bonly: true\b/), []);
  assert.deepEqual(lines(isTest, /\b(test|it|suite|describe|netnsTest)\.(skip|todo)\(|\b(t|context)\.(skip|todo)\(\s*\)|\b(skip|todo): (true|'')/), []);
});

test('nothing names the machine it was written on', () => {
  // Where people and machines keep their work trees; and the folder of this very tree, which a generated file may have kept.
  const homes = /(?<![\w.])\/(work|workspaces?|builds|home|Users)\/\w/;
  const here = process.cwd().length > 5 ? process.cwd() : undefined;
  const wrong = (line: string): boolean => homes.test(line) || (here !== undefined && line.includes(here));
  assert.deepEqual(files().filter((path) => !path.endsWith('.gz')).flatMap((path) => textOf(path).split('\n').flatMap((line, index) =>
    (wrong(line) ? [`${path}:${index + 1}: ${line.trim().slice(0, 120)}`] : []))), []);
});

test('nothing names a package registry: which one is used is the affair of the machine that installs', () => {
  assert.deepEqual(lines(() => true, /\b(registry|npm|pypi|proxy|mirrors?|artifactory|nexus)\.[a-z0-9-]+\.(?!ts\b|m?js\b)[a-z]{2,}\b|"resolv[e]d":|_auth[T]oken/i), []);
  assert.deepEqual(files().filter((path) => /(^|\/)\.(npmrc|yarnrc.*)$/.test(path)), []);
});
