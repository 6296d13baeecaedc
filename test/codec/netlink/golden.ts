import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { fromHex } from '../../../src/base/index.ts';
import { decodeAddress, decodeLink, decodeMessages, decodeRoutes, MESSAGE } from '../../../src/codec/netlink/index.ts';

const FOLDER = 'test/golden/netlink';

export interface Golden {
  readonly name: string;
  /** Datagrams as the kernel sent them. */
  readonly datagrams: readonly Uint8Array[];
  /** One line of JSON for each message. */
  readonly expected: readonly string[];
}

/** The recorded cases, by file name. */
export function goldens(): Golden[] {
  return readdirSync(FOLDER).filter((name) => name.endsWith('.txt')).sort().map((file) => {
    const sections = readFileSync(`${FOLDER}/${file}`, 'utf8').split(/^-- (?:Source|Input|Expect) --\n/m);
    const lines = (section: string | undefined): string[] => (section ?? '').split('\n').filter((line) => line !== '');
    return { name: file.slice(0, -4), datagrams: lines(sections[2]).map((hex) => fromHex(hex) ?? assert.fail(`${file}: not hexadecimal`)), expected: lines(sections[3]) };
  });
}

/** What the decoders make of datagrams, a line of JSON for each message: the form of the section Expect. */
export function factLines(datagrams: readonly Uint8Array[], littleEndian: boolean): string[] {
  const out: string[] = [];
  for (const { type, payload } of datagrams.flatMap((bytes) => decodeMessages(bytes, littleEndian))) {
    if (type === MESSAGE.RTM_NEWLINK || type === MESSAGE.RTM_DELLINK) out.push(JSON.stringify({ type, link: decodeLink(payload, littleEndian) }));
    if (type === MESSAGE.RTM_NEWADDR || type === MESSAGE.RTM_DELADDR) out.push(JSON.stringify({ type, address: decodeAddress(payload, littleEndian) }));
    if (type === MESSAGE.RTM_NEWROUTE || type === MESSAGE.RTM_DELROUTE) out.push(JSON.stringify({ type, routes: decodeRoutes(payload, littleEndian) }));
  }
  return out;
}
