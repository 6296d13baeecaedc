/** One IKE SA without an engine or a peer around it: for what a task does at an exact moment, in states that are hard to get to from outside. */
import { nodeCrypto } from '../../src/adapters/node/crypto.ts';
import { instant, type Entropy, type Instant, type Path } from '../../src/base/index.ts';
import { notify, type IkeSpi, type Payload } from '../../src/codec/ike/index.ts';
import type { CryptoSuite, DhGroup, DhPair } from '../../src/crypto/index.ts';
import { installChild, type ChildPlan, type ChildSa } from '../../src/ike/child-sa.ts';
import type { Ctx, SaHost } from '../../src/ike/context.ts';
import type { Answer } from '../../src/ike/exchange.ts';
import { IkeSa, type IkeSaInit } from '../../src/ike/ike-sa.ts';
import type { IkeEffect, IkeEvent } from '../../src/ike/index.ts';
import { deriveKeyed } from '../../src/ike/keyed.ts';
import { natHash } from '../../src/ike/nat.ts';
import type { Chosen } from '../../src/ike/negotiate.ts';
import { connection, ESP_SUITE, on4500, path } from './pair.ts';

export const WAN = on4500(path('wan'));
export const LTE = on4500(path('lte'));
export const CHOSEN: Chosen = { number: 1, spi: new Uint8Array(), encr: { id: 20, keyLength: 256 }, prf: 5, integ: 0, group: 31, esn: 0 };
/** An answer that came on this path, to a request that went over no other. */
export const alone = (on: Path): Answer => ({ path: on, onePath: true, whole: false });
export const raced = (on: Path): Answer => ({ path: on, onePath: false, whole: false });

/** NAT detection of an answer that came to `local` from `remote`; `mapped`: a NAT of ours is seen; `hidden`: one of the peer. */
export function natTold(around: Pick<Alone, 'suite'>, sa: IkeSa, on: Path, { mapped = 0, hidden = false } = {}): Payload[] {
  const port = mapped === 0 ? on.local.port : mapped;
  return [
    notify('NAT_DETECTION_SOURCE_IP', natHash(around.suite, sa.spiI, sa.spiR, hidden ? { ...on.remote, port: 1 } : on.remote)),
    notify('NAT_DETECTION_DESTINATION_IP', natHash(around.suite, sa.spiI, sa.spiR, { ...on.local, port })),
  ];
}

/** What surrounds SAs in these tests: the time, the draws, and what came out. */
export class Alone {
  now = 100_000;
  readonly effects: IkeEffect[] = [];
  /** Labels of what was drawn. */
  readonly labels: string[] = [];
  /** Octets of a draw by its label; others are 0x55. */
  fill: { [label: string]: number } = {};
  readonly retired: IkeSa[] = [];
  readonly admitted: IkeSa[] = [];
  readonly adopted: IkeSa[] = [];
  readonly freed: number[] = [];
  /** Private values that are not wiped, and shared secrets as they are now. */
  readonly privates = new Set<DhPair>();
  readonly secrets: Uint8Array[] = [];
  readonly suite: CryptoSuite = { ...nodeCrypto(), dh: (group, secret) => this.#dh(group, secret) };
  #number = 1000;
  host: Partial<SaHost> = {
    newIkeSpi: () => BigInt(++this.#number) as IkeSpi, newChildSpi: () => ++this.#number as ReturnType<SaHost['newChildSpi']>, newNumber: () => ++this.#number,
    freeChildSpi: (spi) => void this.freed.push(spi), keepChildSpi: (spi) => spi, retire: (sa) => void this.retired.push(sa), admit: (sa) => void this.admitted.push(sa),
    adopt: (sa) => void this.adopted.push(sa), siblings: () => [], reauthenticating: () => undefined, lost: () => undefined, claimant: () => undefined,
    keepalive: () => undefined, mayMove: () => true, plainEsp: new Set(), own: () => undefined, remotes: () => [],
  };

  readonly entropy: Entropy = {
    bytes: (count, label) => {
      this.labels.push(label);
      return new Uint8Array(count).fill(this.fill[label] ?? 0x55);
    },
  };

  #dh(group: DhGroup, secret: Uint8Array): DhPair {
    const inner = nodeCrypto().dh(group, secret);
    const outer: DhPair = {
      group: inner.group, publicValue: inner.publicValue,
      derive: (value) => {
        const shared = inner.derive(value);
        if (shared) this.secrets.push(shared);
        return shared;
      },
      wipe: () => {
        this.privates.delete(outer);
        inner.wipe();
      },
    };
    this.privates.add(outer);
    return outer;
  }

  get ctx(): Ctx {
    return { now: this.time, unixSeconds: undefined, deps: { suite: this.suite, entropy: this.entropy }, host: this.host as SaHost, emit: (effect) => this.effects.push(effect) };
  }

  get time(): Instant {
    return instant(this.now);
  }

  /** An established SA with MOBIKE, with keys, on WAN. */
  sa(change: Partial<IkeSaInit> = {}): IkeSa {
    const sa = new IkeSa({
      chain: 1, name: 'hq', connection: connection(change.mobikeRole ?? 'initiator'), originalInitiator: true, mobikeRole: 'initiator', state: 'established',
      spiI: 1n as IkeSpi, spiR: 2n as IkeSpi, path: WAN, setup: undefined, ...change,
    });
    sa.establishedAt = instant(1000);
    sa.mobility.supported = true;
    const { originalInitiator, spiI, spiR } = sa;
    const nonce = new Uint8Array(32);
    sa.setKeys(deriveKeyed({ suite: this.suite, entropy: this.entropy }, { chosen: CHOSEN, seed: () => new Uint8Array(32).fill(9), ni: nonce, nr: nonce, spiI, spiR, originalInitiator }));
    return sa;
  }

  /** A Child SA that is installed and in use. */
  child(sa: IkeSa, name = 'lan', change: Partial<ChildPlan> = {}): ChildSa {
    const [spiIn, spiOut] = [++this.#number, ++this.#number] as [ChildPlan['spiIn'], ChildPlan['spiOut']];
    const config = { name, localTs: [], remoteTs: [], espProposals: [ESP_SUITE] };
    const nonce = new Uint8Array(32);
    return installChild(sa, {
      child: ++this.#number, config, spiIn, spiOut, chosen: { ...CHOSEN, prf: 0, group: 0, esn: 1 }, local: [], remote: [], ni: nonce, nr: nonce, shared: undefined, exchangeInitiator: true, use: 'now', ...change,
    }, this.ctx);
  }

  /** Everything that came out since the last call, in short. */
  said(): string[] {
    return this.effects.splice(0).map((effect) => {
      switch (effect.type) {
        case 'packet.send':
          return `send ${effect.path.uplink}`;
        case 'bundle.path':
          return `esp ${effect.path.uplink}${effect.opensPinhole ? ' pinhole' : ''}`;
        case 'bundle.hold':
          return 'esp held';
        case 'bundle.verified':
          return 'esp verified';
        case 'event':
          return inShort(effect.event);
        case 'log':
          return `${effect.level}: ${effect.text.slice(effect.text.indexOf(':') + 2)}`;
        case 'child.install':
          return `install ${effect.sa.direction} ${effect.sa.spi}`;
        default:
          return `${effect.type} ${effect.handle}`;
      }
    });
  }
}

function inShort(event: IkeEvent): string {
  const words: string[] = [event.type];
  if ('from' in event) words.push(event.from.uplink, event.to.uplink, event.reasons.join('+'), String(event.took));
  if ('path' in event) words.push(event.path.uplink);
  if ('child' in event) words.push(event.child);
  if ('reason' in event) words.push(event.reason);
  if ('detail' in event && event.detail !== '') words.push(event.detail);
  if ('hint' in event) words.push(event.hint);
  return words.join(' ');
}
