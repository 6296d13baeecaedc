import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { instant } from '../../src/base/index.ts';
import { SoftEsp } from '../../src/esp/index.ts';
import { nodeCrypto } from '../../src/adapters/node/crypto.ts';
import { EspTwins } from '../adapters/node/esp-twins.ts';
import { ESP_SUITES, keyOf, packet, path, random, sa, testEntropy, ts, udp } from '../esp/fixtures.ts';

const COUNT = 100_000;
const here = [ts('10.1.0.0/16')];
const there = [ts('10.2.0.0/16')];

test(`ES2-1: ${COUNT} random and mutated datagrams into the C plane and its model: no throw, no difference, no growth`, () => {
  const draw = random(77);
  const twins = new EspTwins();
  const peer = new SoftEsp(nodeCrypto(), { entropy: testEntropy() });
  const now = instant(1);
  const from = path('192.0.2.1', '198.51.100.9');
  for (const [i, suite] of ESP_SUITES.entries()) {
    const common = { handle: i + 1, spi: 0x1001 + i, key: keyOf(i, suite.octets), esn: i % 2 === 0, suite };
    twins.apply(() => ({ type: 'esp.sa.add', sa: sa({ ...common, direction: 'in', local: there, remote: here }) }));
    peer.apply({ type: 'esp.sa.add', sa: sa({ ...common, direction: 'out', local: here, remote: there }) }, now);
  }
  peer.apply({ type: 'esp.path.set', encapsulation: 'udp', bundle: 1, path: from, mtu: 1400 }, now);
  let through = 0;
  let before = 0;
  let valid = new Uint8Array(64);
  for (let i = 0; i < COUNT; i++) {
    if (i === COUNT / 4) before = process.memoryUsage().rss;
    if (i % 5 === 0) {
      peer.apply({ type: 'esp.sa.use', handle: 1 + draw(ESP_SUITES.length) }, now);
      valid = (peer.outbound(packet('10.1.0.1', '10.2.0.1', 17, udp(1, 2, draw(80))), now)[0]?.bytes ?? valid).slice();
    }
    const bytes = i % 5 === 0 && draw(2) === 0 ? valid : mutated(valid, draw);
    if (twins.inbound(from, bytes)) through++;
  }
  const grown = process.memoryUsage().rss - before;
  const { drops } = twins.compareReports();
  assert.ok(through > COUNT / 12, `${through} valid ones went through all the while`);
  for (const cause of ['malformed', 'unknown_spi', 'replay', 'icv', 'keepalive']) assert.ok((drops[cause] ?? 0) > 0, JSON.stringify(drops));
  assert.ok(grown < 48 << 20, `grew by ${grown} octets`);
  twins.close();
});

function mutated(valid: Uint8Array, draw: (below: number) => number): Uint8Array {
  const kind = draw(8);
  if (kind === 0) return new Uint8Array(draw(200)).map(() => draw(256));
  if (kind === 1) return new Uint8Array(draw(4)).fill(255);
  if (kind === 2) return valid.subarray(0, draw(valid.length + 1));
  const bytes = valid.slice();
  if (kind === 3) return bytes.fill(draw(256), draw(bytes.length));
  if (kind === 4) return new Uint8Array([...bytes, ...new Uint8Array(draw(40))]);
  for (let n = draw(4) + 1; n > 0; n--) bytes[kind === 5 ? draw(16) : draw(bytes.length)] = draw(256);
  return bytes;
}

test('ES2-1: the same for the C alone under AddressSanitizer and UBSan', (context) => {
  const made = spawnSync('make', ['native-asan'], { encoding: 'utf8' });
  if (made.status !== 0) return context.skip(`cannot build with the sanitizers: ${made.stderr.trim().split('\n').at(-1) ?? ''}`);
  for (const seed of [1, 2, 3]) {
    const run = spawnSync('build/asan/esp-plane', [String(COUNT), String(seed)], { encoding: 'utf8' });
    assert.equal(run.status, 0, `seed ${seed}: ${run.stdout}${run.stderr}`);
  }
});
