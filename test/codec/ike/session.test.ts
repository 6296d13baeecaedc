import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeCrypto } from '../../../src/adapters/node/crypto.ts';
import { toHex } from '../../../src/base/index.ts';
import { encodeMessage, encodePayloads, EXCHANGE } from '../../../src/codec/ike/index.ts';
import { payloadLines } from './golden.ts';
import { openSession, readSession, writeSessionExpect } from './session.ts';

const session = readSession('strongswan-5.9.8');
const opened = openSession(nodeCrypto(), session);

test('a strongSwan session: every message opens and decodes as expected', () => {
  const got = opened
    .map(({ from, header, payloads }) => {
      const exchange = Object.entries(EXCHANGE).find(([, code]) => code === header.exchange)?.[0];
      return [`${from}: ${exchange} ${header.isResponse ? 'response' : 'request'} ${header.messageId}`, ...payloadLines(payloads)].join('\n  ');
    })
    .join('\n');
  if (process.env['GOLDEN'] === 'write') writeSessionExpect(session, got);
  else assert.equal(got, session.expect);
});

test('a strongSwan session: every message encodes to the same octets', () => {
  for (const { header, bytes, payloads, inner } of opened) {
    if (inner === undefined) assert.equal(toHex(encodeMessage(header, payloads)), toHex(bytes));
    else assert.equal(toHex(encodePayloads(payloads).bytes), toHex(inner));
  }
});
