import { test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inFolder, moved, run, withUci } from './shell.ts';

const GOLDEN = 'test/golden/openwrt/init-start.txt';
const SCRIPTS = ['init.d/mobiked', ...readdirSync('uci-defaults').map((name) => `uci-defaults/${name}`), 'files/usr/sbin/mobiked', 'files/usr/sbin/mobikectl'];

for (const script of SCRIPTS)
  test(`${script}: a shell reads it, it is executable, and has nothing only bash knows`, () => {
    run('sh', ['-n', script]);
    assert.ok(statSync(script).mode & 0o100);
    const text = readFileSync(script, 'utf8');
    for (const bashism of ['[[', 'function ', '&>', '<<<', 'source ', '$RANDOM', 'declare ']) assert.ok(!text.includes(bashism), bashism);
    assert.ok(text.startsWith('#!/bin/sh'));
  });

/** Stand-ins for rc.common and procd.sh: each call is one line. `config_get_bool` knows what OpenWrt's knows. */
const PROCD = `
for name in open_instance close_instance set_param append_param add_reload_trigger; do
  eval "procd_$name() { echo procd_$name \\"\\$@\\"; }"
done
config_load() { echo config_load "$@"; }
config_get_bool() {
  case "$MAIN_ENABLED" in 1|on|true|yes|enabled) eval "$1=1" ;; 0|off|false|no|disabled) eval "$1=0" ;; *) eval "$1=$4" ;; esac
  [ "$2 $3" = 'main enabled' ] || echo "asks for $2 $3"
}
start() { echo start; }
`;

function init(enabled: string, ...actions: readonly string[]): string[] {
  let lines: string[] = [];
  inFolder((root) => {
    mkdirSync(join(root, 'etc/mobiked/folder'), { recursive: true });
    writeFileSync(join(root, 'etc/mobiked/hq.psk'), 'secret');
    const script = `${PROCD}\n. ${moved('init.d/mobiked', root)}\n${actions.join('\n')}\n`;
    lines = run('sh', ['-eu', '-c', script], { env: { MAIN_ENABLED: enabled } }).replaceAll(root, '').split('\n').filter((line) => line !== '');
  });
  return lines;
}

test('init.d: what procd is told (golden)', () => {
  const expect = readFileSync(GOLDEN, 'utf8').split('-- Expect --\n')[1]?.split('\n').filter((line) => line !== '');
  assert.deepEqual(init('1', 'start_service', 'service_triggers'), expect);
});

for (const off of ['0', 'off', 'false', 'no', 'disabled'])
  test(`init.d: enabled '${off}': no instance, so that procd stops a running one`, () => assert.deepEqual(init(off, 'start_service'), ['config_load mobiked']));

test("init.d: without the option the daemon's own default counts: enabled", () => assert.equal(init('', 'start_service')[1], 'procd_open_instance'));
test('init.d: reload goes through start: procd compares, then signals, starts or stops', () => assert.deepEqual(init('1', 'reload_service'), ['start']));
test('init.d: the command line carries no secret and no option', () => {
  const text = readFileSync('init.d/mobiked', 'utf8');
  assert.equal(text.split('config_get').length - 1, 1);
  assert.ok(!text.includes('psk') && !text.includes('password'));
});

const FIREWALL = 'firewall.lan=zone\n';

test('uci-defaults: twice is as once: folder 0700, config 0600, one disabled rule, one commit', () => {
  inFolder((root) => {
    mkdirSync(join(root, 'etc/config'), { recursive: true });
    writeFileSync(join(root, 'etc/config/firewall'), '');
    writeFileSync(join(root, 'etc/config/mobiked'), '', { mode: 0o644 });
    const env = withUci(root, FIREWALL);
    const script = moved('uci-defaults/80-mobiked', root);
    const once = [1, 2].map(() => {
      run('sh', [script], { env });
      return readFileSync(join(root, 'uci.db'), 'utf8');
    });
    assert.equal(once[0], once[1]);
    assert.deepEqual(once[0]?.trim().split('\n'), [
      'firewall.lan=zone', 'firewall.mobiked_ike=rule', 'firewall.mobiked_ike.name=Allow-IKE-mobiked', 'firewall.mobiked_ike.src=wan', 'firewall.mobiked_ike.proto=udp',
      'firewall.mobiked_ike.dest_port=500 4500', 'firewall.mobiked_ike.target=ACCEPT', 'firewall.mobiked_ike.enabled=0',
      'firewall.mobiked_esp=rule', 'firewall.mobiked_esp.name=Allow-ESP-mobiked', 'firewall.mobiked_esp.src=wan', 'firewall.mobiked_esp.proto=esp',
      'firewall.mobiked_esp.target=ACCEPT', 'firewall.mobiked_esp.enabled=0',
    ]);
    assert.equal(readFileSync(join(root, 'uci.db.log'), 'utf8'), 'commit firewall\ncommit firewall\n');
    assert.equal(statSync(join(root, 'etc/mobiked')).mode & 0o777, 0o700);
    assert.equal(statSync(join(root, 'etc/config/mobiked')).mode & 0o777, 0o600);
  });
});

test('uci-defaults: a rule the user switched on stays as it is, and that for ESP is switched on with it', () => {
  inFolder((root) => {
    mkdirSync(join(root, 'etc/config'), { recursive: true });
    writeFileSync(join(root, 'etc/config/firewall'), '');
    const env = withUci(root, 'firewall.mobiked_ike=rule\nfirewall.mobiked_ike.enabled=1\n');
    run('sh', [moved('uci-defaults/80-mobiked', root)], { env });
    const rules = readFileSync(join(root, 'uci.db'), 'utf8').split('\n');
    assert.deepEqual(rules.slice(0, 3), ['firewall.mobiked_ike=rule', 'firewall.mobiked_ike.enabled=1', 'firewall.mobiked_esp=rule']);
    assert.ok(rules.includes('firewall.mobiked_esp.enabled=1'));
    run('sh', [moved('uci-defaults/80-mobiked', root)], { env });
    assert.equal(readFileSync(join(root, 'uci.db.log'), 'utf8'), 'commit firewall\n');
  });
});

test('uci-defaults: no firewall package, no rule', () => {
  inFolder((root) => {
    mkdirSync(join(root, 'etc'), { recursive: true });
    const env = withUci(root, '');
    run('sh', [moved('uci-defaults/80-mobiked', root)], { env });
    assert.equal(readFileSync(join(root, 'uci.db'), 'utf8'), '');
  });
});
