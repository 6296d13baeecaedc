import { test } from 'node:test';
import assert from 'node:assert/strict';
import { ip, type UplinkFacts } from '../../src/base/index.ts';
import type { ConnectionConfig } from '../../src/config/index.ts';
import { NAT_T_PORT, pathOn, setupPaths, sourceFor } from '../../src/daemon/paths.ts';

const CONNECTION = { localAddrs: [] } as unknown as ConnectionConfig;
const [HUB, HUB_B, HUB6] = [ip('192.0.2.1'), ip('192.0.2.2'), ip('2001:db8::1')];

function uplink(name: string, ifindex: number, addresses: readonly string[], families?: readonly (4 | 6)[]): UplinkFacts {
  const own = addresses.map(ip);
  return {
    name, device: name, ifindex, up: true, downReason: undefined, mtu: 1500, addresses: own, metric: ifindex, metered: false, dnsServers: [],
    families: families ?? [...new Set(own.map((a) => (a.includes(':') ? 6 : 4) as 4 | 6))],
  };
}

const WAN = uplink('wan', 2, ['198.51.100.2', '2001:db8:1::2']);
const LTE = uplink('lte', 3, ['100.64.0.7']);

test('D5.1.2-2: the source has the family of the remote address, or there is no path', () => {
  assert.equal(sourceFor(CONNECTION, WAN, HUB), '198.51.100.2');
  assert.equal(sourceFor(CONNECTION, WAN, HUB6), '2001:db8:1::2');
  assert.equal(sourceFor(CONNECTION, LTE, HUB6), undefined);
});

test('an address without a default route of its family is not used; a device without any default reaches its link', () => {
  assert.equal(sourceFor(CONNECTION, uplink('wan', 2, ['198.51.100.2', '2001:db8:1::2'], [4]), HUB6), undefined);
  assert.equal(sourceFor(CONNECTION, uplink('wan', 2, ['198.51.100.2'], []), HUB), '198.51.100.2');
});

test('local_addrs limits the sources', () => {
  const limited = { localAddrs: [ip('100.64.0.7')] } as unknown as ConnectionConfig;
  assert.equal(sourceFor(limited, WAN, HUB), undefined);
  assert.equal(sourceFor(limited, LTE, HUB), '100.64.0.7');
});

test('a path goes to the preferred remote address when it can, else to the first that it reaches', () => {
  assert.deepEqual(pathOn(CONNECTION, LTE, [HUB6, HUB, HUB_B], HUB_B, NAT_T_PORT), {
    uplink: 'lte', ifindex: 3, local: { address: '100.64.0.7', port: 4500 }, remote: { address: HUB_B, port: 4500 },
  });
  assert.equal(pathOn(CONNECTION, LTE, [HUB6, HUB, HUB_B], HUB6, NAT_T_PORT)?.remote.address, HUB);
  assert.equal(pathOn(CONNECTION, LTE, [HUB6], undefined, NAT_T_PORT), undefined);
});

test('M3.1-1 M3.3-4 Q-1: one pair of each uplink before a second pair of any; from port 500, then from 4500, or as the user says', () => {
  const pairs = [`wan ${HUB}`, `lte ${HUB}`, `wan ${HUB6}`, `wan ${HUB_B}`, `lte ${HUB_B}`];
  const begun = (startPort: ConnectionConfig['startPort']): string[] =>
    setupPaths({ ...CONNECTION, startPort }, [WAN, LTE], [HUB, HUB6, HUB_B]).map((p) => {
      assert.equal(p.local.port, p.remote.port);
      return `${p.uplink} ${p.remote.address} ${p.local.port}`;
    });
  const on = (port: number): string[] => pairs.map((pair) => `${pair} ${port}`);
  assert.deepEqual(begun(500), on(500));
  assert.deepEqual(begun(4500), on(4500));
  assert.deepEqual(begun('auto'), [...on(500), ...on(4500)]);
});
