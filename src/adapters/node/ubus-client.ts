import { after, seconds, type Instant, type JsonObject, type Millis } from '../../base/index.ts';
import {
  decodeMessage, encodeAddAnonymous, encodeInvoke, encodeLookup, encodePublish, encodeRegister, encodeRemoveObject, encodeReplyData,
  encodeReplyStatus, encodeSubscribe, EVENT_OBJECT, FrameReader, HEADER_LENGTH, MAX_SENT_BLOB, UBUS_MESSAGE, UBUS_STATUS, type Methods, type UbusMessage,
} from '../../codec/ubus/index.ts';
import type { UbusEffect, UbusInput } from '../../ports/index.ts';

/** What the socket has to do after a call of the client. */
export interface ClientOutput {
  /** Frames to write, in this order. */
  readonly frames: readonly Uint8Array[];
  /** Inputs to deliver, in this order. */
  readonly inputs: readonly UbusInput[];
  /** Why the connection must be closed and made anew; undefined: it goes on. */
  readonly close: string | undefined;
}

/** Time for what an effect gives no time-out for: subscribing, registering, publishing. */
const REQUEST_TIMEOUT: Millis = seconds(5);
/** ubusd greets at once; a process that accepts and says nothing is not ubusd, or hangs. */
const HELLO_TIMEOUT: Millis = seconds(5);
/** Pause before an object that was refused (its path may belong to our dying predecessor) is published again. */
const PUBLISH_RETRY: Millis = seconds(2);
/** A call of ours that the core does not answer for so long is answered with TIMEOUT. */
const CALLED_TIMEOUT: Millis = seconds(60);
/** Operations under way at once; more are refused with NO_MEMORY. */
const MAX_OPERATIONS = 256;
/** Calls from others that wait for the core; more are answered with NO_MEMORY. */
const MAX_CALLED = 64;
/** Octets of DATA that one answer may have in all. */
const MAX_ANSWER = 4 << 20;
/** Object ids remembered; the oldest is forgotten first. */
const MAX_IDS = 64;
/** Targets we subscribe to and objects we publish. */
const MAX_OBJECTS = 64;

type OpEffect = Extract<UbusEffect, { opId: number }>;

/** What the core asked for and still waits for; its steps are requests. */
interface Operation {
  readonly effect: OpEffect;
  readonly deadline: Instant;
  /** The object id came from memory: NOT_FOUND may mean only that it is old. */
  remembered: boolean;
}

interface Answer {
  readonly status: number;
  /** The callee answered, not ubusd for it. */
  readonly fromCallee: boolean;
  readonly objId: number | undefined;
  readonly data: JsonObject | undefined;
}

/** One request on the wire. Its deadline is that of its operation. */
interface Request {
  readonly peer: number;
  readonly deadline: Instant;
  readonly done: (answer: Answer, now: Instant) => void;
  objId: number | undefined;
  data: JsonObject | undefined;
  octets: number;
}

/** A local object of ours at ubusd; it exists once `id` is known. */
type Local =
  | { readonly kind: 'subscriber'; readonly target: string; id: number | undefined; targetId: number | undefined; waiting: Operation[] }
  | { readonly kind: 'listener'; id: number | undefined; waiting: Operation[] }
  | { readonly kind: 'published'; readonly path: string; methods: Methods; id: number | undefined; retryAt: Instant | undefined };

type Subscriber = Extract<Local, { kind: 'subscriber' }>;
type Published = Extract<Local, { kind: 'published' }>;

interface Called {
  readonly seq: number;
  readonly caller: number;
  readonly own: number;
  readonly noReply: boolean;
  readonly deadline: Instant;
}

/**
 * The ubus protocol of one client, without the socket: octets and effects in, frames and inputs out. It outlives
 * connections: published objects are kept and published again, everything else belongs to one connection and ends with
 * it (each operation under way is answered with CONNECTION_FAILED).
 *
 *     closed --opened--> greeting --HELLO--> ready --closed--> closed
 *
 * Each operation is a chain of requests: a call is LOOKUP, INVOKE; subscribing is ADD_OBJECT (once a target), LOOKUP,
 * SUBSCRIBE; listening is ADD_OBJECT (once), register at the event object. Answers may come in any order and are matched by
 * sequence number and peer; what matches nothing is dropped.
 */
export class UbusClient {
  #phase: 'closed' | 'greeting' | 'ready' = 'closed';
  #helloBy: Instant | undefined;
  #reader = new FrameReader();
  #seq = 0;
  #callId = 0;
  readonly #requests = new Map<number, Request>();
  readonly #operations = new Map<number, Operation>();
  readonly #ids = new Map<string, number>();
  readonly #locals = new Map<number, Local>();
  readonly #subscribers = new Map<string, Subscriber>();
  #listener: Extract<Local, { kind: 'listener' }> = { kind: 'listener', id: undefined, waiting: [] };
  readonly #published = new Map<string, Published>();
  readonly #called = new Map<number, Called>();
  #frames: Uint8Array[] = [];
  #inputs: UbusInput[] = [];
  #close: string | undefined;

  /** True between HELLO and the end of the connection. */
  get ready(): boolean {
    return this.#phase === 'ready';
  }

  /** When `tick` must come next. */
  get deadline(): Instant | undefined {
    let best = this.#helloBy;
    const consider = (at: Instant | undefined): void => {
      if (at !== undefined && (best === undefined || at < best)) best = at;
    };
    for (const request of this.#requests.values()) consider(request.deadline);
    for (const called of this.#called.values()) consider(called.deadline);
    if (this.ready) for (const object of this.#published.values()) consider(object.retryAt);
    return best;
  }

  /** The socket is connected. */
  opened(now: Instant): ClientOutput {
    this.#phase = 'greeting';
    this.#helloBy = after(now, HELLO_TIMEOUT);
    this.#reader = new FrameReader();
    return this.#take();
  }

  /** The socket is gone, whoever closed it. */
  closed(): ClientOutput {
    const was = this.#phase;
    this.#phase = 'closed';
    this.#helloBy = undefined;
    this.#requests.clear();
    for (const operation of [...this.#operations.values()]) this.#answer(operation, UBUS_STATUS.CONNECTION_FAILED);
    this.#ids.clear();
    this.#locals.clear();
    this.#subscribers.clear();
    this.#listener = { kind: 'listener', id: undefined, waiting: [] };
    this.#called.clear();
    for (const object of this.#published.values()) [object.id, object.retryAt] = [undefined, undefined];
    this.#frames = [];
    if (was === 'ready') this.#inputs.push({ type: 'ubus.closed' });
    return this.#take();
  }

  /** Takes octets from the socket, in chunks of any size. */
  feed(chunk: Uint8Array, now: Instant): ClientOutput {
    if (this.#phase === 'closed') return this.#take();
    for (const frame of this.#reader.feed(chunk)) {
      if (this.#close !== undefined) break;
      const message = decodeMessage(frame);
      if (message !== undefined) this.#received(message, frame.length, now);
    }
    if (this.#reader.failed) this.#close = 'a frame of impossible length';
    return this.#take();
  }

  /** Lets time pass. */
  tick(now: Instant): ClientOutput {
    if (this.#helloBy !== undefined && now >= this.#helloBy) {
      this.#helloBy = undefined;
      this.#close = 'no HELLO';
    }
    for (const [seq, request] of [...this.#requests]) {
      if (now < request.deadline) continue;
      this.#requests.delete(seq);
      request.done({ status: UBUS_STATUS.TIMEOUT, fromCallee: false, objId: undefined, data: undefined }, now);
    }
    for (const [callId, called] of [...this.#called]) if (now >= called.deadline) this.#reply(callId, UBUS_STATUS.TIMEOUT, undefined);
    if (this.ready) for (const object of this.#published.values()) if (object.retryAt !== undefined && now >= object.retryAt) this.#publish(object, now);
    return this.#take();
  }

  /** Performs an effect; `ubus.open` is the socket's affair. */
  perform(effect: UbusEffect, now: Instant): ClientOutput {
    switch (effect.type) {
      case 'ubus.open':
        break;
      case 'ubus.publish': {
        const known = this.#published.get(effect.object);
        if (known === undefined && this.#published.size >= MAX_OBJECTS) break;
        const object: Published = known ?? { kind: 'published', path: effect.object, methods: effect.methods, id: undefined, retryAt: undefined };
        object.methods = effect.methods;
        this.#published.set(effect.object, object);
        if (this.ready && known === undefined) this.#publish(object, now);
        break;
      }
      case 'ubus.reply':
        this.#reply(effect.callId, effect.status, effect.data);
        break;
      default:
        this.#start(effect, now);
    }
    return this.#take();
  }

  #take(): ClientOutput {
    const out = { frames: this.#frames, inputs: this.#inputs, close: this.#close };
    this.#frames = [];
    this.#inputs = [];
    this.#close = undefined;
    return out;
  }

  // ---- Operations ----------------------------------------------------------------------------------------------------

  #start(effect: OpEffect, now: Instant): void {
    const operation: Operation = { effect, deadline: after(now, effect.type === 'ubus.call' ? effect.timeout : REQUEST_TIMEOUT), remembered: false };
    const full = this.#operations.size >= MAX_OPERATIONS || this.#operations.has(effect.opId);
    if (!this.ready || full) {
      const status = this.ready ? UBUS_STATUS.NO_MEMORY : UBUS_STATUS.CONNECTION_FAILED;
      this.#inputs.push({ type: 'ubus.answered', opId: effect.opId, status, data: undefined });
      return;
    }
    this.#operations.set(effect.opId, operation);
    if (effect.type === 'ubus.call') this.#call(operation, effect, now);
    else if (effect.type === 'ubus.listen') this.#listen(operation, effect.pattern, now);
    else this.#subscribe(operation, effect.target, now);
  }

  #answer(operation: Operation, status: number, data?: JsonObject): void {
    const opId = operation.effect.opId;
    if (!this.#operations.delete(opId)) return;
    this.#inputs.push({ type: 'ubus.answered', opId, status, data });
  }

  #call(operation: Operation, effect: Extract<UbusEffect, { type: 'ubus.call' }>, now: Instant): void {
    const invoke = (id: number, at: Instant): void => {
      this.#request(id, operation.deadline, at, (seq) => encodeInvoke(seq, id, effect.method, effect.args), (answer, later) => {
        // Only ubusd's own NOT_FOUND speaks of the object; a callee's speaks of what was asked.
        if (answer.status === UBUS_STATUS.NOT_FOUND && !answer.fromCallee) {
          this.#ids.delete(effect.object);
          if (operation.remembered) {
            operation.remembered = false;
            this.#lookup(effect.object, operation, later, (found) => invoke(found, later));
            return;
          }
        }
        this.#answer(operation, answer.status, answer.data);
      });
    };
    const known = this.#ids.get(effect.object);
    operation.remembered = known !== undefined;
    if (known !== undefined) invoke(known, now);
    else this.#lookup(effect.object, operation, now, (found, at) => invoke(found, at));
  }

  /** Goes on with the object's id, or ends the operation with the status. */
  #lookup(path: string, operation: Operation, now: Instant, found: (id: number, now: Instant) => void): void {
    this.#request(0, operation.deadline, now, (seq) => encodeLookup(seq, path), (answer, later) => {
      if (answer.status === UBUS_STATUS.OK && answer.objId !== undefined) {
        this.#remember(path, answer.objId);
        found(answer.objId, later);
      } else {
        // OK without an object: hidden from us by ACL, or published without a type. Not there, as far as we can see.
        this.#answer(operation, answer.status === UBUS_STATUS.OK ? UBUS_STATUS.NOT_FOUND : answer.status);
      }
    });
  }

  #remember(path: string, id: number): void {
    this.#ids.delete(path);
    this.#ids.set(path, id);
    for (const oldest of this.#ids.keys()) {
      if (this.#ids.size <= MAX_IDS) break;
      this.#ids.delete(oldest);
    }
  }

  #forgetObject(path: string | undefined, id: number | undefined): void {
    for (const [known, knownId] of this.#ids) if (known === path || knownId === id) this.#ids.delete(known);
  }

  #subscribe(operation: Operation, target: string, now: Instant): void {
    let subscriber = this.#subscribers.get(target);
    if (subscriber === undefined) {
      if (this.#subscribers.size >= MAX_OBJECTS) return this.#answer(operation, UBUS_STATUS.NO_MEMORY);
      subscriber = { kind: 'subscriber', target, id: undefined, targetId: undefined, waiting: [] };
      this.#subscribers.set(target, subscriber);
    }
    const known = subscriber;
    this.#withObject(known, operation, now, (own, at) => {
      this.#lookup(target, operation, at, (id, later) => {
        if (known.targetId === id) return this.#answer(operation, UBUS_STATUS.OK); // a second SUBSCRIBE would deliver all twice
        this.#request(0, operation.deadline, later, (seq) => encodeSubscribe(seq, own, id), (answer, end) => {
          if (answer.status === UBUS_STATUS.OK) known.targetId = id;
          if (answer.status === UBUS_STATUS.TIMEOUT) this.#abandon(known, own, end);
          if (answer.status === UBUS_STATUS.NOT_FOUND) this.#forgetObject(target, id);
          this.#answer(operation, answer.status);
        });
      });
    });
  }

  /** Nobody knows whether we are subscribed: gives the local object up, so that a later try cannot deliver all twice. */
  #abandon(subscriber: Subscriber, own: number, now: Instant): void {
    this.#subscribers.delete(subscriber.target);
    this.#locals.delete(own);
    this.#request(0, after(now, REQUEST_TIMEOUT), now, (seq) => encodeRemoveObject(seq, own), () => undefined);
  }

  #listen(operation: Operation, pattern: string, now: Instant): void {
    this.#withObject(this.#listener, operation, now, (own, at) => {
      this.#request(EVENT_OBJECT, operation.deadline, at, (seq) => encodeRegister(seq, own, pattern), (answer) => this.#answer(operation, answer.status));
    });
  }

  /** Makes sure that the local object exists; of several operations that need it the first adds it. */
  #withObject(local: Exclude<Local, Published>, operation: Operation, now: Instant, go: (own: number, now: Instant) => void): void {
    if (local.id !== undefined) return go(local.id, now);
    local.waiting.push(operation);
    const resume = (at: Instant): void => {
      // Those who came while the object was being added run again from the start of their chain.
      for (const other of local.waiting.splice(0)) {
        if (other === operation || !this.#operations.has(other.effect.opId)) continue;
        if (other.effect.type === 'ubus.subscribe') this.#subscribe(other, other.effect.target, at);
        else if (other.effect.type === 'ubus.listen') this.#listen(other, other.effect.pattern, at);
      }
    };
    if (local.waiting.length > 1) return;
    this.#request(0, operation.deadline, now, encodeAddAnonymous, (answer, later) => {
      if (answer.status === UBUS_STATUS.OK && answer.objId !== undefined) {
        local.id = answer.objId;
        this.#locals.set(answer.objId, local);
        go(answer.objId, later);
      } else this.#answer(operation, answer.status === UBUS_STATUS.OK ? UBUS_STATUS.UNKNOWN_ERROR : answer.status);
      resume(later);
    });
  }

  #publish(object: Published, now: Instant): void {
    object.retryAt = undefined;
    this.#request(0, after(now, REQUEST_TIMEOUT), now, (seq) => encodePublish(seq, object.path, object.methods), (answer, later) => {
      if (answer.status === UBUS_STATUS.OK && answer.objId !== undefined) {
        object.id = answer.objId;
        this.#locals.set(answer.objId, object);
      } else object.retryAt = after(later, PUBLISH_RETRY);
    });
  }

  // ---- Requests ------------------------------------------------------------------------------------------------------

  #request(peer: number, deadline: Instant, now: Instant, encode: (seq: number) => Uint8Array, done: Request['done']): void {
    // At most MAX_OPERATIONS + MAX_OBJECTS are in flight, so a free number is near.
    do this.#seq = (this.#seq + 1) & 0xffff;
    while (this.#requests.has(this.#seq));
    const frame = encode(this.#seq);
    if (frame.length - HEADER_LENGTH > MAX_SENT_BLOB) {
      done({ status: UBUS_STATUS.INVALID_ARGUMENT, fromCallee: false, objId: undefined, data: undefined }, now);
      return;
    }
    this.#requests.set(this.#seq, { peer, deadline, done, objId: undefined, data: undefined, octets: 0 });
    this.#frames.push(frame);
  }

  #received(message: UbusMessage, octets: number, now: Instant): void {
    if (message.version !== 0) {
      this.#close = `version ${message.version}`;
      return;
    }
    if (this.#phase === 'greeting') {
      if (message.type !== UBUS_MESSAGE.HELLO) {
        this.#close = 'no HELLO first';
        return;
      }
      this.#phase = 'ready';
      this.#helloBy = undefined;
      this.#inputs.push({ type: 'ubus.connected' });
      for (const object of this.#published.values()) this.#publish(object, now);
      return;
    }
    switch (message.type) {
      case UBUS_MESSAGE.DATA:
      case UBUS_MESSAGE.STATUS:
        return this.#answered(message, octets, now);
      case UBUS_MESSAGE.INVOKE:
        return this.#invoked(message, now);
      case UBUS_MESSAGE.UNSUBSCRIBE:
        return this.#targetGone(message);
      default: // NOTIFY tells a published object whether it has subscribers; the rest is not meant for us
    }
  }

  #answered(message: UbusMessage, octets: number, now: Instant): void {
    const request = this.#requests.get(message.seq);
    if (request === undefined || request.peer !== message.peer) return; // late, or nobody asked
    const { status, objId, data } = message.attrs;
    if (message.type === UBUS_MESSAGE.DATA) {
      request.objId ??= objId;
      if (data !== undefined) request.data = { ...request.data, ...data };
      request.octets += octets;
      if (request.octets <= MAX_ANSWER) return;
    }
    this.#requests.delete(message.seq);
    const ended = message.type === UBUS_MESSAGE.STATUS ? (status ?? UBUS_STATUS.UNKNOWN_ERROR) : UBUS_STATUS.NO_MEMORY;
    request.done({ status: ended, fromCallee: objId !== undefined, objId: request.objId, data: request.data }, now);
  }

  // ---- From others ---------------------------------------------------------------------------------------------------

  #invoked(message: UbusMessage, now: Instant): void {
    const { objId, method, noReply = false } = message.attrs;
    const data = message.attrs.data ?? {};
    const local = objId === undefined ? undefined : this.#locals.get(objId);
    if (local === undefined || objId === undefined || method === undefined) return;
    const called: Called = { seq: message.seq, caller: message.peer, own: objId, noReply, deadline: after(now, CALLED_TIMEOUT) };
    switch (local.kind) {
      case 'subscriber':
        this.#inputs.push({ type: 'ubus.notified', target: local.target, method, data });
        return this.#send(called, UBUS_STATUS.OK, undefined);
      case 'listener': {
        if (method === 'ubus.object.remove' || method === 'ubus.object.add') {
          const path = data['path'];
          const id = data['id'];
          this.#forgetObject(typeof path === 'string' ? path : undefined, typeof id === 'number' ? id >>> 0 : undefined);
        }
        this.#inputs.push({ type: 'ubus.event', name: method, data });
        return; // ubusd wants no answer to an event
      }
      case 'published':
        return this.#publishedCalled(local, called, method, data);
    }
  }

  #publishedCalled(object: Published, called: Called, method: string, data: JsonObject): void {
    const policy = Object.hasOwn(object.methods, method) ? object.methods[method] : undefined;
    if (policy === undefined) return this.#send(called, UBUS_STATUS.METHOD_NOT_FOUND, undefined);
    if (this.#called.size >= MAX_CALLED) return this.#send(called, UBUS_STATUS.NO_MEMORY, undefined);
    const args: [string, JsonObject[string]][] = [];
    for (const [name, type] of Object.entries(policy)) {
      const value = Object.hasOwn(data, name) ? data[name] : undefined;
      if (value === undefined) continue;
      const fits = type === 'string' ? typeof value === 'string' : type === 'bool' ? typeof value === 'boolean' : typeof value === 'number' && (value | 0) === value;
      if (!fits) return this.#send(called, UBUS_STATUS.INVALID_ARGUMENT, undefined);
      args.push([name, value]);
    }
    const callId = ++this.#callId;
    this.#called.set(callId, called);
    this.#inputs.push({ type: 'ubus.called', callId, method, args: Object.fromEntries(args) });
  }

  #reply(callId: number, status: number, data: JsonObject | undefined): void {
    const called = this.#called.get(callId);
    if (called === undefined) return; // its connection is gone
    this.#called.delete(callId);
    this.#send(called, status, data);
  }

  #send(called: Called, status: number, data: JsonObject | undefined): void {
    if (called.noReply) return;
    const part = data === undefined ? undefined : encodeReplyData(called.seq, called.caller, called.own, data);
    const fits = part === undefined || part.length - HEADER_LENGTH <= MAX_SENT_BLOB;
    if (part !== undefined && fits) this.#frames.push(part);
    this.#frames.push(encodeReplyStatus(called.seq, called.caller, called.own, fits ? status : UBUS_STATUS.NO_MEMORY));
  }

  #targetGone(message: UbusMessage): void {
    const { objId, target } = message.attrs;
    const local = objId === undefined ? undefined : this.#locals.get(objId);
    if (local?.kind !== 'subscriber' || (local.targetId !== undefined && local.targetId !== target)) return;
    local.targetId = undefined;
    this.#forgetObject(local.target, target);
    this.#inputs.push({ type: 'ubus.unsubscribed', target: local.target });
  }
}
