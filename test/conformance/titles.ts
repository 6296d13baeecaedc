// The titles of all tests, as they stand in the sources: every call in a test file whose first argument is text, followed by something.
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

export function declarationsIn(file: string, text: string): Declaration[] {
  const found: Declaration[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && node.arguments.length > 1) {
      const pieces = piecesOf(node.arguments[0]);
      if (pieces) found.push({ file, title: pieces.join('…'), todo: node.arguments.some(isTodo), pattern: new RegExp(`^${pieces.map(literally).join('.*')}$`, 's') });
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

/** Those of the test files of the tree, in the order of files and lines. */
export const declarations = (): Declaration[] =>
  files().filter((path) => path.startsWith('test/') && path.endsWith('.test.ts')).flatMap((path) => declarationsIn(path, readFileSync(path, 'utf8')));
