import type { Endpoint, Entropy, Instant, IpAddress, IpFamily, IpPrefix, Millis, Path, Secret } from '../base/index.ts';
import type { ChildSpi, TrafficSelector } from '../codec/ike/index.ts';
import type { CryptoSuite } from '../crypto/index.ts';

/** Allowed transforms of one proposal, per type in order of preference (RFC 7296 §3.3). */
export interface IkeSuite {
  readonly text: string;
  readonly encr: readonly { readonly id: number; readonly keyLength: number | undefined }[];
  readonly prf: readonly number[];
  readonly integ: readonly number[];
  readonly groups: readonly number[];
  readonly esn: readonly number[];
}

export interface IkeIdentity {
  readonly text: string;
  readonly idType: number;
  readonly data: Uint8Array;
}

export interface IkeChildConfig {
  readonly name: string;
  readonly localTs: readonly IpPrefix[];
  readonly remoteTs: readonly IpPrefix[];
  readonly espProposals: readonly IkeSuite[];
}

/** What the engine must know of one configured connection; `config`'s ConnectionConfig is one. */
export interface IkeConnection {
  readonly name: string;
  readonly role: 'initiator' | 'responder';
  readonly remoteAddrs: readonly ({ readonly kind: 'address'; readonly address: IpAddress } | { readonly kind: 'name'; readonly name: string })[];
  readonly localAddrs: readonly IpAddress[];
  readonly localId: IkeIdentity | undefined;
  readonly remoteId: IkeIdentity | undefined;
  readonly auth: LocalAuth;
  readonly remoteAuth: RemoteAuth;
  readonly mobike: boolean;
  /** ESP in UDP: where a NAT is seen, always, where one is seen and never else, or never and no NAT traversal at all (M3.9-1, NK-8); default: auto. */
  readonly natT?: 'auto' | 'always' | 'never' | 'prohibit';
  readonly ikeProposals: readonly IkeSuite[];
  readonly ikeLifetime: Millis;
  readonly childLifetime: Millis;
  /** Octets and packets of one direction of a Child SA after which it is not used any more; undefined: no limit but the cipher's own. */
  readonly childOctets: number | undefined;
  readonly childPackets: number | undefined;
  /** A new IKE SA from scratch, make before break, after this (I2.8.3-1); undefined: never. */
  readonly reauth: Millis | undefined;
  readonly liveness: Millis;
  /** It is the user's, and not to be stretched; default: false. */
  readonly livenessGiven?: boolean;
  /** Whether the size of paths is asked by padded requests (F-4): of peers that say they know them, of all, or not; default: auto. */
  readonly mtuProbe?: 'auto' | 'on' | 'off';
  /** RFC 7383; offered when true. */
  readonly fragmentation: boolean;
  /** Initiator: kinds of virtual address asked for (I2.19-1); a child's `localTs` is then narrowed to what is given, and may be empty. */
  readonly requestVip: readonly (4 | 6)[];
  /** Responder: where virtual addresses come from, and name servers told with them; empty: none are given. */
  readonly pools: readonly IpPrefix[];
  readonly poolDns: readonly IpAddress[];
  /** What of the inner header the outer one shows (RFC 4301 §5.1.2, §8.1); default: DF never set, DSCP zero. */
  readonly df?: 'clear' | 'copy';
  readonly copyDscp?: boolean;
  /** DSCP of IKE messages; default: 0, as most of ESP, so that they share its fate (F-10). */
  readonly ikeDscp?: number;
  /** Responder: which outer addresses of the peer are taken, and what it must show of them; default: any, `before`. */
  readonly moves?: MovePolicy;
  /** R-MOBIKE: how the responder may ask the initiator to its other address, and whether to any; default: it may not. */
  readonly responderSwitch?: { readonly by: 'private' | number | undefined; readonly anyAddress: boolean };
  readonly children: readonly IkeChildConfig[];
}

/** What a responder thinks of the outer addresses its peers come from and move to (RFC 4555 §3.5, §3.7). */
export interface MovePolicy {
  /** Empty: all. */
  readonly allowed: readonly IpPrefix[];
  readonly denied: readonly IpPrefix[];
  /** Only addresses of the public Internet. */
  readonly strictSources: boolean;
  /** Moves of one identity in a minute. */
  readonly updateRate: number;
  readonly routability: 'before' | 'after' | 'off';
  /** Of ESP, while return routability is shown before it goes to the new address. */
  readonly hold: 'continue' | 'drop';
  /** Whether ESP in UDP is followed when the peer's NAT gives it another port, or address too (RFC 4555 §3.8). */
  readonly roaming: 'off' | 'port' | 'full';
  /** Time after which return routability is shown again; undefined: only after a move. */
  readonly recheck: Millis | undefined;
}

/** How we prove who we are. */
export type LocalAuth =
  | { readonly method: 'psk'; readonly psk: Secret }
  /** `chain`: DER, our certificate first, then intermediates; `key`: DER of its private key. */
  | { readonly method: 'cert'; readonly chain: readonly Uint8Array[]; readonly key: Secret };

/** How the peer must prove who it is. */
export type RemoteAuth =
  | { readonly method: 'psk'; readonly psk: Secret }
  | {
      readonly method: 'cert';
      /** DER. */
      readonly anchors: readonly Uint8Array[];
      readonly crls: readonly Uint8Array[];
      /** Accept a certificate while the clock is not set, and look at its dates as soon as it is; else refuse until then (I3.6-2). */
      readonly clockGrace: boolean;
      /** Accept extended key usages serverAuth and clientAuth. */
      readonly allowTlsUsage: boolean;
    };

export type CloseReason =
  | 'requested'
  | 'peer_deleted'
  | 'peer_dead'
  | 'replaced'
  | 'authentication_failed'
  | 'no_proposal_chosen'
  | 'invalid_syntax'
  | 'cookie2_mismatch'
  | 'nat_traversal_refused'
  /** Addresses were translated where no NAT is allowed (RFC 4555 §3.9). */
  | 'nat_detected'
  | 'timeout'
  | 'lifetime_expired'
  | 'child_failed'
  | 'fault';

/** How the NAT mappings of one uplink are kept alive (NK-3, NK-4). */
export interface KeepalivePlan {
  /** Silence after which something is sent. */
  readonly interval: Millis;
  /** By a liveness check, whose answer shows whether the mapping is still the same; else by one octet. */
  readonly check: boolean;
  /** All connections at the same moments, multiples of the interval. */
  readonly aligned: boolean;
}

/** Traffic of one chain, as the data plane reports it. */
export interface Traffic {
  /** Last fresh inbound ESP whose outer endpoints are those of the current path (D5.5.2-3). */
  readonly lastInbound: Instant | undefined;
  /** Last user packet that left. */
  readonly lastOutbound: Instant | undefined;
  /** Last packet of any kind that left, for NAT keepalives. */
  readonly lastAny: Instant | undefined;
}

/** Where this host can be reached for one connection. */
export interface OwnAddresses {
  /** What peers are told, best first (RFC 4555 §3.4); undefined: nothing is told. */
  readonly announce: readonly IpAddress[] | undefined;
  /** Addresses to send from, best first. */
  readonly sources: readonly { readonly uplink: string; readonly ifindex: number; readonly address: IpAddress }[];
}

export type IkeInput =
  /** A datagram for IKE; `path` as the socket saw it, `bytes` with the non-ESP marker when it came to port 4500. */
  | { readonly type: 'packet'; readonly path: Path; readonly bytes: Uint8Array }
  | { readonly type: 'connections.set'; readonly connections: readonly IkeConnection[] }
  /** Our own addresses for a connection; peers are told when they change, and a responder that lost its end of a path looks for another (RFC 4555 §3.6). */
  | { readonly type: 'addresses.set'; readonly connection: string; readonly own: OwnAddresses }
  /** Tries the paths side by side, a new one every `PATH_PACE`; the first that answers is used (RFC 4555 §3.1). */
  | { readonly type: 'connection.initiate'; readonly connection: string; readonly paths: readonly Path[] }
  /** Stops every attempt and closes every SA of the connection with Delete. */
  | { readonly type: 'connection.terminate'; readonly connection: string }
  | { readonly type: 'chain.close'; readonly chain: number; readonly reason: CloseReason; readonly path?: Path }
  /** RFC 4555 §3.5: from now on this path. `verify`: ESP follows once the peer has shown that it receives there (M3.5-4). */
  | { readonly type: 'path.move'; readonly chain: number; readonly path: Path; readonly reasons: readonly string[]; readonly since: Instant; readonly verify?: boolean }
  /** Asks whether the peer answers through a path that is not the current one (RFC 4555 §3.10). */
  | { readonly type: 'path.probe'; readonly chain: number; readonly path: Path }
  /** Sends the outstanding request, same octets, over these paths too (D6.2-2). */
  | { readonly type: 'path.race'; readonly chain: number; readonly paths: readonly Path[] }
  /** How mappings of this uplink are kept alive; of an uplink never named, as RFC 3948 §4 has it. Repeatable. */
  | ({ readonly type: 'keepalive.set'; readonly uplink: string } & KeepalivePlan)
  /** Families in which ESP without UDP can be sent and received; none until told. Repeatable. */
  | { readonly type: 'esp.plain'; readonly families: readonly IpFamily[] }
  /** From the pair's next update on its ESP goes in UDP even without a NAT, or no longer so (F-3); an update follows at once where it is the current one. */
  | { readonly type: 'path.encapsulate'; readonly chain: number; readonly path: Path; readonly on: boolean }
  /** Asks whether an IP packet of `size` octets reaches the peer whole on the current path (F-4); `path.sized` answers. */
  | { readonly type: 'path.size'; readonly chain: number; readonly size: number }
  /** R-MOBIKE, responder: asks the peer to come to another address of ours; `own`: what leaves from there, if it is ours already. */
  | { readonly type: 'chain.switch'; readonly chain: number; readonly to: IpAddress; readonly own: Path | undefined }
  /** Addresses that the names of a connection we initiate stand for. */
  | { readonly type: 'remotes.set'; readonly connection: string; readonly addresses: readonly IpAddress[] }
  /** The current path's device or address changed under it: check at once. */
  | { readonly type: 'liveness.check'; readonly chain: number }
  | { readonly type: 'traffic'; readonly chain: number; readonly traffic: Traffic; readonly active: Millis }
  /** The newest ESP of the peer came from another endpoint at `at` (RFC 4555 §3.8). Repeatable. */
  | { readonly type: 'esp.roamed'; readonly chain: number; readonly remote: Endpoint; readonly at: Instant }
  /** What Child SAs have carried since they were installed, one row a direction; `sequence` as in `EspReport` of `ports`. */
  | { readonly type: 'volumes'; readonly sas: readonly { readonly handle: number; readonly packets: number; readonly bytes: number; readonly sequence: number }[] }
  /** Sets the child up, or deletes it and leaves it deleted until it is wanted again. */
  | { readonly type: 'child.want'; readonly chain: number; readonly child: string; readonly up: boolean }
  | { readonly type: 'child.rekey'; readonly chain: number; readonly child: string }
  | { readonly type: 'ike.rekey'; readonly chain: number }
  /** First packet under an inbound SA: the peer uses it. */
  | { readonly type: 'child.used'; readonly handle: number }
  /** ESP came under an SPI that is nobody's, between these endpoints. */
  | { readonly type: 'esp.unknownSpi'; readonly spi: number; readonly local: Endpoint; readonly remote: Endpoint }
  /** Unix time in ms at monotonic 0, and whether the clock is believed to be set: certificates have dates. */
  | { readonly type: 'clock.wall'; readonly unixAtZero: number; readonly synced: boolean }
  | { readonly type: 'tick' };

/** An ESP SA to install; see `EspSa` of `ports`, which this is. */
export interface ChildInstall {
  readonly handle: number;
  readonly bundle: number;
  readonly child: number;
  readonly direction: 'in' | 'out';
  readonly spi: ChildSpi;
  readonly cipher: 'aes-gcm-16' | 'chacha20-poly1305' | 'aes-cbc';
  readonly key: Secret;
  readonly integ: { readonly name: 'hmac-sha256-128' | 'hmac-sha384-192' | 'hmac-sha512-256'; readonly key: Secret } | undefined;
  readonly esn: boolean;
  /** Outbound only. */
  readonly copyDscp?: boolean;
  readonly copyDf?: boolean;
  readonly local: readonly TrafficSelector[];
  readonly remote: readonly TrafficSelector[];
}

export type IkeEffect =
  /** `dscp`: default 0; `whole`: nobody on the way may cut it up. */
  | { readonly type: 'packet.send'; readonly path: Path; readonly bytes: Uint8Array; readonly dscp?: number; readonly whole?: boolean }
  | { readonly type: 'child.install'; readonly sa: ChildInstall }
  | { readonly type: 'child.use'; readonly handle: number }
  /** `lingers`: it was rekeyed, and what was sent under it before may still come: accept that for a few seconds. Nothing leaves under it. */
  | { readonly type: 'child.remove'; readonly handle: number; readonly lingers?: boolean }
  /** Outbound ESP of the chain goes this way from now on. */
  | {
      readonly type: 'bundle.path';
      readonly bundle: number;
      readonly path: Path;
      readonly opensPinhole: boolean;
      readonly encapsulation: 'udp' | 'none';
      /** The peer has not shown that it receives there: until `bundle.verified` three times the octets that come from there may go there (M3.7-2). */
      readonly unverified?: true;
    }
  | { readonly type: 'bundle.verified'; readonly bundle: number }
  /** Outbound ESP of the chain is dropped until the next `bundle.path`. */
  | { readonly type: 'bundle.hold'; readonly bundle: number }
  | { readonly type: 'event'; readonly event: IkeEvent }
  | { readonly type: 'log'; readonly level: 'warn' | 'info' | 'debug'; readonly text: string };

export type IkeEvent =
  | { readonly type: 'ike.established'; readonly chain: number; readonly connection: string; readonly role: 'initiator' | 'responder'; readonly path: Path; readonly peer: string; readonly mobike: boolean; readonly took: Millis; /** The chain that is re-authenticated by it and closes by itself (I2.8.3-1). */ readonly replaces?: number }
  /** Every attempt of an initiate ended without an SA. */
  | { readonly type: 'ike.failed'; readonly connection: string; readonly reason: CloseReason; readonly detail: string }
  | { readonly type: 'ike.closed'; readonly chain: number; readonly connection: string; readonly reason: CloseReason; readonly detail: string }
  | { readonly type: 'ike.rekeyed'; readonly chain: number; readonly connection: string }
  /** No path answers although each was tried; a new IKE SA beside this one is worth a try. */
  | { readonly type: 'ike.unreachable'; readonly chain: number; readonly connection: string; readonly hint: string }
  | { readonly type: 'child.established' | 'child.rekeyed'; readonly chain: number; readonly connection: string; readonly child: string; readonly local: readonly TrafficSelector[]; readonly remote: readonly TrafficSelector[] }
  | { readonly type: 'child.closed'; readonly chain: number; readonly connection: string; readonly child: string; readonly reason: string }
  | { readonly type: 'path.answered'; readonly chain: number; readonly connection: string; readonly path: Path; readonly rtt: Millis | undefined; readonly current: boolean }
  | { readonly type: 'path.unanswered'; readonly chain: number; readonly connection: string; readonly path: Path }
  | { readonly type: 'path.doubtful'; readonly chain: number; readonly connection: string; readonly path: Path; readonly unanswered: number }
  | { readonly type: 'path.moving' | 'path.moved'; readonly chain: number; readonly connection: string; readonly from: Path; readonly to: Path; readonly reasons: readonly string[]; readonly took: Millis }
  | { readonly type: 'path.refused'; readonly chain: number; readonly connection: string; readonly path: Path }
  /** Answers `path.size`, once, unless the chain closes before. Not carried: it was lost, for its size or by chance; undefined: nobody knows. */
  | { readonly type: 'path.sized'; readonly chain: number; readonly connection: string; readonly path: Path; readonly size: number; readonly carried: boolean | undefined }
  /** The peer said where it can be reached, in a message that came on `path`: the address there first, then what it listed, best first. */
  | { readonly type: 'peer.addresses'; readonly chain: number; readonly connection: string; readonly addresses: readonly IpAddress[]; readonly path: Path }
  /** Initiator: the hub gave us these addresses (RFC 7296 §2.19); an empty list: it took them back. Told again only when they change. */
  | { readonly type: 'vip.assigned'; readonly chain: number; readonly connection: string; readonly addresses: readonly IpAddress[]; readonly dns: readonly IpAddress[] }
  | { readonly type: 'nat.changed'; readonly chain: number; readonly connection: string; readonly path: Path }
  /** Nothing had passed on the current path, as far as the data plane has told, from `since` until a request left at `until`: its answer shows what that did to our mapping. */
  | { readonly type: 'mapping.seen'; readonly chain: number; readonly connection: string; readonly path: Path; readonly since: Instant; readonly until: Instant; readonly changed: boolean };

/** What an SA looks like from outside, for status documents. */
export interface ChainStatus {
  readonly chain: number;
  readonly connection: string;
  readonly role: 'initiator' | 'responder';
  readonly state: string;
  readonly peer: string | undefined;
  readonly path: Path;
  /** Virtual addresses: ours if we are the initiator, else the peer's. */
  readonly vips: readonly IpAddress[];
  readonly mobike: boolean;
  readonly natLocal: boolean;
  readonly natRemote: boolean;
  readonly encapsulation: 'udp' | 'none';
  readonly establishedAt: Instant | undefined;
  readonly spiI: bigint;
  readonly spiR: bigint;
  readonly proposal: string;
  readonly rekeyAt: Instant | undefined;
  readonly children: readonly {
    readonly name: string;
    readonly child: number;
    readonly state: string;
    readonly inHandle: number;
    readonly outHandle: number;
    readonly spiIn: number;
    readonly spiOut: number;
    readonly proposal: string;
    readonly local: readonly TrafficSelector[];
    readonly remote: readonly TrafficSelector[];
    readonly rekeyAt: Instant;
  }[];
}

export interface IkeDeps {
  readonly suite: CryptoSuite;
  readonly entropy: Entropy;
}

export type { Endpoint };
