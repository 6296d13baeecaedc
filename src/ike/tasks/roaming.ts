import { after, millis, samePath, type Endpoint, type Instant, type Path } from '../../base/index.ts';
import { mayBeAt } from '../address-policy.ts';
import { ROAM_PACE, RETRANSMIT_UNKNOWN } from '../constants.ts';
import type { Ctx } from '../context.ts';
import type { IkeSa } from '../ike-sa.ts';
import { hasMoveLeft, proceedTurn, routabilityTask, turn } from './mobike-accept.ts';

/**
 * RFC 4555 §3.8: a responder that is behind no NAT may follow the ESP packets of a peer that is behind one, so that a new mapping of its NAT costs
 * no exchange. `remote`: where the newest authenticated packet came from, at `at`. To another port of the address the peer has been verified at
 * at once, and the peer is asked then whether it is there; to another address, where the connection permits that, as if it had sent an update.
 */
export function roam(sa: IkeSa, remote: Endpoint, at: Instant, ctx: Ctx): void {
  const { mobility } = sa;
  const mode = sa.connection?.moves?.roaming ?? 'off';
  if (mode === 'off' || !sa.isEstablished || sa.mobikeRole !== 'responder' || !mobility.supported || mobility.turning || !sa.natRemote || sa.natLocal) return;
  const from = sa.path;
  const to: Path = { ...from, remote };
  const isAddressKept = remote.address === from.remote.address;
  if (samePath(from, to) || (!isAddressKept && mode !== 'full')) return;
  // What was on its way when the peer came here is late, not new.
  if (mobility.arrivedAt !== undefined && at < after(mobility.arrivedAt, ROAM_PACE)) return;
  if (!mayBeAt(sa.connection, to) || !hasMoveLeft(sa, ctx)) return;
  mobility.arrivedAt = ctx.now;
  sa.path = to;
  const reasons = ['esp_roamed'];
  mobility.turning = { from, since: ctx.now, wait: RETRANSMIT_UNKNOWN, reasons };
  sa.event({ type: 'path.moving', chain: sa.chain, connection: sa.name, from, to, reasons, took: millis(0) }, ctx);
  sa.exchanges.retarget(from, ctx);
  if (!isAddressKept) return proceedTurn(sa, ctx);
  turn(sa, ctx);
  if (!sa.exchanges.has('routability')) sa.exchanges.enqueue(routabilityTask(true), true);
}
