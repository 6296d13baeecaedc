/** A client behind one host sends numbered UDP packets to a server behind another, which sends them back. */
import { ByteReader, ByteWriter, type Endpoint, type Millis } from '../../src/base/index.ts';
import type { SimHost } from './host.ts';
import { CLEAR_MARK, buildInner } from './packet.ts';

const UDP = 17;
/** An answer later than this does not count. */
const ANSWER_LIMIT = 2000;

export interface StreamOptions {
  readonly from: SimHost;
  readonly client: Endpoint;
  readonly to: SimHost;
  readonly server: Endpoint;
  /** Packets a second; default 50. */
  readonly rate?: number;
  /** Payload octets; default 100. */
  readonly size?: number;
}

export interface StreamResult {
  readonly sent: number;
  readonly answered: number;
  /** Packets without an answer. */
  readonly lost: number;
  /** Answers that came a second time. */
  readonly duplicated: number;
  /** Longest gap between answered packets, by send time, minus one interval. */
  readonly outage: Millis;
}

export class EchoStream {
  readonly #options: StreamOptions;
  #interval: number;
  readonly #sentAt: number[] = [];
  readonly #answered: boolean[] = [];
  #duplicated = 0;
  /** Highest number that came to the server, and back to the client. */
  readonly #highest = { there: -1, back: -1 };
  /** In which order the server answered. */
  readonly #turns = new Map<number, number>();
  /** Packets that came after one that was sent later, on each way. */
  readonly overtaken = { there: 0, back: 0 };
  /** Counts starts: what an earlier one left waiting sends nothing. */
  #run = 0;
  #running = false;

  constructor(options: StreamOptions) {
    this.#options = options;
    this.#interval = 1000 / (options.rate ?? 50);
    options.to.listenInner(UDP, options.server, (packet, reply) => {
      this.#order('there', packet.payload);
      reply(packet.payload);
    });
    options.from.listenInner(UDP, options.client, (packet) => this.#answer(packet.payload));
  }

  start(): this {
    this.#running = true;
    this.#send(++this.#run);
    return this;
  }

  stop(): this {
    this.#running = false;
    return this;
  }

  /** Packets a second from now on. */
  set rate(rate: number) {
    this.#interval = 1000 / rate;
    if (this.#running) this.start();
  }

  /** True when the packet sent last but one has been answered, or later ones. */
  get flowing(): boolean {
    return this.#answered.slice(-Math.max(2, Math.ceil(200 / this.#interval))).some((a) => a);
  }

  /** Index of the next packet: a mark for `result`. */
  get mark(): number {
    return this.#sentAt.length;
  }

  /** What became of the packets from mark `from` up to `to`. Ask when the answers of the last ones have had time to come. */
  result(from = 0, to = this.#sentAt.length): StreamResult {
    let last = from > 0 ? (this.#sentAt[from - 1] ?? 0) : this.#sentAt[from] ?? 0;
    let gap = this.#interval;
    let answered = 0;
    for (let i = from; i < to; i++) {
      if (!this.#answered[i]) continue;
      answered++;
      gap = Math.max(gap, (this.#sentAt[i] ?? 0) - last);
      last = this.#sentAt[i] ?? 0;
    }
    const end = this.#sentAt[to - 1] ?? 0;
    gap = Math.max(gap, end - last);
    return { sent: to - from, answered, lost: to - from - answered, duplicated: this.#duplicated, outage: (gap - this.#interval) as Millis };
  }

  #send(run: number): void {
    if (!this.#running || run !== this.#run) return;
    const { from, client, server, size = 100 } = this.#options;
    const payload = new ByteWriter().bytes(CLEAR_MARK).u32(this.#sentAt.length);
    payload.zeros(Math.max(0, size - payload.length));
    this.#sentAt.push(from.world.now);
    this.#answered.push(false);
    from.fromInside(buildInner({ protocol: UDP, source: client, destination: server, payload: payload.finish() }));
    from.world.after(this.#interval, () => this.#send(run));
  }

  #order(way: 'there' | 'back', payload: Uint8Array): void {
    const number = new ByteReader(payload, CLEAR_MARK.length).u32();
    if (way === 'there') this.#turns.set(number, this.#turns.size);
    const turn = way === 'there' ? number : (this.#turns.get(number) ?? 0);
    if (turn < this.#highest[way]) this.overtaken[way]++;
    else this.#highest[way] = turn;
  }

  #answer(payload: Uint8Array): void {
    this.#order('back', payload);
    const reader = new ByteReader(payload, CLEAR_MARK.length);
    const number = reader.u32();
    const sentAt = this.#sentAt[number];
    if (reader.failed || sentAt === undefined || this.#options.from.world.now - sentAt > ANSWER_LIMIT) return;
    if (this.#answered[number]) this.#duplicated++;
    this.#answered[number] = true;
  }
}
