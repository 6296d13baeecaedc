import { test } from 'node:test';
import assert from 'node:assert/strict';
import { parseProposal, type SuiteProposal } from '../../src/config/index.ts';
import { CHILD, CONNECTION } from '../../src/config/options.ts';

test('proposals as strongSwan spells them', () => {
  assert.deepEqual(parseProposal('aes256gcm16-prfsha256-x25519', 'ike'), {
    ok: true, value: { text: 'aes256gcm16-prfsha256-x25519', encr: [{ id: 20, keyLength: 256 }], prf: [5], integ: [], groups: [31], esn: [] },
  });
  assert.deepEqual(parseProposal('aes128gcm128-aes256gcm-prfsha512-prfsha384-ecp256-curve25519', 'ike'), {
    ok: true,
    value: { text: 'aes128gcm128-aes256gcm-prfsha512-prfsha384-ecp256-curve25519', encr: [{ id: 20, keyLength: 128 }, { id: 20, keyLength: 256 }], prf: [7, 6], integ: [], groups: [19, 31], esn: [] },
  });
});

const parsed = (text: string, protocol: 'ike' | 'esp'): SuiteProposal => {
  const result = parseProposal(text, protocol);
  assert.ok(result.ok, result.ok ? '' : result.error);
  return result.value;
};

test('AL-2 ALG-2: every algorithm of the table has its keyword, with the number of the registry', () => {
  const gcm = { id: 20, keyLength: 256 };
  for (const [word, want] of [
    ['aes256gcm16', { encr: [gcm] }], ['aes128gcm16', { encr: [{ id: 20, keyLength: 128 }] }], ['chacha20poly1305', { encr: [{ id: 28, keyLength: undefined }] }],
    ['aes256gcm16-prfsha1', { prf: [2] }], ['aes256gcm16-prfsha512', { prf: [7] }],
    ['aes256gcm16-ecp384', { groups: [20] }], ['aes256gcm16-ecp521', { groups: [21] }],
    ['aes256gcm16-modp2048', { groups: [14] }], ['aes256gcm16-modp3072', { groups: [15] }], ['aes256gcm16-modp4096', { groups: [16] }],
    ['aes256-sha256', { encr: [{ id: 12, keyLength: 256 }], integ: [12] }], ['aes128-sha384', { encr: [{ id: 12, keyLength: 128 }], integ: [13] }], ['aes-sha512', { encr: [{ id: 12, keyLength: 128 }], integ: [14] }],
  ] as readonly (readonly [string, Partial<SuiteProposal>])[]) {
    const text = `${word}${word.includes('prf') || word.includes('-sha') ? '' : '-prfsha256'}${/ecp|modp/.test(word) ? '' : '-x25519'}`;
    const value = parsed(text, 'ike');
    for (const [field, expected] of Object.entries(want)) assert.deepEqual(value[field as keyof SuiteProposal], expected, text);
  }
});

test('in IKE an integrity algorithm stands for the PRF of its hash unless one is named; with a cipher that has its own it is nothing else', () => {
  const both = (text: string): readonly (readonly number[])[] => [parsed(text, 'ike').integ, parsed(text, 'ike').prf];
  assert.deepEqual(both('aes256-sha256-modp2048'), [[12], [5]]);
  assert.deepEqual(both('aes128-sha2_512-sha2_256-x25519'), [[14, 12], [7, 5]]);
  assert.deepEqual(both('aes256-sha256-prfsha512-ecp521'), [[12], [7]]);
  assert.deepEqual(both('aes256-sha512-prfsha1-ecp521'), [[14], [2]]);
  assert.deepEqual(both('aes256gcm16-sha384-ecp384'), [[], [6]]);
  assert.deepEqual(both('chacha20poly1305-sha256-x25519'), [[], [5]]);
});

test('ESP: AES-CBC with integrity, other ciphers without; never a PRF', () => {
  assert.deepEqual(parsed('aes256-sha256', 'esp'), { text: 'aes256-sha256', encr: [{ id: 12, keyLength: 256 }], prf: [], integ: [12], groups: [], esn: [1, 0] });
  assert.deepEqual(parsed('aes128-aes256-sha512-sha256-modp2048-noesn', 'esp'), {
    text: 'aes128-aes256-sha512-sha256-modp2048-noesn', encr: [{ id: 12, keyLength: 128 }, { id: 12, keyLength: 256 }], prf: [], integ: [14, 12], groups: [14], esn: [0],
  });
  assert.deepEqual(parsed('chacha20poly1305-x25519', 'esp'), { text: 'chacha20poly1305-x25519', encr: [{ id: 28, keyLength: undefined }], prf: [], integ: [], groups: [31], esn: [1, 0] });
});

test('ALG-4 ALG-3 I3.3-1: what is offered by default, in this order; SHA-1 and weak groups only if spelled out', () => {
  const all = { prf: [5, 6, 7], groups: [31, 19, 20, 21, 15, 14], esn: [] };
  assert.deepEqual(CONNECTION.ike_proposal.schema.default.map((text) => ({ ...parsed(text, 'ike'), text: '' })), [
    { text: '', encr: [{ id: 20, keyLength: 256 }, { id: 20, keyLength: 128 }], integ: [], ...all },
    { text: '', encr: [{ id: 12, keyLength: 256 }, { id: 12, keyLength: 128 }], integ: [12, 14], ...all },
  ]);
  assert.deepEqual(CHILD.esp_proposal.schema.default.map((text) => ({ ...parsed(text, 'esp'), text: '' })), [
    { text: '', encr: [{ id: 20, keyLength: 256 }, { id: 20, keyLength: 128 }], prf: [], integ: [], groups: [], esn: [1, 0] },
    { text: '', encr: [{ id: 12, keyLength: 256 }, { id: 12, keyLength: 128 }], prf: [], integ: [12, 14], groups: [], esn: [1, 0] },
  ]);
});

test('ESP: both ESN values unless spelled out; groups are allowed', () => {
  const esn = (text: string): readonly number[] | undefined => {
    const result = parseProposal(text, 'esp');
    return result.ok ? result.value.esn : undefined;
  };
  assert.deepEqual([esn('aes256gcm16'), esn('aes256gcm16-esn'), esn('aes256gcm16-noesn'), esn('aes256gcm16-noesn-esn')], [[1, 0], [1], [0], [0, 1]]);
  const pfs = parseProposal('aes128gcm16-ecp256', 'esp');
  assert.deepEqual(pfs.ok && pfs.value.groups, [19]);
});

test('AL-2 ALG-3: what is unknown, unsupported, misplaced, doubled or missing is named with what is supported', () => {
  for (const [text, protocol, want] of [
    ['', 'ike', 'has an empty part'], ['aes256gcm16--x25519', 'ike', 'has an empty part'], ['aes256gcm16-prfsha256-x25519 ', 'ike', "'x25519 ' is no algorithm; supported: aes256gcm16"],
    ['aes192-sha256-modp2048', 'ike', "'aes192' is not supported"], ['aes256-sha1-modp2048', 'ike', "'sha1' is not supported"], ['aes256-sha256-modp1024', 'ike', "'modp1024' is not supported"],
    ['3des-sha256-modp2048', 'ike', "'3des' is not supported"], ['aes256gcm8-prfsha256-x25519', 'ike', "'aes256gcm8' is not supported"], ['aes256-md5-modp2048', 'ike', "'md5' is not supported"],
    ['chacha20poly1305compat-prfsha256-x25519', 'ike', "'chacha20poly1305compat' is not supported"], ['null-sha256', 'esp', "'null' is not supported"],
    ['aes256gcm16-prfmd5-x25519', 'ike', "'prfmd5' is not supported"], ['AES256GCM16-prfsha256-x25519', 'ike', "'AES256GCM16' is no algorithm"],
    ['aes256gcm16-toString', 'esp', "'toString' is no algorithm"], ['aes256gcm16-__proto__', 'esp', "'__proto__' is no algorithm"],
    ['aes256gcm16-prfsha256', 'esp', 'has no place in an ESP proposal'], ['aes256gcm16-prfsha256-x25519-esn', 'ike', 'has no place in an IKE proposal'],
    ['aes256gcm16-aes256gcm', 'esp', "names 'aes256gcm' twice"], ['esn', 'esp', 'names no cipher; add aes256gcm16, aes128gcm16, chacha20poly1305, aes256 or aes128'],
    ['aes256gcm16-x25519', 'ike', 'names no PRF'], ['aes256gcm16-prfsha256', 'ike', 'names no key exchange; add x25519, ecp256,'],
    ['aes256-prfsha256-x25519', 'ike', 'names no integrity algorithm, and AES-CBC has none of its own; add sha256, sha384 or sha512'], ['aes256', 'esp', 'names no integrity algorithm'],
    ['aes256gcm16-aes256-sha256-x25519', 'ike', 'mixes AES-CBC with AES-GCM'], ['aes128-chacha20poly1305-sha256', 'esp', 'mixes AES-CBC'],
    ['aes256gcm16-sha256', 'esp', 'names an integrity algorithm, and its cipher has its own'], ['aes256gcm16-sha256-prfsha256-x25519', 'ike', 'names an integrity algorithm'],
  ] as const) {
    const result = parseProposal(text, protocol);
    assert.ok(!result.ok && result.error.includes(want), `${text}: ${result.ok ? 'accepted' : result.error}`);
  }
});
