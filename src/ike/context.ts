import type { Instant, IpAddress, IpFamily, Path } from '../base/index.ts';
import type { ChildSpi, IkeSpi, TrafficSelector } from '../codec/ike/index.ts';
import type { IkeSa } from './ike-sa.ts';
import type { AddressPool } from './pool.ts';
import type { IkeConnection, IkeDeps, IkeEffect, IkeIdentity, KeepalivePlan, OwnAddresses } from './types.ts';

/** What the engine does for one SA while it handles an input. */
export interface SaHost {
  newIkeSpi(): IkeSpi;
  newChildSpi(): ChildSpi;
  freeChildSpi(spi: ChildSpi): void;
  /** Takes an SPI that was just freed again: the peer may still know it. */
  keepChildSpi(spi: ChildSpi): ChildSpi;
  newNumber(): number;
  responders(): readonly IkeConnection[];
  /** The chain of a connection that is being re-authenticated, under whatever identity. */
  reauthenticating(connection: string): IkeSa | undefined;
  /** Sets a connection up over these paths, unless that is under way. */
  initiate(connection: string, paths: readonly Path[], ctx: Ctx): void;
  /** Takes an IKE SA in; it is its chain's newest from now on. */
  adopt(sa: IkeSa): void;
  /** Takes an IKE SA in that is not its chain's newest. */
  admit(sa: IkeSa): void;
  /** The SA is gone; forget its SPIs. */
  retire(sa: IkeSa, ctx: Ctx): void;
  /** This attempt was answered: those on other paths end. */
  won(sa: IkeSa, ctx: Ctx): void;
  /** An attempt, or a candidate of one, ended without an SA. */
  lost(sa: IkeSa, ctx: Ctx): void;
  /** Established SAs between these identities other than `except`. */
  siblings(local: IkeIdentity, remote: IkeIdentity, except: IkeSa): readonly IkeSa[];
  /** An established SA with another peer identity whose Child SAs overlap these selectors on both sides. */
  claimant(sa: IkeSa, remote: readonly TrafficSelector[], local: readonly TrafficSelector[]): IkeSa | undefined;
  /** Virtual addresses that responders give. */
  readonly pool: AddressPool;
  /** Initiator: what the hub of this connection gave last, asked for again after a loss (I2.19-2). */
  lastAddresses(connection: string): readonly IpAddress[];
  rememberAddresses(connection: string, addresses: readonly IpAddress[]): void;
  /** The hub said FAILED_CP_REQUIRED although no address is configured to be asked for (I2.21-2). */
  mustAskForAddress(connection: string): boolean;
  insistOnAddress(connection: string): void;
  /** Addresses that the names of a connection we initiate stand for. */
  remotes(connection: string): readonly IpAddress[];
  /** Whether this identity has a move left; takes it (M3.5-12). */
  mayMove(identity: string, perMinute: number, now: Instant): boolean;
  /** How mappings of this uplink are kept alive; undefined: nobody said. */
  keepalive(uplink: string): KeepalivePlan | undefined;
  /** Families in which ESP can be sent and received without UDP. */
  readonly plainEsp: ReadonlySet<IpFamily>;
  /** Where this host can be reached for a connection. */
  own(connection: string): OwnAddresses | undefined;
  /** True while no SA with this peer was up since start: INITIAL_CONTACT is due (I2.4-4). */
  firstContact(connection: IkeConnection): boolean;
}

/** One call of the engine: the time, the collector of effects, and the engine's services. */
export interface Ctx {
  readonly now: Instant;
  /** The time of the wall in Unix seconds; undefined while the clock is not set: certificates have dates. */
  readonly unixSeconds: number | undefined;
  readonly deps: IkeDeps;
  readonly host: SaHost;
  emit(effect: IkeEffect): void;
}
