/**
 * codec/ubus: octets of the ubus socket <-> plain values, and netifd's JSON -> what we know of an interface or device.
 * It must never do I/O, keep a connection's state or throw on foreign octets; who asks, waits and retries is the
 * adapter, who believes what is `daemon/netifd.ts`.
 *
 * The model. A stream is cut into frames (`FrameReader`), a frame is one message (`decodeMessage`): a header with type,
 * sequence number and peer, and attributes by name (`UBUS_ATTR`). Object ids are unsigned 32-bit numbers everywhere
 * but inside blobmsg, where an id goes as int32 (`id | 0`) and comes back signed (`>>> 0` it). The payload attribute
 * `data` is JSON in blobmsg form: int8 is a boolean, an int64 that is no safe integer is a decimal string.
 */
export * from './blobmsg.ts';
export * from './frames.ts';
export * from './interface-status.ts';
export * from './message.ts';
export * from './requests.ts';
