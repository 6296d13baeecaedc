// What foreign implementations do that the RFCs do not foresee, and that must not harm (ikev2.rows.txt, section 19).
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { samePath, seconds } from '../../src/base/index.ts';
import type { Payload, Proposal } from '../../src/codec/ike/index.ts';
import { CHILD_SETTLE } from '../../src/ike/constants.ts';
import { ESP_SUITE, IKE_SUITE, on4500, path, prefixes } from './pair.ts';
import {
  DELETE_IKE, deleteEsp, errorsOf, ESN, espOffer, findNotify, findPayload, GCM256, HUB_NET, ikeOffer, KE, notify, PRF_SHA256, range, rawNotify, rekeySa, ROUTER_NET, ScriptedPeer, spi4,
  type Heard,
} from './scripted-peer.ts';

const nonce = (fill: number): Payload => ({ type: 'NONCE', data: new Uint8Array(32).fill(fill) });
const TS: readonly Payload[] = [{ type: 'TSi', selectors: [ROUTER_NET] }, { type: 'TSr', selectors: [HUB_NET] }];
const children = (peer: ScriptedPeer): string[] => peer.side.engine.status().flatMap((s) => s.children.map((c) => `${c.name}:${c.state}:${c.spiOut.toString(16)}`));
const requests = (heard: readonly Heard[]): Heard[] => heard.filter((h) => !h.header.isResponse && h.sealed);

test('Q-1: a peer that answers IKE_AUTH, and what follows, on port 500 is believed; what we send stays on 4500', () => {
  const peer = new ScriptedPeer('router');
  const [auth] = peer.answerInit(peer.initiated());
  assert.ok(auth);
  const old = path('wan');
  peer.reply(auth, [...peer.authPayloads(), ...peer.childAnswer(auth), notify('MOBIKE_SUPPORTED')], {}, old);
  assert.equal(peer.side.of('ike.established').length, 1);
  peer.hear();
  peer.pair.feed(peer.side, { type: 'liveness.check', chain: peer.chain });
  const check = peer.hearOne();
  assert.deepEqual([check.path.local.port, check.path.remote.port], [4500, 4500]);
  peer.reply(check, [], {}, old);
  peer.pair.feed(peer.side, { type: 'liveness.check', chain: peer.chain });
  assert.deepEqual(requests(peer.hear()).map((h) => h.path.remote.port), [4500]);
  assert.deepEqual(peer.side.of('ike.failed'), []);
});

test('Q-2 Q-5: NO_ADDITIONAL_ADDRESSES in IKE_AUTH of an initiator, INTERMEDIATE_EXCHANGE_SUPPORTED in its IKE_SA_INIT: passed over, and not answered', () => {
  const peer = new ScriptedPeer('hub');
  const [answer] = peer.init([...peer.initPayloads(), rawNotify(16_438)]);
  assert.ok(answer);
  assert.equal(findNotify(answer.payloads, 'INTERMEDIATE_EXCHANGE_SUPPORTED'), undefined);
  peer.takeInit(answer);
  const auth = peer.answerTo('IKE_AUTH', [...peer.authPayloads(), ...peer.childPayloads(), notify('MOBIKE_SUPPORTED'), notify('NO_ADDITIONAL_ADDRESSES')]);
  assert.deepEqual([errorsOf(auth), peer.side.of('ike.established')[0]?.mobike], [[], true]);
});

test('Q-3 Q-4: an update answered with nothing but COOKIE2 under Protocol ID 1, or with nothing at all: the move is done', () => {
  for (const echo of [true, false]) {
    const peer = new ScriptedPeer('router');
    peer.accept();
    peer.hear();
    peer.pair.feed(peer.side, { type: 'path.move', chain: peer.chain, path: on4500(path('lte')), reasons: ['test'], since: peer.pair.now });
    const update = peer.hearOne();
    const cookie = findNotify(update.payloads, 'COOKIE2');
    assert.ok(cookie);
    peer.reply(update, echo ? [{ ...cookie, protocol: 1 }] : [], {}, update.path);
    assert.deepEqual([peer.side.of('path.moved').length, peer.closed], [1, []]);
  }
});

test('Q-6: an offer of 120 suites in more than 1,280 octets, ours among the last: that one is chosen by its number, for IKE and for ESP', () => {
  const weak = [{ type: 1, id: 3 }, { type: 2, id: 2 }, { type: 3, id: 2 }, KE(2)];
  const windows = (fit: Proposal): Proposal[] => Array.from({ length: 120 }, (_, i) => ({
    ...fit, number: i + 1, transforms: i === 113 ? fit.transforms : weak.filter((t) => fit.protocol === 1 || (t.type !== 2 && t.type !== 4)),
  }));
  const peer = new ScriptedPeer('hub');
  const [, ...rest] = peer.initPayloads();
  const [answer] = peer.init([{ type: 'SA', proposals: windows(ikeOffer(31)[0] as Proposal) }, ...rest]);
  assert.ok(answer && peer.initRequest.length > 1_280);
  assert.deepEqual(findPayload(answer.payloads, 'SA')?.proposals.map((p) => [p.number, p.transforms]), [[114, [GCM256, PRF_SHA256, KE(31)]]]);
  peer.takeInit(answer);
  const auth = peer.answerTo('IKE_AUTH', [...peer.authPayloads(), { type: 'SA', proposals: windows(espOffer(0x1000)[0] as Proposal) }, ...TS, rawNotify(12_345, new Uint8Array(8))]);
  assert.deepEqual(findPayload(auth.payloads, 'SA')?.proposals.map((p) => [p.number, p.transforms]), [[114, [GCM256, ESN]]]);
  assert.equal(peer.side.sas.size, 2);
});

test('Q-6: the private error 12345 in a response of an initiator\'s peer: what was asked for failed, the SA stays', () => {
  const peer = new ScriptedPeer('router', { router: { liveness: seconds(600) } });
  peer.accept();
  peer.hear();
  peer.pair.feed(peer.side, { type: 'liveness.check', chain: peer.chain });
  peer.reply(peer.hearOne(), [rawNotify(12_345)]);
  peer.pair.feed(peer.side, { type: 'child.rekey', chain: peer.chain, child: 'lan' });
  peer.reply(peer.hearOne(), [rawNotify(12_345)]);
  assert.deepEqual([peer.closed, children(peer)], [[], ['lan:installed:1000']]);
});

test('Q-8: a peer that rekeys a child and never deletes the old one: traffic under the old one is taken until its hard lifetime, then it goes, without a word', () => {
  const peer = new ScriptedPeer('hub', { hub: { childLifetime: seconds(600), liveness: seconds(3_000) } });
  const auth = peer.connect();
  const oldIn = ScriptedPeer.espSpi(auth);
  peer.wait(300_000);
  peer.answerTo('CREATE_CHILD_SA', [rekeySa(0x1000), { type: 'SA', proposals: espOffer(0x2000) }, nonce(1), ...TS]);
  const inbound = (): number[] => [...peer.side.sas.values()].filter((s) => s.direction === 'in').map((s) => s.spi);
  assert.equal(inbound().length, 2);
  for (const sa of peer.side.sas.values()) if (sa.direction === 'in' && sa.spi !== oldIn) peer.pair.feed(peer.side, { type: 'child.used', handle: sa.handle });
  peer.wait(290_000);
  assert.ok(inbound().includes(oldIn), 'still there');
  assert.deepEqual(requests(peer.hear()), []);
  peer.wait(11_000);
  assert.equal(inbound().includes(oldIn), false);
  assert.deepEqual(peer.side.of('child.closed'), []);
  assert.equal(requests(peer.hear()).some((h) => findPayload(h.payloads, 'D') !== undefined), false);
  assert.equal(inbound().length, 1);
});

test('Q-8: the same when we rekeyed and our Delete is answered with nothing', () => {
  const peer = new ScriptedPeer('router');
  peer.accept();
  peer.hear();
  peer.pair.feed(peer.side, { type: 'child.rekey', chain: peer.chain, child: 'lan' });
  const rekey = peer.hearOne();
  peer.reply(rekey, [...peer.childAnswer(rekey, 0x2000), nonce(2)]);
  peer.wait(CHILD_SETTLE);
  peer.reply(peer.hearOne(), []);
  assert.deepEqual(children(peer), ['lan:installed:2000']);
  assert.equal(peer.side.sas.size, 2);
});

test('Q-9: a gateway that narrows TSi to one address, and TSr to part of ours: the child is what it says', () => {
  const peer = new ScriptedPeer('router', { router: { children: [{ name: 'lan', localTs: prefixes('0.0.0.0/0'), remoteTs: prefixes('0.0.0.0/0'), espProposals: [ESP_SUITE] }] } });
  const [auth] = peer.answerInit(peer.initiated());
  assert.ok(auth);
  const leased = range('10.77.0.9', '10.77.0.9');
  peer.reply(auth, [...peer.authPayloads(), ...peer.childAnswer(auth).filter((p) => p.type === 'SA'), { type: 'TSi', selectors: [leased] }, { type: 'TSr', selectors: [HUB_NET] }]);
  const [sa] = peer.side.sas.values();
  assert.deepEqual([sa?.local, sa?.remote], [[leased], [HUB_NET]]);
  peer.hear();
  peer.pair.feed(peer.side, { type: 'child.rekey', chain: peer.chain, child: 'lan' });
  const [rekey] = requests(peer.hear());
  assert.deepEqual([findPayload(rekey?.payloads ?? [], 'TSi')?.selectors, findPayload(rekey?.payloads ?? [], 'TSr')?.selectors], [[leased], [HUB_NET]], 'a rekeying asks for what there is');
});

test('Q-10 I2.9.2-1 I2.8-4: a peer that answers every rekeying with narrower selectors: the old SA carries on to its end, then a new child is made that is what the peer wants', () => {
  const peer = new ScriptedPeer('router', { router: { childLifetime: seconds(600), liveness: seconds(3_000) } });
  peer.accept();
  peer.hear();
  const small = range('10.2.0.0', '10.2.0.127');
  let rekeyings = 0;
  let made: Heard | undefined;
  for (let t = 0; t < 640 && !made; t++) {
    peer.wait(1_000);
    for (let round = requests(peer.hear()); round.length > 0; round = requests(peer.hear())) {
      for (const request of round) {
        if (!findPayload(request.payloads, 'SA')) peer.reply(request, []);
        else {
          if (findNotify(request.payloads, 'REKEY_SA')) rekeyings++;
          else made = request;
          peer.reply(request, [...peer.childAnswer(request, 0x2000 + t).map((p) => (p.type === 'TSr' ? { ...p, selectors: [small] } : p)), nonce(t & 255)]);
        }
      }
    }
    if (!made) assert.deepEqual(children(peer), ['lan:installed:1000'], `${t} s`);
  }
  assert.ok(rekeyings >= 1 && rekeyings <= 5, `${rekeyings} rekeyings: asked again, and not without pause`);
  assert.ok(made);
  const inbound = [...peer.side.sas.values()].filter((s) => s.direction === 'in');
  assert.deepEqual(inbound.map((s) => s.remote), [[small]]);
  assert.deepEqual(peer.closed, []);
});

test('Q-11: after a probe of another path was answered, something leaves on the current path: a peer that follows every message comes back', () => {
  const peer = new ScriptedPeer('router', { router: { liveness: seconds(600) } });
  peer.accept();
  peer.hear();
  const wan = peer.side.engine.status()[0]?.path;
  assert.ok(wan);
  peer.pair.feed(peer.side, { type: 'path.probe', chain: peer.chain, path: on4500(path('lte')) });
  const probe = peer.hearOne();
  assert.equal(probe.path.uplink, 'lte');
  peer.reply(probe, [], {}, probe.path);
  const after = requests(peer.hear());
  assert.deepEqual(after.map((h) => samePath(h.path, wan)), [true]);
  peer.reply(after[0] as Heard, [], {}, wan);
  assert.deepEqual(peer.hear(), [], 'and that is the end of it');
});

test('Q-11: a probe that nobody answers ends on the current path as well', () => {
  const peer = new ScriptedPeer('router', { router: { liveness: seconds(600) } });
  peer.accept();
  peer.hear();
  peer.pair.feed(peer.side, { type: 'path.probe', chain: peer.chain, path: on4500(path('lte')) });
  peer.wait(10_000);
  const last = requests(peer.hear()).at(-1);
  assert.equal(last?.path.uplink, 'wan');
});

test('a peer that deletes the child it just rekeyed, and then the IKE SA, in one breath, is followed', () => {
  const peer = new ScriptedPeer('hub', { hub: { ikeProposals: [IKE_SUITE] } });
  peer.connect();
  peer.answerTo('CREATE_CHILD_SA', [rekeySa(0x1000), { type: 'SA', proposals: espOffer(0x2000) }, nonce(1), ...TS]);
  assert.equal(findPayload(peer.answerTo('INFORMATIONAL', [deleteEsp(0x1000)]).payloads, 'D')?.spis.length, 1);
  assert.deepEqual([...peer.side.sas.values()].filter((s) => s.direction === 'out').map((s) => spi4(s.spi).join()), [spi4(0x2000).join()]);
  peer.answerTo('INFORMATIONAL', [DELETE_IKE]);
  assert.deepEqual([peer.side.sas.size, peer.closed], [0, ['peer_deleted']]);
});
