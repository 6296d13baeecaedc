// Documents as the daemon gives them, for the tests of mobikectl.
import type { Json, JsonObject } from '../../src/base/index.ts';

const connections: Json = [
  {
    name: 'hq', role: 'initiator', state: 'established', peer: 'vpn.example.com', remote: '203.0.113.1:4500', uplink: 'wan',
    path: { local: '198.51.100.2:4500', remote: '203.0.113.1:4500', uplink: 'wan', mtu: 1480 }, nat: 'local', encapsulation: 'udp', mobike: true, established_ms: 723_000,
    auth: 'cert, peer psk', forced: 'wan', forced_ms: 7_080_000, virtual_ips: ['10.99.0.2', 'fd99::2'], virtual_dns: ['10.0.0.53'],
    ike: { spi_i: '0123456789abcdef', spi_r: 'fedcba9876543210', proposal: 'aes256gcm16-prfsha256-x25519', rekey_ms: 13_200_000 },
    children: [
      { name: 'lan', state: 'installed', spi_in: 0xc0ffee01, spi_out: 0x00badcaf, proposal: 'aes256gcm16-esn', local_ts: ['192.168.7.0/24', 'fd00:7::/64'], remote_ts: ['10.0.0.0/8'], rx_packets: 1_234_567, rx_bytes: 1_610_612_736, tx_packets: 42, tx_bytes: 5040, rekey_ms: 3_000_000 },
    ],
    reason: null,
  },
  { name: 'lab', role: 'initiator', state: 'waiting', peer: null, remote: 'lab.example.com', uplink: null, path: null, nat: null, mobike: false, established_ms: null, ike: null, children: [], auth: 'psk', virtual_ips: [], virtual_dns: [], reason: 'no answer, next try in 8 s' },
];

const uplinks: Json = [
  { name: 'wan', device: 'eth1', up: true, state: 'up', reason: null, metric: 10, metered: false, addresses: ['198.51.100.2', '2001:db8:1::2'], families: [4, 6], bypass: ['198.51.100.53/32', '2001:db8:53::/48'], used_by: ['hq'], keepalive: { state: 'learned', interval_ms: 48_000, safe_ms: 53_412, too_long_ms: 61_200 }, paths: [{ connection: 'hq', state: 'proven', rtt_ms: 21.4, last_answer_ms: 900 }] },
  { name: 'lte', device: 'wwan0', up: true, state: 'up', reason: null, metric: 20, metered: true, addresses: ['10.64.3.9'], families: [4], bypass: [], used_by: [], keepalive: { state: 'learning', interval_ms: 20_000, safe_ms: null, too_long_ms: null }, paths: [{ connection: 'hq', state: 'unknown', rtt_ms: null, last_answer_ms: null }] },
  { name: 'dsl', device: 'pppoe-dsl', up: false, state: 'down', reason: 'no_carrier', metric: 30, metered: false, addresses: [], families: [], used_by: [], keepalive: { state: 'given', interval_ms: 25_000, safe_ms: 30_000, too_long_ms: null }, paths: [] },
];

/** Two events; the clock was not set when the first one happened. */
export const events: JsonObject[] = [
  { boot_id: 'b', seq: 1, time: '1970-01-01T00:00:05.250Z', time_synced: false, uptime_ms: 12, event: { type: 'daemon.started', version: '0.1.0' }, text: 'mobiked 0.1.0 started' },
  { boot_id: 'b', seq: 2, time: '2026-11-21T08:00:01.123Z', time_synced: true, uptime_ms: 1650, event: { type: 'connection.established', connection: 'hq' }, text: 'hq is established over wan' },
];

export const DOCUMENTS: { readonly [command: string]: Json } = {
  status: { version: '0.1.0', node_id: 'router-7', boot_id: 'b', uptime_ms: 93_784_000, connections, uplinks, mqtt: [{ name: 'report', state: 'connected', queued: 0, dropped: 1200 }], dataplane: 'userspace' },
  uplinks,
  connections,
  events,
  explain: [
    {
      connection: 'hq', state: 'up', chosen: 'wan', remote: '203.0.113.1', forced: null, doubtful: null, why: 'wan is in use: no other uplink has a better metric (10)', reasons: ['better_metric'], trigger: 'path.answered', age_ms: 65_000,
      would: { to: 'wan', reasons: ['keep'] },
      uplinks: [
        { name: 'wan', metric: 10, state: 'current', why: '', waits_ms: null, rtt_ms: 21.4, answered_ms: 900, failures_count: 0, lacks: '', text: 'wan: up, answered 900 ms ago in 21 ms, in use' },
        { name: 'lte', metric: 20, state: 'proven', why: '', waits_ms: null, rtt_ms: 61, answered_ms: 12_000, failures_count: 0, lacks: 'not used because wan (metric 10) is preferred', text: 'lte: up, answered 12 s ago in 61 ms, not used because wan (metric 10) is preferred' },
        { name: 'dsl', metric: null, state: 'excluded', why: 'no_carrier', waits_ms: null, rtt_ms: null, answered_ms: null, failures_count: 0, lacks: 'no carrier', text: 'dsl: cannot be used: no carrier' },
      ],
      decisions: [
        { time: '2026-11-21T08:05:00.000Z', time_synced: true, age_ms: 65_000, from: 'lte', to: 'wan', reasons: ['better_metric', 'proven'], trigger: 'path.answered', evidence: 'wan had answered 10 ms before in 21 ms', result: 'moved', took_ms: 64, text: 'lte -> wan: wan is preferred and has proven itself (the peer answered; wan had answered 10 ms before in 21 ms); done in 64 ms' },
        { time: '2026-11-21T08:01:00.000Z', time_synced: true, age_ms: 305_000, from: null, to: 'lte', reasons: ['no_current', 'unproven'], trigger: 'facts.observed', evidence: '', result: 'established', took_ms: 212, text: 'none -> lte: there was no tunnel (the system told it); set up in 212 ms' },
      ],
    },
    { connection: 'lab', state: 'backoff', chosen: null, remote: null, forced: null, doubtful: null, why: 'there is no tunnel (backoff): no usable answer to IKE_SA_INIT', reasons: ['no_candidate'], trigger: null, age_ms: null, would: { to: null, reasons: [] }, uplinks: [], decisions: [] },
  ],
  up: null,
  down: { text: "connection 'hq' goes down" },
  switch: { text: 'hq moves to lte' },
  'switch-peers': { text: '3 peers are asked to come to 192.0.2.2; 1 cannot be' },
  rekey: {},
  reload: { problems: ["/etc/config/mobiked:3: warning: mobiked 'main': option 'log_levl': is unknown and ignored; did you mean 'log_level'?"] },
};
