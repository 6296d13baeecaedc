import { test } from 'node:test';
import { measured } from './stage.ts';
import { playShare } from './random.ts';

test('random transitions, odd seeds of SEEDS: no invariant breaks, and everything heals', () => {
  const { worst, wanted } = playShare(1);
  measured(`random transitions, odd seeds of ${wanted}: longest healing, s`, worst / 1000);
});
