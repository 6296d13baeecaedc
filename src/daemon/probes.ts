import type { Instant, UplinkFacts } from '../base/index.ts';
import type { InputOf } from '../ports/index.ts';
import { Reachability, type ReachEffect, type ReachInput, type ReachView, type UplinkInput } from '../uplink/index.ts';
import type { Turn } from './context.ts';

/** The targets of the configuration, asked through each uplink: what the machine wants becomes probes, what they say becomes evidence. */
export class Probes {
  readonly #turn: () => Turn;
  readonly #tell: (input: UplinkInput) => void;
  readonly #machine = new Reachability();
  /** Probes on their way, and the uplink of each; at most one an uplink, and those that were cancelled until they are answered. */
  readonly #open = new Map<number, string>();
  readonly #current = new Map<string, number>();

  /** @param tell the policy's ear. */
  constructor(turn: () => Turn, tell: (input: UplinkInput) => void) {
    this.#turn = turn;
    this.#tell = tell;
  }

  get deadline(): Instant | undefined {
    return this.#machine.deadline;
  }

  /** Uplinks, or the configuration, may have changed. Only a section can name targets, and it has the name of its uplink. */
  set(facts: readonly UplinkFacts[]): void {
    const { main, uplinks = [] } = this.#turn().config;
    const sections = main.enabled ? uplinks : [];
    this.#give({
      type: 'probing.set',
      uplinks: facts.flatMap((uplink) => {
        const section = sections.find(({ name, enabled }) => name === uplink.name && enabled);
        return section === undefined ? [] : [{ facts: uplink, probing: section.probing }];
      }),
    });
  }

  /** A probe ended. */
  on(input: InputOf<'probe.answered'> | InputOf<'probe.failed'>): void {
    const uplink = this.#open.get(input.opId);
    this.#open.delete(input.opId);
    if (uplink === undefined || this.#current.get(uplink) !== input.opId) return; // cancelled meanwhile
    this.#current.delete(uplink);
    this.#give(input.type === 'probe.answered' ? { type: 'target.answered', uplink, took: input.took } : { type: 'target.failed', uplink, why: input.why });
  }

  /** The IKE peer is asked through that uplink at this moment. */
  peerAsked(uplink: string): void {
    this.#give({ type: 'peer.asked', uplink });
  }

  tick(): void {
    if ((this.deadline ?? Infinity) <= this.#turn().now) this.#give({ type: 'tick' });
  }

  view(uplink: string): ReachView | undefined {
    return this.#machine.view(uplink);
  }

  #give(input: ReachInput): void {
    for (const effect of this.#machine.handle(input, this.#turn().now)) this.#perform(effect);
  }

  #perform(effect: ReachEffect): void {
    const turn = this.#turn();
    switch (effect.type) {
      case 'target.ask': {
        const opId = turn.nextOpId();
        const { uplink, target, ifindex, local, servers, timeout } = effect;
        this.#open.set(opId, uplink);
        this.#current.set(uplink, opId);
        return turn.emit({ type: 'probe.send', opId, target, ifindex, mark: 0, local, servers, timeout });
      }
      case 'target.leave': {
        const opId = this.#current.get(effect.uplink);
        this.#current.delete(effect.uplink);
        return opId === undefined ? undefined : turn.emit({ type: 'probe.cancel', opId });
      }
      case 'reach.changed':
        if (effect.reach !== 'unknown') turn.record({ type: 'uplink.reachability', uplink: effect.uplink, state: effect.reach, evidence: effect.evidence });
        return this.#tell({ type: 'uplink.reached', uplink: effect.uplink, state: effect.reach });
    }
  }
}
