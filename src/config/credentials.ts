import { ok, Secret, type Result } from '../base/index.ts';
import type { SECTIONS } from './options.ts';
import { derObjects, readNamed, secretText, warnReadable, type ReadFile } from './files.ts';
import { oneOf, quote } from './problems.ts';
import type { Checked } from './section.ts';
import type { ConnectionConfig, CredentialFinding, CredentialReader, Identity } from './types.ts';
import { parseIdentity, parsePsk } from './values.ts';

type Connection = Checked<(typeof SECTIONS)['connection']>;

/** Certificates sent at most (I3.6-1). */
const MOST_CHAIN = 4;
/** More CAs than a VPN has by itself: somebody named the bundle of the Internet's CAs. */
const MANY_ANCHORS = 16;
/** Stands for the subject of `local_cert` as our identity: a distinguished name need not be copied from there. */
const SUBJECT = '%subject';

const CERTIFICATES = ['CERTIFICATE', 'X509 CERTIFICATE'];
const KEYS = ['PRIVATE KEY', 'RSA PRIVATE KEY', 'EC PRIVATE KEY'];
const LISTS = ['X509 CRL'];

/** Who we are, how we prove it, and how the peer must. */
export type Credentials = Pick<ConnectionConfig, 'localId' | 'remoteId' | 'auth' | 'remoteAuth'>;

function readPsk(connection: Connection, readFile: ReadFile): Secret | undefined {
  const { values } = connection;
  const found = secretText<'connection'>(connection, values.psk, values.psk_file, 'psk', 'psk_file', readFile);
  if (!found) {
    const { options } = connection.section;
    const given = options.has('psk') || options.has('psk_file'); // then what is wrong with it has been said
    if (!given && connection.complete) connection.error(undefined, "has no key; give 'psk_file' (or 'psk')");
    return undefined;
  }
  const psk = parsePsk(found.text);
  if (psk.ok) return psk.value;
  connection.error(found.from, psk.error);
  return undefined;
}

/** The DER objects of the files of a list, with the place in the list each came from. */
function readObjects(connection: Connection, option: 'remote_ca' | 'crl', labels: readonly string[], what: string, readFile: ReadFile): { readonly der: Uint8Array; readonly index: number }[] {
  return (connection.values[option] ?? []).flatMap((path, index) => {
    const content = readNamed<'connection'>(connection, path, option, readFile, index);
    const objects = content && derObjects(content.octets, labels, what);
    if (objects?.ok === false) connection.error(option, `${quote(path)} ${objects.error}`, index);
    return objects?.ok === true ? objects.value.map((der) => ({ der, index })) : [];
  });
}

function tell(connection: Connection, findings: readonly CredentialFinding[], index = 0): void {
  for (const { severity, option, message } of findings) {
    if (severity === 'error') connection.error(option, message, index);
    else connection.warn(option, message, index);
  }
}

function readRemote(connection: Connection, readFile: ReadFile, reader: CredentialReader | undefined): ConnectionConfig['remoteAuth'] | undefined {
  const { values } = connection;
  if (values.remote_ca === undefined && connection.complete && !connection.section.options.has('remote_ca')) {
    connection.error('remote_ca', "is missing; name the file of the CA that vouches for the peer's certificate");
  }
  const anchors = readObjects(connection, 'remote_ca', CERTIFICATES, 'certificate', readFile);
  for (const { der, index } of anchors) tell(connection, reader?.judgeAnchor(der) ?? [], index);
  if (anchors.length > MANY_ANCHORS) connection.warn('remote_ca', `holds ${anchors.length} CAs, and each of them can make a certificate for whom it likes; name only the CA of this VPN`);
  const crls = readObjects(connection, 'crl', LISTS, 'certificate revocation list', readFile);
  for (const { der, index } of crls) tell(connection, reader?.judgeCrl(der, anchors.map((anchor) => anchor.der)) ?? [], index);
  if (anchors.length === 0) return undefined;
  return { method: 'cert', anchors: anchors.map((anchor) => anchor.der), crls: crls.map((crl) => crl.der), clockGrace: values.clock_grace, allowTlsUsage: values.tls_eku };
}

interface LocalCertificate {
  readonly chain: readonly Uint8Array[];
  readonly key: Secret;
}

function readLocal(connection: Connection, readFile: ReadFile): LocalCertificate | undefined {
  const { values, section } = connection;
  for (const option of ['local_cert', 'local_key'] as const) {
    if (!section.options.has(option) && connection.complete) connection.error(option, "is missing; 'auth' is cert, which needs 'local_cert' and 'local_key'");
  }
  const read = (option: 'local_cert' | 'local_key', labels: readonly string[], what: string): readonly Uint8Array[] => {
    const path = values[option];
    const content = path === undefined ? undefined : readNamed<'connection'>(connection, path, option, readFile);
    if (path === undefined || !content) return [];
    if (option === 'local_key') warnReadable<'connection'>(connection, path, option, content);
    const objects = derObjects(content.octets, labels, what);
    if (!objects.ok) connection.error(option, `${quote(path)} ${objects.error}`);
    return objects.ok ? objects.value : [];
  };
  const chain = read('local_cert', CERTIFICATES, 'certificate');
  if (chain.length > MOST_CHAIN) connection.error('local_cert', `holds ${chain.length} certificates; at most ${MOST_CHAIN} are sent: ours first, then intermediate ones, without the root`);
  const [key] = read('local_key', KEYS, 'private key');
  return chain.length === 0 || !key ? undefined : { chain, key: new Secret(key) };
}

/** Our identity where a certificate proves it: given, or the only name that the certificate bears. */
function certificateIdentity(connection: Connection, given: Identity | undefined, certificate: Uint8Array, reader: CredentialReader | undefined): Identity | undefined {
  const text = connection.values.local_id;
  if (given) return given;
  const names = reader?.names(certificate);
  if (reader && !names) return undefined; // judged in words elsewhere
  if (text === SUBJECT) {
    if (!names?.subject) connection.error('local_id', `cannot be %subject: ${reader ? 'the certificate has an empty subject' : 'certificates cannot be read here'}`);
    return names?.subject;
  }
  const alternative = names?.alternative ?? [];
  const [only] = alternative;
  if (only && alternative.length === 1) return only;
  if (!connection.complete) return undefined;
  const choice = alternative.length === 0 ? 'local_cert bears no alternative name: give %subject, or have one put into it' : `local_cert bears several names: give ${oneOf(alternative.slice(0, 8).map((name) => quote(name.text)))}`;
  connection.error('local_id', `is missing, and ${choice}`);
  return undefined;
}

function identity(connection: Connection, option: 'local_id' | 'remote_id'): Identity | undefined {
  const text = connection.values[option];
  const result: Result<Identity | undefined> = text === undefined || (option === 'local_id' && text === SUBJECT) ? ok(undefined) : parseIdentity(text);
  if (!result.ok) connection.error(option, result.error);
  return result.ok ? result.value : undefined;
}

/** What is given and has no effect, as it stands. */
function warnUnused(connection: Connection, theirs: 'psk' | 'cert'): void {
  const { options } = connection.section;
  const { auth } = connection.values;
  const unused = (names: readonly (keyof (typeof SECTIONS)['connection'])[], why: string): void => {
    for (const name of names) if (options.has(name)) connection.warn(name, `has no effect: ${why}`);
  };
  if (auth === 'cert' && theirs === 'cert') unused(['psk', 'psk_file'], 'both sides use certificates');
  if (auth === 'psk') unused(['local_cert', 'local_key'], "'auth' is psk");
  if (theirs === 'psk') unused(['remote_ca', 'crl', 'clock_grace', 'tls_eku'], 'the peer uses the pre-shared key');
}

/** Identities and credentials of a connection; undefined when a part is missing or wrong, which has been reported then. */
export function readCredentials(connection: Connection, readFile: ReadFile, reader: CredentialReader | undefined): Credentials | undefined {
  const { values } = connection;
  const theirs = values.remote_auth ?? values.auth;
  const remoteId = identity(connection, 'remote_id');
  const given = identity(connection, 'local_id');
  warnUnused(connection, theirs);
  const psk = values.auth === 'psk' || theirs === 'psk' ? readPsk(connection, readFile) : undefined;
  const remote = theirs === 'cert' ? readRemote(connection, readFile, reader) : psk && ({ method: 'psk', psk } as const);
  if (theirs === 'cert' && values.role === 'initiator' && !connection.section.options.has('remote_id') && connection.complete) {
    connection.error('remote_id', "is missing: without it everybody with a certificate of 'remote_ca' could be the hub; give the name in the hub's certificate (or %any)");
  }
  if (values.auth === 'psk') {
    if (values.local_id === SUBJECT) connection.error('local_id', "cannot be %subject: 'auth' is psk, so there is no certificate of ours");
    return psk && remote ? { localId: given, remoteId, auth: { method: 'psk', psk }, remoteAuth: remote } : undefined;
  }
  const local = readLocal(connection, readFile);
  const [certificate] = local?.chain ?? [];
  if (!local || !certificate) return undefined;
  if (values.local_id === '%any') connection.error('local_id', 'cannot be %any: it says who we are');
  const localId = certificateIdentity(connection, given, certificate, reader);
  tell(connection, reader?.judgeLocal(local.chain, local.key, localId) ?? []);
  return localId && remote ? { localId, remoteId, auth: { method: 'cert', ...local }, remoteAuth: remote } : undefined;
}
