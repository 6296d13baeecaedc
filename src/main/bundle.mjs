// Bundles the two programs: `node src/main/bundle.mjs VERSION OUTDIR`.
import { build } from 'esbuild';

const [version, outdir] = process.argv.slice(2);
await build({
  entryPoints: { mobiked: 'src/main/node.ts', mobikectl: 'src/main/ctl.ts' },
  outdir, outExtension: { '.js': '.mjs' }, bundle: true, format: 'esm', platform: 'node', target: 'node20', minify: true, legalComments: 'none',
  define: { __VERSION__: JSON.stringify(version) }, logLevel: 'warning',
  // CommonJS packages inside an ES module still call `require` for Node's own modules.
  banner: { js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);" },
});
