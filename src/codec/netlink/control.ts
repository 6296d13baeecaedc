import { ByteReader } from '../../base/index.ts';
import type { NetlinkMessage } from './message.ts';
import { MESSAGE } from './message.ts';

/** What a control message says of the request with the same sequence number. */
export type ControlMessage =
  /** End of a dump, or answer to a request with the flag ACK. `errno` is positive, 0 for success. */
  { readonly kind: 'done' | 'ack'; readonly errno: number } | { readonly kind: 'overrun' };

/** Decodes ERROR, DONE and OVERRUN; undefined for every other message, and for an ERROR too short to say anything. */
export function decodeControl(message: NetlinkMessage, littleEndian: boolean): ControlMessage | undefined {
  const reader = new ByteReader(message.payload);
  switch (message.type) {
    case MESSAGE.ERROR: {
      const code = reader.u32(littleEndian) | 0;
      return reader.failed ? undefined : { kind: 'ack', errno: errnoOf(code) };
    }
    case MESSAGE.DONE: {
      // A dump that failed half-way says so here; kernels before 2.6 sent no status at all.
      const code = reader.u32(littleEndian) | 0;
      return { kind: 'done', errno: reader.failed ? 0 : errnoOf(code) };
    }
    case MESSAGE.OVERRUN:
      return { kind: 'overrun' };
    default:
      return undefined;
  }
}

/** Errors are negative on the wire; a positive status of DONE is a count, not an error. */
function errnoOf(code: number): number {
  return code < 0 ? Math.min(-code, 0x7fffffff) : 0;
}
