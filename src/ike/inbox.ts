import { sameBytes, samePath, type Path } from '../base/index.ts';
import { decodeChain, EXCHANGE, findNotify, findPayload, notify, type DecodedChain, type IkeHeader, type Payload, type PayloadOf } from '../codec/ike/index.ts';
import { mayBeAt } from './address-policy.ts';
import { MESSAGE_IDS_SOFT } from './constants.ts';
import type { Ctx } from './context.ts';
import { leastLimit, messageLimit, Reassembly } from './fragments.ts';
import type { IkeSa } from './ike-sa.ts';
import { checkRules, fatalNotify } from './message-rules.ts';
import { respondAuth } from './tasks/ike-auth.ts';
import { respondCreateChild } from './tasks/child-create.ts';
import { onInitMessage } from './tasks/ike-init.ts';
import { conclude } from './tasks/ike-rekey.ts';
import { deletesIke, respondInformational } from './tasks/informational.ts';

/** The last request of the peer, or its first fragment, and the datagrams it was answered with. */
export interface Answered {
  readonly request: Uint8Array;
  readonly response: readonly Uint8Array[];
}

/**
 * What arrives for one IKE SA, from the datagram to the task that acts on it. The peer's window is 1 (RFC 7296 §2.3): one message ID is
 * expected, the one before it is answered again with the same octets, everything else is dropped. Nothing changes before the ICV is checked.
 */
export class Inbox {
  readonly #sa: IkeSa;
  /** Message ID of the peer's next request. */
  expectedId = 0;
  #answered: Answered | undefined;
  readonly #requestPieces = new Reassembly();
  readonly #responsePieces = new Reassembly();
  /** The first fragment of the request that is being joined. */
  #firstPiece: Uint8Array | undefined;

  constructor(sa: IkeSa) {
    this.#sa = sa;
  }

  /** For those who did not hear the last answer, when the SA is gone. */
  get answered(): Answered | undefined {
    return this.#answered;
  }

  /** Sends the answer to the last request over another path, too. */
  answerFrom(path: Path, ctx: Ctx): void {
    if (this.#answered) this.#sa.transmit(path, this.#answered.response, ctx);
  }

  /** The responder of IKE_SA_INIT expects IKE_AUTH, message ID 1, next (I2.2-1). */
  expectAuth(): void {
    this.expectedId = 1;
  }

  /** Handles a message whose SPIs are ours. `message` is without marker and belongs to the caller. */
  receive(header: IkeHeader, message: Uint8Array, path: Path, ctx: Ctx): void {
    const sa = this.#sa;
    if (sa.isDead || header.fromOriginalInitiator === sa.originalInitiator) return;
    const outer = decodeChain(header.nextPayload, message, 28, message.length);
    if (header.exchange === EXCHANGE.IKE_SA_INIT) {
      if (header.isResponse && outer.kind === 'payloads' && sa.state === 'initSent') onInitMessage(sa, header, outer.payloads, message, path, ctx);
      return;
    }
    if (!sa.hasKeys || outer.kind === 'malformed') return;
    const skf = findPayload(outer.payloads, 'SKF');
    if (skf) return this.#fragment(header, message, skf, path, ctx);
    const sk = findPayload(outer.payloads, 'SK');
    if (!sk) {
      if (outer.kind === 'payloads' && header.isResponse) this.#unprotectedResponse(header, outer.payloads, ctx);
      return;
    }
    // What stands before SK is authenticated with it, but means nothing unless it is critical (I2.5-2, I2.5-3).
    const open = (): DecodedChain | undefined => {
      const inner = sa.keyed().protection.open(message, sk);
      return inner?.kind === 'payloads' && outer.kind === 'critical' ? { ...outer, payloads: inner.payloads } : inner;
    };
    if (header.isResponse) this.#response(header, open, path, ctx);
    else this.#request(header, message, open, messageLimit(path), path, ctx);
  }

  /** One piece of a message (RFC 7383 §2.6). It is kept only when its ICV is right and somebody waits for the message. */
  #fragment(header: IkeHeader, message: Uint8Array, skf: PayloadOf<'SKF'>, path: Path, ctx: Ctx): void {
    const sa = this.#sa;
    if (!sa.fragmentation) return;
    const { protection } = sa.keyed();
    if (!header.isResponse && this.#answered && header.messageId === this.expectedId - 1) {
      // FR2.6-2: the first piece alone brings the answer again, also when the peer cut the request up only after it went unanswered.
      if (skf.fragment === 1 && (sameBytes(this.#answered.request, message) || protection.openFragment(message, skf))) sa.transmit(path, this.#answered.response, ctx);
      return;
    }
    const wanted = header.isResponse ? sa.exchanges.outstanding?.messageId === header.messageId : header.messageId === this.expectedId && this.#mayAsk(header.exchange);
    const pieces = header.isResponse ? this.#responsePieces : this.#requestPieces;
    if (!wanted || !pieces.wants(header.messageId, skf.fragment, skf.total, ctx.now)) return;
    const piece = protection.openFragment(message, skf);
    if (!piece) return;
    if (!header.isResponse && piece.number === 1) this.#firstPiece = message.slice();
    const whole = pieces.take(header.messageId, piece, message.length, ctx.now);
    if (!whole) return;
    if (header.isResponse) return this.#response(header, () => whole, path, ctx);
    // What the peer sends in small pieces had to be small: so is the answer (FR2.5.1-1).
    const limit = Math.min(messageLimit(path), Math.max(pieces.largest, leastLimit(path)));
    this.#request(header, this.#firstPiece ?? message, () => whole, limit, path, ctx);
    this.#firstPiece = undefined;
  }

  /** I2.4-2, I2.21.4-1: an unprotected notice is a hint to check, and changes nothing. */
  #unprotectedResponse(header: IkeHeader, payloads: readonly Payload[], ctx: Ctx): void {
    const sa = this.#sa;
    const request = sa.exchanges.outstanding;
    if (!request || request.messageId !== header.messageId || request.unreachableTold || !sa.isEstablished) return;
    if (!findNotify(payloads, 'INVALID_IKE_SPI')) return;
    // The peer asked for this SA and has not heard our answer yet; it asks again.
    if (sa.predecessor && !sa.predecessor.isDead) return;
    request.unreachableTold = true;
    sa.event({ type: 'ike.unreachable', chain: sa.chain, connection: sa.name, hint: 'invalid_ike_spi' }, ctx);
  }

  #response(header: IkeHeader, open: () => DecodedChain | undefined, path: Path, ctx: Ctx): void {
    const sa = this.#sa;
    const outstanding = sa.exchanges.outstanding;
    if (!outstanding || outstanding.messageId !== header.messageId || EXCHANGE[outstanding.task.exchange] !== header.exchange) return;
    const inner = open();
    if (!inner) return;
    sa.heard(path, ctx);
    sa.lastAnswer = ctx.now;
    const done = sa.exchanges.complete(header.messageId, path, ctx);
    if (!done) return;
    if (inner.kind === 'malformed') {
      done.request.task.release?.(ctx);
      // I2.21-1: no error goes back, but a bad SA is deleted.
      if (sa.isEstablished) sa.shutDown('invalid_syntax', ctx, `malformed response: ${inner.why}`);
      else sa.close('invalid_syntax', `malformed response: ${inner.why}`, ctx);
      return;
    }
    // A response that we must not understand in part is a request that failed as a whole.
    const payloads = inner.kind === 'payloads' ? inner.payloads : [notify('UNSUPPORTED_CRITICAL_PAYLOAD', Uint8Array.of(inner.code))];
    const fatal = header.exchange === EXCHANGE.IKE_AUTH ? undefined : fatalNotify(payloads);
    if (fatal) {
      done.request.task.release?.(ctx);
      return sa.close(fatal, `the peer answered with ${fatal}`, ctx);
    }
    const broken = checkRules(header.exchange, payloads);
    if (broken) sa.log('warn', `response: ${broken}`, ctx);
    // While we end the SA an answer only makes room for the Delete; but a successor that the peer made must be ended as well.
    if (sa.state !== 'deleting' || done.request.task.kind === 'ikeDelete' || done.request.task.kind === 'ikeRekey')
      done.request.task.onResponse(sa, broken ? payloads.filter((p) => p.type === 'N') : payloads, done.answer, ctx);
    else done.request.task.release?.(ctx);
    sa.afterwards(ctx);
  }

  /** `limit`: octets of an answer in one piece. */
  #request(header: IkeHeader, message: Uint8Array, open: () => DecodedChain | undefined, limit: number, path: Path, ctx: Ctx): void {
    const sa = this.#sa;
    // Before anything is opened: a repeated request gets the stored answer, to where this copy came from (I2.1-2).
    if (this.#answered && sameBytes(this.#answered.request, message)) {
      sa.transmit(path, this.#answered.response, ctx);
      return;
    }
    if (header.messageId !== this.expectedId || !this.#mayAsk(header.exchange)) return;
    const inner = open();
    if (!inner) return;
    sa.heard(path, ctx);
    const respond = (payloads: readonly Payload[]): void => {
      const response = sa.seal(header.exchange, header.messageId, true, payloads, limit);
      this.#answered = { request: message.slice(), response };
      sa.transmit(path, response, ctx);
    };
    if (this.expectedId++ === MESSAGE_IDS_SOFT) sa.timers.set('softLifetime', ctx.now);
    if (inner.kind === 'critical') {
      respond([notify('UNSUPPORTED_CRITICAL_PAYLOAD', Uint8Array.of(inner.code))]);
      if (sa.state === 'halfOpen') sa.die(ctx);
      return;
    }
    const broken = inner.kind === 'malformed' ? inner.why : checkRules(header.exchange, inner.payloads);
    if (broken !== undefined || inner.kind === 'malformed') {
      respond([notify('INVALID_SYNTAX')]);
      if (sa.state === 'halfOpen') sa.log('warn', `malformed request: ${broken ?? ''}`, ctx);
      sa.close('invalid_syntax', `malformed request: ${broken ?? ''}`, ctx);
      return;
    }
    this.#dispatch(header, inner.payloads, path, respond, ctx);
    sa.afterwards(ctx);
  }

  /** Before the SA is up only IKE_AUTH may be asked; what comes too early comes again, so its message ID is not used up (I1.4-1). */
  #mayAsk(exchange: number): boolean {
    return this.#sa.state === 'halfOpen' ? exchange === EXCHANGE.IKE_AUTH : this.#sa.establishedAt !== undefined;
  }

  #dispatch(header: IkeHeader, payloads: readonly Payload[], path: Path, respond: (payloads: readonly Payload[]) => void, ctx: Ctx): void {
    const sa = this.#sa;
    if (sa.state === 'halfOpen') return respondAuth(sa, payloads, path, respond, ctx);
    // A peer that uses its successor has decided; that it deletes it is no use.
    if (sa.state === 'undecided' && sa.predecessor && !deletesIke(payloads)) conclude(sa.predecessor, ctx);
    this.#followWithoutMobike(path, ctx);
    switch (header.exchange) {
      case EXCHANGE.CREATE_CHILD_SA:
        return respondCreateChild(sa, payloads, respond, ctx);
      case EXCHANGE.INFORMATIONAL:
        return respondInformational(sa, header.messageId, payloads, path, respond, ctx);
      default: // I2.21.3-1: both sides drop the SA
        respond([notify('INVALID_SYNTAX')]);
        return sa.close('invalid_syntax', `a request of exchange type ${header.exchange}`, ctx);
    }
  }

  /** I2.23-3: without MOBIKE the side that is not behind a NAT follows the other's address. */
  #followWithoutMobike(path: Path, ctx: Ctx): void {
    const sa = this.#sa;
    if (!sa.isEstablished || sa.mobility.supported || sa.natLocal || !sa.natRemote || samePath(path, sa.path) || !mayBeAt(sa.connection, path)) return;
    const from = sa.path;
    sa.path = path;
    ctx.emit({ type: 'bundle.path', bundle: sa.chain, path, encapsulation: sa.encapsulation, opensPinhole: false });
    sa.exchanges.retarget(from, ctx);
  }
}
