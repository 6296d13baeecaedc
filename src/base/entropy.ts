/** Random octets from the platform. `label` names the purpose: in tests each label is its own stream of the seed. */
export interface Entropy {
  bytes(count: number, label: string): Uint8Array;
}

/** A number in [0, 1) from four octets of entropy; for jitter, not for keys. */
export function randomFraction(entropy: Entropy, label: string): number {
  const octets = entropy.bytes(4, label);
  return new DataView(octets.buffer, octets.byteOffset, 4).getUint32(0) / 0x1_0000_0000;
}
