import { test } from 'node:test';
import assert from 'node:assert/strict';
import { instant, ip, millis, seconds, type UplinkFacts } from '../../src/base/index.ts';
import type { Config } from '../../src/config/index.ts';
import { Probes } from '../../src/daemon/probes.ts';
import type { UplinkInput } from '../../src/uplink/index.ts';
import { EMPTY, TestTurn } from './turn.ts';

const TARGET = { type: 'icmp', text: 'icmp 198.51.100.1', address: ip('198.51.100.1') } as const;
const WAN: UplinkFacts = {
  name: 'wan', device: 'eth1', ifindex: 7, up: true, downReason: undefined, mtu: 1500, addresses: [ip('2001:db8::2'), ip('192.168.1.2')], families: [4, 6], metric: 10, metered: false, dnsServers: [ip('192.168.1.1')],
};

function config(enabled: { readonly main?: boolean; readonly uplink?: boolean } = {}): Config {
  const probing = { targets: [TARGET], quorum: 1, interval: seconds(60) };
  return {
    ...EMPTY, main: { ...EMPTY.main, enabled: enabled.main ?? true },
    uplinks: [{ name: 'wan', enabled: enabled.uplink ?? true, interface: 'wan', device: undefined, metric: undefined, metered: false, lastResort: false, schedule: [], keepalive: undefined, bypass: { prefixes: [], servers: [] }, probing }],
  };
}

function open(with_: Config = config()): { probes: Probes; turn: TestTurn; told: UplinkInput[]; at: (ms: number) => void } {
  const turn = new TestTurn();
  turn.config = with_;
  const told: UplinkInput[] = [];
  const probes = new Probes(() => turn, (input) => told.push(input));
  probes.set([WAN]);
  return { probes, turn, told, at: (ms) => {
    turn.now = instant(ms);
    probes.tick();
  } };
}

test('a target is asked through device and address of its uplink; its answer is an event and the word of the policy', () => {
  const { probes, turn, told, at } = open();
  at(300);
  assert.deepEqual(turn.effects, [{ type: 'probe.send', opId: 1, target: TARGET, ifindex: 7, mark: 0, local: ip('192.168.1.2'), servers: [ip('192.168.1.1')], timeout: 2000 }]);
  turn.now = instant(320);
  probes.on({ type: 'probe.answered', opId: 1, took: millis(12.3) });
  assert.deepEqual(told, [{ type: 'uplink.reached', uplink: 'wan', state: 'reachable' }]);
  assert.deepEqual(turn.events, [{ type: 'uplink.reachability', uplink: 'wan', state: 'reachable', evidence: 'icmp 198.51.100.1: answered in 12 ms' }]);
  assert.deepEqual([probes.view('wan')?.reach, probes.deadline], ['reachable', 60_300]);
});

test('a probe of an uplink that goes down is cancelled, and what it says then is nobody\'s', () => {
  const { probes, turn, told, at } = open();
  at(300);
  turn.take('probe.send');
  probes.set([{ ...WAN, up: false, addresses: [] }]);
  assert.deepEqual(turn.effects, [{ type: 'probe.cancel', opId: 1 }]);
  probes.set([WAN]);
  at(700);
  assert.deepEqual(turn.take('probe.send').map(({ opId }) => opId), [2]);
  probes.on({ type: 'probe.answered', opId: 1, took: millis(1) });
  probes.on({ type: 'probe.failed', opId: 99, why: 'no_answer' });
  assert.deepEqual(told, []);
  probes.on({ type: 'probe.failed', opId: 2, why: 'captive_portal' });
  assert.deepEqual(told, [{ type: 'uplink.reached', uplink: 'wan', state: 'captive' }]);
});

for (const [what, off] of [['the daemon', { main: false }], ['the uplink', { uplink: false }]] as const) {
  test(`nobody is asked while ${what} is disabled`, () => {
    const { probes, turn, at } = open(config(off));
    at(10_000);
    assert.deepEqual([turn.effects, probes.view('wan'), probes.deadline], [[], undefined, undefined]);
  });
}

test('without uplink sections nobody is asked', () => {
  const { turn, at } = open(EMPTY);
  at(10_000);
  assert.deepEqual(turn.effects, []);
});

test('a round goes out with the probe of the peer', () => {
  const { probes, turn, at } = open();
  at(300);
  probes.on({ type: 'probe.answered', opId: 1, took: millis(1) });
  turn.take('probe.send');
  turn.now = instant(50_000);
  probes.peerAsked('wan');
  assert.deepEqual(turn.take('probe.send').map(({ opId }) => opId), [2]);
});
