import { createRequire } from 'node:module';
import { constants } from 'node:os';
import type { NetlinkFactory } from './netlink.ts';

/** The part of the npm package `netlink` (0.3.0, `dist/raw`) that is used; its own types drag old ones of Node in. */
interface RawSocket {
  on(event: 'message', listener: (bytes: Uint8Array, from: { readonly port: number }) => void): void;
  on(event: 'truncatedMessage', listener: () => void): void;
  on(event: 'error', listener: (error: { readonly errno?: number }) => void): void;
  addMembership(group: number): void;
  send(bytes: Uint8Array, options: object, callback: (error: { readonly errno?: number } | undefined) => void): void;
  setRecvBufferSize(size: number): void;
  close(): void;
}
interface RawModule {
  readonly RawNetlinkSocket: new (protocol: number) => RawSocket;
}

const NETLINK_ROUTE = 0;
const { EIO, ENOBUFS } = constants.errno;
/** Asked for; the kernel grants what net.core.rmem_max allows. */
const RECEIVE_BUFFER = 1 << 20;

/**
 * Loads the npm package `netlink`, whose prebuilt binary needs glibc; throws where it is not installed or does not
 * load. Not imported at the top, so that the bundle starts without it.
 */
export function loadNpmNetlink(): NetlinkFactory {
  const { RawNetlinkSocket } = createRequire(import.meta.url)('netlink/dist/raw') as RawModule;
  return (groups, events) => {
    const socket = new RawNetlinkSocket(NETLINK_ROUTE);
    let closed = false;
    // Its C++ part ends the process when a callback throws, and must not be closed from inside one.
    const guard = (run: () => void): void => {
      if (closed) return;
      try {
        run();
      } catch (error) {
        setImmediate(() => {
          throw error;
        });
      }
    };
    socket.setRecvBufferSize(RECEIVE_BUFFER);
    socket.on('message', (bytes, from) => guard(() => {
      if (from.port === 0) events.message(bytes);
    }));
    socket.on('truncatedMessage', () => guard(() => events.failed(ENOBUFS)));
    socket.on('error', (error) => guard(() => events.failed(Math.abs(error.errno ?? EIO))));
    for (const group of groups) socket.addMembership(group);
    return {
      send: (bytes) => {
        if (closed) return EIO;
        socket.send(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), {}, (error) => {
          if (error) guard(() => events.failed(Math.abs(error.errno ?? EIO)));
        });
        return 0;
      },
      close: () => {
        if (closed) return;
        closed = true;
        setImmediate(() => socket.close());
      },
    };
  };
}
