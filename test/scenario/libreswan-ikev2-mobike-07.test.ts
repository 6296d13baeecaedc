import { test } from 'node:test';
import assert from 'node:assert/strict';
import { notify } from '../../src/codec/ike/index.ts';
import { path as routerPath } from '../ike/pair.ts';
import { notifies, ScriptedPeer } from '../ike/scripted-peer.ts';

// libreswan, testing/pluto/ikev2-mobike-07-unsolicited-response: a responder says what nobody asked for; a version of it crashed at that. There it is
// INTERMEDIATE_EXCHANGE_SUPPORTED; here MOBIKE_SUPPORTED, to an initiator that does not offer MOBIKE.
test('libreswan ikev2-mobike-07-unsolicited-response M3.2-1: MOBIKE_SUPPORTED unasked: the tunnel is set up, and MOBIKE is off', () => {
  for (const mobike of [false, true]) {
    const peer = new ScriptedPeer('router', { router: { mobike } });
    const auth = peer.accept([notify('MOBIKE_SUPPORTED')]);
    assert.equal(notifies(auth).includes('MOBIKE_SUPPORTED'), mobike);
    peer.hear();
    peer.pair.feed(peer.side, { type: 'path.move', chain: peer.chain, path: { ...peer.path, local: routerPath('lte').local, remote: peer.path.remote }, reasons: ['carrier_lost'], since: peer.pair.now });
    const sent = peer.hear();
    assert.equal(sent.some((heard) => notifies(heard).includes('UPDATE_SA_ADDRESSES')), mobike, `mobike ${mobike}: ${sent.map((heard) => notifies(heard).join()).join('; ')}`);
  }
});
