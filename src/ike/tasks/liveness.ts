import { after, millis, pathKey, sameBytes, samePath, type Instant, type Millis, type Path } from '../../base/index.ts';
import { HOLD_TIME, PATH_PACE, RESPONDER_LIVENESS } from '../constants.ts';
import { natPair } from '../encapsulation.ts';
import type { Task } from '../exchange.ts';
import type { IkeSa } from '../ike-sa.ts';
import { refreshInSilence, takeVerdict } from './ike-mobike.ts';
import { silentSince } from './keepalive.ts';

/** A liveness check on the current path, or a probe of another (M3.10-1); both carry NAT detection (M3.8-1, M3.8-3). */
export function livenessTask(probe: Path | undefined): Task {
  let asked: Path | undefined;
  /** Before it was sent nothing had passed since then. */
  let silent: { readonly since: Instant; readonly until: Instant } | undefined;
  /** It was sent because packets went unanswered. */
  let missed = false;
  return {
    kind: probe ? 'probe' : 'liveness', exchange: 'INFORMATIONAL', patience: HOLD_TIME,
    ...(probe ? { path: probe } : {}),
    build(sa, ctx) {
      if (!sa.isEstablished) return undefined;
      asked = probe ?? sa.path;
      missed = probe === undefined && sa.unansweredSince !== undefined;
      silent = probe ? undefined : { since: silentSince(sa), until: ctx.now };
      return sa.mobility.supported && sa.mobikeRole === 'initiator' ? natPair(sa, asked, ctx) : [];
    },
    onResponse(sa, payloads, answer, ctx) {
      // With several copies on the way the hashes may be of another copy's addresses.
      if (asked && answer.onePath && sa.mobility.supported && sa.mobikeRole === 'initiator') {
        const before = sa.mobility.mappings.get(pathKey(asked));
        takeVerdict(sa, asked, answer.path, payloads, false, ctx);
        if (missed && samePath(asked, sa.path)) refreshInSilence(sa, ctx);
        const mapping = sa.mobility.mappings.get(pathKey(asked));
        // NK-3: what the silence did to the mapping teaches how long the next one may be.
        if (silent && before && mapping && sa.natLocal && samePath(asked, sa.path))
          sa.event({ type: 'mapping.seen', chain: sa.chain, connection: sa.name, path: asked, ...silent, changed: !sameBytes(before, mapping) }, ctx);
      }
      // OpenIKED follows every message; the last one it sees must be from the current path.
      if (probe && answer.onePath && sa.isEstablished && sa.exchanges.idle && !sa.mobility.pending && !samePath(probe, sa.path)) sa.exchanges.enqueue(livenessTask(undefined));
    },
    onTimeout: (sa, ctx) => sa.close('peer_dead', `no answer for ${HOLD_TIME / 1000} s`, ctx),
  };
}

/** After inbound traffic ceased, one check this many `active` spans later: a mapping lost under a download shows. */
const CEASED_SPANS = 5;

/**
 * When the next liveness check is due (RFC 7296 §2.4): `active` after traffic began to go unanswered, a while after
 * inbound traffic ceased, and after the idle time. Only what came on the current path counts as alive (D5.5.2-3).
 */
export function livenessDue(sa: IkeSa, now: Instant, idleTime: Millis = sa.connection?.liveness ?? RESPONDER_LIVENESS): Instant {
  const { lastInbound, lastOutbound } = sa.traffic;
  const alive = Math.max(sa.lastIke ?? 0, lastInbound ?? 0) as Instant;
  // An answer that came on another path is no sign of life of this one, and no reason to ask without pause.
  const least = sa.lastAnswer === undefined ? now : after(sa.lastAnswer, PATH_PACE);
  let due = after(alive, idleTime);
  if (sa.mobikeRole !== 'initiator') return Math.max(due, least) as Instant;
  if (lastOutbound !== undefined && lastOutbound > alive) {
    // Something is always on its way while traffic flows: only what left after the last sign of life counts, and of that the first seen.
    if (sa.unansweredSince === undefined || sa.unansweredSince < alive) sa.unansweredSince = Math.min(lastOutbound, now) as Instant;
    due = Math.min(due, after(sa.unansweredSince, sa.trafficActive)) as Instant;
  } else sa.unansweredSince = undefined;
  if (lastInbound !== undefined && lastInbound > (sa.lastIke ?? 0)) due = Math.min(due, after(lastInbound, millis(CEASED_SPANS * sa.trafficActive))) as Instant;
  return Math.max(due, least) as Instant;
}
