// Rekeying of an IKE SA, both ends of it, on SAs alone: refusals, crossings and what a successor takes over, one by one.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { instant, ip, millis, pathKey, seconds } from '../../../src/base/index.ts';
import { findNotify, findPayload, notify, type IkeSpi, type Payload } from '../../../src/codec/ike/index.ts';
import type { ChildSa } from '../../../src/ike/child-sa.ts';
import type { Task } from '../../../src/ike/exchange.ts';
import type { IkeSa } from '../../../src/ike/ike-sa.ts';
import { livenessTask } from '../../../src/ike/tasks/liveness.ts';
import { conclude, rekeyIkeTask, respondRekeyIke } from '../../../src/ike/tasks/ike-rekey.ts';
import { deleteIkeTask } from '../../../src/ike/tasks/informational.ts';
import { connection, IKE_SUITE } from '../pair.ts';
import { rawNotify } from '../scripted-peer.ts';
import { Alone, alone, LTE, WAN } from '../lone.ts';

const id = (text: string): NonNullable<IkeSa['localId']> => ({ text, idType: 2, data: new Uint8Array([1, 2]) });
const child = (name: string, state: string): ChildSa => ({ config: { name }, state, spiIn: 5, local: [], remote: [] }) as unknown as ChildSa;
const stub = (kind: string, exchange: Task['exchange'] = 'INFORMATIONAL'): Task => ({ kind, exchange, patience: seconds(300), build: () => [], onResponse: () => undefined, onTimeout: () => undefined });
const low = new Uint8Array(32);
const high = new Uint8Array(32).fill(0xff);

/** The peer's end of the same SA. */
const other = (around: Alone): IkeSa => around.sa({ originalInitiator: false, mobikeRole: 'responder', connection: connection('responder') });

interface Asked { readonly sa: IkeSa; readonly task: Task; readonly request: readonly Payload[]; readonly answer: readonly Payload[]; readonly peer: IkeSa }
/** A rekeying of ours that the peer has answered; we have not heard that yet. */
function asked(around: Alone, sa = around.sa(), peer = other(around)): Asked {
  const task = rekeyIkeTask(sa, around.ctx);
  const request = task.build(sa, around.ctx);
  assert.ok(request);
  let answer: readonly Payload[] = [];
  respondRekeyIke(peer, request, (payloads) => void (answer = payloads), around.ctx);
  around.said();
  around.adopted.length = 0;
  around.admitted.length = 0;
  return { sa, task, request, answer, peer };
}
/** What `peer` answers to a rekeying that `change` has altered. */
function answered(around: Alone, peer: IkeSa, change: (payloads: readonly Payload[]) => readonly Payload[] = (p) => p): readonly Payload[] {
  const request = rekeyIkeTask(around.sa(), around.ctx).build(around.sa(), around.ctx);
  assert.ok(request);
  let answer: readonly Payload[] = [];
  respondRekeyIke(peer, change(request), (payloads) => void (answer = payloads), around.ctx);
  return answer;
}
function outstanding(sa: IkeSa, task: Task, around: Alone): void {
  sa.exchanges.enqueue(task);
  sa.exchanges.pump(around.ctx);
}
const has = (sa: IkeSa, ...children: ChildSa[]): void => children.forEach((c, i) => sa.children.set(i, c));
const errorOf = (payloads: readonly Payload[]): number | undefined => payloads.flatMap((p) => (p.type === 'N' ? [p.notify] : []))[0];
const [INVALID_SYNTAX, NO_PROPOSAL_CHOSEN, INVALID_KE_PAYLOAD, TEMPORARY_FAILURE] = [7, 14, 17, 43];

// ---- a rekeying of ours ----------------------------------------------------------------------------------------------

test('I1.3-1 I2.18-1: a rekeying offers what is configured under an SPI of its own, with a nonce and a public value of its own', () => {
  const around = new Alone();
  const sa = around.sa();
  around.fill = { nonce: 3 };
  const payloads = rekeyIkeTask(sa, around.ctx).build(sa, around.ctx) ?? [];
  const offer = findPayload(payloads, 'SA')?.proposals[0];
  assert.deepEqual([offer?.protocol, offer?.spi.length, findPayload(payloads, 'KE')?.group], [1, 8, 31]);
  assert.deepEqual(findPayload(payloads, 'NONCE')?.data, new Uint8Array(32).fill(3));
  assert.deepEqual(around.labels.filter((label) => label !== 'iv'), ['nonce', 'dh']);
});

test('nothing is asked when the SA is on its way out, or when no group is configured', () => {
  const around = new Alone();
  for (const sa of [around.sa({ state: 'deleting' }), around.sa({ state: 'rekeyed' }), around.sa({ connection: connection('initiator', { ikeProposals: [{ ...IKE_SUITE, groups: [] }] }) }), around.sa({ connection: undefined })])
    assert.equal(rekeyIkeTask(sa, around.ctx).build(sa, around.ctx), undefined);
  assert.equal(around.privates.size, 0);
});

for (const [name, fill, waits] of [
  ['NO_PROPOSAL_CHOSEN', 0, [60_000, 120_000, 240_000, 480_000, 600_000, 600_000]],
  ['TEMPORARY_FAILURE', 0, [5_000, 10_000, 20_000, 40_000]],
  ['NO_PROPOSAL_CHOSEN', 255, [90_000, 180_000]],
] as const) {
  test(`I2.25-2: ${name} as the answer to a rekeying: told, and asked again after ${waits.join(', ')} ms`, () => {
    const around = new Alone();
    around.fill = { 'rekey-wait': fill };
    const sa = around.sa();
    for (const wait of waits) {
      const task = rekeyIkeTask(sa, around.ctx);
      task.build(sa, around.ctx);
      assert.equal(around.privates.size, 1);
      task.onResponse(sa, [notify(name)], alone(WAN), around.ctx);
      assert.equal(Math.round((sa.timers.get('softLifetime') ?? 0) - around.now), wait);
      assert.deepEqual([around.said(), around.privates.size], [[`warn: rekeying the IKE SA failed: ${name}`], 0]);
    }
    assert.equal(sa.temporarySince, name === 'TEMPORARY_FAILURE' ? around.time : undefined);
    assert.equal(sa.isReauthenticating, false);
    assert.equal(around.labels.filter((label) => label === 'rekey-wait').length, waits.length);
  });
}

test('I4-1: a peer that makes no additional SAs gets a new one from scratch', () => {
  const around = new Alone();
  const initiated: string[] = [];
  around.host.initiate = (name, paths) => void initiated.push(`${name} ${paths[0]?.uplink}`);
  const sa = around.sa();
  const task = rekeyIkeTask(sa, around.ctx);
  task.build(sa, around.ctx);
  task.onResponse(sa, [notify('NO_ADDITIONAL_SAS')], alone(WAN), around.ctx);
  assert.deepEqual([initiated, sa.isReauthenticating], [['hq wan'], true]);
});

test('a refusal on an SA that is being closed changes nothing', () => {
  const around = new Alone();
  const { sa, task } = asked(around);
  sa.state = 'deleting';
  task.onResponse(sa, [notify('NO_PROPOSAL_CHOSEN')], alone(WAN), around.ctx);
  assert.deepEqual([sa.timers.get('softLifetime'), sa.rekeyWait], [undefined, 0]);
});

test('I2.8.2-1: a refusal while the peer has made a successor: that one takes over, and nothing failed', () => {
  const around = new Alone();
  const { sa, task } = asked(around);
  const theirs = around.sa({ state: 'undecided' });
  sa.race = { theirs, ni: low, nr: low };
  task.onResponse(sa, [notify('NO_PROPOSAL_CHOSEN')], alone(WAN), around.ctx);
  assert.deepEqual([theirs.state, sa.state, sa.successor, sa.timers.get('softLifetime')], ['established', 'rekeyed', theirs, undefined]);
  assert.deepEqual(around.said(), ['ike.rekeyed']);
});

test('I1.3-1: another group that we offer is tried once, before anything else; no other, none that is malformed, and not while the peer has a successor', () => {
  const follows = (data: number[], change: (sa: IkeSa) => void = () => undefined, group?: number): string[] => {
    const around = new Alone();
    const sa = around.sa();
    sa.exchanges.enqueue(livenessTask(undefined));
    const task = rekeyIkeTask(sa, around.ctx, group);
    task.build(sa, around.ctx);
    change(sa);
    task.onResponse(sa, [rawNotify(INVALID_KE_PAYLOAD, Uint8Array.from(data))], alone(WAN), around.ctx);
    assert.equal(around.privates.size, 0, 'wiped');
    const waiting = sa.exchanges.takeWaiting();
    const again = waiting[0]?.kind === 'ikeRekey' ? findPayload(waiting[0].build(sa, around.ctx) ?? [], 'KE')?.group : 0;
    return [...waiting.map((t) => t.kind), String(again), ...around.said()];
  };
  const failed = ['liveness', '0', 'warn: rekeying the IKE SA failed: INVALID_KE_PAYLOAD'];
  assert.deepEqual(follows([0, 19]), ['ikeRekey', 'liveness', '19']);
  for (const data of [[1, 19], [0, 19, 0], [19], [], [0, 14]]) assert.deepEqual(follows(data), failed, data.join());
  assert.deepEqual(follows([0, 31], undefined, 19), failed);
  assert.deepEqual(follows([0, 19], (sa) => void (sa.race = { theirs: sa, ni: low, nr: low })).slice(0, 2), ['liveness', '0']);
});

test('I2.21-1 AL-3: an answer that is of no use ends the SA, with Delete: the peer goes on with a successor that we cannot have', () => {
  const without = (type: Payload['type']) => (p: readonly Payload[]): Payload[] => p.filter((x) => x.type !== type);
  const ke = (group: number, data?: Uint8Array) => (p: readonly Payload[]): Payload[] => p.map((x) => (x.type === 'KE' ? { ...x, group, data: data ?? x.data } : x));
  const withGroup = (group: number) => (p: readonly Payload[]): Payload[] =>
    p.map((x) => (x.type === 'SA' ? { ...x, proposals: x.proposals.map((o) => ({ ...o, transforms: o.transforms.map((t) => (t.type === 4 ? { ...t, id: group } : t)) })) } : x));
  const nonce = (octets: number) => (p: readonly Payload[]): Payload[] => p.map((x) => (x.type === 'NONCE' ? { ...x, data: new Uint8Array(octets) } : x));
  const spoilt = [without('SA'), without('KE'), without('NONCE'), ke(19), ke(31, new Uint8Array(32)), ke(31, new Uint8Array(3)), withGroup(19), nonce(15), nonce(257)];
  for (const spoil of spoilt) {
    const around = new Alone();
    const { sa, task, answer } = asked(around);
    task.onResponse(sa, spoil(answer), alone(WAN), around.ctx);
    assert.deepEqual([sa.state, around.said(), around.privates.size], ['deleting', ['send wan', 'ike.closed invalid_syntax the answer to the rekeying of the IKE SA is of no use'], 0]);
    assert.deepEqual(around.adopted, []);
  }
});

test('I2.1-1: no answer at all ends the SA; not when the peer\'s successor has taken over', () => {
  const around = new Alone();
  const { sa, task } = asked(around);
  sa.successor = around.sa();
  task.onTimeout(sa, around.ctx);
  assert.deepEqual([around.said(), sa.state], [[], 'established']);
  sa.successor = undefined;
  task.onTimeout(sa, around.ctx);
  assert.deepEqual(around.said(), ['ike.closed peer_dead no answer to the rekeying of the IKE SA']);
  assert.equal(around.privates.size, 1);
  task.release?.(around.ctx);
  assert.equal(around.privates.size, 0);
});

// ---- both at once ----------------------------------------------------------------------------------------------------

test('I2.18-1: the successor: the I flag is ours, SPIs and keys of its own; secrets are wiped; the old one is deleted as its last request', () => {
  const around = new Alone();
  const { sa, task, answer, peer } = asked(around);
  const theirs = peer.successor;
  task.onResponse(sa, answer, alone(WAN), around.ctx);
  const [mine] = around.adopted;
  assert.ok(mine && theirs && mine === sa.successor);
  assert.deepEqual([mine.originalInitiator, theirs.originalInitiator, mine.spiI === theirs.spiI, mine.spiR === theirs.spiR], [true, false, true, true]);
  assert.deepEqual(mine.keyed().keys, theirs.keyed().keys);
  assert.notDeepEqual(mine.keyed().keys.skD, sa.keyed().keys.skD);
  assert.ok(around.secrets.length === 2 && around.secrets.every((s) => s.every((octet) => octet === 0)), 'wiped');
  assert.equal(around.privates.size, 0);
  assert.deepEqual([sa.state, mine.state, mine.predecessor, sa.exchanges.has('ikeDelete')], ['rekeyed', 'established', sa, true]);
  assert.deepEqual(around.said(), ['ike.rekeyed']);
});

test('I2.8.2-1: ours has the lowest nonce: it is deleted, and the peer\'s takes over', () => {
  const around = new Alone();
  const { sa, task, answer } = asked(around);
  const theirs = around.sa({ state: 'undecided' });
  sa.race = { theirs, ni: high, nr: high };
  task.onResponse(sa, answer, alone(WAN), around.ctx);
  const [mine] = around.admitted;
  assert.ok(mine);
  assert.deepEqual([theirs.state, sa.state, sa.successor, sa.race, around.adopted], ['established', 'rekeyed', theirs, undefined, [theirs]]);
  assert.deepEqual([mine.state, mine.predecessor, mine.exchanges.outstanding?.task.kind, (mine.timers.get('hardLifetime') ?? 0) - around.now], ['deleting', undefined, 'ikeDelete', 10_000]);
  assert.equal(sa.exchanges.has('ikeDelete'), false, 'who made the survivor deletes the old one');
});

test('I2.8.2-1: theirs has the lowest nonce: ours takes over, theirs waits for its Delete a minute and asks nothing', () => {
  const around = new Alone();
  const { sa, task, answer } = asked(around);
  const theirs = around.sa({ state: 'undecided' });
  theirs.predecessor = sa;
  theirs.timers.set('softLifetime', instant(5));
  sa.race = { theirs, ni: high, nr: low };
  task.onResponse(sa, answer, alone(WAN), around.ctx);
  const [mine] = around.adopted;
  assert.deepEqual([mine?.state, mine?.rival, theirs.state, theirs.successor, theirs.predecessor, sa.race], ['established', theirs, 'rekeyed', mine, undefined, undefined]);
  assert.deepEqual([theirs.timers.get('softLifetime'), (theirs.timers.get('hardLifetime') ?? 0) - around.now, sa.exchanges.has('ikeDelete')], [undefined, 60_000, true]);
});

test('I2.8.2-1: theirs was in use already: what it took over goes on to ours', () => {
  const around = new Alone();
  const { sa, task, answer } = asked(around);
  const theirs = around.sa({ path: LTE });
  theirs.children.set(5, child('lan', 'installed'));
  sa.state = 'rekeyed';
  sa.race = { theirs, ni: low, nr: low };
  task.onResponse(sa, answer, alone(WAN), around.ctx);
  assert.deepEqual([around.adopted[0]?.children.size, around.adopted[0]?.path.uplink, theirs.children.size], [1, 'lte', 0]);
});

test('a successor of the peer that is gone is none', () => {
  const around = new Alone();
  const { sa, task, answer } = asked(around);
  sa.race = { theirs: around.sa({ state: 'dead' }), ni: high, nr: high };
  task.onResponse(sa, answer, alone(WAN), around.ctx);
  assert.deepEqual([around.adopted[0]?.state, around.adopted[0]?.rival, sa.successor === around.adopted[0]], ['established', undefined, true]);
});

test('closed while the rekeying was on its way: what the peer made is deleted, and the old one, once', () => {
  for (const hasDelete of [false, true]) {
    const around = new Alone();
    const { sa, task, answer } = asked(around);
    sa.state = 'deleting';
    if (hasDelete) sa.exchanges.enqueue(deleteIkeTask());
    task.onResponse(sa, answer, alone(WAN), around.ctx);
    assert.deepEqual(around.adopted, []);
    assert.equal(around.admitted[0]?.exchanges.outstanding?.task.kind, 'ikeDelete');
    assert.deepEqual(sa.exchanges.takeWaiting().map((t) => t.kind), ['ikeDelete']);
  }
});

test('closed while both rekey: the peer\'s undecided successor is not taken over by', () => {
  const around = new Alone();
  const { sa, task, answer } = asked(around);
  const theirs = around.sa({ state: 'undecided' });
  sa.race = { theirs, ni: low, nr: low };
  sa.state = 'deleting';
  task.onResponse(sa, answer, alone(WAN), around.ctx);
  assert.deepEqual([around.adopted, theirs.state], [[], 'undecided']);
});

test('I2.8.2-1: the peer has decided: its successor takes over once, if there is one', () => {
  const around = new Alone();
  const sa = around.sa();
  assert.equal(conclude(sa, around.ctx), false);
  sa.race = { theirs: around.sa({ state: 'dead' }), ni: low, nr: low };
  assert.equal(conclude(sa, around.ctx), false);
  const theirs = around.sa({ state: 'undecided' });
  sa.race = { theirs, ni: low, nr: low };
  assert.deepEqual([conclude(sa, around.ctx), theirs.state, around.adopted.length], [true, 'established', 1]);
  assert.deepEqual([conclude(sa, around.ctx), around.adopted.length], [true, 1]);
});

// ---- a rekeying of the peer ------------------------------------------------------------------------------------------

test('I2.25-1: TEMPORARY_FAILURE while something is created or deleted, or while the chain has two SAs already', () => {
  const cases: [string, (sa: IkeSa, around: Alone) => void, number | undefined][] = [
    ['nothing', () => undefined, undefined],
    ['a child is created', (sa, around) => outstanding(sa, stub('childCreate', 'CREATE_CHILD_SA'), around), TEMPORARY_FAILURE],
    ['a check', (sa, around) => outstanding(sa, stub('liveness'), around), undefined],
    ['a Delete waits', (sa) => sa.exchanges.enqueue(stub('childDelete')), TEMPORARY_FAILURE],
    ['one child of two is on its way out', (sa) => has(sa, child('a', 'installed'), child('b', 'deleting')), TEMPORARY_FAILURE],
    ['children are up', (sa) => has(sa, child('a', 'installed'), child('b', 'rekeyed')), undefined],
    ['both rekey, and it has made one', (sa, around) => void (sa.race = { theirs: around.sa(), ni: low, nr: low }), TEMPORARY_FAILURE],
    ['the one before is there', (sa, around) => void (sa.predecessor = around.sa({ state: 'rekeyed' })), TEMPORARY_FAILURE],
    ['the one before is gone', (sa, around) => void (sa.predecessor = around.sa({ state: 'dead' })), undefined],
  ];
  for (const [what, prepare, expected] of cases) {
    const around = new Alone();
    const sa = other(around);
    prepare(sa, around);
    assert.equal(errorOf(answered(around, sa)), expected, what);
    assert.equal(around.adopted.length, expected === undefined ? 1 : 0, what);
  }
});

test('I1.3-1: an offer without SA, nonce or group in common; a missing or another KE: the group that is wanted', () => {
  const around = new Alone();
  const drop = (type: Payload['type']) => (p: readonly Payload[]): Payload[] => p.filter((x) => x.type !== type);
  assert.equal(errorOf(answered(around, other(around), drop('SA'))), NO_PROPOSAL_CHOSEN);
  assert.equal(errorOf(answered(around, other(around), drop('NONCE'))), NO_PROPOSAL_CHOSEN);
  assert.equal(errorOf(answered(around, around.sa({ connection: undefined }))), NO_PROPOSAL_CHOSEN);
  const odd = connection('responder', { ikeProposals: [{ ...IKE_SUITE, groups: [999] }] });
  const offers999 = (p: readonly Payload[]): Payload[] => p.map((x) => (x.type === 'SA' ? { ...x, proposals: x.proposals.map((o) => ({ ...o, transforms: [...o.transforms, { type: 4, id: 999 }] })) } : x));
  assert.equal(errorOf(answered(around, around.sa({ connection: odd }), offers999)), NO_PROPOSAL_CHOSEN, 'a group without a row');
  for (const change of [drop('KE'), (p: readonly Payload[]): Payload[] => p.map((x) => (x.type === 'KE' ? { ...x, group: 19 } : x))]) {
    const answer = answered(around, other(around), change);
    assert.deepEqual([errorOf(answer), findNotify(answer, 'INVALID_KE_PAYLOAD')?.data], [INVALID_KE_PAYLOAD, Uint8Array.of(0, 31)]);
  }
  assert.deepEqual(around.adopted, []);
});

test('AL-3: an invalid public value ends the SA, and no private value is left', () => {
  const around = new Alone();
  const sa = other(around);
  const answer = answered(around, sa, (p) => p.map((x) => (x.type === 'KE' ? { ...x, data: new Uint8Array(32) } : x)));
  assert.deepEqual([errorOf(answer), sa.state, around.privates.size], [INVALID_SYNTAX, 'dead', 1], 'the asking end has its own');
  assert.deepEqual(around.said(), ['ike.closed invalid_syntax invalid public value in the rekeying of the IKE SA']);
});

test('I2.8.2-1: a rekeying of the peer that crosses ours: what it makes waits beside the old SA, five minutes at most', () => {
  const around = new Alone();
  const sa = other(around);
  sa.exchanges.enqueue(stub('ikeRekey', 'CREATE_CHILD_SA'));
  sa.exchanges.pump(around.ctx);
  const nonce = new Uint8Array(32).fill(1);
  around.fill = { nonce: 2 };
  const answer = answered(around, sa, (p) => p.map((x) => (x.type === 'NONCE' ? { ...x, data: nonce } : x)));
  nonce.fill(9);
  assert.deepEqual([sa.race?.ni, sa.race?.nr, findPayload(answer, 'NONCE')?.data], [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2), new Uint8Array(32).fill(2)]);
  const theirs = sa.race?.theirs;
  assert.deepEqual([theirs?.state, around.admitted, around.adopted, sa.state, sa.successor], ['undecided', [theirs], [], 'established', undefined]);
  assert.equal((theirs?.timers.get('hardLifetime') ?? 0) - around.now, 300_000);
  assert.deepEqual(around.labels.filter((label) => label === 'dh').length, 2, 'one private value each');
});

// ---- what a successor takes over -------------------------------------------------------------------------------------

test('X-1 I2.18-1: everything of the chain goes over to the successor, and nothing of it stays', () => {
  const around = new Alone();
  around.fill = { 'ike-lifetime': 0 };
  const old = around.sa({ connection: connection('initiator', { ikeLifetime: seconds(1000) }), path: LTE });
  const kept = child('lan', 'installed');
  const undated = {} as NonNullable<IkeSa['undated']>;
  const traffic = { lastInbound: instant(7), lastOutbound: instant(8), lastAny: instant(9) };
  Object.assign(old, {
    localId: id('us'), peerId: id('them'), undated, establishedAt: instant(77), fragmentation: true, vips: [ip('10.9.0.1')], natLocal: false, natRemote: true, traffic, trafficActive: millis(3_000),
    lastSent: instant(55), reauthAt: instant(900_000), reauthWait: millis(60_000), isReauthenticating: true,
  });
  old.children.set(5, kept);
  old.rtt.set(pathKey(WAN), millis(33));
  old.missing.set('voice', { at: instant(200_000), wait: millis(1) });
  old.unwanted.add('guest');
  old.mobility.mappings.set('x', low);
  old.mobility.lastUpdateId = 9;
  old.mobility.verified.set('y', instant(999_999));
  old.timers.set('replaced', instant(150_000));
  old.timers.set('liveness', instant(150_000));
  const { task, answer } = asked(around, old);
  old.exchanges.enqueue(stub('childRekey'));
  old.exchanges.enqueue(stub('ikeRekey'));
  task.onResponse(old, answer, alone(WAN), around.ctx);
  const [sa] = around.adopted;
  assert.ok(sa);
  assert.deepEqual(
    [sa.localId?.text, sa.peerId?.text, sa.undated, sa.establishedAt, sa.fragmentation, sa.vips, sa.natLocal, sa.natRemote, sa.traffic, sa.trafficActive, sa.path.uplink],
    ['us', 'them', undated, 77, true, ['10.9.0.1'], false, true, traffic, 3000, 'lte'],
  );
  assert.deepEqual([sa.reauthAt, sa.reauthWait, sa.isReauthenticating, sa.timers.get('reauth'), sa.timers.get('replaced')], [900_000, 60_000, true, 900_000, 150_000]);
  assert.deepEqual([[...sa.children], old.children.size, [...sa.rtt], [...sa.missing.keys()], old.missing.size, [...sa.unwanted]], [[[5, kept]], 0, [[pathKey(WAN), 33]], ['voice'], 0, ['guest']]);
  assert.deepEqual([sa.mobility.supported, sa.mobility.mappings.size, sa.mobility.lastUpdateId, [...sa.mobility.verified.keys()]], [true, 0, -1, ['y']], 'message IDs start anew, and the hashes are over SPIs');
  assert.deepEqual([(sa.timers.get('softLifetime') ?? 0) - around.now, (sa.timers.get('hardLifetime') ?? 0) - around.now, sa.lastIke], [900_000, 1_000_000, around.now], '0.9 of it');
  assert.ok(around.labels.includes('ike-lifetime'));
  assert.deepEqual([sa.exchanges.outstanding?.task.kind, sa.exchanges.has('ikeRekey')], ['childRekey', false], 'what waited goes on, but not another rekeying');
  assert.deepEqual([old.state, old.successor, old.timers.get('liveness'), (old.timers.get('hardLifetime') ?? 0) - around.now], ['rekeyed', sa, undefined, 300_000]);
});

test('an SA without a time to end, to be proven anew or of a connection has none after a rekeying', () => {
  const around = new Alone();
  const old = around.sa();
  const { task, answer } = asked(around, old);
  old.lastSent = instant(44);
  old.connection = undefined;
  const successor = (): IkeSa | undefined => around.adopted[0];
  old.connection = connection('initiator');
  task.onResponse(old, answer, alone(WAN), around.ctx);
  const sa = successor();
  assert.deepEqual([sa?.timers.get('replaced'), sa?.timers.get('reauth'), sa?.reauthAt, sa?.mobility.pending, sa?.lastSent], [undefined, undefined, undefined, undefined, 44]);
  assert.equal((sa?.timers.get('hardLifetime') ?? 0) - around.now, 14_400_000);
});

test('a peer whose connection is not known any more is rekeyed after four hours', () => {
  const around = new Alone();
  const { peer, sa, task, answer } = asked(around);
  assert.ok(peer.successor);
  sa.race = undefined;
  const theirs = around.sa({ state: 'undecided', connection: undefined });
  sa.race = { theirs, ni: high, nr: high };
  task.onResponse(sa, answer, alone(WAN), around.ctx);
  assert.equal((theirs.timers.get('hardLifetime') ?? 0) - around.now, 14_400_000);
});

test('a peer that has used its successor is given a minute for the Delete of the old SA', () => {
  const around = new Alone();
  const sa = around.sa();
  const theirs = around.sa({ state: 'undecided' });
  theirs.heard(WAN, around.ctx);
  sa.race = { theirs, ni: low, nr: low };
  conclude(sa, around.ctx);
  assert.equal((sa.timers.get('hardLifetime') ?? 0) - around.now, 60_000);
});

test('X-1 M3.8-3: a move that the peer has not confirmed is asked for on the successor; behind a NAT a fresh baseline is', () => {
  const pendingAfter = (change: (sa: IkeSa) => void): [readonly string[] | undefined, string | undefined, unknown] => {
    const around = new Alone();
    const { sa, task, answer } = asked(around);
    change(sa);
    task.onResponse(sa, answer, alone(WAN), around.ctx);
    const [made] = around.adopted;
    return [made?.mobility.pending?.reasons, made?.exchanges.outstanding?.task.kind, sa.mobility.pending];
  };
  assert.deepEqual(pendingAfter((sa) => void (sa.mobility.pending = { from: LTE, reasons: ['moved'], since: instant(0), due: false })), [['moved'], 'update', undefined]);
  assert.deepEqual(pendingAfter((sa) => void (sa.natLocal = true)), [['baseline'], 'update', undefined]);
  assert.deepEqual(pendingAfter(() => undefined), [undefined, undefined, undefined]);
});

test('X-1: a return routability check that is due is asked on the successor', () => {
  const around = new Alone();
  const { peer } = asked(around);
  assert.equal(peer.successor?.exchanges.outstanding, undefined);
  const sa = other(around);
  sa.mobility.turning = { from: LTE, since: instant(0), wait: millis(500), reasons: [] };
  answered(around, sa);
  assert.equal(sa.successor?.exchanges.outstanding?.task.kind, 'routability');
  assert.equal((sa.successor?.spiI ?? 0n) > (0n as IkeSpi), true);
});
