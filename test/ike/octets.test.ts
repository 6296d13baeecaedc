// Every octet the engine sends in the life of an SA, read by a walker that knows RFC 7296's figures and nothing of our codec; and what it
// makes of odd but legal octets of a peer.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { ip, seconds } from '../../src/base/index.ts';
import { EXCHANGE, NOTIFY, type Payload, type Proposal } from '../../src/codec/ike/index.ts';
import { connection, ESP_SUITE, IKE_SUITE, on4500, path, prefixes } from './pair.ts';
import {
  DELETE_IKE, deleteEsp, errorsOf, espOffer, findNotify, findPayload, GCM256, HUB_NET, ikeOffer, KE, notifies, notify, PRF_SHA256, rawNotify, rekeySa, ROUTER_NET, ScriptedPeer, spi8,
  type Heard,
} from './scripted-peer.ts';

const nonce = (fill: number): Payload => ({ type: 'NONCE', data: new Uint8Array(32).fill(fill) });
const TS: readonly Payload[] = [{ type: 'TSi', selectors: [ROUTER_NET] }, { type: 'TSr', selectors: [HUB_NET] }];
const newChild = (spi: number): Payload[] => [{ type: 'SA', proposals: espOffer(spi) }, nonce(spi & 255), ...TS];

/** A peer that keeps all it heard. */
class Listener extends ScriptedPeer {
  readonly all: Heard[] = [];
  override hear(): Heard[] {
    const heard = super.hear();
    this.all.push(...heard);
    return heard;
  }
}

// ---- the walker ------------------------------------------------------------------------------------------------------

const u16 = (b: Uint8Array, at: number): number => ((b[at] ?? 0) << 8) | (b[at + 1] ?? 0);

/** What is wrong with one payload's body, by RFC 7296 §3.3 to §3.15. */
function bodyFaults(type: number, b: Uint8Array): string[] {
  const zero = (...at: number[]): string[] => at.filter((i) => b[i] !== 0).map((i) => `payload ${type}: octet ${i} is reserved`);
  if (type === 34) return zero(2, 3);
  if (type === 35 || type === 36 || type === 39 || type === 44 || type === 45 || type === 47) return zero(1, 2, 3);
  if (type === 41) {
    const named = [NOTIFY.REKEY_SA.code, NOTIFY.CHILD_SA_NOT_FOUND.code] as readonly number[];
    return named.includes(u16(b, 2)) ? (b[0] === 3 && b[1] === 4 ? [] : ['a notify without the SPI it is about']) : zero(0, 1);
  }
  if (type !== 33) return [];
  const faults: string[] = [];
  for (let at = 0; at < b.length; ) {
    const length = u16(b, at + 2);
    const end = at + length;
    if (b[at] !== (end === b.length ? 0 : 2) || b[at + 1] !== 0) faults.push('proposal: last or reserved octet');
    let inner = at + 8 + (b[at + 6] ?? 0);
    for (let n = b[at + 7] ?? 0; n > 0; n--) {
      if (b[inner] !== (n === 1 ? 0 : 3) || b[inner + 1] !== 0 || b[inner + 5] !== 0) faults.push('transform: last or reserved octet');
      if (u16(b, inner + 2) > 8 && u16(b, inner + 8) !== 0x800e) faults.push('an attribute that is no Key Length: I2.8-0, no lifetimes');
      inner += u16(b, inner + 2);
    }
    if (inner !== end || length === 0) return [...faults, 'proposal: length'];
    at = end;
  }
  return faults;
}

/** Walks a chain of payloads; C is 0 on all we send, so is what is reserved. */
function chainFaults(first: number, b: Uint8Array): string[] {
  const faults: string[] = [];
  let type = first;
  let at = 0;
  while (type !== 0) {
    const length = u16(b, at + 2);
    if (b[at + 1] !== 0) faults.push(`payload ${type}: critical or reserved bits`);
    if (length < 4 || at + length > b.length) return [...faults, `payload ${type}: length`];
    if (type !== 46) faults.push(...bodyFaults(type, b.subarray(at + 4, at + length)));
    const next = b[at] ?? 0;
    at += length;
    if (type === 46) break;
    type = next;
  }
  return at === b.length ? faults : [...faults, 'octets after the last payload'];
}

function messageFaults(h: Heard): string[] {
  const b = h.bytes;
  const faults = chainFaults(b[16] ?? 0, b.subarray(28));
  if (b[17] !== 0x20) faults.push('version');
  if (((b[19] ?? 0) & ~0x28) !== 0) faults.push('flags');
  if (h.inside) faults.push(...chainFaults(h.inside.first, h.inside.bytes));
  return faults.map((f) => `${h.header.exchange} ${h.header.isResponse ? 'response' : 'request'}: ${f}`);
}

test('the walker sees what it is there for', () => {
  const peer = new Listener('hub');
  peer.connect();
  const good = peer.all.find((h) => h.header.exchange === EXCHANGE.IKE_SA_INIT && h.header.isResponse);
  assert.ok(good);
  assert.deepEqual(messageFaults(good), []);
  const spoilt = (at: number, bit: number): string[] => messageFaults({ ...good, bytes: good.bytes.map((o, i) => (i === at ? o ^ bit : o)) });
  for (const [at, bit] of [[17, 1], [19, 0x10], [19, 1], [29, 0x80], [29, 1], [33, 1], [28 + 4 + 8 + 1, 1], [28 + 4 + 8 + 5, 1]] as const)
    assert.equal(spoilt(at, bit).length > 0, true, `octet ${at}`);
});

/** The peer rekeys the IKE SA and goes on with the successor. */
function rekeysIke(peer: ScriptedPeer): void {
  const dh = peer.newDh(31);
  const ni = new Uint8Array(32).fill(77);
  const spiI = 0x7700n + BigInt(peer.nextId);
  const answer = peer.answerTo('CREATE_CHILD_SA', [
    { type: 'SA', proposals: ikeOffer(31).map((p) => ({ ...p, spi: spi8(spiI) })) }, { type: 'NONCE', data: ni }, { type: 'KE', group: 31, data: dh.publicValue },
  ]);
  const spi = findPayload(answer.payloads, 'SA')?.proposals[0]?.spi;
  const ke = findPayload(answer.payloads, 'KE');
  const nr = findPayload(answer.payloads, 'NONCE')?.data;
  const shared = ke && dh.derive(ke.data);
  assert.ok(spi && nr && shared);
  peer.follow(true, spiI, new DataView(spi.buffer, spi.byteOffset).getBigUint64(0), ni, nr, shared);
}

test('I2.5-1 I2.5-2 I2.8-0: as a responder: version 0x20, flags R and I alone, reserved octets zero, C never set, no attribute but Key Length, lengths that fit', () => {
  const peer = new Listener('hub');
  const [, ...rest] = peer.initPayloads();
  peer.init([{ type: 'unknown', code: 99, critical: true }]);
  peer.init(undefined, { major: 3 });
  peer.init([{ type: 'SA', proposals: ikeOffer(14) }, ...rest]);
  peer.init([{ type: 'SA', proposals: ikeOffer(31) }, { type: 'KE', group: 19, data: new Uint8Array(64) }, ...rest.slice(1)]);
  peer.connect();
  peer.answerTo('INFORMATIONAL', [notify('COOKIE2', new Uint8Array(8)), ...peer.natPayloads(peer.spiI, peer.spiR)]);
  peer.answerTo('CREATE_CHILD_SA', newChild(0x2000));
  peer.answerTo('CREATE_CHILD_SA', [rekeySa(0x2000), ...newChild(0x3000)]);
  peer.answerTo('CREATE_CHILD_SA', [rekeySa(0x9999), ...newChild(0x4000)]);
  peer.answerTo('CREATE_CHILD_SA', [{ type: 'SA', proposals: espOffer(0) }, nonce(1), ...TS]);
  peer.answerTo('INFORMATIONAL', [deleteEsp(0x2000)]);
  peer.answerTo('INFORMATIONAL', [{ type: 'unknown', code: 99, critical: true }]);
  rekeysIke(peer);
  peer.pair.feed(peer.side, { type: 'liveness.check', chain: peer.chain });
  const [check] = peer.hear().filter((h) => !h.header.isResponse);
  assert.ok(check);
  peer.reply(check, []);
  peer.pair.feed(peer.side, { type: 'child.rekey', chain: peer.chain, child: 'lan' });
  const [rekey] = peer.hear().filter((h) => !h.header.isResponse);
  assert.ok(rekey);
  peer.reply(rekey, [...peer.childAnswer(rekey, 0x5000), nonce(5)]);
  for (const request of peer.hear()) if (!request.header.isResponse) peer.reply(request, []);
  for (const request of peer.hear()) if (!request.header.isResponse) peer.reply(request, []);
  peer.pair.feed(peer.side, { type: 'ike.rekey', chain: peer.chain });
  peer.hear();
  peer.answerTo('INFORMATIONAL', [], { plaintext: { first: 41, bytes: Uint8Array.of(0, 0, 0, 1) } });
  peer.init();
  assert.deepEqual(peer.all.flatMap(messageFaults), []);
  const kinds = new Set(peer.all.map((h) => `${h.header.exchange}${h.header.isResponse ? '<' : '>'}`));
  assert.deepEqual([...kinds].sort(), ['34<', '35<', '36<', '36>', '37<', '37>']);
  const told = new Set(peer.all.flatMap(notifies));
  for (const name of ['UNSUPPORTED_CRITICAL_PAYLOAD', 'INVALID_MAJOR_VERSION', 'NO_PROPOSAL_CHOSEN', 'INVALID_KE_PAYLOAD', 'CHILD_SA_NOT_FOUND', 'INVALID_SYNTAX', 'REKEY_SA', 'COOKIE2'])
    assert.ok(told.has(name), name);
});

test('I2.5-1 I2.5-2 I2.8-0 I3.3-1: the same as an initiator, with two suites on offer', () => {
  const cbc = { text: 'aes256-sha256-prfsha256-x25519', encr: [{ id: 12, keyLength: 256 }, { id: 12, keyLength: 128 }], prf: [5], integ: [12], groups: [31, 19], esn: [] };
  const peer = new Listener('router', { router: { ikeProposals: [IKE_SUITE, cbc] } });
  peer.initiated();
  peer.deliver(peer.plain('IKE_SA_INIT', true, 0, [notify('COOKIE', new Uint8Array(9).fill(3))], { spiR: 0n }));
  peer.takeInitRequest(peer.hearOne());
  peer.deliver(peer.plain('IKE_SA_INIT', true, 0, [notify('INVALID_KE_PAYLOAD', Uint8Array.of(0, 19))], { spiR: 0n }));
  const request = peer.takeInitRequest(peer.hearOne());
  peer.dh = peer.newDh(19);
  const [auth] = peer.answerInit(request);
  assert.ok(auth);
  peer.reply(auth, [...peer.authPayloads(), ...peer.childAnswer(auth), notify('MOBIKE_SUPPORTED')]);
  peer.hear();
  peer.pair.feed(peer.side, { type: 'path.move', chain: peer.chain, path: on4500(path('lte')), reasons: ['test'], since: peer.pair.now });
  peer.reply(peer.hearOne(), []);
  peer.hear();
  peer.pair.feed(peer.side, { type: 'chain.close', chain: peer.chain, reason: 'requested' });
  peer.reply(peer.hearOne(), []);
  assert.deepEqual(peer.all.flatMap(messageFaults), []);
  assert.deepEqual([...new Set(peer.all.map((h) => h.header.exchange))].sort(), [34, 35, 37]);
  const offer = findPayload(request.payloads, 'SA')?.proposals ?? [];
  assert.deepEqual(offer.map((p) => [p.number, p.protocol, p.transforms.map((t) => `${t.type}:${t.id}${t.keyLength === undefined ? '' : `/${t.keyLength}`}`)]), [
    [1, 1, ['1:20/256', '2:5', '4:31', '4:19']], [2, 1, ['1:12/256', '1:12/128', '2:5', '3:12', '4:31', '4:19']],
  ]);
});

// ---- proposals -------------------------------------------------------------------------------------------------------

test('I3.3-1: several ESP suites are offered as proposals 1, 2, 3 in our order, AEAD apart and without INTEG', () => {
  const lan = { name: 'lan', localTs: prefixes('10.1.0.0/24'), remoteTs: prefixes('10.2.0.0/24') };
  const cbc = { text: 'aes128-sha256', encr: [{ id: 12, keyLength: 128 }], prf: [], integ: [12], groups: [], esn: [1, 0] };
  const small = { ...ESP_SUITE, encr: [{ id: 20, keyLength: 128 }] };
  const peer = new ScriptedPeer('router', { router: { children: [{ ...lan, espProposals: [small, cbc, ESP_SUITE] }] } });
  const [auth] = peer.answerInit(peer.initiated());
  const offer = findPayload(auth?.payloads ?? [], 'SA')?.proposals ?? [];
  assert.deepEqual(offer.map((p) => [p.number, p.protocol, p.spi.length, p.transforms.map((t) => `${t.type}:${t.id}${t.keyLength === undefined ? '' : `/${t.keyLength}`}`)]), [
    [1, 3, 4, ['1:20/128', '5:1', '5:0']], [2, 3, 4, ['1:12/128', '3:12', '5:1', '5:0']], [3, 3, 4, ['1:20/256', '5:1', '5:0']],
  ]);
});

const init = (transforms: Proposal['transforms']): string[] => {
  const peer = new ScriptedPeer('hub');
  return errorsOf(peer.init(peer.initPayloads().map((p) => (p.type === 'SA' ? { type: 'SA', proposals: [{ number: 1, protocol: 1, spi: new Uint8Array(), transforms }] } : p)))[0]);
};
const auth = (transforms: Proposal['transforms']): string[] => {
  const peer = new ScriptedPeer('hub');
  peer.takeInit(peer.init()[0] as Heard);
  return errorsOf(peer.answerTo('IKE_AUTH', [...peer.authPayloads(), { type: 'SA', proposals: [{ ...espOffer(0x1000)[0] as Proposal, transforms }] }, ...TS]));
};
const ESN1 = { type: 5, id: 1 };

test('ALG-1 I3.3-1 I3.3.6-1: IKE: ENCR, PRF and KE must be there; an INTEG only as NONE beside AEAD; ESN has no place', () => {
  assert.deepEqual(init([GCM256, PRF_SHA256, KE(31)]), []);
  assert.deepEqual(init([GCM256, PRF_SHA256, { type: 3, id: 0 }, KE(31)]), [], 'NONE');
  for (const transforms of [[PRF_SHA256, KE(31)], [GCM256, KE(31)], [GCM256, PRF_SHA256], [GCM256, PRF_SHA256, { type: 3, id: 12 }, KE(31)]])
    assert.deepEqual(init(transforms), ['NO_PROPOSAL_CHOSEN'], JSON.stringify(transforms));
});

test('ALG-1 I3.3-1 I3.3.6-1: ESP: ENCR and ESN must be there; INTEG only as NONE beside AEAD; a PRF has no place', () => {
  assert.deepEqual(auth([GCM256, ESN1]), []);
  assert.deepEqual(auth([GCM256, { type: 3, id: 0 }, ESN1]), [], 'NONE');
  for (const transforms of [[ESN1], [GCM256], [GCM256, { type: 3, id: 12 }, ESN1], [GCM256, PRF_SHA256, ESN1]])
    assert.deepEqual(auth(transforms), ['NO_PROPOSAL_CHOSEN'], JSON.stringify(transforms));
});

// ---- odd, but legal --------------------------------------------------------------------------------------------------

test('I3.10-2: the Protocol ID of a notify without SPI means nothing, in every exchange', () => {
  for (const protocol of [1, 2, 3, 77]) {
    const odd = (payloads: readonly Payload[]): Payload[] => payloads.map((p) => (p.type === 'N' && p.spi.length === 0 ? { ...p, protocol } : p));
    const peer = new ScriptedPeer('hub');
    const [answer] = peer.init(odd(peer.initPayloads()));
    assert.ok(answer);
    peer.takeInit(answer);
    peer.answerTo('IKE_AUTH', odd([...peer.authPayloads(), ...peer.childPayloads(), notify('MOBIKE_SUPPORTED')]));
    assert.equal(peer.side.of('ike.established')[0]?.mobike, true);
    peer.path = { ...peer.path, remote: { address: ip('198.51.100.77'), port: 4500 } };
    const moved = peer.answerTo('INFORMATIONAL', odd([notify('UPDATE_SA_ADDRESSES'), ...peer.natPayloads(peer.spiI, peer.spiR), notify('COOKIE2', new Uint8Array(16).fill(9))]));
    assert.ok(findNotify(moved.payloads, 'COOKIE2') && findNotify(moved.payloads, 'NAT_DETECTION_SOURCE_IP'));
    assert.equal(peer.side.engine.status()[0]?.path.remote.address, '198.51.100.77');
  }
});

for (const [what, kind, request] of [
  ['a new child', 'childCreate', (p: ScriptedPeer) => p.pair.feed(p.side, { type: 'child.want', chain: p.chain, child: 'dmz', up: true })],
  ['a rekeying of a child', 'childRekey', (p: ScriptedPeer) => p.pair.feed(p.side, { type: 'child.rekey', chain: p.chain, child: 'lan' })],
  ['a rekeying of the IKE SA', 'ikeRekey', (p: ScriptedPeer) => p.pair.feed(p.side, { type: 'ike.rekey', chain: p.chain })],
] as const) {
  test(`I3.10-1 I1.3-2: an unknown error answers ${what}: it failed as a whole, everything else stays, and it is asked for again later`, () => {
    const children = [{ name: 'lan', localTs: prefixes('10.1.0.0/24'), remoteTs: prefixes('10.2.0.0/24'), espProposals: [ESP_SUITE] }];
    const dmz = { name: 'dmz', localTs: prefixes('10.1.1.0/24'), remoteTs: prefixes('10.2.1.0/24'), espProposals: [ESP_SUITE] };
    const peer = new ScriptedPeer('router', { router: { children, liveness: seconds(3000) } });
    peer.accept();
    peer.hear();
    // The second child comes into the configuration later.
    peer.pair.feed(peer.side, { type: 'connections.set', connections: [connection('initiator', { children: [...children, dmz], liveness: seconds(3000) })] });
    request(peer);
    peer.wait(1);
    const asked = peer.hearOne();
    assert.equal(asked.header.exchange, EXCHANGE.CREATE_CHILD_SA);
    peer.reply(asked, [rawNotify(12_345, new Uint8Array(7))]);
    assert.deepEqual(peer.hear(), [], `${kind}: not at once`);
    assert.deepEqual([peer.closed, peer.side.engine.status()[0]?.state, peer.side.sas.size], [[], 'established', 2]);
    peer.wait(130_000);
    const again = peer.hear().filter((h) => h.header.exchange === EXCHANGE.CREATE_CHILD_SA);
    assert.ok(again.length > 0, 'asked again');
    assert.notDeepEqual(findPayload(again[0]?.payloads ?? [], 'NONCE'), findPayload(asked.payloads, 'NONCE'));
  });
}

test('I3.10-1: an unknown error in a request, and unknown status notifies in a response, are passed over', () => {
  const peer = new ScriptedPeer('hub');
  peer.connect();
  assert.deepEqual(errorsOf(peer.answerTo('CREATE_CHILD_SA', [...newChild(0x2000), rawNotify(9_999), rawNotify(45_000)])), []);
  peer.pair.feed(peer.side, { type: 'child.rekey', chain: peer.chain, child: 'lan' });
  const [asked] = peer.hear().filter((h) => !h.header.isResponse);
  assert.ok(asked);
  peer.reply(asked, [rawNotify(45_000), ...peer.childAnswer(asked, 0x3000), nonce(3), rawNotify(20_000, new Uint8Array(50))]);
  assert.equal(peer.side.of('child.rekeyed').length, 1);
});

test('I2-1: an IKE_SA_INIT of 3,000 octets and one of 60,000, an IKE_AUTH of 60,000: taken', () => {
  for (const size of [1_280, 3_000, 60_000]) {
    const peer = new ScriptedPeer('hub');
    const pad: Payload = { type: 'V', data: new Uint8Array(size).fill(0x55) };
    const [answer] = peer.init([...peer.initPayloads(), pad]);
    assert.ok(answer);
    peer.takeInit(answer);
    peer.verify(peer.answerTo('IKE_AUTH', [...peer.authPayloads(), ...peer.childPayloads(), pad]));
    assert.equal(peer.side.sas.size, 2);
  }
});

test('DELETE of the IKE SA beside Deletes of children is one Delete of all', () => {
  const peer = new ScriptedPeer('hub');
  peer.connect();
  assert.deepEqual(peer.answerTo('INFORMATIONAL', [deleteEsp(0x1000), DELETE_IKE]).payloads, []);
  assert.deepEqual([peer.closed, peer.side.sas.size], [['peer_deleted'], 0]);
});
