// What daemons hold after much traffic, many moves and much nonsense from strangers: as much as before.
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
let hub: Daemon;

before(async () => {
  if (problem !== undefined) return;
  // Without delay the tunnel is the limit.
  lab = await new DaemonLab({ rttMs: 0, cloud: true }).open();
  await startServer(lab.server, PORT);
  ({ router, hub } = await lab.both());
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

/** Datagrams of a stranger to both IKE ports: random octets, headers of IKE with random payloads, ESP with random SPIs, beginnings of IKE_SA_INIT. */
const STRANGER = `
const { randomBytes, randomInt } = require('crypto'), socket = require('dgram').createSocket('udp4');
const [, address, count] = process.argv;
let sent = 0;
const ike = (exchange, flags, body) => { const h = Buffer.alloc(28); randomBytes(8).copy(h, 0); if (exchange !== 34) randomBytes(8).copy(h, 8); h[16] = randomInt(60); h[17] = 0x20; h[18] = exchange; h[19] = flags; h.writeUInt32BE(exchange === 34 ? 0 : randomInt(5), 20); h.writeUInt32BE(28 + body.length, 24); return Buffer.concat([h, body]); };
const kinds = [
  () => [500, randomBytes(randomInt(1, 200))],
  () => [4500, randomBytes(randomInt(1, 1400))],
  () => [500, ike(34, 8, randomBytes(randomInt(300)))],
  () => [4500, Buffer.concat([Buffer.alloc(4), ike([34, 35, 36, 37][randomInt(4)], [0, 8, 32, 40][randomInt(4)], randomBytes(randomInt(400)))])],
];
const more = () => { for (let i = 0; i < 20 && sent < Number(count); i++, sent++) { const [port, bytes] = kinds[sent % kinds.length](); socket.send(bytes, port, address); } if (sent < Number(count)) setTimeout(more, 2); else setTimeout(() => process.exit(0), 200); };
more();
`;

test('40,000 datagrams of a stranger change nothing at the hub', { skip: problem ?? false, timeout: 120_000 }, async () => {
  assert.ok(lab.cloud);
  const attack = (count: number): Promise<string> => (lab.cloud ?? lab.hub).run([process.execPath, '-e', STRANGER, ADDRESS.hub, String(count)]);
  const keys = async (): Promise<string> => JSON.stringify((await lab.json<{ ike: { spi_i: string }; children: { spi_in: string }[] }[]>('hub', 'connections')).map((c) => [c.ike.spi_i, c.children.map((child) => child.spi_in)]));
  const same = await keys();
  await attack(10_000);
  const rss = hub.rss();
  const fds = hub.fds();
  const events = hub.events.events.length;
  await attack(30_000);
  console.log(`hub after 10,000 datagrams of a stranger ${(rss / 1024).toFixed(1)} MB, after 40,000 ${(hub.rss() / 1024).toFixed(1)} MB`);
  assert.ok(hub.rss() - rss < BREATH);
  assert.ok(hub.fds() <= fds);
  assert.equal(await keys(), same);
  assert.equal(hub.events.events.length, events, 'no events for strangers');
  assert.ok((await flood(lab.client, ADDRESS.server, PORT, { seconds: 1, size: 1000, window: 16 })).answered > 100);
});
