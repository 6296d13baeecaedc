import type { IpFamily } from '../base/index.ts';
import type { IkeInput } from '../ike/index.ts';
import type { InputOf } from '../ports/index.ts';
import type { Turn } from './context.ts';

/** In which families ESP can go without UDP, as the ports say: what the protocol may agree on. */
export class PlainEsp {
  readonly #families = new Set<IpFamily>();
  /** Refusals told, by family. */
  readonly #told = new Map<IpFamily, number>();
  readonly #ike: (input: IkeInput) => void;

  constructor(ike: (input: IkeInput) => void) {
    this.#ike = ike;
  }

  on(input: InputOf<'esp.opened'> | InputOf<'esp.failed'>, turn: Turn): void {
    const { family } = input;
    if (input.type === 'esp.opened') this.#families.add(family);
    else {
      this.#families.delete(family);
      if (this.#told.get(family) !== input.errno) turn.log('warn', `ESP over IPv${family} goes in UDP only, as with nat_t 'always': raw sockets of IP protocol 50 cannot be opened (errno ${input.errno})`);
      this.#told.set(family, input.errno);
    }
    this.#ike({ type: 'esp.plain', families: [...this.#families] });
  }
}
