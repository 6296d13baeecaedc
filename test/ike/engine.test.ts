import { test } from 'node:test';
import assert from 'node:assert/strict';
import { millis, samePath, seconds, type Path } from '../../src/base/index.ts';
import { decodeHeader } from '../../src/codec/ike/index.ts';
import { connection, IKE_SUITE, LTE, on4500, Pair, path, WAN, sharedKey } from './pair.ts';

const plain = (sent: { path: Path; bytes: Uint8Array }): Uint8Array => (sent.path.local.port === 500 ? sent.bytes : sent.bytes.subarray(4));

test('I1.2-1 I1.2-2 I2.14-1 I2.17-1: handshake with PSK, one round trip for each exchange, SAs pair up', () => {
  const pair = new Pair();
  pair.connect();
  const up = pair.router.of('ike.established')[0];
  assert.equal(up?.took, 40);
  assert.equal(up?.mobike, true);
  assert.equal(pair.router.sas.size, 2);
  pair.checkPaired();
  assert.equal(pair.router.inUse.size, 1);
});

test('M3.3-3: IKE_AUTH and all after it go from and to port 4500, with the marker', () => {
  const pair = new Pair();
  pair.connect();
  const auth = pair.router.sent[1];
  assert.ok(auth && auth.path.local.port === 4500 && auth.path.remote.port === 4500);
  assert.deepEqual([...auth.bytes.subarray(0, 4)], [0, 0, 0, 0]);
});

test('I2.15-2: a different PSK on the other side: AUTHENTICATION_FAILED, nothing installed', () => {
  const pair = new Pair('psk', connection('initiator', sharedKey('something else entirely')));
  pair.feed(pair.router, { type: 'connection.initiate', connection: 'hq', paths: [path('wan')] });
  pair.runFor(seconds(5));
  assert.deepEqual(pair.router.events.map((e) => e.type === 'ike.failed' && e.reason).filter(Boolean), ['authentication_failed']);
  assert.equal(pair.router.sas.size + pair.hub.sas.size, 0);
  assert.ok(pair.hub.logs.some((l) => l.includes('does not verify')));
});

test('I1.2-6: INVALID_KE_PAYLOAD is followed to an offered group', () => {
  const hubSuite = { ...IKE_SUITE, groups: [19] };
  const pair = new Pair('ke', connection('initiator'), connection('responder', { ikeProposals: [hubSuite] }));
  pair.connect();
  assert.equal(pair.router.engine.status()[0]?.proposal, 'aes256gcm16-prfsha256-ecp256');
  pair.checkPaired();
});

test('I2.1-1 I2.1-2: lost messages are repeated octet for octet, and answered from the cache', () => {
  const pair = new Pair('loss');
  let state = 2;
  // About every other datagram is lost, in both directions.
  pair.drop = () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 16) % 2 === 0;
  };
  pair.feed(pair.router, { type: 'connection.initiate', connection: 'hq', paths: [path('wan')] });
  pair.runFor(seconds(20));
  assert.equal(pair.router.of('ike.established').length, 1);
  assert.equal(pair.hub.of('ike.established').length, 1);
  const auths = pair.router.sent.map(plain).filter((b) => decodeHeader(b)?.exchange === 35);
  assert.ok(auths.length > 1);
  for (const again of auths) assert.deepEqual(again, auths[0]);
  pair.checkPaired();
});

test('I2.6-1 I2.6-3: above the limit of half-open SAs a cookie is asked for, and a real initiator gets through', () => {
  const pair = new Pair('cookie');
  // Four half-open SAs from one source: their IKE_AUTH never comes.
  const noise = new Pair('noise');
  noise.drop = () => true;
  for (let i = 0; i < 4; i++) {
    const other = new Pair(`noise${i}`);
    other.drop = () => true;
    other.feed(other.router, { type: 'connection.initiate', connection: 'hq', paths: [path('wan')] });
    const init = other.router.sent[0];
    assert.ok(init);
    pair.deliver(pair.hub, { uplink: 'eth0', ifindex: 9, local: init.path.remote, remote: init.path.local }, init.bytes);
  }
  pair.connect();
  const inits = pair.router.sent.map(plain).filter((b) => decodeHeader(b)?.exchange === 34);
  assert.equal(inits.length, 2);
  assert.equal(inits[1]?.[16], 41, 'the COOKIE notify comes first');
});

test('M3.1-1: one uplink swallows everything: the SA comes up over the other within a second, one IKE_AUTH in all', () => {
  const pair = new Pair('race');
  pair.drop = (_from, p) => p.uplink === 'wan';
  pair.connect(path('wan'), path('lte'));
  const up = pair.router.of('ike.established')[0];
  assert.equal(up?.path.uplink, 'lte');
  assert.equal(pair.router.sent.map(plain).filter((b) => decodeHeader(b)?.exchange === 35).length, 1);
  pair.checkPaired();
});

test('M3.5-3 to M3.5-8, M3.5-13, M3.5-15: a move takes one round trip, the responder turns after return routability', () => {
  const pair = new Pair('move');
  const chain = pair.connect();
  const since = pair.now;
  pair.feed(pair.router, { type: 'path.move', chain, path: on4500(path('lte')), reasons: ['current_down'], since });
  assert.equal(pair.router.bundlePath.get(chain)?.uplink, 'lte');
  const update = pair.router.sent.at(-1);
  assert.equal(update?.at, since, 'UPDATE_SA_ADDRESSES leaves at once');
  pair.runFor(millis(25));
  const moved = pair.router.of('path.moved')[0];
  assert.equal(moved?.took, 20);
  assert.equal(pair.hub.bundlePath.get(pair.hubChain())?.remote.address, WAN);
  pair.runFor(millis(25));
  assert.equal(pair.hub.bundlePath.get(pair.hubChain())?.remote.address, LTE);
  assert.equal(pair.hub.of('path.moved').length, 1);
});

test('M3.5-6 M3.5-7: an outstanding request is finished over the new pair first, same octets', () => {
  const pair = new Pair('outstanding');
  const chain = pair.connect();
  pair.drop = (_from, p) => p.uplink === 'wan' || p.remote.address === WAN;
  pair.feed(pair.router, { type: 'child.rekey', chain, child: 'lan' });
  const request = pair.router.sent.at(-1);
  pair.runFor(millis(50));
  pair.feed(pair.router, { type: 'path.move', chain, path: on4500(path('lte')), reasons: ['current_down'], since: pair.now });
  assert.deepEqual(pair.router.sent.at(-1)?.bytes, request?.bytes);
  assert.equal(pair.router.sent.at(-1)?.path.uplink, 'lte');
  pair.runFor(seconds(3));
  assert.equal(pair.router.of('path.moved').length, 1);
  assert.equal(pair.router.of('child.rekeyed').length, 1);
  pair.checkPaired();
  assert.equal(pair.router.sas.size, 2);
});

test('M3.5-9: five changes within a round trip end on the last path, with few updates', () => {
  const pair = new Pair('collapse');
  const chain = pair.connect();
  const before = pair.router.sent.length;
  for (let i = 0; i < 5; i++) {
    pair.feed(pair.router, { type: 'path.move', chain, path: on4500(path(i % 2 === 0 ? 'lte' : 'wan')), reasons: ['test'], since: pair.now });
    pair.runFor(millis(2));
  }
  pair.runFor(seconds(2));
  assert.equal(pair.router.engine.status()[0]?.path.uplink, 'lte');
  assert.equal(pair.hub.bundlePath.get(pair.hubChain())?.remote.address, LTE);
  const ids = new Set(pair.router.sent.slice(before).map((s) => decodeHeader(plain(s))).filter((h) => h && !h.isResponse).map((h) => h?.messageId));
  assert.ok(ids.size <= 3, `${ids.size} requests`);
});

test('D6.2-2: a doubtful path: the stuck request is raced with the same octets, its answer is reported', () => {
  const pair = new Pair('race2');
  const chain = pair.connect();
  pair.drop = (_from, p) => p.uplink === 'wan' || p.remote.address === WAN;
  pair.feed(pair.router, { type: 'liveness.check', chain });
  pair.runFor(millis(900));
  assert.ok(pair.router.of('path.doubtful').length >= 1);
  pair.feed(pair.router, { type: 'path.race', chain, paths: [on4500(path('lte'))] });
  pair.runFor(millis(30));
  const answered = pair.router.of('path.answered').at(-1);
  assert.equal(answered?.path.uplink, 'lte');
  assert.equal(answered?.current, false);
});

test('M3.10-1: a probe of a standby path moves nothing; a dead standby gives the window back', () => {
  const pair = new Pair('probe');
  const chain = pair.connect();
  pair.feed(pair.router, { type: 'path.probe', chain, path: on4500(path('lte')) });
  pair.runFor(millis(100));
  assert.deepEqual(pair.router.of('path.answered').slice(-2).map((e) => e.path.uplink), ['lte', 'wan'], 'Q-11: the current path has the last word');
  assert.equal(pair.hub.engine.status()[0]?.path.remote.address, WAN, 'M3.8-5: IKE packets never move anything');
  pair.drop = (_from, p) => p.uplink === 'lte';
  pair.feed(pair.router, { type: 'path.probe', chain, path: on4500(path('lte')) });
  pair.runFor(seconds(5));
  assert.equal(pair.router.of('path.unanswered').length, 1);
  assert.equal(pair.router.of('path.answered').at(-1)?.path.uplink, 'wan');
  assert.equal(pair.router.of('ike.closed').length, 0);
});

test('M3.8-3 M3.8-4: a NAT that maps anew is found by the next check and repaired by an update on the same pair', () => {
  const pair = new Pair('rebinding');
  let port = 40_000;
  pair.nat = (local) => ({ address: WAN, port: port + (local.port % 100) });
  const chain = pair.connect(path('wan', LTE));
  assert.equal(pair.router.engine.status()[0]?.natLocal, true);
  assert.equal(pair.router.of('nat.changed').length, 0);
  port = 50_000;
  pair.forgetMappings();
  pair.feed(pair.router, { type: 'liveness.check', chain });
  pair.runFor(millis(100));
  assert.equal(pair.router.of('nat.changed').length, 1);
  assert.equal(pair.hub.bundlePath.get(pair.hubChain())?.remote.port, 50_000);
  assert.equal(pair.router.of('path.moved').length, 0, 'the path is the same');
});

test('N-i NK-2: keepalives only behind a NAT, only on the current path, only when nothing else left', () => {
  const pair = new Pair('keepalive');
  pair.nat = (local) => ({ address: WAN, port: 40_000 + (local.port % 100) });
  const chain = pair.connect(path('wan', LTE));
  pair.runFor(seconds(50));
  const alive = pair.router.sent.filter((s) => s.bytes.length === 1);
  assert.equal(alive.length, 2);
  assert.ok(alive.every((s) => s.bytes[0] === 0xff && s.path.local.port === 4500));
  pair.feed(pair.router, { type: 'traffic', chain, traffic: { lastInbound: pair.now, lastOutbound: undefined, lastAny: pair.now }, active: seconds(1) });
  const before = pair.router.sent.filter((s) => s.bytes.length === 1).length;
  pair.runFor(seconds(4));
  assert.equal(pair.router.sent.filter((s) => s.bytes.length === 1).length, before);
  const open = new Pair('no-nat');
  open.connect();
  open.runFor(seconds(50));
  assert.equal(open.router.sent.filter((s) => s.bytes.length === 1).length, 0);
});

test('I2.4-3: traffic that goes unanswered for a second brings a liveness check; idle lines are checked after 60 s', () => {
  const pair = new Pair('liveness');
  const chain = pair.connect();
  const before = pair.router.sent.length;
  pair.runFor(seconds(30));
  assert.equal(pair.router.sent.length, before);
  pair.feed(pair.router, { type: 'traffic', chain, traffic: { lastInbound: undefined, lastOutbound: pair.now, lastAny: pair.now }, active: seconds(1) });
  pair.runFor(millis(990));
  assert.equal(pair.router.sent.length, before);
  pair.runFor(millis(20));
  assert.equal(pair.router.sent.length, before + 1);
  pair.runFor(seconds(61));
  assert.equal(pair.router.sent.length, before + 2);
});

test('I2.8-1 I2.8-3 I2.18-1: Child SA and IKE SA are rekeyed by lifetime, from either side, nothing is left over', () => {
  const pair = new Pair('rekey', connection('initiator', { childLifetime: seconds(100), ikeLifetime: seconds(250) }), connection('responder', { childLifetime: seconds(130), ikeLifetime: seconds(400) }));
  pair.connect();
  const first = pair.router.engine.status()[0];
  pair.runFor(seconds(1000));
  const last = pair.router.engine.status()[0];
  assert.ok(pair.router.of('child.rekeyed').length >= 9);
  assert.ok(pair.router.of('ike.rekeyed').length >= 3);
  assert.equal(last?.chain, first?.chain);
  assert.notEqual(last?.spiI, first?.spiI);
  assert.equal(pair.router.sas.size, 2);
  assert.equal(pair.router.of('ike.closed').length + pair.hub.of('ike.closed').length, 0);
  pair.checkPaired();
  const hubRekeys = new Pair('rekey-hub', connection('initiator'), connection('responder', { childLifetime: seconds(100), ikeLifetime: seconds(250) }));
  hubRekeys.connect();
  hubRekeys.runFor(seconds(1000));
  assert.ok(hubRekeys.hub.of('ike.rekeyed').length >= 3);
  assert.equal(hubRekeys.router.sas.size, 2);
  hubRekeys.checkPaired();
});

test('M1.3-1: after the responder rekeyed the IKE SA the initiator of the chain still moves it', () => {
  const pair = new Pair('role');
  const chain = pair.connect();
  pair.feed(pair.hub, { type: 'ike.rekey', chain: pair.hubChain() });
  pair.runFor(seconds(1));
  assert.equal(pair.router.of('ike.rekeyed').length, 1);
  pair.feed(pair.router, { type: 'path.move', chain, path: on4500(path('lte')), reasons: ['test'], since: pair.now });
  pair.runFor(seconds(1));
  assert.equal(pair.hub.bundlePath.get(pair.hubChain())?.remote.address, LTE);
});

test('I1.4.1-1: Delete ends both sides', () => {
  const pair = new Pair('delete');
  const chain = pair.connect();
  pair.feed(pair.router, { type: 'chain.close', chain, reason: 'requested' });
  pair.runFor(seconds(1));
  assert.deepEqual(pair.hub.of('ike.closed').map((e) => e.reason), ['peer_deleted']);
  assert.equal(pair.router.sas.size + pair.hub.sas.size, 0);
  assert.equal(pair.router.engine.status().length + pair.hub.engine.status().length, 0);
  assert.equal(pair.router.engine.deadline, undefined);
});

test('I2.4-4: INITIAL_CONTACT after a restart removes the old SA of the same identities, and only after AUTH', () => {
  const pair = new Pair('restart');
  pair.connect();
  const again = new Pair('restart2');
  // The router restarts: a new engine against the old hub.
  Object.assign(pair, { router: again.router });
  pair.connect();
  assert.deepEqual(pair.hub.of('ike.closed').map((e) => e.reason), ['replaced']);
  assert.equal(pair.hub.engine.status().length, 1);
  pair.checkPaired();
});

test('I2.21.4-1: a hub that lost its state answers INVALID_IKE_SPI: told as unreachable, nothing is closed', () => {
  const pair = new Pair('lost');
  const chain = pair.connect();
  Object.assign(pair, { hub: new Pair('fresh').hub });
  pair.feed(pair.router, { type: 'liveness.check', chain });
  pair.runFor(seconds(1));
  assert.deepEqual(pair.router.of('ike.unreachable').map((e) => e.hint), ['invalid_ike_spi']);
  assert.equal(pair.router.engine.status()[0]?.state, 'established');
});

test('D6.2-5: without any answer the SA goes after the hold time, and is told unreachable long before', () => {
  const pair = new Pair('hold');
  const chain = pair.connect();
  pair.drop = () => true;
  const start = pair.now;
  pair.feed(pair.router, { type: 'liveness.check', chain });
  pair.runFor(seconds(20));
  assert.equal(pair.router.of('ike.unreachable').length, 1);
  pair.runFor(seconds(285));
  assert.deepEqual(pair.router.of('ike.closed').map((e) => e.reason), ['peer_dead']);
  assert.ok(pair.now - start < 310_000);
  assert.equal(pair.router.sas.size, 0);
});

test('M3.2-1: without MOBIKE at the peer a move is refused and told', () => {
  const pair = new Pair('no-mobike', connection('initiator'), connection('responder', { mobike: false }));
  const chain = pair.connect();
  assert.equal(pair.router.of('ike.established')[0]?.mobike, false);
  pair.feed(pair.router, { type: 'path.move', chain, path: on4500(path('lte')), reasons: ['test'], since: pair.now });
  assert.deepEqual(pair.router.of('ike.unreachable').map((e) => e.hint), ['no_mobike']);
});

test('I2.9-1: selectors are narrowed to offer and policy; disjoint ones leave the IKE SA up without the child', () => {
  const pair = new Pair('narrow', connection('initiator', { children: [{ name: 'lan', localTs: [{ address: '10.1.0.0' as never, length: 16 }], remoteTs: [{ address: '10.0.0.0' as never, length: 8 }], espProposals: connection('initiator').children[0]?.espProposals ?? [] }] }));
  pair.connect();
  const sa = [...pair.router.sas.values()].find((s) => s.direction === 'out');
  assert.equal(sa?.remote[0]?.start, '10.2.0.0');
  assert.equal(sa?.local[0]?.end, '10.1.0.255');
  const apart = new Pair('apart', connection('initiator', { children: [{ name: 'lan', localTs: [{ address: '10.9.0.0' as never, length: 24 }], remoteTs: [{ address: '10.8.0.0' as never, length: 24 }], espProposals: connection('initiator').children[0]?.espProposals ?? [] }] }));
  apart.connect();
  assert.equal(apart.router.sas.size, 0);
  assert.deepEqual(apart.router.of('child.closed').map((e) => e.reason), ['TS_UNACCEPTABLE']);
  assert.equal(apart.router.engine.status()[0]?.state, 'established');
});

test('D6.2-1: no message but its first send is ever sealed twice: a move resends the same octets', () => {
  const pair = new Pair('same');
  const chain = pair.connect();
  assert.ok(samePath(pair.router.engine.status()[0]?.path, on4500(path('wan'))));
  pair.drop = () => true;
  pair.feed(pair.router, { type: 'liveness.check', chain });
  const first = pair.router.sent.at(-1)?.bytes;
  pair.runFor(seconds(10));
  for (const s of pair.router.sent.slice(-4)) assert.deepEqual(s.bytes, first);
});
