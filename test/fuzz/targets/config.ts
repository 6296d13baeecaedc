import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { toUtf8 } from '../../../src/base/index.ts';
import { configDifference, formatProblem, keepLastGood, loadConfig, parseProposal, type ReadFile } from '../../../src/config/index.ts';
import { parseBroker, parseIdentity, parsePsk, parseRemoteAddr, parseTrafficPrefix } from '../../../src/config/values.ts';
import type { Target } from '../target.ts';

/** Files a configuration may name: half of them cannot be read. */
const readFile: ReadFile = (path) => (path.length % 2 === 0 ? { ok: false, error: 'no' } : { ok: true, value: { octets: toUtf8(`${path}-----BEGIN CERTIFICATE-----\n`), worldReadable: true } });

/** Texts of configurations: the one that ships, and every golden. */
export function uciTexts(): string[] {
  return [
    readFileSync('files/etc/config/mobiked', 'utf8'),
    ...readdirSync('test/golden/config').sort().map((name) => readFileSync(`test/golden/config/${name}`, 'utf8').split('-- Input --\n')[1]?.split('-- Expect --')[0] ?? ''),
  ];
}

/** What holds for every text: problems are in order and on a line there is, what is kept can run, and a reload of the same changes nothing. */
export function checkUci(text: string): void {
  const loaded = loadConfig(text, 'f', readFile);
  const lines = text.split('\n').length;
  let last = 0;
  for (const problem of loaded.problems) {
    assert.ok(problem.line >= last && problem.line <= lines, `line ${problem.line} of ${lines}`);
    last = problem.line;
    assert.ok(!formatProblem(problem).includes('\n'));
  }
  for (const connection of loaded.config.connections) {
    assert.ok(connection.children.length > 0);
    assert.ok(connection.role === 'responder' || connection.remoteAddrs.length > 0);
  }
  const { main, uplinks, connections, mqtt } = configDifference(loaded.config, keepLastGood(loaded.config, loaded));
  assert.deepEqual([main, connections, mqtt, uplinks], [undefined, [], [], []]);
}

const VALUES = ['mqtts://[2001:db8::1]:8883', '0x3132', '0sYWJj', 'aes256gcm16-prfsha256-x25519', '10.0.0.0/8', '2001:db8::/32', 'keyid:616263', 'fqdn:a.example', 'hub.example', '@#00ff'];

export const CONFIG_TARGETS: readonly Target[] = [
  {
    name: 'uci', most: 700, short: 160, parser: true,
    // Sections apart: a long text costs as much as many short ones.
    seeds: () => uciTexts().flatMap((text) => [text.slice(0, 700), ...text.split(/^(?=config )/m).map((section) => section.slice(0, 700))]).map(toUtf8),
    run: (input) => checkUci(new TextDecoder().decode(input)),
  },
  {
    name: 'config-values', most: 100, parser: true,
    seeds: () => VALUES.map(toUtf8),
    run(input) {
      const text = new TextDecoder().decode(input);
      parseBroker(text);
      parseIdentity(text);
      parsePsk(text);
      parseRemoteAddr(text);
      parseTrafficPrefix(text);
      parseProposal(text, 'ike');
      parseProposal(text, 'esp');
    },
  },
];
