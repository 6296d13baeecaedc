import type { Endpoint, IpAddress, IpPrefix, Millis, ProbeTarget, ScheduleWindow, Secret } from '../base/index.ts';

export type LogLevel = 'error' | 'warn' | 'info' | 'debug';

/** `config mobiked 'main'`. */
export interface MainConfig {
  readonly enabled: boolean;
  readonly logLevel: LogLevel;
  /** Only `[A-Za-z0-9_-]`; undefined means: hostname plus last MAC octets, filled in by `main`. */
  readonly nodeId: string | undefined;
}

/** `config uplink 'NAME'`: exactly one of `interface` (netifd's) and `device` (kernel's) is set. */
export interface UplinkConfig {
  readonly name: string;
  readonly enabled: boolean;
  readonly interface: string | undefined;
  readonly device: string | undefined;
  /** Lower is better; undefined means netifd's (or the kernel default route's). */
  readonly metric: number | undefined;
  readonly metered: boolean;
  /** Taken only when no other uplink can be used. */
  readonly lastResort: boolean;
  /** Only within these windows paths may be chosen on it; empty: always. */
  readonly schedule: readonly ScheduleWindow[];
  /** Silence after which a NAT mapping is refreshed; undefined: learned. */
  readonly keepalive: Millis | undefined;
  /** What may leave here in clear text although a child's `remoteTs` covers it: prefixes, and servers that netifd names for the interface. */
  readonly bypass: { readonly prefixes: readonly IpPrefix[]; readonly servers: readonly BypassServer[] };
  readonly probing: ProbingConfig;
}

/** Who is asked beside the IKE peer whether an uplink leads anywhere; without targets nobody. */
export interface ProbingConfig {
  readonly targets: readonly ProbeTarget[];
  /** So many targets must answer; at least 1. */
  readonly quorum: number;
  readonly interval: Millis;
}

/** A kind of server that netifd names: of its protocol handler's `dns-server`, `data.ntpserver`, `data.dhcpserver`. */
export type BypassServer = 'dns' | 'ntp' | 'dhcp';

export type RemoteAddr = { readonly kind: 'address'; readonly address: IpAddress } | { readonly kind: 'name'; readonly name: string };

/** An IKE identity (RFC 7296 §3.5) with its text as configured. */
export interface Identity {
  readonly text: string;
  readonly idType: number;
  readonly data: Uint8Array;
}

/** One transform choice list per type, in order of preference, as spelled by `aes256gcm16-prfsha256-x25519`. */
export interface SuiteProposal {
  readonly text: string;
  readonly encr: readonly { readonly id: number; readonly keyLength: number | undefined }[];
  readonly prf: readonly number[];
  readonly integ: readonly number[];
  readonly groups: readonly number[];
  /** Only ESP: 0 no, 1 yes; both unless spelled out. */
  readonly esn: readonly number[];
}

/** `config child 'NAME'`. */
export interface ChildConfig {
  readonly name: string;
  readonly connection: string;
  /** Empty only with `requestVip`: the virtual address alone. */
  readonly localTs: readonly IpPrefix[];
  /** Never empty; a hub's default is its pools, narrowed to what each peer was given. */
  readonly remoteTs: readonly IpPrefix[];
  readonly espProposals: readonly SuiteProposal[];
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

/** `config connection 'NAME'` with the children that name it. */
export interface ConnectionConfig {
  readonly name: string;
  readonly enabled: boolean;
  readonly role: 'initiator' | 'responder';
  /** Empty only for a responder: accepts any. */
  readonly remoteAddrs: readonly RemoteAddr[];
  /** Empty: any address of the uplink. */
  readonly localAddrs: readonly IpAddress[];
  /** The peer is told our other addresses (RFC 4555 §3.4). */
  readonly announceAddresses: boolean;
  /** Responder behind a static NAT: told instead of the local ones. */
  readonly externalAddrs: readonly IpAddress[];
  /** Initiator: whether ESP waits for return routability before it goes to an address of the peer; `auto`: to one that only the peer told. */
  readonly verifyResponder: 'auto' | 'always' | 'never';
  /** Undefined only with a pre-shared key: the local outer address as ID_IPV4_ADDR / ID_IPV6_ADDR. */
  readonly localId: Identity | undefined;
  /** Undefined: any identity (responder), or the remote address's (initiator: not checked beyond the PSK). */
  readonly remoteId: Identity | undefined;
  /** How we prove who we are. `chain`: DER, our certificate first, then intermediates; `key`: DER of its private key. */
  readonly auth: { readonly method: 'psk'; readonly psk: Secret } | { readonly method: 'cert'; readonly chain: readonly Uint8Array[]; readonly key: Secret };
  /** How the peer must. Anchors and CRLs are DER. */
  readonly remoteAuth:
    | { readonly method: 'psk'; readonly psk: Secret }
    | { readonly method: 'cert'; readonly anchors: readonly Uint8Array[]; readonly crls: readonly Uint8Array[]; readonly clockGrace: boolean; readonly allowTlsUsage: boolean };
  readonly mobike: boolean;
  /** Names of `uplink` sections; empty: all. */
  readonly uplinks: readonly string[];
  readonly ikeProposals: readonly SuiteProposal[];
  /** The UDP port, ours and the peer's, that IKE_SA_INIT goes to. */
  readonly startPort: 'auto' | 500 | 4500;
  /** UDP encapsulation of ESP (NK-8, M3.9-1). */
  readonly natT: 'auto' | 'always' | 'never' | 'prohibit';
  readonly dataplane: 'auto' | 'userspace';
  /** Hard lifetimes; soft ones are derived with jitter (RFC 7296 §2.8). */
  readonly ikeLifetime: Millis;
  readonly childLifetime: Millis;
  /** Octets and packets of one direction of a Child SA; undefined: no limit but the cipher's own. */
  readonly childOctets: number | undefined;
  readonly childPackets: number | undefined;
  /** Age at which a new IKE SA is made from scratch beside this one (RFC 7296 §2.8.3); undefined: never. */
  readonly reauth: Millis | undefined;
  readonly fragmentation: boolean;
  /** Initiator: families of virtual addresses to ask for (RFC 7296 §2.19). */
  readonly requestVip: readonly (4 | 6)[];
  /** Responder: pools of virtual addresses, and name servers told with them. */
  readonly pools: readonly IpPrefix[];
  readonly poolDns: readonly IpAddress[];
  /** Idle time before a liveness check (RFC 7296 §2.4). */
  readonly liveness: Millis;
  /** It stands in the file, and is not stretched to the keepalive interval. */
  readonly livenessGiven: boolean;
  /** Initiator: who is asked inside the tunnel whether it carries anything. */
  readonly echoAddress: IpAddress | undefined;
  /** Inner MTU of the tunnel; undefined: derived from the path's device. */
  readonly mtu: number | undefined;
  /** What a path carries whole is found out after a move (F-4). */
  readonly mtuProbe: 'auto' | 'on' | 'off';
  /** The DF bit of outer IPv4 packets: never set, or that of the inner packet (RFC 4301 §8.1). */
  readonly df: 'clear' | 'copy';
  /** The outer header gets the inner DSCP (RFC 4301 §5.1.2.1); else zero. */
  readonly copyDscp: boolean;
  /** DSCP of IKE messages, 0 to 63. */
  readonly ikeDscp: number;
  /** Responder: which outer addresses of the peer are taken, and what it must show of them. */
  readonly moves: MovePolicy;
  /** R-MOBIKE: how the responder may ask the initiator to its other address (undefined: not at all), and whether to any. */
  readonly responderSwitch: { readonly by: 'private' | number | undefined; readonly anyAddress: boolean };
  /** Keep the `unreachable` routes after a clean stop. */
  readonly blockOnStop: boolean;
  readonly children: readonly ChildConfig[];
}

/** `config mqtt 'NAME'`. */
export interface MqttConfig {
  readonly name: string;
  readonly enabled: boolean;
  readonly tls: boolean;
  readonly host: string;
  readonly port: number;
  /** PEM text of the CA file; undefined: the system's bundle. */
  readonly ca: string | undefined;
  readonly username: string | undefined;
  readonly password: Secret | undefined;
  readonly topicPrefix: string;
  readonly interval: Millis;
  readonly via: 'auto' | 'tunnel' | 'uplink';
  /** Bound of the queue of unsent events. */
  readonly queue: number;
}

/** Everything the daemon is told; children sit inside their connection. */
export interface Config {
  readonly main: MainConfig;
  /** Undefined: no uplink section at all, so every netifd interface with a default route is one. */
  readonly uplinks: readonly UplinkConfig[] | undefined;
  readonly connections: readonly ConnectionConfig[];
  readonly mqtt: readonly MqttConfig[];
}

/** What the platform finds wrong with credentials; `message` is a sentence for people. A `warning`: they may do later, or for some peers. */
export interface CredentialFinding {
  readonly severity: 'error' | 'warning';
  readonly option: 'local_cert' | 'local_key' | 'local_id' | 'remote_ca' | 'crl';
  readonly message: string;
}

/** The platform's eyes for certificates, keys and revocation lists, all DER: this room reads none of them. */
export interface CredentialReader {
  /** Names in a certificate, as identities: its subject alternative names, and its subject. Undefined: it is no certificate. */
  names(certificate: Uint8Array): { readonly alternative: readonly Identity[]; readonly subject: Identity | undefined } | undefined;
  /** Our certificate, its intermediates and its key, and whether the certificate bears `localId`. */
  judgeLocal(chain: readonly Uint8Array[], key: Secret, localId: Identity | undefined): readonly CredentialFinding[];
  /** One certificate of a `remote_ca` file. */
  judgeAnchor(certificate: Uint8Array): readonly CredentialFinding[];
  judgeCrl(crl: Uint8Array, anchors: readonly Uint8Array[]): readonly CredentialFinding[];
}

/** Something wrong in a configuration file. A `warning` leaves the section in force; an `error` leaves the section out. Of `mobiked` the good options stay. */
export interface ConfigProblem {
  readonly severity: 'error' | 'warning';
  readonly file: string;
  /** 1-based line. */
  readonly line: number;
  /** `connection 'hq'`, or undefined for a syntax error outside any section. */
  readonly section: string | undefined;
  readonly option: string | undefined;
  /** What is wrong and what would be right; never contains a secret. */
  readonly message: string;
}

export interface LoadedConfig {
  readonly config: Config;
  readonly problems: readonly ConfigProblem[];
  /** Sections left out because of an error, as `type.name`, so that a reload can keep their last good form; `*`: the whole file. */
  readonly broken: readonly string[];
}

export type { Endpoint };
