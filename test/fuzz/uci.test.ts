import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { toUtf8 } from '../../src/base/index.ts';
import { configDifference, formatProblem, keepLastGood, loadConfig, parseUci, type ReadFile } from '../../src/config/index.ts';
import { parseBroker, parseIdentity, parsePsk, parseRemoteAddr, parseTrafficPrefix } from '../../src/config/values.ts';
import { parseProposal } from '../../src/config/index.ts';

/** Mulberry32: a seeded stream, so that a failure can be run again. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
}

const SEEDS = [
  readFileSync('files/etc/config/mobiked', 'utf8'),
  ...readdirSync('test/golden/config').map((name) => readFileSync(`test/golden/config/${name}`, 'utf8').split('-- Input --\n')[1]?.split('-- Expect --')[0] ?? ''),
];
/** What UCI text is made of, and what breaks it. */
const PIECES = [
  "config ", "option ", "list ", "package ", "connection ", "child ", "mqtt ", "uplink ", "mobiked ", "'hq'", "'", '"', '\\', '\n', '\r\n', '\0', '#', ';', ' ', '\t', "psk 'sixteen octets!!'\n",
  "remote_ts '10.0.0.0/8'\n", "local_ts '::/0'\n", "enabled '1'\n", "connection 'hq'\n", "broker 'mqtt://[::1]:99'\n", '__proto__ ', '\ud800', '\u{1f600}', '\u2028', '%any', '0x', '99999999999999999999', '/'.repeat(30),
];
const readFile: ReadFile = (path) => (path.length % 2 === 0 ? { ok: false, error: 'no' } : { ok: true, value: { octets: toUtf8(`${path}-----BEGIN CERTIFICATE-----\n`), worldReadable: true } });

function mutate(text: string, draw: () => number): string {
  let out = text;
  for (let edits = draw() % 8; edits >= 0; edits--) {
    const at = draw() % (out.length + 1);
    const span = draw() % 40;
    switch (draw() % 5) {
      case 0:
        out = out.slice(0, at) + out.slice(at + span);
        break;
      case 1:
        out = out.slice(0, at) + PIECES[draw() % PIECES.length] + out.slice(at);
        break;
      case 2:
        out = out.slice(0, at) + String.fromCharCode(draw() % 256) + out.slice(at + 1);
        break;
      case 3:
        out = out.slice(0, at) + out.slice(draw() % (out.length + 1)).slice(0, span) + out.slice(at);
        break;
      default:
        out = out.slice(0, at);
    }
  }
  return out.slice(0, 6000);
}

function check(text: string): void {
  const loaded = loadConfig(text, 'f', readFile);
  const lines = text.split('\n').length;
  let last = 0;
  for (const problem of loaded.problems) {
    assert.ok(problem.line >= last && problem.line <= lines, `line ${problem.line} of ${lines}`);
    last = problem.line;
    assert.ok(!formatProblem(problem).includes('\n'));
  }
  for (const connection of loaded.config.connections) {
    assert.ok(connection.children.length > 0 && connection.auth.method === 'psk' && connection.auth.psk.length >= 16);
    assert.ok(connection.role === 'responder' || connection.remoteAddrs.length > 0);
  }
  const { main, uplinks, connections, mqtt } = configDifference(loaded.config, keepLastGood(loaded.config, loaded));
  assert.deepEqual([main, connections, mqtt, uplinks], [undefined, [], [], []]);
}

test('UCI: 100,000 mutated and random texts: no throw, lines are right, what is kept is whole', () => {
  const draw = random(20261121);
  for (let i = 0; i < 100_000; i++) {
    let text = '';
    if (i % 2 === 0) text = mutate(SEEDS[i % SEEDS.length]?.slice(0, 1500) ?? '', draw);
    else for (let k = draw() % 30; k >= 0; k--) text += draw() % 8 === 0 ? String.fromCharCode(draw() % 65_536) : PIECES[draw() % PIECES.length];
    try {
      check(text);
    } catch (error) {
      throw new Error(`input ${i}: ${JSON.stringify(text)}`, { cause: error });
    }
  }
});

test('values of options: 100,000 texts: no throw', () => {
  const draw = random(7);
  const words = ['mqtt://', 'mqtts://', '[', ']', ':', '/', '.', '@', '#', '0x', '0s', '=', 'aes256gcm16', '-', 'prfsha256', 'x25519', '10.0.0.0', '2001:db8::', 'keyid:', 'fqdn:', 'a', '٣', '\0', '__proto__', '128'];
  for (let i = 0; i < 100_000; i++) {
    let text = '';
    for (let k = draw() % 8; k > 0; k--) text += words[draw() % words.length];
    parseBroker(text);
    parseIdentity(text);
    parsePsk(text);
    parseRemoteAddr(text);
    parseTrafficPrefix(text);
    parseProposal(text, i % 2 === 0 ? 'ike' : 'esp');
    parseUci(text);
  }
});
