import { test } from 'node:test';
import assert from 'node:assert/strict';
import { err, instant, ip, millis, type Path, type UplinkFacts } from '../../src/base/index.ts';
import { nodeCrypto } from '../../src/adapters/node/crypto.ts';
import { loadConfig, type ConnectionConfig } from '../../src/config/index.ts';
import { Initiator } from '../../src/daemon/initiator.ts';
import type { IkeInput } from '../../src/ike/index.ts';
import { SimEntropy } from '../sim/index.ts';
import { TestTurn } from './turn.ts';

const connection = (...remotes: string[]): ConnectionConfig => {
  const text = `config connection 'hq'\n${remotes.map((r) => ` list remote_addrs '${r}'\n`).join('')} option psk 'a key of the tests, long enough'\nconfig child 'lan'\n option connection 'hq'\n list local_ts '10.1.0.0/24'\n list remote_ts '10.2.0.0/24'\n`;
  const [made] = loadConfig(text, 'test', () => err('none')).config.connections;
  assert.ok(made);
  return made;
};

const uplink = (name: string, ifindex: number, address: string): UplinkFacts => ({
  name, device: name, ifindex, up: true, downReason: undefined, mtu: 1500, addresses: [ip(address)], families: [4], metric: ifindex, metered: false, dnsServers: [ip(`192.168.${ifindex}.1`)],
});
const WAN = uplink('wan', 2, '192.168.2.2');
const LTE = uplink('lte', 3, '192.168.3.2');
const PATH: Path = { uplink: 'wan', ifindex: 2, local: { address: ip('192.168.2.2'), port: 4500 }, remote: { address: ip('192.0.2.1'), port: 4500 } };

class Rig {
  readonly turn = new TestTurn();
  readonly initiator: Initiator;
  uplinks: readonly UplinkFacts[] = [WAN, LTE];
  ike: IkeInput[] = [];
  using: (string | undefined)[] = [];
  stopped: string[] = [];

  constructor(...remotes: string[]) {
    this.initiator = new Initiator(connection(...(remotes.length > 0 ? remotes : ['192.0.2.1'])), {
      deps: { suite: nodeCrypto(), entropy: new SimEntropy(1) },
      ike: (input) => this.ike.push(input),
      candidates: () => this.uplinks,
      stopped: (name) => this.stopped.push(name),
      using: (_name, path) => this.using.push(path?.uplink),
    });
    this.initiator.advance(this.turn);
  }

  /** Attempts since the last call. */
  attempts(): number {
    const count = this.ike.filter((i) => i.type === 'connection.initiate').length;
    this.ike = [];
    return count;
  }

  fail(reason: 'timeout' | 'authentication_failed' = 'timeout'): void {
    this.initiator.onIke({ type: 'ike.failed', connection: 'hq', reason, detail: '' }, this.turn);
  }

  establish(chain = 1): void {
    this.initiator.onIke({ type: 'ike.established', chain, connection: 'hq', role: 'initiator', path: PATH, peer: 'hub', mobike: true, took: millis(1) }, this.turn);
  }

  close(chain = 1): void {
    this.initiator.onIke({ type: 'ike.closed', chain, connection: 'hq', reason: 'peer_deleted', detail: '' }, this.turn);
  }

  /** Runs to its deadline; returns how long that was. */
  wait(): number {
    const at = this.initiator.deadline;
    if (at === undefined) assert.fail('it waits for nothing');
    const span = at - this.turn.now;
    this.turn.now = at;
    this.initiator.advance(this.turn);
    return span;
  }

  pass(span: number): void {
    this.turn.now = instant(this.turn.now + span);
  }
}

test('it connects by itself, over every uplink, and keeps trying for ever with growing pauses of a minute at most', () => {
  const rig = new Rig();
  const [first] = rig.ike;
  assert.deepEqual(first?.type === 'connection.initiate' && first.paths.map((p) => `${p.uplink} ${p.remote.port}`), ['wan 500', 'lte 500', 'wan 4500', 'lte 4500']);
  rig.attempts();
  const pauses: number[] = [];
  for (let i = 0; i < 40; i++) {
    rig.fail();
    assert.equal(rig.initiator.state, 'backoff');
    pauses.push(rig.wait());
    assert.equal(rig.attempts(), 1);
  }
  assert.ok((pauses[0] ?? 0) <= 1200);
  assert.ok(pauses.every((p) => p <= 72_000));
  assert.ok(pauses.slice(10).every((p) => p >= 48_000), 'a minute, more or less');
});

test('I2.21-2: a refused authentication is not asked for again within a minute, not even over a new uplink', () => {
  const rig = new Rig();
  rig.fail('authentication_failed');
  rig.initiator.uplinkGained(rig.turn);
  assert.ok(rig.wait() >= 60_000);
});

test('a new uplink ends the pause; without any uplink it waits for one', () => {
  const rig = new Rig();
  rig.attempts();
  rig.fail();
  rig.initiator.uplinkGained(rig.turn);
  assert.equal(rig.attempts(), 1);
  rig.uplinks = [];
  rig.fail();
  rig.wait();
  assert.deepEqual([rig.initiator.state, rig.initiator.reason, rig.attempts()], ['waiting', 'no uplink is up', 0]);
  rig.uplinks = [LTE];
  rig.initiator.advance(rig.turn);
  assert.equal(rig.attempts(), 1);
});

test('an SA that had been up for a while is made again at once; one that ends young waits', () => {
  const rig = new Rig();
  rig.establish();
  rig.pass(31_000);
  rig.close();
  assert.equal(rig.wait(), 0);
  rig.establish(2);
  rig.pass(1000);
  rig.close(2);
  assert.ok(rig.wait() >= 800);
});

test('the end of an SA that is not ours any more changes nothing', () => {
  const rig = new Rig();
  rig.establish(1);
  rig.establish(2);
  assert.deepEqual(rig.ike.filter((i) => i.type === 'chain.close').map((i) => i.type === 'chain.close' && [i.chain, i.reason]), [[1, 'replaced']]);
  rig.close(1);
  assert.deepEqual([rig.initiator.state, rig.initiator.chain], ['up', 2]);
});

test('down stays down until up', () => {
  const rig = new Rig();
  rig.establish();
  rig.initiator.down();
  assert.ok(rig.ike.some((i) => i.type === 'connection.terminate'));
  assert.deepEqual(rig.stopped, ['hq'], 'its virtual addresses go');
  rig.attempts();
  rig.close();
  rig.fail();
  rig.initiator.uplinkGained(rig.turn);
  rig.initiator.advance(rig.turn);
  assert.deepEqual([rig.initiator.state, rig.initiator.deadline, rig.attempts()], ['down', undefined, 0]);
  rig.initiator.up(rig.turn);
  assert.equal(rig.attempts(), 1);
});

test('F-8: while nobody answers, attempts are made beside the SA, until an answer comes', () => {
  const rig = new Rig();
  rig.establish();
  rig.attempts();
  rig.initiator.onIke({ type: 'ike.unreachable', chain: 1, connection: 'hq', hint: 'no_answer' }, rig.turn);
  assert.deepEqual([rig.attempts(), rig.initiator.state], [1, 'up']);
  rig.fail();
  rig.wait();
  assert.equal(rig.attempts(), 1);
  rig.uplinks = [];
  rig.fail();
  rig.wait();
  assert.equal(rig.attempts(), 0, 'no uplink to try');
  rig.uplinks = [LTE];
  rig.initiator.uplinkGained(rig.turn);
  assert.ok(rig.wait() <= 2000, 'a new uplink is tried soon');
  assert.equal(rig.attempts(), 1);
  rig.initiator.onIke({ type: 'path.answered', chain: 1, connection: 'hq', path: PATH, rtt: undefined, current: true }, rig.turn);
  assert.equal(rig.initiator.deadline, undefined);
});

test('names are looked up through one uplink after the other; an old answer is better than none', () => {
  const rig = new Rig('vpn.example.com', '192.0.2.9');
  const ask = (): { opId: number; ifindex: number } => {
    const [effect, ...more] = rig.turn.take('resolver.resolve');
    assert.ok(effect && more.length === 0);
    return effect;
  };
  const first = ask();
  assert.deepEqual([first.ifindex, rig.attempts(), rig.initiator.state], [2, 0, 'resolving']);
  assert.equal(rig.initiator.resolved(first.opId + 50, [], undefined, rig.turn), false, "somebody else's");
  assert.equal(rig.initiator.resolved(first.opId, [ip('192.0.2.5')], undefined, rig.turn), true);
  assert.deepEqual(rig.initiator.remotes, ['192.0.2.5', '192.0.2.9']);
  assert.equal(rig.attempts(), 1);
  rig.fail();
  rig.wait();
  const second = ask();
  assert.equal(second.ifindex, 3);
  rig.initiator.resolved(second.opId, [], 'timeout', rig.turn);
  assert.equal(rig.attempts(), 1);
});

test('a name that has no address: said so, and tried again', () => {
  const rig = new Rig('vpn.example.com');
  const [ask] = rig.turn.take('resolver.resolve');
  rig.initiator.resolved(ask?.opId ?? 0, [], 'no such name', rig.turn);
  assert.deepEqual([rig.initiator.state, rig.initiator.reason], ['backoff', 'name look-up: no such name']);
  rig.wait();
  assert.equal(rig.turn.take('resolver.resolve').length, 1);
});

test('the policy is told where the SA is, and that it is gone', () => {
  const rig = new Rig();
  rig.establish();
  rig.initiator.onIke({ type: 'path.moving', chain: 1, connection: 'hq', from: PATH, to: { ...PATH, uplink: 'lte' }, reasons: ['x'], took: millis(0) }, rig.turn);
  rig.close();
  assert.deepEqual(rig.using, ['wan', 'lte', undefined]);
});
