// What arrives for one IKE SA, message by message, from a peer that holds the same keys: the window, repetitions, pieces, broken contents.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { instant, seconds, type Path } from '../../src/base/index.ts';
import { decodeHeader, encodeMessage, EXCHANGE, notify, type ExchangeName, type IkeSpi, type Payload } from '../../src/codec/ike/index.ts';
import type { Task } from '../../src/ike/exchange.ts';
import type { IkeSa, IkeState } from '../../src/ike/ike-sa.ts';
import { Alone, LTE, WAN } from './lone.ts';

const low = new Uint8Array(32);
const LARGE: readonly Payload[] = [{ type: 'V', data: new Uint8Array(1500) }];
const REMAINS = 5_000;

interface Ends { readonly around: Alone; readonly sa: IkeSa; readonly peer: IkeSa }
/** An SA and the same from its peer's end; both join pieces. */
function ends(state: IkeState = 'established', mobikeRole: 'initiator' | 'responder' = 'initiator'): Ends {
  const around = new Alone();
  const sa = around.sa({ state, mobikeRole });
  const peer = around.sa({ originalInitiator: false });
  sa.fragmentation = peer.fragmentation = true;
  sa.lastIke = instant(around.now);
  return { around, sa, peer };
}
function give({ around, sa }: Ends, bytes: Uint8Array | undefined, on: Path = WAN): void {
  const header = bytes && decodeHeader(bytes);
  assert.ok(bytes && header);
  sa.inbox.receive(header, bytes, on, around.ctx);
}
const seal = ({ peer }: Ends, id: number, payloads: readonly Payload[] = [], { exchange = 'INFORMATIONAL' as ExchangeName, isResponse = false, limit = REMAINS } = {}): Uint8Array[] =>
  peer.seal(EXCHANGE[exchange], id, isResponse, payloads, limit);
/** Asks and forgets what left. */
function ask(all: Ends, change: Partial<Task> = {}): { told: string[]; got: (readonly Payload[])[] } {
  const [told, got]: [string[], (readonly Payload[])[]] = [[], []];
  all.sa.exchanges.enqueue({
    kind: 'x', exchange: 'INFORMATIONAL', patience: seconds(300), build: () => [], onTimeout: () => undefined,
    onResponse: (_sa, payloads) => {
      told.push('answered');
      got.push(payloads);
    },
    release: () => void told.push('released'), ...change,
  });
  all.sa.exchanges.pump(all.around.ctx);
  all.around.said();
  return { told, got };
}
const sends = (all: Ends): string[] => all.around.said().filter((line) => line.startsWith('send'));
/** The one payload of a type that nobody knows, critical or not, sealed by the peer. */
function unknown({ peer }: Ends, id: number, isResponse: boolean, bytes: number[]): Uint8Array {
  const header = { spiI: 1n as IkeSpi, spiR: 2n as IkeSpi, majorVersion: 2, minorVersion: 0, exchange: EXCHANGE.INFORMATIONAL, fromOriginalInitiator: false, isResponse, messageId: id };
  return peer.keyed().protection.sealEncoded(header, 200, Uint8Array.from(bytes));
}
const CRITICAL = [0, 0x80, 0, 4];
const TRUNCATED = [0, 0, 0, 99];

// ---- the window ------------------------------------------------------------------------------------------------------

test('I2.1-2: a repeated request is answered with the same octets, where it came from; the caller may use its buffer again', () => {
  const all = ends();
  const [request] = seal(all, 0) as [Uint8Array];
  const copy = request.slice();
  give(all, request);
  const first = all.around.effects.find((e) => e.type === 'packet.send');
  request.fill(0);
  all.around.said();
  give(all, copy, LTE);
  const [again] = all.around.effects;
  assert.ok(first?.type === 'packet.send' && again?.type === 'packet.send');
  assert.deepEqual([again.bytes, again.path.uplink, all.sa.inbox.expectedId, all.around.effects.length], [first.bytes, 'lte', 1, 1]);
  assert.deepEqual(all.sa.inbox.answered?.request, copy);
});

test('I2.3-1: another message with the last ID, or with one to come, is dropped', () => {
  const all = ends();
  give(all, seal(all, 0)[0]);
  all.around.said();
  for (const id of [0, 2, 7]) give(all, seal(all, id)[0]);
  assert.deepEqual([all.around.said(), all.sa.inbox.expectedId], [[], 1]);
});

test('what is sent by our own end, or comes for a dead SA, is dropped', () => {
  const all = ends();
  give(all, all.sa.seal(EXCHANGE.INFORMATIONAL, 0, false, [], REMAINS)[0]);
  assert.deepEqual(all.around.said(), []);
  const [request] = seal(all, 0);
  all.sa.state = 'dead';
  give(all, request);
  assert.deepEqual(all.around.said(), []);
});

test('D5.5.2-3: an answer tells when the peer was last heard, an answer to another request or exchange does not', () => {
  const all = ends();
  const { told } = ask(all);
  all.around.now += 10;
  give(all, seal(all, 1, [], { isResponse: true })[0]);
  give(all, seal(all, 0, [], { isResponse: true, exchange: 'CREATE_CHILD_SA' })[0]);
  assert.deepEqual([told, all.sa.lastAnswer], [[], undefined]);
  give(all, seal(all, 0, [], { isResponse: true })[0], LTE);
  assert.deepEqual([told, all.sa.lastAnswer], [['answered'], all.around.time]);
});

// ---- pieces ----------------------------------------------------------------------------------------------------------

test('FR2.6-2: the first piece of an answered request brings the answer again, the others do not; also when it was cut up only later', () => {
  const all = ends();
  const pieces = seal(all, 0, LARGE, { limit: 600 });
  assert.equal(pieces.length, 3);
  for (const piece of pieces) give(all, piece);
  assert.equal(sends(all).length, 1);
  assert.deepEqual(all.sa.inbox.answered?.request, pieces[0]);
  give(all, pieces[1]);
  give(all, pieces[2]);
  assert.deepEqual(sends(all), []);
  give(all, pieces[0], LTE);
  assert.deepEqual(sends(all), ['send lte']);
  const [smaller, second] = seal(all, 0, LARGE, { limit: 500 });
  give(all, second);
  assert.deepEqual(sends(all), []);
  give(all, smaller);
  assert.deepEqual(sends(all), ['send wan'], 'other octets, and sealed by the peer');
  const forged = smaller?.slice() ?? low;
  forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1;
  give(all, forged);
  assert.deepEqual([sends(all), all.sa.inbox.expectedId], [[], 1]);
});

test('FR2.6-1: the buffer of a piece may be used again; pieces in any order; a piece of another message disturbs nothing', () => {
  const all = ends();
  const [first, second, third] = seal(all, 0, LARGE, { limit: 600 }) as [Uint8Array, Uint8Array, Uint8Array];
  const [other] = seal(all, 7, LARGE, { limit: 600 });
  const copy = first.slice();
  give(all, third);
  give(all, first);
  first.fill(0);
  give(all, other);
  give(all, second);
  assert.equal(sends(all).length, 1);
  assert.deepEqual(all.sa.inbox.answered?.request, copy);
});

test('FR2.6-5: pieces of a request and of a response are joined apart', () => {
  const all = ends();
  const { got } = ask(all);
  const requests = seal(all, 0, LARGE, { limit: 1000 });
  const responses = seal(all, 0, LARGE, { limit: 1000, isResponse: true });
  give(all, requests[0]);
  give(all, responses[0]);
  give(all, requests[1]);
  assert.equal(sends(all).length, 1);
  assert.deepEqual(got, []);
  give(all, responses[1]);
  assert.deepEqual(got, [LARGE]);
});

test('FR2.3-1: without the notify no piece is looked at; one that was forged is forgotten', () => {
  const all = ends();
  const [first, second] = seal(all, 0, LARGE, { limit: 1000 });
  all.sa.fragmentation = false;
  for (const piece of [first, second]) give(all, piece);
  assert.deepEqual(all.around.said(), []);
  all.sa.fragmentation = true;
  const forged = first?.slice() ?? low;
  forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1;
  for (const piece of [forged, second]) give(all, piece);
  assert.deepEqual(all.around.said(), []);
  give(all, first);
  assert.equal(sends(all).length, 1);
});

// ---- what is in them -------------------------------------------------------------------------------------------------

test('I2.5-2: a response with a critical payload that nobody knows is an error to its task, and the SA stays', () => {
  const all = ends();
  const { got } = ask(all);
  give(all, unknown(all, 0, true, CRITICAL));
  assert.deepEqual([got, all.sa.state], [[[notify('UNSUPPORTED_CRITICAL_PAYLOAD', Uint8Array.of(200))]], 'established']);
});

for (const [state, ends_, says] of [['established', 'deleting', 'ike.closed invalid_syntax malformed response'], ['deleting', 'dead', ''], ['rekeyed', 'dead', '']] as const) {
  test(`I2.21-1: a response that is malformed inside ends an SA that is ${state}: ${ends_}; what its request took is given back`, () => {
    const all = ends();
    const { told } = ask(all);
    all.sa.state = state;
    give(all, unknown(all, 0, true, TRUNCATED));
    assert.deepEqual([all.sa.state, told], [ends_, ['released']]);
    assert.ok(all.around.said().some((line) => line.startsWith(says)));
  });
}

test('I2.21.2-1: AUTHENTICATION_FAILED or INVALID_SYNTAX in a response ends the SA at once, and the task is not asked', () => {
  for (const [name, reason] of [['AUTHENTICATION_FAILED', 'authentication_failed'], ['INVALID_SYNTAX', 'invalid_syntax']] as const) {
    const all = ends();
    const { told } = ask(all);
    give(all, seal(all, 0, [notify(name)], { isResponse: true })[0]);
    assert.deepEqual([told, all.sa.state, all.around.said().at(-1)], [['released'], 'dead', `ike.closed ${reason} the peer answered with ${reason}`]);
  }
});

test('I2.5-3: a response that says something twice is told, and of it only notifies count', () => {
  const all = ends();
  const { got } = ask(all, { exchange: 'CREATE_CHILD_SA' });
  const nonce: Payload = { type: 'NONCE', data: low };
  const failure = notify('TEMPORARY_FAILURE');
  give(all, seal(all, 0, [nonce, failure, nonce], { isResponse: true, exchange: 'CREATE_CHILD_SA' })[0]);
  assert.deepEqual([got, all.around.said().filter((line) => line.startsWith('warn'))], [[[failure]], ['warn: response: more than one NONCE payload']]);
  const right = ends();
  const whole = ask(right, { exchange: 'CREATE_CHILD_SA' });
  give(right, seal(right, 0, [nonce, failure], { isResponse: true, exchange: 'CREATE_CHILD_SA' })[0]);
  assert.deepEqual([whole.got, right.around.said().filter((line) => line.startsWith('warn'))], [[[nonce, failure]], []]);
});

test('I2.25-2: while the SA is being deleted an answer only makes room, but for those to the Delete and to a rekeying of the SA', () => {
  for (const [kind, expected] of [['x', ['released']], ['childRekey', ['released']], ['ikeDelete', ['answered']], ['ikeRekey', ['answered']]] as const) {
    const all = ends();
    const { told } = ask(all, { kind });
    all.sa.state = 'deleting';
    give(all, seal(all, 0, [], { isResponse: true })[0]);
    assert.deepEqual(told, expected, kind);
  }
});

test('I2.21.3-1: a request that is malformed inside: INVALID_SYNTAX, and the SA goes; one that was half-open says so', () => {
  const all = ends();
  give(all, unknown(all, 0, false, TRUNCATED));
  const said = all.around.said();
  assert.equal(all.sa.state, 'dead');
  assert.match(said.join('; '), /^send wan; ike\.closed invalid_syntax malformed request: [a-z]/);
  const half = ends('halfOpen');
  half.sa.setup = {} as NonNullable<IkeSa['setup']>;
  half.sa.inbox.expectAuth();
  give(half, seal(half, 1, [{ type: 'NONCE', data: low }, { type: 'NONCE', data: low }], { exchange: 'IKE_AUTH' })[0]);
  assert.deepEqual([half.sa.state, half.around.said()], ['dead', ['send wan', 'warn: malformed request: more than one NONCE payload']]);
});

test('I2.5-2: a request with a critical payload that nobody knows is refused; the SA stays when it is up, and goes when it is not', () => {
  for (const [state, after] of [['established', 'established'], ['halfOpen', 'dead']] as const) {
    const all = ends(state);
    if (state === 'halfOpen') {
      const header = { spiI: 1n as IkeSpi, spiR: 2n as IkeSpi, majorVersion: 2, minorVersion: 0, exchange: EXCHANGE.IKE_AUTH, fromOriginalInitiator: false, isResponse: false, messageId: 0 };
      give(all, all.peer.keyed().protection.sealEncoded(header, 200, Uint8Array.from(CRITICAL)));
    } else give(all, unknown(all, 0, false, CRITICAL));
    assert.deepEqual([all.sa.state, sends(all)], [after, ['send wan']]);
  }
});

// ---- hints, successors, peers without MOBIKE ----------------------------------------------------------------------------

test('I2.4-2 I2.21.4-1: an unprotected INVALID_IKE_SPI is a hint, once a request; not while the SA before this one waits to be deleted', () => {
  const hinted = (prepare: (all: Ends) => void, id = 0): string[] => {
    const all = ends();
    ask(all);
    prepare(all);
    const header = { spiI: 1n as IkeSpi, spiR: 2n as IkeSpi, majorVersion: 2, minorVersion: 0, exchange: EXCHANGE.INFORMATIONAL, fromOriginalInitiator: false, isResponse: true, messageId: id };
    for (let i = 0; i < 2; i++) give(all, encodeMessage(header, [notify('INVALID_IKE_SPI')]));
    assert.notEqual(all.sa.exchanges.outstanding, undefined);
    return all.around.said();
  };
  assert.deepEqual(hinted(() => undefined), ['ike.unreachable invalid_ike_spi']);
  assert.deepEqual(hinted(({ sa, around }) => (sa.predecessor = around.sa({ state: 'dead' }))), ['ike.unreachable invalid_ike_spi']);
  assert.deepEqual(hinted(({ sa, around }) => (sa.predecessor = around.sa({ state: 'rekeyed' }))), []);
  assert.deepEqual(hinted(({ sa }) => (sa.state = 'deleting')), []);
  assert.deepEqual(hinted(() => undefined, 1), []);
});

test('I2.8.2-1: a peer that uses the successor it made has decided; one that deletes it has not', () => {
  const used = (payloads: readonly Payload[], decided: boolean): void => {
    const all = ends('undecided');
    const old = all.around.sa();
    all.sa.predecessor = old;
    old.race = { theirs: all.sa, ni: low, nr: low };
    give(all, seal(all, 0, payloads)[0]);
    assert.deepEqual([old.state, all.around.adopted.length], decided ? ['rekeyed', 1] : ['established', 0]);
  };
  used([], true);
  used([{ type: 'D', protocol: 1, spiSize: 0, spis: [] }], false);
  const all = ends();
  const old = all.around.sa();
  all.sa.predecessor = old;
  old.race = { theirs: all.around.sa({ state: 'undecided' }), ni: low, nr: low };
  give(all, seal(all, 0)[0]);
  assert.equal(old.state, 'established', 'one that is decided on decides nothing more');
});

test('I2.23-3: without MOBIKE a peer behind a NAT is followed, with ESP and what is outstanding; not otherwise', () => {
  const follows = (change: (sa: IkeSa) => void, on = LTE): [string, string[]] => {
    const all = ends('established', 'responder');
    all.sa.mobility.supported = false;
    all.sa.natRemote = true;
    ask(all);
    change(all.sa);
    give(all, seal(all, 0)[0], on);
    return [all.sa.path.uplink, all.around.said()];
  };
  assert.deepEqual(follows(() => undefined), ['lte', ['esp lte', 'send lte', 'send lte']]);
  assert.deepEqual(follows(() => undefined, WAN), ['wan', ['send wan']]);
  for (const change of [(sa: IkeSa) => (sa.mobility.supported = true), (sa: IkeSa) => (sa.natLocal = true), (sa: IkeSa) => (sa.natRemote = false), (sa: IkeSa) => (sa.state = 'rekeyed')])
    assert.deepEqual(follows(change), ['wan', ['send lte']]);
});
