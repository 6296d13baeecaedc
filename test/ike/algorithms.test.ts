// Whole lives of two engines with every algorithm of the table: handshake, traffic of the IKE SA both ways, both kinds of rekeying, Delete.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { err, millis, seconds, toHex } from '../../src/base/index.ts';
import { decodeChain, findPayload } from '../../src/codec/ike/index.ts';
import { loadConfig } from '../../src/config/index.ts';
import { DH_SECRET_OCTETS, prfKeyOctets, TRANSFORM } from '../../src/crypto/index.ts';
import type { ChildInstall, IkeConnection, IkeSuite } from '../../src/ike/index.ts';
import { connection, Pair, path, type Side } from './pair.ts';

const ike = (encr: IkeSuite['encr'], prf: readonly number[], integ: readonly number[], groups: readonly number[]): IkeSuite => ({ text: '', encr, prf, integ, groups, esn: [] });
const esp = (encr: IkeSuite['encr'], integ: readonly number[], groups: readonly number[] = [], esn: readonly number[] = [1]): IkeSuite => ({ text: '', encr, prf: [], integ, groups, esn });
const GCM256 = [{ id: 20, keyLength: 256 }];
const GCM128 = [{ id: 20, keyLength: 128 }];
const CHACHA = [{ id: 28, keyLength: undefined }];
const CBC256 = [{ id: 12, keyLength: 256 }];
const CBC128 = [{ id: 12, keyLength: 128 }];
const AEADS = [['aes256gcm16', GCM256], ['aes128gcm16', GCM128], ['chacha20poly1305', CHACHA]] as const;
const CBCS = [['aes256', CBC256], ['aes128', CBC128]] as const;
const PRFS = [['prfsha256', 5], ['prfsha384', 6], ['prfsha512', 7], ['prfsha1', 2]] as const;
const INTEGS = [['sha256', 12], ['sha384', 13], ['sha512', 14]] as const;
const GROUPS = [['x25519', 31], ['ecp256', 19], ['ecp384', 20], ['ecp521', 21], ['modp2048', 14], ['modp3072', 15], ['modp4096', 16]] as const;

function pairOf(ikeSuites: readonly IkeSuite[], espSuites: readonly IkeSuite[], seed = 'algorithms'): Pair {
  const with2 = (role: 'initiator' | 'responder'): IkeConnection => {
    const base = connection(role);
    return { ...base, ikeProposals: ikeSuites, children: base.children.map((c) => ({ ...c, espProposals: espSuites })) };
  };
  return new Pair(seed, with2('initiator'), with2('responder'));
}

const proposals = (side: Side): { readonly ike: string; readonly child: string | undefined }[] => side.engine.status().map((s) => ({ ike: s.proposal, child: s.children[0]?.proposal }));

/** Both sides ask each other something and are answered: their keys fit in both directions. */
function talk(pair: Pair, chain: number): void {
  for (const [side, of] of [[pair.router, chain], [pair.hub, pair.hubChain()]] as const) {
    const before = side.of('path.answered').length;
    pair.feed(side, { type: 'liveness.check', chain: of });
    pair.runFor(seconds(1));
    assert.equal(side.of('path.answered').length, before + 1, `${side.name} is answered; ${side.logs.join('; ')}`);
  }
}

/** One life: up, asked, IKE SA and child rekeyed by either side, deleted; what was agreed on stays what it is. */
function live(pair: Pair, expectIke: string, expectChild: string): void {
  const chain = pair.connect();
  const check = (): void => {
    for (const side of [pair.router, pair.hub]) assert.deepEqual(proposals(side), [{ ike: expectIke, child: expectChild }], side.name);
    pair.checkPaired();
    talk(pair, chain);
  };
  // The first Child SA is made without a key exchange of its own (I1.2-5).
  for (const side of [pair.router, pair.hub]) assert.equal(proposals(side)[0]?.ike, expectIke);
  pair.checkPaired();
  talk(pair, chain);
  for (const [side, of] of [[pair.router, chain], [pair.hub, pair.hubChain()]] as const) {
    pair.feed(side, { type: 'child.rekey', chain: of, child: 'lan' });
    pair.runFor(seconds(6));
    pair.feed(side, { type: 'ike.rekey', chain: of });
    pair.runFor(seconds(6));
    check();
  }
  assert.deepEqual([pair.router.of('ike.rekeyed').length, pair.router.of('child.rekeyed').length], [2, 2]);
  pair.feed(pair.router, { type: 'connection.terminate', connection: 'hq' });
  pair.runFor(seconds(2));
  for (const side of [pair.router, pair.hub]) {
    assert.deepEqual([side.engine.sizes(), side.sas.size, side.crypto.ciphers.size, side.crypto.privates.size], [{ sas: 0, chains: 0, childSpis: 0 }, 0, 0, 0], side.name);
  }
}

for (const [name, encr] of AEADS) {
  test(`I2.14-1 AE3-1: an IKE SA with ${name} and each PRF, whole lives`, () => {
    for (const [prf, id] of PRFS) live(pairOf([ike(encr, [id], [], [31])], [esp(encr, [])]), `${name}-${prf}-x25519`, `${name}-esn`);
  });
}

for (const [name, encr] of CBCS) {
  for (const [integ, integId] of INTEGS) {
    test(`I2.14-1 I2.17-1 I3.14-1: an IKE SA with ${name}-${integ} and each PRF, whole lives`, () => {
      for (const [prf, id] of PRFS) live(pairOf([ike(encr, [id], [integId], [31])], [esp(encr, [integId], [], [0])]), `${name}-${integ}-${prf}-x25519`, `${name}-${integ}-noesn`);
    });
  }
}

for (const [name, id] of GROUPS) {
  test(`I2.12-1 I2.17-1 I2.18-1: ${name} for the IKE SA, its rekeying, and Child SAs with PFS`, () => {
    live(pairOf([ike(GCM256, [5], [], [id])], [esp(GCM256, [], [id])]), `aes256gcm16-prfsha256-${name}`, `aes256gcm16-${name}-esn`);
  });
}

// ---- ESP -------------------------------------------------------------------------------------------------------------

const sizes = (sa: ChildInstall): unknown[] => [sa.cipher, sa.key.reveal().length, sa.integ?.name, sa.integ?.key.reveal().length];

for (const [text, suite, expected] of [
  ['aes256gcm16', esp(GCM256, []), ['aes-gcm-16', 36, undefined, undefined]], ['aes128gcm16', esp(GCM128, []), ['aes-gcm-16', 20, undefined, undefined]],
  ['chacha20poly1305', esp(CHACHA, []), ['chacha20-poly1305', 36, undefined, undefined]],
  ['aes256-sha256', esp(CBC256, [12]), ['aes-cbc', 32, 'hmac-sha256-128', 32]], ['aes128-sha256', esp(CBC128, [12]), ['aes-cbc', 16, 'hmac-sha256-128', 32]],
  ['aes256-sha384', esp(CBC256, [13]), ['aes-cbc', 32, 'hmac-sha384-192', 48]], ['aes128-sha512', esp(CBC128, [14]), ['aes-cbc', 16, 'hmac-sha512-256', 64]],
] as const) {
  test(`I2.17-1 AL-1: ESP with ${text}: key and salt, key of the MAC, each direction its own`, () => {
    const pair = pairOf([ike(GCM256, [5], [], [31])], [suite]);
    pair.connect();
    const installed = [...pair.router.sas.values()];
    assert.deepEqual(installed.map(sizes), [expected, expected]);
    const keys = installed.flatMap((sa) => [toHex(sa.key.reveal()), ...(sa.integ ? [toHex(sa.integ.key.reveal())] : [])]);
    assert.equal(new Set(keys).size, keys.length);
    for (const sa of installed) {
      const twin = [...pair.hub.sas.values()].find((other) => other.spi === sa.spi);
      assert.ok(twin && twin.direction !== sa.direction);
      assert.deepEqual([twin.key.reveal(), twin.integ?.key.reveal()], [sa.key.reveal(), sa.integ?.key.reveal()]);
    }
  });
}

// ---- choice ----------------------------------------------------------------------------------------------------------

test('I2.7-1 I3.3-1: two proposals each way: the responder takes its own favourite of what is offered, whichever proposal that is in', () => {
  const [aead, cbc] = [ike(GCM256, [5], [], [31]), ike(CBC256, [5], [12], [31])];
  for (const [routers, hubs, expected] of [
    [[aead, cbc], [aead, cbc], 'aes256gcm16-prfsha256-x25519'], [[aead, cbc], [cbc, aead], 'aes256-sha256-prfsha256-x25519'], [[aead, cbc], [cbc], 'aes256-sha256-prfsha256-x25519'],
    [[cbc], [aead, cbc], 'aes256-sha256-prfsha256-x25519'], [[cbc, aead], [aead], 'aes256gcm16-prfsha256-x25519'],
  ] as const) {
    const pair = new Pair('two', { ...connection('initiator'), ikeProposals: routers }, { ...connection('responder'), ikeProposals: hubs });
    pair.connect();
    assert.deepEqual(proposals(pair.hub).map((p) => p.ike), [expected]);
    assert.deepEqual(proposals(pair.router).map((p) => p.ike), [expected]);
  }
});

test('I1.2-6: the group the hub insists on is taken up after INVALID_KE_PAYLOAD, for every kind', () => {
  for (const [name, id] of GROUPS.slice(1)) {
    const pair = new Pair('group', { ...connection('initiator'), ikeProposals: [ike(GCM256, [5], [], [31, id])] }, { ...connection('responder'), ikeProposals: [ike(GCM256, [5], [], [id])] });
    pair.connect();
    assert.deepEqual(proposals(pair.router).map((p) => p.ike), [`aes256gcm16-prfsha256-${name}`]);
    assert.equal(pair.router.crypto.privates.size, 0);
  }
});

test('I2.18-1: the IKE SA is rekeyed with another PRF, cipher and group when the configuration has changed: 256 to 512 and back, by either side', () => {
  const old = ike(GCM256, [5], [], [31]);
  const other = ike(CBC256, [7], [14], [20]);
  const pair = pairOf([old], [esp(GCM256, [])]);
  const chain = pair.connect();
  for (const [suite, expected] of [[other, 'aes256-sha512-prfsha512-ecp384'], [old, 'aes256gcm16-prfsha256-x25519'], [other, 'aes256-sha512-prfsha512-ecp384']] as const) {
    for (const [side, of] of [[pair.router, chain], [pair.hub, pair.hubChain()]] as const) {
      for (const [each, role] of [[pair.router, 'initiator'], [pair.hub, 'responder']] as const)
        pair.feed(each, { type: 'connections.set', connections: [{ ...connection(role), ikeProposals: [suite], children: connection(role).children.map((c) => ({ ...c, espProposals: [esp(GCM256, [])] })) }] });
      pair.feed(side, { type: 'ike.rekey', chain: of });
      pair.runFor(seconds(6));
      assert.deepEqual([proposals(pair.router)[0]?.ike, proposals(pair.hub)[0]?.ike], [expected, expected]);
      talk(pair, chain);
      // Child SAs take their keys from the new SK_d.
      pair.feed(side, { type: 'child.rekey', chain: of, child: 'lan' });
      pair.runFor(seconds(6));
      pair.checkPaired();
    }
  }
  assert.equal(pair.router.of('ike.closed').length, 0);
});

// ---- the default offers ----------------------------------------------------------------------------------------------

const defaults = loadConfig(
  "config connection 'hq'\n\toption role 'initiator'\n\tlist remote_addrs '203.0.113.1'\n\toption psk 'a preshared key of some length'\n"
    + "config child 'lan'\n\toption connection 'hq'\n\tlist local_ts '10.1.0.0/24'\n\tlist remote_ts '10.2.0.0/24'\n",
  'mobiked', () => err('there are no files'),
).config.connections[0];
assert.ok(defaults);

test('section 5: the default offer: IKE_SA_INIT is well below 1280 octets with every group, X25519 goes first', () => {
  const groups = defaults.ikeProposals.flatMap((s) => s.groups);
  assert.deepEqual([...new Set(groups)], [31, 19, 20, 21, 15, 14]);
  const pair = new Pair('default', { ...connection('initiator'), ikeProposals: defaults.ikeProposals, children: defaults.children });
  pair.feed(pair.router, { type: 'connection.initiate', connection: 'hq', paths: [path('wan')] });
  const request = pair.router.sent[0]?.bytes;
  assert.ok(request);
  assert.ok(request.length < 600, `${request.length} octets`);
  // With a cookie of 64 octets and the public value of MODP 3072 it still fits (I2-1).
  assert.ok(request.length - 32 + 384 + 72 < 1280);
});

test('section 5: two sides with the default offers agree on AES-256-GCM, X25519 and ESN in one round trip each', () => {
  const pair = pairOf(defaults.ikeProposals, defaults.children[0]?.espProposals ?? []);
  pair.latency = millis(10);
  pair.connect();
  assert.deepEqual(proposals(pair.router), [{ ike: 'aes256gcm16-prfsha256-x25519', child: 'aes256gcm16-esn' }]);
  assert.equal(pair.router.of('ike.established')[0]?.took, 40);
});

test('I2.10-1: our nonces are at least half the key of the largest PRF there is', () => {
  const pair = pairOf([ike(GCM256, [7], [], [31])], [esp(GCM256, [])]);
  pair.connect();
  for (const side of [pair.router, pair.hub]) {
    const chain = decodeChain(side.sent[0]?.bytes[16] ?? 0, side.sent[0]?.bytes ?? new Uint8Array(), 28, side.sent[0]?.bytes.length ?? 0);
    const nonce = chain.kind === 'payloads' ? findPayload(chain.payloads, 'NONCE') : undefined;
    assert.ok(nonce && 2 * nonce.data.length >= Math.max(...Object.values(TRANSFORM).map((row) => (row.kind === 'PRF' ? prfKeyOctets(row.hash) : 0))));
  }
});

test('DH_SECRET_OCTETS: what a group draws is far longer than needed: for curves 128 bits or 14 above the order', () => {
  assert.deepEqual(GROUPS.map(([, id]) => DH_SECRET_OCTETS[id]), [32, 48, 64, 82, 40, 48, 56]);
});
