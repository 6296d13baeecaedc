// RFC 7296 §1.5, §2.21.4: ESP under an SPI that is nobody's, told inside the IKE SA; and being told.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { seconds } from '../../src/base/index.ts';
import { findNotify, notify } from '../../src/codec/ike/index.ts';
import { deleteEsp, notifies, rawNotify, ScriptedPeer, spi4, type Heard } from './scripted-peer.ts';

function connected(against: 'hub' | 'router'): ScriptedPeer {
  const peer = new ScriptedPeer(against);
  if (against === 'hub') peer.connect();
  else peer.accept();
  peer.hear();
  return peer;
}

/** ESP under `spi` reaches the engine between these endpoints; returns what it says about that. */
function unknown(peer: ScriptedPeer, spi: number, path = peer.path): Heard[] {
  peer.pair.feed(peer.side, { type: 'esp.unknownSpi', spi, local: path.local, remote: path.remote });
  return peer.hear();
}

for (const against of ['hub', 'router'] as const) {
  test(`I2.21.4-1 I1.5-1: the ${against} tells of ESP under an unknown SPI inside the IKE SA, once in 10 s, and closes nothing`, () => {
    const peer = connected(against);
    const before = JSON.stringify(peer.side.engine.status(), (_k, v: unknown) => (typeof v === 'bigint' ? String(v) : v));
    const [notice, ...more] = unknown(peer, 0xdead_beef);
    assert.ok(notice?.sealed && !notice.header.isResponse);
    assert.deepEqual([notifies(notice), more.length], [['INVALID_SPI'], 0]);
    assert.deepEqual(findNotify(notice.payloads, 'INVALID_SPI')?.data, spi4(0xdead_beef));
    assert.deepEqual([findNotify(notice.payloads, 'INVALID_SPI')?.protocol, findNotify(notice.payloads, 'INVALID_SPI')?.spi.length], [0, 0]);
    peer.reply(notice, []);
    assert.deepEqual(unknown(peer, 0xdead_beef), []);
    peer.pair.runFor(seconds(9));
    assert.deepEqual(unknown(peer, 0xdead_bee0), []);
    peer.pair.runFor(seconds(1));
    peer.hear();
    assert.deepEqual(unknown(peer, 0xdead_bee0).map(notifies), [['INVALID_SPI']]);
    assert.equal(JSON.stringify(peer.side.engine.status(), (_k, v: unknown) => (typeof v === 'bigint' ? String(v) : v)), before);
  });

  test(`I2.21.4-1: the ${against} is told of an SPI of its own: that Child SA is rekeyed, once; of any other: nothing`, () => {
    const peer = connected(against);
    assert.deepEqual(peer.ask('INFORMATIONAL', [notify('INVALID_SPI', spi4(0x0bad_0bad))]).map((h) => [h.header.isResponse, h.payloads.length]), [[true, 0]]);
    assert.deepEqual(peer.ask('INFORMATIONAL', [rawNotify(11, new Uint8Array(3))]).map((h) => h.header.isResponse), [true], 'a malformed one');
    const child = peer.side.engine.status()[0]?.children[0];
    const out = child?.spiOut ?? 0;
    if (against === 'hub') assert.deepEqual(peer.ask('INFORMATIONAL', [notify('INVALID_SPI', spi4(out))]).map((h) => h.header.isResponse), [true], 'nothing was sent under it yet');
    peer.pair.feed(peer.side, { type: 'child.used', handle: child?.inHandle ?? 0 });
    const [answer, rekeying, ...more] = peer.ask('INFORMATIONAL', [notify('INVALID_SPI', spi4(out))]);
    assert.deepEqual([answer?.header.isResponse, answer?.payloads.length, more.length], [true, 0, 0]);
    assert.ok(rekeying);
    assert.deepEqual(notifies(rekeying), ['REKEY_SA']);
    assert.deepEqual(peer.ask('INFORMATIONAL', [notify('INVALID_SPI', spi4(out))]).map((h) => h.header.isResponse), [true], 'it is being asked about already');
    // It is not there indeed: a new one comes in its place (I2.25-2).
    peer.reply(rekeying, [notify('CHILD_SA_NOT_FOUND', undefined, { protocol: 3, spi: findNotify(rekeying.payloads, 'REKEY_SA')?.spi ?? spi4(0) })]);
    const [anew] = peer.hear();
    assert.ok(anew && anew.header.exchange === 36 && !notifies(anew).includes('REKEY_SA'));
  });
}

test('I2.21.4-1: ESP from elsewhere, or to another of our addresses, concerns no peer', () => {
  const peer = connected('hub');
  assert.deepEqual(unknown(peer, 7, { ...peer.path, remote: { ...peer.path.remote, port: 4501 } }), []);
  assert.deepEqual(unknown(peer, 7, { ...peer.path, local: { ...peer.path.local, port: 500 } }), []);
  assert.equal(unknown(peer, 7).length, 1);
});

test('I2.21.4-1 I2.8-3: what comes late under an SPI that was ours is no sign of anything; a minute later it is', () => {
  const peer = connected('hub');
  const spi = peer.side.engine.status()[0]?.children[0]?.spiIn ?? 0;
  assert.equal(peer.answerTo('INFORMATIONAL', [deleteEsp(0x1000)]).payloads.length, 1);
  assert.equal(peer.side.engine.status()[0]?.children.length, 0);
  assert.deepEqual(unknown(peer, spi), []);
  peer.pair.runFor(seconds(60));
  peer.hear();
  assert.deepEqual(unknown(peer, spi).map(notifies), [['INVALID_SPI']]);
});

test('I2.21.4-1 I2.8-3: ESP under an SPI that we have offered came before the answer: nobody is told', () => {
  const peer = connected('router');
  peer.pair.feed(peer.side, { type: 'child.rekey', chain: peer.chain, child: 'lan' });
  const request = peer.hearOne();
  const offered = ScriptedPeer.espSpi(request);
  assert.ok(offered >= 256);
  assert.deepEqual(unknown(peer, offered), []);
  peer.reply(request, [notify('TEMPORARY_FAILURE')]);
  assert.deepEqual(peer.hear(), []);
  assert.deepEqual(unknown(peer, offered + 1).map(notifies), [['INVALID_SPI']], 'any other is told');
});

test('I2.21.4-1: before anybody is authenticated nobody is told', () => {
  const peer = new ScriptedPeer('hub');
  const [answer] = peer.init();
  assert.ok(answer);
  peer.takeInit(answer);
  assert.deepEqual(unknown(peer, 7), []);
});

test('I2.21.4-1 I2.8-3: of the SPIs that were given up the newest 4,096 are remembered', () => {
  const peer = connected('router');
  const giveUp = (): number => {
    peer.pair.feed(peer.side, { type: 'child.rekey', chain: peer.chain, child: 'lan' });
    const request = peer.hearOne();
    peer.reply(request, [notify('NO_PROPOSAL_CHOSEN')]);
    return ScriptedPeer.espSpi(request);
  };
  const spis = Array.from({ length: 4097 }, giveUp);
  assert.deepEqual([spis.length, new Set(spis).size], [4097, 4097]);
  assert.deepEqual([unknown(peer, spis[1] ?? 0), unknown(peer, spis[4096] ?? 0)], [[], []]);
  assert.deepEqual(unknown(peer, spis[0] ?? 0).map(notifies), [['INVALID_SPI']], 'the oldest is forgotten');
});
