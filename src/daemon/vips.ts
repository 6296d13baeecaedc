import type { AddressFact, IpAddress } from '../base/index.ts';
import { ipFamily } from '../base/index.ts';
import type { Config } from '../config/index.ts';
import type { IkeEvent } from '../ike/index.ts';

/** What a hub gave one connection. */
export interface VirtualAddress {
  readonly addresses: readonly IpAddress[];
  readonly dns: readonly IpAddress[];
}

/** Addresses remembered that are not ours any more: the kernel may still have to be told. */
const KNOWN_MOST = 256;
const NONE: VirtualAddress = { addresses: [], dns: [] };

/**
 * The virtual addresses that hubs gave us (RFC 7296 §2.19), by connection. They outlive the IKE SA that brought them: after a loss the hub
 * gives the same ones again, and what is open inside the tunnel goes on. A connection that is taken down loses them.
 */
export class VirtualAddresses {
  readonly #given = new Map<string, VirtualAddress>();
  /** Every address given in this run of the daemon, oldest first. */
  readonly #known = new Set<IpAddress>();

  /** Follows the engine; true when something changed. */
  onIke(event: IkeEvent): boolean {
    if (event.type === 'vip.assigned') {
      if (event.addresses.length === 0) return this.#given.delete(event.connection);
      for (const address of event.addresses) this.#known.delete(address);
      for (const address of event.addresses) this.#known.add(address);
      for (const oldest of this.#known) if (this.#known.size > KNOWN_MOST) this.#known.delete(oldest);
      this.#given.set(event.connection, { addresses: event.addresses, dns: event.dns });
      return true;
    }
    return event.type === 'ike.closed' && event.reason === 'requested' && this.#given.delete(event.connection);
  }

  /** The connection went, or was taken down; true when it had some. */
  forget(connection: string): boolean {
    return this.#given.delete(connection);
  }

  of(connection: string): VirtualAddress {
    return this.#given.get(connection) ?? NONE;
  }

  all(): IpAddress[] {
    return [...this.#given.values()].flatMap((given) => given.addresses);
  }

  /**
   * Whether an address that nobody has any more may be taken off the device. One that an earlier run of the daemon left there may be about
   * to be given again: it stays until every connection that asks for addresses has some.
   */
  mayGo(address: IpAddress, config: Config): boolean {
    return this.#known.has(address) || config.connections.every((connection) => !connection.enabled || connection.requestVip.length === 0 || this.#given.has(connection.name));
  }

  /** As the kernel will report them once they are on the device. */
  facts(ifindex: number, addresses: readonly IpAddress[]): AddressFact[] {
    return addresses.map((address) => ({
      ifindex, address, prefixLength: ipFamily(address) === 4 ? 32 : 128, tentative: false, deprecated: false, secondary: false, global: true,
    }));
  }
}
