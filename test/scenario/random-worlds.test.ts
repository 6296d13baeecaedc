import { test } from 'node:test';
import assert from 'node:assert/strict';
import { portion } from '../tools/thorough.ts';
import { playWorlds } from './worlds.ts';

// `make test` plays as many more as fit into two minutes, `make sim` as many as wanted with fresh seeds.
const SEEDS = Array.from({ length: 60 }, (_, n) => n + 1);

test('M1.2-3 D5.3-2 random worlds of ten simulated minutes: no invariant breaks, one pair of addresses at a time, traffic is back while a whole uplink is there, and nothing is left', () => {
  const seeds = portion(SEEDS, 8);
  assert.deepEqual(seeds.flatMap((seed) => playWorlds(seed, 1)), []);
});
