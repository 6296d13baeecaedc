import { test } from 'node:test';
import assert from 'node:assert/strict';
import { parseOptions, USAGE, type DaemonOptions } from '../../src/main/options.ts';

const DEFAULTS: DaemonOptions = {
  config: '/etc/config/mobiked', ubus: '/var/run/ubus/ubus.sock', runDir: '/var/run/mobiked', stateDir: '/etc/mobiked', foreground: false, action: 'run',
};

test('no option is needed', () => {
  assert.deepEqual(parseOptions([]), { ok: true, value: DEFAULTS });
});

test('each option says one thing, with a blank or an equals sign; the last of two counts', () => {
  const rows: readonly (readonly [readonly string[], Partial<DaemonOptions>])[] = [
    [['--config', 'a b'], { config: 'a b' }],
    [['--config=x=y'], { config: 'x=y' }],
    [['--config=x', '--config', 'y'], { config: 'y' }],
    [['--ubus', '/s'], { ubus: '/s' }],
    [['--ubus', 'none'], { ubus: undefined }],
    [['--run-dir', 'r', '--state-dir=s'], { runDir: 'r', stateDir: 's' }],
    [['--foreground'], { foreground: true }],
    [['--check-config', '--config', '/c'], { action: 'check', config: '/c' }],
    [['--version'], { action: 'version' }],
    [['--check-config', '--version', '--help'], { action: 'help' }],
    [['--config', '--help'], { config: '--help' }],
  ];
  for (const [argv, more] of rows) assert.deepEqual(parseOptions(argv), { ok: true, value: { ...DEFAULTS, ...more } }, argv.join(' '));
});

test('what is not understood is named', () => {
  const rows: readonly (readonly [readonly string[], string])[] = [
    [['--confg', 'x'], "unknown option '--confg'"],
    [['file'], "unknown option 'file'"],
    [['-h'], "unknown option '-h'"],
    [[''], "unknown option ''"],
    [['--foreground=yes'], "unknown option '--foreground=yes'"],
    [['--config'], 'option --config needs a value'],
    [['--run-dir='], 'option --run-dir needs a value'],
  ];
  for (const [argv, error] of rows) assert.deepEqual(parseOptions(argv), { ok: false, error }, argv.join(' '));
});

test('the usage names every option and fits a terminal', () => {
  for (const name of ['--config FILE', '--ubus SOCKET', '--run-dir DIR', '--state-dir DIR', '--foreground', '--check-config', '--version', '--help']) assert.ok(USAGE.includes(`  ${name} `), name);
  assert.deepEqual(USAGE.split('\n').filter((line) => line.length > 100), []);
});
