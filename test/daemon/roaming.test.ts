import { test } from 'node:test';
import assert from 'node:assert/strict';
import { instant, ip, type Endpoint, type Path } from '../../src/base/index.ts';
import { roamedTo } from '../../src/daemon/roaming.ts';

const end = (address: string, port: number): Endpoint => ({ address: ip(address), port });
const PATH: Path = { uplink: 'wan', ifindex: 2, local: end('192.0.2.1', 4500), remote: end('198.51.100.1', 4500) };
const from = (remote: Endpoint, ahead: number | undefined, local = PATH.local): Parameters<typeof roamedTo>[0][number] =>
  ({ ifindex: 2, local, remote, packets: 1, last: instant(9000), ahead: ahead === undefined ? undefined : instant(ahead) });

test('M3.8-5: the newest packet ahead of all others says where the peer is: late and replayed ones, ESP without UDP, and what came to another address of ours do not', () => {
  const other = end('198.51.100.1', 20_001);
  assert.deepEqual(roamedTo([from(PATH.remote, 1000), from(other, 2000)], PATH), { remote: other, at: 2000 });
  for (const inbound of [
    [], [from(PATH.remote, 1000)], [from(PATH.remote, 2000), from(other, 1000)], [from(PATH.remote, 1000), from(other, undefined)],
    [from(PATH.remote, 1000), from(end('198.51.100.1', 0), 2000)], [from(PATH.remote, 1000), from(other, 2000, end('192.0.2.2', 4500))],
  ]) assert.equal(roamedTo(inbound, PATH), undefined);
});
