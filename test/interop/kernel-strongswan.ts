/** strongSwan's charon with the kernel's ESP. */
import { closedByPeer, closedByUs, move, rekeyChild, rekeyIke, restartOfPeer, setUp, type SetUp } from './kernel-steps.ts';
import type { Run } from './kernel-run.ts';
import type { Peer } from './peer.ts';
import type { Scene } from './scene.ts';
import { StrongSwan, type Settings } from './strongswan.ts';
import { swanConfig, type SwanTuning, type Tuning } from './story.ts';

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
    guest: 'strongswan', peer: 'strongSwan 5.9.8', role, auth: 'PSK', ciphers: `${variant.ike}, ${variant.esp}`, scene: { nat: ['wwan0'] },
    tuning: { ike: variant.ike, esp: variant.esp, ...tuning, options: { liveness: '2s', ...tuning.options } },
    peerAt: async (scene: Scene, end) =>
      new KernelSwan(new StrongSwan(scene[end], scene.dir, { delete_rekeyed_delay: 1 }), swanConfig(end, { ike: variant.ike, esp: variant.esp, ...peer })),
    steps: [
      setUp(variant), rekeyChild('mobiked'), rekeyChild('peer'), rekeyIke('mobiked'), rekeyIke('peer'), move(), closedByPeer(), restartOfPeer(), closedByUs(),
    ],
  };
}

export const strongSwanRuns: readonly Run[] = [run('initiator', GCM), run('responder', GCM)];
