import { after, ByteReader, ByteWriter, millis, randomFraction } from '../../base/index.ts';
import { findPayload, isErrorNotify, notify, notifyName, PROTOCOL, type IkeSpi, type Payload } from '../../codec/ike/index.ts';
import { DH_SECRET_OCTETS, dhGroupOf, skeyseedRekey, type DhPair } from '../../crypto/index.ts';
import { HOLD_TIME, NONCE_OCTETS, SOFT_JITTER, SOFT_SHARE, TEMPORARY_WAIT } from '../constants.ts';
import type { Ctx } from '../context.ts';
import type { Task } from '../exchange.ts';
import { IkeSa } from '../ike-sa.ts';
import { deriveKeyed } from '../keyed.ts';
import { buildChosen, buildProposals, checkAnswer, choose, type Chosen } from '../negotiate.ts';
import { nonceFits } from './ike-init.ts';
import { proceedTurn, refreshPath } from './ike-mobike.ts';
import { deleteIkeTask } from './informational.ts';

const RULES = { protocol: PROTOCOL.IKE, spiSize: 8, groups: 'mandatory' } as const;

const ikeSpiBytes = (spi: IkeSpi): Uint8Array => new ByteWriter(8).u64(spi).finish();
const ikeSpiOf = (bytes: Uint8Array): IkeSpi => new ByteReader(bytes).u64() as IkeSpi;

/** Rekeys the IKE SA (RFC 7296 §1.3.2, §2.18). */
export function rekeyIkeTask(owner: IkeSa, _ctx: Ctx, group?: number): Task {
  let spi = 0n as IkeSpi;
  let ni = new Uint8Array();
  let dh: DhPair | undefined;
  return {
    kind: 'ikeRekey', exchange: 'CREATE_CHILD_SA', patience: HOLD_TIME,
    build(sa, ctx) {
      const suites = sa.connection?.ikeProposals ?? [];
      const wanted = dhGroupOf(group ?? suites.flatMap((s) => s.groups)[0] ?? 0);
      if (!sa.isEstablished || wanted === undefined) return undefined;
      spi = ctx.host.newIkeSpi();
      ni = new Uint8Array(ctx.deps.entropy.bytes(NONCE_OCTETS, 'nonce'));
      dh = ctx.deps.suite.dh(wanted, ctx.deps.entropy.bytes(DH_SECRET_OCTETS[wanted], 'dh'));
      return [
        { type: 'SA', proposals: buildProposals(suites, PROTOCOL.IKE, ikeSpiBytes(spi), true) },
        { type: 'NONCE', data: ni },
        { type: 'KE', group: dh.group, data: dh.publicValue },
      ];
    },
    onResponse(sa, payloads, _answer, ctx) {
      const again = (wait: number): void => {
        dh?.wipe();
        sa.timers.set('softLifetime', after(ctx.now, millis(wait * (1 + randomFraction(ctx.deps.entropy, 'rekey-wait')))));
      };
      const error = payloads.find((p) => p.type === 'N' && isErrorNotify(p.notify));
      if (error?.type === 'N') {
        const name = notifyName(error.notify);
        const wanted = error.data.length === 2 ? ((error.data[0] ?? 0) << 8) | (error.data[1] ?? 0) : 0;
        if (name === 'INVALID_KE_PAYLOAD' && group === undefined && sa.connection?.ikeProposals.some((s) => s.groups.includes(wanted))) {
          dh?.wipe();
          return sa.exchanges.enqueue(rekeyIkeTask(owner, ctx, wanted), true);
        }
        sa.log('warn', `rekeying the IKE SA failed: ${name}`, ctx);
        return again(name === 'TEMPORARY_FAILURE' ? TEMPORARY_WAIT : 60_000);
      }
      const answer = findPayload(payloads, 'SA');
      const nonce = findPayload(payloads, 'NONCE');
      const ke = findPayload(payloads, 'KE');
      const chosen = answer && checkAnswer(sa.connection?.ikeProposals ?? [], answer.proposals, RULES);
      const shared = chosen && dh && ke && ke.group === dh.group && chosen.group === dh.group ? dh.derive(ke.data) : undefined;
      dh?.wipe();
      // I2.21-1, AL-3: the peer goes on with a successor that we cannot have.
      if (!chosen || !shared || !nonce || !nonceFits(nonce.data)) return sa.shutDown('invalid_syntax', ctx, 'the answer to the rekeying of the IKE SA is of no use');
      succeed(sa, true, spi, ikeSpiOf(chosen.spi), chosen, ni, nonce.data, shared, ctx);
      // I2.8-3: who rekeyed deletes the old SA, as its last request.
      sa.exchanges.enqueue(deleteIkeTask());
    },
    onTimeout: (sa, ctx) => sa.close('peer_dead', 'no answer to the rekeying of the IKE SA', ctx),
    release: () => dh?.wipe(),
  };
}

/** Answers a rekeying of the IKE SA. While one of ours is under way both give way and try again later. */
export function respondRekeyIke(sa: IkeSa, payloads: readonly Payload[], respond: (payloads: readonly Payload[]) => void, ctx: Ctx): void {
  const busy = sa.exchanges.some((t) => t.exchange === 'CREATE_CHILD_SA' || t.kind === 'childDelete') || [...sa.children.values()].some((c) => c.state === 'deleting');
  // A peer that never deletes what it rekeyed has two SAs of a chain, not ever more.
  const crowded = sa.predecessor !== undefined && !sa.predecessor.isDead;
  if (busy || crowded) return respond([notify('TEMPORARY_FAILURE')]);
  const offer = findPayload(payloads, 'SA');
  const nonce = findPayload(payloads, 'NONCE');
  const ke = findPayload(payloads, 'KE');
  const chosen = offer && choose(sa.connection?.ikeProposals ?? [], offer.proposals, RULES);
  const group = chosen && dhGroupOf(chosen.group);
  if (!chosen || !nonce || group === undefined) return respond([notify('NO_PROPOSAL_CHOSEN')]);
  if (!ke || ke.group !== group) return respond([notify('INVALID_KE_PAYLOAD', Uint8Array.of(chosen.group >> 8, chosen.group & 255))]);
  const dh = ctx.deps.suite.dh(group, ctx.deps.entropy.bytes(DH_SECRET_OCTETS[group], 'dh'));
  const shared = dh.derive(ke.data);
  if (!shared) {
    dh.wipe();
    respond([notify('INVALID_SYNTAX')]); // AL-3
    return sa.close('invalid_syntax', 'invalid public value in the rekeying of the IKE SA', ctx);
  }
  const spi = ctx.host.newIkeSpi();
  const nr = ctx.deps.entropy.bytes(NONCE_OCTETS, 'nonce');
  respond([
    { type: 'SA', proposals: [buildChosen(chosen, PROTOCOL.IKE, ikeSpiBytes(spi))] },
    { type: 'NONCE', data: nr },
    { type: 'KE', group, data: dh.publicValue },
  ]);
  succeed(sa, false, ikeSpiOf(chosen.spi), spi, chosen, nonce.data, nr, shared, ctx);
  dh.wipe();
}

/**
 * Makes the successor: new SPIs and keys, and all that belongs to the chain: Child SAs, path, MOBIKE state,
 * waiting requests. `asInitiator`: we sent the rekeying, so the I flag of the new SA is ours (I2.18-1).
 */
function succeed(old: IkeSa, asInitiator: boolean, spiI: IkeSpi, spiR: IkeSpi, chosen: Chosen, ni: Uint8Array, nr: Uint8Array, shared: Uint8Array, ctx: Ctx): void {
  const { suite, entropy } = ctx.deps;
  const before = old.keyed();
  const keyed = deriveKeyed(ctx.deps, {
    chosen, seed: () => skeyseedRekey(suite, before.hash, before.keys.skD, shared, ni, nr), ni, nr, spiI, spiR, originalInitiator: asInitiator,
  });
  shared.fill(0);
  // We ended the SA while the peer made its successor: the Delete that waits is for both.
  const ending = old.state === 'deleting';
  const sa = new IkeSa({
    chain: old.chain, name: old.name, connection: old.connection, originalInitiator: asInitiator, mobikeRole: old.mobikeRole, state: ending ? 'deleting' : 'established', spiI, spiR, path: old.path, setup: undefined,
  });
  sa.setKeys(keyed);
  sa.predecessor = old;
  old.successor = sa;
  sa.localId = old.localId;
  sa.peerId = old.peerId;
  sa.undated = old.undated;
  sa.establishedAt = old.establishedAt;
  sa.lastIke = ctx.now;
  sa.fragmentation = old.fragmentation;
  sa.natLocal = old.natLocal;
  sa.natRemote = old.natRemote;
  sa.traffic = old.traffic;
  sa.trafficActive = old.trafficActive;
  sa.lastSent = old.lastSent;
  for (const [spi, child] of old.children) sa.children.set(spi, child);
  old.children.clear();
  for (const [key, rtt] of old.rtt) sa.rtt.set(key, rtt);
  for (const [name, entry] of old.missing) sa.missing.set(name, entry);
  old.missing.clear();
  for (const name of old.unwanted) sa.unwanted.add(name);
  sa.mobility = { ...old.mobility, mappings: new Map(), lastUpdateId: -1 }; // message IDs start anew, and the hashes are over SPIs
  old.mobility.pending = undefined;
  const lifetime = sa.connection?.ikeLifetime ?? millis(14_400_000);
  sa.timers.set('softLifetime', after(ctx.now, millis(lifetime * (SOFT_SHARE - SOFT_JITTER * randomFraction(entropy, 'ike-lifetime')))));
  sa.timers.set('hardLifetime', after(ctx.now, lifetime));
  for (const task of old.exchanges.takeWaiting()) if (task.kind !== 'ikeRekey') sa.exchanges.enqueue(task);
  proceedTurn(sa, ctx);
  old.state = 'rekeyed';
  old.timers.clearAll();
  old.timers.set('hardLifetime', after(ctx.now, HOLD_TIME));
  if (sa.mobility.pending) sa.mobility.pending.due = true;
  // M3.8-3: the new SPIs void the mapping baseline; one update gives the new one.
  else if (sa.natLocal) refreshPath(sa, 'baseline', ctx);
  ctx.host.adopt(sa);
  if (!ending) sa.event({ type: 'ike.rekeyed', chain: sa.chain, connection: sa.name }, ctx);
  sa.afterwards(ctx);
}
