import { test } from 'node:test';
import assert from 'node:assert/strict';
import { parseProposal } from '../../src/config/index.ts';

test('proposals as strongSwan spells them', () => {
  assert.deepEqual(parseProposal('aes256gcm16-prfsha256-x25519', 'ike'), {
    ok: true, value: { text: 'aes256gcm16-prfsha256-x25519', encr: [{ id: 20, keyLength: 256 }], prf: [5], integ: [], groups: [31], esn: [] },
  });
  assert.deepEqual(parseProposal('aes128gcm128-aes256gcm-prfsha512-prfsha384-ecp256-curve25519', 'ike'), {
    ok: true,
    value: { text: 'aes128gcm128-aes256gcm-prfsha512-prfsha384-ecp256-curve25519', encr: [{ id: 20, keyLength: 128 }, { id: 20, keyLength: 256 }], prf: [7, 6], integ: [], groups: [19, 31], esn: [] },
  });
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

test('what is unknown, unsupported, misplaced, doubled or missing is named with what is supported', () => {
  for (const [text, protocol, want] of [
    ['', 'ike', 'has an empty part'], ['aes256gcm16--x25519', 'ike', 'has an empty part'], ['aes256gcm16-prfsha256-x25519 ', 'ike', "'x25519 ' is no algorithm; supported: aes256gcm16"],
    ['aes256-sha256-modp2048', 'ike', "'aes256' is not supported"], ['chacha20poly1305-prfsha256-x25519', 'ike', "'chacha20poly1305' is not supported"],
    ['aes256gcm16-prfsha1-x25519', 'ike', "'prfsha1' is not supported"], ['AES256GCM16-prfsha256-x25519', 'ike', "'AES256GCM16' is no algorithm"],
    ['aes256gcm16-toString', 'esp', "'toString' is no algorithm"], ['aes256gcm16-__proto__', 'esp', "'__proto__' is no algorithm"],
    ['aes256gcm16-prfsha256', 'esp', 'has no place in an ESP proposal'], ['aes256gcm16-prfsha256-x25519-esn', 'ike', 'has no place in an IKE proposal'],
    ['aes256gcm16-aes256gcm', 'esp', "names 'aes256gcm' twice"], ['esn', 'esp', 'names no cipher; add aes256gcm16 or aes128gcm16'],
    ['aes256gcm16-x25519', 'ike', 'names no PRF'], ['aes256gcm16-prfsha256', 'ike', 'names no key exchange; add x25519 or ecp256'],
  ] as const) {
    const result = parseProposal(text, protocol);
    assert.ok(!result.ok && result.error.includes(want), `${text}: ${result.ok ? 'accepted' : result.error}`);
  }
});
