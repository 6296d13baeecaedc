import { test } from 'node:test';
import assert from 'node:assert/strict';
import { err, instant, ip, millis, Secret, type Path, type UplinkFacts } from '../../src/base/index.ts';
import type { TrafficSelector } from '../../src/codec/ike/index.ts';
import { loadConfig } from '../../src/config/index.ts';
import { Dataplane } from '../../src/daemon/dataplane.ts';
import type { EspReport, EspSa, InputOf } from '../../src/ports/index.ts';
import { FakeKernel } from '../sim/index.ts';
import { TestTurn } from './turn.ts';

const TEXT = `config mobiked 'main'
config connection 'hq'
 list remote_addrs '192.0.2.1'
 option local_id 'a'
 option remote_id 'b'
 option psk 'a key of the tests, long enough'
config child 'lan'
 option connection 'hq'
 list local_ts '10.1.0.0/24'
 list remote_ts '10.2.0.0/24'
`;
const config = (text = TEXT): TestTurn['config'] => loadConfig(text, 'test', () => err('none')).config;
const selector = (start: string, end: string): TrafficSelector => ({ protocol: 0, startPort: 0, endPort: 65535, start: ip(start), end: ip(end) });
const LOCAL = [selector('10.1.0.0', '10.1.0.255')];
const REMOTE = [selector('10.2.0.0', '10.2.0.255')];
const PATH: Path = { uplink: 'wan', ifindex: 2, local: { address: ip('198.51.100.2'), port: 4500 }, remote: { address: ip('192.0.2.1'), port: 4500 } };
const WAN: UplinkFacts = { name: 'wan', device: 'wan0', ifindex: 2, up: true, downReason: undefined, mtu: 1500, addresses: [PATH.local.address], families: [4], metric: 1, metered: false, dnsServers: [] };

/** The part, its turn and a kernel that does what it is asked to. */
class Rig {
  readonly plane = new Dataplane();
  readonly turn = new TestTurn();
  readonly kernel = new FakeKernel();

  constructor(text?: string) {
    this.turn.config = config(text);
    this.kernel.addAddress(this.kernel.addLink('wan0'), PATH.local.address, 24);
    this.kernel.addAddress(this.kernel.addLink('br-lan'), ip('10.1.0.1'), 24);
    this.kernel.watch((input) => this.plane.onKernel(input, this.turn));
    this.plane.open(this.turn);
    this.plane.setFacts([WAN], [], this.turn);
  }

  /** Answers `tun.open` as the kernel would. */
  tun(): this {
    const [open] = this.turn.take('tun.open');
    assert.ok(open, 'tun.open');
    this.plane.onTun({ type: 'tun.opened', name: open.name, ifindex: this.kernel.addLink(open.name, { tun: true, up: false, mtu: open.mtu }) }, this.turn);
    return this;
  }

  established(): this {
    this.plane.onIke({ type: 'ike.established', chain: 1, connection: 'hq', role: 'initiator', path: PATH, peer: 'b', mobike: true, took: millis(1) }, this.turn);
    this.plane.onIke({ type: 'child.established', chain: 1, connection: 'hq', child: 'lan', local: LOCAL, remote: REMOTE }, this.turn);
    return this;
  }

  /** Performs `kernel.apply` and lets time pass until nothing is asked for any more. */
  settle(limit = 1000): this {
    const end = this.turn.now + limit;
    for (;;) {
      for (const effect of this.turn.take('kernel.apply')) this.plane.onKernel({ type: 'kernel.applied', opId: effect.opId, failures: this.kernel.apply(effect.ops) }, this.turn);
      const next = this.plane.deadline;
      if (this.turn.effects.length > 0) continue;
      if (next === undefined || next > end) return this;
      this.turn.now = instant(Math.max(next, this.turn.now));
      this.plane.tick(this.turn);
    }
  }

  routes(): string[] {
    return this.kernel.dump().split('\n').filter((l) => l.includes('proto mobiked'));
  }
}

const UNREACHABLE = 'route 10.2.0.0/24 unreachable metric 2000000 proto mobiked';
const THROUGH = 'route 10.2.0.0/24 dev mobiked0 metric 7 src 10.1.0.1 proto mobiked';

test('what a child protects is blocked from the start, goes through the TUN while the child is up, and is blocked again after', () => {
  const rig = new Rig().tun().settle();
  assert.deepEqual(rig.routes(), [UNREACHABLE]);
  rig.established().settle();
  assert.deepEqual(rig.routes(), [THROUGH, UNREACHABLE]);
  assert.equal(rig.kernel.linkNamed('mobiked0')?.up, true);
  assert.equal(rig.plane.isChildUp('hq', 'lan'), true);
  rig.plane.onIke({ type: 'ike.closed', chain: 1, connection: 'hq', reason: 'peer_dead', detail: '' }, rig.turn);
  assert.deepEqual(rig.turn.effects.filter((e) => e.type === 'esp.path.set').map((e) => e.type === 'esp.path.set' && e.path), [undefined]);
  rig.settle();
  assert.deepEqual(rig.routes(), [UNREACHABLE]);
});

test('an SA that takes over within one turn leaves the routes alone', () => {
  const rig = new Rig().tun().established().settle();
  rig.plane.onIke({ type: 'ike.closed', chain: 1, connection: 'hq', reason: 'replaced', detail: '' }, rig.turn);
  rig.plane.onIke({ type: 'ike.established', chain: 2, connection: 'hq', role: 'initiator', path: PATH, peer: 'b', mobike: true, took: millis(1) }, rig.turn);
  rig.plane.onIke({ type: 'child.established', chain: 2, connection: 'hq', child: 'lan', local: LOCAL, remote: REMOTE }, rig.turn);
  const asked = rig.turn.take('kernel.apply').length;
  rig.plane.tick(rig.turn);
  assert.equal(asked + rig.turn.take('kernel.apply').length, 0);
});

test('a name that is taken: the next one; all taken: told once, tried again', () => {
  const rig = new Rig();
  const fail = (errno: number): void => {
    const [open] = rig.turn.take('tun.open');
    rig.plane.onTun({ type: 'tun.failed', name: open?.name ?? '', errno }, rig.turn);
  };
  fail(16);
  assert.equal(rig.plane.tunName, 'mobiked1');
  fail(2);
  assert.match(rig.plane.problem ?? '', /kmod-tun/);
  assert.equal(rig.turn.events.filter((e) => e.type === 'kernel.failed').length, 1);
  for (let i = 0; i < 3; i++) {
    rig.turn.effects = [];
    for (let next = rig.plane.deadline; next !== undefined && !rig.turn.effects.some((e) => e.type === 'tun.open'); next = rig.plane.deadline) {
      rig.turn.now = next;
      rig.plane.tick(rig.turn);
    }
    fail(2);
  }
  assert.equal(rig.turn.events.filter((e) => e.type === 'kernel.failed').length, 1);
});

test('F-1: the path of a chain is told to the plane, a dummy after it when it is ours to open', () => {
  const rig = new Rig().tun().established();
  rig.turn.effects = [];
  rig.plane.setPath(1, PATH, 'udp', true, rig.turn);
  assert.deepEqual(rig.turn.effects.map((e) => e.type), ['esp.path.set', 'esp.dummy']);
  rig.turn.effects = [];
  rig.plane.setPath(1, PATH, 'udp', false, rig.turn);
  assert.deepEqual(rig.turn.effects.map((e) => e.type), ['esp.path.set']);
});

test('the MTU follows the worst uplink that is up, and a configured one when that is less', () => {
  const mtuOf = (rig: Rig): number => rig.kernel.linkNamed('mobiked0')?.mtu ?? 0;
  const rig = new Rig().tun().established().settle();
  const wide = mtuOf(rig);
  rig.plane.setFacts([WAN, { ...WAN, name: 'lte', ifindex: 9, mtu: 1400 }], [], rig.turn);
  rig.settle();
  assert.equal(mtuOf(rig), wide - 100);
  rig.plane.setFacts([WAN, { ...WAN, name: 'lte', ifindex: 9, mtu: 1400, up: false }], [], rig.turn);
  rig.settle();
  assert.equal(mtuOf(rig), wide);
  assert.equal(mtuOf(new Rig(TEXT.replace(" option local_id 'a'", " option local_id 'a'\n option mtu '1280'")).tun().settle()), 1280);
});

test('ES3-4: a too big lowers the inner MTU of that path alone, ten minutes long; said once a change', () => {
  const rig = new Rig().tun().established().settle();
  const lte: Path = { uplink: 'lte', ifindex: 9, local: { address: ip('100.64.0.2'), port: 4500 }, remote: PATH.remote };
  rig.plane.setPath(1, PATH, 'udp', false, rig.turn);
  rig.turn.lines = [];
  const sets = (): string[] => rig.turn.take('esp.path.set').map((e) => `${e.bundle} ${e.path?.uplink} ${e.mtu}`);
  const told = (mtu: number, path = PATH, bundle = 1): string[] => {
    rig.turn.effects = [];
    rig.plane.onTooBig({ type: 'esp.tooBig', bundle, local: path.local, remote: path.remote, mtu }, rig.turn);
    return sets();
  };
  assert.deepEqual(told(1300), ['1 wan 1238'], '1300 - 20 IP - 8 UDP - 8 ESP - 8 IV - 16 ICV - 2 trailer, down to whole blocks');
  assert.deepEqual([told(1300), told(1400), told(9000)], [[], [], []], 'no news');
  assert.deepEqual([told(1000, lte), told(1000, PATH, 2), told(1000, { ...PATH, remote: { ...PATH.remote, port: 4501 } })], [[], [], []], 'not the path in use');
  assert.deepEqual([told(575), told(100)], [[], []], 'below what any path carries');
  assert.deepEqual(rig.turn.lines, [
    'info: wan 198.51.100.2:4500 -> 192.0.2.1:4500: a router carries packets of 1300 octets and no more: 1238 inside, for the next 10 minutes',
    'info: wan 198.51.100.2:4500 -> 192.0.2.1:4500: a router says that it carries packets of 575 octets only, which no path may; ignored',
  ]);
  assert.equal(rig.settle().kernel.linkNamed('mobiked0')?.mtu, 1438, 'nothing else is lowered');
  rig.plane.setPath(1, lte, 'udp', false, rig.turn);
  assert.deepEqual(sets(), ['1 lte 1438']);
  rig.plane.setPath(1, PATH, 'udp', false, rig.turn);
  assert.deepEqual(sets(), ['1 wan 1238'], 'known still');
  // Another cipher leaves less room, on this path too.
  const cbc: EspSa = {
    handle: 1, bundle: 1, child: 1, direction: 'out', spi: 256 as EspSa['spi'], cipher: 'aes-cbc', key: new Secret(new Uint8Array(32)),
    integ: { name: 'hmac-sha256-128', key: new Secret(new Uint8Array(32)) }, esn: true, local: LOCAL, remote: REMOTE,
  };
  rig.plane.addSa(cbc, rig.turn);
  assert.equal(sets().at(-1), '1 wan 1230');
  // Ten minutes after the last word.
  const end = rig.turn.now + 600_000;
  const until = (at: number): string[] => {
    const seen: string[] = [];
    for (let next = rig.plane.deadline; next !== undefined && next <= at; next = rig.plane.deadline) {
      rig.turn.now = instant(Math.max(next, rig.turn.now));
      rig.plane.tick(rig.turn);
      for (const effect of rig.turn.effects) {
        if (effect.type === 'kernel.apply') rig.plane.onKernel({ type: 'kernel.applied', opId: effect.opId, failures: rig.kernel.apply(effect.ops) }, rig.turn);
        if (effect.type === 'esp.path.set') seen.push(`${effect.bundle} ${effect.mtu}`);
      }
      rig.turn.effects = [];
    }
    return seen;
  };
  assert.deepEqual(until(end - 2000), []);
  assert.deepEqual(until(end), ['1 1422']);
  assert.equal(rig.turn.lines.at(-1), 'info: wan 198.51.100.2:4500 -> 192.0.2.1:4500: larger packets are tried again');
  assert.deepEqual(told(500 + 1000), [], 'the device carries that anyway');
  assert.equal(rig.turn.lines.length, 3);
});

test('ES3-4: over IPv6 a path has 1280 at least, and a configured MTU stays the most', () => {
  const rig = new Rig(TEXT.replace(" option local_id 'a'", " option local_id 'a'\n option mtu '1280'")).tun().established().settle();
  const six: Path = { ...PATH, local: { address: ip('2001:db8::2'), port: 4500 }, remote: { address: ip('2001:db8::1'), port: 4500 } };
  rig.plane.setPath(1, six, 'udp', false, rig.turn);
  const told = (mtu: number): number[] => {
    rig.turn.effects = [];
    rig.plane.onTooBig({ type: 'esp.tooBig', bundle: 1, local: six.local, remote: six.remote, mtu }, rig.turn);
    return rig.turn.take('esp.path.set').map((e) => e.mtu);
  };
  assert.deepEqual([told(1400), told(1279), told(1280)], [[], [], [1198]]);
});

test('ES3-4 D5.5.2-3: without UDP the ports of a router\'s word are none, and its path carries eight octets more inside', () => {
  const rig = new Rig().tun().established().settle();
  rig.plane.setPath(1, PATH, 'none', false, rig.turn);
  const told = (encapsulation: 'udp' | 'none', port: number): (number | string)[] => {
    rig.plane.setPath(1, PATH, encapsulation, false, rig.turn);
    rig.turn.effects = [];
    rig.plane.onTooBig({ type: 'esp.tooBig', bundle: 1, local: { ...PATH.local, port }, remote: { ...PATH.remote, port }, mtu: 1400 }, rig.turn);
    return rig.turn.take('esp.path.set').flatMap((e) => [e.encapsulation, e.mtu]);
  };
  assert.deepEqual(told('none', 0), ['none', 1346]);
  rig.plane.setPath(1, PATH, 'udp', false, rig.turn);
  assert.equal(rig.turn.take('esp.path.set').at(-1)?.mtu, 1338, 'known of the path, whatever the form');
});

test('D5.5.2-3: ESP without UDP is inbound traffic of the path when its addresses are, and of no other', () => {
  const rig = new Rig().tun().established();
  rig.plane.setPath(1, PATH, 'none', false, rig.turn);
  const seen = (local: string, port: number): number | undefined => {
    const inbound = [{ ifindex: 2, local: { address: ip(local), port }, remote: { ...PATH.remote, port }, packets: 1, last: instant(500), ahead: instant(500) }];
    return rig.plane.onPolled({ sas: [], drops: {}, bundles: [{ bundle: 1, sent: 0, lastSent: undefined, lastAny: undefined, inbound }] }, rig.turn)[0]?.lastInbound;
  };
  assert.deepEqual([seen('198.51.100.2', 0), seen('198.51.100.2', 4500), seen('198.51.100.2', 4501), seen('198.51.100.3', 0)], [500, 500, undefined, undefined]);
});

function report(sent: number | undefined, inbound: number | undefined): EspReport {
  return {
    sas: [], drops: {},
    bundles: [{
      bundle: 1, sent: 1, lastSent: sent === undefined ? undefined : instant(sent), lastAny: undefined,
      inbound: inbound === undefined ? [] : [{ ifindex: 2, local: PATH.local, remote: PATH.remote, packets: 1, last: instant(inbound), ahead: instant(inbound) }],
    }],
  };
}

test('polls come every 200 ms while traffic flows and every second while none does; one at a time', () => {
  const rig = new Rig().tun().established().settle(0);
  rig.plane.setPath(1, PATH, 'udp', false, rig.turn);
  const nextPoll = (): number => {
    for (;;) {
      const next = rig.plane.deadline;
      if (next === undefined) assert.fail('no poll is due');
      rig.turn.now = instant(Math.max(next, rig.turn.now));
      rig.turn.effects = [];
      rig.plane.tick(rig.turn);
      if (rig.turn.effects.some((e) => e.type === 'esp.poll')) return rig.turn.now;
    }
  };
  let last = nextPoll();
  const pace = (sent: number | undefined): number => {
    rig.plane.onPolled(report(sent, undefined), rig.turn);
    const at = nextPoll();
    const gap = at - last;
    last = at;
    return gap;
  };
  assert.equal(pace(undefined), 1000);
  assert.equal(pace(last), 200);
  assert.equal(pace(undefined), 200, 'for a while after');
  for (let i = 0; i < 30; i++) pace(undefined);
  assert.equal(pace(undefined), 1000);
  // Unanswered: no second one.
  rig.turn.now = instant(last + 10_000);
  rig.turn.effects = [];
  rig.plane.tick(rig.turn);
  assert.equal(rig.turn.take('esp.poll').length, 0);
});

test('D5.5.2-3: only what came on the path in use counts as inbound', () => {
  const rig = new Rig().tun().established();
  rig.plane.setPath(1, PATH, 'udp', false, rig.turn);
  assert.equal(rig.plane.onPolled(report(undefined, 77), rig.turn)[0]?.lastInbound, 77);
  rig.plane.setPath(1, { ...PATH, local: { address: ip('100.64.0.2'), port: 4500 } }, 'udp', false, rig.turn);
  assert.equal(rig.plane.onPolled(report(undefined, 77), rig.turn)[0]?.lastInbound, undefined);
});

test('a device that was made anew has another index: the latest packet on the endpoints counts', () => {
  const rig = new Rig().tun().established();
  rig.plane.setPath(1, { ...PATH, ifindex: 9 }, 'udp', false, rig.turn);
  const old = report(undefined, 50);
  const [bundle] = old.bundles;
  assert.ok(bundle);
  const both: EspReport = { ...old, bundles: [{ ...bundle, inbound: [...bundle.inbound, { ifindex: 9, local: PATH.local, remote: PATH.remote, packets: 1, last: instant(99), ahead: instant(99) }] }] };
  assert.equal(rig.plane.onPolled(both, rig.turn)[0]?.lastInbound, 99);
});

test('one request to the kernel at a time; a refused one is told once and tried again after 5 s', () => {
  const rig = new Rig().tun();
  rig.kernel.refuse = (op) => (op.op === 'route.add' ? 1 : undefined);
  rig.settle(4000);
  assert.equal(rig.turn.events.filter((e) => e.type === 'kernel.failed').length, 1);
  rig.kernel.refuse = () => undefined;
  assert.deepEqual(rig.routes(), []);
  rig.settle(6000);
  assert.deepEqual(rig.routes(), [UNREACHABLE]);
  // While one is under way no other is asked for.
  rig.established();
  rig.plane.tick(rig.turn);
  rig.plane.setFacts([WAN], [], rig.turn);
  assert.equal(rig.turn.take('kernel.apply').length, 1);
  rig.plane.setFacts([WAN], [ip('10.2.0.7')], rig.turn);
  assert.equal(rig.turn.take('kernel.apply').length, 0);
});

test('a late answer of another request is ignored', () => {
  const rig = new Rig().tun();
  const [asked] = rig.turn.take('kernel.apply');
  assert.ok(asked);
  const stale: InputOf<'kernel.applied'> = { type: 'kernel.applied', opId: asked.opId + 100, failures: [] };
  rig.plane.onKernel(stale, rig.turn);
  rig.plane.plan(rig.turn);
  assert.equal(rig.turn.take('kernel.apply').length, 0, 'still waiting for its own');
});

test('a clean stop removes every route; block_on_stop keeps what blocks', () => {
  for (const block of [false, true]) {
    const rig = new Rig(block ? TEXT.replace(" option local_id 'a'", " option local_id 'a'\n option block_on_stop '1'") : TEXT).tun().established().settle();
    rig.plane.stop(rig.turn);
    rig.settle();
    assert.equal(rig.plane.stopped, true);
    assert.deepEqual(rig.routes(), block ? [UNREACHABLE] : []);
  }
});

const VIP_TEXT = TEXT.replace(" option local_id 'a'", " option local_id 'a'\n list request_vip 'ipv4'").replace(" list local_ts '10.1.0.0/24'\n", '');
const VIP = ip('10.99.0.2');
const withVip = (rig: Rig, chain: number, address = VIP): Rig => {
  const host = selector(address, address);
  rig.plane.onIke({ type: 'ike.established', chain, connection: 'hq', role: 'initiator', path: PATH, peer: 'b', mobike: true, took: millis(1) }, rig.turn);
  rig.plane.onIke({ type: 'vip.assigned', chain, connection: 'hq', addresses: [address], dns: [] }, rig.turn);
  rig.plane.onIke({ type: 'child.established', chain, connection: 'hq', child: 'lan', local: [host], remote: REMOTE }, rig.turn);
  return rig;
};
const held = (rig: Rig): string[] => rig.kernel.dump().split('\n').filter((l) => l.includes('mobiked0') && !l.startsWith('link'));
const SOURCED = 'route 10.2.0.0/24 dev mobiked0 metric 7 src 10.99.0.2 proto mobiked';

test('I2.19-2: a virtual address is on the TUN device and the source of its routes, through a loss and a new login', () => {
  const rig = withVip(new Rig(VIP_TEXT).tun().settle(), 1).settle();
  assert.deepEqual(held(rig), ['address 10.99.0.2/32 dev mobiked0', SOURCED]);
  rig.plane.onIke({ type: 'ike.closed', chain: 1, connection: 'hq', reason: 'peer_dead', detail: '' }, rig.turn);
  rig.settle();
  assert.deepEqual(held(rig), ['address 10.99.0.2/32 dev mobiked0'], 'the address stays, the route into the tunnel goes');
  withVip(rig, 2).settle();
  assert.ok(held(rig).includes(SOURCED));
  assert.equal(rig.plane.virtual('hq').addresses[0], VIP);
});

test('I2.19-2: another address takes the place of the first; a connection that is taken down has none', () => {
  const rig = withVip(new Rig(VIP_TEXT).tun().settle(), 1).settle();
  withVip(rig, 2, ip('10.99.0.9')).settle(2000);
  assert.ok(held(rig).includes('route 10.2.0.0/24 dev mobiked0 metric 7 src 10.99.0.9 proto mobiked'), held(rig).join('\n'));
  rig.plane.onIke({ type: 'ike.closed', chain: 1, connection: 'hq', reason: 'replaced', detail: '' }, rig.turn);
  rig.settle(2000);
  assert.ok(!rig.kernel.dump().includes('10.99.0.2'));
  rig.plane.forget('hq', rig.turn);
  rig.settle(2000);
  assert.ok(!rig.kernel.dump().includes('10.99.0.'), rig.kernel.dump());
});

test('I2.19-2: what a killed daemon left on the device stays until the hub has spoken', () => {
  const rig = new Rig(VIP_TEXT).tun();
  const left = ip('10.99.0.77');
  rig.kernel.addAddress(rig.kernel.linkNamed('mobiked0')?.ifindex ?? 0, left, 32);
  rig.settle(2000);
  assert.ok(rig.kernel.owner(left) !== undefined);
  withVip(rig, 1).settle(2000);
  assert.equal(rig.kernel.owner(left), undefined);
  assert.ok(held(rig).includes(SOURCED));
});

test('an address that the kernel refuses is no source of a route, and nothing waits for it', () => {
  const rig = new Rig(VIP_TEXT).tun().settle();
  rig.kernel.refuse = (op) => (op.op === 'address.add' ? 1 : undefined);
  withVip(rig, 1).settle(1000);
  assert.deepEqual(rig.turn.events.filter((e) => e.type === 'kernel.failed').map((e) => e.type === 'kernel.failed' && e.what), ['address.add 10.99.0.2 dev 4', 'route.add 10.2.0.0/24 dev 4']);
  rig.kernel.refuse = () => undefined;
  rig.settle(12_000);
  assert.ok(held(rig).includes(SOURCED));
});

test('a clean stop takes the virtual address along', () => {
  const rig = withVip(new Rig(VIP_TEXT).tun().settle(), 1).settle();
  rig.plane.stop(rig.turn);
  rig.settle(2000);
  assert.deepEqual(held(rig), []);
  assert.equal(rig.plane.stopped, true);
});

test('the MTU makes room for the cipher of the SAs there are, and does not go up and down with each of them', () => {
  const sa = (handle: number, cbc: boolean): EspSa => ({
    handle, bundle: 1, child: 1, direction: 'out', spi: handle as EspSa['spi'], cipher: cbc ? 'aes-cbc' : 'aes-gcm-16', key: new Secret(new Uint8Array(32)),
    integ: cbc ? { name: 'hmac-sha256-128', key: new Secret(new Uint8Array(32)) } : undefined, esn: true, local: LOCAL, remote: REMOTE,
  });
  const rig = new Rig().tun().established().settle();
  const mtu = (): number | undefined => rig.settle().kernel.linkNamed('mobiked0')?.mtu;
  assert.equal(mtu(), 1438);
  rig.plane.addSa(sa(1, false), rig.turn);
  assert.equal(mtu(), 1438);
  rig.plane.setPath(1, PATH, 'udp', false, rig.turn);
  rig.turn.effects = [];
  rig.plane.addSa(sa(2, true), rig.turn);
  assert.deepEqual(rig.turn.effects.map((e) => (e.type === 'esp.path.set' ? `${e.type} ${e.mtu}` : e.type)), ['esp.sa.add', 'esp.path.set 1422']);
  rig.turn.effects = [];
  assert.equal(mtu(), 1422);
  rig.plane.addSa(sa(3, true), rig.turn);
  rig.plane.removeSa(1, false, rig.turn);
  rig.plane.removeSa(2, false, rig.turn);
  rig.plane.removeSa(3, false, rig.turn);
  rig.turn.effects = [];
  assert.equal(mtu(), 1422, 'the next SA will be like the last');
  rig.plane.addSa(sa(4, false), rig.turn);
  rig.turn.effects = [];
  assert.equal(mtu(), 1438);
});

test('I2.8-3: a rekeyed inbound SA takes what is late for five seconds more', () => {
  const rig = new Rig().tun().established().settle();
  const removed = (): number[] => rig.turn.effects.splice(0).flatMap((e) => (e.type === 'esp.sa.remove' ? [e.handle] : []));
  const pass = (span: number): void => {
    rig.turn.now = instant(rig.turn.now + span);
    rig.plane.tick(rig.turn);
  };
  removed();
  rig.plane.removeSa(1, true, rig.turn);
  rig.plane.removeSa(2, false, rig.turn);
  assert.deepEqual(removed(), [2]);
  pass(2000);
  rig.plane.removeSa(3, true, rig.turn);
  pass(2999);
  assert.deepEqual(removed(), []);
  pass(1);
  assert.deepEqual(removed(), [1]);
  pass(2000);
  assert.deepEqual(removed(), [3]);
});
