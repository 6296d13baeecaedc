/** strongSwan's charon with the kernel's ESP. */
import { certified, certifiedTuning, IDENTITY, layOut, rsaIsOurs, type Holder } from './certificates.ts';
import { closedByPeer, closedByUs, fragments, move, moveBack, natMapping, rekeyChild, rekeyIke, restartOfPeer, setUp, type SetUp } from './kernel-steps.ts';
import type { Run } from './kernel-run.ts';
import type { Peer } from './peer.ts';
import type { Scene } from './scene.ts';
import { StrongSwan, type Settings } from './strongswan.ts';
import { HUB_ID, ROUTER_ID, swanConfig, type SwanTuning, type Tuning } from './story.ts';

class KernelSwan implements Peer {
  readonly name: string;
  readonly #swan: StrongSwan;
  readonly #config: Settings;

  constructor(swan: StrongSwan, config: Settings) {
    this.#swan = swan;
    this.#config = config;
    this.name = swan.name;
  }

  async start(): Promise<void> {
    await this.#swan.start(this.#config);
  }

  stop(signal?: NodeJS.Signals): Promise<void> {
    return this.#swan.stop(signal);
  }

  initiate(): Promise<unknown> {
    return this.#swan.initiate();
  }

  rekeyChild(): Promise<unknown> {
    return this.#swan.run('--rekey', '--child', 'net');
  }

  rekeyIke(): Promise<unknown> {
    return this.#swan.run('--rekey', '--ike', 'iop');
  }

  close(): Promise<unknown> {
    return this.#swan.run('--terminate', '--ike', 'iop');
  }

  async ikeSas(): ReturnType<Peer['ikeSas']> {
    return (await this.#swan.sas()).filter((sa) => sa.state === 'ESTABLISHED').map((sa) => ({ name: sa.initiatorSpi, spis: [sa.initiatorSpi, sa.responderSpi] }));
  }

  get log(): string {
    return this.#swan.log;
  }

  report(): string {
    return this.#swan.report();
  }
}

interface Variant extends SetUp {
  readonly esp: string;
}

const GCM: Variant = { ike: 'aes256gcm16-prfsha256-x25519', esp: 'aes256gcm16-x25519', kernel: ['rfc4106(gcm(aes))'] };

function run(role: 'initiator' | 'responder', variant: Variant, tuning: Tuning = {}, peer: SwanTuning = {}): Run {
  return {
    guest: 'strongswan', peer: 'strongSwan 5.9.8', role, auth: 'PSK', ciphers: `${variant.ike}, ${variant.esp}`, scene: { nat: ['wwan0'], uplinks: ['wan0'] },
    tuning: { ike: variant.ike, esp: variant.esp, ...tuning, options: { liveness: '2s', ...tuning.options } },
    peerAt: async (scene: Scene, end) =>
      new KernelSwan(new StrongSwan(scene[end], scene.dir, { delete_rekeyed_delay: 1 }), swanConfig(end, { ike: variant.ike, esp: variant.esp, ...peer })),
    steps: [
      setUp(variant), rekeyChild('mobiked'), rekeyChild('peer'), rekeyIke('mobiked'), rekeyIke('peer'), move(), ...(role === 'initiator' && variant === GCM ? [natMapping()] : []), moveBack(), ...(variant === CBC ? [] : [closedByPeer(), restartOfPeer()]), closedByUs(),
    ],
  };
}

const CBC: Variant = { ike: 'aes256-sha256-prfsha256-modp2048', esp: 'aes256-sha256-modp2048', kernel: ['cbc(aes)', 'hmac(sha256)'] };

/** Our messages and theirs in pieces of this many octets of UDP payload, where ours are as large. */
const FRAGMENT = 576;

/** Our key is RSA, which makes our IKE_AUTH too large for one packet, charon's ECDSA; charon cuts its messages small. */
function certifiedRun(role: 'initiator' | 'responder', variant: Variant): Run {
  const base = run(role, variant);
  const ours = role === 'initiator' ? 'router' : 'hub';
  const holders = rsaIsOurs(ours);
  return {
    ...base, auth: 'certificates: RSA, the peer ECDSA P-256',
    options: (dir) => certifiedTuning(dir, ours, holders),
    peerAt: async (scene, end) => certifiedSwan(scene, end, variant, holders[end], { auth: 'pubkey', id: IDENTITY[holders[ours]] }),
    steps: [
      setUp(variant), fragments(), rekeyChild('mobiked'), rekeyChild('peer'), rekeyIke('mobiked'), rekeyIke('peer'), move(), closedByPeer(), restartOfPeer(), closedByUs(),
    ],
  };
}

/** We prove ourselves with the PSK, charon with an RSA key and a certificate. */
function mixedRun(role: 'initiator' | 'responder', variant: Variant): Run {
  const base = run(role, variant);
  const ours = role === 'initiator' ? 'router' : 'hub';
  return {
    ...base, auth: 'PSK, the peer certificate with RSA',
    options: (dir) => {
      const { remote_ca, remote_id } = certifiedTuning(dir, ours, { router: 'hub-rsa', hub: 'hub-rsa' }) ?? {};
      return { remote_auth: 'cert', remote_id, remote_ca };
    },
    peerAt: async (scene, end) => certifiedSwan(scene, end, variant, 'hub-rsa', { auth: 'psk', id: ours === 'router' ? ROUTER_ID : HUB_ID }),
    steps: [setUp(variant), rekeyChild('mobiked'), rekeyIke('mobiked'), closedByUs()],
  };
}

function certifiedSwan(scene: Scene, end: 'router' | 'hub', variant: Variant, holder: Holder, remote: Settings): Peer {
  const mine = certified(scene.dir, end, holder);
  const { connections, secrets } = swanConfig(end, { ike: variant.ike, esp: variant.esp }) as { readonly connections: { readonly iop: Settings }; readonly secrets: Settings };
  const swan = new StrongSwan(scene[end], scene.dir, { delete_rekeyed_delay: 1, fragment_size: FRAGMENT });
  layOut(mine, swan.dir);
  const connection = {
    ...connections.iop, fragmentation: 'yes', local: { auth: 'pubkey', id: mine.id, certs: mine.cert }, remote: { ...remote, ...(remote['auth'] === 'psk' ? {} : { cacerts: mine.ca }) },
  };
  return new KernelSwan(swan, { connections: { iop: connection }, secrets });
}

export const strongSwanRuns: readonly Run[] = [
  run('initiator', GCM), run('responder', GCM), run('initiator', CBC), run('responder', CBC), certifiedRun('initiator', GCM), certifiedRun('responder', CBC), mixedRun('initiator', CBC), mixedRun('responder', GCM),
];
