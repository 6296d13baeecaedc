/** Two engines that rekey the same SA at once, with nonces and SPIs that the test knows, and messages that are late or lost. */
import { millis, seconds } from '../../src/base/index.ts';
import { EspFlow } from './esp-flow.ts';
import { connection, ESP_SUITE, Pair, type Side } from './pair.ts';

const nonceOf = (first: number): Uint8Array => Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? first : i));
const spiDraw = (octet: number): Uint8Array => new Uint8Array(4).fill(octet);

const ikeSpiDraw = (octet: number): Uint8Array => new Uint8Array(8).fill(octet);

/** SPIs of the pair that the router's exchange makes, and the hub's: what each side draws first is for its request. */
export const CHILD_OF_ROUTER = { router: 0x11111111, hub: 0x44444444 };
export const CHILD_OF_HUB = { router: 0x22222222, hub: 0x33333333 };
/** SPIs, the initiator's first, of the IKE SA that either exchange makes. */
export const IKE_OF_ROUTER = [0x1111111111111111n, 0x4444444444444444n];
export const IKE_OF_HUB = [0x3333333333333333n, 0x2222222222222222n];
export const POSITIONS = ['router Ni', 'router Nr', 'hub Ni', 'hub Nr'] as const;

export interface Story {
  readonly pair: Pair;
  readonly flow: EspFlow;
  readonly chain: number;
  readonly hubChain: number;
  rekey(side: 'router' | 'hub', what?: 'child' | 'ike'): void;
}

/** `lowest`: whose exchange and which of its nonces is the lowest of the four. */
export function story(lowest: (typeof POSITIONS)[number], groups: readonly number[] = []): Story {
  const children = (role: 'initiator' | 'responder'): ReturnType<typeof connection> => {
    const plain = connection(role, { liveness: seconds(3000) });
    return { ...plain, children: plain.children.map((c) => ({ ...c, espProposals: [{ ...ESP_SUITE, groups }] })) };
  };
  const pair = new Pair(`collision ${lowest}`, children('initiator'), children('responder'));
  const chain = pair.connect();
  const flow = new EspFlow(pair);
  flow.run(millis(200));
  const rank = (what: (typeof POSITIONS)[number]): number => (what === lowest ? 1 : 100 + POSITIONS.indexOf(what));
  pair.router.draws.set('nonce', [nonceOf(rank('router Ni')), nonceOf(rank('hub Nr'))]);
  pair.hub.draws.set('nonce', [nonceOf(rank('hub Ni')), nonceOf(rank('router Nr'))]);
  pair.router.draws.set('child-spi', [spiDraw(0x11), spiDraw(0x22)]);
  pair.hub.draws.set('child-spi', [spiDraw(0x33), spiDraw(0x44)]);
  pair.router.draws.set('ike-spi', [ikeSpiDraw(0x11), ikeSpiDraw(0x22)]);
  pair.hub.draws.set('ike-spi', [ikeSpiDraw(0x33), ikeSpiDraw(0x44)]);
  const hubChain = pair.hubChain();
  return {
    pair, flow, chain, hubChain,
    rekey: (side, what = 'child') => {
      const own = side === 'router' ? chain : hubChain;
      pair.feed(pair[side], what === 'ike' ? { type: 'ike.rekey', chain: own } : { type: 'child.rekey', chain: own, child: 'lan' });
    },
  };
}

const FLAG_RESPONSE = 0x20;
export const exchangeOf = (bytes: Uint8Array): number => bytes[22] ?? 0;
export const isResponse = (bytes: Uint8Array): boolean => ((bytes[23] ?? 0) & FLAG_RESPONSE) !== 0;
export const spisIn = (side: Side): number[] => side.engine.status().flatMap((s) => s.children.map((c) => c.spiIn));
/** Different INFORMATIONAL requests a side has sent since `from`: its Deletes. */
export const informational = (side: Side, from: number): number =>
  new Set(side.sent.slice(from).filter((p) => exchangeOf(p.bytes) === 37 && !isResponse(p.bytes)).map((p) => p.bytes.join())).size;

/** What may befall the first copy of a message. */
const FATES = ['fast', 'late', 'lost'] as const;
export type Fate = (typeof FATES)[number];
/** The fates of the first copies of two crossing exchanges. */
export type Fates = { readonly [what in 'router request' | 'router response' | 'hub request' | 'hub response']: Fate };
const LATE = millis(65);

/** The four messages of two crossing exchanges meet their fates; repeated copies pass. */
export function befall(pair: Pair, exchange: number, fates: Fates): void {
  const seen = new Set<string>();
  const fateOf = (from: string, bytes: Uint8Array): Fate => {
    if (exchangeOf(bytes) !== exchange) return 'fast';
    const what = `${from} ${isResponse(bytes) ? 'response' : 'request'}` as keyof typeof fates;
    return seen.has(what) ? 'fast' : fates[what];
  };
  pair.drop = (from, _path, bytes) => {
    const isLost = fateOf(from, bytes) === 'lost';
    if (isLost) seen.add(`${from} ${isResponse(bytes) ? 'response' : 'request'}`);
    return isLost;
  };
  pair.delay = (from, _path, bytes) => {
    const isLate = fateOf(from, bytes) === 'late';
    if (exchangeOf(bytes) === exchange) seen.add(`${from} ${isResponse(bytes) ? 'response' : 'request'}`);
    return isLate ? LATE : millis(0);
  };
}

/** All 81 combinations. */
export function everyFate(): Fates[] {
  return FATES.flatMap((a) => FATES.flatMap((b) => FATES.flatMap((c) => FATES.map((d) => ({ 'router request': a, 'router response': b, 'hub request': c, 'hub response': d })))));
}
