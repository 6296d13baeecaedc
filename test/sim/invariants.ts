/**
 * Watches what every host sends, receives and asks for, and throws at the first broken invariant: a nonce or IV used
 * twice under one key, an ESP sequence that goes back, a second request while one is outstanding, a message ID that
 * goes back or is reused for other octets, clear text on an outer link, an SA used after its removal, an `opId` answered
 * twice or never. What concerns outer pairs is watched in pairs.ts.
 */
import { toHex } from '../../src/base/index.ts';
import type { Effect, Input } from '../../src/ports/index.ts';
import { holdsClearText, isEsp, isEspInUdp, type OuterPacket } from './packet.ts';
import { PairWatch } from './pairs.ts';

/** The fixed part of an IKE header (RFC 7296 §3.1) and the IV of an SK payload that comes first. */
export interface IkeSight {
  readonly spiI: string;
  /** Both SPIs: an SA of its own, with keys of its own. An initiator may follow two answers to one IKE_SA_INIT, which has no SA yet. */
  readonly sa: string;
  readonly exchange: number;
  readonly fromOriginalInitiator: boolean;
  readonly isResponse: boolean;
  readonly messageId: number;
  /** Hex of the 8-octet IV of AES-GCM (RFC 5282 §3.1); undefined for a clear message. */
  readonly iv: string | undefined;
  /** A piece of a message (RFC 7383 §2.5); 1 of 1: all of it. */
  readonly fragment: number;
  readonly total: number;
}

const PAYLOAD_SK = 46;
const PAYLOAD_SKF = 53;
const IKE_SA_INIT = 34;

/** Reads the IKE header of a datagram; undefined when it carries none. */
export function ikeSight(packet: OuterPacket): IkeSight | undefined {
  if (packet.protocol !== 'udp') return undefined;
  const marked = packet.source.port === 4500 || packet.destination.port === 4500;
  if (marked && isEspInUdp(packet)) return undefined;
  const at = marked ? 4 : 0;
  const { bytes } = packet;
  if (bytes.length < at + 28) return undefined;
  const octet = (offset: number): number => bytes[at + offset] ?? 0;
  const flags = octet(19);
  const isPiece = octet(16) === PAYLOAD_SKF;
  const ivAt = octet(16) === PAYLOAD_SK ? 32 : isPiece ? 36 : undefined;
  return {
    spiI: toHex(bytes.subarray(at, at + 8)),
    sa: toHex(bytes.subarray(at, at + (octet(18) === IKE_SA_INIT ? 8 : 16))),
    exchange: octet(18),
    fromOriginalInitiator: (flags & 0x08) !== 0,
    isResponse: (flags & 0x20) !== 0,
    messageId: ((octet(20) << 24) | (octet(21) << 16) | (octet(22) << 8) | octet(23)) >>> 0,
    iv: ivAt === undefined ? undefined : toHex(bytes.subarray(at + ivAt, at + ivAt + 8)),
    fragment: isPiece ? (octet(32) << 8) | octet(33) : 1,
    total: isPiece ? (octet(34) << 8) | octet(35) : 1,
  };
}

/** An unprotected answer outside an IKE SA, such as INVALID_IKE_SPI (RFC 7296 §1.5): it answers nothing. */
const isNotice = (ike: IkeSight): boolean => ike.isResponse && ike.iv === undefined && ike.exchange !== IKE_SA_INIT;

/** Length and FNV-1a of the octets: enough to tell retransmission from another message under one message ID. */
function digest(packet: OuterPacket): string {
  const { bytes } = packet;
  const start = packet.source.port === 4500 || packet.destination.port === 4500 ? 4 : 0;
  let h = 0x811c9dc5;
  for (let i = start; i < bytes.length; i++) h = Math.imul(h ^ (bytes[i] ?? 0), 0x01000193);
  return `${bytes.length - start}:${h >>> 0}`;
}

interface Requests {
  last: number;
  answered: boolean;
  /** When it was sent last. */
  at: number;
}

/** A request not sent for so long belongs to an SA that is gone: the current path is asked every 8 s at least. */
const GIVEN_UP = 20_000;

/** Watches one host through one life (from start to end of its process). */
export class Watch {
  readonly #host: string;
  readonly pairs: PairWatch;
  /** Outgoing ESP by SPI. */
  readonly #esp = new Map<string, { sequence: number; readonly ivs: Set<string> }>();
  readonly #ikeIvs = new Map<string, string>();
  readonly #requests = new Map<string, Requests>();
  readonly #messages = new Map<string, { total: number; readonly pieces: string[] }>();
  readonly #handles = new Map<number, { readonly spi: number; readonly direction: 'in' | 'out'; removed: boolean }>();
  readonly #open = new Map<string, string>();
  readonly #used = new Set<string>();

  constructor(host: string) {
    this.#host = host;
    this.pairs = new PairWatch(host);
  }

  /** SPIs of the SAs now installed, by direction, sorted. */
  spis(direction: 'in' | 'out'): string[] {
    return [...this.#handles.values()].filter((h) => !h.removed && h.direction === direction).map((h) => h.spi.toString(16)).sort();
  }

  /** Operations not answered yet. */
  get unanswered(): readonly string[] {
    return [...this.#open.entries()].map(([opId, type]) => `${type} ${opId}`);
  }

  /** True while a request of this host waits for its response; `now` on the clock of `sent`. */
  requestOutstanding(now: number): boolean {
    for (const r of this.#requests.values()) if (!r.answered && now - r.at < GIVEN_UP) return true;
    return false;
  }

  effect(effect: Effect): void {
    this.pairs.effect(effect);
    switch (effect.type) {
      case 'esp.sa.add':
        if (this.#handles.has(effect.sa.handle)) this.#broken(`SA handle ${effect.sa.handle} used twice`);
        this.#handles.set(effect.sa.handle, { spi: effect.sa.spi, direction: effect.sa.direction, removed: false });
        if (effect.sa.direction === 'out') this.#esp.delete(hexSpi(effect.sa.spi));
        return;
      case 'esp.sa.use':
      case 'esp.sa.remove': {
        const known = this.#handles.get(effect.handle);
        if (!known || known.removed) this.#broken(`${effect.type} of SA ${effect.handle}, which is not installed`);
        else if (effect.type === 'esp.sa.remove') known.removed = true;
        else if (known.direction === 'in') this.#broken(`esp.sa.use of inbound SA ${effect.handle}`);
        return;
      }
      case 'kernel.apply':
      case 'ubus.call':
      case 'ubus.subscribe':
      case 'ubus.listen':
      case 'mqtt.connect':
      case 'mqtt.publish':
      case 'probe.send':
      case 'resolver.resolve': {
        const id = `${effect.type.slice(0, effect.type.indexOf('.'))} ${effect.opId}`;
        if (this.#used.has(id)) this.#broken(`opId ${effect.opId} used twice (${effect.type})`);
        this.#used.add(id);
        this.#open.set(id, effect.type === 'mqtt.publish' || effect.type === 'mqtt.connect' ? `mqtt of ${effect.name}` : effect.type);
        return;
      }
      case 'mqtt.close':
        return this.#forget(`mqtt of ${effect.name}`);
      default:
    }
  }

  /** An input on its way to the core. */
  input(input: Input): void {
    switch (input.type) {
      case 'mqtt.connected':
      case 'kernel.applied':
      case 'ubus.answered':
      case 'mqtt.published':
      case 'probe.answered':
      case 'probe.failed':
      case 'resolver.answered': {
        const id = `${input.type.slice(0, input.type.indexOf('.'))} ${input.opId}`;
        if (!this.#open.delete(id)) this.#broken(`${input.type} for opId ${input.opId}, which is not open`);
        return;
      }
      case 'mqtt.closed':
        // Unanswered publishes of a closed connection are not answered.
        return this.#forget(`mqtt of ${input.name}`);
      default:
    }
  }

  #forget(type: string): void {
    for (const [id, of] of this.#open) if (of === type) this.#open.delete(id);
  }

  sent(packet: OuterPacket, now = 0): void {
    if (packet.protocol === 'raw' || holdsClearText(packet.bytes)) this.#broken(`clear text on an outer link: ${packet.protocol} ${packet.source.address} -> ${packet.destination.address}`);
    if (isEsp(packet)) this.#sentEsp(packet);
    if (packet.protocol === 'udp' && packet.bytes.length === 1) this.pairs.sentKeepalive(packet);
    const ike = ikeSight(packet);
    if (!ike) return;
    this.pairs.sentIke(packet, ike, now);
    this.#sentIke(ike, digest(packet), now);
  }

  received(packet: OuterPacket): void {
    const ike = ikeSight(packet);
    if (ike) this.pairs.receivedIke(packet, ike);
    if (!ike?.isResponse || isNotice(ike)) return;
    const requests = this.#requests.get(`${ike.sa}|${!ike.fromOriginalInitiator}`);
    if (requests?.last === ike.messageId) requests.answered = true;
  }

  #sentEsp(packet: OuterPacket): void {
    const { bytes } = packet;
    const spi = toHex(bytes.subarray(0, 4));
    const sequence = (((bytes[4] ?? 0) << 24) | ((bytes[5] ?? 0) << 16) | ((bytes[6] ?? 0) << 8) | (bytes[7] ?? 0)) >>> 0;
    this.pairs.sentEsp(packet, (((bytes[0] ?? 0) << 24) | ((bytes[1] ?? 0) << 16) | ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0)) >>> 0);
    const iv = toHex(bytes.subarray(8, 16));
    const known = this.#esp.get(spi);
    if (!known) {
      this.#esp.set(spi, { sequence, ivs: new Set([iv]) });
      return;
    }
    // ESN: only the low half is on the wire; it may wrap once in 2^32 packets.
    if (sequence <= known.sequence && known.sequence - sequence < 0x8000_0000) this.#broken(`ESP sequence of SPI ${spi} goes back: ${known.sequence} -> ${sequence}`);
    if (known.ivs.has(iv)) this.#broken(`ESP IV ${iv} used twice under SPI ${spi}`);
    known.sequence = sequence;
    known.ivs.add(iv);
  }

  #sentIke(ike: IkeSight, content: string, now: number): void {
    const side = `${ike.sa}|${ike.fromOriginalInitiator}`;
    if (ike.iv !== undefined) {
      const before = this.#ikeIvs.get(`${side}|${ike.iv}`);
      if (before !== undefined && before !== content) this.#broken(`IKE IV ${ike.iv} used twice under SPI ${ike.spiI}`);
      this.#ikeIvs.set(`${side}|${ike.iv}`, content);
    }
    if (isNotice(ike)) return;
    // RFC 7296 §2.1: a retransmission, and a repeated response, is the same octets; RFC 7383 §2.5.2: or more pieces than before.
    const message = `${side}|${ike.isResponse}|${ike.messageId}`;
    const known = this.#messages.get(message);
    const same = known?.total === ike.total ? known : undefined;
    const before = same?.pieces[ike.fragment];
    if (ike.exchange !== IKE_SA_INIT && ((before !== undefined && before !== content) || (known !== undefined && ike.total < known.total)))
      this.#broken(`message ID ${ike.messageId} of IKE SA ${ike.spiI} sent with other octets (${ike.isResponse ? 'response' : 'request'})`);
    const all = same ?? { total: ike.total, pieces: [] };
    all.pieces[ike.fragment] = content;
    this.#messages.set(message, all);
    if (ike.isResponse) return;
    const requests = this.#requests.get(side);
    if (requests) requests.at = now;
    if (!requests) this.#requests.set(side, { last: ike.messageId, answered: false, at: now });
    else if (ike.messageId < requests.last) this.#broken(`message ID of IKE SA ${ike.spiI} goes back: ${requests.last} -> ${ike.messageId}`);
    else if (ike.messageId > requests.last) {
      if (!requests.answered) this.#broken(`request ${ike.messageId} of IKE SA ${ike.spiI} while ${requests.last} is outstanding`);
      requests.last = ike.messageId;
      requests.answered = false;
    }
  }

  #broken(what: string): never {
    throw new Error(`broken invariant at ${this.#host}: ${what}`);
  }
}

function hexSpi(spi: number): string {
  return spi.toString(16).padStart(8, '0');
}
