import { after, keepNewest, pathKey, seconds, type Instant, type Millis, type Path } from '../base/index.ts';
import type { EspEffect, EspInput, EspReport } from '../ports/index.ts';
import { policyKey, stateKey, type OutputMark, type XfrmCount, type XfrmEffect, type XfrmInput, type XfrmOp, type XfrmPolicy, type XfrmState } from './xfrm.ts';
import { planXfrm } from './xfrm-plan.ts';
import { wantedXfrm, type XfrmGuard, type XfrmSa, type XfrmWay } from './xfrm-wanted.ts';

/** What the kernel refused is asked again after this. */
const REFUSED_RETRY: Millis = seconds(5);
/** Pairs whose inbound packets are remembered for each bundle, as the plane in user space does. */
const PATHS_MOST = 8;

interface Bundle {
  /** The last one that was told. */
  way: Omit<XfrmWay, 'isHeld'> | undefined;
  isHeld: boolean;
  /** The peer has not shown that it receives there: the kernel cannot count octets for it, so nothing leaves (RFC 4555 §3.7). */
  isBounded: boolean;
  sent: number;
  lastSent: Instant | undefined;
  /** By path, least recent first. */
  readonly inbound: Map<string, { readonly path: Path; readonly plain: boolean; readonly packets: number; readonly last: Instant }>;
}

/**
 * ESP in the kernel, behind the effects and inputs of the plane in user space: what those ask for becomes states and policies, what the kernel counts
 * becomes the report. One request at a time; what is installed is what was confirmed.
 */
export class XfrmPlane {
  readonly #sas = new Map<number, { readonly sa: XfrmSa['sa']; used: boolean; counted: XfrmCount | undefined }>();
  readonly #bundles = new Map<number, Bundle>();
  readonly #states = new Map<string, XfrmState>();
  readonly #policies = new Map<string, XfrmPolicy>();
  readonly #markOf: (path: Path) => OutputMark;
  #guards: readonly XfrmGuard[] = [];
  #applying: readonly XfrmOp[] | undefined;
  #isCounting = false;
  #retryAt: Instant | undefined;

  constructor(markOf: (path: Path) => OutputMark) {
    this.#markOf = markOf;
  }

  get deadline(): Instant | undefined {
    return this.#retryAt;
  }

  /** What configured children protect, up or not. */
  setGuards(guards: readonly XfrmGuard[]): XfrmEffect[] {
    this.#guards = guards;
    return this.#plan();
  }

  handle(effect: EspEffect): XfrmEffect[] {
    switch (effect.type) {
      case 'esp.sa.add':
        this.#sas.set(effect.sa.handle, { sa: effect.sa, used: false, counted: undefined });
        return this.#plan();
      case 'esp.sa.use': {
        const next = this.#sas.get(effect.handle);
        if (!next) return [];
        for (const known of this.#sas.values()) if (known.sa.child === next.sa.child && known.sa.direction === 'out') known.used = false;
        next.used = true;
        return this.#plan();
      }
      case 'esp.sa.remove':
        this.#sas.delete(effect.handle);
        return this.#plan();
      case 'esp.path.set':
        return this.#setPath(this.#bundle(effect.bundle), effect);
      case 'esp.bound':
        this.#bundle(effect.bundle).isBounded = effect.bounded;
        return this.#plan();
      case 'esp.poll':
        if (this.#isCounting) return [];
        this.#isCounting = true;
        return [{ type: 'xfrm.count' }];
      default:
        return [];
    }
  }

  tick(now: Instant): XfrmEffect[] {
    if (this.#retryAt === undefined || this.#retryAt > now) return [];
    this.#retryAt = undefined;
    return this.#plan();
  }

  /** Takes an answer of the driver in; what the daemon is to be told, and what is asked next. */
  on(input: XfrmInput, now: Instant): { readonly inputs: EspInput[]; readonly effects: XfrmEffect[]; readonly failures: readonly { readonly op: XfrmOp; readonly errno: number }[] } {
    if (input.type === 'xfrm.applied') {
      const failed = new Set(input.failures.map(({ op }) => op));
      for (const op of this.#applying ?? []) if (!failed.has(op)) this.#confirm(op);
      this.#applying = undefined;
      if (failed.size > 0) this.#retryAt = after(now, REFUSED_RETRY);
      return { inputs: [], effects: failed.size > 0 ? [] : this.#plan(), failures: input.failures };
    }
    this.#isCounting = false;
    const inputs = input.states.flatMap((count) => this.#count(count, now));
    return { inputs: [...inputs, { type: 'esp.polled', report: this.#report() }], effects: [], failures: [] };
  }

  #setPath(bundle: Bundle, { path, encapsulation }: Extract<EspEffect, { type: 'esp.path.set' }>): XfrmEffect[] {
    bundle.isHeld = path === undefined;
    if (path) bundle.way = { path, encapsulation, outputMark: this.#markOf(path) };
    return this.#plan();
  }

  #bundle(id: number): Bundle {
    const known = this.#bundles.get(id);
    if (known) return known;
    const made: Bundle = { way: undefined, isHeld: false, isBounded: false, sent: 0, lastSent: undefined, inbound: new Map() };
    this.#bundles.set(id, made);
    return made;
  }

  #plan(): XfrmEffect[] {
    if (this.#applying) return [];
    const ways = new Map([...this.#bundles].flatMap(([id, { way, isHeld, isBounded }]) => (way ? [[id, { ...way, isHeld: isHeld || isBounded }] as const] : [])));
    const ops = planXfrm(wantedXfrm({ sas: [...this.#sas.values()], ways, guards: this.#guards }), { states: this.#states, policies: this.#policies });
    if (ops.length === 0) return [];
    this.#applying = ops;
    return [{ type: 'xfrm.apply', ops }];
  }

  #confirm(op: XfrmOp): void {
    switch (op.op) {
      case 'state.move':
        this.#states.delete(stateKey(op.from));
        this.#states.set(stateKey(op.state), op.state);
        return;
      case 'state.add':
      case 'state.update':
        this.#states.set(stateKey(op.state), op.state);
        return;
      case 'state.delete':
        this.#states.delete(stateKey(op.state));
        return;
      case 'policy.set':
        this.#policies.set(policyKey(op.policy), op.policy);
        return;
      case 'policy.delete':
        this.#policies.delete(policyKey(op.policy));
    }
  }

  #count(count: XfrmCount, now: Instant): EspInput[] {
    const known = this.#sas.get(count.handle);
    if (!known) return [];
    const before = known.counted?.packets ?? 0;
    known.counted = count;
    const more = count.packets - before;
    if (more <= 0) return [];
    const bundle = this.#bundle(known.sa.bundle);
    if (known.sa.direction === 'out') {
      bundle.sent += more;
      bundle.lastSent = now;
      return [];
    }
    // K-4: the kernel does not say where a packet came from; what it counts came to the state as it is.
    if (bundle.way) this.#noteInbound(bundle, bundle.way, more, now);
    return before === 0 ? [{ type: 'esp.firstInbound', handle: count.handle }] : [];
  }

  #noteInbound({ inbound }: Bundle, { path, encapsulation }: Omit<XfrmWay, 'isHeld'>, packets: number, now: Instant): void {
    const plain = encapsulation === 'none';
    const key = `${pathKey(path)}|${encapsulation}`;
    keepNewest(inbound, key, { path, plain, packets: (inbound.get(key)?.packets ?? 0) + packets, last: now }, PATHS_MOST);
  }

  #report(): EspReport {
    return {
      sas: [...this.#sas.values()].flatMap(({ counted }) => counted ?? []),
      bundles: [...this.#bundles].map(([bundle, { sent, lastSent, inbound }]) => ({
        bundle, sent, lastSent, lastAny: lastSent,
        inbound: [...inbound.values()].map(({ path: { ifindex, local, remote }, plain, packets, last }) =>
          ({ ifindex, local: plain ? { ...local, port: 0 } : local, remote: plain ? { ...remote, port: 0 } : remote, packets, last, ahead: last })),
      })),
      drops: {},
    };
  }
}
