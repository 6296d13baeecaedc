import { test } from 'node:test';
import assert from 'node:assert/strict';
import { millis, seconds } from '../../src/base/index.ts';
import type { LinkOptions } from './net.ts';
import type { OuterPacket } from './packet.ts';
import { ip } from './script-core.ts';
import { World } from './world.ts';

const A = { address: ip('203.0.113.1'), port: 4500 };
const B = { address: ip('203.0.113.2'), port: 4500 };

/** Sends one packet a millisecond from A over the link under test to B, and says what arrived when. */
function carry(options: LinkOptions, count: number, story: (world: World) => void = () => undefined, bytes = new Uint8Array(20)): { number: number; after: number }[] {
  const world = new World({ seed: 9 });
  const arrived: { number: number; after: number }[] = [];
  const a = world.link('a', options);
  a.attach({ addresses: () => [A.address], receive: () => undefined, carrier: () => undefined });
  world.link('b', { rtt: millis(0) }).attach({
    addresses: () => [B.address], carrier: () => undefined,
    receive: (packet) => {
      const number = ((packet.bytes[8] ?? 0) << 8) | (packet.bytes[9] ?? 0);
      arrived.push({ number, after: world.now - number });
    },
  });
  for (let i = 0; i < count; i++) {
    world.after(i, () => {
      const marked = bytes.slice();
      marked.set([i >> 8, i & 255], 8);
      a.transmit({ protocol: 'udp', source: A, destination: B, bytes: marked });
    });
  }
  story(world);
  world.runFor(seconds(10));
  return arrived;
}

test('latency is half the round trip, and nothing is lost on a clean link', () => {
  const arrived = carry({ rtt: millis(30) }, 50);
  assert.equal(arrived.length, 50);
  assert.ok(arrived.every((a) => a.after === 15));
});

test('jitter delays but keeps the order; reordering does not', () => {
  const jittered = carry({ rtt: millis(20), jitter: millis(10) }, 200);
  assert.ok(jittered.every((a) => a.after >= 10 && a.after <= 20));
  assert.ok(new Set(jittered.map((a) => a.after)).size > 10);
  assert.deepEqual(jittered.map((a) => a.number), [...jittered.keys()]);
  const reordered = carry({ rtt: millis(20), reorder: 0.2 }, 200).map((a) => a.number);
  assert.notDeepEqual(reordered, [...reordered.keys()]);
  assert.equal(new Set(reordered).size, 200);
});

test('loss, bursty loss and duplication come in the asked measure', () => {
  const lost = 2000 - carry({ loss: 0.1 }, 2000).length;
  assert.ok(lost > 150 && lost < 250, String(lost));
  const numbers = carry({ burst: { enter: 0.01, leave: 0.1, loss: 1 } }, 2000).map((a) => a.number);
  const gaps = numbers.map((n, i) => n - (numbers[i - 1] ?? -1) - 1).filter((g) => g > 0);
  const mean = gaps.reduce((x, y) => x + y, 0) / gaps.length;
  assert.ok(mean > 4, `bursts of ${mean}`);
  const doubled = carry({ duplicate: 0.5 }, 1000).length;
  assert.ok(doubled > 1400 && doubled < 1600, String(doubled));
});

test('a black hole swallows one way or both, in flight too, and heals', () => {
  const numbers = carry({ rtt: millis(20) }, 100, (world) => {
    world.after(29.5, () => world.link('a').blackHole('up'));
    world.after(59.5, () => world.link('a').heal());
  }).map((a) => a.number);
  assert.deepEqual(numbers.filter((n) => n >= 20 && n < 60), [], 'what was in flight or sent into the hole');
  assert.equal(numbers.length, 20 + 40);
  const other = carry({ rtt: millis(20) }, 100, (world) => world.link('a').blackHole('down'));
  assert.equal(other.length, 100);
});

test('without carrier nothing passes', () => {
  assert.equal(carry({ rtt: millis(0) }, 10, (world) => world.link('a').unplug()).length, 0);
});

test('the path MTU drops what is larger, headers counted', () => {
  assert.equal(carry({ pathMtu: 1400 }, 3, undefined, new Uint8Array(1372)).length, 3);
  assert.equal(carry({ pathMtu: 1400 }, 3, undefined, new Uint8Array(1373)).length, 0);
});

test('who sends too large a packet that must not be cut is told so, through a NAT too, and nobody else', () => {
  const world = new World({ seed: 1 });
  const host = { address: ip('192.168.1.2'), port: 4500 };
  const told: { who: string; about: OuterPacket; mtu: number }[] = [];
  const end = (who: string, address: typeof host.address): Parameters<ReturnType<World['link']>['attach']>[0] => ({
    addresses: () => [address], receive: () => undefined, carrier: () => undefined, tooBig: (about, mtu) => void told.push({ who, about, mtu }),
  });
  const a = world.link('a', { pathMtu: 1400, nat: { publicAddress: ip('198.51.100.7') } });
  const b = world.link('b', { pathMtu: 1200 });
  a.attach(end('a', host.address));
  b.attach(end('b', B.address));
  const large = { protocol: 'udp', source: host, destination: B, bytes: new Uint8Array(1373), dontFragment: true } as const;
  a.transmit(large);
  a.transmit({ ...large, dontFragment: false });
  world.runFor(seconds(1));
  assert.deepEqual(told, [{ who: 'a', about: large, mtu: 1400 }], 'its own link is too small');
  const medium = { ...large, bytes: new Uint8Array(1173) };
  a.transmit(medium);
  world.runFor(seconds(1));
  assert.deepEqual(told.slice(1), [{ who: 'a', about: medium, mtu: 1200 }], 'the other link is: with the own address, not the NAT\'s');
  a.blackHole();
  a.transmit(large);
  world.runFor(seconds(1));
  assert.equal(told.length, 2, 'a black hole says nothing');
  const six = { ...large, source: { address: ip('2001:db8::1'), port: 1 }, destination: { address: ip('2001:db8::2'), port: 1 }, dontFragment: false };
  b.transmit(six);
  world.runFor(seconds(1));
  assert.deepEqual(told.slice(2), [{ who: 'b', about: six, mtu: 1200 }], 'IPv6 is never cut on its way');
});

test('filter boxes drop what they are made for', () => {
  const esp = new Uint8Array(40).fill(1, 0, 8);
  const ike = new Uint8Array(40);
  assert.equal(carry({ filters: ['esp-in-udp'] }, 3, undefined, esp).length, 0);
  assert.equal(carry({ filters: ['esp-in-udp'] }, 3, undefined, ike).length, 3);
  assert.equal(carry({ filters: ['udp-4500'] }, 3, undefined, ike).length, 0);
  assert.equal(carry({ filters: ['udp-500'] }, 3, undefined, ike).length, 3);
  assert.equal(carry({ filters: ['all'] }, 3, undefined, ike).length, 0);
  assert.equal(carry({ filters: [(packet: OuterPacket) => packet.bytes[9] === 1] }, 3, undefined, ike).length, 2);
});

test('a NAT on the link translates both ways', () => {
  const world = new World({ seed: 1 });
  const inside = { address: ip('192.168.1.2'), port: 4500 };
  const seen: OuterPacket[] = [];
  const back: OuterPacket[] = [];
  const a = world.link('a', { nat: { publicAddress: ip('198.51.100.7') } });
  a.attach({ addresses: () => [inside.address], receive: (p) => back.push(p), carrier: () => undefined });
  const b = world.link('b');
  b.attach({ addresses: () => [B.address], receive: (p) => {
    seen.push(p);
    b.transmit({ protocol: 'udp', source: B, destination: p.source, bytes: p.bytes });
  }, carrier: () => undefined });
  a.transmit({ protocol: 'udp', source: inside, destination: B, bytes: new Uint8Array(8) });
  world.runFor(seconds(1));
  assert.equal(seen[0]?.source.address, '198.51.100.7');
  assert.deepEqual(back[0]?.destination, inside);
  assert.deepEqual(back[0]?.source, B);
});

/** A host at the end of a link that keeps what it gets. */
function hostAt(world: World, name: string, address: string, options: LinkOptions = {}): { readonly got: OuterPacket[]; send(to: string, port?: number): void } {
  const got: OuterPacket[] = [];
  const own = { address: ip(address), port: 4500 };
  const link = world.link(name, { rtt: millis(0), ...options });
  link.attach({ addresses: () => [own.address], receive: (p) => got.push(p), carrier: () => undefined });
  return {
    got,
    send: (to, port = 4500) => {
      link.transmit({ protocol: 'udp', source: own, destination: { address: ip(to), port }, bytes: new Uint8Array(8) });
      world.runFor(millis(100));
    },
  };
}

test('a stateful firewall lets in what answers, IPv6 too, until its state ends', () => {
  for (const [mine, theirs] of [['198.51.100.2', '192.0.2.1'], ['2001:db8::2', '2001:db8:ff::1']] as const) {
    const world = new World({ seed: 1 });
    const inside = hostAt(world, 'a', mine, { firewall: { idle: seconds(30) } });
    const peer = hostAt(world, 'b', theirs);
    peer.send(mine);
    assert.equal(inside.got.length, 0);
    inside.send(theirs);
    peer.send(mine);
    assert.equal(inside.got.length, 1);
    world.runFor(seconds(31));
    peer.send(mine);
    assert.equal(inside.got.length, 1);
    assert.equal(world.link('a').firewall?.refused, 2);
  }
});

test('two hosts behind one NAT: each gets what answers it, and they reach each other only where the box hairpins (RFC 4787 §6)', () => {
  for (const hairpin of [false, true]) {
    const world = new World({ seed: 1 });
    const first = hostAt(world, 'a', '192.168.1.2', { nat: { publicAddress: ip('198.51.100.7'), keepPort: true, filtering: 'open', hairpin } });
    const box = world.link('a').nat;
    assert.ok(box);
    const second = hostAt(world, 'b', '192.168.1.3', { nat: box });
    const peer = hostAt(world, 'hub', '203.0.113.2');
    first.send('203.0.113.2');
    second.send('203.0.113.2');
    const [one, other] = peer.got.map((p) => p.source);
    assert.deepEqual([one?.address, one?.port, other?.address], ['198.51.100.7', 4500, '198.51.100.7']);
    assert.notEqual(other?.port, 4500);
    peer.send('198.51.100.7', other?.port);
    assert.deepEqual([first.got.length, second.got.length], [0, 1]);
    second.send('198.51.100.7', 4500);
    assert.equal(first.got.length, hairpin ? 1 : 0);
    if (hairpin) assert.deepEqual(first.got[0]?.source, other, 'it comes from the outer address');
  }
});

test('a host behind a static NAT is reached by everybody, and answers from its outer address', () => {
  const world = new World({ seed: 1 });
  const hub = hostAt(world, 'hub', '10.9.0.1', { nat: { publicAddress: ip('192.0.2.1'), oneToOne: ip('10.9.0.1') } });
  const peer = hostAt(world, 'a', '198.51.100.2');
  peer.send('192.0.2.1', 500);
  assert.deepEqual(hub.got[0]?.destination, { address: ip('10.9.0.1'), port: 500 });
  hub.send('198.51.100.2');
  assert.deepEqual(peer.got[0]?.source, { address: ip('192.0.2.1'), port: 4500 });
});

test('a path MTU without ICMP: too large a packet vanishes and nobody is told', () => {
  const world = new World({ seed: 1 });
  let told = 0;
  const link = world.link('a', { pathMtu: 1400, icmp: false });
  link.attach({ addresses: () => [A.address], receive: () => undefined, carrier: () => undefined, tooBig: () => void told++ });
  const packet = { protocol: 'udp', source: A, destination: B, bytes: new Uint8Array(1373), dontFragment: true } as const;
  link.transmit(packet);
  world.runFor(seconds(1));
  assert.deepEqual([told, link.counts.lost], [0, 1]);
  link.icmp = true;
  link.transmit(packet);
  world.runFor(seconds(1));
  assert.deepEqual([told, link.counts.lost], [1, 2]);
});
