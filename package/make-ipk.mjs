// Builds the OpenWrt package for x86_64 without the SDK, byte for byte the same from the same input:
//   node package/make-ipk.mjs [--lib DIR] [--addon FILE] [--out DIR]
// DIR (build/lib) has mobiked.mjs and mobikectl.mjs, FILE (build/musl/mobiked.node) is the addon built against musl.
// The file is named OUT/mobiked_VERSION_x86_64.ipk; its control says VERSION-rRELEASE as a build from the feed does, so
// that opkg takes the feed's next release for newer.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { readRecipe } from './recipe.mjs';
import { gzip, sourceDate, tar, withFolders } from './tar.mjs';

const ROOT = resolve(import.meta.dirname, '..');
const ARCHITECTURE = 'x86_64';
/** e_machine of ELF for x86-64. */
const EM_X86_64 = 62;

const { values: options } = parseArgs({
  options: {
    lib: { type: 'string', default: join(ROOT, 'build/lib') },
    addon: { type: 'string', default: join(ROOT, 'build/musl/mobiked.node') },
    out: { type: 'string', default: join(ROOT, 'build') },
  },
});

/** What the SDK writes around a package's own scripts. */
const POSTINST = `#!/bin/sh
[ "\${IPKG_NO_SCRIPT}" = "1" ] && exit 0
[ -s \${IPKG_INSTROOT}/lib/functions.sh ] || exit 0
. \${IPKG_INSTROOT}/lib/functions.sh
default_postinst $0 $@
`;
const PRERM = `#!/bin/sh
[ -s \${IPKG_INSTROOT}/lib/functions.sh ] || exit 0
. \${IPKG_INSTROOT}/lib/functions.sh
default_prerm $0 $@
`;

function checkAddon(elf) {
  if (elf.length < 64 || elf.readUInt32BE(0) !== 0x7f454c46) throw new Error(`${options.addon} is no ELF file`);
  if (elf.readUInt16LE(18) !== EM_X86_64) throw new Error(`${options.addon} is not for x86-64`);
  if (elf.includes('GLIBC_')) throw new Error(`${options.addon} is linked against glibc; OpenWrt has musl`);
}

/** A file of the package: built ones from --lib and --addon, all others as they lie in the source tree. */
function contentOf(source) {
  if (source === 'lib/mobiked.node') return readFileSync(options.addon);
  if (source.startsWith('lib/')) return readFileSync(join(options.lib, source.slice('lib/'.length)));
  return readFileSync(join(ROOT, source));
}

function build() {
  const recipe = readRecipe(ROOT);
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  if (recipe.version !== version) throw new Error(`package.json says version ${version}, the recipe says ${recipe.version}`);
  const mtime = sourceDate(ROOT);

  const files = recipe.install.map(({ path, mode, source }) => (source === undefined ? { path, mode } : { path, mode, data: contentOf(source) }));
  checkAddon(files.find((file) => file.path.endsWith('.node')).data);
  // As the SDK does: a conffile that is not a file of the package (our folder) is kept by sysupgrade through keep.d.
  const isFile = (path) => files.some((file) => file.data !== undefined && `/${file.path}` === path);
  const kept = recipe.conffiles.filter((path) => !isFile(path));
  if (kept.length > 0) files.push({ path: `lib/upgrade/keep.d/${recipe.name}`, mode: 0o644, data: Buffer.from(kept.map((path) => `${path}\n`).join('')) });

  const data = tar(withFolders(files), mtime);
  const control = [
    `Package: ${recipe.name}`,
    `Version: ${recipe.version}-r${recipe.release}`,
    `Depends: ${['libc', ...recipe.depends].join(', ')}`,
    `Source: package/${recipe.name}`,
    `SourceName: ${recipe.name}`,
    `License: ${recipe.license}`,
    `LicenseFiles: ${recipe.licenseFiles}`,
    `Section: ${recipe.section}`,
    `SourceDateEpoch: ${mtime}`,
    `URL: ${recipe.url}`,
    `Maintainer: ${recipe.maintainer}`,
    `Architecture: ${ARCHITECTURE}`,
    `Installed-Size: ${data.length}`,
    `Description: ${recipe.description.trimStart()}`,
  ].join('\n');
  const text = (path, content, mode) => ({ path, mode, data: Buffer.from(content) });
  const members = [
    text('conffiles', recipe.conffiles.filter(isFile).map((path) => `${path}\n`).join(''), 0o644),
    text('control', `${control}\n`, 0o644),
    text('postinst', POSTINST, 0o755),
    text('prerm', PRERM, 0o755),
    text('prerm-pkg', recipe.prerm, 0o755),
  ];
  const ipk = gzip(tar([
    { path: 'debian-binary', mode: 0o644, data: Buffer.from('2.0\n') },
    { path: 'data.tar.gz', mode: 0o644, data: gzip(data) },
    { path: 'control.tar.gz', mode: 0o644, data: gzip(tar(members, mtime)) },
  ], mtime, { root: false }));

  mkdirSync(options.out, { recursive: true });
  const file = join(options.out, `${recipe.name}_${recipe.version}_${ARCHITECTURE}.ipk`);
  writeFileSync(`${file}.tmp`, ipk);
  renameSync(`${file}.tmp`, file);
  console.log(`${file}: ${ipk.length} bytes, ${data.length} installed`);
}

try {
  build();
} catch (error) {
  console.error(`make-ipk: ${error.message}`);
  process.exitCode = 1;
}
