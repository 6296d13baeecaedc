import { test } from 'node:test';
import assert from 'node:assert/strict';
import { millis, seconds, toHex } from '../../src/base/index.ts';
import { ikeSight } from '../sim/index.ts';
import { Download, EXCHANGE, measured, play, record, untilRest, type Passed } from './stage.ts';

const espOf = (passed: readonly Passed[], spi: string): Passed[] =>
  passed.filter((p) => p.kind === 'esp' && p.direction === 'down' && toHex(p.packet.bytes.subarray(0, 4)) === spi);

// RFC 7296 §2.8 lets a responder send on the new SA at once. Ours waits for the first packet, others do not.
test('I2.8-1 RFC 7296 §2.8: the hub sends under the new Child SA at once and its answer is lost: all of it waits for the answer, none is lost', () => {
  const stage = play({ seed: 735 }, false);
  const { world, router, hub } = stage;
  const download = new Download(stage, 50);
  const link = world.link('isp1');
  const passed = record(stage, link);
  world.runFor(seconds(1));
  const mark = download.mark;
  const old = new Set(hub.plane.report().sas.map((sa) => sa.handle));
  const known = router.watch.spis('in');
  let dropped = 0;
  link.filters.push((packet, direction) => {
    const ike = ikeSight(packet);
    return direction === 'down' && ike?.isResponse === true && ike.exchange === EXCHANGE.CREATE_CHILD_SA && dropped++ === 0;
  });
  router.ask('rekey', { name: 'lan' });
  world.runUntil(() => hub.plane.report().sas.some((sa) => !old.has(sa.handle)), seconds(1), 'the new SAs at the hub');
  for (const { handle } of hub.plane.report().sas) if (!old.has(handle)) hub.plane.apply({ type: 'esp.sa.use', handle }, world.now);
  world.runFor(millis(100));
  assert.deepEqual(router.watch.spis('in'), known, 'the router has no answer');
  world.runUntil(() => router.all('child.rekeyed').length > 0, seconds(3), 'the answer, sent again');
  const spi = router.watch.spis('in').find((one) => !known.includes(one)) ?? '';
  const early = espOf(passed, spi).length;
  measured('packets that came before the answer', early);
  assert.ok(early >= 10, `${early} packets overtook the answer`);
  world.runFor(seconds(1));
  const end = download.mark;
  world.runFor(seconds(1));
  assert.equal(dropped, 2, 'the answer came the second time');
  assert.equal(download.result(mark, end).lost, 0);
  download.stop();
  untilRest(stage);
});
