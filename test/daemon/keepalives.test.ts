import { test } from 'node:test';
import assert from 'node:assert/strict';
import { instant, ip, minutes, seconds, type Instant, type Path, type UplinkFacts } from '../../src/base/index.ts';
import { Keepalives } from '../../src/daemon/keepalives.ts';
import type { IkeInput } from '../../src/ike/index.ts';
import { TestTurn } from './turn.ts';

const facts = (name: string, metered = false): UplinkFacts => ({
  name, device: name, ifindex: 2, up: true, downReason: undefined, addresses: [ip('192.0.2.10')], families: [4], metric: 10, metered, dnsServers: [], mtu: 1500,
});
const WAN: Path = { uplink: 'wan', ifindex: 2, local: { address: ip('192.0.2.10'), port: 4500 }, remote: { address: ip('203.0.113.1'), port: 4500 } };

class Bench {
  readonly turn = new TestTurn();
  readonly told: string[] = [];
  readonly keepalives = new Keepalives({
    turn: this.turn,
    ike: (input: IkeInput) => {
      if (input.type === 'keepalive.set') this.told.push(`${input.uplink} ${Math.round(input.interval / 1000)} s${input.check ? ' check' : ''}${input.aligned ? ' aligned' : ''}`);
    },
  });

  /** A silence of `span` seconds that ends now, and what the data plane says of it a moment later. */
  silence(span: number, { changed = false, chain = 1, broken = undefined as Instant | undefined } = {}): void {
    const until = this.turn.now;
    this.keepalives.onIke({ type: 'mapping.seen', chain, connection: 'hq', path: WAN, since: instant(until - span * 1000), until, changed });
    this.keepalives.onPolled({ chain, lastInbound: undefined, lastAny: broken });
  }

  written(): string[] {
    return this.turn.effects.flatMap((e) => (e.type === 'store.write' ? [e.text] : []));
  }
}

test('each uplink is told once, and again when something changed; metered ones are aligned, and checked only while that teaches', () => {
  const bench = new Bench();
  bench.turn.now = instant(1_000_000);
  bench.keepalives.set([facts('wan'), facts('lte', true)]);
  assert.deepEqual(bench.told.splice(0), ['wan 20 s check', 'lte 20 s check aligned']);
  bench.keepalives.set([facts('wan'), facts('lte', true)]);
  assert.deepEqual(bench.told, []);
  for (let i = 0; i < 3; i++) bench.silence(20);
  assert.deepEqual(bench.told.splice(0), ['wan 25 s check']);
  bench.keepalives.set([facts('wan', true)]);
  assert.deepEqual(bench.told.splice(0), ['wan 25 s check aligned']);
});

test('NK-3: a silence that the data plane broke, or that nobody asked it about, teaches nothing', () => {
  const bench = new Bench();
  bench.turn.now = instant(1_000_000);
  bench.keepalives.set([facts('wan')]);
  for (let i = 0; i < 9; i++) bench.silence(20, { broken: instant(990_000) });
  for (let i = 0; i < 9; i++) bench.keepalives.onIke({ type: 'mapping.seen', chain: 1, connection: 'hq', path: WAN, since: instant(980_000), until: instant(1_000_000), changed: false });
  assert.equal(bench.keepalives.view('wan').safe, undefined);
  bench.keepalives.onPolled({ chain: 2, lastInbound: undefined, lastAny: undefined });
  assert.equal(bench.keepalives.view('wan').safe, undefined, 'another chain');
  for (let i = 0; i < 3; i++) bench.silence(20, { broken: instant(980_000) });
  assert.equal(bench.keepalives.view('wan').interval, seconds(25));
});

test('what was learned is written a quarter of an hour later, then every two hours at most, and at a stop', () => {
  const bench = new Bench();
  const learn = (): void => {
    const { interval } = bench.keepalives.view('wan');
    for (let i = 0; i < 3; i++) bench.silence(interval / 1000);
  };
  bench.turn.now = instant(1_000_000);
  bench.keepalives.set([facts('wan')]);
  learn();
  assert.equal(bench.keepalives.deadline, 1_000_000 + minutes(15));
  bench.keepalives.tick();
  assert.deepEqual(bench.written(), []);
  bench.turn.now = instant(1_000_000 + minutes(15));
  bench.keepalives.tick();
  assert.deepEqual(bench.written().map((text) => JSON.parse(text) as unknown), [{ mobiked: 1, keepalive: { wan: { interval_s: 25, safe_s: 20, too_long_s: null, losses: 0 } } }]);
  assert.equal(bench.keepalives.deadline, undefined);
  bench.keepalives.stop();
  assert.equal(bench.written().length, 1, 'nothing new, nothing written');
  learn();
  assert.equal(bench.keepalives.deadline, 1_000_000 + minutes(135));
  bench.keepalives.stop();
  assert.equal(bench.written().length, 2);
});

test('the store is read at the start; a failure of either way is said, and another answer is not taken for ours', () => {
  const bench = new Bench();
  bench.keepalives.start();
  const asked = bench.turn.effects.find((e) => e.type === 'store.read');
  assert.ok(asked);
  const text = JSON.stringify({ mobiked: 1, keepalive: { wan: { interval_s: 48, safe_s: 55, too_long_s: 61, losses: 1 } } });
  bench.keepalives.onStore({ type: 'store.answered', opId: asked.opId + 1, text, why: undefined });
  assert.equal(bench.keepalives.view('wan').interval, seconds(20));
  bench.keepalives.set([facts('wan')]);
  bench.keepalives.onStore({ type: 'store.answered', opId: asked.opId, text, why: undefined });
  assert.deepEqual(bench.told, ['wan 20 s check', 'wan 48 s check']);
  const said = (stored: string | undefined, why: string | undefined): string[] => {
    const other = new Bench();
    other.keepalives.start();
    const opId = other.turn.effects.find((e) => e.type === 'store.read')?.opId ?? 0;
    other.keepalives.onStore({ type: 'store.answered', opId, text: stored, why });
    return other.turn.lines;
  };
  assert.deepEqual(said(undefined, undefined), [], 'the first start of all');
  assert.deepEqual(said(undefined, 'EIO'), ['warn: what an earlier run learned of uplinks is not used: EIO']);
  assert.deepEqual(said('{', undefined), ['warn: what an earlier run learned of uplinks is not used: not JSON']);
  assert.deepEqual(said('{"mobiked":1}', undefined), ['warn: what an earlier run learned of uplinks is not used: it is not of this version']);
  bench.turn.now = instant(1_000_000);
  bench.silence(60, { changed: true });
  bench.keepalives.stop();
  const opId = bench.turn.effects.find((e) => e.type === 'store.write')?.opId ?? 0;
  bench.turn.lines.length = 0;
  bench.keepalives.onStore({ type: 'store.written', opId, why: 'no space left' });
  bench.keepalives.onStore({ type: 'store.written', opId, why: undefined });
  assert.deepEqual(bench.turn.lines, ['warn: what was learned of uplinks is not kept: no space left']);
});

test('connections whose silence waits for the data plane are bounded', () => {
  const bench = new Bench();
  bench.turn.now = instant(1_000_000);
  for (let chain = 1; chain <= 300; chain++) bench.keepalives.onIke({ type: 'mapping.seen', chain, connection: 'hq', path: WAN, since: instant(980_000), until: instant(1_000_000), changed: false });
  for (let chain = 1; chain <= 44; chain++) bench.keepalives.onPolled({ chain, lastInbound: undefined, lastAny: undefined });
  assert.equal(bench.keepalives.view('wan').safe, undefined);
  bench.keepalives.onPolled({ chain: 45, lastInbound: undefined, lastAny: undefined });
  assert.equal(bench.keepalives.view('wan').safe, seconds(20));
});
