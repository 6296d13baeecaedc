import { after, millis, samePath, seconds, type Instant, type IpAddress, type Millis, type Path } from '../base/index.ts';
import type { ChildConfig } from '../config/index.ts';
import type { IkeEngine, IkeEvent, IkeInput } from '../ike/index.ts';
import type { EspReport, InputOf } from '../ports/index.ts';
import type { UplinkEffect, UplinkInput, UplinkPolicy } from '../uplink/index.ts';
import type { Turn } from './context.ts';
import type { Dataplane } from './dataplane.ts';
import { DataRepair } from './data-repair.ts';
import type { Decisions } from './decisions.ts';
import type { Initiator } from './initiator.ts';
import { echoSource } from './inner-echo.ts';
import type { Keepalives } from './keepalives.ts';

/** Traffic that goes unanswered this long brings a liveness check; rarer where octets cost money. */
const ACTIVE: Millis = seconds(1);
const ACTIVE_METERED: Millis = seconds(5);
/** Stands for the round trip of an answer that cannot be timed (several sends) on an uplink never timed before. */
const UNKNOWN_RTT: Millis = millis(500);
/** Packets that still come from an address of the peer whose answers do not earn it this much time, as they do an uplink (D5.1.2-1). */
const INBOUND_PATIENCE: Millis = seconds(2);

export interface ReactionHost {
  readonly turn: Turn;
  readonly policy: UplinkPolicy;
  readonly engine: IkeEngine;
  readonly plane: Dataplane;
  readonly keepalives: Keepalives;
  readonly decisions: Decisions;
  readonly initiators: ReadonlyMap<string, Initiator>;
  ike(input: IkeInput): void;
  /** The policy is to know the connection anew: the peer has other addresses. */
  watch(initiator: Initiator): void;
  /** The peer is asked through that uplink, which is not the one in use. */
  peerAsked(uplink: string): void;
}

/** Where protocol and policy meet: what answered becomes evidence, what was decided becomes a move. Nowhere else. */
export class Reactions {
  readonly #host: ReactionHost;
  readonly #lastRtt = new Map<string, Millis>();
  readonly #repair: DataRepair;
  /** Connections whose current pair leaves requests unanswered, and since when. */
  readonly #doubts = new Map<string, Instant>();

  constructor(host: ReactionHost) {
    this.#host = host;
    const tell = (input: UplinkInput): void => this.tell(input);
    const echoFrom = (connection: string, to: IpAddress, children: readonly ChildConfig[]): IpAddress | undefined =>
      echoSource(to, children, host.plane.virtual(connection).addresses, [...host.plane.view.addresses()]);
    this.#repair = new DataRepair({ turn: host.turn, engine: host.engine, policy: host.policy, ike: host.ike, tell, echoSource: echoFrom });
  }

  /** Gives the policy an input and does what it wants. */
  tell(input: UplinkInput): void {
    for (const effect of this.#host.policy.handle(input, this.#host.turn.now)) this.onPolicy(effect);
  }

  /** Schedules of uplinks follow the wall clock while it is set. */
  onClock({ unixAtZero, synced, zone }: InputOf<'clock.wall'>): void {
    this.tell({ type: 'clock.told', clock: synced ? { unixAtZero, zone: zone ?? millis(0) } : undefined });
  }

  /** Forces a connection onto an uplink, for ever or as long as `lasts` says; returns why not. */
  force(connection: string, uplink: string, lasts: Millis | undefined): string | undefined {
    let refused: string | undefined;
    for (const effect of this.#host.policy.handle({ type: 'switch.requested', connection, uplink, lasts }, this.#host.turn.now)) {
      if (effect.type === 'switch.refused') refused = effect.reason;
      else this.onPolicy(effect);
    }
    return refused;
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
        if (path) this.#host.peerAsked(effect.uplink);
        if (path) return ike({ type: 'path.probe', chain: initiator.chain, path });
        return this.tell({ type: 'path.unanswered', connection: effect.connection, uplink: effect.uplink });
      }
      case 'race.wanted': {
        const initiator = initiators.get(effect.connection);
        if (initiator?.chain === undefined) return;
        return ike({ type: 'path.race', chain: initiator.chain, paths: initiator.peer.race(initiator.config, effect.uplinks.flatMap((name) => this.#host.policy.uplink(name) ?? []), initiator.whereabouts) });
      }
      case 'decision':
        return this.#decided(effect);
      case 'switch.refused':
        return;
    }
  }

  #pathFor(initiator: Initiator, uplink: string): Path | undefined {
    const facts = this.#host.policy.uplink(uplink);
    return facts && initiator.peer.pathOn(initiator.config, facts, initiator.whereabouts);
  }

  #decided({ connection, decision }: Extract<UplinkEffect, { type: 'decision' }>): void {
    const { turn, policy, decisions, initiators, engine } = this.#host;
    const initiator = initiators.get(connection);
    if (!initiator) return;
    const path = decision.to === undefined || initiator.chain === undefined ? undefined : this.#pathFor(initiator, decision.to);
    const isPossible = initiator.chain === undefined ? decision.to !== undefined : path !== undefined;
    decisions.decided(connection, decision, initiator.chain === undefined ? undefined : initiator.path?.uplink, isPossible, policy.explain(connection, turn.now));
    if (initiator.chain === undefined) return initiator.advance(turn);
    if (!path) return turn.log('info', `${connection}: ${decision.reasons.join(', ')}: no path to move to`);
    // What was lost and is back is told the peer as a move: nothing else would be sent soon, and a NAT may have forgotten us.
    if (samePath(path, initiator.path) && decision.reasons[0] === 'keep') return;
    // Silence is noticed late by nature: what counts for a black hole is when the peer was last heard.
    const heard = decision.reasons.includes('black_hole') ? engine.heardAt(initiator.chain) : undefined;
    this.#move(initiator, path, decision.reasons, heard ?? decision.at);
  }

  #move(initiator: Initiator, path: Path, reasons: readonly string[], since: Instant): void {
    if (initiator.chain === undefined) return;
    const verify = initiator.peer.mustVerify(initiator.config.verifyResponder, path.remote.address, initiator.path?.remote.address);
    this.#host.ike({ type: 'path.move', chain: initiator.chain, path, reasons, since, verify });
  }

  /** Something answered on the current uplink, from another address of the peer: the peer's current one may be dead, the uplink is not. */
  #otherEnd(initiator: Initiator, path: Path): void {
    const { engine, turn } = this.#host;
    const current = initiator.path;
    if (!current || initiator.chain === undefined) return;
    if (initiator.peer.isWithdrawn(current.remote.address)) return this.#move(initiator, path, ['peer_address_withdrawn'], turn.now);
    const doubt = this.#doubts.get(initiator.name);
    if (doubt === undefined) return;
    const heard = engine.heardAt(initiator.chain);
    if (heard !== undefined && heard > doubt && turn.now < after(doubt, INBOUND_PATIENCE)) return;
    this.#move(initiator, path, ['peer_address_dead'], heard ?? doubt);
  }

  /** M3.6-9: the peer says that it is not where we have it: the addresses it named are asked, where its message came from first. */
  #addressesTold(initiator: Initiator, from: Path): void {
    const { whereabouts, chain } = initiator;
    this.#host.watch(initiator);
    if (!whereabouts || chain === undefined || !initiator.peer.isWithdrawn(whereabouts.path.remote.address)) return;
    const facts = this.#host.policy.uplink(whereabouts.path.uplink);
    const others = facts ? initiator.peer.race(initiator.config, [facts], whereabouts) : [];
    this.#host.ike({ type: 'path.race', chain, paths: [from, ...others.filter((path) => !samePath(path, from))] });
  }

  /** Nothing came back on a path that is not the current one. */
  #inVain(initiator: Initiator, path: Path): void {
    const facts = this.#host.policy.uplink(path.uplink);
    if (!facts || initiator.chain === undefined) return;
    const isLast = initiator.peer.unanswered(initiator.config, facts, path.remote.address);
    if (path.uplink === initiator.path?.uplink) return; // about the peer's address; the uplink is judged by the current pair
    if (isLast) return this.tell({ type: 'path.unanswered', connection: initiator.name, uplink: path.uplink });
    // Another address of the peer may be reached there (N-d); in a race they all are asked already.
    const next = this.#doubts.has(initiator.name) ? undefined : this.#pathFor(initiator, path.uplink);
    if (next) this.#host.ike({ type: 'path.probe', chain: initiator.chain, path: next });
  }

  /** Evidence from the SA a connection uses. */
  onIke(event: IkeEvent): void {
    this.#host.decisions.onIke(event, this.#host.turn.now);
    this.#repair.onIke(event);
    const { initiators, turn } = this.#host;
    const initiator = initiators.get(event.connection);
    switch (event.type) {
      case 'path.answered': {
        const { uplink, remote } = event.path;
        initiator?.peer.answered(uplink, remote.address, turn.now);
        if (event.current) this.#doubts.delete(event.connection);
        else if (initiator?.path?.uplink === uplink && initiator.path.remote.address !== remote.address) return this.#otherEnd(initiator, event.path);
        if (event.rtt !== undefined) this.#lastRtt.set(uplink, event.rtt);
        return this.tell({ type: 'path.answered', connection: event.connection, uplink, rttMs: event.rtt ?? this.#lastRtt.get(uplink) ?? UNKNOWN_RTT });
      }
      case 'peer.addresses':
        return initiator && this.#addressesTold(initiator, event.path);
      case 'path.moving':
        this.#doubts.delete(event.connection);
        return;
      case 'ike.closed':
        this.#doubts.delete(event.connection);
        return initiator && this.#host.watch(initiator); // what the peer told went with its SA
      case 'path.unanswered':
        return initiator && this.#inVain(initiator, event.path);
      case 'path.refused':
        if (initiator?.path?.uplink === event.path.uplink && initiator.path.remote.address !== event.path.remote.address) return;
        return this.tell({ type: 'path.refused', connection: event.connection, uplink: event.path.uplink });
      case 'path.doubtful':
        if (!this.#doubts.has(event.connection)) this.#doubts.set(event.connection, turn.now);
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
      const { chain, lastInbound, lastOutbound, lastAny, roamed } = polled;
      const initiator = [...initiators.values()].find((i) => i.chain === chain);
      const metered = initiator?.path !== undefined && policy.uplink(initiator.path.uplink)?.metered === true;
      ike({ type: 'traffic', chain, traffic: { lastInbound, lastOutbound, lastAny }, active: metered ? ACTIVE_METERED : ACTIVE });
      if (roamed) ike({ type: 'esp.roamed', chain, ...roamed });
      keepalives.onPolled({ chain, lastInbound, lastAny });
      if (initiator?.path && lastInbound !== undefined) this.tell({ type: 'path.inbound', connection: initiator.name, uplink: initiator.path.uplink, at: lastInbound });
      if (initiator?.path) this.#repair.onPolled(polled, initiator, this.#lastRtt.get(initiator.path.uplink));
    }
  }
}
