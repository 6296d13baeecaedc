import { policyKey, type XfrmOp, type XfrmPolicy, type XfrmState } from './xfrm.ts';
import type { WantedXfrm } from './xfrm-wanted.ts';

const sameJson = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
const samePolicy = (a: XfrmPolicy, b: XfrmPolicy): boolean => a.priority === b.priority && sameJson(a.template, b.template);
const samePlace = (a: XfrmState, b: XfrmState): boolean => a.source === b.source && a.destination === b.destination;
const sameWay = (a: XfrmState, b: XfrmState): boolean => samePlace(a, b) && a.outputMark === b.outputMark && sameJson(a.encapsulation, b.encapsulation);

const blocking = (policy: XfrmPolicy): XfrmPolicy => ({ ...policy, template: undefined });

/**
 * The difference between what is wanted and what is installed, in an order in which nothing is ever open that should not be:
 *
 * 1. policies that are new and block, or lead elsewhere than a state that moves: they block until the states are there (no packet finds an SA that is
 *    half moved, and none makes the kernel ask for one);
 * 2. inbound states, then outbound ones: additions, updates and moves (K-1);
 * 3. policies as they shall be;
 * 4. what is not wanted any more: policies first, so that no policy leads to a state that is gone.
 *
 * A state is known by its handle: with another address it is the same SA elsewhere.
 */
export function planXfrm(wanted: WantedXfrm, have: WantedXfrm): XfrmOp[] {
  const before: XfrmOp[] = [];
  const between: { readonly in: XfrmOp[]; readonly out: XfrmOp[] } = { in: [], out: [] };
  const after: XfrmOp[] = [];
  const last: XfrmOp[] = [];
  const installed = new Map([...have.states.values()].map((state) => [state.esp.handle, state]));
  const kept = new Set<number>();
  const moving = new Set<number>();
  for (const state of wanted.states.values()) {
    const known = installed.get(state.esp.handle);
    kept.add(state.esp.handle);
    const ops = between[state.esp.direction];
    if (!known) ops.push({ op: 'state.add', state });
    else if (!samePlace(known, state)) {
      ops.push({ op: 'state.move', from: known, state });
      moving.add(state.reqid);
    } else if (!sameWay(known, state)) ops.push({ op: 'state.update', state });
  }
  for (const policy of wanted.policies.values()) {
    const known = have.policies.get(policyKey(policy));
    if (known && samePolicy(known, policy)) continue;
    const leadsElsewhere = known?.template !== undefined && policy.template !== undefined && moving.has(policy.template.reqid);
    if (leadsElsewhere || (!known && policy.template)) before.push({ op: 'policy.set', policy: blocking(policy) });
    (policy.template ? after : before).push({ op: 'policy.set', policy });
  }
  for (const [key, policy] of have.policies) if (!wanted.policies.has(key)) last.push({ op: 'policy.delete', policy });
  for (const state of have.states.values()) if (!kept.has(state.esp.handle)) last.push({ op: 'state.delete', state });
  return [...before, ...between.in, ...between.out, ...after, ...last];
}
