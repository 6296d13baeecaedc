// When an IKE SA is proven anew, and what the new one takes from the old: on IKE SAs alone. Two of them side by side are in reauth.test.ts.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { instant, millis, seconds, type Path } from '../../../src/base/index.ts';
import { keepReauth, reauthenticate, scheduleReauth, takeOver } from '../../../src/ike/tasks/ike-reauth.ts';
import { connection } from '../pair.ts';
import { Alone, WAN } from '../lone.ts';

test('I2.8.3-1: the initiator of the chain plans it at 0.8 to 0.9 of its time, by a draw of its own; the other end never; without a time nobody', () => {
  const around = new Alone();
  for (const [fill, share] of [[0, 0.9], [0xff, 0.8]] as const) {
    around.fill = { reauth: fill };
    const sa = around.sa({ connection: connection('initiator', { reauth: seconds(1000) }) });
    around.labels.length = 0;
    scheduleReauth(sa, around.ctx);
    assert.ok(Math.abs((sa.reauthAt ?? 0) - around.now - share * 1_000_000) < 1, String(sa.reauthAt));
    assert.deepEqual([sa.timers.get('reauth'), around.labels], [sa.reauthAt, ['reauth']]);
  }
  for (const sa of [around.sa({ mobikeRole: 'responder', connection: connection('responder', { reauth: seconds(1000) }) }), around.sa(), around.sa({ mobikeRole: 'responder' })]) {
    scheduleReauth(sa, around.ctx);
    assert.deepEqual([sa.reauthAt, sa.timers.get('reauth')], [undefined, undefined]);
  }
});

test('I2.8.3-1: a time that is kept is due at that time; none that is kept leaves no timer', () => {
  const around = new Alone();
  const sa = around.sa();
  keepReauth(sa, instant(777_000));
  assert.deepEqual([sa.reauthAt, sa.timers.get('reauth')], [777_000, 777_000]);
  const other = around.sa();
  keepReauth(other, undefined);
  assert.deepEqual([other.reauthAt, other.timers.has('reauth')], [undefined, false]);
});

test('I2.8.3-1 I4-1: a new IKE SA is set up over the path in use; tried again after 1, 2, 4, 8, 10 and 10 minutes while nobody answers', () => {
  const around = new Alone();
  const started: [string, readonly Path[]][] = [];
  around.host.initiate = (name, paths) => void started.push([name, paths]);
  const sa = around.sa();
  const waits: number[] = [];
  for (let i = 0; i < 6; i++) {
    reauthenticate(sa, around.ctx);
    assert.equal(sa.timers.get('reauth'), sa.reauthAt);
    waits.push((sa.reauthAt ?? 0) - around.now);
    around.now += 5;
  }
  assert.deepEqual(waits, [1, 2, 4, 8, 10, 10].map((minutes) => minutes * 60_000));
  assert.deepEqual([sa.isReauthenticating, sa.state, started.length, started[0]], [true, 'established', 6, ['hq', [WAN]]]);
});

test('I2.8.3-1: an SA that is on its way out, and the responder of the chain, start none', () => {
  const around = new Alone();
  around.host.initiate = () => assert.fail('nothing is started');
  for (const sa of [around.sa({ state: 'deleting' }), around.sa({ state: 'rekeyed' }), around.sa({ mobikeRole: 'responder' }), around.sa({ mobikeRole: 'responder', state: 'deleting' })]) {
    reauthenticate(sa, around.ctx);
    assert.deepEqual([sa.isReauthenticating, sa.reauthWait, sa.timers.get('reauth')], [false, millis(0), undefined]);
  }
});

test('I2.8.3-1: the new IKE SA takes over: the old is neither rekeyed nor proven any more, ends by its hard lifetime or in half a minute; what was unwanted stays so', () => {
  const around = new Alone();
  const old = around.sa({ chain: 7 });
  old.unwanted.add('voice');
  for (const name of ['reauth', 'softLifetime', 'hardLifetime'] as const) old.timers.set(name, instant(500_000));
  const asked: string[] = [];
  around.host.reauthenticating = (name) => {
    asked.push(name);
    return old;
  };
  const sa = around.sa({ chain: 8 });
  assert.equal(takeOver(sa, around.ctx), 7);
  assert.deepEqual([asked, [...sa.unwanted], [...old.unwanted]], [['hq'], ['voice'], ['voice']]);
  assert.deepEqual([old.timers.get('reauth'), old.timers.get('softLifetime'), old.timers.get('hardLifetime'), old.timers.get('replaced')], [undefined, undefined, 500_000, around.now + 30_000]);
  const hub = around.sa({ chain: 9, mobikeRole: 'responder' });
  asked.length = 0;
  assert.deepEqual([takeOver(hub, around.ctx), hub.unwanted.size, asked], [undefined, 0, []], 'the responder has no old one of its own');
  around.host.reauthenticating = () => undefined;
  assert.deepEqual([takeOver(sa, around.ctx), sa.timers.get('replaced')], [undefined, undefined]);
});
