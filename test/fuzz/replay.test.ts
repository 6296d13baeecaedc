// What `make fuzz` found, once more: every input of the corpora, and every one that ever broke a property.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { toHex } from '../../src/base/index.ts';
import { corpus, regressions } from './files.ts';
import { TARGETS } from './targets/index.ts';

for (const target of TARGETS) {
  test(`I3.1-1: ${target.name}: seeds, corpus and regressions hold every property`, () => {
    const inputs = [...target.seeds().map((seed) => seed.slice(0, target.most)), ...corpus(target.name), ...regressions(target.name)];
    assert.ok(inputs.length > 2, 'there is something to run');
    for (const input of inputs) {
      const copy = input.slice();
      try {
        target.run(input);
      } catch (error) {
        throw new Error(`input ${toHex(copy)}`, { cause: error });
      }
      assert.deepEqual(input, copy, 'an input is not written to');
    }
  });
}

test('every file of inputs belongs to a target', () => {
  const names = new Set([...TARGETS.map((target) => `${target.name}.txt`), 'native.txt']);
  for (const folder of ['corpus', 'regressions']) {
    const files = readdirSync(`test/fuzz/${folder}`).filter((file) => file.endsWith('.txt'));
    assert.deepEqual(files.filter((file) => !names.has(file)), []);
  }
});
