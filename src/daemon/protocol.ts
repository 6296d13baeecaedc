import type { Path } from '../base/index.ts';
import type { IkeEffect, IkeEngine, IkeEvent, IkeInput } from '../ike/index.ts';
import type { Encapsulation, EspSa } from '../ports/index.ts';
import type { Turn } from './context.ts';

export interface ProtocolHost {
  readonly engine: IkeEngine;
  readonly turn: Turn;
  addSa(sa: EspSa): void;
  removeSa(handle: number, lingers: boolean): void;
  /** Outbound ESP of the chain goes this way from now on. */
  setPath(chain: number, path: Path, encapsulation: Encapsulation, opensPinhole: boolean): void;
  /** Outbound ESP of the chain is dropped until the next path. */
  hold(chain: number): void;
  onEvent(event: IkeEvent): void;
}

/** The way to the IKE engine and back: inputs one at a time, what arises meanwhile in its turn, effects as those of the ports. */
export class Protocol {
  readonly #host: ProtocolHost;
  readonly #queue: IkeInput[] = [];
  #busy = false;

  constructor(host: ProtocolHost) {
    this.#host = host;
  }

  /** Hands an input to the engine and acts on what comes back. */
  tell(input: IkeInput): void {
    this.#queue.push(input);
    if (this.#busy) return;
    this.#busy = true;
    try {
      for (let next = this.#queue.shift(); next; next = this.#queue.shift()) for (const effect of this.#host.engine.handle(next, this.#host.turn.now)) this.#perform(effect);
    } finally {
      this.#busy = false;
    }
  }

  #perform(effect: IkeEffect): void {
    const { turn } = this.#host;
    switch (effect.type) {
      case 'packet.send':
        return turn.emit({ type: 'udp.send', ifindex: effect.path.ifindex, local: effect.path.local, remote: effect.path.remote, bytes: effect.bytes, ...(effect.dscp === undefined ? {} : { dscp: effect.dscp }), ...(effect.whole ? { whole: true } : {}) });
      case 'child.install':
        return this.#host.addSa(effect.sa);
      case 'child.use':
        return turn.emit({ type: 'esp.sa.use', handle: effect.handle });
      case 'child.remove':
        return this.#host.removeSa(effect.handle, effect.lingers === true);
      case 'bundle.path':
        this.#host.setPath(effect.bundle, effect.path, effect.encapsulation, effect.opensPinhole);
        if (effect.unverified) turn.emit({ type: 'esp.bound', bundle: effect.bundle, bounded: true });
        return;
      case 'bundle.hold':
        return this.#host.hold(effect.bundle);
      case 'bundle.verified':
        return turn.emit({ type: 'esp.bound', bundle: effect.bundle, bounded: false });
      case 'log':
        return turn.log(effect.level, effect.text);
      case 'event':
        return this.#host.onEvent(effect.event);
    }
  }
}
