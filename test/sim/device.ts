import { ipFamily, prefixContains, type IpAddress } from '../../src/base/index.ts';
import { ERRNO, type FakeKernel } from './kernel.ts';
import type { Link } from './net.ts';
import type { OuterPacket } from './packet.ts';

export interface DeviceAddress {
  readonly address: IpAddress;
  readonly length: number;
}

export interface DeviceOptions {
  readonly addresses: readonly DeviceAddress[];
  /** Metric of the default routes through this device; one per family that has an address. */
  readonly metric: number;
  readonly gateway?: IpAddress;
  readonly mtu?: number;
  /** False: the device exists without address and route until `connect`. Default true. */
  readonly connected?: boolean;
}

/** A device of a host at the end of a link, and what can befall it. */
export class Device {
  readonly name: string;
  readonly link: Link;
  readonly #kernel: FakeKernel;
  readonly #options: DeviceOptions;
  readonly #receive: (packet: OuterPacket) => void;
  readonly #tooBig: (about: OuterPacket, mtu: number) => void;
  #ifindex = 0;

  constructor(kernel: FakeKernel, name: string, link: Link, options: DeviceOptions, receive: (packet: OuterPacket) => void, tooBig: (about: OuterPacket, mtu: number) => void = () => undefined) {
    this.#kernel = kernel;
    this.name = name;
    this.link = link;
    this.#options = options;
    this.#receive = receive;
    this.#tooBig = tooBig;
    this.create();
    if (options.connected ?? true) this.connect();
  }

  /** 0 while the device does not exist; another number after every `create`. */
  get ifindex(): number {
    return this.#ifindex;
  }

  get present(): boolean {
    return this.#ifindex !== 0;
  }

  /** Addresses now on the device. */
  get addresses(): readonly IpAddress[] {
    return this.present ? this.#kernel.addresses(this.#ifindex).map((a) => a.address) : [];
  }

  /** A packet would get through: device, carrier and an address are there. */
  get reachable(): boolean {
    return this.present && this.link.carrier && (this.#kernel.link(this.#ifindex)?.up ?? false) && this.addresses.length > 0;
  }

  /** The device appears, without address and route. */
  create(): void {
    if (this.present) return;
    const { mtu = 1500 } = this.#options;
    this.link.attach({
      addresses: () => this.addresses,
      receive: (packet) => {
        if (this.#kernel.link(this.#ifindex)?.up) this.#receive(packet);
      },
      tooBig: (about, carried) => {
        if (this.#kernel.link(this.#ifindex)?.up) this.#tooBig(about, carried);
      },
      carrier: (up) => {
        if (this.present) this.#kernel.setLink(this.#ifindex, { carrier: up });
      },
    });
    this.#ifindex = this.#kernel.addLink(this.name, { mtu, carrier: this.link.carrier });
  }

  /** The device is removed for good (or until `create`). */
  remove(): void {
    if (!this.present) return;
    this.link.detach();
    const ifindex = this.#ifindex;
    this.#ifindex = 0;
    this.#kernel.removeLink(ifindex);
  }

  /** Addresses and default routes arrive, as after a DHCP lease or a PPP session. */
  connect(addresses: readonly DeviceAddress[] = this.#options.addresses): void {
    for (const { address, length } of addresses) {
      this.#kernel.addAddress(this.#ifindex, address, length);
      this.addDefault(ipFamily(address));
    }
  }

  /** Addresses and routes go, as when a lease ends. */
  disconnect(): void {
    for (const address of this.addresses) {
      this.removeDefault(ipFamily(address));
      this.#kernel.removeAddress(this.#ifindex, address);
    }
  }

  /** Only the address goes. */
  loseAddress(address: IpAddress): void {
    this.#kernel.removeAddress(this.#ifindex, address);
  }

  addDefault(family: 4 | 6): void {
    if (!this.#kernel.hasDefault(this.#ifindex, family)) this.#kernel.addDefault(this.#ifindex, family === 4 ? this.#options.gateway : undefined, this.#options.metric, family);
  }

  removeDefault(family: 4 | 6): void {
    this.#kernel.removeDefault(this.#ifindex, family);
  }

  /** `ip link set down`: routes go, addresses stay. */
  setDown(): void {
    this.#kernel.setLink(this.#ifindex, { up: false });
  }

  /** `ip link set up`, and netifd puts its routes back. */
  setUp(): void {
    this.#kernel.setLink(this.#ifindex, { up: true });
    for (const address of this.addresses) this.addDefault(ipFamily(address));
  }

  /** The errno a bound send from `source` to `destination` meets at once, or 0. Lost carrier is not noticed by a send. */
  refusal(source: IpAddress, destination: IpAddress): number {
    const link = this.#kernel.link(this.#ifindex);
    if (!link) return ERRNO.ENODEV;
    if (!link.up) return ERRNO.ENETDOWN;
    const own = this.#kernel.addresses(this.#ifindex).filter((a) => ipFamily(a.address) === ipFamily(destination));
    if (!own.some((a) => a.address === source && !a.tentative)) return ERRNO.EADDRNOTAVAIL;
    const onLink = own.some((a) => prefixContains({ address: a.address, length: a.prefixLength }, destination));
    if (!onLink && !this.#kernel.hasDefault(this.#ifindex, ipFamily(destination))) return ERRNO.ENETUNREACH;
    return 0;
  }
}
