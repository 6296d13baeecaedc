import { test } from 'node:test';
import assert from 'node:assert/strict';
import { rawNotify } from './scripted-peer.ts';
import { Cookie2 } from '../../src/ike/cookie2.ts';
import { Alone } from './lone.ts';

test('M3.5-8 M3.7-4 M3.7-5: drawn anew for each request; its return is proof, its absence none, and another one ends the SA', () => {
  const around = new Alone();
  const sa = around.sa();
  const cookie2 = new Cookie2();
  around.fill['cookie2'] = 1;
  const first = cookie2.draw(around.ctx);
  around.fill['cookie2'] = 2;
  const second = cookie2.draw(around.ctx);
  assert.deepEqual([first.data.length, first.data[0], second.data[0]], [16, 1, 2]);
  assert.equal(cookie2.returned(sa, [rawNotify(16_401, second.data)], 'a question', around.ctx), true);
  assert.equal(cookie2.returned(sa, [], 'a question', around.ctx), false);
  assert.deepEqual([sa.state, around.said()], ['established', []]);
  assert.equal(cookie2.returned(sa, [rawNotify(16_401, first.data)], 'a question', around.ctx), undefined);
  assert.deepEqual(around.said().slice(-1), ['ike.closed cookie2_mismatch the peer answered a question with another COOKIE2']);
});
