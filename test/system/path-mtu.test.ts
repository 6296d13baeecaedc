// Path MTU with real ICMP: a router, a narrow middle and a hub, each in its namespace, and the C plane at both ends.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Path } from '../../src/base/index.ts';
import { innerMtu } from '../../src/kernel/index.ts';
import type { InputOf } from '../../src/ports/index.ts';
import { endpoint, ts } from '../esp/fixtures.ts';
import { ip, netnsTest } from '../lab/netns.ts';
import { Asker, EspEnd, FarEnd, isFarEnd } from './esp-end.ts';

const NARROW = 1300;
const LEFT = [ts('10.1.0.0/16'), ts('fd00:1::/32')];
const RIGHT = [ts('10.2.0.0/16'), ts('fd00:2::/32')];
/** Outer addresses of router and hub by family, and one that the middle says nobody can reach. */
const OUTER = { 4: ['10.77.1.1', '10.78.1.1', '10.99.0.1'], 6: ['fd77:1::1', 'fd77:2::1', 'fd99::1'] } as const;

function skip(): string | undefined {
  try {
    accessSync('/dev/net/tun', constants.R_OK | constants.W_OK);
    return undefined;
  } catch {
    return '/dev/net/tun is missing or not ours to open';
  }
}

interface Lab {
  readonly near: EspEnd;
  readonly middle: FarEnd;
  readonly far: FarEnd;
  path(family: 4 | 6, to?: string, port?: number): Path;
  /** `esp.tooBig` since the start. */
  told(): InputOf<'esp.tooBig'>[];
}

/** Both ends with a tunnel of the inner MTU 1400 over this outer family, DF copied or not. */
async function withLab(family: 4 | 6, copyDf: boolean, body: (lab: Lab) => Promise<void>, encapsulation: 'udp' | 'none' = 'udp'): Promise<void> {
  const near = new EspEnd();
  const middle = await FarEnd.start();
  const far = await FarEnd.start();
  const [us, them] = OUTER[family];
  const on = async (end: { obey: EspEnd['obey'] }, lines: readonly string[]): Promise<void> => {
    for (const line of lines) await end.obey({ op: 'ip', line });
  };
  await on(near, [`link add wan type veth peer name west netns ${middle.pid}`, 'addr add 10.77.1.1/24 dev wan', 'addr add fd77:1::1/64 dev wan nodad', 'link set wan up']);
  await on(middle, [`link add east type veth peer name wan netns ${far.pid}`, 'addr add 10.77.1.2/24 dev west', 'addr add 10.78.1.2/24 dev east', 'addr add fd77:1::2/64 dev west nodad', 'addr add fd77:2::2/64 dev east nodad']);
  await on(middle, ['link set lo up', 'link set west up', `link set east mtu ${NARROW} up`, 'route add unreachable 10.99.0.0/16', 'route add unreachable fd99::/16']);
  await on(far, ['link set lo up', 'addr add 10.78.1.1/24 dev wan', 'addr add fd77:2::1/64 dev wan nodad', `link set wan mtu ${NARROW} up`, 'route add default via 10.78.1.2', 'route add default via fd77:2::2']);
  await on(near, ['route add default via 10.77.1.2', 'route add default via fd77:1::2']);
  for (const end of [middle, far]) for (const [name, value] of [['net.ipv4.icmp_ratelimit', '0'], ['net.ipv6.icmp.ratelimit', '0']] as const) await end.obey({ op: 'sysctl', name, value });
  for (const name of ['net.ipv4.ip_forward', 'net.ipv6.conf.all.forwarding']) await middle.obey({ op: 'sysctl', name, value: '1' });
  for (const [end, own, other, mine, theirs] of [[near, 1, 2, LEFT, RIGHT], [far, 2, 1, RIGHT, LEFT]] as const) {
    await end.obey({ op: 'udp', effect: { ports: [500, 4500], mark: 0 } });
    await end.obey({ op: 'esp', effect: { type: 'tun.open', name: 'mobiked0', mtu: 1400 } });
    await on(end, ['link set mobiked0 up', `addr add 10.${own}.0.1/16 dev mobiked0`, `addr add fd00:${own}::1/32 dev mobiked0 nodad`, `route add 10.${other}.0.0/16 dev mobiked0`, `route add fd00:${other}::/32 dev mobiked0`]);
    await end.obey({ op: 'sa', options: { handle: 1, direction: 'in', spi: 0x1000 + own, keyOctet: own, local: mine, remote: theirs } });
    await end.obey({ op: 'sa', options: { handle: 2, direction: 'out', spi: 0x1000 + other, keyOctet: other, local: mine, remote: theirs, copyDf: copyDf && end === near } });
    await end.obey({ op: 'esp', effect: { type: 'esp.sa.use', handle: 2 } });
  }
  const path = (which: 4 | 6, to: string = OUTER[which][1], port = 4500): Path => ({
    uplink: 'wan', ifindex: Number(ip('-o link show dev wan').split(':')[0]), local: endpoint(OUTER[which][0], 4500), remote: endpoint(to, port),
  });
  await near.obey({ op: 'esp', effect: { type: 'esp.path.set', encapsulation, bundle: 1, path: path(family), mtu: 1400 } });
  const farIndex = Number(String(await far.obey({ op: 'ip', line: '-o link show dev wan' })).split(':')[0]);
  for (const end of [near, far]) await end.obey({ op: 'esp', effect: { type: 'esp.open', mark: 0 } });
  await far.obey({ op: 'esp', effect: { type: 'esp.path.set', encapsulation, bundle: 1, path: { uplink: 'wan', ifindex: farIndex, local: endpoint(them, 4500), remote: endpoint(us, 4500) }, mtu: 1400 } });
  for (const address of ['10.2.0.1', 'fd00:2::1']) await far.obey({ op: 'echo', address, port: 7000 });
  // Link-local addresses are looked for twins first, and neighbours asked by them: packets would be lost meanwhile.
  for (let i = 0; i < 50; i++) if (await promisify(execFile)('ping', ['-q', '-c', '1', '-W', '1', them]).then(() => true, () => false)) break;
  await body({ near, middle, far, path, told: () => near.inputs.filter((input): input is InputOf<'esp.tooBig'> => input.type === 'esp.tooBig') });
  near.close();
  await middle.kill();
  await far.kill();
}

/** One echo of this many octets of payload; rejects when there is no answer in a second. */
const ping = (to: string, size: number, discover: 'do' | 'dont'): Promise<unknown> => promisify(execFile)('ping', ['-q', '-c', '1', '-W', '1', '-s', String(size), '-M', discover, to]);

async function until(what: string, so: () => boolean): Promise<void> {
  for (let i = 0; i < 200 && !so(); i++) await sleep(10);
  assert.ok(so(), what);
}

const INNER = [['udp4', '10.1.0.1', '10.2.0.1'], ['udp6', 'fd00:1::1', 'fd00:2::1']] as const;

if (!isFarEnd()) {
  for (const encapsulation of ['udp', 'none'] as const) for (const family of [4, 6] as const) {
    netnsTest(`ES3-4 F-4 RFC 4301 §8.2: outer IPv${family}, ${encapsulation === 'udp' ? 'UDP' : 'protocol 50'}: a router's word is heard, and inner senders are told; what may be cut goes through`, { skip: skip() }, () =>
      withLab(family, true, async ({ near, far, path, told }) => {
        const learned = innerMtu(NARROW, family, undefined, encapsulation);
        const seen = (end: Path['local']): Path['local'] => (encapsulation === 'udp' ? end : { ...end, port: 0 });
        const first = await new Asker('udp4').bind('10.1.0.1');
        first.ask(1, '10.2.0.1', 1350);
        await until('a too big', () => told().length > 0);
        assert.deepEqual(told(), [{ type: 'esp.tooBig', bundle: 1, local: seen(path(family).local), remote: seen(path(family).remote), mtu: NARROW }]);
        // As the daemon does it.
        await near.obey({ op: 'esp', effect: { type: 'esp.path.set', encapsulation, bundle: 1, path: path(family), mtu: learned } });
        for (const [kind, from, to] of INNER) {
          const asker = await new Asker(kind).bind(from);
          asker.ask(2, to, 1350);
          await sleep(100);
          // IPv6 has 1280 octets everywhere: outside they are cut.
          assert.ok(ip(`route get ${to} from ${from}`).includes(`mtu ${kind === 'udp4' ? learned : 1280}`), ip(`route get ${to} from ${from}`));
          for (let i = 3; i < 23; i++) asker.ask(i, to, 1350);
          assert.equal(await asker.until(20), 20, kind);
          asker.close();
        }
        first.close();
        assert.equal(near.report().drops['too_big'], 2);
        await ping('10.2.0.1', 1372, 'dont');
        // IKE goes in pieces by the same socket, whatever it did before.
        near.udp.perform({ type: 'udp.send', ...path(family), bytes: new Uint8Array(1400) }, near.deliver);
        for (let i = 0; i < 100 && !(await far.inputs()).some((input) => input.type === 'udp.received'); i++) await sleep(10);
        assert.deepEqual((await far.inputs()).flatMap((input) => (input.type === 'udp.received' ? [input.bytes.length] : [])), [1400]);
        // F-4: unless it is to stay whole; then it arrives or it does not.
        const room = NARROW - (family === 4 ? 28 : 48);
        for (const octets of [1400, room + 1, room]) near.udp.perform({ type: 'udp.send', ...path(family), bytes: new Uint8Array(octets), whole: true }, near.deliver);
        near.udp.perform({ type: 'udp.send', ...path(family), bytes: new Uint8Array(1399) }, near.deliver);
        for (let i = 0; i < 100 && (await far.inputs()).filter((input) => input.type === 'udp.received').length < 3; i++) await sleep(10);
        assert.deepEqual((await far.inputs()).flatMap((input) => (input.type === 'udp.received' ? [input.bytes.length] : [])).sort(), [room, 1399, 1400]);
        assert.equal(told().length, 1, 'nothing was too big any more');
        assert.deepEqual(near.inputs.filter((input) => input.type === 'udp.sendFailed'), []);
      }, encapsulation),
    );
  }

  for (const family of [4, 6] as const) {
    netnsTest(`ES3-4: outer IPv${family}: what ICMP says of one peer is no error of a send to another, and errors keep nobody busy`, { skip: skip() }, () =>
      withLab(family, true, async ({ near, path, told }) => {
        // Two peers that are not there: a closed port, and an address without a route.
        for (const [bundle, gone] of [[2, path(family, OUTER[family][1], 4501)], [3, path(family, OUTER[family][2])]] as const) {
          await near.obey({ op: 'sa', options: { handle: 10 + bundle, bundle, child: bundle, direction: 'out', spi: 0x5000 + bundle, keyOctet: 9, remote: [ts(`10.${bundle + 40}.0.0/16`)] } });
          await near.obey({ op: 'esp', effect: { type: 'esp.sa.use', handle: 10 + bundle } });
          await near.obey({ op: 'esp', effect: { type: 'esp.path.set', encapsulation: 'udp', bundle, path: gone, mtu: 1400 } });
        }
        const asker = await new Asker('udp4').bind('10.1.0.1');
        for (let i = 0; i < 100; i++) {
          asker.ask(i, '10.2.0.1');
          for (const bundle of [2, 3]) await near.obey({ op: 'esp', effect: { type: 'esp.dummy', bundle } });
          near.udp.perform({ type: 'udp.send', ...path(family), bytes: new Uint8Array(40) }, near.deliver);
          if (i % 10 === 0) await sleep(5);
        }
        assert.equal(await asker.until(100), 100);
        asker.close();
        assert.deepEqual(near.inputs.filter((input) => input.type === 'udp.sendFailed'), []);
        assert.equal(near.report().drops['send_failed'], undefined);
        assert.deepEqual(told(), []);
        await sleep(100);
        const before = process.cpuUsage();
        await sleep(500);
        const { user, system } = process.cpuUsage(before);
        assert.ok(user + system < 200_000, `${user + system} of 500000 us at rest`);
      }),
    );

    netnsTest(`ES3-4: outer IPv${family}: a device that is too small itself gets pieces`, { skip: skip() }, () =>
      withLab(family, true, async ({ near, told }) => {
        ip(`link set wan mtu ${NARROW}`);
        await ping('10.2.0.1', 1372, 'do');
        const asker = await new Asker('udp4').bind('10.1.0.1');
        for (let i = 0; i < 50; i++) asker.ask(i, '10.2.0.1', i % 2 === 0 ? 1350 : 100);
        assert.equal(await asker.until(50), 50);
        asker.close();
        assert.equal(near.report().drops['send_failed'], undefined);
        assert.deepEqual(told(), []);
      }),
    );
  }

  netnsTest('ES3-4: df clear: the middle cuts IPv4, and nobody is told', { skip: skip() }, () =>
    withLab(4, false, async ({ near, told }) => {
      await ping('10.2.0.1', 1372, 'do');
      await sleep(50);
      assert.deepEqual(told(), []);
      assert.equal(near.report().drops['too_big'], undefined);
    }),
  );
}
