// R-MOBIKE: a hub that asks its routers to another address of its own, and when it must not, from both ends.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { concat, ip, ipBytes, millis, samePath, seconds, toHex, toUtf8, type Path } from '../../../src/base/index.ts';
import type { Payload } from '../../../src/codec/ike/index.ts';
import { SWITCH_NOTIFY } from '../../../src/ike/tasks/responder-switch.ts';
import { vendorId } from '../../../src/ike/vendors.ts';
import { connection, HUB, on4500, Pair, path } from '../pair.ts';
import { errorsOf, findNotify, findPayloads, notifies, notify, rawNotify, ScriptedPeer, suite, type Heard } from '../scripted-peer.ts';

const PRIVATE = { by: 'private', anyAddress: false } as const;
const VENDOR: Payload = { type: 'V', data: suite.hash('sha256', toUtf8('mobiked R-MOBIKE v1')).slice(0, 16) };
const OTHER = ip('203.0.113.2');
const to = (address: string, port?: number): Payload => rawNotify(51_200, port === undefined ? ipBytes(ip(address)) : concat(ipBytes(ip(address)), Uint8Array.of(port >> 8, port & 255)));
const remoteAddrs = [HUB, OTHER].map((address) => ({ kind: 'address', address }) as const);

/** A router with the switch configured, and a hub that knows of it. */
function routerPeer(change: Parameters<typeof connection>[1] = {}): ScriptedPeer {
  const peer = new ScriptedPeer('router', { router: { responderSwitch: PRIVATE, remoteAddrs, ...change } });
  const plain = peer.initAnswer.bind(peer);
  peer.initAnswer = (given) => [...plain(given), VENDOR];
  peer.accept();
  return peer;
}
const routerAt = (peer: ScriptedPeer): string => `${peer.side.engine.status()[0]?.path.remote.address}:${peer.side.engine.status()[0]?.path.remote.port}`;
const espTo = (peer: ScriptedPeer): string => peer.side.bundlePath.get(peer.chain)?.remote.address ?? '';
const apart = (heard: readonly Heard[]): { answers: Heard[]; requests: Heard[] } => ({ answers: heard.filter((h) => h.header.isResponse), requests: heard.filter((h) => !h.header.isResponse) });
const sentTo = (heard: readonly Heard[]): string[] => heard.map((h) => h.path.remote.address);
/** The other Vendor ID there is (path-size.test.ts). */
const PADDING = toHex(vendorId('padding', suite).data);
const vendorsOf = (heard: Heard | undefined): string[] => findPayloads(heard?.payloads ?? [], 'V').map((v) => toHex(v.data)).filter((v) => v !== PADDING);

test('R-4: the Vendor ID stands in IKE_SA_INIT only where responder_switch is private, 16 octets of SHA-256, and the answer has it only to a request that has', () => {
  const asked = new ScriptedPeer('router', { router: { responderSwitch: PRIVATE } });
  assert.deepEqual(vendorsOf(asked.initiated()), [toHex(suite.hash('sha256', toUtf8('mobiked R-MOBIKE v1'))).slice(0, 32)]);
  for (const off of [{}, { responderSwitch: { by: undefined, anyAddress: false } }, { responderSwitch: { by: 51_333, anyAddress: false } }, { responderSwitch: PRIVATE, mobike: false }])
    assert.deepEqual(vendorsOf(new ScriptedPeer('router', { router: off }).initiated()), [], JSON.stringify(off));
  for (const [hub, sent, answered] of [[PRIVATE, true, 1], [PRIVATE, false, 0], [undefined, true, 0]] as const) {
    const peer = new ScriptedPeer('hub', { hub: hub ? { responderSwitch: hub } : {} });
    peer.spiI = 77n;
    const [answer] = peer.init([...peer.initPayloads(), ...(sent ? [VENDOR] : [])]);
    assert.equal(vendorsOf(answer).length, answered);
  }
});

test('R-2 R-5: the answer goes to the new address and to where the request came from, same octets; then an update with COOKIE2 there, and ESP', () => {
  const peer = routerPeer();
  const from = peer.path;
  const heard = peer.ask('INFORMATIONAL', [to(OTHER)]);
  const { answers, requests } = apart(heard);
  assert.deepEqual(sentTo(answers), [HUB, OTHER]);
  assert.equal(toHex(answers[0]?.bytes ?? new Uint8Array()), toHex(answers[1]?.bytes ?? Uint8Array.of(1)));
  assert.deepEqual(answers.flatMap((a) => notifies(a)), []);
  const [update] = requests;
  assert.deepEqual([notifies(update), sentTo(requests)], [['UPDATE_SA_ADDRESSES', 'NAT_DETECTION_SOURCE_IP', 'NAT_DETECTION_DESTINATION_IP', 'COOKIE2'], [OTHER]]);
  assert.deepEqual([routerAt(peer), espTo(peer), update?.path.local], [`${OTHER}:4500`, OTHER, from.local]);
  const [moving] = peer.side.of('path.moving');
  assert.deepEqual(moving?.reasons, ['hub_moved']);
  assert.ok(update);
  peer.reply(update, [rawNotify(16_401, findNotify(update.payloads, 'COOKIE2')?.data ?? new Uint8Array())], {}, update.path);
  assert.equal(peer.side.of('path.moved').length, 1);
});

test('R-5: only configured, resolved or announced addresses, unless any is allowed; family by length, a port may follow; else UNACCEPTABLE_ADDRESSES', () => {
  const refused = (peer: ScriptedPeer, ...asked: Payload[]): boolean => {
    const { answers, requests } = apart(peer.ask('INFORMATIONAL', asked));
    assert.deepEqual([sentTo(answers), requests.length, routerAt(peer)], [[HUB], 0, `${HUB}:4500`]);
    return errorsOf(answers[0]).join() === 'UNACCEPTABLE_ADDRESSES';
  };
  const peer = routerPeer();
  for (const asked of [to('198.51.100.9'), to('127.0.0.1'), to('2001:db8::1'), to(OTHER, 0), ...[0, 3, 5, 7, 8, 12, 15, 17, 19, 300].map((n) => rawNotify(51_200, new Uint8Array(n).fill(1)))])
    assert.ok(refused(peer, asked), JSON.stringify(asked));
  peer.pair.feed(peer.side, { type: 'remotes.set', connection: 'hq', addresses: [ip('198.51.100.9')] });
  peer.ask('INFORMATIONAL', [to('198.51.100.9', 4501)]);
  assert.equal(routerAt(peer), '198.51.100.9:4501');
  const open = routerPeer({ responderSwitch: { by: 'private', anyAddress: true } });
  open.ask('INFORMATIONAL', [to('198.51.100.77')]);
  assert.equal(routerAt(open), '198.51.100.77:4500');
});

test('R-5: an announced address is the hub\'s; ESP goes there only once the answer to the update has shown that the hub receives there', () => {
  const peer = routerPeer();
  peer.answerTo('INFORMATIONAL', [rawNotify(16_397, ipBytes(ip('198.51.100.9')))]);
  const [update] = apart(peer.ask('INFORMATIONAL', [to('198.51.100.9')])).requests;
  assert.ok(update);
  assert.deepEqual([routerAt(peer), espTo(peer)], ['198.51.100.9:4500', HUB]);
  peer.reply(update, [rawNotify(16_401, findNotify(update.payloads, 'COOKIE2')?.data ?? new Uint8Array())], {}, update.path);
  assert.equal(espTo(peer), '198.51.100.9');
});

test('R-5 R-7: once in ten seconds; a replay of the request does nothing', () => {
  const peer = routerPeer();
  const request = peer.seal('INFORMATIONAL', false, peer.nextId++, [to(OTHER)]);
  peer.deliver(request);
  const [update] = apart(peer.hear()).requests;
  assert.ok(update);
  peer.reply(update, [], {}, update.path);
  peer.deliver(request);
  const again = apart(peer.hear());
  assert.deepEqual([sentTo(again.answers), again.requests.length, peer.side.of('path.moving').length], [[HUB], 0, 1], 'the answer again, to where the copy came from');
  const soon = apart(peer.ask('INFORMATIONAL', [to(HUB)], {}, update.path));
  assert.deepEqual([errorsOf(soon.answers[0]), routerAt(peer)], [['UNACCEPTABLE_ADDRESSES'], `${OTHER}:4500`]);
  peer.deliver(request);
  assert.deepEqual(peer.hear(), [], 'older than the last');
  peer.wait(10_100);
  peer.ask('INFORMATIONAL', [to(HUB)], {}, update.path);
  assert.equal(routerAt(peer), `${HUB}:4500`);
});

test('R-4 R-7: without agreement the notify is one that nobody knows: an empty answer, and nothing moves', () => {
  const strange = new ScriptedPeer('router', { router: { responderSwitch: PRIVATE, remoteAddrs } });
  strange.accept();
  const off = new ScriptedPeer('router', { router: { remoteAddrs } });
  const plain = off.initAnswer.bind(off);
  off.initAnswer = (given) => [...plain(given), VENDOR];
  off.accept();
  for (const peer of [strange, off]) assert.deepEqual([peer.answerTo('INFORMATIONAL', [to(OTHER)]).payloads, routerAt(peer)], [[], `${HUB}:4500`]);
  const withoutMobike = new ScriptedPeer('router', { router: { responderSwitch: PRIVATE, remoteAddrs } });
  const bare = withoutMobike.initAnswer.bind(withoutMobike);
  withoutMobike.initAnswer = (given) => [...bare(given), VENDOR];
  withoutMobike.accept([]);
  assert.deepEqual([withoutMobike.answerTo('INFORMATIONAL', [to(OTHER)]).payloads, routerAt(withoutMobike)], [[], `${HUB}:4500`]);
  const hub = hubPeer();
  assert.deepEqual(hub.answerTo('INFORMATIONAL', [to('198.51.100.9')]).payloads, [], 'and the hub is not moved by its routers');
});

test('R-3: a number both were given: it stands in the initiator\'s MOBIKE_SUPPORTED, and the hub asks only who said the same', () => {
  const by = { by: 51_333, anyAddress: false };
  const asked = new ScriptedPeer('router', { router: { responderSwitch: by, remoteAddrs } });
  const auth = asked.accept();
  assert.equal(toHex(findNotify(auth.payloads, 'MOBIKE_SUPPORTED')?.data ?? new Uint8Array()), 'c885');
  asked.ask('INFORMATIONAL', [rawNotify(51_333, ipBytes(OTHER))]);
  assert.equal(routerAt(asked), `${OTHER}:4500`);
  for (const [data, able] of [[Uint8Array.of(0xc8, 0x85), 1], [new Uint8Array(), 0], [Uint8Array.of(0xc8, 0x86), 0]] as const) {
    const hub = new ScriptedPeer('hub', { hub: { responderSwitch: by } });
    hub.connect([rawNotify(16_396, data)]);
    assert.equal(hub.side.engine.switchable().length, able);
  }
});

/** A hub with the switch configured, and a router that knows of it. */
function hubPeer(vendor: readonly Payload[] = [VENDOR]): ScriptedPeer {
  const peer = new ScriptedPeer('hub', { hub: { responderSwitch: PRIVATE } });
  const [answer] = peer.init([...(peer.spiI = 99n, peer.initPayloads()), ...vendor]);
  assert.ok(answer);
  peer.takeInit(answer);
  peer.answerTo('IKE_AUTH', [...peer.authPayloads(), ...peer.childPayloads(), notify('MOBIKE_SUPPORTED')]);
  peer.hear();
  return peer;
}

test('R-2 R-5: the hub asks from its old address, and from the new one if that is its own; it has moved when the update came, not before', () => {
  const peer = hubPeer();
  const own: Path = { ...peer.path, local: { address: OTHER, port: 4500 } };
  peer.pair.feed(peer.side, { type: 'chain.switch', chain: peer.chain, to: OTHER, own });
  const heard = peer.hear();
  assert.deepEqual(heard.map((h) => h.path.local.address), [HUB, OTHER]);
  assert.equal(toHex(heard[0]?.bytes ?? new Uint8Array()), toHex(heard[1]?.bytes ?? Uint8Array.of(1)));
  const asked = heard[0]?.payloads[0];
  assert.deepEqual(asked, rawNotify(SWITCH_NOTIFY, ipBytes(OTHER)));
  peer.wait(2000);
  const again = peer.hear();
  assert.deepEqual(new Set(again.map((h) => h.path.local.address)), new Set([HUB, OTHER]), 'repeated over both');
  assert.ok(heard[0]);
  peer.reply(heard[0], [], {}, own);
  const here = (): string => peer.side.engine.status()[0]?.path.local.address ?? '';
  assert.equal(here(), HUB);
  peer.ask('INFORMATIONAL', [notify('UPDATE_SA_ADDRESSES')], {}, own);
  assert.equal(here(), OTHER);
});

test('R-5: a hub without the new address yet asks from the old one alone; a refusal is told; one request at a time, and none to where it is', () => {
  const peer = hubPeer();
  const ask = (text: string): Heard[] => {
    peer.pair.feed(peer.side, { type: 'chain.switch', chain: peer.chain, to: ip(text), own: undefined });
    return peer.hear();
  };
  assert.deepEqual(ask(HUB), []);
  const [request, ...more] = ask(OTHER);
  assert.deepEqual([request?.path.local.address, more.length], [HUB, 0]);
  assert.deepEqual(ask('203.0.113.3'), []);
  assert.ok(request);
  peer.reply(request, [notify('UNACCEPTABLE_ADDRESSES')]);
  assert.match(peer.side.logs.at(-1) ?? '', /does not come to 203\.0\.113\.2: UNACCEPTABLE_ADDRESSES/);
  assert.deepEqual(peer.hear(), [], 'and not asked again by itself');
});

test('R-7: a peer without the Vendor ID never receives the notify', () => {
  const peer = hubPeer([]);
  assert.deepEqual(peer.side.engine.switchable(), []);
  peer.pair.feed(peer.side, { type: 'chain.switch', chain: peer.chain, to: OTHER, own: undefined });
  peer.wait(5000);
  assert.deepEqual(peer.hear(), []);
});

test('R-2 X-1: two of ours: the agreement outlives a rekeying of the IKE SA, and the hub moves within one round trip and a half', () => {
  const pair = new Pair('switch', connection('initiator', { responderSwitch: PRIVATE, remoteAddrs }), connection('responder', { responderSwitch: PRIVATE }));
  const chain = pair.connect();
  pair.feed(pair.router, { type: 'ike.rekey', chain });
  pair.runFor(seconds(1));
  assert.deepEqual(pair.hub.engine.switchable().map((s) => s.chain), [pair.hubChain()]);
  pair.feed(pair.hub, { type: 'chain.switch', chain: pair.hubChain(), to: OTHER, own: undefined });
  pair.runFor(millis(31));
  const at = pair.hub.engine.status()[0]?.path;
  assert.ok(at && samePath({ ...at, remote: on4500(path('wan')).local }, { uplink: 'eth0', ifindex: 9, local: { address: OTHER, port: 4500 }, remote: on4500(path('wan')).local }));
  pair.runFor(seconds(1));
  assert.equal(pair.hub.bundlePath.get(pair.hubChain())?.local.address, OTHER);
  assert.equal(pair.router.bundlePath.get(chain)?.remote.address, OTHER);
});
