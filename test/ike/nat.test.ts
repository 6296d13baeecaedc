import { test } from 'node:test';
import assert from 'node:assert/strict';
import { nodeCrypto } from '../../src/adapters/node/crypto.ts';
import { ip, type Endpoint } from '../../src/base/index.ts';
import { notify, type IkeSpi, type Payload } from '../../src/codec/ike/index.ts';
import { natHash, natNotifies, natVerdict } from '../../src/ike/nat.ts';

const suite = nodeCrypto();
const [I, R] = [1n as IkeSpi, 2n as IkeSpi];
const at = (address: string, port = 500): Endpoint => ({ address: ip(address), port });
const [HERE, THERE] = [at('192.0.2.1'), at('203.0.113.1')];
const source = (data: Uint8Array): Payload => notify('NAT_DETECTION_SOURCE_IP', data);
const destination = (data: Uint8Array): Payload => notify('NAT_DETECTION_DESTINATION_IP', data);
const read = (...payloads: Payload[]): readonly [boolean, boolean] | undefined => {
  const verdict = natVerdict(suite, I, R, HERE, THERE, payloads);
  return verdict && [verdict.local, verdict.remote];
};

test('I2.23-1: the hashes are over SPIs, address and port; the source may be hidden as the unspecified address of its family', () => {
  const hashes = (from: Endpoint, hidden: boolean): Uint8Array[] => natNotifies(suite, I, R, from, THERE, hidden).map((n) => n.data);
  assert.deepEqual(hashes(HERE, false), [natHash(suite, I, R, HERE), natHash(suite, I, R, THERE)]);
  assert.deepEqual(hashes(HERE, true)[0], natHash(suite, I, R, at('0.0.0.0', 0)));
  assert.deepEqual(hashes(at('2001:db8::1'), true)[0], natHash(suite, I, R, at('::', 0)));
  const different = [[I, R, HERE], [R, I, HERE], [I, R, { ...HERE, port: 501 }], [I, R, THERE]] as const;
  assert.equal(new Set(different.map(([i, r, end]) => natHash(suite, i, r, end).join())).size, 4);
});

test('I2.23-1: a NAT is where a hash is not that of the packet; of several sources any may fit; both kinds or nothing', () => {
  const [ours, theirs, other] = [natHash(suite, I, R, HERE), natHash(suite, I, R, THERE), natHash(suite, I, R, at('198.51.100.1'))];
  assert.deepEqual(read(source(theirs), destination(ours)), [false, false]);
  assert.deepEqual(read(source(other), destination(ours)), [false, true]);
  assert.deepEqual(read(source(theirs), destination(other)), [true, false]);
  assert.deepEqual(read(source(other), source(theirs), destination(ours)), [false, false]);
  assert.deepEqual([read(source(theirs)), read(destination(ours)), read()], [undefined, undefined, undefined]);
});

test('the mapping is a copy: the message it came in belongs to somebody else', () => {
  const data = natHash(suite, I, R, at('198.51.100.1'));
  const before = data.slice();
  const verdict = natVerdict(suite, I, R, HERE, THERE, [source(data), destination(data)]);
  data.fill(0);
  assert.deepEqual(verdict?.mapping, before);
});
