import { after, earliest, keepNewest, millis, sameBytes, isEndOf, samePath, toHex, type Endpoint, type Instant, type IpAddress, type IpFamily, type Path } from '../base/index.ts';
import { decodeChain, decodeHeader, encodeMessage, EXCHANGE, findNotify, findPayload, notify, PAYLOAD, type ChildSpi, type IkeHeader, type IkeSpi, type Payload } from '../codec/ike/index.ts';
import { mayBeAt, MoveBudget } from './address-policy.ts';
import { Attempts } from './attempts.ts';
import { redate } from './authentication.ts';
import { countVolume, useChild } from './child-sa.ts';
import { COOKIE_ABOVE, COOKIE_ABOVE_PER_SOURCE, HALF_OPEN_MOST, HALF_OPEN_PER_SOURCE, IKE_SAS_MOST, INVALID_SPI_PAUSE, LATE_ESP_TIME, LATE_SPIS_MOST, PATHS_MOST, REFUSAL_TIME, REFUSALS_MOST } from './constants.ts';
import type { Ctx, SaHost } from './context.ts';
import { Cookies } from './cookies.ts';
import { Farewells } from './farewells.ts';
import type { IkeSa } from './ike-sa.ts';
import { AddressPool } from './pool.ts';
import { Refusals } from './refusals.ts';
import { networkOf, Registry, sourceKey } from './registry.ts';
import { rekeyChildTask } from './tasks/child-rekey.ts';
import { respondInit } from './tasks/ike-init.ts';
import { deleteChildTask, invalidSpiTask } from './tasks/informational.ts';
import { encapsulate, movePath } from './tasks/ike-mobike.ts';
import { ownAddressesChanged } from './tasks/mobike-addresses.ts';
import { livenessTask } from './tasks/liveness.ts';
import { roam } from './tasks/roaming.ts';
import { sizePath } from './tasks/path-size.ts';
import { switchPeer } from './tasks/responder-switch.ts';
import { rekeyIkeTask } from './tasks/ike-rekey.ts';
import type { ChainStatus, IkeConnection, IkeDeps, IkeEffect, IkeInput, KeepalivePlan, OwnAddresses } from './types.ts';

/** Unprotected notices of all kinds in one second, one for each network they go to (I1.5-1). */
const NOTICES_PER_SECOND = 100;

/** All IKE SAs of the host, found by SPI alone (I2.6-5), and the answering of what belongs to none. */
export class IkeEngine {
  readonly #deps: IkeDeps;
  readonly #sas = new Registry();
  readonly #attempts = new Attempts();
  readonly #childSpis = new Set<number>();
  /** Inbound SPIs that were given up, and when. */
  readonly #lateSpis = new Map<number, Instant>();
  #now = 0 as Instant;
  /** Child SAs of both directions by handle: the chain that has them. */
  readonly #owners = new Map<number, number>();
  readonly #contacted = new Set<string>();
  readonly #pool = new AddressPool();
  readonly #lastAddresses = new Map<string, readonly IpAddress[]>();
  readonly #insisted = new Set<string>();
  readonly #plainEsp = new Set<IpFamily>();
  readonly #keepalives = new Map<string, KeepalivePlan>();
  readonly #remotes = new Map<string, readonly IpAddress[]>();
  readonly #moves = new MoveBudget();
  readonly #own = new Map<string, OwnAddresses>();
  readonly #farewells: Farewells;
  readonly #cookies: Cookies;
  readonly #refusals = new Refusals();
  #connections = new Map<string, IkeConnection>();
  #lastNumber = 0;
  /** Unix time in ms at monotonic 0, once the clock is set. */
  #unixAtZero: number | undefined;
  #notices = { second: -1, sources: new Set<string>() };
  #effects: IkeEffect[] = [];
  readonly #host: SaHost;

  constructor(deps: IkeDeps) {
    this.#deps = deps;
    this.#cookies = new Cookies(deps);
    this.#farewells = new Farewells(deps);
    this.#host = {
      newIkeSpi: () => this.#newIkeSpi(),
      newChildSpi: () => this.#newChildSpi(),
      freeChildSpi: (spi) => this.#freeChildSpi(spi),
      keepChildSpi: (spi) => {
        this.#childSpis.add(spi);
        return spi;
      },
      newNumber: () => ++this.#lastNumber,
      reauthenticating: (name) => [...this.#sas.chains()].find((sa) => sa.name === name && sa.isEstablished && sa.isReauthenticating),
      initiate: (name, paths, ctx) => this.#initiate(name, paths, ctx),
      admit: (sa) => this.#sas.add(sa, false),
      responders: () => [...this.#connections.values()].filter((c) => c.role === 'responder'),
      adopt: (sa) => this.#sas.add(sa),
      retire: (sa, ctx) => {
        this.#farewells.keep(sa);
        this.#sas.remove(sa);
        if (!this.#sas.chain(sa.chain)) this.#pool.release(sa.chain, ctx.now);
      },
      won: (sa, ctx) => this.#attempts.answered(sa, ctx),
      lost: (sa, ctx) => this.#attempts.lost(sa, ctx),
      siblings: (local, remote, except) => this.#sas.between(local, remote).filter((sa) => sa !== except),
      claimant: (sa, remote, local) => this.#sas.claimant(sa, remote, local),
      pool: this.#pool,
      lastAddresses: (connection) => this.#lastAddresses.get(connection) ?? [],
      rememberAddresses: (connection, addresses) => this.#lastAddresses.set(connection, addresses),
      mustAskForAddress: (connection) => this.#insisted.has(connection),
      insistOnAddress: (connection) => this.#insisted.add(connection),
      remotes: (connection) => this.#remotes.get(connection) ?? [],
      mayMove: (identity, perMinute, now) => this.#moves.take(identity, perMinute, now),
      keepalive: (uplink) => this.#keepalives.get(uplink),
      plainEsp: this.#plainEsp,
      own: (connection) => this.#own.get(connection),
      firstContact: (connection) => this.#firstContact(connection),
    };
  }

  handle(input: IkeInput, now: Instant): IkeEffect[] {
    this.#effects = [];
    this.#now = now;
    const ctx: Ctx = { now, unixSeconds: this.#unixSeconds(now), deps: this.#deps, host: this.#host, emit: (effect) => this.#emit(effect) };
    this.#dispatch(input, ctx);
    const out = this.#effects;
    this.#effects = [];
    return out;
  }

  #unixSeconds(now: Instant): number | undefined {
    return this.#unixAtZero === undefined ? undefined : (this.#unixAtZero + now) / 1000;
  }

  #emit(effect: IkeEffect): void {
    this.#effects.push(effect);
    if (effect.type === 'child.install') this.#owners.set(effect.sa.handle, effect.sa.bundle);
    if (effect.type === 'child.remove') this.#owners.delete(effect.handle);
    if (effect.type === 'child.install' && effect.sa.direction === 'in') this.#sas.claims.add(effect.sa.handle, effect.sa.bundle, effect.sa.remote);
    else if (effect.type === 'child.remove') this.#sas.claims.remove(effect.handle);
    else if (effect.type === 'event' && effect.event.type === 'ike.established') this.#sas.identified(effect.event.chain);
  }

  get deadline(): Instant | undefined {
    return earliest(this.#sas.deadline, this.#attempts.deadline);
  }

  /** The chain an IKE message without marker belongs to, for the fault boundary. */
  chainOf(bytes: Uint8Array): number | undefined {
    const header = decodeHeader(bytes);
    return header && this.#sas.find(header)[0]?.chain;
  }

  status(): ChainStatus[] {
    return [...this.#sas.chains()].filter((sa) => sa.establishedAt !== undefined).map((sa) => sa.status());
  }

  /** The established chains of a connection, newest first. */
  chainsOf(connection: string): ChainStatus[] {
    return this.status().filter((s) => s.connection === connection && s.state === 'established').reverse();
  }

  /** Chains whose peer comes to another address of ours when it is asked (R-MOBIKE). */
  switchable(): { readonly chain: number; readonly connection: string; readonly path: Path }[] {
    return [...this.#sas.chains()].filter((sa) => sa.isEstablished && sa.mobikeRole === 'responder' && sa.mobility.switchBy !== undefined).map((sa) => ({ chain: sa.chain, connection: sa.name, path: sa.path }));
  }

  /** When the peer was last heard on the chain's current path, by IKE or by ESP. */
  heardAt(chain: number): Instant | undefined {
    const sa = this.#sas.chain(chain);
    const at = Math.max(sa?.lastIke ?? 0, sa?.traffic.lastInbound ?? 0);
    return at === 0 ? undefined : (at as Instant);
  }

  /** How much is kept: every number is bounded, whatever peers and strangers send. */
  sizes(): { readonly sas: number; readonly chains: number; readonly childSpis: number } {
    return { sas: this.#sas.size, chains: this.#sas.chainCount, childSpis: this.#childSpis.size };
  }

  /** No SA is left, not even one whose Delete waits for its answer. */
  get idle(): boolean {
    return this.#sas.size === 0;
  }

  isConnecting(connection: string): boolean {
    return this.#attempts.has(connection);
  }

  #dispatch(input: IkeInput, ctx: Ctx): void {
    switch (input.type) {
      case 'packet':
        return this.#packet(input.path, input.bytes, ctx);
      case 'connections.set':
        this.#connections = new Map(input.connections.map((c) => [c.name, c]));
        for (const name of this.#own.keys()) if (!this.#connections.has(name)) this.#own.delete(name);
        for (const name of this.#remotes.keys()) if (!this.#connections.has(name)) this.#remotes.delete(name);
        for (const name of this.#attempts.names()) if (!this.#connections.has(name)) this.#attempts.stop(name, ctx);
        for (const sa of [...this.#sas.values()]) {
          if (!sa.connection) continue;
          sa.connection = this.#connections.get(sa.name) ?? sa.connection;
          // M5.2-1: who ties permission to an outer prefix means those that are there, too.
          if (sa.connection.role === 'responder' && sa.isEstablished && !mayBeAt(sa.connection, sa.path)) sa.shutDown('requested', ctx, `${sa.path.remote.address} is not an allowed address any more`);
        }
        return;
      case 'addresses.set':
        return this.#setOwn(input.connection, input.own, ctx);
      case 'connection.initiate':
        return this.#initiate(input.connection, input.paths, ctx);
      case 'connection.terminate':
        this.#attempts.stop(input.connection, ctx);
        for (const sa of [...this.#sas.values()]) if (sa.name === input.connection && sa.state !== 'rekeyed' && sa.state !== 'undecided') sa.shutDown('requested', ctx);
        return;
      case 'keepalive.set':
        this.#keepalives.set(input.uplink, input);
        for (const sa of this.#sas.values()) if (sa.path.uplink === input.uplink) sa.schedule(ctx);
        return;
      case 'child.used': {
        const sa = this.#sas.chain(this.#sas.claims.chainOf(input.handle) ?? -1);
        for (const child of sa?.children.values() ?? []) if (sa && child.handleIn === input.handle) useChild(sa, child, ctx);
        return sa?.touch();
      }
      case 'volumes':
        return this.#count(input.sas, ctx);
      case 'esp.unknownSpi':
        return this.#unknownSpi(input.spi, input.local, input.remote, ctx);
      case 'clock.wall':
        this.#unixAtZero = input.synced ? input.unixAtZero : undefined;
        for (const sa of [...this.#sas.values()]) redate(sa, { ...ctx, unixSeconds: this.#unixSeconds(ctx.now) });
        return;
      case 'esp.plain':
        this.#plainEsp.clear();
        for (const family of input.families) this.#plainEsp.add(family);
        return;
      case 'remotes.set':
        this.#remotes.set(input.connection, input.addresses);
        return;
      case 'tick':
        for (const sa of this.#sas.due(ctx.now)) sa.tick(ctx);
        return this.#attempts.tick(ctx);
      default: {
        const sa = this.#sas.chain(input.chain);
        if (!sa || sa.isDead) return;
        this.#onChain(sa, input, ctx);
        sa.afterwards(ctx);
      }
    }
  }

  #onChain(sa: IkeSa, input: Extract<IkeInput, { chain: number }>, ctx: Ctx): void {
    switch (input.type) {
      case 'chain.close':
        if (input.reason === 'fault') return sa.close('fault', '', ctx);
        // The path this SA knows may be the dead one: its Delete goes where its successor lives.
        if (input.path) sa.path = input.path;
        return sa.shutDown(input.reason, ctx);
      case 'path.move':
        if (!sa.isEstablished || sa.mobikeRole !== 'initiator') return;
        if (!sa.mobility.supported) return sa.event({ type: 'ike.unreachable', chain: sa.chain, connection: sa.name, hint: 'no_mobike' }, ctx);
        return movePath(sa, input.path, input.reasons, input.since, ctx, input.verify);
      case 'path.probe':
        // One probe at a time, and never in front of something that matters: the window is 1 (M3.10-1). Without MOBIKE a peer may
        // follow what comes from elsewhere (I2.23-3).
        if (sa.isEstablished && sa.mobility.supported && sa.exchanges.idle && !samePath(input.path, sa.path)) sa.exchanges.enqueue(livenessTask(input.path));
        return;
      case 'path.race':
        if (!sa.exchanges.outstanding) sa.exchanges.enqueue(livenessTask(undefined));
        sa.exchanges.pump(ctx);
        sa.exchanges.finish(ctx);
        if (!sa.mobility.supported) return;
        return sa.exchanges.race(input.paths.slice(0, PATHS_MOST), ctx);
      case 'path.encapsulate':
        return encapsulate(sa, input.path, input.on, ctx);
      case 'path.size':
        return sizePath(sa, input.size, ctx);
      case 'chain.switch':
        return switchPeer(sa, input.to, input.own, ctx);
      case 'liveness.check':
        if (sa.isEstablished) sa.checkLiveness(ctx);
        return;
      case 'traffic':
        sa.traffic = input.traffic;
        sa.trafficActive = input.active;
        return;
      case 'esp.roamed':
        return roam(sa, input.remote, input.at, ctx);
      case 'child.want':
        return this.#wantChild(sa, input.child, input.up, ctx);
      case 'child.rekey':
        for (const child of [...sa.children.values()]) if (child.config.name === input.child && child.state === 'installed') sa.exchanges.enqueue(rekeyChildTask(sa, child));
        return;
      case 'ike.rekey':
        if (sa.isEstablished && !sa.exchanges.has('ikeRekey')) sa.exchanges.enqueue(rekeyIkeTask(sa, ctx));
        return;
    }
  }

  #count(volumes: Extract<IkeInput, { type: 'volumes' }>['sas'], ctx: Ctx): void {
    for (const volume of volumes) {
      const sa = this.#sas.chain(this.#owners.get(volume.handle) ?? -1);
      if (!sa) continue;
      for (const child of sa.children.values()) if (child.handleIn === volume.handle || child.handleOut === volume.handle) countVolume(child, volume, ctx.now);
      if ([...sa.children.values()].some((child) => child.softAt === ctx.now || child.hardAt === ctx.now)) sa.schedule(ctx);
    }
  }

  #setOwn(connection: string, own: OwnAddresses, ctx: Ctx): void {
    const before = this.#own.get(connection);
    this.#own.set(connection, own);
    for (const sa of this.#sas.chains()) {
      if (sa.name !== connection || sa.isDead) continue;
      ownAddressesChanged(sa, before, ctx);
      sa.afterwards(ctx);
    }
  }

  #wantChild(sa: IkeSa, name: string, up: boolean, ctx: Ctx): void {
    sa.missing.delete(name);
    if (up) sa.unwanted.delete(name);
    else sa.unwanted.add(name);
    const present = [...sa.children.values()].filter((c) => c.config.name === name && (c.state === 'installed' || c.state === 'rekeying'));
    if (up && present.length === 0) sa.missing.set(name, { at: ctx.now, wait: millis(0) });
    if (up) return;
    for (const child of present) {
      child.state = 'deleting';
      sa.exchanges.enqueue(deleteChildTask(child));
      sa.event({ type: 'child.closed', chain: sa.chain, connection: sa.name, child: name, reason: 'requested' }, ctx);
    }
  }

  // ---- initiating -----------------------------------------------------------------------------------------------------

  #initiate(name: string, paths: readonly Path[], ctx: Ctx): void {
    const connection = this.#connections.get(name);
    if (!connection || paths.length === 0 || this.isConnecting(name)) return;
    if (connection.children.length === 0) return ctx.emit({ type: 'event', event: { type: 'ike.failed', connection: name, reason: 'child_failed', detail: 'the connection has no child' } });
    this.#attempts.start(connection, paths, ctx);
  }

  #firstContact(connection: IkeConnection): boolean {
    // D5.3-3: with a sibling connection between the same identities it would kill the sibling's SA.
    const key = contactKey(connection);
    const siblings = [...this.#connections.values()].filter((c) => c.role === 'initiator' && contactKey(c) === key);
    if (this.#contacted.has(key) || siblings.length > 1) return false;
    return ![...this.#sas.chains()].some((sa) => sa.isEstablished && sa.name === connection.name);
  }

  // ---- receiving ------------------------------------------------------------------------------------------------------

  #packet(path: Path, datagram: Uint8Array, ctx: Ctx): void {
    // A keepalive or something else that is no IKE message ends here (NK-1).
    const message = path.local.port === 500 ? datagram : datagram.subarray(4);
    const header = decodeHeader(message);
    if (!header || header.spiI === 0n) return;
    if (header.majorVersion !== 2) {
      if (header.majorVersion > 2 && !header.isResponse) this.#notice(header, path, 'INVALID_MAJOR_VERSION', ctx);
      return;
    }
    const found = this.#sas.find(header);
    for (const sa of found) {
      const { state, setup } = sa;
      sa.inbox.receive(header, message, path, ctx);
      sa.touch();
      if (state === 'halfOpen' && sa.isDead && setup) this.#refused(setup.source, path, ctx);
      // Also when it was ended at once: it was the peer's.
      if (sa.establishedAt === undefined || !sa.attempt) continue;
      this.#attempts.established(sa, ctx);
      this.#noteContact(sa);
    }
    if (found.length > 0) return;
    if (header.isResponse) return;
    const farewell = this.#farewells.answer(header.fromOriginalInitiator ? header.spiR : header.spiI, message);
    if (farewell) return farewell.forEach((bytes) => this.#transmit(path, bytes, ctx));
    if (header.exchange === EXCHANGE.IKE_SA_INIT && header.spiR === 0n && header.messageId === 0 && header.fromOriginalInitiator) return this.#initRequest(header, message, path, ctx);
    // I2.21.4-1; a bare notify, such as a one-way INVALID_SPI, is never answered (I1.5-1).
    if (header.exchange !== EXCHANGE.IKE_SA_INIT && header.nextPayload !== PAYLOAD.N.code) this.#notice(header, path, 'INVALID_IKE_SPI', ctx);
  }

  #noteContact(sa: IkeSa): void {
    const connection = sa.connection;
    if (connection) this.#contacted.add(contactKey(connection));
  }

  /** A set-up that ended without an SA: from one that guesses keys, or one that is set up wrongly and asks too often (DOS-2). */
  #refused(source: string, path: Path, ctx: Ctx): void {
    if (!this.#refusals.note(source, ctx.now)) return;
    ctx.emit({ type: 'log', level: 'warn', text: `${path.remote.address}: ${REFUSALS_MOST} refused authentications in ${REFUSAL_TIME / 1000} s, not answered for the rest of that time` });
  }

  #initRequest(header: IkeHeader, message: Uint8Array, path: Path, ctx: Ctx): void {
    const source = sourceKey(path);
    if (this.#refusals.blocks(source, ctx.now)) return;
    // I2.1-3: duplicates are told apart by the whole packet, not by SPI or address.
    for (const sa of this.#sas.answered(header.spiI)) {
      if (!sa.setup || !sameBytes(sa.setup.request, message)) continue;
      if (sa.state === 'halfOpen') sa.transmit(path, [sa.setup.response], ctx);
      return;
    }
    const halfOpen = this.#sas.halfOpen(source);
    const chain = decodeChain(header.nextPayload, message, 28, message.length);
    if (chain.kind === 'critical') return this.#reply(header, path, [notify('UNSUPPORTED_CRITICAL_PAYLOAD', Uint8Array.of(chain.code))], ctx);
    if (chain.kind !== 'payloads') return;
    const ni = findPayload(chain.payloads, 'NONCE');
    if (!ni) return;
    const cookie = findNotify(chain.payloads, 'COOKIE');
    const proven = cookie !== undefined && this.#cookies.verify(cookie.data, path.remote.address, header.spiI, ni.data, ctx.now);
    if (!proven && (halfOpen.all >= COOKIE_ABOVE || halfOpen.ofSource >= COOKIE_ABOVE_PER_SOURCE))
      return this.#reply(header, path, [notify('COOKIE', this.#cookies.issue(path.remote.address, header.spiI, ni.data, ctx.now))], ctx);
    if (halfOpen.all >= HALF_OPEN_MOST || halfOpen.ofSource >= HALF_OPEN_PER_SOURCE || this.#sas.size >= IKE_SAS_MOST) return;
    const answer = respondInit(header, chain.payloads, message, path, this.#lastNumber + 1, source, ctx);
    if (!answer) return;
    if (answer.sa) {
      this.#lastNumber = Math.max(this.#lastNumber, answer.sa.chain);
      this.#sas.add(answer.sa);
      answer.sa.transmit(path, [answer.reply], ctx);
    } else this.#transmit(path, answer.reply, ctx);
  }

  #notice(header: IkeHeader, path: Path, name: 'INVALID_IKE_SPI' | 'INVALID_MAJOR_VERSION', ctx: Ctx): void {
    const second = Math.floor(ctx.now / 1000);
    if (this.#notices.second !== second) this.#notices = { second, sources: new Set() };
    const { sources } = this.#notices;
    const source = networkOf(path);
    if (sources.has(source) || sources.size >= NOTICES_PER_SECOND) return;
    sources.add(source);
    this.#reply(header, path, [notify(name)], ctx);
  }

  /** An unprotected answer that copies SPIs, message ID and exchange type (I1.5-1). */
  #reply(header: IkeHeader, path: Path, payloads: readonly Payload[], ctx: Ctx): void {
    this.#transmit(path, encodeMessage({
      spiI: header.spiI, spiR: header.spiR, majorVersion: 2, minorVersion: 0, exchange: header.exchange, fromOriginalInitiator: !header.fromOriginalInitiator,
      isResponse: true, messageId: header.messageId,
    }, payloads), ctx);
  }

  #transmit(path: Path, bytes: Uint8Array, ctx: Ctx): void {
    const marked = new Uint8Array(bytes.length + 4);
    marked.set(bytes, 4);
    ctx.emit({ type: 'packet.send', path, bytes: path.local.port === 500 ? bytes : marked });
  }

  /** I2.21.4-1: ESP that fits nothing, from where a peer of ours is: it is told inside the IKE SA, and may have forgotten to delete. */
  #unknownSpi(spi: number, local: Endpoint, remote: Endpoint, ctx: Ctx): void {
    // Offered, and the peer sends already: the answer is on its way.
    if (this.#childSpis.has(spi)) return;
    const freed = this.#lateSpis.get(spi);
    if (freed !== undefined && ctx.now < after(freed, LATE_ESP_TIME)) return;
    for (const sa of this.#sas.chains()) {
      if (!sa.isEstablished || !isEndOf(remote, sa.path.remote) || !isEndOf(local, sa.path.local)) continue;
      if (sa.toldInvalidSpi !== undefined && ctx.now < after(sa.toldInvalidSpi, INVALID_SPI_PAUSE)) return;
      sa.toldInvalidSpi = ctx.now;
      sa.exchanges.enqueue(invalidSpiTask(spi as ChildSpi));
      return sa.afterwards(ctx);
    }
  }

  #freeChildSpi(spi: ChildSpi): void {
    if (!this.#childSpis.delete(spi)) return;
    keepNewest(this.#lateSpis, spi, this.#now, LATE_SPIS_MOST);
  }

  // ---- numbers --------------------------------------------------------------------------------------------------------

  #newIkeSpi(): IkeSpi {
    for (;;) {
      const octets = this.#deps.entropy.bytes(8, 'ike-spi');
      const spi = BigInt(`0x${toHex(octets)}`);
      if (spi !== 0n && !this.#sas.hasLocal(spi)) return spi as IkeSpi;
    }
  }

  #newChildSpi(): ChildSpi {
    for (;;) {
      const octets = this.#deps.entropy.bytes(4, 'child-spi');
      const spi = new DataView(octets.buffer, octets.byteOffset, 4).getUint32(0);
      if (spi >= 256 && !this.#childSpis.has(spi) && !this.#lateSpis.has(spi)) { // NK-5; late ESP is not for a new SA
        this.#childSpis.add(spi);
        return spi as ChildSpi;
      }
    }
  }
}

/** Names the pair of identities of a connection; without a configured peer identity its addresses stand for it (I2.4-4, D5.3-3). */
function contactKey({ localId, remoteId, remoteAddrs }: IkeConnection): string {
  return `${localId?.text ?? ''}|${remoteId?.text ?? remoteAddrs.map((a) => (a.kind === 'name' ? a.name : a.address)).join()}`;
}
