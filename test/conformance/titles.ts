// The titles of all tests, as they stand in the sources: every call in a test file whose first argument is text, followed by something;
// and what is given the name `title` before it is used.
import { readFileSync } from 'node:fs';
import ts from 'typescript';
import { files } from '../arch/tree.ts';

export interface Declaration {
  readonly file: string;
  /** The title, with `…` for what is filled in when it runs. */
  readonly title: string;
  /** Marked `todo`: it fails today, and shows nothing. */
  readonly todo: boolean;
  /** Matches the title it runs under. */
  readonly pattern: RegExp;
}

const literally = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** The pieces of a title between what is filled in; undefined: no text. */
function piecesOf(node: ts.Node | undefined): readonly string[] | undefined {
  if (!node) return undefined;
  if (ts.isStringLiteralLike(node)) return [node.text];
  if (ts.isTemplateExpression(node)) return [node.head.text, ...node.templateSpans.map((span) => span.literal.text)];
  return undefined;
}

const isTodo = (node: ts.Expression | undefined): boolean =>
  node !== undefined && ts.isObjectLiteralExpression(node) && node.properties.some((p) => p.name !== undefined && ts.isIdentifier(p.name) && p.name.text === 'todo');

/** A first argument that is nothing but rows: the title is that and the second, as in `attack('I2.5-2', 'critical payloads', ...)`. */
const ONLY_ROWS = /^[A-Z]+[\d.]*-\w+( [A-Z]+[\d.]*-\w+)*$/;

export function declarationsIn(file: string, text: string): Declaration[] {
  const found: Declaration[] = [];
  const add = (pieces: readonly string[], todo: boolean): void => {
    found.push({ file, title: pieces.join('…'), todo, pattern: new RegExp(`^${pieces.map(literally).join('.*')}$`, 's') });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && node.arguments.length > 1) {
      const [first, second] = [piecesOf(node.arguments[0]), piecesOf(node.arguments[1])];
      const pieces = first?.length === 1 && second && ONLY_ROWS.test(first[0] ?? '') ? [`${first[0] ?? ''}: ${second[0] ?? ''}`, ...second.slice(1)] : first;
      if (pieces) add(pieces, node.arguments.some(isTodo));
    }
    if (ts.isVariableDeclaration(node) && ts.isIdentifier(node.name) && node.name.text === 'title') {
      const pieces = piecesOf(node.initializer);
      if (pieces) add(pieces, false);
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.Latest, false));
  return found;
}

/** Row ids in a title: whole words that look like one. */
export function idsIn(title: string, id: RegExp): string[] {
  const words = title.split(/[^A-Za-z0-9.-]+/).map((word) => word.replace(/[.-]+$/, ''));
  return [...new Set(words.filter((word) => id.test(word)))];
}

let read: readonly Declaration[] | undefined;

/** Those of the test files of the tree, in the order of files and lines; read once. */
export function declarations(): readonly Declaration[] {
  read ??= files().filter((path) => path.startsWith('test/') && path.endsWith('.test.ts')).flatMap((path) => declarationsIn(path, readFileSync(path, 'utf8')));
  return read;
}
