import type { Instant } from '../base/index.ts';
import type { Core, Effect, Input } from '../ports/index.ts';

/** What the loop needs of its surroundings. */
export interface Host {
  /** Monotonic milliseconds. */
  now(): Instant;
  /** Arms the one host timer; undefined disarms it. */
  arm(deadline: Instant | undefined, fire: () => void): void;
  /** A bug was caught: writes the replay ring. */
  onBug(error: unknown, input: Input): void;
  perform(effect: Effect, deliver: (input: Input) => void): void;
}

/** Inputs waiting while one is handled; a port that floods past it has a bug, and the oldest are what state depends on. */
const QUEUE_MOST = 100_000;

/**
 * Runs the core: every input in its turn, its effects performed in order, one timer. A port may deliver while it
 * performs; the input waits in the queue, so the core is never re-entered.
 */
export function run(core: Core, host: Host): (input: Input) => void {
  const queue: Input[] = [];
  let busy = false;
  let dropped = 0;
  const push = (input: Input): void => {
    if (queue.length < QUEUE_MOST) queue.push(input);
    else if (dropped++ === 0) host.onBug(new Error('the input queue is full: inputs are lost'), input);
    if (busy) return;
    busy = true;
    try {
      for (let next = queue.shift(); next; next = queue.shift())
        for (const effect of guarded(core, next, host.now(), (error, bad) => host.onBug(error, bad))) host.perform(effect, push);
    } finally {
      busy = false;
    }
    host.arm(core.deadline, () => push({ type: 'tick' }));
  };
  return push;
}

/**
 * The one boundary that catches bugs: the IKE SA chain that owned the input ends, the rest goes on. A bug that nobody
 * owns ends the process; procd starts it again.
 */
export function guarded(core: Core, input: Input, now: Instant, onBug: (error: unknown, input: Input) => void): Effect[] {
  try {
    return core.handle(input, now);
  } catch (error) {
    onBug(error, input);
    const owner = core.owner(input);
    if (owner === undefined) throw error;
    return core.quarantine(owner, now);
  }
}
