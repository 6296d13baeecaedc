import { test } from 'node:test';
import { measured } from './stage.ts';
import { playRandom } from './random.ts';

// `SEEDS=17` plays one seed, `SEEDS=1000-2000` a range. The fast run has the odd seeds here and the even ones in the other file.
const wanted = process.env['SEEDS'] ?? '1-200';
const [from = 1, to = from] = wanted.split('-').map(Number);

test(`random transitions, seeds ${wanted}: no invariant breaks, and everything heals`, () => {
  let worst = 0;
  for (let seed = from; seed <= to; seed++) worst = Math.max(worst, playRandom(seed));
  measured(`random transitions ${wanted}: longest healing, s`, worst / 1000);
});
