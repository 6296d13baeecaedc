// Virtual addresses (RFC 7296 §2.19): several routers and one hub on a wire without delay, and single messages of a scripted peer.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { after, instant, ip, ipBytes, minutes, seconds, toUtf8, type Instant, type IpAddress, type Millis, type Path } from '../../src/base/index.ts';
import { findPayload, type Payload } from '../../src/codec/ike/index.ts';
import type { IkeConnection, IkeInput } from '../../src/ike/index.ts';
import { connection, ESP_SUITE, HUB, prefixes, Side } from './pair.ts';
import { findNotify, ScriptedPeer } from './scripted-peer.ts';

type Child = IkeConnection['children'][number];
const child = (local: string[], remote: string[]): Child => ({ name: 'lan', localTs: prefixes(...local), remoteTs: prefixes(...remote), espProposals: [ESP_SUITE] });
const fqdn = (text: string): IkeConnection['localId'] => ({ text, idType: 2, data: toUtf8(text) });
const HUB_NET = '10.2.0.0/24';
const router = (name: string, change: Partial<IkeConnection> = {}): IkeConnection =>
  connection('initiator', { localId: fqdn(name), requestVip: [4], children: [child([], [HUB_NET])], ...change });
const hub = (change: Partial<IkeConnection> = {}): IkeConnection =>
  connection('responder', { pools: prefixes('10.99.0.0/24'), poolDns: [ip('10.2.0.53')], children: [child([HUB_NET], ['10.99.0.0/24'])], ...change });

/** One hub, and routers at 192.0.2.1, .2 and so on; or all behind one address, at ports of their own. */
class Net {
  now: Instant = instant(1000);
  readonly hub = new Side('hub', 'net');
  readonly routers: Side[] = [];
  readonly #natted: boolean;

  constructor(config: IkeConnection, natted = false) {
    this.#natted = natted;
    this.feed(this.hub, { type: 'connections.set', connections: [config] });
  }

  add(config: IkeConnection, seed = `net${this.routers.length}`): Side {
    const side = new Side(`router${this.routers.length}`, seed);
    this.routers.push(side);
    this.feed(side, { type: 'connections.set', connections: [config] });
    return side;
  }

  login(side: Side): void {
    const address = ip(`192.168.1.${this.routers.indexOf(side) + 1}`);
    this.feed(side, { type: 'connection.initiate', connection: 'hq', paths: [{ uplink: 'wan', ifindex: 2, local: { address, port: 500 }, remote: { address: HUB, port: 500 } }] });
  }

  feed(side: Side, input: IkeInput): void {
    for (const effect of side.engine.handle(input, this.now)) {
      if (effect.type === 'event') side.events.push(effect.event);
      else if (effect.type === 'log') side.logs.push(effect.text);
      else if (effect.type === 'child.install') side.sas.set(effect.sa.handle, effect.sa);
      else if (effect.type === 'child.remove') side.sas.delete(effect.handle);
      else if (effect.type === 'packet.send') this.#fly(side, effect.path, effect.bytes);
    }
  }

  #fly(from: Side, path: Path, bytes: Uint8Array): void {
    const public_ = ip('198.51.100.1');
    if (from === this.hub) {
      const index = this.#natted ? path.remote.port - (path.local.port === 500 ? 10_500 : 14_500) : Number(path.remote.address.split('.')[3]) - 1;
      const to = this.routers[index];
      const local = { address: ip(`192.168.1.${index + 1}`), port: path.local.port };
      if (to) this.feed(to, { type: 'packet', path: { uplink: 'wan', ifindex: 2, local, remote: path.local }, bytes });
      return;
    }
    const index = this.routers.indexOf(from);
    const remote = this.#natted ? { address: public_, port: path.local.port + 10_000 + index } : path.local;
    this.feed(this.hub, { type: 'packet', path: { uplink: 'eth0', ifindex: 9, local: path.remote, remote }, bytes });
  }

  runFor(span: Millis): void {
    const end = after(this.now, span);
    for (;;) {
      const next = [this.hub, ...this.routers].map((side) => ({ side, at: side.engine.deadline })).filter((d) => d.at !== undefined && d.at <= end).sort((a, b) => (a.at ?? 0) - (b.at ?? 0))[0];
      if (next?.at === undefined) break;
      this.now = instant(Math.max(this.now, next.at));
      this.feed(next.side, { type: 'tick' });
    }
    this.now = end;
  }
}

const vips = (side: Side): readonly (readonly IpAddress[])[] => side.of('vip.assigned').map((e) => e.addresses);
const remotes = (side: Side): string[] => [...side.sas.values()].filter((sa) => sa.direction === 'out').map((sa) => sa.remote.map((s) => (s.start === s.end ? s.start : `${s.start}-${s.end}`)).join(' '));

test('I2.19-1 I2.19-2: a router asks, the hub gives an address and a name server, and both narrow the Child SA to it', () => {
  const net = new Net(hub());
  const a = net.add(router('a.example'));
  net.login(a);
  assert.deepEqual(a.of('vip.assigned').map((e) => [e.addresses, e.dns]), [[['10.99.0.1'], ['10.2.0.53']]]);
  assert.deepEqual(remotes(net.hub), ['10.99.0.1']);
  assert.deepEqual([...a.sas.values()].map((sa) => sa.local.map((s) => `${s.start}-${s.end}`)), [['10.99.0.1-10.99.0.1'], ['10.99.0.1-10.99.0.1']]);
  assert.deepEqual(net.hub.engine.status()[0]?.vips, ['10.99.0.1']);
  assert.deepEqual(a.engine.status()[0]?.vips, ['10.99.0.1']);
});

test('I2.19-2 I5.1-1: beside its address a router has the prefixes that are configured for it, and nothing else it may claim', () => {
  const net = new Net(hub({ children: [child([HUB_NET], ['10.99.0.0/24', '192.168.7.0/24'])] }));
  const a = net.add(router('a.example', { children: [child(['192.168.7.0/24', '192.168.8.0/24'], [HUB_NET])] }));
  net.login(a);
  assert.deepEqual(remotes(net.hub).map((text) => text.split(' ').sort()), [['10.99.0.1', '192.168.7.0-192.168.7.255']]);
});

test('I2.19-2: rekeying of both kinds keeps the address, and says nothing about it', () => {
  const net = new Net(hub());
  const a = net.add(router('a.example', { ikeLifetime: seconds(600), childLifetime: seconds(200) }));
  net.login(a);
  net.runFor(minutes(60));
  assert.ok(a.of('ike.rekeyed').length >= 5 && a.of('child.rekeyed').length >= 15);
  assert.deepEqual(vips(a), [['10.99.0.1']]);
  assert.deepEqual(remotes(net.hub), ['10.99.0.1']);
  assert.deepEqual(net.hub.engine.status().map((s) => s.vips), [['10.99.0.1']]);
});

test('I2.19-2: a router that comes back gets the same address; so does one whose hub forgot everything', () => {
  const net = new Net(hub());
  const [a, b] = [net.add(router('a.example')), net.add(router('b.example'))];
  for (const side of [a, b]) net.login(side);
  assert.deepEqual([vips(a), vips(b)], [[['10.99.0.1']], [['10.99.0.2']]]);
  const chain = a.engine.status()[0]?.chain ?? 0;
  net.feed(a, { type: 'chain.close', chain, reason: 'peer_dead' });
  const c = net.add(router('c.example'));
  net.login(c);
  assert.deepEqual(vips(c), [['10.99.0.3']], 'what a had is reserved');
  net.login(a);
  assert.deepEqual(vips(a).at(-1), ['10.99.0.1']);

  const other = new Net(hub());
  const again = other.add(router('a.example'));
  const late = other.add(router('b.example'));
  other.login(again);
  other.login(late);
  const fresh = new Net(hub());
  fresh.routers.push(again, late);
  for (const side of [late, again]) {
    other.feed(side, { type: 'chain.close', chain: side.engine.status()[0]?.chain ?? 0, reason: 'peer_dead' });
    fresh.login(side);
  }
  assert.deepEqual([vips(again).at(-1), vips(late).at(-1)], [['10.99.0.1'], ['10.99.0.2']], 'each asked for what it had');
});

test('I2.19-2: a second login of one identity shares the address; the first SA ends when the second is used', () => {
  const net = new Net(hub());
  const a = net.add(router('a.example'));
  net.login(a);
  net.login(a);
  assert.deepEqual(vips(a), [['10.99.0.1'], ['10.99.0.1']]);
  const newest = [...net.hub.sas.values()].filter((sa) => sa.direction === 'in').at(-1);
  net.feed(net.hub, { type: 'child.used', handle: newest?.handle ?? 0 });
  net.runFor(seconds(60));
  assert.deepEqual(net.hub.engine.status().map((s) => s.vips), [['10.99.0.1']]);
});

test('I2.19-2: the day for which an address is kept begins when the last IKE SA of its identity ends, not when that is rekeyed', () => {
  const calm = { liveness: seconds(3_000), childLifetime: seconds(200_000), ikeLifetime: seconds(200_000) };
  const net = new Net(hub({ ...calm, pools: prefixes('10.99.0.0/30'), children: [child([HUB_NET], ['10.99.0.0/30'])] }));
  const [a, b, c, d] = [net.add(router('a.example', calm)), net.add(router('b.example', calm)), net.add(router('c.example', calm)), net.add(router('d.example', calm))];
  for (const side of [a, b]) net.login(side);
  assert.deepEqual([vips(a), vips(b)], [[['10.99.0.1']], [['10.99.0.2']]]);
  net.feed(a, { type: 'connection.terminate', connection: 'hq' });
  net.feed(b, { type: 'ike.rekey', chain: b.engine.status()[0]?.chain ?? 0 });
  net.runFor(minutes(24 * 60 + 1));
  assert.equal(net.hub.of('ike.rekeyed').length, 1);
  net.login(c);
  net.login(d);
  assert.deepEqual([vips(c), vips(d).flat()], [[['10.99.0.1']], []], 'what a had is free, what b has is not');
});

test('I2.19-1 I2.21-2: a full pool refuses the Child SA, not the IKE SA; the router tries again after minutes, with a new IKE SA', () => {
  const net = new Net(hub({ pools: prefixes('10.99.0.1/32'), children: [child([HUB_NET], ['10.99.0.1/32'])] }));
  const [a, b] = [net.add(router('a.example')), net.add(router('b.example'))];
  for (const side of [a, b]) net.login(side);
  assert.deepEqual([b.of('ike.established').length, b.of('child.established').length, b.of('child.closed').map((e) => e.reason)], [1, 0, ['INTERNAL_ADDRESS_FAILURE']]);
  assert.ok(net.hub.logs.some((line) => line.includes('no virtual address is left for b.example')));
  net.runFor(seconds(170));
  assert.deepEqual(b.of('ike.closed'), []);
  net.runFor(seconds(60));
  assert.equal(b.of('ike.closed').length, 1, 'addresses are given in IKE_AUTH only');
});

test('I2.19-1 I2.21-2: a hub that gives only pool addresses asks for a request; the router asks from then on', () => {
  const net = new Net(hub());
  const a = net.add(router('a.example', { requestVip: [], children: [child(['192.168.7.0/24'], [HUB_NET])] }));
  net.login(a);
  assert.deepEqual(a.of('ike.closed').map((e) => [e.reason, e.detail.includes('request_vip')]), [['child_failed', true]]);
  net.login(a);
  assert.deepEqual(vips(a), [['10.99.0.1']]);
  assert.equal(a.of('child.established').length, 1);
});

test('I2.19-1: both families, each from its pool', () => {
  const net = new Net(hub({ pools: prefixes('10.99.0.0/24', '2001:db8:99::/64'), children: [child([HUB_NET, '2001:db8:2::/48'], ['10.99.0.0/24', '2001:db8:99::/64'])] }));
  const a = net.add(router('a.example', { requestVip: [4, 6], children: [child([], [HUB_NET, '2001:db8:2::/48'])] }));
  net.login(a);
  assert.deepEqual(vips(a), [['10.99.0.1', '2001:db8:99::1']]);
  assert.deepEqual(remotes(net.hub).map((text) => text.split(' ').sort()), [['10.99.0.1', '2001:db8:99::1']]);
});

test('I5.1-1: two routers behind one NAT with equal LANs: with virtual addresses they are kept apart, without the second is refused in words', () => {
  const apart = new Net(hub(), true);
  for (const name of ['a.example', 'b.example']) apart.login(apart.add(router(name)));
  assert.deepEqual(apart.routers.map(vips), [[['10.99.0.1']], [['10.99.0.2']]]);
  assert.deepEqual(remotes(apart.hub), ['10.99.0.1', '10.99.0.2']);

  const equal = new Net(hub({ pools: [], children: [child([HUB_NET], ['192.168.0.0/16'])] }), true);
  for (const name of ['a.example', 'b.example']) equal.login(equal.add(router(name, { requestVip: [], children: [child(['192.168.1.0/24'], [HUB_NET])] })));
  assert.deepEqual(equal.routers.map((side) => side.of('child.established').length), [1, 0]);
  assert.deepEqual(equal.routers[1]?.of('child.closed').map((e) => e.reason), ['TS_UNACCEPTABLE']);
  assert.ok(equal.hub.logs.some((line) => line.includes('b.example claims what a.example has already')));
  equal.login(equal.add(router('c.example', { requestVip: [], children: [child(['192.168.3.0/24'], [HUB_NET])] })));
  assert.equal(equal.routers[2]?.of('child.established').length, 1, 'another LAN of the same /16 is welcome');
});

test('I2.1-3: two routers behind one NAT with the same SPIs get an IKE SA each', () => {
  const net = new Net(hub(), true);
  const twins = ['a.example', 'b.example'].map((name) => net.add(router(name), 'twins'));
  for (const [i, side] of twins.entries()) {
    side.draws.set('ike-spi', [Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)]);
    side.draws.set('nonce', [new Uint8Array(32).fill(i + 1)]);
    net.login(side);
  }
  assert.deepEqual(twins.map((side) => side.engine.status()[0]?.spiI), [0x0102030405060708n, 0x0102030405060708n]);
  assert.deepEqual(twins.map(vips), [[['10.99.0.1']], [['10.99.0.2']]]);
  net.runFor(minutes(10));
  assert.equal(net.hub.engine.status().length, 2);
});

// ---- messages --------------------------------------------------------------------------------------------------------

const asks = (...attributes: [number, Uint8Array][]): Payload => ({ type: 'CP', cfgType: 1, attributes: attributes.map(([type, value]) => ({ type, value })) });
const ANY: Payload[] = [
  { type: 'TSi', selectors: [{ protocol: 0, startPort: 0, endPort: 65_535, start: ip('0.0.0.0'), end: ip('255.255.255.255') }] },
  { type: 'TSr', selectors: [{ protocol: 0, startPort: 0, endPort: 65_535, start: ip('0.0.0.0'), end: ip('255.255.255.255') }] },
];
const answerOf = (peer: ScriptedPeer, ...more: Payload[]): readonly Payload[] => {
  const offer = peer.childPayloads().filter((p) => p.type !== 'TSi' && p.type !== 'TSr');
  const [answer] = peer.init();
  assert.ok(answer);
  peer.takeInit(answer);
  return peer.answerTo('IKE_AUTH', [...peer.authPayloads(), ...more, ...offer, ...ANY]).payloads;
};
const pool = { pools: prefixes('10.99.0.0/24'), poolDns: [ip('10.2.0.53'), ip('2001:db8::53')], children: [child([HUB_NET], ['10.99.0.0/24'])] };

/** IP4_NETMASK, IP4_NBNS, 5 (withdrawn), IP4_DHCP, IP6_DHCP, IP4_SUBNET, IP6_SUBNET, INTERNAL_DNS_DOMAIN. */
const UNUSED = [2, 4, 5, 6, 12, 13, 15, 25].map((type): [number, Uint8Array] => [type, new Uint8Array()]);

test('FMT-3 I3.15-1: wrong lengths, attributes that nobody here needs and unknown ones are passed over; one address however often it is asked for; name servers only when asked for', () => {
  const peer = new ScriptedPeer('hub', { hub: pool });
  const payloads = answerOf(peer, asks([1, new Uint8Array(3)], [1, new Uint8Array()], [1, ipBytes(ip('10.99.0.77'))], [7, new Uint8Array()], [99, new Uint8Array(5)], [14, new Uint8Array()], ...UNUSED));
  assert.deepEqual(findPayload(payloads, 'CP'), {
    type: 'CP', cfgType: 2, attributes: [{ type: 1, value: ipBytes(ip('10.99.0.77')) }, { type: 7, value: new Uint8Array() }, { type: 14, value: Uint8Array.of(0, 1, 0, 8, 0, 3, 0, 10) }],
  });
  assert.ok(payloads.findIndex((p) => p.type === 'CP') < payloads.findIndex((p) => p.type === 'SA'), 'I1.2-2: CP before SA');
});

test('I2.19-1: no reply without a request; without one a child of pool addresses alone gets FAILED_CP_REQUIRED', () => {
  const peer = new ScriptedPeer('hub', { hub: pool });
  const payloads = answerOf(peer);
  assert.equal(findPayload(payloads, 'CP'), undefined);
  assert.ok(findNotify(payloads, 'FAILED_CP_REQUIRED'));
  assert.equal(peer.side.of('ike.established').length, 1);
  const free = new ScriptedPeer('hub', { hub: { ...pool, children: [child([HUB_NET], ['10.99.0.0/24', '10.1.0.0/24'])] } });
  const without = answerOf(free);
  assert.deepEqual(findPayload(without, 'TSi')?.selectors.map((s) => s.start), ['10.1.0.0']);
});

test('I2.19-1: a request that the hub cannot meet: no pool, or none of that family', () => {
  for (const hubSide of [{ ...pool, pools: [] }, pool]) {
    const peer = new ScriptedPeer('hub', { hub: hubSide });
    const payloads = answerOf(peer, asks([8, new Uint8Array()]));
    assert.ok(findNotify(payloads, 'INTERNAL_ADDRESS_FAILURE'));
    assert.equal(findPayload(payloads, 'CP'), undefined);
    assert.equal(peer.side.of('ike.established').length, 1);
  }
});

test('I3.15-1: later, a SET is acknowledged with nothing, and a REQUEST answered with what needs no lease', () => {
  const peer = new ScriptedPeer('hub');
  peer.connect();
  assert.deepEqual(peer.answerTo('INFORMATIONAL', [{ type: 'CP', cfgType: 3, attributes: [{ type: 13, value: new Uint8Array(8) }] }]).payloads, [{ type: 'CP', cfgType: 4, attributes: [] }]);
  assert.deepEqual(peer.answerTo('INFORMATIONAL', [asks([1, new Uint8Array()], [7, new Uint8Array()])]).payloads, [{ type: 'CP', cfgType: 2, attributes: [{ type: 7, value: new Uint8Array() }] }]);
});

test('Q-9 I3.15-1: a gateway forces our side to the address it gave; what was not asked for, and what is malformed, is not taken', () => {
  const peer = new ScriptedPeer('router', { router: { requestVip: [4], children: [child(['10.1.0.0/24'], [HUB_NET])] } });
  const request = peer.initiated();
  const [auth] = peer.answerInit(request);
  assert.ok(auth);
  const cp = findPayload(auth.payloads, 'CP');
  assert.deepEqual([cp?.cfgType, cp?.attributes.map((a) => [a.type, a.value.length])], [1, [[1, 0], [3, 0]]], 'I2.19-1: no SUBNET in a request');
  assert.ok(auth.payloads.findIndex((p) => p.type === 'CP') < auth.payloads.findIndex((p) => p.type === 'SA'));
  const given = ip('10.77.0.9');
  const host = { protocol: 0, startPort: 0, endPort: 65_535, start: given, end: given };
  const reply: Payload = {
    type: 'CP', cfgType: 2, attributes: [
      { type: 1, value: new Uint8Array(3) }, { type: 1, value: ipBytes(given) }, { type: 1, value: ipBytes(ip('10.77.0.10')) }, { type: 8, value: new Uint8Array(17).fill(1) },
      { type: 3, value: new Uint8Array(5) }, { type: 3, value: ipBytes(ip('10.2.0.53')) }, { type: 13, value: new Uint8Array(8) },
    ],
  };
  peer.reply(auth, [...peer.authPayloads(), reply, ...peer.childAnswer(auth).filter((p) => p.type !== 'TSi'), { type: 'TSi', selectors: [host] }]);
  assert.deepEqual(peer.side.of('vip.assigned').map((e) => [e.addresses, e.dns]), [[[given], ['10.2.0.53']]]);
  assert.deepEqual([...peer.side.sas.values()].map((sa) => sa.local), [[host], [host]]);
});

test('I2.9-2 I2.19-2: a Child SA for addresses that were neither ours nor given is not installed', () => {
  const peer = new ScriptedPeer('router', { router: { requestVip: [4], children: [child([], [HUB_NET])] } });
  const [auth] = peer.answerInit(peer.initiated());
  assert.ok(auth);
  const foreign = { protocol: 0, startPort: 0, endPort: 65_535, start: ip('10.77.0.0'), end: ip('10.77.0.255') };
  peer.reply(auth, [...peer.authPayloads(), { type: 'CP', cfgType: 2, attributes: [{ type: 1, value: ipBytes(ip('10.77.0.9')) }] }, ...peer.childAnswer(auth).filter((p) => p.type !== 'TSi'), { type: 'TSi', selectors: [foreign] }]);
  assert.deepEqual([peer.side.sas.size, peer.side.of('child.closed').length, peer.side.of('ike.established').length], [0, 1, 1]);
});
