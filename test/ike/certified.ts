/** Connections with certificates of the test PKI, and the raw half of them for a scripted peer. */
import { ipBytes, Secret, toUtf8, ip } from '../../src/base/index.ts';
import { idPayload, ID_TYPE, notify, type Payload } from '../../src/codec/ike/index.ts';
import { authOctets, encodeSignature, type SignatureScheme } from '../../src/crypto/index.ts';
import type { IkeConnection, IkeIdentity, LocalAuth, RemoteAuth } from '../../src/ike/index.ts';
import { crl, crt, key, NOW, testPki } from '../golden/pki/pki.ts';
import { connection, Pair, sharedKey } from './pair.ts';
import { suite, type ScriptedPeer } from './scripted-peer.ts';

export const pki = testPki();
export { crl, crt, key, NOW };

export const fqdn = (text: string): IkeIdentity => ({ text, idType: ID_TYPE.FQDN, data: toUtf8(text) });
export const email = (text: string): IkeIdentity => ({ text, idType: ID_TYPE.RFC822_ADDR, data: toUtf8(text) });
export const address = (text: string): IkeIdentity => ({ text, idType: text.includes(':') ? ID_TYPE.IPV6_ADDR : ID_TYPE.IPV4_ADDR, data: ipBytes(ip(text)) });
export const subject = (name: string): IkeIdentity => ({ text: name, idType: ID_TYPE.DER_ASN1_DN, data: pki.read(crt(name))?.subject ?? new Uint8Array() });
export const keyId = (text: string): IkeIdentity => ({ text, idType: ID_TYPE.KEY_ID, data: toUtf8(text) });

/** We prove ourselves with this leaf; `keyName` when it has not its own. */
export const withCert = (name: string, keyName = name, intermediates: readonly string[] = []): LocalAuth => ({
  method: 'cert', chain: [name, ...intermediates].map(crt), key: new Secret(key(keyName)),
});
export const wantCert = (change: Partial<Extract<RemoteAuth, { method: 'cert' }>> = {}): RemoteAuth => ({
  method: 'cert', anchors: [crt('root')], crls: [], clockGrace: true, allowTlsUsage: false, ...change,
});
export const psk = sharedKey('a preshared key of some length');

/** A router and a hub that trust the same root; the router is `router.example.com`, the hub `hub.example.com`. */
export function certified(change: { readonly router?: Partial<IkeConnection>; readonly hub?: Partial<IkeConnection>; readonly unset?: boolean } = {}, seed = 'certified'): Pair {
  const router = connection('initiator', { localId: fqdn('router.example.com'), remoteId: fqdn('hub.example.com'), auth: withCert('router'), remoteAuth: wantCert(), ...change.router });
  const hub = connection('responder', { localId: fqdn('hub.example.com'), auth: withCert('hub-p256'), remoteAuth: wantCert(), ...change.hub });
  const pair = new Pair(seed, router, hub, pki);
  if (change.unset !== true) setClock(pair);
  return pair;
}

/** Tells both engines what time it is; `synced` false: that nobody knows. */
export function setClock(pair: Pair, unixSeconds = NOW, synced = true): void {
  for (const side of [pair.router, pair.hub]) pair.feed(side, { type: 'clock.wall', unixAtZero: unixSeconds * 1000 - pair.now, synced });
}

export const hashes = (...ids: number[]): Payload => notify('SIGNATURE_HASH_ALGORITHMS', Uint8Array.from(ids.flatMap((id) => [id >> 8, id & 255])));
export const cert = (der: Uint8Array, encoding = 4): Payload => ({ type: 'CERT', encoding, data: der });

/** What a scripted peer proves itself with, right unless changed. */
export interface Proof {
  readonly id?: IkeIdentity;
  readonly certs?: readonly Payload[];
  readonly key?: string;
  readonly scheme?: SignatureScheme;
  readonly method?: number;
  /** Changes AUTH data. */
  readonly spoil?: (data: Uint8Array) => Uint8Array;
}

/** ID, CERT and AUTH payloads of a scripted peer: the router's when it initiates, the hub's when not. */
export function signedPayloads(peer: ScriptedPeer, proof: Proof = {}): Payload[] {
  if (!peer.keys) throw new Error('no keys yet');
  const name = peer.isInitiator ? 'router' : 'hub-p256';
  const id = proof.id ?? fqdn(peer.isInitiator ? 'router.example.com' : 'hub.example.com');
  const mine = peer.isInitiator ? idPayload('IDi', id.idType, id.data) : idPayload('IDr', id.idType, id.data);
  const octets = peer.isInitiator
    ? authOctets(suite, 'sha256', peer.initRequest, peer.nr, peer.keys.skPi, mine.body)
    : authOctets(suite, 'sha256', peer.initResponse, peer.ni, peer.keys.skPr, mine.body);
  const scheme = proof.scheme ?? 'ecdsa-sha256';
  const signer = pki.signingKey(key(proof.key ?? name));
  if (!signer) throw new Error('no key');
  const data = encodeSignature(scheme, signer.sign(scheme, octets));
  return [mine, ...(proof.certs ?? [cert(crt(name))]), { type: 'AUTH', method: proof.method ?? 14, data: proof.spoil?.(data) ?? data }];
}
