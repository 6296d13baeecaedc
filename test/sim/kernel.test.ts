import { test } from 'node:test';
import assert from 'node:assert/strict';
import { parsePrefix, type IpPrefix } from '../../src/base/index.ts';
import type { KernelInput, KernelOp, WantedRoute } from '../../src/ports/index.ts';
import { ERRNO, FakeKernel } from './kernel.ts';
import { ip } from './script-core.ts';

const prefix = (text: string): IpPrefix => parsePrefix(text) ?? assert.fail(text);
const route = (destination: string, ifindex: number | undefined, metric: number): WantedRoute => ({
  destination: prefix(destination), via: ifindex === undefined ? { kind: 'unreachable' } : { kind: 'device', ifindex }, metric, prefSrc: undefined,
});

function kernelWithWan(): { kernel: FakeKernel; wan: number; told: KernelInput[] } {
  const kernel = new FakeKernel();
  const wan = kernel.addLink('wan0');
  kernel.addAddress(wan, ip('192.168.1.2'), 24);
  kernel.addAddress(wan, ip('2001:db8:1::2'), 64);
  kernel.addDefault(wan, ip('192.168.1.1'), 10);
  kernel.addDefault(wan, undefined, 10, 6);
  const told: KernelInput[] = [];
  kernel.watch((input) => told.push(input));
  told.length = 0;
  return { kernel, wan, told };
}

test('it renders as sorted text', () => {
  const { kernel, wan } = kernelWithWan();
  kernel.apply([{ op: 'route.add', route: route('10.2.0.0/16', undefined, 5000) }]);
  kernel.setLink(wan, { carrier: false });
  assert.equal(kernel.dump(), [
    'address 192.168.1.2/24 dev wan0',
    'address 2001:db8:1::2/64 dev wan0',
    'link wan0 up no-carrier mtu 1500',
    'route 10.2.0.0/16 unreachable metric 5000 proto mobiked',
    'route 192.168.1.0/24 dev wan0 metric 0 src 192.168.1.2',
    'route 2001:db8:1::/64 dev wan0 metric 0 src 2001:db8:1::2',
    'route default(4) dev wan0 via 192.168.1.1 metric 10',
    'route default(6) dev wan0 metric 10',
  ].join('\n'));
});

test('a snapshot holds every link and address, but of routes only defaults and ours', () => {
  const { kernel } = kernelWithWan();
  const snapshot = kernel.snapshot();
  assert.deepEqual(snapshot.links.map((l) => l.name), ['lo', 'wan0']);
  assert.equal(snapshot.addresses.length, 3);
  assert.deepEqual(snapshot.routes.map((r) => r.destination.length), [0, 0]);
});

test('the last IPv4 address takes the IPv4 routes with it, and nobody is told', () => {
  const { kernel, wan, told } = kernelWithWan();
  kernel.removeAddress(wan, ip('192.168.1.2'));
  assert.deepEqual(told.map((t) => t.type), ['kernel.address']);
  assert.equal(kernel.hasDefault(wan, 4), false);
  assert.equal(kernel.hasDefault(wan, 6), true);
});

test('a device that goes down loses its routes: IPv6 is announced, IPv4 is not; a removed one loses its addresses too', () => {
  const { kernel, wan, told } = kernelWithWan();
  kernel.setLink(wan, { up: false });
  assert.deepEqual(told.map((t) => (t.type === 'kernel.route' ? `${t.type} ${t.change} ${t.route.family}` : t.type)), ['kernel.link', 'kernel.route removed 6']);
  assert.equal(kernel.lookup(ip('203.0.113.1')).kind, 'none');
  told.length = 0;
  kernel.removeLink(wan);
  assert.deepEqual(told.map((t) => t.type), ['kernel.address', 'kernel.address', 'kernel.link']);
});

test('lookup: longest prefix, then lowest metric; unreachable holds when the tunnel is gone', () => {
  const { kernel, wan } = kernelWithWan();
  const tun = kernel.addLink('mobiked0', { tun: true });
  kernel.apply([{ op: 'route.add', route: route('10.2.0.0/16', undefined, 5000) }, { op: 'route.add', route: route('10.2.0.0/16', tun, 50) }]);
  assert.deepEqual(kernel.lookup(ip('10.2.3.4')), { kind: 'device', ifindex: tun, prefSrc: undefined });
  assert.deepEqual(kernel.lookup(ip('203.0.113.1')), { kind: 'device', ifindex: wan, prefSrc: undefined });
  kernel.removeLink(tun);
  assert.deepEqual(kernel.lookup(ip('10.2.3.4')), { kind: 'unreachable' });
});

test('it refuses what Linux refuses, and goes on', () => {
  const { kernel, wan } = kernelWithWan();
  const down = kernel.addLink('down0', { up: false });
  const good = route('10.2.0.0/16', wan, 50);
  const rows: [KernelOp, number][] = [
    [{ op: 'route.add', route: good }, 0],
    [{ op: 'route.add', route: { ...good, via: { kind: 'unreachable' } } }, ERRNO.EEXIST],
    [{ op: 'route.add', route: route('10.3.0.0/16', 77, 50) }, ERRNO.ENODEV],
    [{ op: 'route.add', route: route('10.3.0.0/16', down, 50) }, ERRNO.ENETDOWN],
    [{ op: 'route.add', route: { ...route('10.3.0.0/16', wan, 50), prefSrc: ip('10.9.9.9') } }, ERRNO.EINVAL],
    [{ op: 'route.add', route: { ...route('10.3.0.0/16', wan, 50), destination: { address: ip('10.3.0.1'), length: 16 } } }, ERRNO.EINVAL],
    [{ op: 'route.delete', route: route('10.4.0.0/16', wan, 50) }, ERRNO.ESRCH],
    [{ op: 'link.set', ifindex: 77, up: true, mtu: 1400 }, ERRNO.ENODEV],
    [{ op: 'route.delete', route: good }, 0],
  ];
  const failures = kernel.apply(rows.map(([op]) => op));
  assert.deepEqual(failures.map((f) => f.errno), rows.map(([, errno]) => errno).filter((e) => e !== 0));
  kernel.refuse = (op) => (op.op === 'route.add' ? ERRNO.EINVAL : undefined);
  assert.equal(kernel.apply([{ op: 'route.add', route: good }])[0]?.errno, ERRNO.EINVAL);
});
