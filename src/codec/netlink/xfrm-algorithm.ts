import { ByteReader, ByteWriter, fromUtf8, toUtf8 } from '../../base/index.ts';
import { eachAttribute, type Attributes } from './attributes.ts';
import { XFRM_ATTRS } from './xfrm-attrs.ts';
import type { XfrmAlgorithm, XfrmSeenAlgorithm } from './xfrm-types.ts';

/** Octets of a name, the zero at its end included. */
const NAME = 64;
/** Octets before the key: in struct xfrm_algo, and in xfrm_algo_auth and xfrm_algo_aead, which tell the ICV too. */
const BEFORE_KEY = { plain: NAME + 4, withIcv: NAME + 8 } as const;

interface Algorithm {
  readonly name: string;
  readonly key: Uint8Array | undefined;
  readonly icvBits: number;
}

/**
 * Decodes struct xfrm_algo, or one with an ICV.
 *
 *     +---------------------------------------------------------------+
 *     |              name (64 octets, ends in a zero)                 |
 *     +---------------------------------------------------------------+
 *     |                    length of the key, in bits                 |
 *     +---------------------------------------------------------------+
 *     |                    length of the ICV, in bits                 |  not in xfrm_algo
 *     +---------------------------------------------------------------+
 *     | key …                                                         |
 */
function decodeOne(bytes: Uint8Array, withIcv: boolean, littleEndian: boolean): Algorithm | undefined {
  const reader = new ByteReader(bytes);
  const text = reader.view(NAME);
  const end = text.indexOf(0);
  const name = end < 0 ? undefined : fromUtf8(text.subarray(0, end));
  const keyLength = Math.ceil(reader.u32(littleEndian) / 8);
  const icvBits = withIcv ? reader.u32(littleEndian) : 0;
  const key = reader.view(keyLength);
  if (reader.failed || name === undefined) return undefined;
  // A cipher without key (`cipher_null`) has one of no octets, which hides nothing.
  return { name, key: key.length > 0 && key.every((octet) => octet === 0) ? undefined : key, icvBits };
}

/** The algorithms of an SA; undefined when it has none yet, `broken` when they cannot be read. */
export function decodeAlgorithm(attributes: Attributes<typeof XFRM_ATTRS>, littleEndian: boolean): XfrmSeenAlgorithm | undefined | 'broken' {
  if (attributes.algAead !== undefined) {
    const aead = decodeOne(attributes.algAead, true, littleEndian);
    return aead === undefined ? 'broken' : { kind: 'aead', ...aead };
  }
  if (attributes.algCrypt === undefined && attributes.algAuthTrunc === undefined) return undefined;
  const encryption = attributes.algCrypt && decodeOne(attributes.algCrypt, false, littleEndian);
  const integrity = attributes.algAuthTrunc && decodeOne(attributes.algAuthTrunc, true, littleEndian);
  // ESP with one of the two alone is not ours.
  if (encryption === undefined || integrity === undefined) return 'broken';
  return {
    kind: 'pair',
    encryption: { name: encryption.name, key: encryption.key },
    integrity: { name: integrity.name, key: integrity.key, truncBits: integrity.icvBits },
  };
}

/** The structure with zeros where the key belongs: `putKeys` fills it in. */
function encodeOne(name: string, key: Uint8Array, icvBits: number | undefined, littleEndian: boolean): Uint8Array {
  const text = toUtf8(name);
  if (text.length >= NAME) throw new Error(`name of an algorithm is too long: ${name}`);
  const out = new ByteWriter(BEFORE_KEY.withIcv + key.length).bytes(text).zeros(NAME - text.length).u32(key.length * 8, littleEndian);
  if (icvBits !== undefined) out.u32(icvBits, littleEndian);
  return out.zeros(key.length).finish();
}

/** The attributes of an SA's algorithms, their keys left out. */
export function algorithmAttributes(algorithm: XfrmAlgorithm, littleEndian: boolean): { algAead?: Uint8Array; algCrypt?: Uint8Array; algAuthTrunc?: Uint8Array } {
  if (algorithm.kind === 'aead') return { algAead: encodeOne(algorithm.name, algorithm.key, algorithm.icvBits, littleEndian) };
  const { encryption, integrity } = algorithm;
  return {
    algCrypt: encodeOne(encryption.name, encryption.key, undefined, littleEndian),
    algAuthTrunc: encodeOne(integrity.name, integrity.key, integrity.truncBits, littleEndian),
  };
}

/** Writes the keys into the attributes of a finished message, so that no other octets ever hold a copy of them. */
export function putKeys(attributes: Uint8Array, algorithm: XfrmAlgorithm, littleEndian: boolean): void {
  eachAttribute(attributes, littleEndian, (type, value) => {
    if (algorithm.kind === 'aead') {
      if (type === XFRM_ATTRS.algAead.code) value.set(algorithm.key, BEFORE_KEY.withIcv);
    } else if (type === XFRM_ATTRS.algCrypt.code) value.set(algorithm.encryption.key, BEFORE_KEY.plain);
    else if (type === XFRM_ATTRS.algAuthTrunc.code) value.set(algorithm.integrity.key, BEFORE_KEY.withIcv);
  });
}
