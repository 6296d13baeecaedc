// NAT detection in IKE_SA_INIT and the ports everything leaves from and goes to (RFC 7296 §2.23).
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { ip, millis, seconds, type Endpoint, type Path } from '../../src/base/index.ts';
import type { Payload } from '../../src/codec/ike/index.ts';
import { HUB, on4500, Pair, WAN } from './pair.ts';
import { errorsOf, findNotify, findPayload, hash, notifies, notify, rawNotify, ScriptedPeer, type Heard } from './scripted-peer.ts';

const names = (payloads: readonly Payload[]): string[] => payloads.map((p) => (p.type === 'N' ? (notifies({ payloads: [p] } as unknown as Heard)[0] ?? '') : p.type));

test('I2.23-1 I1.2-1: both messages of IKE_SA_INIT carry the pair right after the nonce: 20 octets each, over the SPIs of their own header', () => {
  const peer = new ScriptedPeer('hub');
  const [answer] = peer.init();
  assert.ok(answer);
  const order = names(answer.payloads);
  assert.deepEqual(order.slice(order.indexOf('NONCE'), order.indexOf('NONCE') + 3), ['NONCE', 'NAT_DETECTION_SOURCE_IP', 'NAT_DETECTION_DESTINATION_IP']);
  assert.deepEqual(findNotify(answer.payloads, 'NAT_DETECTION_DESTINATION_IP')?.data, hash(peer.spiI, answer.header.spiR, peer.path.remote));
  const other = new ScriptedPeer('router');
  const request = other.initiated();
  const asked = names(request.payloads);
  assert.deepEqual(asked.slice(asked.indexOf('NONCE'), asked.indexOf('NONCE') + 3), ['NONCE', 'NAT_DETECTION_SOURCE_IP', 'NAT_DETECTION_DESTINATION_IP']);
  assert.deepEqual(findNotify(request.payloads, 'NAT_DETECTION_DESTINATION_IP')?.data, hash(request.header.spiI, 0n, { address: HUB, port: 500 }));
  for (const { payloads } of [answer, request]) assert.equal(findNotify(payloads, 'NAT_DETECTION_SOURCE_IP')?.data.length, 20);
});

test('NK-8 I2.23-1: our SOURCE hash is of no address of ours, so that every peer encapsulates in UDP', () => {
  const peer = new ScriptedPeer('router');
  const request = peer.initiated();
  assert.deepEqual(findNotify(request.payloads, 'NAT_DETECTION_SOURCE_IP')?.data, hash(request.header.spiI, 0n, { address: ip('0.0.0.0'), port: 0 }));
});

for (const [what, change] of [
  ['no SOURCE', (p: readonly Payload[]) => p.filter((q) => q.type !== 'N' || q.notify !== 16_388)],
  ['no DESTINATION', (p: readonly Payload[]) => p.filter((q) => q.type !== 'N' || q.notify !== 16_389)],
  ['neither', (p: readonly Payload[]) => p.filter((q) => q.type !== 'N')],
] as const) {
  test(`I2.23-1: both or none: ${what}: a responder refuses, an initiator waits on`, () => {
    const peer = new ScriptedPeer('hub');
    assert.deepEqual(errorsOf(peer.init(change(peer.initPayloads()))[0]), ['NO_PROPOSAL_CHOSEN']);
    assert.equal(peer.side.engine.sizes().sas, 0);
    const other = new ScriptedPeer('router');
    const request = other.initiated();
    other.spiR = 0x99n;
    other.deliver(other.plain('IKE_SA_INIT', true, 0, change(other.initAnswer())));
    assert.deepEqual(other.hear(), []);
    assert.equal(other.answerInit(request).length, 1);
  });
}

/** Where the engine thinks NATs are after a set-up in which the peer sent these hashes. */
function natsAfter(source: readonly Endpoint[], destination: Endpoint): string {
  const peer = new ScriptedPeer('hub');
  peer.spiI = 0x7000n;
  const [sa, ke, ni] = peer.initPayloads();
  assert.ok(sa && ke && ni);
  const [answer] = peer.init([sa, ke, ni, ...source.map((s) => notify('NAT_DETECTION_SOURCE_IP', hash(0x7000n, 0n, s))), notify('NAT_DETECTION_DESTINATION_IP', hash(0x7000n, 0n, destination))]);
  assert.ok(answer);
  peer.takeInit(answer);
  peer.answerTo('IKE_AUTH', [...peer.authPayloads(), ...peer.childPayloads()]);
  const status = peer.side.engine.status()[0];
  return `${status?.natLocal === true ? 'us' : ''} ${status?.natRemote === true ? 'them' : ''}`.trim();
}

test('I2.23-1: who is behind a NAT: no SOURCE hash of many fits: they; the DESTINATION hash does not: we; the port counts', () => {
  const them = { address: WAN, port: 500 };
  const us = { address: HUB, port: 500 };
  assert.equal(natsAfter([them], us), '');
  assert.equal(natsAfter([{ ...them, port: 501 }], us), 'them');
  assert.equal(natsAfter([{ ...them, address: ip('10.0.0.1') }], us), 'them');
  assert.equal(natsAfter([{ ...them, address: ip('10.0.0.1') }, { ...them, address: ip('10.0.0.2') }, them], us), '', 'one of several');
  assert.equal(natsAfter([them], { ...us, port: 4500 }), 'us');
  assert.equal(natsAfter([{ ...them, port: 1 }], { ...us, address: ip('10.2.2.2') }), 'us them');
});

for (const natted of [false, true]) {
  test(`I2.23-2 M3.3-3: IKE_SA_INIT on 500, and from IKE_AUTH on everything on 4500 with the marker, ${natted ? 'behind a NAT' : 'without one too'}; ESP never on 500`, () => {
    const pair = new Pair(`ports ${String(natted)}`);
    if (natted) pair.nat = (local) => ({ address: ip('198.51.100.9'), port: local.port + 20_000 });
    const chain = pair.connect();
    pair.feed(pair.router, { type: 'child.rekey', chain, child: 'lan' });
    pair.runFor(seconds(5));
    pair.feed(pair.hub, { type: 'liveness.check', chain: pair.hubChain() });
    pair.feed(pair.router, { type: 'ike.rekey', chain });
    pair.runFor(seconds(100));
    for (const side of [pair.router, pair.hub]) {
      for (const { path: way, bytes } of side.sent) {
        const isInit = bytes[18] === 34 && way.local.port === 500;
        if (isInit) assert.equal(bytes[17], 0x20, 'no marker on 500');
        else {
          assert.equal(way.local.port, 4500);
          if (bytes.length > 1) assert.deepEqual([...bytes.subarray(0, 4), bytes[21]], [0, 0, 0, 0, 0x20]);
        }
      }
      assert.ok(side.sent.filter((s) => s.path.local.port === 4500).length >= 4);
      for (const way of side.bundlePath.values()) assert.equal(way.local.port, 4500);
    }
    assert.equal(pair.hub.sent.at(-1)?.path.remote.port, natted ? 24_500 : 4500, 'answers go to where questions came from');
  });
}

test('I2.23-2: requests from any source port are answered there, before and after IKE_AUTH', () => {
  for (const port of [1, 500, 1024, 4500, 65_535]) {
    const peer = new ScriptedPeer('hub');
    peer.path = { ...peer.path, remote: { ...peer.path.remote, port } };
    const [answer] = peer.init();
    assert.equal(answer?.path.remote.port, port);
    peer.takeInit(answer);
    peer.path = { ...peer.path, remote: { ...peer.path.remote, port: 65_536 - port } };
    const auth = peer.answerTo('IKE_AUTH', [...peer.authPayloads(), ...peer.childPayloads()]);
    assert.deepEqual([auth.path.remote.port, auth.path.local.port], [65_536 - port, 4500]);
    assert.equal(peer.side.bundlePath.get(peer.chain)?.remote.port, 65_536 - port, 'and so is ESP');
  }
});

test('I2.23-2: IKE_SA_INIT on 4500 at once, with the marker, is answered there; without the marker it is none', () => {
  const peer = new ScriptedPeer('hub');
  peer.path = on4500(peer.path);
  const [answer] = peer.init();
  assert.deepEqual([answer?.path.local.port, findPayload(answer?.payloads ?? [], 'KE') !== undefined], [4500, true]);
  const bare = new ScriptedPeer('hub');
  bare.spiI = 0x1234n;
  bare.pair.deliver(bare.side, on4500(bare.path), bare.plain('IKE_SA_INIT', false, 0, bare.initPayloads(), { spiR: 0n }));
  assert.deepEqual([bare.hear(), bare.side.engine.sizes().sas], [[], 0]);
});

test('I2.23-3: behind a NAT, without MOBIKE, we do not follow the other side\'s address, whatever it sends from', () => {
  const peer = new ScriptedPeer('router');
  peer.accept([], { natted: true });
  const before = peer.side.engine.status()[0]?.path as Path;
  for (const remote of [{ address: ip('198.51.100.7'), port: 4500 }, { address: HUB, port: 4501 }])
    assert.equal(peer.answerTo('INFORMATIONAL', [], {}, { ...peer.path, remote }).path.remote.port, remote.port);
  assert.deepEqual(peer.side.engine.status()[0]?.path, before);
});

test('I2.23-3: without MOBIKE a peer behind a NAT is followed only by what is fresh and authentic', () => {
  const peer = new ScriptedPeer('hub');
  const [answer] = peer.init([...peer.initPayloads().slice(0, 3), rawNotify(16_388, new Uint8Array(20)), notify('NAT_DETECTION_DESTINATION_IP', hash(peer.spiI || 0x11n, 0n, peer.path.local))], { spiI: (peer.spiI = 0x11n) });
  assert.ok(answer);
  peer.takeInit(answer);
  peer.answerTo('IKE_AUTH', [...peer.authPayloads(), ...peer.childPayloads()]);
  const home = peer.path;
  const at = (port: number): Path => ({ ...home, remote: { ...home.remote, port } });
  const port = (): number | undefined => peer.side.bundlePath.get(peer.chain)?.remote.port;
  const fresh = peer.seal('INFORMATIONAL', false, peer.nextId++, []);
  peer.deliver(fresh, at(5001));
  assert.equal(port(), 5001);
  peer.deliver(fresh, at(5002));
  peer.deliver(peer.seal('INFORMATIONAL', false, peer.nextId, [], { badIcv: true }), at(5003));
  peer.deliver(peer.seal('INFORMATIONAL', false, peer.nextId + 5, []), at(5004));
  peer.deliver(peer.plain('INFORMATIONAL', false, peer.nextId, []), at(5005));
  assert.equal(port(), 5001);
  peer.pair.runFor(millis(10));
});
