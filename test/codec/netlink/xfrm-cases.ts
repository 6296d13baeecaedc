/**
 * SAs, policies and the requests about them, in an order a kernel accepts from an empty start. test/kernel plays them
 * against a real one, which gives the goldens; the tests of the codecs read those.
 */
import { ip, parsePrefix, type IpPrefix } from '../../../src/base/index.ts';
import {
  encodeXfrmAe, encodeXfrmAeGet, encodeXfrmMigration, encodeXfrmPolicy, encodeXfrmPolicyDelete, encodeXfrmPolicyDump, encodeXfrmPolicyGet, encodeXfrmSa, encodeXfrmSaDelete,
  encodeXfrmSaDump, encodeXfrmSaGet, type XfrmAlgorithm, type XfrmMigration, type XfrmPolicy, type XfrmSa, type XfrmSaId,
} from '../../../src/codec/netlink/index.ts';

export const prefix = (text: string): IpPrefix => {
  const parsed = parsePrefix(text);
  if (!parsed) throw new Error(`not a prefix: ${text}`);
  return parsed;
};

const OURS = ip('192.0.2.1');
const PEER = ip('198.51.100.2');
const NEW = ip('203.0.113.9');
const OURS6 = ip('2001:db8:1::1');
const PEER6 = ip('2001:db8:2::2');

/** Octets that tell where they belong when they turn up elsewhere. */
const key = (length: number, first: number): Uint8Array => Uint8Array.from({ length }, (_, at) => (first + at) & 255);
const gcm = (first: number): XfrmAlgorithm => ({ kind: 'aead', name: 'rfc4106(gcm(aes))', key: key(20, first), icvBits: 128 });
const cbc = (first: number): XfrmAlgorithm => ({
  kind: 'pair',
  encryption: { name: 'cbc(aes)', key: key(32, first) },
  integrity: { name: 'hmac(sha256)', key: key(32, first + 64), truncBits: 128 },
});
const PLAIN = { reqid: 7, ifId: 0, esn: true, replayWindow: 1024, limits: {}, flags: {} } as const;

/** Words of a window of 1024 packets of which some are missing. */
const BITMAP = Array.from({ length: 32 }, (_, at) => (at === 3 ? 0xfffffffe : at < 20 ? 0xffffffff : 0));

export const SAS = {
  'gcm-out': {
    ...PLAIN, source: OURS, destination: PEER, spi: 0xc1000001, ifId: 42, algorithm: gcm(1), mark: { value: 0x500, mask: 0xff00 }, outputMark: { value: 0x6000, mask: 0xf000 },
    limits: { softOctets: 1n << 40n, hardOctets: 1n << 41n, softPackets: 0xffff_0000n, hardPackets: 0xffff_ff00n, softSeconds: 3000, hardSeconds: 3600 },
  },
  'gcm-in': { ...PLAIN, source: PEER, destination: OURS, spi: 0xd1000001, ifId: 42, algorithm: gcm(41) },
  'cbc-out': {
    ...PLAIN, source: OURS, destination: PEER, spi: 0x00000101, algorithm: cbc(3), esn: false, replayWindow: 32,
    flags: { noEcn: true, noPmtuDiscovery: true, dontEncapDscp: true },
    selector: { source: prefix('10.1.0.0/16'), destination: prefix('10.2.3.0/24'), protocol: 6, sourcePort: { port: 0x1200, mask: 0xff00 }, destinationPort: { port: 443, mask: 0xffff } },
  },
  'cbc-in': {
    ...PLAIN, source: PEER, destination: OURS, spi: 0x00000102, algorithm: cbc(103), esn: false, replayWindow: 20, flags: { decapDscp: true },
    replay: { outbound: 0n, inbound: 0xfffffff0n, bitmap: [0x000f0f01] }, counters: { octets: 0x1_0000_0005n, packets: 77n, addTime: 1_700_000_000, useTime: 1_700_000_005 },
  },
  'wide-in': { ...PLAIN, source: PEER, destination: OURS, spi: 0x00000103, algorithm: cbc(9), esn: false, replayWindow: 100, replay: { outbound: 0n, inbound: 500n, bitmap: [1, 2, 0x80000000, 8] } },
  'chacha-out': { ...PLAIN, source: OURS, destination: PEER, spi: 0x00000104, algorithm: { kind: 'aead', name: 'rfc7539esp(chacha20,poly1305)', key: key(36, 5), icvBits: 128 } },
  'preset-out': { ...PLAIN, source: OURS, destination: PEER, spi: 0x00000105, algorithm: gcm(81), replay: { outbound: 0x3_0000_0007n, inbound: 0n } },
  'preset-in': { ...PLAIN, source: PEER, destination: OURS, spi: 0x00000106, algorithm: gcm(121), replay: { outbound: 0n, inbound: 0x4_ffff_fffdn, bitmap: BITMAP } },
  'udp-out': {
    ...PLAIN, source: OURS, destination: PEER, spi: 0xc2000001, reqid: 9, algorithm: gcm(7), encap: { sourcePort: 4500, destinationPort: 4501 },
    replay: { outbound: 1234n, inbound: 0n }, counters: { octets: 99_000n, packets: 1234n, addTime: 1_700_000_000, useTime: 1_700_000_001 },
  },
  'udp-in': {
    ...PLAIN, source: PEER, destination: OURS, spi: 0xd2000001, reqid: 9, algorithm: gcm(8), encap: { sourcePort: 4501, destinationPort: 4500 },
    replay: { outbound: 0n, inbound: 640n, bitmap: BITMAP },
  },
  'udp6-out': { ...PLAIN, source: OURS6, destination: PEER6, spi: 0xc3000001, algorithm: gcm(11), encap: { sourcePort: 4500, destinationPort: 40_123 } },
  'six-in': { ...PLAIN, source: PEER6, destination: OURS6, spi: 0xd3000001, algorithm: gcm(12) },
  'six-out-four-inside': {
    ...PLAIN, source: OURS6, destination: PEER6, spi: 0xd3000002, algorithm: gcm(13),
    selector: { source: prefix('10.1.0.0/16'), destination: prefix('0.0.0.0/0'), protocol: 0 },
  },
} as const satisfies { readonly [name: string]: XfrmSa };

const OUT = { source: prefix('10.1.0.0/16'), destination: prefix('10.2.0.0/16'), protocol: 0 };
const IN = { source: OUT.destination, destination: OUT.source, protocol: 0 };
const outward = { source: OURS, destination: PEER, reqid: 9, level: 'required' } as const;
const inward = { source: PEER, destination: OURS, reqid: 9, level: 'required' } as const;

export const POLICIES = {
  out: { direction: 'out', selector: OUT, priority: 1000, action: 'allow', ifId: 0, templates: [outward] },
  in: { direction: 'in', selector: IN, priority: 1000, action: 'allow', ifId: 0, templates: [{ ...inward, level: 'optional' }] },
  fwd: { direction: 'fwd', selector: IN, priority: 1000, action: 'allow', ifId: 0, templates: [inward] },
  'block-out': { direction: 'out', selector: { ...OUT, source: prefix('0.0.0.0/0') }, priority: 0x8000_0000, action: 'block', ifId: 0, templates: [] },
  bypass: { direction: 'out', selector: { ...OUT, destination: prefix('10.2.9.9/32') }, priority: 1, action: 'allow', ifId: 0, templates: [] },
  'six-in-four': {
    direction: 'out', selector: { source: prefix('2001:db8:a::/48'), destination: prefix('::/0'), protocol: 0 }, priority: 2000, action: 'allow', ifId: 42, mark: { value: 5, mask: 255 },
    templates: [{ source: OURS, destination: PEER, reqid: 7, level: 'required' }],
  },
  'ports-fwd': {
    direction: 'fwd', selector: { ...IN, protocol: 17, sourcePort: { port: 53, mask: 0xffff }, destinationPort: { port: 0x8000, mask: 0x8000 } }, priority: 7, action: 'allow', ifId: 42,
    templates: [{ source: PEER6, destination: OURS6, reqid: 0xfffffff0, level: 'required' }],
  },
} as const satisfies { readonly [name: string]: XfrmPolicy };

const from = { source: OURS, destination: PEER };
const to = { source: NEW, destination: PEER };
const back = (pair: typeof from) => ({ source: pair.destination, destination: pair.source });
/** Our address changes, and the peer's NAT gives us another port. */
export const MIGRATIONS: readonly XfrmMigration[] = [
  { direction: 'out', selector: OUT, ifId: 0, moves: [{ reqid: 9, from, to }], encap: { sourcePort: 4500, destinationPort: 4502 } },
  { direction: 'in', selector: IN, ifId: 0, moves: [{ reqid: 9, from: back(from), to: back(to) }], encap: { sourcePort: 4502, destinationPort: 4500 } },
  { direction: 'fwd', selector: IN, ifId: 0, moves: [{ reqid: 9, from: back(from), to: back(to) }] },
];

export const UPDATED: XfrmSa = { ...SAS['udp6-out'], encap: { sourcePort: 4500, destinationPort: 40_999 }, limits: { softSeconds: 50, hardSeconds: 60 } };
export const REPLACED: XfrmPolicy = { ...POLICIES.bypass, action: 'block', priority: 2 };
export const NUMBERS = { outbound: 0x5_0000_0001n, inbound: 2n, bitmap: BITMAP };
const OLD_NUMBERS = { outbound: 17n, inbound: 0xffff_ffffn, bitmap: [0xf000000f] };
const COUNTERS = { octets: 5000n, packets: 50n, addTime: 1_700_000_100, useTime: 1_700_000_200 };

const idOf = (sa: XfrmSa): XfrmSaId => ({ destination: sa.destination, spi: sa.spi, ...(sa.mark === undefined ? {} : { mark: sa.mark }) });
const endsOf = (sa: XfrmSa) => ({ id: idOf(sa), source: sa.source, reqid: sa.reqid });

export interface Request {
  readonly name: string;
  readonly encode: (sequence: number, littleEndian: boolean) => Uint8Array;
  /** What the kernel answers; absent: 0. */
  readonly errno?: number;
}
const [ENOENT, ESRCH, EEXIST] = [2, 3, 17];

const sas = Object.entries<XfrmSa>(SAS);
const policies = Object.entries<XfrmPolicy>(POLICIES);
/** In this order; the sequence number of each is its place, from 1. */
export const REQUESTS: readonly Request[] = [
  ...sas.map(([name, sa]): Request => ({ name: `sa add ${name}`, encode: (n, le) => encodeXfrmSa('add', sa, n, le) })),
  { name: 'sa add again', encode: (n, le) => encodeXfrmSa('add', SAS['gcm-out'], n, le), errno: EEXIST },
  { name: 'sa get', encode: (n, le) => encodeXfrmSaGet(idOf(SAS['gcm-out']), n, le) },
  { name: 'sa dump', encode: (n, le) => encodeXfrmSaDump(n, le) },
  { name: 'sa update', encode: (n, le) => encodeXfrmSa('update', UPDATED, n, le) },
  { name: 'sa get updated', encode: (n, le) => encodeXfrmSaGet(idOf(UPDATED), n, le) },
  { name: 'ae get', encode: (n, le) => encodeXfrmAeGet(idOf(SAS['preset-in']), n, le) },
  { name: 'ae set', encode: (n, le) => encodeXfrmAe({ ...endsOf(SAS['preset-in']), replay: NUMBERS, replayWindow: 1024, counters: COUNTERS }, n, le) },
  { name: 'ae get after set', encode: (n, le) => encodeXfrmAeGet(idOf(SAS['preset-in']), n, le) },
  { name: 'ae set old form', encode: (n, le) => encodeXfrmAe({ ...endsOf(SAS['cbc-out']), replay: OLD_NUMBERS, replayWindow: 0 }, n, le) },
  { name: 'ae get old form', encode: (n, le) => encodeXfrmAeGet(idOf(SAS['cbc-out']), n, le) },
  { name: 'ae set with mark', encode: (n, le) => encodeXfrmAe({ ...endsOf(SAS['gcm-out']), replayWindow: 0, counters: COUNTERS }, n, le) },
  { name: 'ae get with mark', encode: (n, le) => encodeXfrmAeGet(idOf(SAS['gcm-out']), n, le) },
  ...policies.map(([name, policy]): Request => ({ name: `policy add ${name}`, encode: (n, le) => encodeXfrmPolicy('add', policy, n, le) })),
  { name: 'policy add again', encode: (n, le) => encodeXfrmPolicy('add', POLICIES['six-in-four'], n, le), errno: EEXIST },
  { name: 'policy get', encode: (n, le) => encodeXfrmPolicyGet(POLICIES['six-in-four'], n, le) },
  { name: 'policy dump', encode: (n, le) => encodeXfrmPolicyDump(n, le) },
  { name: 'policy update', encode: (n, le) => encodeXfrmPolicy('update', REPLACED, n, le) },
  { name: 'policy get updated', encode: (n, le) => encodeXfrmPolicyGet(REPLACED, n, le) },
  ...MIGRATIONS.map((migration): Request => ({ name: `migrate ${migration.direction}`, encode: (n, le) => encodeXfrmMigration(migration, n, le) })),
  { name: 'migrate again', encode: (n, le) => encodeXfrmMigration({ ...MIGRATIONS[0] as XfrmMigration, selector: { ...OUT, protocol: 99 } }, n, le), errno: ENOENT },
  { name: 'sa dump after migrate', encode: (n, le) => encodeXfrmSaDump(n, le) },
  { name: 'policy dump after migrate', encode: (n, le) => encodeXfrmPolicyDump(n, le) },
  ...sas.map(([name, sa]): Request => ({ name: `sa delete ${name}`, encode: (n, le) => encodeXfrmSaDelete(name === 'udp-in' ? { ...idOf(sa), destination: NEW } : idOf(sa), n, le) })),
  { name: 'sa delete again', encode: (n, le) => encodeXfrmSaDelete(idOf(SAS['gcm-out']), n, le), errno: ESRCH },
  { name: 'sa get none', encode: (n, le) => encodeXfrmSaGet(idOf(SAS['gcm-out']), n, le), errno: ESRCH },
  ...policies.map(([name, policy]): Request => ({ name: `policy delete ${name}`, encode: (n, le) => encodeXfrmPolicyDelete(policy, n, le) })),
  { name: 'policy delete again', encode: (n, le) => encodeXfrmPolicyDelete(POLICIES['six-in-four'], n, le), errno: ENOENT },
  { name: 'sa dump of none', encode: (n, le) => encodeXfrmSaDump(n, le) },
  { name: 'policy dump of none', encode: (n, le) => encodeXfrmPolicyDump(n, le) },
];
/** SAs after the requests `migrate`. */
export const MOVED: readonly XfrmSa[] = [
  { ...SAS['udp-out'], ...to, encap: { sourcePort: 4500, destinationPort: 4502 } },
  { ...SAS['udp-in'], ...back(to), encap: { sourcePort: 4502, destinationPort: 4500 } },
];

/** Not among the requests, for they want time to pass or a packet: an SA that lives for four seconds, and a policy without SA. */
export const SHORT: XfrmSa = { ...SAS['gcm-in'], spi: 0xd1000099, reqid: 77, mark: { value: 3, mask: 0xffff_ffff }, limits: { softSeconds: 1, hardSeconds: 4 } };
/** An SA whose peer sends from another port than it has. */
export const MAPPED: XfrmSa = {
  ...PLAIN, source: ip('198.51.100.77'), destination: ip('198.51.100.78'), spi: 0xd1000098, reqid: 78, replayWindow: 64, algorithm: gcm(61), encap: { sourcePort: 4500, destinationPort: 4500 },
};
export const ASKING: XfrmPolicy = {
  direction: 'out', selector: { source: prefix('192.0.2.0/24'), destination: prefix('10.77.0.0/16'), protocol: 0 }, priority: 5, action: 'allow', ifId: 0,
  templates: [{ ...outward, reqid: 55 }],
};
