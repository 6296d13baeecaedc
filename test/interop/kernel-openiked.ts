/** OpenIKED with the kernel's ESP. MOBIKE it has as responder alone. */
import { certified, certifiedTuning, IDENTITY, rsaIsOurs } from './certificates.ts';
import { OpenIked, openIkedProblem } from './openiked.ts';
import assert from 'node:assert/strict';
import { monotonic } from '../lab/index.ts';
import type { Live, Run, Step } from './kernel-run.ts';
import { agreeOnChild, closedByPeer, closedByUs, fragments, leaveUplink, natMapping, rekeyChild, rekeyIke, restartOfPeer, setUp, streamAgain, type SetUp } from './kernel-steps.ts';
import { HUB, INNER, NETS, UPLINKS, type Scene } from './scene.ts';
import { HUB_ID, PSK, ROUTER_ID } from './story.ts';
import type { KernelSa } from './xfrm.ts';

interface Variant extends SetUp {
  readonly esp: string;
  /** The same in iked's words. */
  readonly theirs: string;
}

const SHA512: Variant = {
  ike: 'aes256-sha256-prfsha256-ecp256', esp: 'aes256-sha512-ecp256', kernel: ['cbc(aes)', 'hmac(sha512)'],
  theirs: 'ikesa enc aes-256 auth hmac-sha2-256 prf hmac-sha2-256 group ecp256 childsa enc aes-256 auth hmac-sha2-512 group ecp256',
};

const MIXED: Variant = {
  ike: 'aes256gcm16-prfsha256-x25519', esp: 'aes256-sha512-x25519', kernel: ['cbc(aes)', 'hmac(sha512)'],
  theirs: 'ikesa enc aes-256-gcm prf hmac-sha2-256 group curve25519 childsa enc aes-256 auth hmac-sha2-512 group curve25519',
};

const GCM: Variant = {
  ike: 'aes256gcm16-prfsha256-x25519', esp: 'aes256gcm16-x25519', kernel: ['rfc4106(gcm(aes))'],
  theirs: 'ikesa enc aes-256-gcm prf hmac-sha2-256 group curve25519 childsa enc aes-256-gcm group curve25519',
};

function config(end: 'router' | 'hub', variant: Variant, more: string): string {
  const [mine, theirs] = end === 'router' ? [NETS.router[0], NETS.hub[0]] : [NETS.hub[0], NETS.router[0]];
  const ids = end === 'router' ? `srcid ${ROUTER_ID} dstid ${HUB_ID}` : `srcid ${HUB_ID} dstid ${ROUTER_ID}`;
  const peer = end === 'router' ? `peer ${HUB}` : 'peer any';
  return `set fragmentation\nikev2 "net" ${end === 'router' ? 'active' : 'passive'} esp from ${mine} to ${theirs} ${peer} ${variant.theirs} ${ids} ${more} psk "${PSK}"\n`;
}

const NO_COMMAND = 'iked has no command that rekeys; its lifetimes do it in a line of their own';
const NO_GCM = 'OpenIKED 7.2 takes no AES-GCM for ESP on Linux: it answers NO_PROPOSAL_CHOSEN';
const RESPONDER_ALONE = 'OpenIKED 7.2 has MOBIKE as responder alone';

/**
 * iked answers the update, with COOKIE2 of Protocol ID 1, but Linux refuses the PF_KEY update by which it would move its
 * SAs: 'failed to update sa' (EINVAL); its flows keep the old address even for a new Child SA. A new IKE SA is the cure, to which mobiked comes
 * by itself when it sees that no ESP follows.
 */
function move(skip?: string): Step {
  return {
    story: 'move (MOBIKE)',
    title: 'Q-3, M3.5-1: OpenIKED answers an update with COOKIE2 of Protocol ID 1, the IKE SA lives at the new place; mobiked sees that ESP does not follow, and makes the tunnel anew',
    note: 'OpenIKED 7.2 moves the IKE SA; Linux refuses its way of moving ESP, so mobiked makes the tunnel anew',
    ...(skip === undefined ? {} : { skip }),
    body: async (live) => {
      const { scene, peer, stream, figure } = live;
      const [old] = await peer.ikeSas();
      const since = monotonic();
      await leaveUplink(live);
      assert.deepEqual(await peer.ikeSas(), [old]);
      await stream.flowing(10, monotonic(), 30_000);
      figure(`traffic again after ${stream.result(since, monotonic()).outageMs} ms`);
      const sas = await anew(live);
      const out = sas.find((sa) => sa.dst === scene.publicAddress);
      assert.ok(out?.encap !== undefined && out.encap.dport >= 20000, `the kernel sends to the NAT's port: ${JSON.stringify(sas)}`);
    },
  };
}

/** What iked cannot find under the new address stays in its kernel: for the stories that follow both begin anew. */
async function anew(live: Live): Promise<readonly KernelSa[]> {
  const { scene, ours, stream } = live;
  await stream.stop();
  await ours.ctl('down', 'swan');
  await scene.hub.run(['sh', '-c', 'ip xfrm state flush']);
  const { mark } = ours;
  await ours.ctl('up', 'swan');
  await ours.event('child.established', mark, 30_000);
  const { sas } = await agreeOnChild(live);
  await streamAgain(live);
  return sas;
}

function rebinding(): Step {
  const step = natMapping('its ESP stays');
  return {
    ...step,
    body: async (live) => {
      await step.body(live);
      await anew(live);
    },
  };
}

/** The kernel asks for a route before it looks for a policy. */
async function inner(scene: Scene, end: 'router' | 'hub'): Promise<void> {
  if (end === 'hub') await scene.hub.ip(`route add ${NETS.router[0]} via ${scene.publicAddress} src ${INNER.hub}`);
  else await scene.router.ip(`route add ${NETS.hub[0]} via ${UPLINKS.wan0.gateway} src ${INNER.router}`);
}

function run(role: 'initiator' | 'responder', variant: Variant): Run {
  const problem = openIkedProblem();
  const [end, other] = role === 'initiator' ? ['router', 'hub'] as const : ['hub', 'router'] as const;
  return {
    guest: 'openiked', peer: 'OpenIKED 7.2', role, auth: 'PSK', ciphers: `${variant.ike}, ${variant.esp}`, scene: { nat: ['wwan0'], uplinks: ['wan0'] }, ...(problem === undefined ? {} : { skip: problem }),
    tuning: {
      ike: variant.ike, esp: variant.esp, options: { liveness: '2s' },
      children: [{ name: 'lan', local: [NETS[end][0]], remote: [NETS[other][0]] }],
    },
    peerAt: async (scene: Scene, theirs) => {
      await inner(scene, theirs);
      return new OpenIked(scene[theirs], scene.dir, config(theirs, variant, ''));
    },
    steps: [
      setUp(variant), rekeyChild('mobiked'), rekeyChild('peer', { skip: NO_COMMAND }), rekeyIke('mobiked'), rekeyIke('peer', NO_COMMAND), move(role === 'responder' ? RESPONDER_ALONE : undefined),
      ...(role === 'initiator' ? [rebinding()] : []), closedByPeer(), restartOfPeer(), closedByUs(),
    ],
  };
}

/** Our key is RSA, which makes our IKE_AUTH too large for one packet, iked's ECDSA; signed as RFC 7427 says. */
function certifiedRun(role: 'initiator' | 'responder', variant: Variant): Run {
  const base = run(role, variant);
  const ours = role === 'initiator' ? 'router' : 'hub';
  const holders = rsaIsOurs(ours);
  return {
    ...base, auth: 'certificates: RSA, the peer ECDSA P-256',
    options: (dir) => certifiedTuning(dir, ours, holders),
    peerAt: async (scene, end) => {
      await inner(scene, end);
      const mine = certified(scene.dir, end, holders[end]);
      const text = config(end, variant, '').replace(`srcid ${end === 'router' ? ROUTER_ID : HUB_ID}`, `srcid ${mine.id}`)
        .replace(`dstid ${ours === 'router' ? ROUTER_ID : HUB_ID}`, `dstid ${IDENTITY[holders[ours]]}`).replace(/psk ".*"/, 'rfc7427');
      return new OpenIked(scene[end], scene.dir, text, mine);
    },
    steps: [base.steps[0] ?? setUp(variant), fragments(), ...base.steps.slice(1)],
  };
}

/** Seconds after which iked rekeys; the kernel tells it of the Child SA's, some time before the end. */
const LIFETIMES = 'ikelifetime 36 lifetime 25';

/** iked rekeys when lifetimes end, and only then. */
function lifetimeRun(role: 'initiator' | 'responder', variant: Variant): Run {
  const base = run(role, variant);
  return {
    ...base, auth: 'PSK, short lifetimes at the peer',
    peerAt: async (scene, theirs) => {
      await inner(scene, theirs);
      return new OpenIked(scene[theirs], scene.dir, config(theirs, variant, LIFETIMES));
    },
    steps: [setUp(variant), rekeyChild('peer', { hasty: true }), rekeyIke('peer'), closedByUs()],
  };
}

export const openIkedRuns: readonly Run[] = [
  run('initiator', SHA512), run('responder', SHA512), certifiedRun('initiator', MIXED), certifiedRun('responder', MIXED),
  lifetimeRun('initiator', SHA512), lifetimeRun('responder', SHA512),
  { ...run('initiator', GCM), steps: [setUp(GCM)], skip: NO_GCM }, { ...run('responder', GCM), steps: [setUp(GCM)], skip: NO_GCM },
];
