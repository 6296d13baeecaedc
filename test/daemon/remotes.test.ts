import { test } from 'node:test';
import assert from 'node:assert/strict';
import { instant, ip, type IpAddress, type Path, type UplinkFacts } from '../../src/base/index.ts';
import type { ConnectionConfig } from '../../src/config/index.ts';
import { Remotes } from '../../src/daemon/remotes.ts';

const CONNECTION = { localAddrs: [] } as unknown as ConnectionConfig;
const [A, B, C, SIX] = [ip('203.0.113.1'), ip('203.0.113.2'), ip('198.51.100.3'), ip('2001:db8::9')] as const;
const uplink = (name: string, ...addresses: string[]): UplinkFacts => ({
  name, device: name, ifindex: name.length, up: true, downReason: undefined, mtu: 1500, addresses: addresses.map(ip), families: addresses.some((a) => a.includes(':')) ? [4, 6] : [4], metric: 1, metered: false, dnsServers: [],
});
const WAN = uplink('wan', '192.168.1.2');
const WWAN = uplink('wwan', '100.64.0.2');
const at = (remote: IpAddress, since = 0): { path: Path; remoteSince: ReturnType<typeof instant> } => ({
  path: { uplink: 'wan', ifindex: 3, local: { address: ip('192.168.1.2'), port: 4500 }, remote: { address: remote, port: 4500 } }, remoteSince: instant(since),
});
function remotes(...known: IpAddress[]): Remotes {
  const made = new Remotes();
  made.known = known;
  return made;
}
const text = (paths: readonly (Path | undefined)[]): string[] => paths.map((p) => (p ? `${p.uplink}>${p.remote.address}` : '-'));

test('N-d: on each uplink first what answered there since the peer is where it is, then where it is, then the others', () => {
  const peer = remotes(A, B);
  peer.tell([A, C]);
  assert.deepEqual(peer.order('wan', at(B)), [A, B, C], 'B is withdrawn: it does not go first');
  peer.tell([A, B, C]);
  assert.deepEqual(peer.order('wan', at(B)), [B, A, C]);
  peer.answered('wwan', C, instant(50));
  assert.deepEqual([peer.order('wwan', at(B, 40)), peer.order('wan', at(B, 40))], [[C, B, A], [B, A, C]]);
  assert.deepEqual(peer.order('wwan', at(B, 60)), [B, A, C], 'what answered before the peer came here is no news');
});

test('M3.6-9: an address that the peer does not list any more is withdrawn; without a list none is', () => {
  const peer = remotes(A);
  assert.equal(peer.isWithdrawn(A), false);
  peer.tell([B]);
  assert.deepEqual([peer.isWithdrawn(A), peer.isWithdrawn(B), peer.all], [true, false, [A, B]]);
  peer.forget();
  assert.deepEqual([peer.isWithdrawn(A), peer.all], [false, [A]]);
});

test('N-d D5.1.3-1: an address that was asked in vain goes last, until all were', () => {
  const peer = remotes(A, B, SIX);
  assert.equal(peer.unanswered(CONNECTION, WWAN, A), false);
  assert.deepEqual(text([peer.pathOn(CONNECTION, WWAN, at(A)), peer.pathOn(CONNECTION, WAN, at(A))]), ['wwan>203.0.113.2', 'wan>203.0.113.1']);
  assert.equal(peer.unanswered(CONNECTION, WWAN, B), true, 'the IPv6 address cannot be asked there');
  assert.deepEqual(text([peer.pathOn(CONNECTION, WWAN, at(A))]), ['wwan>203.0.113.1'], 'anew from the start');
  peer.unanswered(CONNECTION, WWAN, A);
  peer.answered('wwan', A, instant(9));
  assert.deepEqual(text([peer.pathOn(CONNECTION, WWAN, at(A))]), ['wwan>203.0.113.1']);
});

test('D5.1.2-2 D5.1.3-2: a race takes one pair of each uplink before a second of any, of one family each, and not too many', () => {
  const peer = remotes(A, B, SIX);
  assert.deepEqual(text(peer.race(CONNECTION, [WAN, WWAN], at(A))), ['wan>203.0.113.1', 'wwan>203.0.113.1', 'wan>203.0.113.2', 'wwan>203.0.113.2']);
  assert.deepEqual(text(peer.race(CONNECTION, [uplink('dual', '192.168.1.2', '2001:db8::2')], undefined)).length, 3);
  assert.equal(remotes(...Array.from({ length: 16 }, (_, n) => ip(`203.0.113.${n + 1}`))).race(CONNECTION, [WAN, WWAN], at(A)).length, 9);
});

test('M3.5-4: ESP waits for an address that only the peer told; the user may want it always or never', () => {
  const peer = remotes(A, B);
  peer.tell([A, C]);
  assert.deepEqual((['auto', 'always', 'never'] as const).map((policy) => [A, B, C].map((to) => peer.mustVerify(policy, to, A))), [[false, false, true], [false, true, true], [false, false, false]]);
  assert.equal(peer.mustVerify('auto', C, C), false, 'another uplink to where the peer is already');
});
