// New keys with strongSwan: of Child SAs and IKE SAs, asked for by either side or by short lifetimes, under traffic.
import assert from 'node:assert/strict';
import { monotonic } from '../lab/index.ts';
import { until } from './poll.ts';
import { UPLINKS } from './scene.ts';
import { ourRouter, story, theirRouter, type Stage, type Tunnel } from './story.ts';

const PFS = 'aes256gcm16-x25519';

/** Both sides have one Child SA, the same one, other than before. */
async function newChild({ ours, swan }: Tunnel, oldSpi: string): Promise<string> {
  return until('both sides have the new Child SA alone', async () => {
    const [mine, ...more] = (await ours.connection()).children;
    const theirs = (await swan.sa()).children;
    const same = mine?.spi_in === theirs[0]?.['spi-out'] && mine?.spi_out === theirs[0]?.['spi-in'];
    return mine !== undefined && more.length === 0 && theirs.length === 1 && same && mine.spi_in !== oldSpi && mine.spi_in;
  });
}

/** Both sides have one IKE SA, the same one, other than before. */
async function newIke({ ours, swan }: Tunnel, oldSpi: string): Promise<string> {
  return until('both sides have the new IKE SA alone', async () => {
    const mine = (await ours.connection()).ike;
    const theirs = await swan.sa();
    return mine !== null && mine.spi_i === theirs.initiatorSpi && mine.spi_r === theirs.responderSpi && mine.spi_i !== oldSpi && mine.spi_i;
  });
}

const childSpi = async ({ ours }: Tunnel): Promise<string> => (await ours.connection()).children[0]?.spi_in ?? '';
const ikeSpi = async ({ ours }: Tunnel): Promise<string> => (await ours.connection()).ike?.spi_i ?? '';

/** At most 2 packets were lost since then, or `most`. */
async function nothingLost({ stream }: Tunnel, stage: Stage, since: number, what: string, most = 2): Promise<void> {
  const end = monotonic();
  await stream.flowing(10, end, 5000);
  const { lost, sent, outageMs } = stream.result(since, end);
  stage.figure(`${what}: ${lost} of ${sent} packets lost, outage ${outageMs} ms`);
  assert.ok(lost <= most, `${lost} of ${sent} packets lost during ${what}`);
}

for (const [who, tunnel] of [['initiator', ourRouter], ['responder', theirRouter]] as const) {
  for (const [kind, esp, swanEsp] of [['with PFS', PFS, PFS], ['without PFS', 'aes256gcm16', 'aes256gcm16']] as const) {
    story(`I1.3.3, I2.8-1: as ${who}, Child SAs are rekeyed from both sides ${kind}`, {}, async (stage) => {
      const made = await tunnel(stage, { esp }, { esp: swanEsp });
      let spi = await childSpi(made);
      for (const [side, rekey] of [['mobiked', () => made.ours.ctl('rekey', 'lan')], ['strongSwan', () => made.swan.run('--rekey', '--child', 'net')], ['mobiked again', () => made.ours.ctl('rekey', 'lan')]] as const) {
        const { mark } = made.ours;
        const since = monotonic();
        await rekey();
        await made.ours.event('child.rekeyed', mark);
        spi = await newChild(made, spi);
        await nothingLost(made, stage, since, `rekeying by ${side}`);
      }
      const group = (await made.swan.sa()).children[0]?.['dh-group'];
      assert.equal(group, kind === 'with PFS' ? 'CURVE_25519' : undefined);
      await made.stream.stop();
    });
  }

  story(`I1.3.2, I2.8-3, M1.3-1: as ${who}, the IKE SA is rekeyed from both sides, and the tunnel moves after it`, { nat: ['wwan0'] }, async (stage) => {
    const made = await tunnel(stage);
    const { ours, swan } = made;
    const child = await childSpi(made);
    let spi = await ikeSpi(made);
    for (const [side, rekey] of [['mobiked', () => ours.ctl('rekey', 'swan')], ['strongSwan', () => swan.run('--rekey', '--ike', 'iop')]] as const) {
      const { mark } = ours;
      const since = monotonic();
      await rekey();
      await ours.event('ike.rekeyed', mark);
      spi = await newIke(made, spi);
      assert.equal(await childSpi(made), child);
      await nothingLost(made, stage, since, `rekeying by ${side}`);
    }
    const { mark } = ours;
    const since = monotonic();
    await stage.scene.loseAddress('wan0');
    await ours.event('path.moved', mark);
    await made.stream.flowing(10, since, 8000);
    const path = (await ours.connection()).path;
    assert.ok((who === 'initiator' ? path?.local : path?.remote)?.startsWith(who === 'initiator' ? UPLINKS.wwan0.address : stage.scene.publicAddress));
    await made.stream.stop();
  });

  story(`I2.8-2: as ${who}, Child SA and IKE SA are rekeyed by mobiked when their lifetimes ask for it`, {}, async (stage) => {
    const made = await tunnel(stage, { options: { child_lifetime: '10s', ike_lifetime: '14s' }, esp: PFS }, { esp: PFS });
    const [child, ike] = [await childSpi(made), await ikeSpi(made)];
    const since = monotonic();
    const { mark } = made.ours;
    await made.ours.event('child.rekeyed', mark, 12_000);
    await made.ours.event('ike.rekeyed', mark, 16_000);
    await newChild(made, child);
    await newIke(made, ike);
    await nothingLost(made, stage, since, 'rekeying by lifetime');
    await made.stream.stop();
  });

  story(`I2.8-2: as ${who}, Child SA and IKE SA are rekeyed by strongSwan when their lifetimes ask for it`, {}, async (stage) => {
    const made = await tunnel(stage, { esp: PFS }, { esp: PFS, connection: { rekey_time: '5s', rand_time: '0s', over_time: '30s' }, child: { rekey_time: '3s', rand_time: '0s', life_time: '30s' } });
    const [child, ike] = [await childSpi(made), await ikeSpi(made)];
    const since = monotonic();
    const { mark } = made.ours;
    await made.ours.event('child.rekeyed', mark, 6000);
    await made.ours.event('ike.rekeyed', mark, 8000);
    await newChild(made, child);
    await newIke(made, ike);
    await nothingLost(made, stage, since, 'rekeying by lifetime');
    await made.stream.stop();
  });
}

story('I2.25-2, I1.2-6: in a rekeying strongSwan wants another group than we begin with', {}, async (stage) => {
  const made = await ourRouter(stage, { esp: 'aes256gcm16-x25519-ecp256', ike: 'aes256gcm16-prfsha256-x25519-ecp256' }, { esp: 'aes256gcm16-ecp256', ike: 'aes256gcm16-prfsha256-ecp256' });
  const [child, ike] = [await childSpi(made), await ikeSpi(made)];
  await made.ours.ctl('rekey', 'lan');
  await newChild(made, child);
  assert.equal((await made.swan.sa()).children[0]?.['dh-group'], 'ECP_256');
  await made.ours.ctl('rekey', 'swan');
  await newIke(made, ike);
  assert.match(made.swan.log, /generating CREATE_CHILD_SA response \d+ \[ N\(INVAL_KE\) \]/);
  await made.stream.stop();
});

story('I2.25-2, I1.2-6: in a rekeying we want another group than strongSwan begins with', {}, async (stage) => {
  const made = await theirRouter(stage, { esp: 'aes256gcm16-ecp256', ike: 'aes256gcm16-prfsha256-ecp256' }, { esp: 'aes256gcm16-x25519-ecp256', ike: 'aes256gcm16-prfsha256-x25519-ecp256' });
  const [child, ike] = [await childSpi(made), await ikeSpi(made)];
  await made.swan.run('--rekey', '--child', 'net');
  await newChild(made, child);
  assert.equal((await made.swan.sa()).children[0]?.['dh-group'], 'ECP_256');
  await made.swan.run('--rekey', '--ike', 'iop');
  await newIke(made, ike);
  await made.stream.stop();
});

for (const [who, tunnel] of [['initiator', ourRouter], ['responder', theirRouter]] as const) {
  story(`as ${who}: both sides rekey at the same moment, three times, and agree on one Child SA and one IKE SA`, {}, async (stage) => {
    const made = await tunnel(stage, { esp: PFS }, { esp: PFS });
    const since = monotonic();
    for (const [ours, theirs] of [[['rekey', 'lan'], ['--rekey', '--child', 'net']], [['rekey', 'swan'], ['--rekey', '--ike', 'iop']], [['rekey', 'lan'], ['--rekey', '--ike', 'iop']]] as const) {
      const [child, ike] = [await childSpi(made), await ikeSpi(made)];
      await Promise.all([made.ours.ctl(...ours), made.swan.run(...theirs)]);
      await (ours[1] === 'lan' ? newChild(made, child) : newIke(made, ike));
    }
    await newChild(made, '');
    await newIke(made, '');
    await nothingLost(made, stage, since, 'rekeying at the same moment');
    await made.stream.stop();
  });
}

for (const [kind, setting] of [['make before break', 'yes'], ['break before make', 'no']] as const) {
  story(`I2.8.3-1: strongSwan authenticates anew, ${kind}; the tunnel goes over to the new IKE SA`, {}, async (stage) => {
    const made = await theirRouter(stage, {}, { connection: { reauth_time: '3s', rand_time: '0s', over_time: '30s' } }, { make_before_break: setting });
    const ike = await ikeSpi(made);
    const { mark } = made.ours;
    const since = monotonic();
    await made.ours.event('connection.established', mark);
    await newIke(made, ike);
    await newChild(made, '');
    await nothingLost(made, stage, since, `authenticating anew, ${kind}`, setting === 'yes' ? 2 : 50);
    await made.stream.stop();
  });
}
