// The numbers and layouts of IKEv2, written down here a second time from the registries and the RFCs' figures, against tables and codecs.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ip, toHex } from '../../../src/base/index.ts';
import {
  decodeChain, encodeHeader, encodePayloads, EXCHANGE, ID_TYPE, NOTIFY, PAYLOAD, payloadByCode, PROTOCOL, type IkeSpi, type Payload,
} from '../../../src/codec/ike/index.ts';

test('FMT-1: header: two SPIs, next payload, version 0x20, exchange, flags R 0x20 and I 0x08 and no other, message ID, length; exchange types', () => {
  const header = (isResponse: boolean, fromOriginalInitiator: boolean): string => toHex(encodeHeader({
    spiI: 0x0102030405060708n as IkeSpi, spiR: 0x1112131415161718n as IkeSpi, nextPayload: 46, majorVersion: 2, minorVersion: 0, exchange: 37,
    isResponse, fromOriginalInitiator, messageId: 0x21222324,
  }, 0x31323334));
  const flags = { none: '00', response: '20', initiator: '08', both: '28' };
  const expected = (flag: string): string => `01020304050607081112131415161718${'2e'}${'20'}${'25'}${flag}${'21222324'}${'31323334'}`;
  assert.deepEqual([header(false, false), header(true, false), header(false, true), header(true, true)], [flags.none, flags.response, flags.initiator, flags.both].map(expected));
  assert.deepEqual(EXCHANGE, { IKE_SA_INIT: 34, IKE_AUTH: 35, CREATE_CHILD_SA: 36, INFORMATIONAL: 37 });
});

test('FMT-2: payload types 33 to 47 and 53, and nothing else; 48 is none of ours', () => {
  assert.deepEqual(Object.fromEntries(Object.entries(PAYLOAD).map(([type, row]) => [type, row.code])), {
    SA: 33, KE: 34, IDi: 35, IDr: 36, CERT: 37, CERTREQ: 38, AUTH: 39, NONCE: 40, N: 41, D: 42, V: 43, TSi: 44, TSr: 45, SK: 46, CP: 47, SKF: 53,
  });
  assert.equal(payloadByCode(48), undefined);
  assert.deepEqual(PROTOCOL, { NONE: 0, IKE: 1, AH: 2, ESP: 3 });
});

const octets = (...values: number[]): Uint8Array => Uint8Array.of(...values);
for (const [what, payload, first, body] of [
  ['SA: last, reserved, length, number, protocol, SPI size, count, SPI; transforms with Key Length as TV attribute', {
    type: 'SA', proposals: [
      { number: 1, protocol: 3, spi: octets(1, 2, 3, 4), transforms: [{ type: 1, id: 20, keyLength: 256 }, { type: 5, id: 1 }] },
      { number: 2, protocol: 1, spi: octets(), transforms: [{ type: 2, id: 5 }] },
    ],
  }, 33, '02000020 01030402 01020304 0300000c 01000014 800e0100 00000008 05000001' + '00000010 02010001 00000008 02000005'],
  ['KE: group, reserved, data', { type: 'KE', group: 31, data: octets(9, 8) }, 34, '001f0000 0908'],
  ['IDi: type, reserved, data', { type: 'IDi', idType: 2, data: octets(0x61), body: octets(2, 0, 0, 0, 0x61) }, 35, '02000000 61'],
  ['IDr', { type: 'IDr', idType: 1, data: octets(10, 0, 0, 1), body: octets(1, 0, 0, 0, 10, 0, 0, 1) }, 36, '01000000 0a000001'],
  ['CERT: encoding, data', { type: 'CERT', encoding: 4, data: octets(0x30, 0) }, 37, '04 3000'],
  ['CERTREQ', { type: 'CERTREQ', encoding: 4, data: octets(7) }, 38, '04 07'],
  ['AUTH: method, reserved, data', { type: 'AUTH', method: 14, data: octets(5) }, 39, '0e000000 05'],
  ['Nonce', { type: 'NONCE', data: octets(1, 2) }, 40, '0102'],
  ['N: protocol, SPI size, type, SPI, data', { type: 'N', protocol: 3, spi: octets(1, 2, 3, 4), notify: 16_393, data: octets(6) }, 41, '03044009 01020304 06'],
  ['D: protocol, SPI size, count, SPIs', { type: 'D', protocol: 3, spiSize: 4, spis: [octets(1, 2, 3, 4), octets(5, 6, 7, 8)] }, 42, '03040002 01020304 05060708'],
  ['D of the IKE SA: no SPI', { type: 'D', protocol: 1, spiSize: 0, spis: [] }, 42, '01000000'],
  ['V', { type: 'V', data: octets(0xaa) }, 43, 'aa'],
  ['TSi: count, reserved; type 7, protocol, length 16, ports, addresses', {
    type: 'TSi', selectors: [{ protocol: 6, startPort: 80, endPort: 443, start: ip('10.0.0.0'), end: ip('10.0.0.255') }],
  }, 44, '01000000 07060010 005001bb 0a000000 0a0000ff'],
  ['TSr: type 8, length 40', {
    type: 'TSr', selectors: [{ protocol: 0, startPort: 0, endPort: 65_535, start: ip('2001:db8::'), end: ip('2001:db8::ffff') }],
  }, 45, '01000000 08000028 0000ffff 20010db8000000000000000000000000 20010db800000000000000000000ffff'],
  ['CP: type, reserved; attribute, length, value', { type: 'CP', cfgType: 1, attributes: [{ type: 1, value: octets() }, { type: 8, value: new Uint8Array(17) }] }, 47, `01000000 00010000 00080011 ${'00'.repeat(17)}`],
] as readonly (readonly [string, Payload, number, string])[]) {
  test(`FMT-2: layout of ${what}`, () => {
    const written = encodePayloads([payload]);
    const expected = body.replaceAll(' ', '');
    assert.equal(written.first, first);
    assert.equal(toHex(written.bytes), `0000${(expected.length / 2 + 4).toString(16).padStart(4, '0')}${expected}`);
    assert.deepEqual(decodeChain(first, written.bytes, 0, written.bytes.length), { kind: 'payloads', payloads: [payload] });
  });
}

test('FMT-3: ID types', () => {
  assert.deepEqual(ID_TYPE, { IPV4_ADDR: 1, FQDN: 2, RFC822_ADDR: 3, IPV6_ADDR: 5, DER_ASN1_DN: 9, DER_ASN1_GN: 10, KEY_ID: 11, NULL: 13 });
});

/** IANA, IKEv2 Notify Message Types. */
const REGISTRY: readonly (readonly [number, string])[] = [
  [1, 'UNSUPPORTED_CRITICAL_PAYLOAD'], [4, 'INVALID_IKE_SPI'], [5, 'INVALID_MAJOR_VERSION'], [7, 'INVALID_SYNTAX'], [9, 'INVALID_MESSAGE_ID'], [11, 'INVALID_SPI'],
  [14, 'NO_PROPOSAL_CHOSEN'], [17, 'INVALID_KE_PAYLOAD'], [24, 'AUTHENTICATION_FAILED'], [34, 'SINGLE_PAIR_REQUIRED'], [35, 'NO_ADDITIONAL_SAS'],
  [36, 'INTERNAL_ADDRESS_FAILURE'], [37, 'FAILED_CP_REQUIRED'], [38, 'TS_UNACCEPTABLE'], [39, 'INVALID_SELECTORS'], [40, 'UNACCEPTABLE_ADDRESSES'],
  [41, 'UNEXPECTED_NAT_DETECTED'], [43, 'TEMPORARY_FAILURE'], [44, 'CHILD_SA_NOT_FOUND'], [47, 'STATE_NOT_FOUND'], [48, 'TS_MAX_QUEUE'],
  [16384, 'INITIAL_CONTACT'], [16385, 'SET_WINDOW_SIZE'], [16386, 'ADDITIONAL_TS_POSSIBLE'], [16387, 'IPCOMP_SUPPORTED'], [16388, 'NAT_DETECTION_SOURCE_IP'],
  [16389, 'NAT_DETECTION_DESTINATION_IP'], [16390, 'COOKIE'], [16391, 'USE_TRANSPORT_MODE'], [16392, 'HTTP_CERT_LOOKUP_SUPPORTED'], [16393, 'REKEY_SA'],
  [16394, 'ESP_TFC_PADDING_NOT_SUPPORTED'], [16395, 'NON_FIRST_FRAGMENTS_ALSO'], [16396, 'MOBIKE_SUPPORTED'], [16397, 'ADDITIONAL_IP4_ADDRESS'],
  [16398, 'ADDITIONAL_IP6_ADDRESS'], [16399, 'NO_ADDITIONAL_ADDRESSES'], [16400, 'UPDATE_SA_ADDRESSES'], [16401, 'COOKIE2'], [16402, 'NO_NATS_ALLOWED'],
  [16403, 'AUTH_LIFETIME'], [16404, 'MULTIPLE_AUTH_SUPPORTED'], [16405, 'ANOTHER_AUTH_FOLLOWS'], [16406, 'REDIRECT_SUPPORTED'], [16407, 'REDIRECT'],
  [16408, 'REDIRECTED_FROM'], [16409, 'TICKET_LT_OPAQUE'], [16410, 'TICKET_REQUEST'], [16411, 'TICKET_ACK'], [16412, 'TICKET_NACK'], [16413, 'TICKET_OPAQUE'],
  [16417, 'EAP_ONLY_AUTHENTICATION'], [16418, 'CHILDLESS_IKEV2_SUPPORTED'], [16419, 'QUICK_CRASH_DETECTION'], [16420, 'IKEV2_MESSAGE_ID_SYNC_SUPPORTED'],
  [16421, 'IPSEC_REPLAY_COUNTER_SYNC_SUPPORTED'], [16422, 'IKEV2_MESSAGE_ID_SYNC'], [16423, 'IPSEC_REPLAY_COUNTER_SYNC'], [16430, 'IKEV2_FRAGMENTATION_SUPPORTED'],
  [16431, 'SIGNATURE_HASH_ALGORITHMS'], [16434, 'PUZZLE'], [16435, 'USE_PPK'], [16436, 'PPK_IDENTITY'], [16437, 'NO_PPK_AUTH'], [16438, 'INTERMEDIATE_EXCHANGE_SUPPORTED'],
  [16439, 'IP4_ALLOWED'], [16440, 'IP6_ALLOWED'], [16441, 'ADDITIONAL_KEY_EXCHANGE'], [16442, 'USE_AGGFRAG'], [16443, 'SUPPORTED_AUTH_METHODS'], [16444, 'SA_RESOURCE_INFO'],
];

test('FMT-4: every notify of the registry has its number, and there is no other', () => {
  const ours: readonly (readonly [string, { readonly code: number }])[] = Object.entries(NOTIFY);
  assert.deepEqual(ours.map(([name, row]) => [row.code, name]).sort((a, b) => Number(a[0]) - Number(b[0])), REGISTRY);
});
