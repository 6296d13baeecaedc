import { test } from 'node:test';
import assert from 'node:assert/strict';
import { PlainEsp } from '../../src/daemon/plain-esp.ts';
import type { IkeInput } from '../../src/ike/index.ts';
import { TestTurn } from './turn.ts';

test('NK-8: the protocol learns in which families ESP can go without UDP; a refusal is told once', () => {
  const told: IkeInput[] = [];
  const turn = new TestTurn();
  const plain = new PlainEsp((input) => told.push(input));
  plain.on({ type: 'esp.opened', family: 4 }, turn);
  plain.on({ type: 'esp.failed', family: 6, errno: 1 }, turn);
  plain.on({ type: 'esp.opened', family: 6 }, turn);
  plain.on({ type: 'esp.failed', family: 4, errno: 1 }, turn);
  plain.on({ type: 'esp.failed', family: 4, errno: 1 }, turn);
  assert.deepEqual(told.map((input) => input.type === 'esp.plain' && input.families.join()), ['4', '4', '4,6', '6', '6']);
  assert.deepEqual(turn.lines.length, 2);
  assert.match(turn.lines[1] ?? '', new RegExp('warn: ESP over IPv4 goes in UDP only'));
});
