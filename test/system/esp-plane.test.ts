// The C plane with real TUN devices and sockets: a router with two uplinks (wan, wwan) and a hub, in two namespaces.
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import { accessSync, constants } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { ip as address } from '../../src/base/index.ts';
import type { Path } from '../../src/base/index.ts';
import { connectTcp } from '../../src/adapters/node/tcp.ts';
import { ESP_SUITES, endpoint, ts } from '../esp/fixtures.ts';
import type { EspSuite } from '../esp/fixtures.ts';
import { ip, netnsTest } from '../lab/netns.ts';
import { Asker, EspEnd, FarEnd, isFarEnd } from './esp-end.ts';

const HUB = '192.0.2.1';
const LEFT = [ts('10.1.0.0/16'), ts('fd00:1::/32')];
const RIGHT = [ts('10.2.0.0/16'), ts('fd00:2::/32')];

function skip(): string | undefined {
  try {
    accessSync('/dev/net/tun', constants.R_OK | constants.W_OK);
    return undefined;
  } catch {
    return '/dev/net/tun is missing or not ours to open';
  }
}

/** One echo with this TOS or traffic class; rejects when there is no answer in a second. The plane works meanwhile: it is in this process. */
const ping = (tos: number, to: string): Promise<unknown> => promisify(execFile)('ping', ['-q', '-c', '1', '-W', '1', '-Q', String(tos), to]);

/** Why a program cannot be run here. */
function missing(program: string): string | undefined {
  return spawnSync(program, ['-V']).error === undefined ? undefined : `${program} is not installed`;
}

const indexOf = (device: string): number => Number(ip(`-o link show dev ${device}`).split(':')[0]);

/** Path of the router over wan (1) or wwan (2). */
const over = (uplink: 1 | 2): Path => ({
  uplink: uplink === 1 ? 'wan' : 'wwan', ifindex: indexOf(uplink === 1 ? 'wan' : 'wwan'), local: endpoint(`10.77.${uplink}.1`, 4500), remote: endpoint(HUB, 4500),
});

interface Lab {
  readonly near: EspEnd;
  readonly far: FarEnd;
  farIndex(device: string): Promise<number>;
  farPath(uplink: 1 | 2): Promise<Path>;
}

/** Both ends with addresses and routes: the router prefers wan, the hub has 192.0.2.1 behind both. */
async function lab(): Promise<Lab> {
  const near = new EspEnd();
  const far = await FarEnd.start();
  for (const [name, net] of [['wan', 1], ['wwan', 2]] as const) {
    ip(`link add ${name} type veth peer name ${name} netns ${far.pid}`);
    ip(`addr add 10.77.${net}.1/24 dev ${name}`);
    ip(`link set ${name} up`);
    await far.obey({ op: 'ip', line: `addr add 10.77.${net}.2/24 dev ${name}` });
    await far.obey({ op: 'ip', line: `link set ${name} up` });
    ip(`route add default via 10.77.${net}.2 dev ${name} metric ${net}`);
    // Both ways through either uplink: strict reverse path filtering would drop the second.
    for (const which of ['all', name]) {
      await near.obey({ op: 'sysctl', name: `net.ipv4.conf.${which}.rp_filter`, value: '0' });
      await far.obey({ op: 'sysctl', name: `net.ipv4.conf.${which}.rp_filter`, value: '0' });
    }
  }
  await far.obey({ op: 'ip', line: 'link set lo up' });
  await far.obey({ op: 'ip', line: `addr add ${HUB}/32 dev lo` });
  await near.obey({ op: 'udp', effect: { ports: [500, 4500], mark: 0x4d } });
  await far.obey({ op: 'udp', effect: { ports: [500, 4500], mark: 0 } });
  const farIndex = async (device: string): Promise<number> => Number(String(await far.obey({ op: 'ip', line: `-o link show dev ${device}` })).split(':')[0]);
  const farPath = async (uplink: 1 | 2): Promise<Path> => ({
    uplink: 'hub', ifindex: await farIndex(uplink === 1 ? 'wan' : 'wwan'), local: endpoint(HUB, 4500), remote: endpoint(`10.77.${uplink}.1`, 4500),
  });
  return { near, far, farIndex, farPath };
}

/** Opens TUN at both ends with one child between them, generation `n`, over wan; inner MTU as told. */
async function tunnel({ near, far, farPath }: Lab, mtu: number, more: Extras = {}): Promise<void> {
  await near.obey({ op: 'esp', effect: { type: 'tun.open', name: 'mobiked0', mtu: 1400 } });
  await far.obey({ op: 'esp', effect: { type: 'tun.open', name: 'mobiked0', mtu: 1400 } });
  for (const line of ['link set mobiked0 up', 'addr add 10.1.0.1/16 dev mobiked0', 'addr add fd00:1::1/32 dev mobiked0 nodad', 'route add 10.2.0.0/16 dev mobiked0', 'route add fd00:2::/32 dev mobiked0']) ip(line);
  for (const line of ['link set mobiked0 up', 'addr add 10.2.0.1/16 dev mobiked0', 'addr add fd00:2::1/32 dev mobiked0 nodad', 'route add 10.1.0.0/16 dev mobiked0', 'route add fd00:1::/32 dev mobiked0']) await far.obey({ op: 'ip', line });
  await generation(near, far, 1, more);
  await near.obey({ op: 'esp', effect: { type: 'esp.path.set', encapsulation: 'udp', bundle: 1, path: over(1), mtu } });
  await far.obey({ op: 'esp', effect: { type: 'esp.path.set', encapsulation: 'udp', bundle: 1, path: await farPath(1), mtu } });
}

interface Extras {
  readonly suite?: EspSuite;
  readonly copyDscp?: boolean;
}

/** SAs both ways, inbound before outbound use. */
async function generation(near: EspEnd, far: FarEnd, n: number, more: Extras = {}): Promise<void> {
  const [out, back] = [n * 2, n * 2 + 1];
  await far.obey({ op: 'sa', options: { handle: out, direction: 'in', spi: 0x1000 + n, keyOctet: out, local: RIGHT, remote: LEFT, ...more } });
  await near.obey({ op: 'sa', options: { handle: back, direction: 'in', spi: 0x2000 + n, keyOctet: back, local: LEFT, remote: RIGHT, ...more } });
  await near.obey({ op: 'sa', options: { handle: out, direction: 'out', spi: 0x1000 + n, keyOctet: out, local: LEFT, remote: RIGHT, ...more } });
  await far.obey({ op: 'sa', options: { handle: back, direction: 'out', spi: 0x2000 + n, keyOctet: back, local: RIGHT, remote: LEFT, ...more } });
  await near.obey({ op: 'esp', effect: { type: 'esp.sa.use', handle: out } });
  await far.obey({ op: 'esp', effect: { type: 'esp.sa.use', handle: back } });
}

async function withLab(body: (lab: Lab) => Promise<void>): Promise<void> {
  const made = await lab();
  await body(made);
  made.near.close();
  await made.far.kill();
}

if (!isFarEnd()) {
  netnsTest('NK-6 N-a N-b: protocol 50 over both outer families, turned to UDP and back under traffic without a packet lost', { skip: skip() }, () =>
    withLab(async (made) => {
      const { near, far } = made;
      await tunnel(made, 1400);
      for (const end of [near, far]) await end.obey({ op: 'esp', effect: { type: 'esp.open', mark: 0 } });
      assert.deepEqual(near.inputs.filter((i) => i.type === 'esp.opened').map((i) => i.family), [4, 6]);
      for (const line of ['addr add 2001:db8:1::1/64 dev wan nodad']) ip(line);
      await far.obey({ op: 'ip', line: 'addr add 2001:db8:1::2/64 dev wan nodad' });
      await far.obey({ op: 'echo', address: '10.2.0.1', port: 7000 });
      const asker = await new Asker('udp4').bind('10.1.0.1');
      const six = { ...over(1), local: endpoint('2001:db8:1::1', 4500), remote: endpoint('2001:db8:1::2', 4500) };
      const sixFar = { ...(await made.farPath(1)), local: six.remote, remote: six.local };
      const both = async (encapsulation: 'udp' | 'none', wide: boolean): Promise<void> => {
        await near.obey({ op: 'esp', effect: { type: 'esp.path.set', encapsulation, bundle: 1, path: wide ? six : over(1), mtu: 1400 } });
        await far.obey({ op: 'esp', effect: { type: 'esp.path.set', encapsulation, bundle: 1, path: wide ? sixFar : await made.farPath(1), mtu: 1400 } });
      };
      let asked = 0;
      for (const [encapsulation, wide] of [['none', false], ['udp', false], ['none', false], ['none', true], ['udp', true], ['none', true]] as const) {
        await both(encapsulation, wide);
        for (let i = 0; i < 30; i++) asker.ask(asked++, '10.2.0.1', 1300);
        assert.equal(await asker.until(asked), asked, `${encapsulation} ${wide ? 'IPv6' : 'IPv4'}`);
      }
      const inbound = near.report().bundles[0]?.inbound ?? [];
      assert.deepEqual(inbound.map((i) => `${i.remote.address} ${i.remote.port}`).sort(), ['192.0.2.1 0', '192.0.2.1 4500', '2001:db8:1::2 0', '2001:db8:1::2 4500']);
      // Every packet came once, although two raw sockets of IPv6 are open: one of them is deaf. What the kernels say of themselves has no SA.
      for (const { drops } of [near.report(), await far.report()]) assert.deepEqual(Object.keys(drops).filter((cause) => cause !== 'no_sa'), []);
      asker.close();
    }),
  );

  netnsTest('ES2-1: both families go through two TUN devices, and both ends count them', { skip: skip() }, () =>
    withLab(async (made) => {
      const { near, far } = made;
      await tunnel(made, 1400);
      for (const [family, from, to] of [['udp4', '10.1.0.1', '10.2.0.1'], ['udp6', 'fd00:1::1', 'fd00:2::1']] as const) {
        await far.obey({ op: 'echo', address: to, port: 7000 });
        const asker = await new Asker(family).bind(from);
        for (let i = 0; i < 50; i++) asker.ask(i, to, 1 + i * 25);
        assert.equal(await asker.until(50), 50);
        asker.close();
      }
      assert.deepEqual(near.inputs.filter((input) => input.type === 'esp.firstInbound'), [{ type: 'esp.firstInbound', handle: 3 }]);
      const [bundle] = near.report().bundles;
      assert.equal(bundle?.sent, 100);
      assert.deepEqual(bundle?.inbound.map(({ last, ahead, ...row }) => ({ ...row, newest: ahead === last })), [
        { ifindex: over(1).ifindex, local: over(1).local, remote: over(1).remote, packets: 100, newest: true },
      ]);
      assert.deepEqual((await far.report()).sas.map((row) => row.packets), [100, 100]);
    }),
  );

  netnsTest('ES2-1 RFC 7296 §2.8: answers under an SA that is not there yet come out of TUN, in order, when it is added', { skip: skip() }, () =>
    withLab(async (made) => {
      const { near, far } = made;
      await tunnel(made, 1400);
      await far.obey({ op: 'echo', address: '10.2.0.1', port: 7000 });
      const asker = await new Asker('udp4').bind('10.1.0.1');
      asker.ask(0, '10.2.0.1');
      assert.equal(await asker.until(1), 1);
      await far.obey({ op: 'sa', options: { handle: 5, direction: 'out', spi: 0x2002, keyOctet: 5, local: RIGHT, remote: LEFT } });
      await far.obey({ op: 'esp', effect: { type: 'esp.sa.use', handle: 5 } });
      for (let i = 1; i <= 20; i++) asker.ask(i, '10.2.0.1');
      for (let i = 0; i < 100 && near.report().drops['unknown_spi'] !== 20; i++) await sleep(10);
      assert.deepEqual([asker.answers.length, near.report().drops['unknown_spi']], [1, 20]);
      await near.obey({ op: 'sa', options: { handle: 5, direction: 'in', spi: 0x2002, keyOctet: 5, local: LEFT, remote: RIGHT } });
      const first = { type: 'esp.firstInbound', handle: 5 } as const;
      assert.equal(near.inputs.some((input) => input.type === first.type && input.handle === first.handle), false, 'not from inside esp.sa.add');
      assert.equal(await asker.until(21), 21);
      assert.deepEqual(asker.answers.map(Number), Array.from({ length: 21 }, (_, i) => i));
      assert.deepEqual(near.inputs.filter((input) => input.type === 'esp.firstInbound').at(-1), first);
      assert.equal(near.report().drops['unknown_spi'], undefined);
      assert.deepEqual(near.report().sas.find((row) => row.handle === 5)?.packets, 20);
      asker.ask(21, '10.2.0.1');
      assert.equal(await asker.until(22), 22);
      asker.close();
    }),
  );

  netnsTest('ES2-1: every suite carries packets of every size, and a change of suite in a rekeying loses nothing', { skip: skip() }, () =>
    withLab(async (made) => {
      const { near, far } = made;
      await tunnel(made, 1400);
      await far.obey({ op: 'echo', address: '10.2.0.1', port: 7000 });
      const asker = await new Asker('udp4').bind('10.1.0.1');
      let asked = 0;
      for (const [i, suite] of ESP_SUITES.entries()) {
        await generation(near, far, 2 + i, { suite });
        for (let size = 4; size < 1372; size += 57) asker.ask(asked++, '10.2.0.1', size);
        assert.equal(await asker.until(asked), asked, suite.name);
      }
      asker.close();
      const { no_sa: _, ...drops } = (await far.report()).drops; // the kernel's own multicast has no SA
      assert.deepEqual(drops, {});
      assert.deepEqual(near.report().sas.slice(2).map((row) => row.packets), ESP_SUITES.flatMap(() => [24, 24]));
    }),
  );

  for (const copyDscp of [false, true]) {
    const title = `ES3-4 RFC 6040: inner ECN is seen outside, CE set on the way is seen inside, DSCP ${copyDscp ? 'copied by option' : 'not copied'}`;
    netnsTest(title, { skip: skip() ?? missing('nft') ?? missing('ping') }, () =>
      withLab(async (made) => {
        const { near, far, farPath } = made;
        await tunnel(made, 1400, { copyDscp });
        for (const line of [
          'add table inet t', 'add chain inet t in { type filter hook prerouting priority -300 ; }',
          ...[0, 1, 2, 3].map((ecn) => `add rule inet t in iifname wan udp dport 4500 @nh,14,2 ${ecn} counter comment "outer${ecn}"`),
          ...[0, 1, 2, 3].map((ecn) => `add rule inet t in iifname mobiked0 ip ecn ${ecn} counter comment "inner${ecn}"`),
          'add rule inet t in iifname wan udp dport 4500 ip dscp 46 counter comment "outerEf"',
          'add rule inet t in iifname mobiked0 ip dscp 46 counter comment "innerEf"',
        ]) await far.obey({ op: 'nft', line });
        const counts = async (): Promise<{ [name: string]: number }> => {
          const lines = String(await far.obey({ op: 'nft', line: 'list chain inet t in' })).split('\n');
          const rows = lines.flatMap((line) => {
            const name = line.split('comment "')[1]?.split('"')[0];
            return name === undefined ? [] : [[name, Number(line.split('packets ')[1]?.split(' ')[0])] as const];
          });
          return Object.fromEntries(rows.filter(([, packets]) => packets > 0));
        };
        // EF with ECT(0), ECT(1), Not-ECT and CE: TOS 0xba, 0xb9, 0xb8, 0xbb.
        for (const tos of [0xba, 0xb9, 0xb8, 0xbb]) await ping(tos, '10.2.0.1');
        const each = { outer0: 1, outer1: 1, outer2: 1, outer3: 1, inner0: 1, inner1: 1, inner2: 1, inner3: 1, innerEf: 4 };
        assert.deepEqual(await counts(), copyDscp ? { ...each, outerEf: 4 } : each);
        // A router on the way says "congestion": ECT packets tell it inside, those without ECN are dropped.
        await far.obey({ op: 'nft', line: 'flush chain inet t in' });
        await far.obey({ op: 'nft', line: 'add rule inet t in iifname wan udp dport 4500 ip ecn set ce' });
        await far.obey({ op: 'nft', line: 'add rule inet t in iifname mobiked0 ip ecn ce counter comment "innerCe"' });
        await ping(0x02, '10.2.0.1');
        await assert.rejects(ping(0x00, '10.2.0.1'));
        assert.deepEqual(await counts(), { innerCe: 1 });
        assert.equal((await far.report()).drops['ecn'], 1);
        // IPv6 has its class elsewhere, outside and inside.
        ip('addr add fd77::1/64 dev wan nodad');
        await far.obey({ op: 'ip', line: 'addr add fd77::2/64 dev wan nodad' });
        const [here, there] = [endpoint('fd77::1', 4500), endpoint('fd77::2', 4500)];
        await near.obey({ op: 'esp', effect: { type: 'esp.path.set', encapsulation: 'udp', bundle: 1, path: { ...over(1), local: here, remote: there }, mtu: 1400 } });
        await far.obey({ op: 'esp', effect: { type: 'esp.path.set', encapsulation: 'udp', bundle: 1, path: { ...(await farPath(1)), local: there, remote: here }, mtu: 1400 } });
        await far.obey({ op: 'nft', line: 'flush chain inet t in' });
        for (const line of ['iifname wan udp dport 4500 ip6 ecn 2 counter comment "outer2"', 'iifname mobiked0 ip6 ecn 2 counter comment "inner2"']) await far.obey({ op: 'nft', line: `add rule inet t in ${line}` });
        await ping(0xba, 'fd00:2::1');
        assert.deepEqual(await counts(), { outer2: 1, inner2: 1 });
        for (const line of ['iifname wan udp dport 4500 ip6 ecn set ce', 'iifname mobiked0 ip6 ecn ce counter comment "innerCe"']) await far.obey({ op: 'nft', line: `add rule inet t in ${line}` });
        await ping(0x02, 'fd00:2::1');
        assert.equal((await counts())['innerCe'], 1);
      }),
    );
  }

  netnsTest('K-7 K-8: the path decides the device whatever the routing table prefers; a planned move loses nothing', { skip: skip() }, () =>
    withLab(async (made) => {
      const { near, far, farIndex, farPath } = made;
      await tunnel(made, 1400);
      await far.obey({ op: 'echo', address: '10.2.0.1', port: 7000 });
      const asker = await new Asker('udp4').bind('10.1.0.1');
      for (let i = 0; i < 300; i++) {
        asker.ask(i, '10.2.0.1');
        await sleep(2);
        if (i === 100) await near.obey({ op: 'esp', effect: { type: 'esp.path.set', encapsulation: 'udp', bundle: 1, path: over(2), mtu: 1400 } });
        if (i === 120) await far.obey({ op: 'esp', effect: { type: 'esp.path.set', encapsulation: 'udp', bundle: 1, path: await farPath(2), mtu: 1400 } });
        if (i === 200) await generation(near, far, 2);
        if (i === 250) for (const end of [near, far]) for (const handle of [2, 3]) await end.obey({ op: 'esp', effect: { type: 'esp.sa.remove', handle } });
      }
      assert.equal(await asker.until(300), 300, 'no packet lost over move and rekeying');
      asker.close();
      const inbound = (await far.report()).bundles[0]?.inbound ?? [];
      assert.deepEqual(inbound.map((row) => [row.ifindex, row.remote.address]), [[await farIndex('wan'), '10.77.1.1'], [await farIndex('wwan'), '10.77.2.1']]);
      assert.ok((inbound[0]?.packets ?? 0) >= 100 && (inbound[1]?.packets ?? 0) >= 100);
      assert.deepEqual((await far.inputs()).filter((input) => input.type === 'esp.firstInbound'), [2, 4].map((handle) => ({ type: 'esp.firstInbound', handle })));
    }),
  );

  netnsTest('RFC 7296 §2.11: IKE datagrams too leave through the device and from the address asked for', { skip: skip() }, () =>
    withLab(async ({ near, far, farIndex }) => {
      for (const uplink of [2, 1] as const) {
        for (const port of [500, 4500]) {
          near.udp.perform(
            { type: 'udp.send', ifindex: over(uplink).ifindex, local: endpoint(`10.77.${uplink}.1`, port), remote: endpoint(HUB, port), bytes: new Uint8Array(1800) },
            near.deliver,
          );
        }
      }
      let got = [] as Awaited<ReturnType<FarEnd['inputs']>>;
      for (let i = 0; i < 100 && got.length < 4; i++) {
        await sleep(10);
        got = (await far.inputs()).filter((input) => input.type === 'udp.received');
      }
      // 1,800 octets: outer packets may be fragmented.
      assert.deepEqual(
        got.map((input) => (input.type === 'udp.received' ? [input.ifindex, input.remote.address, input.local.port, input.bytes.length] : [])).sort(),
        [[await farIndex('wan'), '10.77.1.1', 4500, 1800], [await farIndex('wan'), '10.77.1.1', 500, 1800], [await farIndex('wwan'), '10.77.2.1', 4500, 1800], [await farIndex('wwan'), '10.77.2.1', 500, 1800]].sort(),
      );
      ip('link set wwan down');
      near.inputs.length = 0;
      near.udp.perform({ type: 'udp.send', ifindex: indexOf('wwan'), local: endpoint('10.77.2.1', 500), remote: endpoint(HUB, 500), bytes: new Uint8Array(8) }, near.deliver);
      assert.deepEqual(near.inputs.map((input) => input.type), ['udp.sendFailed'], 'a device that is down refuses at once');
    }),
  );

  netnsTest('TCP goes through the device it is bound to, not the preferred one', { skip: skip() }, () =>
    withLab(async ({ near, far }) => {
      await far.obey({ op: 'mirror', address: HUB, port: 1883 });
      for (const [device, expected] of [['wwan', '10.77.2.1'], ['wan', '10.77.1.1']] as const) {
        const socket = await connectTcp(near.native, { address: address(HUB), port: 1883, ifindex: indexOf(device), mark: 0x4d, userTimeoutMs: 3000 });
        let seen = '';
        for await (const chunk of socket.setEncoding('utf8')) seen += String(chunk);
        assert.equal(seen, expected);
      }
    }),
  );

  netnsTest('F-4 ES3-4: a sender with DF learns the inner MTU from the plane', { skip: skip() }, () =>
    withLab(async (made) => {
      const { far, near } = made;
      await tunnel(made, 1300);
      for (const [family, from, to] of [['udp4', '10.1.0.1', '10.2.0.1'], ['udp6', 'fd00:1::1', 'fd00:2::1']] as const) {
        await far.obey({ op: 'echo', address: to, port: 7000 });
        const asker = await new Asker(family).bind(from);
        asker.ask(1, to, 1330);
        await sleep(100);
        assert.ok(ip(`route get ${to} from ${from}`).includes('mtu 1300'), ip(`route get ${to} from ${from}`));
        asker.ask(2, to, 1330); // arrives in fragments; the echo is the far end's lesson
        await sleep(100);
        asker.ask(3, to, 1330);
        assert.equal(await asker.until(1), 1);
        assert.deepEqual(asker.answers, ['0003']);
        asker.close();
      }
      assert.deepEqual([near.report().drops['too_big'], (await far.report()).drops['too_big']], [2, 2]);
    }),
  );

  netnsTest('ES3-5: while no path is set nothing leaves, and sending dead is told', { skip: skip() }, () =>
    withLab(async (made) => {
      const { near, far } = made;
      await tunnel(made, 1400);
      await far.obey({ op: 'echo', address: '10.2.0.1', port: 7000 });
      const asker = await new Asker('udp4').bind('10.1.0.1');
      await near.obey({ op: 'esp', effect: { type: 'esp.path.set', encapsulation: 'udp', bundle: 1, path: undefined, mtu: 1400 } });
      asker.ask(1, '10.2.0.1');
      await sleep(100);
      assert.equal(near.report().drops['no_path'], 1);
      await near.obey({ op: 'esp', effect: { type: 'esp.path.set', encapsulation: 'udp', bundle: 1, path: over(2), mtu: 1400 } });
      await near.obey({ op: 'esp', effect: { type: 'esp.dummy', bundle: 1 } });
      await sleep(50);
      const inbound = (await far.report()).bundles[0]?.inbound ?? [];
      assert.deepEqual(inbound.map((row) => [row.remote.address, row.packets]), [['10.77.2.1', 1]], 'F-1: the dummy opened the path');
      ip('link set wwan down');
      near.inputs.length = 0;
      for (let i = 0; i < 5; i++) asker.ask(2, '10.2.0.1');
      await sleep(100);
      assert.deepEqual(near.inputs.map((input) => input.type), ['udp.sendFailed'], 'once, not per packet');
      assert.ok((near.report().drops['send_failed'] ?? 0) >= 5);
      asker.close();
    }),
  );

  netnsTest('TUN: busy name, device deleted under us, and a device left by kill -9 that is taken over, routes and all', { skip: skip() }, () =>
    withLab(async ({ near, far }) => {
      await near.obey({ op: 'esp', effect: { type: 'tun.open', name: 'mobiked0', mtu: 1380 } });
      assert.ok(ip('link show dev mobiked0').includes('mtu 1380'));
      assert.deepEqual(near.inputs.filter((input) => input.type === 'tun.opened'), [{ type: 'tun.opened', name: 'mobiked0', ifindex: indexOf('mobiked0') }]);
      const other = new EspEnd();
      await other.obey({ op: 'esp', effect: { type: 'tun.open', name: 'mobiked0', mtu: 1400 } });
      assert.deepEqual(other.inputs, [{ type: 'tun.failed', name: 'mobiked0', errno: 16 }]);
      other.close();
      ip('link set mobiked0 up');
      ip('link del mobiked0');
      for (let i = 0; i < 100 && !near.inputs.some((input) => input.type === 'tun.failed'); i++) await sleep(10);
      assert.deepEqual(near.inputs.filter((input) => input.type === 'tun.failed').length, 1);
      await near.obey({ op: 'esp', effect: { type: 'tun.open', name: 'mobiked0', mtu: 1400 } });
      assert.ok(ip('link show dev mobiked0').includes('mtu 1400'), 'opened again');
      await near.obey({ op: 'esp', effect: { type: 'tun.close' } });
      assert.throws(() => ip('link show dev mobiked0'));

      const doomed = await FarEnd.start('here');
      await doomed.obey({ op: 'esp', effect: { type: 'tun.open', name: 'mobiked0', mtu: 1400 } });
      assert.ok(indexOf('mobiked0') > 0);
      const index = indexOf('mobiked0');
      ip('link set mobiked0 up');
      ip('route add 198.51.100.0/24 dev mobiked0');
      await doomed.kill();
      assert.ok(ip('link show dev mobiked0').includes('NO-CARRIER'), 'it stays, and swallows');
      assert.ok(ip('route show 198.51.100.0/24').includes('mobiked0'));
      const heir = await FarEnd.start('here');
      await heir.obey({ op: 'esp', effect: { type: 'tun.open', name: 'mobiked0', mtu: 1300 } });
      assert.equal(indexOf('mobiked0'), index);
      assert.ok(!ip('link show dev mobiked0').includes('NO-CARRIER'));
      await heir.obey({ op: 'esp', effect: { type: 'tun.close' } });
      assert.throws(() => ip('link show dev mobiked0'), new RegExp('does not exist'));
      await heir.kill();
      await far.obey({ op: 'inputs' });
    }),
  );
}
