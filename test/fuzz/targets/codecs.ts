import assert from 'node:assert/strict';
import { fromHex, toUtf8, type JsonObject } from '../../../src/base/index.ts';
import { decodeReply, decodeRequest, encodeEvent, encodeRefusal, encodeReply, encodeRequest } from '../../../src/codec/control/index.ts';
import { decodeAnswer, type DnsQuestion } from '../../../src/codec/dns/index.ts';
import { decodeAddress, decodeControl, decodeLink, decodeMessages, decodeRoutes, XFRM_MSG } from '../../../src/codec/netlink/index.ts';
import { decodeDeviceStatus, decodeDevices, decodeDump, decodeFields, decodeInterfaceStatus, decodeMessage, encodeMessage, FrameReader } from '../../../src/codec/ubus/index.ts';
import { allFrames } from '../../golden/ubus/captures.ts';
import { goldens } from '../../codec/netlink/golden.ts';
import { decodeXfrm, xfrmGoldens } from '../../codec/netlink/xfrm-golden.ts';
import type { Target } from '../target.ts';

const QUESTION: DnsQuestion = { id: 0x1234, name: 'hub.example', type: 'A' };
const HUB = '03687562076578616d706c6500';
const ANSWERS = [
  `123481800001000300000000${HUB}00010001c00c000500010000001e00040161c0100161c010000100010000003c0004c6336407c00c000100010000003c0004c6336401`,
  `123481830001000000010000${HUB}00010001c01000060001000000ff0016c00c016100000000010000000200000003000000040000`,
  '123481820000000000000000',
];
const LINES = [
  encodeRequest({ id: 1, command: 'switch', args: { connection: 'hq', uplink: 'wan' }, follow: false }),
  encodeRequest({ id: 2, command: 'events', args: {}, follow: true }),
  encodeReply(1, { version: '0.1.0', connections: [{ name: 'hq', path: null, mobike: true }] }),
  encodeRefusal(1, 'no such connection'),
  encodeEvent(2, { boot_id: 'x', seq: 1, event: { type: 'daemon.started', version: '1' } }),
];

/** Text of an input: UTF-8 as far as it goes. */
const textOf = (input: Uint8Array): string => new TextDecoder().decode(input);

function checkStatus(data: JsonObject): void {
  decodeDump(data);
  decodeDevices(data);
  decodeDeviceStatus(data);
  const status = decodeInterfaceStatus(data);
  if (status) assert.ok(status.addresses.length <= 128 && status.defaultRoutes.length <= 64 && status.dnsServers.length <= 64);
}

const XFRM_TYPES = Object.values(XFRM_MSG);

export const CODEC_TARGETS: readonly Target[] = [
  {
    // First octet: even is a big-endian host.
    name: 'netlink', most: 800, parser: true,
    seeds: () => goldens().flatMap((golden) => golden.datagrams.filter((bytes) => bytes.length <= 800).map((bytes) => Uint8Array.of(1, ...bytes))),
    run(input) {
      const littleEndian = (input[0] ?? 0) % 2 === 1;
      const bytes = input.subarray(1);
      const messages = decodeMessages(bytes, littleEndian);
      assert.ok(messages.length <= bytes.length / 16);
      for (const message of messages) {
        decodeControl(message, littleEndian);
        // Payloads are tried with every decoder, whatever their type says.
        decodeLink(message.payload, littleEndian);
        decodeAddress(message.payload, littleEndian);
        assert.ok(decodeRoutes(message.payload, littleEndian).length <= 256);
      }
    },
    repair(_prng, input) {
      if (input.length < 17) return;
      new DataView(input.buffer, input.byteOffset).setUint32(1, input.length - 1, (input[0] ?? 0) % 2 === 1);
    },
  },
  {
    // First octet as above.
    name: 'xfrm', most: 800, parser: true,
    seeds: () => xfrmGoldens().flatMap((golden) => golden.datagrams.filter((bytes) => bytes.length <= 799).map((bytes) => Uint8Array.of(1, ...bytes))),
    run(input) {
      const littleEndian = (input[0] ?? 0) % 2 === 1;
      // Payloads are tried with every decoder, whatever their type says.
      for (const message of decodeMessages(input.subarray(1), littleEndian).slice(0, 4)) for (const type of XFRM_TYPES) decodeXfrm({ ...message, type }, littleEndian);
    },
    repair(_prng, input) {
      if (input.length < 17) return;
      new DataView(input.buffer, input.byteOffset).setUint32(1, input.length - 1, (input[0] ?? 0) % 2 === 1);
    },
  },
  {
    name: 'ubus-message', most: 700, parser: true,
    seeds: () => [...new Map(allFrames().filter(({ bytes }) => bytes.length <= 700).map(({ bytes }) => [bytes.subarray(0, 40).join(), bytes])).values()],
    run(input) {
      decodeFields(input);
      const message = decodeMessage(input);
      if (message === undefined) return;
      assert.deepEqual(decodeMessage(encodeMessage(message.type, message.seq, message.peer, message.attrs)), { ...message, version: 0 });
      if (message.attrs.data !== undefined) checkStatus(message.attrs.data);
    },
    repair(_prng, input) {
      if (input.length >= 12) new DataView(input.buffer, input.byteOffset).setUint32(8, input.length - 8);
    },
  },
  {
    // A stream in chunks: first octet, the length of each.
    name: 'ubus-stream', most: 400, parser: true,
    seeds: () => allFrames().slice(0, 20).filter(({ bytes }) => bytes.length < 399).map(({ bytes }) => Uint8Array.of(7, ...bytes)),
    run(input) {
      const chunk = 1 + (input[0] ?? 0);
      const [pieces, whole] = [new FrameReader(), new FrameReader()];
      const frames: string[] = [];
      for (let at = 1; at < input.length; at += chunk) frames.push(...pieces.feed(input.subarray(at, at + chunk)).map((frame) => frame.join()));
      assert.deepEqual(whole.feed(input.subarray(1)).map((frame) => frame.join()), frames, 'where a chunk ends does not matter');
      assert.equal(pieces.failed, whole.failed);
      assert.ok(pieces.buffered <= input.length);
    },
  },
  {
    name: 'dns-answer', most: 300, parser: true,
    seeds: () => ANSWERS.map((text) => fromHex(text) ?? assert.fail(text)),
    run(input) {
      for (const question of [QUESTION, { ...QUESTION, type: 'AAAA' as const }]) {
        const got = decodeAnswer(input, question);
        if (got.kind === 'addresses') assert.ok(got.addresses.length <= 32);
      }
    },
  },
  {
    name: 'control-line', most: 300, parser: true,
    seeds: () => LINES.map(toUtf8),
    run(input) {
      const line = textOf(input);
      const request = decodeRequest(line);
      if (request.ok) assert.deepEqual(decodeRequest(encodeRequest(request.value)), request);
      else assert.ok(request.error.error.length < 100);
      const reply = decodeReply(line);
      assert.ok(reply.ok || reply.error.length < 100);
    },
  },
];
