/** A test with a scene and daemons that ends cleanly, says why it is skipped, and shows both sides' logs when it fails. */
import { test } from 'node:test';
import { accessSync, constants, existsSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { labProblem, type Stream } from '../lab/index.ts';
import { noteNative } from './matrix.ts';
import { HUB, HUB6, INNER, NETS, Scene, type SceneOptions } from './scene.ts';
import { Mobiked } from './mobiked.ts';
import { StrongSwan, type Settings } from './strongswan.ts';

const LIBIPSEC = '/usr/lib/ipsec/plugins/libstrongswan-kernel-libipsec.so';

/** Why strongSwan cannot run here; undefined when it can. */
export function peerProblem(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root: charon wants the capabilities of it';
  const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin` };
  const missing = ['charon-systemd', 'swanctl', 'nft'].filter((tool) => spawnSync('sh', ['-c', `command -v ${tool}`], { env, stdio: 'ignore' }).status !== 0);
  if (!existsSync(LIBIPSEC)) missing.push('the plugin kernel-libipsec');
  if (missing.length > 0) return `${missing.join(', ')} not installed: run test/setup.sh test as root`;
  try {
    accessSync(`${process.env['MOBIKED_BUILD'] ?? 'build'}/lib/mobiked.mjs`, constants.R_OK);
  } catch {
    return 'build/mobiked is not built: run make build';
  }
  return labProblem();
}

export const PSK = 'correct horse battery staple 42';
export const ROUTER_ID = 'router7.example';
export const HUB_ID = 'hub.example';

export interface Tuning {
  readonly ike?: string;
  readonly esp?: string;
  readonly psk?: string;
  /** Connection options of mobiked, over the ones below. */
  readonly options?: { readonly [name: string]: string | readonly string[] | undefined };
  readonly ipv6?: boolean;
  /** Child sections; default one, `lan`, with all networks. */
  readonly children?: readonly { readonly name: string; readonly local: readonly string[]; readonly remote: readonly string[] }[];
}

/** mobiked's configuration at one end of the scene. */
export function mobikedConfig(end: 'router' | 'hub', tuning: Tuning = {}): string {
  const other = end === 'router' ? 'hub' : 'router';
  const connection: { [name: string]: string | readonly string[] | undefined } = {
    role: end === 'router' ? 'initiator' : 'responder',
    ...(end === 'router' ? { remote_addrs: [tuning.ipv6 ? HUB6 : HUB] } : {}),
    local_id: end === 'router' ? ROUTER_ID : HUB_ID,
    remote_id: end === 'router' ? HUB_ID : ROUTER_ID,
    psk: tuning.psk ?? PSK,
    ...(tuning.ike === undefined ? {} : { ike_proposal: [tuning.ike] }),
    ...tuning.options,
  };
  const lines = Object.entries(connection).map(([name, value]) => (value === undefined ? '' : typeof value === 'string' ? `  option ${name} '${value}'` : value.map((v) => `  list ${name} '${v}'`).join('\n')));
  return [
    "config mobiked 'main'", `  option node_id '${end}'`, "  option log_level 'debug'",
    "config connection 'swan'", ...lines,
    ...(tuning.children ?? [{ name: 'lan', local: NETS[end], remote: NETS[other] }]).flatMap((child) => [
      `config child '${child.name}'`, "  option connection 'swan'",
      ...child.local.map((n) => `  list local_ts '${n}'`), ...child.remote.map((n) => `  list remote_ts '${n}'`),
      ...(tuning.esp === undefined ? [] : [`  list esp_proposal '${tuning.esp}'`]),
    ]), '',
  ].join('\n');
}

export interface SwanTuning {
  readonly ike?: string;
  readonly esp?: string;
  readonly psk?: string;
  /** Over the connection's settings below; likewise the child's. */
  readonly connection?: Settings;
  readonly child?: Settings;
  readonly ids?: { readonly mine: string; readonly theirs: string };
  /** Further children. */
  readonly children?: Settings;
  readonly ipv6?: boolean;
}

/** swanctl.conf for charon at one end of the scene. */
export function swanConfig(end: 'router' | 'hub', tuning: SwanTuning = {}): Settings {
  const other = end === 'router' ? 'hub' : 'router';
  const { mine, theirs } = tuning.ids ?? (end === 'router' ? { mine: ROUTER_ID, theirs: HUB_ID } : { mine: HUB_ID, theirs: ROUTER_ID });
  return {
    connections: {
      iop: {
        version: 2, proposals: tuning.ike ?? 'aes256gcm16-prfsha256-x25519', mobike: 'yes', dpd_delay: '0s', rekey_time: '0s',
        ...(end === 'router' ? { remote_addrs: tuning.ipv6 ? HUB6 : HUB, keyingtries: 1 } : {}),
        ...tuning.connection,
        local: { auth: 'psk', id: mine }, remote: { auth: 'psk', id: theirs },
        children: { net: { local_ts: NETS[end].join(','), remote_ts: NETS[other].join(','), esp_proposals: tuning.esp ?? 'aes256gcm16', rekey_time: '0s', ...tuning.child }, ...tuning.children },
      },
    },
    secrets: { 'ike-iop': { id: theirs, secret: tuning.psk ?? `"${PSK}"` } },
  };
}

/** What a story has at hand. */
export interface Stage {
  readonly scene: Scene;
  mobiked(end: 'router' | 'hub', tuning?: Tuning): Promise<Mobiked>;
  swan(end: 'router' | 'hub', tuning?: SwanTuning, charon?: Settings): Promise<StrongSwan>;
  /** A figure, shown with VERBOSE=1. */
  figure(text: string): void;
}

export interface Tunnel {
  readonly ours: Mobiked;
  readonly swan: StrongSwan;
  readonly stream: Stream;
}

/** mobiked at the router, charon at the hub, a stream from router to hub. */
export async function ourRouter(stage: Stage, tuning?: Tuning, peer?: SwanTuning, charon?: Settings): Promise<Tunnel> {
  const swan = await stage.swan('hub', peer, charon);
  const ours = await stage.mobiked('router', tuning);
  await ours.event('child.established', 0);
  return { ours, swan, stream: await flowing(stage) };
}

/** charon at the router, mobiked at the hub, a stream from router to hub. */
export async function theirRouter(stage: Stage, tuning?: Tuning, peer?: SwanTuning, charon?: Settings): Promise<Tunnel> {
  const ours = await stage.mobiked('hub', tuning);
  const swan = await stage.swan('router', peer, charon);
  await swan.initiate();
  await ours.event('child.established', 0);
  return { ours, swan, stream: await flowing(stage) };
}

async function flowing({ scene }: Stage): Promise<Stream> {
  const stream = await scene.echo('router', INNER.hub);
  await stream.flowing(10, 0, 8000);
  return stream;
}

const problem = peerProblem();

export function story(title: string, options: SceneOptions, body: (stage: Stage) => Promise<void>): void {
  if (problem !== undefined) noteNative({ title, state: 'skipped', why: problem });
  test(title, { timeout: 90_000, ...(problem === undefined ? {} : { skip: problem }) }, async () => {
    const scene = new Scene();
    const daemons: { report(): string }[] = [];
    try {
      await scene.open(options);
      await body({
        scene,
        async mobiked(end, tuning) {
          const made = new Mobiked(scene[end], scene.dir, mobikedConfig(end, tuning));
          daemons.push(made);
          return made.start();
        },
        async swan(end, tuning, charon) {
          const made = new StrongSwan(scene[end], scene.dir, charon);
          daemons.push(made);
          return made.start(swanConfig(end, tuning));
        },
        figure: (text) => void process.stdout.write(`figure: ${title}: ${text}\n`),
      });
      noteNative({ title, state: 'passed', why: '' });
    } catch (error) {
      noteNative({ title, state: 'failed', why: String(error) });
      const reports = daemons.map((d) => d.report()).join('\n');
      throw new Error(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n${reports}`, { cause: error });
    } finally {
      await scene.close();
    }
  });
}
