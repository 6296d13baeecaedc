import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { fromHex, toHex } from '../../../src/base/index.ts';
import {
  decodeMessages, decodeXfrmAcquire, decodeXfrmAe, decodeXfrmExpire, decodeXfrmMapping, decodeXfrmMigration, decodeXfrmPolicy, decodeXfrmPolicyGone, decodeXfrmSa, decodeXfrmSaGone,
  XFRM_MSG, type NetlinkMessage, type XfrmPolicy, type XfrmPolicyFact, type XfrmSa, type XfrmSaFact,
} from '../../../src/codec/netlink/index.ts';

export const XFRM_FOLDER = 'test/golden/xfrm';
/** The file whose datagrams are ours: the kernel took them. */
export const XFRM_REQUESTS = 'requests';

export interface XfrmGolden {
  readonly name: string;
  readonly datagrams: readonly Uint8Array[];
  readonly expected: readonly string[];
}

/** The recorded cases, by file name. */
export function xfrmGoldens(): XfrmGolden[] {
  return readdirSync(XFRM_FOLDER).filter((name) => name.endsWith('.txt')).sort().map((file) => {
    const sections = readFileSync(`${XFRM_FOLDER}/${file}`, 'utf8').split(/^-- (?:Source|Input|Expect) --\n/m);
    const lines = (section: string | undefined): string[] => (section ?? '').split('\n').filter((line) => line !== '');
    return { name: file.slice(0, -4), datagrams: lines(sections[2]).map((hex) => fromHex(hex) ?? assert.fail(`${file}: not hexadecimal`)), expected: lines(sections[3]) };
  });
}

/** The messages of one golden. */
export function xfrmMessages(name: string): NetlinkMessage[] {
  const golden = xfrmGoldens().find((g) => g.name === name) ?? assert.fail(`no golden ${name}`);
  return golden.datagrams.flatMap((bytes) => decodeMessages(bytes, true));
}

/** What its decoder makes of a message; undefined for types without decoder. */
export function decodeXfrm({ type, payload }: NetlinkMessage, littleEndian: boolean): { readonly [what: string]: unknown } | undefined {
  switch (type) {
    case XFRM_MSG.NEWSA:
    case XFRM_MSG.UPDSA:
      return { sa: decodeXfrmSa(payload, littleEndian) };
    case XFRM_MSG.DELSA:
      return { saGone: decodeXfrmSaGone(payload, littleEndian) };
    case XFRM_MSG.NEWPOLICY:
    case XFRM_MSG.UPDPOLICY:
      return { policy: decodeXfrmPolicy(payload, littleEndian) };
    case XFRM_MSG.DELPOLICY:
      return { policyGone: decodeXfrmPolicyGone(payload, littleEndian) };
    case XFRM_MSG.NEWAE:
      return { ae: decodeXfrmAe(payload, littleEndian) };
    case XFRM_MSG.MIGRATE:
      return { migration: decodeXfrmMigration(payload, littleEndian) };
    case XFRM_MSG.EXPIRE:
      return { expire: decodeXfrmExpire(payload, littleEndian) };
    case XFRM_MSG.ACQUIRE:
      return { acquire: decodeXfrmAcquire(payload, littleEndian) };
    case XFRM_MSG.MAPPING:
      return { mapping: decodeXfrmMapping(payload, littleEndian) };
    default:
      return undefined;
  }
}

/** A line of JSON for each message with a decoder: the form of the section Expect. Octets are `0x` and digits, big numbers end in `n`. */
export function xfrmLines(datagrams: readonly Uint8Array[], littleEndian: boolean): string[] {
  const plain = (_key: string, value: unknown): unknown => (typeof value === 'bigint' ? `${value}n` : value instanceof Uint8Array ? `0x${toHex(value)}` : value);
  return datagrams.flatMap((bytes) => decodeMessages(bytes, littleEndian)).flatMap((message) => {
    const decoded = decodeXfrm(message, littleEndian);
    return decoded === undefined ? [] : [JSON.stringify({ type: message.type, ...decoded }, plain)];
  });
}

/** An SA that was told must be this one: all that was asked for, and counters that began as asked. */
export function assertSameSa(fact: XfrmSaFact | undefined, sent: XfrmSa): void {
  assert.ok(fact, `SA ${sent.spi.toString(16)} was told and decoded`);
  const { drops, lastUsed, direction, counters, replay, ...rest } = fact;
  const { counters: sentCounters, replay: sentReplay, ...sentRest } = sent;
  assert.deepEqual(rest, sentRest);
  assert.deepEqual(replay, sentReplay ?? { outbound: 0n, inbound: 0n });
  if (sentCounters !== undefined) assert.deepEqual(counters, sentCounters);
  assert.deepEqual(drops, { window: 0, replay: 0, integrity: 0 });
  assert.equal(direction, undefined);
  assert.ok(lastUsed === undefined || lastUsed > 0);
}

/** A policy that was told must be this one. */
export function assertSamePolicy(fact: XfrmPolicyFact | undefined, sent: XfrmPolicy): void {
  assert.ok(fact, 'the policy was told and decoded');
  const { index, counters, ...rest } = fact;
  assert.deepEqual(rest, sent);
  assert.equal(index & 7, ['in', 'out', 'fwd'].indexOf(sent.direction));
  assert.equal(counters.packets, 0n);
}
