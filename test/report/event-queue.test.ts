import { test } from 'node:test';
import assert from 'node:assert/strict';
import { EventLog } from '../../src/report/index.ts';
import { EventQueue } from '../../src/report/event-queue.ts';
import { instant } from '../../src/base/index.ts';

/** A fixed sequence, so that a failure can be repeated. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

test('whatever the order of pushes, sends, answers and losses: bounded, in order, every event told or counted', () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = generator(seed);
    const most = 2 + Math.floor(random() * 12);
    const queue = new EventQueue(most);
    const log = new EventLog('b', instant(0));
    /** What the consumer knows: seq -> type, and how many events the holes stand for. */
    const known = new Map<number, string>();
    let holes = 0;
    let opId = 0;
    let open: number[] = [];
    const send = (): void => {
      const item = queue.next();
      if (!item || open.length >= 4) return;
      item.sent = true;
      item.opId = ++opId;
      open.push(opId);
      const { seq, event } = item.stamped;
      assert.equal(known.get(seq) ?? event.type, event.type, `seed ${seed}: one number, one meaning`);
      if (!known.has(seq)) {
        assert.ok([...known.keys()].every((k) => k < seq), `seed ${seed}: new numbers only grow`);
        if (event.type === 'events.dropped') holes += event.count;
        known.set(seq, event.type);
      }
    };
    for (let step = 0; step < 300; step++) {
      const what = random();
      if (what < 0.45) queue.push(log.record({ type: 'daemon.stopping' }, instant(step)));
      else if (what < 0.7) send();
      else if (what < 0.95) {
        const id = open.shift();
        if (id !== undefined) assert.ok(queue.done(id));
      } else {
        open = [];
        queue.recall();
      }
      assert.ok(queue.length <= most, `seed ${seed}: at most ${most}`);
    }
    open = [];
    queue.recall();
    while (!queue.empty) {
      send();
      const id = open.shift();
      assert.ok(id !== undefined && queue.done(id));
    }
    const told = [...known.values()].filter((type) => type !== 'events.dropped').length;
    assert.equal(told + holes, log.seq, `seed ${seed}: nothing vanished`);
    assert.equal(holes, queue.dropped);
    assert.equal(queue.done(999_999), undefined);
  }
});
