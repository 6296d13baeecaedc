import { keepNewest, millis, minutes, seconds, since, type Instant, type Millis } from '../base/index.ts';

/*
 * Whether a tunnel's data follows its signalling. IKE can be answered while ESP is not carried: by a peer whose kernel did not follow a
 * move, or by a filter on the path that lets IKE pass. What shows it is a conversation that stops: packets came in answer to ours, go out
 * still, and none comes any more, although IKE was answered since. Traffic that always went one way shows nothing, unless somebody inside is
 * asked meanwhile (`inner-echo.ts`).
 *
 * Remedies, each taken once for one silence (another path as long as there is one not known to drop the data), the next when the last one
 * brought nothing:
 *   after a move              rekey_children (OpenIKED's kernel follows then), new_ike_sa (libreswan's does), then those of a path
 *   without a move, or then   encapsulate (filters that drop protocol 50), other_path
 * One that helped after a move is the first one there for that peer from then on. When none helped, the silence is the traffic's own; but where
 * somebody inside is asked, it is looked into again when another path may be taken: one that came up, or was left for this reason long ago.
 */
export type Remedy = 'rekey_children' | 'new_ike_sa' | 'encapsulate' | 'other_path';

/** What was seen of a chain's traffic by one poll of the data plane. */
export interface Seen {
  /** Who the peer is: what helped is remembered under it. */
  readonly peer: string;
  /** User packets sent, and fresh inbound packets on whatever pair, since the chain began. */
  readonly sent: number;
  readonly received: number;
  /** Last inbound packet on the current pair. */
  readonly lastInbound: Instant | undefined;
  /** Last IKE message of the peer on the current pair. */
  readonly lastIke: Instant | undefined;
  readonly rtt: Millis | undefined;
  /** ESP goes without UDP, and could go within. */
  readonly plain: boolean;
  /** Another path could be taken that is not known to drop the data. */
  readonly alternative: boolean;
  /** Somebody inside is asked when nothing comes in: silence is never the traffic's own. */
  readonly asked: boolean;
}

/** What happened to a silence. */
export interface Outcome {
  readonly kind: 'remedy' | 'healed' | 'given_up';
  readonly remedy: Remedy | undefined;
}

/** How far back a conversation counts, in steps of a second. */
const WINDOW = 10;
const STEP: Millis = seconds(1);
/** Fewer packets in the window are no conversation. */
const LEAST_PACKETS = 5;
/** In a conversation at least one packet comes in for so many that go out. */
const ONE_IN = 4;
/** Packets that went out in vain before anything is done. */
const IN_VAIN = 5;
/** Silence that is looked into; after a move, which is likelier to be the cause, a few round trips and never less than this. */
const SILENCE: Millis = seconds(2);
const SILENCE_MOVED: Millis = seconds(1);
const ROUND_TRIPS = 5;
/** An answer of IKE is that old at least when something is done. */
const SETTLED: Millis = millis(500);
/** A remedy has so long to bring the data back. */
const PATIENCE: { readonly [R in Remedy]: Millis } = { rekey_children: millis(1500), new_ike_sa: seconds(3), encapsulate: millis(1200), other_path: seconds(3) };
/** A move of so long ago is not the cause. */
const MOVED_LATELY: Millis = seconds(30);
/** What helped a peer is forgotten after this. */
const REMEMBERED: Millis = minutes(24 * 60);
const PEERS_MOST = 256;

interface Chain {
  /** Packets out and in of each of the last seconds, the newest last. */
  readonly steps: { out: number; in: number }[];
  stepAt: Instant;
  sent: number;
  received: number;
  lastInbound: Instant | undefined;
  movedAt: Instant | undefined;
  silence: { readonly since: Instant; sent: number; readonly moved: boolean; readonly taken: Remedy[]; next: Instant } | undefined;
  /** No remedy helped: nothing is done until packets come in again, or there is another path to try. */
  givenUp: boolean;
}

export class DataCheck {
  readonly #chains = new Map<number, Chain>();
  readonly #helped = new Map<string, { readonly remedy: Remedy; readonly at: Instant }>();

  forget(chain: number): void {
    this.#chains.delete(chain);
  }

  /** Another IKE SA carries the tunnel from now on; its counters begin anew. */
  replaced(chain: number, by: number): void {
    const known = this.#chains.get(chain);
    if (!known) return;
    this.#chains.delete(chain);
    this.#chains.set(by, known);
    known.sent = known.received = 0;
    known.lastInbound = undefined;
    if (known.silence) known.silence.sent = -IN_VAIN;
  }

  /** The peer has confirmed a move of the chain. */
  moved(chain: number, now: Instant): void {
    const known = this.#chains.get(chain);
    if (!known) return;
    known.movedAt = now;
    known.lastInbound = undefined;
    // A silence that a remedy is being tried for goes on; another one is judged from here.
    if (known.silence?.taken.length === 0) known.silence = undefined;
  }

  /** Takes a poll in; returns what is to be done or told. */
  polled(chain: number, seen: Seen, now: Instant): Outcome | undefined {
    const known = this.#chains.get(chain) ?? { steps: [], stepAt: now, sent: seen.sent, received: seen.received, lastInbound: undefined, movedAt: undefined, silence: undefined, givenUp: false };
    this.#chains.set(chain, known);
    const sent = seen.sent - known.sent;
    const heard = seen.received > known.received && seen.lastInbound !== undefined && seen.lastInbound !== known.lastInbound;
    const conversed = this.#conversed(known);
    this.#count(known, seen, now);
    if (heard) return this.#heard(known, seen, now);
    if (seen.asked && seen.alternative) known.givenUp = false;
    if (known.givenUp) return undefined;
    if (!known.silence) {
      if (sent <= 0) return undefined;
      if (!conversed && !seen.asked) return undefined;
      known.silence = { since: now, sent: seen.sent - sent, moved: known.movedAt !== undefined && since(known.movedAt, now) < MOVED_LATELY, taken: [], next: now };
    }
    return this.#silent(known, seen, now);
  }

  #count(known: Chain, seen: Seen, now: Instant): void {
    while (known.steps.length === 0 || since(known.stepAt, now) >= STEP) {
      known.stepAt = known.steps.length === 0 || since(known.stepAt, now) > STEP * WINDOW ? now : ((known.stepAt + STEP) as Instant);
      known.steps.push({ out: 0, in: 0 });
      if (known.steps.length > WINDOW) known.steps.shift();
    }
    const step = known.steps[known.steps.length - 1];
    if (step) {
      step.out += Math.max(0, seen.sent - known.sent);
      step.in += Math.max(0, seen.received - known.received);
    }
    known.sent = seen.sent;
    known.received = seen.received;
    known.lastInbound = seen.lastInbound ?? known.lastInbound;
  }

  /** Packets went both ways lately. */
  #conversed(known: Chain): boolean {
    const sum = (key: 'in' | 'out'): number => known.steps.reduce((all, step) => all + step[key], 0);
    return sum('in') >= LEAST_PACKETS && sum('in') * ONE_IN >= sum('out');
  }

  #heard(known: Chain, seen: Seen, now: Instant): Outcome | undefined {
    const { silence } = known;
    known.silence = undefined;
    known.givenUp = false;
    known.movedAt = undefined; // the data has followed
    const remedy = silence?.taken[silence.taken.length - 1];
    if (!silence || remedy === undefined) return undefined;
    if (silence.moved && (remedy === 'rekey_children' || remedy === 'new_ike_sa')) keepNewest(this.#helped, seen.peer, { remedy, at: now }, PEERS_MOST);
    return { kind: 'healed', remedy };
  }

  #silent(known: Chain, seen: Seen, now: Instant): Outcome | undefined {
    const { silence } = known;
    if (!silence || now < silence.next || seen.sent - silence.sent < IN_VAIN) return undefined;
    if (silence.taken.length === 0) {
      const least = silence.moved ? Math.max(SILENCE_MOVED, ROUND_TRIPS * (seen.rtt ?? 0)) : SILENCE;
      if (since(silence.since, now) < least) return undefined;
    }
    // A path on which IKE is not answered either is the business of whoever chooses paths.
    if (seen.lastIke === undefined || seen.lastIke < silence.since) return undefined;
    // What IKE has just found out, another mapping of a NAT say, it mends by itself.
    if (since(seen.lastIke, now) < Math.max(SETTLED, ROUND_TRIPS * (seen.rtt ?? 0))) return undefined;
    const remedy = this.#ladder(silence.moved, seen, now).find((one) => one === 'other_path' || !silence.taken.includes(one));
    if (remedy === undefined) {
      known.silence = undefined;
      known.givenUp = true;
      return { kind: 'given_up', remedy: undefined };
    }
    silence.taken.push(remedy);
    silence.next = (now + PATIENCE[remedy]) as Instant;
    return { kind: 'remedy', remedy };
  }

  #ladder(moved: boolean, seen: Seen, now: Instant): readonly Remedy[] {
    const path: Remedy[] = [...(seen.plain ? ['encapsulate' as const] : []), ...(seen.alternative ? ['other_path' as const] : [])];
    if (!moved) return path;
    const helped = this.#helped.get(seen.peer);
    const known = helped && since(helped.at, now) < REMEMBERED ? helped.remedy : undefined;
    return [...(known === undefined ? [] : [known]), 'rekey_children', 'new_ike_sa', ...path];
  }
}
