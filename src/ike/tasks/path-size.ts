import { samePath } from '../../base/index.ts';
import type { Payload } from '../../codec/ike/index.ts';
import type { CryptoSuite } from '../../crypto/index.ts';
import { HOLD_TIME } from '../constants.ts';
import type { Ctx } from '../context.ts';
import type { Task } from '../exchange.ts';
import { messageRoom } from '../fragments.ts';
import type { IkeSa } from '../ike-sa.ts';
import type { IkeConnection } from '../types.ts';
import { vendorId } from '../vendors.ts';

/*
 * How large packets of a path may be (F-4), asked by IKE as RFC 8899 asks by datagrams: a request is padded until its one IP packet has the
 * size in question, and sent so that nobody on the way may cut it. What comes of it is seen within one retransmission interval. A request must be
 * answered in the end (RFC 7296 §2.1), so one that gets no answer goes on in pieces, as RFC 7383 §2.5.2 has it: an answer from then on says that
 * this size was too large, or that the packet was lost, which whoever asks tells apart by asking again.
 *
 * Only peers that show by a Vendor ID that they know of this are asked, unless the user wants it: a charon with mediation, as Debian has it, takes
 * pieces of INFORMATIONAL for connectivity checks and never answers them, and such a request is then outstanding for ever.
 */

/** Of the private range (RFC 7296 §3.10.1), for which both showed the Vendor ID; who does not know it ignores it. */
export const PADDING_NOTIFY = 51_201;
const NOTIFY_OCTETS = 8;

const asks = (connection: IkeConnection | undefined): boolean => connection?.fragmentation === true && connection.mtuProbe !== 'off';

/** What an initiator adds to IKE_SA_INIT; a responder, to its answer to one that has it. */
export const paddingVendors = (connections: readonly IkeConnection[], suite: CryptoSuite): Payload[] => (connections.some(asks) ? [vendorId('padding', suite)] : []);

/** Whether this SA's path may be asked about. */
const mayAsk = (sa: IkeSa): boolean => sa.isEstablished && sa.fragmentation && asks(sa.connection) && (sa.takesPadding || sa.connection?.mtuProbe === 'on');

const padding = (octets: number): Payload => ({ type: 'N', protocol: 0, spi: new Uint8Array(), notify: PADDING_NOTIFY, data: new Uint8Array(octets) });

/** As many octets of padding as make a message of at most `room` octets; undefined: not even none. */
function paddingWithin(sa: IkeSa, room: number): number | undefined {
  const { protection } = sa.keyed();
  // What a cipher adds differs by less than a block with the length of the text.
  for (let octets = room - protection.sealedLength(NOTIFY_OCTETS); octets >= 0; octets--) if (protection.sealedLength(NOTIFY_OCTETS + octets) <= room) return octets;
  return undefined;
}

/** Asks whether an IP packet of `size` octets reaches the peer whole on the current path. */
export function sizePath(sa: IkeSa, size: number, ctx: Ctx): void {
  const asked = sa.path;
  const tell = (carried: boolean | undefined, then: Ctx): void => sa.event({ type: 'path.sized', chain: sa.chain, connection: sa.name, path: asked, size, carried }, then);
  if (!mayAsk(sa) || sa.exchanges.has('size')) return tell(undefined, ctx);
  const task: Task = {
    kind: 'size', exchange: 'INFORMATIONAL', patience: HOLD_TIME, packet: size,
    build(current, then) {
      const octets = mayAsk(current) && samePath(asked, current.path) ? paddingWithin(current, messageRoom(asked, size)) : undefined;
      if (octets !== undefined) return [padding(octets)];
      tell(undefined, then);
      return undefined;
    },
    onResponse: (_sa, _payloads, answer, then) => tell(answer.onePath && samePath(asked, sa.latest.path) ? answer.whole : undefined, then),
    release: (then) => tell(undefined, then),
    onTimeout: (current, then) => current.close('peer_dead', `no answer for ${HOLD_TIME / 1000} s`, then),
  };
  sa.exchanges.enqueue(task);
}
