// Who guesses keys, or is set up wrongly and asks without pause, is not answered for a while; who comes from elsewhere is (DOS-2).
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { instant, ip } from '../../src/base/index.ts';
import { Refusals } from '../../src/ike/refusals.ts';
import type { Pair } from './pair.ts';
import { notifies, ScriptedPeer, type Heard } from './scripted-peer.ts';

const at = (pair: Pair | undefined, address: string): ScriptedPeer => {
  const peer = pair ? new ScriptedPeer('hub', {}, pair) : new ScriptedPeer('hub');
  peer.path = { ...peer.path, remote: { ...peer.path.remote, address: ip(address) } };
  return peer;
};
/** One whole attempt with a wrong key; what it was answered, step by step. */
function guess(pair: Pair, address: string, change: { readonly from?: string } = {}): string {
  const peer = at(pair, address);
  const [init] = peer.init();
  if (!init) return 'nothing';
  peer.takeInit(init);
  if (change.from !== undefined) peer.path = { ...peer.path, remote: { ...peer.path.remote, address: ip(change.from) } };
  return notifies(peer.ask('IKE_AUTH', [...peer.authPayloads({ wrong: true }), ...peer.childPayloads()])[0]).join();
}
const works = (pair: Pair, address: string): boolean => {
  const peer = at(pair, address);
  const [init] = peer.init();
  if (!init) return false;
  peer.takeInit(init);
  peer.verify(peer.answerTo('IKE_AUTH', [...peer.authPayloads(), ...peer.childPayloads()]));
  return true;
};

test('DOS-2: ten refused authentications of a source within a minute are answered and logged, then its IKE_SA_INITs are not; one line says so', () => {
  const { pair, side } = at(undefined, '198.51.100.1');
  for (let i = 0; i < 10; i++) assert.equal(guess(pair, '198.51.100.1'), 'AUTHENTICATION_FAILED', `attempt ${i}`);
  const logged = side.logs.length;
  const { dh } = side.crypto.calls;
  for (let i = 0; i < 500; i++) assert.equal(guess(pair, '198.51.100.1'), 'nothing');
  assert.deepEqual([side.logs.length, side.crypto.calls.dh, side.engine.sizes().sas], [logged, dh, 0], 'no line, no Diffie-Hellman, no state');
  assert.equal(side.logs.filter((l) => l.includes('198.51.100.1: 10 refused authentications in 60 s,')).length, 1);
  assert.ok(works(pair, '198.51.100.2'), 'another source');
});

test('DOS-2: after the minute the source is answered again, and an honest peer there gets in', () => {
  const first = at(undefined, '198.51.100.1');
  for (let i = 0; i < 11; i++) guess(first.pair, '198.51.100.1');
  first.wait(59_000);
  assert.equal(works(first.pair, '198.51.100.1'), false);
  first.wait(1_001);
  assert.ok(works(first.pair, '198.51.100.1'));
});

test('DOS-2: who is up is not cut off: SAs of the source go on, and nine refusals do not count as ten', () => {
  const honest = at(undefined, '198.51.100.1');
  honest.connect();
  for (let i = 0; i < 9; i++) guess(honest.pair, '198.51.100.1');
  assert.ok(works(honest.pair, '198.51.100.1'));
  for (let i = 0; i < 3; i++) guess(honest.pair, '198.51.100.1');
  assert.equal(works(honest.pair, '198.51.100.1'), false);
  assert.deepEqual(honest.answerTo('INFORMATIONAL', []).payloads, []);
});

test('DOS-2: an IKE_AUTH from a forged address counts for the source of its IKE_SA_INIT: nobody is shut out by another', () => {
  const { pair } = at(undefined, '198.51.100.1');
  for (let i = 0; i < 10; i++) assert.equal(guess(pair, '198.51.100.1', { from: '203.0.113.77' }), 'AUTHENTICATION_FAILED');
  assert.ok(works(pair, '203.0.113.77'));
  assert.equal(guess(pair, '198.51.100.1'), 'nothing');
});

test('DOS-2: what ends without an answer of the peer, or does not open, is no refusal', () => {
  const { pair, side } = at(undefined, '198.51.100.1');
  for (let i = 0; i < 4; i++) {
    for (let k = 0; k < 3; k++) {
      const peer = at(pair, '198.51.100.1');
      peer.takeInit(peer.init()[0] as Heard);
      peer.deliver(peer.seal('IKE_AUTH', false, 1, peer.authPayloads({ wrong: true }), { badIcv: true }));
    }
    pair.runFor(31_000 as Parameters<Pair['runFor']>[0]);
  }
  assert.equal(side.engine.sizes().sas, 0);
  assert.ok(works(pair, '198.51.100.1'));
});

test('DOS-2: of a flood of sources a bounded number is remembered, the newest', () => {
  const refusals = new Refusals();
  const now = instant(5_000);
  for (let i = 0; i < 5_000; i++) for (let k = 0; k < 10; k++) assert.equal(refusals.note(`source ${i}`, now), k === 9);
  const blocked = Array.from({ length: 5_000 }, (_, i) => refusals.blocks(`source ${i}`, now));
  assert.equal(blocked.filter((b) => b).length, 1_024);
  assert.ok(blocked.slice(-1_024).every((b) => b));
  assert.equal(refusals.blocks('source 4999', instant(65_000)), false);
});
