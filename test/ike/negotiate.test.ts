// Offer, choice and check of the choice, without messages: random policies, every order, every change of an answer (RFC 7296 §2.7, §3.3).
import { test } from 'node:test';
import assert from 'node:assert/strict';
import type { Proposal, Transform } from '../../src/codec/ike/index.ts';
import type { IkeSuite } from '../../src/ike/index.ts';
import { buildChosen, buildProposals, checkAnswer, choose, type ChooseRules } from '../../src/ike/negotiate.ts';

const IKE: ChooseRules = { protocol: 1, spiSize: 0, groups: 'mandatory' };
const ESP: ChooseRules = { protocol: 3, spiSize: 4, groups: 'optional' };
const AUTH: ChooseRules = { protocol: 3, spiSize: 4, groups: 'forbidden' };
const spiOf = (rules: ChooseRules): Uint8Array => new Uint8Array(rules.spiSize).fill(9);

function numbers(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}
type Draw = ReturnType<typeof numbers>;
/** Some of the list, in any order, at least `least`. */
function some<T>(draw: Draw, all: readonly T[], least = 1): T[] {
  const left = [...all];
  const out: T[] = [];
  const count = least + draw(all.length - least + 1);
  while (out.length < count) out.push(...left.splice(draw(left.length), 1));
  return out;
}
const AEADS = [{ id: 20, keyLength: 256 }, { id: 20, keyLength: 128 }, { id: 28, keyLength: undefined }] as const;
const CBCS = [{ id: 12, keyLength: 256 }, { id: 12, keyLength: 128 }] as const;
function suite(draw: Draw, rules: ChooseRules): IkeSuite {
  const aead = draw(3) > 0;
  return {
    text: '', encr: aead ? some(draw, AEADS) : some(draw, CBCS), prf: rules.protocol === 1 ? some(draw, [5, 6, 7]) : [], integ: aead ? [] : some(draw, [12, 13, 14]),
    groups: some(draw, [31, 19, 20, 14], rules.groups === 'mandatory' ? 1 : 0), esn: rules.protocol === 3 ? some(draw, [1, 0]) : [],
  };
}
const shuffled = (draw: Draw, p: Proposal): Proposal => ({ ...p, transforms: some(draw, p.transforms, p.transforms.length) });

/** Whether a suite and an offered suite have something of each kind in common. */
function common(ours: IkeSuite, theirs: IkeSuite, rules: ChooseRules): boolean {
  const share = (a: readonly number[], b: readonly number[]): boolean => (a.length === 0 && b.length === 0) || a.some((id) => b.includes(id));
  return ours.encr.some((e) => theirs.encr.some((t) => t.id === e.id && t.keyLength === e.keyLength)) && share(ours.prf, theirs.prf) && share(ours.integ, theirs.integ)
    && share(ours.esn, theirs.esn) && (rules.groups === 'forbidden' || share(ours.groups, theirs.groups));
}

for (const [what, rules] of [['IKE', IKE], ['ESP', ESP], ['ESP in IKE_AUTH', AUTH]] as const) {
  test(`I2.7-1 I3.3.6-2: ${what}: of 3,000 random policies: chosen when there is something in common; one transform of each type, all offered; the other side agrees`, () => {
    const draw = numbers(rules.protocol * 10 + rules.groups.length);
    let agreed = 0;
    for (let i = 0; i < 3_000; i++) {
      const ours = Array.from({ length: 1 + draw(3) }, () => suite(draw, rules));
      const theirs = Array.from({ length: 1 + draw(3) }, () => suite(draw, rules));
      const offer = buildProposals(theirs, rules.protocol, spiOf(rules), rules.groups !== 'forbidden');
      const chosen = choose(ours, offer, rules);
      assert.equal(chosen !== undefined, ours.some((o) => theirs.some((t) => common(o, t, rules))));
      if (!chosen) continue;
      agreed++;
      const answer = buildChosen(chosen, rules.protocol, spiOf(rules));
      const of = offer.find((p) => p.number === chosen.number);
      assert.deepEqual([answer.number, answer.protocol], [of?.number, rules.protocol]);
      assert.equal(new Set(answer.transforms.map((t) => t.type)).size, answer.transforms.length, 'one of each type');
      for (const t of answer.transforms) assert.ok(of?.transforms.some((o) => o.type === t.type && o.id === t.id && o.keyLength === t.keyLength), 'attributes unmodified');
      assert.deepEqual(checkAnswer(theirs, [answer], rules), chosen);
      assert.deepEqual(choose(ours, offer.map((p) => shuffled(draw, p)), rules), chosen, 'the order inside a proposal is no matter');
    }
    assert.ok(agreed > 300 && agreed < 2_900, `${agreed} agreed`);
  });
}

test('I2.7-1 I3.3-1: what we prefer decides, among proposals and inside one; the number of the peer\'s proposal comes back', () => {
  const ours: IkeSuite[] = [
    { text: '', encr: [{ id: 20, keyLength: 256 }, { id: 20, keyLength: 128 }], prf: [7, 5], integ: [], groups: [31, 14], esn: [] },
    { text: '', encr: [{ id: 12, keyLength: 256 }], prf: [5], integ: [14, 12], groups: [31, 14], esn: [] },
  ];
  const offer = buildProposals([
    { text: '', encr: [{ id: 12, keyLength: 256 }], prf: [5], integ: [12, 14], groups: [14, 31], esn: [] },
    { text: '', encr: [{ id: 20, keyLength: 128 }], prf: [5, 7], integ: [], groups: [14], esn: [] },
  ], 1, new Uint8Array(), true);
  const pick = (offered: readonly Proposal[]): unknown[] => {
    const c = choose(ours, offered, IKE);
    return c ? [c.number, c.encr.id, c.prf, c.integ, c.group] : [];
  };
  assert.deepEqual(pick(offer), [2, 20, 7, 0, 14]);
  assert.deepEqual(pick([...offer].reverse()), [2, 20, 7, 0, 14]);
  assert.deepEqual(pick(offer.slice(0, 1)), [1, 12, 5, 14, 31]);
  assert.deepEqual(pick(offer.map((p) => ({ ...p, number: p.number + 40 }))), [42, 20, 7, 0, 14]);
});

// ---- the answer ------------------------------------------------------------------------------------------------------

const BASE: IkeSuite = { text: '', encr: [{ id: 12, keyLength: 256 }], prf: [5], integ: [12], groups: [31, 19], esn: [] };
const ESP_BASE: IkeSuite = { text: '', encr: [{ id: 12, keyLength: 256 }], prf: [], integ: [12], groups: [31], esn: [1, 0] };
const aes: Transform = { type: 1, id: 12, keyLength: 256 };
const t = (type: number, id: number): Transform => ({ type, id });
const ikeAnswer = [aes, t(2, 5), t(3, 12), t(4, 31)];
const espAnswer = [aes, t(3, 12), t(4, 31), t(5, 1)];
const answerOf = (rules: ChooseRules, transforms: Transform[], change: Partial<Proposal> = {}): Proposal => ({ number: 1, protocol: rules.protocol, spi: spiOf(rules), transforms, ...change });

for (const [what, rules, base, good] of [['IKE', IKE, BASE, ikeAnswer], ['ESP', ESP, ESP_BASE, espAnswer]] as const) {
  test(`I3.3.6-2 I3.3.5-1: ${what}: the answer offered is taken; with any transform changed, added, doubled or left out, or another number, protocol or SPI, it is not`, () => {
    assert.ok(checkAnswer([base], [answerOf(rules, good)], rules));
    for (let i = 0; i < good.length; i++) {
      const one = good[i] as Transform;
      for (const changed of [{ ...one, id: one.id + 100 }, { ...one, keyLength: 192 }, { ...one, keyLength: 128 }, { ...one, type: 6 }, { ...one, unknownAttribute: true }]) {
        const transforms = good.map((g, at) => (at === i ? changed : g));
        assert.equal(checkAnswer([base], [answerOf(rules, transforms)], rules), undefined, JSON.stringify(changed));
      }
      assert.equal(checkAnswer([base], [answerOf(rules, good.filter((_, at) => at !== i))], rules), undefined, `without type ${one.type}`);
      assert.equal(checkAnswer([base], [answerOf(rules, [...good, one])], rules), undefined, `type ${one.type} twice`);
    }
    for (const extra of [t(6, 35), t(13, 1), rules.protocol === 1 ? t(5, 1) : t(2, 5)])
      assert.equal(checkAnswer([base], [answerOf(rules, [...good, extra])], rules), undefined, `extra ${extra.type}`);
    for (const change of [{ number: 0 }, { number: 2 }, { number: 255 }, { protocol: 4 - rules.protocol }, { protocol: 2 }, { spi: new Uint8Array(rules.spiSize + 4).fill(1) }])
      assert.equal(checkAnswer([base], [answerOf(rules, good, change)], rules), undefined, JSON.stringify(change));
    assert.equal(checkAnswer([base], [], rules), undefined);
    assert.equal(checkAnswer([base], [answerOf(rules, good), answerOf(rules, good)], rules), undefined);
  });
}

test('I3.3-1 I1.2-5: NONE where nothing is needed is taken in offers and answers: INTEG beside AEAD, KE in IKE_AUTH', () => {
  const gcm: IkeSuite = { text: '', encr: [{ id: 20, keyLength: 256 }], prf: [], integ: [], groups: [], esn: [1] };
  const transforms = [{ type: 1, id: 20, keyLength: 256 }, t(3, 0), t(4, 0), t(5, 1)];
  for (const rules of [ESP, AUTH]) {
    assert.ok(choose([gcm], [answerOf(rules, transforms)], rules));
    assert.ok(checkAnswer([gcm], [answerOf(rules, transforms)], rules));
  }
  assert.equal(choose([gcm], [answerOf(ESP, [{ type: 1, id: 20, keyLength: 256 }, t(3, 12), t(5, 1)])], ESP), undefined, 'AEAD with an INTEG');
  const odd = { ...t(3, 12), unknownAttribute: true };
  assert.equal(checkAnswer([gcm], [answerOf(ESP, [{ type: 1, id: 20, keyLength: 256 }, odd, t(5, 1)])], ESP), undefined, 'an answer has nothing in it that we do not know');
});

test('I3.3.6-1: an unknown transform or attribute loses that transform alone, an unknown type its proposal, the others go on', () => {
  const gcm: IkeSuite = { text: '', encr: [{ id: 20, keyLength: 256 }, { id: 20, keyLength: 128 }], prf: [5], integ: [], groups: [31], esn: [] };
  const rest = [t(2, 5), t(4, 31)];
  const c = (...proposals: Transform[][]): unknown => choose([gcm], proposals.map((transforms, i) => answerOf(IKE, transforms, { number: i + 1 })), IKE);
  const g = (keyLength: number, more = {}): Transform => ({ type: 1, id: 20, keyLength, ...more });
  assert.deepEqual((c([g(256, { unknownAttribute: true }), g(128), t(1, 999), ...rest]) as { encr: unknown } | undefined)?.encr, { id: 20, keyLength: 128 });
  assert.equal(c([g(256, { unknownAttribute: true }), ...rest]), undefined);
  for (const type of [0, 6, 7, 12, 13, 200, 255]) {
    assert.equal(c([g(256), ...rest, t(type, 35)]), undefined, `type ${type}`);
    assert.equal((c([g(256), ...rest, t(type, 35)], [g(256), ...rest]) as { number: number } | undefined)?.number, 2);
  }
});

test('I3.3.5-1 AE7-1: AES without Key Length, with one we do not have, and ChaCha20 with one: none is chosen', () => {
  const all: IkeSuite = { text: '', encr: [...AEADS, ...CBCS], prf: [5], integ: [12], groups: [31], esn: [] };
  const c = (...encr: Transform[]): unknown => choose([all], [answerOf(IKE, [...encr, t(2, 5), t(3, 12), t(3, 0), t(4, 31)])], IKE);
  for (const wrong of [t(1, 20), t(1, 12), { type: 1, id: 20, keyLength: 192 }, { type: 1, id: 12, keyLength: 0 }, { type: 1, id: 28, keyLength: 256 }])
    assert.equal(c(wrong), undefined, JSON.stringify(wrong));
  for (const right of [{ type: 1, id: 20, keyLength: 128 }, { type: 1, id: 12, keyLength: 256 }, t(1, 28)]) assert.ok(c(right), JSON.stringify(right));
});

test('NK-5 I2.6-5 I3.3-1: SPIs: none in IKE_SA_INIT, eight octets that are not all zero in a rekeying, four above 255 for ESP', () => {
  const gcm: IkeSuite = { text: '', encr: [{ id: 20, keyLength: 256 }], prf: [5], integ: [], groups: [31], esn: [] };
  const rekey: ChooseRules = { ...IKE, spiSize: 8 };
  const offer = (spi: Uint8Array): Proposal => answerOf(IKE, [{ type: 1, id: 20, keyLength: 256 }, t(2, 5), t(4, 31)], { spi });
  assert.ok(choose([gcm], [offer(new Uint8Array())], IKE));
  assert.equal(choose([gcm], [offer(new Uint8Array(8).fill(1))], IKE), undefined);
  assert.equal(choose([gcm], [offer(new Uint8Array(8))], rekey), undefined);
  assert.equal(choose([gcm], [offer(new Uint8Array())], rekey), undefined);
  assert.ok(choose([gcm], [offer(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1))], rekey));
  const esp: IkeSuite = { ...gcm, prf: [], groups: [], esn: [0] };
  const child = (...spi: number[]): unknown => choose([esp], [answerOf(ESP, [{ type: 1, id: 20, keyLength: 256 }, t(5, 0)], { spi: Uint8Array.from(spi) })], ESP);
  assert.deepEqual([child(0, 0, 0, 255), child(0, 0, 1, 0) !== undefined, child(0, 0, 0, 0)], [undefined, true, undefined]);
});

test('I3.3-1: a policy with both kinds of cipher: an AEAD goes without INTEG, CBC with one', () => {
  const both: IkeSuite = { text: '', encr: [{ id: 20, keyLength: 256 }, { id: 12, keyLength: 256 }], prf: [], integ: [12], groups: [], esn: [1] };
  const c = (...transforms: Transform[]): number | undefined => choose([both], [answerOf(ESP, [...transforms, t(5, 1)])], ESP)?.integ;
  const [gcm, cbc] = [{ type: 1, id: 20, keyLength: 256 }, { type: 1, id: 12, keyLength: 256 }];
  assert.deepEqual([c(gcm), c(gcm, t(3, 0)), c(cbc, t(3, 12))], [0, 0, 12]);
  assert.deepEqual([c(gcm, t(3, 12)), c(cbc), c(cbc, t(3, 0))], [undefined, undefined, undefined]);
});

test('I1.2-5: groups that a peer lists in IKE_AUTH, where no KE can follow, are passed over: it is answered without one', () => {
  const pfs: IkeSuite = { text: '', encr: [{ id: 20, keyLength: 256 }], prf: [], integ: [], groups: [31], esn: [1] };
  for (const groups of [[t(4, 31)], [t(4, 14)], [t(4, 14), t(4, 0)], []]) {
    const chosen = choose([pfs], [answerOf(AUTH, [{ type: 1, id: 20, keyLength: 256 }, ...groups, t(5, 1)])], AUTH);
    assert.equal(chosen?.group, 0);
    assert.deepEqual(buildChosen(chosen, 3, spiOf(AUTH)).transforms.filter((o) => o.type === 4), []);
  }
  assert.equal(choose([pfs], [answerOf(ESP, [{ type: 1, id: 20, keyLength: 256 }, t(4, 31), t(5, 1)])], ESP)?.group, 31, 'elsewhere the group counts');
});
