import { test } from 'node:test';
import assert from 'node:assert/strict';
import { instant, millis, seconds, type Instant } from '../../src/base/index.ts';
import { SimFailure, World, type Actor } from './world.ts';

class Clockwork implements Actor {
  readonly name = 'clockwork';
  readonly ticks: number[] = [];
  deadline: Instant | undefined;
  readonly #world: World;
  readonly #next: (now: number) => number | undefined;

  constructor(world: World, first: number, next: (now: number) => number | undefined) {
    this.#world = world;
    this.#next = next;
    this.deadline = instant(first);
    world.add(this);
  }

  tick(): void {
    this.ticks.push(this.#world.now);
    if (this.deadline === undefined || this.#world.now < this.deadline) return;
    const next = this.#next(this.#world.now);
    this.deadline = next === undefined ? undefined : instant(next);
  }
}

test('it jumps from deadline to deadline; an hour takes no time', () => {
  const world = new World({ seed: 1 });
  const clock = new Clockwork(world, 1000, (now) => now + 60_000);
  world.runFor(seconds(3600));
  assert.equal(world.now, 3_600_000);
  assert.deepEqual(clock.ticks.slice(0, 3), [1000, 61_000, 121_000]);
  assert.equal(clock.ticks.length, 60);
});

test('runUntil stops at the moment, and fails with seed, time and trace', () => {
  const world = new World({ seed: 42 });
  const clock = new Clockwork(world, 100, (now) => now + 100);
  assert.equal(world.runUntil(() => clock.ticks.length === 3, seconds(1)), 300);
  world.trace('something happened');
  assert.throws(() => world.runUntil(() => false, millis(500), 'the impossible'), (error: unknown) => {
    assert.ok(error instanceof SimFailure);
    assert.ok(error.message.startsWith('the impossible was not reached within 500 ms'));
    assert.ok(error.message.includes('seed 42, at 800.0 ms'), error.message);
    assert.ok(error.message.includes('something happened'));
    return true;
  });
});

test('invariant: no deadline stays in the past after its tick', () => {
  const world = new World({ seed: 1 });
  new Clockwork(world, 100, () => 100);
  world.after(200, () => undefined);
  assert.throws(() => world.runFor(seconds(1)), SimFailure);
});

test('invariant: a deadline of now for ever is a live-lock', () => {
  const world = new World({ seed: 1 });
  new Clockwork(world, 100, (now) => now);
  assert.throws(() => world.runFor(seconds(1)), /ticks at 100 and still due/);
});

test('sloppy ticks come early, late and twice, and every deadline is still served', () => {
  const world = new World({ seed: 5, ticks: 'sloppy' });
  let served = 0;
  const clock = new Clockwork(world, 1000, (now) => {
    served++;
    return now + 1000;
  });
  new Clockwork(world, 10, (now) => now + 10);
  world.runFor(seconds(100));
  assert.ok(served >= 99);
  assert.ok(clock.ticks.length > served, 'early and repeated ticks');
  assert.ok(clock.ticks.some((at) => at % 1000 !== 0), 'late ticks');
});

test('a check of the scenario runs after every step', () => {
  const world = new World({ seed: 1 });
  let n = 0;
  world.always(() => assert.ok(n < 3, 'n stays small'));
  for (let i = 0; i < 5; i++) world.after(i * 10, () => n++);
  assert.throws(() => world.runFor(seconds(1)), /n stays small/);
  assert.equal(world.now, 20);
});
