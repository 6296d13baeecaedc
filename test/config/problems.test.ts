import { test } from 'node:test';
import assert from 'node:assert/strict';
import { formatProblem } from '../../src/config/index.ts';
import { didYouMean, oneOf, quote } from '../../src/config/problems.ts';

test('a problem is one line, whatever is in it', () => {
  const base = { severity: 'error', file: '/etc/config/mobiked', line: 12, message: 'is wrong' } as const;
  assert.equal(formatProblem({ ...base, section: "connection 'hq'", option: 'psk' }), "/etc/config/mobiked:12: error: connection 'hq': option 'psk': is wrong");
  assert.equal(formatProblem({ ...base, section: undefined, option: undefined }), '/etc/config/mobiked:12: error: is wrong');
  assert.equal(formatProblem({ ...base, severity: 'warning', section: "connection 'h\n\x1b[2Jq'", option: undefined }), "/etc/config/mobiked:12: warning: connection 'h\\x0a\\x1b[2Jq': is wrong");
  assert.ok(formatProblem({ ...base, section: 'x'.repeat(100_000), option: undefined }).length < 1100);
});

test('the nearest name is offered, and only a near one', () => {
  const known = ['remote_addrs', 'local_addrs', 'psk', 'psk_file', 'node_id', 'mtu'];
  for (const [name, want] of [['remote_adrs', 'remote_addrs'], ['remote_addr', 'remote_addrs'], ['pks', 'psk'], ['pskfile', 'psk_file'], ['Node_ID', 'node_id'], ['node', 'node_id']] as const) assert.equal(didYouMean(name, known), `; did you mean '${want}'?`, name);
  for (const name of ['x', 'frobnicate', '', 'a'.repeat(10_000)]) assert.equal(didYouMean(name, known), '', name);
});

test('values and lists in messages', () => {
  assert.equal(quote('a\tb'), "'a\\x09b'");
  assert.ok(quote('x'.repeat(1000)).length < 70);
  assert.deepEqual([oneOf([]), oneOf(['a']), oneOf(['a', 'b']), oneOf(['a', 'b', 'c'])], ['', 'a', 'a or b', 'a, b or c']);
});
