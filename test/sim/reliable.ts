/**
 * TCP as far as the simulator needs it: whole messages, in order, acknowledged, sent again with growing delays, given up
 * after the user time-out. What it is for: an MQTT session that survives a move of the tunnel, or dies with its uplink.
 */
import { fromUtf8, toUtf8 } from '../../src/base/index.ts';
import type { World } from './world.ts';

/** Characters of one segment: escaped twice they still fit into a packet. */
const SEGMENT = 500;
const FIRST_RTO = 300;
const MOST_RTO = 8000;
/** TCP_USER_TIMEOUT of the real adapter. */
const USER_TIMEOUT = 20_000;

type Segment =
  | { readonly kind: 'data'; readonly seq: number; readonly text: string; /** The message goes on in the next segment. */ readonly more: boolean }
  | { readonly kind: 'ack'; readonly seq: number }
  | { readonly kind: 'reset' };

export interface ChannelEnd {
  /** Hands octets to the network; it may lose them. */
  transmit(bytes: Uint8Array): void;
  message(text: string): void;
  closed(why: string): void;
}

export class Channel {
  readonly #world: World;
  readonly #end: ChannelEnd;
  readonly #prefix: Uint8Array;
  readonly #unacked: { seq: number; text: string; more: boolean }[] = [];
  #coming = '';
  #sendSeq = 0;
  #receiveSeq = 0;
  #since = 0;
  #rto = FIRST_RTO;
  #timer = 0;
  #open = true;

  /** @param prefix goes before every segment; the receiver strips as many octets. */
  constructor(world: World, end: ChannelEnd, prefix: Uint8Array) {
    this.#world = world;
    this.#end = end;
    this.#prefix = prefix;
  }

  get open(): boolean {
    return this.#open;
  }

  send(text: string): void {
    if (!this.#open) return;
    if (this.#unacked.length === 0) this.#since = this.#world.now;
    const idle = this.#unacked.length === 0;
    for (let at = 0; at === 0 || at < text.length; at += SEGMENT) {
      const entry = { seq: this.#sendSeq++, text: text.slice(at, at + SEGMENT), more: at + SEGMENT < text.length };
      this.#unacked.push(entry);
      this.#emit({ kind: 'data', ...entry });
    }
    if (idle) this.#arm();
  }

  receive(bytes: Uint8Array): void {
    if (!this.#open) return;
    const text = fromUtf8(bytes.subarray(this.#prefix.length));
    if (text === undefined) throw new Error('channel: not a segment');
    const segment = JSON.parse(text) as Segment;
    if (segment.kind === 'reset') return this.close('connection reset', false);
    if (segment.kind === 'ack') {
      while (this.#unacked[0] && this.#unacked[0].seq <= segment.seq) this.#unacked.shift();
      this.#since = this.#world.now;
      this.#rto = FIRST_RTO;
      this.#arm();
      return;
    }
    if (segment.seq === this.#receiveSeq) {
      this.#receiveSeq++;
      this.#emit({ kind: 'ack', seq: segment.seq });
      this.#coming += segment.text;
      if (segment.more) return;
      const whole = this.#coming;
      this.#coming = '';
      this.#end.message(whole);
    } else if (segment.seq < this.#receiveSeq) this.#emit({ kind: 'ack', seq: this.#receiveSeq - 1 });
  }

  /** Ends the channel; with `reset` the other side is told (once, unreliably). */
  close(why: string, reset: boolean): void {
    if (!this.#open) return;
    this.#open = false;
    if (reset) this.#emit({ kind: 'reset' });
    this.#end.closed(why);
  }

  #emit(segment: Segment): void {
    const text = toUtf8(JSON.stringify(segment));
    const bytes = new Uint8Array(this.#prefix.length + text.length);
    bytes.set(this.#prefix);
    bytes.set(text, this.#prefix.length);
    this.#end.transmit(bytes);
  }

  #arm(): void {
    const timer = ++this.#timer;
    if (this.#unacked.length === 0) return;
    this.#world.after(this.#rto, () => {
      const first = this.#unacked[0];
      if (!this.#open || timer !== this.#timer || !first) return;
      if (this.#world.now - this.#since >= USER_TIMEOUT) return this.close('connection timed out', false);
      for (const entry of this.#unacked) this.#emit({ kind: 'data', ...entry });
      this.#rto = Math.min(this.#rto * 2, MOST_RTO);
      this.#arm();
    });
  }
}
