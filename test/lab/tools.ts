/** The lab's two C programs, compiled when first needed. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, renameSync, statSync } from 'node:fs';

const SOURCES = { relay: ['relay.c', 'relay-nat.h'], stream: ['stream.c'] } as const;

function changed(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** Path of the program below the project's root (the working directory); throws with the compiler's words. */
export function tool(name: keyof typeof SOURCES): string {
  const out = `${process.cwd()}/build/lab/${name}`;
  const sources = SOURCES[name].map((file) => `test/lab/${file}`);
  if (changed(out) > Math.max(...sources.map(changed))) return out;
  mkdirSync('build/lab', { recursive: true });
  const own = `${out}.${process.pid}`;
  const cc = spawnSync(process.env['CC'] ?? 'cc', ['-std=gnu11', '-O2', '-Wall', '-Wextra', '-o', own, sources[0] ?? ''], { encoding: 'utf8' });
  if (cc.status !== 0) throw new Error(`cannot compile ${name}: ${cc.error?.message ?? cc.stderr}`);
  renameSync(own, out);
  return out;
}
