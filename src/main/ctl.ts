/** mobikectl: asks a running mobiked and prints its answers. Everything of it is in `ctl-run.ts`. */
import { EXIT, runCtl } from './ctl-run.ts';

/** PKG_VERSION, put here by the bundler. */
declare const __VERSION__: string;

// `mobikectl events --follow | head` ends when nobody reads any more.
process.stdout.on('error', () => process.exit(EXIT.done));

runCtl(process.argv.slice(2), {
  out: (text) => void process.stdout.write(text),
  error: (text) => void process.stderr.write(text),
  version: __VERSION__,
}).then(
  (status) => {
    process.exitCode = status;
  },
  (error: unknown) => {
    process.stderr.write(`mobikectl: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = EXIT.noDaemon;
  },
);
