import assert from 'node:assert/strict';
import { nodeCrypto } from '../../../src/adapters/node/crypto.ts';
import { sameBytes } from '../../../src/base/index.ts';
import { decodeChain, decodeHeader, encodeHeader, encodePayloads, HEADER_OCTETS, MAX_PAYLOADS, notifyName, type DecodedChain, type Payload } from '../../../src/codec/ike/index.ts';
import { goldenNames, readGolden } from '../../codec/ike/golden.ts';
import { openSession, readSession } from '../../codec/ike/session.ts';
import type { Prng } from '../../sim/prng.ts';
import type { Target } from '../target.ts';

/** A chain to start from: the type of its first payload, and its octets. */
export interface Chain {
  readonly first: number;
  readonly bytes: Uint8Array;
}

export interface IkeCorpus {
  /** Whole messages: every golden, and a session with a real peer. */
  readonly messages: readonly Uint8Array[];
  /** Chains: those of the messages, and what was inside SK. */
  readonly chains: readonly Chain[];
  /** The session, opened. */
  readonly session: ReturnType<typeof openSession>;
}

let cached: IkeCorpus | undefined;
export function ikeCorpus(): IkeCorpus {
  if (cached) return cached;
  const session = openSession(nodeCrypto(), readSession('strongswan-5.9.8'));
  const messages = [...['notify', 'payload'].flatMap((folder) => goldenNames(folder).map((name) => readGolden(folder, name).input)), ...session.map(({ bytes }) => bytes)];
  const chains = [
    ...messages.map((bytes) => ({ first: bytes[16] ?? 0, bytes: bytes.slice(HEADER_OCTETS) })),
    ...session.flatMap(({ payloads, inner }) => (inner === undefined ? [] : [{ first: encodePayloads(payloads).first, bytes: inner }])),
  ];
  cached = { messages, chains, session };
  return cached;
}

/** Octets a decoded chain holds on to. */
function weight(payloads: readonly Payload[]): number {
  let sum = 0;
  for (const payload of payloads) {
    if ('data' in payload) sum += payload.data.length;
    if ('body' in payload) sum += payload.body.length;
    if ('spi' in payload) sum += payload.spi.length;
    if (payload.type === 'SA') for (const proposal of payload.proposals) sum += 8 + proposal.spi.length + 8 * proposal.transforms.length;
    if (payload.type === 'D') for (const spi of payload.spis) sum += spi.length;
    if (payload.type === 'CP') for (const attribute of payload.attributes) sum += 4 + attribute.value.length;
    if (payload.type === 'TSi' || payload.type === 'TSr') sum += 16 * payload.selectors.length;
  }
  return sum;
}

/** Without what is not sent: the offset of SK in its message, and the mark of an attribute we do not know. */
function comparable(payload: Payload): unknown {
  if (payload.type === 'SK' || payload.type === 'SKF') return { ...payload, bodyOffset: 0 };
  if (payload.type !== 'SA') return payload;
  return payload.proposals.map((proposal) => ({ ...proposal, transforms: proposal.transforms.map((t) => ({ type: t.type, id: t.id, keyLength: t.keyLength })) }));
}

/** What holds for every decoded chain: bounds, and what decodes encodes to something that decodes to the same. `deep` compares value by value. */
export function checkChain(chain: DecodedChain, octets: number, deep: boolean): void {
  if (chain.kind === 'malformed') {
    assert.ok(chain.why.length > 0 && chain.why.length < 100);
    return;
  }
  const { payloads } = chain;
  assert.ok(payloads.length <= MAX_PAYLOADS);
  assert.ok(weight(payloads) <= 2 * octets);
  const critical = payloads.find((payload) => payload.type === 'unknown' && payload.critical);
  assert.equal(chain.kind, critical === undefined ? 'payloads' : 'critical');
  payloads.forEach((payload, i) => assert.ok((payload.type !== 'SK' && payload.type !== 'SKF') || i === payloads.length - 1));
  const again = encodePayloads(payloads);
  const second = decodeChain(again.first, again.bytes, 0, again.bytes.length);
  assert.ok(second.kind !== 'malformed', 'what we encode is well-formed');
  assert.ok(sameBytes(encodePayloads(second.payloads).bytes, again.bytes), 'encoding what was decoded changes nothing further');
  if (deep) assert.deepEqual(second.payloads.map(comparable), payloads.map(comparable));
}

/** Makes the lengths of a chain of payloads fit again, mostly: changes of its octets are then seen by the payloads' own codecs. */
export function repairChain(prng: Prng, bytes: Uint8Array, start: number): void {
  let at = start;
  while (at + 4 <= bytes.length) {
    const left = bytes.length - at;
    let length = ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0);
    if (length < 4 || length > left || (left - length > 0 && left - length < 4)) {
      length = prng.chance(0.7) ? left : Math.min(left, prng.range(4, 40));
      bytes[at + 2] = length >> 8;
      bytes[at + 3] = length;
    }
    // The last one says that nothing follows.
    if (length >= left - 3) bytes[at] = 0;
    else if (bytes[at] === 0) bytes[at] = prng.range(33, 48);
    at += length;
  }
}

let inputs = 0;

export const IKE_TARGETS: readonly Target[] = [
  {
    name: 'ike-message', most: 1500, parser: true,
    seeds: () => ikeCorpus().messages,
    run(input) {
      const header = decodeHeader(input);
      if (header === undefined) return;
      assert.equal(header.length, input.length);
      // Reserved flags and the high half of the version's octet are the only things a header does not keep.
      assert.deepEqual(decodeHeader(Uint8Array.of(...encodeHeader(header, input.length), ...input.subarray(HEADER_OCTETS))), header);
      const chain = decodeChain(header.nextPayload, input, HEADER_OCTETS, input.length);
      checkChain(chain, input.length, inputs++ % 16 === 0);
      if (chain.kind === 'payloads') for (const payload of chain.payloads) if (payload.type === 'N') assert.ok(notifyName(payload.notify).length > 0);
    },
    repair(prng, input) {
      if (input.length < HEADER_OCTETS) return;
      new DataView(input.buffer, input.byteOffset).setUint32(24, input.length);
      repairChain(prng, input, HEADER_OCTETS);
    },
  },
  {
    // First octet: the type of the first payload.
    name: 'ike-chain', most: 600, parser: true,
    seeds: () => ikeCorpus().chains.map(({ first, bytes }) => Uint8Array.of(first, ...bytes)),
    run(input) {
      const chain = decodeChain(input[0] ?? 0, input, 1, input.length);
      checkChain(chain, input.length, inputs++ % 16 === 0);
    },
    repair(prng, input) {
      if (input.length > 0 && prng.chance(0.3)) input[0] = prng.range(33, 54);
      repairChain(prng, input, 1);
    },
  },
];
