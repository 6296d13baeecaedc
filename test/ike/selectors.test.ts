// Traffic selectors: what a responder makes of an offer, what an initiator takes, and which policy is asked (RFC 7296 §2.9, §3.13).
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { ip, parsePrefix, seconds, type IpPrefix } from '../../src/base/index.ts';
import type { Payload, TrafficSelector } from '../../src/codec/ike/index.ts';
import { isSubset, narrow, prefixSelector } from '../../src/ike/index.ts';
import { ESP_SUITE, prefixes } from './pair.ts';
import { errorsOf, espOffer, findPayload, HUB_NET, notify, range, ROUTER_NET, ScriptedPeer, type Heard } from './scripted-peer.ts';

const prefix = (text: string): TrafficSelector => prefixSelector(parsePrefix(text) as IpPrefix);
const text = (s: TrafficSelector): string => `${s.start}-${s.end}/${s.protocol}:${s.startPort}-${s.endPort}`;
const A = range('10.0.0.0', '10.0.0.255');
const B = range('10.0.1.0', '10.0.1.255');
const AB = range('10.0.0.0', '10.0.1.255');
const V6 = range('2001:db8::', '2001:db8::ffff');
const opaque = (s: TrafficSelector, protocol: number): TrafficSelector => ({ ...s, protocol, startPort: 65_535, endPort: 0 });

for (const [what, offer, policy, expected] of [
  ['equal', [A], [A], [A]],
  ['subset of the policy', [range('10.0.0.7', '10.0.0.9')], [A], [range('10.0.0.7', '10.0.0.9')]],
  ['superset of the policy', [AB], [A], [A]],
  ['disjoint', [A], [B], []],
  ['touching', [range('10.0.0.0', '10.0.0.9')], [range('10.0.0.9', '10.0.0.20')], [range('10.0.0.9', '10.0.0.9')]],
  ['overlap at either end', [range('10.0.0.128', '10.0.1.127')], [A, B], [range('10.0.0.128', '10.0.0.255'), range('10.0.1.0', '10.0.1.127')]],
  ['several ranges, in the order of the offer', [B, A], [A, B], [B, A]],
  ['one range of several fits', [range('192.168.0.0', '192.168.0.9'), A], [A], [A]],
  ['nothing offered', [], [A], []],
  ['nothing allowed', [A], [], []],
  ['both families, one allowed', [A, V6], [V6], [V6]],
  ['both families, both allowed', [V6, A], [A, V6], [V6, A]],
  ['a port range inside all ports', [range('10.0.0.1', '10.0.0.1', 6, 80, 443)], [A], [range('10.0.0.1', '10.0.0.1', 6, 80, 443)]],
  ['port ranges that overlap', [range('10.0.0.1', '10.0.0.1', 6, 80, 443)], [range('10.0.0.0', '10.0.0.255', 6, 400, 500)], [range('10.0.0.1', '10.0.0.1', 6, 400, 443)]],
  ['port ranges apart', [range('10.0.0.1', '10.0.0.1', 6, 80, 90)], [range('10.0.0.0', '10.0.0.255', 6, 400, 500)], []],
  ['a protocol inside any', [{ ...A, protocol: 17 }], [A], [{ ...A, protocol: 17 }]],
  ['any, of which one protocol is allowed', [A], [{ ...A, protocol: 17 }], [{ ...A, protocol: 17 }]],
  ['another protocol', [{ ...A, protocol: 17 }], [{ ...A, protocol: 6 }], []],
  ['ICMP type 8, any code, inside any', [range('10.0.0.1', '10.0.0.1', 1, 0x0800, 0x08ff)], [A], [range('10.0.0.1', '10.0.0.1', 1, 0x0800, 0x08ff)]],
  ['ICMP types that overlap', [range('10.0.0.1', '10.0.0.1', 1, 0x0000, 0x08ff)], [range('10.0.0.0', '10.0.0.255', 1, 0x0800, 0x0bff)], [range('10.0.0.1', '10.0.0.1', 1, 0x0800, 0x08ff)]],
  ['OPAQUE inside any port', [opaque(A, 6)], [A], [opaque(A, 6)]],
  ['OPAQUE and ports', [opaque(A, 6)], [range('10.0.0.0', '10.0.0.255', 6, 80, 80)], []],
  ['OPAQUE and OPAQUE', [opaque(A, 6)], [opaque(AB, 6)], [opaque(A, 6)]],
  ['what a wider one already holds is not said twice', [AB, A], [AB], [AB]],
] as readonly (readonly [string, readonly TrafficSelector[], readonly TrafficSelector[], readonly TrafficSelector[]])[]) {
  test(`I2.9-1 I3.13-1: narrowing: ${what}`, () => {
    assert.deepEqual(narrow(offer, policy).map(text), expected.map(text));
    assert.equal(isSubset(expected, policy), expected.length > 0);
    assert.equal(isSubset(expected, offer), expected.length > 0);
  });
}

test('I2.9-2: an answer is a subset only when every selector of it lies in one offered, and it is not empty', () => {
  for (const [inner, outer, expected] of [
    [[A], [AB], true], [[AB], [A], false], [[A, B], [AB], true], [[A, V6], [AB], false], [[], [AB], false],
    [[{ ...A, protocol: 6 }], [A], true], [[A], [{ ...A, protocol: 6 }], false], [[range('10.0.0.1', '10.0.0.1', 6, 80, 90)], [range('10.0.0.0', '10.0.0.9', 6, 85, 90)], false],
    [[opaque(A, 6)], [A], true], [[opaque(A, 6)], [range('10.0.0.0', '10.0.0.255', 6, 1, 9)], false], [[V6], [A], false],
  ] as readonly (readonly [readonly TrafficSelector[], readonly TrafficSelector[], boolean])[]) assert.equal(isSubset(inner, outer), expected, `${inner.map(text).join()} in ${outer.map(text).join()}`);
});

/** A stream of numbers below `n` that is the same in every run. */
function numbers(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

test('I2.9-1 I5.1-1: of 2,000 random offers and policies: a packet is in the answer exactly when it is in offer and policy, so nobody gets more than both want', () => {
  const draw = numbers(7);
  const some = (): TrafficSelector => {
    const [low, high] = [draw(20), draw(20)].sort((a, b) => a - b) as [number, number];
    const [from, to] = [draw(10), draw(10)].sort((a, b) => a - b) as [number, number];
    const protocol = [0, 6, 17][draw(3)] ?? 0;
    const ports = protocol === 0 || draw(2) === 0 ? [0, 65_535] as const : [from, to] as const;
    return range(`10.0.0.${low}`, `10.0.0.${high}`, protocol, ports[0], ports[1]);
  };
  const list = (): TrafficSelector[] => Array.from({ length: draw(4) }, some);
  const holds = (all: readonly TrafficSelector[], host: number, protocol: number, port: number): boolean => all.some((s) => {
    const [low, high] = [s.start, s.end].map((a) => Number(a.split('.')[3])) as [number, number];
    return host >= low && host <= high && (s.protocol === 0 || s.protocol === protocol) && port >= s.startPort && port <= s.endPort;
  });
  let inside = 0;
  for (let i = 0; i < 2_000; i++) {
    const [offer, policy] = [list(), list()];
    const answer = narrow(offer, policy);
    assert.equal(answer.length > 0 && !isSubset(answer, policy), false);
    for (let k = 0; k < 30; k++) {
      const packet = [draw(20), [6, 17, 1][draw(3)] ?? 6, draw(10)] as const;
      const expected = holds(offer, ...packet) && holds(policy, ...packet);
      if (expected) inside++;
      assert.equal(holds(answer, ...packet), expected, JSON.stringify([offer, policy, packet]));
    }
  }
  assert.ok(inside > 1_000, 'there is something to find');
});

test('I2.9-1: an offer of 255 selectors gives at most 64, those that came first', () => {
  const offer = Array.from({ length: 255 }, (_, i) => range(`10.9.${i}.0`, `10.9.${i}.255`));
  const answer = narrow(offer, [prefix('10.0.0.0/8')]);
  assert.deepEqual(answer.map(text), offer.slice(0, 64).map(text));
});

test('I3.13-1: a prefix as a selector: all protocols, all ports, first to last address', () => {
  assert.deepEqual(['10.1.2.0/23', '10.1.2.3/32', '0.0.0.0/0', '2001:db8::/32', '::/0'].map((p) => text(prefix(p))), [
    '10.1.2.0-10.1.3.255/0:0-65535', '10.1.2.3-10.1.2.3/0:0-65535', '0.0.0.0-255.255.255.255/0:0-65535', `2001:db8::-2001:db8:${'ffff:'.repeat(5)}ffff/0:0-65535`,
    `::-${'ffff:'.repeat(7)}ffff/0:0-65535`,
  ]);
});

// ---- which policy is asked -------------------------------------------------------------------------------------------

const child = (name: string, local: string, remote: string): { name: string; localTs: IpPrefix[]; remoteTs: IpPrefix[]; espProposals: (typeof ESP_SUITE)[] } =>
  ({ name, localTs: prefixes(local), remoteTs: prefixes(remote), espProposals: [ESP_SUITE] });
const ask = (peer: ScriptedPeer, tsi: TrafficSelector[], tsr: TrafficSelector[], spi: number): Heard =>
  peer.answerTo('CREATE_CHILD_SA', [{ type: 'SA', proposals: espOffer(spi) }, { type: 'NONCE', data: new Uint8Array(32).fill(spi) }, { type: 'TSi', selectors: tsi }, { type: 'TSr', selectors: tsr }]);
const made = (heard: Heard): string[] => (['TSi', 'TSr'] as const).flatMap((type) => (findPayload(heard.payloads, type)?.selectors ?? []).map(text));

test('I2.9-1: the initiator\'s first selectors are in the answer where any child\'s policy allows them, also when another child is free', () => {
  const hub = { children: [child('lan', '10.2.0.0/24', '10.1.0.0/24'), child('voice', '10.2.9.0/24', '10.1.9.0/24'), child('video', '10.2.8.0/24', '10.1.8.0/24')] };
  const peer = new ScriptedPeer('hub', { hub });
  peer.connect();
  const packet = [range('10.1.9.5', '10.1.9.5', 17, 5060, 5060), range('10.2.9.1', '10.2.9.1', 17, 5060, 5060)] as const;
  const wide = range('10.1.0.0', '10.1.255.255');
  const all = range('10.2.0.0', '10.2.255.255');
  for (const spi of [0x2000, 0x2001]) {
    const answer = ask(peer, [packet[0], wide], [packet[1], all], spi);
    assert.deepEqual(made(answer).map((t) => t.split('/')[0]), ['10.1.9.5-10.1.9.5', '10.1.9.0-10.1.9.255', '10.2.9.1-10.2.9.1', '10.2.9.0-10.2.9.255'], `SPI ${spi}`);
  }
  const answer = ask(peer, [range('172.16.0.1', '172.16.0.1'), wide], [all], 0x2002);
  assert.deepEqual(made(answer).map((t) => t.split('/')[0]), ['10.1.8.0-10.1.8.255', '10.2.8.0-10.2.8.255'], 'nobody allows the first one: the child that is free');
});

test('I5.1-1 I2.9-1: what the identity may not claim is not given, wherever its packets come from', () => {
  const router = (id: string, remote: string): object => ({ remoteId: { text: id, idType: 2, data: new TextEncoder().encode(id) }, children: [child('lan', '10.2.0.0/24', remote)] });
  for (const [id, mine, other] of [['a.example', '10.1.1.0/24', '10.1.2.0/24'], ['b.example', '10.1.2.0/24', '10.1.1.0/24']] as const) {
    const peer = new ScriptedPeer('hub', { id, hub: router(id, mine) });
    peer.takeInit(peer.init()[0] as Heard);
    const auth = peer.answerTo('IKE_AUTH', [...peer.authPayloads(), { type: 'SA', proposals: espOffer(0x1000) }, { type: 'TSi', selectors: [prefix(other), prefix(mine)] }, { type: 'TSr', selectors: [HUB_NET] }]);
    assert.deepEqual(made(auth).map((t) => t.split('/')[0]), [text(prefix(mine)).split('/')[0], '10.2.0.0-10.2.0.255']);
    peer.path = { ...peer.path, remote: { ...peer.path.remote, address: ip('198.51.100.77') } };
    assert.deepEqual(errorsOf(ask(peer, [prefix(other)], [HUB_NET], 0x2000)), ['TS_UNACCEPTABLE']);
  }
});

test('I2.9-1 I3.13-1: selectors of which nothing is left: TS_UNACCEPTABLE, and the IKE SA stays', () => {
  const peer = new ScriptedPeer('hub');
  peer.connect();
  for (const tsi of [[], [range('10.1.0.9', '10.1.0.1')], [range('10.1.0.0', '10.1.0.9', 6, 20, 10)], [V6]]) assert.deepEqual(errorsOf(ask(peer, tsi, [HUB_NET], 0x2000)), ['TS_UNACCEPTABLE']);
  assert.deepEqual([peer.closed, peer.side.sas.size], [[], 2]);
});

test('I2.9-1: SINGLE_PAIR_REQUIRED: the child fails, the IKE SA stays, and it is asked for again, not at once', () => {
  const peer = new ScriptedPeer('router', { router: { liveness: seconds(3_000) } });
  const [auth] = peer.answerInit(peer.initiated());
  assert.ok(auth);
  peer.reply(auth, [...peer.authPayloads(), notify('SINGLE_PAIR_REQUIRED')]);
  assert.deepEqual([peer.side.of('ike.established').length, peer.side.sas.size, peer.hear()], [1, 0, []]);
  peer.wait(62_000);
  assert.equal(peer.hear()[0]?.header.exchange, 36);
});

for (const [what, extra] of [['ADDITIONAL_TS_POSSIBLE', 16_386], ['ESP_TFC_PADDING_NOT_SUPPORTED', 16_394], ['NON_FIRST_FRAGMENTS_ALSO', 16_395], ['USE_TRANSPORT_MODE that nobody asked for', 16_391]] as const) {
  test(`I2.9-1 I1.3.1-1: ${what} in an answer: the child is a tunnel as it was offered`, () => {
    const peer = new ScriptedPeer('router');
    const [auth] = peer.answerInit(peer.initiated());
    assert.ok(auth);
    const note: Payload = { type: 'N', protocol: 0, spi: new Uint8Array(), notify: extra, data: new Uint8Array() };
    peer.reply(auth, [...peer.authPayloads(), ...peer.childAnswer(auth), note]);
    const [sa] = peer.side.sas.values();
    assert.deepEqual([peer.side.sas.size, sa?.local, sa?.remote], [2, [ROUTER_NET], [HUB_NET]]);
    for (const name of ['USE_TRANSPORT_MODE', 'NON_FIRST_FRAGMENTS_ALSO', 'IPCOMP_SUPPORTED'] as const) assert.equal(auth.payloads.some((p) => p.type === 'N' && p.notify === { USE_TRANSPORT_MODE: 16_391, NON_FIRST_FRAGMENTS_ALSO: 16_395, IPCOMP_SUPPORTED: 16_387 }[name]), false);
  });
}
