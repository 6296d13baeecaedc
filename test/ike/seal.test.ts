import assert from 'node:assert/strict';
import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';
import { test } from 'node:test';
import { nodeCrypto } from '../../src/adapters/node/crypto.ts';
import { concat, fromHex } from '../../src/base/index.ts';
import { decodeChain, encodeHeader, encodePayloads, EXCHANGE, findPayload, HEADER_OCTETS, notify, type IkeSpi, type Payload, type PayloadOf } from '../../src/codec/ike/index.ts';
import { SkProtection, type DirectionKeys, type SealHeader } from '../../src/ike/seal.ts';
import { keyOctets, type Chosen } from '../../src/ike/negotiate.ts';
import { seededEntropy } from './pair.ts';

const suite = nodeCrypto();
const HEADER: SealHeader = {
  spiI: 0x0102030405060708n as IkeSpi, spiR: 0x1112131415161718n as IkeSpi, majorVersion: 2, minorVersion: 0, exchange: EXCHANGE.INFORMATIONAL,
  fromOriginalInitiator: true, isResponse: false, messageId: 7,
};
const octets = (count: number, seed: number): Uint8Array => Uint8Array.from({ length: count }, (_, i) => (i * 31 + seed) & 255);

const chosen = (id: number, keyLength: number | undefined, integ = 0): Chosen => ({ number: 1, spi: new Uint8Array(), encr: { id, keyLength }, prf: 5, integ, group: 31, esn: 0 });
const KINDS: readonly { readonly name: string; readonly chosen: Chosen; readonly iv: number; readonly icv: number; readonly hash: string }[] = [
  { name: 'aes256gcm16', chosen: chosen(20, 256), iv: 8, icv: 16, hash: '' },
  { name: 'aes128gcm16', chosen: chosen(20, 128), iv: 8, icv: 16, hash: '' },
  { name: 'chacha20poly1305', chosen: chosen(28, undefined), iv: 8, icv: 16, hash: '' },
  { name: 'aes256-sha256', chosen: chosen(12, 256, 12), iv: 16, icv: 16, hash: 'sha256' },
  { name: 'aes128-sha256', chosen: chosen(12, 128, 12), iv: 16, icv: 16, hash: 'sha256' },
  { name: 'aes256-sha384', chosen: chosen(12, 256, 13), iv: 16, icv: 24, hash: 'sha384' },
  { name: 'aes256-sha512', chosen: chosen(12, 256, 14), iv: 16, icv: 32, hash: 'sha512' },
];
const CBC = KINDS.filter((kind) => kind.hash !== '');

interface Ends {
  readonly a: SkProtection;
  readonly b: SkProtection;
  readonly aKeys: DirectionKeys;
}

function ends(of: Chosen): Ends {
  const { encr, integ } = keyOctets(of);
  const [aKeys, bKeys] = [{ encr: octets(encr, 1), integ: octets(integ, 2) }, { encr: octets(encr, 3), integ: octets(integ, 4) }];
  const deps = (side: string): ConstructorParameters<typeof SkProtection>[0] => ({ suite, entropy: seededEntropy(side) });
  return { a: new SkProtection(deps('a'), of, aKeys, bKeys), b: new SkProtection(deps('b'), of, bKeys, aKeys), aKeys };
}

/** The encrypted payload of a message. */
function outer<T extends 'SK' | 'SKF'>(message: Uint8Array, type: T): PayloadOf<T> {
  const chain = decodeChain(message[16] ?? 0, message, HEADER_OCTETS, message.length);
  assert.equal(chain.kind, 'payloads');
  const found = chain.kind === 'payloads' ? findPayload(chain.payloads, type) : undefined;
  assert.ok(found);
  return found;
}
const open = (by: SkProtection, message: Uint8Array): ReturnType<SkProtection['open']> => by.open(message, outer(message, 'SK'));
const PAYLOADS: readonly Payload[] = [{ type: 'NONCE', data: octets(32, 9) }, notify('COOKIE2', octets(16, 10))];

test('I3.14-1, AE3-1: what one side sealed the other opens, and neither opens its own', () => {
  for (const kind of KINDS) {
    const { a, b } = ends(kind.chosen);
    for (const payloads of [[], PAYLOADS]) {
      const message = a.seal(HEADER, payloads);
      assert.deepEqual(open(b, message), { kind: 'payloads', payloads }, kind.name);
      assert.equal(open(a, message), undefined, kind.name);
      assert.equal(message.length, a.sealedLength(encodePayloads(payloads).bytes.length), kind.name);
    }
  }
});

test('I3.14-2: any changed bit is a wrong ICV: nothing is known of the message', () => {
  for (const kind of KINDS) {
    const { a, b } = ends(kind.chosen);
    const message = a.seal(HEADER, PAYLOADS);
    const sk = outer(message, 'SK');
    for (let at = 0; at < message.length; at++) {
      const changed = message.slice();
      changed[at] = (changed[at] ?? 0) ^ (1 << (at & 7));
      assert.equal(b.open(changed, { ...sk, body: changed.subarray(sk.bodyOffset) }), undefined, `${kind.name} octet ${at}`);
    }
    for (let length = sk.bodyOffset; length < message.length; length++) {
      const cut = message.slice(0, length);
      assert.equal(b.open(cut, { ...sk, body: cut.subarray(sk.bodyOffset) }), undefined, `${kind.name} cut to ${length}`);
    }
  }
});

test('I3.14-1 KAT: CBC and HMAC, taken apart by a second computation: least padding, tag over SPIi to pad length', () => {
  for (const kind of CBC) {
    const { a, aKeys } = ends(kind.chosen);
    const cipher = `aes-${kind.chosen.encr.keyLength}-cbc`;
    for (let length = 0; length < 40; length++) {
      const payloads: Payload[] = [{ type: 'V', data: octets(length, 5) }];
      const message = a.seal(HEADER, payloads);
      const end = message.length - kind.icv;
      const tag = createHmac(kind.hash, aKeys.integ).update(message.subarray(0, end)).digest().subarray(0, kind.icv);
      assert.deepEqual(message.subarray(end), new Uint8Array(tag), `${kind.name} ${length}`);
      const decipher = createDecipheriv(cipher, aKeys.encr, message.subarray(32, 48)).setAutoPadding(false);
      const plain = Buffer.concat([decipher.update(message.subarray(48, end)), decipher.final()]);
      const padding = plain.at(-1) ?? 0;
      assert.ok(padding < 16, 'least padding');
      assert.deepEqual(new Uint8Array(plain.subarray(0, plain.length - 1 - padding)), encodePayloads(payloads).bytes);
    }
  }
});

/** A CBC message of side a made by hand, from padded plaintext. */
function byHand(kind: (typeof KINDS)[number], keys: DirectionKeys, plain: Uint8Array): Uint8Array {
  const iv = octets(16, 77);
  const whole = plain.length % 16 === 0;
  const cipher = createCipheriv(`aes-${kind.chosen.encr.keyLength}-cbc`, keys.encr, iv).setAutoPadding(false);
  const body = whole ? concat(iv, cipher.update(plain), cipher.final()) : concat(iv, plain);
  const length = 4 + body.length + kind.icv;
  const head = concat(encodeHeader({ ...HEADER, nextPayload: 46 }, 28 + length), Uint8Array.of(43, 0, length >> 8, length & 255), body);
  return concat(head, createHmac(kind.hash, keys.integ).update(head).digest().subarray(0, kind.icv));
}

test('I3.14-1: any padding up to 255 octets that aligns is accepted, whatever is in it', () => {
  const payloads: Payload[] = [{ type: 'V', data: octets(11, 5) }];
  const text = encodePayloads(payloads).bytes;
  for (const kind of CBC) {
    const { b, aKeys } = ends(kind.chosen);
    for (let padding = 0; padding < 256; padding++) {
      if ((text.length + padding + 1) % 16 !== 0) continue;
      const message = byHand(kind, aKeys, concat(text, octets(padding, padding), Uint8Array.of(padding)));
      assert.deepEqual(open(b, message), { kind: 'payloads', payloads }, `${kind.name} ${padding}`);
    }
  }
});

test('I3.14-1, I2.21.3-1: authentic with impossible padding, odd blocks or none: malformed, not a wrong ICV', () => {
  for (const kind of CBC) {
    const { b, aKeys } = ends(kind.chosen);
    for (const plain of [concat(new Uint8Array(15), Uint8Array.of(16)), concat(new Uint8Array(31), Uint8Array.of(255)), new Uint8Array(0), new Uint8Array(17)]) {
      const opened = open(b, byHand(kind, aKeys, plain));
      assert.equal(opened?.kind, 'malformed', `${kind.name} ${plain.length}`);
    }
  }
});

test('RFC 7634 appendix B KAT: the INFORMATIONAL message with SET_WINDOW_SIZE opens, as sealed by its authors', () => {
  const key = concat(Uint8Array.from({ length: 32 }, (_, i) => 0x80 + i), Uint8Array.of(0xa0, 0xa1, 0xa2, 0xa3));
  const none = { encr: new Uint8Array(36), integ: new Uint8Array(0) };
  const protection = new SkProtection({ suite, entropy: seededEntropy('7634') }, chosen(28, undefined), none, { encr: key, integ: new Uint8Array(0) });
  const message = fromHex(
    'c0c1c2c3c4c5c6c7d0d1d2d3d4d5d6d72e202500000000090000004529000029' + '1011121314151617610394701f8d017f7c129248896b71bfe25236efd7cdc67066906315b2',
  );
  assert.ok(message);
  assert.deepEqual(open(protection, message), { kind: 'payloads', payloads: [notify('SET_WINDOW_SIZE', Uint8Array.of(0, 0, 0, 10))] });
});

test('I3.14-1: the IV of every CBC message is drawn anew; AE3-1: that of an AEAD counts up and is shared by messages and fragments', () => {
  for (const kind of KINDS) {
    const { a } = ends(kind.chosen);
    const seen = new Set<string>();
    for (let i = 0; i < 10; i++) {
      const whole = a.seal(HEADER, []);
      const fragment = a.sealFragment(HEADER, { number: 1, total: 2, firstInner: 40 }, octets(20, 1));
      seen.add(whole.subarray(32, 32 + kind.iv).toString()).add(fragment.subarray(36, 36 + kind.iv).toString());
    }
    assert.equal(seen.size, 20, kind.name);
    if (kind.hash === '') assert.deepEqual(a.seal(HEADER, []).subarray(32, 40), Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 20));
  }
});

test('FR2.5-1: fragments carry pieces of the plaintext, each with its own IV and ICV, and go together again', () => {
  for (const kind of KINDS) {
    const { a, b } = ends(kind.chosen);
    const inner = encodePayloads([...PAYLOADS, { type: 'V', data: octets(900, 3) }]);
    const room = a.fragmentRoom(576);
    const total = Math.ceil(inner.bytes.length / room);
    assert.ok(total > 1);
    const pieces: Uint8Array[] = [];
    for (let number = 1; number <= total; number++) {
      const piece = inner.bytes.subarray((number - 1) * room, number * room);
      const message = a.sealFragment(HEADER, { number, total, firstInner: number === 1 ? inner.first : 0 }, piece);
      assert.ok(message.length <= 576);
      assert.equal(message[16], 53, 'the header names SKF');
      const opened = b.openFragment(message, outer(message, 'SKF'));
      assert.deepEqual(opened, { number, total, firstInner: number === 1 ? inner.first : 0, plaintext: piece }, kind.name);
      pieces.push(opened?.plaintext ?? new Uint8Array());
    }
    const joined = concat(...pieces);
    const chain = decodeChain(inner.first, joined, 0, joined.length);
    assert.equal(chain.kind === 'payloads' && chain.payloads.length, 3);
  }
});

test('FR2.5-1: number and total are authenticated with header and text', () => {
  for (const kind of KINDS) {
    const { a, b } = ends(kind.chosen);
    const message = a.sealFragment(HEADER, { number: 2, total: 3, firstInner: 0 }, octets(50, 1));
    const skf = outer(message, 'SKF');
    for (let at = 0; at < message.length; at++) {
      const changed = message.slice();
      changed[at] = (changed[at] ?? 0) ^ 0x10;
      assert.equal(b.openFragment(changed, { ...skf, body: changed.subarray(skf.bodyOffset) }), undefined, `${kind.name} octet ${at}`);
    }
    // With an AEAD the same octets are no SK: the head would end four octets earlier.
    if (kind.hash === '') assert.equal(b.open(message, { type: 'SK', firstInner: 0, body: message.subarray(32), bodyOffset: 32 }), undefined);
  }
});

test('FR2.5-1: fragmentRoom is the most that fits, and one octet more does not', () => {
  for (const kind of KINDS) {
    const { a } = ends(kind.chosen);
    for (let limit = 120; limit < 200; limit++) {
      const room = a.fragmentRoom(limit);
      const length = (text: number): number => a.sealFragment(HEADER, { number: 1, total: 1, firstInner: 0 }, octets(text, 0)).length;
      assert.ok(room >= 0 && length(room) <= limit, `${kind.name} ${limit}`);
      assert.ok(length(room + 1) > limit, `${kind.name} ${limit}`);
    }
    assert.ok(a.fragmentRoom(60) < 1);
  }
});

test('FR2.5-1: a fragment that authenticates with impossible padding is dropped', () => {
  const kind = CBC[0];
  assert.ok(kind);
  const { b, aKeys } = ends(kind.chosen);
  const iv = octets(16, 77);
  const cipher = createCipheriv('aes-256-cbc', aKeys.encr, iv).setAutoPadding(false);
  const body = concat(Uint8Array.of(0, 1, 0, 2), iv, cipher.update(concat(new Uint8Array(15), Uint8Array.of(99))), cipher.final());
  const length = 4 + body.length + kind.icv;
  const head = concat(encodeHeader({ ...HEADER, nextPayload: 53 }, 28 + length), Uint8Array.of(40, 0, 0, length), body);
  const message = concat(head, createHmac(kind.hash, aKeys.integ).update(head).digest().subarray(0, kind.icv));
  assert.equal(b.openFragment(message, outer(message, 'SKF')), undefined);
});

test('after wipe no key is left to use', () => {
  for (const kind of KINDS) {
    const { a } = ends(kind.chosen);
    a.wipe();
    assert.throws(() => a.seal(HEADER, []), kind.name);
  }
});

test('RFC 3602 §3: the IV of each CBC message is drawn anew', () => {
  const labels: string[] = [];
  const drawn = { bytes: (count: number, label: string): Uint8Array => new Uint8Array(count).fill(labels.push(label)) };
  const keys: DirectionKeys = { encr: octets(32, 1), integ: octets(32, 2) };
  const protection = new SkProtection({ suite, entropy: drawn }, chosen(12, 256, 12), keys, keys);
  const sealed = [1, 2].map(() => protection.seal(HEADER, [notify('COOKIE2', octets(16, 3))]).subarray(32, 48));
  assert.deepEqual([labels, sealed], [['iv', 'iv'], [new Uint8Array(16).fill(1), new Uint8Array(16).fill(2)]]);
});
