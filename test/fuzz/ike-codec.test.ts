// 100,000 random and mutated IKE messages and chains: no exception, bounded results, and what decodes encodes to
// something that decodes to the same. Then payloads made at random, there and back.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ipFromBytes, toHex, type IpAddress } from '../../src/base/index.ts';
import {
  decodeChain, decodeHeader, encodeHeader, encodeMessage, encodePayloads, HEADER_OCTETS, idPayload, NOTIFY, PAYLOAD, payloadByCode,
  type DecodedChain, type IkeHeader, type IkeSpi, type Payload, type Proposal, type TrafficSelector,
} from '../../src/codec/ike/index.ts';
import { Prng } from '../sim/prng.ts';
import { checkChain, ikeCorpus } from './targets/ike.ts';

const SEED = process.env['SEED'] ?? 'ike-codec 1';
const ROUNDS = 100_000;

const { messages: MESSAGES, chains: CHAINS, session } = ikeCorpus();

/** Changes a few octets; half of the hits are where the lengths, counts and types of a chain stand. */
function corrupt(prng: Prng, bytes: Uint8Array, start: number): void {
  const marks: number[] = [];
  for (let at = start; at + 4 <= bytes.length && marks.length < 200; ) {
    marks.push(at, at + 1, at + 2, at + 3, at + 4, at + 5, at + 6, at + 7, at + 10, at + 11);
    const length = ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0);
    at += Math.max(4, length);
  }
  for (let i = prng.range(1, 6); i > 0 && bytes.length > 0; i--) {
    const at = marks.length > 0 && prng.chance(0.5) ? prng.pick(marks) : prng.range(0, bytes.length - 1);
    if (at >= bytes.length) continue;
    const old = bytes[at] ?? 0;
    bytes[at] = prng.pick([0, 1, 2, 3, 4, 8, 0x7f, 0x80, 0xff, old + 1, old - 1, old ^ (1 << prng.range(0, 7)), prng.range(0, 255)]);
  }
}

function resize(prng: Prng, bytes: Uint8Array): Uint8Array {
  if (prng.chance(0.15)) return bytes.slice(0, prng.range(0, bytes.length));
  if (!prng.chance(0.1)) return bytes;
  const longer = new Uint8Array(bytes.length + prng.range(1, 40));
  longer.set(bytes);
  longer.set(prng.bytes(longer.length - bytes.length), bytes.length);
  return longer;
}

test(`I3.1-1: ${ROUNDS} random and mutated messages and chains are decoded without an exception (seed ${SEED})`, () => {
  const prng = new Prng(SEED);
  const kinds = { header: 0, payloads: 0, critical: 0, malformed: 0 };
  const seen = new Set<string>();
  const before = process.memoryUsage().heapUsed;
  for (let round = 0; round < ROUNDS; round++) {
    const deep = round % 16 === 0;
    let input = new Uint8Array(0);
    try {
      let chain: DecodedChain;
      const way = prng.range(0, 9);
      if (way < 4) {
        // A message as it comes from the network. Half of the time its Length is right all the same.
        input = Uint8Array.from(prng.pick(MESSAGES));
        corrupt(prng, input, HEADER_OCTETS);
        input = Uint8Array.from(resize(prng, input));
        if (prng.chance(0.1)) corrupt(prng, input, 0);
        else if (input.length >= HEADER_OCTETS) new DataView(input.buffer).setUint32(24, input.length);
        const header = decodeHeader(input);
        if (header === undefined) continue;
        kinds.header++;
        assert.equal(header.length, input.length);
        chain = decodeChain(header.nextPayload, input, HEADER_OCTETS, input.length);
      } else if (way < 8) {
        // What was inside SK, somewhere in a larger array.
        const origin = prng.pick(CHAINS);
        const body = Uint8Array.from(origin.bytes);
        corrupt(prng, body, 0);
        const start = prng.range(0, 40);
        input = new Uint8Array(start + body.length + prng.range(0, 20));
        input.set(body, start);
        const end = prng.chance(0.9) ? start + body.length : prng.range(0, input.length + 10);
        chain = decodeChain(prng.chance(0.9) ? origin.first : prng.range(0, 255), input, start, end);
      } else {
        // Octets without form; half of them behind a generic header that fits, so that every codec gets its share.
        input = Uint8Array.from(prng.bytes(prng.range(0, 200)));
        if (way === 9 && input.length >= 4) input.set([0, prng.pick([0, 0x80]), input.length >> 8, input.length & 255]);
        chain = decodeChain(way === 9 ? prng.range(33, 56) : prng.range(0, 255), input, 0, input.length);
      }
      kinds[chain.kind]++;
      if (chain.kind !== 'malformed') for (const payload of chain.payloads) seen.add(payload.type);
      checkChain(chain, input.length, deep);
    } catch (error) {
      assert.fail(`round ${round}, seed ${SEED}, input ${toHex(input)}: ${error instanceof Error ? error.stack : String(error)}`);
    }
  }
  for (const [kind, count] of Object.entries(kinds)) assert.ok(count > ROUNDS / 100, `${kind}: only ${count}`);
  assert.deepEqual([...seen].sort(), [...Object.keys(PAYLOAD), 'unknown'].sort(), 'the mutations reach every payload type');
  assert.ok(process.memoryUsage().heapUsed - before < 100_000_000);
});

test('I3.1-1: cut anywhere, no message of a real peer decodes to payloads', () => {
  for (const { bytes, header } of session) {
    for (let end = HEADER_OCTETS; end < bytes.length; end++) {
      assert.equal(decodeHeader(bytes.subarray(0, end)), undefined);
      assert.equal(decodeChain(header.nextPayload, bytes, HEADER_OCTETS, end).kind, 'malformed');
    }
  }
});

// ---- There and back ------------------------------------------------------------------------------------------------

const list = <T>(prng: Prng, most: number, make: () => T): T[] => Array.from({ length: prng.range(0, most) }, make);

function someProposal(prng: Prng): Proposal {
  return {
    number: prng.range(1, 255),
    protocol: prng.range(0, 255),
    spi: prng.bytes(prng.pick([0, 4, 8, 255])),
    transforms: list(prng, 8, () => ({ type: prng.range(0, 255), id: prng.range(0, 65_535), ...(prng.chance(0.5) ? { keyLength: prng.range(0, 65_535) } : undefined) })),
  };
}

function someSelector(prng: Prng): TrafficSelector {
  const octets = prng.pick([4, 16]);
  const address = (first: number): IpAddress => {
    const bytes = prng.bytes(octets);
    bytes[0] = first;
    return ipFromBytes(bytes) ?? ('' as IpAddress);
  };
  const [low, high] = [prng.range(0, 100), prng.range(101, 255)];
  const port = prng.range(0, 65_535);
  const ports = prng.chance(0.2) ? { startPort: 65_535, endPort: 0 } : { startPort: port, endPort: prng.range(port, 65_535) };
  return { protocol: prng.range(0, 255), ...ports, start: address(low), end: address(high) };
}

function somePayload(prng: Prng): Payload {
  const data = prng.bytes(prng.range(0, 300));
  const type = prng.pick([...Object.keys(PAYLOAD), 'unknown'] as Payload['type'][]);
  switch (type) {
    case 'SA': return { type, proposals: [someProposal(prng), ...list(prng, 4, () => someProposal(prng))] };
    case 'KE': return { type, group: prng.range(0, 65_535), data };
    case 'IDi': return idPayload('IDi', prng.range(0, 255), data);
    case 'IDr': return idPayload('IDr', prng.range(0, 255), data);
    case 'CERT': case 'CERTREQ': return { type, encoding: prng.range(0, 255), data };
    case 'AUTH': return { type, method: prng.range(0, 255), data };
    case 'NONCE': case 'V': return { type, data };
    case 'N': {
      const notify = prng.chance(0.7) ? prng.pick(Object.values(NOTIFY)).code : prng.range(0, 65_535);
      return { type, protocol: prng.range(0, 3), spi: prng.bytes(prng.pick([0, 0, 4, 8, 255])), notify, data };
    }
    case 'D': {
      const spiSize = prng.pick([0, 4, 8]);
      return { type, protocol: prng.range(0, 3), spiSize, spis: spiSize === 0 ? [] : list(prng, 20, () => prng.bytes(spiSize)) };
    }
    case 'TSi': case 'TSr': return { type, selectors: list(prng, 20, () => someSelector(prng)) };
    case 'CP': return { type, cfgType: prng.range(0, 255), attributes: list(prng, 10, () => ({ type: prng.range(0, 0x7fff), value: prng.bytes(prng.range(0, 30)) })) };
    default: {
      let code = prng.range(1, 255);
      while (payloadByCode(code) !== undefined) code = prng.range(1, 255);
      return { type: 'unknown', code, critical: false };
    }
  }
}

test(`10,000 messages of random payloads decode to what was encoded (seed ${SEED})`, () => {
  const prng = new Prng(`${SEED} there and back`);
  for (let round = 0; round < 10_000; round++) {
    const payloads: Payload[] = list(prng, 6, () => somePayload(prng));
    const header: Omit<IkeHeader, 'length' | 'nextPayload'> = {
      spiI: (BigInt(prng.u32()) << 32n | BigInt(prng.u32())) as IkeSpi, spiR: BigInt(prng.u32()) as IkeSpi, majorVersion: prng.range(0, 15), minorVersion: prng.range(0, 15),
      exchange: prng.range(0, 255), fromOriginalInitiator: prng.chance(0.5), isResponse: prng.chance(0.5), messageId: prng.u32(),
    };
    const encrypted = prng.chance(0.3);
    if (encrypted) {
      const { first: firstInner } = encodePayloads([somePayload(prng)]);
      const before = HEADER_OCTETS + encodePayloads(payloads).bytes.length;
      const body = prng.bytes(prng.range(0, 200));
      if (prng.chance(0.5)) payloads.push({ type: 'SK', firstInner, body, bodyOffset: before + 4 });
      else payloads.push({ type: 'SKF', firstInner, fragment: prng.range(0, 65_535), total: prng.range(0, 65_535), body, bodyOffset: before + 8 });
    }
    const bytes = encodeMessage(header, payloads);
    const decoded = decodeHeader(bytes);
    assert.ok(decoded);
    assert.deepEqual(decoded, { ...header, nextPayload: encodePayloads(payloads).first, length: bytes.length });
    assert.deepEqual(encodeHeader(decoded, bytes.length), bytes.slice(0, HEADER_OCTETS));
    assert.deepEqual(decodeChain(decoded.nextPayload, bytes, HEADER_OCTETS, bytes.length), { kind: 'payloads', payloads }, `round ${round}`);
  }
});
