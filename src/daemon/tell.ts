import type { IkeEvent } from '../ike/index.ts';
import type { Turn } from './context.ts';
import { pathText } from './dataplane.ts';

/** Tells people what of the engine's events concerns them. `initiates`: the connection is ours to make, so that there is something to try. */
export function tellIke(event: IkeEvent, initiates: boolean, turn: Turn): void {
  const { record, log } = turn;
  const { connection } = event;
  switch (event.type) {
    case 'ike.established':
      return record({ type: 'connection.established', connection, peer: event.peer, path: pathText(event.path), uplink: event.path.uplink, took_ms: Math.round(event.took) });
    case 'ike.closed':
      // An SA that gives way to a newer one of the same connection is no news; a peer that started anew is.
      return event.reason === 'replaced' && event.detail === '' ? undefined : record({ type: 'connection.closed', connection, reason: event.detail || event.reason });
    case 'ike.rekeyed':
      return record({ type: 'ike.rekeyed', connection });
    case 'child.established':
    case 'child.rekeyed':
      return record({ type: event.type, connection, child: event.child });
    case 'child.closed':
      return record({ type: 'child.closed', connection, child: event.child, reason: event.reason });
    case 'path.moving':
      return record({ type: 'path.moving', connection, from: pathText(event.from), to: pathText(event.to), from_uplink: event.from.uplink, to_uplink: event.to.uplink, reasons: event.reasons });
    case 'path.moved':
      return record({ type: 'path.moved', connection, from: pathText(event.from), to: pathText(event.to), from_uplink: event.from.uplink, to_uplink: event.to.uplink, reasons: event.reasons, took_ms: Math.round(event.took) });
    case 'path.doubtful':
      // Told once for each doubt, not for each send.
      return event.unanswered === 2 && initiates ? record({ type: 'path.doubtful', connection, path: pathText(event.path), uplink: event.path.uplink, unanswered: event.unanswered }) : undefined;
    case 'nat.changed':
      return record({ type: 'nat.mapping_changed', connection, path: pathText(event.path), uplink: event.path.uplink });
    case 'peer.addresses':
      return log('info', `${connection}: the peer can be reached at ${event.addresses.join(', ')}`);
    case 'vip.assigned':
      return record({ type: 'connection.addressed', connection, addresses: event.addresses, dns: event.dns });
    case 'ike.unreachable':
      return log('warn', `${connection}: the peer does not answer on any path (${event.hint})${initiates ? '; trying to set up anew beside' : '; waiting for it'}`);
    case 'path.refused':
      return log('warn', `${connection}: the peer refuses ${pathText(event.path)}`);
    case 'ike.failed':
    case 'path.answered':
    case 'path.unanswered':
    case 'mapping.seen':
      return;
  }
}
