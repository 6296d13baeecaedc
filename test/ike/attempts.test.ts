// How a connection is set up over several paths, and what becomes of attempts and of the candidates that answers make: the bookkeeping alone.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import type { Path } from '../../src/base/index.ts';
import { Attempts } from '../../src/ike/attempts.ts';
import type { IkeSa } from '../../src/ike/ike-sa.ts';
import { connection, path } from './pair.ts';
import { Alone } from './lone.ts';

type SetUp = NonNullable<IkeSa['setup']>;
const nth = (i: number): Path => ({ ...path('wan'), uplink: `u${i}`, ifindex: i });
const paths = (count: number): Path[] => Array.from({ length: count }, (_, i) => nth(i));

/** Attempts of one connection, started. */
function started(count: number, name = 'hq', attempts = new Attempts(), around = new Alone()): { attempts: Attempts; around: Alone; tried: IkeSa[] } {
  around.host.lost = (sa, ctx) => attempts.lost(sa, ctx);
  attempts.start(connection('initiator', { name }), paths(count), around.ctx);
  return { attempts, around, tried: around.adopted };
}
/** Makes a candidate of an answer to this attempt. */
function candidate(around: Alone, attempt: IkeSa, failure?: SetUp['failure']): IkeSa {
  const sa = around.sa({ state: 'authSent', name: attempt.name, setup: { failure } as SetUp });
  sa.attempt = attempt;
  attempt.candidates.push(sa);
  return sa;
}
const uplinks = (sas: readonly IkeSa[]): string => sas.map((sa) => sa.path.uplink).join(' ');

test('M3.1-1: paths are tried one after the other, half a second apart; eight at most; each once', () => {
  const { attempts, around, tried } = started(12);
  assert.deepEqual([uplinks(tried), around.said(), (attempts.deadline ?? 0) - around.now], ['u0', ['send u0'], 500]);
  around.now += 499;
  attempts.tick(around.ctx);
  assert.equal(uplinks(tried), 'u0');
  around.now++;
  attempts.tick(around.ctx);
  attempts.tick(around.ctx);
  assert.deepEqual([uplinks(tried), (attempts.deadline ?? 0) - around.now], ['u0 u1', 500]);
  for (let i = 0; i < 20; i++) {
    around.now += 500;
    attempts.tick(around.ctx);
  }
  assert.equal(uplinks(tried), 'u0 u1 u2 u3 u4 u5 u6 u7');
  assert.equal(attempts.deadline, undefined);
  assert.equal(new Set(tried.map((sa) => sa.chain)).size, 8, 'each a number of its own');
});

test('what is being set up is known by name; the next path of any is the deadline', () => {
  const { attempts, around } = started(2);
  around.now += 200;
  started(2, 'other', attempts, around);
  around.now += 10;
  started(1, 'alone', attempts, around);
  assert.deepEqual([attempts.names(), attempts.has('hq'), attempts.has('nobody')], [['hq', 'other', 'alone'], true, false]);
  assert.equal(attempts.deadline, 100_500);
  attempts.stop('hq', around.ctx);
  assert.deepEqual([attempts.names(), attempts.deadline], [['other', 'alone'], 100_700]);
});

test('M3.1-1: the first path that answers is the one: the others end without a word, and are tried again only when nothing comes of it for four seconds', () => {
  const { attempts, around, tried } = started(3);
  around.now += 500;
  attempts.tick(around.ctx);
  around.said();
  const [first, second] = tried as [IkeSa, IkeSa];
  attempts.answered(second, around.ctx);
  assert.deepEqual([first.state, second.state, around.said(), attempts.deadline], ['dead', 'initSent', [], around.now + 4_000]);
  around.now += 3_999;
  attempts.tick(around.ctx);
  assert.deepEqual([tried.length, attempts.has('hq')], [2, true]);
  const stranger = around.sa({ name: 'nobody' });
  attempts.answered(stranger, around.ctx);
  attempts.answered(first, around.ctx);
  assert.equal(second.state, 'initSent', 'one that ended decides nothing');
  candidate(around, second);
  around.now++;
  attempts.tick(around.ctx);
  around.now += 500;
  attempts.tick(around.ctx);
  assert.equal(uplinks(tried), 'u0 u1 u0 u2', 'the loser first');
  const [, , again, third] = tried as [IkeSa, IkeSa, IkeSa, IkeSa];
  attempts.answered(third, around.ctx);
  assert.deepEqual([again.state, second.state], ['dead', 'initSent'], 'who has an answer keeps it');
  const right = candidate(around, third);
  right.state = 'established';
  attempts.established(right, around.ctx);
  assert.deepEqual([second.state, third.state, right.state, attempts.has('hq'), attempts.deadline], ['dead', 'dead', 'established', false, undefined]);
});

test('M3.1-1: a refusal of the peer itself ends the set-up: it would refuse on every path', () => {
  for (const [reason, over] of [['authentication_failed', true], ['timeout', false]] as const) {
    const { attempts, around, tried } = started(2);
    const [attempt] = tried as [IkeSa];
    attempts.answered(attempt, around.ctx);
    attempt.setup = { failure: { reason, detail: 'words' }, followed: 1 } as SetUp;
    attempts.lost(attempt, around.ctx);
    assert.equal(attempts.has('hq'), !over, reason);
  }
});

test('I2.4-5: the first candidate whose peer proves itself ends the attempt and all others', () => {
  const { attempts, around, tried } = started(1);
  const [attempt] = tried as [IkeSa];
  const [right, wrong, third] = [candidate(around, attempt), candidate(around, attempt), candidate(around, attempt)];
  right.state = 'established';
  attempts.established(right, around.ctx);
  assert.deepEqual([right.state, wrong.state, third.state, attempt.state, right.attempt, attempts.has('hq'), attempt.candidates.length], ['established', 'dead', 'dead', 'dead', undefined, false, 0]);
  attempts.established(right, around.ctx);
  assert.deepEqual(around.said().filter((line) => line.startsWith('ike')), []);
  assert.ok(around.retired.includes(attempt) && !around.retired.includes(right));
});

test('a candidate of an attempt that was stopped leaves a new set-up alone', () => {
  const { attempts, around, tried } = started(1);
  const [attempt] = tried as [IkeSa];
  const late = candidate(around, attempt);
  attempts.stop('hq', around.ctx);
  started(1, 'hq', attempts, around);
  late.attempt = attempt;
  attempts.established(late, around.ctx);
  assert.equal(attempts.has('hq'), true);
});

test('I2.4-5: a lost candidate leaves its reason; the attempt waits on for a second when it was the last, for the peer\'s own answer', () => {
  const { attempts, around, tried } = started(1);
  const [attempt] = tried as [IkeSa];
  const failure = { reason: 'authentication_failed', detail: 'words' } as const;
  const [a, b] = [candidate(around, attempt, failure), candidate(around, attempt)];
  a.die(around.ctx);
  attempts.lost(a, around.ctx);
  assert.deepEqual([attempt.candidates, attempt.setup?.failure, attempt.timers.get('candidates')], [[b], failure, undefined]);
  attempts.lost(b, around.ctx);
  assert.deepEqual([attempt.candidates, attempt.setup?.failure, (attempt.timers.get('candidates') ?? 0) - around.now], [[], failure, 1_000], 'one without a reason takes none away');
  attempt.state = 'dead';
  attempt.timers.clearAll();
  const c = candidate(around, attempt);
  attempts.lost(c, around.ctx);
  assert.equal(attempt.timers.get('candidates'), undefined);
  assert.equal(attempts.has('hq'), true);
});

test('a set-up fails when its last path has failed and none waits, with the last reason there was', () => {
  const { attempts, around, tried } = started(3);
  around.now += 500;
  attempts.tick(around.ctx);
  around.said();
  const [first, second] = tried as [IkeSa, IkeSa];
  second.close('no_proposal_chosen', 'words', around.ctx);
  first.setup = { ...first.setup, failure: undefined } as SetUp;
  attempts.lost(first, around.ctx);
  assert.deepEqual([around.said(), attempts.has('hq')], [[], true], 'one path waits');
  around.now += 500;
  attempts.tick(around.ctx);
  around.said();
  const third = tried[2] as IkeSa;
  attempts.lost(first, around.ctx);
  assert.equal(attempts.has('hq'), true, 'that one ended already');
  attempts.lost(third, around.ctx);
  assert.deepEqual([around.said(), attempts.has('hq')], [['ike.failed no_proposal_chosen words'], false]);
  attempts.lost(third, around.ctx);
  assert.deepEqual(around.said(), []);
});

test('a set-up that nothing answers says so', () => {
  const { attempts, around, tried } = started(1);
  around.said();
  attempts.lost(tried[0] as IkeSa, around.ctx);
  assert.deepEqual(around.effects, [{ type: 'event', event: { type: 'ike.failed', connection: 'hq', reason: 'timeout', detail: 'no answer' } }]);
});

test('stopping ends attempts and candidates, without an event; an unknown name stops nothing', () => {
  const { attempts, around, tried } = started(2);
  around.now += 500;
  attempts.tick(around.ctx);
  around.said();
  const one = candidate(around, tried[0] as IkeSa);
  attempts.stop('nobody', around.ctx);
  assert.equal(attempts.has('hq'), true);
  attempts.stop('hq', around.ctx);
  assert.deepEqual([...tried, one].map((sa) => sa.state), ['dead', 'dead', 'dead']);
  assert.deepEqual([around.said(), attempts.has('hq'), attempts.deadline, around.privates.size], [[], false, undefined, 0]);
});
