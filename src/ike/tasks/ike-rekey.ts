import { after, ByteReader, ByteWriter, millis, minutes, randomFraction, seconds, type Millis } from '../../base/index.ts';
import { findPayload, isErrorNotify, notify, notifyName, PROTOCOL, type IkeSpi, type Payload } from '../../codec/ike/index.ts';
import { DH_SECRET_OCTETS, dhGroupOf, skeyseedRekey, type DhPair } from '../../crypto/index.ts';
import { softShare } from '../child-sa.ts';
import { oursIsRedundant } from '../collision.ts';
import { DELETE_TIME, HOLD_TIME, NONCE_OCTETS, REPLACED_TIME, TEMPORARY_WAIT } from '../constants.ts';
import type { Ctx } from '../context.ts';
import type { Task } from '../exchange.ts';
import { IkeSa } from '../ike-sa.ts';
import { deriveKeyed } from '../keyed.ts';
import { buildChosen, buildProposals, checkAnswer, choose, type Chosen, groupData, groupWanted } from '../negotiate.ts';
import { nonceFits } from './ike-init.ts';
import { refreshPath } from './ike-mobike.ts';
import { proceedTurn } from './mobike-accept.ts';
import { proceedAddresses, scheduleNews } from './mobike-addresses.ts';
import { keepReauth, reauthenticate } from './ike-reauth.ts';
import { deleteIkeTask } from './informational.ts';

const RULES = { protocol: PROTOCOL.IKE, spiSize: 8, groups: 'mandatory' } as const;

/** First wait after a refusal that will not go away by itself soon, and the longest. */
const REFUSED_WAIT: Millis = seconds(60);
const REKEY_WAIT_MOST: Millis = minutes(10);

const ikeSpiBytes = (spi: IkeSpi): Uint8Array => new ByteWriter(8).u64(spi).finish();
const ikeSpiOf = (bytes: Uint8Array): IkeSpi => new ByteReader(bytes).u64() as IkeSpi;

/** What the two messages of a rekeying agreed on. */
interface Agreed {
  readonly chosen: Chosen;
  /** The I flag of the new SA is ours (I2.18-1): we sent the rekeying. */
  readonly asInitiator: boolean;
  readonly spiI: IkeSpi;
  readonly spiR: IkeSpi;
  readonly ni: Uint8Array;
  readonly nr: Uint8Array;
  /** Wiped when the keys are made. */
  readonly shared: Uint8Array;
}

/** Rekeys the IKE SA (RFC 7296 §1.3.2, §2.18). */
export function rekeyIkeTask(owner: IkeSa, _ctx: Ctx, group?: number): Task {
  let spi = 0n as IkeSpi;
  let ni = new Uint8Array();
  let dh: DhPair | undefined;
  /** Nothing came of ours: a successor that the peer made meanwhile is the one; else it is asked again later. */
  const giveUp = (sa: IkeSa, why: string, wait: Millis, ctx: Ctx): void => {
    dh?.wipe();
    if (conclude(sa, ctx)) return;
    sa.log('warn', `rekeying the IKE SA failed: ${why}`, ctx);
    if (!sa.isEstablished) return;
    // Doubling, and never the same at both ends (I2.25-2).
    sa.rekeyWait = millis(Math.min(Math.max(2 * sa.rekeyWait, wait), REKEY_WAIT_MOST));
    sa.timers.set('softLifetime', after(ctx.now, millis(sa.rekeyWait * (1 + 0.5 * randomFraction(ctx.deps.entropy, 'rekey-wait')))));
  };
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
      const error = payloads.find((p) => p.type === 'N' && isErrorNotify(p.notify));
      if (error?.type === 'N') {
        const name = notifyName(error.notify);
        const wanted = groupWanted(error.data);
        if (name === 'INVALID_KE_PAYLOAD' && group === undefined && !sa.race && sa.connection?.ikeProposals.some((s) => s.groups.includes(wanted))) {
          dh?.wipe();
          return sa.exchanges.enqueue(rekeyIkeTask(owner, ctx, wanted), true);
        }
        const isTemporary = name === 'TEMPORARY_FAILURE';
        giveUp(sa, name, isTemporary ? TEMPORARY_WAIT : REFUSED_WAIT, ctx);
        if (name === 'NO_ADDITIONAL_SAS') reauthenticate(sa.latest, ctx); // I4-1: a new one beside it
        return isTemporary ? sa.latest.temporaryFailure(ctx) : undefined;
      }
      const answer = findPayload(payloads, 'SA');
      const nonce = findPayload(payloads, 'NONCE');
      const ke = findPayload(payloads, 'KE');
      const chosen = answer && checkAnswer(sa.connection?.ikeProposals ?? [], answer.proposals, RULES);
      const shared = chosen && dh && ke && ke.group === dh.group && chosen.group === dh.group ? dh.derive(ke.data) : undefined;
      dh?.wipe();
      // I2.21-1, AL-3: the peer goes on with a successor that we cannot have.
      if (!chosen || !shared || !nonce || !nonceFits(nonce.data)) return sa.latest.shutDown('invalid_syntax', ctx, 'the answer to the rekeying of the IKE SA is of no use');
      onAgreed(sa, { chosen, asInitiator: true, spiI: spi, spiR: ikeSpiOf(chosen.spi), ni, nr: nonce.data, shared }, ctx);
    },
    onTimeout: (sa, ctx) => {
      if (!sa.successor) sa.close('peer_dead', 'no answer to the rekeying of the IKE SA', ctx);
    },
    release: () => dh?.wipe(),
  };
}

/** Our rekeying was answered. Unless the peer has rekeyed as well, and won, its SA takes over (I2.8.2-1). */
function onAgreed(old: IkeSa, agreed: Agreed, ctx: Ctx): void {
  const mine = makeSuccessor(old, agreed, ctx);
  const { race } = old;
  old.race = undefined;
  const theirs = race && !race.theirs.isDead ? race.theirs : undefined;
  const holder = theirs && theirs.state !== 'undecided' ? theirs : old;
  // The tunnel was closed meanwhile: what the peer made is deleted as well, and the old one with it.
  const isClosed = !holder.isEstablished;
  const isRedundant = theirs !== undefined && oursIsRedundant([agreed.ni, agreed.nr], [race?.ni ?? agreed.ni, race?.nr ?? agreed.nr]);
  if (isClosed || isRedundant) {
    discard(mine, ctx);
    if (!isClosed && theirs?.state === 'undecided') adopt(old, old, theirs, ctx);
    if (isClosed && !old.exchanges.has('ikeDelete')) old.exchanges.enqueue(deleteIkeTask());
    return;
  }
  adopt(holder, old, mine, ctx);
  // I2.8.2-1: the peer deletes what it made for nothing.
  if (theirs) {
    leave(theirs, mine, REPLACED_TIME, ctx);
    theirs.predecessor = undefined;
    mine.rival = theirs;
  }
  // I2.8-3: who rekeyed deletes the old SA, as its last request.
  old.exchanges.enqueue(deleteIkeTask());
}

/** Answers a rekeying of the IKE SA (I2.25-1). When ours is on its way the nonces will tell which of the two successors stays. */
export function respondRekeyIke(sa: IkeSa, payloads: readonly Payload[], respond: (payloads: readonly Payload[]) => void, ctx: Ctx): void {
  const { outstanding } = sa.exchanges;
  const isRace = outstanding?.task.kind === 'ikeRekey';
  const isCreating = outstanding?.task.exchange === 'CREATE_CHILD_SA' && !isRace;
  const isDeleting = sa.exchanges.has('childDelete') || [...sa.children.values()].some((c) => c.state === 'deleting');
  // A peer that never deletes what it rekeyed has two SAs of a chain, not ever more.
  const isCrowded = sa.race !== undefined || (sa.predecessor !== undefined && !sa.predecessor.isDead);
  if (isCreating || isDeleting || isCrowded) return respond([notify('TEMPORARY_FAILURE')]);
  const offer = findPayload(payloads, 'SA');
  const nonce = findPayload(payloads, 'NONCE');
  const ke = findPayload(payloads, 'KE');
  const chosen = offer && choose(sa.connection?.ikeProposals ?? [], offer.proposals, RULES);
  const group = chosen && dhGroupOf(chosen.group);
  if (!chosen || !nonce || group === undefined) return respond([notify('NO_PROPOSAL_CHOSEN')]);
  if (!ke || ke.group !== group) return respond([notify('INVALID_KE_PAYLOAD', groupData(chosen.group))]);
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
  dh.wipe();
  const ni = nonce.data.slice();
  const made = makeSuccessor(sa, { chosen, asInitiator: false, spiI: ikeSpiOf(chosen.spi), spiR: spi, ni, nr, shared }, ctx);
  if (!isRace) return adopt(sa, sa, made, ctx);
  sa.race = { theirs: made, ni, nr };
  made.timers.set('hardLifetime', after(ctx.now, HOLD_TIME));
  ctx.host.admit(made);
}

/**
 * The peer's successor is the one, whether it said so by using it, by deleting the old SA, or by refusing a rekeying of ours: true when
 * there is one.
 */
export function conclude(old: IkeSa, ctx: Ctx): boolean {
  const theirs = old.race?.theirs;
  if (!theirs || theirs.isDead) return false;
  if (theirs.state === 'undecided') adopt(old, old, theirs, ctx);
  return true;
}

/** A successor with its own SPIs and keys, and nothing else yet. */
function makeSuccessor(old: IkeSa, agreed: Agreed, ctx: Ctx): IkeSa {
  const { suite } = ctx.deps;
  const { chosen, asInitiator, spiI, spiR, ni, nr, shared } = agreed;
  const before = old.keyed();
  const sa = new IkeSa({
    chain: old.chain, name: old.name, connection: old.connection, originalInitiator: asInitiator, mobikeRole: old.mobikeRole, state: 'undecided', spiI, spiR, path: old.path, setup: undefined,
  });
  sa.setKeys(deriveKeyed(ctx.deps, { chosen, seed: () => skeyseedRekey(suite, before.hash, before.keys.skD, shared, ni, nr), ni, nr, spiI, spiR, originalInitiator: asInitiator }));
  shared.fill(0);
  sa.predecessor = old;
  sa.localId = old.localId;
  sa.peerId = old.peerId;
  sa.undated = old.undated;
  sa.establishedAt = old.establishedAt;
  sa.fragmentation = old.fragmentation;
  sa.takesPadding = old.takesPadding;
  sa.vips = old.vips;
  sa.mobility.supported = old.mobility.supported;
  sa.nat = old.nat;
  return sa;
}

/** Ends a successor of ours that is not wanted: a Delete on it, and nothing is told. */
function discard(sa: IkeSa, ctx: Ctx): void {
  sa.predecessor = undefined;
  sa.state = 'deleting';
  sa.timers.set('hardLifetime', after(ctx.now, DELETE_TIME));
  ctx.host.admit(sa);
  sa.exchanges.enqueue(deleteIkeTask());
  sa.afterwards(ctx);
}

/** Leaves an SA to the peer, which is to delete it: it answers, and asks nothing any more. */
function leave(sa: IkeSa, successor: IkeSa, within: Millis, ctx: Ctx): void {
  sa.state = 'rekeyed';
  sa.successor = successor;
  sa.timers.clearAll();
  sa.timers.set('hardLifetime', after(ctx.now, within));
}

/**
 * `sa` takes over all that belongs to the chain: Child SAs, path, MOBIKE state, waiting requests. `holder` has them: the SA that was
 * rekeyed, `old`, or the other successor of it.
 */
function adopt(holder: IkeSa, old: IkeSa, sa: IkeSa, ctx: Ctx): void {
  sa.state = 'established';
  sa.path = holder.path;
  sa.lastIke = ctx.now;
  sa.natLocal = holder.natLocal;
  sa.natRemote = holder.natRemote;
  sa.traffic = holder.traffic;
  sa.trafficActive = holder.trafficActive;
  sa.lastSent = holder.lastSent;
  for (const [spi, child] of holder.children) sa.children.set(spi, child);
  holder.children.clear();
  for (const [key, rtt] of holder.rtt) sa.rtt.set(key, rtt);
  for (const [name, entry] of holder.missing) sa.missing.set(name, entry);
  holder.missing.clear();
  for (const name of holder.unwanted) sa.unwanted.add(name);
  sa.mobility = { ...holder.mobility, mappings: new Map(), lastUpdateId: -1, lastListId: -1 }; // message IDs start anew, and the hashes are over SPIs
  holder.mobility.pending = undefined;
  const lifetime = sa.connection?.ikeLifetime ?? millis(14_400_000);
  sa.timers.set('softLifetime', after(ctx.now, millis(lifetime * softShare(sa, 'ike-lifetime', ctx))));
  sa.timers.set('hardLifetime', after(ctx.now, lifetime));
  keepReauth(sa, holder.reauthAt);
  [sa.reauthWait, sa.isReauthenticating] = [holder.reauthWait, holder.isReauthenticating];
  const replaced = holder.timers.get('replaced');
  if (replaced !== undefined) sa.timers.set('replaced', replaced);
  for (const task of holder.exchanges.takeWaiting()) if (task.kind !== 'ikeRekey') sa.exchanges.enqueue(task);
  proceedTurn(sa, ctx);
  if (sa.mobility.stranded) proceedAddresses(sa, ctx);
  else scheduleNews(sa, ctx);
  leave(old, sa, sa.isHeard ? REPLACED_TIME : HOLD_TIME, ctx);
  if (sa.mobility.pending) sa.mobility.pending.due = true;
  // M3.8-3: the new SPIs void the mapping baseline; one update gives the new one.
  else if (sa.natLocal) refreshPath(sa, 'baseline', ctx);
  ctx.host.adopt(sa);
  sa.event({ type: 'ike.rekeyed', chain: sa.chain, connection: sa.name }, ctx);
  sa.afterwards(ctx);
}
