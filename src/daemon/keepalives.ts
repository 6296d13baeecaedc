import { after, keepNewest, millis, minutes, type Instant, type Json, type JsonObject, type Millis, type UplinkFacts } from '../base/index.ts';
import { parseJsonObject } from '../codec/control/index.ts';
import type { IkeEvent, IkeInput } from '../ike/index.ts';
import type { InputOf } from '../ports/index.ts';
import { KeepaliveLearner, type KeepaliveView } from '../uplink/index.ts';
import type { Turn } from './context.ts';

/** What is learned in one go, twenty minutes of silence, is written once; flash wears. */
const SAVE_AFTER: Millis = minutes(15);
const SAVE_PAUSE: Millis = minutes(120);
/** Connections whose last silence waits for the data plane's word. */
const SILENCES_MOST = 256;
/** Version of the stored document. */
const FORMAT = 1;

export interface KeepalivesHost {
  readonly turn: Turn;
  ike(input: IkeInput): void;
}

/** What the data plane says of a chain when it was asked. */
interface Polled {
  readonly chain: number;
  readonly lastInbound: Instant | undefined;
  readonly lastAny: Instant | undefined;
}

type Seen = Extract<IkeEvent, { type: 'mapping.seen' }>;

/** NAT keepalives of all uplinks: what IKE sees of mappings goes to the learner, its intervals to IKE, what it learned to the store. */
export class Keepalives {
  readonly #host: KeepalivesHost;
  readonly #learner = new KeepaliveLearner();
  #facts: readonly UplinkFacts[] = [];
  /** What IKE was told, by uplink. */
  readonly #told = new Map<string, string>();
  /** Silences not believed yet: a packet of the data plane may have broken them that nobody has told of. */
  readonly #seen = new Map<number, Seen>();
  #reading: number | undefined;
  #writing: number | undefined;
  #saveAt: Instant | undefined;
  #savedAt: Instant | undefined;

  constructor(host: KeepalivesHost) {
    this.#host = host;
  }

  get deadline(): Instant | undefined {
    return this.#saveAt;
  }

  /** Asks for what an earlier run learned. */
  start(): void {
    this.#reading = this.#host.turn.nextOpId();
    this.#host.turn.emit({ type: 'store.read', opId: this.#reading });
  }

  /** Takes the uplinks there are, and what the configuration says of them. */
  set(facts: readonly UplinkFacts[]): void {
    this.#facts = facts;
    const given = (this.#host.turn.config.uplinks ?? []).flatMap((uplink): [string, Millis][] => (uplink.keepalive === undefined ? [] : [[uplink.name, uplink.keepalive]]));
    this.#learner.give(new Map(given));
    this.#tell();
  }

  view(uplink: string): KeepaliveView {
    return this.#learner.view(uplink);
  }

  /** Tells IKE what is new. A check where octets are cheap, and anywhere while it teaches; else one octet (NK-4: aligned on metered links). */
  #tell(): void {
    for (const { name, metered } of this.#facts) {
      const plan = { interval: this.#learner.interval(name), check: !metered || this.#learner.isLearning(name), aligned: metered };
      const key = `${plan.interval} ${plan.check} ${plan.aligned}`;
      if (this.#told.get(name) === key) continue;
      this.#told.set(name, key);
      this.#host.ike({ type: 'keepalive.set', uplink: name, ...plan });
    }
    const names = new Set(this.#facts.map((facts) => facts.name));
    for (const name of this.#told.keys()) if (!names.has(name)) this.#told.delete(name);
  }

  onIke(event: IkeEvent): void {
    if (event.type !== 'mapping.seen') return;
    keepNewest(this.#seen, event.chain, event, SILENCES_MOST);
  }

  /** The data plane was asked after the silence ended: only one that none of its packets broke teaches. */
  onPolled({ chain, lastInbound, lastAny }: Polled): void {
    const seen = this.#seen.get(chain);
    if (!seen) return;
    this.#seen.delete(chain);
    if (Math.max(lastInbound ?? 0, lastAny ?? 0) > seen.since) return;
    const { turn } = this.#host;
    const { uplink } = seen.path;
    const change = this.#learner.seen(uplink, millis(seen.until - seen.since), seen.changed);
    if (!change) return;
    const seconds = (ms: Millis): number => Math.round(ms / 1000);
    const why = change.lost === undefined ? 'mappings lived through every silence so far' : `a mapping was lost in a silence of ${seconds(change.lost)} s`;
    turn.log('info', `uplink ${uplink}: keepalives every ${seconds(change.to)} s, before ${seconds(change.from)} s: ${why}`);
    this.#saveAt ??= after(turn.now, this.#savedAt === undefined ? SAVE_AFTER : millis(Math.max(SAVE_AFTER, this.#savedAt + SAVE_PAUSE - turn.now)));
    this.#tell();
  }

  tick(): void {
    if (this.#saveAt !== undefined && this.#saveAt <= this.#host.turn.now) this.#save();
  }

  /** The daemon ends: what is not kept yet is kept now. */
  stop(): void {
    if (this.#saveAt !== undefined) this.#save();
  }

  #save(): void {
    const { turn } = this.#host;
    this.#saveAt = undefined;
    this.#savedAt = turn.now;
    this.#writing = turn.nextOpId();
    turn.emit({ type: 'store.write', opId: this.#writing, text: `${JSON.stringify({ mobiked: FORMAT, keepalive: this.#learner.save() })}\n` });
  }

  onStore(input: InputOf<'store.answered'> | InputOf<'store.written'>): void {
    const { turn } = this.#host;
    if (input.type === 'store.written') {
      if (input.opId === this.#writing && input.why !== undefined) turn.log('warn', `what was learned of uplinks is not kept: ${input.why}`);
      return;
    }
    if (input.opId !== this.#reading) return;
    this.#reading = undefined;
    const wrong = input.why ?? (input.text === undefined ? undefined : this.#restore(input.text));
    if (wrong !== undefined) turn.log('warn', `what an earlier run learned of uplinks is not used: ${wrong}`);
    this.#tell();
  }

  /** Returns what is wrong with the document. */
  #restore(text: string): string | undefined {
    const document = parseJsonObject(text);
    if (!document.ok) return document.error;
    const { mobiked: format, keepalive } = document.value as { readonly [key: string]: Json };
    if (format !== FORMAT || typeof keepalive !== 'object' || keepalive === null || Array.isArray(keepalive)) return 'it is not of this version';
    const left = this.#learner.restore(keepalive as JsonObject);
    return left === 0 ? undefined : `${left} of its uplinks make no sense`;
  }
}
