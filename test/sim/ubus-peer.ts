import { connect, type Socket } from 'node:net';
import type { JsonObject } from '../../src/base/index.ts';
import { decodeMessage, encodeInvoke, encodeMessage, encodeNotify, encodeReplyData, encodeReplyStatus, encodeSendEvent, FrameReader, UBUS_MESSAGE, UBUS_STATUS, type UbusAttrs, type UbusMessage } from '../../src/codec/ubus/index.ts';

export interface PeerAnswer {
  readonly status: number;
  /** Attributes of the DATA messages, in order. */
  readonly parts: readonly UbusAttrs[];
}

/** Answers a call: a status alone, or data and OK. */
export type Serve = (object: number, method: string, args: JsonObject) => number | JsonObject;

/** An ordinary ubus client for tests and stand-ins: one connection, promises, and every frame it saw. */
export class UbusPeer {
  readonly #socket: Socket;
  readonly #reader = new FrameReader();
  readonly #waiting = new Map<number, { parts: UbusAttrs[]; done: (answer: PeerAnswer) => void }>();
  #seq = 0;
  /** Calls of our objects. */
  serve: Serve = () => UBUS_STATUS.METHOD_NOT_FOUND;
  /** What is neither a call nor an answer: notifications, events, UNSUBSCRIBE. */
  seen: UbusMessage[] = [];
  /** Frames sent, for comparison with recordings. */
  sent: Uint8Array[] = [];
  readonly closed: Promise<void>;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
    void this.closed.then(() => {
      for (const waiting of this.#waiting.values()) waiting.done({ status: UBUS_STATUS.CONNECTION_FAILED, parts: [] });
      this.#waiting.clear();
    });
    socket.on('error', () => undefined);
  }

  /** Connects and waits for HELLO. */
  static async open(path: string): Promise<UbusPeer> {
    const socket = connect({ path });
    const peer = new UbusPeer(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.once('close', () => reject(new Error('closed before HELLO')));
      socket.on('data', (chunk) => {
        for (const frame of peer.#reader.feed(chunk)) {
          const message = decodeMessage(frame);
          if (message?.type === UBUS_MESSAGE.HELLO) resolve();
          else if (message !== undefined) peer.#received(message);
        }
      });
    });
    return peer;
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Stops or goes on reading, to play a slow reader. */
  set reading(on: boolean) {
    if (on) this.#socket.resume();
    else this.#socket.pause();
  }

  #write(frame: Uint8Array): void {
    this.sent.push(frame);
    if (!this.#socket.destroyed) this.#socket.write(frame);
  }

  #nextSeq(): number {
    return (this.#seq = (this.#seq + 1) & 0xffff);
  }

  #ask(encode: (seq: number) => Uint8Array): Promise<PeerAnswer> {
    const seq = this.#nextSeq();
    this.#write(encode(seq));
    return new Promise((done) => this.#waiting.set(seq, { parts: [], done }));
  }

  request(type: number, attrs: UbusAttrs): Promise<PeerAnswer> {
    return this.#ask((seq) => encodeMessage(type, seq, 0, attrs));
  }

  invoke(object: number, method: string, args: JsonObject): Promise<PeerAnswer> {
    return this.#ask((seq) => encodeInvoke(seq, object, method, args));
  }

  sendEvent(id: string, data: JsonObject): Promise<PeerAnswer> {
    return this.#ask((seq) => encodeSendEvent(seq, id, data));
  }

  /** Looks a path up and calls it. */
  async call(path: string, method: string, args: JsonObject = {}): Promise<{ status: number; data: JsonObject | undefined }> {
    const found = await this.request(UBUS_MESSAGE.LOOKUP, { objPath: path });
    const id = found.parts[0]?.objId;
    if (id === undefined) return { status: found.status || UBUS_STATUS.NOT_FOUND, data: undefined };
    const { status, parts } = await this.invoke(id, method, args);
    return { status, data: parts[0]?.data };
  }

  /** A notification nobody shall answer. */
  notify(object: number, method: string, data: JsonObject): void {
    this.#write(encodeNotify(this.#nextSeq(), object, method, data));
  }

  #received(message: UbusMessage): void {
    const waiting = this.#waiting.get(message.seq);
    if (message.type === UBUS_MESSAGE.DATA) waiting?.parts.push(message.attrs);
    else if (message.type === UBUS_MESSAGE.STATUS) {
      this.#waiting.delete(message.seq);
      waiting?.done({ status: message.attrs.status ?? UBUS_STATUS.UNKNOWN_ERROR, parts: waiting.parts });
    } else if (message.type === UBUS_MESSAGE.INVOKE && message.attrs.user !== undefined && message.attrs.noReply !== true) {
      const own = message.attrs.objId ?? 0;
      const answer = this.serve(own, message.attrs.method ?? '', message.attrs.data ?? {});
      if (typeof answer === 'object') this.#write(encodeReplyData(message.seq, message.peer, own, answer));
      this.#write(encodeReplyStatus(message.seq, message.peer, own, typeof answer === 'number' ? answer : UBUS_STATUS.OK));
    } else this.seen.push(message);
  }
}
