import { test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { toUtf8 } from '../../src/base/index.ts';
import { formatProblem, loadConfig, parseUci, SECTIONS, type OptionTable, type ReadFile } from '../../src/config/index.ts';

const EXAMPLE = readFileSync('files/etc/config/mobiked', 'utf8');
/** A fresh router: no file but the ones the package depends on. */
const nothing: ReadFile = () => ({ ok: false, error: 'No such file or directory' });
const everything: ReadFile = (path) => ({ ok: true, value: { worldReadable: false, octets: toUtf8(contentOf(path)) } });

function contentOf(path: string): string {
  const label = path.endsWith('.key') ? 'PRIVATE KEY' : path.endsWith('.crl') ? 'X509 CRL' : path.endsWith('.crt') || path.endsWith('.pem') ? 'CERTIFICATE' : undefined;
  return label === undefined ? '0x000102030405060708090a0b0c0d0e0f' : `-----BEGIN ${label}-----\nMAA=\n-----END ${label}-----\n`;
}

const rows = Object.entries(SECTIONS).flatMap(([type, table]) => Object.entries(table as OptionTable).map(([name, row]) => ({ type, name, row })));

test('the options are those of the issue, plus block_on_stop and queue', () => {
  assert.deepEqual(Object.fromEntries(Object.entries(SECTIONS).map(([type, table]) => [type, Object.keys(table).join(' ')])), {
    mobiked: 'enabled log_level node_id',
    uplink: 'enabled interface device metric metered last_resort schedule keepalive bypass probe probe_quorum probe_interval',
    connection: 'enabled role remote_addrs local_addrs announce_addresses external_addresses verify_responder local_id remote_id auth remote_auth psk psk_file local_cert local_key remote_ca crl clock_grace tls_eku mobike uplink ike_proposal start_port nat_t dataplane ike_lifetime child_lifetime child_bytes child_packets reauth_time fragmentation request_vip pool pool_dns liveness echo_address mtu mtu_probe df copy_dscp ike_dscp allowed_prefixes denied_prefixes strict_sources update_rate return_routability rr_hold rr_interval esp_roaming responder_switch responder_switch_any block_on_stop',
    child: 'connection local_ts remote_ts esp_proposal',
    mqtt: 'enabled broker ca username password password_file topic_prefix interval via queue',
  });
});

test('every row has a help text, and a default, an example or limits', () => {
  for (const { type, name, row } of rows) {
    const what = `${type}.${name}`;
    assert.ok(row.help.length > 10, what);
    assert.ok(!row.help.endsWith('.'), `${what}: help is a phrase`);
    assert.ok(row.fields.length > 0, `${what} sets something`);
    const said = row.schema.default !== undefined || row.example !== undefined || row.schema.type === 'integer' || row.secret === true || name === 'username';
    assert.ok(said, `${what} has neither default nor example`);
  }
});

test('the compiled checks are fresh (make gen)', () => {
  execFileSync(process.execPath, ['src/config/gen.mjs', '--check'], { stdio: ['ignore', 'ignore', 'inherit'] });
});

test('the compiled checks stand alone and hold no regular expression', () => {
  const code = readFileSync('src/config/generated/validate.js', 'utf8');
  for (const banned of ['require(', 'import ', 'RegExp', '.test(', 'eval', 'new Function']) assert.ok(!code.includes(banned), banned);
});

test('the example file is right on a fresh router and has nothing enabled', () => {
  const { config, problems } = loadConfig(EXAMPLE, '/etc/config/mobiked', nothing);
  assert.deepEqual(problems.map(formatProblem), []);
  assert.equal(config.main.enabled, false);
  assert.equal(config.uplinks, undefined);
  assert.ok([...config.connections, ...config.mqtt].every((section) => !section.enabled));
});

test('the example file shows every option once in its section, and the right defaults', () => {
  const shown = parseUci(EXAMPLE.split('\n').map((line) => (/^#(\t(option|list) |config )/.test(line) ? line.slice(1) : line)).join('\n'));
  assert.deepEqual(shown.problems, []);
  for (const { type, name, row } of rows) {
    const here = shown.sections.filter((section) => section.type === type).flatMap((section) => section.options.get(name) ?? []);
    const secret = row.secret === true && EXAMPLE.includes(`#\toption ${name} ''\n`);
    assert.ok(here.length > 0 || secret, `${type}.${name} is not in the example`);
    const commented = EXAMPLE.includes(`#\toption ${name} `) || EXAMPLE.includes(`#\tlist ${name} `);
    const { default: preset } = row.schema;
    if (!commented || preset === undefined || name === 'enabled' || name === 'metered') continue;
    const written = here.map((option) => option.values.map((value) => value.text).join(' '));
    const wanted = Array.isArray(preset) ? preset : [preset === true ? '1' : preset === false ? '0' : String(preset)];
    assert.ok(written.includes(wanted.join(' ')), `${type}.${name} shows its default`);
  }
});

test('the example works when all of it is switched on', () => {
  const on = EXAMPLE.split('\n').map((line) => (/^#(\t(option|list) |config )/.test(line) ? line.slice(1) : line)).join('\n').replaceAll("enabled '0'", "enabled '1'");
  const { config, problems } = loadConfig(on, '/etc/config/mobiked', everything);
  assert.deepEqual(problems.map(formatProblem), []);
  assert.equal(config.main.enabled, true);
  assert.deepEqual([config.uplinks?.length, config.connections.length, config.connections[0]?.children.length, config.mqtt.length], [2, 2, 1, 1]);
});

test('the example holds no secret', () => {
  for (const section of parseUci(EXAMPLE).sections) for (const name of ['psk', 'password']) assert.equal(section.options.has(name), false);
});
