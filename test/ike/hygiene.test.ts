// What must never happen, whatever goes on: secrets in words, chance or wall time in decisions, an exception for foreign octets.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { seconds, toHex, toUtf8 } from '../../src/base/index.ts';
import { EXCHANGE } from '../../src/codec/ike/index.ts';
import { on4500, Pair, path, sharedKey, connection, type Side } from './pair.ts';
import { findPayload, notify, rawNotify, ScriptedPeer, type Heard } from './scripted-peer.ts';

const json = (value: unknown): string => JSON.stringify(value, (_k, v: unknown) => (typeof v === 'bigint' ? v.toString(16) : v)) ?? '';

/** All that a side says in words: log, events, status, as people and brokers get them. */
const words = (side: Side): string => [...side.logs, ...side.events.map(json), json(side.engine.status())].join('\n');

/** A life with everything in it: set-up, rekeyings, a move, a further child, an end. */
function life(pair: Pair): void {
  const chain = pair.connect(path('wan'), path('lte'));
  for (const input of [
    { type: 'child.rekey', chain, child: 'lan' }, { type: 'ike.rekey', chain }, { type: 'path.move', chain, path: on4500(path('lte')), reasons: ['test'], since: pair.now },
    { type: 'child.want', chain, child: 'lan', up: false }, { type: 'child.want', chain, child: 'lan', up: true }, { type: 'liveness.check', chain },
  ] as const) {
    pair.feed(pair.router, input);
    pair.runFor(seconds(5));
  }
  pair.feed(pair.hub, { type: 'ike.rekey', chain: pair.hubChain() });
  pair.runFor(seconds(5));
  pair.feed(pair.router, { type: 'chain.close', chain, reason: 'requested' });
  pair.runFor(seconds(20));
}

test('HY-3: neither keys nor PSK nor nonces stand in log, events or status, in any spelling, in success or failure', () => {
  const psk = 'a very Secret preshared key 4711';
  const pair = new Pair('words', connection('initiator', sharedKey(psk)), connection('responder', sharedKey(psk)));
  const secrets = new Set<string>([psk]);
  const keep = (side: Side): void => {
    for (const sa of side.sas.values()) {
      secrets.add(toHex(sa.key.reveal()));
      secrets.add(Buffer.from(sa.key.reveal()).toString('base64'));
    }
  };
  pair.connect();
  for (const side of [pair.router, pair.hub]) keep(side);
  pair.feed(pair.router, { type: 'child.rekey', chain: 1, child: 'lan' });
  pair.runFor(seconds(5));
  for (const side of [pair.router, pair.hub]) keep(side);
  assert.ok(secrets.size >= 8, 'there are secrets to look for');
  const wrong = new Pair('words 2', connection('initiator', sharedKey(psk)), connection('responder', sharedKey(`${psk}!`)));
  assert.throws(() => wrong.connect());
  for (const side of [pair.router, pair.hub, wrong.router, wrong.hub]) {
    const text = words(side);
    assert.ok(text.length > 50);
    for (const secret of secrets) for (const spelling of [secret, secret.toUpperCase(), toHex(toUtf8(secret))]) assert.equal(text.includes(spelling), false, `${side.name}: ${spelling.slice(0, 8)}…`);
    assert.equal(text.includes('[object') || /"(psk|key|skD|skEi)":/.test(text), false);
  }
});

test('HY-3 I2.12-1: after a whole life every cipher and every private value of both sides is wiped', () => {
  const pair = new Pair('wiped');
  life(pair);
  for (const side of [pair.router, pair.hub]) assert.deepEqual([side.crypto.ciphers.size, side.crypto.privates.size, side.engine.sizes().sas], [0, 0, 0]);
  assert.ok(pair.router.of('ike.rekeyed').length >= 2 && pair.hub.of('child.rekeyed').length >= 1);
});

test('HY-2 HY-6: neither wall time nor chance nor timers of the platform have a part in it: with all of them broken a whole life runs the same', () => {
  const sent = (pair: Pair): string => [pair.router, pair.hub].flatMap((s) => s.sent.map((p) => `${p.at} ${toHex(p.bytes)}`)).join('\n');
  const plain = new Pair('platform');
  life(plain);
  const broken = new Pair('platform');
  const saved = { now: Date.now, random: Math.random, timeout: globalThis.setTimeout, performanceNow: performance.now, date: globalThis.Date };
  const never = (): never => {
    throw new Error('the engine asked the platform');
  };
  try {
    Object.assign(Date, { now: never });
    Object.assign(Math, { random: never });
    Object.assign(globalThis, { setTimeout: never, Date: never });
    Object.assign(performance, { now: never });
    life(broken);
  } finally {
    Object.assign(globalThis, { setTimeout: saved.timeout, Date: saved.date });
    Object.assign(Date, { now: saved.now });
    Object.assign(Math, { random: saved.random });
    Object.assign(performance, { now: saved.performanceNow });
  }
  assert.equal(sent(broken), sent(plain));
});

test('HY-2: SPIs are 64 and 32 bits of the entropy given, all different, ESP\'s above 255; another seed, other SPIs and nonces', () => {
  const seen = { ike: new Set<bigint>(), esp: new Set<number>(), nonces: new Set<string>() };
  let set = 0;
  for (let seed = 0; seed < 40; seed++) {
    const pair = new Pair(`spis ${seed}`);
    pair.connect();
    set++;
    const status = pair.router.engine.status()[0];
    for (const spi of [status?.spiI, status?.spiR]) seen.ike.add(spi ?? 0n);
    for (const sa of pair.router.sas.values()) seen.esp.add(sa.spi);
    for (const side of [pair.router, pair.hub]) {
      const first = side.sent[0]?.bytes ?? new Uint8Array();
      seen.nonces.add(toHex(first.subarray(80)));
    }
  }
  assert.deepEqual([seen.ike.size, seen.esp.size, seen.nonces.size], [set * 2, set * 2, set * 2]);
  assert.ok([...seen.esp].every((spi) => spi > 255));
  assert.ok([...seen.ike].some((spi) => spi >> 63n === 1n) && [...seen.ike].some((spi) => spi >> 63n === 0n));
  assert.ok([...seen.esp].some((spi) => spi > 0x7fffffff) && [...seen.esp].some((spi) => spi < 0x80000000));
});

test('HY-1: AUTH is compared by the platform, in constant time, by either side, whether it fits or not', () => {
  for (const wrong of [false, true]) {
    const peer = new ScriptedPeer('hub');
    peer.takeInit(peer.init()[0] as Heard);
    const before = peer.side.crypto.calls.equal;
    peer.ask('IKE_AUTH', [...peer.authPayloads({ wrong }), ...peer.childPayloads()]);
    assert.equal(peer.side.crypto.calls.equal, before + 1);
    const other = new ScriptedPeer('router');
    const [auth] = other.answerInit(other.initiated());
    assert.ok(auth);
    const had = other.side.crypto.calls.equal;
    other.reply(auth, [...other.authPayloads({ wrong }), ...other.childAnswer(auth)]);
    assert.equal(other.side.crypto.calls.equal, had + 1);
  }
});

test('HY-4: nothing of a message is acted on before its ICV is right: identities, errors, Deletes and MOBIKE in messages that do not open leave no trace', () => {
  const peer = new ScriptedPeer('hub');
  peer.connect();
  const picture = (): string => words(peer.side) + json([peer.side.engine.sizes(), [...peer.side.sas.keys()]]);
  const before = picture();
  for (const payloads of [[notify('AUTHENTICATION_FAILED')], [notify('UPDATE_SA_ADDRESSES')], [{ type: 'D', protocol: 1, spiSize: 0, spis: [] }], peer.authPayloads({ id: 'evil.example' }), [rawNotify(16_384)]] as const)
    for (const exchange of ['IKE_AUTH', 'CREATE_CHILD_SA', 'INFORMATIONAL'] as const) peer.deliver(peer.seal(exchange, false, peer.nextId, payloads, { badIcv: true }));
  assert.deepEqual([peer.hear(), picture() === before], [[], true]);
});

test('HY-7 I3.1-1: every message of a life, cut at every octet and with every octet changed: no exception, no state, no answer but to strangers', () => {
  const peer = new ScriptedPeer('hub');
  const [init] = peer.init();
  assert.ok(init);
  const messages: Uint8Array[] = [peer.initRequest];
  peer.takeInit(init);
  const auth = peer.seal('IKE_AUTH', false, 1, [...peer.authPayloads(), ...peer.childPayloads()]);
  messages.push(auth);
  peer.deliver(auth);
  peer.nextId = 2;
  messages.push(peer.seal('CREATE_CHILD_SA', false, 2, [...peer.childPayloads(0x2000), { type: 'NONCE', data: new Uint8Array(32) }]), peer.seal('INFORMATIONAL', false, 2, [notify('UPDATE_SA_ADDRESSES')]));
  const picture = (): string => json([peer.side.engine.status(), [...peer.side.sas.keys()], peer.side.events.length]);
  const before = picture();
  for (const message of messages) {
    for (let cut = 0; cut < message.length; cut++) peer.deliver(message.subarray(0, cut));
    // The exchange type, message ID and SPIs of an IKE_SA_INIT make another honest one: left alone.
    const first = message === messages[0] ? 17 : 0;
    for (let at = first; at < message.length; at++) {
      if (message === messages[0] && at >= 28) break;
      for (const bit of [1, 0x80]) peer.deliver(message.map((o, i) => (i === at ? o ^ bit : o)));
    }
  }
  assert.equal(picture(), before);
  peer.hear();
  const answer = peer.answerTo('INFORMATIONAL', []);
  assert.deepEqual([answer.payloads, findPayload(answer.payloads, 'D')], [[], undefined]);
  assert.equal(answer.header.exchange, EXCHANGE.INFORMATIONAL);
});
