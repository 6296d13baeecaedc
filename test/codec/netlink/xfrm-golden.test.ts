// What a real kernel said and took (test/kernel/xfrm.test.ts recorded it), and the tables it names.
import test from 'node:test';
import assert from 'node:assert/strict';
import { toHex } from '../../../src/base/index.ts';
import { decodeMessages, eachAttribute, XFRM_ATTRS, XFRM_MSG } from '../../../src/codec/netlink/index.ts';
import { REQUESTS } from './xfrm-cases.ts';
import { XFRM_REQUESTS, xfrmGoldens, xfrmLines } from './xfrm-golden.ts';

const cases = xfrmGoldens();
test('there are goldens', () => assert.ok(cases.length >= 10));

for (const { name, datagrams, expected } of cases) {
  if (name === XFRM_REQUESTS) {
    test('every request is encoded to the octets that a kernel took', () => {
      assert.deepEqual(REQUESTS.map((request) => request.name), expected);
      REQUESTS.forEach((request, at) => assert.equal(toHex(request.encode(at + 1, true)), toHex(datagrams[at] ?? new Uint8Array(0)), request.name));
    });
  } else test(`golden ${name}: octets of a real kernel become these values`, () => assert.deepEqual(xfrmLines(datagrams, true), expected));
}

test('big-endian requests: the same messages, and the numbers of the header in the other order', () => {
  for (const [at, request] of REQUESTS.entries()) {
    const [little, big] = [request.encode(at + 1, true), request.encode(at + 1, false)];
    assert.equal(little.length, big.length, request.name);
    const [one, other] = [decodeMessages(little, true)[0], decodeMessages(big, false)[0]];
    assert.deepEqual([one?.type, one?.flags, one?.sequence], [other?.type, other?.flags, other?.sequence]);
    assert.notEqual(toHex(little), toHex(big));
  }
});

/** Where the attributes of a message begin. */
const HEADERS: { readonly [type: number]: number } = {
  [XFRM_MSG.NEWSA]: 224, [XFRM_MSG.UPDSA]: 224, [XFRM_MSG.DELSA]: 24, [XFRM_MSG.NEWPOLICY]: 168, [XFRM_MSG.UPDPOLICY]: 168, [XFRM_MSG.DELPOLICY]: 64, [XFRM_MSG.GETPOLICY]: 64,
  [XFRM_MSG.NEWAE]: 48, [XFRM_MSG.MIGRATE]: 64, [XFRM_MSG.EXPIRE]: 232, [XFRM_MSG.ACQUIRE]: 280,
};

test('every attribute row and message type is in a golden, but for what this kernel does not tell', () => {
  const [attributes, types] = [new Set<number>(), new Set<number>()];
  for (const { type, flags, payload } of cases.flatMap((c) => c.datagrams).flatMap((d) => decodeMessages(d, true))) {
    types.add(type);
    const header = type === XFRM_MSG.GETSA ? ((flags & 0x300) === 0 ? 24 : 0) : HEADERS[type];
    if (header !== undefined) assert.ok(eachAttribute(payload.subarray(Math.min(header, payload.length)), true, (code) => attributes.add(code)));
  }
  assert.deepEqual(Object.entries(XFRM_ATTRS).filter(([, { code }]) => !attributes.has(code)).map(([name]) => name), ['lastUsed', 'saDir']);
  assert.deepEqual(Object.entries(XFRM_MSG).filter(([, type]) => !types.has(type)).map(([name]) => name), []);
});
