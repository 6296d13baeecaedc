import { test } from 'node:test';
import assert from 'node:assert/strict';
import { fromHex, toHex, type Json, type JsonObject } from '../../../src/base/index.ts';
import { asObject, decodeFields, decodeMessage, encodeFields, MAX_DEPTH } from '../../../src/codec/ubus/index.ts';
import { capture, decodedLines } from '../../golden/ubus/captures.ts';

const hex = (text: string): Uint8Array => fromHex(text.replaceAll(' ', '')) ?? assert.fail(text);

test('int8 with a two-letter name, as recorded: header padded to 4, value padded to 4', () => {
  assert.equal(toHex(encodeFields({ up: true })), '8700000d0002757000000000' + '01000000');
  assert.deepEqual(decodeFields(hex('8700000d 0002 7570 00 000000 01 000000')), { up: true });
});

test('every type and padding case a real callee sent decodes as the independent decoder says', () => {
  const frames = capture('wire/types');
  let compared = 0;
  for (const [i, line] of decodedLines('types').entries()) {
    const expected = asObject(asObject(line['attrs'])?.['data']);
    if (expected === undefined || line['typeName'] === 'HELLO') continue;
    const got = decodeMessage(frames[i]?.bytes ?? assert.fail())?.attrs.data;
    assert.deepEqual(got, plain(expected), `line ${i}`);
    compared++;
  }
  assert.ok(compared >= 6);
});

/** `{"type": "int64", "value": "5"}` of the decoded capture to the JSON we promise for it. */
function plain(fields: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(fields).map(([name, typed]) => [name, plainValue(typed)]));
}

function plainValue(typed: Json): Json {
  const entry = asObject(typed) ?? assert.fail(JSON.stringify(typed));
  const value = entry['value'] ?? null;
  switch (entry['type']) {
    case 'int8':
      return value !== 0;
    case 'int64': {
      const number = Number(value);
      return Number.isSafeInteger(number) ? number : String(value);
    }
    case 'type0':
      return null;
    case 'array':
      return (value as readonly Json[]).map(plainValue);
    case 'table':
      return plain(asObject(value) ?? {});
    default:
      return value;
  }
}

test('whole numbers become int32 where they fit, else int64; ids must be passed signed', () => {
  const typeOf = (value: number): number => (encodeFields({ n: value })[0] ?? 0) & 0x7f;
  for (const [value, type] of [[0, 5], [2147483647, 5], [-2147483648, 5], [2147483648, 4], [5000000000, 4], [-2147483649, 4], [1.5, 8], [1e300, 8]] as const) {
    assert.equal(typeOf(value), type, String(value));
    assert.deepEqual(decodeFields(encodeFields({ n: value })), { n: value });
  }
  assert.equal(typeOf(3758642602 | 0), 5);
  assert.equal((decodeFields(encodeFields({ id: 3758642602 | 0 }))?.['id'] as number) >>> 0, 3758642602);
});

test('decode of encode is identity', () => {
  const value: JsonObject = { t: true, f: false, nil: null, text: 'Grüße 漢字 😀', empty: '', n: -7, d: 0.25, list: [1, 'a', [], {}, [true]], table: { deep: { deeper: { list: [{}] } } }, ['x'.repeat(200)]: 1 };
  assert.deepEqual(decodeFields(encodeFields(value)), value);
  assert.deepEqual(decodeFields(new Uint8Array(0)), {});
});

test('a name __proto__ stays a plain member and changes no prototype', () => {
  const got = decodeFields(encodeFields(JSON.parse('{"__proto__":{"up":true},"x":1}') as JsonObject)) ?? assert.fail();
  assert.deepEqual(Object.keys(got), ['__proto__', 'x']);
  assert.equal(Object.getPrototypeOf(got), Object.prototype);
  assert.equal(got['up'], undefined);
});

test('text that is not UTF-8 is read as Latin-1 instead of losing the message', () => {
  assert.deepEqual(decodeFields(hex('8300000b 0001 61 00 ff41 00 00')), { a: 'ÿA' });
});

test('malformed attributes give undefined: lengths, names, sizes of numbers, a plain attribute', () => {
  for (const bad of ['87000010 0002 7570 00 000000 01', '87000003 00000000', '87000008 00ff 0000', '85000009 0000 0000 01 000000', '07000008 00000000', '89000008 00000000', '8400000c 0000 0000 00000001'])
    assert.equal(decodeFields(hex(bad)), undefined, bad);
});

test('nesting is bounded both ways', () => {
  const nested = (levels: number): JsonObject => {
    let value: JsonObject = { end: true };
    for (let i = 1; i < levels; i++) value = { a: value };
    return value;
  };
  assert.deepEqual(decodeFields(encodeFields(nested(MAX_DEPTH))), nested(MAX_DEPTH));
  assert.doesNotThrow(() => encodeFields(nested(5000)));
  let deep = new Uint8Array(0);
  for (let i = 0; i < 3000; i++) {
    const outer = new Uint8Array(deep.length + 8);
    new DataView(outer.buffer).setUint32(0, (0x82000000 | outer.length) >>> 0);
    outer.set(deep, 8);
    deep = outer;
  }
  assert.equal(decodeFields(deep), undefined);
});
