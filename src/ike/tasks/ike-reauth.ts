import { after, millis } from '../../base/index.ts';
import { softShare } from '../child-sa.ts';
import { REAUTH_RETRY, REAUTH_TIME } from '../constants.ts';
import type { Ctx } from '../context.ts';
import type { IkeSa } from '../ike-sa.ts';

/*
 * RFC 7296 §2.8.3: who we are is proven anew by a new IKE SA from scratch beside the old one, without INITIAL_CONTACT. Its Child SAs come
 * up, take the traffic over one by one, and then the old IKE SA is deleted (`supersede` in child-sa.ts).
 */

/** Sets the time of an SA that was just authenticated; only the initiator of the chain starts a new one. */
export function scheduleReauth(sa: IkeSa, ctx: Ctx): void {
  const lifetime = sa.connection?.reauth;
  if (lifetime === undefined || sa.mobikeRole !== 'initiator') return;
  keepReauth(sa, after(ctx.now, millis(lifetime * softShare(sa, 'reauth', ctx))));
}

/** Rekeying proves nothing: its time stays. */
export function keepReauth(sa: IkeSa, at: IkeSa['reauthAt']): void {
  sa.reauthAt = at;
  if (at !== undefined) sa.timers.set('reauth', at);
}

/** Starts a new IKE SA over the path in use; the old one goes on whatever becomes of it. */
export function reauthenticate(sa: IkeSa, ctx: Ctx): void {
  if (!sa.isEstablished || sa.mobikeRole !== 'initiator') return;
  sa.isReauthenticating = true;
  sa.reauthWait = millis(Math.min(Math.max(2 * sa.reauthWait, REAUTH_RETRY), 10 * REAUTH_RETRY));
  keepReauth(sa, after(ctx.now, sa.reauthWait));
  ctx.host.initiate(sa.name, [sa.path], ctx);
}

/** The chain that a new IKE SA of ours takes over from: one that is being re-authenticated. */
export function takeOver(sa: IkeSa, ctx: Ctx): number | undefined {
  const old = sa.mobikeRole === 'initiator' ? ctx.host.reauthenticating(sa.name) : undefined;
  if (!old) return undefined;
  for (const name of ['reauth', 'softLifetime'] as const) old.timers.clear(name);
  for (const name of old.unwanted) sa.unwanted.add(name);
  old.timers.set('replaced', after(ctx.now, REAUTH_TIME));
  return old.chain;
}
