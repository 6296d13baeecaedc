// The real daemon reports to two real brokers: one behind the tunnel, one on the Internet, through failovers and
// restarts of the brokers.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ADDRESS, Stream, UPLINKS, monotonic, startServer, type Namespace, type Running } from '../lab/index.ts';
import { DaemonLab, ENV, established, hubConf, moved, quiet, routerConf, systemProblem, until, type Daemon } from './daemon-lab.ts';

const problem = systemProblem('mosquitto', 'mosquitto_sub');
const options = { skip: problem ?? false, timeout: 90_000 };
const PORT = 7;
const BASE = 'mobiked/router';

interface Message {
  /** Monotonic ms, when the subscriber had it. */
  readonly at: number;
  readonly topic: string;
  readonly payload: string;
}

interface Reported {
  readonly boot_id: string;
  readonly seq: number;
  readonly type: string;
  readonly to_uplink?: string;
}

/** mosquitto on an address of a namespace, and a subscriber with a session that outlives the broker. */
class Site {
  readonly got: Message[] = [];
  readonly connects: string[] = [];
  readonly #namespace: Namespace;
  readonly #address: string;
  readonly #conf: string;
  #broker: Running | undefined;

  constructor(name: string, namespace: Namespace, address: string, dir: string) {
    this.#namespace = namespace;
    this.#address = address;
    const own = join(dir, `broker-${name}`);
    mkdirSync(own);
    this.#conf = join(own, 'mosquitto.conf');
    writeFileSync(this.#conf, [
      'user root', `listener 1883 ${address}`, 'allow_anonymous true', 'persistence true', `persistence_location ${own}/`, 'log_dest stderr', 'log_type all', '',
    ].join('\n'));
  }

  async start(): Promise<void> {
    const broker = this.#namespace.spawn(['mosquitto', '-c', this.#conf], { env: ENV });
    this.#broker = broker;
    broker.child.stderr?.on('data', (text: string) => {
      for (const [, from = ''] of text.matchAll(/New client connected from ([^ ]+) as mobiked-router /gu)) this.connects.push(from);
    });
    await until('mosquitto runs', () => broker.over || broker.lines.some((line) => line.includes('running')));
    assert.equal(broker.over, false, broker.lines.join('\n'));
  }

  /** As by the service manager: it saves its sessions. */
  async stop(): Promise<void> {
    await this.#broker?.stop('SIGTERM');
  }

  /** `mosquitto_sub` shares no code with us; it comes back by itself. */
  async subscribe(): Promise<void> {
    const subscriber = this.#namespace.spawn(['mosquitto_sub', '-h', this.#address, '-i', 'watcher', '-c', '-q', '1', '-t', `${BASE}/#`, '-F', '%t %p'], { env: ENV });
    subscriber.onLine = (line) => {
      const space = line.indexOf(' ');
      this.got.push({ at: monotonic(), topic: line.slice(0, space), payload: line.slice(space + 1) });
    };
    await until('the subscriber is there', () => this.#broker?.lines.some((line) => line.includes('SUBACK to watcher')));
  }

  /** What the broker keeps for a topic. */
  async retained(topic: string): Promise<string> {
    const { stdout } = await this.#namespace.exec(['mosquitto_sub', '-h', this.#address, '-t', topic, '-C', '1', '-W', '3'], '', ENV);
    return stdout.trim();
  }

  events(bootId?: string): Reported[] {
    const all = this.got.filter((m) => m.topic === `${BASE}/event`).map((m) => JSON.parse(m.payload) as Reported);
    return bootId === undefined ? all : all.filter((e) => e.boot_id === bootId);
  }

  availability(): string[] {
    return this.got.filter((m) => m.topic === `${BASE}/availability`).map((m) => m.payload);
  }

  /** When a subscriber had the report of a move to this uplink. */
  async reported(to: string, since: number, limit = 10_000): Promise<number> {
    const found = await until(`the report of the move to ${to}`, () => this.got.find((m) => m.at >= since && m.topic === `${BASE}/event` && m.payload.includes('"path.moved"') && m.payload.includes(`"to_uplink":"${to}"`)), limit);
    return found.at;
  }

  /** Every event of this boot came, in order, and a repeated one has its old number. */
  expectComplete(bootId: string, name: string): void {
    const seqs = this.events(bootId).map((e) => e.seq);
    const first = [...new Set(seqs)];
    assert.deepEqual(first, first.map((_, i) => i + 1), `${name}: lost or out of order`);
    console.log(`${name}: ${first.length} events, ${seqs.length - first.length} of them delivered again with their old number`);
  }
}

let lab: DaemonLab;
let router: Daemon;
let hub: Daemon;
let inside: Site;
let outside: Site;
let stream: Stream;
let boot = '';

before(async () => {
  if (problem !== undefined) return;
  lab = await new DaemonLab({ cloud: true }).open();
  assert.ok(lab.cloud);
  await startServer(lab.server, PORT);
  inside = new Site('inside', lab.server, ADDRESS.server, lab.dir);
  outside = new Site('outside', lab.cloud, ADDRESS.cloud, lab.dir);
  for (const site of [inside, outside]) {
    await site.start();
    await site.subscribe();
  }
  const mqtt = (name: string, address: string): string => `config mqtt '${name}'\n\toption broker 'mqtt://${address}'\n\toption interval '2'\n`;
  ({ router, hub } = await lab.both(routerConf({ more: `${mqtt('inside', ADDRESS.server)}\n${mqtt('outside', ADDRESS.cloud)}` }), hubConf()));
  stream = new Stream(lab.client, ADDRESS.server, PORT);
});
after(async () => {
  if (problem === undefined) await lab.close();
});

/** All events the daemon itself knows have reached the site. */
async function caughtUp(site: Site, name: string, limit = 20_000): Promise<void> {
  await until(`the events of ${name}`, async () => {
    const newest = (await lab.json<{ seq: number }[]>('router', 'events')).at(-1)?.seq ?? 0;
    return site.events(boot).some((e) => e.seq === newest);
  }, limit, 50);
}

test('online, state, uplinks, connection and events reach both brokers', options, async () => {
  boot = String((await lab.json('router', 'status'))['boot_id']);
  for (const [name, site] of [['inside', inside], ['outside', outside]] as const) {
    await until(`online at ${name}`, () => site.availability().includes('online'));
    await caughtUp(site, name);
    for (const topic of ['state', 'uplink/wan0', 'uplink/wwan0', 'connection/hq']) await until(`${topic} at ${name}`, () => site.got.some((m) => m.topic === `${BASE}/${topic}` && m.payload.startsWith('{')));
    site.expectComplete(boot, name);
  }
  assert.deepEqual(outside.connects.map((from) => from.split(':')[0]), [UPLINKS.wan0.public]);
});

test('address lost: the report of the failover goes out over the new path, the broker behind the tunnel keeps its connection', options, async () => {
  await stream.flowing(10, 0, 5000);
  const connects = inside.connects.length;
  const from = monotonic();
  await lab.loseAddress('wan0');
  const [in_, out] = await Promise.all([inside.reported('wwan0', from), outside.reported('wwan0', from)]);
  console.log(`address lost to the report at a subscriber: through the tunnel ${Math.round(in_ - from)} ms, over the new uplink ${Math.round(out - from)} ms`);
  assert.ok(in_ - from < 1000 && out - from < 2000);
  assert.equal(outside.connects.at(-1)?.split(':')[0], UPLINKS.wwan0.public);
  assert.equal(inside.connects.length, connects, 'TCP through the tunnel survives');
  await lab.connect('wan0');
  const back = monotonic();
  await until('wan0 is up again', async () => (await lab.ctl('router', 'switch', 'hq', 'wan0')).code === 0);
  await Promise.all([inside.reported('wan0', back), outside.reported('wan0', back)]);
  assert.equal(outside.connects.at(-1)?.split(':')[0], UPLINKS.wan0.public);
  assert.equal(inside.connects.length, connects);
});

test('black hole: the broker outside hears of it from the new uplink', options, async () => {
  const connects = inside.connects.length;
  const from = monotonic();
  await lab.blackHole('wan0', true);
  const at = await moved(router, 'wwan0', from, 10_000);
  const [in_, out] = await Promise.all([inside.reported('wwan0', from), outside.reported('wwan0', from)]);
  console.log(`black hole: moved after ${Math.round(at - from)} ms, report through the tunnel after ${Math.round(in_ - from)} ms, over the new uplink after ${Math.round(out - from)} ms`);
  assert.ok(in_ - at < 2000 && out - at < 2000);
  assert.equal(inside.connects.length, connects);
  await lab.blackHole('wan0', false);
  for (const site of [inside, outside]) assert.deepEqual([...new Set(site.availability())], ['online'], 'availability does not flap');
});

test('brokers stopped and started during failovers: no event is lost, none comes as new twice', options, async () => {
  const other = { wan0: 'wwan0', wwan0: 'wan0' } as const;
  let current: 'wan0' | 'wwan0' = 'wwan0';
  const move = async (): Promise<void> => {
    const from = monotonic();
    const to: 'wan0' | 'wwan0' = other[current];
    await until(`the way to ${to}`, async () => (await lab.ctl('router', 'switch', 'hq', to)).code === 0);
    await moved(router, to, from);
    current = to;
  };
  for (const [name, site] of [['inside', inside], ['outside', outside]] as const) {
    await site.stop();
    await move();
    await lab.loseAddress(current);
    const from = monotonic();
    await moved(router, other[current], from - 1000);
    await lab.connect(current);
    current = other[current];
    await site.start();
    const started = monotonic();
    await move();
    await caughtUp(site, name, 30_000);
    console.log(`${name} started again: all events there after ${Math.round(monotonic() - started)} ms`);
    site.expectComplete(boot, name);
  }
  await caughtUp(inside, 'inside');
  inside.expectComplete(boot, 'inside');
  for (const [name, site] of [['inside', inside], ['outside', outside]] as const) {
    // mosquitto that is stopped publishes all wills itself, whatever their delay; we say online again.
    assert.equal(site.availability().at(-1), 'online', name);
    assert.deepEqual([...new Set(site.events().map((e) => e.boot_id))], [boot], name);
  }
});

test('no uplink at all for a while: the report waits and arrives, availability does not flap', options, async () => {
  const said = [inside, outside].map((site) => site.availability().length);
  await lab.loseAddress('wan0');
  await lab.loseAddress('wwan0');
  await until('both are down', async () => (await lab.json<{ state: string }[]>('router', 'uplinks')).every((u) => u.state === 'down'));
  await quiet(1000);
  await lab.connect('wwan0');
  await lab.connect('wan0');
  const from = monotonic();
  await caughtUp(outside, 'outside', 30_000);
  await caughtUp(inside, 'inside', 30_000);
  for (const [at, site] of [inside, outside].entries()) assert.equal(site.availability().slice(said[at]).includes('offline'), false);
  console.log(`uplinks back: all events there after ${Math.round(monotonic() - from)} ms`);
  for (const [name, site] of [['inside', inside], ['outside', outside]] as const) site.expectComplete(boot, name);
});

test('SIGTERM leaves `offline` retained at both, behind every event; the next boot says online again', options, async () => {
  await stream.stop();
  const { code, ms } = await router.stop();
  console.log(`SIGTERM with two brokers: ended after ${Math.round(ms)} ms`);
  assert.equal(code, 0);
  assert.ok(ms < 2000);
  for (const [name, site] of [['inside', inside], ['outside', outside]] as const) {
    assert.equal(await site.retained(`${BASE}/availability`), 'offline', name);
    assert.equal(site.events(boot).at(-1)?.type, 'daemon.stopping', name);
    site.expectComplete(boot, name);
  }
  router = await lab.start('router');
  await established(router);
  for (const [name, site] of [['inside', inside], ['outside', outside]] as const) {
    await until(`online at ${name}`, () => site.availability().at(-1) === 'online');
    assert.equal(await site.retained(`${BASE}/availability`), 'online', name);
  }
  await router.stop();
  await hub.stop();
});
