import { Socket } from 'node:net';
import type { IpAddress } from '../../base/index.ts';
import { ipBytes } from '../../base/index.ts';
import type { NativeHost } from './native.ts';
import { systemError } from './native.ts';

export interface TcpTarget {
  readonly address: IpAddress;
  readonly port: number;
  /** Device the connection is bound to; 0: by routing table. */
  readonly ifindex: number;
  /** SO_MARK; 0: none. */
  readonly mark: number;
  /** TCP_USER_TIMEOUT in ms: unacknowledged data ends the connection after this; 0: the kernel's default. */
  readonly userTimeoutMs: number;
  /** Our address, of the same family; without it the kernel picks one of the device. */
  readonly local?: IpAddress | undefined;
}

/**
 * Connects with device, mark and TCP_USER_TIMEOUT, which Node alone cannot set, and hands the descriptor to a
 * `net.Socket`. The promise rejects with `code` and `errno`; an aborted signal drops the attempt.
 */
export function connectTcp(native: NativeHost, target: TcpTarget, signal?: AbortSignal): Promise<Socket> {
  return new Promise((done, failed) => {
    const what = `connect ${target.address} port ${target.port}`;
    if (signal?.aborted) return failed(new Error(`${what}: aborted`));
    const { addon, handle } = native;
    const local = target.local === undefined ? new Uint8Array(0) : ipBytes(target.local);
    const id = addon.tcpConnect(handle, ipBytes(target.address), target.port, target.ifindex, target.mark, target.userTimeoutMs, local);
    if (id < 0) return failed(systemError(-id, what));
    const abort = (): void => {
      native.watchTcp(id, undefined);
      if (!native.closed) addon.tcpCancel(handle, id);
      failed(new Error(`${what}: aborted`));
    };
    signal?.addEventListener('abort', abort, { once: true });
    native.watchTcp(id, (fd, errno) => {
      signal?.removeEventListener('abort', abort);
      if (fd < 0) failed(systemError(errno, what));
      else done(new Socket({ fd, readable: true, writable: true }));
    });
  });
}
