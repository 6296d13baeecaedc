// What the daemon may ask of the engine, input by input: what each does, and what it leaves alone.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { instant, ip, millis, seconds, type Path } from '../../src/base/index.ts';
import { IkeEngine, type IkeConnection, type IkeEvent, type IkeInput } from '../../src/ike/index.ts';
import { connection, HUB, on4500, Pair, path, type Side } from './pair.ts';
import { two } from './rest.ts';
import { Alone } from './lone.ts';
import { errorsOf, ScriptedPeer } from './scripted-peer.ts';

const wan = on4500(path('wan'));
const lte = on4500(path('lte'));
let pairs = 0;

/** Two engines that are connected, or not yet, with quiet lifetimes; what was said so far is forgotten. */
function up(router: Partial<IkeConnection> = {}, hub: Partial<IkeConnection> = {}, connects = true): { pair: Pair; chain: number; hubChain: number } {
  const calm = { liveness: seconds(3000), childLifetime: seconds(40_000), ikeLifetime: seconds(90_000) };
  const pair = new Pair(`inputs ${++pairs}`, connection('initiator', { ...calm, ...router }), connection('responder', { ...calm, ...hub }));
  if (!connects) return { pair, chain: -1, hubChain: -1 };
  const chain = pair.connect();
  pair.runFor(seconds(6));
  for (const side of [pair.router, pair.hub]) {
    side.sent.length = 0;
    side.events.length = 0;
    side.logs.length = 0;
  }
  return { pair, chain, hubChain: pair.hub.engine.status()[0]?.chain ?? -1 };
}
const twoChildren = { router: { children: two('initiator').children }, hub: { children: two('responder').children } };
const uplinks = (side: Side): string => side.sent.splice(0).map((s) => s.path.uplink).join(' ');
const types = (side: Side): string[] => side.events.splice(0).map((e: IkeEvent) => [e.type, 'child' in e ? e.child : '', 'reason' in e ? e.reason : '', 'hint' in e ? e.hint : ''].filter((w) => w !== '').join(' '));
const given = (pair: Pair, input: IkeInput): string => {
  pair.feed(pair.router, input);
  return uplinks(pair.router);
};

test('the chain of a message, for the fault boundary; of anything else none', () => {
  const { pair, chain } = up();
  pair.feed(pair.hub, { type: 'liveness.check', chain: pair.hub.engine.status()[0]?.chain ?? -1 });
  const bytes = pair.hub.sent[0]?.bytes.subarray(4) ?? new Uint8Array();
  assert.equal(pair.router.engine.chainOf(bytes), chain);
  const other = bytes.slice();
  other[0] = (other[0] ?? 0) ^ 1;
  assert.deepEqual([pair.router.engine.chainOf(other), pair.router.engine.chainOf(bytes.subarray(0, 20))], [undefined, undefined]);
});

test('status: what was authenticated; the chains of a connection are the established ones, newest first', () => {
  const half = up({}, {}, false).pair;
  half.drop = () => true;
  half.feed(half.router, { type: 'connection.initiate', connection: 'hq', paths: [wan] });
  assert.deepEqual([half.router.engine.status(), half.router.engine.isConnecting('hq'), half.router.engine.idle], [[], true, false]);
  const { pair, chain } = up();
  assert.deepEqual([pair.router.engine.isConnecting('hq'), pair.router.engine.chainsOf('hq').map((s) => s.chain), pair.router.engine.chainsOf('other')], [false, [chain], []]);
  pair.feed(pair.router, { type: 'connection.initiate', connection: 'hq', paths: [path('wan')] });
  pair.runFor(seconds(1));
  const chains = pair.router.engine.chainsOf('hq').map((s) => s.chain);
  assert.equal(chains.length, 2);
  assert.ok((chains[0] ?? 0) > (chains[1] ?? 0));
  pair.drop = () => true;
  pair.feed(pair.router, { type: 'chain.close', chain, reason: 'requested' });
  assert.deepEqual([pair.router.engine.status().length, pair.router.engine.chainsOf('hq').map((s) => s.chain)], [2, chains.slice(0, 1)]);
});

test('when the peer was last heard: by IKE or by ESP, whichever is later; of a chain that is not there nothing', () => {
  const { pair, chain } = up();
  const at = pair.router.engine.heardAt(chain);
  assert.ok(at !== undefined && at > 1000 && at < pair.now);
  const traffic = (lastInbound: number): number | undefined => {
    pair.feed(pair.router, { type: 'traffic', chain, traffic: { lastInbound: instant(lastInbound), lastOutbound: undefined, lastAny: undefined }, active: seconds(1) });
    return pair.router.engine.heardAt(chain);
  };
  assert.deepEqual([traffic(at - 5), traffic(at + 5), pair.router.engine.heardAt(4711)], [at, at + 5, undefined]);
});

test('I2.4-3: traffic that nothing answers is asked about after the time that came with it', () => {
  for (const active of [seconds(1), seconds(7)]) {
    const { pair, chain } = up();
    pair.drop = () => true;
    const { now } = pair;
    pair.feed(pair.router, { type: 'traffic', chain, traffic: { lastInbound: undefined, lastOutbound: now, lastAny: now }, active });
    pair.runFor(millis(active - 1));
    assert.deepEqual(uplinks(pair.router), '');
    pair.runFor(millis(1));
    assert.deepEqual([pair.now - now, uplinks(pair.router)], [active, 'wan']);
  }
});

test('who only initiates answers no set-up', () => {
  const peer = new ScriptedPeer('hub');
  const { remote } = peer.path;
  const out = connection('initiator', { name: 'out', remoteAddrs: [{ kind: 'address', address: remote.address }] });
  peer.pair.feed(peer.side, { type: 'connections.set', connections: [out] });
  assert.deepEqual([peer.init().length, peer.side.engine.idle], [0, true]);
  peer.pair.feed(peer.side, { type: 'connections.set', connections: [out, connection('responder')] });
  assert.deepEqual([peer.init().flatMap(errorsOf), peer.side.engine.idle], [[], false], 'beside a responder it is that one\'s');
});

test('a configuration without a connection stops its set-up, keeps its SA; one that changed is used at once', () => {
  const { pair, chain } = up();
  const [hq, more] = [connection('initiator', { liveness: seconds(500) }), connection('initiator', { name: 'more' })];
  pair.feed(pair.router, { type: 'connections.set', connections: [hq, more] });
  pair.drop = () => true;
  pair.feed(pair.router, { type: 'connection.initiate', connection: 'more', paths: [path('wan')] });
  pair.feed(pair.router, { type: 'connections.set', connections: [hq, more] });
  assert.equal(pair.router.engine.isConnecting('more'), true);
  pair.feed(pair.router, { type: 'connections.set', connections: [hq] });
  assert.deepEqual([pair.router.engine.isConnecting('more'), pair.router.engine.chainsOf('hq').length], [false, 1]);
  pair.feed(pair.router, { type: 'liveness.check', chain });
  pair.feed(pair.router, { type: 'connections.set', connections: [] });
  assert.equal(pair.router.engine.chainsOf('hq').length, 1, 'it goes on with what it had');
});

test('terminate closes every SA of the connection and no other, and stops its set-up', () => {
  const { pair } = up();
  pair.feed(pair.router, { type: 'connection.terminate', connection: 'other' });
  assert.deepEqual([pair.router.engine.chainsOf('hq').length, types(pair.router)], [1, []]);
  pair.feed(pair.router, { type: 'connection.initiate', connection: 'hq', paths: [path('lte')] });
  pair.feed(pair.router, { type: 'connection.terminate', connection: 'hq' });
  assert.deepEqual([types(pair.router), pair.router.engine.isConnecting('hq')], [['ike.closed requested'], false]);
  pair.runFor(seconds(1));
  assert.deepEqual([pair.router.engine.idle, pair.router.engine.sizes()], [true, { sas: 0, chains: 0, childSpis: 0 }]);
});

test('terminate leaves an SA that was rekeyed to its successor', () => {
  const { pair, chain } = up();
  pair.drop = (_from, _path, bytes) => bytes[22] === 37;
  pair.feed(pair.router, { type: 'ike.rekey', chain });
  pair.runFor(millis(100));
  assert.equal(pair.router.engine.sizes().sas, 2);
  types(pair.router);
  pair.feed(pair.router, { type: 'connection.terminate', connection: 'hq' });
  assert.deepEqual(types(pair.router), ['ike.closed requested']);
});

test('closing for a fault says nothing to the peer; with a path the Delete goes there', () => {
  const fault = up();
  assert.equal(given(fault.pair, { type: 'chain.close', chain: fault.chain, reason: 'fault' }), '');
  assert.deepEqual([types(fault.pair.router), fault.pair.router.engine.idle], [['ike.closed fault'], true]);
  const plain = up();
  assert.equal(given(plain.pair, { type: 'chain.close', chain: plain.chain, reason: 'replaced' }), 'wan');
  assert.deepEqual(types(plain.pair.router), ['ike.closed replaced']);
  const elsewhere = up();
  assert.equal(given(elsewhere.pair, { type: 'chain.close', chain: elsewhere.chain, reason: 'requested', path: lte }), 'lte');
});

test('a move is for a MOBIKE initiator; without MOBIKE it is told that there is none', () => {
  const moved = (router: Partial<IkeConnection>): [string, string[]] => {
    const { pair, chain } = up(router);
    return [given(pair, { type: 'path.move', chain, path: lte, reasons: ['x'], since: pair.now }), types(pair.router)];
  };
  assert.deepEqual(moved({}), ['lte', ['path.moving']]);
  assert.deepEqual(moved({ mobike: false }), ['', ['ike.unreachable no_mobike']]);
  const { pair, hubChain } = up();
  pair.feed(pair.hub, { type: 'path.move', chain: hubChain, path: { ...lte, local: lte.remote }, reasons: ['x'], since: pair.now });
  assert.deepEqual([uplinks(pair.hub), types(pair.hub)], ['', []]);
});

test('M3.10-1: a probe goes over its path, alone, and not in front of anything; the current path needs none', () => {
  const { pair, chain } = up();
  assert.equal(given(pair, { type: 'path.probe', chain, path: wan }), '');
  assert.equal(given(pair, { type: 'path.probe', chain, path: lte }), 'lte');
  assert.equal(given(pair, { type: 'path.probe', chain, path: { ...lte, uplink: 'third', ifindex: 9 } }), '');
  pair.runFor(seconds(1));
  uplinks(pair.router);
  given(pair, { type: 'liveness.check', chain });
  assert.equal(given(pair, { type: 'path.probe', chain, path: lte }), '');
  pair.runFor(seconds(2));
  assert.equal(uplinks(pair.router), '', 'nor when that is answered');
  const plain = up({ mobike: false });
  assert.equal(given(plain.pair, { type: 'path.probe', chain: plain.chain, path: lte }), '', 'I2.23-3: a peer without MOBIKE might follow');
});

test('D6.2-2: a race asks over the current path and eight in all; what is outstanding is asked, nothing new', () => {
  const { pair, chain } = up();
  const many = Array.from({ length: 20 }, (_, i): Path => ({ ...lte, uplink: `u${i}`, local: { ...lte.local, port: 9000 + i } }));
  assert.equal(given(pair, { type: 'path.race', chain, paths: [lte] }), 'wan lte');
  assert.equal(given(pair, { type: 'path.race', chain, paths: many }), 'u0 u1 u2 u3 u4 u5');
  const fresh = up();
  assert.equal(given(fresh.pair, { type: 'path.race', chain: fresh.chain, paths: [wan, ...many] }).split(' ').length, 8);
  assert.deepEqual([fresh.pair.router.engine.idle, fresh.pair.router.engine.deadline === undefined], [false, false]);
});

test('a check is asked once, of an established SA; inputs for a chain that is not there do nothing', () => {
  const { pair, chain } = up();
  assert.deepEqual([given(pair, { type: 'liveness.check', chain }), given(pair, { type: 'liveness.check', chain }), given(pair, { type: 'liveness.check', chain: 4711 })], ['wan', '', '']);
});

test('a child is rekeyed by its name; the IKE SA once at a time', () => {
  const { pair, chain } = up(twoChildren.router, twoChildren.hub);
  pair.feed(pair.router, { type: 'child.rekey', chain, child: 'voice' });
  pair.feed(pair.router, { type: 'child.rekey', chain, child: 'nobody' });
  pair.feed(pair.router, { type: 'child.rekey', chain, child: 'voice' });
  pair.runFor(seconds(2));
  assert.deepEqual(types(pair.router).filter((t) => t.startsWith('child')), ['child.rekeyed voice']);
  pair.feed(pair.router, { type: 'ike.rekey', chain });
  pair.feed(pair.router, { type: 'ike.rekey', chain });
  pair.runFor(seconds(2));
  assert.deepEqual(types(pair.router).filter((t) => t.startsWith('ike')), ['ike.rekeyed']);
});

test('a child that is not wanted is deleted and stays down; wanted again it comes back; wanted while it is up nothing happens', () => {
  const { pair, chain } = up(twoChildren.router, twoChildren.hub);
  const names = (): string => pair.router.engine.status()[0]?.children.map((c) => c.name).sort().join(' ') ?? '';
  const want = (child: string, isUp: boolean): string[] => {
    pair.feed(pair.router, { type: 'child.want', chain, child, up: isUp });
    pair.runFor(seconds(20));
    return types(pair.router).filter((t) => t.startsWith('child'));
  };
  assert.deepEqual([want('voice', true), names()], [[], 'lan voice']);
  assert.deepEqual([want('voice', false), names()], [['child.closed voice requested'], 'lan']);
  assert.deepEqual([want('voice', false), names()], [[], 'lan']);
  assert.deepEqual([want('voice', true), names()], [['child.established voice'], 'lan voice']);
  pair.feed(pair.router, { type: 'child.rekey', chain, child: 'voice' });
  pair.feed(pair.router, { type: 'child.want', chain, child: 'voice', up: false });
  pair.runFor(seconds(20));
  assert.equal(names(), 'lan', 'also while it is being rekeyed');
});

test('I2.8-1: a fresh SA sends its ESP along its path, and opens it', () => {
  const { pair, chain } = up();
  assert.deepEqual([pair.router.bundlePath.get(chain)?.uplink, pair.router.bundlePath.get(chain)?.local.port], ['wan', 4500]);
});

test('a connection is set up once at a time, over paths, with a child, if it is configured', () => {
  const { pair } = up({}, {}, false);
  pair.drop = () => true;
  const start = (name: string, paths: Path[]): string => given(pair, { type: 'connection.initiate', connection: name, paths });
  assert.deepEqual([start('nobody', [wan]), start('hq', []), pair.router.engine.isConnecting('hq')], ['', '', false]);
  assert.deepEqual([start('hq', [path('wan')]), start('hq', [path('lte')])], ['wan', '']);
  const { pair: childless } = up({ children: [] }, {}, false);
  childless.feed(childless.router, { type: 'connection.initiate', connection: 'hq', paths: [path('wan')] });
  assert.deepEqual(childless.router.events, [{ type: 'ike.failed', connection: 'hq', reason: 'child_failed', detail: 'the connection has no child' }]);
});

test('I2.8-1: the peer\'s first packet under an inbound SA takes its child into use, no other', () => {
  const { pair, chain } = up(twoChildren.router, twoChildren.hub);
  pair.feed(pair.router, { type: 'child.rekey', chain, child: 'lan' });
  pair.runFor(millis(50));
  const hub = pair.hub.engine.status()[0]?.children ?? [];
  const fresh = hub.filter((c) => c.name === 'lan').at(-1);
  const voice = hub.find((c) => c.name === 'voice');
  assert.ok(fresh && voice);
  const before = pair.hub.inUse.get(fresh.child);
  for (const handle of [voice.inHandle, fresh.outHandle, 999_999]) pair.feed(pair.hub, { type: 'child.used', handle });
  assert.equal(pair.hub.inUse.get(fresh.child), before);
  pair.feed(pair.hub, { type: 'child.used', handle: fresh.inHandle });
  assert.equal(pair.hub.inUse.get(fresh.child), fresh.outHandle);
});

test('I2.8-2: volumes of a child bring its rekeying, and of no other; what is nobody\'s counts for nothing', () => {
  const { pair } = up({ ...twoChildren.router, childPackets: 1000 }, twoChildren.hub);
  const [lan] = pair.router.engine.status()[0]?.children ?? [];
  assert.ok(lan);
  const before = pair.router.engine.deadline;
  pair.feed(pair.router, { type: 'volumes', sas: [{ handle: 999_999, packets: 5000, bytes: 0, sequence: 0 }, { handle: lan.inHandle, packets: 5, bytes: 0, sequence: 0 }] });
  assert.equal(pair.router.engine.deadline, before);
  pair.feed(pair.router, { type: 'volumes', sas: [{ handle: lan.outHandle, packets: 950, bytes: 0, sequence: 0 }] });
  assert.equal(pair.router.engine.deadline, pair.now, 'due at once');
  pair.runFor(seconds(2));
  assert.deepEqual(types(pair.router).filter((t) => t.startsWith('child')), [`child.rekeyed ${lan.name}`]);
});

test('I2.21.4-1: ESP under an SPI that is nobody\'s is told to the peer between whose endpoints it came, every ten seconds', () => {
  const { pair } = up();
  const esp = (change: { local?: number; remote?: number } = {}): string =>
    given(pair, { type: 'esp.unknownSpi', spi: 0x77777777, local: { ...wan.local, port: change.local ?? 4500 }, remote: { ...wan.remote, port: change.remote ?? 4500 } });
  assert.deepEqual([esp({ local: 4501 }), esp({ remote: 4501 })], ['', '']);
  assert.equal(esp(), 'wan');
  pair.runFor(millis(9_999));
  uplinks(pair.router);
  assert.equal(esp(), '');
  pair.runFor(millis(1));
  assert.equal(esp(), 'wan');
});

test('I2.21.4-1: ESP under an SPI that was ours within the last minute is late, and no sign of anything', () => {
  const { pair, chain } = up();
  const spi = pair.router.engine.status()[0]?.children[0]?.spiIn ?? 0;
  pair.latency = millis(0);
  pair.feed(pair.router, { type: 'child.want', chain, child: 'lan', up: false });
  pair.runFor(millis(0));
  const gone = pair.now;
  assert.equal(pair.router.sas.size, 0);
  const esp = (): string => given(pair, { type: 'esp.unknownSpi', spi, local: wan.local, remote: wan.remote });
  uplinks(pair.router);
  pair.runFor(millis(59_999));
  assert.deepEqual([pair.now - gone, esp()], [59_999, '']);
  pair.runFor(millis(1));
  assert.equal(esp(), 'wan');
});

test('NK-5: an SPI is neither reserved, nor one of ours, nor one that was until lately', () => {
  const { pair, chain } = up();
  const [lan] = pair.router.engine.status()[0]?.children ?? [];
  assert.ok(lan);
  const u32 = (n: number): Uint8Array => Uint8Array.of(n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255);
  pair.router.draws.set('child-spi', [u32(0), u32(255), u32(lan.spiIn), u32(256)]);
  pair.feed(pair.router, { type: 'child.rekey', chain, child: 'lan' });
  pair.runFor(seconds(1));
  assert.deepEqual(pair.router.engine.status()[0]?.children.map((c) => c.spiIn), [256]);
  pair.router.draws.set('child-spi', [u32(lan.spiIn), u32(256), u32(257)]);
  pair.feed(pair.router, { type: 'child.rekey', chain, child: 'lan' });
  pair.runFor(seconds(1));
  assert.deepEqual(pair.router.engine.status()[0]?.children.map((c) => c.spiIn), [257]);
  assert.equal(pair.router.engine.sizes().childSpis, 1);
  const zero = up({}, {}, false).pair;
  zero.router.draws.set('ike-spi', [new Uint8Array(8), Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 5)]);
  assert.equal(zero.connect() > 0, true);
  assert.equal(zero.router.engine.status()[0]?.spiI, 5n);
});

test('an engine gives each effect once, and nothing while it has nothing to do', () => {
  const around = new Alone();
  const engine = new IkeEngine({ suite: around.suite, entropy: around.entropy });
  engine.handle({ type: 'connections.set', connections: [connection('initiator')] }, instant(0));
  assert.equal(engine.handle({ type: 'connection.initiate', connection: 'hq', paths: [path('wan')] }, instant(1)).length, 1);
  assert.deepEqual(engine.handle({ type: 'tick' }, instant(2)), []);
  assert.deepEqual([engine.deadline !== undefined, HUB === ip('203.0.113.1')], [true, true]);
});
