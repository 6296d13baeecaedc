// The DSCP of IKE messages as they leave: that of most of ESP, or CS6 (F-10).
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createUdpPort } from '../../src/adapters/node/udp.ts';
import { NativeHost } from '../../src/adapters/node/native.ts';
import { endpoint } from '../esp/fixtures.ts';
import { ip, netnsTest } from '../lab/netns.ts';

const missing = spawnSync('nft', ['-V']).error === undefined ? undefined : 'nft is not installed';
const CS6 = 48;

netnsTest('F-10: a datagram leaves with the DSCP that it was given, the next one without, on IPv4 and IPv6', { skip: missing }, async () => {
  ip('link set lo up');
  ip('link add wan type veth peer name far');
  ip('link set far up');
  ip('addr add 192.0.2.10/24 dev wan');
  ip('addr add fd77::1/64 dev wan nodad');
  ip('link set wan up');
  ip('neigh add 192.0.2.1 lladdr 02:00:00:00:00:01 dev wan');
  ip('neigh add fd77::2 lladdr 02:00:00:00:00:01 dev wan');
  const ifindex = Number(ip('-o link show dev wan').split(':')[0]);
  for (const line of [
    'add table inet t', 'add chain inet t out { type filter hook output priority 0 ; }',
    ...['ip', 'ip6'].flatMap((family) => [0, CS6].map((dscp) => `add rule inet t out udp dport 4500 ${family} dscp ${dscp} counter comment "${family}-${dscp}"`)),
  ]) assert.equal(spawnSync('nft', [line]).status, 0, line);
  const native = new NativeHost();
  try {
    const udp = createUdpPort(native);
    const failed: unknown[] = [];
    const deliver = (input: { readonly type: string }): void => void (input.type === 'udp.opened' || failed.push(input));
    udp.perform({ type: 'udp.open', ports: [4500], mark: 0 }, deliver);
    for (const [local, remote] of [['192.0.2.10', '192.0.2.1'], ['fd77::1', 'fd77::2']] as const) {
      const send = (dscp?: number): void => udp.perform({ type: 'udp.send', ifindex, local: endpoint(local, 4500), remote: endpoint(remote, 4500), bytes: new Uint8Array(40), ...(dscp === undefined ? {} : { dscp }) }, deliver);
      send();
      send(CS6);
      send(CS6);
      send(0);
    }
    assert.deepEqual(failed, []);
    const counted = spawnSync('nft', ['list chain inet t out'], { encoding: 'utf8' }).stdout.split('\n').flatMap((line) => {
      const name = line.split('comment "')[1]?.split('"')[0];
      return name === undefined ? [] : [`${name} ${line.split('packets ')[1]?.split(' ')[0] ?? ''}`];
    });
    assert.deepEqual(counted, ['ip-0 2', 'ip-48 2', 'ip6-0 2', 'ip6-48 2']);
  } finally {
    native.close();
    await Promise.resolve();
  }
});
