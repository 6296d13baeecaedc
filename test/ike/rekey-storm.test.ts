// All Child SAs and IKE SAs of a hub are rekeyed in the same moment: nothing is lost, nothing is left over, all keys are new.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { Storm, type Starter } from './storm.ts';

function storm(starter: Starter, routers: number, loss = 0, espLag = 0): void {
  const weather = new Storm({ routers, loss, espLag, seed: `storm-${starter}-${loss}` });
  weather.connect();
  const figures = weather.rage(starter);
  assert.equal(figures.undeliverable, 0);
  assert.ok(figures.sent > 2 * routers * 10, 'traffic flows all the time');
}

test('I2.8-1, I2.8-3: a storm that the routers start, 100 of them: both kinds of SA rekeyed at once, no ESP packet lost, no old SA left', () => {
  storm('routers', 100);
});

test('I2.8-1, I2.8-3: a storm that the hub starts, 100 routers: both kinds of SA rekeyed at once, no ESP packet lost, no old SA left', () => {
  storm('hub', 100);
});

test('I2.8-1, I2.8.1-1, I2.8.2-1, I2.25-1: a storm that both sides start, 300 routers (make bench: 1,000): every rekeying collides, no ESP packet lost, no old SA left', () => {
  storm('both', 300);
});

test('I2.8-1, I2.25-2: a storm that both sides start while one IKE message in ten is lost: no ESP packet lost, no old SA left', () => {
  storm('both', 100, 0.1);
});

test('I2.8-1, I2.8-3: a storm in which IKE overtakes ESP by up to 40 ms: what comes late under a rekeyed SA is still taken, no packet is lost', () => {
  for (const starter of ['routers', 'hub', 'both'] as const) storm(starter, 40, 0, 40);
});
