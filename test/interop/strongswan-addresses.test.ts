// Hubs with several addresses, one of which goes away: strongSwan as the hub of our router, and ours as the hub of strongSwan.
import assert from 'node:assert/strict';
import { monotonic } from '../lab/index.ts';
import { until } from './poll.ts';
import { HUB, HUB6 } from './scene.ts';
import { ourRouter, story, theirRouter, type Stage } from './story.ts';

const SECOND = '203.0.113.2';
const addSecond = async ({ scene }: Stage): Promise<void> => {
  // Without it Linux takes the second address of a network away with the first.
  await scene.hub.sysctl('net.ipv4.conf.all.promote_secondaries=1', 'net.ipv4.conf.eth0.promote_secondaries=1');
  await scene.hub.ip(`addr add ${SECOND}/24 dev eth0`);
};
const loseFirst = ({ scene }: Stage): Promise<unknown> => scene.hub.ip(`addr del ${HUB}/24 dev eth0`);

for (const [what, options] of [['behind no NAT', {}], ['behind a NAT that lets in only whom it has spoken to', { nat: ['wan0'] }]] as const) {
  story(`M3.6-8, M3.6-9, N-d: strongSwan is the hub and loses the address in use; our router, ${what}, goes on at the one that it announced`, options, async (stage) => {
    await addSecond(stage);
    const { ours, swan, stream } = await ourRouter(stage);
    const spi = (await swan.sa()).initiatorSpi;
    assert.match(swan.log, /generating IKE_AUTH response 1 \[.* N\(ADD_4_ADDR\)/);
    const { mark } = ours;
    const since = monotonic();
    await loseFirst(stage);
    const moved = await ours.event('path.moved', mark, 10_000);
    await stream.flowing(15, since, 10_000);
    const { outageMs } = stream.result(since - 100);
    stage.figure(`strongSwan's address dies, ${what}: ${moved.reasons.join('+')}, outage ${outageMs} ms`);
    assert.ok(outageMs <= 3000, `outage ${outageMs} ms`);
    // It announced its IPv6 address too, and every uplink is tried: whichever copy of the request a thread of charon takes first is answered, and taken.
    const sa = await until('both have the same of its other addresses', async () => {
      const now = await swan.sa();
      const remote = (await ours.connection()).path?.remote;
      return [SECOND, HUB6].includes(now.localHost) && (remote === `${now.localHost}:4500` || remote === `[${now.localHost}]:4500`) && now;
    });
    assert.equal(sa.initiatorSpi, spi, 'moved, not made anew');
    await stream.stop();
  });
}

story('M3.6-8, M3.4-1: ours is the hub and loses the address in use; it tells strongSwan its list from the other one', {}, async (stage) => {
  await addSecond(stage);
  const { ours, swan, stream } = await theirRouter(stage);
  await until('charon was told the second address', () => /parsed IKE_AUTH response 1 \[.* N\(ADD_4_ADDR\)/.test(swan.log));
  const { mark } = ours;
  const since = monotonic();
  await loseFirst(stage);
  const moved = await ours.event('path.moved', mark, 10_000);
  await stream.flowing(15, since, 10_000);
  stage.figure(`our hub's address dies, strongSwan as the router: ${moved.reasons.join('+')}, outage ${stream.result(since - 100).outageMs} ms`);
  await until('charon sends to the second address', async () => (await swan.sa()).remoteHost === SECOND);
  await stream.stop();
});
