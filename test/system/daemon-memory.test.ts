// What a router's daemon holds after much traffic and many moves: as much as before.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { ADDRESS, flood, monotonic, startServer } from '../lab/index.ts';
import { DaemonLab, moved, systemProblem, until, type Daemon } from './daemon-lab.ts';

const problem = systemProblem();
const PORT = 7;
const ROUNDS = 4;
const MOVES = 15;
const PACKETS = 200_000;
/** What V8's heap breathes, kB. */
const BREATH = 12_000;

let lab: DaemonLab;
let router: Daemon;

before(async () => {
  if (problem !== undefined) return;
  // Without delay the tunnel is the limit.
  lab = await new DaemonLab({ rttMs: 0 }).open();
  await startServer(lab.server, PORT);
  ({ router } = await lab.both());
});
after(async () => {
  if (problem === undefined) await lab.close();
});

async function packets(): Promise<number> {
  const [first] = await lab.json<{ children: { rx_packets: number; tx_packets: number }[] }[]>('router', 'connections');
  return (first?.children[0]?.rx_packets ?? 0) + (first?.children[0]?.tx_packets ?? 0);
}

test('200,000 packets and 60 moves: neither memory nor descriptors grow', { skip: problem ?? false, timeout: 120_000 }, async () => {
  const seen: { rss: number; fds: number }[] = [];
  let total = 0;
  let rates = 0;
  let now: 'wan0' | 'wwan0' = 'wan0';
  for (let round = 0; round < ROUNDS; round++) {
    const start = await packets();
    const traffic = async (): Promise<void> => {
      do rates = Math.max(rates, (await flood(lab.client, ADDRESS.server, PORT, { seconds: 1, size: 1000, window: 48 })).rate);
      while ((await until('a report', packets)) - start < PACKETS / ROUNDS);
    };
    const moves = async (): Promise<void> => {
      for (let i = 0; i < MOVES; i++) {
        const from = monotonic();
        now = now === 'wan0' ? 'wwan0' : 'wan0';
        await until(`the way to ${now}`, async () => (await lab.ctl('router', 'switch', 'hq', now)).code === 0);
        await moved(router, now, from);
      }
    };
    await Promise.all([traffic(), moves()]);
    total += (await packets()) - start;
    seen.push({ rss: router.rss(), fds: router.fds() });
  }
  console.log(`${total} packets, ${ROUNDS * MOVES} moves, up to ${Math.round(rates)} echoes a second; resident memory after each round: ${seen.map((s) => `${(s.rss / 1024).toFixed(1)} MB`).join(', ')}; descriptors ${seen.map((s) => s.fds).join(', ')}`);
  assert.ok(total >= PACKETS);
  const [first] = seen;
  const last = seen.at(-1);
  assert.ok(first && last);
  assert.ok(last.rss - first.rss < BREATH, `memory grew by ${last.rss - first.rss} kB`);
  assert.ok(last.fds <= first.fds, `descriptors: ${first.fds}, then ${last.fds}`);
});
