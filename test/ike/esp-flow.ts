/** ESP both ways between the engines of a pair, as far as it matters here: which SA a packet leaves on, and whether the other side has it. */
import { after, millis, type Instant, type Millis } from '../../src/base/index.ts';
import type { Pair, Side } from './pair.ts';

interface Packet {
  readonly at: Instant;
  readonly to: Side;
  readonly spi: number;
}

/** A packet of each child that is in use, from both sides, every `every` ms. */
export class EspFlow {
  readonly #pair: Pair;
  readonly #every: number;
  #flying: Packet[] = [];
  sent = 0;
  /** Packets that came where nobody knew their SPI. */
  undeliverable: string[] = [];
  /** Time of the packet. */
  latency: () => number = () => 10;

  constructor(pair: Pair, every = 5) {
    this.#pair = pair;
    this.#every = every;
  }

  run(span: Millis): void {
    const pair = this.#pair;
    const end = after(pair.now, span);
    while (pair.now < end) {
      for (const side of [pair.router, pair.hub]) this.#send(side);
      pair.runFor(millis(Math.min(this.#every, end - pair.now)));
      this.#arrive();
    }
  }

  #send(side: Side): void {
    const to = side === this.#pair.router ? this.#pair.hub : this.#pair.router;
    for (const handle of side.inUse.values()) {
      const sa = side.sas.get(handle);
      if (!sa) continue;
      this.sent++;
      this.#flying.push({ at: after(this.#pair.now, millis(this.latency())), to, spi: sa.spi });
    }
  }

  #arrive(): void {
    const due = this.#flying.filter((p) => p.at <= this.#pair.now).sort((a, b) => a.at - b.at);
    this.#flying = this.#flying.filter((p) => p.at > this.#pair.now);
    for (const { to, spi } of due) {
      const sa = [...to.sas.values()].find((s) => s.direction === 'in' && s.spi === spi);
      if (!sa) this.undeliverable.push(`${to.name} has no ${spi.toString(16)} at ${this.#pair.now}`);
      else this.#pair.feed(to, { type: 'child.used', handle: sa.handle });
    }
  }
}
