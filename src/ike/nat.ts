import { ByteWriter, ipBytes, ipFamily, sameBytes, type Endpoint } from '../base/index.ts';
import { findNotifies, findNotify, notify, type IkeSpi, type NotifyPayload, type Payload } from '../codec/ike/index.ts';
import type { CryptoSuite } from '../crypto/index.ts';

/** SHA-1( SPIi | SPIr | address | port ), all in network order (RFC 7296 §2.23). SHA-1 is a checksum here, nothing more. */
export function natHash(suite: CryptoSuite, spiI: IkeSpi, spiR: IkeSpi, endpoint: Endpoint): Uint8Array {
  const writer = new ByteWriter(40).u64(spiI).u64(spiR).bytes(ipBytes(endpoint.address)).u16(endpoint.port);
  return suite.hash('sha1', writer.finish());
}

/**
 * The two NAT detection notifies of a message sent from `local` to `remote`. With `forceEncapsulation` the SOURCE hash
 * is of the unspecified address, so that the peer believes in a NAT and encapsulates ESP in UDP (NK-8).
 */
export function natNotifies(suite: CryptoSuite, spiI: IkeSpi, spiR: IkeSpi, local: Endpoint, remote: Endpoint, forceEncapsulation: boolean): NotifyPayload[] {
  const unspecified = (ipFamily(local.address) === 6 ? '::' : '0.0.0.0') as Endpoint['address'];
  const source = forceEncapsulation ? { address: unspecified, port: 0 } : local;
  return [
    notify('NAT_DETECTION_SOURCE_IP', natHash(suite, spiI, spiR, source)),
    notify('NAT_DETECTION_DESTINATION_IP', natHash(suite, spiI, spiR, remote)),
  ];
}

export interface NatVerdict {
  /** We are behind a NAT on this path. */
  readonly local: boolean;
  /** The peer is, or wants us to think so. */
  readonly remote: boolean;
  /** The peer's hash of where our packet came from: changes when our mapping does. */
  readonly mapping: Uint8Array;
}

/** Reads the NAT detection of a message that arrived at `local` from `remote`; undefined when it carries none. */
export function natVerdict(suite: CryptoSuite, spiI: IkeSpi, spiR: IkeSpi, local: Endpoint, remote: Endpoint, payloads: readonly Payload[]): NatVerdict | undefined {
  const sources = findNotifies(payloads, 'NAT_DETECTION_SOURCE_IP');
  const destination = findNotify(payloads, 'NAT_DETECTION_DESTINATION_IP');
  if (sources.length === 0 || !destination) return undefined;
  const theirs = natHash(suite, spiI, spiR, remote);
  return {
    local: !sameBytes(destination.data, natHash(suite, spiI, spiR, local)),
    remote: !sources.some((s) => sameBytes(s.data, theirs)),
    mapping: destination.data.slice(),
  };
}
