import { constants, endianness } from 'node:os';
import type { RouteFact } from '../../base/index.ts';
import type { NetlinkMessage, RouteSpec } from '../../codec/netlink/index.ts';
import {
  decodeAddress, decodeControl, decodeLink, decodeMessages, decodeRoutes, encodeAddress, encodeAddressDump, encodeLinkDump, encodeLinkSet, encodeRoute, encodeRouteDump,
  MESSAGE, NLM_F, RTNLGRP,
} from '../../codec/netlink/index.ts';
import type { EffectOf, Input, KernelEffect, KernelOp, Port, WantedRoute } from '../../ports/index.ts';
import type { KernelChange } from './netlink-picture.ts';
import { KernelPicture } from './netlink-picture.ts';

export interface NetlinkEvents {
  /** One datagram from the kernel, and only from the kernel: one or more messages in host byte order. */
  message(bytes: Uint8Array): void;
  /** ENOBUFS: messages were lost, the socket goes on. Anything else: the socket is of no use. */
  failed(errno: number): void;
}

/** A raw NETLINK_ROUTE socket; implemented over the npm package and over our addon, under one contract test. */
export interface NetlinkSocket {
  /** Sends one or more messages to the kernel; 0 or an errno. */
  send(bytes: Uint8Array): number;
  close(): void;
}

/** Opens a socket that has joined `groups` (RTNLGRP_* numbers). Throws an Error when the kernel refuses. */
export type NetlinkFactory = (groups: readonly number[], events: NetlinkEvents) => NetlinkSocket;

const GROUPS = [RTNLGRP.LINK, RTNLGRP.IPV4_IFADDR, RTNLGRP.IPV6_IFADDR, RTNLGRP.IPV4_ROUTE, RTNLGRP.IPV6_ROUTE];
const LITTLE_ENDIAN = endianness() === 'LE';
const { EADDRNOTAVAIL, EEXIST, ESRCH, ENODEV, ENOBUFS, ETIMEDOUT } = constants.errno;

/** The kernel answers at once; this long means that the socket is broken. */
const ANSWER_MS = 5000;
/** Events that come together cause one dump of the routes. */
const SETTLE_MS = 10;
/** Dumps caused by events start at most this often, so that a flapping device costs little. */
const DUMP_GAP_MS = 200;
const REOPEN_MS = 1000;
/** A table that changes at every try is taken as it is after this many; the events tell the rest. */
const MOST_TRIES = 5;
/** Changes held back while a dump runs; more than this and it starts again. */
const MOST_HELD = 10_000;
/** Requests sent in one datagram: their acknowledgements fit a receive buffer of the default size with ease. */
const BATCH = 32;

type Step = 'links' | 'addresses' | 'routes4' | 'routes6';
const ALL_STEPS: readonly Step[] = ['links', 'addresses', 'routes4', 'routes6'];
const ROUTE_STEPS: readonly Step[] = ['routes4', 'routes6'];

interface Dump {
  readonly full: boolean;
  /** Steps left; the first one runs. */
  steps: readonly Step[];
  sequence: number;
  /** The kernel said that the answer mixes two states (NLM_F_DUMP_INTR). */
  interrupted: boolean;
  tries: number;
  /** Changes since the dump began; they are folded into its result. */
  held: KernelChange[];
  readonly picture: KernelPicture;
}

interface Job {
  readonly opId: number;
  readonly ops: readonly KernelOp[];
  readonly deliver: (input: Input) => void;
  readonly failures: { op: KernelOp; errno: number }[];
  /** Index of the first op not sent. */
  next: number;
  /** Sent and not acknowledged, by sequence number. */
  waiting: Map<number, KernelOp>;
  timer: NodeJS.Timeout | undefined;
}

const specOf = (route: WantedRoute): RouteSpec => ({
  destination: route.destination,
  ifindex: route.via.kind === 'device' ? route.via.ifindex : undefined,
  metric: route.metric,
  prefSrc: route.prefSrc,
  gateway: route.via.kind === 'device' ? route.via.gateway : undefined,
});

function encodeOp(op: KernelOp, sequence: number): Uint8Array {
  switch (op.op) {
    case 'link.set':
      return encodeLinkSet(op, sequence, LITTLE_ENDIAN);
    case 'address.add':
      return encodeAddress('add', op, sequence, LITTLE_ENDIAN);
    case 'address.delete':
      return encodeAddress('delete', op, sequence, LITTLE_ENDIAN);
    case 'route.add':
      return encodeRoute('add', specOf(op.route), sequence, LITTLE_ENDIAN);
    case 'route.delete':
      return encodeRoute('delete', specOf(op.route), sequence, LITTLE_ENDIAN);
  }
}

/** What is so already counts as done. */
function tolerated(op: KernelOp, errno: number): boolean {
  if (op.op === 'route.add' || op.op === 'address.add') return errno === EEXIST;
  if (op.op === 'address.delete') return errno === EADDRNOTAVAIL || errno === ENODEV;
  return op.op === 'route.delete' && (errno === ESRCH || errno === ENODEV);
}

function dumpRequest(step: Step, sequence: number): Uint8Array {
  switch (step) {
    case 'links':
      return encodeLinkDump(sequence, LITTLE_ENDIAN);
    case 'addresses':
      return encodeAddressDump(sequence, LITTLE_ENDIAN);
    case 'routes4':
      return encodeRouteDump(4, sequence, LITTLE_ENDIAN);
    case 'routes6':
      return encodeRouteDump(6, sequence, LITTLE_ENDIAN);
  }
}

function changesOf(message: NetlinkMessage): KernelChange[] {
  switch (message.type) {
    case MESSAGE.RTM_NEWLINK:
    case MESSAGE.RTM_DELLINK: {
      const link = decodeLink(message.payload, LITTLE_ENDIAN);
      return link ? [{ type: 'kernel.link', change: message.type === MESSAGE.RTM_NEWLINK ? 'set' : 'removed', link }] : [];
    }
    case MESSAGE.RTM_NEWADDR:
    case MESSAGE.RTM_DELADDR: {
      const address = decodeAddress(message.payload, LITTLE_ENDIAN);
      return address ? [{ type: 'kernel.address', change: message.type === MESSAGE.RTM_NEWADDR ? 'set' : 'removed', address }] : [];
    }
    case MESSAGE.RTM_NEWROUTE:
    case MESSAGE.RTM_DELROUTE: {
      const change = message.type === MESSAGE.RTM_NEWROUTE ? 'set' : 'removed';
      return decodeRoutes(message.payload, LITTLE_ENDIAN).map((route: RouteFact) => ({ type: 'kernel.route', change, route }));
    }
    default:
      return [];
  }
}

/**
 * After these the route table may differ from what the events said: IPv4 routes go silently with their device or
 * preferred source, a replaced route is not told as removed, and one next hop of several may go alone.
 */
function unsettlesRoutes(change: KernelChange, flags: number): boolean {
  switch (change.type) {
    case 'kernel.link':
      return change.change === 'removed' || !change.link.up;
    case 'kernel.address':
      return change.change === 'removed';
    case 'kernel.route':
      return change.change === 'removed' || (flags & NLM_F.REPLACE) !== 0;
  }
}

/**
 * rtnetlink as the core wants it: one snapshot, then changes; and route and link operations with their outcome. One
 * socket for both, so that the events an operation causes come before its `kernel.applied`.
 */
class KernelPort implements Port<KernelEffect> {
  readonly #open: NetlinkFactory;
  readonly #log: (text: string) => void;
  #socket: NetlinkSocket | undefined;
  #closed = false;
  #sequence = 0;

  /** Receiver of changes, once watching. */
  #deliver: ((input: Input) => void) | undefined;
  /** Undefined until the first snapshot. */
  #picture: KernelPicture | undefined;
  #dump: Dump | undefined;
  #dumpTimer: NodeJS.Timeout | undefined;
  #dumpDue: { full: boolean; timer: NodeJS.Timeout } | undefined;
  /** Monotonic, in ms: when the last dump began. */
  #dumpedAt = -Infinity;
  #reopenTimer: NodeJS.Timeout | undefined;
  readonly #jobs: Job[] = [];

  constructor(open: NetlinkFactory, log: (text: string) => void) {
    this.#open = open;
    this.#log = log;
    this.#socket = this.#connect();
  }

  perform(effect: KernelEffect, deliver: (input: Input) => void): void {
    switch (effect.type) {
      case 'kernel.watch':
        this.#deliver = deliver;
        this.#picture = undefined;
        this.#requestDump(true, 0);
        return;
      case 'kernel.apply':
        this.#apply(effect, deliver);
        return;
    }
  }

  close(): void {
    this.#closed = true;
    this.#deliver = undefined;
    this.#endDump();
    clearTimeout(this.#dumpDue?.timer);
    clearTimeout(this.#reopenTimer);
    for (const job of this.#jobs.splice(0)) clearTimeout(job.timer);
    this.#socket?.close();
    this.#socket = undefined;
  }

  // ---- Socket

  #connect(): NetlinkSocket {
    const socket: NetlinkSocket = this.#open(GROUPS, {
      message: (bytes) => {
        if (this.#socket === socket) this.#received(bytes);
      },
      failed: (errno) => {
        if (this.#socket === socket) this.#failed(errno);
      },
    });
    return socket;
  }

  #failed(errno: number): void {
    if (errno === ENOBUFS) this.#overrun();
    else this.#reopen(`socket failed (errno ${errno})`);
  }

  /** Messages were lost, acknowledgements perhaps among them: looks at everything again, and asks again. */
  #overrun(): void {
    this.#log('rtnetlink: the kernel dropped messages, dumping again');
    if (this.#deliver) this.#requestDump(true, DUMP_GAP_MS);
    this.#resend();
  }

  #reopen(why: string): void {
    this.#log(`rtnetlink: ${why}, opening another socket`);
    this.#endDump();
    this.#socket?.close();
    this.#socket = undefined;
    const retry = (): void => {
      if (this.#closed) return;
      try {
        this.#socket = this.#connect();
      } catch {
        this.#reopenTimer = setTimeout(retry, REOPEN_MS);
        return;
      }
      if (this.#deliver) this.#requestDump(true, 0);
      this.#resend();
    };
    clearTimeout(this.#reopenTimer);
    this.#reopenTimer = setTimeout(retry, 0);
  }

  #send(bytes: Uint8Array): number {
    return this.#socket?.send(bytes) ?? ENOBUFS;
  }

  #nextSequence(): number {
    this.#sequence = (this.#sequence + 1) >>> 0 || 1;
    return this.#sequence;
  }

  #received(bytes: Uint8Array): void {
    for (const message of decodeMessages(bytes, LITTLE_ENDIAN)) {
      const control = decodeControl(message, LITTLE_ENDIAN);
      if (control?.kind === 'overrun') this.#overrun();
      else if (control) this.#answered(message, control.errno);
      else if ((message.flags & NLM_F.MULTI) !== 0) this.#dumped(message);
      else this.#told(message);
      if (this.#closed || this.#socket === undefined) return;
    }
  }

  // ---- Dumps

  /** Makes a dump begin after `settle` ms, or later when one began just now; a full one includes the routes. */
  #requestDump(full: boolean, settle: number): void {
    if (this.#closed) return;
    const due = this.#dumpDue;
    if (due && (due.full || !full)) return;
    clearTimeout(due?.timer);
    const wait = settle === 0 ? 0 : Math.max(settle, this.#dumpedAt + DUMP_GAP_MS - performance.now());
    const begin = (): void => {
      this.#dumpDue = undefined;
      // One dump at a time: the kernel refuses a second one on the same socket (EBUSY).
      if (this.#dump) this.#requestDump(full, SETTLE_MS);
      else this.#beginDump(full, 1);
    };
    this.#dumpDue = { full, timer: setTimeout(begin, wait) };
  }

  #beginDump(full: boolean, tries: number): void {
    this.#dumpedAt = performance.now();
    this.#dump = { full, steps: full ? ALL_STEPS : ROUTE_STEPS, sequence: 0, interrupted: false, tries, held: [], picture: new KernelPicture() };
    this.#dumpTimer = setTimeout(() => this.#reopen('a dump was not answered'), ANSWER_MS);
    this.#askStep(this.#dump);
  }

  #endDump(): void {
    this.#dump = undefined;
    clearTimeout(this.#dumpTimer);
  }

  #askStep(dump: Dump): void {
    const step = dump.steps[0];
    if (step === undefined) return;
    dump.sequence = this.#nextSequence();
    const errno = this.#send(dumpRequest(step, dump.sequence));
    if (errno !== 0) this.#reopen(`a dump could not be asked for (errno ${errno})`);
  }

  #dumped(message: NetlinkMessage): void {
    const dump = this.#dump;
    if (!dump || message.sequence !== dump.sequence) return;
    if ((message.flags & NLM_F.DUMP_INTR) !== 0) dump.interrupted = true;
    for (const change of changesOf(message)) dump.picture.change(change);
  }

  #stepDone(dump: Dump, message: NetlinkMessage, errno: number): void {
    if (errno !== 0) {
      this.#log(`rtnetlink: the kernel refused a dump (errno ${errno}), trying again`);
      this.#endDump();
      this.#requestDump(dump.full, DUMP_GAP_MS);
      return;
    }
    if ((message.flags & NLM_F.DUMP_INTR) !== 0) dump.interrupted = true;
    dump.steps = dump.steps.slice(1);
    if (dump.steps.length > 0) {
      this.#askStep(dump);
      return;
    }
    this.#endDump();
    if ((dump.interrupted && dump.tries < MOST_TRIES) || dump.held.length > MOST_HELD) this.#beginDump(dump.full, dump.tries + 1);
    else this.#takeDump(dump);
  }

  #takeDump(dump: Dump): void {
    for (const change of dump.held) dump.picture.change(change);
    if (dump.picture.overflowed > 0) this.#log(`rtnetlink: ${dump.picture.overflowed} facts left out, there are too many`);
    if (dump.full) {
      this.#picture = dump.picture;
      this.#deliver?.(dump.picture.snapshot());
    } else {
      for (const change of this.#picture?.replaceRoutes(dump.picture.routes) ?? []) this.#deliver?.(change);
    }
  }

  /** A change told to a multicast group: delivered at once if it changes anything, and held for a dump that runs. */
  #told(message: NetlinkMessage): void {
    if (!this.#deliver) return;
    for (const change of changesOf(message)) {
      if (this.#dump && this.#dump.held.length <= MOST_HELD) this.#dump.held.push(change);
      if (unsettlesRoutes(change, message.flags)) this.#requestDump(false, SETTLE_MS);
      for (const real of this.#picture?.change(change) ?? []) this.#deliver?.(real);
    }
  }

  // ---- Operations

  #apply(effect: EffectOf<'kernel.apply'>, deliver: (input: Input) => void): void {
    const job: Job = { opId: effect.opId, ops: effect.ops, deliver, failures: [], next: 0, waiting: new Map(), timer: undefined };
    job.timer = setTimeout(() => this.#expire(job), ANSWER_MS);
    this.#jobs.push(job);
    if (this.#jobs.length === 1) this.#advance();
  }

  /** Sends the next batch of the first job, or answers it and goes on with the next one. */
  #advance(): void {
    for (let job = this.#jobs[0]; job && job.waiting.size === 0; job = this.#jobs[0]) {
      if (job.next >= job.ops.length) {
        this.#jobs.shift();
        this.#finish(job);
        continue;
      }
      const batch = job.ops.slice(job.next, job.next + BATCH);
      job.next += batch.length;
      this.#sendOps(job, batch);
    }
  }

  #sendOps(job: Job, ops: readonly KernelOp[]): void {
    const parts: Uint8Array[] = [];
    for (const op of ops) {
      const sequence = this.#nextSequence();
      job.waiting.set(sequence, op);
      parts.push(encodeOp(op, sequence));
    }
    // Without a socket the batch waits for the next one, or for the time-out.
    if (!this.#socket) return;
    const errno = this.#send(Buffer.concat(parts));
    if (errno === 0) return;
    job.waiting.clear();
    for (const op of ops) job.failures.push({ op, errno });
  }

  #resend(): void {
    const job = this.#jobs[0];
    if (!job || job.waiting.size === 0) return;
    const ops = [...job.waiting.values()];
    job.waiting.clear();
    this.#sendOps(job, ops);
    this.#advance();
  }

  #answered(message: NetlinkMessage, errno: number): void {
    const dump = this.#dump;
    if (dump && message.sequence === dump.sequence) {
      this.#stepDone(dump, message, errno);
      return;
    }
    const job = this.#jobs[0];
    const op = job?.waiting.get(message.sequence);
    if (!job || !op) return;
    job.waiting.delete(message.sequence);
    if (errno !== 0 && !tolerated(op, errno)) job.failures.push({ op, errno });
    this.#advance();
  }

  #expire(job: Job): void {
    const at = this.#jobs.indexOf(job);
    if (at < 0) return;
    this.#jobs.splice(at, 1);
    for (const op of [...job.waiting.values(), ...job.ops.slice(job.next)]) job.failures.push({ op, errno: ETIMEDOUT });
    this.#finish(job);
    if (at === 0) this.#advance();
  }

  #finish(job: Job): void {
    clearTimeout(job.timer);
    job.deliver({ type: 'kernel.applied', opId: job.opId, failures: job.failures });
  }
}

/**
 * Opens the socket at once (throws when that fails) and gives the port of `kernel.*` effects. `log` gets a line for
 * each thing that went wrong and was mended.
 */
export function createKernelPort(open: NetlinkFactory, log: (text: string) => void = () => undefined): Port<KernelEffect> {
  return new KernelPort(open, log);
}
