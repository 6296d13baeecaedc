import { ipFamily, millis, seconds, type IpFamily, type Millis, type ProbeTarget, type ProbeType } from '../base/index.ts';

/** What a row says of the probes of its type. */
export interface ProbeTypeRow {
  /** A probe that was not answered by then has failed. */
  readonly timeout: Millis;
  /** Octets of one answered probe, both ways, IP headers included; answers by their usual size. */
  readonly octets: (target: ProbeTarget, family: IpFamily) => number;
  /** What counts as an answer, for people. */
  readonly counts: string;
  /** Types that tell more are asked first in a round. */
  readonly rank: number;
}

const ipHeader = (family: IpFamily): number => (family === 4 ? 20 : 40);
const UDP_HEADER = 8;
/** Echo header and the 16 random octets in it. */
const ECHO = 8 + 16;
/** Header and question of a DNS message beside the name (RFC 1035 §4.1), and the one address of a usual answer. */
const DNS_FIXED = 12 + 2 + 4;
const DNS_RECORD = 16;
/** TCP headers with the options Linux sends: SYN and its answer, then ACK, FIN and their answers. */
const tcpOctets = (family: IpFamily): number => 2 * (ipHeader(family) + 40) + 4 * (ipHeader(family) + 32);
/** Our GET beside host and path, and the head of a 204. */
const HTTP_REQUEST = 80;
const HTTP_HEAD = 200;

/** Octets of one question with its answer. */
const dnsOctets = (name: string, family: IpFamily): number => 2 * (ipHeader(family) + UDP_HEADER + DNS_FIXED + name.length) + DNS_RECORD;

/** The probe types beside the IKE peer, which is always asked (`connection.ts`). A target is written as `config/probes.ts` reads it. */
export const PROBE_TYPES: { readonly [K in ProbeType]: ProbeTypeRow } = {
  http: {
    timeout: seconds(5), rank: 0, counts: 'a status of 204; a redirection, 200 with a body, or 511 is a captive portal',
    octets: (target, family) => {
      const isHttp = target.type === 'http';
      const data = HTTP_REQUEST + HTTP_HEAD + (isHttp ? target.host.length + target.path.length : 0) + 2 * (ipHeader(family) + 32);
      return tcpOctets(family) + data + (isHttp && target.address === undefined ? 2 * dnsOctets(target.host, family) : 0);
    },
  },
  dns: {
    timeout: seconds(3), rank: 1, counts: 'any well-formed answer to our question, also that the name does not exist',
    octets: (target, family) => dnsOctets(target.type === 'dns' ? target.name : '', family),
  },
  tcp: {
    // Long enough for one SYN to be lost: Linux sends the second after 1 s.
    timeout: millis(3500), rank: 1, counts: 'a connection; a refusal does not, since a firewall on the way refuses in the name of the target',
    octets: (_target, family) => tcpOctets(family),
  },
  icmp: {
    timeout: seconds(2), rank: 1, counts: 'an echo reply from the target with our identifier, sequence number and random octets',
    octets: (_target, family) => 2 * (ipHeader(family) + ECHO),
  },
};

/** Octets of one answered probe both ways; a target by name counts as IPv4. */
export function probeOctets(target: ProbeTarget): number {
  return PROBE_TYPES[target.type].octets(target, target.address === undefined ? 4 : ipFamily(target.address));
}
