import { test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inFolder, run, withUci } from './shell.ts';

const VERSION = (JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }).version;
const RECIPE = readFileSync('package/mobiked/Makefile', 'utf8');

/** Inputs of the right shape: two bundles, and the header of an x86-64 shared object. */
function inputs(folder: string): { lib: string; addon: string } {
  const lib = join(folder, 'lib');
  mkdirSync(lib);
  writeFileSync(join(lib, 'mobiked.mjs'), '// the daemon\n'.repeat(1000));
  writeFileSync(join(lib, 'mobikectl.mjs'), '// the client\n');
  const elf = Buffer.alloc(4096, 'addon');
  elf.write('\x7fELF\x02\x01\x01', 0, 'latin1');
  elf.writeUInt16LE(3, 16);
  elf.writeUInt16LE(62, 18);
  const addon = join(folder, 'mobiked.node');
  writeFileSync(addon, elf);
  return { lib, addon };
}

function makeIpk(folder: string, from: { lib: string; addon: string }, out: string, epoch = '1700000000', umask = '022'): string {
  run('sh', ['-c', `umask ${umask}; exec node package/make-ipk.mjs --lib "$1" --addon "$2" --out "$3"`, 'sh', from.lib, from.addon, join(folder, out)], { env: { SOURCE_DATE_EPOCH: epoch, TZ: umask === '022' ? 'UTC' : 'Asia/Tokyo' } });
  return join(folder, out, `mobiked_${VERSION}_x86_64.ipk`);
}

/** \`-rwxr-xr-x 0/0 path\` of every member, as tar itself reads the archive; and that all have one time. */
function list(archive: string, epoch: string): string[] {
  const lines = run('tar', ['--full-time', '--numeric-owner', '--utc', '-tvzf', archive]).trim().split('\n').map((line) => line.split(/ +/));
  for (const words of lines) assert.equal(Date.parse(`${words[3]}T${words[4]}Z`) / 1000, Number(epoch));
  return lines.map((words) => `${words[0]} ${words[1]} ${words[5]}`);
}

const DATA = [
  'drwxr-xr-x 0/0 ./', 'drwxr-xr-x 0/0 ./etc/', 'drwxr-xr-x 0/0 ./etc/config/', '-rw------- 0/0 ./etc/config/mobiked', 'drwxr-xr-x 0/0 ./etc/init.d/', '-rwxr-xr-x 0/0 ./etc/init.d/mobiked',
  'drwx------ 0/0 ./etc/mobiked/', 'drwxr-xr-x 0/0 ./etc/uci-defaults/', '-rwxr-xr-x 0/0 ./etc/uci-defaults/80-mobiked',
  'drwxr-xr-x 0/0 ./lib/', 'drwxr-xr-x 0/0 ./lib/upgrade/', 'drwxr-xr-x 0/0 ./lib/upgrade/keep.d/', '-rw-r--r-- 0/0 ./lib/upgrade/keep.d/mobiked',
  'drwxr-xr-x 0/0 ./usr/', 'drwxr-xr-x 0/0 ./usr/lib/', 'drwxr-xr-x 0/0 ./usr/lib/mobiked/', '-rw-r--r-- 0/0 ./usr/lib/mobiked/mobikectl.mjs', '-rw-r--r-- 0/0 ./usr/lib/mobiked/mobiked.mjs',
  '-rwxr-xr-x 0/0 ./usr/lib/mobiked/mobiked.node', 'drwxr-xr-x 0/0 ./usr/sbin/', '-rwxr-xr-x 0/0 ./usr/sbin/mobikectl', '-rwxr-xr-x 0/0 ./usr/sbin/mobiked',
];

function unpack(ipk: string, into: string): string {
  mkdirSync(into, { recursive: true });
  run('tar', ['-xzf', ipk, '-C', into]);
  for (const part of ['data', 'control']) {
    mkdirSync(join(into, part));
    run('tar', ['-xpzf', join(into, `${part}.tar.gz`), '-C', join(into, part)]);
  }
  return into;
}

test('ipk: built twice, with another umask and time zone, it is the same to the byte', () => {
  inFolder((folder) => {
    const from = inputs(folder);
    const hash = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');
    const first = hash(makeIpk(folder, from, 'one'));
    chmodSync(from.addon, 0o600);
    assert.equal(hash(makeIpk(folder, from, 'two', '1700000000', '077')), first);
    assert.notEqual(hash(makeIpk(folder, from, 'three', '1700000001')), first);
  });
});

test('ipk: three members in order, numeric owners, one time, the modes of the target', () => {
  inFolder((folder) => {
    const ipk = makeIpk(folder, inputs(folder), 'out');
    const unpacked = unpack(ipk, join(folder, 'unpacked'));
    assert.deepEqual(list(ipk, '1700000000'), ['-rw-r--r-- 0/0 ./debian-binary', '-rw-r--r-- 0/0 ./data.tar.gz', '-rw-r--r-- 0/0 ./control.tar.gz']);
    assert.equal(readFileSync(join(unpacked, 'debian-binary'), 'utf8'), '2.0\n');
    assert.deepEqual(list(join(unpacked, 'data.tar.gz'), '1700000000'), DATA);
    assert.deepEqual(list(join(unpacked, 'control.tar.gz'), '1700000000').slice(1), ['-rw-r--r-- 0/0 ./conffiles', '-rw-r--r-- 0/0 ./control', '-rwxr-xr-x 0/0 ./postinst', '-rwxr-xr-x 0/0 ./prerm', '-rwxr-xr-x 0/0 ./prerm-pkg']);
    for (const [file, source] of [['etc/init.d/mobiked', 'init.d/mobiked'], ['etc/config/mobiked', 'files/etc/config/mobiked'], ['usr/sbin/mobiked', 'files/usr/sbin/mobiked']] as const)
      assert.equal(readFileSync(join(unpacked, 'data', file), 'utf8'), readFileSync(source, 'utf8'));
    for (const name of ['ipk', 'data', 'control'] as const) {
      const header = readFileSync(name === 'ipk' ? ipk : join(unpacked, `${name}.tar.gz`)).subarray(0, 8);
      assert.deepEqual([...header.subarray(0, 4), header.readUInt32LE(4)], [0x1f, 0x8b, 8, 0, 0], 'gzip without name and time');
    }
  });
});

test('ipk: control fields in order, conffiles, kept folder, nothing secret world-readable', () => {
  inFolder((folder) => {
    const unpacked = unpack(makeIpk(folder, inputs(folder), 'out'), join(folder, 'unpacked'));
    const control = readFileSync(join(unpacked, 'control/control'), 'utf8');
    const fields = control.split('\n').filter((line) => line !== '' && !line.startsWith(' '));
    assert.deepEqual(fields.map((line) => line.split(':')[0]), [
      'Package', 'Version', 'Depends', 'Source', 'SourceName', 'License', 'LicenseFiles', 'Section', 'SourceDateEpoch', 'URL', 'Maintainer', 'Architecture', 'Installed-Size', 'Description',
    ]);
    const value = (name: string): string | undefined => fields.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
    assert.equal(value('Version'), `${VERSION}-r1`);
    assert.equal(value('Depends'), 'libc, node, kmod-tun');
    assert.equal(value('Architecture'), 'x86_64');
    assert.equal(Number(value('Installed-Size')), Number(run('sh', ['-c', 'gzip -dc "$1" | wc -c', 'sh', join(unpacked, 'data.tar.gz')])));
    assert.equal(readFileSync(join(unpacked, 'control/conffiles'), 'utf8'), '/etc/config/mobiked\n');
    assert.equal(readFileSync(join(unpacked, 'data/lib/upgrade/keep.d/mobiked'), 'utf8'), '/etc/mobiked/\n');
    assert.equal(statSync(join(unpacked, 'data/etc/config/mobiked')).mode & 0o077, 0);
    assert.equal(statSync(join(unpacked, 'data/etc/mobiked')).mode & 0o077, 0);
    for (const script of ['postinst', 'prerm', 'prerm-pkg']) run('sh', ['-n', join(unpacked, 'control', script)]);
  });
});

for (const [upgrade, root, left] of [['', '', ''], ['1', '', 'firewall.mobiked_ike=rule\n'], ['', '/image', 'firewall.mobiked_ike=rule\n']] as const)
  test(`prerm: our firewall rule goes on removal only (PKG_UPGRADE='${upgrade}', IPKG_INSTROOT='${root}')`, () => {
    inFolder((folder) => {
      const unpacked = unpack(makeIpk(folder, inputs(folder), 'out'), join(folder, 'unpacked'));
      const env = { ...withUci(folder, 'firewall.mobiked_ike=rule\n'), PKG_UPGRADE: upgrade, IPKG_INSTROOT: root };
      run('sh', [join(unpacked, 'control/prerm-pkg')], { env });
      run('sh', [join(unpacked, 'control/prerm-pkg')], { env });
      assert.equal(readFileSync(join(folder, 'uci.db'), 'utf8'), left);
    });
  });

for (const [why, spoil] of [
  ['is no ELF file', (elf: Buffer) => elf.fill(0, 0, 4)],
  ['is not for x86-64', (elf: Buffer) => elf.writeUInt16LE(183, 18)],
  ['is linked against glibc', (elf: Buffer) => elf.write('GLIBC_2.34', 1000)],
] as const)
  test(`make-ipk refuses an addon that ${why}`, () => {
    inFolder((folder) => {
      const from = inputs(folder);
      const elf = readFileSync(from.addon);
      spoil(elf);
      writeFileSync(from.addon, elf);
      const result = spawnSync('node', ['package/make-ipk.mjs', '--lib', from.lib, '--addon', from.addon, '--out', folder], { encoding: 'utf8' });
      assert.equal(result.status, 1);
      assert.ok(result.stderr.includes(why), result.stderr);
      assert.ok(!existsSync(join(folder, `mobiked_${VERSION}_x86_64.ipk`)));
    });
  });

test('recipe: version of package.json, indentation as reviewers want it, literal names', () => {
  assert.ok(RECIPE.includes(`\nPKG_VERSION:=${VERSION}\n`));
  assert.ok(!RECIPE.includes('Package/$(PKG_NAME)') && RECIPE.includes('$(eval $(call BuildPackage,mobiked))'));
  const block = (name: string): string[] => new RegExp(`^define ${name}\n([^]*?)^endef$`, 'm').exec(RECIPE)?.[1]?.trimEnd().split('\n') ?? [];
  for (const line of [...block('Package/mobiked'), ...block('Package/mobiked/description')]) assert.match(line, /^ {2}\S/);
  for (const line of [...block('Package/mobiked/install'), ...block('Build/Compile')]) assert.match(line, /^\t+\S/);
  for (const line of [...block('Package/mobiked/conffiles'), ...block('Package/mobiked/prerm')]) assert.match(line, /^\S/);
});

/** The release tarball, made from stand-in bundles. */
function makeDist(folder: string, lib: string, out: string): string {
  run('node', ['package/make-dist.mjs', '--lib', lib, '--out', join(folder, out)], { env: { SOURCE_DATE_EPOCH: '1700000000' } });
  return join(folder, out, `mobiked-${VERSION}.tar.xz`);
}

test('release tarball: twice the same, and everything the recipe takes is in it', () => {
  inFolder((folder) => {
    const { lib } = inputs(folder);
    const first = makeDist(folder, lib, 'a');
    assert.deepEqual(readFileSync(first), readFileSync(makeDist(folder, lib, 'b')));
    const members = run('tar', ['-tJf', first]).split('\n');
    const sources = [...RECIPE.matchAll(/\$\(INSTALL_\w+\) \$\(PKG_BUILD_DIR\)\/(\S+)/g)].map((match) => match[1]).filter((source) => source !== 'lib/mobiked.node');
    assert.ok(sources.length >= 7);
    for (const source of sources) assert.ok(members.includes(`mobiked-${VERSION}/${source}`), source);
  });
});

const noMusl = spawnSync('musl-gcc', ['--version']).status === 0 ? false : 'musl-gcc is not installed (Debian: musl-tools)';

test('release tarball: the addon compiles from it as the recipe does it', { skip: noMusl }, () => {
  inFolder((folder) => {
    run('tar', ['-xJf', makeDist(folder, inputs(folder).lib, 'a'), '-C', folder]);
    const top = join(folder, `mobiked-${VERSION}`);
    // The SDK's toolchain has kernel headers; Debian's musl-gcc is lent those of the machine.
    const headers = join(folder, 'kernel');
    mkdirSync(headers);
    run('sh', ['-c', 'cd "$1"; ln -s /usr/include/linux /usr/include/asm-generic .; ln -s "$(ls -d /usr/include/*/asm /usr/include/asm 2>/dev/null | head -n 1)" asm', 'sh', headers]);
    run('sh', ['-c', 'cd "$1" && musl-gcc -O2 -std=gnu11 -D_GNU_SOURCE -fPIC -fvisibility=hidden -Inative/include -idirafter "$2" -shared -o mobiked.node native/*.c', 'sh', top, headers]);
    assert.ok(!readFileSync(join(top, 'mobiked.node')).includes('GLIBC_'));
  });
});

const hasPackageTarget = /^package:/m.test(readFileSync('Makefile', 'utf8')) || /^package:/m.test(existsSync('package/package.mk') ? readFileSync('package/package.mk', 'utf8') : '');

test('make package: the real package: its programs say PKG_VERSION, its addon needs musl only', { skip: hasPackageTarget ? false : 'the Makefile has no `package` target' }, () => {
  run('make', ['package']);
  inFolder((folder) => {
    const unpacked = unpack(`build/mobiked_${VERSION}_x86_64.ipk`, join(folder, 'unpacked'));
    for (const name of ['mobiked', 'mobikectl']) assert.equal(run('node', [join(unpacked, `data/usr/lib/mobiked/${name}.mjs`), '--version'], { cwd: folder }), `${VERSION}\n`);
    const bundle = statSync(join(unpacked, 'data/usr/lib/mobiked/mobiked.mjs')).size;
    assert.ok(bundle < 700_000, `bundle: ${bundle} octets`);
    const paths = run('sh', ['-c', 'grep -rl "$1" "$2" || true', 'sh', process.cwd(), join(unpacked, 'data')]);
    assert.equal(paths, '', 'no build paths in the package');
    const before = readFileSync(`build/mobiked_${VERSION}_x86_64.ipk`);
    run('node', ['package/make-ipk.mjs', '--out', folder]);
    assert.deepEqual(readFileSync(join(folder, `mobiked_${VERSION}_x86_64.ipk`)), before);
  });
});
