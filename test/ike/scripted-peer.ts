/**
 * A peer that speaks raw IKE to one engine: it keeps its own message IDs, keys and SPIs and may break every rule with them. It shares
 * the codec and the key schedule with the engine, and nothing of `src/ike`: sealing, NAT detection and AUTH are computed here again.
 */
import assert from 'node:assert/strict';
import { ByteWriter, concat, ip, ipBytes, seconds, toUtf8, type Endpoint, type Path } from '../../src/base/index.ts';
import { nodeCrypto } from '../../src/adapters/node/crypto.ts';
import {
  decodeChain, decodeHeader, encodeHeader, encodeMessage, encodePayloads, EXCHANGE, findNotify, findPayload, findPayloads, idPayload, ID_TYPE, isErrorNotify, knownNotify, notify,
  payloadCode, type ExchangeName, type IkeHeader, type IkeSpi, type NotifyPayload, type Payload, type Proposal, type TrafficSelector,
} from '../../src/codec/ike/index.ts';
import { authOctets, DH_SECRET_OCTETS, ikeKeys, pskAuth, skeyseed, skeyseedRekey, type DhGroup, type DhPair, type IkeKeys } from '../../src/crypto/index.ts';
import { connection, HUB, on4500, Pair, path as routerPath, seededEntropy, WAN, type Side } from './pair.ts';

export const suite = nodeCrypto();

/** A message of the engine, opened. */
export interface Heard {
  readonly header: IkeHeader;
  readonly payloads: readonly Payload[];
  readonly bytes: Uint8Array;
  readonly path: Path;
  /** It came in an SK payload that opened. */
  readonly sealed: boolean;
  /** What SK held, without padding, and the type of its first payload. */
  readonly inside?: { readonly first: number; readonly bytes: Uint8Array };
}

export interface HeaderChange {
  readonly spiI?: bigint;
  readonly spiR?: bigint;
  readonly major?: number;
  readonly minor?: number;
  readonly exchange?: number;
  readonly fromOriginalInitiator?: boolean;
  readonly isResponse?: boolean;
  readonly messageId?: number;
}

/** What may be wrong with a sealed message. */
export interface SealChange extends HeaderChange {
  /** Payloads in front of SK, not encrypted. */
  readonly before?: readonly Payload[];
  /** Changes header and outer payloads before they are authenticated. */
  readonly tweak?: (head: Uint8Array) => void;
  /** Plaintext in place of the payloads' own, with the type of its first payload. */
  readonly plaintext?: { readonly first: number; readonly bytes: Uint8Array };
  /** Spoils the ICV. */
  readonly badIcv?: boolean;
  /** Octets of padding. */
  readonly padding?: number;
}

export const GCM256 = { type: 1, id: 20, keyLength: 256 } as const;
export const PRF_SHA256 = { type: 2, id: 5 } as const;
export const KE = (id: number): { type: number; id: number } => ({ type: 4, id });
export const ESN = { type: 5, id: 1 } as const;
export const NO_ESN = { type: 5, id: 0 } as const;

export const ikeOffer = (...groups: number[]): Proposal[] => [{ number: 1, protocol: 1, spi: new Uint8Array(), transforms: [GCM256, PRF_SHA256, ...groups.map(KE)] }];
export const espOffer = (spi: number, ...groups: number[]): Proposal[] => [{ number: 1, protocol: 3, spi: spi4(spi), transforms: [GCM256, ...groups.map(KE), ESN] }];
export const spi4 = (spi: number): Uint8Array => new ByteWriter(4).u32(spi).finish();
export const spi8 = (spi: bigint): Uint8Array => new ByteWriter(8).u64(spi).finish();
export const range = (start: string, end: string, protocol = 0, startPort = 0, endPort = 65535): TrafficSelector => ({ protocol, startPort, endPort, start: ip(start), end: ip(end) });
export const ROUTER_NET = range('10.1.0.0', '10.1.0.255');
export const HUB_NET = range('10.2.0.0', '10.2.0.255');
export const deleteEsp = (...spis: number[]): Payload => ({ type: 'D', protocol: 3, spiSize: 4, spis: spis.map(spi4) });
export const DELETE_IKE: Payload = { type: 'D', protocol: 1, spiSize: 0, spis: [] };
/** A notify whatever its rules say. */
export const rawNotify = (code: number, data: Uint8Array = new Uint8Array(), protocol = 0, spi: Uint8Array = new Uint8Array()): NotifyPayload => ({ type: 'N', protocol, spi, notify: code, data });
export const rekeySa = (spi: number): Payload => notify('REKEY_SA', undefined, { protocol: 3, spi: spi4(spi) });

/** Names of the notifies in a message, errors first. */
export const notifies = (heard: Heard | undefined): string[] => (heard?.payloads ?? []).flatMap((p) => (p.type === 'N' ? [knownNotify(p.notify) ?? String(p.notify)] : []));
export const errorsOf = (heard: Heard | undefined): string[] => (heard?.payloads ?? []).flatMap((p) => (p.type === 'N' && isErrorNotify(p.notify) ? [knownNotify(p.notify) ?? String(p.notify)] : []));

/** SHA-1 over SPIs, address and port, computed here on purpose. */
export function hash(spiI: bigint, spiR: bigint, endpoint: Endpoint): Uint8Array {
  return suite.hash('sha1', new ByteWriter(40).u64(spiI).u64(spiR).bytes(ipBytes(endpoint.address)).u16(endpoint.port).finish());
}

const PSK = 'a preshared key of some length';

export interface PeerOptions {
  readonly router?: Parameters<typeof connection>[1];
  readonly hub?: Parameters<typeof connection>[1];
  readonly psk?: string;
  readonly id?: string;
}

export class ScriptedPeer {
  readonly pair: Pair;
  /** The engine under test. */
  readonly side: Side;
  /** We sent the first IKE_SA_INIT. */
  readonly isInitiator: boolean;
  /** The I flag of the present IKE SA is ours. */
  original: boolean;
  spiI = 0n;
  spiR = 0n;
  keys: IkeKeys | undefined;
  dh: DhPair;
  ni: Uint8Array;
  nr: Uint8Array = new Uint8Array();
  initRequest: Uint8Array = new Uint8Array();
  initResponse: Uint8Array = new Uint8Array();
  /** Message ID of our next request. */
  nextId = 0;
  /** The engine's endpoint first, as it sees its datagrams. */
  path: Path;
  readonly psk: Uint8Array;
  readonly id: string;
  #entropy;
  #iv = 0n;
  #read = 0;

  /** @param against `hub`: we are its initiator; `router`: it initiates to us. */
  constructor(against: 'hub' | 'router', options: PeerOptions = {}, pair = new Pair('scripted', connection('initiator', options.router), connection('responder', options.hub))) {
    this.pair = pair;
    pair.drop = () => true;
    this.side = pair[against];
    this.isInitiator = against === 'hub';
    this.original = this.isInitiator;
    this.psk = toUtf8(options.psk ?? PSK);
    this.id = options.id ?? (this.isInitiator ? '192.0.2.10' : '203.0.113.1');
    this.#entropy = seededEntropy(`peer-${++peers}`);
    this.dh = this.newDh(31);
    this.ni = this.#entropy.bytes(32, 'nonce');
    this.path = against === 'hub' ? { uplink: 'eth0', ifindex: 9, local: { address: HUB, port: 500 }, remote: { address: WAN, port: 500 } } : routerPath('wan');
    this.#read = this.side.sent.length;
  }

  random(count: number): Uint8Array {
    return this.#entropy.bytes(count, 'random');
  }

  newDh(group: DhGroup): DhPair {
    return suite.dh(group, this.#entropy.bytes(DH_SECRET_OCTETS[group], 'dh'));
  }

  // ---- hearing --------------------------------------------------------------------------------------------------------

  /** Everything the engine sent since the last call; keepalives are left out. */
  hear(): Heard[] {
    const fresh = this.side.sent.slice(this.#read);
    this.#read = this.side.sent.length;
    return fresh.flatMap(({ path, bytes }) => this.open(path, bytes) ?? []);
  }

  /** The one message that the engine sent since the last call. */
  hearOne(): Heard {
    const heard = this.hear();
    assert.equal(heard.length, 1, `one message was to come, not ${heard.length}`);
    return heard[0] as Heard;
  }

  open(path: Path, datagram: Uint8Array): Heard | undefined {
    const bytes = path.local.port === 500 ? datagram : datagram.subarray(4);
    const header = decodeHeader(bytes);
    if (!header) return undefined;
    const outer = decodeChain(header.nextPayload, bytes, 28, bytes.length);
    if (outer.kind === 'malformed') throw new Error(`the engine sent a malformed message: ${outer.why}`);
    const sk = findPayload(outer.payloads, 'SK');
    if (!sk || !this.keys) return { header, payloads: outer.payloads, bytes, path, sealed: false };
    const key = this.original ? this.keys.skEr : this.keys.skEi;
    const plain = suite.aead('aes-gcm-16', key.subarray(0, -4)).open(concat(key.slice(-4), sk.body.subarray(0, 8)), bytes.subarray(0, sk.bodyOffset), sk.body.subarray(8));
    if (!plain) return { header, payloads: outer.payloads, bytes, path, sealed: false };
    const end = plain.length - 1 - (plain.at(-1) ?? 0);
    const inner = decodeChain(sk.firstInner, plain, 0, end);
    if (inner.kind === 'malformed') throw new Error(`the engine sealed a malformed message: ${inner.why}`);
    return { header, payloads: inner.payloads, bytes, path, sealed: true, inside: { first: sk.firstInner, bytes: plain.slice(0, end) } };
  }

  // ---- speaking -------------------------------------------------------------------------------------------------------

  #header(exchange: ExchangeName, isResponse: boolean, messageId: number, change: HeaderChange): Omit<IkeHeader, 'length' | 'nextPayload'> {
    return {
      spiI: (change.spiI ?? this.spiI) as IkeSpi, spiR: (change.spiR ?? this.spiR) as IkeSpi, majorVersion: change.major ?? 2, minorVersion: change.minor ?? 0,
      exchange: change.exchange ?? EXCHANGE[exchange], fromOriginalInitiator: change.fromOriginalInitiator ?? this.original, isResponse: change.isResponse ?? isResponse,
      messageId: change.messageId ?? messageId,
    };
  }

  plain(exchange: ExchangeName, isResponse: boolean, messageId: number, payloads: readonly Payload[], change: HeaderChange = {}): Uint8Array {
    return encodeMessage(this.#header(exchange, isResponse, messageId, change), payloads);
  }

  seal(exchange: ExchangeName, isResponse: boolean, messageId: number, payloads: readonly Payload[], change: SealChange = {}): Uint8Array {
    if (!this.keys) throw new Error('no keys yet');
    const inner = change.plaintext ?? encodePayloads(payloads);
    const padding = change.padding ?? 0;
    const text = concat(inner.bytes, new Uint8Array(padding), Uint8Array.of(padding));
    const before = change.before ?? [];
    const room = 8 + text.length + 16;
    const chain = encodePayloads([...before, { type: 'SK', firstInner: inner.first, body: new Uint8Array(room), bodyOffset: 0 }]).bytes;
    const head = concat(
      encodeHeader({ ...this.#header(exchange, isResponse, messageId, change), nextPayload: before[0] ? payloadCode(before[0]) : 46 }, 28 + chain.length),
      chain.subarray(0, chain.length - room),
    );
    change.tweak?.(head);
    const key = this.original ? this.keys.skEi : this.keys.skEr;
    const iv = spi8(this.#iv++);
    const sealed = suite.aead('aes-gcm-16', key.subarray(0, -4)).seal(concat(key.slice(-4), iv), head, text);
    const out = concat(head, iv, sealed);
    if (change.badIcv === true) out[out.length - 1] = (out.at(-1) ?? 0) ^ 1;
    return out;
  }

  /** Gives the engine a message, with marker where the port wants one. */
  deliver(bytes: Uint8Array, path = this.path): void {
    this.pair.deliver(this.side, path, path.local.port === 500 ? bytes : concat(new Uint8Array(4), bytes));
  }

  /** Sends a sealed request and returns what the engine sent upon it. */
  ask(exchange: ExchangeName, payloads: readonly Payload[], change: SealChange = {}, path = this.path): Heard[] {
    this.hear();
    this.deliver(this.seal(exchange, false, this.nextId++, payloads, change), path);
    return this.hear();
  }

  /** Asks and returns the answer, which must come first and be sealed. */
  answerTo(exchange: ExchangeName, payloads: readonly Payload[], change: SealChange = {}, path = this.path): Heard {
    const id = change.messageId ?? this.nextId;
    const [answer] = this.ask(exchange, payloads, change, path);
    assert.ok(answer?.header.isResponse && answer.sealed, 'a sealed answer');
    assert.equal(answer.header.messageId, id);
    return answer;
  }

  /** Answers a request of the engine. */
  reply(request: Heard, payloads: readonly Payload[], change: SealChange = {}, path = this.path): void {
    const name = (Object.keys(EXCHANGE) as ExchangeName[]).find((k) => EXCHANGE[k] === request.header.exchange) ?? 'INFORMATIONAL';
    this.deliver(this.seal(name, true, request.header.messageId, payloads, change), path);
  }

  // ---- setting up -----------------------------------------------------------------------------------------------------

  natPayloads(spiI: bigint, spiR: bigint, change: { readonly natted?: boolean } = {}): Payload[] {
    const toEngine = this.path.local;
    const fromUs = this.path.remote;
    return [
      notify('NAT_DETECTION_SOURCE_IP', hash(spiI, spiR, fromUs)),
      notify('NAT_DETECTION_DESTINATION_IP', hash(spiI, spiR, change.natted === true ? { address: ip('198.51.100.9'), port: 4501 } : toEngine)),
    ];
  }

  /** The payloads of our IKE_SA_INIT request. */
  initPayloads(): Payload[] {
    return [{ type: 'SA', proposals: ikeOffer(31, 19) }, { type: 'KE', group: this.dh.group, data: this.dh.publicValue }, { type: 'NONCE', data: this.ni }, ...this.natPayloads(this.spiI, 0n)];
  }

  /** Sends an IKE_SA_INIT request; returns what came back. */
  init(payloads?: readonly Payload[], change: HeaderChange = {}): Heard[] {
    this.hear();
    if (this.spiI === 0n) this.spiI = 0x1122334455660000n + BigInt(peers);
    this.initRequest = this.plain('IKE_SA_INIT', false, 0, payloads ?? this.initPayloads(), { spiR: 0n, ...change });
    this.deliver(this.initRequest);
    return this.hear();
  }

  /** Takes the engine's IKE_SA_INIT response: keys, then port 4500. */
  takeInit(answer: Heard): void {
    this.initResponse = answer.bytes;
    this.spiR = answer.header.spiR;
    const ke = findPayload(answer.payloads, 'KE');
    const nonce = findPayload(answer.payloads, 'NONCE');
    assert.ok(ke && nonce, `an IKE_SA_INIT answer with KE and nonce, not ${notifies(answer).join()}`);
    this.nr = nonce.data;
    this.derive(this.dh.derive(ke.data));
    this.path = on4500(this.path);
    this.nextId = 1;
  }

  derive(shared: Uint8Array | undefined): void {
    assert.ok(shared);
    this.keys = ikeKeys(suite, 'sha256', skeyseed(suite, 'sha256', this.ni, this.nr, shared), this.ni, this.nr, this.spiI, this.spiR, 36, 0);
    this.#iv = 0n;
  }

  /** Our ID and AUTH payloads. */
  authPayloads(change: { readonly method?: number; readonly wrong?: boolean; readonly id?: string } = {}): Payload[] {
    assert.ok(this.keys);
    const text = change.id ?? this.id;
    const address = text.includes('.') && !text.includes('example');
    const idType = address ? ID_TYPE.IPV4_ADDR : ID_TYPE.FQDN;
    const data = address ? ipBytes(ip(text)) : toUtf8(text);
    const mine = this.isInitiator ? idPayload('IDi', idType, data) : idPayload('IDr', idType, data);
    const octets = this.isInitiator
      ? authOctets(suite, 'sha256', this.initRequest, this.nr, this.keys.skPi, mine.body)
      : authOctets(suite, 'sha256', this.initResponse, this.ni, this.keys.skPr, mine.body);
    const auth = pskAuth(suite, 'sha256', this.psk, octets);
    if (change.wrong === true) auth[0] = (auth[0] ?? 0) ^ 1;
    return [mine, { type: 'AUTH', method: change.method ?? 2, data: auth }];
  }

  /** Checks the engine's AUTH payload. */
  verify(heard: Heard): void {
    assert.ok(this.keys);
    const id = findPayload(heard.payloads, this.isInitiator ? 'IDr' : 'IDi');
    const auth = findPayload(heard.payloads, 'AUTH');
    assert.ok(id && auth);
    const octets = this.isInitiator
      ? authOctets(suite, 'sha256', this.initResponse, this.ni, this.keys.skPr, id.body)
      : authOctets(suite, 'sha256', this.initRequest, this.nr, this.keys.skPi, id.body);
    assert.deepEqual(auth.data, pskAuth(suite, 'sha256', this.psk, octets));
  }

  childPayloads(spi = 0x1000): Payload[] {
    return [{ type: 'SA', proposals: espOffer(spi) }, { type: 'TSi', selectors: [ROUTER_NET] }, { type: 'TSr', selectors: [HUB_NET] }];
  }

  /** Sets the SA up with the engine as responder; our inbound ESP SPI is 0x1000. */
  connect(more: readonly Payload[] = [notify('MOBIKE_SUPPORTED')]): Heard {
    const [answer] = this.init();
    assert.ok(answer);
    this.takeInit(answer);
    const auth = this.answerTo('IKE_AUTH', [...this.authPayloads(), ...this.childPayloads(), ...more]);
    this.verify(auth);
    return auth;
  }

  /** Lets the engine initiate; returns its IKE_SA_INIT request. */
  initiated(): Heard {
    this.hear();
    this.pair.feed(this.side, { type: 'connection.initiate', connection: 'hq', paths: [routerPath('wan')] });
    return this.takeInitRequest(this.hearOne());
  }

  takeInitRequest(request: Heard): Heard {
    this.initRequest = request.bytes;
    this.spiI = request.header.spiI;
    const nonce = findPayload(request.payloads, 'NONCE');
    assert.ok(nonce);
    this.ni = nonce.data;
    return request;
  }

  /** Payloads of a right IKE_SA_INIT response. `natted`: the engine is told that it is behind a NAT. */
  initAnswer(change: { readonly natted?: boolean } = {}): Payload[] {
    if (this.nr.length === 0) this.nr = this.#entropy.bytes(32, 'nonce');
    return [
      { type: 'SA', proposals: ikeOffer(this.dh.group) }, { type: 'KE', group: this.dh.group, data: this.dh.publicValue }, { type: 'NONCE', data: this.nr },
      ...this.natPayloads(this.spiI, this.spiR, change),
    ];
  }

  /** Answers the engine's IKE_SA_INIT and returns its IKE_AUTH request, if one came. */
  answerInit(request: Heard, change: { readonly natted?: boolean } = {}): Heard[] {
    this.spiR = 0xaabbccdd00000000n + BigInt(peers);
    this.initResponse = this.plain('IKE_SA_INIT', true, 0, this.initAnswer(change));
    const ke = findPayload(request.payloads, 'KE');
    assert.ok(ke);
    this.derive(this.dh.derive(ke.data));
    this.hear();
    this.deliver(this.initResponse);
    this.path = on4500(this.path);
    return this.hear();
  }

  /** Sets the SA up with the engine as initiator; our inbound ESP SPI is 0x1000. Returns the engine's IKE_AUTH request. */
  accept(more: readonly Payload[] = [notify('MOBIKE_SUPPORTED')], change: { readonly natted?: boolean } = {}): Heard {
    const [auth] = this.answerInit(this.initiated(), change);
    assert.ok(auth?.sealed);
    this.verify(auth);
    this.reply(auth, [...this.authPayloads(), ...this.childAnswer(auth), ...more]);
    assert.equal(this.side.of('ike.established').length > 0, true, `established; ${this.side.logs.join('; ')}`);
    return auth;
  }

  /** The answer that takes the engine's child as it was offered. */
  childAnswer(request: Heard, spi = 0x1000): Payload[] {
    const offer = findPayload(request.payloads, 'SA')?.proposals[0];
    const first = (type: number): Proposal['transforms'] => offer?.transforms.filter((t) => t.type === type).slice(0, 1) ?? [];
    return [
      { type: 'SA', proposals: [{ number: 1, protocol: 3, spi: spi4(spi), transforms: [...first(1), ...first(4), ...first(5)] }] },
      ...findPayloads(request.payloads, 'TSi'), ...findPayloads(request.payloads, 'TSr'),
    ];
  }

  get chain(): number {
    return this.side.of('ike.established').at(-1)?.chain ?? -1;
  }

  /** The engine's inbound ESP SPI in an answer or request. */
  static espSpi(heard: Heard | undefined): number {
    const spi = findPayload(heard?.payloads ?? [], 'SA')?.proposals[0]?.spi;
    return spi?.length === 4 ? new DataView(spi.buffer, spi.byteOffset).getUint32(0) : 0;
  }

  /** From here on with the keys of a rekeyed IKE SA. */
  follow(asInitiator: boolean, spiI: bigint, spiR: bigint, ni: Uint8Array, nr: Uint8Array, shared: Uint8Array): void {
    assert.ok(this.keys);
    this.keys = ikeKeys(suite, 'sha256', skeyseedRekey(suite, 'sha256', this.keys.skD, shared, ni, nr), ni, nr, spiI, spiR, 36, 0);
    this.original = asInitiator;
    this.spiI = spiI;
    this.spiR = spiR;
    this.nextId = 0;
    this.#iv = 0n;
  }

  get closed(): string[] {
    return this.side.of('ike.closed').map((e) => e.reason);
  }

  /** Virtual time passes; what the engine sends meanwhile is dropped, and heard. */
  wait(ms: number): void {
    this.pair.runFor(seconds(ms / 1000));
  }
}

let peers = 0;

export { findNotify, findPayload, findPayloads, notify };
