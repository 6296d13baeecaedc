import { test, type TestContext } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toHex, type JsonObject } from '../../src/base/index.ts';
import { asObject, decodeMessage, encodeFields, UBUS_MESSAGE, type UbusMessage } from '../../src/codec/ubus/index.ts';
import { capture, recordedJson } from '../golden/ubus/captures.ts';
import { defaultVia, NetifdStandIn, type SimInterface } from './netifd.ts';
import { UbusPeer } from './ubus-peer.ts';
import { Ubusd } from './ubusd.ts';

async function network(t: TestContext): Promise<{ netifd: NetifdStandIn; peer: UbusPeer; path: string; ubusd: Ubusd }> {
  const directory = mkdtempSync(join(tmpdir(), 'ubus-'));
  const path = join(directory, 'ubus.sock');
  const ubusd = new Ubusd();
  await ubusd.start(path);
  const netifd = new NetifdStandIn();
  await netifd.start(path);
  const peer = await UbusPeer.open(path);
  t.after(async () => {
    peer.close();
    await netifd.kill();
    await ubusd.stop();
    rmSync(directory, { recursive: true });
  });
  return { netifd, peer, path, ubusd };
}

/** The network the captures were made in, in the words of the stand-in. */
function recordedNetwork(dump: JsonObject): { [name: string]: SimInterface } {
  const uptime = (name: string): number => {
    const all = dump['interface'] as readonly JsonObject[];
    return (all.find((status) => status['interface'] === name)?.['uptime'] as number | undefined) ?? 0;
  };
  const prefix = (address: string): JsonObject => ({ address, mask: 60, 'local-address': { address: `${address}1`, mask: 60 } });
  return {
    cell: {
      up: true, autostart: false, uptime: uptime('cell'), proto: 'dhcp', device: 'eth2', metric: 30, addresses: ['100.64.3.105/24'], routes: [defaultVia('100.64.3.1', '100.64.3.105/32')], dns: ['100.64.3.1'],
      dnsSearch: ['cell.example'], data: { dhcpserver: '100.64.3.1', leasetime: 120 }, errors: [{ subsystem: 'dhcp', code: 'NO_CARRIER_CARD', data: ['detail1'] }],
    },
    lan: { up: true, uptime: uptime('lan'), device: 'eth0', updated: ['addresses'], addresses: ['192.168.1.1/24'], prefixAssignments: [prefix('2001:db8:100::'), prefix('fd12:3456:789a::')] },
    loopback: { up: true, uptime: uptime('loopback'), device: 'lo', updated: ['addresses'], addresses: ['127.0.0.1/8'] },
    wan: { up: true, uptime: uptime('wan'), device: 'eth1', updated: ['addresses', 'routes'], metric: 10, addresses: ['203.0.113.2/24'], routes: [defaultVia('203.0.113.1')], dns: ['203.0.113.1'] },
    wan6: {
      up: true, uptime: uptime('wan6'), device: 'eth1', updated: ['addresses', 'routes', 'prefixes'], metric: 10, addresses: ['2001:db8:1::2/64'], routes: [defaultVia('2001:db8:1::1')], dns: ['2001:db8:1::53'],
      prefixes: [{ address: '2001:db8:100::', mask: 56, class: 'wan6', assigned: { lan: { address: '2001:db8:100::', mask: 60 } } }],
    },
    wwan: { up: true, uptime: uptime('wwan'), device: 'wwan0', updated: ['addresses', 'routes'], metric: 20, addresses: ['198.51.100.2/24'], routes: [defaultVia('198.51.100.1')], dns: ['198.51.100.53'] },
  };
}

/** DATA of the answer to the call in a capture. */
function recordedAnswer(name: string, nth = 0): JsonObject {
  const answers = capture(`wire/${name}`).map((line) => (line.kind === 'to-client' ? decodeMessage(line.bytes) : undefined));
  return answers.filter((message) => message?.type === UBUS_MESSAGE.DATA && message.attrs.data !== undefined)[nth]?.attrs.data ?? assert.fail();
}

test('contract: told of the same network, the stand-in answers dump and status in the octets netifd did', async (t) => {
  const { netifd, peer } = await network(t);
  const dump = recordedAnswer('call-dump');
  for (const [name, it] of Object.entries(recordedNetwork(dump))) await netifd.set(name, it);
  const live = (await peer.call('network.interface', 'dump')).data ?? assert.fail();
  assert.deepEqual(live, dump);
  assert.equal(toHex(encodeFields(live)), toHex(encodeFields(dump)));

  const wan = (await peer.call('network.interface.wan', 'status')).data ?? {};
  assert.equal(toHex(encodeFields({ ...wan, uptime: 0 })), toHex(encodeFields({ ...recordedJson('status-wan'), uptime: 0 })));
  await netifd.set('wwan', { up: false, autostart: false, device: 'wwan0' });
  assert.deepEqual((await peer.call('network.interface.wwan', 'status')).data, recordedJson('status-wwan-down'));
  await netifd.set('cell', { up: false, pending: true, proto: 'dhcp', device: 'eth2' });
  assert.deepEqual((await peer.call('network.interface', 'status', { interface: 'cell' })).data, recordedJson('status-cell-pending'));
  const inactive = { ...recordedNetwork(dump)['wwan'], up: true, uptime: 5, routes: [], dns: ['198.51.100.1'], inactiveRoutes: [defaultVia('198.51.100.1')] };
  await netifd.set('wwan', inactive);
  assert.deepEqual((await peer.call('network.interface.wwan', 'status')).data, recordedJson('status-wwan-defaultroute0-peerdns0'));
});

test('contract: devices and errors', async (t) => {
  const { netifd, peer } = await network(t);
  netifd.device('eth1', { present: true, active: true, linkActive: false });
  const recorded = recordedJson('device-status-eth1-no-carrier');
  const live = (await peer.call('network.device', 'status', { name: 'eth1' })).data ?? assert.fail();
  assert.deepEqual(Object.entries(live), Object.entries(recorded).slice(0, Object.keys(live).length));
  assert.equal(asObject((await peer.call('network.device', 'status')).data?.['eth1'])?.['carrier'], false);
  const errors = capture('wire/call-errors').map((line) => (line.kind === 'to-client' ? decodeMessage(line.bytes) : undefined)).filter((message) => message?.type === UBUS_MESSAGE.STATUS && message.seq === 2);
  await netifd.set('wan', { up: true, device: 'eth1' });
  const calls: [string, string, JsonObject][] = [
    ['network.interface', 'nosuchmethod', {}], ['network.interface.wan', 'nosuchmethod', {}], ['network.interface', 'status', {}], ['network.interface', 'status', { interface: 5 }],
    ['network.interface', 'status', { interface: 'nope' }], ['network.device', 'status', { name: 'nope0' }], ['network.interface.wan', 'notify_proto', { action: 0 }],
  ];
  const live2: number[] = [];
  for (const [path, method, args] of calls) live2.push((await peer.call(path, method, args)).status);
  assert.deepEqual(live2, errors.map((message) => message?.attrs.status));
});

/** Interface events and notifications of a netifd connection, as words. */
function words(messages: readonly (UbusMessage | undefined)[], name: string): string[] {
  const out: string[] = [];
  for (const message of messages) {
    const data = message?.attrs.data;
    const event = asObject(data?.['data']);
    if (message?.type === UBUS_MESSAGE.INVOKE && message.attrs.method === 'send' && event?.['interface'] === name) out.push(`event ${String(event['action'])}`);
    if (message?.type === UBUS_MESSAGE.NOTIFY && data?.['interface'] === name) out.push(`notify ${message.attrs.method ?? ''} ${Object.keys(data).slice(0, 3).join(',')} up=${String(data['up'])} noReply=${String(message.attrs.noReply)}`);
  }
  return out;
}

test('contract: an explicit down and up is said in the words and order netifd used', async (t) => {
  const { netifd } = await network(t);
  const up: SimInterface = { up: true, device: 'wwan0', metric: 20, addresses: ['198.51.100.2/24'], routes: [defaultVia('198.51.100.1')] };
  await netifd.set('wwan', up);
  const before = netifd.sent.length;
  await netifd.set('wwan', { up: false, autostart: false, device: 'wwan0' }, { twice: true });
  await netifd.set('wwan', up);
  const recorded = capture('wire/netifd-reconnect-and-served-calls').filter((line) => line.kind === 'to-server').map((line) => decodeMessage(line.bytes));
  const want = words(recorded, 'wwan');
  assert.equal(want.length, 9);
  assert.deepEqual(words(netifd.sent.slice(before).map(decodeMessage), 'wwan'), want);
});

test('the stand-in connects again when ubusd restarts, with new object ids and no event', async (t) => {
  const { netifd, path, ubusd, peer } = await network(t);
  netifd.reconnectInterval = 20;
  await netifd.set('wan', { up: true, device: 'eth1' });
  await ubusd.stop();
  await peer.closed;
  await ubusd.start(path);
  const again = await UbusPeer.open(path);
  t.after(() => again.close());
  for (let i = 0; i < 200 && !ubusd.broker.paths.includes('network.interface.wan'); i++) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal((await again.call('network.interface.wan', 'status')).data?.['up'], true);
  assert.deepEqual(words(netifd.sent.map(decodeMessage), 'wan'), []);
});
