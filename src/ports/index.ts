/**
 * ports: what the core asks of the outside (effects) and what the outside tells the core (inputs). Interfaces only, no
 * code. An effect with an answer carries an `opId`; the answer comes back once, as an input with the same `opId`.
 * Octets in an input are valid only during the call: the core copies what it keeps. Octets in an effect belong to the
 * port from then on. Nothing of Node, of a socket or of a library shows here.
 */
import type {
  AddressFact, Endpoint, Instant, IpAddress, IpFamily, IpPrefix, Json, JsonObject, LinkFact, Millis, Path, ProbeFailure, ProbeTarget, RouteFact, Secret,
} from '../base/index.ts';
import type { ChildSpi, TrafficSelector } from '../codec/ike/index.ts';
import type { LoadedConfig, LogLevel } from '../config/index.ts';

export type { Entropy } from '../base/index.ts';

// ---- UDP -----------------------------------------------------------------------------------------------------------

export type UdpEffect =
  /** Opens wildcard sockets of both families on each port, with packet info, `SO_MARK` mark (0: none). Repeatable. */
  | { readonly type: 'udp.open'; readonly ports: readonly number[]; readonly mark: number }
  | { readonly type: 'udp.close' }
  /**
   * Sends `bytes` as they are (marker included, RFC 3948 §2.2) from `local` to `remote` through device `ifindex`,
   * whatever the routing table prefers; `ifindex` 0 leaves the device to the kernel. `whole`: in one packet that nobody on the way
   * may cut up (DF of RFC 791); else IP cuts what is too large.
   */
  | { readonly type: 'udp.send'; readonly ifindex: number; readonly local: Endpoint; readonly remote: Endpoint; readonly bytes: Uint8Array; /** Of the IP header; default 0. */ readonly dscp?: number; readonly whole?: boolean };

export type UdpInput =
  | { readonly type: 'udp.opened'; readonly port: number; readonly family: IpFamily }
  | { readonly type: 'udp.failed'; readonly port: number; readonly family: IpFamily; readonly errno: number }
  /** An IKE datagram: everything on port 500; on 4500 what starts with the zero marker, marker included. */
  | { readonly type: 'udp.received'; readonly ifindex: number; readonly local: Endpoint; readonly remote: Endpoint; readonly bytes: Uint8Array }
  /** A send was refused at once (ENETUNREACH, EADDRNOTAVAIL, ENODEV…). A hint, never proof. */
  | { readonly type: 'udp.sendFailed'; readonly ifindex: number; readonly local: Endpoint; readonly remote: Endpoint; readonly errno: number };

// ---- Userspace ESP over TUN ----------------------------------------------------------------------------------------

/**
 * One ESP SA of the userspace plane. `handle` is ours and unique; `bundle` groups the SAs that move together (one IKE
 * SA chain); `child` groups successive SAs of one Child SA through its rekeyings.
 */
export interface EspSa {
  readonly handle: number;
  readonly bundle: number;
  readonly child: number;
  readonly direction: 'in' | 'out';
  /** Inbound: chosen by us, unique on this host. Outbound: chosen by the peer, may repeat across peers. */
  readonly spi: ChildSpi;
  readonly cipher: 'aes-gcm-16' | 'chacha20-poly1305' | 'aes-cbc';
  /** AEAD: key followed by 4 octets of salt (RFC 4106 §8.1, RFC 7634 §2); aes-cbc: the key. */
  readonly key: Secret;
  /** Set with aes-cbc only: encrypt, then MAC, tag truncated as the name says (RFC 4868 §2.1). */
  readonly integ: { readonly name: 'hmac-sha256-128' | 'hmac-sha384-192' | 'hmac-sha512-256'; readonly key: Secret } | undefined;
  readonly esn: boolean;
  /** Outbound: the outer header gets the inner DSCP (RFC 4301 §5.1.2.1); default: zero. ECN always follows RFC 6040. */
  readonly copyDscp?: boolean;
  /** Outbound: DF of an outer IPv4 header is that of the inner packet, inner IPv6 counts as set (RFC 4301 §8.1); default: never set. */
  readonly copyDf?: boolean;
  /** Inner source (out) or destination (in) must match one of these. */
  readonly local: readonly TrafficSelector[];
  /** Inner destination (out) or source (in) must match one of these. */
  readonly remote: readonly TrafficSelector[];
}

/** How ESP leaves: in UDP (RFC 3948), or as IP protocol 50. */
export type Encapsulation = 'udp' | 'none';

export type EspEffect =
  /**
   * Creates the TUN device, or takes over the one that a killed daemon left; answered by `tun.opened` or `tun.failed`. It outlives the
   * process, with its routes and without anybody who reads: what belongs into the tunnel goes nowhere meanwhile.
   */
  | { readonly type: 'tun.open'; readonly name: string; readonly mtu: number }
  /** Takes the device away. */
  | { readonly type: 'tun.close' }
  /** An inbound SA receives from now on, and gets what came for it in the last 2 s (RFC 7296 §2.8); an outbound one is used only after `esp.sa.use`. */
  | { readonly type: 'esp.sa.add'; readonly sa: EspSa }
  /** From now on packets of the SA's child leave under this outbound SA. */
  | { readonly type: 'esp.sa.use'; readonly handle: number }
  | { readonly type: 'esp.sa.remove'; readonly handle: number }
  /**
   * Opens the raw sockets of IP protocol 50 in both families, for ESP without UDP, with `SO_MARK` mark (0: none). Repeatable. `udp.close`
   * closes them too.
   */
  | { readonly type: 'esp.open'; readonly mark: number }
  /**
   * Outbound ESP of the bundle leaves on this path, in UDP between its ports or as IP protocol 50 between its addresses; inbound is accepted
   * from anywhere and in both forms (RFC 4301 §4.1: by SPI alone; RFC 7296 §2.23). `undefined` holds outbound packets back (dropped, counted).
   */
  | { readonly type: 'esp.path.set'; readonly bundle: number; readonly path: Path | undefined; readonly encapsulation: Encapsulation; readonly mtu: number }
  /**
   * From now on, or no longer, what leaves for the bundle's peer is bounded: three times the octets of authentic ESP that come from the remote
   * address of its path (RFC 4555 §3.7). What exceeds it is dropped, and counted as `unverified`.
   */
  | { readonly type: 'esp.bound'; readonly bundle: number; readonly bounded: boolean }
  /** Sends one dummy packet (next header 59, RFC 4303 §2.6) under every used outbound SA of the bundle: opens pinholes (F-1). */
  | { readonly type: 'esp.dummy'; readonly bundle: number }
  /** Sends an inner packet as if it had come from TUN; dropped and counted where no SA takes it, and without an answer when it is too big. */
  | { readonly type: 'esp.inject'; readonly packet: Uint8Array }
  /** Asks for an `esp.polled`. */
  | { readonly type: 'esp.poll' };

export interface EspReport {
  readonly sas: readonly {
    readonly handle: number;
    /** Outbound: sealed, dummy packets too; inbound: fresh and authentic. */
    readonly packets: number;
    /** Octets of inner packets: sealed, or given to TUN. */
    readonly bytes: number;
    /** Outbound: last sequence number used; inbound: highest received. */
    readonly sequence: number;
  }[];
  readonly bundles: readonly {
    readonly bundle: number;
    /** User packets sent (dummy packets not counted), and when the last one left. */
    readonly sent: number;
    readonly lastSent: Instant | undefined;
    /** When the last packet of any kind left (for NAT keepalives). */
    readonly lastAny: Instant | undefined;
    /**
     * Fresh, authenticated inbound ESP by outer endpoints, both ports 0 where it came without UDP; at most 8 per bundle, least recent dropped
     * first. `ahead`: when the last packet came that had a higher sequence number than all before it under its SA.
     */
    readonly inbound: readonly {
      readonly ifindex: number; readonly local: Endpoint; readonly remote: Endpoint; readonly packets: number; readonly last: Instant; readonly ahead: Instant | undefined;
    }[];
  }[];
  /** Packets dropped since start by cause. */
  readonly drops: { readonly [cause: string]: number };
}

export type EspInput =
  | { readonly type: 'tun.opened'; readonly name: string; readonly ifindex: number }
  | { readonly type: 'tun.failed'; readonly name: string; readonly errno: number }
  /** ESP without UDP can be sent and received in this family. */
  | { readonly type: 'esp.opened'; readonly family: IpFamily }
  | { readonly type: 'esp.failed'; readonly family: IpFamily; readonly errno: number }
  | { readonly type: 'esp.polled'; readonly report: EspReport }
  /** First authenticated packet under an inbound SA: the peer has switched to it (RFC 7296 §2.8). */
  | { readonly type: 'esp.firstInbound'; readonly handle: number }
  /** ESP with an SPI we do not have, or not yet; ports 0 where it came without UDP. Rate-limited by the port to 1/s. */
  | { readonly type: 'esp.unknownSpi'; readonly spi: number; readonly local: Endpoint; readonly remote: Endpoint }
  /**
   * A router on the bundle's path says that it carries IP packets of `mtu` octets and no more (RFC 4301 §8.2). It quoted one of the last
   * packets of an SA, so it sees them; the port tells it once a second for a bundle, sooner only for less. Ports are 0 where ESP leaves without UDP.
   */
  | { readonly type: 'esp.tooBig'; readonly bundle: number; readonly local: Endpoint; readonly remote: Endpoint; readonly mtu: number };

// ---- Kernel: links, addresses, routes ------------------------------------------------------------------------------

/** A route mobiked wants in the main table, always with protocol `ROUTE_PROTOCOL`. */
export interface WantedRoute {
  readonly destination: IpPrefix;
  /** Without `gateway` the destination is on the link, or the device is the tunnel's. A gateway is taken to be on the link of the device. */
  readonly via: { readonly kind: 'device'; readonly ifindex: number; readonly gateway?: IpAddress } | { readonly kind: 'unreachable' };
  readonly metric: number;
  readonly prefSrc: IpAddress | undefined;
}

export type KernelOp =
  | { readonly op: 'link.set'; readonly ifindex: number; readonly up: boolean; readonly mtu: number }
  /** A host address of a device, usable at once (no duplicate address detection): what a hub gave us (RFC 7296 §2.19). */
  | { readonly op: 'address.add'; readonly ifindex: number; readonly address: IpAddress }
  | { readonly op: 'address.delete'; readonly ifindex: number; readonly address: IpAddress }
  | { readonly op: 'route.add'; readonly route: WantedRoute }
  | { readonly op: 'route.delete'; readonly route: WantedRoute };

export type KernelEffect =
  /** Subscribes to rtnetlink and dumps; answered by `kernel.snapshot`, then changes. */
  | { readonly type: 'kernel.watch' }
  /** Applies in order, goes on after a failure. */
  | { readonly type: 'kernel.apply'; readonly opId: number; readonly ops: readonly KernelOp[] };

export type KernelInput =
  /** The whole picture: at start and again after the socket overran (ENOBUFS). */
  | { readonly type: 'kernel.snapshot'; readonly links: readonly LinkFact[]; readonly addresses: readonly AddressFact[]; readonly routes: readonly RouteFact[] }
  | { readonly type: 'kernel.link'; readonly change: 'set' | 'removed'; readonly link: LinkFact }
  | { readonly type: 'kernel.address'; readonly change: 'set' | 'removed'; readonly address: AddressFact }
  | { readonly type: 'kernel.route'; readonly change: 'set' | 'removed'; readonly route: RouteFact }
  | { readonly type: 'kernel.applied'; readonly opId: number; readonly failures: readonly { readonly op: KernelOp; readonly errno: number }[] };

// ---- ubus ----------------------------------------------------------------------------------------------------------

export type UbusEffect =
  /** Connects and keeps connecting (the port retries by itself: at once, then every 2 s). */
  | { readonly type: 'ubus.open'; readonly socket: string }
  /** Looks the object up and calls it; answered by `ubus.answered`, at the latest after `timeout`. */
  | { readonly type: 'ubus.call'; readonly opId: number; readonly object: string; readonly method: string; readonly args: JsonObject; readonly timeout: Millis }
  /** Subscribes with a local object of its own, since a notification does not name its source. */
  | { readonly type: 'ubus.subscribe'; readonly opId: number; readonly target: string }
  | { readonly type: 'ubus.listen'; readonly opId: number; readonly pattern: string }
  /** Publishes an object; `methods` maps method -> argument -> blobmsg type name. Published again after a reconnect by the port. */
  | { readonly type: 'ubus.publish'; readonly object: string; readonly methods: { readonly [method: string]: { readonly [arg: string]: 'string' | 'int32' | 'bool' } } }
  | { readonly type: 'ubus.reply'; readonly callId: number; readonly status: number; readonly data: JsonObject | undefined };

export type UbusInput =
  | { readonly type: 'ubus.connected' }
  | { readonly type: 'ubus.closed' }
  /** `status` is the UBUS_STATUS number (7: time-out); `data` merges all DATA answers. */
  | { readonly type: 'ubus.answered'; readonly opId: number; readonly status: number; readonly data: JsonObject | undefined }
  | { readonly type: 'ubus.notified'; readonly target: string; readonly method: string; readonly data: JsonObject }
  | { readonly type: 'ubus.unsubscribed'; readonly target: string }
  | { readonly type: 'ubus.event'; readonly name: string; readonly data: JsonObject }
  | { readonly type: 'ubus.called'; readonly callId: number; readonly method: string; readonly args: JsonObject };

// ---- MQTT ----------------------------------------------------------------------------------------------------------

export interface MqttMessage {
  readonly topic: string;
  readonly payload: string;
  readonly qos: 0 | 1;
  readonly retain: boolean;
}

export type MqttEffect =
  /**
   * One TCP (TLS) connection and MQTT session; no retry by the port. Answered by `mqtt.connected` or `mqtt.closed`, which
   * repeat the `opId`, so that a late word of an older connection cannot be taken for the newer one's.
   */
  | {
      readonly type: 'mqtt.connect';
      readonly name: string;
      readonly opId: number;
      readonly address: IpAddress;
      /** For SNI and certificate check. */
      readonly host: string;
      readonly port: number;
      readonly tls: boolean;
      readonly ca: string | undefined;
      readonly username: string | undefined;
      readonly password: Secret | undefined;
      readonly clientId: string;
      readonly keepalive: Millis;
      readonly will: MqttMessage;
      readonly willDelay: Millis;
      readonly sessionExpiry: Millis;
      /** Device to bind the TCP connection to; 0: by routing table (through the tunnel). */
      readonly ifindex: number;
      readonly mark: number;
    }
  | { readonly type: 'mqtt.publish'; readonly name: string; readonly opId: number; readonly message: MqttMessage }
  /** `graceful`: DISCONNECT first; otherwise the TCP connection is dropped at once (its uplink is gone). Not answered. */
  | { readonly type: 'mqtt.close'; readonly name: string; readonly graceful: boolean };

export type MqttInput =
  | { readonly type: 'mqtt.connected'; readonly name: string; readonly opId: number }
  /** The connection of that `opId` ended, or never came about, other than by `mqtt.close`. */
  | { readonly type: 'mqtt.closed'; readonly name: string; readonly opId: number; readonly why: string }
  /**
   * QoS 1: PUBACK came; `refused` says why the broker did not take the message (MQTT 5 reason code). QoS 0: written.
   * Unanswered publishes of a closed connection are not answered.
   */
  | { readonly type: 'mqtt.published'; readonly name: string; readonly opId: number; readonly refused?: string };

// ---- Probes --------------------------------------------------------------------------------------------------------

export type ProbeEffect =
  /**
   * Asks one target through the device, from `local`, and repeats nothing (but TCP its SYN); answered once, at the latest after `timeout`.
   * `local` undefined: the host of a URL is a name; it is resolved through the device by `servers` (none: those of /etc/resolv.conf).
   */
  | {
      readonly type: 'probe.send'; readonly opId: number; readonly target: ProbeTarget; readonly ifindex: number; readonly mark: number;
      readonly local: IpAddress | undefined; readonly servers: readonly IpAddress[]; readonly timeout: Millis;
    }
  /** Drops a probe; it is answered by `probe.failed`, so that every `opId` is answered once. */
  | { readonly type: 'probe.cancel'; readonly opId: number };

export type ProbeInput =
  /** ICMP: the reply with our octets. DNS: a well-formed answer to our question. TCP: connected. HTTP: 204. */
  | { readonly type: 'probe.answered'; readonly opId: number; readonly took: Millis }
  | { readonly type: 'probe.failed'; readonly opId: number; readonly why: ProbeFailure; readonly errno?: number };

// ---- Store ---------------------------------------------------------------------------------------------------------

export type StoreEffect =
  /** Reads the one document that outlives the process; answered by `store.answered`. */
  | { readonly type: 'store.read'; readonly opId: number }
  /** Replaces it whole: whatever happens meanwhile, the old one is there or the new one. Rarely: it lies on flash. Answered by `store.written`. */
  | { readonly type: 'store.write'; readonly opId: number; readonly text: string };

export type StoreInput =
  /** `text` undefined: nothing was stored yet, or, when `why` says so, it cannot be read. */
  | { readonly type: 'store.answered'; readonly opId: number; readonly text: string | undefined; readonly why: string | undefined }
  | { readonly type: 'store.written'; readonly opId: number; readonly why: string | undefined };

// ---- The rest ------------------------------------------------------------------------------------------------------

export type MiscEffect =
  /** A, AAAA by stub resolver through device `ifindex` (0: any); no servers: those of /etc/resolv.conf. Time-out 5 s in all. */
  | { readonly type: 'resolver.resolve'; readonly opId: number; readonly name: string; readonly servers: readonly IpAddress[]; readonly ifindex: number; readonly mark: number }
  | { readonly type: 'control.send'; readonly client: number; readonly line: string }
  | { readonly type: 'control.close'; readonly client: number }
  | { readonly type: 'log.write'; readonly level: LogLevel; readonly text: string }
  | { readonly type: 'config.read' }
  /** Everything is said and sent: end the process. */
  | { readonly type: 'process.exit'; readonly code: number };

export type MiscInput =
  | { readonly type: 'resolver.answered'; readonly opId: number; readonly addresses: readonly IpAddress[]; readonly ttl: Millis; readonly why: string | undefined }
  /** One line (without newline) from a client of the control socket. */
  | { readonly type: 'control.received'; readonly client: number; readonly line: string }
  | { readonly type: 'control.closed'; readonly client: number }
  | { readonly type: 'config.loaded'; readonly loaded: LoadedConfig }
  /**
   * Unix time in ms at monotonic 0, whether the clock is believed to be set (year >= 2024), and how far local time is ahead of UTC in ms
   * (absent: not at all). Sent at start, when the clock steps, and when the zone's offset changes.
   */
  | { readonly type: 'clock.wall'; readonly unixAtZero: number; readonly synced: boolean; readonly zone?: Millis }
  /** SIGTERM or SIGINT. */
  | { readonly type: 'process.terminate' }
  | { readonly type: 'process.start'; readonly bootId: string; readonly version: string; /** Hostname and last octets of a MAC: used unless `node_id` is configured. */ readonly nodeId: string; /** Path of the ubus socket; undefined: no ubus here. */ readonly ubus: string | undefined };

export type Effect = UdpEffect | EspEffect | KernelEffect | UbusEffect | MqttEffect | StoreEffect | ProbeEffect | MiscEffect;
export type Input = UdpInput | EspInput | KernelInput | UbusInput | MqttInput | StoreInput | ProbeInput | MiscInput | { readonly type: 'tick' };

export type EffectOf<T extends Effect['type']> = Extract<Effect, { type: T }>;
export type InputOf<T extends Input['type']> = Extract<Input, { type: T }>;

/** One group of effects performed by one adapter; `deliver` may be called during `perform` or later. */
export interface Port<E> {
  perform(effect: E, deliver: (input: Input) => void): void;
  /** Releases descriptors and timers. */
  close(): void;
}

/** The core, as the loop sees it. */
export interface Core {
  handle(input: Input, now: Instant): Effect[];
  readonly deadline: Instant | undefined;
  /** Which IKE SA chain an input belongs to; undefined: nobody's. */
  owner(input: Input): string | undefined;
  /** Ends the owner's SAs after a bug. */
  quarantine(owner: string, now: Instant): Effect[];
}

export type { Json };
