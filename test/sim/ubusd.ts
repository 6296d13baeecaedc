import { createServer, type Server, type Socket } from 'node:net';
import { rmSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { ByteReader, type JsonObject } from '../../src/base/index.ts';
import {
  asObject, BLOBMSG_TYPE, decodeMessage, encodeMessage, EVENT_OBJECT, FrameReader, MAX_BLOB, UBUS_ATTR, UBUS_MESSAGE, UBUS_STATUS, type UbusAttrs, type UbusMessage,
} from '../../src/codec/ubus/index.ts';

/** Octets that wait for one slow reader before its messages are dropped silently, as ubusd does. */
const MAX_QUEUE = MAX_BLOB;

interface Type {
  readonly id: number;
  readonly signature: JsonObject;
  users: number;
}

interface Obj {
  readonly id: number;
  readonly client: Client;
  readonly path: string | undefined;
  readonly type: Type | undefined;
  /** In order of subscription; one object may be in it twice. */
  readonly subscribers: Obj[];
  readonly patterns: string[];
  seq: number;
}

/** One connection, as the broker sees it. */
export interface Client {
  readonly id: number;
  readonly reader: FrameReader;
  readonly send: (frame: Uint8Array) => void;
  readonly hangUp: () => void;
}

/**
 * ubusd in miniature, without the socket: routing of the real wire format between clients, so that whatever works with it
 * works with ubusd as far as the recorded captures go (`ubusd.test.ts` replays them against it). No ACL (root passes
 * everything), no monitor. Ids are random, as ubusd's are.
 */
export class UbusBroker {
  readonly #random: () => number;
  readonly #clients = new Map<number, Client>();
  readonly #objects = new Map<number, Obj>();
  readonly #types = new Map<number, Type>();
  #eventSeq = 0;

  /** @param random draws an unsigned 32-bit id */
  constructor(random: () => number = () => randomBytes(4).readUInt32BE()) {
    this.#random = random;
  }

  /** Accepts a connection and greets it. */
  connect(send: (frame: Uint8Array) => void, hangUp: () => void): Client {
    const client: Client = { id: this.#freshId(this.#clients), reader: new FrameReader(), send, hangUp };
    this.#clients.set(client.id, client);
    send(encodeMessage(UBUS_MESSAGE.HELLO, 0, client.id, {}));
    return client;
  }

  /** The connection is gone: its objects and subscriptions go with it. */
  disconnect(client: Client): void {
    if (!this.#clients.delete(client.id)) return;
    for (const object of [...this.#objects.values()]) if (object.client === client) this.#remove(object);
  }

  /** Octets from a client. */
  receive(client: Client, chunk: Uint8Array): void {
    for (const frame of client.reader.feed(chunk)) {
      if (frame.length - 8 > MAX_BLOB) return this.#drop(client);
      const message = decodeMessage(frame);
      if (message !== undefined && this.#clients.has(client.id)) this.#handle(client, message, frame);
    }
    if (client.reader.failed) this.#drop(client);
  }

  /** Paths of all visible objects. */
  get paths(): string[] {
    return this.#sorted().map((object) => object.path ?? '');
  }

  #drop(client: Client): void {
    this.disconnect(client);
    client.hangUp();
  }

  #freshId(used: ReadonlyMap<number, unknown>): number {
    let id = 0;
    while (id <= 1024 || used.has(id)) id = this.#random();
    return id;
  }

  #sorted(): Obj[] {
    const visible = [...this.#objects.values()].filter((object) => object.path !== undefined);
    return visible.sort((a, b) => ((a.path ?? '') < (b.path ?? '') ? -1 : 1));
  }

  // ---- Requests ------------------------------------------------------------------------------------------------------

  #handle(client: Client, message: UbusMessage, frame: Uint8Array): void {
    const echo = (type: number, attrs: UbusAttrs): void => {
      const answer = encodeMessage(type, message.seq, message.peer, attrs);
      answer[0] = message.version;
      client.send(answer);
    };
    const data = (attrs: UbusAttrs): void => echo(UBUS_MESSAGE.DATA, attrs);
    let status: number | undefined;
    switch (message.type) {
      case UBUS_MESSAGE.PING: {
        const answer = frame.slice();
        answer[1] = UBUS_MESSAGE.DATA;
        client.send(answer);
        status = UBUS_STATUS.OK;
        break;
      }
      case UBUS_MESSAGE.STATUS:
      case UBUS_MESSAGE.DATA:
        return this.#answer(client, message, frame);
      case UBUS_MESSAGE.LOOKUP:
        status = this.#lookup(message.attrs, data);
        break;
      case UBUS_MESSAGE.INVOKE:
        status = this.#invoke(client, message, frame);
        break;
      case UBUS_MESSAGE.ADD_OBJECT:
        status = this.#add(client, message.attrs, data);
        break;
      case UBUS_MESSAGE.REMOVE_OBJECT: {
        const object = this.#objects.get(message.attrs.objId ?? 0);
        if (message.attrs.objId === undefined) status = UBUS_STATUS.INVALID_ARGUMENT;
        else if (object === undefined) status = UBUS_STATUS.NOT_FOUND;
        else if (object.client !== client) status = UBUS_STATUS.PERMISSION_DENIED;
        else {
          data(object.type?.users === 1 ? { objId: object.id, objType: object.type.id } : { objId: object.id });
          this.#remove(object);
          status = UBUS_STATUS.OK;
        }
        break;
      }
      case UBUS_MESSAGE.SUBSCRIBE: {
        const both = this.#pair(client, message.attrs);
        if (typeof both === 'number') {
          status = both;
          break;
        }
        both.target.subscribers.push(both.own);
        echo(UBUS_MESSAGE.STATUS, { status: UBUS_STATUS.OK });
        if (both.target.subscribers.length === 1) this.#tellActive(both.target, true);
        return;
      }
      case UBUS_MESSAGE.UNSUBSCRIBE: {
        const both = this.#pair(client, message.attrs);
        const at = typeof both === 'number' ? -1 : both.target.subscribers.indexOf(both.own);
        if (typeof both === 'number' || at < 0) {
          status = typeof both === 'number' ? both : UBUS_STATUS.NOT_FOUND;
          break;
        }
        both.target.subscribers.splice(at, 1);
        echo(UBUS_MESSAGE.STATUS, { status: UBUS_STATUS.OK });
        if (both.target.subscribers.length === 0) this.#tellActive(both.target, false);
        return;
      }
      case UBUS_MESSAGE.NOTIFY:
        status = this.#notify(client, message, echo);
        break;
      default:
        status = UBUS_STATUS.INVALID_COMMAND;
    }
    if (status !== undefined) echo(UBUS_MESSAGE.STATUS, { status });
  }

  #lookup(attrs: UbusAttrs, data: (attrs: UbusAttrs) => void): number {
    const path = attrs.objPath;
    if (path === '') return UBUS_STATUS.INVALID_ARGUMENT;
    const prefix = path?.endsWith('*') === true ? path.slice(0, -1) : undefined;
    const found = this.#sorted().filter((object) => path === undefined || (prefix !== undefined ? object.path?.startsWith(prefix) === true : object.path === path));
    for (const { id, path: objPath, type } of found) {
      if (type !== undefined && objPath !== undefined) data({ objPath, objId: id, objType: type.id, signature: type.signature });
    }
    return found.length === 0 && path !== undefined ? UBUS_STATUS.NOT_FOUND : UBUS_STATUS.OK;
  }

  #add(client: Client, attrs: UbusAttrs, data: (attrs: UbusAttrs) => void): number {
    if (attrs.objPath !== undefined && this.#sorted().some((object) => object.path === attrs.objPath)) return UBUS_STATUS.INVALID_ARGUMENT;
    let type = attrs.objType === undefined ? undefined : this.#types.get(attrs.objType);
    let fresh = false;
    if (attrs.signature !== undefined) {
      type = { id: this.#freshId(this.#types), signature: attrs.signature, users: 0 };
      this.#types.set(type.id, type);
      fresh = true;
    }
    if (type !== undefined) type.users++;
    const object: Obj = { id: this.#freshId(this.#objects), client, path: attrs.objPath, type, subscribers: [], patterns: [], seq: 0 };
    this.#objects.set(object.id, object);
    if (object.path !== undefined) this.#event(undefined, 'ubus.object.add', { id: object.id | 0, path: object.path });
    data(fresh && type !== undefined ? { objId: object.id, objType: type.id } : { objId: object.id });
    return UBUS_STATUS.OK;
  }

  #remove(object: Obj): void {
    this.#objects.delete(object.id);
    for (const target of this.#objects.values()) {
      const before = target.subscribers.length;
      for (let at = target.subscribers.indexOf(object); at >= 0; at = target.subscribers.indexOf(object)) target.subscribers.splice(at, 1);
      if (before > 0 && target.subscribers.length === 0) this.#tellActive(target, false);
    }
    const subscribers = object.subscribers.splice(0);
    if (subscribers.length > 0) this.#tellActive(object, false);
    for (const subscriber of subscribers) {
      subscriber.client.send(encodeMessage(UBUS_MESSAGE.UNSUBSCRIBE, ++subscriber.seq, 0, { objId: subscriber.id, target: object.id }));
    }
    if (object.type !== undefined && --object.type.users === 0) this.#types.delete(object.type.id);
    if (object.path !== undefined) this.#event(undefined, 'ubus.object.remove', { id: object.id | 0, path: object.path });
  }

  #tellActive(object: Obj, active: boolean): void {
    if (this.#clients.has(object.client.id)) object.client.send(encodeMessage(UBUS_MESSAGE.NOTIFY, ++object.seq, 0, { objId: object.id, active }));
  }

  /** The two objects of SUBSCRIBE and UNSUBSCRIBE, or what is wrong with them. */
  #pair(client: Client, attrs: UbusAttrs): { own: Obj; target: Obj } | number {
    if (attrs.objId === undefined || attrs.target === undefined) return UBUS_STATUS.INVALID_ARGUMENT;
    const own = this.#objects.get(attrs.objId);
    if (own === undefined) return UBUS_STATUS.NOT_FOUND;
    if (own.client !== client) return UBUS_STATUS.INVALID_ARGUMENT;
    const target = this.#objects.get(attrs.target);
    if (target === undefined) return UBUS_STATUS.NOT_FOUND;
    return target.client === client ? UBUS_STATUS.INVALID_ARGUMENT : { own, target };
  }

  // ---- Calls ---------------------------------------------------------------------------------------------------------

  #invoke(client: Client, message: UbusMessage, frame: Uint8Array): number | undefined {
    const { objId, method, data } = message.attrs;
    if (objId === undefined || method === undefined) return UBUS_STATUS.INVALID_ARGUMENT;
    if (objId === EVENT_OBJECT) return this.#eventObject(client, method, data ?? {}, fieldTypes(frame));
    const object = this.#objects.get(objId);
    if (object === undefined) return UBUS_STATUS.NOT_FOUND;
    const attrs: UbusAttrs = { objId, method, user: 'root', group: 'root' };
    object.client.send(encodeMessage(UBUS_MESSAGE.INVOKE, message.seq, client.id, data === undefined ? attrs : { ...attrs, data }));
    return undefined;
  }

  /** DATA or STATUS of a callee, forwarded as it is but for the peer. */
  #answer(client: Client, message: UbusMessage, frame: Uint8Array): void {
    const object = this.#objects.get(message.attrs.objId ?? 0);
    const caller = this.#clients.get(message.peer);
    if (object === undefined || object.client !== client || caller === undefined) return;
    const forwarded = frame.slice();
    new DataView(forwarded.buffer).setUint32(4, object.id);
    caller.send(forwarded);
  }

  #notify(client: Client, message: UbusMessage, echo: (type: number, attrs: UbusAttrs) => void): number | undefined {
    const { objId, method, data, noReply = false } = message.attrs;
    if (objId === undefined || method === undefined) return UBUS_STATUS.INVALID_ARGUMENT;
    const object = this.#objects.get(objId);
    if (object === undefined || object.client !== client) return UBUS_STATUS.NOT_FOUND;
    if (!noReply) echo(UBUS_MESSAGE.STATUS, { objId, subscribers: object.subscribers.map((subscriber) => subscriber.id), status: UBUS_STATUS.OK });
    for (const subscriber of object.subscribers) {
      const attrs: UbusAttrs = { ...(noReply ? { noReply } : {}), objId: subscriber.id, method, user: 'root', group: 'root' };
      subscriber.client.send(encodeMessage(UBUS_MESSAGE.INVOKE, message.seq, client.id, data === undefined ? attrs : { ...attrs, data }));
    }
    return undefined;
  }

  // ---- Events --------------------------------------------------------------------------------------------------------

  #eventObject(client: Client, method: string, args: JsonObject, types: ReadonlyMap<string, number>): number {
    const text = (name: string): string | undefined => (types.get(name) === BLOBMSG_TYPE.string ? (args[name] as string) : undefined);
    if (method === 'register') {
      const pattern = text('pattern');
      if (pattern === undefined || types.get('object') !== BLOBMSG_TYPE.int32) return UBUS_STATUS.INVALID_ARGUMENT;
      const object = this.#objects.get((args['object'] as number) >>> 0);
      if (pattern === '' || object === undefined || object.client !== client) return UBUS_STATUS.PERMISSION_DENIED;
      object.patterns.push(pattern);
      return UBUS_STATUS.OK;
    }
    if (method !== 'send') return UBUS_STATUS.INVALID_COMMAND;
    const id = text('id');
    const data = asObject(args['data']);
    if (id === undefined || data === undefined) return UBUS_STATUS.INVALID_ARGUMENT;
    if (id.startsWith('ubus.')) return UBUS_STATUS.PERMISSION_DENIED;
    this.#event(client, id, data);
    return UBUS_STATUS.OK;
  }

  #event(from: Client | undefined, id: string, data: JsonObject): void {
    const matches = (pattern: string): boolean => (pattern.endsWith('*') ? id.startsWith(pattern.slice(0, -1)) : id === pattern);
    this.#eventSeq = (this.#eventSeq + 1) & 0xffff;
    for (const object of this.#objects.values()) {
      if (object.client === from || !object.patterns.some(matches)) continue;
      object.client.send(encodeMessage(UBUS_MESSAGE.INVOKE, this.#eventSeq, 0, { objId: object.id, method: id, data }));
    }
  }
}

/** Wire types of the members of a frame's DATA: ubusd's policies look at them, JSON does not keep them. */
function fieldTypes(frame: Uint8Array): Map<string, number> {
  const types = new Map<string, number>();
  const reader = new ByteReader(frame, 12);
  while (reader.left >= 4) {
    const word = reader.u32();
    const body = new ByteReader(reader.view(((word & 0xffffff) + 3 & ~3) - 4));
    if (word >>> 24 !== UBUS_ATTR.data.id) continue;
    while (body.left >= 4) {
      const field = body.u32();
      const value = new ByteReader(body.view(((field & 0xffffff) + 3 & ~3) - 4));
      types.set(String.fromCharCode(...value.view(value.u16())), (field >>> 24) & 0x7f);
    }
  }
  return types;
}

/** The broker on a unix socket. */
export class Ubusd {
  #broker = new UbusBroker();
  #server: Server | undefined;
  readonly #sockets = new Set<Socket>();
  /** Messages dropped because their reader was slow. */
  dropped = 0;

  get broker(): UbusBroker {
    return this.#broker;
  }

  /** Listens on `path`; a stale socket file there is removed. */
  async start(path: string): Promise<void> {
    rmSync(path, { force: true });
    this.#broker = new UbusBroker();
    const server = createServer((socket) => this.#accept(socket));
    this.#server = server;
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve));
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    const client = this.#broker.connect(
      (frame) => {
        if (socket.destroyed) return;
        if (socket.writableLength + frame.length > MAX_QUEUE) this.dropped++;
        else socket.write(frame);
      },
      () => socket.destroy(),
    );
    socket.on('data', (chunk) => this.#broker.receive(client, chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#sockets.delete(socket);
      this.#broker.disconnect(client);
    });
  }

  /** Ends as a killed ubusd does: every connection closes, no word before. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const socket of this.#sockets) socket.destroy();
    if (server !== undefined) await new Promise<void>((resolve) => server.close(() => resolve()));
  }
}
