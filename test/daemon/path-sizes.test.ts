import { test } from 'node:test';
import assert from 'node:assert/strict';
import { instant, ip, minutes, seconds, type Path } from '../../src/base/index.ts';
import { PathSizes } from '../../src/daemon/path-sizes.ts';
import type { IkeInput } from '../../src/ike/index.ts';
import { TestTurn } from './turn.ts';

const path = (remote: string): Path => ({ uplink: 'wan', ifindex: 2, local: { address: ip(remote.includes(':') ? '2001:db8::2' : '192.0.2.10'), port: 4500 }, remote: { address: ip(remote), port: 4500 } });
const A = path('203.0.113.1');
const B = path('203.0.113.2');
const SIX = path('2001:db8:ff::1');

/** Chain 1 on paths that carry packets of `mtu` octets. */
class Bench {
  readonly turn = new TestTurn();
  mtu = 1500;
  link: number | undefined = 1500;
  current = A;
  readonly asked: number[] = [];
  readonly found: (number | undefined)[] = [];
  /** Questions that are lost by chance, by their place. */
  lost = new Set<number>();
  /** What the engine says instead of an answer. */
  silent: 'unknown' | undefined;
  readonly #questions: number[] = [];
  readonly sizes = new PathSizes({
    turn: this.turn,
    ike: (input: IkeInput) => {
      if (input.type !== 'path.size') throw new Error(input.type);
      assert.equal(input.chain, 1);
      this.asked.push(input.size);
      this.#questions.push(input.size);
    },
    linkMtu: () => this.link,
    found: (_path, mtu) => void this.found.push(mtu),
  });

  on(to: Path, how: 'established' | 'moved' = 'established'): this {
    const from = this.current;
    this.current = to;
    if (how === 'established') this.sizes.onIke({ type: 'ike.established', chain: 1, connection: 'hq', role: 'initiator', path: to, peer: 'hub', mobike: true, took: seconds(0) });
    else for (const type of ['path.moving', 'path.moved'] as const) this.sizes.onIke({ type, chain: 1, connection: 'hq', from, to, reasons: ['test'], took: seconds(0) });
    return this;
  }

  /** Plays until nothing is asked any more for this time; returns the sizes that were asked. */
  run(span = seconds(2)): number[] {
    this.asked.length = 0;
    const end = this.turn.now + span;
    for (;;) {
      for (let size = this.#questions.shift(); size !== undefined; size = this.#questions.shift()) {
        const chance = this.lost.has(this.asked.length);
        const carried = this.silent === 'unknown' ? undefined : size <= this.mtu && !chance;
        this.sizes.onIke({ type: 'path.sized', chain: 1, connection: 'hq', path: this.current, size, carried });
      }
      const { deadline } = this.sizes;
      if (deadline === undefined || deadline > end) break;
      this.turn.now = instant(Math.max(this.turn.now, deadline));
      this.sizes.tick();
    }
    this.turn.now = instant(end);
    return [...this.asked];
  }
}

test('F-4: a second after a tunnel is up the size of the link is asked, and when it passes nothing else, for ten minutes', () => {
  const bench = new Bench().on(A);
  assert.equal(bench.sizes.deadline, 1000);
  assert.deepEqual([bench.run(), bench.found], [[1500], [undefined]]);
  assert.deepEqual(bench.on(B, 'moved').run(), [1500], 'another path');
  assert.deepEqual(bench.on(A, 'moved').run(), [], 'known');
  assert.deepEqual(bench.run(minutes(60)), []);
  assert.deepEqual(bench.on(A, 'moved').run(), [1500], 'long ago');
  bench.link = 1492;
  assert.deepEqual(bench.on(A, 'moved').run(), [1492], 'another link');
});

test('F-4 RFC 8899: where it does not pass the largest usual size that does is found, in few packets', () => {
  const usual = [576, 1024, 1200, 1280, 1300, 1320, 1340, 1358, 1380, 1400, 1412, 1420, 1428, 1440, 1452, 1460, 1472, 1480, 1492, 1500];
  let most = 0;
  for (let mtu = 576; mtu < 1500; mtu++) {
    const bench = new Bench().on(A);
    bench.mtu = mtu;
    const asked = bench.run();
    assert.equal(bench.found.at(-1), usual.filter((size) => size <= mtu).at(-1), `of ${mtu}`);
    assert.deepEqual(asked.slice(0, 3), [1500, 1500, 1280], 'the size of the link is believed to be too large after two');
    most = Math.max(most, asked.length);
  }
  assert.ok(most <= 8, `${most} packets`);
});

test('F-4: what was told never is more than what passes, and it rises', () => {
  const bench = new Bench().on(A);
  bench.mtu = 1430;
  bench.run();
  assert.deepEqual(bench.found, [...bench.found].sort((a, b) => (a ?? 0) - (b ?? 0)));
  assert.equal(bench.found[0], 1280, 'first what nearly every path carries');
  assert.equal(bench.found.at(-1), 1428);
});

test('F-4: IPv6 has 1280 octets everywhere; a link of less is not asked about', () => {
  const bench = new Bench().on(SIX);
  bench.mtu = 1280;
  assert.ok(!bench.run().some((size) => size <= 1280));
  assert.equal(bench.found.at(-1), 1280);
  bench.link = 1280;
  assert.deepEqual(bench.on(path('2001:db8:ff::2'), 'moved').run(), []);
});

test('F-4: links of more than 1500 octets: their own size first, up to 9000; without a link, 1500', () => {
  const bench = new Bench().on(A);
  bench.link = 65_536;
  bench.mtu = 9000;
  assert.deepEqual(bench.run(), [9000]);
  bench.mtu = 1500;
  bench.on(B, 'moved').run();
  assert.equal(bench.found.at(-1), 1500);
  bench.link = undefined;
  assert.deepEqual(bench.on(path('203.0.113.3'), 'moved').run(), [1500]);
});

test('F-4: one loss by chance changes nothing that matters', () => {
  const bench = new Bench().on(A);
  bench.lost.add(1);
  assert.deepEqual(bench.run(), [1500, 1500]);
  assert.deepEqual(bench.found, [undefined]);
  const narrow = new Bench().on(A);
  narrow.mtu = 1280;
  narrow.lost.add(3);
  narrow.run();
  assert.equal(narrow.found.at(-1), 1280);
});

test('F-4: a narrow path is looked at again after an hour; what is known is tried before the rest', () => {
  const bench = new Bench().on(A);
  bench.mtu = 1400;
  bench.run();
  assert.deepEqual(bench.run(minutes(55)), []);
  const again = bench.run(minutes(10));
  assert.deepEqual(again.slice(0, 3), [1500, 1500, 1400]);
  assert.equal(bench.found.at(-1), 1400);
  bench.mtu = 1500;
  assert.deepEqual(bench.run(minutes(70)), [1500]);
  assert.equal(bench.found.at(-1), undefined);
  assert.deepEqual(bench.run(minutes(300)), []);
  // It comes back to a narrow path within ten minutes: known, and looked at when the hour is over.
  bench.mtu = 1400;
  bench.on(B, 'moved').run();
  bench.on(A, 'moved').run();
  assert.deepEqual(bench.on(B, 'moved').run(minutes(59)), []);
  assert.equal(bench.run(minutes(2))[0], 1500);
});

test('F-4: a path that is left at once, an SA that ends, and one that cannot tell: nothing is asked, and nothing known', () => {
  const bench = new Bench().on(A);
  bench.sizes.onIke({ type: 'path.moving', chain: 1, connection: 'hq', from: A, to: B, reasons: ['test'], took: seconds(0) });
  assert.equal(bench.sizes.deadline, undefined);
  bench.on(B).sizes.onIke({ type: 'ike.closed', chain: 1, connection: 'hq', reason: 'requested', detail: '' });
  assert.deepEqual(bench.run(), []);
  bench.silent = 'unknown';
  assert.deepEqual(bench.on(A).run(), [1500]);
  assert.deepEqual([bench.run(minutes(120)), bench.found], [[], []]);
  bench.silent = undefined;
  assert.deepEqual(bench.on(A, 'moved').run(), [1500]);
});

test('F-4: answers about another size, path or chain are nobody\'s', () => {
  const bench = new Bench().on(A);
  bench.turn.now = instant(1000);
  bench.sizes.tick();
  for (const [chain, way, size] of [[2, A, 1500], [1, B, 1500], [1, A, 1400]] as const) bench.sizes.onIke({ type: 'path.sized', chain, connection: 'hq', path: way, size, carried: true });
  assert.deepEqual(bench.found, []);
});

test('F-4: `mtu_probe off` asks nothing', () => {
  const bench = new Bench().on(A);
  bench.turn.config = { ...bench.turn.config, connections: [{ name: 'hq', mtuProbe: 'off' } as (typeof bench.turn.config.connections)[number]] };
  assert.deepEqual(bench.run(minutes(1)), []);
});
