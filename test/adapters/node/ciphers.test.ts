import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeCrypto } from '../../../src/adapters/node/crypto.ts';
import { toHex, toUtf8 } from '../../../src/base/index.ts';
import { bytes, isPlain } from './octets.ts';

const suite = nodeCrypto();

// ---- AES-GCM -------------------------------------------------------------------------------------------------------

const PLAIN = 'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39';
const AAD = 'feedfacedeadbeeffeedfacedeadbeefabaddad2';
const NONCE = 'cafebabefacedbaddecaf888';
/** McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B: test cases 1, 2, 4, 13, 14, 16. */
const GCM: readonly { readonly name: string; readonly key: string; readonly nonce: string; readonly aad: string; readonly plain: string; readonly sealed: string }[] = [
  { name: '1', key: '00'.repeat(16), nonce: '00'.repeat(12), aad: '', plain: '', sealed: '58e2fccefa7e3061367f1d57a4e7455a' },
  { name: '2', key: '00'.repeat(16), nonce: '00'.repeat(12), aad: '', plain: '00'.repeat(16), sealed: '0388dace60b6a392f328c2b971b2fe78ab6e47d42cec13bdf53a67b21257bddf' },
  { name: '4', key: 'feffe9928665731c6d6a8f9467308308', nonce: NONCE, aad: AAD, plain: PLAIN,
    sealed: '42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e0915bc94fbc3221a5db94fae95ae7121a47' },
  { name: '13', key: '00'.repeat(32), nonce: '00'.repeat(12), aad: '', plain: '', sealed: '530f8afbc74536b9a963b4f1c4cb738b' },
  { name: '14', key: '00'.repeat(32), nonce: '00'.repeat(12), aad: '', plain: '00'.repeat(16), sealed: 'cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919' },
  { name: '16', key: 'feffe9928665731c6d6a8f9467308308'.repeat(2), nonce: NONCE, aad: AAD, plain: PLAIN,
    sealed: '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b' },
];

test('AE3-1 KAT: AES-GCM-16 known answers, both ways', () => {
  for (const { name, key, nonce, aad, plain, sealed } of GCM) {
    const aead = suite.aead('aes-gcm-16', bytes(key));
    assert.equal(toHex(aead.seal(bytes(nonce), bytes(aad), bytes(plain))), sealed, name);
    const opened = aead.open(bytes(nonce), bytes(aad), bytes(sealed));
    assert.ok(opened, name);
    isPlain(opened);
    assert.equal(toHex(opened), plain, name);
  }
});

test('I3.14-2: a change of any bit of nonce, associated data, ciphertext or ICV is noticed', () => {
  const aead = suite.aead('aes-gcm-16', bytes('feffe9928665731c6d6a8f9467308308'));
  const parts = { nonce: bytes(NONCE), aad: bytes(AAD), sealed: aead.seal(bytes(NONCE), bytes(AAD), bytes(PLAIN)) };
  for (const part of Object.values(parts)) {
    for (let bit = 0; bit < 8 * part.length; bit++) {
      const at = bit >> 3;
      part[at] = (part[at] ?? 0) ^ (1 << (bit & 7));
      assert.equal(aead.open(parts.nonce, parts.aad, parts.sealed), undefined);
      part[at] = (part[at] ?? 0) ^ (1 << (bit & 7));
    }
  }
  assert.ok(aead.open(parts.nonce, parts.aad, parts.sealed));
});

test('AE3-1: what is shorter than an ICV does not open', () => {
  const aead = suite.aead('aes-gcm-16', bytes('00'.repeat(32)));
  for (let octets = 0; octets < 16; octets++) assert.equal(aead.open(bytes('00'.repeat(12)), bytes(''), new Uint8Array(octets)), undefined);
});

test('AE7-1: only keys of 16 and 32 octets; a wiped one is not used', () => {
  for (const octets of [0, 15, 20, 24, 36]) assert.throws(() => suite.aead('aes-gcm-16', new Uint8Array(octets)));
  const aead = suite.aead('aes-gcm-16', new Uint8Array(16));
  aead.wipe();
  assert.throws(() => aead.seal(new Uint8Array(12), new Uint8Array(0), new Uint8Array(0)));
});

// ---- ChaCha20-Poly1305 ---------------------------------------------------------------------------------------------

/** RFC 7634 appendix A (an ESP packet) and B (an IKEv2 message): same key, same nonce. */
const CHACHA_KEY = '808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f';
const CHACHA_NONCE = 'a0a1a2a31011121314151617';
const CHACHA = [
  {
    name: 'appendix A', aad: '0102030400000005',
    plain: `45000054a6f200004001e778c6336405c000020508005b7a3a080000553bec100007362708090a0b0c0d0e0f1011121314151617
            18191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363701020204`,
    sealed: `24039428b97f417e3c13753a4f05087b67c352e6a7fab1b982d466ef407ae5c614ee8099d52844eb61aa95dfab4c02f72aa71e7c4c4f64c9befe2facc638e8f3
             cbec163fac469b502773f6fb94e664da9165b82829f641e076aaa8266b7fb0f7b11b369907e1ad43`,
  },
  {
    name: 'appendix B', aad: 'c0c1c2c3c4c5c6c7d0d1d2d3d4d5d6d72e202500000000090000004529000029', plain: '0000000c000040010000000a00',
    sealed: '610394701f8d017f7c129248896b71bfe25236efd7cdc67066906315b2',
  },
] as const;

test('RFC 7634 appendices A and B: ChaCha20-Poly1305 known answers, both ways', () => {
  const aead = suite.aead('chacha20-poly1305', bytes(CHACHA_KEY));
  for (const { name, aad, plain, sealed } of CHACHA) {
    assert.equal(toHex(aead.seal(bytes(CHACHA_NONCE), bytes(aad), bytes(plain))), toHex(bytes(sealed)), name);
    const opened = aead.open(bytes(CHACHA_NONCE), bytes(aad), bytes(sealed));
    isPlain(opened);
    assert.deepEqual(opened, bytes(plain), name);
  }
});

test('I3.14-2: ChaCha20-Poly1305 notices a change of any bit, and what is shorter than an ICV', () => {
  const aead = suite.aead('chacha20-poly1305', bytes(CHACHA_KEY));
  const { aad, sealed } = CHACHA[1];
  const parts = { nonce: bytes(CHACHA_NONCE), aad: bytes(aad), sealed: bytes(sealed) };
  for (const part of Object.values(parts)) {
    for (let bit = 0; bit < 8 * part.length; bit++) {
      part[bit >> 3] = (part[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.equal(aead.open(parts.nonce, parts.aad, parts.sealed), undefined);
      part[bit >> 3] = (part[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    }
  }
  assert.ok(aead.open(parts.nonce, parts.aad, parts.sealed));
  for (let octets = 0; octets < 16; octets++) assert.equal(aead.open(parts.nonce, parts.aad, new Uint8Array(octets)), undefined);
  for (const octets of [0, 16, 31, 33, 36]) assert.throws(() => suite.aead('chacha20-poly1305', new Uint8Array(octets)));
});

// ---- AES-CBC -------------------------------------------------------------------------------------------------------

/** RFC 3602 §4 cases 1 to 4; NIST SP 800-38A F.2.5 for a key of 256 bits. */
const CBC = [
  { name: 'case 1', key: '06a9214036b8a15b512e03d534120006', iv: '3dafba429d9eb430b422da802c9fac41', plain: toHex(toUtf8('Single block msg')), cipher: 'e353779c1079aeb82708942dbe77181a' },
  {
    name: 'case 2', key: 'c286696d887c9aa0611bbb3e2025a45a', iv: '562e17996d093d28ddb3ba695a2e6f58', plain: '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f',
    cipher: 'd296cd94c2cccf8a3a863028b5e1dc0a7586602d253cfff91b8266bea6d61ab1',
  },
  {
    name: 'case 3', key: '6c3ea0477630ce21a2ce334aa746c2cd', iv: 'c782dc4c098c66cbd9cd27d825682c81', plain: toHex(toUtf8('This is a 48-byte message (exactly 3 AES blocks)')),
    cipher: 'd0a02b3836451753d493665d33f0e8862dea54cdb293abc7506939276772f8d5021c19216bad525c8579695d83ba2684',
  },
  {
    name: 'case 4', key: '56e47a38c5598974bc46903dba290349', iv: '8ce82eefbea0da3c44699ed7db51b7d9',
    plain: 'a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedf',
    cipher: 'c30e32ffedc0774e6aff6af0869f71aa0f3af07a9a31a9c684db207eb0ef8e4e35907aa632c3ffdf868bb7b29d3d46ad83ce9f9a102ee99d49a53e87f4c3da55',
  },
  {
    name: 'SP 800-38A F.2.5', key: '603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4', iv: '000102030405060708090a0b0c0d0e0f',
    plain: '6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710',
    cipher: 'f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b',
  },
] as const;

test('RFC 3602 §4: AES-CBC known answers, both ways, with no padding of its own', () => {
  for (const { name, key, iv, plain, cipher } of CBC) {
    const cbc = suite.cbc(bytes(key));
    const encrypted = cbc.encrypt(bytes(iv), bytes(plain));
    isPlain(encrypted);
    assert.equal(toHex(encrypted), cipher, name);
    const decrypted = cbc.decrypt(bytes(iv), bytes(cipher));
    isPlain(decrypted);
    assert.equal(toHex(decrypted), plain, name);
  }
});

test('AE7-1: AES-CBC takes keys of 16 and 32 octets; a wiped one is not used', () => {
  for (const octets of [0, 15, 20, 24, 36]) assert.throws(() => suite.cbc(new Uint8Array(octets)));
  const cbc = suite.cbc(new Uint8Array(16));
  cbc.wipe();
  assert.throws(() => cbc.encrypt(new Uint8Array(16), new Uint8Array(16)));
  assert.throws(() => cbc.decrypt(new Uint8Array(16), new Uint8Array(16)));
});
