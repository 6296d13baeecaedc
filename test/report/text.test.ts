import { test } from 'node:test';
import assert from 'node:assert/strict';
import { eventText, spanText } from '../../src/report/index.ts';

test('sentences say what happened and why', () => {
  assert.equal(eventText({ type: 'connection.addressed', connection: 'hq', addresses: ['10.99.0.2', 'fd99::2'], dns: [] }), 'hq: got the virtual address 10.99.0.2 and fd99::2');
  assert.equal(eventText({ type: 'connection.addressed', connection: 'hq', addresses: [], dns: [] }), 'hq: has no virtual address any more');
  assert.equal(eventText({ type: 'connection.closed', connection: 'hq', reason: 'peer_dead', retry_ms: 2000 }), 'hq: closed: peer_dead; next try in 2 s');
  assert.equal(eventText({ type: 'connection.closed', connection: 'hq', reason: 'stopped' }), 'hq: closed: stopped');
  assert.equal(eventText({ type: 'uplink.changed', uplink: 'wan', state: 'up', reason: '' }), 'uplink wan is up');
  assert.equal(eventText({ type: 'config.loaded', problems: 0 }), 'configuration loaded');
  assert.equal(eventText({ type: 'config.loaded', problems: 1 }), 'configuration loaded with 1 problem');
});

test('what a peer sent cannot drive a terminal', () => {
  const text = eventText({ type: 'connection.established', connection: 'hq', peer: '\x1b]0;x\x07\n', path: 'p', uplink: 'wan', took_ms: 1 });
  assert.ok(!text.includes('\x1b') && !text.includes('\n'));
});

test('spans are said as people say them', () => {
  assert.deepEqual([0, 999, 1000, 1249, 119_900, 120_000, 300_000].map(spanText), ['0 ms', '999 ms', '1 s', '1.2 s', '119.9 s', '2 min', '5 min']);
});
