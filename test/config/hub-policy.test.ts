import { test } from 'node:test';
import assert from 'node:assert/strict';
import { err, ip } from '../../src/base/index.ts';
import { configDifference, loadConfig } from '../../src/config/index.ts';

const load = (role: string, ...lines: string[]): ReturnType<typeof loadConfig> =>
  loadConfig([
    'config connection hq', ` option role ${role}`, ' option psk 0123456789abcdef', ...(role === 'initiator' ? [' list remote_addrs 192.0.2.1'] : []), ...lines.map((line) => ` ${line}`),
    'config child lan', ' option connection hq', ' list local_ts 10.2.0.0/24', ' list remote_ts 10.1.0.0/24',
  ].join('\n'), 'file', () => err('no files'));

test('M3.5-12 M3.7-1 M3.7-9: the defaults: from everywhere, shown before ESP turns, never again without a move', () => {
  const { config, problems } = load('responder');
  assert.deepEqual(problems, []);
  assert.deepEqual(config.connections[0]?.moves, { allowed: [], denied: [], strictSources: false, updateRate: 60, routability: 'before', hold: 'continue', roaming: 'port', recheck: undefined });
});

test('M3.5-12: every option of it, and a reload takes it over without touching a session', () => {
  const loaded = load('responder', 'list allowed_prefixes 198.51.100.0/24', 'list allowed_prefixes 2001:db8::/32', 'list denied_prefixes 198.51.100.7', 'option strict_sources 1', 'option update_rate 5', 'option return_routability off', 'option rr_interval 2m', 'option esp_roaming full');
  assert.deepEqual(loaded.problems, []);
  assert.deepEqual(loaded.config.connections[0]?.moves, {
    allowed: [{ address: ip('198.51.100.0'), length: 24 }, { address: ip('2001:db8::'), length: 32 }], denied: [{ address: ip('198.51.100.7'), length: 32 }],
    strictSources: true, updateRate: 5, routability: 'off', hold: 'continue', roaming: 'full', recheck: 120_000,
  });
  const [change] = configDifference(load('responder').config, loaded.config).connections;
  assert.deepEqual([change?.how, change?.options], ['live', ['allowed_prefixes', 'denied_prefixes', 'strict_sources', 'update_rate', 'return_routability', 'rr_interval', 'esp_roaming']]);
});

test('M3.5-12: on a router they are refused with their line; host bits and an option without effect are told', () => {
  const router = load('initiator', 'option update_rate 5', 'list denied_prefixes 10.0.0.0/8');
  assert.deepEqual(router.problems.map((p) => [p.severity, p.line, p.option]), [['error', 5, 'update_rate'], ['error', 6, 'denied_prefixes']]);
  const wrong = load('responder', 'list allowed_prefixes 198.51.100.1/24', 'option return_routability off', 'option rr_hold drop');
  assert.deepEqual(wrong.problems.map((p) => [p.severity, p.line, p.option]), [['error', 4, 'allowed_prefixes'], ['warning', 6, 'rr_hold']]);
});

test('R-4: responder_switch is off, private or a number that no RFC has given a meaning; whether to any address is for the router to say', () => {
  const by = (role: string, ...lines: string[]): unknown => load(role, ...lines).config.connections[0]?.responderSwitch;
  assert.deepEqual(by('responder'), { by: undefined, anyAddress: false });
  assert.deepEqual(by('responder', 'option responder_switch private'), { by: 'private', anyAddress: false });
  assert.deepEqual(by('initiator', 'option responder_switch 51333', 'option responder_switch_any 1'), { by: 51_333, anyAddress: true });
  for (const value of ['on', '16444', '65536', '999999', '-1']) assert.deepEqual(load('responder', `option responder_switch '${value}'`).problems.map((p) => [p.severity, p.line, p.option]), [['error', 4, 'responder_switch']], value);
  for (const value of ['16445', '65535']) assert.deepEqual(load('responder', `option responder_switch ${value}`).problems, []);
  assert.deepEqual(load('responder', 'option responder_switch private', 'option responder_switch_any 1').problems.map((p) => [p.severity, p.option]), [['warning', 'responder_switch_any']]);
  const [change] = configDifference(load('responder').config, load('responder', 'option responder_switch private').config).connections;
  assert.deepEqual([change?.how, change?.options], ['reconnect', ['responder_switch']]);
});

test('X-14: a selector that is the router\'s outer address, or the hub\'s, is refused with its line: a move would change the policy', () => {
  const router = (connection: readonly string[], child: readonly string[], role = 'initiator'): readonly unknown[] => loadConfig([
    'config connection hq', ` option role ${role}`, ' option psk 0123456789abcdef', ' list remote_addrs 192.0.2.1', ' list local_addrs 198.51.100.7', ' list local_addrs 2001:db8::7', ...connection.map((line) => ` ${line}`),
    'config child lan', ' option connection hq', ...child.map((line) => ` ${line}`),
  ].join('\n'), 'file', () => err('no files')).problems.map((p) => [p.severity, p.line, p.option]);
  assert.deepEqual(router([], ['list local_ts 10.1.0.0/24', 'list local_ts 198.51.100.7/32', 'list remote_ts 10.2.0.0/24']), [['error', 10, 'local_ts']]);
  assert.deepEqual(router([], ['list local_ts 2001:db8::7', 'list local_ts 10.1.0.1', 'list remote_ts 192.0.2.1', 'list remote_ts 2001:db8:1::/48']), [['error', 9, 'local_ts'], ['error', 11, 'remote_ts']]);
  const host = ['list local_ts 198.51.100.7', 'list remote_ts 10.2.0.0/24'];
  assert.deepEqual(router(['option mobike 0'], host), [], 'what never moves may');
  assert.deepEqual(router([], host, 'responder'), [], 'a hub does not move by itself');
  assert.deepEqual(router([], ['list local_ts 198.51.100.0/24', 'list remote_ts 10.2.0.0/24']), [], 'a network that holds it is none of this');
});
