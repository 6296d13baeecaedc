/** The stories every peer can tell, on a tunnel that is up. Each ends with traffic through the tunnel. */
import assert from 'node:assert/strict';
import { monotonic } from '../lab/index.ts';
import { authFragments, readCapture } from './capture.ts';
import type { Live, Step } from './kernel-run.ts';
import { until } from './poll.ts';
import { HUB, INNER, UPLINKS } from './scene.ts';
import { kernelSas, strayPackets, type KernelSa } from './xfrm.ts';

const LIMIT = 30_000;

/** Our Child SA, found in the peer's kernel in both directions; `alone`: and nothing else there. */
export async function agreeOnChild({ scene, ours, end }: Live, oldSpi = '', limit = LIMIT): Promise<{ readonly spiIn: string; readonly sas: readonly KernelSa[] }> {
  return until('the peer has our Child SA alone in its kernel', async () => {
    const children = (await ours.connection()).children;
    const [child] = children;
    if (child === undefined || children.length !== 1 || child.spi_in === oldSpi) return false;
    const sas = await kernelSas(scene[end === 'router' ? 'hub' : 'router']);
    const spis = sas.map((s) => s.spi);
    return spis.includes(child.spi_in) && spis.includes(child.spi_out) && sas.length === 2 && { spiIn: child.spi_in, sas };
  }, limit, 100);
}

/** Both sides have one IKE SA, the same one where the peer tells its SPIs, other than `old`; returns what each calls it. */
export async function agreeOnIke({ ours, peer }: Live, old: readonly string[] = []): Promise<readonly string[]> {
  return until('both sides have the same IKE SA alone', async () => {
    const mine = (await ours.connection()).ike;
    const [theirs, ...more] = await peer.ikeSas();
    if (mine === null || theirs === undefined || more.length > 0 || old.includes(mine.spi_i) || old.includes(theirs.name)) return false;
    return (theirs.spis === undefined || (theirs.spis[0] === mine.spi_i && theirs.spis[1] === mine.spi_r)) && [mine.spi_i, theirs.name];
  }, LIMIT, 100);
}

/** How many packets of the stream sent since then were lost; at most `most`. */
export async function lostSince({ stream, figure }: Live, since: number, most: number): Promise<void> {
  const end = monotonic();
  await stream.flowing(10, end, LIMIT);
  const { lost, sent } = stream.result(since, end);
  figure(`${lost} of ${sent} packets lost`);
  assert.ok(lost <= most, `${lost} of ${sent} packets lost`);
}

export interface SetUp {
  readonly ike: string;
  /** What the kernel calls the ESP algorithms. */
  readonly kernel: readonly string[];
}

/** No NAT is there: ESP goes without UDP, unless `nat_t` is `always`. */
export function setUp(expect: SetUp, encapsulation: 'udp' | 'none' = 'none'): Step {
  return {
    story: 'set up',
    title: `I1.2-1 NK-8: set up, both sides agree on algorithms, SPIs and ESP ${encapsulation === 'udp' ? 'in UDP, as we want it' : 'without UDP'}, traffic flows both ways`,
    body: async (live) => {
      const { ours, scene, stream } = live;
      await stream.flowing(10, 0, LIMIT);
      const connection = await ours.connection();
      assert.equal(connection.state, 'up');
      assert.equal(connection.ike?.proposal, expect.ike);
      const { sas } = await agreeOnChild(live);
      for (const sa of sas) {
        assert.deepEqual(sa.algorithms, expect.kernel);
        assert.equal(sa.encap !== undefined && [sa.encap.sport, sa.encap.dport].includes(4500), encapsulation === 'udp', JSON.stringify(sa));
      }
      await agreeOnIke(live);
      const back = await scene.echo('hub', INNER.router, { rate: 25, size: 1300 });
      await back.flowing(10, 0, LIMIT);
      await back.stop();
    },
  };
}

/** On the wire, before the hub: both sides cut IKE_AUTH into pieces, and both took the other's. */
export function fragments(): Step {
  return {
    story: 'fragmentation',
    title: 'FR2.3-1, FR2.4-1: IKE_AUTH with certificates went in fragments both ways',
    body: async ({ capture, figure }) => {
      const { router, hub } = authFragments(readCapture(capture, HUB));
      figure(`${router} pieces from the router, ${hub} from the hub`);
      assert.ok(router >= 2 && hub >= 2, `${router} pieces from the router, ${hub} from the hub`);
    },
  };
}

/** What a peer does in a rekeying that can cost a packet. */
interface Habits {
  readonly skip?: string;
  /** As initiator it takes nothing more under the old SA once it has sent the Delete, which we may not have read. */
  readonly hasty?: boolean;
}

/** Zero packets lost: both sides can receive on the new SA before anyone sends on it. What a habit of the peer costs must have been counted by who dropped it. */
export function rekeyChild(by: 'mobiked' | 'peer', { skip, hasty = false }: Habits = {}): Step {
  const but = hasty ? ' but what was under way when it deleted the old SA' : '';
  return {
    story: `Child rekeyed by ${by}`,
    title: `I1.3.3, I2.8-1, I2.8-3: the Child SA is rekeyed by ${by} under load, no packet is lost${but}, the old SA goes`,
    ...(skip === undefined ? {} : { skip }),
    body: async (live) => {
      const there = live.scene[live.end === 'router' ? 'hub' : 'router'];
      const stray = await strayPackets(there);
      const { spiIn } = await agreeOnChild(live);
      const since = monotonic();
      await (by === 'mobiked' ? live.ours.ctl('rekey', 'lan') : live.peer.rekeyChild());
      await agreeOnChild(live, spiIn);
      const dropped = hasty ? (await strayPackets(there)) - stray : 0;
      if (dropped > 0) live.figure(`the peer's kernel dropped ${dropped}`);
      await lostSince(live, since, Math.min(10, dropped));
    },
  };
}

export function rekeyIke(by: 'mobiked' | 'peer', skip?: string): Step {
  return {
    story: `IKE rekeyed by ${by}`,
    title: `I1.3.2, I2.8-3: the IKE SA is rekeyed by ${by}, its Child SA stays and no packet is lost`,
    ...(skip === undefined ? {} : { skip }),
    body: async (live) => {
      const { spiIn } = await agreeOnChild(live);
      const old = await agreeOnIke(live);
      const since = monotonic();
      await (by === 'mobiked' ? live.ours.ctl('rekey', 'swan') : live.peer.rekeyIke());
      await agreeOnIke(live, old);
      assert.equal((await agreeOnChild(live)).spiIn, spiIn);
      await lostSince(live, since, 0);
    },
  };
}

/** The router gets its second uplink, which is behind a NAT, and loses its first; returns when mobiked has moved. */
export async function leaveUplink({ scene, ours, end }: Live): Promise<void> {
  const { mark } = ours;
  await scene.connect('wwan0');
  if (end === 'router') await ours.event('uplink.changed', mark, LIMIT, (event) => event.uplink === 'wwan0' && event.state === 'up');
  await scene.loseAddress('wan0');
  await ours.event('path.moved', mark, LIMIT);
}

/** The router leaves its first uplink for one behind a NAT: the peer's kernel must send there, with UDP encapsulation. */
export function move(skip?: string): Step {
  return {
    story: 'move (MOBIKE)',
    title: 'N-a M3.5-1, I2.8-3: the router moves to an uplink behind a NAT, keys and SPIs stay, the peer\'s kernel follows, in UDP',
    ...(skip === undefined ? {} : { skip }),
    body: async (live) => {
      const { scene, end, figure } = live;
      const { spiIn } = await agreeOnChild(live);
      const since = monotonic();
      await leaveUplink(live);
      await live.stream.flowing(10, since, LIMIT);
      figure(`traffic again after ${live.stream.result(since, monotonic()).outageMs} ms`);
      const { spiIn: now, sas } = await agreeOnChild(live);
      assert.equal(now, spiIn);
      const address = scene.publicAddress;
      if (end === 'router') {
        const out = sas.find((sa) => sa.dst === address);
        assert.ok(out?.encap !== undefined && out.encap.dport >= 20000, `the kernel sends to the NAT's port: ${JSON.stringify(sas)}`);
      } else assert.ok(sas.some((sa) => sa.src === UPLINKS.wwan0.address), JSON.stringify(sas));
      assert.ok(sas.every((sa) => sa.encap !== undefined), JSON.stringify(sas));
    },
  };
}

/** And back to the one without a NAT: the peer's kernel gets, and sends, ESP without UDP again. */
export function moveBack(): Step {
  return {
    story: 'move back',
    title: 'N-b M3.5-17 M3.5-22: the router moves back out of the NAT, keys and SPIs stay, and UDP encapsulation ends at both ends',
    body: async (live) => {
      const { scene, ours, end, figure } = live;
      const { spiIn } = await agreeOnChild(live);
      const { mark } = ours;
      const since = monotonic();
      await scene.connect('wan0');
      if (end === 'router') await ours.event('uplink.changed', mark, LIMIT, (event) => event.uplink === 'wan0' && event.state === 'up');
      await scene.loseAddress('wwan0');
      await ours.event('path.moved', mark, LIMIT);
      await live.stream.flowing(10, since, LIMIT);
      figure(`traffic again after ${live.stream.result(since, monotonic()).outageMs} ms`);
      const { spiIn: now, sas } = await agreeOnChild(live);
      assert.equal(now, spiIn);
      for (const sa of sas) assert.equal(sa.encap, undefined, JSON.stringify(sas));
      assert.ok(sas.some((sa) => sa.dst === UPLINKS.wan0.address), JSON.stringify(sas));
    },
  };
}

/** Traffic again within `most` ms of what is done, under the SPIs it had; the peer's kernel sends to `address`. */
export async function survives(live: Live, address: () => string, happens: () => Promise<void>): Promise<void> {
  const { spiIn } = await agreeOnChild(live);
  const since = monotonic();
  await happens();
  await live.stream.flowing(10, monotonic(), LIMIT);
  live.figure(`traffic again after ${live.stream.result(since, monotonic()).outageMs} ms`);
  const { spiIn: now, sas } = await agreeOnChild(live);
  assert.equal(now, spiIn);
  assert.ok(sas.some((sa) => sa.dst === address()), JSON.stringify(sas));
}

const SECOND = '192.0.2.11';

/** What libreswan tests its MOBIKE with (testing/pluto/ikev2-mobike-*), with the router as the one that moves. */
export function libreswanStories(): readonly Step[] {
  const { address, gateway, metric } = UPLINKS.wan0;
  return [
      {
        story: 'mobike-01, -05-gcm',
        title: 'libreswan ikev2-mobike-01 and -05-gcm, N-a M3.5-1: of two addresses on one device the one in use is removed: the other takes over, keys and SPIs stay',
        body: (live) => survives(live, () => SECOND, async () => {
          const { scene, ours } = live;
          await scene.router.sysctl('net.ipv4.conf.wan0.promote_secondaries=1');
          await scene.router.ip(`addr add ${SECOND}/24 dev wan0`);
          const { mark } = ours;
          await scene.router.ip(`addr del ${address}/24 dev wan0`, `route replace default via ${gateway} dev wan0 metric ${metric}`);
          await ours.event('path.moved', mark, LIMIT);
        }),
      },
      {
        story: 'mobike-02, -04',
        title: 'libreswan ikev2-mobike-02 and -04, M3.5-1: the only address goes, another one comes five seconds later: the SA moves there, keys and SPIs stay',
        body: (live) => survives(live, () => address, async () => {
          const { scene, ours } = live;
          const { mark } = ours;
          await scene.router.ip(`addr del ${SECOND}/24 dev wan0`);
          await new Promise((resolve) => setTimeout(resolve, 5000));
          await scene.connect('wan0');
          await ours.event('path.moved', mark, LIMIT);
        }),
      },
  ];
}

/** The router is behind a NAT, and its packets come from elsewhere from now on. */
export function natMapping(habit?: 'its ESP stays'): Step {
  return {
    story: 'NAT mapping changes',
    title: `libreswan ikev2-mobike-08-nat-expire, N-d M3.8-3: the NAT has another mapping: the router finds out, the peer's kernel sends there, ${habit ? 'when its Child SA is rekeyed' : 'keys and SPIs stay'}`,
    body: async (live) => {
      const { scene, stream, figure } = live;
      if (!habit) return survives(live, () => scene.publicAddress, () => scene.renumberIsp());
      const since = monotonic();
      await scene.renumberIsp();
      await stream.flowing(10, monotonic(), LIMIT);
      figure(`traffic again after ${stream.result(since, monotonic()).outageMs} ms`);
    },
  };
}

/** A new stream, after a story that stopped the old one. */
export async function streamAgain(live: Live): Promise<void> {
  live.stream = await live.scene.echo('router', INNER.hub, { rate: 25 });
  await live.stream.flowing(10, 0, LIMIT);
}

/** The peer deletes the IKE SA: ours is gone at once; an initiator comes back by itself, a responder when it is asked. */
export function closedByPeer(skip?: string): Step {
  return {
    story: 'deleted by peer',
    title: 'I1.4.1-1: the peer deletes the IKE SA, both sides forget it, a new one comes up',
    ...(skip === undefined ? {} : { skip }),
    body: async (live) => {
      const { ours, peer, end } = live;
      const old = await agreeOnIke(live);
      const { mark } = ours;
      await live.stream.stop(); // what waits for a tunnel would have the peer make one, beside the one it is asked for
      await peer.close();
      await ours.event('connection.closed', mark, LIMIT);
      if (end === 'hub') await peer.initiate();
      await ours.event('child.established', mark, 60_000);
      await agreeOnIke(live, old);
      await agreeOnChild(live);
      await streamAgain(live);
    },
  };
}

/** The peer dies without a word and comes back empty. */
export function restartOfPeer(skip?: string): Step {
  return {
    story: 'restart of peer',
    title: 'I2.4-1: the peer is killed and starts anew, the tunnel comes back without a hand of ours',
    ...(skip === undefined ? {} : { skip }),
    body: async (live) => {
      const { ours, peer, scene, end, figure } = live;
      const old = await agreeOnIke(live);
      const { mark } = ours;
      const since = monotonic();
      await live.stream.stop();
      await peer.stop('SIGKILL');
      // A killed daemon leaves what it had in the kernel; a restart of the machine does not.
      await scene[end === 'router' ? 'hub' : 'router'].run(['sh', '-c', 'ip xfrm state flush && ip xfrm policy flush']);
      await peer.start();
      if (end === 'hub') await peer.initiate();
      await ours.event('child.established', mark, 60_000);
      await agreeOnIke(live, old);
      await agreeOnChild(live);
      await streamAgain(live);
      figure(`back after ${Math.round((monotonic() - since) / 1000)} s`);
    },
  };
}

/** We take the connection down and up again. */
export function closedByUs(skip?: string): Step {
  return {
    story: 'deleted by mobiked',
    title: 'I1.4.1-1: mobiked deletes the IKE SA, nothing of it is left in the peer\'s kernel',
    ...(skip === undefined ? {} : { skip }),
    body: async (live) => {
      const { ours, peer, scene, end, stream } = live;
      await stream.stop();
      const old = await agreeOnIke(live);
      const spis = (await agreeOnChild(live)).sas.map((sa) => sa.spi);
      await ours.ctl('down', 'swan');
      // libreswan as initiator is back at once, with a new SA.
      await until('the peer has lost this IKE SA', async () => !(await peer.ikeSas()).some((sa) => old.includes(sa.name)), LIMIT, 100);
      await until('the peer\'s kernel has lost its SAs', async () => !(await kernelSas(scene[end === 'router' ? 'hub' : 'router'])).some((sa) => spis.includes(sa.spi)), LIMIT, 100);
    },
  };
}
