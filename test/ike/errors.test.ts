// Errors of RFC 7296 §2.21: which end an SA and which do not, what is told to whom, and that every authenticated request has an answer.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { ip, seconds } from '../../src/base/index.ts';
import { EXCHANGE, NOTIFY, type Payload } from '../../src/codec/ike/index.ts';
import { on4500, path } from './pair.ts';
import { DELETE_IKE, deleteEsp, errorsOf, espOffer, findNotify, findPayload, HUB_NET, notifies, notify, rawNotify, rekeySa, ROUTER_NET, ScriptedPeer, spi4, type Heard } from './scripted-peer.ts';

const EMPTY = { sas: 0, chains: 0, childSpis: 0 };
const nonce = (fill: number, length = 32): Payload => ({ type: 'NONCE', data: new Uint8Array(length).fill(fill) });
const TS: readonly Payload[] = [{ type: 'TSi', selectors: [ROUTER_NET] }, { type: 'TSr', selectors: [HUB_NET] }];
const newChild = (spi: number): Payload[] => [{ type: 'SA', proposals: espOffer(spi) }, nonce(spi & 255), ...TS];
const initiator = (): ScriptedPeer => {
  const peer = new ScriptedPeer('router', { router: { liveness: seconds(3_000) } });
  peer.accept();
  peer.hear();
  return peer;
};
const connected = (): ScriptedPeer => {
  const peer = new ScriptedPeer('hub');
  peer.connect();
  return peer;
};

const ERRORS: readonly (readonly [string, Payload])[] = [
  ...Object.entries(NOTIFY).flatMap(([name, row]) => (row.kind === 'error' ? [[name, rawNotify(row.code)] as const] : [])), ['an unknown error', rawNotify(8_888)],
];
/** Errors that end an SA in any response. */
const FATAL: readonly string[] = ['INVALID_SYNTAX', 'AUTHENTICATION_FAILED'];

for (const [what, ask] of [
  ['a liveness check', (p: ScriptedPeer) => p.pair.feed(p.side, { type: 'liveness.check', chain: p.chain })],
  ['an update of the path', (p: ScriptedPeer) => p.pair.feed(p.side, { type: 'path.move', chain: p.chain, path: on4500(path('lte')), reasons: ['test'], since: p.pair.now })],
  ['a rekeying of a child', (p: ScriptedPeer) => p.pair.feed(p.side, { type: 'child.rekey', chain: p.chain, child: 'lan' })],
  ['a rekeying of the IKE SA', (p: ScriptedPeer) => p.pair.feed(p.side, { type: 'ike.rekey', chain: p.chain })],
  ['a Delete of a child', (p: ScriptedPeer) => p.pair.feed(p.side, { type: 'child.want', chain: p.chain, child: 'lan', up: false })],
] as const) {
  test(`I2.21-1 I2.21.2-1: every error in answer to ${what}: no error goes back; INVALID_SYNTAX and AUTHENTICATION_FAILED end the SA without Delete, all others leave it`, () => {
    for (const [name, error] of ERRORS) {
      const peer = initiator();
      ask(peer);
      const request = peer.hearOne();
      peer.reply(request, [error], {}, request.path);
      peer.wait(50);
      const sent = peer.hear();
      assert.deepEqual([name, sent.flatMap(errorsOf)], [name, []]);
      if (FATAL.includes(name)) assert.deepEqual([name, peer.side.engine.sizes(), sent, peer.closed.length], [name, EMPTY, [], 1]);
      else assert.deepEqual([name, peer.closed, peer.side.engine.status()[0]?.state], [name, [], 'established']);
    }
  });
}

test('I2.21.2-1: every error in an INFORMATIONAL request later on: an empty answer; INVALID_SYNTAX and AUTHENTICATION_FAILED end the SA without Delete, all others leave it', () => {
  for (const [name, error] of ERRORS) {
    const peer = connected();
    peer.answerTo('INFORMATIONAL', []);
    assert.deepEqual([name, peer.answerTo('INFORMATIONAL', [error]).payloads], [name, []]);
    assert.deepEqual([name, peer.closed.length, peer.side.sas.size, peer.hear()], [name, FATAL.includes(name) ? 1 : 0, FATAL.includes(name) ? 0 : 2, []]);
  }
});

for (const name of ['UNSUPPORTED_CRITICAL_PAYLOAD', 'INVALID_SYNTAX', 'AUTHENTICATION_FAILED'] as const) {
  test(`I2.21.2-1: ${name} in the INFORMATIONAL directly after IKE_AUTH ends the SA without Delete: the initiator did not want our answer`, () => {
    const peer = connected();
    assert.deepEqual(peer.answerTo('INFORMATIONAL', [rawNotify(NOTIFY[name].code, new Uint8Array(name === 'UNSUPPORTED_CRITICAL_PAYLOAD' ? 1 : 0))]).payloads, []);
    assert.deepEqual([peer.closed.length, peer.side.engine.sizes(), peer.side.sas.size, peer.hear()], [1, EMPTY, 0, []]);
  });
}

test('I2.21.2-1: why a peer was refused is in the log and not in the answer', () => {
  for (const [payloads, why] of [
    [(p: ScriptedPeer) => p.authPayloads({ wrong: true }), 'does not verify'],
    [(p: ScriptedPeer) => p.authPayloads({ method: 1 }), 'method 1'],
    [(p: ScriptedPeer) => p.authPayloads().slice(0, 1), 'without IDi or AUTH'],
  ] as const) {
    const peer = new ScriptedPeer('hub');
    peer.takeInit(peer.init()[0] as Heard);
    const [answer] = peer.ask('IKE_AUTH', [...payloads(peer), ...peer.childPayloads()]);
    assert.deepEqual(answer?.payloads, [notify('AUTHENTICATION_FAILED')]);
    assert.ok(answer.sealed);
    assert.ok(peer.side.logs.some((l) => l.includes(why)), `${why}: ${peer.side.logs.join('; ')}`);
  }
});

test('I2.21.2-1: malformed IKE_AUTH: INVALID_SYNTAX alone, protected, and no SA', () => {
  const peer = new ScriptedPeer('hub');
  peer.takeInit(peer.init()[0] as Heard);
  const [answer] = peer.ask('IKE_AUTH', [], { plaintext: { first: 35, bytes: Uint8Array.of(0, 0, 0, 5, 1) } });
  assert.deepEqual([answer?.sealed, answer?.payloads, peer.side.engine.sizes()], [true, [notify('INVALID_SYNTAX')], EMPTY]);
});

// ---- every authenticated request has an answer -----------------------------------------------------------------------

const ODD: readonly (readonly [string, 'CREATE_CHILD_SA' | 'INFORMATIONAL', readonly Payload[]])[] = [
  ['nothing', 'INFORMATIONAL', []],
  ['nothing', 'CREATE_CHILD_SA', []],
  ['an SA payload alone', 'CREATE_CHILD_SA', newChild(0x2000).slice(0, 1)],
  ['no selectors', 'CREATE_CHILD_SA', newChild(0x2000).slice(0, 2)],
  ['no proposals', 'CREATE_CHILD_SA', [{ type: 'SA', proposals: [] }, nonce(1), ...TS]],
  ['a nonce of 15 octets', 'CREATE_CHILD_SA', [{ type: 'SA', proposals: espOffer(0x2000) }, nonce(1, 15), ...TS]],
  ['two REKEY_SA', 'CREATE_CHILD_SA', [rekeySa(0x1000), rekeySa(0x1001), ...newChild(0x2000)]],
  ['REKEY_SA of protocol AH', 'CREATE_CHILD_SA', [{ ...rekeySa(0x1000), protocol: 2 } as Payload, ...newChild(0x2000)]],
  ['REKEY_SA without SPI', 'CREATE_CHILD_SA', [rawNotify(16_393), ...newChild(0x2000)]],
  ['selectors of no family', 'CREATE_CHILD_SA', [...newChild(0x2000).slice(0, 2), { type: 'TSi', selectors: [] }, { type: 'TSr', selectors: [] }]],
  ['IKE_AUTH payloads', 'INFORMATIONAL', [{ type: 'AUTH', method: 2, data: new Uint8Array(32) }, { type: 'IDi', idType: 2, data: new Uint8Array(1), body: Uint8Array.of(2, 0, 0, 0, 0) }]],
  ['a Delete of AH', 'INFORMATIONAL', [{ type: 'D', protocol: 2, spiSize: 4, spis: [spi4(7)] }]],
  ['a Delete of no SPIs', 'INFORMATIONAL', [deleteEsp()]],
  ['the same SPI twice', 'INFORMATIONAL', [deleteEsp(0x1000, 0x1000)]],
  ['both kinds of Delete', 'INFORMATIONAL', [deleteEsp(0x1000), DELETE_IKE]],
  ['a Vendor ID', 'CREATE_CHILD_SA', [{ type: 'V', data: new Uint8Array(4) }]],
  ['an SA in INFORMATIONAL', 'INFORMATIONAL', newChild(0x2000)],
];
for (const [what, exchange, payloads] of ODD) {
  test(`I2.21.3-1 I1.4-1: ${exchange} with ${what}: one sealed answer with its message ID, and the same octets for its repetition while the SA is there`, () => {
    const peer = connected();
    const bytes = peer.seal(exchange, false, peer.nextId, payloads);
    peer.hear();
    peer.deliver(bytes);
    const answer = peer.hear().filter((h) => h.header.isResponse);
    assert.deepEqual([answer.length, answer[0]?.sealed, answer[0]?.header.messageId, answer[0]?.header.exchange], [1, true, peer.nextId, EXCHANGE[exchange]]);
    peer.deliver(bytes);
    assert.deepEqual(peer.hear().filter((h) => h.header.isResponse).map((h) => h.bytes), [answer[0]?.bytes]);
    const ended = errorsOf(answer[0]).includes('INVALID_SYNTAX') || what === 'both kinds of Delete';
    assert.equal(peer.side.engine.status().length, ended ? 0 : 1);
  });
}

// ---- IKE_SA_INIT: nothing is authenticated ---------------------------------------------------------------------------

test('I2.21.1-1: every error in an IKE_SA_INIT response, known or not, changes nothing; the true response after it succeeds', () => {
  for (const [name, error] of ERRORS) {
    const peer = new ScriptedPeer('router');
    const request = peer.initiated();
    const before = peer.side.events.length;
    peer.deliver(peer.plain('IKE_SA_INIT', true, 0, [error], { spiR: 0n }));
    assert.deepEqual([name, peer.side.events.length, peer.hear()], [name, before, []]);
    const [auth] = peer.answerInit(request);
    assert.ok(auth, name);
    peer.verify(auth);
  }
});

// ---- INVALID_IKE_SPI -------------------------------------------------------------------------------------------------

test('I2.21.4-1: INVALID_IKE_SPI, unprotected: nothing is closed, no message is sent upon it, and the peer may still answer', () => {
  const peer = initiator();
  peer.pair.feed(peer.side, { type: 'liveness.check', chain: peer.chain });
  const request = peer.hearOne();
  const { status } = { status: peer.side.engine.status()[0]?.state };
  for (let i = 0; i < 50; i++) peer.deliver(peer.plain('INFORMATIONAL', true, request.header.messageId, [notify('INVALID_IKE_SPI')]));
  assert.deepEqual([peer.hear(), peer.side.engine.status()[0]?.state, peer.closed, peer.side.of('ike.unreachable').length], [[], status, [], 1]);
  peer.reply(request, []);
  peer.wait(10_000);
  assert.deepEqual([peer.hear(), peer.closed], [[], []]);
});

// ---- after a verified AUTH -------------------------------------------------------------------------------------------

for (const name of ['NO_PROPOSAL_CHOSEN', 'SINGLE_PAIR_REQUIRED', 'NO_ADDITIONAL_SAS', 'INTERNAL_ADDRESS_FAILURE', 'TS_UNACCEPTABLE'] as const) {
  test(`I1.2-3 I2.21-2: ${name} beside an AUTH that verifies: the IKE SA is up; the child is asked for again after a minute, then ever more seldom`, () => {
    const peer = new ScriptedPeer('router', { router: { liveness: seconds(10_000), ikeLifetime: seconds(40_000) } });
    const [auth] = peer.answerInit(peer.initiated());
    assert.ok(auth);
    peer.reply(auth, [...peer.authPayloads(), notify('MOBIKE_SUPPORTED'), notify(name)]);
    assert.deepEqual([peer.side.of('ike.established').length, peer.side.sas.size, peer.hear()], [1, 0, []]);
    const at: number[] = [];
    const start = peer.pair.now;
    for (let t = 0; t < 3_600 && at.length < 5; t++) {
      peer.wait(1_000);
      for (const request of peer.hear()) {
        at.push(Math.round((peer.pair.now - start) / 1000));
        peer.reply(request, [notify(name)]);
      }
    }
    const gaps = at.map((t, i) => t - (at[i - 1] ?? 0));
    assert.ok(gaps.length === 5 && (gaps[0] ?? 0) >= 45 && (gaps[4] ?? 0) > 3 * (gaps[0] ?? 0), gaps.join());
    assert.deepEqual(peer.closed, []);
  });
}

test('I2.21-2 I1.2-4: a failed attempt is told once with its reason; nothing of it stays, and a new one may start', () => {
  const peer = new ScriptedPeer('router');
  const [auth] = peer.answerInit(peer.initiated());
  assert.ok(auth);
  peer.reply(auth, [notify('AUTHENTICATION_FAILED')]);
  peer.wait(1_000);
  assert.deepEqual(peer.side.of('ike.failed').map((e) => [e.reason, e.detail.includes('AUTHENTICATION_FAILED')]), [['authentication_failed', true]]);
  assert.deepEqual([peer.side.engine.sizes(), peer.side.crypto.privates.size, peer.side.crypto.ciphers.size], [EMPTY, 0, 0]);
  const again = new ScriptedPeer('router', {}, peer.pair);
  again.accept();
  assert.equal(peer.side.of('ike.established').length, 1);
});

test('I2.21.4-1 I1.5-1: a request for an SA of before a restart: INVALID_IKE_SPI to where it came from, from where it went', () => {
  const peer = connected();
  peer.answerTo('INFORMATIONAL', [DELETE_IKE]);
  peer.wait(2_000);
  const from = { ...peer.path, remote: { address: ip('198.51.100.4'), port: 12_345 } };
  const [notice] = peer.ask('INFORMATIONAL', [], {}, from);
  assert.deepEqual([notifies(notice), notice?.sealed, notice?.path], [['INVALID_IKE_SPI'], false, from]);
  assert.equal(findNotify(notice?.payloads ?? [], 'INVALID_IKE_SPI')?.data.length, 0);
  assert.equal(findPayload(notice?.payloads ?? [], 'SK'), undefined);
});
