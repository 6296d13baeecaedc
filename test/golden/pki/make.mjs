// Makes the test PKI of this folder anew with the openssl program (3.0 or later): certificates NAME.crt, keys NAME.key, CRLs NAME.crl.
//   node test/golden/pki/make.mjs
// Tests use a fixed time (see test/golden/pki/pki.ts): nothing here expires while they live. Leaves share `leaf.key` unless the row names another key.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const OUT = import.meta.dirname;
const dir = mkdtempSync(join(tmpdir(), 'pki-'));
const at = (name) => join(dir, name);
const openssl = (...args) => execFileSync('openssl', args, { cwd: dir, stdio: ['ignore', 'pipe', 'pipe'] });

const LONG = ['20250101000000Z', '20991231235959Z'];
const CA = ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign,cRLSign'];
const LEAF = ['basicConstraints=CA:FALSE', 'keyUsage=critical,digitalSignature'];
const HUB = 'subjectAltName=DNS:hub.example.com,email:hub@example.com,IP:203.0.113.1,IP:2001:db8::1';
const dns = (name) => `subjectAltName=DNS:${name}`;

const KEYS = {
  p256: ['EC', 'ec_paramgen_curve:P-256'], p384: ['EC', 'ec_paramgen_curve:P-384'], p521: ['EC', 'ec_paramgen_curve:P-521'], k256: ['EC', 'ec_paramgen_curve:secp256k1'],
  rsa1024: ['RSA', 'rsa_keygen_bits:1024'], rsa2048: ['RSA', 'rsa_keygen_bits:2048'], rsa3072: ['RSA', 'rsa_keygen_bits:3072'],
  pss2048: ['RSA-PSS', 'rsa_keygen_bits:2048'], ed25519: ['ED25519'],
};

/** name, what it is: CA rows first, an issuer before what it issues. `key`: kind of an own key, or the name of a file that exists. */
const ROWS = [
  ['root', { key: 'p256', cn: 'Example Root CA', ext: CA, dates: ['20150101000000Z', '20991231235959Z'] }],
  ['other-root', { key: 'p256', cn: 'Other Root CA', ext: CA }],
  // The same name as `root`, another key.
  ['impostor-root', { key: 'p256', cn: 'Example Root CA', ext: CA }],
  ['weak-root', { key: 'rsa1024', cn: 'Weak Root CA', ext: CA }],
  ['inter', { by: 'root', key: 'p256', cn: 'Example Branch CA', ext: ['basicConstraints=critical,CA:TRUE,pathlen:0', CA[1]] }],
  ['inter2', { by: 'inter', key: 'p256', cn: 'Example Twig CA', ext: CA }],
  ['inter-expired', { by: 'root', key: 'p256', cn: 'Example Old CA', ext: CA, dates: ['20200101000000Z', '20210101000000Z'] }],
  ['inter-sha1', { by: 'root', key: 'p256', cn: 'Example SHA-1 CA', ext: CA, md: 'sha1' }],
  ['inter-plain', { by: 'root', key: 'p256', cn: 'Example Non-CA', ext: ['basicConstraints=CA:FALSE'] }],
  ['inter-nosign', { by: 'root', key: 'p256', cn: 'Example No-Sign CA', ext: [CA[0], 'keyUsage=critical,cRLSign'] }],
  ['inter-constrained', { by: 'root', key: 'p256', cn: 'Example Constrained CA', ext: [...CA, 'nameConstraints=critical,permitted;DNS:example.org,excluded;DNS:secret.example.org'] }],
  ['hub-rsa', { by: 'root', key: 'rsa2048', ext: [...LEAF, HUB, 'extendedKeyUsage=1.3.6.1.5.5.7.3.17'] }],
  ['hub-p256', { by: 'root', key: 'p256', ext: [...LEAF, HUB] }],
  ['hub-p384', { by: 'root', key: 'p384', ext: [...LEAF, HUB] }],
  ['hub-p521', { by: 'root', key: 'p521', ext: [...LEAF, HUB] }],
  ['hub-ed25519', { by: 'root', key: 'ed25519', ext: [...LEAF, HUB] }],
  ['router', { by: 'root', cn: 'router.example.com', key: 'p256', ext: [...LEAF, dns('router.example.com')] }],
  ['router2', { by: 'root', cn: 'router2.example.com', key: 'p256', ext: [...LEAF, dns('router2.example.com')] }],
  ['revoked', { by: 'root', ext: [...LEAF, HUB] }],
  ['stranger', { by: 'other-root', ext: [...LEAF, HUB] }],
  ['impostor', { by: 'impostor-root', ext: [...LEAF, HUB], noKeyId: true }],
  ['under-weak', { by: 'weak-root', ext: [...LEAF, HUB] }],
  ['under-inter', { by: 'inter', ext: [...LEAF, HUB] }],
  ['under-inter2', { by: 'inter2', ext: [...LEAF, HUB] }],
  ['under-expired', { by: 'inter-expired', ext: [...LEAF, HUB] }],
  ['under-sha1', { by: 'inter-sha1', ext: [...LEAF, HUB] }],
  ['under-plain', { by: 'inter-plain', ext: [...LEAF, HUB] }],
  ['under-nosign', { by: 'inter-nosign', ext: [...LEAF, HUB] }],
  ['permitted', { by: 'inter-constrained', cn: 'permitted', ext: [...LEAF, dns('hub.example.org')] }],
  ['not-permitted', { by: 'inter-constrained', cn: 'not permitted', ext: [...LEAF, dns('hub.example.com')] }],
  ['excluded', { by: 'inter-constrained', cn: 'excluded', ext: [...LEAF, dns('hub.secret.example.org')] }],
  ['expired', { by: 'root', ext: [...LEAF, HUB], dates: ['20200101000000Z', '20210101000000Z'] }],
  ['future', { by: 'root', ext: [...LEAF, HUB], dates: ['20980101000000Z', '20991231235959Z'] }],
  ['sha1', { by: 'root', ext: [...LEAF, HUB], md: 'sha1' }],
  ['rsa1024', { by: 'root', key: 'rsa1024', ext: [...LEAF, HUB] }],
  ['rsa-pss-key', { by: 'root', key: 'pss2048', ext: [...LEAF, HUB] }],
  ['odd-curve', { by: 'root', key: 'k256', ext: [...LEAF, HUB] }],
  ['eku-any', { by: 'root', ext: [...LEAF, HUB, 'extendedKeyUsage=anyExtendedKeyUsage'] }],
  ['eku-ike', { by: 'root', ext: [...LEAF, HUB, 'extendedKeyUsage=codeSigning,1.3.6.1.5.5.7.3.17'] }],
  ['eku-server', { by: 'root', ext: [...LEAF, HUB, 'extendedKeyUsage=serverAuth'] }],
  ['eku-client', { by: 'root', ext: [...LEAF, HUB, 'extendedKeyUsage=clientAuth'] }],
  ['eku-code', { by: 'root', ext: [...LEAF, HUB, 'extendedKeyUsage=codeSigning'] }],
  ['eku-broken', { by: 'root', ext: [...LEAF, HUB, 'extendedKeyUsage=DER:0500'] }],
  ['ku-none', { by: 'root', ext: ['basicConstraints=CA:FALSE', HUB] }],
  ['ku-repudiation', { by: 'root', ext: ['basicConstraints=CA:FALSE', 'keyUsage=critical,nonRepudiation', HUB] }],
  ['ku-encipher', { by: 'root', ext: ['basicConstraints=CA:FALSE', 'keyUsage=critical,keyEncipherment,keyAgreement', HUB] }],
  ['critical', { by: 'root', ext: [...LEAF, HUB, '1.2.3.4.5=critical,DER:0500'] }],
  ['no-san', { by: 'root', ext: LEAF }],
  ['wildcard', { by: 'root', ext: [...LEAF, dns('*.example.com')] }],
  // A NUL within the name: `hub.example.com`, NUL, `.evil.example`.
  ['nul-san', { by: 'root', ext: [...LEAF, `subjectAltName=DER:${san(2, 'hub.example.com\0.evil.example')}`] }],
  ['self-signed', { ext: [...LEAF, HUB] }],
];

function san(tag, text) {
  const body = Buffer.from(text, 'latin1');
  return Buffer.concat([Buffer.from([0x30, body.length + 2, 0x80 | tag, body.length]), body]).toString('hex');
}

function makeKey(name, kind) {
  const [algorithm, option] = KEYS[kind];
  openssl('genpkey', '-algorithm', algorithm, ...(option ? ['-pkeyopt', option] : []), '-out', at(`${name}.key`));
}

/** A configuration of `openssl ca` for one issuer; the database is its own. */
function authority(name) {
  mkdirSync(at(`${name}.ca`), { recursive: true });
  const file = at(`${name}.ca/ca.cnf`);
  writeFileSync(at(`${name}.ca/index`), '', { flag: 'a' });
  writeFileSync(file, `[ca]\ndefault_ca=it\n[it]\ndatabase=${at(`${name}.ca/index`)}\nnew_certs_dir=${at(`${name}.ca`)}\nrand_serial=yes\ndefault_md=sha256\npolicy=any\nunique_subject=no\n`
    + 'email_in_dn=no\n[any]\ncommonName=supplied\norganizationName=optional\n');
  return file;
}

makeKey('leaf', 'p256');
for (const [name, row] of ROWS) {
  const cn = row.cn ?? 'hub.example.com';
  if (row.key) makeKey(name, row.key);
  const key = at(row.key ? `${name}.key` : 'leaf.key');
  const issuer = row.by ?? name;
  openssl('req', '-new', '-key', key, '-subj', `/O=Example/CN=${cn}`, '-out', at('request'));
  const ids = row.noKeyId ? ['subjectKeyIdentifier=none', 'authorityKeyIdentifier=none'] : ['subjectKeyIdentifier=hash', ...(row.by ? ['authorityKeyIdentifier=keyid'] : [])];
  writeFileSync(at('ext'), [...row.ext, ...ids].join('\n'));
  const [start, end] = row.dates ?? LONG;
  const md = issuer.endsWith('ed25519') ? [] : ['-md', row.md ?? 'sha256'];
  const signer = row.by ? ['-cert', at(`${issuer}.crt`), '-keyfile', at(`${issuer}.key`)] : ['-selfsign', '-keyfile', key];
  openssl('ca', '-batch', '-config', authority(issuer), ...signer, '-in', at('request'), '-extfile', at('ext'), '-startdate', start, '-enddate', end, '-notext', '-preserveDN', ...md, '-out', at(`${name}.crt`));
}

openssl('ca', '-config', authority('root'), '-cert', at('root.crt'), '-keyfile', at('root.key'), '-revoke', at('revoked.crt'));
const crl = (name, issuer, start, end, md = 'sha256', config = issuer) =>
  openssl('ca', '-config', authority(config), '-cert', at(`${issuer}.crt`), '-keyfile', at(`${issuer}.key`), '-gencrl', '-crl_lastupdate', start, '-crl_nextupdate', end, '-md', md, '-out', at(`${name}.crl`));
crl('root', 'root', ...LONG);
crl('root-old', 'root', '20200101000000Z', '20210101000000Z');
crl('root-future', 'root', '20980101000000Z', '20991231235959Z');
crl('root-sha1', 'root', ...LONG, 'sha1');
crl('inter', 'inter', ...LONG);
crl('other-root', 'other-root', ...LONG);
// Named like the root's, signed by the impostor.
crl('forged', 'impostor-root', ...LONG);

for (const name of readdirSync(OUT)) if (/\.(crt|key|crl)$/.test(name)) rmSync(join(OUT, name));
const isAuthority = new Set(ROWS.filter(([, row]) => row.ext[0] === CA[0] || row.ext[0].includes('CA:TRUE')).map(([name]) => name));
for (const name of readdirSync(dir)) {
  // The keys of CAs are not kept: nobody shall sign with what is published.
  if (!/\.(crt|key|crl)$/.test(name) || (name.endsWith('.key') && (isAuthority.has(name.slice(0, -4)) || name === 'inter-plain.key'))) continue;
  copyFileSync(at(name), join(OUT, name));
  if (name.endsWith('.key')) writeFileSync(join(OUT, name), readFileSync(at(name)), { mode: 0o600 });
}
rmSync(dir, { recursive: true });
