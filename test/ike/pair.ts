import { after, instant, ip, millis, parsePrefix, pathKey, Secret, seconds, toHex, toUtf8, type Endpoint, type Entropy, type Instant, type IpPrefix, type Millis, type Path } from '../../src/base/index.ts';
import { nodeCrypto } from '../../src/adapters/node/crypto.ts';
import type { Aead, BlockCipher, CryptoSuite, DhPair, Mac, Pki } from '../../src/crypto/index.ts';
import { IkeEngine, type ChildInstall, type IkeConnection, type IkeEvent, type IkeInput, type IkeSuite } from '../../src/ike/index.ts';
import { createHash } from 'node:crypto';

/** Octets that depend on seed, label and position only: each label is a stream of its own. */
export function seededEntropy(seed: string): Entropy {
  const used = new Map<string, number>();
  return {
    bytes(count, label) {
      const at = used.get(label) ?? 0;
      used.set(label, at + 1);
      const out = new Uint8Array(count);
      for (let i = 0; i < count; i += 32) out.set(createHash('sha256').update(`${seed}|${label}|${at}|${i}`).digest().subarray(0, Math.min(32, count - i)), i);
      return out;
    },
  };
}

export const prefixes = (...texts: string[]): IpPrefix[] => texts.map((t) => parsePrefix(t) as IpPrefix);
export const IKE_SUITE: IkeSuite = { text: 'aes256gcm16-prfsha256-x25519-ecp256', encr: [{ id: 20, keyLength: 256 }], prf: [5], integ: [], groups: [31, 19], esn: [] };
export const ESP_SUITE: IkeSuite = { text: 'aes256gcm16', encr: [{ id: 20, keyLength: 256 }], prf: [], integ: [], groups: [], esn: [1, 0] };
export const HUB = ip('203.0.113.1');
export const WAN = ip('192.0.2.10');
export const LTE = ip('100.64.0.7');

/** Both sides prove themselves with this pre-shared key. */
export function sharedKey(text: string): Pick<IkeConnection, 'auth' | 'remoteAuth'> {
  const psk = new Secret(toUtf8(text));
  return { auth: { method: 'psk', psk }, remoteAuth: { method: 'psk', psk } };
}

export function connection(role: 'initiator' | 'responder', change: Partial<IkeConnection> = {}): IkeConnection {
  const [local, remote] = role === 'initiator' ? ['10.1.0.0/24', '10.2.0.0/24'] : ['10.2.0.0/24', '10.1.0.0/24'];
  return {
    name: role === 'initiator' ? 'hq' : 'branches', role, remoteAddrs: role === 'initiator' ? [{ kind: 'address', address: HUB }] : [], localAddrs: [],
    localId: undefined, remoteId: undefined, ...sharedKey('a preshared key of some length'), mobike: true, ikeProposals: [IKE_SUITE],
    ikeLifetime: seconds(14400), childLifetime: seconds(3600), childOctets: undefined, childPackets: undefined, reauth: undefined,
    liveness: seconds(role === 'initiator' ? 60 : 150), fragmentation: true, requestVip: [], pools: [], poolDns: [],
    children: [{ name: 'lan', localTs: prefixes(local), remoteTs: prefixes(remote), espProposals: [ESP_SUITE] }], ...change,
  };
}

export const path = (uplink: string, address = uplink === 'wan' ? WAN : LTE): Path => ({
  uplink, ifindex: uplink === 'wan' ? 2 : 3, local: { address, port: 500 }, remote: { address: HUB, port: 500 },
});
export const on4500 = (p: Path): Path => ({ ...p, local: { ...p.local, port: 4500 }, remote: { ...p.remote, port: 4500 } });

interface Flying {
  readonly at: Instant;
  readonly to: Side;
  readonly path: Path;
  readonly bytes: Uint8Array;
}

/** The events whose `type` may be T. */
type EventOf<T extends IkeEvent['type']> = IkeEvent extends infer E ? (E extends IkeEvent ? (T extends E['type'] ? E : never) : never) : never;

/** The platform's cryptography, with the ciphers, MACs and private values that are not wiped yet, and how often its dear parts were called. */
function watchedCrypto(): { readonly suite: CryptoSuite; readonly ciphers: Set<object>; readonly privates: Set<DhPair>; readonly calls: { dh: number; equal: number; open: number } } {
  const suite = nodeCrypto();
  const calls = { dh: 0, equal: 0, open: 0 };
  const ciphers = new Set<object>();
  const privates = new Set<DhPair>();
  const aead: CryptoSuite['aead'] = (name, key) => {
    const inner = suite.aead(name, key);
    const outer: Aead = {
      seal: (nonce, aad, plaintext) => inner.seal(nonce, aad, plaintext),
      open: (nonce, aad, sealed) => {
        calls.open++;
        return inner.open(nonce, aad, sealed);
      },
      wipe: () => {
        ciphers.delete(outer);
        inner.wipe();
      },
    };
    ciphers.add(outer);
    return outer;
  };
  const cbc: CryptoSuite['cbc'] = (key) => {
    const inner = suite.cbc(key);
    const outer: BlockCipher = {
      encrypt: (iv, plaintext) => inner.encrypt(iv, plaintext),
      decrypt: (iv, ciphertext) => inner.decrypt(iv, ciphertext),
      wipe: () => {
        ciphers.delete(outer);
        inner.wipe();
      },
    };
    ciphers.add(outer);
    return outer;
  };
  const hmac: CryptoSuite['hmac'] = (name, key) => {
    const inner = suite.hmac(name, key);
    const outer: Mac = {
      size: inner.size, sign: (...parts) => inner.sign(...parts),
      wipe: () => {
        ciphers.delete(outer);
        inner.wipe();
      },
    };
    ciphers.add(outer);
    return outer;
  };
  const dh: CryptoSuite['dh'] = (group, secret) => {
    calls.dh++;
    const inner = suite.dh(group, secret);
    const outer: DhPair = {
      group: inner.group, publicValue: inner.publicValue, derive: (value) => inner.derive(value),
      wipe: () => {
        privates.delete(outer);
        inner.wipe();
      },
    };
    privates.add(outer);
    return outer;
  };
  const equal: CryptoSuite['equal'] = (a, b) => {
    calls.equal++;
    return suite.equal(a, b);
  };
  return { suite: { ...suite, aead, cbc, hmac, dh, equal }, ciphers, privates, calls };
}

/** One engine with what its effects would have done. */
export class Side {
  readonly engine: IkeEngine;
  readonly events: IkeEvent[] = [];
  readonly sas = new Map<number, ChildInstall>();
  readonly inUse = new Map<number, number>();
  readonly bundlePath = new Map<number, Path>();
  /** How ESP leaves, each time that was told, with the uplink. */
  readonly espWays: string[] = [];
  /** Uplinks on which a dummy packet of ours went first, and the outbound SAs that were in use then. */
  readonly pinholes: [uplink: string, used: readonly number[]][] = [];
  readonly logs: string[] = [];
  readonly sent: { readonly at: Instant; readonly path: Path; readonly bytes: Uint8Array }[] = [];
  readonly name: string;
  readonly crypto = watchedCrypto();
  /** Octets that are drawn next under a label, before those of the seed: for tests that must know a nonce. */
  readonly draws = new Map<string, Uint8Array[]>();

  constructor(name: string, seed: string, pki?: Pki) {
    this.name = name;
    const entropy = seededEntropy(`${seed}/${name}`);
    this.engine = new IkeEngine({ suite: { ...this.crypto.suite, pki }, entropy: { bytes: (count, label) => this.draws.get(label)?.shift() ?? entropy.bytes(count, label) } });
  }

  of<T extends IkeEvent['type']>(type: T): EventOf<T>[] {
    return this.events.filter((e): e is EventOf<T> => e.type === type);
  }
}

/** Two engines and a wire between them: latency, loss by rule, NAT per uplink. Time is virtual. */
export class Pair {
  now = instant(1000);
  readonly router: Side;
  readonly hub: Side;
  readonly #flying: Flying[] = [];
  latency: Millis = millis(10);
  /** Packets for which it returns true vanish. */
  drop: (from: 'router' | 'hub', path: Path, bytes: Uint8Array) => boolean = () => false;
  /** Time a packet is held up beyond the latency. */
  delay: (from: 'router' | 'hub', path: Path, bytes: Uint8Array) => Millis = () => millis(0);
  /** Public endpoint of a router endpoint; identity: no NAT. */
  nat: (local: Endpoint, path: Path) => Endpoint = (local) => local;
  readonly #mappings = new Map<string, Path>();

  constructor(seed = 'pair', router = connection('initiator'), hub = connection('responder'), pki?: Pki) {
    this.router = new Side('router', seed, pki);
    this.hub = new Side('hub', seed, pki);
    this.feed(this.router, { type: 'connections.set', connections: [router] });
    this.feed(this.hub, { type: 'connections.set', connections: [hub] });
  }

  feed(side: Side, input: IkeInput): void {
    for (const effect of side.engine.handle(input, this.now)) {
      switch (effect.type) {
        case 'packet.send':
          side.sent.push({ at: this.now, path: effect.path, bytes: effect.bytes });
          this.#fly(side, effect.path, effect.bytes);
          break;
        case 'child.install':
          side.sas.set(effect.sa.handle, effect.sa);
          break;
        case 'child.use': {
          const sa = side.sas.get(effect.handle);
          if (sa) side.inUse.set(sa.child, effect.handle);
          break;
        }
        case 'child.remove':
          if (!side.sas.delete(effect.handle)) throw new Error(`${side.name}: SA ${effect.handle} removed twice`);
          for (const [child, handle] of side.inUse) if (handle === effect.handle) side.inUse.delete(child);
          break;
        case 'bundle.path':
          side.bundlePath.set(effect.bundle, effect.path);
          side.espWays.push(`${effect.path.uplink} ${effect.encapsulation}`);
          if (effect.opensPinhole) side.pinholes.push([effect.path.uplink, [...side.inUse.values()]]);
          break;
        case 'bundle.hold':
          side.bundlePath.delete(effect.bundle);
          break;
        case 'bundle.verified':
          break;
        case 'event':
          side.events.push(effect.event);
          break;
        case 'log':
          side.logs.push(effect.text);
          break;
      }
    }
  }

  #fly(from: Side, sendPath: Path, bytes: Uint8Array): void {
    const sender = from === this.router ? 'router' : 'hub';
    if (this.drop(sender, sendPath, bytes)) return;
    const at = after(this.now, millis(this.latency + this.delay(sender, sendPath, bytes)));
    if (from === this.router) {
      const outside = this.nat(sendPath.local, sendPath);
      this.#mappings.set(`${outside.address}:${outside.port}`, sendPath);
      this.#flying.push({ at, to: this.hub, bytes, path: { uplink: 'eth0', ifindex: 9, local: sendPath.remote, remote: outside } });
      return;
    }
    const inside = this.#mappings.get(`${sendPath.remote.address}:${sendPath.remote.port}`);
    if (inside) this.#flying.push({ at, to: this.router, bytes, path: { ...inside, remote: sendPath.local } });
  }

  /** The NAT forgets: packets to old outside endpoints vanish. */
  forgetMappings(): void {
    this.#mappings.clear();
  }

  deliver(side: Side, packetPath: Path, bytes: Uint8Array): void {
    this.feed(side, { type: 'packet', path: packetPath, bytes });
  }

  /** Runs until the time, delivering packets and ticking engines when they ask for it. */
  runFor(span: Millis): void {
    const end = after(this.now, span);
    for (let steps = 0; steps < 100_000; steps++) {
      const packet = this.#flying.reduce<Flying | undefined>((best, f) => (best === undefined || f.at < best.at ? f : best), undefined);
      const deadlines = [this.router, this.hub].map((side) => side.engine.deadline).filter((d) => d !== undefined);
      const next = Math.min(packet?.at ?? Infinity, ...deadlines);
      if (next > end) {
        this.now = end;
        return;
      }
      this.now = instant(Math.max(this.now, next));
      if (packet && packet.at <= this.now) {
        this.#flying.splice(this.#flying.indexOf(packet), 1);
        this.feed(packet.to, { type: 'packet', path: packet.path, bytes: packet.bytes });
      }
      for (const side of [this.router, this.hub]) {
        const before = side.engine.deadline;
        if (before === undefined || before > this.now) continue;
        this.feed(side, { type: 'tick' });
        const later = side.engine.deadline;
        if (later !== undefined && later <= this.now) throw new Error(`${side.name}: a deadline stays in the past after its tick`);
      }
    }
    throw new Error('the pair does not come to rest');
  }

  connect(...paths: Path[]): number {
    this.feed(this.router, { type: 'connection.initiate', connection: 'hq', paths: paths.length > 0 ? paths : [path('wan')] });
    this.runFor(seconds(2));
    const chain = this.router.of('ike.established').at(-1)?.chain;
    if (chain === undefined) throw new Error(`not established: ${this.router.logs.join('; ')} ${this.hub.logs.join('; ')} ${JSON.stringify(this.router.events)}`);
    return chain;
  }

  hubChain(): number {
    return this.hub.of('ike.established').at(-1)?.chain ?? -1;
  }

  /** SAs of both sides pair up by SPI and key, and none is left over. */
  checkPaired(): void {
    const text = (sas: Iterable<ChildInstall>, flip: boolean): string[] =>
      [...sas].map((sa) => `${(sa.direction === 'in') === flip ? 'to-hub' : 'to-router'} ${sa.spi} ${toHex(sa.key.reveal())} ${sa.integ ? toHex(sa.integ.key.reveal()) : ''} ${sa.esn}`).sort();
    const router = text(this.router.sas.values(), false);
    const hub = text(this.hub.sas.values(), true);
    if (router.join('\n') !== hub.join('\n')) throw new Error(`SAs do not pair up:\n${router.join('\n')}\n--\n${hub.join('\n')}`);
  }
}

export { pathKey };
