import { test } from 'node:test';
import assert from 'node:assert/strict';
import { minutes, seconds } from '../../src/base/index.ts';
import { Download, play, untilRest } from './stage.ts';

test('RFC 4555 §3.8, M3.8-3: the mapping changes while nothing flows: the next check repairs it, and the hub can send again', () => {
  const stage = play({ seed: 51 }, false);
  const { world, router, hub } = stage;
  world.runFor(minutes(5));
  world.link('isp1').nat?.reboot();
  world.runFor(seconds(90));
  assert.equal(router.all('nat.mapping_changed').length, 1);
  assert.equal(router.uplink, 'wan0');
  const download = new Download(stage);
  world.runFor(seconds(2));
  assert.equal(download.result(0, download.mark - 10).lost, 0);
  download.stop();
  untilRest(stage);
  assert.equal(hub.all('connection.closed').length, 0);
});

test('NK-2: an idle tunnel keeps its mapping for an hour by keepalives alone', () => {
  const stage = play({ seed: 52, router: "config uplink 'wan0'\n option device 'wan0'\n option keepalive '20'\nconfig uplink 'wwan0'\n option device 'wwan0'\n" }, false);
  const { world, router } = stage;
  const nat = world.link('isp1').nat;
  if (nat) nat.expiry = seconds(30);
  world.runFor(minutes(60));
  assert.equal(router.all('nat.mapping_changed').length, 0);
  const download = new Download(stage);
  world.runFor(seconds(2));
  assert.equal(download.result(0, download.mark - 10).lost, 0);
});
