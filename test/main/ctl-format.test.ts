import { test } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Json } from '../../src/base/index.ts';
import { COMMANDS, type Command } from '../../src/codec/control/index.ts';
import { duration, eventText, formatReply, octets, table } from '../../src/main/ctl-format.ts';
import { DOCUMENTS } from './ctl-documents.ts';

const commands = Object.keys(COMMANDS) as Command[];

for (const command of commands) {
  test(`mobikectl ${command}: what people see (golden)`, () => {
    const file = `test/golden/ctl/${command}.txt`;
    const got = formatReply(command, DOCUMENTS[command] ?? null).map((line) => `${line}\n`).join('');
    if (process.env['GOLDEN'] === 'write') writeFileSync(file, got);
    assert.ok(existsSync(file), 'no golden');
    assert.equal(got, readFileSync(file, 'utf8'));
  });
}

/** Every value the daemon could send in the place of another. */
const STRANGE: readonly Json[] = [null, true, 0, -1, 1e300, '', 'text', '\x1b[2J\n', [], [[]], [null], [7, 'x', {}], {}, { name: null }, { name: {}, path: [], ike: 7, children: {}, local_ts: 'x', rx_bytes: 'y', established_ms: 'z' }];

test('no document makes the formatter fail or the terminal act', () => {
  /** The document with the k-th value inside it replaced. */
  const replaced = (value: Json, counter: { left: number }, by: Json): Json => {
    if (counter.left-- === 0) return by;
    if (Array.isArray(value)) return (value as readonly Json[]).map((item) => replaced(item, counter, by));
    if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, replaced(item as Json, counter, by)]));
    return value;
  };
  for (const command of commands) {
    for (const strange of STRANGE) {
      for (let k = 0; ; k++) {
        const counter = { left: k };
        const document = replaced(DOCUMENTS[command] ?? null, counter, strange);
        if (counter.left >= 0) break;
        for (const line of formatReply(command, document)) assert.ok(!line.includes('\x1b') && !line.includes('\n') && !line.includes('undefined') && !line.includes('NaN') && !line.includes('[object'), line);
      }
    }
  }
});

test('every field may be missing', () => {
  for (const command of commands) {
    assert.doesNotThrow(() => formatReply(command, {}));
    assert.doesNotThrow(() => formatReply(command, [{}]));
  }
  assert.equal(eventText({}), `-${' '.repeat(23)}      -  -`);
  assert.equal(eventText({ event: { type: 'daemon.stopping' }, seq: 3, time: 't' }), `t${' '.repeat(23)}      3  daemon.stopping`);
});

test('spans of time', () => {
  for (const [ms, want] of [[undefined, '-'], [0, '0 ms'], [999, '999 ms'], [1000, '1s'], [59_999, '59s'], [60_000, '1m 00s'], [3_599_000, '59m 59s'], [3_600_000, '1h 00m'], [86_399_000, '23h 59m'], [86_400_000, '1d 00h'], [-5000, '-5s'], [Infinity, '-']] as const) assert.equal(duration(ms), want);
});

test('octets', () => {
  for (const [count, want] of [[undefined, '-'], [0, '0 B'], [1023, '1023 B'], [1024, '1.0 KiB'], [10_240, '10 KiB'], [1_048_576, '1.0 MiB'], [1e15, '909 TiB'], [1e18, '909495 TiB']] as const) assert.equal(octets(count), want);
});

test('tables are aligned, also for characters beyond ASCII', () => {
  assert.deepEqual(table(['NAME', '>N'], [['ü😀', '1'], ['longer', '1000']]), ['NAME       N', 'ü😀         1', 'longer  1000']);
});
