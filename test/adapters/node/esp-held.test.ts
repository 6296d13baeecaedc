// What comes before its SA, in the C plane and in its model. Two seconds pass in test/fuzz/esp-plane.c, which can set the clock.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concat } from '../../../src/base/index.ts';
import { MAX_HELD, MAX_HELD_OCTETS, NEXT_HEADER, sealEsp } from '../../../src/esp/index.ts';
import { nodeCrypto } from '../../../src/adapters/node/crypto.ts';
import { ESP_SUITES, espKeys, keyOf, packet, path, random, sa, udp } from '../../esp/fixtures.ts';
import type { EspSuite, SaOptions } from '../../esp/fixtures.ts';
import { withTwins, type EspTwins } from './esp-twins.ts';

const A = '192.0.2.1';
const B = '198.51.100.9';
const BACK = packet('10.2.0.1', '10.1.0.1', 17, udp(2, 1));

interface Peer {
  readonly options: SaOptions;
  seal(sequence: number, inner?: Uint8Array): Uint8Array;
}

/** An inbound SA that is not added yet, and what seals under it. */
function peerOf(handle: number, spi: number, suite: EspSuite, more: Partial<SaOptions> = {}): Peer {
  const options: SaOptions = { handle, child: handle, direction: 'in', spi, suite, key: keyOf(handle, suite.octets), ...more };
  const keys = espKeys(nodeCrypto(), options);
  return { options, seal: (sequence, inner = BACK) => sealEsp(keys, sequence, inner, NEXT_HEADER.IPV4) };
}

const add = (twins: EspTwins, { options }: Peer): void => twins.apply(() => ({ type: 'esp.sa.add', sa: sa(options) }));

for (const suite of ESP_SUITES) {
  test(`ES2-1 ES3.4-1 RFC 7296 §2.8: ${suite.name}: what comes before its SA is opened in order when it comes; replays and forgeries are not`, () => {
    withTwins((twins) => {
      const peer = peerOf(2, 0x2001, suite);
      twins.apply(() => ({ type: 'esp.path.set', encapsulation: 'udp', bundle: 1, path: path(A, B), mtu: 1400 }));
      const inners = [1, 2, 3].map((port) => packet('10.2.0.1', '10.1.0.1', 17, udp(2, port)));
      const forged = peer.seal(9);
      forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1;
      const given = [...inners.map((inner, i) => peer.seal(i + 1, inner)), peer.seal(2), forged, peer.seal(7).subarray(0, 20)];
      given.forEach((bytes, i) => assert.equal(twins.inbound(path(A, B, 1 + (i % 2)), bytes), undefined));
      assert.deepEqual(twins.compareReports().drops, { unknown_spi: 6 });
      assert.deepEqual(twins.held(), [], 'no SA yet');
      add(twins, peer);
      assert.deepEqual(twins.held(), inners);
      assert.deepEqual(twins.held(), [], 'once');
      const { drops, bundles, sas } = twins.compareReports();
      assert.deepEqual(drops, { replay: 1, icv: 1, malformed: 1 });
      assert.deepEqual(sas, [{ handle: 2, packets: 3, bytes: 3 * BACK.length, sequence: 3 }]);
      assert.deepEqual(bundles[0]?.inbound.map((row) => [row.ifindex, row.packets]), [[2, 1], [1, 2]], 'the last of them came by device 1');
      assert.equal(twins.inbound(path(A, B), peer.seal(3)), undefined, 'still a replay');
      assert.deepEqual(twins.inbound(path(A, B), peer.seal(4)), BACK);
    });
  });
}

test('ES2-1 ES3-4: the traffic class of a held datagram is that it came with', () => {
  withTwins((twins) => {
    const peer = peerOf(2, 0x2001, ESP_SUITES[0] as EspSuite);
    for (const [i, trafficClass] of [3, 0, 0x2f].entries()) twins.inbound(path(A, B), peer.seal(i + 1), trafficClass);
    add(twins, peer);
    assert.equal(twins.held().length, 1);
    assert.deepEqual(twins.compareReports().drops, { ecn: 2 });
  });
});

test('NK-5: the ring, the greatest length and reserved SPIs are the same in C', () => {
  withTwins((twins) => {
    const suite = ESP_SUITES[0] as EspSuite;
    const peers = [peerOf(1, 0x2001, suite), peerOf(2, 0x2002, suite, { bundle: 2 })];
    const [one, two] = peers as [Peer, Peer];
    const sized = (octets: number): Uint8Array => {
      const bare = one.seal(500, BACK).length;
      const bytes = one.seal(500, concat(BACK, new Uint8Array(octets - bare)));
      assert.equal(bytes.length, octets);
      return bytes;
    };
    twins.inbound(path(A, B), sized(MAX_HELD_OCTETS + 4));
    for (let i = 1; i <= MAX_HELD + 4; i++) twins.inbound(path(A, B), (i % 2 === 1 ? one : two).seal(i));
    twins.inbound(path(A, B), sized(MAX_HELD_OCTETS));
    twins.inbound(path(A, B), Uint8Array.of(0, 0, 0, 255, 0, 0, 0, 1));
    add(twins, one);
    assert.equal(twins.held().length, 32, 'sequence 7 to 67 by twos, and the long one');
    assert.deepEqual(twins.compareReports().sas, [{ handle: 1, packets: 32, bytes: 32 * BACK.length, sequence: 500 }]);
    add(twins, two);
    assert.equal(twins.held().length, 32, 'sequence 6 to 68 by twos');
    assert.deepEqual(twins.compareReports().drops, { unknown_spi: MAX_HELD + 7 - 64 });
  });
});

test('an SA that is added and gone again before its turn gets nothing, and what was held waits for the next of that SPI', () => {
  withTwins((twins) => {
    const peer = peerOf(2, 0x2001, ESP_SUITES[0] as EspSuite);
    twins.inbound(path(A, B), peer.seal(1));
    add(twins, peer);
    twins.apply(() => ({ type: 'esp.sa.remove', handle: 2 }));
    assert.deepEqual(twins.held(), []);
    assert.deepEqual(twins.compareReports().drops, { unknown_spi: 1 });
    add(twins, peer);
    assert.deepEqual(twins.held(), [BACK]);
    assert.deepEqual(twins.compareReports().drops, {});
  });
});

test('ES3-2 RFC 7296 §2.8: 300 SAs that come late, among strangers, in any order: C and model give the same', () => {
  const draw = random(77);
  withTwins((twins) => {
    const waiting: { peer: Peer; sent: number }[] = [];
    let given = 0;
    for (let handle = 1; handle <= 300; handle++) {
      const suite = ESP_SUITES[draw(ESP_SUITES.length)] as EspSuite;
      waiting.push({ peer: peerOf(handle, 0x3000 + handle, suite, { bundle: 1 + draw(5), esn: draw(2) === 0 }), sent: 0 });
      for (let i = draw(12); i > 0; i--) {
        const one = waiting[draw(waiting.length)];
        if (one === undefined) continue;
        const bytes = one.peer.seal(draw(4) === 0 ? Math.max(1, one.sent) : ++one.sent, packet('10.2.0.1', '10.1.0.1', 17, udp(draw(9), 1, draw(200))));
        if (draw(8) === 0) bytes[draw(bytes.length)] = draw(256);
        twins.inbound(path(A, B, 1 + draw(3)), draw(9) === 0 ? bytes.subarray(0, draw(bytes.length)) : bytes, draw(4));
      }
      while (waiting.length > draw(9)) {
        const [late] = waiting.splice(draw(waiting.length), 1);
        if (late) add(twins, late.peer);
        if (draw(3) !== 0) given += twins.held().length;
      }
    }
    given += twins.held().length;
    const { drops } = twins.compareReports();
    assert.ok(given > 300, `${given} were held and given`);
    for (const cause of ['unknown_spi', 'replay', 'icv', 'malformed', 'ecn']) assert.ok((drops[cause] ?? 0) > 0, `the run met ${cause}: ${JSON.stringify(drops)}`);
  });
});
