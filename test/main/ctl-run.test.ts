import { test } from 'node:test';
import assert from 'node:assert/strict';
import { COMMANDS } from '../../src/codec/control/index.ts';
import { parseCommandLine, usage } from '../../src/main/ctl-run.ts';

const request = (...argv: string[]): unknown => {
  const parsed = parseCommandLine(argv);
  if (!parsed.ok) return parsed.error;
  const line = parsed.value;
  return line.kind === 'request' ? [line.socket, line.json, line.request.command, line.request.args, line.request.follow] : line.kind;
};
const SOCKET = '/var/run/mobiked/mobiked.sock';

test('command lines', () => {
  assert.deepEqual(request('status'), [SOCKET, false, 'status', {}, false]);
  assert.deepEqual(request('--json', 'status'), [SOCKET, true, 'status', {}, false]);
  assert.deepEqual(request('status', '--json', '--socket', '/x'), ['/x', true, 'status', {}, false]);
  assert.deepEqual(request('--socket=/x', 'events', '--follow'), ['/x', false, 'events', {}, true]);
  assert.deepEqual(request('--follow', 'events'), [SOCKET, false, 'events', {}, true]);
  assert.deepEqual(request('switch', 'hq', 'wan'), [SOCKET, false, 'switch', { connection: 'hq', uplink: 'wan' }, false]);
  for (const line of [['switch', 'hq', 'wan', '--for', '2h'], ['--for=2h', 'switch', 'hq', 'wan'], ['switch', '--for', '2h', 'hq', 'wan']])
    assert.deepEqual(request(...line), [SOCKET, false, 'switch', { connection: 'hq', uplink: 'wan', for: '2h' }, false], line.join(' '));
  assert.deepEqual(request('explain'), [SOCKET, false, 'explain', {}, false]);
  assert.deepEqual(request('explain', 'hq'), [SOCKET, false, 'explain', { connection: 'hq' }, false]);
  assert.deepEqual(request('up', '--', '--hq'), [SOCKET, false, 'up', { name: '--hq' }, false]);
  assert.deepEqual([request('--help'), request('-h', 'nonsense'), request('status', '--version')], ['help', 'help', 'version']);
});

test('usage errors', () => {
  for (const argv of [[], ['--json'], ['frobnicate'], ['toString'], ['status', 'x'], ['up'], ['up', 'a', 'b'], ['up', ''], ['switch', 'hq'], ['status', '--follow'], ['events', '-follow'], ['--frob', 'status'], ['switch', 'hq', 'wan', '2h'], ['switch', 'hq', 'wan', '--for'], ['switch', 'hq', 'wan', '--for='], ['status', '--for', '2h'], ['switch', 'hq', '--for', '2h'], ['status', '--socket'], ['--socket=', 'status']]) {
    assert.equal(typeof request(...argv), 'string', argv.join(' '));
    assert.ok(!['help', 'version'].includes(String(request(...argv))), argv.join(' '));
  }
});

test('the help names every command and is no wider than a terminal', () => {
  for (const [name, { args }] of Object.entries(COMMANDS)) {
    const row = usage().split('\n').find((line) => line.startsWith(`  ${name} `));
    assert.ok(row, name);
    for (const arg of args) assert.ok('option' in arg ? usage().includes(`  --${arg.name} ${arg.option} `) : row.includes(arg.name.toUpperCase()), `${name} ${arg.name}`);
  }
  for (const line of usage().split('\n')) assert.ok(line.length <= 80, line);
});
