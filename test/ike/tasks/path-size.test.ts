// F-4: an IKE request of a certain size that nobody on the way may cut, and how it ends when it does not arrive.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { ip, millis, seconds, type Path } from '../../../src/base/index.ts';
import type { IkeConnection, IkeSuite } from '../../../src/ike/index.ts';
import { hasVendor, vendorId } from '../../../src/ike/vendors.ts';
import type { Payload } from '../../../src/codec/ike/index.ts';
import { ScriptedPeer, suite } from '../scripted-peer.ts';
import { connection, IKE_SUITE, on4500, Pair, path, type Side } from '../pair.ts';

const CBC: IkeSuite = { ...IKE_SUITE, text: 'aes256-sha256-x25519', encr: [{ id: 12, keyLength: 256 }], integ: [12] };

/** Octets of the IP packet that carries it. */
const packet = (on: Path, bytes: Uint8Array): number => bytes.length + 8 + (on.remote.address.includes(':') ? 40 : 20);

interface Sent {
  readonly octets: number;
  readonly uplink: string;
}

/** An established pair whose path carries packets of `mtu` octets and no larger ones; `sent`: what the router sends from then on. */
class Narrow extends Pair {
  mtu: number;
  readonly chain: number;
  readonly sent: Sent[] = [];

  constructor(seed: string, mtu: number, change: Partial<IkeConnection> = {}, hub: Partial<IkeConnection> = {}, on = path('wan')) {
    super(seed, connection('initiator', change), connection('responder', hub));
    this.mtu = 1500;
    this.chain = this.connect(on);
    this.runFor(seconds(2));
    this.mtu = mtu;
    this.drop = (from, way, bytes) => {
      if (from === 'router') this.sent.push({ octets: packet(way, bytes), uplink: way.uplink });
      return packet(way, bytes) > this.mtu;
    };
  }

  override feed(...[side, input]: Parameters<Pair['feed']>): void {
    const { handle } = side.engine;
    // The wire of the pair knows octets only: what was asked of IP is noted beside.
    side.engine.handle = (given, now) => {
      const effects = handle.call(side.engine, given, now);
      for (const effect of effects) if (effect.type === 'packet.send' && effect.whole === true) this.wholes.push(packet(effect.path, effect.bytes));
      return effects;
    };
    super.feed(side, input);
    side.engine.handle = handle;
  }

  /** Sizes of the packets that nobody may cut, in order. */
  wholes: number[] = [];

  ask(size: number, side: Side = this.router): void {
    this.feed(side, { type: 'path.size', chain: side === this.router ? this.chain : this.hubChain(), size });
  }

  told(side: Side = this.router): [size: number, carried: boolean | undefined][] {
    return side.of('path.sized').map(({ size, carried }) => [size, carried]);
  }
}

for (const [name, ike, block] of [['GCM', IKE_SUITE, 1], ['CBC', CBC, 16]] as const)
  test(`F-4: a request fills one packet of the size in question, which nobody may cut; its answer says that the path carries it (${name})`, () => {
    const pair = new Narrow(`size-${name}`, 1500, { ikeProposals: [ike] }, { ikeProposals: [ike] });
    for (const size of [576, 1280, 1400, 1499, 1500]) {
      pair.ask(size);
      pair.runFor(millis(100));
      const octets = pair.wholes.at(-1) ?? 0;
      assert.ok(octets <= size && octets > size - block, `${octets} for ${size}`);
    }
    assert.deepEqual(pair.told(), [[576, true], [1280, true], [1400, true], [1499, true], [1500, true]]);
    assert.equal(pair.wholes.length, 5, 'one packet each');
    assert.equal(pair.router.of('path.doubtful').length, 0);
  });

test('F-4: both ends may ask', () => {
  const pair = new Narrow('size-hub', 1500);
  pair.ask(1500, pair.hub);
  pair.runFor(seconds(1));
  assert.deepEqual(pair.told(pair.hub), [[1500, true]]);
});

test('F-4 FR2.5.2-1: what does not arrive whole goes on in pieces after one interval, which any router may cut; the path is not doubted for it', () => {
  const pair = new Narrow('size-narrow', 1400);
  pair.ask(1401);
  pair.runFor(seconds(3));
  assert.deepEqual(pair.told(), [[1401, false]]);
  assert.deepEqual(pair.wholes, [1401]);
  const [whole, ...pieces] = pair.sent;
  assert.equal(whole?.octets, 1401);
  assert.deepEqual(pieces.map((p) => p.octets <= 576), [true, true, true]);
  for (const type of ['path.doubtful', 'path.unanswered', 'ike.unreachable', 'ike.closed'] as const) assert.equal(pair.router.of(type).length, 0, type);
  pair.ask(1400);
  pair.runFor(seconds(3));
  assert.deepEqual(pair.told()[1], [1400, true]);
});

test('F-4: IPv6 goes on in pieces as small, far below what every link carries', () => {
  const six: Path = { uplink: 'wan', ifindex: 2, local: { address: ip('2001:db8:1::2'), port: 500 }, remote: { address: ip('2001:db8:ff::1'), port: 500 } };
  const pair = new Narrow('size-six', 1280, {}, {}, six);
  pair.ask(1500);
  pair.runFor(seconds(3));
  assert.deepEqual(pair.told(), [[1500, false]]);
  assert.deepEqual(pair.sent.map((s) => s.octets > 576), [true, false, false, false, false]);
});

test('F-4 FR2.3-1: without RFC 7383 at both ends, or with a peer that does not say that it knows padding, nothing is sent and nothing is known', () => {
  for (const [change, hub] of [[{ fragmentation: false }, {}], [{}, { fragmentation: false }], [{ mtuProbe: 'off' }, {}], [{}, { mtuProbe: 'off' }]] as const) {
    const pair = new Narrow('size-without', 1500, change, hub);
    pair.ask(1500);
    assert.deepEqual([pair.told(), pair.sent], [[[1500, undefined]], []]);
  }
});

test('F-4 M3.5-6: a move while it is asked: the request goes to the new path in pieces at once, the update follows, and of the old path nothing is known', () => {
  const pair = new Narrow('size-move', 1300);
  pair.ask(1500);
  pair.runFor(millis(5));
  pair.feed(pair.router, { type: 'path.move', chain: pair.chain, path: on4500(path('lte')), reasons: ['test'], since: pair.now });
  pair.runFor(seconds(3));
  assert.deepEqual(pair.told(), [[1500, undefined]]);
  assert.deepEqual(pair.sent.slice(0, 4).map((s) => [s.uplink, s.octets <= 576]), [['wan', false], ['lte', true], ['lte', true], ['lte', true]]);
  assert.equal(pair.router.of('path.moved').length, 1);
  assert.equal(pair.wholes.length, 1, 'whole only once');
});

test('F-4: one at a time; a second question gets no answer of its own but that nobody knows', () => {
  const pair = new Narrow('size-two', 1500);
  pair.ask(1500);
  pair.ask(1400);
  assert.deepEqual(pair.told(), [[1400, undefined]]);
  pair.runFor(seconds(1));
  assert.deepEqual(pair.told()[1], [1500, true]);
});

test('F-4: a dead path is doubted as soon as pieces go unanswered, too, and the SA ends like any other', () => {
  const pair = new Narrow('size-dead', 0);
  pair.ask(1500);
  pair.runFor(seconds(5));
  assert.ok(pair.router.of('path.doubtful').length > 0);
  assert.deepEqual(pair.told(), []);
  pair.runFor(seconds(400));
  assert.deepEqual(pair.told(), [[1500, undefined]]);
  assert.equal(pair.router.of('ike.closed')[0]?.reason, 'peer_dead');
});

test('F-4 RFC 7296 §3.12: the Vendor ID stands in IKE_SA_INIT where padding may be asked with, and in the answer only to a request that has it; a rekeyed IKE SA knows it still', () => {
  const vendor = vendorId('padding', suite);
  const has = (payloads: readonly Payload[] = []): boolean => hasVendor(payloads, 'padding', suite);
  assert.equal(vendor.data.length, 16);
  assert.equal(has(new ScriptedPeer('router').initiated().payloads), true);
  for (const off of [{ mtuProbe: 'off' }, { fragmentation: false }] as const) assert.equal(has(new ScriptedPeer('router', { router: off }).initiated().payloads), false, JSON.stringify(off));
  for (const [change, sent, answered] of [[{}, true, true], [{}, false, false], [{ mtuProbe: 'off' }, true, false]] as const) {
    const peer = new ScriptedPeer('hub', { hub: change });
    peer.spiI = 77n;
    const [answer] = peer.init([...peer.initPayloads(), ...(sent ? [vendor] : [])]);
    assert.equal(has(answer?.payloads), answered);
  }
  const pair = new Narrow('size-rekeyed', 1500);
  pair.feed(pair.router, { type: 'ike.rekey', chain: pair.chain });
  pair.runFor(seconds(2));
  assert.equal(pair.router.of('ike.rekeyed').length, 1);
  for (const side of [pair.router, pair.hub]) {
    pair.ask(1500, side);
    pair.runFor(seconds(1));
    assert.deepEqual(pair.told(side), [[1500, true]], side.name);
  }
});

test('F-4: `on` asks a peer that says nothing; unknown notifies are ignored, and the answer counts', () => {
  const pair = new Narrow('size-on', 1500, { mtuProbe: 'on' }, { mtuProbe: 'off' });
  pair.ask(1500);
  pair.runFor(seconds(1));
  assert.deepEqual(pair.told(), [[1500, true]]);
});

// Found by random world 198: pieces that a filter of 700 octets dropped too had the IKE SA given up every few seconds.
test('F-4: where a filter lets no packet of more than 600 octets pass, the request is answered all the same and the SA lives', () => {
  for (const on of [path('wan'), { uplink: 'wan', ifindex: 2, local: { address: ip('2001:db8:1::2'), port: 500 }, remote: { address: ip('2001:db8:ff::1'), port: 500 } }]) {
    const pair = new Narrow('size-filter', 600, {}, {}, on);
    pair.ask(1500);
    pair.runFor(seconds(5));
    assert.deepEqual([pair.told(), pair.router.of('path.doubtful').length, pair.router.of('ike.unreachable').length], [[[1500, false]], 0, 0]);
  }
});
