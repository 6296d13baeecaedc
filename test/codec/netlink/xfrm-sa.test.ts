import test from 'node:test';
import assert from 'node:assert/strict';
import { concat, ip, sameBytes, toHex } from '../../../src/base/index.ts';
import {
  decodeMessages, decodeXfrmSa, encodeAttributes, encodeXfrmSa, encodeXfrmSaDelete, encodeXfrmSaDump, encodeXfrmSaGet, NLM_F, XFRM_ATTRS, XFRM_MSG, type Attributes, type XfrmSa,
} from '../../../src/codec/netlink/index.ts';
import { SAS } from './xfrm-cases.ts';
import { assertSameSa, xfrmMessages } from './xfrm-golden.ts';

const ALL = Object.entries<XfrmSa>(SAS);
const payloadOf = (sa: XfrmSa, le: boolean): Uint8Array => decodeMessages(encodeXfrmSa('add', sa, 1, le), le)[0]?.payload ?? assert.fail();
/** A payload with more attributes; of two with one type the last counts. */
const withMore = (sa: XfrmSa, more: Attributes<typeof XFRM_ATTRS>, le = true) => decodeXfrmSa(concat(payloadOf(sa, le), encodeAttributes(XFRM_ATTRS, more, le)), le);
/** A payload with one octet changed. */
const changed = (sa: XfrmSa, at: number, value: number) => {
  const payload = payloadOf(sa, true);
  payload[at] = value;
  return decodeXfrmSa(payload, true);
};

test('what a kernel dumped is what was asked for', () => {
  const told = xfrmMessages('sa-dump').map(({ payload }) => decodeXfrmSa(payload, true));
  for (const [, sa] of ALL) assertSameSa(told.find((fact) => fact?.spi === sa.spi && fact.destination === sa.destination), sa);
});

for (const le of [true, false]) {
  const order = le ? 'little-endian' : 'big-endian';

  test(`every SA decodes to itself, ${order}`, () => {
    for (const [name, sa] of ALL) {
      const fact = decodeXfrmSa(payloadOf(sa, le), le) ?? assert.fail(name);
      // A request tells the counters in an attribute that only the kernel reads.
      const { counters: _asked, replay, ...rest } = sa;
      const { counters: _zero, drops: _drops, replay: told, ...same } = fact;
      assert.deepEqual(same, rest, name);
      assert.deepEqual(told, sa.esn || sa.replayWindow > 32 ? (replay ?? { outbound: 0n, inbound: 0n }) : replay, name);
    }
  });

  test(`the header has its fields where linux/xfrm.h has them, ${order}`, () => {
    const sa = SAS['gcm-out'];
    const payload = payloadOf(sa, le);
    const view = new DataView(payload.buffer, payload.byteOffset);
    assert.equal(toHex(payload.subarray(56, 60)), 'c6336402', 'id.daddr');
    assert.equal(view.getUint32(72), sa.spi, 'id.spi is in network order');
    assert.equal(payload[76], 50, 'id.proto');
    assert.equal(toHex(payload.subarray(80, 84)), 'c0000201', 'saddr');
    assert.deepEqual([0, 1, 2, 3, 4, 5, 6, 7].map((n) => view.getBigUint64(96 + 8 * n, le)), [1n << 40n, 1n << 41n, 0xffff_0000n, 0xffff_ff00n, 3000n, 3600n, 0n, 0n], 'lft');
    assert.ok(payload.subarray(160, 208).every((octet) => octet === 0), 'curlft, stats, seq');
    assert.equal(view.getUint32(208, le), 7, 'reqid');
    assert.deepEqual([view.getUint16(212, le), payload[214], payload[215], payload[216]], [2, 1, 0, 128 | 32], 'family, mode, replay_window, flags');
    const narrow = payloadOf(SAS['cbc-out'], le);
    assert.deepEqual([narrow[215], narrow[216]], [32, 1 | 4], 'a selector: not AF_UNSPEC');
    const selector = new DataView(narrow.buffer, narrow.byteOffset);
    assert.deepEqual([selector.getUint16(32), selector.getUint16(34), selector.getUint16(36), selector.getUint16(38)], [443, 0xffff, 0x1200, 0xff00], 'ports are in network order');
    assert.deepEqual([selector.getUint16(40, le), narrow[42], narrow[43], narrow[44]], [2, 24, 16, 6], 'family, prefix lengths, protocol');
    assert.equal(payloadOf(SAS['preset-in'], le)[215], 0, 'an attribute tells the window');
  });

  test(`without limits octets and packets have the largest number, seconds 0, ${order}`, () => {
    const payload = payloadOf(SAS['gcm-in'], le);
    assert.equal(toHex(payload.subarray(96, 160)), `${'ff'.repeat(32)}${'00'.repeat(32)}`);
  });
}

test('requests to delete, get and dump, octet by octet', () => {
  const id = { destination: ip('192.0.2.1'), spi: 0x12345678 };
  const body = `c0000201${'00'.repeat(12)}12345678`;
  assert.equal(toHex(encodeXfrmSaDelete(id, 5, true)), `28000000110005000500000000000000${body}02003200`);
  assert.equal(toHex(encodeXfrmSaDelete(id, 5, false)), `00000028001100050000000500000000${body}00023200`);
  assert.equal(toHex(encodeXfrmSaGet({ ...id, mark: { value: 1, mask: 2 } }, 5, false)), `00000034001200050000000500000000${body}00023200000c00150000000100000002`);
  assert.equal(toHex(encodeXfrmSaDump(6, true)), '180000001200010306000000000000000500190032000000');
  const [message] = decodeMessages(encodeXfrmSa('update', SAS['gcm-in'], 9, true), true);
  assert.deepEqual([message?.type, message?.flags], [XFRM_MSG.UPDSA, NLM_F.REQUEST | NLM_F.ACK | NLM_F.REPLACE]);
});

test('the keys are in the message once, and a decoded key is a view of the datagram', () => {
  for (const sa of [SAS['gcm-out'], SAS['cbc-out']] satisfies XfrmSa[]) {
    const keys = sa.algorithm.kind === 'aead' ? [sa.algorithm.key] : [sa.algorithm.encryption.key, sa.algorithm.integrity.key];
    const message = encodeXfrmSa('add', sa, 1, true);
    for (const key of keys) {
      const places = Array.from({ length: message.length }, (_, at) => at).filter((at) => sameBytes(message.subarray(at, at + key.length), key));
      assert.equal(places.length, 1);
    }
    const payload = decodeMessages(message, true)[0]?.payload ?? assert.fail();
    const told = decodeXfrmSa(payload, true)?.algorithm;
    message.fill(0);
    const views = told?.kind === 'aead' ? [told.key] : [told?.encryption.key, told?.integrity.key];
    assert.equal(views.length, keys.length);
    for (const view of views) assert.ok(view?.every((octet) => octet === 0), 'whoever wipes the datagram wipes the key');
  }
});

test('a key of zeros is one that the kernel hides; a cipher without key hides none', () => {
  const zeros = { ...SAS['gcm-in'], algorithm: { ...SAS['gcm-in'].algorithm, key: new Uint8Array(20) } } as XfrmSa;
  assert.deepEqual(decodeXfrmSa(payloadOf(zeros, true), true)?.algorithm, { kind: 'aead', name: 'rfc4106(gcm(aes))', key: undefined, icvBits: 128 });
  const none: XfrmSa = { ...SAS['gcm-in'], algorithm: { kind: 'pair', encryption: { name: 'ecb(cipher_null)', key: new Uint8Array(0) }, integrity: { name: 'hmac(sha256)', key: Uint8Array.of(1), truncBits: 128 } } };
  assert.deepEqual(decodeXfrmSa(payloadOf(none, true), true)?.algorithm, none.algorithm);
});

test('what newer kernels tell: when it was last used, its direction', () => {
  assert.equal(withMore(SAS['gcm-in'], { lastUsed: Uint8Array.of(0, 0xe1, 0xf5, 0x05, 0, 0, 0, 0) })?.lastUsed, 100_000_000);
  assert.equal(withMore(SAS['gcm-in'], { lastUsed: Uint8Array.of(0, 0, 0, 0, 0x05, 0xf5, 0xe1, 0) }, false)?.lastUsed, 100_000_000);
  assert.equal(withMore(SAS['gcm-in'], { lastUsed: new Uint8Array(8).fill(255) })?.lastUsed, Number.MAX_SAFE_INTEGER);
  assert.equal(withMore(SAS['gcm-in'], { lastUsed: new Uint8Array(8) })?.lastUsed, undefined);
  assert.equal(withMore(SAS['gcm-in'], { saDir: 1 })?.direction, 'in');
  assert.equal(withMore(SAS['gcm-in'], { saDir: 2 })?.direction, 'out');
  assert.equal(withMore(SAS['gcm-in'], { saDir: 3 })?.direction, undefined);
});

test('an output mark without mask is the whole mark; a mark of no bits is none', () => {
  assert.deepEqual(withMore(SAS['gcm-in'], { outputMark: 7 })?.outputMark, { value: 7, mask: 0xffff_ffff });
  assert.equal(withMore(SAS['gcm-in'], { mark: new Uint8Array(8) })?.mark, undefined);
});

test('SAs that are not ESP tunnels, bare or in UDP, are no concern of ours', () => {
  const sa = SAS['gcm-in'];
  assert.ok(changed(sa, 76, 50));
  assert.equal(changed(sa, 76, 51), undefined, 'AH');
  assert.equal(changed(sa, 214, 0), undefined, 'transport mode');
  assert.equal(changed(sa, 212, 7), undefined, 'a family that is not IP');
  assert.equal(withMore(sa, { encap: Uint8Array.of(7, 0, ...new Uint8Array(22)) }), undefined, 'ESP in TCP');
  const narrow = SAS['cbc-out'];
  assert.equal(changed(narrow, 42, 33), undefined, 'a prefix of 33 bits');
  assert.equal(changed(narrow, 43, 33), undefined);
  assert.equal(changed(narrow, 40, 3), undefined, 'a selector of a family that is not IP');
});

test('an SA that only holds its place has no algorithm', () => {
  const fact = decodeXfrmSa(payloadOf(SAS['gcm-in'], true).subarray(0, 224), true);
  assert.deepEqual([fact?.spi, fact?.algorithm, fact?.replay, fact?.replayWindow], [SAS['gcm-in'].spi, undefined, undefined, 0]);
});

test('algorithms and numbers that cannot be: no SA', () => {
  const sa = SAS['gcm-in'];
  const aead = (...octets: readonly number[]): Uint8Array => Uint8Array.from([...octets]);
  const name = [...new Uint8Array(64)];
  assert.ok(withMore(sa, { algAead: aead(...name, 8, 0, 0, 0, 64, 0, 0, 0, 1) }));
  assert.equal(withMore(sa, { algAead: aead(...name, 9, 0, 0, 0, 64, 0, 0, 0, 1) }), undefined, 'a key longer than the attribute');
  assert.equal(withMore(sa, { algAead: aead(...name, 0xff, 0xff, 0xff, 0xff, 64, 0, 0, 0, 1) }), undefined);
  assert.equal(withMore(sa, { algAead: aead(...name.fill(65), 8, 0, 0, 0, 64, 0, 0, 0, 1) }), undefined, 'a name without end');
  assert.equal(withMore(sa, { algAead: aead(0xff, 0, ...new Uint8Array(62), 8, 0, 0, 0, 64, 0, 0, 0, 1) }), undefined, 'a name that is not UTF-8');
  const bare = payloadOf(sa, true).subarray(0, 224);
  const half = encodeAttributes(XFRM_ATTRS, { algCrypt: new Uint8Array(68) }, true);
  assert.equal(decodeXfrmSa(concat(bare, half), true), undefined, 'encryption without integrity');
  const window = (count: number, packets: number): Uint8Array => {
    const out = new Uint8Array(24 + 4 * Math.min(count, 200));
    new DataView(out.buffer).setUint32(0, count, true);
    new DataView(out.buffer).setUint32(20, packets, true);
    return out;
  };
  assert.equal(withMore(sa, { replayEsnVal: window(128, 4096) })?.replayWindow, 4096);
  assert.equal(withMore(sa, { replayEsnVal: window(129, 4096) }), undefined, 'more words than the kernel has');
  assert.equal(withMore(sa, { replayEsnVal: window(2, 65) }), undefined, 'a window larger than its words');
  assert.equal(withMore(sa, { replayEsnVal: window(0xffff_ffff, 1) }), undefined);
  assert.equal(withMore(sa, { replayEsnVal: new Uint8Array(23) }), undefined);
  assert.equal(decodeXfrmSa(concat(bare, encodeAttributes(XFRM_ATTRS, { replayVal: new Uint8Array(11) }, true)), true), undefined);
});

test('cut anywhere, a payload gives nothing or an SA with fewer attributes', () => {
  const payload = payloadOf(SAS['udp-in'], false);
  for (let length = 0; length < payload.length; length++) {
    const fact = decodeXfrmSa(payload.subarray(0, length), false);
    if (length < 224) assert.equal(fact, undefined);
    else if (fact) assert.equal(fact.spi, SAS['udp-in'].spi);
  }
});

test('a name that does not fit is a bug of the caller', () => {
  const sa: XfrmSa = { ...SAS['gcm-in'], algorithm: { kind: 'aead', name: 'x'.repeat(64), key: new Uint8Array(1), icvBits: 8 } };
  assert.throws(() => encodeXfrmSa('add', sa, 1, true), /too long/);
  assert.ok(encodeXfrmSa('add', { ...sa, algorithm: { ...sa.algorithm, name: 'x'.repeat(63) } as XfrmSa['algorithm'] }, 1, true));
});
