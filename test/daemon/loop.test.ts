import { test } from 'node:test';
import assert from 'node:assert/strict';
import { instant, type Instant } from '../../src/base/index.ts';
import { guarded, run, type Host } from '../../src/daemon/loop.ts';
import type { Core, Effect, Input } from '../../src/ports/index.ts';

const log = (text: string): Effect => ({ type: 'log.write', level: 'info', text });
const TICK: Input = { type: 'tick' };
const PACKET: Input = { type: 'udp.received', ifindex: 2, local: { address: '192.0.2.1' as never, port: 500 }, remote: { address: '192.0.2.2' as never, port: 500 }, bytes: new Uint8Array(28) };

class TestCore implements Core {
  readonly handled: Input[] = [];
  deadline: Instant | undefined;
  depth = 0;
  answer: (input: Input) => Effect[] = () => [];
  ownerOf: string | undefined;
  quarantined: string[] = [];

  handle(input: Input): Effect[] {
    assert.equal(this.depth++, 0, 'the core is re-entered');
    try {
      this.handled.push(input);
      return this.answer(input);
    } finally {
      this.depth--;
    }
  }

  owner(): string | undefined {
    return this.ownerOf;
  }

  quarantine(owner: string): Effect[] {
    this.quarantined.push(owner);
    return [log(`quarantined ${owner}`)];
  }
}

class TestHost implements Host {
  time = instant(0);
  performed: Effect[] = [];
  armed: { deadline: Instant | undefined; fire: () => void } | undefined;
  bugs: unknown[] = [];
  onPerform: (effect: Effect, deliver: (input: Input) => void) => void = () => undefined;

  now(): Instant {
    return this.time;
  }

  arm(deadline: Instant | undefined, fire: () => void): void {
    this.armed = { deadline, fire };
  }

  onBug(error: unknown): void {
    this.bugs.push(error);
  }

  perform(effect: Effect, deliver: (input: Input) => void): void {
    this.performed.push(effect);
    this.onPerform(effect, deliver);
  }
}

test('effects are performed in order; a port that answers at once does not re-enter the core', () => {
  const core = new TestCore();
  const host = new TestHost();
  core.answer = (input) => (input.type === 'tick' ? [log('a'), log('b')] : []);
  host.onPerform = (effect, deliver) => {
    if (effect.type === 'log.write' && effect.text === 'a') deliver({ type: 'process.terminate' });
  };
  run(core, host)(TICK);
  assert.deepEqual(core.handled.map((i) => i.type), ['tick', 'process.terminate']);
  assert.deepEqual(host.performed.map((e) => e.type === 'log.write' && e.text), ['a', 'b']);
});

test('the one timer is armed at the deadline after every input, and its fire is a tick', () => {
  const core = new TestCore();
  const host = new TestHost();
  core.deadline = instant(500);
  run(core, host)(TICK);
  assert.equal(host.armed?.deadline, 500);
  core.deadline = undefined;
  host.armed.fire();
  assert.deepEqual(core.handled.map((i) => i.type), ['tick', 'tick']);
  assert.equal(host.armed.deadline, undefined);
});

test('a bug with an owner: told, the owner is quarantined, and the loop goes on', () => {
  const core = new TestCore();
  const host = new TestHost();
  const push = run(core, host);
  core.ownerOf = '7';
  core.answer = (input) => {
    if (input.type === 'udp.received') throw new Error('a bug');
    return [log('still alive')];
  };
  push(PACKET);
  assert.deepEqual([core.quarantined, host.bugs.length], [['7'], 1]);
  push(TICK);
  assert.deepEqual(host.performed.map((e) => e.type === 'log.write' && e.text), ['quarantined 7', 'still alive']);
});

test('a bug that nobody owns leaves the loop, and does not leave it blocked', () => {
  const core = new TestCore();
  const host = new TestHost();
  const push = run(core, host);
  core.answer = (input) => {
    if (input.type === 'tick') throw new Error('a bug');
    return [];
  };
  assert.throws(() => push(TICK), /a bug/);
  assert.equal(host.bugs.length, 1);
  push({ type: 'process.terminate' });
  assert.deepEqual(core.handled.map((i) => i.type), ['tick', 'process.terminate']);
});

test('a port that floods fills the queue to its bound; what is lost is told once', () => {
  const core = new TestCore();
  const host = new TestHost();
  core.answer = (input) => (input.type === 'process.terminate' ? [log('flood')] : []);
  host.onPerform = (_effect, deliver) => {
    for (let i = 0; i < 100_010; i++) deliver(TICK);
  };
  run(core, host)({ type: 'process.terminate' });
  assert.equal(core.handled.length, 100_001);
  assert.equal(host.bugs.length, 1);
});

test('guarded passes on what the core returns', () => {
  const core = new TestCore();
  core.answer = () => [log('x')];
  assert.deepEqual(guarded(core, TICK, instant(0), () => assert.fail()), [log('x')]);
});
