// Compiles the option table (options.ts) to standalone checking code with ajv: src/config/generated/validate.js.
//   node src/config/gen.mjs            writes it
//   node src/config/gen.mjs --check    exits 1 when it is stale
import Ajv from 'ajv';
import standalone from 'ajv/dist/standalone/index.js';
import { build } from 'esbuild';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const HERE = import.meta.dirname;
const TARGET = join(HERE, 'generated/validate.js');

const bundled = await build({ entryPoints: [join(HERE, 'options.ts')], bundle: true, format: 'esm', write: false, logLevel: 'error' });
const { SECTIONS, sectionSchema } = await import(`data:text/javascript;base64,${Buffer.from(bundled.outputFiles[0].contents).toString('base64')}`);

// `unicode: false`: lengths are String.length, so that no runtime part of ajv is needed.
const ajv = new Ajv.default({ allErrors: true, messages: false, useDefaults: true, unicode: false, logger: false, code: { source: true, esm: true, lines: true } });
for (const type of Object.keys(SECTIONS)) ajv.addSchema(sectionSchema(type));
const code = standalone.default(ajv, Object.fromEntries(Object.keys(SECTIONS).map((type) => [type, type])));
if (code.includes('require(') || code.includes('new RegExp')) throw new Error('the generated code must stand alone');
const output = `// Made from src/config/options.ts by \`make gen\`; do not edit.\n${code.trim()}\n`;

if (process.argv.includes('--check')) {
  let present = '';
  try {
    present = readFileSync(TARGET, 'utf8');
  } catch {
    // absent: stale
  }
  if (present !== output) {
    console.error('src/config/generated/validate.js is stale; run `make gen`');
    process.exit(1);
  }
} else writeFileSync(TARGET, output);
