// The tree as the tests of this folder see it: files, their text, their rooms.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { posix } from 'node:path';

/** Where git is not at hand: every file but what `.gitignore` names as a folder. */
function walk(folder: string, skip: ReadonlySet<string>): string[] {
  return readdirSync(folder === '' ? '.' : folder).sort().flatMap((name) => {
    const path = posix.join(folder, name);
    if (skip.has(path)) return [];
    return statSync(path).isDirectory() ? walk(path, skip) : [path];
  });
}

let all: readonly string[] | undefined;
/** Every file of the project, those not yet added to git included, relative to its root. */
export function files(): readonly string[] {
  if (all) return all;
  try {
    const listed = execFileSync('git', ['-c', 'safe.directory=*', 'ls-files', '-z', '--cached', '--others', '--exclude-standard'], { encoding: 'utf8', stdio: 'pipe' });
    all = [...new Set(listed.split('\0'))].filter((path) => path !== '' && existsSync(path) && statSync(path).isFile()).sort();
  } catch {
    const ignored = readFileSync('.gitignore', 'utf8').split('\n').map((line) => line.replaceAll('/', '')).filter((line) => line !== '');
    all = walk('', new Set(['.git', ...ignored]));
  }
  return all;
}

let present: ReadonlySet<string> | undefined;
export function exists(path: string): boolean {
  present ??= new Set(files());
  return present.has(path);
}

const texts = new Map<string, string>();
export function textOf(path: string): string {
  const text = texts.get(path) ?? readFileSync(path, 'utf8');
  texts.set(path, text);
  return text;
}

/** What ships, in TypeScript, declarations of generated code aside. */
export const sources = (): string[] => files().filter((path) => path.startsWith('src/') && path.endsWith('.ts') && !path.endsWith('.d.ts'));

/** Rooms are folders of `src/`; `codec` and `adapters` are houses of several. */
const HOUSES: ReadonlySet<string> = new Set(['codec', 'adapters']);
export function roomOf(path: string): string {
  const [, first = '', second = ''] = path.split('/');
  return HOUSES.has(first) ? `${first}/${second}` : first;
}
