// What sources say, read with the compiler's own parser: imports, and what is left of a file when types are erased. Apart from tree.ts, since
// loading the compiler takes longer than most tests of this folder.
import { posix } from 'node:path';
import ts from 'typescript';
import { textOf } from './tree.ts';

const trees = new Map<string, ts.SourceFile>();
export function parsed(path: string): ts.SourceFile {
  const tree = trees.get(path) ?? ts.createSourceFile(path, textOf(path), ts.ScriptTarget.Latest, true);
  trees.set(path, tree);
  return tree;
}

export function lineOf(node: ts.Node): number {
  const tree = node.getSourceFile();
  return tree.getLineAndCharacterOfPosition(node.getStart(tree)).line + 1;
}

export interface Import {
  readonly line: number;
  /** A path of the project for relative imports, otherwise the name as written. */
  readonly target: string;
  readonly relative: boolean;
  /** Erased by the compiler: nothing of the target runs because of it. */
  readonly typesOnly: boolean;
}

const imports = new Map<string, readonly Import[]>();
/** Every import of a file: statements, re-exports, `import()`, types named with `import('...')`, and `require` made by createRequire. */
export function importsOf(path: string): readonly Import[] {
  const known = imports.get(path);
  if (known) return known;
  const found: Import[] = [];
  const add = (node: ts.Node, specifier: ts.Node | undefined, typesOnly: boolean): void => {
    if (!specifier || !ts.isStringLiteralLike(specifier)) return;
    const relative = specifier.text.startsWith('.');
    const target = relative ? posix.join(posix.dirname(path), specifier.text) : specifier.text;
    found.push({ line: lineOf(node), target, relative, typesOnly });
  };
  const visit = (node: ts.Node): void => {
    // `import { type A }` counts as a value: with verbatimModuleSyntax the module is loaded all the same.
    if (ts.isImportDeclaration(node)) add(node, node.moduleSpecifier, node.importClause?.isTypeOnly ?? false);
    else if (ts.isExportDeclaration(node)) add(node, node.moduleSpecifier, node.isTypeOnly);
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node, node.argument.literal, true);
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) add(node, node.arguments[0], false);
    else if (ts.isCallExpression(node) && ts.isCallExpression(node.expression) && node.expression.expression.getText() === 'createRequire') add(node, node.arguments[0], false);
    ts.forEachChild(node, visit);
  };
  visit(parsed(path));
  imports.set(path, found);
  return found;
}

/** A statement of which nothing is left when types are erased. */
function isErased(statement: ts.Statement): boolean {
  if (ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement)) return true;
  if (ts.isImportDeclaration(statement)) return statement.importClause?.isTypeOnly ?? false;
  if (ts.isExportDeclaration(statement)) return statement.isTypeOnly;
  return ts.canHaveModifiers(statement) && (ts.getModifiers(statement)?.some((modifier) => modifier.kind === ts.SyntaxKind.DeclareKeyword) ?? false);
}

export const hasCode = (path: string): boolean => !parsed(path).statements.every(isErased);

/** A door that only passes on what other files of its room export. */
export const isPlainDoor = (path: string): boolean =>
  path.endsWith('/index.ts') && parsed(path).statements.every((statement) => ts.isExportDeclaration(statement) && statement.moduleSpecifier !== undefined);

/** Every node of a file for which `what` has something to say, as `file:line: what`. */
export function findings(path: string, what: (node: ts.Node) => string | undefined): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    const said = what(node);
    if (said !== undefined) found.push(`${path}:${lineOf(node)}: ${said}`);
    ts.forEachChild(node, visit);
  };
  visit(parsed(path));
  return found;
}
