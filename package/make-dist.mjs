// Makes the release tarball that the feed recipe builds from: the bundled daemon (so that the feed needs no node), the
// addon's C source with the headers it needs, and every file the recipe installs.
//   node package/make-dist.mjs [--lib DIR] [--out DIR]      OUT/mobiked-VERSION.tar.xz, and its SHA-256 for PKG_HASH
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { readRecipe } from './recipe.mjs';
import { sourceDate, tar, withFolders, xz } from './tar.mjs';

const ROOT = resolve(import.meta.dirname, '..');
const HEADERS = 'node_modules/node-api-headers/include';

const { values: options } = parseArgs({
  options: { lib: { type: 'string', default: join(ROOT, 'build/lib') }, out: { type: 'string', default: join(ROOT, 'build') } },
});

try {
  const recipe = readRecipe(ROOT);
  const top = `${recipe.name}-${recipe.version}`;
  const entry = (path, source, mode = 0o644) => ({ path: `${top}/${path}`, mode, data: readFileSync(source) });
  const entries = [entry('LICENSE', join(ROOT, 'LICENSE'))];
  for (const { source, mode } of recipe.install) {
    if (source === undefined || source === 'lib/mobiked.node') continue;
    entries.push(entry(source, source.startsWith('lib/') ? join(options.lib, source.slice(4)) : join(ROOT, source), mode));
  }
  for (const name of readdirSync(join(ROOT, 'src/adapters/native')).sort())
    if (name.endsWith('.c') || name.endsWith('.h')) entries.push(entry(`native/${name}`, join(ROOT, 'src/adapters/native', name)));
  for (const name of readdirSync(join(ROOT, HEADERS)).sort())
    if (name.endsWith('.h')) entries.push(entry(`native/include/${name}`, join(ROOT, HEADERS, name)));

  const archive = xz(tar(withFolders(entries), sourceDate(ROOT), { prefix: '', root: false }));
  mkdirSync(options.out, { recursive: true });
  const file = join(options.out, `${top}.tar.xz`);
  writeFileSync(file, archive);
  console.log(`${file}: ${archive.length} bytes, PKG_HASH:=${createHash('sha256').update(archive).digest('hex')}`);
} catch (error) {
  console.error(`make-dist: ${error.message}`);
  process.exitCode = 1;
}
