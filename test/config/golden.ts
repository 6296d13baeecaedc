// Golden files of configurations: `-- Source --`, `-- Input --` (UCI text), `-- Expect --` (problems, what is left out, the
// config as people read it). GOLDEN=write rewrites the last part.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { formatEndpoint, formatPrefix, ip, toHex, toUtf8 } from '../../src/base/index.ts';
import { formatProblem, type Config, type ConnectionConfig, type LoadedConfig, type ReadFile, type SuiteProposal, type UplinkConfig } from '../../src/config/index.ts';

const FOLDER = 'test/golden/config';

export interface Golden {
  readonly name: string;
  readonly source: string;
  readonly input: string;
  readonly expect: string;
}

export function goldens(): Golden[] {
  return readdirSync(FOLDER).filter((name) => name.endsWith('.txt')).sort().map((name) => {
    const text = readFileSync(`${FOLDER}/${name}`, 'utf8');
    const [head = '', expect = ''] = text.split('-- Expect --\n');
    const [source = '', input = ''] = head.split('-- Input --\n');
    return { name, source: source.replace('-- Source --\n', '').trim(), input, expect };
  });
}

export function write(golden: Golden, expect: string): void {
  writeFileSync(`${FOLDER}/${golden.name}`, `-- Source --\n${golden.source}\n-- Input --\n${golden.input}-- Expect --\n${expect}`);
}

const pem = (label: string, octets: number): string => `-----BEGIN ${label}-----\n${Buffer.from(Uint8Array.of(0x30, ...new Array<number>(octets - 1).fill(7))).toString('base64')}\n-----END ${label}-----\n`;

/** The files the goldens speak of: name to text; `open/` is world-readable. */
const FILES: { readonly [path: string]: string } = {
  '/etc/mobiked/hq.psk': 'sixteen octets!!-and-more\n',
  '/etc/mobiked/short.psk': 'fifteen octets!\n',
  '/etc/mobiked/hex.psk': '0x000102030405060708090a0b0c0d0e0f\r\n',
  '/etc/mobiked/open/hq.psk': 'sixteen octets!!',
  '/etc/mobiked/mqtt.password': 'swordfish\n',
  '/etc/mobiked/empty': '\n',
  '/etc/mobiked/cert.pem': `two certificates, as a CA hands them out:\n${pem('CERTIFICATE', 300)}${pem('CERTIFICATE', 200)}`,
  '/etc/mobiked/many.pem': pem('CERTIFICATE', 150).repeat(5),
  '/etc/mobiked/cert.key': pem('PRIVATE KEY', 100),
  '/etc/mobiked/open/cert.key': `${pem('EC PARAMETERS', 10)}${pem('EC PRIVATE KEY', 99)}`,
  '/etc/mobiked/encrypted.key': pem('ENCRYPTED PRIVATE KEY', 100),
  '/etc/mobiked/old-encrypted.key': '-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n',
  '/etc/mobiked/ca.pem': pem('CERTIFICATE', 400),
  '/etc/mobiked/ca.crl': pem('X509 CRL', 500),
  '/etc/ssl/internet.pem': pem('CERTIFICATE', 130).repeat(17),
  '/etc/ssl/ca.pem': '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
};

export const readFile: ReadFile = (path) => {
  const text = FILES[path];
  return text === undefined ? { ok: false, error: 'No such file or directory' } : { ok: true, value: { octets: toUtf8(text), worldReadable: path.includes('/open/') } };
};

const suite = (p: SuiteProposal): string => {
  const integ = p.integ.length > 0 ? ` integ ${p.integ}` : '';
  return `${p.text} = encr ${p.encr.map((e) => `${e.id}/${e.keyLength}`)} prf ${p.prf}${integ} groups ${p.groups} esn ${p.esn}`;
};

/** One word where both sides use the same key, else each side's. */
function authText({ auth, remoteAuth }: ConnectionConfig): string {
  const ours = auth.method === 'psk' ? `psk ${auth.psk.length} octets` : `cert ${auth.chain.map((c) => c.length)} key ${auth.key.length} octets`;
  const theirs = remoteAuth.method === 'psk' ? `psk ${remoteAuth.psk.length} octets` : `ca ${remoteAuth.anchors.map((c) => c.length)} crl ${remoteAuth.crls.map((c) => c.length)} clock_grace ${remoteAuth.clockGrace} tls_eku ${remoteAuth.allowTlsUsage}`;
  return ours === theirs ? ours : `${ours}, peer ${theirs}`;
}

/** Targets of probes, where there are some. */
const probingText = ({ probing }: UplinkConfig): string => (probing.targets.length === 0 ? '' : `, probes ${probing.targets.map((target) => target.text).join(', ')}: ${probing.quorum} of them every ${probing.interval} ms`);

/** The bypass list, where there is one. */
const bypassText = ({ bypass }: UplinkConfig): string => (bypass.prefixes.length + bypass.servers.length === 0 ? '' : `, bypass ${[...bypass.prefixes.map(formatPrefix), ...bypass.servers].join(' ')}`);

/** What differs from the defaults. */
function extras(c: ConnectionConfig): string[] {
  const limits = `limits octets ${c.childOctets} packets ${c.childPackets} reauth ${c.reauth} fragmentation ${c.fragmentation}`;
  const vips = `request_vip ${c.requestVip} pool ${c.pools.map(formatPrefix)} dns ${c.poolDns}`;
  const outer = `df ${c.df} copy_dscp ${c.copyDscp}`;
  return [...(outer === 'df clear copy_dscp false' ? [] : [`  ${outer}`]), ...(limits === 'limits octets undefined packets undefined reauth undefined fragmentation true' ? [] : [`  ${limits}`]), ...(vips === 'request_vip  pool  dns ' ? [] : [`  ${vips}`])];
}

function configLines({ main, uplinks, connections, mqtt }: Config): string[] {
  const out = [`main: enabled ${main.enabled}, log ${main.logLevel}, node ${main.nodeId}`];
  if (!uplinks) out.push('uplinks: every interface with a default route');
  else out.push(...uplinks.map((u) => `uplink ${u.name}: enabled ${u.enabled}, interface ${u.interface}, device ${u.device}, metric ${u.metric}, metered ${u.metered}${u.lastResort ? ', last_resort' : ''}${u.schedule.map(({ text }) => `, schedule ${text}`).join('')}${u.keepalive === undefined ? '' : `, keepalive ${u.keepalive} ms`}${bypassText(u)}${probingText(u)}`));
  for (const c of connections) {
    out.push(
      `connection ${c.name}: enabled ${c.enabled}, ${c.role}, mobike ${c.mobike}, nat_t ${c.natT}, dataplane ${c.dataplane}, mtu ${c.mtu}, block_on_stop ${c.blockOnStop}`,
      `  remote ${c.remoteAddrs.map((r) => (r.kind === 'name' ? `name ${r.name}` : r.address))} local ${c.localAddrs} uplinks ${c.uplinks}`,
      `  id ${c.localId && `${c.localId.idType} ${toHex(c.localId.data)}`} peer ${c.remoteId && `${c.remoteId.idType} ${toHex(c.remoteId.data)}`} ${authText(c)}`,
      ...extras(c),
      `  lifetimes ${c.ikeLifetime} ${c.childLifetime} liveness ${c.liveness} ms`,
      ...c.ikeProposals.map((p) => `  ike ${suite(p)}`),
      ...c.children.flatMap((child) => [
        `  child ${child.name}: ${child.localTs.map(formatPrefix)} === ${child.remoteTs.map(formatPrefix)}`,
        ...child.espProposals.map((p) => `    esp ${suite(p)}`),
      ]),
    );
  }
  for (const m of mqtt) {
    const where = m.host.includes(':') ? formatEndpoint({ address: ip(m.host), port: m.port }) : `${m.host}:${m.port}`;
    out.push(`mqtt ${m.name}: enabled ${m.enabled}, tls ${m.tls}, ${where}, ca ${m.ca?.length} characters, user ${m.username}, password ${m.password?.length} octets, ${m.topicPrefix}, ${m.interval} ms, via ${m.via}, queue ${m.queue}`);
  }
  return out;
}

export function render(loaded: LoadedConfig): string {
  return [...loaded.problems.map(formatProblem), `broken: ${loaded.broken.join(', ')}`, ...configLines(loaded.config), ''].join('\n');
}
