import { ByteReader, ByteWriter } from '../../base/index.ts';
import type { Attributes } from './attributes.ts';
import type { XFRM_ATTRS } from './xfrm-attrs.ts';
import type { XfrmReplay } from './xfrm-types.ts';
import { MOST_REPLAY_WINDOW } from './xfrm-types.ts';

const WORD = 32;
const MOST_WORDS = MOST_REPLAY_WINDOW / WORD;
const LOW = 0xffff_ffffn;

/** The largest window that the old form of an SA's replay state has room for, in packets. */
export const OLD_FORM_WINDOW = WORD;

export interface ReplayState {
  readonly replay: XfrmReplay;
  /** In packets; undefined in the old form, where the header of the SA tells it. */
  readonly window: number | undefined;
}

/** The replay state among the attributes; undefined when there is none, `broken` when it cannot be read. */
export function decodeReplay(attributes: Attributes<typeof XFRM_ATTRS>, littleEndian: boolean): ReplayState | undefined | 'broken' {
  if (attributes.replayEsnVal !== undefined) return decodeEsn(attributes.replayEsnVal, littleEndian);
  return attributes.replayVal === undefined ? undefined : decodeOld(attributes.replayVal, littleEndian);
}

function stateOf(outbound: bigint, inbound: bigint, words: readonly number[], window: number | undefined): ReplayState {
  return { replay: { outbound, inbound, ...(words.some((word) => word !== 0) ? { bitmap: words } : {}) }, window };
}

/** struct xfrm_replay_state: last number sent, highest received, one word of the window. */
function decodeOld(bytes: Uint8Array, littleEndian: boolean): ReplayState | 'broken' {
  const reader = new ByteReader(bytes);
  const [outbound, inbound, word] = [reader.u32(littleEndian), reader.u32(littleEndian), reader.u32(littleEndian)];
  return reader.failed ? 'broken' : stateOf(BigInt(outbound), BigInt(inbound), [word], undefined);
}

function decodeEsn(bytes: Uint8Array, littleEndian: boolean): ReplayState | 'broken' {
  const reader = new ByteReader(bytes);
  const count = reader.u32(littleEndian);
  const [outbound, inbound] = [reader.u32(littleEndian), reader.u32(littleEndian)];
  const [outboundHigh, inboundHigh] = [reader.u32(littleEndian), reader.u32(littleEndian)];
  const window = reader.u32(littleEndian);
  if (reader.failed || count > MOST_WORDS || window > count * WORD) return 'broken';
  const words = Array.from({ length: count }, () => reader.u32(littleEndian));
  return reader.failed ? 'broken' : stateOf(join(outboundHigh, outbound), join(inboundHigh, inbound), words, window);
}

const join = (high: number, low: number): bigint => (BigInt(high) << 32n) | BigInt(low);

/** The attribute of an SA without ESN and with a window of at most 32: numbers start at 0 without it. */
export function oldReplayAttribute(replay: XfrmReplay | undefined, littleEndian: boolean): { replayVal?: Uint8Array } {
  if (replay === undefined) return {};
  const out = new ByteWriter(12).u32(Number(replay.outbound & LOW), littleEndian).u32(Number(replay.inbound & LOW), littleEndian);
  return { replayVal: out.u32(replay.bitmap?.[0] ?? 0, littleEndian).finish() };
}

/**
 * The attribute of an SA with ESN or a larger window, whose size it tells.
 *
 *     +---------------------------------------------------------------+
 *     |                  words of the window below                    |
 *     +---------------------------------------------------------------+
 *     |                 last number sent, low half                    |
 *     +---------------------------------------------------------------+
 *     |               highest number received, low half               |
 *     +---------------------------------------------------------------+
 *     |                 last number sent, high half                   |
 *     +---------------------------------------------------------------+
 *     |               highest number received, high half              |
 *     +---------------------------------------------------------------+
 *     |                      window, in packets                       |
 *     +---------------------------------------------------------------+
 *     | words of 32 bits …                                            |
 */
export function esnReplayAttribute(replay: XfrmReplay | undefined, window: number, littleEndian: boolean): { replayEsnVal: Uint8Array } {
  const { outbound, inbound, bitmap } = replay ?? { outbound: 0n, inbound: 0n };
  const count = Math.ceil(window / WORD);
  const out = new ByteWriter(24 + 4 * count).u32(count, littleEndian);
  for (const half of [outbound & LOW, inbound & LOW, outbound >> 32n, inbound >> 32n]) out.u32(Number(half), littleEndian);
  out.u32(window, littleEndian);
  for (let at = 0; at < count; at++) out.u32(bitmap?.[at] ?? 0, littleEndian);
  return { replayEsnVal: out.finish() };
}
