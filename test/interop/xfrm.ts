/** What a kernel says of its ESP SAs: `ip -s xfrm state`. */
import type { Namespace } from '../lab/index.ts';

export interface KernelSa {
  readonly src: string;
  readonly dst: string;
  /** Eight digits, as mobikectl spells it. */
  readonly spi: string;
  readonly encap: { readonly sport: number; readonly dport: number } | undefined;
  /** Names of the kernel's algorithms, encryption first: `rfc4106(gcm(aes))`. */
  readonly algorithms: readonly string[];
  readonly packets: number;
}

/** The ESP SAs in the kernel of this namespace. */
export async function kernelSas(namespace: Namespace): Promise<readonly KernelSa[]> {
  return parseXfrmState(await namespace.run(['ip', '-s', 'xfrm', 'state']));
}

/** Packets that this namespace's kernel has dropped for want of a usable SA or policy, in either direction: every counter of it is one of drops. */
export async function strayPackets(namespace: Namespace): Promise<number> {
  const counters = [...(await namespace.run(['cat', '/proc/net/xfrm_stat'])).matchAll(/^Xfrm\w+\s+(\d+)$/gm)];
  if (counters.length === 0) throw new Error('the kernel does not count what it drops');
  return counters.reduce((sum, [, count]) => sum + Number(count), 0);
}

export function parseXfrmState(text: string): readonly KernelSa[] {
  const out: KernelSa[] = [];
  for (const block of text.split('\nsrc ').map((b, at) => (at === 0 ? b.slice(4) : b))) {
    const [src = '', , dst = ''] = block.split(/\s+/);
    const spi = /proto esp spi 0x([0-9a-f]{8})/.exec(block)?.[1];
    // An SPI that is reserved and not used yet has no algorithm.
    const algorithms = [...block.matchAll(/^\s+(?:enc|auth-trunc|auth|aead) (\S+)/gm)].map((m) => m[1] ?? '').sort((a, b) => Number(a.startsWith('hmac')) - Number(b.startsWith('hmac')));
    if (spi === undefined || algorithms.length === 0) continue;
    const encap = /encap type espinudp sport (\d+) dport (\d+)/.exec(block);
    const packets = /lifetime current:\s+\d+\(bytes\), (\d+)\(packets\)/.exec(block)?.[1];
    out.push({ src, dst, spi, encap: encap ? { sport: Number(encap[1]), dport: Number(encap[2]) } : undefined, algorithms, packets: Number(packets ?? 0) });
  }
  return out;
}
