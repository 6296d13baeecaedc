import { test } from 'node:test';
import assert from 'node:assert/strict';
import { COMMANDS, type CommandDef } from '../../../src/codec/control/index.ts';

test('the commands are those of the issue, with their arguments', () => {
  const shown = Object.entries(COMMANDS as { readonly [name: string]: CommandDef }).map(([name, { args, flags }]) => [name, ...args.map((arg) => (arg.option !== undefined ? `[--${arg.name} ${arg.option}]` : arg.optional ? `[${arg.name}]` : arg.name)), ...flags.map((flag) => `--${flag}`)].join(' '));
  assert.deepEqual(shown, ['status', 'uplinks', 'connections', 'events --follow', 'explain [connection]', 'up name', 'down name', 'switch connection uplink [--for TIME]', 'switch-peers addr [name]', 'rekey name', 'reload']);
});

test('optional arguments come last, every command has a help text', () => {
  for (const { args, help } of Object.values(COMMANDS as { readonly [name: string]: CommandDef })) {
    const optional = args.map((arg) => arg.optional === true);
    assert.deepEqual(optional, [...optional].sort());
    assert.ok(help.length > 10 && !help.endsWith('.'));
  }
});
