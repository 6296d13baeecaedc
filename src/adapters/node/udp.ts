import type { Endpoint, IpAddress, IpFamily } from '../../base/index.ts';
import { ipBytes, ipFamily, ipFromBytes } from '../../base/index.ts';
import type { Input, Port, UdpEffect } from '../../ports/index.ts';
import type { NativeHost } from './native.ts';

const FAMILIES: readonly IpFamily[] = [4, 6];

/** An endpoint of the addon's octets. */
export function endpointOf(address: Uint8Array, port: number): Endpoint {
  return { address: ipFromBytes(address) as IpAddress, port };
}

/** The UDP port over the native host; the ESP plane of the same host sends and receives through its sockets. */
export function createUdpPort(native: NativeHost): Port<UdpEffect> {
  const { addon, handle } = native;
  let deliver: (input: Input) => void = () => undefined;
  native.on.udpReceived = (ifindex, local, localPort, remote, remotePort, bytes) =>
    deliver({ type: 'udp.received', ifindex, local: endpointOf(local, localPort), remote: endpointOf(remote, remotePort), bytes });
  native.on.udpSendFailed = (ifindex, local, localPort, remote, remotePort, errno) =>
    deliver({ type: 'udp.sendFailed', ifindex, local: endpointOf(local, localPort), remote: endpointOf(remote, remotePort), errno });
  return {
    perform(effect, to) {
      deliver = to;
      switch (effect.type) {
        case 'udp.open':
          for (const port of effect.ports) {
            for (const family of FAMILIES) {
              const errno = addon.udpOpen(handle, port, family, effect.mark);
              deliver(errno === 0 ? { type: 'udp.opened', port, family } : { type: 'udp.failed', port, family, errno });
            }
          }
          return;
        case 'udp.close':
          addon.udpClose(handle);
          return;
        case 'udp.send': {
          const { ifindex, local, remote, bytes, dscp = 0, whole = false } = effect;
          if (ipFamily(local.address) !== ipFamily(remote.address)) throw new Error('udp.send: endpoints of two families');
          const errno = addon.udpSend(handle, ifindex, ipBytes(local.address), local.port, ipBytes(remote.address), remote.port, bytes, dscp << 2, whole ? 1 : 0);
          if (errno !== 0) deliver({ type: 'udp.sendFailed', ifindex, local, remote, errno });
          return;
        }
        default: {
          const never: never = effect;
          return never;
        }
      }
    },
    close() {
      deliver = () => undefined;
      if (!native.closed) addon.udpClose(handle);
    },
  };
}
