import { test } from 'node:test';
import assert from 'node:assert/strict';
import { createLogPort } from '../../../src/adapters/node/log.ts';

const LEVELS = ['error', 'warn', 'info', 'debug'] as const;

test('the system log gets severities; without one procd sees warnings on stderr and the rest on stdout; a terminal sees time and level', () => {
  const out: string[] = [];
  const sys = createLogPort({ foreground: false, syslog: (severity, text) => out.push(`${severity} ${text}`) });
  for (const level of LEVELS) sys.perform({ type: 'log.write', level, text: 'x' }, () => undefined);
  assert.deepEqual(out.splice(0), ['3 x', '4 x', '6 x', '7 x']);
  const plain = createLogPort({ foreground: false, write: (fd, line) => out.push(`${fd} ${line}`) });
  for (const level of LEVELS) plain.perform({ type: 'log.write', level, text: 'x' }, () => undefined);
  assert.deepEqual(out.splice(0), ['2 x\n', '2 x\n', '1 x\n', '1 x\n']);
  createLogPort({ foreground: true, syslog: () => assert.fail(), wall: () => 0, write: (fd, line) => out.push(`${fd} ${line}`) }).perform({ type: 'log.write', level: 'warn', text: 'x' }, () => undefined);
  assert.deepEqual(out, ['2 1970-01-01T00:00:00.000Z warn  x\n']);
});

test('a line stays a line, and is cut', () => {
  const out: string[] = [];
  createLogPort({ foreground: false, write: (_fd, line) => out.push(line) }).perform({ type: 'log.write', level: 'info', text: `a\n<3>b\x1b[2J${'c'.repeat(5000)}` }, () => undefined);
  assert.equal(out[0]?.split('\n').length, 2);
  assert.ok(!out[0]?.includes('\x1b') && (out[0]?.length ?? 0) < 1000);
});
