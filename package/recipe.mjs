// Reads the feed recipe, so that what is installed, where, with which mode, and every text of the package is written
// down once: in package/mobiked/Makefile.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const MODES = { INSTALL_BIN: 0o755, INSTALL_DATA: 0o644, INSTALL_CONF: 0o600 };

/** The recipe of `package/mobiked/Makefile` as plain values. Throws on a line it does not understand. */
export function readRecipe(root) {
  const text = readFileSync(join(root, 'package/mobiked/Makefile'), 'utf8');
  const variable = (name) => {
    const match = new RegExp(`^${name}:=(.*)$`, 'm').exec(text);
    if (!match) throw new Error(`the recipe has no ${name}`);
    return match[1].trim();
  };
  /** The body of `define Package/mobiked…`; make's `$$` is the shell's `$`. */
  const block = (name) => {
    const match = new RegExp(`^define ${name}\n([^]*?)^endef$`, 'm').exec(text);
    if (!match) throw new Error(`the recipe has no ${name}`);
    return match[1].replaceAll('$$', '$');
  };
  const fields = new Map([...block('Package/mobiked').matchAll(/^ {2}([A-Z]+):=(.*)$/gm)].map((match) => [match[1], match[2]]));
  return {
    name: variable('PKG_NAME'),
    version: variable('PKG_VERSION'),
    release: variable('PKG_RELEASE'),
    maintainer: variable('PKG_MAINTAINER'),
    license: variable('PKG_LICENSE'),
    licenseFiles: variable('PKG_LICENSE_FILES'),
    section: fields.get('SECTION'),
    url: fields.get('URL'),
    depends: fields.get('DEPENDS').split(' ').map((word) => word.replace(/^\+/, '')),
    description: block('Package/mobiked/description').trim().split('\n').map((line) => ` ${line.trim()}`).join('\n'),
    conffiles: block('Package/mobiked/conffiles').trim().split('\n'),
    prerm: block('Package/mobiked/prerm'),
    install: installed(block('Package/mobiked/install')),
  };
}

/** @returns {{ path: string, mode: number, source?: string }[]} `source` is relative to the release tarball */
function installed(text) {
  const out = new Map();
  for (const line of text.trim().split('\n')) {
    const words = line.trim().split(' ');
    const target = words.at(-1);
    if (!target.startsWith('$(1)/')) throw new Error(`recipe: not understood: ${line}`);
    const path = target.slice('$(1)/'.length);
    const command = words[0].replace(/^\$\((.*)\)$/, '$1');
    if (command === 'INSTALL_DIR' && words.length === 2) out.set(path, { path, mode: 0o755 });
    else if (command === 'chmod' && words.length === 3 && out.has(path)) out.get(path).mode = Number.parseInt(words[1], 8);
    else if (command in MODES && words.length === 3 && words[1].startsWith('$(PKG_BUILD_DIR)/'))
      out.set(path, { path, mode: MODES[command], source: words[1].slice('$(PKG_BUILD_DIR)/'.length) });
    else throw new Error(`recipe: not understood: ${line}`);
  }
  return [...out.values()];
}
