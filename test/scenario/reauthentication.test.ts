import { test } from 'node:test';
import assert from 'node:assert/strict';
import { minutes, seconds } from '../../src/base/index.ts';
import { ikeSight } from '../sim/index.ts';
import { thorough } from '../tools/thorough.ts';
import { EXCHANGE, play, untilRest } from './stage.ts';

test('I2.8.3-1: every three minutes a new IKE SA from scratch, made before the old one is broken: no packet is lost, nothing is left over', () => {
  const stage = play({ seed: 610, rate: thorough ? 40 : 10, connection: ["option reauth_time '180'"] });
  const { world, router, hub, stream } = stage;
  const first = (router.connection()['ike'] as { spi_i: string }).spi_i;
  world.runFor(minutes(9));
  stream.stop();
  world.runFor(seconds(5));
  const { sent, lost, duplicated } = stream.result();
  const logins = router.all('connection.established').length;
  assert.ok(logins >= 4 && logins <= 5, `${logins} logins in nine minutes`);
  assert.notEqual((router.connection()['ike'] as { spi_i: string }).spi_i, first);
  assert.ok(sent > (thorough ? 20_000 : 5000), `${sent} packets`);
  assert.deepEqual([lost, duplicated], [0, 0]);
  assert.deepEqual([router, hub].map((host) => host.all('connection.closed').length), [0, 0], 'what gives way to its successor is no news');
  untilRest(stage);
});

test('I2.8.3-1: a reauthentication that nobody answers leaves the session alone', () => {
  const stage = play({ seed: 611, rate: 4, connection: ["option reauth_time '300'"] });
  const { world, router, stream } = stage;
  const first = (router.connection()['ike'] as { spi_i: string }).spi_i;
  stage.wan.link.filters.push((packet) => ikeSight(packet)?.exchange === EXCHANGE.IKE_SA_INIT);
  world.runFor(minutes(10));
  assert.equal((router.connection()['ike'] as { spi_i: string }).spi_i, first);
  stream.stop();
  world.runFor(seconds(5));
  assert.equal(stream.result().lost, 0);
  untilRest(stage);
});
