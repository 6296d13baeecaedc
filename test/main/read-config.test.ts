import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromUtf8 } from '../../src/base/index.ts';
import { formatProblem } from '../../src/config/index.ts';
import { readConfig } from '../../src/main/read-config.ts';

let dir = '';
before(() => {
  dir = mkdtempSync(join(tmpdir(), 'mobiked-read-config-'));
});
after(() => rmSync(dir, { recursive: true, force: true }));

const put = (name: string, text: string | Uint8Array, mode = 0o600): string => {
  const path = join(dir, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
};
const connection = (pskFile: string): string => `config connection 'hq'
	list remote_addrs '203.0.113.1'
	option psk_file '${pskFile}'

config child 'lan'
	option connection 'hq'
	list local_ts '10.1.0.0/16'
	list remote_ts '10.2.0.0/16'
`;
const said = (path: string): string[] => readConfig(path).problems.map((problem) => formatProblem(problem).replaceAll(dir, ''));

test('a configuration and the key file that it names are read', () => {
  const path = put('good', connection(put('psk', 'correct horse battery staple\n')));
  const loaded = readConfig(path);
  assert.deepEqual(loaded.problems, []);
  const auth = loaded.config.connections[0]?.auth;
  assert.equal(fromUtf8(auth?.method === 'psk' ? auth.psk.reveal() : new Uint8Array()), 'correct horse battery staple');
});

test('a key that everybody can read is told, and used', () => {
  const loaded = readConfig(put('open', connection(put('open-psk', 'correct horse battery staple\n', 0o644))));
  assert.equal(loaded.config.connections.length, 1);
  assert.match(loaded.problems.map(formatProblem).join('\n'), /psk_file/);
});

test('a configuration that cannot be read is one problem, and never throws', () => {
  mkdirSync(join(dir, 'folder'));
  const large = put('large', '');
  truncateSync(large, 4_194_305);
  const rows: readonly (readonly [string, RegExp])[] = [
    [join(dir, 'absent'), /no such file/],
    [join(dir, 'folder'), /not a file/],
    [large, /larger than 4194304 octets/],
    [put('latin1', Uint8Array.of(0x23, 0xe4, 0x0a)), /not UTF-8/],
    [join(dir, 'good', 'below'), /ENOTDIR/],
    [`${dir}/nul\0`, /./],
  ];
  for (const [path, why] of rows) {
    const problems = said(path);
    assert.equal(problems.length, 1, path);
    assert.match(problems[0] ?? '', why);
    assert.deepEqual(readConfig(path).config.connections, []);
  }
});

test('a key file that cannot be read leaves its connection out and says why', () => {
  const path = put('no-key', connection(join(dir, 'nowhere')));
  assert.deepEqual(readConfig(path).config.connections, []);
  assert.match(said(path).join('\n'), /psk_file.*no such file/);
});
