import { test } from 'node:test';
import assert from 'node:assert/strict';
import { decodeReply, decodeRequest, encodeEvent, encodeRefusal, encodeReply, encodeRequest } from '../../src/codec/control/index.ts';

function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
}

const SEEDS = [
  encodeRequest({ id: 1, command: 'switch', args: { connection: 'hq', uplink: 'wan' }, follow: false }),
  encodeRequest({ id: 2, command: 'events', args: {}, follow: true }),
  encodeReply(1, { version: '0.1.0', connections: [{ name: 'hq', path: null, mobike: true }] }),
  encodeRefusal(1, 'no such connection'),
  encodeEvent(2, { boot_id: 'x', seq: 1, event: { type: 'daemon.started', version: '1' } }),
];
const PIECES = ['{', '}', '[', ']', '"', ':', ',', '\\', '\\u0000', 'null', 'true', '1e999', '-0', '"id"', '"command"', '"args"', '"__proto__"', '"follow"', '"up"', '"events"', '\ud800', '\0', ' ', '0', '"ok"', '"event"'];

test('control socket lines: 100,000 mutated and random lines: no throw, and what is accepted is sound', () => {
  const draw = random(4711);
  let accepted = 0;
  for (let i = 0; i < 100_000; i++) {
    let line = '';
    if (i % 2 === 0) {
      line = SEEDS[(i / 2) % SEEDS.length] ?? '';
      for (let edits = draw() % 4; edits >= 0; edits--) {
        const at = draw() % (line.length + 1);
        if (draw() % 2 === 0) line = line.slice(0, at) + PIECES[draw() % PIECES.length] + line.slice(at + (draw() % 3));
        else line = line.slice(0, at) + String.fromCharCode(draw() % 300) + line.slice(at + 1);
      }
    } else for (let k = draw() % 40; k >= 0; k--) line += PIECES[draw() % PIECES.length];
    const request = decodeRequest(line);
    if (request.ok) {
      accepted++;
      assert.deepEqual(decodeRequest(encodeRequest(request.value)), request, line);
    } else assert.ok(request.error.error.length < 100);
    const reply = decodeReply(line);
    assert.ok(reply.ok || reply.error.length < 100);
  }
  assert.ok(accepted > 100, `only ${accepted} of the mutated lines were accepted`);
});
