/** libreswan's pluto with the kernel's ESP. It has one pair of networks a connection: IPv4 alone. */
import { certified, certifiedTuning, IDENTITY, pkcs12, rsaIsOurs } from './certificates.ts';
import { Libreswan, libreswanProblem } from './libreswan.ts';
import assert from 'node:assert/strict';
import { monotonic } from '../lab/index.ts';
import type { Run } from './kernel-run.ts';
import { agreeOnChild, closedByPeer, closedByUs, fragments, leaveUplink, libreswanStories, move, natMapping, rekeyChild, rekeyIke, restartOfPeer, setUp, survives, type SetUp } from './kernel-steps.ts';
import { HUB, INNER, NETS, UPLINKS, type Scene } from './scene.ts';
import { HUB_ID, PSK, ROUTER_ID } from './story.ts';
import { until } from './poll.ts';
import { kernelSas } from './xfrm.ts';

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface Variant extends SetUp {
  readonly esp: string;
  /** The same in pluto's words. */
  readonly theirs: { readonly ike: string; readonly esp: string };
}

const GCM: Variant = {
  ike: 'aes256gcm16-prfsha256-x25519', esp: 'aes256gcm16-x25519', kernel: ['rfc4106(gcm(aes))'],
  theirs: { ike: 'aes_gcm256-sha2_256-dh31', esp: 'aes_gcm256-none-dh31' },
};

const CBC: Variant = {
  ike: 'aes256-sha256-prfsha256-modp2048', esp: 'aes256-sha512-modp2048', kernel: ['cbc(aes)', 'hmac(sha512)'],
  theirs: { ike: 'aes256-sha2_256-dh14', esp: 'aes256-sha2_512-dh14' },
};

/*
 * pluto 4.10 answers an update, but does not turn UDP encapsulation on by it: where a router may move behind a NAT, `nat_t always` has it on from
 * the beginning.
 */

/** M3.7-4: without it nothing proves that the peer receives where it says it is, and no traffic is sent there. */
const NO_COOKIE2 = 'libreswan 4.10 as initiator answers the routability check without COOKIE2, so mobiked does not turn its ESP (M3.7-4)';

function connection(end: 'router' | 'hub', variant: Variant): { readonly [key: string]: string } {
  const router = { address: UPLINKS.wan0.address, id: `@${ROUTER_ID}`, net: NETS.router[0] };
  const hub = { address: HUB, id: `@${HUB_ID}`, net: NETS.hub[0] };
  const [mine, theirs] = end === 'router' ? [router, hub] : [hub, router];
  return {
    ikev2: 'insist', authby: 'secret', left: end === 'router' ? '%defaultroute' : mine.address, leftid: mine.id, leftsubnet: mine.net, right: end === 'hub' ? '%any' : theirs.address, rightid: theirs.id, rightsubnet: theirs.net,
    ike: variant.theirs.ike, esp: variant.theirs.esp, mobike: 'yes', auto: 'add', rekey: 'yes', leftupdown: '%disabled', fragmentation: 'yes',
  };
}

/** pluto leaves routes to its updown script; the kernel asks for one before it looks for a policy. */
async function inner(scene: Scene, end: 'router' | 'hub'): Promise<void> {
  if (end === 'hub') await scene.hub.ip(`route add ${NETS.router[0]} via ${scene.publicAddress} src ${INNER.hub}`);
  else await scene.router.ip(`route add ${NETS.hub[0]} via ${UPLINKS.wan0.gateway} src ${INNER.router}`);
}

/** @param whole with the stories that cost most time: deletion by the peer, and its restart */
function run(role: 'initiator' | 'responder', variant: Variant, whole = variant === GCM): Run {
  const problem = libreswanProblem();
  const end = role === 'initiator' ? 'router' : 'hub';
  const other = role === 'initiator' ? 'hub' : 'router';
  const further = role === 'initiator' && variant === GCM;
  return {
    guest: 'libreswan', peer: 'libreswan 4.10', role, auth: 'PSK', ciphers: `${variant.ike}, ${variant.esp}`, scene: { nat: ['wwan0'], uplinks: ['wan0'] }, ...(problem === undefined ? {} : { skip: problem }),
    tuning: {
      ike: variant.ike, esp: variant.esp, options: { liveness: '2s', ...(role === 'initiator' ? { nat_t: 'always' } : {}) },
      children: [{ name: 'lan', local: [NETS[end][0]], remote: [NETS[other][0]] }],
    },
    peerAt: async (scene: Scene, theirs) => {
      await inner(scene, theirs);
      return new Libreswan(scene[theirs], scene.dir, { connection: connection(theirs, variant), secrets: `: PSK "${PSK}"` });
    },
    steps: [
      setUp(variant, role === 'initiator' ? 'udp' : 'none'), rekeyChild('mobiked'), rekeyChild('peer'), ...(further ? libreswanStories() : []), move(role === 'responder' ? NO_COOKIE2 : undefined), ...(further ? [natMapping()] : []),
      rekeyIke('mobiked'), rekeyIke('peer'),
      ...(whole ? [closedByPeer(), restartOfPeer()] : []), closedByUs(),
    ],
  };
}

/** Without `nat_t always`: pluto answers the update, and its ESP does not follow. Rekeyed Child SAs have no UDP either; a new IKE SA does. */
function automaticRun(): Run {
  const base = run('initiator', GCM);
  return {
    ...base, auth: 'PSK, nat_t auto', tuning: { ...base.tuning, options: { liveness: '2s' } },
    steps: [setUp(GCM), {
      story: 'move (MOBIKE)',
      title: 'F-3 N-a: libreswan answers the update, but turns no UDP encapsulation on: mobiked sees that ESP does not follow, and makes a new IKE SA beside the old one',
      note: 'libreswan 4.10 turns no UDP encapsulation on by an update, so mobiked makes the tunnel anew',
      body: async (live) => {
        const { scene, ours, stream, figure } = live;
        const since = monotonic();
        const { mark } = ours;
        await leaveUplink(live);
        await stream.flowing(10, monotonic(), 30_000);
        figure(`traffic again after ${stream.result(since, monotonic()).outageMs} ms`);
        await ours.event('child.established', mark, 1000);
        assert.ok((await kernelSas(scene.hub)).some((sa) => sa.dst === scene.publicAddress && (sa.encap?.dport ?? 0) >= 20000), 'the kernel sends to the NAT\'s port');
      },
    }, closedByUs()],
  };
}

const POOL = { net: '10.3.0.0/24', range: '10.3.0.1-10.3.0.20' };

/** The router has an address from pluto's pool, and all of its traffic goes through the tunnel. */
function pooledRun(): Run {
  const base = run('initiator', GCM);
  const pooled = { 'mobike-01, -05-gcm': ['mobike-03', 'ikev2-mobike-03'], 'mobike-02, -04': ['mobike-04', 'ikev2-mobike-04'] } as const;
  return {
    ...base, auth: 'PSK, address from a pool, all traffic',
    tuning: { ...base.tuning, options: { ...base.tuning.options, request_vip: ['ipv4'] }, children: [{ name: 'lan', local: [], remote: ['0.0.0.0/0'] }] },
    peerAt: async (scene, end) => {
      await scene.hub.ip(`route add ${POOL.net} via ${scene.publicAddress} src ${INNER.hub}`);
      const { rightsubnet: _, ...shared } = connection(end, GCM);
      const options = { ...shared, leftsubnet: '0.0.0.0/0', leftmodecfgserver: 'yes', rightmodecfgclient: 'yes', rightaddresspool: POOL.range, modecfgpull: 'yes' };
      return new Libreswan(scene[end], scene.dir, { connection: options, secrets: `: PSK "${PSK}"` });
    },
    steps: [
      {
        story: 'set up', title: 'I2.19-1 I3.15-1: set up with an address from the peer\'s pool and everything (0.0.0.0/0) in the tunnel',
        body: async (live) => {
          await live.stream.flowing(10, 0, 30_000);
          await agreeOnChild(live);
          assert.match(await live.scene.router.run(['ip', '-4', '-o', 'addr']), /inet 10\.3\.0\.\d+/);
        },
      },
      ...libreswanStories().map((step) => {
        const [story, name] = pooled[step.story as keyof typeof pooled];
        return { ...step, story, title: step.title.replace(/ikev2-mobike-0[12] and -0\S+/, `${name} (an address from the pool)`) };
      }),
      move(),
      {
        story: 'mobike-06',
        title: 'libreswan ikev2-mobike-06 K-7: behind a NAT, with all traffic in the tunnel: address and route go, come back one after the other, keys and SPIs stay, nothing leaves in clear text',
        body: async (live) => {
          const { scene, ours } = live;
          const watch = scene.isp.spawn(['tcpdump', '-i', 'any', '-n', '-l', '--immediate-mode', `net ${POOL.net} or net ${NETS.hub[0]}`]);
          await until('tcpdump listens', () => watch.lines.some((line) => line.startsWith('listening on')));
          const { address, gateway, metric } = UPLINKS.wwan0;
          const { mark } = ours;
          await survives(live, () => scene.publicAddress, async () => {
            await scene.loseAddress('wwan0');
            await sleep(2000);
            await scene.router.ip(`addr add ${address}/24 dev wwan0`);
            await sleep(2000);
            await scene.router.ip(`route add default via ${gateway} dev wwan0 metric ${metric}`);
            await ours.event('path.moved', mark, 30_000);
          });
          await watch.stop('SIGINT');
          assert.deepEqual(watch.lines.filter((line) => / IP6? /.test(line)), []);
        },
      },
      closedByUs(),
    ],
  };
}

/** Our key is RSA, which makes our IKE_AUTH too large for one packet, pluto's ECDSA; pluto cuts every message that may be cut. */
function certifiedRun(role: 'initiator' | 'responder', variant: Variant): Run {
  const base = run(role, variant, true);
  const ours = role === 'initiator' ? 'router' : 'hub';
  const holders = rsaIsOurs(ours);
  return {
    ...base, auth: 'certificates: RSA, the peer ECDSA P-256',
    options: (dir) => certifiedTuning(dir, ours, holders),
    peerAt: async (scene, end) => {
      await inner(scene, end);
      const mine = certified(scene.dir, end, holders[end]);
      const { authby: _, ...shared } = connection(end, variant);
      const options = {
        ...shared, leftauth: 'ecdsa', rightauth: 'rsasig', leftid: `@${mine.id}`, rightid: `@${IDENTITY[holders[ours]]}`, leftcert: 'own', rightca: '%same', leftsendcert: 'always', fragmentation: 'force',
      };
      return new Libreswan(scene[end], scene.dir, { connection: options, secrets: '', certificates: { own: pkcs12(mine, scene.dir), ca: mine.ca } });
    },
    steps: [base.steps[0] ?? setUp(variant), fragments(), ...base.steps.slice(1)],
  };
}

export const libreswanRuns: readonly Run[] = [run('initiator', GCM), run('responder', GCM), run('initiator', CBC), run('responder', CBC), automaticRun(), pooledRun(), certifiedRun('initiator', GCM), certifiedRun('responder', CBC)];
