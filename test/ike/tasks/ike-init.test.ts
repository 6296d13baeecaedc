// IKE_SA_INIT of both ends on SAs alone: what of an answer is followed, how often, and what is wiped.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { ip, type Endpoint } from '../../../src/base/index.ts';
import { decodeChain, decodeHeader, EXCHANGE, findNotify, findPayload, notify, notifyName, type IkeHeader, type IkeSpi, type Payload } from '../../../src/codec/ike/index.ts';
import { CANDIDATES_MOST } from '../../../src/ike/constants.ts';
import type { IkeSa } from '../../../src/ike/ike-sa.ts';
import { natHash } from '../../../src/ike/nat.ts';
import { initiate, onInitMessage, respondInit } from '../../../src/ike/tasks/ike-init.ts';
import type { IkeConnection } from '../../../src/ike/index.ts';
import { connection, HUB, path } from '../pair.ts';
import { Alone } from '../lone.ts';
import { rawNotify } from '../scripted-peer.ts';

function read(message: Uint8Array): { readonly header: IkeHeader; readonly payloads: readonly Payload[] } {
  const header = decodeHeader(message);
  assert.ok(header);
  const chain = decodeChain(header.nextPayload, message, 28, message.length);
  assert.ok(chain.kind === 'payloads');
  return { header, payloads: chain.payloads };
}

const ROUTER = path('wan');
const BACK = { ...ROUTER, local: ROUTER.remote, remote: ROUTER.local };

/** Two ends that know nothing of each other but what is handed over. */
class Init extends Alone {
  readonly won: IkeSa[] = [];
  sections: readonly IkeConnection[] = [connection('responder')];

  constructor() {
    super();
    Object.assign(this.host, {
      won: (sa: IkeSa) => void this.won.push(sa), lost: () => undefined, responders: () => this.sections,
      lastAddresses: () => [], mustAskForAddress: () => false, keepalive: () => undefined, firstContact: () => false,
    });
  }

  initiator(change: Partial<IkeConnection> = {}): IkeSa {
    return initiate(connection('initiator', change), 7, ROUTER, this.ctx);
  }

  /** What a responder of ours answers to the request as it is now. */
  answer(sa: IkeSa, edit: (payloads: readonly Payload[]) => readonly Payload[] = (p) => p): ReturnType<typeof respondInit> {
    const request = sa.setup?.request ?? new Uint8Array();
    const decoded = read(request);
    return respondInit(decoded.header, edit(decoded.payloads), request, BACK, 9, 'source', this.ctx);
  }

  /** Hands octets, or payloads under a header, to the initiator. */
  hear(sa: IkeSa, message: Uint8Array, edit: (payloads: readonly Payload[]) => readonly Payload[] = (p) => p): void {
    const decoded = read(message);
    onInitMessage(sa, decoded.header, edit(decoded.payloads), message, ROUTER, this.ctx);
  }
}
const header = (sa: IkeSa, spiR = 5n): IkeHeader => ({
  spiI: sa.spiI, spiR: spiR as IkeSpi, nextPayload: 41, majorVersion: 2, minorVersion: 0, exchange: EXCHANGE.IKE_SA_INIT, fromOriginalInitiator: false, isResponse: true, messageId: 0, length: 100,
});
const wiped = (secrets: readonly Uint8Array[]): boolean => secrets.length > 0 && secrets.every((s) => s.every((octet) => octet === 0));
const reply = (answer: ReturnType<typeof respondInit>): Uint8Array => {
  assert.ok(answer);
  return answer.reply;
};

test('I2.4-5: of answers to one IKE_SA_INIT as many are followed as there is room for, each once; the first has the number of the attempt', () => {
  const around = new Init();
  const sa = around.initiator();
  const answers = Array.from({ length: CANDIDATES_MOST + 1 }, () => reply(around.answer(sa)));
  around.said();
  for (const octets of answers) {
    around.hear(sa, octets);
    around.hear(sa, octets);
  }
  assert.deepEqual([sa.candidates.length, new Set(sa.candidates.map((c) => c.spiR)).size, around.labels.slice(0, 2)], [CANDIDATES_MOST, CANDIDATES_MOST, ['nonce', 'dh']]);
  assert.deepEqual([around.adopted.length, new Set(around.adopted).size, around.won.length], [CANDIDATES_MOST, CANDIDATES_MOST, CANDIDATES_MOST]);
  const [first, ...rest] = sa.candidates;
  assert.equal(first?.chain, 7);
  assert.equal(new Set(sa.candidates.map((c) => c.chain)).size, CANDIDATES_MOST);
  assert.ok(rest.every((c) => c.chain > 1000));
  assert.ok(sa.candidates.every((c) => c.attempt === sa && c.exchanges.outstanding?.task.kind === 'auth' && c.exchanges.nextId === 2));
  assert.ok(wiped(around.secrets));
});

test('I2.4-5: the round trip is that of the first answer, and belongs to the first candidate', () => {
  const around = new Init();
  const sa = around.initiator();
  const answers = [around.answer(sa), around.answer(sa)].map(reply);
  around.now += 30;
  for (const octets of answers) around.hear(sa, octets);
  assert.deepEqual(sa.candidates.map((c) => [...c.rtt.values()]), [[30], []]);
});

test('I2.4-5: an attempt that ends says what it waited for', () => {
  for (const isAnswered of [false, true]) {
    const around = new Init();
    const sa = around.initiator();
    const answer = reply(around.answer(sa));
    if (isAnswered) around.hear(sa, answer);
    const { task } = sa.exchanges.outstanding ?? assert.fail();
    assert.deepEqual([task.build(sa, around.ctx), task.onResponse(sa, [], { path: ROUTER, onePath: true, whole: false }, around.ctx)], [[], undefined]);
    task.onTimeout(sa, around.ctx);
    assert.deepEqual(sa.setup?.failure, { reason: 'timeout', detail: isAnswered ? 'no answer to IKE_AUTH' : 'no usable answer to IKE_SA_INIT' });
  }
});

test('I2.15-1 I2.14-1: a candidate keeps nonce and message as they came, whatever becomes of the buffer', () => {
  const around = new Init();
  const sa = around.initiator();
  const octets = reply(around.answer(sa)).slice();
  const before = octets.slice();
  let heard: Uint8Array | undefined;
  around.hear(sa, octets, (payloads) => {
    heard = findPayload(payloads, 'NONCE')?.data;
    return payloads;
  });
  const [candidate] = sa.candidates;
  const nonce = heard?.slice();
  octets.fill(0);
  heard?.fill(0);
  assert.deepEqual([candidate?.setup?.response, candidate?.setup?.nr], [before, nonce]);
});

test('I2.23-1: what the answer tells of NATs on both sides is the candidate\'s', () => {
  for (const [sourceFits, destinationFits] of [[true, true], [true, false], [false, true]] as const) {
    const around = new Init();
    const sa = around.initiator();
    const { header: head, payloads } = read(reply(around.answer(sa)));
    const hash = (fits: boolean, end: Endpoint): Uint8Array => (fits ? natHash(around.suite, head.spiI, head.spiR, end) : new Uint8Array(20));
    const told: Payload[] = payloads.filter((p) => p.type !== 'N');
    told.push(notify('NAT_DETECTION_SOURCE_IP', hash(sourceFits, ROUTER.remote)), notify('NAT_DETECTION_DESTINATION_IP', hash(destinationFits, ROUTER.local)));
    onInitMessage(sa, head, told, new Uint8Array([1]), ROUTER, around.ctx);
    assert.deepEqual([sa.candidates[0]?.natLocal, sa.candidates[0]?.natRemote], [!destinationFits, !sourceFits]);
  }
});
test('I2.6-3: a cookie has 1 to 64 octets, is kept as it came, and the request begins anew with message ID 0', () => {
  for (const [length, taken] of [[0, false], [1, true], [64, true], [65, false]] as const) {
    const around = new Init();
    const sa = around.initiator();
    const cookie = new Uint8Array(length).fill(3);
    around.said();
    onInitMessage(sa, header(sa, 0n), [rawNotify(16_390, cookie)], new Uint8Array(), ROUTER, around.ctx);
    cookie.fill(9);
    assert.deepEqual([sa.setup?.cookie, around.said()], taken ? [new Uint8Array(length).fill(3), ['send wan']] : [undefined, []], String(length));
    assert.deepEqual([sa.exchanges.nextId, sa.exchanges.outstanding?.task.kind, read(sa.setup?.request ?? new Uint8Array()).header.messageId], [1, 'init', 0]);
    assert.equal(sa.setup?.retries, taken ? 1 : 0);
  }
});

test('I2.1-1: an answer is heard only by who waits for it: with message ID 0, while the request is out, and before it is given up', () => {
  const around = new Init();
  const sa = around.initiator();
  const octets = reply(around.answer(sa));
  const decoded = read(octets);
  const { header: head, payloads } = decoded;
  onInitMessage(sa, { ...head, messageId: 1 }, payloads, octets, ROUTER, around.ctx);
  assert.equal(sa.candidates.length, 0);
  const setup = sa.setup ?? assert.fail();
  const { dh } = setup;
  setup.dh = undefined;
  onInitMessage(sa, head, payloads, octets, ROUTER, around.ctx);
  assert.equal(sa.candidates.length, 0);
  setup.dh = dh;
  sa.exchanges.abandon(around.ctx);
  onInitMessage(sa, head, payloads, octets, ROUTER, around.ctx);
  assert.equal(sa.candidates.length, 0);
});

test('I2.21.1-1: without SA, KE or nonce an answer says nothing; an error is remembered by its name, with a warning', () => {
  for (const missing of ['SA', 'KE', 'NONCE'] as const) {
    const around = new Init();
    const sa = around.initiator();
    const octets = reply(around.answer(sa));
    around.said();
    around.hear(sa, octets, (payloads) => payloads.filter((p) => p.type !== missing));
    assert.deepEqual([sa.candidates.length, around.said()], [0, []], missing);
  }
  for (const [name, reason] of [['NO_PROPOSAL_CHOSEN', 'no_proposal_chosen'], ['INVALID_SYNTAX', 'timeout']] as const) {
    const around = new Init();
    const sa = around.initiator();
    around.said();
    onInitMessage(sa, header(sa), [notify(name)], new Uint8Array(), ROUTER, around.ctx);
    assert.deepEqual([sa.setup?.remembered, around.said()], [reason, [`warn: peer answered IKE_SA_INIT with ${name} (not authenticated: waiting on)`]]);
  }
});

test('I2.23-1: both ends warn of the other that does no NAT detection', () => {
  const around = new Init();
  const sa = around.initiator();
  const without = (payloads: readonly Payload[]): Payload[] => payloads.filter((p) => p.type !== 'N');
  const octets = reply(around.answer(sa));
  around.said();
  around.hear(sa, octets, without);
  assert.deepEqual([sa.setup?.remembered, sa.candidates.length], ['nat_traversal_refused', 0]);
  assert.deepEqual(around.said(), ['warn: peer answered IKE_SA_INIT without NAT detection, and here ESP goes in UDP only (not authenticated: waiting on)']);
  assert.equal(around.answer(sa, without)?.sa, undefined);
  assert.deepEqual(around.said(), ['warn: refused, it does not do NAT traversal, and here ESP goes in UDP only']);
});

test('DOS-1 AL-3: a responder does no Diffie-Hellman for what it refuses, and wipes what it did', () => {
  const around = new Init();
  const sa = around.initiator();
  around.labels.length = 0;
  for (const missing of ['SA', 'KE', 'NONCE'] as const) assert.equal(around.answer(sa, (payloads) => payloads.filter((p) => p.type !== missing)), undefined, missing);
  assert.deepEqual(around.labels, []);
  const mine = around.privates.size;
  const made = around.answer(sa);
  assert.ok(made?.sa);
  assert.deepEqual([around.privates.size, wiped(around.secrets), around.labels], [mine, true, ['dh', 'nonce']]);
  assert.equal(around.answer(sa, (payloads) => payloads.map((p) => (p.type === 'KE' ? { ...p, data: new Uint8Array(32) } : p))), undefined, 'a point that gives nothing');
  assert.equal(around.privates.size, mine);
});

test('I2.15-1: a responder keeps nonce and request as they came, whatever becomes of the buffers', () => {
  const around = new Init();
  const sa = around.initiator();
  const octets = (sa.setup?.request ?? new Uint8Array()).slice();
  const before = octets.slice();
  const decoded = read(octets);
  const nonce = findPayload(decoded.payloads, 'NONCE')?.data ?? new Uint8Array();
  const kept = nonce.slice();
  const made = respondInit(decoded.header, decoded.payloads, octets, BACK, 9, 'source', around.ctx);
  octets.fill(0);
  nonce.fill(0);
  assert.deepEqual([made?.sa?.setup?.request, made?.sa?.setup?.ni, made?.sa?.setup?.response], [before, kept, made?.reply]);
});

test('FR2.3-1: fragmentation is agreed when every section that may be meant allows it, and the peer does', () => {
  const cases = [[true, true, true], [true, false, false], [false, true, false]] as const;
  for (const [one, other, agreed] of cases) {
    const around = new Init();
    around.sections = [connection('responder', { fragmentation: one }), connection('responder', { name: 'others', fragmentation: other })];
    const sa = around.initiator();
    const made = around.answer(sa);
    const decoded = read(reply(made));
    assert.deepEqual([made?.sa?.fragmentation, findNotify(decoded.payloads, 'IKEV2_FRAGMENTATION_SUPPORTED') !== undefined], [agreed, agreed]);
    assert.equal(around.answer(sa, (payloads) => payloads.filter((p) => p.type !== 'N' || notifyName(p.notify) !== 'IKEV2_FRAGMENTATION_SUPPORTED'))?.sa?.fragmentation, false);
  }
});

test('a section for other addresses is not asked: without any that fits nothing is answered', () => {
  const around = new Init();
  const elsewhere = { localAddrs: [ip('192.0.2.99')] };
  around.sections = [connection('responder', elsewhere)];
  const sa = around.initiator();
  assert.equal(around.answer(sa), undefined);
  around.sections = [connection('responder', { ...elsewhere, name: 'far' }), connection('responder', { localAddrs: [HUB] })];
  assert.equal(around.answer(sa)?.sa?.name, 'branches');
});
