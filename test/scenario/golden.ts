/** Goldens of scenarios: `-- Source --` (the story), `-- Input --` (what was done), `-- Expect --` (both kernels). GOLDEN=write rewrites the last. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Scene } from '../sim/scene.ts';

const FOLDER = 'test/golden/scenario';

/** Both kernels as text: links, addresses and routes, sorted. */
export function kernels({ router, hub }: Scene): string {
  return `router:\n${router.kernel.dump()}\n\nhub:\n${hub.kernel.dump()}\n`;
}

export function expectGolden(name: string, source: string, input: string, actual: string): void {
  const path = `${FOLDER}/${name}.txt`;
  const head = `-- Source --\n${source}\n-- Input --\n${input}\n-- Expect --\n`;
  if (process.env['GOLDEN'] === 'write') writeFileSync(path, head + actual);
  assert.ok(existsSync(path), `${path} is missing; write it with GOLDEN=write and read it`);
  assert.equal(head + actual, readFileSync(path, 'utf8'));
}
