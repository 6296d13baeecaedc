// Tunnels with strongSwan: set up from both sides, with every algorithm we have, and traffic through them both ways.
import assert from 'node:assert/strict';
import { toHex } from '../../src/base/index.ts';
import { encodeMessage, notify, type IkeSpi } from '../../src/codec/ike/index.ts';
import { monotonic } from '../lab/index.ts';
import type { Mobiked } from './mobiked.ts';
import { until } from './poll.ts';
import { HUB, HUB6, INNER, NETS, UPLINKS } from './scene.ts';
import { HUB_ID, ROUTER_ID, story, swanConfig, type Stage } from './story.ts';
import type { StrongSwan } from './strongswan.ts';

/** Both sides' own words about one tunnel: state, algorithms, identities, and SPIs that pair up. */
async function agree(ours: Mobiked, swan: StrongSwan, expect: { ike: string; size: string; group: string }): Promise<void> {
  const connection = await until('mobiked shows its child', async () => {
    const found = await ours.connection();
    return found.children.length > 0 && found;
  });
  const sa = await until('charon shows its child', async () => {
    const found = await swan.sa();
    return found.state === 'ESTABLISHED' && found.children.length > 0 && found;
  });
  assert.equal(connection.state, 'up');
  assert.equal(connection.mobike, true);
  assert.equal(connection.ike?.proposal, expect.ike);
  assert.deepEqual([sa.all['encr-alg'], sa.all['encr-keysize'], sa.all['prf-alg'], sa.all['dh-group']], ['AES_GCM_16', expect.size, 'PRF_HMAC_SHA2_256', expect.group]);
  assert.deepEqual([sa.initiatorSpi, sa.responderSpi], [connection.ike?.spi_i, connection.ike?.spi_r]);
  const [child] = connection.children;
  const [theirs] = sa.children;
  assert.deepEqual([theirs?.['state'], theirs?.['encap'], theirs?.['encr-alg']], ['INSTALLED', 'yes', 'AES_GCM_16']);
  assert.ok(child?.proposal.startsWith(`aes${String(theirs?.['encr-keysize'])}gcm16`), `${child?.proposal} is charon's ${String(theirs?.['encr-keysize'])}`);
  assert.deepEqual([theirs?.['spi-in'], theirs?.['spi-out']], [child?.spi_out, child?.spi_in]);
  assert.deepEqual([theirs?.['local-ts'], theirs?.['remote-ts']], [child?.remote_ts, child?.local_ts]);
  assert.equal(sa.localPort, '4500');
}

/** Echo from both ends, both families; small packets, full ones and some that the inner kernel must fragment. */
async function trafficBothWays({ scene }: Stage): Promise<void> {
  for (const [end, address, size] of [['router', INNER.hub, 200], ['hub', INNER.router, 1300], ['router', INNER.hub6, 1200], ['hub', INNER.router6, 3000]] as const) {
    const stream = await scene.echo(end, address, { rate: 100, size });
    await stream.flowing(20, 0, 8000);
    await stream.stop();
  }
}

const IKE = [
  ['aes256gcm16-prfsha256-x25519', '256', 'CURVE_25519', 'aes256gcm16'],
  ['aes128gcm16-prfsha256-ecp256', '128', 'ECP_256', 'aes128gcm16'],
] as const;

for (const [ike, size, group, esp] of IKE) {
  story(`I1.2-1, M3.2-1, M3.3-3: mobiked sets up ${ike} and ESP ${esp} with strongSwan, traffic flows both ways`, {}, async (stage) => {
    const swan = await stage.swan('hub', { ike, esp });
    const started = monotonic();
    const ours = await stage.mobiked('router', { ike, esp });
    const event = await ours.event('connection.established', 0);
    stage.figure(`established in ${event.took_ms} ms, ${Math.round(monotonic() - started)} ms after the daemon was started`);
    assert.equal(event.peer, HUB_ID);
    await agree(ours, swan, { ike, size, group });
    await trafficBothWays(stage);
  });

  story(`I1.2-1, M3.2-1, M3.3-3: strongSwan sets up ${ike} and ESP ${esp} with mobiked, traffic flows both ways`, {}, async (stage) => {
    const ours = await stage.mobiked('hub', { ike, esp });
    const swan = await stage.swan('router', { ike, esp });
    const started = monotonic();
    await swan.initiate();
    stage.figure(`established in ${Math.round(monotonic() - started)} ms`);
    const event = await ours.event('connection.established', 0);
    assert.equal(event.peer, ROUTER_ID);
    await agree(ours, swan, { ike, size, group });
    await trafficBothWays(stage);
  });
}

story('I1.2-6: strongSwan wants another group, INVALID_KE_PAYLOAD is followed', {}, async (stage) => {
  const swan = await stage.swan('hub', { ike: 'aes256gcm16-prfsha256-ecp256' });
  const ours = await stage.mobiked('router'); // our default offer begins with x25519
  await ours.event('connection.established', 0);
  await agree(ours, swan, { ike: 'aes256gcm16-prfsha256-ecp256', size: '256', group: 'ECP_256' });
  assert.match(swan.log, /generating IKE_SA_INIT response 0 \[ N\(INVAL_KE\) \]/);
});

story('I1.2-6: mobiked wants another group, strongSwan follows INVALID_KE_PAYLOAD', {}, async (stage) => {
  const ours = await stage.mobiked('hub', { ike: 'aes256gcm16-prfsha256-ecp256' });
  const swan = await stage.swan('router', { ike: 'aes256gcm16-prfsha256-x25519-ecp256' });
  await swan.initiate();
  await agree(ours, swan, { ike: 'aes256gcm16-prfsha256-ecp256', size: '256', group: 'ECP_256' });
  assert.match(swan.log, /parsed IKE_SA_INIT response 0 \[ N\(INVAL_KE\) \]/);
});

story('I2.6-3: strongSwan asks for a cookie and gets it', {}, async (stage) => {
  const swan = await stage.swan('hub', {}, { cookie_threshold: 1 });
  await halfOpen(stage);
  await until('charon has a half-open SA', async () => (await swan.run('--stats')).includes('1 half-open'));
  const ours = await stage.mobiked('router');
  await ours.event('connection.established', 0);
  assert.match(swan.log, /generating IKE_SA_INIT response 0 \[ N\(COOKIE\) \]/);
});

story('I2.6-1: mobiked asks strongSwan for a cookie when there are half-open SAs from its address', {}, async (stage) => {
  const ours = await stage.mobiked('hub');
  const swan = await stage.swan('router');
  for (const spi of [0x11n, 0x12n, 0x13n, 0x14n]) await halfOpen(stage, spi);
  await swan.initiate();
  assert.match(swan.log, /parsed IKE_SA_INIT response 0 \[ N\(COOKIE\) \]/);
  await agree(ours, swan, { ike: 'aes256gcm16-prfsha256-x25519', size: '256', group: 'CURVE_25519' });
});

/** Somebody's IKE_SA_INIT request that is never followed by IKE_AUTH. */
async function halfOpen({ scene }: Stage, spi = 0x1122334455667788n): Promise<void> {
  const transforms = [{ type: 1, id: 20, keyLength: 256 }, { type: 2, id: 5 }, { type: 4, id: 31 }]; // aes256gcm16-prfsha256-x25519
  const message = encodeMessage(
    { spiI: spi as IkeSpi, spiR: 0n as IkeSpi, majorVersion: 2, minorVersion: 0, exchange: 34, fromOriginalInitiator: true, isResponse: false, messageId: 0 },
    [
      { type: 'SA', proposals: [{ number: 1, protocol: 1, spi: new Uint8Array(), transforms }] },
      { type: 'KE', group: 31, data: new Uint8Array(32).fill(9) },
      { type: 'NONCE', data: new Uint8Array(32).fill(7) },
      notify('NAT_DETECTION_SOURCE_IP', new Uint8Array(20)), notify('NAT_DETECTION_DESTINATION_IP', new Uint8Array(20)),
    ],
  );
  await scene.router.run([process.execPath, '-e', `const s=require('dgram').createSocket('udp4');s.send(Buffer.from('${toHex(message)}','hex'),500,'${HUB}',()=>s.close())`]);
}

story('outer IPv6: mobiked sets up a tunnel with strongSwan over it, traffic flows both ways', {}, async (stage) => {
  const swan = await stage.swan('hub');
  const ours = await stage.mobiked('router', { ipv6: true });
  await ours.event('connection.established', 0);
  await agree(ours, swan, { ike: 'aes256gcm16-prfsha256-x25519', size: '256', group: 'CURVE_25519' });
  assert.equal((await swan.sa()).remoteHost, UPLINKS.wan0.address6);
  await trafficBothWays(stage);
});

story('outer IPv6: strongSwan sets up a tunnel with mobiked over it, traffic flows both ways', {}, async (stage) => {
  const ours = await stage.mobiked('hub');
  const swan = await stage.swan('router', { ipv6: true });
  await swan.initiate();
  await agree(ours, swan, { ike: 'aes256gcm16-prfsha256-x25519', size: '256', group: 'CURVE_25519' });
  assert.equal((await ours.connection()).path?.local, `[${HUB6}]:4500`);
  await trafficBothWays(stage);
});

story('I2.23: behind a NAT both sides see it, and charon answers to the translated port', { nat: ['wan0'] }, async (stage) => {
  const swan = await stage.swan('hub');
  const ours = await stage.mobiked('router');
  await ours.event('connection.established', 0);
  const sa = await until('charon shows it', () => swan.sa());
  assert.equal(sa.remoteHost, stage.scene.publicAddress);
  assert.notEqual(sa.remotePort, '4500');
  assert.equal((await ours.connection()).nat, 'both'); // libipsec forces encapsulation, so charon looks translated too
  await trafficBothWays(stage);
});

story('I2.21.2-1: a wrong PSK is refused by strongSwan, and both sides say so', {}, async (stage) => {
  const swan = await stage.swan('hub');
  const ours = await stage.mobiked('router', { psk: 'not the same key at all' });
  const { reason } = await ours.event('connection.closed', 0);
  assert.match(reason, /refused IKE_AUTH: AUTHENTICATION_FAILED/);
  const connection = await ours.connection();
  assert.deepEqual([connection.state, connection.reason], ['backoff', reason]);
  await swan.line('MAC mismatched');
  assert.deepEqual(await swan.sas(), []);
});

story('I2.21.2-1: a wrong PSK is refused by mobiked, and both sides say so', {}, async (stage) => {
  const ours = await stage.mobiked('hub');
  const swan = await stage.swan('router', { psk: '"not the same key at all"' });
  assert.equal(await swan.initiate(false), false);
  await swan.line('received AUTHENTICATION_FAILED notify error');
  await until('mobiked says why', () => ours.log.some((line) => line.includes(`AUTH of ${ROUTER_ID} does not verify (is the PSK of connection 'swan' the same on both sides?)`)));
  assert.equal((await ours.connection()).state, 'listening');
  for (const line of ours.log) assert.ok(!line.includes('horse') && !line.includes('not the same key'), 'no key in the log');
});

story('I2.7-1: no common proposal, both sides say so, and both ways it mends when the proposal does', {}, async (stage) => {
  const swan = await stage.swan('hub', { ike: 'aes192-sha256-modp2048' });
  const ours = await stage.mobiked('router');
  await until('mobiked says why', () => ours.log.some((line) => line.includes('NO_PROPOSAL_CHOSEN')));
  await swan.line('received proposals unacceptable');
  await swan.load(swanConfig('hub'));
  await ours.event('connection.established', 0, 40_000);
});

story('I2.9-1: strongSwan narrows the selectors and mobiked takes the narrower ones', {}, async (stage) => {
  const swan = await stage.swan('hub', { child: { local_ts: '10.2.0.0/28,fd00:2::/64', remote_ts: '10.1.0.0/24,fd00:1::/64' } });
  const ours = await stage.mobiked('router');
  await ours.event('child.established', 0);
  await agree(ours, swan, { ike: 'aes256gcm16-prfsha256-x25519', size: '256', group: 'CURVE_25519' });
  assert.deepEqual((await ours.connection()).children[0]?.remote_ts, ['10.2.0.0/28', 'fd00:2::/64']);
  await trafficBothWays(stage);
});

story('I2.9-1: strongSwan asks for more than mobiked gives, and takes the narrower selectors', {}, async (stage) => {
  const ours = await stage.mobiked('hub');
  const swan = await stage.swan('router', { child: { remote_ts: '10.0.0.0/8,fd00::/16' } });
  await swan.initiate();
  await agree(ours, swan, { ike: 'aes256gcm16-prfsha256-x25519', size: '256', group: 'CURVE_25519' });
  assert.deepEqual((await swan.sa()).children[0]?.['remote-ts'], ['10.2.0.0/24', 'fd00:2::/64']);
  await trafficBothWays(stage);
});

story('I2.9-1, RFC 4301 §5.2: strongSwan narrows to one protocol and port; what does not fit stays out of the tunnel', {}, async (stage) => {
  const swan = await stage.swan('hub', { child: { local_ts: '10.2.0.0/24[udp/7]', remote_ts: '10.1.0.0/24' } });
  const ours = await stage.mobiked('router');
  await ours.event('child.established', 0);
  assert.deepEqual((await swan.sa()).children[0]?.['local-ts'], ['10.2.0.0/24[udp/echo]']);
  assert.deepEqual((await ours.connection()).children[0]?.remote_ts, ['10.2.0.0/24[17/7-7]']);
  const fits = await stage.scene.echo('router', INNER.hub);
  await fits.flowing(10, 0, 5000);
  await fits.stop();
  const other = await stage.scene.echo('router', INNER.hub, { port: 9 });
  await until('they are dropped', async () => Number(((await ours.ctl('status')) as { drops: { [cause: string]: number } }).drops['no_sa']) >= 10);
  await other.stop();
});

story('I1.2-3: strongSwan refuses the Child SA, the IKE SA stays and mobiked says why', {}, async (stage) => {
  const swan = await stage.swan('hub', { child: { local_ts: '10.99.0.0/24' } });
  const ours = await stage.mobiked('router');
  const { reason } = await ours.event('child.closed', 0);
  assert.equal(reason, 'TS_UNACCEPTABLE');
  assert.equal((await ours.connection()).state, 'up');
  assert.equal((await swan.sa()).state, 'ESTABLISHED');
});

story('I1.2-3: mobiked refuses the Child SA of strongSwan, both sides say why', {}, async (stage) => {
  const ours = await stage.mobiked('hub');
  const swan = await stage.swan('router', { child: { remote_ts: '10.99.0.0/24' } });
  assert.equal(await swan.initiate(false), false);
  await swan.line('received TS_UNACCEPTABLE notify');
  await until('mobiked says why', () => ours.log.some((line) => line.includes('Child SA refused: TS_UNACCEPTABLE')));
});

const TWO = [
  { name: 'four', local: [NETS.router[0]], remote: [NETS.hub[0]] },
  { name: 'six', local: [NETS.router[1]], remote: [NETS.hub[1]] },
] as const;

story('I1.3.1: two children, the second by CREATE_CHILD_SA with a key exchange of its own', {}, async (stage) => {
  const esp = 'aes256gcm16-x25519';
  const swan = await stage.swan('hub', {
    esp, child: { local_ts: NETS.hub[0], remote_ts: NETS.router[0] }, children: { six: { local_ts: NETS.hub[1], remote_ts: NETS.router[1], esp_proposals: esp } },
  });
  const ours = await stage.mobiked('router', { esp, children: TWO });
  await ours.event('child.established', 0, 10_000, (e) => e.child === 'six');
  const sa = await until('charon shows both', async () => {
    const found = await swan.sa();
    return found.children.length === 2 && found;
  });
  assert.deepEqual(sa.children.map((c) => [c['name'], c['dh-group']]).sort(), [['net', undefined], ['six', 'CURVE_25519']]);
  await trafficBothWays(stage);
});

story('I1.3.1: strongSwan sets up two children of mobiked', {}, async (stage) => {
  const esp = 'aes256gcm16-ecp256';
  const ours = await stage.mobiked('hub', { esp, children: TWO.map(({ name, local, remote }) => ({ name, local: remote, remote: local })) });
  const swan = await stage.swan('router', {
    esp, child: { local_ts: NETS.router[0], remote_ts: NETS.hub[0] }, children: { six: { local_ts: NETS.router[1], remote_ts: NETS.hub[1], esp_proposals: esp } },
  });
  await swan.initiate();
  await swan.run('--initiate', '--child', 'six', '--timeout', '10');
  assert.deepEqual((await ours.connection()).children.map((c) => c.name).sort(), ['four', 'six']);
  await trafficBothWays(stage);
});

for (const [kind, router, hub] of [
  ['addresses', UPLINKS.wan0.address, HUB],
  ['mail addresses', 'router7@sites.example', 'hub@sites.example'],
  ['key ids', 'keyid:router-7', 'keyid:hub-1'],
] as const) {
  story(`I3.5: identities that are ${kind}, the key in hexadecimal`, {}, async (stage) => {
    const psk = '0x00ff102030405060708090a0b0c0d0e0f0';
    const quoted = (id: string): string => `"${id}"`;
    const swan = await stage.swan('hub', { psk, ids: { mine: quoted(hub), theirs: quoted(router) } });
    const plain = kind === 'addresses';
    const ours = await stage.mobiked('router', { psk, options: { local_id: plain ? undefined : router, remote_id: plain ? undefined : hub } });
    await ours.event('child.established', 0);
    assert.equal((await swan.sa()).remoteId, router.replace('keyid:', ''));
  });
}
