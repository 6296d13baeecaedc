import { test } from 'node:test';
import assert from 'node:assert/strict';
import { instant, type Instant } from '../../src/base/index.ts';
import type { Turn } from '../../src/daemon/context.ts';
import { UdpPorts } from '../../src/daemon/udp-ports.ts';

const EADDRINUSE = 98;

test('a port that somebody holds is told once, asked for again every 10 s, and forgotten when it opens', () => {
  const said: string[] = [];
  let now = instant(1000);
  const turn = {
    get now(): Instant {
      return now;
    },
    emit: (effect: { type: string }) => said.push(effect.type), record: (event: { type: string }) => said.push(event.type), log: (level: string, text: string) => said.push(`${level} ${text}`),
  } as unknown as Turn;
  const ports = new UdpPorts();
  ports.open(turn);
  for (const port of [500, 4500]) ports.on({ type: 'udp.failed', port, family: 4, errno: EADDRINUSE }, turn);
  ports.on({ type: 'udp.opened', port: 500, family: 6 }, turn);
  const words = (port: number): string => `error UDP port ${port} (IPv4) is in use: does another IKE daemon run?; trying again every 10 s`;
  assert.deepEqual(said.splice(0), ['udp.open', words(500), 'kernel.failed', words(4500), 'kernel.failed']);
  assert.deepEqual([ports.deadline, ports.problem], [11_000, words(500).slice(6)]);
  now = instant(10_999);
  ports.tick(turn);
  assert.deepEqual(said, []);
  now = instant(11_000);
  ports.tick(turn);
  assert.deepEqual([said.splice(0), ports.deadline], [['udp.open'], undefined]);
  ports.on({ type: 'udp.failed', port: 4500, family: 4, errno: EADDRINUSE }, turn);
  ports.on({ type: 'udp.opened', port: 500, family: 4 }, turn);
  assert.deepEqual([said, ports.deadline, ports.problem], [[], 21_000, words(4500).slice(6)]);
});
