import type { Instant, IpAddress, Millis } from '../base/index.ts';
import type { ChildConfig } from '../config/index.ts';
import type { IkeEngine, IkeEvent, IkeInput } from '../ike/index.ts';
import type { UplinkInput, UplinkPolicy } from '../uplink/index.ts';
import type { Turn } from './context.ts';
import { DataCheck, type Outcome, type Remedy } from './data-check.ts';
import type { Initiator } from './initiator.ts';
import { echoRequest, InnerEcho } from './inner-echo.ts';

/** What the data plane says of one chain. */
export interface ChainTraffic {
  readonly chain: number;
  readonly lastInbound: Instant | undefined;
  /** User packets sent, and inbound packets on whatever pair. */
  readonly sent: number;
  readonly received: number;
  /** ESP goes without UDP. */
  readonly plain: boolean;
}

export interface RepairHost {
  readonly turn: Turn;
  readonly engine: IkeEngine;
  readonly policy: UplinkPolicy;
  /** An address of this host that may ask `to` through the connection's tunnel; undefined: none. */
  echoSource(connection: string, to: IpAddress, children: readonly ChildConfig[]): IpAddress | undefined;
  ike(input: IkeInput): void;
  tell(input: UplinkInput): void;
}

const IN_WORDS: { readonly [R in Remedy]: string } = {
  rekey_children: 'rekeying its Child SAs, the peer may not have followed the move',
  new_ike_sa: 'making a new IKE SA beside it, the peer may not have followed the move',
  encapsulate: 'putting ESP into UDP, the path may drop protocol 50',
  other_path: 'taking another uplink, this one may drop ESP',
};

/** Does for tunnels that we initiate what their data needs when it does not follow its signalling (`data-check.ts`). */
export class DataRepair {
  readonly #check = new DataCheck();
  readonly #echo = new InnerEcho();
  /** By connection. */
  readonly #chains = new Map<string, number>();
  readonly #host: RepairHost;

  constructor(host: RepairHost) {
    this.#host = host;
  }

  onIke(event: IkeEvent): void {
    // The peer's data has another mapping of our NAT to follow as well.
    if (event.type === 'path.moved' || event.type === 'nat.changed') {
      this.#echo.begin(event.chain);
      return this.#check.moved(event.chain, this.#host.turn.now);
    }
    if (event.type === 'ike.established') {
      this.#echo.begin(event.chain);
      const old = this.#chains.get(event.connection);
      if (event.role === 'initiator') this.#chains.set(event.connection, event.chain);
      if (old !== undefined) this.#check.replaced(old, event.chain);
    }
    if (event.type !== 'ike.closed') return;
    this.#check.forget(event.chain);
    this.#echo.forget(event.chain);
    if (this.#chains.get(event.connection) === event.chain) this.#chains.delete(event.connection);
  }

  onPolled(traffic: ChainTraffic, initiator: Initiator, rtt: Millis | undefined): void {
    const { turn, engine, policy } = this.#host;
    const { chain, lastInbound, sent, received, plain } = traffic;
    const asked = this.#ask(traffic, initiator);
    const outcome = this.#check.polled(chain, {
      peer: initiator.config.remoteId?.text ?? initiator.name, sent, received, lastInbound, lastIke: engine.heardAt(chain), rtt, plain,
      alternative: policy.hasAlternative(initiator.name, turn.now), asked,
    }, turn.now);
    if (outcome) this.#act(outcome, chain, initiator);
  }

  /** Asks somebody inside when that is due; whether there is anybody to ask. */
  #ask({ chain, sent, lastInbound }: ChainTraffic, { config, name }: Initiator): boolean {
    const { turn } = this.#host;
    const to = config.echoAddress;
    if (to === undefined) return false;
    const from = this.#host.echoSource(name, to, config.children);
    if (from === undefined) return false;
    const number = this.#echo.polled(chain, { sent, lastInbound }, turn.now);
    if (number !== undefined) turn.emit({ type: 'esp.inject', packet: echoRequest(from, to, number) });
    return true;
  }

  #act({ kind, remedy }: Outcome, chain: number, initiator: Initiator): void {
    const { turn, engine, ike, tell } = this.#host;
    if (kind === 'healed') return turn.log('info', `${initiator.name}: the tunnel's packets come back: ${remedy ?? ''} helped`);
    if (kind === 'given_up') return turn.log('info', `${initiator.name}: nothing helped: what goes out seems to want no answer`);
    if (remedy === undefined || initiator.path === undefined) return;
    turn.log('warn', `${initiator.name}: packets go out and none comes back, though the peer answers IKE: ${IN_WORDS[remedy]}`);
    switch (remedy) {
      case 'rekey_children':
        for (const child of engine.status().find((status) => status.chain === chain)?.children ?? []) ike({ type: 'child.rekey', chain, child: child.name });
        return;
      case 'new_ike_sa':
        return initiator.renew(turn);
      case 'encapsulate':
        return ike({ type: 'path.encapsulate', chain, path: initiator.path, on: true });
      case 'other_path':
        return tell({ type: 'path.blocked', connection: initiator.name, uplink: initiator.path.uplink });
    }
  }
}
