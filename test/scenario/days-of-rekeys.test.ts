import { test } from 'node:test';
import assert from 'node:assert/strict';
import { millis, minutes, seconds } from '../../src/base/index.ts';
import { thorough } from '../tools/thorough.ts';
import { measured, play, untilRest } from './stage.ts';

test('I2.8-1 I2.8-2 I2.8-3: days of rekeying by lifetime: no packet is lost, nothing is left over', () => {
  const stage = play({ seed: 600, rate: 10 }, false);
  const { world, router, hub, stream } = stage;
  const DAYS = thorough ? 3 : 0.5;
  const end = world.now + DAYS * 86_400_000;
  // Traffic flows whenever something is about to be rekeyed, and for half a minute after; in between the line is idle.
  let flowing = false;
  while (world.now < end) {
    const due = Math.min(...[router, hub].flatMap((host) => {
      const document = host.connection();
      const children = document['children'] as readonly { rekey_ms: number | null }[];
      return [(document['ike'] as { rekey_ms: number | null }).rekey_ms ?? Infinity, ...children.map((c) => c.rekey_ms ?? Infinity)];
    }));
    if (due > 20_000) {
      if (flowing) stream.stop();
      flowing = false;
      world.runFor(millis(Math.min(due - 3000, end - world.now)));
    } else {
      if (!flowing) stream.start();
      flowing = true;
      world.runFor(seconds(25));
    }
  }
  stream.stop();
  world.runFor(minutes(1));
  const { sent, lost, duplicated } = stream.result();
  const ike = router.all('ike.rekeyed').length;
  const child = router.all('child.rekeyed').length;
  measured('days of rekeying: IKE SA rekeys', ike);
  measured('days of rekeying: Child SA rekeys', child);
  measured('days of rekeying: packets under rekeying', sent);
  assert.ok(ike >= Math.floor(7 * DAYS) - 1, `${ike} IKE SA rekeys`);
  assert.ok(child >= 24 * DAYS, `${child} Child SA rekeys`);
  assert.ok(sent > 5000 * DAYS, `${sent} packets`);
  assert.equal(lost, 0);
  assert.equal(duplicated, 0);
  assert.equal(router.all('connection.closed').length, 0);
  assert.equal(router.all('nat.mapping_changed').length, 0);
  untilRest(stage);
});
