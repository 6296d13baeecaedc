import { err, ipFamily, isUnusableIp, ok, parseIp, seconds, type IpAddress, type Millis, type ProbeTarget, type ProbeType, type Result } from '../base/index.ts';
import { quote } from './problems.ts';
import { isHostName, parseNumber } from './values.ts';

/** Pace of probes where nobody gives one: on lines that cost nothing, and on metered ones. */
const INTERVAL: Millis = seconds(60);
const INTERVAL_METERED: Millis = seconds(300);

/** How a target of each type is written. */
const FORMS: { readonly [K in ProbeType]: string } = {
  icmp: 'icmp ADDRESS',
  dns: 'dns ADDRESS NAME',
  tcp: 'tcp ADDRESS PORT',
  http: 'http http://HOST[:PORT]/PATH',
};

const PARSERS: { readonly [K in ProbeType]: (words: readonly string[], text: string) => Result<ProbeTarget> } = {
  icmp: ([address = '', ...rest], text) => {
    const to = parseTarget(address);
    if (rest.length > 0) return err(`${quote(text)} has too much behind the address; write ${FORMS.icmp}`);
    return to.ok ? ok({ type: 'icmp', text, address: to.value }) : to;
  },
  dns: ([address = '', name = '', ...rest], text) => {
    const to = parseTarget(address);
    if (!to.ok) return to;
    if (rest.length > 0 || !isHostName(name)) return err(`${quote(text)} is no question; write ${FORMS.dns}, such as dns ${address} example.com`);
    return ok({ type: 'dns', text, address: to.value, name });
  },
  tcp: ([address = '', port = '', ...rest], text) => {
    const to = parseTarget(address);
    if (!to.ok) return to;
    const number = parsePort(port);
    return rest.length > 0 || number === undefined ? err(`${quote(text)} has no valid port; write ${FORMS.tcp}, the port from 1 to 65535`) : ok({ type: 'tcp', text, address: to.value, port: number });
  },
  http: ([url = '', ...rest], text) => {
    if (rest.length > 0) return err(`${quote(text)} has too much behind the URL; write ${FORMS.http}`);
    return parseUrl(url, text);
  },
};

const isProbeType = (word: string): word is ProbeType => Object.hasOwn(PARSERS, word);

function parseTarget(text: string): Result<IpAddress> {
  const address = parseIp(text);
  if (address === undefined) return err(`${quote(text)} is no IP address; give one such as 198.51.100.1 or 2001:db8::1`);
  return isUnusableIp(address) ? err(`${quote(text)} cannot be asked through an uplink (unspecified, loopback, link-local or multicast)`) : ok(address);
}

function parsePort(text: string): number | undefined {
  const port = parseNumber(text, 5);
  return port !== undefined && port >= 1 && port <= 65_535 ? port : undefined;
}

/** `http://HOST[:PORT][/PATH]`; printable ASCII alone, since it goes out as it stands. */
function parseUrl(url: string, text: string): Result<ProbeTarget> {
  const right = `write ${FORMS.http}, IPv6 addresses in brackets`;
  if (url.startsWith('https://')) return err(`${quote(text)}: a captive portal shows itself without TLS only; ${right}`);
  if (!url.startsWith('http://') || url.includes('@') || url.includes('#') || [...url].some((char) => char < '!' || char > '~')) return err(`${quote(text)} is no http URL; ${right}`);
  const rest = url.slice('http://'.length);
  const slash = rest.indexOf('/');
  const authority = slash < 0 ? rest : rest.slice(0, slash);
  const bracket = authority.startsWith('[') ? authority.indexOf(']') : -1;
  const colon = authority.indexOf(':', Math.max(0, bracket));
  const hostEnd = colon < 0 ? authority.length : colon;
  const host = bracket > 0 ? authority.slice(1, bracket) : authority.slice(0, hostEnd);
  const address = parseIp(host);
  const isRight = bracket > 0 ? hostEnd === bracket + 1 && address !== undefined && ipFamily(address) === 6 : address === undefined ? isHostName(host) : ipFamily(address) === 4;
  if (!isRight || (address !== undefined && isUnusableIp(address))) return err(`${quote(text)} has no valid host; ${right}`);
  const port = colon < 0 ? 80 : parsePort(authority.slice(colon + 1));
  if (port === undefined) return err(`${quote(text)} has no valid port; ${right}`);
  return ok({ type: 'http', text, host: address ?? host, address, port, path: slash < 0 ? '/' : rest.slice(slash) });
}

/** One target of `list probe`: its type, then what the type needs. */
export function parseProbe(text: string): Result<ProbeTarget> {
  const [type = '', ...words] = text.split(' ').filter((word) => word !== '');
  if (!isProbeType(type)) return err(`${quote(text)} is no probe; write ${Object.values(FORMS).join(', ')}`);
  return PARSERS[type](words, [type, ...words].join(' '));
}

/** The pace of an uplink's probes: what the user gives, else 60 s, metered 300 s. */
export function probeInterval(given: number | undefined, metered: boolean): Millis {
  if (given !== undefined) return seconds(given);
  return metered ? INTERVAL_METERED : INTERVAL;
}
