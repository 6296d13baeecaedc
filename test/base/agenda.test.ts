import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Agenda, instant, type Instant } from '../../src/base/index.ts';

interface Machine { readonly name: number; at: Instant | undefined }

test('an agenda knows the earliest deadline of many, whatever is changed, added and deleted in between', () => {
  let seed = 7;
  const random = (below: number): number => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) % below;
  const machines: Machine[] = [];
  const agenda = new Agenda<Machine>((machine) => machine.at);
  const earliest = (): number | undefined => machines.reduce<number | undefined>((best, m) => (m.at !== undefined && (best === undefined || m.at < best) ? m.at : best), undefined);
  for (let step = 0; step < 5_000; step++) {
    const choice = random(10);
    const some = machines[random(Math.max(1, machines.length))];
    if (choice < 3 || !some) {
      const made = { name: step, at: instant(random(1_000_000)) };
      machines.push(made);
      agenda.touch(made);
    } else if (choice < 8) {
      some.at = random(5) === 0 ? undefined : instant(random(1_000_000));
      agenda.touch(some);
    } else {
      machines.splice(machines.indexOf(some), 1);
      agenda.delete(some);
    }
    assert.equal(agenda.next(), earliest());
  }
  assert.ok(machines.length > 100);
});

test('what is due comes once, in order of time, and again only when its deadline is new', () => {
  const agenda = new Agenda<Machine>((machine) => machine.at);
  const [a, b, c]: Machine[] = [{ name: 1, at: instant(30) }, { name: 2, at: instant(10) }, { name: 3, at: instant(50) }] as [Machine, Machine, Machine];
  for (const machine of [a, b, c]) agenda.touch(machine as Machine);
  assert.deepEqual(agenda.due(instant(9)), []);
  assert.deepEqual(agenda.due(instant(30)).map((m) => m.name), [2, 1]);
  for (const machine of [a, b]) (machine as Machine).at = instant(60);
  assert.equal(agenda.next(), 50);
  assert.deepEqual(agenda.due(instant(60)).map((m) => m.name).sort(), [1, 2, 3]);
});

test('a machine that keeps changing does not make the agenda grow', () => {
  let asked = 0;
  const agenda = new Agenda<Machine>((machine) => {
    asked++;
    return machine.at;
  });
  const many = Array.from({ length: 1_000 }, (_, name): Machine => ({ name, at: instant(1_000_000 + name) }));
  for (const machine of many) agenda.touch(machine);
  assert.equal(agenda.next(), 1_000_000);
  asked = 0;
  const [busy] = many as [Machine];
  for (let i = 0; i < 10_000; i++) {
    busy.at = instant(i);
    agenda.touch(busy);
    assert.equal(agenda.next(), i);
  }
  assert.equal(asked, 10_000, 'nobody else is asked');
});
