import { millis, samePath, seconds, type Millis, type Path } from '../base/index.ts';
import type { IkeEngine, IkeEvent, IkeInput } from '../ike/index.ts';
import type { EspReport } from '../ports/index.ts';
import type { UplinkEffect, UplinkInput, UplinkPolicy } from '../uplink/index.ts';
import type { Turn } from './context.ts';
import type { Dataplane } from './dataplane.ts';
import { DataRepair } from './data-repair.ts';
import type { Decisions } from './decisions.ts';
import type { Initiator } from './initiator.ts';
import type { Keepalives } from './keepalives.ts';
import { NAT_T_PORT, pathOn } from './paths.ts';

/** Traffic that goes unanswered this long brings a liveness check; rarer where octets cost money. */
const ACTIVE: Millis = seconds(1);
const ACTIVE_METERED: Millis = seconds(5);
/** Stands for the round trip of an answer that cannot be timed (several sends) on an uplink never timed before. */
const UNKNOWN_RTT: Millis = millis(500);

export interface ReactionHost {
  readonly turn: Turn;
  readonly policy: UplinkPolicy;
  readonly engine: IkeEngine;
  readonly plane: Dataplane;
  readonly keepalives: Keepalives;
  readonly decisions: Decisions;
  readonly initiators: ReadonlyMap<string, Initiator>;
  ike(input: IkeInput): void;
}

/** Where protocol and policy meet: what answered becomes evidence, what was decided becomes a move. Nowhere else. */
export class Reactions {
  readonly #host: ReactionHost;
  readonly #lastRtt = new Map<string, Millis>();
  readonly #repair: DataRepair;

  constructor(host: ReactionHost) {
    this.#host = host;
    const tell = (input: UplinkInput): void => this.tell(input);
    this.#repair = new DataRepair({ turn: host.turn, engine: host.engine, policy: host.policy, ike: host.ike, tell });
  }

  /** Gives the policy an input and does what it wants. */
  tell(input: UplinkInput): void {
    for (const effect of this.#host.policy.handle(input, this.#host.turn.now)) this.onPolicy(effect);
  }

  onPolicy(effect: UplinkEffect): void {
    const { turn, initiators, ike } = this.#host;
    switch (effect.type) {
      case 'uplink.changed':
        turn.record({ type: 'uplink.changed', uplink: effect.uplink, state: effect.state, reason: effect.reason });
        if (effect.state === 'up') for (const initiator of initiators.values()) initiator.uplinkGained(turn);
        return;
      case 'probe.wanted': {
        const initiator = initiators.get(effect.connection);
        if (initiator?.chain === undefined) return;
        const path = this.#pathFor(initiator, effect.uplink);
        if (path) return ike({ type: 'path.probe', chain: initiator.chain, path });
        return this.tell({ type: 'path.unanswered', connection: effect.connection, uplink: effect.uplink });
      }
      case 'race.wanted': {
        const initiator = initiators.get(effect.connection);
        if (initiator?.chain === undefined) return;
        return ike({ type: 'path.race', chain: initiator.chain, paths: effect.uplinks.flatMap((name) => this.#pathFor(initiator, name) ?? []) });
      }
      case 'decision':
        return this.#decided(effect);
      case 'switch.refused':
        return;
    }
  }

  #pathFor(initiator: Initiator, uplink: string): Path | undefined {
    const facts = this.#host.policy.uplink(uplink);
    return facts && pathOn(initiator.config, facts, initiator.remotes, initiator.path?.remote.address, initiator.path?.local.port ?? NAT_T_PORT);
  }

  #decided({ connection, decision }: Extract<UplinkEffect, { type: 'decision' }>): void {
    const { turn, policy, decisions, initiators, engine, ike } = this.#host;
    const initiator = initiators.get(connection);
    if (!initiator) return;
    const path = decision.to === undefined || initiator.chain === undefined ? undefined : this.#pathFor(initiator, decision.to);
    const isPossible = initiator.chain === undefined ? decision.to !== undefined : path !== undefined;
    decisions.decided(connection, decision, initiator.chain === undefined ? undefined : initiator.path?.uplink, isPossible, policy.explain(connection, turn.now));
    if (initiator.chain === undefined) return initiator.advance(turn);
    if (!path) return turn.log('info', `${connection}: ${decision.reasons.join(', ')}: no path to move to`);
    if (samePath(path, initiator.path)) return;
    // Silence is noticed late by nature: what counts for a black hole is when the peer was last heard.
    const heard = decision.reasons.includes('black_hole') ? engine.heardAt(initiator.chain) : undefined;
    ike({ type: 'path.move', chain: initiator.chain, path, reasons: decision.reasons, since: heard ?? decision.at });
  }

  /** Evidence from the SA a connection uses. */
  onIke(event: IkeEvent): void {
    this.#host.decisions.onIke(event, this.#host.turn.now);
    this.#repair.onIke(event);
    switch (event.type) {
      case 'path.answered': {
        const { uplink } = event.path;
        if (event.rtt !== undefined) this.#lastRtt.set(uplink, event.rtt);
        return this.tell({ type: 'path.answered', connection: event.connection, uplink, rttMs: event.rtt ?? this.#lastRtt.get(uplink) ?? UNKNOWN_RTT });
      }
      case 'path.refused':
        return this.tell({ type: 'path.refused', connection: event.connection, uplink: event.path.uplink });
      case 'path.unanswered':
        return this.tell({ type: 'path.unanswered', connection: event.connection, uplink: event.path.uplink });
      case 'path.doubtful':
        return this.tell({ type: 'path.doubtful', connection: event.connection, uplink: event.path.uplink, unanswered: event.unanswered });
      default:
        return;
    }
  }

  /** Evidence from the data plane, for protocol and policy both. */
  onPolled(report: EspReport): void {
    const { turn, policy, plane, keepalives, initiators, ike } = this.#host;
    if (report.sas.length > 0) ike({ type: 'volumes', sas: report.sas });
    for (const polled of plane.onPolled(report, turn)) {
      const { chain, lastInbound, lastOutbound, lastAny } = polled;
      const initiator = [...initiators.values()].find((i) => i.chain === chain);
      const metered = initiator?.path !== undefined && policy.uplink(initiator.path.uplink)?.metered === true;
      ike({ type: 'traffic', chain, traffic: { lastInbound, lastOutbound, lastAny }, active: metered ? ACTIVE_METERED : ACTIVE });
      keepalives.onPolled({ chain, lastInbound, lastAny });
      if (initiator?.path && lastInbound !== undefined) this.tell({ type: 'path.inbound', connection: initiator.name, uplink: initiator.path.uplink, at: lastInbound });
      if (initiator?.path) this.#repair.onPolled(polled, initiator, this.#lastRtt.get(initiator.path.uplink));
    }
  }
}
