import { test } from 'node:test';
import assert from 'node:assert/strict';
import { millis, seconds } from '../../src/base/index.ts';
import { EXCHANGE, play, untilRest } from './stage.ts';
import { ikeSight } from '../sim/index.ts';

// Found by the random driver, seeds 1780, 2112 and 2120: the router dropped an SA that the hub was about to learn of.
test('I2.25-2: the answer to a rekeying by the hub is lost, and the router rekeys the new SA: CHILD_SA_NOT_FOUND drops nothing', () => {
  const stage = play({ seed: 730 });
  const { world, router, hub, stream } = stage;
  const { filters } = world.link('isp1');
  filters.push((packet, direction) => {
    const ike = ikeSight(packet);
    return direction === 'up' && ike?.exchange === EXCHANGE.CREATE_CHILD_SA && ike.isResponse;
  });
  hub.ask('rekey', { name: 'lan' });
  world.runFor(millis(60));
  router.ask('rekey', { name: 'lan' });
  world.runFor(millis(100));
  filters.length = 0;
  world.runFor(seconds(2));
  const mark = stream.mark;
  world.runFor(seconds(3));
  assert.equal(stream.result(mark, stream.mark - 10).lost, 0);
  assert.equal(router.all('child.closed').length, 0);
  untilRest(stage);
});
