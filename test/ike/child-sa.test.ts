// Lifetimes of Child SAs by packets, octets and sequence numbers, on either side of each limit.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { instant, millis, seconds } from '../../src/base/index.ts';
import { childKeys } from '../../src/crypto/index.ts';
import { countVolume, goesOn, removeChild, softShare, useChild, type ChildSa } from '../../src/ike/child-sa.ts';
import type { IkeSa } from '../../src/ike/ike-sa.ts';
import type { ChildInstall, IkeIdentity } from '../../src/ike/index.ts';
import { Alone, CHOSEN } from './lone.ts';
import { connection, ESP_SUITE, Pair, type Side } from './pair.ts';
import { EspFlow } from './esp-flow.ts';
import { atRest } from './rest.ts';
import { HUB_NET, range, ROUTER_NET } from './scripted-peer.ts';

type Change = Partial<ReturnType<typeof connection>>;

function pairWith(seed: string, change: Change, hub: Change = change): { pair: Pair; flow: EspFlow } {
  const pair = new Pair(seed, connection('initiator', change), connection('responder', hub));
  pair.connect();
  const flow = new EspFlow(pair);
  flow.run(millis(50));
  return { pair, flow };
}

const noEsn: Change['children'] = connection('initiator').children.map((c) => ({ ...c, espProposals: [{ ...ESP_SUITE, esn: [0] }] }));
const noEsnHub: Change['children'] = connection('responder').children.map((c) => ({ ...c, espProposals: [{ ...ESP_SUITE, esn: [0] }] }));

function report(pair: Pair, side: Side, direction: ChildInstall['direction'], volume: { packets?: number; bytes?: number; sequence?: number }): void {
  const sa = [...side.sas.values()].find((s) => s.direction === direction);
  assert.ok(sa);
  pair.feed(side, { type: 'volumes', sas: [{ handle: sa.handle, packets: 0, bytes: 0, sequence: 0, ...volume }, { handle: 999_999, packets: 1e12, bytes: 1e15, sequence: 1e12 }] });
}

const CASES: readonly (readonly [string, Change, Change, (share: number) => { packets?: number; bytes?: number; sequence?: number }])[] = [
  ['packets', { childPackets: 10_000 }, { childPackets: 10_000 }, (s) => ({ packets: 10_000 * s })],
  ['octets', { childOctets: 1_000_000 }, { childOctets: 1_000_000 }, (s) => ({ bytes: 1_000_000 * s })],
  ['sequence numbers without ESN', noEsn ? { children: noEsn } : {}, noEsnHub ? { children: noEsnHub } : {}, (s) => ({ sequence: 2 ** 32 * s })],
];

for (const [what, router, hub, volume] of CASES) {
  test(`I2.8-2 ES3.3-1: by ${what}: the router rekeys between 80 and 90 %, the hub only beyond 90 %, and nothing is lost`, () => {
    for (const direction of ['in', 'out'] as const) {
      for (let i = 0; i < 8; i++) {
        const { pair, flow } = pairWith(`volume ${what} ${direction} ${i}`, router, hub);
        report(pair, pair.router, direction, volume(0.79));
        report(pair, pair.hub, direction, volume(0.895));
        flow.run(seconds(1));
        assert.equal(pair.router.of('child.rekeyed').length, 0, 'not yet');
        report(pair, pair.router, direction, volume(0.905));
        flow.run(seconds(1));
        assert.equal(pair.router.of('child.rekeyed').length, 1);
        report(pair, pair.hub, direction, volume(0.955));
        flow.run(seconds(1));
        assert.equal(pair.hub.of('child.rekeyed').length, 2, 'the hub by itself');
        assert.deepEqual(flow.undeliverable, []);
        atRest(pair);
      }
    }
  });

  test(`I2.8-4 ES3.3-1: by ${what}: what could not be rekeyed is not used beyond its limit; the router makes a new one`, () => {
    const { pair } = pairWith(`hard ${what}`, router, hub);
    const before = [...pair.router.sas.keys()];
    let refuse = true;
    pair.drop = (_from, _path, bytes) => refuse && bytes[22] === 36;
    report(pair, pair.router, 'out', volume(0.95));
    pair.runFor(seconds(1));
    assert.deepEqual([...pair.router.sas.keys()], before);
    report(pair, pair.router, 'out', volume(1));
    pair.runFor(millis(1));
    assert.equal(pair.router.sas.size, 0, 'not one packet more');
    assert.deepEqual(pair.router.of('child.closed').map((e) => e.reason), ['lifetime_expired']);
    refuse = false;
    pair.runFor(seconds(20));
    assert.equal(pair.router.sas.size, 2);
    atRest(pair);
  });
}

test('ES3.3-1: with ESN sequence numbers have no limit but the configured one', () => {
  const { pair } = pairWith('esn', {}, {});
  report(pair, pair.router, 'out', { sequence: 2 ** 40, packets: 2 ** 40 });
  pair.runFor(seconds(1));
  assert.equal(pair.router.of('child.rekeyed').length, 0);
  assert.equal(pair.router.sas.size, 2);
});

test('I2.8-2: by time: the router rekeys first although both have the same lifetime, never twice at the same moment', () => {
  const times = new Set<number>();
  for (let i = 0; i < 20; i++) {
    const { pair } = pairWith(`time ${i}`, { childLifetime: seconds(1000) });
    const [router] = pair.router.engine.status();
    const [hub] = pair.hub.engine.status();
    const [ours, theirs] = [router?.children[0]?.rekeyAt ?? 0, hub?.children[0]?.rekeyAt ?? 0];
    assert.ok(ours < theirs, `${ours} ${theirs}`);
    assert.ok(ours >= 800_000 && theirs <= 953_000);
    times.add(ours);
    assert.ok((router?.rekeyAt ?? 0) < (hub?.rekeyAt ?? 0), 'the IKE SA as well');
  }
  assert.equal(times.size, 20);
});

test('ES3-4: what the connection lets the outer header show goes with every outbound SA, that of a rekeying too, and with no inbound one', () => {
  for (const [change, shown] of [[{}, { copyDscp: false, copyDf: false }], [{ df: 'clear', copyDscp: true }, { copyDscp: true, copyDf: false }], [{ df: 'copy' }, { copyDscp: false, copyDf: true }]] as const) {
    const { pair } = pairWith(`outer header ${JSON.stringify(change)}`, { ...change, childPackets: 10_000 });
    for (let generation = 0; generation < 2; generation++) {
      for (const side of [pair.router, pair.hub]) {
        for (const { direction, copyDscp, copyDf } of side.sas.values()) assert.deepEqual({ copyDscp, copyDf }, direction === 'out' ? shown : { copyDscp: undefined, copyDf: undefined });
      }
      const made = new Set(pair.router.sas.keys());
      const sa = [...pair.router.sas.values()].find((s) => s.direction === 'out');
      pair.feed(pair.router, { type: 'volumes', sas: [{ handle: sa?.handle ?? 0, packets: 9500, bytes: 0, sequence: 9500 }] });
      pair.runFor(millis(100));
      assert.ok(generation === 1 || [...pair.router.sas.keys()].some((handle) => !made.has(handle)), 'rekeyed');
    }
  }
});

// ---- one Child SA alone ----------------------------------------------------------------------------------------------

const installs = (around: Alone): ChildInstall[] => around.effects.splice(0).flatMap((e) => (e.type === 'child.install' ? [e.sa] : []));
const reveal = (sa: ChildInstall | undefined): (Uint8Array | undefined)[] => [sa?.key.reveal(), sa?.integ?.key.reveal()];

test('I2.17-1 I2.8-1: inbound is installed first; the initiator of the exchange takes the first keys for what it sends', () => {
  for (const exchangeInitiator of [true, false]) {
    const around = new Alone();
    const sa = around.sa({ chain: 5 });
    const child = around.child(sa, 'lan', { exchangeInitiator, local: [ROUTER_NET], remote: [HUB_NET] });
    const [inbound, outbound] = installs(around);
    const { hash, keys } = sa.keyed();
    const made = childKeys(around.suite, hash, keys.skD, new Uint8Array(32), new Uint8Array(32), undefined, 36, 0);
    assert.deepEqual([reveal(outbound), reveal(inbound)], exchangeInitiator ? [[made.encrI, undefined], [made.encrR, undefined]] : [[made.encrR, undefined], [made.encrI, undefined]]);
    const common = { bundle: 5, child: child.child, esn: true, local: [ROUTER_NET], remote: [HUB_NET], cipher: 'aes-gcm-16', integ: undefined };
    const { key: _in, ...rowIn } = inbound ?? {};
    const { key: _out, ...rowOut } = outbound ?? {};
    assert.deepEqual(rowIn, { ...common, handle: child.handleIn, direction: 'in', spi: child.spiIn });
    assert.deepEqual(rowOut, { ...common, handle: child.handleOut, direction: 'out', spi: child.spiOut, copyDscp: false, copyDf: false });
    assert.deepEqual([child.questioned, child.deleteSent, child.outGone, child.redundant, child.used, child.useAt], [false, false, false, false, true, undefined]);
  }
});

test('the outer header shows of the inner one what the connection says', () => {
  const around = new Alone();
  around.child(around.sa({ connection: connection('initiator', { copyDscp: true, df: 'copy' }) }));
  const [inbound, outbound] = installs(around);
  assert.deepEqual([outbound?.copyDscp, outbound?.copyDf, inbound && 'copyDf' in inbound], [true, true, false]);
});

test('ES3.3-1: AES-CBC goes with its HMAC, a key for each direction', () => {
  for (const [integ, name, octets] of [[12, 'hmac-sha256-128', 32], [13, 'hmac-sha384-192', 48], [14, 'hmac-sha512-256', 64]] as const) {
    const around = new Alone();
    around.child(around.sa(), 'lan', { chosen: { ...CHOSEN, encr: { id: 12, keyLength: 256 }, integ, esn: 0 } });
    const sas = installs(around);
    assert.deepEqual(sas.map((sa) => [sa.cipher, sa.integ?.name, sa.esn, sa.key.reveal().length, sa.integ?.key.reveal().length]), [['aes-cbc', name, false, 32, octets], ['aes-cbc', name, false, 32, octets]]);
    const four = sas.flatMap(reveal).map((key) => key?.join());
    assert.equal(new Set(four).size, 4);
  }
});

test('I2.8-2: lifetimes and limits: 0.8 to 0.9 of the hard ones at the initiator of the chain, 0.9 to 0.95 at the other', () => {
  for (const [role, fill, share] of [['initiator', 0, 0.9], ['initiator', 255, 0.8], ['responder', 0, 0.95], ['responder', 255, 0.9]] as const) {
    const around = new Alone();
    around.fill = { 'child-lifetime': fill };
    const sa = around.sa({ mobikeRole: role, connection: connection(role, { childLifetime: seconds(1000), childPackets: 500, childOctets: 4000 }) });
    const child = around.child(sa);
    assert.ok(Math.abs(softShare(sa, 'child-lifetime', around.ctx) - share) < 1e-6);
    assert.deepEqual([Math.round(child.softAt - around.now), child.hardAt - around.now], [1_000_000 * share, 1_000_000]);
    const { soft, hard } = child.limits;
    assert.deepEqual([hard, Math.round(soft.packets), Math.round(soft.octets)], [{ packets: 500, octets: 4000 }, 500 * share, 4000 * share]);
    const unknown = around.child(around.sa({ mobikeRole: role, connection: undefined }));
    assert.deepEqual([unknown.hardAt - around.now, unknown.limits.hard, unknown.limits.soft], [3_600_000, { packets: Infinity, octets: Infinity }, { packets: Infinity, octets: Infinity }]);
    const plain = around.child(sa, 'lan', { chosen: { ...CHOSEN, esn: 0 } });
    assert.equal(plain.limits.hard.packets, 500);
    const short = around.child(around.sa({ connection: undefined }), 'lan', { chosen: { ...CHOSEN, esn: 0 } });
    assert.equal(short.limits.hard.packets, 2 ** 32 - 1);
  }
});

test('ES3.3-1: what was carried counts at the limit, not before, and never puts an end off', () => {
  const around = new Alone();
  const sa = around.sa({ connection: connection('initiator', { childPackets: 1000, childOctets: 9000 }) });
  around.fill = { 'child-lifetime': 0 };
  const counted = (packets: number, bytes: number, sequence: number, change: Partial<ChildSa> = {}): (number | undefined)[] => {
    const child = { ...around.child(sa), softAt: instant(200_000), hardAt: instant(300_000), ...change };
    countVolume(child, { packets, bytes, sequence }, around.time);
    return [child.softAt, child.hardAt];
  };
  assert.deepEqual(counted(899, 8099, 0), [200_000, 300_000]);
  assert.deepEqual(counted(900, 0, 0), [100_000, 300_000]);
  assert.deepEqual(counted(0, 8100, 0), [100_000, 300_000]);
  assert.deepEqual(counted(0, 0, 900), [100_000, 300_000]);
  assert.deepEqual(counted(0, 0, 999), [100_000, 300_000]);
  assert.deepEqual(counted(1000, 0, 0), [100_000, 100_000]);
  assert.deepEqual(counted(0, 9000, 0), [100_000, 100_000]);
  assert.deepEqual(counted(0, 0, 1000, { softAt: instant(90_000), hardAt: instant(95_000) }), [90_000, 95_000]);
});

test('I2.8-1: an outbound SA is taken into use once, not when it lost, and not when a later one of its kind is in use', () => {
  const around = new Alone();
  const sa = around.sa();
  const waiting = (change: Parameters<Alone['child']>[2] = {}): ChildSa => around.child(sa, 'lan', { use: 'after_inbound', ...change });
  const [first, other] = [waiting(), waiting()];
  const lost = around.child(sa, 'lan', { use: 'never' });
  assert.deepEqual([first.used, lost.used, lost.redundant], [false, false, true]);
  around.said();
  first.useAt = instant(5);
  useChild(sa, first, around.ctx);
  useChild(sa, first, around.ctx);
  useChild(sa, lost, around.ctx);
  assert.deepEqual([around.said(), first.used, first.useAt, lost.used], [[`child.use ${first.handleOut}`], true, undefined, false]);
  const later = waiting({ child: other.child });
  useChild(sa, later, around.ctx);
  around.said();
  useChild(sa, other, around.ctx);
  assert.deepEqual([around.said(), other.used], [[], true], 'a late packet does not turn traffic back');
  const third = waiting({ child: other.child });
  around.said();
  useChild(sa, third, around.ctx);
  assert.deepEqual(around.said(), [`child.use ${third.handleOut}`], 'an earlier one is no reason');
  const [old, unused] = [waiting(), waiting()];
  const mate = waiting({ child: old.child });
  assert.ok(mate.handleOut > old.handleOut && unused.handleOut > old.handleOut);
  around.said();
  useChild(sa, old, around.ctx);
  assert.deepEqual(around.said(), [`child.use ${old.handleOut}`], 'nor is a later one that is not in use, or of another child');
});

const id = (text: string): IkeIdentity => ({ text, idType: 2, data: new Uint8Array(1) });
/** An older IKE SA with these children, and a new one of the same peer; `make` gives the new one its child. */
function again(role: 'initiator' | 'responder', known: boolean, chains: readonly [number, number] = [1, 2]): { around: Alone; old: IkeSa; sa: IkeSa } {
  const around = new Alone();
  const [old, sa] = [around.sa({ chain: chains[0], mobikeRole: role }), around.sa({ chain: chains[1], mobikeRole: role })];
  [sa.localId, sa.peerId] = [id('us'), id('them')];
  around.host.reauthenticating = () => (known && role === 'initiator' ? old : undefined);
  around.host.siblings = () => (known && role === 'responder' ? [old] : []);
  return { around, old, sa };
}
const TS = { local: [ROUTER_NET], remote: [HUB_NET] };

for (const [role, linger] of [['initiator', 2_000], ['responder', 5_000]] as const) {
  test(`I2.8.3-1 F-8: the same tunnel in a newer IKE SA: at the ${role} ours leaves on the new one; the old IKE SA ends ${linger} ms after its last child has a successor`, () => {
    const { around, old, sa } = again(role, true);
    const [lan, voice] = [around.child(old, 'lan', TS), around.child(old, 'voice', { ...TS, remote: [range('10.8.0.0', '10.8.0.255')] })];
    around.said();
    const use = (fresh: ChildSa): void => (role === 'responder' ? useChild(sa, fresh, around.ctx) : undefined);
    use(around.child(sa, 'lan', { ...TS, use: role === 'responder' ? 'after_inbound' : 'now' }));
    assert.deepEqual(around.said().at(-1), `child.remove ${lan.handleOut}`);
    assert.deepEqual([lan.outGone, lan.redundant, lan.state, voice.outGone, old.timers.get('replaced')], [true, true, 'rekeyed', false, undefined]);
    use(around.child(sa, 'voice', { ...TS, remote: voice.remote, use: role === 'responder' ? 'after_inbound' : 'now' }));
    assert.deepEqual([voice.outGone, (old.timers.get('replaced') ?? 0) - around.now], [true, linger]);
    around.said();
    old.timers.clearAll();
    use(around.child(sa, 'voice', { ...TS, remote: voice.remote, use: role === 'responder' ? 'after_inbound' : 'now' }));
    assert.deepEqual(around.said().filter((line) => line.startsWith('child.remove')), [], 'removed once');
    removeChild(old, lan, around.ctx);
    assert.deepEqual([around.said(), around.freed], [[`child.remove ${lan.handleIn}`], [lan.spiIn]]);
    removeChild(old, lan, around.ctx);
    assert.deepEqual(around.said(), []);
  });

  test(`I2.8.3-1 F-8: at the ${role} nothing of an older IKE SA goes for a child that is not the same in all four, or by an IKE SA that is not newer`, () => {
    const wider = range('10.0.0.0', '10.255.255.255');
    const narrow = range('10.1.0.0', '10.1.0.7');
    const narrowHub = range('10.2.0.0', '10.2.0.7');
    for (const change of [{ ...TS, local: [wider] }, { ...TS, remote: [wider] }, { ...TS, local: [narrow] }, { ...TS, remote: [narrowHub] }]) {
      const { around, old, sa } = again(role, true);
      const lan = around.child(old, 'lan', TS);
      const fresh = around.child(sa, 'lan', { ...change, use: role === 'responder' ? 'after_inbound' : 'now' });
      useChild(sa, fresh, around.ctx);
      assert.deepEqual([lan.outGone, old.timers.get('replaced')], [false, undefined]);
    }
    for (const [known, chains] of [[true, [2, 2]], [true, [3, 2]], [false, [1, 2]]] as const) {
      const { around, old, sa } = again(role, known, chains);
      const lan = around.child(old, 'lan', TS);
      useChild(sa, around.child(sa, 'lan', { ...TS, use: role === 'responder' ? 'after_inbound' : 'now' }), around.ctx);
      assert.equal(lan.outGone, false);
    }
    const { around, old, sa } = again(role, true);
    around.child(old, 'lan', TS);
    const childless = around.sa({ chain: 0 });
    if (role === 'responder') around.host.siblings = () => [childless];
    else around.host.reauthenticating = () => childless;
    useChild(sa, around.child(sa, 'lan', { ...TS, use: role === 'responder' ? 'after_inbound' : 'now' }), around.ctx);
    assert.equal(childless.timers.get('replaced'), undefined, 'an SA without children is nobody\'s old one');
  });
}

test('I2.8.3-1 F-8: the initiator supersedes when the child is made, the responder when it is used; identities must be known', () => {
  const router = again('initiator', true);
  const waits = router.around.child(router.old, 'lan', TS);
  useChild(router.sa, router.around.child(router.sa, 'lan', { ...TS, use: 'after_inbound' }), router.around.ctx);
  assert.equal(waits.outGone, false);
  const hub = again('responder', true);
  const lan = hub.around.child(hub.old, 'lan', TS);
  const fresh = hub.around.child(hub.sa, 'lan', { ...TS, use: 'now' });
  assert.equal(lan.outGone, false);
  for (const missing of ['localId', 'peerId'] as const) {
    const { around, old, sa } = again('responder', true);
    const kept = around.child(old, 'lan', TS);
    sa[missing] = undefined;
    useChild(sa, around.child(sa, 'lan', { ...TS, use: 'after_inbound' }), around.ctx);
    assert.equal(kept.outGone, false);
  }
  assert.ok(fresh.used);
});

test('a child goes on while another SA of its number stays', () => {
  const around = new Alone();
  const sa = around.sa();
  const one = around.child(sa);
  const mate = around.child(sa, 'lan', { child: one.child });
  around.child(sa, 'other');
  assert.equal(goesOn(sa, one), true);
  assert.equal(goesOn(sa, one, one), true);
  const states = (['installed', 'rekeying', 'rekeyed', 'deleting'] as const).map((state) => {
    mate.state = state;
    return goesOn(sa, one, one);
  });
  assert.deepEqual(states, [true, true, false, false]);
  mate.state = 'installed';
  mate.redundant = true;
  assert.equal(goesOn(sa, one, one), false);
});

test('I1.4.1-1 I2.8-3: late ESP may come in on an SA that was replaced, where another of its number goes on; not on one that was deleted', () => {
  const remove = (hasMate: boolean, ...replaced: [boolean?]): unknown[] => {
    const around = new Alone();
    const sa = around.sa();
    const one = around.child(sa);
    if (hasMate) around.child(sa, 'lan', { child: one.child });
    around.effects.length = 0;
    removeChild(sa, one, around.ctx, ...replaced);
    return around.effects.map((e) => (e.type === 'child.remove' ? [e.handle === one.handleIn ? 'in' : 'out', e.lingers] : e.type));
  };
  assert.deepEqual(remove(true), [['in', undefined], ['out', undefined]]);
  assert.deepEqual(remove(true, false), [['in', undefined], ['out', undefined]]);
  assert.deepEqual(remove(true, true), [['in', true], ['out', undefined]]);
  assert.deepEqual(remove(false, true), [['in', undefined], ['out', undefined]], 'nothing carries on');
});

test('I2.8-1: with IKE_AUTH answered the router shows by a dummy under the new SA that it uses it; the hub shows nothing', () => {
  const pair = new Pair('pinhole');
  pair.connect();
  assert.deepEqual([pair.router.pinholes.map(([uplink, used]) => [uplink, used.length]), pair.hub.pinholes], [[['wan', 1]], []]);
});
