import test from 'node:test';
import assert from 'node:assert/strict';
import { concat, ip, toHex } from '../../../src/base/index.ts';
import {
  decodeMessages, decodeXfrmPolicy, encodeAttributes, encodeXfrmPolicy, encodeXfrmPolicyDelete, encodeXfrmPolicyDump, encodeXfrmPolicyGet, MOST_TEMPLATES, NLM_F, XFRM_ATTRS, XFRM_MSG,
  type XfrmPolicy,
} from '../../../src/codec/netlink/index.ts';
import { MOVED, POLICIES, prefix } from './xfrm-cases.ts';
import { assertSamePolicy, xfrmMessages } from './xfrm-golden.ts';

const ALL = Object.entries<XfrmPolicy>(POLICIES);
const payloadOf = (policy: XfrmPolicy, le: boolean): Uint8Array => decodeMessages(encodeXfrmPolicy('add', policy, 1, le), le)[0]?.payload ?? assert.fail();
const changed = (policy: XfrmPolicy, at: number, value: number) => {
  const payload = payloadOf(policy, true);
  payload[at] = value;
  return decodeXfrmPolicy(payload, true);
};
const keyOf = (policy: XfrmPolicy | undefined): string => JSON.stringify([policy?.direction, policy?.selector]);

test('what a kernel dumped is what was asked for, blocks included', () => {
  const told = xfrmMessages('policy-dump').filter(({ type }) => type === XFRM_MSG.NEWPOLICY).map(({ payload }) => decodeXfrmPolicy(payload, true));
  assert.equal(told.length, ALL.length);
  for (const [, policy] of ALL) assertSamePolicy(told.find((fact) => keyOf(fact) === keyOf(policy)), policy);
});

test('after MIGRATE the templates have the new address, their level kept; UPDPOLICY took the place of the old policy', () => {
  const told = xfrmMessages('policy-moved').map(({ payload }) => decodeXfrmPolicy(payload, true));
  const ours = MOVED[0]?.source ?? assert.fail();
  assert.equal(ours, '203.0.113.9');
  for (const direction of ['out', 'in', 'fwd'] as const) {
    const { templates: [before], ...policy } = POLICIES[direction];
    const after = direction === 'out' ? { ...before, source: ours } : { ...before, destination: ours };
    assertSamePolicy(told.find((fact) => keyOf(fact) === keyOf({ ...policy, templates: [] })), { ...policy, templates: [after] });
  }
  assertSamePolicy(told.find((fact) => keyOf(fact) === keyOf(POLICIES.bypass)), { ...POLICIES.bypass, action: 'block', priority: 2 });
});

for (const le of [true, false]) {
  const order = le ? 'little-endian' : 'big-endian';

  test(`every policy decodes to itself, ${order}`, () => {
    for (const [name, policy] of ALL) {
      const { index, counters, ...same } = decodeXfrmPolicy(payloadOf(policy, le), le) ?? assert.fail(name);
      assert.deepEqual(same, policy);
      assert.deepEqual([index, counters], [0, { octets: 0n, packets: 0n, addTime: 0, useTime: 0 }], 'the kernel chooses the index');
    }
    const device: XfrmPolicy = { ...POLICIES.out, selector: { ...POLICIES.out.selector, ifindex: 0x01020304 } };
    assert.deepEqual(decodeXfrmPolicy(payloadOf(device, le), le)?.selector, device.selector);
  });

  test(`header and template have their fields where linux/xfrm.h has them, ${order}`, () => {
    const payload = payloadOf({ ...POLICIES.in, action: 'block' }, le);
    const view = new DataView(payload.buffer, payload.byteOffset);
    assert.equal(toHex(payload.subarray(0, 4)) + toHex(payload.subarray(16, 20)), '0a0100000a020000', 'destination, then source');
    assert.equal(toHex(payload.subarray(56, 152)), `${'ff'.repeat(32)}${'00'.repeat(64)}`, 'no limits');
    assert.deepEqual([view.getUint32(152, le), view.getUint32(156, le), payload[160], payload[161], payload[162], payload[163]], [1000, 0, 0, 1, 0, 0]);
    assert.deepEqual([view.getUint16(168, le), view.getUint16(170, le)], [68, 5], 'XFRMA_TMPL');
    const template = payload.subarray(172);
    const fields = new DataView(template.buffer, template.byteOffset);
    assert.equal(toHex(template.subarray(0, 24)), `c0000201${'00'.repeat(16)}32000000`);
    assert.deepEqual([fields.getUint16(24, le), toHex(template.subarray(28, 32)), fields.getUint32(44, le)], [2, 'c6336402', 9]);
    assert.equal(toHex(template.subarray(48)), '01000100ffffffffffffffffffffffff', 'tunnel, shared by any, optional, any algorithm');
  });
}

test('requests to delete, get and dump name the policy by direction, selector, mark and interface', () => {
  const id = POLICIES['six-in-four'];
  const selector = `${'00'.repeat(16)}20010db8000a${'00'.repeat(10)}${'00'.repeat(8)}000a0030${'00'.repeat(12)}`;
  assert.equal(toHex(encodeXfrmPolicyDelete(id, 4, false)), `00000064001400050000000400000000${selector}0000000001000000` + '000c001500000005000000ff' + '0008001f0000002a');
  assert.equal(decodeMessages(encodeXfrmPolicyGet(id, 4, true), true)[0]?.type, XFRM_MSG.GETPOLICY);
  assert.equal(toHex(encodeXfrmPolicyGet(id, 4, false)).slice(24), toHex(encodeXfrmPolicyDelete(id, 4, false)).slice(24));
  assert.equal(toHex(encodeXfrmPolicyDump(6, true)), '10000000150001030600000000000000');
  const [update] = decodeMessages(encodeXfrmPolicy('update', POLICIES.out, 9, true), true);
  assert.deepEqual([update?.type, update?.flags], [XFRM_MSG.UPDPOLICY, NLM_F.REQUEST | NLM_F.ACK | NLM_F.REPLACE]);
});

test('policies of sockets, of other types and with other templates are no concern of ours', () => {
  assert.ok(changed(POLICIES.out, 160, 2));
  assert.equal(changed(POLICIES.out, 160, 3), undefined, 'a policy of a socket');
  assert.equal(changed(POLICIES.out, 161, 2), undefined, 'an action there is none of');
  assert.equal(changed(POLICIES.out, 40, 0), undefined, 'a selector of no family');
  assert.equal(changed(POLICIES.out, 42, 33), undefined, 'a prefix of 33 bits');
  assert.equal(changed(POLICIES.out, 172 + 20, 51), undefined, 'AH');
  assert.equal(changed(POLICIES.out, 172 + 48, 0), undefined, 'transport mode');
  assert.equal(changed(POLICIES.out, 172 + 24, 0), undefined, 'a template of no family');
  const type = (value: number) => decodeXfrmPolicy(concat(payloadOf(POLICIES.out, true), encodeAttributes(XFRM_ATTRS, { policyType: Uint8Array.of(value, 0, 0, 0, 0, 0) }, true)), true);
  assert.ok(type(0));
  assert.equal(type(1), undefined, 'XFRM_POLICY_TYPE_SUB');
});

test('no more templates than the kernel takes, and none that is cut', () => {
  const many = (count: number): XfrmPolicy => ({
    ...POLICIES.out, templates: Array.from({ length: count }, (_, at) => ({ source: ip('192.0.2.1'), destination: ip('192.0.2.2'), reqid: at, level: 'required' as const })),
  });
  assert.equal(decodeXfrmPolicy(payloadOf(many(MOST_TEMPLATES), true), true)?.templates.length, 6);
  assert.equal(decodeXfrmPolicy(payloadOf(many(MOST_TEMPLATES + 1), true), true), undefined);
  const short = concat(payloadOf(POLICIES.bypass, true), encodeAttributes(XFRM_ATTRS, { tmpl: new Uint8Array(63) }, true));
  assert.equal(decodeXfrmPolicy(short, true), undefined);
});

test('cut anywhere in its header, a payload gives nothing', () => {
  const payload = payloadOf({ ...POLICIES.out, selector: { source: prefix('::/0'), destination: prefix('::/0'), protocol: 0 } }, true);
  for (let length = 0; length < 168; length++) assert.equal(decodeXfrmPolicy(payload.subarray(0, length), true), undefined);
});
