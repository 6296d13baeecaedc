// CREATE_CHILD_SA and Delete: new children, rekeyings of children and of the IKE SA, from both ends, right and wrong.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { compareBytes, seconds, toHex } from '../../src/base/index.ts';
import type { Payload, Proposal } from '../../src/codec/ike/index.ts';
import { childKeys, type DhGroup } from '../../src/crypto/index.ts';
import { CHILD_SETTLE } from '../../src/ike/constants.ts';
import { connection, ESP_SUITE, prefixes } from './pair.ts';
import {
  DELETE_IKE, deleteEsp, errorsOf, ESN, espOffer, findNotify, findPayload, findPayloads, GCM256, HUB_NET, ikeOffer, KE, NO_ESN, notifies, notify, range, rawNotify, rekeySa, ROUTER_NET,
  ScriptedPeer, spi4, spi8, suite, type Heard,
} from './scripted-peer.ts';

const PFS = { children: [{ name: 'lan', localTs: prefixes('10.2.0.0/24'), remoteTs: prefixes('10.1.0.0/24'), espProposals: [{ ...ESP_SUITE, groups: [31, 19] }] }] };
const nonce = (fill: number, length = 32): Payload => ({ type: 'NONCE', data: new Uint8Array(length).fill(fill) });
const TS: readonly Payload[] = [{ type: 'TSi', selectors: [ROUTER_NET] }, { type: 'TSr', selectors: [HUB_NET] }];
const sa = (proposals: Proposal[]): Payload => ({ type: 'SA', proposals });
const rekey = (old: number, spi: number): Payload[] => [rekeySa(old), sa(espOffer(spi)), nonce(spi & 255), ...TS];
const connected = (options = {}): ScriptedPeer => {
  const peer = new ScriptedPeer('hub', options);
  peer.connect();
  return peer;
};
/** Children of the engine's present IKE SA. */
const children = (peer: ScriptedPeer): string[] => peer.side.engine.status().flatMap((s) => s.children.map((c) => `${c.name}:${c.state}:${c.spiOut.toString(16)}`));
/** No SPI is kept that no child has. */
function tidy(peer: ScriptedPeer): void {
  const live = peer.side.engine.status().flatMap((s) => s.children.map((c) => c.spiIn));
  assert.equal(peer.side.engine.sizes().childSpis, live.length, 'SPIs kept');
  assert.deepEqual([...peer.side.sas.values()].filter((s) => s.direction === 'in').map((s) => s.spi).sort(), [...live].sort(), 'SAs installed');
}

// ---- the engine answers ----------------------------------------------------------------------------------------------

test('I1.3-1 I2.17-1 I2.8-1: a further child: SA, nonce, TS; installed before the answer leaves, keys of this exchange', () => {
  const peer = connected();
  const answer = peer.answerTo('CREATE_CHILD_SA', [sa(espOffer(0x2000)), nonce(1), ...TS]);
  assert.deepEqual(answer.payloads.map((p) => p.type), ['SA', 'NONCE', 'TSi', 'TSr']);
  const nr = findPayload(answer.payloads, 'NONCE')?.data ?? new Uint8Array();
  assert.ok(peer.keys);
  const keys = childKeys(suite, 'sha256', peer.keys.skD, new Uint8Array(32).fill(1), nr, undefined, 36, 0);
  const into = [...peer.side.sas.values()].find((s) => s.direction === 'in' && s.spi === ScriptedPeer.espSpi(answer));
  assert.equal(toHex(into?.key.reveal() ?? new Uint8Array()), toHex(keys.encrI));
  tidy(peer);
});

test('I2.17-1 I1.3-1: with a group in the policy KE is exchanged and its secret is in the keys', () => {
  for (const group of [31, 19] as readonly DhGroup[]) {
    const peer = connected({ hub: PFS });
    const dh = peer.newDh(group);
    const answer = peer.answerTo('CREATE_CHILD_SA', [sa(espOffer(0x2000, group)), nonce(1), { type: 'KE', group, data: dh.publicValue }, ...TS]);
    const ke = findPayload(answer.payloads, 'KE');
    assert.ok(ke && peer.keys);
    const keys = childKeys(suite, 'sha256', peer.keys.skD, new Uint8Array(32).fill(1), findPayload(answer.payloads, 'NONCE')?.data ?? new Uint8Array(), dh.derive(ke.data), 36, 0);
    assert.equal(toHex([...peer.side.sas.values()].find((s) => s.spi === ScriptedPeer.espSpi(answer))?.key.reveal() ?? new Uint8Array()), toHex(keys.encrI));
  }
});

test('I1.3-1: another group than preferred, or no KE where one is wanted: INVALID_KE_PAYLOAD; no group at all where one is: NO_PROPOSAL_CHOSEN', () => {
  const peer = connected({ hub: PFS });
  const dh = peer.newDh(19);
  const asked = (payloads: Payload[]): Payload[] => [...peer.answerTo('CREATE_CHILD_SA', [...payloads, nonce(1), ...TS]).payloads];
  assert.deepEqual(asked([sa(espOffer(0x2000, 31, 19)), { type: 'KE', group: 19, data: dh.publicValue }]), [notify('INVALID_KE_PAYLOAD', Uint8Array.of(0, 31))]);
  assert.deepEqual(asked([sa(espOffer(0x2000, 31))]), [notify('INVALID_KE_PAYLOAD', Uint8Array.of(0, 31))]);
  assert.deepEqual(asked([sa(espOffer(0x2000))]), [notify('NO_PROPOSAL_CHOSEN')], 'without forward secrecy it is not our policy');
  const plain = connected();
  assert.deepEqual(plain.answerTo('CREATE_CHILD_SA', [sa(espOffer(0x2000, 31)), nonce(1), { type: 'KE', group: 31, data: plain.newDh(31).publicValue }, ...TS]).payloads, [notify('NO_PROPOSAL_CHOSEN')]);
  assert.deepEqual(children(peer), ['lan:installed:1000']);
  tidy(peer);
  tidy(plain);
});

test('I2.7-1 I3.3.6-1 NK-5: what may be chosen from an ESP offer', () => {
  const peer = connected();
  const one = (change: Partial<Proposal>): Payload => sa(espOffer(0x2000).map((p) => ({ ...p, ...change })));
  const table: readonly (readonly [string, Payload, string | undefined])[] = [
    ['AES without Key Length', one({ transforms: [{ type: 1, id: 20 }, ESN] }), 'NO_PROPOSAL_CHOSEN'],
    ['an SPI of 3 octets', one({ spi: new Uint8Array(3).fill(9) }), 'NO_PROPOSAL_CHOSEN'],
    ['an SPI of 8 octets', one({ spi: new Uint8Array(8).fill(9) }), 'NO_PROPOSAL_CHOSEN'],
    ['SPI 0', one({ spi: spi4(0) }), 'NO_PROPOSAL_CHOSEN'],
    ['SPI 255', one({ spi: spi4(255) }), 'NO_PROPOSAL_CHOSEN'],
    ['an additional key exchange', one({ transforms: [GCM256, ESN, { type: 7, id: 35 }] }), 'NO_PROPOSAL_CHOSEN'],
    ['ESN either way', one({ transforms: [GCM256, NO_ESN, ESN] }), undefined],
    ['no ESN', one({ transforms: [GCM256, NO_ESN] }), undefined],
    ['group NONE', one({ transforms: [GCM256, KE(0), ESN] }), undefined],
    ['INTEG NONE', one({ transforms: [GCM256, { type: 3, id: 0 }, ESN] }), undefined],
  ];
  for (const [what, offer, error] of table) assert.deepEqual([what, errorsOf(peer.answerTo('CREATE_CHILD_SA', [offer, nonce(1), ...TS]))], [what, error === undefined ? [] : [error]]);
  tidy(peer);
});

test('I2.9-1 I3.13-1 I5.1-1: narrowing: subset, superset, ports, protocol, mixed families, other nets', () => {
  const table: readonly (readonly [string, Payload[], readonly [number, string, string][] | undefined])[] = [
    ['subset', [{ type: 'TSi', selectors: [range('10.1.0.8', '10.1.0.15')] }, { type: 'TSr', selectors: [HUB_NET] }], [[0, '10.1.0.8', '10.1.0.15']]],
    ['superset', [{ type: 'TSi', selectors: [range('0.0.0.0', '255.255.255.255')] }, { type: 'TSr', selectors: [HUB_NET] }], [[0, '10.1.0.0', '10.1.0.255']]],
    ['claim of another net beside its own', [{ type: 'TSi', selectors: [range('10.9.0.0', '10.9.0.255'), ROUTER_NET] }, { type: 'TSr', selectors: [HUB_NET] }], [[0, '10.1.0.0', '10.1.0.255']]],
    ['both families', [{ type: 'TSi', selectors: [range('::', 'ffff::'), ROUTER_NET] }, { type: 'TSr', selectors: [HUB_NET] }], [[0, '10.1.0.0', '10.1.0.255']]],
    ['the packet first', [{ type: 'TSi', selectors: [range('10.1.0.7', '10.1.0.7', 6, 1234, 1234), ROUTER_NET] }, { type: 'TSr', selectors: [HUB_NET] }], [[6, '10.1.0.7', '10.1.0.7'], [0, '10.1.0.0', '10.1.0.255']]],
    ['opaque ports', [{ type: 'TSi', selectors: [range('10.1.0.0', '10.1.0.255', 6, 65535, 0)] }, { type: 'TSr', selectors: [HUB_NET] }], [[6, '10.1.0.0', '10.1.0.255']]],
    ['disjoint', [{ type: 'TSi', selectors: [range('10.9.0.0', '10.9.0.255')] }, { type: 'TSr', selectors: [HUB_NET] }], undefined],
    ['another net here', [{ type: 'TSi', selectors: [ROUTER_NET] }, { type: 'TSr', selectors: [range('192.168.0.0', '192.168.0.255')] }], undefined],
    ['the other family only', [{ type: 'TSi', selectors: [range('::', 'ffff::')] }, { type: 'TSr', selectors: [HUB_NET] }], undefined],
    ['start above end', [{ type: 'TSi', selectors: [range('10.1.0.9', '10.1.0.1')] }, { type: 'TSr', selectors: [HUB_NET] }], undefined],
    ['ports in reverse', [{ type: 'TSi', selectors: [range('10.1.0.0', '10.1.0.9', 6, 20, 10)] }, { type: 'TSr', selectors: [HUB_NET] }], undefined],
  ];
  const peer = connected();
  for (const [what, ts, expected] of table) {
    const answer = peer.answerTo('CREATE_CHILD_SA', [sa(espOffer(0x2000)), nonce(1), ...ts]);
    if (!expected) assert.deepEqual([what, errorsOf(answer)], [what, ['TS_UNACCEPTABLE']]);
    else assert.deepEqual([what, findPayload(answer.payloads, 'TSi')?.selectors.map((s) => [s.protocol, s.start, s.end])], [what, expected]);
  }
  tidy(peer);
});

for (const [what, payloads] of [
  ['no SA', [nonce(1), ...TS]], ['no nonce', [sa(espOffer(0x2000)), ...TS]], ['a nonce of 15 octets', [sa(espOffer(0x2000)), nonce(1, 15), ...TS]], ['a nonce of 257 octets', [sa(espOffer(0x2000)), nonce(1, 257), ...TS]],
] as const) {
  test(`I2.10-1 I2.21.3-1: CREATE_CHILD_SA with ${what}: INVALID_SYNTAX, and the SA goes`, () => {
    const peer = connected();
    assert.deepEqual(notifies(peer.answerTo('CREATE_CHILD_SA', payloads)), ['INVALID_SYNTAX']);
    assert.deepEqual([peer.closed, peer.side.engine.sizes()], [['invalid_syntax'], { sas: 0, chains: 0, childSpis: 0 }]);
  });
}

test('I2.10-1: nonces of 16 and 256 octets are taken', () => {
  const peer = connected();
  for (const length of [16, 256]) assert.deepEqual(errorsOf(peer.answerTo('CREATE_CHILD_SA', [sa(espOffer(0x2000)), nonce(1, length), ...TS])), []);
});

test('AL-3: an invalid public value in CREATE_CHILD_SA: INVALID_SYNTAX, and the SA goes; for a child and for the IKE SA', () => {
  const peer = connected({ hub: PFS });
  assert.deepEqual(notifies(peer.answerTo('CREATE_CHILD_SA', [sa(espOffer(0x2000, 31)), nonce(1), { type: 'KE', group: 31, data: new Uint8Array(32) }, ...TS])), ['INVALID_SYNTAX']);
  assert.deepEqual([peer.closed, peer.side.engine.sizes()], [['invalid_syntax'], { sas: 0, chains: 0, childSpis: 0 }]);
  const other = connected();
  assert.deepEqual(notifies(other.answerTo('CREATE_CHILD_SA', [sa(ikeOffer(31).map((p) => ({ ...p, spi: spi8(5n) }))), nonce(1), { type: 'KE', group: 31, data: new Uint8Array(32) }])), ['INVALID_SYNTAX']);
  assert.deepEqual(other.closed, ['invalid_syntax']);
});

test('I1.3.1-1 M1.2-1 D5.6-1: USE_TRANSPORT_MODE and other wishes are answered by leaving them out', () => {
  const peer = connected();
  const answer = peer.answerTo('CREATE_CHILD_SA', [notify('USE_TRANSPORT_MODE'), notify('ESP_TFC_PADDING_NOT_SUPPORTED'), rawNotify(16_387, new Uint8Array(3)), sa(espOffer(0x2000)), nonce(1), ...TS]);
  assert.deepEqual(notifies(answer), []);
  assert.ok(findPayload(answer.payloads, 'SA'));
});

test('I1.2-3: a peer that asks for children without end gets NO_ADDITIONAL_SAS', () => {
  const peer = connected();
  let refused = 0;
  for (let i = 0; i < 100; i++) if (errorsOf(peer.answerTo('CREATE_CHILD_SA', [sa(espOffer(0x2000 + i)), nonce(1), ...TS])).includes('NO_ADDITIONAL_SAS')) refused++;
  assert.ok(refused >= 60);
  assert.ok(peer.side.sas.size <= 64);
  tidy(peer);
});

test('I1.3-1 I2.8-1 I2.8-3: a rekeying by the peer: the old SA is used until ESP or the Delete comes, then it is gone', () => {
  for (const how of ['esp', 'delete']) {
    const peer = connected();
    peer.wait(6_000);
    const [firstOut] = peer.side.inUse.values();
    const answer = peer.answerTo('CREATE_CHILD_SA', rekey(0x1000, 0x2000));
    assert.deepEqual(errorsOf(answer), []);
    assert.deepEqual(children(peer), ['lan:rekeyed:1000', 'lan:installed:2000']);
    assert.equal([...peer.side.inUse.values()][0], firstOut, 'still the old one');
    const fresh = [...peer.side.sas.values()].find((s) => s.direction === 'in' && s.spi === ScriptedPeer.espSpi(answer));
    peer.wait(60_000);
    assert.equal([...peer.side.inUse.values()][0], firstOut, 'for as long as it takes');
    if (how === 'esp') {
      peer.pair.feed(peer.side, { type: 'child.used', handle: fresh?.handle ?? 0 });
      assert.notEqual([...peer.side.inUse.values()][0], firstOut);
    }
    const gone = peer.answerTo('INFORMATIONAL', [deleteEsp(0x1000)]);
    assert.equal(findPayloads(gone.payloads, 'D').length, 1);
    assert.deepEqual(children(peer), ['lan:installed:2000']);
    assert.equal(peer.side.inUse.size, 1);
    assert.deepEqual(peer.side.of('child.closed'), []);
    assert.equal(peer.side.of('child.rekeyed').length, 1);
    tidy(peer);
  }
});

test('I2.8-1: a new child that replaces none is used by its responder after ESP came, or after 5 s', () => {
  const peer = new ScriptedPeer('hub');
  peer.connect();
  assert.equal(peer.side.inUse.size, 0);
  peer.wait(4_900);
  assert.equal(peer.side.inUse.size, 0);
  peer.wait(200);
  assert.equal(peer.side.inUse.size, 1);
});

test('I2.25-1: REKEY_SA for an unknown child: CHILD_SA_NOT_FOUND with its SPI; for one that is deleted or was rekeyed: TEMPORARY_FAILURE; one that we rekey is rekeyed, once', () => {
  const peer = connected();
  const unknown = peer.answerTo('CREATE_CHILD_SA', rekey(0x9999, 0x2000));
  assert.deepEqual(unknown.payloads, [notify('CHILD_SA_NOT_FOUND', undefined, { protocol: 3, spi: spi4(0x9999) })]);
  assert.deepEqual(errorsOf(peer.answerTo('CREATE_CHILD_SA', [notify('REKEY_SA', undefined, { protocol: 3, spi: new Uint8Array([0, 0, 16, 0, 0]) }), ...rekey(1, 0x2000).slice(1)])), ['CHILD_SA_NOT_FOUND'], 'five octets');
  assert.deepEqual(errorsOf(peer.answerTo('CREATE_CHILD_SA', [notify('REKEY_SA'), ...rekey(1, 0x2000).slice(1)])), ['CHILD_SA_NOT_FOUND'], 'no SPI');
  peer.pair.feed(peer.side, { type: 'child.rekey', chain: peer.chain, child: 'lan' });
  assert.deepEqual(errorsOf(peer.answerTo('CREATE_CHILD_SA', rekey(0x1000, 0x2000))), [], 'rekeying');
  assert.deepEqual(errorsOf(peer.answerTo('CREATE_CHILD_SA', rekey(0x1000, 0x3000))), ['TEMPORARY_FAILURE'], 'rekeying, and rekeyed by the peer');
  const other = connected();
  other.pair.feed(other.side, { type: 'child.want', chain: other.chain, child: 'lan', up: false });
  assert.deepEqual(errorsOf(other.answerTo('CREATE_CHILD_SA', rekey(0x1000, 0x2000))), ['TEMPORARY_FAILURE'], 'deleting');
  const third = connected();
  third.answerTo('CREATE_CHILD_SA', rekey(0x1000, 0x2000));
  assert.deepEqual(errorsOf(third.answerTo('CREATE_CHILD_SA', rekey(0x1000, 0x3000))), ['TEMPORARY_FAILURE'], 'rekeyed');
});

test('I2.9.2-1: a rekeying that asks for other nets is narrowed to the policy; what was installed stays if it is refused', () => {
  const peer = connected();
  assert.deepEqual(errorsOf(peer.answerTo('CREATE_CHILD_SA', [rekeySa(0x1000), sa(espOffer(0x2000)), nonce(2), { type: 'TSi', selectors: [range('10.77.0.0', '10.77.0.255')] }, { type: 'TSr', selectors: [HUB_NET] }])), ['TS_UNACCEPTABLE']);
  assert.deepEqual(children(peer), ['lan:installed:1000']);
  tidy(peer);
});

test('X-12: a burst of rekeyings, each with its Delete, is taken', () => {
  const peer = connected();
  for (let i = 0; i < 20; i++) {
    assert.deepEqual(errorsOf(peer.answerTo('CREATE_CHILD_SA', rekey(0x1000 + i, 0x1001 + i))), []);
    peer.answerTo('INFORMATIONAL', [deleteEsp(0x1000 + i)]);
  }
  assert.deepEqual(children(peer), ['lan:installed:1014']);
  tidy(peer);
});

// ---- Delete ----------------------------------------------------------------------------------------------------------

test('I1.4.1-1: Delete of a child is answered with the SPI of its pair; unknown SPIs, other protocols and sizes are ignored', () => {
  const peer = connected();
  const into = [...peer.side.sas.values()].find((s) => s.direction === 'in')?.spi ?? 0;
  assert.deepEqual(peer.answerTo('INFORMATIONAL', [deleteEsp(0xdead, 0xbeef)]).payloads, []);
  assert.deepEqual(peer.answerTo('INFORMATIONAL', [{ type: 'D', protocol: 2, spiSize: 4, spis: [spi4(0x1000)] }]).payloads, [], 'AH');
  assert.deepEqual(peer.answerTo('INFORMATIONAL', [{ type: 'D', protocol: 3, spiSize: 8, spis: [new Uint8Array([0, 0, 16, 0, 0, 0, 0, 0])] }]).payloads, [], '8 octets');
  assert.deepEqual(peer.answerTo('INFORMATIONAL', [{ type: 'D', protocol: 3, spiSize: 0, spis: [] }]).payloads, []);
  assert.deepEqual(peer.answerTo('INFORMATIONAL', [{ type: 'D', protocol: 3, spiSize: 1, spis: [Uint8Array.of(1)] }]).payloads, []);
  assert.equal(peer.side.sas.size, 2);
  assert.deepEqual(peer.answerTo('INFORMATIONAL', [deleteEsp(0x1000, 0x1000, 0xdead)]).payloads, [deleteEsp(into)], 'named twice, deleted once');
  assert.deepEqual(peer.side.of('child.closed').map((e) => e.reason), ['peer_deleted']);
  tidy(peer);
  assert.deepEqual(peer.closed, []);
});

test('I1.4.1-1 I2.25-1: crossing Deletes name no SPI in the answer', () => {
  const peer = connected();
  peer.pair.feed(peer.side, { type: 'child.want', chain: peer.chain, child: 'lan', up: false });
  const ours = peer.hearOne();
  assert.equal(findPayload(ours.payloads, 'D')?.spis.length, 1);
  assert.deepEqual(peer.answerTo('INFORMATIONAL', [deleteEsp(0x1000)]).payloads, []);
  peer.reply(ours, []);
  assert.equal(peer.side.of('child.closed').length, 1);
  tidy(peer);
});

test('I1.4.1-1: IKE Delete: an empty answer, everything goes, and one ike.closed', () => {
  const peer = connected();
  peer.pair.feed(peer.side, { type: 'liveness.check', chain: peer.chain });
  assert.deepEqual(peer.answerTo('INFORMATIONAL', [DELETE_IKE, deleteEsp(0x1000)]).payloads, []);
  assert.deepEqual(peer.closed, ['peer_deleted']);
  assert.deepEqual([peer.side.engine.sizes(), peer.side.sas.size, peer.side.engine.deadline], [{ sas: 0, chains: 0, childSpis: 0 }, 0, undefined]);
});

test('I1.4.1-1: crossing IKE Deletes: both are answered, and one ike.closed', () => {
  const peer = connected();
  peer.pair.feed(peer.side, { type: 'chain.close', chain: peer.chain, reason: 'requested' });
  const ours = peer.hearOne();
  assert.deepEqual(ours.payloads, [DELETE_IKE]);
  assert.deepEqual(peer.answerTo('INFORMATIONAL', [DELETE_IKE]).payloads, []);
  peer.reply(ours, []);
  assert.deepEqual(peer.closed, ['requested']);
  assert.deepEqual(peer.side.engine.sizes(), { sas: 0, chains: 0, childSpis: 0 });
});

test('I2.25-1: while the IKE SA is deleted by us: requests for children and rekeyings get TEMPORARY_FAILURE, a second close changes nothing', () => {
  const peer = connected();
  peer.pair.feed(peer.side, { type: 'chain.close', chain: peer.chain, reason: 'requested' });
  const bye = peer.hearOne();
  assert.deepEqual(errorsOf(peer.answerTo('CREATE_CHILD_SA', [sa(espOffer(0x2000)), nonce(1), ...TS])), ['TEMPORARY_FAILURE']);
  assert.deepEqual(errorsOf(peer.answerTo('CREATE_CHILD_SA', [sa(ikeOffer(31).map((p) => ({ ...p, spi: spi8(5n) }))), nonce(1), { type: 'KE', group: 31, data: peer.dh.publicValue }])), ['TEMPORARY_FAILURE']);
  peer.pair.feed(peer.side, { type: 'chain.close', chain: peer.chain, reason: 'replaced' });
  peer.pair.feed(peer.side, { type: 'connection.terminate', connection: 'branches' });
  peer.wait(1_000);
  assert.ok(peer.hear().some((h) => toHex(h.bytes) === toHex(bye.bytes)), 'the Delete goes on being repeated');
  peer.wait(10_000);
  assert.deepEqual([peer.closed, peer.side.engine.sizes()], [['requested'], { sas: 0, chains: 0, childSpis: 0 }]);
});

// ---- the engine asks -------------------------------------------------------------------------------------------------

/** An engine that initiated, with its request to rekey the child. */
function asksToRekey(options = {}): { peer: ScriptedPeer; request: Heard; old: number } {
  const peer = new ScriptedPeer('router', options);
  const auth = peer.accept();
  peer.hear();
  peer.pair.feed(peer.side, { type: 'child.rekey', chain: peer.chain, child: 'lan' });
  return { peer, request: peer.hearOne(), old: ScriptedPeer.espSpi(auth) };
}

test('I1.3-1 I2.8-3: our rekeying names our inbound SPI, offers the selectors of the old SA, and deletes the old when the new is in', () => {
  const { peer, request, old } = asksToRekey();
  assert.deepEqual(findNotify(request.payloads, 'REKEY_SA')?.spi, spi4(old));
  assert.deepEqual(findPayload(request.payloads, 'TSi')?.selectors, [ROUTER_NET]);
  peer.reply(request, [...peer.childAnswer(request, 0x2000), nonce(5)]);
  assert.deepEqual(peer.hear(), [], 'the peer may not be as ready as its answer says');
  peer.wait(CHILD_SETTLE);
  const bye = peer.hearOne();
  assert.deepEqual(bye.payloads, [deleteEsp(old)]);
  assert.deepEqual(children(peer), ['lan:rekeyed:1000', 'lan:installed:2000']);
  peer.reply(bye, [deleteEsp(0x1000)]);
  assert.deepEqual(children(peer), ['lan:installed:2000']);
  assert.deepEqual(peer.side.of('child.closed'), []);
  tidy(peer);
});

for (const [what, change] of [
  ['a narrower TSr', (p: Payload) => (p.type === 'TSr' ? { ...p, selectors: [range('10.2.0.0', '10.2.0.127')] } : p)],
  ['a wider TSi', (p: Payload) => (p.type === 'TSi' ? { ...p, selectors: [range('10.0.0.0', '10.255.255.255')] } : p)],
  ['an unoffered cipher', (p: Payload) => (p.type === 'SA' ? sa(espOffer(0x2000).map((q) => ({ ...q, transforms: [{ ...GCM256, keyLength: 128 }, ESN] }))) : p)],
  ['a group we did not offer', (p: Payload) => (p.type === 'SA' ? sa(espOffer(0x2000, 31)) : p)],
  ['SPI 0', (p: Payload) => (p.type === 'SA' ? sa(espOffer(0)) : p)],
  ['a nonce of 15 octets', (p: Payload) => (p.type === 'NONCE' ? nonce(5, 15) : p)],
] as readonly (readonly [string, (p: Payload) => Payload])[]) {
  test(`I2.9.2-1 I2.9-2 I3.3.6-2: ${what} in the answer to a rekeying: the old SA stays, the new one is deleted unused, and asked for again later`, () => {
    const { peer, request } = asksToRekey({ router: { liveness: seconds(3000) } });
    peer.reply(request, [...peer.childAnswer(request, 0x2000), nonce(5)].map(change));
    assert.deepEqual(children(peer), ['lan:installed:1000']);
    assert.equal(peer.side.sas.size, 2);
    const bye = peer.hearOne();
    assert.deepEqual(bye.payloads, [deleteEsp(ScriptedPeer.espSpi(request))]);
    peer.reply(bye, []);
    tidy(peer);
    peer.wait(44_000);
    assert.deepEqual(peer.hear(), []);
  });
}

test('I2.25-2: TEMPORARY_FAILURE: the next attempts come after 5 s and doubling waits, never at once', () => {
  const peer = new ScriptedPeer('router', { router: { childLifetime: seconds(400), liveness: seconds(3000), ikeLifetime: seconds(100_000) } });
  peer.accept();
  const at: number[] = [];
  peer.hear();
  for (let i = 0; i < 5000 && at.length < 4; i++) {
    peer.wait(100);
    const [request] = peer.hear();
    if (!request) continue;
    assert.ok(findNotify(request.payloads, 'REKEY_SA'));
    at.push(peer.pair.now);
    peer.reply(request, [notify('TEMPORARY_FAILURE')]);
  }
  const gaps = at.slice(1).map((t, i) => t - (at[i] ?? 0));
  assert.equal(gaps.length, 3);
  assert.ok(gaps.every((g, i) => g >= 3_700 * 1.4 ** i && g <= 7_000 * 2.6 ** i), gaps.join());
  assert.deepEqual(children(peer), ['lan:installed:1000']);
  tidy(peer);
});

test('I2.25-2 I2.8.1-2: CHILD_SA_NOT_FOUND: ours goes and a new one is made, once, even when the Delete crossed', () => {
  const { peer, request } = asksToRekey();
  peer.reply(request, [notify('CHILD_SA_NOT_FOUND', undefined, { protocol: 3, spi: spi4(1) })]);
  const create = peer.hearOne();
  assert.equal(findNotify(create.payloads, 'REKEY_SA'), undefined);
  peer.reply(create, [...peer.childAnswer(create, 0x2000), nonce(5)]);
  assert.deepEqual(children(peer), ['lan:installed:2000']);
  tidy(peer);
  const crossed = asksToRekey();
  crossed.peer.answerTo('INFORMATIONAL', [deleteEsp(0x1000)]);
  crossed.peer.reply(crossed.request, [notify('CHILD_SA_NOT_FOUND', undefined, { protocol: 3, spi: spi4(1) })]);
  crossed.peer.wait(3_000);
  const creates = new Map(crossed.peer.hear().filter((h) => !h.header.isResponse).map((h) => [h.header.messageId, h]));
  assert.equal(creates.size, 1);
  const [only] = creates.values();
  assert.ok(only);
  crossed.peer.reply(only, [...crossed.peer.childAnswer(only, 0x2000), nonce(5)]);
  crossed.peer.wait(3_000);
  assert.deepEqual(children(crossed.peer), ['lan:installed:2000']);
  tidy(crossed.peer);
});

test('I1.3-1: INVALID_KE_PAYLOAD for a child is followed once, to an offered group only', () => {
  const router = { children: connection('initiator').children.map((c) => ({ ...c, espProposals: [{ ...ESP_SUITE, groups: [31, 19] }] })) };
  const { peer, request, old } = asksToRekey({ router });
  assert.equal(findPayload(request.payloads, 'KE')?.group, 31);
  peer.reply(request, [notify('INVALID_KE_PAYLOAD', Uint8Array.of(0, 19))]);
  const again = peer.hearOne();
  assert.equal(findPayload(again.payloads, 'KE')?.group, 19);
  assert.deepEqual(findNotify(again.payloads, 'REKEY_SA')?.spi, spi4(old));
  assert.deepEqual(findPayload(again.payloads, 'SA')?.proposals[0]?.transforms.filter((t) => t.type === 4).map((t) => t.id), [31, 19], 'the whole offer');
  peer.reply(again, [notify('INVALID_KE_PAYLOAD', Uint8Array.of(0, 31))]);
  assert.deepEqual(peer.hear(), []);
  assert.deepEqual(children(peer), ['lan:installed:1000']);
  tidy(peer);
});

test('AL-3 I2.21-1: an invalid public value in the answer: the IKE SA is deleted at once', () => {
  const router = { children: connection('initiator').children.map((c) => ({ ...c, espProposals: [{ ...ESP_SUITE, groups: [31] }] })) };
  const { peer, request } = asksToRekey({ router });
  peer.reply(request, [...peer.childAnswer(request, 0x2000), nonce(5), { type: 'KE', group: 31, data: new Uint8Array(32) }]);
  const bye = peer.hearOne();
  assert.deepEqual(bye.payloads, [DELETE_IKE]);
  peer.reply(bye, []);
  assert.deepEqual([peer.closed, peer.side.engine.sizes(), peer.side.sas.size], [['invalid_syntax'], { sas: 0, chains: 0, childSpis: 0 }, 0]);
});

test('I2.25-1: the peer deletes the child that we rekey: it is answered with D, and a new one is made', () => {
  const { peer, request, old } = asksToRekey();
  assert.deepEqual(peer.answerTo('INFORMATIONAL', [deleteEsp(0x1000)]).payloads, [deleteEsp(old)]);
  peer.reply(request, [...peer.childAnswer(request, 0x2000), nonce(5)]);
  peer.wait(5_000);
  assert.deepEqual(children(peer), ['lan:installed:2000']);
  assert.deepEqual(peer.hear().filter((h) => h.header.exchange === 36 && !h.header.isResponse), [], 'none beside it');
  tidy(peer);
});

test('I2.8-4: a child that cannot be rekeyed is not used past its hard lifetime; the peer is told, and a new one made', () => {
  const peer = new ScriptedPeer('router', { router: { childLifetime: seconds(100), liveness: seconds(3000) } });
  const auth = peer.accept();
  const said: string[] = [];
  for (let i = 0; i < 120 && children(peer)[0] !== 'lan:installed:2000'; i++) {
    peer.wait(1_000);
    for (const request of new Map(peer.hear().map((h) => [h.header.messageId, h])).values()) {
      const isCreate = request.header.exchange === 36 && !findNotify(request.payloads, 'REKEY_SA');
      said.push(request.header.exchange === 37 ? 'delete' : isCreate ? 'create' : 'rekey');
      if (request.header.exchange === 37) {
        assert.deepEqual(request.payloads, [deleteEsp(ScriptedPeer.espSpi(auth))]);
        assert.equal(peer.side.sas.size, 0);
        peer.reply(request, []);
      } else peer.reply(request, isCreate ? [...peer.childAnswer(request, 0x2000), nonce(5)] : [notify('NO_PROPOSAL_CHOSEN')]);
    }
  }
  assert.deepEqual(said, ['rekey', 'delete', 'create']);
  assert.deepEqual(peer.side.of('child.closed').map((e) => e.reason), ['lifetime_expired']);
  tidy(peer);
});

test('I1.4.1-1: a child the peer deletes is made again by the initiator of the chain, with longer waits when refused', () => {
  const peer = new ScriptedPeer('router', { router: { liveness: seconds(3000) } });
  peer.accept();
  peer.hear();
  peer.answerTo('INFORMATIONAL', [deleteEsp(0x1000)]);
  const at: number[] = [];
  for (let i = 0; i < 400 && at.length < 3; i++) {
    peer.wait(1_000);
    const [create] = peer.hear();
    if (!create) continue;
    at.push(peer.pair.now);
    peer.reply(create, [notify('TS_UNACCEPTABLE')]);
  }
  assert.ok((at[1] ?? 0) - (at[0] ?? 0) >= 44_000 && (at[2] ?? 0) - (at[1] ?? 0) > (at[1] ?? 0) - (at[0] ?? 0), at.join());
  tidy(peer);
});

// ---- the IKE SA ------------------------------------------------------------------------------------------------------

/** Rekeys the IKE SA as its initiator; the peer follows. Returns the engine's answer. */
function rekeysIke(peer: ScriptedPeer, change: (payloads: Payload[]) => Payload[] = (p) => p): Heard {
  const dh = peer.newDh(31);
  const ni = peer.random(32);
  const spi = 0x7777n + BigInt(peer.nextId);
  const answer = peer.answerTo('CREATE_CHILD_SA', change([sa(ikeOffer(31, 19).map((p) => ({ ...p, spi: spi8(spi) }))), { type: 'NONCE', data: ni }, { type: 'KE', group: 31, data: dh.publicValue }]));
  const ke = findPayload(answer.payloads, 'KE');
  const spiR = findPayload(answer.payloads, 'SA')?.proposals[0]?.spi;
  if (ke && spiR) {
    const shared = dh.derive(ke.data);
    assert.ok(shared);
    peer.follow(true, spi, new DataView(spiR.buffer, spiR.byteOffset).getBigUint64(0), ni, findPayload(answer.payloads, 'NONCE')?.data ?? new Uint8Array(), shared);
  }
  return answer;
}

test('I2.18-1 I2.2-1 I2.8-3: an IKE SA rekeyed by the peer: new SPIs and keys, IDs from 0, children inherited; then the old one is deleted', () => {
  const peer = connected();
  const before = children(peer);
  const old = Object.assign(new ScriptedPeer('hub', {}, peer.pair), { keys: peer.keys, spiI: peer.spiI, spiR: peer.spiR, path: peer.path });
  const oldId = peer.nextId + 1;
  rekeysIke(peer);
  assert.equal(peer.side.engine.sizes().sas, 2);
  assert.deepEqual(peer.answerTo('INFORMATIONAL', [], { messageId: 0 }).payloads, []);
  assert.deepEqual(children(peer), before);
  old.nextId = oldId;
  old.hear();
  old.deliver(old.seal('INFORMATIONAL', false, oldId, [DELETE_IKE]));
  assert.equal(peer.side.engine.sizes().sas, 1);
  assert.deepEqual([peer.closed, peer.side.sas.size], [[], 2]);
  assert.deepEqual(errorsOf(peer.answerTo('CREATE_CHILD_SA', rekey(0x1000, 0x2000))), []);
  peer.pair.feed(peer.side, { type: 'liveness.check', chain: peer.chain });
  assert.equal(peer.hear().filter((h) => !h.header.isResponse)[0]?.header.messageId, 0, 'ours start anew too');
});

test('I2.8-3 I1.4-1: what the peer still asks on the rekeyed SA: Delete of a child finds it, new ones are refused', () => {
  const peer = connected();
  const old = Object.assign(new ScriptedPeer('hub', {}, peer.pair), { keys: peer.keys, spiI: peer.spiI, spiR: peer.spiR, path: peer.path });
  old.nextId = peer.nextId + 1;
  rekeysIke(peer);
  assert.deepEqual(errorsOf(old.answerTo('CREATE_CHILD_SA', [sa(espOffer(0x2000)), nonce(1), ...TS])), ['TEMPORARY_FAILURE']);
  assert.deepEqual(errorsOf(rekeysIke(old)), ['TEMPORARY_FAILURE'], 'once is enough');
  assert.equal(findPayloads(old.answerTo('INFORMATIONAL', [deleteEsp(0x1000)]).payloads, 'D').length, 1);
  assert.equal(peer.side.sas.size, 0);
  tidy(peer);
});

test('I2.18-1 I2.6-5: IKE rekeyings that do not fit: no KE, group NONE, SPI 0, an SPI of 4 octets', () => {
  const peer = connected();
  const alter = (f: (p: Proposal) => Proposal) => (payloads: Payload[]): Payload[] => payloads.map((p) => (p.type === 'SA' ? sa(p.proposals.map(f)) : p));
  assert.deepEqual(errorsOf(rekeysIke(peer, (p) => p.filter((q) => q.type !== 'KE'))), ['INVALID_KE_PAYLOAD']);
  assert.deepEqual(errorsOf(rekeysIke(peer, alter((p) => ({ ...p, transforms: [...p.transforms.filter((t) => t.type !== 4), KE(0)] })))), ['NO_PROPOSAL_CHOSEN']);
  assert.deepEqual(errorsOf(rekeysIke(peer, alter((p) => ({ ...p, spi: spi8(0n) })))), ['NO_PROPOSAL_CHOSEN']);
  assert.deepEqual(errorsOf(rekeysIke(peer, alter((p) => ({ ...p, spi: spi4(7) })))), ['NO_PROPOSAL_CHOSEN']);
  assert.equal(peer.side.engine.sizes().sas, 1);
  assert.deepEqual(errorsOf(rekeysIke(peer)), []);
});

test('I2.8-3: a peer that rekeys again and again and deletes nothing has two SAs, not ever more', () => {
  const peer = connected();
  rekeysIke(peer);
  for (let i = 0; i < 20; i++) assert.deepEqual(errorsOf(rekeysIke(peer)), ['TEMPORARY_FAILURE']);
  assert.equal(peer.side.engine.sizes().sas, 2);
  peer.wait(301_000);
  assert.ok(peer.side.engine.sizes().sas <= 1);
});

/** The engine asks to rekey its IKE SA. */
function asksToRekeyIke(): { peer: ScriptedPeer; request: Heard } {
  const peer = new ScriptedPeer('router');
  peer.accept();
  peer.hear();
  peer.pair.feed(peer.side, { type: 'ike.rekey', chain: peer.chain });
  return { peer, request: peer.hearOne() };
}

test('I2.25-1 I2.8.2-1: while we rekey the IKE SA: children get TEMPORARY_FAILURE, Delete of a child and of the SA are done', () => {
  const { peer } = asksToRekeyIke();
  assert.deepEqual(errorsOf(peer.answerTo('CREATE_CHILD_SA', [sa(espOffer(0x2000)), nonce(1), { type: 'TSi', selectors: [HUB_NET] }, { type: 'TSr', selectors: [ROUTER_NET] }])), ['TEMPORARY_FAILURE']);
  assert.equal(findPayloads(peer.answerTo('INFORMATIONAL', [deleteEsp(0x1000)]).payloads, 'D').length, 1);
  assert.deepEqual(peer.answerTo('INFORMATIONAL', [DELETE_IKE]).payloads, []);
  assert.deepEqual([peer.closed, peer.side.engine.sizes(), peer.side.engine.deadline], [['peer_deleted'], { sas: 0, chains: 0, childSpis: 0 }, undefined]);
});

for (const [what, payloads] of [
  ['an unoffered cipher', (p: ScriptedPeer) => [sa(ikeOffer(31).map((q) => ({ ...q, spi: spi8(9n), transforms: [{ ...GCM256, keyLength: 128 }, ...q.transforms.slice(1)] }))), nonce(3), { type: 'KE', group: 31, data: p.dh.publicValue } as const]],
  ['SPI 0', (p: ScriptedPeer) => [sa(ikeOffer(31).map((q) => ({ ...q, spi: spi8(0n) }))), nonce(3), { type: 'KE', group: 31, data: p.dh.publicValue } as const]],
  ['no KE', () => [sa(ikeOffer(31).map((q) => ({ ...q, spi: spi8(9n) }))), nonce(3)]],
  ['an invalid public value', () => [sa(ikeOffer(31).map((q) => ({ ...q, spi: spi8(9n) }))), nonce(3), { type: 'KE', group: 31, data: new Uint8Array(32) } as const]],
  ['nothing', () => []],
] as const) {
  test(`AL-3 I2.21-1 I3.3.6-2: ${what} in the answer to the rekeying of the IKE SA: it is deleted, the peer has a successor that we cannot have`, () => {
    const { peer, request } = asksToRekeyIke();
    peer.reply(request, payloads(peer));
    const bye = peer.hearOne();
    assert.deepEqual(bye.payloads, [DELETE_IKE]);
    peer.reply(bye, []);
    assert.deepEqual([peer.closed, peer.side.engine.sizes()], [['invalid_syntax'], { sas: 0, chains: 0, childSpis: 0 }]);
  });
}

test('I2.18-1 M1.3-1 X-1: our rekeying, answered: the I flag is ours on the new SA, the old one gets our Delete, MOBIKE goes on', () => {
  const { peer, request } = asksToRekeyIke();
  const offer = findPayload(request.payloads, 'SA')?.proposals[0];
  const ke = findPayload(request.payloads, 'KE');
  const ni = findPayload(request.payloads, 'NONCE');
  assert.ok(offer?.spi.length === 8 && ke && ni);
  const nr = peer.random(32);
  peer.reply(request, [sa(ikeOffer(31).map((p) => ({ ...p, spi: spi8(0x99n) }))), { type: 'NONCE', data: nr }, { type: 'KE', group: 31, data: peer.dh.publicValue }]);
  const bye = peer.hearOne();
  assert.deepEqual([bye.header.messageId, bye.payloads], [request.header.messageId + 1, [DELETE_IKE]]);
  peer.reply(bye, []);
  const shared = peer.dh.derive(ke.data);
  assert.ok(shared);
  peer.follow(false, new DataView(offer.spi.buffer, offer.spi.byteOffset).getBigUint64(0), 0x99n, ni.data, nr, shared);
  peer.pair.feed(peer.side, { type: 'liveness.check', chain: peer.chain });
  const check = peer.hearOne();
  assert.ok(check.sealed && check.header.fromOriginalInitiator && check.header.messageId === 0);
  assert.ok(findNotify(check.payloads, 'NAT_DETECTION_SOURCE_IP'));
  assert.equal(peer.side.of('ike.rekeyed').length, 1);
  assert.equal(peer.side.engine.sizes().sas, 1);
});

test('I2.25-2: TEMPORARY_FAILURE and NO_PROPOSAL_CHOSEN for the IKE SA: it stays, and is asked again after a wait; at the hard lifetime it is closed', () => {
  const { peer, request } = asksToRekeyIke();
  peer.reply(request, [notify('TEMPORARY_FAILURE')]);
  peer.wait(4_900);
  assert.deepEqual(peer.hear(), []);
  peer.wait(5_500);
  const again = peer.hear()[0];
  assert.equal(again?.header.exchange, 36);
  const short = new ScriptedPeer('router', { router: { ikeLifetime: seconds(100), liveness: seconds(3000) } });
  short.accept();
  for (let i = 0; i < 110 && short.closed.length === 0; i++) {
    short.wait(1_000);
    for (const h of new Map(short.hear().map((m) => [m.header.messageId, m])).values()) if (!h.header.isResponse && h.header.exchange === 36) short.reply(h, [notify('NO_PROPOSAL_CHOSEN')]);
  }
  assert.deepEqual(short.closed, ['lifetime_expired']);
  assert.deepEqual(short.side.engine.sizes().childSpis, 0);
});

test('nonces of the engine are all different (I2.10-1, I2.12-1), and so are its public values', () => {
  const { peer, request } = asksToRekey({ router: { children: connection('initiator').children.map((c) => ({ ...c, espProposals: [{ ...ESP_SUITE, groups: [31] }] })) } });
  const seen: Uint8Array[] = [];
  let heard: Heard | undefined = request;
  for (let i = 0; i < 5 && heard; i++) {
    for (const type of ['NONCE', 'KE'] as const) seen.push(findPayload(heard.payloads, type)?.data ?? new Uint8Array());
    peer.reply(heard, [...peer.childAnswer(heard, 0x2000 + i), nonce(5), { type: 'KE', group: 31, data: peer.newDh(31).publicValue }]);
    peer.wait(CHILD_SETTLE);
    const bye = peer.hearOne();
    peer.reply(bye, []);
    peer.pair.feed(peer.side, { type: 'child.rekey', chain: peer.chain, child: 'lan' });
    heard = peer.hear()[0];
  }
  assert.equal(seen.length, 10);
  seen.sort(compareBytes);
  assert.ok(seen.every((s, i) => i === 0 || compareBytes(s, seen[i - 1] ?? new Uint8Array()) !== 0));
});
