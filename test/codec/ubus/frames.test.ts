import { test } from 'node:test';
import assert from 'node:assert/strict';
import { concat, fromHex, toHex } from '../../../src/base/index.ts';
import { FrameReader, MAX_BLOB } from '../../../src/codec/ubus/index.ts';
import { capture } from '../../golden/ubus/captures.ts';

const frames = ['wire/lookup-one', 'wire/ping', 'wire/subscription-lifecycle'].flatMap((name) => capture(name).filter((line) => line.kind === 'to-client' && line.bytes.length > 0).map((line) => line.bytes));

test('frames split at every byte come out whole', () => {
  const stream = concat(...frames);
  const want = frames.map(toHex);
  for (let cut = 0; cut <= stream.length; cut++) {
    const reader = new FrameReader();
    assert.deepEqual([...reader.feed(stream.subarray(0, cut)), ...reader.feed(stream.subarray(cut))].map(toHex), want, `cut at ${cut}`);
    assert.equal(reader.buffered, 0);
  }
});

test('one octet at a time, and several frames in one chunk', () => {
  const reader = new FrameReader();
  const out: string[] = [];
  for (const octet of concat(...frames)) out.push(...reader.feed(Uint8Array.of(octet)).map(toHex));
  assert.deepEqual(out, frames.map(toHex));
});

test('frames are copies: the chunk may be reused', () => {
  const chunk = (fromHex('000000003042076600000004') ?? assert.fail()).slice();
  const [frame] = new FrameReader().feed(chunk);
  chunk.fill(0xff);
  assert.equal(toHex(frame ?? assert.fail()), '000000003042076600000004');
});

test('the longest frame passes, a longer one and one shorter than its own length end the stream for good', () => {
  const head = (blob: number): Uint8Array => {
    const out = new Uint8Array(12);
    new DataView(out.buffer).setUint32(8, blob);
    return out;
  };
  const reader = new FrameReader();
  assert.deepEqual(reader.feed(head(MAX_BLOB)), []);
  const [big] = reader.feed(new Uint8Array(MAX_BLOB - 4));
  assert.equal(big?.length, 8 + MAX_BLOB);
  for (const blob of [0, 3, 0x200000, 0xffffff]) {
    const bad = new FrameReader();
    bad.feed(head(blob));
    assert.equal(bad.failed, true, String(blob));
    assert.deepEqual(bad.feed(head(4)), []);
    assert.ok(bad.buffered <= 12);
  }
});
