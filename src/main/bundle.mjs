// Bundles the two programs: `node src/main/bundle.mjs VERSION OUTDIR`.
import { build } from 'esbuild';

const [version, outdir] = process.argv.slice(2);
// MQTT.js brings a copy of Node's streams and a worker for timers (its option `timerVariant: 'native'` never starts one): 120 kB that
// the platform has already.
const platform = {
  name: 'platform',
  setup(bundle) {
    bundle.onResolve({ filter: /^readable-stream$/ }, () => ({ path: 'node:stream', external: true }));
    bundle.onResolve({ filter: /^worker-timers$/ }, () => ({ path: 'worker-timers', namespace: 'platform' }));
    bundle.onLoad({ filter: /^worker-timers$/, namespace: 'platform' }, () => ({ contents: 'export const setInterval = globalThis.setInterval; export const clearInterval = globalThis.clearInterval;' }));
  },
};

await build({
  entryPoints: { mobiked: 'src/main/node.ts', mobikectl: 'src/main/ctl.ts' },
  outdir, outExtension: { '.js': '.mjs' }, bundle: true, format: 'esm', platform: 'node', target: 'node20', minify: true, legalComments: 'none',
  define: { __VERSION__: JSON.stringify(version) }, logLevel: 'warning', plugins: [platform],
  // CommonJS packages inside an ES module still call `require` for Node's own modules.
  banner: { js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);" },
});
