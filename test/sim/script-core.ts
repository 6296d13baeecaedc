/** Cores for the simulator's own tests: a function of the input, and a pair that installs fixed SAs. */
import { Secret, type Instant, type IpAddress, type IpPrefix, type Path } from '../../src/base/index.ts';
import type { ChildSpi, TrafficSelector } from '../../src/codec/ike/index.ts';
import type { Core, Effect, Input } from '../../src/ports/index.ts';

export const ip = (text: string): IpAddress => text as IpAddress;

/** A core that is one function; `deadline` is set by it. */
export class ScriptCore implements Core {
  deadline: Instant | undefined;
  readonly inputs: { readonly at: Instant; readonly input: Input }[] = [];
  readonly #script: (input: Input, now: Instant, core: ScriptCore) => Effect[];

  constructor(script: (input: Input, now: Instant, core: ScriptCore) => Effect[] = () => []) {
    this.#script = script;
  }

  handle(input: Input, now: Instant): Effect[] {
    this.inputs.push({ at: now, input: input.type === 'udp.received' ? { ...input, bytes: input.bytes.slice() } : input });
    return this.#script(input, now, this);
  }

  /** Inputs of one type, in order. */
  of<T extends Input['type']>(type: T): Extract<Input, { type: T }>[] {
    return this.inputs.map((i) => i.input).filter((i): i is Extract<Input, { type: T }> => i.type === type);
  }

  owner(): undefined {
    return undefined;
  }

  quarantine(): Effect[] {
    return [];
  }
}

export interface StaticTunnel {
  /** Where ESP goes, once the devices are known. */
  readonly path: () => Path;
  readonly local: IpPrefix;
  readonly remote: IpPrefix;
  readonly spiIn: number;
  readonly spiOut: number;
}

const selector = (prefix: IpPrefix): TrafficSelector => ({ protocol: 0, startPort: 0, endPort: 65535, start: prefix.address, end: prefix.address.replace('.0.0', '.255.255') as IpAddress });

/** Opens sockets and TUN, installs one pair of fixed SAs and routes: a tunnel without IKE. */
export function staticTunnelCore(tunnel: StaticTunnel): ScriptCore {
  const key = (spi: number): Secret => new Secret(new Uint8Array(36).fill(spi & 255));
  return new ScriptCore((input) => {
    if (input.type === 'process.start') return [{ type: 'udp.open', ports: [500, 4500], mark: 0 }, { type: 'kernel.watch' }, { type: 'tun.open', name: 'mobiked0', mtu: 1400 }];
    if (input.type !== 'tun.opened') return [];
    const common = { bundle: 1, child: 1, cipher: 'aes-gcm-16', integ: undefined, esn: true, local: [selector(tunnel.local)], remote: [selector(tunnel.remote)] } as const;
    return [
      { type: 'kernel.apply', opId: 1, ops: [
        { op: 'link.set', ifindex: input.ifindex, up: true, mtu: 1400 },
        { op: 'route.add', route: { destination: tunnel.remote, via: { kind: 'device', ifindex: input.ifindex }, metric: 50, prefSrc: undefined } },
        { op: 'route.add', route: { destination: tunnel.remote, via: { kind: 'unreachable' }, metric: 5000, prefSrc: undefined } },
      ] },
      { type: 'esp.path.set', encapsulation: 'udp', bundle: 1, path: tunnel.path(), mtu: 1500 },
      { type: 'esp.sa.add', sa: { ...common, handle: 1, direction: 'in', spi: tunnel.spiIn as ChildSpi, key: key(tunnel.spiIn) } },
      { type: 'esp.sa.add', sa: { ...common, handle: 2, direction: 'out', spi: tunnel.spiOut as ChildSpi, key: key(tunnel.spiOut) } },
      { type: 'esp.sa.use', handle: 2 },
    ];
  });
}
