import assert from 'node:assert/strict';
import { test } from 'node:test';
import { instant, ip, millis, pathKey, seconds, type Path } from '../../src/base/index.ts';
import { judgeClaim, noNats } from '../../src/ike/encapsulation.ts';
import type { IkeConnection } from '../../src/ike/index.ts';
import { Alone, LTE as LTE_PATH, WAN as WAN_PATH } from './lone.ts';
import { connection, ESP_SUITE, LTE, on4500, Pair, path, prefixes } from './pair.ts';
import { hash, notify, rawNotify, ScriptedPeer } from './scripted-peer.ts';

const NATTED = ip('198.51.100.7');

/** Both ends can do ESP without UDP; wan is public, lte behind a NAT. */
function pairOf(router: Partial<IkeConnection> = {}, hub: Partial<IkeConnection> = {}, families: readonly (4 | 6)[] = [4, 6]): Pair {
  const pair = new Pair('encapsulation', connection('initiator', router), connection('responder', hub));
  for (const side of [pair.router, pair.hub]) pair.feed(side, { type: 'esp.plain', families });
  pair.nat = (local) => (local.address === LTE ? { address: NATTED, port: 20_000 + local.port } : local);
  return pair;
}

const ways = (pair: Pair): [string, string] => [pair.router.engine.status()[0]?.encapsulation ?? '', pair.hub.engine.status()[0]?.encapsulation ?? ''];

function move(pair: Pair, uplink: 'wan' | 'lte', port = 4500): void {
  const to = path(uplink);
  const chain = pair.router.engine.status()[0]?.chain ?? -1;
  pair.feed(pair.router, { type: 'path.move', chain, path: port === 500 ? to : on4500(to), reasons: ['test'], since: pair.now });
}

const keepalives = (pair: Pair): number => pair.router.sent.filter((s) => s.bytes.length === 1 && s.bytes[0] === 0xff).length;

test('M3.5-16 D5.3-1: three Child SAs turn with their IKE SA, at both ends', () => {
  const child = (name: string, net: number, [local, remote]: readonly [string, string]): IkeConnection['children'][number] =>
    ({ name, localTs: prefixes(`${local}.${net}.0/24`), remoteTs: prefixes(`${remote}.${net}.0/24`), espProposals: [ESP_SUITE] });
  const three = (sides: readonly [string, string]): Partial<IkeConnection> => ({ children: [child('a', 1, sides), child('b', 2, sides), child('c', 3, sides)] });
  const pair = pairOf(three(['10.1', '10.2']), three(['10.2', '10.1']));
  pair.connect();
  pair.runFor(seconds(5));
  for (const side of [pair.router, pair.hub]) {
    const bundles = new Set([...side.sas.values()].map((sa) => sa.bundle));
    assert.deepEqual([side.sas.size, [...bundles]], [6, [...side.bundlePath.keys()]], 'one bundle, one path');
  }
  move(pair, 'lte');
  pair.runFor(seconds(1));
  assert.deepEqual([pair.router.espWays.at(-1), pair.hub.espWays.at(-1), [...pair.hub.bundlePath.values()][0]?.remote], ['lte udp', 'eth0 udp', { address: NATTED, port: 24_500 }]);
});

test('I2.21.4-1 D5.5.2-3: ESP without UDP under an SPI that is not ours is told of inside the IKE SA of its addresses', () => {
  const pair = pairOf();
  pair.connect();
  const { local, remote } = on4500(path('wan'));
  const told = (from: typeof remote): boolean => {
    const before = pair.router.sent.length;
    pair.feed(pair.router, { type: 'esp.unknownSpi', spi: 0x7777, local: { ...local, port: 0 }, remote: from });
    pair.runFor(seconds(1));
    return pair.router.sent.length > before;
  };
  assert.deepEqual([told({ address: ip('203.0.113.99'), port: 0 }), told({ ...remote, port: 0 })], [false, true]);
});

test('N-e N-a N-b N-h M3.5-5 M3.5-17 M3.5-22 D5.2.1-2: in UDP behind a NAT, without it elsewhere, at both ends, there and back 20 times', () => {
  const pair = pairOf();
  pair.connect();
  assert.deepEqual(ways(pair), ['none', 'none']);
  assert.deepEqual([pair.router.engine.status()[0]?.natLocal, pair.router.engine.status()[0]?.natRemote], [false, false], 'honest hashes');
  for (let turn = 0; turn < 20; turn++) {
    const from = pair.router.espWays.length;
    move(pair, 'lte');
    assert.equal(pair.router.espWays.at(-1), 'lte udp', 'before the answer');
    pair.runFor(millis(900));
    assert.deepEqual(ways(pair), ['udp', 'udp']);
    move(pair, 'wan');
    assert.equal(pair.router.espWays.at(-1), 'wan none', 'known to be without a NAT');
    pair.runFor(millis(900));
    assert.deepEqual(ways(pair), ['none', 'none']);
    assert.deepEqual(pair.router.espWays.slice(from), ['lte udp', 'wan none']);
  }
  assert.deepEqual(pair.hub.espWays.slice(-2), ['eth0 udp', 'eth0 none']);
});

test('M3.5-5 M3.5-22: a pair nobody knows begins in UDP and leaves it with the answer', () => {
  const pair = pairOf();
  pair.connect(path('lte'));
  assert.deepEqual(ways(pair), ['udp', 'udp']);
  move(pair, 'wan');
  pair.runFor(millis(500));
  assert.deepEqual(pair.router.espWays.slice(-2), ['wan udp', 'wan none']);
  assert.deepEqual(ways(pair), ['none', 'none']);
});

test('N-i D5.2.3-1: keepalives only where ESP goes in UDP behind a NAT of ours', () => {
  const pair = pairOf();
  pair.connect();
  pair.runFor(seconds(100));
  assert.equal(keepalives(pair), 0);
  move(pair, 'lte');
  pair.runFor(seconds(100));
  const behind = keepalives(pair);
  assert.ok(behind >= 2, `${behind} keepalives`);
  move(pair, 'wan');
  pair.runFor(seconds(200));
  assert.equal(keepalives(pair), behind);
});

for (const [router, hub] of [['always', 'auto'], ['auto', 'always']] as const) {
  test(`NK-8 N-h: nat_t ${router} at the router and ${hub} at the hub: in UDP without a NAT, at both ends, after a move too`, () => {
    const pair = pairOf({ natT: router }, { natT: hub });
    pair.connect();
    assert.deepEqual(ways(pair), ['udp', 'udp']);
    move(pair, 'lte');
    pair.runFor(seconds(1));
    move(pair, 'wan');
    pair.runFor(seconds(1));
    assert.deepEqual(ways(pair), ['udp', 'udp']);
  });
}

test('NK-8: nat_t never: a NAT that is there still means UDP', () => {
  const pair = pairOf({ natT: 'never' }, { natT: 'never' });
  pair.connect(path('lte'));
  assert.deepEqual(ways(pair), ['udp', 'udp']);
  move(pair, 'wan');
  pair.runFor(seconds(1));
  assert.deepEqual(ways(pair), ['none', 'none']);
});

test('NK-8: where raw sockets are missing, at either end, all ESP goes in UDP', () => {
  for (const [router, hub] of [[[], [4]], [[4], []], [[6], [4, 6]]] as const) {
    const pair = pairOf();
    pair.feed(pair.router, { type: 'esp.plain', families: router });
    pair.feed(pair.hub, { type: 'esp.plain', families: hub });
    pair.connect();
    assert.deepEqual(ways(pair), ['udp', 'udp']);
  }
});

test('M3.5-22 M3.8-3: a NAT that appears on the path shows in a check, and an update of its own turns both ends', () => {
  const pair = pairOf();
  const chain = pair.connect();
  pair.feed(pair.router, { type: 'liveness.check', chain });
  pair.runFor(seconds(1));
  pair.nat = () => ({ address: NATTED, port: 31_000 });
  const moves = pair.router.sent.length;
  pair.feed(pair.router, { type: 'liveness.check', chain });
  pair.runFor(millis(21));
  assert.deepEqual(ways(pair), ['none', 'none'], 'a check alone changes nothing');
  pair.runFor(seconds(1));
  assert.deepEqual(ways(pair), ['udp', 'udp']);
  // The check, the update, and the answer to the hub's question of return routability.
  assert.equal(pair.router.sent.length - moves, 3);
});

test('F-3 M3.5-22: UDP is forced on one pair from outside, stays through checks and rekeyings, and ends when it is no longer wanted', () => {
  const pair = pairOf();
  const chain = pair.connect();
  pair.feed(pair.router, { type: 'path.encapsulate', chain, path: on4500(path('wan')), on: true });
  pair.runFor(seconds(1));
  assert.deepEqual(ways(pair), ['udp', 'udp']);
  pair.feed(pair.router, { type: 'ike.rekey', chain });
  pair.runFor(seconds(1));
  pair.feed(pair.router, { type: 'liveness.check', chain });
  pair.runFor(seconds(1));
  assert.deepEqual(ways(pair), ['udp', 'udp']);
  move(pair, 'lte');
  pair.runFor(seconds(1));
  move(pair, 'wan');
  pair.runFor(seconds(1));
  assert.deepEqual(ways(pair), ['udp', 'udp'], 'remembered for the pair');
  pair.feed(pair.router, { type: 'path.encapsulate', chain, path: on4500(path('wan')), on: false });
  pair.runFor(seconds(1));
  assert.deepEqual(ways(pair), ['none', 'none']);
});

test('F-3 NK-8: nat_t never is not forced from outside either', () => {
  const pair = pairOf({ natT: 'never' });
  const chain = pair.connect();
  const sent = pair.router.sent.length;
  pair.feed(pair.router, { type: 'path.encapsulate', chain, path: on4500(path('wan')), on: true });
  pair.runFor(seconds(1));
  assert.deepEqual([ways(pair), pair.router.sent.length - sent], [['none', 'none'], 0]);
});

test('X-1 M3.9-1: a rekeyed IKE SA goes on with the encapsulation there is', () => {
  const pair = pairOf();
  const chain = pair.connect();
  for (const side of [pair.router, pair.hub]) {
    pair.feed(side, { type: 'ike.rekey', chain: side === pair.router ? chain : pair.hubChain() });
    pair.runFor(seconds(1));
    assert.deepEqual(ways(pair), ['none', 'none']);
  }
});

// ---- without NAT traversal ----

const lastPort = (pair: Pair): number | undefined => pair.router.engine.status()[0]?.path.local.port;

for (const who of ['router', 'hub'] as const) {
  test(`N-g N-k M3.9-1 D5.2.1-1: nat_t prohibit at the ${who}: no NAT traversal, port 500 stays, and it moves`, () => {
    const pair = who === 'router' ? pairOf({ natT: 'prohibit' }) : pairOf({}, { natT: 'prohibit' });
    pair.nat = (local) => local;
    pair.connect();
    assert.deepEqual([ways(pair), lastPort(pair)], [['none', 'none'], 500]);
    move(pair, 'lte', 500);
    pair.runFor(seconds(1));
    assert.deepEqual([ways(pair), pair.router.of('path.moved').length, pair.hub.engine.status()[0]?.path.remote], [['none', 'none'], 1, { address: LTE, port: 500 }]);
    pair.runFor(seconds(300));
    assert.equal(keepalives(pair), 0);
    assert.ok(pair.router.sent.every((s) => s.path.local.port === 500));
  });
}

test('M3.9-1: who cannot send ESP without UDP refuses a peer without NAT traversal', () => {
  const pair = pairOf({ natT: 'prohibit' });
  pair.feed(pair.hub, { type: 'esp.plain', families: [] });
  assert.throws(() => pair.connect(), new RegExp('not established'));
  assert.ok(pair.hub.logs.some((line) => line.includes('does not do NAT traversal')));
});

test('M3.9-2 M3.9-4 N-g: a translator in front of IKE_AUTH: no SA; five new attempts, then the pair is given up and another tried', () => {
  const pair = pairOf({ natT: 'prohibit' });
  const attempt = (): void => {
    pair.feed(pair.router, { type: 'connection.initiate', connection: 'hq', paths: [path('lte'), path('wan')] });
    pair.runFor(seconds(3));
  };
  for (let tries = 1; tries <= 5; tries++) {
    attempt();
    assert.equal(pair.router.of('ike.failed').at(-1)?.reason, 'nat_detected');
    assert.deepEqual([pair.router.of('ike.failed').length, pair.hub.engine.status().length], [tries, 0]);
  }
  assert.deepEqual(pair.router.of('path.refused').map((e) => e.path.uplink), ['lte']);
  attempt();
  assert.equal(pair.router.engine.status()[0]?.path.uplink, 'wan');
});

test('M3.5-19 M3.9-4: a move behind a NAT that is not allowed: five new requests, then back to the old pair, and the new one is told as refused', () => {
  const pair = pairOf({ natT: 'prohibit' });
  pair.connect();
  const seen = new Set<string>();
  pair.drop = (from, on, bytes) => {
    if (from === 'router' && on.uplink === 'lte') seen.add(Buffer.from(bytes).toString('hex'));
    return false;
  };
  move(pair, 'lte', 500);
  pair.runFor(seconds(3));
  assert.equal(seen.size, 5, 'new requests, not repetitions');
  assert.deepEqual(pair.router.of('path.refused').map((e) => e.path.uplink), ['lte']);
  assert.equal(pair.router.engine.status()[0]?.path.uplink, 'wan');
  assert.deepEqual(pair.hub.engine.status()[0]?.path.remote, path('wan').local, 'nothing of it was processed');
  assert.equal(pair.hub.of('path.moving').at(-1)?.to.remote.address, undefined);
});

test('M3.9-4: a box that alters one packet only is survived', () => {
  const pair = pairOf({ natT: 'prohibit' });
  pair.connect();
  let altered = 0;
  pair.nat = (local) => (local.address === LTE && altered++ === 0 ? { address: NATTED, port: 500 } : local);
  move(pair, 'lte', 500);
  pair.runFor(seconds(3));
  assert.deepEqual([pair.router.of('path.moved').map((e) => e.to.uplink), pair.router.of('path.refused').length], [['lte'], 0]);
  assert.equal(pair.hub.engine.status()[0]?.path.remote.address, LTE);
});

test('M3.9-4: an answer to a request that went over several pairs does not count', () => {
  const pair = pairOf({ natT: 'prohibit' });
  const chain = pair.connect();
  pair.drop = (from, on) => from === 'router' && on.uplink === 'wan';
  pair.feed(pair.router, { type: 'path.move', chain, path: { ...path('wan'), ifindex: 12 }, reasons: ['test'], since: pair.now });
  for (let i = 0; i < 6; i++) {
    pair.feed(pair.router, { type: 'path.race', chain, paths: [path('lte')] });
    pair.runFor(seconds(2));
  }
  assert.equal(pair.router.of('path.refused').length, 0, 'the answers came to requests of two pairs');
  pair.drop = () => false;
  pair.runFor(seconds(10));
  assert.equal(pair.router.of('path.refused').length, 0);
  assert.equal(pair.hub.engine.status()[0]?.path.remote.address, path('wan').local.address);
});

test('M3.9-2 M3.9-3: what NO_NATS_ALLOWED says, in IPv4 and IPv6, is compared with where the packet came from and went to', () => {
  const around = new Alone();
  const sa = around.sa();
  sa.nat.traversal = false;
  const six: Path = { ...LTE_PATH, local: { address: ip('2001:db8::7'), port: 500 }, remote: { address: ip('2001:db8::1'), port: 500 } };
  for (const sent of [WAN_PATH, six]) {
    const arrived = { ...sent, local: sent.remote, remote: sent.local };
    const claim = noNats(sent);
    assert.equal(claim.data.length, sent === six ? 36 : 12);
    const judge = (on: Path): string => judgeClaim(sa, [claim], on);
    assert.equal(judge(arrived), 'fits');
    assert.equal(judge({ ...arrived, remote: { ...arrived.remote, port: 501 } }), 'translated');
    assert.equal(judge({ ...arrived, local: { ...arrived.local, port: 501 } }), 'translated');
    assert.equal(judge({ ...arrived, remote: { address: ip('192.0.2.99'), port: arrived.remote.port } }), 'translated');
    assert.equal(judge(sent === six ? { ...WAN_PATH, local: WAN_PATH.remote, remote: WAN_PATH.local } : { ...six, local: six.remote, remote: six.local }), 'translated', 'the other family: a translator of protocols');
  }
  for (let length = 0; length <= 300; length++) {
    const judged = judgeClaim(sa, [rawNotify(16_402, new Uint8Array(length))], WAN_PATH);
    assert.equal(judged, length === 12 || length === 36 ? 'translated' : 'malformed');
  }
  assert.equal(judgeClaim(sa, [], WAN_PATH), 'fits');
  sa.nat.traversal = true;
  assert.equal(judgeClaim(sa, [rawNotify(16_402)], WAN_PATH), 'fits', 'with NAT traversal it is never sent');
});

test('RFC 4555 §4.2.6: the octets of NO_NATS_ALLOWED', () => {
  assert.equal(Buffer.from(noNats(WAN_PATH).data).toString('hex'), `c000020acb007101${'1194'.repeat(2)}`);
});

test('M3.3-1: a Child SA asked for over another path is on the current one', () => {
  const pair = pairOf();
  const chain = pair.connect();
  const before = pair.hub.bundlePath.get(pair.hubChain());
  pair.feed(pair.router, { type: 'child.rekey', chain, child: 'lan' });
  pair.drop = (from, on) => from === 'router' && on.uplink === 'wan';
  pair.feed(pair.router, { type: 'path.race', chain, paths: [on4500(path('lte'))] });
  pair.runFor(seconds(2));
  assert.equal(pair.router.of('child.rekeyed').length, 1, 'its request came over lte alone');
  assert.equal(pathKey(pair.hub.bundlePath.get(pair.hubChain()) as Path), pathKey(before as Path));
  assert.deepEqual(ways(pair), ['none', 'none']);
});

test('I2.23-1 NK-8: a peer that stays on port 500 sees no NAT, whatever its SOURCE hash says: no UDP, as with OpenIKED, which hashes 0.0.0.0', () => {
  for (const port of [500, 4500]) {
    const peer = new ScriptedPeer('hub');
    peer.side.engine.handle({ type: 'esp.plain', families: [4] }, instant(0));
    peer.spiI = 0x7000n;
    const [sa, ke, ni] = peer.initPayloads();
    assert.ok(sa && ke && ni);
    const nowhere = { address: ip('0.0.0.0'), port: 500 };
    const [answer] = peer.init([sa, ke, ni, notify('NAT_DETECTION_SOURCE_IP', hash(0x7000n, 0n, nowhere)), notify('NAT_DETECTION_DESTINATION_IP', hash(0x7000n, 0n, peer.path.local))]);
    assert.ok(answer);
    peer.takeInit(answer);
    peer.path = { ...peer.path, local: { ...peer.path.local, port }, remote: { ...peer.path.remote, port } };
    peer.answerTo('IKE_AUTH', [...peer.authPayloads(), ...peer.childPayloads()]);
    const status = peer.side.engine.status()[0];
    assert.deepEqual([status?.natRemote, status?.encapsulation], [true, port === 500 ? 'none' : 'udp']);
  }
});
