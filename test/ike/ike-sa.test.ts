// One IKE SA alone: what its timers bring, how it ends, and what it says of itself.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { instant, millis, seconds, toHex, type Instant } from '../../src/base/index.ts';
import { decodeHeader, EXCHANGE, type IkeSpi } from '../../src/codec/ike/index.ts';
import type { Task } from '../../src/ike/exchange.ts';
import { IkeSa, type IkeState } from '../../src/ike/ike-sa.ts';
import { livenessTask } from '../../src/ike/tasks/liveness.ts';
import { rekeyIkeTask } from '../../src/ike/tasks/ike-rekey.ts';
import { deleteIkeTask } from '../../src/ike/tasks/informational.ts';
import { connection, path } from './pair.ts';
import { Alone, LTE, WAN } from './lone.ts';

type SetUp = NonNullable<IkeSa['setup']>;
const low = new Uint8Array(32);
const stub = (kind: string, change: Partial<Task> = {}): Task => ({ kind, exchange: 'INFORMATIONAL', patience: seconds(300), build: () => [], onResponse: () => undefined, onTimeout: () => undefined, ...change });
const kinds = (sa: IkeSa): string[] => [sa.exchanges.outstanding?.task.kind ?? '-', ...sa.exchanges.takeWaiting().map((t) => t.kind)];
/** Outstanding, without a word about it. */
function asks(around: Alone, sa: IkeSa, task: Task): void {
  sa.exchanges.enqueue(task);
  sa.exchanges.pump(around.ctx);
  around.said();
}
/** Lets one timer run out, and no other. */
function due(around: Alone, sa: IkeSa, name: Parameters<IkeSa['timers']['set']>[0]): void {
  sa.timers.clearAll();
  sa.timers.set(name, around.time);
  sa.tick(around.ctx);
}

// ---- sending ---------------------------------------------------------------------------------------------------------

test('RFC 3948 §2.2: four zero octets stand before a message away from port 500; what leaves on the current path counts as sent', () => {
  const around = new Alone();
  const sa = around.sa();
  sa.transmit(LTE, [Uint8Array.of(1, 2), Uint8Array.of(3)], around.ctx);
  assert.deepEqual(around.effects.map((e) => e.type === 'packet.send' && toHex(e.bytes)), ['000000000102', '0000000003']);
  assert.equal(sa.lastSent, undefined);
  sa.transmit(WAN, [], around.ctx);
  assert.equal(sa.lastSent, around.time);
  around.effects.length = 0;
  sa.transmit(path('wan'), [Uint8Array.of(1, 2)], around.ctx);
  assert.deepEqual(around.effects.map((e) => e.type === 'packet.send' && toHex(e.bytes)), ['0102']);
});

test('the header of what it seals: SPIs, flags, exchange and message ID; cut only when the peer can join', () => {
  const around = new Alone();
  const sa = around.sa({ originalInitiator: false });
  const [message] = sa.seal(EXCHANGE.INFORMATIONAL, 7, true, [], 1000);
  const header = message && decodeHeader(message);
  assert.deepEqual([header?.spiI, header?.spiR, header?.exchange, header?.messageId, header?.isResponse, header?.fromOriginalInitiator], [1n, 2n, 37, 7, true, false]);
  assert.deepEqual([header?.majorVersion, header?.minorVersion], [2, 0]);
  const large = [{ type: 'V', data: new Uint8Array(3000) }] as const;
  assert.equal(sa.encodeRequest('INFORMATIONAL', 0, large, 1000).length, 1);
  sa.fragmentation = true;
  assert.equal(sa.encodeRequest('INFORMATIONAL', 0, large, 1000).length, 4);
  assert.deepEqual(decodeHeader(sa.encodeRequest('CREATE_CHILD_SA', 5, [], 1000)[0] ?? low)?.isResponse, false);
});

test('log lines name connection and chain', () => {
  const around = new Alone();
  around.sa({ chain: 9 }).log('warn', 'words', around.ctx);
  assert.deepEqual(around.effects, [{ type: 'log', level: 'warn', text: 'hq[9]: words' }]);
});

test('an SA without keys has no proposal, and nobody may ask for its keys', () => {
  const sa = new IkeSa({ chain: 1, name: 'x', connection: undefined, originalInitiator: true, mobikeRole: 'initiator', state: 'initSent', spiI: 1n as IkeSpi, spiR: 0n as IkeSpi, path: WAN, setup: undefined });
  assert.deepEqual([sa.hasKeys, sa.proposal, sa.isHeard, sa.fragmentation, sa.isReauthenticating, sa.natLocal, sa.natRemote, sa.traffic], [false, '', false, false, false, false, false, { lastInbound: undefined, lastOutbound: undefined, lastAny: undefined }]);
  assert.throws(() => sa.keyed(), /without keys/);
  assert.deepEqual(sa.encodeRequest('IKE_SA_INIT', 0, [], 1000), [new Uint8Array()]);
  sa.setup = { request: Uint8Array.of(1, 2, 3) } as SetUp;
  assert.deepEqual(sa.encodeRequest('IKE_SA_INIT', 0, [], 1000), [Uint8Array.of(1, 2, 3)], 'as it was sent');
  let touched = 0;
  sa.onTouch = () => touched++;
  sa.timers.set('candidates', instant(1));
  assert.equal(touched, 1);
  sa.die(new Alone().ctx);
  assert.equal(sa.isDead, true);
  const { hasKeys, proposal, localSpi } = new Alone().sa();
  assert.deepEqual([hasKeys, proposal.includes('aes256gcm16'), localSpi, new Alone().sa({ originalInitiator: false }).localSpi], [true, true, 1n, 2n]);
});

test('M3.5-7 M1.3-1: a due update of a MOBIKE initiator goes before everything else, also on an SA that was just rekeyed', () => {
  const urgent = (state: IkeState, mobikeRole: 'initiator' | 'responder' = 'initiator', pending = true): string | undefined => {
    const sa = new Alone().sa({ state, mobikeRole });
    if (pending) sa.mobility.pending = { from: WAN, reasons: [], since: instant(0), due: true };
    return sa.urgentTask()?.kind;
  };
  assert.deepEqual((['established', 'rekeyed', 'deleting', 'undecided', 'dead'] as const).map((state) => urgent(state)), ['update', 'update', undefined, undefined, undefined]);
  assert.deepEqual([urgent('established', 'responder'), urgent('established', 'initiator', false), urgent('rekeyed', 'initiator', false)], [undefined, undefined, undefined]);
});

// ---- signs of life ---------------------------------------------------------------------------------------------------

test('D5.5.2-3: what comes on the current path proves it; what comes elsewhere proves that the peer has this SA', () => {
  const around = new Alone();
  const sa = around.sa();
  sa.unansweredSince = instant(1);
  sa.heard(LTE, around.ctx);
  assert.deepEqual([sa.isHeard, sa.lastIke, sa.unansweredSince], [true, undefined, 1]);
  sa.heard(WAN, around.ctx);
  assert.deepEqual([sa.lastIke, sa.unansweredSince], [around.time, undefined]);
});

test('I2.8-3: the first message on a successor: the old SA asks nothing any more, and waits a minute for its Delete; once', () => {
  const around = new Alone();
  const [old, sa] = [around.sa({ state: 'rekeyed' }), around.sa()];
  const released: string[] = [];
  asks(around, old, stub('x', { release: () => void released.push('x') }));
  old.exchanges.enqueue(stub('y', { release: () => void released.push('y') }));
  old.mobility.pending = { from: WAN, reasons: [], since: instant(0), due: true };
  sa.predecessor = old;
  sa.heard(WAN, around.ctx);
  assert.deepEqual([released, old.mobility.pending, (old.timers.get('hardLifetime') ?? 0) - around.now, old.exchanges.idle], [['x', 'y'], undefined, 60_000, true]);
  old.timers.clearAll();
  sa.heard(WAN, around.ctx);
  assert.equal(old.timers.get('hardLifetime'), undefined);
});

for (const [what, change, asked] of [
  ['is gone', (old: IkeSa) => (old.state = 'dead'), 'x'],
  ['is being deleted by us', (old: IkeSa) => old.exchanges.enqueue(deleteIkeTask()), 'x'],
  ['whose successor is not decided on', (_old: IkeSa, sa: IkeSa) => (sa.state = 'undecided'), 'x'],
] as const) {
  test(`I2.8-3: the first message on a successor leaves an old SA alone that ${what}`, () => {
    const around = new Alone();
    const [old, sa] = [around.sa({ state: 'rekeyed' }), around.sa()];
    asks(around, old, stub('x'));
    change(old, sa);
    sa.predecessor = old;
    sa.heard(WAN, around.ctx);
    assert.deepEqual([old.exchanges.outstanding?.task.kind, old.timers.get('hardLifetime')], [asked, undefined]);
  });
}

test('I2.8.2-1: an old SA that rekeys itself still waits for that answer when its successor is first heard', () => {
  const around = new Alone();
  const [old, sa] = [around.sa(), around.sa()];
  asks(around, old, rekeyIkeTask(old, around.ctx));
  sa.predecessor = old;
  sa.heard(WAN, around.ctx);
  assert.deepEqual([old.exchanges.outstanding?.task.kind, (old.timers.get('hardLifetime') ?? 0) - around.now], ['ikeRekey', 60_000]);
});

test('the latest of a chain is the successor of the successor', () => {
  const around = new Alone();
  const [a, b, c] = [around.sa(), around.sa(), around.sa()];
  [a.successor, b.successor] = [b, c];
  assert.deepEqual([a.latest === c, c.latest === c], [true, true]);
});

// ---- timers ----------------------------------------------------------------------------------------------------------

test('I2.4-1: a check is due while the SA is established and does not ask on its path already', () => {
  const around = new Alone();
  const sa = around.sa();
  sa.lastIke = around.time;
  sa.schedule(around.ctx);
  assert.equal((sa.timers.get('liveness') ?? 0) - around.now, 60_000);
  asks(around, sa, livenessTask(undefined));
  sa.schedule(around.ctx);
  assert.equal(sa.timers.get('liveness'), undefined);
  sa.exchanges.abandon(around.ctx);
  asks(around, sa, livenessTask(LTE));
  sa.schedule(around.ctx);
  assert.equal((sa.timers.get('liveness') ?? 0) - around.now, 60_000, 'a probe of another path is none');
  sa.state = 'rekeyed';
  sa.schedule(around.ctx);
  assert.equal(sa.timers.get('liveness'), undefined);
});

/** 20 s less or more by what `Alone` draws (NK-4). */
const INTERVAL = 20_000 * (0.9 + 0.2 * (0x5555_5555 / 0x1_0000_0000));

test('N-i D5.2.3-1: keepalives are due behind a NAT where ESP goes in UDP, 20 s after anything left', () => {
  const around = new Alone();
  const at = (change: (sa: IkeSa) => void): Instant | undefined => {
    const sa = around.sa();
    sa.natLocal = true;
    sa.timers.set('keepalive', instant(1));
    change(sa);
    sa.schedule(around.ctx);
    return sa.timers.get('keepalive');
  };
  assert.equal(at((sa) => (sa.lastSent = instant(70_000))), 70_000 + INTERVAL);
  assert.equal(at((sa) => void ((sa.lastSent = instant(70_000)), (sa.traffic = { lastInbound: undefined, lastOutbound: undefined, lastAny: instant(75_000) }))), 75_000 + INTERVAL);
  assert.equal(at(() => undefined), INTERVAL);
  assert.equal(at((sa) => (sa.nat.encapsulated = false)), undefined);
  assert.equal(at((sa) => (sa.natLocal = false)), undefined);
  assert.equal(at((sa) => (sa.state = 'rekeyed')), undefined);
});

test('I2.8-2: the children\'s timer is the first of what any of them needs, and runs on an established SA only', () => {
  const around = new Alone();
  const sa = around.sa();
  sa.schedule(around.ctx);
  assert.equal(sa.timers.get('children'), undefined);
  const [a, b] = [around.child(sa, 'a'), around.child(sa, 'b')];
  [a.softAt, a.hardAt, b.softAt, b.hardAt] = [300_000, 400_000, 350_000, 500_000].map(instant) as [Instant, Instant, Instant, Instant];
  const next = (): Instant | undefined => {
    sa.schedule(around.ctx);
    return sa.timers.get('children');
  };
  assert.equal(next(), 300_000);
  b.useAt = instant(105_000);
  assert.equal(next(), 105_000);
  sa.missing.set('c', { at: instant(101_000), wait: millis(0) });
  assert.equal(next(), 101_000);
  sa.missing.clear();
  b.useAt = undefined;
  a.state = 'rekeyed';
  b.state = 'deleting';
  assert.equal(next(), 400_000);
  sa.state = 'rekeyed';
  assert.equal(next(), undefined);
});

test('a dead SA has no deadline, is not scheduled and asks nothing', () => {
  const around = new Alone();
  const sa = around.sa({ state: 'dead' });
  sa.timers.set('liveness', instant(5));
  sa.exchanges.enqueue(stub('x'));
  sa.schedule(around.ctx);
  sa.afterwards(around.ctx);
  assert.deepEqual([sa.deadline, sa.timers.get('liveness'), sa.exchanges.outstanding, around.said()], [undefined, 5, undefined, []]);
});

test('an SA\'s deadline is the earlier of its request\'s and its timers\'', () => {
  const around = new Alone();
  const sa = around.sa();
  sa.timers.set('softLifetime', instant(200_000));
  assert.equal(sa.deadline, 200_000);
  asks(around, sa, stub('x'));
  assert.ok((sa.deadline ?? 0) < 101_000);
});

test('I2.8-2: the soft lifetime brings a rekeying, once, on an established SA', () => {
  const around = new Alone();
  const sa = around.sa();
  due(around, sa, 'softLifetime');
  assert.equal(sa.exchanges.outstanding?.task.kind, 'ikeRekey');
  due(around, sa, 'softLifetime');
  assert.deepEqual(kinds(sa), ['ikeRekey']);
  const old = around.sa({ state: 'rekeyed' });
  due(around, old, 'softLifetime');
  assert.deepEqual(kinds(old), ['-']);
});

test('I2.8-4: the hard lifetime ends an established SA with Delete, any other at once', () => {
  const around = new Alone();
  const sa = around.sa();
  due(around, sa, 'hardLifetime');
  assert.deepEqual([sa.state, around.said()], ['deleting', ['send wan', 'ike.closed lifetime_expired the IKE SA could not be rekeyed in time']]);
  const old = around.sa({ state: 'rekeyed' });
  due(around, old, 'hardLifetime');
  assert.deepEqual([old.state, around.said()], ['dead', []]);
});

test('an unanswered Delete is given up; an outstanding request is repeated', () => {
  const around = new Alone();
  const sa = around.sa({ state: 'deleting' });
  due(around, sa, 'hardLifetime');
  assert.deepEqual([sa.state, around.said()], ['dead', []]);
  const asking = around.sa();
  asks(around, asking, stub('x'));
  around.now += 600;
  asking.tick(around.ctx);
  assert.deepEqual(around.said(), ['send wan']);
});

test('what its other timers bring', () => {
  const around = new Alone();
  const initiated: string[] = [];
  around.host.initiate = (name) => void initiated.push(name);
  due(around, around.sa(), 'reauth');
  assert.deepEqual(initiated, ['hq']);
  around.said();
  const replaced = around.sa();
  due(around, replaced, 'replaced');
  assert.deepEqual([replaced.state, around.said()], ['deleting', ['send wan', 'ike.closed replaced']]);
  const half = around.sa({ state: 'halfOpen' });
  due(around, half, 'halfOpen');
  assert.deepEqual([half.state, around.said()], ['dead', []]);
  const idle = around.sa();
  due(around, idle, 'liveness');
  assert.deepEqual([idle.exchanges.outstanding?.task.kind, around.said()], ['liveness', ['send wan']]);
  const turning = around.sa({ mobikeRole: 'responder' });
  turning.mobility.turning = { from: LTE, since: instant(0), wait: millis(500), reasons: [] };
  due(around, turning, 'routability');
  assert.equal(turning.exchanges.outstanding?.task.kind, 'routability');
});

test('NK-1: a keepalive is one octet on the current path, and the next is due 20 s later', () => {
  const around = new Alone();
  const sa = around.sa();
  sa.natLocal = true;
  due(around, sa, 'keepalive');
  assert.deepEqual(around.effects, [{ type: 'packet.send', path: WAN, bytes: Uint8Array.of(0xff) }]);
  assert.deepEqual([sa.lastSent, (sa.timers.get('keepalive') ?? 0) - around.now], [around.time, around.now + INTERVAL - around.now]);
});

test('I2.4-5: an attempt whose candidates are all gone ends with what the last one said; not while one is there', () => {
  const around = new Alone();
  const lost: (string | undefined)[] = [];
  around.host.lost = (sa) => void lost.push(sa.setup?.failure && `${sa.setup.failure.reason} ${sa.setup.failure.detail}`);
  const attempt = (failure: SetUp['failure']): IkeSa => around.sa({ state: 'initSent', setup: { failure } as SetUp });
  const told = attempt({ reason: 'authentication_failed', detail: 'no' });
  const busy = attempt(undefined);
  busy.candidates.push(around.sa());
  due(around, busy, 'candidates');
  assert.deepEqual([busy.state, lost], ['initSent', []]);
  due(around, told, 'candidates');
  due(around, attempt(undefined), 'candidates');
  assert.deepEqual([told.state, lost], ['dead', ['authentication_failed no', 'timeout ']]);
});

test('when one timer ends the SA those after it do nothing', () => {
  const around = new Alone();
  const sa = around.sa({ state: 'halfOpen' });
  sa.timers.set('halfOpen', around.time);
  sa.timers.set('keepalive', around.time);
  sa.tick(around.ctx);
  assert.deepEqual(around.said(), []);
});

test('D6.2-2: a check while a probe of another path is outstanding is that probe, over the current path too', () => {
  const around = new Alone();
  const sa = around.sa();
  asks(around, sa, livenessTask(LTE));
  sa.checkLiveness(around.ctx);
  assert.deepEqual([around.said(), kinds(sa)], [['send wan'], ['probe']]);
});

// ---- children --------------------------------------------------------------------------------------------------------

test('I2.8-4: a child past its hard lifetime is removed, told, deleted by its SPI and made anew by the initiator, as a last resort', () => {
  for (const role of ['initiator', 'responder'] as const) {
    const around = new Alone();
    const kept: number[] = [];
    around.host.keepChildSpi = (spi) => {
      kept.push(spi);
      return spi;
    };
    const sa = around.sa({ mobikeRole: role });
    const child = around.child(sa);
    child.hardAt = around.time;
    child.softAt = instant(around.now + 1);
    around.said();
    sa.timers.set('children', around.time);
    sa.connection = undefined;
    sa.tick(around.ctx);
    assert.deepEqual(around.said(), [`child.remove ${child.handleIn}`, `child.remove ${child.handleOut}`, 'child.closed lan lifetime_expired', 'send wan']);
    assert.deepEqual([kept, kinds(sa)], [[child.spiIn], ['childDelete']]);
    sa.connection = connection(role);
    child.hardAt = around.time;
    sa.children.set(child.spiIn, child);
    sa.missing.clear();
    sa.timers.set('children', around.time);
    sa.exchanges.abandon(around.ctx);
    let wanted: unknown;
    const { set } = sa.missing;
    sa.missing.set = (name, entry) => {
      wanted = entry;
      return set.call(sa.missing, name, entry);
    };
    sa.tick(around.ctx);
    assert.deepEqual(wanted, role === 'initiator' ? { at: around.time, wait: 0, lastResort: true } : undefined);
    assert.deepEqual(kinds(sa), role === 'initiator' ? ['childDelete', 'childCreate'] : ['childDelete']);
  }
});

test('I2.8-4: past its hard lifetime what is on its way out goes without a word, and one that lives a moment longer stays', () => {
  for (const state of ['rekeyed', 'deleting'] as const) {
    const around = new Alone();
    const sa = around.sa();
    const [old, fresh] = [around.child(sa), around.child(sa)];
    old.state = state;
    old.hardAt = around.time;
    fresh.hardAt = instant(around.now + 1);
    fresh.state = state;
    around.said();
    sa.timers.set('children', around.time);
    sa.tick(around.ctx);
    assert.deepEqual([around.said(), kinds(sa), sa.missing.size, sa.children.size], [[`child.remove ${old.handleIn}`, `child.remove ${old.handleOut}`], ['-'], 0, 1]);
  }
});

test('I2.8-1 I2.8-2: a child is taken into use, and rekeyed, when it is time, not before', () => {
  const around = new Alone();
  const sa = around.sa();
  const [used, waiting, soft, young] = [around.child(sa, 'a', { use: { at: around.time } }), around.child(sa, 'b', { use: { at: instant(around.now + 1) } }), around.child(sa, 'c'), around.child(sa, 'd')];
  soft.softAt = around.time;
  young.softAt = instant(around.now + 1);
  around.said();
  sa.timers.set('children', around.time);
  sa.tick(around.ctx);
  assert.deepEqual([used.used, waiting.used, soft.state, young.state], [true, false, 'rekeying', 'installed']);
  assert.deepEqual([around.said()[0], kinds(sa)], [`child.use ${used.handleOut}`, ['childRekey']]);
});

test('I1.3-2: a missing child is asked for when it is time, if it is still configured', () => {
  const around = new Alone();
  const sa = around.sa({ connection: connection('initiator') });
  sa.lastIke = around.time;
  sa.missing.set('other', { at: around.time, wait: millis(0) });
  sa.missing.set('lan', { at: instant(around.now + 1), wait: millis(0) });
  sa.timers.set('children', around.time);
  sa.tick(around.ctx);
  assert.deepEqual([kinds(sa), [...sa.missing.keys()]], [['-'], ['lan']]);
  around.now++;
  sa.tick(around.ctx);
  assert.deepEqual([kinds(sa), sa.missing.size], [['childCreate'], 0]);
});

test('I2.25-2: five minutes of nothing but TEMPORARY_FAILURE end the SA; the first of them is where the time starts', () => {
  const around = new Alone();
  const sa = around.sa();
  sa.temporaryFailure(around.ctx);
  around.now += 299_999;
  sa.temporaryFailure(around.ctx);
  assert.equal(sa.state, 'established');
  around.now++;
  sa.temporaryFailure(around.ctx);
  assert.deepEqual([sa.state, around.said()], ['deleting', ['send wan', 'ike.closed timeout the peer has put everything off for minutes']]);
});

// ---- the end ---------------------------------------------------------------------------------------------------------

test('I1.4.1-1: closing: children go at once, what waits is given up, Delete is the next request, ten seconds for its answer; told once', () => {
  const around = new Alone();
  const sa = around.sa();
  const child = around.child(sa);
  const released: string[] = [];
  asks(around, sa, stub('x', { path: LTE }));
  sa.exchanges.enqueue(stub('y', { release: () => void released.push('y') }));
  sa.timers.set('softLifetime', instant(1));
  sa.shutDown('requested', around.ctx, 'words');
  assert.deepEqual(around.said(), [`child.remove ${child.handleIn}`, `child.remove ${child.handleOut}`, 'send wan', 'ike.closed requested words'], 'I2.3-1: what is outstanding goes to where answers are likeliest');
  assert.deepEqual([sa.state, sa.timers.get('softLifetime'), (sa.timers.get('hardLifetime') ?? 0) - around.now, released], ['deleting', undefined, 10_000, ['y']]);
  sa.shutDown('fault', around.ctx);
  assert.deepEqual([around.said(), kinds(sa)], [[], ['x', 'ikeDelete']]);
});

test('an SA whose peer has made a successor is closed with that one', () => {
  const around = new Alone();
  const sa = around.sa();
  const theirs = around.sa({ state: 'undecided' });
  sa.race = { theirs, ni: low, nr: low };
  sa.shutDown('requested', around.ctx, 'words');
  assert.deepEqual([sa.state, theirs.state], ['rekeyed', 'deleting']);
  assert.deepEqual(around.said().filter((line) => line.startsWith('ike')), ['ike.rekeyed', 'ike.closed requested words']);
});

test('an SA that was not established is closed without Delete; an attempt is told as lost, others are not', () => {
  const lost = (state: IkeState, setup: SetUp | undefined = {} as SetUp): [number, unknown, string[], string] => {
    const around = new Alone();
    let count = 0;
    around.host.lost = () => void count++;
    const sa = around.sa({ state, setup });
    sa.shutDown('requested', around.ctx, 'words');
    return [count, setup?.failure, around.said(), sa.state];
  };
  for (const state of ['initSent', 'authSent'] as const) assert.deepEqual(lost(state), [1, { reason: 'requested', detail: 'words' }, [], 'dead']);
  for (const state of ['halfOpen', 'rekeyed', 'undecided'] as const) assert.deepEqual(lost(state), [0, undefined, [], 'dead']);
  const around = new Alone();
  const sa = around.sa({ state: 'authSent' });
  sa.close('timeout', '', around.ctx);
  assert.equal(sa.state, 'dead');
  const dead = around.sa({ state: 'dead' });
  dead.close('timeout', '', around.ctx);
  dead.die(around.ctx);
  assert.deepEqual(around.retired, [sa]);
});

test('a dead SA has nothing any more: children, SPIs, keys, requests, timers, private values', () => {
  const around = new Alone();
  const sa = around.sa({ setup: { dh: around.suite.dh(31, low) } as SetUp });
  const child = around.child(sa);
  const released: string[] = [];
  asks(around, sa, stub('x', { release: () => void released.push('x') }));
  sa.timers.set('softLifetime', instant(1));
  const { keys } = sa.keyed();
  sa.close('peer_dead', 'words', around.ctx);
  assert.deepEqual(around.said(), [`child.remove ${child.handleIn}`, `child.remove ${child.handleOut}`, 'ike.closed peer_dead words']);
  assert.deepEqual([released, sa.timers.next(), around.privates.size, around.freed, around.retired, sa.children.size], [['x'], undefined, 0, [child.spiIn], [sa], 0]);
  assert.ok(keys.skD.every((octet) => octet === 0) && keys.skEi.every((octet) => octet === 0));
});

test('with an SA goes what hangs on it: candidates, an undecided successor, what it replaced, its rival', () => {
  const around = new Alone();
  const sa = around.sa();
  const [candidate, theirs, old, rival] = [around.sa(), around.sa({ state: 'undecided' }), around.sa({ state: 'rekeyed' }), around.sa({ state: 'rekeyed' })];
  sa.candidates.push(candidate);
  sa.race = { theirs, ni: low, nr: low };
  [sa.predecessor, sa.rival] = [old, rival];
  sa.die(around.ctx);
  assert.deepEqual([candidate.state, theirs.state, old.state, rival.state, sa.predecessor, sa.rival, sa.candidates.length], ['dead', 'dead', 'dead', 'dead', undefined, undefined, 0]);
});

test('what outlives an SA: a successor that took over, an old SA whose Delete we sent, and the old one of a successor that never was', () => {
  const around = new Alone();
  const [first, theirs] = [around.sa(), around.sa()];
  first.race = { theirs, ni: low, nr: low };
  first.die(around.ctx);
  assert.equal(theirs.state, 'established');
  const [second, old] = [around.sa(), around.sa({ state: 'rekeyed' })];
  old.exchanges.enqueue(deleteIkeTask());
  second.predecessor = old;
  second.die(around.ctx);
  assert.equal(old.state, 'rekeyed');
  const [undecided, before] = [around.sa({ state: 'undecided' }), around.sa()];
  undecided.predecessor = before;
  undecided.die(around.ctx);
  assert.deepEqual([before.state, undecided.predecessor], ['established', undefined]);
});

test('what an SA looks like from outside', () => {
  const around = new Alone();
  const sa = around.sa({ chain: 7, mobikeRole: 'responder' });
  const [child, half] = [around.child(sa), around.child(sa, 'voice')];
  half.outGone = true;
  Object.assign(sa, { natLocal: true, natRemote: false, peerId: { text: 'them', idType: 2, data: low } });
  sa.timers.set('softLifetime', instant(500_000));
  const { children, ...status } = sa.status();
  assert.deepEqual(status, {
    chain: 7, connection: 'hq', role: 'responder', state: 'established', peer: 'them', path: WAN, vips: [], mobike: true, natLocal: true, natRemote: false, encapsulation: 'udp', establishedAt: 1000, spiI: 1n, spiR: 2n,
    proposal: sa.proposal, rekeyAt: 500_000,
  });
  const row = { child: child.child, state: 'installed', inHandle: child.handleIn, outHandle: child.handleOut, spiIn: child.spiIn, spiOut: child.spiOut, proposal: child.proposal, local: [], remote: [], rekeyAt: child.softAt };
  assert.deepEqual(children[0], { name: 'lan', ...row });
  assert.deepEqual([children[1]?.name, children[1]?.outHandle, children[1]?.inHandle], ['voice', 0, half.handleIn]);
});
