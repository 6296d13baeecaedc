import { test } from 'node:test';
import assert from 'node:assert/strict';
import { toHex, toUtf8 } from '../../src/base/index.ts';
import { configDifference, formatProblem, loadConfig, type CredentialFinding, type CredentialReader, type Identity, type LoadedConfig, type ReadFile } from '../../src/config/index.ts';

const pem = (label: string, octets: readonly number[]): Uint8Array => toUtf8(`-----BEGIN ${label}-----\n${Buffer.from(octets).toString('base64')}\n-----END ${label}-----\n`);
/** What a test says is in the files; the first octet of a certificate stands for the whole. */
const FILES: { readonly [path: string]: Uint8Array } = {
  '/one.pem': pem('CERTIFICATE', [0x30, 1]), '/two.pem': pem('CERTIFICATE', [0x30, 2]), '/none.pem': pem('CERTIFICATE', [0x30, 0]),
  '/key': pem('PRIVATE KEY', [0x30, 9]), '/ca.pem': pem('CERTIFICATE', [0x30, 3]), '/leaf.pem': pem('CERTIFICATE', [0x30, 4]), '/crl.pem': pem('X509 CRL', [0x30, 5]),
  '/crl.der': Uint8Array.of(0x30, 0x81, 2, 6, 7), '/binary': Uint8Array.of(255, 254), '/psk': toUtf8('sixteen octets!!'),
};
const readFile: ReadFile = (path) => {
  const octets = FILES[path];
  return octets ? { ok: true, value: { octets, worldReadable: false } } : { ok: false, error: 'no such file' };
};
const fqdn = (text: string): Identity => ({ text, idType: 2, data: toUtf8(text) });

/** A platform that finds in a certificate as many names as its second octet says. */
function reader(findings: readonly CredentialFinding[] = []): CredentialReader & { readonly asked: string[] } {
  const asked: string[] = [];
  const count = (certificate: Uint8Array): number => certificate[1] ?? 0;
  return {
    asked,
    names: (certificate) => ({ alternative: Array.from({ length: count(certificate) }, (_, i) => fqdn(`name${i}.example`)), subject: count(certificate) === 2 ? undefined : { text: 'CN=x', idType: 9, data: Uint8Array.of(0x30, 0) } }),
    judgeLocal: (chain, key, localId) => {
      asked.push(`local ${chain.map(toHex).join(' ')} ${toHex(key.reveal())} ${localId?.text}`);
      return findings;
    },
    judgeAnchor: (certificate) => {
      asked.push(`anchor ${toHex(certificate)}`);
      return count(certificate) === 4 ? [{ severity: 'error', option: 'remote_ca', message: 'is no CA' }] : [];
    },
    judgeCrl: (crl, anchors) => {
      asked.push(`crl ${toHex(crl)} of ${anchors.length}`);
      return [];
    },
  };
}
const CHILD = "config child 'lan'\n\toption connection 'hq'\n\tlist local_ts '192.168.1.0/24'\n\tlist remote_ts '10.0.0.0/8'\n";
const hub = (more = '', cert = '/one.pem'): string => `config connection 'hq'\n\toption role 'responder'\n\toption auth 'cert'\n\toption local_cert '${cert}'\n\toption local_key '/key'\n\tlist remote_ca '/ca.pem'\n${more}${CHILD}`;
const load = (text: string, platform: CredentialReader | undefined = reader()): LoadedConfig => loadConfig(text, 'f', readFile, platform);
const said = (loaded: LoadedConfig): string[] => loaded.problems.map((problem) => formatProblem(problem).replace("connection 'hq': ", ''));

test('RFC 4945 §3.1: our identity is the only name in the certificate, or the one of several that is given', () => {
  const idOf = (text: string): string | undefined => load(text).config.connections[0]?.localId?.text;
  assert.equal(idOf(hub()), 'name0.example');
  assert.equal(idOf(hub("\toption local_id 'name1.example'\n", '/two.pem')), 'name1.example');
  assert.equal(idOf(hub("\toption local_id '%subject'\n")), 'CN=x');
  assert.deepEqual(said(load(hub('', '/two.pem'))), ["f:1: error: option 'local_id': is missing, and local_cert bears several names: give 'name0.example' or 'name1.example'"]);
  assert.deepEqual(said(load(hub('', '/none.pem'))), ["f:1: error: option 'local_id': is missing, and local_cert bears no alternative name: give %subject, or have one put into it"]);
  assert.deepEqual(said(load(hub("\toption local_id '%subject'\n", '/two.pem'))), ["f:7: error: option 'local_id': cannot be %subject: the certificate has an empty subject"]);
  assert.deepEqual(said(load(hub("\toption local_id '%any'\n"))), ["f:7: error: option 'local_id': cannot be %any: it says who we are"]);
  assert.deepEqual(said(loadConfig(hub("\toption local_id '%subject'\n"), 'f', readFile)), ["f:7: error: option 'local_id': cannot be %subject: certificates cannot be read here"]);
});

test('the platform judges what the files hold, and its words are told with their lines', () => {
  const platform = reader([{ severity: 'warning', option: 'local_cert', message: 'expired yesterday' }, { severity: 'warning', option: 'local_key', message: 'is old' }]);
  const loaded = load(hub("\tlist remote_ca '/leaf.pem'\n\tlist crl '/crl.pem'\n\tlist crl '/crl.der'\n"), platform);
  assert.deepEqual(said(loaded), ["f:4: warning: option 'local_cert': expired yesterday", "f:5: warning: option 'local_key': is old", "f:7: error: option 'remote_ca': is no CA"]);
  assert.deepEqual(platform.asked, ['anchor 3003', 'anchor 3004', 'crl 3005 of 2', 'crl 3081020607 of 2', 'local 3001 3009 name0.example']);
  assert.deepEqual(loaded.broken, ['connection.hq']);
});

test('a warning leaves the connection in force', () => {
  const loaded = load(hub(), reader([{ severity: 'warning', option: 'local_cert', message: 'expired yesterday' }]));
  assert.equal(loaded.config.connections.length, 1);
  assert.deepEqual(loaded.broken, []);
});

test('files that are neither PEM nor DER', () => {
  assert.deepEqual(said(load(hub("\tlist crl '/binary'\n"))), ["f:7: error: option 'crl': '/binary' holds no certificate revocation list: it is neither PEM nor DER"]);
  assert.deepEqual(said(load(hub("\tlist crl '/psk'\n"))), ["f:7: error: option 'crl': '/psk' holds no certificate revocation list"]);
});

test('each side proves itself in its own way', () => {
  const mixed = hub("\toption remote_auth 'psk'\n\toption psk_file '/psk'\n").replace("\tlist remote_ca '/ca.pem'\n", '');
  const [one] = load(mixed).config.connections;
  assert.deepEqual([one?.auth.method, one?.remoteAuth.method], ['cert', 'psk']);
  const [other] = load(hub("\toption remote_auth 'cert'\n\toption psk_file '/psk'\n").replace("auth 'cert'", "auth 'psk'").replace("\toption local_cert '/one.pem'\n\toption local_key '/key'\n", '')).config.connections;
  assert.deepEqual([other?.auth.method, other?.remoteAuth.method], ['psk', 'cert']);
});

test('an initiator must know whose certificate it wants', () => {
  const router = hub().replace("role 'responder'", "role 'initiator'").replace("\toption auth", "\tlist remote_addrs 'vpn.example'\n\toption auth");
  assert.match(said(load(router))[0] ?? '', /'remote_id': is missing: without it everybody/);
  assert.deepEqual(said(load(router.replace('\toption auth', "\toption remote_id '%any'\n\toption auth"))), []);
});

test('a renewed certificate and a new revocation list are taken over live, a new CA is not', () => {
  const before = load(hub("\toption local_id 'name0.example'\n\tlist crl '/crl.pem'\n")).config;
  const change = (text: string): string => configDifference(before, load(text).config).connections.map((c) => `${c.how}: ${c.options.join(' ')}`).join();
  assert.equal(change(hub("\toption local_id 'name0.example'\n\tlist crl '/crl.der'\n")), 'live: crl');
  assert.equal(change(hub("\toption local_id 'name0.example'\n\tlist crl '/crl.pem'\n", '/two.pem')), 'live: local_cert');
  assert.equal(change(hub("\toption local_id 'name0.example'\n\tlist crl '/crl.pem'\n").replace('/ca.pem', '/one.pem')), 'reconnect: remote_ca');
  assert.equal(change(hub("\toption local_id 'name0.example'\n\tlist crl '/crl.pem'\n\toption clock_grace '0'\n")), 'reconnect: clock_grace');
});
