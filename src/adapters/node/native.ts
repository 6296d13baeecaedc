import { createRequire } from 'node:module';
import { existsSync, realpathSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { getSystemErrorName } from 'node:util';

/** An open host of the addon: sockets, TUN and ESP plane with their one poll thread. */
export interface HostHandle {
  readonly __host: never;
}

/** Calls from the addon; octets are fresh arrays of the receiver. Addresses are 4 or 16 octets in network order. */
export interface NativeEvents {
  udpReceived(ifindex: number, local: Uint8Array, localPort: number, remote: Uint8Array, remotePort: number, bytes: Uint8Array): void;
  /** A send of the ESP plane was refused; at most once a second. */
  udpSendFailed(ifindex: number, local: Uint8Array, localPort: number, remote: Uint8Array, remotePort: number, errno: number): void;
  espFirstInbound(handle: number): void;
  espUnknownSpi(spi: number, local: Uint8Array, localPort: number, remote: Uint8Array, remotePort: number): void;
  /** A router on the bundle's path between those endpoints says that it carries `mtu` octets; at most once a second a bundle. */
  espTooBig(bundle: number, local: Uint8Array, localPort: number, remote: Uint8Array, remotePort: number, mtu: number): void;
  /** The TUN device went away under us; it is closed already. */
  tunFailed(errno: number): void;
  /** One datagram of a netlink socket; errno is not 0 when receiving failed (ENOBUFS: messages were lost) and there are no octets. */
  netlinkReceived(id: number, errno: number, bytes: Uint8Array | undefined): void;
  /** The connect ended: a descriptor that belongs to the receiver, or -1 and the errno. */
  tcpConnected(id: number, fd: number, errno: number): void;
  /** An echo request was answered (0), or the kernel says why it will not be. */
  icmpAnswered(id: number, errno: number): void;
}

export interface NativeReport {
  sas: { handle: number; packets: number; bytes: number; sequence: number }[];
  bundles: {
    bundle: number; sent: number; lastSent: number | undefined; lastAny: number | undefined;
    inbound: { ifindex: number; local: Uint8Array; localPort: number; remote: Uint8Array; remotePort: number; packets: number; last: number; ahead: number | undefined }[];
  }[];
  drops: { [cause: string]: number };
}

/** One end of a path as the plane sends on it; made for tests. */
export interface NativeDatagram {
  readonly ifindex: number;
  readonly local: Uint8Array;
  readonly localPort: number;
  readonly remote: Uint8Array;
  readonly remotePort: number;
  /** DSCP and ECN of the outer header. */
  readonly trafficClass: number;
  /** 1: it must not be fragmented. */
  readonly dontFragment: number;
  readonly bytes: Uint8Array;
}

/** What `mobiked.node` exports. Calls that give a number give 0 or an errno, `…Open`, `tcpConnect` and `icmpEcho` an id or a negative errno. */
export interface NativeAddon {
  /** Abi of this interface; the adapter refuses another one. */
  readonly abi: number;
  readonly dropCauses: readonly string[];
  open(events: NativeEvents): HostHandle;
  close(host: HostHandle): void;
  udpOpen(host: HostHandle, port: number, family: number, mark: number): number;
  udpClose(host: HostHandle): void;
  udpSend(host: HostHandle, ifindex: number, local: Uint8Array, localPort: number, remote: Uint8Array, remotePort: number, bytes: Uint8Array, trafficClass: number, whole: 0 | 1): number;
  /** One line to the system log, facility daemon; severities of RFC 5424 §6.2.1. Longer texts are cut at 1023 octets. */
  syslog(severity: number, text: string): void;
  /** A UDP socket bound to the device (0: none) and to our address (empty: any) and marked (0: not): a descriptor that belongs to the caller, or a negative errno. */
  udpSocket(host: HostHandle, family: number, ifindex: number, mark: number, local: Uint8Array): number;
  /** The ifindex, or a negative errno. */
  tunOpen(host: HostHandle, name: string, mtu: number): number;
  tunClose(host: HostHandle): void;
  /** Ciphers are numbered as in protect.h; `macKey` is empty for an AEAD. Selectors are rows of 40 octets, see `packSelectors` in esp.ts. */
  espSaAdd(
    host: HostHandle, handle: number, bundle: number, child: number, outbound: boolean, spi: number,
    cipher: number, key: Uint8Array, macKey: Uint8Array, esn: boolean, copyDscp: boolean, copyDf: boolean,
    local: Uint8Array, remote: Uint8Array,
  ): number;
  espSaUse(host: HostHandle, handle: number): number;
  espSaRemove(host: HostHandle, handle: number): number;
  /** Opens the raw socket of IP protocol 50 in a family; 0 or an errno. */
  espOpen(host: HostHandle, family: number, mark: number): number;
  /** Ports 0: without UDP. */
  espPathSet(host: HostHandle, bundle: number, ifindex: number, local: Uint8Array, localPort: number, remote: Uint8Array, remotePort: number, mtu: number): number;
  espPathClear(host: HostHandle, bundle: number, mtu: number): number;
  /** ENOENT: no such bundle. */
  espBound(host: HostHandle, bundle: number, bounded: boolean): number;
  espDummy(host: HostHandle, bundle: number): void;
  espInject(host: HostHandle, packet: Uint8Array): void;
  espPoll(host: HostHandle): NativeReport;
  /** For tests: moves an SA's sequence number forward, never back. */
  espSkipTo(host: HostHandle, handle: number, sequence: number): number;
  /** For tests: one packet through the outbound half; the datagram instead of sending it. */
  espEncapsulate(host: HostHandle, inner: Uint8Array): NativeDatagram | undefined;
  /** For tests: one datagram through the inbound half (4500 rules); the inner packet instead of writing it to TUN. */
  espDecapsulate(
    host: HostHandle, ifindex: number, local: Uint8Array, localPort: number, remote: Uint8Array, remotePort: number,
    trafficClass: number, bytes: Uint8Array,
  ): Uint8Array | undefined;
  /** For tests: the next packet of what was held for SAs that have come since, instead of writing it to TUN in the next turn. */
  espTakeHeld(host: HostHandle): Uint8Array | undefined;
  /** For tests: an ICMP message about a datagram of ours that began with `quote`; the bundle it would be told of, if any. */
  espTooBig(
    host: HostHandle, ifindex: number, local: Uint8Array, localPort: number, remote: Uint8Array, remotePort: number, mtu: number, quote: Uint8Array,
  ): number | undefined;
  /** For tests: ICMP messages the outbound half would have written to TUN since the last call, newest only. */
  espTakeReply(host: HostHandle): Uint8Array | undefined;
  netlinkOpen(host: HostHandle, protocol: number, groups: Uint32Array): number;
  /** 0 or an errno. */
  netlinkSend(host: HostHandle, id: number, bytes: Uint8Array): number;
  netlinkPortId(host: HostHandle, id: number): number;
  netlinkClose(host: HostHandle, id: number): void;
  tcpConnect(host: HostHandle, address: Uint8Array, port: number, ifindex: number, mark: number, userTimeoutMs: number, local: Uint8Array): number;
  tcpCancel(host: HostHandle, id: number): void;
  /** Sends one echo request (RFC 792, RFC 4443 §4) with 20 random octets: identifier, sequence number, data. `icmpAnswered` tells of the reply. */
  icmpEcho(host: HostHandle, remote: Uint8Array, local: Uint8Array, ifindex: number, mark: number, token: Uint8Array): number;
  icmpCancel(host: HostHandle, id: number): void;
  /** For tests: whether what a raw socket gave is the reply that brings the token. */
  icmpIsReply(host: HostHandle, packet: Uint8Array, six: boolean, token: Uint8Array): boolean;
  /** Undefined, or why the process has no X.509. */
  x509Missing(): string | undefined;
  /** A certificate's facts in the shape of `CertificateFacts`; undefined when it is none. */
  x509Read(certificate: Uint8Array): object | undefined;
  /** A CRL's facts in the shape of `CrlFacts`; undefined when it is none. */
  x509ReadCrl(crl: Uint8Array): object | undefined;
  /** Undefined when the chain holds, else what is wrong. `now` in Unix seconds, negative: dates are not looked at. */
  x509VerifyChain(
    leaf: Uint8Array, intermediates: readonly Uint8Array[], anchors: readonly Uint8Array[], crls: readonly Uint8Array[], now: number, allowTlsUsage: boolean,
  ): string | undefined;
}

/** An Error as Node makes them of system calls: `code` is the errno's name. */
export function systemError(errno: number, what: string): Error & { code: string; errno: number } {
  const code = getSystemErrorName(-errno);
  return Object.assign(new Error(`${what}: ${code}`), { code, errno: -errno });
}

const ABI = 13;
const FILE = 'mobiked.node';

/** Loads the addon: beside the running script, else from `build/lib` of the working directory. Throws with what was tried. */
export function loadNative(): NativeAddon {
  const script = process.argv[1];
  const tried: string[] = [];
  if (script !== undefined && existsSync(script)) tried.push(join(dirname(realpathSync(script)), FILE));
  tried.push(resolve('build/lib', FILE));
  const path = tried.find((candidate) => existsSync(candidate));
  if (path === undefined) throw new Error(`the native addon is missing: looked for ${tried.join(' and ')} (make native builds it)`);
  const addon = createRequire(path)(path) as NativeAddon;
  if (addon.abi !== ABI) throw new Error(`the native addon ${path} has interface ${String(addon.abi)}, this program wants ${ABI}`);
  return addon;
}

type Handlers = { -readonly [K in keyof NativeEvents]: NativeEvents[K] };

const ignore = (): void => undefined;

/**
 * One open host of the addon, shared by the UDP and the ESP port (they share sockets), netlink sockets and TCP
 * connects. Keeps the process alive while something is open on it; `close` releases everything.
 */
export class NativeHost {
  readonly addon: NativeAddon;
  readonly handle: HostHandle;
  /** Receivers of the UDP and ESP ports; set by them. */
  readonly on: Handlers;
  readonly #netlink = new Map<number, NetlinkEvents>();
  readonly #tcp = new Map<number, (fd: number, errno: number) => void>();
  readonly #icmp = new Map<number, (errno: number) => void>();
  #closed = false;

  constructor(addon: NativeAddon = loadNative()) {
    this.addon = addon;
    const on: Handlers = {
      udpReceived: ignore, udpSendFailed: ignore, espFirstInbound: ignore, espUnknownSpi: ignore, espTooBig: ignore, tunFailed: ignore,
      netlinkReceived: (id, errno, bytes) => {
        const events = this.#netlink.get(id);
        if (errno === 0 && bytes !== undefined) events?.message(bytes);
        else events?.failed(errno);
      },
      tcpConnected: (id, fd, errno) => {
        const done = this.#tcp.get(id);
        this.#tcp.delete(id);
        done?.(fd, errno);
      },
      icmpAnswered: (id, errno) => {
        const done = this.#icmp.get(id);
        this.#icmp.delete(id);
        done?.(errno);
      },
    };
    this.on = on;
    this.handle = addon.open({
      udpReceived: (...args) => on.udpReceived(...args),
      udpSendFailed: (...args) => on.udpSendFailed(...args),
      espFirstInbound: (...args) => on.espFirstInbound(...args),
      espUnknownSpi: (...args) => on.espUnknownSpi(...args),
      espTooBig: (...args) => on.espTooBig(...args),
      tunFailed: (...args) => on.tunFailed(...args),
      netlinkReceived: (...args) => on.netlinkReceived(...args),
      tcpConnected: (...args) => on.tcpConnected(...args),
      icmpAnswered: (...args) => on.icmpAnswered(...args),
    });
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** @internal used by `openNetlink`. */
  watchNetlink(id: number, events: NetlinkEvents | undefined): void {
    if (events === undefined) this.#netlink.delete(id);
    else this.#netlink.set(id, events);
  }

  /** @internal used by `connectTcp`. */
  watchTcp(id: number, done: ((fd: number, errno: number) => void) | undefined): void {
    if (done === undefined) this.#tcp.delete(id);
    else this.#tcp.set(id, done);
  }

  /** @internal used by `probes.ts`. */
  watchIcmp(id: number, done: ((errno: number) => void) | undefined): void {
    if (done === undefined) this.#icmp.delete(id);
    else this.#icmp.set(id, done);
  }

  /** Closes every descriptor and the TUN device, wipes the keys, ends the poll thread. May be called twice. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.addon.close(this.handle);
  }
}

export interface NetlinkEvents {
  /** One datagram from the kernel: one or more messages in host byte order. */
  message(bytes: Uint8Array): void;
  /** ENOBUFS: messages were lost, the socket goes on (dump again). Anything else: the socket is of no use. */
  failed(errno: number): void;
}

export interface NetlinkSocket {
  /** Our address on the netlink bus (nlmsg_pid of answers). */
  readonly portId: number;
  /** Sends one or more messages to the kernel; 0 or an errno. */
  send(bytes: Uint8Array): number;
  close(): void;
}

export const NETLINK_ROUTE = 0;

/**
 * Opens a raw AF_NETLINK socket and joins `groups` (RTNLGRP_* numbers, not masks). Only datagrams of the kernel itself
 * are delivered. Throws an Error with `code` and `errno` when the kernel refuses.
 */
export function openNetlink(native: NativeHost, options: { readonly protocol: number; readonly groups: readonly number[] }, events: NetlinkEvents): NetlinkSocket {
  const { addon, handle } = native;
  const id = addon.netlinkOpen(handle, options.protocol, Uint32Array.from(options.groups));
  if (id < 0) throw systemError(-id, 'netlink socket');
  native.watchNetlink(id, events);
  return {
    portId: addon.netlinkPortId(handle, id),
    send: (bytes) => addon.netlinkSend(handle, id, bytes),
    close: () => {
      native.watchNetlink(id, undefined);
      if (!native.closed) addon.netlinkClose(handle, id);
    },
  };
}
