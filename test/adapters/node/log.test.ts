import { test } from 'node:test';
import assert from 'node:assert/strict';
import { createLogPort } from '../../../src/adapters/node/log.ts';

test('for procd each line begins with its severity; on a terminal with time and level', () => {
  const out: string[] = [];
  const procd = createLogPort({ foreground: false, write: (line) => out.push(line) });
  for (const level of ['error', 'warn', 'info', 'debug'] as const) procd.perform({ type: 'log.write', level, text: 'x' }, () => undefined);
  assert.deepEqual(out.splice(0), ['<3>x\n', '<4>x\n', '<6>x\n', '<7>x\n']);
  createLogPort({ foreground: true, wall: () => 0, write: (line) => out.push(line) }).perform({ type: 'log.write', level: 'warn', text: 'x' }, () => undefined);
  assert.deepEqual(out, ['1970-01-01T00:00:00.000Z warn  x\n']);
});

test('a line stays a line, and is cut', () => {
  const out: string[] = [];
  createLogPort({ foreground: false, write: (line) => out.push(line) }).perform({ type: 'log.write', level: 'info', text: `a\n<3>b\x1b[2J${'c'.repeat(5000)}` }, () => undefined);
  assert.equal(out[0]?.split('\n').length, 2);
  assert.ok(!out[0]?.includes('\x1b') && (out[0]?.length ?? 0) < 1000);
});
