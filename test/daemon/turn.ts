/** A turn for tests of the conductor's parts: it keeps what a part emits, records and logs. */
import { instant, type Instant } from '../../src/base/index.ts';
import type { Config, LogLevel } from '../../src/config/index.ts';
import type { Turn } from '../../src/daemon/context.ts';
import type { Effect, EffectOf } from '../../src/ports/index.ts';
import type { Event } from '../../src/report/index.ts';

export const EMPTY: Config = { main: { enabled: true, logLevel: 'debug', nodeId: undefined }, uplinks: undefined, connections: [], mqtt: [] };

export class TestTurn implements Turn {
  now: Instant = instant(0);
  config: Config = EMPTY;
  effects: Effect[] = [];
  events: Event[] = [];
  lines: string[] = [];
  #opId = 0;

  emit(effect: Effect): void {
    this.effects.push(effect);
  }

  record(event: Event): void {
    this.events.push(event);
  }

  log(level: LogLevel, text: string): void {
    this.lines.push(`${level}: ${text}`);
  }

  nextOpId(): number {
    return ++this.#opId;
  }

  /** Takes the effects of one type since the last call, and forgets the others. */
  take<T extends Effect['type']>(type: T): EffectOf<T>[] {
    const found = this.effects.filter((e): e is EffectOf<T> => e.type === type);
    this.effects = [];
    return found;
  }
}
