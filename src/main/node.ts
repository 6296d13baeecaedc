/** mobiked on Node: reads the command line, builds the ports, runs the one loop. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { instant, ipBytes, minutes, toHex, type Instant, type Millis } from '../base/index.ts';
import {
  connectTcp, createControlPort, createEspPort, createKernelPort, createLogPort, createMqttPort, createProbePort, createResolverPort, createStorePort, createUbusPort, createUdpPort,
  loadNative, nativeEcho, NativeHost, nodeCrypto, nodeEntropy, nodePki, pickNetlink,
} from '../adapters/node/index.ts';
import { formatProblem, type LogLevel } from '../config/index.ts';
import type { Pki } from '../crypto/index.ts';
import { Daemon, run } from '../daemon/index.ts';
import type { Effect, Input } from '../ports/index.ts';
import { CLOCK_SET_MS, credentialReader, describeCertificates } from './credentials.ts';
import { describeOpenings } from './openings.ts';
import { parseOptions, USAGE, type DaemonOptions } from './options.ts';
import { readConfig } from './read-config.ts';
import { ReplayRing } from './replay-ring.ts';

/** PKG_VERSION, put here by the bundler. */
declare const __VERSION__: string;

/** SIGTERM has 2 s; a loop that hangs must not hold up the host's shutdown. */
const LAST_CALL_MS = 1950;
/** A wall clock that differs by more than this from what it was has been set. */
const STEP_MS = 500;
const MOST_TIMER_MS = 2_147_483_647;

const monotonic = (): Instant => instant(Number(process.hrtime.bigint() / 1000n) / 1000);

/** The platform's X.509, without a data plane; a string says why there is none. */
function platformPki(): Pki | string {
  try {
    return nodePki(loadNative());
  } catch (error) {
    return `certificates cannot be used: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function checkConfig(path: string): number {
  const pki = platformPki();
  const { config, problems } = readConfig(path, credentialReader(pki, () => Date.now()));
  for (const problem of problems) process.stderr.write(`${formatProblem(problem)}\n`);
  if (typeof pki !== 'string') for (const line of describeCertificates(pki, config)) process.stdout.write(`${line}\n`);
  for (const line of describeOpenings(config)) process.stdout.write(`${line}\n`);
  if (problems.length === 0) process.stdout.write(`${path}: no problems\n`);
  return problems.length === 0 ? 0 : 1;
}

/** Hostname and the last three octets of the first MAC address: stable, and different on two routers with one name. */
function defaultNodeId(): string {
  let name = '';
  for (const char of hostname()) name += (char >= 'a' && char <= 'z') || (char >= 'A' && char <= 'Z') || (char >= '0' && char <= '9') || char === '-' || char === '_' ? char : '-';
  const macs = Object.entries(networkInterfaces()).filter(([device]) => !device.startsWith('mobiked')).sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, list]) => list ?? []);
  const mac = macs.find((entry) => !entry.internal && entry.mac !== '00:00:00:00:00:00')?.mac;
  return mac === undefined ? name : `${name}-${mac.replaceAll(':', '').slice(-6)}`;
}

async function start(options: DaemonOptions): Promise<number> {
  const native = new NativeHost();
  const log = createLogPort({ foreground: options.foreground, syslog: existsSync('/dev/log') ? (severity, text) => native.addon.syslog(severity, text) : undefined });
  const say = (level: LogLevel, text: string): void => log.perform({ type: 'log.write', level, text }, () => undefined);
  const tcp: typeof connectTcp extends (n: NativeHost, ...rest: infer R) => infer P ? (...rest: R) => P : never = (target, signal) => connectTcp(native, target, signal);
  const pki = nodePki(native.addon);
  if (typeof pki === 'string') say('warn', pki);
  const reader = credentialReader(pki, () => Date.now());
  const control = createControlPort(join(options.runDir, 'mobiked.sock'));
  const udp = createUdpPort(native);
  const esp = createEspPort(native);
  const kernel = createKernelPort(pickNetlink(() => native, (text) => say('info', text)), (text) => say('warn', text));
  const ubus = createUbusPort(monotonic);
  const mqtt = createMqttPort(tcp);
  const resolver = createResolverPort({ connectTcp: tcp, openUdp: (family, ifindex, mark) => native.addon.udpSocket(native.handle, family, ifindex, mark, new Uint8Array(0)) });
  const probes = createProbePort({
    echo: nativeEcho(native), openUdp: (family, ifindex, mark, local) => native.addon.udpSocket(native.handle, family, ifindex, mark, ipBytes(local)), connectTcp: tcp, resolver,
  });
  const store = createStorePort(options.stateDir);
  const ports = [control, udp, esp, kernel, ubus, mqtt, probes, resolver];
  const ring = new ReplayRing(options.runDir);
  let timer: NodeJS.Timeout | undefined;
  let finished: (code: number) => void = () => undefined;
  const done = new Promise<number>((resolve) => (finished = resolve));

  const perform = (effect: Effect, deliver: (input: Input) => void): void => {
    switch (effect.type) {
      case 'udp.open': case 'udp.close': case 'udp.send':
        return udp.perform(effect, deliver);
      case 'tun.open': case 'tun.close': case 'esp.open': case 'esp.sa.add': case 'esp.sa.use': case 'esp.sa.remove': case 'esp.path.set': case 'esp.bound': case 'esp.dummy': case 'esp.inject': case 'esp.poll':
        return esp.perform(effect, deliver);
      case 'kernel.watch': case 'kernel.apply':
        return kernel.perform(effect, deliver);
      case 'ubus.open': case 'ubus.call': case 'ubus.subscribe': case 'ubus.listen': case 'ubus.publish': case 'ubus.reply':
        return ubus.perform(effect, deliver);
      case 'mqtt.connect': case 'mqtt.publish': case 'mqtt.close':
        return mqtt.perform(effect, deliver);
      case 'store.read': case 'store.write':
        return store.perform(effect, deliver);
      case 'probe.send': case 'probe.cancel':
        return probes.perform(effect, deliver);
      case 'resolver.resolve':
        return resolver.perform(effect, deliver);
      case 'control.send': case 'control.close':
        return control.perform(effect, deliver);
      case 'log.write':
        return log.perform(effect, deliver);
      case 'config.read':
        return deliver({ type: 'config.loaded', loaded: readConfig(options.config, reader) });
      case 'process.exit':
        return finished(effect.code);
    }
  };

  const core = new Daemon({ suite: { ...nodeCrypto(), pki: typeof pki === 'string' ? undefined : pki }, entropy: nodeEntropy() });
  const loop = run(core, {
    now: monotonic,
    arm(deadline, fire) {
      clearTimeout(timer);
      timer = deadline === undefined ? undefined : setTimeout(() => { tellClock(); fire(); }, Math.min(Math.max(0, Math.ceil(deadline - monotonic())), MOST_TIMER_MS));
    },
    onBug(error, input) {
      const file = ring.write(error);
      say('error', `internal error while handling ${input.type}: ${error instanceof Error ? error.message : String(error)}${file === undefined ? '' : `; what led to it is in ${file}`}`);
    },
    perform,
  });

  let told: { readonly offset: number; readonly zone: Millis } | undefined;
  /** Before every input: a step of the wall clock and a change of summer time have no event of their own. */
  const tellClock = (): void => {
    const offset = Date.now() - monotonic();
    const zone = minutes(-new Date().getTimezoneOffset());
    if (told !== undefined && Math.abs(offset - told.offset) <= STEP_MS && zone === told.zone) return;
    told = { offset, zone };
    loop({ type: 'clock.wall', unixAtZero: offset, synced: Date.now() >= CLOCK_SET_MS, zone });
  };
  const push = (input: Input): void => {
    tellClock();
    ring.note(input, monotonic());
    try {
      loop(input);
    } catch (error) {
      // A bug that belongs to no SA: end, and let procd start us again; routes that block stay.
      say('error', `ending after an internal error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
      finished(70);
    }
  };

  // Signals may come while the socket is made: nothing was done then, so nothing is to be undone.
  const state = { running: false, stopping: false };
  const terminate = (): void => {
    if (state.stopping) return;
    state.stopping = true;
    if (!state.running) return;
    setTimeout(() => finished(0), LAST_CALL_MS);
    push({ type: 'process.terminate' });
  };
  process.on('SIGTERM', terminate);
  process.on('SIGINT', terminate);
  process.on('SIGHUP', () => {
    if (state.running) push({ type: 'config.loaded', loaded: readConfig(options.config, reader) });
  });
  process.on('uncaughtException', (error) => {
    say('error', `ending after an uncaught exception: ${error.stack ?? error.message}`);
    finished(70);
  });
  process.on('unhandledRejection', (reason) => say('error', `unhandled rejection: ${reason instanceof Error ? (reason.stack ?? reason.message) : String(reason)}`));
  const listening = await control.listen(push);
  if (!listening.ok) say('error', listening.error);
  if (!listening.ok || state.stopping) {
    for (const port of ports) port.close();
    native.close();
    return listening.ok ? 0 : 1;
  }
  state.running = true;
  push({ type: 'process.start', bootId: toHex(randomBytes(8)), version: __VERSION__, nodeId: defaultNodeId(), ubus: options.ubus });

  const code = await done;
  clearTimeout(timer);
  for (const port of ports) port.close();
  native.close();
  return code;
}

const options = parseOptions(process.argv.slice(2));
if (!options.ok) {
  process.stderr.write(`mobiked: ${options.error}\n\n${USAGE}`);
  process.exit(2);
}
switch (options.value.action) {
  case 'help':
    process.stdout.write(USAGE);
    break;
  case 'version':
    process.stdout.write(`${__VERSION__}\n`);
    break;
  case 'check':
    process.exitCode = checkConfig(options.value.config);
    break;
  case 'run':
    start(options.value).then(
      (code) => process.exit(code),
      (error: unknown) => {
        process.stderr.write(`mobiked: ${error instanceof Error ? error.message : String(error)}\n`);
        process.exit(1);
      },
    );
    break;
}
