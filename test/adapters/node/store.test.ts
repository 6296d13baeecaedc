import { test } from 'node:test';
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createStorePort } from '../../../src/adapters/node/store.ts';
import type { Input, StoreEffect } from '../../../src/ports/index.ts';

/** Runs with a folder of its own that goes afterwards. */
function within(act: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'mobiked-store-'));
  try {
    act(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function ask(folder: string, effect: StoreEffect): Input {
  const answers: Input[] = [];
  createStorePort(folder).perform(effect, (input) => answers.push(input));
  assert.equal(answers.length, 1, 'one answer');
  const [answer] = answers;
  assert.ok(answer);
  return answer;
}

test('nothing stored yet is no failure; what was written is read, and replaced whole, by another process too', () => {
  within((base) => {
    const folder = join(base, 'not', 'there');
    assert.deepEqual(ask(folder, { type: 'store.read', opId: 1 }), { type: 'store.answered', opId: 1, text: undefined, why: undefined });
    assert.equal(existsSync(folder), false, 'reading makes nothing');
    for (const text of ['{"a":1,"long":"........................"}', '{"ü":2}']) {
      assert.deepEqual(ask(folder, { type: 'store.write', opId: 2, text }), { type: 'store.written', opId: 2, why: undefined });
      assert.deepEqual(ask(folder, { type: 'store.read', opId: 3 }), { type: 'store.answered', opId: 3, text, why: undefined });
    }
    assert.deepEqual(readdirSync(folder), ['learned.json'], 'nothing else is left there');
    assert.equal(statSync(join(folder, 'learned.json')).mode & 0o777, 0o600);
  });
});

test('a file that cannot be ours is refused in words: too large, no text, no file', () => {
  within((folder) => {
    const file = join(folder, 'learned.json');
    const why = (): string => {
      const answer = ask(folder, { type: 'store.read', opId: 1 });
      assert.ok(answer.type === 'store.answered' && answer.text === undefined);
      return answer.why ?? '';
    };
    writeFileSync(file, 'x'.repeat(65_537));
    assert.ok(why().includes('larger'));
    writeFileSync(file, Uint8Array.of(0xff, 0xfe));
    assert.ok(why().includes('no text'));
    rmSync(file);
    mkdirSync(file);
    assert.ok(why().length > 0);
    rmSync(file, { recursive: true });
  });
});

test('a write that fails says why and leaves what there was', () => {
  within((folder) => {
    ask(folder, { type: 'store.write', opId: 1, text: 'old' });
    mkdirSync(join(folder, 'learned.json.new'));
    const answer = ask(folder, { type: 'store.write', opId: 2, text: 'new' });
    assert.ok(answer.type === 'store.written' && answer.why !== undefined);
    assert.equal(readFileSync(join(folder, 'learned.json'), 'utf8'), 'old');
    chmodSync(folder, 0o700);
    const under = ask(join(folder, 'learned.json'), { type: 'store.write', opId: 3, text: 'new' });
    assert.ok(under.type === 'store.written' && under.why !== undefined, 'a file is no folder');
  });
});
