// The requests of one IKE SA, alone: message IDs at their far end, and every send with its time to the millisecond, where jitter is known.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { nodeCrypto } from '../../src/adapters/node/crypto.ts';
import { instant, ip, millis, pathKey, seconds, type Path } from '../../src/base/index.ts';
import { decodeHeader, EXCHANGE, type IkeSpi, type Payload } from '../../src/codec/ike/index.ts';
import { skeyseed, type CryptoSuite } from '../../src/crypto/index.ts';
import type { Ctx, SaHost } from '../../src/ike/context.ts';
import type { Answer, Task } from '../../src/ike/exchange.ts';
import { IkeSa } from '../../src/ike/ike-sa.ts';
import type { IkeEffect } from '../../src/ike/index.ts';
import { deriveKeyed } from '../../src/ike/keyed.ts';
import { livenessTask } from '../../src/ike/tasks/liveness.ts';
import { connection, on4500, path, seededEntropy } from './pair.ts';

const deps = { suite: nodeCrypto(), entropy: seededEntropy('exchange') };
const WAN = on4500(path('wan'));

/** An established IKE SA and the same from its peer's end. */
function both(): { readonly sa: IkeSa; readonly peer: IkeSa } {
  const [ours, theirs] = [true, false].map((originalInitiator) => {
    const sa = new IkeSa({
      chain: 1, name: 'hq', connection: connection('initiator'), originalInitiator, mobikeRole: 'initiator', state: 'established', spiI: 1n as IkeSpi, spiR: 2n as IkeSpi, path: WAN, setup: undefined,
    });
    sa.establishedAt = instant(1000);
    const chosen = { number: 1, spi: new Uint8Array(), encr: { id: 20, keyLength: 256 }, prf: 5, integ: 0, group: 31, esn: 0 };
    const [ni, nr, shared] = [1, 2, 3].map((fill) => new Uint8Array(32).fill(fill)) as [Uint8Array, Uint8Array, Uint8Array];
    sa.setKeys(deriveKeyed(deps, { chosen, seed: (hash) => skeyseed(deps.suite, hash, ni, nr, shared), ni, nr, spiI: 1n, spiR: 2n, originalInitiator }));
    return sa;
  });
  assert.ok(ours && theirs);
  return { sa: ours, peer: theirs };
}

const host: Partial<SaHost> = { newIkeSpi: () => 77n as IkeSpi };
const sent: IkeEffect[] = [];
const at = (ms: number): Ctx => ({ now: instant(ms), unixSeconds: undefined, deps, host: host as SaHost, emit: (effect) => sent.push(effect) });
/** What left since the last call, without marker. */
const heard = (): Uint8Array[] => sent.splice(0).flatMap((e) => (e.type === 'packet.send' ? [e.bytes.subarray(4)] : []));
const kindOf = (bytes: Uint8Array | undefined): unknown[] => {
  const header = bytes && decodeHeader(bytes);
  return [header?.exchange, header?.isResponse, header?.messageId];
};
function deliver(to: IkeSa, bytes: Uint8Array | undefined, ctx: Ctx): void {
  const header = bytes && decodeHeader(bytes);
  assert.ok(bytes && header);
  to.inbox.receive(header, bytes, WAN, ctx);
}

const FAR = 2 ** 31;

for (const [what, from, rekeys] of [['before', FAR - 1, false], ['at', FAR, true], ['after', FAR + 1, false]] as const) {
  test(`I2.2-1: our request just ${what} message ID 2^31 is answered, and ${rekeys ? 'brings the rekeying of the IKE SA' : 'brings no further rekeying'}`, () => {
    const { sa, peer } = both();
    sa.exchanges.nextId = from;
    peer.inbox.expectedId = from;
    sa.exchanges.enqueue(livenessTask(undefined));
    sa.exchanges.pump(at(2000));
    const [request] = heard();
    assert.deepEqual(kindOf(request), [EXCHANGE.INFORMATIONAL, false, from]);
    deliver(peer, request, at(2010));
    // The peer counts the same requests: it would rekey as well, as soon as its timers are looked at.
    assert.equal(peer.timers.get('softLifetime') !== undefined, rekeys);
    deliver(sa, heard()[0], at(2020));
    sa.tick(at(2020));
    assert.deepEqual(heard().map(kindOf), rekeys ? [[EXCHANGE.CREATE_CHILD_SA, false, from + 1]] : []);
  });
}

test('I2.2-1: a request of the peer at message ID 2^31 is answered, and we rekey the IKE SA', () => {
  const { sa, peer } = both();
  sa.inbox.expectedId = FAR;
  peer.exchanges.nextId = FAR;
  peer.exchanges.enqueue(livenessTask(undefined));
  peer.exchanges.pump(at(2000));
  deliver(sa, heard()[0], at(2010));
  assert.deepEqual(heard().map(kindOf), [[EXCHANGE.INFORMATIONAL, true, FAR]]);
  sa.tick(at(2010));
  assert.deepEqual(heard().map(kindOf), [[EXCHANGE.CREATE_CHILD_SA, false, 0]]);
});

test('I2.2-1: message IDs up to the last of 32 bits stand in the header as they are', () => {
  const { sa } = both();
  sa.exchanges.nextId = 0xffff_ffff;
  sa.exchanges.enqueue(livenessTask(undefined));
  sa.exchanges.pump(at(2000));
  assert.deepEqual(heard().map(kindOf), [[EXCHANGE.INFORMATIONAL, false, 0xffff_ffff]]);
});

// ---- one request after the other -------------------------------------------------------------------------------------

const LTE = on4500(path('lte'));
/** Seals of the suite that `quiet` gives. */
let seals = 0;
const counting = (suite: CryptoSuite): CryptoSuite => ({
  ...suite,
  aead: (name, key) => {
    const inner = suite.aead(name, key);
    return {
      seal: (nonce, aad, text) => {
        seals++;
        return inner.seal(nonce, aad, text);
      },
      open: (nonce, aad, sealed) => inner.open(nonce, aad, sealed), wipe: () => inner.wipe(),
    };
  },
});

/** An SA whose jitter is drawn from `fill`: 0 makes every wait 0.9 of itself, 255 nearly 1.1. */
class Lone {
  readonly sa: IkeSa;
  readonly effects: IkeEffect[] = [];
  /** What tasks were told, in order. */
  readonly told: string[] = [];
  now = 10_000;
  readonly #deps;

  constructor(fill = 0, payloads: readonly Payload[] = []) {
    this.#deps = { suite: counting(deps.suite), entropy: { bytes: (count: number, label: string) => new Uint8Array(count).fill(label === 'retransmit' ? fill : 0x55) } };
    this.sa = both().sa;
    this.sa.setKeys(deriveKeyed(this.#deps, {
      chosen: { number: 1, spi: new Uint8Array(), encr: { id: 20, keyLength: 256 }, prf: 5, integ: 0, group: 31, esn: 0 }, seed: () => new Uint8Array(32).fill(9),
      ni: new Uint8Array(32), nr: new Uint8Array(32), spiI: 1n, spiR: 2n, originalInitiator: true,
    }));
    this.payloads = payloads;
  }

  readonly payloads: readonly Payload[];

  get ctx(): Ctx {
    return { now: instant(this.now), unixSeconds: undefined, deps: this.#deps, host: host as SaHost, emit: (effect) => this.effects.push(effect) };
  }

  task(kind: string, change: Partial<Task> = {}): Task {
    return {
      kind, exchange: 'INFORMATIONAL', patience: seconds(300), build: () => this.payloads, release: () => this.told.push(`${kind} released`),
      onResponse: (_sa, _payloads, answer: Answer) => this.told.push(`${kind} answered on ${answer.path.uplink}${answer.onePath ? ' alone' : ''}`),
      onTimeout: () => this.told.push(`${kind} timed out`), ...change,
    };
  }

  /** Asks at once. */
  ask(kind = 'first', change: Partial<Task> = {}): this {
    this.sa.exchanges.enqueue(this.task(kind, change));
    this.sa.exchanges.pump(this.ctx);
    return this;
  }

  /** Lets time go on in steps of its deadlines; returns uplink and time of each send, from the start of the call. */
  run(span: number): string[] {
    const until = this.now + span;
    const start = this.now;
    const out: string[] = [];
    for (let i = 0; i < 1000; i++) {
      for (const e of this.effects.splice(0)) {
        if (e.type === 'packet.send') out.push(`${e.path.uplink} ${Math.round(this.now - start)}`);
        if (e.type === 'event') this.told.push(`${e.event.type}${'path' in e.event ? ` ${e.event.path.uplink}` : ''}${'unanswered' in e.event ? ` ${e.event.unanswered}` : ''}${'hint' in e.event ? ` ${e.event.hint}` : ''}`);
      }
      const next = this.sa.exchanges.deadline;
      if (next === undefined || next > until) break;
      this.now = Math.max(this.now, next);
      this.sa.exchanges.tick(this.ctx);
    }
    this.now = until;
    return out;
  }

  /** Sizes of what left since the last call, by uplink. */
  sizes(): string[] {
    return this.effects.splice(0).flatMap((e) => (e.type === 'packet.send' ? [`${e.path.uplink} ${e.bytes.length}`] : []));
  }
}

test('what is asked, or waits to be, is known by its kind; an urgent request goes before the others', () => {
  const lone = new Lone();
  const { exchanges } = lone.sa;
  assert.equal(exchanges.idle, true);
  for (const kind of ['a', 'b', 'c']) exchanges.enqueue(lone.task(kind));
  exchanges.enqueue(lone.task('d'), true);
  const known = (): string => ['a', 'b', 'c', 'd', 'e'].filter((kind) => exchanges.has(kind)).join('');
  const some = (): string => ['a', 'b', 'c', 'd', 'e'].filter((kind) => exchanges.some((task) => task.kind === kind)).join('');
  assert.deepEqual([known(), some(), exchanges.idle, exchanges.outstanding], ['abcd', 'abcd', false, undefined]);
  exchanges.pump(lone.ctx);
  assert.deepEqual([exchanges.outstanding?.task.kind, known(), some(), exchanges.idle], ['d', 'abcd', 'abcd', false]);
  exchanges.abandon(lone.ctx);
  assert.deepEqual([known(), some(), lone.told], ['abc', 'abc', ['d released']]);
  exchanges.pump(lone.ctx);
  exchanges.abandonAll(lone.ctx);
  assert.deepEqual([known(), exchanges.idle, lone.told], ['', true, ['d released', 'a released', 'b released', 'c released']]);
  exchanges.pump(lone.ctx);
  assert.equal(exchanges.outstanding, undefined);
});

test('a task that has nothing to ask any more is passed over, and uses up no message ID', () => {
  const lone = new Lone();
  lone.sa.exchanges.enqueue(lone.task('gone', { build: () => undefined }));
  lone.ask('next');
  assert.deepEqual([lone.sa.exchanges.outstanding?.task.kind, lone.sa.exchanges.outstanding?.messageId, lone.sa.exchanges.nextId], ['next', 0, 1]);
});

for (const [what, rtt, least, most] of [['no round trip time known', undefined, 450, 550], ['10 ms', 10, 180, 220], ['100 ms', 100, 270, 330], ['10 s', 10_000, 7200, 8800]] as const) {
  test(`D6.2-1 I2.1-1: the first wait with ${what}: three round trips within bounds, and a tenth of jitter either way`, () => {
    for (const [fill, wait] of [[0, least], [255, most]] as const) {
      const lone = new Lone(fill);
      if (rtt !== undefined) lone.sa.rtt.set(pathKey(WAN), millis(rtt));
      lone.sa.rtt.set(pathKey(LTE), millis(77));
      lone.ask();
      assert.equal(Math.round((lone.sa.exchanges.deadline ?? 0) - lone.now), wait);
    }
  });
}

test('I2.1-1 D6.2-1: one request is repeated on the current path in growing intervals of at most 8 s until its time is over, same octets', () => {
  const lone = new Lone().ask();
  const datagrams = lone.sa.exchanges.outstanding?.datagrams;
  const sends = lone.run(60_000);
  // 450, then each the one before × 1.8 × 0.9; 8 s × 0.9 at most.
  assert.deepEqual(sends, ['wan 0', 'wan 450', 'wan 1179', 'wan 2360', 'wan 4273', 'wan 7373', 'wan 12394', 'wan 19594', 'wan 26794', 'wan 33994', 'wan 41194', 'wan 48394', 'wan 55594']);
  assert.equal(lone.sa.exchanges.outstanding?.datagrams, datagrams);
  assert.deepEqual(lone.told.slice(0, 5), ['path.doubtful wan 2', 'path.doubtful wan 3', 'ike.unreachable no_answer', 'path.doubtful wan 4', 'path.doubtful wan 5']);
  assert.equal(lone.told.filter((t) => t === 'ike.unreachable no_answer').length, 1, 'told once');
});

test('a request without an answer ends with its patience: what it took is given back, its task is told, the next one leaves', () => {
  const lone = new Lone();
  lone.ask('first', { patience: seconds(3) });
  lone.sa.exchanges.enqueue(lone.task('second'));
  assert.deepEqual(lone.run(2_999), ['wan 0', 'wan 450', 'wan 1179', 'wan 2360']);
  lone.told.length = 0;
  assert.deepEqual(lone.run(2), ['wan 1']);
  assert.deepEqual([lone.told, lone.sa.exchanges.outstanding?.task.kind, lone.sa.exchanges.outstanding?.messageId], [['first released', 'first timed out'], 'second', 1]);
});

test('a request whose end is the end of its SA is followed by none', () => {
  const lone = new Lone();
  lone.ask('first', { patience: seconds(1), onTimeout: (sa) => (sa.state = 'dead') });
  lone.sa.exchanges.enqueue(lone.task('second'));
  lone.run(2_000);
  assert.deepEqual([lone.sa.exchanges.outstanding, lone.told], [undefined, ['first released']]);
});

test('D6.2-2 D5.1.3-2: a raced path is tried three times, then told as unanswered once and tried in rounds of up to 30 s', () => {
  const lone = new Lone().ask();
  lone.sa.exchanges.race([LTE], lone.ctx);
  const lte = lone.run(200_000).filter((send) => send.startsWith('lte')).map((send) => Number(send.split(' ')[1]));
  assert.deepEqual(lte.slice(0, 4), [0, 450, 1179, 2360]);
  const gaps = lte.slice(1).map((time, i) => time - (lte[i] ?? 0));
  assert.equal(Math.max(...gaps), 27_000, '30 s × 0.9');
  assert.ok(gaps.every((gap, i) => i === 0 || gap >= (gaps[i - 1] ?? 0)));
  assert.equal(lone.told.filter((t) => t === 'path.unanswered lte').length, 1);
  assert.ok(!lone.told.includes('path.doubtful lte 3'), 'only the current path is doubtful');
});

test('D6.2-2: a path that is being tried is not started anew by another race, and is once it had its tries; at most eight in all', () => {
  const lone = new Lone().ask();
  lone.sa.exchanges.race([WAN, LTE], lone.ctx);
  assert.deepEqual(lone.run(1), ['wan 0', 'lte 0'], 'the current path has its own times');
  lone.sa.exchanges.race([LTE], lone.ctx);
  assert.deepEqual(lone.run(1_000), ['wan 449', 'lte 449']);
  lone.sa.exchanges.race([LTE], lone.ctx);
  assert.deepEqual(lone.run(1_000), ['wan 178', 'lte 178']);
  lone.sa.exchanges.race([WAN, LTE], lone.ctx);
  assert.deepEqual(lone.run(1), ['lte 0'], 'three sends were its tries');
  const many = Array.from({ length: 20 }, (_, i): Path => ({ ...LTE, local: { ...LTE.local, port: 9000 + i } }));
  lone.sa.exchanges.race(many, lone.ctx);
  assert.equal(lone.run(0).length, 6);
  assert.equal(lone.sa.exchanges.outstanding?.attempts.size, 8);
});

test('a race without a request does nothing', () => {
  const lone = new Lone();
  lone.sa.exchanges.race([LTE], lone.ctx);
  lone.sa.exchanges.retarget(WAN, lone.ctx);
  lone.sa.exchanges.finish(lone.ctx);
  assert.deepEqual([lone.run(10_000), lone.sa.exchanges.deadline, lone.sa.exchanges.asksCurrent], [[], undefined, false]);
});

test('D6.2-2: a probe that its path swallows goes over the current path after its tries, and no more over its own; a peer may be unreachable only when all were tried', () => {
  const lone = new Lone().ask('probe', { path: LTE });
  assert.equal(lone.sa.exchanges.asksCurrent, false);
  assert.deepEqual(lone.run(5_000), ['lte 0', 'lte 450', 'lte 1179', 'wan 2360', 'wan 2810', 'wan 3539', 'wan 4720']);
  assert.equal(lone.sa.exchanges.asksCurrent, true);
  assert.deepEqual(lone.told, ['path.unanswered lte', 'path.doubtful wan 2', 'path.doubtful wan 3', 'ike.unreachable no_answer']);
});

test('D6.2-2: what is outstanding on another path only is asked over the current one too, once', () => {
  const lone = new Lone().ask('probe', { path: LTE });
  lone.run(100);
  lone.sa.exchanges.finish(lone.ctx);
  lone.sa.exchanges.finish(lone.ctx);
  assert.deepEqual([lone.run(1), lone.sa.exchanges.asksCurrent], [['wan 0'], true]);
  assert.deepEqual(lone.run(500), ['lte 349', 'wan 449']);
});

test('a peer is unreachable when the current path had more than its tries and every other path had its own', () => {
  const lone = new Lone().ask();
  lone.run(2_300);
  lone.sa.exchanges.race([LTE], lone.ctx);
  lone.told.length = 0;
  lone.run(1_100);
  assert.ok(!lone.told.includes('ike.unreachable no_answer'), 'lte has had two sends');
  lone.run(100);
  assert.ok(lone.told.includes('ike.unreachable no_answer'), 'three');
});

test('M3.5-6: the outstanding request goes to the new current path at once, with fresh times, and no more over the old one; unreachable is told anew', () => {
  const lone = new Lone().ask();
  lone.run(3_000);
  assert.ok(lone.told.includes('ike.unreachable no_answer'));
  lone.told.length = 0;
  let touched = 0;
  lone.sa.onTouch = () => touched++;
  lone.sa.path = LTE;
  lone.sa.exchanges.retarget(WAN, lone.ctx);
  assert.ok(touched > 0);
  assert.deepEqual(lone.run(3_000), ['lte 0', 'lte 450', 'lte 1179', 'lte 2360']);
  assert.ok(lone.told.includes('ike.unreachable no_answer'));
});

test('Karn: the answer to a request that was sent once tells the round trip, smoothed by an eighth; with repetitions, or back on a path, it tells nothing', () => {
  const lone = new Lone();
  const answerAfter = (ms: number): unknown => {
    lone.ask();
    const id = lone.sa.exchanges.outstanding?.messageId ?? -1;
    lone.run(ms);
    assert.equal(lone.sa.exchanges.complete(id + 1, WAN, lone.ctx), undefined, 'another message ID is no answer');
    const { answer } = lone.sa.exchanges.complete(id, WAN, lone.ctx) ?? {};
    const event = lone.effects.splice(0).find((e) => e.type === 'event')?.event;
    assert.ok(event?.type === 'path.answered' && event.current && event.path.uplink === 'wan' && answer?.onePath);
    return event.rtt;
  };
  assert.deepEqual([answerAfter(80), lone.sa.rtt.get(pathKey(WAN))], [80, 80]);
  assert.deepEqual([answerAfter(160), lone.sa.rtt.get(pathKey(WAN))], [160, 90]);
  assert.deepEqual([answerAfter(1_000), lone.sa.rtt.get(pathKey(WAN))], [undefined, 90]);
  lone.ask();
  lone.sa.path = LTE;
  lone.sa.exchanges.retarget(WAN, lone.ctx);
  lone.sa.path = WAN;
  lone.sa.exchanges.retarget(LTE, lone.ctx);
  lone.run(50);
  const done = lone.sa.exchanges.complete(lone.sa.exchanges.outstanding?.messageId ?? -1, LTE, lone.ctx);
  assert.deepEqual([done?.answer.onePath, lone.sa.rtt.get(pathKey(WAN))], [false, 90], 'D6.2-3');
  const answered = lone.effects.splice(0).find((e) => e.type === 'event')?.event;
  assert.ok(answered?.type === 'path.answered' && answered.rtt === undefined && !answered.current);
});

test('round trip times of sixteen paths are remembered, the newest', () => {
  const { sa } = new Lone();
  const nth = (i: number): Path => ({ ...LTE, local: { ...LTE.local, port: 9000 + i } });
  for (let i = 0; i < 17; i++) sa.noteRtt(nth(i), millis(10 + i));
  assert.deepEqual([sa.rtt.size, sa.rtt.has(pathKey(nth(0))), sa.rtt.has(pathKey(nth(1)))], [16, false, true]);
  sa.noteRtt(nth(1), millis(11));
  sa.noteRtt(nth(20), millis(9));
  assert.deepEqual([sa.rtt.size, sa.rtt.has(pathKey(nth(1))), sa.rtt.has(pathKey(nth(2)))], [16, true, false]);
});

test('I2.4-5: while an answer to IKE_SA_INIT is followed the request is not repeated; its round trip is told of the first answer only', () => {
  const lone = new Lone().ask();
  lone.run(40);
  let touched = 0;
  lone.sa.onTouch = () => touched++;
  assert.equal(lone.sa.exchanges.follow(WAN, seconds(4), lone.ctx), 40);
  assert.ok(touched > 0);
  assert.deepEqual(lone.run(100), []);
  assert.deepEqual(lone.told, ['path.answered wan']);
  assert.equal(lone.sa.exchanges.follow(WAN, seconds(4), lone.ctx), undefined);
  assert.deepEqual([lone.run(3_999), lone.run(2)], [[], ['wan 1']]);
  assert.equal(lone.told.filter((t) => t === 'path.answered wan').length, 1);
  lone.sa.exchanges.abandon(lone.ctx);
  assert.equal(lone.sa.exchanges.follow(WAN, seconds(4), lone.ctx), undefined);
});

test('whatever changes what is due next is told', () => {
  const lone = new Lone();
  let touched = 0;
  lone.sa.onTouch = () => touched++;
  const tells = (what: string, act: () => void): void => {
    touched = 0;
    act();
    assert.ok(touched > 0, what);
  };
  tells('a request', () => lone.ask());
  tells('a repetition', () => lone.run(500));
  tells('an answer', () => lone.sa.exchanges.complete(0, WAN, lone.ctx));
  lone.ask();
  tells('one that is forgotten', () => lone.sa.exchanges.abandon(lone.ctx));
  lone.ask('probe', { path: LTE });
  lone.run(2_000);
  tells('a probe that comes to the current path', () => lone.run(500));
});

// ---- cut into pieces -------------------------------------------------------------------------------------------------

const vendor = (octets: number): Payload[] => [{ type: 'V', data: new Uint8Array(octets) }];

test('FR2.4-1 FR2.5.2-1: what is large and got no answer three times goes on in smaller pieces, with fresh times, on every path; a small message stays whole', () => {
  const lone = new Lone(0, vendor(700));
  lone.sa.fragmentation = true;
  lone.ask();
  assert.equal(lone.sizes().length, 1);
  const from = lone.now;
  lone.now = from + 450;
  lone.sa.exchanges.tick(lone.ctx);
  lone.now = from + 1_179;
  lone.sa.exchanges.tick(lone.ctx);
  assert.equal(lone.sizes().length, 2, 'whole so far');
  lone.now = from + 2_361;
  lone.sa.exchanges.tick(lone.ctx);
  const pieces = lone.sizes();
  assert.ok(pieces.length === 2 && pieces.every((piece) => Number(piece.split(' ')[1]) <= 576 - 28), pieces.join());
  assert.equal(Math.round((lone.sa.exchanges.deadline ?? 0) - lone.now), 405, '500 × 0.9 × 0.9');
  lone.sa.exchanges.race([LTE], lone.ctx);
  assert.equal(lone.sizes().length, 2, 'the other path gets the pieces');
  seals = 0;
  lone.run(30_000);
  assert.equal(seals, 0, 'the pieces are sealed once');
  for (const [octets, fragmentation] of [[300, true], [700, false], [483, true]] as const) {
    const other = new Lone(0, vendor(octets));
    other.sa.fragmentation = fragmentation;
    seals = 0;
    other.ask().run(30_000);
    assert.deepEqual([other.sa.exchanges.outstanding?.datagrams.length, seals], [1, 1], 'sealed once');
  }
});

test('FR2.5.2-1: what was cut for 1280 octets is cut again, whatever the size of its last piece', () => {
  const lone = new Lone(0, vendor(1_300));
  lone.sa.fragmentation = true;
  lone.ask();
  const [first, last] = lone.sizes();
  assert.deepEqual([first, Number(last?.split(' ')[1]) < 400], ['wan 1252', true]);
  lone.run(10_000);
  assert.equal(lone.sa.exchanges.outstanding?.datagrams.length, 3);
});

test('I2.1-1 FR2.5.2-1: what no number of pieces can carry stays as it is, octet by octet', () => {
  const lone = new Lone(0, [...vendor(40_000), ...vendor(40_000)]);
  lone.sa.fragmentation = true;
  lone.ask();
  const datagrams = lone.sa.exchanges.outstanding?.datagrams;
  lone.run(10_000);
  assert.equal(datagrams?.length, 1);
  assert.equal(lone.sa.exchanges.outstanding?.datagrams, datagrams);
});

test('FR2.5.1-1: on IPv6 a message that fits into 1280 octets stays whole, however often it is lost', () => {
  const lone = new Lone(0, vendor(900));
  lone.sa.fragmentation = true;
  lone.sa.path = { ...WAN, local: { address: ip('2001:db8::1'), port: 4500 }, remote: { address: ip('2001:db8::2'), port: 4500 } };
  lone.ask().run(30_000);
  assert.equal(lone.sa.exchanges.outstanding?.datagrams.length, 1);
});
