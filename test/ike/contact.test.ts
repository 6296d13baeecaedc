// RFC 7296 §2.4: when an initiator says INITIAL_CONTACT. It ends every other SA of its pair of identities at the peer, so a pair that has
// connections of its own, or was up since the start, says nothing. And what several connections of one initiator leave alone of each other.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { ip, seconds } from '../../src/base/index.ts';
import type { IkeConnection, IkeIdentity } from '../../src/ike/index.ts';
import { connection, path, type Pair } from './pair.ts';
import { notifies, notify, ScriptedPeer, type Heard } from './scripted-peer.ts';

const fqdn = (text: string): IkeIdentity => ({ text, idType: 2, data: Uint8Array.from(text, (c) => c.charCodeAt(0)) });
const address = (text: string): IkeConnection['remoteAddrs'][number] => ({ kind: 'address', address: ip(text) });
const named = (name: string): IkeConnection['remoteAddrs'][number] => ({ kind: 'name', name });
const ours = (name: string, change: Partial<IkeConnection> = {}): IkeConnection => connection('initiator', { name, ...change });
const set = (pair: Pair, ...connections: IkeConnection[]): void => pair.feed(pair.router, { type: 'connections.set', connections });

/** The engine's IKE_AUTH request for this connection. */
function authOf(pair: Pair, name: string): { readonly peer: ScriptedPeer; readonly auth: Heard } {
  const peer = new ScriptedPeer('router', {}, pair);
  pair.feed(pair.router, { type: 'connection.initiate', connection: name, paths: [path('wan')] });
  const [auth] = peer.answerInit(peer.takeInitRequest(peer.hearOne()));
  assert.ok(auth?.sealed);
  return { peer, auth };
}
const says = ({ auth }: { readonly auth: Heard }): boolean => notifies(auth).includes('INITIAL_CONTACT');
const accept = ({ peer, auth }: ReturnType<typeof authOf>): void => peer.reply(auth, [...peer.authPayloads(), ...peer.childAnswer(auth), notify('MOBIKE_SUPPORTED')]);
const amid = (...connections: IkeConnection[]): boolean => {
  const { pair } = new ScriptedPeer('router');
  set(pair, ...connections);
  return says(authOf(pair, 'hq'));
};

test('I2.4-4 D5.3-3: said by the only connection of a pair of identities, not beside another', () => {
  const hub = { remoteId: fqdn('hub.example') };
  for (const [expected, hq, other] of [
    [true, {}, undefined],
    [false, {}, {}],
    [true, {}, { role: 'responder' }],
    [true, {}, { localId: fqdn('me.example') }],
    [true, {}, hub],
    [true, {}, { remoteAddrs: [address('203.0.113.2')] }],
    [true, {}, { remoteAddrs: [address('203.0.113.1'), address('203.0.113.2')] }],
    [true, {}, { remoteAddrs: [named('hub.example')] }],
    [true, { remoteAddrs: [named('hub.example')] }, { remoteAddrs: [named('other.example')] }],
    [false, { remoteAddrs: [named('hub.example')] }, { remoteAddrs: [named('hub.example')] }],
    [true, { ...hub, localId: fqdn('a') }, { ...hub, localId: fqdn('b') }],
    [true, { ...hub, localId: fqdn('a') }, { remoteId: fqdn('other.example'), localId: fqdn('a') }],
    [false, { ...hub, localId: fqdn('a') }, { ...hub, localId: fqdn('a'), remoteAddrs: [address('203.0.113.2')] }],
  ] as const) assert.equal(amid(ours('hq', hq), ...(other ? [ours('other', other)] : [])), expected, JSON.stringify([hq, other]));
});

test('I2.4-4: a pair of identities that was up since the start says nothing any more, whatever its connection is called; another does', () => {
  const { pair } = new ScriptedPeer('router');
  set(pair, ours('hq'));
  const first = authOf(pair, 'hq');
  assert.equal(says(first), true);
  accept(first);
  pair.feed(pair.router, { type: 'connection.terminate', connection: 'hq' });
  first.peer.reply(first.peer.hearOne(), []);
  assert.equal(pair.router.engine.idle, true);
  set(pair, ours('renamed'), ours('other', { localId: fqdn('me.example') }));
  assert.deepEqual([says(authOf(pair, 'renamed')), says(authOf(pair, 'other'))], [false, true]);
});

test('I2.4-4: an attempt that nobody answered was no contact', () => {
  const { pair } = new ScriptedPeer('router');
  set(pair, ours('hq'));
  assert.equal(says(authOf(pair, 'hq')), true);
  pair.runFor(seconds(400));
  assert.equal(pair.router.engine.isConnecting('hq'), false);
  assert.equal(says(authOf(pair, 'hq')), true);
});

test('I2.4-4: a connection that is up under its former identity says nothing; what is up under another name is no matter', () => {
  const { pair } = new ScriptedPeer('router');
  const other = ours('other', { localId: fqdn('me.example') });
  set(pair, ours('hq'), other);
  accept(authOf(pair, 'hq'));
  const second = authOf(pair, 'other');
  assert.equal(says(second), true);
  accept(second);
  assert.equal(pair.router.engine.status().filter((s) => s.state === 'established').length, 2);
  set(pair, ours('hq', { localId: fqdn('new.example') }), other);
  assert.equal(says(authOf(pair, 'hq')), false);
});

test('I2.8.3-1: a connection that comes up takes over from its own IKE SA that is being proven anew, not from another\'s', () => {
  for (const proven of ['other', 'hq'] as const) {
    const { pair } = new ScriptedPeer('router');
    const calm = { liveness: seconds(3000) };
    const with_ = (name: string, change: Partial<IkeConnection> = {}): IkeConnection => ours(name, { ...calm, ...change, ...(name === proven ? { reauth: seconds(100) } : {}) });
    set(pair, with_('hq'), with_('other', { localId: fqdn('me.example') }));
    accept(authOf(pair, proven));
    const { chain } = pair.router.of('ike.established')[0] ?? {};
    pair.runFor(seconds(100)); // its own attempt is under way, and unanswered
    assert.equal(pair.router.engine.isConnecting(proven), true);
    if (proven === 'hq') pair.runFor(seconds(40));
    pair.feed(pair.router, { type: 'connection.terminate', connection: 'none' });
    accept(authOf(pair, 'hq'));
    assert.equal(pair.router.of('ike.established')[1]?.replaces, proven === 'hq' ? chain : undefined);
  }
});
