import { randomBytes, randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import type { Socket } from 'node:net';
import { ipBytes, ipFamily, millis, unreachable, type IpAddress, type IpFamily, type ProbeFailure, type ProbeTarget } from '../../base/index.ts';
import { decodeAnswer, encodeQuery } from '../../codec/dns/index.ts';
import { decodeHead, encodeGet, MOST_HEAD, pageOf } from '../../codec/http/index.ts';
import type { EffectOf, Input, Port, ProbeEffect } from '../../ports/index.ts';
import type { NativeHost } from './native.ts';
import type { TcpTarget } from './tcp.ts';

/** Probes at a time; the core has one for each uplink. Beyond it a probe fails at once. */
const MOST_PROBES = 64;
const DNS_PORT = 53;
/** Identifier, sequence number and data of an echo request. */
const ECHO_OCTETS = 20;
const ANSWERED = 'answered';

interface Outcome {
  readonly why: typeof ANSWERED | ProbeFailure;
  readonly errno?: number;
}
type Send = EffectOf<'probe.send'>;

export interface ProbeSetup {
  /** Sends one echo request with these random octets; 0 when its reply came, else an errno. Aborted: no answer. */
  readonly echo: (remote: IpAddress, local: IpAddress, ifindex: number, mark: number, token: Uint8Array, signal: AbortSignal, done: (errno: number) => void) => void;
  /** A UDP socket as a descriptor that belongs to the receiver, bound to device and address and marked; or a negative errno. */
  readonly openUdp: (family: IpFamily, ifindex: number, mark: number, local: IpAddress) => number;
  readonly connectTcp: (target: TcpTarget, signal: AbortSignal) => Promise<Socket>;
  readonly resolver: Port<EffectOf<'resolver.resolve'>>;
  /** For tests: the port of name servers. */
  readonly dnsPort?: number;
}

/** The echo of a setup over the addon. */
export function nativeEcho(native: NativeHost): ProbeSetup['echo'] {
  return (remote, local, ifindex, mark, token, signal, done) => {
    const id = native.addon.icmpEcho(native.handle, ipBytes(remote), ipBytes(local), ifindex, mark, token);
    if (id < 0) return done(-id);
    const abort = (): void => {
      native.watchIcmp(id, undefined);
      if (!native.closed) native.addon.icmpCancel(native.handle, id);
    };
    signal.addEventListener('abort', abort, { once: true });
    native.watchIcmp(id, (errno) => {
      signal.removeEventListener('abort', abort);
      done(errno);
    });
  };
}

const errnoOf = (error: unknown): number | undefined => {
  const errno = error instanceof Error ? (error as NodeJS.ErrnoException).errno : undefined;
  return errno === undefined ? undefined : Math.abs(errno);
};

/** What the kernel says of a probe: refused by somebody, silence, or that it could not be sent. */
function failure(error: unknown): Outcome {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  const errno = errnoOf(error);
  const why = code === 'ECONNREFUSED' || code === 'ECONNRESET' ? 'refused' : code === 'ETIMEDOUT' ? 'no_answer' : 'unsendable';
  return errno === undefined ? { why } : { why, errno };
}

/** One probe on its way. `signal` ends everything it has open. */
class Probe {
  readonly #setup: ProbeSetup;
  readonly #effect: Send;
  readonly #signal: AbortSignal;
  readonly #done: (outcome: Outcome) => void;

  constructor(setup: ProbeSetup, effect: Send, signal: AbortSignal, done: (outcome: Outcome) => void) {
    this.#setup = setup;
    this.#effect = effect;
    this.#signal = signal;
    this.#done = done;
  }

  start(): void {
    const { target } = this.#effect;
    switch (target.type) {
      case 'icmp':
        return this.#echo(target.address);
      case 'dns':
        return this.#question(target.address, target.name);
      case 'tcp':
        return this.#connect(target.address, target.port, (socket) => {
          socket.destroy();
          this.#done({ why: ANSWERED });
        });
      case 'http':
        return target.address === undefined ? this.#resolve(target) : this.#get(target.address, target);
      default:
        return unreachable(target);
    }
  }

  #echo(remote: IpAddress): void {
    const { local, ifindex, mark } = this.#effect;
    if (local === undefined) return this.#done({ why: 'unsendable' });
    this.#setup.echo(remote, local, ifindex, mark, randomBytes(ECHO_OCTETS), this.#signal, (errno) => this.#done(errno === 0 ? { why: ANSWERED } : { why: 'unsendable', errno }));
  }

  /** A socket, and so a random source port, of its own (RFC 5452 §9.2), connected: the kernel drops what other hosts send. */
  #question(server: IpAddress, name: string): void {
    const { local, ifindex, mark } = this.#effect;
    const question = { id: randomInt(0x10000), name, type: 'A' as const };
    const query = encodeQuery(question);
    const family = ipFamily(server);
    const fd = local === undefined || !query.ok ? -1 : this.#setup.openUdp(family, ifindex, mark, local);
    if (!query.ok || fd < 0) return this.#done({ why: 'unsendable', errno: -fd });
    const socket = createSocket(family === 4 ? 'udp4' : 'udp6');
    let open = true;
    const close = (): void => {
      if (open) socket.close();
      open = false;
    };
    this.#signal.addEventListener('abort', close, { once: true });
    const failed = (error: unknown): void => {
      if (open) this.#done(failure(error));
    };
    socket.on('error', failed);
    socket.on('message', (bytes) => {
      // Anything that answers our question shows that the way there is open, also NXDOMAIN and REFUSED.
      if (open && decodeAnswer(bytes, question).kind !== 'drop') this.#done({ why: ANSWERED });
    });
    socket.bind({ fd }, () => {
      if (!open) return;
      socket.connect(this.#setup.dnsPort ?? DNS_PORT, server, (error?: Error) => {
        if (error) failed(error);
        else if (open) socket.send(query.value, (late) => void (late && failed(late)));
      });
    });
  }

  #connect(address: IpAddress, port: number, connected: (socket: Socket) => void): void {
    const { local, ifindex, mark, timeout } = this.#effect;
    this.#setup.connectTcp({ address, port, ifindex, mark, userTimeoutMs: timeout, local }, this.#signal).then(
      (socket) => {
        socket.on('error', (error) => this.#done(failure(error)));
        if (this.#signal.aborted) socket.destroy();
        else connected(socket);
      },
      (error: unknown) => this.#done(failure(error)),
    );
  }

  #resolve(target: Extract<ProbeTarget, { type: 'http' }>): void {
    const { opId, servers, ifindex, mark } = this.#effect;
    this.#setup.resolver.perform({ type: 'resolver.resolve', opId, name: target.host, servers, ifindex, mark }, (input) => {
      if (input.type !== 'resolver.answered' || this.#signal.aborted) return;
      const [address] = input.addresses;
      if (address === undefined) this.#done({ why: 'no_name' });
      else this.#get(address, target);
    });
  }

  #get(address: IpAddress, target: Extract<ProbeTarget, { type: 'http' }>): void {
    this.#connect(address, target.port, (socket) => {
      let bytes = Buffer.alloc(0);
      const close = (): void => void socket.destroy();
      this.#signal.addEventListener('abort', close, { once: true });
      socket.on('close', () => this.#done({ why: 'wrong_answer' }));
      socket.on('data', (chunk: Buffer) => {
        bytes = Buffer.concat([bytes, chunk.subarray(0, MOST_HEAD - bytes.length)]);
        const head = decodeHead(bytes);
        if (head.kind === 'more') return;
        const page = head.kind === 'head' ? pageOf(head) : 'other';
        this.#done({ why: page === 'no_content' ? ANSWERED : page === 'portal' ? 'captive_portal' : 'wrong_answer' });
      });
      socket.write(encodeGet(target.host, target.port, target.path));
    });
  }
}

/** Probes of uplinks: each through its device, from its address, with its mark, and over by its time-out. */
export function createProbePort(setup: ProbeSetup): Port<ProbeEffect> {
  const running = new Map<number, (outcome: Outcome | undefined) => void>();

  function send(effect: Send, deliver: (input: Input) => void): void {
    const { opId, timeout } = effect;
    if (running.size >= MOST_PROBES) return deliver({ type: 'probe.failed', opId, why: 'unsendable' });
    const abort = new AbortController();
    const start = performance.now();
    const end = (outcome: Outcome | undefined): void => {
      if (!running.delete(opId)) return;
      clearTimeout(timer);
      abort.abort();
      if (outcome === undefined) return;
      const { why, errno } = outcome;
      if (why === ANSWERED) deliver({ type: 'probe.answered', opId, took: millis(performance.now() - start) });
      else deliver({ type: 'probe.failed', opId, why, ...(errno === undefined || errno === 0 ? {} : { errno }) });
    };
    const timer = setTimeout(() => end({ why: 'no_answer' }), timeout);
    running.set(opId, end);
    new Probe(setup, effect, abort.signal, end).start();
  }

  return {
    perform(effect, deliver) {
      switch (effect.type) {
        case 'probe.send':
          return send(effect, deliver);
        case 'probe.cancel':
          return running.get(effect.opId)?.({ why: 'no_answer' });
        default:
          return unreachable(effect);
      }
    },
    close() {
      for (const end of [...running.values()]) end(undefined);
    },
  };
}
