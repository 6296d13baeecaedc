/** What befalls the router, how each is known to be mended, and what it cost. Played by the demo, repeated by the bench. */
import { monotonic, type StreamResult, type UplinkDevice } from '../lab/index.ts';
import { INTERFACE, type Stage } from './stage.ts';

export interface Story {
  readonly name: string;
  /** One line for people. */
  readonly text: string;
  /** The uplink that carries the tunnel afterwards. */
  readonly target: UplinkDevice;
  happen(stage: Stage): Promise<void>;
  /** Resolves with the time (monotonic ms) at which the daemon had mended it; fails when it does not. */
  mended(stage: Stage, since: number): Promise<number>;
}

export interface Measured {
  readonly name: string;
  /** Monotonic ms: when it happened, and the end of what was measured. */
  readonly since: number;
  readonly until: number;
  readonly stream: StreamResult;
  /** From the event to the router's UPDATE_SA_ADDRESSES request as the relay saw it; null when none was seen. */
  readonly updateSentMs: number | null;
}

/** Stream after a recovery that still belongs to the event. */
export const AFTERMATH = 1000;
/** An answer takes this long at most. */
const ANSWER_TIME = 400;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits for the move of the tunnel to an uplink; returns when the peer confirmed it. */
export async function moved(stage: Stage, device: UplinkDevice, since: number, limit: number): Promise<number> {
  const found = await stage.events.wait('path.moved', since, limit, (e) => e.to_uplink === INTERFACE[device]);
  if (!found) throw new Error(`no move to ${INTERFACE[device]} within ${limit / 1000} s`);
  return found.at;
}

/** The hub follows the ESP to the new port, or the router finds out and says so: the stream flows again. */
async function rebound(stage: Stage, since: number): Promise<number> {
  await stage.stream.flowing(25, since + 50, 15_000);
  return monotonic();
}

export const STORIES = {
  addressLost: {
    name: 'address_lost', text: 'the fibre line loses its address', target: 'wwan0',
    happen: (stage) => stage.loseAddress('wan0'), mended: (stage, since) => moved(stage, 'wwan0', since, 10_000),
  },
  betterReturns: {
    name: 'better_returns', text: 'the fibre line is back', target: 'wan0',
    happen: (stage) => stage.connect('wan0'), mended: (stage, since) => moved(stage, 'wan0', since, 40_000),
  },
  blackHole: {
    name: 'black_hole', text: 'the fibre line swallows every packet; device, address and route remain', target: 'wwan0',
    happen: (stage) => stage.topology.blackHole('wan0', true), mended: (stage, since) => moved(stage, 'wwan0', since, 15_000),
  },
  natRebinding: {
    name: 'nat_rebinding', text: "the fibre's NAT forgets its mappings and uses other ports", target: 'wan0',
    happen: (stage) => stage.topology.rebind('wan0'), mended: rebound,
  },
  lteRebinding: {
    name: 'nat_rebinding', text: "the LTE network's NAT forgets its mappings and uses other ports", target: 'wwan0',
    happen: (stage) => stage.topology.rebind('wwan0'), mended: rebound,
  },
  wanGone: {
    name: 'wan_gone', text: "the fibre's device is removed for good", target: 'wwan0',
    happen: (stage) => stage.removeDevice('wan0'), mended: (stage, since) => moved(stage, 'wwan0', since, 10_000),
  },
} as const satisfies { readonly [key: string]: Story };

/** Lets one thing happen, waits until it is mended and the stream flows, and measures. */
export async function play(stage: Stage, story: Story): Promise<Measured> {
  const since = monotonic();
  await story.happen(stage);
  const at = await story.mended(stage, since);
  await stage.stream.flowing(25, at, 10_000);
  const until = monotonic() + AFTERMATH;
  await sleep(AFTERMATH + ANSWER_TIME);
  const decided = (await stage.events.wait('path.moving', since, 0)) ?? (await stage.events.wait('nat.mapping_changed', since, 0));
  const update = decided && stage.firstRequest(story.target, Math.max(since, decided.at - 2));
  return {
    name: story.name, since, until, stream: stage.stream.result(since - 100, until),
    updateSentMs: update ? Math.max(0, Math.round(update.at - since)) : null,
  };
}
