import { test } from 'node:test';
import assert from 'node:assert/strict';
import { EXCHANGE, notify, type Payload } from '../../src/codec/ike/index.ts';
import { checkRules, fatalNotify } from '../../src/ike/message-rules.ts';
import { espOffer, ROUTER_NET } from './scripted-peer.ts';

const low = new Uint8Array(32);
const ID = { idType: 2, data: low, body: low } as const;
const EACH: readonly Payload[] = [
  { type: 'SA', proposals: espOffer(1) }, { type: 'KE', group: 31, data: low }, { type: 'NONCE', data: low }, { type: 'IDi', ...ID }, { type: 'IDr', ...ID },
  { type: 'AUTH', method: 2, data: low }, { type: 'TSi', selectors: [ROUTER_NET] }, { type: 'TSr', selectors: [ROUTER_NET] }, { type: 'CP', cfgType: 1, attributes: [] },
];

test('I2.5-3: IKE_AUTH and CREATE_CHILD_SA say each thing once, in any order; notifies, certificates and vendor IDs as often as they like', () => {
  const often: readonly Payload[] = [notify('COOKIE2', low), notify('COOKIE2', low), { type: 'V', data: low }, { type: 'V', data: low }];
  for (const exchange of [EXCHANGE.IKE_AUTH, EXCHANGE.CREATE_CHILD_SA]) {
    assert.equal(checkRules(exchange, [...often, ...EACH]), undefined);
    assert.equal(checkRules(exchange, [...EACH].reverse()), undefined);
    for (const twice of EACH) assert.equal(checkRules(exchange, [twice, ...EACH]), `more than one ${twice.type} payload`);
  }
});

test('I2.5-3: other exchanges have no such rule', () => {
  for (const exchange of [EXCHANGE.INFORMATIONAL, EXCHANGE.IKE_SA_INIT, 99]) assert.equal(checkRules(exchange, [...EACH, ...EACH]), undefined);
});

test('I2.21.2-1: the two errors that end an IKE SA wherever they come', () => {
  assert.equal(fatalNotify([notify('COOKIE2', low), notify('AUTHENTICATION_FAILED')]), 'authentication_failed');
  assert.equal(fatalNotify([notify('INVALID_SYNTAX')]), 'invalid_syntax');
  assert.equal(fatalNotify([notify('TEMPORARY_FAILURE'), notify('NO_PROPOSAL_CHOSEN')]), undefined);
});
