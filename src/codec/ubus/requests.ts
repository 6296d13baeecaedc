import type { JsonObject } from '../../base/index.ts';
import { BLOBMSG_TYPE } from './blobmsg.ts';
import { encodeMessage, UBUS_MESSAGE } from './message.ts';

/** ubusd's own object for events; its methods are `register` and `send`. */
export const EVENT_OBJECT = 1;

/** Argument types of a published method, by our names. */
export type ArgType = 'string' | 'int32' | 'bool';
export interface Methods {
  readonly [method: string]: { readonly [arg: string]: ArgType };
}

const ARG_TYPE: { readonly [T in ArgType]: number } = { string: BLOBMSG_TYPE.string, int32: BLOBMSG_TYPE.int32, bool: BLOBMSG_TYPE.int8 };

/** Asks for one object by its exact path, or for many by a prefix that ends in `*`. */
export function encodeLookup(seq: number, path: string): Uint8Array {
  return encodeMessage(UBUS_MESSAGE.LOOKUP, seq, 0, { objPath: path });
}

export function encodeInvoke(seq: number, object: number, method: string, args: JsonObject): Uint8Array {
  return encodeMessage(UBUS_MESSAGE.INVOKE, seq, object, { objId: object, method, data: args });
}

/** An object without path: a subscriber or a listener. */
export function encodeAddAnonymous(seq: number): Uint8Array {
  return encodeMessage(UBUS_MESSAGE.ADD_OBJECT, seq, 0, {});
}

/** An object others may look up and call. */
export function encodePublish(seq: number, path: string, methods: Methods): Uint8Array {
  const signature = Object.fromEntries(
    Object.entries(methods).map(([method, args]) => [method, Object.fromEntries(Object.entries(args).map(([arg, type]) => [arg, ARG_TYPE[type]]))]),
  );
  return encodeMessage(UBUS_MESSAGE.ADD_OBJECT, seq, 0, { objPath: path, signature });
}

export function encodeRemoveObject(seq: number, object: number): Uint8Array {
  return encodeMessage(UBUS_MESSAGE.REMOVE_OBJECT, seq, 0, { objId: object });
}

export function encodeSubscribe(seq: number, own: number, target: number): Uint8Array {
  return encodeMessage(UBUS_MESSAGE.SUBSCRIBE, seq, 0, { objId: own, target });
}

/** Registers an object of ours for events; the id goes as int32, an int64 would be refused with INVALID_ARGUMENT. */
export function encodeRegister(seq: number, own: number, pattern: string): Uint8Array {
  return encodeInvoke(seq, EVENT_OBJECT, 'register', { object: own | 0, pattern });
}

export function encodeSendEvent(seq: number, id: string, data: JsonObject): Uint8Array {
  return encodeInvoke(seq, EVENT_OBJECT, 'send', { id, data });
}

/** A notification to the subscribers of our object, none of which shall answer. */
export function encodeNotify(seq: number, own: number, method: string, data: JsonObject): Uint8Array {
  return encodeMessage(UBUS_MESSAGE.NOTIFY, seq, own, { objId: own, method, data, noReply: true });
}

/** One part of an answer to a call; without OBJID ubusd would drop it. */
export function encodeReplyData(seq: number, caller: number, own: number, data: JsonObject): Uint8Array {
  return encodeMessage(UBUS_MESSAGE.DATA, seq, caller, { objId: own, data });
}

/** Ends the answer to a call; without OBJID ubusd would drop it. */
export function encodeReplyStatus(seq: number, caller: number, own: number, status: number): Uint8Array {
  return encodeMessage(UBUS_MESSAGE.STATUS, seq, caller, { status, objId: own });
}
