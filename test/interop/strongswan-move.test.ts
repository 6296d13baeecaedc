// MOBIKE with strongSwan: either side moves between two uplinks, with and without NAT, and the traffic goes on.
import assert from 'node:assert/strict';
import { monotonic, type Stream } from '../lab/index.ts';
import { until } from './poll.ts';
import { HUB, HUB6, INNER, UPLINKS, type UplinkName } from './scene.ts';
import { ourRouter, story, theirRouter, type Stage, type Tunnel } from './story.ts';
import type { StrongSwan } from './strongswan.ts';

/** The address charon at the hub sends to, once it is this one. */
const remoteIs = (swan: StrongSwan, address: string): Promise<string> =>
  until(`charon sends to ${address}`, async () => {
    const sa = await swan.sa();
    return sa.remoteHost === address && sa.remotePort;
  });

/** Waits until the stream flows again, and tells how long it did not. */
async function mended({ figure }: Stage, stream: Stream, since: number, what: string, limit = 10_000): Promise<number> {
  await stream.flowing(15, since, limit);
  const { outageMs, lost } = stream.result(since - 100);
  figure(`${what}: outage ${outageMs} ms, ${lost} packets lost`);
  return outageMs;
}

/**
 * The IKE SA is the same as before: moved, not made anew. libipsec cannot move a Child SA, so charon rekeys it right after
 * an update; both sides end with the same one.
 */
async function sameTunnel({ ours, swan }: Tunnel, ike: string): Promise<void> {
  await until('both sides have the same Child SA', async () => {
    const sa = await swan.sa();
    assert.equal(sa.initiatorSpi, ike);
    const mine = (await ours.connection()).children;
    return sa.children.length === 1 && mine.length === 1 && mine[0]?.spi_in === sa.children[0]?.['spi-out'] && mine[0]?.spi_out === sa.children[0]?.['spi-in'];
  });
}

async function lose({ scene }: Stage, name: UplinkName): Promise<number> {
  const since = monotonic();
  await scene.loseAddress(name);
  return since;
}

story('M3.5-8, M3.5-13, X-12: the address is lost, UPDATE_SA_ADDRESSES moves the tunnel to the other uplink and back', {}, async (stage) => {
  const tunnel = await ourRouter(stage);
  const { ours, swan, stream } = tunnel;
  const spi = (await swan.sa()).initiatorSpi;
  assert.equal((await swan.sa()).remoteHost, UPLINKS.wan0.address);
  const mark = ours.mark;
  const since = await lose(stage, 'wan0');
  const moved = await ours.event('path.moved', mark);
  assert.deepEqual([moved.from_uplink, moved.to_uplink], ['wan0', 'wwan0']);
  const outage = await mended(stage, stream, since, `confirmed in ${moved.took_ms} ms`);
  assert.ok(outage < 1000, `outage ${outage} ms`);
  assert.equal(await remoteIs(swan, UPLINKS.wwan0.address), '4500');
  assert.match(swan.log, /parsed INFORMATIONAL request \d+ \[ N\(UPD_SA_ADDR\) N\(NATD_S_IP\) N\(NATD_D_IP\) N\(COOKIE2\) \]/);
  assert.match(swan.log, /generating INFORMATIONAL response \d+ \[ N\(NATD_S_IP\) N\(NATD_D_IP\) N\(COOKIE2\) \]/);
  const back = ours.mark;
  await stage.scene.connect('wan0');
  await ours.event('uplink.changed', back, 5000, (e) => e.uplink === 'wan0' && e.state === 'up');
  const planned = monotonic();
  await ours.ctl('switch', 'swan', 'wan0');
  await ours.event('path.moved', back, 5000, (e) => e.to_uplink === 'wan0');
  await mended(stage, stream, planned, 'asked back');
  assert.equal(await remoteIs(swan, UPLINKS.wan0.address), '4500');
  await sameTunnel(tunnel, spi);
  await stream.stop();
});

story('M3.5-17, M3.5-22: from an open uplink to one behind a NAT and back, ports follow', { nat: ['wwan0'] }, async (stage) => {
  const tunnel = await ourRouter(stage);
  const { ours, swan, stream } = tunnel;
  const spi = (await swan.sa()).initiatorSpi;
  assert.equal((await ours.connection()).nat, 'remote'); // libipsec claims a NAT so that everything is encapsulated
  const mark = ours.mark;
  const since = await lose(stage, 'wan0');
  const moved = await ours.event('path.moved', mark);
  await mended(stage, stream, since, `open to NAT, confirmed in ${moved.took_ms} ms`);
  assert.notEqual(await remoteIs(swan, stage.scene.publicAddress), '4500');
  assert.equal((await ours.connection()).nat, 'both');
  const back = ours.mark;
  await stage.scene.connect('wan0');
  await ours.event('uplink.changed', back, 5000, (e) => e.uplink === 'wan0' && e.state === 'up');
  const lost = await lose(stage, 'wwan0');
  await ours.event('path.moved', back, 5000, (e) => e.to_uplink === 'wan0');
  await mended(stage, stream, lost, 'NAT to open');
  assert.equal(await remoteIs(swan, UPLINKS.wan0.address), '4500');
  assert.equal((await ours.connection()).nat, 'remote');
  await sameTunnel(tunnel, spi);
  await stream.stop();
});

story('M3.8-3, M3.8-4: the NAT gets another public address, the new mapping is found and told to strongSwan', { nat: ['wan0'], uplinks: ['wan0'] }, async (stage) => {
  const tunnel = await ourRouter(stage);
  const { ours, swan, stream } = tunnel;
  const spi = (await swan.sa()).initiatorSpi;
  const mark = ours.mark;
  const since = monotonic();
  await stage.scene.renumberIsp();
  await ours.event('nat.mapping_changed', mark);
  await mended(stage, stream, since, 'NAT rebound');
  await remoteIs(swan, stage.scene.publicAddress);
  await sameTunnel(tunnel, spi);
  await stream.stop();
});

story('D6.2-2, D6.2-3: a black hole is found although address and route remain, the race over the other uplink wins', { nat: ['wwan0'] }, async (stage) => {
  const { ours, swan, stream } = await ourRouter(stage);
  const mark = ours.mark;
  const since = monotonic();
  await stage.scene.cut('wan0');
  const moved = await ours.event('path.moved', mark);
  assert.equal(moved.reasons[0], 'black_hole');
  const outage = await mended(stage, stream, since, 'black hole');
  assert.ok(outage < 6000, `outage ${outage} ms`);
  await remoteIs(swan, stage.scene.publicAddress);
  await stream.stop();
});

story('M3.5-9: three moves within one turn end on the last path at both sides', {}, async (stage) => {
  const { ours, swan, stream } = await ourRouter(stage);
  const since = monotonic();
  await Promise.all([ours.ctl('switch', 'swan', 'wwan0'), ours.ctl('switch', 'swan', 'wan0')]);
  await ours.ctl('switch', 'swan', 'wwan0');
  await remoteIs(swan, UPLINKS.wwan0.address);
  await mended(stage, stream, since, 'three moves');
  assert.equal((await ours.connection()).uplink, 'wwan0');
  await stream.stop();
});

story('outer IPv6, M3.5-8: the tunnel moves to the other uplink', {}, async (stage) => {
  const { ours, swan, stream } = await ourRouter(stage, { ipv6: true });
  const mark = ours.mark;
  await stage.scene.loseFamily('wan0', 4); // the hub announced an IPv4 address, which would do as well
  const since = monotonic();
  await stage.scene.loseFamily('wan0', 6);
  await ours.event('path.moved', mark);
  await mended(stage, stream, since, 'IPv6 address lost');
  await remoteIs(swan, UPLINKS.wwan0.address6);
  await stream.stop();
});

story('N-e: ten times between an open uplink and one behind a NAT, the right ports each time and nothing lost', { nat: ['wwan0'] }, async (stage) => {
  const { ours, swan, stream } = await ourRouter(stage);
  const since = monotonic();
  for (let i = 0; i < 10; i++) {
    const { mark } = ours;
    const [to, address] = i % 2 === 0 ? (['wwan0', stage.scene.publicAddress] as const) : (['wan0', UPLINKS.wan0.address] as const);
    await ours.ctl('switch', 'swan', to);
    await ours.event('path.moved', mark, 5000, (e) => e.to_uplink === to);
    const port = await remoteIs(swan, address);
    assert.equal(port === '4500', to === 'wan0', port);
  }
  await mended(stage, stream, monotonic(), 'after ten moves');
  const { lost, sent } = stream.result(since);
  assert.ok(lost <= 2, `${lost} of ${sent} packets lost`);
  await stream.stop();
});

story('D5.1.2-2, M3.5-13: from an uplink with IPv4 to one with IPv6 and back, both addresses of strongSwan follow', {}, async (stage) => {
  await stage.scene.loseFamily('wan0', 6);
  await stage.scene.loseFamily('wwan0', 4);
  const { ours, swan, stream } = await ourRouter(stage, { options: { remote_addrs: [HUB, HUB6] } });
  let { mark } = ours;
  const since = monotonic();
  await stage.scene.loseFamily('wan0', 4);
  await ours.event('path.moved', mark);
  await mended(stage, stream, since, 'IPv4 to IPv6');
  await remoteIs(swan, UPLINKS.wwan0.address6);
  assert.equal((await swan.sa()).localHost, HUB6);
  mark = ours.mark;
  await stage.scene.connect('wan0');
  await ours.event('uplink.changed', mark, 5000, (e) => e.uplink === 'wan0' && e.state === 'up');
  const back = monotonic();
  await stage.scene.loseFamily('wwan0', 6);
  await ours.event('path.moved', mark);
  await mended(stage, stream, back, 'IPv6 to whatever wan0 has');
  assert.ok([UPLINKS.wan0.address, UPLINKS.wan0.address6].includes((await swan.sa()).remoteHost as never));
  await stream.stop();
});

story('M3.5-2: the hub gets another address, which is in the configuration: the tunnel goes on there', {}, async (stage) => {
  const second = '203.0.113.2';
  await stage.scene.hub.ip(`addr del ${HUB6}/64 dev eth0`);
  const { ours, swan, stream } = await ourRouter(stage, { options: { remote_addrs: [HUB, second] } });
  const spi = (await swan.sa()).initiatorSpi;
  const { mark } = ours;
  const since = monotonic();
  await stage.scene.renumberHub(second);
  await ours.event('path.moved', mark, 10_000);
  const outage = await mended(stage, stream, since, 'hub renumbered');
  assert.ok(outage <= 3000, `outage ${outage} ms`);
  assert.equal((await ours.connection()).path?.remote, `${second}:4500`);
  assert.equal((await swan.sa()).initiatorSpi, spi);
  await stream.stop();
});

story('M3.5-6, X-1: the uplink dies under a rekeying, which goes on over the other one', {}, async (stage) => {
  const { ours, swan, stream } = await ourRouter(stage);
  for (const what of ['lan', 'swan'] as const) {
    const mark = ours.mark;
    const from = what === 'lan' ? 'wan0' : 'wwan0';
    await stage.scene.cut(from);
    await ours.ctl('rekey', what);
    const since = await lose(stage, from);
    await ours.event(what === 'lan' ? 'child.rekeyed' : 'ike.rekeyed', mark);
    await ours.event('path.moved', mark);
    await stage.scene.mend();
    await mended(stage, stream, since, `moved while rekeying ${what}`);
    await stage.scene.connect(from);
    await until('wan0 and wwan0 are up', async () => ((await ours.ctl('uplinks')) as { state: string }[]).filter((u) => u.state === 'up').length >= 2);
  }
  await remoteIs(swan, UPLINKS.wan0.address);
  await until('one Child SA is left', async () => (await swan.sa()).children.length === 1);
  await stream.stop();
});

story('M3.5-12 to M3.5-17, M3.7-3: strongSwan moves, mobiked follows after its return routability check', {}, async (stage) => {
  const tunnel = await theirRouter(stage);
  const { ours, swan, stream } = tunnel;
  const spi = (await swan.sa()).initiatorSpi;
  const mark = ours.mark;
  const since = await lose(stage, 'wan0');
  const moved = await ours.event('path.moved', mark);
  assert.deepEqual(moved.reasons, ['peer_update']);
  await mended(stage, stream, since, `strongSwan moved, checked in ${moved.took_ms} ms`);
  assert.equal((await ours.connection()).path?.remote, `${UPLINKS.wwan0.address}:4500`);
  assert.equal((await swan.sa()).localHost, UPLINKS.wwan0.address);
  assert.match(swan.log, /parsed INFORMATIONAL request \d+ \[ N\(COOKIE2\) \]/);
  await sameTunnel(tunnel, spi);
  await stream.stop();
});

story('M3.5-17: strongSwan moves behind a NAT and out again, mobiked answers to the right ports', { nat: ['wwan0'] }, async (stage) => {
  const { ours, stream, swan } = await theirRouter(stage);
  const mark = ours.mark;
  const since = await lose(stage, 'wan0');
  await ours.event('path.moved', mark);
  await mended(stage, stream, since, 'strongSwan moved behind a NAT');
  const remote = (await ours.connection()).path?.remote ?? '';
  assert.ok(remote.startsWith(`${stage.scene.publicAddress}:2`), remote);
  const back = ours.mark;
  await stage.scene.connect('wan0');
  const lost = await lose(stage, 'wwan0');
  await ours.event('path.moved', back);
  await mended(stage, stream, lost, 'strongSwan moved out again');
  assert.equal((await ours.connection()).path?.remote, `${UPLINKS.wan0.address}:4500`);
  assert.equal((await swan.sa()).remoteHost, HUB);
  await stream.stop();
});

story('M3.8-2, M3.8-5: the NAT in front of strongSwan rebinds, our answer shows it and its update is followed', { nat: ['wan0'], uplinks: ['wan0'] }, async (stage) => {
  const { ours, stream: first, swan } = await theirRouter(stage, {}, { connection: { dpd_delay: '1s' } });
  // charon compares with its first check, which waits for a silence, not with what IKE_AUTH was sent from.
  await first.stop();
  await until('charon has checked', () => /parsed INFORMATIONAL response \d+ \[ N\(NATD_S_IP\) N\(NATD_D_IP\) \]/.test(swan.log));
  const stream = await stage.scene.echo('router', INNER.hub);
  await stream.flowing(10, 0, 5000);
  const mark = ours.mark;
  const since = monotonic();
  await stage.scene.renumberIsp();
  await ours.event('path.moved', mark, 15_000);
  await mended(stage, stream, since, 'NAT of strongSwan rebound');
  const remote = (await ours.connection()).path?.remote ?? '';
  assert.ok(remote.startsWith(`${stage.scene.publicAddress}:2`), remote);
  assert.match(swan.log, /N\(UPD_SA_ADDR\)/);
  await stream.stop();
});

for (const [who, tuning, peer] of [['strongSwan', {}, { connection: { mobike: 'no' } }], ['mobiked', { options: { mobike: '0' } }, {}]] as const) {
  story(`M3.2-1: MOBIKE is off at ${who}; a lost address brings a new IKE SA over the other uplink`, {}, async (stage) => {
    const { ours, swan, stream } = await ourRouter(stage, tuning, peer);
    assert.equal((await ours.connection()).mobike, false);
    const old = (await swan.sa()).initiatorSpi;
    const mark = ours.mark;
    const since = await lose(stage, 'wan0');
    const again = await ours.event('connection.established', mark);
    assert.equal(again.uplink, 'wwan0');
    await mended(stage, stream, since, 'made anew');
    assert.doesNotMatch(swan.log, /UPD_SA_ADDR/);
    const sa = await until('charon keeps one IKE SA', () => swan.sa());
    assert.notEqual(sa.initiatorSpi, old);
    assert.equal(sa.remoteHost, UPLINKS.wwan0.address);
    await stream.stop();
  });
}

story('M3.2-1: MOBIKE is off at mobiked, strongSwan makes a new IKE SA when its address is lost', {}, async (stage) => {
  const { ours, swan, stream } = await theirRouter(stage, { options: { mobike: '0' } });
  const mark = ours.mark;
  const since = await lose(stage, 'wan0');
  await ours.event('connection.established', mark, 30_000);
  await mended(stage, stream, since, 'made anew by strongSwan', 30_000);
  assert.equal((await swan.sas()).find((sa) => sa.state === 'ESTABLISHED')?.localHost, UPLINKS.wwan0.address);
  await stream.stop();
});
