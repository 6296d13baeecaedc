import { instant, ipBytes } from '../../base/index.ts';
import type { Endpoint } from '../../base/index.ts';
import type { ChildSpi, TrafficSelector } from '../../codec/ike/index.ts';
import type { EspEffect, EspReport, EspSa, Input, Port } from '../../ports/index.ts';
import type { NativeHost, NativeReport } from './native.ts';
import { systemError } from './native.ts';
import { endpointOf } from './udp.ts';

const ROW = 40;
const ENOENT = 2;
/** The plane is full or out of memory: the SA is refused and counted as `sa_refused`. */
const REFUSED = [12, 28]; // ENOMEM, ENOSPC

/** Selectors as the addon takes them: address octets, protocol, ports, start, end; 40 octets a row. */
export function packSelectors(selectors: readonly TrafficSelector[]): Uint8Array {
  const out = new Uint8Array(selectors.length * ROW);
  selectors.forEach((selector, i) => {
    const row = out.subarray(i * ROW, (i + 1) * ROW);
    const start = ipBytes(selector.start);
    row[0] = start.length;
    row[1] = selector.protocol;
    row[2] = selector.startPort >>> 8;
    row[3] = selector.startPort;
    row[4] = selector.endPort >>> 8;
    row[5] = selector.endPort;
    row.set(start, 8);
    row.set(ipBytes(selector.end), 24);
  });
  return out;
}

function reportOf(native: NativeReport): EspReport {
  const at = (ms: number | undefined): EspReport['bundles'][number]['lastSent'] => (ms === undefined ? undefined : instant(ms));
  return {
    sas: native.sas,
    bundles: native.bundles.map((bundle) => ({
      bundle: bundle.bundle, sent: bundle.sent, lastSent: at(bundle.lastSent), lastAny: at(bundle.lastAny),
      inbound: bundle.inbound.map((path) => ({
        ifindex: path.ifindex, local: endpointOf(path.local, path.localPort), remote: endpointOf(path.remote, path.remotePort),
        packets: path.packets, last: instant(path.last), ahead: at(path.ahead),
      })),
    })),
    drops: native.drops,
  };
}

/** Numbers of the addon (protect.h). */
const CIPHERS = { 'aes-gcm-16': 0, 'chacha20-poly1305': 1, 'aes-cbc': 2 } as const;
/** Octets of key by which the addon knows the hash (RFC 4868 §2.1.1). */
const MAC_KEYS = { 'hmac-sha256-128': 32, 'hmac-sha384-192': 48, 'hmac-sha512-256': 64 } as const;
const EINVAL = 22;

/** Adds an SA; its keys are wiped here, the plane keeps only the key schedules. */
function addSa(native: NativeHost, sa: EspSa): void {
  const macKey = sa.integ?.key.reveal() ?? new Uint8Array(0);
  if (sa.integ !== undefined && macKey.length !== MAC_KEYS[sa.integ.name]) throw systemError(EINVAL, `ESP SA ${sa.handle}`);
  const errno = native.addon.espSaAdd(
    native.handle, sa.handle, sa.bundle, sa.child, sa.direction === 'out', sa.spi, CIPHERS[sa.cipher], sa.key.reveal(), macKey,
    sa.esn, sa.copyDscp ?? false, sa.copyDf ?? false, packSelectors(sa.local), packSelectors(sa.remote),
  );
  sa.key.wipe();
  sa.integ?.key.wipe();
  if (errno !== 0 && !REFUSED.includes(errno)) throw systemError(errno, `ESP SA ${sa.handle}`);
}

/**
 * The ESP port over the native host. Times in its reports are CLOCK_MONOTONIC in ms, the clock of `process.hrtime`.
 * Packets never come here: they go between TUN and the sockets inside the addon.
 */
export function createEspPort(native: NativeHost): Port<EspEffect> {
  const { addon, handle } = native;
  let deliver: (input: Input) => void = () => undefined;
  let tunName = '';
  native.on.espFirstInbound = (sa) => deliver({ type: 'esp.firstInbound', handle: sa });
  native.on.espUnknownSpi = (spi, local, localPort, remote, remotePort) =>
    deliver({ type: 'esp.unknownSpi', spi: spi as ChildSpi, local: endpointOf(local, localPort), remote: endpointOf(remote, remotePort) });
  native.on.espTooBig = (bundle, local, localPort, remote, remotePort, mtu) =>
    deliver({ type: 'esp.tooBig', bundle, local: endpointOf(local, localPort), remote: endpointOf(remote, remotePort), mtu });
  native.on.tunFailed = (errno) => deliver({ type: 'tun.failed', name: tunName, errno });
  return {
    perform(effect, to) {
      deliver = to;
      switch (effect.type) {
        case 'tun.open': {
          tunName = effect.name;
          const ifindex = addon.tunOpen(handle, effect.name, effect.mtu);
          deliver(ifindex > 0 ? { type: 'tun.opened', name: effect.name, ifindex } : { type: 'tun.failed', name: effect.name, errno: -ifindex });
          return;
        }
        case 'tun.close':
          addon.tunClose(handle);
          return;
        case 'esp.open':
          for (const family of [4, 6] as const) {
            const errno = addon.espOpen(handle, family, effect.mark);
            deliver(errno === 0 ? { type: 'esp.opened', family } : { type: 'esp.failed', family, errno });
          }
          return;
        case 'esp.sa.add':
          addSa(native, effect.sa);
          return;
        // An SA that was refused is not there: nothing to use or remove.
        case 'esp.sa.use':
        case 'esp.sa.remove': {
          const errno = effect.type === 'esp.sa.use' ? addon.espSaUse(handle, effect.handle) : addon.espSaRemove(handle, effect.handle);
          if (errno !== 0 && errno !== ENOENT && !REFUSED.includes(errno)) throw systemError(errno, effect.type);
          return;
        }
        case 'esp.path.set': {
          const { bundle, path, mtu } = effect;
          const port = (end: Endpoint): number => (effect.encapsulation === 'udp' ? end.port : 0);
          if (path === undefined) addon.espPathClear(handle, bundle, mtu);
          else addon.espPathSet(handle, bundle, path.ifindex, ipBytes(path.local.address), port(path.local), ipBytes(path.remote.address), port(path.remote), mtu);
          return;
        }
        case 'esp.bound':
          addon.espBound(handle, effect.bundle, effect.bounded);
          return;
        case 'esp.dummy':
          addon.espDummy(handle, effect.bundle);
          return;
        case 'esp.inject':
          addon.espInject(handle, effect.packet);
          return;
        case 'esp.poll':
          deliver({ type: 'esp.polled', report: reportOf(addon.espPoll(handle)) });
          return;
        default: {
          const never: never = effect;
          return never;
        }
      }
    },
    close() {
      deliver = () => undefined;
      if (!native.closed) addon.tunClose(handle);
    },
  };
}
