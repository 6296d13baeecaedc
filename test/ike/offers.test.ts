// Every algorithm of the table by name and number: what is offered, what is chosen, and what a Key Length does (RFC 7296 §2.7, §3.3).
import { test } from 'node:test';
import assert from 'node:assert/strict';
import type { Proposal, Transform } from '../../src/codec/ike/index.ts';
import { buildChosen, buildProposals, checkAnswer, choose, keyOctets, suiteText, type Chosen, type ChooseRules } from '../../src/ike/negotiate.ts';
import type { IkeSuite } from '../../src/ike/index.ts';

const IKE: ChooseRules = { protocol: 1, spiSize: 0, groups: 'mandatory' };
const ESP: ChooseRules = { protocol: 3, spiSize: 4, groups: 'optional' };
const NO_SPI = new Uint8Array();
const SPI = Uint8Array.of(0, 0, 1, 0);

const aes = (id: number, ...bits: number[]): IkeSuite['encr'] => bits.map((keyLength) => ({ id, keyLength }));
const CHACHA: IkeSuite['encr'] = [{ id: 28, keyLength: undefined }];
const ike = (change: Partial<IkeSuite>): IkeSuite => ({ text: '', encr: aes(20, 256, 128), prf: [5, 6, 7], integ: [], groups: [31, 19, 20, 21, 15, 14], esn: [], ...change });
const esp = (change: Partial<IkeSuite>): IkeSuite => ({ text: '', encr: aes(20, 256, 128), prf: [], integ: [], groups: [], esn: [1, 0], ...change });
/** Section 5: what is offered by default. */
const GCM = ike({});
const CBC = ike({ encr: aes(12, 256, 128), integ: [12, 14] });
const ESP_GCM = esp({});
const ESP_CBC = esp({ encr: aes(12, 256, 128), integ: [12, 14] });

/** A transform as written in the tables here: `type.id` or `type.id.keyLength`. */
const transform = (text: string): Transform => {
  const [type = 0, id = 0, keyLength] = text.split('.').map(Number);
  return keyLength === undefined ? { type, id } : { type, id, keyLength };
};
const proposal = (number: number, protocol: number, ...texts: string[]): Proposal => ({ number, protocol, spi: protocol === 1 ? NO_SPI : SPI, transforms: texts.map(transform) });
const ikeText = (suites: readonly IkeSuite[], ...offer: Proposal[]): string | undefined => {
  const chosen = choose(suites, offer, IKE);
  return chosen && suiteText(chosen, 1);
};
const espText = (suites: readonly IkeSuite[], ...offer: Proposal[]): string | undefined => {
  const chosen = choose(suites, offer, ESP);
  return chosen && suiteText(chosen, 3);
};

test('I3.3-1: proposals are numbered 1, 2, ...; AEAD has no INTEG; ciphers in our order with their Key Length', () => {
  const offer = buildProposals([GCM, CBC, ike({ encr: CHACHA, prf: [5], groups: [31] })], 1, NO_SPI, true);
  assert.deepEqual(offer.map((p) => [p.number, p.protocol]), [[1, 1], [2, 1], [3, 1]]);
  const texts = offer.map((p) => p.transforms.map((t) => [t.type, t.id, ...(t.keyLength === undefined ? [] : [t.keyLength])].join('.')));
  assert.deepEqual(texts, [
    ['1.20.256', '1.20.128', '2.5', '2.6', '2.7', '4.31', '4.19', '4.20', '4.21', '4.15', '4.14'],
    ['1.12.256', '1.12.128', '2.5', '2.6', '2.7', '3.12', '3.14', '4.31', '4.19', '4.20', '4.21', '4.15', '4.14'],
    ['1.28', '2.5', '4.31'],
  ]);
});

test('I2.7-1 ALG-2: every algorithm of the table is chosen when the peer offers it alone', () => {
  const all = [GCM, CBC, ike({ encr: CHACHA }), ike({ encr: aes(12, 256), integ: [13] }), ike({ prf: [2] }), ike({ groups: [16] })];
  for (const [offer, expected] of [
    [['1.20.256', '2.5', '4.31'], 'aes256gcm16-prfsha256-x25519'], [['1.20.128', '2.6', '4.19'], 'aes128gcm16-prfsha384-ecp256'], [['1.20.256', '2.7', '4.20'], 'aes256gcm16-prfsha512-ecp384'],
    [['1.12.256', '2.5', '3.12', '4.14'], 'aes256-sha256-prfsha256-modp2048'], [['1.12.128', '2.7', '3.14', '4.21'], 'aes128-sha512-prfsha512-ecp521'],
    [['1.12.256', '2.6', '3.13', '4.15'], 'aes256-sha384-prfsha384-modp3072'], [['1.28', '2.5', '4.31'], 'chacha20poly1305-prfsha256-x25519'],
    [['1.20.256', '2.2', '4.31'], 'aes256gcm16-prfsha1-x25519'], [['1.20.256', '2.5', '4.16'], 'aes256gcm16-prfsha256-modp4096'],
  ] as const) assert.equal(ikeText(all, proposal(1, 1, ...offer)), expected);
  assert.equal(ikeText([GCM, CBC], proposal(1, 1, '1.20.256', '2.2', '4.31')), undefined, 'SHA-1 is taken only where it is configured');
  for (const [offer, expected] of [
    [['1.20.128', '5.0'], 'aes128gcm16-noesn'], [['1.12.256', '3.12', '5.1'], 'aes256-sha256-esn'], [['1.12.128', '3.14', '5.0', '5.1'], 'aes128-sha512-esn'],
  ] as const) assert.equal(espText([ESP_GCM, ESP_CBC], proposal(1, 3, ...offer)), expected);
});

test('I2.7-1: our order decides, whatever the order of the offer; number and protocol are those of the proposal', () => {
  const gcm = ['4.14', '4.19', '4.31', '2.7', '2.5', '1.20.128', '1.20.256'];
  const cbc = ['3.14', '3.12', '2.5', '4.31', '1.12.128', '1.12.256'];
  for (let turn = 0; turn < gcm.length; turn++) {
    const turned = [...gcm.slice(turn), ...gcm.slice(0, turn)];
    assert.equal(ikeText([GCM, CBC], proposal(1, 1, ...cbc), proposal(2, 1, ...turned)), 'aes256gcm16-prfsha256-x25519');
    assert.equal(ikeText([CBC, GCM], proposal(1, 1, ...turned), proposal(2, 1, ...cbc)), 'aes256-sha256-prfsha256-x25519');
  }
  const chosen = choose([GCM, CBC], [proposal(7, 1, '1.1', '2.5', '4.31'), proposal(9, 1, ...cbc)], IKE);
  assert.ok(chosen);
  assert.deepEqual(buildChosen(chosen, 1, NO_SPI), { number: 9, protocol: 1, spi: NO_SPI, transforms: ['1.12.256', '2.5', '3.12', '4.31'].map(transform) });
});

test('I3.3.5-1, AE7-1: AES without Key Length or with another is refused, and so is a Key Length where none belongs', () => {
  const all = [GCM, CBC, ike({ encr: CHACHA })];
  for (const [offer, expected] of [
    [['1.20', '2.5', '4.31'], undefined], [['1.20.192', '2.5', '4.31'], undefined], [['1.12', '2.5', '3.12', '4.31'], undefined], [['1.12.192', '2.5', '3.12', '4.31'], undefined],
    [['1.28.256', '2.5', '4.31'], undefined], [['1.20.256', '2.5.256', '4.31'], undefined], [['1.20.256', '2.5', '4.31.256'], undefined], [['1.12.256', '2.5', '3.12.256', '4.31'], undefined],
    [['1.28.256', '1.28', '2.5', '4.31'], 'chacha20poly1305-prfsha256-x25519'], [['1.12', '1.12.128', '2.5', '3.12.128', '3.14', '4.31'], 'aes128-sha512-prfsha256-x25519'],
  ] as const) assert.equal(ikeText(all, proposal(1, 1, ...offer)), expected, offer.join());
  assert.equal(espText([ESP_GCM], proposal(1, 3, '1.20.256', '5.0.1')), undefined);
});

test('I3.3-1, I3.3.6-1: INTEG is mandatory beside CBC, and may only be NONE beside an AEAD', () => {
  for (const [offer, expected] of [
    [['1.12.256', '2.5', '4.31'], undefined], [['1.12.256', '2.5', '3.0', '4.31'], undefined], [['1.12.256', '2.5', '3.0', '3.12', '4.31'], 'aes256-sha256-prfsha256-x25519'],
    [['1.12.256', '2.5', '3.1', '3.2', '3.13', '4.31'], undefined], [['1.20.256', '2.5', '3.12', '4.31'], undefined], [['1.20.256', '2.5', '3.0', '4.31'], 'aes256gcm16-prfsha256-x25519'],
  ] as const) assert.equal(ikeText([GCM, CBC], proposal(1, 1, ...offer)), expected, offer.join());
  for (const [offer, expected] of [[['1.12.256', '5.0'], undefined], [['1.12.256', '3.12'], undefined], [['1.12.256', '3.12', '5.0'], 'aes256-sha256-noesn']] as const)
    assert.equal(espText([ESP_GCM, ESP_CBC], proposal(1, 3, ...offer)), expected, offer.join());
});

for (const type of [6, 7, 8, 9, 10, 11, 12, 13, 241, 0]) {
  test(`I3.3.6-1: a transform of type ${type} makes its proposal unacceptable, and no other`, () => {
    const plain = ['1.20.256', '2.5', '4.31'];
    for (const id of [0, 35, 36, 37]) {
      const additional = proposal(1, 1, ...plain, `${type}.${id}`);
      assert.equal(choose([GCM], [additional], IKE), undefined);
      assert.equal(choose([GCM], [additional, proposal(2, 1, ...plain)], IKE)?.number, 2);
      assert.equal(checkAnswer([GCM], [additional], IKE), undefined);
    }
  });
}

test('I3.3.6-1: an unknown transform or attribute makes only that transform unacceptable', () => {
  const offer: Proposal = {
    number: 1, protocol: 1, spi: NO_SPI,
    transforms: [
      { type: 1, id: 20, keyLength: 256, unknownAttribute: true }, { type: 1, id: 20, keyLength: 128 }, { type: 1, id: 1033 }, { type: 2, id: 5, unknownAttribute: true }, { type: 2, id: 9 },
      { type: 2, id: 7 }, { type: 4, id: 31, unknownAttribute: true }, { type: 4, id: 1 }, { type: 4, id: 14 },
    ],
  };
  assert.equal(ikeText([GCM], offer), 'aes128gcm16-prfsha512-modp2048');
});

test('I1.2-5, I2.18-1: NONE as group: never for an IKE SA; for a child where we want none', () => {
  assert.equal(ikeText([GCM], proposal(1, 1, '1.20.256', '2.5', '4.0')), undefined);
  assert.equal(ikeText([ike({ groups: [] })], proposal(1, 1, '1.20.256', '2.5', '4.0')), undefined);
  assert.equal(espText([ESP_GCM], proposal(1, 3, '1.20.256', '4.0', '5.1')), 'aes256gcm16-esn');
  assert.equal(espText([esp({ groups: [14] })], proposal(1, 3, '1.20.256', '5.1')), undefined, 'PFS is insisted on');
  assert.equal(espText([esp({ groups: [14, 20] })], proposal(1, 3, '1.20.256', '4.20', '4.0', '5.1')), 'aes256gcm16-ecp384-esn');
});

test('I3.3.6-2: an answer belongs to the proposal whose number it has', () => {
  const check = (...answer: Proposal[]): string | undefined => {
    const chosen = checkAnswer([GCM, CBC], answer, IKE);
    return chosen && suiteText(chosen, 1);
  };
  assert.equal(check(proposal(2, 1, '1.12.128', '2.6', '3.14', '4.15')), 'aes128-sha512-prfsha384-modp3072');
  assert.equal(check(proposal(1, 1, '1.20.128', '2.6', '4.15')), 'aes128gcm16-prfsha384-modp3072');
  for (const number of [0, 1, 3]) assert.equal(check(proposal(number, 1, '1.12.128', '2.6', '3.14', '4.15')), undefined);
  for (const number of [0, 2, 3]) assert.equal(check(proposal(number, 1, '1.20.128', '2.6', '4.15')), undefined);
});

test('I2.14-1, I2.17-1: octets of key material per algorithm', () => {
  const of = (id: number, keyLength: number | undefined, integ: number): Chosen => ({ number: 1, spi: NO_SPI, encr: { id, keyLength }, prf: 5, integ, group: 31, esn: 0 });
  assert.deepEqual([keyOctets(of(20, 256, 0)), keyOctets(of(20, 128, 0)), keyOctets(of(28, undefined, 0))], [{ encr: 36, integ: 0 }, { encr: 20, integ: 0 }, { encr: 36, integ: 0 }]);
  assert.deepEqual([12, 13, 14].map((integ) => keyOctets(of(12, 256, integ))), [{ encr: 32, integ: 32 }, { encr: 32, integ: 48 }, { encr: 32, integ: 64 }]);
  assert.deepEqual(keyOctets(of(12, 128, 12)), { encr: 16, integ: 32 });
});
