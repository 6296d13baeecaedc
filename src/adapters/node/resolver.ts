import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { ipFamily, millis, parseIp, seconds } from '../../base/index.ts';
import type { IpAddress, IpFamily, Millis } from '../../base/index.ts';
import { canonicalName, decodeAnswer, encodeQuery } from '../../codec/dns/index.ts';
import type { AddressType, DnsAnswer, DnsQuestion } from '../../codec/dns/index.ts';
import type { EffectOf, Port } from '../../ports/index.ts';
import type { TcpTarget } from './tcp.ts';

type ResolveEffect = EffectOf<'resolver.resolve'>;

/** Everything about one name, both families, ends within this. */
const TOTAL_MS = 5000;
/** Servers asked, and how often each. */
const MOST_SERVERS = 3;
const ROUNDS = 2;
/** Addresses of one family are here and those of the other are not: so long they are waited for (some servers never answer AAAA). */
const OTHER_FAMILY_MS = 300;
/** Names resolved at a time; the daemon asks about one for each connection and broker. */
const MOST_RESOLUTIONS = 64;
/** How long an address out of the hosts file is good for. */
const HOSTS_TTL: Millis = seconds(60);
const DNS_PORT = 53;

export interface ResolverSetup {
  /**
   * A UDP socket of that family as a descriptor that belongs to the receiver, bound to the device and marked; or a
   * negative errno. Without it, questions bound to a device go over TCP (RFC 7766 §5: every server answers there).
   */
  readonly openUdp?: (family: IpFamily, ifindex: number, mark: number) => number;
  readonly connectTcp: (target: TcpTarget, signal: AbortSignal) => Promise<Socket>;
  /** Read again for every name; tests put their own in place. */
  readonly hostsFile?: string;
  readonly resolvConf?: string;
  readonly port?: number;
}

function lines(path: string): string[][] {
  let content: string;
  try {
    content = readFileSync(path, 'utf8');
  } catch {
    return [];
  }
  return content.split('\n').map((line) => {
    const cut = (line.split('#')[0] ?? '').split(';')[0] ?? '';
    return cut.replaceAll('\t', ' ').replaceAll('\r', ' ').split(' ').filter((word) => word !== '');
  });
}

function hostsAddresses(path: string, name: string): IpAddress[] {
  const found: IpAddress[] = [];
  for (const [first = '', ...names] of lines(path)) {
    const address = parseIp(first);
    if (address !== undefined && !found.includes(address) && names.some((word) => canonicalName(word) === name)) found.push(address);
  }
  return found;
}

function confServers(path: string): IpAddress[] {
  const found: IpAddress[] = [];
  for (const [first, second = ''] of lines(path)) {
    const address = first === 'nameserver' ? parseIp(second) : undefined; // one with a zone is left out
    if (address !== undefined) found.push(address);
  }
  return found;
}

/** Asks one server one question until it is answered or the resolution is over. */
class Ask {
  readonly #setup: ResolverSetup;
  readonly #effect: ResolveEffect;
  readonly #signal: AbortSignal;
  readonly #type: AddressType;
  /** Gets every answer that belongs to the question, and a `failed` when the way to the server does. */
  readonly #answered: (answer: DnsAnswer) => void;

  constructor(setup: ResolverSetup, effect: ResolveEffect, type: AddressType, signal: AbortSignal, answered: (answer: DnsAnswer) => void) {
    this.#setup = setup;
    this.#effect = effect;
    this.#type = type;
    this.#signal = signal;
    this.#answered = answered;
  }

  start(server: IpAddress): void {
    const { ifindex, mark } = this.#effect;
    const bound = ifindex !== 0 || mark !== 0;
    if (bound && !this.#setup.openUdp) this.#overTcp(server);
    else this.#overUdp(server, bound);
  }

  #question(): { readonly question: DnsQuestion; readonly query: Uint8Array } | undefined {
    const question = { id: randomInt(0x10000), name: this.#effect.name, type: this.#type };
    const query = encodeQuery(question);
    if (query.ok) return { question, query: query.value };
    this.#answered({ kind: 'failed', why: query.error, final: true });
    return undefined;
  }

  #failed(why: string): void {
    if (!this.#signal.aborted) this.#answered({ kind: 'failed', why, final: false });
  }

  /** A socket, and so a random source port, of its own for each question (RFC 5452 §9.2). */
  #overUdp(server: IpAddress, bound: boolean): void {
    const asked = this.#question();
    if (!asked) return;
    const { ifindex, mark } = this.#effect;
    const family = ipFamily(server);
    const socket = createSocket(family === 4 ? 'udp4' : 'udp6');
    let open = true;
    const close = (): void => {
      if (open) socket.close();
      open = false;
    };
    this.#signal.addEventListener('abort', close, { once: true });
    const give = (answer: DnsAnswer): void => {
      this.#signal.removeEventListener('abort', close);
      close();
      if (this.#signal.aborted) return;
      if (answer.kind === 'truncated') this.#overTcp(server);
      else this.#answered(answer);
    };
    socket.on('error', (error) => give({ kind: 'failed', why: `${server}: ${error.message}`, final: false }));
    socket.on('message', (bytes) => {
      const answer = decodeAnswer(bytes, asked.question);
      if (answer.kind !== 'drop') give(answer);
    });
    const send = (): void => {
      if (!open) return;
      // Connected: the kernel drops what other hosts send, and tells of refusals.
      const sent = (error?: Error | null): void => {
        if (error) give({ kind: 'failed', why: `${server}: ${error.message}`, final: false });
      };
      socket.connect(this.#setup.port ?? DNS_PORT, server, (error?: Error) => {
        if (error || !open) sent(error);
        else socket.send(asked.query, sent);
      });
    };
    if (!bound) return send();
    const fd = this.#setup.openUdp?.(family, ifindex, mark) ?? -1;
    if (fd < 0) return give({ kind: 'failed', why: `no socket on device ${ifindex}: errno ${-fd}`, final: false });
    socket.bind({ fd }, send);
  }

  /** RFC 7766 §8: each message behind its length in two octets. */
  #overTcp(server: IpAddress): void {
    const asked = this.#question();
    if (!asked) return;
    const { ifindex, mark } = this.#effect;
    const target = { address: server, port: this.#setup.port ?? DNS_PORT, ifindex, mark, userTimeoutMs: TOTAL_MS };
    this.#setup.connectTcp(target, this.#signal).then((socket) => {
      let bytes = Buffer.alloc(0);
      let over = false;
      const close = (): void => void socket.destroy();
      const give = (answer: DnsAnswer): void => {
        if (over) return;
        over = true;
        this.#signal.removeEventListener('abort', close);
        close();
        if (!this.#signal.aborted) this.#answered(answer);
      };
      if (this.#signal.aborted) return close();
      this.#signal.addEventListener('abort', close, { once: true });
      socket.on('error', (error) => give({ kind: 'failed', why: `${server}: ${error.message}`, final: false }));
      socket.on('close', () => give({ kind: 'failed', why: `${server}: closed`, final: false }));
      socket.on('data', (chunk: Buffer) => {
        bytes = Buffer.concat([bytes, chunk]);
        if (bytes.length < 2 || bytes.length < 2 + bytes.readUInt16BE(0)) return; // at most 65,537 octets are kept
        const answer = decodeAnswer(bytes.subarray(2, 2 + bytes.readUInt16BE(0)), asked.question);
        give(answer.kind === 'drop' || answer.kind === 'truncated' ? { kind: 'failed', why: `${server}: ${answer.kind === 'drop' ? answer.why : 'truncated'}`, final: false } : answer);
      });
      const length = Buffer.alloc(2);
      length.writeUInt16BE(asked.query.length);
      socket.write(Buffer.concat([length, asked.query]));
    }, (error: unknown) => this.#failed(error instanceof Error ? error.message : String(error)));
  }
}

type Outcome = { readonly kind: 'pending' } | { readonly kind: 'done'; readonly addresses: readonly IpAddress[]; readonly ttl: Millis; readonly why: string | undefined };

/** One name on its way: both families at once, the servers in turn, one answer. */
class Resolution {
  readonly #setup: ResolverSetup;
  readonly #effect: ResolveEffect;
  readonly #servers: readonly IpAddress[];
  readonly #over: (addresses: readonly IpAddress[], ttl: Millis, why: string | undefined) => void;
  readonly #abort = new AbortController();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #outcomes: { A: Outcome; AAAA: Outcome } = { A: { kind: 'pending' }, AAAA: { kind: 'pending' } };

  constructor(setup: ResolverSetup, effect: ResolveEffect, servers: readonly IpAddress[], over: (addresses: readonly IpAddress[], ttl: Millis, why: string | undefined) => void) {
    this.#setup = setup;
    this.#effect = effect;
    this.#servers = servers.slice(0, MOST_SERVERS);
    this.#over = over;
  }

  start(): void {
    this.#after(TOTAL_MS, () => this.#finish('no answer within 5 s'));
    this.#ask('A');
    this.#ask('AAAA');
  }

  stop(): void {
    this.#abort.abort();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  #after(ms: number, then: () => void): NodeJS.Timeout {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      then();
    }, ms);
    this.#timers.add(timer);
    return timer;
  }

  /** Every try stays open until the end: a slow server's answer is as good as a fast one's. */
  #ask(type: AddressType): void {
    const tries = this.#servers.length * ROUNDS;
    let started = 0;
    let failures = 0;
    let timer: NodeJS.Timeout | undefined;
    let why = '';
    const ended = (): boolean => this.#abort.signal.aborted || this.#outcomes[type].kind === 'done';
    const next = (): void => {
      if (timer) {
        clearTimeout(timer);
        this.#timers.delete(timer);
      }
      const server = this.#servers[started % this.#servers.length];
      if (ended() || started >= tries || server === undefined) return;
      started++;
      timer = this.#after(TOTAL_MS / tries, next);
      let counted = false;
      new Ask(this.#setup, this.#effect, type, this.#abort.signal, (answer) => {
        if (ended() || counted) return;
        counted = true;
        if (answer.kind === 'addresses') return this.#done(type, answer.addresses, answer.ttl, undefined);
        why = answer.kind === 'failed' ? answer.why : 'truncated';
        failures++;
        if ((answer.kind === 'failed' && answer.final) || failures === tries) this.#done(type, [], millis(0), why);
        else next();
      }).start(server);
    };
    next();
  }

  #done(type: AddressType, addresses: readonly IpAddress[], ttl: Millis, why: string | undefined): void {
    this.#outcomes[type] = { kind: 'done', addresses, ttl, why };
    const other = this.#outcomes[type === 'A' ? 'AAAA' : 'A'];
    if (other.kind === 'done') this.#finish(undefined);
    else if (addresses.length > 0) this.#after(OTHER_FAMILY_MS, () => this.#finish(undefined));
  }

  /** IPv4 first: where IPv6 is announced and broken, a connection attempt costs more than a NAT in between. */
  #finish(late: string | undefined): void {
    if (this.#abort.signal.aborted) return;
    this.stop();
    const addresses: IpAddress[] = [];
    let ttl: number | undefined;
    let why: string | undefined;
    for (const outcome of [this.#outcomes.A, this.#outcomes.AAAA]) {
      if (outcome.kind !== 'done') continue;
      why ??= outcome.why;
      if (outcome.addresses.length === 0) continue;
      addresses.push(...outcome.addresses);
      ttl = ttl === undefined ? outcome.ttl : Math.min(ttl, outcome.ttl);
    }
    this.#over(addresses, millis(ttl ?? 0), addresses.length > 0 ? undefined : (why ?? late ?? 'the name has no address'));
  }
}

/** The resolver port: a stub resolver over the path asked about, never the system's, which knows no uplinks and blocks. */
export function createResolverPort(setup: ResolverSetup): Port<ResolveEffect> {
  const running = new Set<Resolution>();
  return {
    perform(effect, deliver) {
      const answer = (addresses: readonly IpAddress[], ttl: Millis, why: string | undefined): void =>
        deliver({ type: 'resolver.answered', opId: effect.opId, addresses, ttl, why });
      const name = canonicalName(effect.name);
      const literal = parseIp(name);
      if (literal !== undefined) return answer([literal], HOSTS_TTL, undefined);
      const hosts = hostsAddresses(setup.hostsFile ?? '/etc/hosts', name);
      if (hosts.length > 0) return answer(hosts, HOSTS_TTL, undefined);
      const servers = effect.servers.length > 0 ? effect.servers : confServers(setup.resolvConf ?? '/etc/resolv.conf');
      if (servers.length === 0) return answer([], millis(0), 'no name server');
      if (running.size >= MOST_RESOLUTIONS) return answer([], millis(0), 'too many names at a time');
      const resolution: Resolution = new Resolution(setup, effect, servers, (addresses, ttl, why) => {
        running.delete(resolution);
        answer(addresses, ttl, why);
      });
      running.add(resolution);
      resolution.start();
    },
    close() {
      for (const resolution of running) resolution.stop();
      running.clear();
    },
  };
}
