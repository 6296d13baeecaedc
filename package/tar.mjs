// A small writer of GNU tar archives: owner 0:0, one fixed time, names sorted by the caller's order of a tree, no host
// in it. The same input gives the same octets everywhere; compression is left to `gzip -n` and `xz`, whose output does
// not depend on the processor as that of Node's zlib does.
import { spawnSync } from 'node:child_process';

const BLOCK = 512;
/** GNU tar pads archives to 20 blocks. */
const RECORD = 20 * BLOCK;

/**
 * @typedef {{ path: string, mode: number, data?: Buffer }} Entry `path` without leading `./`; no `data`: a folder
 */

function header(name, mode, size, mtime, type) {
  const block = Buffer.alloc(BLOCK);
  if (Buffer.byteLength(name) >= 100) throw new Error(`name too long for a plain tar header: ${name}`);
  const octal = (value, at, width) => block.write(value.toString(8).padStart(width - 1, '0'), at, 'ascii');
  block.write(name, 0, 'utf8');
  octal(mode, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(mtime, 136, 12);
  block.fill(0x20, 148, 156);
  block.write(type, 156, 'ascii');
  block.write('ustar  ', 257, 'ascii');
  const sum = block.reduce((total, octet) => total + octet, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'ascii');
  return block;
}

/**
 * @param {readonly Entry[]} entries
 * @param {number} mtime seconds since 1970
 * @param {{ prefix?: string, root?: boolean }} [options] `prefix` stands before every path; `root`: an entry for `./` itself
 */
export function tar(entries, mtime, { prefix = './', root = true } = {}) {
  const parts = root ? [header('./', 0o755, 0, mtime, '5')] : [];
  for (const { path, mode, data } of entries) {
    if (data === undefined) {
      parts.push(header(`${prefix}${path}/`, mode, 0, mtime, '5'));
      continue;
    }
    parts.push(header(`${prefix}${path}`, mode, data.length, mtime, '0'), data, Buffer.alloc((BLOCK - (data.length % BLOCK)) % BLOCK));
  }
  const length = parts.reduce((total, part) => total + part.length, 2 * BLOCK);
  parts.push(Buffer.alloc(2 * BLOCK + ((RECORD - (length % RECORD)) % RECORD)));
  return Buffer.concat(parts);
}

/** Adds the folders above the files (0755 unless given) and sorts by name, each folder before what is in it. */
export function withFolders(entries) {
  const all = new Map(entries.map((entry) => [entry.path, entry]));
  for (const { path } of entries) {
    const parts = path.split('/');
    for (let depth = 1; depth < parts.length; depth++) {
      const folder = parts.slice(0, depth).join('/');
      if (!all.has(folder)) all.set(folder, { path: folder, mode: 0o755 });
    }
  }
  const key = (path) => path.replaceAll('/', '\0');
  return [...all.values()].sort((a, b) => (key(a.path) < key(b.path) ? -1 : 1));
}

function filter(command, args, data) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { input: data, maxBuffer: 1 << 30 });
  if (error || status !== 0) throw new Error(`${command}: ${error?.message ?? stderr.toString().trim()}`);
  return stdout;
}

export const gzip = (data) => filter('gzip', ['-n', '-9', '-c'], data);
export const xz = (data) => filter('xz', ['-9', '-T1', '-c'], data);

/** Time of everything in an archive: SOURCE_DATE_EPOCH, else the last commit, else 1980 (an unpacked tarball). */
export function sourceDate(root) {
  const given = process.env.SOURCE_DATE_EPOCH;
  if (given !== undefined && given !== '') {
    if (!/^[0-9]{1,11}$/.test(given)) throw new Error(`SOURCE_DATE_EPOCH is not a number of seconds: ${given}`);
    return Number(given);
  }
  const { status, stdout } = spawnSync('git', ['-C', root, 'log', '-1', '--format=%ct'], { encoding: 'utf8' });
  const committed = Number(stdout?.trim());
  return status === 0 && committed > 0 ? committed : 315532800;
}
