// The end of tunnels with strongSwan and their return: Delete, crash, silence, from both sides.
import assert from 'node:assert/strict';
import { monotonic } from '../lab/index.ts';
import { until } from './poll.ts';
import { ourRouter, story, swanConfig, theirRouter } from './story.ts';

story('I1.4.1-1: mobikectl down deletes the IKE SA at both sides, up brings it back', {}, async (stage) => {
  const { ours, swan, stream } = await ourRouter(stage);
  const mark = ours.mark;
  await ours.ctl('down', 'swan');
  await swan.line('received DELETE for IKE_SA');
  await until('charon has none', async () => (await swan.sas()).length === 0);
  assert.deepEqual([(await ours.connection()).state, (await ours.connection()).children], ['down', []]);
  const since = monotonic();
  await ours.ctl('up', 'swan');
  await ours.event('child.established', mark);
  await stream.flowing(10, since, 8000);
  await stream.stop();
});

story('I1.4.1-1: mobikectl down of a child deletes only that, up makes it with CREATE_CHILD_SA', {}, async (stage) => {
  const { ours, swan, stream } = await ourRouter(stage, { esp: 'aes256gcm16-x25519' }, { esp: 'aes256gcm16-x25519' });
  const ike = (await swan.sa()).initiatorSpi;
  const mark = ours.mark;
  await ours.ctl('down', 'lan');
  await until('charon has no Child SA', async () => (await swan.sa()).children.length === 0);
  assert.equal((await ours.connection()).children.length, 0);
  const since = monotonic();
  await ours.ctl('up', 'lan');
  await ours.event('child.established', mark);
  await stream.flowing(10, since, 8000);
  assert.equal((await swan.sa()).initiatorSpi, ike);
  await stream.stop();
});

story('I1.4.1-1: SIGTERM says goodbye to strongSwan within 2 s', {}, async (stage) => {
  const { ours, swan, stream } = await ourRouter(stage);
  const since = monotonic();
  assert.equal(await ours.stop(), 0);
  assert.ok(monotonic() - since < 2500);
  await until('charon has none', async () => (await swan.sas()).length === 0);
  assert.match(swan.log, /received DELETE for IKE_SA/);
  await stream.stop();
});

story('I1.4.1-1: strongSwan deletes Child SA and IKE SA, mobiked makes both again', {}, async (stage) => {
  const { ours, swan, stream } = await ourRouter(stage);
  let mark = ours.mark;
  await swan.run('--terminate', '--child', 'net');
  assert.equal((await ours.event('child.closed', mark)).reason, 'peer_deleted');
  await ours.event('child.established', mark);
  mark = ours.mark;
  await swan.run('--terminate', '--ike', 'iop');
  assert.match((await ours.event('connection.closed', mark)).reason, /peer_deleted/);
  const since = monotonic();
  await ours.event('connection.established', mark);
  await stream.flowing(10, since, 8000);
  await stream.stop();
});

story('I1.4.1-1: strongSwan is stopped and started later; mobiked says why it is down and connects when it can', {}, async (stage) => {
  const { ours, swan, stream } = await ourRouter(stage);
  await swan.stop();
  const down = await until('mobiked is down', async () => {
    const found = await ours.connection();
    return found.state !== 'up' && found;
  });
  assert.equal(down.reason, 'peer_deleted');
  const { mark } = ours;
  const since = monotonic();
  await swan.start(swanConfig('hub'));
  await ours.event('child.established', mark, 30_000);
  await stream.flowing(10, since, 8000);
  await stream.stop();
});

story('I1.4.1-1: as responder, strongSwan deletes and sets up again, then mobiked does the deleting', {}, async (stage) => {
  const { ours, swan, stream } = await theirRouter(stage);
  await swan.run('--terminate', '--ike', 'iop');
  assert.equal((await ours.connection()).state, 'listening');
  const mark = ours.mark;
  const since = monotonic();
  await swan.initiate();
  await ours.event('child.established', mark);
  await stream.flowing(10, since, 8000);
  await ours.ctl('down', 'lan');
  await until('charon has no Child SA', async () => (await swan.sa()).children.length === 0);
  await ours.ctl('down', 'swan');
  await until('charon has no IKE SA', async () => (await swan.sas()).length === 0);
  await swan.line('received DELETE for IKE_SA');
  await stream.stop();
});

story('I2.4-4: killed with SIGKILL and started again, INITIAL_CONTACT replaces what strongSwan still had', {}, async (stage) => {
  const { ours, swan, stream } = await ourRouter(stage);
  const old = (await swan.sa()).uniqueId;
  await ours.stop('SIGKILL');
  assert.equal((await swan.sa()).uniqueId, old);
  const mark = ours.mark;
  const since = monotonic();
  await ours.start();
  await ours.event('child.established', mark);
  await stream.flowing(10, since, 8000);
  assert.match(swan.log, /N\(INIT_CONTACT\)/);
  const sa = await until('the old IKE SA is gone', () => swan.sa());
  assert.notEqual(sa.uniqueId, old);
  await stream.stop();
});

story('I2.4-4: strongSwan is killed and starts again as initiator, its INITIAL_CONTACT replaces what we had', {}, async (stage) => {
  const { ours, swan, stream } = await theirRouter(stage);
  await swan.stop('SIGKILL');
  const mark = ours.mark;
  await swan.start(swanConfig('router'));
  await swan.initiate();
  await ours.event('child.established', mark);
  assert.equal((await until('one connection', async () => (await ours.connections()).length === 1 && ours.connection())).state, 'up');
  await stream.flowing(10, monotonic(), 8000);
  await stream.stop();
});

story('I2.4-1, F-8: strongSwan is killed and started again; it says nothing to the old SPIs, traffic shows it and a new IKE SA follows', {}, async (stage) => {
  const { ours, swan, stream } = await ourRouter(stage);
  await swan.stop('SIGKILL');
  const mark = ours.mark;
  const since = monotonic();
  await swan.start(swanConfig('hub'));
  await ours.event('connection.established', mark, 20_000);
  await stream.flowing(10, since, 10_000);
  stage.figure(`back ${Math.round(monotonic() - since)} ms after the restart`);
  assert.equal((await ours.connections()).length, 1);
  await swan.sa();
  await stream.stop();
});

story('I2.4-1, M3.8-1: an idle tunnel is checked by mobiked, and strongSwan answers', {}, async (stage) => {
  const { ours, swan, stream } = await ourRouter(stage, { options: { liveness: '1s', uplink: ['wan0'] } });
  await stream.stop();
  const mark = swan.mark;
  await until('three checks', () => (swan.log.slice(mark).match(/parsed INFORMATIONAL request \d+ \[ N\(NATD_S_IP\) N\(NATD_D_IP\) \]/g) ?? []).length >= 3, 15_000);
  assert.equal((await ours.connection()).state, 'up');
});

story('I2.4-1: an idle tunnel is checked by strongSwan, and mobiked answers', {}, async (stage) => {
  const { swan, stream } = await ourRouter(stage, { options: { uplink: ['wan0'] } }, { connection: { dpd_delay: '1s' } });
  await stream.stop();
  const mark = swan.mark;
  await until('three answers', () => (swan.log.slice(mark).match(/parsed INFORMATIONAL response \d+ \[ \]/g) ?? []).length >= 3, 15_000);
  assert.equal((await swan.sa()).state, 'ESTABLISHED');
});

story('I2.4-1: strongSwan finds out that mobiked is gone, and mobiked comes back by itself', {}, async (stage) => {
  const { ours, swan, stream } = await ourRouter(stage, {}, { connection: { dpd_delay: '1s' } }, { retransmit_timeout: '0.3', retransmit_tries: 2 });
  await ours.stop('SIGKILL');
  await swan.line('giving up after 2 retransmits', 0, 20_000);
  await until('charon has none', async () => (await swan.sas()).length === 0);
  const mark = ours.mark;
  await ours.start();
  await ours.event('connection.established', mark);
  await stream.flowing(10, monotonic(), 8000);
  await stream.stop();
});

story('RFC 4555 §3.11: everything is cut for a while; the tunnel survives, or is made anew, without a word from outside', {}, async (stage) => {
  const { ours, swan, stream } = await ourRouter(stage);
  const mark = ours.mark;
  await stage.scene.cut('wan0', 'wwan0');
  await ours.event('path.doubtful', mark);
  await until('mobiked knows that nobody answers', () => ours.log.some((line) => line.includes('does not answer on any path')), 15_000);
  await stage.scene.mend();
  await stream.flowing(10, monotonic(), 20_000);
  await until('one IKE SA', () => swan.sa());
  assert.equal((await ours.connection()).state, 'up');
  await stream.stop();
});

story('I2.21.4-1: our hub is killed and starts again, strongSwan finds out and comes back', {}, async (stage) => {
  const { ours, swan, stream } = await theirRouter(stage, {}, { connection: { dpd_delay: '1s', keyingtries: 0 }, child: { dpd_action: 'restart' } }, { retransmit_timeout: '0.3', retransmit_tries: 2 });
  await ours.stop('SIGKILL');
  const mark = ours.mark;
  const since = monotonic();
  await ours.start();
  await ours.event('child.established', mark, 20_000);
  await stream.flowing(10, since, 10_000);
  stage.figure(`back ${Math.round(monotonic() - since)} ms after the restart`);
  await until('one IKE SA', () => swan.sa());
  await stream.stop();
});
