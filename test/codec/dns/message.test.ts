import { test } from 'node:test';
import assert from 'node:assert/strict';
import { ByteWriter, fromHex, toHex, toUtf8 } from '../../../src/base/index.ts';
import { decodeAnswer, encodeQuery } from '../../../src/codec/dns/index.ts';
import type { DnsAnswer, DnsQuestion } from '../../../src/codec/dns/index.ts';

const hex = (text: string): Uint8Array => fromHex(text.replaceAll(/[\s|]/g, '')) ?? assert.fail('bad hexadecimal');
const question: DnsQuestion = { id: 0x1234, name: 'hub.example', type: 'A' };
/** hub.example, as it stands at offset 12 of every message below. */
const HUB = '03687562 076578616d706c65 00';
const ADDRESS = 'c00c 0001 0001 0000003c 0004 c6336401';

function answer(flags: string, counts: string, rest: string, q: DnsQuestion = question): DnsAnswer {
  return decodeAnswer(hex(`1234 ${flags} ${counts} 0000 0000 ${HUB} ${q.type === 'A' ? '0001' : '001c'} 0001 ${rest}`), q);
}

test('RFC 1035 §4.1: a query to the octet', () => {
  const query = encodeQuery({ ...question, name: 'Hub.Example.' });
  assert.ok(query.ok);
  assert.equal(toHex(query.value), toHex(hex(`1234 0100 0001 0000 0000 0000 ${HUB} 0001 0001`)));
  const six = encodeQuery({ ...question, type: 'AAAA' });
  assert.ok(six.ok && toHex(six.value).endsWith('001c0001'));
});

test('RFC 1035 §2.3.4: names that cannot be asked for are refused', () => {
  const label = 'a'.repeat(63);
  assert.ok(encodeQuery({ ...question, name: `${label}.${label}.${label}.${'a'.repeat(61)}` }).ok);
  for (const name of ['', '.', 'a..b', '.a', `${label}a`, `${label}.${label}.${label}.${'a'.repeat(62)}`, 'a b', 'a\u0000', 'ä.example', 'a\\b'])
    assert.equal(encodeQuery({ ...question, name }).ok, false, name);
});

test('RFC 1035 §4.1.4: addresses with compressed owners, the smallest TTL, each once', () => {
  assert.deepEqual(answer('8180', '0001 0003', `${ADDRESS} c00c 0001 0001 0000000a 0004 c6336402 ${ADDRESS}`),
    { kind: 'addresses', addresses: ['198.51.100.1', '198.51.100.2'], ttl: 10_000 });
  assert.deepEqual(answer('8180', '0001 0001', 'c00c 001c 0001 0000003c 0010 20010db8000000000000000000000001', { ...question, type: 'AAAA' }),
    { kind: 'addresses', addresses: ['2001:db8::1'], ttl: 60_000 });
});

test('RFC 1034 §3.6.2: aliases are followed within the answer, in any order of records', () => {
  // hub.example CNAME a.example (offset 29 + 12 = 0x29), a.example A
  const alias = 'c00c 0005 0001 0000001e 0004 0161 c010';
  const target = '0161 c010 0001 0001 0000003c 0004 c6336407';
  const want = { kind: 'addresses', addresses: ['198.51.100.7'], ttl: 30_000 };
  assert.deepEqual(answer('8180', '0001 0002', `${alias} ${target}`), want);
  assert.deepEqual(answer('8180', '0001 0002', `${target} ${alias}`), want);
});

test('an alias that leads to itself or nowhere gives no address and ends', () => {
  assert.deepEqual(answer('8180', '0001 0001', 'c00c 0005 0001 0000001e 0002 c00c'), { kind: 'addresses', addresses: [], ttl: 0 });
  assert.deepEqual(answer('8180', '0001 0001', 'c00c 0005 0001 0000001e 0003 0162 00'), { kind: 'addresses', addresses: [], ttl: 0 });
  assert.deepEqual(answer('8180', '0001 0000', ''), { kind: 'addresses', addresses: [], ttl: 0 });
});

test('an address of another name is not taken', () => {
  assert.deepEqual(answer('8180', '0001 0001', '0178 c00c 0001 0001 0000003c 0004 c6336401'), { kind: 'addresses', addresses: [], ttl: 0 });
});

test('what the server says besides addresses: NXDOMAIN is final, SERVFAIL and REFUSED are not, truncation asks for TCP', () => {
  assert.deepEqual(answer('8183', '0001 0000', ''), { kind: 'failed', why: 'NXDOMAIN', final: true });
  assert.deepEqual(answer('8182', '0001 0000', ''), { kind: 'failed', why: 'SERVFAIL', final: false });
  assert.deepEqual(answer('8185', '0001 0000', ''), { kind: 'failed', why: 'REFUSED', final: false });
  assert.deepEqual(answer('818f', '0001 0000', ''), { kind: 'failed', why: 'rcode 15', final: false });
  assert.deepEqual(answer('8380', '0001 0001', ADDRESS), { kind: 'truncated' });
  assert.deepEqual(decodeAnswer(hex('1234 8182 0000 0000 0000 0000'), question), { kind: 'failed', why: 'SERVFAIL', final: false });
});

test('RFC 5452 §9.1: what does not answer this question is dropped', () => {
  const body = `${HUB} 0001 0001 ${ADDRESS}`;
  for (const [what, message] of [
    ['another id', `1235 8180 0001 0001 0000 0000 ${body}`],
    ['a query', `1234 0100 0001 0001 0000 0000 ${body}`],
    ['another opcode', `1234 9180 0001 0001 0000 0000 ${body}`],
    ['another name', `1234 8180 0001 0001 0000 0000 03687563 076578616d706c65 00 0001 0001 ${ADDRESS}`],
    ['another type', `1234 8180 0001 0001 0000 0000 ${HUB} 001c 0001 ${ADDRESS}`],
    ['another class', `1234 8180 0001 0001 0000 0000 ${HUB} 0001 0003 ${ADDRESS}`],
    ['no question', '1234 8180 0000 0000 0000 0000'],
    ['a short header', '1234 8180 00'],
    ['fewer records than promised', `1234 8180 0001 0002 0000 0000 ${body}`],
    ['an address of 3 octets', `1234 8180 0001 0001 0000 0000 ${HUB} 0001 0001 c00c 0001 0001 0000003c 0003 c63364`],
  ] as const) assert.equal(decodeAnswer(hex(message), question).kind, 'drop', what);
});

test('the case of the answer does not matter, a TTL with the top bit is zero', () => {
  const message = hex(`1234 8180 0001 0001 0000 0000 03485542 074578616d706c65 00 0001 0001 c00c 0001 0001 80000001 0004 c6336401`);
  assert.deepEqual(decodeAnswer(message, question), { kind: 'addresses', addresses: ['198.51.100.1'], ttl: 0 });
});

test('an answer with thousands of addresses is cut, not refused', () => {
  const writer = new ByteWriter();
  writer.bytes(hex(`1234 8180 0001 0fa0 0000 0000 ${HUB} 0001 0001`));
  for (let i = 0; i < 4000; i++) writer.bytes(hex('c00c 0001 0001 0000003c 0004')).u32(0x0a000000 + i);
  const got = decodeAnswer(writer.finish(), question);
  assert.ok(got.kind === 'addresses' && got.addresses.length === 32);
});

test('a label cannot pretend to be two', () => {
  // one label "hub.example" (11 octets)
  const message = concatText('1234 8180 0001 0001 0000 0000', '\u000bhub.example\u0000', `0001 0001 ${ADDRESS}`);
  assert.deepEqual(decodeAnswer(message, question), { kind: 'drop', why: 'other question' });
});

function concatText(before: string, text: string, behind: string): Uint8Array {
  return new ByteWriter().bytes(hex(before)).bytes(toUtf8(text)).bytes(hex(behind)).finish();
}
