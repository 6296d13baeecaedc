// The bound of what goes to a peer that has not shown to be where it says: C plane and model count the same octets.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NEXT_HEADER, sealEsp } from '../../../src/esp/index.ts';
import { nodeCrypto } from '../../../src/adapters/node/crypto.ts';
import { ESP_SUITES, espKeys, keyOf, packet, path, sa, udp } from '../../esp/fixtures.ts';
import { withTwins, type EspTwins } from './esp-twins.ts';

const [A, B, C] = ['192.0.2.1', '198.51.100.9', '198.51.100.10'];
const inner = (size: number): Uint8Array => packet('10.1.0.1', '10.2.0.1', 17, udp(1, 2, size));
const BACK = packet('10.2.0.1', '10.1.0.1', 17, udp(2, 1, 100));

const bound = (twins: EspTwins, bounded: boolean): void => twins.apply(() => ({ type: 'esp.bound', bundle: 1, bounded }));

for (const row of ESP_SUITES) {
  test(`M3.7-2: ${row.name}: three times the octets that came from the address of the path, since it was bounded; then free`, () => {
    withTwins((twins) => {
      const [out, into] = [{ handle: 1, direction: 'out', spi: 0x1001, key: keyOf(1, row.octets), suite: row } as const, { handle: 2, direction: 'in', spi: 0x2001, key: keyOf(2, row.octets), suite: row } as const];
      for (const options of [out, into]) twins.apply(() => ({ type: 'esp.sa.add', sa: sa(options) }));
      twins.apply(() => ({ type: 'esp.sa.use', handle: 1 }));
      twins.apply(() => ({ type: 'esp.path.set', encapsulation: 'udp', bundle: 1, path: path(A, B), mtu: 1400 }));
      const keys = espKeys(nodeCrypto(), into);
      let sequence = 0;
      const comes = (from: string): number => {
        const bytes = sealEsp(keys, ++sequence, BACK, NEXT_HEADER.IPV4);
        assert.ok(twins.inbound(path(A, from), bytes));
        return bytes.length;
      };
      assert.ok(twins.outbound(inner(1000)), 'free at first');
      comes(B);
      bound(twins, true);
      assert.equal(twins.outbound(inner(0)), undefined, 'what came before does not count');
      comes(C);
      assert.equal(twins.outbound(inner(0)), undefined, 'nor what comes from elsewhere');
      const octets = comes(B);
      let left = 3 * octets;
      for (let size = 0; size < 200; size += 7) {
        const sent = twins.outbound(inner(size));
        if (sent) left -= sent.bytes.length;
        assert.ok(left >= 0, `${-left} octets too many`);
      }
      assert.ok(left < 130, `${left} octets unused`);
      bound(twins, true);
      comes(B);
      bound(twins, true);
      assert.equal(twins.outbound(inner(0)), undefined, 'bounded anew, it starts from nothing');
      bound(twins, false);
      for (let i = 0; i < 5; i++) assert.ok(twins.outbound(inner(1000)), 'free again');
      const { drops, sas } = twins.compareReports();
      assert.ok((drops['unverified'] ?? 0) > 3);
      assert.deepEqual(Object.keys(drops), ['unverified']);
      assert.ok((sas.find((s) => s.handle === 1)?.sequence ?? 0) < 40, 'a dropped packet takes no sequence number');
    });
  });
}

test('M3.7-2: a bundle that is not there is not bounded; one without a path gets no credit', () => {
  withTwins((twins) => {
    bound(twins, true);
    assert.deepEqual(twins.compareReports().bundles, []);
  });
});
