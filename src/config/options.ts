/**
 * The UCI options: one row each. The row is JSON Schema (compiled by ajv to `generated/validate.js` at build time), and
 * from it follow the TypeScript type, the default, the messages, the example file's test and what a reload must do.
 * After a change run `make gen`.
 */

export type OptionSchema =
  | { readonly type: 'boolean'; readonly default?: boolean }
  | { readonly type: 'integer'; readonly minimum: number; readonly maximum: number; readonly default?: number }
  | { readonly type: 'string'; readonly enum: readonly string[]; readonly default?: string }
  | { readonly type: 'string'; readonly maxLength: number; readonly default?: string }
  | {
      readonly type: 'array';
      readonly items: { readonly type: 'string'; readonly minLength: 1; readonly maxLength: number };
      readonly maxItems: number;
      readonly uniqueItems: true;
      readonly default?: readonly string[];
    };

/** `live`: taken over without touching a session. `reconnect`: the session (IKE, MQTT) it belongs to is made anew. */
export type Reload = 'live' | 'reconnect';

export interface OptionDef {
  readonly schema: OptionSchema;
  readonly reload: Reload;
  /** One sentence for people; goes into the documentation and the form. */
  readonly help: string;
  /** `s`: whole seconds; the suffixes s, m, h and d are accepted. `B`: octets; K, M, G and T are accepted. */
  readonly unit?: 's' | 'B';
  /** The section means nothing without it. */
  readonly required?: true;
  /** Never shown in a message. */
  readonly secret?: true;
  /** What a UCI value may look like, for messages and documentation; only where type and limits do not say it. */
  readonly example?: string;
  /** Fields of the typed config that this option sets; `auth.chain` is a field of a field. */
  readonly fields: readonly string[];
}

const option = <const D extends OptionDef>(row: D): D => row;
const text = <const N extends number>(maxLength: N): { readonly type: 'string'; readonly maxLength: N } => ({ type: 'string', maxLength });
/** Names, addresses, prefixes and proposals are all shorter than this. */
const LIST = { type: 'array', items: { type: 'string', minLength: 1, maxLength: 255 }, maxItems: 64, uniqueItems: true } as const;
const PATH = text(255);

export const MOBIKED = {
  enabled: option({ schema: { type: 'boolean', default: true }, reload: 'live', fields: ['enabled'], help: 'Whether the daemon does anything at all' }),
  log_level: option({ schema: { type: 'string', enum: ['error', 'warn', 'info', 'debug'], default: 'info' }, reload: 'live', fields: ['logLevel'], help: 'How much goes to the system log' }),
  node_id: option({
    schema: text(64), reload: 'reconnect', fields: ['nodeId'], example: 'router-7',
    help: 'Name of this router in MQTT topics: letters, digits, _ and -; by default the hostname and the end of the MAC address',
  }),
} as const;

export const UPLINK = {
  enabled: option({ schema: { type: 'boolean', default: true }, reload: 'live', fields: ['enabled'], help: 'Whether paths may use this uplink' }),
  interface: option({ schema: text(64), reload: 'live', fields: ['interface'], example: 'wan', help: "netifd's interface name; either this or device" }),
  device: option({ schema: text(15), reload: 'live', fields: ['device'], example: 'eth1', help: "The kernel's device name; either this or interface" }),
  metric: option({ schema: { type: 'integer', minimum: 0, maximum: 1_000_000 }, reload: 'live', fields: ['metric'], help: "Preference, lower is better; by default netifd's metric" }),
  metered: option({ schema: { type: 'boolean', default: false }, reload: 'live', fields: ['metered'], help: 'Traffic costs money: probed rarely' }),
  last_resort: option({ schema: { type: 'boolean', default: false }, reload: 'live', fields: ['lastResort'], help: 'Take this uplink only when no other one can be used, and leave it as soon as another has proven itself; probed as rarely as a metered one' }),
  schedule: option({
    schema: LIST, reload: 'live', fields: ['schedule'], example: 'mon-fri 08:00-18:00',
    help: 'When this uplink may be chosen, in local time: days and hours, hours alone for every day; outside, a tunnel on it leaves for another uplink that answers; by default always, and while the clock is not set',
  }),
  keepalive: option({
    schema: { ...text(16), default: 'auto' }, reload: 'live', fields: ['keepalive'],
    help: 'Silence after which a NAT on this uplink is shown that the tunnel lives: seconds from 5 to 3600, or auto: begins with 20 s and learns how long the NAT waits, between 15 s and 110 s',
  }),
  bypass: option({
    schema: LIST, reload: 'live', fields: ['bypass'], example: 'dns',
    help: 'What may leave through this uplink in clear text although a remote_ts covers it: addresses, prefixes, or dns, ntp, dhcp for the servers that netifd names for the interface; by default nothing',
  }),
  probe: option({
    schema: { ...LIST, maxItems: 8 }, reload: 'live', fields: ['probing.targets'], example: 'icmp 198.51.100.1',
    help: 'Who beside the IKE peer shows by an answer that this uplink leads anywhere: icmp ADDRESS, dns ADDRESS NAME, tcp ADDRESS PORT, or http http://HOST[:PORT]/PATH for a page that answers 204 and shows captive portals; by default nobody',
  }),
  probe_quorum: option({ schema: { type: 'integer', minimum: 1, maximum: 8, default: 1 }, reload: 'live', fields: ['probing.quorum'], help: 'How many of the probes must be answered' }),
  probe_interval: option({ schema: { type: 'integer', minimum: 5, maximum: 86_400 }, unit: 's', reload: 'live', fields: ['probing.interval'], help: 'Time between two rounds of probes while they are answered; by default 60, metered 300' }),
} as const;

export const CONNECTION = {
  enabled: option({ schema: { type: 'boolean', default: true }, reload: 'reconnect', fields: ['enabled'], help: 'Whether the connection exists; an initiator connects by itself and tries for ever' }),
  role: option({ schema: { type: 'string', enum: ['initiator', 'responder'], default: 'initiator' }, reload: 'reconnect', fields: ['role'], help: 'Who makes the connection: the router is the initiator, the hub the responder' }),
  remote_addrs: option({ schema: LIST, reload: 'reconnect', fields: ['remoteAddrs'], example: 'vpn.example.com', help: "The peer's addresses or names, in order of preference; a responder without them accepts any" }),
  local_addrs: option({ schema: LIST, reload: 'reconnect', fields: ['localAddrs'], example: '192.0.2.10', help: 'Local outer addresses that may be used; by default any address of the uplink' }),
  announce_addresses: option({ schema: { type: 'boolean' }, reload: 'live', fields: ['announceAddresses'], example: '1', help: 'Tell the peer our other addresses (RFC 4555 §3.4); by default a responder does and an initiator does not' }),
  external_addresses: option({ schema: LIST, reload: 'live', fields: ['externalAddrs'], example: '203.0.113.7', help: 'Addresses of a hub outside its static 1:1 NAT, told to peers in place of its own' }),
  verify_responder: option({
    schema: { type: 'string', enum: ['auto', 'always', 'never'], default: 'auto' }, reload: 'live', fields: ['verifyResponder'],
    help: "Whether traffic goes to another address of the peer only after an answer from there (RFC 4555 §3.7): auto: to those that the peer told, at once to those of remote_addrs",
  }),
  local_id: option({ schema: text(255), reload: 'reconnect', fields: ['localId'], example: 'router7.example.com', help: 'Our IKE identity: address, name, user@host, keyid:TEXT, asn1dn:#HEX, or %subject of local_cert; by default the only name in local_cert, or with a key the outer address' }),
  remote_id: option({ schema: text(255), reload: 'reconnect', fields: ['remoteId'], example: 'hub.example.com', help: "The peer's IKE identity, or %any; by default any that knows the key, or on a responder any whose certificate remote_ca vouches for" }),
  auth: option({ schema: { type: 'string', enum: ['psk', 'cert'], default: 'psk' }, reload: 'reconnect', fields: ['auth.method'], help: 'How we prove who we are: pre-shared key or certificate' }),
  remote_auth: option({ schema: { type: 'string', enum: ['psk', 'cert'] }, reload: 'reconnect', fields: ['remoteAuth.method'], example: 'cert', help: 'How the peer must prove who it is; by default the same as auth' }),
  psk: option({ schema: text(512), reload: 'reconnect', secret: true, fields: ['auth.psk', 'remoteAuth.psk'], help: 'Pre-shared key, at least 16 octets: text, 0xHEX or 0sBASE64; better put it into psk_file' }),
  psk_file: option({ schema: PATH, reload: 'reconnect', fields: ['auth.psk', 'remoteAuth.psk'], example: '/etc/mobiked/hq.psk', help: 'File with the pre-shared key, readable for root only' }),
  local_cert: option({ schema: PATH, reload: 'live', fields: ['auth.chain'], example: '/etc/mobiked/router7.pem', help: 'PEM file with our certificate first, then intermediate ones' }),
  local_key: option({ schema: PATH, reload: 'live', fields: ['auth.key'], example: '/etc/mobiked/router7.key', help: 'PEM file with the private key of our certificate, readable for root only' }),
  remote_ca: option({ schema: LIST, reload: 'reconnect', fields: ['remoteAuth.anchors'], example: '/etc/mobiked/ca.pem', help: "PEM files of the CAs that may vouch for the peer's certificate" }),
  crl: option({ schema: LIST, reload: 'live', fields: ['remoteAuth.crls'], example: '/etc/mobiked/ca.crl', help: 'Certificate revocation lists of these CAs, PEM or DER; with one, every certificate needs a valid list of its issuer' }),
  clock_grace: option({ schema: { type: 'boolean', default: true }, reload: 'reconnect', fields: ['remoteAuth.clockGrace'], help: 'While the clock is not set after boot, accept certificates whatever their dates, and look at the dates as soon as it is' }),
  tls_eku: option({ schema: { type: 'boolean', default: false }, reload: 'reconnect', fields: ['remoteAuth.allowTlsUsage'], help: 'Also accept a certificate of the peer made for TLS servers or clients (extended key usage)' }),
  mobike: option({ schema: { type: 'boolean', default: true }, reload: 'reconnect', fields: ['mobike'], help: 'Offer MOBIKE_SUPPORTED (RFC 4555 §3.2), so that the tunnel can move between uplinks' }),
  uplink: option({ schema: LIST, reload: 'live', fields: ['uplinks'], example: 'wan', help: 'Uplinks this connection may use; by default all' }),
  ike_proposal: option({
    schema: {
      ...LIST,
      default: [
        'aes256gcm16-aes128gcm16-prfsha256-prfsha384-prfsha512-x25519-ecp256-ecp384-ecp521-modp3072-modp2048',
        'aes256-aes128-sha256-sha512-prfsha256-prfsha384-prfsha512-x25519-ecp256-ecp384-ecp521-modp3072-modp2048',
      ],
    },
    reload: 'reconnect', fields: ['ikeProposals'], help: 'IKE algorithms in order of preference, spelled as strongSwan spells them',
  }),
  start_port: option({ schema: { type: 'string', enum: ['auto', '500', '4500'], default: 'auto' }, reload: 'reconnect', fields: ['startPort'], help: 'UDP port on which a connection is begun: 500, 4500, or auto: 500, and 4500 where that is not answered (RFC 7296 §2.23)' }),
  nat_t: option({ schema: { type: 'string', enum: ['auto', 'always', 'never', 'prohibit'], default: 'auto' }, reload: 'reconnect', fields: ['natT'], help: 'ESP in UDP (RFC 3948): where a NAT is found; always; only where one is found, even if the data path fails without; or prohibit NATs: no NAT traversal, and translated addresses end it (RFC 4555 §3.9)' }),
  dataplane: option({ schema: { type: 'string', enum: ['auto', 'userspace'], default: 'auto' }, reload: 'reconnect', fields: ['dataplane'], help: 'Who encrypts packets' }),
  ike_lifetime: option({ schema: { type: 'integer', minimum: 10, maximum: 604_800, default: 14_400 }, unit: 's', reload: 'live', fields: ['ikeLifetime'], help: 'Longest life of an IKE SA; rekeying starts well before' }),
  child_lifetime: option({ schema: { type: 'integer', minimum: 10, maximum: 604_800, default: 3600 }, unit: 's', reload: 'live', fields: ['childLifetime'], help: 'Longest life of a Child SA; rekeying starts well before' }),
  child_bytes: option({ schema: { type: 'integer', minimum: 65_536, maximum: 1_125_899_906_842_624 }, unit: 'B', reload: 'live', fields: ['childOctets'], help: 'Most octets in one direction of a Child SA; rekeying starts before; by default no limit but the one of the cipher' }),
  child_packets: option({ schema: { type: 'integer', minimum: 100, maximum: 4_000_000_000 }, reload: 'live', fields: ['childPackets'], help: 'Most packets in one direction of a Child SA; rekeying starts before; by default no limit but the one of the cipher' }),
  reauth_time: option({ schema: { type: 'integer', minimum: 60, maximum: 2_592_000 }, unit: 's', reload: 'live', fields: ['reauth'], help: 'Age at which both sides prove anew who they are, in a new IKE SA beside the old one (RFC 7296 §2.8.3); by default never' }),
  fragmentation: option({ schema: { type: 'boolean', default: true }, reload: 'reconnect', fields: ['fragmentation'], help: 'Split large IKE messages if the peer can too (RFC 7383)' }),
  request_vip: option({ schema: LIST, reload: 'reconnect', fields: ['requestVip'], example: 'ipv4', help: 'Virtual addresses to ask the hub for: ipv4, ipv6 or both (1 is ipv4); the children then need no local_ts' }),
  pool: option({ schema: LIST, reload: 'reconnect', fields: ['pools'], example: '10.99.0.0/24', help: 'Prefixes from which a hub gives virtual addresses; connections may share one' }),
  pool_dns: option({ schema: LIST, reload: 'reconnect', fields: ['poolDns'], example: '10.0.0.53', help: 'Name servers told to those who get a virtual address' }),
  liveness: option({ schema: { type: 'integer', minimum: 1, maximum: 86_400 }, unit: 's', reload: 'live', fields: ['liveness', 'livenessGiven'], help: 'Silence of the peer after which it is asked whether it lives (RFC 7296 §2.4); by default 60 for an initiator, 150 for a responder' }),
  echo_address: option({ schema: { type: 'string', maxLength: 45 }, reload: 'live', fields: ['echoAddress'], example: '10.0.0.1', help: "Somebody inside the tunnel who answers ping, asked once a second while packets go out and none comes in: tells a path that drops ESP from an upload that nobody answers" }),
  mtu: option({ schema: { type: 'integer', minimum: 576, maximum: 9000 }, reload: 'live', fields: ['mtu'], help: "Inner MTU in octets; by default derived from the path's device" }),
  mtu_probe: option({
    schema: { type: 'string', enum: ['auto', 'on', 'off'], default: 'auto' }, reload: 'live', fields: ['mtuProbe'],
    help: 'Find out after a move what the path carries whole, by one IKE message as large as packets of the uplink and more where it is lost, and make packets of the tunnel fit: auto with a mobiked at the other end, on with every peer that knows RFC 7383 (strongSwan with its mediation extension, as in Debian, does not for these messages)',
  }),
  df: option({
    schema: { type: 'string', enum: ['clear', 'copy'], default: 'clear' }, reload: 'reconnect', fields: ['df'],
    help: "Don't Fragment bit of outer IPv4 packets: clear lets routers fragment them and works everywhere; copy takes the inner packet's and learns the path MTU from routers that say 'too big' (RFC 4301 §8), but paths that swallow this word become black holes",
  }),
  copy_dscp: option({ schema: { type: 'boolean', default: false }, reload: 'reconnect', fields: ['copyDscp'], help: 'Copy the DSCP of inner packets to the outer ones (RFC 4301 §5.1.2.1), which shows it to everybody on the way; ECN always follows RFC 6040' }),
  ike_dscp: option({
    schema: { type: 'string', enum: ['bulk', 'cs6'], default: 'bulk' }, reload: 'live', fields: ['ikeDscp'],
    help: 'DSCP of IKE messages: bulk, as most of ESP, so that probes share its fate; or cs6, which networks that know it prefer',
  }),
  allowed_prefixes: option({ schema: LIST, reload: 'live', fields: ['moves.allowed'], example: '198.51.100.0/24', help: 'Hub: outer addresses that peers of this connection may come from and move to; by default all' }),
  denied_prefixes: option({ schema: LIST, reload: 'live', fields: ['moves.denied'], example: '203.0.113.0/24', help: 'Hub: outer addresses that they may not, also where allowed_prefixes has them' }),
  strict_sources: option({ schema: { type: 'boolean', default: false }, reload: 'live', fields: ['moves.strictSources'], help: 'Hub: refuse peers whose outer address is none of the public Internet (private, shared, reserved and documentation ranges)' }),
  update_rate: option({ schema: { type: 'integer', minimum: 1, maximum: 6000, default: 60 }, reload: 'live', fields: ['moves.updateRate'], help: 'Hub: moves to another address that one peer may make in a minute; more are refused' }),
  return_routability: option({
    schema: { type: 'string', enum: ['before', 'after', 'off'], default: 'before' }, reload: 'live', fields: ['moves.routability'],
    help: 'Hub: when a peer that moved must show that it receives at its new address (RFC 4555 §3.7): before ESP goes there, after (until then three times what came from there), or never',
  }),
  rr_hold: option({ schema: { type: 'string', enum: ['continue', 'drop'], default: 'continue' }, reload: 'live', fields: ['moves.hold'], help: 'Hub: with return_routability before, what becomes of ESP until the peer has shown it: it continues to the old address, or is dropped' }),
  rr_interval: option({ schema: { type: 'integer', minimum: 10, maximum: 86_400 }, unit: 's', reload: 'live', fields: ['moves.recheck'], help: 'Hub: time after which a peer shows again that it receives at its address; by default only after a move' }),
  esp_roaming: option({
    schema: { type: 'string', enum: ['off', 'port', 'full'], default: 'port' }, reload: 'live', fields: ['moves.roaming'],
    help: "Hub: whether ESP in UDP is followed when a peer's NAT gives it a new mapping (RFC 4555 §3.8): not, to another port of its address, or to another address too; the peer's own word about it comes a second or more later",
  }),
  responder_switch: option({
    schema: { ...text(8), default: 'off' }, reload: 'reconnect', fields: ['responderSwitch.by'],
    help: 'Whether the hub may ask its routers to come to another address of its own: off, private (both sides must be mobiked), or a notify number of 16445 to 65535 that both sides are given',
  }),
  responder_switch_any: option({ schema: { type: 'boolean', default: false }, reload: 'reconnect', fields: ['responderSwitch.anyAddress'], help: 'Router: follow to any address, and not only to those in remote_addrs and those the hub announced' }),
  block_on_stop: option({ schema: { type: 'boolean', default: false }, reload: 'live', fields: ['blockOnStop'], help: 'Keep the unreachable routes to remote_ts after a clean stop, so that nothing leaves in clear text' }),
} as const;

export const CHILD = {
  connection: option({ schema: text(64), reload: 'reconnect', required: true, fields: ['connection'], example: 'hq', help: 'The connection section it belongs to' }),
  local_ts: option({ schema: LIST, reload: 'reconnect', fields: ['localTs'], example: '192.168.7.0/24', help: 'Prefixes on our side, IPv4 and IPv6; with request_vip by default the virtual address' }),
  remote_ts: option({ schema: LIST, reload: 'reconnect', fields: ['remoteTs'], example: '10.0.0.0/8', help: "Prefixes on the peer's side, IPv4 and IPv6; routes to them lead into the tunnel; with pool by default the virtual address" }),
  esp_proposal: option({ schema: { ...LIST, default: ['aes256gcm16-aes128gcm16', 'aes256-aes128-sha256-sha512'] }, reload: 'reconnect', fields: ['espProposals'], help: 'ESP algorithms in order of preference; with and without ESN unless spelled out' }),
} as const;

export const MQTT = {
  enabled: option({ schema: { type: 'boolean', default: true }, reload: 'reconnect', fields: ['enabled'], help: 'Whether to report to this broker' }),
  broker: option({ schema: text(512), reload: 'reconnect', required: true, fields: ['tls', 'host', 'port'], example: 'mqtts://broker.example.com', help: 'mqtt://HOST[:PORT] (1883) or mqtts://HOST[:PORT] (8883)' }),
  ca: option({ schema: PATH, reload: 'reconnect', fields: ['ca'], example: '/etc/ssl/certs/ca-certificates.crt', help: "PEM file of the CAs that may vouch for the broker; by default the system's" }),
  username: option({ schema: text(255), reload: 'reconnect', fields: ['username'], help: 'User name at the broker' }),
  password: option({ schema: text(512), reload: 'reconnect', secret: true, fields: ['password'], help: 'Password at the broker; better put it into password_file' }),
  password_file: option({ schema: PATH, reload: 'reconnect', fields: ['password'], example: '/etc/mobiked/mqtt.password', help: 'File with the password, readable for root only' }),
  topic_prefix: option({ schema: { ...text(128), default: 'mobiked' }, reload: 'reconnect', fields: ['topicPrefix'], help: 'First part of every topic: <topic_prefix>/<node_id>/state and so on' }),
  interval: option({ schema: { type: 'integer', minimum: 1, maximum: 86_400, default: 60 }, unit: 's', reload: 'live', fields: ['interval'], help: 'Time between two state reports' }),
  via: option({ schema: { type: 'string', enum: ['auto', 'tunnel', 'uplink'], default: 'auto' }, reload: 'reconnect', fields: ['via'], help: 'How to reach the broker; auto: through the tunnel if it is inside a remote_ts, otherwise bound to the chosen uplink' }),
  queue: option({ schema: { type: 'integer', minimum: 1, maximum: 100_000, default: 1000 }, reload: 'live', fields: ['queue'], help: 'Events kept while the broker is away; the oldest are dropped beyond it' }),
} as const;

/** Section type to its options, in the order people should read them. */
export const SECTIONS = { mobiked: MOBIKED, uplink: UPLINK, connection: CONNECTION, child: CHILD, mqtt: MQTT } as const;
export type SectionType = keyof typeof SECTIONS;
export interface OptionTable {
  readonly [name: string]: OptionDef;
}

type ValueOf<S> = S extends { type: 'boolean' }
  ? boolean
  : S extends { type: 'integer' }
    ? number
    : S extends { type: 'string'; enum: readonly (infer E)[] }
      ? E
      : S extends { type: 'string' }
        ? string
        : readonly string[];

/** What the checked options of a section look like, keys as in UCI; without default they may be undefined. */
export type Values<T extends OptionTable> = {
  readonly [K in keyof T]: T[K]['schema'] extends { default: unknown } ? ValueOf<T[K]['schema']> : ValueOf<T[K]['schema']> | undefined;
};

/** The JSON Schema of one section: what ajv compiles. Unknown options are found by `additionalProperties`. */
export function sectionSchema(type: SectionType): object {
  const table: OptionTable = SECTIONS[type];
  const names = Object.keys(table);
  return {
    $id: type,
    type: 'object',
    additionalProperties: false,
    required: names.filter((name) => table[name]?.required === true),
    properties: Object.fromEntries(names.map((name) => [name, table[name]?.schema])),
  };
}
