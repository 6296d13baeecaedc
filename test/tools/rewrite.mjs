// Rewrites TypeScript source node by node and leaves every other octet, line numbers included, as it is. The fuzzer (counters on
// branches) and the mutation tester (variants behind switches) both work this way, on text that esbuild then strips of its types.
import ts from 'typescript';

/**
 * The text of `source` with `wrap(node, text, part, file)` in the place of each node's own text. `text` holds the rewritten children;
 * comments and blanks before the node are not part of it. `part(child)` is the rewritten text of one child. Types are left alone.
 */
export function rewrite(path, source, wrap) {
  const file = ts.createSourceFile(path, source, ts.ScriptTarget.ES2022, true);
  const parts = new Map();
  const part = (node) => parts.get(node) ?? source.slice(node.getStart(file), node.end);
  const out = (node) => {
    if (isTypeOnly(node)) return source.slice(node.pos, node.end);
    let text = '';
    let at = node.pos;
    ts.forEachChild(node, (child) => {
      // Children that stand before others already copied (there are none in this language level) would be lost silently.
      if (child.pos < at) throw new Error(`${path}:${lineOf(file, node)}: children out of order`);
      text += source.slice(at, child.pos) + out(child);
      at = child.end;
    });
    text += source.slice(at, node.end);
    const lead = node.getStart(file) - node.pos;
    const own = wrap(node, text.slice(lead), part, file);
    parts.set(node, own);
    return text.slice(0, lead) + own;
  };
  return out(file);
}

function isTypeOnly(node) {
  return ts.isTypeNode(node) && !ts.isExpressionWithTypeArguments(node) || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)
    || ts.isImportDeclaration(node) || ts.isExportDeclaration(node) || ts.isTypeParameterDeclaration(node);
}

export const lineOf = (file, node) => file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1;

/** An esbuild plugin that rewrites the sources whose path from `root` matches. `rewriteFile(path, text)` gives the new text. */
export function plugin(root, matches, rewriteFile, readFile) {
  return {
    name: 'rewrite',
    setup(build) {
      build.onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const name = path.startsWith(`${root}/`) ? path.slice(root.length + 1) : path;
        if (!matches(name)) return undefined;
        return { contents: rewriteFile(name, readFile(path)), loader: 'ts' };
      });
    },
  };
}
