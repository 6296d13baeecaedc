import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Secret, toHex } from '../../src/base/index.ts';
import { formatProblem, loadConfig, type ReadFile } from '../../src/config/index.ts';
import { credentialReader, describeCertificates } from '../../src/main/credentials.ts';
import { crl, crt, key, NOW, testPki } from '../golden/pki/pki.ts';

const pki = testPki();
const at = (unix: number): ReturnType<typeof credentialReader> => credentialReader(pki, () => unix * 1000);
const fqdn = (text: string): { text: string; idType: number; data: Uint8Array } => ({ text, idType: 2, data: new TextEncoder().encode(text) });

/** Findings as `severity option: message`. */
const said = (findings: ReturnType<ReturnType<typeof credentialReader>['judgeAnchor']>): string[] => findings.map((f) => `${f.severity} ${f.option}: ${f.message}`);
const local = (certificate: string, keyName: string, id?: string, unix = NOW, more: readonly string[] = []): string[] =>
  said(at(unix).judgeLocal([crt(certificate), ...more.map(crt)], new Secret(key(keyName)), id === undefined ? undefined : fqdn(id)));

test('I3.6-2: why a certificate of ours will not do, in words', () => {
  const [name = ''] = at(NOW).names(crt('hub-p256'))?.alternative.map((n) => n.text) ?? [];
  assert.deepEqual(local('hub-p256', 'hub-p256', name), []);
  assert.deepEqual(local('hub-p256', 'hub-rsa'), [`error local_key: is not the key of the certificate in local_cert (${pki.read(crt('hub-p256'))?.subjectText})`]);
  assert.match(local('hub-p256', 'hub-p256', 'other.example')[0] ?? '', /^warning local_id: the peer will refuse it: .*does not name other\.example/);
  assert.match(local('expired', 'leaf').join(), /^warning local_cert: .*expired/);
  assert.match(local('future', 'leaf').join(), /^warning local_cert: .*not (yet )?valid( yet)?/);
  assert.match(local('eku-server', 'leaf').join(), /^warning local_cert: .*usage/);
  assert.match(local('ku-encipher', 'leaf').join(), /^warning local_cert: .*sign/);
  assert.match(local('rsa1024', 'rsa1024').join(), /^warning local_cert: .*1024/);
  assert.match(local('hub-p256', 'hub-p256', name, NOW, ['inter']).join(), /^warning local_cert: .*neither trusted nor sent along/);
  assert.match(local('hub-p256', 'odd-curve').join(), /^error local_key: holds no key that can be used/);
  assert.deepEqual(said(at(NOW).judgeLocal([Uint8Array.of(0x30, 0)], new Secret(key('hub-p256')), undefined)), ['error local_cert: holds something that is no X.509 certificate']);
});

test('while the clock is not set nothing is said of dates', () => {
  assert.deepEqual(local('expired', 'leaf', undefined, 1000), []);
  assert.deepEqual(said(at(1000).judgeCrl(crl('root-old'), [crt('root')])), []);
});

test('authorities and revocation lists', () => {
  assert.deepEqual(said(at(NOW).judgeAnchor(crt('root'))), []);
  assert.match(said(at(NOW).judgeAnchor(crt('hub-p256'))).join(), /^warning remote_ca: .*is no CA/);
  assert.deepEqual(said(at(NOW).judgeAnchor(crl('root'))), ['error remote_ca: holds something that is no X.509 certificate']);
  assert.deepEqual(said(at(NOW).judgeCrl(crl('root'), [crt('root')])), []);
  assert.match(said(at(NOW).judgeCrl(crl('root-old'), [crt('root')])).join(), /^warning crl: .*out of date/);
  assert.match(said(at(NOW).judgeCrl(crl('root-future'), [crt('root')])).join(), /^warning crl: .*not valid yet/);
  assert.deepEqual(said(at(NOW).judgeCrl(crt('root'), [crt('root')])), ['error crl: holds something that is no certificate revocation list']);
});

test('a platform without X.509 says so for each connection that needs it, and for no other', () => {
  const reader = credentialReader('certificates cannot be used: no OpenSSL', () => NOW * 1000);
  assert.deepEqual(said(reader.judgeLocal([], new Secret(new Uint8Array()), undefined)), ['error local_cert: certificates cannot be used: no OpenSSL']);
});

const readFile: ReadFile = (path) => ({ ok: true, value: { octets: new Uint8Array(readFileSync(`test/golden/pki${path}`)), worldReadable: false } });
const hub = (more: string): string => `config connection 'hq'
	option role 'responder'
	option auth 'cert'
	option local_cert '/hub-p256.crt'
	option local_key '/hub-p256.key'
	list remote_ca '/root.crt'
${more}
config child 'lan'
	option connection 'hq'
	list local_ts '192.168.1.0/24'
	list remote_ts '10.0.0.0/8'
`;

test('a configuration with real files is right without a word, and is described for the other side', () => {
  const names = at(NOW).names(crt('hub-p256'));
  const loaded = loadConfig(hub(`\toption local_id '%subject'\n\tlist crl '/root.crl'`), 'f', readFile, at(NOW));
  assert.deepEqual(loaded.problems.map(formatProblem), []);
  const [connection] = loaded.config.connections;
  assert.equal(connection?.localId?.idType, 9);
  assert.equal(toHex(connection.localId.data), toHex(pki.read(crt('hub-p256'))?.subject ?? new Uint8Array()));
  const text = describeCertificates(pki, loaded.config).join('\n');
  for (const part of ["connection 'hq': certificate ", 'ec-p256', ...(names?.alternative.map((n) => n.text) ?? []), names?.subject?.text ?? 'no subject', ' from 20', ' to 20']) assert.ok(text.includes(part), `${part} in ${text}`);
});
