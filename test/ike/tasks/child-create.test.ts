// The creation and rekeying of a Child SA, both ends of it, on IKE SAs alone: refusals and their waits, crossings, what is told and given back.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { instant, ip, millis, parsePrefix, type IpPrefix } from '../../../src/base/index.ts';
import { findNotify, findPayload, notify, type Payload } from '../../../src/codec/ike/index.ts';
import { useChild, type ChildSa } from '../../../src/ike/child-sa.ts';
import { CHILD_SETTLE } from '../../../src/ike/constants.ts';
import type { Task } from '../../../src/ike/exchange.ts';
import type { IkeSa } from '../../../src/ike/ike-sa.ts';
import type { IkeConnection, IkeIdentity } from '../../../src/ike/index.ts';
import { childTask, createChildTask, respondCreateChild } from '../../../src/ike/tasks/child-create.ts';
import { rekeyChildTask } from '../../../src/ike/tasks/child-rekey.ts';
import { connection, ESP_SUITE } from '../pair.ts';
import { Alone, alone, WAN } from '../lone.ts';
import { HUB_NET, range, rawNotify, ROUTER_NET, spi4 } from '../scripted-peer.ts';

const low = new Uint8Array(32);
const high = new Uint8Array(32).fill(0xff);
const withGroups = (role: 'initiator' | 'responder', ...groups: number[]): IkeConnection => {
  const plain = connection(role);
  return { ...plain, children: plain.children.map((c) => ({ ...c, espProposals: [{ ...ESP_SUITE, groups }] })) };
};
const lan = (sa: IkeSa): IkeConnection['children'][number] => {
  const [config] = sa.connection?.children ?? [];
  assert.ok(config);
  return config;
};
const waiting = (sa: IkeSa): string[] => sa.exchanges.takeWaiting().map((task) => task.kind);
const child = (around: Alone, sa: IkeSa, change: Parameters<Alone['child']>[2] = {}): ChildSa => around.child(sa, 'lan', { config: lan(sa), local: [ROUTER_NET], remote: [HUB_NET], ...change });

interface Asked {
  readonly around: Alone;
  readonly sa: IkeSa;
  readonly peer: IkeSa;
  readonly old: ChildSa | undefined;
  readonly task: Task;
  readonly request: readonly Payload[];
  readonly answer: readonly Payload[];
}
/** A creation, or with `rekeys` a rekeying, that the peer has answered; we have not heard that yet. */
function asked(rekeys = false, groups: readonly number[] = [], aim: { group?: number; lastResort?: boolean; wait?: number } = {}, role: 'initiator' | 'responder' = 'initiator'): Asked {
  const around = new Alone();
  around.fill = { 'child-wait': 0 };
  const [mine, theirs] = role === 'initiator' ? (['initiator', 'responder'] as const) : (['responder', 'initiator'] as const);
  const sa = around.sa({ connection: withGroups(mine, ...groups), mobikeRole: mine });
  const peer = around.sa({ originalInitiator: false, mobikeRole: theirs, connection: withGroups(theirs, ...groups) });
  const flip = role === 'responder' ? { local: [HUB_NET], remote: [ROUTER_NET] } : {};
  const old = rekeys ? child(around, sa, flip) : undefined;
  const unflip = role === 'initiator' ? { local: [HUB_NET], remote: [ROUTER_NET] } : {};
  if (old) child(around, peer, { spiIn: old.spiOut, spiOut: old.spiIn, ...unflip });
  const { group, ...more } = aim;
  const fresh = { config: lan(sa), old, wait: millis(aim.wait ?? 0), ...(group === undefined ? {} : { group }), lastResort: more.lastResort === true };
  const task = old && group === undefined ? rekeyChildTask(sa, old) : childTask(fresh);
  const request = task.build(sa, around.ctx);
  assert.ok(request);
  let answer: readonly Payload[] = [];
  respondCreateChild(peer, request, (payloads) => void (answer = payloads), around.ctx);
  around.said();
  around.freed.length = 0;
  return { around, sa, peer, old, task, request, answer };
}
const hears = ({ task, sa, around, answer }: Asked, payloads: readonly Payload[] = answer): void => task.onResponse(sa, payloads, alone(WAN), around.ctx);
const change = (type: Payload['type'], edit: (p: Payload) => Payload | undefined) => (payloads: readonly Payload[]): Payload[] => payloads.flatMap((p) => (p.type === type ? (edit(p) ?? []) : [p]));
const installs = (lines: readonly string[]): number => lines.filter((line) => line.startsWith('install')).length;

// ---- a creation of ours ----------------------------------------------------------------------------------------------

test('I1.3-1 I2.8-1: a child that was created: both directions, told, and a dummy packet shows the peer that we use it', () => {
  const all = asked();
  assert.equal(all.task.kind, 'childCreate');
  assert.deepEqual(all.request.map((p) => p.type), ['SA', 'NONCE', 'TSi', 'TSr']);
  assert.ok(all.around.labels.includes('nonce') && !all.around.labels.includes('dh'));
  all.sa.temporarySince = instant(5);
  hears(all);
  const said = all.around.said();
  assert.deepEqual([installs(said), said.slice(-2)], [2, ['child.established lan', 'esp wan pinhole']]);
  assert.deepEqual([all.sa.temporarySince, all.sa.children.size, waiting(all.sa)], [undefined, 1, []]);
  const hub = asked(false, [], {}, 'responder');
  hears(hub);
  assert.equal(hub.around.said().at(-1), 'child.established lan', 'the responder of the chain opens no pinhole');
});

test('I2.17-1 I1.3-1: with a group: one private value each, one secret, which is wiped with them', () => {
  const all = asked(false, [31, 19]);
  assert.equal(findPayload(all.request, 'KE')?.group, 31);
  hears(all);
  assert.deepEqual([all.around.secrets.length, all.around.secrets.every((s) => s.every((octet) => octet === 0)), all.around.privates.size], [2, true, 0]);
  assert.equal(all.around.labels.filter((label) => label === 'dh').length, 2);
  const [mine] = all.sa.children.values();
  const [theirs] = all.peer.children.values();
  assert.ok(mine && theirs && mine.spiOut === theirs.spiIn && mine.proposal.length > 0);
});

test('nothing is asked for when it is there, unwanted, or the SA is on its way out', () => {
  const around = new Alone();
  const asks = (prepare: (sa: IkeSa) => void): boolean => {
    const sa = around.sa();
    const task = createChildTask(lan(sa), { wait: millis(0) });
    prepare(sa);
    return task.build(sa, around.ctx) !== undefined;
  };
  assert.equal(asks(() => undefined), true);
  for (const [state, expected] of [['installed', false], ['rekeying', false], ['rekeyed', true], ['deleting', true]] as const)
    assert.equal(asks((sa) => (child(around, sa).state = state)), expected, state);
  assert.equal(asks((sa) => around.child(sa, 'other')), true);
  assert.equal(asks((sa) => sa.unwanted.add('lan')), false);
  assert.equal(asks((sa) => (sa.state = 'rekeyed')), false);
  const sa = around.sa();
  const old = child(around, sa);
  const rekey = rekeyChildTask(sa, old);
  old.state = 'deleting';
  assert.equal(rekey.build(sa, around.ctx), undefined);
  old.state = 'rekeying';
  sa.children.clear();
  assert.equal(rekey.build(sa, around.ctx), undefined);
});

test('a group of the configuration that has no row is none', () => {
  const around = new Alone();
  const sa = around.sa({ connection: withGroups('initiator', 999) });
  assert.equal(findPayload(createChildTask(lan(sa), { wait: millis(0) }).build(sa, around.ctx) ?? [], 'KE'), undefined);
});

for (const [name, waits] of [['NO_PROPOSAL_CHOSEN', [45_000, 67_500, 101_250]], ['TEMPORARY_FAILURE', [3_750, 5_625]]] as const) {
  test(`I2.25-2 I1.3-2: ${name}: told, what was taken is given back, asked for again after doubling waits`, () => {
    let wait = 0;
    for (const expected of waits) {
      const all = asked(false, [31], { wait });
      hears(all, [notify(name)]);
      const entry = all.sa.missing.get('lan');
      assert.deepEqual([(entry?.at ?? 0) - all.around.now, entry?.wait, entry?.lastResort], [expected, expected, false]);
      assert.deepEqual([all.around.said(), all.around.privates.size, all.around.freed.length], [[`warn: child lan: creation failed: ${name}`], 0, 1]);
      assert.equal(all.sa.temporarySince, name === 'TEMPORARY_FAILURE' ? all.around.time : undefined);
      wait = expected;
    }
    const old = asked(true);
    hears(old, [notify(name)]);
    assert.deepEqual([old.around.said(), old.old?.state, old.old?.race, (old.old?.retryAt ?? 0) - old.around.now, old.old?.retryWait], [[`warn: child lan: rekeying failed: ${name}`], 'installed', undefined, waits[0], waits[0]]);
    assert.ok(old.around.labels.includes('child-wait'));
  });
}

test('I2.25-2: a wait is ten minutes at most, give or take a quarter', () => {
  const all = asked(false, [], { wait: 590_000 });
  all.around.fill = { 'child-wait': 255 };
  hears(all, [notify('NO_PROPOSAL_CHOSEN')]);
  assert.equal(Math.round((all.sa.missing.get('lan')?.at ?? 0) - all.around.now), 750_000);
});

test('I2.8-4 I4-1: the last resort refused: the IKE SA goes, unless another child is up, the peer only wants time, or we are the responder', () => {
  const refused = (name: 'NO_PROPOSAL_CHOSEN' | 'TEMPORARY_FAILURE', prepare: (all: Asked) => void = () => undefined, role: 'initiator' | 'responder' = 'initiator', lastResort = true): string => {
    const all = asked(false, [], { lastResort }, role);
    prepare(all);
    hears(all, [notify(name)]);
    if (all.sa.state === 'established') assert.equal(all.sa.missing.get('lan')?.lastResort, lastResort);
    return all.sa.state;
  };
  const other = (state: ChildSa['state'], redundant = false) => ({ around, sa }: Asked): void => void Object.assign(around.child(sa, 'other'), { state, redundant });
  assert.equal(refused('NO_PROPOSAL_CHOSEN'), 'deleting');
  assert.equal(refused('TEMPORARY_FAILURE'), 'established');
  assert.equal(refused('NO_PROPOSAL_CHOSEN', undefined, 'responder'), 'established');
  assert.equal(refused('NO_PROPOSAL_CHOSEN', undefined, 'initiator', false), 'established');
  for (const state of ['installed', 'rekeying'] as const) assert.equal(refused('NO_PROPOSAL_CHOSEN', other(state)), 'established', state);
  for (const state of ['rekeyed', 'deleting'] as const) assert.equal(refused('NO_PROPOSAL_CHOSEN', other(state)), 'deleting', state);
  assert.equal(refused('NO_PROPOSAL_CHOSEN', other('installed', true)), 'deleting', 'what lost carries nothing');
  const around = new Alone();
  const sa = around.sa();
  const task = createChildTask(lan(sa), { wait: millis(0), lastResort: true });
  task.build(sa, around.ctx);
  task.onResponse(sa, [notify('TS_UNACCEPTABLE')], alone(WAN), around.ctx);
  assert.equal(around.said().at(-1), 'ike.closed child_failed child lan could not be made anew: TS_UNACCEPTABLE');
});

test('I1.3-1: another group is followed once, to one that we offer and have not just sent, before anything else', () => {
  const followed = (data: number[], groups: number[], rekeys: boolean, group?: number): (number | undefined)[] => {
    const all = asked(rekeys, groups, group === undefined ? {} : { group });
    if (rekeys && all.old) all.old.state = 'rekeying';
    all.sa.exchanges.enqueue({ ...all.task, kind: 'other' });
    hears(all, [rawNotify(17, Uint8Array.from(data))]);
    assert.equal(all.around.privates.size, 0);
    const [next] = all.sa.exchanges.takeWaiting();
    if (next?.kind === 'other') return [];
    assert.equal(all.old?.state, rekeys ? 'rekeying' : undefined);
    return [findPayload(next?.build(all.sa, all.around.ctx) ?? [], 'KE')?.group];
  };
  assert.deepEqual(followed([0, 19], [31, 19], false), [19]);
  assert.deepEqual(followed([0, 19], [31, 19], true), [19]);
  for (const data of [[0, 31], [0, 14], [1, 19], [0, 19, 0], []]) assert.deepEqual(followed(data, [31, 19], false), [], data.join());
  assert.deepEqual(followed([0, 31], [31, 19], false, 19), []);
});

test('I1.3-1: a group of any proposal is one that we offer; a child that was deleted meanwhile is not rekeyed after all', () => {
  const all = asked(true, [31]);
  const config = { ...lan(all.sa), espProposals: [{ ...ESP_SUITE, groups: [31] }, { ...ESP_SUITE, groups: [19] }] };
  const { old } = all;
  assert.ok(old);
  const task = childTask({ config, old, wait: millis(0) });
  task.build(all.sa, all.around.ctx);
  old.state = 'deleting';
  task.onResponse(all.sa, [rawNotify(17, Uint8Array.of(0, 19))], alone(WAN), all.around.ctx);
  assert.deepEqual([waiting(all.sa), old.state], [['childRekey'], 'deleting']);
});

test('I2.21-1 I2.9-2: an answer that is none of our proposals, or wider than asked: the peer deletes its half by our SPI, as the next request', () => {
  const wide = range('10.0.0.0', '10.255.255.255');
  const spoilt: readonly (readonly [string, (p: readonly Payload[]) => Payload[], string])[] = [
    ['no SA', change('SA', () => undefined), 'the answer is none of our proposals'],
    ['no nonce', change('NONCE', () => undefined), 'the answer is none of our proposals'],
    ['a short nonce', change('NONCE', (p) => ({ ...p, data: new Uint8Array(15) }) as Payload), 'the answer is none of our proposals'],
    ['wider TSi', change('TSi', () => ({ type: 'TSi', selectors: [wide] })), 'the peer\'s selectors do not fit'],
    ['wider TSr', change('TSr', () => ({ type: 'TSr', selectors: [wide] })), 'the peer\'s selectors do not fit'],
  ];
  for (const [what, spoil, why] of spoilt) {
    const all = asked(false, [31]);
    all.sa.exchanges.enqueue({ ...all.task, kind: 'other' });
    hears(all, spoil(all.answer));
    assert.deepEqual([waiting(all.sa), all.around.said(), all.sa.children.size, all.around.privates.size], [['childDelete', 'other'], [`warn: child lan: creation failed: ${why}`], 0, 0], what);
  }
});

test('I2.9.2-1: a rekeying that comes back narrower is refused, and the old SA stays', () => {
  for (const type of ['TSi', 'TSr'] as const) {
    const all = asked(true);
    hears(all, change(type, () => ({ type, selectors: [type === 'TSi' ? range('10.1.0.0', '10.1.0.7') : range('10.2.0.0', '10.2.0.7')] }))(all.answer));
    assert.deepEqual([all.old?.state, all.sa.children.size, waiting(all.sa)], ['installed', 1, ['childDelete']]);
  }
});

test('AL-3: an invalid public value ends the IKE SA; a group that was not chosen is none', () => {
  for (const spoil of [change('KE', (p) => ({ ...p, data: new Uint8Array(32) }) as Payload), change('KE', () => undefined), change('KE', (p) => ({ ...p, group: 19 }) as Payload)]) {
    const all = asked(false, [31, 19]);
    hears(all, spoil(all.answer));
    assert.deepEqual([all.sa.state, all.around.said().at(-1), all.around.freed.length], ['deleting', 'ike.closed invalid_syntax invalid public value in an answer', 1]);
  }
  const all = asked();
  const none = change('SA', (p) => (p.type === 'SA' ? { ...p, proposals: p.proposals.map((o) => ({ ...o, transforms: [...o.transforms, { type: 4, id: 31 }] })) } : p));
  hears(all, none(all.answer));
  assert.deepEqual([all.sa.state, all.sa.children.size], ['established', 0], 'no KE was sent');
});

test('a child that became unwanted while it was made is deleted at once, as the next request, and not told', () => {
  const all = asked();
  all.sa.unwanted.add('lan');
  all.sa.exchanges.enqueue({ ...all.task, kind: 'other' });
  hears(all);
  assert.deepEqual([waiting(all.sa), [...all.sa.children.values()].map((c) => c.state)], [['childDelete', 'other'], ['deleting']]);
  assert.ok(!all.around.said().some((line) => line.startsWith('child.established')));
});

test('no answer ends the IKE SA; a request that ends otherwise gives back what it took', () => {
  const all = asked(true, [31]);
  all.task.release?.(all.around.ctx);
  assert.deepEqual([all.around.privates.size, all.around.freed.length, all.old?.state, all.old?.race], [0, 1, 'installed', undefined]);
  all.task.onTimeout(all.sa, all.around.ctx);
  assert.ok(all.around.said().includes('ike.closed peer_dead no answer to CREATE_CHILD_SA'));
});

// ---- a rekeying of ours ----------------------------------------------------------------------------------------------

test('I1.3-1 I2.8-3: a rekeying names our SPI; the new SA has the number of the old one, which is used a little longer, then deleted as the next request', () => {
  const all = asked(true);
  const { old } = all;
  assert.ok(old);
  const rekey = findNotify(all.request, 'REKEY_SA');
  assert.deepEqual([all.task.kind, rekey?.protocol, rekey?.spi, old.race], ['childRekey', 3, spi4(old.spiIn), { theirs: undefined }]);
  hears(all);
  const said = all.around.said();
  const made = [...all.sa.children.values()].at(-1);
  assert.deepEqual([said.length, installs(said), said.at(-1), old.state, old.race], [3, 2, 'child.rekeyed lan', 'rekeyed', undefined]);
  assert.deepEqual([made?.child, made?.state, made?.used, old.used], [old.child, 'installed', false, true]);
  const later = all.around.time + CHILD_SETTLE;
  all.sa.schedule(all.around.ctx);
  assert.deepEqual([made?.useAt, old.deleteAt, made?.deleteAt, all.sa.timers.get('children')], [later, later, undefined, later]);
  all.sa.exchanges.enqueue({ ...all.task, kind: 'other' });
  all.around.now += CHILD_SETTLE;
  all.sa.tick(all.around.ctx);
  assert.deepEqual([all.around.said(), made?.used, old.deleteAt], [[`child.use ${made?.handleOut}`, 'esp wan pinhole', 'send wan'], true, undefined]);
  assert.deepEqual([all.sa.exchanges.outstanding?.task.kind, waiting(all.sa)], ['childDelete', ['other']]);
});

test('I2.8-1: what a rekeying made is used as soon as the peer uses it, without a dummy; the old SA is deleted no sooner for that', () => {
  const all = asked(true);
  hears(all);
  const made = [...all.sa.children.values()].at(-1);
  assert.ok(made && all.old);
  all.around.said();
  useChild(all.sa, made, all.around.ctx);
  assert.deepEqual([all.around.said(), made.useAt, all.old.deleteAt, waiting(all.sa)], [[`child.use ${made.handleOut}`], undefined, all.around.time + CHILD_SETTLE, []]);
});

test('I2.8-1: it is used at once, and the old SA deleted, where the old one is of no use: unknown to the peer, at the end of its life, or gone', () => {
  for (const spoil of [
    (old: ChildSa) => void (old.questioned = true),
    (old: ChildSa, all: Asked) => void (old.hardAt = instant(all.around.now + CHILD_SETTLE)),
    (old: ChildSa, all: Asked) => void all.sa.children.delete(old.spiIn),
  ]) {
    const all = asked(true);
    assert.ok(all.old);
    spoil(all.old, all);
    hears(all);
    const made = [...all.sa.children.values()].at(-1);
    const [use, ...rest] = all.around.said().slice(-3);
    assert.deepEqual([made?.used, made?.useAt, all.old.deleteAt, use, rest], [true, undefined, undefined, `child.use ${made?.handleOut}`, ['child.rekeyed lan', 'esp wan pinhole']]);
    assert.deepEqual(waiting(all.sa), all.sa.children.has(all.old.spiIn) ? ['childDelete'] : []);
  }
  const late = asked(true);
  if (late.old) late.old.hardAt = instant(late.around.now + CHILD_SETTLE + 1);
  hears(late);
  assert.deepEqual(waiting(late.sa), []);
});

/** A rekeying of the same child by the peer, finished before it answers ours. */
function crossed(all: Asked, theirs: Uint8Array, state: ChildSa['state'] = 'installed'): ChildSa {
  const made = child(all.around, all.sa, { child: all.old?.child ?? 0, use: 'after_inbound' });
  made.state = state;
  if (all.old) all.old.race = { theirs: { made, ni: theirs, nr: theirs } };
  all.around.said();
  return made;
}

test('I2.8.1-1: both rekey, and ours has the lowest nonce: ours is deleted unused, theirs goes on', () => {
  const all = asked(true);
  const made = crossed(all, high);
  all.sa.exchanges.enqueue({ ...all.task, kind: 'other' });
  hears(all);
  const mine = [...all.sa.children.values()].at(-1);
  assert.deepEqual([mine?.state, mine?.redundant, mine?.used, made.state, made.redundant, all.old?.state, waiting(all.sa)], ['deleting', true, false, 'installed', false, 'rekeyed', ['childDelete', 'other']]);
  assert.ok(!all.around.said().includes('child.rekeyed lan'));
  const deleting = asked(true);
  crossed(deleting, high);
  if (deleting.old) deleting.old.state = 'deleting';
  hears(deleting);
  assert.equal(deleting.old?.state, 'deleting', 'one that is being deleted stays so');
});

test('I2.8.1-1: both rekey, and theirs has the lowest nonce: ours goes on, theirs waits for its Delete', () => {
  const all = asked(true);
  const made = crossed(all, low);
  hears(all);
  assert.deepEqual([made.redundant, made.state, all.old?.state], [true, 'rekeyed', 'rekeyed']);
  assert.ok(all.around.said().includes('child.rekeyed lan'));
  const gone = asked(true);
  const lost = crossed(gone, low);
  gone.sa.children.delete(lost.spiIn);
  hears(gone);
  assert.deepEqual([lost.redundant, lost.state], [false, 'installed'], 'what is gone is left alone');
});

test('I2.8.1-1: when what the peer made is on its way out already, ours goes on whatever the nonces say', () => {
  const all = asked(true);
  crossed(all, high, 'deleting');
  hears(all);
  assert.ok(all.around.said().includes('child.rekeyed lan'));
});

test('I2.8.1-2: a refusal of ours when the peer had finished its own: no failure, and the old SA is the peer\'s to delete', () => {
  const all = asked(true, [31]);
  crossed(all, high);
  hears(all, [notify('TEMPORARY_FAILURE')]);
  assert.deepEqual([all.old?.state, all.old?.race, all.old?.retryAt, all.around.said(), all.around.privates.size], ['rekeyed', undefined, undefined, ['debug: child lan: rekeyed by the peer meanwhile (TEMPORARY_FAILURE)'], 0]);
  const group = asked(true, [31, 19]);
  crossed(group, high);
  hears(group, [rawNotify(17, Uint8Array.of(0, 19))]);
  assert.deepEqual([waiting(group.sa), group.old?.state], [[], 'rekeyed'], 'another group is not followed then');
  const lost = asked(true);
  crossed(lost, high, 'deleting');
  hears(lost, [notify('NO_PROPOSAL_CHOSEN')]);
  assert.deepEqual([lost.old?.state, lost.old?.race], ['installed', undefined]);
});

test('I2.25-2: CHILD_SA_NOT_FOUND: ours goes and a new one is asked for, once; one that we never used stays', () => {
  const all = asked(true, [31]);
  hears(all, [notify('CHILD_SA_NOT_FOUND', undefined, { protocol: 3, spi: spi4(1) })]);
  assert.deepEqual([all.sa.children.size, waiting(all.sa), all.around.privates.size], [0, ['childCreate'], 0]);
  const gone = asked(true);
  gone.sa.children.clear();
  hears(gone, [notify('CHILD_SA_NOT_FOUND', undefined, { protocol: 3, spi: spi4(1) })]);
  assert.deepEqual(waiting(gone.sa), []);
  const unused = asked(true);
  if (unused.old) unused.old.used = false;
  hears(unused, [notify('CHILD_SA_NOT_FOUND', undefined, { protocol: 3, spi: spi4(1) })]);
  assert.deepEqual([unused.sa.children.size, waiting(unused.sa), unused.old?.state], [1, [], 'installed']);
});

test('I4-1: a peer that makes no additional SAs: the old one is deleted first, and then a new one made, by the initiator of the chain', () => {
  const all = asked(true);
  all.sa.exchanges.enqueue({ ...all.task, kind: 'other' });
  hears(all, [notify('NO_ADDITIONAL_SAS')]);
  assert.deepEqual([all.old?.state, waiting(all.sa), all.around.said().at(-1)], ['deleting', ['childDelete', 'other'], 'child.closed lan NO_ADDITIONAL_SAS']);
  assert.deepEqual(all.sa.missing.get('lan'), { at: all.around.time, wait: 0, lastResort: true });
  const hub = asked(true, [], {}, 'responder');
  hears(hub, [notify('NO_ADDITIONAL_SAS')]);
  assert.deepEqual([hub.old?.state, waiting(hub.sa), hub.sa.missing.size], ['installed', [], 0]);
  const gone = asked(true);
  if (gone.old) gone.old.state = 'deleting';
  hears(gone, [notify('NO_ADDITIONAL_SAS')]);
  assert.deepEqual([waiting(gone.sa), gone.sa.missing.size], [[], 0]);
});

test('I1.4.1-1: what the peer made and deleted before we heard of it: as if the child had been deleted; made anew by the initiator, a second later', () => {
  const strayed = (all: Asked): Asked => {
    const spi = findPayload(all.answer, 'SA')?.proposals[0]?.spi ?? new Uint8Array(4);
    all.task.onStrayDelete?.(new DataView(spi.buffer, spi.byteOffset).getUint32(0));
    all.sa.exchanges.enqueue({ ...all.task, kind: 'other' });
    hears(all);
    return all;
  };
  const all = strayed(asked(true, [31]));
  assert.deepEqual([all.old?.state, waiting(all.sa), all.around.said(), all.around.freed.length, all.sa.children.size], ['deleting', ['childDelete', 'other'], ['child.closed lan peer_deleted'], 1, 1]);
  assert.deepEqual(all.sa.missing.get('lan'), { at: all.around.now + 1000, wait: 1000 });
  assert.ok(all.around.secrets.every((s) => s.every((octet) => octet === 0)) && all.around.privates.size === 0);
  const fresh = strayed(asked());
  assert.deepEqual([waiting(fresh.sa), fresh.around.said(), fresh.sa.missing.size], [['other'], [], 1]);
  const hub = strayed(asked(true, [], {}, 'responder'));
  assert.deepEqual([hub.old?.state, hub.sa.missing.size], ['deleting', 0]);
  const both = asked(true);
  crossed(both, high);
  strayed(both);
  assert.deepEqual([both.old?.state, both.sa.missing.size], ['rekeyed', 0], 'its own rekeying stands');
});

test('I1.4.1-1: eight Deletes of what we do not know are remembered', () => {
  for (const [others, expected] of [[7, 0], [8, 1]] as const) {
    const all = asked();
    for (let i = 0; i < others; i++) all.task.onStrayDelete?.(i + 1);
    const spi = findPayload(all.answer, 'SA')?.proposals[0]?.spi ?? new Uint8Array(4);
    all.task.onStrayDelete?.(new DataView(spi.buffer, spi.byteOffset).getUint32(0));
    hears(all);
    assert.equal(all.sa.children.size, expected);
  }
});

// ---- a request of the peer -------------------------------------------------------------------------------------------

/** What the peer is answered, and how; `edit` alters its request. */
function answered(
  edit: (p: readonly Payload[]) => readonly Payload[] = (p) => p, prepare: (hub: IkeSa, around: Alone) => void = () => undefined, groups: readonly number[] = [],
): { hub: IkeSa; around: Alone; answer: readonly Payload[] } {
  const around = new Alone();
  const router = around.sa({ connection: withGroups('initiator', ...groups) });
  const hub = around.sa({ originalInitiator: false, mobikeRole: 'responder', connection: withGroups('responder', ...groups) });
  const request = createChildTask(lan(router), { wait: millis(0) }).build(router, around.ctx);
  assert.ok(request);
  prepare(hub, around);
  around.said();
  let answer: readonly Payload[] = [];
  respondCreateChild(hub, edit(request), (payloads) => void (answer = payloads), around.ctx);
  return { hub, around, answer };
}

test('I2.8-1: a new child of the peer: used when the peer uses it, or after five seconds; what was unwanted is wanted again', () => {
  const { hub, around, answer } = answered(undefined, (sa) => {
    sa.unwanted.add('lan');
    sa.temporarySince = instant(1);
  });
  const [made] = hub.children.values();
  assert.deepEqual(answer.map((p) => p.type), ['SA', 'NONCE', 'TSi', 'TSr']);
  assert.deepEqual([made?.used, (made?.useAt ?? 0) - around.now, hub.unwanted.size, hub.temporarySince], [false, 5_000, 0, undefined]);
  assert.deepEqual([installs(around.said())], [2]);
});

test('I1.3-1: the group that is wanted is named; a value of the right group is used and wiped', () => {
  for (const edit of [change('KE', () => undefined), change('KE', (p) => ({ ...p, group: 19 }) as Payload)]) {
    const { answer, around } = answered(edit, undefined, [31, 19]);
    assert.deepEqual([findNotify(answer, 'INVALID_KE_PAYLOAD')?.data, around.said()], [Uint8Array.of(0, 31), ['warn: Child SA refused: INVALID_KE_PAYLOAD']]);
  }
  const { answer, around } = answered(undefined, undefined, [31, 19]);
  assert.deepEqual(answer.map((p) => p.type), ['SA', 'NONCE', 'KE', 'TSi', 'TSr']);
  assert.ok(around.secrets.length === 1 && around.secrets.every((s) => s.every((octet) => octet === 0)));
  assert.equal(around.privates.size, 1, 'the asking end has its own');
});

test('I2.8.1-1: a rekeying of the peer that crosses ours: its nonces are kept as they were', () => {
  const all = asked(true);
  const peers = [...all.peer.children.values()][0];
  assert.ok(peers && all.old);
  const nonce = new Uint8Array(32).fill(1);
  const request = [
    notify('REKEY_SA', undefined, { protocol: 3, spi: spi4(peers.spiIn) }),
    ...change('NONCE', () => ({ type: 'NONCE', data: nonce }))(all.request).filter((p) => p.type === 'SA' || p.type === 'NONCE'),
    { type: 'TSi', selectors: [HUB_NET] }, { type: 'TSr', selectors: [ROUTER_NET] },
  ] as const;
  all.around.fill = { nonce: 2 };
  respondCreateChild(all.sa, request, () => undefined, all.around.ctx);
  nonce.fill(9);
  const theirs = all.old.race?.theirs;
  assert.deepEqual([theirs?.ni, theirs?.nr, all.old.state, theirs?.made.used, theirs?.made.useAt, theirs?.made.child], [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2), 'rekeying', false, undefined, all.old.child]);
});

const fqdn = (text: string): IkeIdentity => ({ text, idType: 2, data: new Uint8Array([text.length]) });
const address: IkeIdentity = { text: '192.0.2.1', idType: 1, data: new Uint8Array(4) };

test('I5.1-1: nets of another peer are refused, if both have names; an address of the pool has one tenant, and rekeying claims nothing', () => {
  const refused = (mine: IkeIdentity | undefined, theirs: IkeIdentity | undefined, change_: (hub: IkeSa, around: Alone) => void = () => undefined): boolean => {
    const { around, answer } = answered(undefined, (hub, all) => {
      hub.peerId = mine;
      const other = all.sa({ chain: 9 });
      other.peerId = theirs;
      all.host.claimant = () => other;
      change_(hub, all);
    });
    const no = findNotify(answer, 'TS_UNACCEPTABLE') !== undefined;
    assert.equal(around.said().some((line) => line.startsWith('warn: a claims what bb has already')), no);
    return no;
  };
  assert.equal(refused(fqdn('a'), fqdn('bb')), true);
  for (const [mine, theirs] of [[address, fqdn('bb')], [fqdn('a'), address], [undefined, fqdn('bb')], [fqdn('a'), undefined], [{ ...address, idType: 5 }, fqdn('bb')]] as const)
    assert.equal(refused(mine, theirs), false);
  assert.equal(refused(fqdn('a'), fqdn('bb'), (_hub, around) => (around.host.claimant = () => undefined)), false);
  const asInitiator = answered(undefined, (_hub, around) => (around.host.claimant = () => around.sa()));
  assert.equal(findNotify(asInitiator.answer, 'TS_UNACCEPTABLE'), undefined);
  const tenant = (vips: string[], start: string, end: string): boolean =>
    findNotify(answered(change('TSi', () => ({ type: 'TSi', selectors: [range(start, end)] })), (hub, around) => {
      hub.peerId = fqdn('a');
      hub.vips = vips.map((text) => ip(text));
      const other = around.sa({ chain: 9 });
      other.peerId = fqdn('bb');
      around.host.claimant = () => other;
    }).answer, 'TS_UNACCEPTABLE') !== undefined;
  assert.equal(tenant(['10.1.0.5'], '10.1.0.5', '10.1.0.5'), false);
  assert.equal(tenant(['10.1.0.6'], '10.1.0.5', '10.1.0.5'), true);
  assert.equal(tenant(['10.1.0.5'], '10.1.0.5', '10.1.0.6'), true);
});

test('I2.9-1: of two children that fit, the one is taken that has the first selectors of both sides', () => {
  const other = range('10.3.0.0', '10.3.0.255');
  const packet = (net: string): ReturnType<typeof range> => range(`${net}.7`, `${net}.7`, 17, 53, 53);
  const taken = (tsi: readonly ReturnType<typeof range>[], tsr: readonly ReturnType<typeof range>[]): string | undefined => {
    const { hub, answer } = answered(
      (payloads) => change('TSr', () => ({ type: 'TSr', selectors: tsr }))(change('TSi', () => ({ type: 'TSi', selectors: tsi }))(payloads)),
      (sa) => {
        const { children, ...rest } = connection('responder');
        sa.connection = { ...rest, children: [...children, ...children.map((c) => ({ ...c, name: 'second', localTs: [parsePrefix('10.3.0.0/24') as IpPrefix] }))] };
      },
    );
    assert.equal(findPayload(answer, 'TSi') !== undefined, hub.children.size === 1);
    return [...hub.children.values()][0]?.config.name;
  };
  const far = range('172.16.0.1', '172.16.0.1');
  assert.equal(taken([packet('10.1.0'), ROUTER_NET], [packet('10.3.0'), HUB_NET, other]), 'second');
  assert.equal(taken([packet('10.1.0'), ROUTER_NET], [packet('10.2.0'), other, HUB_NET]), 'lan');
  assert.equal(taken([far, ROUTER_NET], [packet('10.3.0'), HUB_NET, other]), 'lan', 'no child has the first selectors of both sides');
  assert.equal(taken([packet('10.1.0'), ROUTER_NET], [other]), 'second');
  assert.equal(taken([packet('10.1.0'), ROUTER_NET], [far]), undefined);
});
