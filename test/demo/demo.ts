/**
 * `make demo`: a router keeps a running session alive while its uplinks die under it. Real daemons, real kernel, a small
 * Internet between them; what happened, what mobiked decided and why, what the stream and an MQTT subscriber saw. The
 * last line is JSON.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { labProblem, monotonic } from '../lab/index.ts';
import { type Happened } from './follower.ts';
import { paint, rows, strip, wrap } from './picture.ts';
import { Stage, type SubscriberMessage } from './stage.ts';
import { AFTERMATH, STORIES, moved, play, type Measured, type Story } from './stories.ts';

interface EventResult {
  readonly name: string;
  readonly outage_ms: number;
  readonly lost: number;
  readonly update_sent_ms: number | null;
}

interface Verdict {
  ok: boolean;
  established_ms: number | null;
  events: EventResult[];
  error?: string;
}

/** What each event may cost: the figures of the README. */
const LIMITS: { readonly [name: string]: { readonly outage?: number; readonly lost?: number; readonly update?: number } } = {
  address_lost: { outage: 300, update: 50 }, better_returns: { lost: 0 }, black_hole: { outage: 6000 }, nat_rebinding: { outage: 6000 }, wan_gone: { outage: 300, update: 50 },
};
const ESTABLISHED_LIMIT = 1500;
const COLUMNS = 76;
/** Messages that the timeline shows; the subscriber sees them all. */
const SHOWN = ['path.moved', 'nat.mapping_changed'];
/** The whole play; longer means that something hangs. */
const PATIENCE = 85_000;

const colours = process.stdout.isTTY === true && process.env['NO_COLOR'] === undefined;
const { dim, bold, good, bad, actor } = paint(colours);
const out = (line = ''): void => void process.stdout.write(`${line}\n`);
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

class Demo {
  readonly #stage: Stage;
  readonly #verdict: Verdict = { ok: false, established_ms: null, events: [] };
  #zero = monotonic();
  #aborted = false;

  constructor(brokerScript: string) {
    this.#stage = new Stage({ brokerScript });
  }

  async run(): Promise<Verdict> {
    const stage = this.#stage;
    try {
      const patience = new Promise<never>((_, reject) => setTimeout(() => reject(new Error(`the play takes longer than ${PATIENCE / 1000} s`)), PATIENCE).unref());
      await Promise.race([this.#play(), patience]);
      await this.#close();
      const { events, established_ms } = this.#verdict;
      this.#verdict.ok = events.length === 5 && established_ms !== null && events.every((e) => this.#misses(e).length === 0) && this.#verdict.error === undefined;
    } catch (error) {
      if (this.#aborted) return new Promise(() => undefined); // the end of the process is on its way
      this.#verdict.error = error instanceof Error ? error.message : String(error);
      out(bad(`\nThe demo failed: ${this.#verdict.error}`));
      for (const daemon of [stage.router, stage.hub]) if (daemon) out(dim(`\nlast lines of ${daemon.name}:\n${daemon.lines.slice(-15).join('\n')}`));
      await stage.close().catch((problem: unknown) => out(bad(String(problem))));
    }
    return this.#verdict;
  }

  /** Ends everything in an orderly way when somebody stops the demo. */
  async abort(): Promise<void> {
    this.#aborted = true;
    await this.#stage.close().catch(() => undefined);
  }

  // ---- the play ----------------------------------------------------------------------------------------------------

  async #play(): Promise<void> {
    const stage = this.#stage;
    out(bold('mobiked: a session that survives its uplinks\n'));
    out(dim('  client ── router ═╦═ wan0   fibre ── NAT ─╮\n                    ╚═ wwan0  LTE ──── NAT ─┴─ Internet ── hub ── server\n'));
    await stage.open();
    this.#say('lab', `namespaces${stage.topology.namespaces.unprivileged ? ' of an unprivileged user' : ''}, two ISPs, 20 ms there and back; ubus, netifd and broker stand-ins run`);
    await stage.startHub();
    this.#say('hub', 'mobiked listens on 192.0.2.1');
    await stage.startRouter();
    stage.events.onEvent = (happened) => this.#told(happened);
    stage.onMessage = (message) => this.#heard(message);
    const established = await stage.events.wait('child.established', stage.startedAt, 10_000);
    if (!established) throw new Error('the tunnel was not established within 10 s');
    this.#verdict.established_ms = Math.round(established.at - stage.startedAt);
    this.#say('', `${good('tunnel up')} ${this.#verdict.established_ms} ms after the router's daemon was started`);
    stage.startStream();
    await stage.stream.flowing(25, 0, 5000);
    this.#say('client', 'a stream of 50 packets a second runs to the server and back');
    await sleep(1500);
    await this.#event(STORIES.addressLost);
    await this.#event(STORIES.betterReturns);
    await this.#event(STORIES.blackHole);
    this.#say('', bold('the fibre line works again'));
    const healed = monotonic();
    await stage.topology.blackHole('wan0', false);
    await moved(stage, 'wan0', healed, 40_000);
    // For two seconds after a move the hub takes ESP from elsewhere for late, and follows none.
    await sleep(AFTERMATH + 2000);
    await this.#event(STORIES.natRebinding);
    await this.#event(STORIES.wanGone);
  }

  async #event(story: Story): Promise<void> {
    out();
    this.#say('', bold(`${story.name}: ${story.text}`));
    const told = this.#stage.hub?.lines.length ?? 0;
    const measured = await play(this.#stage, story);
    for (const line of this.#stage.hub?.lines.slice(told) ?? []) if (line.includes('esp_roamed') && line.includes(': moved ')) this.#say('hub', line.slice(line.indexOf('hq: ')));
    const event: EventResult = { name: story.name, outage_ms: measured.stream.outageMs, lost: measured.stream.lost, update_sent_ms: measured.updateSentMs };
    this.#verdict.events.push(event);
    this.#show(event, measured);
  }

  #show(event: EventResult, { stream, since, until }: Measured): void {
    const misses = this.#misses(event);
    const numbers = `outage ${event.outage_ms} ms, ${event.lost} of ${stream.sent} packets lost${event.update_sent_ms === null ? '' : `, UPDATE_SA_ADDRESSES sent after ${event.update_sent_ms} ms`}`;
    this.#say('', misses.length === 0 ? good(numbers) : `${bad(numbers)}: ${misses.join(', ')}`);
    const from = since - 500;
    const step = until - from <= COLUMNS * 50 ? 50 : 200;
    for (const row of rows(strip(this.#stage.stream.packets, from, until, step), COLUMNS, step, from - since)) out(`${' '.repeat(17)} ${row}`);
  }

  #misses(event: EventResult): string[] {
    const limit = LIMITS[event.name] ?? {};
    return [
      ...(limit.outage !== undefined && event.outage_ms >= limit.outage ? [`outage should be below ${limit.outage} ms`] : []),
      ...(limit.lost !== undefined && event.lost > limit.lost ? [`${limit.lost} should be lost`] : []),
      ...(limit.update !== undefined && (event.update_sent_ms ?? Infinity) >= limit.update ? [`the update should leave within ${limit.update} ms`] : []),
    ];
  }

  async #close(): Promise<void> {
    const stage = this.#stage;
    out();
    const total = stage.stream.result();
    const { links } = await stage.topology.relay.stats();
    const clear = Object.values(links).reduce((sum, link) => sum + link.clear, 0);
    const memory = await stage.routerMemory();
    const first = stage.stream.packets[0]?.sentAt ?? 0;
    const last = stage.stream.packets[stage.stream.packets.length - 1]?.sentAt ?? first;
    out(`The stream as a whole: ${total.sent} packets, ${total.lost} lost  ${dim('(█ answered  ▄ in part  · not; half a second each)')}`);
    for (const row of rows(strip(stage.stream.packets, first, last, 500), COLUMNS, 500)) out(`  ${row}`);
    const codes = await stage.close();
    if (existsSync(stage.dir)) throw new Error(`${stage.dir} is left behind`);
    out();
    this.#say('lab', `both daemons ended (${codes.router}, ${codes.hub}), the router's used ${Math.round(memory / 1024)} MB; nothing is left behind`);
    this.#say('lab', clear === 0 ? good('no clear text crossed the Internet') : bad(`${clear} packets crossed the Internet in clear text`));
    if (clear > 0) this.#verdict.error = 'clear text on the Internet';
    if (codes.router !== 0 || codes.hub !== 0) this.#verdict.error = `a daemon ended with ${codes.router}, ${codes.hub}`;
    const established = this.#verdict.established_ms ?? 0;
    if (established >= ESTABLISHED_LIMIT) this.#say('', bad(`the tunnel should be up within ${ESTABLISHED_LIMIT} ms`));
  }

  // ---- the timeline ------------------------------------------------------------------------------------------------

  #say(who: string, text: string, at = monotonic()): void {
    out(`${dim(`${((at - this.#zero) / 1000).toFixed(2).padStart(6)} s`)} ${actor(who.padEnd(7))} ${text}`);
  }

  #told(happened: Happened): void {
    if (happened.event.type === 'config.loaded' || happened.event.type === 'daemon.stopping') return;
    this.#say('router', happened.text, happened.at);
  }

  #heard(message: SubscriberMessage): void {
    if (!message.topic.endsWith('/event') || !SHOWN.some((type) => message.payload.includes(`"${type}"`))) return;
    this.#say('mqtt', `a subscriber of ${message.topic} sees`, message.at);
    for (const line of wrap(message.payload, COLUMNS + 10)) out(`${' '.repeat(17)} ${dim(line)}`);
  }
}

async function main(): Promise<number> {
  const problem = labProblem();
  if (problem !== undefined) {
    out(`The demo cannot run here: ${problem}.`);
    out(JSON.stringify({ ok: false, established_ms: null, events: [], error: problem }));
    return 1;
  }
  const demo = new Demo(fileURLToPath(new URL('./broker-process.mjs', import.meta.url)));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      out(`\nstopped by ${signal}, clearing up`);
      void demo.abort().then(() => process.exit(130));
    });
  }
  const verdict = await demo.run();
  out();
  out(JSON.stringify(verdict));
  return verdict.ok ? 0 : 1;
}

process.exit(await main());
