// Runs the package's shell scripts on a development machine: paths under /etc are moved into a folder of the test, and
// the functions and programs of OpenWrt are small stand-ins that record what they were asked.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import assert from 'node:assert/strict';

/** Makes a folder for one test and removes it after `body`. */
export function inFolder(body: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'mobiked-openwrt-'));
  try {
    body(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs a command; its standard output. Fails the test on another exit status than 0. */
export function run(command: string, args: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv; input?: string } = {}): string {
  const result = spawnSync(command, [...args], { encoding: 'utf8', env: { ...process.env, ...options.env }, cwd: options.cwd, input: options.input, maxBuffer: 1 << 28 });
  assert.equal(result.status, 0, `${command} ${args.join(' ')}: ${result.error?.message ?? result.stderr}`);
  return result.stdout;
}

/** A copy of a script whose `/etc/` is `root/etc/`. */
export function moved(script: string, root: string): string {
  const copy = join(root, `script-${script.replaceAll('/', '-')}`);
  writeFileSync(copy, readFileSync(script, 'utf8').replaceAll('/etc/', `${root}/etc/`));
  return copy;
}

/** `uci` over one flat file of KEY=VALUE lines: get, delete, commit, and a batch of set and commit. Logs commits. */
const UCI = `#!/bin/sh
[ "$1" = -q ] && shift
value() { sed -n "s/^$1=//p" "$UCI_DB"; }
assign() { grep -v "^\${1%%=*}=" "$UCI_DB" > "$UCI_DB.new"; echo "$1" >> "$UCI_DB.new"; mv "$UCI_DB.new" "$UCI_DB"; }
case "$1" in
get) [ -n "$(value "$2")" ] && value "$2" ;;
delete) grep -q "^$2[.=]" "$UCI_DB" || exit 1; grep -v "^$2[.=]" "$UCI_DB" > "$UCI_DB.new"; mv "$UCI_DB.new" "$UCI_DB" ;;
commit) echo "commit $2" >> "$UCI_DB.log" ;;
batch) while read -r verb rest; do case "$verb" in
  set) assign "$(echo "$rest" | tr -d "'")" ;;
  commit) echo "commit $rest" >> "$UCI_DB.log" ;;
  *) exit 1 ;;
  esac; done ;;
*) exit 1 ;;
esac
`;

/** Puts the stand-in for uci into \`root/bin\`; the environment that finds it. */
export function withUci(root: string, database: string): NodeJS.ProcessEnv {
  mkdirSync(join(root, 'bin'), { recursive: true });
  writeFileSync(join(root, 'bin/uci'), UCI);
  chmodSync(join(root, 'bin/uci'), 0o755);
  const file = join(root, 'uci.db');
  writeFileSync(file, database);
  writeFileSync(`${file}.log`, '');
  return { PATH: `${join(root, 'bin')}:${process.env['PATH'] ?? ''}`, UCI_DB: file };
}
