import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ip, ipBytes } from '../../src/base/index.ts';
import { SelectorIndex, selectorRow } from '../../src/esp/index.ts';
import type { SelectorRow } from '../../src/esp/index.ts';
import { random, ts } from './fixtures.ts';

const row = (prefix: string): SelectorRow => selectorRow(ts(prefix));
const range = (start: string, end: string): SelectorRow => selectorRow({ protocol: 0, startPort: 0, endPort: 65535, start: ip(start), end: ip(end) });
const all = (): boolean => true;

test('a packet to one of 5,000 routers looks at one of them', () => {
  const index = new SelectorIndex<number>();
  for (let i = 0; i < 5000; i++) index.add(i, i, [row(`10.${i >> 8}.${i & 255}.0/24`), row(`fd00:${i.toString(16)}::/32`)]);
  let looked = 0;
  const count = (): boolean => ++looked > 0;
  assert.equal(index.find(ipBytes(ip('10.19.7.200')), count), 19 * 256 + 7);
  assert.equal(index.find(ipBytes(ip('fd00:ff::9')), count), 255);
  assert.equal(index.find(ipBytes(ip('10.200.0.1')), count), undefined);
  assert.equal(looked, 2);
});

test('the item of lowest order wins over all prefix lengths, not the longest prefix; refused ones are passed over', () => {
  const index = new SelectorIndex<string>();
  index.add('narrow', 3, [row('10.1.2.0/24')]);
  index.add('wide', 1, [row('0.0.0.0/0')]);
  index.add('middle', 2, [row('10.0.0.0/8'), row('10.0.0.0/8')]);
  const to = ipBytes(ip('10.1.2.3'));
  assert.equal(index.find(to, all), 'wide');
  assert.equal(index.find(to, (item) => item !== 'wide'), 'middle');
  index.remove('wide', [row('0.0.0.0/0')]);
  index.remove('middle', [row('10.0.0.0/8'), row('10.0.0.0/8')]);
  assert.equal(index.find(to, all), 'narrow');
  index.remove('narrow', [row('10.1.2.0/24')]);
  index.remove('narrow', [row('10.1.2.0/24')]);
  assert.equal(index.find(to, all), undefined);
});

test('random ranges and prefixes of both families, added and removed: the same answers as asking everybody in turn', () => {
  const draw = random(4);
  const index = new SelectorIndex<number>();
  const held = new Map<number, SelectorRow[]>();
  const address = (six: boolean): string =>
    six ? `fd00:${draw(3)}::${draw(4).toString(16)}:${draw(65536).toString(16)}` : `10.${draw(3)}.${draw(4)}.${draw(256)}`;
  const less = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) <= 0;
  let found = 0;
  for (let step = 0; step < 4000; step++) {
    const item = draw(60);
    const old = held.get(item);
    if (old !== undefined && draw(3) === 0) {
      index.remove(item, old);
      held.delete(item);
    } else if (old === undefined) {
      const rows = Array.from({ length: draw(3) + 1 }, () => {
        const six = draw(2) === 0;
        const [a, b] = [address(six), address(six)];
        if (draw(2) === 0) return less(ipBytes(ip(a)), ipBytes(ip(b))) ? range(a, b) : range(b, a);
        return six ? row(['fd00::/16', 'fd00:1::/32', '::/0'][draw(3)] ?? '') : row(`10.${draw(3)}.0.0/16`);
      });
      index.add(item, item, rows);
      held.set(item, rows);
    }
    const to = ipBytes(ip(address(draw(2) === 0)));
    const matches = (rows: readonly SelectorRow[] = []): boolean => rows.some((one) => one.start.length === to.length && less(one.start, to) && less(to, one.end));
    const expected = [...held.keys()].sort((a, b) => a - b).find((one) => matches(held.get(one)));
    assert.equal(index.find(to, (one) => matches(held.get(one))), expected);
    if (expected !== undefined) found++;
  }
  assert.ok(found > 2000, `${found} answers`);
});
