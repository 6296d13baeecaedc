/** The two hubs that are measured, set up alike: a pre-shared key, one subnet, a pool, ESP in user space, Debian's settings for charon. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { HUB } from '../ike/pair.ts';
import { until } from '../interop/poll.ts';
import { peerProblem } from '../interop/story.ts';
import { formatSettings } from '../interop/strongswan.ts';
import type { Namespace, Running } from '../lab/index.ts';
import { PROPOSAL, PSK, SUBNETS } from './routers.ts';

/** A hub's daemon, running. */
export interface Hub {
  readonly pid: number;
  stop(): Promise<void>;
  /** Its last words, for an error. */
  report(): string;
}

export interface HubKind {
  readonly name: 'mobiked' | 'strongSwan';
  /** Why it cannot run here. */
  problem(): string | undefined;
  start(namespace: Namespace, dir: string): Promise<Hub>;
}

const running = (daemon: Running, report = () => daemon.lines): Hub => ({
  pid: daemon.pid, stop: async () => void (await daemon.stop('SIGTERM', 15_000)), report: () => report().slice(-20).join('\n'),
});

export const MOBIKED: HubKind = {
  name: 'mobiked',
  problem: () => undefined,
  async start(namespace, dir) {
    const run = join(dir, 'mobiked');
    mkdirSync(run, { recursive: true });
    writeFileSync(join(run, 'config'), [
      "config mobiked 'main'", "  option node_id 'hub'",
      "config connection 'routers'", "  option role 'responder'", "  option local_id 'hub.example'", `  option psk '${PSK}'`, `  list ike_proposal '${PROPOSAL}'`, `  list pool '${SUBNETS.virtual}'`,
      "config child 'lan'", "  option connection 'routers'", `  list local_ts '${SUBNETS.behindHub}'`, "  list esp_proposal 'aes256gcm16'", '',
    ].join('\n'), { mode: 0o600 });
    const build = resolve(process.env['MOBIKED_BUILD'] ?? 'build');
    const daemon = namespace.spawn([`${build}/mobiked`, '--config', join(run, 'config'), '--ubus', 'none', '--run-dir', run, '--state-dir', run, '--foreground']);
    await until('mobiked has its socket', () => daemon.over || existsSync(join(run, 'mobiked.sock')), 10_000, 20);
    return running(daemon);
  },
};

export const STRONGSWAN: HubKind = {
  name: 'strongSwan',
  problem: peerProblem,
  async start(namespace, dir) {
    const run = join(dir, 'charon');
    mkdirSync(run, { recursive: true });
    const socket = `unix://${run}/vici`;
    const conf = join(run, 'strongswan.conf');
    writeFileSync(conf, formatSettings({
      'charon-systemd': {
        // OpenSSL's ciphers, hashes and x25519, the fastest it has; everything else as Debian has it: 16 threads, cookies from 30 half-open SAs on.
        load: 'random nonce openssl aes gcm hmac sha1 sha2 kdf pem pkcs1 x509 pubkey kernel-libipsec kernel-netlink socket-default vici',
        filelog: { out: { path: join(run, 'log'), default: 1 } },
        journal: { default: -1 }, syslog: { daemon: { default: -1 }, auth: { default: -1 } },
        plugins: { vici: { socket } },
      },
      swanctl: { load: 'random openssl', socket },
    }));
    const env = { ...process.env, STRONGSWAN_CONF: conf, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin` };
    const daemon = namespace.spawn(['charon-systemd'], { env });
    await until('charon answers', async () => daemon.over || (await namespace.exec(['swanctl', '--stats'], '', env)).code === 0, 10_000);
    const swanctl = join(run, 'swanctl.conf');
    writeFileSync(swanctl, formatSettings({
      connections: {
        routers: {
          version: 2, local_addrs: HUB, proposals: PROPOSAL, mobike: 'yes', pools: 'virtual',
          local: { auth: 'psk', id: 'hub.example' }, remote: { auth: 'psk', id: '%any' },
          children: { lan: { local_ts: SUBNETS.behindHub, esp_proposals: 'aes256gcm16' } },
        },
      },
      pools: { virtual: { addrs: SUBNETS.virtual } },
      secrets: { 'ike-any': { secret: `"${PSK}"` } },
    }), { mode: 0o600 });
    const { code, stderr } = await namespace.exec(['swanctl', '--load-all', '--file', swanctl], '', env);
    if (code !== 0) throw new Error(`swanctl: ${stderr}`);
    return running(daemon, () => readFileSync(join(run, 'log'), 'utf8').split('\n'));
  },
};

export function strongSwanVersion(): string {
  const { stdout, stderr } = spawnSync('swanctl', ['--version'], { encoding: 'utf8', timeout: 5000, env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin` } });
  return /strongSwan [\d.]+/.exec(`${stdout}${stderr}`)?.[0] ?? 'strongSwan';
}

/** Processor time of a process and its threads so far, ms; as the kernel counts, in steps of 10 ms. */
export function processorTime(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** Resident memory of a process, kB. */
export const residentMemory = (pid: number): number => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
