import { test } from 'node:test';
import assert from 'node:assert/strict';
import { EVENT_RING, EventLog } from '../../src/report/index.ts';
import { instant } from '../../src/base/index.ts';

test('events are numbered from 1 and keep the clock of their moment', () => {
  const log = new EventLog('b1', instant(500));
  assert.equal(log.seq, 0);
  const early = log.record({ type: 'daemon.started', version: '1' }, instant(700));
  assert.deepEqual([early.seq, early.time, early.time_synced, early.uptime_ms], [1, '1970-01-01T00:00:00.000Z', false, 200]);
  log.setWall(1_700_000_000_000, true);
  const late = log.record({ type: 'daemon.stopping' }, instant(1500));
  assert.deepEqual([late.seq, late.time, late.time_synced, late.uptime_ms, late.boot_id], [2, '2023-11-14T22:13:21.500Z', true, 1000, 'b1']);
  assert.equal(early.time, '1970-01-01T00:00:00.000Z', 'the clock that is set later does not rewrite it');
});

test('the ring keeps the last events, oldest first, and answers from a number on', () => {
  const log = new EventLog('b1', instant(0));
  for (let i = 0; i < EVENT_RING + 50; i++) log.record({ type: 'ike.rekeyed', connection: 'hq' }, instant(i));
  assert.equal(log.after(0).length, EVENT_RING);
  assert.equal(log.after(0)[0]?.seq, 51);
  assert.deepEqual(log.after(248).map((e) => e.seq), [249, 250]);
  assert.deepEqual(log.after(250), []);
});
