import { printable, unreachable } from '../base/index.ts';
import type { Event } from './events.ts';

/** `340 ms`, `1.2 s`, `5 min`: as much as a person wants to know. */
export function spanText(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${Math.round(ms / 100) / 10} s`;
  return `${Math.round(ms / 60_000)} min`;
}

const reasons = (all: readonly string[]): string => (all.length === 0 ? '' : ` (${all.join(', ')})`);
const because = (reason: string | undefined): string => (reason === undefined || reason === '' ? '' : `: ${reason}`);

function sentence(event: Event): string {
  switch (event.type) {
    case 'daemon.started': return `mobiked ${event.version} started`;
    case 'daemon.stopping': return 'mobiked is stopping';
    case 'config.loaded':
      return event.problems === 0 ? 'configuration loaded' : `configuration loaded with ${event.problems} problem${event.problems === 1 ? '' : 's'}`;
    case 'uplink.changed': return `uplink ${event.uplink} is ${event.state}${because(event.reason)}`;
    case 'uplink.reachability':
      return `uplink ${event.uplink} ${event.state === 'captive' ? 'leads to a captive portal' : `is ${event.state}`}${because(event.evidence)}`;
    case 'connection.connecting': return `${event.connection}: connecting to ${event.remote} through ${event.uplink}`;
    case 'connection.established':
      return `${event.connection}: established with ${event.peer} over ${event.path} in ${spanText(event.took_ms)}`;
    case 'connection.closed':
      return `${event.connection}: closed${because(event.reason)}${event.retry_ms === undefined ? '' : `; next try in ${spanText(event.retry_ms)}`}`;
    case 'connection.addressed':
      return event.addresses.length === 0 ? `${event.connection}: has no virtual address any more` : `${event.connection}: got the virtual address ${event.addresses.join(' and ')}`;
    case 'path.moving':
      if (event.from === event.to) return `${event.connection}: going on over ${event.to}${reasons(event.reasons)}`;
      return `${event.connection}: moving from ${event.from} to ${event.to}${reasons(event.reasons)}`;
    case 'path.moved':
      if (event.from === event.to) return `${event.connection}: goes on over ${event.to} after ${spanText(event.took_ms)}${reasons(event.reasons)}`;
      return `${event.connection}: moved from ${event.from} to ${event.to} in ${spanText(event.took_ms)}${reasons(event.reasons)}`;
    case 'path.doubtful':
      return `${event.connection}: ${event.unanswered} request${event.unanswered === 1 ? '' : 's'} unanswered on ${event.path}, trying other paths`;
    case 'nat.mapping_changed': return `${event.connection}: a NAT on ${event.path} gave us a new address or port`;
    case 'child.established': return `${event.connection}: child ${event.child} established`;
    case 'child.rekeyed': return `${event.connection}: child ${event.child} rekeyed`;
    case 'child.closed': return `${event.connection}: child ${event.child} closed${because(event.reason)}`;
    case 'ike.rekeyed': return `${event.connection}: IKE SA rekeyed`;
    case 'kernel.failed': return `the kernel refused ${event.what}: errno ${event.errno}`;
    case 'daemon.fault': return `fault in mobiked: ${event.what}`;
    case 'events.dropped': return `${event.count} event${event.count === 1 ? '' : 's'} dropped, the queue was full`;
    default: return unreachable(event);
  }
}

/** One English sentence without a full stop, safe to print (what peers sent cannot drive a terminal). */
export function eventText(event: Event): string {
  return printable(sentence(event), 512);
}
