import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  encodePayloads, findNotifies, findNotify, isErrorNotify, knownNotify, NOTIFY, notify, notifyDataFits, notifyName, PROTOCOL, type NotifyDef, type NotifyPayload, type Payload,
} from '../../../src/codec/ike/index.ts';
import { hex } from './golden.ts';

test('rows are consistent: numbers differ, the kind follows from the number, data rules are sound', () => {
  const rows: [string, NotifyDef][] = Object.entries(NOTIFY);
  assert.equal(new Set(rows.map(([, row]) => row.code)).size, rows.length);
  for (const [name, row] of rows) {
    assert.equal(row.kind, row.code < 16384 ? 'error' : 'status', name);
    assert.ok(row.code > 0 && row.code < 40960, name);
    assert.ok(row.in.length > 0, name);
    assert.match(row.ref, /^RFC \d{4} §\d/, name);
    if ('min' in row.data) assert.ok(row.data.min <= row.data.max, name);
  }
});

test('names: rows, and what has no row', () => {
  assert.equal(notifyName(16400), 'UPDATE_SA_ADDRESSES');
  assert.equal(notifyName(12345), 'error 12345');
  assert.equal(notifyName(40960), 'status 40960');
  assert.equal(knownNotify(14), 'NO_PROPOSAL_CHOSEN');
  assert.equal(knownNotify(12345), undefined);
});

test('I3.10-1: known or not, errors are 0..16383', () => {
  assert.deepEqual([0, 16383, 16384, 65535].map(isErrorNotify), [true, true, false, false]);
});

test('M3.5-8: an UPDATE_SA_ADDRESSES request to the octet', () => {
  const payloads: Payload[] = [
    notify('UPDATE_SA_ADDRESSES'),
    notify('NAT_DETECTION_SOURCE_IP', new Uint8Array(20).fill(1)),
    notify('NAT_DETECTION_DESTINATION_IP', new Uint8Array(20).fill(2)),
    notify('COOKIE2', new Uint8Array(16).fill(3)),
  ];
  assert.deepEqual(encodePayloads(payloads), {
    first: 41,
    bytes: hex(`29000008 00004010 2900001c 00004004 ${'01'.repeat(20)} 2900001c 00004005 ${'02'.repeat(20)} 00000018 00004011 ${'03'.repeat(16)}`),
  });
});

test('RFC 7296 §1.3.3: REKEY_SA names our inbound SPI', () => {
  const payload = notify('REKEY_SA', undefined, { protocol: PROTOCOL.ESP, spi: hex('c0ffee01') });
  assert.deepEqual(encodePayloads([payload]).bytes, hex('0000000c 03044009 c0ffee01'));
});

test('data of the wrong length is a bug when sent', () => {
  assert.throws(() => notify('COOKIE2', new Uint8Array(7)));
  assert.throws(() => notify('COOKIE2', new Uint8Array(65)));
  assert.throws(() => notify('MOBIKE_SUPPORTED', new Uint8Array(1)));
  assert.throws(() => notify('NO_NATS_ALLOWED', new Uint8Array(13)));
  assert.equal(notify('NO_NATS_ALLOWED', new Uint8Array(36)).data.length, 36);
});

test('received data is checked against the row; where none is defined it is ignored (M3.2-2)', () => {
  const received = (code: number, octets: number): NotifyPayload => ({ type: 'N', protocol: 0, spi: new Uint8Array(0), notify: code, data: new Uint8Array(octets) });
  for (const octets of [0, 1, 200]) assert.ok(notifyDataFits(received(16396, octets)));
  assert.deepEqual([7, 8, 64, 65].map((octets) => notifyDataFits(received(16401, octets))), [false, true, true, false]);
  assert.deepEqual([0, 1, 64, 65].map((octets) => notifyDataFits(received(16390, octets))), [false, true, true, false]);
  assert.deepEqual([12, 13, 36].map((octets) => notifyDataFits(received(16402, octets))), [true, false, true]);
  assert.deepEqual([19, 20, 21].map((octets) => notifyDataFits(received(16388, octets))), [false, true, false]);
  assert.ok(notifyDataFits(received(40960, 777)));
});

test('I3.10-2: notifies are found whatever Protocol ID and SPI they have (Q-3)', () => {
  const odd: NotifyPayload = { type: 'N', protocol: 1, spi: new Uint8Array(0), notify: 16401, data: new Uint8Array(16) };
  const payloads: Payload[] = [{ type: 'V', data: new Uint8Array(0) }, notify('UPDATE_SA_ADDRESSES'), odd, notify('COOKIE2', new Uint8Array(8))];
  assert.equal(findNotify(payloads, 'COOKIE2'), odd);
  assert.equal(findNotifies(payloads, 'COOKIE2').length, 2);
  assert.equal(findNotify(payloads, 'COOKIE'), undefined);
});

/**
 * Written down a second time from the RFCs that define them: number, name, exchanges that carry it (`bare`: outside any IKE SA), octets of
 * data, and `spi` where the SPI field names a Child SA.
 */
const PLACES = `
  1     UNSUPPORTED_CRITICAL_PAYLOAD       init+auth+child+info 1
  4     INVALID_IKE_SPI                    bare                 0
  5     INVALID_MAJOR_VERSION              bare                 0
  7     INVALID_SYNTAX                     auth+child+info      0
  9     INVALID_MESSAGE_ID                 info                 4
  11    INVALID_SPI                        info+bare            4
  14    NO_PROPOSAL_CHOSEN                 init+auth+child      0
  17    INVALID_KE_PAYLOAD                 init+child           2
  24    AUTHENTICATION_FAILED              auth+info            0
  34    SINGLE_PAIR_REQUIRED               auth+child           0
  35    NO_ADDITIONAL_SAS                  auth+child           0
  36    INTERNAL_ADDRESS_FAILURE           auth+child           0
  37    FAILED_CP_REQUIRED                 auth+child           0
  38    TS_UNACCEPTABLE                    auth+child           0
  39    INVALID_SELECTORS                  info                 0..65535 spi
  40    UNACCEPTABLE_ADDRESSES             info                 0
  41    UNEXPECTED_NAT_DETECTED            auth+info            0
  43    TEMPORARY_FAILURE                  child                0
  44    CHILD_SA_NOT_FOUND                 child                0 spi
  47    STATE_NOT_FOUND                    followup             0
  48    TS_MAX_QUEUE                       auth+child           0
  16384 INITIAL_CONTACT                    auth                 0
  16385 SET_WINDOW_SIZE                    auth+child+info      4
  16386 ADDITIONAL_TS_POSSIBLE             auth+child           0
  16387 IPCOMP_SUPPORTED                   auth+child           3..65535
  16388 NAT_DETECTION_SOURCE_IP            init+resume+info     20
  16389 NAT_DETECTION_DESTINATION_IP       init+resume+info     20
  16390 COOKIE                             init+resume          1..64
  16391 USE_TRANSPORT_MODE                 auth+child           0
  16392 HTTP_CERT_LOOKUP_SUPPORTED         init+auth            0
  16393 REKEY_SA                           child                0 spi
  16394 ESP_TFC_PADDING_NOT_SUPPORTED      auth+child           0
  16395 NON_FIRST_FRAGMENTS_ALSO           auth+child           0
  16396 MOBIKE_SUPPORTED                   auth                 0
  16397 ADDITIONAL_IP4_ADDRESS             auth+info            4
  16398 ADDITIONAL_IP6_ADDRESS             auth+info            16
  16399 NO_ADDITIONAL_ADDRESSES            auth+info            0
  16400 UPDATE_SA_ADDRESSES                info                 0
  16401 COOKIE2                            info                 8..64
  16402 NO_NATS_ALLOWED                    auth+info            12|36
  16403 AUTH_LIFETIME                      auth+info            4
  16404 MULTIPLE_AUTH_SUPPORTED            init+auth            0
  16405 ANOTHER_AUTH_FOLLOWS               auth                 0
  16406 REDIRECT_SUPPORTED                 init                 0
  16407 REDIRECT                           init+auth+info       2..65535
  16408 REDIRECTED_FROM                    init                 2..65535
  16409 TICKET_LT_OPAQUE                   auth+child+info      4..65535
  16410 TICKET_REQUEST                     auth+child+info      0
  16411 TICKET_ACK                         auth+child+info      0
  16412 TICKET_NACK                        resume+auth+child+info 0
  16413 TICKET_OPAQUE                      resume               0..65535
  16417 EAP_ONLY_AUTHENTICATION            auth                 0
  16418 CHILDLESS_IKEV2_SUPPORTED          init                 0
  16419 QUICK_CRASH_DETECTION              auth+child+info+bare 16..128
  16420 IKEV2_MESSAGE_ID_SYNC_SUPPORTED    auth                 0
  16421 IPSEC_REPLAY_COUNTER_SYNC_SUPPORTED auth                 0
  16422 IKEV2_MESSAGE_ID_SYNC              info                 12
  16423 IPSEC_REPLAY_COUNTER_SYNC          info                 4|8
  16430 IKEV2_FRAGMENTATION_SUPPORTED      init                 0
  16431 SIGNATURE_HASH_ALGORITHMS          init                 2..65535
  16434 PUZZLE                             init+auth            3
  16435 USE_PPK                            init                 0
  16436 PPK_IDENTITY                       auth                 0..65535
  16437 NO_PPK_AUTH                        auth                 1..65535
  16438 INTERMEDIATE_EXCHANGE_SUPPORTED    init                 0
  16439 IP4_ALLOWED                        auth                 0
  16440 IP6_ALLOWED                        auth                 0
  16441 ADDITIONAL_KEY_EXCHANGE            child+followup       1..65535
  16442 USE_AGGFRAG                        auth+child           1
  16443 SUPPORTED_AUTH_METHODS             init+intermediate+auth 0..65535
  16444 SA_RESOURCE_INFO                   auth+child           0..65535
`.trim().split('\n').map((line) => line.trim().replaceAll(/ +/g, ' '));

test('FMT-4 I3.10-1: every row says where its notify may stand, how long its data is, and whether its SPI means something', () => {
  const short: { readonly [place: string]: string } = {
    IKE_SA_INIT: 'init', IKE_AUTH: 'auth', CREATE_CHILD_SA: 'child', INFORMATIONAL: 'info', unprotected: 'bare', IKE_SESSION_RESUME: 'resume', IKE_INTERMEDIATE: 'intermediate', IKE_FOLLOWUP_KE: 'followup',
  };
  const rule = ({ data }: NotifyDef): string => ('len' in data ? String(data.len) : 'oneOf' in data ? data.oneOf.join('|') : `${data.min}..${data.max}`);
  const rows = Object.entries(NOTIFY).map(([name, row]: [string, NotifyDef]) =>
    `${row.code} ${name} ${row.in.map((place) => short[place] ?? `?${place}`).join('+')} ${rule(row)}${row.spi === true ? ' spi' : ''}`);
  assert.deepEqual(rows, PLACES);
});
