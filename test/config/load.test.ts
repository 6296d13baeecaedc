import { test } from 'node:test';
import assert from 'node:assert/strict';
import { err, Secret } from '../../src/base/index.ts';
import { formatProblem, loadConfig, unreadableConfig, type ConnectionConfig } from '../../src/config/index.ts';
import { goldens, readFile, render, write } from './golden.ts';

for (const golden of goldens()) {
  test(`configuration golden ${golden.name}: ${golden.source.split('\n')[0]}`, () => {
    const got = render(loadConfig(golden.input, 'mobiked', readFile));
    if (process.env['GOLDEN'] === 'write') write(golden, got);
    else assert.equal(got, golden.expect);
  });
}

/** A connection that is right in every way, with more lines in its section. */
const good = (more = '', child = ''): string =>
  `config connection 'hq'\n\tlist remote_addrs '192.0.2.1'\n\toption psk 'sixteen octets!!'\n${more}\nconfig child 'lan'\n\toption connection 'hq'\n\tlist local_ts '192.168.1.0/24'\n\tlist remote_ts '10.0.0.0/8'\n${child}`;
const messages = (text: string): string[] => loadConfig(text, 'f', readFile).problems.map(formatProblem);

const pskOf = (connection: ConnectionConfig | undefined): Uint8Array | undefined => (connection?.auth.method === 'psk' ? connection.auth.psk.reveal() : undefined);

test('the smallest connection is right without a word', () => {
  const { config, problems, broken } = loadConfig(good(), 'f', readFile);
  assert.deepEqual([problems, broken], [[], []]);
  assert.equal(config.connections[0]?.children.length, 1);
  assert.deepEqual(pskOf(config.connections[0]), new TextEncoder().encode('sixteen octets!!'));
});

test('I2.15-2: keys: text, hex, Base64; short ones and bad codings are refused', () => {
  const psk = (value: string): Uint8Array | undefined => pskOf(loadConfig(good().replace('sixteen octets!!', value), 'f', readFile).config.connections[0]);
  assert.deepEqual(psk('0x000102030405060708090a0B0C0d0e0f'), Uint8Array.from({ length: 16 }, (_, i) => i));
  assert.deepEqual(psk(`0s${Buffer.from('sixteen octets!!x').toString('base64')}`), new Uint8Array(Buffer.from('sixteen octets!!x')));
  assert.deepEqual(psk('ünïcödé öctéts'), new Uint8Array(Buffer.from('ünïcödé öctéts')));
  assert.equal(psk('a'.repeat(64))?.length, 64);
  for (const bad of ['fifteen octets!', '0x00', '0x000102030405060708090a0b0c0d0e0', '0xzz0102030405060708090a0b0c0d0e0f', '0s****************************', '0sAAAAAAAAAAAAAAAAAAAAAAAAA']) assert.equal(psk(bad), undefined, bad);
});

test('a secret is in no message, whatever is wrong around it', () => {
  const secret = 'Tr0ub4dor';
  const texts = [
    good().replace('sixteen octets!!', secret),
    good().replace("'sixteen octets!!'", `${secret} x`),
    good().replace("'sixteen octets!!'", `'${secret}`),
    good().replace("'sixteen octets!!'", `'${secret}\n${secret}'`),
    good().replace("'sixteen octets!!'", `0x${secret}`),
    good().replace("'sixteen octets!!'", `${secret}#x`),
    good(`\toption psk_file '${secret}'\n`),
    good().replace('option psk', 'list psk').replace('config child', `list psk '${secret}'\nconfig child`),
    good().replace("option psk '", `option psk\n${secret}'`),
    good().replace('option psk', 'option pks').replace('sixteen octets!!', secret),
    `config mqtt 'm'\noption broker 'mqtt://user:${secret}@192.0.2.1'\noption password '${secret}'\n`,
    `config mqtt 'm'\noption broker 'mqtt://192.0.2.1'\noption password '${'x'.repeat(600)}${secret}'\n`,
    `config mqtt 'm'\noption broker 'mqtt://192.0.2.1'\nlist password '${secret}'\nlist password '${secret}'\n`,
    `config mqtt 'm'\noption broker 'mqtt://192.0.2.1'\noption password_file '${secret}'\n`,
  ];
  for (const text of texts) {
    const loaded = loadConfig(text, 'f', readFile);
    assert.ok(loaded.problems.length > 0, text);
    assert.ok(!loaded.problems.map(formatProblem).join('\n').includes(secret), text);
  }
});

test('a loaded config prints no secret', () => {
  const { config } = loadConfig(good(), 'f', readFile);
  const auth = config.connections[0]?.auth;
  assert.ok(auth?.method === 'psk' && auth.psk instanceof Secret);
  assert.ok(!JSON.stringify(config).includes('sixteen'));
});

test('traffic selectors: the right prefix is named, families must meet', () => {
  assert.deepEqual(messages(good().replace('192.168.1.0/24', '192.168.1.77/24')), ["f:7: error: child 'lan': option 'local_ts': '192.168.1.77/24' has host bits set; the prefix is 192.168.1.0/24"]);
  assert.deepEqual(messages(good().replace('10.0.0.0/8', '2001:db8::1/32')), ["f:8: error: child 'lan': option 'remote_ts': '2001:db8::1/32' has host bits set; the prefix is 2001:db8::/32"]);
  assert.match(messages(good().replace('10.0.0.0/8', '10.0.0.0/33'))[0] ?? '', /at most 32 bits/);
  assert.match(messages(good().replace('10.0.0.0/8', '2001:db8::/32'))[0] ?? '', /no address family in common/);
  assert.match(messages(good("\toption mtu '1000'\n", "\tlist local_ts 'fd00:1::/64'\n\tlist remote_ts 'fd00::/16'\n"))[0] ?? '', /below 1280/);
});

test('overlap of remote_ts is found between enabled connections only', () => {
  const two = (prefix: string, enabled = '1'): string => good() + good().replaceAll("'hq'", "'hub'").replace("'lan'", "'lan2'").replace('10.0.0.0/8', prefix).replace("\toption psk", `\toption enabled ${enabled}\n\toption psk`);
  assert.deepEqual(messages(two('10.1.0.0/16')), ["f:17: warning: child 'lan2': option 'remote_ts': '10.1.0.0/16' overlaps '10.0.0.0/8' of child 'lan' in connection 'hq'; only one of them can get the traffic"]);
  assert.equal(messages(two('0.0.0.0/0')).length, 1);
  assert.deepEqual(messages(two('10.1.0.0/16', '0')), []);
  assert.deepEqual(messages(two('11.0.0.0/8')), []);
  // The furthest-reaching earlier claim belongs to the same connection; the one behind it does not.
  const deep = `${good('', "\tlist remote_ts '172.16.0.0/12'\n").replace('10.0.0.0/8', '10.0.0.0/9')}${good().replaceAll("'hq'", "'hub'").replace("'lan'", "'lan2'").replace('10.0.0.0/8', '10.64.0.0/10')}`;
  assert.equal(messages(deep).length, 1);
});

test('a file that cannot be read is one problem', () => {
  assert.deepEqual(unreadableConfig('/etc/config/mobiked', 'No such file or directory').problems.map(formatProblem), ['/etc/config/mobiked:1: error: cannot be read: No such file or directory']);
});

test('F-3: echo_address is one address inside a child, of an initiator', () => {
  const load = (role: string, echo: string): { echo: unknown; told: string[] } => {
    const { config, problems } = loadConfig([
      'config connection hq', ` option role ${role}`, ' option psk 0123456789abcdef', ...(role === 'initiator' ? [' list remote_addrs 192.0.2.1'] : []), ` option echo_address ${echo}`,
      'config child lan', ' option connection hq', ' list local_ts 10.1.0.0/24', ' list local_ts fd00:1::/64', ' list remote_ts 10.2.0.0/24', ' list remote_ts fd00:2::/64',
    ].join('\n'), 'file', () => err('no files'));
    return { echo: config.connections[0]?.echoAddress, told: problems.map(formatProblem) };
  };
  assert.deepEqual(load('initiator', '10.2.0.1'), { echo: '10.2.0.1', told: [] });
  assert.deepEqual(load('initiator', 'fd00:2::1'), { echo: 'fd00:2::1', told: [] });
  for (const [role, wrong, why] of [['initiator', '10.3.0.1', /file:5: .*echo_address.*in no child's remote_ts/], ['initiator', 'server', /file:5: .*echo_address/], ['initiator', '10.2.0.0/24', /file:5: .*echo_address/], ['responder', '10.2.0.1', /file:4: .*is for the initiator/]] as const) {
    const { echo, told } = load(role, wrong);
    assert.equal(echo, undefined);
    assert.equal(told.length, 1);
    assert.match(told[0] ?? '', why);
  }
});
