import type { IpAddress } from '../../base/index.ts';
import { ByteReader, ByteWriter } from '../../base/index.ts';
import { addressOf, afOf, familyOf, IPPROTO_ESP, MODE_TUNNEL, putAddress, putLimits, putSelector, readCounters, readLimits, readSelector, SIZE } from './xfrm-fields.ts';
import { OLD_FORM_WINDOW } from './xfrm-replay.ts';
import type { XfrmCounters, XfrmLimits, XfrmSa, XfrmSaFlags, XfrmSelector } from './xfrm-types.ts';

/** Octets of struct xfrm_usersa_info, and of struct xfrm_usersa_id. */
export const SA_INFO = 224;
export const SA_ID = 24;
/** Flags of the header (XFRM_STATE_*). */
const STATE = { NOECN: 1, DECAP_DSCP: 2, NOPMTUDISC: 4, AF_UNSPEC: 32, ESN: 128 } as const;

/** What the header tells of an ESP SA in tunnel mode. */
export interface SaInfo {
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly spi: number;
  readonly reqid: number;
  readonly esn: boolean;
  /** In packets; 0 when an attribute tells it. */
  readonly replayWindow: number;
  readonly limits: XfrmLimits;
  readonly flags: XfrmSaFlags;
  readonly selector: XfrmSelector | undefined;
  readonly counters: XfrmCounters;
  readonly drops: { readonly window: number; readonly replay: number; readonly integrity: number };
}

/** Reads struct xfrm_usersa_info; undefined for other protocols and modes, and for what makes no sense. */
export function decodeSaInfo(bytes: Uint8Array, littleEndian: boolean): SaInfo | undefined {
  const reader = new ByteReader(bytes);
  const selector = readSelector(reader, littleEndian);
  const to = reader.view(SIZE.address);
  const spi = reader.u32();
  const protocol = reader.u8();
  reader.skip(3);
  const from = reader.view(SIZE.address);
  const limits = readLimits(reader, littleEndian);
  const counters = readCounters(reader, littleEndian);
  const drops = { window: reader.u32(littleEndian), replay: reader.u32(littleEndian), integrity: reader.u32(littleEndian) };
  reader.skip(4);
  const reqid = reader.u32(littleEndian);
  const family = familyOf(reader.u16(littleEndian));
  const mode = reader.u8();
  const replayWindow = reader.u8();
  const state = reader.u8();
  if (reader.failed || bytes.length < SA_INFO || selector === undefined || protocol !== IPPROTO_ESP || mode !== MODE_TUNNEL || family === undefined) return undefined;
  const source = addressOf(from, family);
  const destination = addressOf(to, family);
  if (source === undefined || destination === undefined) return undefined;
  return {
    source,
    destination,
    spi,
    reqid,
    esn: (state & STATE.ESN) !== 0,
    replayWindow,
    limits,
    flags: {
      ...((state & STATE.NOECN) === 0 ? {} : { noEcn: true }),
      ...((state & STATE.DECAP_DSCP) === 0 ? {} : { decapDscp: true }),
      ...((state & STATE.NOPMTUDISC) === 0 ? {} : { noPmtuDiscovery: true }),
    },
    selector: selector === 'any' ? undefined : selector,
    counters,
    drops,
  };
}

/**
 * Encodes struct xfrm_usersa_info.
 *
 *     +---------------------------------------------------------------+
 *     |             selector of inner packets (56 octets)             |
 *     |               destination address (16 octets)                 |
 *     +---------------------------------------------------------------+
 *     |                     SPI, network order                        |
 *     +---------------+-----------------------------------------------+
 *     |   protocol    |                   padding                     |
 *     +---------------+-----------------------------------------------+
 *     |                 source address (16 octets)                    |
 *     |                     limits (64 octets)                        |
 *     |                    counters (32 octets)                       |
 *     |      drops: outside the window, replayed, bad ICV (12 octets) |
 *     +---------------------------------------------------------------+
 *     |              number of the ACQUIRE that is answered           |
 *     +---------------------------------------------------------------+
 *     |                             reqid                             |
 *     +-------------------------------+---------------+---------------+
 *     |        outer family           |     mode      | replay window |
 *     +---------------+---------------+---------------+---------------+
 *     |     flags     |             padding (7 octets)                |
 *     +---------------+-----------------------------------------------+
 */
export function encodeSaInfo(sa: XfrmSa, littleEndian: boolean): Uint8Array {
  const out = new ByteWriter(SA_INFO);
  putSelector(out, sa.selector, littleEndian);
  putAddress(out, sa.destination).u32(sa.spi).u8(IPPROTO_ESP).zeros(3);
  putAddress(out, sa.source);
  putLimits(out, sa.limits, littleEndian).zeros(SIZE.counters + 12).u32(0).u32(sa.reqid, littleEndian);
  out.u16(afOf(sa.destination), littleEndian).u8(MODE_TUNNEL);
  // Beside XFRMA_REPLAY_ESN_VAL the kernel wants 0 here.
  out.u8(hasOldForm(sa) ? sa.replayWindow : 0);
  const { noEcn, decapDscp, noPmtuDiscovery } = sa.flags;
  out.u8((noEcn === true ? STATE.NOECN : 0) | (decapDscp === true ? STATE.DECAP_DSCP : 0) | (noPmtuDiscovery === true ? STATE.NOPMTUDISC : 0)
    | (sa.selector === undefined ? STATE.AF_UNSPEC : 0) | (sa.esn ? STATE.ESN : 0));
  return out.zeros(SA_INFO - out.length).finish();
}

/** Whether the replay state of an SA fits the old form of 32 packets. */
export const hasOldForm = (sa: { readonly esn: boolean; readonly replayWindow: number }): boolean => !sa.esn && sa.replayWindow <= OLD_FORM_WINDOW;

/** What struct xfrm_usersa_id tells of an ESP SA. */
export function readSaId(reader: ByteReader, littleEndian: boolean): { readonly destination: IpAddress; readonly spi: number } | undefined {
  const to = reader.view(SIZE.address);
  const spi = reader.u32();
  const family = familyOf(reader.u16(littleEndian));
  const protocol = reader.u8();
  reader.skip(1);
  const destination = family && addressOf(to, family);
  return reader.failed || destination === undefined || protocol !== IPPROTO_ESP ? undefined : { destination, spi };
}

/**
 * Writes struct xfrm_usersa_id.
 *
 *     +---------------------------------------------------------------+
 *     |               destination address (16 octets)                 |
 *     +---------------------------------------------------------------+
 *     |                     SPI, network order                        |
 *     +-------------------------------+---------------+---------------+
 *     |            family             |   protocol    |    padding    |
 *     +-------------------------------+---------------+---------------+
 */
export function putSaId(out: ByteWriter, id: { readonly destination: IpAddress; readonly spi: number }, littleEndian: boolean): ByteWriter {
  return putAddress(out, id.destination).u32(id.spi).u16(afOf(id.destination), littleEndian).u8(IPPROTO_ESP).u8(0);
}
