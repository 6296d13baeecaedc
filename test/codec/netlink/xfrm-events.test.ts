import test from 'node:test';
import assert from 'node:assert/strict';
import { ByteWriter, concat, fromHex, ip } from '../../../src/base/index.ts';
import {
  decodeMessages, decodeXfrmAcquire, decodeXfrmExpire, decodeXfrmMapping, decodeXfrmPolicyGone, decodeXfrmSaGone, encodeAttributes, encodeXfrmPolicy, encodeXfrmSa, XFRM_ATTRS, XFRM_MSG,
} from '../../../src/codec/netlink/index.ts';
import { ASKING, MAPPED, POLICIES, SAS, SHORT } from './xfrm-cases.ts';
import { assertSamePolicy, xfrmMessages } from './xfrm-golden.ts';

const payloadsOf = (name: string, type: number): Uint8Array[] => xfrmMessages(name).filter((m) => m.type === type).map((m) => m.payload);
const saPayload = (le: boolean): Uint8Array => decodeMessages(encodeXfrmSa('add', SAS['udp-in'], 1, le), le)[0]?.payload.subarray(0, 224) ?? assert.fail();
const policyPayload = (le: boolean): Uint8Array => decodeMessages(encodeXfrmPolicy('add', POLICIES.in, 1, le), le)[0]?.payload ?? assert.fail();
const v4 = (text: string): Uint8Array => concat(fromHex(text) ?? assert.fail(text), new Uint8Array(12));

test('EXPIRE of a kernel: soft, then hard', () => {
  const told = payloadsOf('expire', XFRM_MSG.EXPIRE).map((p) => decodeXfrmExpire(p, true));
  const { source, destination, spi, reqid, ifId, mark } = SHORT;
  assert.deepEqual(told.map((e) => e && { ...e, counters: e.counters.packets }), [false, true].map((hard) => ({ hard, source, destination, spi, reqid, ifId, mark, counters: 0n })));
});

test('ACQUIRE of a kernel: the tunnel by its template, the packet by its selector', () => {
  const [acquire] = payloadsOf('acquire', XFRM_MSG.ACQUIRE).map((p) => decodeXfrmAcquire(p, true));
  const [template] = ASKING.templates;
  assert.deepEqual([acquire?.source, acquire?.destination, acquire?.reqid, acquire?.ifId], [template?.source, template?.destination, 55, 0]);
  assert.deepEqual([acquire?.selector?.source, acquire?.selector?.destination, acquire?.selector?.protocol], [{ address: '192.0.2.1', length: 32 }, { address: '10.77.1.2', length: 32 }, 1]);
  assert.equal((acquire?.policyIndex ?? 0) & 7, 1, 'of a policy out');
});

test('MAPPING of a kernel: the same address, another port', () => {
  const { source, destination, spi, reqid } = MAPPED;
  const [mapping] = payloadsOf('mapping', XFRM_MSG.MAPPING).map((p) => decodeXfrmMapping(p, true));
  assert.deepEqual(mapping, { destination, spi, reqid, from: { address: source, port: 4500 }, to: { address: source, port: 4501 } });
});

test('deletions of a kernel', () => {
  const { destination, spi, source, reqid, ifId, mark } = SAS['gcm-out'];
  assert.deepEqual(payloadsOf('changes', XFRM_MSG.DELSA).map((p) => decodeXfrmSaGone(p, true)), [{ destination, spi, source, reqid, ifId, mark }]);
  const [policy] = payloadsOf('changes', XFRM_MSG.DELPOLICY).map((p) => decodeXfrmPolicyGone(p, true));
  assertSamePolicy(policy, POLICIES['ports-fwd']);
});

for (const le of [true, false]) {
  const order = le ? 'little-endian' : 'big-endian';
  const attributes = (values: Parameters<typeof encodeAttributes<typeof XFRM_ATTRS>>[1]): Uint8Array => encodeAttributes(XFRM_ATTRS, values, le);
  const saId = (spi: number): Uint8Array => new ByteWriter().bytes(v4('cb007109')).u32(spi).u16(2, le).u8(50).u8(0).finish();

  test(`EXPIRE, ${order}`, () => {
    const expire = (hard: number) => decodeXfrmExpire(concat(saPayload(le), Uint8Array.of(hard, 0, 0, 0, 0, 0, 0, 0), attributes({ ifId: 5 })), le);
    assert.deepEqual([expire(0)?.hard, expire(1)?.hard, expire(1)?.ifId, expire(1)?.spi], [false, true, 5, SAS['udp-in'].spi]);
    assert.equal(decodeXfrmExpire(concat(saPayload(le), Uint8Array.of(1)), le), undefined);
  });

  test(`MAPPING of both families, ${order}`, () => {
    const four = new ByteWriter().bytes(saId(0xd2000001)).u32(9, le).bytes(v4('c6336402')).bytes(v4('c6336403')).u16(4501).u16(40_000).finish();
    assert.equal(four.length, 64);
    assert.deepEqual(decodeXfrmMapping(four, le), {
      destination: '203.0.113.9', spi: 0xd2000001, reqid: 9, from: { address: '198.51.100.2', port: 4501 }, to: { address: '198.51.100.3', port: 40_000 },
    });
    const address = (last: string): Uint8Array => fromHex(`20010db8${'00'.repeat(11)}${last}`) ?? assert.fail();
    const six = new ByteWriter().bytes(address('01')).u32(7).u16(10, le).u8(50).u8(0).u32(9, le).bytes(address('02')).bytes(address('03')).u16(1).u16(2).finish();
    assert.deepEqual(decodeXfrmMapping(six, le), { destination: ip('2001:db8::1'), spi: 7, reqid: 9, from: { address: ip('2001:db8::2'), port: 1 }, to: { address: ip('2001:db8::3'), port: 2 } });
    for (let length = 0; length < 64; length++) assert.equal(decodeXfrmMapping(four.subarray(0, length), le), undefined);
    const other = four.slice();
    other[22] = 51;
    assert.equal(decodeXfrmMapping(other, le), undefined, 'AH');
  });

  test(`DELSA and DELPOLICY: the attribute tells what the header does not, ${order}`, () => {
    assert.deepEqual(decodeXfrmSaGone(concat(saId(3), attributes({ sa: saPayload(le), ifId: 8 })), le), { destination: '203.0.113.9', spi: 3, source: SAS['udp-in'].source, reqid: 9, ifId: 8 });
    assert.equal(decodeXfrmSaGone(saId(3), le), undefined, 'a request has no attribute');
    assert.equal(decodeXfrmSaGone(concat(saId(3), attributes({ sa: saPayload(le).subarray(0, 223) })), le), undefined);
    const payload = policyPayload(le);
    const gone = concat(payload.subarray(0, 64), attributes({ policy: payload.subarray(0, 168), ifId: 8 }));
    assert.deepEqual([decodeXfrmPolicyGone(gone, le)?.selector, decodeXfrmPolicyGone(gone, le)?.ifId], [POLICIES.in.selector, 8]);
    assert.equal(decodeXfrmPolicyGone(payload.subarray(0, 64), le), undefined);
    assert.equal(decodeXfrmPolicyGone(concat(payload.subarray(0, 64), attributes({ policy: payload.subarray(0, 167) })), le), undefined);
  });

  test(`ACQUIRE, ${order}`, () => {
    const policy = policyPayload(le);
    const head = (protocol: number): Uint8Array => new ByteWriter().bytes(v4('c0000201')).u32(0).u8(protocol).zeros(3).bytes(v4('c6336402')).bytes(policy.subarray(0, 56)).bytes(policy.subarray(0, 156))
      .u32(0x39, le).bytes(policy.subarray(160, 168)).zeros(16).finish();
    assert.equal(head(50).length, 280);
    const acquire = decodeXfrmAcquire(concat(head(50), policy.subarray(168), attributes({ ifId: 6, mark: new ByteWriter().u32(1, le).u32(3, le).finish() })), le);
    assert.deepEqual(acquire, { source: '198.51.100.2', destination: '192.0.2.1', selector: POLICIES.in.selector, reqid: 9, policyIndex: 0x39, ifId: 6, mark: { value: 1, mask: 3 } });
    assert.equal(decodeXfrmAcquire(concat(head(51), policy.subarray(168)), le), undefined, 'AH');
    assert.equal(decodeXfrmAcquire(head(50), le), undefined, 'without template the family is not known');
    assert.equal(decodeXfrmAcquire(head(50).subarray(0, 279), le), undefined);
  });
}
