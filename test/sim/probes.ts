/**
 * Probes of the simulated world. What goes over the links is one datagram that names its type, and one back that names the outcome: the ways
 * of ICMP, DNS, TCP and HTTP themselves are the adapter's matter. Servers stand at links of their own; a captive portal sits on a link and
 * answers in their place.
 */
import { fromUtf8, ipFamily, millis, toUtf8, type IpAddress, type ProbeFailure, type ProbeTarget } from '../../src/base/index.ts';
import type { Effect, EffectOf, Input } from '../../src/ports/index.ts';
import type { Link } from './net.ts';
import type { OuterPacket } from './packet.ts';
import type { World } from './world.ts';

/** Ports of what has none: nothing else in the simulated world uses them. */
const PORTS = { icmp: 1, dns: 53 } as const;
const FIRST_PORT = 50_000;
const LAST_PORT = 60_000;
const ASK = 'probe ';
const FAILURES: readonly ProbeFailure[] = ['refused', 'captive_portal', 'wrong_answer'];

const portOf = (target: ProbeTarget): number => ('port' in target ? target.port : PORTS[target.type]);

/** The type a datagram asks for; undefined: it is no probe. */
export function probeIn(packet: OuterPacket): string | undefined {
  const text = packet.protocol === 'udp' ? fromUtf8(packet.bytes) : undefined;
  return text?.startsWith(ASK) === true ? text.slice(ASK.length) : undefined;
}

const replyTo = (packet: OuterPacket, text: string): OuterPacket => ({ protocol: 'udp', source: packet.destination, destination: packet.source, bytes: toUtf8(text) });

/** The probes of one life of a daemon. */
export class SimProbes {
  readonly #world: World;
  /** Sends from a device; 0 or an errno. */
  readonly #transmit: (ifindex: number, packet: OuterPacket) => number;
  /** An address of the device. */
  readonly #addressOf: (ifindex: number, family: 4 | 6) => IpAddress | undefined;
  readonly #deliver: (input: Input) => void;
  readonly #open = new Map<number, { readonly opId: number; readonly at: number; readonly remote: IpAddress }>();
  #port = FIRST_PORT;

  constructor(world: World, transmit: (ifindex: number, packet: OuterPacket) => number, addressOf: (ifindex: number, family: 4 | 6) => IpAddress | undefined, deliver: (input: Input) => void) {
    this.#world = world;
    this.#transmit = transmit;
    this.#addressOf = addressOf;
    this.#deliver = deliver;
  }

  perform(effect: Extract<Effect, { type: 'probe.send' | 'probe.cancel' }>): void {
    if (effect.type === 'probe.send') return this.#send(effect);
    for (const [port, { opId }] of this.#open) if (opId === effect.opId) this.#fail(port, 'no_answer');
  }

  /** True when the packet is the answer to a probe of ours. */
  receive(packet: OuterPacket): boolean {
    const { port } = packet.destination;
    const asked = packet.protocol === 'udp' ? this.#open.get(port) : undefined;
    if (asked?.remote !== packet.source.address) return false;
    const text = fromUtf8(packet.bytes);
    const why = FAILURES.find((one) => one === text);
    if (why !== undefined) this.#fail(port, why);
    else if (this.#open.delete(port)) this.#deliver({ type: 'probe.answered', opId: asked.opId, took: millis(this.#world.now - asked.at) });
    return true;
  }

  #send({ opId, target, ifindex, local, timeout }: EffectOf<'probe.send'>): void {
    const remote = target.address ?? (target.type === 'http' ? this.#world.dns.get(target.host)?.[0] : undefined);
    if (remote === undefined) return this.#deliver({ type: 'probe.failed', opId, why: 'no_name' });
    const source = local ?? this.#addressOf(ifindex, ipFamily(remote));
    const port = this.#port === LAST_PORT ? FIRST_PORT : this.#port + 1;
    this.#port = port;
    this.#open.set(port, { opId, at: this.#world.now, remote });
    const packet = source === undefined ? undefined : { protocol: 'udp' as const, source: { address: source, port }, destination: { address: remote, port: portOf(target) }, bytes: toUtf8(ASK + target.type) };
    if (packet === undefined || this.#transmit(ifindex, packet) !== 0) return this.#fail(port, 'unsendable');
    this.#world.after(timeout, () => {
      if (this.#open.get(port)?.opId === opId) this.#fail(port, 'no_answer');
    });
  }

  #fail(port: number, why: ProbeFailure): void {
    const asked = this.#open.get(port);
    this.#open.delete(port);
    if (asked) this.#deliver({ type: 'probe.failed', opId: asked.opId, why });
  }
}

/** Answers probes of every type at the end of a link; `asked` has them in order. */
export class ProbeServer {
  readonly asked: { readonly type: string; readonly from: IpAddress; readonly at: number }[] = [];
  /** What it says; undefined: nothing. */
  says: (type: string) => string | undefined = () => 'answered';

  constructor(world: World, link: Link, address: IpAddress) {
    link.attach({
      addresses: () => [address],
      carrier: () => undefined,
      receive: (packet) => {
        const type = probeIn(packet);
        if (type === undefined) return;
        this.asked.push({ type, from: packet.source.address, at: world.now });
        const text = this.says(type);
        if (text !== undefined) link.transmit(replyTo(packet, text));
      },
    });
  }
}

/** A captive portal on a link: HTTP is answered by its page, everything else from the host is swallowed. Returns its end: somebody has logged in. */
export function captivePortal(world: World, link: Link): () => void {
  const filter = (packet: OuterPacket, direction: 'up' | 'down'): boolean => {
    if (direction === 'down') return false;
    if (probeIn(packet) !== 'http') return true;
    const page = replyTo(packet, 'captive_portal');
    world.after(0, () => link.deliver(page, page));
    return true;
  };
  link.filters.push(filter);
  return () => {
    link.filters = link.filters.filter((one) => one !== filter);
  };
}
