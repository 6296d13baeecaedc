import { after, seconds, type Instant, type Millis } from '../base/index.ts';
import type { InputOf } from '../ports/index.ts';
import type { Turn } from './context.ts';
import { NAT_T_PORT, portProblem } from './paths.ts';

const PORTS = [500, NAT_T_PORT];
/** A port that somebody else holds is asked for again after this. */
const RETRY: Millis = seconds(10);

/** The UDP ports of IKE: opened, and asked for again while somebody else holds them. */
export class UdpPorts {
  /** Ports that could not be opened, with a sentence about each. */
  readonly #problems = new Map<string, string>();
  #retryAt: Instant | undefined;

  get deadline(): Instant | undefined {
    return this.#retryAt;
  }

  /** What is wrong with the first that is not open. */
  get problem(): string | undefined {
    return [...this.#problems.values()][0];
  }

  open(turn: Turn): void {
    turn.emit({ type: 'udp.open', ports: PORTS, mark: 0 });
  }

  on(input: InputOf<'udp.opened'> | InputOf<'udp.failed'>, turn: Turn): void {
    const what = `UDP port ${input.port} (IPv${input.family})`;
    if (input.type === 'udp.opened') return void this.#problems.delete(what);
    if (!this.#problems.has(what)) {
      const problem = `${what} ${portProblem(input.errno)}; trying again every 10 s`;
      this.#problems.set(what, problem);
      turn.log('error', problem);
      turn.record({ type: 'kernel.failed', what, errno: input.errno });
    }
    this.#retryAt ??= after(turn.now, RETRY);
  }

  tick(turn: Turn): void {
    if (this.#retryAt === undefined || this.#retryAt > turn.now) return;
    this.#retryAt = undefined;
    this.open(turn);
  }
}
